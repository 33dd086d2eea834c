#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# refused.sh - a store that refuses: the hotplug program at each of its requests
#
# Between program and store stands storeproxy.py. First the order of what is
# written; then each request is refused once, by the errors that xenstored has for a
# quota and for rights, and by oxenstored's, which libxenstore does not know. An
# online that failed has left the host as it was and says so in the store; run again
# it is complete. Offline goes without the store. Last, a quota that is really full.
. "$(dirname "$0")/../lib.sh"
private "$@"
[ -w /dev/net/tun ] || { echo '1..0 # SKIP /dev/net/tun is not ours'; exit; }
. "$ROOT/tests/toolstack.sh"
PROXY=$RUN/proxy ORDERS=$RUN/orders ASKED=$RUN/asked
BRIDGE=br0
mkdir -p $S
for mode in bridge route nat; do
	ln -s "$B/vifhotplug" $S/vif-$mode
done
netbackd --store --run "$RUN" >/tmp/store.log 2>&1 &
ok 'the store answers' until_true 5 xenstore-ls
orders_n=0
# orders HOW ERROR: from now on; see storeproxy.py
orders()
{
	orders_n=$((orders_n + 1))
	echo "$orders_n $1 $2" >$ORDERS
	: >$ASKED
}
orders none -
python3 "$ROOT/tests/net/storeproxy.py" "$PROXY" "$RUN/store" $ORDERS $ASKED \
	>/tmp/proxy.log 2>&1 &
until_true 10 test -S "$PROXY"

ip link add br0 address 02:00:00:00:00:b0 type bridge
ip link add eth0 address 02:00:00:00:00:01 type veth peer name world
for dev in br0 eth0 world; do
	sysctl -qw net.ipv6.conf.$dev.disable_ipv6=1
	ip link set $dev up
done
ip addr add 192.0.2.1/24 dev eth0
until_true 10 sh -c 'ip route | grep -q eth0'

# asks COMMAND: as libxl runs it, by the proxy
asks()
{
	(XENSTORED_PATH=$PROXY vif 1 "$1" 2>/tmp/said)
}
host()
{
	ip -o link | steady
	ip -o -4 addr | steady
	ip route | steady
	ip neigh show proxy
	bridge fdb show
	nft list tables
	cat /proc/sys/net/ipv4/conf/vif1.0/proxy_arp
}
is()
{
	host >/tmp/now
	diff "$1" /tmp/now
}
written()
{
	sed -n 's/^[0-9]* write \([^ ]*\) .*/\1/p' $ASKED | sed 's/.*\///' |
		tr '\n' ' '
}

# --- the order -------------------------------------------------------------------------

SCRIPT=vif-bridge
device vif1.0
directory 1
orders none -
ok 'online' asks online
same 'the mtu is written, and then that it is connected' 'mtu hotplug-status ' \
	"$(written)"
ok 'after that only the end' sh -c "
	tail -n 2 $ASKED | head -n 1 | grep 'hotplug-status connected' &&
		tail -n 1 $ASKED | grep ' end T'"
xenstore-write $BACK/1/0/bridge br9
orders none -
ok 'online that fails' fails asks online
same 'the reason is written, and then that it failed' \
	'hotplug-error hotplug-status ' "$(written)"
ok 'with the thing and why' grep 'hotplug-error bridge br9: no such device' $ASKED
xenstore-write $BACK/1/0/bridge br0
orders none -
ok 'offline' asks offline
same 'writes nothing' '' "$(written)"
ip link del vif1.0

# --- each request refused -----------------------------------------------------------------

# in_store STATUS: .. and no error beside connected
in_store()
{
	[ "$(node 1/0/hotplug-status)" = "$1" ] || { xenstore-ls $BACK; return 1; }
	if [ "$1" = error ]; then
		node 1/0/hotplug-error | grep '^store: cannot .*: '
	else
		fails node 1/0/hotplug-error
	fi
}
# online_refused N ERROR: refused there, then run again
online_refused()
{
	orders "$1" "$2"
	if asks online; then
		is /tmp/on && in_store connected || return 1
	else
		is /tmp/off && in_store error &&
			grep 'store: cannot ' /tmp/said || return 1
		! grep 'cannot [^r].*no plain text' /tmp/said || return 1
		failed=$((failed + 1))
	fi
	vif 1 online && is /tmp/on && in_store connected && vif 1 offline
}
offline_refused()
{
	vif 1 online || return 1
	orders "$1" "$2"
	asks offline && is /tmp/off
}
# each COMMAND ERROR
each()
{
	orders none -
	[ "$1" = online ] || vif 1 online || return 1
	asks "$1" || return 1
	most=$(wc -l <$ASKED)
	vif 1 offline || return 1
	failed=0
	for n in $(seq "$most"); do
		"$1_refused" "$n" "$2" >/tmp/refused 2>&1 ||
			{ echo "at $n:"; cat /tmp/refused /tmp/said $ASKED; return 1; }
	done
	[ "$1" = offline ] || { [ "$most" -gt 8 ] && [ "$failed" -gt 8 ]; }
}
# rows MODE ERROR..: a vif of that mode
rows()
{
	SCRIPT=vif-$1
	device vif1.0
	ip link set vif1.0 address 02:00:00:00:00:05
	directory 1
	[ "$1" = bridge ] || directory 1 ip 10.0.0.5 gatewaydev eth0
	vif 1 online # what stays raised is raised
	vif 1 offline
	host >/tmp/off
	vif 1 online
	host >/tmp/on
	vif 1 offline
	shift
	for e in "$@"; do
		ok "$SCRIPT online: any request refused, $e" each online "$e"
	done
	ok "$SCRIPT offline: any request refused, $e" each offline "$e"
	ip link del vif1.0
}
rows bridge EACCES ENOSPC EQUOTA
rows route EQUOTA
rows nat ENOSPC

# --- all that writes ----------------------------------------------------------------------

SCRIPT=vif-bridge
device vif1.0
ip link set vif1.0 address 02:00:00:00:00:05
directory 1
vif 1 online
vif 1 offline
host >/tmp/off
for e in ENOSPC EQUOTA; do
	orders write $e
	ok "no write is taken, $e" fails asks online
	ok 'the host is as it was' is /tmp/off
	ok 'it says what to do' grep 'quota' /tmp/said
	orders new $e
	xenstore-write $BACK/1/0/bridge br9 $BACK/1/0/hotplug-status ''
	ok "there is no room for a reason, $e" fails asks online
	same 'it is told that it failed' error "$(node 1/0/hotplug-status)"
	xenstore-write $BACK/1/0/bridge br0
done
orders none -
ok 'with room again' asks online
same 'it is connected' connected "$(node 1/0/hotplug-status)"
vif 1 offline
done_testing
