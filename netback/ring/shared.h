/* SPDX-License-Identifier: GPL-2.0-or-later */
/* shared.h - the ring room's own: a ring page, and how its words are touched
 *
 *   ring page:  req_prod req_event rsp_prod rsp_event  ..64 bytes..  slot[256]
 *               guest    ours      ours     guest
 *
 * We only load the guest's two words and only store our two; what we need to
 * know of our own is kept in private memory (struct half). Indices are
 * free-running and compared by subtraction.
 */
#ifndef NETBACK_RING_SHARED_H
#define NETBACK_RING_SHARED_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <xen/io/netif.h>

#include "frame.h"
#include "hv.h"
#include "ring.h"
#include "survive.h"

/* For tests/unit/test_ring_explore.c, which builds this room with a small ring:
 * called before each look at, and each change of, what others can see or what
 * a kill leaves. reads: what is looked at.
 */
#ifdef RING_EXPLORE
enum { RING_SLOTS = 4 };
void ring_probe(const volatile void *reads, size_t n);
#else
enum { RING_SLOTS = 256 }; /* in either ring's one page */
static inline void ring_probe(const volatile void *reads, size_t n)
{
	(void)reads, (void)n;
}
#endif

enum {
	RING_SLOT0 = 64, /* bytes before the first slot */
};
static_assert(offsetof(struct netif_tx_sring, rsp_prod) == 8, "netif.h");
static_assert(offsetof(struct netif_tx_sring, ring) == RING_SLOT0, "netif.h");
static_assert(offsetof(struct netif_rx_sring, ring) == RING_SLOT0, "netif.h");
static_assert(sizeof(union netif_tx_sring_entry) == 12, "256 in a page");
static_assert(sizeof(union netif_rx_sring_entry) == 8, "256 in a page");
static_assert(sizeof(struct netif_tx_response) == 4, "netif.h");
static_assert(sizeof(struct netif_rx_response) == 8, "netif.h");
static_assert(sizeof(struct netif_extra_info) == 8, "overlays an RX slot");
static_assert(offsetof(struct netif_extra_info, u) == 2, "netif.h");

struct ring_page {
	_Atomic uint32_t req_prod, req_event, rsp_prod, rsp_event;
	uint8_t pad[RING_SLOT0 - 16];
	uint8_t slot[HV_PAGE - RING_SLOT0];
};
static_assert(sizeof(struct ring_page) == HV_PAGE, "one page");

/* One direction. Responses [done, staged) wait in keep->staged for publish. */
struct half {
	struct ring_page *page;
	struct survive_ring *keep;
	uint32_t taken;	 /* requests copied out of the page */
	uint32_t cons;	 /* requests used up: done <= cons <= taken */
	uint32_t staged; /* responses made; == cons between calls */
	uint32_t done;	 /* responses published; private copy of keep->done */
	int chan;
	uint8_t req_size, rsp_size; /* bytes of a slot, of a response */
	bool kick; /* adopted, and the guest may wait for a bell */
};

/* Pieces of a burst: a slot each, and a packet's first can be two. */
enum { RING_PIECES = RING_SLOTS + FRAME_BURST };

/* A packet of TX as parsed. */
struct tx_packet {
	uint16_t seg, nseg; /* its pieces in ring.seg */
	uint32_t total;	    /* bytes */
	uint32_t at;	    /* index of its first slot */
	uint16_t flags;	    /* of its first slot */
	uint8_t nextra;
	bool has_gso;
	uint8_t gso_type;
	uint16_t gso_size;
	int drop;	 /* enum ring_count of the reason, or -1 */
	int16_t status;	 /* then: what its slots are answered */
	struct frame *f; /* what it becomes */
};

/* A frame for the guest whose pieces wait in ring.seg to be copied. */
struct rx_packet {
	uint16_t seg, nseg;
	uint32_t at;  /* index of its first response */
	uint32_t len; /* bytes */
	uint16_t per; /* bytes of it in a slot */
	uint8_t nextra;
};

