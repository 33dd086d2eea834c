#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# examples.sh - what the manual pages show can be typed, line by line
#
# Each line of an EXAMPLES section that starts with "# " or "$ " is a command,
# and must succeed. All commands of one page run in one shell, in order.
. "$(dirname "$0")/../lib.sh"
private "$@"

commands()
{
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh [^E]/s/^\(\.Dl \)\{0,1\}[#$] //p' "$1"
}

# What a page takes for granted; br0 is made by vifctl's own examples.
prepare()
{
	case $1 in
	vifctl)
		netbackd --store >"$RUN/store.log" 2>&1 &
		until_true 5 test -S "$RUN/store"
		netbackd >"$RUN/netbackd.log" 2>&1 &
		until_true 5 test -S "$RUN/control"
		;;
	vifguest)
		ip addr add 10.0.0.254/24 dev br0
		;;
	esac
}

for page in "$ROOT"/doc/*.[18]; do
	name=$(basename "${page%.*}")
	ok "$name has examples" test -n "$(commands "$page")"
	ok "$name: what its examples need" prepare "$name"
	commands "$page" >"$TMPDIR/commands"
	while read -r line <&3; do
		ok "$name: $line" eval "$line"
	done 3<"$TMPDIR/commands"
done
done_testing
