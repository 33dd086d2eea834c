# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# lies.sh - a guest without netfront, whose frontend lies (tests/xen/domu/liar.c)

LIAR_PING=/tmp/liar.ping

# What netbackd has of Xen: pages mapped, devices open, and ports bound to the
# domain of the liar. By the processes that one_lie has seen.
held()
{
	h_w=${L_PROCESSES% *}
	echo "maps $(grep -c xen/gntdev "/proc/$h_w/maps")" \
		"fds $(find "/proc/$h_w/fd" -lname '/dev/xen/*' | wc -l)" \
		"ports $(lsevtchn 0 |
			grep -c "Remote Domain $(domid liar),")"
}

held_is()
{
	h_now=$(held)
	[ "$h_now" = "$1" ]
}

# Of the worker and the supervisor.
processes()
{
	show | sed -n '1s/.*"netbackd", *"pid": *\([0-9]*\).*"worker": *\([0-9]*\).*/\2 \1/p'
}

# one_lie NAME: it ends as it should, and whatever it did, nobody else saw it.
one_lie()
{
	ok "$1" on liar "liar $1"
	ol_now=$(processes)
	if [ "$ol_now" != "$L_PROCESSES" ]; then
		ok "$1: nobody died" false
		L_PROCESSES=$ol_now
	fi
	within 5 held_is "$L_HELD" ||
		same "$1: nothing is held of it" "$L_HELD" "$(held)"
	ol_log=$(complaints -c)
	[ -z "$ol_log" ] || same "$1: dom0's kernel is silent" '' "$ol_log"
	quiet answers 10.0.0.3 20 || ok "$1: the other guest answers" false
}

# lies GUEST: while GUEST, at 10.0.0.3, is spoken to.
lies()
{
	EXTRA=nb.front=none RAMDISK=liar.cpio.gz guest liar 9
	ok 'a guest without netfront' create liar
	ok 'has its lies ready' on liar 'liar --list'
	ping -i 0.2 -W 5 10.0.0.3 >$LIAR_PING 2>&1 &
	l_ping=$!
	# Somebody whom nobody knows: asked for at each port, the liar's too.
	arping -q -I xenbr0 -w 100000 10.0.0.200 >/dev/null 2>&1 &
	l_arping=$!
	# shellcheck disable=SC2034 # for who sources this
	LIAR=vif$(domid liar).0
	L_PROCESSES=$(processes)
	L_HELD=$(held)
	# The store's and the console's.
	same 'of a guest that is not connected no port is held' 'ports 2' \
		"ports ${L_HELD##* }"
	dmesg -c >/dev/null
	for l_lie in $(on liar 'liar --list'); do
		one_lie "$l_lie"
	done
	note 'lies are told'
	kill $l_arping
	kill -INT $l_ping
	wait $l_ping
	note "$(tail -n 2 $LIAR_PING | tr '\n' ' ')"
	same 'the other guest lost no packet' 0 "$(gaps $LIAR_PING)"
	same 'and was never rung for nothing' 0 "$(bells "$1")"
}
