// SPDX-License-Identifier: GPL-2.0-or-later
/* tx.c - lies in the ring a guest sends by
 *
 * long file: one lie after another, none of which knows the others.
 */
#include <errno.h>
#include <string.h>

#include "liar.h"

enum {
	MORE = NETTXF_more_data,
	EXTRA = NETTXF_extra_info,
	BLANK = NETTXF_csum_blank,
	X_MORE = XEN_NETIF_EXTRA_FLAG_MORE,
	X_GSO = XEN_NETIF_EXTRA_TYPE_GSO,
	X_XDP = 5,
	D = DATA_PAGE,
};

static const char broke[] = "broke the ring protocol";

static int sent(struct liar *g)
{
	tx_push(g);
	return 0;
}

/* Wants this status for the first data slot of what was sent since `at`. */
static int answered(struct liar *g, uint32_t at, int status)
{
	int rc;

	tx_push(g);
	rc = tx_wait(g);
	if (rc)
		return rc;
	return g->tx->ring[at % FRONT_RING].rsp.status == status ? 0 : -EBADMSG;
}

/* --- indices ------------------------------------------------------------------ */

/* arg is added to req_prod. */
static int prod_jump(struct liar *g)
{
	int rc = g->lie->arg < 0 ? liar_show(g) : 0;

	g->tx_prod += (uint32_t)g->lie->arg;
	tx_push(g);
	return rc;
}

static int scribble(struct liar *g)
{
	unsigned i;
	int rc = 0;

	for (i = 0; i < 300 && !rc; i++) {
		tx_slot(g, ref_of(D), 0, 100, 0);
		g->tx->req_event = (uint32_t)liar_rand();
		g->tx->rsp_prod = (uint32_t)liar_rand();
		g->rx->req_event = (uint32_t)liar_rand();
		g->rx->rsp_prod = (uint32_t)liar_rand();
		tx_push(g);
		liar_sleep(1);
	}
	/* Ours again at the next packet. */
	tx_slot(g, ref_of(D), 0, 100, 0);
	tx_push(g);
	return tx_wait(g);
}

/* --- slots ---------------------------------------------------------------------- */

static void frags(struct liar *g, unsigned first, unsigned n, unsigned size)
{
	unsigned i;

	make_plain(page_of(g, D), HV_PAGE);
	tx_slot(g, ref_of(D), 0, first + n * size, n ? MORE : 0);
	for (i = 1; i <= n; i++)
		tx_slot(g, ref_of(D + i), 0, size, i < n ? MORE : 0);
}

static int first_cross(struct liar *g)
{
	tx_slot(g, ref_of(D), 4000, 200, 0);
	return sent(g);
}

static int first_cross_after(struct liar *g)
{
	/* 4200 in all, less a fragment of 100: 4100 */
	tx_slot(g, ref_of(D), 0, 4200, MORE);
	tx_slot(g, ref_of(D + 1), 0, 100, 0);
	return sent(g);
}

/* Only the fragments make it fit: the total alone would not. */
static int first_fits_after(struct liar *g)
{
	uint32_t at = g->tx_prod;

	make_plain(page_of(g, D), HV_PAGE);
	tx_slot(g, ref_of(D), 4000, 96 + 4096, MORE);
	tx_slot(g, ref_of(D + 1), 0, 4096, 0);
	return answered(g, at, NETIF_RSP_OKAY);
}

static int frag_cross(struct liar *g)
{
	static const struct {
		uint16_t off, size;
	} v[] = {
		{ 4000, 97 }, { 4096, 1 }, { 0xffff, 1 }, { 0xffff, 0xffff }
	};

	tx_slot(g, ref_of(D), 0, 0xffff, MORE);
	tx_slot(g, ref_of(D + 1), v[g->variant].off, v[g->variant].size, 0);
	return sent(g);
}

