// SPDX-License-Identifier: GPL-2.0-or-later
/* test_ring_copy.c - a guest that cannot be mapped: how many copies, and which
 * of them fail
 *
 * Stands between the ring and hv_local: counts calls of hv_copy, and lets a
 * chosen piece of the next call fail as a hypervisor would.
 */
#include <stdlib.h>

#include "ring_guest.h"

#include "hv/hv_ops.h"

static struct {
	const struct hv_ops *below;
	struct hv_ops ops;
	unsigned calls, pieces, crossed; /* pieces over a border of our pages */
	int bad;			 /* piece to fail, or -1 */
	int dead; /* the call after this many fails whole; -1 = never */
} between;

static int between_copy(struct hv *hv, enum hv_dir dir, struct hv_seg *v,
			unsigned n)
{
	struct hv_seg keep;
	unsigned i;
	int rc;

	between.calls++;
	between.pieces += n;
	for (i = 0; i < n; i++)
		between.crossed += (uintptr_t)v[i].local % HV_PAGE + v[i].len >
				   HV_PAGE;
	if (between.dead >= 0 && between.dead-- == 0)
		return -EFAULT;
	if (between.bad < 0 || between.bad >= (int)n)
		return between.below->copy(hv, dir, v, n);
	keep = v[between.bad];
	v[between.bad].ref = UINT32_MAX;
	rc = between.below->copy(hv, dir, v, n);
	keep.status = v[between.bad].status;
	v[between.bad] = keep;
	return rc;
}

static void stand_between(struct guest *g)
{
	between.below = g->hv->ops;
	between.ops = *g->hv->ops;
	between.ops.copy = between_copy;
	between.calls = between.pieces = between.crossed = 0;
	between.bad = between.dead = -1;
	g->hv->ops = &between.ops;
}

static int setup_between(void **state)
{
	setup_guest(state, true);
	stand_between(*state);
	return 0;
}

/* A whole burst either way is one call. */
static void one_call_a_burst(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];
	unsigned i;

	for (i = 0; i < FRAME_BURST; i++) {
		fill(page_of(g, DATA_PAGE + i), 1514, i);
		tx_slot(g, ref_of(DATA_PAGE + i), 0, 1514, 0, i);
	}
	assert_int_equal(pull_all(g, v), FRAME_BURST);
	assert_int_equal(between.calls, 1);
	assert_int_equal(between.pieces, FRAME_BURST);
	put_all(v, FRAME_BURST);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(between.calls, 1);

	rx_post(g, DATA_PAGE, 64);
	for (i = 0; i < 24; i++) {
		v[0] = make(g, 1514, i);
		assert_int_equal(ring_push(g->ring, v, 1), 1);
	}
	assert_int_equal(between.calls, 1);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(between.calls, 2);
	/* head and body meet: a frame in one page is one piece */
	assert_int_equal(between.pieces, FRAME_BURST + 24);
	assert_int_equal(g->rx->rsp_prod, 24);
	assert_int_equal(count(g, RING_RX_FRAMES), 24);
}

/* Frames wait for flush only as long as there are others to be had. */
static void waits_leave_frames(void **state)
{
	struct guest *g = *state;
	struct frame *v[1];
	unsigned i;

	rx_post(g, DATA_PAGE, 200);
	for (i = 0; i < 200; i++) {
		v[0] = make(g, 60, i);
		assert_int_equal(ring_push(g->ring, v, 1), 1);
		assert_true(frame_pool_free(g->pool) >= FRAME_BURST / 2);
	}
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(g->rx->rsp_prod, 200);
	assert_int_equal(frame_pool_free(g->pool), FRAME_BURST + 2);
}

enum { PACKETS = 3, PER = 3 };

