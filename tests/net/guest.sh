#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# guest.sh - vifguest as its user sees it, and what its rings have to say
#
# Every guest here counts what the backend does; at the end of each the counters
# of what a backend may never do, and of bells without cause, must be 0.
. "$(dirname "$0")/../lib.sh"
private "$@"

HOST=10.0.0.254
SEQ=$B/tests/guest/udpseq

. "$(dirname "$0")/../host.sh"
need_tun vifguest

host_up
ip link add br0 type bridge
sysctl -qw net.ipv6.conf.br0.accept_dad=0
ip addr add $HOST/24 dev br0
ip addr add fd00::254/64 dev br0
ip link set br0 up

# guest N OPTION..: starts the guest of vifN.0 and waits until it is there.
guest()
{
	guest_n=$1
	shift
	rm -f "$LOG.g$guest_n" # what the last one said
	vifguest --vif "$guest_n.0" --ip "10.0.0.$guest_n/24" --stats "$@" \
		>"$LOG.g$guest_n" 2>"$LOG.s$guest_n" &
	eval "G$guest_n=$!"
	until_true 10 grep -q connected "$LOG.g$guest_n"
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
	in1 ping -q -c 1 -w 10 "$1"
}

# clean FILE: no counter of what may never happen, no bell without cause.
clean()
{
	awk '/^(bad_|spurious )/ { n++; if ($2) { print; bad = 1 } }
		/may not|broke/ { print; bad = 1 }
		END { exit bad || n < 16 }' "$1"
}

# end N: the guest ends in order, with clean counters.
end()
{
	eval "end_pid=\$G$1"
	# shellcheck disable=SC2154 # set by eval
	kill "$end_pid"
	wait "$end_pid"
	same "guest $1 ends well" 0 $?
	ok "guest $1 saw nothing that a backend may not do" clean "$LOG.s$1"
}

# sum N FIELD
sum()
{
	awk -v k="$2" '$1 == k { n += $2 } END { print n + 0 }' "$LOG.s$1"
}

# iperf3's server is busy for a moment after each.
transfers()
{
	in1 iperf3 -c 10.0.0.2 -n 30M "$@" >/dev/null
}

# --- one command ------------------------------------------------------------

run1()
{
	vifguest --vif 1.0 --ip 10.0.0.1/24 "$@"
}

vifctl attach vif1.0 bridge=br0 mac=00:16:3e:00:00:01 >/dev/null
vifctl attach vif2.0 bridge=br0 mac=00:16:3e:00:00:02 >/dev/null
ok 'a command finds its network' run1 -- ping -q -c 1 -w 10 $HOST
run1 -- sh -c 'exit 7'
same 'its exit status is passed on' 7 $?
run1 -- sh -c 'kill -9 $$'
same 'so is its signal' 137 $?
run1 -- /nonexistent/command 2>/dev/null
same 'a command that is not there is 127' 127 $?
run1 -- /etc/passwd 2>/dev/null
same 'one that cannot be run is 126' 126 $?
same 'the card has the MAC of the store' 00:16:3e:00:00:01 \
	"$(run1 -- ip -br link show eth0 | awk '{ print $3 }')"
same 'it has the name asked for' net7 \
	"$(run1 --dev net7 -- ip -br link show net7 | awk '{ print $1 }')"
same 'and the MTU' 1280 "$(run1 --mtu 1280 -- ip link show eth0 |
	sed -n 's/.* mtu \([0-9]*\) .*/\1/p')"
ok 'two addresses and IPv6' run1 --ip 10.0.0.11/24 --ip fd00::1/64 -- sh -c \
	"ping -q -c 1 -w 10 -I 10.0.0.11 $HOST && ping -q -c 1 -w 10 fd00::254"

# --- two guests, every way of speaking ------------------------------------------

for how in '' --single-channel --no-sg --no-gso --no-csum --no-rx-notify; do
	# shellcheck disable=SC2086 # no word when empty
	guest 2 $how
	nsenter -t "$G2" -n iperf3 -s >>$LOG.iperf 2>&1 &
	IPERF=$!
	# shellcheck disable=SC2086
	guest 1 $how
	until_true 5 in2 sh -c 'ss -ltn | grep -q :5201'
	ok "TCP to a guest ${how:-as it is}" until_true 1 transfers
	ok "TCP from a guest ${how:-as it is}" until_true 1 transfers -R
	kill $IPERF
	wait $IPERF
	end 1
	end 2
	gso=$(($(sum 1 tx_bytes) / $(sum 1 tx_frames) > 2000))
	case $how in
	'' | --single* | --no-rx*) same "large segments $how" 1 $gso ;;
	*) same "no large segments $how" 0 $gso ;;
	esac
