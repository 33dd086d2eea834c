#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hotroute.sh - vif-route as toolstacks call it: the contract and old defects
#
# As hotplug.sh, for a host that routes. What packets do is in route.sh; here it
# is nodes, routes, proxies and what is left of them.
. "$(dirname "$0")/../lib.sh"
private "$@"
. "$ROOT/tests/toolstack.sh"
SCRIPT=vif-route

routes()
{
	ip route show dev "$1"
	ip -6 route show dev "$1" | grep -v kernel
}

# The host as a text: what is compared before and after.
host()
{
	ip -d link | steady
	ip addr | grep inet | steady
	ip -4 route show table all | steady
	# a router's own anycast addresses come when the kernel finds time
	ip -6 route show table all | sed /anycast/d | steady | sort
	ip neigh show nud permanent
	ip neigh show proxy
	nft list ruleset | grep -v packets
	xenstore-ls -f
	grep -rs . /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf \
		/proc/sys/net/ipv4/neigh | grep -v stable_secret | sort
}

left()
{
	host | diff "/tmp/$1" -
}

mkdir $S
for name in vif-bridge vif-route vif-setup qemu-ifdown; do
	ln -s "$B/vifhotplug" $S/$name
done
netbackd --store --run "$RUN" >/tmp/store.log 2>&1 &
ok 'the store answers' until_true 5 xenstore-ls
NETDEV=
for dev in eth0 eth1; do
	ip link add $dev type veth peer name p$dev
	sysctl -qw net.ipv6.conf.p$dev.disable_ipv6=1
	sysctl -qw net.ipv6.conf.$dev.disable_ipv6=1
	ip link set p$dev up
	ip link set $dev up
done
ip addr add 192.0.2.1/24 dev eth0
ip addr add 198.51.100.1/24 dev eth1
ip route add default via 198.51.100.9

# --- what libxl expects ----------------------------------------------------------

device vif1.0
directory 1 ip '10.0.0.1 10.5.0.0/24 fd00::1'
ok 'online' vif 1 online
same 'connected' connected "$(node 1/0/hotplug-status)"
same 'a route to each, from the address of eth0, as second choice' \
	'10.0.0.1 proto static scope link src 192.0.2.1 metric 2 linkdown
10.5.0.0/24 proto static scope link src 192.0.2.1 metric 2 linkdown
fd00::1 proto static metric 2 linkdown pref medium' \
	"$(routes vif1.0 | sed 's/ *$//')"
same 'the guest is told the mtu' 1500 \
	"$(xenstore-read /local/domain/1/device/vif/0/mtu)"
same 'the gateways' '192.0.2.1/32 fe80::1/64' \
	"$(ip -o addr show vif1.0 | awk '{print $4}' | xargs)"
same 'the uplink answers for single addresses' \
	'10.0.0.1 dev eth0 proxy proto 78 fd00::1 dev eth0 proxy proto 78' \
	"$(ip neigh show proxy | xargs)"
same 'the guest has its address alone' '00:16:3e:00:00:01 00:16:3e:00:00:01' \
	"$(ip neigh show dev vif1.0 nud permanent | awk '{print $3}' | xargs)"
ok 'the guard stands' nft list table netdev netback-vif1.0
host >/tmp/once
ok 'online again' vif 1 online
ok 'twice equals once' left once
ok 'offline' vif 1 offline
same 'no route' '' "$(routes vif1.0)"
same 'no proxy' '' "$(ip neigh show proxy)"
same 'no address' '' "$(ip -o addr show vif1.0)"
same 'no guard' '' "$(nft list tables)"
host >/tmp/off
ok 'offline again' vif 1 offline
ok 'it changes nothing' left off

directory 1 ip 10.0.0.1 gatewaydev eth1
ok 'online with a gatewaydev' vif 1 online
same 'its address is the gateway' 198.51.100.1/32 \
	"$(ip -o addr show vif1.0 | awk '{print $4}')"
same 'it answers for the guest' '10.0.0.1 dev eth1 proxy proto 78' \
	"$(ip neigh show proxy | xargs)"
