#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# set.sh - an attached vif changes while its guest runs: set and move
#
# Each change is felt by traffic, seen in the store and found right by check; a
# change that fails in its middle leaves all as it was.
. "$(dirname "$0")/../lib.sh"
private "$@"
# shellcheck source=../host.sh
. "$(dirname "$0")/../host.sh"
# shellcheck source=../guests.sh
. "$(dirname "$0")/../guests.sh"
need_tun set

node()
{
	xenstore-read "/local/domain/0/backend/vif/1/0/$1"
}
front()
{
	xenstore-read "/local/domain/1/device/vif/0/$1"
}
state()
{
	vifctl show vif1.0 | sed 's, refused[^ ]*,,g'
	nft list ruleset | sed 's/packets [0-9]* bytes [0-9]*//'
	ip -o link | steady
	bridge fdb show | grep -v permanent | sort
	bridge -d link show | sed 's/state [a-z]*//'
	ip route | steady
	ip neigh show nud permanent
}
unchanged()
{
	state >/tmp/after
	diff /tmp/before /tmp/after
}
ping1()
{
	if [ -n "${2:-}" ]; then
		in_guest 1 ping -c 1 -W "$2" "$1"
	else
		# a neighbour that is not found within three seconds ends it early
		for _ in 1 2 3 4 5; do
			in_guest 1 ping -c 1 -w 20 "$1" && return
		done
		return 1
	fi
}

host_up
for n in 0 1; do
	ip link add br$n address 02:00:00:00:00:b$n type bridge
	ip addr add 10.$n.0.254/16 dev br$n
	# a bridge told its mtu keeps it, whatever its ports have
	ip link set br$n mtu 1400
	ip link set br$n mtu 1500 up
done
sysctl -qw net.ipv4.conf.all.arp_ignore=1 # each bridge for itself
vifctl attach vif1.0 bridge=br0 mac=00:16:3e:00:00:01 ip=10.0.0.1
vifctl attach vif2.0 bridge=br0 mac=00:16:3e:00:00:02
guest 1 --ip 10.0.0.1/16
ok 'the guest is up' until_true 10 guest_up 1
ok 'it reaches the host' ping1 10.0.0.254
ifindex=$(cat /sys/class/net/vif1.0/ifindex)

# What a netlink monitor sees of it: nothing of a link or a carrier that goes and
# comes while ip, mac, mtu and rate change.
nudges=0
nudged()
{
	nudges=$((nudges + 1))
	ip link set lo mtu $((60000 + nudges))
	sleep 0.05
	grep -q "lo: .* mtu $((60000 + nudges)) " /tmp/links
}
stdbuf -oL ip -o monitor link >>/tmp/links 2>&1 &
ok 'the monitor listens' until_true 5 nudged
flapped()
{
	until_true 5 nudged >/dev/null
	grep 'vif1.0: ' /tmp/links | grep -v '<[^>]*,UP,LOWER_UP[,>]'
}

# --- ip ---
in_guest 1 ip addr add 10.0.0.9/16 dev eth0
ok 'another source is dropped' fails in_guest 1 ping -c 1 -W 1 -I 10.0.0.9 10.0.0.254
ok 'set ip' vifctl set vif1.0 ip=10.0.0.1,10.0.0.9
same 'the store says so' '10.0.0.1 10.0.0.9' "$(node ip)"
ok 'it passes now' in_guest 1 ping -c 1 -w 20 -I 10.0.0.9 10.0.0.254
ok 'set ip back' vifctl set vif1.0 ip=10.0.0.1
ok 'it is dropped again' fails in_guest 1 ping -c 1 -W 1 -I 10.0.0.9 10.0.0.254
ok 'the other passes' ping1 10.0.0.254
ok 'ip=default: any' vifctl set vif1.0 ip=default
ok 'it passes' in_guest 1 ping -c 1 -w 20 -I 10.0.0.9 10.0.0.254
ok 'check finds nothing' vifctl check vif1.0
in_guest 1 ip addr del 10.0.0.9/16 dev eth0

# --- mac ---
in_guest 1 ip link set eth0 address 00:16:3e:00:00:77
ok 'another MAC is dropped' fails ping1 10.0.0.254 1
ok 'set mac' vifctl set vif1.0 mac=00:16:3e:00:00:77
same 'the store says so' 00:16:3e:00:00:77 "$(node mac)"
same 'on both sides' 00:16:3e:00:00:77 "$(front mac)"
ok 'it passes now' ping1 10.0.0.254
ok 'the old one is out of the FDB' sh -c '! bridge fdb show dev vif1.0 | grep -q 00:16:3e:00:00:01'
ok 'check finds nothing' vifctl check vif1.0
state >/tmp/before
ok 'a MAC of another port is refused, late' fails vifctl set vif1.0 mac=00:16:3e:00:00:02 mtu=1400
ok 'and all is as before' until_true 5 unchanged
ok 'the guest still talks' ping1 10.0.0.254

