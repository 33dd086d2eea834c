// SPDX-License-Identifier: GPL-2.0-or-later
/* rx.c - lies in the ring a guest receives by; the host sends to it meanwhile */
#include <errno.h>
#include <string.h>

#include "base/loop.h"
#include "liar.h"

enum { TRAFFIC_MS = 10000 };

static const char broke[] = "broke the ring protocol";

/* The 256 honest buffers are used up first. arg is added to req_prod. */
static int prod_jump(struct liar *g)
{
	g->rx_prod += (uint32_t)g->lie->arg;
	rx_push(g);
	return 0;
}

/* Fresh rings have 256 honest buffers; these lies want others instead. */
static int post_none(struct liar *g)
{
	g->rx_prod = 0;
	g->rx->req_prod = 0;
	return 0;
}

static int post_one(struct liar *g)
{
	g->rx_prod = 0;
	rx_post(g, 1, 0);
	g->rx->req_prod = 1;
	return 0;
}

/* All 256 with one reference, whose grant is the variant's. */
static int post_grant(struct liar *g)
{
	static const struct {
		uint16_t flags, domid;
		uint32_t frame;
	} v[] = { { GTF_permit_access | GTF_readonly, 0, RX_DATA },
		  { GTF_permit_access, 1, RX_DATA },
		  { GTF_accept_transfer, 0, RX_DATA },
		  { 0, 0, RX_DATA },
		  { GTF_permit_access, 0, 0x7fffffff } };

	_Static_assert(ARRAY_SIZE(v) == 5, "variants in the table");
	liar_grant(g, BAD_REF, v[g->variant].flags, v[g->variant].domid,
		   v[g->variant].frame);
	g->rx_prod = 0;
	rx_post(g, FRONT_RING, BAD_REF);
	return 0;
}

static int post_bad(struct liar *g)
{
	static const uint32_t v[] = { 0, LIAR_GRANTS, 0xffffffff };

	_Static_assert(ARRAY_SIZE(v) == 3, "variants in the table");
	if (!v[g->variant])
		liar_grant(g, 1, GTF_permit_access, 0, RX_DATA);
	g->rx_prod = 0;
	rx_post(g, FRONT_RING, v[g->variant] ? v[g->variant] : 1);
	return 0;
}

/* arg: the page that is the buffer 256 times. */
static int post_page(struct liar *g)
{
	liar_grant(g, BAD_REF, GTF_permit_access, 0, (uint32_t)g->lie->arg);
	g->rx_prod = 0;
	rx_post(g, FRONT_RING, BAD_REF);
	return 0;
}

/* Buffers are answered while the host sends. */
static int received(struct liar *g)
{
	uint64_t end = clock_ns() + TRAFFIC_MS * 1000000ull;

	while (!__atomic_load_n(&g->rx->rsp_prod, __ATOMIC_ACQUIRE)) {
		if (clock_ns() > end)
			return -ETIMEDOUT;
		liar_sleep(5);
	}
	return 0;
}

static int wait_some(struct liar *g)
{
	(void)g;
	liar_sleep(500);
	return 0;
}

static void flip_once(struct liar *g, uint64_t r)
{
	struct netif_rx_request *q = &g->rx->ring[r % FRONT_RING].req;

	q->gref = r >> 8 & 1 ? BAD_REF : ref_of(RX_DATA);
	q->id = (uint16_t)(r >> 16);
	q->pad = (uint16_t)(r >> 24);
	liar_grant(g, BAD_REF, (unsigned)(r >> 32) & 7, (unsigned)(r >> 35) & 1,
		   r >> 36 & 1 ? RX_DATA : (uint32_t)r);
}

static int flip(struct liar *g)
{
	struct flip f = { .g = g, .once = flip_once };
	unsigned i;
	int rc = liar_flip(&f);

	if (rc)
		return rc;
	for (i = 0; i < 500; i++) {
		uint32_t done = __atomic_load_n(&g->rx->rsp_prod,
						__ATOMIC_ACQUIRE);

		rx_post(g, FRONT_RING - (g->rx_prod - done), 0);
		rx_push(g);
		liar_sleep(1);
	}
	liar_flip_end(&f);
	return g->rx_prod > FRONT_RING ? 0 : -ENODATA;
}

/* A guest that wants GSO but posts less than a large frame's slots, ever. */
static int few(struct liar *g)
{
	unsigned i;

	for (i = 0; i < 100; i++) {
		uint32_t done = __atomic_load_n(&g->rx->rsp_prod,
						__ATOMIC_ACQUIRE);

		if (g->rx_prod == done) {
			rx_post(g, 1, 0);
			rx_push(g);
		}
		liar_sleep(5);
	}
	return g->rx_prod > 2 ? 0 : -ENODATA;
}

const struct lie lies_rx[] = {
	{ .name = "rx-prod-far",
	  .id = "XSA-39 P2",
	  .due = DUE_FATAL,
	  .why = broke,
	  .prepare = post_none,
	  .tell = prod_jump,
	  .arg = INT32_MIN },
	{ .name = "rx-prod-257",
	  .id = "XSA-39 P2",
	  .due = DUE_FATAL,
	  .why = broke,
	  .prepare = post_none,
	  .tell = prod_jump,
	  .arg = 257 },
	{ .name = "rx-prod-back",
	  .id = "XSA-39 P2",
	  .due = DUE_FATAL,
	  .why = broke,
	  .prepare = post_none,
	  .tell = prod_jump,
	  .arg = -1 },
	{ .name = "rx-post-none",
	  .id = "XSA-392 P15 P29",
	  .due = DUE_NONE,
	  .prepare = post_none,
	  .tell = wait_some },
	{ .name = "rx-post-one",
	  .id = "XSA-392 P15 P29",
	  .due = DUE_NONE,
	  .prepare = post_one,
	  .tell = wait_some },
	{ .name = "rx-post-few",
	  .id = "XSA-392 P14",
	  .due = DUE_NONE,
	  .count = "rx_frames",
	  .prepare = post_one,
	  .tell = few },
	{ .name = "rx-grant-bad",
	  .id = "XSA-361 P19",
	  .due = DUE_DROP,
	  .count = "rx_bad_grant",
	  .prepare = post_grant,
	  .variants = 5,
	  .tell = received },
	{ .name = "rx-gref-bad",
	  .id = "XSA-361 P19",
	  .due = DUE_DROP,
	  .count = "rx_bad_grant",
	  .prepare = post_bad,
	  .variants = 3,
	  .tell = received },
	{ .name = "rx-one-page",
	  .id = "P19 P38",
	  .due = DUE_NONE,
	  .count = "rx_frames",
	  .prepare = post_page,
	  .tell = received,
	  .arg = RX_DATA },
	{ .name = "rx-data-is-tx-ring",
	  .id = "XSA-155 P21",
	  .due = DUE_ANY,
	  .prepare = post_page,
	  .tell = wait_some,
	  .arg = TX_PAGE },
	{ .name = "rx-data-is-rx-ring",
	  .id = "XSA-155 P21",
	  .due = DUE_ANY,
	  .prepare = post_page,
	  .tell = wait_some,
	  .arg = RX_PAGE },
	{ .name = "rx-data-is-grants",
	  .id = "XSA-155 P21",
	  .due = DUE_ANY,
	  .prepare = post_page,
	  .tell = wait_some,
	  .arg = 0 },
	{ .name = "rx-flip", .id = "XSA-155 P1", .due = DUE_NONE, .tell = flip }
};
const unsigned nlies_rx = ARRAY_SIZE(lies_rx);
