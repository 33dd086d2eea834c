#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# demo.sh - the demo itself holds what it claims, and leaves nothing when killed
. "$(dirname "$0")/../lib.sh"
private "$@"

# Processes of ours in this test's own pid namespace.
left()
{
	cat /proc/[0-9]*/comm 2>/dev/null |
		grep -cE '^(netbackd|vifguest|vifctl|iperf3|udpseq)$'
}

none_left()
{
	[ "$(left)" = 0 ]
}

some()
{
	[ "$(left)" -ge 4 ]
}

# The line with the last claim, and the table below.
says()
{
	grep -q "$1" "$TMPDIR/demo.txt"
}

ok 'every claim of the demo holds' \
	sh -c "sh '$ROOT/scripts/demo.sh' >$TMPDIR/demo.txt 2>&1 ||
		{ cat $TMPDIR/demo.txt; false; }"
ok 'it measured ping' says '^  ping g1 -> g2, median *[0-9.]* ms'
ok 'it measured TCP' says '^  TCP g1 -> g2 *[0-9.]* Gb/s'
ok 'it measured the kills' says '^  UDP through 3 kills: largest gap *[0-9.]* ms'
ok 'nothing is left' until_true 3 none_left

sh "$ROOT/scripts/demo.sh" >"$TMPDIR/killed.txt" 2>&1 &
demo=$!
ok 'another demo is under way' until_true 10 some
kill -9 $demo
ok 'nothing is left of it after SIGKILL' until_true 3 none_left
done_testing
