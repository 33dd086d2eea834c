# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# suite.sh - what must hold with either backend: after lib.sh

# A server in a guest, once it listens (port 5201).
# shellcheck disable=SC2034 # for who sources this
IPERF3='iperf3 -s -D >/dev/null 2>&1; until grep -q :1451 /proc/net/tcp*; do usleep 100000; done'

# Guests one (10.0.0.2) and two (10.0.0.3, its device has a name of its own).
two_guests()
{
	guest one 2 ip='10.0.0.2 fd00::2'
	VCPUS=${TWO_VCPUS:-1} guest two 3 vifname=two0
	ok 'xl create' create one
	ok 'xl create with vifname=' create two
	ok 'the first guest answers' answers 10.0.0.2
	ok 'the second guest answers' answers 10.0.0.3
	note 'two guests are up'
	ok 'guest to guest' on one 'ping -c 2 -W 5 10.0.0.3'
	ok 'IPv6, guest to guest' on one 'ping -c 2 -W 5 fd00::3'
	ok 'IPv6, dom0 to guest' answers fd00::2
}

vif_of()
{
	echo "vif$(domid "$1").0"
}

hotplug_effects()
{
	h_dev=$(vif_of one)
	same 'hotplug-status' connected \
		"$(xenstore-read "$BACK/$(domid one)/0/hotplug-status")"
	ok 'vifname= is the name of the device' test -d /sys/class/net/two0
	same 'the mtu for the guest' 1500 "$(xenstore-read \
		"/local/domain/$(domid one)/device/vif/0/mtu")"
	same 'the host end has no address of IPv6' '' \
		"$(ip -6 addr show dev "$h_dev")"
	ok 'the guard has a table' nft list table netdev "netback-$h_dev"
}

# Frames of another source: by a second address of the guest's.
firewall_effects()
{
	h_dev=$(vif_of one)
	ok 'a foreign address is added in the guest' \
		on one 'ip addr add 10.0.0.77/24 dev eth0'
	ok 'the guard drops what has it' \
		fails on one 'ping -c 2 -W 2 -I 10.0.0.77 10.0.0.3'
	ok 'and the guest itself is heard still' \
		on one 'ping -c 1 -W 5 10.0.0.3'
	quiet on one 'ip addr del 10.0.0.77/24 dev eth0'
	modprobe br_netfilter
	sysctl -qw net.bridge.bridge-nf-call-iptables=1
	iptables -A FORWARD -m physdev --physdev-is-bridged \
		--physdev-in "$h_dev" -j DROP
	ok 'a physdev rule drops guest to guest' \
		fails on one 'ping -c 2 -W 2 10.0.0.3'
	ok 'but not guest to dom0' on one 'ping -c 1 -W 5 10.0.0.1'
	iptables -D FORWARD -m physdev --physdev-is-bridged \
		--physdev-in "$h_dev" -j DROP
	ok 'vifctl rule writes one' $B/vifctl rule add -- -A FORWARD \
		-m physdev --physdev-is-bridged --physdev-in "$h_dev" -j DROP
	ok 'that drops, too' fails on one 'ping -c 2 -W 2 10.0.0.3'
	iptables -F FORWARD
	ok 'without it they talk' on one 'ping -c 1 -W 5 10.0.0.3'
}

mac_is_guarded()
{
	quiet on one 'ip link set eth0 down; ip link set eth0 address 00:16:3e:00:00:99; ip link set eth0 up'
	ok 'another MAC is dropped' fails on one 'ping -c 2 -W 2 10.0.0.3'
	quiet on one 'ip link set eth0 down; ip link set eth0 address 00:16:3e:00:00:02; ip link set eth0 up; ip addr add fd00::2/64 dev eth0'
	ok 'the right one is heard' on one 'ping -c 1 -W 10 10.0.0.3'
}

# attach_detach TIMES: plugged and unplugged in a running guest
attach_detach()
{
	a_i=0 a_bad=0
	while [ $a_i -lt "$1" ]; do
		xl network-detach two 0 || a_bad=$((a_bad + 1))
		[ ! -d /sys/class/net/two0 ] || a_bad=$((a_bad + 1))
		xl network-attach two mac=00:16:3e:00:00:03 bridge=xenbr0 \
			script=/opt/nb/vif-bridge vifname=two0 ||
			a_bad=$((a_bad + 1))
		a_i=$((a_i + 1))
	done >/tmp/attach.log 2>&1
	same "network-detach and -attach, $1 times" 0 "$a_bad"
	ok 'then the guest answers' answers 10.0.0.3
	note 'attach and detach done'
}

# create_destroy TIMES: a third guest, which runs the first time only; so it is
# destroyed in two states
create_destroy()
{
	guest three 4
	c_i=0 c_bad=0
	while [ $c_i -lt "$1" ]; do
		xl create -q -p /tmp/three.cfg || c_bad=$((c_bad + 1))
		if [ $c_i = 0 ]; then
			xl unpause three
			answers 10.0.0.4 || c_bad=$((c_bad + 1))
		fi
		xl destroy three || c_bad=$((c_bad + 1))
		echo "$(up) round $c_i: $c_bad"
		c_i=$((c_i + 1))
	done >/tmp/create.log 2>&1
	same "xl create and destroy, $1 times" 0 "$c_bad"
	note 'create and destroy done'
}

# whole WHEN: the guests' two cards are all there is, in the store, as devices, with
# a table of the guard each; and what netbackd has mapped is what it had (HELD).
whole()
{
	ok "$1: two cards, and nothing of others" within 10 whole_is
}

whole_is()
{
	w_store=$(xenstore-ls -f /local/domain/0/backend/vif |
		sed -n 's,.*/\([0-9]*/[0-9]*\)/state = "4"$,\1,p' | sort)
	w_want=$(printf '%s\n' "$(domid one)/0" "$(domid two)/0" | sort)
	w_devs=$(cd /sys/class/net && ls -d vif* two0 2>/dev/null | wc -l)
	w_nodes=$(xenstore-list $BACK | wc -l)
	w_tables=$(nft list tables | grep -c 'netdev netback-')
	w_is="$w_store; $w_nodes nodes, $w_devs devices, $w_tables tables$(held_maps)"
	echo "$w_is"
	[ "$w_is" = "$w_want; 2 nodes, 2 devices, 2 tables${HELD:-}" ]
}

# Pages of guests that netbackd's worker has, where it is the backend.
held_maps()
{
	[ -d /sys/module/xen_netback ] ||
		echo ", $(grep -c xen/gntdev "/proc/$(worker)/maps") maps"
}

# all_gone [KNOWN]: what the kernel may complain of, as a pattern.
all_gone()
{
	ok 'xl shutdown' quiet xl shutdown -w two
	ok 'xl destroy' xl destroy one
	ok 'nothing of a vif is left in the store' within 10 store_clean
	ok 'nor a device' within 10 no_vifs
	ok 'nor a table of a guard' fails sh -c \
		'nft list tables | grep netback-vif'
	ok 'nor a domain' within 10 no_zombies
	same 'the kernel has nothing to complain of' '' \
		"$(complaints | grep -iE 'vif|gnttab|grant|xen.net|\<bug\>|oops' |
			grep -vE "Grant table initialized${1:+|$1}")"
}
