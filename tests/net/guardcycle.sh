#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# guardcycle.sh - nothing of a flood passes while a vif comes, goes or is renamed
#
# N cycles (30; N=1000 for the long run): a guest floods its tap with frames that
# its guard refuses while vif-bridge brings it online and offline. Whatever a
# bridge or the host's stack sees of them is a leak, and so is a MAC that a
# bridge learned. Without a guard the same judge counts thousands.
. "$(dirname "$0")/../lib.sh"
private "$@"
. "$ROOT/tests/guarded.sh"
N=${N:-30}
RAW=$B/tests/guest/rawframe

bridge_up br0
sink out0

# Each of these breaks another rule; no other traffic is there.
cat >"$RUN/flood" <<-END
	mac drop ff:ff:ff:ff:ff:ff 02:00:00:00:66:01 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	ip drop ff:ff:ff:ff:ff:ff $ME 0800 ip4 10.0.0.66 10.0.0.6 17 udp 9 9
	arp drop ff:ff:ff:ff:ff:ff $ME 0806 arp 2 $ME 10.0.0.66
	lldp drop 01:80:c2:00:00:0e 02:00:00:00:66:02 88cc 0207040200000000010403
	vlan drop ff:ff:ff:ff:ff:ff $ME 8100 0000 0800 ip4 10.0.0.5 10.0.0.6 17 udp 9 9
	ra drop 33:33:00:00:00:01 $ME 86dd ip6 fe80::1 ff02::1 58 8600 1234 pad 12
END
nft -f - <<-'END'
	table bridge judge {
		counter seen {
		}
		chain pre {
			type filter hook prerouting priority -400
			iifname { vif1.0, web } counter name seen
		}
		chain in {
			type filter hook input priority -400
			iifname { vif1.0, web } counter name seen
		}
	}
	table inet judge {
		counter seen {
		}
		chain pre {
			type filter hook prerouting priority -400
			iifname { vif1.0, web } counter name seen
		}
	}
	table arp judge {
		counter seen {
		}
		chain in {
			type filter hook input priority -400
			iifname { vif1.0, web } counter name seen
		}
	}
END

seen()
{
	nft list counters | awk '/^table/ { j = $3 == "judge" }
		j && /packets/ { n += $2 } END { print n + 0 }'
}
learned()
{
	bridge fdb show br br0 | grep -c 02:00:00:00:66
}
refused()
{
	nft list counters table netdev netback-vif1.0 |
		awk '/packets/ { n += $2 } END { print n + 0 }'
}
refuses()
{
	[ "$(refused)" -gt 100 ]
}

cycle()
{
	nodes "10.0.0.5 fd00::5"
	ip tuntap add vif1.0 mode tap
	"$RAW" -l vif1.0 <"$RUN/flood" >"$RUN/taken" &
	cycle_pid=$!
	hotplug online && until_true 10 refuses && hotplug offline
	cycle_rc=$?
	ip link del vif1.0
	wait $cycle_pid
	return $cycle_rc
}
cycles()
{
	cycles_n=0
	while [ $cycles_n -lt "$N" ]; do
		cycle || { echo "cycle $cycles_n"; return 1; }
		cycles_n=$((cycles_n + 1))
	done
}
ok "$N cycles of online and offline under a flood" cycles
same "nothing of it was seen behind the guard" 0 "$(seen)"
same "nothing was learned" 0 "$(learned)"

# --- renamed while it is up: port flags follow the device -----------------------

nodes "10.0.0.5 fd00::5"
ip tuntap add vif1.0 mode tap
head -n 1 "$RUN/flood" >"$RUN/forged"
sed -n 4p "$RUN/flood" >>"$RUN/forged"
"$RAW" -l vif1.0 <"$RUN/forged" >"$RUN/taken" &
PID=$!
ok "online once more" hotplug online
shows()
{
	"$B/vifctl" show vif1.0 | grep -q 'refused.from_guest.mac=[1-9]'
}
ok "show says what was refused, and why" until_true 5 shows
shows_json()
{
	"$B/vifctl" --json show vif1.0 >"$RUN/json" &&
		grep -A 12 '"from_guest"' "$RUN/json" | grep -q '"dhcp": 0' &&
		grep -A 2 '"to_guest"' "$RUN/json" | grep -q '"own": 0'
}
ok "as JSON, too" shows_json
before=$(passed out0)
ok "renamed under a flood of forged MACs" ip link set vif1.0 name web
sleep 0.3
same "none of them leaves another port" "$before" "$(passed out0)"
same "and none is learned" 0 "$(learned)"
ip link del web
wait $PID
nft delete table netdev netback-vif1.0

# --- the judge sees what is to be seen -------------------------------------------

nft reset counters >/dev/null
ip tuntap add vif1.0 mode tap
"$RAW" -l vif1.0 <"$RUN/flood" >"$RUN/taken" &
PID=$!
ip link set vif1.0 master br0 up
sees()
{
	[ "$(seen)" -gt 100 ] && [ "$(learned)" -gt 0 ]
}
until_true 10 sees
saw=$(seen)
ok "without a guard the judge saw $saw frames" test "$saw" -gt 100
ok ".. and the bridge learned" test "$(learned)" -gt 0
ip link del vif1.0
wait $PID
ok "the flood was one: $(cat "$RUN/taken") frames" \
	test "$(cat "$RUN/taken")" -gt 100
done_testing
