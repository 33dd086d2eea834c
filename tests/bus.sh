# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=sh
# bus.sh - a D-Bus and a firewalld of a test's own, for tests beside firewalld
#
# After lib.sh and private. bus_up covers /run and modprobe, so that no module is
# loaded; bus_firewalld nftables|iptables starts one whose default zone lets all
# pass. What it says is in /tmp/fw.log.

bus_up()
{
	mount -t tmpfs tmpfs /run
	bus_probe=$(readlink -f "$(command -v modprobe)") || bus_probe=
	[ -z "$bus_probe" ] || mount --bind /bin/true "$bus_probe"
	mkdir -p /run/dbus /tmp/fw
	cp -r /etc/firewalld/. /tmp/fw
	cat >/tmp/bus.conf <<'END'
<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*"/>
    <allow receive_sender="*"/>
  </policy>
</busconfig>
END
	export DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/dbus/system_bus_socket
	dbus-daemon --config-file=/tmp/bus.conf --nofork --nopidfile --nosyslog \
		>/tmp/bus.log 2>&1 &
	BUS=$!
	until_true 5 test -S /run/dbus/system_bus_socket
}

bus_down()
{
	kill "$BUS"
	wait "$BUS" || :
}

# bus_firewalld BACKEND: ready when `firewall-cmd --state` says so
bus_firewalld()
{
	sed -i -e "s/^FirewallBackend=.*/FirewallBackend=$1/" \
		-e 's/^DefaultZone=.*/DefaultZone=trusted/' /tmp/fw/firewalld.conf
	firewalld --nofork --nopid --system-config /tmp/fw --log-file /tmp/fw.log \
		--log-target file >/tmp/fw.out 2>&1 &
	FW=$!
}

bus_firewalld_stop()
{
	kill "$FW"
	wait "$FW" || :
}
