#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
# hotplug.py - run hotplug scripts as a toolstack does, and time them
#
#   hotplug.py one ROUNDS PREFIX SCRIPT [DOMID]
#                                         vifDOMID.0 online and offline in turn:
#                                         PREFIX.{online,offline}.{wall,cpu}, ms
#   hotplug.py many COUNT COMMAND SCRIPT  vif1.0 .. all at once: seconds, failures
#
# The clock runs from the fork to the exit, as libxl sees it; cpu is what the
# program and its children used, without the store's. Between two events there
# is a pause, as there is between a guest's end and the next one's start: what the
# kernel still frees of the one is not the other's to wait for.
import os
import resource
import subprocess
import sys
import time


def start(domid, command, script):
    env = dict(os.environ, XENBUS_TYPE="vif", XENBUS_BASE_PATH="backend",
               XENBUS_PATH=f"backend/vif/{domid}/0", vif=f"vif{domid}.0",
               script=script, netdev="")
    return subprocess.Popen([script, command, "type_if=vif"], env=env,
                            stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL,
                            stderr=subprocess.DEVNULL)


def cpu():
    use = resource.getrusage(resource.RUSAGE_CHILDREN)
    return use.ru_utime + use.ru_stime


PAUSE_S = 0.05


def one(rounds, prefix, script, domid):
    for _ in range(rounds):
        for command in ("online", "offline"):
            time.sleep(PAUSE_S)
            used, begin = cpu(), time.perf_counter()
            if start(domid, command, script).wait():
                sys.exit(f"{script} {command} failed")
            wall, used = time.perf_counter() - begin, cpu() - used
            for what, value in (("wall", wall), ("cpu", used)):
                with open(f"{prefix}.{command}.{what}", "a") as f:
                    print(f"{value * 1e3:.3f}", file=f)


def many(count, command, script):
    begin = time.perf_counter()
    runs = [start(n + 1, command, script) for n in range(count)]
    failed = sum(1 for r in runs if r.wait())
    print(f"{time.perf_counter() - begin:.3f} {failed}")


if sys.argv[1] == "one":
    one(int(sys.argv[2]), sys.argv[3], sys.argv[4],
        int(sys.argv[5]) if len(sys.argv) > 5 else 1)
else:
    many(int(sys.argv[2]), sys.argv[3], sys.argv[4])
