#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# daemon.sh - netbackd as its guests and the host see it
#
# States walk; the worker, the supervisor, the store and the guest are killed
# while a guest pings; the sandbox is what it says; nothing is left at the end.
. "$(dirname "$0")/../lib.sh"
private "$@"

export XENSTORED_PATH="$RUN/store"
BACK=/local/domain/0/backend/vif
LOG=$RUN-log
HOST=10.0.0.254

# Never wait for something that will not come.
store_start()
{
	netbackd --store --run "$RUN" 2>>"$LOG.store" &
	STORE=$!
	until_true 5 xenstore-ls /
}

daemon_start()
{
	netbackd -v --run "$RUN" 2>>"$LOG" &
	DAEMON=$!
	until_true 10 worker_new 0
}

show()
{
	printf '{"cmd":"%s"}\n' "${1:-show}" |
		socat -t 5 - "UNIX-CONNECT:$RUN/control"
}

# The answer's words, one a line: name:value. The objects of vifs are flat but
# for their counters.
words()
{
	show "${1:-show}" | tr '{}[],' '[\n*]' | tr -d '"'
}

# Of netbackd itself, and of the one vif.
field()
{
	words | sed -n "/^vifs:/q; s/^$1://p"
}

vif()
{
	words "${2:-show}" | sed -n "/^vifs:/,\$ s/^$1://p" | head -n 1
}

worker_new()
{
	worker_now=$(field worker) && [ "$worker_now" != 0 ] &&
		[ "$worker_now" != "$1" ]
}

vif_is()
{
	[ "$(vif "$1")" = "$2" ]
}

vif_known()
{
	[ -n "$(vif name)" ]
}

state_is()
{
	[ "$(xenstore-read "$BACK/${2:-1/0}/state")" = "$1" ]
}

logged()
{
	grep -q "$1" "$LOG"
}

# Or not waited for yet.
gone()
{
	! grep -q '^State:[[:space:]]*[RSDTt]' "/proc/$1/status" 2>/dev/null
}

guest_start()
{
	vifguest --vif 1.0 --ip 10.0.0.1/24 -- sleep 1000 >>"$LOG.guest" 2>&1 &
	GUEST=$!
}

pings()
{
	ping -c 1 -w 10 10.0.0.1
}

# A ping in the background, until 150 of them were answered, however long the way
# is closed meanwhile; how many may be lost of those before the last answer.
flow_start()
{
	ping -i 0.01 -c 150 -w 30 10.0.0.1 >"$RUN/flow" &
	FLOW=$!
	sleep 0.4
}

flow_lost_at_most()
{
	tail -n 3 "$RUN/flow"
	grep -Eq ' 1[5-9][0-9] received' "$RUN/flow" && [ "$(gaps "$RUN/flow")" -le "$1" ]
}

kept_nothing()
{
	[ -z "$(ls -A "$RUN/keep")" ]
}

status_of()
{
	sed -n "s/^$2:[[:space:]]*//p" "/proc/$1/status"
}

# --- start ---------------------------------------------------------------------

store_start
daemon_start
ip link add xenbr0 type bridge mcast_snooping 0
ip addr add $HOST/24 dev xenbr0
ip link set xenbr0 up
ok 'attach' vifctl attach vif1.0 bridge=xenbr0 mac=00:16:3e:00:00:01
same 'after attach: InitWait' 2 "$(xenstore-read $BACK/1/0/state)"
for k in feature-sg feature-gso-tcpv4 feature-gso-tcpv6 feature-rx-copy \
	feature-ipv6-csum-offload feature-split-event-channels; do
	same "offer $k" 1 "$(xenstore-read $BACK/1/0/$k)"
done
same 'offer multi-queue-max-queues' 64 \
	"$(xenstore-read $BACK/1/0/multi-queue-max-queues)"
same 'offer feature-rx-flip' 0 "$(xenstore-read $BACK/1/0/feature-rx-flip)"
same 'no carrier without a guest' false "$(vif carrier)"
guest_start
ok 'a guest connects and answers' until_true 10 pings
ok 'Connected' state_is 4
same 'carrier with a guest' true "$(vif carrier)"
same 'carrier in the store' 1 "$(xenstore-read $BACK/1/0/carrier)"
ok 'a second netbackd is refused' fails netbackd --run "$RUN"
ok 'with the reason' sh -c "netbackd --run $RUN 2>&1 | grep 'another netbackd serves $RUN'"

# --- sandbox -------------------------------------------------------------------

