#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# conformance.sh - every test that doc/conformance.md names exists
. "$(dirname "$0")/../lib.sh"

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT
page=$ROOT/doc/conformance.md

# "FILE: name" for each test a row names.
awk -F' *[|] *' '/^[|]/ && !/^[|]-/ && $4 != "test" {
	n = split($4, t, "`")
	for (i = 2; i <= n; i += 2)
		print t[i]
	if (n < 2)
		print "none: " $2
}' "$page" | sort -u >"$tmp/named"
"$B/tests/guest/hostile" --list | cut -d'|' -f1 >"$tmp/lies"

# A row of a table is "name"; a test of its own is a function.
missing()
{
	while read -r file name; do
		file=${file%:}
		case $file in
		net | xen) [ -f "$ROOT/tests/$file/$name.sh" ] && continue ;;
		pair) grep -q "\"$name\"" "$ROOT/netback/front/profile.c" &&
			continue ;;
		hostile) grep -qx "$name" "$tmp/lies" && continue ;;
		*) grep -qE "\"$name\"|T[A-Z]*\($name\)|unit_test[a-z_]*\($name\b" \
			"$ROOT/tests/unit/test_$file.c" && continue ;;
		esac
		echo "no such test: $file: $name"
	done <"$tmp/named"
}

ok 'there are rows' test "$(wc -l <"$tmp/named")" -ge 60
ok 'no row is without a test' fails grep '^none:' "$tmp/named"
missing >"$tmp/missing"
ok 'every test that is named exists' diff /dev/null "$tmp/missing"
done_testing
