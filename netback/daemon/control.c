// SPDX-License-Identifier: GPL-2.0-or-later
/* control.c - RUN/control: questions to a running netbackd, one JSON a line */
#include "daemon/control.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/msg.h"
#include "base/num.h"
#include "err.h"

enum { CONTROL_CLIENTS = 64, CONTROL_LINE = 4096, CONTROL_PATH = 108 };

struct control_client {
	struct control *c;
	unsigned id; /* 0 = free */
	int sock;
	struct loop_fd *src;
	bool waiting;	     /* for an answer from elsewhere */
	bool ended;	     /* it will ask no more */
	int fd[CONTROL_FDS]; /* came with the line that is arriving */
	size_t in;
	char line[CONTROL_LINE];
	char *out; /* the rest of an answer, malloc'd */
	size_t out_at, out_len;
};

struct control {
	struct loop *loop;
	int listener;
	struct loop_fd *src;
	unsigned last_id;
	const struct control_ops *ops;
	void *arg;
	char path[CONTROL_PATH];
	struct control_client client[CONTROL_CLIENTS];
};

static void control_drop(struct control_client *k)
{
	struct control *c = k->c;
	unsigned id = k->id;

	loop_del(c->loop, k->src);
	close(k->sock);
	msg_close_all(k->fd, CONTROL_FDS);
	free(k->out);
	memset(k, 0, sizeof(*k));
	c->ops->gone(c->arg, id);
}

json_t *control_error(const char *fmt, ...)
{
	char text[ERR_SIZE];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	return json_pack("{s:s}", "error", text);
}

/* Sends what it can; -errno when the client is gone. */
static int control_flush(struct control_client *k)
{
	while (k->out) {
		ssize_t r = send(k->sock, k->out + k->out_at,
				 k->out_len - k->out_at,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (r < 0 && errno == EAGAIN)
			return loop_mod(k->c->loop, k->src, EPOLLOUT);
		if (r < 0)
			return -errno;
		k->out_at += (size_t)r;
		if (k->out_at < k->out_len)
			continue;
		free(k->out);
		k->out = NULL;
	}
	return loop_mod(k->c->loop, k->src, k->waiting ? 0 : EPOLLIN);
}

static int control_put(struct control_client *k, json_t *answer)
{
	k->out = answer ? json_dumps(answer, JSON_COMPACT) : NULL;
	json_decref(answer);
	if (!k->out)
		return -ENOMEM;
	k->out_at = 0;
	k->out_len = strlen(k->out);
	k->out[k->out_len++] = '\n'; /* in place of the NUL */
	return control_flush(k);
}

static int control_line(struct control_client *k, const char *line, size_t n)
{
	json_error_t why;
	json_t *q = json_loadb(line, n, JSON_REJECT_DUPLICATES, &why),
	       *a = NULL;
	int rc = 0;

	if (!q)
		a = control_error("not a JSON object: %s", why.text);
	else
		rc = k->c->ops->ask(k->c->arg, k->id, q, k->fd, &a);
	json_decref(q);
	msg_close_all(k->fd, CONTROL_FDS);
	if (rc != -EINPROGRESS)
		return control_put(k, a);
	k->waiting = true;
	return loop_mod(k->c->loop, k->src, 0);
}

/* Asks what has arrived, while there is no answer on its way out. */
static int control_lines(struct control_client *k)
{
	char *end;
	int rc = 0;

	while (!rc && !k->waiting && !k->out &&
	       (end = memchr(k->line, '\n', k->in))) {
		size_t n = (size_t)(end - k->line);

		rc = control_line(k, k->line, n);
		k->in -= n + 1;
		memmove(k->line, end + 1, k->in);
	}
	if (!rc && k->ended && !k->waiting && !k->out)
		return -EPIPE;
	if (!rc && k->in == sizeof(k->line) && !k->waiting && !k->out)
		return -E2BIG;
	return rc;
}

/* Bytes, and descriptors if there are any: those of a client come once. */
static void control_read(struct control_client *k)
{
	int fd[CONTROL_FDS], r;
	unsigned n = CONTROL_FDS;

	r = msg_recv(k->sock, k->line + k->in, sizeof(k->line) - k->in, fd, &n);
	if (r > 0)
		k->in += (size_t)r;
	else
		k->ended = r != -EAGAIN;
	if (r > 0 && n) {
		msg_close_all(k->fd, CONTROL_FDS);
		memcpy(k->fd, fd, n * sizeof(*fd));
	}
}

static void control_ready(void *arg, int fd, uint32_t events)
{
	struct control_client *k = arg;
	int rc = 0;

	(void)fd;
	if (events & EPOLLIN)
		control_read(k);
	if (events & EPOLLOUT)
		rc = control_flush(k);
	if (!rc)
		rc = control_lines(k);
	if (rc || (events & (EPOLLHUP | EPOLLERR)))
		control_drop(k);
}

static struct control_client *control_find(struct control *c, unsigned id)
{
	unsigned i;

	for (i = 0; i < CONTROL_CLIENTS; i++) {
		if (c->client[i].id == id)
			return &c->client[i];
	}
	return NULL;
}

static void control_accept(void *arg, int fd, uint32_t events)
{
	static const char busy[] = "{\"error\":\"too many clients\"}\n";
	struct control *c = arg;
	struct control_client *k = control_find(c, 0);
	int sock = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

	(void)events;
	if (sock < 0)
		return;
	if (!k || loop_add(c->loop, sock, EPOLLIN, control_ready, k, &k->src)) {
		send(sock, busy, sizeof(busy) - 1, MSG_NOSIGNAL);
		close(sock);
		return;
	}
	k->c = c;
	k->fd[0] = k->fd[1] = -1;
	k->sock = sock;
	k->id = ++c->last_id ? c->last_id : ++c->last_id;
}

int control_open(struct control **out, struct loop *l, const char *run,
		 const struct control_ops *ops, void *arg)
{
	struct control *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	c->loop = l;
	c->ops = ops;
	c->arg = arg;
	c->listener = -1;
	rc = str_fmt(c->path, sizeof(c->path), "%s/control", run);
	if (rc > 0)
		rc = c->listener = msg_listen(c->path, SOCK_STREAM, 0600);
	if (rc >= 0)
		rc = loop_add(l, c->listener, EPOLLIN, control_accept, c,
			      &c->src);
	if (rc < 0) {
		control_close(c);
		return rc;
	}
	*out = c;
	return 0;
}

void control_answer(struct control *c, unsigned client, json_t *answer)
{
	struct control_client *k = client ? control_find(c, client) : NULL;

	if (!k || !k->waiting) {
		json_decref(answer);
		return;
	}
	k->waiting = false;
	if (control_put(k, answer) || control_lines(k))
		control_drop(k);
}

void control_close(struct control *c)
{
	unsigned i;

	if (!c)
		return;
	for (i = 0; i < CONTROL_CLIENTS; i++) {
		if (c->client[i].id)
			control_drop(&c->client[i]);
	}
	loop_del(c->loop, c->src);
	if (c->listener >= 0) {
		close(c->listener);
		unlink(c->path);
	}
	free(c);
}
