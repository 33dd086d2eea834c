#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# images.sh - from unpacked packages to what QEMU boots, in $XEN_CACHE
#
#   xen            the hypervisor, as QEMU's multiboot loader wants it
#   vmlinux        the kernel of dom0 and of the guests, unpacked: saves each
#                  of them the decompression under emulation
#   dom0.cpio      dom0's root, and a driver domain's; not compressed, for the
#                  same reason
#   domu.cpio.gz   a guest: busybox, iperf3, ethtool, netfront
#
# Made again when these scripts or the packages changed.
set -eu
: "${XEN_CACHE:?}"
here=$(cd "$(dirname "$0")" && pwd)
sum=$(cat "$here"/images.sh "$here"/dom0/*init "$here"/domu/init \
	"$here"/domu/console "$XEN_CACHE/stamp" | sha256sum)
[ "$(cat "$XEN_CACHE/made" 2>/dev/null || :)" != "$sum" ] || exit 0
rm -f "$XEN_CACHE/made"
cd "$XEN_CACHE"
version=$(cat version)
modules=kroot/lib/modules/$version

gunzip -c kroot/boot/xen-4.17-amd64.gz >xen
python3 - "kroot/boot/vmlinuz-$version" vmlinux <<'PY'
import lzma, struct, sys, zlib
image = open(sys.argv[1], 'rb').read()
setup = (image[0x1f1] or 4) + 1         # boot protocol: sectors before it
off, size = struct.unpack_from('<II', image, 0x248)
payload = image[setup * 512 + off:setup * 512 + off + size]
if payload[:6] == b'\xfd7zXZ\0':
    elf = lzma.LZMADecompressor().decompress(payload)
else:
    elf = zlib.decompressobj(31).decompress(payload)
open(sys.argv[2], 'wb').write(elf)
PY
[ -f "$modules/modules.dep" ] || depmod -b "$PWD/kroot" "$version"

# copy_modules DIR NAME..: these modules and what they need, without symbols
copy_modules()
{
	to=$1
	shift
	for m in "$@"; do
		modprobe -d kroot -S "$version" --show-depends "$m" ||
			echo "no module $m" >&2
	done | sed -n 's,^insmod .*kroot/\([^ ]*\).*,\1,p' | sort -u |
	while read -r ko; do
		mkdir -p "$to/$(dirname "$ko")"
		strip --strip-debug -o "$to/$ko" "kroot/$ko"
	done
}

# names DIR..: the modules below these folders of the kernel's
names()
{
	for d in "$@"; do
		find "$modules/kernel/$d" -name '*.ko' -printf '%f\n'
	done | sed 's/\.ko$//' | sort -u
}

# links DIR COMMAND..: what busybox has under these names
links()
{
	to=$1
	shift
	for a in "$@"; do
		[ -e "$to/$a" ] || ln -s /bin/busybox "$to/$a"
	done
}

rm -rf d0 du
cp -a root d0
lib=d0/usr/lib/x86_64-linux-gnu
rm -rf d0/usr/share/perl d0/usr/share/perl5 $lib/perl $lib/perl-base \
	d0/usr/bin/perl* d0/var/lib/dpkg d0/var/cache d0/lib/udev/hwdb.d \
	d0/usr/lib/xen-4.17/boot d0/usr/share/bash-completion \
	d0/lib/systemd/*-generators d0/usr/lib/systemd/*-generators
mkdir -p d0/proc d0/sys d0/dev d0/run d0/tmp d0/mnt d0/share d0/nb d0/var/log/xen \
	d0/var/lib/xen/dump d0/var/lib/xenstored "d0/lib/modules/$version"
# shellcheck disable=SC2046 # lists of words
copy_modules d0 xen-netback xen-gntdev xen-gntalloc xen-evtchn xen-privcmd \
	xenfs tun veth dummy ifb macvlan 9p 9pnet_virtio virtio_pci 8021q \
	pktgen af_packet $(names net/bridge net/netfilter net/ipv4/netfilter \
	net/ipv6/netfilter) sch_tbf sch_ingress sch_htb sch_netem sch_fq_codel \
	cls_u32 cls_flower cls_matchall cls_basic act_mirred act_police \
	netlink_diag inet_diag tcp_diag drop_monitor
cp "$modules"/modules.builtin "$modules"/modules.builtin.modinfo \
	"$modules"/modules.order "d0/lib/modules/$version/"
depmod -b "$PWD/d0" "$version"
links d0/usr/bin logger nc hostname setsid usleep stty vi less
ln -sf mawk d0/usr/bin/awk
# What postinst would have made.
for t in iptables ip6tables ebtables arptables; do
	for w in '' -save -restore; do
		[ ! -e "d0/usr/sbin/$t-nft$w" ] ||
			ln -sf "$t-nft$w" "d0/usr/sbin/$t$w"
	done
done
ln -sf python3.11 d0/usr/bin/python3
printf '%s\n' root:x:0:0:root:/root:/bin/sh \
	nobody:x:65534:65534::/:/bin/false >d0/etc/passwd
printf '%s\n' root:x:0: nogroup:x:65534: >d0/etc/group
echo '127.0.0.1 localhost dom0' >d0/etc/hosts
cp "$here/dom0/init" "$here/dom0/driver-init" "$here/domu/console" d0/
chmod 755 d0/init d0/driver-init
ldconfig -r d0

mkdir -p du/bin du/sbin du/dev du/proc du/sys du/tmp du/lib64 du/modules
cp root/bin/busybox du/bin/
root/bin/busybox --list | while read -r a; do
	[ -e "du/bin/$a" ] || ln -s busybox "du/bin/$a"
done
printf '#!/bin/sh\nexec /bin/busybox poweroff -f\n' >du/sbin/poweroff
printf '#!/bin/sh\nexec /bin/busybox reboot -f\n' >du/sbin/reboot
chmod 755 du/sbin/poweroff du/sbin/reboot
cp root/usr/bin/iperf3 root/sbin/ethtool du/bin/
for b in usr/bin/iperf3 sbin/ethtool; do
	chroot root /lib64/ld-linux-x86-64.so.2 --list "/$b"
done | grep -o '/[^ ]*' | sort -u | while read -r l; do
	mkdir -p "du$(dirname "$l")"
	cp -L "root$l" "du$l"
done
copy_modules du xen-netfront xen-evtchn xen-gntalloc af_packet pktgen
find du/lib/modules -name '*.ko' -exec mv {} du/modules/ \;
cp "$here/domu/init" "$here/domu/console" du/
chmod 755 du/init

(cd du && find . | cpio -o -H newc -R 0:0 --quiet) | gzip -1 >domu.cpio.gz
(cd d0 && find . | cpio -o -H newc -R 0:0 --quiet) >dom0.cpio
rm -rf d0 du
printf '%s\n' "$sum" >made
