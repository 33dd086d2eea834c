// SPDX-License-Identifier: GPL-2.0-or-later
/* client.c - libxenstore with one thing added: it comes back
 *
 * What libxenstore (4.17) leaves to its caller:
 *  - A server that dies is seen by the next request only, and its file
 *    descriptor for events says nothing. So we keep a dup of its socket and
 *    watch that for a hang-up, beside the events, in one epoll descriptor: that
 *    is store_fd, the same for the life of the handle. A timer in it wakes
 *    the caller when it is time to try again.
 *  - A dead connection in the middle of a request is EINVAL, the same as a
 *    server's EINVAL: a second, harmless request tells them apart.
 *  - Its reader thread and its caller may both close the dead socket. So
 *    the handle is closed, and the thread joined, before anything else
 *    opens a descriptor.
 * Single-threaded, like its callers.
 *
 * long file: every call of the border needs its try and try again here.
 */
#include "store.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>
#include <xenstore.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/num.h"

enum {
	CLIENT_POLL_MS = 10,	 /* between attempts while a call waits */
	CLIENT_AGAIN_MS = 100,	 /* between attempts while nobody asks */
	CLIENT_CONFLICTS = 1000, /* runs of one transaction */
	CLIENT_PERMS = 64,
};

struct client_watch {
	struct client_watch *next;
	char *path, *token;
};

struct store {
	struct xs_handle *xs; /* NULL = not connected */
	int ep, timer;
	int sock;   /* dup of libxenstore's, -1 = unknown (a device) */
	int events; /* xs_fileno while it is in ep, else -1 */
	unsigned wait_ms;
	bool in_txn, txn_lost;
	xs_transaction_t txn;
	struct client_watch *watches;
	char *path;
};

/* How long one call may go on trying. */
struct client_try {
	uint64_t until_ns;
	unsigned n;
};

static void client_sleep(unsigned ms)
{
	struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&ts, NULL);
}

/* Makes store_fd readable after ms (0: never). */
static void client_wake(struct store *s, unsigned ms)
{
	struct itimerspec t = {
		.it_value = { ms / 1000, (long)(ms % 1000) * 1000000 },
	};

	timerfd_settime(s->timer, 0, &t, NULL);
}

static void client_drop(struct store *s)
{
	if (s->sock >= 0) {
		epoll_ctl(s->ep, EPOLL_CTL_DEL, s->sock, NULL);
		close(s->sock);
	}
	if (s->events >= 0)
		epoll_ctl(s->ep, EPOLL_CTL_DEL, s->events, NULL);
	s->sock = s->events = -1;
	xs_close(s->xs);
	s->xs = NULL;
}

static int client_lost(struct store *s)
{
	client_drop(s);
	if (s->in_txn)
		s->txn_lost = true;
	client_wake(s, 1);
	return -ENOTCONN;
}

/* Is errno something that libxenstore takes from a server's answer? */
static bool client_said(int e)
{
	static const int said[] = { EACCES, EEXIST, EISDIR,    ENOENT, ENOMEM,
				    ENOSPC, EIO,    ENOTEMPTY, ENOSYS, EROFS,
				    EBUSY,  EAGAIN, EISCONN,   E2BIG,  EPERM };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(said); i++) {
		if (said[i] == e)
			return true;
	}
	return false;
}

/* Whether libxenstore still has its socket. The first request may find out
 * only while it waits; then the second one says EBADF.
 */
static bool client_alive(struct store *s)
{
	unsigned i;

	for (i = 0; i < 2; i++) {
		char *home = xs_get_domain_path(s->xs, 0);

		free(home);
		if (home || client_said(errno))
			return true;
	}
	return errno == EINVAL;
}

/* After a failed xs_ call: -errno as the server said it, or -ENOTCONN. */
static int client_error(struct store *s)
{
	int e = errno;

	if (client_said(e))
		return -e;
	if (e != EINVAL || !client_alive(s))
		return client_lost(s);
	return -EINVAL;
}

/* Watches libxenstore's own socket for its end. `fd` is the number which was
 * free before xs_open, so it is the socket, or we do without.
 */
static void client_mind_socket(struct store *s, int fd)
{
	struct epoll_event ev = { .events = EPOLLRDHUP };
	int family = 0;
	socklen_t n = sizeof(family);

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &n) ||
	    family != AF_UNIX)
		return;
	s->sock = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	if (s->sock >= 0)
		epoll_ctl(s->ep, EPOLL_CTL_ADD, s->sock, &ev);
}

