#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# demo.sh - two guests on a bridge, talking while their backend is killed
#
#   make demo          (as root; or as anybody where user namespaces are allowed)
#
# Everything happens in namespaces of its own under one unshare whose end is the
# end of every process in it: nothing is left, SIGKILL included. Exit status 0
# only if every line said yes.
set -u
B=${B:-build}
ROOT=$(cd "$(dirname "$0")/.." && pwd)
case $B in /*) ;; *) B=$ROOT/$B ;; esac

if [ "${DEMO_INSIDE:-}" != 1 ]; then
	for p in netbackd vifctl vifguest tests/guest/udpseq; do
		[ -x "$B/$p" ] || { echo "demo: no $B/$p; run make" >&2; exit 1; }
	done
	if [ ! -w /dev/net/tun ]; then
		echo "demo: /dev/net/tun: not writable; run as root" >&2
		exit 1
	fi
	set -- --pid --fork --kill-child --mount --mount-proc --net --ipc
	[ "$(id -u)" = 0 ] || set -- --user --map-root-user "$@"
	exec setpriv --pdeathsig KILL unshare "$@" env DEMO_INSIDE=1 B="$B" \
		sh "$ROOT/scripts/demo.sh"
fi

PATH=$B:$B/tests/guest:$PATH:/usr/sbin:/sbin
export PATH
KILLS=3
TCP_SECONDS=3
PORT=5201
bad=0
table=

say()
{
	echo
	echo "== $*"
}

# claim TEXT COMMAND..: what must be true for exit status 0.
claim()
{
	text=$1
	shift
	if "$@" >"$RUN/claim" 2>&1; then
		echo "   yes  $text"
	else
		echo "    NO  $text"
		sed 's/^/        /' "$RUN/claim"
		bad=1
	fi
}

# The closing table, and why it went wrong if it did.
report()
{
	say 'Measured here and now'
	printf '%s' "$table"
	echo
	if [ $bad = 0 ]; then
		echo 'Every line said yes.'
	else
		echo 'Some line said NO. Logs:'
		tail -n 20 "$RUN"/*.log
	fi
}

# must TEXT COMMAND..: a claim without which there is nothing more to see.
must()
{
	claim "$@"
	[ $bad = 0 ] || { report; exit 1; }
}

# row NAME VALUE: one line of the closing table.
row()
{
	table="$table$(printf '  %-44s %s' "$1" "$2")
"
}

# soon COMMAND..: true as soon as the command is, within twenty seconds.
soon()
{
	soon_n=1000
	until "$@" >/dev/null 2>&1; do
		soon_n=$((soon_n - 1))
		[ "$soon_n" -gt 0 ] || { "$@"; return 1; }
		sleep 0.02
	done
}

# json FILE EXPRESSION: a value out of a JSON document (d).
json()
{
	python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))
print(eval(sys.argv[2]))' "$@"
}

# in_guest N COMMAND..
in_guest()
{
	in_pid=$(cat "$RUN/g$1.pid")
	shift
	nsenter -t "$in_pid" -n -- "$@"
}

worker_pid()
{
	vifctl --json show vif1.0 >"$RUN/show.json" &&
		json "$RUN/show.json" 'd[0]["worker"] or 0'
}

# A fresh worker: alive, and another than $1.
worker_other()
{
	now=$(worker_pid) && [ "$now" != "$1" ] && [ "$now" -gt 0 ]
}

start_host()
{
	mount -t tmpfs -o mode=755 tmpfs /run
	RUN=/run/netback
	export NETBACK_RUN=$RUN TMPDIR=/run
	mkdir -p $RUN
	mount -t sysfs sysfs /sys
	ip link set lo up
	# A namespace starts with every bridge calling iptables; a host does not
	if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then
		sysctl -qw net.bridge.bridge-nf-call-iptables=0
	fi
	netbackd --run $RUN --store 2>$RUN/store.log &
	soon test -S $RUN/store || exit 1
	netbackd --run $RUN 2>$RUN/netbackd.log &
	soon test -S $RUN/control || exit 1
	ip link add br0 type bridge
	ip addr add 10.0.0.254/24 dev br0
	ip link set br0 up
	echo "   br0 10.0.0.254/24, store and netbackd are running"
}

# start_guest N: its own namespace, 10.0.0.N
start_guest()
{
	echo "   vifguest --vif $1.0 --ip 10.0.0.$1/24 -- sleep infinity"
	vifguest --run $RUN --vif "$1.0" --ip "10.0.0.$1/24" -- \
		sh -c "echo \$\$ >$RUN/g$1.pid; exec sleep infinity" \
		2>"$RUN/g$1.log" &
}

attach()
{
	echo "   vifctl attach vif$1.0 bridge=br0 mac=00:16:3e:00:00:0$1"
	vifctl -v attach "vif$1.0" bridge=br0 "mac=00:16:3e:00:00:0$1" \
		>"$RUN/attach.out" 2>&1
	rc=$?
	# the guard's own rules are for vifctl plan
	sed -n '/^table/q; s/^/        /p' "$RUN/attach.out"
	must "vif$1.0 is attached" test $rc = 0
	must "g$1 is up with its eth0" soon test -s "$RUN/g$1.pid"
	# Who is not given a processor for a second loses nothing for that.
	ip link set "vif$1.0" txqueuelen 5000
	in_guest "$1" ip link set eth0 txqueuelen 5000
}

# pings WHO N ADDRESS: five, and their median time
pings()
{
	in_guest "$2" ping -q -i 0.05 -c 1 -w 30 "$3" >/dev/null 2>&1 # warm: ARP
	must "$1 answers" in_guest "$2" ping -i 0.05 -c 20 -w 30 "$3"
	ms=$(sed -n 's/.*time=\([0-9.]*\) ms/\1/p' "$RUN/claim" | sort -n |
		sed -n 10p)
	row "ping $1, median" "${ms:-none} ms"
}

# tcp NAME OPTIONS..: an iperf3 run from g1
tcp()
{
	name=$1
	shift
	server_waits
	claim "TCP $name runs" in_guest 1 iperf3 -c 10.0.0.2 -p $PORT \
		-t $TCP_SECONDS -J --logfile "$RUN/tcp.json" "$@"
	tcp_row "TCP $name"
}

# tcp_row NAME: what iperf3 wrote, into the table
tcp_row()
{
	row "$1" "$(json "$RUN/tcp.json" '"%.2f Gb/s, %d sent again" % (
		d["end"]["sum_received"]["bits_per_second"] / 1e9,
		d["end"]["sum_sent"].get("retransmits", 0))')"
	rm -f "$RUN/tcp.json"
}

# The connections of g1 to the iperf3 server, by their ends.
connections()
{
	in_guest 1 ss -Htn state established dst 10.0.0.2 dport = :$PORT |
		awk '{print $3, $4}' | sort
}

# iperf3's control connection and its one data connection
two_connections()
{
	[ "$(connections | wc -l)" = 2 ]
}

same_connections()
{
	connections >"$RUN/after"
	cmp "$RUN/before" "$RUN/after"
}

# kill_worker K: the K-th time
kill_worker()
{
	old=$(worker_pid)
	kill -9 "$old"
	claim "kill -9 of the worker, pid $old" soon worker_other "$old"
	now=$(worker_pid)
	echo "        the next one has pid $now"
	workers="${workers:-$old} $now"
}

# The server does not listen for a moment after each run; then it says so again.
server_waits()
{
	tcp_runs=$((${tcp_runs:-0} + 1))
	soon server_listens
}

server_listens()
{
	[ "$(grep -c 'Server listening' "$RUN/iperf3.log")" -ge $tcp_runs ]
}

# datagrams SECONDS FILE: 1000 a second from g1 to g2, in the background
datagrams()
{
	in_guest 2 udpseq recv 5300 >"$2" 2>&1 &
	udp_recv=$!
	soon in_guest 2 sh -c 'ss -Hlun sport = :5300 | grep -q .'
	in_guest 1 udpseq send 10.0.0.2 5300 1000 "$1" &
	udp_send=$!
}

counted()
{
	claim 'the datagrams were all sent' wait $udp_send
	claim 'the receiver has counted them' wait $udp_recv
}

kill_three_times()
{
	load=$((KILLS * 2 + 16)) # ends well after the last kill
	datagrams $load "$RUN/kills.txt"
	server_waits
	in_guest 1 iperf3 -c 10.0.0.2 -p $PORT -t $load -J \
		--logfile "$RUN/tcp.json" &
	tcp_pid=$!
	must 'one TCP connection is busy, 1000 datagrams a second beside it' \
		soon two_connections
	connections >"$RUN/before"
	for k in $(seq $KILLS); do
		sleep 1.5
		kill_worker "$k"
	done
	sleep 0.5
	claim 'it is the same TCP connection' same_connections
	claim 'it goes on to its end' wait $tcp_pid
	counted
}

# udp FILE NAME: a number out of udpseq's one line
udp()
{
	sed -n "s/.*$2=\([0-9]*\).*/\1/p" "$1"
}

