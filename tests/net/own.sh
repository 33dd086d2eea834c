#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# own.sh - the address of a guest that the host routes to, used from elsewhere
#
# The world lies behind a device of its own (eth0, up0) and behind a bridge (eth1,
# br1), and says what it says in its own name and in a guest's. Who hears what is
# judged by sockets: a datagram that is let pass comes behind each that should not be,
# on the same way.
. "$(dirname "$0")/../lib.sh"
private "$@"
. "$(dirname "$0")/../host.sh"
need_tun 'addresses of guests'
OWN=$ROOT/tests/net/own.py
RAW=$B/tests/guest/rawframe

# --- the world ---------------------------------------------------------------------

outside_up
for n in 0 1; do
	ip link add up$n type veth peer name eth$n netns $OUT
done
ip link add br1 type bridge forward_delay 0 mcast_snooping 0
ip link add br2 type bridge forward_delay 0 mcast_snooping 0
ip link set up1 master br1
ip addr add 192.0.2.1/24 dev up0
ip addr add 2001:db8::1/64 dev up0 nodad
ip addr add 198.51.100.1/24 dev br1
ip addr add 2001:db8:1::1/64 dev br1 nodad
ip addr add 203.0.113.1/24 dev br2
ip addr add 2001:db8:2::1/64 dev br2 nodad
for d in up0 up1 br1 br2; do
	ip link set $d up
done
# nobody else judges
sysctl -qw net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.up0.rp_filter=0 \
	net.ipv4.conf.br1.rp_filter=0 net.ipv4.ip_forward=1 \
	net.ipv6.conf.all.forwarding=1
outside ip link set lo up
outside ip addr add 192.0.2.9/24 dev eth0
outside ip addr add 2001:db8::9/64 dev eth0 nodad
outside ip addr add 198.51.100.9/24 dev eth1
outside ip addr add 2001:db8:1::9/64 dev eth1 nodad
for n in 0 1; do
	outside ip link set eth$n up
done
outside ip route add default via 192.0.2.1 dev eth0 metric 10
outside ip route add default via 198.51.100.1 dev eth1 metric 11
outside ip -6 route add default via 2001:db8::1 dev eth0 metric 10
outside ip -6 route add default via 2001:db8:1::1 dev eth1 metric 11
host_up

# --- guests ------------------------------------------------------------------------

in_guest()
{
	in_pid=$(cat "/tmp/g$1.pid") || return 1
	shift
	nsenter -t "$in_pid" -n -- "$@"
}

# guest DOMID ADDRESS ADDRESS6 GATEWAY GATEWAY6
guest()
{
	vifguest --run "$RUN" --vif "$1.0" --ip "$2" --ip "$3" -- sh -c "
		ip link set lo up
		ip route add default via $4 dev eth0 onlink
		ip -6 route add default via $5 dev eth0
		python3 $OWN hear /tmp/heard.g$1 &
		echo \$\$ >/tmp/g$1.pid; exec sleep 1000" >"/tmp/g$1.log" 2>&1 &
	until_true 20 test -s "/tmp/g$1.pid"
}

same 'a host that routes to nobody has no table' '' "$(nft list tables)"
ok 'a bridge has a guest' vifctl attach vif3.0 bridge=br2 \
	mac=00:16:3e:00:00:03 ip=203.0.113.3,2001:db8:2::3
same '.. and no table but its guard' 'table netdev netback-vif3.0' \
	"$(nft list tables)"
one()
{
	vifctl attach vif1.0 mode=route mac=00:16:3e:00:00:01 \
		ip=10.7.0.1,fd00:7::1,10.9.0.0/24 "$@"
}
ok 'one is routed to' one
ok 'another' vifctl attach vif2.0 mode=route mac=00:16:3e:00:00:02 \
	ip=10.7.0.2,fd00:7::2
guest 1 10.7.0.1/32 fd00:7::1/128 169.254.1.1 fe80::1
guest 2 10.7.0.2/32 fd00:7::2/128 169.254.1.1 fe80::1
guest 3 203.0.113.3/24 2001:db8:2::3/64 203.0.113.1 2001:db8:2::1
python3 "$OWN" hear /tmp/heard.host &
outside python3 "$OWN" hear /tmp/heard.out &
hears()
{
	"$@" ss -Hlnu 'sport = :7007' | grep -q .
}
for h in '' outside 'in_guest 1' 'in_guest 2' 'in_guest 3'; do
	# shellcheck disable=SC2086 # words
	until_true 10 hears $h
done

