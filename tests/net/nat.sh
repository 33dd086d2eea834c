#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# nat.sh - vif-nat as toolstacks call it: by itself, and with a network
#
# As hotroute.sh. Guests are the other ends of taps here (rawframe needs a
# bridge), so what packets do with a network is in network.sh; here a program on
# the tap's own descriptor says and hears what a guest would.
. "$(dirname "$0")/../lib.sh"
private "$@"
[ -w /dev/net/tun ] || { echo '1..0 # SKIP /dev/net/tun is not ours'; exit; }
. "$ROOT/tests/toolstack.sh"
SCRIPT=vif-nat

mkdir $S
for name in vif-nat vif-bridge; do
	ln -s "$B/vifhotplug" $S/$name
done
netbackd --store --run "$RUN" >/tmp/store.log 2>&1 &
ok 'the store answers' until_true 5 xenstore-ls

### a world that knows no guest

outside_up
ip link add eth0 type veth peer name eth0 netns $OUT
for n in '' outside; do
	$n sysctl -qw net.ipv6.conf.eth0.accept_dad=0
done
ip addr add 192.0.2.1/24 dev eth0
ip addr add 2001:db8::1/64 dev eth0
ip link set eth0 up
outside ip link set lo up
outside ip addr add 192.0.2.9/24 dev eth0
outside ip addr add 2001:db8::9/64 dev eth0
outside ip link set eth0 up

# guest DOMID: a namespace whose eth0 is bridged to the tap by a program
cat >/tmp/guest.py <<'END'
# The tap of the vif and a tap in a namespace: frames go from one to the other.
import ctypes, fcntl, os, select, struct, sys
def tap(name):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", name.encode(), 0x1002))
    return fd
a = tap(sys.argv[1])
if ctypes.CDLL(None).unshare(0x40000000):
    sys.exit("unshare")
b = tap("eth0")
open(sys.argv[2], "w").write(str(os.getpid()))
while True:
    for fd in select.select([a, b], [], [])[0]:
        try:
            os.write(b if fd == a else a, os.read(fd, 65536))
        except OSError:
            pass  # a card that is down takes none
END
guest()
{
	rm -f /tmp/pid.$1
	python3 /tmp/guest.py "vif$1.0" /tmp/pid.$1 &
	until_true 10 test -s /tmp/pid.$1
	eval "G$1=$(cat /tmp/pid.$1)"
	in_guest $1 ip link set eth0 address "$(printf 00:16:3e:00:00:%02x "$1")"
	in_guest $1 sysctl -qw net.ipv6.conf.eth0.accept_dad=0
	in_guest $1 ip link set eth0 up
	in_guest $1 ip link set lo up
}
in_guest()
{
	eval "in_pid=\$G$1"
	shift
	# shellcheck disable=SC2154 # set by eval
	nsenter -t "$in_pid" -n -- "$@"
}
cat >/tmp/who.py <<'END'
import socket, sys
s = socket.create_server((sys.argv[1], 7), family=socket.AF_INET6
                         if ":" in sys.argv[1] else socket.AF_INET)
while True:
    c, a = s.accept()
    c.sendall(a[0].encode())
    c.close()
END
cat >/tmp/ask.py <<'END'
import socket, sys
print(socket.create_connection((sys.argv[1], 7), timeout=10).recv(99).decode())
END
for a in 192.0.2.9 2001:db8::9; do
	outside python3 /tmp/who.py $a &
done

### by itself: Xen's addresses, and packets that leave as the host's

guest 1
guest 2
directory 1
directory 2 ip '10.7.0.9 fd00::9'
ok 'online' vif 1 online
same 'connected' connected "$(node 1/0/hotplug-status)"
same "the guest has Xen's address for it" 10.0.1.1 \
	"$(ip route show dev vif1.0 | awk '{print $1}')"
same "and Xen's gateway" 10.0.1.128/32 \
	"$(ip -4 -o addr show vif1.0 | awk '{print $4}')"
ok 'online with addresses' vif 2 online
in_guest 1 ip addr add 10.0.1.1/16 dev eth0
in_guest 1 ip route add default via 10.0.1.128
in_guest 2 ip addr add 10.7.0.9/32 dev eth0
in_guest 2 ip route add default via 10.7.0.136 dev eth0 onlink
in_guest 2 ip addr add fd00::9/128 dev eth0 nodad
in_guest 2 ip -6 route add default via fe80::1 dev eth0
reach()
{
	until_true 5 in_guest "$1" ping -q -c 1 -W 1 "$2"
}
ok 'the gateway answers' reach 1 10.0.1.128
until_true 5 outside sh -c '[ $(ss -Hltn sport = :7 | wc -l) = 2 ]'
same 'defect 11: the world sees the host' 192.0.2.1 \
	"$(in_guest 1 python3 /tmp/ask.py 192.0.2.9)"
