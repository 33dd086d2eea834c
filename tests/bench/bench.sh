#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# bench.sh - measure against the named peers, side by side, in one run
#
#   bench.sh [AREA ..]      B=build, N=5 (rounds), S=3 (seconds of one sample)
#
# Everything runs in namespaces of its own, on the shipped programs. Ours and the
# peer take turns N times; the medians make a row of $B/bench/results.csv:
#   area,case,unit,ours,peer,peer_value,ratio      (ratio above 1: ours is better)
# Floors stand in tests/bench/limits.txt; a ratio below its floor fails.
. "$(dirname "$0")/../lib.sh"
OUT=$B/bench
mkdir -p "$OUT"
private "$@"
N=${N:-5}
S=${S:-3}
CSV=$OUT/results.csv
BENCH=$B/tests/bench
PIDS=
[ $# -gt 0 ] || set -- tap tcp latency idle

say()
{
	echo "bench: $*" >&2
}

median()
{
	sort -n | awk '{v[NR]=$1} END {if (NR) print v[int((NR + 1) / 2)]}'
}

# row AREA CASE UNIT OURS_FILE PEER PEER_FILE HIGHER|LOWER (which is better)
row()
{
	ours=$(median <"$4") peer=$(median <"$6")
	echo "$1,$2,$3,$ours,$5,$peer,$(awk -v a="$ours" -v b="$peer" -v w="$7" \
		'BEGIN {print w == "HIGHER" ? (b ? sprintf("%.2f", a / b) : "inf")
			: (a ? sprintf("%.2f", b / a) : "inf")}')" |
		tee -a "$CSV" >&2
}

background()
{
	"$@" &
	PIDS="$PIDS $!"
}

start_netback()
{
	background netbackd --run "$RUN" --store
	until_true 5 test -S "$RUN/store"
	background netbackd --run "$RUN"
	until_true 5 test -S "$RUN/control"
	ip link add br0 type bridge
	ip addr add 10.0.0.254/24 dev br0
	ip link set br0 up
}

worker_pid()
{
	vifctl --run "$RUN" show --json | tr -d ' \n' |
		sed -n 's/.*"worker":\([0-9]*\).*/\1/p' | head -n 1
}

# guest N: a vif on br0 with a guest behind it; its pid in G<N>.
guest()
{
	vifguest --run "$RUN" --vif "$1.0" --ip "10.0.0.$1/24" \
		>"/tmp/guest$1" 2>&1 &
	PIDS="$PIDS $!"
	vifctl --run "$RUN" attach "vif$1.0" bridge=br0 \
		"mac=02:00:00:00:0$1:00" >&2
	until_true 10 grep -q connected "/tmp/guest$1"
	eval "G$1=$(sed -n 's/.*netns pid \([0-9]*\).*/\1/p' "/tmp/guest$1")"
}

# peer N: a veth pair on the same bridge; a process holds its namespace.
peer()
{
	unshare -n sleep 100000 &
	pid=$!
	PIDS="$PIDS $pid"
	eval "V$1=$pid"
	until_true 5 sh -c "[ \$(readlink /proc/$pid/ns/net) != \
		\$(readlink /proc/$$/ns/net) ]"
	ip link add "peer$1" type veth peer name eth0 netns "$pid"
	ip link set "peer$1" master br0 up
	nsenter -t "$pid" -n ip addr add "10.0.0.10$1/24" dev eth0
	nsenter -t "$pid" -n ip link set eth0 up
}

# tcp_once CLIENT_PID SERVER_PID SERVER_ADDRESS: Gb/s
tcp_once()
{
	nsenter -t "$2" -n iperf3 -s -1 -D -I "/tmp/iperf$2"
	sleep 0.3
	nsenter -t "$1" -n iperf3 -c "$3" -t "$S" -J |
		sed -n '/"sum_received"/,/}/s/.*bits_per_second":[^0-9]*\([0-9.e+]*\).*/\1/p' |
		awk '{printf "%.3f\n", $1 / 1e9}'
}

bench_tcp()
{
	guest 1
	guest 2
	peer 1
	peer 2
	for i in $(seq "$N"); do
		tcp_once "$G1" "$G2" 10.0.0.2 >>/tmp/tcp.ours
		tcp_once "$V1" "$V2" 10.0.0.102 >>/tmp/tcp.peer
		say "tcp round $i: $(tail -n 1 /tmp/tcp.ours), veth $(tail -n 1 /tmp/tcp.peer) Gb/s"
	done
	row tcp g2g Gb/s /tmp/tcp.ours veth /tmp/tcp.peer HIGHER
}

# One line per reply, in microseconds.
pings()
{
	nsenter -t "$1" -n ping -i 0.002 -c 1000 "$2" |
		sed -n 's/.*time=\([0-9.]*\) ms/\1/p' |
		awk '{print $1 * 1000}' | sort -n
}

percentile()
{
	awk -v p="$1" '{v[NR]=$1} END {print v[int(NR * p / 100 + 0.5)]}'
}

