#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# blame.sh - a vif that workers crash of is disconnected; the others go on
. "$(dirname "$0")/../lib.sh"
private "$@"

export XENSTORED_PATH="$RUN/store"
BACK=/local/domain/0/backend/vif
FRONT=/local/domain/1/device/vif/0
LOG=$RUN-log
TESTS=$(dirname "$0")

worker()
{
	printf '{"cmd":"show"}\n' | socat -t 5 - "UNIX-CONNECT:$RUN/control" |
		tr '{}[],' '[\n*]' | tr -d '"' | sed -n 's/^worker://p' |
		head -n 1
}

worker_new()
{
	worker_now=$(worker) && [ -n "$worker_now" ] &&
		[ "$worker_now" != 0 ] && [ "$worker_now" != "$1" ]
}

state_is()
{
	[ "$(xenstore-read "$BACK/$1/0/state")" = "$2" ]
}

logged()
{
	grep -q "$1" "$LOG"
}

guest()
{
	vifguest --vif "$1.0" --ip "10.0.0.$1/24" -- sleep 1000 \
		>>"$LOG.guest" 2>&1 &
}

pings()
{
	ping -c 1 -W 1 "10.0.0.$1"
}

# Something is in the guest's turn nearly always.
busy()
{
	ping -f -q "10.0.0.$1" >"$LOG.flood" &
	FLOOD=$!
}

calm()
{
	kill "$FLOOD"
	wait "$FLOOD"
}

# crash N SIGNAL: in a turn of vifN.0
crash()
{
	W=$(worker)
	python3 "$TESTS/crash.py" "$RUN/keep/vif$1.0" "$W" "$2" || return 1
	until_true 5 worker_new "$W"
}

netbackd --store --run "$RUN" 2>>"$LOG.store" &
until_true 5 xenstore-ls /
netbackd -v --run "$RUN" 2>>"$LOG" &
until_true 10 worker_new 0
ip link add xenbr0 type bridge mcast_snooping 0
ip addr add 10.0.0.254/24 dev xenbr0
ip link set xenbr0 up
for n in 1 2; do
	ok "attach $n" vifctl attach "vif$n.0" bridge=xenbr0 \
		mac=00:16:3e:00:00:0$n
	guest $n
	ok "guest $n answers" until_true 10 pings $n
done

# --- an administrator's kills blame nobody -------------------------------------

busy 1
for n in 1 2 3; do
	ok "kill -9 while vif1.0 is served, $n" crash 1 KILL
done
ok 'nobody is blamed' fails logged disabled
ok 'guest 1 is connected' state_is 1 4
calm

# --- crashes in one vif's turn do ------------------------------------------------

busy 1
# Three are enough, within ten seconds; on a slow machine those are the last three.
crashes()
{
	for n in $(seq 12); do
		crash 1 SEGV || { logged 'vif1.0: disabled'; return; }
		! logged 'vif1.0: disabled' || return 0
	done
}
ok 'crashes serving vif1.0' crashes
calm
ok 'vif1.0 is closed' until_true 5 state_is 1 6
ok 'the log says why' logged \
	'vif1.0: disabled: the worker crashed over and over serving it'
ok 'so does the store' sh -c \
	"xenstore-read $BACK/1/0/error | grep 'crashed over and over'"
ok 'vif2.0 goes on' until_true 5 pings 2
ok 'vif2.0 was connected all along' state_is 2 4
ok 'vif2.0 is not blamed' fails logged 'vif2.0: disabled'

# --- it may come back, a little later ---------------------------------------------

# The guest itself answers the closing, perhaps later than this; and it goes on from
# InitWait.
starts_again()
{
	state_is 1 2 || state_is 1 4 && return
	[ "$(xenstore-read $FRONT/state)" = 1 ] || xenstore-write $FRONT/state 1
	return 1
}
ok 'a frontend that starts again: InitWait' until_true 8 starts_again
done_testing