same 'with other addresses, too' 192.0.2.1 \
	"$(in_guest 2 python3 /tmp/ask.py 192.0.2.9)"
same 'and IPv6' 2001:db8::1 "$(in_guest 2 python3 /tmp/ask.py 2001:db8::9)"
in_guest 2 python3 /tmp/who.py 10.7.0.9 &
until_true 5 in_guest 2 sh -c '[ $(ss -Hltn sport = :7 | wc -l) = 1 ]'
same 'a guest sees another guest' 10.0.1.1 \
	"$(in_guest 1 python3 /tmp/ask.py 10.7.0.9)"
in_guest 1 ip addr add 10.0.1.77/32 dev eth0
ok 'the guard drops other sources' fails in_guest 1 \
	ping -q -c 1 -W 1 -I 10.0.1.77 192.0.2.9
nft list ruleset | grep -v packets | sort >/tmp/once
ok 'online again' vif 1 online
nft list ruleset | grep -v packets | sort >/tmp/twice
ok 'twice equals once' cmp /tmp/once /tmp/twice
heard()
{
	vif 1 online 2>&1 | grep "$1"
}
iptables -P FORWARD DROP
ok 'a warning where the host drops what is forwarded' heard 'chain FORWARD'
iptables -P FORWARD ACCEPT
ok 'offline' vif 1 offline
same 'no address, no route' '' "$(ip -o addr show vif1.0; ip route show dev vif1.0)"
same 'its packets are nobody'\''s now' 0 "$(cat /sys/class/net/vif1.0/netdev_group)"
ok 'the other goes on' reach 2 192.0.2.9
directory 3 ip '10.0.0.1'
xenstore-write $BACK/3/0/frontend-id 3
ok 'a device that is not there' fails vif 3 online
directory 1 ip 10.0.200.200
ok 'a last number past 127' vif 1 online
same 'has a gateway that is an address' 10.0.200.73/32 \
	"$(ip -4 -o addr show vif1.0 | awk '{print $4}')"
vif 1 offline

### no fork, one socket, one batch

directory 1
lean 'defect 13: '

### in a network, by the word that libxl has for it

if command -v dnsmasq >/dev/null; then
	ok 'a network' vifctl network add lan subnet=10.88.0.0/24 subnet6=none
	directory 1 bridge lan
	ok 'online with bridge=lan' vif 1 online
	same 'a port of it' nb-lan \
		"$(ip -o link show vif1.0 | sed -n 's/.* master \([^ ]*\) .*/\1/p')"
	A=$(cut -d, -f2 "$RUN/net/lan/hosts/vif1.0")
	in_guest 1 ip addr flush dev eth0
	in_guest 1 ip addr add "$A/24" dev eth0
	in_guest 1 ip route replace default via 10.88.0.1
	ok 'the world is reached' reach 1 192.0.2.9
	same 'as the host' 192.0.2.1 \
		"$(in_guest 1 python3 /tmp/ask.py 192.0.2.9)"
	ok 'again' vif 1 online
	xenstore-rm $BACK/1
	ok 'offline without nodes' vif 1 offline
	same 'its lease is gone' '' "$(ls "$RUN/net/lan/hosts")"
	directory 1 bridge xenbr0 ip 10.88.0.9
	ok 'network= in the words' vif 1 network=lan online
	same 'with the address it has' 10.88.0.9 \
		"$(cut -d, -f2 "$RUN/net/lan/hosts/vif1.0")"
	vif 1 offline
	directory 1 network nix
	ok 'a network that is not there' fails vif 1 online
	ok 'it says so' sh -c "xenstore-read $BACK/1/0/hotplug-error |
		grep 'network add nix'"
	directory 1 network lan ip 10.1.1.1
	ok 'an address of elsewhere' fails vif 1 online
	same 'leaves no lease' '' "$(ls "$RUN/net/lan/hosts")"
	vifctl network delete lan
else
	skip 'networks' 'no dnsmasq here'
fi

### killed at any moment

end()
{
	ip -d link | steady
	ip -4 route | steady
	ip addr | grep inet | steady
	nft list ruleset | grep -v packets
	xenstore-ls -f | grep -v hotplug-error
}
directory 1
vif 1 online
ok 'killed in online, then run again' killed online offline 90 ${STEP:-37}
ok 'killed in offline, then run again' killed offline online 90 ${STEP:-31}
kill $OUT
done_testing
