// SPDX-License-Identifier: GPL-2.0-or-later
/* rx.c - what the guest receives: buffers out, packets in
 *
 * Slot i always offers page i under grant i. A packet is some slots in a row:
 *
 *   first response | extras | the other responses, while more_data
 *
 * Its grants end when it is taken; front_rx_done offers the pages again.
 */
#include <errno.h>
#include <string.h>

#include "frame.h"
#include "front/queue.h"

void queue_rx_post(struct front_queue *q)
{
	while (q->rx.req - q->rx.rsp < q->conf.rx_buffers) {
		uint16_t id = queue_id(q, q->rx.req);
		unsigned i = q->rx.req++ & QUEUE_MASK;
		struct netif_rx_request r = { .id = id, .gref = q->rx_ref[i] };

		q->rx_id[i] = id;
		if (i >= q->rx_mapped)
			front_grant_access(q->conf.mem, r.gref, q->rx_page + i,
					   false);
		memcpy(&q->rxs->ring[i].req, &r, sizeof(r));
		q->count[FRONT_RX_POSTED]++;
	}
}

uint32_t front_rx_ref(const struct front_queue *q, unsigned i)
{
	return q->rx_ref[i];
}

/* The table is the hypervisor's word, not the backend's. */
int front_rx_mapped(struct front_queue *q, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (!front_grant_busy(q->conf.mem, q->rx_ref[i]))
			return -EPROTO;
	q->rx_mapped = n;
	q->count[FRONT_MAPPED] = n;
	return 0;
}

int front_rx_unmapped(struct front_queue *q)
{
	unsigned i, n = q->rx_mapped;

	q->rx_mapped = 0;
	q->count[FRONT_MAPPED] = 0;
	for (i = 0; i < n; i++)
		if (front_grant_busy(q->conf.mem, q->rx_ref[i]))
			return -EPROTO;
	return 0;
}

void front_rx_done(struct front_queue *q)
{
	queue_rx_post(q);
}

/* Not in Debian's netif.h: Linux's has it. */
enum { RX_EXTRA_XDP = 5 };

/* A packet being put together. */
struct rx_walk {
	uint32_t at, prod; /* next index, end of what is published */
	bool bad;	   /* to be dropped */
	bool room;	   /* an XDP extra names the headroom */
	unsigned slots;
};

static void rx_end_grant(struct front_queue *q, unsigned i)
{
	if (i >= q->rx_mapped && front_grant_end(q->conf.mem, q->rx_ref[i]))
		queue_bad(q, FRONT_BAD_RX_PINNED,
			  "slot %u answered, grant %u still in use", i,
			  q->rx_ref[i]);
}

static void rx_add(struct front_queue *q, struct front_frame *f, unsigned i,
		   const struct netif_rx_response *r)
{
	uint8_t *page = front_mem_page(q->conf.mem, q->rx_page + i);

	if (f->nseg < FRONT_RX_SLOTS)
		f->seg[f->nseg++] = (struct iovec){
			.iov_base = page + r->offset,
			.iov_len = (size_t)r->status,
		};
	f->len += (uint32_t)r->status;
}

/* One data response; returns its flags. */
static uint16_t rx_data(struct front_queue *q, struct rx_walk *w,
			struct front_frame *f)
{
	unsigned i = w->at++ & QUEUE_MASK;
	uint16_t want = q->rx_id[i];
	struct netif_rx_response r;

	memcpy(&r, &q->rxs->ring[i].rsp, sizeof(r));
	rx_end_grant(q, i);
	if (r.id != want) {
		queue_bad(q, FRONT_BAD_RX_ID, "slot %u holds id %u, posted %u",
			  i, r.id, want);
		w->bad = true;
	}
	if (++w->slots == q->conf.rx_slots + 1u) {
		queue_bad(q, FRONT_BAD_RX_SLOTS, "more than %u data slots",
			  q->conf.rx_slots);
		w->bad = true;
	}
	if (r.status < 0) {
		if (r.status < NETIF_RSP_DROPPED)
			queue_bad(q, FRONT_BAD_RX_STATUS, "slot %u status %d",
				  i, r.status);
		q->count[FRONT_RX_ERROR]++;
		w->bad = true;
	} else if (r.offset + r.status > HV_PAGE ||
		   (q->conf.headroom && r.offset != q->conf.headroom)) {
		queue_bad(q, FRONT_BAD_RX_SIZE, "slot %u offset %u size %d", i,
			  r.offset, r.status);
		w->bad = true;
	} else {
		rx_add(q, f, i, &r);
	}
	return r.flags;
}

static void rx_gso(struct front_queue *q, struct rx_walk *w,
		   struct front_frame *f, const struct netif_extra_info *x)
{
	const struct front_features *can = &q->conf.features;
	unsigned type = x->u.gso.type;

	if (!x->u.gso.size || !((type == FRAME_GSO_TCPV4 && can->gso4) ||
				(type == FRAME_GSO_TCPV6 && can->gso6))) {
		queue_bad(q, FRONT_BAD_RX_OFFLOAD, "GSO type %u size %u", type,
			  x->u.gso.size);
		w->bad = true;
		return;
	}
	f->meta.gso_type = (uint8_t)type;
	f->meta.gso_size = x->u.gso.size;
}

static bool rx_hash(struct front_queue *q, struct front_frame *f,
		    const struct netif_extra_info *x)
{
	const uint8_t *v = x->u.hash.value;

	if (!q->conf.hash || x->u.hash.type > 3 ||
	    x->u.hash.algorithm != XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ)
		return false;
	f->meta.hashed = true;
	f->meta.hash_type = x->u.hash.type;
	f->meta.hash = (uint32_t)v[3] << 24 | (uint32_t)v[2] << 16 |
		       (uint32_t)v[1] << 8 | v[0];
	return true;
}

