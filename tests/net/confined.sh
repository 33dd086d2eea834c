#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# confined.sh - a worker that a guest has taken over tries to get out
#
# System calls are made by real processes of netbackd (tests/guest/inject.c). A worker
# that makes one beyond its list is killed, and its guest does not notice. The
# nursery has everything of a worker's confinement but the list: what it
# cannot do is not for the list alone to prevent.
. "$(dirname "$0")/../lib.sh"
private "$@"
. "$(dirname "$0")/../host.sh"
. "$(dirname "$0")/../guests.sh"
need_tun confined
INJECT=$B/tests/guest/inject
sleep 60 &
if ! "$INJECT" $! 39 >/tmp/try 2>&1; then
	skip confined "$(cat /tmp/try)"
	done_testing
fi
kill $!
# Who is at work in its own code is not made to run something else.
sh -c 'while :; do :; done' &
BUSY=$!
loops()
{
	[ "$(sed 's/.*) //' "/proc/$BUSY/stat" | cut -d ' ' -f 12)" -gt 10 ]
}
until_true 20 loops # its start makes calls
same 'a process that makes no call is left alone' \
	"cannot stop it: Resource temporarily unavailable" \
	"$(timeout -s KILL 100 "$INJECT" $BUSY 39)"
kill -s PIPE $BUSY # the one signal that sh is silent about
wait $BUSY
same '.. and goes on, until it is told to end' $((128 + 13)) $?
# A sanitizer's worker may do more.
case $B in *san*)
	skip confined 'the plain build is what is confined'
	done_testing
	;;
esac

# No guest is called stalled of its own accord here.
HOST_ARGS='--workers 2 --stall 3600'
# host_up waits for one worker by name; there are two
workers()
{
	show | sed -n 's/.*"workers": *\[\([0-9, ]*\)\].*/\1/p' | tr , ' '
}
nursery()
{
	show | sed -n 's/.*"nursery": *\([0-9]*\).*/\1/p'
}
two_workers()
{
	# shellcheck disable=SC2046 # words
	set -- $(workers)
	[ $# = 2 ] && [ "$1" != 0 ] && [ "$2" != 0 ]
}
netbackd --store --run "$RUN" 2>>$LOG.store &
until_true 5 xenstore-ls /
# shellcheck disable=SC2086 # words
netbackd --run "$RUN" $HOST_ARGS >>$LOG 2>&1 &
DAEMON=$!
until_true 10 two_workers
ip link add br0 type bridge mcast_snooping 0 forward_delay 0
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up
for n in 1 2; do
	ok "attach $n" vifctl attach vif$n.0 bridge=br0 mac=00:16:3e:00:00:0$n
	guest $n --ip 10.0.0.$n/24
	ok "guest $n is up" until_true 10 guest_up $n
done

# The worker of vif1.0, and the other one.
mine()
{
	show | tr '{' '\n' | sed -n \
		's/.*"name": *"vif'"$1"'.0".*"worker": *\([0-9]*\).*/\1/p'
}
W=$(mine 1) OTHER=$(mine 2)
ok 'a worker for each guest' fails test "$W" = "$OTHER"

# --- what it holds --------------------------------------------------------------------

# The files in a process's mappings that are a guest's memory.
inodes()
{
	awk '$6 ~ /memfd/ { print $5 }' "/proc/$1/maps" | sort -u
}
inodes "$W" >/tmp/in1
inodes "$OTHER" >/tmp/in2
ok 'each has memory of its guest' test -s /tmp/in1 -a -s /tmp/in2
same "none of the other worker's guest" '' "$(comm -12 /tmp/in1 /tmp/in2)"
taps()
{
	grep -h '^iff:' "/proc/$1/fdinfo/"* | tr -d '\t '
}
same 'its own tap alone' 'iff:vif1.0' "$(taps "$W")"
same 'no file by name' '' "$(find "/proc/$W/fd" -type l -printf '%l\n' |
	grep '^/' | grep -v -e '^/dev/net/tun$' -e '^/memfd' -e keep/vif1.0 \
	-e '^/dev/null$' -e netbackd.workers -e nb-log)"

# --- beyond the list: killed ------------------------------------------------------------

# killed CALL ARGS..: by SIGSYS, and its guest talks on with another worker
killed()
{
	W=$(mine 1)
	[ "$W" -gt 0 ] || return 1
	killed_how=$("$INJECT" "$W" "$@")
	echo "$killed_how"
	[ "$killed_how" = 'killed 31' ] && until_true 5 has_mine "$W" &&
		until_true 5 ping -q -c 1 -W 1 10.0.0.1
}
has_mine()
{
	has_mine=$(mine 1)
	[ "${has_mine:-0}" != 0 ] && [ "$has_mine" != "$1" ]
}
# Not more than one deaths' window takes: tests/unit/test_sandbox.c has the others.
while read -r what call; do
	# shellcheck disable=SC2086 # words
	ok "a worker that tries to: $what: is killed" killed $call
done <<END
open_a_file				257 -100 s:/etc/passwd 0
run_a_program				59 s:/bin/sh 0 0
read_netbackd's_memory			310 $DAEMON q:4096,8 1 q:4096,8 1
kill_netbackd				62 $DAEMON 9
make_an_io_uring			425 8 b:128
END
same 'netbackd is the first' "$DAEMON" "$(show |
	sed -n 's/.*"pid": *\([0-9]*\).*/\1/p')"
same 'the other worker never noticed' "$OTHER" "$(mine 2)"
ok 'nor its guest' ping -q -c 1 -w 10 10.0.0.2

# --- what it may do, to others' harm --------------------------------------------------