confined()
{
	for f in CapEff CapPrm CapInh CapBnd CapAmb; do
		same "$1: no $f" 0000000000000000 "$(status_of "$2" $f)"
	done
	same "$1: no new privileges" 1 "$(status_of "$2" NoNewPrivs)"
	same "$1: root is empty" '' "$(ls -A "/proc/$2/root/")"
	ok "$1: no network of ours" fails \
		test "$(readlink "/proc/$2/ns/net")" = "$(readlink /proc/self/ns/net)"
	if [ "$(wc -l </proc/self/uid_map)" = 1 ] &&
	    [ "$(awk '{ print $3 }' /proc/self/uid_map)" = 1 ]; then
		same "$1: the only uid" 0 "$(id -u)"
	else
		ok "$1: another uid" fails \
			test "$(status_of "$2" Uid | cut -f 1)" = 0
	fi
}
W=$(field worker)
confined worker "$W"
confined nursery "$(field nursery)"
same 'worker: system calls filtered' 2 "$(status_of "$W" Seccomp)"
same 'supervisor: CAP_NET_ADMIN alone' 0000000000001000 \
	"$(status_of "$DAEMON" CapEff)"
same 'supervisor: no new privileges' 1 "$(status_of "$DAEMON" NoNewPrivs)"

# --- the worker dies -------------------------------------------------------------

epoch=$(vif epoch)
restarts=$(field restarts)
for n in 1 2 3; do
	flow_start
	kill -9 "$W"
	ok "kill $n: another worker" until_true 5 worker_new "$W"
	W=$(field worker)
	wait "$FLOW"
	ok "kill $n: at most 10 of 150 lost" flow_lost_at_most 10
done
same 'the epoch is the same' "$epoch" "$(vif epoch)"
same 'three restarts counted' $((restarts + 3)) "$(field restarts)"
same 'still Connected' 4 "$(xenstore-read $BACK/1/0/state)"
same 'three lines in the log' 3 "$(grep -c \
	'worker [0-9]* killed by signal 9, worker [0-9]* took over 1 vif in' "$LOG")"
echo "# $(grep -o 'took over.*' "$LOG" | tr '\n' ';')"
kill -STOP "$(field worker)" # one that hangs is left alone for 10 s
ok 'a stopped worker does not stop show' vif_is state connected
kill -CONT "$(field worker)"
ok 'stats come from the worker' test "$(vif tx_frames stats)" -gt 100

# --- the worker dies over and over -------------------------------------------------

# Six within ten seconds are too many; on a slow machine those are the last six.
storm()
{
	for n in $(seq 20); do
		[ "$n" -le 7 ] || ! logged 'workers die over and over' || return 0
		W=$(field worker)
		kill -9 "$W" || return 1
		until_true 5 worker_new "$W" || return 1
		# A vif under which workers die before they serve it is closed
		until_true 5 pings || return 1
	done
}
ok 'seven deaths in a row, or more' storm
ok 'too many: the log says so' logged 'workers die over and over'
ok 'and the guest is there still' until_true 5 pings
same 'Connected all along' 4 "$(xenstore-read $BACK/1/0/state)"

# --- the supervisor dies, or is told to end ---------------------------------------

# The tap must not blink: its bridge port stays the same.
port=$(cat /sys/class/net/vif1.0/brport/port_no)
N=$(field nursery) W=$(field worker)
kill -9 "$DAEMON"
wait "$DAEMON"
ok 'SIGKILL: the nursery dies too' until_true 2 gone "$N"
ok 'SIGKILL: the worker dies too' until_true 2 gone "$W"
same 'SIGKILL: the tap stays' vif1.0 "$(ls /sys/class/net/xenbr0/brif)"
: >"$LOG"
daemon_start
ok 'after SIGKILL: adopted' until_true 5 vif_is link running
ok 'after SIGKILL: the guest answers' until_true 5 pings
same 'after SIGKILL: the same epoch' "$epoch" "$(vif epoch)"
ok 'after SIGKILL: no state was written' fails grep 'vif1.0: state' "$LOG"
ok 'after SIGKILL: it says so' logged 'vif1.0: adopted'
kill "$DAEMON"
rc=0
wait "$DAEMON" || rc=$?
same 'SIGTERM: exit status 0' 0 $rc
same 'SIGTERM: state untouched' 4 "$(xenstore-read $BACK/1/0/state)"
: >"$LOG"
daemon_start
ok 'after SIGTERM: adopted' until_true 5 vif_is link running
ok 'after SIGTERM: the guest answers' until_true 5 pings
ok 'after SIGTERM: no state was written' fails grep 'vif1.0: state' "$LOG"
same 'the same bridge port all along' "$port" \
	"$(cat /sys/class/net/vif1.0/brport/port_no)"

# --- the store dies ----------------------------------------------------------------

flow_start
# The serving half; its keeper holds the tree and starts another.
kill -9 "$(cat "/proc/$STORE/task/$STORE/children")"
wait "$FLOW"
ok 'without a store packets move' flow_lost_at_most 2
ok 'the store is back' until_true 5 state_is 4
same 'the guest is connected still' running "$(vif link)"

# --- guests come and go --------------------------------------------------------------

