# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# ring.sh - ring to ring, without taps: instructions a frame, and against DPDK
#
# Sourced by bench.sh. Ours: ringwire, two guests' rings with the shipped wire
# between them. Peer: Debian's dpdk-testpmd, two vhost (memif) ports in io mode,
# driven by another testpmd with two virtio_user (memif) ports in flowgen. Both
# have one CPU for the generators and one for what is measured.

# LABEL:BYTES; 65226 is one segment of TCP that leaves the host in 45.
RING_SIZES="64:64 1514:1514 64k:65226"

# --- instructions, counted by callgrind: no clock, the same on a busy machine ---

# What was noted when this was written, with Debian 12's gcc at -O2.
insn_noted()
{
	case $1 in
	64) echo 948 ;;
	1514) echo 1258 ;;
	64k) echo 14084 ;;
	esac
}

# insn BYTES: instructions of the wire for each frame.
insn()
{
	insn_n=2000
	valgrind --tool=callgrind --callgrind-out-file=/tmp/callgrind \
		--toggle-collect=sw_run "$BENCH/ringwire" "$1" count $insn_n \
		>/tmp/insn 2>&1 || die "$(cat /tmp/insn)"
	sed -n 's/^==.*Collected : //p' /tmp/insn | tr -d , |
		awk -v n=$insn_n '{printf "%.0f\n", $1 / n}'
}

bench_insn()
{
	for size in $RING_SIZES; do
		insn "${size#*:}" >/tmp/insn.ours
		insn_noted "${size%:*}" >/tmp/insn.noted
		row insn "ring-${size%:*}" instructions/frame /tmp/insn.ours \
			noted /tmp/insn.noted LOWER
	done
}

# --- from one ring to the other, one frame at a time --------------------------------

ring_latency()
{
	for _ in $(seq "$N"); do
		WIRE_CPU=$LAST GUESTS_CPU=0 "$BENCH/ringwire" 64 latency \
			$((PINGS * 20)) >/tmp/latency
		awk '{print $1}' /tmp/latency >>/tmp/ring50
		awk '{print $2}' /tmp/latency >>/tmp/ring99
	done
	echo 8 >/tmp/latency.wanted
	row latency ring-p50 us /tmp/ring50 wanted /tmp/latency.wanted LOWER
	row latency ring-p99 us /tmp/ring99 wanted /tmp/latency.wanted LOWER
}

# --- against DPDK ---------------------------------------------------------------

# Options of testpmd for frames of so many bytes; before --txpkts, which is held
# against the first.
pmd_mbufs()
{
	if [ "$1" -le 2048 ]; then
		echo --total-num-mbufs=8192
	else
		echo --mbuf-size=65535 --total-num-mbufs=2048
	fi
}

# testpmd CPU OTHER_CPU NAME BYTES EAL_OPTIONS.. -- OPTIONS..: in the background
# for as long as somebody measures; its own main thread sleeps on the other CPU.
testpmd()
{
	pmd_cpu=$1 pmd_other=$2 pmd_name=$3 pmd_memory=256
	[ "$4" -le 2048 ] || pmd_memory=512
	shift 4
	dpdk-testpmd --no-huge --no-pci -m $pmd_memory --file-prefix "$pmd_name" \
		--lcores "0@$pmd_other,1@$pmd_cpu" "$@" \
		--no-flush-rx --auto-start --stats-period 1 \
		>"/tmp/$pmd_name.log" 2>&1 </dev/null &
	case $pmd_name in
	gen) PMD_GEN=$! ;;
	dut) PMD_DUT=$! ;;
	esac
}

# Frames a second that flowgen's two ports received, from the third second on.
pmd_pps()
{
	awk '/Rx-pps/ {v[++n] = $2}
		END { for (i = 5; i <= n; i++) s += v[i]
			printf "%.0f\n", (n > 4 ? 2 * s / (n - 4) : 0) }' \
		/tmp/gen.log
}

