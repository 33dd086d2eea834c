#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# engine.sh - many at once, and whatever is gone: the host's end state is exact
#
# WRITERS=64, CHANGES=5 (the full number is 100), ATONCE=100 (500). Taps stand in for
# vifs.
. "$(dirname "$0")/../lib.sh"
private "$@"
[ -w /dev/net/tun ] || { echo '1..0 # SKIP /dev/net/tun is not ours'; exit; }
export XENSTORED_PATH="$RUN/store"
S=/tmp/scripts
BACK=/local/domain/0/backend/vif
WRITERS=${WRITERS:-64}
CHANGES=${CHANGES:-5}
ATONCE=${ATONCE:-100}

directory()
{
	d=$1
	shift
	xenstore-write "$BACK/$d/0/frontend-id" "$d" "$BACK/$d/0/handle" 0 \
		"$BACK/$d/0/mac" "$(printf 00:16:3e:00:%02x:%02x \
			$((d / 256)) $((d % 256)))" \
		"$BACK/$d/0/bridge" br0 "$BACK/$d/0/type" vif \
		"$BACK/$d/0/hotplug-status" '' \
		"/local/domain/$d/device/vif/0/mtu" 1500
	while [ $# -gt 0 ]; do
		xenstore-write "$BACK/$d/0/$1" "$2"
		shift 2
	done
}

device()
{
	ip tuntap add dev "$1" mode tap
}

# vif MODE DOMID COMMAND
vif()
{
	env XENBUS_PATH="backend/vif/$2/0" vif="vif$2.0" "$S/vif-$1" "$3" \
		type_if=vif
}

# The host but for what stays raised, and the store's own.
host()
{
	ip -d link | steady
	ip -4 addr | grep inet
	ip -4 route show table all | steady
	ip -6 addr | grep 'inet6 f[cd]' | steady
	ip -6 route | grep '^f[cd]' | steady
	ip neigh show nud permanent
	ip neigh show proxy
	bridge fdb show
	nft list ruleset | grep -v packets
	ls "$RUN/lock"
}

mkdir $S
for mode in bridge route nat; do
	ln -s "$B/vifhotplug" $S/vif-$mode
done
netbackd --store --run "$RUN" >/tmp/store.log 2>&1 &
ok 'the store answers' until_true 5 xenstore-ls
bridge()
{
	ip link add br0 address 02:00:00:00:00:b0 type bridge
	sysctl -qw net.ipv6.conf.br0.disable_ipv6=1
	ip link set br0 up
}
uplink()
{
	ip link add eth0 address 02:00:00:00:00:01 type veth peer name world \
		address 02:00:00:00:00:02
	for dev in eth0 world; do
		sysctl -qw net.ipv6.conf.$dev.disable_ipv6=1
		ip link set $dev up
	done
	ip addr add 192.0.2.1/24 dev eth0
}
bridge
uplink
# once, so that what is raised and stays is there before
device vif1.0
directory 1 ip 10.0.0.1
for mode in route nat bridge; do
	vif $mode 1 online
	vif $mode 1 offline
done
ip link del vif1.0
xenstore-rm $BACK/1
host >/tmp/empty

# --- offline when some of it is gone; then a new tenant under the same name -----------

# whole MODE: only its own, nothing of the one before
whole()
{
	directory 1 ip '10.0.0.9 fd00::9'
	vif "$1" 1 online || return 1
	nft list table netdev netback-vif1.0 >/tmp/guard
	! grep -E '10\.0\.0\.1|fd00::1' /tmp/guard &&
		grep -qF 10.0.0.9 /tmp/guard && grep -qF fd00::9 /tmp/guard &&
		! { ip route; ip -6 route; ip neigh show proxy; } |
			grep -E '10\.0\.0\.1( |$)|fd00::1( |$)'
}

# subset MODE WHAT..: these are gone when offline comes
subset()
{
	mode=$1
	shift
	device vif1.0
	directory 1 ip '10.0.0.1 fd00::1'
	vif "$mode" 1 online || return 1
	for what in "$@"; do
		case $what in
		device) ip link del vif1.0 ;;
		bridge) ip link del br0 ;;
		uplink) ip link del eth0 ;;
		nodes) xenstore-rm $BACK/1 ;;
		ip) xenstore-rm $BACK/1/0/ip ;;
		esac
	done
	vif "$mode" 1 offline || return 1
	[ -e /sys/class/net/br0 ] || bridge
	[ -e /sys/class/net/eth0 ] || uplink
	[ -e /sys/class/net/vif1.0 ] || device vif1.0
	whole "$mode" || return 1
	vif "$mode" 1 offline
	ip link del vif1.0
	xenstore-rm $BACK/1
	host | sort >/tmp/now
	sort /tmp/empty | diff - /tmp/now
}
# All subsets of the device, what it is attached to, and its nodes; and its address.
for mode in bridge route nat; do
	to=uplink
	[ $mode = route ] || [ $mode = nat ] || to=bridge
	for gone in '' device $to nodes "device $to" 'device nodes' "$to nodes" \
		"device $to nodes" ip 'device ip'; do
		# shellcheck disable=SC2086 # words
		ok "$mode, gone: ${gone:-nothing}" subset $mode $gone
	done
