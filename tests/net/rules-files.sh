#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# rules-files.sh - files of rules: checked, applied, applied again, taken away
. "$(dirname "$0")/../lib.sh"
private "$@"
export XTABLES_LOCKFILE=/tmp/xtables.lock
ip link add br0 type bridge
for i in 1.0 2.0 3.0 12.0; do
	ip link add vif$i type veth
	ip link set vif$i master br0
done
D=/tmp/d
mkdir $D
cat >$D/web.rules <<'END'
# what web servers may
vif vif1.0 vif12.0 vif77.0
set web port 80 443 8000:8080
set friends addr 10.0.0.0/24
set friends addr fd00::/64
*filter
:mine - [0:0]
-A from-guest -p tcp -m multiport --dports @web -j RETURN
-A from-guest -s @friends -j mine
-A mine -p udp --dport 53 -j DROP
-A to-guest -p icmp -j RETURN
[5:60] -A to-guest -p tcp --dport 22 -m comment --comment "no \"shell\"" -j DROP
COMMIT
END
tables()
{
	nft list tables | grep -c 'netdev netrules-'
}
state()
{
	nft -a list ruleset 2>/dev/null
}

# --- check ---
before=$(state)
same 'check' 'web: 3 vifs, 9 rules, engine vif' "$(vifctl rules check $D)"
same 'touches nothing' "$before" "$(state)"

# bad WANT TEXT..: a file with these lines is refused with WANT at its place.
bad()
{
	want=$1
	shift
	printf '%s\n' "$@" >/tmp/bad.rules
	vifctl rules check /tmp/bad.rules >/tmp/said 2>&1
	rc=$?
	grep -qF "/tmp/bad.rules:$want" /tmp/said && [ $rc = 2 ] ||
		{ cat /tmp/said; return 1; }
}
ok 'a word that nobody knows' bad '3:27: ' 'vif a' '*filter' \
	'-A from-guest -p tcp -j X --frob' COMMIT
ok 'a port' bad '3:30: ' 'vif a' '*filter' \
	'-A from-guest -p tcp --dport 65536 -j DROP' COMMIT
ok 'a set that is not there' bad '3:18: there is no set nil' 'vif a' \
	'*filter' '-A from-guest -s @nil -j DROP' COMMIT
ok 'a member that is none' bad "2:14: '10.0.0.300'" 'vif a' \
	'set s addr   10.0.0.300'
ok 'ports that run backwards' bad "2:12: '9:8'" 'vif a' 'set s port 9:8'
ok 'a chain that is not there' bad '3:1: there is no chain' 'vif a' '*filter' \
	'-A FORWARD -j DROP' COMMIT
ok 'ACCEPT' bad '3:18: ACCEPT would pass over' 'vif a' '*filter' \
	'-A from-guest -j ACCEPT' COMMIT
ok 'a jump out of the file' bad '3:18: -j OUTPUT' 'vif a' '*filter' \
	'-A from-guest -j OUTPUT' COMMIT
ok 'physdev' bad '3:1: -m physdev' 'vif a' '*filter' \
	'-A from-guest -m physdev --physdev-in a -j DROP' COMMIT
ok 'a name that is every device' bad "1:5: '+'" 'vif +'
ok 'a long name' bad "1:5: 'abcdefghijklmnop'" 'vif abcdefghijklmnop'
ok 'a quote without end' bad '2:5: the quote' 'vif a' 'set "x'
ok 'no COMMIT' bad '2:1: *filter has no COMMIT' 'vif a' '*filter'
ok 'nobody' bad '1:1: no line says whom' 'set a port 1'
ok 'a line of another kind' bad "2:1: 'frob'" 'vif a' frob
ok 'never matches' bad '3:1: this rule can never' 'vif a' '*filter' \
	'-A from-guest ! -s 0.0.0.0/0 -j DROP' COMMIT

# --- one bad line in 1000 ---
{
	sed '/COMMIT/d' $D/web.rules
	n=0
	while [ $n -lt 1000 ]; do
		n=$((n + 1))
		t=tcp
		[ $n != 800 ] || t=tpc
		echo "-4 -A to-guest -p $t --dport $n -j DROP"
	done
	echo COMMIT
} >/tmp/long.rules
vifctl rules apply /tmp/long.rules >/tmp/said 2>&1
same 'one bad line in 1000' 2 $?
ok 'is named' grep -q 'long.rules:812:19: unknown protocol' /tmp/said
same 'and nothing is applied' "$before" "$(state)"

# --- apply ---
ok 'apply' vifctl rules apply $D
same 'a table for each vif that is there' 2 "$(tables)"
was=$(state)
ok 'again' sh -c "[ -z \"\$(vifctl rules apply $D)\" ]"
same 'changes nothing' "$was" "$(state)"
sed 's/vif12.0/vif12.0 vif2.0/' $D/web.rules >/tmp/more
cp /tmp/more $D/web.rules
same 'one vif more' 'vif tables: 1 written, 0 removed' \
	"$(vifctl rules apply $D)"
nft delete table netdev netrules-vif1.0
same 'a table that went comes back' 'vif tables: 1 written, 0 removed' \
	"$(vifctl rules apply $D)"

