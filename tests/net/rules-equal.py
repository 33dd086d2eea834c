# SPDX-License-Identifier: GPL-2.0-or-later
"""rules-equal.py - both engines and iptables alone: equal verdicts by delivery

    rules-equal.py SETS PACKETS SEED

Random rule sets for vif1.0, vif2.0 and vif3.0, random packets between their
guests and to the host. Each set is put in place three times: by iptables-restore
as plain physdev rules written here, by engine iptables and by engine vif. What
arrives must be the same. Sets that ask for a connection's state leave out what
follows in a connection that had a packet dropped (see include/ruleset.h).
"""
import ctypes
import itertools
import os
import random
import select
import socket
import struct
import subprocess
import sys
import time

LIBC = ctypes.CDLL(None, use_errno=True)
PORTS = [22, 53, 80, 443, 5201, 8000, 8080, 40000]
MAGIC = b"nbeq"
FENCE = b"\x88\xb5"  # what no rule is about
FENCES = itertools.count()
DIR = "/tmp/rules.d"
N = 3


def mac(i):
    return bytes([2, 0, 0, 0, 0, i])


def csum(data):
    if len(data) % 2:
        data += b"\0"
    s = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while s >> 16:
        s = (s & 0xffff) + (s >> 16)
    return ~s & 0xffff


def a4(i):
    return socket.inet_aton(f"10.0.0.{i}")


def a6(i):
    return socket.inet_pton(socket.AF_INET6, f"fd00::{i:x}")


class Guest:
    """Sockets inside a namespace."""

    def __init__(self, i):
        home = os.open("/proc/self/ns/net", os.O_RDONLY)
        there = os.open(f"/run/netns/g{i}", os.O_RDONLY)
        if LIBC.setns(there, 0):
            raise OSError(ctypes.get_errno(), "setns")
        self.s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                               socket.htons(3))
        self.s.bind(("eth0", 0))
        self.s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        LIBC.setns(home, 0)
        os.close(home)
        os.close(there)
        self.s.setblocking(False)
        self.fenced = set()

    def heard(self):
        """ids of our frames that came in"""
        got = set()
        while True:
            try:
                data, addr = self.s.recvfrom(2048)
            except BlockingIOError:
                return got
            if addr[2] != 4 and data[12:14] == FENCE:
                self.fenced.add(data[14:22])
                continue
            if addr[2] != 4 and MAGIC in data:  # not what we sent
                at = data.index(MAGIC) + 4
                got.add(struct.unpack("!I", data[at:at + 4])[0])


class Packet:
    def __init__(self, rnd, n, before):
        self.n = n
        if before and rnd.random() < 0.5:  # an answer, or once more
            p = rnd.choice(before)
            self.__dict__.update(p.__dict__)
            self.n = n
            if rnd.random() < 0.7 and p.to <= N:
                self.frm, self.to = p.to, p.frm
                self.sp, self.dp = p.dp, p.sp
                self.flags = 0x12 if p.flags == 2 else 0x10
            return
        self.frm = rnd.randint(1, N)
        self.to = rnd.choice([i for i in range(1, N + 1) if i != self.frm])
        self.six = rnd.random() < 0.35
        self.proto = rnd.choice(["tcp", "tcp", "udp", "udp", "icmp"])
        self.sp, self.dp = rnd.choice(PORTS), rnd.choice(PORTS)
        self.flags = rnd.choice([2, 2, 0x10, 0x12, 0x11, 4])
        self.type = rnd.choice([8, 0, 3] if not self.six else [128, 129, 1])
        self.code = rnd.choice([0, 0, 3])
        if rnd.random() < 0.15:
            self.to, self.proto = 254, "udp"

    def ports(self):
        """All of ICMP between two guests is one connection here."""
        return (0, 0) if self.proto == "icmp" else (self.sp, self.dp)

    def tuple(self):
        return (self.frm, self.to, self.six, self.proto) + self.ports()

    def back(self):
        return (self.to, self.frm, self.six, self.proto) + self.ports()[::-1]

    def l4(self, pseudo):
        body = MAGIC + struct.pack("!I", self.n)
        if self.proto == "tcp":
            h = struct.pack("!HHIIBBHHH", self.sp, self.dp, 1, 1, 0x50,
                            self.flags, 1000, 0, 0) + body
            at = 16
        elif self.proto == "udp":
            h = struct.pack("!HHHH", self.sp, self.dp, 8 + len(body), 0) + body
            at = 6
        else:
            h = struct.pack("!BBHHH", self.type, self.code, 0, 7, 1) + body
            at = 2
            if not self.six:
                pseudo = b""
        num = self.num()
        if pseudo:
            pseudo += struct.pack("!HH", len(h), num) if not self.six else \
                struct.pack("!II", len(h), num)
        c = csum(pseudo + h) or 0xffff
        return h[:at] + struct.pack("!H", c) + h[at + 2:]

    def num(self):
        return {"tcp": 6, "udp": 17, "icmp": 58 if self.six else 1}[self.proto]

    def frame(self, hostmac):
        dst = hostmac if self.to == 254 else mac(self.to)
        eth = dst + mac(self.frm)
        if self.six:
            s, d = a6(self.frm), a6(self.to)
            l4 = self.l4(s + d)
            return eth + b"\x86\xdd" + struct.pack(
                "!IHBB", 6 << 28, len(l4), self.num(), 64) + s + d + l4
        s, d = a4(self.frm), a4(self.to)
        l4 = self.l4(s + d)
        h = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(l4), self.n & 0xffff, 0,
                        64, self.num(), 0) + s + d
        h = h[:10] + struct.pack("!H", csum(h)) + h[12:]
        return eth + b"\x08\x00" + h + l4


