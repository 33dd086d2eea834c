#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# packages.sh - fetch and unpack what the Xen rig is made of, into $XEN_CACHE
#
#   kroot/   the kernel's package and the hypervisor's, unpacked
#   root/    dom0's userland, unpacked and never configured
#   stamp    what was asked for, when all of it is there
#
# Nothing is installed on this machine and no maintainer script runs. Says why
# on standard error when the packages cannot be had: then nobody has Xen.
set -eu
: "${XEN_CACHE:?}"
release=bookworm
hypervisor=xen-hypervisor-4.17-amd64
userland='xen-utils-4.17 xen-utils-common xenstore-utils libxentoollog1
libxenevtchn1 libxengnttab1 libxenstore4 bash dash coreutils diffutils grep sed
gawk mawk util-linux mount iproute2 iptables nftables ebtables arptables iperf3
ethtool tcpdump kmod iputils-ping iputils-arping procps bridge-utils
busybox-static strace findutils socat python3-minimal libpython3-stdlib
libjansson4 libcap-ng0 libpcap0.8 libmnl0 libnftnl11 libnl-3-200
libnl-route-3-200 libxtables12 libip4tc2 libip6tc2 dnsmasq-base conntrack systemd'
want="$release $hypervisor $userland"
if [ -f "$XEN_CACHE/stamp" ] && [ "$(cat "$XEN_CACHE/stamp")" = "$want" ]; then
	exit 0
fi
mkdir -p "$XEN_CACHE/debs"
! chown _apt "$XEN_CACHE/debs" 2>&1 || :
cd "$XEN_CACHE"
rm -rf root kroot stamp

kernel=$(apt-cache depends linux-image-amd64 |
	sed -n 's/^ *Depends: \(linux-image-[0-9].*-amd64\)$/\1/p' | head -n 1)
if [ -z "$kernel" ]; then
	echo 'apt knows no linux-image-amd64' >&2
	exit 1
fi
for p in "$kernel" "$hypervisor"; do
	set -- debs/"$p"_*.deb
	[ -f "$1" ] || (cd debs && apt-get -qq download "$p")
	set -- debs/"$p"_*.deb
	dpkg -x "$1" kroot
done
include=$(echo $userland | tr ' ' ,)
mmdebstrap --quiet --variant=extract --mode=root --skip=check/empty \
	--include="$include" "$release" root >&2
# (To leave them out while unpacking takes mmdebstrap a process of Python each.)
for p in doc man locale info zoneinfo lintian; do
	rm -rf "root/usr/share/$p"
done
rm -rf root/usr/lib/x86_64-linux-gnu/gconv
echo "${kernel#linux-image-}" >version
printf '%s' "$want" >stamp
