#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hostile.sh - guests that lie, beside two that do not: one point for each lie
#
#   LIE=part of a name, or LIES='name name'; N=repetitions (3), SLOW=1: print what
#   each costs; VIFS=guests that tell it at once (16; 256 for the long run, since one
#   that was refused waits a second before its next try)
#
# Domains 9.. tell lies to the worker that carries numbered datagrams between
# domains 1 and 2. A point holds when the lie ended as its row says
# (tests/guest/hostile), the vif served an honest guest afterwards, the same
# processes are alive with the same descriptors and memory, nothing of the
# honest pair's was dropped, and its rate was kept.
. "$(dirname "$0")/../lib.sh"
private "$@"

N=${N:-3}
VIFS=${VIFS:-16}
LIE=${LIE:-}
RATE=500   # datagrams of the honest pair, a second
LASTS=$((2000 + N)) # seconds at most
FIRST=9    # of the VIFS domains that lie
HOSTILE=$B/tests/guest/hostile
SEQ=$B/tests/guest/udpseq
LOG=/tmp/nb-log
export XENSTORED_PATH="$RUN/store"
export ASAN_OPTIONS=quarantine_size_mb=1:detect_leaks=0

if ! { : <>/dev/net/tun; } 2>/dev/null; then
	skip 'a guest that lies' '/dev/net/tun cannot be opened here'
	done_testing
fi

netbackd --store --run "$RUN" 2>$LOG.store &
STORE=$!
until_true 5 xenstore-ls /
netbackd --run "$RUN" 2>$LOG &
SUP=$!

ask()
{
	printf '{"cmd":"%s"%s}\n' "$1" "${2:+,\"vif\":\"$2\"}" |
		socat -t 5 - "UNIX-CONNECT:$RUN/control"
}

worker()
{
	ask show | sed -n 's/.*"worker": *\([1-9][0-9]*\).*/\1/p'
}

has_worker()
{
	[ -n "$(worker)" ]
}
until_true 5 has_worker

for n in 0 1; do
	ip link add br$n type bridge
	ip addr add 10.$n.0.254/24 dev br$n
	ip link set br$n up
done
attach()
{
	vifctl attach "vif$1.0" "bridge=$2" \
		"mac=$(printf '00:16:3e:00:%02x:%02x' $(($1 / 256)) \
			$(($1 % 256)))" >/dev/null
}
attach 1 br0
attach 2 br0
d=$FIRST
while [ $d -lt $((FIRST + VIFS)) ]; do
	attach $d br1
	d=$((d + 1))
done

# --- the honest pair, and what the host sends to the others ---------------------

for n in 1 2; do
	vifguest --vif $n.0 --ip 10.0.0.$n/24 --stats >$LOG.g$n 2>$LOG.s$n &
	eval "G$n=$!"
	until_true 10 grep -q connected $LOG.g$n
done
# shellcheck disable=SC2153 # set by eval
nsenter -t "$G2" -n "$SEQ" recv 5000 >$LOG.seq &
RECV=$!
until_true 5 listening 5000 nsenter -t "$G2" -n
# shellcheck disable=SC2153
nsenter -t "$G1" -n "$SEQ" send 10.0.0.2 5000 $RATE $LASTS >/dev/null &
SEND=$!
# An address that nobody has: every port of the bridge gets it.
ip neigh add 10.1.0.77 lladdr 02:00:00:00:00:77 dev br1
"$SEQ" send 10.1.0.77 5000 $((3200 / VIFS)) $LASTS >/dev/null &
FLOOD=$!

# --- what others could notice ---------------------------------------------------------

WORKER=$(worker)
# field TEXT NAME
field()
{
	printf '%s' "$1" | sed -n "s/.*\"$2\": *\([0-9]*\).*/\1/p"
}

fds()
{
	ls "/proc/$1/fd" | wc -l
}

# Private memory in KiB.
memory()
{
	sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"
}

# Ticks of processor time, 100 a second.
cpu()
{
	sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}

# The honest pair's drops, whoever made them.
drops()
{
	drops_a=$(ask stats vif1.0) drops_b=$(ask stats vif2.0) drops_n=0
	for k in tx_bad_slots tx_bad_size tx_short tx_bad_grant tx_bad_offload \
		rx_no_room rx_too_big rx_bad_grant tap_in_drop tap_out_drop \
		lost; do
		drops_n=$((drops_n + $(field "$drops_a" $k) + \
			$(field "$drops_b" $k)))
	done
	echo $drops_n
}

