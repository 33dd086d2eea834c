#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# keeper.sh - the store's keeper dies: the next one has the tree, nobody is lost
#
# Killed with guests connected, and between two attaches; ended by SIGTERM; killed
# while vifctl attaches. What the store holds, who is connected, what netbackd and
# vifctl say meanwhile. A tree that makes no sense is not taken.
. "$(dirname "$0")/../lib.sh"
private "$@"

HOST=10.0.0.254
. "$(dirname "$0")/../host.sh"
need_tun 'the keeper'

host_up
ip link add br0 type bridge mcast_snooping 0 forward_delay 0
ip addr add $HOST/24 dev br0
ip link set br0 up
for f in /proc/sys/net/bridge/bridge-nf-call-*; do
	[ ! -e "$f" ] || echo 0 >"$f"
done

# guest N [PORT]: attached and connected; its pid is $GUEST
guest()
{
	vifctl attach "vif$1.0" bridge=br0 "mac=00:16:3e:00:00:0$1" >/dev/null
	vifguest --vif "$1.0" --ip "10.0.0.$1/24" >"$LOG.g$1" 2>&1 &
	GUEST=$!
	until_true 10 ping -q -c 1 -W 1 "10.0.0.$1"
}
store_up()
{
	netbackd --store --run "$RUN" 2>>$LOG.store &
	STORE=$!
	until_true 5 xenstore-exists /local
}
child()
{
	tr -d ' ' <"/proc/$STORE/task/$STORE/children"
}
gone()
{
	[ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}
# ends SIGNAL: the keeper, and with it the server
ends()
{
	ends=$(child)
	kill "-$1" "$STORE"
	wait "$STORE" 2>/dev/null
	until_true 5 gone "$ends"
}
says()
{
	grep -q "$1" "$LOG"
}
epoch()
{
	show | tr '{' '\n' | sed -n "/\"vif$1.0\"/s/.*\"epoch\": *\([0-9]*\).*/\1/p"
}
tree()
{
	xenstore-ls -fp / >"/tmp/$1"
}
same_tree()
{
	tree "$2" && diff "/tmp/$1" "/tmp/$2"
}

guest 1
G1=$GUEST
EPOCH=$(epoch 1)
chmod 0660 "$RUN/dom/1/store"
chown 0:0 "$RUN/dom/1/store"
tree before

for how in KILL TERM; do
	ends $how
	ok "$how: the guest goes on without a store" \
		ping -q -c 20 -i 0.01 -w 20 10.0.0.1
	ok "$how: netbackd says that the store is away" \
		until_true 5 says 'the store is away'
	ok "$how: vifctl says what to start" refused 'netbackd --store --run' \
		vifctl --wait 1 detach vif1.0
	store_up
	ok "$how: the next one has the tree, byte for byte" same_tree before after
	ok "$how: netbackd found it" until_true 5 says 'the store is back'
	ok "$how: the guest goes on" ping -q -c 20 -i 0.01 -w 20 10.0.0.1
	same "$how: on the same connection" "$EPOCH" "$(epoch 1)"
	ok "$how: its own socket answers" env \
		XENSTORED_PATH="$RUN/dom/1/store" xenstore-read device/vif/0/state
	same "$how: which is whose it was" 660 \
		"$(stat -c %a "$RUN/dom/1/store")"
	: >$LOG
done
kill "$G1"
wait "$G1"
ok 'the guest is heard: it closes' until_true 5 sh -c \
	'[ "$(xenstore-read /local/domain/0/backend/vif/1/0/state)" = 6 ]'
guest 2
ok 'another vif is attached, its guest connects' ping -q -c 1 -w 20 10.0.0.2

# At any moment of an attach: it waits for the next, or says so and is undone.
for n in 00 04 08 12 16 20 26 32; do
	vifctl attach "vif3.0" bridge=br0 mac=00:16:3e:00:00:03 >/tmp/attach \
		2>&1 &
	A=$!
	sleep "0.0$n"
	ends KILL
	store_up
	wait $A && ATTACHED=yes || ATTACHED=no
	[ $ATTACHED = yes ] || ok "$n ms: what failed says why" \
		grep -q store /tmp/attach
	ok "$n ms ($ATTACHED): attach again" vifctl attach vif3.0 bridge=br0 \
		mac=00:16:3e:00:00:03
	ok "$n ms: and detach" vifctl detach vif3.0
done
ok 'the second guest was not lost' ping -q -c 1 -w 20 10.0.0.2

# --- who still answers ----------------------------------------------------------------

# A killed keeper's server is dead at once, but not before the next one asks: here it
# hangs up when it is asked twice.
ends KILL
python3 - "$RUN/store" >/tmp/late <<'END' &
import os, socket, sys
os.unlink(sys.argv[1])
s = socket.socket(socket.AF_UNIX)
s.bind(sys.argv[1])
s.listen()
print("here", flush=True)
first = s.accept() # perhaps netbackd, which looks for the store
s.accept()
END
until_true 10 grep -q here /tmp/late
store_up
ok 'a store starts although the last one still answered' \
	xenstore-exists /local/domain/2

# --- what is not taken --------------------------------------------------------------

xenstore-write /here 1
ends KILL
printf 'x' | dd of="$RUN/store.tree" bs=1 conv=notrunc 2>/dev/null
store_up
ok 'a tree that makes no sense is not taken' fails xenstore-read /here
ok 'which is said' grep -q 'store.tree: .* starting empty' $LOG.store

# A log that is a longer file than the server may write: it has something to say at
# its start, and loses that.
ends KILL
truncate -s 1G $LOG.store
python3 - "$RUN/store.tree" <<'END'
import struct, sys
f = open(sys.argv[1], "r+b")
magic, active, a, b = struct.unpack("=IIQQ", f.read(24))
f.seek(4096 + active * (1 << 28) + (a, b)[active] - 1)
f.write(b"\xff")
END
netbackd --store --run "$RUN" 2>>$LOG.store &
STORE=$!
# Servers that die before they answer let who asks wait.
answers()
{
	for _ in 1 2 3 4 5 6; do
		! timeout 5 xenstore-exists /local || return 0
		sleep 1
	done
	return 1
}
ok 'a server whose log is a long file answers' answers
ended()
{
	tail -c 4096 $LOG.store | tr '\0' ' ' | grep 'server ended'
}
ok '.. and is the first that the keeper has started' fails ended
done_testing
