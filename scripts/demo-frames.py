#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""demo-frames.py - send four marked frames, or say which of them arrived

    demo-frames.py send DEV OWN_MAC VICTIM_MAC
    demo-frames.py hear DEV SECONDS     after the honest one, which comes first

One frame is honest; the others claim another source MAC, wear a VLAN tag 0, or
are an LLDP frame with the victim's MAC as their source, which a bridge that is
not guarded would learn.
"""
import socket
import struct
import sys
import time

MARK = b"netback demo frame "


def mac(text):
    return bytes.fromhex(text.replace(":", ""))


def datagram(payload):
    """An IPv4 packet from g1 to g2, UDP port 9, without a UDP checksum."""
    udp = struct.pack("!4H", 9, 9, 8 + len(payload), 0) + payload
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17,
                       0, bytes([10, 0, 0, 1]), bytes([10, 0, 0, 2]))
    total = sum(struct.unpack("!10H", head))
    total = (total & 0xffff) + (total >> 16)
    return head[:10] + struct.pack("!H", 0xffff - total) + head[12:] + udp


def send(dev, own, victim):
    own, victim = mac(own), mac(victim)
    forged = mac("02:de:ad:be:ef:01")
    ip = b"\x08\x00"
    frames = [
        victim + own + ip + datagram(MARK + b"honest"),
        victim + forged + ip + datagram(MARK + b"forged-mac"),
        victim + own + b"\x81\x00\x00\x00" + ip + datagram(MARK + b"vlan-0"),
        mac("01:80:c2:00:00:0e") + victim + b"\x88\xcc" + MARK + b"lldp",
    ]
    out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
    out.bind((dev, 0))
    for frame in frames:
        out.send(frame.ljust(80, b"\0"))


def hear(dev, seconds):
    box = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    box.bind((dev, 0))
    print("listening", flush=True)
    end = time.monotonic() + 30  # who sends has to start
    while (left := end - time.monotonic()) > 0:
        box.settimeout(left)
        try:
            data = box.recv(2048)
        except socket.timeout:
            break
        if MARK in data:
            what = data.split(MARK)[1].split(b"\0")[0].decode()
            print(what, flush=True)
            if what == "honest":
                end = time.monotonic() + seconds


if sys.argv[1] == "send":
    send(*sys.argv[2:])
else:
    hear(sys.argv[2], float(sys.argv[3]))
