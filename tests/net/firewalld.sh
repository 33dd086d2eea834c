#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# firewalld.sh - beside firewalld: started, reloaded, stopped, with both its backends
#
# A firewalld of its own: bus, configuration and run directory are this test's, and
# no module is loaded for it. A bridged guest sends, all the time, frames that its
# guard refuses, frames that its rules= refuse, and others; a routed one pings.
# Counted is what the world outside sees of the refused, which is to be nothing:
# firewalld leaves the tables of others alone. iptables' own it flushes at every
# reload, accept='s rules with them; `vifctl watch guard` brings those back.
. "$(dirname "$0")/../lib.sh"
private "$@"
. "$(dirname "$0")/../host.sh"
. "$(dirname "$0")/../bus.sh"
need_tun 'beside firewalld'
for p in firewalld firewall-cmd dbus-daemon; do
	command -v $p >/tmp/which || {
		skip 'beside firewalld' "there is no $p here"
		done_testing
	}
done
bus_up

# --- a world, a bridge to it, a bridged guest and a routed one -------------------

outside_up
ip link add br0 type bridge mcast_snooping 0
ip link set br0 up
for dev in up0 eth0; do
	ip link add $dev type veth peer name $dev netns "$OUT"
	outside ip link set $dev up
done
ip link set up0 master br0 up
outside ip addr add 10.1.0.9/24 dev up0
ip addr add 192.0.2.1/24 dev eth0
ip link set eth0 up
outside ip addr add 192.0.2.9/24 dev eth0
outside ip route add 10.2.0.0/24 via 192.0.2.1
sysctl -qw net.ipv4.ip_forward=1
for f in /proc/sys/net/bridge/bridge-nf-call-*; do
	[ ! -e "$f" ] || echo 0 >"$f"
done
outside nft -f - <<'END'
table ip seen {
	counter forged { }
	counter ruled { }
	counter fine { }
	chain c {
		type filter hook prerouting priority 0;
		iifname "up0" ip saddr 10.0.0.66 counter name forged
		iifname "up0" ip saddr 10.1.0.1 udp dport 7 counter name ruled
		iifname "up0" ip saddr 10.1.0.1 udp dport 8 counter name fine
	}
}
END
seen()
{
	outside nft list counter ip seen "$1" | sed -n 's/.*packets \([0-9]*\) .*/\1/p'
}
host_up
cat >/tmp/drop7.rules <<'END'
group
*filter
-4 -A from-guest -p udp --dport 7 -j DROP
COMMIT
END
in_guest()
{
	in_pid=$(cat "/tmp/g$1.pid") || return 1
	shift
	nsenter -t "$in_pid" -n -- "$@"
}
guest()
{
	vifguest --run "$RUN" --vif "$1.0" -- sh -c "
		ip link set lo up
		ip addr add $2 dev eth0
		echo \$\$ >/tmp/g$1.pid; exec sleep 1000" >"/tmp/g$1.log" 2>&1 &
	until_true 20 test -s "/tmp/g$1.pid"
}
ME=00:16:3e:00:00:01
ok 'a bridged vif, with rules' vifctl attach vif1.0 bridge=br0 mac=$ME \
	ip=10.1.0.1 rules=/tmp/drop7.rules
ok 'a routed one, with accept=' vifctl attach vif2.0 mode=route ip=10.2.0.2 \
	gatewaydev=eth0 accept=auto
ok 'their guests' guest 1 10.1.0.1/24
guest 2 10.2.0.2/32
in_guest 2 ip route add default via 192.0.2.1 dev eth0 onlink

# A round of the three frames about each millisecond.
cat >/tmp/send.py <<'END'
import socket, struct, time
def frame(src, port):
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 28, 0, 0, 64, 17, 0,
                     socket.inet_aton(src), socket.inet_aton('10.1.0.9'))
    n = sum(struct.unpack('!10H', ip))
    n = (n & 0xffff) + (n >> 16)
    ip = ip[:10] + struct.pack('!H', ~n & 0xffff) + ip[12:]
    return (b'\xff' * 6 + bytes.fromhex('00163e000001') + b'\x08\x00' + ip +
            struct.pack('!HHHH', 9, port, 8, 0))
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(('eth0', 0))
all = [frame('10.0.0.66', 9), frame('10.1.0.1', 7), frame('10.1.0.1', 8)]
while True:
    for f in all:
        s.send(f)
    time.sleep(.001)
