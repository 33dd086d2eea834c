#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# test.sh - build, run every group of tests; the last line counts them all
#
# What `make test` runs after installing what was missing. Each build, lint and
# each time budget is a point; then every group on the plain build, and those
# that touch hostile bytes again under sanitizers. BUDGET=off for slow machines.
set -u
cd "$(dirname "$0")/.." || exit 1
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
pass=0 fail=0 skip=0
export STRICT_SKIPS=1

# point NAME COMMAND..: one passed or failed.
point()
{
	name=$1
	shift
	began=$(date +%s)
	if "$@" >"$out" 2>&1; then
		pass=$((pass + 1))
		echo "  ok $name: $(($(date +%s) - began)) s"
	else
		fail=$((fail + 1))
		tail -n 60 "$out"
		echo "FAIL $name"
	fi
}

# groups TITLE SECONDS GROUP..: adds their sums, and one point for the time.
groups()
{
	title=$1 most=$2
	shift 2
	began=$(date +%s)
	LIMIT=$most sh tests/run.sh "$@" >"$out"
	took=$(($(date +%s) - began))
	sed '$d' "$out"
	last=$(tail -n 1 "$out" | grep '^[0-9]* passed') ||
		last='0 passed, 1 failed, 0 skipped'
	# shellcheck disable=SC2086 # six words
	set -- $last
	pass=$((pass + $1)) fail=$((fail + $3)) skip=$((skip + $5))
	if [ $(($1 + $3 + $5)) = 0 ]; then
		fail=$((fail + 1))
		echo "FAIL $title: no test at all"
	fi
	if [ "$took" -gt "$most" ] && [ "${BUDGET:-on}" = on ]; then
		fail=$((fail + 1))
		echo "FAIL $title: took $took s, its budget is $most s"
	else
		pass=$((pass + 1))
		echo "  ok $title: $took of $most s"
	fi
}

jobs=$(nproc)
point 'build, gcc' make -s -j"$jobs" tests-built
point 'build, gcc, sanitizers' make -s -j"$jobs" tests-built SAN=1
point 'build, clang' make -s -j"$jobs" tests-built B=build/clang CC=clang
point 'build, fuzzers' make -s -j"$jobs" fuzz-built
point 'lint' make -s lint
export B=build
groups 'check' 120 unit golden
groups 'net' 2200 kernel net
groups 'bad input' 300 bad-input
J=2
export J
groups 'xen' 2400 xen
J=1
export B=build/san
groups 'check, sanitizers' 240 unit golden
# A part of the lies, each once: all of them take more than three minutes. Those about
# transmitting, and all threads that change things meanwhile.
LIES=$(build/san/tests/guest/hostile --list | cut -d'|' -f1 |
	grep -e '^tx-' -e flip | tr '\n' ' ')
export T=hostile N=1 LIES
groups 'hostile, sanitizers' 180 net
unset T LIES N
export B=build/fuzz
export FUZZ_SECONDS=8
groups 'fuzz-smoke' 300 fuzz
echo "$pass passed, $fail failed, $skip skipped"
[ "$fail" = 0 ] && [ "$pass" -gt 0 ]
