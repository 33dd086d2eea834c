# SPDX-License-Identifier: GPL-2.0-or-later
# queues.py - a frontend with two queues, one key of it changed: what is it told?
#
#   queues.py RUN KEY=VALUE SENTENCE FRONT     exit 0 when the error says SENTENCE
import array, fcntl, os, socket, struct, subprocess, sys, time

run, change, sentence, front = sys.argv[1:]
back = "/local/domain/0/backend/vif/1/0"
PAGES = 16

mem = os.memfd_create("guest", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
os.ftruncate(mem, PAGES * 4096)
fcntl.fcntl(mem, 1033, 1 | 2)  # F_ADD_SEALS: SEAL and SHRINK
s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
s.connect(run + "/dom/1/hv")
hello = struct.pack("=IHHQQII", 0x4e427631, 1, 1, PAGES * 4096, 0, 512, 0)
s.sendmsg([hello.ljust(128, b"\0")], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                       array.array("i", [mem]))])
assert struct.unpack("=8xi", s.recv(128)[:12])[0] == 0

keys = {"request-rx-copy": "1", "multi-queue-num-queues": "2"}
for q in range(2):
    keys["queue-%d/tx-ring-ref" % q] = str(10 + q * 2)
    keys["queue-%d/rx-ring-ref" % q] = str(11 + q * 2)
    keys["queue-%d/event-channel" % q] = str(3 + q)
key, value = change.split("=")
keys[key] = value
words = []
for key, value in keys.items():
    words += [front + "/" + key, value]
subprocess.run(["xenstore-write"] + words + [front + "/state", "4"], check=True)
got, end = "", time.time() + 10
while sentence not in got and time.time() < end:
    time.sleep(0.02)
    got = subprocess.run(["xenstore-read", back + "/error"],
                         capture_output=True, text=True).stdout.strip()
print(got)
sys.exit(sentence not in got)
