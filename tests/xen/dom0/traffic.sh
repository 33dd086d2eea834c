# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# traffic.sh - what must pass between dom0 and guests one and two

# What a kernel threw away for its checksum, all protocols; one line, since a
# guest's console takes a command a line.
# shellcheck disable=SC2016 # awk's
SUMS='awk "/^(Tcp|Udp|Icmp):/ { if (!(\$1 in h)) h[\$1] = \$0; else { split(h[\$1], k); for (i = 2; i <= NF; i++) if (k[i] == \"InCsumErrors\") n += \$i } } END { print \"bad\", n + 0 }" /proc/net/snmp'

# mbits ARGUMENTS..: of iperf3 to guest one, or $TO
mbits()
{
	timeout 60 iperf3 -c "${TO:-10.0.0.2}" -f m "$@" 2>&1 | tee /tmp/iperf |
		sed -n 's/.* \([0-9.]*\) Mbits.*receiver.*/\1/p'
}

# some ARGUMENTS..: something arrived
some()
{
	some=$(mbits "$@")
	note "iperf3 $*: $some Mbit/s"
	case $some in ''|0|0.00) cat /tmp/iperf; return 1 ;; esac
}

# traffic STEP: with netbackd its counters are looked at, too; every STEPth size
traffic()
{
	quiet on one "$IPERF3"
	t_was=$(stats one)
	ok 'TCP to the guest' some -t 2
	t_down=$(stats one)
	ok 'TCP from the guest' some -t 2 -R
	t_up=$(stats one)
	# Of two segments at the least, however slow the machine is.
	ok 'large packets came from the guest whole' more_than 2000 \
		"$(per_frame tx "$t_down" "$t_up")"
	ok 'and went to it whole' more_than 2000 \
		"$(per_frame rx "$t_was" "$t_down")"
	ok 'UDP, 64 bytes, to the guest' some -t 2 -u -b 1M -l 64
	ok 'UDP, 64 bytes, from the guest' some -t 2 -u -b 1M -l 64 -R
	ok 'TCP from guest to guest' on two 'iperf3 -c 10.0.0.2 -t 2'
	sizes "$1"
	no_bad_sums
	note 'traffic done'
	[ ! -d /sys/module/xen_netback ] || return
	ok 'no packet was refused' none_refused one
	for t_g in one two; do
		same "guest $t_g was never rung for nothing, over all of it" 0 \
			"$(bells $t_g)"
	done
}

# The guest's counter of interrupts that had no cause.
bells()
{
	on "$1" 'cat /sys/bus/xen/devices/vif-0/xenbus/spurious_events' |
		tail -n 1
}

no_bad_sums()
{
	for t_g in one two; do
		same "guest $t_g saw no bad checksum" 'bad 0' \
			"$(on $t_g "$SUMS" | tail -n 1)"
	done
	same 'nor did dom0' 'bad 0' "$(eval "$SUMS")"
}

# mtu N: of guest one's card, both ends
mtu()
{
	quiet on one "ip link set eth0 mtu $1"
	quiet ip link set "$(vif_of one)" mtu "$1"
	quiet ip link set xenbr0 mtu "$1"
}

# scatter on|off: of guest one's card, both ends; TCP's large packets need it
scatter()
{
	quiet on one "ethtool -K eth0 sg $1 tso $1 gso $1"
	quiet ethtool -K "$(vif_of one)" sg "$1" tso "$1" gso "$1"
}

# sizes STEP: every size, or each STEPth
sizes()
{
	mtu 9000
	ok 'pings of 29 to 9000 bytes, as netfront has it' \
		"$B/tests/xen/dom0/sizes" 10.0.0.2 29 9000 "$1"
	scatter off
	ok 'pings of 29 to 9000 bytes, without scatter-gather' \
		"$B/tests/xen/dom0/sizes" 10.0.0.2 29 9000 "$1"
	scatter on
	mtu 1500
	note 'sizes done'
}

# passes WHEN [GUEST ADDRESS]: it carries everything (again)
passes()
{
	TO=${3:-10.0.0.2}
	quiet on "${2:-one}" "pidof iperf3 || $IPERF3"
	ok "$1: TCP to the guest" some -t 1
	ok "$1: TCP from it" some -t 1 -R
	ok "$1: sizes to 1500" "$B/tests/xen/dom0/sizes" "$TO" 29 1500 7
	TO=''
}

more_than()
{
	[ "$2" -gt "$1" ] || { echo "$2 is not more than $1"; return 1; }
}

# The kernel's counters of a guest's vif, in netbackd's words: what dom0 received
# the guest has sent.
kernel_stats()
{
	cd "/sys/class/net/$(vif_of "$1")/statistics" || return
	printf '"counters":{"tx_bytes":%s,"tx_frames":%s,"rx_bytes":%s,"rx_frames":%s}\n' \
		"$(cat rx_bytes)" "$(cat rx_packets)" "$(cat tx_bytes)" \
		"$(cat tx_packets)"
}

# stats NAME: the backend's counters of a guest's vif
stats()
{
	if [ -d /sys/module/xen_netback ]; then
		(kernel_stats "$1")
		return
	fi
	printf '{"cmd":"stats","vif":"%s"}\n' "vif$(domid "$1").0" |
		socat -t 5 - UNIX-CONNECT:/run/netback/control
}

# counter STATS NAME
counter()
{
	echo "$1" | sed 's/.*"counters":{\([^}]*\)}.*/\1/' | tr , '\n' |
		sed -n "s/^\"$2\"://p"
}

# per_frame tx|rx STATS STATS: bytes of an average frame between the two: that of
# no packet is above 1514.
per_frame()
{
	p_bytes=$(($(counter "$3" "$1_bytes") - $(counter "$2" "$1_bytes")))
	p_frames=$(($(counter "$3" "$1_frames") - $(counter "$2" "$1_frames")))
	echo $((p_bytes / (p_frames + !p_frames)))
}

none_refused()
{
	n_stat=$(stats "$1")
	for n_c in tx_bad_slots tx_bad_size tx_short tx_bad_grant \
		tx_bad_offload rx_bad_grant rx_too_big; do
		[ "$(counter "$n_stat" $n_c)" = 0 ] ||
			{ echo "$n_c: $(counter "$n_stat" $n_c)"; return 1; }
	done
}

# Guest two has two processors, and so two queues.
queues()
{
	same 'two queues with two processors' 2 "$(xenstore-read \
		"/local/domain/$(domid two)/device/vif/0/multi-queue-num-queues")"
	quiet on two "$IPERF3"
	ok 'eight streams to it' quiet timeout 60 iperf3 -c 10.0.0.3 -P 8 -t 2
	ok 'eight streams from it' quiet timeout 60 iperf3 -c 10.0.0.3 -P 8 \
		-t 2 -R
	note 'queues done'
	[ ! -d /sys/module/xen_netback ] || return
	q_used=$(stats two | grep -o '"queues":.*' |
		grep -o '"[tr]x_frames":[0-9]*' | grep -vc ':0$')
	same 'each queue carried frames, both ways' 4 "$q_used"
}
