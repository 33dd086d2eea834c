#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# kills.sh - how long a guest waits for an answer when a worker, or netbackd, is killed
#
#   K=50 chrt -f 5 sh tests/bench/kills.sh	by hand: chrt against other work
#
# One guest sends a frame each half millisecond; once in each round of some seconds (as
# many as keep deaths from being too many) one of them is killed by signal 9, K times
# each. Of each round the longest time between two answers; over all of them, in ms:
# p50, p99 and the longest.
. "$(dirname "$0")/../lib.sh"
private "$@"
. "$(dirname "$0")/../host.sh"
K=${K:-100}

netbackd --store --run "$RUN" 2>>$LOG.store &
until_true 5 xenstore-ls /
: >$LOG.pids
python3 "$ROOT/tests/net/manager.py" $LOG.notify netbackd --run "$RUN" \
	>>$LOG.pids 2>>$LOG &
until_true 10 has_worker 0
ip link add br0 type bridge mcast_snooping 0 forward_delay 0
ip link set br0 up

supervisor()
{
	sed -n 's/^pid //p' $LOG.pids | tail -n 1
}
rounds()
{
	[ "$(grep -c us /tmp/rounds)" -gt "$1" ]
}
# kills WHAT SECONDS
kills()
{
	"$B/tests/bench/pausegen" --run "$RUN" 1 1 $((K + 3)) "$2" >/tmp/rounds &
	kills_guest=$!
	vifctl attach vif1.0 bridge=br0 >/dev/null
	until_true 60 grep -q connected /tmp/rounds
	for i in $(seq "$K"); do
		until_true 60 rounds "$i"
		kill -9 "$($1)"
	done
	wait $kills_guest
	sed -n "4,$((K + 3))s/ us//p" /tmp/rounds | sort -n | awk -v what="$1" '
		{ v[NR] = $1 / 1000 }
		END { printf "%s: %d, p50 %.1f, p99 %.1f, longest %.1f\n", what, NR,
			v[int((NR + 1) / 2)], v[int((NR * 99 + 99) / 100)], v[NR] }'
	vifctl detach vif1.0
}
kills worker 3
kills supervisor 2
