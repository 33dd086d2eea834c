// SPDX-License-Identifier: GPL-2.0-or-later
/* vif.c - a guest's queue as a port */
#include <errno.h>
#include <stdlib.h>

#include "base/num.h"
#include "frame.h"
#include "port.h"
#include "ring.h"

_Static_assert((int)PORT_LOOK == (int)RING_LOOK, "arm hands it on");

struct port_vif {
	struct port p;
	struct ring *ring;
};

static struct ring *port_vif_ring(const struct port *p)
{
	return container_of(p, struct port_vif, p)->ring;
}

static int port_vif_pull(struct port *p, struct frame **v, unsigned n)
{
	int k = ring_pull(port_vif_ring(p), v, n), i;

	for (i = 0; i < k; i++)
		p->stat.in_bytes += v[i]->len;
	if (k > 0)
		p->stat.in += (uint64_t)k;
	return k;
}

static int port_vif_push(struct port *p, struct frame **v, unsigned n)
{
	int k = ring_push(port_vif_ring(p), v, n);

	if (k >= 0) {
		p->stat.out += (uint64_t)k;
		p->stat.out_drop += n - (unsigned)k;
	}
	return k;
}

static int port_vif_fits(struct port *p, const struct frame *f)
{
	struct ring *r = port_vif_ring(p);
	int room = ring_room(r);

	if (room < 0)
		return room;
	return room >= (int)(f ? ring_slots(r, f) : 1);
}

static int port_vif_lend(struct port *p, struct frame *f)
{
	return ring_lend(port_vif_ring(p), f);
}

static int port_vif_settle(struct port *p, struct frame *f)
{
	uint32_t len = f->len;
	int rc = ring_settle(port_vif_ring(p), f);

	if (rc > 0) {
		p->stat.out++;
		p->stat.out_bytes += len;
	} else if (len) {
		p->stat.out_drop++;
	}
	return rc;
}

static int port_vif_flush(struct port *p)
{
	return ring_flush(port_vif_ring(p));
}

static int port_vif_arm(struct port *p, const struct frame *waits)
{
	struct ring *r = port_vif_ring(p);

	return ring_arm(r, waits ? ring_slots(r, waits) : 0);
}

static int port_vif_poll(struct port *p, const struct frame *waits)
{
	struct ring *r = port_vif_ring(p);

	return ring_poll(r, waits ? ring_slots(r, waits) : 0);
}

static void port_vif_ready(struct port *p, int fd)
{
	ring_clear(port_vif_ring(p), fd);
}

static int port_vif_fds(const struct port *p, int fd[PORT_FDS])
{
	const struct ring *r = port_vif_ring(p);

	fd[0] = ring_fd_tx(r);
	fd[1] = ring_fd_rx(r);
	return fd[0] == fd[1] ? 1 : 2;
}

static void port_vif_close(struct port *p)
{
	struct port_vif *pv = container_of(p, struct port_vif, p);

	ring_close(pv->ring);
	free(pv);
}

static const struct port_ops port_vif_ops = {
	.kind = "vif",
	.pull = port_vif_pull,
	.push = port_vif_push,
	.fits = port_vif_fits,
	.lend = port_vif_lend,
	.settle = port_vif_settle,
	.flush = port_vif_flush,
	.arm = port_vif_arm,
	.poll = port_vif_poll,
	.ready = port_vif_ready,
	.fds = port_vif_fds,
	.close = port_vif_close,
};

int port_vif_open(struct port **out, const char *name, struct ring *ring)
{
	struct port_vif *pv = calloc(1, sizeof(*pv));

	if (!pv || str_put(pv->p.name, sizeof(pv->p.name), name)) {
		free(pv);
		ring_close(ring);
		return pv ? -ENAMETOOLONG : -ENOMEM;
	}
	pv->p.ops = &port_vif_ops;
	pv->ring = ring;
	*out = &pv->p;
	return 0;
}
