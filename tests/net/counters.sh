#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# counters.sh - what guard and rules count, per vif, direction, reason and rule
#
# Without netbackd, as beside the kernel's own backend. MANY=1000 vifs in the last part
# for the long run.
. "$(dirname "$0")/../lib.sh"
private "$@"
. "$ROOT/tests/guarded.sh"
MANY=${MANY:-150}
YOU=02:00:00:00:00:02
ALL=ff:ff:ff:ff:ff:ff
TABLE=netback-vif1.0

bridge_up br0
for t in 1 2 3; do
	ip tuntap add vif$t.0 mode tap
done
ip link set vif2.0 master br0 up
ip link set vif3.0 master br0 up
nodes 10.0.0.5
ok 'a vif with a guard' hotplug online
mkdir /tmp/d
cat >/tmp/d/web.rules <<'END'
vif vif1.0 vif2.0
engine vif
*filter
:mine - [0:0]
-A from-guest -p udp --dport 9 -j DROP
-A from-guest -p tcp -m multiport --dports 80,443,8080 -j DROP
-A from-guest -p tcp -j mine
-A mine -p tcp --dport 22 -j DROP
-A to-guest -p udp --dport 7 -j DROP
COMMIT
END
ok 'and rules' vifctl rules apply /tmp/d

# row TIMES NAME VERDICT WORDS..
row()
{
	n=$1
	shift
	while [ "$n" -gt 0 ]; do
		n=$((n - 1))
		echo "$@"
	done
}
sent()
{
	{
		row 3 ip drop $ALL $ME 0800 ip4 10.0.0.7 10.0.0.6 17 udp 9 9
		row 2 mac drop $ALL $YOU 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
		row 4 udp drop $ALL $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
		row 1 pass pass $ALL $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 8
		row 2 web drop $ALL $ME 0800 ip4 10.0.0.5 10.0.0.6 6 00010050 pad 16
		row 1 web drop $ALL $ME 0800 ip4 10.0.0.5 10.0.0.6 6 000101bb pad 16
		row 1 ssh drop $ALL $ME 0800 ip4 10.0.0.5 10.0.0.6 6 00010016 pad 16
	} | "$B/tests/guest/rawframe" br0 vif1.0 vif2.0 vif3.0 &&
		{
			row 5 to drop $ALL $YOU 0800 ip4 10.0.0.6 10.0.0.5 17 udp 9 7
			row 1 own drop $ALL $YOU 0800 ip4 10.0.0.5 10.0.0.5 17 udp 9 8
		} | "$B/tests/guest/rawframe" -t br0 vif2.0 vif1.0 vif3.0
}
# -t begins with a frame of another MAC from vif1.0: the third of them
ok 'frames go where the rules say' sent

metrics()
{
	vifctl show metrics >/tmp/metrics 2>/tmp/said
	python3 "$ROOT/tests/net/metrics.py" "$@" </tmp/metrics
}
V='vif="vif1.0"'
guard()
{
	echo "netback_guard_dropped_frames_total{$V,direction=\"$1\",reason=\"$2\"}=$3"
}
rule()
{
	echo "netback_rule_frames_total{$V,direction=\"$1\",rule=\"web:$2\"}=$3"
}
ok 'metrics without netbackd: reasons' metrics netback_up=0 \
	netback_rules_left_out=0 \
	"$(guard to_host ip 3)" "$(guard to_host mac 3)" \
	"$(guard to_host arp 0)" "$(guard to_guest own 1)"
ok 'rules, and those of a list of ports as one' metrics \
	"$(rule to_host 5 4)" "$(rule to_host 6 3)" "$(rule to_host 7 1)" \
	"$(rule both 8 1)" "$(rule to_guest 9 5)" \
	"netback_rule_bytes_total{$V,direction=\"to_guest\",rule=\"web:9\"}=210"
ok 'each vif its own: the other has rules and no guard' sh -c '
	grep -q "rule_frames_total{vif=\"vif2.0\"" /tmp/metrics &&
		! grep -q "guard_dropped_frames_total{vif=\"vif2.0\"" /tmp/metrics'
ok 'that netbackd is away is said' grep -q netbackd /tmp/said

show=$(vifctl show vif1.0)
has()
{
	case " $show " in
	*" $1 "*) ;;
	*)
		echo "$show"
		return 1
		;;
	esac
}
ok 'show: reasons' has refused.from_guest.ip=3
ok '.. with the direction' has refused.to_guest.own=1
ok '.. rules' has rule.from_guest.web:6=3
ok '.. and theirs' has rule.to_guest.web:9=5
ok '.. of a chain that both may reach' has rule.both.web:8=1
same 'show of all is the same' "$show" "$(vifctl show | grep ^vif1.0)"
ok 'show in JSON has rules of no packet, too' sh -c 'vifctl --json show vif1.0 |
	python3 -c "import json, sys
