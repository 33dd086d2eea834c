# SPDX-License-Identifier: GPL-2.0-or-later
# faults.py - what faults.sh runs: each system call and allocation fails once
#
# A cycle of vif1.0 is attach, connect, disconnect, attach and connect again,
# a worker's death, netbackd's own, detach. A case is one cycle in which one call
# of one process in one phase fails. Whatever that phase came to, then: what was
# not done is undone; the rest of the cycle works at the first try; netbackd is the
# same process; the other guest answers; and what is held afterwards (files,
# devices, tables, keys, descriptors, memory) is what was held before.
# long file: phases and what is compared after them belong together.
import fcntl, json, mmap, os, random, re, signal, socket, struct, subprocess
import sys, time

B, RUN = os.environ["B"], os.environ["RUN"]
CASES = os.environ.get("FAULTS", "20")
SEED = int(os.environ.get("SEED", "1"))
ONLY = os.environ.get("FAULT", "")
NUMBER = os.environ.get("NUMBER")
TIMES = os.environ.get("TIMES")
VERBOSE = os.environ.get("VERBOSE")
INJECT = B + "/tests/guest/faultsys"
PRELOAD = B + "/tests/guest/preload/faultalloc.so"
PAGE, SLOTS, SLOT = "/tmp/fault.page", 512, 48
LOG = open("/tmp/nb-log", "ab")
WAIT = 40

with open(PAGE, "wb") as f:
    f.truncate(SLOTS * SLOT)
os.chmod(PAGE, 0o666)
PAGE_FD = os.open(PAGE, os.O_RDWR)
page = mmap.mmap(PAGE_FD, SLOTS * SLOT)
PID, COUNT, LIVE, AT, HITS, CHILD = range(6)


def slot(pid):
    for i in range(SLOTS):
        if struct.unpack_from("q", page, i * SLOT)[0] == pid:
            return i
    return None


def word(i, field, value=None):
    at = i * SLOT + field * 8
    if value is not None:
        struct.pack_into("q", page, at, value)
    return struct.unpack_from("q", page, at)[0]


# Orphans end as children of ours, the first process of this namespace.
def dead(pid):
    try:
        with open("/proc/%d/stat" % pid) as f:
            if f.read().rsplit(") ", 1)[1][0] != "Z":
                return False
        if pid != daemon.pid:
            os.waitpid(pid, os.WNOHANG)
    except OSError:
        pass
    return True


def forget_dead():
    for i in range(SLOTS):
        pid = word(i, PID)
        if pid and dead(pid):
            page[i * SLOT:(i + 1) * SLOT] = bytes(SLOT)


class Bad(Exception):
    pass


def until(what, fn, wait=WAIT):
    end = time.monotonic() + wait
    while True:
        got = fn()
        if got:
            return got
        if time.monotonic() > end:
            raise Bad(what() if callable(what) else what)
        time.sleep(0.005)


def run(*argv, env=None, wait=30):
    try:
        p = subprocess.run(argv, stdout=subprocess.PIPE, env=env,
                           stderr=subprocess.STDOUT, timeout=wait)
    except subprocess.TimeoutExpired:
        raise Bad("%s: more than %d s" % (" ".join(argv), wait))
    return p.returncode, p.stdout.decode(errors="replace")


def must(*argv):
    rc, out = run(*argv)
    if rc:
        raise Bad("%s: %s" % (" ".join(argv), out.strip()))
    return out


def preload(**more):
    return dict(os.environ, LD_PRELOAD=PRELOAD, FAULT_PAGE=PAGE,
                **{k: str(v) for k, v in more.items()})


def ask(cmd):
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(5)
        s.connect(RUN + "/control")
        s.sendall(json.dumps({"cmd": cmd}).encode() + b"\n")
        return json.loads(s.makefile().readline())


def show():
    try:
        return ask("show")
    except (OSError, ValueError):
        return {}


