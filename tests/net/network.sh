#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# network.sh - networks of guests by name, judged by guests and from outside
#
# Guests are vifguest's; each gets its addresses by DHCP and router advertisement,
# as any installer would. The world is a namespace behind a veth that has no
# route to any of them.
# shellcheck disable=SC2154,SC2011,SC2086 # a sourced lease; names and lists of ours
. "$(dirname "$0")/../lib.sh"
private "$@"
. "$(dirname "$0")/../host.sh"
need_tun 'networks of guests'
command -v dnsmasq >/dev/null || { skip 'networks' 'no dnsmasq here'; done_testing; }

# --- the world ---------------------------------------------------------------------

outside_up
ip link add up0 type veth peer name eth0 netns $OUT
sysctl -qw net.ipv6.conf.up0.accept_dad=0
outside sysctl -qw net.ipv6.conf.eth0.accept_dad=0
ip addr add 192.0.2.1/24 dev up0
ip addr add 2001:db8::1/64 dev up0
ip link set up0 up
outside ip link set lo up
outside ip addr add 192.0.2.9/24 dev eth0
outside ip addr add 2001:db8::9/64 dev eth0
outside ip link set eth0 up
ip route add default via 192.0.2.9
ip -6 route add default via 2001:db8::9
host_up

# Says who asked: the judge of every translation.
cat >/tmp/who.py <<'END'
import socket, sys
s = socket.create_server((sys.argv[1], int(sys.argv[2])),
                         family=socket.AF_INET6 if ":" in sys.argv[1]
                         else socket.AF_INET)
while True:
    c, a = s.accept()
    c.sendall(a[0].encode())
    c.close()
END
cat >/tmp/ask.py <<'END'
import socket, sys
s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=30)
print(s.recv(100).decode())
END
for a in 192.0.2.9 2001:db8::9; do
	outside python3 /tmp/who.py $a 7 &
done

# --- guests ------------------------------------------------------------------------

cat >/tmp/dhcp.sh <<'END'
#!/bin/sh
[ "$1" = bound ] || [ "$1" = renew ] || exit 0
ip addr replace "$ip/$mask" dev eth0
for r in $router; do ip route replace default via "$r"; break; done
{ echo "ip=$ip"; echo "dns=$dns"; echo "siaddr=$siaddr"; echo "boot=$boot_file"; } >/tmp/lease.$DOM
END
chmod +x /tmp/dhcp.sh

in_guest()
{
	in_pid=$(cat "/tmp/g$1.pid") || return 1
	shift
	nsenter -t "$in_pid" -n -- "$@"
}

# guest DOMID: runs, and asks for addresses
guest()
{
	rm -f "/tmp/g$1.pid"
	vifguest --run "$RUN" --vif "$1.0" -- sh -c "
		ip link set lo up
		sysctl -qw net.ipv6.conf.eth0.accept_dad=0 \
			net.ipv6.conf.eth0.accept_ra=2
		echo \$\$ >/tmp/g$1.pid; exec sleep 1000" >"/tmp/g$1.log" 2>&1 &
	eval "G$1=$!"
	until_true 20 test -s "/tmp/g$1.pid" >/dev/null
}

dhcp()
{
	DOM=$1 in_guest "$1" busybox udhcpc -q -n -f -t 20 -T 1 -i eth0 \
		-s /tmp/dhcp.sh
}

# addr DOMID 4|6: the address that the guest has
addr()
{
	in_guest "$1" ip "-$2" -o addr show dev eth0 scope global |
		sed -n 's,.* inet6* \([^/ ]*\)/.*,\1,p' | head -n 1
}

has6()
{
	[ -n "$(addr "$1" 6)" ]
}

gone()
{
	eval "kill \$G$1 && wait \$G$1" 2>/dev/null
	vifctl detach "vif$1.0"
}

asked()
{
	in_guest "$1" python3 /tmp/ask.py "$2" "$3"
}

