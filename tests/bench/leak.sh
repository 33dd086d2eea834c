#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# leak.sh - what gets through while others change the host's firewall
#
#   leak.sh [nft restore flush docker firewalld ..]
#     N=20 times each; NICE=-15 where others are at work on the machine
#
# A guest sends without a pause frames that are to be dropped, to everybody; what
# leaves the bridge by another port has leaked. Each time one thing is done to the
# ruleset. Two floods: `forged`, which the guard drops, with `vifctl watch guard`
# at its side; `ruled`, which a physdev rule of iptables drops and the guard lets
# pass. A line for each case:
#
#   CASE N FRAMES_MIN MEDIAN MAX MS_MIN MEDIAN MAX RATE
#
# MS is from the first frame that leaked to the last, by the kernel's clock at that
# port; RATE the frames a second that the guest sent meanwhile.
. "$(dirname "$0")/../lib.sh"
# A session of its own: the kernel groups tasks by session.
if [ -n "${NICE:-}" ] && [ "${NETBACK_SESSION:-}" != 1 ]; then
	NETBACK_SESSION=1 exec setsid -w sh "$0" "$@"
fi
private "$@"
[ -z "${NICE:-}" ] || [ ! -w /proc/$$/autogroup ] || echo "$NICE" >/proc/$$/autogroup
. "$ROOT/tests/guarded.sh"
. "$ROOT/tests/bus.sh"
set -eu
mount -t tmpfs tmpfs /run # iptables' lock
N=${N:-20}
TABLE=netback-vif1.0
SETTLE=${SETTLE:-0.3} # longer than any window, apart from each other

die()
{
	echo "leak: $*" >&2
	cat "$RUN/watch" >&2 || :
	exit 1
}

there()
{
	nft list chain netdev $TABLE from_guest >/dev/null 2>&1
}

# flood NAME: from now on
flood()
{
	"$B/tests/guest/rawframe" -l vif1.0 <"/tmp/$1" >/tmp/sent &
	FLOOD=$!
}

# PIPE is the one signal that sh is silent about
unflood()
{
	kill -s PIPE $FLOOD
	wait $FLOOD || :
}

sent()
{
	cat /sys/class/net/vif1.0/statistics/rx_packets
}
flooded()
{
	[ "$(sent)" -gt "$1" ]
}

# listen: every frame at the drain with the kernel's time; so many bytes of it
# that they are all kept however long it waits for the CPU
listen()
{
	tcpdump -Z root -i drain0 -n -s 64 -B 131072 --immediate-mode \
		-w /tmp/pcap 2>/tmp/tcpdump &
	EAR=$!
	until_true 10 grep -q listening /tmp/tcpdump
}

written()
{
	size=$(wc -c </tmp/pcap)
	sleep 0.2
	[ "$size" = "$(wc -c </tmp/pcap)" ]
}

# heard: all that came is in the file
heard()
{
	awk '/captured/ { a = $1 } /received/ { b = $1 } /dropped/ { c = $1 }
		END { exit a != b || c != 0 || a == "" }' /tmp/tcpdump
}

# windows: of each burst of what was heard, "frames ms"
windows()
{
	tcpdump -tt -n -r /tmp/pcap 2>/tmp/read | awk -v gap="$SETTLE" '
		n && $1 - last > gap * 2 / 3 { print n, (last - first) * 1e3; n = 0 }
		!n { first = $1 }
		{ last = $1; n++ }
		END { if (n) print n, (last - first) * 1e3 }'
}

# spread COLUMN: least, median and most of N, where some are nothing
spread()
{
	awk -v c="$1" -v n="$N" '{ print $c } END {
		for (i = NR; i < n; i++) print 0 }' /tmp/windows | sort -n |
		awk '{ v[NR] = $1 } END {
			printf "%.4g %.4g %.4g", v[1], v[int((NR + 1) / 2)], v[NR] }'
}

