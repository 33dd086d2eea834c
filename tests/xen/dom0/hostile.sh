#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hostile.sh - in dom0: a guest that lies, beside one that does not
. /nb/tests/xen/dom0/lib.sh
. /nb/tests/xen/dom0/suite.sh
. /nb/tests/xen/dom0/traffic.sh
. /nb/tests/xen/dom0/lives.sh
. /nb/tests/xen/dom0/lies.sh
. /nb/tests/xen/dom0/former.sh
ok 'vector registers survive: the emulation is sound' \
	"$B/tests/xen/dom0/vectors" 2 4
ok 'xenstored and its like are up' xen_up xenstored
ok 'netbackd is up' netback_up
guest two 3
ok 'an honest guest' create two
ok 'answers' answers 10.0.0.3
lies two
former
ok 'xl destroy of the liar' xl destroy liar
ok 'xl destroy of the honest one' xl destroy two
ok 'nothing of a vif is left in the store' within 10 store_clean
ok 'nor a device' within 10 no_vifs
ok 'nor a domain' within 10 no_zombies
nothing_left "$LIAR: "
note end
done_testing
