#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# guard.sh - the guard against raw frames: framings x claims x lies
#
# A bridge with three taps. The first is guarded; what a table says about each
# frame must be what comes out of the second, what the host hears and what the
# bridge learns (tests/guest/rawframe.c). The table knows nothing of the rules.
# Then each rule, and each match of each rule, is left out once: some row must
# go wrong. And the batch we send must list as what we print does.
# shellcheck disable=SC2086 # policies are lists of words
. "$(dirname "$0")/../lib.sh"
private "$@"
if [ ! -w /dev/net/tun ]; then
	skip "taps" "/dev/net/tun is not ours to open"
	done_testing
fi

TOOL=$B/tests/guest/guardtool
RAW=$B/tests/guest/rawframe
ME=02:00:00:00:00:01
ALL=ff:ff:ff:ff:ff:ff
YOU=02:00:00:00:00:02 # behind the second tap
LLDP=01:80:c2:00:00:0e
EAPOL=01:80:c2:00:00:03
LL6=fe80::ff:fe00:1 # what $ME gives
KNOWN="mac=$ME ip=10.0.0.5 ip=10.1.0.0/16 ip=10.2.0.9/16 ip=fd00::5 ip=fd01::/64"
REST="000000000000 0a000006"

# A new namespace starts with br_netfilter on where it is there; it drops frames,
# too (a wrong checksum, say), and this is about the guard alone.
for f in /proc/sys/net/bridge/bridge-nf-call-*; do
	[ ! -e "$f" ] || echo 0 >"$f"
done
ip link add br0 type bridge mcast_snooping 0 forward_delay 0
for t in 1 2 3; do
	ip tuntap add vif$t.0 mode tap
	ip link set vif$t.0 master br0
	sysctl -qw net.ipv6.conf.vif$t/0.disable_ipv6=1
	ip link set vif$t.0 up
done
sysctl -qw net.ipv6.conf.br0.disable_ipv6=1
ip link set br0 up
HOST=$(cat /sys/class/net/br0/address)

