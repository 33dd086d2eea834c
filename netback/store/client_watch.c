// SPDX-License-Identifier: GPL-2.0-or-later
/* client_watch.c - the store's client for whoever waits for events
 *
 * What libxenstore (4.17) leaves to its caller: a server that dies is seen by the
 * next request only, and its file descriptor for events says nothing. So we keep a
 * dup of its socket and watch that for a hang-up, beside the events, in one epoll
 * descriptor: that is store_fd, the same for the life of the handle. A timer in
 * it wakes the caller when it is time to try again.
 *
 * All that begins with the first watch, or when store_fd is asked for: a program
 * that only asks and writes does without, and without the reader thread.
 */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/log.h"
#include "client.h"

enum { CLIENT_AGAIN_MS = 100 }; /* between attempts while nobody asks */

/* Makes store_fd readable after ms (0: never). */
static void client_wake(struct store *s, unsigned ms)
{
	struct itimerspec t = {
		.it_value = { ms / 1000, (long)(ms % 1000) * 1000000 },
	};

	timerfd_settime(s->timer, 0, &t, NULL);
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
	s->own = fd;
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
		if (rc == -ENOMEM)
			return client_lost(s); /* it would be missed for ever */
		log_warn("store: watch on %s not set again: %s", w->path,
			 strerror(-rc));
	}
	return 0;
}

static int client_on_connected(struct store *s, int probe)
{
	client_wake(s, s->xs ? 0 : CLIENT_AGAIN_MS);
	if (!s->xs)
		return -ENOTCONN;
	if (probe >= 0)
		client_mind_socket(s, probe);
	client_mind_events(s);
	return client_rewatch(s);
}

static void client_on_lost(struct store *s)
{
	if (s->sock >= 0) {
		epoll_ctl(s->ep, EPOLL_CTL_DEL, s->sock, NULL);
		close(s->sock);
	}
	if (s->events >= 0)
		epoll_ctl(s->ep, EPOLL_CTL_DEL, s->events, NULL);
	s->sock = s->events = -1;
}

static void client_watch_free(struct client_watch *w)
{
	if (!w)
		return;
	free(w->path);
	free(w->token);
	free(w);
}

static void client_on_close(struct store *s)
{
	while (s->watches) {
		struct client_watch *w = s->watches;

		s->watches = w->next;
		client_watch_free(w);
	}
	close(s->ep);
	close(s->timer);
}

static const struct client_mind client_minder = {
	.connected = client_on_connected,
	.lost = client_on_lost,
	.wake = client_wake,
	.close = client_on_close,
};

/* xs_close cancels the reader thread, for which glibc loads this library or
 * aborts. Whoever confines itself later must not meet that then. Our programs are
 * linked to it: where memory ends within dlopen, glibc (2.36) may keep a library
 * that it has not relocated, and the thread's end is then ours.
 */
static void client_load_unwinder(void)
{
	dlopen("libgcc_s.so.1", RTLD_LAZY | RTLD_NODELETE);
}

/* From now on somebody waits. The connection so far is not one whose socket we
 * know: the next one is.
 */
static int client_mind(struct store *s)
{
	struct epoll_event ev = { .events = EPOLLIN };

	if (s->mind)
		return 0;
	client_load_unwinder();
	s->ep = epoll_create1(EPOLL_CLOEXEC);
	s->timer = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->ep < 0 || s->timer < 0 ||
	    epoll_ctl(s->ep, EPOLL_CTL_ADD, s->timer, &ev)) {
		if (s->ep >= 0)
			close(s->ep);
		if (s->timer >= 0)
			close(s->timer);
		s->ep = s->timer = -1;
		return -ENOMEM;
	}
	s->mind = &client_minder;
	if (s->in_txn) /* its end must be said on the connection of its start */
		return s->xs ? client_on_connected(s, -1) : 0;
	xs_close(s->xs);
	s->xs = NULL;
	client_connect(s); /* or later: the timer runs */
	return 0;
}

int store_fd(struct store *s)
{
	client_mind(s);
	return s->ep;
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

	rc = client_mind(s);
	if (rc)
		return rc;
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

	client_mind(s);
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
