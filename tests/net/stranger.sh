#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# stranger.sh - a guest hands over descriptors that take an hour to close
#
# Whoever holds the last reference of a TCP socket with SO_LINGER and unsent
# bytes waits in close(), and so does who merely drops a message with it. A
# guest may do that to itself; the store and netbackd serve others.
. "$(dirname "$0")/../lib.sh"
private "$@"

LOG=/tmp/nb-log
export XENSTORED_PATH="$RUN/store"

if ! { : <>/dev/net/tun; } 2>/dev/null; then
	skip 'strangers' '/dev/net/tun cannot be opened here'
	done_testing
fi

netbackd --store --run "$RUN" 2>>$LOG.store &
until_true 5 xenstore-ls /
# With a descriptor that somebody has forgotten.
python3 -c 'import os
os.dup2(os.open("/etc/passwd", os.O_RDONLY), 300)
os.set_inheritable(300, True)
os.execvp("netbackd", ["netbackd", "--run", os.environ["RUN"]])' 2>>$LOG &
DAEMON=$!
until_true 5 answers
ip link add br0 type bridge
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up
vifctl attach vif1.0 bridge=br0 >>$LOG 2>&1
vifctl attach vif2.0 bridge=br0 >>$LOG 2>&1

# A new client of the store, and a question to netbackd.
store_answers()
{
	timeout 30 xenstore-ls / >/dev/null
}
netbackd_answers()
{
	printf '{"cmd":"show"}\n' |
		timeout 30 socat -t 20 - "UNIX-CONNECT:$RUN/control" | grep -q vif2.0
}
guest_2()
{
	timeout 60 vifguest --vif 2.0 --ip 10.0.0.2/24 -- \
		ping -q -c 1 -w 20 10.0.0.254
}

# linger LEAF KIND COUNT WHEN: by domain 1.
linger()
{
	: >"$LOG.linger"
	python3 "$ROOT/tests/net/linger.py" "$RUN/dom/1/$1" "$2" "$3" "$4" \
		>"$LOG.linger" 2>&1 &
	until_true 5 grep -q sent "$LOG.linger" || cat "$LOG.linger"
	sleep 0.3
	WHAT="$1, $3 descriptors, $4"
	ok "$WHAT: the store answers" store_answers
	ok "$WHAT: netbackd answers" netbackd_answers
}

# Clock ticks of the oldest process with this command line's part.
ticks()
{
	for t in /proc/[0-9]*; do
		tr '\0' ' ' <"$t/cmdline" 2>/dev/null | grep -q "^$1" || continue
		awk '{ print $14 + $15 }' "$t/stat"
		return
	done
}

# Nobody but the supervisor has what was open at its start.
others_with_it()
{
	for t in /proc/[0-9]*/fd/300; do
		case $t in "/proc/$DAEMON/"* | *'*'*) ;; *) echo "$t" ;; esac
	done
}
ok 'the supervisor has inherited a descriptor' test -e "/proc/$DAEMON/fd/300"
same 'its workers have not' '' "$(others_with_it)"

# Domain 1 is new to it every time, for as long as its work is bounded.
before=$(ticks 'netbackd --run')
answers=$(python3 "$ROOT/tests/net/storm.py" "$RUN/dom/1/hv" 3)
after=$(ticks 'netbackd --run')
ok "3 s of connecting: answered 10 to 110 times ($answers)" \
	test "$answers" -ge 10 -a "$answers" -le 110
ok "it costs less than 10 % of a processor ($((after - before)) ticks)" \
	test $((after - before)) -le 30

linger hv seqpacket 1 read
linger hv seqpacket 20 read
linger hv seqpacket 3 hangup
linger store stream 1 read
linger store stream 20 read
linger store stream 3 hangup
ok 'another guest connects and is reached' guest_2
done_testing
