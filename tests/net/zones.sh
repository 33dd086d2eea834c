#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# zones.sh - stateful rules: two bridges with the same addresses know nothing of
# each other, and an administrator's rules see none of our mark
. "$(dirname "$0")/../lib.sh"
private "$@"
export XTABLES_LOCKFILE=/tmp/xtables.lock
mount -t tmpfs tmpfs /run
sysctl -qw net.ipv6.conf.default.disable_ipv6=1
# Guests 1 and 2 on br0, 3 and 4 on br1: the same addresses and MACs on both.
for n in 0 1; do
	ip link add br$n address 02:00:00:00:ff:0$n type bridge mcast_snooping 0 \
		forward_delay 0
	ip link set br$n up
done
if [ ! -e /sys/class/net/br0/bridge/nf_call_iptables ]; then
	skip 'zones' 'no br_netfilter in this kernel'
	done_testing
fi
sysctl -qw net.bridge.bridge-nf-call-iptables=0
ip addr add 10.0.0.254/24 dev br0
for i in 1 2 3 4; do
	host=$(((i - 1) % 2 + 1)) br=br$(((i - 1) / 2))
	ip netns add g$i
	ip link add vif$i.0 type veth peer name eth0 netns g$i \
		address 02:00:00:00:00:0$host
	ip link set vif$i.0 master $br
	ip link set vif$i.0 up
	ip -n g$i addr add 10.0.0.$host/24 dev eth0
	ip -n g$i link set eth0 up
	bridge fdb replace 02:00:00:00:00:0$host dev vif$i.0 master static
	ip -n g$i neigh add 10.0.0.$((3 - host)) \
		lladdr 02:00:00:00:00:0$((3 - host)) dev eth0
done
ip -n g1 neigh add 10.0.0.254 lladdr 02:00:00:00:ff:00 dev eth0
# A port forwards once the kernel has looked at its carrier.
for i in 1 2 3 4; do
	until_true 10 grep -qx 3 /sys/class/net/vif$i.0/brport/state
done

# says FROM TO PORT PORT: a datagram from one's port to the other's arrives.
says()
{
	got=/tmp/got.$1.$2
	rm -f $got
	ip netns exec "g$2" timeout 30 socat -u "UDP-RECV:$4,reuseaddr" \
		"OPEN:$got,creat" &
	says=$!
	until_true 3 ip netns exec "g$2" sh -c "ss -lun | grep -q ':$4 '"
	echo hello | ip netns exec "g$1" socat -u STDIN \
		"UDP:10.0.0.$((($2 - 1) % 2 + 1)):$4,bind=:$3,reuseaddr"
	until_true "${5:-2}" grep -q hello $got
	says_rc=$?
	kill $says 2>/dev/null
	wait $says 2>/dev/null
	return $says_rc
}
stopped()
{
	! says "$@" 1
}

mkdir /tmp/d /tmp/none
cat >/tmp/d/state.rules <<'END'
vif vif1.0 vif2.0 vif3.0 vif4.0
engine vif
*filter
-4 -A to-guest -p udp --dport 1000 -m conntrack --ctstate NEW -j DROP
-4 -A to-guest -p udp --sport 53 -m conntrack --ctstate NEW -j DROP
COMMIT
END

# --- the administrator's own: each counts what it sees of our two bits ---
ours='-m mark ! --mark 0/0xc0000000'
n=0
for at in raw:PREROUTING mangle:PREROUTING mangle:INPUT mangle:FORWARD \
	mangle:OUTPUT mangle:POSTROUTING filter:INPUT filter:FORWARD filter:OUTPUT; do
	# shellcheck disable=SC2086 # words
	iptables -t ${at%:*} -A ${at#*:} $ours -j ACCEPT && n=$((n + 1))
done
iptables -t mangle -A FORWARD -j MARK --set-mark 0x1234
iptables -t mangle -A POSTROUTING -m mark --mark 0x1234 -j ACCEPT
nft add table inet late
nft add chain inet late c '{ type filter hook postrouting priority 319; }'
nft add rule inet late c 'meta mark & 0xc0000000 != 0 counter'

engine()
{
	ok "$1: apply" vifctl rules apply /tmp/d
	same "$1: a zone for each bridge" 2 \
		"$(nft list tables | grep -c 'inet netzone-br')"
	nft list table inet netzone-br0 >/tmp/zone
	ok "$1: again" vifctl rules apply /tmp/d
	same "$1: leaves them as they are" "$(cat /tmp/zone)" \
		"$(nft list table inet netzone-br0)"
	ok "$1: a new connection is stopped" stopped 2 1 "$2" 1000
	ok "$1: from the inside it goes" says 1 2 1000 "$2"
	ok "$1: and is answered" says 2 1 "$2" 1000
	ok "$1: the other bridge has no part in it" stopped 4 3 "$2" 1000
	ok "$1: until its own guest speaks" says 3 4 1000 "$2"
	ok "$1: then, too" says 4 3 "$2" 1000
}
engine 'engine vif' 2000
# What is for the host is routed: answers are known as such.
timeout 120 socat UDP-RECVFROM:53,reuseaddr,fork SYSTEM:'echo answer' &
server=$!
until_true 3 sh -c 'ss -lun | grep -q ":53 "'
ok "the host's answer comes back" until_true 15 sh -c '
	echo ask | ip netns exec g1 timeout 3 socat -t 2 STDIO \
		UDP:10.0.0.254:53 | grep -q answer'
kill $server
wait $server
same "no rule of the administrator's saw our bits" 0 \
	"$({ iptables-save -c -t raw; iptables-save -c -t mangle
	iptables-save -c -t filter; } | grep 'mark ! --mark 0x0/0xc0000000' |
	grep -vc '^\[0:0\]')"
ok 'though they are there' test $n = 9
ok 'nor did one right before us' sh -c \
	'nft list chain inet late c | grep -q "packets 0 "'
ok 'and his own mark stays his own' sh -c \
	'iptables-save -c -t mangle | grep "mark 0x1234 -j ACCEPT" |
		grep -qv "^.0:0"'

sed -i 's/engine vif/engine iptables/' /tmp/d/state.rules
engine 'engine iptables' 2001
ok 'a bridge with another MAC' ip link set br1 address 02:00:00:00:ff:11
ok 'is known by that at the next apply' sh -c 'vifctl rules apply /tmp/d &&
	nft list table inet netzone-br1 | grep -q 02:00:00:00:ff:11'
ok 'no file' vifctl rules apply /tmp/none
same 'no zone, no state' 0 "$(nft list tables | grep -c 'netzone-\|netback-')"
done_testing
