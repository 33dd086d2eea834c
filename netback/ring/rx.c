// SPDX-License-Identifier: GPL-2.0-or-later
/* rx.c - what the guest receives: frames become RX responses
 *
 *   slot 0: response, flags may have extra_info and more_data,
 *           status = bytes in THIS slot
 *   [GSO extra: uses up one request of the guest]
 *   [slots: response, status = bytes in this slot, more_data until the last]
 *                                                            (io/netif.h)
 *
 * The response to request i goes into slot i, with the id of request i; whole
 * packets only. Requests are copied out once, when first needed, and kept in
 * r->slot until they are used, so that pages which were lent and not filled are
 * lent again without another look at the ring.
 *
 * Two ways in. push copies frames that exist. lend, fill, settle let a tap read
 * straight into the guest's pages: the first 256 bytes go to private memory
 * (they are parsed for the checksum's place) and are copied to the page
 * by settle, all else lands where it belongs. Whether a frame has a GSO
 * extra, which takes slot 1, is known only after the read; pages are
 * lent as if it had, and settle moves the rare large frame without one.
 */
#include <errno.h>
#include <string.h>

#include "ring/shared.h"

enum {
	RX_VLAN = 4, /* bytes a tag may add to a frame of the mtu */
	RX_PIECES = 1 + FRAME_SEGS + RING_RX_SLOTS,
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

		half_take(h, &s->req);
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

static unsigned rx_data_slots(uint32_t len)
{
	return (len + HV_PAGE - 1) / HV_PAGE;
}

static bool rx_takes_gso(const struct ring *r, uint8_t type)
{
	const struct ring_features *ft = &r->features;

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

unsigned ring_slots(const struct ring *r, const struct frame *f)
{
	if (f)
		return rx_data_slots(f->len) + (f->gso_type ? 1 : 0);
	if (rx_any_gso(r))
		return rx_data_slots(FRAME_MAX) + 1;
	if (r->features.sg)
		return rx_data_slots(r->mtu + FRAME_ETH + RX_VLAN);
	return 1;
}

/* The largest frame this guest can take has a known form; is f within it? */
static bool rx_can_ever(const struct ring *r, const struct frame *f)
{
	unsigned n = rx_data_slots(f->len);

	return rx_takes_gso(r, f->gso_type) && n <= RING_RX_SLOTS &&
	       (n == 1 || r->features.sg);
}

/* Checksum: the guest's business if it accepts that and would find the same
 * place, else done here. Returns the flags of slot 0, or -EINVAL.
 */
static int rx_offload(const struct ring *r, struct frame *f)
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
	}
	return f->flags & FRAME_CSUM_VALID ? NETRXF_data_validated : 0;
}

static void rx_stage(struct ring *r, uint16_t flags, int16_t status)
{
	struct netif_rx_response rsp = {
		.id = rx_slot(r, 0)->req.id,
		.flags = flags,
		.status = status,
	};

	half_stage(&r->rx, &rsp);
	r->rx.cons++;
}

static void rx_stage_gso(struct ring *r, const struct frame *f)
{
	struct netif_extra_info x;

	memset(&x, 0, sizeof(x));
	x.type = XEN_NETIF_EXTRA_TYPE_GSO;
	x.u.gso.type = f->gso_type;
	x.u.gso.size = f->gso_size;
	half_stage(&r->rx, &x);
	r->rx.cons++;
}

/* Stages all responses of one frame; bad: a bit for each data slot whose grant
 * was refused (the guest walks the slots and drops the packet).
 */
static void rx_respond(struct ring *r, const struct frame *f, int flags,
		       uint32_t bad)
{
	unsigned i, n = rx_data_slots(f->len);

	for (i = 0; i < n; i++) {
		uint32_t size = f->len - i * HV_PAGE;
		uint16_t fl = (uint16_t)(i ? 0 : flags);

		if (size > HV_PAGE)
			size = HV_PAGE;
		if (i + 1 < n)
			fl |= NETRXF_more_data;
		if (!i && f->gso_type)
			fl |= NETRXF_extra_info;
		rx_stage(r, fl,
			 bad & (1u << i) ? (int16_t)NETIF_RSP_ERROR
					 : (int16_t)size);
		if (!i && f->gso_type)
			rx_stage_gso(r, f);
	}
	if (bad) {
		ring_add(r, RING_RX_BAD_GRANT, 1);
		return;
	}
	ring_add(r, RING_RX_FRAMES, 1);
	ring_add(r, RING_RX_BYTES, f->len);
}

/* Cuts a frame's pieces at page borders. */
static unsigned rx_split(struct ring *r, struct frame *f, struct hv_seg *v)
{
	uint32_t at = 0; /* bytes of the frame so far */
	unsigned k = 0, i;

	for (i = 0; i <= f->nseg; i++) {
		uint8_t *p = i ? f->seg[i - 1].base : f->head;
		uint32_t left = i ? f->seg[i - 1].len : f->head_len;

		while (left) {
			unsigned d = at / HV_PAGE;
			uint32_t off = at % HV_PAGE, n = HV_PAGE - off;

			if (n > left)
				n = left;
			if (d && f->gso_type)
				d++; /* slot 1 is the extra */
			v[k++] = (struct hv_seg){
				.ref = rx_slot(r, d)->req.gref,
				.off = (uint16_t)off,
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

static int rx_copy(struct ring *r, struct frame *f, uint32_t *bad)
{
	struct hv_seg v[RX_PIECES];
	unsigned k = rx_split(r, f, v), i;
	uint32_t at = 0;
	int rc = hv_copy(r->hv, HV_TO_GUEST, v, k);

	*bad = 0;
	if (rc <= 0)
		return rc;
	for (i = 0; i < k; i++) {
		if (v[i].status)
			*bad |= 1u << (at / HV_PAGE);
		at += v[i].len;
	}
	return 0;
}

/* 1 delivered, 0 dropped and counted, -errno. */
static int rx_push_one(struct ring *r, struct frame *f)
{
	uint32_t bad;
	int rc, flags = -EINVAL;

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
	rc = rx_copy(r, f, &bad);
	if (rc < 0)
		return rc;
	rx_respond(r, f, flags, bad);
	return !bad;
}

int ring_push(struct ring *r, struct frame **v, unsigned n)
{
	int rc = 0, out = 0;
	unsigned i;

	for (i = 0; i < n; i++) {
		if (rc >= 0)
			rc = rx_push_one(r, v[i]);
		if (rc > 0)
			out++;
		frame_put(v[i]);
	}
	return rc < 0 ? rc : out;
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
	int rc = rx_fetch(r, need);

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
	unsigned i, n = rx_data_slots(f->len);

	for (i = 1; i < n; i++)
		memcpy(rx_slot(r, i)->page, rx_slot(r, i + 1)->page, HV_PAGE);
}

int ring_settle(struct ring *r, struct frame *f)
{
	int flags = -EINVAL;

	if (!f->len)
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
	rx_respond(r, f, flags, 0);
	return 1;
}
