#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# lease.sh - ip=dhcp: a guest has its address as long as its lease, no longer
#
# The guest is a namespace behind vif1.0 with busybox's udhcpc, the server is dnsmasq
# on the bridge (busybox's udhcpd where a lease must end within the test: dnsmasq
# gives two minutes at least). What stands in the guard's set is asked of the kernel.
# udhcpc renews a short lease late: one of four seconds after fifteen. So it is told
# to, and nothing here counts on a lease that is about to end.
# shellcheck disable=SC2016 # the inner shell expands them
. "$(dirname "$0")/../lib.sh"
private "$@"
# shellcheck source=../host.sh
. "$(dirname "$0")/../host.sh"
# shellcheck source=../leased.sh
. "$(dirname "$0")/../leased.sh"
ip addr add 10.0.0.1/24 dev br0

# The guest's program: what it was told, as its address.
cat >/tmp/lease.sh <<'END'
#!/bin/sh
case $1 in
bound | renew)
	ip addr flush dev eth0
	ip addr add "$ip/24" dev eth0
	echo "$ip $lease" >>/tmp/bound ;;
deconfig | nak) ip addr flush dev eth0; echo "$1" >>/tmp/bound ;;
esac
END
chmod +x /tmp/lease.sh
client()
{
	: >/tmp/bound
	nsenter -t "$GUEST" -n -- busybox udhcpc -f -t 20 -T 1 -A 1 -i eth0 \
		-s /tmp/lease.sh >/tmp/client.log 2>&1 &
	CLIENT=$!
}
client_gone()
{
	kill "$CLIENT" 2>/dev/null
	wait "$CLIENT" 2>/dev/null
}
bound()
{
	grep -q "^$1" /tmp/bound
}
server()
{
	serves "$@" --no-ping
	until_true 5 sh -c "ss -lun | grep -q ':67 '"
}

# What the guard lets the guest be: "ADDRESS SECONDS-LEFT" of each
has()
{
	nft -j list set netdev $TABLE addr4 | python3 -c '
import json, sys
for o in json.load(sys.stdin)["nftables"]:
    for e in o.get("set", {}).get("elem", []):
        e = e.get("elem", {"val": e})
        print(e["val"], e.get("expires", 0))'
}
is_only()
{
	[ "$(nft list set netdev $TABLE addr4 | grep -o '10[.]0[.]0[.][0-9]*')" = "$1" ]
}
# left FROM TO
left()
{
	has | awk -v a="$1" -v b="$2" '{ print } $2 >= a && $2 <= b { ok = 1 }
		END { exit !ok }'
}
reaches()
{
	guest busybox ping -c 1 -W 1 10.0.0.1 >/dev/null
}

# --- nobody reads the log ----------------------------------------------------------

server 10.0.0.10,10.0.0.10,120s
client
ok "without a watcher: an address by DHCP" until_true 10 bound 10.0.0.10
ok ".. the guard has it, for a day" left 86000 86400
"$B/vifctl" watch guard >"$RUN/watch" 2>&1 &
WATCH=$!
ok ".. as a watcher finds it" until_true 10 watching $WATCH
kill -USR1 $CLIENT
ok "a renewal under a watcher's eyes has the lease's own time" \
	until_true 10 left 60 121
# as if that had been long ago
nft "delete element netdev $TABLE addr4 { 10.0.0.10 }
	add element netdev $TABLE addr4 { 10.0.0.10 timeout 50s }"
ok "so that it nears its end" left 0 50
kill -USR1 $CLIENT
ok ".. another renewal gives it anew" until_true 10 left 60 121
nft delete table netdev $TABLE
ok "a guard that was deleted is back with the lease" until_true 10 left 30 121
client_gone

# --- RELEASE -----------------------------------------------------------------------

client
ok "the client again" until_true 10 bound 10.0.0.10
ok ".. with its lease's time" until_true 5 left 60 121
ok ".. and it is heard" until_true 5 reaches
kill -USR2 $CLIENT
ok "RELEASE ends it" until_true 5 is_only ''
ok ".. and that is said" until_true 5 \
	said 'vif1.0 lease=released address=10.0.0.10'
guest ip addr add 10.0.0.10/24 dev eth0
ok ".. the address is no good any more" fails reaches
guest ip addr flush dev eth0
client_gone

# --- NAK ---------------------------------------------------------------------------

kill -STOP $WATCH
client
ok "a lease while the watcher does not run" until_true 10 bound 10.0.0.10
kill -STOP $CLIENT # its renewal would be enough
nft delete table netdev $TABLE
kill -CONT $WATCH
ok ".. and the guard deleted: it brings both" until_true 5 left 30 121
kill -CONT $CLIENT
server_gone
server 10.0.0.20,10.0.0.20,120s
kill -USR1 $CLIENT
ok "a server that knows nothing of it: NAK" until_true 20 \
	said 'vif1.0 lease=refused address=10.0.0.10'
