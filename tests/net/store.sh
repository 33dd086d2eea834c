#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# store.sh - the store server, judged by Debian's xenstore-utils, and its death
. "$(dirname "$0")/../lib.sh"
private "$@"

S=$RUN/store
export XENSTORED_PATH="$S"
CLIENT=$B/tests/guest/storeclient
netbackd --store --run "$RUN" 2>"$RUN/log" &
KEEPER=$!

child()
{
	tr -d ' ' <"/proc/$KEEPER/task/$KEEPER/children"
}

# as_dom N COMMAND..
as_dom()
{
	as_dom=$1
	shift
	XENSTORED_PATH=$RUN/dom/$as_dom/store "$@"
}

prints()
{
	prints_want=$1
	shift
	prints_got=$("$@") || return 1
	[ "$prints_got" = "$prints_want" ] || { echo "$prints_got"; return 1; }
}

# ended DESCRIPTION PID: it ends, and well. (ok runs in a subshell, which has no
# children to wait for.)
ended()
{
	wait "$2"
	same "$1" 0 $?
}

# gone PID: ended, reaped or not
gone()
{
	[ ! -e "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}

# kills SECONDS: the server child again and again, as soon as it is back; five times
# at least.
kills()
{
	kills_end=$(($(date +%s) + $1))
	KILLS=0
	while [ "$(date +%s)" -lt $kills_end ] || [ $KILLS -lt 5 ]; do
		kills_pid=$(child)
		[ -n "$kills_pid" ] && kill -9 "$kills_pid" && KILLS=$((KILLS + 1))
		sleep 0.25
	done
}

ok "the store answers" until_true 5 xenstore-exists /local
ok "domain 0's socket is domain 0's alone" prints 600 stat -c %a "$S"

# --- Debian's utilities --------------------------------------------------------
ok "write" xenstore-write /a/b/c hello /a/d ""
ok "read" prints hello xenstore-read /a/b/c
ok "parents are made on the way" xenstore-exists /a/b
ok "list" prints "b
d" xenstore-list /a
ok "chmod" xenstore-chmod /a/b n0 r5 w6
ok "ls -p shows permissions" sh -c \
	'xenstore-ls -p /a | grep -q "^b = \"\" .*(n0,r5,w6)"'
ok "children inherit permissions" sh -c \
	'xenstore-write /a/b/new 1 && xenstore-ls -p /a | grep -q "new = .*(n0,r5,w6)"'
ok "chmod -r" xenstore-chmod -r /a b0
ok "ls -f" sh -c 'xenstore-ls -f / | grep -q "^/a/b/c = \"hello\""'
ok "rm" xenstore-rm /a/b
ok "removed with all below" fails xenstore-exists /a/b/c
ok "reading what is not there fails" fails xenstore-read /nope
ok "a blank in a path is refused" fails xenstore-write "/a b" 1
ok "a trailing slash is refused" fails xenstore-write /a/ 1
xenstore-watch -n 3 /w >"$RUN/events" &
WATCH=$!
ok "a watch fires at once" until_true 5 grep -qx /w "$RUN/events"
xenstore-write /w/x/y 1
xenstore-rm /w/x
wait $WATCH
ok "a watch tells of what is below" prints "/w
/w/x/y
/w/x" cat "$RUN/events"

# --- who is who ------------------------------------------------------------------
ok "introduce domain 5" "$CLIENT" "$S" introduce 5
ok "its directory is private" prints 700 stat -c %a "$RUN/dom/5"
ok "give it a home" xenstore-write /local/domain/5/own/x 1 /local/domain/5/ro 2 \
	/local/domain/6/x 3
xenstore-chmod -r /local/domain/5/own n5
xenstore-chmod /local/domain/5/ro n0 r5
ok "it reads its own by a relative path" prints 1 as_dom 5 xenstore-read own/x
ok "it writes its own" as_dom 5 xenstore-write own/y/z 7
ok "it reads what it may read" prints 2 as_dom 5 xenstore-read ro
ok "it does not write there" fails as_dom 5 xenstore-write ro 3
ok "it does not see another's" fails as_dom 5 xenstore-read /local/domain/6/x
ok "it does not introduce" fails "$CLIENT" "$RUN/dom/5/store" introduce 6
ok "it watches its own" until_true 5 as_dom 5 xenstore-watch -n 1 own
ok "release it" "$CLIENT" "$S" release 5
ok "its socket is gone" fails test -e "$RUN/dom/5"
ok "its nodes are gone" fails xenstore-exists /local/domain/5/own
ok "what others gave it stays" xenstore-exists /local/domain/5/ro
ok "released twice is an error" fails "$CLIENT" "$S" release 5

# --- transactions -------------------------------------------------------------------
"$CLIENT" "$S" counter /count 300 &
C1=$!
"$CLIENT" "$S" counter /count 300 &
C2=$!
ended "two clients count in transactions" $C1
ended "both come to their end" $C2
ok "and no step is lost" prints 600 xenstore-read /count

# --- nonsense -------------------------------------------------------------------------
before=$(child)
"$CLIENT" "$S" introduce 7
xenstore-write /local/domain/7/ro 4
xenstore-chmod /local/domain/7/ro n0 r7
"$CLIENT" "$RUN/dom/7/store" garbage 6 &
G1=$!
"$CLIENT" "$S" garbage 300 &
G2=$!
sleep 0.5
ok "nonsense on many connections stops nobody" prints 600 xenstore-read /count
kill $G1 $G2
# endless PATH: a message that says it has a megabyte, and one that has; more than a
# store takes is the end of its connection, at its first bytes.
endless()
{
	python3 - "$1" <<-'END'
		import socket, struct, sys
		for sent in 0, 1, 5000, 1 << 20:
		    s = socket.socket(socket.AF_UNIX)
		    s.settimeout(60)
		    s.connect(sys.argv[1])
		    got = b""
		    try:
		        s.sendall(struct.pack("=IIII", 11, 1, 0, 1 << 20) + b"x" * sent)
		        got = s.recv(16)
		    except (BrokenPipeError, ConnectionResetError):
		        pass
		    if got:
		        sys.exit("%d bytes of it: answered" % sent)
	END
}
ok "a message of a megabyte, by domain 0" endless "$S"
ok ".. by a guest" endless "$RUN/dom/7/store"
ok ".. and the store answers" prints 600 xenstore-read /count
ok "the server is the same" test "$(child)" = "$before"

xenstore-watch / >"$RUN/slow" &
WATCH=$!
until_true 5 test -s "$RUN/slow"
kill -STOP $WATCH
ok "a watcher that does not read stops nobody" \
	"$CLIENT" "$S" lasting /slow 5000
kill -CONT $WATCH
ok "and loses nothing" until_true 10 grep -qx /slow/4999 "$RUN/slow"
kill $WATCH

# --- death ----------------------------------------------------------------------------
xenstore-ls -fp / >"$RUN/before"
kill -9 "$(child)"
xenstore-ls -fp / >"$RUN/after"
ok "after kill -9 the tree is the same, byte for byte" \
	cmp "$RUN/before" "$RUN/after"
ok "and so are the domains" prints 4 as_dom 7 xenstore-read ro
"$CLIENT" "$S" lasting /last 20000 2>"$RUN/err1" &
C1=$!
"$CLIENT" "$S" follow /end now >"$RUN/follow" 2>&1 &
C2=$!
"$CLIENT" "$S" follow /end now >"$RUN/follow2" 2>&1 &
C3=$!
kills 3
xenstore-write /end now
ended "nothing that was acknowledged is lost over kills" $C1
ended "a follower by store_fd alone comes back" $C2
ended "every follower" $C3
ok "several kills happened" test $KILLS -ge 5
ok "the follower saw its connection lost" \
	grep -q 'lost [1-9]' "$RUN/follow"
sed 's/^/# /' "$RUN/follow"
echo "# $KILLS kills"

# --- rights of the server -----------------------------------------------------------------
pid=$(child)
ok "the server has no capability" grep -q '^CapEff:.0*$' "/proc/$pid/status"
ok "and can never get one" grep -q '^CapBnd:.0*$' "/proc/$pid/status"
ok "no new privileges" grep -q '^NoNewPrivs:.1$' "/proc/$pid/status"
if [ "$(awk '{n += $3} END {print (n > 1) + 1}' /proc/self/uid_map)" -gt 1 ]; then
	ok "a uid of its own" fails grep -q '^Uid:.0' "/proc/$pid/status"
else
	skip "a uid of its own" "only one uid is mapped here"
fi

ok "no file longer than the tree's" grep -q '^Max file size  *536875008 ' \
	"/proc/$pid/limits"

# --- ends -------------------------------------------------------------------
ok "a second server on the same directory refuses to start" \
	fails netbackd --store --run "$RUN"
ok "and the first one serves on" xenstore-exists /last
kill $KEEPER
ended "SIGTERM ends it" $KEEPER
ok "its child too" until_true 5 gone "$pid"
ok "and its name" fails test -e "$S"
netbackd --store --run "$RUN" 2>>"$RUN/log" &
KEEPER=$!
ok "the next one has what was there" until_true 5 xenstore-exists /last
ok "domains too" prints 4 as_dom 7 xenstore-read ro
"$CLIENT" "$S" introduce 9
pid=$(child)
kill -9 $KEEPER
ok "without its keeper the server ends" \
	until_true 5 gone "$pid"
netbackd --store --run "$RUN" 2>>"$RUN/log" &
KEEPER=$!
ok "the next one takes over the names" until_true 5 xenstore-exists /local
ok "a domain's too" "$CLIENT" "$S" introduce 9
xenstore-write /local/domain/9/ro 6
xenstore-chmod /local/domain/9/ro n0 r9
ok "with a socket that answers" prints 6 as_dom 9 xenstore-read ro
kill $KEEPER
ended "and ends" $KEEPER
# --- a small file system ------------------------------------------------------------

# A guest writes the same nodes over and over: what is not there any more goes before
# the room does that workers need.
mkdir /tmp/small
mount -t tmpfs -o size=4m tmpfs /tmp/small
netbackd --store --run /tmp/small 2>>/tmp/small.log &
SMALL=$!
small()
{
	XENSTORED_PATH=/tmp/small/$1
	shift
	env "XENSTORED_PATH=$XENSTORED_PATH" "$@"
}
until_true 5 small store xenstore-exists /local
"$CLIENT" /tmp/small/store introduce 5
small store xenstore-write /local/domain/5/own 1
small store xenstore-chmod -r /local/domain/5/own n5
BIG=$(head -c 1900 /dev/zero | tr '\0' x)
over()
{
	i=0
	while [ $i -lt 60 ]; do
		i=$((i + 1))
		set --
		for n in $(seq 50); do
			set -- "$@" "own/$((i % 9))/$n" "$BIG"
		done
		small dom/5/store xenstore-write "$@" || return 1
		room=$(stat -f -c '%a %b' /tmp/small)
		[ $((${room% *} * 4)) -ge $((${room#* } - 4)) ] ||
			{ echo "round $i: $room blocks left"; return 1; }
	done
}
ok 'a guest that fills the store leaves room, and goes on' over
kill $SMALL
wait $SMALL
umount /tmp/small
done_testing
