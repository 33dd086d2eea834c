// SPDX-License-Identifier: GPL-2.0-or-later
/* hold.c - keeps a worker's memory for the moment in which it dies
 *
 * The holder shares memory with a process that guests may take over some day:
 * its stack is theirs then, but not what it may do. Strict seccomp leaves it
 * read, write and exit; the signal of its parent's death is set before and cannot
 * be taken back, so it does not outlive a worker with pages of a guest in hand.
 *
 * It shares errno, too (one memory, one thread pointer): it makes no call that
 * may fail once the worker goes on.
 */
#include "daemon/hold.h"

#include <errno.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/sandbox.h"

enum { HOLD_STACK = 16384 };

struct hold {
	pid_t worker;
	int sock;
};

static char hold_stack[HOLD_STACK] __attribute__((aligned(16)));

/* All but one; a range without a number in it is refused, which is as well. */
static void hold_close_rest(int fd)
{
	close_range(0, (unsigned)fd - 1, 0);
	close_range((unsigned)fd + 1, ~0u, 0);
}

static int hold_main(void *arg)
{
	const struct hold *h = arg;
	int sock = h->sock; /* h is gone once the worker goes on */
	char byte = 0;

	prctl(PR_SET_NAME, "netback-hold");
	hold_close_rest(sock);
	if (!sandbox_tie(h->worker) &&
	    !prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) &&
	    write(sock, &byte, 1) == 1) {
		while (read(sock, &byte, 1) > 0)
			; /* the worker says nothing, and then ends */
	}
	syscall(SYS_exit, 0); /* exit_group is more than strict allows */
	return 0;
}

int hold_memory(void)
{
	struct hold h = { .worker = getpid() };
	int sv[2], rc;
	char byte;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sv))
		return -errno;
	h.sock = sv[1];
	rc = clone(hold_main, hold_stack + HOLD_STACK, CLONE_VM | SIGCHLD, &h);
	rc = rc < 0 ? -errno : 0;
	close(sv[1]);
	if (!rc && read(sv[0], &byte, 1) != 1)
		rc = -EPERM;
	if (rc)
		close(sv[0]);
	return rc; /* sv[0] stays open as long as the worker lives */
}
