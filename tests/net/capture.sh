#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# capture.sh - vifctl capture, with tcpdump as the judge
#
# Two guests on a bridge. What is captured is read by tcpdump and held against
# what was sent and against the vif's counters; then everything that can end a
# capture, or must not, happens to one: -c, ^C, a full disk, a slow reader, a
# reader that leaves, the death of vifctl, of the worker, of netbackd, detach.
. "$(dirname "$0")/../lib.sh"
private "$@"

F=/tmp/f.pcap
PYTHON=$(command -v python3)

. "$(dirname "$0")/../host.sh"
need_tun capture

host_up
ip link add br0 type bridge mcast_snooping 0
ip link set br0 up

# guest N: starts the guest of vifN.0 and waits until it is there.
guest()
{
	vifguest --vif "$1.0" --ip "10.0.0.$1/24" >"$LOG.g$1" 2>&1 &
	eval "G$1=$!"
	until_true 10 grep -q connected "$LOG.g$1"
}

in1()
{
	nsenter -t "$G1" -n "$@"
}

in2()
{
	nsenter -t "$G2" -n "$@"
}

pings()
{
	in1 ping -q -c 1 -w 10 10.0.0.2
}

# What the one before said is not what the next one says.
fresh()
{
	rm -f $LOG.c $LOG.rc
}

runs()
{
	until_true 5 grep -q capturing $LOG.c
}

# capture ARG..: one of vif1.0 in the background, when it runs.
capture()
{
	fresh
	vifctl capture vif1.0 "$@" 2>$LOG.c &
	C=$!
	runs
}

# ends DESCRIPTION SIGNAL: it does, with exit status 0. Not in ok's subshell,
# which could not wait.
ends()
{
	[ "$2" = none ] || kill "-$2" "$C"
	wait "$C"
	same "$1" 0 $?
}

captured()
{
	sed -n 's/^\([0-9]*\) frames\{0,1\} captured.*/\1/p' $LOG.c
}

lost()
{
	sed -n 's/.* \([0-9]*\) lost .*/\1/p' $LOG.c
}

# judge FILE [filter]: how many frames tcpdump reads; it must not complain.
judge()
{
	judge_f=$1
	shift
	tcpdump -n -r "$judge_f" "$@" 2>$LOG.t | grep -c .
	grep -v '^reading from file' $LOG.t | sed 's/^/tcpdump: /'
}

# Frames that the vif's counters know, both ways.
passed()
{
	vifctl --json show stats vif1.0 | "$PYTHON" -c "import json,sys
v = json.load(sys.stdin)[0]
c = v['counters']
print(c['tx_frames'] + c['tap_in'] - c['tap_in_drop'])"
}

for n in 1 2; do
	vifctl attach vif$n.0 bridge=br0 mac=00:16:3e:00:00:0$n >/dev/null
	guest $n
done
ok 'two guests talk' until_true 5 pings
in2 iperf3 -s >/dev/null 2>&1 &
IPERF=$!
until_true 5 listening 5201 in2
# transfers WORDS..: iperf3's server does not listen for a moment after each.
transfers()
{
	until_true 5 in1 iperf3 -c 10.0.0.2 "$@"
}

# --- bad words ---------------------------------------------------------------

# refused STATUS WORDS ARG..: vifctl capture ends with it and says so.
refused()
{
	refused_rc=$1
	refused_text=$2
	shift 2
	vifctl capture "$@" >/dev/null 2>$LOG.r </dev/null
	[ $? = "$refused_rc" ] || { echo "status $?"; cat $LOG.r; return 1; }
	cat $LOG.r
	grep -qF -- "$refused_text" $LOG.r
}
ok 'no vif' refused 2 'which vif?'
ok 'a filter that is none' refused 2 \
	'vifctl: vif1.0: filter "tcp prot 80": ' vif1.0 -w $F tcp prot 80
ok 'with the words of pcap' grep -q 'syntax error' $LOG.r
ok 'no such protocol' refused 2 \
	'vifctl: vif1.0: filter "fluid": ' vif1.0 -w $F fluid
