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
same 'and are listed' 'br0 known=fence0,out0,side0,sink0 shut="" router=""' "$(vifctl bridge show)"
ip tuntap add new0 mode tap
ip link set new0 master br0 up
ok 'a port that appears is shut' goes drop new0 $YOU
ok '.. nothing is learned from it' sh -c \
	"! bridge fdb show br br0 | grep -q '$YOU dev new0'"
ok '.. and nothing is sent to it' sh -c "
	echo 'row drop $ALL $YOU 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9' |
	$RAW -t br0 fence0 new0 out0"
same '.. as show says' 'br0 known=fence0,out0,side0,sink0 shut=new0 router=""' \
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
ip tuntap add up0 mode tap
explained_routed()
{
	vifctl explain --in up0 --out far0 --smac $YOU --dmac $ME \
		udp 10.0.0.5:9 '>' 10.0.0.6:9 >/tmp/said
	cat /tmp/said
	grep -q '^verdict: drop.*netback-closed' /tmp/said
}
ok '.. and of what the host routes there' explained_routed
ip link del up0
ip link set far0 nomaster

# --- what is a guest's own, from elsewhere -----------------------------------------

OUR=fe80::216:3eff:fe00:1
# rows VERDICT FRAME..: with the addresses of vif1.0, from MAC $YOU
rows()
{
	cat <<-E
		ip4 $1 $ALL $YOU 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
		arp-reply $1 $ALL $YOU 0806 arp 2 $YOU 10.0.0.5
		arp-request $1 $ALL $YOU 0806 arp 1 $YOU 10.0.0.5
		ip6 $1 $ALL $YOU 86dd ip6 fd00::5 ff02::1 17 udp 9 9
		link-local $1 $ALL $YOU 86dd ip6 $OUR ff02::1 17 udp 9 9
		advert $1 $ALL $YOU 86dd ip6 fd00::9 ff02::1 58 nd 136 fd00::5
		advert-ext $1 $ALL $YOU 86dd ip6 fd00::9 ff02::1 0 hbh 58 nd 136 fd00::5
		vlan0 $1 $ALL $YOU 8100 0000 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	E
}
# .. and with its MAC: the first source is the one that may be learned
macs()
{
	echo "mac $1 $ALL $ME 88b6 pad 50"
	echo "mac-802.3 $1 $ALL $ME 0032 pad 50"
}
twice()
{
	echo "vlan0-twice drop $ALL $YOU 8100 0000 8100 0000 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9"
}
others()
{
	cat <<-E
		other4 pass $ALL $YOU 0800 ip4 10.0.0.9 10.0.0.5 17 udp 9 9
		to-it pass $ALL $YOU 0806 arpto 1 $YOU 10.0.0.9 10.0.0.5
		probe pass $ALL $YOU 0806 arpto 1 $YOU 0.0.0.0 10.0.0.5
		other6 pass $ALL $YOU 86dd ip6 fd00::9 ff02::1 17 udp 9 9
		solicit pass $ALL $YOU 86dd ip6 fd00::9 ff02::1 58 nd 135 fd00::5
		advert-other pass $ALL $YOU 86dd ip6 fd00::9 ff02::1 58 nd 136 fd00::9
		vlan5 pass $ALL $YOU 8100 0005 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
		dhcp pass $ALL $YOU 0800 ip4 0.0.0.0 255.255.255.255 17 udp 68 67
	E
}
# What its guard lets it say.
own()
{
	rows pass | sed "s/$YOU/$ME/g;s/fd00::9/fd00::5/" |
		grep -v '^vlan0\|^advert-ext'
}
judged()
{
	"$RAW" ${3:+"$3"} br0 "$1" "$2" fence0
}
# vif2 ADDRESSES: another guest, whose port is vif2.0
vif2()
{
	BACK2=/local/domain/0/backend/vif/2/0
	xenstore-rm $BACK2 2>/dev/null
	xenstore-write $BACK2/frontend-id 2 $BACK2/handle 0 \
		$BACK2/mac 00:16:3e:00:00:02 $BACK2/online 1 $BACK2/ip "$1" \
		$BACK2/bridge br0 $BACK2/type vif $BACK2/hotplug-status '' \
		/local/domain/2/device/vif/0/mtu 1500
}
hotplug2()
{
	env XENBUS_PATH=backend/vif/2/0 vif=vif2.0 netdev='' \
		/tmp/vif-bridge "$1" type_if=vif
}
# owned SET: how many are in it
owned()
{
	nft -j list set bridge netback-closed "$1" |
		python3 -c 'import json, sys
for x in json.load(sys.stdin)["nftables"]:
    if "set" in x: print(len(x["set"].get("elem", [])))'
}
all_owned()
{
	for s in mac addr4 addr6 heldmac held4 held6; do
		printf '%s=%s ' $s "$(owned $s)"
	done
}
ip tuntap add vif2.0 mode tap
ok 'offline' hotplug offline
same '.. and nothing is anyone'\''s' \
	'mac=0 addr4=0 addr6=0 heldmac=0 held4=0 held6=0 ' "$(all_owned)"
{ rows pass; others; } >/tmp/free
macs pass >/tmp/free-mac
ok 'then all of it passes from elsewhere' judged side0 out0 </tmp/free
ok '.. and its MAC' judged side0 out0 </tmp/free-mac
nodes '10.0.0.5 fd00::5 10.9.0.0/16'
ok 'online again, with more addresses' hotplug online
same '.. which are its own, but no network' \
	'mac=1 addr4=1 addr6=2 heldmac=1 held4=1 held6=2 ' "$(all_owned)"
