#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# bench.sh - in dom0: netbackd and the kernel's xen-netback, one boot, one guest
#
# Rows for tests/bench/xen.sh: area,case,unit,ours,peer,peer_value,ratio. The
# guests are not started again between the two: their cards are unplugged, the
# backend is changed, and they are plugged in again.
. /nb/tests/xen/dom0/lib.sh
. /nb/tests/xen/dom0/traffic.sh
CSV=/share/out/xen.csv
PG=/proc/net/pktgen
SECONDS_TCP=${SECONDS_TCP:-2}
FRAMES=${FRAMES:-40000}

plug()
{
	for p_g in one:02 two:03; do
		xl network-attach "${p_g%:*}" "mac=00:16:3e:00:00:${p_g#*:}" \
			bridge=xenbr0 script=/opt/nb/vif-bridge
	done
	answers 10.0.0.2 && answers 10.0.0.3
}

unplug()
{
	xl network-detach one 0
	xl network-detach two 0
}

# What pktgen is told: DEVICE SOURCE DESTINATION MAC
pktgen_words()
{
	echo "echo rem_device_all >$PG/kpktgend_0;" \
		"echo add_device $1 >$PG/kpktgend_0;" \
		"for w in 'count $FRAMES' 'pkt_size 60' 'clone_skb 0'" \
		"'delay 0' 'src_min $2' 'src_max $2' 'dst $3' 'dst_mac $4'" \
		"'udp_dst_min 9' 'udp_dst_max 9'; do echo \$w >$PG/$1; done;" \
		"echo start >$PG/pgctrl"
}

# From pktgen's "Result: OK: N(c..+d..) usec": N.
pktgen_usec()
{
	sed -n 's/^Result: OK: \([0-9]*\)(.*/\1/p'
}

# per_ms FRAMES USEC
per_ms()
{
	awk -v n="$1" -v t="$2" 'BEGIN {printf "%.2f\n", n * 1000 / t}'
}

# The guest sends as fast as its ring is emptied: its own time counts.
kpps_up()
{
	k_was=$(cat "$m_vif/statistics/rx_packets")
	WAIT=200 quiet on one "$(pktgen_words eth0 10.0.0.2 10.0.0.1 "$m_mac")"
	k_usec=$(on one "cat $PG/eth0" | pktgen_usec)
	sleep 0.5
	k_now=$(cat "$m_vif/statistics/rx_packets")
	per_ms $((k_now - k_was)) "$k_usec"
}

# dom0 sends faster than the guest is served: what arrived counts.
kpps_down()
{
	k_eth=/sys/class/net/eth0/statistics/rx_packets
	k_was=$(on one "cat $k_eth" | tail -n 1)
	eval "$(pktgen_words "$m_dev" 10.0.0.1 10.0.0.2 00:16:3e:00:00:02)"
	k_usec=$(pktgen_usec <"$PG/$m_dev")
	sleep 0.5
	k_now=$(on one "cat $k_eth" | tail -n 1)
	per_ms $((k_now - k_was)) "$k_usec"
}

guest_tcp()
{
	WAIT=120 on two "iperf3 -c 10.0.0.2 -f m -t $SECONDS_TCP" |
		sed -n 's/.* \([0-9.]*\) Mbits.*receiver.*/\1/p'
}

# Guest to guest goes over the bridge here; direct below. The kernel's backend knows
# one way, which both are held against.
bridged()
{
	b_mbits=$(guest_tcp)
	echo "g2g-tcp-bridge $b_mbits"
	[ "$1" != kernel ] || echo "g2g-tcp $b_mbits"
}

# The same with direct=yes for both cards.
direct()
{
	mkdir -p /etc/netback
	echo direct=yes >/etc/netback/hotplug
	unplug
	plug || return 1
	rm /etc/netback/hotplug
	guest_tcp >/dev/null # connects, and the guests find each other
	echo "g2g-tcp $(guest_tcp)" >>/tmp/ours
	note "direct: $(tail -n 1 /tmp/ours)"
	[ "$(counter "$(stats one)" direct_in)" -gt 1000 ]
}

