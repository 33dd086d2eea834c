#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# guardmatrix.sh - every framing x claim x lie; learning; other places than bridges
#
# A table says of each claim and lie whether it may pass when it is framed
# plainly; a second one what becomes of it in each framing. Neither knows the
# rules. Then: addresses that are learned and expire, pairs, and vifs which
# are no port of a bridge, where the host's own stack is who listens.
# shellcheck disable=SC2086 # policies are lists of words
. "$(dirname "$0")/../lib.sh"
private "$@"
if [ ! -w /dev/net/tun ]; then
	skip "taps" "/dev/net/tun is not ours to open"
	done_testing
fi

TOOL=$B/tests/guest/guardtool
RAW=$B/tests/guest/rawframe
. "$ROOT/tests/rows.sh"
for f in /proc/sys/net/bridge/bridge-nf-call-*; do
	[ ! -e "$f" ] || echo 0 >"$f"
done
sysctl -qw net.ipv6.conf.default.disable_ipv6=1
ip link add br0 mtu 9000 type bridge mcast_snooping 0 forward_delay 0
for t in 1 2 3; do
	ip tuntap add vif$t.0 mode tap
	ip link set vif$t.0 mtu 9000 master br0
	ip link set vif$t.0 up
done
ip link set br0 up

# To a bridge's own groups nothing goes; what is cut short is nothing.
group()
{
	claims $1 | awk '{
		if ($5 == "FORGED") $5 = "02:00:00:03:00:01"
		printf "%s.%s.group drop %s", $1, $2, $4
		for (i = 5; i <= NF; i++) printf " %s", $i
		print ""
	}'
}
runts()
{
	cat <<-END
	runt-ip drop ff:ff:ff:ff:ff:ff $ME 0800
	runt-ip2 drop ff:ff:ff:ff:ff:ff $ME 0800 4500001c 0001 0000 4011 0000 0a00
	runt-arp drop ff:ff:ff:ff:ff:ff $ME 0806 0001 0800 06 04 0001
	runt-ip6 drop ff:ff:ff:ff:ff:ff $ME 86dd 60000000 0008 11 ff fd00
	runt-ns drop ff:ff:ff:ff:ff:ff $ME 86dd ip6 fd00::5 ff02::1 58 8700 0000 pad 8
	runt-opt drop ff:ff:ff:ff:ff:ff $ME 86dd ip6 fd00::5 ff02::1 58 nd 135 fd00::6 0101 0200
	runt-icmp6 drop ff:ff:ff:ff:ff:ff $ME 86dd ip6 fd00::5 ff02::1 58
	runt-tag drop ff:ff:ff:ff:ff:ff $ME 8100
	END
}

frames()
{
	echo 1 >/sys/class/net/br0/bridge/flush
	"$RAW" br0 vif1.0 vif2.0 vif3.0
}
judge()
{
	"$TOOL" apply vif1.0 $1 && frames <"$2"
}

KNOWN="mac=$ME ip=10.0.0.5 ip=fd00::5"
{
	echo "first pass ff:ff:ff:ff:ff:ff $ME 0806 arp 1 $ME 10.0.0.5"
	framed ff:ff:ff:ff:ff:ff
	framed $YOU
	framed 33:33:00:00:00:01
	group 01:80:c2:00:00:00
	group 01:80:c2:00:00:0e
	group 01:80:c2:00:00:03
	runts
} >"$RUN/matrix"
ok "$(wc -l <"$RUN/matrix") rows: framing, claim and lie" \
	judge "$KNOWN" "$RUN/matrix"
"$TOOL" remove vif1.0
frames <"$RUN/matrix" >"$RUN/open" || :
wrong=$(sed -n 's/^[0-9]* rows, \([0-9]*\) not.*/\1/p' "$RUN/open")
ok "without a guard $wrong of them go otherwise" test "$wrong" -gt 1000

# --- several MACs, each with its address --------------------------------------