vif2 10.0.0.7
ok 'another guest' hotplug2 online
{ rows drop; twice; others; } >/tmp/lies
ok 'from elsewhere what is its own does not pass' judged side0 out0 </tmp/lies
ok '.. nor to a guest' judged side0 vif2.0 -t </tmp/lies
macs drop >/tmp/lies-mac
ok '.. and no other frame with its MAC' judged side0 out0 </tmp/lies-mac
own >/tmp/own
ok '.. its own do' judged vif1.0 out0 </tmp/own
ok '.. to a guest, too' judged vif1.0 vif2.0 -t </tmp/own
# Frames that a bridge takes for itself teach it, LLDP's before any rule.
taught()
{
	echo "row pass 01:80:c2:00:00:$1 $ME 88cc pad 50" | "$RAW" -n side0
	bridge fdb show br br0 | grep -q "$ME dev side0"
}
ok '.. nor does its MAC move there by what the bridge takes' fails taught 03
ok '.. by LLDP' fails taught 0e
lie_told()
{
	vifctl explain --in side0 --out out0 --smac $YOU --dmac $ALL \
		udp 10.0.0.5:9 '>' 10.0.0.6:9 >/tmp/said
	cat /tmp/said
	grep -q '^verdict: drop.*netback-closed' /tmp/said
}
ok '.. as explain says' lie_told
ok 'nft lists all of it' sh -c 'nft list ruleset >/tmp/listed'
ok '.. with the names of ports' grep -q '"side0"' /tmp/listed

# A router passes on what guests send through it, from its own MAC.
ok 'behind a port is a router' vifctl bridge close br0 router=side0
ok '.. as show says' sh -c 'vifctl bridge show | grep "router=side0$"'
ok '.. then addresses pass from there' judged side0 out0 </tmp/free
ok '.. but no MACs' judged side0 out0 </tmp/lies-mac
ok '.. from there alone' judged out0 side0 </tmp/lies
ok '.. and the vif sends as before' judged vif1.0 out0 </tmp/own
ok 'it is none any more' vifctl bridge close br0 side0
ok '.. and they do not' judged side0 out0 </tmp/lies

vif2 '10.0.0.7 10.0.0.5'
ok 'two of one address' hotplug2 online
row4()
{
	echo "row $1 $ALL 00:16:3e:00:00:02 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9"
}
row4 pass >/tmp/both
ok '.. send from it' judged vif2.0 out0 </tmp/both
ok '.. and the first still does' judged vif1.0 out0 </tmp/own
ok '.. and nobody else' judged side0 out0 </tmp/lies
ok 'the first goes' hotplug offline
rows drop | grep '^ip4\|^arp' >/tmp/second
ok '.. it is the other'\''s still' judged side0 out0 </tmp/second
rows pass | grep -v '^ip4\|^arp\|^vlan0' >/tmp/freed
ok '.. and the rest is free: a guest that moved answers from there' \
	judged side0 out0 </tmp/freed