/* The pipe which libxenstore rings; it is not close-on-exec by itself. */
static void client_mind_events(struct store *s)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int a = dup(s->ep), b = dup(s->ep);

	if (a >= 0)
		close(a);
	if (b >= 0)
		close(b);
	s->events = xs_fileno(s->xs);
	if (s->events < 0)
		return;
	fcntl(s->events, F_SETFD, FD_CLOEXEC);
	if (b >= 0)
		fcntl(b, F_SETFD, FD_CLOEXEC);
	epoll_ctl(s->ep, EPOLL_CTL_ADD, s->events, &ev);
}

/* xs_open takes the socket's path from the environment only. */
static struct xs_handle *client_xs_open(const char *path)
{
	const char *old = getenv("XENSTORED_PATH");
	char *keep = old ? strdup(old) : NULL;
	struct xs_handle *xs;

	if (path)
		setenv("XENSTORED_PATH", path, 1);
	xs = xs_open(0);
	if (path && keep)
		setenv("XENSTORED_PATH", keep, 1);
	else if (path)
		unsetenv("XENSTORED_PATH");
	free(keep);
	return xs;
}

/* All watches again; each fires once, which is how the caller catches up. */
static int client_rewatch(struct store *s)
{
	struct client_watch *w;

	for (w = s->watches; w; w = w->next) {
		int rc;

		if (xs_watch(s->xs, w->path, w->token) || errno == EEXIST)
			continue;
		rc = client_error(s);
		if (rc == -ENOTCONN)
			return rc;
		log_warn("store: watch on %s not set again: %s", w->path,
			 strerror(-rc));
	}
	return 0;
}

static int client_connect(struct store *s)
{
	int probe = dup(s->ep);

	if (probe >= 0)
		close(probe);
	s->xs = client_xs_open(s->path);
	if (!s->xs) {
		client_wake(s, CLIENT_AGAIN_MS);
		return -ENOTCONN;
	}
	client_wake(s, 0);
	if (probe >= 0)
		client_mind_socket(s, probe);
	client_mind_events(s);
	return client_rewatch(s);
}

static struct client_try client_try(const struct store *s)
{
	struct client_try t = { 0, 0 };

	t.until_ns = clock_ns() + (uint64_t)s->wait_ms * 1000000u;
	return t;
}

/* Whether a call which ended in rc should be made again. */
static bool client_again(struct store *s, int rc, struct client_try *t)
{
	if (rc != -ENOTCONN || s->in_txn)
		return false;
	if (t->n++ == 0)
		return true;
	if (clock_ns() >= t->until_ns)
		return false;
	client_sleep(CLIENT_POLL_MS);
	return true;
}

/* A connection to make one attempt with. In a transaction that lost its
 * connection there is none: the transaction went with it.
 */
static int client_ready(struct store *s)
{
	if (s->in_txn && s->txn_lost)
		return -ENOTCONN;
	return s->xs ? 0 : client_connect(s);
}

static xs_transaction_t client_tx(const struct store *s)
{
	return s->in_txn ? s->txn : XBT_NULL;
}

/* xs_close cancels the reader thread, for which glibc loads this library or
 * aborts. Whoever confines itself after store_open must not meet that later.
 */
static void client_load_unwinder(void)
{
	dlopen("libgcc_s.so.1", RTLD_LAZY | RTLD_NODELETE);
}

int store_open(struct store **out, const char *path, unsigned wait_ms)
{
	struct epoll_event ev = { .events = EPOLLIN };
	struct store *s = calloc(1, sizeof(*s));
	struct client_try t;
	int rc;

	if (!s)
		return -ENOMEM;
	client_load_unwinder();
	s->sock = s->events = -1;
	s->wait_ms = wait_ms;
	s->ep = epoll_create1(EPOLL_CLOEXEC);
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (path)
		s->path = strdup(path);
	rc = -ENOMEM;
	if (s->ep < 0 || s->timer < 0 || (path && !s->path) ||
	    epoll_ctl(s->ep, EPOLL_CTL_ADD, s->timer, &ev))
		goto out;
	t = client_try(s);
	do {
		rc = client_ready(s);
	} while (client_again(s, rc, &t));
out:
	if (rc)
		store_close(s);
	else
		*out = s;
	return rc;
}

static void client_watch_free(struct client_watch *w)
{
	if (!w)
		return;
	free(w->path);
	free(w->token);
	free(w);
}

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->xs)
		client_drop(s);
	while (s->watches) {
		struct client_watch *w = s->watches;

		s->watches = w->next;
		client_watch_free(w);
	}
	if (s->ep >= 0)
		close(s->ep);
	if (s->timer >= 0)
		close(s->timer);
	free(s->path);
	free(s);
}

int store_fd(struct store *s)
{
	return s->ep;
}

