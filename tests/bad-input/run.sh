#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# run.sh - one row of tests/bad-input/rows after the other, each from nothing
#
# KILLS=n: how many moments a kill row tries (default 12; 0 = every one).
# ROW=text: only rows whose case holds it. A row is one point.
# shellcheck disable=SC2317 # set-ups and helpers are called by name
. "$(dirname "$0")/../lib.sh"
private "$@"
PATH=$B/tests/guest:$PATH
KILLS=${KILLS:-12}
D=/tmp/rows
mkdir -p $D
store_pid='' daemon_pid='' owner_pid=''
command -v netbackd >/dev/null || { echo "no netbackd in $PATH"; exit 1; }

# --- what was there before, and is there after ---------------------------------

# Everything that vifctl may touch. Left out: clocks, and the carrier's state, which
# the kernel reports up to a second late.
dump_host()
{
	ip -d -o link | sed -E 's/^[0-9]+: //; s/_timer +[0-9.]+/_timer/g;
		s/(gso|tso|gro)_max_[a-z]+ +[0-9]+//g
		s/NO-CARRIER,//; s/,LOWER_UP//; s/ state [a-zA-Z]+//g'
	bridge fdb show | sort
	ip -o addr | sed -E 's/^[0-9]+: //'
	grep -rs . /proc/sys/net/ipv4/conf /proc/sys/net/ipv6/conf |
		grep -v '/stable_secret:' | sort
	grep -s . /proc/sys/net/ipv4/ip_forward \
		/proc/sys/net/bridge/* 2>/dev/null
	nft list ruleset
	if [ -n "$store_pid" ]; then
		XENSTORED_PATH=$RUN/store timeout 30 xenstore-ls -fp
	fi
	find "$RUN/lock" "$RUN/dom" 2>/dev/null | grep -v '^[^ ]*/lock$' | sort
}

# --- set-ups -------------------------------------------------------------------

setup_store()
{
	netbackd --store --run "$RUN" >>$D/log 2>&1 &
	store_pid=$!
	until_true 5 env XENSTORED_PATH="$RUN/store" xenstore-exists /local
}

setup_daemon()
{
	netbackd --run "$RUN" >>$D/log 2>&1 &
	daemon_pid=$!
	until_true 5 answers
}

# Each with a port that stays, and no addresses: what a bridge takes from its last
# port would come and go with it.
setup_bridge()
{
	for n in 0 1; do
		ip link add br$n address 02:00:00:00:00:b$n type bridge
		ip link add up$n type veth peer name peer$n
		echo 1 >/proc/sys/net/ipv6/conf/br$n/disable_ipv6
		echo 1 >/proc/sys/net/ipv6/conf/up$n/disable_ipv6
		echo 1 >/proc/sys/net/ipv6/conf/peer$n/disable_ipv6
		ip link set peer$n up
		ip link set up$n master br$n up
		ip link set br$n up
	done
}

setup_other() { ip link add other0 type veth peer name other1; }
setup_occupied() { ip link add vif1.0 type veth peer name other1; }
setup_tap() { ip tuntap add dev vif1.0 mode tap; }
setup_attached() { vifctl attach vif1.0 bridge=br0; }
setup_routed() { vifctl attach vif1.0 mode=route ip=10.0.0.2,10.5.0.0/16,fd00::2; }
setup_hostaddr()
{
	ip link add up0 address 02:00:00:00:00:01 type veth peer name peer0
	ip addr add 10.0.0.1/24 dev up0
}
# The table of all networks stays behind, as forwarding does.
setup_net() { vifctl network add lan subnet=10.5.0.0/24 subnet6=none dhcp=no; }
setup_nonet() { setup_net && vifctl network delete lan; }
setup_upup() { ip link set up0 up; }
setup_named() { vifctl attach vif1.0 bridge=br0 vifname=card; }
setup_nobridge() { ip link del br0; }
setup_notap() { ip link del vif1.0; }
setup_noguard() { nft delete table netdev netback-vif1.0; }
setup_nomaster() { ip link set vif1.0 nomaster; }
setup_moved() { ip link set vif1.0 master br1; }
setup_stopped() { kill -STOP "$daemon_pid"; }

# A table of that name which cannot be replaced: it has an owner.
setup_noguards()
{
	rm -f $D/nft
	mkfifo $D/nft
	nft -i <$D/nft >>$D/log 2>&1 &
	owner_pid=$!
	exec 9>$D/nft
	echo 'add table netdev netback-vif1.0 { flags owner; }' >&9
	until_true 5 nft list table netdev netback-vif1.0
}

