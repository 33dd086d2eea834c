// SPDX-License-Identifier: GPL-2.0-or-later
/* test_ring_copy.c - a guest that cannot be mapped: how many copies, and which
 * of them fail
 *
 * Stands between the ring and hv_local: counts calls of hv_copy, and lets a
 * chosen piece of the next call fail as a hypervisor would.
 */
#include "ring_guest.h"

#include "hv/hv_ops.h"

static struct {
	const struct hv_ops *below;
	struct hv_ops ops;
	unsigned calls, pieces;
	int bad;  /* piece to fail, or -1 */
	int dead; /* the call after this many fails whole; -1 = never */
} between;

static int between_copy(struct hv *hv, enum hv_dir dir, struct hv_seg *v,
			unsigned n)
{
	struct hv_seg keep;
	int rc;

	between.calls++;
	between.pieces += n;
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
	between.calls = between.pieces = 0;
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

#define TB(name) cmocka_unit_test_setup_teardown(name, setup_between, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TB(one_call_a_burst),	 TB(waits_leave_frames),
		TB(tx_each_piece_fails), TB(rx_each_piece_fails),
		TB(whole_call_fails),	 TB(close_returns_frames),
	};

	return cmocka_run_group_tests_name("ring_copy", tests, NULL, NULL);
}