static int frag_larger(struct liar *g)
{
	uint32_t at = g->tx_prod;

	tx_slot(g, ref_of(D), 0, 100, MORE);
	tx_slot(g, ref_of(D + 1), 0, 101, MORE);
	tx_slot(g, ref_of(D + 2), 0, 4096, 0);
	return answered(g, at, NETIF_RSP_ERROR);
}

/* More than 65535 in all: the sum wraps in 16 bits. */
static int total_wraps(struct liar *g)
{
	uint32_t at = g->tx_prod;
	unsigned i;

	tx_slot(g, ref_of(D), 0, 1000, MORE);
	for (i = 0; i < 17; i++)
		tx_slot(g, ref_of(D + 1 + i), 0, 4096, i < 16 ? MORE : 0);
	return answered(g, at, NETIF_RSP_ERROR);
}

static int chain_endless(struct liar *g)
{
	unsigned i;

	for (i = 0; i < FRONT_RING; i++)
		tx_slot(g, ref_of(D), 0, i ? 1 : 0xffff, MORE);
	return sent(g);
}

static int chain_cut(struct liar *g)
{
	tx_slot(g, ref_of(D), 0, 1000, MORE);
	if (g->variant)
		tx_slot(g, ref_of(D), 0, 100, MORE);
	return sent(g);
}

/* arg: data slots. */
static int slots(struct liar *g)
{
	uint32_t at = g->tx_prod;

	frags(g, 100, (unsigned)g->lie->arg - 1, 10);
	if (g->lie->due == DUE_FATAL)
		return sent(g);
	return answered(g, at,
			g->lie->due == DUE_DROP ? NETIF_RSP_ERROR
						: NETIF_RSP_OKAY);
}

static int zero_frags(struct liar *g)
{
	unsigned n;
	int rc = 0;

	for (n = 1; n <= 18 && !rc; n++) {
		uint32_t at = g->tx_prod;

		frags(g, 60, n, 0);
		/* not even their references need to be good */
		g->tx->ring[(at + n) % FRONT_RING].req.gref = 0xffffffff;
		rc = answered(g, at, NETIF_RSP_OKAY);
	}
	return rc;
}

static int tiny_frags(struct liar *g)
{
	unsigned size;
	int rc = 0;

	for (size = 1; size <= 7 && !rc; size++) {
		uint32_t at = g->tx_prod;

		frags(g, 14, 18, size);
		rc = answered(g, at, NETIF_RSP_OKAY);
	}
	return rc;
}

/* Every slot holds as little as arg bytes: no header in the first. */
static int short_first(struct liar *g)
{
	uint32_t at = g->tx_prod;

	frags(g, (unsigned)g->lie->arg, g->variant, 7);
	return answered(g, at, NETIF_RSP_ERROR);
}

/* TCP's header in pieces of one byte, its checksum blank. */
static int spread(struct liar *g)
{
	uint32_t at = g->tx_prod;
	unsigned i, n = 36, off;
	uint8_t pkt[200];

	make_tcp4(pkt, sizeof(pkt));
	memcpy(page_of(g, D), pkt, n);
	tx_slot(g, ref_of(D), 0, sizeof(pkt), MORE | BLANK);
	for (i = 1, off = n; i <= 18; i++) {
		unsigned size = i < 18 ? 1 : (unsigned)sizeof(pkt) - off;

		memcpy(page_of(g, D + i) + 4096 - size, pkt + off, size);
		tx_slot(g, ref_of(D + i), 4096 - size, size, i < 18 ? MORE : 0);
		off += size;
	}
	return answered(g, at, NETIF_RSP_OKAY);
}

static int largest(struct liar *g)
{
	uint32_t at = g->tx_prod;

	frags(g, 65535 - 15 * 4096, 15, 4096);
	return answered(g, at, NETIF_RSP_OKAY);
}

/* --- extras ------------------------------------------------------------------------ */

static int extra_missing(struct liar *g)
{
	tx_slot(g, ref_of(D), 0, 100, EXTRA);
	if (g->variant)
		tx_extra(g, X_GSO, X_MORE, 1, 1000);
	return sent(g);
}

