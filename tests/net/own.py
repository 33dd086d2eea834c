#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# own.py - datagrams with any source, and who hears them
#
#   own.py say         a line each: DEVICE FROM TO TEXT, from FROM, whoever has it
#   own.py hear FILE   what comes, a line each: "FROM TEXT"
import socket
import sys

PORT = 7007
TRANSPARENT = {socket.AF_INET: (socket.SOL_IP, 19), socket.AF_INET6: (socket.IPPROTO_IPV6, 75)}


def say(dev, source, to, text):
    family = socket.AF_INET6 if ":" in to else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as s:
        s.setsockopt(*TRANSPARENT[family], 1)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, dev.encode())
        s.bind((source, 0))
        s.sendto(text.encode(), (to, PORT))


def hear(path):
    with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as s, open(path, "w") as f:
        s.bind(("::", PORT))  # IPv4's, too
        while True:
            text, who = s.recvfrom(1000)
            print(who[0].removeprefix("::ffff:"), text.decode(), file=f, flush=True)


if sys.argv[1] == "say":
    for line in sys.stdin:
        say(*line.split())
else:
    hear(sys.argv[2])
