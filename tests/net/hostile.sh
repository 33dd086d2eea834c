#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hostile.sh - guests that lie, beside two that do not: one point for each lie
#
#   LIE=part of a name, or LIES='name name'; N=repetitions (3), SLOW=1: print what
#   each costs; VIFS=guests that tell it at once (16; 256 for the long run, since one
#   that was refused waits a second before its next try)
#
# Domains 9.. tell lies to the worker that carries numbered datagrams between
# domains 1 and 2 by a bridge, and from ring to ring (direct=yes) between 3 and 4;
# 3 sends to 16 of the liars that way, too, and their lies of it are for 3. A point
# holds when the lie ended as its row says (tests/guest/hostile), the vif served an
# honest guest afterwards, the same processes are alive with the same descriptors and
# memory, nothing of the honest pairs' was dropped, and their rate was kept.
. "$(dirname "$0")/../lib.sh"
private "$@"

N=${N:-3}
VIFS=${VIFS:-16}
LIE=${LIE:-}
RATE=500   # datagrams of each honest pair, a second
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
mac()
{
	printf '00:16:3e:00:%02x:%02x' $(($1 / 256)) $(($1 % 256))
}

attach()
{
	vifctl attach "vif$1.0" "bridge=$2" "mac=$(mac "$1")" "direct=$3" \
		>/dev/null
}
attach 1 br0 no
attach 2 br0 no
attach 3 br1 yes
attach 4 br1 yes
d=$FIRST
while [ $d -lt $((FIRST + VIFS)) ]; do
	attach $d br1 yes
	d=$((d + 1))
done
bridge link set dev vif4.0 flood off # what 4 receives is 3's

# --- the honest pairs, and what they and the host send to the others --------------

for n in 1 2 3 4; do
	vifguest --vif $n.0 --ip 10.$((n / 3)).0.$n/24 --stats >$LOG.g$n \
		2>$LOG.s$n &
	eval "G$n=$!"
	until_true 10 grep -q connected $LOG.g$n
done

# pid N: for nsenter, which & has to see itself
pid()
{
	eval "echo \$G$1"
}

# pair FROM TO ADDRESS: a numbered stream, which lasts
pair()
{
	nsenter -t "$(pid "$2")" -n "$SEQ" recv 5000 >"$LOG.seq$2" &
	eval "RECV$2=$!"
	until_true 5 listening 5000 nsenter -t "$(pid "$2")" -n
	nsenter -t "$(pid "$1")" -n "$SEQ" send "$3" 5000 $RATE $LASTS \
		>/dev/null &
	PAIRS="$PAIRS $!"
}
PAIRS=
pair 1 2 10.0.0.2
pair 3 4 10.1.0.4
n=$FIRST
while [ $n -lt $((FIRST + (VIFS < 16 ? VIFS : 16))) ]; do
	nsenter -t "$(pid 3)" -n ip neigh add 10.1.0.$n lladdr "$(mac $n)" \
		dev eth0
	n=$((n + 1))
done
nsenter -t "$(pid 3)" -n python3 -c "
import socket, time
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
while True:
    for d in range($FIRST, $n):
        s.sendto(bytes(100), ('10.1.0.%d' % d, 5000))
    time.sleep(0.02)" &
TO_LIARS=$!
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

# The honest pairs' drops, whoever made them.
drops()
{
	for drops_n in 1 2 3 4; do
		ask stats vif$drops_n.0
	done | grep -oE '"(tx_(bad_(slots|size|grant|offload)|short)|lost|'\
'rx_(no_room|too_big|bad_grant)|tap_(in|out)_drop)": *[0-9]+' |
		awk -F: '{ n += $2 } END { print n + 0 }'
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

# late N: datagrams that honest receiver itself was too late for.
late()
{
	nsenter -t "$(pid "$1")" -n awk '$2 ~ /:1388$/ { n = $NF } END { print n + 0 }' \
		/proc/net/udp
}

# What came to 2 and to 4.
came()
{
	echo "$(field "$(ask stats vif2.0)" rx_frames)" \
		"$(field "$(ask stats vif4.0)" rx_frames)"
}

grown()
{
	[ "$(memory "$1")" -le $(($2 + SLACK)) ] ||
		{ echo "$(cat "/proc/$1/comm"): $(memory "$1") KiB, was $2"; false; }
}

# 95 % of the rates since a lie began, less what one pause at either end may hide: the
# sender makes up for the time that it had no processor, the backend for a loss does
# not. $1 $2: what had come before
rate_kept()
{
	rate_ms=$(($(now) - lie_t))
	rate_n=$(came)
	rate_2=$((${rate_n% *} - $1)) rate_4=$((${rate_n#* } - $2))
	rate_n=$(((rate_ms - 50) * RATE * 95 / 100))
	[ $((rate_2 * 1000)) -ge $rate_n ] && [ $((rate_4 * 1000)) -ge $rate_n ] ||
		{ echo "$rate_2 and $rate_4 honest frames in $rate_ms ms"; return 1; }
}

# Nobody else has noticed anything. $1 $2: what had come before
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
	until_true 2 rate_kept "$1" "$2" || return 1
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
	lie_f=$(came)
	lie_l=$(late 2) lie_t=$(now) lie_c=$(cpu "$WORKER") lie_s=$(cpu "$SUP")
	instances "$@"
	lie_rc=$?
	lie_ms=$(($(now) - lie_t))
	lie_c=$((($(cpu "$WORKER") - lie_c) * 10))
	lie_l=$(($(late 2) - lie_l))
	echo "# $lie_ms ms, worker $lie_c ms, netbackd $((\
		$(cpu "$SUP") - lie_s))0 ms, receiver late $lie_l" >$LOG.cost
	[ $lie_rc = 0 ] && unharmed "${lie_f% *}" "${lie_f#* }" || return 1
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
# shellcheck disable=SC2086 # words
kill $PAIRS $FLOOD $TO_LIARS
sleep 1
for n in 2 4; do
	LATE=$(late $n)
	eval "wait \$RECV$n"
	ok "the honest pair of $n lost nothing: $(cat $LOG.seq$n)" \
		grep -q "lost=$LATE doubled=0 late=0" $LOG.seq$n
done
direct_4=$(field "$(ask stats vif4.0)" direct_in)
ok 'to 4 it was mostly direct' [ $((direct_4 * 2)) -gt \
	"$(field "$(ask stats vif4.0)" rx_frames)" ]
ok 'and some to the liars' [ "$(field "$(ask stats vif3.0)" direct_out)" -gt \
	"$direct_4" ]
ok "the log did not run over: $(wc -l <$LOG) lines" \
	test "$(wc -l <$LOG)" -lt $((20000 + 2 * VIFS * ($(now) - BEGAN) / 1000))
ok 'every process is the first' test "$(worker)" = "$WORKER"
ok 'the store is too' kill -0 $STORE
done_testing
