#!/bin/sh
# SPDX-License-Identifier: GPL-2.0-or-later
# json.sh - the records of every verb: the same keys as text and as JSON, and those
# that tests/net/json.keys has: keys may be added to that, none goes or is renamed
. "$(dirname "$0")/../lib.sh"
private "$@"
. "$(dirname "$0")/../host.sh"
need_tun json

host_up
ip link add br0 type bridge
# told its mtu it keeps it, whatever its ports have
ip link set br0 mtu 1400
ip link set br0 mtu 1500 up
ip link add up0 type veth peer name up1
ip addr add 192.0.2.1/24 dev up0
ip link set up0 up
vifctl attach vif1.0 bridge=br0 mac=00:16:3e:00:00:01 ip=10.0.0.1
vifctl attach vif2.0 mode=route mac=00:16:3e:00:00:02 ip=10.9.0.2,fd00::2 gatewaydev=up0
vifguest --vif 1.0 --ip 10.0.0.1/24 >/tmp/guest 2>&1 &
until_true 20 grep -q connected /tmp/guest
mkdir /tmp/vifs /tmp/none
echo 'bridge=br0' >/tmp/vifs/vif3.0.vif
echo 'bridge=none' >/tmp/vifs/vif4.0.vif
echo "vif=[ 'bridge=br0,mac=00:16:3e:00:00:05', 'ip=banana' ]" >/tmp/xl.cfg
vifctl bridge close br0 vif1.0

# One record for each key set: "VERB: KEY ..", sorted. Objects within are KEY.KEY,
# but for `counters`, whose keys stand by themselves as text.
cat >/tmp/keys.py <<'END'
import json, re, shlex, subprocess, sys

def run(json_too):
    p = subprocess.run(["vifctl"] + json_too + sys.argv[2:],
                       stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                       text=True)
    return p.stdout

def flat(o, up=""):
    for k, v in o.items():
        if isinstance(v, dict):
            yield from flat(v, "" if k == "counters" else up + k + ".")
        elif isinstance(v, list):
            if not v or not isinstance(v[0], dict):
                yield up + k
                continue
            for i, x in enumerate(v):
                yield from flat(x, f"{up}{k.rstrip('s')}{i}.")
        elif k != "name":
            yield up + k

def plain(k):
    return re.sub(r"\d+\.", "N.", k)

data = json.loads(run(["--json"]))
assert isinstance(data, list) and data and all("name" in o for o in data), data
keys = [list(flat(o)) for o in data]
if sys.argv[1] != "lines":  # those of check are sentences
    text = [[w.split("=")[0] for w in shlex.split(l)[1:]]
            for l in run([]).splitlines()]
    assert len(text) == len(keys), (len(text), len(keys))
    for t, k in zip(text, keys):
        assert set(t) <= set(k), (set(t) - set(k), t, k)
        # counters that say nothing are left out for people
        if sys.argv[1] != "some":
            assert set(k) <= set(t), (set(k) - set(t), t, k)
for line in sorted({" ".join(dict.fromkeys(map(plain, k))) for k in keys}):
    print(line)
END
# keys NAME WORD ..: prints what is in tests/net/json.keys of it
keys()
{
	keys_name=$1 keys_how=records
	shift
	case $1 in
	check) keys_how=lines ;;
	show | import) keys_how=some ;;
	esac
	python3 /tmp/keys.py $keys_how "$@" >/tmp/raw || return 1
	sed "s/^/$keys_name: /" /tmp/raw
}
cat >/tmp/have.py <<'END'
import sys
def read(path):
    d = {}
    for l in open(path):
        if l.strip() and not l.startswith("#"):
            name, ks = l.split(":", 1)
            d.setdefault(name, []).append(ks.split())
    return d
want, have = read(sys.argv[1]), read(sys.argv[2])
bad = [f"{n}: no record is printed" for n in want if n not in have]
bad += [f"{n}: not in tests/net/json.keys" for n in have if n not in want]
for n in want:
    for w in want[n]:
        if n in have and not any(set(w) <= set(h) for h in have[n]):
            bad.append(f"{n}: no record has all of {' '.join(w)}")
print("\n".join(bad))
sys.exit(bool(bad))
END
seen()
{
	keys "$@" >/tmp/one && cat /tmp/one >>/tmp/have
}
: >/tmp/have
ok 'show' seen show show
ok 'show stats' seen show-stats show stats vif1.0
ok 'show ring' seen show-ring show ring vif1.0
ok 'doctor' seen doctor doctor
ok 'apply' seen apply apply /tmp/vifs
vifctl detach vif3.0
ok 'import' seen import import /tmp/xl.cfg domain=5
ok 'bridge show' seen bridge bridge show
vifctl bridge open br0
ip link set vif1.0 mtu 1400
ok 'check' seen check check
# What the first mends the second does not find: so a drift for each.
mended()
{
	vifctl --json repair | python3 -c 'import json, sys
for o in json.load(sys.stdin):
    print("repair:", *[k for k in o if k != "name"])' >>/tmp/have
	ip link set vif1.0 mtu 1400
	vifctl repair >/tmp/mended
	cat /tmp/mended
	grep -q 'differs=".*mtu is 1400.*" repaired=yes$' /tmp/mended
}
ok 'repair' mended
nft add table netdev netback-vif9.0
nft add chain netdev netback-vif9.0 from_guest
ok 'gc' seen gc --dry-run gc
if command -v dnsmasq >/dev/null; then
	vifctl network add lan subnet=10.88.0.0/24
	ok 'network list' seen network-list network list
	ok 'network show' seen network-show network show lan
	vifctl network delete lan
else
	skip 'networks' 'no dnsmasq here'
	grep '^network' "$ROOT/tests/net/json.keys" >>/tmp/have
fi

# A plan is one object, its steps have kinds.
plan()
{
	vifctl --json plan vif7.0 "$@" | python3 -c 'import json, sys
o = json.load(sys.stdin)
print("plan:", *[k for k in o if k != "steps"])
for s in o["steps"]:
    print("step-" + s["do"] + ":", *s)
' >>/tmp/have
	vifctl plan vif7.0 "$@" | grep -vc '^#' >/tmp/steps
}
ok 'plan, bridged' plan bridge=br0 mac=00:16:3e:00:00:07
ok 'plan, routed' plan mode=route ip=10.9.0.7,fd00::7 gatewaydev=up0 mac=00:16:3e:00:00:07
ok 'no key is gone or has another name' python3 /tmp/have.py \
	"$ROOT/tests/net/json.keys" /tmp/have
[ "${GOLDEN_UPDATE:-0}" != 1 ] || sort -u /tmp/have >"$ROOT/tests/net/json.keys.new"
done_testing
