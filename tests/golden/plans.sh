#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# plans.sh - a vif and facts in, the plan (or the refusal) out: NAME.in, NAME.ok
#
# GOLDEN_UPDATE=1 (make golden-update) writes the .ok files; read the diff.
cd "$(dirname "$0")/../.." || exit 1
. tests/lib.sh

# pair FILE: what FILE.in gives is what FILE.ok says.
pair()
{
	got=$("$B/tests/guest/modes" made-up <"$1.in" 2>&1)
	[ "${GOLDEN_UPDATE:-0}" != 1 ] || printf '%s\n' "$got" >"$1.ok"
	printf '%s\n' "$got" | diff -u "$1.ok" -
}

for in in tests/golden/plan-*.in; do
	ok "$(basename "$in" .in)" pair "${in%.in}"
done
done_testing
