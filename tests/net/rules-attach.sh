#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# rules-attach.sh - rules that come with a vif and go with it; what `rule add`
# added stays
. "$(dirname "$0")/../lib.sh"
private "$@"
# shellcheck source=../host.sh
. "$(dirname "$0")/../host.sh"
# shellcheck source=../guests.sh
. "$(dirname "$0")/../guests.sh"
need_tun rules-attach

G=/tmp/web.rules
cat >$G <<'END'
group
set bad port 81 8000:8080
*filter
:mine - [0:0]
-4 -A from-guest -p udp -m multiport --dports @bad -j DROP
-4 -A from-guest -p udp -j mine
-A mine -p udp --dport 53 -j DROP
-4 -A to-guest -p icmp -j DROP
COMMIT
END
cat >/tmp/db.rules <<'END'
group
*filter
-4 -A from-guest -p udp --dport 90 -j DROP
COMMIT
END

# Does a datagram to that port of the host arrive?
arrives()
{
	timeout 60 socat -u "UDP-RECV:$1" STDOUT >/tmp/got 2>/dev/null &
	arrives=$!
	until_true 2 sh -c "ss -lun | grep -q ':$1 '"
	in_guest 1 "echo hello | socat -u STDIN UDP:10.0.0.254:$1"
	if [ "${2:-}" = no ]; then
		sleep 0.3
	else
		until_true 2 test -s /tmp/got
	fi
	grep -q hello /tmp/got
	arrives_rc=$?
	kill $arrives
	wait $arrives
	return $arrives_rc
}
stopped()
{
	! arrives "$1" no
}
rules()
{
	nft list table netdev netattach-vif1.0 2>/dev/null |
		grep -c 'counter.*comment "[a-z]*:[0-9]'
}

host_up
ip link add br0 address 02:00:00:00:00:b0 type bridge
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up
ip link add br1 address 02:00:00:00:00:b1 type bridge
ip addr add 10.1.0.254/24 dev br1
ip link set br1 up
W='bridge=br0 mac=00:16:3e:00:00:01 ip=10.0.0.1'
# shellcheck disable=SC2086 # words
{
ok 'plan shows them' sh -c "vifctl plan vif1.0 $W rules=$G |
	grep -q '^# rules web: -4 -A mine -p udp -m udp --dport 53 -j DROP'"
ok 'in JSON, too' sh -c "vifctl --json plan vif1.0 $W rules=$G |
	grep -q '\"rules\": \"# rules web: -4 '"
same 'and makes none' 0 "$(rules)"
ok 'attach' vifctl attach vif1.0 $W rules=$G
same 'they are there' 6 "$(rules)"
guest 1 --ip 10.0.0.1/24
ok 'the guest is up' until_true 10 guest_up 1
ok 'what they let pass passes' arrives 80
ok 'what they do not, does not' stopped 81
ok 'nor in a chain of their own' stopped 53
ok 'nor to the guest' fails in_guest 1 ping -c 1 -W 1 10.0.0.254
ok 'show says which' sh -c "vifctl show vif1.0 | grep -q ' rules=$G'"
ok 'and counts each' sh -c "vifctl show vif1.0 |
	grep -q 'rule.from_guest.web:5=1' &&
	vifctl show vif1.0 | grep -q 'rule.both.web:7=1'"
ok 'attach again' vifctl attach vif1.0 $W rules=$G
ok 'leaves them and their counters' sh -c "vifctl show vif1.0 |
	grep -q 'rule.from_guest.web:5=1'"
ok 'check finds nothing' vifctl check vif1.0
}

# --- changes ---
ok 'set another key' vifctl set vif1.0 mtu=1400
same 'keeps them' 6 "$(rules)"
ok 'move' vifctl move vif1.0 bridge=br1
same 'keeps them, too' 6 "$(rules)"
vifctl move vif1.0 bridge=br0
ok 'rules of files stand beside them' sh -c '
	mkdir /tmp/d
	printf "%s\n" "vif vif1.0" "*filter" \
		"-4 -A from-guest -p udp --dport 91 -j DROP" COMMIT >/tmp/d/x.rules
	vifctl rules apply /tmp/d'
