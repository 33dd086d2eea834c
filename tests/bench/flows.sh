#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# flows.sh - a change of rules beside many vifs and connections
#
#   flows.sh [ENTRIES ..]     VIFS=1000, N=3 rounds; 0 1000 10000 100000
#
# Each line: entries, what was changed, ms of each round. Entries are three guests'
# flows to a network that is nobody's here, all to one port. Not more than
# nf_conntrack_max, which is the host's to say.
. "$(dirname "$0")/../lib.sh"
set -eu
private "$@"
# shellcheck source=../host.sh
. "$(dirname "$0")/../host.sh"
export XTABLES_LOCKFILE=/tmp/xtables.lock
need_tun flows
F=$ROOT/tests/net/flows.py
VIFS=${VIFS:-1000} N=${N:-3}
[ $# -gt 0 ] || set -- 0 1000 10000 100000

host_up
ip link add br0 address 02:00:00:00:00:b0 type bridge mcast_snooping 0 \
	forward_delay 0
ip addr add 10.0.255.254/16 dev br0
ip link set br0 up
ip link add eth0 type veth peer name eth1
ip addr add 192.0.2.1/24 dev eth0
sysctl -qw net.bridge.bridge-nf-call-iptables=0
i=0
while [ $i -lt "$VIFS" ]; do
	i=$((i + 1))
	mac=$(printf 00:16:3e:00:%02x:%02x $((i / 256)) $((i % 256)))
	vifctl attach vif$i.0 bridge=br0 mac="$mac" \
		ip=10.0.$((i / 250)).$((i % 250 + 1))
done >&2
mkdir /tmp/d
printf '%s\n' 'vif vif1.0' '*filter' '-A from-guest -p tcp --dport 99 -j DROP' \
	COMMIT >/tmp/d/a.rules
cp -r /tmp/d /tmp/e
sed -i s/99/98/ /tmp/e/a.rules

# row WHAT COMMAND..: how long each of N took
row()
{
	row_what=$1
	shift
	for _ in $(seq "$N"); do
		python3 -c '
import subprocess, sys, time
t = time.monotonic()
subprocess.run(sys.argv[1:], check=True, stdout=2)
print("%.1f" % (1000 * (time.monotonic() - t)))' "$@"
	done | sort -n | paste -sd' ' | sed "s/^/$entries,$row_what,/"
}
for entries in "$@"; do
	python3 "$F" forget
	python3 "$F" fill "$entries" 10.0.0.2 10.0.0.3 10.0.0.4
	row 'rule add' vifctl rule add -4 --variant nft -- -A FORWARD \
		-m physdev --physdev-in vif2.0 -p tcp --dport 99 -j DROP
	row 'rule add elsewhere' vifctl rule add -4 --variant nft -- -A FORWARD \
		-m physdev --physdev-in vif900.0 -p tcp --dport 443 -j DROP
	row 'rules apply, one line, twice' sh -c 'vifctl rules apply /tmp/e &&
		vifctl rules apply /tmp/d'
	row 'rules apply, nothing new' vifctl rules apply /tmp/d
	cat /proc/sys/net/netfilter/nf_conntrack_count >&2
	iptables-nft -F FORWARD
done
