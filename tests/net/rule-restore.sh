#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# rule-restore.sh - rule save and rule restore: nobody can tell it from
# iptables-restore's own doing
#
# Judges: iptables-save -c after each, in both variants and families, and for nft
# what is in the kernel, each extension's bytes.
. "$(dirname "$0")/../lib.sh"
private "$@"
mount -t tmpfs tmpfs /run
export XTABLES_LOCKFILE=/tmp/xtables.lock
TOOL=$B/tests/guest/ruletool
ROWS=$ROOT/tests/rules

# What holds: all of it, chains and counters included.
saved()
{
	"$IPT-save" -c | grep -v '^#'
}
state()
{
	saved
	[ "$V" != nft ] || "$TOOL" dump
}

# A text of all rules in the .t files that iptables here takes, by itself.
corpus()
{
	python3 - "$IPT" "$V" "$@" <<-'P'
	import os, shlex, subprocess, sys
	ipt, v, six = sys.argv[1], sys.argv[2], "ip6" in sys.argv[1]
	subprocess.run([ipt, "-N", "foo"])
	for path in sys.argv[3:]:
	    if os.path.basename(path).startswith("ip4" if six else "ip6"):
	        continue
	    for l in open(path):
	        f = l.rstrip("\n").split(";")
	        if l[0] in "#:*" or len(f) < 3 or f[2] != "OK" or \
	                f[-1].lower() in ("nft", "legacy") and f[-1].lower() != v:
	            continue
	        subprocess.run([ipt, "-A", "FORWARD"] + shlex.split(f[0]),
	                       stderr=subprocess.DEVNULL)
	P
	"$IPT" -t mangle -A PREROUTING -s "$ONE" -j MARK --set-mark 7
	"$IPT" -t nat -N ours
	"$IPT" -t nat -A ours -p tcp -c 5 300 -j RETURN
	"$IPT" -P INPUT DROP
	"$IPT" -A INPUT -c 77 8888 -m comment --comment "a \"b\" \\ 'c'" -j foo
	"$IPT" -A foo -s "$ONE" -g empty 2>/dev/null || :
}

# One way to put /tmp/text in place, after what /tmp/before left.
by()
{
	"$IPT-restore" -c </tmp/before
	case $1 in
	theirs) shift; "$IPT-restore" "$@" </tmp/text ;;
	ours) shift; vifctl rule restore "$SIX" --variant $V --force "$@" \
		/tmp/text ;;
	esac >/tmp/said 2>&1 || { cat /tmp/said; return 1; }
	state
}

# equal OPTION..: both ways, the same state.
equal()
{
	by theirs "$@" >/tmp/theirs && by ours "$@" >/tmp/ours &&
		diff /tmp/theirs /tmp/ours
}

