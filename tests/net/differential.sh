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
# more fails as well. Then hosts that drop what is forwarded, by policy and as docker
# does: who gets through with theirs gets through with ours, or attach said why not.
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
	ip -d -o link | awk '{
		dev = $2
		sub(/[@:].*/, "", dev)
		n = split("mtu master alias learning locked isolated hairpin " \
			"flood link/ether", word, " ")
		for (i = 1; i <= n; i++) {
			v = ""
			for (k = 3; k < NF; k++)
				if ($k == word[i]) v = $(k + 1)
			sub(/\\.*/, "", v)
			if (v != "") print "link", dev, word[i], v
		}
		if ($3 ~ /[<,]UP[,>]/) print "link", dev, "up"
	}'
	(cd /proc/sys/net && grep -s . ipv4/conf/*/proxy_arp \
		ipv4/conf/*/rp_filter ipv[46]/conf/*/forwarding \
		ipv6/conf/*/disable_ipv6) |
		grep -vE '/(all|default)/' | sed 's/^/sysctl /; s/:/ /'
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
	route | route-twice | route-gone | route-node-gone | route-ioemu | route-off-first)
		directory 1 ip 10.0.0.1 ;;
	nat-many) directory 1; directory 2 ip 10.7.0.9 ;;
	route-several) directory 1 ip '10.0.0.1 10.5.0.0/24' ;;
	route-both) directory 1 ip '10.0.0.1 fd00::1' ;;
	route-six | six) directory 1 ip fd00::1 ;;
	nat-ip | nat-off-first) directory 1 ip 10.7.0.9 ;;
	nat-both) directory 1 ip '10.7.0.9 fd00::9' ;;
	nat-name) directory 1 vifname web ;;
	route-gatewaydev) directory 1 ip 10.0.0.1 gatewaydev eth1; NETDEV=eth1 ;;
	route-name) directory 1 ip 10.0.0.1 vifname web ;;
	route-no-uplink) directory 1 ip 10.0.0.1; ip link del eth0 ;;
	route-bad-ip) directory 1 ip 10.0.0.300 ;;
	words | one-bridge | two-bridges) directory 1; xenstore-rm $BACK/1/0/bridge ;;
	ip* | node-gone) directory 1 ip 10.0.0.1 ;;
	both) directory 1 ip '10.0.0.1 fd00::1' ;;
	several) directory 1 ip '10.0.0.1 10.0.0.5 10.6.0.0/16 fd00::1 fd06::/64' ;;
	mtu) directory 1 mtu 1400 ;;
	name*) directory 1 vifname web ;;
	no-bridge) directory 1 bridge none ;;
	old-name) directory 1 bridge xenbr7; ip link add eth7 address 02:00:00:00:01:07 type bridge ;;
	ioemu) directory 1 type vif_ioemu ip '10.0.0.1 fd00::1' ;;
	*) directory 1 ;;
	esac
	case $1 in
	device-late | device-none) ;;
	*) device vif1.0 ;;
	esac
	case $1 in
	*ioemu) device vif1.0-emu 2 ;;
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
	*off-first)
		event early vif 1 offline
		event on vif 1 online
		event off vif 1 offline
		;;
	ioemu | *-ioemu)
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
ROWS=${ROWS:-'plain ip both six several mtu name name-twice name-ioemu twice no-bridge
bridge-gone device-gone node-gone off-first move ioemu pairs words absolute used two
old-name one-bridge
route route-several route-both route-six route-gatewaydev route-name route-twice
route-gone route-node-gone route-off-first route-ioemu route-no-uplink route-bad-ip
nat nat-ip nat-both nat-name nat-twice nat-off-first nat-ioemu nat-many'}

# --- a host that drops what is forwarded ----------------------------------------------

# A guest whose tap is joined with vif1.0, a world behind the bridge and the uplink.
inside()
{
	nsenter -t "$1" -n -- sh -c "$2"
}
# join COMMANDS: the guest's eth0, and what it does there; a write to a tap that is
# down ends socat, so once for each policy
join()
{
	CABLE=
	for end in "a b $$ vif1.0" "b a $GUEST eth0"; do
		set -- "$1" $end
		nsenter -t $4 -n -- socat TUN,tun-type=tap,iff-no-pi,tun-name=$5 \
			UNIX-SENDTO:$RUN/$3,bind=$RUN/$2 &
		CABLE="$CABLE $!"
		until_true 5 test -S $RUN/$2
		until_true 5 nsenter -t $4 -n -- ip link show $5
	done
	inside $GUEST "sysctl -qw net.ipv6.conf.eth0.accept_dad=0
		ip link set eth0 address 00:16:3e:00:00:01 up
		$1"
}
part()
{
	kill $CABLE
	wait $CABLE
	rm -f $RUN/a $RUN/b
}
elsewhere()
{
	[ "$(readlink /proc/$1/ns/net)" != "$(readlink /proc/self/ns/net)" ]
}
outside()
{
	unshare -n sleep 1000 &
	GUEST=$!
	unshare -n sleep 1000 &
	WORLD=$!
	for there in $GUEST $WORLD; do
		until_true 5 elsewhere $there
	done
	device vif1.0
	ip link add up0 type veth peer name up0 netns $WORLD
	ip link set up0 master br0 up
	ip link set world netns $WORLD
	inside $WORLD 'sysctl -qw net.ipv6.conf.up0.accept_dad=0
		ip link set up0 up; ip link set world up
		ip addr add 10.1.0.9/24 dev up0; ip addr add fd01::9/64 dev up0
		ip addr add 192.0.2.9/24 dev world
		ip route add 10.2.0.0/24 via 192.0.2.1
		ip route add 10.7.0.0/24 via 192.0.2.1'
	for f in /proc/sys/net/bridge/bridge-nf-call-ip*; do
		[ ! -e "$f" ] || echo 1 >"$f"
	done
	echo 1 >/proc/sys/net/ipv4/ip_forward
}
policy()
{
	case $1 in
	open) ;;
	drop) iptables -P FORWARD DROP && ip6tables -P FORWARD DROP ;;
	docker) iptables-nft-restore <"$ROOT/tests/net/docker.rules" ;;
	esac
}
unpolicy()
{
	iptables -P FORWARD ACCEPT
	iptables -F
	iptables -X
	iptables -t nat -F
	iptables -t nat -X
	ip6tables -P FORWARD ACCEPT
}
# reach LABEL ADDRESS: may the guest talk to the world? Who must, has time.
reach()
{
	w=1
	case $SIDE-$ROW-$1 in accept-* | ours-*-open-? | rules-*-bridge-*-4) w=10 ;; esac
	r=no
	! inside $GUEST "ping -q -c 1 -w $w $2" >/dev/null 2>&1 || r=yes
	echo "$ROW $1 $r" >>"$REACH"
}
reaches()
{
	case $1 in
	reach-bridge)
		directory 1 ip '10.1.0.1 fd01::1'
		own='ip addr add 10.1.0.1/24 dev eth0
			ip addr add fd01::1/64 dev eth0'
		;;
	reach-route)
		directory 1 ip 10.2.0.2
		own='ip addr add 10.2.0.2/32 dev eth0
			ip route add default via 192.0.2.1 dev eth0 onlink'
		;;
	reach-nat)
		directory 1 ip 10.7.0.9
		own='ip addr add 10.7.0.9/32 dev eth0
			ip route add default via 10.7.0.136 dev eth0 onlink'
		;;
	esac
	for p in open drop docker; do
		policy $p
		: >"$SAID"
		join "$own"
		event $p vif 1 online
		! grep -q 'warning: .*accept=auto' "$SAID" ||
			echo "$ROW $p warned" >>"$REACH"
		if [ $1 = reach-bridge ]; then
			reach $p-4 10.1.0.9
			reach $p-6 fd01::9
		else
			reach $p-4 192.0.2.9
		fi
		part
		event $p-off vif 1 offline
		unpolicy
	done >>"$SAID.policy" 2>&1
	kill $GUEST $WORLD
}
REACHES=${REACHES:-'reach-bridge reach-route reach-nat'}