static void send_three(struct guest *g, unsigned turn)
{
	unsigned i, k;

	for (i = 0; i < PACKETS; i++) {
		unsigned page = DATA_PAGE + i * PER;

		for (k = 0; k < PER; k++) {
			fill(page_of(g, page + k), 300, turn + i * PER + k);
			tx_slot(g, ref_of(page + k), 0, k ? 300 : 900,
				k + 1 < PER ? NETTXF_more_data : 0,
				i * PER + k);
		}
	}
}

static void expect_three(struct guest *g, struct frame **v, unsigned turn,
			 int bad)
{
	uint32_t at = g->tx->req_prod - PACKETS * PER;
	uint8_t want[300], got[300];
	unsigned i, k, n = 0;

	for (i = 0; i < PACKETS; i++) {
		int status = bad / PER == (int)i ? NETIF_RSP_ERROR
						 : NETIF_RSP_OKAY;

		for (k = 0; k < PER; k++) {
			assert_int_equal(tx_rsp(g, at + i * PER + k)->status,
					 status);
			if (status)
				continue;
			fill(want, 300, turn + i * PER + k);
			frame_copy_out(v[n], 300 * k, got, 300);
			assert_memory_equal(got, want, 300);
		}
		n += !status;
	}
}

/* Each piece of a burst fails once: its packet is lost, and no other. */
static void tx_each_piece_fails(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];
	int bad;

	for (bad = 0; bad < PACKETS * PER; bad++) {
		between.bad = bad;
		send_three(g, (unsigned)bad);
		assert_int_equal(pull_all(g, v), PACKETS - 1);
		assert_int_equal(ring_flush(g->ring), 0);
		expect_three(g, v, (unsigned)bad, bad);
		put_all(v, PACKETS - 1);
		assert_int_equal(count(g, RING_TX_BAD_GRANT), bad + 1);
	}
	assert_int_equal(frame_pool_free(g->pool), FRAME_BURST + 2);
}

static void rx_each_piece_fails(void **state)
{
	struct guest *g = *state;
	struct frame *v[1];
	int bad;

	for (bad = 0; bad < PACKETS * PER; bad++) {
		uint32_t at = g->rx->rsp_prod;
		unsigned i;

		rx_post(g, DATA_PAGE, PACKETS * PER);
		for (i = 0; i < PACKETS; i++) {
			v[0] = make(g, 9000, i);
			assert_int_equal(ring_push(g->ring, v, 1), 1);
		}
		between.bad = bad;
		assert_int_equal(ring_flush(g->ring), 0);
		for (i = 0; i < PACKETS * PER; i++) {
			struct netif_rx_response *s = rx_rsp(g, at + i);

			assert_int_equal(s->id, 1000 + DATA_PAGE + i);
			assert_int_equal(s->status < 0, (int)i == bad);
			assert_int_equal(!!(s->flags & NETRXF_more_data),
					 i % PER + 1 < PER);
		}
		assert_int_equal(count(g, RING_RX_BAD_GRANT), bad + 1);
		assert_int_equal(count(g, RING_RX_FRAMES),
				 (bad + 1) * (PACKETS - 1));
	}
}

/* The guest's memory goes away in the call: nothing is published, nothing of
 * ours is lost.
 */
static void whole_call_fails(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];

	send_three(g, 0);
	between.dead = 0;
	assert_int_equal(ring_pull(g->ring, v, FRAME_BURST), -EFAULT);
	assert_int_equal(frame_pool_free(g->pool), FRAME_BURST + 2);
	assert_int_equal(g->tx->rsp_prod, 0);

	rx_post(g, DATA_PAGE, 10);
	v[0] = make(g, 9000, 1);
	assert_int_equal(ring_push(g->ring, v, 1), 1);
	between.dead = 0;
	assert_int_equal(ring_flush(g->ring), -EFAULT);
	assert_int_equal(frame_pool_free(g->pool), FRAME_BURST + 2);
	assert_int_equal(g->rx->rsp_prod, 0);
}

