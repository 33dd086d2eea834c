#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# explain.sh - vifctl explain against the kernel's own trace
#
# Frames of tests/rows.sh go through a bridge that is guarded, filtered by nft and
# by iptables, with tracing on; what the kernel says of each (rule by rule, by
# handle, with verdict) must be what explain says, line by line.
. "$(dirname "$0")/../lib.sh"
private "$@"
if [ ! -w /dev/net/tun ]; then
	skip "taps" "/dev/net/tun is not ours to open"
	done_testing
fi
. "$ROOT/tests/rows.sh"
TOOL=$B/tests/guest/guardtool
for f in /proc/sys/net/bridge/bridge-nf-call-*; do
	[ ! -e "$f" ] || echo 0 >"$f"
done
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip link add br0 type bridge mcast_snooping 0 forward_delay 0
for t in 1 2; do
	ip tuntap add vif$t.0 mode tap
	ip link set vif$t.0 master br0 up
done
ip link set br0 up
sleep 600 | "$B/tests/guest/tracetool" vif2.0 >"$RUN/other" & # carrier
until_true 10 grep -qx 3 /sys/class/net/vif2.0/brport/state
bridge fdb add $YOU dev vif2.0 master static

{
	framed $YOU | awk '/[.]plain / || /[.](padded|vid0|vid0-twice|snap) / &&
		++n % 3 == 0'
	for p in 9 22 53 80 85 91; do
		echo "udp.$p pass $YOU $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 999 $p"
		echo "tcp.$p pass $YOU $ME 0800 ip4 10.0.0.5 10.0.0.6 6 03e7 00$(printf %02x $p) pad 8 5002 pad 6"
	done
	echo "ping pass $YOU $ME 0800 ip4 10.0.0.5 10.0.0.6 1 0800 0000 pad 4"
	echo "ping6 pass $YOU $ME 86dd ip6 fd00::5 fd00::6 58 8000 0000 pad 4"
} >"$RUN/rows"
"$B/tests/guest/rawframe" -x <"$RUN/rows" >"$RUN/hex"
# Headers whose checksum is left zero never reach iptables.
paste -d ' ' "$RUN/hex" "$RUN/rows" | grep -v ' 0800 4500 ' |
	cut -d ' ' -f 1 >"$RUN/hex.sums"

cat >"$RUN/trace.nft" <<-END
	table netdev trace {
		chain c {
			type filter hook ingress device "vif1.0" priority -600
			meta nftrace set 1
		}
	}
END

# to_pcap FILE: hex lines to what --pcap reads
to_pcap()
{
	python3 -c '
import struct, sys
out = sys.stdout.buffer
out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
for line in sys.stdin:
    b = bytes.fromhex(line)
    out.write(struct.pack("<IIII", 0, 0, len(b), len(b)) + b)
' <"$1"
}

# What both say, in the same words: no hook, no comment, no end of a chain that
# only returns.
explained()
{
	to_pcap "$1" >"$RUN/pcap" &&
		"$B/vifctl" explain --in vif1.0 --out vif2.0 --pcap "$RUN/pcap" |
		sed -n '/^frame/p; s/ [#?] .*//; s/^[a-z]* \([a-z0-9]* .* \(rule\|policy\) .*\)/\1/p' |
		grep -v ' return$\|^netdev trace '
}
traced()
{
	"$B/tests/guest/tracetool" vif1.0 <"$1" | grep -v ' return$\| end$\|^netdev trace '
}
equal()
{
	explained "$1" >"$RUN/ours" || return
	traced "$1" >"$RUN/theirs" || return
	wc -l "$RUN/theirs"
	diff "$RUN/theirs" "$RUN/ours"
}

