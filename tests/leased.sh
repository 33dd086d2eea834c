# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# leased.sh - a guest behind vif1.0, whose guard takes its addresses from DHCP
#
# After lib.sh, private and host.sh; skips where taps or dnsmasq cannot be had. A
# test's watcher writes to $RUN/watch.
need_tun leases
command -v dnsmasq >/dev/null || { skip leases 'no dnsmasq here'; done_testing; }
# shellcheck disable=SC2034 # for who sources this
TABLE=netback-vif1.0

host_up
ip link add br0 type bridge forward_delay 0
ip link set br0 up
ok "attach" vifctl attach vif1.0 bridge=br0 mac=00:16:3e:00:00:01 ip=dhcp
vifguest --run "$RUN" --vif 1.0 -- sh -c "
	ip link set lo up
	echo \$\$ >/tmp/guest.pid; exec sleep 1000" >/tmp/guest.log 2>&1 &
ok "the guest is up" until_true 10 test -s /tmp/guest.pid
GUEST=$(cat /tmp/guest.pid)
guest()
{
	nsenter -t "$GUEST" -n -- "$@"
}

said()
{
	grep -q "$@" "$RUN/watch"
}

# serves RANGE WORDS..: dnsmasq on the bridge, that knows of no lease
serves()
{
	serves_range=$1
	shift
	rm -f /tmp/leases
	dnsmasq --conf-file=/dev/null --keep-in-foreground --port=0 --user=root \
		--group=root --interface=br0 --except-interface=lo \
		--bind-interfaces --dhcp-authoritative --log-dhcp \
		--log-facility=- --pid-file= --dhcp-leasefile=/tmp/leases \
		--dhcp-range="$serves_range" "$@" >>/tmp/server.log 2>&1 &
	SERVER=$!
}

server_gone()
{
	kill "$SERVER"
	wait "$SERVER" 2>/dev/null
}
