#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# rules.sh - rules that iptables takes for its own, in both variants
#
# Each line of tests/rules/*.t is added by us and by iptables: rules.py says what
# must be equal. RULES_T= other files of iptables' format, or a folder of them.
. "$(dirname "$0")/../lib.sh"
private "$@"
export RULE="$B/tests/guest/ruletool" XTABLES_LOCKFILE=/tmp/xtables.lock
files=$ROOT/tests/rules
[ -z "${RULES_T:-}" ] || files=$RULES_T
[ ! -d "$files" ] || files=$(find "$files" -name '*.t' | sort)

# Each variant in a namespace of its own, both at once.
for v in nft legacy; do
	# shellcheck disable=SC2086 # a list of files
	unshare -n python3 "$ROOT/tests/net/rules.py" $v $files >/tmp/said.$v \
		2>&1 &
	eval "pid_$v=$!"
done
for v in nft legacy; do
	eval "wait \$pid_$v"
	rc=$?
	if ! command -v iptables-$v >/dev/null; then
		skip "as iptables-$v" "no iptables-$v"
	elif ! iptables-$v -S >/dev/null 2>&1; then
		skip "as iptables-$v" "this kernel has no tables for it"
	else
		cat /tmp/said.$v
		same "each rule as iptables-$v has it" 0 $rc
	fi
done
done_testing
