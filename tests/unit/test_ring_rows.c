// SPDX-License-Identifier: GPL-2.0-or-later
/* test_ring_rows.c - each row of the TX validation table, and its invariants
 *
 * A row is the slots of one packet and what has to come of it. Whatever that is:
 * every slot gets one response, in order, an id echoed for data and NULL for
 * extras; what is not an error arrives byte by byte as the guest laid it
 * out; the reason is counted once; no frame is lost; and the next packet is
 * served, unless the protocol was broken: then nothing is published.
 * doc/conformance.md says which row of the protocol each one is.
 */
#include "ring_guest.h"

enum {
	MORE = NETTXF_more_data,
	EXTRA = NETTXF_extra_info,
	BLANK = NETTXF_csum_blank,
	X_MORE = XEN_NETIF_EXTRA_FLAG_MORE,
	GSO = XEN_NETIF_EXTRA_TYPE_GSO,
	ADD = XEN_NETIF_EXTRA_TYPE_MCAST_ADD,
	DEL = XEN_NETIF_EXTRA_TYPE_MCAST_DEL,
	HASH = XEN_NETIF_EXTRA_TYPE_HASH,
	XDP = 5,
	NONE = -1, /* no counter */
	BAD = 1,   /* a reference that grants nothing */
	SLOTS = 24,
	NO_TABLE = 0xffff,
};

enum due { OK, ERROR, FATAL, DUMMY };

/* One slot: an extra when type is set. */
struct slot {
	unsigned size, off, flags, bad;
	unsigned type, gso_type, gso_size; /* extras; flags: X_MORE */
};

struct row {
	const char *name;
	enum due due;
	int count; /* enum ring_count that grows, or NONE */
	bool tcp;  /* the first page is TCP over IPv4 */
	struct slot v[SLOTS];
	/* or: `n` slots, the first of `first` bytes beside the others of `each` */
	unsigned n, first, each;
};

