#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# accept.sh - hosts whose firewall drops what is forwarded: a warning, or accept=
#
# Each way a host may have of dropping: iptables of both variants, a base chain of
# nft's, a last rule that rejects, the bridge family, docker's rules. For each: the
# guest is cut off and attach says so; with accept=auto it gets through, IPv4 and
# IPv6, by bridge and by route, others' rules are what they were, and detach leaves
# nothing. A guest is the other end of a tap, in a namespace.
# shellcheck disable=SC2046,SC2086 # words of ours
. "$(dirname "$0")/../lib.sh"
private "$@"
. "$(dirname "$0")/../host.sh"
need_tun 'firewalls that drop'
mount -t tmpfs tmpfs /run
if [ -e /proc/sys/net/bridge ]; then BR=1; else BR=; fi

# --- a world, a bridge to it, two guests ---------------------------------------------

outside_up
ip link add br0 type bridge
ip link set br0 up
sysctl -qw net.ipv6.conf.br0.disable_ipv6=1
for dev in up0 eth0; do
	ip link add $dev type veth peer name $dev netns $OUT
	outside sysctl -qw net.ipv6.conf.$dev.accept_dad=0
	sysctl -qw net.ipv6.conf.$dev.accept_dad=0
	outside ip link set $dev up
done
ip link set up0 master br0 up
outside ip link set lo up
outside ip addr add 10.1.0.9/24 dev up0
outside ip addr add fd01::9/64 dev up0
ip addr add 192.0.2.1/24 dev eth0
ip addr add 2001:db8::1/64 dev eth0
ip link set eth0 up
outside ip addr add 192.0.2.9/24 dev eth0
outside ip addr add 2001:db8::9/64 dev eth0
outside ip route add 10.2.0.0/24 via 192.0.2.1
outside ip route add fd02::/64 via 2001:db8::1
sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
for f in /proc/sys/net/bridge/bridge-nf-call-*; do
	[ -z "$BR" ] || echo 0 >"$f"
done
[ -z "$BR" ] || ip link set br0 type bridge nf_call_iptables 1 nf_call_ip6tables 1
host_up


# guest DOMID ADDRESS..: the program on the other side of its vif
in_guest()
{
	in_pid=$(cat "/tmp/g$1.pid") || return 1
	shift
	nsenter -t "$in_pid" -n -- "$@"
}
guest()
{
	n=$1
	shift
	vifguest --run "$RUN" --vif "$n.0" -- sh -c "
		ip link set lo up
		sysctl -qw net.ipv6.conf.eth0.accept_dad=0
		echo \$\$ >/tmp/g$n.pid; exec sleep 1000" >/tmp/g$n.log 2>&1 &
	until_true 20 test -s "/tmp/g$n.pid" || return 1
	for a in "$@"; do in_guest $n ip addr add "$a" dev eth0; done
}

# words N: how it is attached
words()
{
	case $1 in
	1) echo vif1.0 bridge=br0 ip=10.1.0.1,fd01::1 ;;
	2) echo vif2.0 mode=route ip=10.2.0.2,fd02::2 gatewaydev=eth0 ;;
	3) echo vif3.0 mode=nat ip=10.3.0.3,fd03::3 gatewaydev=eth0 ;;
	esac
}
ok 'a bridged vif' vifctl attach $(words 1)
ok 'a routed one' vifctl attach $(words 2)
ok 'one of mode nat' vifctl attach $(words 3)
ok 'their guests' sh -c : && guest 1 10.1.0.1/24 fd01::1/64 &&
	guest 2 10.2.0.2/32 fd02::2/128 && guest 3 10.3.0.3/32 fd03::3/128
in_guest 2 ip route add default via 192.0.2.1 dev eth0 onlink
in_guest 3 ip route add default via 10.3.0.130 dev eth0 onlink
for n in 2 3; do in_guest $n ip -6 route add default via fe80::1 dev eth0; done