v = json.load(sys.stdin)[0]
assert v[\"refused\"][\"from_guest\"][\"ip\"] == 3, v
r = {(x[\"direction\"], x[\"rule\"]): x[\"packets\"] for x in v[\"rules\"]}
assert r == {(\"both\", \"web:hidden\"): 0, (\"from_guest\", \"web:5\"): 4, (\"from_guest\", \"web:6\"): 3,
 (\"from_guest\", \"web:7\"): 1, (\"both\", \"web:8\"): 1,
 (\"to_guest\", \"web:9\"): 5}, r"'
ok 'nft shows a rule whose it is' sh -c \
	'nft list table netdev netrules-vif1.0 | grep -q "comment \"web:9\""'

# --- kept ------------------------------------------------------------------------

nft add element netdev $TABLE addr4 '{ 10.0.0.66 }'
ok 'a guard that is repaired' vifctl repair vif1.0
ok 'keeps its counts' metrics "$(guard to_host ip 3)" "$(guard to_guest own 1)"
ok 'rules that are applied again' vifctl rules apply /tmp/d
ok 'keep theirs' metrics "$(rule to_host 5 4)"

# --- what hides from rules -----------------------------------------------------------

# Parts of packets, each judged by itself, from a vif that has no guard.
for t in 4 5; do
	ip tuntap add vif$t.0 mode tap
	ip link set vif$t.0 master br0 up
done
cat >/tmp/d/parts.rules <<'END'
vif vif4.0
engine vif
*filter
-A from-guest -p tcp --syn -j DROP
-A from-guest -p udp --dport 9 -j DROP
-4 -A from-guest -p tcp -m multiport --sports 7,8 -j DROP
-4 -A from-guest -p icmp --icmp-type 8 -j DROP
COMMIT
END
ok 'rules for flags, and for IPv6' vifctl rules apply /tmp/d
IP4="$ALL $ME 0800 4500 0024 0001"
ENDS="0a000005 0a000006"
IP6="$ALL $ME 86dd ip6 fd00::5 fd00::6"
cat >/tmp/parts <<END
first pass $IP4 2000 4006 46c9 $ENDS 00090016 00000001 pad 8
flags drop $IP4 0001 4006 66c8 $ENDS 00000001 50020000 pad 8
flags-more drop $IP4 2001 4006 46c8 $ENDS 00000001 50020000 pad 8
later pass $IP4 0002 4006 66c7 $ENDS pad 16
udp-later pass $IP4 0001 4011 66bd $ENDS pad 16
looks-flags pass $IP4 0002 4006 66c7 $ENDS 00010002 00000001 00000000 50020000
looks-port pass $IP4 0002 4011 66bc $ENDS 00090009 00080000 pad 8
looks-list pass $IP4 0002 4006 66c7 $ENDS 00070006 00080000 pad 8
looks-icmp pass $IP4 0002 4001 66cc $ENDS 08000000 00080000 pad 8
first6 pass $IP6 44 frag6 6 0 1 00090016 00000001
flags6 drop $IP6 44 frag6 6 8 0 00000001 50020000 pad 4
flags6-behind drop $IP6 0 hbh 60 dst6 44 frag6 6 8 1 00000001 50020000
later6 pass $IP6 44 frag6 6 16 0 pad 8
flags6-other drop $IP6 44 frag6 17 8 0 00000001 50020000 pad 4
hidden-first drop $IP6 44 frag6 60 0 1 1102 0104 0000 0000
hidden-past drop $IP6 44 frag6 60 0 1 dst6 17 end udp 9 8
hidden-past-hbh drop $IP6 44 frag6 0 0 1 hbh 17 end udp 9 8
hidden-past-route drop $IP6 44 frag6 43 0 1 1100 0400 0000 0000 end udp 9 8
hidden-past-behind drop $IP6 60 dst6 44 frag6 17 0 1 end udp 9 8
hidden-past-empty drop $IP6 44 frag6 17 0 1 end udp 9 8
hidden-later-short pass $IP6 44 frag6 17 16 0 pad 4
hidden drop $IP6 44 frag6 60 8 0 0000 0000 1100 0104 0000 0000 udp 9 9
hidden-twice drop $IP6 44 frag6 44 8 0 frag6 17 0 0 udp 9 9
looks-label pass $ALL $ME 86dd 60000009 0010 2c40 fd000000000000000000000000000005 fd000000000000000000000000000006 1100 0010 00000001 0009000900080000
plain pass $IP6 17 udp 9 8
header pass $IP6 60 dst6 17 udp 9 8
port drop $IP6 60 dst6 17 udp 9 9
nothing pass $IP6 59
END
parts()
{
	"$B/tests/guest/rawframe" -t br0 vif4.0 vif5.0 vif3.0 </tmp/parts
}
ok 'what hides in another part does not pass' parts
V='vif="vif4.0"'
ok 'and is counted' metrics "netback_rule_frames_total{$V,direction=\"both\",rule=\"parts:hidden\"}=13"
V='vif="vif1.0"'
sink out9
explained()
{
	"$B/tests/guest/rawframe" -x </tmp/parts >/tmp/hex
	cut -d ' ' -f 1-2 /tmp/parts >/tmp/due
	while read -r hex; do
		vifctl explain --in vif4.0 --out out9 --hex "$hex" |
			sed -n 's/^verdict: \([a-z]*\).*/\1/p'
	done </tmp/hex | paste -d ' ' /tmp/due - | awk '$2 != $3 { print; n++ }
		END { exit n != 0 || NR < 23 }'
}
ok 'as explain says' explained

# The same by iptables alone. due VERDICT NAME..: what the rows of these names come to
due()
{
	verdict=$1
	shift
	for name in "$@"; do
		sed -i "s/^$name [a-z]* /$name $verdict /" /tmp/parts
	done
}
by_iptables()
{
	mkdir -p /tmp/by
	for i in iptables ip6tables; do
		ln -sf "$(command -v $i-"$1")" /tmp/by/$i
	done
	sed -i 's/^engine .*/engine iptables/' /tmp/d/parts.rules
	PATH=/tmp/by:$PATH vifctl rules apply /tmp/d && parts
}
export XTABLES_LOCKFILE=/tmp/xtables.lock
cp /tmp/parts /tmp/parts.all
due pass flags flags-more flags6 flags6-behind flags6-other hidden-first hidden \
	hidden-twice
due drop looks-flags looks-port looks-label # taken for the header
ok 'engine iptables, nft variant: it asks the parts that it can read' \
	by_iptables nft
due pass hidden-past hidden-past-hbh hidden-past-route hidden-past-behind \
	hidden-past-empty # the bridge cuts off what is behind the packet's end
ok '.. as explain says' explained
nft add table inet parts
nft 'add chain inet parts c { type filter hook forward priority 10; }'
nft add rule inet parts c ct state invalid counter
grep '^first \|^flags ' /tmp/parts >/tmp/two
mv /tmp/two /tmp/parts
due drop first flags
ok '.. and what conntrack has put together' parts
nft delete table inet parts
if iptables-legacy -S >/dev/null 2>&1; then
	sed -i 's/^engine .*/engine vif/' /tmp/d/parts.rules
	vifctl rules apply /tmp/d
	cp /tmp/parts.all /tmp/parts
	due pass flags6 flags6-behind flags6-other
	due drop first first6
	ok 'legacy variant: no first part without all of TCP' by_iptables legacy
else
	skip 'legacy variant' 'iptables-legacy cannot be used here'
fi
rm /tmp/d/parts.rules
vifctl rules apply /tmp/d

# --- many ------------------------------------------------------------------------

n=0
while [ $n -lt "$MANY" ]; do
	n=$((n + 1))
	echo "link add many$n type veth peer name peer$n"
done | ip -batch -
{
	sed '/^-A\|^COMMIT/d; s/^vif .*/vif many+/' /tmp/d/web.rules
	n=0
	while [ $n -lt 22 ]; do
		n=$((n + 1))
		echo "-4 -A to-guest -p udp --dport $n -j DROP"
	done
	echo COMMIT
} >/tmp/d/many.rules
vifctl rules apply /tmp/d >/dev/null
n=0
while [ $n -lt "$MANY" ]; do
	n=$((n + 1))
	"$B/tests/guest/guardtool" apply many$n mac=$ME ip=10.0.0.5
done
start=$(date +%s%N)
vifctl show metrics >/dev/null 2>&1
took=$((($(date +%s%N) - start) / 1000000))
ok 'metrics of many' metrics "$(guard to_host ip 3)"
same "$MANY vifs, 22 rules each: a line for each ($took ms)" \
	$((MANY * 22)) "$(grep -c 'netback_rule_frames_total{.*many:[0-9]' /tmp/metrics)"
one=$(grep -c "netback_guard_dropped_frames_total{$V," /tmp/metrics)
same "and $one for each guard" $((MANY * one + one)) \
	"$(grep -c 'netback_guard_dropped_frames_total{' /tmp/metrics)"
done_testing
