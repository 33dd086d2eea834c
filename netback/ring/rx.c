// SPDX-License-Identifier: GPL-2.0-or-later
/* rx.c - what the guest receives: frames become RX responses
 *
 *   slot 0: response, flags may have extra_info and more_data,
 *           status = bytes in THIS slot
 *   [extras: GSO, hash, XDP headroom; each uses up one request of the guest]
 *   [slots: response, status = bytes in this slot, more_data until the last]
 *                                                            (io/netif.h)
 *
 * The response to request i goes into slot i, with the id of request i; whole
 * packets only. Requests are copied out once, when first needed, and kept in
 * r->slot until they are used, so that pages which were lent and not filled are
 * lent again without another look at the ring.
 *
 * Two ways in. push copies frames that exist, and cuts those whose segments this
 * guest does not take together: all pieces of a burst by one
 * hv_copy, each with its own status. Where a guest cannot be mapped a copy is a
 * call to the hypervisor, so that frames whose bytes are our own wait for flush
 * and go together; their responses are staged meanwhile, and corrected where a
 * copy failed. lend, fill, settle let a tap read
 * straight into the guest's pages: the first 256 bytes go to private memory
 * (they are parsed for the checksum's place) and are copied to the page
 * by settle, all else lands where it belongs. Whether a frame has a GSO
 * extra, which takes slot 1, is known only after the read; pages are
 * lent as if it had, and settle moves the rare large frame without one.
 */
#include <errno.h>
#include <string.h>

#include "ring/shared.h"
#include "ring/vif.h"

enum {
	RX_VLAN = 4, /* bytes a tag may add to a frame of the mtu */
	RX_PIECES = 1 + FRAME_SEGS + RING_RX_SLOTS,
	RX_EXTRAS = 3,
	RX_EXTRA_XDP = 5,		/* Linux's; not in Xen 4.17's netif.h */
	RX_KEEP_FREE = FRAME_BURST / 2, /* frames others may still need */
};

static struct rx_slot *rx_slot(struct ring *r, unsigned i)
{
	return &r->slot[(r->rx.cons + i) % RING_SLOTS];
}

/* Makes slots [cons, cons + n) known; 1 when there are that many, 0, -EPROTO. */
static int rx_fetch(struct ring *r, unsigned n)
{
	struct half *h = &r->rx;
	int waiting;

	if (h->taken - h->cons >= n)
		return 1;
	waiting = half_waiting(h);
	if (waiting < 0)
		return waiting;
	if (h->taken - h->cons + (unsigned)waiting < n)
		return 0;
	while (h->taken - h->cons < n) {
		struct rx_slot *s = &r->slot[h->taken % RING_SLOTS];

		half_take(h, &s->req, sizeof(s->req));
		s->page = NULL;
	}
	return 1;
}

int ring_room(struct ring *r)
{
	int waiting = half_waiting(&r->rx);

	return waiting < 0 ? waiting
			   : (int)(r->rx.taken - r->rx.cons) + waiting;
}

static unsigned rx_headroom(const struct ring *r)
{
	return r->vif ? r->vif->wish.headroom : 0;
}

static unsigned rx_data_slots(const struct ring *r, uint32_t len)
{
	unsigned per = HV_PAGE - rx_headroom(r);

	return (len + per - 1) / per;
}

/* How a frame lies in the guest's slots: one function for who counts them and
 * who fills them.
 */
struct rx_form {
	unsigned headroom, per; /* bytes of a page before, and for data */
	unsigned ndata, nextra;
	struct netif_extra_info x[RX_EXTRAS];
};

static struct netif_extra_info *rx_extra(struct rx_form *o, uint8_t type)
{
	struct netif_extra_info *x = &o->x[o->nextra++];

	memset(x, 0, sizeof(*x));
	x->type = type;
	if (o->nextra > 1)
		x[-1].flags = XEN_NETIF_EXTRA_FLAG_MORE;
	return x;
}

static void rx_form(const struct ring *r, const struct frame *f,
		    struct rx_form *o)
{
	struct netif_extra_info *x;
	struct hash h;