VR=00:00:5e:00:01:07
ALL=ff:ff:ff:ff:ff:ff
cat >"$RUN/pairs" <<-END
	own pass $ALL $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	pair pass $ALL $VR 0800 ip4 10.0.0.1 10.0.0.6 17 udp 9 9
	pair-arp pass $ALL $VR 0806 arpto 2 $VR 10.0.0.1 10.0.0.1
	pair6 pass $ALL $VR 86dd ip6 fe80::7 fd00::6 17 udp 9 9
	pair-net pass $ALL $VR 86dd ip6 fd07::9 fd00::6 17 udp 9 9
	pair-na pass $ALL $VR 86dd ip6 fe80::7 ff02::1 58 nd 136 fe80::7 opt 2 $VR
	own-with-pairs-address drop $ALL $ME 0800 ip4 10.0.0.1 10.0.0.6 17 udp 9 9
	pair-with-own-address drop $ALL $VR 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	pair-own-arp drop $ALL $VR 0806 arpto 2 $VR 10.0.0.5 10.0.0.5
	own-pair-arp drop $ALL $ME 0806 arpto 2 $ME 10.0.0.1 10.0.0.1
	mixed-arp drop $ALL $ME 0806 arpto 2 $VR 10.0.0.1 10.0.0.1
	mixed-arp2 drop $ALL $VR 0806 arpto 2 $ME 10.0.0.5 10.0.0.5
	mixed-na drop $ALL $VR 86dd ip6 fe80::7 ff02::1 58 nd 136 fe80::7 opt 2 $ME
	mixed-na2 drop $ALL $ME 86dd ip6 fd00::5 ff02::1 58 nd 136 fd00::5 opt 2 $VR
	other-mac drop $ALL $YOU 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
END
# The bridge may learn the second MAC: not what is asked here.
pairs()
{
	"$TOOL" apply vif1.0 $KNOWN pair=$VR/10.0.0.1 pair=$VR/fe80::7 \
		pair=$VR/fd07::/64 && "$RAW" -t br0 vif1.0 vif2.0 vif3.0 \
		<"$RUN/pairs"
}
ok "several MACs, each with its own addresses" pairs

# --- learned addresses --------------------------------------------------------

one()
{
	echo "$@" >"$RUN/one" && frames <"$RUN/one"
}
"$TOOL" remove vif1.0
"$TOOL" apply vif1.0 mac=$ME ip=learn learn_s=600
ok "a probe teaches nothing" one p pass $ALL $ME 0806 arpto 1 $ME 0.0.0.0 10.0.0.9
ok "the first IPv4 source is the guest's" \
	one a pass $ALL $ME 0800 ip4 10.0.0.7 10.0.0.6 17 udp 9 9
ok ".. and then no other" \
	one b drop $ALL $ME 0800 ip4 10.0.0.8 10.0.0.6 17 udp 9 9
ok ".. nor in ARP" one c drop $ALL $ME 0806 arp 2 $ME 10.0.0.8
"$TOOL" apply vif1.0 mac=$ME ip=learn learn_s=600
ok "a guard put in place again still knows it" \
	one d drop $ALL $ME 0800 ip4 10.0.0.8 10.0.0.6 17 udp 9 9
ok "IPv6 by neighbour discovery" \
	one e pass $ALL $ME 86dd ip6 $LL6 ff02::1 58 nd 135 fd00::6 opt 1 $ME
ok ".. whose targets are its own alone" \
	one f drop $ALL $ME 86dd ip6 $LL6 ff02::1 58 nd 136 fd00::6 opt 2 $ME
ok ".. its own pass" \
	one f pass $ALL $ME 86dd ip6 $LL6 ff02::1 58 nd 136 $LL6 opt 2 $ME
# a short time only where it is what is asked: everything else takes some itself
"$TOOL" remove vif1.0
"$TOOL" apply vif1.0 mac=$ME ip=learn learn_s=2
ok ".. with a short time: one is learned" \
	one a pass $ALL $ME 0800 ip4 10.0.0.7 10.0.0.6 17 udp 9 9
learned_gone()
{
	! nft list set netdev netback-vif1.0 addr4 | grep -q 10.0.0
}
ok "silent for its time, it is forgotten" until_true 8 learned_gone
# the kernel tidies up about once a second
ok ".. and another is learned" until_true 8 \
	one g pass $ALL $ME 0800 ip4 10.0.0.8 10.0.0.6 17 udp 9 9

ACK="0800 ip4 10.0.0.1 255.255.255.255 17 udp 67 68 02010600 00000001 00000000 00000000"
REST="00000000 00000000 020000000001 pad 10 pad 192 63825363"
# gives WORDS..: what a server behind the second tap says
gives()
{
	echo "s pass $ALL $YOU $*" >"$RUN/one"
	"$RAW" -t br0 vif2.0 vif1.0 vif3.0 <"$RUN/one"
}
"$TOOL" remove vif1.0
"$TOOL" apply vif1.0 mac=$ME ip=dhcp learn_s=600
ok "by DHCP: nothing before" \
	one h drop $ALL $ME 0800 ip4 10.0.0.7 10.0.0.6 17 udp 9 9