def addr(rnd, six):
    i = rnd.randint(1, N)
    if six:
        return rnd.choice([f"fd00::{i}", "fd00::/127", "fd00::2/126", "fd00::fe"])
    return rnd.choice([f"10.0.0.{i}", "10.0.0.0/31", "10.0.0.2/30",
                       "10.0.0.254", "10.0.0.1/255.0.0.255"])


def no(rnd):
    return rnd.choice(["", "", "! "])


def match(rnd, six, state):
    """One rule's words but for chain and target."""
    w = []
    for o in "-s", "-d":
        if rnd.random() < 0.35:
            w.append(f"{no(rnd)}{o} {addr(rnd, six)}")
    proto = rnd.choice(["", "tcp", "udp", "icmp", "tcp"])
    if proto == "icmp":
        name = "icmpv6" if six else "icmp"
        w.append(f"-p {name}")
        t = rnd.choice(["128", "129", "1/3"] if six else ["8", "0", "3/3"])
        if rnd.random() < 0.6:
            w.append(f"{no(rnd)}--{name}-type {t}")
    elif proto:
        if rnd.random() < 0.1:
            return w + [f"! -p {proto}"]
        w.append(f"-p {proto}")
        r = rnd.random()
        a, b = sorted(rnd.sample(PORTS, 2))
        if r < 0.25:
            w.append(f"{no(rnd)}--dport {a}")
        elif r < 0.4:
            w.append(f"{no(rnd)}--sport {a}:{b}")
        elif r < 0.5:
            w.append(f"--sport {a} --dport {b}")
        elif r < 0.75:
            ports = ",".join(str(p) for p in rnd.sample(PORTS, 3))
            o = rnd.choice(["dports", "sports", "ports"])
            w.append(f"-m multiport {no(rnd)}--{o} {ports},5000:6000")
        elif r < 0.9 and proto == "tcp":
            w.append(rnd.choice(["--syn", "! --syn",
                                 "--tcp-flags ACK,RST ACK"]))
    if rnd.random() < 0.1:
        w.append(f"-m mac {no(rnd)}--mac-source 02:00:00:00:00:0"
                 f"{rnd.randint(1, N)}")
    if rnd.random() < 0.1 and not six:
        w.append(f"-m iprange {no(rnd)}--src-range 10.0.0.1-10.0.0.2")
    if state and rnd.random() < 0.5:
        w.append(f"-m conntrack {no(rnd)}--ctstate " + rnd.choice(
            ["NEW", "RELATED,ESTABLISHED", "INVALID", "INVALID,NEW",
             "NEW,RELATED,ESTABLISHED", "UNTRACKED", "UNTRACKED,INVALID",
             "UNTRACKED,NEW", "INVALID,RELATED,ESTABLISHED"]))
    if rnd.random() < 0.1:
        w.append('-m comment --comment "a b"')
    return w


def ruleset(rnd, state):
    """[(six, chain, words)]"""
    rules = []
    for chain in "from-guest", "to-guest", "one", "two":
        for _ in range(rnd.randint(1, 7)):
            six = rnd.random() < 0.35
            to = ["-j DROP", "-j RETURN", "-j DROP", ""]
            if chain.endswith("guest"):
                to += ["-j one", "-j two", "-g two"]
            if chain == "one":
                to += ["-j two", "-g two"]
            words = match(rnd, six, state and chain == "to-guest")
            rules.append((six, chain, " ".join(words + [rnd.choice(to)])))
    return rules


