#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# run.sh - run groups of tests, each speaking TAP; end with the one line
#
#   tests/run.sh unit golden kernel net ..     (B=build, T=part of a name)
#
# J=n: so many tests of a group at once, those first that say "# takes N s".
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
J=${J:-1}
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT

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
		echo "  ok $name: $p passed, $s skipped, $took s"
	fi
}

# A fuzzer's findings stay in build/, its seeds are in tests/fuzz/NAME.seeds. It ends by
# itself; the limit is far, as a machine that stands still for half a minute (moved to
# another host) comes back with both over, and the limit's signal first.
fuzz()
{
	new=$B/fuzz/$(basename "$1")
	mkdir -p "$new"
	set -- "$1" "$new" "tests/fuzz/$(basename "$1").seeds"
	[ -d "$3" ] || set -- "$1" "$2"
	timeout -k 5 $((FUZZ_SECONDS * 3 + 180)) "$@" -verbosity=0 \
		-max_total_time="$FUZZ_SECONDS" -print_final_stats=1 \
		-artifact_prefix="$new-" 2>&1 || { echo "not ok 1 - fuzz"; return; }
	echo "ok 1 - fuzz"
}

# What test $1 says and how it ends is in $dir/NAME and $dir/NAME.rc.
one()
{
	one_out=$dir/${1##*/} one_start=$(date +%s)
	if [ "$group" = fuzz ]; then
		{ fuzz "$1"; echo 1..1; } >"$one_out" </dev/null
		one_rc=0
	else
		timeout -k 5 "$LIMIT" "$1" >"$one_out" 2>&1 </dev/null
		one_rc=$?
	fi
	echo "$one_rc $(($(date +%s) - one_start))" >"$one_out.tmp"
	mv "$one_out.tmp" "$one_out.rc"
}

# Tests that run and have not ended: of $1.
running()
{
	running=$1
	for r_rc in "$dir"/*.rc; do
		[ ! -f "$r_rc" ] || running=$((running - 1))
	done
	echo "$running"
}

# Tests by the time they say they take, the longest first.
sorted()
{
	for t in "$@"; do
		echo "$(sed -n 's/^# takes \([0-9]*\) s.*/\1/p' "$t") $t"
	done | sort -rn | sed 's/^[0-9]* //'
}

# pool TEST..: J of them at a time
pool()
{
	pool_n=0
	for pool_t in $(sorted "$@"); do
		while [ "$(running $pool_n)" -ge "$J" ]; do
			sleep 0.3
		done
		one "$pool_t" &
		pool_n=$((pool_n + 1))
	done
	wait
}

for group in "$@"; do
	set --
	for t in "$B/tests/$group"/* "tests/$group"/*.sh; do
		if [ ! -f "$t" ] || [ ! -x "$t" ]; then
			continue
		fi
		case ${t##*/} in *"$T"*) ;; *) continue ;; esac
		# Built from a test that is gone since.
		[ "$t" != "$B/tests/$group/${t##*/}" ] ||
			[ -f "tests/$group/${t##*/}.c" ] || continue
		set -- "$@" "$t"
	done
	[ "$J" = 1 ] || pool "$@"
	for t in "$@"; do
		out=$dir/${t##*/}
		[ -f "$out.rc" ] || one "$t"
		read -r rc took <"$out.rc"
		count "$group/$(basename "$t" .sh)" "$rc"
		rm -f "$out" "$out.rc"
	done
done
echo "$pass passed, $fail failed, $skip skipped"
[ "$fail" = 0 ] && [ $((pass + skip)) -gt 0 ]