# --- add: some files' vifs, beside whatever there is ---
ADD=netrules-vif1.0
nft delete table netdev $ADD
mkdir /tmp/add
printf '%s\n' 'vif vif1.0' '*filter' ':own - [0:0]' '-A from-guest -p tcp -j own' \
	'-A own -s 10.0.0.9 -j DROP' COMMIT >/tmp/add/one.rules
sed 's/10.0.0.9/10.0.0.8/' /tmp/add/one.rules >/tmp/add/two.rules
nft monitor >/tmp/monitor &
MONITOR=$!
heard()
{
	nft add table ip "$1" && nft delete table ip "$1" &&
		grep -q "$1" /tmp/monitor
}
ok 'somebody listens' until_true 5 heard ready
same 'two files for one vif, one table' 'vif tables: 1 written, 0 removed' \
	"$(vifctl rules add /tmp/add/one.rules /tmp/add/two.rules)"
ok 'is heard' until_true 5 heard 'done'
kill $MONITOR
same 'each file is asked once' 2 \
	"$(nft list chain netdev $ADD ingress | grep -c 'jump .*-from-guest')"
# what is deleted, or made a second time, somebody has to wait for
same 'nothing is deleted that was not there' 0 \
	"$(grep -c "delete table netdev $ADD" /tmp/monitor)"
same 'nor made twice' '' "$(grep "add chain netdev $ADD" /tmp/monitor |
	sort | uniq -d)"
same 'other chains than its own are not touched' \
	"$(grep -c 'add chain netdev' /tmp/monitor)" \
	"$(grep -c "add chain netdev $ADD" /tmp/monitor)"
ok 'again' sh -c "[ -z \"\$(vifctl rules add /tmp/add/*.rules)\" ]"
same 'another rule, and the table is another' \
	'vif tables: 1 written, 0 removed' \
	"$(vifctl rules add /tmp/add/two.rules)"
same 'of that file alone' 1 \
	"$(nft list chain netdev $ADD ingress | grep -c 'jump .*-from-guest')"

# --- the other engine ---
if [ ! -e /sys/class/net/br0/bridge/nf_call_iptables ]; then
	skip 'engine iptables' 'no br_netfilter in this kernel'
	done_testing
fi
iptables -A FORWARD -s 10.9.9.9 -j ACCEPT
admin=$(iptables -S)
echo 'engine iptables' >>$D/web.rules
ok 'engine iptables' vifctl rules apply $D
same 'no table is left' 0 "$(tables)"
ok 'a tree of ports' iptables -C nb-i-vif -m physdev --physdev-in vif1+ \
	-g nb-i-vif1
same 'a rule as iptables prints it' \
	'-A nb-web-to-guest -p tcp -m tcp --dport 22 -m comment --comment "no \"shell\"" -j DROP' \
	"$(iptables -S nb-web-to-guest | tail -n 1)"
ok 'IPv6, too' ip6tables -C nb-web-from-guest -s fd00::/64 -j nb-web-mine
was=$(state)
ok 'again' sh -c "[ -z \"\$(vifctl rules apply $D)\" ]"
same 'changes nothing' "$was" "$(state)"
iptables -F nb-web-mine
same 'a chain that was emptied is filled' 'iptables (nft): 1 chains changed' \
	"$(vifctl rules apply $D)"
mkdir /tmp/e
cp $D/web.rules /tmp/e/db.rules
ok 'two files for one vif' vifctl rules apply $D/web.rules /tmp/e
rm $D/web.rules
ok 'no file' vifctl rules apply $D
same "the administrator's rules are as they were" "$admin" "$(iptables -S)"
ok 'auto says why it takes iptables' sh -c '
	printf "%s\n" "vif vif3.0" "*filter" \
		"-A from-guest -m limit --limit 5/s -j RETURN" COMMIT \
		>/tmp/e/db.rules
	vifctl rules check /tmp/e | grep -q "for each vif by itself"'
ok 'and engine vif refuses' sh -c '
	echo "engine vif" >>/tmp/e/db.rules
	! vifctl rules apply /tmp/e 2>/tmp/said
	grep -q "for each vif by itself" /tmp/said'
if iptables-legacy -A FORWARD -s 10.8.8.8 -j DROP 2>/dev/null; then
	iptables -F
	sed 's/^set/engine iptables\nset/' /tmp/more >/tmp/e/db.rules
	ok 'on a legacy host' vifctl rules apply /tmp/e
	ok 'it is in legacy tables' iptables-legacy -C nb-i-vif -m physdev \
		--physdev-in vif2.0 -g nb-db-from-guest
	was=$(iptables-legacy -S)
	ok 'again' sh -c '[ -z "$(vifctl rules apply /tmp/e)" ]'
	same 'changes nothing there' "$was" "$(iptables-legacy -S)"
	ok 'and goes' vifctl rules apply $D
	same 'without a trace' '-A FORWARD -s 10.8.8.8/32 -j DROP' \
		"$(iptables-legacy -S | grep -v ^-P)"
else
	skip 'legacy' 'this kernel has no legacy tables'
fi
done_testing
