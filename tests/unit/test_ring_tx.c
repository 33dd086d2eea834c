// SPDX-License-Identifier: GPL-2.0-or-later
/* test_ring_tx.c - what a guest may send, and what it may not */
#include "ring_guest.h"

static void tx_one(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];

	fill(page_of(g, DATA_PAGE) + 10, 60, 3);
	tx_slot(g, ref_of(DATA_PAGE), 10, 60, 0, 0xbeef);
	assert_int_equal(pull_all(g, v), 1);
	assert_int_equal(v[0]->len, 60);
	assert_int_equal(v[0]->head_len, 60);
	assert_int_equal(v[0]->nseg, 0);
	assert_memory_equal(v[0]->head, page_of(g, DATA_PAGE) + 10, 60);
	assert_int_equal(g->tx->rsp_prod, 0); /* not before flush */
	put_all(v, 1);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(g->tx->rsp_prod, 1);
	assert_int_equal(tx_rsp(g, 0)->id, 0xbeef);
	assert_int_equal(tx_rsp(g, 0)->status, NETIF_RSP_OKAY);
	assert_int_equal(bells(g, 0), 1);
	assert_int_equal(bells(g, 1), 0);
	assert_int_equal(count(g, RING_TX_FRAMES), 1);
}

/* A header spread over many slots is gathered; payload is referenced. */
static void tx_scattered(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];
	uint8_t want[14 + 17 * 40], got[sizeof(want)];
	unsigned i;

	fill(want, sizeof(want), 9);
	memcpy(page_of(g, DATA_PAGE), want, 14);
	tx_slot(g, ref_of(DATA_PAGE), 0, sizeof(want), NETTXF_more_data, 0);
	for (i = 0; i < 17; i++) {
		memcpy(page_of(g, DATA_PAGE + 1 + i) + 100 + i,
		       want + 14 + 40 * i, 40);
		tx_slot(g, ref_of(DATA_PAGE + 1 + i), 100 + i, 40,
			NETTXF_more_data, i + 1);
	}
	/* the 19th slot: nothing in it, and a reference that is not looked at */
	tx_slot(g, 999999, 0, 0, 0, 18);
	assert_int_equal(pull_all(g, v), 1);
	assert_int_equal(v[0]->len, sizeof(want));
	assert_int_equal(v[0]->head_len, FRAME_HEAD);
	frame_copy_out(v[0], 0, got, sizeof(got));
	assert_memory_equal(got, want, sizeof(want));
	put_all(v, 1);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(g->tx->rsp_prod, 19);
	for (i = 0; i < 19; i++) {
		assert_int_equal(tx_rsp(g, i)->id, i);
		assert_int_equal(tx_rsp(g, i)->status, NETIF_RSP_OKAY);
	}
}

/* One row a packet: how many slots, what comes of it. */
static void tx_slot_limits(void **state)
{
	static const struct {
		unsigned slots;
		int frames, status;
	} row[] = {
		{ 19, 1, NETIF_RSP_OKAY },
		{ 20, 0, NETIF_RSP_ERROR },
		{ 21, 0, NETIF_RSP_ERROR },
	};
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];
	unsigned i, k;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		uint32_t at = g->tx->req_prod;

		tx_slot(g, ref_of(DATA_PAGE), 0, 100 + row[i].slots,
			NETTXF_more_data, 0);
		for (k = 1; k < row[i].slots; k++)
			tx_slot(g, ref_of(DATA_PAGE), 0, 1,
				k + 1 < row[i].slots ? NETTXF_more_data : 0, k);
		assert_int_equal(pull_all(g, v), row[i].frames);
		put_all(v, (unsigned)row[i].frames);
		assert_int_equal(ring_flush(g->ring), 0);
		assert_int_equal(g->tx->rsp_prod, at + row[i].slots);
		for (k = 0; k < row[i].slots; k++)
			assert_int_equal(tx_rsp(g, at + k)->status,
					 row[i].status);
	}
	assert_int_equal(count(g, RING_TX_BAD_SLOTS), 2);
}

struct bad_row {
	const char *what;
	unsigned first_size, first_off, first_flags;
	unsigned frag_size, frag_off;
	enum ring_count why;
};

