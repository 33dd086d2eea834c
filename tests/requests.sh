# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# requests.sh - each request of an attach fails once, or is its last
#
# For tests with $M (tests/guest/modes), $WORDS, what attach is told, and the
# functions attach and held; $UNDONE is what held is to find afterwards.

# each_request LEAST CALL WHAT AFTER: an attach whose first CALL meets WHAT (error=..,
# signal=..), one whose second does .., until one is no longer touched. After each of
# them AFTER N STATUS. PLACES=n: each nth CALL only, for slow machines.
each_request()
{
	n=0
	rc=1
	while [ $rc != 0 ] && [ $n -lt 200 ]; do
		n=$((n + ${PLACES:-1}))
		# shellcheck disable=SC2086
		timeout -s KILL 60 strace -qq -o /dev/null -e "trace=$2" \
			-e "inject=$2:$3:when=$n" "$M" attach $WORDS \
			>"$RUN/out" 2>&1
		rc=$?
		"$4" $n $rc >"$RUN/after" 2>&1 && continue
		echo "$2 $n, $3, status $rc"
		cat "$RUN/out" "$RUN/after"
		return 1
	done
	echo "$n requests"
	[ $n -gt "$1" ] && [ $n -lt 200 ]
}

# What failed has undone itself.
all_back()
{
	[ "$2" = 0 ] || held "$UNDONE"
}

# What was killed is made right, in one of two ways.
made_right()
{
	# shellcheck disable=SC2086
	if [ $(($1 % 2)) = 0 ]; then
		attach && "$M" check $WORDS || return 1
	fi
	"$M" undo "${WORDS%% *}" && held "$UNDONE"
}