# through N: do IPv4 and IPv6 reach the world, and it the guest?
to()
{
	case $1$2 in
	14) echo 10.1.0.9 ;; 16) echo fd01::9 ;;
	?4) echo 192.0.2.9 ;; ?6) echo 2001:db8::9 ;;
	esac
}
through()
{
	for v in 4 6; do
		in_guest $1 ping -q -c 1 -w 10 "$(to $1 $v)" ||
			{ echo "IPv$v"; return 1; }
	done
	case $1 in
	1) outside ping -q -c 1 -w 10 10.1.0.1 && outside ping -q -c 1 -w 10 fd01::1 ;;
	2) outside ping -q -c 1 -w 10 10.2.0.2 && outside ping -q -c 1 -w 10 fd02::2 ;;
	esac
}
# shut N FAMILY: it does not
shut()
{
	! in_guest $1 ping -q -c 1 -W 0.3 "$(to $1 $2)"
}
rules()
{
	iptables-nft -S
	ip6tables-nft -S
	[ ! -s /proc/net/ip_tables_names ] || iptables-legacy -S
	[ ! -s /proc/net/ip6_tables_names ] || ip6tables-legacy -S
	nft list ruleset | sed 's/packets [0-9]* bytes [0-9]*//' |
		awk '/^table/ { skip = $2 == "netdev" || $3 == "netback-own" } !skip'
} 2>/dev/null
ours()
{
	rules | grep 'netback accepts'
}
changed()
{
	rules >/tmp/rules.now
	diff /tmp/rules.was /tmp/rules.now
}

# judge NAME FAMILIES GUESTS: with a firewall that drops, in each of those families
judge()
{
	rules >/tmp/rules.was
	for n in $3; do
		for v in $2; do ok "$1: guest $n is cut off, IPv$v" shut $n $v; done
		ok "$1: attach says so" sh -c "vifctl attach $(words $n) 2>&1 |
			grep 'warning: .*accept=auto'"
		ok "$1: and plan shows what would help" sh -c "
			vifctl plan $(words $n) accept=auto |
				grep 'netback accepts vif$n.0'"
		ok "$1: nothing is changed" changed
		ok "$1: accept=auto" vifctl set vif$n.0 accept=auto
		ok "$1: guest $n gets through" through $n
		ok "$1: check finds nothing" vifctl check vif$n.0
		ours >/tmp/ours.1
		ok "$1: once more" vifctl attach $(words $n) accept=auto
		ours >/tmp/ours.2
		ok "$1: twice is once" cmp /tmp/ours.1 /tmp/ours.2
		ok "$1: accept=never" sh -c "vifctl set vif$n.0 accept=never 2>&1 |
			grep 'warning: .*accept=auto'"
		ok "$1: leaves all as it was" changed
	done
}

ok 'nothing drops: all get through' sh -c :
for n in 1 2 3; do ok "guest $n" through $n; done
same 'and nothing is said' '' "$(vifctl attach $(words 1) 2>&1 | grep warning)"
B1=${BR:+1}
both()
{
	"$1" -w "$2" "$3" "$4"
	"6$1" -w "$2" "$3" "$4"
}

# --- iptables, nft variant: the policy, then a last rule ----------------------------------

for v in iptables ip6tables; do
	$v-nft -P FORWARD DROP
	$v-nft -A FORWARD -p tcp --dport 25 -j REJECT
done
judge iptables-nft '4 6' "$B1 2 3"
for v in iptables ip6tables; do
	$v-nft -P FORWARD ACCEPT
	$v-nft -A FORWARD -m limit --limit 1/hour -j LOG
	$v-nft -A FORWARD -j REJECT
done
judge 'a last REJECT' '4 6' "$B1 2"
vifctl set vif2.0 accept=auto
same 'our rules stand before it' 'ACCEPT ACCEPT REJECT' "$(iptables-nft -S FORWARD |
	tail -n 3 | sed 's/.* -j \([A-Z]*\).*/\1/' | tr '\n' ' ' | sed 's/ $//')"
vifctl set vif2.0 accept=never 2>/dev/null
for v in iptables ip6tables; do $v-nft -F FORWARD; done