# measure CASE FLOOD COMMAND..: N times under that flood
measure()
{
	case=$1
	flood "$2"
	shift 2
	listen
	from=$(date +%s%N) was=$(sent)
	i=0
	while [ $i -lt "$N" ]; do
		i=$((i + 1))
		mark=$(sent)
		"$@" >/tmp/did 2>&1 || die "$case: $*: $(cat /tmp/did)"
		sleep "$SETTLE"
		until_true 10 flooded "$mark" || die "$case: no flood"
	done
	rate=$((($(sent) - was) * 1000000000 / ($(date +%s%N) - from)))
	unflood
	until_true 10 written # what it has yet to write
	kill $EAR
	wait $EAR || :
	heard || die "$case: $(cat /tmp/tcpdump)"
	windows >/tmp/windows
	echo "$case $N $(spread 1) $(spread 2) $rate"
}

flushed()
{
	nft flush ruleset
	until_true 10 there
}
loaded()
{
	nft -f /tmp/flush.nft
	until_true 10 there
}
edited()
{
	nft flush chain netdev $TABLE check_ip
	until_true 10 whole
}
whole()
{
	nft list chain netdev $TABLE check_ip | grep -q drop
}

# leaky FLOOD: now that nothing drops it, it is seen; else none of this says anything
moved()
{
	[ "$(passed out0)" -gt "$1" ]
}
leaky()
{
	flood "$1"
	until_true 10 moved "$(passed out0)" || die "$1: it does not get through"
	unflood
}

leak_nft()
{
	measure nft-flush-ruleset forged flushed
	printf 'flush ruleset\ntable inet f { }\n' >/tmp/flush.nft
	measure nft-f-flush forged loaded
	measure nft-flush-chain forged edited
	nft flush ruleset
	until_true 10 there
}

# of the variant $V
saved_back()
{
	"iptables-$V-save" >/tmp/saved
	"iptables-$V-restore" </tmp/saved
}
added()
{
	"iptables-$V" -I FORWARD -s 192.0.2.1 -j DROP
	"iptables-$V" -D FORWARD -s 192.0.2.1 -j DROP
}

# as a script that begins by flushing
reset()
{
	"iptables-$V-save" >/tmp/saved
	"iptables-$V" -F
	"iptables-$V-restore" </tmp/saved
}

# physdev COMMAND..: with that rule in each variant
physdev()
{
	sysctl -qw net.bridge.bridge-nf-call-iptables=1
	for V in nft legacy; do
		"$B/vifctl" rule add --variant "$V" -- -A FORWARD -m physdev \
			--physdev-in vif1.0 --physdev-is-bridged -p udp \
			--dport 7 -j DROP
		"$@"
		"iptables-$V" -F
		leaky ruled
	done
	sysctl -qw net.bridge.bridge-nf-call-iptables=0
}

restores()
{
	measure "iptables-$V-restore" ruled saved_back
	measure "iptables-$V-insert" ruled added
}
leak_restore()
{
	physdev restores
}
flushes()
{
	measure "iptables-$V-flush" ruled reset
}
leak_flush()
{
	physdev flushes
}

docker()
{
	iptables-nft-restore <"$ROOT/tests/net/docker.rules"
}

leak_docker()
{
	measure docker-rules forged docker
	iptables-nft -F
}

# The guard is no part of firewalld's: none of this may show.
restarted()
{
	bus_firewalld_stop
	bus_firewalld "$V"
	until_true 30 firewall-cmd --state
}

leak_firewalld()
{
	bus_up
	for V in nftables iptables; do
		bus_firewalld "$V"
		until_true 30 firewall-cmd --state
		for how in reload complete-reload; do
			measure "firewalld-$V-$how" forged firewall-cmd --$how
		done
		measure "firewalld-$V-restart" forged restarted
		bus_firewalld_stop
	done
	bus_down
}

bridge_up br0
sink out0
echo "ip drop ff:ff:ff:ff:ff:ff $ME 0800 ip4 10.0.0.66 10.0.0.6 17 udp 9 9" \
	>/tmp/forged
echo "ip drop ff:ff:ff:ff:ff:ff $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 7" \
	>/tmp/ruled
nodes "10.0.0.5 fd00::5" || die store
ip tuntap add vif1.0 mode tap
flood forged
hotplug online
unflood
"$B/vifctl" watch guard >"$RUN/watch" 2>&1 &
WATCH=$!
until_true 10 watching $WATCH
[ $# -gt 0 ] || set -- nft restore flush docker firewalld
for area in "$@"; do
	"leak_$area"
done
kill $WATCH
wait $WATCH || :
nft flush ruleset
leaky forged