/* arg: type. */
static int extra_type(struct liar *g)
{
	tx_slot(g, ref_of(D), 0, 100, EXTRA);
	tx_extra(g, (unsigned)g->lie->arg, 0, 1, 1000);
	return sent(g);
}

static int extra_repeated(struct liar *g)
{
	uint32_t at = g->tx_prod;

	make_tcp4(page_of(g, D), 2000);
	tx_slot(g, ref_of(D), 0, 2000, EXTRA | BLANK);
	tx_extra(g, X_GSO, X_MORE, 77, 0); /* alone this would be fatal */
	tx_extra(g, X_GSO, 0, XEN_NETIF_GSO_TYPE_TCPV4, 1000);
	return answered(g, at, NETIF_RSP_OKAY);
}

static int extra_endless(struct liar *g)
{
	unsigned i;

	tx_slot(g, ref_of(D), 0, 100, EXTRA);
	for (i = 1; i < FRONT_RING; i++)
		tx_extra(g, XEN_NETIF_EXTRA_TYPE_HASH, X_MORE, 0, 0);
	return sent(g);
}

static int extra_many(struct liar *g)
{
	uint32_t at = g->tx_prod, i;
	int rc;

	make_plain(page_of(g, D), 100);
	tx_slot(g, ref_of(D), 0, 100, EXTRA);
	for (i = 1; i < 200; i++)
		tx_extra(g, XEN_NETIF_EXTRA_TYPE_HASH, i < 199 ? X_MORE : 0, 0,
			 0);
	rc = answered(g, at, NETIF_RSP_OKAY);
	for (i = at + 1; i < at + 200 && !rc; i++)
		rc = g->tx->ring[i % FRONT_RING].rsp.status == NETIF_RSP_NULL
			     ? 0
			     : -EBADMSG;
	return rc;
}

static int extra_ignored(struct liar *g)
{
	uint32_t at = g->tx_prod;

	make_plain(page_of(g, D), 100);
	tx_slot(g, ref_of(D), 0, 100, EXTRA);
	tx_extra(g, (unsigned)g->lie->arg, 0, 0xff, 0xffff);
	return answered(g, at, NETIF_RSP_OKAY);
}

/* A dummy: no reference, no bytes. Variant 1: a GSO extra that is wrong too. */
static int mcast(struct liar *g)
{
	unsigned i;

	for (i = 0; i < 70; i++) {
		tx_slot(g, 0, 0, 0, EXTRA);
		if (g->variant)
			tx_extra(g, X_GSO, X_MORE, XEN_NETIF_GSO_TYPE_TCPV4, 1);
		tx_extra(g, (unsigned)g->lie->arg, 0, 1, (unsigned)i);
	}
	tx_push(g);
	return tx_wait(g);
}

/* --- offloads ----------------------------------------------------------------------- */

/* arg: size; a good TCP packet of 3000 bytes around it. */
static int gso_size(struct liar *g)
{
	uint32_t at = g->tx_prod;

	make_tcp4(page_of(g, D), 3000);
	tx_slot(g, ref_of(D), 0, 3000, EXTRA | BLANK);
	tx_extra(g, X_GSO, 0, XEN_NETIF_GSO_TYPE_TCPV4, (unsigned)g->lie->arg);
	return g->lie->due == DUE_FATAL
		       ? sent(g)
		       : answered(g, at,
				  g->lie->due == DUE_DROP ? NETIF_RSP_ERROR
							  : NETIF_RSP_OKAY);
}

/* arg: type. */
static int gso_type(struct liar *g)
{
	make_tcp4(page_of(g, D), 3000);
	tx_slot(g, ref_of(D), 0, 3000, EXTRA | BLANK);
	tx_extra(g, X_GSO, 0, (unsigned)g->lie->arg, 1000);
	return g->lie->due == DUE_FATAL
		       ? sent(g)
		       : answered(g, g->tx_prod - 2, NETIF_RSP_ERROR);
}

/* A TCP packet with one byte of it changed. */
struct mangle {
	uint16_t at, size;
	uint8_t value;
	bool gso;
};

