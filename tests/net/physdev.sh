#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# physdev.sh - rules that iptables-nft takes for its own
#
# Each rule is added by us in one namespace and by iptables-nft in another: what
# iptables -S prints and which instructions the kernel holds must be equal, and
# either's -C and -D must accept the other's. Then one rule stops a flow.
# shellcheck disable=SC2086 # rules are lists of words
. "$(dirname "$0")/../lib.sh"
private "$@"
if [ ! -w /dev/net/tun ]; then
	skip "taps" "/dev/net/tun is not ours to open"
	done_testing
fi
if ! command -v iptables-nft >/dev/null; then
	skip "rules as iptables-nft writes them" "no iptables-nft"
	done_testing
fi

export RULE="$B/tests/guest/ruletool"
RAW=$B/tests/guest/rawframe
IPT=iptables-nft

# What stands in the kernel, without counters' numbers and handles.
cat >"$RUN/state" <<'END'
iptables-nft -S
nft --debug=netlink list ruleset | sed 's/counter pkts.*/counter ]/' |
	sed 's/^\(ip filter [A-Z]*\) .*/\1/'
END
state()
{
	sh "$RUN/state" 2>&1
}

both()
{
	unshare -n sh -c "$IPT -A FORWARD -p udp -j ACCEPT
		$IPT -D FORWARD -p udp -j ACCEPT
		$IPT -A $*; sh $RUN/state" >"$RUN/theirs" 2>&1
	unshare -n sh -c "$IPT -A FORWARD -p udp -j ACCEPT
		$IPT -D FORWARD -p udp -j ACCEPT
		$RULE run -A $* 2>/dev/null; sh $RUN/state" >"$RUN/ours" 2>&1
	diff "$RUN/theirs" "$RUN/ours" || return
	line=$("$RULE" print -A "$@")
	grep -qxF -e "$line" "$RUN/theirs" ||
		{ echo "printed: $line"; return 1; }
	unshare -n sh -ec "
		$RULE run -A $* 2>/dev/null
		$IPT -C $* && $RULE run -C $*
		$IPT -D $*; ! $RULE run -C $*
		$IPT -A $*
		$RULE run -C $* && $RULE run -D $*
		! $IPT -C $* 2>/dev/null"
}

while read -r rule; do
	ok "as iptables: $rule" both $rule
done <<-END
	FORWARD -m physdev --physdev-in vif1.0 --physdev-is-bridged -p tcp --dport 5201 -j DROP
	FORWARD -p tcp -m tcp --dport 5201 -m physdev --physdev-in vif1.0 --physdev-is-bridged -j DROP
	FORWARD -p tcp -m physdev --physdev-in vif1.0 -m tcp --sport 80 --dport 5201 -j DROP
	FORWARD -p udp --sport 53 -m physdev --physdev-out vif1.0 --physdev-is-bridged -j ACCEPT
	FORWARD -m physdev --physdev-in vif1.+ --physdev-out vif2.0 -j RETURN
	FORWARD -m physdev ! --physdev-in vif1.0 --physdev-is-in -j DROP
	FORWARD -m physdev --physdev-is-bridged ! --physdev-out vif1.0 -j DROP
	FORWARD -s 10.0.0.5 -m physdev --physdev-in abcdefghijklmno -j DROP
	FORWARD ! -s 10.0.0.5/32 -d 10.1.0.0/16 -m physdev --physdev-in vif1.0 -j DROP
	FORWARD -s 10.0.0.77/20 -p icmp -m physdev --physdev-in vif1.0 -j DROP
	FORWARD ! -p tcp -m physdev --physdev-in vif1.0 -j DROP
	FORWARD -p 47 -m physdev --physdev-in vif1.0
	FORWARD -p tcp ! --dport 22 -j DROP
	FORWARD -p tcp ! --sport 22 --dport 23 -j DROP
	FORWARD -p tcp ! --sport 22 -j DROP
	INPUT -m physdev --physdev-in vif1.0 -p tcp --dport 22 -j DROP
	OUTPUT -d 10.0.0.6 -p udp --dport 53 -j ACCEPT
END

# --- into a host that has none, among others, in its own chains ---

fresh()
{
	unshare -n sh -c "$RULE run -A $R 2>/dev/null && iptables-nft -S" \
		>"$RUN/ours"
	unshare -n sh -c "iptables-nft -A $R && iptables-nft -S" >"$RUN/theirs"
	diff "$RUN/theirs" "$RUN/ours"
}
R="FORWARD -m physdev --physdev-in vif1.0 --physdev-is-bridged -p tcp --dport 5201 -j DROP"
ok "the first rule of a host" fresh

ip link add br0 type bridge mcast_snooping 0 forward_delay 0
ip link add br1 type bridge
for t in 1 2 3; do
	ip tuntap add vif$t.0 mode tap
	ip link set vif$t.0 master br0
	sysctl -qw net.ipv6.conf.vif$t/0.disable_ipv6=1
	ip link set vif$t.0 up
