#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# differential.sh - the same events to Debian's vif-bridge, vif-route, vif-nat and ours
#
# Xen's scripts come from the package xen-utils-common, unpacked and not installed.
# Each row of events runs in twin namespaces with a store each; links, ports,
# addresses, routes, FDB, sysctls, rules and nodes are written down after each
# event and compared. Debian switches the scripts' handle_iptable off: they run
# as shipped, and with it on. What may differ stands in tests/hotplug/differences,
# with the number of the defect or feature; a row there which nothing needs any
# more fails as well.
# shellcheck disable=SC2086 # lists of words
. "$(dirname "$0")/../lib.sh"
SELF=$ROOT/tests/net/differential.sh
BACK=/local/domain/0/backend/vif
DEB=$B/debian
XEN=$DEB/x/etc/xen/scripts

# --- Xen's scripts ----------------------------------------------------------------

fetch()
{
	[ ! -x "$XEN/vif-bridge" ] || return 0
	mkdir -p "$DEB/x"
	(cd "$DEB" && apt-get -qq download xen-utils-common &&
		dpkg-deb -x xen-utils-common_*.deb x) >"$DEB/log" 2>&1
}

# --- one world: a side, a row of events --------------------------------------------

directory()
{
	d=$1
	shift
	xenstore-write "$BACK/$d/0/frontend-id" "$d" "$BACK/$d/0/handle" 0 \
		"$BACK/$d/0/mac" "00:16:3e:00:00:0$d" \
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
	ip link set "$1" address "02:00:00:00:00:0${2:-1}"
}

# Every attribute is a line, so that a difference can be named.
links()
{
	for dev in /sys/class/net/*; do
		dev=${dev##*/}
		[ -d "/sys/class/net/$dev" ] || continue
		l=$(ip -d -o link show dev "$dev")
		for word in mtu master alias learning locked isolated hairpin \
			flood link/ether; do
			v=$(echo "$l" | sed -n "s,.* $word \([^ \\\\]*\).*,\1,p")
			[ -z "$v" ] || echo "link $dev $word $v"
		done
		echo "$l" | grep -q '[<,]UP[,>]' && echo "link $dev up"
		for s in ipv4/conf/$dev/proxy_arp ipv4/conf/$dev/rp_filter \
			ipv4/conf/$dev/forwarding ipv6/conf/$dev/disable_ipv6 \
			ipv6/conf/$dev/forwarding; do
			[ ! -r /proc/sys/net/$s ] ||
				echo "sysctl $s $(cat /proc/sys/net/$s)"
		done
	done
}

look()
{
	{
		links
		# but for what only says who made it, and with which tool
		ip -o addr | sed 's/^[0-9]*: /addr /; s/ \+/ /g; s/\\.*//
			s/ brd [^ ]*//'
		ip route | sed 's/^/route /; s/ proto static//'
		ip -6 route | sed 's/^/route6 /; s/ proto static//'
		bridge fdb show | sed 's/^/fdb /'
		iptables -S | sed 's/^/iptables /'
		ip6tables -S | sed 's/^/ip6tables /'
		nft list tables | sed 's/^/nft /'
		xenstore-ls -f | sed 's/^/store /; s/\(hotplug-error =\).*/\1/'
		echo "sysctl ip_forward $(cat /proc/sys/net/ipv4/ip_forward)"
	} 2>/dev/null | grep -v 'self permanent' | sort -u |
		sed "s/^/$ROW $1: /" >>"$OUT"
}

# event LABEL NAME WORD..: one run of the script, then a look
event()
{
	label=$1
	shift
	"$@" </dev/null >>"$SAID" 2>&1
	echo "$ROW $label: exit $?" >>"$OUT"
	look "$label"
}

vif()
{
	d=$1
	shift
	env XENBUS_PATH="${BASE:-backend/vif}/$d/0" vif="vif$d.0" script="$HP" \
		netdev="$NETDEV" "$HP" "$@" type_if=vif
}

tap()
{
	env XENBUS_PATH="backend/vif/$1/0" vif="vif$1.0" \
		INTERFACE="vif$1.0-emu" "$HP" "$2" type_if=tap
}

