// SPDX-License-Identifier: GPL-2.0-or-later
/* child.c - the store server's process: no privileges, bytes of strangers
 *
 * It owns nothing that matters: sockets and tree are the keeper's, so it may
 * die at any instruction and the next one goes on.
 */
#include "store/child.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/log.h"
#include "base/msg.h"
#include "base/num.h"
#include "base/rate.h"
#include "store/journal.h"

enum {
	CHILD_UID = 65534, /* nobody, and nobody may trace us */
	CHILD_REST_MS = 1000,
	/* How often a guest may connect: that takes more of us than of it. */
	CHILD_BURST = 50,   /* at once .. */
	CHILD_EACH_MS = 10, /* .. and then one each */
};

struct child_door {
	struct child *child;
	uint16_t dom;
	int fd;
	struct loop_fd *src;
	struct rate rate;
	struct loop_timer *rest; /* shut for a while */
	uint32_t rest_ms;
};

struct child {
	struct server server;
	int ask;
	int spare; /* given up to refuse a client when descriptors run out */
	struct child_door *door[CONN_DOMS];
};

static void child_rested(void *arg)
{
	struct child_door *d = arg;

	d->rest = NULL;
	loop_mod(d->child->server.loop, d->src, EPOLLIN);
}

static void child_shut(struct child_door *d, uint32_t ms)
{
	struct loop *l = d->child->server.loop;

	if (!loop_after(l, ms, child_rested, d, &d->rest))
		loop_mod(l, d->src, 0);
}

/* Until what was left to close is closed. */
static void child_rest(struct child_door *d)
{
	d->rest_ms = d->rest_ms ? d->rest_ms * 2 : 1;
	if (d->rest_ms > CHILD_REST_MS)
		d->rest_ms = CHILD_REST_MS;
	child_shut(d, d->rest_ms);
}

/* Who comes too often waits before the door, in the kernel's queue. */
static bool child_too_often(struct child_door *d)
{
	uint32_t ms = d->dom ? rate_ask(&d->rate,
					loop_now(d->child->server.loop),
					CHILD_BURST, CHILD_EACH_MS)
			     : 0;

	if (ms)
		child_shut(d, ms);
	return ms;
}

static void child_accept(void *arg, int fd, uint32_t events)
{
	struct child_door *d = arg;
	struct child *c = d->child;
	int r;

	(void)events;
	if (!conn_may_open(&c->server, d->dom)) {
		child_rest(d);
		return;
	}
	if (child_too_often(d))
		return;
	d->rest_ms = 0;
	r = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (r < 0 && (errno == EMFILE || errno == ENFILE)) {
		close(c->spare);
		r = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		conn_bury(&c->server, d->dom, r);
		c->spare = dup(c->ask);
		return;
	}
	if (r >= 0)
		conn_open(&c->server, r, d->dom);
}

static int child_door_open(struct child *c, uint16_t dom, int fd)
{
	struct child_door *d = tree_alloc(NULL, sizeof(*d));
	int rc;

	*d = (struct child_door){ .child = c, .dom = dom, .fd = fd };
	rc = loop_add(c->server.loop, fd, EPOLLIN, child_accept, d, &d->src);
	if (rc) {
		close(fd);
		free(d);
		return rc;
	}
	c->door[dom] = d;
	return 0;
}

/* The keeper answers at once: it does nothing else. */
static int child_ask(struct child *c, unsigned ask, uint16_t dom, int *fd)
{
	struct child_msg m = { .ask = (uint16_t)ask, .dom = dom };
	unsigned nfd = fd ? 1 : 0;
	int rc = msg_send(c->ask, &m, sizeof(m), NULL, 0);

	if (rc)
		return rc;
	if (msg_recv(c->ask, &m, sizeof(m), fd, &nfd) != sizeof(m))
		return -EPIPE;
	return m.rc ? m.rc : fd && !nfd ? -EPROTO : 0;
}

static int child_introduce(struct server *s, uint16_t dom)
{
	struct child *c = container_of(s, struct child, server);
	int fd, rc = child_ask(c, CHILD_INTRODUCE, dom, &fd);

	return rc ? rc : child_door_open(c, dom, fd);
}

static int child_release(struct server *s, uint16_t dom)
{
	struct child *c = container_of(s, struct child, server);
	struct child_door *d = c->door[dom];

	if (d) {
		c->door[dom] = NULL;
		loop_del(s->loop, d->src);
		loop_cancel(s->loop, d->rest);
		conn_bury(s, dom, d->fd);
		free(d);
	}
	return child_ask(c, CHILD_RELEASE, dom, NULL);
}

/* The keeper speaks only when asked: this is its end. */
static void child_orphaned(void *arg, int fd, uint32_t events)
{
	(void)arg;
	(void)fd;
	(void)events;
	_exit(0);
}

/* An empty root, made and removed at once. Needs CAP_SYS_CHROOT; without it
 * we have the file system's permissions between us and the files.
 */
static void child_hide_files(const char *run)
{
	char dir[96];
	bool in;

	if (str_fmt(dir, sizeof(dir), "%s/.empty-XXXXXX", run) < 0 ||
	    !mkdtemp(dir))
		return;
	in = !chdir(dir);
	if (rmdir(dir) && rmdir(dir))
		log_debug("store: %s: %s", dir, strerror(errno));
	if (!in || chroot("."))
		log_debug("store: no empty root: %s", strerror(errno));
}

static void child_drop_caps(void)
{
	struct __user_cap_header_struct h = {
		.version = _LINUX_CAPABILITY_VERSION_3,
	};
	struct __user_cap_data_struct none[2] = { 0 };

	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capset, &h, none)) {
		log_error("store: cannot drop capabilities: %s",
			  strerror(errno));
		_exit(1);
	}
}

static void child_confine(const char *run)
{
	/* The tree's file is on the run directory's tmpfs, with others'. */
	static const struct rlimit size = { JOURNAL_SIZE, JOURNAL_SIZE };
	struct rlimit files;
	unsigned long i;

	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	setrlimit(RLIMIT_FSIZE, &size);
	signal(SIGXFSZ, SIG_IGN); /* a log that is a longer file loses lines */
	child_hide_files(run);
	for (i = 0; prctl(PR_CAPBSET_DROP, i, 0, 0, 0) == 0; i++)
		;
	/* Where only one uid is mapped these fail, and we stay who we are. */
	setgroups(0, NULL);
	if (!setresgid(CHILD_UID, CHILD_UID, CHILD_UID) &&
	    setresuid(CHILD_UID, CHILD_UID, CHILD_UID))
		log_debug("store: uid stays: %s", strerror(errno));
	child_drop_caps();
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
}

void child_main(const struct keep *k, int ask)
{
	struct child *c = tree_alloc(NULL, sizeof(*c));
	struct server *s = &c->server;
	unsigned i;
	int rc;

	memset(c, 0, sizeof(*c));
	c->ask = ask;
	c->spare = dup(ask);
	s->introduce = child_introduce;
	s->release = child_release;
	child_confine(k->run);
	rc = db_open(&s->db, k->tree);
	if (!rc)
		rc = loop_open(&s->loop);
	if (!rc)
		rc = loop_add(s->loop, ask, EPOLLIN, child_orphaned, c, NULL);
	for (i = 0; i < CONN_DOMS && !rc; i++) {
		if (k->listen[i] < 0)
			continue;
		s->dom[i].introduced = true;
		rc = child_door_open(c, (uint16_t)i, k->listen[i]);
	}
	if (!rc)
		rc = loop_run(s->loop);
	log_error("store: server ends: %s", strerror(-rc));
	_exit(1);
}