	o->headroom = rx_headroom(r);
	o->per = HV_PAGE - o->headroom;
	o->ndata = rx_data_slots(r, f->len);
	o->nextra = 0;
	if (f->gso_type) {
		x = rx_extra(o, XEN_NETIF_EXTRA_TYPE_GSO);
		x->u.gso.type = f->gso_type;
		x->u.gso.size = f->gso_size;
	}
	if (r->vif && hash_wanted(r->vif) && hash_frame(r->vif, f, &h)) {
		x = rx_extra(o, XEN_NETIF_EXTRA_TYPE_HASH);
		x->u.hash.type = h.type;
		x->u.hash.algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ;
		x->u.hash.value[0] = (uint8_t)h.value;
		x->u.hash.value[1] = (uint8_t)(h.value >> 8);
		x->u.hash.value[2] = (uint8_t)(h.value >> 16);
		x->u.hash.value[3] = (uint8_t)(h.value >> 24);
	}
	if (o->headroom) {
		uint16_t room = (uint16_t)o->headroom;

		x = rx_extra(o, RX_EXTRA_XDP);
		memcpy(&x->u, &room, sizeof(room));
	}
}

/* Extras that a frame may have beside GSO. */
static unsigned rx_more_extras(const struct ring *r)
{
	if (!r->vif)
		return 0;
	return (hash_wanted(r->vif) ? 1u : 0) + (rx_headroom(r) ? 1u : 0);
}

static bool rx_takes_gso(const struct ring *r, uint8_t type)
{
	const struct ring_features *ft = &r->features;

	/* XDP programs see packets of one slot, the others are dropped. */
	if (type && rx_headroom(r))
		return false;
	if (type == FRAME_GSO_TCPV4)
		return ft->sg && ft->gso4 && ft->csum4;
	if (type == FRAME_GSO_TCPV6)
		return ft->sg && ft->gso6 && ft->csum6;
	return true;
}

static bool rx_any_gso(const struct ring *r)
{
	return rx_takes_gso(r, FRAME_GSO_TCPV4) ||
	       rx_takes_gso(r, FRAME_GSO_TCPV6);
}

bool ring_takes(const struct ring *r, const struct frame *f)
{
	return rx_takes_gso(r, f->gso_type);
}

unsigned ring_slots(const struct ring *r, const struct frame *f)
{
	unsigned more = rx_more_extras(r);
	struct rx_form o;

	if (f && !rx_takes_gso(r, f->gso_type)) /* its first piece */
		return rx_data_slots(r, f->hdr_len + (uint32_t)f->gso_size) +
		       more;
	if (f) {
		rx_form(r, f, &o);
		return o.ndata + o.nextra;
	}
	if (rx_any_gso(r))
		return rx_data_slots(r, FRAME_MAX) + 1 + more;
	if (r->features.sg)
		return rx_data_slots(r, r->mtu + FRAME_ETH + RX_VLAN) + more;
	return 1 + more;
}

/* The largest frame this guest can take has a known form; is f within it? */
static bool rx_can_ever(const struct ring *r, const struct frame *f)
{
	unsigned n = rx_data_slots(r, f->len);

	return rx_takes_gso(r, f->gso_type) && n <= RING_RX_SLOTS &&
	       (n == 1 || r->features.sg);
}

/* Checksum: the guest's business if it accepts that and would find the same
 * place, else done here. Returns the flags of slot 0, or -EINVAL.
 */
static int rx_offload(struct ring *r, struct frame *f)
{
	struct frame_l4 l4;

	if (f->flags & FRAME_CSUM_BLANK) {
		if (!frame_locate(f, &l4) && l4.l4 == f->csum_start &&
		    l4.csum_off == f->csum_off &&
		    (l4.ip == 4 ? r->features.csum4 : r->features.csum6))
			return NETRXF_csum_blank | NETRXF_data_validated;
		if (f->gso_type ||
		    f->csum_start + f->csum_off + 2 > f->head_len)
			return -EINVAL;
		frame_checksum(f);
		ring_add(r, RING_RX_SUMS, 1);
	}
	return f->flags & FRAME_CSUM_VALID ? NETRXF_data_validated : 0;
}

