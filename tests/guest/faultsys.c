// SPDX-License-Identifier: GPL-2.0-or-later
/* faultsys.c - lets the n-th system call of a process fail, once (ptrace)
 *
 *   faultsys N PID			a process that runs, its first thread
 *   faultsys N -- COMMAND..		a new one, with all its children
 *
 * Prints "ready" when it watches, "hit NR ERRNO" when it struck, and "count N"
 * when SIGTERM tells it to let go, or the command has ended ("exit STATUS").
 * N = 0 only counts. Calls that do not fail in life are not counted, and of a
 * command none before the preloaded faultalloc says that main() begins.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#ifdef __x86_64__

enum {
	TASKS = 256,
	MARK = 0x4e42,
	FAMILY = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEFORK |
		 PTRACE_O_TRACEVFORK | PTRACE_O_EXITKILL,
};

struct task {
	pid_t tid;
	int err;      /* to be the result of the call it is in */
	uint64_t nr;  /* and its number again, ... */
	uint64_t arg; /* ... and its first argument */
};

static struct task tasks[TASKS];
static unsigned ntask;
static unsigned long count, at;
static bool counting;
static volatile sig_atomic_t done;

static void on_term(int sig)
{
	(void)sig;
	done = 1;
}

static struct task *find(pid_t tid)
{
	unsigned i;

	for (i = 0; i < ntask; i++) {
		if (tasks[i].tid == tid)
			return &tasks[i];
	}
	if (ntask == TASKS)
		return NULL;
	tasks[ntask] = (struct task){ .tid = tid };
	return &tasks[ntask++];
}

static void forget(pid_t tid)
{
	struct task *t = find(tid);

	if (t)
		*t = tasks[--ntask];
}

/* What it would fail with; 0: it does not fail, or means nothing if it does. */
static const struct {
	short nr, err;
} row[] = {
	{ SYS_close, 0 },
	{ SYS_exit, 0 },
	{ SYS_exit_group, 0 },
	{ SYS_rt_sigreturn, 0 },
	{ SYS_futex, 0 },
	{ SYS_clock_gettime, 0 },
	{ SYS_gettid, 0 },
	{ SYS_getpid, 0 },
	{ SYS_getppid, 0 },
	{ SYS_getuid, 0 },
	{ SYS_geteuid, 0 },
	{ SYS_brk, 0 },
	{ SYS_munmap, 0 },
	{ SYS_madvise, 0 },
	{ SYS_mprotect, 0 },
	{ SYS_rt_sigprocmask, 0 },
	{ SYS_sched_yield, 0 },
	{ SYS_restart_syscall, 0 },
	{ SYS_set_robust_list, 0 },
	{ SYS_rseq, 0 },
	{ SYS_umask, 0 },
	{ SYS_rt_sigaction, 0 },
	{ SYS_clock_nanosleep, 0 },
	{ SYS_execve, 0 },
	{ SYS_kill, 0 },
	{ SYS_arch_prctl, 0 },
	{ SYS_epoll_wait, EINTR },
	{ SYS_epoll_pwait, EINTR },
	{ SYS_poll, EINTR },
	{ SYS_ppoll, EINTR },
	{ SYS_wait4, EINTR },
	{ SYS_read, EIO },
	{ SYS_readv, EIO },
	{ SYS_preadv2, EIO },
	{ SYS_pread64, EIO },
	{ SYS_write, ENOSPC },
	{ SYS_writev, ENOSPC },
	{ SYS_open, EMFILE },
	{ SYS_openat, EMFILE },
	{ SYS_socket, EMFILE },
	{ SYS_socketpair, EMFILE },
	{ SYS_accept4, EMFILE },
	{ SYS_pipe2, EMFILE },
	{ SYS_dup, EMFILE },
	{ SYS_fcntl, EMFILE },
	{ SYS_eventfd2, EMFILE },
	{ SYS_signalfd4, EMFILE },
	{ SYS_sendmsg, ENOBUFS },
	{ SYS_sendto, ENOBUFS },
	{ SYS_mkdir, ENOSPC },
	{ SYS_renameat, ENOSPC },
	{ SYS_ftruncate, ENOSPC },
	{ SYS_unlink, EIO },
	{ SYS_unlinkat, EIO },
	{ SYS_rmdir, EIO },
	{ SYS_connect, EAGAIN },
	{ SYS_clone, EAGAIN },
	{ SYS_clone3, EAGAIN },
	{ SYS_fork, EAGAIN },
};

