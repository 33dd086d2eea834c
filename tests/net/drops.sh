#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# drops.sh - what the kernel's drop monitor tells, and what vifctl drops says of it
#
# The monitor is the whole machine's, and answers the host's own network namespace
# alone: so this runs where the machine is ours (MACHINE=ours), in dom0's kernel.
. "$(dirname "$0")/../lib.sh"
if [ "${MACHINE:-}" != ours ]; then
	skip drops "the drop monitor is the whole machine's: in dom0's kernel it runs"
	done_testing
fi
if [ "${NETBACK_PRIVATE:-}" != 1 ]; then
	export NETBACK_PRIVATE=1
	exec unshare -m -i -p -f --kill-child --mount-proc sh "$0"
fi
private
. "$(dirname "$0")/../host.sh"
need_tun drops
modprobe drop_monitor
host_up
ip link add br0 type bridge mcast_snooping 0 forward_delay 0
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up
vifctl attach vif1.0 bridge=br0 mac=00:16:3e:00:00:01 ip=10.0.0.1 >>$LOG
vifguest --verbose --vif 1.0 --ip 10.0.0.1/24 >"$LOG.g" 2>&1 &
G=$!
until_true 20 grep -q 'connected, netns' "$LOG.g"
until_true 20 ping -q -c 1 -W 1 10.0.0.1

in_guest()
{
	nsenter -t $G -n "$@"
}

# told PACKET COMMAND..: what vifctl drops says of vif1.0 and that packet first; COMMAND
# makes drops, again and again until it has. Of others, as the guest's own to find its
# neighbours, it tells as well.
told()
{
	told_packet="packet=\"$1\""
	shift
	timeout 60 vifctl drops vif1.0 >"$RUN/all" 2>&1 &
	told_pid=$!
	while kill -0 $told_pid 2>/dev/null && ! grep -q "$told_packet" "$RUN/all"; do
		"$@" >/dev/null 2>&1
		sleep 0.1
	done
	kill $told_pid
	wait $told_pid
	grep -m 1 "$told_packet" "$RUN/all" >"$RUN/told" || cp "$RUN/all" "$RUN/told"
	cat "$RUN/told"
}

# says WORD..: each of them is in what was told
says()
{
	cat "$RUN/told"
	for says_word in "$@"; do
		grep -q -- "$says_word" "$RUN/told" || return 1
	done
}

ok 'doctor: there is a monitor' sh -c 'vifctl doctor | grep "^drop-monitor.*ok"'

# A frame of the guest's with an address that is another's.
in_guest ip addr add 10.0.0.66/32 dev eth0
told 'icmp 10.0.0.66 > 10.0.0.254' \
	in_guest ping -q -c 1 -W 0.1 -I 10.0.0.66 10.0.0.254
ok 'the guard: whose, and the reason of the kernel' says '^vif1.0 ' \
	'way=from-guest' 'reason=NETFILTER_DROP' 'packet="icmp 10.0.0.66 > 10.0.0.254"'
ok 'the guard: which rule it was' says \
	'by="the guard, netdev netback-vif1.0 .*drop_ip"'
ok 'nothing is left of how it was set' test ! -s "$RUN/drops"

# Nobody empties the tap, which has room for a few.
ip link set vif1.0 txqueuelen 5
ip neigh replace 10.0.0.1 lladdr 00:16:3e:00:00:01 dev br0 nud permanent
W=$(worker)
kill -STOP "$W"
told 'icmp 10.0.0.254 > 10.0.0.1' ping -q -f -c 50 -W 0.1 10.0.0.1
kill -CONT "$W"
ok 'a full queue: whose, and the reason of the kernel' says '^vif1.0 ' \
	'way=to-guest' 'reason=FULL_RING' 'packet="icmp 10.0.0.254 > 10.0.0.1"' \
	'dst=00:16:3e:00:00:01'
ok 'a full queue is no rule' fails says 'by='

# Who is killed leaves it on; the next one puts it back.
vifctl drops vif1.0 >"$RUN/killed" 2>&1 &
K=$!
until_true 20 test -s "$RUN/drops"
kill -9 $K
ok 'one that is killed leaves how it was set' test -s "$RUN/drops"
told 'icmp 10.0.0.66 > 10.0.0.254' \
	in_guest ping -q -c 1 -W 0.1 -I 10.0.0.66 10.0.0.254
ok 'the next one hears all the same' says 'reason=NETFILTER_DROP'
ok 'and leaves nothing' test ! -s "$RUN/drops"

timeout 60 vifctl drops -c 1 vif1.0 >"$RUN/one" 2>&1 &
K=$!
while kill -0 $K 2>/dev/null; do
	in_guest ping -q -c 2 -i 0.01 -W 0.1 -I 10.0.0.66 10.0.0.254 >/dev/null 2>&1
done
ok 'one, when one is asked for' test "$(wc -l <"$RUN/one")" = 1

vifctl detach vif1.0 >>$LOG
ip link del br0
done_testing
