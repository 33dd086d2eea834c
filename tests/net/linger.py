# SPDX-License-Identifier: GPL-2.0-or-later
# linger.py - hand over descriptors whose last close waits for an hour
"""linger.py SOCKET stream|seqpacket COUNT WHEN  (WHEN: read, or hangup)"""
import socket
import struct
import sys
import time


# A TCP socket with unsent bytes, and its peer, which reads none.
def slow():
    l = socket.socket()
    l.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    l.bind(("127.0.0.1", 0))
    l.listen(1)
    s = socket.create_connection(l.getsockname())
    peer = l.accept()[0]
    s.setblocking(False)
    try:
        while True:
            s.send(b"x" * 65536)
    except BlockingIOError:
        pass
    s.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 3600))
    # The last reference in flight must be the message's: make ours go first.
    return s, peer


path, kind, count, when = sys.argv[1:5]
kind = socket.SOCK_STREAM if kind == "stream" else socket.SOCK_SEQPACKET
pairs = [slow() for _ in range(int(count))]
u = socket.socket(socket.AF_UNIX, kind)
u.connect(path)
socket.send_fds(u, [b"\0" * 128], [s.fileno() for s, _ in pairs])
for s, _ in pairs:
    # Close without lingering here: the message holds a reference.
    s.close()
if when == "read":
    time.sleep(0.3)
u.close()
print("sent", flush=True)
time.sleep(3600)  # the peers stay open
