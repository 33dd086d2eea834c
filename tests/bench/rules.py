# SPDX-License-Identifier: GPL-2.0-or-later
"""rules.py - the rules that tests/bench/rules.sh measures, as files and as
iptables alone would have them

    rules.py files FOLDER GUESTS RULES ENGINE     a file for each guest
    rules.py plain GUESTS RULES jump|linear       to stdout, for iptables-restore
    rules.py plain-one GUEST RULES                the same of one guest more
"""
import sys


def rules(n, count):
    """Half of them for what the guest sends, half for what it is sent."""
    half = count // 2
    for i in range(count):
        way = "from-guest" if i < half else "to-guest"
        if i % 3 == 0:
            yield way, f"-p tcp --dport {1000 + i} -j DROP"
        elif i % 3 == 1:
            yield way, f"-s 10.{n % 200}.{i}.0/24 -p udp --dport {2000 + i} -j DROP"
        else:
            yield way, f"-d 10.{n % 200}.{i}.7 -p tcp --syn -j DROP"


def chain(n, way):
    return f"g{n}-{way}"


def port(n, way):
    if way == "from-guest":
        return f"-m physdev --physdev-in vif{n}.0"
    return f"-m physdev --physdev-out vif{n}.0 --physdev-is-bridged"


def files(folder, guests, count, engine):
    for n in range(1, guests + 1):
        with open(f"{folder}/g{n}.rules", "w") as f:
            f.write(f"vif vif{n}.0\nengine {engine}\n*filter\n")
            for way, words in rules(n, count):
                f.write(f"-4 -A {way} {words}\n")
            f.write("COMMIT\n")


def one(n, count, out):
    """Chains and rules of a guest; the jumps to them."""
    for way in "from-guest", "to-guest":
        out.append(f":{chain(n, way)} - [0:0]")
    for way, words in rules(n, count):
        out.append(f"-A {chain(n, way)} {words}")
    for way in "from-guest", "to-guest":
        out.append(f"-A FORWARD {port(n, way)} -j {chain(n, way)}")


def plain(guests, count, how):
    out = []
    for n in guests:
        if how == "jump":
            one(n, count, out)
        else:
            out += [f"-A FORWARD {port(n, way)} {words}"
                    for way, words in rules(n, count)]
    out.sort(key=lambda l: l[0] != ":")
    print("*filter\n" + "\n".join(out) + "\nCOMMIT")


what = sys.argv[1]
if what == "files":
    files(sys.argv[2], int(sys.argv[3]), int(sys.argv[4]), sys.argv[5])
elif what == "plain":
    plain(range(1, int(sys.argv[2]) + 1), int(sys.argv[3]), sys.argv[4])
else:
    plain([int(sys.argv[2])], int(sys.argv[3]), "jump")
