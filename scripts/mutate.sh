#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# mutate.sh - takes each named check out, one at a time: a test has to notice
#
#   scripts/mutate.sh [PART-OF-A-NAME]     (B=build, N=at most so many)
#
# tests/mutations has a row for each: name, file, what sed does to it, and the
# test that fails then: unit:NAME of tests/unit, lie:NAME.. of the hostile guest,
# each of which must fail by itself, or net:NAME POINT, a point of tests/net/NAME.sh
# whose words begin so. Works in a copy below B; the tree is not touched. Speaks TAP.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
N=${N:-1000}
part=${1:-}
work=$B/mutate
log=$PWD/$B/mutate.log
n=0 bad=0

# The tree and its objects with their times, so that little is compiled.
rm -rf "$work"
mkdir -p "$work/build"
git -c safe.directory='*' ls-files -co --exclude-standard >"$work/files"
tar cf - -T "$work/files" 2>/dev/null | tar xf - -C "$work"
cp -a "$B"/obj "$B"/gen "$B"/lib*.a "$work/build/"
find "$work/build/obj" -name '*.d' -exec sed -i "s| $B/| build/|g" {} +
cd "$work" || exit 1

build()
{
	# shellcheck disable=SC2046,SC2012 # words, and names of ours
	case $1 in
	unit:*) set -- "build/tests/unit/test_${1#*:}" ;;
	lie:*) set -- all build/tests/guest/hostile build/tests/guest/udpseq ;;
	*) set -- all $(ls tests/guest/*.c | sed 's,\(.*\).c,build/\1,') ;;
	esac
	# A check taken out leaves things unused.
	make -s "$@" B=build CFLAGS='-O2 -g -w' >>"$log" 2>&1
}

# The lies that were not seen to fail.
believed()
{
	for lie in $1; do
		N=1 B=build LIES=$lie timeout -s KILL 150 \
			sh tests/net/hostile.sh >lie.log 2>&1
		cat lie.log >>"$log"
		grep -q "^not ok 1 - $lie " lie.log || echo "$lie"
	done
}

# 0 = the test passed.
try()
{
	case $1 in
	unit:*) timeout 120 "build/tests/unit/test_${1#*:}" ;;
	net:*)
		script=${1%% *}
		B=build timeout -s KILL 300 sh "tests/net/${script#*:}.sh" >net.log
		! grep "^not ok [0-9]* - ${1#* }" net.log ;;
	esac >>"$log" 2>&1
}

# What went wrong, or nothing: the check was missed.
missed()
{
	cp -p "$2" orig
	sed -i "$3" "$2"
	if cmp -s "$2" orig; then
		echo "sed changes nothing in $2"
	elif ! build "$4"; then
		echo "does not compile, see $log"
	elif [ "${4#lie:}" != "$4" ]; then
		believed=$(believed "${4#lie:}")
		[ -z "$believed" ] || echo "passes without it:" $believed
	elif try "$4"; then
		echo "$4 passes without it, or did not get there in 300 s"
	fi
	cp orig "$2" # and newer: compiled again
}

: >"$log"
while IFS='@' read -r name file what test; do
	case $name in '' | '#'*) continue ;; *"$part"*) ;; *) continue ;; esac
	[ $n -lt "$N" ] || break
	n=$((n + 1))
	test=$(echo $test) # without blanks around
	# shellcheck disable=SC2086 # theirs, too
	why=$(missed $name $file "$what" "$test")
	if [ -z "$why" ]; then
		echo "ok $n - without ${name% } $test fails"
	else
		bad=$((bad + 1))
		echo "not ok $n - $name: $why"
	fi
done <tests/mutations
echo "1..$n"
[ $bad = 0 ] && [ $n -gt 0 ]