# A card of a toolstack's: its device, its directory, the hotplug programs. Domain 1
# may read there.
HOT=/local/domain/0/backend/vif/1/1
setup_hot()
{
	mkdir -p $D/scripts "$RUN/hooks"
	for s in vif-bridge vif-route vif-nat; do
		ln -sf "$B/vifhotplug" $D/scripts/$s
	done
	ip tuntap add dev vif1.1 mode tap
	hot_store xenstore-write $HOT/frontend-id 1 $HOT/handle 1 \
		$HOT/mac 00:16:3e:00:00:11 $HOT/bridge br0 $HOT/type vif \
		$HOT/hotplug-status '' /local/domain/1/device/vif/1/mtu 1500
	hot_store xenstore-chmod -r $HOT n0 r1
}
# Domain 1 serves that card as a driver domain would, and can make no node more.
setup_quota()
{
	hot_store xenstore-chmod -r $HOT n1
	hot_store xenstore-chmod /local/domain/1/device/vif/1 n1
	hot_store xenstore-rm /local/domain/1/device/vif/1/mtu
	q=/local/domain/1/device/vif/0/q
	for n in $(seq 10 20); do
		seq -f "$q$n/%02.0f" 0 99 | sed 's/$/ x/' | xargs env \
			XENSTORED_PATH="$RUN/dom/1/store" xenstore-write || break
	done
	[ "$n" -lt 20 ] || return 1
	n=0
	while XENSTORED_PATH=$RUN/dom/1/store xenstore-write $q/$n x; do
		n=$((n + 1))
	done
}
setup_lockdir() { mkdir -m 700 "$RUN/lock"; }

ended()
{
	[ -n "$1" ] || return 0
	kill -KILL "$1"
	wait "$1"
} 2>/dev/null

# With its children, and theirs.
ended_all()
{
	kill -STOP "$1"
	for child in $(pgrep -P "$1"); do
		ended_all "$child"
	done
	ended "$1"
} 2>/dev/null

setup_nostore()
{
	ended_all "$store_pid"
	store_pid=''
}

setup_nodaemon()
{
	ended_all "$daemon_pid"
	daemon_pid=''
}

