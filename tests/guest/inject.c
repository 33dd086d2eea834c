// SPDX-License-Identifier: GPL-2.0-or-later
/* inject.c - has another process make one system call (ptrace): what may it do?
 *
 *   inject PID NUMBER [ARG..]	  ARG: a number, s:TEXT (a string), b:BYTES (so
 *				  much room, zeros), q:N,N (so many words),
 *				  w:N,N (the same, and as long as what a worker
 *				  says to netbackd), W (how long that is)
 *
 * Prints "killed SIGNAL", or "= RESULT" and "= -1 ENAME". The process goes on as if
 * nothing had been.
 */
#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/worker.h"

#ifdef __x86_64__

enum { ARGS = 6, ROOM = 16384, BELOW = 32768, TRIES = 250, SYSCALL = 0x050f };
static_assert(sizeof(struct worker_msg) <= ROOM, "w: fits");

static int fail(const char *what)
{
	printf("cannot %s: %s\n", what, strerror(errno));
	return 1;
}

/* The value of one argument; text and room lie below the stack. */
static uint64_t argument(pid_t pid, const char *word, uint64_t *at)
{
	static uint64_t room[ROOM / 8];
	struct iovec from = { room, 0 }, to = { (void *)(uintptr_t)*at, 0 };
	unsigned i = 0;

	memset(room, 0, sizeof(room));

	if (!strncmp(word, "s:", 2)) {
		from.iov_base = (void *)(uintptr_t)(word + 2);
		from.iov_len = strlen(word + 2) + 1;
	} else if (!strncmp(word, "b:", 2)) {
		from.iov_len = strtoul(word + 2, NULL, 0) % ROOM;
	} else if (!strcmp(word, "W")) {
		return sizeof(struct worker_msg);
	} else if (!strncmp(word, "q:", 2) || !strncmp(word, "w:", 2)) {
		bool whole = word[0] == 'w';

		word += 2;
		do {
			room[i++] = strtoull(word, NULL, 0);
			word = strchr(word, ',');
		} while (word++ && i < ROOM / 8);
		from.iov_len = whole ? sizeof(struct worker_msg)
				     : i * sizeof(room[0]);
	} else {
		return strtoull(word, NULL, 0);
	}
	to.iov_len = from.iov_len;
	process_vm_writev(pid, &from, 1, &to, 1, 0);
	*at += (from.iov_len + 15) & ~(size_t)15;
	return (uint64_t)(uintptr_t)to.iov_base;
}

/* To the next stop: 0, or 1 when the process is dead. */
static int go(pid_t pid, int how)
{
	int status;

	if (ptrace(how, pid, 0, 0) || waitpid(pid, &status, __WALL) != pid)
		return 1;
	/* what seccomp sends: it is to have it */
	if (WIFSTOPPED(status) && WSTOPSIG(status) == SIGSYS &&
	    (ptrace(how, pid, 0, SIGSYS) ||
	     waitpid(pid, &status, __WALL) != pid))
		return 1;
	if (WIFSIGNALED(status))
		printf("killed %d\n", WTERMSIG(status));
	else if (WIFEXITED(status))
		printf("exited %d\n", WEXITSTATUS(status));
	return !WIFSTOPPED(status);
}

/* Whether seccomp's signal waits for it. */
static int doomed(pid_t pid)
{
	unsigned long long set = 0, all = 0;
	char path[64], line[256];
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "SigPnd: %llx", &set) == 1 ||
		    sscanf(line, "ShdPnd: %llx", &set) == 1)
			all |= set;
	}
	if (f)
		fclose(f);
	return all >> (SIGSYS - 1) & 1;
}

/* Where it has made a call, mostly one in which it waits: the instruction for that is
 * the one before. What is at work at the moment is left to go on for a while.
 */
static int stop(pid_t pid, struct user_regs_struct *r)
{
	int i;

	for (i = 0; i < TRIES; i++) {
		if (ptrace(PTRACE_INTERRUPT, pid, 0, 0) ||
		    waitpid(pid, NULL, __WALL) != pid ||
		    ptrace(PTRACE_GETREGS, pid, 0, r))
			return -1;
		errno = 0;
		if ((ptrace(PTRACE_PEEKTEXT, pid, r->rip - 2, 0) & 0xffff) ==
			    SYSCALL &&
		    !errno)
			return 0;
		if (ptrace(PTRACE_CONT, pid, 0, 0))
			return -1;
		usleep(1000);
	}
	errno = EAGAIN;
	return -1;
}

int main(int argc, char **argv)
{
	struct user_regs_struct old, r;
	pid_t pid = argc > 2 ? atoi(argv[1]) : 0;
	uint64_t v[ARGS] = { 0 }, at;
	int i;

	if (pid <= 0)
		return 2;
	if (ptrace(PTRACE_SEIZE, pid, 0, PTRACE_O_TRACESYSGOOD))
		return fail("trace it");
	if (stop(pid, &old))
		return fail("stop it");
	at = (old.rsp - BELOW) & ~UINT64_C(15);
	for (i = 0; i < ARGS && i + 3 < argc; i++)
		v[i] = argument(pid, argv[i + 3], &at);
	r = old;
	r.rip -= 2;
	r.rax = strtoull(argv[2], NULL, 0);
	r.orig_rax = (uint64_t)-1;
	r.rdi = v[0], r.rsi = v[1], r.rdx = v[2];
	r.r10 = v[3], r.r8 = v[4], r.r9 = v[5];
	if (ptrace(PTRACE_SETREGS, pid, 0, &r))
		return fail("set it up");
	if (go(pid, PTRACE_SYSCALL) || go(pid, PTRACE_SYSCALL) ||
	    (doomed(pid) && go(pid, PTRACE_CONT)))
		return 0;
	if (ptrace(PTRACE_GETREGS, pid, 0, &r))
		return fail("see the result");
	if ((int64_t)r.rax < 0 && (int64_t)r.rax > -4096)
		printf("= -1 %s\n", strerrorname_np((int)-(int64_t)r.rax));
	else
		printf("= %lld\n", (long long)r.rax);
	if ((int64_t)old.rax <= -512 && (int64_t)old.rax >= -516)
		old.rax = (uint64_t)-EINTR; /* it would be made again */
	old.orig_rax = (uint64_t)-1;
	ptrace(PTRACE_SETREGS, pid, 0, &old);
	ptrace(PTRACE_DETACH, pid, 0, 0);
	return 0;
}

#else

int main(void)
{
	puts("cannot trace: only x86-64 is known");
	return 1;
}

#endif
