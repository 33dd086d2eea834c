// SPDX-License-Identifier: GPL-2.0-or-later
/* test_ring_bells.c - when a guest is rung, and when not; what a look shows */
#include <poll.h>

#include "ring/shared.h"
#include "ring_guest.h"

static void bells_only_when_asked(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];

	fill(page_of(g, DATA_PAGE), 100, 1);
	assert_int_equal(ring_flush(g->ring), 0); /* nothing: no bell */
	assert_int_equal(bells(g, 0) + bells(g, 1), 0);
	g->tx->rsp_event = 3; /* half of what is outstanding, as MiniOS */
	tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0, 0);
	put_all(v, pull_all(g, v));
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(bells(g, 0), 0);
	tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0, 0);
	tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0, 0);
	put_all(v, pull_all(g, v));
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(bells(g, 0), 1); /* crossed 3 */
}

static void arm_sees_what_came_before(void **state)
{
	struct guest *g = *state;

	assert_int_equal(ring_arm(g->ring, 0), 0);
	assert_int_equal(g->tx->req_event, 1);
	tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0, 0);
	assert_int_equal(ring_arm(g->ring, 0), 1);
	assert_int_equal(g->rx->req_event, 1);
}

static void arm_for_room(void **state)
{
	struct guest *g = *state;

	assert_int_equal(ring_arm(g->ring, 17), 0);
	assert_int_equal(g->rx->req_event, 17);
	rx_post(g, DATA_PAGE, 16);
	assert_int_equal(ring_arm(g->ring, 17), 0);
	rx_post(g, DATA_PAGE, 1);
	assert_int_equal(ring_arm(g->ring, 17), 1);
}

/* A look leaves no request for a bell behind. */
static void poll_asks_for_no_bell(void **state)
{
	struct guest *g = *state;
	uint32_t tx = g->tx->req_event, rx = g->rx->req_event;

	assert_int_equal(ring_poll(g->ring, 0), 0);
	assert_int_equal(ring_poll(g->ring, 17), 0);
	rx_post(g, DATA_PAGE, 17);
	assert_int_equal(ring_poll(g->ring, 17), 1);
	assert_int_equal(ring_poll(g->ring, 0), 0);
	tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0, 0);
	assert_int_equal(ring_poll(g->ring, 0), 1);
	assert_int_equal(g->tx->req_event, tx);
	assert_int_equal(g->rx->req_event, rx);
	g->tx->req_prod += RING_TX_SIZE;
	assert_int_equal(ring_poll(g->ring, 0), -EPROTO);
}

static bool rung(int fd)
{
	struct pollfd p = { fd, POLLIN, 0 };

	return poll(&p, 1, 0) == 1;
}

static void clear_forgets_one_channel(void **state)
{
	struct guest *g = *state;

	assert_int_equal(eventfd_write(g->bell[0], 1), 0);
	assert_int_equal(eventfd_write(g->bell[1], 1), 0);
	assert_true(rung(ring_fd_tx(g->ring)) && rung(ring_fd_rx(g->ring)));
	ring_clear(g->ring, ring_fd_rx(g->ring));
	assert_true(rung(ring_fd_tx(g->ring)));
	assert_false(rung(ring_fd_rx(g->ring)));
	ring_clear(g->ring, -1);
	assert_false(rung(ring_fd_tx(g->ring)));
}

/* Nobody will ring: the answer says so, and only while something waits. */
static void arm_without_notify(void **state)
{
	struct guest *g = *state;

	backend_close(g);
	g->conf.features.rx_notify = false;
	assert_int_equal(backend_open(g, EPOCH + 1), 0);
	assert_int_equal(ring_arm(g->ring, 0), 0);
	assert_int_equal(ring_arm(g->ring, 17), RING_LOOK);
	rx_post(g, DATA_PAGE, 17);
	assert_int_equal(ring_arm(g->ring, 17), 1);
}

static void one_bell_for_one_channel(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST], *f;

	backend_close(g);
	g->conf.names.rx_port = g->conf.names.tx_port;
	assert_int_equal(backend_open(g, EPOCH + 1), 0);
	fill(page_of(g, DATA_PAGE), 100, 1);
	tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0, 0);
	rx_post(g, DATA_PAGE, 10);
	put_all(v, pull_all(g, v));
	f = make(g, 100, 1);
	assert_int_equal(ring_push(g->ring, &f, 1), 1);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(bells(g, 0), 1);
	assert_int_equal(ring_fd_tx(g->ring), ring_fd_rx(g->ring));
}

