#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# hooks.sh - an administrator's programs: JSON, time limit, veto, and who owns them
. "$(dirname "$0")/../lib.sh"
private "$@"
# shellcheck source=../host.sh
. "$(dirname "$0")/../host.sh"
need_tun hooks
export NETBACK_HOOKS=/tmp/hooks.d NETBACK_POST_HOOKS=/tmp/vif-post.d
mkdir -m 755 $NETBACK_HOOKS $NETBACK_POST_HOOKS

# hook DIR NAME: a script from standard input
hook()
{
	cat >"$1/$2"
	chmod 755 "$1/$2"
}
a_hook()
{
	hook $NETBACK_HOOKS "$1"
}

host_up
ip link add br0 type bridge
ip link set br0 up
a_hook 10-log <<-END
	#!/bin/sh
	cat >>/tmp/log
END
attach='vifctl attach vif1.0 bridge=br0 mac=00:16:3e:00:00:01'
ok 'attach' $attach ip=10.0.0.1,10.0.0.2
ok 'set' vifctl set vif1.0 mtu=1400
ok 'detach' vifctl detach vif1.0
ok 'each is told before and after, as JSON' python3 -c '
import json
v = [json.loads(l) for l in open("/tmp/log")]
assert [(o["event"], o["when"]) for o in v] == [
    (e, w) for e in ("attach", "set", "detach") for w in ("before", "after")], v
assert all(o["version"] == 1 and o["name"] == "vif1.0" and o["domain"] == 1 and
    o["device"] == 0 and o["dev"] == "vif1.0" for o in v)
assert v[0]["keys"]["ip"] == "10.0.0.1 10.0.0.2" and v[2]["keys"]["mtu"] == "1400"
'
ok 'detach of nothing tells nothing' sh -c 'rm /tmp/log; vifctl detach vif1.0 && test ! -e /tmp/log'

# --- failures ---
echo 'exit 3' | a_hook 20-bad # no interpreter named: cannot be executed
printf '#!/bin/sh\nexit 3\n' | a_hook 21-bad
ok 'one that fails is a warning' sh -c "$attach 2>/tmp/err"
ok 'which says so' grep -q 'hook .*/21-bad: exit status 3' /tmp/err
printf '#!/bin/sh\ntest -e /tmp/fine\n' | a_hook 30-net.must
ok 'one with a veto: no change' sh -c '! vifctl set vif1.0 mtu=1300 2>/tmp/err'
ok 'which says so' grep -q 'vif1.0: hook .*/30-net.must refused it: exit status 1' /tmp/err
ok 'and all is as before' sh -c 'test "$(cat /sys/class/net/vif1.0/mtu)" = 1500 && vifctl check'
ok 'detach cannot be refused' vifctl detach vif1.0
ok 'nor can attach be had' fails $attach
ok 'nothing is left of it' test -z "$(vifctl show; nft list ruleset)"
touch /tmp/fine
ok 'until it agrees' $attach
vifctl detach vif1.0 2>/dev/null
rm $NETBACK_HOOKS/2* $NETBACK_HOOKS/3*

# --- who may write it ---
trusted()
{
	rm -f /tmp/log
	$attach 2>/tmp/err
	vifctl detach vif1.0 2>>/tmp/err
	test -e /tmp/log
}
ok 'as root made it' trusted
chmod g+w $NETBACK_HOOKS/10-log
ok 'a group may write it: not run' fails trusted
ok 'which is said' grep -q '10-log: not run: somebody else' /tmp/err
chmod 757 $NETBACK_HOOKS/10-log
ok 'others may: not run' fails trusted
chmod 755 $NETBACK_HOOKS/10-log
if chown 1 $NETBACK_HOOKS/10-log 2>/dev/null; then
	ok "somebody else's: not run" fails trusted
	chown 0 $NETBACK_HOOKS/10-log
else
	skip "somebody else's: not run" 'one user only here'
fi
chmod 777 $NETBACK_HOOKS
ok 'the directory: none is run' fails trusted
ok 'which is said' grep -q 'not looked at' /tmp/err
chmod 755 $NETBACK_HOOKS
chmod 644 $NETBACK_HOOKS/10-log
ok 'not executable: not run' fails trusted
ok 'and not said' test ! -s /tmp/err
chmod 755 $NETBACK_HOOKS/10-log
ok 'again' trusted

# --- one that hangs: 10 s, and what it started goes with it ---
rm $NETBACK_HOOKS/*
printf '#!/bin/sh\n[ ! -e /tmp/hang ] || { rm /tmp/hang; sleep 1000 & echo $! >/tmp/pid; sleep 1000; }\n' | a_hook hang
touch /tmp/hang
began=$(date +%s)
ok 'one that hangs' sh -c "$attach 2>/tmp/err"
took=$(($(date +%s) - began))
ok "is killed after 10 s ($took)" test $took -ge 9 -a $took -le 100
ok 'which is said' grep -q 'hang: killed after 10 s' /tmp/err
ok 'with what it started' until_true 5 fails kill -0 "$(cat /tmp/pid)"
vifctl detach vif1.0
rm $NETBACK_HOOKS/*

# --- hotplug, and the hooks of Xen's scripts ---
a_hook log <<-END
	#!/bin/sh
	cat >>/tmp/log2
END
hook $NETBACK_POST_HOOKS a.hook <<-END
	echo "\$command \$dev ip=\$ip \$XENBUS_PATH \$type_if" >>/tmp/post
	command=broken dev=broken
	exit 7
END
hook $NETBACK_POST_HOOKS b.hook <<-END
	echo "b \$command \$dev" >>/tmp/post
END
hook $NETBACK_POST_HOOKS c.sh <<-END
	echo c >>/tmp/post
END
BACK=/local/domain/0/backend/vif/7/0
ip tuntap add dev vif7.0 mode tap
xenstore-write $BACK/bridge br0 $BACK/mac 00:16:3e:00:00:07 \
	$BACK/ip '10.0.0.7 fd00::7' $BACK/vifname web $BACK/hotplug-status '' \
	/local/domain/7/device/vif/0/mtu 1500
call()
{
	XENBUS_PATH=backend/vif/7/0 vif=vif7.0 vifctl hotplug "$1" type_if=vif 2>/tmp/err
}
ok 'online' call online
same 'connected, whatever the hooks did' connected "$(xenstore-read $BACK/hotplug-status)"
ok 'offline' call offline
same 'they were sourced, each in a shell of its own' \
	'online web ip=10.0.0.7 fd00::7 backend/vif/7/0 vif
b online web
offline vif7.0 ip= backend/vif/7/0 vif
b offline vif7.0' "$(sed 's/^offline web/offline vif7.0/; s/^b offline web/b offline vif7.0/' /tmp/post)"
ok 'one that exits is a warning' grep -q 'a.hook: exit status 7' /tmp/err
ok 'the new ones, too' python3 -c '
import json
v = [json.loads(l) for l in open("/tmp/log2")]
assert [(o["event"], o["when"]) for o in v] == [
    (e, w) for e in ("online", "offline") for w in ("before", "after")], v
assert v[0]["xenbus_path"] == "backend/vif/7/0" and v[0]["keys"]["vifname"] == "web"'
printf '#!/bin/sh\nexit 1\n' | a_hook no.must
ok 'a veto' fails call online
ok 'is told to the toolstack' sh -c "xenstore-read $BACK/hotplug-error | grep -q 'no.must refused it'"
same 'with the status' error "$(xenstore-read $BACK/hotplug-status)"
same 'nothing is left of it' '' "$(nft list ruleset)$(ls /sys/class/net/br0/brif)"
done_testing
