#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# pause.sh - how long guests stand still while another netbackd takes over
#
# One vif, then twenty: everything that the next netbackd has to know of them it has
# asked before the one that runs ends; in between it asks the store for news,
# once. That is counted, so a busy machine changes nothing; the time is only looked
# at by its order of magnitude. Then news, told while nobody serves.
# takes 15 s
. "$(dirname "$0")/../lib.sh"
private "$@"

. "$(dirname "$0")/../host.sh"
need_tun pause
host_up
ip link add br0 type bridge mcast_snooping 0 forward_delay 0
ip link set br0 up
BACK=/local/domain/0/backend/vif

pid()
{
	show | sed -n 's/.*"pid": *\([1-9][0-9]*\).*/\1/p'
}

# guests FIRST COUNT ROUNDS: attached, and sending.
guests()
{
	"$B/tests/bench/pausegen" --run "$RUN" "$1" "$2" "$3" 1 >/tmp/pause &
	GUESTS=$!
	for d in $(seq "$1" $(($1 + $2 - 1))); do
		vifctl attach "vif$d.0" bridge=br0 >/dev/null
	done
	until_true 60 grep -q connected /tmp/pause
}

rounds()
{
	[ "$(grep -c us /tmp/pause)" -ge "$1" ]
}

took()
{
	grep -c "took over $1 vifs* in .* asking the store 1 time" $LOG
}

all_took()
{
	[ "$(took "$1")" = "$2" ]
}

# Where everybody waits for a processor, so do the guests.
most()
{
	read -r load _ </proc/loadavg
	[ "${load%.*}" -lt $(($(nproc) * 2)) ] && echo 50000 || echo 1000000
}

# upgrades COUNT: three, each seen by the guests. What a guest writes just then
# is news: then the store is asked again, so not in these.
upgrades()
{
	for i in 1 2 3; do
		until_true 20 rounds "$i"
		ok "$1 vifs, upgrade $i" vifctl daemon upgrade
	done
	ok "$1 vifs: nothing was asked twice" until_true 20 all_took "$1" 3
	until_true 20 rounds 5
	kill $GUESTS
	least=$(sed -n '2,$s/ us//p' /tmp/pause | sort -n | head -n 1)
	ok "$1 vifs: pauses $(sed -n '2,5p' /tmp/pause | tr '\n' ' ')" \
		test "$least" -le "$(most)"
}

guests 9 1 8
upgrades 1
vifctl detach vif9.0
guests 10 20 8
upgrades 20

# --- news while nobody serves: who gets the lock first keeps the next one waiting ----

"$B/tests/bench/pausegen" --run "$RUN" 40 1 100 1 >/tmp/pause &
GUESTS=$!
vifctl attach vif40.0 bridge=br0 >/dev/null
until_true 20 grep -q connected /tmp/pause

news()
{
	flock -w 10 "$RUN/netbackd.lock" sh -c "touch /tmp/between
		xenstore-write $BACK/40/0/rate 1000000,50000; sleep 0.2" &
	waiter=$!
	sleep 0.2
	vifctl daemon upgrade >/dev/null
	kill $waiter 2>/dev/null
	[ -e /tmp/between ]
}

ok 'something changes while nobody serves' until_true 1 news
ok 'and is heard' until_true 5 grep -q 'vif40.0: limited to' $LOG
kill $GUESTS
done_testing
