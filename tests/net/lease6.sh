#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# lease6.sh - ip=dhcp and IPv6: addresses of DHCPv6 as long as they are leased
#
# As lease.sh: the guest's client is dhclient, the server dnsmasq; then messages that
# neither of them would send. What stands in the guard's set is asked of the kernel.
# shellcheck disable=SC2016 # the inner shell expands them
. "$(dirname "$0")/../lib.sh"
private "$@"
# shellcheck source=../host.sh
. "$(dirname "$0")/../host.sh"
# shellcheck source=../leased.sh
. "$(dirname "$0")/../leased.sh"
"$B/vifctl" watch guard >"$RUN/watch" 2>&1 &
WATCH=$!
ok "a watcher" until_true 10 watching $WATCH

LL6=fe80::216:3eff:fe00:1
has6()
{
	nft -j list set netdev $TABLE addr6 | python3 -c '
import json, sys
for o in json.load(sys.stdin)["nftables"]:
    for e in o.get("set", {}).get("elem", []):
        if isinstance(e, dict):
            print(e["elem"]["val"], e["elem"].get("expires", 0))'
}
# left6 ADDRESS FROM TO
left6()
{
	has6 | awk -v x="$1" -v a="$2" -v b="$3" '{ print }
		$1 == x && $2 >= a && $2 <= b { ok = 1 } END { exit !ok }'
}
none6()
{
	[ "$(has6)" = '' ]
}
reaches6()
{
	guest busybox ping -6 -c 1 -W 1 fd00::1 >/dev/null
}
settled()
{
	guest ip -6 addr show dev eth0 | grep -q "$LL6" &&
		! guest ip -6 addr show dev eth0 | grep -q tentative
}
server6()
{
	serves "$1,$1,64,120s"
	until_true 20 sh -c "ss -lun | grep -q ':547 '"
}
cat >/tmp/lease6.sh <<'END'
#!/bin/sh
case $reason in
BOUND6 | RENEW6 | REBIND6)
	ip addr add "$new_ip6_address/64" dev eth0 nodad
	echo "$new_ip6_address" >>/tmp/bound6 ;;
RELEASE6 | STOP6 | EXPIRE6) ip addr flush dev eth0 scope global ;;
esac
exit 0
END
chmod +x /tmp/lease6.sh
client6()
{
	: >/tmp/bound6
	: >/tmp/client6.leases
	nsenter -t "$GUEST" -n -- dhclient -6 -d -cf "$1" \
		-lf /tmp/client6.leases -pf /tmp/client6.pid \
		-sf /tmp/lease6.sh eth0 >/tmp/client6.log 2>&1 &
	CLIENT=$!
}
release6()
{
	guest dhclient -6 -r -cf /dev/null -lf /tmp/client6.leases \
		-pf /tmp/client6.pid -sf /tmp/lease6.sh eth0 >>/tmp/client6.log 2>&1
	kill $CLIENT 2>/dev/null
	wait $CLIENT 2>/dev/null
}
ip addr add fd00::1/64 dev br0 nodad
ok "IPv6: the guest has its link-local address" until_true 20 settled
if command -v dhclient >/dev/null; then
	server6 fd00::10
	guest ip addr add fd00::10/64 dev eth0 nodad
	ok ".. and without a lease no other" fails reaches6
	guest ip addr flush dev eth0 scope global
	client6 /dev/null
	ok ".. an address by DHCPv6" until_true 60 grep -q fd00::10 /tmp/bound6
	ok ".. which the guard has for the lease's time" \
		until_true 20 left6 fd00::10 20 121
	ok ".. and is heard" until_true 20 reaches6
	ok ".. that is said" until_true 10 \
		said 'vif1.0 lease=given address=fd00::10 seconds=120'
	nft delete table netdev $TABLE
	ok ".. a guard that was deleted is back with it" \
		until_true 30 left6 fd00::10 5 121
	release6
	ok ".. RELEASE ends it" until_true 30 none6
	ok ".. that is said, too" until_true 10 \
		said 'vif1.0 lease=released address=fd00::10'
	echo 'send dhcp6.rapid-commit;' >/tmp/rapid.conf
	client6 /tmp/rapid.conf
	ok ".. a server that answers at once" \
		until_true 60 left6 fd00::10 20 121
	sed 1,/DHCPRELEASE/d /tmp/server.log >/tmp/second
	ok ".. did so" grep -q DHCPREPLY /tmp/second
	ok ".. without being asked again" fails grep -q DHCPREQUEST /tmp/second
	release6
	ok ".. and that ends, too" until_true 30 none6
	server_gone
