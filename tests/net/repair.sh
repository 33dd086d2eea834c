#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# repair.sh - check finds each kind of drift, repair mends it, gc takes leavings
#
# A drift is made with iproute2, nft and the store's tools, never with ours.
. "$(dirname "$0")/../lib.sh"
private "$@"
# shellcheck source=../host.sh
. "$(dirname "$0")/../host.sh"
need_tun repair

# drift WHAT PATTERN COMMAND..: check says it, repair mends it, check says no more.
drifts()
{
	drift_pattern=$1
	shift
	"$@" || return 1
	vifctl check >/tmp/check
	[ $? = 3 ] && grep -q "$drift_pattern" /tmp/check ||
		{ echo "check: $(cat /tmp/check)"; return 1; }
	vifctl repair >/tmp/repair || { cat /tmp/repair; return 1; }
	grep -q "differs=.*$drift_pattern.* repaired=yes" /tmp/repair ||
		{ echo "repair: $(cat /tmp/repair)"; return 1; }
	[ "$(wc -l </tmp/repair)" = "$(wc -l </tmp/check)" ] ||
		{ echo "check: $(cat /tmp/check)"; echo "repair: $(cat /tmp/repair)"; return 1; }
	vifctl check
}
drift()
{
	drift_what=$1
	shift
	ok "$drift_what" drifts "$@"
}
both()
{
	ip link set vif1.0 nomaster
	ip link set vif1.0 master br1
}

host_up
for d in br0 br1; do
	ip link add $d type bridge
	# told its mtu it keeps it, whatever its ports have
	ip link set $d mtu 1400
	ip link set $d mtu 1500
done
ip link add up0 type veth peer name up1
ip addr add 10.9.0.1/24 dev up0
for d in br0 br1 up0 up1; do
	ip link set $d up
done
M=00:16:3e:00:00:01
vifctl attach vif1.0 bridge=br0 mac=$M ip=10.0.0.1 isolated=yes
vifctl attach vif3.0 mode=route mac=00:16:3e:00:00:03 ip=10.9.0.3,fd00::3 gatewaydev=up0
ok 'check finds nothing' vifctl check
same 'repair does nothing' '' "$(vifctl repair)"

# --- a port ---
drift 'address' 'address is .* should be fe:ff' ip link set vif1.0 address 02:00:00:00:00:01
drift 'mtu' 'mtu is 1400, should be 1500' ip link set vif1.0 mtu 1400
drift 'IPv6 on' 'IPv6 is on' sysctl -qw net.ipv6.conf.vif1/0.disable_ipv6=0
drift 'out of its bridge' 'bridge is none, should be br0' ip link set vif1.0 nomaster
drift 'in another bridge' 'port of br1' both
drift 'locked off' 'locked is off' bridge link set dev vif1.0 locked off
drift 'learning on' 'learning is on' bridge link set dev vif1.0 learning on
drift 'isolated off' 'isolated is off' bridge link set dev vif1.0 isolated off
drift 'hairpin on' 'hairpin is on' bridge link set dev vif1.0 hairpin on
drift 'flood off' 'flood is off' bridge link set dev vif1.0 flood off
drift 'FDB entry gone' "FDB entry $M is missing" bridge fdb del $M dev vif1.0 master
drift 'FDB entry that others can take' "FDB entry $M is not sticky, should be" \
	bridge fdb replace $M dev vif1.0 master static
drift 'another MAC let in' 'FDB entry 00:16:3e:00:00:99 is static, should be gone' \
	bridge fdb add 00:16:3e:00:00:99 dev vif1.0 master static
drift 'link down' 'link is down' ip link set vif1.0 down
drift 'guard gone' 'vif1.0.*guard' nft delete table netdev netback-vif1.0
rules()
{
	nft -a list chain netdev netback-vif1.0 from_guest |
		sed -n 's/.*# handle \([0-9]*\)$/\1/p' | tail -n 1
}
one_rule()
{
	nft delete rule netdev netback-vif1.0 from_guest handle "$(rules)"
}
drift 'a rule of the guard gone' 'vif1.0.*guard' one_rule
F=/local/domain/1/device/vif/0
drift "the guest's mtu" "the guest's mtu is 9000, should be 1500" xenstore-write $F/mtu 9000
drift "the guest's mac" "the guest's mac is missing" xenstore-rm $F/mac
drift "the guest's mac, a terminal's command" "the guest's mac is [?][?]2J, should" \
	xenstore-write $F/mac "$(printf '\302\2332J')"
