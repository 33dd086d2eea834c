// SPDX-License-Identifier: GPL-2.0-or-later
/* nursery.c - the process that workers are forked from */
#include "daemon/nursery.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/msg.h"
#include "base/num.h"
#include "daemon/hold.h"

enum {
	NURSERY_WORKERS = 40, /* CREW_PLACES, their spare, and the dying */
	NURSERY_TRIES = 1000, /* of a message, a millisecond each */
};

struct nursery {
	const struct nursery_conf *conf;
	int sock, sigs;
	pid_t self;
	pid_t worker[NURSERY_WORKERS];
};

/* The kernel has no memory for it now; its callers are told that all is lost
 * when we are.
 */
static bool nursery_later(int rc)
{
	return rc == -ENOMEM || rc == -ENOBUFS || rc == -EAGAIN;
}

static int nursery_say(int sock, int type, pid_t pid, int rc)
{
	struct nursery_msg m = { .type = type, .pid = pid, .rc = rc };
	unsigned i;
	int r;

	for (i = 0; i < NURSERY_TRIES; i++) {
		r = msg_send(sock, &m, sizeof(m), NULL, 0);
		if (!nursery_later(r))
			break;
		usleep(1000);
	}
	return r;
}

/* The child's part: nothing of the nursery's but its confinement. */
static void nursery_be_worker(struct nursery *n, int sock)
{
	struct err e = { "" };
	sigset_t none;
	int rc;

	close(n->sock);
	close(n->sigs);
	prctl(PR_SET_NAME, "netback-worker");
	sigemptyset(&none);
	if (sandbox_tie(n->self))
		_exit(1);
	rc = hold_memory();
	if (rc)
		log_debug("no holder of a worker's memory: %s", strerror(-rc));
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (sandbox_worker(&e)) {
		log_error("%s", e.text);
		_exit(1);
	}
	_exit(n->conf->worker(sock));
}

static int nursery_fork(struct nursery *n, int sock)
{
	unsigned i;
	pid_t pid;

	for (i = 0; i < NURSERY_WORKERS && n->worker[i];)
		i++;
	if (i == NURSERY_WORKERS)
		return -EAGAIN;
	pid = fork();
	if (pid < 0)
		return -errno;
	if (!pid)
		nursery_be_worker(n, sock);
	n->worker[i] = pid;
	return pid;
}

/* Only children which were not waited for: their pid is still theirs. */
static void nursery_kill(const struct nursery *n, pid_t pid)
{
	unsigned i;

	for (i = 0; i < NURSERY_WORKERS; i++) {
		if (pid > 0 && n->worker[i] == pid)
			kill(pid, SIGKILL);
	}
}

static int nursery_order(struct nursery *n)
{
	struct nursery_msg m;
	int fd = -1, rc;
	unsigned nfd = 1;

	rc = msg_recv(n->sock, &m, sizeof(m), &fd, &nfd);
	if (nursery_later(rc))
		return 0; /* it is still there */
	if (rc != sizeof(m))
		return -EPIPE;
	rc = 0;
	if (m.type == NURSERY_FORK && nfd == 1) {
		rc = nursery_fork(n, fd);
		rc = nursery_say(n->sock, NURSERY_BORN, rc > 0 ? rc : 0,
				 rc < 0 ? rc : 0);
	} else if (m.type == NURSERY_KILL) {
		nursery_kill(n, m.pid);
	}
	if (nfd)
		close(fd);
	return rc;
}

/* Whether it was a worker, and not a dead one's holder (hold.c). */
static bool nursery_forget(struct nursery *n, pid_t pid)
{
	unsigned i;

	for (i = 0; i < NURSERY_WORKERS && n->worker[i] != pid;)
		i++;
	if (i == NURSERY_WORKERS)
		return false;
	n->worker[i] = 0;
	return true;
}

static int nursery_reap(struct nursery *n)
{
	struct signalfd_siginfo si;
	int status, rc = 0;
	pid_t pid;

	/* Whatever it said: who is dead is known from elsewhere. */
	(void)!read(n->sigs, &si, sizeof(si));
	while (!rc && (pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (nursery_forget(n, pid))
			rc = nursery_say(n->sock, NURSERY_DIED, pid, status);
	}
	return rc;
}

static int nursery_serve(struct nursery *n)
{
	int rc = 0;

	while (!rc) {
		struct pollfd p[] = {
			{ .fd = n->sock, .events = POLLIN },
			{ .fd = n->sigs, .events = POLLIN },
		};

		if (poll(p, ARRAY_SIZE(p), -1) < 0 && errno != EINTR)
			return -errno;
		if (p[1].revents)
			rc = nursery_reap(n);
		if (!rc && p[0].revents)
			rc = nursery_order(n);
	}
	return rc;
}

/* Terminal signals are the supervisor's to handle: its end is ours. */
static int nursery_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Whatever else was open at start-up is not for workers. */
static void nursery_close_rest(int sock, int keep)
{
	unsigned lo = (unsigned)(sock < keep ? sock : keep);
	unsigned hi = (unsigned)(sock < keep ? keep : sock);

	/* A range without a number in it is refused, which is as well. */
	close_range(3, lo - 1, 0);
	close_range(lo + 1, hi - 1, 0);
	close_range(hi + 1, ~0u, 0);
}

static void nursery_main(const struct nursery_conf *c, int sock, pid_t parent)
{
	struct nursery n = { .conf = c, .sock = sock, .self = getpid() };
	struct nursery_msg m = { .type = NURSERY_READY };
	struct err e = { "" };

	prctl(PR_SET_NAME, "netback-nursery");
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* of dead workers' holders */
	nursery_close_rest(sock, c->fd_keep);
	n.sigs = nursery_signals();
	m.rc = sandbox_nursery(&c->id, c->run, &e);
	/* After the uid changed: the kernel forgets it then. */
	if (!m.rc)
		m.rc = sandbox_tie(parent);
	if (!m.rc && n.sigs < 0)
		m.rc = -EMFILE;
	snprintf(m.text, sizeof(m.text), "%s", e.text);
	if (msg_send(sock, &m, sizeof(m), NULL, 0) || m.rc)
		_exit(1);
	nursery_serve(&n);
	_exit(0);
}

int nursery_start(const struct nursery_conf *c, pid_t *pid, struct err *e)
{
	struct nursery_msg m = { 0 };
	pid_t parent = getpid();
	int sv[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
		return err_set(e, -errno, "socketpair: %s", strerror(errno));
	*pid = fork();
	if (!*pid)
		nursery_main(c, sv[1], parent);
	close(sv[1]);
	rc = *pid < 0 ? -errno : msg_recv(sv[0], &m, sizeof(m), NULL, NULL);
	if (rc == sizeof(m) && !m.rc)
		return sv[0];
	close(sv[0]);
	if (rc < 0)
		return err_set(e, rc, "nursery: %s", strerror(-rc));
	return err_set(e, m.rc < 0 ? m.rc : -EPIPE, "nursery: %s",
		       m.text[0] ? m.text : "it died");
}
