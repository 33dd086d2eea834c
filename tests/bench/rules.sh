#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# rules.sh - vifs' rules by our engines and by iptables alone, side by side
#
#   rules.sh [linear add rebuild]     N=5 rounds, S=1 second of a sample,
#                                      GUESTS=1000, MANY=4000, RULES=20 and 22
#
# In one namespace, in turns; medians go to $B/bench/rules.csv:
#   area,case,unit,ours,peer,peer_value,ratio     (ratio above 1: ours is better)
# The peer has a chain for each guest and way, and two jumps by physdev to them.
. "$(dirname "$0")/../lib.sh"
set -eu
OUT=$B/bench
CSV=${CSV:-$OUT/rules.csv}
mkdir -p "$OUT"
private "$@"
export XTABLES_LOCKFILE=/tmp/xtables.lock
N=${N:-5} S=${S:-1} GUESTS=${GUESTS:-1000} MANY=${MANY:-4000}
LOOP=$B/tests/bench/taploop
RULES_PY="python3 $ROOT/tests/bench/rules.py"
[ $# -gt 0 ] || set -- linear add rebuild
D=/tmp/rules
mkdir -p $D /tmp/none

say()
{
	echo "bench: $*" >&2
}

median()
{
	sort -n "$1" | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'
}

# row AREA CASE UNIT OURS PEER PEER_FILE HIGHER|LOWER
row()
{
	ours=$(median "$4") peer=$(median "$6")
	awk -v a="$ours" -v b="$peer" -v w="$7" -v h="$1,$2,$3,$ours,$5,$peer" \
		'BEGIN { r = w == "LOWER" ? b / a : a / b
			printf "%s,%.2f\n", h, (r > 1000 ? 1000 : r) }' |
		tee -a "$CSV" >&2
	say "$1,$2: all of ours $(sort -n "$4" | tr '\n' ' ')"
	say "$1,$2: all of the peer's $(sort -n "$6" | tr '\n' ' ')"
}

# ms COMMAND..: how long it takes
ms()
{
	python3 - "$@" <<-'P'
	import subprocess, sys, time
	t = time.monotonic()
	subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
	print("%.2f" % (1000 * (time.monotonic() - t)))
	P
}

# ports N: devices vif1.0 .. vifN.0, but for those that are there
ports()
{
	for n in $(seq "$1"); do
		[ -e "/sys/class/net/vif$n.0" ] ||
			echo "link add vif$n.0 type veth peer name x$n"
	done >/tmp/links
	ip -batch /tmp/links
}

