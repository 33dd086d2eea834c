#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# kernel.sh - in dom0: the kernel's xen-netback, our vif-bridge as libxl's script
. /nb/tests/xen/dom0/lib.sh
. /nb/tests/xen/dom0/suite.sh
. /nb/tests/xen/dom0/modes.sh
. /nb/tests/xen/dom0/traffic.sh
. /nb/tests/xen/dom0/lives.sh
ok 'vector registers survive: the emulation is sound' \
	$B/tests/xen/dom0/vectors 2 4
ok 'xenstored and its like are up' xen_up oxenstored
modprobe xen-netback max_queues=2
export TWO_VCPUS=2
two_guests
whole 'at first'
hotplug_effects
firewall_effects
mac_is_guarded
traffic 1
queues
rebind
whole 'after traffic and a rebind'
modes
attach_detach "${N:-20}"
whole 'after the modes, network-detach and -attach'
create_destroy "${N:-10}"
whole 'after create and destroy'
passes 'after others came and went'
save_restore
passes 'after save and restore'
# xen-netback says this of a packet that dom0 sends while a guest connects: its
# second queue is announced before it is there. Not ours, and it does no harm.
all_gone 'xenvif_start_xmit: Invalid queue'
note end
done_testing
