#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# explain-bridge.sh - what chains of a bridge br_netfilter passes over, as explain
# says it, as the kernel traces it, and by what arrives
#
# Table "early" is there before the bridge and so before br_netfilter's hooks, table
# "late" behind them; both have a chain of each hook and each of some priorities.
#
# takes 40 s
. "$(dirname "$0")/../lib.sh"
private "$@"
if [ ! -w /dev/net/tun ]; then
	skip "taps" "/dev/net/tun is not ours to open"
	done_testing
fi
. "$ROOT/tests/rows.sh"
PRIOS="-300 -200 -2 -1 0 1 200"
# The priority of its hook for IP at forward; before Linux 6.8 ARP has one of its own.
AT=0
grep -q ' br_nf_forward\([[:space:].]\|$\)' /proc/kallsyms || AT=m1
calls()
{
	for f in iptables ip6tables arptables; do
		[ ! -e /proc/sys/net/bridge/bridge-nf-call-$f ] ||
			echo "$1" >/proc/sys/net/bridge/bridge-nf-call-$f
	done
}
calls 0
sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0
chains()
{
	echo "table bridge $1 {"
	for h in prerouting forward input output postrouting; do
		for p in $PRIOS; do
			echo "chain ${h}_$p {" | tr - m
			echo "type filter hook $h priority $p"
			echo "}"
		done
	done
	echo "}"
}
chains early | nft -f -
ip link add br0 address 02:00:00:00:00:bb type bridge mcast_snooping 0 forward_delay 0
for t in 1 2 3; do
	ip tuntap add vif$t.0 mode tap
	ip link set vif$t.0 master br0 up
done
ip link set br0 up
ip address add 10.0.0.6/24 dev br0
ip address add fd00::6/64 dev br0 nodad
HOST=02:00:00:00:00:bb
chains late | nft -f -
nft -f - <<-END
	table netdev trace {
		chain c {
			type filter hook ingress device "vif1.0" priority -600
			meta nftrace set 1
		}
	}
	table inet i {
		chain pre { type filter hook prerouting priority 0; }
		chain in { type filter hook input priority 0; }
		chain over { type filter hook forward priority 0; }
		chain post { type filter hook postrouting priority 0; }
	}
END

rows()
{
	cat <<-END
		udp pass $1 $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 999 9
		udp6 pass $1 $ME 86dd ip6 fd00::5 fd00::6 17 udp 999 9
		arp pass $1 $ME 0806 arp 1 $ME 10.0.0.5
		arp-other pass $1 $ME 0806 0001 0800 0606 0001 pad 24
		vlan pass $1 $ME 8100 0005 0800 ip4 10.0.0.5 10.0.0.6 17 udp 999 9
		vlan6 pass $1 $ME 8100 0005 86dd ip6 fd00::5 fd00::6 17 udp 999 9
		vlan-arp pass $1 $ME 8100 0005 0806 arp 1 $ME 10.0.0.5
		else pass $1 $ME 88b6 pad 40
	END
}
hexes()
{
	rows "$1" | "$B/tests/guest/rawframe" -x
}
{
	hexes $YOU
	# what br_netfilter does not like
	for p in "4500 001c 0001 0000 4011 0000 0a000005 0a000006 0000000000000000" \
		"4500 0040 0001 0000 4011 26a2 0a000005 0a000006 0000000000000000" \
		"4400 001c 0001 0000 4011 27c6 0a000005 0a000006 0000000000000000"; do
		echo "bad pass $YOU $ME 0800 $p"
	done | "$B/tests/guest/rawframe" -x
	echo "bad6 pass $YOU $ME 86dd 6000 0000 0040 1140 pad 40" |
		"$B/tests/guest/rawframe" -x
} >"$RUN/over"
{
	hexes $HOST
	hexes 01:80:c2:00:00:0e
	hexes 01:80:c2:00:00:02
} >"$RUN/up"

