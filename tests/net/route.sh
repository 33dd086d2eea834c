#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# route.sh - guests behind a router: this host, IPv4 and IPv6, end to end
#
# Two guests with routed vifs, and a machine outside behind a veth that is on the
# same network as one guest and knows nothing of us: it finds that guest by proxy
# ARP and proxy ND, and the guest finds it. Judges: ping, TCP, iproute2's dumps.
. "$(dirname "$0")/../lib.sh"
private "$@"
. "$(dirname "$0")/../requests.sh"
[ -w /dev/net/tun ] || { echo '1..0 # SKIP /dev/net/tun is not ours'; exit; }
M=$B/tests/guest/modes
PATH=$B/tests/guest:$PATH
export XENSTORED_PATH=$RUN/store

### a host with an uplink, and a neighbour on it

outside_up
ip link add up0 address 02:00:00:00:00:01 type veth \
	peer name eth0 address 02:00:00:00:00:02 netns $OUT
sysctl -qw net.ipv6.conf.up0.accept_dad=0
outside sysctl -qw net.ipv6.conf.eth0.accept_dad=0
ip addr add 192.0.2.1/24 dev up0
ip addr add 2001:db8::1/64 dev up0
ip link set up0 up
outside ip link set lo up
outside ip addr add 192.0.2.9/24 dev eth0
outside ip addr add 2001:db8::9/64 dev eth0
outside ip link set eth0 up
# the outside's way to the second guest, which is on no network of its own
outside ip route add 10.7.0.2 via 192.0.2.1
outside ip route add fd00:7::2 via 2001:db8::1

# Everything that attach may touch, but the two guests' own devices.
dump()
{
	ip -d link | steady
	ip addr | grep inet | steady
	ip route show table all | steady
	# what the kernel learns by itself comes and goes
	ip -6 route show table all | steady | sort
	ip neigh show nud permanent
	ip neigh show proxy
	grep -rs . /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf \
		/proc/sys/net/ipv4/neigh /proc/sys/net/ipv6/neigh \
		/proc/sys/net/ipv4/ip_forward | grep -v stable_secret | sort
	nft list ruleset
}

# held WHAT: the dump equals the file WHAT, made before.
held()
{
	dump | diff -u "$RUN/$1" -
}

# What attach raises on the uplink stays raised (and a router has its networks'
# anycast addresses): it shall be the only change. Before Linux 6.17 IPv6 is
# forwarded by all devices or none.
RAISED='/up0/|anycast .*dev up0'
[ -e /proc/sys/net/ipv6/conf/all/force_forwarding ] ||
	RAISED="$RAISED|ipv6/conf/[a-z0-9.]*/forwarding:"
raised()
{
	dump | diff "$RUN/$1" - | grep '^[<>]' | grep -vE "$RAISED" |
		sed 's/^/besides: /' >"$RUN/besides"
	cat "$RUN/besides"
	[ ! -s "$RUN/besides" ]
}

### the steps on a tap of our own

U='10.0 mode=route gatewaydev=up0 mac=00:16:3e:00:00:10
	ip=192.0.2.77,10.9.0.0/24,2001:db8::77,fd00:9::/64'
new_tap()
{
	ip tuntap add vif10.0 mode tap
	ip link set vif10.0 address fe:ff:ff:ff:ff:ff
	ip link set vif10.0 up # once, so that it has its queue discipline
	ip link set vif10.0 down
}

# shellcheck disable=SC2086,SC2120 # $U is words; called through ok as well
attach()
{
	"$M" attach "$@" $U
}

new_tap
dump >"$RUN/before"
ok 'attach' attach
ok 'routes are there, with source and metric' sh -c '
	ip route show dev vif10.0 >'"$RUN"'/r
	grep "^192.0.2.77 .*src 192.0.2.1 metric 2" '"$RUN"'/r &&
	grep "^10.9.0.0/24 .*src 192.0.2.1 metric 2" '"$RUN"'/r &&
	ip -6 route show dev vif10.0 | grep "^2001:db8::77 .*metric 2" &&
	ip -6 route show dev vif10.0 | grep "^fd00:9::/64 .*metric 2"'
ok 'single addresses are permanent neighbours' sh -c '
	test "$(ip neigh show dev vif10.0 nud permanent | grep -c 3e:00:00:10)" = 2'
same 'and the uplink answers for them' 2 "$(ip neigh show proxy | grep -c up0)"
same 'IPv4 forwards on two devices only' 0 \
	"$(cat /proc/sys/net/ipv4/ip_forward)"
# shellcheck disable=SC2086
ok 'check finds nothing' "$M" check $U
dump >"$RUN/attached"

