// SPDX-License-Identifier: GPL-2.0-or-later
/* bell.c - lies about when to ring whom */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/eventfd.h>

#include "base/loop.h"
#include "liar.h"

enum { STORM_MS = 1000 };

/* Every value of rsp_event: the guest may go deaf, but all is answered. */
static int event_values(struct liar *g)
{
	static const int32_t v[] = { 0,	   1,	  -1,	     2,
				     128,  256,	  257,	     -256,
				     -257, 65536, INT32_MAX, INT32_MIN };
	unsigned i, k;
	int rc = 0;

	make_plain(page_of(g, DATA_PAGE), 100);
	for (i = 0; i < ARRAY_SIZE(v) * 4 && !rc; i++) {
		for (k = 0; k <= i % 7; k++)
			tx_slot(g, ref_of(DATA_PAGE), 0, 100, 0);
		g->tx->rsp_event = g->tx_prod + (uint32_t)v[i % ARRAY_SIZE(v)];
		g->rx->rsp_event = (uint32_t)v[i % ARRAY_SIZE(v)];
		tx_push(g);
		rc = tx_wait(g);
	}
	return rc;
}

/* arg: bits of the channels to ring as fast as one can, without work. */
static int storm(struct liar *g)
{
	uint64_t end = clock_ns() + STORM_MS * 1000000ull, n = 0;

	while (clock_ns() < end) {
		if (g->lie->arg & 1)
			liar_ring(g, 0);
		if (g->lie->arg & 2)
			liar_ring(g, 1);
		n++;
	}
	printf("%llu bells\n", (unsigned long long)n);
	return 0;
}

/* The counter that the backend adds to, full; then both in blocking mode. */
static int full(struct liar *g)
{
	unsigned i;
	int rc = 0;

	for (i = 0; i < 2; i++) {
		eventfd_t n;

		eventfd_read(g->chan[i].to_guest, &n);
		eventfd_write(g->chan[i].to_guest, UINT64_MAX - 1);
		if (g->variant)
			fcntl(g->chan[i].to_guest, F_SETFL, 0);
	}
	for (i = 0; i < 20 && !rc; i++) {
		tx_slot(g, ref_of(DATA_PAGE), 0, 100, 0);
		g->tx->rsp_event = g->tx_prod;
		tx_push(g);
		rc = tx_wait(g);
	}
	return rc;
}

/* The counter that the backend reads, full and then read by the guest. */
static int from_full(struct liar *g)
{
	eventfd_t n;
	unsigned i;

	for (i = 0; i < 2000; i++) {
		if (g->variant)
			fcntl(g->chan[0].from_guest, F_SETFL, 0);
		fcntl(g->chan[0].from_guest, F_SETFL, O_NONBLOCK);
		eventfd_write(g->chan[0].from_guest, UINT64_MAX - 1);
		eventfd_read(g->chan[0].from_guest, &n);
	}
	return 0;
}

/* Packets one at a time, each with a bell nobody asked for. */
static int storm_work(struct liar *g)
{
	uint64_t end = clock_ns() + STORM_MS * 1000000ull;

	make_plain(page_of(g, DATA_PAGE), 100);
	while (clock_ns() < end) {
		uint32_t done = __atomic_load_n(&g->tx->rsp_prod,
						__ATOMIC_ACQUIRE);

		if (g->tx_prod - done < FRONT_RING)
			tx_slot(g, ref_of(DATA_PAGE), 0, 100, 0);
		g->tx->rsp_event = g->tx_prod;
		tx_push(g);
		liar_ring(g, 1);
	}
	return 0;
}

const struct lie lies_bell[] = {
	{ .name = "bell-event-values",
	  .id = "P16 P17",
	  .due = DUE_NONE,
	  .count = "tx_frames",
	  .tell = event_values },
	{ .name = "bell-storm-tx",
	  .id = "XSA-331 P34",
	  .due = DUE_NONE,
	  .count = "storms",
	  .tell = storm,
	  .arg = 1,
	  .skip = LIE_ALONE },
	{ .name = "bell-storm-rx",
	  .id = "XSA-331 P34",
	  .due = DUE_NONE,
	  .count = "storms",
	  .tell = storm,
	  .arg = 2,
	  .skip = LIE_ALONE },
	{ .name = "bell-storm-both",
	  .id = "XSA-331 P34",
	  .due = DUE_NONE,
	  .count = "storms",
	  .tell = storm,
	  .arg = 3,
	  .skip = LIE_ALONE },
	{ .name = "bell-storm-work",
	  .id = "XSA-331 XSA-391 P34",
	  .due = DUE_NONE,
	  .count = "tx_frames",
	  .tell = storm_work },
	{ .name = "bell-ours-full",
	  .id = "P29 P34",
	  .due = DUE_NONE,
	  .tell = full,
	  .variants = 2 },
	{ .name = "bell-its-full",
	  .id = "P29 P34",
	  .due = DUE_NONE,
	  .tell = from_full,
	  .variants = 2 },
};
const unsigned nlies_bell = ARRAY_SIZE(lies_bell);
