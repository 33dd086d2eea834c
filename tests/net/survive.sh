#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# survive.sh - kill -9 of the supervisor, under traffic
#
# A stand-in for the service manager (manager.py) starts netbackd again and keeps
# its descriptors. Two guests: neither its connection nor its tap's carrier may go
# down, and of numbered datagrams nothing may be lost to the host, and a batch at
# most to the guest. Then random kills of worker and supervisor (N of them, 6);
# a guest that comes back with
# other rings after its worker died.
. "$(dirname "$0")/../lib.sh"
private "$@"

N=${N:-6}
SEQ=$B/tests/guest/udpseq
PYTHON=$(command -v python3)
HERE=$(dirname "$0")

. "$(dirname "$0")/../host.sh"
need_tun survive

manager_up()
{
	rm -f "$LOG.notify"
	: >"$LOG.pids"
	"$PYTHON" "$HERE/manager.py" "$LOG.notify" netbackd --run "$RUN" >>"$LOG.pids" 2>>$LOG &
	MANAGER=$!
	until_true 10 has_worker 0
}

supervisor()
{
	sed -n 's/^pid //p' "$LOG.pids" | tail -n 1
}

another_supervisor()
{
	[ "$(supervisor)" != "$1" ] && has_worker 0
}

netbackd --store --run "$RUN" 2>>$LOG.store &
until_true 5 xenstore-ls /
manager_up
# Forwarding begins at once: what is lost here is lost by us.
ip link add br0 type bridge mcast_snooping 0 forward_delay 0
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up
for n in 1 2; do
	vifctl attach vif$n.0 bridge=br0 mac=00:16:3e:00:00:0$n >/dev/null
	ip link set vif$n.0 txqueuelen 5000
	vifguest --verbose --vif $n.0 --ip 10.0.0.$n/24 --queues $n \
		>"$LOG.g$n" 2>&1 &
	eval "G$n=$!"
	until_true 10 grep -q 'connected, netns' "$LOG.g$n"
done
in_guest()
{
	in_pid=$(eval "echo \$G$1")
	shift
	nsenter -t "$in_pid" -n "$@"
}
in_guest 1 ip link set eth0 txqueuelen 5000
in_guest 2 ip link set eth0 txqueuelen 5000
ok 'guests answer' until_true 5 in_guest 1 ping -q -c 1 -W 1 10.0.0.2

said()
{
	[ "$(grep -c '^kept' "$LOG.pids")" -gt "$1" ]
}

kept()
{
	kept_n=$(grep -c '^kept' "$LOG.pids")
	kill -USR1 $MANAGER
	until_true 2 said "$kept_n"
	sed -n 's/^kept//p' "$LOG.pids" | tail -n 1
}

# streams SECONDS: guest to host, and host to guest, of both.
streams()
{
	for n in 1 2; do
		"$SEQ" recv 500$n >"$LOG.up$n" &
		eval "U$n=$!"
		in_guest $n "$SEQ" recv 5000 >"$LOG.down$n" &
		eval "D$n=$!"
	done
	for n in 1 2; do
		until_true 5 listening 500$n
		until_true 5 listening 5000 in_guest $n
	done
	SENDERS=
	for n in 1 2; do
		in_guest $n "$SEQ" send 10.0.0.254 500$n 300 "$1" >/dev/null &
		SENDERS="$SENDERS $!"
		"$SEQ" send 10.0.0.$n 5000 300 "$1" >/dev/null &
		SENDERS="$SENDERS $!"
	done
}

# streams_end KILLS: what came is what may have come after so many.
streams_end()
{
	# shellcheck disable=SC2086,SC2153
	wait $SENDERS $U1 $U2 $D1 $D2
	for n in 1 2; do
		ok "guest $n to host: $(cat "$LOG.up$n")" \
			few "$LOG.up$n" 0 $(($1 * 64))
		ok "host to guest $n: $(cat "$LOG.down$n")" \
			few "$LOG.down$n" $(($1 * 64)) 0
	done
}

# few FILE LOST DOUBLED: at most so many; none late.
few()
{
	tr ' ' '\n' <"$1" | sed 's/-//' >"$1.words"
	# shellcheck disable=SC1090
	(received=0 lost=999 doubled=999 late=999
	. "$1.words"
	[ "$received" -gt 0 ] && [ "$lost" -le "$2" ] &&
		[ "$doubled" -le "$3" ] && [ "$late" = 0 ])
}

# --- the supervisor, once ----------------------------------------------------------

kept >"$LOG.kept"
for what in tap.vif1.0 tap.vif2.0 hv.1 hv.2 mem.1 mem.2 from.1.1 to.1.1; do
	ok "the manager keeps $what" grep -q "$what" "$LOG.kept"
