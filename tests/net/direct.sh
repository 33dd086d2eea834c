#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# direct.sh - frames from guest to guest that the host does not see
#
# Three guests on one bridge, the second with two queues. The store's node
# `direct` is written by hand here. Plain TCP and UDP then go from ring to ring
# and nothing else does; a source that is not the guest's goes to the host's
# guard and dies there, also when it changes while it is looked at; the node may
# come and go, the receiver stop, the worker be killed, and a numbered stream stays
# in order and whole.
. "$(dirname "$0")/../lib.sh"
private "$@"

SEQ=$B/tests/guest/udpseq
PYTHON=$(command -v python3)

. "$(dirname "$0")/../host.sh"
need_tun direct

host_up
ip link add br0 type bridge mcast_snooping 0 forward_delay 0
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up

back()
{
	echo "/local/domain/0/backend/vif/$1/0"
}

# direct N [BRIDGE]: as whoever attached it would say.
direct()
{
	xenstore-write "$(back "$1")/direct" \
		"${2:-br0} 00:16:3e:00:00:0$1 10.0.0.$1"
}

not_direct()
{
	xenstore-rm "$(back "$1")/direct"
}

guest()
{
	vifguest --verbose --vif "$1.0" --ip "10.0.0.$1/24" --queues "$2" \
		>"$LOG.g$1" 2>&1 &
	eval "G$1=$!"
	until_true 10 grep -q 'connected, netns' "$LOG.g$1"
	in_guest "$1" ip link set eth0 txqueuelen 5000
	in_guest "$1" ip link set lo up
	until_true 10 in_guest "$1" ping -q -c 1 -W 1 10.0.0.254
}

in_guest()
{
	in_pid=$(eval "echo \$G$1")
	shift
	nsenter -t "$in_pid" -n "$@"
}

for n in 1 2 3; do
	vifctl attach vif$n.0 bridge=br0 mac=00:16:3e:00:00:0$n \
		ip=10.0.0.$n >>$LOG
	ip link set vif$n.0 txqueuelen 5000
	guest $n $((n == 2 ? 2 : 1))
done

counter()
{
	vifctl --json show stats "vif$1.0" |
		sed -n "s/.*\"$2\": *\\([0-9]*\\).*/\\1/p" | tail -n 1
}

# What the host heard of guest N, in packets.
heard()
{
	ip -j -s link show "vif$1.0" |
		"$PYTHON" -c 'import json, sys
print(json.load(sys.stdin)[0]["stats64"]["rx"]["packets"])'
}

# mark N; came N LEAST MOST: so many went direct from guest N since.
mark()
{
	mark_out=$(counter "$1" direct_out)
	mark_heard=$(heard "$1")
}

came()
{
	came_n=$(($(counter "$1" direct_out) - mark_out))
	echo "direct $came_n, heard $(($(heard "$1") - mark_heard))"
	[ $came_n -ge "$2" ] && [ $came_n -le "$3" ]
}

adds_up()
{
	vifctl --json show stats | "$PYTHON" -c "
import json, sys
for v in json.load(sys.stdin):
    c = v['counters']
    assert c['tx_frames'] == c['tap_out'] + c['tap_out_drop'] + \
        c['direct_out'], c
    for d in ('to_host', 'to_guest'):
        x = v[d]
        assert x['in'] == x['out'] + x['drops'] + x['queued'], (d, c)"
}

# stream FROM TO RATE SECONDS: in the background; what came goes to $LOG.sTO.
stream()
{
	in_guest "$2" "$SEQ" recv 5000 >"$LOG.s$2" &
	eval "R$2=$!"
	until_true 5 listening 5000 in_guest "$2"
	in_guest "$1" "$SEQ" send "10.0.0.$2" 5000 "$3" "$4" >/dev/null &
	eval "S$2=$!"
}

# stream_end TO: then $GOT is what came.
stream_end()
{
	eval "wait \$S$1 \$R$1"
	GOT=$(sed -n 's/\(.*late=[0-9]*\).*/\1/p' "$LOG.s$1")
}

# few TEXT LOST DOUBLED: at most so many; none late.
few()
{
	few_lost=$(echo "$1" | sed -n 's/.*lost=\(-*[0-9]*\).*/\1/p')
	few_doubled=$(echo "$1" | sed -n 's/.*doubled=\([0-9]*\).*/\1/p')
	echo "$1"
	[ "$few_lost" -le "$2" ] && [ "$few_doubled" -le "$3" ] &&
		echo "$1" | grep -q 'late=0'
}

tcp()
{
	until_true 10 in_guest "$1" iperf3 -c "10.0.0.$2" -n "$3" "$4"
}

# none FROM TO, mostly FROM TO: how much of a short transfer goes direct. What was
# written to the store is not yet known to the worker, the first time.
none()
{
	mark "$1"
	tcp "$1" "$2" 1M && came "$1" 0 0
}

