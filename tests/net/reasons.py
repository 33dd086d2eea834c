#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# reasons.py - what the kernel says of why it drops a frame, by its own tracepoint
#
#   reasons.py EVENT DEVICE [HEX]     EVENT: tracefs' directory of skb:kfree_skb
#
# Writes the frame to the tap some times, and prints each reason that was told every
# time: what of others' is freed meanwhile is not. Without HEX it only keeps the tap
# open. The tracepoint is heard by an event of this process alone (perf_event_open),
# which nobody else notices, and which ends with it.
import ctypes
import fcntl
import mmap
import os
import re
import struct
import sys
import time

PAGE, PAGES, TIMES = mmap.PAGESIZE, 64, 5
PERF_EVENT_OPEN = {'x86_64': 298, 'aarch64': 241}[os.uname().machine]
TRACEPOINT, SAMPLE_RAW, RECORD_SAMPLE, FLAG_CLOEXEC = 2, 1 << 10, 9, 8


def read(name):
    with open(os.path.join(sys.argv[1], name)) as f:
        return f.read()


def listen():
    attr = struct.pack('=IIQQQ80x', TRACEPOINT, 112, int(read('id')), 1,
                       SAMPLE_RAW)
    libc = ctypes.CDLL(None, use_errno=True)
    fd = libc.syscall(PERF_EVENT_OPEN, attr, 0, -1, -1, FLAG_CLOEXEC)
    if fd < 0:
        sys.exit('perf_event_open: ' + os.strerror(ctypes.get_errno()))
    return mmap.mmap(fd, (PAGES + 1) * PAGE)


def heard(ring, at, names):
    head, tail = struct.unpack_from('=QQ', ring, 1024)
    found = set()
    while tail < head:
        pos = tail % (PAGES * PAGE)
        data = (ring[PAGE + pos:] + ring[PAGE:PAGE + pos])[:512]
        kind, size = struct.unpack_from('=I2xH', data)
        if kind == RECORD_SAMPLE:
            found.add(names[struct.unpack_from('=I', data, 12 + at)[0]])
        tail += size
    struct.pack_into('=Q', ring, 1032, tail)
    return found


def main():
    layout = read('format')
    names = {int(n): s
             for n, s in re.findall(r'\{ (\d+), "(\w+)" \}', layout)}
    field = re.search(r' reason;\toffset:(\d+);', layout)
    if not field:
        sys.exit("this kernel tells no reasons")
    ring = listen()
    tap = os.open('/dev/net/tun', os.O_RDWR)
    fcntl.ioctl(tap, 0x400454CA,
                struct.pack('16sH22x', sys.argv[2].encode(), 0x1102))
    if len(sys.argv) < 4:
        time.sleep(600)
    every = None
    for _ in range(TIMES if sys.argv[3] else 0):
        heard(ring, int(field[1]), names)
        os.write(tap, bytes.fromhex(sys.argv[3]))
        now = heard(ring, int(field[1]), names)
        every = now if every is None else every & now
        time.sleep(.001)
    print('\n'.join(sorted(every or ())))


main()
