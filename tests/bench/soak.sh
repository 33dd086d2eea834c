#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# soak.sh - minutes of kills, reconnects, attaches and lies; fails on growth
#
#   tests/bench/soak.sh MINUTES
#
# Two honest guests talk all the time. Round after round one of these happens: a
# worker is killed, the supervisor is (a stand-in for the service manager starts it
# again), a guest comes back with another number of queues, a vif is detached and
# attached, a lie is told. After each ten rounds the worker's and the supervisor's
# memory, descriptors and mappings are written to build/soak.csv. Growth beyond
# the slack after the first fifth of the time, a dead guest, or something a backend
# may not do is a failure.
. "$(dirname "$0")/../lib.sh"
OUT=$B/soak.csv
private "$@"

MINUTES=${1:-1}
HOSTILE=$B/tests/guest/hostile
HERE=$(dirname "$0")
# Guest 3 has 1 to 8 queues, four descriptors each.
SLACK_KB=4096 SLACK_FDS=64 SLACK_MAPS=24
case $B in *san*) SLACK_KB=65536 ;; esac
export ASAN_OPTIONS=quarantine_size_mb=1:detect_leaks=0

. "$(dirname "$0")/../host.sh"
need_tun soak

netbackd --store --run "$RUN" 2>>$LOG.store &
until_true 5 xenstore-ls /
: >"$LOG.pids"
python3 "$HERE/../net/manager.py" "$LOG.notify" netbackd --run "$RUN" --workers 2 \
	>>"$LOG.pids" 2>>$LOG &
until_true 10 has_worker 0
for n in 0 1; do
	ip link add br$n type bridge mcast_snooping 0 forward_delay 0
	ip addr add 10.$n.0.254/24 dev br$n
	ip link set br$n up
done
attach()
{
	vifctl attach "vif$1.0" "bridge=br$2" \
		"mac=$(printf '00:16:3e:00:00:%02x' "$1")" >/dev/null
}
guest()
{
	: >"$LOG.g$1"
	vifguest --wait 60 --vif "$1.0" --ip "10.0.0.$1/24" --queues "$2" \
		>"$LOG.g$1" 2>&1 &
	eval "G$1=$!"
	until_true 60 grep -q connected "$LOG.g$1"
}
for n in 1 2 3; do
	attach $n 0
	guest $n $n
done
for n in 9 10 11 12; do
	attach $n 1
done
nsenter -t "$G1" -n ping -q -i 0.01 10.0.0.2 >/dev/null &

supervisor()
{
	sed -n 's/^pid //p' "$LOG.pids" | tail -n 1
}
# Not "worker" alone: there are two. One that is not there is 0, and `kill 0` is us.
workers()
{
	show | sed -n 's/.*"workers":\[\([0-9,]*\)\].*/\1/p' | tr ',' '\n' | grep -vx 0
}
kb()
{
	sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"
}
# The largest of what supervisor and workers have.
most()
{
	for p in $(supervisor) $(workers); do
		case $1 in
		kb) kb "$p" ;;
		fds) ls "/proc/$p/fd" | wc -l ;;
		maps) wc -l <"/proc/$p/maps" ;;
		esac
	done 2>/dev/null | sort -n | tail -n 1
}
pick()
{
	echo $(($(od -An -N2 -tu2 /dev/urandom) % $1))
}
answers()
{
	ping -q -c 1 -W 1 10.0.0.1 && ping -q -c 1 -W 1 10.0.0.3
}

# A minute by the clock: each try takes seconds when nobody answers.
answers_soon()
{
	answers_end=$(($(date +%s) + 60))
	until answers >"$LOG.answers" 2>&1; do
		[ "$(date +%s)" -lt $answers_end ] || return 1
	done
}

LIES=$("$HOSTILE" --list | cut -d'|' -f1 | grep -v storm)
kills_w=0 kills_s=0 comes=0 attaches=0 lies=0
once()
{
	case $(pick 5) in
	0)
		# shellcheck disable=SC2046 # words
		set -- $(workers)
		[ $# = 0 ] || { kill -9 "$1" && kills_w=$((kills_w + 1)); }
		;;
	1) kill -9 "$(supervisor)" && kills_s=$((kills_s + 1)) ;;
	2)
		kill "$G3"
		wait "$G3"
		guest 3 $((1 + $(pick 8)))
		comes=$((comes + 1))
		;;
	3)
		vifctl detach vif12.0 >>"$LOG.ctl" 2>&1
		attach 12 1 2>>"$LOG.ctl"
		attaches=$((attaches + 1))
		;;
	4)
		what=$(echo "$LIES" | sed -n "$((1 + $(pick "$(echo "$LIES" |
			wc -l)")))p")
		timeout 10 "$HOSTILE" "$RUN" $((9 + $(pick 3))) "$what" 0 \
			>>"$LOG.lies" 2>&1
		lies=$((lies + 1))
		;;
	esac
}

echo 'seconds,rounds,rss_kb,fds,maps' >"$OUT"
START=$(date +%s) round=0 settled=0 base_kb=0 base_fds=0 base_maps=0 BAD=
SECONDS_ALL=$((MINUTES * 60))
while [ $(($(date +%s) - START)) -lt $SECONDS_ALL ]; do
	once
	round=$((round + 1))
	sleep 0.2
	[ $((round % 10)) = 0 ] || continue
	answers_soon || { BAD="guests do not answer after $round rounds"; break; }
	# What closes late has closed: descriptors of a supervisor before this one
	# that nobody took are given back after 2 s.
	sleep 3
	t=$(($(date +%s) - START))
	k=$(most kb) f=$(most fds) m=$(most maps)
	echo "$t,$round,$k,$f,$m" >>"$OUT"
	if [ $settled = 0 ]; then
		[ $t -lt $((SECONDS_ALL / 5)) ] || settled=1
		[ "$k" -le $base_kb ] || base_kb=$k
		[ "$f" -le $base_fds ] || base_fds=$f
		[ "$m" -le $base_maps ] || base_maps=$m
		continue
	fi
	[ "$k" -le $((base_kb + SLACK_KB)) ] || BAD="RSS $k KiB, was $base_kb"
	[ "$f" -le $((base_fds + SLACK_FDS)) ] || BAD="$f descriptors, were $base_fds"
	[ "$m" -le $((base_maps + SLACK_MAPS)) ] || BAD="$m mappings, were $base_maps"
	[ -z "$BAD" ] || break
done
# What is known of a guest that does not answer, before it is gone.
tell()
{
	vifctl show
	for n in 1 3; do
		vifctl show ring vif$n.0
		tail -n 5 "$LOG.g$n"
		ip -s link show vif$n.0
		bridge fdb show dev vif$n.0
	done
	ip neigh
	nft list counters
	tail -n 40 $LOG
}
[ -z "$BAD" ] || tell 2>&1 | sed 's/^/# /'
echo "# $round rounds: $kills_w workers and $kills_s supervisors killed," \
	"$comes reconnects, $attaches attaches, $lies lies"
echo "# $(tail -n 1 "$OUT" | awk -F, '{
	print "RSS " $3 " KiB, " $4 " descriptors, " $5 " mappings" }')"
same "no growth in $MINUTES minutes" '' "$BAD"
ok 'the guests answer' answers_soon
ok 'and saw nothing that a backend may not do' fails grep -h 'what it may not' \
	"$LOG.g1" "$LOG.g2" "$LOG.g3"
ok 'no sanitizer spoke' fails grep -hE 'Sanitizer|runtime error' $LOG $LOG.store
done_testing
