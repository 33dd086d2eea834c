# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# toolstack.sh - the nodes that libxl makes for a vif, and the script as it runs it
#
# After lib.sh and private. SCRIPT: vif-bridge, vif-route or vif-nat; BRIDGE: the
# node's value. Taps stand in for the kernel's vifs, `netbackd --store` for xenstored.
export XENSTORED_PATH="$RUN/store"
S=/tmp/scripts
BACK=/local/domain/0/backend/vif
MAC=00:16:3e:00:00
BRIDGE=xenbr0

# directory DOMID [KEY VALUE ..]: with device 0
directory()
{
	d=$1
	shift
	xenstore-rm "$BACK/$d/0" 2>/dev/null
	xenstore-write "$BACK/$d/0/frontend-id" "$d" "$BACK/$d/0/handle" 0 \
		"$BACK/$d/0/mac" "$(printf '%s:%02x' $MAC "$d")" \
		"$BACK/$d/0/bridge" "$BRIDGE" "$BACK/$d/0/type" vif \
		"$BACK/$d/0/hotplug-status" '' \
		"/local/domain/$d/device/vif/0/mtu" 1500
	while [ $# -gt 0 ]; do
		xenstore-write "$BACK/$d/0/$1" "$2"
		shift 2
	done
}

device()
{
	ip tuntap add dev "$1" mode tap
}

# vif DOMID COMMAND [WORD ..]: as libxl runs it for the vif
vif()
{
	d=$1
	shift
	env script="$S/$SCRIPT" XENBUS_TYPE=vif XENBUS_BASE_PATH=backend \
		netdev="${NETDEV:-}" XENBUS_PATH="backend/vif/$d/0" \
		vif="vif$d.0" "$S/$SCRIPT" "$@" type_if=vif
}

# .. and for the emulated card
tap()
{
	d=$1
	shift
	env XENBUS_PATH="backend/vif/$d/0" vif="vif$d.0" \
		INTERFACE="vif$d.0-emu" "$S/$SCRIPT" "$@" type_if=tap
}

node()
{
	xenstore-read "$BACK/$1"
}

# lean [WORDS]: vif 1 comes and goes: no fork, one socket, one batch.
trace()
{
	env XENBUS_PATH=backend/vif/1/0 vif=vif1.0 strace -f -o /tmp/trace \
		-e trace=process,network "$S/$SCRIPT" "$1" type_if=vif
}
lean()
{
	# a sanitizer looks for leaks with a thread of its own, and not under ptrace
	export ASAN_OPTIONS=detect_leaks=0
	for way in online offline; do
		ok "$way, traced" trace $way
		same "$1$way runs no program" 1 \
			"$(grep -c execve /tmp/trace)"
		same "$way forks nothing" 0 "$(grep -cE 'clone|fork' /tmp/trace)"
		same "$way: one rtnetlink socket" 1 \
			"$(grep -c NETLINK_ROUTE /tmp/trace)"
		same "$way: one nft batch" 1 \
			"$(grep -c NFNL_MSG_BATCH_BEGIN /tmp/trace)"
	done
}

# What `end` prints is what it was; the kernel adds some routes a moment later.
unchanged()
{
	end >/tmp/got
	diff /tmp/want /tmp/got
}

# killed COMMAND OTHER FIRST STEP: COMMAND of vif 1 killed at system call FIRST,
# FIRST + STEP .. and run again, after OTHER each time. `end` prints what must be
# the same, however it came about.
killed()
{
	stops=$(env XENBUS_PATH=backend/vif/1/0 vif=vif1.0 \
		"$B/tests/guest/killat" 0 "$S/$SCRIPT" "$1" type_if=vif 2>&1 |
		tail -n 1 | tr -dc 0-9)
	[ "${stops:-0}" -gt 100 ] || return 1
	end >/tmp/want
	at=$3
	while [ "$at" -lt "$stops" ]; do
		vif 1 "$2" || return 1
		env XENBUS_PATH=backend/vif/1/0 vif=vif1.0 \
			"$B/tests/guest/killat" "$at" "$S/$SCRIPT" "$1" \
			type_if=vif
		vif 1 "$1" || { echo "stop $at"; return 1; }
		until_true 5 unchanged || { echo "stop $at"; return 1; }
		at=$((at + $4))
	done
}
