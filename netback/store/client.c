// SPDX-License-Identifier: GPL-2.0-or-later
/* client.c - libxenstore with one thing added: it comes back
 *
 * What libxenstore (4.17) leaves to its caller:
 *  - A dead connection in the middle of a request is EINVAL, the same as a
 *    server's EINVAL: a second, harmless request tells them apart.
 *  - Its reader thread and its caller may both close the dead socket. So
 *    the handle is closed, and the thread joined, before anything else
 *    opens a descriptor.
 * Whoever waits for events has more to mind: client_watch.c, which programs that
 * only ask need not have. Single-threaded, like its callers.
 */
#include "client.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/num.h"

enum {
	CLIENT_POLL_MS = 10,	 /* between attempts while a call waits */
	CLIENT_CONFLICTS = 1000, /* runs of one transaction */
	CLIENT_PERMS = 64,
};

static void client_sleep(unsigned ms)
{
	struct timespec ts = { ms / 1000, (long)(ms % 1000) * 1000000 };

	nanosleep(&ts, NULL);
}

static void client_drop(struct store *s)
{
	if (s->mind)
		s->mind->lost(s);
	xs_close(s->xs);
	s->xs = NULL;
}

int client_lost(struct store *s)
{
	client_drop(s);
	if (s->in_txn)
		s->txn_lost = true;
	if (s->mind)
		s->mind->wake(s, 1);
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

/* Whether libxenstore has closed its socket, as it does after any error of its
 * own: our dup of it keeps the server from noticing, and us from hearing events.
 */
static bool client_shut(const struct store *s)
{
	struct stat own, dup;

	return s->sock >= 0 && !fstat(s->sock, &dup) &&
	       (fstat(s->own, &own) || own.st_ino != dup.st_ino ||
		own.st_dev != dup.st_dev);
}

/* After a failed xs_ call: -errno as the server said it, or -ENOTCONN. */
int client_error(struct store *s)
{
	int e = errno;

	if (client_said(e))
		return client_shut(s) ? client_lost(s) : -e;
	if (e != EINVAL || !client_alive(s))
		return client_lost(s);
	return -EINVAL;
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

int client_connect(struct store *s)
{
	/* the number that xs_open's socket will have */
	int probe = s->mind ? dup(s->ep) : -1;

	if (probe >= 0)
		close(probe);
	s->xs = client_xs_open(s->path);
	if (s->mind)
		return s->mind->connected(s, probe);
	return s->xs ? 0 : -ENOTCONN;
}

struct client_try client_try(const struct store *s)
{
	struct client_try t = { 0, 0 };

	t.until_ns = clock_ns() + (uint64_t)s->wait_ms * 1000000u;
	return t;
}

/* Whether a call which ended in rc should be made again. */
bool client_again(struct store *s, int rc, struct client_try *t)
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
int client_ready(struct store *s)
{
	if (s->in_txn && s->txn_lost)
		return -ENOTCONN;
	return s->xs ? 0 : client_connect(s);
}

static xs_transaction_t client_tx(const struct store *s)
{
	return s->in_txn ? s->txn : XBT_NULL;
}

int store_open(struct store **out, const char *path, unsigned wait_ms)
{
	struct store *s = calloc(1, sizeof(*s));
	struct client_try t;
	int rc;

	if (!s)
		return -ENOMEM;
	s->ep = s->timer = s->sock = s->events = -1;
	s->wait_ms = wait_ms;
	if (path)
		s->path = strdup(path);
	rc = -ENOMEM;
	if (path && !s->path)
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

void store_close(struct store *s)
{
	if (!s)
		return;
	if (s->xs)
		client_drop(s);
	if (s->mind)
		s->mind->close(s);
	free(s->path);
	free(s);
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
