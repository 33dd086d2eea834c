#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# vlan.sh - vlan= on a kernel whose bridges keep VLANs apart
#
# Not every kernel does; Debian's User-Mode Linux does, and boots in seconds as a
# process whose root is this host's. It has no netdev tables, so the guard is not
# part of this: ports and their VLANs are made by the plan, and frames judge.
. "$(dirname "$0")/../lib.sh"
UML=$B/uml

fetch()
{
	[ ! -x "$UML/x/usr/bin/linux.uml" ] || return 0
	mkdir -p "$UML/x"
	(cd "$UML" && apt-get -qq download user-mode-linux &&
		dpkg-deb -x user-mode-linux_*.deb x && rm -f ./*.deb &&
		mkdir -p m/lib && ln -sfn ../../x/usr/lib/uml/modules m/lib/modules) \
		>"$UML/log" 2>&1
}

# --- inside ------------------------------------------------------------------------

# who FROM: the vifs that a broadcast of that one's guest reaches
who()
{
	python3 /tmp/frames.py "$1"
}
tagged()
{
	bridge vlan show dev "$1" | sed -n 's/^.*[^0-9]\([0-9][0-9]*\) \(PVID.*\)/\1 \2/p' |
		sed 's/ *$//'
}
inside()
{
	printf '#!/bin/sh\nexec modprobe -d %s/m "$@"\n' "$UML" >/tmp/modprobe
	chmod +x /tmp/modprobe
	for m in bridge tun; do /tmp/modprobe $m; done
	M=$B/tests/guest/modes
	ip link add br0 type bridge vlan_filtering 1 vlan_default_pvid 1
	ip link set br0 up
	for n in 1 2 3 4; do ip tuntap add dev vif$n.0 mode tap; done
	mac=mac=00:16:3e:00:00:0
	ok 'vlan=10' "$M" attach 1.0 ${mac}1 bridge=br0 vlan=10
	ok 'another of it' "$M" attach 2.0 ${mac}2 bridge=br0 vlan=10
	ok 'vlan=20, and what goes to 10' "$M" attach 3.0 ${mac}3 bridge=br0 \
		vlan=20p/10u
	ok 'without' "$M" attach 4.0 ${mac}4 bridge=br0
	same 'in its VLAN and no other' '10 PVID Egress Untagged' "$(tagged vif1.0)"
	same 'its own is the one with p' '20 PVID Egress Untagged' "$(tagged vif3.0)"
	same "without vlan=: the bridge's own" '1 PVID Egress Untagged' \
		"$(tagged vif4.0)"
	ok 'check' "$M" check 1.0 ${mac}1 bridge=br0 vlan=10
	cat >/tmp/frames.py <<'END'
# A broadcast from the tap of one guest: which others' taps have it, as it was sent?
import fcntl, os, select, struct, sys
def tap(n):
    fd = os.open("/dev/net/tun", os.O_RDWR)
    fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", b"vif%d.0" % n, 0x1002))
    return fd
fds = {n: tap(n) for n in (1, 2, 3, 4)}
me = int(sys.argv[1])
frame = b"\xff" * 6 + bytes([0, 0x16, 0x3e, 0, 0, me]) + b"\x88\xb5" + b"x" * 46
got = set()
for i in range(20):  # a port forwards once its carrier is known
    os.write(fds[me], frame)
    for fd in select.select([f for n, f in fds.items() if n != me], [], [], .2)[0]:
        if os.read(fd, 2000) == frame:
            got |= {n for n, f in fds.items() if f == fd}
    if i > 4 and got:
        break
print(*sorted(got))
END
	same 'a frame of VLAN 10' '2 3' "$(who 1)"
	same 'of the other one' '1 3' "$(who 2)"
	same 'of 20, which nobody else is in' '' "$(who 3)"
	same 'of none of ours' '' "$(who 4)"
	ok 'another VLAN' "$M" attach 2.0 ${mac}2 bridge=br0 vlan=30
	same 'it is in that alone' '30 PVID Egress Untagged' "$(tagged vif2.0)"
	same 'and hears nothing' 3 "$(who 1)"
	ok 'undo' "$M" undo 1.0 ${mac}1 bridge=br0 vlan=10
	done_testing
}

if [ "${1:-}" = inside ]; then
	mount -t proc proc /proc
	mount -t sysfs sysfs /sys
	mount -t devtmpfs devtmpfs /dev
	(inside) >/tmp/tap 2>&1
	sync
	echo o >/proc/sysrq-trigger
	sleep 10
fi

# --- outside -----------------------------------------------------------------------

if [ "${NETBACK_PRIVATE:-}" != 1 ] && ! fetch; then
	skip 'vlan= where bridges keep VLANs apart' \
		'apt-get cannot fetch user-mode-linux'
	done_testing
fi
private "$@"
cat >/tmp/init <<END
#!/bin/sh
export B=$B
exec sh $ROOT/tests/net/vlan.sh inside
END
chmod +x /tmp/init
timeout 600 "$UML/x/usr/bin/linux.uml" mem=192M rootfstype=hostfs rootflags=/ rw \
	init=/tmp/init con=null con0=null,fd:1 ssl=null quiet </dev/null >/tmp/boot 2>&1
if [ ! -s /tmp/tap ]; then
	sed 's/^/# /' /tmp/boot
	skip 'vlan= where bridges keep VLANs apart' 'User-Mode Linux does not run here'
	done_testing
fi
cat /tmp/tap
! grep -q '^not ok' /tmp/tap
