#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# rules-bridge.sh - br_netfilter: for one bridge, IPv4 and IPv6, by consent
. "$(dirname "$0")/../lib.sh"
private "$@"
ip link add br0 type bridge
ip link add br1 type bridge
ip link add vif1.0 type veth
ip link set vif1.0 master br0
if [ ! -e /sys/class/net/br0/bridge/nf_call_iptables ]; then
	skip 'one bridge' 'no br_netfilter in this kernel'
	done_testing
fi
call()
{
	cat /sys/class/net/br[01]/bridge/nf_call_"$1" | tr '\n' ' '
}
rule()
{
	vifctl rule add --variant nft "$@" -A FORWARD -m physdev \
		--physdev-in vif1.0 -j DROP
}
ok 'an IPv4 rule' rule --
same 'switches iptables on for its bridge' '1 0 ' "$(call iptables)"
same 'and not ip6tables' '0 0 ' "$(call ip6tables)"
ok 'an IPv6 rule' rule -6 --
same 'switches ip6tables on for its bridge' '1 0 ' "$(call ip6tables)"
ok 'ip6tables knows it' ip6tables-nft -C FORWARD -m physdev \
	--physdev-in vif1.0 -j DROP

# As where it is a module: the directory comes with modprobe. Ours is a script.
mkdir /tmp/bin
cat >/tmp/bin/modprobe <<-'END'
	#!/bin/sh
	echo "$@" >/tmp/loaded
	umount /proc/sys/net
END
chmod +x /tmp/bin/modprobe
PATH=/tmp/bin:$PATH
sysctl -qw net.bridge.bridge-nf-call-iptables=1 \
	net.bridge.bridge-nf-call-ip6tables=1
mount -t tmpfs tmpfs /proc/sys/net
rule -- 2>/tmp/said
same 'a module that is not loaded: refused' 2 $?
ok 'both bridges are named' grep -q 'every bridge (br[01], br[01])' /tmp/said
ok 'and what to say' grep -q -e '--load-modules' /tmp/said
ok 'with consent it is loaded' rule --load-modules --
same 'by modprobe' '-q br_netfilter' "$(cat /tmp/loaded)"
same 'and left off for all' '0 0 ' "$(cat \
	/proc/sys/net/bridge/bridge-nf-call-iptables \
	/proc/sys/net/bridge/bridge-nf-call-ip6tables | tr '\n' ' ')"

# --- variants: found, shown, both at once said ---
ok 'nft holds rules' sh -c 'vifctl rule variant | grep -q "^nft: .*nft holds 3"'
if iptables-legacy -A INPUT -s 10.9.9.9 -j DROP 2>/dev/null; then
	ok 'both at once is reported' sh -c 'vifctl rule variant |
		grep -q "legacy 1; both are asked"'
	vifctl rule flush --variant nft FORWARD
	vifctl rule flush -6 --variant nft FORWARD
	ok 'only legacy holds rules: it is used' sh -c 'vifctl rule variant |
		grep -q "^legacy: "'
	ok 'so a rule goes there' sh -c 'vifctl rule add -- -A INPUT -p udp \
		-j DROP && iptables-legacy -C INPUT -p udp -j DROP'
	ok 'insert' vifctl rule insert -- -I INPUT 2 -p tcp -j DROP
	ok 'replace' vifctl rule replace -- -R INPUT 1 -s 10.8.8.8 -j DROP
	same 'list is what iptables lists' "$(iptables-legacy -S INPUT)" \
		"$(vifctl rule list INPUT)"
	same 'in that order' '-A INPUT -s 10.8.8.8/32 -j DROP
-A INPUT -p tcp -j DROP
-A INPUT -p udp -j DROP' "$(vifctl rule list INPUT | tail -n +2)"
	ok 'a match that is not known here goes to iptables-restore' \
		vifctl rule add --variant nft -- -A INPUT -m quota --quota 5
	ok 'and is there' iptables-nft -C INPUT -m quota --quota 5
else
	skip 'legacy' 'this kernel has no legacy tables'
fi
ok 'insert and replace in nft' sh -c '
	vifctl rule add --variant nft -- -A OUTPUT -p 50 -j DROP &&
	vifctl rule add --variant nft -- -A OUTPUT -p 51 -j DROP &&
	vifctl rule insert --variant nft -- -I OUTPUT 2 -p 52 -j DROP &&
	vifctl rule replace --variant nft -- -R OUTPUT 1 -p 53 -j DROP &&
	vifctl rule delete --variant nft -- -D OUTPUT 3'
same 'in order' '-A OUTPUT -p 53 -j DROP
-A OUTPUT -p 52 -j DROP' "$(iptables-nft -S OUTPUT | tail -n +2)"
ok 'insert behind the end fails' fails vifctl rule insert --variant nft -- \
	-I OUTPUT 9 -p tcp -j DROP
done_testing