# What is so for any guest whose MAC is known. Each lie has a MAC of its own
# where it forges one, so that what the bridge learned can be told.
framings()
{
	cat <<-END
	plain pass $ALL $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9 pad 18
	plain-to-host pass $HOST $ME 0800 ip4 10.0.0.5 10.0.0.1 17 udp 9 9
	plain6 pass $ALL $ME 86dd ip6 fd00::5 fd00::6 17 udp 9 9
	plain-arp pass $ALL $ME 0806 arp 1 $ME 10.0.0.5
	padded-arp pass $ALL $ME 0806 arp 1 $ME 10.0.0.5 pad 18
	large pass $YOU $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9 pad 1400
	forged drop $ALL 02:00:00:01:00:01 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	forged-victim drop $ALL $YOU 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	forged-to-host drop $HOST 02:00:00:01:00:02 0800 ip4 10.0.0.5 10.0.0.1 1
	forged6 drop $ALL 02:00:00:01:00:03 86dd ip6 fd00::5 fd00::6 17 udp 9 9
	forged-arp drop $ALL 02:00:00:01:00:04 0806 arp 1 $ME 10.0.0.5
	forged-lldp drop $LLDP $YOU 88cc 0207040200000000010403
	forged-lldp2 drop $LLDP 02:00:00:01:00:05 88cc 0207040200000000010403
	forged-eapol drop $EAPOL $YOU 888e 01010000
	forged-eapol2 drop $EAPOL 02:00:00:01:00:06 888e 01010000
	forged-vlan drop $ALL 02:00:00:01:00:07 8100 0005 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	forged-runt drop $ALL 02:00:00:01:00:08 0800
	forged-multicast drop $ALL 03:00:00:01:00:09 0800 ip4 10.0.0.5 10.0.0.6 1
	lldp drop $LLDP $ME 88cc 0207040200000000010403
	eapol drop $EAPOL $ME 888e 01010000
	eapol-unicast drop $YOU $ME 888e 01010000
	stp drop 01:80:c2:00:00:00 $ME 0026 424203 000000 pad 32
	pause drop 01:80:c2:00:00:01 $ME 8808 0001ffff pad 42
	group-ip drop 01:80:c2:00:00:0e $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	group-arp drop 01:80:c2:00:00:03 $ME 0806 arp 1 $ME 10.0.0.5
	group-last drop 01:80:c2:00:00:0f $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	group-after pass 01:80:c2:00:00:10 $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	multicast pass 01:00:5e:00:00:fb $ME 0800 ip4 10.0.0.5 224.0.0.251 17 udp 9 9
	vlan0 drop $ALL $ME 8100 0000 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	vlan0-prio drop $ALL $ME 8100 e000 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	vlan0-twice drop $ALL $ME 8100 0000 8100 0000 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	vlan5 drop $ALL $ME 8100 0005 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	vlan5-arp drop $ALL $ME 8100 0005 0806 arp 1 $ME 10.0.0.5
	vlan0-ip6 drop $ALL $ME 8100 0000 86dd ip6 fd00::5 fd00::6 17 udp 9 9
	vlan-three drop $ALL $ME 8100 0000 8100 0000 8100 0000 0800 ip4 10.0.0.5 10.0.0.6 17
	ad drop $ALL $ME 88a8 0005 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	ad0 drop $ALL $ME 88a8 0000 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	qinq drop $ALL $ME 88a8 0005 8100 0006 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	old-qinq drop $ALL $ME 9100 0005 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	snap drop $ALL $ME 0024 aaaa03 000000 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	snap-arp drop $ALL $ME 0024 aaaa03 000000 0806 arp 1 $ME 10.0.0.5
	snap-vlan drop $ALL $ME 8100 0000 0024 aaaa03 000000 0800 ip4 10.0.0.5 10.0.0.6 17
	llc drop $ALL $ME 0003 e0e003 pad 43
	novell drop $ALL $ME 0022 ffff pad 44
	length0 drop $ALL $ME 0000 pad 46
	pppoe drop $ALL $ME 8864 1100000100160021 ip4 10.0.0.5 10.0.0.6 1
	mpls drop $ALL $ME 8847 00001140 ip4 10.0.0.5 10.0.0.6 1
	rarp drop $ALL $ME 8035 arp 3 $ME 10.0.0.5
	announce pass $ALL $ME 8035 0001 0800 06 04 0003 $ME 00000000 $ME 00000000
	announce-padded pass $ALL $ME 8035 0001 0800 06 04 0003 $ME 00000000 $ME 00000000 pad 18
	announce-forged drop $ALL $YOU 8035 0001 0800 06 04 0003 $ME 00000000 $ME 00000000
	announce-unicast drop $YOU $ME 8035 0001 0800 06 04 0003 $ME 00000000 $ME 00000000
	announce-reply drop $ALL $ME 8035 0001 0800 06 04 0004 $ME 00000000 $ME 00000000
	announce-sender drop $ALL $ME 8035 0001 0800 06 04 0003 $YOU 00000000 $ME 00000000
	announce-address drop $ALL $ME 8035 0001 0800 06 04 0003 $ME 0a000006 $ME 00000000
	announce-other drop $ALL $ME 8035 0001 0800 06 04 0003 $ME 00000000 $YOU 00000000
	announce-target drop $ALL $ME 8035 0001 0800 06 04 0003 $ME 00000000 $ME 0a000006
	announce-short drop $ALL $ME 8035 0001 0800 06 04 0003 $ME 00000000 $ME
	announce-vlan drop $ALL $ME 8100 0005 8035 0001 0800 06 04 0003 $ME 00000000 $ME 00000000
	macsec drop $ALL $ME 88e5 pad 46
	loop drop $ALL $ME 9000 pad 46
	arp-htype drop $ALL $ME 0806 0006 0800 06 04 0001 $ME 0a000005 $REST
	arp-ptype drop $ALL $ME 0806 0001 86dd 06 04 0001 $ME 0a000005 $REST
	arp-hlen drop $ALL $ME 0806 0001 0800 08 04 0001 $ME 0a000005 $REST
	arp-plen drop $ALL $ME 0806 0001 0800 06 10 0001 $ME 0a000005 $REST
	arp-sender drop $ALL $ME 0806 arp 1 $YOU 10.0.0.5
	arp-reply-sender drop $ALL $ME 0806 arp 2 $YOU 10.0.0.5
	arp-short drop $ALL $ME 0806 0001 0800 06 04
	arp-empty drop $ALL $ME 0806
	arp-inverse drop $ALL $ME 0806 arp 8 $ME 10.0.0.5
	arp-reverse drop $ALL $ME 0806 arp 3 $ME 10.0.0.5
	igmp1-report pass 01:00:5e:01:01:01 $ME 0800 ip4 10.0.0.5 224.1.1.1 2 1200 0000 e0010101
	igmp2-report pass 01:00:5e:01:01:01 $ME 0800 ip4 10.0.0.5 224.1.1.1 2 1600 0000 e0010101
	igmp2-leave pass 01:00:5e:00:00:02 $ME 0800 ip4 10.0.0.5 224.0.0.2 2 1700 0000 e0010101
	igmp3-report pass 01:00:5e:00:00:16 $ME 0800 ip4 10.0.0.5 224.0.0.22 2 2200 0000 00000001 04000000 e0010101
	igmp-query drop 01:00:5e:00:00:01 $ME 0800 ip4 10.0.0.5 224.0.0.1 2 1164 0000 00000000
	igmp-query-unicast pass $YOU $ME 0800 ip4 10.0.0.5 224.0.0.1 2 1164 0044 00000000
	igmp-router drop 01:00:5e:00:00:6a $ME 0800 ip4 10.0.0.5 224.0.0.106 2 3014 0000 00000000
	igmp-dvmrp drop 01:00:5e:00:00:04 $ME 0800 ip4 10.0.0.5 224.0.0.4 2 1301 0000 00000000
	igmp-fragment drop 01:00:5e:00:00:01 $ME 0800 4500 001c 0001 2001 0102 0000 0a000005 e0000001 1164 0000 00000000
	pim-hello drop 01:00:5e:00:00:0d $ME 0800 ip4 10.0.0.5 224.0.0.13 103 2000 0000
	pim-unicast pass $YOU $ME 0800 ip4 10.0.0.5 10.0.0.6 103 2100 0044
	pim6-unicast pass $YOU $ME 86dd ip6 fd00::5 fd00::6 103 2100 0222
	pim6-hello drop 33:33:00:00:00:0d $ME 86dd ip6 fd00::5 ff02::d 103 2000 0000
	mld-query drop 33:33:00:00:00:01 $ME 86dd ip6 fd00::5 ff02::1 0 hbh 58 8200 0000 pad 20
	mld-query-plain drop 33:33:00:00:00:01 $ME 86dd ip6 fd00::5 ff02::1 58 8200 0000 pad 20
	mld-router drop 33:33:00:00:00:6a $ME 86dd ip6 fd00::5 ff02::6a 0 hbh 58 9714 0000 pad 4
	mld-report pass 33:33:00:00:00:16 $ME 86dd ip6 fd00::5 ff02::16 0 hbh 58 8f00 0000 pad 24
	mld-done pass 33:33:00:00:00:02 $ME 86dd ip6 fd00::5 ff02::2 0 hbh 58 8400 0000 pad 20
	ra-ah pass 33:33:00:00:00:01 $ME 86dd ip6 fd00::5 ff02::1 51 3a01 0000 00000001 00000001 8600 0000 pad 12
	group-ip6 drop 01:80:c2:00:00:0e $ME 86dd ip6 fd00::5 fd00::6 17 udp 9 9
	END
	inside
	options ns ip6 fd00::5 ff02::1 58 nd 135 fd00::6
	options na ip6 fd00::5 ff02::1 58 nd 136 fd00::5
	END=rs options rs ip6 fd00::5 ff02::2 58 8500 0000 pad 4
}

