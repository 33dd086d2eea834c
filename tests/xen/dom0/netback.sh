#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# netback.sh - in dom0: netbackd is the backend of all vifs
. /nb/tests/xen/dom0/lib.sh
. /nb/tests/xen/dom0/suite.sh
. /nb/tests/xen/dom0/modes.sh
. /nb/tests/xen/dom0/traffic.sh
. /nb/tests/xen/dom0/lives.sh
ok 'vector registers survive: the emulation is sound' \
	"$B/tests/xen/dom0/vectors" 4 4
ok 'xenstored and its like are up' xen_up xenstored
modprobe xen-netback
ok 'netbackd does not start beside the kernel'\''s backend' \
	sh -c 'netbackd 2>&1 | grep "rmmod xen-netback"'
ok 'netbackd is up' netback_up
export TWO_VCPUS=2
two_guests
hotplug_effects
firewall_effects
mac_is_guarded
traffic
queues
kills "${N:-5}"
kills_in_traffic "${N:-5}"
rebind
modes
attach_detach "${N:-20}"
create_destroy "${N:-10}"
save_restore
passes 'after save and restore'
death_while_leaving
bells_for_something
all_gone
nothing_left
note end
done_testing