def children(pid, name):
    try:
        with open("/proc/%d/task/%d/children" % (pid, pid)) as f:
            kids = [int(x) for x in f.read().split()]
        return [k for k in kids if open("/proc/%d/comm" % k).read().strip() ==
                name]
    except OSError:
        return []


def fds(pid):
    try:
        return len(os.listdir("/proc/%d/fd" % pid))
    except OSError:
        return -1


# --- what stands there -------------------------------------------------------------

daemon = None
guests = {}


def start(env=None, argv=()):
    global daemon
    daemon = subprocess.Popen(list(argv) + ["netbackd", "--run", RUN],
                              stdout=subprocess.PIPE if argv else LOG,
                              stderr=LOG, env=env or preload())


def serving():
    s = show()
    return s.get("worker") and len(spares(s)) == 1 and s


def spares(s):
    return [w for w in children(s["nursery"], "netback-worker")
            if w not in s["workers"]]


def guest_start(n):
    log = open("/tmp/guest%d" % n, "wb+")
    guests[n] = subprocess.Popen(
        ["vifguest", "--run", RUN, "--vif", "%d.0" % n, "--ip",
         "10.0.0.%d/24" % n], stdout=log, stderr=log)


def guest_up(n):
    with open("/tmp/guest%d" % n) as f:
        return "netns pid" in f.read()


def guest_end(n, sig=signal.SIGTERM):
    p = guests.pop(n, None)
    if p:
        p.send_signal(sig)
        p.wait(20)


def answers(n, wait=WAIT):
    end = time.monotonic() + wait
    while run("ping", "-q", "-c", "1", "-W", "1", "10.0.0.%d" % n)[0]:
        if time.monotonic() > end:
            return False
    return True


def state(n=1):
    rc, out = run("xenstore-read",
                  "/local/domain/0/backend/vif/%d/0/state" % n)
    return int(out) if not rc else 0


def attach(env=None, argv=()):
    return run(*argv, "vifctl", "--wait", "3", "attach", "vif1.0",
               "bridge=br0", "mac=00:16:3e:00:00:01", "ip=10.0.0.1", env=env)


def detach(env=None, argv=()):
    return run(*argv, "vifctl", "--wait", "3", "detach", "vif1.0", env=env)


# --- what is held ------------------------------------------------------------------

# Of the host and the store, when vif1.0 is not there.
def things():
    held = set(must("ip", "-br", "link").split("\n"))
    held = {re.sub(r"(\S+)\s.*", r"link \1", x) for x in held if x}
    held |= set(must("nft", "list", "tables").split("\n"))
    for at, dirs, files in os.walk(RUN):
        held |= {at + "/" + x for x in dirs + files}
    held |= {x.split(" = ")[0] for x in
             must("xenstore-ls", "-f").split("\n")}
    # names of locks that nobody holds: removing one may be what failed
    return {x for x in held if not x.startswith(RUN + "/lock/")}


# Of netbackd's processes. Blocks: a few more or fewer are a library's caches.
def numbers():
    s = show()
    if not s:
        return {}
    pids = {"supervisor": daemon.pid, "nursery": s["nursery"],
            "worker": s["worker"]}
    out = {}
    for who, pid in pids.items():
        out[who + " fds"] = fds(pid)
        i = slot(pid)
        out[who + " blocks"] = word(i, LIVE) if i is not None else -1
    return out


# A process that started without memory may have fewer blocks: caches of glibc's.
def alike(a, b, slack, fewer):
    return a and all(a[k] <= b[k] + slack and (fewer or a[k] >= b[k] - slack)
                     if "blocks" in k else a[k] == b[k] for k in b)


BLOCKS = 3


def brief(names):
    names = sorted(names)
    return ", ".join(names[:4]) + (", and %d more" % (len(names) - 4)
                                   if len(names) > 4 else "") or "nothing"


