#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# switches.sh - a bridge's switches for a port, and bridges made on demand
#
# Two guests and the host on one bridge. Each switch is looked for in the kernel
# and felt by a guest; what attach made goes when its last port goes.
. "$(dirname "$0")/../lib.sh"
private "$@"
# shellcheck source=../host.sh
. "$(dirname "$0")/../host.sh"
# shellcheck source=../guests.sh
. "$(dirname "$0")/../guests.sh"
need_tun switches

# port DEV WORD: bridge(8) says it of the port.
port()
{
	bridge -d link show dev "$1" | grep -q " $2"
}

host_up
ip link add br0 type bridge
ip link set br0 type bridge mcast_snooping 0
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up
for n in 1 2; do
	vifctl attach vif$n.0 bridge=br0 mac=00:16:3e:00:00:0$n ip=10.0.0.$n
	guest $n --ip 10.0.0.$n/24
done
ok 'guest 1 is up' until_true 10 guest_up 1
ok 'guest 2 is up' until_true 10 guest_up 2
ok 'guest to guest' in_guest 1 ping -c 1 -w 20 10.0.0.2

set1()
{
	vifctl attach vif1.0 bridge=br0 mac=00:16:3e:00:00:01 ip=10.0.0.1 "$@"
}
set2()
{
	vifctl attach vif2.0 bridge=br0 mac=00:16:3e:00:00:02 ip=10.0.0.2 "$@"
}

ok 'isolated, one' set1 isolated=yes
ok 'it reaches one that is not' in_guest 1 ping -c 1 -w 20 10.0.0.2
ok 'isolated, both' set2 isolated=yes
ok 'guest to guest: no more' fails in_guest 1 ping -c 1 -W 1 10.0.0.2
ok 'guest to host: still' in_guest 1 ping -c 1 -w 20 10.0.0.254
ok 'not isolated' set1
ok 'guest to guest again' in_guest 1 ping -c 1 -w 20 10.0.0.2

# --- directly: what the two say to each other no rule of the host sees -------------
# sent PORT: a datagram from 1 to 2
sent()
{
	in_guest 1 "echo x | socat -u - UDP-SENDTO:10.0.0.2:$1"
}
# seen PORT: how many of them the host saw
seen()
{
	nft list counter bridge watch "p$1" | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}
direct_out()
{
	vifctl show stats vif1.0 | sed -n 's/.* direct_out=\([0-9]*\).*/\1/p'
}
goes_direct()
{
	gd_out=$(direct_out) gd_seen=$(seen 9)
	sent 9
	[ "$(direct_out)" -gt "$gd_out" ] && [ "$(seen 9)" = "$gd_seen" ]
}
goes_long()
{
	gl_out=$(direct_out) gl_seen=$(seen 9)
	sent 9
	[ "$(direct_out)" = "$gl_out" ] && [ "$(seen 9)" -gt "$gl_seen" ]
}
nft -f - <<END
table bridge watch {
	counter p9 { }
	chain f {
		type filter hook forward priority -200
		udp dport 9 counter name p9
	}
}
END
ok 'without direct=yes the host sees it' goes_long
ok 'direct=yes, one' set1 direct=yes
ok 'still' goes_long
ok 'both' set2 direct=yes
ok 'now it does not' until_true 10 goes_direct
ok 'nor after a move and back' sh -c 'ip link add br9 type bridge &&
	vifctl move vif2.0 bridge=br9 && vifctl move vif2.0 bridge=br0'
ok 'it does not' until_true 10 goes_direct
ok 'another bridge' vifctl move vif2.0 bridge=br9
direct_was=$(direct_out)
sent 9
same 'is not reached' "$direct_was" "$(direct_out)"
ip link set br9 up
vifctl move vif2.0 bridge=br0
ip link del br9
ok 'link=down' vifctl set vif2.0 link=down
sent 9
same 'is not reached' "$direct_was" "$(direct_out)"
ok 'without it again' set2
ok 'nor does the other have it' set1
ok 'the host sees it' until_true 10 goes_long
nft delete table bridge watch

ok 'bcast_flood=no' set2 bcast_flood=no
ok 'the port says so' port vif2.0 'bcast_flood off'
in_guest 2 ip neigh flush dev eth0 # or it asks 1 whether it is still there
in_guest 1 ip neigh flush dev eth0
ok 'no ARP request reaches it' fails in_guest 1 ping -c 1 -W 1 10.0.0.2
ok 'bcast_flood=yes' set2
in_guest 1 ip neigh flush dev eth0
ok 'one does' in_guest 1 ping -c 1 -w 20 10.0.0.2

# A multicast ping is answered by whoever hears it.
mcast()
{
	in_guest 1 ping -c 2 -W 2 -i 0.3 -I eth0 224.0.0.1 | grep -q 'from 10.0.0.2'
}
in_guest 2 sysctl -qw net.ipv4.icmp_echo_ignore_broadcasts=0
ok 'multicast reaches guest 2' until_true 1 mcast
ok 'mcast_flood=no' set2 mcast_flood=no
ok 'the port says so' port vif2.0 'mcast_flood off'
ok 'multicast does not reach it' fails mcast

