// SPDX-License-Identifier: GPL-2.0-or-later
/* ctrl.c - lies by the control ring, the multicast list and the headroom */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <xen/io/xenbus.h>

#include "base/loop.h"
#include "liar.h"

enum {
	CTRL_RING = 128,
	CTRL_MS = 10000,
	STORM_MS = 1000,
	FLOOD_MS = 400,
	SET_FLAGS = XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS,
	SET_KEY = XEN_NETIF_CTRL_TYPE_SET_HASH_KEY,
	SET_SIZE = XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE,
	SET_MAP = XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING,
	SET_ALG = XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM,
	ADD_GREFS = XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING,
	DEL_GREFS = XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING,
	HASH_ALL = 15,
	LIST = HV_PAGE / 8, /* entries */
};

static const char broke[] = "broke the ring protocol";

static int keys(struct liar *g)
{
	char ref[12];

	snprintf(ref, sizeof(ref), "%u", ref_of(CTRL_PAGE));
	liar_key(g, "ctrl-ring-ref", ref);
	liar_key(g, "event-channel-ctrl", "3");
	return 0;
}

/* arg 0: the TX ring is the control ring too; 1: its channel is. */
static int keys_twice(struct liar *g)
{
	char ref[12];

	snprintf(ref, sizeof(ref), "%u",
		 ref_of(g->lie->arg ? CTRL_PAGE : TX_PAGE));
	liar_key(g, "ctrl-ring-ref", ref);
	liar_key(g, "event-channel-ctrl", g->lie->arg ? "2" : "3");
	return 0;
}

static void ask(struct liar *g, unsigned type, uint32_t a, uint32_t b,
		uint32_t c)
{
	uint32_t at = g->ctrl->req_prod;
	struct xen_netif_ctrl_request q = { .id = (uint16_t)at,
					    .type = (uint16_t)type,
					    .data = { a, b, c } };

	memcpy(&g->ctrl->ring[at % CTRL_RING].req, &q, sizeof(q));
	__atomic_store_n(&g->ctrl->req_prod, at + 1, __ATOMIC_SEQ_CST);
}

/* Waits for all answers; the status of the last, or -ETIMEDOUT. */
static int answers(struct liar *g)
{
	uint64_t end = clock_ns() + CTRL_MS * 1000000ull;
	uint32_t to = g->ctrl->req_prod;

	liar_ring(g, 2);
	while (__atomic_load_n(&g->ctrl->rsp_prod, __ATOMIC_ACQUIRE) != to) {
		if (clock_ns() > end)
			return -ETIMEDOUT;
		liar_sleep(1);
	}
	return (int)g->ctrl->ring[(to - 1) % CTRL_RING].rsp.status;
}

static int asked(struct liar *g, unsigned type, uint32_t a, uint32_t b,
		 uint32_t c)
{
	ask(g, type, a, b, c);
	return answers(g);
}

/* 0 when the answer was that. */
static int wants(struct liar *g, int status, unsigned type, uint32_t a,
		 uint32_t b, uint32_t c)
{
	int got = asked(g, type, a, b, c);

	if (got == status)
		return 0;
	fprintf(stderr, "request %u(%u, %u, %u): %d, not %d\n", type, a, b, c,
		got, status);
	return got < 0 ? got : -EBADMSG;
}

static int hash_on(struct liar *g)
{
	int rc = wants(g, 0, SET_ALG, 1, 0, 0);

	if (!rc)
		rc = wants(g, 0, SET_KEY, ref_of(LIST_PAGE), 40, 0);
	return rc ? rc : wants(g, 0, SET_FLAGS, HASH_ALL, 0, 0);
}

static int prod_far(struct liar *g)
{
	static const uint32_t far[] = { 129, 256, 0x80000000, UINT32_MAX };

	_Static_assert(ARRAY_SIZE(far) == 4, "variants in the table");
	g->ctrl->req_prod = far[g->variant];
	liar_ring(g, 2);
	return 0;
}

/* Every type, known or not, with numbers of no sense. */
static int odd(struct liar *g)
{
	static const uint32_t v[] = { 0,    1,	   4,	       40,
				      41,   128,   129,	       512,
				      1024, 65536, 0x80000000, UINT32_MAX };
	unsigned i, k;
	int rc = 0;

	for (i = 0; i < 60 && rc >= 0; i++) {
		for (k = 0; k < CTRL_RING; k++) {
			uint64_t r = liar_rand();

			ask(g, (unsigned)r % 13,
			    r & 1 << 20 ? ref_of(LIST_PAGE)
					: v[(r >> 24) % ARRAY_SIZE(v)],
			    r & 1 << 21 ? ref_of(LIST_PAGE)
					: v[(r >> 32) % ARRAY_SIZE(v)],
			    v[(r >> 40) % ARRAY_SIZE(v)]);
		}
		rc = answers(g);
	}
	return rc < 0 ? rc : 0;
}