drift 'a rate that makes no sense' 'rate makes no sense' \
	xenstore-write /local/domain/0/backend/vif/1/0/rate rubbish
drift 'hotplug-status' 'hotplug-status is .*error' \
	xenstore-write /local/domain/0/backend/vif/1/0/hotplug-status error

vifctl attach vif4.0 bridge=br0 mac=00:16:3e:00:00:04 direct=yes
D=/local/domain/0/backend/vif/4/0/direct
drift 'no direct way' 'direct is none, should be br0 00:16:3e:00:00:04 any' \
	xenstore-rm $D
drift 'a direct way to elsewhere' 'direct is br9 .*, should be br0 ' \
	xenstore-write $D 'br9 00:16:3e:00:00:04 any'
long_way()
{
	xenstore-write $D "$(head -c 3000 /dev/zero | tr '\0' a)"
}
drift 'a direct way that is none' 'direct is ?, should be br0 ' long_way
vifctl detach vif4.0

# --- a routed one ---
drift 'gateway gone' '10.9.0.1' ip addr del 10.9.0.1/32 dev vif3.0
drift 'a route gone' '10.9.0.3' ip route del 10.9.0.3 dev vif3.0
drift 'an IPv6 route gone' 'fd00::3' ip -6 route del fd00::3 dev vif3.0
drift 'a neighbour gone' 'neighbour 10.9.0.3' ip neigh del 10.9.0.3 dev vif3.0
drift 'a proxy entry gone' 'proxy entry for 10.9.0.3' ip neigh del proxy 10.9.0.3 dev up0
drift 'forwarding off' 'forwarding' sysctl -qw net.ipv4.conf.vif3/0.forwarding=0
drift 'proxy ARP off' 'proxy_arp' sysctl -qw net.ipv4.conf.vif3/0.proxy_arp=0
drift 'link down' 'link is down' ip link set vif3.0 down
drift 'guard gone' 'vif3.0.*guard' nft delete table netdev netback-vif3.0

# --- what cannot be mended, and what is asked for alone ---
ip link set vif1.0 mtu 1400
ip link set vif3.0 mtu 1400
ok 'repair of one' vifctl repair vif1.0
ok 'leaves the other' fails vifctl check vif3.0
ok 'JSON: the same' sh -c 'vifctl --json repair | python3 -c "import json, sys
v = json.load(sys.stdin)
assert v == [dict(name=\"vif3.0\", differs=\"vif3.0: mtu is 1400, should be 1500\",
	repaired=True)], v"'
