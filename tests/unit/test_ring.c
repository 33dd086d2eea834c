// SPDX-License-Identifier: GPL-2.0-or-later
/* test_ring.c - TX, RX and the journal against a guest played by hand
 *
 * The guest here writes slots, indices and grant entries one by one, so that it
 * can also lie. Both sides run in this process, over hv_local.
 */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>
#include <xen/grant_table.h>
#include <xen/io/netif.h>

#include <cmocka.h>

#include "base/num.h"
#include "frame.h"
#include "hv.h"
#include "ring.h"
#include "survive.h"

enum {
	PAGES = 700,
	GRANTS = 1024,
	TX_PAGE = 2, /* the grant table takes pages 0 and 1 */
	RX_PAGE = 3,
	DATA_PAGE = 4,
	REF = 8, /* grant REF + n is page n */
	EPOCH = 77,
};

struct guest {
	int memfd, keepfd, bell[2], rang[2];
	uint8_t *mem;
	struct grant_entry_v1 *gtab;
	struct netif_tx_sring *tx;
	struct netif_rx_sring *rx;
	struct hv *hv;
	struct survive *keep;
	struct frame_pool *pool;
	struct ring *ring;
	struct ring_conf conf;
	uint64_t counts[RING_COUNTS];
};

static uint32_t ref_of(unsigned page)
{
	return REF + page;
}

static uint8_t *page_of(struct guest *g, unsigned page)
{
	return g->mem + (size_t)page * HV_PAGE;
}

static void guest_grant(struct guest *g, unsigned page, uint16_t flags)
{
	g->gtab[ref_of(page)] = (struct grant_entry_v1){ .flags = flags,
							 .domid = 0,
							 .frame = page };
}

static void guest_memory(struct guest *g)
{
	unsigned i;

	g->memfd = memfd_create("guest", MFD_ALLOW_SEALING | MFD_CLOEXEC);
	assert_true(g->memfd >= 0);
	assert_int_equal(ftruncate(g->memfd, PAGES * HV_PAGE), 0);
	assert_int_equal(
		fcntl(g->memfd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL), 0);
	g->mem = mmap(NULL, PAGES * HV_PAGE, PROT_READ | PROT_WRITE, MAP_SHARED,
		      g->memfd, 0);
	assert_true(g->mem != MAP_FAILED);
	g->gtab = (void *)g->mem;
	for (i = 2; i < PAGES; i++)
		guest_grant(g, i, GTF_permit_access);
	g->tx = (void *)page_of(g, TX_PAGE);
	g->rx = (void *)page_of(g, RX_PAGE);
	g->tx->req_event = g->tx->rsp_event = 1;
	g->rx->req_event = g->rx->rsp_event = 1;
}

/* Opens the backend's side; twice = another worker takes over. */
static int backend_open(struct guest *g, uint64_t epoch)
{
	struct hv_local l = { .size = PAGES * HV_PAGE, .grants = GRANTS };
	int i;

	assert_int_equal(hv_local_open(&g->hv, &l, dup(g->memfd)), 0);
	for (i = 0; i < 2; i++)
		assert_int_equal(hv_local_port(g->hv, (uint32_t)i,
					       dup(g->bell[i]),
					       dup(g->rang[i])),
				 0);
	assert_int_equal(frame_pool_open(&g->pool, FRAME_BURST + 2, true), 0);
	assert_true(survive_open(&g->keep, g->keepfd, 1, epoch) >= 0);
	g->conf.hv = g->hv;
	g->conf.pool = g->pool;
	g->conf.keep = &g->keep->q[0];
	g->conf.counts = g->counts;
	return ring_open(&g->ring, &g->conf);
}

static void backend_close(struct guest *g)
{
	ring_close(g->ring);
	hv_close(g->hv);
	survive_close(g->keep);
	frame_pool_close(g->pool);
	g->ring = NULL;
}

/* A worker killed: nothing is unmapped in order, the file stays. */
static void backend_again(struct guest *g)
{
	backend_close(g);
	assert_int_equal(backend_open(g, EPOCH), 0);
}

static int setup(void **state)
{
	struct guest *g = calloc(1, sizeof(*g));
	int i;

	assert_int_equal(hv_init(), 0);
	guest_memory(g);
	g->keepfd = memfd_create("keep", MFD_CLOEXEC);
	assert_int_equal(ftruncate(g->keepfd, (off_t)survive_size(1)), 0);
	for (i = 0; i < 2; i++) {
		g->bell[i] = eventfd(0, EFD_NONBLOCK);
		g->rang[i] = eventfd(0, EFD_NONBLOCK);
	}
	g->conf.names = (struct ring_names){ ref_of(TX_PAGE), ref_of(RX_PAGE),
					     0, 1 };
	g->conf.features = (struct ring_features){ true, true, true,
						   true, true, true };
	g->conf.mtu = 1500;
	assert_int_equal(backend_open(g, EPOCH), 0);
	*state = g;
	return 0;
}

static int teardown(void **state)
{
	struct guest *g = *state;
	int i;

	backend_close(g);
	munmap(g->mem, PAGES * HV_PAGE);
	for (i = 0; i < 2; i++) {
		close(g->bell[i]);
		close(g->rang[i]);
	}
	close(g->memfd);
	close(g->keepfd);
	free(g);
	return 0;
}

/* --- the guest's moves ------------------------------------------------------*/

static void tx_slot(struct guest *g, uint32_t ref, unsigned off, unsigned size,
		    unsigned flags, unsigned id)
{
	struct netif_tx_request *q = &g->tx->ring[g->tx->req_prod % 256].req;

	*q = (struct netif_tx_request){ .gref = ref,
					.offset = (uint16_t)off,
					.flags = (uint16_t)flags,
					.id = (uint16_t)id,
					.size = (uint16_t)size };
	g->tx->req_prod++;
}

