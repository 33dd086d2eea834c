#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# input.sh - a host whose firewall drops what guests ask of it: a network says so
#
# Firewalls that drop what comes to the host, as ufw and others leave it: a guest of
# a network gets no address, and network add, attach and doctor say why. With the
# rule that they name it gets one, and nothing is said.
. "$(dirname "$0")/../lib.sh"
private "$@"
# shellcheck source=../host.sh
. "$(dirname "$0")/../host.sh"
need_tun 'firewalls that drop what comes to the host'
command -v dnsmasq >/dev/null || { skip 'networks' 'no dnsmasq here'; done_testing; }
host_up

cat >/tmp/dhcp.sh <<'END'
#!/bin/sh
[ "$1" != bound ] || echo "$ip" >/tmp/lease
END
chmod +x /tmp/dhcp.sh
# asks N: does the guest get an address in N tries?
asks()
{
	rm -f /tmp/lease
	nsenter -t "$(cat /tmp/g.pid)" -n -- busybox udhcpc -i eth0 -f -q -n \
		-t "$1" -T 1 -s /tmp/dhcp.sh >/tmp/dhcp.log 2>&1
	test -s /tmp/lease
}
add()
{
	vifctl network add lan subnet=10.5.0.0/24 subnet6=fd05::/64 2>&1
}
# judge NAME WHAT: all three say that WHAT is dropped
judge()
{
	ok "$1: network add says so" sh -c "vifctl network add lan 2>&1 |
		grep 'network lan: warning: .* drops its guests. $2 .*accept there'"
	ok "$1: attach, too" sh -c "vifctl attach vif1.0 mode=nat network=lan 2>&1 |
		grep 'network lan: warning: .* $2 '"
	ok "$1: doctor" sh -c "vifctl doctor |
		grep '^network-input-lan state=limited .* $2 '"
}
quiet()
{
	same "$1: nothing is said" '' "$({
		vifctl network add lan
		vifctl attach vif1.0 mode=nat network=lan
	} 2>&1; vifctl doctor | grep network-input)"
}
open()
{
	"$1" -I INPUT -i nb-lan -p udp -m multiport --dports 53,67 -j ACCEPT
}

same 'a network, and nothing drops' '' "$(add)"
vifctl attach vif1.0 mode=nat network=lan
quiet 'nothing drops'
if strace -o /dev/null true 2>/dev/null; then
	ASAN_OPTIONS=detect_leaks=0 strace -o /tmp/trace -e trace=sendto \
		vifctl attach vif1.0 mode=nat network=lan
	same 'all chains of the host are asked for once' 1 \
		"$(grep -c 'GETCHAIN.*family=AF_UNSPEC' /tmp/trace)"
else
	skip 'all chains of the host are asked for once' 'strace cannot attach'
fi
vifguest --run "$RUN" --vif 1.0 -- sh -c \
	"echo \$\$ >/tmp/g.pid; exec sleep 1000" >/tmp/g.log 2>&1 &
GUEST=$!
ok 'its guest' until_true 20 test -s /tmp/g.pid
ok 'gets an address' asks 10

iptables-nft -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
iptables-nft -A INPUT -i lo -j ACCEPT
iptables-nft -P INPUT DROP
ok 'the policy of INPUT: no address' fails asks 1
judge 'the policy of INPUT' 'DHCP and DNS'
open iptables-nft
ok 'the rule that is named: an address' asks 10
quiet 'with the rule that is named'
iptables-nft -F
iptables-nft -A INPUT -p udp --dport 67 -j ACCEPT
judge 'one of both is open' DNS
iptables-nft -F
iptables-nft -N reject
iptables-nft -A reject -j REJECT
iptables-nft -A INPUT -p tcp --dport 22 -j ACCEPT
iptables-nft -A INPUT -j reject
iptables-nft -P INPUT ACCEPT
judge 'a chain that is jumped to' 'DHCP and DNS'
iptables-nft -F
iptables-nft -X
quiet 'flushed'
ip6tables-nft -P INPUT DROP
judge 'IPv6 alone' DNS
ip6tables-nft -P INPUT ACCEPT

nft -f - <<'END'
table inet fw {
	chain in {
		type filter hook input priority 0; policy drop;
		ct state established,related accept
		iifname "lo" accept
		tcp dport 22 accept
	}
}
END
judge "a chain of nft's" 'DHCP and DNS'
nft insert rule inet fw in iifname nb-lan udp dport '{ 53, 67 }' accept
quiet 'open'
nft flush chain inet fw in
nft insert rule inet fw in ct state new iifname nb-lan accept
quiet 'open for new ones'
nft flush chain inet fw in
nft insert rule inet fw in meta pkttype broadcast udp dport 67 accept
nft insert rule inet fw in udp dport 53 accept
quiet 'DHCP is open as it comes, to all'
nft delete table inet fw

export XTABLES_LOCKFILE=$RUN/xtables.lock
if iptables-legacy -P INPUT DROP 2>/tmp/said; then
	iptables-legacy -A INPUT -m conntrack --ctstate ESTABLISHED -j ACCEPT
	judge "a legacy policy" 'DHCP and DNS'
	open iptables-legacy
	quiet "the rule that is named, in a legacy table"
	iptables-legacy -F
	iptables-legacy -P INPUT ACCEPT
	quiet "a legacy table that is empty"
else
	skip "a legacy policy" "iptables-legacy cannot be used here"
fi

vifctl network add quiet subnet=10.6.0.0/24 dhcp=no 2>&1
iptables-nft -P INPUT DROP
same 'a network without a server says nothing' '' \
	"$(vifctl network add quiet 2>&1)"
kill $GUEST
vifctl detach vif1.0
vifctl network delete lan
vifctl network delete quiet
done_testing
