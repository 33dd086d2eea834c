// SPDX-License-Identifier: GPL-2.0-or-later
/* everystop.c - a hotplug program killed, or failed, at every system call
 *
 *   everystop HOW COMMAND SCRIPT DEVICE
 *     HOW      again    killed; the same command again makes it complete
 *              back     killed; the other command leaves what was before
 *              ERRNO    a system call fails so (a number): complete or undone, and
 *                       the same command again makes it complete
 *     COMMAND  online or offline; SCRIPT: vif-bridge, vif-route or vif-nat
 *
 * Once for each stop (entry to or exit from a system call; for ERRNO each system
 * call): from the state before COMMAND, COMMAND with that end, then what HOW says, and
 * the host's state is compared with that of runs which nobody disturbed. STEP=n
 * takes each n-th stop only, from FIRST on. The environment is the script's.
 *
 * Besides, whenever a run has ended badly: a link that is up has its guard, and who
 * reads `connected` finds all of it.
 */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "state/hoststate.h"

enum {
	STOP_OPTIONS = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE |
		       PTRACE_O_EXITKILL,
	STOP_KILLED = 128 + SIGKILL,
};

static const char *script, *dev;
static struct state off, on;

/* --- one run -----------------------------------------------------------------*/

static pid_t start(const char *command)
{
	char *argv[] = { (char *)script, (char *)command, (char *)"type_if=vif",
			 NULL };
	pid_t pid = fork();

	if (pid)
		return pid;
	if (!freopen("/dev/null", "r", stdin) ||
	    !freopen("/tmp/everystop.said", "w", stderr) ||
	    ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		_exit(126);
	raise(SIGSTOP);
	execv(script, argv);
	_exit(127);
}

/* The call of this number is not made, and answers -error. Some end a program that
 * cannot go on, and some have no errors: brk answers where the heap ends.
 */
static bool may_fail(long long nr)
{
	return nr != SYS_exit_group && nr != SYS_exit && nr != SYS_close &&
	       nr != SYS_execve && nr != SYS_munmap && nr != SYS_rt_sigaction &&
	       nr != SYS_rt_sigprocmask && nr != SYS_getpid &&
	       nr != SYS_set_tid_address && nr != SYS_arch_prctl &&
	       nr != SYS_rseq && nr != SYS_brk;
}

/* What one run meets. */
struct end {
	unsigned long at; /* this stop, or this call; 0 = none */
	int error;	  /* 0 = SIGKILL */
	unsigned long stops, calls;
	long long nr; /* the call that was hit */
};

/* At the entry: the call is let through as none; at the exit the answer is ours. */
static void fail(pid_t pid, struct end *e, bool entry)
{
	struct user_regs_struct r;

	if (ptrace(PTRACE_GETREGS, pid, NULL, &r))
		return;
	if (entry && !may_fail((long long)r.orig_rax))
		return;
	if (entry)
		e->calls++;
	if (!e->at || e->calls != e->at)
		return;
	if (entry) {
		e->nr = (long long)r.orig_rax;
		r.orig_rax = (unsigned long long)-1;
	} else if (e->nr >= 0) {
		r.rax = (unsigned long long)-e->error;
		e->nr = -1 - e->nr;
	}
	ptrace(PTRACE_SETREGS, pid, NULL, &r);
}

static void hit(pid_t pid, struct end *e)
{
	struct user_regs_struct r;

	e->stops++;
	if (e->error) {
		fail(pid, e, e->stops % 2);
		return;
	}
	if (!e->at || e->stops < e->at)
		return;
	if (!ptrace(PTRACE_GETREGS, pid, NULL, &r))
		e->nr = (long long)r.orig_rax;
	kill(pid, SIGKILL);
}

/* Its exit status, 128 + signal. */
static int run(const char *command, struct end *e)
{
	pid_t pid = start(command);
	int status, sig;

	if (pid < 0 || waitpid(pid, &status, 0) != pid ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, STOP_OPTIONS))
		return 126;
	for (;;) {
		ptrace(e ? PTRACE_SYSCALL : PTRACE_CONT, pid, NULL, 0L);
		if (waitpid(pid, &status, 0) != pid)
			return 126;
		if (WIFSIGNALED(status))
			return 128 + WTERMSIG(status);
		if (WIFEXITED(status))
			return WEXITSTATUS(status);
		sig = WSTOPSIG(status);
		if (sig == (SIGTRAP | 0x80))
			hit(pid, e);
		else if (sig != SIGTRAP)
			return kill(pid, SIGKILL), 128 + sig;
	}
}