# DHCP servers, routers, and what hides them
inside()
{
	cat <<-END
	icmp pass $ALL $ME 0800 ip4 10.0.0.5 10.0.0.6 1 0800 0000 pad 4
	igmp pass 01:00:5e:00:00:16 $ME 0800 ip4 10.0.0.5 224.0.0.22 2 2200 pad 6
	offer drop $ALL $ME 0800 ip4 10.0.0.5 255.255.255.255 17 udp 67 68 pad 240
	offer-unicast drop $YOU $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 67 68 pad 240
	offer-other-port drop $YOU $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 68 pad 240
	offer-options drop $ALL $ME 0800 4600 0034 0001 0000 4011 0000 0a000005 ffffffff 01010101 0043 0044 0008 0000 pad 20
	offer-multicast drop 01:00:5e:00:00:fb $ME 0800 ip4 10.0.0.5 224.0.0.251 17 udp 67 68 pad 240
	offer-first-fragment drop $ALL $ME 0800 4500 0024 0001 2000 4011 0000 0a000005 ffffffff 0043 0044 0100 0000 pad 8
	offer-cut drop $ALL $ME 0800 4500 0016 0001 0000 4011 0000 0a000005 ffffffff 0043
	renew pass $YOU $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 68 67 pad 28 $ME pad 206
	renew-other drop $YOU $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 68 67 pad 28 $YOU pad 206
	renew-other-port drop $YOU $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 67 pad 28 $YOU pad 206
	renew-short drop $YOU $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 68 67 pad 28
	renew-fragment drop $YOU $ME 0800 4500 0024 0001 2000 4011 0000 0a000005 0a000006 00440043 0100 0000 pad 8
	tcp67 pass $YOU $ME 0800 ip4 10.0.0.5 10.0.0.6 6 0044 0043 pad 16
	port66 pass $YOU $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 66 pad 240
	multicast-udp pass 01:00:5e:00:00:fb $ME 0800 ip4 10.0.0.5 224.0.0.251 17 udp 5353 5353
	tcp68 pass $YOU $ME 0800 ip4 10.0.0.5 10.0.0.6 6 0043 0044 pad 16
	later-like-68 pass $YOU $ME 0800 4500 001c 0001 0001 4011 0000 0a000005 0a000006 0044 0044 pad 4
	tcp6 pass $YOU $ME 86dd ip6 fd00::5 fd00::6 6 0050 0050 pad 16
	tcp6-multicast pass 33:33:00:00:00:fb $ME 86dd ip6 fd00::5 ff02::fb 6 0050 0050 pad 16
	mdns6 pass 33:33:00:00:00:fb $ME 86dd ip6 fd00::5 ff02::fb 17 udp 5353 5353
	echo6 pass $YOU $ME 86dd ip6 fd00::5 fd00::6 58 8000 0000 pad 4
	unreach6 pass $YOU $ME 86dd ip6 fd00::5 fd00::6 58 0100 0000 pad 44
	mld2-own pass 33:33:00:00:00:16 $ME 86dd ip6 fd00::5 ff02::16 0 hbh 58 8f00 0000 pad 24
	ra drop 33:33:00:00:00:01 $ME 86dd ip6 fd00::5 ff02::1 58 8600 1234 pad 12
	ra-broadcast drop $ALL $ME 86dd ip6 fd00::5 ff02::1 58 8600 1234 pad 12
	ra-dst drop 33:33:00:00:00:01 $ME 86dd ip6 fd00::5 ff02::1 60 dst6 58 8600 1234 pad 12
	ra-hbh drop 33:33:00:00:00:01 $ME 86dd ip6 fd00::5 ff02::1 0 hbh 58 8600 1234 pad 12
	ra-many drop 33:33:00:00:00:01 $ME 86dd ip6 fd00::5 ff02::1 0 hbh 60 dst6 60 dst6 60 dst6 58 8600 1234 pad 12
	ra-fragment drop 33:33:00:00:00:01 $ME 86dd ip6 fd00::5 ff02::1 44 frag6 58 0 1 8600 1234 pad 12
	ra-atomic drop 33:33:00:00:00:01 $ME 86dd ip6 fd00::5 ff02::1 44 frag6 58 0 0 8600 1234 pad 12
	ra-fragment-dst drop 33:33:00:00:00:01 $ME 86dd ip6 fd00::5 ff02::1 44 frag6 60 0 1 dst6 58 8600 1234 pad 12
	ra-cut-off drop 33:33:00:00:00:01 $ME 86dd ip6 fd00::5 ff02::1 44 frag6 60 0 1 3a02 0104 0000 0000
	ra-cut-off2 drop $ALL $ME 86dd ip6 fd00::5 ff02::1 44 frag6 60 0 1
	ra-later-dst drop $ALL $ME 86dd ip6 fd00::5 ff02::1 44 frag6 60 8 0 3a00 0104 0000 0000 8600 1234 pad 12
	redirect drop 33:33:00:00:00:01 $ME 86dd ip6 fd00::5 ff02::1 58 8900 0000 pad 36
	redirect-unicast drop $YOU $ME 86dd ip6 fd00::5 fd00::6 58 8900 0000 pad 36
	dhcp6-request pass 33:33:00:01:00:02 $ME 86dd ip6 fd00::5 ff02::1:2 17 udp 546 547 pad 20
	dhcp6-reply drop $ALL $ME 86dd ip6 fd00::5 fd00::6 17 udp 547 546 pad 20
	dhcp6-multicast drop 33:33:00:00:00:01 $ME 86dd ip6 fd00::5 ff02::1 17 udp 547 546 pad 20
	dhcp6-fragment drop $ALL $ME 86dd ip6 fd00::5 fd00::6 44 frag6 17 0 1 udp 547 546 pad 24
	dhcp6-dst drop $ALL $ME 86dd ip6 fd00::5 fd00::6 60 dst6 17 udp 547 546 pad 24
	dhcp6-cut drop $ALL $ME 86dd ip6 fd00::5 fd00::6 44 frag6 60 0 1 1100 0104 0000 0000
	later6-like-546 pass $ALL $ME 86dd 6000 0222 0018 2c ff fd000000000000000000000000000005 fd000000000000000000000000000006 frag6 17 8 0 0222 0222 pad 12
	later6-like-ra pass $ALL $ME 86dd ip6 fd00::5 fd00::6 44 frag6 58 8 0 8600 0222 pad 12
	fragment6 pass $ALL $ME 86dd ip6 fd00::5 fd00::6 44 frag6 17 0 1 udp 9 9 pad 16
	later6-other-ext drop $ALL $ME 86dd ip6 fd00::5 fd00::6 44 frag6 43 8 0 1100 0400 0000 0000 udp 9 9
	later6-short pass $ALL $ME 86dd ip6 fd00::5 fd00::6 44 frag6 17 16 0 pad 4
	ext-hbh pass $ALL $ME 86dd ip6 fd00::5 fd00::6 0 hbh 17 udp 9 9
	ext-route pass $ALL $ME 86dd ip6 fd00::5 fd00::6 43 1100 0400 0000 0000 udp 9 9
	ext-dst pass $ALL $ME 86dd ip6 fd00::5 fd00::6 60 dst6 17 udp 9 9
	ext-none pass $ALL $ME 86dd ip6 fd00::5 fd00::6 60 3b00 0000 0000 0000
	ext-cut drop $ALL $ME 86dd ip6 fd00::5 fd00::6 60 11
	# a first part, and behind the packet's end what the kernel finds
	past-dst drop $ALL $ME 86dd ip6 fd00::5 fd00::6 44 frag6 60 0 1 dst6 60 end dst6 17 udp 9 9
	past-dst-port drop $ALL $ME 86dd ip6 fd00::5 fd00::6 44 frag6 60 0 1 dst6 17 end udp 9 9
	past-dst-echo drop $ALL $ME 86dd ip6 fd00::5 fd00::6 44 frag6 60 0 1 dst6 58 end 8000 0000 pad 4
	past-dst-multicast drop 33:33:00:00:00:01 $ME 86dd ip6 fd00::5 ff02::1 44 frag6 60 0 1 dst6 17 end udp 9 9
	past-hbh drop $ALL $ME 86dd ip6 fd00::5 fd00::6 44 frag6 0 0 1 hbh 17 end udp 9 9
	past-route drop $ALL $ME 86dd ip6 fd00::5 fd00::6 44 frag6 43 0 1 1100 0400 0000 0000 end udp 9 9
	past-twice drop $ALL $ME 86dd ip6 fd00::5 fd00::6 44 frag6 44 0 1 frag6 17 0 1 end udp 9 9
	past-hbh-frag drop $ALL $ME 86dd ip6 fd00::5 fd00::6 0 hbh 44 frag6 17 0 1 end udp 9 9
	past-route-frag drop $ALL $ME 86dd ip6 fd00::5 fd00::6 43 2c00 0400 0000 0000 frag6 17 0 1 end udp 9 9
	past-dst-frag drop $ALL $ME 86dd ip6 fd00::5 fd00::6 60 dst6 44 frag6 17 0 1 end udp 9 9
	past-frag drop $ALL $ME 86dd ip6 fd00::5 fd00::6 44 frag6 17 0 1 end udp 9 9
	past-frag-port drop $ALL $ME 86dd ip6 fd00::5 fd00::6 44 frag6 17 0 1 0009 end 0009 0000 0000
	ns-dst drop $ALL $ME 86dd ip6 fd00::5 ff02::1 60 dst6 58 nd 135 fd00::6 end opt 1 $ME
	na-dst drop $ALL $ME 86dd ip6 fd00::5 ff02::1 60 dst6 58 nd 136 fd00::5 end opt 1 $ME
	rs-dst drop $ALL $ME 86dd ip6 fd00::5 ff02::2 60 dst6 58 8500 0000 pad 4 end opt 1 $ME
	ns-fragment drop $ALL $ME 86dd ip6 fd00::5 ff02::1 44 frag6 58 0 0 nd 135 fd00::6 opt 1 $ME
	END
}