# says WHO..: what stands on the input, DEVICE FROM TO TEXT
says()
{
	"$@" python3 "$OWN" say
}
heard()
{
	grep -q " $2\$" "/tmp/heard.$1"
}
# N is another each time, whichever shell asks.
next()
{
	echo >>/tmp/n
	N=$(wc -l </tmp/n)
}
# world DEVICE TO: the world's own address there
world()
{
	case $1$2 in
	eth0*:*) echo 2001:db8::9 ;;
	eth1*:*) echo 2001:db8:1::9 ;;
	eth0*) echo 192.0.2.9 ;;
	eth1*) echo 198.51.100.9 ;;
	esac
}
# comes DEVICE FROM TO HEARER: what the world says in FROM's name; behind it in its own
comes()
{
	next
	printf '%s\n' "$1 $2 $3 lie$N" "$1 $(world "$1" "$3") $3 said$N" |
		says outside
	until_true 5 heard "$4" "said$N" || { echo "nothing comes"; exit 1; }
	heard "$4" "lie$N"
}
# from FAMILY'S ADDRESS: the guest's of that family
from()
{
	case $1 in
	*:*) echo fd00:7::1 ;;
	*) echo 10.7.0.1 ;;
	esac
}
cat >/tmp/ways <<-E
	eth0 192.0.2.1 host
	eth0 2001:db8::1 host
	eth1 198.51.100.1 host
	eth1 2001:db8:1::1 host
	eth0 10.7.0.2 g2
	eth0 fd00:7::2 g2
	eth1 10.7.0.2 g2
	eth1 fd00:7::2 g2
	eth0 203.0.113.3 g3
	eth0 2001:db8:2::3 g3
	eth1 203.0.113.3 g3
	eth1 2001:db8:2::3 g3
E
# everywhere drop|pass: all that in the name of vif1.0's guest
everywhere()
{
	next
	while read -r dev to hearer; do
		echo "$dev $(from "$to") $to lie$N.$dev"
		echo "$dev $(world "$dev" "$to") $to said$N.$dev"
	done </tmp/ways | says outside
	while read -r dev to hearer; do
		until_true 5 heard_of "$hearer" "$(world "$dev" "$to")" \
			"said$N.$dev" || { echo "$dev $to: nothing"; return 1; }
		got=drop
		! heard_of "$hearer" "$(from "$to")" "lie$N.$dev" || got=pass
		[ $got = "$1" ] || { echo "$dev $to: $got"; return 1; }
	done </tmp/ways
}
heard_of()
{
	grep -q "^$2 $3\$" "/tmp/heard.$1"
}
# own: what vif1.0's guest says itself
own()
{
	next
	for to in 169.254.1.1:host 2001:db8::1:host 10.7.0.2:g2 fd00:7::2:g2 \
		203.0.113.3:g3 2001:db8:2::3:g3 192.0.2.9:out 2001:db8::9:out \
		198.51.100.9:out; do
		echo "eth0 $(from "${to%:*}") ${to%:*} own$N"
		echo "${to##*:} $(from "${to%:*}")" >>/tmp/own$N
	done | says in_guest 1
	while read -r hearer who; do
		until_true 5 heard_of "$hearer" "$who" "own$N" ||
			{ echo "$hearer $who"; return 1; }
	done </tmp/own$N
}

# --- from elsewhere ------------------------------------------------------------------

ok 'what it says itself is heard everywhere' own
ok 'from elsewhere what is its own is heard nowhere' everywhere drop
ok '.. as check has it' vifctl check
ok 'addresses beside it pass' comes eth0 10.7.0.7 192.0.2.1 host
ok '.. of its network, too, which is not judged' comes eth0 10.9.0.7 192.0.2.1 host
dump()
{
	nft list ruleset | sed 's/packets [0-9]* bytes [0-9]*//'
}
dump >/tmp/once
ok 'attached again' one
dump >/tmp/twice
ok '.. nothing changes' cmp /tmp/once /tmp/twice
same 'plan says it' '# tables inet and bridge netback-own: the host takes 10.7.0.1, fd00:7::1 from vif1.0 alone' \
	"$(vifctl plan vif1.0 mode=route mac=00:16:3e:00:00:01 \
		ip=10.7.0.1,fd00:7::1 | grep netback-own)"
explained()
{
	vifctl explain --in "$1" --smac "${6:-02:00:00:00:00:77}" --out "$3" udp "$2:9" '>' 10.7.0.2:9 \
		>/tmp/said
	cat /tmp/said
	grep -q "^verdict: $4.*${5:-}" /tmp/said
}
ok 'explain says it of a device' explained up0 10.7.0.1 vif2.0 drop netback-own
ok '.. of a bridge' explained up1 10.7.0.1 vif2.0 drop netback-own
ok '.. and that its own pass' explained vif1.0 10.7.0.1 vif2.0 pass \
	'' 00:16:3e:00:00:01

# What is bridged is not the host's, though br_netfilter shows it.
for t in in0 out0 fence0; do
	ip tuntap add $t mode tap
	ip link set $t master br1 up
done
for f in iptables ip6tables; do
	[ ! -e /proc/sys/net/bridge/bridge-nf-call-$f ] ||
		echo 1 >/proc/sys/net/bridge/bridge-nf-call-$f
done
cat >/tmp/bridged <<-E
	ip4 pass ff:ff:ff:ff:ff:ff 02:00:00:00:00:77 0800 ip4 10.7.0.1 198.51.100.7 17 udp 9 9
	ip6 pass ff:ff:ff:ff:ff:ff 02:00:00:00:00:77 86dd ip6 fd00:7::1 ff02::1 17 udp 9 9
