#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# test.sh - build, run every group of tests; the last line counts them all
#
# What `make test` runs after installing what was missing. One point for each
# build and for lint, then every group on the plain build, and the unit tests and
# the hostile ones again under sanitizers.
set -u
total=$(mktemp)
trap 'rm -f "$total"' EXIT
pass=0 fail=0 skip=0
export STRICT_SKIPS=1

# point NAME COMMAND..: one passed or failed.
point()
{
	name=$1
	shift
	start=$(date +%s)
	if "$@" >"$total" 2>&1; then
		pass=$((pass + 1))
		echo "  ok $name: $(($(date +%s) - start)) s"
	else
		fail=$((fail + 1))
		tail -n 60 "$total"
		echo "FAIL $name"
	fi
}

# groups NAME..: runs them, adds their last line to the sums.
groups()
{
	sh tests/run.sh "$@" | tee "$total"
	last=$(tail -n 1 "$total" | grep '^[0-9]* passed') || last='0 passed, 1 failed, 0 skipped'
	# shellcheck disable=SC2086 # six words
	set -- $last
	pass=$((pass + $1)) fail=$((fail + $3)) skip=$((skip + $5))
}

jobs=$(nproc)
point 'build, gcc' make -s -j"$jobs" tests-built
B=build groups unit golden kernel net
point 'build, gcc, sanitizers' make -s -j"$jobs" tests-built SAN=1
B=build/san groups unit golden
point 'build, clang' make -s -j"$jobs" tests-built B=build/clang CC=clang
point 'lint' make -s lint
echo "$pass passed, $fail failed, $skip skipped"
[ "$fail" = 0 ] && [ "$pass" -gt 0 ]
