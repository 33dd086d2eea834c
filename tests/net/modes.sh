#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# modes.sh - a vif on a real bridge: attach, attach again, fail, be killed, leave
#
# Judges: iproute2's own view before and after, its commands run from the
# printed plan, and its monitors for "nothing was changed".
. "$(dirname "$0")/../lib.sh"
private "$@"
. "$(dirname "$0")/../requests.sh"
[ -w /dev/net/tun ] || { echo '1..0 # SKIP /dev/net/tun is not ours'; exit; }

M=$B/tests/guest/modes
V='1.0 bridge=br0 mac=00:16:3e:00:00:01 mtu=1500'
HOST=fe:ff:ff:ff:ff:ff
export ASAN_OPTIONS=detect_leaks=0 # strace and the leak checker do not mix

# fresh [MAC]: a bridge with an uplink, and a tap as netbackd leaves it.
fresh()
{
	for d in $(ip -o link | sed 's/^[0-9]*: \([^:@]*\).*/\1/'); do
		[ "$d" = lo ] || ip link del "$d" 2>/dev/null || :
	done
	ip link add br0 address 02:00:00:00:00:01 type bridge mcast_snooping 0
	ip link add up0 address 02:00:00:00:00:02 type veth \
		peer name up1 address 02:00:00:00:00:04
	for d in br0 up0 up1; do # nobody speaks unasked
		echo 1 >/proc/sys/net/ipv6/conf/$d/disable_ipv6
	done
	ip link set up0 master br0
	ip link set up0 up
	ip link set up1 up
	ip link set br0 up
	ip addr add 10.0.0.1/24 dev br0
	ip tuntap add vif1.0 mode tap
	ip link set vif1.0 address "${1:-02:00:00:00:00:03}"
	ip link set vif1.0 up # once, so that it has its queue discipline
	ip link set vif1.0 down
	until_true 10 settled
}

# The bridge hears of its uplink some time later.
settled()
{
	ip -o link show br0 | grep -q 'state UP'
}

