// SPDX-License-Identifier: GPL-2.0-or-later
/* mem.c - two ends in memory, for tests: what goes in here comes out there
 *
 * push copies into the sender's outbox; flush makes it visible to the other end.
 * An eventfd per end is readable while frames wait there.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/num.h"
#include "frame.h"
#include "port.h"

struct port_mem {
	struct port p;
	struct port_mem *peer; /* NULL once the other end is closed */
	struct frame_pool *pool;
	struct frame **box; /* frames for this end: a ring of `depth` */
	unsigned depth, first, held, shown;
	int event;
};

static struct port_mem *port_mem_of(const struct port *p)
{
	return container_of(p, struct port_mem, p);
}

static int port_mem_pull(struct port *p, struct frame **v, unsigned n)
{
	struct port_mem *m = port_mem_of(p);
	unsigned k = 0;

	while (k < n && m->shown) {
		v[k] = m->box[m->first];
		m->first = (m->first + 1) % m->depth;
		m->held--;
		m->shown--;
		p->stat.in++;
		p->stat.in_bytes += v[k++]->len;
	}
	return (int)k;
}

/* A private copy of f, from the pool of the end that will read it. */
static struct frame *mem_copy(struct port_mem *to, const struct frame *f)
{
	struct frame *c = frame_get(to->pool);
	uint32_t rest = f->len - f->head_len;

	if (!c)
		return NULL;
	c->len = f->len;
	c->head_len = f->head_len;
	c->flags = f->flags;
	c->gso_type = f->gso_type;
	c->gso_size = f->gso_size;
	c->csum_start = f->csum_start;
	c->csum_off = f->csum_off;
	c->hdr_len = f->hdr_len;
	memcpy(c->head, f->head, f->head_len);
	c->nseg = rest ? 1 : 0;
	c->seg[0] = (struct frame_seg){ c->body, rest };
	frame_copy_out(f, f->head_len, c->body, rest);
	return c;
}

static int port_mem_push(struct port *p, struct frame **v, unsigned n)
{
	struct port_mem *to = port_mem_of(p)->peer;
	unsigned i, k = 0;

	for (i = 0; i < n; i++) {
		struct frame *c = NULL;

		if (to && to->held < to->depth)
			c = mem_copy(to, v[i]);
		if (c) {
			to->box[(to->first + to->held++) % to->depth] = c;
			p->stat.out_bytes += c->len;
			k++;
		}
		frame_put(v[i]);
	}
	p->stat.out += k;
	p->stat.out_drop += n - k;
	return (int)k;
}

static int port_mem_fits(struct port *p, const struct frame *f)
{
	const struct port_mem *to = port_mem_of(p)->peer;

	(void)f;
	return to && to->held < to->depth;
}

static int port_mem_lend(struct port *p, struct frame *f)
{
	(void)p, (void)f;
	return -EOPNOTSUPP;
}

static int port_mem_settle(struct port *p, struct frame *f)
{
	(void)p, (void)f;
	return 0;
}

static int port_mem_flush(struct port *p)
{
	struct port_mem *to = port_mem_of(p)->peer;

	if (to && to->shown != to->held) {
		to->shown = to->held;
		return eventfd_write(to->event, 1) ? -errno : 0;
	}
	return 0;
}

static int port_mem_arm(struct port *p, const struct frame *waits)
{
	if (waits && port_mem_fits(p, waits))
		return 1;
	return port_mem_of(p)->shown > 0;
}

static void port_mem_ready(struct port *p, int fd)
{
	eventfd_t n;

	(void)fd;
	/* Nothing to clear is fine */
	(void)!eventfd_read(port_mem_of(p)->event, &n);
}

static int port_mem_fds(const struct port *p, int fd[PORT_FDS])
{
	fd[0] = port_mem_of(p)->event;
	return 1;
}

static void port_mem_close(struct port *p)
{
	struct port_mem *m = port_mem_of(p);

	if (m->peer)
		m->peer->peer = NULL;
	while (m->held) {
		frame_put(m->box[m->first]);
		m->first = (m->first + 1) % m->depth;
		m->held--;
	}
	frame_pool_close(m->pool);
	if (m->event >= 0)
		close(m->event);
	free(m->box);
	free(m);
}

static const struct port_ops port_mem_ops = {
	.kind = "mem",
	.pull = port_mem_pull,
	.push = port_mem_push,
	.fits = port_mem_fits,
	.lend = port_mem_lend,
	.settle = port_mem_settle,
	.flush = port_mem_flush,
	.arm = port_mem_arm,
	.poll = port_mem_arm,
	.ready = port_mem_ready,
	.fds = port_mem_fds,
	.close = port_mem_close,
};

static struct port_mem *mem_new(const char *name, unsigned depth)
{
	struct port_mem *m = calloc(1, sizeof(*m));

	if (!m)
		return NULL;
	m->p.ops = &port_mem_ops;
	m->depth = depth;
	m->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	m->box = calloc(depth, sizeof(struct frame *));
	str_put(m->p.name, sizeof(m->p.name), name);
	if (m->event < 0 || !m->box ||
	    frame_pool_open(&m->pool, depth + FRAME_BURST, true)) {
		port_mem_close(&m->p);
		return NULL;
	}
	return m;
}

int port_mem_open(struct port **a, struct port **b, unsigned depth)
{
	struct port_mem *x = mem_new("mem-a", depth);
	struct port_mem *y = mem_new("mem-b", depth);

	if (!x || !y) {
		port_close(x ? &x->p : NULL);
		port_close(y ? &y->p : NULL);
		return -ENOMEM;
	}
	x->peer = y;
	y->peer = x;
	*a = &x->p;
	*b = &y->p;
	return 0;
}