/* --- what must be ------------------------------------------------------------*/

static bool quiet_run(const char *command)
{
	char line[256] = "";
	FILE *f;
	int rc = run(command, NULL);

	if (!rc)
		return true;
	f = fopen("/tmp/everystop.said", "r");
	if (f && !fgets(line, sizeof(line), f))
		line[0] = '\0';
	if (f)
		fclose(f);
	printf("undisturbed %s ends with %d: %s\n", command, rc, line);
	return false;
}

static bool is(const struct state *want, unsigned parts, const char *when)
{
	struct state now;
	bool same;

	state_read(&now, dev);
	same = state_same(want, &now, parts, when, stdout);
	state_free(&now);
	return same;
}

/* After a bad end, before anybody mends it. */
static bool sane(const char *command, const struct end *e, int rc)
{
	struct state now;
	bool ok = true;

	state_read(&now, dev);
	if (now.up && !now.guarded) {
		puts("the link is up without its guard");
		ok = false;
	}
	/* offline says nothing in the store: it stays connected there */
	if (!strcmp(command, "online") && now.connected &&
	    !state_same(&on, &now, STATE_HOST, "connected, but", stdout))
		ok = false;
	/* a failed online has undone what it did */
	if (e->error && rc && !strcmp(command, "online") &&
	    !state_same(&off, &now, STATE_HOST, "failed, and", stdout))
		ok = false;
	if (e->error && !rc &&
	    !state_same(!strcmp(command, "online") ? &on : &off, &now,
			STATE_HOST, "it said that it was done, and", stdout))
		ok = false;
	state_free(&now);
	return ok;
}

static bool one(const char *how, const char *command, struct end *e)
{
	bool online = !strcmp(command, "online"), back = !strcmp(how, "back");
	const char *other = online ? "offline" : "online";
	const struct state *done = online ? &on : &off;
	int rc;

	if (!online && !quiet_run("online"))
		return false;
	if (online)
		state_clear(dev); /* what the last round wrote */
	rc = run(command, e);
	if (!sane(command, e, rc))
		return false;
	if (!quiet_run(back ? other : command))
		return false;
	if (back)
		done = online ? &off : &on;
	/* only online writes there */
	if (!is(done, done == &on ? STATE_ALL : STATE_HOST | STATE_LOCK,
		"in the end"))
		return false;
	return done == &off || quiet_run("offline");
}

static unsigned long number(const char *name, unsigned long otherwise)
{
	const char *v = getenv(name);
	unsigned long n = v ? strtoul(v, NULL, 10) : 0;

	return n ? n : otherwise;
}

int main(int argc, char **argv)
{
	unsigned long step = number("STEP", 1), first = number("FIRST", 1);
	unsigned long at, most, tried = 0;
	struct end all = { .nr = -1 };

	if (argc != 5 ||
	    (strcmp(argv[2], "online") && strcmp(argv[2], "offline"))) {
		fputs("usage: everystop again|back|ERRNO online|offline SCRIPT "
		      "DEVICE\n",
		      stderr);
		return 2;
	}
	script = argv[3];
	dev = argv[4];
	all.error = atoi(argv[1]);
	setvbuf(stdout, NULL, _IOLBF, 0);
	/* what a first run raises, and stays, is there before */
	if (!quiet_run("online") || !quiet_run("offline"))
		return 1;
	state_clear(dev);
	state_read(&off, dev);
	if (!quiet_run("online"))
		return 1;
	state_read(&on, dev);
	if (strcmp(argv[2], "offline") && !quiet_run("offline"))
		return 1;
	if (run(argv[2], &all))
		return 1;
	if (!is(strcmp(argv[2], "offline") ? &on : &off, STATE_HOST,
		"when only looked at") ||
	    !quiet_run("offline") || !is(&off, STATE_HOST, "after that"))
		return 1;
	most = all.error ? all.calls : all.stops;
	for (at = first; at <= most; at += step, tried++) {
		struct end e = { .at = at, .error = all.error, .nr = -1 };

		if (one(argv[1], argv[2], &e))
			continue;
		printf("%s %s: at %lu of %lu (system call %lld)\n", argv[1],
		       argv[2], at, most, e.nr < -1 ? -1 - e.nr : e.nr);
		return 1;
	}
	printf("%lu of %lu\n", tried, most);
	return tried ? 0 : 1;
}
