#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# bench.sh - measure against the named peers, side by side, in one run
#
#   bench.sh [tap|tcp|latency|idle|insn|filter|broadcast|ring|memory|
#            upgrade|crowd ..]
#     N=7 rounds, S=3 seconds of a sample, VIFS=100, CROWD=1000; QUICK=1: all small;
#     NICE=-15 where others are at work on the machine
#
# Everything runs in namespaces of its own, on the shipped programs. Ours and
# the peer take turns N times; the medians make a row of $B/bench/results.csv
# (quick.csv with QUICK=1). A ratio above 1: ours is better. tests/bench/
# limits.txt holds floors; a ratio below its floor fails.
. "$(dirname "$0")/../lib.sh"
set -eu
OUT=$B/bench
mkdir -p "$OUT"
# NICE needs a session of its own: the kernel groups tasks by session.
if [ -n "${NICE:-}" ] && [ "${NETBACK_SESSION:-}" != 1 ]; then
	NETBACK_SESSION=1 exec setsid -w sh "$0" "$@"
fi
private "$@"
if [ "${QUICK:-0}" = 1 ]; then
	N=${N:-1} S=${S:-0.3} VIFS=${VIFS:-4} PINGS=${PINGS:-50} SETTLE=1
	CSV=${CSV:-$OUT/quick.csv} AREAS="tap tcp latency idle insn filter broadcast memory upgrade crowd"
	GUARDS=${GUARDS:-4} BPORTS=${BPORTS:-4} CROWD=${CROWD:-4}
else
	N=${N:-7} S=${S:-3} VIFS=${VIFS:-100} PINGS=${PINGS:-1000} SETTLE=11
	CSV=${CSV:-$OUT/results.csv} CROWD=${CROWD:-1000}
fi
BENCH=$B/tests/bench
SIZE=64
# The worker and the peer's loop have the last CPU; who feeds them, the others.
CPUS=$(nproc)
LAST=$((CPUS - 1))
OTHERS=0$([ "$CPUS" -le 2 ] || echo "-$((CPUS - 2))")
PIDS=
ALL="tap tcp latency idle insn filter broadcast ring memory upgrade crowd"
# shellcheck disable=SC2086 # words
[ $# -gt 0 ] || set -- ${AREAS:-$ALL}

say()
{
	echo "bench: $*" >&2
}

die()
{
	say "$@"
	exit 1
}

median()
{
	sort -n "$1" | awk '{v[NR] = $1} END {if (NR) print v[int((NR + 1) / 2)]}'
}

# ratio OURS PEER HIGHER|LOWER (is better): at most 1000, and 1 for 0 of 0.
ratio()
{
	awk -v a="$1" -v b="$2" -v w="$3" 'BEGIN {
		if (w == "LOWER") { t = a; a = b; b = t }
		r = b > 0 ? a / b : a > 0 ? 1000 : 1
		printf "%.2f\n", (r > 1000 ? 1000 : r)
	}'
}

# row AREA CASE UNIT OURS_FILE PEER PEER_FILE HIGHER|LOWER
row()
{
	ours=$(median "$4") peer=$(median "$6")
	case ${ours:-none}${peer:-none} in
	*none*) die "$1,$2: no samples" ;;
	esac
	echo "$1,$2,$3,$ours,$5,$peer,$(ratio "$ours" "$peer" "$7")" |
		tee -a "$CSV" >&2
	say "$1,$2: all of ours $(sort -n "$4" | tr '\n' ' ')"
	say "$1,$2: all of $5 $(sort -n "$6" | tr '\n' ' ')"
}

# Whatever went wrong, nobody is left who holds our caller's pipe.
finish()
{
	# shellcheck disable=SC2086 # pids
	[ -z "$PIDS" ] || kill $PIDS || : # some are gone already
}

background()
{
	"$@" &
	PIDS="$PIDS $!"
}

start_netback()
{
	sysctl -qw net.ipv6.conf.all.disable_ipv6=1
	sysctl -qw net.ipv6.conf.default.disable_ipv6=1
	background netbackd --run "$RUN" --store
	until_true 5 test -S "$RUN/store"
	background netbackd --run "$RUN"
	until_true 5 test -S "$RUN/control"
}

# bridge NAME: silent but for its ports.
bridge()
{
	ip link add "$1" type bridge mcast_snooping 0 forward_delay 0
	ip link set "$1" up
}