static int error_of(uint64_t nr)
{
	unsigned i;

	for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		if ((uint64_t)row[i].nr == nr)
			return row[i].err;
	}
	return ENOMEM;
}

/* The call is made a close(-1): that one is in every list of allowed calls. */
static void entry(struct task *t)
{
	struct user_regs_struct r;
	int err;

	if (ptrace(PTRACE_GETREGS, t->tid, 0, &r))
		return;
	if (r.orig_rax == SYS_prctl && r.rdi == MARK) {
		counting = true;
		return;
	}
	err = counting ? error_of(r.orig_rax) : 0;
	if (r.orig_rax == SYS_epoll_ctl && r.rsi == EPOLL_CTL_DEL)
		err = 0; /* it needs nothing */
	if (!err || ++count != at)
		return;
	printf("hit %llu %s\n", r.orig_rax, strerrorname_np(err));
	fflush(stdout);
	t->err = err;
	t->nr = r.orig_rax;
	t->arg = r.rdi;
	r.orig_rax = SYS_close;
	r.rdi = (uint64_t)-1;
	ptrace(PTRACE_SETREGS, t->tid, 0, &r);
}

static void leave(struct task *t)
{
	struct user_regs_struct r;

	if (!t->err || ptrace(PTRACE_GETREGS, t->tid, 0, &r))
		return;
	r.rax = (uint64_t)-t->err;
	r.orig_rax = t->nr;
	r.rdi = t->arg;
	ptrace(PTRACE_SETREGS, t->tid, 0, &r);
	t->err = 0;
}

static bool is_entry(pid_t tid)
{
	struct __ptrace_syscall_info info = { 0 };

	return ptrace(PTRACE_GET_SYSCALL_INFO, tid, sizeof(info), &info) > 0 &&
	       info.op == PTRACE_SYSCALL_INFO_ENTRY;
}

/* One stop; what the task is to be given when it goes on. */
static int stopped(struct task *t, int status)
{
	int sig = WSTOPSIG(status);

	if (sig == (SIGTRAP | 0x80)) {
		if (t->err)
			leave(t);
		else if (is_entry(t->tid))
			entry(t);
		return 0;
	}
	if (status >> 16) /* an event, or the first stop */
		return 0;
	return sig;
}

static void seize(pid_t tid)
{
	if (ptrace(PTRACE_SEIZE, tid, 0, PTRACE_O_TRACESYSGOOD)) {
		printf("cannot trace %d: %s\n", (int)tid, strerror(errno));
		exit(1);
	}
	find(tid);
	ptrace(PTRACE_INTERRUPT, tid, 0, 0);
	counting = true;
}

static pid_t spawn(char **argv)
{
	pid_t pid = fork();

	if (!pid) {
		raise(SIGSTOP);
		execvp(argv[0], argv);
		_exit(127);
	}
	waitpid(pid, NULL, WUNTRACED);
	if (ptrace(PTRACE_SEIZE, pid, 0, FAMILY)) {
		printf("cannot trace: %s\n", strerror(errno));
		exit(1);
	}
	find(pid);
	kill(pid, SIGCONT);
	return pid;
}

/* Everybody is let go by our own end; but not in the middle of a lie. */
static bool busy(void)
{
	unsigned i;

	for (i = 0; i < ntask; i++) {
		if (tasks[i].err)
			return true;
	}
	return false;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_term };
	int status, code = 0;
	pid_t tid, first = 0;

	if (argc < 3)
		return 2;
	at = strtoul(argv[1], NULL, 10);
	sigaction(SIGTERM, &sa, NULL);
	if (strcmp(argv[2], "--"))
		seize((pid_t)atoi(argv[2]));
	else
		first = spawn(argv + 3);
	puts("ready");
	fflush(stdout);
	while (ntask && (!done || busy())) {
		tid = waitpid(-1, &status, __WALL);
		if (tid < 0 && errno == EINTR)
			continue;
		if (tid < 0)
			break;
		if (WIFSTOPPED(status)) {
			struct task *t = find(tid);
			int sig = t ? stopped(t, status) : 0;

			ptrace(PTRACE_SYSCALL, tid, 0, sig);
			continue;
		}
		if (tid == first) {
			code = WIFEXITED(status) ? WEXITSTATUS(status)
						 : 128 + WTERMSIG(status);
			printf("exit %d\n", code);
			fflush(stdout);
		}
		forget(tid);
	}
	printf("count %lu\n", count);
	return 0;
}

#else

int main(void)
{
	puts("cannot trace: only x86-64 is known");
	return 1;
}

#endif
