# SPDX-License-Identifier: GPL-2.0-or-later
"""rules-truth.py - what a physdev match sees, each cell against this kernel

For each flow, chain and form one rule that only counts; then each flow sends
three packets. TABLE says which of the ten forms match. And what never matches in
a chain is what `ruletool never` refuses there, neither more nor less.
"""
import os
import socket
import subprocess
import sys
import time

TOOL = os.environ["RULE"]
FORMS = {
    "in": "--physdev-in vif1.0", "out": "--physdev-out vif2.0",
    "is-in": "--physdev-is-in", "is-out": "--physdev-is-out",
    "bridged": "--physdev-is-bridged",
}
FORMS.update({"!" + k: "! " + v for k, v in list(FORMS.items())})
CHAINS = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING"]
AT = "in is-in !is-out !bridged"
ALL = "in out is-in is-out bridged"
NONE = "!in !out !is-in !is-out !bridged"
OWN = "!in !is-in !bridged"
# flow: (from namespace, to address, {chain: forms})
FLOWS = {
    "vif1.0 to vif2.0": ("g1", "10.0.0.2", {
        "PREROUTING": AT, "FORWARD": ALL, "POSTROUTING": ALL}),
    "vif1.0 to the host": ("g1", "10.0.0.254", {
        "PREROUTING": AT, "INPUT": AT}),
    "vif1.0 routed to ext0": ("g1", "10.0.2.1", {
        "PREROUTING": AT, "FORWARD": AT, "POSTROUTING": AT}),
    "vif1.0 routed to vif3.0": ("g1", "10.0.1.3", {
        "PREROUTING": AT, "FORWARD": AT, "POSTROUTING": AT}),
    "ext0 routed to vif2.0": ("ext", "10.0.0.2", {
        "PREROUTING": NONE, "FORWARD": NONE, "POSTROUTING": NONE}),
    "ext0 to the host": ("ext", "10.0.2.254", {
        "PREROUTING": NONE, "INPUT": NONE}),
    "the host to vif2.0": (None, "10.0.0.2", {
        "OUTPUT": OWN, "POSTROUTING": NONE}),
}
SEND = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for i in range(3):
    s.sendto(b"x", (sys.argv[1], int(sys.argv[2])))
"""
bad = n = 0


def ok(good, what):
    global bad, n
    n += 1
    bad += not good
    print(f"{'ok' if good else 'not ok'} {n} - {what}")


def loads(chain, form):
    """The kernel refuses the out forms where OUTPUT can reach them."""
    return chain != "OUTPUT" or form.strip("!") not in ("out", "is-out")


def rules():
    text = "*mangle\n"
    for chain in CHAINS:
        for i in range(len(FLOWS)):
            for form, words in FORMS.items():
                if loads(chain, form):
                    text += (f"-A {chain} -p udp --dport {7000 + i} -m physdev"
                             f" {words} -m comment --comment {form}\n")
    return text + "COMMIT\n"


def counts():
    """{(chain, flow's number, form): packets}"""
    out = subprocess.run(["iptables-save", "-c", "-t", "mangle"], text=True,
                         stdout=subprocess.PIPE, check=True).stdout
    seen = {}
    for line in out.splitlines():
        if "--comment" not in line:
            continue
        w = line.split()
        seen[w[2], int(w[w.index("--dport") + 1]) - 7000,
             w[w.index("--comment") + 1].strip('"')] = \
            int(w[0][1:].split(":")[0])
    return seen


def refused(chain, form):
    return subprocess.run(
        [TOOL, "never", "-t", "mangle", "-A", chain, "-m", "physdev"] +
        FORMS[form].split() + ["-j", "DROP"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode != 0


subprocess.run(["iptables-restore"], input=rules(), text=True, check=True)
for i, (ns, to, _) in enumerate(FLOWS.values()):
    argv = [sys.executable, "-c", SEND, to, str(7000 + i)]
    if ns:
        argv = ["ip", "netns", "exec", ns] + argv
    subprocess.run(argv, check=True)
# Who must be seen has time; who must not, some.
wanted = [(chain, i, f) for i, (_, _, want) in enumerate(FLOWS.values())
          for chain in want for f in want[chain].split()]
end = time.time() + 20
while not all(counts().get(w) for w in wanted) and time.time() < end:
    time.sleep(0.1)
time.sleep(0.3)
seen = counts()
for i, (flow, (_, _, want)) in enumerate(FLOWS.items()):
    for chain in CHAINS:
        due = set(want.get(chain, "").split())
        got = {f for f in FORMS if seen.get((chain, i, f))}
        ok(got == due, f"{flow}, {chain}: {' '.join(sorted(due)) or 'nothing'}"
           + ("" if got == due else f"; got {' '.join(sorted(got))}"))
for chain in CHAINS:
    for form in FORMS:
        can = any(seen.get((chain, i, form)) for i in range(len(FLOWS)))
        ok(refused(chain, form) == (not can or not loads(chain, form)),
           f"{chain} {form}: {'accepted' if can else 'refused'}")
print(f"1..{n}")
sys.exit(bad != 0)
