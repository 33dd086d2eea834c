#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hotplug.sh - our vif-bridge, vif-route, vif-nat and Debian's: the same events, the
# same store
#
#   hotplug.sh    N=9 (rounds of one vif), VIFS=500 (at once), FLAT=1000 (the vifs
#                 that one more is attached beside)
#
# In one namespace, in turns, on the shipped programs; taps stand in for vifs, and
# `netbackd --store` serves both. Debian's scripts are unpacked, not installed
# (as tests/net/differential.sh does it), and run as they ship, without their
# rules. Medians go to $B/bench/hotplug.csv:
#   area,case,unit,ours,peer,peer_value,ratio     (ratio above 1: ours is better)
. "$(dirname "$0")/../lib.sh"
DEB=$B/debian
XEN=$DEB/x/etc/xen/scripts
OUT=$B/bench
CSV=$OUT/hotplug.csv
N=${N:-9}
VIFS=${VIFS:-500}
FLAT=${FLAT:-1000}
BACK=/local/domain/0/backend/vif
mkdir -p "$OUT" "$DEB/x"
if [ ! -x "$XEN/vif-bridge" ]; then
	(cd "$DEB" && apt-get -qq download xen-utils-common &&
		dpkg-deb -x xen-utils-common_*.deb x) >"$DEB/log" 2>&1 ||
		{ echo "bench: cannot fetch xen-utils-common" >&2; exit 1; }
fi
private "$@"
mount -t tmpfs tmpfs /var/log
mount -t tmpfs tmpfs /run
mkdir -p /var/log/xen /tmp/ours
for mode in bridge route nat; do
	ln -s "$B/vifhotplug" /tmp/ours/vif-$mode
done
OURS=/tmp/ours/vif-bridge
PEER=$XEN/vif-bridge
RUNS=$B/tests/bench/hotrun

median()
{
	sort -n "$1" | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}

# row AREA CASE UNIT OURS PEER: lower is better
row()
{
	echo "$1,$2,$3,$4,debian,$5,$(awk -v a="$4" -v b="$5" \
		'BEGIN {printf "%.2f", (a > 0 ? b / a : b > 0 ? 1000 : 1)}')" |
		tee -a "$CSV" >&2
}

export XENSTORED_PATH="$RUN/store"
netbackd --store --run "$RUN" >/tmp/store.log 2>&1 &
store=$!
trap 'kill $store' EXIT
until_true 5 xenstore-ls
ip link add br0 address 02:00:00:00:01:00 type bridge
ip link set br0 up
ip link add eth0 type veth peer name world
ip addr add 192.0.2.1/24 dev eth0
ip link set eth0 up
# vif N: a tap, and the nodes that libxl makes
vif()
{
	n=$1
	ip tuntap add dev "vif$n.0" mode tap
	xenstore-write "$BACK/$n/0/frontend-id" "$n" "$BACK/$n/0/handle" 0 \
		"$BACK/$n/0/mac" "$(printf 00:16:3e:00:%02x:%02x \
			$((n / 256)) $((n % 256)))" \
		"$BACK/$n/0/bridge" br0 "$BACK/$n/0/type" vif \
		"$BACK/$n/0/hotplug-status" '' \
		"/local/domain/$n/device/vif/0/mtu" 1500
}
for v in $(seq "$VIFS"); do
	vif "$v"
done
xenstore-write "$BACK/2/0/ip" 10.0.0.2

# Those who are connected, as a toolstack would count them.
connected()
{
	xenstore-ls -f $BACK | grep -c 'hotplug-status = "connected"'
}

# least PARTS PREFIX: what no backend can do without, by a program that does nothing
# else (least.c); undone untimed
least()
{
	for _ in 1 2 3; do
		LEAST=$1 "$RUNS" start 1 "$2" "$B/tests/bench/least" || exit 1
		case $1 in
		*guard*) nft delete table netdev vif1.0 ;;
		esac
		case $1 in
		*bridge*) ip link set vif1.0 nomaster down ;;
		esac
	done
}

