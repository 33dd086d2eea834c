#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# steer.sh - what a guest may ask of a backend beside carrying frames
#
# A guest that behaves speaks the control ring to a running netbackd: hashes
# arrive with the published values and in the queue that the table says, static
# grants are mapped and let go, all of it also after a worker's death. Frames
# begin where the guest wants them to (XDP); of groups it hears those it joined.
. "$(dirname "$0")/../lib.sh"
private "$@"

HOST=10.0.0.254
M1=00:16:3e:00:00:01
FRONT=/local/domain/1/device/vif/0
. "$(dirname "$0")/../host.sh"
need_tun 'the control ring'

host_up
ip link add br0 type bridge mcast_snooping 0 forward_delay 0
ip addr add $HOST/24 dev br0
ip link set br0 up
for f in /proc/sys/net/bridge/bridge-nf-call-*; do
	[ ! -e "$f" ] || echo 0 >"$f"
done
vifctl attach vif1.0 bridge=br0 mac=$M1 >/dev/null

tool()
{
	python3 "$ROOT/tests/net/steer.py" "$@"
}
in1()
{
	nsenter -t "$G1" -n "$@"
}
guest()
{
	: >$LOG.s
	vifguest --vif 1.0 --ip 10.0.0.1/24 --stats --verbose "$@" \
		>$LOG.g 2>>$LOG.s &
	G1=$!
	until_true 10 grep -q connected $LOG.g
	until_true 10 in1 ping -q -c 1 -W 1 $HOST
}
# ends NAME [KILLS]: a worker that takes up rings may ring for what its guest has
# heard already, once.
ends()
{
	kill $G1
	wait $G1
	same "$1: ends well" 0 $?
	ok "$1: saw nothing that a backend may not do" clean "${2:-0}"
}
clean()
{
	awk -v kills="$1" '/^bad_/ { n++; if ($2) { print; bad = 1 } }
		/^spurious/ { n++; if ($2 > 8 * kills) { print; bad = 1 } }
		/may not|broke|refused|still holds|no answer|let go/ {
			print; bad = 1 }
		END { exit bad || n < 16 }' $LOG.s
}
counts()
{
	grep -c "^$1 " $LOG.s
}
counted_more()
{
	[ "$(counts "$1")" -gt "$2" ]
}
# count NAME: as the guest counts now.
count()
{
	counted=$(counts "$1")
	kill -USR1 $G1
	until_true 5 counted_more "$1" "$counted"
	sed -n "s/^$1 //p" $LOG.s | tail -n 1
}
count_is()
{
	[ "$(count "$1")" = "$2" ]
}
# within COMMAND..: a few times.
within()
{
	for _ in 1 2 3 4 5 6 7 8 9 10; do
		"$@" >/tmp/within 2>&1 && return
	done
	cat /tmp/within
	false
}
hashes()
{
	tool vectors br0 $M1
	sleep 0.2
	tool check "$MAP" $LOG.s
}

# --- hash, table, static grants ---------------------------------------------------

MAP=2,0,3,1,1,0,3
guest --queues 4 --hash-map $MAP --static-grants
same 'what is asked for stands in the store' '1 9' \
	"$(xenstore-read $FRONT/ctrl-ring-ref | grep -c .) $(xenstore-read \
	$FRONT/event-channel-ctrl)"
ok 'published values, each in the queue of its place' within hashes
same 'as many buffers are mapped as a vif may have' 512 "$(count mapped)"
ok 'all frames of IP carry a hash' test "$(count rx_hashed)" -ge 16
ok 'pings go through them' in1 ping -q -c 50 -i 0.01 -s 1400 $HOST
W=$(worker)
kill -9 "$W"
until_true 10 has_worker "$W"
ok 'after a worker died: pings' until_true 5 in1 ping -q -c 1 -W 1 $HOST
: >$LOG.s
ok 'hash and table as before' within hashes
ok 'buffers are still mapped' count_is mapped 512
ends 'hash and static grants' 1

# Another guest on the same vif has asked for nothing: it gets nothing.
guest
tool vectors br0 $M1
sleep 0.2
same 'who does not ask gets no hash' 0 "$(count rx_hashed)"
ok 'its keys are not the ones of before' fails xenstore-read \
	$FRONT/ctrl-ring-ref
ends 'nothing asked'

MAP=0
guest --hash
ok 'without a table: the only queue' within hashes
ends 'hash alone'
guest --queues 2 --hash-map 0,1,2
ok 'a table with a queue that is not there is refused' \
	grep -q 'control ring: request 6: refused, status 2' $LOG.s
kill $G1
wait $G1

# --- headroom -----------------------------------------------------------------------

guest --headroom 256
ok 'headroom: pings' in1 ping -q -c 20 -i 0.01 -s 1400 $HOST
in1 ip link set eth0 txqueuelen 5000
python3 "$ROOT/tests/net/offload.py" flood 10.0.0.1 300 >/dev/null 2>&1
ok 'every frame came behind it' sh -c \
	"[ '$(count rx_headroom)' -gt 20 ] && awk '
	/^rx_frames/ { f = \$2 } /^rx_headroom/ { h = \$2 } /^spurious/ {
	if (f != h) exit 1 }' $LOG.s"
ends headroom
guest --headroom 256 --hash
ok 'with a hash beside it' within hashes
ok 'and pings' in1 ping -q -c 5 -i 0.01 $HOST
ends 'headroom and hash'

# --- groups --------------------------------------------------------------------------

guest --group 01:00:5e:00:00:11 --group 33:33:00:00:00:12
ok 'groups joined' until_true 5 count_is tx_groups 2
in1 python3 "$ROOT/tests/net/steer.py" hear eth0 >/tmp/heard &
HEAR=$!
until_true 5 grep -q ready /tmp/heard
# to N: to both groups, to another, and to all.
to()
{
	tool group br0 01:00:5e:00:00:11 "joined$1"
	tool group br0 33:33:00:00:00:12 "six$1"
	tool group br0 01:00:5e:00:00:13 "other$1"
	tool group br0 ff:ff:ff:ff:ff:ff "all$1"
}
heard()
{
	sed -n "/$1\$/p" /tmp/heard | tr '\n' ' '
}
to 1
ok 'who joined hears' until_true 5 grep -q all1 /tmp/heard
same 'only its groups, and what is for all' 'joined1 six1 all1 ' "$(heard 1)"
xenstore-write $FRONT/request-multicast-control 0
turned()
{
	to "$1"
	until_true 5 grep -q "all$1" /tmp/heard && [ "$(heard "$1")" = "$2" ]
}
n=2
until [ $n = 20 ] || turned $n "joined$n six$n other$n all$n "; do
	n=$((n + 1))
done
ok 'switched off while it runs: hears all' test $n -lt 20
xenstore-write $FRONT/request-multicast-control 1
n=30
until [ $n = 50 ] || turned $n "joined$n six$n all$n "; do
	n=$((n + 1))
done
ok 'switched on again: its groups' test $n -lt 50
W=$(worker)
kill -9 "$W"
until_true 10 has_worker "$W"
until_true 5 in1 ping -q -c 1 -W 1 $HOST
ok 'a worker died: its groups still' turned 60 'joined60 six60 all60 '
kill $HEAR 2>/dev/null
ends groups 1
done_testing