# explain_all FILE [TO]: each frame of hex lines
explain_all()
{
	python3 -c '
import struct, sys
out = sys.stdout.buffer
out.write(struct.pack("<IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, 65535, 1))
for line in sys.stdin:
    b = bytes.fromhex(line)
    out.write(struct.pack("<IIII", 0, 0, len(b), len(b)) + b)
' <"$1" >"$RUN/pcap" &&
		"$B/vifctl" explain --in vif1.0 ${2:+--out "$2"} \
			--pcap "$RUN/pcap"
}
# As explain.sh does.
explained()
{
	explain_all "$2" "$1" >"$RUN/said" || return
	sed -n '/^frame/p; s/ [#?] .*//; s/^[a-z]* \([a-z0-9]* .* \(rule\|policy\) .*\)/\1/p' \
		"$RUN/said" | grep -v '^netdev trace '
}
traced()
{
	"$B/tests/guest/tracetool" vif1.0 <"$1" |
		grep -v ' end$\|^netdev trace '
}
# Without chains of the priority of which one cannot know.
equal()
{
	explained "$1" "$2" >"$RUN/ours" && traced "$2" >"$RUN/theirs" || return
	for f in ours theirs; do
		grep -v " \(early prerouting_0\|[a-z]* forward_\(0\|$AT\)\) " \
			"$RUN/$f" >"$RUN/$f.sure"
	done
	wc -l "$RUN/theirs.sure"
	diff "$RUN/theirs.sure" "$RUN/ours.sure"
}
both()
{
	ok "$1: to a port" equal vif2.0 "$RUN/over"
	ok "$1: to the host" equal "" "$RUN/up"
}
# who reads vif2.0, so that it has carrier, and frames pass
mkfifo "$RUN/hold"
"$B/tests/guest/tracetool" vif2.0 <>"$RUN/hold" >"$RUN/other" &
OTHER=$!
until_true 10 grep -qx 3 /sys/class/net/vif2.0/brport/state
bridge fdb add $YOU dev vif2.0 master static
both "nothing is shown to iptables"
ok ".. and all chains are asked" fails grep -q 'not asked' "$RUN/said"
if [ ! -e /sys/class/net/br0/bridge/nf_call_iptables ]; then
	skip "br_netfilter" "this kernel has none"
	done_testing
fi
calls 1
both "br_netfilter for all bridges"
calls 0
ip link set br0 type bridge nf_call_iptables 1 nf_call_ip6tables 1 nf_call_arptables 1
both "br_netfilter for this bridge"
explained vif2.0 "$RUN/over" >"$RUN/ours"
ok "what it drops itself is said" \
	test "$(grep -c '^verdict: drop, by br_netfilter: its IPv' "$RUN/said")" = 4
echo 1 >/proc/sys/net/bridge/bridge-nf-filter-vlan-tagged
both ".. tagged frames included"
group()
{
	"$B/vifctl" explain --in vif1.0 --out vif2.0 \
		--hex "0180c20000$1 020000000001 88b6 00" | grep "^verdict: $2"
}
ok "a bridge without STP forwards its group" group 00 pass
ok "pause frames end at the port" group 01 'drop, by the bridge br0, pause'
ok "a group that is for the host" group 0e 'drop, by the bridge br0, this group'
echo 0x4000 >/sys/class/net/br0/bridge/group_fwd_mask
ok ".. or is told to be forwarded" group 0e pass
echo 0 >/sys/class/net/br0/bridge/group_fwd_mask
ok "IP in PPPoE is not known" sh -c "
	'$B/vifctl' explain --in vif1.0 --out vif2.0 --hex \
		'020000000002 020000000001 8864 1100 0001 0002 0021' | grep pass &&
	echo 1 >/proc/sys/net/bridge/bridge-nf-filter-pppoe-tagged &&
	'$B/vifctl' explain --in vif1.0 --out vif2.0 --hex \
		'020000000002 020000000001 8864 1100 0001 0002 0021' |
		grep '^verdict: cannot know, .*PPPoE'"
ip link set br0 type bridge nf_call_ip6tables 0
both "IPv4 and ARP alone"
ip link set br0 type bridge nf_call_ip6tables 1
echo 0 >/proc/sys/net/bridge/bridge-nf-filter-vlan-tagged
nft delete table netdev trace

# --- a chain that drops: what explain says of it, and what arrives ------------------

rows $YOU >"$RUN/rows"
echo "stp pass 01:80:c2:00:00:00 $ME 0026 424203 pad 40" >>"$RUN/rows"
"$B/tests/guest/rawframe" -x <"$RUN/rows" >"$RUN/hex"
# each COMMAND: with one chain after the other that drops; its words are the chain
each()
{
	for t in early late; do
		for h in prerouting forward postrouting; do
			for p in m1 0 1; do
				nft add rule bridge $t ${h}_$p ether saddr $ME drop
				"$@" $t ${h}_$p
				nft flush chain bridge $t ${h}_$p
			done
		done
	done
}
# of each frame, in a line: pass, drop or cannot
said()
{
	explain_all "$RUN/hex" vif2.0 | sed -n 's/^verdict: \([a-z]*\).*/\1/p'
}
# .. pass or drop
arrived()
{
	"$B/tests/guest/rawframe" -t br0 vif1.0 vif2.0 vif3.0 <"$RUN/rows" \
		>"$RUN/lost"
	while read -r row rest; do
		grep -q "^$row:" "$RUN/lost" && r=drop || r=pass
		echo "$* $row $r"
	done <"$RUN/rows"
}
ok "a chain that may be passed over is said to be" sh -c "
	nft add rule bridge late forward_$AT udp dport 9 drop
	'$B/vifctl' explain --in vif1.0 --out vif2.0 --smac $ME --dmac $YOU \
		udp 10.0.0.5:9 '>' 10.0.0.6:9 >$RUN/said
	grep '^forward bridge late forward_$AT perhaps not asked #' $RUN/said &&
	grep '^verdict: cannot know, it depends on which is older, ' $RUN/said"
ok "a chain that lets it pass leaves nothing open" sh -c "
	'$B/vifctl' explain --in vif1.0 --out vif2.0 --smac $ME --dmac $YOU \
		udp 10.0.0.5:9 '>' 10.0.0.6:10 | grep '^verdict: pass'"
nft flush chain bridge late forward_$AT
each said >"$RUN/ours"
{
	kill $OTHER
	wait $OTHER
} 2>/dev/null
each arrived >"$RUN/theirs"
paste -d ' ' "$RUN/theirs" "$RUN/ours" >"$RUN/all"
ok "what explain knows is what arrives" \
	sh -c "awk '\$5 != \"cannot\" && \$4 != \$5' $RUN/all | { ! grep .; }"
ok ".. 162 verdicts" test "$(wc -l <"$RUN/all")" = 162
ok "a chain of br_netfilter's priority at forward cannot be known of, and no other" \
	sh -c "grep ' cannot$' $RUN/all | cut -d ' ' -f 2-3 | sort -u |
		diff - - <<-END
			forward_0 arp
			forward_$AT udp
			forward_$AT udp6
		END"
ok ".. if it is older, frames are passed over it" \
	grep -qx "early forward_$AT udp pass cannot" "$RUN/all"
ok ".. else not" grep -qx "late forward_$AT udp drop cannot" "$RUN/all"
done_testing