# Every process of netbackd: supervisor, nursery, workers, store.
netbackds()
{
	pgrep '^netback'
}

worker()
{
	vifctl show --json "$1" | sed -n 's/.*"worker": *\([0-9]*\).*/\1/p'
}

# --- tap: frames a second between rings and tap, against a bare loop ----------

of_dev()
{
	cat "/sys/class/net/$1/statistics/$2"
}

# up DEV COMMAND..: frames a second that the host counts in at DEV.
up()
{
	up_dev=$1
	shift
	up_n=$(of_dev "$up_dev" rx_packets)
	"$@" >/tmp/up
	awk -v n=$(($(of_dev "$up_dev" rx_packets) - up_n)) \
		'{printf "%.0f\n", n / $3}' /tmp/up
}

# down DEV COMMAND..: what COMMAND takes while DEV is flooded. The flood gives way
# to the guest on its CPU, and has to have frames to spare.
down()
{
	down_dev=$1
	shift
	down_n=$(of_dev "$down_dev" tx_dropped)
	nice -n 10 taskset -c "$OTHERS" \
		"$BENCH/taploop" "$down_dev" send 1000 $SIZE &
	down_pid=$!
	"$@" >/tmp/down
	kill -s PIPE "$down_pid" # the one signal that sh is silent about
	wait "$down_pid" || :
	awk -v spare=$(($(of_dev "$down_dev" tx_dropped) - down_n)) \
		-v dev="$down_dev" '
		spare < $1 / 100 { print "bench: " dev ": fed too slowly, only " \
			spare " frames to spare of " $1 >"/dev/stderr" }
		{ print $(NF - 1) }' /tmp/down
}

ringgen()
{
	taskset -c "$OTHERS" \
		"$BENCH/ringgen" --run "$RUN" --vif 9.0 "$1" "$S" $SIZE
}

taploop()
{
	taskset -c "$LAST" "$BENCH/taploop" bare0 "$1" "$S" $SIZE
}

# Ours is as attached, guard and all, but out of the bridge: what is measured
# ends at the host's own device, as the peer's does.
tap_setup()
{
	bridge brtap
	"$BENCH/ringgen" --run "$RUN" --vif 9.0 idle 0.1 $SIZE >/tmp/first &
	tap_pid=$!
	vifctl attach vif9.0 bridge=brtap mac=02:00:00:00:09:00 ip=10.9.0.2
	wait "$tap_pid"
	ip link set vif9.0 nomaster
	taskset -cp "$LAST" "$(worker vif9.0)" >/dev/null
	ip tuntap add bare0 mode tap vnet_hdr
	ip link set bare0 up
}

# The host counts a frame before the guard sees it: none may be refused.
tap_refused()
{
	nft list table netdev netback-vif9.0 |
		awk '/packets/ {n += $2} END {print n + 0}'
}

# The same without the guard's table, which the peer has none of either: what
# is left is the price of rings, bells and confinement.
tap_unguarded()
{
	nft delete table netdev netback-vif9.0
	for i in $(seq "$N"); do
		up vif9.0 ringgen tx >>/tmp/bare.ours
		up bare0 taploop write >>/tmp/bare.peer
	done
	row tap pps64-up-unguarded frames/s /tmp/bare.ours write \
		/tmp/bare.peer HIGHER
}

bench_tap()
{
	tap_setup
	for i in $(seq "$N"); do
		up vif9.0 ringgen tx >>/tmp/up.ours
		up bare0 taploop write >>/tmp/up.peer
		down vif9.0 ringgen rx >>/tmp/down.ours
		down bare0 taploop read >>/tmp/down.peer
		say "tap round $i: up $(tail -n 1 /tmp/up.ours) of" \
			"$(tail -n 1 /tmp/up.peer), down" \
			"$(tail -n 1 /tmp/down.ours) of" \
			"$(tail -n 1 /tmp/down.peer) frames/s"
	done
	[ "$(tap_refused)" = 0 ] || die "the guard refused our frames"
	row tap pps64-up frames/s /tmp/up.ours write /tmp/up.peer HIGHER
	row tap pps64-down frames/s /tmp/down.ours read /tmp/down.peer HIGHER
	tap_unguarded
	taskset -cp "0-$LAST" "$(worker vif9.0)" >/dev/null
	vifctl detach vif9.0
}

# --- tcp, latency: two guests and two veth peers on one bridge ----------------

