#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# rules-equal.sh - both engines and iptables alone give equal verdicts
#
# SETS= rule sets, PACKETS= for each, SEED=: small here; a soak is
# SETS=2500 PACKETS=40 tests/net/rules-equal.sh, a hundred thousand verdicts.
. "$(dirname "$0")/../lib.sh"
private "$@"
mount -t tmpfs tmpfs /run
sysctl -qw net.ipv6.conf.default.disable_ipv6=0
ip link add br0 address 02:00:00:00:ff:01 type bridge mcast_snooping 0 \
	forward_delay 0
if [ ! -e /sys/class/net/br0/bridge/nf_call_iptables ]; then
	skip 'equal verdicts' 'no br_netfilter in this kernel'
	done_testing
fi
echo 1 >/sys/class/net/br0/bridge/nf_call_iptables
echo 1 >/sys/class/net/br0/bridge/nf_call_ip6tables
ip addr add 10.0.0.254/24 dev br0
ip addr add fd00::fe/64 dev br0 nodad
ip link set br0 up
for i in 1 2 3; do
	ip netns add g$i
	ip link add vif$i.0 type veth peer name eth0 netns g$i \
		address 02:00:00:00:00:0$i
	ip link set vif$i.0 master br0
	ip link set vif$i.0 up
	ip netns exec g$i sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1
	ip -n g$i link set eth0 up
	bridge fdb replace 02:00:00:00:00:0$i dev vif$i.0 master static
	ip neigh add 10.0.0.$i lladdr 02:00:00:00:00:0$i dev br0
	ip neigh add fd00::$i lladdr 02:00:00:00:00:0$i dev br0
done
# A port forwards once the kernel has looked at its carrier.
for i in 1 2 3; do
	until_true 10 grep -qx 3 /sys/class/net/vif$i.0/brport/state
done
ok 'equal verdicts' python3 "$ROOT/tests/net/rules-equal.py" \
	"${SETS:-16}" "${PACKETS:-40}" "${SEED:-1}"
echo "# $tap_out"
done_testing