kill -9 "$GUEST"
wait "$GUEST"
ok 'guest killed: Closed' until_true 5 state_is 6
same 'guest killed: the tap stays' vif1.0 "$(ls /sys/class/net/xenbr0/brif)"
same 'guest killed: no carrier' 0 "$(xenstore-read $BACK/1/0/carrier)"
guest_start
ok 'another guest connects' until_true 10 pings
ok 'another guest: another epoch' fails test "$epoch" = "$(vif epoch)"
kill "$GUEST"
wait "$GUEST"

# --- a bad frontend -------------------------------------------------------------------

FRONT=/local/domain/1/device/vif/0
xenstore-write $FRONT/state 1
ok 'InitWait again' until_true 5 state_is 2
xenstore-write $FRONT/state 77
ok 'a state that does not exist: Closing' until_true 5 state_is 5
ok 'and an error node' xenstore-read $BACK/1/0/error
xenstore-write $FRONT/state 6
ok 'then Closed' until_true 5 state_is 6
xenstore-write $FRONT/state 1
ok 'then InitWait' until_true 5 state_is 2
xenstore-write $FRONT/state 5
ok 'Closing' until_true 5 state_is 5
xenstore-write $FRONT/state 1
ok 'a new kernel from Closing: InitWait' until_true 5 state_is 2

guest_start
ok 'a good guest after all that' until_true 10 pings
xenstore-write $FRONT/state 3
sleep 0.2
ok 'state 3 is nothing' state_is 4
xenstore-write $FRONT/state 7
ok 'Reconfiguring is answered' until_true 5 state_is 8
xenstore-write $FRONT/state 4
ok 'and frames still move' pings

# --- devices that cannot be -------------------------------------------------------------------

# device N FRONTEND: what a toolstack writes for vifN.0, by hand.
device()
{
	xenstore-write "/local/domain/$1/device/vif/0/state" 1 \
		"$BACK/$1/0/frontend" "$2" "$BACK/$1/0/frontend-id" "$1" \
		"$BACK/$1/0/online" 1 "$BACK/$1/0/state" 1
}

# refused N PATTERN
refused()
{
	until_true 5 state_is 6 "$1/0" &&
		xenstore-read "$BACK/$1/0/error" | grep "$2"
}
ip tuntap add vif2.0 mode tap
device 2 /local/domain/2/device/vif/0
ok 'an occupied name: Closed, and the reason' \
	refused 2 'device vif2.0 exists already'
ok 'an occupied name: in the log' logged 'vif2.0: device vif2.0 exists already'
xenstore-rm "$BACK/2"
sleep 0.2
ok 'an occupied name: it is still there' ip link show vif2.0
ip tuntap del vif2.0 mode tap
device 3 /local/domain/1/device/vif/0
ok "another domain's frontend" refused 3 'is not /local/domain/3/device/vif/0'
xenstore-write $BACK/4/0/vifname 'a b'
device 4 /local/domain/4/device/vif/0
ok 'a name that is none' refused 4 vifname
device 5 /local/domain/5/device/vif/0
ok 'a good one' until_true 5 state_is 2 5/0
xenstore-rm $BACK/5/0
ok 'its directory removed: the tap goes' until_true 3 fails ip link show vif5.0
xenstore-rm "$BACK/3"
xenstore-rm "$BACK/4"

# --- leaving ------------------------------------------------------------------------------

ok 'detach with a guest inside' vifctl detach vif1.0
ok 'the tap is gone' until_true 3 fails ip link show vif1.0
ok 'netbackd has forgotten it' until_true 3 fails vif_known
ok 'no survival memory is left' until_true 3 kept_nothing
kill "$GUEST"
wait "$GUEST"

# One that is detached while netbackd is away.
ok 'attach again' vifctl attach vif1.0 bridge=xenbr0
kill "$DAEMON"
wait "$DAEMON"
xenstore-rm $BACK/1/0
daemon_start
ok 'detached while away: the tap goes' until_true 3 fails ip link show vif1.0
ok 'detached while away: nothing is kept' until_true 3 kept_nothing

# One that cannot be served when netbackd starts, for a reason that passes.
ok 'attach once more' vifctl attach vif1.0 bridge=xenbr0
kill "$DAEMON"
wait "$DAEMON"
rm -f "$RUN/dom/1/hv"
mkdir "$RUN/dom/1/hv"
: >"$LOG"
daemon_start
ok 'not served: said' until_true 5 logged 'domain 1: cannot listen'
rmdir "$RUN/dom/1/hv"
ok 'not served: then it is' until_true 5 vif_known
ok 'not served: it was not taken for detached' fails logged 'vif1.0: removed'
ok 'not served: its tap stayed' ip link show vif1.0

# The nursery is what cannot be mended here.
kill -9 "$(field nursery)"
rc=0
wait "$DAEMON" || rc=$?
same 'nursery killed: netbackd ends with 1' 1 $rc
kill "$STORE"
wait "$STORE"
done_testing