same 'and forwards' 1 "$(cat /proc/sys/net/ipv4/conf/eth1/forwarding)"
xenstore-write $BACK/1/0/ip 10.0.0.2
ok 'online with another address' vif 1 online
same 'the old one is routed no more' '10.0.0.2' \
	"$(routes vif1.0 | awk '{print $1}')"
same 'nor answered for' '10.0.0.2 dev eth1 proxy proto 78' \
	"$(ip neigh show proxy | xargs)"
xenstore-rm $BACK/1
ok 'defect 9: offline without nodes' vif 1 offline
ok 'it leaves nothing' sh -c '
	test -z "$(ip neigh show proxy; ip route show dev vif1.0)"'
NETDEV=eth1
directory 1 ip 10.0.0.1
ok 'netdev in the environment' vif 1 online
same 'is a gatewaydev, too' 198.51.100.1/32 \
	"$(ip -o addr show vif1.0 | awk '{print $4}')"
ip link del vif1.0
xenstore-rm $BACK/1
ok 'offline when device and nodes are gone' vif 1 offline
same 'nobody answers for it' '' "$(ip neigh show proxy)"
device vif1.0
directory 1 ip 10.0.0.9
ok 'defect 12: a new tenant under an old name' vif 1 online
same "has nothing of the other's" '10.0.0.9 10.0.0.9' \
	"$(ip route show dev vif1.0 | awk '{print $1}') $(ip neigh show proxy |
		awk '{print $1}')"
vif 1 offline
NETDEV=
ip addr del 192.0.2.1/24 dev eth0
directory 1 ip 10.0.0.1
ok 'without an eth0 of use' vif 1 online
same "it is the default route's" '10.0.0.1 dev eth1 proxy proto 78' \
	"$(ip neigh show proxy | xargs)"
vif 1 offline
ip addr add 192.0.2.1/24 dev eth0

device vif1.0-emu
directory 1 ip 10.0.0.1 type vif_ioemu vifname web
ok 'a card and its emulated twin' vif 1 online
ok 'both come' tap 1 add
same 'the emulated one comes first' 'metric 1 metric 2' \
	"$(ip route | sed -n 's/^10.0.0.1 .*\(metric .\).*/\1/p' | xargs)"
same 'a source may come by either' '2 2' "$(cat \
	/proc/sys/net/ipv4/conf/web/rp_filter \
	/proc/sys/net/ipv4/conf/web-emu/rp_filter | xargs)"
ip link del web-emu
ok 'the guest lets go of the emulated one' tap 1 remove
same 'the other stays' 'web' "$(ip route | sed -n 's/^10.0.0.1 dev \([^ ]*\).*/\1/p')"
same 'and is answered for' '10.0.0.1 dev eth0 proxy proto 78' \
	"$(ip neigh show proxy | xargs)"
ok 'defect 7: online again' vif 1 online
ok 'offline' vif 1 offline
same 'nothing is left' '' "$(nft list tables | grep netback; ip neigh show proxy)"

# --- other callers ---------------------------------------------------------------

directory 1 ip 10.0.0.1
ok "udev's vif-setup" env vif=vif1.0 "XENBUS_PATH=$BACK/1/0" \
	script="$S/vif-route netdev=eth1" $S/vif-setup online type_if=vif
same 'runs the script it names, with its words' 198.51.100.1/32 \
	"$(ip -o addr show vif1.0 | awk '{print $4}')"
ok 'and off' env vif=vif1.0 "XENBUS_PATH=$BACK/1/0" script=vif-route \
	$S/vif-setup offline type_if=vif
ok 'vifctl hotplug, by script=' env vif=vif1.0 XENBUS_PATH=backend/vif/1/0 \
	script=/etc/xen/scripts/vif-route vifctl hotplug online type_if=vif
same 'is a route' 10.0.0.1 "$(ip route show dev vif1.0 | awk '{print $1}')"
vif 1 offline
device tap5
ok "QEMU's one word" env ip=10.0.0.5 netdev=eth0 $S/vif-route tap5
same 'is a route' 10.0.0.5 "$(ip route show dev tap5 | awk '{print $1}')"
ok 'down again' $S/qemu-ifdown tap5
ip link del tap5

# --- bad input -------------------------------------------------------------------

