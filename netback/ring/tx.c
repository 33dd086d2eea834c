// SPDX-License-Identifier: GPL-2.0-or-later
/* tx.c - what the guest sends: TX slots become frames
 *
 *   slot 0: request, size = TOTAL bytes of the packet
 *   [extras]     one slot each, while MORE          only if slot 0 extra_info
 *   [fragments]  one slot each, own size, while more_data
 *                (io/netif.h; the first piece is the total less the fragments)
 *
 * Three passes over a burst. Parse: slots are copied out once and only the
 * copies are looked at; every slot gets its response staged at once, OKAY or
 * ERROR for data and NULL for extras, in ring order. Fetch: all pieces of the
 * burst are turned into addresses by one hv_reach or, where a guest cannot be
 * mapped, copied into their frames by one hv_copy; each piece has a status of
 * its own. Build: the first 256 bytes of each packet are in
 * private memory, and only those are parsed; what follows is referenced in
 * place until flush, or private as well.
 *
 * Two severities. A bad packet: its staged responses become ERROR, it is
 * counted, the next one is handled. A broken protocol (no sense can be made of
 * what follows): -EPROTO, and the caller serves this guest no more.
 */
#include <errno.h>
#include <string.h>

#include "ring/shared.h"
#include "ring/vif.h"

enum { TX_OK = -1 };

struct tx_cursor {
	struct half *h;
	unsigned left; /* slots that may be taken */
};

static void tx_stage(struct half *h, uint16_t id, int16_t status)
{
	struct netif_tx_response rsp = { .id = id, .status = status };

	half_stage(h, &rsp, sizeof(rsp));
}

/* What a multicast message asks for. ADD goes before DEL; a wrong order of both
 * in one message is the guest's.
 */
struct tx_mcast {
	bool add;
	uint8_t added[6], deleted[6];
};

static int16_t tx_mcast(struct ring *r, const struct tx_mcast *m)
{
	if (!r->vif)
		return NETIF_RSP_ERROR;
	if (m->add)
		return mcast_add(r->vif, m->added) ? NETIF_RSP_OKAY
						   : NETIF_RSP_ERROR;
	mcast_del(r->vif, m->deleted);
	return NETIF_RSP_OKAY;
}

static int tx_extra(struct tx_packet *p, struct tx_mcast *m,
		    const struct netif_extra_info *x)
{
	switch (x->type) {
	case XEN_NETIF_EXTRA_TYPE_GSO: /* the last of one type wins */
		p->has_gso = true;
		p->gso_type = x->u.gso.type;
		p->gso_size = x->u.gso.size;
		return 0;
	case XEN_NETIF_EXTRA_TYPE_MCAST_ADD:
		m->add = true;
		memcpy(m->added, x->u.mcast.addr, sizeof(m->added));
		p->drop = RING_TX_EXTRA_ONLY;
		return 0;
	case XEN_NETIF_EXTRA_TYPE_MCAST_DEL:
		memcpy(m->deleted, x->u.mcast.addr, sizeof(m->deleted));
		p->drop = RING_TX_EXTRA_ONLY;
		return 0;
	case XEN_NETIF_EXTRA_TYPE_HASH:
	case XEN_NETIF_EXTRA_TYPE_MAX: /* Linux's XDP: of no use from a guest */
		return 0;
	default:
		return -EPROTO;
	}
}

/* The extras behind slot 0. */
static int tx_extras(struct tx_cursor *c, struct tx_packet *p,
		     struct tx_mcast *m)
{
	struct netif_extra_info x;
	uint8_t slot[12];

	do {
		if (!c->left)
			return -EPROTO;
		half_take(c->h, slot, sizeof(slot));
		c->left--;
		memcpy(&x, slot, sizeof(x));
		if (tx_extra(p, m, &x))
			return -EPROTO;
		tx_stage(c->h, 0, NETIF_RSP_NULL);
	} while (x.flags & XEN_NETIF_EXTRA_FLAG_MORE);
	return 0;
}