echo area,case,unit,ours,peer,peer_value,ratio >"$CSV"
# vif1.0 is a port, vif2.0 is routed, vif3.0 is behind the host's address
for _ in $(seq "$N"); do
	d=0
	for mode in bridge route nat; do
		d=$((d + 1))
		"$RUNS" one 3 /tmp/ours.$mode /tmp/ours/vif-$mode $d ||
			exit 1
		"$RUNS" one 1 /tmp/peer.$mode "$XEN/vif-$mode" $d ||
			exit 1
	done
	# what a process is to this kernel, before it does anything
	"$RUNS" start 3 /tmp/start "$B/tests/bench/nothing" || exit 1
	for part in guard bridge store; do
		least $part /tmp/least.$part
	done
	least guard,bridge,store /tmp/least.online
done
for what in wall cpu; do
	echo "hotplug-$what,process,ms,$(median /tmp/start.$what),,,1.00" |
		tee -a "$CSV" >&2
	for part in guard bridge store online; do
		row "hotplug-$what" least-$part ms \
			"$(median /tmp/least.$part.$what)" \
			"$(median /tmp/peer.bridge.online.$what)"
	done
	for event in bridge-online bridge-offline route-online nat-online; do
		mode=${event%-*} command=${event#*-}
		row "hotplug-$what" "vif-$event" ms \
			"$(median /tmp/ours.$mode.$command.$what)" \
			"$(median /tmp/peer.$mode.$command.$what)"
	done
done
xenstore-rm "$BACK/2/0/ip"
for side in ours peer; do
	for n in $(seq "$VIFS"); do
		echo "$BACK/$n/0/hotplug-status"
		echo ''
	done | xargs -d '\n' -n 200 xenstore-write
	script=$PEER
	[ $side = peer ] || script=$OURS
	"$RUNS" many "$VIFS" online "$script" >/tmp/many.$side
	echo "$((VIFS - $(connected)))" >/tmp/lost.$side
	"$RUNS" many "$VIFS" offline "$script" >/tmp/off.$side
done
row hotplug-parallel "$VIFS" s "$(cut -d' ' -f1 /tmp/many.ours)" \
	"$(cut -d' ' -f1 /tmp/many.peer)"
row hotplug-parallel "$VIFS-not-connected" vifs "$(cat /tmp/lost.ours)" \
	"$(cat /tmp/lost.peer)"
row hotplug-parallel "$VIFS-offline" s "$(cut -d' ' -f1 /tmp/off.ours)" \
	"$(cut -d' ' -f1 /tmp/off.peer)"

# One more beside 10, and beside many: ours alone.
"$RUNS" many 10 online "$OURS" >/dev/null
vif 5000
"$RUNS" one "$N" /tmp/flat.10 "$OURS" 5000 || exit 1
least guard /tmp/least.10
for v in $(seq $((VIFS + 1)) "$FLAT"); do
	vif "$v"
done
"$RUNS" many "$FLAT" online "$OURS" >/tmp/many.flat
"$RUNS" one "$N" /tmp/flat.many "$OURS" 5000 || exit 1
least guard /tmp/least.many
# flat CASE FILE FILE: beside 10, beside many
flat()
{
	echo "flat,$1-$FLAT,ms,$(median "$3"),ours-10,$(median "$2"),$(
		awk -v a="$(median "$3")" -v b="$(median "$2")" \
			'BEGIN {printf "%.2f", b / a}')" | tee -a "$CSV" >&2
}
flat attach /tmp/flat.10.online.wall /tmp/flat.many.online.wall
flat attach-cpu /tmp/flat.10.online.cpu /tmp/flat.many.online.cpu
flat least-guard /tmp/least.10.wall /tmp/least.many.wall
flat least-guard-cpu /tmp/least.10.cpu /tmp/least.many.cpu