# --- mtu ---
ok 'set mtu' vifctl set vif1.0 mtu=1300
same 'the device has it' 1300 "$(cat /sys/class/net/vif1.0/mtu)"
same 'the guest is told' 1300 "$(front mtu)"
ok 'a large frame does not pass' fails ping -c 1 -W 1 -s 1400 -M 'do' 10.0.0.1
state >/tmp/before
ok 'an mtu that no tap takes' fails vifctl set vif1.0 mtu=65535 ip=10.0.0.3
ok 'and all is as before' until_true 5 unchanged
ok 'mtu=default' vifctl set vif1.0 mtu=default
same 'the bridge has it again' 1500 "$(cat /sys/class/net/vif1.0/mtu)"
ok 'a large frame passes' ping -c 1 -w 20 -s 1400 -M 'do' 10.0.0.1

same 'its link was up all the time' '' "$(flapped)"
ok 'and its changes were seen' grep -q 'vif1.0: .*mtu 1300' /tmp/links

# --- link ---
ok 'link=down' vifctl set vif1.0 link=down
ok 'nothing passes' fails ping1 10.0.0.254 1
ok 'check finds nothing' vifctl check vif1.0
ok 'attach says up again' vifctl attach vif1.0 bridge=br0
ok 'the guest talks' ping1 10.0.0.254
vifctl set vif1.0 link=down
ip link set vif1.0 up
ok 'check finds a link that is up' sh -c 'vifctl check vif1.0 | grep -q "link is up, should be down"'
ok 'link=up' vifctl set vif1.0 link=up
ok 'the guest talks' ping1 10.0.0.254

ok 'a monitor sees a link that goes' test -n "$(flapped)"

# --- bridge ---
in_guest 1 ip addr add 10.1.0.1/16 dev eth0
ok 'the other bridge is not reached' fails ping1 10.1.0.254 1
ok 'move' vifctl move vif1.0 bridge=br1
same 'the store says so' br1 "$(node bridge)"
ok 'it is reached' ping1 10.1.0.254
ok 'the first is not any more' fails ping1 10.0.0.254 1
ok 'the FDB entry is in the new one' sh -c 'bridge fdb show br br1 | grep -q "00:16:3e:00:00:77 dev vif1.0 .*static"'
ok 'and not in the old one' sh -c '! bridge fdb show br br0 | grep -q 00:16:3e:00:00:77'
ok 'the guard stands' nft list table netdev netback-vif1.0
ok 'check finds nothing' vifctl check vif1.0
state >/tmp/before
ok 'to a bridge that is missing' fails vifctl move vif1.0 bridge=br9
ok 'and all is as before' until_true 5 unchanged
ok 'to where its MAC is taken' sh -c 'bridge fdb replace 00:16:3e:00:00:77 dev vif2.0 master static
	! vifctl move vif1.0 bridge=br0; rc=$?
	bridge fdb del 00:16:3e:00:00:77 dev vif2.0 master; exit $rc'
ok 'and all is as before' until_true 5 unchanged
ok 'the guest still talks there' ping1 10.1.0.254
ok 'to one that is made' vifctl set vif1.0 bridge=br5 create=yes
ok 'it is a port of it' test -e /sys/class/net/br5/brif/vif1.0
ok 'and back' vifctl set vif1.0 bridge=br0 create=default
ok 'the made one is gone' fails ip link show br5
ok 'the guest talks' ping1 10.0.0.254

# --- direct: the node is there only while the vif is what it says ---
direct()
{
	node direct 2>/dev/null || echo none
}
same 'no node' none "$(direct)"
ok 'direct=yes' vifctl set vif1.0 direct=yes ip=10.0.0.5/24,fd00::/64
same 'the node' 'br0 00:16:3e:00:00:77 10.0.0.5 fd00::/64' "$(direct)"
ok 'check finds nothing' vifctl check vif1.0
ok 'show says so' sh -c 'vifctl show vif1.0 | grep -q " direct=yes"'
ok 'a plan says what is written' sh -c 'vifctl plan vif1.0 |
	grep -q "^# direct: br0 00:16:3e:00:00:77 10.0.0.5 fd00::/64$"'