# Everything that attach may touch. Timers and counters are not of that kind.
dump()
{
	ip -d link | steady
	ip addr | grep inet | steady
	bridge -d link | steady
	bridge fdb | sort
	bridge vlan
	for f in /proc/sys/net/ipv6/conf/*/disable_ipv6; do
		echo "$f $(cat "$f")"
	done
}

# held WHAT: the dump equals the file WHAT, made before.
held()
{
	dump | diff -u "$RUN/$1" -
}

# shellcheck disable=SC2086,SC2120 # $V is words; called through ok as well
attach()
{
	"$M" attach "$@" $V
}

### attach, as iproute2 sees it

fresh
ok 'attach' attach
ok 'it is up, in the bridge, with the host address' sh -c "
	ip -o link show vif1.0 | grep 'UP.*master br0.*ether $HOST'"
ok 'port is locked and does not learn' sh -c "bridge -d link show dev vif1.0 |
	grep 'learning off.*isolated off.*locked on'"
ok 'its mac is a static entry' sh -c "bridge fdb show dev vif1.0 |
	grep -x '00:16:3e:00:00:01 sticky master br0 static'"
same 'IPv6 is off on it' 1 "$(cat /proc/sys/net/ipv6/conf/vif1.0/disable_ipv6)"
# shellcheck disable=SC2086
ok 'check finds nothing' "$M" check $V
dump >"$RUN/attached"

### twice is once

# marked ADDRESS MAC: both monitors have shown it.
marked()
{
	grep -q "inet $1" "$RUN/ip.mon" && grep -q "$2" "$RUN/fdb.mon"
}

# mark ADDRESS MAC: something to see, that leaves nothing.
mark()
{
	ip addr add "$1/32" dev br0
	ip addr del "$1/32" dev br0
	bridge fdb replace "$2" dev up0 master static
	bridge fdb del "$2" dev up0 master
	marked "$@"
}

changes_nothing()
{
	until_true 5 mark 10.9.9.1 02:00:00:00:00:98 || return 1
	attach >/dev/null || return 1
	until_true 5 mark 10.9.9.2 02:00:00:00:00:99 || return 1
	fails grep vif1.0 "$RUN/ip.mon" "$RUN/fdb.mon"
}
stdbuf -oL ip monitor link address >"$RUN/ip.mon" 2>&1 &
ipmon=$!
stdbuf -oL bridge monitor fdb >"$RUN/fdb.mon" 2>&1 &
fdbmon=$!
ok 'a second attach sends the kernel no change' changes_nothing
kill $ipmon $fdbmon
ok 'and all is as after the first' held attached

### check names each difference

ip link set vif1.0 down
ip link set vif1.0 mtu 1400
bridge link set dev vif1.0 learning on locked off
bridge fdb del 00:16:3e:00:00:01 dev vif1.0 master
bridge fdb add 00:16:3e:00:00:02 dev vif1.0 master static
echo 0 >/proc/sys/net/ipv6/conf/vif1.0/disable_ipv6
# shellcheck disable=SC2086
"$M" check $V >"$RUN/differs"
same 'check says that something differs' 1 $?
same 'one line for each difference' "\
vif1.0: mtu is 1400, should be 1500
vif1.0: IPv6 is on, should be off
vif1.0: locked is off, should be on
vif1.0: learning is on, should be off
vif1.0: FDB entry 00:16:3e:00:00:01 is missing, should be static and sticky
vif1.0: FDB entry 00:16:3e:00:00:02 is static, should be gone
vif1.0: link is down, should be up" "$(cat "$RUN/differs")"
ok 'attach repairs it' attach
ok 'to what it was' held attached

### the printed plan, run by iproute2, does the same

fresh
# shellcheck disable=SC2086
"$M" plan $V >"$RUN/plan.sh"
ok 'the printed plan runs' sh -e "$RUN/plan.sh"
dump | sed 's/^[0-9]*: //' >"$RUN/by-iproute2"
sed 's/^[0-9]*: //' "$RUN/attached" >"$RUN/by-us"
ok 'and ends where attach ends' diff -u "$RUN/by-us" "$RUN/by-iproute2"

### leaving

fresh $HOST
dump >"$RUN/before"
attach >/dev/null
ok 'undo needs the name only' "$M" undo 1.0
ok 'attach and undo leave nothing' held before
ok 'undo again' "$M" undo 1.0
ok 'changes nothing' held before
attach >/dev/null
ip link del br0
ok 'undo after the bridge is gone' "$M" undo 1.0
fresh $HOST
attach >/dev/null
ip link del vif1.0
same 'undo after the device is gone takes the guard off' 'guard off vif1.0' \
	"$("$M" undo 1.0 2>&1)"

### failures that the host provides: all of it goes back

fresh
dump >"$RUN/before"
ok 'guard fails' refused 'guard refused' attach -g fail
ok 'all is back' held before
# shellcheck disable=SC2086
ok 'mtu no tap can have' refused 'cannot set mtu 65535: Invalid argument' \
	"$M" attach ${V% *} mtu=65535
ok 'all is back' held before
ok 'bridge deleted before enslaving' refused 'cannot enslave to br0: No such' \
	attach -g del:br0
fresh
ok 'bridge deleted and guard fails' refused 'guard refused' \
	attach -g delfail:br0
same 'device is as it was' '02:00:00:00:00:03 1' "$(
	tr '\n' ' ' </sys/class/net/vif1.0/address
	ip -o link show vif1.0 | grep -vc ,UP)"
fresh
ok 'device deleted by then' refused 'No such device' attach -g del:vif1.0
same 'its guard went too' 'guard off vif1.0' \
	"$(grep off "$RUN/out")"
fresh
bridge fdb add 00:16:3e:00:00:01 dev up0 master static
until_true 5 grep -qx up /sys/class/net/br0/operstate
dump >"$RUN/before"
ok 'mac of another port' refused 'belongs to another port of br0' attach
ok 'all is back' held before
bridge fdb del 00:16:3e:00:00:01 dev up0 master
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
dump >"$RUN/before"
ok 'sysctl cannot be written' refused 'cannot switch IPv6 off: Read-only' \
	attach
ok 'all is back' held before
umount /proc/sys
ok 'at the guard, link is down and in no bridge' sh -c "
	$M attach -g look:vif1.0 $V >$RUN/out &&
	grep vif1.0: $RUN/out && ! grep -E ',UP|master' $RUN/out"
dump >"$RUN/attached"
ok 'an attached vif whose guard cannot be renewed' refused 'guard refused' \
	attach -g fail
ok 'stays attached' held attached
ok 'with its guard' fails grep -q 'guard off' "$RUN/out"
# shellcheck disable=SC2086
ok 'nor with an impossible mtu' refused 'cannot set mtu' \
	"$M" attach ${V% *} mtu=65535
ok 'stays attached' held attached

### every netlink request fails once, or is the last before a SIGKILL

WORDS=$V UNDONE=before
fresh
dump >"$RUN/before"
ok 'any one request fails: all is back' \
	each_request 6 sendmsg error=ENOBUFS all_back
fresh
dump >"$RUN/before"
ok 'any one answer is lost: all is back' \
	each_request 6 recvmsg error=ENOBUFS all_back
fresh $HOST
dump >"$RUN/before"
ok 'killed at any request: attach completes, undo cleans' \
	each_request 6 sendmsg signal=KILL made_right

### names that belong to others

fresh
ip link add v0 type veth peer name v1
ip tuntap add tun0 mode tun
ip link add br1 type bridge
ok 'no bridge' refused 'bridge br9: no such device; create it' \
	"$M" attach 1.0 bridge=br9
ok 'not a bridge' refused 'it is a veth device, not a bridge' \
	"$M" attach 1.0 bridge=v0
ok 'the name is a veth' refused 'v0: the name is taken, it is a veth device' \
	"$M" attach 1.0 bridge=br0 vifname=v0
ok 'the name is a tun' refused 'it is a tun' \
	"$M" attach 1.0 bridge=br0 vifname=tun0
ok 'no device' refused 'vif2.0: no such device' "$M" attach 2.0 bridge=br0
ip link set vif1.0 master br1
ok 'in another bridge' refused 'is a port of br1 already' attach
ip link set v0 up
ok 'undo of a name that is a veth now' "$M" undo 1.0 vifname=v0
ok 'leaves it up' sh -c 'ip -o link show v0 | grep ,UP'
ok 'a veth is not deleted' refused 'not a tap' "$M" delete v0
ok 'nor a tun' refused 'not a tap' "$M" delete tun0
ok 'a tap is' "$M" delete vif1.0
ok 'it is gone' fails ip link show vif1.0
ok 'and once more' "$M" delete vif1.0

### mtu

fresh
ip link set up0 mtu 9000
ip link set br0 mtu 9000
ok "the bridge's mtu" "$M" attach 1.0 bridge=br0
same 'is taken' 9000 "$(cat /sys/class/net/vif1.0/mtu)"
ok 'too small for IPv6' "$M" attach 1.0 bridge=br0 mtu=600
ok 'is fine' "$M" check 1.0 bridge=br0 mtu=600
done_testing
