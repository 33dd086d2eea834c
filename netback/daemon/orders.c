// SPDX-License-Identifier: GPL-2.0-or-later
/* orders.c - the supervisor's end of one worker's socket */
#include "daemon/orders.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/msg.h"

enum { ORDERS_FDS = 2, ORDERS_TURN = 64, ORDERS_WAIT_MS = 10000 };

struct order {
	struct order *next;
	uint64_t at_ns;
	unsigned nfd;
	int fd[ORDERS_FDS]; /* dups, until sent */
	struct worker_msg m;
};

struct orders {
	struct loop *loop;
	struct loop_fd *src;
	struct loop_timer *watchdog;
	int sock;
	uint32_t seq;
	unsigned pending;
	bool lost;
	struct order *head, **tail; /* unanswered, oldest first */
	struct order *unsent;	    /* the first of them that is still here */
	const struct orders_ops *ops;
	void *arg;
};

static void orders_lose(struct orders *o, const char *why)
{
	if (o->lost)
		return;
	o->lost = true;
	loop_del(o->loop, o->src);
	o->src = NULL;
	o->ops->lost(o->arg, why);
}

/* Sends what is queued; returns 0 or -errno when the worker is gone. */
static int orders_flush(struct orders *o)
{
	while (o->unsent) {
		struct order *r = o->unsent;
		int rc = msg_send(o->sock, &r->m, sizeof(r->m), r->fd, r->nfd);

		if (rc == -EAGAIN || rc == -ETOOMANYREFS || rc == -ENOBUFS)
			return loop_mod(o->loop, o->src, EPOLLIN | EPOLLOUT);
		if (rc)
			return rc;
		msg_close_all(r->fd, r->nfd);
		r->nfd = 0;
		o->unsent = r->next;
	}
	return loop_mod(o->loop, o->src, EPOLLIN);
}

static enum worker_type orders_wanted(enum worker_type order)
{
	if (order == WORKER_STATS || order == WORKER_CAPTURE_END)
		return order;
	return WORKER_DONE;
}

/* Whether *m answers the oldest order that was sent. */
static bool orders_match(const struct orders *o, const struct worker_msg *m)
{
	const struct order *r = o->head;

	return r && r != o->unsent && r->m.seq == m->seq &&
	       r->m.domid == m->domid && r->m.handle == m->handle &&
	       m->type == orders_wanted(r->m.type);
}

static void orders_answer(struct orders *o, struct worker_msg *m)
{
	struct order *r = o->head;
	enum worker_type type = r->m.type;

	o->head = r->next;
	if (!o->head)
		o->tail = &o->head;
	o->pending--;
	free(r);
	o->ops->answer(o->arg, m, type);
}

/* An order for numbers may be answered by DONE with an error: no such vif. */
static bool orders_refused(const struct orders *o, const struct worker_msg *m)
{
	const struct order *r = o->head;

	return r && r != o->unsent && orders_wanted(r->m.type) != WORKER_DONE &&
	       m->type == WORKER_DONE && m->seq == r->m.seq && m->rc < 0;
}

/* For logs, and for people who read them on a terminal. */
static void orders_clean(char *text)
{
	unsigned i;

	text[WORKER_TEXT - 1] = '\0';
	for (i = 0; text[i]; i++) {
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '?';
	}
}

static int orders_take(struct orders *o)
{
	struct worker_msg m;
	int rc = msg_recv(o->sock, &m, sizeof(m), NULL, NULL);

	if (rc == -EAGAIN)
		return rc;
	if (rc == -ECONNRESET)
		return 0; /* said once, before what it had answered */
	if (rc == sizeof(m)) {
		if (m.type == WORKER_DONE || m.type == WORKER_FATAL)
			orders_clean(m.text);
		if (m.rc > 0)
			m.rc = -EPROTO;
		if (m.type == WORKER_FATAL || m.type == WORKER_STALL)
			o->ops->fatal(o->arg, &m);
		else if (orders_match(o, &m) || orders_refused(o, &m))
			orders_answer(o, &m);
		else
			rc = -EPROTO;
	}
	if (rc == sizeof(m))
		return 0;
	orders_lose(o, rc == 0 ? "ended" : "answered nonsense");
	return -EPIPE;
}

