// SPDX-License-Identifier: GPL-2.0-or-later
/* keeper.c - holds the store's sockets and tree, and keeps a server running
 *
 * So small that it has no reason to die: it reads no byte from a client,
 * only three numbers from its own child. When it is killed all the same, the next
 * one finds the tree and the domains' sockets by their names.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/grave.h"
#include "base/log.h"
#include "base/msg.h"
#include "base/num.h"
#include "store/child.h"
#include "store/server.h"

enum {
	KEEPER_SHORT_NS = 200 * 1000 * 1000, /* a life too short .. */
	KEEPER_PAUSE_MS = 100, /* .. is not followed by the next at once */
	KEEPER_TRIES = 8,
	/* At its start, for the server of a keeper that was just killed: its
	 * sockets are open until it has ended, too.
	 */
	KEEPER_WAIT_MS = 5000,
	KEEPER_POLL_MS = 20,
};

struct keeper {
	struct keep keep;
	sigset_t old;
	int signals;
	int ask; /* our end of the pair, -1 = no child */
	pid_t child;
	uint64_t born_ns;
	bool stop, starts;
	struct grave *grave; /* connections that nobody took are closed, too */
};

static int keeper_path(const struct keeper *k, unsigned dom, const char *leaf,
		       char *out, size_t size)
{
	int n;

	if (dom)
		n = str_fmt(out, size, "%s/dom/%u%s", k->keep.run, dom, leaf);
	else
		n = str_fmt(out, size, "%s%s", k->keep.run, leaf);
	return n < 0 ? -ENAMETOOLONG : 0;
}

static int keeper_mkdir(const char *path, mode_t mode)
{
	return mkdir(path, mode) && errno != EEXIST ? -errno : 0;
}

/* netbackd's socket is in the same directory: when it takes that away it may take the
 * directory, too, that was there a moment ago.
 */
static int keeper_socket(struct keeper *k, unsigned dom, char path[108])
{
	int rc = 0, tries = 0, ms = 0;

	do {
		if (rc == -EADDRINUSE)
			poll(NULL, 0, KEEPER_POLL_MS);
		rc = keeper_path(k, dom, "", path, 108);
		if (!rc)
			rc = keeper_mkdir(path, dom ? 0700 : 0755);
		if (!rc)
			rc = keeper_path(k, dom, "/store", path, 108);
		if (!rc)
			rc = msg_listen(path, SOCK_STREAM, 0600);
		ms += KEEPER_POLL_MS;
	} while ((rc == -ENOENT && ++tries < KEEPER_TRIES) ||
		 (rc == -EADDRINUSE && k->starts && ms < KEEPER_WAIT_MS));
	return rc;
}

/* Makes the socket at which a connection is domain `dom`. */
static int keeper_listen(struct keeper *k, unsigned dom)
{
	char path[108];
	int rc;

	if (dom >= CONN_DOMS)
		return -EINVAL;
	if (k->keep.listen[dom] >= 0)
		return 0;
	rc = keeper_socket(k, dom, path);
	if (rc < 0) {
		log_error("store: %s: %s", path, strerror(-rc));
		return rc;
	}
	k->keep.listen[dom] = rc;
	return 0;
}

static void keeper_unlisten(struct keeper *k, unsigned dom)
{
	char path[108];

	if (dom >= CONN_DOMS || k->keep.listen[dom] < 0)
		return;
	grave_put(k->grave, k->keep.listen[dom]);
	k->keep.listen[dom] = -1;
	if (!keeper_path(k, dom, "/store", path, sizeof(path)))
		unlink(path);
	/* Stays while somebody else's socket is in it. */
	if (dom && !keeper_path(k, dom, "", path, sizeof(path)))
		rmdir(path);
}

/* The child is gone, or not itself any more; the signal starts the next. */
static void keeper_end_child(struct keeper *k)
{
	close(k->ask);
	k->ask = -1;
	kill(k->child, SIGKILL);
}

static void keeper_answer(struct keeper *k)
{
	struct child_msg m;
	int n = msg_recv(k->ask, &m, sizeof(m), NULL, NULL), *fd = NULL;

	if (n != sizeof(m) || !m.dom || m.dom >= CONN_DOMS) {
		keeper_end_child(k);
		return;
	}
	m.rc = 0;
	if (m.ask == CHILD_INTRODUCE) {
		m.rc = keeper_listen(k, m.dom);
		fd = m.rc ? NULL : &k->keep.listen[m.dom];
	} else {
		keeper_unlisten(k, m.dom);
	}
	if (msg_send(k->ask, &m, sizeof(m), fd, fd ? 1 : 0))
		keeper_end_child(k);
}

static int keeper_start(struct keeper *k)
{
	int pair[2];
	pid_t parent = getpid();

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	k->born_ns = clock_ns();
	k->child = fork();
	if (!k->child) {
		close(pair[0]);
		close(k->signals);
		signal(SIGPIPE, SIG_IGN);
		sigprocmask(SIG_SETMASK, &k->old, NULL);
		if (getppid() != parent)
			_exit(0);
		child_main(&k->keep, pair[1]);
	}
	close(pair[1]);
	if (k->child < 0) {
		close(pair[0]);
		return -EAGAIN;
	}
	/* It answers, or it is killed: it never makes us wait. */
	fcntl(pair[0], F_SETFL, O_NONBLOCK);
	k->ask = pair[0];
	return 0;
}