# options NAME WORDS..: each kind of option behind none, one, two, three others
options()
{
	opt_name=$1
	shift
	OPT_WORDS=$*
	opt_slots=3
	[ "${END:-}" != rs ] || opt_slots=2
	opt_before=
	for opt_at in 0 1 2 3; do
		[ $opt_at -le $opt_slots ] || break
		opt_rest=$((opt_slots - opt_at))
		opt_row "" pass 0
		opt_row slla pass 1 opt 1 $ME
		opt_row tlla pass 1 opt 2 $ME
		opt_row none drop 0 opt 0 $ME
		opt_row nonce pass 1 other 14 1
		opt_row nonce2 pass 2 other 14 2
		opt_row slla-lie drop 0 opt 1 $YOU
		opt_row tlla-lie drop 0 opt 2 $YOU
		opt_row slla-long drop 0 0102 pad 14
		opt_row empty drop 0 0e00 pad 6
		opt_row empty2 drop 0 0e00 pad 14
		opt_row long drop 0 0e03 pad 6 opt 1 $ME opt 1 $ME
		opt_before="$opt_before opt 1 $ME"
	done
}

# opt_row NAME VERDICT SLOTS WORDS..: too many slots are a drop
opt_row()
{
	opt_what=$opt_name-$opt_at-$1 opt_want=$2
	[ $3 -le $opt_rest ] || opt_want=drop
	shift 3
	echo "$opt_what $opt_want $ALL $ME 86dd $OPT_WORDS $opt_before $*"
}

