#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# lint.sh - what a machine can say about the tree without running it
#
#   make lint                     all of it
#   make lint T=layers            one check (see the list at the end)
#
# A finding is mended, or excused beside its line with the reason; never here.
set -u
cd "$(dirname "$0")/.." || exit 1
B=${B:-build}
T=${T:-}
tmp=$(mktemp -d) || exit 1
trap 'rm -rf "$tmp"' EXIT

# Files of the tree, new ones included; the owner may differ under sudo.
git -c safe.directory='*' ls-files -co --exclude-standard >"$tmp/git" || exit 1
while read -r f; do
	[ ! -f "$f" ] || echo "$f"
done <"$tmp/git" >"$tmp/all"
grep '\.[ch]$' "$tmp/all" >"$tmp/c"
{
	grep '\.sh$' "$tmp/all"
	grep -v '\.' "$tmp/all" | xargs grep -lE '^#!/bin/(ba)?sh' /dev/null
	echo .ci/run
} | sort -u >"$tmp/sh"
grep '\.[18]$' "$tmp/all" >"$tmp/man"
# What programs print, and what they are fed, is not ours to lay out.
grep -vE '^tests/(golden/|fuzz/[a-z_]*\.seeds/)' "$tmp/all" >"$tmp/text"

layers()
{
	xargs python3 scripts/layers.py scripts/layers.txt <"$tmp/c"
}

# Symbols defined in one set of objects that another program holds.
holds()
{
	program=$1
	shift
	[ -f "$program" ] || return 0
	nm -g --defined-only "$@" 2>/dev/null | awk 'NF == 3 {print $3}' |
		sort -u >"$tmp/sym"
	nm --defined-only "$program" | awk 'NF == 3 {print $3}' | sort -u |
		comm -12 - "$tmp/sym" | sed "s|^|$program: holds |" >"$tmp/held"
	cat "$tmp/held"
	[ ! -s "$tmp/held" ]
}

# The hand that touches guest memory holds no privileges; and back.
links()
{
	set -- "$B"/obj/modes/*.o "$B"/obj/filter/*.o
	rc=0
	if [ -f "$1" ] || [ -f "$2" ]; then
		holds "$B/netbackd" "$@" || rc=1
		holds "$B/vifguest" "$@" || rc=1
	fi
	set -- "$B"/obj/netback/ring/*.o
	[ ! -f "$1" ] || holds "$B/vifctl" "$@" || rc=1
	return $rc
}

format()
{
	xargs clang-format --dry-run -Werror <"$tmp/c"
}

cpp()
{
	mkdir -p "$B/cppcheck"
	xargs cppcheck --quiet --error-exitcode=1 -j2 --inline-suppr \
		--enable=warning,performance,portability --std=c11 \
		--cppcheck-build-dir="$B/cppcheck" -D_GNU_SOURCE \
		"-D__$(uname -m)__" \
		-Iinclude -Inetback -I. -I"$B/gen" <"$tmp/c" 2>&1
}

shell()
{
	# Below "warning" it guesses at functions that are called by name.
	xargs shellcheck -S warning -x -P SCRIPTDIR <"$tmp/sh" || return
	# run.sh passes over what is not.
	for f in tests/golden/*.sh tests/kernel/*.sh tests/net/*.sh; do
		[ -x "$f" ] || { echo "$f:1: not executable, so no test"; return 1; }
	done
}

man()
{
	[ ! -s "$tmp/man" ] || xargs mandoc -T lint -W warning <"$tmp/man"
}

spdx()
{
	rc=0
	while read -r f; do
		[ "$f" != LICENSE ] && grep -Iq . "$f" || continue
		head -n 3 "$f" | grep -q 'SPDX-License-Identifier: GPL-2.0-or-later' ||
			{ echo "$f:1: no SPDX line"; rc=1; }
	done <"$tmp/text"
	return $rc
}

lengths()
{
	grep -E '\.(c|h|sh|py)$' "$tmp/all" | xargs python3 scripts/lengths.py
}

blanks()
{
	rc=0
	xargs grep -nIE '[[:blank:]]+$' <"$tmp/text" && rc=1
	while read -r f; do
		[ -s "$f" ] && [ -n "$(tail -c 1 "$f")" ] &&
			{ echo "$f: no newline at the end"; rc=1; }
	done <"$tmp/text"
	return $rc
}

# Where this tree happens to lie is nobody's business; nor what lies beside
# it, unless that is a folder which every machine has.
paths()
{
	start='(^|[^[:alnum:]_./-])'
	here=$(dirname "$PWD")
	set -- -e "$start/home/[a-z]" -e "$start/Users/" -e "$start$PWD(/|\$)"
	case $here in
	/ | /tmp | /root | /usr* | /var* | /opt | /srv | /src | /build) ;;
	*) set -- "$@" -e "$start$here/" ;;
	esac
	! xargs grep -nIE "$@" <"$tmp/all"
}

# Starts each check; says what it found when it failed.
rc=0
for check in layers links format cpp shell man spdx lengths blanks paths; do
	case $check in *"$T"*) ;; *) continue ;; esac
	($check >"$tmp/$check.out" 2>&1; echo $? >"$tmp/$check.rc") &
	names="${names:-} $check"
done
wait
for check in ${names:-}; do
	if [ "$(cat "$tmp/$check.rc")" = 0 ]; then
		echo "  ok lint/$check"
	else
		cat "$tmp/$check.out"
		echo "FAIL lint/$check"
		rc=1
	fi
done
exit $rc