clean()
{
	rm -f $D/*
	vifctl rules apply /tmp/none
	for v in nft legacy; do
		printf '*filter\nCOMMIT\n' | iptables-$v-restore
		printf '*filter\nCOMMIT\n' | ip6tables-$v-restore
	done
}

# --- linear: 64 bytes through tap, bridge and tap -----------------------------

taps()
{
	ip link add br0 type bridge mcast_snooping 0 forward_delay 0
	for n in 1 "$GUESTS"; do
		ip tuntap add "vif$n.0" mode tap vnet_hdr
		ip link set "vif$n.0" master br0
		ip link set "vif$n.0" up
	done
	ip link set br0 up
	echo 1 >/sys/class/net/br0/bridge/nf_call_iptables
	sysctl -qw net.bridge.bridge-nf-call-iptables=0
	bridge fdb replace 02:00:00:00:00:63 dev vif1.0 master static
	"$LOOP" vif1.0 read 100000 64 >/dev/null &
	READER=$!
}

count()
{
	cat "/sys/class/net/vif1.0/statistics/tx_packets" \
		"/sys/class/net/vif1.0/statistics/tx_dropped" |
		awk '{n += $1} END {print n}'
}

# Frames a second that reach the other tap; the sender is the last guest.
passes()
{
	passes_n=$(count)
	"$LOOP" "vif$GUESTS.0" write "$S" 64 >/tmp/passes
	awk -v n=$(($(count) - passes_n)) '{printf "%.0f\n", n / $3}' /tmp/passes
}

bench_linear()
{
	taps
	ports "$GUESTS"
	rm -f /tmp/none.pps /tmp/*.ours /tmp/*.peer
	passes >/tmp/none.pps # warm
	for i in $(seq "$N"); do
		passes >>/tmp/free.pps
		$RULES_PY files $D "$GUESTS" 20 vif
		vifctl rules apply $D >&2
		passes >>/tmp/nft.ours
		clean
		$RULES_PY plain "$GUESTS" 20 jump | iptables-nft-restore -n
		passes >>/tmp/nft.peer
		clean
		$RULES_PY plain "$GUESTS" 20 jump | iptables-legacy-restore -n
		passes >>/tmp/legacy.peer
		clean
		$RULES_PY files $D "$GUESTS" 20 iptables
		iptables-legacy -A INPUT -s 10.255.255.1 -j DROP
		vifctl rules apply $D >&2
		passes >>/tmp/legacy.ours
		clean
		say "round $i: no filter $(tail -n 1 /tmp/free.pps), nft" \
			"$(tail -n 1 /tmp/nft.ours) of $(tail -n 1 /tmp/nft.peer)," \
			"legacy $(tail -n 1 /tmp/legacy.ours) of" \
			"$(tail -n 1 /tmp/legacy.peer)"
	done
	kill "$READER"
	row filter-linear "nft-$GUESTS" frames/s /tmp/nft.ours physdev \
		/tmp/nft.peer HIGHER
	row filter-linear "legacy-$GUESTS" frames/s /tmp/legacy.ours physdev \
		/tmp/legacy.peer HIGHER
	row filter-linear "vif-of-no-filter-$GUESTS" frames/s /tmp/nft.ours \
		no-filter /tmp/free.pps HIGHER
}

# --- add: one guest with 22 rules among many ----------------------------------

bench_add()
{
	ports $((MANY + 1))
	$RULES_PY files $D $((MANY + 1)) 22 vif
	mkdir -p /tmp/one
	mv $D/g$((MANY + 1)).rules /tmp/one
	vifctl rules apply $D >&2
	for i in $(seq "$N"); do
		ms vifctl rules add /tmp/one/g$((MANY + 1)).rules >>/tmp/add.ours
		nft delete table netdev "netrules-vif$((MANY + 1)).0"
		# a table, a chain and a rule by system calls alone (least.c)
		(export LEAST=guard "vif=vif$((MANY + 1)).0"
			ms "$B/tests/bench/least" >>/tmp/add.least)
		nft delete table netdev "vif$((MANY + 1)).0"
	done
	clean
	# as iptables-restore would, which takes minutes beside so many devices
	$RULES_PY plain "$MANY" 22 jump >/tmp/all
	vifctl rule restore --variant nft --noflush --force /tmp/all >&2
	for i in $(seq "$N"); do
		$RULES_PY plain-one $((MANY + i)) 22 >/tmp/more
		ms iptables-nft-restore -n /tmp/more >>/tmp/add.peer
	done
	clean
	row add-guest "nft-$MANY" ms /tmp/add.ours iptables-restore \
		/tmp/add.peer LOWER
	row add-guest "least-$MANY" ms /tmp/add.least iptables-restore \
		/tmp/add.peer LOWER
}

# --- rebuild: all at once -----------------------------------------------------

bench_rebuild()
{
	ports "$GUESTS"
	$RULES_PY plain "$GUESTS" 22 jump >/tmp/all
	for i in $(seq "$N"); do
		$RULES_PY files $D "$GUESTS" 22 vif
		ms vifctl rules apply $D >>/tmp/rebuild.ours
		clean
		ms iptables-nft-restore -n /tmp/all >>/tmp/rebuild.peer
		clean
	done
	row rebuild "${GUESTS}x22" ms /tmp/rebuild.ours iptables-restore \
		/tmp/rebuild.peer LOWER
}

echo area,case,unit,ours,peer,peer_value,ratio >"$CSV"
for area in "$@"; do
	"bench_$area"
done