/* What waits when the ring is closed goes back to its pool. */
static void close_returns_frames(void **state)
{
	struct guest *g = *state;
	struct frame *v[1];

	rx_post(g, DATA_PAGE, 10);
	v[0] = make(g, 9000, 1);
	assert_int_equal(ring_push(g->ring, v, 1), 1);
	ring_close(g->ring);
	assert_int_equal(frame_pool_free(g->pool), FRAME_BURST + 2);
	g->ring = NULL;
}

/* One packet of n pieces, off[] into their pages; what is pulled is what was sent. */
static void send_and_compare(struct guest *g, unsigned n, const unsigned *off,
			     const unsigned *len)
{
	static uint8_t want[FRAME_MAX], got[FRAME_MAX];
	unsigned i, total = 0;
	struct frame *v[FRAME_BURST];

	for (i = 0; i < n; i++) {
		uint8_t *p = page_of(g, DATA_PAGE + i) + off[i];

		fill(p, len[i], total + i);
		memcpy(want + total, p, len[i]);
		total += len[i];
	}
	for (i = 0; i < n; i++)
		tx_slot(g, ref_of(DATA_PAGE + i), off[i], i ? len[i] : total,
			i + 1 < n ? NETTXF_more_data : 0, i);
	assert_int_equal(pull_all(g, v), 1);
	assert_int_equal(v[0]->len, total);
	frame_copy_out(v[0], 0, got, total);
	assert_memory_equal(got, want, total);
	put_all(v, 1);
	assert_int_equal(ring_flush(g->ring), 0);
}

/* As Linux sends it: headers, then whole pages. And the same way back. */
static void large_packets_go_page_by_page(void **state)
{
	static const unsigned off[16];
	struct guest *g = *state;
	unsigned len[16], i;
	struct frame *f;

	len[0] = 66;
	for (i = 1; i < 16; i++)
		len[i] = HV_PAGE;
	send_and_compare(g, 16, off, len);
	/* 66, then 190 of a page behind them and the rest of it */
	assert_int_equal(between.pieces, 17);
	assert_int_equal(between.crossed, 0);
	rx_post(g, DATA_PAGE, 17);
	f = make(g, 16 * HV_PAGE - 100, 1);
	assert_int_equal(ring_push(g->ring, &f, 1), 1);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(between.pieces, 17 + 16);
	assert_int_equal(between.crossed, 0);
}

/* Whatever its pieces are, also those which leave the most gaps. */
static void any_pieces_arrive(void **state)
{
	unsigned off[RING_TX_SLOTS], len[RING_TX_SLOTS], turn, i, n, total;
	struct guest *g = *state;

	srand(1);
	for (turn = 0; turn < 500; turn++) {
		n = 1 + (unsigned)rand() % RING_TX_SLOTS;
		for (i = 0, total = 0; i < n; i++) {
			unsigned left = FRAME_MAX - (n - i) * 14 - total;

			len[i] = 14 + (unsigned)rand() % (HV_PAGE - 13);
			if (turn % 3 == 0)
				len[i] = HV_PAGE / 2 + 1;
			if (len[i] > left)
				len[i] = 14;
			off[i] = (unsigned)rand() % (HV_PAGE - len[i] + 1);
			if (turn % 3 == 0) /* the most gaps */
				off[i] = i % 2 ? HV_PAGE - len[i] : 0;
			total += len[i];
		}
		send_and_compare(g, n, off, len);
	}
	assert_int_equal(between.crossed, 0);
}

#define TB(name) cmocka_unit_test_setup_teardown(name, setup_between, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TB(one_call_a_burst),
		TB(waits_leave_frames),
		TB(tx_each_piece_fails),
		TB(rx_each_piece_fails),
		TB(whole_call_fails),
		TB(close_returns_frames),
		TB(large_packets_go_page_by_page),
		TB(any_pieces_arrive),
	};

	return cmocka_run_group_tests_name("ring_copy", tests, NULL, NULL);
}
