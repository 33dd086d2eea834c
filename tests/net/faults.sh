#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# faults.sh - each system call and each allocation of a vif's life fails once
#
#   FAULTS=20 cases of all, chosen by SEED=1; FAULTS=all; FAULT='connect worker sys'
#   for all of a part; VERBOSE=1 says what each came to
#
# Supervisor, worker, nursery and vifctl, in attach, connect, disconnect, a guest's
# death, a worker's death, a start over living guests, detach (faults.py).
. "$(dirname "$0")/../lib.sh"
private "$@"
. "$(dirname "$0")/../host.sh"
need_tun faults

case $B in *san*)
	skip faults 'the sanitizers have an allocator of their own'
	done_testing
	;;
esac
if ! "$B/tests/guest/faultsys" 0 -- true >/tmp/try 2>&1; then
	skip faults "$(cat /tmp/try)"
	done_testing
fi
netbackd --store --run "$RUN" 2>>$LOG.store &
until_true 5 xenstore-ls /
ip link add br0 type bridge mcast_snooping 0 forward_delay 0
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up
exec python3 "$(dirname "$0")/faults.py"
