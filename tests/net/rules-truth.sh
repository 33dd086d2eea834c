#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# rules-truth.sh - the truth table of physdev, cell by cell, on this kernel
#
# Guests vif1.0 and vif2.0 on br0, vif3.0 on br1, ext0 a device that is routed.
. "$(dirname "$0")/../lib.sh"
private "$@"
mount -t tmpfs tmpfs /run
export RULE="$B/tests/guest/ruletool"

# port NAME NAMESPACE ADDRESS/LEN GATEWAY
port()
{
	ip netns add "$2"
	ip link add "$1" type veth peer name eth0 netns "$2"
	ip link set "$1" up
	ip -n "$2" addr add "$3" dev eth0
	ip -n "$2" link set eth0 up
	ip -n "$2" route add default via "$4"
}
sysctl -qw net.bridge.bridge-nf-call-iptables=0 net.ipv4.ip_forward=1
for b in 0 1; do
	ip link add br$b type bridge mcast_snooping 0 forward_delay 0
	if ! echo 1 >/sys/class/net/br$b/bridge/nf_call_iptables; then
		skip 'what physdev sees' 'no br_netfilter in this kernel'
		done_testing
	fi
	ip addr add 10.0.$b.254/24 dev br$b
	ip link set br$b up
done
port vif1.0 g1 10.0.0.1/24 10.0.0.254
port vif2.0 g2 10.0.0.2/24 10.0.0.254
port vif3.0 g3 10.0.1.3/24 10.0.1.254
port ext0 ext 10.0.2.1/24 10.0.2.254
ip addr add 10.0.2.254/24 dev ext0
ip link set vif1.0 master br0
ip link set vif2.0 master br0
ip link set vif3.0 master br1
for n in 10.0.0.1 10.0.0.2 10.0.1.3 10.0.2.1; do
	until_true 5 ping -qc 1 -W 1 $n
done
ip netns exec g1 ping -qc 1 -W 2 10.0.0.2 >/dev/null
python3 "$ROOT/tests/net/rules-truth.py"