static int mangled(struct liar *g)
{
	static const struct mangle v[] = {
		{ 23, 2000, 17, true },	  /* UDP */
		{ 23, 2000, 1, true },	  /* ICMP */
		{ 14, 2000, 0x65, true }, /* version 6 in IPv4's type */
		{ 14, 2000, 0x44, true }, /* a header too short */
		{ 46, 2000, 0x40, true }, /* TCP header of 16 bytes */
		{ 46, 60, 0xf0, true },	  /* TCP header beyond the end */
		{ 20, 2000, 0x20, true }, /* first of several fragments */
		{ 20, 2000, 0x20, false },
		{ 21, 2000, 1, false },	 /* a later fragment */
		{ 13, 2000, 6, false },	 /* ARP */
		{ 23, 2000, 47, false }, /* GRE has no such checksum */
		{ 46, 53, 0x50, false }, /* cut inside the TCP header */
		{ 46, 34, 0x50, false }, /* nothing behind the IP header */
		{ 46, 20, 0x50, false }, /* cut inside the IP header */
		{ 46, 14, 0x50, false }, /* Ethernet and no more */
	};
	const struct mangle *m = &v[g->variant];
	uint32_t at = g->tx_prod;

	_Static_assert(ARRAY_SIZE(v) == 15, "variants in the table");
	make_tcp4(page_of(g, D), 2000);
	page_of(g, D)[m->at] = m->value;
	tx_slot(g, ref_of(D), 0, m->size, (m->gso ? EXTRA : 0) | BLANK);
	if (m->gso)
		tx_extra(g, X_GSO, 0, XEN_NETIF_GSO_TYPE_TCPV4, 1000);
	return answered(g, at, NETIF_RSP_ERROR);
}

/* VLAN tags, IPv6 extension headers without end. */
static int nested(struct liar *g)
{
	uint8_t *p = page_of(g, D);
	uint32_t at = g->tx_prod;
	unsigned i;

	make_plain(p, HV_PAGE);
	if (g->variant == 0) {
		for (i = 12; i < HV_PAGE; i += 4)
			memcpy(p + i, "\x81\0\0\1", 4);
	} else {
		memset(p + 14, 0, HV_PAGE - 14);
		memcpy(p + 12, "\x86\xdd\x60", 3);
		p[18] = (HV_PAGE - 54) >> 8;
		p[19] = (HV_PAGE - 54) & 0xff;
		p[20] = 60; /* next: destination options, each 8 bytes */
		for (i = 54; i < HV_PAGE; i += 8)
			p[i] = 60;
	}
	tx_slot(g, ref_of(D), 0, HV_PAGE, BLANK);
	return answered(g, at, NETIF_RSP_ERROR);
}

static int gso_no_blank(struct liar *g)
{
	make_tcp4(page_of(g, D), 3000);
	tx_slot(g, ref_of(D), 0, 3000, EXTRA);
	tx_extra(g, X_GSO, 0, XEN_NETIF_GSO_TYPE_TCPV4, 1000);
	return answered(g, g->tx_prod - 2, NETIF_RSP_OKAY);
}

static int flags_unknown(struct liar *g)
{
	make_plain(page_of(g, D), 100);
	tx_slot(g, ref_of(D), 0, 100, 0xfff0);
	return answered(g, g->tx_prod - 1, NETIF_RSP_OKAY);
}

/* --- grants -------------------------------------------------------------------------- */

static int bad_ref(struct liar *g)
{
	static const uint32_t v[] = { 0,	   1,	       LIAR_GRANTS - 1,
				      LIAR_GRANTS, 0xffffffff, 1u << 29 };

	_Static_assert(ARRAY_SIZE(v) == 6, "variants in the table");
	tx_slot(g, v[g->variant], 0, 100, 0);
	return answered(g, g->tx_prod - 1, NETIF_RSP_ERROR);
}