changes_nothing()
{
	ip monitor link address route neigh >"$RUN/mon" 2>&1 &
	mon=$!
	until_true 5 sh -c "ip addr add 10.9.9.9/32 dev lo
		ip addr del 10.9.9.9/32 dev lo; grep -q 10.9.9.9 $RUN/mon"
	attach >/dev/null || return 1
	ip addr add 10.9.9.8/32 dev lo
	ip addr del 10.9.9.8/32 dev lo
	until_true 5 grep -q 10.9.9.8 "$RUN/mon" || return 1
	kill $mon
	# neighbours that the kernel learns by itself are none of attach's
	grep -vE ' (INCOMPLETE|REACHABLE|STALE|DELAY|PROBE|FAILED) *$' "$RUN/mon" \
		>"$RUN/mon.ours"
	fails grep -E 'vif10|up0' "$RUN/mon.ours"
}
ok 'a second attach sends the kernel no change' changes_nothing
ok 'and all is as after the first' held attached

ip route del 192.0.2.77 dev vif10.0
ip -6 route del fd00:9::/64 dev vif10.0
ip neigh del 2001:db8::77 dev vif10.0
ip neigh del proxy 192.0.2.77 dev up0
ip addr del 192.0.2.1/32 dev vif10.0
echo 0 >/proc/sys/net/ipv4/conf/vif10.0/proxy_arp
echo 0 >/proc/sys/net/ipv4/conf/up0/forwarding
# shellcheck disable=SC2086
"$M" check $U >"$RUN/differs"
same 'check says that something differs' 1 $?
same 'one line for each difference' "\
vif10.0: net/ipv4/conf/vif10.0/proxy_arp is 0, should be 1
vif10.0: address 192.0.2.1 is missing
vif10.0: permanent neighbour 192.0.2.77 is missing
vif10.0: permanent neighbour 2001:db8::77 is missing
vif10.0: route to 192.0.2.77 is missing
vif10.0: route to 10.9.0.0/24 is missing
vif10.0: route to fd00:9::/64 is missing
up0: proxy entry for 192.0.2.77 is missing
vif10.0: net/ipv4/conf/up0/forwarding is 0, should be 1" \
	"$(cat "$RUN/differs")"
ok 'attach repairs it' attach
# shellcheck disable=SC2086
ok 'check finds nothing then' "$M" check $U

ok 'undo needs the name only' "$M" undo 10.0
ok 'it leaves nothing but forwarding on the uplink' raised before
dump >"$RUN/undone"
ok 'undo again' "$M" undo 10.0
ok 'changes nothing' held undone
ok 'attach and undo by the words' attach
# shellcheck disable=SC2086
ok 'undo by the words' "$M" undo $U
ok 'leaves nothing either' held undone
attach >/dev/null
ip link del vif10.0
# shellcheck disable=SC2086
ok 'undo after the device is gone' "$M" undo $U
same 'takes the proxies back' '' "$(ip neigh show proxy)"

### the printed plan, run by iproute2, does the same

new_tap
# shellcheck disable=SC2086
"$M" plan $U >"$RUN/plan.sh"
ok 'the printed plan runs' sh -e "$RUN/plan.sh"
dump >"$RUN/by-iproute2"
"$M" undo 10.0 >/dev/null
attach >/dev/null
ok 'and ends where attach ends' held by-iproute2
"$M" undo 10.0 >/dev/null

### failures: all of it goes back

ok 'guard fails' refused 'guard refused' attach -g fail
ok 'all is back' held undone
ok 'device deleted by then' refused 'No such device' attach -g del:vif10.0
new_tap
ip link add other0 type veth peer name other1
ip link set other0 up
ip route add 10.9.0.0/24 dev other0 metric 2
dump >"$RUN/taken"
ok 'a route that is taken' refused \
	'ip 10.9.0.0/24 is routed to other0 already' attach
ok 'all is back' held taken
ip link del other0
# shellcheck disable=SC2086
ok "the host's own address" refused '192.0.2.1 is an address of this host' \
	"$M" attach 10.0 mode=route gatewaydev=up0 ip=192.0.2.1
ok 'an uplink that is missing' refused 'gatewaydev up9: no such device' \
	"$M" attach 10.0 mode=route gatewaydev=up9 ip=192.0.2.3
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
ok 'sysctl cannot be written' refused 'rp_filter: Read-only' attach
umount /proc/sys
ok 'all is back' held undone