bench_latency()
{
	[ -n "${G1:-}" ] || { guest 1; guest 2; peer 1; peer 2; }
	for i in $(seq "$N"); do
		pings "$G1" 10.0.0.2 >/tmp/ping
		percentile 50 </tmp/ping >>/tmp/p50.ours
		percentile 99 </tmp/ping >>/tmp/p99.ours
		pings "$V1" 10.0.0.102 >/tmp/ping
		percentile 50 </tmp/ping >>/tmp/p50.peer
		percentile 99 </tmp/ping >>/tmp/p99.peer
	done
	row latency ping-p50 us /tmp/p50.ours veth /tmp/p50.peer LOWER
	row latency ping-p99 us /tmp/p99.ours veth /tmp/p99.peer LOWER
}

rx_packets()
{
	cat "/sys/class/net/$1/statistics/rx_packets"
}

# Frames per second that the host counts in at DEV while a command runs.
rate_in()
{
	dev=$1
	shift
	from=$(rx_packets "$dev") t0=$(date +%s%N)
	"$@" >/tmp/rate.out
	to=$(rx_packets "$dev") t1=$(date +%s%N)
	awk -v n=$((to - from)) -v t=$((t1 - t0)) 'BEGIN {printf "%.0f\n", n * 1e9 / t}'
}

bench_tap()
{
	vifctl --run "$RUN" attach vif9.0 bridge=br0 mac=02:00:00:00:01:00 >&2 &
	"$BENCH/ringgen" --run "$RUN" --vif 9.0 rx 1 64 >/tmp/gen
	wait $!
	# neither side's frames go further than the host's own device
	ip link set vif9.0 nomaster
	ip tuntap add bare0 mode tap vnet_hdr
	ip link set bare0 up
	for i in $(seq "$N"); do
		up=$("$BENCH/ringgen" --run "$RUN" --vif 9.0 tx "$S" 64)
		echo "$up" | sed 's/.* \([0-9]*\) pps/\1/' >>/tmp/up.ours
		"$BENCH/taploop" bare0 write "$S" 64 |
			sed 's/.* \([0-9]*\) pps/\1/' >>/tmp/up.peer
		"$BENCH/ringgen" --run "$RUN" --vif 9.0 rx "$S" 64 >/tmp/rx &
		p=$!
		sleep 0.3
		"$BENCH/taploop" vif9.0 send "$S" 64 >/tmp/send
		wait "$p"
		sed 's/.* \([0-9]*\) pps/\1/' /tmp/rx >>/tmp/down.ours
		"$BENCH/taploop" bare0 read "$S" 64 >/tmp/rx &
		p=$!
		sleep 0.3
		"$BENCH/taploop" bare0 send "$S" 64 >/tmp/send
		wait "$p"
		sed 's/.* \([0-9]*\) pps/\1/' /tmp/rx >>/tmp/down.peer
		say "tap round $i: up $(tail -n 1 /tmp/up.ours) of" \
			"$(tail -n 1 /tmp/up.peer), down" \
			"$(tail -n 1 /tmp/down.ours) of" \
			"$(tail -n 1 /tmp/down.peer) frames/s"
	done
	row tap pps64-up frames/s /tmp/up.ours write /tmp/up.peer HIGHER
	row tap pps64-down frames/s /tmp/down.ours read /tmp/down.peer HIGHER
}

# Times a process went to sleep: each wake-up ends one.
sleeps()
{
	sed -n 's/^voluntary_ctxt_switches:[^0-9]*//p' "/proc/$1/status"
}

cpu_ns()
{
	for p in "$@"; do
		cut -d' ' -f1 "/proc/$p/schedstat"
	done | awk '{s += $1} END {printf "%.0f\n", s}'
}

bench_idle()
{
	vifctl --run "$RUN" attach vif20.0 bridge=br0 >&2 &
	background "$BENCH/ringgen" --run "$RUN" --vif 20.0 rx 300 64
	wait "$!" 2>&1 & # the generator stays; vifctl ends by itself
	until_true 10 sh -c "vifctl --run $RUN show vif20.0 | grep -q connected"
	sleep 1
	w=$(worker_pid)
	for i in $(seq "$N"); do
		n=$(sleeps "$w")
		sleep "$S"
		echo $((($(sleeps "$w") - n) / S)) >>/tmp/wakeups
	done
	echo 0 >/tmp/zero
	row idle wakeups 1/s /tmp/wakeups wanted /tmp/zero LOWER
	for d in $(seq 101 199); do
		background "$BENCH/ringgen" --run "$RUN" --vif "$d.0" rx 300 64
		vifctl --run "$RUN" attach "vif$d.0" bridge=br0 >&2
	done
	sleep 2
	for i in $(seq "$N"); do
		# shellcheck disable=SC2046 # pids
		set -- $(pgrep -g 0 netbackd)
		c=$(cpu_ns "$@")
		sleep "$S"
		awk -v a="$c" -v b="$(cpu_ns "$@")" -v s="$S" \
			'BEGIN {printf "%.4f\n", (b - a) / s / 1e7}' >>/tmp/cpu100
	done
	echo 0.2 >/tmp/limit
	row idle cpu-100-vifs % /tmp/cpu100 wanted /tmp/limit LOWER
}

echo area,case,unit,ours,peer,peer_value,ratio >"$CSV"
start_netback
for area in "$@"; do
	"bench_$area"
done
# shellcheck disable=SC2086 # pids
kill $PIDS
sh "$ROOT/tests/bench/limits.sh" "$CSV" "$ROOT/tests/bench/limits.txt"
