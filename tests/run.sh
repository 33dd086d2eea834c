#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# run.sh - run groups of tests, each speaking TAP; end with the one line
#
#   tests/run.sh unit golden kernel net ..     (B=build, T=part of a name)
#
# A test is an executable build/tests/GROUP/NAME or a script tests/GROUP/NAME.sh.
# A point that is skipped counts as failed when STRICT_SKIPS=1 and no line of
# tests/skips is "GROUP/NAME: its reason". Failing output is shown whole.
set -u
B=${B:-build}
T=${T:-}
LIMIT=${LIMIT:-180}
export B CMOCKA_MESSAGE_OUTPUT=TAP
pass=0 fail=0 skip=0
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT

# Adds what one test said; a test that dies early or says nothing has failed.
count()
{
	name=$1 rc=$2
	p=$(grep -c '^ok ' "$out") f=$(grep -c '^not ok ' "$out")
	s=$(grep -ci '^ok .*# *skip' "$out")
	planned=$(sed -n 's/^1\.\.\([0-9]*\).*/\1/p' "$out" | tail -n 1)
	bad=
	if [ "$rc" != 0 ] && [ "$f" = 0 ]; then
		bad="exit status $rc"
	elif [ -z "$planned" ] || [ "$planned" != $((p + f)) ]; then
		bad="planned ${planned:-nothing}, ran $((p + f))"
	fi
	if [ "$s" != 0 ] && [ "${STRICT_SKIPS:-0}" = 1 ] &&
	    ! grep -q "^$name:" tests/skips; then
		bad="skipped, and not in tests/skips"
	fi
	[ -z "$bad" ] || f=$((f + 1))
	p=$((p - s))
	pass=$((pass + p)) fail=$((fail + f)) skip=$((skip + s))
	if [ "$f" != 0 ]; then
		cat "$out"
		echo "FAIL $name${bad:+: $bad}"
	else
		echo "  ok $name: $p passed${s:+, $s skipped}, $((end - start)) s"
	fi
}

for group in "$@"; do
	for t in "$B/tests/$group"/* "tests/$group"/*.sh; do
		[ -f "$t" ] && [ -x "$t" ] || continue
		case ${t##*/} in *"$T"*) ;; *) continue ;; esac
		case ${t##*/} in lib.sh | *.d) continue ;; esac
		start=$(date +%s)
		timeout -k 5 "$LIMIT" "$t" >"$out" 2>&1 </dev/null
		rc=$?
		end=$(date +%s)
		count "$group/$(basename "$t" .sh)" "$rc"
	done
done
echo "$pass passed, $fail failed, $skip skipped"
[ "$fail" = 0 ] && [ $((pass + skip)) -gt 0 ]