# .. and whose addresses are, too
claims()
{
	cat <<-END
	ip-other drop $ALL $ME 0800 ip4 10.0.0.7 10.0.0.6 17 udp 9 9
	ip-next-prefix drop $ALL $ME 0800 ip4 10.3.0.1 10.0.0.6 17 udp 9 9
	ip-in-prefix pass $ALL $ME 0800 ip4 10.1.255.7 10.0.0.6 17 udp 9 9
	ip-of-net pass $ALL $ME 0800 ip4 10.2.0.9 10.0.0.6 17 udp 9 9
	ip-net-neighbour drop $ALL $ME 0800 ip4 10.2.0.10 10.0.0.6 17 udp 9 9
	ip-short drop $ALL $ME 0800 4500001c 0001 4000 4011 0000
	ip-empty drop $ALL $ME 0800
	ip-fragment-other drop $ALL $ME 0800 4500 001c 0001 2001 4011 0000 0a000007 0a000006 0000000000000000
	ip-fragment pass $ALL $ME 0800 4500 001c 0001 2001 4011 0000 0a000005 0a000006 0000000000000000
	dhcp pass $ALL $ME 0800 ip4 0.0.0.0 255.255.255.255 17 udp 68 67 pad 28 $ME pad 206
	dhcp-chaddr drop $ALL $ME 0800 ip4 0.0.0.0 255.255.255.255 17 udp 68 67 pad 28 $YOU pad 206
	dhcp-other drop $ALL $ME 0800 ip4 10.0.0.7 255.255.255.255 17 udp 68 67 pad 28 $ME pad 206
	dhcp-unicast drop $ALL $ME 0800 ip4 0.0.0.0 10.0.0.6 17 udp 68 67 pad 28 $ME pad 206
	dhcp-sport drop $ALL $ME 0800 ip4 0.0.0.0 255.255.255.255 17 udp 67 67 pad 28 $ME pad 206
	dhcp-dport drop $ALL $ME 0800 ip4 0.0.0.0 255.255.255.255 17 udp 68 68 pad 28 $ME pad 206
	dhcp-tcp drop $ALL $ME 0800 ip4 0.0.0.0 255.255.255.255 6 00440043 pad 32 $ME pad 206
	dhcp-fragment drop $ALL $ME 0800 4500 0140 0001 2001 4011 0000 00000000 ffffffff 00440043012c0000 pad 28 $ME pad 258
	dhcp-df pass $ALL $ME 0800 4500 0140 0001 4000 4011 0000 00000000 ffffffff 00440043012c0000 pad 28 $ME pad 258
	arp-ip-other drop $ALL $ME 0806 arp 1 $ME 10.0.0.7
	arp-reply pass $ALL $ME 0806 arp 2 $ME 10.0.0.5
	arp-reply-other drop $ALL $ME 0806 arp 2 $ME 10.0.0.7
	arp-in-prefix pass $ALL $ME 0806 arp 1 $ME 10.1.2.3
	arp-probe pass $ALL $ME 0806 arpto 1 $ME 0.0.0.0 10.0.0.5
	arp-probe-prefix pass $ALL $ME 0806 arpto 1 $ME 0.0.0.0 10.1.9.9
	arp-probe-other drop $ALL $ME 0806 arpto 1 $ME 0.0.0.0 10.0.0.6
	arp-probe-reply drop $ALL $ME 0806 arpto 2 $ME 0.0.0.0 10.0.0.5
	arp-probe-sender drop $ALL $ME 0806 arpto 1 $ME 10.0.0.7 10.0.0.5
	arp-gratuitous pass $ALL $ME 0806 arpto 1 $ME 10.0.0.5 10.0.0.5
	arp-announce pass $ALL $ME 0806 arpto 2 $ME 10.0.0.5 10.0.0.5
	arp-gratuitous-other drop $ALL $ME 0806 arpto 1 $ME 10.0.0.7 10.0.0.7
	ip6-other drop $ALL $ME 86dd ip6 fd00::7 fd00::6 17 udp 9 9
	ip6-in-prefix pass $ALL $ME 86dd ip6 fd01::7 fd00::6 17 udp 9 9
	ip6-next-prefix drop $ALL $ME 86dd ip6 fd01:0:0:1::7 fd00::6 17 udp 9 9
	ip6-linklocal pass $ALL $ME 86dd ip6 $LL6 ff02::1 58 8700 0000 pad 20
	ip6-linklocal-other drop $ALL $ME 86dd ip6 fe80::7 ff02::1 58 8700 0000 pad 20
	ip6-short drop $ALL $ME 86dd 6000000000001140
	dad pass 33:33:ff:00:00:05 $ME 86dd ip6 :: ff02::1:ff00:5 58 nd 135 fd00::5
	dad-nonce pass 33:33:ff:00:00:05 $ME 86dd ip6 :: ff02::1:ff00:5 58 nd 135 fd00::5 other 14 1
	dad-linklocal pass 33:33:ff:00:00:01 $ME 86dd ip6 :: ff02::1:ff00:1 58 nd 135 $LL6
	dad-prefix pass 33:33:ff:00:00:05 $ME 86dd ip6 :: ff02::1:ff00:5 58 nd 135 fd01::77
	dad-other drop 33:33:ff:00:00:06 $ME 86dd ip6 :: ff02::1:ff00:6 58 nd 135 fd00::6
	dad-dst drop 33:33:ff:00:00:05 $ME 86dd ip6 :: ff02::1:ff00:5 60 dst6 58 nd 135 fd00::5 end opt 1 $ME
	none-echo-target drop 33:33:ff:00:00:05 $ME 86dd ip6 :: ff02::1:ff00:5 58 nd 128 fd00::5
	na-other drop $ALL $ME 86dd ip6 fd00::5 ff02::1 58 nd 136 fd00::6 opt 2 $ME
	na-linklocal pass $ALL $ME 86dd ip6 fd00::5 ff02::1 58 nd 136 $LL6 opt 2 $ME
	na-prefix pass $ALL $ME 86dd ip6 fd01::9 ff02::1 58 nd 136 fd01::9 opt 2 $ME
	na-gateway drop $ALL $ME 86dd ip6 fd00::5 ff02::1 58 nd 136 fe80::1 opt 2 $ME
	rs pass 33:33:00:00:00:02 $ME 86dd ip6 :: ff02::2 58 8500 0000 pad 4
	none-rs-dst drop 33:33:00:00:00:02 $ME 86dd ip6 :: ff02::2 60 dst6 58 8500 0000 pad 4 end opt 1 $ME
	mld2 pass 33:33:00:00:00:16 $ME 86dd ip6 :: ff02::16 0 hbh 58 8f00 0000 pad 24
	mld1 pass 33:33:ff:00:00:05 $ME 86dd ip6 :: ff02::1:ff00:5 0 hbh 58 8300 0000 pad 20
	none-na drop 33:33:00:00:00:01 $ME 86dd ip6 :: ff02::1 58 8800 0000 pad 20
	none-ra drop 33:33:00:00:00:01 $ME 86dd ip6 :: ff02::1 58 8600 0000 pad 12
	none-echo drop 33:33:00:00:00:01 $ME 86dd ip6 :: ff02::1 58 8000 0000 pad 4
	none-udp drop 33:33:00:00:00:01 $ME 86dd ip6 :: ff02::1 17 udp 135 135
	none-tcp drop 33:33:00:00:00:01 $ME 86dd ip6 :: ff02::1 6 8700 8700 pad 16
	other-ns drop 33:33:00:00:00:01 $ME 86dd ip6 fd00::7 ff02::1 58 nd 135 fd00::5
	other-rs drop 33:33:00:00:00:02 $ME 86dd ip6 fd00::7 ff02::2 58 8500 0000 pad 4
	other-mld2 drop 33:33:00:00:00:16 $ME 86dd ip6 fd00::7 ff02::16 0 hbh 58 8f00 0000 pad 24
	other-mld1 drop 33:33:00:00:00:16 $ME 86dd ip6 fd00::7 ff02::16 0 hbh 58 8300 0000 pad 20
	none-mld2-past drop 33:33:00:00:00:16 $ME 86dd ip6 :: ff02::16 44 frag6 60 0 1 dst6 58 end 8f00 0000 pad 4
	none-mld2-udp drop 33:33:00:00:00:16 $ME 86dd ip6 :: ff02::16 17 8f00 8f00 0008 0000
	END
}