vif2 10.0.0.7
ok 'its addresses change while it runs' hotplug2 online
ok '.. then nobody'\''s are kept from elsewhere' judged side0 out0 </tmp/free
vif2 '10.0.0.7 10.0.0.5'
ok 'and again' hotplug2 online
ok '.. then they are' judged side0 out0 </tmp/second
xenstore-write "$BACK2/allow" shared
ok 'who says that others have it, too' hotplug2 online
ok '.. keeps nobody from it' judged side0 out0 </tmp/free
rows pass | grep '^ip4\|^arp' >/tmp/reaches
ok '.. which reaches it' judged side0 vif2.0 -t </tmp/reaches
ok '.. and sends' judged vif2.0 out0 </tmp/both
ok 'to it, who has it alone' hotplug online
ok '.. it is the first'\''s again' judged side0 out0 </tmp/lies
ok '.. but its, too' judged vif2.0 out0 </tmp/both
ok 'the first goes' hotplug offline
ok '.. and takes it along' judged side0 out0 </tmp/free
ok 'offline' hotplug2 offline
same 'nothing is anyone'\''s' \
	'mac=0 addr4=0 addr6=0 heldmac=0 held4=0 held6=0 ' "$(all_owned)"
ok 'online' hotplug online

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

# While somebody is at a vif.
vif2 10.0.0.7
ok 'another guest, online' hotplug2 online
mkdir -p "$RUN/lock"
flock -F "$RUN/lock/vif1.0" sleep 100 &
AT=$!
nft delete table bridge netback-closed
at_one()
{
	! flock -n "$RUN/lock/vif1.0" true
}
until_true 5 at_one
ok 'closed anew while somebody is at a vif' refused lock/vif1.0 \
	vifctl -w 1 bridge close br0
same '.. the others'\'' own is told' 'mac=1 addr4=1 addr6=0 heldmac=1 held4=1 held6=0 ' \
	"$(all_owned)"
ok 'opened' vifctl bridge open br0
ok 'closed for the first time then' refused lock/vif1.0 \
	vifctl -w 1 bridge close br0
same '.. nothing is, not by the kernel either' ' 0' \
	"$(vifctl bridge show) $(nft list tables | grep -c closed)"
kill $AT
until_true 5 fails at_one
ok 'closed' vifctl bridge close br0
same '.. with what is whose' 'mac=2 addr4=2 addr6=2 heldmac=2 held4=2 held6=2 ' \
	"$(all_owned)"
ok 'offline' hotplug2 offline

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
		grep -q from_port
}
ok 'after a flush it is closed again' until_true 5 closed_there
ok '.. who did it is named' until_true 5 grep -q \
	'bridges guard=back by=nft pid=[1-9]' /tmp/watch
known()
{
	nft get element bridge netback-closed ports '{ vif1.0 }'
}
ok '.. and the vif is known' until_true 5 known
held()
{
	[ "$(all_owned)" = 'mac=1 addr4=1 addr6=2 heldmac=1 held4=1 held6=2 ' ] ||
		{ all_owned; return 1; }
}
ok '.. and what is its own' until_true 5 held
nft delete table bridge netback-closed
ok 'its table gone alone is back, too' until_true 5 closed_there
ok '.. with what is whose' until_true 5 held
ok '.. which holds' judged side0 out0 </tmp/lies
flock -F "$RUN/lock/bridges" sleep 100 &
AT=$!
at_bridges()
{
	! flock -n "$RUN/lock/bridges" true
}
until_true 5 at_bridges
nft delete table bridge netback-closed
sleep 1
ok 'while somebody changes which are closed it waits' fails closed_there
kill $AT
ok '.. until he is done' until_true 5 closed_there
ok '.. then what is whose is back, too' until_true 5 held
nft delete element bridge netback-closed ports '{ vif1.0 }'
ok 'check misses a name' sh -c \
	'vifctl check vif1.0 | grep -q "not known on closed"'
ok 'repair' vifctl repair vif1.0
ok '.. has it back' known
nft delete element bridge netback-closed held4 '{ "vif1.0" . 10.0.0.5 }' ||
	nft delete element bridge netback-closed held4 '{ "br0" . "vif1.0" . 10.0.0.5 }'
ok 'check misses what is its own' sh -c \
	'vifctl check vif1.0 | grep -q "do not know all that is its own"'
ok 'repair' vifctl repair vif1.0
ok '.. has it back' held
kill $WATCH
wait $WATCH
ok 'its name is listed' sh -c \
	'nft list set bridge netback-closed ports | grep -q vif1.0'
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
