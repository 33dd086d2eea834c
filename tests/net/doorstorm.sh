#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# doorstorm.sh - a guest that connects to its store socket as fast as it can
#
# What that costs the others is the processor time of the store's server, in
# ticks, which a busy machine does not stretch. Then at its other socket.
. "$(dirname "$0")/../lib.sh"
private "$@"
. "$(dirname "$0")/../host.sh"
need_tun doorstorm
SECONDS_=4
PERCENT=15
case $B in *san*) PERCENT=25 ;; esac
host_up
ip link add br0 type bridge mcast_snooping 0 forward_delay 0
ip link set br0 up
for n in 1 2; do
	vifctl attach vif$n.0 bridge=br0 mac=00:16:3e:00:00:0$n >/dev/null
done
child()
{
	tr -d " " <"/proc/$STORE/task/$STORE/children"
}
# Ticks of processor time, 100 a second.
cpu()
{
	sed 's/.*) //' "/proc/$1/stat" | awk '{ print $12 + $13 }'
}

# Connects, asks for one value, leaves; several at a time. How often it was answered.
cat >/tmp/storm.py <<'END'
import socket, struct, sys, threading, time
path, seconds = sys.argv[1], float(sys.argv[2])
ask = b"domid\0"
ask = struct.pack("=IIII", 2, 0, 0, len(ask)) + ask
end = time.time() + seconds
n = [0] * 4
def storm(i):
    while time.time() < end:
        s = socket.socket(socket.AF_UNIX)
        s.settimeout(2)
        try:
            s.connect(path)
            s.send(ask)
            n[i] += bool(s.recv(100))
        except OSError:
            pass
        s.close()
t = [threading.Thread(target=storm, args=(i,)) for i in range(4)]
[x.start() for x in t]
[x.join() for x in t]
print(sum(n))
END
C=$(child)
was=$(cpu "$C")
t0=$(date +%s%N)
python3 /tmp/storm.py "$RUN/dom/1/store" $SECONDS_ >/tmp/answered &
STORM=$!
sleep 1
ok 'the host is served meanwhile' xenstore-read /local/domain/1/device/vif/0/state
ok 'and so is another guest' env XENSTORED_PATH="$RUN/dom/2/store" \
	xenstore-read /local/domain/2/device/vif/0/state
wait $STORM
spent=$((($(cpu "$C") - was) * 10))
ms=$((($(date +%s%N) - t0) / 1000000))
n=$(cat /tmp/answered)
ok "answered $n times in $ms ms: some" test "$n" -gt 0
ok 'and no more than a hundred a second, after fifty' \
	test "$n" -le $((60 + ms / 10))
ok "the server used $spent ms: at most $PERCENT %" \
	test $((spent * 100)) -le $((ms * PERCENT + 2000))
same 'the server is the same' "$C" "$(child)"
quiet()
{
	env XENSTORED_PATH="$RUN/dom/1/store" timeout 2 xenstore-read device/vif/0/state
}
ok 'when it is over the guest is served as before' until_true 2 quiet

# --- hello, and gone ------------------------------------------------------------------

# It wants channels that it never names. Each time that it is gone netbackd waits for
# it anew; it says so ten times, then once a second.
F=/local/domain/2/device/vif/0
xenstore-write $F/tx-ring-ref 8 $F/rx-ring-ref 9 $F/event-channel-tx 3 \
	$F/event-channel-rx 4 $F/request-rx-copy 1 $F/state 4
waits()
{
	grep -c 'vif2.0: waiting for the guest' $LOG
}
waited()
{
	[ "$(waits)" -gt "$1" ]
}
ok 'netbackd waits for a guest' until_true 5 waited 0
t0=$(date +%s%N)
for _ in $(seq 40); do
	"$B/tests/guest/rawguest" "$RUN" 2 right || break
	xenstore-write $F/state 4 # so that netbackd looks
	sleep 0.02
done >/tmp/hellos 2>&1
same 'it says hello 40 times, and goes' 40 "$(wc -l </tmp/hellos)"
ms=$((($(date +%s%N) - t0) / 1000000))
n=$(waits)
ok "of which few make a line in the log ($n lines in $ms ms)" \
	test "$n" -le $((13 + ms / 1000))
done_testing