mostly()
{
	mark "$1"
	tcp "$1" "$2" 10M && came "$1" $(($(heard "$1") - mark_heard + 1)) 99999999
}

for n in 2 3; do
	in_guest $n iperf3 -s >>"$LOG.iperf" 2>&1 &
	until_true 5 listening 5201 in_guest $n
done

# --- who does ---------------------------------------------------------------------

mark 1
ok 'TCP by the bridge' tcp 1 2 10M
ok 'nothing is direct that nobody said' came 1 0 0
direct 1
tcp 1 2 1M
ok 'nor where one of the two is not' came 1 0 0
direct 2
direct 3
before=$(counter 2 direct_out)
ok 'TCP, direct: the host hears less of it' until_true 10 mostly 1 2
mark 1
ok 'and more' tcp 1 2 50M
ok 'and so went the answers' [ "$(counter 2 direct_out)" -gt "$before" ]
ok 'what one gave another got' [ "$(counter 2 direct_in)" -ge \
	$(($(counter 1 direct_out) - mark_out)) ]
ok 'and the other way' tcp 1 2 20M -R
ok 'and to a third' tcp 1 3 20M
ok 'the numbers add up' adds_up
stream 1 2 1000 1
stream_end 2
same 'numbered' 'sent=1000 received=1000 lost=0 doubled=0 late=0' "$GOT"

# What the guard of guest 1 dropped for its address.
dropped()
{
	nft list counters netdev |
		sed -n '/counter drop_ip /,/}/s/.*packets \([0-9]*\) .*/\1/p' |
		awk '{ n += $1 } END { print n + 0 }'
}

# --- what does not ---------------------------------------------------------------

mark 1
in_guest 1 ip neigh flush dev eth0
ok 'ARP and ICMP as ever' in_guest 1 ping -q -c 3 -i 0.05 -W 5 10.0.0.2
ok 'by the bridge' came 1 0 0
in_guest 1 ip addr add 10.0.0.3/32 dev eth0
dropped=$(dropped)
mark 1
say()
{
	in_guest 1 "$PYTHON" -c "
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(('$1', 5001))
for i in range(20):
    s.sendto(b'hello', ('10.0.0.2', 5002))"
}
hears()
{
	in_guest 2 socat -u UDP-RECV:5002 STDOUT >"$LOG.hello" &
	until_true 5 listening 5002 in_guest 2
}
hears
say 10.0.0.3
ok "a neighbour's address is for the guard" came 1 0 0
ok 'which drops it' [ "$(dropped)" -ge $((dropped + 20)) ]
same 'none of it arrives' 0 "$(wc -c <"$LOG.hello")"
in_guest 1 ip addr del 10.0.0.3/32 dev eth0
in_guest 1 ip link set eth0 address 00:16:3e:00:00:09
say 10.0.0.1
ok 'and another MAC' came 1 0 0
same 'of that nothing either' 0 "$(wc -c <"$LOG.hello")"
in_guest 1 ip link set eth0 address 00:16:3e:00:00:01
say 10.0.0.1
ok 'its own it may use' until_true 5 grep -q hello "$LOG.hello"
direct 2 br1
ok 'not to who says to be on another bridge' until_true 10 none 1 2
xenstore-write "$(back 2)/direct" 'br0 00:16:3e:00:00:01 10.0.0.2'
until_true 10 none 2 3
mark 3
tcp 1 3 1M -R
ok 'nor to who has a MAC that another has, too' came 3 0 0
direct 2
ok 'but as soon as he has it alone' until_true 10 mostly 1 2
xenstore-write "$(back 2)/direct" 'br0 00:16:3e:00:00:02 10.0.0.2 10.0.0.1'
ok 'nor what the receiver holds for its own' until_true 10 none 1 2
direct 2
until_true 10 mostly 1 2
xenstore-write "$(back 2)/direct" 'br0 no'
ok 'nonsense is said' until_true 5 grep -q 'vif2.0: .*direct is not' $LOG
ok 'and is a no' until_true 10 none 1 2
direct 2
until_true 10 mostly 1 2
xenstore-write "$(back 2)/rate" 125000000,50000
until_true 5 grep -q 'vif2.0: limited' $LOG
ok 'nor past a rate' until_true 10 none 1 2
xenstore-rm "$(back 2)/rate"
until_true 5 grep -q 'vif2.0: not limited' $LOG
ok 'without it again' until_true 10 mostly 1 2

# --- a guard that is paused ---------------------------------------------------------

ok 'the guard is paused' vifctl guard pause vif1.0
ok 'and somebody deletes it' nft delete table netdev \
	"$(nft list tables netdev | sed -n 's/.* \([^ ]*vif1\.0\)$/\1/p')"