/* The fragments; *rest becomes the length of the first piece. */
static int tx_fragments(struct ring *r, struct tx_cursor *c,
			struct tx_packet *p, uint32_t *rest)
{
	struct netif_tx_request q;
	unsigned slots = 1;

	do {
		slots++;
		if (!c->left || slots >= RING_TX_FATAL)
			return -EPROTO;
		half_take(c->h, &q, sizeof(q));
		c->left--;
		tx_stage(c->h, q.id, NETIF_RSP_OKAY);
		if (slots > RING_TX_SLOTS && p->drop == TX_OK)
			p->drop = RING_TX_BAD_SLOTS;
		if (q.size > *rest && p->drop == TX_OK)
			p->drop = RING_TX_BAD_SIZE;
		*rest -= q.size;
		if (q.offset + q.size > HV_PAGE)
			return -EPROTO;
		/* Of no bytes: legal, and its reference is not looked at */
		if (!q.size)
			continue;
		r->seg[p->seg + p->nseg++] = (struct hv_seg){ .ref = q.gref,
							      .off = q.offset,
							      .len = q.size };
	} while (q.flags & NETTXF_more_data);
	return 0;
}

/* What can be said of a packet once all its slots were seen. */
static int tx_check(struct tx_packet *p, uint16_t offset, uint32_t rest)
{
	if (p->has_gso &&
	    (!p->gso_size || (p->gso_type != XEN_NETIF_GSO_TYPE_TCPV4 &&
			      p->gso_type != XEN_NETIF_GSO_TYPE_TCPV6)))
		return -EPROTO;
	if (p->drop != TX_OK)
		return 0;
	if (rest < FRAME_ETH)
		p->drop = RING_TX_SHORT;
	else if (offset + rest > HV_PAGE)
		return -EPROTO;
	return 0;
}

/* One packet: slots -> p and its pieces in r->seg, responses staged. */
static int tx_parse(struct ring *r, struct tx_cursor *c, struct tx_packet *p)
{
	struct tx_mcast mcast = { 0 };
	struct netif_tx_request q;
	uint32_t rest;
	int rc;

	p->at = c->h->taken;
	half_take(c->h, &q, sizeof(q));
	c->left--;
	p->flags = q.flags;
	p->total = rest = q.size;
	p->drop = TX_OK;
	p->status = NETIF_RSP_ERROR;
	p->nseg = 1;
	tx_stage(c->h, q.id, NETIF_RSP_OKAY);
	if (q.flags & NETTXF_extra_info) {
		rc = tx_extras(c, p, &mcast);
		if (rc)
			return rc;
	}
	/* A multicast message is a dummy: nothing follows, nothing is sized */
	if (p->drop == RING_TX_EXTRA_ONLY) {
		p->status = tx_mcast(r, &mcast);
		return 0;
	}
	if (q.flags & NETTXF_more_data) {
		rc = tx_fragments(r, c, p, &rest);
		if (rc)
			return rc;
	}
	rc = tx_check(p, q.offset, rest);
	if (rc || p->drop != TX_OK)
		return rc;
	r->seg[p->seg] = (struct hv_seg){ .ref = q.gref,
					  .off = q.offset,
					  .len = (uint16_t)rest };
	return 0;
}

/* Pass 1: up to n packets; returns how many, and the number of pieces. */
static int tx_parse_burst(struct ring *r, unsigned n, unsigned *nseg)
{
	int waiting = half_waiting(&r->tx), rc;
	struct tx_cursor c = { .h = &r->tx };
	unsigned k;

	if (waiting < 0)
		return waiting;
	c.left = (unsigned)waiting;
	*nseg = 0;
	for (k = 0; k < n && c.left; k++) {
		struct tx_packet *p = &r->packet[k];

		*p = (struct tx_packet){ .seg = (uint16_t)*nseg };
		rc = tx_parse(r, &c, p);
		if (rc)
			return rc;
		if (p->drop != RING_TX_EXTRA_ONLY)
			ring_add(r, RING_TX_PACKETS, 1);
		if (p->drop != TX_OK)
			p->nseg = 0;
		*nseg += p->nseg;
	}
	r->tx.cons = r->tx.taken;
	return (int)k;
}