# What a routing host has: an uplink, and another device with an address.
uplink()
{
	ip link add eth0 address 02:00:00:00:02:01 type veth \
		peer name world address 02:00:00:00:02:03
	ip link add eth1 address 02:00:00:00:02:02 type veth \
		peer name other address 02:00:00:00:02:04
	for dev in eth0 world eth1 other; do
		echo 1 >/proc/sys/net/ipv6/conf/$dev/disable_ipv6
		ip link set $dev up
	done
	ip addr add 192.0.2.1/24 dev eth0
	ip addr add 198.51.100.1/24 dev eth1
}

# Both sides are given the same: what the row is about comes before the events.
row()
{
	case $1 in
	route*) HP=${HP%/*}/vif-route; uplink ;;
	nat*) HP=${HP%/*}/vif-nat; uplink ;;
	esac
	case $1 in
	route | route-twice | route-gone | route-node-gone | route-ioemu)
		directory 1 ip 10.0.0.1 ;;
	nat-many) directory 1; directory 2 ip 10.7.0.9 ;;
	route-several) directory 1 ip '10.0.0.1 10.5.0.0/24' ;;
	route-both) directory 1 ip '10.0.0.1 fd00::1' ;;
	route-gatewaydev) directory 1 ip 10.0.0.1 gatewaydev eth1; NETDEV=eth1 ;;
	route-name) directory 1 ip 10.0.0.1 vifname web ;;
	route-no-uplink) directory 1 ip 10.0.0.1; ip link del eth0 ;;
	route-bad-ip) directory 1 ip 10.0.0.300 ;;
	words | one-bridge | two-bridges) directory 1; xenstore-rm $BACK/1/0/bridge ;;
	ip* | node-gone) directory 1 ip 10.0.0.1 ;;
	both) directory 1 ip '10.0.0.1 fd00::1' ;;
	mtu) directory 1 mtu 1400 ;;
	name*) directory 1 vifname web ;;
	no-bridge) directory 1 bridge none ;;
	old-name) directory 1 bridge xenbr7; ip link add eth7 address 02:00:00:00:01:07 type bridge ;;
	ioemu) directory 1 type vif_ioemu; device vif1.0-emu 2 ;;
	*) directory 1 ;;
	esac
	case $1 in
	device-late | device-none) ;;
	*) device vif1.0 ;;
	esac
	case $1 in
	*-ioemu) device vif1.0-emu 2 ;;
	esac
	case $1 in
	twice | name-twice | route-twice | nat-twice)
		event 1 vif 1 online
		event 2 vif 1 online
		event 3 vif 1 offline
		event 4 vif 1 offline
		;;
	no-bridge | old-name | one-bridge | device-none | route-no-* | route-bad-*)
		event on vif 1 online
		;;
	bridge-gone)
		event on vif 1 online
		ip link del br0
		event off vif 1 offline
		;;
	device-gone | route-gone)
		event on vif 1 online
		ip link del vif1.0
		event off vif 1 offline
		;;
	node-gone | route-node-gone)
		event on vif 1 online
		xenstore-rm $BACK/1/0/ip
		event off vif 1 offline
		;;
	move)
		ip link add br1 address 02:00:00:00:01:01 type bridge
		event on vif 1 online
		xenstore-write $BACK/1/0/bridge br1
		event again vif 1 online
		;;
	ioemu | route-ioemu)
		event on vif 1 online
		event add tap 1 add
		event off vif 1 offline
		event remove tap 1 remove
		;;
	pairs)
		event 1 tap 1 online
		event 2 vif 1 add
		event 3 tap 1 offline
		event 4 vif 1 remove
		event 5 vif 1 start
		;;
	words) event on vif 1 bridge=br0 unknown=1 online ;;
	absolute)
		BASE=$BACK
		event on vif 1 online
		event off vif 1 offline
		;;
	used)
		ip link set vif1.0 up
		event on vif 1 online
		event off vif 1 offline
		;;
	two | nat-many)
		[ $1 = nat-many ] || directory 2
		device vif2.0 2
		event 1 vif 1 online
		event 2 vif 2 online
		event 3 vif 1 offline
		;;
	*)
		event on vif 1 online
		event off vif 1 offline
		;;
	esac
}
ROWS='plain ip both mtu name name-twice twice no-bridge bridge-gone device-gone
node-gone move ioemu pairs words absolute used two old-name one-bridge
route route-several route-both route-gatewaydev route-name route-twice route-gone
route-node-gone route-ioemu route-no-uplink route-bad-ip
nat nat-twice nat-many'

# world SIDE ROW: in a network of its own
if [ "${1:-}" = world ]; then
	ROW=$3 OUT=/tmp/out.$2 SAID=/tmp/said.$2 NETDEV=
	RUN=/tmp/run.$2.$3
	export NETBACK_RUN="$RUN" XENSTORED_PATH="$RUN/store"
	mount -t sysfs sysfs /sys
	ip link set lo up
	mkdir "$RUN"
	case $2 in
	ours) HP=/tmp/ours/vif-bridge ;;
	plain) HP=$XEN/vif-bridge ;;
	rules) HP=/tmp/rules/vif-bridge ;;
	esac
	netbackd --store --run "$RUN" >"$SAID.store" 2>&1 &
	store=$!
	until_true 5 xenstore-ls
	for f in /proc/sys/net/bridge/bridge-nf-call-*; do
		[ ! -e "$f" ] || echo 0 >"$f"
	done
	iptables -S >/dev/null 2>&1
	ip link add br0 address 02:00:00:00:01:00 type bridge
	ip link set br0 mtu 9000 up
	row "$3"
	kill $store
	exit 0
fi

# --- the comparison ----------------------------------------------------------------

if [ "${NETBACK_PRIVATE:-}" != 1 ] && ! fetch; then
	skip "Debian's vif-bridge beside ours" \
		"apt-get cannot fetch xen-utils-common"
	done_testing
fi
private "$@"
mount -t tmpfs tmpfs /var/log
mount -t tmpfs tmpfs /run
mkdir -p /var/log/xen /tmp/ours
ln -s "$B/vifhotplug" /tmp/ours/vif-bridge
ln -s "$B/vifhotplug" /tmp/ours/vif-route
ln -s "$B/vifhotplug" /tmp/ours/vif-nat
cp -r "$XEN" /tmp/rules
sed -i '/^handle_iptable/,/^}/{/^  return 0/d}' /tmp/rules/vif-common.sh
ok 'handle_iptable is on in a copy' fails cmp -s "$XEN/vif-common.sh" \
	/tmp/rules/vif-common.sh

worlds()
{
	: >/tmp/out.$1
	for r in $ROWS; do
		# their rules are for bridged frames
		case $1-$r in rules-route* | rules-nat*) continue ;; esac
		unshare -n -m sh "$SELF" world "$1" "$r" || return 1
	done
	sort -u /tmp/out.$1 -o /tmp/out.$1
}
pids=
for side in ours plain rules; do
	(worlds $side; echo $? >/tmp/rc.$side) >/tmp/world.$side 2>&1 &
	pids="$pids $!"
done
wait $pids
for side in ours plain rules; do
	same "the events, $side" 0 "$(cat /tmp/rc.$side)"
done

# Lines of one side only: each must match a row of the list.
judge='
BEGIN {
	while ((getline l <list) > 0) {
		if (l ~ /^#/ || l == "") continue
		if (l !~ /^(defect|feature) [0-9]+: [-+] ./) {
			print "bad row: " l; bad = 1; continue }
		rows++
		why = l; sub(/:.*/, "", why)
		sub(/^[^:]*: /, "", l)
		sign[rows] = substr(l, 1, 1); re[rows] = substr(l, 3)
	}
}
{
	s = /^\t/ ? "+" : "-"; sub(/^\t/, "")
	for (i = 1; i <= rows; i++)
		if (sign[i] == s && $0 ~ re[i]) break
	if (i > rows) { print s " " $0; bad = 1 } else print i >used
}
END { exit bad }'
LIST=$ROOT/tests/hotplug/differences
compare()
{
	if [ "$1" = rules ]; then
		grep -vE '^(route|nat)' /tmp/out.ours
	else
		cat /tmp/out.ours
	fi | comm -3 /tmp/out.$1 - |
		awk -v list="$LIST" -v used="/tmp/used.$1" "$judge"
}
rows()
{
	grep -cE '^(defect|feature)' "$LIST"
}
ok 'as Debian ships them: only wanted differences' compare plain
ok 'with their rules: only wanted differences' compare rules
ok 'at most 25 of them' test "$(rows)" -le 25
same 'and each is met' "$(seq "$(rows)" | tr '\n' ' ')" \
	"$(sort -nu /tmp/used.plain /tmp/used.rules | tr '\n' ' ')"
done_testing