/* Whether that may be here at all. */
static bool rx_extra(struct front_queue *q, struct rx_walk *w,
		     struct front_frame *f, const struct netif_extra_info *x)
{
	uint16_t headroom;

	switch (x->type) {
	case XEN_NETIF_EXTRA_TYPE_GSO:
		rx_gso(q, w, f, x);
		return true;
	case XEN_NETIF_EXTRA_TYPE_HASH:
		return rx_hash(q, f, x);
	case RX_EXTRA_XDP:
		memcpy(&headroom, &x->u, sizeof(headroom));
		w->room = q->conf.headroom && headroom == q->conf.headroom;
		return w->room;
	}
	return false;
}

/* Extras use up a posted buffer each. False when the ring ends inside. */
static bool rx_extras(struct front_queue *q, struct rx_walk *w,
		      struct front_frame *f)
{
	struct netif_extra_info x;

	do {
		unsigned i = w->at & QUEUE_MASK;

		if (w->at == w->prod)
			return false;
		w->at++;
		memcpy(&x, &q->rxs->ring[i], sizeof(x));
		rx_end_grant(q, i);
		if (rx_extra(q, w, f, &x))
			continue;
		queue_bad(q, FRONT_BAD_RX_EXTRA, "slot %u: type %u", i, x.type);
		w->bad = true;
	} while (x.flags & XEN_NETIF_EXTRA_FLAG_MORE);
	return true;
}

static void rx_check(struct front_queue *q, struct rx_walk *w,
		     const struct front_frame *f)
{
	if (w->bad)
		return;
	if (q->conf.headroom && !w->room) {
		queue_bad(q, FRONT_BAD_RX_EXTRA, "no word of the headroom");
		w->bad = true;
	} else if (f->len < FRAME_ETH) {
		queue_bad(q, FRONT_BAD_RX_SHORT, "%u bytes", f->len);
		w->bad = true;
	} else if (f->len > FRONT_LEN_MAX) {
		queue_bad(q, FRONT_BAD_RX_SIZE, "%u bytes in all", f->len);
		w->bad = true;
	} else if (f->meta.gso_type &&
		   !(f->meta.csum_blank && f->meta.validated)) {
		/* Windows asserts this. */
		queue_bad(q, FRONT_BAD_RX_OFFLOAD,
			  "GSO without blank checksum");
		w->bad = true;
	}
}

/* Are all of a packet's slots published? Looks, takes nothing. */
static bool rx_whole(const struct front_queue *q, uint32_t at, uint32_t prod)
{
	bool more, extra = false, first = true;

	do {
		struct netif_rx_response r;

		if (at == prod)
			return false;
		memcpy(&r, &q->rxs->ring[at++ & QUEUE_MASK].rsp, sizeof(r));
		more = r.flags & NETRXF_more_data;
		extra = first && (r.flags & NETRXF_extra_info);
		first = false;
		while (extra) {
			struct netif_extra_info x;

			if (at == prod)
				return false;
			memcpy(&x, &q->rxs->ring[at++ & QUEUE_MASK], sizeof(x));
			extra = x.flags & XEN_NETIF_EXTRA_FLAG_MORE;
		}
	} while (more);
	return true;
}

/* One whole packet: 1, or 0 when it was bad and is gone. */
static int rx_packet(struct front_queue *q, uint32_t prod,
		     struct front_frame *f)
{
	struct rx_walk w = { .at = q->rx.rsp, .prod = prod };
	uint16_t flags;
	bool more;

	f->len = 0;
	f->nseg = 0;
	flags = rx_data(q, &w, f);
	f->meta = (struct front_meta){
		.csum_blank = flags & NETRXF_csum_blank,
		.validated = flags & NETRXF_data_validated,
	};
	more = flags & NETRXF_more_data;
	if (flags & NETRXF_extra_info)
		rx_extras(q, &w, f);
	while (more)
		more = rx_data(q, &w, f) & NETRXF_more_data;
	rx_check(q, &w, f);
	q->rx.rsp = w.at;
	if (w.bad)
		return 0;
	q->count[FRONT_RX_FRAMES]++;
	q->count[FRONT_RX_BYTES] += f->len;
	q->count[FRONT_RX_HASHED] += f->meta.hashed;
	q->count[FRONT_RX_HEADROOM] += w.room;
	return 1;
}

int front_rx_take(struct front_queue *q, struct front_frame *v, unsigned n)
{
	uint32_t prod = queue_load(&q->rxs->rsp_prod);
	unsigned k = 0;

	if (q->dead)
		return -EPROTO;
	if (prod - q->rx.rsp > q->rx.pub - q->rx.rsp) {
		queue_bad(q, FRONT_BAD_RX_COUNT,
			  "rsp_prod %u, answered %u, posted %u", prod,
			  q->rx.rsp, q->rx.pub);
		return queue_die(q);
	}
	while (k < n && q->rx.rsp != prod) {
		if (!rx_whole(q, q->rx.rsp, prod)) {
			if (q->rx_partial != prod)
				queue_bad(q, FRONT_BAD_RX_PARTIAL,
					  "rsp_prod %u in a packet", prod);
			q->rx_partial = prod;
			break;
		}
		k += (unsigned)rx_packet(q, prod, &v[k]);
	}
	return (int)k;
}
