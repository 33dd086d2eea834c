#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# everystop.sh - the hotplug program killed, and failed, at every system call
#
# For each mode, online and offline: killed at a stop and run again (complete), or
# killed and the other command run (as if nothing had happened), or one system call
# fails. N=all tries every stop (minutes); else about N of each, which ones
# SEED decides. Taps stand in for vifs.
. "$(dirname "$0")/../lib.sh"
private "$@"
[ -w /dev/net/tun ] || { echo '1..0 # SKIP /dev/net/tun is not ours'; exit; }
B_GUEST=$B/tests/guest
"$B_GUEST/killat" 0 true >/dev/null 2>&1 ||
	{ echo '1..0 # SKIP may not trace'; exit; }
. "$ROOT/tests/toolstack.sh"
# A sanitizer looks for leaks with a thread of its own, and not under ptrace.
export ASAN_OPTIONS=detect_leaks=0
N=${N:-8}
SEED=${SEED:-1}
BRIDGE=br0
mkdir -p $S
for mode in bridge route nat; do
	ln -s "$B/vifhotplug" $S/vif-$mode
done
netbackd --store --run "$RUN" >/tmp/store.log 2>&1 &
ok 'the store answers' until_true 5 xenstore-ls
ip link add br0 address 02:00:00:00:00:b0 type bridge
ip link set br0 up
ip link add eth0 address 02:00:00:00:00:01 type veth peer name world
for dev in br0 eth0 world; do
	sysctl -qw net.ipv6.conf.$dev.disable_ipv6=1
	ip link set $dev up
done
sysctl -qw net.ipv6.conf.eth0.disable_ipv6=0 net.ipv6.conf.eth0.accept_dad=0
ip addr add 192.0.2.1/24 dev eth0
ip addr add 2001:db8::1/64 dev eth0

# MODE: what its vif is given; several addresses of both families where it has them
setup()
{
	device vif1.0
	case $1 in
	bridge) directory 1 ;;
	route) directory 1 ip '10.0.0.5 10.0.0.6 2001:db8:1::5' gatewaydev eth0 ;;
	nat) directory 1 ip '10.0.0.5 2001:db8:1::5' gatewaydev eth0 ;;
	esac
}
teardown()
{
	ip link del vif1.0
	xenstore-rm $BACK/1
}

# every HOW COMMAND MODE
every()
{
	if [ "$N" = all ]; then
		step=1
		first=1
	else
		most=$(STEP=1000000 stops "$@") || { echo "$most"; return 1; }
		step=$((${most##* } / N + 1))
		first=$((SEED % step + 1))
	fi
	STEP=$step FIRST=$first stops "$@"
}
stops()
{
	env script="$S/vif-$3" XENBUS_TYPE=vif XENBUS_BASE_PATH=backend netdev= \
		XENBUS_PATH=backend/vif/1/0 vif=vif1.0 \
		"$B_GUEST/everystop" "$1" "$2" "$S/vif-$3" vif1.0
}
[ "$N" = all ] || echo "# SEED=$SEED"
for mode in ${MODES:-bridge route nat}; do
	setup "$mode"
	for command in online offline; do
		ok "$mode, $command: killed, and again" every again $command "$mode"
		ok "$mode, $command: killed, and back" every back $command "$mode"
		for errno in ${ERRNOS:-12 5}; do
			ok "$mode, $command: a system call fails by $errno" \
				every "$errno" $command "$mode"
		done
	done
	teardown
done
done_testing
