#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# stall.sh - a guest that takes nothing loses its carrier, and gets it again
. "$(dirname "$0")/../lib.sh"
private "$@"

HOST_ARGS='--stall 1'
. "$(dirname "$0")/../host.sh"
need_tun stall

netbackd --run "$RUN" --stall=86401 2>$LOG.usage
same 'too long a stall time is refused' 2 $?
same '-n prints it' stall=7 \
	"$(netbackd -n --run "$RUN" --stall 7 | grep stall)"

host_up
ip link add br0 type bridge mcast_snooping 0
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up

carrier()
{
	[ "$(cat /sys/class/net/vif1.0/carrier)" = "$1" ] &&
		xenstore-read /local/domain/0/backend/vif/1/0/carrier |
		grep -qx "$1"
}

counter()
{
	vifctl --json show stats vif1.0 |
		sed -n "s/.*\"$1\": *\\([0-9]*\\).*/\\1/p"
}

dropped()
{
	[ "$(counter held)" = 0 ]
}

# guest OPTION..
guest()
{
	vifguest --vif 1.0 --ip 10.0.0.1/24 "$@" >$LOG.g 2>&1 &
	GUEST=$!
	vifctl attach vif1.0 bridge=br0 ip=10.0.0.1 >>$LOG 2>&1
	until_true 10 grep -q connected $LOG.g
	until_true 5 ping -q -c 1 -W 1 10.0.0.1
	ip neigh replace 10.0.0.1 dev br0 lladdr "$(xenstore-read \
		/local/domain/0/backend/vif/1/0/mac)" nud permanent
}

flood()
{
	python3 "$ROOT/tests/net/offload.py" flood 10.0.0.1 1200
}

guest
ok 'a guest that is there has a carrier' carrier 1
# Turns, but nothing for the guest: nobody answers what it sends.
nsenter -t "$GUEST" -n ip neigh replace 10.0.0.254 dev eth0 nud permanent \
	lladdr "$(cat /sys/class/net/br0/address)"
"$B/tests/guest/udpseq" recv 7000 >$LOG.seq &
SEQ=$!
nsenter -t "$GUEST" -n "$B/tests/guest/udpseq" send 10.0.0.254 7000 50 3 >$LOG.sent
ok 'one that only sends keeps it' carrier 1
same 'and was never taken for stalled' 0 "$(counter stalls)"
wait $SEQ
kill -STOP "$GUEST"
sleep 1.5
ok 'one that is silent, and sent nothing, keeps it' carrier 1
flood
ok 'one that takes nothing loses it' until_true 10 carrier 0
ok 'and that is said' grep -q 'vif1.0: stalled' $LOG
ok 'what waited is dropped' until_true 5 dropped
same 'it is counted' 1 "$(counter stalls)"
old=$(worker)
kill -9 "$old"
until_true 5 has_worker "$old"
ok 'the next worker gives it the benefit of the doubt' until_true 5 carrier 1
flood
ok 'and finds out' until_true 10 carrier 0
kill -CONT "$GUEST"
ok 'who takes again has it again' until_true 5 carrier 1
ok 'and that is said' until_true 5 grep -q 'vif1.0: the guest takes frames' $LOG
ok 'and is reached' until_true 5 ping -q -c 1 -W 1 10.0.0.1
kill "$GUEST"
wait "$GUEST"
vifctl detach vif1.0 >>$LOG 2>&1

guest --no-rx-notify
kill -STOP "$GUEST"
flood
sleep 2.5
ok 'who never said that it would ring is left alone' carrier 1
kill -CONT "$GUEST"
ok 'and is reached again' until_true 5 ping -q -c 1 -W 1 10.0.0.1
kill "$GUEST"
done_testing