ok 'link=down' vifctl set vif1.0 link=down
same 'none while it is down' none "$(direct)"
ok 'check finds nothing' vifctl check vif1.0
ok 'link=up' vifctl set vif1.0 link=up ip=default
same 'any source' 'br0 00:16:3e:00:00:77 any' "$(direct)"
state >/tmp/before
ok 'what only the host can do is refused' fails vifctl set vif1.0 rate=1Mb/s
ok 'to a bridge that is missing' fails vifctl move vif1.0 bridge=br9
ok 'an mtu that no tap takes' fails vifctl set vif1.0 mtu=65535 ip=10.0.0.3
ok 'and all is as before' until_true 5 unchanged
same 'so is the node' 'br0 00:16:3e:00:00:77 any' "$(direct)"
# whoever watches the node sees it go before the port leaves, and come after
stdbuf -oL xenstore-watch -n 3 /local/domain/0/backend/vif/1/0/direct >/tmp/watched &
watcher=$!
until_true 5 test -s /tmp/watched
ok 'move' vifctl move vif1.0 bridge=br1
same 'the node' 'br1 00:16:3e:00:00:77 any' "$(direct)"
ok 'it went, and came' until_true 5 fails kill -0 $watcher
ok 'back' vifctl move vif1.0 bridge=br0
vifctl set vif2.0 direct=yes
explains()
{
	vifctl explain --in vif1.0 --out vif2.0 "$@" | sed -n 1p | grep '^direct '
}
ok 'explain says that it may go' explains tcp 10.0.0.1:9 '>' 10.0.0.2:80
ok 'not what the worker does not judge' fails explains icmp 10.0.0.1 '>' 10.0.0.2
vifctl set vif2.0 direct=no
ok 'nor to one without' fails explains tcp 10.0.0.1:9 '>' 10.0.0.2:80
ok 'direct=default' vifctl set vif1.0 direct=default
same 'no node' none "$(direct)"
same 'nor the wish' '' "$(node direct-asked 2>/dev/null)"
ok 'the guest talks' ping1 10.0.0.254
until_true 5 nudged
: >/tmp/links

# --- rate, several at once ---
until_true 5 nudged
: >/tmp/links
ok 'set rate' vifctl set vif1.0 rate=10Mb/s@20ms
same 'the store says so' 25000,20000 "$(node rate)"
# send: how long it takes to send 400 kB, in ms; 3200 at 1 Mb/s, but for what
# the sockets hold
socat -u TCP-LISTEN:5000,fork,reuseaddr OPEN:/dev/null &
send()
{
	began=$(date +%s%N)
	in_guest 1 'head -c 400000 /dev/zero | socat -u - TCP:10.0.0.254:5000' || return 1
	echo $((($(date +%s%N) - began) / 1000000)) >/tmp/took
}
ok 'slower' vifctl set vif1.0 rate=1Mb/s
ok 'the guest sends' send
slow=$(cat /tmp/took)
ok "it is held back ($slow ms)" test "$slow" -ge 500
ok 'rate=default' vifctl set vif1.0 rate=default
ok 'the node is gone' fails node rate
# One that is not starved of a processor will do.
faster()
{
	send && [ "$(cat /tmp/took)" -lt $((slow / 2)) ]
}
ok 'faster now' until_true 1 faster
ok 'several' vifctl set vif1.0 ip=10.0.0.1 mtu=1400 isolated=yes
ok 'the guest talks' ping1 10.0.0.254
ok 'check finds nothing' vifctl check
same 'its link was up all the time' '' "$(flapped)"
same 'the device is the same' "$ifindex" "$(cat /sys/class/net/vif1.0/ifindex)"
same 'the guest never left' 4 "$(front state)"
vifctl detach vif1.0
vifctl detach vif2.0

# --- routed ---
vifctl attach vif3.0 mode=route mac=00:16:3e:00:00:03 ip=10.3.0.1
guest 3 --ip 10.3.0.1/32
ok 'a routed guest is up' until_true 10 guest_up 3
in_guest 3 'ip route add 169.254.1.1 dev eth0; ip route add default via 169.254.1.1'
ok 'it talks' in_guest 3 ping -c 1 -w 20 10.0.0.254
in_guest 3 'ip addr add 10.3.0.2/32 dev eth0'
ok 'its second address is dropped' fails in_guest 3 ping -c 1 -W 1 -I 10.3.0.2 10.0.0.254
ok 'set ip' vifctl set vif3.0 ip=10.3.0.2
ok 'it is not any more' in_guest 3 ping -c 1 -w 20 -I 10.3.0.2 10.0.0.254
ok 'the first has no route' sh -c '! ip route | grep -q 10.3.0.1'
in_guest 3 ip link set eth0 address 00:16:3e:00:00:33
in_guest 3 'ip route replace 169.254.1.1 dev eth0; ip route replace default via 169.254.1.1'
ok 'another MAC is dropped' fails in_guest 3 ping -c 1 -W 1 -I 10.3.0.2 10.0.0.254
ok 'set mac' vifctl set vif3.0 mac=00:16:3e:00:00:33
ok 'it is not any more' in_guest 3 ping -c 1 -w 20 -I 10.3.0.2 10.0.0.254
ok 'link=down' vifctl set vif3.0 link=down
ok 'check finds nothing' vifctl check vif3.0
ok 'no route leads there' sh -c '! ip route | grep -q 10.3.0.2'
ok 'link=up' vifctl set vif3.0 link=up
ok 'it talks' in_guest 3 ping -c 1 -w 20 -I 10.3.0.2 10.0.0.254
ok 'check finds nothing' vifctl check vif3.0
vifctl detach vif3.0
same 'no rule is left' '' "$(nft list ruleset)"
done_testing