teardown()
{
	[ -z "$daemon_pid" ] || setup_nodaemon
	[ -z "$store_pid" ] || setup_nostore
	exec 9>&-
	ended "$owner_pid"
	owner_pid=''
	for dev in $(ip -o link | sed -E 's/^[0-9]+: ([^:@]+).*/\1/'); do
		[ "$dev" = lo ] || ip link del "$dev"
	done
	nft flush ruleset
	rm -rf "${RUN:?}"/*
} >>$D/log 2>&1

# --- commands of rows ----------------------------------------------------------

hot_store() { XENSTORED_PATH=$RUN/store "$@"; }
hot_node() { hot_store xenstore-read "$HOT/$1"; }
# hot SCRIPT WORD..: as libxl calls it; HOT_AS=1: connected to the store as domain 1
hot()
{
	s=$1
	shift
	if [ -n "${HOT_AS:-}" ]; then
		at=$RUN/dom/$HOT_AS/store
	else
		at=$RUN/store
	fi
	XENSTORED_PATH=$at XENBUS_PATH=$HOT vif=vif1.1 INTERFACE=vif1.1-emu \
		NETBACK_HOOKS=$RUN/hooks script=$D/scripts/$s \
		$D/scripts/$s "$@" </dev/null
}
# Nothing of it is on the host.
hot_gone()
{
	! nft list table netdev netback-vif1.1 &&
		! test -e /sys/class/net/br0/brif/vif1.1 &&
		test -z "$(ip route show dev vif1.1)"
} 2>/dev/null
hot_on()
{
	nft list table netdev netback-vif1.1 >/dev/null &&
		test "$(hot_node hotplug-status)" = connected
}
# hot_refused SCRIPT WORD..: it fails, nothing is left, the store says so.
hot_refused()
{
	hot "$@" type_if=vif
	test $? = 1 && hot_gone && hot_node hotplug-error &&
		test "$(hot_node hotplug-status)" = error
}
nobody() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
weak() { setpriv --bounding-set -net_admin --inh-caps -net_admin "$@"; }
clean_now() { dump_host >$D/now && diff $D/before-attach $D/now; }
clean() { until_true 3 clean_now; } # netbackd takes its sockets away a little later
whole() { vifctl check vif1.0 && test "$(vifctl show | wc -l)" = 1; }

# One way or the other: with a reason (1), or by closing (3).
refused()
{
	"$@"
	case $? in 1 | 3) return 0 ;; esac
	return 1
}

locked()
{
	flock "$RUN/lock/vif1.0" "$@"
	rc=$?
	rm "$RUN/lock/vif1.0"
	return $rc
}

# What attach made is gone, whatever else happened to the host.
gone()
{
	! ip link show vif1.0 && test -z "$(nft list ruleset)" &&
		test -z "$(vifctl show)"
}

interrupted()
{
	"$@" &
	pid=$!
	until_true 5 test -e "$RUN/dom/1"
	kill -INT $pid
	wait $pid
}

# The moments to try: KILLS of them, evenly over the stops of a command.
moments()
{
	step=1
	[ "$KILLS" = 0 ] || step=$(($1 / KILLS + 1))
	seq 1 $step "$1"
}

# killed_then FIRST THEN STATE: FIRST killed everywhere, THEN makes it right.
killed_then()
{
	stops=$(killat 0 $1 | tail -n 1)
	vifctl detach vif1.0 && clean || return 1
	for at in $(moments "$stops"); do
		killat "$at" $1 >>$D/log 2>&1
		$2 && $3 || { echo "after a kill at stop $at of $stops"; return 1; }
		vifctl detach vif1.0 && clean || return 1
	done
}

# A name cannot change once the vif is in; the answer says what to do, and that helps.
detached_first()
{
	"$@" 2>$D/refused || {
		grep 'detach it first' $D/refused && vifctl detach vif1.0 && "$@"
	}
}

killed_in_detach()
{
	attach='vifctl attach vif1.0 bridge=br0 ip=10.0.0.1'
	$attach
	stops=$(killat 0 vifctl detach vif1.0 | tail -n 1)
	for at in $(moments "$stops"); do
		$attach || return 1
		killat "$at" vifctl detach vif1.0 >>$D/log 2>&1
		$1 && $2 || { echo "after a kill at stop $at of $stops"; return 1; }
	done
	vifctl detach vif1.0 && clean
}

# killed_over CHANGE BACK: CHANGE killed everywhere; run again it is done, and so is
# the way back.
killed_over()
{
	stops=$(killat 0 $1 | tail -n 1)
	$2 && vifctl check || return 1
	for at in $(moments "$stops"); do
		killat "$at" $1 >>$D/log 2>&1
		if ! { $1 && vifctl check && $2 && vifctl check; }; then
			echo "after a kill at stop $at of $stops"
			return 1
		fi
	done
}

# What moved() breaks, repaired by a repair that is killed everywhere first.
repaired_over()
{
	stops=$(killat 0 vifctl repair | tail -n 1)
	setup_moved
	stops=$(killat 0 vifctl repair | tail -n 1)
	for at in $(moments "$stops"); do
		setup_moved
		killat "$at" vifctl repair >>$D/log 2>&1
		if ! { vifctl repair && vifctl check; } >>$D/log 2>&1; then
			echo "after a kill at stop $at of $stops"
			return 1
		fi
	done
}

# Nothing of it, or all.
gone_or_whole()
{
	test -z "$(vifctl show)$(nft list ruleset)" || whole
}

# The guest dies at many moments; its vif stays attached and takes the next one.
guest_killed()
{
	for ms in 0 2 4 6 8 10 15 20 30 40 60 80 120 200; do
		vifguest --run "$RUN" --vif 1.0 --ip 10.0.0.1/24 \
			-- sleep 5 >>$D/log 2>&1 &
		pid=$!
		sleep "$(awk "BEGIN { print $ms / 1000 }")"
		ended $pid
	done
	timeout 60 vifguest --run "$RUN" --vif 1.0 --ip 10.0.0.1/24 \
		-- ip link show eth0 && vifctl check vif1.0
}

# --- rows ----------------------------------------------------------------------

trim()
{
	printf '%s' "$1" | sed 's/^ *//; s/ *$//'
}

same_host()
{
	dump_host >$D/after
	diff $D/before $D/after
}

# One row, in this order: what, set-ups, command, status, pattern.
try_row()
{
	: >$D/log
	for s in $2; do
		[ "$s" != attached ] && [ "$s" != named ] && [ "$s" != routed ] ||
			dump_host >$D/before-attach
		setup_"$s" >>$D/log 2>&1 || { cat $D/log; return 1; }
	done
	dump_host >$D/before
	[ -s $D/before-attach ] || cp $D/before $D/before-attach
	(eval "$3") >$D/out 2>&1
	rc=$?
	[ "$rc" = "$4" ] || { echo "status $rc, not $4"; cat $D/out $D/log; return 1; }
	grep -qE -- "$5" $D/out || [ -z "$5" ] ||
		{ echo "no \"$5\" in:"; cat $D/out; return 1; }
	[ "$rc" = 0 ] && return 0
	until_true 3 same_host
}

# In one shell, which knows what it started.
row()
{
	try_row "$@"
	row_rc=$?
	teardown
	return $row_rc
}

rows=0
while IFS= read -r line; do
	case $line in '#'* | '') continue ;; esac
	rest=$line
	set --
	for _ in 1 2 3 4; do
		set -- "$@" "$(trim "${rest%%|*}")"
		rest=${rest#*|}
	done
	set -- "$@" "$(trim "$rest")"
	case $1 in *"${ROW:-}"*) ;; *) continue ;; esac
	rows=$((rows + 1))
	rm -f $D/before-attach
	ok "$1" row "$@"
done <"$ROOT/tests/bad-input/rows"
ok 'there were rows' test $rows -gt 0
done_testing
