#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# boot.sh - run one script in dom0 of a Xen that QEMU emulates; its TAP is ours
#
#   boot.sh NAME     tests/xen/dom0/NAME.sh with B's programs; B=build
#   boot.sh shell    stays, for tests/xen/do.sh; the log is $XEN_CACHE/serial
#
# N= and T= are passed on. LIMIT=seconds, ICOUNT=1 (time is counted in instructions: repeatable figures,
# one CPU), XEN_CACHE=folder (default build/xen). Nothing of this machine is
# touched but that folder; QEMU ends with this script.
#
# Two options are not for speed: without -smap dom0 dies in its first iret, and
# without eager-fpu vector registers leak (tests/xen/dom0/vectors.c).
set -u
cd "$(dirname "$0")/../.." || exit 1
B=${B:-build}
XEN_CACHE=${XEN_CACHE:-$PWD/build/xen}
LIMIT=${LIMIT:-600}
ICOUNT=${ICOUNT:-0}
export XEN_CACHE
name=$1
share=$XEN_CACHE/share

none()
{
	echo "1..0 # SKIP $*"
	exit 0
}

case $(uname -m) in x86_64) ;; *) none 'the packages are for amd64' ;; esac
for p in qemu-system-x86_64 mmdebstrap cpio depmod; do
	command -v "$p" >/dev/null ||
		PATH=$PATH:/usr/sbin:/sbin command -v "$p" >/dev/null ||
		none "$p is not installed; scripts/deps.sh installs it"
done
PATH=$PATH:/usr/sbin:/sbin
[ "$(id -u)" = 0 ] || none 'unpacking a root needs root'
mkdir -p "$XEN_CACHE"
# One at a time: each takes all there is of this machine.
exec 9>"$XEN_CACHE/lock"
flock 9
if ! sh tests/xen/packages.sh >"$XEN_CACHE/packages.log" 2>&1; then
	none 'apt-get cannot fetch the packages:' \
		"$(grep -v '^ ' "$XEN_CACHE/packages.log" | tail -n 1)"
fi
if ! sh tests/xen/images.sh >"$XEN_CACHE/images.log" 2>&1; then
	sed 's/^/# /' "$XEN_CACHE/images.log"
	echo 'not ok 1 - images are made'
	echo 1..1
	exit 1
fi

# What dom0 sees of us: a copy, without the debugger's part.
rm -rf "$share"
mkdir -p "$share/nb/build/tests/xen" "$share/guest" "$share/in" "$share/out"
ln "$XEN_CACHE/vmlinux" "$XEN_CACHE/domu.cpio.gz" "$share/guest/"
cp -a tests scripts doc include Makefile "$share/nb/"
for p in netbackd vifctl vifguest vifhotplug; do
	strip -o "$share/nb/build/$p" "$B/$p"
done
cp -a "$B/tests/guest" "$B/tests/kernel" "$share/nb/build/tests/"
cp -a "$B/tests/xen/dom0" "$share/nb/build/tests/xen/"
find "$share/nb/build/tests" -type f -exec strip {} +

if [ "$name" = shell ]; then
	cat >"$share/start" <<-'END'
	while [ ! -e /share/in/off ]; do
		for f in /share/in/*.sh; do
			[ -e "$f" ] || continue
			n=$(basename "$f" .sh)
			sh "$f" >"/share/out/$n" 2>&1
			echo "rc $?" >>"/share/out/$n"
			rm -f "$f"
		done
		sleep 0.3
	done
	END
else
	cat >"$share/start" <<-END
	cp -a /share/nb /
	cd /nb
	export N=${N:-} T=${T:-}
	sh tests/xen/dom0/$name.sh >/share/out/tap 2>&1
	echo \$? >/share/out/status
	END
fi

if [ "$ICOUNT" = 1 ]; then
	accel=tcg,thread=single,tb-size=1024
	more='-icount shift=1,sleep=off,align=off'
else
	accel=tcg,thread=multi,tb-size=1024
	more=
fi
xen='dom0_mem=1536M,max:1536M dom0_max_vcpus=2 console=com1 com1=115200,8n1
loglvl=info guest_loglvl=info noreboot=1 spec-ctrl=no,eager-fpu xpti=no
watchdog=0 iommu=off'
linux='console=hvc0 earlyprintk=xen rdinit=/init mitigations=off nokaslr quiet
loglevel=4 panic=-1 tsc=reliable net.ifnames=0'
xen=$(echo $xen)
linux=$(echo $linux | sed 's/,/,,/g')
rm -f "$XEN_CACHE/serial"
# shellcheck disable=SC2086 # $more: words
timeout -k 5 "$LIMIT" qemu-system-x86_64 -M q35 -accel $accel $more \
	-cpu max,-smap,-smep,-pku,-rdtscp -smp 2 -m 4G \
	-nodefaults -nographic -no-reboot -serial "file:$XEN_CACHE/serial" \
	-kernel "$XEN_CACHE/xen" -append "$xen" \
	-initrd "$XEN_CACHE/vmlinux $linux,$XEN_CACHE/dom0.cpio" \
	-virtfs "local,path=$share,mount_tag=share,security_model=none,id=s0" \
	>"$XEN_CACHE/qemu.log" 2>&1 9>&- &
qemu=$!
trap 'kill $qemu 2>/dev/null' EXIT INT TERM
wait $qemu
rc=$?
trap - EXIT
cat "$share/out/tap" 2>/dev/null
if [ ! -f "$share/out/status" ] && [ "$name" != shell ]; then
	tail -n 40 "$XEN_CACHE/serial" | tr -d '\r' | sed 's/^/# serial: /'
	sed 's/^/# qemu: /' "$XEN_CACHE/qemu.log"
	echo "Bail out! dom0 did not come to its end (QEMU: $rc)"
	exit 1
fi
exit "$(cat "$share/out/status" 2>/dev/null || echo 0)"
