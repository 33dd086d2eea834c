#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# advisories.sh - doc/advisories.md and the lies of tests/guest/hostile agree
. "$(dirname "$0")/../lib.sh"

tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# "id lie" for each pair, from the program and from the page.
"$B/tests/guest/hostile" --list | awk -F'|' '{
	n = split($2, id, " ")
	for (i = 1; i <= n; i++)
		print id[i], $1
}' | sort >"$tmp/program"
awk -F' *[|] *' '/^[|] [A-Z]/ {
	n = split($4, lie, "`")
	for (i = 2; i <= n; i += 2)
		print $2, lie[i]
}' "$ROOT/doc/advisories.md" | sort >"$tmp/page"
awk -F' *[|] *' '/^[|] [A-Z]/ { print $2 }' "$ROOT/doc/advisories.md" |
	sort >"$tmp/ids"

ok 'there are lies' test "$(wc -l <"$tmp/program")" -ge 100
ok 'every lie has its ids in the page, and the other way round' \
	diff "$tmp/program" "$tmp/page"
ok 'no id stands there twice' test -z "$(uniq -d "$tmp/ids")"
ok 'a row without a lie says why' awk -F' *[|] *' \
	'/^[|] [A-Z]/ && $4 == "" { print; bad = 1 } END { exit bad }' \
	"$ROOT/doc/advisories.md"
# Lies with a mutation, and those that the page says have none.
{
	sed -n 's/.*@ lie://p' "$ROOT/tests/mutations"
	sed -n '/^## Lies and checks/,$p' "$ROOT/doc/advisories.md" |
		grep '^| `' | cut -d'|' -f2 | tr '`' ' '
} | tr -s ' ' '\n' | sed '/^$/d' | sort >"$tmp/checked"
"$B/tests/guest/hostile" --list | cut -d'|' -f1 | sort >"$tmp/lies"
ok 'every lie has a mutation or a reason, and one of them' \
	diff "$tmp/lies" "$tmp/checked"
ok 'no lie has the name of another' test -z \
	"$("$B/tests/guest/hostile" --list | cut -d'|' -f1 | sort | uniq -d)"
done_testing