nft -f "$RUN/trace.nft"
"$TOOL" apply vif1.0 mac=$ME ip=10.0.0.5 ip=fd00::5
"$TOOL" apply vif2.0 mac=$YOU ip=10.0.0.6 ip=fd00::6
n=$(wc -l <"$RUN/hex")
ok "$n frames through two guards, as the kernel traces them" equal "$RUN/hex"
ok ".. which is more than a few rules" test "$(wc -l <"$RUN/theirs")" -gt 400
"$TOOL" apply vif1.0 mac=$ME ip=10.0.0.5 ip=10.0.0.0/24 ip=10.9.9.9 ip=fd00::5 \
	ip=fd01::/64 pair=00:00:5e:00:01:07/10.0.0.1
ok "networks, sets and pairs" equal "$RUN/hex"
"$TOOL" remove vif1.0
"$TOOL" apply vif1.0 mac=$ME ip=learn
ok "what was learned" sh -c "head -n 30 $RUN/hex >$RUN/few"
"$B/tests/guest/rawframe" -n vif1.0 <<-END
	x pass $YOU $ME 0806 arp 1 $ME 10.0.0.5
	x pass $YOU $ME 86dd ip6 fd00::5 fd00::6 17 udp 9 9
END
ok ".. judges the next" equal "$RUN/few"
"$TOOL" apply vif1.0 mac=$ME

cat >"$RUN/bridge.nft" <<-'END'
	table bridge b {
		set s {
			type ipv4_addr
			flags interval
			elements = { 10.0.0.0/30, 10.0.0.5, 10.0.0.8-10.0.0.20 }
		}
		set pairs {
			type ether_addr . ipv4_addr
			elements = { 02:00:00:00:00:01 . 10.0.0.5 }
		}
		map m {
			type ifname : verdict
			elements = { "vif1.0" : jump x, "vif9.0" : drop }
		}
		chain x {
			ip saddr @s counter
			ip saddr != @s ip saddr != 10.0.0.7 drop
			ether saddr . ip saddr @pairs counter
			udp dport { 53, 80-90 } drop
			tcp dport 22 return
			tcp dport 53 goto y
			icmpv6 type { echo-request, nd-neighbor-solicit } accept
		}
		chain y {
			tcp sport >= 1000 drop
		}
		chain pre {
			type filter hook prerouting priority -300
			ether type vmap { arp : accept, 0x1234 : drop }
			meta l4proto udp meta mark set 7
			ip6 hoplimit 1-254 counter
		}
		chain over {
			type filter hook forward priority -200
			iifname vmap @m
			meta mark 7 counter
			meta mark and 3 == 3 oifname "vif2.0" udp dport 9 drop
			ip daddr 10.0.0.6/31 ip protocol icmp counter
			meta pkttype broadcast drop
		}
		chain post {
			type filter hook postrouting priority 0; policy accept
			oifname "vif3*" drop
			oifname "vif2*" counter
			ip6 saddr fd00::/16 counter accept
			th dport 91 drop
		}
	}
END
nft -f "$RUN/bridge.nft"
ok "tables of the bridge family: sets, intervals, maps, marks" equal "$RUN/hex"

if ! iptables-nft -V >/dev/null 2>&1 ||
   [ ! -e /sys/class/net/br0/bridge/nf_call_iptables ]; then
	skip "iptables" "no iptables-nft, or no br_netfilter"