ok 'no such option' refused 2 'bad option "-q"' vif1.0 -q
ok 'a snaplen that is too long' refused 2 '-s 70000' vif1.0 -s 70000
ok 'no such vif' refused 1 'vif7.0: no such vif' vif7.0 -w $F
ok 'a directory that is not there' refused 1 \
	'cannot write /tmp/none/f' vif1.0 -w /tmp/none/f
ok 'no file was made for those' fails test -e $F
ok 'a terminal gets no frames' sh -c '"$1" -c "import pty
pty.spawn([\"vifctl\", \"capture\", \"vif1.0\"])" |
	grep -q "stdout is a terminal; give -w FILE"' - "$PYTHON"

# --- what is captured ----------------------------------------------------------

capture -w $F
in1 ip neigh flush all
ok 'pings pass a capture' in1 ping -q -i 0.01 -c 20 10.0.0.2
ends '^C ends it' INT
same 'nothing is lost' 0 "$(lost)"
same 'tcpdump reads as many' "$(captured)" "$(judge $F)"
same 'what the guest sends is there' 20 "$(judge $F 'icmp[0] == 8')"
same 'what it receives too' 20 "$(judge $F 'icmp[0] == 0')"
ok 'ARP as well' test "$(judge $F arp)" -ge 2

capture -w $F -c 6 -s 50 icmp and src 10.0.0.1
ok 'traffic for a filter' in1 ping -q -i 0.01 -c 20 10.0.0.2
ends '-c ends it' none
same '6 captured' 6 "$(captured)"
same '6 in the file' 6 "$(judge $F)"
same 'all from the guest' 6 "$(judge $F 'icmp and src 10.0.0.1')"
same '50 bytes of each' $((24 + 6 * 66)) "$(stat -c %s $F)"

capture -w $F tcp
ok 'large frames' transfers -n 20M
ok 'large frames: the other way' transfers -R -n 20M
ends 'SIGTERM ends it' TERM
same 'large: captured and lost are all that matched' "$(captured)" \
	"$(judge $F)"
ok 'large: of 30000 bytes or more, sent' \
	test "$(judge $F src 10.0.0.1 and greater 30000)" -gt 5
ok 'large: of 30000 bytes or more, received' \
	test "$(judge $F dst 10.0.0.1 and greater 30000)" -gt 5
echo "# largest: $("$PYTHON" - $F <<'P'
import struct, sys
d = open(sys.argv[1], 'rb').read()
at, most = 24, 0
while at < len(d):
    n, = struct.unpack_from('<I', d, at + 8)
    most = max(most, n)
    at += 16 + n
assert at == len(d)
print(most)
P
)"

fresh
vifctl capture vif1.0 -c 5 icmp 2>$LOG.c | tcpdump -n -r - >$LOG.p 2>&1 &
runs
in1 ping -q -i 0.01 -c 5 10.0.0.2 >/dev/null
wait $!
same 'a pipe into tcpdump' 5 "$(grep -c 'ICMP echo' $LOG.p)"

# --- who reads slowly, or not at all ---------------------------------------------

mkfifo /tmp/slow /tmp/go
rm -f $F
before=$(passed)
fresh
vifctl capture vif1.0 -w - >/tmp/slow 2>$LOG.c &
C=$!
{ read -r _ </tmp/go; cat >$F; } </tmp/slow &
CAT=$!
runs
ok 'traffic does not wait for a reader' transfers -n 60M
echo go >/tmp/go
until_true 5 test -s $F
sleep 0.3
ends 'a slow reader' INT
wait $CAT
after=$(passed)
ok 'a slow reader: frames were lost' test "$(lost)" -gt 0
same 'a slow reader: whole frames only' "$(captured)" "$(judge $F)"
diff=$((after - before - $(captured) - $(lost)))
ok "a slow reader: captured and lost are what passed ($diff)" \
	test "${diff#-}" -le 4

fresh
vifctl capture vif1.0 -w - >/tmp/slow 2>$LOG.c &
C=$!
{ exec sleep 100; } </tmp/slow &
S=$!
runs
transfers -n 20M
ends 'a reader that hangs does not hold ^C' INT
kill $S

fresh
{ vifctl capture vif1.0 2>$LOG.c; echo $? >$LOG.rc; } | head -c 500 >/dev/null &
runs
in1 ping -q -i 0.01 -c 50 10.0.0.2 >/dev/null
ok 'a reader that leaves ends it' until_true 5 grep -q captured $LOG.c
ok 'a reader that leaves is no failure' until_true 5 grep -qx 0 $LOG.rc

# --- a full disk -------------------------------------------------------------------

mkdir /tmp/small
mount -t tmpfs -o size=64k tmpfs /tmp/small
capture -w /tmp/small/f
in1 ping -q -i 0.001 -s 1000 -c 100 10.0.0.2 >/dev/null
wait $C
same 'a full disk: exit status 1' 1 $?
ok 'a full disk: it is said' grep -q \
	'^vifctl: vif1.0: /tmp/small/f: No space left on device; the capture ended after [0-9]* frames, which the file holds whole' $LOG.c
n=$(sed -n 's/.*ended after \([0-9]*\) frames.*/\1/p' $LOG.c)
ok 'a full disk: there are some' test "$n" -gt 10
same 'a full disk: the file is whole' "$n" "$(judge /tmp/small/f)"
vifctl capture vif1.0 -w /tmp/small/g 2>$LOG.c
same 'a disk that is full already: 1' 1 $?
umount /tmp/small

# --- who dies ------------------------------------------------------------------------

capture -w $F
ok 'a second capture is refused' refused 1 \
	'vif1.0: another capture runs on it' vif1.0 -w /tmp/g.pcap
other()
{
	vifctl capture vif2.0 -c 2 >/dev/null 2>$LOG.other &
	until_true 5 grep -q capturing $LOG.other &&
		in1 ping -q -c 3 -i 0.01 10.0.0.2 && wait $!
}
ok 'on another vif it is not' other
kill -9 $C
wait $C
in1 ping -q -i 0.01 -c 10 10.0.0.2 >/dev/null
capture -w $F
ok 'after vifctl was killed another runs' pings
ends 'and ends well' INT
ok 'and has frames' test "$(captured)" -ge 2

W=$(worker)
capture -w $F icmp
# The first and the last are told from those between by their size.
in1 ping -q -c 1 -w 10 -s 100 10.0.0.2 >/dev/null
in1 ping -i 0.01 -c 200 -w 30 10.0.0.2 >$LOG.ping &
P=$!
sleep 0.5
kill -9 "$W"
ok 'the worker was replaced' until_true 5 has_worker "$W"
W=$(worker)
sleep 0.5
kill -9 "$W"
ok 'and again' until_true 5 has_worker "$W"
wait $P
in1 ping -q -c 1 -w 10 -s 100 10.0.0.2 >/dev/null
ends 'worker killed: the capture ends well' INT
ok 'worker killed: it is said' grep -q '^2 workers died meanwhile' $LOG.c
same 'worker killed: whole frames' "$(captured)" "$(judge $F)"
ok 'worker killed: the first and the last ping are there' \
	test "$(judge $F 'ip[2:2] == 128')" -ge 4
got=$(($(sed -n 's/.* \([0-9]*\) received.*/\1/p' $LOG.ping) + 2))
ok "worker killed: replies captured as received ($got)" \
	test "$(judge $F 'icmp[0] == 0')" -ge $((got - 4))

capture -w $F
kill "$G1"
wait "$G1"
guest 1
ok 'a capture outlives the guest' until_true 5 pings
ends 'and sees the next one' INT
ok 'which pinged' test "$(judge $F icmp)" -ge 2

capture -w $F
pings >/dev/null
ok 'detach' vifctl detach vif1.0
ends 'detach ends it' none
ok 'with the reason' grep -q 'vif1.0: the vif is gone' $LOG.c
ok 'and counts' test "$(captured)" -ge 2
same 'and a whole file' "$(captured)" "$(judge $F)"

fresh
vifctl capture vif2.0 -w $F 2>$LOG.c &
C=$!
runs
kill "$DAEMON"
wait "$DAEMON"
wait $C
same 'netbackd ends: exit status 1' 1 $?
ok 'netbackd ends: it is said' grep -q '^vifctl: vif2.0: netbackd ended' $LOG.c
ok 'netbackd is away' refused 1 'netbackd does not answer' vif2.0 -w $F
kill "$IPERF" "$G1" "$G2" "$STORE"
done_testing