# gap FILE: the longest time between two datagrams, in ms
gap()
{
	us=$(udp "$1" gap_us)
	echo "$((us / 1000)).$((us / 100 % 10)) ms"
}

# Short enough for any connection, and every answer at most once.
judge_losses()
{
	f=$RUN/kills.txt
	claim 'the longest pause is below half a second' \
		test "$(udp "$f" gap_us)" -lt 500000
	claim 'at most one burst a kill was lost, and one doubled' \
		test "$(udp "$f" lost)" -le $((KILLS * 64)) -a \
		"$(udp "$f" doubled)" -le $((KILLS * 64))
	tcp_row "TCP through $KILLS kills"
	row "UDP through $KILLS kills: sent, lost, doubled" \
		"$(udp "$f" sent), $(udp "$f" lost), $(udp "$f" doubled)"
	row "UDP through $KILLS kills: largest gap" "$(gap "$f")"
	row 'worker before, and after each kill' "pid $workers"
	row 'from death to the next one serving' "$(sed -n \
		's/.*took over .* in \([0-9.]* ms\).*/\1/p' \
		"$RUN/netbackd.log" | paste -sd, | sed 's/,/, /g')"
}

# What bridge br0 believes about who is where.
fdb()
{
	bridge fdb show br br0 | grep -iE '02:de:ad|00:16:3e' | sort
}