# A MAC that the bridge does not know is flooded.
heard()
{
	rm -f /tmp/heard
	vifctl capture -c 1 vif2.0 ether dst 00:16:3e:77:77:77 \
		>/tmp/heard 2>/tmp/heard.err &
	heard_pid=$!
	until_true 5 grep -q capturing /tmp/heard.err
	in_guest 1 "ip neigh replace 10.0.0.77 lladdr 00:16:3e:77:77:77 dev eth0
		ping -c 15 -i 0.2 -W 1 10.0.0.77" >/dev/null
	until_true 1 some_heard
	heard_rc=$?
	kill $heard_pid 2>/dev/null
	wait $heard_pid
	return $heard_rc
}
some_heard()
{
	test "$(wc -c </tmp/heard)" -gt 24
}
ok 'unknown unicast reaches guest 2' heard
ok 'flood=no' set2 flood=no
ok 'the port says so' port vif2.0 'flood off'
ok 'unknown unicast does not' fails heard

ok 'hairpin=yes' set1 hairpin=yes
ok 'the port says so' port vif1.0 'hairpin on'
ok 'check finds nothing' vifctl check
bridge link set dev vif1.0 hairpin off
bridge link set dev vif2.0 flood on
ok 'check finds hairpin' sh -c 'vifctl check | grep -q "vif1.0: hairpin is off, should be on"'
ok 'check finds flood' sh -c 'vifctl check | grep -q "vif2.0: flood is on, should be off"'
ok 'attach repairs' set1 hairpin=yes
ok 'the port says so' port vif1.0 'hairpin on'

# What a guest hears of itself; and two MACs of one guest, which meet at the bridge.
in_guest 1 "nft add table netdev own
	nft add chain netdev own in '{ type filter hook ingress device eth0 priority 0; }'
	nft add counter netdev own heard
	nft add rule netdev own in ether saddr 00:16:3e:00:00:01 counter name heard"
speaks()
{
	in_guest 1 'nft reset counter netdev own heard
		ip neigh replace 10.0.0.99 lladdr ff:ff:ff:ff:ff:ff dev eth0
		ping -c 2 -i 0.2 -W 1 10.0.0.99' >/dev/null
}
heard_itself()
{
	in_guest 1 nft list counter netdev own heard | grep 'packets [1-9]'
}
speaks
ok 'a frame comes back to its guest' until_true 1 heard_itself
ok 'check finds nothing' vifctl check vif1.0
ok 'without it' vifctl set vif1.0 hairpin=no
speaks
ok 'none does' fails heard_itself
ok 'set says it again' vifctl set vif1.0 hairpin=yes
speaks
ok 'one does' until_true 1 heard_itself
in_guest 1 'unshare -n sleep 1000 >/dev/null 2>&1 &
	echo $! >/tmp/inner
	until [ "$(readlink /proc/$!/ns/net)" != "$(readlink /proc/self/ns/net)" ]; do
		sleep 0.02
	done
	ip link add link eth0 name inner address 00:16:3e:00:00:11 netns $! \
		type macvlan mode vepa
	nsenter -t $! -n ip addr add 10.0.0.11/24 dev inner
	nsenter -t $! -n ip link set inner up'
meets()
{
	in_guest 1 "nsenter -t \$(cat /tmp/inner) -n ping -c 1 $* 10.0.0.1"
}
ok 'a second MAC of the guest' set1 hairpin=yes pair=00:16:3e:00:00:11/10.0.0.11
ok 'it reaches the first' meets -w 20
ok 'without hairpin' set1 pair=00:16:3e:00:00:11/10.0.0.11
ok 'it does not' fails meets -W 1
in_guest 1 'kill "$(cat /tmp/inner)"'
ok 'one MAC again' set1

