# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# guarded.sh - vif1.0 with the guard that its hotplug script gives it, on a quiet host
#
# After lib.sh and private; skips where taps cannot be had. The host says nothing by
# itself: what leaves a port came from a guest.
if [ ! -w /dev/net/tun ]; then
	skip "taps" "/dev/net/tun is not ours to open"
	done_testing
fi
export XENSTORED_PATH="$RUN/store"
ME=00:16:3e:00:00:01
BACK=/local/domain/0/backend/vif/1/0

netbackd --store --run "$RUN" >/tmp/store.log 2>&1 &
until_true 5 xenstore-ls >/dev/null
for f in /proc/sys/net/bridge/bridge-nf-call-*; do
	[ ! -e "$f" ] || echo 0 >"$f"
done
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ln -s "$B/vifhotplug" /tmp/vif-bridge

bridge_up()
{
	ip link add "$1" type bridge mcast_snooping 0 forward_delay 0
	ip link set "$1" up
}

# A port of br0 that takes every frame: a tap that nobody has open has no carrier.
sink()
{
	ip link add "$1" type veth peer name drain0
	ip link set drain0 up
	ip link set "$1" master br0 up
}

# What has left sink $1.
passed()
{
	cat "/sys/class/net/$1/statistics/tx_packets" \
		"/sys/class/net/$1/statistics/tx_dropped" |
		awk '{ n += $1 } END { print n }'
}

# nodes ADDRESSES: the backend's directory, as libxl makes it
nodes()
{
	xenstore-rm $BACK 2>/dev/null
	xenstore-write $BACK/frontend-id 1 $BACK/handle 0 $BACK/mac $ME \
		$BACK/online 1 $BACK/ip "$1" $BACK/bridge br0 $BACK/type vif \
		$BACK/hotplug-status '' /local/domain/1/device/vif/0/mtu 1500
}

hotplug()
{
	env XENBUS_PATH=backend/vif/1/0 vif=vif1.0 netdev='' \
		/tmp/vif-bridge "$1" type_if=vif
}