/* Keys change while frames are hashed. */
static int key_flood(struct liar *g)
{
	uint64_t end = clock_ns() + FLOOD_MS * 1000000ull;
	int rc = hash_on(g);

	while (!rc && clock_ns() < end) {
		unsigned i;

		for (i = 0; i < 40; i++)
			page_of(g, LIST_PAGE)[i] = (uint8_t)liar_rand();
		for (i = 0; i < CTRL_RING; i++)
			ask(g, SET_KEY, ref_of(LIST_PAGE), i % 41, 0);
		rc = answers(g);
	}
	return rc;
}

static void flip_once(struct liar *g, uint64_t r)
{
	uint32_t *slot = (void *)&g->ctrl->ring[r % CTRL_RING];
	uint32_t *list = (void *)page_of(g, LIST_PAGE);

	slot[(r >> 8) % 4] = (uint32_t)(r >> 32);
	list[r >> 16 & 1023] = (uint32_t)(r >> 40);
	liar_grant(g, BAD_REF, (unsigned)(r >> 32) & 7, (unsigned)(r >> 35) & 1,
		   RX_DATA);
}

/* Slots, lists and grants change while they are looked at. */
static int flip(struct liar *g)
{
	struct flip f = { .g = g, .once = flip_once };
	unsigned i;
	int rc = liar_flip(&f);

	if (rc)
		return rc;
	for (i = 0; i < 40 * CTRL_RING && rc != -ETIMEDOUT; i++) {
		uint64_t r = liar_rand();

		ask(g, 1 + (unsigned)r % 10,
		    r & 1024 ? ref_of(LIST_PAGE) : (uint32_t)(r >> 60),
		    r & 2048 ? ref_of(LIST_PAGE) : 100, 3);
		if (i % CTRL_RING == CTRL_RING - 1)
			rc = answers(g);
	}
	liar_flip_end(&f);
	return rc == -ETIMEDOUT ? rc : 0; /* statuses flip, too */
}

static void list(struct liar *g, unsigned n, unsigned page)
{
	struct xen_netif_gref *l = (void *)page_of(g, LIST_PAGE);
	unsigned i;

	for (i = 0; i < n; i++)
		l[i] = (struct xen_netif_gref){ .ref = ref_of(page + i) };
}

/* More pages than there is room for, the same twice, none that is granted; and
 * away with all of them still mapped.
 */
static int grefs(struct liar *g)
{
	int rc;

	list(g, LIST, 10);
	rc = wants(g, 0, ADD_GREFS, 0, ref_of(LIST_PAGE), LIST);
	if (!rc)
		rc = wants(g, 2, ADD_GREFS, 0, ref_of(LIST_PAGE), 1);
	if (!rc)
		rc = wants(g, 0, DEL_GREFS, 0, ref_of(LIST_PAGE), LIST);
	((struct xen_netif_gref *)(void *)page_of(g, LIST_PAGE))[LIST - 1].ref =
		BAD_REF;
	if (!rc)
		rc = wants(g, 2, ADD_GREFS, 0, ref_of(LIST_PAGE), LIST);
	if (!rc && g->gtab[ref_of(10)].flags & GTF_reading)
		rc = -EBUSY; /* whole or not at all */
	if (!rc)
		rc = wants(g, 0, ADD_GREFS, 0, ref_of(LIST_PAGE), LIST - 1);
	return rc;
}

/* A table that names queues which are not there. */
static int map_far(struct liar *g)
{
	uint32_t *map = (void *)page_of(g, LIST_PAGE);
	int rc = hash_on(g);
	unsigned i;

	for (i = 0; i < 128; i++)
		map[i] = (uint32_t)liar_rand() | 1;
	if (!rc)
		rc = wants(g, 2, SET_SIZE, 129, 0, 0);
	if (!rc)
		rc = wants(g, 0, SET_SIZE, 128, 0, 0);
	if (!rc)
		rc = wants(g, 2, SET_MAP, ref_of(LIST_PAGE), 128, 0);
	return rc ? rc : wants(g, 2, SET_MAP, ref_of(LIST_PAGE), 2, 127);
}

static int storm(struct liar *g)
{
	uint64_t end = clock_ns() + STORM_MS * 1000000ull;

	while (clock_ns() < end)
		liar_ring(g, 2);
	return 0;
}

