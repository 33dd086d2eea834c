#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# doctor.sh - vifctl doctor: each probe agrees with other tools, and with masks
. "$(dirname "$0")/../lib.sh"
private "$@"
# shellcheck source=../host.sh
. "$(dirname "$0")/../host.sh"
need_tun doctor

# state WHAT STATE: doctor says that of it.
doctor()
{
	vifctl doctor >/tmp/doctor 2>/tmp/doctor.err
	status=$?
}
state()
{
	grep -q "^$1 state=$2 " /tmp/doctor || { grep "^$1" /tmp/doctor; false; }
}
host()
{
	ip -o link
	ip -o addr
	nft list ruleset
	cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding
}
# agrees WHAT COMMAND..: ok where the command succeeds, limited where it does not.
agrees()
{
	agrees_what=$1
	shift
	if unshare -n "$@" >/dev/null 2>&1; then
		state "$agrees_what" ok
	else
		state "$agrees_what" limited
	fi
}
# in a table of the bridge family: does nft take that rule?
bridge_rule()
{
	echo "nft add table bridge t && nft add chain bridge t c \
		'{ type filter hook $1 priority 0; }' && nft add rule bridge t c $2"
}

host >/tmp/before
doctor
host >/tmp/after
ok 'nothing is left of it' cmp /tmp/before /tmp/after
same 'what every vif needs is there' 0 $status
for what in privilege tap bridge nft-netdev-ingress guard; do
	ok "$what" state $what ok
done
ok 'vlan-filtering agrees with ip' \
	agrees vlan-filtering ip link add br9 type bridge vlan_filtering 1
ok 'nft-bridge-conntrack agrees with nft' \
	agrees nft-bridge-conntrack sh -c "$(bridge_rule forward 'ct state new drop')"
ok 'nft-bridge-name agrees with nft' \
	agrees nft-bridge-name sh -c "$(bridge_rule forward 'meta ibrname b drop')"
ok 'nft-bridge-reject agrees with nft' \
	agrees nft-bridge-reject sh -c "$(bridge_rule input reject)"
ok 'nft-netdev-egress agrees with nft' agrees nft-netdev-egress sh -c \
	"ip link add d0 type veth && nft 'add table netdev t; add chain netdev t c \
	{ type filter hook egress device d0 priority 0; }'"
ok 'nft-nat agrees with nft' agrees nft-nat sh -c "nft 'add table inet t; \
	add chain inet t c { type nat hook postrouting priority 0; }; \
	add rule inet t c masquerade'"
ok 'physdev agrees with iptables' agrees physdev \
	iptables-nft -A FORWARD -m physdev --physdev-is-bridged -j DROP
ok 'locked-ports agrees with bridge' agrees locked-ports sh -c \
	'ip link add br9 type bridge && ip link add d0 type veth && ip link set d0 master br9 &&
	bridge link set dev d0 locked on && bridge -d link show dev d0 | grep "locked on"'
ok 'JSON: the same, with the same keys' sh -c 'vifctl --json doctor | python3 -c "
import json, sys
v = json.load(sys.stdin)
assert len(v) > 20
for o in v:
    assert set(o) == ({\"name\", \"state\", \"found\"} if o[\"state\"] == \"ok\"
        else {\"name\", \"state\", \"found\", \"means\", \"help\"}), o"'

# --- the host, one thing after the other ---
ok 'no store' state store limited
ok 'no netbackd' state netbackd limited
host_up
sysctl -qw net.ipv4.ip_forward=1
if [ -d /proc/sys/net/bridge ]; then
	sysctl -qw net.bridge.bridge-nf-call-iptables=0 \
		net.bridge.bridge-nf-call-ip6tables=0
fi
doctor
ok 'a store' state store ok
ok 'netbackd' state netbackd ok
ok 'forwarding' state forwarding ok
ok 'nothing drops what is forwarded' state forward-policy ok
ok 'no drop monitor in a namespace' state drop-monitor limited
ok 'one variant of iptables' state iptables-one-variant ok
{
	echo 'table inet many {'
	for i in $(seq 65); do
		echo "chain c$i { type filter hook forward priority $i; }"
	done
	echo '}'
} >/tmp/many
nft -f /tmp/many
doctor
ok 'more chains than are looked at' state forward-policy limited
ok 'is what is said' grep -q '^forward-policy .*more than 64 chains' /tmp/doctor
nft delete chain inet many c65
doctor
ok 'just as many' state forward-policy ok
nft delete table inet many
ip link add br0 type bridge
iptables-nft -P FORWARD DROP
if [ -d /proc/sys/net/bridge ]; then
	ok 'br_netfilter' state br_netfilter ok
	ok 'not for every bridge' state br_netfilter-everywhere ok
	sysctl -qw net.bridge.bridge-nf-call-iptables=1
	doctor
	ok 'for every bridge' state br_netfilter-everywhere limited
	ok "a bridge's frames are dropped" state forward-policy-br0 limited
	mount -t tmpfs tmpfs /proc/sys/net/bridge
	doctor
	ok 'no br_netfilter' state br_netfilter limited
	umount /proc/sys/net/bridge
else
	doctor
fi
ok 'what is routed is dropped' state forward-policy limited
if iptables-legacy -A FORWARD -j ACCEPT 2>/dev/null; then
	iptables-nft -A FORWARD -j ACCEPT
	doctor
	ok 'both variants at once' state iptables-one-variant limited
else
	skip 'both variants at once' 'no legacy tables here'
fi
mount --bind /dev/null /dev/net/tun
doctor
ok 'no tap' state tap missing
same 'which every vif needs: status 3' 3 $status
umount /dev/net/tun
mkdir /tmp/bin
ln -s "$(command -v vifctl)" /tmp/bin
PATH_WAS=$PATH
PATH=/tmp/bin
doctor
PATH=$PATH_WAS
ok 'no dnsmasq' state dnsmasq limited
setpriv --bounding-set -sys_admin --inh-caps -sys_admin vifctl doctor >/tmp/doctor
same 'no privilege: status 3' 3 $?
ok 'which is said' state privilege missing
ok 'the rest is looked at' state forwarding ok
done_testing
