#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# boot.sh - run one script in dom0 of a Xen that QEMU emulates; its TAP is ours
#
#   boot.sh NAME     tests/xen/dom0/NAME.sh with B's programs; B=build
#   boot.sh host     the same on dom0's kernel alone, without Xen
#   boot.sh shell    stays, for tests/xen/do.sh; the log is $XEN_CACHE/shell/serial
#   boot.sh shell host    stays, too, without Xen
#
# N= and T= are passed on. LIMIT=seconds, ICOUNT=1 (time is counted in instructions: repeatable figures,
# one CPU), CPU=,-erms (more words for QEMU's -cpu), XEN_CACHE=folder (default
# build/xen). Nothing of this machine is
# touched but that folder; QEMU ends with this script. What one boot has for
# itself is in $XEN_CACHE/NAME: several may run at once. SMP=processors, 2 if not
# said; the tests say 1: more than this machine has to spare spin for each other.
#
# Two options are not for speed: without -smap dom0 dies in its first iret, and
# without eager-fpu vector registers leak (tests/xen/dom0/vectors.c).
set -u
cd "$(dirname "$0")/../.." || exit 1
. tests/xen/words.sh
B=${B:-build}
XEN_CACHE=${XEN_CACHE:-$PWD/build/xen}
LIMIT=${LIMIT:-600}
ICOUNT=${ICOUNT:-0}
export XEN_CACHE
name=$1
run=$XEN_CACHE/$name
share=$run/share

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
mkdir -p "$run"
exec 8>"$run/lock" 9>"$XEN_CACHE/lock"
flock 8
# What all of them boot is made by one.
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

exec 9>&-

# What dom0 sees of us: a copy, without the debugger's part, in its root: file by
# file from the share it would be a quarter of a minute.
rm -rf "$share" "$run/root"
nb=$run/root/nb
mkdir -p "$nb/build/tests/xen" "$share/bin" "$share/guest" "$share/in" "$share/out"
ln "$XEN_CACHE/vmlinux" "$XEN_CACHE/domu.cpio.gz" "$share/guest/"
cp -a tests scripts doc include Makefile "$nb/"
for p in netbackd vifctl vifguest vifhotplug; do
	strip -o "$nb/build/$p" "$B/$p"
done
cp -a "$B/tests/guest" "$B/tests/kernel" "$nb/build/tests/"
cp -a "$B/tests/xen/dom0" "$nb/build/tests/xen/"
cp "$B/tests/xen/domu/liar" "$B/tests/xen/domu/former" "$share/bin/"
find "$nb/build/tests" "$share/bin" -type f -exec strip {} +

# with ARCHIVE DIR FILE..: an archive of cpio, and files of DIR behind it
with()
{
	cat "$1"
	cd "$2" || exit 1
	shift 2
	printf '%s\n' "$@" | cpio -o -H newc -R 0:0 --quiet
}
gunzip -c "$XEN_CACHE/domu.cpio.gz" >"$run/domu.cpio"
(with "$run/domu.cpio" "$share" bin/liar bin/former) | gzip -1 >"$share/guest/liar.cpio.gz"
(with "$XEN_CACHE/dom0.cpio" "$nb/build" netbackd vifctl vifhotplug) \
	>"$share/guest/driver.cpio"
(cd "$run/root" && find nb) >"$run/names"
# shellcheck disable=SC2046 # names without blanks
(with "$XEN_CACHE/dom0.cpio" "$run/root" $(cat "$run/names")) >"$run/dom0.cpio"
rm -r "$run/domu.cpio" "$run/root" "$run/names"

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
	cd /nb
	export N=${N:-} T=${T:-} SUITES='${SUITES:-}' EACH=${EACH:-}
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
linux="console=hvc0 earlyprintk=xen rdinit=/init mitigations=off nokaslr quiet
loglevel=4 panic=-1 tsc=reliable net.ifnames=0 $WORDS"
xen=$(echo $xen)
linux=$(echo $linux)
# The host's suites need no Xen, and go several times as fast without. Where the
# machine is busy Linux measures QEMU's TSC wrongly, and panics for want of a timer
# interrupt that comes late.
if [ "$*" = host ] || [ "$*" = 'shell host' ]; then
	set -- -kernel "$XEN_CACHE/vmlinux" -initrd "$run/dom0.cpio" \
		-append "console=ttyS0 clocksource=hpet no_timer_check $(echo "$linux" | sed \
			's/console=hvc0 earlyprintk=xen//; s/tsc=reliable//')"
else
	set -- -kernel "$XEN_CACHE/xen" -append "$xen" \
		-initrd "$XEN_CACHE/vmlinux $(echo "$linux" |
			sed 's/,/,,/g'),$run/dom0.cpio"
fi
rm -f "$run/serial"
# shellcheck disable=SC2086 # $more: words
timeout -k 5 "$LIMIT" qemu-system-x86_64 -M q35 -accel $accel $more \
	-cpu max,-smap,-smep,-pku,-rdtscp${CPU:-} -smp ${SMP:-2} -m 4G \
	-nodefaults -nographic -no-reboot -serial "file:$run/serial" \
	"$@" -virtfs "local,path=$share,mount_tag=share,security_model=none,id=s0" \
	>"$run/qemu.log" 2>&1 8>&- &
qemu=$!
trap 'kill $qemu 2>/dev/null' EXIT INT TERM
wait $qemu
rc=$?
trap - EXIT
rm -f "$run/dom0.cpio"
cat "$share/out/tap" 2>/dev/null
if [ ! -f "$share/out/status" ] && [ "$name" != shell ]; then
	tail -n 40 "$run/serial" | tr -d '\r' | sed 's/^/# serial: /'
	sed 's/^/# qemu: /' "$run/qemu.log"
	echo "Bail out! dom0 did not come to its end (QEMU: $rc)"
	exit 1
fi
exit "$(cat "$share/out/status" 2>/dev/null || echo 0)"
