#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# networks.sh - networks that come back with the host, and change under guests
#
# Networks of files are made, guests get their addresses; then the host ends: links,
# tables, processes and the run directory go, files and /var stay. What is made from
# them again is as it was. Then each thing about a network that may change does,
# while a guest holds a connection.
# shellcheck disable=SC2086 # words of ours
. "$(dirname "$0")/../lib.sh"
private "$@"
# shellcheck source=../host.sh
. "$(dirname "$0")/../host.sh"
need_tun 'networks that come back'
command -v dnsmasq >/dev/null || { skip 'networks' 'no dnsmasq here'; done_testing; }
export NETBACK_STATE=/tmp/var
N=/tmp/networks.d V=/tmp/vifs.d
mkdir $N $V

outside_up
world()
{
	ip link add up0 type veth peer name eth0 netns $OUT
	ip addr add 192.0.2.1/24 dev up0
	ip link set up0 up
	outside ip addr add 192.0.2.9/24 dev eth0
	outside ip link set eth0 up
	ip route add default via 192.0.2.9
}
world
host_up
in_guest()
{
	in_pid=$(cat "/tmp/g$1.pid") || return 1
	shift
	nsenter -t "$in_pid" -n -- "$@"
}
guest()
{
	rm -f "/tmp/g$1.pid"
	vifguest --run "$RUN" --vif "$1.0" -- sh -c "ip link set lo up
		echo \$\$ >/tmp/g$1.pid; exec sleep 1000" >"/tmp/g$1.log" 2>&1 &
	until_true 20 test -s "/tmp/g$1.pid" >/dev/null
}
cat >/tmp/dhcp.sh <<'END'
#!/bin/sh
[ "$1" = bound ] || exit 0
ip addr replace "$ip/$mask" dev eth0
ip route replace default via "${router%% *}"
echo "$dns" >/tmp/dns
END
chmod +x /tmp/dhcp.sh
dhcp()
{
	in_guest "$1" busybox udhcpc -q -n -f -t 20 -T 1 -i eth0 -s /tmp/dhcp.sh
}
cat >/tmp/say.py <<'END'
import socket, sys
s = socket.create_server(("0.0.0.0", 80))
while True:
    c, a = s.accept()
    c.sendall(b"here")
    c.close()
END
# heard PORT: what the world hears at that port of the host
heard()
{
	outside python3 -c "import socket
print(socket.create_connection(('192.0.2.1', $1), timeout=15).recv(9).decode())" \
		2>/dev/null
}
deaf()
{
	! heard "$1"
}
# of a network
pid()
{
	cat "$RUN/net/$1/pid"
}
subnet()
{
	vifctl network show "$1" | sed -n 's/.* subnet=\([^ ]*\) .*/\1/p' | head -n 1
}
all()
{
	vifctl network list | sed 's/ dnsmasq=[0-9]*//'
	for n in 1 2 3; do vifctl show vif$n.0 | tr ' ' '\n' | grep -E '^(ip|mac)='; done
}

# --- made from files ----------------------------------------------------------------------

# the first subnet that it would take is in use now, and is not later
vifctl network add other subnet6=none dhcp=no
FIRST=$(subnet other)
vifctl network delete other
ip link add taken type bridge
ip addr add "$FIRST" dev taken
ip link set taken up
echo '# chosen by itself
	kind=hostonly subnet6=none' >$N/other.network
echo 'subnet=10.88.0.0/29 subnet6=none # five guests
forward=tcp:8080:10.88.0.2:80' >$N/lan.network
echo 'kind=isolated colour=red' >$N/bad.network
echo 'kind=open subnet=10.89.0.0/24 subnet6=none dhcp=no' >$N/wide.network
echo 'what is that' >$N/README
ok 'one bad file is an error' fails vifctl network apply $N
vifctl network apply $N >/tmp/said 2>&1
ok 'that is named' grep 'bad.network apply=failed.*colour' /tmp/said
same 'the others are made' 'lan.network other.network wide.network' \
	"$(sed -n 's/ apply=made.*//p' /tmp/said | tr '\n' ' ' | sed 's/ $//')"
