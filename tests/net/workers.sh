#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# workers.sh - guests spread over two workers: what one of them does is nothing to
# the other's
#
# Four guests. A worker is killed under numbered datagrams to one of its guests
# and to one of the other's, then both at once; counters and captures of all;
# at last one guest's turn crashes a worker three times.
. "$(dirname "$0")/../lib.sh"
private "$@"

SEQ=$B/tests/guest/udpseq
PYTHON=$(command -v python3)
HERE=$(dirname "$0")

. "$(dirname "$0")/../host.sh"
need_tun workers

for n in 0 17 two -1; do
	netbackd --run "$RUN" --workers=$n 2>"$LOG.usage"
	same "--workers=$n: refused" 2 $?
done
ok 'with the range' grep -q 'must be 1 to 16' "$LOG.usage"
same '-n prints it' workers=3 \
	"$(netbackd -n --run "$RUN" --workers=3 | grep workers)"

HOST_ARGS=--workers=2
host_up
ip link add br0 type bridge mcast_snooping 0
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up

# worker_of N: the pid of vifN.0's.
worker_of()
{
	show | "$PYTHON" -c "import json, sys
print([v['worker'] for v in json.load(sys.stdin)['vifs']
       if v['name'] == 'vif$1.0'][0])"
}

another_of()
{
	another=$(worker_of "$1") && [ "$another" != 0 ] && [ "$another" != "$2" ]
}

in_guest()
{
	in_pid=$(eval "echo \$G$1")
	shift
	nsenter -t "$in_pid" -n "$@"
}

for n in 1 2 3 4; do
	vifctl attach vif$n.0 bridge=br0 mac=00:16:3e:00:00:0$n >/dev/null
	ip link set vif$n.0 txqueuelen 5000
	vifguest --vif $n.0 --ip 10.0.0.$n/24 >"$LOG.g$n" 2>&1 &
	eval "G$n=$!"
done
for n in 1 2 3 4; do
	ok "guest $n answers" until_true 10 ping -q -c 1 -W 1 10.0.0.$n
done
for n in 1 2 3 4; do
	worker_of $n
done | sort | uniq -c | awk '{ print $1 }' >"$LOG.spread"
same 'two guests each' '2 2 ' "$(tr '\n' ' ' <"$LOG.spread")"
for n in 2 3 4; do
	[ "$(worker_of $n)" != "$(worker_of 1)" ] || SAME=$n
done
for n in 4 3 2; do
	[ "$(worker_of $n)" = "$(worker_of 1)" ] || OTHER=$n
done
ok "vif1.0 and vif$SAME.0 share one, vif$OTHER.0 has another" \
	test "$SAME" != "$OTHER"
confined()
{
	for c in $(worker_of 1) $(worker_of "$OTHER"); do
		grep -q 'CapEff:.*0000000000000000' /proc/"$c"/status &&
			grep -q 'Seccomp:.*2' /proc/"$c"/status || return 1
	done
}
ok 'both are confined' confined

# --- numbers ---------------------------------------------------------------------

adds_up()
{
	vifctl --json show stats | "$PYTHON" -c "
import json, sys
vifs = json.load(sys.stdin)
assert len(vifs) == 4, len(vifs)
for v in vifs:
    assert len(v['queues']) == 1
    for d in ('to_host', 'to_guest'):
        x = v[d]
        assert x['in'] == x['out'] + x['drops'] + x['queued'], v['name']"
}
ok 'one question, all four answers' adds_up
for n in 1 $OTHER; do
	vifctl capture -c 4 -w "$LOG.pcap$n" vif$n.0 icmp 2>"$LOG.cap$n" &
	eval "C$n=$!"
	until_true 5 grep -q capturing "$LOG.cap$n"
done
for n in 1 $OTHER; do
	ping -q -c 3 -i 0.1 10.0.0.$n >>"$LOG.ping"
	wait "$(eval "echo \$C$n")"
	ok "a capture on vif$n.0" grep -q '^4 frames captured' "$LOG.cap$n"
done

# --- kills -----------------------------------------------------------------------

stream()
{
	in_guest "$1" "$SEQ" recv 7000 >"$LOG.seq$1" &
	eval "R$1=$!"
	until_true 5 listening 7000 in_guest "$1"
	"$SEQ" send 10.0.0.$1 7000 200 2 >/dev/null &
	eval "S$1=$!"
}

stream_end()
{
	wait "$(eval "echo \$R$1")" "$(eval "echo \$S$1")"
	cat "$LOG.seq$1"
}

A=$(worker_of 1) O=$(worker_of "$OTHER")
stream 1
stream "$OTHER"
sleep 0.7
kill -9 "$A"
ok "its guests have another" until_true 5 another_of 1 "$A"
ok "both of them" until_true 5 another_of "$SAME" "$A"
stream_end 1 >>"$LOG.seqs"
ok "at most a batch was lost: $(cat "$LOG.seq1")" \
	grep -qE 'sent=400 .* lost=([0-9]|[1-5][0-9]|6[0-4]) doubled=0' "$LOG.seq1"
stream_end "$OTHER" >>"$LOG.seqs"
ok "the other's lost nothing: $(cat "$LOG.seq$OTHER")" \
	grep -q 'sent=400 .* lost=0 doubled=0 late=0' "$LOG.seq$OTHER"
same 'and have the worker they had' "$O" "$(worker_of "$OTHER")"
A=$(worker_of 1)
kill -9 "$A" "$O"
ok 'both at once: another' until_true 5 another_of 1 "$A"
ok 'another there, too' until_true 5 another_of "$OTHER" "$O"
for n in 1 2 3 4; do
	ok "guest $n still answers" until_true 5 ping -q -c 1 -W 1 10.0.0.$n
done
ok 'the numbers add up' until_true 5 adds_up

# --- blame -----------------------------------------------------------------------

O=$(worker_of "$OTHER")
ping -f -q 10.0.0.1 >/dev/null 2>&1 &
FLOOD=$!
closed()
{
	[ "$(xenstore-read /local/domain/0/backend/vif/1/0/state)" = 6 ]
}
closed_or_another_of()
{
	closed || another_of "$@"
}
# Three are enough, within ten seconds; on a slow machine those are the last three.
crashes()
{
	for n in $(seq 12); do
		A=$(worker_of 1)
		"$PYTHON" "$HERE/crash.py" "$RUN/keep/vif1.0" "$A" SEGV || return
		until_true 5 closed_or_another_of 1 "$A"
		! closed || return 0
	done
}
ok 'crashes serving vif1.0' crashes
kill $FLOOD
ok 'vif1.0 is closed' until_true 5 closed
ok "vif$SAME.0 goes on" until_true 5 ping -q -c 1 -W 1 10.0.0.$SAME
ok "vif$OTHER.0 goes on" until_true 5 ping -q -c 1 -W 1 10.0.0.$OTHER
same 'in the worker it had' "$O" "$(worker_of "$OTHER")"
vifctl detach vif1.0 >/dev/null
vifctl attach vif1.0 bridge=br0 mac=00:16:3e:00:00:01 >/dev/null
ok 'attached again, vif1.0 is with the emptier one' \
	until_true 5 ping -q -c 1 -W 1 10.0.0.1
done_testing