# Without addresses any IP source may be claimed, but nothing else changes.
unaddressed()
{
	cat <<-END
	any-ip pass $ALL $ME 0800 ip4 10.0.0.7 10.0.0.6 17 udp 9 9
	any-arp pass $ALL $ME 0806 arp 1 $ME 10.0.0.7
	any-ip6 pass $ALL $ME 86dd ip6 fd00::7 fd00::6 17 udp 9 9
	any-na pass $ALL $ME 86dd ip6 fd00::7 ff02::1 58 nd 136 fd00::9 opt 2 $ME
	END
}

# From elsewhere, to the guest: $YOU may say what it likes but that it is $ME.
elsewhere()
{
	cat <<-END
	to-plain pass $ALL $YOU 0800 ip4 10.0.0.6 10.0.0.5 17 udp 9 9
	to-prefix pass $ALL $YOU 0800 ip4 10.1.0.7 10.0.0.5 17 udp 9 9
	to-arp pass $ALL $YOU 0806 arpto 1 $YOU 10.0.0.6 10.0.0.5
	to-probe pass $ALL $YOU 0806 arpto 1 $YOU 0.0.0.0 10.0.0.5
	to-plain6 pass $ALL $YOU 86dd ip6 fd00::6 fd00::5 17 udp 9 9
	to-dad pass $ALL $YOU 86dd ip6 :: ff02::1 58 nd 135 fd00::5
	to-ns pass $ALL $YOU 86dd ip6 fd00::6 ff02::1 58 nd 135 fd00::5 opt 1 $YOU
	to-ns-linklocal pass $ALL $YOU 86dd ip6 fd00::6 ff02::1 58 nd 135 $LL6 opt 1 $YOU
	to-na pass $ALL $YOU 86dd ip6 fd00::6 ff02::1 58 nd 136 fd00::6 opt 2 $YOU
	to-ra pass $ALL $YOU 86dd ip6 fe80::1 ff02::1 58 8600 1234 pad 12
	to-offer pass $ALL $YOU 0800 ip4 10.0.0.1 255.255.255.255 17 udp 67 68 pad 240
	to-vlan pass $ALL $YOU 8100 0005 0800 ip4 10.0.0.6 10.0.0.5 17 udp 9 9
	to-own-mac drop $ALL $ME 0800 ip4 10.0.0.6 10.0.0.5 17 udp 9 9
	END
}
elsewhere_ip()
{
	cat <<-END
	to-own-ip drop $ALL $YOU 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	to-own-ip2 drop $ALL $YOU 0800 ip4 10.2.0.9 10.0.0.6 17 udp 9 9
	to-own-arp drop $ALL $YOU 0806 arpto 2 $YOU 10.0.0.5 10.0.0.6
	to-own-ip6 drop $ALL $YOU 86dd ip6 fd00::5 fd00::6 17 udp 9 9
	to-own-linklocal drop $ALL $YOU 86dd ip6 $LL6 fd00::6 17 udp 9 9
	to-own-na drop $ALL $YOU 86dd ip6 fd00::6 ff02::1 58 nd 136 fd00::5 opt 2 $YOU
	to-own-na-linklocal drop $ALL $YOU 86dd ip6 fd00::6 ff02::1 58 nd 136 $LL6 opt 2 $YOU
	END
}

frames()
{
	echo 1 >/sys/class/net/br0/bridge/flush
	"$RAW" br0 vif1.0 vif2.0 vif3.0
}

into()
{
	"$RAW" -t br0 vif2.0 vif1.0 vif3.0
}

framings >"$RUN/framings"
{ framings; claims; } >"$RUN/all"
{ framings; unaddressed; } >"$RUN/mac"
grep -v '10[.][12][.]\|fd01' "$RUN/all" >"$RUN/single"
{ elsewhere; elsewhere_ip; } >"$RUN/all.in"
elsewhere >"$RUN/mac.in"
grep -v '10[.]2[.]' "$RUN/all.in" >"$RUN/single.in"

# --- the table is right, and the matrix sees something ---

judge()
{
	"$TOOL" apply vif1.0 $1 && frames <"$2" &&
		{ [ ! -e "$2.in" ] || into <"$2.in"; }
}
ok "addresses known: every row as the table says" judge "$KNOWN" "$RUN/all"
ok "MAC known: every row as the table says" judge "mac=$ME" "$RUN/mac"

# One family only: the other is closed.
closed4()
{
	grep -v '^#' "$RUN/all" | awk '/ 0800 ip4 | 0806 arp| 0800 4/ {
		$2 = "drop" } { print }' >"$RUN/closed4"
	judge "mac=$ME ip=fd00::5 ip=fd01::/64" "$RUN/closed4"
}
closed6()
{
	awk '/ 86dd / { $2 = "drop" } { print }' "$RUN/all" >"$RUN/closed6"
	judge "mac=$ME ip=10.0.0.5 ip=10.1.0.0/16 ip=10.2.0.9" "$RUN/closed6"
}
ok "only IPv6 addresses: IPv4 and ARP are closed" closed4
ok "only IPv4 addresses: IPv6 is closed" closed6