ok ".. then the guest is given another" until_true 20 bound 10.0.0.20
ok ".. and has that alone" until_true 5 is_only 10.0.0.20
ok ".. which is heard" until_true 5 reaches
client_gone

# --- another lease without a word about the first ------------------------------------

server_gone
server 10.0.0.21,10.0.0.21,120s
client
ok "another server's lease takes the place of the first" until_true 20 \
	is_only 10.0.0.21
client_gone

server_gone

# --- many messages --------------------------------------------------------------------

# What a server, or who plays one, says fast does not keep a guard waiting: it is put
# back before the last message is read, else that would find none to write to.
kill -STOP $WATCH
python3 - <<'END'
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.setsockopt(socket.SOL_SOCKET, 25, b"br0\0")
s.bind(("10.0.0.1", 67))
def ack(last):
    b = struct.pack("!BBBBIHH4s4s4s4s", 2, 1, 6, 0, 7, 0, 0x8000, bytes(4),
                    bytes([10, 0, 0, last]), bytes(4), bytes(4))
    b += bytes.fromhex("00163e000001") + bytes(10 + 192)
    b += bytes([99, 130, 83, 99, 53, 1, 5, 51, 4, 0, 0, 0, 120, 255])
    s.sendto(b, ("255.255.255.255", 68))
for i in range(150):
    ack(10)
ack(99)
END
sleep 2 # until the kernel hands the last of them over
nft delete table netdev $TABLE
kill -CONT $WATCH
ok "many messages do not keep a deleted guard waiting" until_true 20 \
	said 'vif1.0 lease=given address=10.0.0.99'

# --- time ------------------------------------------------------------------------------

cat >/tmp/udhcpd.conf <<END
start 10.0.0.40
end 10.0.0.40
interface br0
min_lease 1
option lease 4
option subnet 255.255.255.0
lease_file /tmp/udhcpd.leases
pidfile /tmp/udhcpd.pid
END
: >/tmp/udhcpd.leases
busybox udhcpd -f /tmp/udhcpd.conf >>/tmp/server.log 2>&1 &
SERVER=$!
nft -f - <<-END
	table inet judge {
		chain in {
			type filter hook input priority 0
			ct state new counter
		}
	}
END
flows()
{
	grep -c "src=10.0.0.40 " /proc/net/nf_conntrack
}
# A flow from that address before somebody has it: no race with the lease's end.
ip addr add 10.0.0.40/32 dev lo
python3 - <<'END'
import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.0.0.40", 0))
s.sendto(b"x", ("10.0.0.1", 9))
END
ip addr del 10.0.0.40/32 dev lo
flow=0
[ ! -r /proc/net/nf_conntrack ] || flow=$(flows)
client
ok "a lease of four seconds" until_true 20 \
	said 'vif1.0 lease=given address=10.0.0.40 seconds=4'
kill -KILL $CLIENT
wait $CLIENT 2>/dev/null
ok "silent, it ends" until_true 20 \
	said 'vif1.0 lease=expired address=10.0.0.40'
if [ "$flow" -gt 0 ]; then
	same ".. and so do its flows" 0 "$(flows)"
else
	skip "flows that end" "no conntrack to be seen here"
fi
ok ".. nothing is left" is_only ''
ok ".. and the guest is not heard" fails reaches
server_gone

# --- for another --------------------------------------------------------------------

dropped()
{
	nft list counter netdev $TABLE drop_dhcp |
		awk '/packets/ { print $2 }'
}
server 10.0.0.10,10.0.0.50,120s
before=$(dropped)
guest ip addr flush dev eth0 # else it is one that it may not be
guest python3 - <<'END'
import socket, struct
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
s.setsockopt(socket.SOL_SOCKET, 25, b"eth0\0")
s.bind(("0.0.0.0", 68))
b = struct.pack("!BBBBIHHIIII", 1, 1, 6, 0, 7, 0, 0x8000, 0, 0, 0, 0)
b += bytes.fromhex("00163e000009") + bytes(10 + 192)
b += bytes([99, 130, 83, 99, 53, 1, 1, 255])
s.sendto(b, ("255.255.255.255", 67))
END
counted()
{
	[ "$(dropped)" -gt "$before" ]
}
ok "DHCP for another's hardware address is dropped, and counted" \
	until_true 5 counted
same ".. no server heard of it" 0 "$(grep -c 00:16:3e:00:00:09 /tmp/server.log)"
server_gone

"$B/vifctl" watch guard >"$RUN/second" 2>&1 &
SECOND=$!
ok "a second watcher says that it has no leases" until_true 10 \
	grep -q 'leases guard=missing.*another watch may' "$RUN/second"
kill $SECOND
wait $SECOND
kill $WATCH
wait $WATCH
same "it ends when it is told to" 0 $?
ok "detach" vifctl detach vif1.0
done_testing
