// SPDX-License-Identifier: GPL-2.0-or-later
/* conn.c - one connection: bytes in, messages out, never waiting */
#include "store/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/grave.h"
#include "base/log.h"
#include "base/msg.h"

void conn_kill(struct conn *c)
{
	c->dead = true;
}

void conn_drop_all(struct conn *c)
{
	watch_drop_all(c);
	while (c->txns) {
		struct txn *x = c->txns;

		c->txns = x->next;
		c->server->dom[c->dom].ntxn--;
		txn_close(x);
		free(x);
	}
}

void conn_bury(struct server *s, uint16_t dom, int fd)
{
	struct dom *d = &s->dom[dom];

	if (fd < 0)
		return;
	if (dom && (d->grave || !grave_open(&d->grave)))
		grave_put(d->grave, fd);
	else
		close(fd);
}

bool conn_may_open(struct server *s, uint16_t dom)
{
	return !s->dom[dom].grave || !grave_busy(s->dom[dom].grave);
}

void conn_sweep(struct server *s)
{
	struct conn **at = &s->conns;

	while (*at) {
		struct conn *c = *at;

		if (!c->dead) {
			at = &c->next;
			continue;
		}
		*at = c->next;
		conn_drop_all(c);
		s->dom[c->dom].nconn--;
		loop_cancel(s->loop, c->rest);
		loop_del(s->loop, c->src);
		conn_bury(s, c->dom, c->fd);
		free(c->out);
		free(c);
	}
}

/* Interested in input only while there is no output. Most output is written
 * in the turn that made it; then there is nothing to tell the kernel.
 */
static void conn_mind(struct conn *c)
{
	uint32_t want = c->nout ? EPOLLOUT : c->rest ? 0 : EPOLLIN;

	if (!c->src || c->dead || c->mind == want)
		return;
	if (loop_mod(c->server->loop, c->src, want))
		conn_kill(c);
	c->mind = want;
}

static void conn_rested(void *arg)
{
	struct conn *c = arg;

	c->rest = NULL;
	conn_mind(c);
}

/* Who made others hear too much waits before its next request. */
static void conn_tire(struct conn *c)
{
	struct dom *d = &c->server->dom[c->dom];
	uint32_t ms = c->dom ? rate_owe(&d->rate, loop_now(c->server->loop),
					d->heard, CONN_HEARD, CONN_EACH_MS)
			     : 0;

	d->heard = 0;
	if (!ms || loop_after(c->server->loop, ms, conn_rested, c, &c->rest))
		return;
	conn_mind(c);
}

/* Writes what it can. */
static void conn_flush(struct conn *c)
{
	size_t done = 0;

	while (c->fd >= 0 && done < c->nout) {
		ssize_t r = send(c->fd, c->out + done, c->nout - done,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && errno != EAGAIN)
			conn_kill(c);
		if (r <= 0)
			break;
		done += (size_t)r;
	}
	c->nout -= done;
	memmove(c->out, c->out + done, c->nout);
	if (!c->nout && c->out_room > CONN_OUT / 4) {
		free(c->out);
		c->out = NULL;
		c->out_room = 0;
	}
	conn_mind(c);
}

void conn_send(struct conn *c, const struct xsd_sockmsg *h, const void *body)
{
	size_t need = c->nout + sizeof(*h) + h->len;

	if (c->dead)
		return;
	if (need > (c->dom ? CONN_OUT : CONN_OUT0)) {
		if (log_allow(&c->server->limit, clock_ns()))
			log_warn("store: domain %u does not read: disconnected",
				 c->dom);
		conn_kill(c);
		return;
	}
	if (need > c->out_room) {
		c->out_room = need * 2;
		c->out = tree_alloc(c->out, c->out_room);
	}
	memcpy(c->out + c->nout, h, sizeof(*h));
	if (h->len)
		memcpy(c->out + c->nout + sizeof(*h), body, h->len);
	c->nout = need; /* conn_ready writes it before the turn ends */
}