E
bridged()
{
	"$RAW" br1 in0 out0 fence0 </tmp/bridged
}
ok 'from port to port of a bridge it passes' bridged
ok '.. and to the host nothing does' everywhere drop

# A tag is another network's: what a VLAN's device takes is judged there.
vlan()
{
	next
	printf '%s\n' "eth1.5 10.7.0.1 198.51.101.1 lie$N" \
		"eth1.5 198.51.101.9 198.51.101.1 said$N" | says outside
	until_true 5 heard host "said$N" && fails heard host "lie$N"
}
if ip link add link br1 name br1.5 type vlan id 5 2>/dev/null; then
	ip addr add 198.51.101.1/24 dev br1.5
	ip link set br1.5 up
	sysctl -qw net.ipv4.conf.br1/5.rp_filter=0
	outside ip link add link eth1 name eth1.5 type vlan id 5
	outside ip addr add 198.51.101.9/24 dev eth1.5
	outside ip link set eth1.5 up
	ok 'of a VLAN on a bridge neither' vlan
fi

# The host may say what it likes to itself.
itself()
{
	next
	echo "lo 10.7.0.1 192.0.2.1 own$N" | says
	until_true 5 heard host "own$N"
}
ok 'from lo it passes' itself

# --- who has what ----------------------------------------------------------------------

one allow=shared >/dev/null
ok 'others have it, too: it passes' everywhere pass
ok '.. and its own do' own
shared()
{
	vifctl plan vif1.0 mode=route allow=shared mac=00:16:3e:00:00:01 \
		ip=10.7.0.1 | grep 'takes 10.7.0.1 from vif1.0, and from elsewhere$'
}
ok '.. as plan says' shared
ok 'it has it alone again' one
ok '.. and it does not' everywhere drop
ok 'another address while it runs' vifctl attach vif1.0 mode=route \
	mac=00:16:3e:00:00:01 ip=10.7.0.8
ok '.. then that one passes' comes eth0 10.7.0.1 192.0.2.1 host
ok '.. and this one does not' fails comes eth0 10.7.0.8 192.0.2.1 host
ok 'its old ones again' one

if command -v dnsmasq >/dev/null; then
	vifctl network add lan subnet=10.88.0.0/24
	vifctl attach vif4.0 mode=nat network=lan mac=00:16:3e:00:00:04 ip=10.88.0.2
	ok "a network's guest" fails comes eth0 10.88.0.2 192.0.2.1 host
	ok '.. by a bridge, too' fails comes eth1 10.88.0.2 198.51.100.1 host
	vifctl detach vif4.0
	ok '.. when it is gone it passes' comes eth0 10.88.0.2 192.0.2.1 host
	vifctl network delete lan
else
	skip "a network's guest" 'no dnsmasq here'
fi
vifctl attach vif4.0 mode=nat mac=00:16:3e:00:00:04 ip=10.88.0.2 gatewaydev=up0
ok 'one of mode nat' fails comes eth0 10.88.0.2 192.0.2.1 host
vifctl detach vif4.0
ok '.. when it is gone it passes' comes eth0 10.88.0.2 192.0.2.1 host

# --- what others remove -------------------------------------------------------------------

# amiss COMMAND..: check says so, repair mends it
amiss()
{
	"$@" || return 1
	vifctl check vif1.0 | grep 'does not know all that is its own' || return 1
	vifctl repair vif1.0
	vifctl check vif1.0 && everywhere drop
}
ok 'an element is gone' amiss nft delete element inet netback-own addr4 \
	'{ 10.7.0.1 }'
ok 'one of who holds it' amiss nft delete element bridge netback-own held6 \
	'{ "vif1.0" . fd00:7::1 }'
ok 'rules are' amiss nft flush chain inet netback-own input
ok 'one too many is there' amiss nft insert rule bridge netback-own input accept
same 'the other guest has what it had' 1 \
	"$(nft list set inet netback-own addr4 | grep -c '10.7.0.2')"
ok 'a table is gone' amiss nft delete table bridge netback-own
vifctl repair vif2.0
ok '.. all of it is back' vifctl check
vifctl watch guard >/tmp/watch 2>&1 &
WATCH=$!
until_true 5 watching $WATCH
nft delete table inet netback-own
ok 'the watcher brings it back' until_true 5 vifctl check
ok '.. and says who it was' until_true 5 grep -q 'guard=back by=nft' /tmp/watch
nft flush chain bridge netback-own foreign
ok '.. rules, too' until_true 5 vifctl check
nft flush ruleset
ok '.. and after a flush' until_true 5 vifctl check
ok '.. which hold' everywhere drop
kill $WATCH
wait $WATCH

# --- gone ------------------------------------------------------------------------------

vifctl detach vif1.0
ok 'who is gone may answer from elsewhere' comes eth0 10.7.0.1 192.0.2.1 host
ok '.. and by the bridge' comes eth1 10.7.0.1 198.51.100.1 host
ok '.. but not another guest' fails comes eth0 10.7.0.2 192.0.2.1 host
vifctl detach vif2.0
same 'with the last the tables go' 'table netdev netback-vif3.0' \
	"$(nft list tables | grep -v netback-nat)"
kill $OUT
done_testing