/* One value as libxenstore gives it: malloc'd, NUL behind it. */
static int client_read(struct store *s, const char *path, char **out,
		       unsigned *len)
{
	struct client_try t = client_try(s);
	int rc;

	do {
		rc = client_ready(s);
		if (rc)
			continue;
		*out = xs_read(s->xs, client_tx(s), path, len);
		rc = *out ? 0 : client_error(s);
	} while (client_again(s, rc, &t));
	return rc;
}

int store_read(struct store *s, const char *path, char *buf, size_t size)
{
	unsigned len, i;
	char *v;
	int rc = client_read(s, path, &v, &len);

	if (rc)
		return rc;
	rc = len < size ? (int)len : -E2BIG;
	for (i = 0; i < len && rc >= 0; i++) {
		if ((unsigned char)v[i] < ' ' || v[i] == 127)
			rc = -EINVAL;
	}
	if (rc >= 0)
		memcpy(buf, v, len + 1);
	free(v);
	return rc;
}

int store_read_u32(struct store *s, const char *path, uint32_t max,
		   uint32_t *out)
{
	char text[16];
	int rc = store_read(s, path, text, sizeof(text));

	if (rc == -E2BIG || (rc >= 0 && num_parse(text, max, out)))
		return -EINVAL;
	return rc < 0 ? rc : 0;
}

int store_write(struct store *s, const char *path, const char *value)
{
	struct client_try t = client_try(s);
	unsigned len = (unsigned)strlen(value);
	int rc;

	do {
		rc = client_ready(s);
		if (!rc && !xs_write(s->xs, client_tx(s), path, value, len))
			rc = client_error(s);
	} while (client_again(s, rc, &t));
	return rc;
}

int store_printf(struct store *s, const char *path, const char *fmt, ...)
{
	char text[STORE_VALUE];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		return -E2BIG;
	return store_write(s, path, text);
}

int store_mkdir(struct store *s, const char *path)
{
	struct client_try t = client_try(s);
	int rc;

	do {
		rc = client_ready(s);
		if (!rc && !xs_mkdir(s->xs, client_tx(s), path))
			rc = client_error(s);
	} while (client_again(s, rc, &t));
	return rc;
}

int store_rm(struct store *s, const char *path)
{
	struct client_try t = client_try(s);
	int rc;

	do {
		rc = client_ready(s);
		if (!rc && !xs_rm(s->xs, client_tx(s), path))
			rc = client_error(s);
	} while (client_again(s, rc, &t));
	return rc == -ENOENT ? 0 : rc;
}

int store_each(struct store *s, const char *path,
	       int (*fn)(void *arg, const char *name), void *arg)
{
	struct client_try t = client_try(s);
	unsigned n = 0, i;
	char **v = NULL;
	int rc;

	do {
		rc = client_ready(s);
		if (rc)
			continue;
		v = xs_directory(s->xs, client_tx(s), path, &n);
		rc = v ? 0 : client_error(s);
	} while (client_again(s, rc, &t));
	for (i = 0; v && i < n && !rc; i++)
		rc = fn(arg, v[i]);
	free(v);
	return rc;
}

static int client_perm(const char *text, struct xs_permissions *p)
{
	uint32_t id;

	switch (text[0]) {
	case 'n':
		p->perms = XS_PERM_NONE;
		break;
	case 'r':
		p->perms = XS_PERM_READ;
		break;
	case 'w':
		p->perms = XS_PERM_WRITE;
		break;
	case 'b':
		p->perms = XS_PERM_READ | XS_PERM_WRITE;
		break;
	default:
		return -EINVAL;
	}
	if (num_parse(text + 1, UINT16_MAX, &id))
		return -EINVAL;
	p->id = id;
	return 0;
}

int store_chmod(struct store *s, const char *path, const char *const *perms,
		unsigned n)
{
	struct client_try t = client_try(s);
	struct xs_permissions p[CLIENT_PERMS] = { 0 };
	unsigned i;
	int rc;

	if (!n || n > CLIENT_PERMS)
		return -EINVAL;
	for (i = 0; i < n; i++) {
		if (client_perm(perms[i], &p[i]))
			return -EINVAL;
	}
	do {
		rc = client_ready(s);
		if (!rc && !xs_set_permissions(s->xs, client_tx(s), path, p, n))
			rc = client_error(s);
	} while (client_again(s, rc, &t));
	return rc;
}

static int client_begin(struct store *s)
{
	int rc = client_ready(s);

	if (rc)
		return rc;
	s->txn = xs_transaction_start(s->xs);
	if (s->txn == XBT_NULL)
		return client_error(s);
	s->in_txn = true;
	s->txn_lost = false;
	return 0;
}