END
fine()
{
	[ "$(seen fine)" -gt $(($1 + 20)) ]
}
in_guest 1 python3 /tmp/send.py >/tmp/send.log 2>&1 &
ok 'frames flow' until_true 10 fine 0
ping_out()
{
	in_guest 2 ping -q -c 1 -W 1 192.0.2.9
}
ok 'the routed guest is through' until_true 10 ping_out
vifctl watch guard >>/tmp/watch 2>&1 &
WATCH=$!
until_true 5 watching $WATCH

# --- a firewalld of this test's ----------------------------------------------------

running()
{
	firewall-cmd --state
}

# after WHAT: nothing is missing, nothing has leaked, all get through
leaks()
{
	echo "forged $(seen forged), past rules= $(seen ruled), of $(seen fine)"
	[ "$(seen forged)$(seen ruled)" = 00 ]
}
content()
{
	vifctl check
}
after()
{
	ok "$1: check is content" until_true 10 content
	ok "$1: nothing of guard or rules= was gone" fails \
		grep -E 'vif1.0|guard=' /tmp/watch
	ok "$1: the bridged guest is through" until_true 10 fine "$(seen fine)"
	ok "$1: the routed guest is through" until_true 10 ping_out
	ok "$1: none got through that should not, of $(seen fine)" leaks
}
accepts()
{
	{ nft list ruleset; iptables-nft -S; } 2>/dev/null |
		grep -c 'netback accepts vif2.0'
}
accepted()
{
	[ "$(accepts)" != 0 ]
}
# came_back: put back, and by whom it was made necessary
came_back()
{
	grep -E 'vif2.0 accept=back by=(firewalld|(ip6?|eb)tables|nft|python)' /tmp/watch
}
admins()
{
	iptables-nft -S FORWARD | grep -- '--dport 8'
}
# quiet: what check itself tried out in the kernel is not what is named next
quiet()
{
	until_true 5 watching $WATCH
	: >/tmp/watch
}
# told WORD: D-Bus waits 25 s for an answer; who needs longer is told again.
told()
{
	for _ in 1 2 3; do
		! firewall-cmd "$1" || return 0
		until_true 30 running
	done
	return 1
}
beside()
{
	quiet
	bus_firewalld "$1"
	ok "$1: firewalld starts" until_true 30 running
	ok "$1: accept= is where it drops" until_true 10 accepted
	ok "$1: who made it necessary is named" until_true 5 came_back
	after "$1: started"
	iptables-nft -A FORWARD -s 10.2.0.2 -p udp --dport 8 -j DROP
	for how in reload complete-reload; do
		quiet
		ok "$1: $how" told --$how
		ok "$1: $how: accept= is back" until_true 10 accepted
		ok "$1: $how: who made it necessary is named" \
			until_true 5 came_back
		after "$1: $how"
		ok "$1: $how: a rule of the administrator's that it flushed stays away" \
			fails admins
	done
	# A zone that rejects, which accept= does not reach: said, and true.
	ok "$1: a zone that rejects" told --set-default-zone=public
	ok "$1: the routed guest is cut off" until_true 10 fails ping_out
	vifctl set vif2.0 accept=never 2>/tmp/never
	ok "$1: and it is said" sh -c 'vifctl set vif2.0 accept=auto 2>&1 |
		grep "warning: .*leaves it alone"'
	: >/tmp/watch
	bus_firewalld_stop
	after "$1: stopped"
	ok "$1: stopped: no rule of accept= is left" until_true 10 fails accepted
}
beside nftables
beside iptables
kill $WATCH
wait $WATCH
bus_down
done_testing