# world SIDE ROW: in a network of its own
if [ "${1:-}" = world ]; then
	SIDE=$2 ROW=$3 OUT=/tmp/out.$2 SAID=/tmp/said.$2 NETDEV=
	REACH=/tmp/reach.$2
	RUN=/tmp/run.$2.$3
	export NETBACK_RUN="$RUN" XENSTORED_PATH="$RUN/store"
	mount -t sysfs sysfs /sys
	ip link set lo up
	mkdir "$RUN"
	case $2 in
	ours | accept) HP=/tmp/ours/vif-bridge ;;
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
	case $3 in
	reach-*)
		OUT=/dev/null
		[ $2 != accept ] || export accept=auto
		HP=${HP%/*}/vif-${3#reach-}
		uplink
		outside
		reaches "$3"
		;;
	*) row "$3" ;;
	esac
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
	: >/tmp/reach.$1
	[ $1 = accept ] || for r in $ROWS; do
		unshare -n -m sh "$SELF" world "$1" "$r" || return 1
	done
	for r in $REACHES; do
		unshare -n -m sh "$SELF" world "$1" "$r" || return 1
	done
	sort -u /tmp/out.$1 -o /tmp/out.$1
}
pids=
for side in ours plain rules accept; do
	(worlds $side; echo $? >/tmp/rc.$side) >/tmp/world.$side 2>&1 &
	pids="$pids $!"
done
wait $pids
for side in ours plain rules accept; do
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
	comm -3 /tmp/out.$1 /tmp/out.ours |
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

# Where the host's firewall drops what no rule accepts: who gets through with theirs
# gets through with ours, or attach has said why not; with accept= all do.
got()
{
	grep -q "^$2 $3 yes" /tmp/reach.$1
}
unlike_theirs()
{
	while read -r row what r; do
		[ "$r" = no ] || continue
		got accept "$row" "$what" || echo "$row $what: accept=auto does not help"
		grep -q "^$row ${what%-*} warned" /tmp/reach.ours ||
			echo "$row $what: cut off, and nothing is said"
	done </tmp/reach.ours
	cat /tmp/reach.plain /tmp/reach.rules | grep ' yes$' |
		while read -r row what _; do
			got ours "$row" "$what" || got accept "$row" "$what" ||
				echo "$row $what: only with theirs"
		done
}
same 'a host that drops: as theirs, or a warning, and accept= helps' '' \
	"$(unlike_theirs)"
same 'nothing drops: all get through, and nothing is said' \
	"$(for r in bridge-4 bridge-6 nat-4 route-4; do
		echo "reach-${r%-?} open-${r#*-} yes"; done)" \
	"$(grep ' open' /tmp/reach.ours | sort)"
ok 'it was dropped' grep -q 'drop-4 no' /tmp/reach.ours
ok 'with their rules a bridged guest got through' got rules reach-bridge drop-4
done_testing
