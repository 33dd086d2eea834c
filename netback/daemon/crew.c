// SPDX-License-Identifier: GPL-2.0-or-later
/* crew.c - the workers, a spare one behind them, and the nursery they come from
 *
 *   empty --FORK--> asked --BORN--> ready --promoted--> active
 *     ^                               |                    |
 *     `------------DIED---------------'--------DIED--------'
 *
 * A worker whose socket ends may still run and touch guests' memory: it is killed,
 * and only its DIED lets the next one begin.
 */
#include "daemon/crew.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/msg.h"
#include "base/num.h"
#include "daemon/nursery.h"

enum {
	CREW_HANDS = CREW_PLACES + 1,
	CREW_DEATHS = 6, /* this many in CREW_WINDOW_MS is too often */
	CREW_WINDOW_MS = 10000,
	CREW_WAIT_MS = 1000,
};

enum hand_state { HAND_EMPTY, HAND_ASKED, HAND_READY, HAND_ACTIVE };

struct hand {
	enum hand_state state;
	uint32_t asked; /* order of asking */
	int sock;	/* asked, ready: not yet in orders */
	pid_t pid;
};

/* Where a worker works: its orders outlive nobody, its record of deaths does. */
struct place {
	struct crew *c;
	struct hand *hand;
	struct orders *orders;
	const char *why;
	uint64_t noticed_ns;
	uint64_t death_ns[CREW_DEATHS];
	unsigned deaths;
	struct loop_timer *wait; /* not filled until it fires */
};

struct crew {
	struct loop *loop;
	struct loop_fd *src;
	int nursery;
	uint32_t asked;
	unsigned nplace;
	struct place place[CREW_PLACES];
	struct hand hand[CREW_HANDS]; /* nplace + 1 of them */
	struct loop_timer *wait;      /* no new workers until it fires */
	const struct crew_ops *ops;
	void *arg;
};

static struct hand *crew_find(struct crew *c, enum hand_state state)
{
	struct hand *best = NULL;
	unsigned i;

	for (i = 0; i <= c->nplace; i++) {
		struct hand *h = &c->hand[i];

		if (h->state == state && (!best || h->asked < best->asked))
			best = h;
	}
	return best;
}

static void hand_clear(struct hand *h)
{
	if (h->sock >= 0)
		close(h->sock);
	*h = (struct hand){ .sock = -1 };
}

static int crew_ask(struct crew *c, struct hand *h)
{
	struct nursery_msg m = { .type = NURSERY_FORK };
	int sv[2], rc;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv))
		return -errno;
	rc = msg_send(c->nursery, &m, sizeof(m), &sv[1], 1);
	close(sv[1]);
	if (rc) {
		close(sv[0]);
		return rc;
	}
	h->sock = sv[0];
	h->asked = ++c->asked;
	h->state = HAND_ASKED;
	return 0;
}

static void crew_fill(struct crew *c);

static void crew_waited(void *arg)
{
	struct crew *c = arg;

	c->wait = NULL;
	crew_fill(c);
}

static void crew_hold(struct crew *c)
{
	if (!c->wait)
		loop_after(c->loop, CREW_WAIT_MS, crew_waited, c, &c->wait);
}

static void place_waited(void *arg)
{
	struct place *p = arg;

	p->wait = NULL;
	crew_fill(p->c);
}

static unsigned place_number(const struct place *p)
{
	return (unsigned)(p - p->c->place);
}

static void place_answer(void *arg, const struct worker_msg *m,
			 enum worker_type order)
{
	struct place *p = arg;

	p->c->ops->answer(p->c->arg, place_number(p), m, order);
}

static void place_fatal(void *arg, const struct worker_msg *m)
{
	struct place *p = arg;

	p->c->ops->fatal(p->c->arg, place_number(p), m);
}

/* Its socket said so. Dead it is when the nursery says so. */
static void place_lost(void *arg, const char *why)
{
	struct nursery_msg m = { .type = NURSERY_KILL };
	struct place *p = arg;

	p->why = why;
	p->noticed_ns = clock_ns();
	m.pid = p->hand->pid;
	msg_send(p->c->nursery, &m, sizeof(m), NULL, 0);
}

static int place_fill(struct place *p, struct hand *h)
{
	static const struct orders_ops ops = { place_answer, place_fatal,
					       place_lost };
	int rc = orders_open(&p->orders, p->c->loop, h->sock, &ops, p);

	h->sock = -1;
	h->state = HAND_ACTIVE;
	p->hand = h;
	if (!rc)
		p->c->ops->up(p->c->arg, place_number(p), p->orders, h->pid);
	return rc;
}

/* Every place, as long as somebody is ready; and a spare. */
static void crew_fill(struct crew *c)
{
	struct hand *h;
	unsigned i;
	int rc = 0;

	if (c->wait)
		return;
	for (i = 0; i < c->nplace && !rc; i++) {
		struct place *p = &c->place[i];

		h = p->hand || p->wait ? NULL : crew_find(c, HAND_READY);
		if (h)
			rc = place_fill(p, h);
	}
	while (!rc && (h = crew_find(c, HAND_EMPTY)))
		rc = crew_ask(c, h);
	if (rc) {
		log_error("cannot start a worker: %s", strerror(-rc));
		crew_hold(c);
	}
}