/* What the message being collected needs in all; 0 while that is unknown. */
static size_t conn_wanted(const struct conn *c)
{
	struct xsd_sockmsg h;

	if (c->nin < sizeof(h))
		return 0;
	memcpy(&h, c->in, sizeof(h));
	return h.len > XENSTORE_PAYLOAD_MAX ? SIZE_MAX : sizeof(h) + h.len;
}

/* Handles the message that is whole, if it is. */
static void conn_take(struct conn *c)
{
	size_t want = conn_wanted(c);
	struct xsd_sockmsg h;

	if (want == SIZE_MAX) {
		conn_kill(c); /* nobody knows where the next one starts */
		return;
	}
	if (!want || c->nin < want)
		return;
	memcpy(&h, c->in, sizeof(h));
	c->in[want] = '\0';
	c->nin = 0;
	ops_handle(c, &h, (char *)c->in + sizeof(h));
}

void conn_feed(struct conn *c, const uint8_t *p, size_t n)
{
	while (n && !c->dead) {
		size_t want = conn_wanted(c), k;

		if (!want)
			want = sizeof(struct xsd_sockmsg);
		k = want - c->nin < n ? want - c->nin : n;
		memcpy(c->in + c->nin, p, k);
		c->nin += (uint32_t)k;
		p += k;
		n -= k;
		conn_take(c);
	}
}

/* As recv. Nobody sends descriptors to a store, but to drop them is to close
 * them: whoever does is disconnected, and they are buried.
 */
static int conn_recv(struct conn *c, uint8_t *buf, size_t size)
{
	int fd[MSG_FDS_MOST], rc;
	unsigned nfd, i;

	rc = msg_recv_any(c->fd, buf, size, fd, &nfd);
	for (i = 0; i < nfd; i++)
		conn_bury(c->server, c->dom, fd[i]);
	return nfd ? -EPROTO : rc;
}

/* Reads no further than the end of a message, so that a client's next
 * request waits in its own socket until it took the answer to this.
 */
static void conn_read(struct conn *c)
{
	uint8_t buf[sizeof(c->in)];
	unsigned turns = 16;

	while (turns-- && !c->dead && !c->nout && !c->rest) {
		size_t want = conn_wanted(c);
		int r;

		if (!want)
			want = sizeof(struct xsd_sockmsg);
		r = conn_recv(c, buf, want - c->nin);
		if (r == -EAGAIN)
			break;
		if (r <= 0)
			conn_kill(c);
		else
			conn_feed(c, buf, (size_t)r);
		if (c->nout)
			conn_flush(c);
		conn_tire(c);
	}
}

static void conn_ready(void *arg, int fd, uint32_t events)
{
	struct conn *c = arg;
	struct server *s = c->server;

	(void)fd;
	if (c->dead)
		return;
	if (events & (EPOLLERR | EPOLLHUP) && !(events & EPOLLIN))
		conn_kill(c);
	if (events & EPOLLOUT)
		conn_flush(c);
	if (events & EPOLLIN)
		conn_read(c);
	/* What this one wrote made others events: out with them now. */
	for (c = s->conns; c; c = c->next) {
		if (c->nout && !c->dead)
			conn_flush(c);
	}
	conn_sweep(s);
}

struct conn *conn_open(struct server *s, int fd, uint16_t dom)
{
	struct dom *d = &s->dom[dom];
	struct conn *c;

	if (d->nconn >= (dom ? CONN_PER_DOM : CONN_DOM0)) {
		conn_bury(s, dom, fd);
		return NULL;
	}
	c = tree_alloc(NULL, sizeof(*c));
	memset(c, 0, sizeof(*c));
	c->server = s;
	c->dom = dom;
	c->fd = fd;
	if (fd >= 0 && loop_add(s->loop, fd, EPOLLIN, conn_ready, c, &c->src)) {
		conn_bury(s, dom, fd);
		free(c);
		return NULL;
	}
	c->mind = EPOLLIN;
	d->nconn++;
	c->next = s->conns;
	s->conns = c;
	return c;
}
