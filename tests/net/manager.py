# SPDX-License-Identifier: GPL-2.0-or-later
# manager.py - a service manager, as far as netbackd needs one: starts it again when
# it ends, and keeps its descriptors meanwhile (sd_notify(3), FDSTORE=1)
#
#   manager.py SOCKET COMMAND..     one line "pid N" each time it is started
#                                   SIGUSR1: prints the names it keeps
import array, os, select, signal, socket, sys

path, command = sys.argv[1], sys.argv[2:]
notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
notify.bind(path)
kept = {}
r, w = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
signal.set_wakeup_fd(w)
for s in (signal.SIGCHLD, signal.SIGUSR1):
    signal.signal(s, lambda *_: None)


def start():
    names = list(kept)
    pid = os.fork()
    if pid:
        print("pid", pid, flush=True)
        return pid
    # Out of the way first, then in a row from 3 on.
    high = [os.dup2(kept[n], 1000 + i) for i, n in enumerate(names)]
    for i, fd in enumerate(high):
        os.dup2(fd, 3 + i, inheritable=True)
    os.closerange(3 + len(names), 4096)
    env = dict(os.environ, NOTIFY_SOCKET=path)
    if names:
        env.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(names)),
                   LISTEN_FDNAMES=":".join(names))
    os.execvpe(command[0], command, env)


def told():
    text, anc, _, _ = notify.recvmsg(4096, socket.CMSG_SPACE(4))
    fds = array.array("i")
    for _, _, data in anc:
        fds.frombytes(data[:4])
    words = dict(line.split("=", 1) for line in text.decode().split("\n"))
    name = words.get("FDNAME")
    if "FDSTORE" in words and fds:
        if name in kept:
            os.close(kept[name])
        kept[name] = fds[0]
        return
    if "FDSTOREREMOVE" in words and name in kept:
        os.close(kept.pop(name))
    for fd in fds:          # of a BARRIER
        os.close(fd)


child = start()
while True:
    ready, _, _ = select.select([notify, r], [], [])
    if notify in ready:
        told()
        continue            # all of its words before its death
    for n in os.read(r, 64):
        if n == signal.SIGUSR1:
            print("kept", " ".join(sorted(kept)), flush=True)
    try:
        pid, _ = os.waitpid(child, os.WNOHANG)
    except ChildProcessError:
        pid = child
    if pid == child:
        child = start()