def compare(before, slack=BLOCKS, fewer=False):
    now = [things(), numbers()]

    def same():
        now[:] = [things(), numbers()]
        return now[0] == before[0] and alike(now[1], before[1], slack, fewer)

    def difference():
        more = brief(now[0] - before[0])
        less = brief(before[0] - now[0])
        odd = ["%s %d, was %d" % (k, now[1].get(k, -1), v)
               for k, v in before[1].items() if now[1].get(k) != v]
        return "left over %s, missing %s; %s" % (more, less, ", ".join(odd))
    until(difference, same)


# --- failing -------------------------------------------------------------------------

# One fault: armed when a phase begins, let go when it has ended.
class Fault:
    def __init__(self, target, kind, n):
        self.target, self.kind, self.n = target, kind, n
        self.p = self.i = None
        self.count, self.hit = 0, ""

    def arm(self, pid):
        if self.kind == "alloc":
            self.i = slot(pid)
            if self.i is None:
                raise Bad("%d has no slot" % pid)
            word(self.i, COUNT, 0)
            word(self.i, HITS, 0)
            word(self.i, AT, self.n)
            return
        self.p = subprocess.Popen([INJECT, str(self.n), str(pid)],
                                  stdout=subprocess.PIPE, text=True)
        line = self.p.stdout.readline()
        if line != "ready\n":
            raise Bad(line.strip())

    def release(self):
        if self.i is not None:
            word(self.i, AT, 0)
            self.count = word(self.i, COUNT)
            self.hit = "alloc" if word(self.i, HITS) else ""
        if self.p:
            self.p.terminate()
            self.said(self.p.communicate()[0])
        self.i = self.p = None

    def said(self, text):
        for line in text.split("\n"):
            if line.startswith("hit "):
                self.hit = line
            if line.startswith("count "):
                self.count = int(line[6:])

    # A command of its own: (exit status, output)
    def command(self, fn):
        if self.kind == "sys":
            rc, out = fn(env=preload(), argv=(INJECT, str(self.n), "--"))
            self.said(out)
            m = re.search(r"^exit (\d+)$", out, re.M)
            return (int(m.group(1)) if m else 128), out
        rc, out = fn(env=preload(FAULT_AT=self.n))
        for i in range(SLOTS):
            pid = word(i, PID)
            if pid and not os.path.exists("/proc/%d" % pid):
                self.count = max(self.count, word(i, COUNT))
                self.hit = self.hit or ("alloc" if word(i, HITS) else "")
        return rc, out


def target_pid(target):
    s = until("no workers", serving)
    if target == "supervisor":
        return daemon.pid
    if target == "nursery":
        return s["nursery"]
    if target == "spare":
        return spares(s)[0]
    return s["worker"]


# --- phases ---------------------------------------------------------------------------

def undone(before):
    if before:
        now = set()

        def same():
            now.clear()
            now.update(things())
            return now == before[0]
        until(lambda: "left %s, took %s" %
              (brief(now - before[0]), brief(before[0] - now)), same)


def phase_attach(fault, before):
    if fault and fault.target == "vifctl":
        rc, out = fault.command(attach)
    else:
        rc, out = attach()
    if fault and fault.i is not None or fault and fault.p:
        fault.release()
    if rc and not fault:
        raise Bad("attach: " + out.strip())
    if rc:
        if rc >= 128 or rc < 0:
            raise Bad("vifctl died (%d): %s" % (rc, out.strip()))
        try:
            undone(before)
        except Bad as e:
            raise Bad("failed: %s, and %s" % (out.strip(), e))
        rc, out = attach()
        if rc:
            raise Bad("attach again: " + out.strip())


def phase_connect(fault, before):
    guest_start(1)
    try:
        until("no guest", lambda: guest_up(1), 2 if fault else WAIT)
        up = True
    except Bad:
        if not fault:
            raise
        up = False
    if fault:
        fault.release()
    if not up:
        # one that was only late is as good as the next try
        try:
            until("no guest", lambda: guest_up(1), 2)
        except Bad:
            again(1)
    # or it was connected, and then closed, with a reason: the next one is not
    if fault and not answers(1, 1):
        again(1)
    if not answers(1):
        raise Bad("the guest does not answer")