each()
{
	"$IPT" -t raw -A OUTPUT -j ACCEPT
	corpus "$ROWS"/*.t
	saved >/tmp/was
	same "$V $SIX: a rule for each row" 1 $(($(wc -l </tmp/was) > 100))
	vifctl rule save "$SIX" --variant $V -c >/tmp/text
	cat >/tmp/before <<-END
	*filter
	:INPUT DROP [9:999]
	:FORWARD ACCEPT [0:0]
	:OUTPUT ACCEPT [0:0]
	:old - [0:0]
	-A old -j DROP
	-A INPUT -j old
	COMMIT
	*mangle
	COMMIT
	*nat
	COMMIT
	*raw
	COMMIT
	END
	ok "$V $SIX: save | restore is what was" sh -c '
		vifctl rule save "$1" --variant "$2" -c |
			vifctl rule restore "$1" --variant "$2" -c --force' \
		sh "$SIX" $V
	saved >/tmp/is
	ok "$V $SIX: to the byte" diff /tmp/was /tmp/is
	# what the kernel alone refuses, behind tables that it takes
	printf '%s\n' '*raw' '-A PREROUTING -j DROP' COMMIT '*mangle' \
		':OUTPUT DROP' '-A OUTPUT -j DROP' COMMIT '*filter' \
		'-A INPUT -j CT --notrack' COMMIT >/tmp/refuse
	vifctl rule restore "$SIX" --variant $V /tmp/refuse 2>/tmp/said
	same "$V $SIX: one table of three is refused" 2 $?
	ok "$V $SIX: which is said" test -s /tmp/said
	saved >/tmp/is
	ok "$V $SIX: and all are as they were" diff /tmp/was /tmp/is
	sed -i 's/-j CT --notrack/-m quota --quota 5 -j CT --notrack/' /tmp/refuse
	vifctl rule restore "$SIX" --variant $V /tmp/refuse 2>/tmp/said
	same "$V $SIX: by iptables-restore, too" 2 $?
	saved >/tmp/is
	ok "$V $SIX: all are put back" diff /tmp/was /tmp/is
	ok "$V $SIX: as iptables-restore -c does" equal -c
	ok "$V $SIX: without counters" equal
	ok "$V $SIX: --noflush" equal -n
	cat >/tmp/text <<-END
	# what else may stand there
	*raw
	COMMIT
	*filter
	:FORWARD DROP [1:60]
	:old - [0:0]
	:new - [0:0]
	-A new -s $ONE -j old
	[3:180] -I INPUT 2 -p udp -j new
	-R INPUT 1 -p tcp --syn -j DROP
	-D INPUT -p udp -j new
	-N more
	-F new
	-X more
	-P OUTPUT DROP
	-4 -A new -p udp -j DROP
	-6 -A new -p tcp -j DROP
	COMMIT
	*mangle
	-A PREROUTING -s $ONE,$TWO -j DROP
	COMMIT
	END
	ok "$V $SIX: every command, --noflush" equal -n -c
	ok "$V $SIX: what only the host's extensions know" sh -c '
		printf "*filter\n:FORWARD ACCEPT [4:4]\n[5:6] -A FORWARD \
-m quota --quota 5 -j DROP\nCOMMIT\n" >/tmp/text'
	ok "$V $SIX: goes to iptables-restore" equal -c
	ok "$V $SIX: with its -n" equal -n
	refused
}

# bad WHERE LINE..: refused there, and nothing is done.
bad()
{
	want=$1
	shift
	printf '%s\n' "$@" >/tmp/bad
	vifctl rule restore "$SIX" --variant $V /tmp/bad >/tmp/said 2>&1
	rc=$?
	grep -qF "/tmp/bad:$want" /tmp/said && [ $rc != 0 ] &&
		[ "$(state)" = "$was" ] || { cat /tmp/said; return 1; }
}

refused()
{
	was=$(state)
	{
		echo '*filter'
		for n in $(seq 1000); do
			t=tcp
			[ "$n" != 800 ] || t=tpc
			echo "-A OUTPUT -p $t --dport $n -j DROP"
		done
		echo COMMIT
	} >/tmp/long
	ok "$V $SIX: one bad line in 1000" bad '801:14: unknown protocol' \
		"$(cat /tmp/long)"
	ok "$V $SIX: a chain that is not there" bad \
		'3:1: -j nowhere: not a target' '*filter' '-A INPUT -j DROP' \
		'-A INPUT -j nowhere' COMMIT
	ok "$V $SIX: a rule into one" bad '2:1: there is no chain' '*filter' \
		'-A gone -j DROP' COMMIT
	ok "$V $SIX: no such rule to delete" bad '3:1: ' '*filter' \
		'-A INPUT -j DROP' '-D INPUT -p 99 -j DROP' COMMIT
	ok "$V $SIX: no COMMIT" bad '2:1: *filter has no COMMIT' '*filter' \
		'-A INPUT -j DROP'
}

for V in nft legacy; do
	for SIX in -4 -6; do
		IPT=iptables-$V ONE=10.1.2.3 TWO=10.1.2.4
		[ $SIX = -4 ] || IPT=ip6tables-$V ONE=fd00::3 TWO=fd00::4
		if ! $IPT -S >/dev/null 2>&1; then
			skip "as $IPT" "this host has no $IPT"
			continue
		fi
		each
		"$IPT-restore" </dev/null
		printf '*filter\nCOMMIT\n*nat\nCOMMIT\n*mangle\nCOMMIT\n' |
			"$IPT-restore"
	done
done

# --- legacy: a drop moves from one table to another under a flood, never open ---
leaks()
{
	python3 - <<-'P'
	import socket, subprocess
	s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
	passed = 0
	for i in range(10):
	    p = subprocess.Popen(["vifctl", "rule", "restore", "-4", "--variant",
	                          "legacy", f"/tmp/in{i % 2}"])
	    while p.poll() is None:
	        for _ in range(200):
	            try:
	                s.sendto(b"x", ("127.0.0.1", 9))
	                passed += 1
	            except PermissionError:
	                pass
	    assert p.returncode == 0
	print(passed)
	P
}
if iptables-legacy -t raw -S >/dev/null 2>&1; then
	D='-A OUTPUT -p udp --dport 9 -j DROP'
	printf '%s\n' '*raw' COMMIT '*filter' "$D" COMMIT >/tmp/in0
	printf '%s\n' '*raw' "$D" COMMIT '*filter' COMMIT >/tmp/in1
	iptables-legacy-restore </tmp/in1
	same 'legacy: a drop that moves is never away' 0 "$(leaks)"
	printf '%s\n' '*filter' COMMIT '*raw' "$D" COMMIT >/tmp/in1
	printf '%s\n' '*filter' "$D" COMMIT '*raw' COMMIT >/tmp/in0
	iptables-legacy-restore </tmp/in1
	same 'legacy: whatever the order of the text' 0 "$(leaks)"
	printf '*filter\nCOMMIT\n*raw\nCOMMIT\n' | iptables-legacy-restore
fi

# --- the text itself, once ---
V=nft SIX=-4 IPT=iptables-nft
was=$(state)
T='*filter'
ok 'a table that is none' bad "1:1: 'flter' is no table" '*flter' COMMIT
ok 'a rule before a table' bad "1:1: '-A' before a table" '-A INPUT -j DROP'
ok 'a table in a table' bad '2:1: *filter has no COMMIT before' "$T" '*nat'
ok 'a policy of nothing' bad "2:8: 'REJECT' is no policy" "$T" ':INPUT REJECT'
ok 'a policy for a chain of theirs' bad '2:6: abc is no chain of' "$T" \
	':abc DROP [0:0]'
ok 'counters that are none' bad "2:15: '[x:0]' is not" "$T" ':INPUT ACCEPT [x:0]'
ok 'counters of a rule' bad "2:1: '[1]' is not" "$T" '[1] -A INPUT'
ok 'a long chain name' bad "2:1: 'abcdefghijklmnopqrstuvwxyzabc' is longer" \
	"$T" ':abcdefghijklmnopqrstuvwxyzabc - [0:0]'
ok 'an unknown extension' bad "2:13: Couldn't load match" "$T" \
	'-A INPUT -m nothere -j DROP'
ok 'a long device name' bad '2:13: interface name ' "$T" \
	'-A INPUT -i abcdefghijklmnop -j DROP'
ok 'a set that is missing' bad '2:29: Set nil' "$T" \
	'-A INPUT -m set --match-set nil src -j DROP'
ok 'a quote without end' bad '2:24: the quote' "$T" \
	'-A INPUT -m comment -m "x' COMMIT
ok 'another table in a rule' bad '2:10: the table is said by' "$T" \
	'-A INPUT -t nat -j DROP' COMMIT
ok 'a word that begins nothing' bad "2:1: 'frob' begins no line" "$T" frob
ok 'what can never match' bad '2:1: ' "$T" \
	'-A INPUT -m physdev --physdev-in a --physdev-is-bridged -j DROP' COMMIT
ok 'is a warning with --force' sh -c '
	vifctl rule restore --variant nft --force /tmp/bad 2>&1 |
		grep -q "/tmp/bad:2:1: .*never match"'
printf '*filter\n-A INPUT -j DROP\nCOMMIT\n' >/tmp/text
was=$(state)
ok '--test reads' vifctl rule restore --test --variant nft /tmp/text
same 'and does nothing' "$was" "$(state)"
ok 'from standard input' sh -c 'vifctl rule restore --variant nft </tmp/text'
ok 'is there' iptables-nft -C INPUT -j DROP
vifctl rule restore /tmp/nowhere 2>/tmp/said
same 'a file that is not there' 1 $?
ok 'is named' grep -q '/tmp/nowhere: No such file' /tmp/said
done_testing