/* One address more than there is room for; the filter goes on and off meanwhile. */
static int mcast_full(struct liar *g)
{
	int16_t due = NETIF_RSP_OKAY;
	unsigned i;
	int rc = 0;

	for (i = 0; i < 80 && !rc; i++) {
		uint32_t at = g->tx_prod;
		struct netif_extra_info *x;

		tx_slot(g, 0, 0, 0, NETTXF_extra_info);
		tx_extra(g, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 0, 0, 0);
		x = (void *)&g->tx->ring[(at + 1) % FRONT_RING];
		x->u.mcast.addr[0] = 1;
		x->u.mcast.addr[5] = (uint8_t)i;
		tx_push(g);
		if (i % 8 == 0)
			rc = liar_write(g, "request-multicast-control",
					i % 16 ? "0" : "1");
		if (!rc)
			rc = tx_wait(g);
		if (i == 64)
			due = NETIF_RSP_ERROR;
		if (!rc && g->tx->ring[at % FRONT_RING].rsp.status != due)
			rc = -EBADMSG;
	}
	return rc ? rc : liar_write(g, "request-multicast-control", "banana");
}

static int reconfigured(struct liar *g)
{
	return liar_wait_state(g, 1u << XenbusStateReconfigured, CTRL_MS);
}

/* Room before each packet, of all sizes; told by Reconfiguring. */
static int headroom(struct liar *g)
{
	static const char *const v[] = { "256", "455",	 "456", "4096",
					 "0",	"32767", "-1",	"32768" };
	unsigned i;
	int rc = 0;

	for (i = 0; i < ARRAY_SIZE(v) && !rc; i++) {
		rc = liar_write(g, "xdp-headroom", v[i]);
		if (!rc)
			rc = liar_state(g, "7");
		if (!rc)
			rc = reconfigured(g);
		if (!rc)
			rc = liar_state(g, "4");
		liar_sleep(20);
	}
	return rc;
}

static int headroom_key(struct liar *g)
{
	static const char *const v[] = { "455", "456", "4096", "32767" };

	_Static_assert(ARRAY_SIZE(v) == 4, "variants in the table");
	liar_key(g, "xdp-headroom", v[g->variant]);
	return 0;
}

static int wait_some(struct liar *g)
{
	(void)g;
	liar_sleep(200);
	return 0;
}

const struct lie lies_ctrl[] = {
	{ .name = "ctrl-prod-far",
	  .id = "XSA-39 P2",
	  .due = DUE_FATAL,
	  .why = broke,
	  .prepare = keys,
	  .tell = prod_far,
	  .variants = 4 },
	{ .name = "ctrl-ring-is-tx",
	  .id = "P21",
	  .due = DUE_REFUSED,
	  .why = "ctrl-ring-ref",
	  .prepare = keys_twice },
	{ .name = "ctrl-port-is-rx",
	  .id = "P21",
	  .due = DUE_REFUSED,
	  .why = "event-channel-ctrl",
	  .prepare = keys_twice,
	  .arg = 1 },
	{ .name = "ctrl-odd",
	  .id = "P2 P32",
	  .due = DUE_NONE,
	  .prepare = keys,
	  .tell = odd },
	{ .name = "ctrl-key-flood",
	  .id = "CVE-2024-49936",
	  .due = DUE_NONE,
	  .prepare = keys,
	  .tell = key_flood },
	{ .name = "ctrl-flip",
	  .id = "XSA-155 P1",
	  .due = DUE_NONE,
	  .prepare = keys,
	  .tell = flip },
	{ .name = "ctrl-grefs",
	  .id = "CVE-2010-3699 P18 P25",
	  .due = DUE_NONE,
	  .prepare = keys,
	  .tell = grefs },
	{ .name = "ctrl-map-far",
	  .id = "P23",
	  .due = DUE_NONE,
	  .prepare = keys,
	  .tell = map_far },
	{ .name = "ctrl-storm",
	  .id = "XSA-331 P34",
	  .due = DUE_NONE,
	  .count = "storms",
	  .prepare = keys,
	  .tell = storm,
	  .skip = LIE_ALONE },
	{ .name = "mcast-full",
	  .id = "XSA-527 P5 P24",
	  .due = DUE_NONE,
	  .tell = mcast_full },
	{ .name = "xdp-reconfigures",
	  .id = "P27 P35",
	  .due = DUE_NONE,
	  .tell = headroom },
	{ .name = "xdp-headroom-far",
	  .id = "P13 P35",
	  .due = DUE_NONE,
	  .prepare = headroom_key,
	  .tell = wait_some,
	  .variants = 4 },
};
const unsigned nlies_ctrl = ARRAY_SIZE(lies_ctrl);