# reached NAME GUESTS: it drops in a chain that is jumped to, where no rule of ours may
# stand: INPUT, or a rule that means its drop, may jump there, too.
reached()
{
	rules >/tmp/rules.was
	for n in $2; do
		ok "$1: guest $n is cut off" shut $n 4
		for how in auto always never; do
			ok "$1: accept=$how says that it is left alone" sh -c "
				vifctl set vif$n.0 accept=$how 2>&1 |
				grep 'warning: .*leaves it alone'"
			[ $how = always ] || ok "$1: .. and it is" changed
			same "$1: none of ours stands there" 0 \
				"$(ours | grep -cE -- '-A (rest|end)|zone')"
		done
		ok "$1: all is as it was" changed
	done
}

# What drops stands in a chain that is jumped to, as ufw has it.
jumps()
{
	for v in iptables$1 ip6tables$1; do
		$v -N before
		$v -A before -p tcp --dport 25 -j DROP
		$v -N rest
		$v -N end
		$v -A rest -m limit --limit 1/hour -j LOG
		$v -A rest -p tcp --dport 26 -j REJECT
		$v -A rest $2 end
		$v -A end -p tcp --dport 27 -j REJECT
		$v -A end -j REJECT
		$v -A FORWARD -j before
		$v -A FORWARD -j rest
	done
}
unjump()
{
	for v in iptables$1 ip6tables$1; do $v -F; $v -X; done
}
jumps -nft -j
reached 'a chain that is jumped to' "$B1 2"
unjump -nft

# --- iptables, legacy variant ---------------------------------------------------------------

if iptables-legacy -P FORWARD DROP && ip6tables-legacy -P FORWARD DROP; then
	iptables-legacy -A FORWARD -p tcp --dport 25 -j REJECT
	judge iptables-legacy '4 6' "$B1 2 3"
	for v in iptables ip6tables; do
		$v-legacy -P FORWARD ACCEPT
		$v-legacy -A FORWARD -j DROP
	done
	judge 'legacy, a last DROP' '4 6' "${B1:-2}"
	for v in iptables ip6tables; do $v-legacy -F FORWARD; done
	jumps -legacy -g
	reached 'legacy, a chain that is gone to' "$B1 2"
	unjump -legacy
else
	skip 'iptables-legacy' 'this kernel has none'
fi 2>/dev/null

# --- nft: a base chain of somebody's, and one of the bridge family ----------------------------

nft -f - <<'END'
table inet fw {
	chain forwarded {
		type filter hook forward priority 10; policy drop;
		tcp dport 25 reject
	}
}
END
judge 'a chain of nft' '4 6' "$B1 2 3"
nft -f - <<'END'
flush chain inet fw forwarded
add chain inet fw forwarded { policy accept; }
add rule inet fw forwarded tcp dport 25 reject
add rule inet fw forwarded counter reject with icmpx admin-prohibited
END
judge 'its last rule rejects' '4 6' 2
nft delete table inet fw
nft -f - <<'END'
table inet fw {
	chain zone {
		tcp dport 25 reject
		counter reject with icmpx admin-prohibited
	}
	chain zones {
		iifname "docker0" goto zone
		goto zone
	}
	chain forwarded {
		type filter hook forward priority 10; policy accept;
		jump zones
		tcp dport 26 drop
	}
}
END
reached 'as firewalld goes to a zone' 2
nft delete table inet fw
nft -f - <<'END'
table bridge fw { chain forwarded { type filter hook forward priority 0; policy drop; }; }
END
judge 'the bridge family' '4 6' 1
nft delete table bridge fw

# --- docker ------------------------------------------------------------------------------------

ip link add docker0 type bridge
iptables-nft-restore <"$ROOT/tests/net/docker.rules"
judge docker 4 "$B1 2 3"

# --- the life of the rules -----------------------------------------------------------------------

rules >/tmp/rules.was
ok 'all three with accept=auto' sh -c "for w in '$(words 1)' '$(words 2)' '$(words 3)'; do
	vifctl attach \$w accept=auto || exit 1; done"
ours >/tmp/ours.1
iptables-nft -A FORWARD -p udp --dport 9 -j DROP
ok "an administrator's new rule has its say: check" sh -c "
	vifctl check vif2.0 | grep 'others stand behind its rules'"
