# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# crowd.sh - what many vifs and many queues cost: processor time and memory
#
# Sourced by bench.sh.

# KiB that a worker holds for itself: not a guest's memory, not its programs.
worker_kb()
{
	awk '/^[0-9a-f]+-[0-9a-f]+ / {
			ours = NF < 6 || $6 ~ /^\[heap\]|\/keep\// }
		/^Rss:/ && ours { n += $2 }
		END { print n }' "/proc/$1/smaps"
}

# One vif more, with so many queues, connected and silent.
queues()
{
	background vifguest --run "$RUN" --vif "$1.0" --queues "$2" \
		--ip "10.7.0.$(($1 - 700))/24" >"/tmp/guest$1"
	vifctl attach "vif$1.0" bridge=brmem
	until_true 10 running "vif$1.0"
}

# Memory for queues 33 to 64, a queue. Twice as much, not the first: what a worker
# has anyhow is not counted.
bench_memory()
{
	bridge brmem
	for d in 701 702 703 704; do
		queues $d 8
	done
	sleep 1
	n=$(worker_kb "$(worker vif701.0)")
	for d in 705 706 707 708; do
		queues $d 8
	done
	sleep 1
	awk -v a="$n" -v b="$(worker_kb "$(worker vif701.0)")" \
		'BEGIN { printf "%.1f\n", (b - a) / 32 }' >/tmp/memory
	echo 64 >/tmp/memory.wanted
	row memory per-queue KiB /tmp/memory wanted /tmp/memory.wanted LOWER
	for d in 701 702 703 704 705 706 707 708; do
		vifctl detach vif$d.0
	done
}

# A bridge has 1023 ports at most. What one vif announces is not for the others: a
# guest that takes no frames is no silent one, it is stalled.
bench_crowd()
{
	bridge brcrowd
	for d in $(seq 3001 $((3000 + CROWD))); do
		background "$BENCH/ringgen" --run "$RUN" --vif "$d.0" idle \
			10000 $SIZE
		vifctl attach "vif$d.0" bridge=brcrowd
		command bridge link set dev "vif$d.0" flood off mcast_flood off \
			bcast_flood off
		until_true 10 running "vif$d.0"
	done
	sleep "$SETTLE"
	for _ in $(seq "$N"); do
		n=$(cpu_ns)
		sleep "$S"
		awk -v a="$n" -v b="$(cpu_ns)" -v s="$S" \
			'BEGIN {printf "%.4f\n", (b - a) / s / 1e7}' >>/tmp/crowd
	done
	echo 1 >/tmp/crowd.wanted
	row idle "cpu-$CROWD-vifs" % /tmp/crowd wanted /tmp/crowd.wanted LOWER
}
