#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# profiles.sh - frontends that are not Linux's: traffic both ways, nothing amiss
#
# Each profile of vifguest pings, sends and receives a file through netbackd;
# its counters of what a backend may never do, and of bells without cause,
# must be 0.
. "$(dirname "$0")/../lib.sh"
private "$@"

HOST=10.0.0.254
. "$(dirname "$0")/../host.sh"
need_tun 'other frontends'

host_up
ip link add br0 type bridge
ip addr add $HOST/24 dev br0
ip link set br0 up
vifctl attach vif1.0 bridge=br0 mac=00:16:3e:00:00:01 >/dev/null

in1()
{
	nsenter -t "$G1" -n "$@"
}

clean()
{
	awk '/^(bad_|spurious )/ { n++; if ($2) { print; bad = 1 } }
		/may not|broke/ { print; bad = 1 }
		END { exit bad || n < 16 }' "$1"
}

listens()
{
	$1 ss -ltn | grep -q ":$2 "
}

# carry FROM-PREFIX TO-PREFIX ADDRESS PORT: a file, and what arrived of it.
carry()
{
	rm -f /tmp/got
	$2 timeout 30 socat -u "TCP-LISTEN:$4,reuseaddr" CREATE:/tmp/got &
	carry_pid=$!
	until_true 5 listens "$2" "$4"
	$1 timeout 30 socat -u OPEN:/tmp/sent "TCP:$3:$4" || return 1
	wait $carry_pid || return 1
	cmp /tmp/sent /tmp/got
}

profile()
{
	size=2000
	[ "$1" != ipxe ] || size=100 # a few hundred packets a second
	dd if=/dev/urandom of=/tmp/sent bs=1k count=$size 2>/dev/null
	rm -f $LOG.g
	vifguest --vif 1.0 --ip 10.0.0.1/24 --stats --profile "$1" \
		>$LOG.g 2>$LOG.s &
	G1=$!
	until_true 10 grep -q connected $LOG.g
	ok "$1: pings" in1 ping -q -c 10 -i 0.02 -W 2 -s 1400 $HOST
	ok "$1: a file to it" carry '' in1 10.0.0.1 5001
	ok "$1: a file from it" carry in1 '' $HOST 5002
	kill $G1
	wait $G1
	same "$1: ends well" 0 $?
	ok "$1: saw nothing that a backend may not do" clean $LOG.s
}

for p in linux no-sg no-rx-notify ipxe mirage minios windows; do
	profile $p
done
ok 'a profile that is not there is refused' sh -c \
	'vifguest --profile dos 2>&1 | grep -q "there are: linux"'
done_testing
