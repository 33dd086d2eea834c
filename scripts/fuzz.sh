#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# fuzz.sh - run the fuzzers in turn, one process at a time, and count executions
#
#   fuzz.sh [MINUTES]	all fuzzers, so many minutes together (12)
#   T='ring wire'	these alone
#   B=DIR		where the fuzzers are (build/fuzz); corpora: DIR/fuzz/NAME
#
# Each run is a line of DIR/fuzz/counts: date, name, executions, seconds. What all
# lines are together is said at the end. A finding is kept as DIR/fuzz/NAME-*, the
# others go on, and the exit status is 1.
set -eu
cd "$(dirname "$0")/.."
B=${B:-build/fuzz}
T=${T:-$(for f in tests/fuzz/*.c; do basename "$f" .c; done)}
counts=$B/fuzz/counts
mkdir -p "$B/fuzz"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
trap 'exit 130' INT TERM
# shellcheck disable=SC2086 # words
set -- "${1:-12}" $T
minutes=$1
shift
each=$((minutes * 60 / $#))
[ "$each" -gt 0 ] || each=1
bad=0

for name; do
	new=$B/fuzz/$name
	mkdir -p "$new"
	# freed memory is held back for ASan's sake, but not a quarter of a GB
	ASAN_OPTIONS=${ASAN_OPTIONS:-quarantine_size_mb=64} \
		nice -n 15 "$B/tests/fuzz/$name" "$new" "tests/fuzz/$name.seeds" \
		-seed=0 -verbosity=0 -max_total_time="$each" -timeout=60 \
		-print_final_stats=1 -artifact_prefix="$new-" >"$log" 2>&1 || {
		bad=1
		echo "fuzz: $name: a finding, in $new-*"
		grep -v '^stat::' "$log" | tail -n 40
	}
	n=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	echo "$(date +%F) $name ${n:-0} $each" >>"$counts"
done
awk '{ n[$2] += $3; s[$2] += $4; all += $3 }
END {
	for (f in n)
		printf "%-10s %12d executions, %6d a second\n", f, n[f],
			n[f] / s[f]
	printf "%-10s %12d executions\n", "~ in all", all
}' "$counts" | sort | sed 's/^~ //'
exit "$bad"