static void rx_stage(struct ring *r, const void *rsp)
{
	half_stage(&r->rx, rsp, sizeof(struct netif_rx_response));
	r->rx.cons++;
}

/* Stages all responses of one frame, as if every byte arrived. */
static void rx_respond(struct ring *r, const struct frame *f,
		       const struct rx_form *o, int flags)
{
	unsigned i, k;

	for (i = 0; i < o->ndata; i++) {
		uint32_t left = f->len - i * o->per;
		struct netif_rx_response rsp = {
			.id = rx_slot(r, 0)->req.id,
			.offset = (uint16_t)o->headroom,
			.flags = (uint16_t)(i ? 0 : flags),
			.status = (int16_t)(left < o->per ? left : o->per),
		};

		if (i + 1 < o->ndata)
			rsp.flags |= NETRXF_more_data;
		if (!i && o->nextra)
			rsp.flags |= NETRXF_extra_info;
		rx_stage(r, &rsp);
		for (k = 0; !i && k < o->nextra; k++)
			rx_stage(r, &o->x[k]);
	}
}

static void rx_delivered(struct ring *r, uint32_t len)
{
	ring_add(r, RING_RX_FRAMES, 1);
	ring_add(r, RING_RX_BYTES, len);
}

/* Cuts a frame's pieces at page borders. */
static unsigned rx_split(struct ring *r, struct frame *f,
			 const struct rx_form *o, struct hv_seg *v)
{
	uint32_t at = 0; /* bytes of the frame so far */
	unsigned k = 0, i;

	for (i = 0; i <= f->nseg; i++) {
		uint8_t *p = i ? f->seg[i - 1].base : f->head;
		uint32_t left = i ? f->seg[i - 1].len : f->head_len;

		while (left) {
			unsigned d = at / o->per;
			uint32_t off = at % o->per, n = o->per - off;

			if (n > left)
				n = left;
			if (d)
				d += o->nextra;
			if (off && v[k - 1].local + v[k - 1].len == p)
				/* head and body meet: one piece */
				v[k - 1].len = (uint16_t)(v[k - 1].len + n);
			else
				v[k++] = (struct hv_seg){
					.ref = rx_slot(r, d)->req.gref,
					.off = (uint16_t)(o->headroom + off),
					.len = (uint16_t)n,
					.local = p,
				};
			p += n;
			left -= n;
			at += n;
		}
	}
	return k;
}

/* The response of each slot that a copy failed for becomes an error: the guest
 * walks all slots and drops the packet. True when there was none.
 */
static bool rx_verdict(struct ring *r, const struct rx_packet *p)
{
	struct netif_rx_response rsp;
	uint32_t at = 0;
	bool ok = true;
	unsigned i;

	for (i = 0; i < p->nseg; i++) {
		const struct hv_seg *s = &r->rx_seg[p->seg + i];
		unsigned d = at / p->per;
		uint64_t *v;

		at += s->len;
		if (!s->status)
			continue;
		ok = false;
		v = &r->rx.keep->staged[(p->at + d + (d ? p->nextra : 0u)) %
					RING_SLOTS];
		memcpy(&rsp, v, sizeof(rsp));
		rsp.status = NETIF_RSP_ERROR;
		memcpy(v, &rsp, sizeof(rsp));
	}
	return ok;
}

/* Copies what waits and puts the frames back: how many failed, or -errno. */
int ring_rx_send(struct ring *r)
{
	unsigned i;
	int rc, bad = 0;

	if (!r->rx_packets)
		return 0;
	rc = gref_copy(r->reach ? NULL : r->vif, r->hv, r->queue, HV_TO_GUEST,
		       r->rx_seg, r->rx_segs);
	for (i = 0; i < r->rx_packets && rc >= 0; i++) {
		if (rc && !rx_verdict(r, &r->rx_packet[i])) {
			ring_add(r, RING_RX_BAD_GRANT, 1);
			bad++;
		} else {
			rx_delivered(r, r->rx_packet[i].len);
		}
	}
	ring_rx_forget(r);
	return rc < 0 ? rc : bad;
}