else
	skip "DHCPv6 with a client" "no dhclient here"
fi

# say6 guest|host ADDRESS KIND [ADDRESS=SECONDS]..: a message of such a kind
cat >/tmp/say6.py <<'END'
import socket, struct, sys
who, to, kind = sys.argv[1], sys.argv[2], int(sys.argv[3])
mine, port, dev = (546, 547, b"eth0") if who == "guest" else (547, 546, b"br0")
s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, 25, dev + b"\0")
s.bind(("::", mine))
m = b""
for a in sys.argv[4:]:
    a, t = a.split("=")
    m += struct.pack("!HH16sII", 5, 24, socket.inet_pton(socket.AF_INET6, a),
                     0, int(t))
m = struct.pack("!HHIII", 3, 12 + len(m), 1, 0, 0) + m
if kind in (12, 13): # a relay's: all that in its message
    m = struct.pack("!B", 7) + b"abc" + m
    m = bytes(33) + struct.pack("!HH", 9, len(m)) + m
else:
    m = b"abc" + m
s.sendto(bytes([kind]) + m, (to, port, 0, socket.if_nametoindex(dev.decode())))
END
say6()
{
	if [ "$1" = guest ]; then
		guest python3 /tmp/say6.py "$@"
	else
		python3 /tmp/say6.py "$@"
	fi
}
only6()
{
	[ "$(has6 | cut -d ' ' -f 1 | sort | tr '\n' ' ')" = "$1" ]
}
# each look at the set takes a while itself
say6 host $LL6 2 fd00::21=100 # ADVERTISE
say6 host $LL6 13 fd00::22=100
say6 host $LL6 8 fd00::29=100 # what a guest says
ip neigh replace fe80::9 lladdr 00:16:3e:00:00:01 dev br0 # to another, by our MAC
say6 host fe80::9 7 fd00::23=100
say6 host $LL6 7 fd00::24=100 fd00::25=100 ff02::5=100
ok "a reply to it alone is taken, with all its addresses" \
	until_true 1 only6 'fd00::24 fd00::25 '
say6 guest ff02::1:2 3 fd00::24=0 # REQUEST
say6 guest ff02::1:2 7 fd00::24=0 # what a server says
say6 guest ff02::1:2 8 fd00::26=0
say6 guest ff02::1:2 9 fd00::25=0
ok ".. DECLINE ends one" until_true 1 only6 'fd00::24 '
say6 host $LL6 7 fd00::24=0 fd00::27=300
ok ".. and a reply whose lifetime is none" until_true 1 only6 'fd00::27 '
ok ".. that is said as what it is" until_true 10 \
	said 'vif1.0 lease=refused address=fd00::24'
say6 host $LL6 7 fd00::28=3
ok ".. one of three seconds" until_true 10 \
	said 'vif1.0 lease=given address=fd00::28 seconds=3'
ok ".. ends" until_true 20 said 'vif1.0 lease=expired address=fd00::28'
ok ".. that one alone" only6 'fd00::27 '
say6 host $LL6 7 fd00::31=300 fd00::32=300 fd00::33=300 fd00::34=300
say6 host $LL6 7 fd00::35=300 fd00::36=300 fd00::37=300 fd00::38=300
ok ".. eight are the most" until_true 1 only6 \
	'fd00::27 fd00::31 fd00::32 fd00::33 fd00::34 fd00::35 fd00::36 fd00::37 '
say6 guest ff02::1:2 9 fd00::37=0
SEVEN='fd00::27 fd00::31 fd00::32 fd00::33 fd00::34 fd00::35 fd00::36 '
ok ".. and one is less than that" until_true 1 only6 "$SEVEN"
nft delete table netdev $TABLE
ok ".. no more come back with the guard" until_true 1 only6 "$SEVEN"
sleep 0.3
ok ".. nor later" only6 "$SEVEN"
say6 guest ff02::1:2 8 fd00::1=0 fd00::2=0 fd00::3=0 fd00::4=0 fd00::5=0 \
	fd00::6=0 fd00::7=0 fd00::8=0 fd00::9=0
ok ".. RELEASE of more than are read ends all" until_true 1 none6
same ".. what was for others was not taken" 0 \
	"$(grep -c 'fd00::2[12369]' "$RUN/watch")"

kill $WATCH
wait $WATCH
ok "detach" vifctl detach vif1.0
done_testing