done
ip link set br0 up
if [ ! -e /sys/class/net/br0/bridge/nf_call_iptables ]; then
	ok "without br_netfilter the message says so" sh -c \
		"$RULE run -A $R 2>&1 | grep -q br_netfilter"
	skip "bridged flow" "no br_netfilter in this kernel"
	done_testing
fi
sysctl -qw net.bridge.bridge-nf-call-iptables=0

$IPT -P FORWARD DROP
$IPT -N mine
$IPT -A FORWARD -s 10.9.9.9 -j mine
$IPT -P FORWARD ACCEPT
ok "inserted: comes first" sh -c "$RULE run -I FORWARD -s 10.8.8.8 -j mine &&
	$IPT -S FORWARD | sed -n 2p | grep -q 10.8.8.8"
ok "a chain of his own" sh -c "$RULE run -A mine -s 10.7.7.7 -j RETURN &&
	$IPT -C mine -s 10.7.7.7 -j RETURN"
$IPT -P FORWARD DROP
"$RULE" run -A FORWARD -s 10.6.6.6 -j ACCEPT
ok "the policy of a chain stays" sh -c "$IPT -S FORWARD | grep -qx -e '-P FORWARD DROP'"
$IPT -P FORWARD ACCEPT
ok "no chain: said" sh -c "$RULE run -A nothere -j DROP 2>&1 | grep -q 'no chain nothere'"
ok "no such target: said" sh -c "$RULE run -A FORWARD -j nothere 2>&1 |
	grep -q 'no such chain'"
ok "nothing to delete: said" sh -c "$RULE run -D FORWARD -s 1.2.3.4 -j DROP 2>&1 |
	grep -q 'no such rule'"
ok "-C of none is 1" sh -c "$RULE run -C FORWARD -s 1.2.3.4 -j DROP; [ \$? = 1 ]"

# --- a flow stops, and goes on ---

flow()
{
	echo "$1 $1 02:00:00:00:00:02 02:00:00:00:00:01 0800" \
		"ip4 10.0.0.5 10.0.0.6 6" \
		"9c40 1451 00000001 00000000 5002 ffff 0000 0000" |
		"$RAW" br0 vif1.0 vif2.0 vif3.0
}
ok "the flow passes" flow pass
ok "the rule is added" "$RULE" run -A $R
same "br_netfilter is on for that bridge" 1 "$(cat /sys/class/net/br0/bridge/nf_call_iptables)"
same ".. not for another" 0 "$(cat /sys/class/net/br1/bridge/nf_call_iptables)"
same ".. and not for all" 0 "$(cat /proc/sys/net/bridge/bridge-nf-call-iptables)"
ok "the flow stops" flow drop
ok "its counter moved" sh -c \
	"$IPT -nvxL FORWARD | awk '/PHYSDEV/ && /5201/ && \$1 > 0 { n = 1 } END { exit !n }'"
ok "iptables deletes it" $IPT -D $R
ok "the flow goes on" flow pass
ok "a port on no bridge yet: a note, and the rule is there" sh -c \
	"$RULE run -A FORWARD -m physdev --physdev-in vif77.0 -j DROP 2>&1 |
		grep -q 'note: vif77.0 is not a port' &&
	$RULE run -C FORWARD -m physdev --physdev-in vif77.0 -j DROP"

# --- others change the rules meanwhile ---

race()
{
	(n=0; while [ $n -lt 150 ]; do
		$IPT -A mine -s 10.1.1.$n -j DROP; n=$((n + 1)); done) &
	race_n=0
	while [ $race_n -lt 150 ]; do
		"$RULE" run -A mine -s 10.2.2.$race_n -j DROP || return
		race_n=$((race_n + 1))
	done
	wait
	[ "$($IPT -S mine | grep -c DROP)" = 300 ]
}
ok "with iptables at work on the same chain none is lost" race
# Both delete the same rules: each is deleted once, and whoever comes second is
# told so. Without the generation we would ask for a handle that is gone. RACE=n rules.
RACE=${RACE:-300}
race_delete()
{
	n=0
	{ echo '*filter'; while [ $n -lt "$RACE" ]; do
		echo "-A mine -s 10.3.3.$((n % 250)) -p $((n / 250 + 50)) -j DROP"
		n=$((n + 1)); done; echo COMMIT; } | iptables-nft-restore -n
	(n=0; while [ $n -lt "$RACE" ]; do
		$IPT -D mine -s 10.3.3.$((n % 250)) -p $((n / 250 + 50)) \
			-j DROP 2>/dev/null
		n=$((n + 1)); done; :) &
	n=0
	while [ $n -lt "$RACE" ]; do
		"$RULE" run -D mine -s 10.3.3.$((n % 250)) \
			-p $((n / 250 + 50)) -j DROP 2>"$RUN/said" ||
			grep -q 'no such rule' "$RUN/said" ||
			{ cat "$RUN/said"; return 1; }
		n=$((n + 1))
	done
	wait
	! $IPT -S mine | grep 10.3.3
}
ok "with iptables deleting the same rules all go, once" race_delete
done_testing
