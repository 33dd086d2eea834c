#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# limits.sh - so many packets and new connections a second, from the guest
#
# Counted where they arrive, over seconds that are measured: what the rate lets
# pass and as much again for its start, whatever else the machine does.
. "$(dirname "$0")/../lib.sh"
private "$@"
# shellcheck source=../host.sh
. "$(dirname "$0")/../host.sh"
# shellcheck source=../guests.sh
. "$(dirname "$0")/../guests.sh"
need_tun limits

refused()
{
	vifctl --json show vif1.0 | python3 -c '
import json, sys
print(json.load(sys.stdin)[0]["refused"]["from_guest"][sys.argv[1]])' "$1"
}

came()
{
	nft list chain inet count input |
		sed -n "s/.*$1 dport 9 .*packets \([0-9]*\) .*/\1/p"
}
came_some()
{
	[ "$(came "$1")" -ge "$2" ]
}

# sends KIND N FEWEST: the guest sends N datagrams, or SYNs, as fast as it can. Says
# how many came to the host and the tenths of seconds until they were counted.
sends()
{
	cat >/tmp/sends.py <<-'P'
	import socket, sys
	kind, n = sys.argv[1], int(sys.argv[2])
	for i in range(n):
	    if kind == "udp":
	        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	        s.sendto(b"x", ("10.0.0.254", 9))
	    else:
	        s = socket.socket()
	        s.setblocking(False)
	        s.connect_ex(("10.0.0.254", 9))
	    s.close()
	P
	nft reset rules >/dev/null
	began=$(date +%s%N)
	in_guest 1 python3 /tmp/sends.py "$1" "$2" >&2
	sleep 0.3
	until_true 5 came_some "$1" "$3" >&2
	echo "$(came "$1") $((($(date +%s%N) - began) / 100000000 + 1))"
}

# between FEWEST RATE KIND N: at least so many arrive, at most what the rate lets
# pass.
between()
{
	few=$1 rate=$2
	shift 2
	got=$(sends "$@" "$few")
	echo "# arrived and tenths of seconds: $got"
	# shellcheck disable=SC2086 # two words
	set -- $got
	[ "$1" -ge "$few" ] && [ "$1" -le $((rate + rate * ($2 + 5) / 10)) ]
}

host_up
ip link add br0 address 02:00:00:00:00:b0 type bridge
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up
nft -f - <<'END'
table inet count {
	chain input {
		type filter hook input priority 0
		udp dport 9 counter drop
		tcp dport 9 counter drop
	}
}
END
W='bridge=br0 mac=00:16:3e:00:00:01 ip=10.0.0.1'
# shellcheck disable=SC2086 # words
{
ok 'plan shows the rates' sh -c "vifctl plan vif1.0 $W packets=50/s connections=5 |
	grep -A 4 'hook ingress' | grep -q 'limit rate over 50/second burst 50 \
packets counter name \"drop_packets\" drop'"
vifctl plan vif1.0 $W packets=50/s connections=5 | sed -n '/^table/,$p' \
	>/tmp/plan.nft
ip tuntap add vif1.0 mode tap
ok 'as nft reads it' nft -c -f /tmp/plan.nft
ip tuntap del vif1.0 mode tap
ok 'attach' vifctl attach vif1.0 $W packets=50/s connections=5
}
guest 1 --ip 10.0.0.1/24
ok 'the guest is up' until_true 10 guest_up 1
ok 'check finds nothing' vifctl check vif1.0
sleep 1
ok 'packets over the rate are dropped' between 20 50 udp 2000
ok '.. and counted' test "$(refused packets)" -gt 20
vifctl set vif1.0 packets=default
ok 'connections over the rate are dropped' between 3 5 tcp 300
ok '.. and counted' test "$(refused connections)" -gt 20
was=$(refused packets)
# Who is not given a processor for a moment loses nothing for that.
in_guest 1 ip link set eth0 txqueuelen 5000
ok 'packets are free now' between 900 100000 udp 1000
same '.. none was refused' "$was" "$(refused packets)"
nft flush chain inet count input
timeout 200 socat -u TCP-LISTEN:9,reuseaddr OPEN:/tmp/flow,creat &
until_true 5 sh -c 'ss -ltn | grep -q ":9 "'
sleep 1
ok 'an established connection meets no limit' in_guest 1 \
	"head -c 3000000 /dev/zero | socat -u STDIN TCP:10.0.0.254:9"
ok '.. all of it arrives' until_true 5 sh -c \
	'[ "$(stat -c %s /tmp/flow)" = 3000000 ]'
ok 'set, live, to another rate' vifctl set vif1.0 connections=1000
ok 'show says it' sh -c 'vifctl show vif1.0 | grep -q connections=1000/s'
ok 'to none' vifctl set vif1.0 connections=default
same 'no rule is left' 0 \
	"$(nft list table netdev netback-vif1.0 | grep -c 'limit rate')"
same 'what was counted is' 1 $(($(refused connections) > 20))
done_testing