/* A slot says what is odd about it; clang wants every field named. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* size of v[0] is the whole packet's, as on the wire. */
static const struct row rows[] = {
	{ "plain", OK, RING_TX_FRAMES, .v = { { 60 } } },
	{ "shortest", OK, RING_TX_FRAMES, .v = { { 14 } } },
	{ "at the end of its page", OK, RING_TX_FRAMES, .v = { { 60, 4036 } } },
	{ "flags unknown", OK, RING_TX_FRAMES, .v = { { 60, 0, 0xfff0 } } },
	/* Extras */
	{ "extras missing", FATAL, NONE, .v = { { 60, 0, EXTRA } } },
	{ "extras end early", FATAL, NONE,
	  .v = { { 60, 0, EXTRA }, { .type = HASH, .flags = X_MORE } } },
	{ "extra type 0", FATAL, NONE,
	  .v = { { 60, 0, EXTRA }, { .type = NO_TABLE } } },
	{ "extra type 6", FATAL, NONE,
	  .v = { { 60, 0, EXTRA }, { .type = 6 } } },
	{ "extra type 255", FATAL, NONE,
	  .v = { { 60, 0, EXTRA }, { .type = 255 } } },
	{ "extra repeated", OK, RING_TX_FRAMES, .tcp = true,
	  .v = { { 2000, 0, EXTRA | BLANK },
		 { .type = GSO,
		   .flags = X_MORE,
		   .gso_type = 1,
		   .gso_size = 9000 },
		 { .type = GSO, .gso_type = 1, .gso_size = 1000 } } },
	{ "extra XDP", OK, RING_TX_FRAMES,
	  .v = { { 60, 0, EXTRA }, { .type = XDP } } },
	{ "extra HASH", OK, RING_TX_FRAMES,
	  .v = { { 60, 0, EXTRA }, { .type = HASH } } },
	{ "extras then fragments", OK, RING_TX_FRAMES,
	  .v = { { 100, 0, EXTRA | MORE },
		 { .type = HASH, .flags = X_MORE },
		 { .type = XDP },
		 { 40 } } },
	/* Multicast messages */
	{ "mcast add", DUMMY, NONE, .v = { { 0, 0, EXTRA }, { .type = ADD } } },
	{ "mcast del", DUMMY, NONE, .v = { { 0, 0, EXTRA }, { .type = DEL } } },
	{ "mcast with GSO", DUMMY, NONE,
	  .v = { { 0, 0, EXTRA },
		 { .type = ADD, .flags = X_MORE },
		 { .type = GSO, .gso_type = 9, .gso_size = 0 } } },
	/* Chains */
	{ "more data missing", FATAL, NONE, .v = { { 60, 0, MORE } } },
	{ "more data missing later", FATAL, NONE,
	  .v = { { 60, 0, MORE }, { 10, 0, MORE } } },
	{ "2 slots", OK, RING_TX_FRAMES, .n = 2, .first = 60, .each = 40 },
	{ "19 slots", OK, RING_TX_FRAMES, .n = 19, .first = 60, .each = 40 },
	{ "19 slots of a page", OK, RING_TX_FRAMES, .n = 16, .first = 4095,
	  .each = 4096 },
	{ "20 slots", ERROR, RING_TX_BAD_SLOTS, .n = 20, .first = 60,
	  .each = 40 },
	{ "21 slots", ERROR, RING_TX_BAD_SLOTS, .n = 21, .first = 60,
	  .each = 40 },
	{ "22 slots", FATAL, NONE, .n = 22, .first = 60, .each = 40 },
	{ "19 slots, empty", OK, RING_TX_FRAMES, .n = 19, .first = 60,
	  .each = 0 },
	{ "19 slots of a byte", OK, RING_TX_FRAMES, .n = 19, .first = 14,
	  .each = 1 },
	{ "20 slots, empty", ERROR, RING_TX_BAD_SLOTS, .n = 20, .first = 60,
	  .each = 0 },
	{ "22 slots, empty", FATAL, NONE, .n = 22, .first = 60, .each = 0 },
	{ "total 65535", OK, RING_TX_FRAMES, .n = 19,
	  .first = 65535 - 18 * 3600, .each = 3600 },
	/* Pages */
	{ "first crosses", FATAL, NONE, .v = { { 60, 4037 } } },
	{ "first crosses by far", FATAL, NONE, .v = { { 60, 0xffff } } },
	{ "first crosses after", FATAL, NONE,
	  .v = { { 4200, 0, MORE }, { 100 } } },
	{ "first fits after", OK, RING_TX_FRAMES,
	  .v = { { 4196, 0, MORE }, { 100 } } },
	{ "fragment crosses", FATAL, NONE,
	  .v = { { 160, 0, MORE }, { 60, 4037 } } },
	{ "fragment crosses by far", FATAL, NONE,
	  .v = { { 160, 0, MORE }, { 1, 0xffff } } },
	{ "fragment at the end of its page", OK, RING_TX_FRAMES,
	  .v = { { 160, 0, MORE }, { 60, 4036 } } },
	{ "empty fragment at the end of its page", OK, RING_TX_FRAMES,
	  .v = { { 60, 0, MORE }, { 0, 4096 } } },
	{ "fragment in a dropped packet crosses", FATAL, NONE,
	  .v = { { 60, 0, MORE }, { 70, 0, MORE }, { 60, 4037 } } },
	/* Sizes */
	{ "fragment larger than what remains", ERROR, RING_TX_BAD_SIZE,
	  .v = { { 60, 0, MORE }, { 61 } } },
	{ "total wraps", ERROR, RING_TX_BAD_SIZE,
	  .v = { { 100, 0, MORE }, { 4096, 0, MORE }, { 4096 } } },
	{ "first of 13", ERROR, RING_TX_SHORT,
	  .v = { { 113, 0, MORE }, { 100 } } },
	{ "first of 0", ERROR, RING_TX_SHORT,
	  .v = { { 100, 0, MORE }, { 100 } } },
	{ "total 13", ERROR, RING_TX_SHORT, .v = { { 13 } } },
	{ "total 0", ERROR, RING_TX_SHORT, .v = { { 0 } } },
	{ "first of 13 with extras", ERROR, RING_TX_SHORT,
	  .v = { { 113, 0, MORE | EXTRA }, { .type = HASH }, { 100 } } },
	/* GSO */
	{ "GSO size 0", FATAL, NONE, .tcp = true,
	  .v = { { 2000, 0, EXTRA | BLANK }, { .type = GSO, .gso_type = 1 } } },
	{ "GSO type 0", FATAL, NONE, .tcp = true,
	  .v = { { 2000, 0, EXTRA | BLANK },
		 { .type = GSO, .gso_size = 1000 } } },
	{ "GSO type 3", FATAL, NONE, .tcp = true,
	  .v = { { 2000, 0, EXTRA | BLANK },
		 { .type = GSO, .gso_type = 3, .gso_size = 1000 } } },
	{ "GSO type 3 in a bad packet", FATAL, NONE,
	  .v = { { 13, 0, EXTRA },
		 { .type = GSO, .gso_type = 3, .gso_size = 1000 } } },
	{ "GSO of an MTU", OK, RING_TX_FRAMES, .tcp = true,
	  .v = { { 4000, 0, EXTRA | BLANK },
		 { .type = GSO, .gso_type = 1, .gso_size = 1460 } } },
	{ "GSO beyond the MTU", ERROR, RING_TX_BAD_OFFLOAD, .tcp = true,
	  .v = { { 4000, 0, EXTRA | BLANK },
		 { .type = GSO, .gso_type = 1, .gso_size = 1461 } } },
	{ "GSO of another IP", ERROR, RING_TX_BAD_OFFLOAD, .tcp = true,
	  .v = { { 4000, 0, EXTRA | BLANK },
		 { .type = GSO, .gso_type = 2, .gso_size = 1000 } } },
	{ "GSO of no TCP", ERROR, RING_TX_BAD_OFFLOAD,
	  .v = { { 4000, 0, EXTRA | BLANK },
		 { .type = GSO, .gso_type = 1, .gso_size = 1000 } } },
	{ "GSO without blank", OK, RING_TX_GSO_FIXUP, .tcp = true,
	  .v = { { 4000, 0, EXTRA },
		 { .type = GSO, .gso_type = 1, .gso_size = 1000 } } },
	{ "GSO larger than the packet", OK, RING_TX_FRAMES, .tcp = true,
	  .v = { { 500, 0, EXTRA | BLANK },
		 { .type = GSO, .gso_type = 1, .gso_size = 1460 } } },
	{ "headers beyond the packet", ERROR, RING_TX_BAD_OFFLOAD, .tcp = true,
	  .v = { { 53, 0, EXTRA | BLANK },
		 { .type = GSO, .gso_type = 1, .gso_size = 1000 } } },
	/* Checksums */
	{ "blank", OK, RING_TX_FRAMES, .tcp = true, .v = { { 60, 0, BLANK } } },
	{ "blank of no protocol", ERROR, RING_TX_BAD_OFFLOAD,
	  .v = { { 60, 0, BLANK } } },
	{ "blank cut short", ERROR, RING_TX_BAD_OFFLOAD, .tcp = true,
	  .v = { { 51, 0, BLANK } } },
	/* Grants */
	{ "bad grant", ERROR, RING_TX_BAD_GRANT,
	  .v = { { 60, 0, 0, .bad = BAD } } },
	{ "bad grant of a fragment", ERROR, RING_TX_BAD_GRANT,
	  .v = { { 160, 0, MORE }, { 40, 0, MORE, .bad = BAD }, { 40 } } },
	{ "bad grant of nothing", OK, RING_TX_FRAMES,
	  .v = { { 160, 0, MORE }, { 0, 0, MORE, .bad = BAD }, { 40 } } },
	{ "bad grant with extras", ERROR, RING_TX_BAD_GRANT,
	  .v = { { 160, 0, MORE | EXTRA, .bad = BAD },
		 { .type = HASH },
		 { 40 } } },
};

