#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# rule.sh - an administrator's physdev rule on a live flow between two guests
#
# Judges: iptables (the nft variant) for the rule, the flow for its effect.
. "$(dirname "$0")/../lib.sh"
private "$@"
# A namespace starts with every bridge calling iptables; a host does not.
sysctl -qw net.bridge.bridge-nf-call-iptables=0
. "$(dirname "$0")/../host.sh"
need_tun rules
host_up
ip link add br0 address 02:00:00:00:ff:01 type bridge
ip link add br1 address 02:00:00:00:ff:02 type bridge
ip link set br0 up
for i in 1 2; do
	vifguest --run "$RUN" --vif $i.0 --ip 10.0.0.$i/24 >/tmp/g$i 2>&1 &
	vifctl attach vif$i.0 bridge=br0 mac=02:00:00:00:0$i:00
	until_true 10 grep -q connected /tmp/g$i
done
G1=$(sed -n 's/.*netns pid \([0-9]*\).*/\1/p' /tmp/g1)
G2=$(sed -n 's/.*netns pid \([0-9]*\).*/\1/p' /tmp/g2)

listens()
{
	nsenter -t "$G2" -n ss -Hltn "sport = :$1" | grep -q LISTEN
}

# One short TCP connection from g1 to g2's port 5201, or another; processes are
# slow to start on some machines.
flows()
{
	timeout 30 nsenter -t "$G2" -n socat -u "TCP-LISTEN:${1:-5201},reuseaddr" \
		STDOUT >/tmp/got 2>/dev/null &
	flow=$!
	until_true 20 listens "${1:-5201}"
	echo hello | timeout 20 nsenter -t "$G1" -n socat -u STDIN \
		"TCP:10.0.0.2:${1:-5201},connect-timeout=4" || kill "$flow"
	wait "$flow"
	grep -q hello /tmp/got
}

# The same words for iptables and for vifctl.
# shellcheck disable=SC2034 # used unquoted below
words='FORWARD -m physdev --physdev-in vif1.0 --physdev-is-bridged -p tcp --dport 5201 -j DROP'

packets()
{
	iptables -nvxL FORWARD | awk '/dpt:5201/ {print $1}'
}

ok 'the flow runs' flows
# shellcheck disable=SC2086
{
iptables -A $words
want=$(iptables -S FORWARD)
iptables -D $words
echo 0 >/sys/class/net/br0/bridge/nf_call_iptables
ok 'rule add' vifctl rule add -- -A $words
same 'iptables prints it as if it had added it' "$want" "$(iptables -S FORWARD)"
ok 'iptables -C knows it' iptables -C $words
ok 'vifctl rule check knows it' vifctl rule check -- -C $words
same 'br_netfilter is on for this bridge' 1 \
	"$(cat /sys/class/net/br0/bridge/nf_call_iptables)"
same 'and not for the other' 0 \
	"$(cat /sys/class/net/br1/bridge/nf_call_iptables)"
ok 'the flow stops' fails flows
ok 'its counter moves' test "$(packets)" -gt 0
ok 'another port still flows' flows 5202
ok 'iptables -D accepts it' iptables -D $words
ok 'the flow resumes' flows
same 'nothing is left' '-P FORWARD ACCEPT' "$(iptables -S FORWARD)"
iptables -A $words
ok 'vifctl knows what iptables added' vifctl rule check -- -A $words
ok 'and deletes it' vifctl rule delete -- -A $words
vifctl rule check -- -C $words
same 'then check says so' 3 $?
vifctl rule delete -- -D $words
same 'deleting it again fails' 1 $?
}
ok 'what can never match is refused' sh -c '
	vifctl rule add -- -A INPUT -m physdev --physdev-in vif1.0 \
		--physdev-is-bridged -j DROP 2>&1 | grep -q "never match"'
done_testing
