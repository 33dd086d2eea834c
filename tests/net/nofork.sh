#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# nofork.sh - attach and detach in each mode: no process, no text, one socket, one batch
#
# By vifctl and by the hotplug program, without hooks, under strace: no program is run
# and none is forked, no pipe is made; the only files are locks, settings and the
# (absent) folders of hooks; rtnetlink has one socket, nftables one batch.
. "$(dirname "$0")/../lib.sh"
private "$@"
[ -w /dev/net/tun ] || { echo '1..0 # SKIP /dev/net/tun is not ours'; exit; }
strace -o /dev/null true 2>/dev/null ||
	{ echo '1..0 # SKIP strace cannot attach here'; exit; }
. "$ROOT/tests/toolstack.sh"
# A sanitizer looks for leaks with a thread of its own, and not under ptrace.
export ASAN_OPTIONS=detect_leaks=0
mkdir -p $S
for mode in bridge route nat; do
	ln -s "$B/vifhotplug" $S/vif-$mode
done
netbackd --store --run "$RUN" >/tmp/store.log 2>&1 &
until_true 5 xenstore-ls
netbackd --run "$RUN" >/tmp/netbackd.log 2>&1 &
until_true 10 answers
ip link add br0 type bridge
ip link set br0 up
ip link add eth0 type veth peer name world
ip addr add 192.0.2.1/24 dev eth0
ip link set eth0 up
ip link set world up

# Files opened besides, of those that were there. vifctl is linked to libraries, reads
# this host's id for a MAC, and netbackd's own door. Which tables of iptables-legacy
# there are is in a file alone: to ask the kernel by a call would make them.
strange()
{
	sed -n 's/.*openat(AT_FDCWD, "\([^"]*\)".* = [0-9].*/\1/p' /tmp/trace |
		grep -vE '^/etc/ld\.so\.|\.so(\.[0-9.]*)?$|^/etc/machine-id$' |
		grep -vE '^/proc/net/ip6?_tables_names$' |
		grep -vE '^/proc/sys/net/|^/sys/class/net/[^/]*/bridge/' |
		grep -vE "^$RUN/|$OWN_DNS"
}
OWN_DNS='^/proc/[0-9]*/cmdline$' # is that pid still its dnsmasq?
# pure WHAT COMMAND ..
pure()
{
	what=$1
	shift
	ok "$what" strace -f -o /tmp/trace \
		-e trace=process,network,openat,pipe,pipe2 "$@"
	same "$what: no program" 1 "$(grep -c execve /tmp/trace)"
	same "$what: no process" 0 \
		"$(grep -E 'clone3?\(|fork\(' /tmp/trace | grep -vc CLONE_THREAD)"
	same "$what: no text" '' "$(strange)"
	same "$what: one rtnetlink socket" 1 \
		"$(grep -c 'socket(AF_NETLINK.*NETLINK_ROUTE' /tmp/trace)"
	same "$what: one nft batch" 1 \
		"$(grep -c 'NFNL_MSG_BATCH_BEGIN' /tmp/trace)"
}
export XENBUS_TYPE=vif XENBUS_PATH=backend/vif/1/0 vif=vif1.0 netdev=
# the settings that stay, and nat's table
warm()
{
	vif 1 online
	vif 1 offline
}
for mode in bridge route nat; do
	SCRIPT=vif-$mode
	BRIDGE=br0
	device vif1.0
	directory 1 ip '10.0.0.1 2001:db8::1'
	warm
	for command in online offline; do
		pure "vif-$mode $command" "$S/vif-$mode" $command type_if=vif
	done
	ip link del vif1.0
	xenstore-rm $BACK/1
done
for mode in bridge route nat; do
	set -- mode=$mode "ip=10.0.0.2 2001:db8::2" mac=00:16:3e:00:00:02
	[ $mode = bridge ] && set -- "$@" bridge=br0 ||
		set -- "$@" gatewaydev=eth0
	pure "vifctl attach, $mode" vifctl --run "$RUN" attach vif2.0 "$@"
	pure "vifctl detach, $mode" vifctl --run "$RUN" detach vif2.0
done
# a card of a network: its lease is a file, which dnsmasq hears of by itself
if command -v dnsmasq >/dev/null; then
	vifctl --run "$RUN" network add lan subnet=10.88.0.0/24 subnet6=none
	set -- mode=nat network=lan mac=00:16:3e:00:00:03
	vifctl --run "$RUN" attach vif3.0 "$@"
	vifctl --run "$RUN" detach vif3.0
	pure 'vifctl attach, a network' vifctl --run "$RUN" attach vif3.0 "$@"
	pure 'vifctl detach, a network' vifctl --run "$RUN" detach vif3.0
	vifctl --run "$RUN" network delete lan
else
	skip 'a card of a network' 'no dnsmasq here'
fi
done_testing