static bool is_extra(const struct slot *s)
{
	return s->type != 0;
}

static unsigned row_page(unsigned i)
{
	return DATA_PAGE + i * 2;
}

/* A row by `n`, written out. */
static unsigned spell(const struct row *r, struct slot v[SLOTS])
{
	unsigned i, n = 0;

	memcpy(v, r->v, sizeof(r->v));
	for (i = 0; i < r->n; i++)
		v[i] = (struct slot){
			.size = i ? r->each : r->first + (r->n - 1) * r->each,
			.flags = i + 1 < r->n ? MORE : 0
		};
	if (r->n)
		return r->n;
	while (n < SLOTS && (!n || v[n].size || v[n].off || v[n].bad ||
			     is_extra(&v[n]) || v[n].flags))
		n++;
	/* An empty last fragment looks like the end of the table. */
	if (n > 1 && v[n - 1].flags & MORE && !is_extra(&v[n - 1]) &&
	    r->due == OK)
		n++;
	return n;
}

static void put_slots(struct guest *g, const struct slot *v, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		if (is_extra(&v[i]))
			tx_extra(g, v[i].type == NO_TABLE ? 0 : v[i].type,
				 v[i].flags, v[i].gso_type, v[i].gso_size);
		else
			tx_slot(g, v[i].bad ? GRANTS : ref_of(row_page(i)),
				v[i].off, v[i].size, v[i].flags, 0x5a00 + i);
	}
}