else
	ip link set br0 type bridge nf_call_iptables 1 nf_call_ip6tables 1
	cat >"$RUN/four" <<-END
		*filter
		:INPUT ACCEPT [0:0]
		:FORWARD ACCEPT [0:0]
		:OUTPUT ACCEPT [0:0]
		:mine - [0:0]
		-A FORWARD -m physdev --physdev-in vif1.0 --physdev-is-bridged -j mine
		-A FORWARD -m physdev --physdev-in vif+ ! --physdev-out vif3.0 --physdev-is-bridged -m comment --comment one
		-A FORWARD -m physdev --physdev-out vif2.0 --physdev-is-bridged -p tcp -m multiport --dports 80:90,22 -j DROP
		-A FORWARD -i br0 -o br0 -p icmp -m icmp --icmp-type 8 -j LOG
		-A FORWARD -s 10.0.0.0/24 ! -d 10.0.0.9/32 -p udp -m udp --dport 91 -j REJECT
		-A mine -p udp -m udp ! --sport 1:998 --dport 22 -j DROP
		-A mine -p tcp -m tcp --dport 53 --tcp-flags SYN,ACK SYN -j RETURN
		-A mine -m mark --mark 0x7 -j ACCEPT
		COMMIT
	END
	cat >"$RUN/six" <<-END
		*filter
		:INPUT ACCEPT [0:0]
		:FORWARD DROP [0:0]
		:OUTPUT ACCEPT [0:0]
		-A FORWARD -m physdev --physdev-is-in --physdev-is-out -p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT
		-A FORWARD -m physdev ! --physdev-is-bridged -j ACCEPT
		-A FORWARD -s fd00::5/128 -p udp -j ACCEPT
		COMMIT
	END
	iptables-nft-restore <"$RUN/four"
	ip6tables-nft-restore <"$RUN/six"
	nft -f - <<-END
		table inet i {
			chain f {
				type filter hook forward priority 10
				meta nfproto ipv4 tcp dport 85 drop
				iifname "br0" ip6 saddr fd00::5 counter
			}
		}
	END
	ok "with iptables' own rules between them, physdev included" \
		equal "$RUN/hex.sums"
fi

# The same rules in tables of the legacy variant, which nothing traces: what is said
# must be the same, rule by rule, but for the number, and a rule is a rule.
rule_by_rule()
{
	to_pcap "$RUN/hex.sums" >"$RUN/pcap" &&
		"$B/vifctl" explain --in vif1.0 --out vif2.0 \
			--pcap "$RUN/pcap" >"$RUN/said" || return
	grep '^frame\|legacy:\| filter \|^verdict' "$RUN/said" |
		sed 's/legacy://g; s/iptables-legacy/iptables/; s/rule [0-9]*/rule/'
}
legacy_too()
{
	nft flush ruleset
	iptables-legacy-restore <"$RUN/four" &&
		ip6tables-legacy-restore <"$RUN/six" &&
		rule_by_rule >"$RUN/legacy" || return
	grep -c 'drop, by iptables' "$RUN/legacy"
	grep -q ' filter FORWARD policy drop' "$RUN/legacy" &&
		grep -q 'mine rule drop' "$RUN/legacy" &&
		diff "$RUN/nft" "$RUN/legacy"
}
export XTABLES_LOCKFILE=$RUN/xtables.lock
if [ -s "$RUN/four" ]; then
	nft flush ruleset
	iptables-nft-restore <"$RUN/four"
	ip6tables-nft-restore <"$RUN/six"
	rule_by_rule >"$RUN/nft"
fi
# to ask for a legacy table makes it
if [ ! -s "$RUN/four" ] || ! iptables-legacy -S >/dev/null 2>&1; then
	skip "iptables-legacy" "no iptables-legacy, or no br_netfilter"
else
	ok "rules of iptables-legacy are explained as those of its other variant" \
		legacy_too
	for t in iptables-legacy ip6tables-legacy; do
		$t -P FORWARD ACCEPT
		$t -F
		$t -X
	done
fi

# --- what it says ---------------------------------------------------------------

explain()
{
	"$B/vifctl" explain --in vif1.0 --out vif2.0 --smac $ME --dmac $YOU \
		"$@" >"$RUN/said" 2>&1
}
says()
{
	says_want=$1
	shift
	explain "$@" || { cat "$RUN/said"; return 1; }
	tail -n 1 "$RUN/said" | grep -q "^verdict: $says_want" ||
		{ cat "$RUN/said"; return 1; }
}
nft flush ruleset
"$TOOL" apply vif1.0 mac=$ME ip=10.0.0.5 ip=fd00::5
ok "its own address passes" says pass tcp 10.0.0.5:1234 '>' 10.0.0.6:22
ok "another is the guard's to drop" \
	says 'drop, by the guard, .* drop_ip$' tcp 10.0.0.7:1234 '>' 10.0.0.6:22
