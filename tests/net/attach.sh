#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# attach.sh - store, netbackd, vifctl and a guest, end to end
#
# Attach a vif, let a guest talk to the host, change values under it, attach
# again, look with show and check, detach with and without the guest; then the
# examples of vifctl(8), as they stand there.
. "$(dirname "$0")/../lib.sh"
private "$@"
export XENSTORED_PATH=$RUN/store

guest_says()
{
	grep -q "$1" /tmp/guest.log
}

backend()
{
	xenstore-read "/local/domain/0/backend/vif/1/0/$1"
}

connected()
{
	test "$(backend state)" = 4
}

netbackd --store --run "$RUN" >/tmp/store.log 2>&1 &
ok 'the store answers' until_true 5 xenstore-ls
netbackd --run "$RUN" >/tmp/netbackd.log 2>&1 &
ok 'netbackd answers' until_true 5 answers
ip link add br0 type bridge
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up

ok 'attach' vifctl attach vif1.0 bridge=br0 ip=10.0.0.1
same 'status is written last' connected "$(backend hotplug-status)"
same 'the guest reads the mtu' 1500 \
	"$(xenstore-read /local/domain/1/device/vif/0/mtu)"
mac=$(backend mac)
ok 'check finds nothing' vifctl check
ok 'the guard stands' nft list table netdev netback-vif1.0
vifguest --run "$RUN" --vif 1.0 --ip 10.0.0.1/24 -- \
	sh -c 'echo up; sleep 60' >/tmp/guest.log 2>&1 &
guest=$!
ok 'the guest is connected' until_true 10 connected
ok 'the guest runs its command' until_true 10 guest_says up
ok 'it answers the host' until_true 10 ping -c 1 -W 1 10.0.0.1

ifindex=$(cat /sys/class/net/vif1.0/ifindex)
ok 'attach again' vifctl attach vif1.0 bridge=br0 ip=10.0.0.1
same 'the MAC stays' "$mac" "$(backend mac)"
same 'the device stays' "$ifindex" "$(cat /sys/class/net/vif1.0/ifindex)"
ok 'another address' vifctl attach vif1.0 bridge=br0 ip=10.0.0.1,10.0.0.2
ok 'another mtu' vifctl attach vif1.0 bridge=br0 ip=10.0.0.1 mtu=1400
same 'the device has it' 1400 "$(cat /sys/class/net/vif1.0/mtu)"
ok 'check still finds nothing' vifctl check
ok 'the guest still answers' ping -c 1 -w 10 10.0.0.1
ok 'an address that is not its own' \
	vifctl attach vif1.0 bridge=br0 ip=10.0.0.77
ok 'the guest is not heard' fails ping -c 1 -W 1 10.0.0.1

ok 'show is one line' test "$(vifctl show | wc -l)" = 1
ok 'it says connected' sh -c 'vifctl show vif1.0 | grep -q backend=connected'
ok 'it names the worker' sh -c 'vifctl show | grep -q "worker=[0-9]"'
ok 'JSON says the same' sh -c 'vifctl --json show |
	python3 -c "import json, sys; v = json.load(sys.stdin); \
		assert v[0][\"backend\"] == \"connected\", v"'
ok 'counters have names' sh -c 'vifctl show stats vif1.0 | grep -q "[a-z]=[1-9]"'

ok 'detach under the guest' vifctl detach vif1.0
ok 'the device is gone' fails ip link show vif1.0
same 'so are the rules' '' "$(nft list ruleset)"
same 'and the domain' '' "$(xenstore-list /local/domain | grep -x 1)"
kill $guest
wait $guest 2>/dev/null
ok 'detach again' vifctl detach vif1.0
same 'nothing is shown' '' "$(vifctl show)"
ip link del br0

# Lines after "# " in the blocks that follow a comment "example".
awk '/^\.\\" example/ { on = 1 } /^\.Ed/ { on = 0 } on && /^# /' \
	"$ROOT/doc/vifctl.8" | sed 's/^# //' >/tmp/examples
ok 'vifctl(8) has examples' test "$(wc -l </tmp/examples)" -ge 8
while IFS= read -r line; do
	ok "vifctl(8): $line" sh -c "$line"
done </tmp/examples
done_testing