done

# few FILE: what udpseq lost and doubled is at most a batch, of 2000.
few()
{
	# shellcheck disable=SC2016 # awk's
	awk -F '[ =]' '{ exit !($2 == 2000 && $4 >= 1936 && $8 <= 64) }' "$1"
}

# --- what comes between ----------------------------------------------------------

guest 2
guest 1
# Who is not given a CPU for a second loses nothing for that.
in1 ip link set eth0 txqueuelen 5000
ip link set vif2.0 txqueuelen 5000
for i in 1 2; do
	in2 "$SEQ" recv 5000 >$LOG.seq &
	RECV=$!
	until_true 5 listening 5000 in2
	in1 "$SEQ" send 10.0.0.2 5000 1000 2 >/dev/null &
	SEND=$!
	sleep 1
	old=$(worker)
	kill -9 "$old"
	wait $RECV $SEND
	ok "another worker took over, $i" has_worker "$old"
	# At most the batch that was in its hands.
	ok "nearly nothing was lost, $i: $(cat $LOG.seq)" few $LOG.seq
done
CHILD=$(tr -d ' ' <"/proc/$STORE/task/$STORE/children")
kill -9 "$CHILD"
ok 'without a store frames go on' pings 10.0.0.2
until_true 5 xenstore-ls /

carrier()
{
	[ "$(in1 ip -br link show eth0 | grep -c LOWER_UP)" = "$1" ]
}
vifctl detach vif1.0 >/dev/null
ok 'detached, after the store died: no carrier' until_true 5 carrier 0
vifctl attach vif1.0 bridge=br0 mac=00:16:3e:00:00:01 >/dev/null
ok 'attached again: carrier' until_true 5 carrier 1
ok 'and frames' until_true 5 pings 10.0.0.2

# --- silence -----------------------------------------------------------------------

for n in 1 2; do
	in$n sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1
done
sleep 0.5
switches()
{
	cat /proc/"$1"/task/*/status | awk '/ctxt/ { n += $2 } END { print n }'
}
# The kernel still asks for a neighbour now and then: one quiet second will do.
quiet()
{
	quiet_n=$(switches "$G1")
	sleep 1
	[ "$(switches "$G1")" = "$quiet_n" ]
}
ok 'a silent guest is not woken' until_true 1 quiet

# --- ends ---------------------------------------------------------------------------

kill -9 "$G1"
wait "$G1" 2>/dev/null
guest 1
ok 'the next guest of the vif starts over' until_true 5 pings 10.0.0.2
end 1
kill "$G2"
wait "$G2"
same 'the guest that outlived two workers ends well' 0 $?

# --- a host of its own ------------------------------------------------------------------

ok 'a guest with nothing around it' \
	vifguest -- ping -q -c 3 -i 0.2 -w 10 10.99.0.1
ok 'with the addresses asked for' vifguest --host-ip 10.5.0.9/16 \
	--ip 10.5.7.7/16 -- ping -q -c 3 -i 0.2 -w 10 10.5.0.9
vifguest -- sh -c 'exit 9'
same 'its exit status' 9 $?
vifguest >$LOG.p 2>&1 &
P=$!
until_true 10 grep -q 'netns pid' $LOG.p
pid=$(sed 's/.*pid //' $LOG.p)
ok 'the pid it names can be entered' nsenter -t "$pid" -n \
	ping -q -c 3 -i 0.2 -w 10 10.99.0.1
# Processes of its pid namespace, zombies left out.
space=$(readlink "/proc/$pid/ns/pid")
left()
{
	for p in /proc/[0-9]*; do
		[ "$(readlink "$p/ns/pid")" != "$space" ] ||
			grep '^State:.[^ZX]' "$p/status"
	done 2>/dev/null | wc -l
}
none_left()
{
	[ "$(left)" = 0 ]
}
ok 'it stands in a namespace of its own, with others' test "$(left)" -gt 3
kill -9 $P
wait $P 2>/dev/null
ok 'killed, nothing of it is left' until_true 5 none_left

done_testing
