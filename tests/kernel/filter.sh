#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# filter.sh - what we rely on in netdev hooks, bridge ports, physdev and nft
#
# doc/design.md says why each matters. A kernel that changes one of these fails
# here first.
. "$(dirname "$0")/../lib.sh"
private "$@"

ip link add br0 type bridge
ip link set br0 up
for i in 1 2; do
	ip link add p$i type veth peer name g$i
	ip link set p$i master br0
	ip link set p$i up
	ip link set g$i up
done
# A port forwards once the kernel has looked at its carrier.
for i in 1 2; do
	until_true 10 grep -qx 3 /sys/class/net/p$i/brport/state
done

# Sends one Ethernet frame out of g1: destination, source, type.
frame()
{
	python3 - "$@" <<'P'
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("g1", 0))
mac = lambda t: bytes.fromhex(t.replace(":", ""))
s.send(mac(sys.argv[1]) + mac(sys.argv[2]) + bytes.fromhex(sys.argv[3]) +
       bytes(60))
P
}

learned()
{
	bridge fdb show br br0 | grep -q "^$1 dev p1 master"
}

lldp=01:80:c2:00:00:0e
forged=02:00:00:00:00:99

# --- a bridge-family table is not a guard; a netdev one is
nft add table bridge t
nft add chain bridge t c '{ type filter hook prerouting priority -300; policy drop; }'
frame $lldp $forged 88cc
ok 'a link-local frame teaches the bridge past a bridge-family drop' \
	until_true 2 learned $forged
nft delete table bridge t
bridge fdb del $forged dev p1 master
nft add table netdev t
nft add chain netdev t c '{ type filter hook ingress device p1 priority 0; }'
nft add rule netdev t c ether saddr $forged counter drop
frame $lldp $forged 88cc
ok 'a netdev ingress chain sees it' until_true 2 sh -c \
	'nft list table netdev t | grep -q "packets 1 "'
ok 'and stops it' fails learned $forged

# --- tables replace in one batch
ok 'delete and add of one table in one batch replaces it' sh -c '
	printf "delete table netdev t\nadd table netdev t\nadd chain netdev t d\n" |
	nft -f - && nft list table netdev t | grep -q "chain d" &&
	! nft list table netdev t | grep -q "chain c"'
ok 'a batch that fails changes nothing' sh -c '
	! printf "delete table netdev t\nadd rule netdev none c drop\n" |
	nft -f - 2>/tmp/err && nft list table netdev t | grep -q "chain d"'
nft add set netdev t s '{ type ether_addr; elements = { 02:00:00:00:00:01 }; }'
ok 'a set is emptied and filled anew in one batch' sh -c '
	printf "flush set netdev t s\nadd element netdev t s { %s }\n" \
		"02:00:00:00:00:02, 02:00:00:00:00:03" | nft -f - &&
	nft list set netdev t s | grep -q "02:00:00:00:00:02" &&
	! nft list set netdev t s | grep -q "02:00:00:00:00:01"'
ok 'or keeps what it had when the batch fails' sh -c '
	! printf "flush set netdev t s\nadd element netdev t none { %s }\n" \
		02:00:00:00:00:04 | nft -f - 2>/tmp/err &&
	nft list set netdev t s | grep -q "02:00:00:00:00:03"'
nft delete table netdev t

# --- port flags follow the device
bridge link set dev p1 learning off locked on
frame ff:ff:ff:ff:ff:ff $forged 0800
sleep 0.1
ok 'a locked port without learning teaches nothing' fails learned $forged
ip link set p1 down
ip link set p1 name q1
ip link set q1 up
ok 'its flags survive a rename' sh -c \
	'bridge -d link show dev q1 | grep -q "learning off.*locked on"'
ip link set q1 down
ip link set q1 name p1
ip link set p1 up

# --- physdev: what may be loaded, and the switch of one bridge
ok 'physdev-out in OUTPUT is refused at load' fails \
	iptables -A OUTPUT -m physdev --physdev-out p1 -j DROP
ok 'physdev-in in FORWARD is accepted' \
	iptables -A FORWARD -m physdev --physdev-in p1 --physdev-is-bridged -j DROP
same 'a new bridge does not call iptables' 0 \
	"$(cat /sys/class/net/br0/bridge/nf_call_iptables)"
ok 'one bridge can be told to' sh -c \
	'echo 1 >/sys/class/net/br0/bridge/nf_call_iptables'
done_testing
