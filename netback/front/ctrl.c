// SPDX-License-Identifier: GPL-2.0-or-later
/* ctrl.c - the control ring as a frontend has it: one question at a time
 *
 * As Windows' driver does: a request is published, the answer waited for. An
 * answer that comes after its asker has given up is known by its id and
 * passed over. `page` is granted beside the ring: keys, tables and lists go there.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <xen/xen.h>

#include <xen/io/netif.h>

#include "base/loop.h"
#include "front/front.h"

enum {
	CTRL_SLOTS = 128,
	CTRL_RING_MS = 100, /* a bell may have been lost with a worker */
};

struct front_ctrl {
	struct front_mem *mem;
	struct xen_netif_ctrl_sring *ring;
	void *page;
	uint32_t ring_ref, page_ref;
	struct front_channel channel;
	uint32_t req, rsp; /* asked, answers taken */
};

static int ctrl_page(struct front_mem *m, void **page, uint32_t *ref)
{
	int pfn = front_mem_take(m, 1), rc;

	if (pfn < 0)
		return pfn;
	rc = front_grant_take(m);
	if (rc < 0)
		return rc;
	*page = front_mem_page(m, (uint32_t)pfn);
	*ref = (uint32_t)rc;
	front_grant_access(m, *ref, (uint32_t)pfn, false);
	return 0;
}

int front_ctrl_open(struct front_ctrl **out, struct front_mem *m, uint32_t port)
{
	struct front_ctrl *c = calloc(1, sizeof(*c));
	void *ring = NULL;
	int rc;

	if (!c)
		return -ENOMEM;
	c->mem = m;
	c->channel = (struct front_channel){
		.port = port,
		.from_guest = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.to_guest = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
	};
	rc = c->channel.from_guest < 0 || c->channel.to_guest < 0 ? -errno : 0;
	if (!rc)
		rc = ctrl_page(m, &ring, &c->ring_ref);
	if (!rc)
		rc = ctrl_page(m, &c->page, &c->page_ref);
	if (rc) {
		front_ctrl_close(c);
		return rc;
	}
	c->ring = ring;
	c->ring->req_event = c->ring->rsp_event = 1;
	*out = c;
	return 0;
}

int front_ctrl_close(struct front_ctrl *c)
{
	int rc = 0;

	if (!c)
		return 0;
	if (c->ring_ref && front_grant_end(c->mem, c->ring_ref))
		rc = -EBUSY;
	if (c->page_ref)
		front_grant_end(c->mem, c->page_ref);
	if (c->channel.from_guest >= 0)
		close(c->channel.from_guest);
	if (c->channel.to_guest >= 0)
		close(c->channel.to_guest);
	free(c);
	return rc;
}

const struct front_channel *front_ctrl_channel(const struct front_ctrl *c)
{
	return &c->channel;
}

uint32_t front_ctrl_ref(const struct front_ctrl *c)
{
	return c->ring_ref;
}

void *front_ctrl_page(const struct front_ctrl *c, uint32_t *ref)
{
	*ref = c->page_ref;
	return c->page;
}

static void ctrl_post(struct front_ctrl *c, uint16_t type, const uint32_t v[3])
{
	struct xen_netif_ctrl_request q = {
		.id = (uint16_t)c->req,
		.type = type,
		.data = { v[0], v[1], v[2] },
	};

	memcpy(&c->ring->ring[c->req % CTRL_SLOTS].req, &q, sizeof(q));
	c->req++;
	/* Partner: the backend's acquire of req_prod. */
	__atomic_store_n(&c->ring->req_prod, c->req, __ATOMIC_RELEASE);
}

/* One answer: 1, 0 none is there, -EPROTO. */
static int ctrl_take(struct front_ctrl *c, struct xen_netif_ctrl_response *r)
{
	uint32_t prod = __atomic_load_n(&c->ring->rsp_prod, __ATOMIC_ACQUIRE);

	if (prod == c->rsp)
		return 0;
	if (prod - c->rsp > c->req - c->rsp)
		return -EPROTO;
	memcpy(r, &c->ring->ring[c->rsp % CTRL_SLOTS].rsp, sizeof(*r));
	c->rsp++;
	return 1;
}

/* Until something is there, or for as long as a bell may take. */
static void ctrl_sleep(struct front_ctrl *c)
{
	struct pollfd p = { .fd = c->channel.to_guest, .events = POLLIN };
	uint64_t one = 1;

	if (write(c->channel.from_guest, &one, sizeof(one)) < 0)
		return;
	__atomic_store_n(&c->ring->rsp_event, c->rsp + 1, __ATOMIC_RELAXED);
	/* rsp_event before rsp_prod: the backend stores the other way round. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&c->ring->rsp_prod, __ATOMIC_RELAXED) != c->rsp)
		return;
	if (poll(&p, 1, CTRL_RING_MS) > 0 &&
	    read(c->channel.to_guest, &one, sizeof(one)) < 0)
		return;
}

int front_ctrl_ask(struct front_ctrl *c, uint16_t type, const uint32_t v[3],
		   uint32_t *data, unsigned ms)
{
	uint64_t end = clock_ns() + ms * 1000000ull;
	uint16_t id = (uint16_t)c->req;
	struct xen_netif_ctrl_response r;
	int rc;

	if (c->req - c->rsp == CTRL_SLOTS)
		return -ENOBUFS;
	ctrl_post(c, type, v);
	for (;;) {
		rc = ctrl_take(c, &r);
		if (rc < 0 || (rc && r.id == id))
			break;
		if (clock_ns() > end)
			return -ETIMEDOUT;
		if (!rc)
			ctrl_sleep(c);
	}
	if (rc < 0 || r.type != type || r.status > INT16_MAX)
		return -EPROTO;
	if (data)
		*data = r.data;
	return (int)r.status;
}