# A guest whose vif was closed by us comes back.
def again(n):
    guest_end(n)
    guest_start(n)
    until(lambda: "the next guest does not connect, backend %d: %s" %
          (state(n), open("/tmp/guest%d" % n).read()), lambda: guest_up(n))
    return True


# Both guests after a take-over with a fault in it: one may have been closed.
def taken_over(fault):
    lost = [n for n in (1, 2) if not answers(n, 1 if fault else WAIT) and
            not (state(n) == 4 and answers(n))]
    if lost and (not fault or len(lost) > 1):
        raise Bad("no adoption of %s: %s" % (lost, json.dumps(show())))
    for n in lost:
        if state(n) == 4:
            raise Bad("vif%d.0 is connected and dead: %s" %
                      (n, json.dumps(show())))
        again(n)
        if not answers(n):
            raise Bad("vif%d.0: the next guest does not answer" % n)


# A guest that ends as it should: Closing, Closed. With a fault: or is gone.
def phase_disconnect(fault, before):
    guest_end(1)
    try:
        until("still connected", lambda: state() in (2, 5, 6), 3)
    except Bad:
        if not fault:
            raise
    if fault:
        fault.release()


def phase_reconnect(fault, before):
    phase_connect(fault, before)


def phase_gone(fault, before):
    guest_end(1, signal.SIGKILL)
    try:
        until("still connected", lambda: state() in (2, 5, 6), 3)
    except Bad:
        if not fault:
            raise
    if fault:
        fault.release()


# Seen from outside: a question would be counted.
def another_worker(old, nursery):
    kids = children(nursery, "netback-worker")
    return old not in kids and len(kids) == 2


# By a fault that its process had from its birth; it may have died of it.
def struck():
    return any(word(i, PID) and word(i, HITS) for i in range(SLOTS))


def phase_worker(fault, before):
    s = until("no workers", serving)
    old, nursery = s["worker"], s["nursery"]
    if fault and fault.target == "born":
        word(slot(nursery), CHILD, fault.n)
    os.kill(old, signal.SIGKILL)
    try:
        until("no other worker", lambda: another_worker(old, nursery),
              4 if fault else WAIT)
        answers(1, 1)
    except Bad:
        if not fault:
            raise
    if fault and fault.target == "born":
        w = spares(show())
        i = slot(w[0]) if w else None
        fault.count = word(i, COUNT) if i is not None else 0
        fault.hit = "alloc" if fault.n and struck() else ""
    elif fault:
        fault.release()
    until("no worker any more", serving)
    taken_over(fault)


def started():
    return daemon.poll() is not None or serving()


def phase_restart(fault, before):
    daemon.kill()
    daemon.wait()
    if not fault:
        start()
    elif fault.kind == "sys":
        start(argv=(INJECT, str(fault.n), "--"), env=preload())
    elif fault.target == "nursery":
        start(env=preload(FAULT_CHILD=fault.n))
    else:
        start(env=preload(FAULT_AT=fault.n))
    try:
        until("netbackd neither serves nor ends", started)
        answers(1, 1)
    finally:
        if fault:
            restart_release(fault)
    if fault and daemon.poll() is not None:
        if daemon.returncode != 1:
            raise Bad("netbackd ended with %d" % daemon.returncode)
        start()
        until("netbackd does not start again", serving)
    until("netbackd does not serve", serving)
    taken_over(fault)