/* Counts a packet that becomes no frame; its staged responses, up to slot `end`,
 * become ERROR, or what the message it was deserves.
 */
static void tx_refuse(struct ring *r, const struct tx_packet *p, uint32_t end)
{
	struct netif_tx_response rsp;
	uint32_t i;

	ring_add(r, (enum ring_count)p->drop, 1);
	for (i = p->at; i != end; i++) {
		uint64_t *v = &r->tx.keep->staged[i % RING_SLOTS];

		memcpy(&rsp, v, sizeof(rsp));
		if (rsp.status == NETIF_RSP_NULL)
			continue;
		rsp.status = p->status;
		memcpy(v, &rsp, sizeof(rsp));
	}
}

/* Where `len` bytes from offset `off` of a guest's page go. What crosses a page's
 * border on one side alone is two copies: so if it would here, it gets the same
 * place in a page that it has in the guest's. Each piece then ends at most one page
 * behind the one before.
 */
static_assert((RING_TX_SLOTS + 1) * FRAME_PAGE <= FRAME_HEAD + FRAME_ROOM &&
		      (int)FRAME_PAGE == (int)HV_PAGE,
	      "a page for head and one for each piece");

static uint8_t *tx_place(uint8_t *to, uint32_t off, uint32_t len)
{
	uint32_t at = (uint32_t)(uintptr_t)to % HV_PAGE;

	return at + len <= HV_PAGE ? to : to + (off - at) % HV_PAGE;
}

static void tx_extend(struct frame *f, uint8_t *to, uint32_t len)
{
	struct frame_seg *last = f->nseg ? &f->seg[f->nseg - 1] : NULL;

	if (last && last->base + last->len == to)
		last->len += len;
	else
		f->seg[f->nseg++] = (struct frame_seg){ to, len };
}

/* A packet's pieces as they are copied: head first, then body. How many. */
static unsigned tx_scatter(struct frame *f, const struct hv_seg *s, unsigned n,
			   struct hv_seg *v)
{
	uint8_t *to = f->body;
	unsigned k = 0;

	for (; n; n--, s++) {
		uint32_t take = (uint32_t)FRAME_HEAD - f->head_len, rest;

		if (take > s->len)
			take = s->len;
		rest = s->len - take;
		if (take) {
			v[k] = *s;
			v[k].len = (uint16_t)take;
			v[k++].local = f->head + f->head_len;
			f->head_len = (uint16_t)(f->head_len + take);
		}
		if (!rest)
			continue;
		to = tx_place(to, s->off + take, rest);
		if (take && to == f->body) { /* they meet */
			v[k - 1].len = s->len;
		} else {
			v[k] = *s;
			v[k].off = (uint16_t)(s->off + take);
			v[k].len = (uint16_t)rest;
			v[k++].local = to;
		}
		tx_extend(f, to, rest);
		to += rest;
	}
	return k;
}

/* Where the pieces of p are, once they are fetched. */
static struct hv_seg *tx_pieces(struct ring *r, const struct tx_packet *p)
{
	return (r->reach ? r->seg : r->copy) + p->seg;
}