/* The bytes of the packet as the guest means them; returns how many. */
static unsigned lay_out(struct guest *g, const struct row *r,
			const struct slot *v, unsigned n, uint8_t *want)
{
	unsigned i, at, first = v[0].size;

	for (i = 1; i < n; i++)
		first -= is_extra(&v[i]) ? 0 : v[i].size;
	for (i = 0; i < n; i++)
		fill(page_of(g, row_page(i)), HV_PAGE, i);
	if (r->tcp)
		tcp4(page_of(g, row_page(0)), v[0].size > 54 ? v[0].size : 54);
	if (r->due != OK)
		return 0;
	memcpy(want, page_of(g, row_page(0)) + v[0].off, first);
	for (i = 1, at = first; i < n; i++) {
		if (is_extra(&v[i]))
			continue;
		memcpy(want + at, page_of(g, row_page(i)) + v[i].off,
		       v[i].size);
		at += v[i].size;
	}
	return at;
}

static void expect_bytes(const struct row *r, const struct frame *f,
			 const uint8_t *want, unsigned len)
{
	static uint8_t got[FRAME_MAX];
	unsigned from = 0;

	assert_int_equal(f->len, len);
	assert_int_equal(f->head_len, len < FRAME_HEAD ? len : FRAME_HEAD);
	frame_copy_out(f, 0, got, len);
	if (r->count == RING_TX_GSO_FIXUP) { /* its checksum was written */
		assert_memory_equal(got, want, 50);
		from = 52;
	}
	assert_memory_equal(got + from, want + from, len - from);
}

static void expect_responses(struct guest *g, const struct row *r,
			     const struct slot *v, unsigned n, uint32_t at)
{
	unsigned i;

	assert_int_equal(g->tx->rsp_prod, at + n);
	for (i = 0; i < n; i++) {
		const struct netif_tx_response *s = tx_rsp(g, at + i);

		if (is_extra(&v[i])) {
			assert_int_equal(s->status, NETIF_RSP_NULL);
			continue;
		}
		assert_int_equal(s->id, 0x5a00 + i);
		if (r->due != DUMMY)
			assert_int_equal(s->status, r->due == OK
							    ? NETIF_RSP_OKAY
							    : NETIF_RSP_ERROR);
	}
}

static void expect_next(struct guest *g)
{
	struct frame *v[FRAME_BURST];
	uint32_t at = g->tx->req_prod;

	tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0, 0x1111);
	assert_int_equal(pull_all(g, v), 1);
	put_all(v, 1);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(tx_rsp(g, at)->id, 0x1111);
	assert_int_equal(tx_rsp(g, at)->status, NETIF_RSP_OKAY);
}

static void expect_fatal(struct guest *g, uint32_t at)
{
	struct frame *f[FRAME_BURST];

	assert_int_equal(ring_pull(g->ring, f, FRAME_BURST), -EPROTO);
	assert_int_equal(g->tx->rsp_prod, at);
	assert_int_equal(frame_pool_free(g->pool), FRAME_BURST + 2);
}

/* One row, at the start of the ring and where the packet wraps around it. */
static void run_row(struct guest *g, const struct row *r)
{
	static uint8_t want[FRAME_MAX];
	struct slot v[SLOTS];
	struct frame *f[FRAME_BURST];
	unsigned n = spell(r, v), len = lay_out(g, r, v, n, want), k;
	uint32_t at = g->tx->req_prod;
	uint64_t was = r->count == NONE ? 0 : count(g, (unsigned)r->count);

	put_slots(g, v, n);
	if (r->due == FATAL) {
		expect_fatal(g, at);
		return;
	}
	k = pull_all(g, f);
	assert_int_equal(k, r->due == OK);
	if (k)
		expect_bytes(r, f[0], want, len);
	put_all(f, k);
	assert_int_equal(ring_flush(g->ring), 0);
	expect_responses(g, r, v, n, at);
	if (r->count != NONE)
		assert_int_equal(count(g, (unsigned)r->count), was + 1);
	assert_int_equal(frame_pool_free(g->pool), FRAME_BURST + 2);
	expect_next(g);
}

