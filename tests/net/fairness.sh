#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# fairness.sh - what a storming, a stalled and a lying vif cost the others
#
# All vifs are in one worker. What one of them costs the others is the processor
# time of that worker that goes to it: measured alone, in ticks, which a machine that
# is busy otherwise does not stretch. Then all three at once beside a steady
# stream, of which nothing may be dropped; and two that both have too much to do,
# of whom neither may get much more (shares exactly: tests/unit/test_fair.c).
. "$(dirname "$0")/../lib.sh"
private "$@"

SEQ=$B/tests/guest/udpseq
HOSTILE=$B/tests/guest/hostile
PYTHON=$(command -v python3)
export ASAN_OPTIONS=quarantine_size_mb=1:detect_leaks=0

. "$(dirname "$0")/../host.sh"
need_tun fairness

host_up
for n in 0 1; do
	ip link add br$n type bridge mcast_snooping 0
	ip addr add 10.$n.0.254/24 dev br$n
	ip link set br$n up
done
for n in 1 2 9 10 11; do
	vifctl attach vif$n.0 bridge=br$((n > 8)) \
		"mac=$(printf '00:16:3e:00:00:%02x' $n)" >/dev/null
	ip link set vif$n.0 txqueuelen 5000
done
guest()
{
	vifguest --vif "$1.0" --ip "10.$2.0.$1/24" >"$LOG.g$1" 2>&1 &
	eval "G$1=$!"
	until_true 10 grep -q connected "$LOG.g$1"
	sysctl -qw net.ipv6.conf.all.disable_ipv6=1
}
guest 1 0
guest 2 0
guest 9 1
in_guest()
{
	in_pid=$(eval "echo \$G$1")
	shift
	nsenter -t "$in_pid" -n "$@"
}
WORKER=$(worker)
PERCENT=5 # of a processor
case $B in *san*) PERCENT=25 ;; esac

# Ticks of processor time, 100 a second.
cpu()
{
	sed 's/.*) //' "/proc/$WORKER/stat" | awk '{ print $12 + $13 }'
}

field()
{
	vifctl --json show stats "vif$1.0" | "$PYTHON" -c "import json,sys
print(json.load(sys.stdin)[0]['counters']['$2'])"
}

# costs COMMAND..: runs it; true when the worker used at most PERCENT meanwhile.
costs()
{
	costs_c=$(cpu) costs_t=$(date +%s%N)
	"$@" >"$LOG.cost" 2>&1 || { cat "$LOG.cost"; return 1; }
	costs_c=$((($(cpu) - costs_c) * 10))
	costs_t=$((($(date +%s%N) - costs_t) / 1000000))
	echo "worker $costs_c ms of $costs_t ms"
	[ $((costs_c * 100)) -le $((costs_t * PERCENT + 2000)) ] # two ticks
}

storm()
{
	"$HOSTILE" "$RUN" 10 "$1" 0
}

# The guest stands still; what the host sends it finds no room.
stalled()
{
	kill -STOP "$G9"
	"$SEQ" send 10.1.0.9 5000 5000 2
	kill -CONT "$G9"
}

# Protocol errors, one after the other: each is a disconnect, and a wait.
liar()
{
	for _ in 1 2 3; do
		"$HOSTILE" "$RUN" 11 tx-slots-22 0
	done
}

ping -q -c 1 10.1.0.9 >/dev/null
sleep 0.5
for how in bell-storm-tx bell-storm-rx bell-storm-both; do
	ok "$how costs at most $PERCENT %" costs storm $how
done
ok "a stalled vif costs at most $PERCENT %" costs stalled
turns=$(field 9 turns)
kill -STOP "$G9"
"$SEQ" send 10.1.0.9 5000 5000 1
turns=$(($(field 9 turns) - turns))
kill -CONT "$G9"
# A ring full of frames, then a look now and then: not a turn a frame.
ok "while it stands still: $turns turns for 5000 frames" test "$turns" -le 1000
ok "a liar costs at most $PERCENT %" costs liar

# --- all at once ------------------------------------------------------------------

drops()
{
	for k in tx_bad_slots rx_no_room rx_too_big tap_out_drop tap_in_drop lost; do
		field 1 $k
		field 2 $k
	done | awk '{ n += $1 } END { print n }'
}

ping -q -c 1 10.0.0.1 >/dev/null
was=$(drops)
in_guest 2 "$SEQ" recv 5000 >"$LOG.seq" &
RECV=$!
until_true 5 listening 5000 in_guest 2
in_guest 1 "$SEQ" send 10.0.0.2 5000 500 4 >/dev/null &
SEND=$!
kill -STOP "$G9"
"$SEQ" send 10.1.0.9 5000 2000 4 >/dev/null &
FLOOD=$!
liar >/dev/null 2>&1 &
LIAR=$!
storm bell-storm-both >/dev/null
storm bell-storm-tx >/dev/null
wait $LIAR $FLOOD $SEND $RECV
kill -CONT "$G9"
ok "beside all of them nothing is lost: $(cat "$LOG.seq")" \
	grep -q '^sent=2000 received=2000 lost=0 doubled=0 late=0' "$LOG.seq"
same 'nor dropped' "$was" "$(drops)"
same 'by the worker that was there' "$WORKER" "$(worker)"
done_testing