/* The bad one is the second of three. */
static int bad_grant(struct liar *g)
{
	static const struct {
		uint16_t flags, domid;
		uint32_t frame;
	} v[] = {
		{ GTF_permit_access, 1, D }, /* for somebody else */
		{ GTF_permit_access, 0x7ff0, D },
		{ GTF_accept_transfer, 0, D }, /* a transfer */
		{ GTF_permit_access | GTF_sub_page, 0, D },
		{ GTF_transitive, 0, D },
		{ 0, 0, D },			      /* revoked */
		{ GTF_permit_access, 0, LIAR_PAGES }, /* behind memory */
		{ GTF_permit_access, 0, 0xffffffff },
	};

	_Static_assert(ARRAY_SIZE(v) == 8, "variants in the table");
	liar_grant(g, BAD_REF, v[g->variant].flags, v[g->variant].domid,
		   v[g->variant].frame);
	frags(g, 100, 2, 50);
	g->tx->ring[(g->tx_prod - 2) % FRONT_RING].req.gref = BAD_REF;
	return answered(g, g->tx_prod - 3, NETIF_RSP_ERROR);
}

static int readonly(struct liar *g)
{
	liar_grant(g, BAD_REF, GTF_permit_access | GTF_readonly, 0, D);
	make_plain(page_of(g, D), 100);
	tx_slot(g, BAD_REF, 0, 100, 0);
	return answered(g, g->tx_prod - 1, NETIF_RSP_OKAY);
}

/* arg: a page that is not for data. */
static int page_odd(struct liar *g)
{
	tx_slot(g, ref_of((unsigned)g->lie->arg), 0, 4096, 0);
	return answered(g, g->tx_prod - 1, NETIF_RSP_OKAY);
}

static int gtab_page(struct liar *g)
{
	liar_grant(g, BAD_REF, GTF_permit_access, 0, 0);
	tx_slot(g, BAD_REF, 0, 4096, 0);
	return answered(g, g->tx_prod - 1, NETIF_RSP_OKAY);
}

/* --- changed behind our back ------------------------------------------------------------ */

/* Words of posted slots, entries of grants, bytes of headers. */
static void flip_once(struct liar *g, uint64_t r)
{
	static const uint32_t gref[] = { 8 + D, BAD_REF, 8 + TX_PAGE,
					 0xffffffff };
	uint32_t *w = (uint32_t *)(void *)&g->tx->ring[r % FRONT_RING].req;

	w[0] = gref[(r >> 8) % 4];
	if (g->lie->arg) { /* all of it */
		w[1] = (uint32_t)(r >> 16);
		w[2] = (uint32_t)(r >> 32);
	} else {
		/* offset 0; checksum's flags; any id; size 2000 */
		w[1] = ((uint32_t)(r >> 16) & 3) << 16;
		w[2] = ((uint32_t)(r >> 32) & 0xffff) | 2000u << 16;
	}
	liar_grant(g, BAD_REF, (unsigned)(r >> 40) & 3, (unsigned)(r >> 42) & 1,
		   (uint32_t)(r >> 43) & 1 ? D : 0x7fffffff);
	page_of(g, D)[12 + (r >> 44) % 60] = (uint8_t)(r >> 52);
}

static int flip(struct liar *g)
{
	struct flip f = { .g = g, .once = flip_once };
	uint32_t start = g->tx_prod;
	unsigned i;
	int rc;

	make_tcp4(page_of(g, D), 2000);
	rc = liar_flip(&f);
	if (rc)
		return rc;
	for (i = 0; i < 400; i++) {
		uint32_t done = __atomic_load_n(&g->tx->rsp_prod,
						__ATOMIC_ACQUIRE);

		while (g->tx_prod - done < 128)
			tx_slot(g, ref_of(D), 0, 2000, 0);
		tx_push(g);
		liar_sleep(1);
	}
	liar_flip_end(&f);
	if (g->lie->arg)
		return 0;
	rc = tx_wait(g);
	return rc ? rc : g->tx_prod - start > FRONT_RING ? 0 : -ENODATA;
}

