// SPDX-License-Identifier: GPL-2.0-or-later
/* killat.c - runs a command and kills it at its N-th stop at a system call
 *
 *   killat N COMMAND ARG..      exit 137 when it was killed, else its own
 *   killat 0 COMMAND ARG..      never kills; prints how many stops there were
 *
 * A stop is the entry to or the exit from a system call of any of its threads, so
 * every moment between two outside effects of the command can be chosen.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

enum {
	KILLAT_OPTIONS = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE |
			 PTRACE_O_EXITKILL
};

static int killat_child(char **argv)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL))
		return 126;
	raise(SIGSTOP);
	execvp(argv[0], argv);
	perror(argv[0]);
	return 127;
}

/* What a stopped thread is sent when it goes on; counts system calls. */
static int killat_signal(int status, unsigned long *n)
{
	int sig = WSTOPSIG(status);

	if (sig == (SIGTRAP | 0x80)) {
		++*n;
		return 0;
	}
	return sig == SIGTRAP || sig == SIGSTOP ? 0 : sig;
}

/* Follows the command until it ends; returns its wait status. */
static int killat_follow(pid_t pid, unsigned long at, unsigned long *n)
{
	int status, sig;
	pid_t who;

	for (;;) {
		who = waitpid(-1, &status, __WALL);
		if (who < 0)
			return errno == ECHILD ? 0 : W_EXITCODE(126, 0);
		if (!WIFSTOPPED(status)) {
			if (who == pid)
				return status;
			continue;
		}
		sig = killat_signal(status, n);
		if (at && *n >= at)
			kill(pid, SIGKILL);
		ptrace(PTRACE_SYSCALL, who, NULL, (void *)(long)sig);
	}
}

int main(int argc, char **argv)
{
	unsigned long at, n = 0;
	int status;
	pid_t pid;

	if (argc < 3) {
		fputs("usage: killat N COMMAND ..\n", stderr);
		return 2;
	}
	at = strtoul(argv[1], NULL, 10);
	pid = fork();
	if (pid < 0)
		return 126;
	if (!pid)
		_exit(killat_child(argv + 2));
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status) ||
	    ptrace(PTRACE_SETOPTIONS, pid, NULL, KILLAT_OPTIONS)) {
		perror("killat");
		kill(pid, SIGKILL);
		return 126;
	}
	ptrace(PTRACE_SYSCALL, pid, NULL, NULL);
	status = killat_follow(pid, at, &n);
	if (!at)
		printf("%lu\n", n);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status)
				   : WEXITSTATUS(status);
}