# Its end of the socket by which it is told: of netbackd's network namespace.
orders()
{
	for orders_fd in "/proc/$1/fd/"*; do
		orders_it=$(readlink "$orders_fd")
		orders_it=${orders_it#socket:[}
		awk -v i="${orders_it%]}" '$7 == i && $5 == "0005" { ok = 1 }
			END { exit !ok }' /proc/net/unix &&
			echo "${orders_fd##*/}"
	done
}
# number NAME: of a kind of message
number()
{
	awk -v want="WORKER_$1," '/^enum worker_type/ { on = 1 }
		on && $1 ~ /^WORKER_/ { n++ }
		on && $1 == want { print n; exit }' \
		"$ROOT/netback/daemon/worker.h"
}
FATAL=$(number FATAL) STALL=$(number STALL),0,0,0,0,1
# says TYPE[,WORDS] DOMAIN: worker $W says that to netbackd, of vif DOMAIN.0
says()
{
	says_rest=${1#*,}
	[ "$says_rest" != "$1" ] || says_rest=0
	says_got=$("$INJECT" "$W" 1 "$(orders "$W")" \
		"w:$((${1%%,*} + ($2 << 16))),$says_rest" W)
	echo "$says_got"
	[ "${says_got#= }" -gt 1000 ] || return 1
	# an answer of that worker stands behind it in the socket
	vifctl show stats vif1.0 >/dev/null
}
carrier()
{
	cat "/sys/class/net/vif$1.0/carrier"
}
epochs()
{
	show | grep -o '"epoch": *[0-9]*'
}
W=$(mine 1)
EPOCHS=$(epochs)
ok "a worker says that another's guest broke the protocol" says $FATAL 2
ok ".. or takes nothing any more" says $STALL 2
same 'that one has its carrier' 1 "$(carrier 2)"
ok '.. and its connection' ping -q -c 1 -w 10 10.0.0.2
ok 'a worker says that its own guest takes nothing, sooner than it can know' \
	says $STALL 1
same '.. which has its carrier' 1 "$(carrier 1)"
same 'nobody was connected anew' "$EPOCHS" "$(epochs)"
same '.. or has another worker' "$W $OTHER" "$(mine 1) $(mine 2)"

# --- without the list: refused -------------------------------------------------------------

N=$(nursery)
one_uid()
{
	[ "$(awk '{ print $3 }' /proc/self/uid_map)" = 1 ]
}
# refused ERRORS CALL ARGS..: of the nursery, with one of these
refused()
{
	refused_want=$1
	shift
	refused_got=$("$INJECT" "$N" "$@")
	echo "$refused_got, wanted $refused_want"
	case ,$refused_want, in *,"${refused_got#= -1 }",*) ;; *) false ;; esac
}
while read -r what errors call; do
	[ -n "$what" ] || continue
	case $what in *netbackd*)
		if one_uid; then
			skip "$what" 'there is one uid: it is ours, too'
			continue
		fi
		;;
	esac
	# shellcheck disable=SC2086 # words
	ok "even without the list: $what: $errors" refused "$errors" $call
done <<END
open_a_file ENOENT,EACCES 257 -100 s:/etc/passwd 0
open_proc ENOENT,EACCES 257 -100 s:/proc/1/mem 2
leave_its_root ENOENT,EACCES 257 -100 s:../../../../etc/passwd 0
make_a_file ENOENT,EACCES 257 -100 s:/x 66 384
make_a_directory ENOENT,EACCES 83 s:/x 448
run_a_program ENOENT,EACCES 59 s:/bin/sh 0 0
connect_to_netbackd ENOENT,ENOTSOCK,ECONNREFUSED,EBADF 42 99 b:16 16
read_netbackd's_memory EPERM 310 $DAEMON q:4096,8 1 q:4096,8 1
trace_netbackd EPERM 101 16 $DAEMON 0 0
kill_netbackd EPERM 62 $DAEMON 9
take_a_descriptor_of_netbackd's EPERM,EBADF 438 99 3 0
become_root EPERM 105 0
mount EPERM 165 s:x s:/ s:tmpfs 0 0
unshare_a_mount_namespace EPERM 272 131072
see_a_network_device ENODEV,EBADF,ENOTTY 16 0 35123 b:64
load_a_program_into_the_kernel EPERM 321 5 b:72 72
set_the_clock EPERM 227 0 b:16
change_the_hostname EPERM 170 s:x 1
END
ok 'the nursery still works' until_true 5 has_mine 0
ok 'guests never noticed' ping -q -c 1 -w 10 10.0.0.1

# --- what it holds of the run directory's memory ------------------------------------------

# It may spoil its survival memory, not make it longer. Where its guest's memory
# lies there are bytes enough to write.
W=$(mine 1)
keep_fd()
{
	find "/proc/$W/fd" -lname '*keep/vif1.0' -printf '%f\n'
}
KEPT=$(stat -c %s "$RUN/keep/vif1.0")
AT=$(awk '/memfd/ { sub("-.*", ""); print "0x" $0; exit }' "/proc/$W/maps")
same 'a worker writes a megabyte to its survival memory: as much as it holds' \
	"= $KEPT" "$("$INJECT" "$W" 1 "$(keep_fd)" "$AT" 1048576)"
same '.. no more, and lives' '= -1 EFBIG' \
	"$("$INJECT" "$W" 1 "$(keep_fd)" "$AT" 4096)"
same '.. no byte longer' "$KEPT" "$(stat -c %s "$RUN/keep/vif1.0")"
kill -9 "$W"
ok 'the next worker takes none of it for true: its guest talks on' \
	until_true 10 ping -q -c 1 -W 1 10.0.0.1
kill $DAEMON
wait $DAEMON
done_testing