done
carriers()
{
	cat /sys/class/net/vif1.0/carrier_changes /sys/class/net/vif2.0/carrier_changes
}
# /sys is of the network namespace we are in, if it could be mounted.
CARRIERS=$(carriers 2>/dev/null || echo none)
streams 2
sleep 0.8
old=$(supervisor)
kill -9 "$old"
ok 'another netbackd is there' until_true 10 another_supervisor "$old"
streams_end 1
same 'no carrier went down' "$CARRIERS" "$(carriers 2>/dev/null || echo none)"
ok 'no guest lost its connection' fails grep -h 'lost netbackd' \
	"$LOG.g1" "$LOG.g2"
ok 'the log says adopted' grep -q 'vif1.0: adopted' $LOG
ok 'and serves what comes new' vifctl show stats

# --- a manager that is slow -------------------------------------------------------------

# It reads nothing while a guest with many channels comes, and its socket takes a few
# messages only: the guest is told "connected" when the rest is told, too.
vifctl attach vif3.0 bridge=br0 mac=00:16:3e:00:00:03 >/dev/null
kill -STOP $MANAGER
vifguest --verbose --vif 3.0 --ip 10.0.0.3/24 --queues 8 >"$LOG.g3" 2>&1 &
G3=$!
offered()
{
	[ "$(xenstore-read /local/domain/3/device/vif/0/state)" = 4 ]
}
ok 'a guest with 16 channels offers them' until_true 10 offered
kill -CONT $MANAGER
ok 'and is connected' until_true 10 grep -q 'connected, netns' "$LOG.g3"
all_kept()
{
	[ "$(kept | tr ' ' '\n' | grep -c -E '^(from|to)\.3\.')" = 32 ]
}
ok 'all of them are kept' until_true 5 all_kept
old=$(supervisor)
kill -9 "$old"
until_true 10 another_supervisor "$old"
ok 'the next netbackd serves it' ping -q -c 1 -w 40 10.0.0.3
ok 'it never lost its connection' fails grep 'lost netbackd' "$LOG.g3"
kill $G3
wait $G3
vifctl detach vif3.0 >/dev/null

# --- random kills --------------------------------------------------------------------

streams $N
i=0
while [ $i -lt "$N" ]; do
	i=$((i + 1))
	sleep "0.$(od -An -N1 -tu1 /dev/urandom | tr -d ' ')"
	if [ $((i % 2)) = 0 ]; then
		kill -9 "$(supervisor)" 2>/dev/null
	else
		W=$(worker) && kill -9 "$W" 2>/dev/null
	fi
	sleep 0.4
done
streams_end $N
ok 'the guests saw nothing that a backend may not do' \
	fails grep -h 'what it may not' "$LOG.g1" "$LOG.g2"
ok 'nor did they lose their connection' fails grep -h 'lost netbackd' \
	"$LOG.g1" "$LOG.g2"

# --- old rings ------------------------------------------------------------------------

# Its worker dies; the guest is another one then, with rings of its own, while the
# pages of the old ones are still written to. No worker may look at them.
in_guest 1 ping -q -f -w 2 10.0.0.254 >/dev/null 2>&1 &
FLOOD=$!
sleep 0.3
W=$(worker)
kill -STOP "$G1"
kill -9 "$W"
until_true 5 has_worker "$W"
kill -9 "$G1"
wait $FLOOD
MAPS=$(worker)
: >"$LOG.g1"
vifguest --verbose --vif 1.0 --ip 10.0.0.1/24 >"$LOG.g1" 2>&1 &
G1=$!
until_true 10 grep -q 'connected, netns' "$LOG.g1"
ok 'a guest with new rings answers' until_true 5 ping -q -c 1 -W 1 10.0.0.1
maps()
{
	grep -c 'memfd:guest' "/proc/$(worker)/maps"
}
# One mapping for each guest that is there, of the memory that it has now.
one_each()
{
	[ "$(maps)" = 2 ]
}
ok 'the worker has dropped the old memory' until_true 5 one_each
same 'it is the same worker' "$MAPS" "$(worker)"
ok 'nothing was replayed into the new rings' sh -c \
	"vifctl --json show stats vif1.0 | $PYTHON -c 'import json, sys
q = json.load(sys.stdin)[0][\"queues\"]
assert len(q) == 1 and q[0][\"tx_drops\"] == 0'"

# --- detached while nobody was there -----------------------------------------------------

old=$(supervisor)
kill -STOP $MANAGER
kill -9 "$old"
xenstore-rm /local/domain/0/backend/vif/2/0 /local/domain/2/device/vif/0
kill -CONT $MANAGER
ok 'another netbackd' until_true 10 another_supervisor "$old"
no_tap()
{
	! ip link show vif2.0
}
ok 'its tap is gone' until_true 5 no_tap
forgotten()
{
	! kept | grep -qE 'vif2.0|hv\.2|mem\.2|from\.2'
}
ok 'the manager keeps nothing of it' until_true 6 forgotten
ok 'guest 1 goes on' until_true 5 ping -q -c 1 -W 1 10.0.0.1
vifctl detach vif1.0 >/dev/null
nothing()
{
	! kept | grep -q 'tap'
}
ok 'detached: its tap is not kept either' until_true 5 nothing
done_testing