ip link set vif1.0 mtu 1400
ok 'JSON of check' sh -c 'vifctl --json check | python3 -c "import json, sys
v = json.load(sys.stdin)
assert v == [dict(name=\"vif1.0\", differs=\"vif1.0: mtu is 1400, should be 1500\")], v"'
vifctl repair >/dev/null
ip link del vif1.0
ok 'a device that is gone: status 1' sh -c 'vifctl repair vif1.0 >/tmp/out 2>&1; test $? = 1'
ok 'and said' grep -q 'repaired=no error=.*no such device' /tmp/out
same 'gc leaves it: it is attached' '' "$(vifctl gc)"
vifctl detach vif1.0
vifctl detach vif3.0

# --- keys of the store that make no sense stop nothing but what needs them ---
BACK=/local/domain/0/backend/vif
stands()
{
	ip link | steady
	nft list tables | sort
	ip neigh show proxy
}
STANDS=$(stands)
# Its bridge, its device, its guard and its proxies: none stays.
rubbish_detached()
{
	xenstore-write $BACK/5/0/"$1" "$(printf 'r$(x) \033[2J')"
	vifctl detach vif5.0 || return 1
	rest=$(stands)
	[ "$rest" = "$STANDS" ] || { echo "$rest"; return 1; }
	! xenstore-exists $BACK/5/0
}
rubbish()
{
	vifctl attach vif5.0 bridge=br9 create=yes vifname=card || return 1
	rubbish_detached "$1"
}
rubbish_routed()
{
	vifctl attach vif5.0 mode=route ip=10.9.0.5,fd00::5 gatewaydev=up0 &&
		rubbish_detached "$1"
}
for k in mac mode bridge gatewaydev gateway vifname ip mtu isolated hairpin flood \
	mcast_flood bcast_flood vlan rate create pair allow link network rules \
	packets connections accept; do
	ok "rubbish in $k: detached by name" rubbish $k
done
for k in mode gatewaydev ip; do
	ok "rubbish in $k, routed: detached by name" rubbish_routed $k
done
vifctl attach vif1.0 bridge=br0
vifctl attach vif3.0 bridge=br1
xenstore-write $BACK/1/0/ip rubbish
ip link set vif3.0 mtu 1400
ok 'rubbish: show shows the others and says it' sh -c 'vifctl show >/tmp/out &&
	grep "^vif1.0 .*bridge=br0.* error=.*1/0/ip: ip=rubbish" /tmp/out &&
	grep "^vif3.0 .*bridge=br1" /tmp/out'
ok 'check looks at the others and says it' sh -c 'vifctl check >/tmp/out; test $? = 3 &&
	grep "^vif1.0: store: .*ip=rubbish" /tmp/out && grep "^vif3.0: mtu is 1400" /tmp/out'
ok 'repair mends the others and says it' sh -c 'vifctl repair >/tmp/out 2>&1; test $? = 1 &&
	grep "^vif1.0 .*repaired=no error=.store: " /tmp/out &&
	grep "^vif3.0 .*repaired=yes" /tmp/out'
ok 'set does nothing and says it' sh -c 'vifctl set vif1.0 mtu=1400 2>&1 | grep "ip=rubbish"'
ok 'attach does nothing and says it' sh -c \
	'vifctl attach vif1.0 bridge=br0 2>&1 | grep "ip=rubbish"'
same 'gc leaves it' '' "$(vifctl gc)"
vifctl detach vif1.0
vifctl detach vif3.0

# --- a network, and those who are masqueraded without one ---
N=netback-nat
if command -v dnsmasq >/dev/null; then
	vifctl network add lan subnet=10.88.0.0/24 forward=tcp:8080:10.88.0.2:80
	vifctl attach vif4.0 mode=nat network=lan mac=00:16:3e:00:00:04 ip=10.88.0.2
	ok 'check finds nothing in a network' vifctl check
	pid()
	{
		cat "$RUN/net/lan/pid"
	}
	# A process that dies gives its memory back before its sockets.
	dead()
	{
		[ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
	}
	no_dnsmasq()
	{
		P=$(pid)
		kill -KILL "$P"
		until_true 5 dead "$P"
		vifctl network show lan | grep 'dnsmasq=none'
	}
	drift 'the table of all networks gone' 'there is no table inet netback-nat' \
		nft delete table inet $N
	same 'with the forward' 1 "$(nft list map inet $N forward4 |
		grep -c 'tcp . 8080 : 10.88.0.2 . 80')"
	drift 'its rules gone' 'a rule is missing in chain forward' \
		nft flush chain inet $N forward
	drift 'a rule too many' 'a rule too many in chain input' \
		nft add rule inet $N input accept
	drift 'another rule first' 'another rule stands in chain postrouting' \
		nft insert rule inet $N postrouting accept
	same 'what it has beside rules stayed' 1 "$(nft list map inet $N forward4 |
		grep -c 'tcp . 8080')"
	drift 'its pair gone' 'its bridge is missing in set same' \
		nft flush set inet $N same
	drift 'a forward gone' 'the forward of tcp port 8080 is missing' \
		nft flush map inet $N forward4
	drift 'its address gone' 'nb-lan: .*10.88.0.1' ip addr del 10.88.0.1/24 dev nb-lan
	drift 'its bridge down' 'nb-lan: link is down' ip link set nb-lan down
	drift 'forwarding off' 'nb-lan: .*forwarding' \
		sysctl -qw net.ipv4.conf.nb-lan.forwarding=0
	drift 'dnsmasq gone' 'network lan: dnsmasq does not run' no_dnsmasq
	drift 'a lease gone' 'vif4.0: network lan has no lease for it' \
		rm "$RUN/net/lan/hosts/vif4.0"
	same 'it is as it was' 10.88.0.2 "$(cut -d, -f2 "$RUN/net/lan/hosts/vif4.0")"
	ip link set nb-lan group 0
	ok 'a bridge that is not known for its own: said' sh -c \
		'vifctl check | grep "nb-lan: link group is 0"'
	ok 'and left alone' sh -c 'vifctl repair 2>&1 |
		grep "repaired=no error=.*not this network.s"'
	ip link set nb-lan group $((0x4e420020))
	ok 'check finds nothing then' vifctl check
	vifctl detach vif4.0
	vifctl network delete lan
else
	skip 'networks' 'no dnsmasq here'
fi
vifctl attach vif4.0 mode=nat ip=10.7.0.2 gatewaydev=up0
nft delete table inet $N 2>/dev/null
drift 'nobody is masqueraded' 'vif4.0: there is no table inet netback-nat' true
drift 'the rule for that gone' 'vif4.0: a rule is missing in chain postrouting' \
	nft flush chain inet $N postrouting
vifctl detach vif4.0
nft delete table inet $N

# --- gc ---
guard()
{
	nft add table netdev "netback-$1"
	nft add chain netdev "netback-$1" from_guest
}
guard vif7.0
guard web
nft add table netdev other-vif8.0
ip tuntap add dev vif7.1 mode tap
ip link set vif7.1 address fe:ff:ff:ff:ff:ff
ip link add br6 group 28258 up type bridge
ip link add br8 type bridge
mkdir -p "$RUN/lock"
: >"$RUN/lock/vif9.0"
ok 'gc --dry-run: status 3' sh -c 'vifctl --dry-run gc >/tmp/gc; test $? = 3'
same 'it says what' 'br6 gc=bridge removed=no
netback' "$(sort /tmp/gc | grep br6; nft list tables | sed -n 's/.*\(netback\)-web/\1/p')"
ok 'gc' sh -c 'vifctl gc >/tmp/gc'
same 'all of it' 'br6 gc=bridge removed=yes
vif7.0 gc=guard removed=yes
vif7.1 gc=tap removed=yes
vif9.0 gc=lock removed=yes
web gc=guard removed=yes' "$(sort /tmp/gc)"
same 'it is gone' 'table netdev other-vif8.0' "$(nft list tables)"
ok 'the tap, too' fails ip link show vif7.1
ok 'a bridge that somebody made stays' ip link show br8
same 'again: nothing' '' "$(vifctl gc)"

# A domain's number comes again: the new tenant's objects are not the old one's.
guard vif1.0
vifctl attach vif1.0 bridge=br7 create=yes mac=$M
nft list ruleset | grep -v packets >/tmp/before
same 'a new vif of an old name: nothing' '' "$(vifctl gc)"
nft list ruleset | grep -v packets >/tmp/after
ok 'its guard stands' cmp /tmp/before /tmp/after
ok 'its bridge stands' ip link show br7
ok 'check finds nothing' vifctl check
# beside a toolstack: a device with a guard that only its store knows
mkdir /tmp/xen
netbackd --store --run /tmp/xen 2>>$LOG.store &
until_true 5 env XENSTORED_PATH=/tmp/xen/store xenstore-ls /
ip tuntap add dev vif5.0 mode tap
(
	export XENSTORED_PATH=/tmp/xen/store
	xenstore-write /local/domain/0/backend/vif/5/0/bridge br0 \
		/local/domain/0/backend/vif/5/0/mac 00:16:3e:00:00:05 \
		/local/domain/0/backend/vif/5/0/script vif-bridge \
		/local/domain/5/device/vif/0/mtu 1500
	XENBUS_PATH=backend/vif/5/0 vif=vif5.0 vifctl hotplug online type_if=vif
)
same "a toolstack's vif: nothing" '' "$(vifctl gc)"
ok 'it stands' nft list table netdev netback-vif5.0
# who is at a vif may put it into an empty bridge: gc waits for its lock
ip link add br6 group 28258 up type bridge
flock "$RUN/lock/vif6.0" sh -c ': >/tmp/held; sleep 0.5
	ip link add p6 type veth peer name q6; ip link set p6 master br6' &
until_true 5 test -e /tmp/held
same 'a bridge that somebody is about to use: nothing' '' "$(vifctl gc)"
ip link del p6
same 'later it is nobody'\''s' 'br6 gc=bridge removed=yes' "$(vifctl gc | grep br6)"
# gc in a storm of attaches
(until [ -e /tmp/calm ]; do vifctl gc >>/tmp/storm; done) &
gc=$!
bad=0
for _ in 1 2 3 4 5 6 7 8; do
	vifctl attach vif2.0 bridge=br4 create=yes || bad=1
	vifctl check vif2.0 || bad=1
	vifctl detach vif2.0
done
: >/tmp/calm
wait $gc
same 'gc beside attach takes nothing' 0 $bad

# A vif half attached: its program killed.
xenstore-rm /local/domain/0/backend/vif/1/0/hotplug-status
ok 'one half attached' sh -c 'vifctl gc | grep -q "vif1.0 gc=vif removed=yes"'
ok 'is gone' fails vifctl show vif1.0
ok 'with its bridge' fails ip link show br7
done_testing
