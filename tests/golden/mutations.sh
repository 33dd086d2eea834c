#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# mutations.sh - each row of tests/mutations still changes something
#
# What fails then is for `make mutate`, which takes hours.
. "$(dirname "$0")/../lib.sh"

# The rows whose check is not there any more, or stands in other words.
stale()
{
	while IFS='@' read -r name file what test; do
		case $name in '' | '#'*) continue ;; esac
		file=$ROOT/${file# } file=${file% }
		! sed "$what" "$file" | cmp -s - "$file" || echo "$name$test"
	done <"$ROOT/tests/mutations"
}
same 'each row takes something out' '' "$(stale)"
# .. and the test that is to notice.
missing()
{
	sed -n '/^#/!s/.* @ \(unit\|net\):\([^ ]*\).*/\1 \2/p' "$ROOT/tests/mutations" |
		sort -u | while read -r kind name; do
		case $kind in
		unit) [ -e "$ROOT/tests/unit/test_$name.c" ] ;;
		net) [ -e "$ROOT/tests/net/$name.sh" ] ;;
		esac || echo "$kind:$name"
	done
}
same '.. and has a test that is there' '' "$(missing)"
done_testing
