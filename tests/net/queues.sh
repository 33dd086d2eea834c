#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# queues.sh - one vif with 1 to 64 queues: frames, order, kills, reconnects
#
# For each number of queues: TCP both ways; eight numbered streams of datagrams
# both ways, none late, doubled or lost; more than one queue carries them; the
# queues' numbers add up. The guest comes back with another number each time. Then
# the worker is killed under eight streams and 1 or 8 queues. Last, numbers of
# queues that nobody may write.
. "$(dirname "$0")/../lib.sh"
private "$@"

SEQ=$B/tests/guest/udpseq
STREAMS='1 2 3 4 5 6 7 8'
PYTHON=$(command -v python3)
BACK=/local/domain/0/backend/vif/1/0
FRONT=/local/domain/1/device/vif/0

. "$(dirname "$0")/../host.sh"
need_tun queues

host_up
ip link add br0 type bridge mcast_snooping 0
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up
vifctl attach vif1.0 bridge=br0 mac=00:16:3e:00:00:01 >/dev/null
# Who is not given a CPU for a second loses nothing for that: both taps' queues in
# the kernel hold what comes meanwhile.
ip link set vif1.0 txqueuelen 5000

iperf3 -s >>"$LOG.iperf" 2>&1 &
until_true 5 sh -c 'ss -ltn | grep -q :5201'

guest()
{
	: >"$LOG.g" # now: what the one before said is not what this one says
	vifguest --vif 1.0 --ip 10.0.0.1/24 --queues "$1" >"$LOG.g" 2>&1 &
	G=$!
	until_true 10 grep -q connected "$LOG.g"
	in1 ip link set eth0 txqueuelen 5000
	until_true 10 in1 ping -q -c 1 -W 1 10.0.0.254
}

end()
{
	kill "$G"
	wait "$G" || :
}

in1()
{
	nsenter -t "$G" -n "$@"
}

# streams WHO TO RATE SECONDS: all at once, from the guest (up) or to it (down).
streams()
{
	pids=
	for i in $STREAMS; do
		if [ "$1" = up ]; then
			"$SEQ" recv $((6000 + i)) >"$LOG.s$i" &
		else
			in1 "$SEQ" recv $((6000 + i)) >"$LOG.s$i" &
		fi
		pids="$pids $!"
	done
	for i in $STREAMS; do
		if [ "$1" = up ]; then
			until_true 5 listening $((6000 + i))
		else
			until_true 5 listening $((6000 + i)) in1
		fi
	done
	for i in $STREAMS; do
		if [ "$1" = up ]; then
			in1 "$SEQ" send "$2" $((6000 + i)) "$3" "$4" &
		else
			"$SEQ" send "$2" $((6000 + i)) "$3" "$4" &
		fi
		pids="$pids $!"
	done >/dev/null
}

# total FIELD: over all streams.
total()
{
	for i in $STREAMS; do cat "$LOG.s$i"; done |
		sed -n "s/.*\<$1=\([0-9]*\).*/\1/p" | awk '{ n += $1 } END { print n }'
}

what_came()
{
	echo "sent $(total sent) lost $(total lost) doubled $(total doubled) late $(total late)"
}

# The server is busy for a moment after each.
transfers()
{
	until_true 10 in1 iperf3 -c 10.0.0.254 -n 20M -P 4 "$@"
}

# adds_up N: as many queues; each number of the vif is the sum of theirs and of
# what earlier connections counted; prints how many queues saw frames each way.
adds_up()
{
	vifctl --json show stats vif1.0 | "$PYTHON" -c "
import json, sys
v = json.load(sys.stdin)[0]
q, c = v['queues'], v['counters']
assert len(q) == $1, len(q)
for k in ('tx_frames', 'tx_bytes', 'rx_frames', 'rx_bytes'):
    assert sum(x[k] for x in q) <= c[k], k
for d in ('to_host', 'to_guest'):
    x = v[d]
    assert x['in'] == x['out'] + x['drops'] + x['queued'], d
print(sum(1 for x in q if x['tx_frames']), sum(1 for x in q if x['rx_frames']))"
}

