#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# guardwatch.sh - vifctl watch guard: what others remove comes back, and is named
#
# A vif floods a bridge with frames that its guard refuses; what leaves another
# port is a leak. The ruleset is flushed, edited, restored by iptables and filled
# with what dockerd writes (docker.rules), while `vifctl watch guard` runs.
. "$(dirname "$0")/../lib.sh"
private "$@"
if [ ! -w /dev/net/tun ]; then
	skip "taps" "/dev/net/tun is not ours to open"
	done_testing
fi
export XENSTORED_PATH=$RUN/store
N=${N:-20}
ME=00:16:3e:00:00:01
BACK=/local/domain/0/backend/vif/1/0
TABLE=netback-vif1.0

netbackd --store --run "$RUN" >/tmp/store.log 2>&1 &
until_true 5 xenstore-ls >/dev/null
for f in /proc/sys/net/bridge/bridge-nf-call-*; do
	[ ! -e "$f" ] || echo 0 >"$f"
done
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip link add br0 type bridge mcast_snooping 0 forward_delay 0
# A tap that nobody has open has no carrier, and a port without gets no frame.
ip link add out0 type veth peer name drain0
ip link set drain0 up
ip link set out0 master br0 up
ip link set br0 up
echo "ip drop ff:ff:ff:ff:ff:ff $ME 0800 ip4 10.0.0.66 10.0.0.6 17 udp 9 9" \
	>"$RUN/flood"
ln -s "$B/vifhotplug" /tmp/vif-bridge
hotplug()
{
	env XENBUS_PATH=backend/vif/1/0 vif=vif1.0 netdev='' \
		/tmp/vif-bridge "$1" type_if=vif
}
passed()
{
	cat /sys/class/net/out0/statistics/tx_packets \
		/sys/class/net/out0/statistics/tx_dropped |
		awk '{ n += $1 } END { print n }'
}
there()
{
	nft list chain netdev $TABLE from_guest >/dev/null 2>&1
}
said()
{
	grep -q "$@" "$RUN/watch"
}
xenstore-write $BACK/frontend-id 1 $BACK/handle 0 $BACK/mac $ME $BACK/online 1 \
	$BACK/ip "10.0.0.5 fd00::5" $BACK/bridge br0 $BACK/type vif \
	$BACK/hotplug-status '' /local/domain/1/device/vif/0/mtu 1500
ip tuntap add vif1.0 mode tap
"$B/tests/guest/rawframe" -l vif1.0 <"$RUN/flood" >"$RUN/taken" &
ok "online" hotplug online
"$B/vifctl" watch guard >"$RUN/watch" 2>&1 &
WATCH=$!
sleep 0.3
same "all is well: it says nothing" "" "$(cat "$RUN/watch")"
before=$(passed)
sleep 0.2
same "and nothing leaks" "$before" "$(passed)"

# --- flushed -------------------------------------------------------------------

nft flush ruleset
ok "after a flush the guard comes back" until_true 5 there
ok ".. and who did it is named" until_true 5 \
	said 'vif1.0 guard=back by=nft pid=[1-9]'
flushes()
{
	flushes_n=0
	while [ $flushes_n -lt "$N" ]; do
		flushes_n=$((flushes_n + 1))
		nft flush ruleset
		until_true 5 there || return
	done
}
: >"$RUN/watch"
leak=$(passed)
rate=$(cat /sys/class/net/vif1.0/statistics/rx_packets)
start=$(date +%s%N)
ok "$N times under a flood" flushes
leak=$(($(passed) - leak))
rate=$(awk -v n=$(($(cat /sys/class/net/vif1.0/statistics/rx_packets) - rate)) \
	-v t=$(($(date +%s%N) - start)) 'BEGIN { print n * 1e9 / t + 1 }')
sed -n 's/.*after_us=\([0-9]*\).*/\1/p' "$RUN/watch" | sort -n >"$RUN/took"
longest=$(tail -n 1 "$RUN/took")
middle=$(awk '{ v[NR] = $1 } END { print v[int((NR + 1) / 2)] }' "$RUN/took")
window=$(awk -v l=$leak -v r="$rate" -v n="$N" \
	'BEGIN { printf "%.1f", l / r / n * 1000 }')
# On a machine that others load the watcher may wait for its turn, so: the middle.
ok "put back within 100 ms of hearing of it (${middle:-?} us, at most ${longest:-?})" \
	test "${middle:-999999}" -lt 100000
ok "leak window $window ms on average ($leak frames in $N flushes)" \
	awk -v w="$window" 'BEGIN { exit !(w < 100) }'

# --- edited --------------------------------------------------------------------

: >"$RUN/watch"
edited()
{
	: >"$RUN/watch"
	nft "$@" && until_true 5 said guard=back &&
		nft list table netdev $TABLE | sed '/packets/d' >"$RUN/now" &&
		diff "$RUN/whole" "$RUN/now"
}
nft list table netdev $TABLE | sed '/packets/d' >"$RUN/whole"
ok "a chain that is flushed" edited flush chain netdev $TABLE check_ip
ok "a rule that is added" edited insert rule netdev $TABLE from_guest return
ok "an address that is added" \
	edited add element netdev $TABLE addr4 '{ 10.0.0.66 }'
ok "a table that is deleted" edited delete table netdev $TABLE

# --- others' rules ---------------------------------------------------------------

: >"$RUN/watch"
before=$(passed)
nft add table netdev admin
nft add chain netdev admin mine
nft add rule netdev admin mine drop
nft delete table netdev admin
if iptables-nft -V >/dev/null 2>&1; then
	iptables-nft-restore <"$ROOT/tests/net/docker.rules"
	iptables-nft -F
fi
sleep 0.2
ok "what an administrator deletes stays deleted" \
	fails nft list table netdev admin
same "docker's rules and iptables' leave the guard alone" "" \
	"$(cat "$RUN/watch")"
same ".. and nothing leaks meanwhile" "$before" "$(passed)"

# --- paused ------------------------------------------------------------------------

ok "guard pause" "$B/vifctl" guard pause vif1.0
nft delete table netdev $TABLE
sleep 0.3
ok "what is paused stays away" fails there
ok "guard resume" "$B/vifctl" guard resume vif1.0
ok ".. has it back" there

# --- renamed --------------------------------------------------------------------------

: >"$RUN/watch"
ip link set vif1.0 name web
web_there()
{
	nft list chain netdev netback-web from_guest >/dev/null 2>&1
}
ok "a device that is renamed gets its guard under the new name" \
	until_true 5 web_there
ok ".. and it is said" until_true 5 said 'vif1.0 guard=back renamed=web'
before=$(passed)
sleep 0.2
same ".. so that nothing leaks" "$before" "$(passed)"
ip link set web name vif1.0
ok "renamed back" until_true 5 there
ok ".. no guard of the other name stays" until_true 5 fails web_there

# --- offline ----------------------------------------------------------------------------

ok "offline under the watcher's eyes" hotplug offline
sleep 0.3
ok ".. leaves no guard" fails there
kill $WATCH
wait $WATCH
same "it ends when it is told to" 0 $?
ip link del vif1.0
ip link del out0
ok "bad words are refused" fails "$B/vifctl" watch
done_testing