# reaches DOMID ADDRESS [SECONDS]: who must, has time
reaches()
{
	in_guest "$1" ping -q -c 1 -w "${3:-20}" "$2"
}

# --- nat: it just works ------------------------------------------------------------------

mkdir -p /tmp/tftp /tmp/www
head -c 300000 /dev/urandom >/tmp/tftp/vmlinuz
head -c 2000000 /dev/urandom >/tmp/www/base.tgz
ok 'a network by its name alone' vifctl network add lan tftp=/tmp/tftp \
	boot=vmlinuz
ok 'list knows it' sh -c 'vifctl network list | grep "^lan kind=nat"'
ok 'and so does JSON' sh -c 'vifctl --json network list |
	python3 -c "import json, sys; n = json.load(sys.stdin)[0]
assert n[\"kind\"] == \"nat\" and n[\"dnsmasq\"] > 1"'
same 'one dnsmasq' 1 "$(pgrep -c -r R,S,D dnsmasq)"
ok 'adding it again changes nothing' vifctl network add lan
ok 'attach' vifctl attach vif1.0 mode=nat network=lan
ok 'attach again' vifctl attach vif1.0 mode=nat network=lan
ok 'check finds nothing' vifctl check
ok 'and a second' vifctl attach vif2.0 mode=nat network=lan
guest 1
guest 2
ok 'DHCP answers the first' dhcp 1
ok 'DHCP answers the second' dhcp 2
A1=$(addr 1 4) A2=$(addr 2 4)
same 'the lease is the address that its guard allows' \
	"$(vifctl show vif1.0 | sed 's/.* ip="*\([^ ,"]*\).*/\1/')" "$A1"
ok 'it is shown' sh -c "vifctl network show lan | grep '^vif1-0 .*ip=$A1'"
ok 'IPv6 comes by router advertisement' until_true 15 has6 1
ok 'to both' until_true 15 has6 2
same 'the world sees the host, IPv4' 192.0.2.1 "$(asked 1 192.0.2.9 7)"
same 'and IPv6' 2001:db8::1 "$(asked 1 2001:db8::9 7)"
ok 'the host is reached' reaches 1 "$(ip -4 -o addr show nb-lan |
	sed 's,.*inet \([^/]*\)/.*,\1,')"
ok 'a name is known' sh -c "
	nsenter -t $(cat /tmp/g1.pid) -n busybox nslookup vif2-0.lan \
		$(sed -n 's/^dns=//p' /tmp/lease.1) | grep $A2"
outside ip route add "${A1%.*}.0/24" via 192.0.2.1
ok 'nobody gets in from outside' fails outside ping -q -c 1 -W 1 "$A1"
ok 'but the guest gets out' reaches 1 192.0.2.9
outside ip route del "${A1%.*}.0/24"
ok "another's address is dropped" sh -c "
	nsenter -t $(cat /tmp/g1.pid) -n ip addr add ${A1%.*}.250/24 dev eth0
	! nsenter -t $(cat /tmp/g1.pid) -n ping -q -c 1 -W 1 -I ${A1%.*}.250 $A2"
in_guest 1 ip addr del "${A1%.*}.250/24" dev eth0

in_guest 2 python3 /tmp/who.py "$A2" 80 &
in_guest 2 python3 /tmp/who.py "$(addr 2 6)" 80 &
until_true 5 in_guest 2 sh -c '[ $(ss -Hltn sport = :80 | wc -l) = 2 ]'
same 'between guests nothing is translated' "$A1" "$(asked 1 "$A2" 80)"
if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then
	for f in iptables ip6tables; do
		echo 1 >/proc/sys/net/bridge/bridge-nf-call-$f
	done
	same 'nor where br_netfilter shows their frames' "$A1" \
		"$(asked 1 "$A2" 80)"
	ok 'and they pass' reaches 2 "$A1"
	for f in iptables ip6tables; do
		echo 0 >/proc/sys/net/bridge/bridge-nf-call-$f
	done
fi

# --- an installer ------------------------------------------------------------------------

# not http.server itself: it would ask a DNS server for its name
python3 -c '
import functools, http.server, socketserver
h = functools.partial(http.server.SimpleHTTPRequestHandler, directory="/tmp/www")
socketserver.TCPServer(("192.0.2.1", 8000), h).serve_forever()' >/dev/null 2>&1 &
fetch()
{
	. /tmp/lease.1
	rm -f /tmp/got
	in_guest 1 busybox tftp -g -r "$boot" -l /tmp/got "$siaddr" &&
		cmp /tmp/got /tmp/tftp/vmlinuz || return 1
	in_guest 1 busybox wget -q -O /tmp/got http://192.0.2.1:8000/base.tgz &&
		cmp /tmp/got /tmp/www/base.tgz
}
until_true 5 sh -c '[ $(ss -Hltn sport = :8000 | wc -l) = 1 ]'
ok 'a kernel by TFTP, an install tree by HTTP' fetch

# --- forwards ----------------------------------------------------------------------------

gone 1
gone 2
ok 'delete' vifctl network delete lan
# The shell that is process 1 here buries dnsmasq when it finds time: no zombies.
ok 'nothing of it is left' sh -c '! ip link show nb-lan &&
	! pgrep -r R,S,D dnsmasq &&
	test ! -e $NETBACK_RUN/net'
A=10.88.0 P=fd88::
ok 'with forwards, and subnets of choice' vifctl network add lan \
	subnet=$A.0/24 subnet6=$P/64 \
	"forward=tcp:8080:$A.2:80,udp:53:$A.2:53,tcp:8080:[${P}2]:80"
ok 'static addresses' vifctl attach vif2.0 mode=nat network=lan ip=$A.2,${P}2
ok 'and chosen ones' vifctl attach vif1.0 mode=nat network=lan
guest 1
guest 2
dhcp 1 >/tmp/d1 2>&1
dhcp 2 >/tmp/d2 2>&1
same 'the one it asked for' $A.2 "$(addr 2 4)"
in_guest 2 ip addr add ${P}2/64 dev eth0 nodad
until_true 15 has6 1
in_guest 2 python3 /tmp/who.py $A.2 80 &
in_guest 2 python3 /tmp/who.py ${P}2 80 &
until_true 5 in_guest 2 sh -c '[ $(ss -Hltn sport = :80 | wc -l) = 2 ]'
same 'from outside, IPv4' 192.0.2.9 "$(outside python3 /tmp/ask.py 192.0.2.1 8080)"
same 'and IPv6' 2001:db8::9 "$(outside python3 /tmp/ask.py 2001:db8::1 8080)"
same 'from the guest beside it, by the host' $A.1 "$(asked 1 192.0.2.1 8080)"
same 'and IPv6' ${P}1 "$(asked 1 2001:db8::1 8080)"
same 'from itself' $A.1 "$(asked 2 192.0.2.1 8080)"
ok 'from the host' python3 /tmp/ask.py 192.0.2.1 8080
ok 'another port is the host'\''s own' fails outside python3 /tmp/ask.py 192.0.2.1 8081

# --- what others remove comes back ---------------------------------------------------------

vifctl watch guard >/tmp/watch 2>&1 &
WATCH=$!
until_true 5 watching $WATCH
same 'all is well: the watcher says nothing' '' "$(cat /tmp/watch)"
# A connection that says a word before, and one after.
cat >/tmp/echo.py <<'END'
import os, socket, sys, time
if sys.argv[1] == "echo":
    c, a = socket.create_server(("192.0.2.9", 9)).accept()
    for _ in range(2):
        c.sendall(c.recv(1))
    c.recv(1)
    sys.exit()
s = socket.create_connection(("192.0.2.9", 9), timeout=60)
for word in b"12":
    s.sendall(bytes([word]))
    open("/tmp/said", "ab").write(s.recv(1))
    while word == b"1"[0] and not os.path.exists("/tmp/go"):
        time.sleep(0.02)
END
outside python3 /tmp/echo.py echo &
until_true 10 listening 9 outside
in_guest 1 python3 /tmp/echo.py talk &
until_true 10 test -s /tmp/said
# touched WHAT..: nft does that, and the watcher says that the network has its own
# back, and who it was.
touched()
{
	: >/tmp/watch
	nft "$@" && until_true 5 grep -q '^lan nat=back by=nft pid=[1-9]' /tmp/watch
}
ok "a ruleset that is flushed: the network's table comes back" \
	touched flush ruleset
took=$(sed -n 's/^lan nat=back .*after_us=//p' /tmp/watch | head -n 1)
ok "within a second of hearing of it ($took us)" test "$took" -lt 1000000
same 'the world sees the host, as before' 192.0.2.1 "$(asked 1 192.0.2.9 7)"
same 'and IPv6' 2001:db8::1 "$(asked 1 2001:db8::9 7)"
same 'the forward leads on' 192.0.2.9 "$(outside python3 /tmp/ask.py 192.0.2.1 8080)"
same 'and IPv6' 2001:db8::9 "$(outside python3 /tmp/ask.py 2001:db8::1 8080)"
touch /tmp/go
ok 'a connection of before goes on' until_true 10 grep -q 12 /tmp/said
N=netback-nat
ok 'a table that is deleted' touched delete table inet $N
ok 'a chain that is flushed' touched flush chain inet $N postrouting
ok 'a rule that is added' touched insert rule inet $N forward accept
ok 'a forward that is taken away' touched delete element inet $N forward4 '{ tcp . 8080 }'
ok 'check finds nothing' vifctl check
: >/tmp/watch
nft add table inet other
vifctl network add two subnet=10.89.0.0/24 subnet6=none dhcp=no forward=tcp:8082:10.89.0.2:80
vifctl network delete two
ok 'what is meant is left alone' until_true 5 watching $WATCH
same 'and not said' '' "$(cat /tmp/watch)"
nft delete table inet other
kill $WATCH

# What began while the table was gone goes on untranslated, where others' rules keep
# conntrack at work, until the table is back. No other flow ends.
cat >/tmp/udp.py <<'END'
import socket, sys
s = socket.socket(socket.AF_INET6 if ":" in sys.argv[2] else socket.AF_INET,
                  socket.SOCK_DGRAM)
if sys.argv[1] == "hear":
    s.bind((sys.argv[2], 9))
    while True:
        print(s.recvfrom(9)[1][0], file=open("/tmp/heard", "a"))
s.bind(("", int(sys.argv[1])))
s.sendto(b"x", (sys.argv[2], 9))
END
for a in 192.0.2.9 2001:db8::9; do
	outside python3 /tmp/udp.py hear $a &
done
until_true 10 outside sh -c '[ $(ss -Hlun sport = :9 | wc -l) = 2 ]'
outside ip route add $A.0/24 via 192.0.2.1
nft -f - <<-END
	table inet other {
		chain c {
			type filter hook forward priority 0
			ct state new,established counter
		}
	}
END
heard()
{
	: >/tmp/heard
	in_guest 1 python3 /tmp/udp.py "$@" && until_true 10 test -s /tmp/heard
	cat /tmp/heard
}
heard_as()
{
	heard_as=$1
	shift
	[ "$(heard "$@")" = "$heard_as" ]
}
flows()
{
	grep -c "$1" /proc/net/nf_conntrack
}
G=$(addr 1 4)
G6=$(addr 1 6)
# back PORT COMMAND..: makes the table be there again; PORT is for what begins meanwhile
back()
{
	back_port=$1
	shift
	same 'a flow of before: as the host' 192.0.2.1 "$(heard 5550 192.0.2.9)"
	nft delete table inet $N
	same 'without the table: as itself' "$G" "$(heard $back_port 192.0.2.9)"
	same 'and IPv6' "$G6" "$(heard $back_port 2001:db8::9)"
	in_guest 1 python3 /tmp/udp.py $back_port 192.0.2.1
	outside python3 /tmp/udp.py $back_port "$G"
	same 'from the world, too' 1 "$(flows "src=192.0.2.9 dst=$G .*sport=$back_port ")"
	ok "$*: it is back" "$@"
	ok 'it goes on as the host' until_true 5 heard_as 192.0.2.1 $back_port 192.0.2.9
	ok 'and IPv6' until_true 5 heard_as 2001:db8::1 $back_port 2001:db8::9
	ok 'from the world it ends' until_true 5 \
		fails grep -q "src=192.0.2.9 dst=$G .*sport=$back_port " /proc/net/nf_conntrack
	same 'what was translated stays' 1 "$(flows "src=$G .*sport=5550 ")"
	same 'and what the host itself answers' 1 \
		"$(flows "src=$G dst=192.0.2.1 .*sport=$back_port ")"
}
watched()
{
	vifctl watch guard >/tmp/watch 2>&1 &
	WATCH=$!
	until_true 5 grep -q '^lan nat=back' /tmp/watch
}
if [ -r /proc/net/nf_conntrack ]; then
	back 5551 vifctl repair
	back 5552 watched
	kill $WATCH
else
	skip 'flows that began without the table' 'no conntrack to be seen here'
fi
outside ip route del $A.0/24
nft delete table inet other

ok 'an address that is taken' refused "ip: $A.2 is taken by vif2.0" \
	vifctl attach vif3.0 mode=nat network=lan ip=$A.2
ok "the host's own" refused "$A.1 is the host's own" \
	vifctl attach vif3.0 mode=nat network=lan ip=$A.1
ok 'one of another network' refused 'not an address of network lan' \
	vifctl attach vif3.0 mode=nat network=lan ip=10.1.1.1
same 'no lease is left of them' 'vif1.0 vif2.0' \
	"$(ls "$RUN/net/lan/hosts" | xargs)"
# Addresses are for those who were attached: nobody else on the bridge has any.
unshare -n sleep 1000 &
STRANGER=$!
until_true 5 sh -c "[ \$(readlink /proc/$STRANGER/ns/net) != \
	$(readlink /proc/self/ns/net) ]"
ip link add str0 type veth peer name eth0 netns $STRANGER
ip link set str0 master nb-lan up
nsenter -t $STRANGER -n ip link set eth0 up
until_true 5 sh -c 'ip link show str0 | grep -q LOWER_UP'
ok 'a stranger on the bridge is given none' fails nsenter -t $STRANGER -n \
	busybox udhcpc -q -n -f -t 4 -T 1 -i eth0 -s /bin/true
kill $STRANGER
ok 'a port that is taken' refused 'port 8080 of this host' \
	vifctl network add two subnet=10.89.0.0/24 forward=tcp:8080:10.89.0.2:80
ok 'nothing of it is left' fails ip link show nb-two
ok 'a network that is used' refused 'guests are in it' vifctl network delete lan
ok 'other words' refused 'delete it first' vifctl network add lan kind=open
ok 'a network that is not there' refused 'make it: vifctl network add nix' \
	vifctl attach vif3.0 mode=nat network=nix

# --- dnsmasq -------------------------------------------------------------------------------

pid=$(pgrep dnsmasq)
kill -KILL "$pid"
until_true 5 fails pgrep -r R,S,D dnsmasq
many()
{
	pids=
	for n in $(seq 11 30); do
		vifctl "$1" vif$n.0 $2 $3 &
		pids="$pids $!"
	done
	for p in $pids; do
		wait "$p" || return 1
	done
}
ok '20 at once, and dnsmasq is dead' many attach mode=nat network=lan
same 'there is one again' 1 "$(pgrep -c -r R,S,D dnsmasq)"
same 'all have an address of their own' 22 \
	"$(cut -d, -f2 "$RUN/net/lan/hosts/"* | sort -u | wc -l)"
ok 'all are attached as they should' vifctl check
ok 'they go at once' many detach
same 'and their leases' 'vif1.0 vif2.0' "$(ls "$RUN/net/lan/hosts" | xargs)"
ok 'the guest beside them noticed nothing' reaches 1 $A.2
ok 'dnsmasq is missing' refused 'apt-get install dnsmasq-base' \
	env NETBACK_DNSMASQ=/none vifctl network add three
ok 'it says what to do without' env NETBACK_DNSMASQ=/none \
	vifctl network add three dhcp=no subnet=10.90.0.0/24
ok 'dnsmasq that fails' refused 'dnsmasq does not start' \
	env NETBACK_DNSMASQ=/bin/false vifctl network add four
ok 'nothing of it is left' fails ip link show nb-four
vifctl network delete three
gone 1
gone 2
vifctl network delete lan

# --- bad words -----------------------------------------------------------------------------

ok "a subnet that is the uplink's" refused 'in use, up0 leads there' \
	vifctl network add x subnet=192.0.2.0/25
ok 'an IPv6 one' refused 'in use, up0 leads there' \
	vifctl network add x subnet6=2001:db8::/64
ok 'a subnet too small' refused 'length 8 to 29' vifctl network add x subnet=10.0.0.0/31
ok 'no subnet at all' refused 'both none' \
	vifctl network add x subnet=none subnet6=none
ok 'a kind that is none' refused 'no such kind' vifctl network add x kind=vpn
ok 'a word that is none' refused 'the words of a network are' \
	vifctl network add x colour=red
ok 'a word twice' refused 'twice' vifctl network add x dhcp=no dhcp=no
ok 'a name too long' refused '1 to 12' vifctl network add thirteenchars
ok 'a name with a path' refused '1 to 12' vifctl network add ../x
ok 'a forward to elsewhere' refused 'not an address of this network' \
	vifctl network add x subnet=10.0.0.0/24 forward=tcp:80:10.1.0.2:80
ok 'a forward that is none' refused 'write tcp or udp' \
	vifctl network add x forward=80:80
ok 'a directory with a newline' refused 'tftp=' \
	vifctl network add x "tftp=/a
dhcp-script=/tmp/pwned"
ip link add nb-x type dummy 2>/dev/null || ip link add nb-x type veth peer name nbx
ok "a bridge's name that is taken" refused 'the name is taken' vifctl network add x
ip link del nb-x
ok 'network= in another mode' refused 'belongs to mode=nat' \
	vifctl attach vif3.0 network=lan
ok 'nat without either' refused 'mode=nat needs network=' \
	vifctl attach vif3.0 mode=nat
same 'no network is left' '' "$(vifctl network list)"

# --- who meets whom ----------------------------------------------------------------------------

# meets WORD ADDRESS [PING..]: the word belongs to the line. Those that must have time.
meets()
{
	meets=$1 to=$2
	shift 2
	case $want in *" $meets "*) w=20 ;; *) w=3 ;; esac
	"$@" -q -c 1 -w $w "$to" >/dev/null && line="$line $meets"
}
# What the host answers to who is isolated: nothing else than it takes to have an
# address of IPv6.
cat >/tmp/asks6.py <<'END'
import socket, struct, sys
dev = socket.if_nametoindex("eth0")
def asks(s, m, to, port, answer):
    s.settimeout(1)
    for _ in range(5):
        s.sendto(m, (to, port, 0, dev))
        try:
            while s.recv(2000)[0] != answer:
                pass
            return True
        except TimeoutError:
            pass
s = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
if asks(s, bytes([133]) + bytes(7), "ff02::2", 0, 134):
    print("router")
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.bind(("::", 546))
who = struct.pack("!HHHH6s", 1, 10, 3, 1, bytes([2, 0, 0, 0, 0, 1]))
if asks(s, bytes([11]) + b"abc" + who, "ff02::1:2", 547, 7):
    print("dhcp")
END
asks6()
{
	ip -6 neigh flush dev nb-m
	in_guest 1 python3 /tmp/asks6.py
	in_guest 1 ip -6 neigh flush dev eth0
	in_guest 1 ping -q -c 1 -W 1 ${P}1 >/dev/null
	in_guest 1 ip -6 neigh show ${P}1 dev eth0 | grep -q lladdr &&
		echo neighbour
}
# met SELF GUEST HOST HOST2 WORLD: who reaches whom, in one line
met()
{
	line=
	meets guest "$2" in_guest 1 ping -I "$1"
	meets host "$3" in_guest 1 ping -I "$1"
	meets host2 "$4" in_guest 1 ping -I "$1"
	meets world "$5" in_guest 1 ping -I "$1"
	meets back "$1" outside ping
	meets down "$1" ping
	echo "$line"
}
# matrix KIND WANT..: two guests in it; a line for IPv4 and one for IPv6
matrix()
{
	kind=$1
	shift
	want=" $* "
	vifctl network add m kind=$kind subnet=$A.0/24 subnet6=$P/64
	vifctl attach vif1.0 mode=nat network=m ip=$A.2,${P}2
	vifctl attach vif2.0 mode=nat network=m ip=$A.3,${P}3
	for m in 1 2; do
		guest $m
		dhcp $m
		in_guest $m ip addr add $P$((m + 1))/64 dev eth0 nodad
	done
	in_guest 1 ip route replace default via $A.1
	in_guest 1 ip -6 route replace default via ${P}1 dev eth0 metric 1
	outside ip route replace $A.0/24 via 192.0.2.1
	outside ip route replace $P/64 via 2001:db8::1
	met ${P}2 ${P}3 ${P}1 2001:db8::1 2001:db8::9 >/tmp/met6 &
	m6=$!
	echo "4 $(addr 1 4):$(met $A.2 $A.3 $A.1 192.0.2.1 192.0.2.9)" >&3
	wait $m6
	echo "6 ${P}2:$(cat /tmp/met6)" >&3
	[ $kind != isolated ] || asks6 | xargs >/tmp/asked6
	outside ip route del $A.0/24
	outside ip route del $P/64
	gone 1
	gone 2
	vifctl network delete m
}
for row in 'nat guest host host2 world down' 'hostonly guest host host2 down' \
	'isolated guest' 'open guest host host2 world back down'; do
	# shellcheck disable=SC2086 # words
	{ matrix $row >/tmp/m.log 2>&1; } 3>/tmp/m.met
	grep -qxF "4 $A.2: ${row#* }" /tmp/m.met &&
		grep -qxF "6 ${P}2: ${row#* }" /tmp/m.met || sed 's/^/# /' /tmp/m.log
	same "${row%% *}" "4 $A.2: ${row#* }" "$(grep '^4' /tmp/m.met)"
	same "${row%% *}, IPv6" "6 ${P}2: ${row#* }" "$(grep '^6' /tmp/m.met)"
done
same 'an isolated guest has by IPv6 what it takes to have an address' \
	'router dhcp neighbour' "$(cat /tmp/asked6)"

# Two networks: neither gets into the other but by the host's forwards.
vifctl network add a subnet=10.91.0.0/24
vifctl network add b subnet=10.92.0.0/24
vifctl attach vif1.0 mode=nat network=a ip=10.91.0.2
vifctl attach vif2.0 mode=nat network=b ip=10.92.0.2
guest 1
guest 2
dhcp 1 >/tmp/d1 2>&1
dhcp 2 >/tmp/d2 2>&1
ok 'one network does not reach another' fails reaches 1 10.92.0.2 3
ok 'both reach the world' reaches 1 192.0.2.9
ok 'both' reaches 2 192.0.2.9
ok "the store may forget: detach takes the lease" sh -c "
	xenstore-rm /local/domain/0/backend/vif/1; vifctl detach vif1.0
	test ! -e $RUN/net/a/hosts/vif1.0"
kill $OUT
done_testing
