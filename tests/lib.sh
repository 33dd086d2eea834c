# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# lib.sh - what shell tests share: TAP points, a private place, waiting
#
# A test starts with:   . "$(dirname "$0")/../lib.sh"; private "$@"
# and ends with:        done_testing
# private re-runs the script in namespaces of its own (user, net, mount, pid), with
# tmpfs on $RUN: nothing it makes outlives it, SIGKILL included. PAUSE=1 stops
# at the first failure and says how to enter.

B=${B:-build}
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
case $B in /*) ;; *) B=$ROOT/$B ;; esac
PATH=$B:$PATH:/usr/sbin:/sbin
export B ROOT PATH
TAP_N=0
TAP_BAD=0

# An empty /tmp, in which the tree is still where it was if it lies there.
private_tmp()
{
	mount --rbind "$ROOT" /mnt
	mount -t tmpfs -o size=512m tmpfs /tmp
	case $ROOT in
	/tmp/*)
		mkdir -p "$ROOT"
		mount --rbind /mnt "$ROOT"
		;;
	esac
	umount -l /mnt
	cd "$ROOT" || exit 1
}

private()
{
	if [ "${NETBACK_PRIVATE:-}" != 1 ]; then
		export NETBACK_PRIVATE=1
		if [ "$(id -u)" = 0 ]; then
			exec unshare -n -m -i -p -f --kill-child --mount-proc \
				sh "$0" "$@"
		fi
		exec unshare -U -r -n -m -i -p -f --kill-child --mount-proc \
			sh "$0" "$@"
	fi
	private_tmp
	RUN=/tmp/nb-run
	mkdir -p $RUN
	mount -t sysfs sysfs /sys 2>/dev/null || :
	export RUN NETBACK_RUN=$RUN TMPDIR=/tmp
	ip link set lo up
}

# ok DESCRIPTION COMMAND..: one point; shows the command's output if it fails.
ok()
{
	TAP_N=$((TAP_N + 1))
	tap_what=$1
	shift
	if tap_out=$("$@" 2>&1); then
		echo "ok $TAP_N - $tap_what"
	else
		TAP_BAD=$((TAP_BAD + 1))
		echo "not ok $TAP_N - $tap_what"
		echo "# $*"
		printf '%s\n' "$tap_out" | sed 's/^/#   /'
		if [ "${PAUSE:-0}" = 1 ]; then
			echo "# paused: nsenter -a -t $$" >/dev/tty
			read -r _ </dev/tty
		fi
	fi
}

# fails COMMAND..: true when the command fails.
fails()
{
	! "$@"
}

# refused TEXT COMMAND..: it fails and says TEXT.
refused()
{
	refused_text=$1
	shift
	if "$@" >"$RUN/out" 2>&1; then
		echo 'it was taken'
		return 1
	fi
	grep -F -- "$refused_text" "$RUN/out" || { cat "$RUN/out"; return 1; }
}

# same DESCRIPTION WANT GOT
same()
{
	ok "$1" test "$2" = "$3"
}

skip()
{
	TAP_N=$((TAP_N + 1))
	echo "ok $TAP_N - $1 # SKIP $2"
}

# until_true SECONDS COMMAND..: polls every 20 ms. Four times that long before it is
# given up: SECONDS are of a machine that does nothing else.
until_true()
{
	until_n=$(($1 * 200))
	shift
	while ! "$@" >/dev/null 2>&1; do
		until_n=$((until_n - 1))
		[ "$until_n" -gt 0 ] || { "$@"; return 1; }
		sleep 0.02
	done
}

# Another host, without devices yet: `outside COMMAND` runs there, $OUT is its pid.
outside()
{
	nsenter -t "$OUT" -n -- "$@"
}
outside_there()
{
	[ "$(readlink "/proc/$OUT/ns/net")" != "$(readlink /proc/self/ns/net)" ]
}
outside_up()
{
	unshare -n sleep 1000 &
	OUT=$!
	until_true 10 outside_there
}

# steady: of what ip prints, what stays as it was set. Left out is what the kernel
# finds by itself some time later: carrier and what follows from it (a port's state,
# too), timers.
steady()
{
	sed 's/^[0-9]*: //; s/NO-CARRIER,//; s/,LOWER_UP//; s/,M-DOWN//; s/ state [A-Za-z]*//g
		s/ qdisc [a-z_]*//; s/ [a-z_]*_timer *[0-9.]*//g; s/ linkdown//; s/ tentative//
		s/ pref medium//; s/ *$//'
}

# listening PORT [COMMAND..]: somebody takes what comes to that port, TCP or UDP;
# COMMAND enters the namespace that is asked.
listening()
{
	listening_port=$1
	shift
	"$@" ss -Hlntu "sport = :$listening_port" | grep -q .
}

# answers: netbackd does. A socket has its name before anybody listens there.
answers()
{
	printf '{"cmd":"show"}\n' | socat -t 5 - "UNIX-CONNECT:$RUN/control" |
		grep -q vifs
}

# gaps FILE: of the requests of that ping before the last which was answered, how
# many were not. What is under way at its end is no loss.
gaps()
{
	sed -n 's/.*icmp_seq=\([0-9]*\) ttl.*/\1/p' "$1" | sort -nu |
		awk '{ last = $1 } END { print NR ? last - NR : "all" }'
}

# gaps_in FILE PERCENT: at most so many, of some.
gaps_in()
{
	gaps_last=$(sed -n 's/.*icmp_seq=\([0-9]*\) ttl.*/\1/p' "$1" | sort -nu |
		tail -n 1)
	echo "$(gaps "$1") of ${gaps_last:-0} lost"
	[ $(($(gaps "$1") * 100)) -le $((${gaps_last:-0} * $2)) ] &&
		[ "${gaps_last:-0}" -gt 0 ]
}

# watching PID: that `vifctl watch guard` has looked at all there is and waits, in
# its poll of half a second.
watching()
{
	grep -q '^7 [^ ]* 0x2 0x1f4 ' "/proc/$1/syscall"
}

done_testing()
{
	echo "1..$TAP_N"
	[ "$TAP_BAD" = 0 ]
	exit
}