ok "IPv6 with ports" says pass udp '[fd00::5]:9' '>' '[fd00::6]:9'
ok "ARP" says 'drop, .* drop_arp$' arp 10.0.0.9 '>' 10.0.0.6
ok "a DHCP server" says 'drop, .* drop_dhcp$' udp 10.0.0.5:67 '>' 10.0.0.6:68
port()
{
	bridge link set dev "$@"
}
W="udp 10.0.0.5:9 > 10.0.0.6:9"
port vif1.0 isolated on
ok "one port is isolated" says pass $W
port vif2.0 isolated on
ok "both are: the bridge drops" says 'drop, by the bridge br0, .*isolated' $W
port vif2.0 isolated off
port vif1.0 locked on learning off
ok "a locked port where the MAC is not known" \
	says 'drop, by the bridge br0, vif1.0 is locked' $W
bridge fdb add $ME dev vif1.0 master static
ok ".. where it is" says pass $W
port vif1.0 locked off
bridge fdb del $YOU dev vif2.0 master
ok "a MAC that nobody knows is sent to all" says pass $W
port vif2.0 flood off
ok ".. but not there" says 'drop, by the bridge br0, .*(flood)' $W
port vif2.0 flood on
ip tuntap add vif3.0 mode tap
ip link set vif3.0 master br0 up
bridge fdb add $YOU dev vif3.0 master static
ok "a MAC that is known elsewhere" \
	says 'drop, by the bridge br0, the MAC is known behind vif3.0' $W
bridge fdb del $YOU dev vif3.0 master
bridge fdb add $YOU dev vif2.0 master static
ok "a port without carrier" \
	sh -c "'$B/vifctl' explain --in vif1.0 --out vif3.0 --smac $ME \
		--dmac 02:00:00:00:00:07 ${W%%>*} '>' 10.0.0.6:9 |
		grep 'drop, by the bridge br0, vif3.0 is down'"
ok "raw hex" says 'drop, .* drop_ethertype$' \
	--hex "020000000002 020000000001 88cc 0207040200000000"
nft -f - <<-END
	table bridge b {
		chain f {
			type filter hook forward priority 1
			ct state new drop
		}
	}
END
if [ "$(nft list chains bridge 2>/dev/null | grep -c hook)" -gt 0 ]; then
	ok "the state of a connection cannot be known" \
		says 'cannot know' tcp 10.0.0.5:1234 '>' 10.0.0.6:22
	ok ".. but what does not depend on it can" \
		says drop tcp 10.0.0.7:1234 '>' 10.0.0.6:22
else
	nft add table inet s
	nft add chain inet s f '{ type filter hook forward priority 0 ; }'
	nft add rule inet s f ct state new drop
	ip link set br0 type bridge nf_call_iptables 1
	ok "the state of a connection cannot be known" \
		says 'cannot know' tcp 10.0.0.5:1234 '>' 10.0.0.6:22
	ok ".. but what does not depend on it can" \
		says drop tcp 10.0.0.7:1234 '>' 10.0.0.6:22
	nft add rule inet s f drop
	ok ".. and so can what comes to the same" \
		says drop tcp 10.0.0.5:1234 '>' 10.0.0.6:22
fi
refused()
{
	explain "$@" && return 1
	cat "$RUN/said"
}
ok "bad words" refused tcp 10.0.0.5 '>' 10.0.0.6
ok "bad hex" refused --hex 0200zz
ok "no such device" fails "$B/vifctl" explain --in vif77.0 tcp 10.0.0.5:1 '>' \
	10.0.0.6:1
done_testing