# --- 1 to 64 ---------------------------------------------------------------------

for n in 8 2 64 1; do
	guest $n
	same "$n queues: asked for" $n \
		"$(xenstore-read $FRONT/multi-queue-num-queues)"
	ok "$n queues: TCP to the host" transfers
	ok "$n queues: TCP to the guest" transfers -R
	streams up 10.0.0.254 150 1
	# shellcheck disable=SC2086
	wait $pids
	same "$n queues: numbered, to the host" \
		'sent 1200 lost 0 doubled 0 late 0' "$(what_came)"
	streams down 10.0.0.1 150 1
	# shellcheck disable=SC2086
	wait $pids
	same "$n queues: numbered, to the guest" \
		'sent 1200 lost 0 doubled 0 late 0' "$(what_came)"
	ok "$n queues: the numbers add up" adds_up $n
	used=$(adds_up $n)
	least=$((n < 8 ? n : 3))
	ok "$n queues: $used of them carried frames" \
		[ "${used% *}" -ge $least -a "${used#* }" -ge $least ]
	end
	grep -v connected "$LOG.g" >>"$LOG.bad" || :
done
ok 'no guest complained' test ! -s "$LOG.bad"

# --- kills -----------------------------------------------------------------------

# kills WAY TO N: so many, under eight streams. Fewer than six in ten seconds in
# all: after that a worker is waited for.
kills()
{
	streams "$1" "$2" 150 2
	for i in $(seq "$3"); do
		sleep 0.5
		old=$(worker)
		kill -9 "$old"
		until_true 5 has_worker "$old"
	done
	# shellcheck disable=SC2086
	wait $pids
}

for n in 1 8; do
	guest $n
	kills up 10.0.0.254 $((n > 1 ? 2 : 1))
	# What was answered is out; a batch may go out twice.
	ok "$n queues, killed, to the host: $(what_came)" \
		[ "$(total lost)" = 0 -a "$(total doubled)" -le 128 ]
	kills down 10.0.0.1 1
	ok "$n queues, killed, to the guest: $(what_came)" \
		[ "$(total sent)" = 2400 -a "$(total lost)" -le 64 -a \
		"$(total doubled)" = 0 ]
	same "$n queues: nothing is late" 0 "$(total late)"
	ok "$n queues, killed: the numbers add up" adds_up $n
	end
	ok "$n queues: the guest saw nothing that a backend may not do" \
		fails grep 'what it may not' "$LOG.g"
done

# --- what is refused ---------------------------------------------------------------

# refused KEY=VALUE.. SENTENCE: a frontend that says so is told why. The others
# are as a good one with two queues would have them.
refused()
{
	xenstore-rm $FRONT/queue-0 $FRONT/queue-1 $BACK/error 2>/dev/null
	for k in tx-ring-ref rx-ring-ref event-channel event-channel-tx \
		event-channel-rx multi-queue-num-queues; do
		xenstore-rm $FRONT/$k 2>/dev/null || :
	done
	vifctl detach vif1.0 >/dev/null
	vifctl attach vif1.0 bridge=br0 mac=00:16:3e:00:00:01 >/dev/null
	set -- "$@" "$FRONT"
	"$PYTHON" "$ROOT/tests/net/queues.py" "$RUN" "$@"
}

while read -r what sentence; do
	# shellcheck disable=SC2086
	ok "refused: $what" refused "$what" "$sentence"
done <<'E'
multi-queue-num-queues=0 must be 1 to 64
multi-queue-num-queues=65 must be 1 to 64
multi-queue-num-queues=two must be a decimal number
multi-queue-num-queues=4 queue-2/tx-ring-ref is missing
queue-1/tx-ring-ref=10 queue-0 and queue-1 both name one grant
E
done_testing