static void tx_bad_packets(void **state)
{
	static const struct bad_row row[] = {
		{ "13 bytes", 13, 0, 0, 0, 0, RING_TX_SHORT },
		{ "0 bytes", 0, 0, 0, 0, 0, RING_TX_SHORT },
		{ "first piece 13", 113, 0, NETTXF_more_data, 100, 0,
		  RING_TX_SHORT },
		{ "fragment larger than all", 60, 0, NETTXF_more_data, 61, 0,
		  RING_TX_BAD_SIZE },
		{ "csum_blank of no protocol", 60, 0, NETTXF_csum_blank, 0, 0,
		  RING_TX_BAD_OFFLOAD },
	};
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];
	unsigned i;

	fill(page_of(g, DATA_PAGE), 200, 1);
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		uint32_t at = g->tx->req_prod;

		tx_slot(g, ref_of(DATA_PAGE), row[i].first_off,
			row[i].first_size, row[i].first_flags, i);
		if (row[i].first_flags & NETTXF_more_data)
			tx_slot(g, ref_of(DATA_PAGE), row[i].frag_off,
				row[i].frag_size, 0, i);
		assert_int_equal(pull_all(g, v), 0);
		assert_int_equal(ring_flush(g->ring), 0);
		assert_int_equal(g->tx->rsp_prod, g->tx->req_prod);
		assert_int_equal(tx_rsp(g, at)->status, NETIF_RSP_ERROR);
		assert_true(count(g, row[i].why) > 0);
	}
}

static void tx_bad_grants(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];

	fill(page_of(g, DATA_PAGE), 200, 1);
	g->gtab[ref_of(DATA_PAGE + 1)].flags = 0;
	g->gtab[ref_of(DATA_PAGE + 2)].domid = 5;
	guest_grant(g, DATA_PAGE + 3, GTF_permit_access | GTF_readonly);
	tx_slot(g, ref_of(DATA_PAGE + 1), 0, 60, 0, 0);
	tx_slot(g, ref_of(DATA_PAGE + 2), 0, 60, 0, 1);
	tx_slot(g, ref_of(DATA_PAGE + 3), 0, 60, 0, 2); /* we only read it */
	tx_slot(g, GRANTS, 0, 60, 0, 3);
	tx_slot(g, UINT32_MAX, 0, 60, 0, 4);
	assert_int_equal(pull_all(g, v), 1);
	put_all(v, 1);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(tx_rsp(g, 0)->status, NETIF_RSP_ERROR);
	assert_int_equal(tx_rsp(g, 1)->status, NETIF_RSP_ERROR);
	assert_int_equal(tx_rsp(g, 2)->status, NETIF_RSP_OKAY);
	assert_int_equal(tx_rsp(g, 3)->status, NETIF_RSP_ERROR);
	assert_int_equal(tx_rsp(g, 4)->status, NETIF_RSP_ERROR);
	assert_int_equal(count(g, RING_TX_BAD_GRANT), 4);
}

/* What makes no sense of the ring as a whole. */
static void tx_fatal(struct guest *g, unsigned how)
{
	unsigned k;

	switch (how) {
	case 0: /* more than a ring holds */
		g->tx->req_prod = g->tx->rsp_prod + 257;
		return;
	case 1: /* extras promised, not there */
		tx_slot(g, ref_of(DATA_PAGE), 0, 60, NETTXF_extra_info, 0);
		return;
	case 2: /* more data promised, not there */
		tx_slot(g, ref_of(DATA_PAGE), 0, 60, NETTXF_more_data, 0);
		return;
	case 3:
	case 4: /* extra of no known type */
		tx_slot(g, ref_of(DATA_PAGE), 0, 60, NETTXF_extra_info, 0);
		tx_extra(g, how == 3 ? 0 : 6, 0, 0, 0);
		return;
	case 5: /* first slot crosses the page */
		tx_slot(g, ref_of(DATA_PAGE), 4050, 60, 0, 0);
		return;
	case 6: /* a fragment crosses it */
		tx_slot(g, ref_of(DATA_PAGE), 0, 160, NETTXF_more_data, 0);
		tx_slot(g, ref_of(DATA_PAGE), 4050, 60, 0, 0);
		return;
	case 7: /* 22 slots */
		for (k = 0; k < 22; k++)
			tx_slot(g, ref_of(DATA_PAGE), 0, k ? 1 : 200,
				k < 21 ? NETTXF_more_data : 0, 0);
		return;
	case 8:
	case 9: /* GSO of size 0, of no known type */
		tx_slot(g, ref_of(DATA_PAGE), 0, 60,
			NETTXF_extra_info | NETTXF_csum_blank, 0);
		tx_extra(g, XEN_NETIF_EXTRA_TYPE_GSO, 0, how == 8 ? 1 : 3,
			 how == 8 ? 0 : 1448);
		return;
	case 10: /* extras without end */
		tx_slot(g, ref_of(DATA_PAGE), 0, 60, NETTXF_extra_info, 0);
		for (k = 0; k < 255; k++)
			tx_extra(g, XEN_NETIF_EXTRA_TYPE_HASH,
				 XEN_NETIF_EXTRA_FLAG_MORE, 0, 0);
		return;
	default:
		fail();
	}
}

static void tx_broken_protocol(void **state)
{
	struct frame *v[FRAME_BURST];
	unsigned how;

	(void)state;
	for (how = 0; how <= 2 * 10 + 1; how++) {
		void *own;

		setup_guest(&own, how & 1);
		tx_fatal(own, how / 2);
		assert_int_equal(
			ring_pull(((struct guest *)own)->ring, v, FRAME_BURST),
			-EPROTO);
		teardown(&own);
	}
}