"$TOOL" remove vif1.0
frames <"$RUN/all" >"$RUN/open" || :
ok "without a guard a forged LLDP frame moves the victim" \
	grep -q '^forged-lldp: learned' "$RUN/open"
ok "without a guard VLAN 0 passes" grep -q '^vlan0: pass' "$RUN/open"

# --- each rule is needed, and each match of it ---

# needed POLICY TABLE: a turn without each; what no row of it noticed is asked of
# those that go the other way. PLACES=n: each nth only, for slow machines.
each_needed()
{
	judge "$1" "$2" || return
	for w in $("$TOOL" "${3:-count}" vif1.0 $1); do
		echo "$TOOL apply vif1.0 $1 without=$w"
	done | awk -v n="${PLACES:-1}" 'NR % n == 0' >"$RUN/places"
	"$RAW" -f "$2" br0 vif1.0 vif2.0 vif3.0 <"$RUN/places" >"$RUN/missed"
	if [ -e "$2.in" ]; then
		"$RAW" -f "$2.in" -t br0 vif2.0 vif1.0 vif3.0 <"$RUN/missed"
	else
		fails grep . "$RUN/missed"
	fi >"$RUN/never"
	each_rc=$?
	echo "$(wc -l <"$RUN/places") places; nothing noticed:"
	cat "$RUN/never"
	[ $each_rc = 0 ]
}
ok "addresses known: each rule and each match is needed" \
	each_needed "$KNOWN" "$RUN/all"
ok "one address: each rule for what is sent to the guest is needed" \
	each_needed "mac=$ME ip=10.0.0.5 ip=fd00::5" "$RUN/single" count-to
ok "MAC known: each rule and each match is needed" \
	each_needed "mac=$ME" "$RUN/mac"

# --- connections that would hide from their rate ---

# TCP's flags are in bytes 8 to 15: nothing may have them without its ports.
parts()
{
	IP4="$ALL $ME 0800 4500 0024 0001"
	ENDS="0000 0a000005 0a000006"
	IP6="$ALL $ME 86dd ip6 fd00::5 fd00::6"
	cat <<-END
	first pass $IP4 2000 4006 $ENDS 00090016 00000001 pad 8
	flags drop $IP4 0001 4006 $ENDS 00000001 50020000 pad 8
	flags-more drop $IP4 2001 4006 $ENDS 00000001 50020000 pad 8
	later pass $IP4 0002 4006 $ENDS pad 16
	udp-later pass $IP4 0001 4011 $ENDS pad 16
	first6 pass $IP6 44 frag6 6 0 1 00090016 00000001
	flags6 drop $IP6 44 frag6 6 8 0 00000001 50020000 pad 4
	flags6-more drop $IP6 44 frag6 6 8 1 00000001 50020000
	later6 pass $IP6 44 frag6 6 16 0 pad 8
	flags6-other drop $IP6 44 frag6 17 8 0 00000001 50020000 pad 4
	flags6-hbh drop $IP6 0 hbh 44 frag6 6 8 0 00000001 50020000 pad 4
	flags6-dst drop $IP6 44 frag6 60 0 1 dst6 6 end 00090016 00000001 00000000 50100000 pad 4
	udp6-later pass $IP6 44 frag6 17 16 0 pad 8
	tcp6-hbh pass $IP6 0 hbh 6 00090016 00000001 00000000 50100000 pad 4
	tcp6-port8 pass $IP6 6 00090008 00000001 00000000 50100000 pad 4
	END
}
parts >"$RUN/parts"
ok "flags of TCP in a second part: each rule and each match is needed" \
	each_needed "mac=$ME connections=1000000" "$RUN/parts" count-parts

"$TOOL" remove vif1.0

# --- a client of DHCPv6, whom the watcher listens to ---

asks6()
{
	IP6="$ALL $ME 86dd ip6 $LL6"
	cat <<-END
	ask pass 33:33:00:01:00:02 $ME 86dd ip6 $LL6 ff02::1:2 17 udp 546 547 pad 20
	ask-one pass $IP6 fe80::1 17 udp 546 547 pad 20
	ask-fragment drop $IP6 fe80::1 44 frag6 17 0 1 udp 546 547 pad 16
	ask-header drop $IP6 fe80::1 60 dst6 17 udp 546 547 pad 16
	ask-later pass $IP6 fe80::1 44 frag6 17 8 0 0222 0223 pad 4
	other-fragment pass $IP6 fe80::1 44 frag6 17 0 1 udp 9 9 pad 16
	other-header pass $IP6 fe80::1 60 dst6 17 udp 9 9
	other-source drop $ALL $ME 86dd ip6 fd00::5 fd00::6 17 udp 9 9
	END
}
asks6 >"$RUN/asks6"
ok "to servers of DHCPv6 all or nothing: each rule and each match is needed" \
	each_needed "mac=$ME ip=dhcp" "$RUN/asks6" count-dhcp6
"$TOOL" remove vif1.0

# The ordinary frame leaves by the first rules, whatever stands after them.
fast()
{
	cat >"$RUN/fast" <<-END
	plain pass $ALL $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9 pad 18
	tcp pass $YOU $ME 0800 ip4 10.0.0.5 10.0.0.6 6 0050 0050 pad 16
	plain6 pass $ALL $ME 86dd ip6 fd00::5 fd00::6 17 udp 9 9
	tcp6 pass $YOU $ME 86dd ip6 fd00::5 fd00::6 6 0050 0050 pad 16
	arp drop $ALL $ME 0806 arp 1 $ME 10.0.0.5
	END
	"$TOOL" apply vif1.0 $1 only=fast && frames <"$RUN/fast"
}
ok "ordinary frames leave by the fast rules" \
	fast "mac=$ME ip=10.0.0.5 ip=fd00::5"
ok ".. where there are several addresses, too" \
	fast "mac=$ME ip=10.0.0.5 ip=10.0.0.9 ip=fd00::5 ip=fd00::9"
