#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# offload.sh - two guests, every offload on and off: bytes arrive, frames fit
#
# For each pair of guests: TCP both ways by IPv4 and IPv6 with digests at both
# ends, UDP of many sizes echoed, ping up to fragments. What really crossed the
# bridge is seen by tcpdump on the receiver's tap; the counters of netbackd and
# of both guests are the second and the third witness.
. "$(dirname "$0")/../lib.sh"
private "$@"

. "$(dirname "$0")/../host.sh"
need_tun offloads

host_up
ip link add br0 type bridge mcast_snooping 0
sysctl -qw net.ipv6.conf.br0.accept_dad=0
ip addr add 10.0.0.254/24 brd + dev br0
ip addr add fd00::254/64 dev br0

# guest N OPTION..: starts the guest of vifN.0 and waits until it is there.
guest()
{
	guest_n=$1
	shift
	: >"$LOG.g$guest_n"
	vifguest --vif "$guest_n.0" --ip "10.0.0.$guest_n/24" \
		--ip "fd00::$guest_n/64" --mtu "$MTU" --stats "$@" \
		>"$LOG.g$guest_n" 2>"$LOG.s$guest_n" &
	eval "G$guest_n=$!"
	until_true 10 grep -q connected "$LOG.g$guest_n" ||
		cat "$LOG.s$guest_n"
}

in1()
{
	nsenter -t "$G1" -n "$@"
}

in2()
{
	nsenter -t "$G2" -n "$@"
}

# counter VIF NAME: from netbackd.
counter()
{
	printf '{"cmd":"stats","vif":"%s"}\n' "$1" |
		socat -t 5 - "UNIX-CONNECT:$RUN/control" |
		sed -n "s/.*\"$2\": *\\([0-9]*\\).*/\\1/p"
}

# mean VIF DIRECTION: bytes a frame since `mark` (tx: from the guest).
mark()
{
	MF=$(counter "$1" "$2_frames") MB=$(counter "$1" "$2_bytes")
}
mean()
{
	echo $((($(counter "$1" "$2_bytes") - MB) /
		($(counter "$1" "$2_frames") - MF + 1)))
}

# clean FILE: no counter of what may never happen, no bell without cause.
clean()
{
	awk '/^(bad_|spurious |rx_error |tx_error )/ { n++
			if ($2) { print; bad = 1 } }
		/may not|broke/ { print; bad = 1 }
		END { exit bad || n < 16 }' "$1"
}

# Not within ok, which is another shell: it could not wait.
end()
{
	kill "$G1" "$G2"
	wait "$G1" || :
	wait "$G2" || :
}

T=$ROOT/tests/net/offload.py

# largest FILE: bytes of the longest frame in a capture.
largest()
{
	tcpdump -enr "$1" 2>/dev/null |
		sed -n 's/.*, length \([0-9]*\): .*/\1/p' | sort -n | tail -n 1
}

# between LOW HIGH N
between()
{
	echo "$3 is to be in $1..$2"
	[ "$3" -ge "$1" ] && [ "$3" -le "$2" ]
}

# A capture on vifN.0 of what goes to (out) or comes from (in) the guest.
watch_start()
{
	: >"$LOG.dump"
	tcpdump -Z root -i "vif$1.0" -Q "$2" -s 128 --immediate-mode -w "$LOG.cap" tcp \
		2>"$LOG.dump" &
	DUMP=$!
	until_true 5 grep -q 'listening on' "$LOG.dump"
}
watch_end()
{
	kill -INT "$DUMP"
	wait "$DUMP" || :
	SEEN=$(largest "$LOG.cap")
}

# tcp FAMILY FROM TO: guest FROM sends, guest TO receives; sums compared.
tcp()
{
	tcp_host=10.0.0.$3
	[ "$1" = 4 ] || tcp_host=fd00::$3
	rm -f "$RUN/port"
	"in$3" timeout 300 python3 "$T" sink "$tcp_host" "$RUN/port" >"$RUN/sums" &
	tcp_sink=$!
	until_true 5 test -s "$RUN/port"
	"in$2" timeout 300 python3 "$T" source "$tcp_host" "$(cat "$RUN/port")" \
		>"$RUN/sums.want" || return 1
	wait $tcp_sink
	diff "$RUN/sums.want" "$RUN/sums" && [ -s "$RUN/sums" ]
}

# udp FAMILY: guest 2 echoes.
udp()
{
	udp_host=10.0.0.2
	[ "$1" = 4 ] || udp_host=fd00::2
	rm -f "$RUN/port"
	in2 timeout 300 python3 "$T" echo "$udp_host" "$RUN/port" &
	udp_echo=$!
	until_true 5 test -s "$RUN/port"
	udp_rc=0
	in1 python3 "$T" ask "$udp_host" "$(cat "$RUN/port")" "$MTU" || udp_rc=1
	wait $udp_echo || udp_rc=1
	return $udp_rc
}

# pings HOST HEADERS: whole up to the MTU, in fragments above.
pings()
{
	for size in 0 1 17 64 500 $((MTU - $2 - 1)) $((MTU - $2)) \
		$((MTU - $2 + 1)) $((2 * MTU + 3)) 20000; do
		in1 ping -q -c 1 -w 20 -s "$size" "$1" >/dev/null || {
			echo "size $size"
			return 1
		}
	done
	in1 ping -q -c 1 -w 20 -M "do" -s $((MTU - $2)) "$1" >/dev/null
}