/* The row that cmocka's state names; it goes on being the guest. */
static const struct row *chosen;

/* What lies in slots that are not published yet would be a good extra. */
static int setup_stale(void **state, bool copies)
{
	struct guest *g;
	unsigned i;

	chosen = *state;
	setup_guest(state, copies);
	g = *state;
	for (i = 0; i < 256; i++) {
		memset(&g->tx->ring[i], 0, sizeof(g->tx->ring[i]));
		*(uint8_t *)&g->tx->ring[i] = HASH;
	}
	return 0;
}

static int setup_row(void **state)
{
	return setup_stale(state, false);
}

static int setup_row_copies(void **state)
{
	return setup_stale(state, true);
}

static void row(void **state)
{
	struct guest *g = *state;
	unsigned i;

	run_row(g, chosen);
	if (chosen->due == FATAL)
		return;
	for (i = g->tx->req_prod; i < 250; i++)
		expect_next(g);
	run_row(g, chosen);
}

/* --- what is too many for rows --------------------------------------------- */

/* The only index rule: what is waiting fits the ring. */
static void prod_far(void **state)
{
	static const uint32_t far[] = { 257, 258, 1000, 0x80000000,
					UINT32_MAX };
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(far); i++) {
		g->tx->req_prod = far[i];
		assert_int_equal(ring_pull(g->ring, v, FRAME_BURST), -EPROTO);
		assert_int_equal(g->tx->rsp_prod, 0);
	}
}

/* Taken and not answered counts: more would have no slot for its answer. */
static void prod_beyond_unanswered(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];
	unsigned i, n = 0, k;

	for (i = 0; i < 300; i++)
		tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0, i);
	g->tx->req_prod = 200;
	while ((k = pull_all(g, v))) {
		put_all(v, k);
		n += k;
	}
	assert_int_equal(n, 200);
	g->tx->req_prod = 300;
	while ((k = pull_all(g, v))) {
		put_all(v, k);
		n += k;
	}
	assert_int_equal(n, 256);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(g->tx->rsp_prod, 256);
}

/* Two references to one page: each ring would answer into the other. */
static void rings_of_one_page(void **state)
{
	struct guest *g = *state;

	backend_close(g);
	g->gtab[ref_of(RX_PAGE)].frame = TX_PAGE;
	assert_int_equal(backend_open(g, EPOCH), -EINVAL);
}

static void prod_full(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];
	unsigned i, n = 0, k;

	for (i = 0; i < 256; i++)
		tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0, i);
	while (n < 256) {
		k = pull_all(g, v);
		assert_true(k > 0);
		put_all(v, k);
		n += k;
	}
	assert_int_equal(pull_all(g, v), 0);
	assert_int_equal(ring_flush(g->ring), 0);
	for (i = 0; i < 256; i++)
		assert_int_equal(tx_rsp(g, i)->id, i);
}

/* Sends `want` in pieces that end at cut[0..n), expects it whole. */
static void send_cut(struct guest *g, const uint8_t *want, unsigned len,
		     const unsigned *cut, unsigned n, unsigned flags)
{
	struct frame *f[FRAME_BURST];
	uint32_t at = g->tx->req_prod;
	uint8_t got[1024];
	unsigned i, from = 0, end;

	for (i = 0; i <= n; i++, from = end) {
		end = i < n ? cut[i] : len;
		/* anywhere in its page */
		memcpy(page_of(g, DATA_PAGE + i) + 4096 - (end - from) - i,
		       want + from, end - from);
		tx_slot(g, ref_of(DATA_PAGE + i), 4096 - (end - from) - i,
			i ? end - from : len,
			(i ? 0 : flags) | (i < n ? MORE : 0u), i);
	}
	assert_int_equal(pull_all(g, f), 1);
	assert_int_equal(f[0]->len, len);
	frame_copy_out(f[0], 0, got, len);
	assert_memory_equal(got, want, len);
	if (flags & BLANK) {
		assert_int_equal(f[0]->csum_start, 34);
		assert_int_equal(f[0]->csum_off, 16);
	}
	put_all(f, 1);
	assert_int_equal(ring_flush(g->ring), 0);
	for (i = 0; i <= n; i++) {
		assert_int_equal(tx_rsp(g, at + i)->id, i);
		assert_int_equal(tx_rsp(g, at + i)->status, NETIF_RSP_OKAY);
	}
}

