# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# modes.sh - guest two's card plugged in otherwise: routed, NAT, rate, mtu, and
# an emulated card's tap; with either backend, after suite.sh

# replug WORD..: guest two's card, with these words of xl's
replug()
{
	xl network-detach two 0 || return 1
	xl network-attach two mac=00:16:3e:00:00:03 "$@"
}

routed()
{
	ok 'routed: network-attach with vif-route' replug \
		script=/opt/nb/vif-route 'ip=10.0.0.3 fd00::3' \
		gatewaydev=xenbr0
	ok 'routed: it is a port of no bridge' \
		test ! -e "/sys/class/net/$(vif_of two)/master"
	ok 'routed: dom0 to guest' answers 10.0.0.3
	# Who knew it on the bridge asks there first, for some ten seconds.
	quiet on one 'ip neigh flush dev eth0; ip -6 neigh flush dev eth0'
	ok 'routed: guest to a guest on the bridge' \
		within 60 on two 'ping -c 1 -W 5 10.0.0.2'
	# Nobody answers for others there, as for IPv4: it needs a route.
	quiet on two 'ip addr del fd00::3/64 dev eth0; ip addr add fd00::3/128 dev eth0; ip -6 route add default via fe80::1 dev eth0'
	ok 'routed: IPv6, dom0 to guest' answers fd00::3
	ok 'routed: IPv6, guest to a guest on the bridge' \
		within 60 on two 'ping -c 1 -W 5 fd00::2'
}

# A host beyond dom0, which knows no way to the guest: only what leaves under
# dom0's address is answered.
outside()
{
	ip netns add out
	ip link add out0 type veth peer name eth0 netns out
	ip addr add 192.0.2.1/24 dev out0
	ip link set out0 up
	ip -n out addr add 192.0.2.2/24 dev eth0
	ip -n out link set eth0 up
	# Answers come in there, and have to go on.
	sysctl -qw net.ipv4.conf.out0.forwarding=1
}

natted()
{
	outside
	# The kernel fetches them otherwise, and libxl gives a script ten seconds.
	modprobe -a nft_chain_nat nft_masq nft_ct
	ok 'NAT: network-attach with vif-nat' replug script=/opt/nb/vif-nat
	n_id=$(domid two)
	n_net=10.$((n_id / 256)).$((n_id % 256))
	within 20 on two 'test -e /sys/class/net/eth0'
	quiet on two "ip link set eth0 up; ip addr flush dev eth0; ip addr add $n_net.1/24 dev eth0; ip route add default via $n_net.128"
	ok 'NAT: the guest reaches its gateway' \
		on two "ping -c 2 -W 5 $n_net.128"
	ok 'NAT: the guest reaches who knows no way to it' \
		on two 'ping -c 2 -W 5 192.0.2.2'
	ip link del out0
	ip netns del out
}

# A tenth of a megabyte a second is 0.8 Mbit/s.
limited()
{
	ok 'rate and mtu: network-attach with both' replug bridge=xenbr0 \
		script=/opt/nb/vif-bridge rate=100KB/s mtu=1400
	ok 'rate: the guest answers' answers 10.0.0.3
	same 'mtu: of the device' 1400 \
		"$(cat "/sys/class/net/$(vif_of two)/mtu")"
	same 'mtu: the node for the guest' 1400 "$(xenstore-read \
		"/local/domain/$(domid two)/device/vif/0/mtu")"
	quiet on two "$IPERF3"
	l_rate=$(timeout 60 iperf3 -c 10.0.0.3 -f k -t 4 -R 2>&1 |
		sed -n 's/.* \([0-9.]*\) Kbits.*receiver.*/\1/p')
	note "rate: $l_rate kbit/s"
	ok 'rate: the guest sends no faster' sh -c \
		"[ ${l_rate%%.*} -gt 0 ] && [ ${l_rate%%.*} -lt 1600 ]"
}

# Needs a guest with hardware's help, which is not to be had here: what libxl
# would run for one is run by hand, on a tap that stands for QEMU's. First with a
# bridge that is missing: what the store has for the toolstack then.
emulated_as()
{
	env XENBUS_TYPE=vif XENBUS_PATH=backend/vif/99/0 \
		XENBUS_BASE_PATH=backend netdev= vif=vif99.0 \
		INTERFACE=$e_dev script=/opt/nb/vif-bridge \
		/opt/nb/vif-bridge "$1" type_if=tap
}
emulated()
{
	e_dev=vif99.0-emu
	modprobe tun
	ip tuntap add dev $e_dev mode tap
	xenstore-write $BACK/99/0/frontend-id 99 $BACK/99/0/handle 0 \
		$BACK/99/0/mac 00:16:3e:00:00:99 $BACK/99/0/bridge nix \
		$BACK/99/0/type vif_ioemu $BACK/99/0/hotplug-status ''
	ok 'a bridge that is missing: refused' fails emulated_as add
	same 'hotplug-status says so' error \
		"$(xenstore-read $BACK/99/0/hotplug-status)"
	ok 'and hotplug-error why' sh -c "xenstore-read $BACK/99/0/hotplug-error |
		grep 'bridge nix: no such device'"
	xenstore-write $BACK/99/0/bridge xenbr0
	for e_word in add remove; do
		ok "an emulated card's tap: vif-bridge $e_word" emulated_as $e_word
		[ $e_word = remove ] || ok 'makes it a port of the bridge' \
			test -e /sys/class/net/xenbr0/brif/$e_dev
	done
	ok 'and not any more' test ! -e /sys/class/net/xenbr0/brif/$e_dev
	ip link del $e_dev
	xenstore-rm $BACK/99
}

modes()
{
	routed
	natted
	limited
	emulated
	ok 'on the bridge again' replug bridge=xenbr0 vifname=two0 \
		script=/opt/nb/vif-bridge
	ok 'and it answers' answers 10.0.0.3
	note 'modes done'
}
