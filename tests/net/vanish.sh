#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# vanish.sh - a guest deletes its part of the store, in every state
#
# Its state node, then its whole directory, by its own connection: while it waits,
# is connected, closes, is closed. Whatever becomes of its own vif, nobody else
# notices, and attached again it comes back. Others' paths are not its own.
. "$(dirname "$0")/../lib.sh"
private "$@"
. "$(dirname "$0")/../host.sh"
need_tun vanish
host_up
ip link add br0 type bridge mcast_snooping 0 forward_delay 0
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up
FRONT=/local/domain/1/device/vif/0
BACK=/local/domain/0/backend/vif/1/0
attach()
{
	vifctl attach "vif$1.0" bridge=br0 "mac=00:16:3e:00:00:0$1" >>"$LOG.ctl" 2>&1
}
guest()
{
	vifguest --vif "$1.0" --ip "10.0.0.$1/24" >"$LOG.g$1" 2>&1 &
	eval "G$1=$!"
}
as1()
{
	env XENSTORED_PATH="$RUN/dom/1/store" "$@"
}
state_is()
{
	[ "$(xenstore-read $BACK/state)" = "$1" ]
}
# Not connected any more: Closed, or not there.
ended()
{
	state_is 6 2>/dev/null || ! xenstore-exists $BACK
}
unmapped()
{
	! show | tr '{' '\n' | grep '"name": *"vif1.0"' | grep -q running
}
attach 2
guest 2
until_true 10 ping -q -c 1 -W 1 10.0.0.2
SUP=$DAEMON
W=$(worker)
ping -i 0.05 -c 100000 10.0.0.2 >/tmp/flow 2>&1 &
FLOW=$!

# in_state N: the backend is there, as far as a frontend can bring it.
in_state()
{
	attach 1
	until_true 10 state_is 2
	[ "$1" != 2 ] || return 0
	guest 1
	until_true 10 state_is 4
	[ "$1" != 4 ] || return 0
	kill -STOP "$G1"
	as1 xenstore-write $FRONT/state "$1"
	until_true 10 state_is "$1"
}
over()
{
	if [ -n "${G1:-}" ]; then
		kill -9 "$G1" 2>/dev/null
		wait "$G1" 2>/dev/null
	fi
	G1=
	vifctl detach vif1.0 >>"$LOG.ctl" 2>&1
	! ip link show vif1.0 >/dev/null 2>&1
}

for s in 2 4 5 6; do
	for what in state ''; do
		name="${what:-the directory}"
		in_state $s
		ok "state $s: a guest removes $name" as1 xenstore-rm "$FRONT${what:+/}$what"
		[ $s = 2 ] || ok "state $s, $name: it is not connected any more" \
			until_true 10 ended
		ok "state $s, $name: no worker has its rings" until_true 10 unmapped
		# Written again, as if nothing had happened.
		as1 xenstore-write $FRONT/state 4 2>/dev/null
		as1 xenstore-write $FRONT/state 1 2>/dev/null
		ok "state $s, $name: detached" until_true 10 over
	done
done
attach 1
guest 1
ok 'attached again it is served' until_true 10 state_is 4
ok 'and answers' until_true 5 ping -q -c 1 -W 1 10.0.0.1

# Both again and again, as fast as it can, while others live on.
i=0
while [ $i -lt 60 ]; do
	i=$((i + 1))
	as1 xenstore-rm $FRONT/state
	as1 xenstore-write $FRONT/state 4
	[ $((i % 20)) != 0 ] || as1 xenstore-rm $FRONT
	as1 xenstore-write $FRONT/state 1
done 2>/dev/null
ok 'removed and written sixty times: detached' until_true 10 over
attach 1
guest 1
ok 'attached again it is served' until_true 10 state_is 4

# --- other domains' paths --------------------------------------------------------------

for p in /local/domain/2/device/vif/0/state $BACK/state $BACK/hotplug-status \
	/local/domain/0/backend/vif/2/0/state $FRONT/mac \
	/local/domain/2 /local; do
	ok "a guest cannot write $p" fails as1 xenstore-write "$p" 6
	ok "nor remove it" fails as1 xenstore-rm "$p"
done
ok 'nor read what is another guest'"'"'s' fails as1 xenstore-read \
	/local/domain/2/device/vif/0/state
state_is 4 || echo "# state $(xenstore-read $BACK/state)"
ok 'it is still connected' state_is 4

kill -INT $FLOW
wait $FLOW
ok "the other guest noticed nothing: $(tail -n 2 /tmp/flow | head -n 1)" \
	gaps_in /tmp/flow 2
same 'netbackd is the same' "$SUP" "$(show | sed -n 's/.*"pid": *\([0-9]*\).*/\1/p')"
same 'and its worker' "$W" "$(worker)"
ok "the log did not run over: $(wc -l <"$LOG") lines" \
	test "$(wc -l <"$LOG")" -lt 400
done_testing