# Nobody is watched any more: the one that was started this way must end, too.
def restart_release(fault):
    global daemon
    if fault.kind == "alloc":
        i = slot(daemon.pid)
        if fault.target == "nursery":
            s = show()
            i = slot(s["nursery"]) if s else i
        if i is not None:
            fault.count = word(i, COUNT)
            word(i, AT, 0)
        return
    daemon.terminate()      # the injector lets go, and all of them end
    fault.said(daemon.communicate()[0].decode())
    until("netbackd outlives", unlocked)
    start()


def unlocked():
    with open(RUN + "/netbackd.lock") as f:
        try:
            fcntl.flock(f, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            return False
    return True


def phase_detach(fault, before):
    if fault and fault.target == "vifctl":
        rc, out = fault.command(detach)
    else:
        rc, out = detach()
    if fault and fault.target != "vifctl":
        fault.release()
    if rc and not fault:
        raise Bad("detach: " + out.strip())
    if rc:
        if rc >= 128 or rc < 0:
            raise Bad("vifctl died (%d): %s" % (rc, out.strip()))
        rc, out = detach()
        if rc:
            raise Bad("detach again: " + out.strip())
    guest_end(1)


PHASES = [
    ("attach", phase_attach, ["supervisor", "vifctl"]),
    ("connect", phase_connect, ["supervisor", "worker"]),
    ("disconnect", phase_disconnect, ["supervisor", "worker"]),
    ("reconnect", phase_reconnect, ["supervisor", "worker"]),
    ("gone", phase_gone, ["supervisor", "worker"]),
    ("again", phase_connect, []),
    ("worker", phase_worker, ["supervisor", "spare", "nursery", "born"]),
    ("restart", phase_restart, ["netbackd", "nursery"]),
    ("detach", phase_detach, ["supervisor", "worker", "vifctl"]),
]


# What else a case goes through, so that its call is made and its harm is seen.
AROUND = {
    "attach": "attach connect detach",
    "connect": "attach connect gone again detach",
    "disconnect": "attach connect disconnect reconnect detach",
    "reconnect": "attach connect disconnect reconnect detach",
    "gone": "attach connect gone again detach",
    "worker": "attach connect worker detach",
    "restart": "attach connect restart detach",
    "detach": "attach connect detach",
}


# About as many calls as were counted; a sample need not count them again.
COUNTS = """attach supervisor sys 277, attach supervisor alloc 174,
attach vifctl sys 500, attach vifctl alloc 608, connect supervisor sys 300,
connect supervisor alloc 165, connect worker sys 44, connect worker alloc 10,
disconnect supervisor sys 200, disconnect supervisor alloc 97,
disconnect worker sys 7, reconnect supervisor sys 400,
reconnect supervisor alloc 270, reconnect worker sys 44,
reconnect worker alloc 10, gone supervisor sys 124, gone supervisor alloc 60,
gone worker sys 8, worker supervisor sys 75, worker supervisor alloc 110,
worker spare sys 85, worker spare alloc 30, worker nursery sys 13,
worker born alloc 4, restart netbackd sys 900, restart netbackd alloc 650,
detach supervisor sys 180, detach supervisor alloc 120, detach worker sys 8,
detach vifctl sys 350, detach vifctl alloc 270"""


# Kinds by turns, so that a small sample has some of each.
def sample():
    rng, todo = random.Random(SEED), []
    rows = [row.split() for row in COUNTS.replace("\n", " ").split(",")]
    rng.shuffle(rows)
    for i in range(int(CASES)):
        phase, target, kind, most = rows[i % len(rows)]
        todo.append((phase, target, kind, rng.randint(1, int(most))))
    return todo, sum(int(row[3]) for row in rows)


def wanted(phase, target, kind):
    if target == "born" and kind == "sys":
        return False        # a child of the nursery is not followed
    if phase == "restart" and target == "nursery" and kind == "sys":
        return False        # netbackd's are counted with its family's
    return True


def cycle(before=None, phase=None, fault=None):
    forget_dead()
    pid = daemon.pid
    for name, fn, _ in PHASES:
        f = fault if name == phase else None
        if phase and name not in AROUND[phase].split():
            continue
        if f and f.target not in ("vifctl", "netbackd", "born") and \
                name != "restart":
            f.arm(target_pid(f.target))
        t0 = time.monotonic()
        try:
            fn(f, before)
            if TIMES:
                print("#   %s %d ms" % (name, (time.monotonic() - t0) * 1000))
        except Bad as e:
            if f:
                f.release()
            raise Bad("%s: %s" % (name, e))
    if before and phase != "restart" and (daemon.poll() is not None or
                               daemon.pid != pid):
        raise Bad("netbackd ended")
    if not answers(2):
        raise Bad("the other guest does not answer")


# After a case that went wrong: the next ones are to be judged for themselves.
def settle():
    guest_end(1)
    detach()
    if daemon.poll() is not None:
        start()
    until("netbackd does not serve", serving)
    if not answers(2, 1):
        guest_end(2)
        run("vifctl", "detach", "vif2.0")
        second()


def second():
    must("vifctl", "attach", "vif2.0", "bridge=br0",
         "mac=00:16:3e:00:00:02")
    guest_start(2)
    until("no guest", lambda: guest_up(2))


def log_since(at):
    with open(LOG.name, errors="replace") as f:
        f.seek(at)
        lines = f.read().strip().split("\n")
    return "".join("\n#     " + x for x in lines[-12:])


# --- all of it ---------------------------------------------------------------------

def case(before, phase, fault):
    at = os.path.getsize(LOG.name)
    try:
        cycle(before, phase, fault)
        compare(before, fewer=phase == "restart")
        return ""
    except Bad as e:
        why = str(e) + log_since(at)
    try:
        settle()
        before[:] = [things(), numbers()]
    except Bad as e:
        why += "\n#   and: %s" % e
    return why


# Every call there is: a case without a fault counts them.
def counted(before):
    todo, bad = [], 0
    for phase, _, targets in PHASES:
        for target in targets:
            for kind in ("sys", "alloc"):
                if not wanted(phase, target, kind) or \
                        ONLY not in "%s %s %s" % (phase, target, kind):
                    continue
                f = Fault(target, kind, 0)
                why = case(before, phase, f)
                if why:
                    print("# counting %s %s %s: %s" %
                          (phase, target, kind, why))
                    bad += 1
                print("# %s, %s: %d %s" % (phase, target, f.count, kind))
                todo += [(phase, target, kind, n + 1)
                         for n in range(f.count)]
    if NUMBER:
        first, last = (NUMBER.split("-") * 2)[:2]
        todo = [x for x in todo if int(first) <= x[3] <= int(last)]
    sys.stdout.flush()
    return todo, bad


def main():
    bad = 0
    start()
    until("no netbackd", serving)
    second()
    cycle()
    for _ in range(3):
        cycle(None, "worker")
        cycle(None, "disconnect")
    before = [things(), numbers()]
    cycle(before, "worker")
    compare(before)
    print("# held:", ", ".join("%s %d" % x for x in before[1].items()))
    if CASES == "all" or ONLY:
        todo, bad = counted(before)
        whole = len(todo)
    else:
        todo, whole = sample()
    hits, t0 = 0, time.monotonic()
    for phase, target, kind, n in todo:
        f = Fault(target, kind, n)
        why = case(before, phase, f)
        hits += bool(f.hit)
        if why or VERBOSE:
            print("# %s %s %s %d (%s): %s" % (phase, target, kind, n, f.hit,
                                              why or "fine"))
            sys.stdout.flush()
        bad += bool(why)
        if bad > 40:
            break
    print("%sok 1 - %d of %d faults, %d struck; SEED=%d, %d s" %
          ("not " if bad else "", len(todo), whole, hits, SEED,
           time.monotonic() - t0))
    print("1..1")
    guest_end(1)
    guest_end(2)
    daemon.terminate()
    daemon.wait()
    return bad != 0


sys.exit(main())