ok ".. but asking" one i pass $ALL $ME 0800 ip4 0.0.0.0 255.255.255.255 17 udp 68 67 pad 28 $ME pad 206
ok ".. but not for another" one i drop $ALL $ME 0800 ip4 0.0.0.0 255.255.255.255 17 udp 68 67 pad 28 $YOU pad 206
ok ".. nor in fragments" one i drop $ALL $ME 0800 4500 0140 0001 2000 4011 0000 00000000 ffffffff 00440043012c0000 pad 28 $ME pad 258
ok ".. an offer is none yet" gives $ACK 0a000007 $REST 350102 ff
ok ".. so: nothing" one h drop $ALL $ME 0800 ip4 10.0.0.7 10.0.0.6 17 udp 9 9
ok ".. what another is given is not its own" \
	gives $ACK 0a000008 00000000 00000000 020000000009 pad 202 63825363 350105 ff
ok ".. so: nothing still" one h drop $ALL $ME 0800 ip4 10.0.0.8 10.0.0.6 17 udp 9 9
ok ".. who only informs itself is given none" gives $ACK 00000000 $REST 350105 ff
ok ".. so: nothing, not even from 0.0.0.0" one h drop $ALL $ME 0800 ip4 0.0.0.0 10.0.0.6 17 udp 9 9
ok ".. what it is given" gives $ACK 0a000007 $REST 350105 ff
ok ".. passes" one j pass $ALL $ME 0800 ip4 10.0.0.7 10.0.0.6 17 udp 9 9
ok ".. and nothing else" one k drop $ALL $ME 0800 ip4 10.0.0.8 10.0.0.6 17 udp 9 9
ok ".. and its link-local address" \
	one l pass $ALL $ME 86dd ip6 $LL6 ff02::1 58 nd 135 fd00::6 opt 1 $ME
"$TOOL" remove vif1.0
"$TOOL" apply vif1.0 mac=$ME ip=dhcp learn_s=2
ok ".. a short lease" gives $ACK 0a000007 $REST 350105 ff
ok "a lease that ends" until_true 8 learned_gone
ok ".. closes the port" one m drop $ALL $ME 0800 ip4 10.0.0.7 10.0.0.6 17 udp 9 9

# --- no bridge: the host's stack listens --------------------------------------

# Counts what reaches the host from a vif that is routed or masqueraded.
ip link set vif1.0 nomaster
ip addr add 10.0.0.1/24 dev vif1.0
sysctl -qw net.ipv4.conf.vif1/0.rp_filter=0 net.ipv4.conf.all.rp_filter=0
cat >"$RUN/host.nft" <<-END
	table ip t {
		chain c {
			type filter hook prerouting priority -400
			iifname vif1.0 udp dport 9 counter
		}
	}
END
nft -f "$RUN/host.nft"
HOST=$(cat /sys/class/net/vif1.0/address)
heard()
{
	nft list table ip t | sed -n 's/.*packets \([0-9]*\) .*/\1/p'
}
# sent WORDS..: frames of that go in at the vif; 0 when the host heard it
sent()
{
	sent_n=$(heard)
	echo "x pass $*" >"$RUN/one"
	"$RAW" -n vif1.0 <"$RUN/one"
	[ "$(heard)" -gt "$sent_n" ]
}
"$TOOL" apply vif1.0 $KNOWN
ok "routed: its own address reaches the host" \
	sent $HOST $ME 0800 ip4 10.0.0.5 10.0.0.1 17 udp 9 9
ok "routed: another does not" \
	fails sent $HOST $ME 0800 ip4 10.0.0.6 10.0.0.1 17 udp 9 9
ok "routed: nor another MAC" \
	fails sent $HOST $YOU 0800 ip4 10.0.0.5 10.0.0.1 17 udp 9 9
ok "routed: nor a tag that the stack would take off" \
	fails sent $HOST $ME 8100 0000 0800 ip4 10.0.0.5 10.0.0.1 17 udp 9 9