ok ".. and where there are networks" fast "mac=$ME ip=10.0.0.0/24 ip=fd00::/64"
ok ".. and without addresses" fast "mac=$ME"

# --- counters say why ---

counters()
{
	nft list counters table netdev netback-vif1.0 |
		awk '/counter/ { n = $2 } $1 == "packets" && $2 > 0 { print n }' |
		sort | tr '\n' ' '
}
"$TOOL" apply vif1.0 $KNOWN
frames <"$RUN/all" >/dev/null
into <"$RUN/all.in" >/dev/null
same "every reason has a counter that moved" \
	"drop_arp drop_dhcp drop_ethertype drop_hidden drop_ip drop_ip6 drop_linklocal drop_mac drop_nd drop_own drop_ra " \
	"$(counters)"

nft list counters table netdev netback-vif1.0 >"$RUN/counts"
kept()
{
	"$TOOL" apply vif1.0 $KNOWN ip=10.0.0.9 &&
		nft list counters table netdev netback-vif1.0 |
		diff "$RUN/counts" -
}
ok "a guard that is replaced keeps its counts" kept

# --- what we send lists as what we print ---

as_printed()
{
	"$TOOL" apply "$@" && nft list ruleset >"$RUN/ours" || return
	"$TOOL" print "$@" >"$RUN/print"
	# shellcheck disable=SC2016 # the inner shell expands them
	unshare -n sh -c '
		ip tuntap add "$1" mode tap && nft -c -f "$2" &&
		nft -f "$2" && nft list ruleset' - "$1" "$RUN/print" \
		>"$RUN/theirs" || return
	"$TOOL" remove "$1"
	diff "$RUN/ours" "$RUN/theirs"
}
"$TOOL" remove vif1.0
ok "nothing known: batch and print are equal" as_printed vif1.0
ok "MAC known: batch and print are equal" as_printed vif1.0 mac=$ME
ok "addresses known: batch and print are equal" as_printed vif1.0 $KNOWN
# with a MAC leases of IPv6 are learned, for which nft has no words
ok "by DHCP: batch and print are equal" as_printed vif1.0 ip=dhcp
for how in learn dhcp; do
	"$TOOL" apply vif1.0 mac=$ME ip=$how
	ok "ip=$how: check finds it in place" "$TOOL" check vif1.0 mac=$ME ip=$how
done
"$TOOL" remove vif1.0
ok "odd prefixes: batch and print are equal" as_printed vif1.0 mac=$ME \
	ip=0.0.0.0/0 ip=10.8.0.0/13 ip=10.0.0.2/31 ip=::/0 ip=fd00::/61 \
	ip=fd00::2/127
ok "rates: batch and print are equal" as_printed vif1.0 mac=$ME packets=50 \
	connections=5
ok "only IPv6: batch and print are equal" as_printed vif1.0 ip=fd00::5

# --- twice, absent, long names, gone ---

"$TOOL" apply vif1.0 $KNOWN
nft list ruleset >"$RUN/once"
twice()
{
	"$TOOL" apply vif1.0 $KNOWN && nft list ruleset | diff "$RUN/once" -
}
ok "applied twice equals once" twice
ok "check finds it in place" "$TOOL" check vif1.0 $KNOWN
for broken in "delete chain netdev netback-vif1.0 from_guest" \
	"flush chain netdev netback-vif1.0 check_ip" \
	"add rule netdev netback-vif1.0 check_ip6 return" \
	"insert rule netdev netback-vif1.0 check_arp_ip return" \
	"add element netdev netback-vif1.0 addr4 { 10.0.0.99 }" \
	"delete element netdev netback-vif1.0 addr6 { fd00::5 }" \
	"add chain netdev netback-vif1.0 other" \
	"delete table netdev netback-vif1.0"; do
	nft "$broken"
	ok "check sees: $broken" fails "$TOOL" check vif1.0 $KNOWN
	"$TOOL" apply vif1.0 $KNOWN
	ok ".. and apply mends it" "$TOOL" check vif1.0 $KNOWN
done
ok "removed" "$TOOL" remove vif1.0
same "nothing is left" "" "$(nft list ruleset)"
ok "removing what is absent succeeds" "$TOOL" remove vif1.0
ok "check misses it" fails "$TOOL" check vif1.0 $KNOWN

LONG=abcdefghijklm.o
ip tuntap add $LONG mode tap
ok "a name of 15 characters" as_printed $LONG $KNOWN
ip tuntap add 'vif@7_-x' mode tap
ok "a name that nft's grammar does not take" as_printed 'vif@7_-x' $KNOWN
ok "its check" sh -c "'$TOOL' apply vif@7_-x && '$TOOL' check vif@7_-x"
"$TOOL" apply $LONG $KNOWN
ip link del $LONG
ip link del 'vif@7_-x'
ok "check sees that the device is gone" fails "$TOOL" check $LONG $KNOWN
ok "the table of a device that is gone is removed" "$TOOL" remove $LONG
ok ".. and another" "$TOOL" remove 'vif@7_-x'
same "nothing is left of them" "" "$(nft list ruleset)"
no_device()
{
	"$TOOL" apply $LONG 2>"$RUN/said" && return 1
	grep -q "$LONG: guard: no such device" "$RUN/said" ||
		{ cat "$RUN/said"; return 1; }
}
ok "a device that is not there is named" no_device
no_right()
{
	setpriv --bounding-set -net_admin --inh-caps -net_admin \
		"$TOOL" apply vif1.0 2>"$RUN/said" && return 1
	grep -q CAP_NET_ADMIN "$RUN/said" || { cat "$RUN/said"; return 1; }
}
ok "without the privilege the message says so" no_right

# An administrator's own chain on the device keeps its say.
"$TOOL" apply vif1.0 $KNOWN
nft -f - <<-END
	table netdev admin {
		chain mine {
			type filter hook ingress device "vif1.0" priority 0
			udp dport 9 drop
		}
	}
END
echo "plain drop $ALL $ME 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9" >"$RUN/one"
ok "an administrator's drop after ours holds" frames <"$RUN/one"
done_testing
