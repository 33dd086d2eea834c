#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# run.sh - run groups of tests, each speaking TAP; end with the one line
#
#   tests/run.sh unit golden kernel net ..     (B=build, T=part of a name)
#
# A test is an executable B/tests/GROUP/NAME or a script tests/GROUP/NAME.sh.
# The group fuzz is fuzzers: each runs for FUZZ_SECONDS and is one point.
# A test that is skipped counts as failed when STRICT_SKIPS=1 and no line of
# tests/skips is "GROUP/NAME: its reason". Failing output is shown whole.
set -u
B=${B:-build}
T=${T:-}
LIMIT=${LIMIT:-180}
FUZZ_SECONDS=${FUZZ_SECONDS:-10}
export B CMOCKA_MESSAGE_OUTPUT=TAP
pass=0 fail=0 skip=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT

# What is wrong with the way test $1 ended (exit status $2), or nothing.
complaint()
{
	if [ "$2" = 124 ]; then
		echo "more than $LIMIT s"
	elif [ "$2" != 0 ] && [ "$f" = 0 ]; then
		echo "exit status $2"
	elif [ -z "$planned" ] || [ "$planned" != $((p + f)) ]; then
		echo "planned ${planned:-nothing}, ran $((p + f))"
	elif [ "$s" != 0 ] && [ "${STRICT_SKIPS:-0}" = 1 ] &&
	    ! grep -q "^$1: " tests/skips; then
		echo "skipped, and not in tests/skips"
	fi
}

# Adds what one test said; a test that dies early or says nothing has failed.
count()
{
	name=$1
	p=$(grep -c '^ok ' "$out") f=$(grep -c '^not ok ' "$out")
	s=$(grep -ciE '^(ok .*|1\.\.0 *)# *skip' "$out")
	planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$out" | tail -n 1)
	bad=$(complaint "$name" "$2")
	[ -z "$bad" ] || f=$((f + 1))
	p=$((p - s))
	[ "$p" -ge 0 ] || p=0
	pass=$((pass + p)) fail=$((fail + f)) skip=$((skip + s))
	if [ "$f" != 0 ]; then
		cat "$out"
		echo "FAIL $name${bad:+: $bad}"
	else
		echo "  ok $name: $p passed, $s skipped, $((end - start)) s"
	fi
}

# A fuzzer's findings stay in build/, its seeds are in tests/fuzz/NAME.seeds.
fuzz()
{
	new=$B/fuzz/$(basename "$1")
	mkdir -p "$new"
	set -- "$1" "$new" "tests/fuzz/$(basename "$1").seeds"
	[ -d "$3" ] || set -- "$1" "$2"
	timeout -k 5 $((FUZZ_SECONDS * 3 + 20)) "$@" -verbosity=0 \
		-max_total_time="$FUZZ_SECONDS" -print_final_stats=1 \
		-artifact_prefix="$new-" 2>&1 || { echo "not ok 1 - fuzz"; return; }
	echo "ok 1 - fuzz"
}

for group in "$@"; do
	for t in "$B/tests/$group"/* "tests/$group"/*.sh; do
		if [ ! -f "$t" ] || [ ! -x "$t" ]; then
			continue
		fi
		case ${t##*/} in *"$T"*) ;; *) continue ;; esac
		# Built from a test that is gone since.
		[ "$t" != "$B/tests/$group/${t##*/}" ] ||
			[ -f "tests/$group/${t##*/}.c" ] || continue
		start=$(date +%s)
		if [ "$group" = fuzz ]; then
			{ fuzz "$t"; echo 1..1; } >"$out" </dev/null
			rc=0
		else
			timeout -k 5 "$LIMIT" "$t" >"$out" 2>&1 </dev/null
			rc=$?
		fi
		end=$(date +%s)
		count "$group/$(basename "$t" .sh)" "$rc"
	done
done
echo "$pass passed, $fail failed, $skip skipped"
[ "$fail" = 0 ] && [ $((pass + skip)) -gt 0 ]