ok 'what went directly goes on' until_true 10 mostly 1 2
in_guest 1 ip addr add 10.0.0.3/32 dev eth0
: >"$LOG.hello"
mark 1
say 10.0.0.3
ok "a neighbour's address goes to the host as before" came 1 0 0
ok 'which lets it pass now' until_true 5 grep -q hello "$LOG.hello"
ok 'the guard is back' vifctl guard resume vif1.0
dropped=$(dropped)
say 10.0.0.3
ok 'and drops it' [ "$(dropped)" -ge $((dropped + 20)) ]
in_guest 1 ip addr del 10.0.0.3/32 dev eth0

# --- a bridge that forgets ----------------------------------------------------------

# What was sent to guest N's tap, in packets.
told()
{
	ip -j -s link show "vif$1.0" |
		"$PYTHON" -c 'import json, sys
print(json.load(sys.stdin)[0]["stats64"]["tx"]["packets"])'
}
ip link set br0 type bridge ageing_time 100
stream 1 2 500 4
sleep 3
ok 'what is not heard of for longer than the bridge remembers is known' \
	sh -c 'bridge fdb show br br0 | grep "00:16:3e:00:00:02 dev vif2.0 .*static"'
told=$(told 3)
ping -q -c 50 -i 0.02 10.0.0.2 >>$LOG
ok 'nobody else is told what is for it' [ $(($(told 3) - told)) -lt 20 ]
stream_end 2
ip link set br0 type bridge ageing_time 30000

# --- who changes a frame while it is looked at -------------------------------------

vifctl attach vif4.0 bridge=br0 mac=00:16:3e:00:00:04 ip=10.0.0.4 >>$LOG
direct 4
in_guest 3 nft -f - <<'END'
table netdev watch {
	counter forged { }
	chain arrives {
		type filter hook ingress device "eth0" priority 0;
		ether saddr 00:16:3e:00:00:04 ip saddr != 10.0.0.4 counter name forged
		ether saddr != 00:16:3e:00:00:04 ip saddr 10.0.0.4 counter name forged
		ether saddr 00:16:3e:00:00:64 counter name forged
	}
}
END
in_guest 3 ping -q -i 0.02 10.0.0.254 >>$LOG & # something to read from its tap
ping=$!
ok 'a liar changes what it sends' "$B/tests/guest/hostile" "$RUN" 4 direct-flip
ok 'what goes directly is what was judged' \
	in_guest 3 sh -c 'nft list counters netdev; nft list counters netdev |
		grep -q "packets 0 "'
kill $ping
vifctl detach vif4.0

# --- order ------------------------------------------------------------------------

stream 1 2 3000 2
mark 1
while kill -0 "$S2" 2>/dev/null; do
	not_direct 2
	sleep 0.03
	direct 2
	sleep 0.03
done
stream_end 2
same 'the node comes and goes under a stream' \
	'sent=6000 received=6000 lost=0 doubled=0 late=0' "$GOT"
ok 'which went both ways' came 1 100 5990
# With one queue: of several, one that takes nothing is not waited for.
stream 1 3 2000 2
stream 1 2 1000 2
sleep 0.4
kill -STOP "$G3"
sleep 1
kill -CONT "$G3"
stream_end 3
same 'the receiver stops and goes on: all of it, in order' \
	'sent=4000 received=4000 lost=0 doubled=0 late=0' "$GOT"
stream_end 2
same 'another sees nothing of that' \
	'sent=2000 received=2000 lost=0 doubled=0 late=0' "$GOT"
ok 'the numbers add up' adds_up

# --- kills ------------------------------------------------------------------------

stream 1 2 1000 4
stream 2 3 1000 4
for n in 1 2 3; do
	sleep 0.7
	old=$(worker)
	kill -9 "$old"
	until_true 5 has_worker "$old"
done
for n in 2 3; do
	stream_end $n
	ok "the worker is killed three times: $GOT" few "$GOT" 192 192
done
ok 'the numbers add up' adds_up
ok 'the next worker is told' until_true 10 mostly 1 2
# The receiver's memory is emptied, rings and all, under traffic: what it claims now
# is not possible, and who finds that is mostly the sender's turn.
stream 1 3 1000 2
in_guest 1 timeout 20 iperf3 -c 10.0.0.2 -t 10 >"$LOG.iperf2" 2>&1 &
I=$!
sleep 0.7
old=$(worker)
fd=$(find "/proc/$G2/fd" -lname '/memfd:*' | head -n 1)
fallocate -p -o 0 -l "$(stat -L -c %s "$fd")" "$fd"
ok 'a receiver breaks: it is ended' until_true 10 \
	grep -q 'vif2.0: the guest broke the ring protocol' $LOG
kill -9 "$G2"
stream_end 3
same 'another loses nothing' \
	'sent=2000 received=2000 lost=0 doubled=0 late=0' "$GOT"
same 'nor does the worker mind' "$old" "$(worker)"
kill $I 2>/dev/null
ok 'and the sender lives' in_guest 1 ping -q -c 1 -W 5 10.0.0.3
ok 'the numbers add up' adds_up
ok 'the others saw nothing that a backend may not do' \
	fails grep -h 'what it may not' "$LOG.g1" "$LOG.g3"
done_testing