# What the host believes of its neighbours, who ask it for its own address; it
# forgets them when the tap is closed.
knows()
{
	ip neigh show "$1" dev vif1.0 | grep -q lladdr
}
believes()
{
	echo "x pass $HOST $2 0806 arpto 1 $2 $1 10.0.0.1" >"$RUN/one"
	"$RAW" -l vif1.0 <"$RUN/one" >"$RUN/taken" &
	until_true "${3:-5}" knows "$1"
	believes_rc=$?
	kill $!
	wait $!
	ip neigh flush dev vif1.0
	return $believes_rc
}
ok "routed: an ARP of its own teaches the host" believes 10.0.0.5 $ME
ok "routed: of another's address does not" fails believes 10.0.0.6 $ME 1
ok "routed: nor of another's MAC" fails believes 10.0.0.5 $YOU 1
# .. masqueraded: what the guard lets by is given the host's address, nothing else.
nft -f - <<-END
	table ip masq {
		chain c {
			type nat hook postrouting priority 100
			iifname vif1.0 counter masquerade
		}
	}
END
ip link add up0 type veth peer name world0
ip addr add 192.0.2.1/24 dev up0
ip link set world0 up
ip link set up0 up
ip neigh add 192.0.2.9 lladdr $YOU dev up0
sysctl -qw net.ipv4.ip_forward=1
left()
{
	nft list table ip masq | sed -n 's/.*packets \([0-9]*\) .*/\1/p'
}
# leaves WORDS..: 0 when such a packet left the host; from another port each time,
# since a flow is asked about once
leaves()
{
	leaves_n=$(left)
	echo "x pass $*" >"$RUN/one"
	"$RAW" -n vif1.0 <"$RUN/one"
	[ "$(left)" -gt "$leaves_n" ]
}
ok "NAT: its own address leaves" \
	leaves $HOST $ME 0800 ip4 10.0.0.5 192.0.2.9 17 udp 1001 9
ok "NAT: another's does not" \
	fails leaves $HOST $ME 0800 ip4 10.0.0.6 192.0.2.9 17 udp 1002 9
ok "NAT: nor one of the host's own" \
	fails leaves $HOST $ME 0800 ip4 10.0.0.1 192.0.2.9 17 udp 1003 9
ok "NAT: nor one of the world's" \
	fails leaves $HOST $ME 0800 ip4 192.0.2.77 192.0.2.9 17 udp 1004 9
ok "NAT: nor one behind a tag" \
	fails leaves $HOST $ME 8100 0000 0800 ip4 10.0.0.5 192.0.2.9 17 udp 1005 9
ok "NAT: nor a fragment of another's" fails leaves $HOST $ME 0800 4500 001c \
	0001 2001 4011 0000 0a000006 c0000209 0000000000000000
sysctl -qw net.ipv4.ip_forward=0
ip link del up0
nft delete table ip masq
# Flows of an address that is taken away end, and no others.
nft -f - <<-END
	table inet track {
		chain c {
			type filter hook input priority 0
			ct state new,established counter
		}
	}
END
flows()
{
	grep -c "src=$1 " /proc/net/nf_conntrack
}
"$TOOL" apply vif1.0 $KNOWN ip=10.0.0.8 ip=10.0.0.9
for a in 5 8 9; do
	sent $HOST $ME 0800 ip4 10.0.0.$a 10.0.0.1 17 udp 9 9
done
if [ "$(flows 10.0.0.9)" = 0 ]; then
	skip "flows that end" "no conntrack to be seen here"
else
	"$TOOL" apply vif1.0 $KNOWN ip=10.0.0.8/31
	same "flows of addresses that a network has go on" 111 \
		"$(flows 10.0.0.9)$(flows 10.0.0.5)$(flows 10.0.0.8)"
	"$TOOL" apply vif1.0 $KNOWN ip=10.0.0.8 ip=10.0.0.9
	"$TOOL" apply vif1.0 $KNOWN ip=10.0.0.8
	same "the flow of an address that is taken away ends, no other" 011 \
		"$(flows 10.0.0.9)$(flows 10.0.0.5)$(flows 10.0.0.8)"
fi
"$TOOL" remove vif1.0
ok "routed, without a guard: the host believes another's ARP" \
	believes 10.0.0.6 $ME
ok "routed, without a guard: the host hears it" \
	sent $HOST $YOU 8100 0000 0800 ip4 10.0.0.6 10.0.0.1 17 udp 9 9
done_testing
