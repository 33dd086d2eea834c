# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# filter.sh - rows of bench.sh about the guard: what it costs, and that it is flat
#
# 64-byte frames are written to a tap, go through a bridge and leave by another
# port, all in the writer's own time. Ports are taps that somebody holds open and
# does not read: they have a carrier, and drop what their queues do not take. Small and large hosts are namespaces of their own.

GUARDS=${GUARDS:-1000}
BPORTS=${BPORTS:-300}
TO=02:00:00:00:00:63 # where the generators' frame goes

# filter_host NAME PORTS: a bridge with a tap gen0 and ports in a namespace
filter_host()
{
	background unshare -n -m sleep 100000
	filter_pid=$!
	eval "HOST_$1=$filter_pid"
	until_true 5 in_other_net "$filter_pid"
	{
		echo "link add br0 type bridge mcast_snooping 0 forward_delay 0"
		echo "tuntap add gen0 mode tap vnet_hdr"
		echo "link set gen0 master br0 up"
		for i in $(seq "$2"); do
			echo "tuntap add p$i mode tap"
			echo "link set p$i master br0 up"
		done
		echo "link set br0 up"
	} >/tmp/batch
	filter_in "$1" sysctl -qw net.ipv6.conf.all.disable_ipv6=1 \
		net.ipv6.conf.default.disable_ipv6=1
	# a new namespace starts with it on, where there is one
	for f in iptables ip6tables arptables; do
		[ ! -e "/proc/sys/net/bridge/bridge-nf-call-$f" ] ||
			filter_in "$1" sysctl -qw \
				"net.bridge.bridge-nf-call-$f=0"
	done
	filter_in "$1" ip -batch /tmp/batch
	filter_in "$1" mount -t sysfs sysfs /sys
	background nsenter -t "$filter_pid" -n -m python3 -c '
import fcntl, os, struct, sys, time
for i in range(1, int(sys.argv[1]) + 1):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", b"p%d" % i, 0x1002))
time.sleep(100000)' "$2"
	until_true 20 filter_forwards "$1" "p$2"
}

# The bridge has heard of the last port's carrier.
filter_forwards()
{
	filter_in "$1" grep -q 3 "/sys/class/net/$2/brport/state"
}

filter_in()
{
	eval "filter_pid=\$HOST_$1"
	shift
	nsenter -t "$filter_pid" -n -m "$@"
}

# filter_guards NAME FROM TO: guards on those ports
filter_guards()
{
	for i in $(seq "$2" "$3"); do
		printf '%s apply p%s mac=02:00:00:01:%02x:%02x ip=10.8.%s.%s\n' \
			"$B/tests/guest/guardtool" "$i" $((i / 256)) \
			$((i % 256)) $((i / 250)) $((i % 250 + 1))
	done >/tmp/guards
	filter_in "$1" sh /tmp/guards
}

# The generator's own guard, on and off.
filter_on()
{
	filter_in "$1" "$B/tests/guest/guardtool" apply gen0 \
		mac=02:00:00:00:09:00 ip=10.9.0.2
}
filter_off()
{
	filter_in "$1" "$B/tests/guest/guardtool" remove gen0
}

# filter_least NAME [RULE]: on the same two ports the least that a guard can be, a
# chain for each way with that rule in it, or none
filter_least()
{
	for hook in "ingress device gen0" "egress device p1"; do
		cat <<-END
			table netdev least-${hook##* } {
				chain least {
					type filter hook $hook priority -500
					${2:-}
				}
			}
		END
	done >/tmp/least
	filter_in "$1" nft -f /tmp/least
}

# filter_rate NAME: frames a second that one writer brings through
filter_rate()
{
	filter_in "$1" taskset -c "$LAST" "$BENCH/taploop" gen0 write "$S" 64 |
		awk '{ print $(NF - 1) }'
}

bench_filter()
{
	filter_host one 2
	filter_host many "$GUARDS"
	for h in one many; do
		filter_in $h bridge fdb add $TO dev p1 master static
	done
	filter_guards one 1 1
	filter_guards many 1 "$GUARDS"
	for h in free chains rule; do
		filter_host $h 2
		filter_in $h bridge fdb add $TO dev p1 master static
	done
	filter_least chains
	filter_least rule return
	filter_on one
	filter_on many
	for i in $(seq "$N"); do
		for h in many free one chains rule; do
			filter_rate $h >>/tmp/filter.$h
		done
	done
	row filter-free "guard-$GUARDS" frames/s /tmp/filter.many unfiltered \
		/tmp/filter.free HIGHER
	for h in chains rule; do
		row filter-free least-$h frames/s /tmp/filter.$h unfiltered \
			/tmp/filter.free HIGHER
	done
	row flat "filter-$GUARDS" frames/s /tmp/filter.many one /tmp/filter.one \
		HIGHER
}

# A frame for nobody that the bridge knows leaves by every port.
bench_broadcast()
{
	filter_host flood "$BPORTS"
	filter_guards flood 1 "$BPORTS"
	filter_on flood
	filter_host linear "$BPORTS"
	{
		printf '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n'
		printf ':OUTPUT ACCEPT [0:0]\n'
		for i in $(seq "$BPORTS"); do
			echo "-A FORWARD -m physdev --physdev-out p$i" \
				"--physdev-is-bridged -s 10.8.0.0/16 -j DROP"
		done
		echo COMMIT
	} >/tmp/linear
	filter_in linear iptables-nft-restore /tmp/linear
	filter_in linear ip link set br0 type bridge nf_call_iptables 1
	for i in $(seq "$N"); do
		filter_rate flood >>/tmp/flood.ours
		filter_rate linear >>/tmp/flood.peer
	done
	row broadcast "$BPORTS-ports" frames/s /tmp/flood.ours physdev \
		/tmp/flood.peer HIGHER
}
