# SPDX-License-Identifier: GPL-2.0-or-later
# storm.py - a guest that connects, says hello and leaves, as fast as it can
"""storm.py SOCKET SECONDS: prints how often it was answered"""
import fcntl
import os
import socket
import struct
import sys
import time

MEM = 65536
memory = os.memfd_create("guest", os.MFD_ALLOW_SEALING)
os.ftruncate(memory, MEM)
fcntl.fcntl(memory, 1033, 1 | 2)  # F_ADD_SEALS: F_SEAL_SEAL, F_SEAL_SHRINK
hello = struct.pack("=IHHQQII", 0x4E427631, 1, 1, MEM, 0, 32, 0).ljust(128, b"\0")
end = time.time() + float(sys.argv[2])
n = 0
while time.time() < end:
    s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    s.settimeout(1)
    try:
        s.connect(sys.argv[1])
        socket.send_fds(s, [hello], [memory])
        n += bool(s.recv(200))
    except OSError:
        pass
    s.close()
print(n)