# guest N: its pid in G<N>.
guest()
{
	background vifguest --run "$RUN" --vif "$1.0" --ip "10.0.0.$1/24" \
		>"/tmp/guest$1"
	vifctl attach "vif$1.0" bridge=br0 "mac=02:00:00:00:0$1:00" \
		"ip=10.0.0.$1"
	until_true 10 grep -q connected "/tmp/guest$1"
	eval "G$1=$(sed -n 's/.*netns pid \([0-9]*\).*/\1/p' "/tmp/guest$1")"
}

in_other_net()
{
	[ "$(readlink "/proc/$1/ns/net")" != "$(readlink /proc/$$/ns/net)" ]
}

# peer N: a veth pair; a sleeping process holds its namespace, its pid in V<N>.
peer()
{
	background unshare -n sleep 100000
	peer_pid=$!
	eval "V$1=$peer_pid"
	until_true 5 in_other_net "$peer_pid"
	ip link add "peer$1" type veth peer name eth0 netns "$peer_pid"
	ip link set "peer$1" master br0 up
	nsenter -t "$peer_pid" -n ip addr add "10.0.0.10$1/24" dev eth0
	nsenter -t "$peer_pid" -n ip link set eth0 up
}

four()
{
	[ -z "${G1:-}" ] || return 0
	bridge br0
	guest 1
	guest 2
	peer 1
	peer 2
	nsenter -t "$G1" -n ping -qc 3 -i 0.1 10.0.0.2 >/dev/null
	nsenter -t "$V1" -n ping -qc 3 -i 0.1 10.0.0.102 >/dev/null
}

listens()
{
	nsenter -t "$1" -n ss -Hltn | grep -q :5201
}

# tcp_once CLIENT_PID SERVER_PID SERVER_ADDRESS: Gb/s, as the receiver counts
tcp_once()
{
	nsenter -t "$2" -n iperf3 -s -1 >/dev/null &
	tcp_pid=$!
	until_true 5 listens "$2"
	nsenter -t "$1" -n iperf3 -c "$3" -t "$(echo "$S" |
		awk '{print $1 < 1 ? 1 : int($1)}')" -J >/tmp/iperf
	wait "$tcp_pid"
	sed -n '/"sum_received"/,/}/s/.*bits_per_second":[^0-9]*\([0-9.e+]*\).*/\1/p' \
		/tmp/iperf | awk '{printf "%.3f\n", $1 / 1e9}'
}

bench_tcp()
{
	four
	for i in $(seq "$N"); do
		tcp_once "$G1" "$G2" 10.0.0.2 >>/tmp/tcp.ours
		tcp_once "$V1" "$V2" 10.0.0.102 >>/tmp/tcp.peer
		say "tcp round $i: $(tail -n 1 /tmp/tcp.ours) of" \
			"$(tail -n 1 /tmp/tcp.peer) Gb/s"
	done
	row tcp g2g Gb/s /tmp/tcp.ours veth /tmp/tcp.peer HIGHER
	tcp_direct
}

# The same two guests, by direct=yes, in turn with the peer again.
tcp_direct()
{
	vifctl set vif1.0 direct=yes
	vifctl set vif2.0 direct=yes
	for i in $(seq "$N"); do
		tcp_once "$G1" "$G2" 10.0.0.2 >>/tmp/direct.ours
		tcp_once "$V1" "$V2" 10.0.0.102 >>/tmp/direct.peer
	done
	vifctl show stats vif1.0 | grep -q ' direct_out=[1-9]' ||
		die 'nothing went directly'
	row tcp g2g-direct Gb/s /tmp/direct.ours veth /tmp/direct.peer HIGHER
	vifctl set vif1.0 direct=no
	vifctl set vif2.0 direct=no
}

# Microseconds of each reply, sorted.
pings()
{
	nsenter -t "$1" -n ping -i 0.002 -c "$PINGS" "$2" |
		sed -n 's/.*time=\([0-9.]*\) ms/\1/p' |
		awk '{print $1 * 1000}' | sort -n
}

percentile()
{
	awk -v p="$1" '{v[NR] = $1} END {print v[int(NR * p / 100 + 0.5)]}' \
		/tmp/pings
}

