#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# stats.sh - the counters add up in every answer, traffic and kills or not
#
# 200 answers are taken while two guests move TCP both ways and small UDP, and
# while the worker is killed again and again. In each of them, for each vif and
# direction, in = out + drops + queued, the counters behind these add up, and no
# number is smaller than it was before.
. "$(dirname "$0")/../lib.sh"
private "$@"

PYTHON=$(command -v python3)

. "$(dirname "$0")/../host.sh"
need_tun stats

host_up
ip link add br0 type bridge mcast_snooping 0
ip addr add 10.0.0.254/24 dev br0
ip link set br0 up

guest()
{
	vifguest --vif "$1.0" --ip "10.0.0.$1/24" >"$LOG.g$1" 2>&1 &
	eval "G$1=$!"
	until_true 10 grep -q connected "$LOG.g$1"
}

in1()
{
	nsenter -t "$G1" -n "$@"
}

in2()
{
	nsenter -t "$G2" -n "$@"
}

# One field of a vif: field vif1.0 to_host in
field()
{
	vifctl --json show stats "$1" | "$PYTHON" -c "import json,sys
print(json.load(sys.stdin)[0]['$2']['$3'])"
}

# poll N KILL: N answers, the worker killed after every KILL of them (0: never).
poll()
{
	"$PYTHON" - "$RUN/control" "$1" "$2" <<'P'
import json, os, signal, socket, sys, time

path, count, kill = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
s = socket.socket(socket.AF_UNIX)
s.connect(path)
f = s.makefile("rw")
before, workers, moved, queued, away, bad = {}, set(), 0, 0, 0, 0

def ask(cmd):
    f.write(json.dumps({"cmd": cmd}) + "\n")
    f.flush()
    return json.loads(f.readline())

def law(name, what, left, right):
    global bad
    if left != right:
        bad += 1
        print("%s: %s: %d is not %d" % (name, what, left, right))

def check(v):
    global moved, queued, bad
    name, c = v["name"], v["counters"]
    for d in ("to_host", "to_guest"):
        x = v[d]
        law(name, d, x["in"], x["out"] + x["drops"] + x["queued"])
        queued += x["queued"]
    law(name, "tx_packets", c["tx_packets"],
        c["tx_frames"] + sum(c["tx_" + k] for k in (
            "bad_slots", "bad_size", "short", "bad_grant", "bad_offload")))
    law(name, "tx_frames", c["tx_frames"], c["tap_out"] + c["tap_out_drop"] +
        c["direct_out"])
    law(name, "tap_in", c["tap_in"] + c["direct_in"], c["tap_in_drop"] + c["rx_frames"] +
        c["rx_no_room"] + c["rx_too_big"] + c["rx_filtered"] +
        c["rx_bad_grant"] + c["lost"] +
        c["held"])
    old = before.get(name, c)
    for k in c:
        if k != "held" and c[k] < old[k]:
            bad += 1
            print("%s: %s went from %d to %d" % (name, k, old[k], c[k]))
    moved += c["turns"] > old["turns"]
    before[name] = c

taken = 0
while taken < count:
    a = ask("stats")
    vifs = a.get("vifs", [])
    if len(vifs) != 2 or not all("counters" in v for v in vifs):
        away += 1           # between two workers
        time.sleep(0.002)
        continue
    taken += 1
    workers.add(vifs[0]["worker"])
    for v in vifs:
        check(v)
    if kill and taken % kill == 0 and vifs[0]["worker"]:
        os.kill(vifs[0]["worker"], signal.SIGKILL)
        time.sleep(0.3)     # five deaths in 10 s are an alarm of their own
    time.sleep(0.01)
print("%d answers, %d workers, %d between, turns moved %d times, queued %d" %
      (taken, len(workers), away, moved, queued))
sys.exit(bad > 0 or (count > 20 and moved < count / 2) or (kill and len(workers) < 3))
P
}

# run DESCRIPTION N KILL: says what poll has seen, too.
run()
{
	poll "$2" "$3" >"$LOG.poll" 2>&1
	run_rc=$?
	ok "$1" sh -c "cat '$LOG.poll'; [ $run_rc = 0 ]"
	sed 's/^/# /' "$LOG.poll" | tail -n 1
}

