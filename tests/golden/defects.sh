#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# defects.sh - each defect of Xen's hotplug scripts has a point of a test, by number
. "$(dirname "$0")/../lib.sh"
list=$ROOT/tests/hotplug/defects

# number, test: as the list has them
listed()
{
	awk -F ' *[|] *' '/^[0-9]/ { n = split($3, t, " ")
		for (i = 1; i <= n; i++) print $1, t[i] }' "$list" | sort
}
# .. and as points name them
named()
{
	grep -hoE '^[[:space:]]*[^#]*defect [0-9]+:' "$ROOT/tests/net/$1.sh" |
		sed 's/.*defect //; s/:.*//' | sort -un | sed "s/\$/ $1/"
}

same 'all sixteen are listed, in order' "$(seq 16 | tr '\n' ' ')" \
	"$(sed -n 's/^\([0-9]*\) .*/\1/p' "$list" | tr '\n' ' ')"
for t in $(listed | cut -d' ' -f2 | sort -u); do
	same "$t names what the list says, and nothing else" \
		"$(listed | grep " $t\$" | sort -n)" "$(named "$t")"
done
same 'what may differ cites a number that is listed' '' \
	"$(sed -n 's/^defect \([0-9]*\):.*/\1/p' "$ROOT/tests/hotplug/differences" |
	sort -u | while read -r n; do grep -q "^$n |" "$list" || echo "$n"; done)"
done_testing