# Milliseconds, without a process.
now()
{
	read -r now_s _ </proc/uptime
	now_s=${now_s%.*}${now_s#*.}
	echo $((now_s * 10))
}

same_fds()
{
	[ "$(fds "$1")" = "$2" ]
}

# Datagrams that the honest receiver itself was too late for.
late()
{
	nsenter -t "$G2" -n awk '$2 ~ /:1388$/ { n = $NF } END { print n + 0 }' \
		/proc/net/udp
}

grown()
{
	[ "$(memory "$1")" -le $(($2 + SLACK)) ] ||
		{ echo "$(cat "/proc/$1/comm"): $(memory "$1") KiB, was $2"; false; }
}

# 95 % of the rate since a lie began, less what one pause at either end may hide: the
# sender makes up for the time that it had no processor, the backend for a loss does
# not. $1: frames of vif2 before
rate_kept()
{
	rate_ms=$(($(now) - lie_t))
	rate_n=$(($(field "$(ask stats vif2.0)" rx_frames) - $1))
	[ $((rate_n * 1000)) -ge $(((rate_ms - 50) * RATE * 95 / 100)) ] ||
		{ echo "$rate_n honest frames in $rate_ms ms"; return 1; }
}

# Nobody else has noticed anything. $1: frames of vif2 before
unharmed()
{
	[ "$(worker)" = "$WORKER" ] || { echo "worker died"; tail $LOG; return 1; }
	until_true 5 same_fds "$WORKER" "$WORKER_FDS" ||
		{ echo "worker's descriptors: $(fds "$WORKER"), were $WORKER_FDS"
		return 1; }
	until_true 5 same_fds "$SUP" "$SUP_FDS" ||
		{ echo "netbackd's descriptors: $(fds "$SUP"), were $SUP_FDS"
		return 1; }
	grown "$WORKER" "$WORKER_KB" && grown "$SUP" "$SUP_KB" || return 1
	[ "$(drops)" = "$DROPS" ] || { echo "honest frames dropped"; return 1; }
	until_true 2 rate_kept "$1" || return 1
	! grep -E 'Sanitizer|runtime error' $LOG $LOG.store
}

# --- telling ------------------------------------------------------------------------------

# instances NAME VARIANTS HOW: N of them and each variant, by VIFS guests, who are not
# to have all of the processor when they are many
instances()
{
	many=$N
	[ "$2" -le "$many" ] || many=$2
	step=$VIFS
	[ "$many" -ge "$step" ] || step=$many
	[ "$3" != alone ] || step=1
	pids=
	k=0 bad=0
	while [ $k -lt "$step" ]; do
		nice -n $((step / 16)) "$HOSTILE" "$RUN" $((FIRST + k)) "$1" $k \
			"$many" "$step" >$LOG.lie.$k 2>&1 &
		pids="$pids $!:$k"
		k=$((k + 1))
	done
	for p in $pids; do
		wait "${p%:*}" && continue
		bad=1
		cat "$LOG.lie.${p#*:}"
	done
	return $bad
}

# lie NAME VARIANTS HOW
lie()
{
	lie_f=$(field "$(ask stats vif2.0)" rx_frames)
	lie_l=$(late) lie_t=$(now) lie_c=$(cpu "$WORKER") lie_s=$(cpu "$SUP")
	instances "$@"
	lie_rc=$?
	lie_ms=$(($(now) - lie_t))
	lie_c=$((($(cpu "$WORKER") - lie_c) * 10))
	lie_l=$(($(late) - lie_l))
	echo "# $lie_ms ms, worker $lie_c ms, netbackd $((\
		$(cpu "$SUP") - lie_s))0 ms, receiver late $lie_l" >$LOG.cost
	[ $lie_rc = 0 ] && unharmed "$lie_f" || return 1
	case $1 in
	bell-storm-work) ;;
	bell-storm-* | ctrl-storm) # the honest pair's and the host's frames are in it
		[ $((lie_c * 100)) -le $((lie_ms * STORM)) ] ||
			{ cat $LOG.cost; return 1; } ;;
	esac
}

# Everything was used once: what is held now is what is held.
SLACK=1000000
WORKER_FDS=$(fds "$WORKER") SUP_FDS=$(fds "$SUP")
WORKER_KB=0 SUP_KB=0
N=$VIFS instances tx-slots-19 1 - && N=$VIFS instances tx-slots-22 1 - ||
	cat $LOG
sleep 1
WORKER_FDS=$(fds "$WORKER") SUP_FDS=$(fds "$SUP")
WORKER_KB=$(memory "$WORKER") SUP_KB=$(memory "$SUP")
DROPS=$(drops) BEGAN=$(now)
SLACK=8192 # KiB: what waits for who has no processor is held, once
STORM=15 # percent of a processor
case $B in *san*) SLACK=32768 STORM=50 ;; esac

"$HOSTILE" --list >/tmp/lies
while IFS='|' read -r name id due variants how; do
	case $name in *"$LIE"*) ;; *) continue ;; esac
	case " ${LIES:-$name} " in *" $name "*) ;; *) continue ;; esac
	ok "$name ($id): $due" lie "$name" "$variants" "$how" </dev/null
	[ "${SLOW:-0}" = 0 ] || cat $LOG.cost
done </tmp/lies

echo "# before and after: worker $WORKER_FDS $(fds "$WORKER") descriptors," \
	"$WORKER_KB $(memory "$WORKER") KiB; netbackd" \
	"$SUP_FDS $(fds "$SUP"), $SUP_KB $(memory "$SUP") KiB"
kill $SEND $FLOOD
sleep 1
LATE=$(late)
wait $RECV
ok "the honest pair lost nothing: $(cat $LOG.seq)" \
	grep -q "lost=$LATE doubled=0 late=0" $LOG.seq
ok "the log did not run over: $(wc -l <$LOG) lines" \
	test "$(wc -l <$LOG)" -lt $((20000 + 2 * VIFS * ($(now) - BEGAN) / 1000))
ok 'every process is the first' test "$(worker)" = "$WORKER"
ok 'the store is too' kill -0 $STORE
done_testing
