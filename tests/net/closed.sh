#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# closed.sh - a closed bridge: who is not known is shut, a renamed vif leaks nothing
#
# Leaks are counted at sink0. The flood is of frames that the guard refuses, so
# each one that leaves there is a leak.
. "$(dirname "$0")/../lib.sh"
private "$@"
. "$ROOT/tests/guarded.sh"
N=${N:-10}
YOU=02:00:00:00:00:09
ALL=ff:ff:ff:ff:ff:ff
RAW=$B/tests/guest/rawframe

bridge_up br0
for t in out0 fence0 side0; do
	ip tuntap add $t mode tap
	ip link set $t master br0 up
done
sink sink0
ip tuntap add vif1.0 mode tap
taken()
{
	cat "/sys/class/net/$1/statistics/rx_packets"
}
# goes pass|drop FROM MAC: one frame, to where out0 is
goes()
{
	echo "row $1 $ALL $3 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9" |
		"$RAW" br0 "$2" out0 fence0
}
nodes 10.0.0.5

# --- a port that nobody knows ---------------------------------------------------

same 'nothing is closed unless asked for' '' "$(nft list tables)"
ok 'closed' vifctl bridge close br0
ok 'its ports stay' goes pass side0 $YOU
same 'and are listed' 'br0 known=fence0,out0,side0,sink0 shut=""' "$(vifctl bridge show)"
ip tuntap add new0 mode tap
ip link set new0 master br0 up
ok 'a port that appears is shut' goes drop new0 $YOU
ok '.. nothing is learned from it' sh -c \
	"! bridge fdb show br br0 | grep -q '$YOU dev new0'"
ok '.. and nothing is sent to it' sh -c "
	echo 'row drop $ALL $YOU 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9' |
	$RAW -t br0 fence0 new0 out0"
same '.. as show says' 'br0 known=fence0,out0,side0,sink0 shut=new0' \
	"$(vifctl bridge show)"
ok 'it is told the name' vifctl bridge close br0 new0
ok '.. and lets it in' goes pass new0 $YOU
ip link set vif1.0 master br0 up
ok 'a tap is shut as well, whatever it is called' goes drop vif1.0 $ME
ip link set vif1.0 nomaster down
ok 'until it is a vif of ours' hotplug online
ok '.. with its guard' goes pass vif1.0 $ME
explained()
{
	vifctl explain --in far0 --out out0 --smac $YOU --dmac $ME \
		udp 10.0.0.5:9 '>' 10.0.0.6:9 >/tmp/said
	cat /tmp/said
	grep -q '^verdict: drop.*netback-closed' /tmp/said
}
ip tuntap add far0 mode tap
ip link set far0 master br0 up
ok 'explain says so, too' explained
ip link set far0 nomaster

bridge_up br1
for t in far1 far2; do
	ip tuntap add $t mode tap
done
for t in far0 far1 far2; do
	ip link set $t master br1 up
done
if vifctl doctor | grep -q 'bridge.name.*state=ok'; then
	ok 'another bridge is as it was' sh -c "
		echo 'row pass $ALL $YOU 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9' |
		$RAW br1 far0 far1 far2"
else
	vifctl bridge open br0
	ok 'a kernel that cannot tell bridges apart closes none alone' sh -c \
		'vifctl bridge close br0 2>&1 | grep -q "cannot tell br0 from br1"'
	ip link del br1
	ok '.. and the only one again' vifctl bridge close br0 new0
fi

# Each of a hundred ports is named.
many()
{
	for i in $(seq 100); do
		ip link add "many$i" type veth peer name "p$i"
		ip link set "many$i" master br0
	done
	vifctl bridge show | grep -o 'many[0-9]*' | sort -u | wc -l >/tmp/many
	vifctl --json bridge show | grep -c '"many[0-9]*"' >>/tmp/many
	for i in $(seq 100); do
		ip link del "many$i"
	done
	[ "$(cat /tmp/many)" = "100
100" ] || { cat /tmp/many; return 1; }
}
ok 'all of a hundred ports are listed' many

# --- renamed ----------------------------------------------------------------------

echo "ip drop $ALL $ME 0800 ip4 10.0.0.66 10.0.0.6 17 udp 9 9" >/tmp/flood
"$RAW" -l vif1.0 </tmp/flood >/tmp/flood.out 2>&1 &
FLOOD=$!
vifctl watch guard >/tmp/watch 2>&1 &
WATCH=$!
until_true 5 watching $WATCH
web_there()
{
	nft list chain netdev netback-web from_guest >/dev/null 2>&1
}
there()
{
	nft list chain netdev netback-vif1.0 from_guest >/dev/null 2>&1
}
# There and back, and what was sent on the way.
renames()
{
	n=0
	while [ $n -lt "$N" ]; do
		n=$((n + 1))
		ip link set vif1.0 name web
		until_true 5 web_there || return
		ip link set web name vif1.0
		until_true 5 there || return
	done
}
leak=$(passed sink0)
before=$(taken vif1.0)
ok "renamed $N times and back, its guard each time" renames
same "of $(($(taken vif1.0) - before)) frames sent meanwhile none leaks" 0 $(($(passed sink0) - leak))
ok 'no guard of a name that is gone stays' fails web_there

# The same with the bridge open: it would be seen.
ok 'opened' vifctl bridge open br0
same '.. and its table is gone' 0 "$(nft list tables | grep -c closed)"
kill $WATCH
wait $WATCH
leak=$(passed sink0)
leaks()
{
	[ "$(passed sink0)" -gt "$leak" ]
}
ip link set vif1.0 name web
ok 'a renamed vif of an open bridge, unwatched, leaks: it would be seen' \
	until_true 10 leaks
ip link set web name vif1.0
vifctl guard resume vif1.0
ok 'its guard is there again' there

# --- what others remove -------------------------------------------------------------

ok 'closed again' vifctl bridge close br0
vifctl watch guard >/tmp/watch 2>&1 &
WATCH=$!
until_true 5 watching $WATCH
nft flush ruleset
closed_there()
{
	nft list chain bridge netback-closed prerouting 2>/dev/null |
		grep -q iifname
}
ok 'after a flush it is closed again' until_true 5 closed_there
ok '.. who did it is named' until_true 5 grep -q \
	'bridges guard=back by=nft pid=[1-9]' /tmp/watch
known()
{
	nft get element bridge netback-closed ports '{ vif1.0 }'
}
ok '.. and the vif is known' until_true 5 known
nft delete element bridge netback-closed ports '{ vif1.0 }'
ok 'check misses a name' sh -c \
	'vifctl check vif1.0 | grep -q "not known on closed"'
ok 'repair' vifctl repair vif1.0
ok '.. has it back' known
kill $WATCH
wait $WATCH
ok 'offline' hotplug offline
same 'its name goes with it' 0 \
	"$(nft list set bridge netback-closed ports | grep -c vif1.0)"

kill $FLOOD
ok 'a bridge that is none' fails vifctl bridge close nobr
ok 'a name that is none' sh -c 'vifctl bridge close ../br0; [ $? = 2 ]'
ok 'a second is opened' vifctl bridge open br0
ok 'what is open is opened' vifctl bridge open br0
same 'nothing is left' '' "$(nft list tables)$(ls "$RUN/closed")"
done_testing