/* What `vifctl show ring` says: who waits for whom. */
static void a_look_tells_where_it_stands(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];
	struct ring_look l;

	fill(page_of(g, DATA_PAGE), 100, 1);
	g->tx->rsp_event = 9;
	tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0, 0);
	tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0, 0);
	rx_post(g, DATA_PAGE, 5);
	ring_look(g->ring, &l);
	assert_int_equal(l.tx.req_prod, 2);
	assert_int_equal(l.tx.rsp_event, 9);
	assert_int_equal(l.tx.taken, 0);
	assert_int_equal(l.rx.req_prod, 5);
	put_all(v, pull_all(g, v));
	ring_look(g->ring, &l);
	assert_int_equal(l.tx.taken, 2);
	assert_int_equal(l.tx.staged, 2);
	assert_int_equal(l.tx.answered, 0);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(ring_arm(g->ring, 7), 0);
	ring_look(g->ring, &l);
	assert_int_equal(l.tx.answered, 2);
	assert_int_equal(l.tx.intent, 0);
	assert_int_equal(l.tx.req_event, 3);
	assert_int_equal(l.rx.req_event, 7);
	assert_int_equal(l.rx.taken + l.rx.staged + l.rx.answered, 0);
}

/* Each counter has a name of its own, as JSON and Prometheus take it. */
static void counters_have_names(void **state)
{
	int i, k;

	(void)state;
	for (i = 0; i < RING_COUNTS; i++) {
		const char *a = ring_count_name(i);

		assert_non_null(a);
		assert_int_equal(strspn(a, "abcdefghijklmnopqrstuvwxyz_"),
				 strlen(a));
		assert_true(a[0]);
		for (k = 0; k < i; k++)
			assert_string_not_equal(a, ring_count_name(k));
	}
}

/* Indices that cannot be: who arms sees it, too. */
static void arm_sees_nonsense(void **state)
{
	struct guest *g = *state;

	g->rx->req_prod += 257;
	assert_int_equal(ring_arm(g->ring, 0), 0);
	assert_int_equal(ring_arm(g->ring, 17), -EPROTO);
	assert_int_equal(ring_poll(g->ring, 17), -EPROTO);
	g->tx->req_prod += 257;
	assert_int_equal(ring_arm(g->ring, 0), -EPROTO);
	assert_int_equal(ring_poll(g->ring, 0), -EPROTO);
}

/* Nothing is behind the page any more, as with a broken memory module. */
static void lose(void *page)
{
	int empty = memfd_create("empty", MFD_CLOEXEC);

	assert_int_equal(hv_init(), 0); /* cmocka takes SIGBUS before a test */
	assert_ptr_equal(mmap(page, HV_PAGE, PROT_READ | PROT_WRITE,
			      MAP_SHARED | MAP_FIXED, empty, 0),
			 page);
	close(empty);
}

/* No bell for answers that nobody can read. */
static void a_ring_is_lost(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];

	fill(page_of(g, DATA_PAGE), 100, 1);
	tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0, 0);
	put_all(v, pull_all(g, v));
	lose(g->ring->tx.page);
	assert_int_equal(ring_flush(g->ring), -EFAULT);
	assert_int_equal(bells(g, 0) + bells(g, 1), 0);
	assert_int_equal(count(g, RING_BELLS), 0);
}

/* One that is lost before it is opened is not opened. */
static void a_lost_ring_does_not_open(void **state)
{
	struct guest *g = *state;
	struct ring *r = NULL;
	void *page;

	ring_close(g->ring);
	g->ring = NULL;
	assert_int_equal(hv_map(g->hv, ref_of(RX_PAGE), &page), 0);
	lose(page);
	assert_int_equal(ring_open(&r, &g->conf), -EFAULT);
	assert_null(r);
	hv_unmap(g->hv, page);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(bells_only_when_asked),
		T(arm_sees_what_came_before),
		T(arm_for_room),
		T(arm_without_notify),
		T(poll_asks_for_no_bell),
		T(clear_forgets_one_channel),
		T(one_bell_for_one_channel),
		T(a_look_tells_where_it_stands),
		T(counters_have_names),
		T(arm_sees_nonsense),
		T(a_ring_is_lost),
		T(a_lost_ring_does_not_open),
	};

	return cmocka_run_group_tests_name("ring_bells", tests, NULL, NULL);
}