ok 'and work' stopped 91
mkdir /tmp/none
ok 'their going' vifctl rules apply /tmp/none
same 'leaves ours' 6 "$(rules)"
nft delete table netdev netattach-vif1.0
vifctl check vif1.0 >/tmp/said
same 'check finds that they are gone' 3 $?
ok 'and says so' grep -q 'vif1.0: rules: ' /tmp/said
ok 'repair' vifctl repair vif1.0
ok 'brings them back' stopped 81
vifctl watch guard >/tmp/watch 2>&1 &
watch=$!
until_true 5 watching $watch
# before it listens, what is gone comes back without a name
ok 'watch guard does so by itself, and says who it was' until_true 10 sh -c '
	nft delete table netdev netattach-vif1.0
	sleep 0.3
	nft list tables | grep -q netattach-vif1.0 &&
		grep -q "vif1.0 guard=back by=nft" /tmp/watch'
kill $watch
wait $watch
sed -i '/--dport 53/d' $G
vifctl check vif1.0 >/tmp/said
same 'check finds that their file changed' 3 $?
ok 'repair takes it over' vifctl repair vif1.0
ok 'to the wire' arrives 53
ok 'set other files' vifctl set vif1.0 "rules=$G,/tmp/db.rules"
ok 'two work' stopped 90
ok 'both' stopped 81
ok 'none' vifctl set vif1.0 rules=default
same 'are none' 0 "$(rules)"
ok 'and all passes' arrives 81
ok 'to the guest, too' in_guest 1 ping -c 1 -w 20 10.0.0.254

# --- what is wrong ---
state()
{
	vifctl show vif1.0 | sed 's, refused[^ ]*,,g'
	nft list ruleset | sed 's/packets [0-9]* bytes [0-9]*//'
}
state >/tmp/before
# bad WANT FILE-WORD [LINE..]
bad()
{
	want=$1 word=$2
	shift 2
	[ $# = 0 ] || printf '%s\n' "$@" >/tmp/bad.rules
	vifctl set vif1.0 "rules=$word" >/tmp/said 2>&1
	rc=$?
	state >/tmp/after
	grep -qF -e "$want" /tmp/said && [ $rc != 0 ] &&
		diff /tmp/before /tmp/after || { cat /tmp/said; return 1; }
}
ok 'no such file' bad '/tmp/nil.rules: No such file' /tmp/nil.rules
ok 'a bad line' bad '/tmp/bad.rules:3:15: ' /tmp/bad.rules group '*filter' \
	'-A from-guest --frob -j DROP' COMMIT
ok 'for nobody' bad 'or group, for' /tmp/bad.rules '*filter' COMMIT
ok 'what a table of a vif cannot carry' bad 'for each vif by itself' \
	/tmp/bad.rules group '*filter' '-A from-guest -m limit --limit 5/s' COMMIT
ok 'engine iptables' bad 'engine iptables' /tmp/bad.rules group \
	'engine iptables' '*filter' COMMIT
ok 'a name that is none' bad 'is not a file of rules' ../x
ok 'a name of /etc' bad '/etc/netback/rules.d/nil.rules: ' nil
ok 'five files' bad 'more than 4 files' /a,/b,/c,/d,/e

# --- the end ---
vifctl set vif1.0 "rules=$G"
ok 'rule add is the administrator'"'"'s' vifctl rule add --variant nft -- \
	-A FORWARD -m physdev --physdev-in vif1.0 -j DROP
mkdir -p /tmp/d
ok 'rules apply, too' vifctl rules apply /tmp/d
ok 'detach' vifctl detach vif1.0
same 'takes what came with the vif' 0 "$(nft list tables | grep -c netattach)"
ok 'and leaves the rule' iptables-nft -C FORWARD -m physdev --physdev-in vif1.0 \
	-j DROP
ok 'which counts for the next of that name' sh -c "
	vifctl attach vif1.0 bridge=br0 && iptables-nft -C FORWARD -m physdev \
		--physdev-in vif1.0 -j DROP"
same 'who brings no rules' 0 "$(nft list tables | grep -c netattach)"
done_testing
