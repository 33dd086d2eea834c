// SPDX-License-Identifier: GPL-2.0-or-later
/* test_ring_rx.c - what a guest is given */
#include "ring_guest.h"

/* Responses [at..) hold exactly this frame; returns slots. */
static unsigned rx_expect(struct guest *g, uint32_t at, unsigned len,
			  unsigned seed, bool extra)
{
	uint8_t *all = malloc(len);
	unsigned i = 0, got = 0;

	fill(all, len, seed);
	for (;;) {
		struct netif_rx_response *s = rx_rsp(g, at + i);
		unsigned page = s->id - 1000u;

		assert_int_equal(s->id, 1000 + DATA_PAGE + at + i);
		assert_int_equal(s->offset, 0);
		assert_true(s->status > 0 && s->status <= HV_PAGE);
		assert_true(got + (unsigned)s->status <= len);
		assert_memory_equal(page_of(g, page), all + got, s->status);
		got += (unsigned)s->status;
		if (!i)
			assert_int_equal(!!(s->flags & NETRXF_extra_info),
					 extra);
		i++;
		if (extra && i == 1)
			i++;
		if (!(s->flags & NETRXF_more_data))
			break;
	}
	assert_int_equal(got, len);
	free(all);
	return i;
}

static void rx_sizes(void **state)
{
	static const unsigned len[] = { 14,   60,   256,  257,	4095,
					4096, 4097, 8192, 9014, 65535 };
	struct guest *g = *state;
	uint32_t at = 0;
	unsigned i;

	rx_post(g, DATA_PAGE, 256);
	for (i = 0; i < ARRAY_SIZE(len); i++) {
		struct frame *f = make(g, len[i], i);

		assert_int_equal(ring_push(g->ring, &f, 1), 1);
		assert_int_equal(g->rx->rsp_prod, at); /* not before flush */
		assert_int_equal(ring_flush(g->ring), 0);
		at += rx_expect(g, at, len[i], i, false);
		assert_int_equal(g->rx->rsp_prod, at);
	}
	assert_int_equal(bells(g, 1), 1); /* rsp_event was 1: asked once */
	assert_int_equal(bells(g, 0), 0);
}

static void rx_gso_has_an_extra(void **state)
{
	struct guest *g = *state;
	struct netif_extra_info *x;
	uint8_t all[9000];
	struct frame *f;

	rx_post(g, DATA_PAGE, 20);
	f = make(g, 9000, 5);
	tcp4(f->head, FRAME_HEAD);
	f->head[16] = (uint8_t)(8986 >> 8);
	f->head[17] = (uint8_t)(8986 & 255);
	f->flags = FRAME_CSUM_BLANK;
	f->csum_start = 34;
	f->csum_off = 16;
	f->gso_type = FRAME_GSO_TCPV4;
	f->gso_size = 1448;
	assert_int_equal(ring_push(g->ring, &f, 1), 1);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(g->rx->rsp_prod, 4);
	assert_int_equal(rx_rsp(g, 0)->flags,
			 NETRXF_csum_blank | NETRXF_data_validated |
				 NETRXF_extra_info | NETRXF_more_data);
	x = (void *)rx_rsp(g, 1);
	assert_int_equal(x->type, XEN_NETIF_EXTRA_TYPE_GSO);
	assert_int_equal(x->flags, 0);
	assert_int_equal(x->u.gso.size, 1448);
	assert_int_equal(x->u.gso.type, XEN_NETIF_GSO_TYPE_TCPV4);
	assert_int_equal(rx_rsp(g, 2)->status, 4096);
	assert_int_equal(rx_rsp(g, 3)->status, 9000 - 8192);
	assert_int_equal(rx_rsp(g, 3)->flags, 0);
	/* the bytes of slot 2 follow those of slot 0, those of 3 follow them */
	fill(all, sizeof(all), 5);
	assert_memory_equal(page_of(g, DATA_PAGE + 2), all + 4096, 4096);
	assert_memory_equal(page_of(g, DATA_PAGE + 3), all + 8192, 9000 - 8192);
}

/* A provider that copies; then frames go by push. */
static bool lends_nothing(struct guest *g)
{
	struct frame *f = frame_get(g->pool);

	if (g->copies)
		assert_int_equal(ring_lend(g->ring, f), -EOPNOTSUPP);
	frame_put(f);
	return g->copies;
}

