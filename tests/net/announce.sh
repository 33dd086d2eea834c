#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# announce.sh - bridge and switch know a guest's MAC before it sends
#
# The guests' own eth0 has another MAC than their vif: what is known of the vif's
# was not learned from a guest. sw0 is the switch behind the bridge's uplink.
. "$(dirname "$0")/../lib.sh"
private "$@"
. "$(dirname "$0")/../host.sh"
need_tun announce

M1=00:16:3e:00:00:01
M2=00:16:3e:00:00:02
host_up
ip link add br0 type bridge mcast_snooping 0 forward_delay 0
ip link add sw0 type bridge mcast_snooping 0 forward_delay 0
ip link add up0 type veth peer name up1
for d in br0 sw0 up0 up1; do
	sysctl -qw net.ipv6.conf.$d.disable_ipv6=1
done
ip link set up0 master br0
ip link set up1 master sw0
for d in up0 up1 sw0 br0; do
	ip link set $d up
done
for f in /proc/sys/net/bridge/bridge-nf-call-*; do
	[ ! -e "$f" ] || echo 0 >"$f"
done

# Every frame of that type which the switch sees, in hex.
cat >/tmp/hear.py <<'END'
import socket, sys
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
s.bind(("up1", 3))
print("ready", flush=True)
while True:
    f, at = s.recvfrom(2000)
    if f[12:14] == b"\x80\x35" and at[2] != socket.PACKET_OUTGOING:
        print(f.hex(), flush=True)
END
python3 /tmp/hear.py >/tmp/heard &
until_true 5 grep -q ready /tmp/heard

hex()
{
	echo "$1" | tr -d :
}
# heard MAC: how many announcements of that one, each as it must be.
heard()
{
	h=$(hex "$1")
	grep -cE "^ffffffffffff${h}80350001080006040003${h}00000000${h}0{44}\$" /tmp/heard
}
heard_is()
{
	[ "$(heard "$1")" = "$2" ]
}
# said MAC WAS: three more, or two: the first may come before the host's kernel has
# let the port forward. Waits for the third; what was heard then is in $N.
said()
{
	until_true 3 heard_is "$1" $(($2 + 3)) >/dev/null
	N=$(heard "$1")
	[ "$N" -ge $(($2 + 2)) ] && [ "$N" -le $(($2 + 3)) ]
}
known()
{
	bridge fdb show br "$1" | grep -q "^$2 .*dev $3 "
}
attach()
{
	vifctl attach "$@" >/dev/null
}
guest()
{
	vifguest --vif "$1.0" --mac "02:00:00:00:00:0$1" --ip "10.0.0.$1/24" \
		>"$LOG.g$1" 2>&1 &
	eval "G$1=$!"
}
connected()
{
	[ "$(xenstore-read "/local/domain/0/backend/vif/$1/0/state")" = "${2:-4}" ]
}

attach vif1.0 bridge=br0 mac=$M1
sleep 1
same 'a vif whose guest never came announces nothing' 0 "$(heard $M1)"
ok 'the bridge has been told, the switch knows nothing' sh -c \
	"bridge fdb show br br0 | grep -q '^$M1 ' &&
	! bridge fdb show br sw0 | grep -q '^$M1 '"
guest 1
ok 'connected: the switch knows where it is' until_true 10 known sw0 $M1 up1
ok 'said three times' said $M1 0
N=$(heard $M1)
sleep 1.5
same 'and no more' "$N" "$(heard $M1)"

# A worker's death moves nobody: its device had its carrier all along.
W=$(worker)
kill -9 "$W"
until_true 10 has_worker "$W"
sleep 1.5
same 'nothing after a worker died' "$N" "$(heard $M1)"

# Without a keeper of descriptors the carrier goes, and what was known with it.
kill -9 "$DAEMON"
wait "$DAEMON" 2>/dev/null
netbackd --run "$RUN" 2>>"$LOG" &
DAEMON=$!
until_true 10 has_worker 0
ok 'adopted by the next netbackd, whose tap is new: said again' \
	said $M1 "$N"
N=$(heard $M1)
kill "$G1"
ok 'the guest leaves' until_true 10 connected 1 6
vifctl attach vif1.0 bridge=br0 mac=$M1 >/dev/null
sleep 1.5
same 'silent while it is away' "$N" "$(heard $M1)"

# --- a guard ----------------------------------------------------------------------

attach vif2.0 bridge=br0 mac=$M2 ip=10.0.0.2
dropped()
{
	nft list counters table netdev netback-vif2.0 |
		grep -A1 drop_ethertype | sed -n 's/.*packets \([0-9]*\) .*/\1/p'
}
guest 2
ok 'a guard lets it pass to the switch' until_true 10 known sw0 $M2 up1
ok 'three times' said $M2 0
N=$(heard $M2)
same 'and none of them was dropped' 0 "$(dropped)"

# say FROM SENDER TARGET IP: as that guest, by its own eth0.
say()
{
	nsenter -t "$G2" -n python3 -c '
import socket, sys
m = [bytes.fromhex(a.replace(":", "")) for a in sys.argv[1:4]]
s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
s.bind(("eth0", 0))
s.send(b"\xff" * 6 + m[0] + bytes.fromhex("80350001080006040003") + m[1] +
       bytes(4) + m[2] + socket.inet_aton(sys.argv[4]) + bytes(18))' "$@"
}
lies()
{
	say $M1 $M1 $M1 0.0.0.0 && say $M2 $M1 $M1 0.0.0.0 &&
		say $M2 $M2 $M1 0.0.0.0 && say $M2 $M2 $M2 10.0.0.1
}
all()
{
	grep -vc ready /tmp/heard
}
n=$(all)
ok 'a guest tells lies about others' lies
say $M2 $M2 $M2 0.0.0.0
ok 'its own address it may say itself' until_true 5 heard_is $M2 $((N + 1))
same 'of the lies none was heard' $((n + 1)) "$(all)"
done_testing
