#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# stuck.sh - show ring says who is stuck, and show metrics is what Prometheus reads
#
# Each is made stuck in turn by a signal: the guest, the worker.
. "$(dirname "$0")/../lib.sh"
private "$@"

. "$(dirname "$0")/../host.sh"
need_tun stuck

host_up
ip link add br0 type bridge mcast_snooping 0
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up

says()
{
	vifctl show ring vif1.0 >/tmp/ring
	cat /tmp/ring
	grep -q "^vif1.0 verdict=\"$1" /tmp/ring
}

metrics()
{
	vifctl show metrics >/tmp/metrics
	python3 "$ROOT/tests/net/metrics.py" "$@" </tmp/metrics
}

broken()
{
	sed "$1" /tmp/metrics >/tmp/metrics.broken
	if cmp -s /tmp/metrics /tmp/metrics.broken; then
		echo "$1 changes nothing"
		return 0
	fi
	python3 "$ROOT/tests/net/metrics.py" </tmp/metrics.broken
}

ok 'metrics without a vif' metrics netback_workers=1
vifguest --vif 1.0 --ip 10.0.0.1/24 >$LOG.g 2>&1 &
GUEST=$!
vifctl attach vif1.0 bridge=br0 ip=10.0.0.1 >>$LOG 2>&1
until_true 10 grep -q connected $LOG.g
until_true 5 ping -q -c 1 -W 1 10.0.0.1
MAC=$(xenstore-read /local/domain/0/backend/vif/1/0/mac)
ip neigh replace 10.0.0.1 dev br0 lladdr "$MAC" nud permanent

V='vif="vif1.0"'
ok 'metrics of a vif' metrics "netback_vif_carrier{$V}=1" \
	"netback_vif_info{$V,device=\"vif1.0\",state=\"connected\"}=1" \
	"netback_vif_delivered_frames_total{$V,direction=\"to_host\"}=+" \
	"netback_vif_delivered_bytes_total{$V,direction=\"to_guest\"}=+" \
	"netback_vif_dropped_frames_total{$V,direction=\"to_guest\",reason=\"no_room\"}=0" \
	netback_worker_deaths_total=0
ok 'the reader refuses a value that is none' fails broken 's/} 1$/} one/'
ok 'and a quote too many' fails broken 's/vif1.0"/vif"1.0"/'
ok 'and a family in two places' fails broken '$s/.*/&\n# TYPE netback_workers gauge/'
ok 'no word follows show metrics' fails vifctl show metrics vif1.0

ok 'while it is served, neither' until_true 5 says neither
# A guest says something of its own accord now and then.
ok 'nor while nothing waits' until_true 10 says 'neither is stuck: nothing waits'
kill -STOP "$GUEST"
python3 "$ROOT/tests/net/offload.py" flood 10.0.0.1 400
sleep 1.3
ok 'the guest, which takes no frames' until_true 5 says 'the guest is stuck: a frame waits'
ok 'and its ring is seen to be empty' grep -q 'queue0.rx.posted=0' /tmp/ring
kill -CONT "$GUEST"
ok 'who goes on is not stuck' until_true 5 says neither
sleep 1.2
kill -STOP "$GUEST"
ping -q -c 1 -W 1 10.0.0.1 >/dev/null
sleep 1.3
ok 'the guest, which was rung for one' until_true 5 says 'the guest is stuck: it was rung'
kill -CONT "$GUEST"
W=$(worker)
kill -STOP "$W"
ok 'the backend, whose worker stands still' until_true 5 \
	says "the backend is stuck: worker $W"
kill -CONT "$W"
ok 'and goes on' until_true 5 says neither
until_true 5 ping -q -c 1 -W 1 10.0.0.1
ok 'counters are answered after that, each in its place' \
	metrics "netback_vif_carrier{$V}=1"
ok 'JSON has it, too' sh -c 'vifctl --json show ring vif1.0 |
	python3 -c "import json, sys
v = json.load(sys.stdin)[0]
assert v[\"name\"] == \"vif1.0\" and v[\"verdict\"]
assert v[\"queue0.tx.waiting\"] == 0, v"'
ok 'a vif that is not there' fails vifctl show ring vif9.0
kill "$GUEST"
wait "$GUEST"
ok 'nobody, without a guest' until_true 5 says nobody
done_testing