/* The child ended: the next one, with a pause when they die young. */
static void keeper_restart(struct keeper *k)
{
	int status, rc;

	if (waitpid(k->child, &status, WNOHANG) != k->child)
		return;
	if (k->ask >= 0)
		close(k->ask);
	k->ask = -1;
	k->child = -1;
	if (k->stop)
		return;
	log_warn("store: server ended (%s %d), starting the next",
		 WIFSIGNALED(status) ? "signal" : "status",
		 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	do {
		if (clock_ns() - k->born_ns < KEEPER_SHORT_NS)
			poll(NULL, 0, KEEPER_PAUSE_MS);
		rc = keeper_start(k);
	} while (rc);
}

static void keeper_signal(struct keeper *k)
{
	struct signalfd_siginfo si;

	if (read(k->signals, &si, sizeof(si)) != sizeof(si))
		return;
	if (si.ssi_signo == SIGCHLD)
		keeper_restart(k);
	else
		k->stop = true;
}

static void keeper_run(struct keeper *k)
{
	while (!k->stop) {
		struct pollfd p[2] = {
			{ .fd = k->signals, .events = POLLIN },
			{ .fd = k->ask, .events = POLLIN },
		};

		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents)
			keeper_answer(k);
		if (p[0].revents)
			keeper_signal(k);
	}
}

static int keeper_signals(struct keeper *k)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_BLOCK, &set, &k->old);
	k->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return k->signals < 0 ? -errno : 0;
}

/* A socket that the last keeper left may have been given to a guest. */
static void keeper_door_again(struct keeper *k, unsigned dom)
{
	char path[108];
	struct stat was;

	if (keeper_path(k, dom, "/store", path, sizeof(path)) ||
	    lstat(path, &was) || !S_ISSOCK(was.st_mode) ||
	    keeper_listen(k, dom))
		return;
	if (lchown(path, was.st_uid, was.st_gid) ||
	    chmod(path, was.st_mode & 0777))
		log_warn("store: %s: is not whose it was: %s", path,
			 strerror(errno));
}

/* Domains that the last keeper had: their sockets' names are still there. */
static void keeper_listen_again(struct keeper *k, const char *dir)
{
	DIR *d = opendir(dir);
	struct dirent *de;

	while (d && (de = readdir(d))) {
		uint32_t dom;

		if (!num_parse(de->d_name, CONN_DOMS - 1, &dom) && dom)
			keeper_door_again(k, dom);
	}
	if (d)
		closedir(d);
}

/* The tree comes after domain 0's socket: who has that is no second keeper. */
static int keeper_take(struct keeper *k)
{
	char path[108];
	bool kept;
	int rc = keeper_listen(k, 0);

	if (!rc)
		rc = keeper_path(k, 0, "/store.tree", path, sizeof(path));
	if (rc)
		return rc;
	k->keep.tree = journal_keep(path, &kept);
	if (k->keep.tree < 0) {
		log_error("store: %s: %s", path, strerror(-k->keep.tree));
		return k->keep.tree;
	}
	rc = keeper_path(k, 0, "/dom", path, sizeof(path));
	if (!rc)
		rc = keeper_mkdir(path, 0755);
	if (!rc && kept)
		keeper_listen_again(k, path);
	return rc;
}

static int keeper_open(struct keeper *k, const char *run)
{
	unsigned i;
	int rc;

	k->signals = k->ask = k->child = k->keep.tree = -1;
	for (i = 0; i < CONN_DOMS; i++)
		k->keep.listen[i] = -1;
	rc = grave_open(&k->grave);
	if (rc)
		return rc;
	if (str_put(k->keep.run, sizeof(k->keep.run), run)) {
		log_error("store: %s: longer than a socket's name may be", run);
		return -ENAMETOOLONG;
	}
	rc = keeper_signals(k);
	k->starts = true;
	if (!rc)
		rc = keeper_take(k);
	k->starts = false;
	return rc;
}

/* Tree and domains stay for the next one, as netbackd leaves its guests. */
static void keeper_close(struct keeper *k)
{
	unsigned i;

	if (k->child > 0) {
		kill(k->child, SIGTERM);
		waitpid(k->child, NULL, 0);
	}
	keeper_unlisten(k, 0);
	for (i = 1; i < CONN_DOMS; i++) {
		if (k->keep.listen[i] >= 0)
			grave_put(k->grave, k->keep.listen[i]);
	}
	if (k->signals >= 0)
		close(k->signals);
	if (k->ask >= 0)
		close(k->ask);
	if (k->keep.tree >= 0)
		close(k->keep.tree);
	grave_close(k->grave);
	free(k);
}

int store_server_main(const char *run_dir)
{
	struct keeper *k = calloc(1, sizeof(*k));
	int rc = k ? keeper_open(k, run_dir) : -ENOMEM;

	if (!rc)
		rc = keeper_start(k);
	if (!rc) {
		log_info("store: %s/store: ready", run_dir);
		keeper_run(k);
	} else {
		log_error("store: %s: cannot start: %s", run_dir,
			  strerror(-rc));
	}
	if (k)
		keeper_close(k);
	return rc ? 1 : 0;
}
