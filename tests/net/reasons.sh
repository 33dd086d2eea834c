#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# reasons.sh - the kernel's reasons for a drop, as explain names them and as they are
#
# Rules of each kind and a bridge drop a frame; the tracepoint that the drop monitor
# listens to, too, says why, and so must explain have said.
. "$(dirname "$0")/../lib.sh"
private "$@"
mkdir "$RUN/tracing"
EVENT=$RUN/tracing/events/skb/kfree_skb
if ! mount -t tracefs tracefs "$RUN/tracing" 2>/dev/null ||
   [ ! -r "$EVENT/id" ] || [ ! -w /dev/net/tun ]; then
	skip "reasons" "the kernel's tracepoints or taps are closed to us"
	done_testing
fi
. "$ROOT/tests/rows.sh"
for f in /proc/sys/net/bridge/bridge-nf-call-*; do
	[ ! -e "$f" ] || echo 0 >"$f"
done
sysctl -qw net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
ip link add br0 type bridge mcast_snooping 0 forward_delay 0
if ! "$ROOT/tests/net/reasons.py" "$EVENT" tap9 '' 2>"$RUN/err"; then
	skip "reasons" "$(tail -n 1 "$RUN/err")"
	done_testing
fi
for t in 1 2; do
	ip tuntap add vif$t.0 mode tap multi_queue
	ip link set vif$t.0 master br0 up
done
ip link set br0 up
for t in 1 2; do # carrier
	"$ROOT/tests/net/reasons.py" "$EVENT" vif$t.0 &
	until_true 10 grep -qx 3 /sys/class/net/vif$t.0/brport/state
done
bridge fdb add $YOU dev vif2.0 master static
bridge link set dev vif1.0 learning off
HEX=$(echo "x pass $YOU $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9" |
	"$B/tests/guest/rawframe" -x)
NAMED=$(grep -c '"NETFILTER_DROP"' "$EVENT/format")

# says: explain's reason, then the kernel's own
says()
{
	"$B/vifctl" explain --in vif1.0 --out vif2.0 --hex "$HEX" |
		sed -n 's/^reason: /explain: /p'
	"$ROOT/tests/net/reasons.py" "$EVENT" vif1.0 "$HEX"
}
# why NAME REASON: both say that; "": neither says anything
why()
{
	why_want=''
	[ -z "$2" ] || [ "$NAMED" = 0 ] || why_want="explain: $2
$2"
	same "$1" "$why_want" "$(says)"
}
# told NAME REASON TABLES
told()
{
	echo "$3" | nft -f -
	why "$1" "$2"
	nft flush ruleset
}
why 'it passes' ''
"$B/tests/guest/guardtool" apply vif1.0 mac=$ME ip=10.0.0.7
why 'a guard' NETFILTER_DROP
"$B/tests/guest/guardtool" remove vif1.0
told 'at the way out' NETFILTER_DROP 'add table netdev x
	add chain netdev x c { type filter hook egress device "vif2.0" priority 0; policy drop; }'
told "a policy of the bridge's" NETFILTER_DROP 'add table bridge x
	add chain bridge x c { type filter hook forward priority 0; policy drop; }'
if [ -e /sys/class/net/br0/bridge/nf_call_iptables ] && iptables-nft -V >"$RUN/x"; then
	ip link set br0 type bridge nf_call_iptables 1
	export XTABLES_LOCKFILE=$RUN/xtables.lock
	iptables-nft -A FORWARD -m physdev --physdev-is-bridged -j DROP
	why 'iptables' NETFILTER_DROP
	iptables-nft -F
	iptables-nft -A FORWARD -p udp -j REJECT
	why 'REJECT' NETFILTER_DROP
	nft flush ruleset
	if iptables-legacy -A FORWARD -j DROP 2>"$RUN/x"; then
		why 'iptables-legacy' NETFILTER_DROP
		iptables-legacy -F
	fi
	ip link set br0 type bridge nf_call_iptables 0
fi
bridge link set dev vif1.0 locked on
why 'a locked port' NOT_SPECIFIED
bridge link set dev vif1.0 locked off
bridge fdb del $YOU dev vif2.0 master
bridge link set dev vif2.0 flood off
same 'what goes to other ports, or to none: explain says nothing' '' \
	"$(says | grep explain)"
grep -q '"BRIDGE_INGRESS_STP_STATE"' "$EVENT/format" &&
	STP=BRIDGE_INGRESS_STP_STATE || STP=NOT_SPECIFIED
nft add table bridge x
nft add chain bridge x c '{ type filter hook prerouting priority -300; policy drop; }'
ip link set br0 type bridge stp_state 1 forward_delay 3000
ip link set vif1.0 nomaster
ip link set vif1.0 master br0
why 'a port that does not forward yet, before any rule' "$STP"
done_testing