static void crew_born(struct crew *c, const struct nursery_msg *m)
{
	struct hand *h = crew_find(c, HAND_ASKED);

	if (!h)
		return;
	if (m->rc || m->pid <= 0) {
		log_error("cannot fork a worker: %s", strerror(-m->rc));
		hand_clear(h);
		crew_hold(c);
		return;
	}
	h->pid = m->pid;
	h->state = HAND_READY;
	crew_fill(c);
}

static bool place_often(struct place *p, uint64_t now)
{
	uint64_t oldest;

	p->death_ns[p->deaths % CREW_DEATHS] = now;
	p->deaths++;
	oldest = p->death_ns[p->deaths % CREW_DEATHS];
	return p->deaths >= CREW_DEATHS &&
	       now - oldest < CREW_WINDOW_MS * 1000000ull;
}

static void place_died(struct place *p, int status)
{
	uint64_t now = clock_ns();
	struct crew_death d = { .pid = p->hand->pid, .status = status };

	if (p->orders)
		orders_drain(p->orders);
	d.why = p->why;
	d.noticed_ns = p->noticed_ns ? p->noticed_ns : now;
	d.often = place_often(p, now);
	if (p->orders)
		d.blamed = orders_blame(p->orders, &d.domid, &d.handle);
	orders_close(p->orders);
	p->orders = NULL;
	p->why = NULL;
	p->noticed_ns = 0;
	hand_clear(p->hand);
	p->hand = NULL;
	p->c->ops->down(p->c->arg, place_number(p), &d);
	if (d.often && !p->wait)
		loop_after(p->c->loop, CREW_WAIT_MS, place_waited, p, &p->wait);
}

static void crew_died(struct crew *c, const struct nursery_msg *m)
{
	unsigned i, k;

	for (i = 0; i <= c->nplace; i++) {
		struct hand *h = &c->hand[i];

		if (h->pid != m->pid || h->state < HAND_READY)
			continue;
		if (h->state == HAND_ACTIVE) {
			for (k = 0; c->place[k].hand != h;)
				k++;
			place_died(&c->place[k], m->rc);
			break;
		}
		log_warn("spare worker %d died", (int)h->pid);
		hand_clear(h);
		crew_hold(c);
		break;
	}
	crew_fill(c);
}

static void crew_ready(void *arg, int fd, uint32_t events)
{
	struct crew *c = arg;
	struct nursery_msg m;
	int rc = msg_recv(fd, &m, sizeof(m), NULL, NULL);

	(void)events;
	if (rc == -EAGAIN)
		return;
	if (rc != sizeof(m)) {
		loop_del(c->loop, c->src);
		c->src = NULL;
		c->ops->nursery_lost(c->arg);
		return;
	}
	if (m.type == NURSERY_BORN)
		crew_born(c, &m);
	else if (m.type == NURSERY_DIED)
		crew_died(c, &m);
}

int crew_open(struct crew **out, struct loop *l, int nursery, unsigned n,
	      const struct crew_ops *ops, void *arg)
{
	struct crew *c = n && n <= CREW_PLACES ? calloc(1, sizeof(*c)) : NULL;
	unsigned i;
	int rc = c ? 0 : -ENOMEM;

	if (!rc && fcntl(nursery, F_SETFL, O_NONBLOCK))
		rc = -errno;
	if (!rc)
		rc = loop_add(l, nursery, EPOLLIN, crew_ready, c, &c->src);
	if (rc) {
		close(nursery);
		free(c);
		return rc;
	}
	c->loop = l;
	c->nursery = nursery;
	c->ops = ops;
	c->arg = arg;
	c->nplace = n;
	for (i = 0; i <= n; i++)
		c->hand[i].sock = -1;
	for (i = 0; i < n; i++)
		c->place[i].c = c;
	crew_fill(c);
	*out = c;
	return 0;
}

void crew_say(const struct crew_death *d, char *buf, size_t size)
{
	bool other = d->why && strcmp(d->why, "ended");

	if (other)
		snprintf(buf, size, "%s and was killed", d->why);
	else if (WIFSIGNALED(d->status))
		snprintf(buf, size, "killed by signal %d", WTERMSIG(d->status));
	else
		snprintf(buf, size, "exited with status %d",
			 WEXITSTATUS(d->status));
}

void crew_close(struct crew *c)
{
	unsigned i;

	if (!c)
		return;
	for (i = 0; i < c->nplace; i++) {
		orders_close(c->place[i].orders);
		loop_cancel(c->loop, c->place[i].wait);
	}
	for (i = 0; i <= c->nplace; i++)
		hand_clear(&c->hand[i]);
	loop_cancel(c->loop, c->wait);
	loop_del(c->loop, c->src);
	close(c->nursery);
	free(c);
}