rm $N/bad.network
ok 'once more' vifctl network apply $N
same 'one dnsmasq for each that asks for it' 2 "$(pgrep -c -r R,S,D dnsmasq)"
ok 'its subnet is a free one' test "$(subnet other)" != "$FIRST"
# the one who comes first has the address that its MAC leads to; later ones another
for n in 3 2 1; do
	echo "mode=nat network=lan mac=00:16:3e:00:00:0$n" >$V/vif$n.0.vif
	vifctl attach vif$n.0 mode=nat network=lan mac=00:16:3e:00:00:0$n
done
A1=$(cut -d, -f2 "$RUN/net/lan/hosts/vif1.0")
ok 'a guest' guest 1
ok 'has its address by DHCP' dhcp 1
ok 'a port of the host is forwarded to it' vifctl network set lan \
	forward="tcp:8080:$A1:80"
in_guest 1 python3 /tmp/say.py &
same 'from outside' here "$(until_true 5 heard 8080 >/dev/null; heard 8080)"
echo "subnet=10.88.0.0/29 subnet6=none forward=tcp:8080:$A1:80" >$N/lan.network
ok 'the file says so, too' vifctl network apply $N
leases()
{
	vifctl network show lan | grep -c 'ip='
}
same 'its lease is shown' 1 "$(leases)"
all >/tmp/before

# --- the host ends, and begins again ----------------------------------------------------------

for net in lan other; do kill "$(pid $net)"; done
kill $DAEMON $STORE "$(cat /tmp/g1.pid)"
wait $DAEMON $STORE 2>/dev/null
until_true 5 fails pgrep -r R,S,D vifguest
until_true 5 fails pgrep -r R,S,D dnsmasq
for dev in nb-lan nb-other nb-wide vif1.0 vif2.0 vif3.0 taken up0; do
	ip link del $dev 2>/dev/null
done
nft flush ruleset
rm -rf "${RUN:?}"/*
sysctl -qw net.ipv4.ip_forward=0
same 'nothing is left' 'lo' "$(ip -o link | sed 's/^[0-9]*: //; s/:.*//')"
world
host_up
ok 'the networks are made from their files' vifctl network apply $N
ok 'and the vifs, in another order' vifctl apply $V
all >/tmp/after
ok 'names, subnets, words and addresses are as before' diff /tmp/before /tmp/after
same 'the lease is kept' 1 "$(leases)"
same 'one dnsmasq for each that asks for it' 2 "$(pgrep -c -r R,S,D dnsmasq)"
ok 'a guest' guest 1
ok 'asks again' dhcp 1
same 'and has the address it had' "$A1/29" \
	"$(in_guest 1 ip -4 -o addr show eth0 | awk '{print $4}')"
in_guest 1 python3 /tmp/say.py &
same 'the forward is back' here "$(until_true 5 heard 8080 >/dev/null; heard 8080)"
ok 'the world is reached' in_guest 1 ping -q -c 1 -w 20 192.0.2.9
ok 'check finds nothing' vifctl check
ok 'a new guest by an old name' sh -c 'vifctl detach vif3.0 &&
	vifctl attach vif3.0 mode=nat network=lan mac=00:16:3e:00:00:93'
same 'has nothing of the old one' 00:16:3e:00:00:93 \
	"$(cut -d, -f1 "$RUN/net/lan/hosts/vif3.0")"

# --- changes under a guest -----------------------------------------------------------------------

was=$(pid lan) index=$(cat /sys/class/net/nb-lan/ifindex)
ok 'a forward more' vifctl network set lan forward+=tcp:8081:$A1:80
same 'is there' here "$(heard 8081)"
same 'beside the other' here "$(heard 8080)"
ok 'a forward less' vifctl network set lan forward-=tcp:8080:$A1:80
ok 'is gone' deaf 8080
same 'and the other is not' here "$(heard 8081)"
ok 'a port twice' sh -c "vifctl network set lan forward+=tcp:8081:10.88.0.3:80 2>&1 |
	grep 'forwarded twice'"