bench_latency()
{
	ring_latency
	four
	for i in $(seq "$N"); do
		pings "$G1" 10.0.0.2 >/tmp/pings
		percentile 50 >>/tmp/p50.ours
		percentile 99 >>/tmp/p99.ours
		pings "$V1" 10.0.0.102 >/tmp/pings
		percentile 50 >>/tmp/p50.peer
		percentile 99 >>/tmp/p99.peer
		say "latency round $i: $(tail -n 1 /tmp/p50.ours) us," \
			"veth $(tail -n 1 /tmp/p50.peer) us"
	done
	row latency ping-p50 us /tmp/p50.ours veth /tmp/p50.peer LOWER
	row latency ping-p99 us /tmp/p99.ours veth /tmp/p99.peer LOWER
}

# --- idle: what silent vifs cost, in all of netbackd's processes --------------

# Times a thread went to sleep: each wake-up ends in one.
sleeps()
{
	for p in $(netbackds); do
		cat /proc/"$p"/task/*/status
	done | awk '/^voluntary_ctxt/ {n += $2} END {print n}'
}

cpu_ns()
{
	for p in $(netbackds); do
		cat /proc/"$p"/task/*/schedstat
	done | awk '{n += $1} END {printf "%.0f\n", n}'
}

# idle VIF: a guest that connects and says nothing.
idle()
{
	background "$BENCH/ringgen" --run "$RUN" --vif "$1.0" idle 1000 $SIZE
	vifctl attach "vif$1.0" bridge=bridle
	until_true 10 running "vif$1.0"
}

running()
{
	vifctl show "$1" | grep -q ' backend=connected frontend=connected'
}

bench_idle()
{
	bridge bridle
	idle 1000
	sleep "$SETTLE" # one late wake-up after a connection is not silence
	for i in $(seq "$N"); do
		n=$(sleeps)
		sleep "$S"
		awk -v a="$n" -v b="$(sleeps)" -v s="$S" \
			'BEGIN {print (b - a) / s}' >>/tmp/wakeups
	done
	echo 0 >/tmp/wakeups.wanted
	row idle wakeups 1/s /tmp/wakeups wanted /tmp/wakeups.wanted LOWER
	for d in $(seq 1001 $((999 + VIFS))); do
		idle "$d"
	done
	sleep "$SETTLE"
	for i in $(seq "$N"); do
		n=$(cpu_ns)
		sleep "$S"
		awk -v a="$n" -v b="$(cpu_ns)" -v s="$S" \
			'BEGIN {printf "%.4f\n", (b - a) / s / 1e7}' >>/tmp/cpu
	done
	echo 0.2 >/tmp/cpu.wanted
	row idle "cpu-$VIFS-vifs" % /tmp/cpu wanted /tmp/cpu.wanted LOWER
}

# shellcheck source=tests/bench/filter.sh
. "$ROOT/tests/bench/filter.sh"
# shellcheck source=tests/bench/ring.sh
. "$ROOT/tests/bench/ring.sh"
# shellcheck source=tests/bench/crowd.sh
. "$ROOT/tests/bench/crowd.sh"
# shellcheck source=tests/bench/pause.sh
. "$ROOT/tests/bench/pause.sh"

# --- all ----------------------------------------------------------------------

# Where the figures come from; doc/benchmarks.md quotes it.
machine()
{
	echo "cpu: $(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)"
	echo "cores: $CPUS"
	echo "memory: $(awk '/MemTotal/ {printf "%.0f", $2 / 1048576}' \
		/proc/meminfo) GiB"
	echo "kernel: $(uname -r)"
	echo "netback: $(git -C "$ROOT" log -1 --format='%h of %cs' 2>&1)"
	echo "rounds: $N, samples of $S s, load before: $(cut -d' ' -f1 \
		/proc/loadavg)"
}

if [ -n "${NICE:-}" ]; then
	renice -n "$NICE" $$ >/dev/null
	[ ! -w /proc/$$/autogroup ] || echo "$NICE" >/proc/$$/autogroup
fi
trap finish EXIT
[ "${QUICK:-0}" = 1 ] || machine >"$OUT/machine.txt"
echo area,case,unit,ours,peer,peer_value,ratio >"$CSV"
start_netback
for area in "$@"; do
	"bench_$area"
done
finish
PIDS=
if [ "${QUICK:-0}" != 1 ] && [ "$*" = "$ALL" ]; then
	sh "$ROOT/tests/bench/limits.sh" "$CSV" "$ROOT/tests/bench/limits.txt"
fi
