#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# apply.sh - vifctl apply: vifs in files, as at boot
. "$(dirname "$0")/../lib.sh"
private "$@"
# shellcheck source=../host.sh
. "$(dirname "$0")/../host.sh"
need_tun apply
D=/tmp/vifs.d
mkdir $D
words()
{
	vifctl show "$1" | grep -q "$2"
}
apply()
{
	vifctl apply $D >/tmp/apply 2>/tmp/apply.err
}

ip link add br0 type bridge
cat >$D/vif1.0.vif <<-END
	# the web server
	bridge=br0   ip=10.0.0.1,fd00::1
	mac=00:16:3e:00:00:01 # its own
END
echo bridge=br0 isolated=yes >$D/vif2.0.vif
echo bridge=br0 >$D/vif10.0.vif.off
echo bridge=br0 >$D/.vif11.0.vif

# netbackd comes a second later, as it may at boot.
netbackd --store --run "$RUN" 2>>$LOG.store &
until_true 5 xenstore-ls /
(sleep 1; exec netbackd --run "$RUN" 2>>$LOG) &
ok 'apply waits for netbackd' apply
same 'a line for each' 'vif1.0.vif apply=attached
vif2.0.vif apply=attached' "$(cat /tmp/apply)"
ok 'words and comments' words vif1.0 'mac=00:16:3e:00:00:01 mode=bridge bridge=br0 ip="10.0.0.1 fd00::1"'
ok 'the other one' words vif2.0 isolated=yes
same 'no more than these' 2 "$(vifctl show | wc -l)"
ok 'check finds nothing' vifctl check
ok 'twice is once' apply
echo bridge=br0 >$D/vif2.0.vif
ok 'a changed file' apply
ok 'is what is attached' fails words vif2.0 isolated=yes

echo bridge=br9 >$D/vif3.0.vif
echo bridge=br0 >$D/vif4.0.vif
echo 'ip=$(touch /tmp/x)' >$D/vif5.0.vif
echo bridge=br0 >$D/web.vif
echo bridge=br0 >$D/vif07.0.vif
mkdir $D/vif6.0.vif
mkfifo $D/vif8.0.vif
head -c 9000 /dev/zero | tr '\0' ' ' >$D/vif9.0.vif
head -c 10 /dev/zero >$D/vif9.1.vif
seq -f 'a=%g' 100 >$D/vif9.2.vif
ok 'bad files: status 1' sh -c "vifctl apply $D >/tmp/apply 2>/tmp/apply.err; test \$? = 1"
ok 'the sum' grep -q '9 of 12 vifs could not be attached' /tmp/apply.err
ok 'do not stop the good one' words vif4.0 bridge=br0
line()
{
	grep -q "^$1 apply=failed error=.*$2" /tmp/apply
}
ok 'a missing bridge' line vif3.0.vif 'br9: no such device'
ok 'a hostile value' line vif5.0.vif 'is not an address'
ok 'is not evaluated' test ! -e /tmp/x
ok 'another name' line web.vif "name is not vifN.M.vif"
ok 'a zero before a number' line vif07.0.vif "name is not vifN.M.vif"
ok 'a directory' line vif6.0.vif 'no regular file'
ok 'a pipe' line vif8.0.vif 'no regular file'
ok 'too long' line vif9.0.vif 'longer than'
ok 'no text' line vif9.1.vif 'not a text file'
ok 'too many words' line vif9.2.vif 'too many words'
ok 'JSON' sh -c "vifctl --json apply $D 2>/dev/null | python3 -c 'import json, sys
v = json.load(sys.stdin); assert len(v) == 12 and v[1][\"apply\"] == \"attached\", v'"
for n in 1 2 4; do
	vifctl detach vif$n.0
done
done_testing
