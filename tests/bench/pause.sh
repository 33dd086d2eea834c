# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# pause.sh - how long a guest waits for an answer while netbackd is upgraded
#
# Sourced by bench.sh. One vif and 20, each sending a frame every half millisecond;
# of each upgrade the longest time between two answers to one vif. p50 and max of
# all upgrades make two rows.

pause_rounds()
{
	[ "$(grep -c us "/tmp/pause$1")" -gt "$2" ]
}

# "netbackd NEW has taken over from OLD": NEW is to be ended in its place.
pause_upgrade()
{
	pause_said=$(vifctl daemon upgrade)
	pause_new=${pause_said#netbackd }
	PIDS=$(echo " $PIDS " |
		sed "s/ ${pause_said##* } / ${pause_new%% *} /")
}

# pause_of COUNT: the first round has no upgrade.
pause_of()
{
	"$BENCH/pausegen" --run "$RUN" 8001 "$1" $((UPGRADES + 2)) 1 \
		>"/tmp/pause$1" &
	pause_pid=$!
	for d in $(seq 8001 $((8000 + $1))); do
		vifctl attach "vif$d.0" bridge=brpause
	done
	until_true 60 grep -q connected "/tmp/pause$1"
	for i in $(seq 0 $((UPGRADES - 1))); do
		until_true 60 pause_rounds "$1" "$i"
		pause_upgrade
	done
	wait "$pause_pid"
	sed -n "3,$((UPGRADES + 2))s/ us//p" "/tmp/pause$1" |
		awk '{printf "%.2f\n", $1 / 1000}' >/tmp/pauses
	sort -n /tmp/pauses | tail -n 1 >/tmp/pauses.max
	row upgrade "pause-$1-p50" ms /tmp/pauses wanted /tmp/pause.wanted LOWER
	row upgrade "pause-$1-max" ms /tmp/pauses.max wanted \
		/tmp/pause.wanted LOWER
	for d in $(seq 8001 $((8000 + $1))); do
		vifctl detach "vif$d.0"
	done
}

bench_upgrade()
{
	bridge brpause
	echo 50 >/tmp/pause.wanted
	[ "${QUICK:-0}" = 1 ] && UPGRADES=2 || UPGRADES=${UPGRADES:-12}
	pause_of 1
	pause_of 20
}
