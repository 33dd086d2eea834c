// SPDX-License-Identifier: GPL-2.0-or-later
/* direct.c - lies in frames that go straight into a neighbour's rings
 *
 * The neighbour is domain 3: 00:16:3e:00:00:03, 10.0.0.3; the liar's own number
 * stands at the same places. Lies of who receives such frames are those of rx.c and
 * mem.c: tests/net/hostile.sh has the liars sent to directly as well.
 */
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "liar.h"

enum { D = DATA_PAGE, PEER = 3, ROUNDS = 300, BURST = 32, SIZE = 200 };

static const char went[] = "direct_out";

/* A datagram for the neighbour, as it should be. */
static void make_direct(const struct liar *g)
{
	static const uint8_t head[] = {
		0,    0x16, 0x3e, 0,	0,    PEER, 0,	  0x16, 0x3e, 0,
		0,    0,    8,	  0,	0x45, 0,    0,	  0,	0,    1,
		0x40, 0,    64,	  17,	0,    0,    10,	  0,	0,    0,
		10,   0,    0,	  PEER, 0x13, 0x89, 0x13, 0x8a, 0,    SIZE - 34,
	};
	uint8_t *p = page_of(g, D);

	make_plain(p, HV_PAGE);
	memcpy(p, head, sizeof(head));
	p[10] = p[28] = (uint8_t)(g->domid >> 8);
	p[11] = p[29] = (uint8_t)g->domid;
	p[17] = SIZE - 14;
	p[40] = p[41] = 0;
}

static int burst(struct liar *g)
{
	unsigned k;

	for (k = 0; k < BURST; k++)
		tx_slot(g, ref_of(D), 0, SIZE, 0);
	tx_push(g);
	return tx_wait(g);
}

/* Right, wrong for a moment, and right again: what is judged, a bit at a time. */
static void flip_head(struct liar *g, uint64_t r)
{
	static const struct {
		uint8_t at, bits;
	} v[] = {
		{ 5, 1 },     /* to whom */
		{ 11, 0x60 }, /* from whom */
		{ 13, 6 },    /* ARP */
		{ 14, 0x0a }, /* options */
		{ 16, 0x80 }, /* longer than it is */
		{ 20, 0x20 }, /* a fragment */
		{ 23, 0x10 }, /* ICMP */
		{ 29, 0x60 }, /* from whose address */
		{ 30, 0xe0 }, /* to a group's */
	};
	unsigned i = (unsigned)(r >> 8) % ARRAY_SIZE(v);
	uint8_t *p = page_of(g, D) + v[i].at;

	__atomic_fetch_xor(p, v[i].bits, __ATOMIC_SEQ_CST);
	__atomic_fetch_xor(p, v[i].bits, __ATOMIC_SEQ_CST);
}

static int flip(struct liar *g)
{
	struct flip f = { .g = g, .once = flip_head };
	unsigned i;
	int rc;

	make_direct(g);
	rc = liar_flip(&f);
	if (rc)
		return rc;
	for (i = 0; i < ROUNDS && !rc; i++)
		rc = burst(g);
	liar_flip_end(&f);
	return rc;
}

/* Packets that say to be longer or shorter than their frames are, and frames that
 * end within the headers; each with a right one behind it.
 */
static int sizes(struct liar *g)
{
	static const struct {
		uint16_t size, total;
	} v[] = { { 200, 187 }, { 200, 65535 }, { 200, 0 },   { 200, 20 },
		  { 200, 27 },	{ 41, 28 },	{ 42, 28 },   { 37, 28 },
		  { 33, 186 },	{ 14, 186 },	{ 4096, 28 }, { 4096, 4082 } };
	uint8_t *p = page_of(g, D + 1);
	unsigned i;
	int rc = 0;

	make_direct(g);
	for (i = 0; i < ROUNDS && !rc; i++) {
		memcpy(p, page_of(g, D), HV_PAGE);
		p[16] = (uint8_t)(v[i % ARRAY_SIZE(v)].total >> 8);
		p[17] = (uint8_t)v[i % ARRAY_SIZE(v)].total;
		tx_slot(g, ref_of(D + 1), 0, v[i % ARRAY_SIZE(v)].size, 0);
		rc = burst(g);
	}
	return rc;
}

/* What is behind the headers goes when the slots were posted. variant: its grant, or
 * its memory.
 */
static int revoked(struct liar *g)
{
	unsigned i;
	int rc = 0;

	make_direct(g);
	for (i = 0; i < ROUNDS && !rc; i++) {
		liar_grant(g, BAD_REF, GTF_permit_access, 0, D + 1);
		tx_slot(g, ref_of(D), 0, SIZE, NETTXF_more_data);
		tx_slot(g, BAD_REF, 0, SIZE / 2, 0);
		tx_push(g);
		if (!g->variant)
			liar_grant(g, BAD_REF, 0, 0, 0xffffffff);
		else if (madvise(page_of(g, D + 1), HV_PAGE, MADV_REMOVE))
			rc = -errno;
		if (!rc)
			rc = burst(g);
	}
	return rc;
}

const struct lie lies_direct[] = {
	{ .name = "direct-flip",
	  .id = "XSA-155 P1",
	  .due = DUE_NONE,
	  .count = went,
	  .tell = flip },
	{ .name = "direct-sizes",
	  .id = "P33",
	  .due = DUE_NONE,
	  .count = went,
	  .tell = sizes },
	{ .name = "direct-revoked",
	  .id = "XSA-361 P19",
	  .due = DUE_NONE,
	  .count = went,
	  .tell = revoked,
	  .variants = 2 },
};
const unsigned nlies_direct = ARRAY_SIZE(lies_direct);
