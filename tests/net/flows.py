#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# flows.py - flows that talk all the time, and what conntrack knows of them
#
#   flows.py serve      answers whatever comes to the ports below; who comes to POURS
#                       says nothing and is sent a byte now and then
#   flows.py talk FOLDER 10.0.0.2 fd00::2
#                       a flow for each address and port; FOLDER/tcp4.80 grows by
#                       a byte with each answer
#   flows.py forget     all that conntrack knows
#   flows.py fill N SOURCE..        N established ones of TCP, to 198.18.0.0/16
#   flows.py list       id, beginning, protocol, destination and port of each entry
import os
import selectors
import socket
import struct
import sys
import time

POURS = 82
LATE = 0.015  # s: so long an answer of UDP is on its way
PORTS = {"tcp": (80, 81, POURS), "udp": (90, 91)}
KIND = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def sockets(addrs):
    for proto, ports in PORTS.items():
        for addr in addrs:
            family = socket.AF_INET6 if ":" in addr else socket.AF_INET
            for port in ports:
                s = socket.socket(family, KIND[proto])
                name = f"{proto}{6 if ':' in addr else 4}.{port}"
                yield s, name, (addr, port)


def serve():
    sel = selectors.DefaultSelector()
    for s, name, where in sockets(("0.0.0.0", "::")):
        s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if s.family == socket.AF_INET6:
            s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        s.bind(where)
        if name.startswith("tcp"):
            s.listen(64)
        sel.register(s, selectors.EVENT_READ, name)
    poured, late, due = [], [], 0
    while True:
        while late and late[0][0] < time.monotonic():
            _, s, data, who = late.pop(0)
            s.sendto(data, who)
        pour = time.monotonic() > due
        if pour:
            due = time.monotonic() + 0.05
        for s in list(poured) if pour else ():
            try:
                s.send(b"x")
            except BlockingIOError:
                pass
            except OSError:
                poured.remove(s)
        for key, _ in sel.select(0.005):
            s = key.fileobj
            if key.data == "talk":
                try:
                    data = s.recv(64)
                    s.send(data)
                except OSError:
                    data = b""
                if not data:
                    sel.unregister(s)
                    s.close()
            elif key.data.endswith(str(POURS)):
                poured.append(s.accept()[0])
                poured[-1].setblocking(False)
            elif key.data.startswith("tcp"):
                sel.register(s.accept()[0], selectors.EVENT_READ, "talk")
            else:
                data, who = s.recvfrom(64)
                late.append((time.monotonic() + LATE, s, data, who))


def talk(folder, addrs):
    flows = []
    for s, name, where in sockets(addrs):
        s.settimeout(20)
        s.connect(where)
        s.setblocking(False)
        flows.append((s, os.path.join(folder, name)))
    while True:
        for s, path in flows:
            try:
                if not path.endswith(str(POURS)):
                    s.send(b"x")
            except OSError:
                pass
            try:
                data = s.recv(64)
            except OSError:
                continue
            with open(path, "ab") as f:
                f.write(data)
        time.sleep(0.05)


def attrs(data):
    while len(data) >= 4:
        size, kind = struct.unpack_from("HH", data)
        yield kind & 0x3FFF, data[4:size]
        data = data[(size + 3) & ~3 :]


def entry(data):
    top = dict(attrs(data))
    orig = dict(attrs(top[1]))
    addr = dict(attrs(orig[1]))
    proto = dict(attrs(orig[2]))
    dst = addr.get(2, addr.get(4))
    family = socket.AF_INET if len(dst) == 4 else socket.AF_INET6
    port = struct.unpack(">H", proto.get(3, b"\0\0"))[0]
    # an entry in the place of another may have its id
    since = dict(attrs(top.get(20, b""))).get(1, b"").hex()
    print(struct.unpack(">I", top[12])[0], since, proto[1][0],
          socket.inet_ntop(family, dst), port)


def attr(kind, *data):
    data = b"".join(data)
    size = 4 + len(data)
    return struct.pack("HH", size, kind) + data + bytes(-size % 4)


def of_tcp(src, sport, dst, dport):
    return (attr(0x8001, attr(1, src), attr(2, dst)) +
            attr(0x8002, attr(1, b"\6"), attr(2, struct.pack(">H", sport)),
                 attr(3, struct.pack(">H", dport))))


def fill(n, sources):
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sources = [socket.inet_aton(a) for a in sources]
    for i in range(n):
        src, sport = sources[i % len(sources)], 1024 + i % 60000
        dst = socket.inet_aton(f"198.18.{i // 60000}.{i % 250 + 1}")
        body = (attr(0x8001, of_tcp(src, sport, dst, 443)) +
                attr(0x8002, of_tcp(dst, 443, src, sport)) +
                attr(3, struct.pack(">I", 0xe)) +  # both ways, assured
                attr(7, struct.pack(">I", 3600)) +
                attr(0x8004, attr(0x8001, attr(1, b"\3"))))
        # IPCTNL_MSG_CT_NEW, created, with an answer
        s.send(struct.pack("IHHIIBBH", 20 + len(body), 1 << 8, 0x605, 1, 0,
                           socket.AF_INET, 0, 0) + body)
        if struct.unpack_from("i", s.recv(4096), 16)[0]:
            sys.exit("cannot make an entry")


def ask(kind, flags):
    s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)
    s.send(struct.pack("IHHII4x", 20, 1 << 8 | kind, flags, 1, 0))
    while True:
        data = s.recv(65536)
        while data:
            size, kind = struct.unpack_from("IH", data)
            if kind == 2 and struct.unpack_from("i", data, 16)[0]:
                sys.exit("no conntrack here")
            if kind in (2, 3):
                return
            entry(data[20:size])
            data = data[(size + 3) & ~3 :]


if sys.argv[1] == "serve":
    serve()
elif sys.argv[1] == "talk":
    talk(sys.argv[2], sys.argv[3:])
elif sys.argv[1] == "fill":
    fill(int(sys.argv[2]), sys.argv[3:])
elif sys.argv[1] == "forget":
    ask(2, 0x5)  # IPCTNL_MSG_CT_DELETE, with an answer
else:
    ask(1, 0x301)  # IPCTNL_MSG_CT_GET, all