# The MTU that both guests can have, as vifguest limits it.
mtu_of()
{
	case " $* " in *--no-sg*) echo 1500 ;; *) echo "$MTU" ;; esac
}

# big OPTION..: may frames of this guest's be larger than its MTU?
big()
{
	case " $* " in
	*--no-gso* | *--no-csum* | *--no-sg*) return 1 ;;
	esac
}

# pair "OPTIONS OF GUEST 1" "OPTIONS OF GUEST 2"
pair()
{
	WHAT="mtu $MTU [$1] [$2]"
	# shellcheck disable=SC2086 # options are words
	guest 1 $1
	# shellcheck disable=SC2086
	guest 2 $2
	P1=$1 P2=$2 MAIN_MTU=$MTU
	# shellcheck disable=SC2086
	[ "$(mtu_of $1)" -ge "$MTU" ] && [ "$(mtu_of $2)" -ge "$MTU" ] ||
		MTU=1500
	in1 ip link set eth0 mtu "$MTU"
	in2 ip link set eth0 mtu "$MTU"
	until_true 5 in1 ping -q -c 1 -W 1 10.0.0.2
	until_true 5 in1 ping -q -c 1 -W 1 fd00::2
	for family in 4 6; do
		one_way 1 2 "$P1" "$P2"
		one_way 2 1 "$P2" "$P1"
		ok "$WHAT: udp echo, IPv$family" udp $family
	done
	ok "$WHAT: ping" pings 10.0.0.2 28
	ok "$WHAT: ping by IPv6" pings fd00::2 48
	MTU=$MAIN_MTU
	end
	ok "$WHAT: guest 1 has nothing to complain of" clean "$LOG.s1"
	ok "$WHAT: guest 2 has nothing to complain of" clean "$LOG.s2"
}

# one_way FROM TO "OPTIONS OF FROM" "OPTIONS OF TO": TCP, and how large it is:
# as sent by one guest, and as the host hands it on to the other.
one_way()
{
	watch_start "$2" out
	mark "vif$1.0" tx
	ok "$WHAT: tcp $1 to $2, IPv$family" tcp "$family" "$1" "$2"
	SENT=$(mean "vif$1.0" tx)
	watch_end
	# shellcheck disable=SC2086
	if big $3; then
		ok "$WHAT: sent in large frames" \
			between $((2 * MTU + 1)) 65535 "$SENT"
	else
		ok "$WHAT: sent in frames" between 300 $((MTU + 18)) "$SENT"
	fi
	# shellcheck disable=SC2086
	if big $3 && big $4; then
		ok "$WHAT: handed on in large frames" \
			between $((2 * MTU + 1)) 65535 "${SEEN:-0}"
	else
		ok "$WHAT: handed on in frames" \
			between 300 $((MTU + 18)) "${SEEN:-0}"
	fi
}

# A guest that stops, is sent more than it has buffers for, and goes on: if it
# does not ring for the buffers it then posts, only a clock finds them.
silent()
{
	guest 2 --no-rx-notify
	WHAT='no rx-notify'
	# Whatever it sent by itself would wake the backend.
	in2 sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1
	ok "$WHAT: the host reaches it" \
		until_true 5 ping -q -c 1 -W 1 10.0.0.2
	kill -STOP "$G2"
	python3 "$T" flood 10.0.0.255 400
	until_true 5 holds 1
	ok "$WHAT: a stopped guest has a frame waiting" holds 1
	kill -CONT "$G2"
	ok "$WHAT: it goes on unasked" until_true 2 holds 0
	ok "$WHAT: the host reaches it again" ping -q -c 1 -w 20 10.0.0.2
	ok "$WHAT: nothing turns while nothing waits" until_true 1 no_turns
	kill "$G2"
	wait "$G2" || :
	ok "$WHAT: it has nothing to complain of" clean "$LOG.s2"
}

# The host still asks for a neighbour now and then: one quiet second will do.
no_turns()
{
	turns=$(counter vif2.0 turns)
	sleep 1
	between "$turns" $((turns + 2)) "$(counter vif2.0 turns)"
}

holds()
{
	[ "$(counter vif2.0 held)" = "$1" ]
}

for MTU in ${MTUS:-1500 9000}; do
	ip link set br0 down
	ip link set br0 mtu "$MTU"
	ip link set br0 up
	vifctl attach vif1.0 bridge=br0 mtu="$MTU" >>$LOG 2>&1
	vifctl attach vif2.0 bridge=br0 mtu="$MTU" >>$LOG 2>&1
	if [ "${ONLY:-}" = silent ]; then
		silent
	elif [ -n "${ONLY+set}" ]; then
		pair "$ONLY" "${ONLY2:-}"
	else
		pair '' ''
		for off in --no-gso --no-csum --no-sg; do
			pair $off ''
			pair '' $off
		done
		pair '--no-sg --no-csum --single-channel' '--no-gso'
		pair '--single-channel' '--no-rx-notify'
		[ "$MTU" != 1500 ] || silent
	fi
	vifctl detach vif1.0 >>$LOG 2>&1
	vifctl detach vif2.0 >>$LOG 2>&1
done

ok 'no guest was called a breaker of the protocol' \
	fails grep -E 'broke|refused|over and over|memory went' $LOG
done_testing