ok 'repair' vifctl repair
ok 'and check is content' vifctl check
same 'his rule stands before ours' 0 "$(iptables-nft -S FORWARD |
	sed -n '/--dport 9/,$p' | tail -n +2 | grep -vc 'netback accepts')"
iptables-nft -D FORWARD -p udp --dport 9 -j DROP
iptables-nft -D FORWARD -i vif2.0 -m comment --comment 'netback accepts vif2.0' -j ACCEPT
ok 'one that somebody took: check' sh -c "vifctl check vif2.0 | grep 'rules are'"
ok 'repair puts it back' vifctl repair vif2.0
ok 'with accept=always, too' vifctl set vif2.0 accept=always
ok 'check' vifctl check vif2.0
vifctl set vif2.0 accept=auto

# --- under the eyes of watch guard -------------------------------------------------------------

vifctl watch guard >>/tmp/watch 2>&1 &
WATCH=$!
until_true 5 watching $WATCH
said()
{
	grep -E "$1" /tmp/watch
}
stands()
{
	$1 -S FORWARD | grep "netback accepts $2"
}
# back IPTABLES WORDS..: it is done, ours come back, and that is said. Who did it is not
# asked here: others change rules meanwhile.
back()
{
	: >/tmp/watch
	back_of=$1
	"$@" || return
	until_true 10 stands "$back_of" vif2.0 &&
		until_true 10 said 'vif2.0 (guard|accept)=back '
}
ok 'watch guard puts back a rule of ours' back iptables-nft \
	-D FORWARD -i vif2.0 \
	-m comment --comment 'netback accepts vif2.0' -j ACCEPT
ok '.. and stays behind a rule that is added' back iptables-nft \
	-A FORWARD -p udp --dport 9 -j DROP
same '.. which stands before' 0 "$(iptables-nft -S FORWARD |
	sed -n '/--dport 9/,$p' | tail -n +2 | grep -vc 'netback accepts')"
iptables-nft -D FORWARD -p udp --dport 9 -j DROP
ok 'all of them, together' back iptables-nft -F FORWARD
iptables-nft-restore <"$ROOT/tests/net/docker.rules"
ok 'after docker has written its own anew' until_true 10 vifctl check
if iptables-legacy -S FORWARD >/tmp/legacy; then
	ok 'legacy: a policy that drops is noticed' back iptables-legacy \
		-P FORWARD DROP
	ok '.. a flush, too' back iptables-legacy -F FORWARD
	# One that is as long in place of it: the size is the same.
	ok '.. and a rule in place of ours' back iptables-legacy -R FORWARD \
		"$(iptables-legacy -S FORWARD | sed 1d | grep -n -m 1 -e '-i vif2.0' |
			cut -d: -f1)" -i vif2.1 \
		-m comment --comment 'netback accepts vif2.1' -j ACCEPT
	iptables-legacy -D FORWARD -i vif2.1 \
		-m comment --comment 'netback accepts vif2.1' -j ACCEPT
	vifctl guard pause vif2.0
	# a look at vif2.0 may have begun before
	alone()
	{
		iptables-legacy -F FORWARD
		until_true 10 stands iptables-legacy vif3.0 &&
			! stands iptables-legacy vif2.0
	}
	ok '.. but not for a vif that is paused' until_true 5 alone
	vifctl guard resume vif2.0
	ok '.. until it is resumed' until_true 10 stands iptables-legacy vif2.0
	iptables-legacy -P FORWARD ACCEPT
	ok '.. and takes them away when nothing drops' \
		until_true 10 fails stands iptables-legacy vif2.0
else
	skip 'legacy rules watched' 'this kernel has none'
fi 2>/dev/null
kill $WATCH
wait $WATCH
ok 'check' vifctl check
kill $DAEMON $STORE
wait $DAEMON $STORE 2>/dev/null
for n in 1 2 3; do ip link del vif$n.0 2>/dev/null; done
same 'devices that are gone, and nobody knows them: gc' "3" "$(vifctl gc |
	grep -c 'vif[123].0 gc=guard')"
same 'nothing of ours is left' '' "$(ours)"
ok 'and all else is' changed
done_testing