struct rx_slot {
	struct netif_rx_request req;
	uint8_t *page; /* reached for lending, or NULL */
};

struct ring {
	struct hv *hv;
	struct ring_vif *vif; /* or NULL */
	unsigned queue;
	struct frame_pool *pool;
	struct survive_queue *keep;
	uint64_t *counts;
	struct ring_features features;
	uint32_t mtu;
	struct half tx, rx;
	int deaf;	 /* -errno of a bell that cannot be heard again */
	bool reach;	 /* hv gives addresses; else it only copies */
	bool lent_extra; /* lent pages leave slot 1 for an extra */
	struct hv_seg seg[RING_SLOTS];	 /* of one pull */
	struct hv_seg copy[RING_PIECES]; /* the same, as they are copied */
	struct tx_packet packet[FRAME_BURST];
	/* Frames of pushes whose bytes were not copied yet: see rx.c */
	struct hv_seg rx_seg[RING_SLOTS];
	struct rx_packet rx_packet[FRAME_BURST];
	struct frame *rx_frame[FRAME_BURST];
	unsigned rx_segs, rx_packets;
	bool rx_may_wait;		 /* for flush, what is there */
	struct rx_slot slot[RING_SLOTS]; /* of RX [cons, taken), by index */
};

static inline void ring_add(struct ring *r, enum ring_count c, uint64_t n)
{
	r->counts[c] += n;
}

/* The four helpers: every access to an index in a ring page is one of these. */

/* Pairs with the guest's release of req_prod after writing slots. */
static inline uint32_t half_load_prod(const struct half *h)
{
	ring_probe(&h->page->req_prod, 4);
	return atomic_load_explicit(&h->page->req_prod, memory_order_acquire);
}

/* Pairs with the guest's acquire of rsp_prod before reading responses. */
static inline void half_store_prod(struct half *h, uint32_t v)
{
	ring_probe(NULL, 0);
	atomic_store_explicit(&h->page->rsp_prod, v, memory_order_release);
}

/* After half_store_prod: the fence orders our store of rsp_prod before the load
 * of rsp_event; the guest stores rsp_event, fences, loads rsp_prod.
 */
static inline uint32_t half_load_event(const struct half *h)
{
	ring_probe(&h->page->rsp_event, 4);
	atomic_thread_fence(memory_order_seq_cst);
	return atomic_load_explicit(&h->page->rsp_event, memory_order_relaxed);
}

/* Before a re-check of req_prod; the guest stores req_prod, fences, loads
 * req_event.
 */
static inline void half_store_event(struct half *h, uint32_t v)
{
	ring_probe(NULL, 0);
	atomic_store_explicit(&h->page->req_event, v, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

/* Requests that were not taken, of those we have room to answer: 0..256, or
 * -EPROTO when the guest claims more than a ring holds.
 */
int half_waiting(const struct half *h);

/* Copies request `taken` out of the page, whole, once; taken++. */
static inline void half_take(struct half *h, void *req, unsigned size)
{
	const volatile uint32_t *from =
		(const volatile uint32_t *)(void *)(h->page->slot +
						    (size_t)(h->taken %
							     RING_SLOTS) *
							    size);
	uint32_t word[3] = { 0 };
	unsigned i;

	ring_probe(from, size);
	for (i = 0; i < size / 4u; i++)
		word[i] = from[i];
	memcpy(req, word, size);
	h->taken++;
}

/* rx.c: copies what waits for flush; puts it back uncopied. */
int ring_rx_send(struct ring *r);
void ring_rx_forget(struct ring *r);

/* publish.c tells the story of these. */
int half_attach(struct half *h, uint64_t *replayed);
static inline void half_stage(struct half *h, const void *rsp, unsigned size)
{
	uint64_t v = 0;

	memcpy(&v, rsp, size);
	h->keep->staged[h->staged % RING_SLOTS] = v;
	h->staged++;
}
bool half_publish(struct half *h);

#endif