# --- VLANs: this kernel's bridges may not know them ---
# Both guests in one, in two, and one beside an uplink that has tags.
vlan_traffic()
{
	vifctl move vif1.0 bridge=brv
	vifctl move vif2.0 bridge=brv
	ok 'the guests, in a VLAN' vifctl set vif1.0 vlan=10
	ok 'each' vifctl set vif2.0 vlan=10
	ok 'in one VLAN: guest to guest' in_guest 1 ping -c 1 -w 20 10.0.0.2
	ok 'a guest into another' vifctl set vif2.0 vlan=20
	ok 'in two VLANs: not' fails in_guest 1 ping -c 1 -W 1 10.0.0.2
	ip addr del 10.0.0.254/24 dev br0
	ip link add up0 type veth peer name up1
	ip link add link up1 name up1.20 type vlan id 20
	ip addr add 10.0.0.200/24 dev up1.20
	ip link set up0 master brv
	bridge vlan add dev up0 vid 20
	for d in up0 up1 up1.20; do
		ip link set $d up
	done
	ok 'with the tag, beyond an uplink' in_guest 2 ping -c 1 -w 20 10.0.0.200
	ok 'the other guest: not' fails in_guest 1 ping -c 1 -W 1 10.0.0.200
	ok 'check finds nothing' vifctl check
}
# The same word as a node of a toolstack's, for the hotplug program; in two VLANs after
# another, beside that uplink.
asks()
{
	timeout 60 python3 /tmp/asks.py "$1"
}
hot()
{
	XENBUS_PATH=backend/vif/8/0 vif=vif8.0 script=/tmp/s/vif-bridge \
		/tmp/s/vif-bridge "$1" type_if=vif
}
vlans()
{
	bridge vlan show dev vif8.0 | sed '1d; s/^vif8.0 //' | xargs
}
vlan_hotplug()
{
	NODE=/local/domain/0/backend/vif/8/0
	mkdir /tmp/s
	ln -s "$B/vifhotplug" /tmp/s/vif-bridge
	cat >/tmp/asks.py <<-'END'
	# The guest of vif8.0 asks for 10.0.0.200 until it is answered.
	import fcntl, os, select, struct, sys
	fd = os.open("/dev/net/tun", os.O_RDWR)
	fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", b"vif8.0", 0x1002))
	me = bytes.fromhex("00163e000008")
	ask = struct.pack("!HHBBH6sI6sI", 1, 0x800, 6, 4, 1, me, 0x0a000008, bytes(6),
	                  0x0a0000c8)
	for i in range(int(sys.argv[1])):
	    os.write(fd, b"\xff" * 6 + me + b"\x08\x06" + ask)
	    while select.select([fd], [], [], 0.2)[0]:
	        f = os.read(fd, 2000)
	        if f[:6] == me and f[12:14] == b"\x08\x06":
	            raise SystemExit(0)
	raise SystemExit(1)
	END
	ip tuntap add vif8.0 mode tap
	xenstore-write $NODE/frontend-id 8 $NODE/handle 0 $NODE/bridge brv \
		$NODE/mac 00:16:3e:00:00:08 $NODE/ip 10.0.0.8 \
		$NODE/type vif $NODE/hotplug-status '' $NODE/vlan 20p/10u \
		/local/domain/8/device/vif/0/mtu 1500
	ok 'hotplug: in a VLAN' hot online
	same 'of those alone' '10 Egress Untagged 20 PVID Egress Untagged' "$(vlans)"
	ok 'its guest is answered in its own' asks 100
	xenstore-write $NODE/vlan 10
	ok 'hotplug: in the other' hot online
	same 'of that alone' '10 PVID Egress Untagged' "$(vlans)"
	ok 'nobody answers there' fails asks 10
	ok 'hotplug: offline' hot offline
	same 'in none' '' "$(vlans)"
	xenstore-write $NODE/vlan 10p/20p
	ok 'two of its own are refused' fails hot online
	ok 'with the reason' sh -c "xenstore-read $NODE/hotplug-error | grep vlan="
	ip link del vif8.0
	xenstore-rm /local/domain/0/backend/vif/8
}
if ip link add brv type bridge vlan_filtering 1 2>/tmp/vlan; then
	ip link set brv up
	ok 'a VLAN' vifctl attach vif3.0 bridge=brv vlan=10 mac=00:16:3e:00:00:03
	ok 'the port is in it' sh -c 'bridge vlan show dev vif3.0 | grep -q "10 PVID"'
	ok 'check finds nothing' vifctl check vif3.0
	bridge vlan add dev vif3.0 vid 11
	ok 'check finds another VLAN' fails vifctl check vif3.0
	ok 'detach' vifctl detach vif3.0
	vlan_traffic
	vlan_hotplug
else
	ok 'a VLAN is refused, with the reason' sh -c '
		vifctl attach vif3.0 bridge=br0 vlan=10 2>&1 |
			grep -q "kernel.s bridges know no VLANs"'
	ok 'and nothing is left of it' fails ip link show vif3.0
fi
ok 'a VLAN of a bridge that keeps none apart is refused' \
	fails vifctl attach vif3.0 bridge=br0 vlan=10

# --- bridges made on demand ---
ok 'a bridge that is missing' vifctl attach vif3.0 bridge=br7 create=yes
ok 'it was made' test -d /sys/class/net/br7/bridge
ok 'a second port' vifctl attach vif4.0 bridge=br7 create=yes
ok 'check finds nothing' vifctl check vif3.0
ok 'the first goes' vifctl detach vif3.0
ok 'the bridge stays' test -d /sys/class/net/br7/bridge
ok 'the second goes' vifctl detach vif4.0
ok 'and the bridge with it' fails ip link show br7
ok 'one that was there' vifctl attach vif3.0 bridge=br0 create=yes
ok 'detach' vifctl detach vif3.0
ok 'stays' test -d /sys/class/net/br0/bridge
for n in 1 2; do
	vifctl detach vif$n.0
done
done_testing