as_text()
{
	host | grep -vE 'hotplug-(status|error)'
}
as_before()
{
	as_text | diff /tmp/before -
}
as_text >/tmp/before
# bad KEY VALUE TEXT: refused, TEXT is in the reason, and the host as it was
bad()
{
	xenstore-write -- "$BACK/1/0/$1" "$2"
	ok "$1=$2" fails vif 1 online
	ok "it names the thing: $3" sh -c \
		"xenstore-read $BACK/1/0/hotplug-error | grep -- '$3'"
	same 'status error' error "$(node 1/0/hotplug-status)"
	case $1 in
	ip) xenstore-write $BACK/1/0/ip 10.0.0.1 ;;
	*) xenstore-rm "$BACK/1/0/$1" ;;
	esac
	ok 'all is as it was' as_before
}
bad ip '$(touch /tmp/pwned)' ip=
bad ip '' 'needs ip='
bad ip 0.0.0.0/0 0.0.0.0/0
bad ip "$(printf '10.0.0.1\n10.0.0.2')" /ip
bad ip 192.0.2.1 'address of this host'
bad ip '10.0.0.1 10.0.0.1' twice
bad ip "$(seq -s ' ' -f 10.0.1.%.0f 17)" 'more than 16'
bad gatewaydev nowhere 'gatewaydev nowhere: no such device'
bad gatewaydev vif1.0 'both'
bad gatewaydev '../x' 'gatewaydev: device name'
bad gatewaydev sixteencharacters 'longer than 15'
bad mtu 1 mtu=
ok 'nothing of it was run' fails test -e /tmp/pwned
xenstore-write $BACK/1/0/ip fd00::1 $BACK/1/0/mtu 1000
ok 'IPv6 and a small mtu' fails vif 1 online
directory 1 ip 10.0.0.1
device vif2.0
directory 2 ip 10.0.0.1
vif 1 online
ok "another card's address" fails vif 2 online
ok 'it says whose' sh -c \
	"xenstore-read $BACK/2/0/hotplug-error | grep 'routed to vif1.0'"
same 'the first still has it' vif1.0 \
	"$(ip route | sed -n 's/^10.0.0.1 dev \([^ ]*\).*/\1/p')"
vif 1 offline
ip link del vif2.0
ip route del default
ip addr del 192.0.2.1/24 dev eth0
ok 'no way to the world' fails vif 1 online
ok 'it says what to name' sh -c \
	"xenstore-read $BACK/1/0/hotplug-error | grep 'with gatewaydev='"
ip addr add 192.0.2.1/24 dev eth0

# --- a host whose firewall drops what is forwarded -----------------------------------

heard()
{
	vif 1 online 2>&1 | grep "$1"
}
ok 'nothing is said of a host that forwards' fails heard firewall
iptables -P FORWARD DROP
ok 'a warning names the chain' heard 'table ip filter, chain FORWARD'
same 'the vif is connected' connected "$(node 1/0/hotplug-status)"
iptables -P FORWARD ACCEPT

# --- no fork, one socket, one batch ------------------------------------------------

vif 1 offline
lean 'defect 13: '

# --- many at once, and killed at any moment --------------------------------------------

many()
{
	pids=
	for n in $(seq 32); do
		vif "$n" "$1" &
		pids="$pids $!"
	done
	for p in $pids; do
		wait "$p" || return 1
	done
}
for n in $(seq 2 32); do
	device "vif$n.0"
	directory "$n" ip "10.0.1.$n fd00::1:$n"
done
ok '32 at once' many online
same 'all are connected' 32 "$(xenstore-ls -f $BACK |
	grep -c 'hotplug-status = "connected"')"
same 'all are routed' 63 "$({ ip route; ip -6 route; } | grep -c 'metric 2 ')"
ok '32 go at once' many offline
same 'none is routed' 0 "$({ ip route; ip -6 route; } | grep -c 'metric 2 ')"
same 'nothing is left' '' "$(nft list tables | grep netback; ip neigh show proxy)"
for n in $(seq 2 32); do
	ip link del "vif$n.0"
done

end()
{
	host | grep -v hotplug-error
}
directory 1 ip '10.0.0.1 fd00::1'
vif 1 online
ok 'killed in online, then run again' killed online offline 90 ${STEP:-37}
ok 'killed in offline, then run again' killed offline online 90 ${STEP:-31}
done_testing
