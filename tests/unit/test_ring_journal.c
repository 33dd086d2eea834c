// SPDX-License-Identifier: GPL-2.0-or-later
/* test_ring_journal.c - a worker killed at any step of publishing, and the next one */
#include "ring_guest.h"

/* Everything at once: what a guest sees of its TX ring at any kill point. */
static void journal_replays(void **state)
{
	struct guest *g = *state;
	struct survive_ring *k;
	struct frame *v[FRAME_BURST];
	unsigned upto, i;

	/* 4 packets handled; killed having written `upto` of 4 responses */
	for (upto = 0; upto <= 4; upto++) {
		uint32_t at = g->tx->req_prod;

		fill(page_of(g, DATA_PAGE), 100, 1);
		for (i = 0; i < 4; i++)
			tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0, 0x4440 + i);
		put_all(v, pull_all(g, v));
		k = &g->keep->q[0].tx;
		k->to = at + 4;
		k->intent = 1;
		for (i = 0; i < upto; i++)
			memcpy(tx_rsp(g, at + i), &k->staged[(at + i) % 256],
			       4);
		backend_again(g);
		assert_int_equal(g->tx->rsp_prod, at + 4);
		for (i = 0; i < 4; i++) {
			assert_int_equal(tx_rsp(g, at + i)->id, 0x4440 + i);
			assert_int_equal(tx_rsp(g, at + i)->status, 0);
		}
		/* answered once: nothing is pulled again */
		assert_int_equal(pull_all(g, v), 0);
	}
	assert_int_equal(count(g, RING_REPLAYED), 20);
}

/* Killed after the guest saw the answers, before the journal was closed; it filled
 * its ring meanwhile. Old answers may not be written over new requests.
 */
static void journal_leaves_new_requests(void **state)
{
	struct guest *g = *state;
	struct survive_ring *k;
	struct frame *v[FRAME_BURST];
	unsigned i, n;

	for (i = 0; i < 256; i++)
		tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0, i);
	while ((n = pull_all(g, v)))
		put_all(v, n);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(g->tx->rsp_prod, 256);
	k = &g->keep->q[0].tx;
	k->done = 0;
	k->intent = 1;
	for (i = 0; i < 256; i++)
		tx_slot(g, ref_of(DATA_PAGE + 1), 0, 60, 0, 0x7000 + i);
	backend_again(g);
	while ((n = pull_all(g, v)))
		put_all(v, n);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(g->tx->rsp_prod, 512);
	assert_int_equal(count(g, RING_TX_BAD_GRANT), 0);
	for (i = 0; i < 256; i++) {
		assert_int_equal(tx_rsp(g, i)->id, 0x7000 + i);
		assert_int_equal(tx_rsp(g, i)->status, NETIF_RSP_OKAY);
	}
}

/* Killed before the intent: the packets are handled again, none is lost. */
static void journal_before_intent(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];

	fill(page_of(g, DATA_PAGE), 100, 1);
	tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0, 5);
	put_all(v, pull_all(g, v));
	backend_again(g);
	assert_int_equal(g->tx->rsp_prod, 0);
	assert_int_equal(g->tx->ring[0].req.gref, ref_of(DATA_PAGE));
	assert_int_equal(pull_all(g, v), 1);
	put_all(v, 1);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(tx_rsp(g, 0)->id, 5);
}

/* Another connection: no old intent touches the new rings. */
static void journal_ends_with_its_epoch(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];

	fill(page_of(g, DATA_PAGE), 100, 1);
	tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0, 5);
	put_all(v, pull_all(g, v));
	g->keep->q[0].tx.to = 1;
	g->keep->q[0].tx.intent = 1;
	backend_close(g);
	assert_int_equal(backend_open(g, EPOCH + 1), 0);
	assert_int_equal(g->tx->rsp_prod, 0);
	assert_int_equal(g->tx->ring[0].req.gref, ref_of(DATA_PAGE));
	assert_int_equal(count(g, RING_REPLAYED), 0);
}

/* A guest that moves rsp_prod does not move us. */
static void resume_does_not_trust_the_page(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];

	fill(page_of(g, DATA_PAGE), 100, 1);
	tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0, 5);
	put_all(v, pull_all(g, v));
	assert_int_equal(ring_flush(g->ring), 0);
	g->tx->rsp_prod = 0;
	backend_again(g);
	assert_int_equal(pull_all(g, v), 0);
}