/* Pass 2: frames for the good packets, then their bytes: in place, or copied. */
static int tx_fetch(struct ring *r, unsigned k, unsigned nseg)
{
	unsigned i, n = 0;
	int rc;

	for (i = 0; i < k; i++) {
		struct tx_packet *p = &r->packet[i];

		if (p->drop != TX_OK)
			continue;
		p->f = frame_get(r->pool);
		p->f->len = p->total;
		if (r->reach)
			continue;
		p->nseg = (uint16_t)tx_scatter(p->f, r->seg + p->seg, p->nseg,
					       r->copy + n);
		p->seg = (uint16_t)n;
		n += p->nseg;
	}
	rc = r->reach ? hv_reach(r->hv, HV_FROM_GUEST, r->seg, nseg)
		      : gref_copy(r->vif, r->hv, r->queue, HV_FROM_GUEST,
				  r->copy, n);
	for (i = 0; i < k && rc < 0; i++)
		frame_put(r->packet[i].f);
	return rc;
}

/* Reached: gathers the header, references the rest. */
static void tx_gather(struct frame *f, const struct hv_seg *s, unsigned n)
{
	uint32_t take;

	f->head_len = 0;
	f->nseg = 0;
	for (; n; n--, s++) {
		take = (uint32_t)FRAME_HEAD - f->head_len;
		if (take > s->len)
			take = s->len;
		memcpy(f->head + f->head_len, s->local, take);
		f->head_len = (uint16_t)(f->head_len + take);
		if (s->len > take)
			f->seg[f->nseg++] = (struct frame_seg){ s->local + take,
								s->len - take };
	}
}

/* Sets what the guest claims about checksum and segmentation, and checks it. */
static int tx_offload(struct ring *r, struct frame *f,
		      const struct tx_packet *p)
{
	uint64_t fixed = 0;
	int rc;

	f->flags = 0;
	if (p->flags & NETTXF_csum_blank)
		f->flags = FRAME_CSUM_BLANK;
	else if (p->flags & NETTXF_data_validated)
		f->flags = FRAME_CSUM_VALID;
	f->gso_type = p->gso_type;
	f->gso_size = p->gso_size;
	if (!p->has_gso && !(f->flags & FRAME_CSUM_BLANK))
		return 0;
	rc = frame_check_offload(f, r->mtu, &fixed);
	ring_add(r, RING_TX_GSO_FIXUP, fixed);
	return rc;
}

static bool tx_granted(const struct hv_seg *s, unsigned n)
{
	while (n && !s[n - 1].status)
		n--;
	return !n;
}

/* Pass 3: a parsed and fetched packet's frame, or NULL with the reason in
 * p->drop.
 */
static struct frame *tx_build(struct ring *r, struct tx_packet *p)
{
	const struct hv_seg *s = tx_pieces(r, p);
	struct frame *f = p->f;

	if (p->drop != TX_OK)
		return NULL;
	if (!tx_granted(s, p->nseg)) {
		p->drop = RING_TX_BAD_GRANT;
	} else {
		if (r->reach)
			tx_gather(f, s, p->nseg);
		if (tx_offload(r, f, p))
			p->drop = RING_TX_BAD_OFFLOAD;
	}
	if (p->drop != TX_OK) {
		frame_put(f);
		return NULL;
	}
	ring_add(r, RING_TX_FRAMES, 1);
	ring_add(r, RING_TX_BYTES, f->len);
	return f;
}

int ring_pull(struct ring *r, struct frame **v, unsigned n)
{
	unsigned most = frame_pool_free(r->pool), nseg, i;
	int k, rc, out = 0;

	if (most > FRAME_BURST)
		most = FRAME_BURST;
	k = tx_parse_burst(r, n < most ? n : most, &nseg);
	if (k <= 0)
		return k;
	rc = tx_fetch(r, (unsigned)k, nseg);
	if (rc < 0)
		return rc;
	for (i = 0; i < (unsigned)k; i++) {
		struct tx_packet *p = &r->packet[i];
		struct frame *f = tx_build(r, p);

		if (f)
			v[out++] = f;
		else
			tx_refuse(r, p,
				  i + 1 < (unsigned)k ? p[1].at : r->tx.taken);
	}
	return out;
}
