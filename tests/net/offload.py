# SPDX-License-Identifier: GPL-2.0-or-later
# offload.py - the traffic of offload.sh: seeded bytes, digests, echoes
"""sink HOST PORTFILE | source HOST PORT | echo HOST PORTFILE | ask HOST PORT MTU
| flood HOST COUNT"""
import hashlib
import random
import socket
import sys

SIZES = [1, 2, 535, 1447, 1448, 1449, 4096, 65537, 100003, 3 << 20]


def family(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def bind(kind, host, portfile):
    s = socket.socket(family(host), kind)
    s.bind((host, 0))
    if kind == socket.SOCK_STREAM:
        s.listen(4)
    with open(portfile, "w") as f:
        f.write("%d\n" % s.getsockname()[1])
    return s


def say(n, h):
    print(n, h.hexdigest())


def sink(host, portfile):
    s = bind(socket.SOCK_STREAM, host, portfile)
    s.settimeout(20)
    for _ in SIZES:
        c = s.accept()[0]
        c.settimeout(10)
        h, n = hashlib.sha256(), 0
        while True:
            d = c.recv(1 << 20)
            if not d:
                break
            h.update(d)
            n += len(d)
        say(n, h)
        c.close()


def source(host, port):
    r = random.Random(20)
    for n in SIZES:
        s = socket.create_connection((host, int(port)), 60)
        d = r.randbytes(n)
        s.sendall(d)
        s.shutdown(socket.SHUT_WR)
        s.recv(1)
        s.close()
        say(n, hashlib.sha256(d))


def echo(host, portfile):
    s = bind(socket.SOCK_DGRAM, host, portfile)
    s.settimeout(60)
    while True:
        d, a = s.recvfrom(65536)
        if not d:
            break  # the last one
        s.sendto(d, a)


def ask(host, port, mtu):
    mtu = int(mtu)
    s = socket.socket(family(host), socket.SOCK_DGRAM)
    s.connect((host, int(port)))
    s.settimeout(20)
    edge = mtu - (48 if ":" in host else 28)
    sizes = list(range(1, 100)) + list(range(100, 8973, 173))
    sizes += [edge - 1, edge, edge + 1, 8972, 4054, 4053, 4055, 30000]
    r = random.Random(mtu)
    for n in sizes:
        d = r.randbytes(n)
        s.send(d)
        got = s.recv(65536)
        if got != d:
            sys.exit("%d bytes came back as %d others" % (n, len(got)))
    s.send(b"")


def flood(host, count):
    s = socket.socket(family(host), socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    for _ in range(int(count)):
        s.sendto(b"x" * 100, (host, 9))


todo = {"sink": sink, "source": source, "echo": echo, "ask": ask, "flood": flood}
todo[sys.argv[1]](*sys.argv[2:])
