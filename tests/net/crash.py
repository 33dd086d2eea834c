#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""crash.py - makes a worker crash in a turn of one vif

  crash.py RUN/keep/vifN.M PID SIGNAL

Stops the worker again and again until the mark in that vif's survival memory
says that it stands in the vif's turn; then the signal: SEGV, as a bug there
would, or KILL, as an administrator might.
"""

import mmap
import os
import signal
import struct
import sys
import time

SERVING = 22  # offsetof(struct survive, serving)


def stopped(pid):
    with open(f"/proc/{pid}/stat", encoding="ascii") as f:
        return f.read().rpartition(")")[2].split()[0] == "T"


def main():
    pid = int(sys.argv[2])
    with open(sys.argv[1], "rb") as f:
        mem = mmap.mmap(f.fileno(), 4096, prot=mmap.PROT_READ)
    end = time.monotonic() + 60
    while time.monotonic() < end:
        os.kill(pid, signal.SIGSTOP)
        while not stopped(pid):
            pass
        if struct.unpack_from("=H", mem, SERVING)[0]:
            os.kill(pid, signal.Signals["SIG" + sys.argv[3]])
            if sys.argv[3] != "KILL":
                os.kill(pid, signal.SIGCONT)
            return 0
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.0005)
    print("the worker was never seen serving it", file=sys.stderr)
    return 1


sys.exit(main())
