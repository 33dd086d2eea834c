#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# rules-log.sh - what a rule logs: vif, way, rule and packet, by both engines
. "$(dirname "$0")/../lib.sh"
private "$@"
mount -t tmpfs tmpfs /run
ip link add br0 type bridge mcast_snooping 0 forward_delay 0
ip link set br0 up
for i in 1 2; do
	ip netns add g$i
	ip link add vif$i.0 type veth peer name eth0 netns g$i \
		address 02:00:00:00:00:0$i
	ip link set vif$i.0 master br0
	ip link set vif$i.0 up
	ip -n g$i addr add 10.0.0.$i/24 dev eth0
	ip -n g$i addr add fd00::$i/64 dev eth0 nodad
	ip -n g$i link set eth0 up
done
until_true 5 ip netns exec g1 ping -qc 1 -W 1 10.0.0.2
until_true 5 ip netns exec g1 ping -qc 1 -W 1 fd00::2
mkdir /tmp/d
cat >/tmp/d/web.rules <<'END'
vif vif1.0 vif2.0
*filter
-A from-guest -p udp --dport 77 -j NFLOG --nflog-group 5 --nflog-prefix "out \"q\""
-4 -A to-guest -p udp --dport 78 -j NFLOG --nflog-group 5
COMMIT
END

send()
{
	for to in 10.0.0.2:77 10.0.0.2:78 '[fd00::2]:77'; do
		echo hello | ip netns exec g1 socat -u STDIN \
			"UDP-SENDTO:$to,sourceport=4000"
	done
}

# hears COMMAND..: what it prints of three packets.
hears()
{
	timeout 20 "$@" >/tmp/log 2>/tmp/log.err &
	hears=$!
	until_true 5 grep -q ' 5 ' /proc/net/netfilter/nfnetlink_log
	send
	wait $hears
	cat /tmp/log.err
}

lines()
{
	sed 's/"time":"[0-9.]*",//; s/"in":[^,]*,"out":[^,]*,//' /tmp/log
}
want='{"vif":"vif1.0","way":"from-guest","rule":"web:3","prefix":"out \"q\"","src":"10.0.0.1","dst":"10.0.0.2","proto":17,"sport":4000,"dport":77,"length":34}
{"vif":"vif2.0","way":"to-guest","rule":"web:4","prefix":"","src":"10.0.0.1","dst":"10.0.0.2","proto":17,"sport":4000,"dport":78,"length":34}
{"vif":"vif1.0","way":"from-guest","rule":"web:3","prefix":"out \"q\"","src":"fd00::1","dst":"fd00::2","proto":17,"sport":4000,"dport":77,"length":54}'
for engine in vif iptables; do
	if [ $engine = iptables ] &&
	    [ ! -e /sys/class/net/br0/bridge/nf_call_iptables ]; then
		skip 'engine iptables' 'no br_netfilter in this kernel'
		continue
	fi
	echo "engine $engine" >>/tmp/d/web.rules
	ok "engine $engine" vifctl rules apply /tmp/d
	hears vifctl log -g 5 -c 3
	same "three lines" "$want" "$(lines)"
	hears vifctl log -g 5 -c 3 -w /tmp/pcap
	same 'as pcap, with their Ethernet headers' \
'02:00:00:00:00:01 > 02:00:00:00:00:02 10.0.0.1.4000 > 10.0.0.2.77:
02:00:00:00:00:01 > 02:00:00:00:00:02 10.0.0.1.4000 > 10.0.0.2.78:
02:00:00:00:00:01 > 02:00:00:00:00:02 fd00::1.4000 > fd00::2.77:' \
		"$(tcpdump -enr /tmp/pcap 2>/dev/null |
			sed 's/^[^ ]* //; s/, ethertype.*: \([^ ]* > [^ ]*\) .*/ \1/')"
	hears vifctl log -g 5 -c 1 vif2.0
	same 'of one vif' 1 "$(grep -c '"rule":"web:4"' /tmp/log)"
done
ok 'a prefix that leaves no room for the id' sh -c '
	p=$(printf %060d 1)
	printf "%s\n" "vif a" "*filter" \
		"-A to-guest -j NFLOG --nflog-prefix $p" COMMIT >/tmp/x.rules
	vifctl rules check /tmp/x.rules 2>&1 | grep -q "3:37: the prefix is too"'
vifctl log -g 5 >/dev/null 2>&1 &
first=$!
until_true 5 grep -q ' 5 ' /proc/net/netfilter/nfnetlink_log
ok 'a group that another listens to: said' sh -c '
	vifctl log -g 5 2>&1 | grep -q "another may listen"'
kill $first
wait $first
same 'SIGTERM ends it well' 0 $?
done_testing