# cleaned_after LEAST CALL WHAT AFTER: and undo takes the last one back.
cleaned_after()
{
	each_request "$@" && "$M" undo 10.0 && held undone
}
WORDS=$U UNDONE=undone
export ASAN_OPTIONS=detect_leaks=0 # strace and the leak checker do not mix
ok 'any one request fails: all is back' \
	cleaned_after 15 sendmsg error=ENOBUFS all_back
ok 'any one answer is lost: all is back' \
	cleaned_after 15 recvmsg error=ENOBUFS all_back
ok 'killed at any request: attach completes, undo cleans' \
	cleaned_after 15 sendmsg signal=KILL made_right
ip link del vif10.0

### guests

netbackd --store --run "$RUN" >/tmp/store.log 2>&1 &
ok 'the store answers' until_true 5 xenstore-ls
netbackd --run "$RUN" >/tmp/netbackd.log 2>&1 &
ok 'netbackd answers' until_true 5 answers
dump >"$RUN/before"

# One guest is of the uplink's network, on-link with the outside; the other is on
# a network of nobody, with its gateway by a link-local address.
ok 'attach the first' vifctl attach vif1.0 mode=route gatewaydev=up0 \
	ip=192.0.2.5,2001:db8::5
ok 'attach the second' vifctl attach vif2.0 mode=route gatewaydev=up0 \
	ip=10.7.0.2,fd00:7::2 gateway=169.254.1.1
ok 'check finds nothing' vifctl check
ok 'show says how' sh -c "vifctl show vif1.0 |
	grep 'mode=route gatewaydev=up0' | grep -v bridge="

guest()
{
	vifguest --run "$RUN" --vif "$1.0" --ip "$2" --ip "$3" -- sh -c "
		ip link set lo up
		$4
		echo \$\$ >$RUN/g$1.pid; exec sleep 1000" >"$RUN/g$1.log" 2>&1 &
	eval "G$1=$!"
}

in_guest()
{
	in_pid=$(cat "$RUN/g$1.pid")
	shift
	nsenter -t "$in_pid" -n -- "$@"
}
guest 1 192.0.2.5/24 2001:db8::5/128 '
	ip route add default via 192.0.2.1
	ip -6 route add default via fe80::1 dev eth0'
guest 2 10.7.0.2/32 fd00:7::2/128 '
	ip route add default via 169.254.1.1 dev eth0 onlink
	ip -6 route add default via fe80::1 dev eth0'
ok 'the first is up' until_true 10 test -s "$RUN/g1.pid"
ok 'the second is up' until_true 10 test -s "$RUN/g2.pid"

# reach NAME FROM.. -- ADDRESSES: small, and in many fragments
reach()
{
	reach_name=$1
	shift
	reach_from=
	while [ "$1" != -- ]; do
		reach_from="$reach_from $1"
		shift
	done
	shift
	for a in "$@"; do
		# shellcheck disable=SC2086 # words
		ok "$reach_name $a" until_true 3 $reach_from ping -q -c 1 -W 1 "$a"
		# shellcheck disable=SC2086
		ok "$reach_name $a, 20000 bytes" \
			until_true 3 $reach_from ping -q -c 2 -i 0.1 -W 2 -s 20000 "$a"
	done
}
reach 'host to guest' -- 192.0.2.5 2001:db8::5 10.7.0.2 fd00:7::2
reach 'first guest to its gateway' in_guest 1 -- 192.0.2.1 fe80::1%eth0
reach 'second guest to the host' in_guest 2 -- 169.254.1.1 192.0.2.1 2001:db8::1
reach 'guest to guest' in_guest 1 -- 10.7.0.2 fd00:7::2
reach 'and back' in_guest 2 -- 192.0.2.5 2001:db8::5
reach 'first guest to outside' in_guest 1 -- 192.0.2.9 2001:db8::9
reach 'second guest to outside' in_guest 2 -- 192.0.2.9 2001:db8::9
outside ip neigh flush all
reach 'outside to first guest' outside -- 192.0.2.5 2001:db8::5
reach 'outside to second guest' outside -- 10.7.0.2 fd00:7::2
ok "outside sees the first guest at the uplink's address" sh -c "
	nsenter -t $OUT -n ip neigh show 192.0.2.5 | grep 02:00:00:00:00:01 &&
	nsenter -t $OUT -n ip neigh show 2001:db8::5 | grep 02:00:00:00:00:01"

# The first guest believes 192.0.2.9 on its wire: proxy ARP on the vif.
ok 'the guest sees its neighbours at our address' sh -c "
	nsenter -t $(cat "$RUN/g1.pid") -n ip neigh show 192.0.2.9 |
		grep fe:ff:ff:ff:ff:ff"

