# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# host.sh - a host with a store and netbackd on it, for tests that start there
#
# After lib.sh and private:   . "$(dirname "$0")/../host.sh"; need_tun NAME; host_up
# HOST_ARGS: more options of netbackd. Logs are in $LOG (netbackd) and $LOG.store; pids in $DAEMON and $STORE.
LOG=/tmp/nb-log
export XENSTORED_PATH="$RUN/store"

# need_tun NAME: skips the whole test where nobody may make a tap.
need_tun()
{
	if ! { : <>/dev/net/tun; } 2>/dev/null; then
		skip "$1" '/dev/net/tun cannot be opened here'
		done_testing
	fi
}

show()
{
	printf '{"cmd":"show"}\n' | socat -t 5 - "UNIX-CONNECT:$RUN/control"
}

worker()
{
	show | sed -n 's/.*"worker": *\([1-9][0-9]*\).*/\1/p'
}

# has_worker PID: there is a worker, and another than that.
has_worker()
{
	has_worker=$(worker) && [ -n "$has_worker" ] && [ "$has_worker" != "$1" ]
}

host_up()
{
	netbackd --store --run "$RUN" 2>>$LOG.store &
	# shellcheck disable=SC2034 # for who sources this
	STORE=$!
	until_true 5 xenstore-ls /
	# shellcheck disable=SC2086 # words
	netbackd --run "$RUN" ${HOST_ARGS:-} 2>>$LOG &
	# shellcheck disable=SC2034
	DAEMON=$!
	until_true 5 has_worker 0
}
