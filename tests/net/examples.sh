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
	sed -n '/^\.Sh EXAMPLES/,/^\.Sh [^E]/s/^\(\.Dl \)\{0,1\}[#$] //p' "$1" |
		sed 's/\\-/-/g'
}

# serve COMMAND..: in the background, until its socket is there
serve()
{
	"$@" >>"$RUN/log" 2>&1 &
	case $* in
	*--store*) until_true 5 env XENSTORED_PATH="$RUN/store" xenstore-ls / ;;
	*) until_true 5 answers ;;
	esac
}

# type LINE: as it stands; what would run for ever is given a hundred seconds
type_line()
{
	case $1 in
	*' &')
		# shellcheck disable=SC2086 # words
		serve ${1% &}
		;;
	*) timeout 100 sh -c "$1" ;;
	esac
}

# What a page takes for granted; vifctl's own examples make the bridge.
prepare()
{
	case $1 in
	netbackd) ip link add br0 type bridge && ip link set br0 up ;;
	vifctl) vifctl detach vif1.0 && ip link del br0 ;;
	esac
	[ "$1" = vifctl ] || ip addr add 10.0.0.254/24 dev br0
}

for page in "$ROOT"/doc/*.[18]; do
	name=$(basename "${page%.*}")
	# who calls it is a toolstack, as tests/net/hotplug.sh does
	[ "$name" != vif-bridge ] || continue
	ok "$name has examples" test -n "$(commands "$page")"
	ok "$name: what its examples need" prepare "$name"
	commands "$page" >"$TMPDIR/commands"
	while read -r line <&3; do
		ok "$name: $line" type_line "$line"
	done 3<"$TMPDIR/commands"
done
done_testing