in_guest 2 iperf3 -s >/tmp/iperf-g2.log 2>&1 &
outside iperf3 -s >/tmp/iperf-out.log 2>&1 &
until_true 5 in_guest 2 sh -c 'ss -Hltn sport = :5201 | grep -q .'
until_true 5 outside sh -c 'ss -Hltn sport = :5201 | grep -q .'
for a in 10.7.0.2 fd00:7::2 192.0.2.9 2001:db8::9; do
	ok "TCP from the first guest to $a" until_true 3 \
		in_guest 1 iperf3 -c $a -n 20M
	ok 'and the other way' until_true 3 in_guest 1 iperf3 -c $a -n 20M -R
done

# lies ADDRESS TO: nothing from that source comes through
lies()
{
	in_guest 2 ip addr add "$1" dev eth0 nodad 2>/dev/null ||
		in_guest 2 ip addr add "$1" dev eth0
	fails in_guest 2 ping -q -c 1 -W 1 -I "${1%/*}" "$2"
	lies_rc=$?
	in_guest 2 ip addr del "$1" dev eth0
	return $lies_rc
}
dropped()
{
	nft list table netdev netback-vif2.0 |
		awk -v c="drop_$1" '$2 == c { on = 1 }
			on && /packets/ { print $2; exit }'
}
d4=$(dropped ip)
d6=$(dropped ip6)
ok "the other guest's address is not taken for its own" \
	lies 192.0.2.5/32 192.0.2.9
ok 'nor a free one of the network' lies 10.7.0.3/32 192.0.2.9
ok 'nor an IPv6 one' lies fd00:7::3/128 2001:db8::9
ok "it was the guard that dropped it" test "$(dropped ip)" -gt "${d4:-9999}" \
	-a "$(dropped ip6)" -gt "${d6:-9999}"
ok 'the guest may still use its own' in_guest 2 ping -q -c 1 -w 20 192.0.2.9

ok 'attach again' vifctl attach vif2.0 mode=route gatewaydev=up0 \
	ip=10.7.0.2,fd00:7::2 gateway=169.254.1.1
ok 'other addresses while it runs' vifctl attach vif2.0 mode=route \
	gatewaydev=up0 ip=10.7.0.3 gateway=169.254.1.1
ok 'check finds nothing' vifctl check
ok 'the old ones are routed no more' sh -c '
	! ip route show | grep 10.7.0.2 && ! ip -6 route show | grep fd00:7'
ip link add br0 type bridge
ok 'another mode needs a detach' refused 'mode: it is attached with "route"' \
	vifctl attach vif2.0 bridge=br0
ip link del br0
ok "an address of the other's" refused '192.0.2.5 is routed to vif1.0 already' \
	vifctl attach vif2.0 mode=route ip=192.0.2.5 gateway=169.254.1.1 \
	gatewaydev=up0
ok 'it has what it had' sh -c 'vifctl check && vifctl show vif2.0 | grep 10.7.0.3'
kill $G1 $G2
wait $G1 $G2 2>/dev/null
ok 'detach the first' vifctl detach vif1.0
ok 'detach the second' vifctl detach vif2.0
ok 'the host is as before' raised before

### router advertisements: the default route that they made stays

advertise()
{
	outside python3 -c '
import socket, struct
eth0 = socket.if_nametoindex("eth0")
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, eth0)
ra = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
s.sendto(ra, ("ff02::1", 0, 0, eth0))'
}
advertised()
{
	ip -6 route show default | grep 'dev up0 proto ra'
}
advertised_now()
{
	advertise && sleep 0.05 && advertised
}
sysctl -qw net.ipv6.conf.up0.forwarding=0 net.ipv6.conf.up0.accept_ra=1
ok 'the uplink listens to a router' until_true 5 advertised_now
ok 'attach without gatewaydev' vifctl attach vif1.0 mode=route ip=fd00:7::2
ok 'the route stays' advertised
same 'the uplink goes on listening' 2 \
	"$(cat /proc/sys/net/ipv6/conf/up0/accept_ra)"
same 'and does not forward' 0 "$(cat /proc/sys/net/ipv6/conf/up0/forwarding)"
vifctl detach vif1.0
ip -6 route flush proto ra
sysctl -qw net.ipv6.conf.up0.accept_ra=1
ok 'it listens again' until_true 5 advertised_now
ok 'attach with it' vifctl attach vif1.0 mode=route ip=fd00:7::2 gatewaydev=up0
ok 'the route stays' advertised
ip -6 route flush proto ra
ok 'and is made again' until_true 5 advertised_now
vifctl detach vif1.0
kill $OUT
done_testing
