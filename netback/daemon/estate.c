// SPDX-License-Identifier: GPL-2.0-or-later
/* estate.c - descriptors that outlive a supervisor, by name */
#include "daemon/estate.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/msg.h"
#include "base/num.h"

enum {
	ESTATE_FIRST = 3, /* sd_listen_fds(3) */
	ESTATE_MOST = 65536,
	ESTATE_WAIT_S = 10,
	ESTATE_BARRIER_MS = 200,
	ESTATE_AGAIN_MS = 5, /* until more is told to a manager that is slow */
	ESTATE_BEHIND_MS = 2000,
};

struct piece {
	struct piece *next;
	bool told; /* the manager has it */
	int fd;	   /* kept: borrowed; inherited: ours; taken: the caller's */
	char name[ESTATE_NAME];
};

struct estate {
	struct piece *kept, *inherited;
	struct piece *taken;   /* of those: what the manager has */
	struct piece *dropped; /* what it has still, and is to forget */
	unsigned untold;       /* of kept */
	const char *say;       /* not said yet */
	struct loop *loop;
	struct loop_timer *again;
	uint64_t behind_ns; /* since when something is to be told; 0: nothing */
	bool frozen;
	int notify; /* -1: nobody keeps anything for us */
	struct sockaddr_un to;
	socklen_t to_len;
};

/* One message of a take-over; the last has no name. */
struct estate_msg {
	char name[ESTATE_NAME];
};

static int piece_add(struct piece **list, const char *name, int fd)
{
	struct piece *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	if (str_put(p->name, sizeof(p->name), name)) {
		free(p);
		return -ENAMETOOLONG;
	}
	p->fd = fd;
	p->next = *list;
	*list = p;
	return 0;
}

/* A name, or the beginning of one: that ends in a dot, or is empty. */
static struct piece **piece_find(struct piece **at, const char *name)
{
	size_t n = strlen(name);

	if (n && name[n - 1] != '.')
		n = ESTATE_NAME; /* all of it */
	while (*at && strncmp((*at)->name, name, n))
		at = &(*at)->next;
	return at;
}

/* Of what the manager has, or -1: the number under which it was taken. */
static int estate_untake(struct estate *t, const char *name)
{
	struct piece **at = &t->taken, *p;
	int fd;

	while (*at && strcmp((*at)->name, name))
		at = &(*at)->next;
	p = *at;
	if (!p)
		return -1;
	fd = p->fd;
	*at = p->next;
	free(p);
	return fd;
}

/* The manager goes on keeping what it handed over. Numbers beyond those that were
 * named are somebody's, but not ours to use.
 */
static void estate_adopt(struct estate *t, unsigned n, const char *names)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		int fd = (int)(ESTATE_FIRST + i);
		size_t len = strcspn(names, ":");
		char name[ESTATE_NAME] = "";

		if (len < sizeof(name))
			memcpy(name, names, len);
		names += len + (names[len] == ':');
		if (fcntl(fd, F_SETFD, FD_CLOEXEC))
			continue; /* it is not open */
		if (!name[0] || piece_add(&t->inherited, name, fd))
			close(fd);
		else
			t->inherited->told = true;
	}
}

static void estate_listen(struct estate *t)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	const char *names = getenv("LISTEN_FDNAMES");
	uint32_t who, n;

	if (pid && fds && !num_parse(pid, INT32_MAX, &who) &&
	    who == (uint32_t)getpid() && !num_parse(fds, ESTATE_MOST, &n))
		estate_adopt(t, n, names ? names : "");
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
}

static void estate_find_manager(struct estate *t)
{
	const char *path = getenv("NOTIFY_SOCKET");
	size_t n = path ? strlen(path) : 0;

	if (n < 2 || n >= sizeof(t->to.sun_path) ||
	    (path[0] != '/' && path[0] != '@'))
		return;
	t->to.sun_family = AF_UNIX;
	memcpy(t->to.sun_path, path, n);
	if (path[0] == '@')
		t->to.sun_path[0] = '\0';
	t->to_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + n);
	t->notify = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	unsetenv("NOTIFY_SOCKET");
}