/* One run. Whatever fn made of a lost connection, the run did not count. */
static int client_run(struct store *s, int (*fn)(struct store *s, void *arg),
		      void *arg)
{
	int rc = client_begin(s);
	bool end;

	if (rc)
		return rc;
	rc = fn(s, arg);
	s->in_txn = false;
	if (s->txn_lost)
		return -ENOTCONN;
	end = xs_transaction_end(s->xs, s->txn, rc != 0);
	if (!end) {
		int e = client_error(s);

		return rc ? rc : e;
	}
	return rc;
}

int store_txn(struct store *s, int (*fn)(struct store *s, void *arg), void *arg)
{
	struct client_try t = client_try(s);
	unsigned runs = 0;
	int rc;

	if (s->in_txn)
		return -EBUSY;
	do {
		rc = client_run(s, fn, arg);
		if (rc == -EAGAIN && runs > 8)
			client_sleep(1 + runs % 8);
	} while ((rc == -EAGAIN && ++runs < CLIENT_CONFLICTS) ||
		 client_again(s, rc, &t));
	return rc;
}

static struct client_watch **client_find(struct store *s, const char *path,
					 const char *token)
{
	struct client_watch **at;

	for (at = &s->watches; *at; at = &(*at)->next) {
		if ((!path || !strcmp((*at)->path, path)) &&
		    !strcmp((*at)->token, token))
			break;
	}
	return at;
}

int store_watch(struct store *s, const char *path, const char *token)
{
	struct client_try t = client_try(s);
	struct client_watch *w, **at;
	int rc;

	if (*client_find(s, path, token))
		return -EEXIST;
	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->path = strdup(path);
	w->token = strdup(token);
	rc = w->path && w->token ? 0 : -ENOMEM;
	if (rc)
		goto out;
	do {
		rc = client_ready(s);
		if (!rc && !xs_watch(s->xs, path, token))
			rc = client_error(s);
	} while (client_again(s, rc, &t));
out:
	if (rc) {
		client_watch_free(w);
		return rc;
	}
	for (at = &s->watches; *at;)
		at = &(*at)->next;
	*at = w; /* last: after a reconnect they come in the same order */
	return 0;
}

int store_unwatch(struct store *s, const char *path, const char *token)
{
	struct client_watch *w, **at = client_find(s, path, token);
	int rc;

	w = *at;
	if (!w)
		return -ENOENT;
	*at = w->next;
	client_watch_free(w);
	/* Without a connection there is nothing to take back. */
	if (!s->xs || xs_unwatch(s->xs, path, token))
		return 0;
	rc = client_error(s);
	return rc == -ENOTCONN ? 0 : rc;
}

static void client_cut(char *dst, size_t size, const char *src)
{
	size_t n = strnlen(src, size - 1);

	memcpy(dst, src, n);
	dst[n] = '\0';
}

static bool client_hung_up(const struct store *s)
{
	struct pollfd p = { .fd = s->sock, .events = POLLRDHUP };

	return s->sock >= 0 && poll(&p, 1, 0) > 0;
}

int store_event(struct store *s, char *path, size_t psize, char *token,
		size_t tsize)
{
	char **v;

	if (!s->xs) {
		/* Not from inside a transaction: its end must still see
		 * that the connection was another one.
		 */
		if (s->in_txn || client_connect(s))
			return -ENOTCONN;
	}
	while ((v = xs_check_watch(s->xs))) {
		bool ours = *client_find(s, NULL, v[XS_WATCH_TOKEN]);

		/* One of a watch that is gone may still be on its way. */
		if (ours) {
			client_cut(path, psize, v[XS_WATCH_PATH]);
			client_cut(token, tsize, v[XS_WATCH_TOKEN]);
		}
		free(v);
		if (ours)
			return 1;
	}
	if (errno != EAGAIN || client_hung_up(s))
		return client_lost(s);
	return 0;
}

int store_introduce(struct store *s, uint16_t domid)
{
	struct client_try t = client_try(s);
	int rc;

	/* Frame and port mean nothing outside Xen; xenstored refuses port 0. */
	do {
		rc = client_ready(s);
		if (!rc && !xs_introduce_domain(s->xs, domid, 1, 1))
			rc = client_error(s);
	} while (client_again(s, rc, &t));
	return rc;
}

int store_release(struct store *s, uint16_t domid)
{
	struct client_try t = client_try(s);
	int rc;

	do {
		rc = client_ready(s);
		if (!rc && !xs_release_domain(s->xs, domid))
			rc = client_error(s);
		/* Said already, on the connection that we lost. */
		if (rc == -ENOENT && t.n)
			rc = 0;
	} while (client_again(s, rc, &t));
	return rc;
}
