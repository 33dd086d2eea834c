#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# watches.sh - one watch for a vif, and guests that set them all off
#
# netbackd's watches are written down as it sets them (guest/preload/watches.c).
# Then a guest writes to its directory as fast as the store takes it, its own
# state included: nobody's memory grows, and another guest is served.
. "$(dirname "$0")/../lib.sh"
private "$@"
. "$(dirname "$0")/../host.sh"
need_tun watches
case $B in *san*)
	skip 'watches' 'a sanitizer must be the first library'
	done_testing
	;;
esac
STORM_S=4
SLACK=4096 # KiB
export WATCHES=/tmp/watches
netbackd --store --run "$RUN" 2>>$LOG.store &
STORE=$!
until_true 5 xenstore-ls /
LD_PRELOAD=$B/tests/guest/preload/watches.so netbackd --run "$RUN" 2>>$LOG &
DAEMON=$!
until_true 5 has_worker 0
ip link add br0 type bridge mcast_snooping 0 forward_delay 0
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up

# held PATTERN: watches that are set and were not taken back.
held()
{
	awk -v p="$1" '$2 ~ p { n += $1 == "+" ? 1 : -1 } END { print n + 0 }' \
		$WATCHES
}
held_is()
{
	[ "$(held "$1")" = "$2" ]
}
ok 'one watch for all backends' until_true 5 held_is . 1
for n in 1 2 3 4 5; do
	vifctl attach vif$n.0 bridge=br0 mac=00:16:3e:00:00:0$n >>$LOG.ctl
done
ok 'five vifs: one more each' until_true 5 held_is . 6
ok 'on the frontend of each' held_is device/vif/0\$ 5
for n in 1 2; do
	vifguest --vif $n.0 --ip 10.0.0.$n/24 --queues 3 >$LOG.g$n 2>&1 &
	eval "G$n=$!"
	until_true 10 ping -q -c 1 -W 1 10.0.0.$n
done
ok 'connected with three queues: no more' held_is . 6
vifctl detach vif5.0 >>$LOG.ctl
ok 'detached: one less' until_true 5 held_is . 5

# Private memory in KiB.
memory()
{
	sed -n 's/^RssAnon:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$1/status"
}
child()
{
	tr -d ' ' <"/proc/$STORE/task/$STORE/children"
}
# Writes again and again to keys below its directory, as many requests in a
# message as go into it; prints how many were answered.
cat >/tmp/storm.py <<'END'
import socket, struct, sys, time
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
end = time.time() + float(sys.argv[2])
front = "/local/domain/1/device/vif/0/"
def req(key, value):
    body = (front + key + "\0" + value).encode()
    return struct.pack("=IIII", 11, 0, 0, len(body)) + body
burst = b"".join(req(k, v) for k, v in (
    ("state", "4"), ("x", "1"), ("state", "4"), ("request-multicast-control",
    "1"), ("y", "2"), ("request-multicast-control", "0"))) * 4
n = got = 0
answer = len(b"OK\0") + 16
while time.time() < end:
    s.sendall(burst)
    n += 24
    need = 24 * answer
    while need > 0:
        d = s.recv(need)
        if not d:
            sys.exit("closed")
        need -= len(d)
print(n)
END
storm()
{
	python3 /tmp/storm.py "$RUN/dom/1/store" "$1"
}
storm 1 >/dev/null # what is taken once is taken
C=$(child)
sup=$(memory $DAEMON) store=$(memory "$C")
ping -i 0.05 -c 1000 10.0.0.2 >/tmp/flow 2>&1 &
FLOW=$!
n=$(storm $STORM_S)
echo "# $n writes in $STORM_S s"
ok 'a storm of watch events' test "$n" -gt 100
ok 'no faster than others are to hear of it' test "$n" -le $((1500 * STORM_S))
grown()
{
	[ "$(memory "$1")" -le $(($2 + SLACK)) ] ||
		{ echo "$(memory "$1") KiB, was $2"; false; }
}
ok "netbackd did not grow ($sup, now $(memory $DAEMON) KiB)" grown $DAEMON "$sup"
ok "nor the store ($store, now $(memory "$C") KiB)" grown "$C" "$store"
same 'no watch more' 5 "$(held .)"
kill -INT $FLOW
wait $FLOW
ok "another guest is served: $(tail -n 2 /tmp/flow | head -n 1)" \
	gaps_in /tmp/flow 2
ok 'and so is this one' ping -q -c 1 -w 20 10.0.0.1
done_testing