traffic()
{
	in1 iperf3 -c 10.0.0.2 -p 5201 -t 300 >/dev/null 2>&1 &
	T1=$!
	in1 iperf3 -R -c 10.0.0.2 -p 5202 -t 300 >/dev/null 2>&1 &
	T2=$!
	in2 ping -q -f -s 100 10.0.0.1 >/dev/null 2>&1 &
	T3=$!
}

traffic_end()
{
	kill $T1 $T2 $T3
	wait $T1 $T2 $T3
}

for n in 1 2; do
	vifctl attach vif$n.0 bridge=br0 mac=00:16:3e:00:00:0$n >/dev/null
	guest $n
done
ok 'two guests talk' until_true 5 in1 ping -q -c 1 -W 1 10.0.0.2
in2 iperf3 -s -p 5201 >/dev/null 2>&1 &
S1=$!
in2 iperf3 -s -p 5202 >/dev/null 2>&1 &
S2=$!
until_true 5 listening 5201 in2
until_true 5 listening 5202 in2

traffic
run 'every answer of 200 adds up under traffic' 200 0
run 'and of 200 with kills' 200 50
traffic_end

# --- a frame that waits when the worker dies ----------------------------------------

# The guest stands still, so its ring is soon full and one frame waits.
queued()
{
	[ "$(field vif1.0 to_guest queued)" = 1 ]
}
ping -q -c 1 10.0.0.1 >/dev/null
kill -STOP "$G1"
ping -q -c 1000 -i 0.001 -W 1 10.0.0.1 >/dev/null &
P=$!
ok 'a guest that stands still: one frame is queued' until_true 5 queued
lost=$(field vif1.0 counters lost)
W=$(worker)
kill -9 "$W"
until_true 5 has_worker "$W"
run 'after a kill it adds up' 20 0
ok 'and the frame is lost, by name' \
	test "$(field vif1.0 counters lost)" -gt "$lost"
kill -CONT "$G1"
wait $P

# --- what the numbers mean -------------------------------------------------------

in=$(field vif1.0 to_host in) out=$(field vif2.0 to_guest out)
in1 ping -q -c 20 -i 0.01 10.0.0.2 >/dev/null
ok '20 pings: 20 more are in from the guest' \
	test $(($(field vif1.0 to_host in) - in)) -ge 20
ok '20 pings: 20 more are out to the other' \
	test $(($(field vif2.0 to_guest out) - out)) -ge 20

# The bridge's port is down: writes to the tap fail.
drops=$(field vif1.0 to_host drops)
ip link set vif1.0 down
in1 ping -q -c 5 -i 0.01 -W 1 10.0.0.2 >/dev/null
dropped()
{
	[ $(($(field vif1.0 to_host drops) - drops)) -ge 5 ]
}
ok 'a tap that is down drops what the guest sends' until_true 5 dropped
ip link set vif1.0 up
ok 'with a name' sh -c \
	"vifctl show stats vif1.0 | grep -q ' tap_out_drop=[1-9]'"

# --- how they are shown -------------------------------------------------------------

same 'text: one line a vif' 2 "$(vifctl show stats | wc -l)"
for k in to_host.in to_host.out to_host.drops to_host.queued to_guest.in \
	to_guest.out to_guest.drops to_guest.queued tx_bad_slots tx_bad_size \
	tx_short tx_bad_grant tx_bad_offload tap_out_drop tap_in_drop \
	rx_no_room rx_too_big rx_filtered rx_bad_grant lost held; do
	ok "text: $k" sh -c "vifctl show stats vif1.0 | grep -q ' $k=[0-9]'"
done
ok 'text: no prefix' fails sh -c 'vifctl show stats | grep counters'
ok 'JSON has the objects that netbackd has' sh -c "vifctl --json show stats |
	$PYTHON -c 'import json,sys
for v in json.load(sys.stdin):
    assert sorted(v[\"to_host\"]) == [\"drops\", \"in\", \"out\", \"queued\"]
    assert sorted(v[\"to_guest\"]) == sorted(v[\"to_host\"])
    assert v[\"counters\"][\"tx_frames\"] > 0'"
ok 'of one vif: one line' sh -c '[ $(vifctl show stats vif2.0 | wc -l) = 1 ]'

kill "$S1" "$S2" "$G1" "$G2" "$DAEMON" "$STORE"
done_testing