def file(rules, engine):
    vifs = " ".join(f"vif{i}.0" for i in range(1, N + 1))
    text = f"vif {vifs}\nengine {engine}\n*filter\n:one - [0:0]\n:two - [0:0]\n"
    for six, chain, words in rules:
        text += f"-{6 if six else 4} -A {chain} {words}\n"
    return text + "COMMIT\n"


def plain(rules, six):
    """The same as rules of iptables, written without our help."""
    text = "*filter\n:from-guest -\n:to-guest -\n:one -\n:two -\n"
    text = text.replace(" -\n", " - [0:0]\n")
    for i in range(1, N + 1):
        for hook in "INPUT", "FORWARD":
            text += (f"-A {hook} -m physdev --physdev-in vif{i}.0"
                     " -j from-guest\n")
        text += (f"-A FORWARD -m physdev --physdev-out vif{i}.0 "
                 "--physdev-is-bridged -j to-guest\n")
    for s, chain, words in rules:
        if s == six:
            text += f"-A {chain} {words}\n"
    return text + "COMMIT\n"


def run(*argv, text=""):
    p = subprocess.run(argv, input=text, text=True, stdout=subprocess.PIPE,
                       stderr=subprocess.STDOUT)
    if p.returncode:
        print(f"# {' '.join(argv)}: {p.stdout}\n# {text}")
        sys.exit(1)


def empty():
    run("vifctl", "rules", "apply", "/tmp/none.d")
    for t in "iptables-restore", "ip6tables-restore":
        run(t, text="*filter\nCOMMIT\n")


def put(how, rules):
    empty()
    if how == "alone":
        run("iptables-restore", text=plain(rules, False))
        run("ip6tables-restore", text=plain(rules, True))
        return
    with open(f"{DIR}/t.rules", "w") as f:
        f.write(file(rules, how))
    run("vifctl", "rules", "apply", DIR)


def forget():
    """Empties the table of connections: one message of ctnetlink."""
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    for family in 2, 10:
        s.send(struct.pack("=IHHIIBBH", 20, (1 << 8) | 2, 5, 1, 0, family, 0,
                           0))
        s.recv(4096)
    s.close()


def send(guests, socks, hostmac, packets):
    forget()
    for p in packets:
        guests[p.frm].s.send(p.frame(hostmac))
    # What no rule knows, to all, behind them: on one processor frames stay in order.
    for i in guests:
        guests[i].s.send(b"\xff" * 6 + b"\x02\x00\x00\x00\x00" + bytes([i]) +
                         FENCE + struct.pack("!II", next(FENCES), i) + bytes(40))
    got = set()
    end = time.time() + 30
    due = len(guests) - 1
    for g in guests.values():
        g.fenced.clear()
    while time.time() < end:
        for g in guests.values():
            got |= g.heard()
        if all(len(g.fenced) >= due for g in guests.values()):
            break
        time.sleep(0.002)
    else:
        sys.exit("# frames do not come through")
    while True:
        ready = select.select(socks, [], [], 0)[0]
        if not ready:
            return got
        for s in ready:
            data = s.recv(2048)
            if data.startswith(MAGIC):
                got.add(struct.unpack("!I", data[4:8])[0])


def main():
    sets, npackets, seed = (int(a) for a in sys.argv[1:4])
    os.makedirs(DIR, exist_ok=True)
    os.makedirs("/tmp/none.d", exist_ok=True)
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    guests = {i: Guest(i) for i in range(1, N + 1)}
    socks = []
    for p in PORTS:
        s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        s.bind(("::", p))
        socks.append(s)
    hostmac = bytes.fromhex(open("/sys/class/net/br0/address").read().strip()
                            .replace(":", ""))
    judged = passed = bad = 0
    for k in range(sets):
        rnd = random.Random(seed * 1000003 + k)
        rules = ruleset(rnd, k % 2)
        packets = []
        for n in range(npackets):
            packets.append(Packet(rnd, n, packets))
        got = {}
        for how in "alone", "iptables", "vif":
            put(how, rules)
            got[how] = send(guests, socks, hostmac, packets)
        gone = set()
        for p in packets:
            seen = {how: p.n in v for how, v in got.items()}
            was = p.back() in gone or p.tuple() in gone
            if not all(seen.values()):
                gone.add(p.tuple())
            if k % 2 and was:
                continue
            judged += 1
            passed += seen["alone"]
            if len(set(seen.values())) != 1:
                bad += 1
                print(f"# seed {seed} set {k}: {p.__dict__}: {seen}")
                if bad == 1:
                    print("\n".join("# " + l for l in
                                    file(rules, "vif").splitlines()))
    empty()
    print(f"# {judged} verdicts, {passed} of them to pass, {bad} differ")
    sys.exit(bad != 0 or passed < judged // 10 or passed > judged * 9 // 10)


main()