/* Adopted: a bell if the guest may still wait, none if it has seen all. */
static void adoption_bells(void **state)
{
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];

	fill(page_of(g, DATA_PAGE), 100, 1);
	tx_slot(g, ref_of(DATA_PAGE), 0, 60, 0, 5);
	put_all(v, pull_all(g, v));
	assert_int_equal(ring_flush(g->ring), 0);
	bells(g, 0);
	backend_again(g); /* published, the bell lost with the worker */
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(bells(g, 0), 1);
	assert_int_equal(bells(g, 1), 0);
	g->tx->rsp_event = 2; /* the guest has seen it and waits for more */
	backend_again(g);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(bells(g, 0), 0);
}

static void survive_versions(void **state)
{
	struct guest *g = *state;
	struct survive *s;

	g->keep->version++;
	assert_int_equal(survive_open(&s, g->keepfd, 1, EPOCH), -ESTALE);
	g->keep->version--;
	assert_int_equal(survive_open(&s, g->keepfd, 2, EPOCH), -ESTALE);
	assert_int_equal(survive_open(&s, g->keepfd, 1, EPOCH), 1);
	survive_close(s);
}

/* What a worker that was taken over leaves to the next: lists whose ends lie beyond
 * them are not believed.
 */
static void survive_lies(void **state)
{
	struct guest *g = *state;
	struct survive_vif *k = &g->keep->vif;
	uint32_t *const end[] = { &k->nmcast, &k->ctrl[0].ngref,
				  &k->ctrl[0].hash_size, &k->ctrl[1].ngref,
				  &k->ctrl[1].hash_size };
	static const uint32_t most[] = { RING_MCAST, RING_GREFS, RING_HASH_MAP,
					 RING_GREFS, RING_HASH_MAP };
	struct survive *s;
	unsigned i;

	for (i = 0; i < 5; i++) {
		k->which = i < 3 ? 2 : UINT32_MAX;
		*end[i] = most[i];
		assert_int_equal(survive_open(&s, g->keepfd, 1, EPOCH), 1);
		survive_close(s);
		*end[i] = most[i] + 1;
		assert_int_equal(survive_open(&s, g->keepfd, 1, EPOCH),
				 -ESTALE);
		*end[i] = UINT32_MAX;
		assert_int_equal(survive_open(&s, g->keepfd, 1, EPOCH),
				 -ESTALE);
		*end[i] = 0;
	}
	/* another connection begins without them: nothing to believe */
	k->nmcast = UINT32_MAX;
	assert_int_equal(survive_open(&s, g->keepfd, 1, EPOCH + 1), 0);
	assert_int_equal(s->vif.nmcast, 0);
	survive_close(s);
}

/* Counters: a whole turn or the one before, whatever the epoch. */
static void survive_counts(void **state)
{
	struct guest *g = *state;
	uint64_t a[3] = { 1, 2, 3 }, b[3] = { 4, 5, 6 }, got[3];

	survive_put(g->keep, a, 3);
	survive_put(g->keep, b, 3);
	survive_get(g->keep, got, 3);
	assert_memory_equal(got, b, sizeof(b));
	/* killed before the flip */
	memcpy(g->keep->counts[!g->keep->which], a, 8);
	backend_close(g);
	assert_int_equal(backend_open(g, EPOCH + 1), 0);
	survive_get(g->keep, got, 3);
	assert_memory_equal(got, b, sizeof(b));
}

static void open_refuses(void **state)
{
	struct guest *g = *state;

	backend_close(g);
	g->conf.names.rx_ref = g->conf.names.tx_ref;
	assert_int_equal(backend_open(g, EPOCH), -EINVAL);
	backend_close(g);
	g->conf.names.rx_ref = ref_of(PAGES); /* not granted */
	assert_int_equal(backend_open(g, EPOCH), -EACCES);
	backend_close(g);
	g->conf.names.rx_ref = ref_of(RX_PAGE);
	g->conf.names.rx_port = 9;
	assert_int_equal(backend_open(g, EPOCH), -ENOENT);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(journal_replays),
		T(journal_leaves_new_requests),
		T(journal_before_intent),
		T(journal_ends_with_its_epoch),
		T(resume_does_not_trust_the_page),
		T(adoption_bells),
		T(survive_versions),
		T(survive_lies),
		T(survive_counts),
		T(open_refuses),
	};

	return cmocka_run_group_tests_name("ring_journal", tests, NULL, NULL);
}
