#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# upgrade.sh - vifctl daemon upgrade: another netbackd takes over, under traffic
#
# Three times, with numbered datagrams both ways: nothing is lost, no connection
# and no carrier goes down. The shortest pause may be 50 ms: a busy machine makes
# single ones longer, and is given some more tries. Then what cannot be: a program that is none,
# nobody to take over from, survival memory of another version.
. "$(dirname "$0")/../lib.sh"
private "$@"

SEQ=$B/tests/guest/udpseq
PYTHON=$(command -v python3)

. "$(dirname "$0")/../host.sh"
need_tun upgrade

fails_with()
{
	with=$1
	shift
	! "$@" >"$LOG.fails" 2>&1 && grep -q -- "$with" "$LOG.fails" ||
		{ cat "$LOG.fails"; return 1; }
}

ok 'nobody to take over from' fails_with 'does not answer' vifctl daemon upgrade
ok 'nor with --take-over' fails_with 'nobody serves' \
	netbackd --run "$RUN" --take-over
HOST_ARGS="--workers 2"
host_up
ip link add br0 type bridge mcast_snooping 0 forward_delay 0
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up
for n in 1 2; do
	vifctl attach vif$n.0 bridge=br0 mac=00:16:3e:00:00:0$n >/dev/null
	ip link set vif$n.0 txqueuelen 5000
	vifguest --verbose --vif $n.0 --ip 10.0.0.$n/24 >"$LOG.g$n" 2>&1 &
	eval "G$n=$!"
	until_true 10 grep -q 'connected, netns' "$LOG.g$n"
done
# shellcheck disable=SC2153 # set by eval
nsenter -t "$G1" -n ip link set eth0 txqueuelen 5000
until_true 5 ping -q -c 1 -W 1 10.0.0.1

pid()
{
	show | sed -n 's/.*"pid": *\([1-9][0-9]*\).*/\1/p'
}

carriers()
{
	cat /sys/class/net/vif1.0/carrier_changes /sys/class/net/vif2.0/carrier_changes
}
CARRIERS=$(carriers 2>/dev/null || echo none)

# upgrade N: under traffic; adds the longest silence, in us, to $LOG.gaps.
upgrade()
{
	"$SEQ" recv 5001 >"$LOG.up" &
	UP=$!
	nsenter -t "$G1" -n "$SEQ" recv 5000 >"$LOG.down" &
	DOWN=$!
	until_true 5 listening 5001
	until_true 5 listening 5000 nsenter -t "$G1" -n
	nsenter -t "$G1" -n "$SEQ" send 10.0.0.254 5001 500 2 >/dev/null &
	S1=$!
	"$SEQ" send 10.0.0.1 5000 500 2 >/dev/null &
	S2=$!
	sleep 0.7
	old=$(pid)
	ok "upgrade $1" vifctl daemon upgrade
	wait $UP $DOWN $S1 $S2
	ok "another process, $1" test "$(pid)" != "$old"
	# A worker that is told to end may be in the middle of a batch, as one that
	# is killed.
	ok "to the host, $1: $(cat "$LOG.up")" \
		grep -qE 'sent=1000 received=1000 lost=0 .* late=0' "$LOG.up"
	ok "to the guest, $1: $(cat "$LOG.down")" \
		grep -qE 'sent=1000 .* lost=([0-9]|[1-5][0-9]|6[0-4]) doubled=0 late=0' \
		"$LOG.down"
	cat "$LOG.up" "$LOG.down" | sed 's/.*gap_us=//' | sort -n | tail -n 1 \
		>>"$LOG.gaps"
}

least()
{
	sort -n "$LOG.gaps" | head -n 1
}
n=0
while [ $n -lt 3 ] || { [ $n -lt 8 ] && [ "$(least)" -gt 50000 ]; }; do
	n=$((n + 1))
	upgrade $n
done
# Where everybody waits for a processor, so do the guests: only the order of
# magnitude can be told.
read -r load _ </proc/loadavg
ok "the pauses: $(tr '\n' ' ' <"$LOG.gaps")us, load $load" \
	test "$(least)" -le 500000
same 'no carrier went down' "$CARRIERS" "$(carriers 2>/dev/null || echo none)"
ok 'no guest lost its connection' fails grep -h 'lost netbackd' \
	"$LOG.g1" "$LOG.g2"
same 'started with the same words' 2 "$(show | "$PYTHON" -c \
	'import json, sys; print(len(json.load(sys.stdin)["workers"]))')"
ok 'the log goes on where it was' grep -q 'another netbackd takes over' $LOG
ok 'and both vifs are adopted' until_true 5 sh -c "[ \$(grep -c adopted $LOG) = $((2 * n)) ]"

# --- what cannot be -------------------------------------------------------------------

old=$(pid)
ok 'a program that is not there' fails_with 'No such file' \
	vifctl daemon upgrade /nowhere/netbackd
ok 'one that ends' fails_with 'the old one serves on' \
	vifctl daemon upgrade /bin/false
ok 'bad words' fails_with 'upgrade' vifctl daemon downgrade
same 'the old one serves on' "$old" "$(pid)"
ok 'its guests, too' ping -q -c 1 -w 20 10.0.0.1

# Survival memory that another version wrote: said, and not believed.
"$PYTHON" -c "
with open('$RUN/keep/vif1.0', 'r+b') as f:
    f.seek(4)
    f.write((99).to_bytes(4, 'little'))"
W=$(show | "$PYTHON" -c 'import json, sys
print([v["worker"] for v in json.load(sys.stdin)["vifs"] if v["domid"] == 1][0])')
kill -9 "$W"
ok 'survival memory of another version: said' until_true 5 grep -q \
	'vif1.0: survival memory of another version' $LOG
ok 'the guest goes on' until_true 5 ping -q -c 1 -W 1 10.0.0.1
done_testing