void ring_rx_forget(struct ring *r)
{
	unsigned i;

	for (i = 0; i < r->rx_packets; i++)
		frame_put(r->rx_frame[i]);
	r->rx_packets = r->rx_segs = 0;
	r->rx_may_wait = !r->reach;
}

/* Nothing of it lies where somebody else may take it away before flush. */
static bool rx_is_ours(const struct frame *f)
{
	unsigned i;

	for (i = 0; i < f->nseg; i++) {
		if (!f->body || f->seg[i].base < f->body ||
		    f->seg[i].base >= f->body + FRAME_ROOM)
			return false;
	}
	return true;
}

/* Stages one frame and what is to be copied for it. */
static void rx_plan(struct ring *r, struct frame *f, int flags)
{
	struct rx_packet *p = &r->rx_packet[r->rx_packets];
	struct rx_form o;

	rx_form(r, f, &o);
	*p = (struct rx_packet){
		.seg = (uint16_t)r->rx_segs,
		.nseg = (uint16_t)rx_split(r, f, &o, r->rx_seg + r->rx_segs),
		.at = r->rx.staged,
		.len = f->len,
		.per = (uint16_t)o.per,
		.nextra = (uint8_t)o.nextra,
	};
	rx_respond(r, f, &o, flags);
	r->rx_segs += p->nseg;
	r->rx_frame[r->rx_packets++] = f;
	if (!rx_is_ours(f) || frame_pool_free(f->pool) < RX_KEEP_FREE)
		r->rx_may_wait = false;
}

static bool rx_full(const struct ring *r)
{
	return r->rx_packets == FRAME_BURST ||
	       r->rx_segs + RX_PIECES > RING_SLOTS;
}

/* Whether the guest wants to hear it. */
static bool rx_passes(struct ring *r, const struct frame *f)
{
	if (!r->vif || mcast_passes(r->vif, f->head))
		return true;
	ring_add(r, RING_RX_FILTERED, 1);
	return false;
}

/* 1 planned, and the frame is kept; 0 dropped and counted; -errno. */
static int rx_push_one(struct ring *r, struct frame *f)
{
	int rc, flags = -EINVAL;

	if (!rx_passes(r, f))
		return 0;

	if (rx_can_ever(r, f))
		flags = rx_offload(r, f);
	if (flags < 0) {
		ring_add(r, RING_RX_TOO_BIG, 1);
		return 0;
	}
	rc = rx_fetch(r, ring_slots(r, f));
	if (rc < 0)
		return rc;
	if (!rc) {
		ring_add(r, RING_RX_NO_ROOM, 1);
		return 0;
	}
	rx_plan(r, f, flags);
	return 1;
}

/* A frame for a piece; what is planned gives its own back when it is copied. */
static struct frame *rx_piece(struct ring *r, struct frame_pool *pool, int *rc)
{
	struct frame *f = frame_get(pool);

	if (f)
		return f;
	*rc = ring_rx_send(r);
	return *rc < 0 ? NULL : frame_get(pool);
}

/* For a guest that takes no GSO of this kind, or none at all. The pieces stand
 * for themselves from here on: what finds no room is lost alone. They refer to
 * f, so all of them are copied before it goes.
 */
static int rx_push_cut(struct ring *r, struct frame *f)
{
	int n, rc = 0, out = 0;
	struct frame_cut cut;
	struct frame *piece;

	n = frame_cut_open(&cut, f);
	if (n < 0) {
		ring_add(r, RING_RX_TOO_BIG, 1);
		return 0;
	}
	ring_add(r, RING_RX_CUT, (uint64_t)n - 1);
	for (; n && rc >= 0; n--) {
		piece = rx_piece(r, f->pool, &rc);
		if (!piece)
			break;
		frame_cut_next(&cut, piece);
		rc = rx_push_one(r, piece);
		if (rc > 0)
			out = 1;
		else
			frame_put(piece);
		if (rc > 0 && rx_full(r))
			rc = ring_rx_send(r);
	}
	ring_add(r, RING_RX_NO_ROOM, (uint64_t)n);
	if (rc >= 0)
		rc = ring_rx_send(r);
	if (rc >= 0 && out)
		frame_put(f);
	return rc < 0 ? rc : out;
}

