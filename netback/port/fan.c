// SPDX-License-Identifier: GPL-2.0-or-later
/* fan.c - several queues of one guest as one port
 *
 * What is pushed goes to the queue that `pick` names for it, always the same
 * for one flow; what is pulled comes from all of them in turn, at most
 * FAN_SHARE frames from each. A queue that has stalled (the switch gave up
 * waiting for it) loses its own frames until it has room again, so that it
 * costs the others one wait and no more.
 *
 * Nothing is lent: which queue a frame goes to is known when it has been read.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/num.h"
#include "frame.h"
#include "port.h"

enum { FAN_SHARE = 16 };

struct fan {
	struct port p;
	unsigned n, next; /* next: whose turn it is to be pulled first */
	port_pick_fn *pick;
	void *arg;
	struct port *of[PORT_FAN];
	bool stalled[PORT_FAN];
};

static struct fan *fan_of(const struct port *p)
{
	return container_of(p, struct fan, p);
}

static unsigned fan_pick(const struct fan *a, const struct frame *f)
{
	unsigned i = a->pick(a->arg, f, a->n);

	return i < a->n ? i : 0;
}

static int fan_pull(struct port *p, struct frame **v, unsigned n)
{
	struct fan *a = fan_of(p);
	unsigned i, k = 0, at = a->next;

	for (i = 0; i < a->n && k < n; i++) {
		struct port *q = a->of[at];
		unsigned want = n - k < FAN_SHARE ? n - k : FAN_SHARE;
		int got = q->ops->pull(q, v + k, want);

		if (got < 0) {
			while (k)
				frame_put(v[--k]);
			return got;
		}
		k += (unsigned)got;
		at = at + 1 < a->n ? at + 1 : 0;
	}
	a->next = at;
	for (i = 0; i < k; i++)
		p->stat.in_bytes += v[i]->len;
	p->stat.in += k;
	return (int)k;
}

/* Runs of frames for one queue are pushed together: order is kept. */
static int fan_push(struct port *p, struct frame **v, unsigned n)
{
	struct fan *a = fan_of(p);
	unsigned i = 0, done = 0;
	int rc = 0;

	while (i < n) {
		unsigned to = fan_pick(a, v[i]), from = i;
		struct port *q = a->of[to];

		while (i < n && fan_pick(a, v[i]) == to)
			i++;
		rc = q->ops->push(q, v + from, i - from);
		if (rc < 0)
			break;
		a->stalled[to] = (unsigned)rc < i - from;
		done += (unsigned)rc;
	}
	for (; i < n; i++)
		frame_put(v[i]);
	p->stat.out += done;
	p->stat.out_drop += n - done;
	return rc < 0 ? rc : (int)done;
}

static int fan_fits(struct port *p, const struct frame *f)
{
	struct fan *a = fan_of(p);
	unsigned i = f ? fan_pick(a, f) : 0;
	int rc;

	if (!f)
		return 1;
	rc = a->of[i]->ops->fits(a->of[i], f);
	if (rc > 0)
		a->stalled[i] = false;
	/* Into a stalled one it goes at once, to be counted there. */
	return rc ? rc : a->stalled[i];
}

static int fan_lend(struct port *p, struct frame *f)
{
	(void)p, (void)f;
	return -EOPNOTSUPP;
}

static int fan_settle(struct port *p, struct frame *f)
{
	(void)p, (void)f;
	return 0;
}

static int fan_flush(struct port *p)
{
	struct fan *a = fan_of(p);
	unsigned i;
	int rc = 0;

	for (i = 0; i < a->n && !rc; i++)
		rc = a->of[i]->ops->flush(a->of[i]);
	return rc;
}

static int fan_arm(struct port *p, const struct frame *waits)
{
	struct fan *a = fan_of(p);
	unsigned i, to = waits ? fan_pick(a, waits) : a->n;
	int rc, look = 0;

	for (i = 0; i < a->n; i++) {
		rc = a->of[i]->ops->arm(a->of[i], i == to ? waits : NULL);
		if (rc < 0 || rc == 1)
			return rc;
		if (rc)
			look = rc;
	}
	return look;
}

static int fan_poll(struct port *p, const struct frame *waits)
{
	struct fan *a = fan_of(p);
	unsigned i, to = waits ? fan_pick(a, waits) : a->n;
	int rc, n = 0;

	for (i = 0; i < a->n; i++) {
		rc = a->of[i]->ops->poll(a->of[i], i == to ? waits : NULL);
		if (rc < 0)
			return rc;
		n += rc;
	}
	return n;
}

static void fan_ready(struct port *p, int fd)
{
	struct fan *a = fan_of(p);
	unsigned i;

	for (i = 0; i < a->n; i++)
		a->of[i]->ops->ready(a->of[i], fd);
}

/* Its queues have them. */
static int fan_fds(const struct port *p, int fd[PORT_FDS])
{
	(void)p, (void)fd;
	return 0;
}

static void fan_close(struct port *p)
{
	struct fan *a = fan_of(p);
	unsigned i;

	for (i = 0; i < a->n; i++)
		port_close(a->of[i]);
	free(a);
}

static const struct port_ops fan_ops = {
	.kind = "fan",
	.pull = fan_pull,
	.push = fan_push,
	.fits = fan_fits,
	.lend = fan_lend,
	.settle = fan_settle,
	.flush = fan_flush,
	.arm = fan_arm,
	.poll = fan_poll,
	.ready = fan_ready,
	.fds = fan_fds,
	.close = fan_close,
};

int port_fan_open(struct port **out, const char *name, struct port *const *v,
		  unsigned n, port_pick_fn *pick, void *arg)
{
	struct fan *a = n && n <= PORT_FAN ? calloc(1, sizeof(*a)) : NULL;
	unsigned i;

	if (!a || str_put(a->p.name, sizeof(a->p.name), name)) {
		for (i = 0; i < n; i++)
			port_close(v[i]);
		free(a);
		return a ? -ENAMETOOLONG : -ENOMEM;
	}
	a->p.ops = &fan_ops;
	a->pick = pick;
	a->arg = arg;
	a->n = n;
	for (i = 0; i < n; i++)
		a->of[i] = v[i];
	*out = &a->p;
	return 0;
}