/* lend, fill by hand, settle: the same bytes as push would give. */
static void rx_lend_equals_push(void **state)
{
	static const unsigned len[] = { 14,   60,   256,  257,
					4096, 4097, 9014, 65535 };
	struct guest *g = *state;
	uint32_t at = 0;
	unsigned i, k;

	if (lends_nothing(g))
		return;
	for (i = 0; i < ARRAY_SIZE(len); i++) {
		struct frame *f = frame_get(g->pool);
		uint8_t *all = malloc(len[i]), *p = all;
		unsigned left = len[i];

		rx_post(g, DATA_PAGE + (g->rx->req_prod & 255),
			256 - (g->rx->req_prod - at));
		fill(all, len[i], i);
		assert_int_equal(ring_lend(g->ring, f), 0);
		f->head_len = (uint16_t)(left < FRAME_HEAD ? left : FRAME_HEAD);
		memcpy(f->head, p, f->head_len);
		left -= f->head_len;
		p += f->head_len;
		for (k = 0; left; k++) {
			unsigned n = f->seg[k].len < left ? f->seg[k].len
							  : left;

			assert_true(k < f->nseg);
			memcpy(f->seg[k].base, p, n);
			left -= n;
			p += n;
		}
		f->len = len[i];
		f->flags = 0;
		f->gso_type = 0;
		assert_int_equal(ring_settle(g->ring, f), 1);
		frame_put(f);
		assert_int_equal(ring_flush(g->ring), 0);
		for (k = 0; k < g->rx->rsp_prod - at; k++)
			rx_rsp(g, at + k)->id = (uint16_t)(1000 + DATA_PAGE +
							   at + k);
		at = g->rx->rsp_prod;
		free(all);
	}
	assert_int_equal(count(g, RING_RX_FRAMES), ARRAY_SIZE(len));
}

static void rx_lend_bytes(void **state)
{
	struct guest *g = *state;
	struct frame *f = frame_get(g->pool);
	uint8_t all[9014];
	unsigned at = FRAME_HEAD, k;

	if (lends_nothing(g)) {
		frame_put(f);
		return;
	}
	rx_post(g, DATA_PAGE, 40);
	fill(all, sizeof(all), 4);
	assert_int_equal(ring_lend(g->ring, f), 0);
	memcpy(f->head, all, FRAME_HEAD);
	for (k = 0; at < sizeof(all); k++) {
		unsigned n = sizeof(all) - at;

		if (n > f->seg[k].len)
			n = f->seg[k].len;
		memcpy(f->seg[k].base, all + at, n);
		at += n;
	}
	f->len = sizeof(all);
	f->head_len = FRAME_HEAD;
	f->flags = f->gso_type = 0;
	assert_int_equal(ring_settle(g->ring, f), 1);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(rx_expect(g, 0, sizeof(all), 4, false), 3);
	/* returned room is lent again: the same page, no slot lost */
	assert_int_equal(ring_lend(g->ring, f), 0);
	assert_ptr_equal(f->head + 0, f->head);
	f->len = 0;
	assert_int_equal(ring_settle(g->ring, f), 0);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(g->rx->rsp_prod, 3);
	frame_put(f);
}

static void rx_without_room(void **state)
{
	struct guest *g = *state;
	struct frame *f = make(g, 9000, 1), *l = frame_get(g->pool);

	rx_post(g, DATA_PAGE, 2);
	assert_int_equal(ring_lend(g->ring, l),
			 g->copies ? -EOPNOTSUPP : -ENOBUFS);
	assert_int_equal(ring_push(g->ring, &f, 1), 0);
	assert_int_equal(count(g, RING_RX_NO_ROOM), 1);
	f = make(g, 100, 1);
	assert_int_equal(ring_push(g->ring, &f, 1), 1);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(g->rx->rsp_prod, 1);
	frame_put(l);
}

static void rx_bad_grant(void **state)
{
	struct guest *g = *state;
	struct frame *f = frame_get(g->pool);

	guest_grant(g, DATA_PAGE + 1, GTF_permit_access | GTF_readonly);
	rx_post(g, DATA_PAGE, 40);
	assert_int_equal(ring_lend(g->ring, f),
			 g->copies ? -EOPNOTSUPP : -EACCES);
	frame_put(f);
	f = make(g, 9000, 1);
	/* a copy that waits for flush counts as taken */
	assert_int_equal(ring_push(g->ring, &f, 1), g->copies);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(g->rx->rsp_prod, 3);
	assert_int_equal(rx_rsp(g, 0)->status, 4096);
	assert_int_equal(rx_rsp(g, 1)->status, NETIF_RSP_ERROR);
	assert_true(rx_rsp(g, 1)->flags & NETRXF_more_data);
	assert_int_equal(rx_rsp(g, 2)->status, 9000 - 8192);
	assert_int_equal(count(g, RING_RX_BAD_GRANT), 1);
}

static void rx_wild_producer(void **state)
{
	struct guest *g = *state;
	struct frame *f = make(g, 100, 1);

	g->rx->req_prod = 257;
	assert_int_equal(ring_room(g->ring), -EPROTO);
	assert_int_equal(ring_push(g->ring, &f, 1), -EPROTO);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		T(rx_sizes),
		T(rx_gso_has_an_extra),
		T(rx_lend_equals_push),
		T(rx_lend_bytes),
		T(rx_without_room),
		T(rx_bad_grant),
		T(rx_wild_producer),
	};

	return cmocka_run_group_tests_name("ring_rx", tests, NULL, NULL);
}