# measure NAME: lines "CASE VALUE" into /tmp/NAME
measure()
{
	m_vif=/sys/class/net/vif$(domid one).0
	m_dev=${m_vif##*/}
	m_mac=$(cat /sys/class/net/xenbr0/address)
	mbits -t 1 >/dev/null
	{
		echo "tcp-down $(mbits -t "$SECONDS_TCP")"
		echo "tcp-up $(mbits -t "$SECONDS_TCP" -R)"
		bridged "$1"
		echo "pps64-up $(kpps_up)"
		echo "pps64-down $(kpps_down)"
	} >"/tmp/$1"
	note "$1: $(tr '\n' ' ' <"/tmp/$1")"
}

# One attach by hand, as libxl does it; ms of N of them, online and offline.
hotplug_ms()
{
	h_from=$(date +%s%N)
	for _ in 1 2 3 4 5; do
		for h_c in online offline; do
			XENBUS_TYPE=vif XENBUS_PATH=backend/vif/99/0 \
			XENBUS_BASE_PATH=backend netdev='' vif=vif99.0 \
			script="$1" "$1" $h_c type_if=vif || return 1
		done
	done >/tmp/hotplug.log 2>&1
	echo $((($(date +%s%N) - h_from) / 10000000))
}

hotplug_rows()
{
	modprobe tun
	ip tuntap add dev vif99.0 mode tap
	xenstore-write $BACK/99/0/frontend-id 99 $BACK/99/0/handle 0 \
		$BACK/99/0/mac 00:16:3e:00:00:99 $BACK/99/0/bridge xenbr0 \
		$BACK/99/0/type vif $BACK/99/0/hotplug-status '' \
		/local/domain/99/device/vif/0/mtu 1500
	for h_s in /opt/nb/vif-bridge /etc/xen/scripts/vif-bridge; do
		hotplug_ms $h_s >/dev/null || cat /tmp/hotplug.log
	done
	h_ours=$(hotplug_ms /opt/nb/vif-bridge)
	h_peer=$(hotplug_ms /etc/xen/scripts/vif-bridge)
	xenstore-rm $BACK/99
	xenstore-rm /local/domain/99
	ip link del vif99.0
	echo "xen-hotplug,vif-bridge,ms,$h_ours,debian,$h_peer,$(awk \
		-v a="$h_ours" -v b="$h_peer" 'BEGIN {printf "%.2f", b / a}')"
}

rows()
{
	sort /tmp/ours >/tmp/ours.s
	sort /tmp/kernel | join - /tmp/ours.s | while read -r r_c r_k r_o; do
		case $r_c in pps*) r_u=kpps ;; *) r_u=Mbit/s ;; esac
		echo "xen-peer,$r_c,$r_u,$r_o,xen-netback,$r_k,$(awk \
			-v a="$r_o" -v b="$r_k" 'BEGIN {printf "%.2f", a / b}')"
	done
}

bench()
{
	modprobe pktgen
	modprobe xen-netback
	hotplug_rows >/tmp/hotplug.row
	note "$(cat /tmp/hotplug.row)"
	guest one 2 && guest two 3
	create one && create two || return 1
	answers 10.0.0.2 120 && answers 10.0.0.3 120 || return 1
	on one 'iperf3 -s -D >/dev/null 2>&1; insmod /modules/pktgen.ko'
	note guests
	measure kernel
	unplug
	netback_up && plug || return 1
	measure ours
	direct || return 1
	{
		echo area,case,unit,ours,peer,peer_value,ratio
		rows
		cat /tmp/hotplug.row
	} >$CSV
	stats one >/share/out/stats
}

xen_up oxenstored
bench >/share/out/bench.log 2>&1
b_rc=$?
sed '/^#/!s/^/#   /' /share/out/bench.log
ok 'both backends were measured' test $b_rc = 0
done_testing