has_stats()
{
	[ -f /tmp/gen.log ] && [ "$(grep -c Rx-pps /tmp/gen.log)" -ge "$1" ]
}

pmd_once()
{
	until_true 20 has_stats $((2 * PMD_SECONDS + 4)) || cat /tmp/gen.log
	kill "$PMD_GEN" "$PMD_DUT"
	wait "$PMD_GEN" "$PMD_DUT" || :
	pmd_pps
}

# shellcheck disable=SC2046 # words
vhost()
{
	rm -f /tmp/vhost[01] /tmp/gen.log
	testpmd "$LAST" 0 dut "$1" --vdev net_vhost0,iface=/tmp/vhost0 \
		--vdev net_vhost1,iface=/tmp/vhost1 -- $(pmd_mbufs "$1") --forward-mode=io
	until_true 20 test -S /tmp/vhost1
	sleep 0.5
	testpmd 0 "$LAST" gen "$1" \
		--vdev net_virtio_user0,path=/tmp/vhost0,mac=02:00:00:00:00:01 \
		--vdev net_virtio_user1,path=/tmp/vhost1,mac=02:00:00:00:00:02 \
		-- $(pmd_mbufs "$1") --forward-mode=flowgen --txpkts="$1"
	pmd_once
}

# shellcheck disable=SC2046 # words
memif()
{
	rm -f /tmp/memif[01] /tmp/gen.log
	testpmd "$LAST" 0 dut "$1" \
		--vdev net_memif0,role=server,id=0,socket=/tmp/memif0,socket-abstract=no \
		--vdev net_memif1,role=server,id=1,socket=/tmp/memif1,socket-abstract=no \
		-- $(pmd_mbufs "$1") --forward-mode=io
	until_true 20 test -S /tmp/memif1
	sleep 0.5
	testpmd 0 "$LAST" gen "$1" \
		--vdev net_memif0,role=client,id=0,socket=/tmp/memif0,socket-abstract=no \
		--vdev net_memif1,role=client,id=1,socket=/tmp/memif1,socket-abstract=no \
		-- $(pmd_mbufs "$1") --forward-mode=flowgen --txpkts="$1"
	pmd_once
}

ring()
{
	WIRE_CPU=$LAST GUESTS_CPU=0 "$BENCH/ringwire" "$1" seconds "$S" |
		awk '{print $3}'
}

# ring_rows SIZE BYTES PEER..: ours and the peers by turns.
ring_rows()
{
	ring_label=$1 ring_bytes=$2
	shift 2
	for _ in $(seq "$RING_N"); do
		ring "$ring_bytes" >>/tmp/ring.ours
		for ring_peer in "$@"; do
			"$ring_peer" "$ring_bytes" >>"/tmp/ring.$ring_peer"
		done
	done
	for ring_peer in "$@"; do
		row "ring-$ring_peer" "$ring_label" frames/s /tmp/ring.ours \
			"$ring_peer" "/tmp/ring.$ring_peer" HIGHER
		rm "/tmp/ring.$ring_peer"
	done
	rm /tmp/ring.ours
}

# memif's buffers hold 2048 bytes: nothing larger is compared with it.
bench_ring()
{
	if [ "$CPUS" -lt 2 ] || ! command -v dpdk-testpmd >/dev/null; then
		say "ring: skipped; it needs two CPUs and: apt-get install" \
			"--no-install-recommends dpdk-dev librte-net-vhost23" \
			"librte-net-virtio23 librte-net-memif23"
		return 0
	fi
	mount -t tmpfs tmpfs /run # where testpmd leaves things
	PMD_SECONDS=3 RING_N=5
	[ "$N" -ge 5 ] || RING_N=$N
	for size in $RING_SIZES; do
		case $size in
		64k:*) ring_rows "${size%:*}" "${size#*:}" vhost ;;
		*) ring_rows "${size%:*}" "${size#*:}" vhost memif ;;
		esac
	done
}
