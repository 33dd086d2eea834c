# SPDX-License-Identifier: GPL-2.0-or-later
"""steer.py - frames whose hash is published, and frames to groups

steer.py vectors DEV MAC        sends each published flow as TCP and as UDP
steer.py check MAP FILE         FILE: what vifguest --verbose said of them;
                                MAP: the table of queues, as 0,1,2
steer.py group DEV MAC TEXT     one frame to a group, TEXT in it
steer.py hear DEV               prints the TEXT of every such frame
"""
import socket
import struct
import sys

# Source, port, destination, port, hash with and without ports: "Verifying the
# RSS hash calculation", Windows driver documentation.
FLOWS = [
    ("66.9.149.187", 2794, "161.142.100.80", 1766, 0x51CCC178, 0x323E8FC2),
    ("199.92.111.2", 14230, "65.69.140.83", 4739, 0xC626B0EA, 0xD718262A),
    ("24.19.198.95", 12898, "12.22.207.184", 38024, 0x5C2B394A, 0xD2D0A5DE),
    ("38.27.205.30", 48228, "209.142.163.6", 2217, 0xAFC7327F, 0x82989176),
    ("153.39.163.191", 44251, "202.188.127.2", 1303, 0x10E828A2, 0x5D1809C5),
    ("3ffe:2501:200:1fff::7", 2794, "3ffe:2501:200:3::1", 1766,
     0x40207D3D, 0x2CC18CD5),
    ("3ffe:501:8::260:97ff:fe40:efab", 14230, "ff02::1", 4739,
     0xDDE51BBF, 0x0F0C461C),
    ("3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251,
     "fe80::200:f8ff:fe21:67cf", 38024, 0x02D1FEEF, 0x4B61E985),
]
HERE = bytes.fromhex("020000000063")


def packet(src, sport, dst, dport, proto):
    ports = struct.pack("!HH", sport, dport)
    if proto == 6:
        data = ports + struct.pack("!IIBBHHH", 1, 1, 0x50, 0x10, 512, 0, 0)
    else:
        data = ports + struct.pack("!HH", 8, 0)
    if ":" in src:
        a = [socket.inet_pton(socket.AF_INET6, x) for x in (src, dst)]
        return b"\x86\xdd" + struct.pack("!IHBB", 6 << 28, len(data), proto,
                                         64) + a[0] + a[1] + data
    a = [socket.inet_aton(x) for x in (src, dst)]
    return b"\x08\x00" + struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(data), 1,
                                     0, 64, proto, 0) + a[0] + a[1] + data


def sock(dev):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    s.bind((dev, 3))
    return s


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def vectors(dev, to):
    s = sock(dev)
    for f in FLOWS:
        for proto in (6, 17):
            s.send(mac(to) + HERE + packet(*f[:4], proto))


def check(table, path):
    table = [int(q) for q in table.split(",")]
    got = set()
    for line in open(path, errors="replace"):
        w = line.replace(":", " ").split()
        if "hash" in w:
            at = w.index("queue")
            got.add((int(w[at + 4]), int(w[at + 6], 16), int(w[at + 1])))
    bad = 0
    for f in FLOWS:
        six = 2 * (":" in f[0])
        for kind, value in ((six + 1, f[4]), (six, f[5])):
            want = (kind, value, table[value % len(table)])
            if want not in got:
                bad = 1
                print("not there: type %d value 0x%08x queue %d" % want, [
                    g for g in got if g[1] == value])
    return bad


def group(dev, to, text):
    sock(dev).send(mac(to) + HERE + b"\x88\xb5" + text.encode() + bytes(46))


def hear(dev):
    s = sock(dev)
    print("ready", flush=True)
    while True:
        try:
            f, at = s.recvfrom(2000)
        except OSError:
            continue
        if f[12:14] == b"\x88\xb5" and at[2] != socket.PACKET_OUTGOING:
            print(f[14:].rstrip(b"\0").decode(), flush=True)


what = {"vectors": vectors, "check": check, "group": group, "hear": hear}
sys.exit(what[sys.argv[1]](*sys.argv[2:]))