int estate_open(struct estate **out)
{
	struct estate *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->notify = -1;
	estate_listen(t);
	estate_find_manager(t);
	*out = t;
	return 0;
}

/* --- what the manager is told ----------------------------------------------------- */

/* Its socket takes a few messages (net.unix.max_dgram_qlen), then it has to read.
 * It is not waited for: what was not told is told later, first what it is to
 * forget, since the name may be another's by now.
 */

/* False: later. */
static bool estate_tell(struct estate *t, const char *text, int fd)
{
	struct iovec iov = { (char *)(uintptr_t)text, strlen(text) };
	union {
		char buf[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} c = { 0 };
	struct msghdr m = {
		.msg_name = &t->to,
		.msg_namelen = t->to_len,
		.msg_iov = &iov,
		.msg_iovlen = 1,
	};

	if (t->notify < 0)
		return true;
	if (fd >= 0) {
		m.msg_control = c.buf;
		m.msg_controllen = sizeof(c.buf);
		CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
		CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
		CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(sizeof(fd));
		memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof(fd));
	}
	if (sendmsg(t->notify, &m, MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
		return true;
	if (errno == EAGAIN || errno == ENOBUFS || errno == ENOMEM ||
	    errno == ETOOMANYREFS)
		return false;
	log_debug("service manager: %s", strerror(errno));
	return true;
}

static bool estate_tell_kept(struct estate *t, struct piece *p)
{
	char text[ESTATE_NAME + 32];

	snprintf(text, sizeof(text), "FDSTORE=1\nFDNAME=%s", p->name);
	p->told = estate_tell(t, text, p->fd);
	t->untold -= p->told;
	return p->told;
}

static bool estate_tell_dropped(struct estate *t, const char *name)
{
	char text[ESTATE_NAME + 32];

	snprintf(text, sizeof(text), "FDSTOREREMOVE=1\nFDNAME=%s", name);
	return estate_tell(t, text, -1);
}

/* Whether all is told. */
static bool estate_flush(struct estate *t)
{
	struct piece *p;

	while ((p = t->dropped)) {
		if (!estate_tell_dropped(t, p->name))
			return false;
		t->dropped = p->next;
		free(p);
	}
	for (p = t->kept; p && t->untold; p = p->next) {
		if (!p->told && !estate_tell_kept(t, p))
			return false;
	}
	if (t->say && !estate_tell(t, t->say, -1))
		return false;
	t->say = NULL;
	t->behind_ns = 0;
	return true;
}

static void estate_try_again(struct estate *t);

static void estate_again(void *arg)
{
	struct estate *t = arg;

	t->again = NULL;
	estate_try_again(t);
}

static void estate_try_again(struct estate *t)
{
	if (t->frozen || estate_flush(t))
		return;
	if (!t->behind_ns)
		t->behind_ns = clock_ns();
	if (t->loop && !t->again)
		loop_after(t->loop, ESTATE_AGAIN_MS, estate_again, t,
			   &t->again);
}

void estate_run(struct estate *t, struct loop *l)
{
	if (!t)
		return;
	t->loop = l;
	estate_try_again(t);
}

bool estate_behind(const struct estate *t)
{
	return t && t->behind_ns && !t->frozen &&
	       clock_ns() - t->behind_ns < ESTATE_BEHIND_MS * 1000000ull;
}

void estate_say(struct estate *t, const char *text)
{
	if (!t)
		return;
	t->say = text;
	estate_try_again(t);
}

void estate_keep(struct estate *t, const char *name, int fd)
{
	bool told = t && estate_untake(t, name) == fd;

	if (!t || t->frozen || piece_add(&t->kept, name, fd))
		return;
	t->kept->told = told;
	t->untold += !told;
	estate_try_again(t);
}

void estate_drop(struct estate *t, const char *name)
{
	struct piece **at, *p;

	if (!t || t->frozen)
		return;
	at = piece_find(&t->kept, name);
	p = *at;
	if (!p)
		return;
	*at = p->next;
	if (p->told) {
		p->next = t->dropped;
		t->dropped = p;
	} else {
		t->untold--;
		free(p);
	}
	estate_try_again(t);
}

/* It closes its end of the pipe when it gets there (sd_notify_barrier(3)). */
void estate_barrier(struct estate *t)
{
	struct pollfd p = { 0 };
	unsigned ms = ESTATE_BARRIER_MS;
	int fd[2];

	if (!t || t->notify < 0 || t->frozen)
		return;
	while (!estate_flush(t) && ms) {
		usleep(1000);
		ms--;
	}
	if (pipe2(fd, O_CLOEXEC))
		return;
	estate_tell(t, "BARRIER=1", fd[1]);
	close(fd[1]);
	p.fd = fd[0];
	poll(&p, 1, (int)ms);
	close(fd[0]);
}

/* --- what was inherited ------------------------------------------------------------ */

int estate_take(struct estate *t, const char *prefix, char name[ESTATE_NAME])
{
	struct piece **at, *p;
	int fd;

	if (!t)
		return -ENOENT;
	at = piece_find(&t->inherited, prefix);
	p = *at;
	if (!p)
		return -ENOENT;
	fd = p->fd;
	if (name)
		memcpy(name, p->name, ESTATE_NAME);
	*at = p->next;
	if (!p->told) {
		free(p);
		return fd;
	}
	p->next = t->taken;
	t->taken = p;
	return fd;
}

void estate_refuse(struct estate *t, const char *name, int fd)
{
	estate_untake(t, name);
	close(fd);
	/* Without memory to note it the manager is told now, or never. */
	if (piece_add(&t->dropped, name, -1))
		estate_tell_dropped(t, name);
	estate_try_again(t);
}

void estate_freeze(struct estate *t)
{
	if (!t)
		return;
	t->frozen = true;
	if (t->again)
		loop_cancel(t->loop, t->again);
	t->again = NULL;
}

unsigned estate_waiting(const struct estate *t)
{
	const struct piece *p = t ? t->inherited : NULL;
	unsigned n = 0;

	for (; p; p = p->next)
		n++;
	return n;
}

void estate_settle(struct estate *t)
{
	char name[ESTATE_NAME];

	while (estate_waiting(t)) {
		int fd = estate_take(t, "", name);

		log_debug("%s: nobody's any more", name);
		estate_refuse(t, name, fd);
	}
}

int estate_inherit(struct estate *t, int sock)
{
	struct timeval tv = { .tv_sec = ESTATE_WAIT_S };
	struct estate_msg m;
	int rc, fd;

	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	for (;;) {
		unsigned nfd = 1;

		fd = -1;
		rc = msg_recv(sock, &m, sizeof(m), &fd, &nfd);
		if (rc != sizeof(m))
			return rc < 0 ? rc : -EPROTO;
		m.name[ESTATE_NAME - 1] = '\0';
		if (!m.name[0])
			return 0;
		if (nfd == 1 && !piece_add(&t->inherited, m.name, fd))
			continue;
		if (nfd == 1)
			close(fd);
	}
}

bool estate_managed(const struct estate *t)
{
	return t && t->notify >= 0;
}

int estate_bequeath(const struct estate *t, int sock, const char *name, int fd)
{
	struct timeval tv = { .tv_sec = ESTATE_WAIT_S };
	struct estate_msg m = { "" };
	const struct piece *p;
	int rc = 0;

	setsockopt(sock, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv));
	if (name) {
		str_put(m.name, sizeof(m.name), name);
		rc = msg_send(sock, &m, sizeof(m), &fd, 1);
	}
	for (p = t ? t->kept : NULL; p && !rc; p = p->next) {
		memcpy(m.name, p->name, sizeof(m.name));
		rc = msg_send(sock, &m, sizeof(m), &p->fd, 1);
	}
	memset(&m, 0, sizeof(m));
	return rc ? rc : msg_send(sock, &m, sizeof(m), NULL, 0);
}

static void piece_free(struct piece *p)
{
	struct piece *next;

	for (; p; p = next) {
		next = p->next;
		free(p);
	}
}

void estate_close(struct estate *t)
{
	struct piece *p;

	if (!t)
		return;
	piece_free(t->kept);
	piece_free(t->taken);
	piece_free(t->dropped);
	while ((p = t->inherited)) {
		t->inherited = p->next;
		close(p->fd);
		free(p);
	}
	if (t->notify >= 0)
		close(t->notify);
	free(t);
}