# A guest that lies: four marked frames, of which one is honest.
lie()
{
	in_guest 2 "$ROOT/scripts/demo-frames.py" hear eth0 1.5 \
		>"$RUN/heard" &
	hear_pid=$!
	soon grep -q listening "$RUN/heard"
	fdb >"$RUN/fdb.before"
	in_guest 1 "$ROOT/scripts/demo-frames.py" send eth0 \
		00:16:3e:00:00:01 00:16:3e:00:00:02
	wait $hear_pid
	fdb >"$RUN/fdb.after"
	claim 'an honest frame arrives' grep -q '^honest' "$RUN/heard"
	claim 'a forged source MAC does not' not_heard forged-mac
	claim 'a frame tagged VLAN 0 does not' not_heard vlan-0
	claim "an LLDP frame with g2's MAC does not" not_heard lldp
	claim 'and none teaches the bridge' \
		cmp "$RUN/fdb.before" "$RUN/fdb.after"
	nft list counters table netdev netback-vif1.0 |
		awk '$1 == "counter" {n = $2}
			$1 == "packets" && $2 > 0 {
				print "        " n ": " $2 " packets"}'
}

not_heard()
{
	! grep "^$1" "$RUN/heard"
}

# One short connection from g1 to g2's iperf3 server.
connects()
{
	in_guest 1 python3 -c "import socket
socket.create_connection(('10.0.0.2', $PORT), 1)"
}

# An administrator's rule, in iptables' own words, added by vifctl.
rule()
{
	set -- FORWARD -m physdev --physdev-in vif1.0 --physdev-is-bridged \
		-p tcp --dport $PORT -j DROP
	iptables -A "$@"
	iptables -S FORWARD >"$RUN/rule.want"
	iptables -D "$@"
	claim "g1 reaches g2's port $PORT" soon connects
	echo "   vifctl rule add -- -A $*"
	claim 'vifctl adds it' vifctl rule add -- -A "$@"
	iptables -S FORWARD >"$RUN/rule.got"
	sed -n 's/^-A/        iptables -S: &/p' "$RUN/rule.got"
	claim 'iptables prints it as its own, byte for byte' \
		cmp "$RUN/rule.want" "$RUN/rule.got"
	claim 'the flow stops' not connects
	claim 'its counter moves' not iptables_counter_is_zero
	claim 'iptables -C knows it, iptables -D takes it out' \
		sh -c 'iptables -C "$@" && iptables -D "$@"' sh "$@"
	claim 'the flow resumes' soon connects
}

# What passes one vif, filtered and in a file that tcpdump reads.
capture()
{
	echo '   vifctl capture vif1.0 -w ping.pcap -c 6 icmp'
	vifctl capture vif1.0 -w "$RUN/ping.pcap" -c 6 icmp \
		2>"$RUN/capture.out" &
	capture_pid=$!
	soon test -s "$RUN/ping.pcap"
	in_guest 1 ping -q -i 0.1 -c 6 -w 30 10.0.0.2 >/dev/null 2>&1
	claim 'it ends after six frames' wait $capture_pid
	sed 's/^/        /' "$RUN/capture.out"
	claim 'tcpdump reads all six' six_frames
	tcpdump -tnr "$RUN/ping.pcap" 2>&1 | sed -n '2,3s/^/        /p'
}

six_frames()
{
	[ "$(tcpdump -nr "$RUN/ping.pcap" 2>/dev/null | wc -l)" = 6 ]
}

not()
{
	! "$@"
}

iptables_counter_is_zero()
{
	iptables -nvxL FORWARD | awk '/physdev/ {n = $1} END {exit n != 0}'
}

host_has_no_vif()
{
	! ip -br link | grep -E '^vif[12]\.0'
}

say 'A host with a bridge'
start_host
say 'Two guests, each in a network namespace of its own'
start_guest 1
start_guest 2
attach 1
attach 2

say 'They talk, through rings in shared memory'
pings 'g1 -> g2' 1 10.0.0.2
pings 'g2 -> g1' 2 10.0.0.1
pings 'g1 -> host' 1 10.0.0.254
in_guest 2 iperf3 -s -p $PORT --forceflush >"$RUN/iperf3.log" 2>&1 &
datagrams $((TCP_SECONDS - 1)) "$RUN/calm.txt"
tcp 'g1 -> g2'
counted
row 'UDP beside it, nobody killed: largest gap' "$(gap "$RUN/calm.txt")"
tcp 'g2 -> g1' -R

say "Their backend is killed, $KILLS times, in the middle of it"
kill_three_times
judge_losses

say 'A guest that lies'
lie
say "An administrator's rule for one bridged port"
rule
say 'What passes one vif'
capture

say 'They leave'
claim 'detach vif1.0' vifctl detach vif1.0
claim 'detach vif2.0' vifctl detach vif2.0
claim 'the host has no vif any more' host_has_no_vif
report
exit $bad