static void tx_extras_are_answered_null(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];

	fill(page_of(g, DATA_PAGE), 100, 1);
	tx_slot(g, ref_of(DATA_PAGE), 0, 60,
		NETTXF_extra_info | NETTXF_more_data, 7);
	tx_extra(g, XEN_NETIF_EXTRA_TYPE_HASH, XEN_NETIF_EXTRA_FLAG_MORE, 0, 0);
	tx_extra(g, XEN_NETIF_EXTRA_TYPE_MAX, 0, 0, 0);
	tx_slot(g, ref_of(DATA_PAGE), 60, 10, 0, 8);
	/* a multicast message: a dummy without grant or size */
	tx_slot(g, 0, 0, 0, NETTXF_extra_info, 9);
	tx_extra(g, XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 0, 0, 0);
	assert_int_equal(pull_all(g, v), 1);
	put_all(v, 1);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(g->tx->rsp_prod, 6);
	assert_int_equal(tx_rsp(g, 0)->status, NETIF_RSP_OKAY);
	assert_int_equal(tx_rsp(g, 1)->status, NETIF_RSP_NULL);
	assert_int_equal(tx_rsp(g, 2)->status, NETIF_RSP_NULL);
	assert_int_equal(tx_rsp(g, 3)->status, NETIF_RSP_OKAY);
	assert_int_equal(tx_rsp(g, 3)->id, 8);
	assert_int_equal(tx_rsp(g, 4)->status, NETIF_RSP_OKAY);
	assert_int_equal(tx_rsp(g, 5)->status, NETIF_RSP_NULL);
}

static void tx_gso(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];

	tcp4(page_of(g, DATA_PAGE), 4000);
	tx_slot(g, ref_of(DATA_PAGE), 0, 4000,
		NETTXF_extra_info | NETTXF_csum_blank | NETTXF_data_validated,
		0);
	tx_extra(g, XEN_NETIF_EXTRA_TYPE_GSO, 0, XEN_NETIF_GSO_TYPE_TCPV4,
		 1448);
	/* 9000 on an mtu of 1500: refused, not fatal (CVE-2018-1000026) */
	tx_slot(g, ref_of(DATA_PAGE), 0, 4000,
		NETTXF_extra_info | NETTXF_csum_blank, 1);
	tx_extra(g, XEN_NETIF_EXTRA_TYPE_GSO, 0, XEN_NETIF_GSO_TYPE_TCPV4,
		 9000);
	/* says IPv6, is IPv4 */
	tx_slot(g, ref_of(DATA_PAGE), 0, 4000,
		NETTXF_extra_info | NETTXF_csum_blank, 2);
	tx_extra(g, XEN_NETIF_EXTRA_TYPE_GSO, 0, XEN_NETIF_GSO_TYPE_TCPV6,
		 1428);
	assert_int_equal(pull_all(g, v), 1);
	assert_int_equal(v[0]->gso_type, FRAME_GSO_TCPV4);
	assert_int_equal(v[0]->gso_size, 1448);
	assert_int_equal(v[0]->csum_start, 34);
	assert_int_equal(v[0]->csum_off, 16);
	assert_int_equal(v[0]->hdr_len, 54);
	put_all(v, 1);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(tx_rsp(g, 0)->status, NETIF_RSP_OKAY);
	assert_int_equal(tx_rsp(g, 2)->status, NETIF_RSP_ERROR);
	assert_int_equal(tx_rsp(g, 4)->status, NETIF_RSP_ERROR);
	assert_int_equal(count(g, RING_TX_BAD_OFFLOAD), 2);
}

/* 1000 times around the ring, in uneven batches. */
static void tx_wraps(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];
	uint32_t sent = 0, seen = 0;

	fill(page_of(g, DATA_PAGE), 100, 1);
	while (seen < 256 * 1000) {
		unsigned n = 1 + sent % 97, k;

		for (k = 0; k < n && sent - seen < 256; k++, sent++)
			tx_slot(g, ref_of(DATA_PAGE), 0, 64, 0, sent & 0xffff);
		k = pull_all(g, v);
		put_all(v, k);
		assert_int_equal(ring_flush(g->ring), 0);
		for (; seen != g->tx->rsp_prod; seen++)
			assert_int_equal(tx_rsp(g, seen)->id, seen & 0xffff);
		g->tx->rsp_event = seen + 1;
	}
	assert_int_equal(count(g, RING_TX_FRAMES), seen);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(tx_one),
		T(tx_scattered),
		T(tx_slot_limits),
		T(tx_bad_packets),
		T(tx_bad_grants),
		cmocka_unit_test(tx_broken_protocol),
		T(tx_extras_are_answered_null),
		T(tx_gso),
		T(tx_wraps),
	};

	return cmocka_run_group_tests_name("ring_tx", tests, NULL, NULL);
}