int ring_push(struct ring *r, struct frame **v, unsigned n)
{
	int rc = 0, out = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		if (rc >= 0)
			rc = rx_takes_gso(r, v[i]->gso_type)
				     ? rx_push_one(r, v[i])
				     : rx_push_cut(r, v[i]);
		if (rc <= 0)
			frame_put(v[i]);
		if (rc < 0)
			continue;
		out += rc;
		if (rx_full(r)) {
			rc = ring_rx_send(r);
			out -= rc;
		}
	}
	if (rc >= 0 && !r->rx_may_wait) {
		rc = ring_rx_send(r);
		out -= rc;
	}
	if (rc < 0)
		return rc;
	return out < 0 ? 0 : out; /* some that failed came with a push before */
}

/* Reaches the first n pages; 0, -EACCES, or -errno. */
static int rx_reach(struct ring *r, unsigned n)
{
	struct hv_seg v[RING_RX_SLOTS + 1];
	unsigned i, k = 0;
	int rc;

	for (i = 0; i < n; i++) {
		if (!rx_slot(r, i)->page)
			v[k++] = (struct hv_seg){
				.ref = rx_slot(r, i)->req.gref, .len = HV_PAGE
			};
	}
	if (!k)
		return 0;
	rc = hv_reach(r->hv, HV_TO_GUEST, v, k);
	if (rc < 0)
		return rc;
	for (i = 0, k = 0; i < n; i++) {
		if (!rx_slot(r, i)->page)
			rx_slot(r, i)->page = v[k++].local;
	}
	return rc ? -EACCES : 0;
}

int ring_lend(struct ring *r, struct frame *f)
{
	unsigned need = ring_slots(r, NULL), i;
	int rc;

	if (!r->reach || rx_more_extras(r))
		return -EOPNOTSUPP;
	rc = rx_fetch(r, need);
	if (rc <= 0)
		return rc ? rc : -ENOBUFS;
	rc = rx_reach(r, need);
	if (rc)
		return rc;
	r->lent_extra = rx_any_gso(r);
	f->len = 0;
	f->seg[0] = (struct frame_seg){ rx_slot(r, 0)->page + FRAME_HEAD,
					HV_PAGE - FRAME_HEAD };
	f->nseg = 1;
	for (i = r->lent_extra ? 2 : 1; i < need; i++)
		f->seg[f->nseg++] = (struct frame_seg){ rx_slot(r, i)->page,
							HV_PAGE };
	return 0;
}

/* A large frame without an extra was read as if it had one: close the gap. */
static void rx_close_gap(struct ring *r, const struct frame *f)
{
	unsigned i, n = rx_data_slots(r, f->len);

	for (i = 1; i < n; i++)
		memcpy(rx_slot(r, i)->page, rx_slot(r, i + 1)->page, HV_PAGE);
}

int ring_settle(struct ring *r, struct frame *f)
{
	int flags = -EINVAL;
	struct rx_form o;

	if (!f->len || !rx_passes(r, f))
		return 0;
	if (rx_can_ever(r, f))
		flags = rx_offload(r, f);
	if (flags < 0) {
		ring_add(r, RING_RX_TOO_BIG, 1);
		return 0;
	}
	memcpy(rx_slot(r, 0)->page, f->head, f->head_len);
	if (r->lent_extra && !f->gso_type && f->len > HV_PAGE)
		rx_close_gap(r, f);
	rx_form(r, f, &o);
	rx_respond(r, f, &o, flags);
	rx_delivered(r, f->len);
	return 1;
}
