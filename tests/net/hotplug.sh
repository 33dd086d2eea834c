#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hotplug.sh - vif-bridge as toolstacks call it: the contract and old defects
#
# Taps stand in for the kernel's vifs, `netbackd --store` for xenstored. Points
# named "defect N" are section 6 of the contract's list: what Xen's own scripts
# get wrong. Those of modes route and nat are not here: the modes are not.
. "$(dirname "$0")/../lib.sh"
private "$@"
export XENSTORED_PATH=$RUN/store
S=/tmp/scripts
BACK=/local/domain/0/backend/vif
MAC=00:16:3e:00:00

# directory DOMID [KEY VALUE ..]: the nodes that libxl makes, with device 0
directory()
{
	d=$1
	shift
	xenstore-rm "$BACK/$d/0" 2>/dev/null
	xenstore-write "$BACK/$d/0/frontend-id" "$d" "$BACK/$d/0/handle" 0 \
		"$BACK/$d/0/mac" "$(printf '%s:%02x' $MAC "$d")" \
		"$BACK/$d/0/bridge" br0 "$BACK/$d/0/type" vif \
		"$BACK/$d/0/hotplug-status" '' \
		"/local/domain/$d/device/vif/0/mtu" 1500
	while [ $# -gt 0 ]; do
		xenstore-write "$BACK/$d/0/$1" "$2"
		shift 2
	done
}

device()
{
	ip tuntap add dev "$1" mode tap
}

# vif DOMID COMMAND [WORD ..]: as libxl runs it for the vif
vif()
{
	d=$1
	shift
	env script=$S/vif-bridge XENBUS_TYPE=vif XENBUS_BASE_PATH=backend \
		netdev= XENBUS_PATH="backend/vif/$d/0" vif="vif$d.0" \
		$S/vif-bridge "$@" type_if=vif
}

# .. and for the emulated card
tap()
{
	d=$1
	shift
	env XENBUS_PATH="backend/vif/$d/0" vif="vif$d.0" \
		INTERFACE="vif$d.0-emu" $S/vif-bridge "$@" type_if=tap
}

node()
{
	xenstore-read "$BACK/$1"
}

master()
{
	ip -o link show dev "$1" | sed -n 's/.* master \([^ ]*\) .*/\1/p'
}

guard()
{
	nft list table netdev "netback-$1"
}

port()
{
	ip -d link show dev "$1" | grep -q " $2 "
}

# The host as a text: what is compared before and after.
host()
{
	ip -d link | sed 's/tx_queue.*//; s/_timer *[0-9.]*//g'
	bridge fdb show
	nft list ruleset | grep -v 'packets'
	xenstore-ls -f
	cat /proc/sys/net/ipv6/conf/*/disable_ipv6
}

gone()
{
	ip link del "$1"
}

mkdir $S
for name in vif-bridge vif-route vif-nat vif-setup qemu-ifup qemu-ifdown; do
	ln -s "$B/vifctl" $S/$name
done
netbackd --store --run "$RUN" >/tmp/store.log 2>&1 &
ok 'the store answers' until_true 5 xenstore-ls
ip link add br0 type bridge
ip link set br0 mtu 9000 up

# --- what libxl expects ----------------------------------------------------------

device vif1.0
directory 1
host >/tmp/before
ok 'online' vif 1 online
same 'connected' connected "$(node 1/0/hotplug-status)"
same 'it is a port' br0 "$(master vif1.0)"
same 'with the address of all vifs' fe:ff:ff:ff:ff:ff \
	"$(cat /sys/class/net/vif1.0/address)"
same 'and the mtu of its bridge' 9000 "$(cat /sys/class/net/vif1.0/mtu)"
same 'which the guest is told' 9000 \
	"$(xenstore-read /local/domain/1/device/vif/0/mtu)"
same 'without IPv6 of its own' 1 \
	"$(cat /proc/sys/net/ipv6/conf/vif1.0/disable_ipv6)"
ok 'the guard stands' guard vif1.0
ok 'the port is locked' port vif1.0 'locked on'
host >/tmp/once
ok 'online again' vif 1 online
host >/tmp/twice
ok 'twice equals once' cmp /tmp/once /tmp/twice
ok 'offline' vif 1 offline
same 'no port any more' '' "$(master vif1.0)"
ok 'no guard' fails guard vif1.0
host >/tmp/once
ok 'offline again' vif 1 offline
host >/tmp/twice
ok 'it changes nothing' cmp /tmp/once /tmp/twice
ok 'and online once more' vif 1 online
gone vif1.0
ok 'offline when the device is gone' vif 1 offline
same 'no rules are left' '' "$(nft list tables)"

done_testing