/* Headers cut in two at each byte from 14 on. */
static void headers_cut_once(void **state)
{
	uint8_t want[400];
	unsigned cut;

	tcp4(want, sizeof(want));
	for (cut = 14; cut <= sizeof(want); cut++)
		send_cut(*state, want, sizeof(want), &cut, 1, BLANK);
}

/* And in three. */
static void headers_cut_twice(void **state)
{
	uint8_t want[300];
	unsigned cut[2];

	tcp4(want, sizeof(want));
	for (cut[0] = 14; cut[0] < 60; cut[0]++) {
		for (cut[1] = cut[0]; cut[1] < 64; cut[1]++)
			send_cut(*state, want, sizeof(want), cut, 2, BLANK);
	}
}

/* 18 pieces of one byte, from each place on: headers over 14 slots and more. */
static void headers_in_bytes(void **state)
{
	uint8_t want[300];
	unsigned from, cut[18], i;

	tcp4(want, sizeof(want));
	for (from = 14; from + 18 < sizeof(want); from++) {
		for (i = 0; i < 18; i++)
			cut[i] = from + i;
		send_cut(*state, want, sizeof(want), cut, 18, BLANK);
	}
}

/* Fragments of no bytes at each place, alone and in pairs. */
static void empty_fragments(void **state)
{
	uint8_t want[600];
	unsigned at, twice, cut[18], i;

	tcp4(want, sizeof(want));
	for (at = 1; at < 18; at++) {
		for (twice = 0; twice < 2; twice++) {
			for (i = 0; i < 18; i++)
				cut[i] = 14 + i * 30;
			cut[at] = cut[at - 1];
			if (twice && at + 1 < 18)
				cut[at + 1] = cut[at];
			send_cut(*state, want, sizeof(want), cut, 18, BLANK);
		}
	}
}

/* Ids are the guest's: any number, twice the same, in any order. */
static void ids_are_echoed(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];
	unsigned i, id = 1;

	for (i = 0; i < 65536 / 64; i++) {
		unsigned k, n;
		uint32_t at = g->tx->req_prod;

		for (k = 0; k < 64; k++)
			tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0,
				(id + k) * 40503u & 0xffff);
		n = pull_all(g, v);
		assert_int_equal(n, 64);
		put_all(v, n);
		assert_int_equal(ring_flush(g->ring), 0);
		for (k = 0; k < 64; k++)
			assert_int_equal(tx_rsp(g, at + k)->id,
					 (id + k) * 40503u & 0xffff);
		id += 64;
	}
}

/* A response leaves nothing of ours in the slot: the bytes behind it are the
 * guest's own request.
 */
static void responses_leak_nothing(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];
	uint8_t was[12], is[12];

	tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0, 0x7e57);
	memcpy(was, &g->tx->ring[0], 12);
	put_all(v, pull_all(g, v));
	assert_int_equal(ring_flush(g->ring), 0);
	memcpy(is, &g->tx->ring[0], 12);
	assert_memory_equal(is + 4, was + 4, 8);
	assert_memory_equal(is, "\x57\x7e\x00\x00", 4);
}

static const struct CMUnitTest more[] = {
	T(prod_far),
	T(prod_full),
	T(prod_beyond_unanswered),
	T(rings_of_one_page),
	T(headers_cut_once),
	T(headers_cut_twice),
	T(headers_in_bytes),
	T(empty_fragments),
	T(ids_are_echoed),
	T(responses_leak_nothing),
};

int main(void)
{
	enum { ROWS = 2 * ARRAY_SIZE(rows), ALL = ROWS + ARRAY_SIZE(more) };
	static struct CMUnitTest tests[ALL];
	static char name[ROWS][64];
	unsigned i;

	for (i = 0; i < ROWS; i++) {
		const struct row *r = &rows[i / 2];

		snprintf(name[i], sizeof(name[i]), "%s%s", r->name,
			 i & 1 ? ", copies" : "");
		tests[i] = (struct CMUnitTest){ name[i], row,
						i & 1 ? setup_row_copies
						      : setup_row,
						teardown, (void *)r };
	}
	memcpy(tests + ROWS, more, sizeof(more));
	return _cmocka_run_group_tests("ring_rows", tests, ALL, NULL, NULL);
}