/* The grant ends when the slot was posted. */
static int revoked(struct liar *g)
{
	unsigned i;
	int rc = 0;

	make_plain(page_of(g, D), 1000);
	for (i = 0; i < 500 && !rc; i++) {
		liar_grant(g, BAD_REF, GTF_permit_access, 0, D);
		frags(g, 100, 8, 50);
		g->tx->ring[(g->tx_prod - 1) % FRONT_RING].req.gref = BAD_REF;
		tx_push(g);
		liar_grant(g, BAD_REF, 0, 0, 0xffffffff);
		rc = tx_wait(g);
	}
	return rc;
}

const struct lie lies_tx[] = {
	{ .name = "tx-prod-far",
	  .id = "XSA-39 P2",
	  .due = DUE_FATAL,
	  .why = broke,
	  .tell = prod_jump,
	  .arg = INT32_MIN },
	{ .name = "tx-prod-257",
	  .id = "XSA-39 P2",
	  .due = DUE_FATAL,
	  .why = broke,
	  .tell = prod_jump,
	  .arg = 257 },
	{ .name = "tx-prod-back",
	  .id = "XSA-39 P2",
	  .due = DUE_FATAL,
	  .why = broke,
	  .tell = prod_jump,
	  .arg = -1 },
	{ .name = "tx-scribble-ours",
	  .id = "P17 P39",
	  .due = DUE_NONE,
	  .count = "tx_frames",
	  .tell = scribble },
	{ .name = "tx-first-cross",
	  .id = "P3",
	  .due = DUE_FATAL,
	  .why = broke,
	  .tell = first_cross },
	{ .name = "tx-first-cross-after",
	  .id = "P3",
	  .due = DUE_FATAL,
	  .why = broke,
	  .tell = first_cross_after },
	{ .name = "tx-first-fits-after",
	  .id = "P3",
	  .due = DUE_NONE,
	  .count = "tx_frames",
	  .tell = first_fits_after },
	{ .name = "tx-frag-cross",
	  .id = "P3",
	  .due = DUE_FATAL,
	  .why = broke,
	  .tell = frag_cross,
	  .variants = 4 },
	{ .name = "tx-frag-larger",
	  .id = "P7",
	  .due = DUE_DROP,
	  .count = "tx_bad_size",
	  .tell = frag_larger },
	{ .name = "tx-total-wraps",
	  .id = "P7",
	  .due = DUE_DROP,
	  .count = "tx_bad_size",
	  .tell = total_wraps },
	{ .name = "tx-total-65535",
	  .id = "P7",
	  .due = DUE_NONE,
	  .count = "tx_frames",
	  .tell = largest },
	{ .name = "tx-chain-endless",
	  .id = "XSA-39 P6",
	  .due = DUE_FATAL,
	  .why = broke,
	  .tell = chain_endless },
	{ .name = "tx-chain-cut",
	  .id = "XSA-39",
	  .due = DUE_FATAL,
	  .why = broke,
	  .tell = chain_cut,
	  .variants = 2 },
	{ .name = "tx-slots-19",
	  .id = "P6",
	  .due = DUE_NONE,
	  .count = "tx_frames",
	  .tell = slots,
	  .arg = 19 },
	{ .name = "tx-slots-20",
	  .id = "XSA-39 P6",
	  .due = DUE_DROP,
	  .count = "tx_bad_slots",
	  .tell = slots,
	  .arg = 20 },
	{ .name = "tx-slots-21",
	  .id = "XSA-39 P6",
	  .due = DUE_DROP,
	  .count = "tx_bad_slots",
	  .tell = slots,
	  .arg = 21 },
	{ .name = "tx-slots-22",
	  .id = "XSA-39 XSA-374 XSA-90 P6",
	  .due = DUE_FATAL,
	  .why = broke,
	  .tell = slots,
	  .arg = 22 },
	{ .name = "tx-frags-empty",
	  .id = "XSA-448 P6",
	  .due = DUE_NONE,
	  .count = "tx_frames",
	  .tell = zero_frags },
	{ .name = "tx-frags-tiny",
	  .id = "XSA-432 P6",
	  .due = DUE_NONE,
	  .count = "tx_frames",
	  .tell = tiny_frags },
	{ .name = "tx-headers-spread",
	  .id = "XSA-423 P6",
	  .due = DUE_NONE,
	  .count = "tx_frames",
	  .tell = spread },
	{ .name = "tx-empty",
	  .id = "CVE-2024-41090 P33",
	  .due = DUE_DROP,
	  .count = "tx_short",
	  .tell = short_first,
	  .arg = 0,
	  .variants = 3 },
	{ .name = "tx-short-13",
	  .id = "CVE-2024-41090 P33 XSA-432",
	  .due = DUE_DROP,
	  .count = "tx_short",
	  .tell = short_first,
	  .arg = 13,
	  .variants = 19 },
	{ .name = "tx-extra-missing",
	  .id = "P4",
	  .due = DUE_FATAL,
	  .why = broke,
	  .tell = extra_missing,
	  .variants = 2 },
	{ .name = "tx-extra-type-0",
	  .id = "P4",
	  .due = DUE_FATAL,
	  .why = broke,
	  .tell = extra_type,
	  .arg = 0 },
	{ .name = "tx-extra-type-6",
	  .id = "P4",
	  .due = DUE_FATAL,
	  .why = broke,
	  .tell = extra_type,
	  .arg = 6 },
	{ .name = "tx-extra-type-255",
	  .id = "P4",
	  .due = DUE_FATAL,
	  .why = broke,
	  .tell = extra_type,
	  .arg = 255 },
	{ .name = "tx-extra-repeated",
	  .id = "P4",
	  .due = DUE_NONE,
	  .count = "tx_frames",
	  .tell = extra_repeated },
	{ .name = "tx-extra-endless",
	  .id = "XSA-39 P4",
	  .due = DUE_FATAL,
	  .why = broke,
	  .tell = extra_endless },
	{ .name = "tx-extra-many",
	  .id = "P4",
	  .due = DUE_NONE,
	  .count = "tx_frames",
	  .tell = extra_many },
	{ .name = "tx-extra-hash",
	  .id = "P4",
	  .due = DUE_NONE,
	  .count = "tx_frames",
	  .tell = extra_ignored,
	  .arg = XEN_NETIF_EXTRA_TYPE_HASH },
	{ .name = "tx-extra-xdp",
	  .id = "P4",
	  .due = DUE_NONE,
	  .count = "tx_frames",
	  .tell = extra_ignored,
	  .arg = X_XDP },
	{ .name = "tx-mcast-add",
	  .id = "P5",
	  .due = DUE_DROP,
	  .count = "tx_extra_only",
	  .tell = mcast,
	  .arg = XEN_NETIF_EXTRA_TYPE_MCAST_ADD,
	  .variants = 2 },
	{ .name = "tx-mcast-del",
	  .id = "P5",
	  .due = DUE_DROP,
	  .count = "tx_extra_only",
	  .tell = mcast,
	  .arg = XEN_NETIF_EXTRA_TYPE_MCAST_DEL,
	  .variants = 2 },
	{ .name = "tx-gso-0",
	  .id = "CVE-2018-1000026 P8",
	  .due = DUE_FATAL,
	  .why = broke,
	  .tell = gso_size,
	  .arg = 0 },
	{ .name = "tx-gso-1",
	  .id = "CVE-2018-1000026 P8",
	  .due = DUE_DROP,
	  .count = "tx_bad_offload",
	  .tell = gso_size,
	  .arg = 1 },
	{ .name = "tx-gso-7",
	  .id = "CVE-2018-1000026 P8",
	  .due = DUE_DROP,
	  .count = "tx_bad_offload",
	  .tell = gso_size,
	  .arg = 7 },
	{ .name = "tx-gso-mtu",
	  .id = "CVE-2018-1000026 P8",
	  .due = DUE_NONE,
	  .count = "tx_frames",
	  .tell = gso_size,
	  .arg = 1460 },
	{ .name = "tx-gso-mtu-more",
	  .id = "CVE-2018-1000026 P8",
	  .due = DUE_DROP,
	  .count = "tx_bad_offload",
	  .tell = gso_size,
	  .arg = 1461 },
	{ .name = "tx-gso-9000",
	  .id = "CVE-2018-1000026 P8",
	  .due = DUE_DROP,
	  .count = "tx_bad_offload",
	  .tell = gso_size,
	  .arg = 9000 },
	{ .name = "tx-gso-65535",
	  .id = "CVE-2018-1000026 P8",
	  .due = DUE_DROP,
	  .count = "tx_bad_offload",
	  .tell = gso_size,
	  .arg = 65535 },
	{ .name = "tx-gso-type-0",
	  .id = "P8",
	  .due = DUE_FATAL,
	  .why = broke,
	  .tell = gso_type,
	  .arg = 0 },
	{ .name = "tx-gso-type-3",
	  .id = "P8",
	  .due = DUE_FATAL,
	  .why = broke,
	  .tell = gso_type,
	  .arg = 3 },
	{ .name = "tx-gso-other-ip",
	  .id = "P8",
	  .due = DUE_DROP,
	  .count = "tx_bad_offload",
	  .tell = gso_type,
	  .arg = 2 },
	{ .name = "tx-gso-not-blank",
	  .id = "P8",
	  .due = DUE_NONE,
	  .count = "tx_gso_fixup",
	  .tell = gso_no_blank },
	{ .name = "tx-offload-mangled",
	  .id = "CVE-2018-1000026 P8 P9 P33",
	  .due = DUE_DROP,
	  .count = "tx_bad_offload",
	  .tell = mangled,
	  .variants = 15 },
	{ .name = "tx-headers-nested",
	  .id = "P9",
	  .due = DUE_DROP,
	  .count = "tx_bad_offload",
	  .tell = nested,
	  .variants = 2 },
	{ .name = "tx-flags-unknown",
	  .id = "P10",
	  .due = DUE_NONE,
	  .count = "tx_frames",
	  .tell = flags_unknown },
	{ .name = "tx-gref-bad",
	  .id = "XSA-361 P19",
	  .due = DUE_DROP,
	  .count = "tx_bad_grant",
	  .tell = bad_ref,
	  .variants = 6 },
	{ .name = "tx-grant-bad",
	  .id = "XSA-361 XSA-523 P19",
	  .due = DUE_DROP,
	  .count = "tx_bad_grant",
	  .tell = bad_grant,
	  .variants = 8 },
	{ .name = "tx-grant-readonly",
	  .id = "P19",
	  .due = DUE_NONE,
	  .count = "tx_frames",
	  .tell = readonly },
	{ .name = "tx-grant-revoked",
	  .id = "XSA-361 P19",
	  .due = DUE_NONE,
	  .tell = revoked },
	{ .name = "tx-data-is-tx-ring",
	  .id = "XSA-155 P21",
	  .due = DUE_NONE,
	  .count = "tx_frames",
	  .tell = page_odd,
	  .arg = TX_PAGE },
	{ .name = "tx-data-is-rx-ring",
	  .id = "XSA-155 P21",
	  .due = DUE_NONE,
	  .count = "tx_frames",
	  .tell = page_odd,
	  .arg = RX_PAGE },
	{ .name = "tx-data-is-grants",
	  .id = "XSA-155",
	  .due = DUE_NONE,
	  .count = "tx_frames",
	  .tell = gtab_page },
	{ .name = "tx-flip",
	  .id = "XSA-155 P1",
	  .due = DUE_NONE,
	  .count = "tx_bad_grant",
	  .tell = flip },
	{ .name = "tx-flip-all",
	  .id = "XSA-155 P1",
	  .due = DUE_ANY,
	  .tell = flip,
	  .arg = 1 },
};
const unsigned nlies_tx = ARRAY_SIZE(lies_tx);
