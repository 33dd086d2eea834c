#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# netback.sh - in dom0: netbackd is the backend of all vifs
. /nb/tests/xen/dom0/lib.sh
. /nb/tests/xen/dom0/suite.sh
. /nb/tests/xen/dom0/modes.sh
. /nb/tests/xen/dom0/traffic.sh
. /nb/tests/xen/dom0/lives.sh
. /nb/tests/xen/dom0/direct.sh
ok 'vector registers survive: the emulation is sound' \
	"$B/tests/xen/dom0/vectors" 4 4
ok 'xenstored and its like are up' xen_up xenstored --trace-file $TRACE
modprobe xen-netback
ok 'netbackd does not start beside the kernel'\''s backend' \
	sh -c 'netbackd 2>&1 | grep "rmmod xen-netback"'
ok 'netbackd is up' netback_up
export TWO_VCPUS=2
two_guests
# shellcheck disable=SC2034 # suite.sh's
HELD=$(held_maps)
whole 'at first'
offered
restricted
hotplug_effects
firewall_effects
mac_is_guarded
traffic 1
queues
whole 'after traffic and queues'
kills "${N:-5}"
kills_in_traffic "${N:-5}"
whole 'after kills'
direct
whole 'after direct=yes'
rebind
whole 'after unbind and bind'
modes
whole 'after the modes'
attach_detach "${N:-20}"
whole 'after network-detach and -attach'
create_destroy "${N:-10}"
whole 'after create and destroy'
save_restore
passes 'after save and restore'
whole 'after that'
death_while_leaving
whole 'after a death while leaving'
bells_for_something
all_gone
nothing_left
note end
done_testing