static void tx_extra(struct guest *g, unsigned type, unsigned flags,
		     unsigned gso_type, unsigned gso_size)
{
	struct netif_extra_info *x =
		(void *)&g->tx->ring[g->tx->req_prod % 256].req;

	memset(x, 0, sizeof(*x));
	x->type = (uint8_t)type;
	x->flags = (uint8_t)flags;
	x->u.gso.type = (uint8_t)gso_type;
	x->u.gso.size = (uint16_t)gso_size;
	g->tx->req_prod++;
}

static struct netif_tx_response *tx_rsp(struct guest *g, uint32_t i)
{
	return &g->tx->ring[i % 256].rsp;
}

static void rx_post(struct guest *g, unsigned first, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		struct netif_rx_request *q =
			&g->rx->ring[g->rx->req_prod % 256].req;

		*q = (struct netif_rx_request){ .id = (uint16_t)(1000 + first +
								 i),
						.gref = ref_of(first + i) };
		g->rx->req_prod++;
	}
}

static struct netif_rx_response *rx_rsp(struct guest *g, uint32_t i)
{
	return &g->rx->ring[i % 256].rsp;
}

static unsigned bells(struct guest *g, int i)
{
	eventfd_t n = 0;

	if (eventfd_read(g->rang[i], &n))
		return 0;
	return (unsigned)n;
}

static uint64_t count(struct guest *g, enum ring_count c)
{
	return g->counts[c];
}

/* A recognisable frame of n bytes in page p. */
static void fill(uint8_t *p, unsigned n, unsigned seed)
{
	unsigned i;

	for (i = 0; i < n; i++)
		p[i] = (uint8_t)(seed + i * 7);
	if (n >= 14)
		memcpy(p + 12, "\x88\xb5", 2); /* local experimental */
}

static unsigned pull_all(struct guest *g, struct frame **v)
{
	int n = ring_pull(g->ring, v, FRAME_BURST);

	assert_true(n >= 0);
	return (unsigned)n;
}

static void put_all(struct frame **v, unsigned n)
{
	while (n)
		frame_put(v[--n]);
}

/* --- TX ---------------------------------------------------------------------*/

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
	for (how = 0; how <= 10; how++) {
		void *own;

		setup(&own);
		tx_fatal(own, how);
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
	assert_int_equal(tx_rsp(g, 4)->status, NETIF_RSP_ERROR);
	assert_int_equal(tx_rsp(g, 5)->status, NETIF_RSP_NULL);
}

/* TCP over IPv4 at p, n bytes in all. */
static void tcp4(uint8_t *p, unsigned n)
{
	static const uint8_t head[] = { 2,  0,	  0,	0,  0,	1,    2, 0, 0,
					0,  0,	  2,	8,  0,	0x45, 0, 0, 0,
					0,  1,	  0x40, 0,  64, 6,    0, 0, 10,
					0,  0,	  1,	10, 0,	0,    2, 4, 0,
					20, 81,	  0,	0,  0,	1,    0, 0, 0,
					1,  0x50, 16,	1,  0,	0,    0, 0, 0 };
	unsigned i;

	memcpy(p, head, sizeof(head));
	p[16] = (uint8_t)((n - 14) >> 8);
	p[17] = (uint8_t)(n - 14);
	for (i = sizeof(head); i < n; i++)
		p[i] = (uint8_t)(i * 13);
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

/* --- RX ---------------------------------------------------------------------*/

static struct frame *make(struct guest *g, unsigned len, unsigned seed)
{
	struct frame *f = frame_get(g->pool);
	uint8_t *all = malloc(len);

	fill(all, len, seed);
	f->len = len;
	f->head_len = (uint16_t)(len < FRAME_HEAD ? len : FRAME_HEAD);
	f->flags = 0;
	f->gso_type = 0;
	f->nseg = len > FRAME_HEAD;
	memcpy(f->head, all, f->head_len);
	if (f->nseg) {
		memcpy(f->body, all + FRAME_HEAD, len - FRAME_HEAD);
		f->seg[0] = (struct frame_seg){ f->body, len - FRAME_HEAD };
	}
	free(all);
	return f;
}

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
	/* the bytes of slot 2 follow those of slot 0 */
	assert_int_equal(page_of(g, DATA_PAGE + 2)[0], (uint8_t)(5 + 4096 * 7));
}

/* lend, fill by hand, settle: the same bytes as push would give. */
static void rx_lend_equals_push(void **state)
{
	static const unsigned len[] = { 14,   60,   256,  257,
					4096, 4097, 9014, 65535 };
	struct guest *g = *state;
	uint32_t at = 0;
	unsigned i, k;

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
	assert_int_equal(ring_lend(g->ring, l), -ENOBUFS);
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
	assert_int_equal(ring_lend(g->ring, f), -EACCES);
	frame_put(f);
	f = make(g, 9000, 1);
	assert_int_equal(ring_push(g->ring, &f, 1), 0);
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

/* --- bells ------------------------------------------------------------------*/

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

/* --- the journal ------------------------------------------------------------*/

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

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

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
		T(rx_sizes),
		T(rx_gso_has_an_extra),
		T(rx_lend_equals_push),
		T(rx_lend_bytes),
		T(rx_without_room),
		T(rx_bad_grant),
		T(rx_wild_producer),
		T(bells_only_when_asked),
		T(arm_sees_what_came_before),
		T(arm_for_room),
		T(one_bell_for_one_channel),
		T(journal_replays),
		T(journal_before_intent),
		T(journal_ends_with_its_epoch),
		T(resume_does_not_trust_the_page),
		T(adoption_bells),
		T(survive_versions),
		T(survive_counts),
		T(open_refuses),
	};

	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
