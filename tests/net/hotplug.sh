#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hotplug.sh - vif-bridge as toolstacks call it: the contract and old defects
#
# Points named "defect N" are section 6 of the contract's list: what Xen's own
# scripts get wrong. vif-route is in hotroute.sh, vif-nat in nat.sh.
. "$(dirname "$0")/../lib.sh"
private "$@"
. "$ROOT/tests/toolstack.sh"
SCRIPT=vif-bridge BRIDGE=br0

master()
{
	ip -o link show dev "$1" | sed -n 's/.* master \([^ ]*\) .*/\1/p'
}

guard()
{
	nft list table netdev "netback-$1"
}

port()
{
	ip -d link show dev "$1" | grep -q " $2 "
}

# The host as a text: what is compared before and after.
host()
{
	ip -d link | steady
	bridge fdb show
	nft list ruleset | grep -v 'packets'
	xenstore-ls -f
	cat /proc/sys/net/ipv6/conf/*/disable_ipv6
}

gone()
{
	ip link del "$1"
}

mkdir $S
for name in vif-bridge vif-route vif-nat vif-setup qemu-ifup qemu-ifdown; do
	ln -s "$B/vifhotplug" $S/$name
done
netbackd --store --run "$RUN" >/tmp/store.log 2>&1 &
ok 'the store answers' until_true 5 xenstore-ls
ip link add br0 type bridge
ip link set br0 mtu 9000 up

# --- what libxl expects ----------------------------------------------------------

device vif1.0
directory 1
host >/tmp/before
ok 'online' vif 1 online
same 'connected' connected "$(node 1/0/hotplug-status)"
same 'it is a port' br0 "$(master vif1.0)"
same 'with the address of all vifs' fe:ff:ff:ff:ff:ff \
	"$(cat /sys/class/net/vif1.0/address)"
same 'and the mtu of its bridge' 9000 "$(cat /sys/class/net/vif1.0/mtu)"
same 'which the guest is told' 9000 \
	"$(xenstore-read /local/domain/1/device/vif/0/mtu)"
same 'without IPv6 of its own' 1 \
	"$(cat /proc/sys/net/ipv6/conf/vif1.0/disable_ipv6)"
ok 'the guard stands' guard vif1.0
ok 'the port is locked' port vif1.0 'locked on'
host >/tmp/once
ok 'online again' vif 1 online
host >/tmp/twice
ok 'twice equals once' cmp /tmp/once /tmp/twice
ok 'offline' vif 1 offline
same 'no port any more' '' "$(master vif1.0)"
ok 'no guard' fails guard vif1.0
host >/tmp/once
ok 'offline again' vif 1 offline
host >/tmp/twice
ok 'it changes nothing' cmp /tmp/once /tmp/twice
ok 'and online once more' vif 1 online
gone vif1.0
ok 'offline when the device is gone' vif 1 offline
same 'no rules are left' '' "$(nft list tables)"

# --- names -----------------------------------------------------------------------

device vif1.0
directory 1 vifname web
ok 'online with a vifname' vif 1 online
ok 'it is renamed' ip link show web
ok 'and remembers its name' sh -c 'ip link show web | grep -q "alias vif1.0"'
ok 'the guard has the new name' guard web
same 'defect 6: the guest is told the mtu' 9000 \
	"$(xenstore-read /local/domain/1/device/vif/0/mtu)"
same 'defect 6: and nobody else' '0 1' \
	"$(xenstore-list /local/domain | tr '\n' ' ' | sed 's/ $//')"
ok 'defect 7: online again' vif 1 online
same 'defect 7: still connected' connected "$(node 1/0/hotplug-status)"
xenstore-rm $BACK/1/0/vifname
ok 'offline when vifname is gone' vif 1 offline
ok 'it has its first name back' ip link show vif1.0
ok 'no guard is left' fails guard web
xenstore-write $BACK/1/0/vifname www
ok 'online with another' vif 1 online
xenstore-write $BACK/1/0/vifname ftp
ok 'and a third, without offline' fails vif 1 online
ok 'the device is as it was' port www 'master br0'
ok 'it says what to do' sh -c \
	"xenstore-read $BACK/1/0/hotplug-error | grep 'offline first'"
vif 1 offline
ok 'after that it goes' vif 1 online
ok 'it is renamed again' ip link show ftp
vif 1 offline
device taken
xenstore-write $BACK/1/0/vifname taken
ok 'a name that is taken' fails vif 1 online
same 'it says so' error "$(node 1/0/hotplug-status)"
ok 'and why' sh -c "xenstore-read $BACK/1/0/hotplug-error | grep 'taken.*vifname='"
ok 'the device is as it was' ip link show vif1.0
xenstore-write $BACK/1/0/vifname ftp
ok 'once the node is mended' vif 1 online
same 'connected' connected "$(node 1/0/hotplug-status)"
same 'no error is left' '' "$(node 1/0/hotplug-error 2>/dev/null)"
for bad in lo br0 vif7.0 all .. 'a b' sixteencharacters '$(touch /tmp/pwned)'; do
	xenstore-write $BACK/1/0/vifname "$bad"
	ok "vifname=$bad" fails vif 1 online
done
ok 'nothing of it was run' fails test -e /tmp/pwned
vif 1 offline
gone vif1.0
gone taken

# --- defects ---------------------------------------------------------------------

# frame NAME pass|drop WORD..: sent by the guest of vif1.0
frame()
{
	echo "$*" | "$B/tests/guest/rawframe" br0 vif1.0 other fence
}
ALL=ff:ff:ff:ff:ff:ff
for f in /proc/sys/net/bridge/bridge-nf-call-*; do
	[ ! -e "$f" ] || echo 0 >"$f"
done
for t in other fence; do
	device $t
	ip link set $t master br0 up
	sysctl -qw net.ipv6.conf.$t.disable_ipv6=1
done
sysctl -qw net.ipv6.conf.br0.disable_ipv6=1
device vif1.0
directory 1 ip '10.0.0.1 fd00::1'
iptables -A FORWARD -m physdev --physdev-in vif1.0 --physdev-is-bridged -j DROP
iptables -S >/tmp/rules
ok 'online with addresses' vif 1 online
ok 'defect 1: its own address' \
	frame own pass $ALL $MAC:01 0800 ip4 10.0.0.1 10.0.0.6 17 udp 9 9 pad 18
ok 'defect 1: an address that is not its own' \
	frame lie drop $ALL $MAC:01 0800 ip4 10.0.0.9 10.0.0.6 17 udp 9 9 pad 18
iptables -S >/tmp/rules2
ok "defect 2: the administrator's rules are first" cmp /tmp/rules /tmp/rules2
ok 'defect 3: IPv6 passes' \
	frame own6 pass $ALL $MAC:01 86dd ip6 fd00::1 fd00::6 17 udp 9 9
ok 'defect 3: IPv6 is guarded' \
	frame lie6 drop $ALL $MAC:01 86dd ip6 fd00::9 fd00::6 17 udp 9 9
ok "defect 4: another's MAC" \
	frame mac drop $ALL $MAC:02 0800 ip4 10.0.0.1 10.0.0.6 17 udp 9 9
ok "defect 4: another's ARP" \
	frame arp drop $ALL $MAC:01 0806 arp 1 $MAC:01 10.0.0.9
ok 'defect 5: a priority tag' frame tag drop $ALL $MAC:01 \
	8100 0000 0800 ip4 10.0.0.1 10.0.0.6 17 udp 9 9
ok 'defect 5: two of them' frame tags drop $ALL $MAC:01 \
	8100 0000 8100 0000 0800 ip4 10.0.0.1 10.0.0.6 17 udp 9 9
xenstore-write $BACK/1/0/ip 10.0.0.77
ok 'defect 9: offline with other nodes' vif 1 offline
ok 'defect 9: no rule is left' fails guard vif1.0
vif 1 online
xenstore-rm $BACK/1
ok 'defect 9: offline without nodes' vif 1 offline
ok 'defect 9: no rule is left then' fails guard vif1.0
directory 1
vif 1 online
gone vif1.0
device vif1.0
directory 1 ip 10.0.0.2
ok 'defect 12: a new tenant under an old name' vif 1 online
ok 'defect 12: with his own address' \
	frame new pass $ALL $MAC:01 0800 ip4 10.0.0.2 10.0.0.6 17 udp 9 9
ok "defect 12: and not with the other's" \
	frame old drop $ALL $MAC:01 0800 ip4 10.0.0.1 10.0.0.6 17 udp 9 9
vif 1 offline
ip link add br1 type bridge
directory 1 bridge br1
vif 1 online
gone br1
ok 'defect 8: offline without the bridge' vif 1 offline
ok 'defect 8: no rule is left' fails guard vif1.0
gone vif1.0
gone other
gone fence

device vif1.0-emu
xenstore-write /local/domain/7/backend/vif/1/0/bridge br0 \
	/local/domain/7/backend/vif/1/0/frontend-id 1
ok 'defect 10: a driver domain' env INTERFACE=vif1.0-emu vif=vif1.0 \
	XENBUS_PATH=/local/domain/7/backend/vif/1/0 \
	$S/vif-bridge add type_if=tap
same 'defect 10: it is a port' br0 "$(master vif1.0-emu)"
ok 'defect 10: and goes' env INTERFACE=vif1.0-emu vif=vif1.0 \
	XENBUS_PATH=/local/domain/7/backend/vif/1/0 \
	$S/vif-bridge remove type_if=tap
xenstore-rm /local/domain/7

device vif1.0
directory 1 type vif_ioemu vifname web
ok 'a card and its emulated twin' vif 1 online
ok 'both come' tap 1 add
ok 'both are named' ip link show web-emu
ok 'the bridge learns where the guest is' port web 'learning on'
ok 'and at the twin' port web-emu 'learning on'
ok 'both are guarded' guard web-emu
same 'only the vif says connected' connected "$(node 1/0/hotplug-status)"
ok 'the first goes' vif 1 offline
ok 'the twin goes' tap 1 remove
same 'no rules are left' '' "$(nft list tables | grep netback)"
gone vif1.0
gone vif1.0-emu

device vif1.0
directory 1
ok 'defect 14: words are not evaluated' env XENBUS_PATH=backend/vif/1/0 \
	vif=vif1.0 $S/vif-bridge 'x=$(touch /tmp/pwned)' \
	'type_if;touch /tmp/pwned=1' PATH=/ online
same 'defect 14: and do not hinder' connected "$(node 1/0/hotplug-status)"
ok 'defect 14: nothing was run' fails test -e /tmp/pwned
vif 1 offline
xenstore-write $BACK/1/0/hotplug-status ''
host >/tmp/before
nft_fails()
{
	vif_wrap="strace -qq -f -o /dev/null -e trace=sendto,sendmsg \
		-e inject=$1"
	env XENBUS_PATH=backend/vif/1/0 vif=vif1.0 $vif_wrap \
		$S/vif-bridge online type_if=vif
}
ok 'defect 15: the guard cannot be set' fails \
	nft_fails sendto:error=EPERM
same 'defect 15: the toolstack is told' error "$(node 1/0/hotplug-status)"
ok 'defect 15: and why' sh -c \
	"xenstore-read $BACK/1/0/hotplug-error | grep 'guard.*not permitted'"
xenstore-rm $BACK/1/0/hotplug-error
xenstore-write $BACK/1/0/hotplug-status ''
host >/tmp/after
ok 'defect 15: nothing was changed' diff /tmp/before /tmp/after

races()
{
	for n in 1 2 3 4 5 6 7 8 9 10; do
		vif 1 online || return 1
		ip link del vif1.0 &
		vif 1 offline || return 1
		wait $!
		device vif1.0
	done
}
ok 'defect 16: the device goes while offline runs' races
gone vif1.0
late()
{
	(sleep 0.2; device vif1.0) &
	vif 1 online
}
ok 'defect 16: the device comes after online' late
vif 1 offline
gone vif1.0

# --- other callers ---------------------------------------------------------------

device vif1.0
directory 1
setup()
{
	env vif=vif1.0 "XENBUS_PATH=$BACK/1/0" "$@"
}
ok "udev's vif-setup" setup script="$S/vif-bridge x=1" $S/vif-setup online \
	type_if=vif
same 'runs the script it names' br0 "$(master vif1.0)"
ok 'and off' setup script=vif-bridge $S/vif-setup offline type_if=vif
cat >/tmp/other <<'END'
#!/bin/sh
echo "$@" >/tmp/told
END
chmod +x /tmp/other
ok "another's script" setup 'script=/tmp/other a=b;c $(d)' $S/vif-setup online
same 'is given its words' 'a=b;c $(d) online' "$(cat /tmp/told)"
ok 'a script that is not there' fails setup script=/tmp/none $S/vif-setup online
ok 'xend: absolute, a bridge in the words' sh -c "
	xenstore-rm $BACK/1/0/bridge
	env vif=vif1.0 XENBUS_PATH=$BACK/1/0 $S/vif-bridge bridge=br0 online"
same 'a port' br0 "$(master vif1.0)"
vif 1 offline
ok 'no bridge is named, and there is one' vif 1 online
vif 1 offline
ip link add br1 type bridge
ok 'no bridge is named, and there are two' fails vif 1 online
ok 'it says so' sh -c "xenstore-read $BACK/1/0/hotplug-error | grep several"
gone br1
ip link add eth7 type bridge
xenstore-write $BACK/1/0/bridge xenbr7
ok 'xenbr7 that is eth7 by now' vif 1 online
same 'a port of that' eth7 "$(master vif1.0)"
vif 1 offline
gone eth7
ok 'vifctl hotplug' env vif=vif1.0 XENBUS_PATH=backend/vif/1/0 bridge=br0 \
	vifctl --run "$RUN" hotplug offline type_if=vif
gone vif1.0
device tap5
ok "QEMU's one word" env bridge=br0 $S/qemu-ifup tap5
same 'is a port' br0 "$(master tap5)"
ok 'and is guarded' guard tap5
ok 'down again' $S/qemu-ifdown tap5
ok 'no guard is left' fails guard tap5
gone tap5
ok 'a word that is nothing' fails $S/vif-bridge onlien

directory 1 gatewaydev nowhere
device vif1.0
ok 'gatewaydev is nothing to a bridge' vif 1 online
vif 1 offline

directory 1

# --- bad input -------------------------------------------------------------------

bad()
{
	xenstore-write -- "$BACK/1/0/$1" "$2"
	ok "$1=$2" fails vif 1 online
	ok "it names the thing: $3" sh -c \
		"xenstore-read $BACK/1/0/hotplug-error | grep -- '$3'"
	xenstore-rm "$BACK/1/0/$1"
	xenstore-rm "$BACK/1/0/hotplug-error"
}
bad ip '$(touch /tmp/pwned)' ip=
bad ip 0.0.0.0/0 0.0.0.0/0
bad ip "$(printf '10.0.0.1\n10.0.0.2')" /ip
bad mac 01:00:00:00:00:00 mac=
bad mtu 9999999 mtu=
bad mtu -1 mtu=
bad bridge none 'bridge none: no such device'
bad bridge lo 'bridge lo'
bad vlan 10 "know no VLANs\|does not keep VLANs apart"
bad vlan 4095 'is not a VLAN'
bad vlan '$(touch x)' 'is not a VLAN'
bad frontend-id 2 frontend-id
xenstore-write $BACK/1/0/frontend-id 1
bad handle 9 handle

# Each node that is read, with what no toolstack writes there: refused by a message
# that names the node, and nothing of it half done.
xenstore-write $BACK/1/0/handle 0
odd_value()
{
	case $1 in
	long) head -c 3000 /dev/zero | tr '\0' a ;;
	newline) printf '1\nbridge=br0' ;;
	escape) printf '1\033[31m' ;;
	bytes) printf '1\377\376' ;;
	command) echo '$(touch /tmp/pwned)' ;;
	esac
}
odd_one()
{
	xenstore-write -- "$BACK/1/0/$1" "$(odd_value "$2")"
	if vif 1 online 2>/dev/null; then
		echo "$2: it was taken"
		vif 1 offline
	fi
	xenstore-read "$BACK/1/0/hotplug-error" >/tmp/odd || echo "$2: nothing is said"
	grep -q "\(^\|/\)$1[: ]\|$1=" /tmp/odd || echo "$2: it does not name it: $(cat /tmp/odd)"
	[ "$(node 1/0/hotplug-status)" = error ] || echo "$2: no error"
	[ -z "$(master vif1.0)$(nft list tables | grep netback-vif)" ] ||
		echo "$2: half done"
	xenstore-rm "$BACK/1/0/hotplug-error"
}
# odd MODE NODE [NODE VALUE ..]: beside these
odd()
{
	SCRIPT=vif-$1 odd_node=$2
	shift 2
	for odd_what in long newline escape bytes command; do
		directory 1 "$@"
		odd_one "$odd_node" $odd_what
	done >/tmp/odd.all 2>&1
	directory 1 "$@"
	xenstore-write "$BACK/1/0/$odd_node" ''
	vif 1 online 2>>/tmp/odd.all || echo 'empty: refused' >>/tmp/odd.all
	vif 1 offline
	same "$SCRIPT, odd $odd_node" '' "$(cat /tmp/odd.all)"
	SCRIPT=vif-bridge
}
for odd_node in frontend-id handle vlan vifname mac ip bridge mtu accept direct-asked; do
	odd bridge $odd_node
done
NETDEV=br0
odd route gatewaydev ip 10.0.0.2
NETDEV=
for odd_node in network gatewaydev accept; do
	odd nat $odd_node
done
directory 1
nft delete table inet netback-nat # which stays, as forwarding does
ok 'nothing of it was run' fails test -e /tmp/pwned
same 'and nothing is left' '' "$(nft list tables | grep netback)"
gone vif1.0

# --- a host whose firewall drops what is forwarded -----------------------------------

device vif1.0
directory 1
heard()
{
	vif 1 online 2>&1 | grep "$1"
}
if [ -e /proc/sys/net/bridge/bridge-nf-call-iptables ]; then
	iptables -P FORWARD DROP
	ok 'nothing is said while it sees no frames' fails heard firewall
	echo 1 >/proc/sys/net/bridge/bridge-nf-call-iptables
	ok 'a warning names the chain' heard 'table ip filter, chain FORWARD'
	accepted()
	{
		iptables -S FORWARD | grep -c 'netback accepts vif1.0'
	}
	same 'nothing was added' 0 "$(accepted)"
	echo '# for all: accept=auto' >/tmp/defaults
	echo 'accept=auto' >>/tmp/defaults
	export NETBACK_HOTPLUG=/tmp/defaults
	ok 'accept=auto in the file for all' vif 1 online
	same 'rules for its port' 2 "$(accepted)"
	ok 'offline' vif 1 offline
	same 'they are gone' 0 "$(accepted)"
	xenstore-write $BACK/1/0/accept never
	ok 'its own node' vif 1 online
	same 'goes before' 0 "$(accepted)"
	xenstore-rm $BACK/1/0/accept
	ok 'a word does' vif 1 accept=never online
	same 'too' 0 "$(accepted)"
	echo 'bridge=br0' >/tmp/defaults
	ok 'what is not for that file' fails vif 1 online
	ok 'is said' sh -c "xenstore-read $BACK/1/0/hotplug-error |
		grep 'only accept= and direct= may stand there'"
	unset NETBACK_HOTPLUG
	vif 1 online
	same 'the vif is connected' connected "$(node 1/0/hotplug-status)"
	iptables -P FORWARD ACCEPT
	ok 'nothing is said of one that accepts' fails heard firewall
	nft add table inet docker
	nft add chain inet docker f \
		'{ type filter hook forward priority 0; policy drop; }'
	ok 'a chain of another family' heard 'table inet docker, chain f'
	nft delete table inet docker
	echo 0 >/proc/sys/net/bridge/bridge-nf-call-iptables
else
	skip 'a firewall that drops' 'no br_netfilter in this kernel'
fi
vif 1 offline
gone vif1.0

# --- frames that may go directly: a node, last, and gone first ----------------------

device vif1.0
directory 1
MAC1=$(node 1/0/mac)
direct()
{
	node 1/0/direct 2>/dev/null || echo none
}
ok 'online' vif 1 online
same 'no node where nobody asks' none "$(direct)"
ok 'direct=yes as a word' vif 1 direct=yes online
same 'the node' "br0 $MAC1 any" "$(direct)"
xenstore-write $BACK/1/0/script vif-bridge
ok 'check takes it for right' fails sh -c 'vifctl check vif1.0 | grep direct'
ok 'without it again' vif 1 online
same 'none' none "$(direct)"
echo 'accept=never direct=yes' >/tmp/defaults
export NETBACK_HOTPLUG=/tmp/defaults
xenstore-write $BACK/1/0/ip 10.0.0.1
ok 'direct=yes in the file for all' vif 1 online
same 'the node' "br0 $MAC1 10.0.0.1" "$(direct)"
xenstore-write $BACK/1/0/bridge br9
ok 'a bridge that is missing' fails vif 1 online
same 'none' none "$(direct)"
xenstore-write $BACK/1/0/bridge br0
ok 'a bridge that is there' vif 1 online
ok 'offline' vif 1 offline
same 'none' none "$(direct)"
xenstore-write $BACK/1/0/rate 1000,50000
ok 'where it does not fit' vif 1 online
same 'it is passed over' none "$(direct)"
xenstore-write $BACK/1/0/direct-asked yes
ok 'its own node and a rate' fails vif 1 online
ok 'is refused' sh -c "xenstore-read $BACK/1/0/hotplug-error | grep 'held to rate='"
xenstore-rm $BACK/1/0/rate
xenstore-write $BACK/1/0/direct-asked no
ok 'its own node' vif 1 online
same 'goes before' none "$(direct)"
unset NETBACK_HOTPLUG
vif 1 offline
gone vif1.0

# --- many at once ----------------------------------------------------------------

many()
{
	pids=
	n=1
	while [ $n -le 64 ]; do
		vif $n "$1" &
		pids="$pids $!"
		n=$((n + 1))
	done
	for p in $pids; do
		wait "$p" || return 1
	done
}
n=1
while [ $n -le 64 ]; do
	device vif$n.0
	directory $n
	n=$((n + 1))
done
ok '64 at once' many online
same 'all are ports' 64 "$(ip -o link show master br0 | grep -c vif)"
same 'all are connected' 64 "$(xenstore-ls -f $BACK |
	grep -c 'hotplug-status = "connected"')"
same 'all are guarded' 64 "$(nft list tables | grep -c netback-vif)"
ok '64 go at once' many offline
same 'none is a port' 0 "$(ip -o link show master br0 | grep -c vif)"
same 'no rules are left' '' "$(nft list tables | grep netback)"
same_vif()
{
	for n in 1 2 3 4 5 6 7 8; do
		vif 1 online &
		vif 1 offline &
	done
	wait
	vif 1 online
}
ok 'one vif, from all sides' same_vif
same 'the last one counts' br0 "$(master vif1.0)"
vif 1 offline
n=1
while [ $n -le 64 ]; do
	gone vif$n.0
	xenstore-rm $BACK/$n
	n=$((n + 1))
done

# --- no fork, one socket, one batch ------------------------------------------------

device vif1.0
directory 1 ip 10.0.0.1 vifname web
lean 'defect 13: '

# --- killed at any moment ----------------------------------------------------------

# What must be the same, however it came about.
end()
{
	ip -d link | steady
	ip -o link show up | cut -d: -f2
	bridge fdb show br br0
	nft list ruleset | grep -v packets
	xenstore-ls -f | grep -v hotplug-error
}
vif 1 online
ok 'killed in online, then run again' killed online offline 90 ${STEP:-23}
ok 'killed in offline, then run again' killed offline online 90 ${STEP:-17}
done_testing