ok 'one that is not there' sh -c "vifctl network set lan forward-=tcp:1:$A1:80 2>&1 |
	grep 'no such forward'"
vifctl network add second subnet=10.90.0.0/24 subnet6=none dhcp=no \
	forward=tcp:9090:10.90.0.2:80
ok "another network's port" sh -c "vifctl network set lan \
	forward=tcp:9090:$A1:80 2>&1 | grep 'is another network'"
same 'changes nothing here' here "$(heard 8081)"
ok 'nor does it to make one with that port' fails vifctl network add third \
	subnet=10.91.0.0/24 subnet6=none dhcp=no forward=tcp:8081:10.91.0.2:80
same 'the port is still its own' here "$(heard 8081)"
ok "and the other's forward is there" sh -c "nft list map inet netback-nat forward4 |
	grep '9090 : 10.90.0.2'"
same 'dnsmasq did not restart for that' "$was" "$(pid lan)"
ok 'another name server' vifctl network set lan dns=192.0.2.53
ok 'is asked' grep -q '^server=192.0.2.53$' "$RUN/net/lan/dnsmasq.conf"
runs()
{
	kill -0 "$(pid lan)"
}
ok 'dnsmasq runs with it' until_true 5 runs
ok 'the default' vifctl network set lan dns=default forward=default
ok 'is asked' fails grep -q '^server=' "$RUN/net/lan/dnsmasq.conf"
ok 'no forward is left' deaf 8081
ok 'without DHCP' vifctl network set lan dhcp=no
ok 'there is no dnsmasq' fails test -e "/proc/$(pid lan)/exe"
ok 'and with it' vifctl network set lan dhcp=yes
ok 'the guest asks, and gets' dhcp 1
for w in kind=open subnet=10.99.0.0/24 subnet6=fd00:9::/64; do
	ok "$w is refused" sh -c "vifctl network set lan $w 2>&1 |
		grep 'cannot change while there are guests'"
done
ok 'a word that is none' sh -c "vifctl network set lan colour=red; [ \$? = 2 ]"
ok 'a network that is none' sh -c "vifctl network set none dns=default 2>&1 |
	grep 'there is none'"
same 'the bridge is what it was' "$index" "$(cat /sys/class/net/nb-lan/ifindex)"
ok 'the guest was not cut off' in_guest 1 ping -q -c 1 -w 20 10.88.0.1

# --- a guest's address, while it runs ----------------------------------------------------------

A2=$(cut -d, -f2 "$RUN/net/lan/hosts/vif2.0")
ok 'an address that is taken' sh -c "vifctl set vif1.0 ip=$A2 2>&1 |
	grep 'is taken by vif2.0'"
ok "the host's own" sh -c "vifctl set vif1.0 ip=10.88.0.1 2>&1 | grep 'own'"
same 'nothing changed' "$A1" "$(cut -d, -f2 "$RUN/net/lan/hosts/vif1.0")"
vifctl detach vif2.0
ok 'a free one' vifctl set vif1.0 ip=$A2
same 'is its lease' "$A2" "$(cut -d, -f2 "$RUN/net/lan/hosts/vif1.0")"
in_guest 1 ip addr flush dev eth0
ok 'the guest asks' dhcp 1
same 'and gets it' "$A2/29" "$(in_guest 1 ip -4 -o addr show eth0 |
	awk '{print $4}')"
ok 'its guard knows it' in_guest 1 ping -q -c 1 -w 20 10.88.0.1

# --- the end ----------------------------------------------------------------------------------------

kill "$(cat /tmp/g1.pid)"
for n in 1 3; do vifctl detach vif$n.0; done
for n in lan other wide second; do ok "delete $n" vifctl network delete $n; done
same 'nothing is kept of them' '' "$(find /tmp/var/net -mindepth 1)"
ok 'no dnsmasq' until_true 5 fails pgrep -r R,S,D dnsmasq
kill $OUT
done_testing