static void orders_ready(void *arg, int fd, uint32_t events)
{
	struct orders *o = arg;
	bool gone = (events & EPOLLOUT) && orders_flush(o);
	unsigned i;
	int rc;

	(void)fd;
	if (!gone && !(events & ~(uint32_t)EPOLLOUT))
		return;
	/* Of one that takes no more orders, too, the last answers are heard. A
	 * lost one is closed by the callee: look no further.
	 */
	for (i = 0; i < ORDERS_TURN; i++) {
		rc = orders_take(o);
		if (rc == -EAGAIN && gone)
			orders_lose(o, "ended");
		if (rc)
			return;
	}
}

int orders_open(struct orders **out, struct loop *l, int sock,
		const struct orders_ops *ops, void *arg)
{
	struct orders *o = calloc(1, sizeof(*o));
	int rc = o ? 0 : -ENOMEM;

	if (!rc && fcntl(sock, F_SETFL, O_NONBLOCK))
		rc = -errno;
	if (!rc)
		rc = loop_add(l, sock, EPOLLIN, orders_ready, o, &o->src);
	if (rc) {
		close(sock);
		free(o);
		return rc;
	}
	o->loop = l;
	o->sock = sock;
	o->tail = &o->head;
	o->ops = ops;
	o->arg = arg;
	*out = o;
	return 0;
}

/* Runs only while something is unanswered: an idle daemon sleeps. */
static void orders_watch(void *arg)
{
	struct orders *o = arg;
	uint64_t now = clock_ns();

	o->watchdog = NULL;
	if (!o->head || o->lost)
		return;
	if (now - o->head->at_ns >= ORDERS_WAIT_MS * 1000000ull)
		orders_lose(o, "did not answer for 10 s");
	else
		loop_after(o->loop, ORDERS_WAIT_MS, orders_watch, o,
			   &o->watchdog);
}

static int orders_dup(struct order *r, const int *fd, unsigned nfd)
{
	unsigned i;

	for (i = 0; i < nfd; i++) {
		r->fd[i] = fcntl(fd[i], F_DUPFD_CLOEXEC, 0);
		if (r->fd[i] < 0) {
			int rc = -errno;

			msg_close_all(r->fd, i);
			return rc;
		}
		r->nfd = i + 1;
	}
	return 0;
}

int orders_send(struct orders *o, struct worker_msg *m, const int *fd,
		unsigned nfd)
{
	struct order *r;
	int rc;

	if (nfd > ORDERS_FDS)
		return -EINVAL;
	if (o->lost)
		return -EPIPE;
	r = calloc(1, sizeof(*r));
	if (!r) {
		/* It would know less than we do: the next is told everything */
		orders_lose(o, "could not be told, no memory,");
		return -EPIPE;
	}
	rc = orders_dup(r, fd, nfd);
	if (rc) {
		free(r);
		return rc;
	}
	m->seq = ++o->seq;
	r->m = *m;
	r->at_ns = clock_ns();
	*o->tail = r;
	o->tail = &r->next;
	o->pending++;
	if (!o->unsent)
		o->unsent = r;
	if (!o->watchdog)
		loop_after(o->loop, ORDERS_WAIT_MS, orders_watch, o,
			   &o->watchdog);
	/* A worker that is gone is noticed by its end of file, not here. */
	orders_flush(o);
	return 0;
}

void orders_drain(struct orders *o)
{
	while (!o->lost && !orders_take(o))
		;
}

unsigned orders_pending(const struct orders *o)
{
	return o->pending;
}

int orders_blame(const struct orders *o, uint16_t *domid, uint16_t *handle)
{
	const struct order *r;

	for (r = o->head; r && r->m.type != WORKER_CONNECT;)
		r = r->next;
	if (!r)
		return 0;
	*domid = r->m.domid;
	*handle = r->m.handle;
	return 1;
}

void orders_close(struct orders *o)
{
	if (!o)
		return;
	while (o->head) {
		struct order *r = o->head;

		o->head = r->next;
		msg_close_all(r->fd, r->nfd);
		free(r);
	}
	loop_cancel(o->loop, o->watchdog);
	loop_del(o->loop, o->src);
	close(o->sock);
	free(o);
}