done

# --- many writers ----------------------------------------------------------------------

for n in $(seq "$WRITERS"); do
	device "vif$n.0"
	directory "$n" ip "10.0.1.$n"
done
writer()
{
	case $(($1 % 3)) in
	0) mode=bridge ;;
	1) mode=route ;;
	2) mode=nat ;;
	esac
	for _ in $(seq "$CHANGES"); do
		vif $mode "$1" online || return 1
		vif $mode "$1" offline || return 1
	done
	vif $mode "$1" online
}
writers()
{
	pids=
	for n in $(seq "$WRITERS"); do
		writer "$n" &
		pids="$pids $!"
	done
	for p in $pids; do
		wait "$p" || return 1
	done
}
ok "$WRITERS writers at once, $CHANGES changes each" writers
same 'all are connected' "$WRITERS" "$(xenstore-ls -f $BACK |
	grep -c 'hotplug-status = "connected"')"
same 'all are guarded' "$WRITERS" "$(nft list tables | grep -c netback-vif)"
same 'each is where it should be' "$WRITERS" "$({
	ip -o link show master br0 | grep vif
	ip route | grep 'metric 2'
} | wc -l)"
all_off()
{
	for n in $(seq "$WRITERS"); do
		vif bridge "$n" offline || return 1
		ip link del "vif$n.0"
	done
	host | sort >/tmp/now
	sort /tmp/empty | diff - /tmp/now
}
ok 'and nothing is left of them' all_off

# --- as /etc/xen/auto does at boot -----------------------------------------------------

mode_of()
{
	case $(($1 % 3)) in
	0) echo bridge ;;
	1) echo route ;;
	2) echo nat ;;
	esac
}
xenstore-rm $BACK
for n in $(seq "$ATONCE"); do
	device "vif$n.0"
	# below .128: what nat makes of it for the host is nobody's
	directory "$n" ip "10.0.$((n / 100 + 2)).$((n % 100 + 1))"
done
# at_once COMMAND
at_once()
{
	pids=
	for n in $(seq "$ATONCE"); do
		vif "$(mode_of "$n")" "$n" "$1" &
		pids="$pids $!"
	done
	failed=0
	for p in $pids; do
		wait "$p" || failed=$((failed + 1))
	done
	[ $failed = 0 ]
}
ok "$ATONCE vifs at once" at_once online
same 'all are connected, none is lost' "$ATONCE" "$(xenstore-ls -f $BACK |
	grep -c 'hotplug-status = "connected"')"
same 'all are guarded' "$ATONCE" "$(nft list tables | grep -c netback-vif)"
same 'each is where it should be' "$ATONCE" "$({
	ip -o link show master br0 | grep vif
	ip route | grep 'metric 2'
} | wc -l)"
gone_at_once()
{
	at_once offline || return 1
	for n in $(seq "$ATONCE"); do
		ip link del "vif$n.0"
	done
	host | sort >/tmp/now
	sort /tmp/empty | diff - /tmp/now
}
ok 'gone at once: nothing is left' gone_at_once
done_testing
