#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# deps.sh - install the Debian packages that building and testing need
#
# Quiet and quick when nothing is missing. Needs root only when something is.
set -eu
want='gcc clang libclang-rt-14-dev make pkg-config libc6-dev linux-libc-dev
libxen-dev xenstore-utils libmnl-dev libnftnl-dev libnl-3-dev libnl-route-3-dev
libseccomp-dev libcap-ng-dev libpcap-dev libjansson-dev libxtables-dev
libiptc-dev libcmocka-dev clang-format cppcheck shellcheck mandoc
iproute2 iptables nftables iperf3 tcpdump ethtool iputils-ping strace procps
util-linux socat python3 qemu-system-x86 mmdebstrap cpio kmod valgrind
dnsmasq-base isc-dhcp-client busybox firewalld dbus'
missing=
for p in $want; do
	dpkg-query -W -f '${db:Status-Status}\n' "$p" 2>&1 |
		grep -qx installed || missing="$missing $p"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
	echo "deps: missing:$missing" >&2
	echo "deps: run as root, or: sudo apt-get install$missing" >&2
	exit 1
fi
# A test starts a firewalld of its own; the host's would start by being installed.
case $missing in *firewalld*)
	if [ -d /run/systemd/system ]; then
		echo "deps: firewalld.service is masked, so that it does not start"
		systemctl mask firewalld.service
	fi
	;;
esac
echo "deps: installing$missing"
export DEBIAN_FRONTEND=noninteractive
apt-get -qq update
# shellcheck disable=SC2086 # a list of words
apt-get -qq install -y --no-install-recommends $missing >/dev/null
