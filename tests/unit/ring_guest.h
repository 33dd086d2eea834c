/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ring_guest.h - a guest played by hand, for the tests of the ring room
 *
 * It writes slots, indices and grant entries one by one, so that it can also lie.
 * Both sides run in one process, over hv_local.
 */
#ifndef NETBACK_TESTS_RING_GUEST_H
#define NETBACK_TESTS_RING_GUEST_H

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
	CTRL_PAGE = 690, /* control ring, if there is one */
	LIST_PAGE = 691, /* keys and lists for it */
	REF = 8,	 /* grant REF + n is page n */
	EPOCH = 77,
};

struct guest {
	int memfd, keepfd, bell[3], rang[3];
	uint8_t *mem;
	struct grant_entry_v1 *gtab;
	struct netif_tx_sring *tx;
	struct netif_rx_sring *rx;
	struct hv *hv;
	struct survive *keep;
	struct frame_pool *pool;
	struct ring *ring;
	struct ring_conf conf;
	struct xen_netif_ctrl_sring *ctrl;
	struct ring_vif *vif;
	struct ring_vif_conf vif_conf;
	unsigned posted[256]; /* page of each RX slot */
	uint64_t counts[RING_COUNTS];
	struct frame_pool *lent; /* instead of a pool for each backend */
	bool copies;		 /* a provider that cannot reach */
};

static inline uint32_t ref_of(unsigned page)
{
	return REF + page;
}

static inline uint8_t *page_of(struct guest *g, unsigned page)
{
	return g->mem + (size_t)page * HV_PAGE;
}

static inline void guest_grant(struct guest *g, unsigned page, uint16_t flags)
{
	g->gtab[ref_of(page)] = (struct grant_entry_v1){ .flags = flags,
							 .domid = 0,
							 .frame = page };
}

static inline void guest_memory(struct guest *g)
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
	g->ctrl = (void *)page_of(g, CTRL_PAGE);
	g->ctrl->req_event = g->ctrl->rsp_event = 1;
}

/* Opens the backend's side; twice = another worker takes over. */
static inline int backend_open(struct guest *g, uint64_t epoch)
{
	struct hv_local l = { .size = PAGES * HV_PAGE,
			      .grants = GRANTS,
			      .copies = g->copies };
	int i, rc;

	assert_int_equal(hv_local_open(&g->hv, &l, dup(g->memfd)), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(hv_local_port(g->hv, (uint32_t)i,
					       dup(g->bell[i]),
					       dup(g->rang[i])),
				 0);
	g->pool = g->lent;
	if (!g->pool)
		assert_int_equal(
			frame_pool_open(&g->pool, FRAME_BURST + 2, true), 0);
	assert_true(survive_open(&g->keep, g->keepfd, 1, epoch) >= 0);
	g->vif_conf.hv = g->conf.hv = g->hv;
	g->vif_conf.keep = &g->keep->vif;
	rc = ring_vif_open(&g->vif, &g->vif_conf);
	if (rc)
		return rc;
	g->conf.vif = g->vif;
	g->conf.pool = g->pool;
	g->conf.keep = &g->keep->q[0];
	g->conf.counts = g->counts;
	return ring_open(&g->ring, &g->conf);
}

static inline void backend_close(struct guest *g)
{
	ring_close(g->ring);
	ring_vif_close(g->vif);
	hv_close(g->hv);
	survive_close(g->keep);
	if (!g->lent)
		frame_pool_close(g->pool);
	g->ring = NULL;
	g->vif = NULL;
}

/* A worker killed: nothing is unmapped in order, the file stays. */
static inline void backend_again(struct guest *g)
{
	backend_close(g);
	assert_int_equal(backend_open(g, EPOCH), 0);
}

/* Memory, bells and what it would ask for; nobody serves it yet. */
static inline struct guest *guest_make(bool copies)
{
	struct guest *g = calloc(1, sizeof(*g));
	int i;

	g->copies = copies;
	assert_int_equal(hv_init(), 0);
	guest_memory(g);
	g->keepfd = memfd_create("keep", MFD_CLOEXEC);
	assert_int_equal(ftruncate(g->keepfd, (off_t)survive_size(1)), 0);
	for (i = 0; i < 3; i++) {
		g->bell[i] = eventfd(0, EFD_NONBLOCK);
		g->rang[i] = eventfd(0, EFD_NONBLOCK);
	}
	g->conf.names = (struct ring_names){ ref_of(TX_PAGE), ref_of(RX_PAGE),
					     0, 1 };
	g->conf.features = (struct ring_features){ true, true, true,
						   true, true, true };
	g->conf.mtu = 1500;
	g->vif_conf.queues = 1;
	g->vif_conf.ctrl_ref = ref_of(CTRL_PAGE);
	g->vif_conf.ctrl_port = 2;
	return g;
}

static inline int setup_guest(void **state, bool copies)
{
	struct guest *g = guest_make(copies);

	assert_int_equal(backend_open(g, EPOCH), 0);
	*state = g;
	return 0;
}

static inline int setup(void **state)
{
	return setup_guest(state, false);
}

static inline int setup_copies(void **state)
{
	return setup_guest(state, true);
}

static inline int teardown(void **state)
{
	struct guest *g = *state;
	int i;

	backend_close(g);
	munmap(g->mem, PAGES * HV_PAGE);
	for (i = 0; i < 3; i++) {
		close(g->bell[i]);
		close(g->rang[i]);
	}
	close(g->memfd);
	close(g->keepfd);
	free(g);
	return 0;
}

/* --- the guest's moves ------------------------------------------------------*/

static inline void tx_slot(struct guest *g, uint32_t ref, unsigned off,
			   unsigned size, unsigned flags, unsigned id)
{
	struct netif_tx_request *q = &g->tx->ring[g->tx->req_prod % 256].req;

	*q = (struct netif_tx_request){ .gref = ref,
					.offset = (uint16_t)off,
					.flags = (uint16_t)flags,
					.id = (uint16_t)id,
					.size = (uint16_t)size };
	g->tx->req_prod++;
}

static inline void tx_extra(struct guest *g, unsigned type, unsigned flags,
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

static inline struct netif_tx_response *tx_rsp(struct guest *g, uint32_t i)
{
	return &g->tx->ring[i % 256].rsp;
}

static inline void rx_post(struct guest *g, unsigned first, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++) {
		struct netif_rx_request *q =
			&g->rx->ring[g->rx->req_prod % 256].req;

		*q = (struct netif_rx_request){ .id = (uint16_t)(1000 + first +
								 i),
						.gref = ref_of(first + i) };
		g->posted[g->rx->req_prod % 256] = first + i;
		g->rx->req_prod++;
	}
}

static inline struct netif_rx_response *rx_rsp(struct guest *g, uint32_t i)
{
	return &g->rx->ring[i % 256].rsp;
}

static inline unsigned bells(struct guest *g, int i)
{
	eventfd_t n = 0;

	if (eventfd_read(g->rang[i], &n))
		return 0;
	return (unsigned)n;
}

static inline uint64_t count(struct guest *g, enum ring_count c)
{
	return g->counts[c];
}

/* A recognisable frame of n bytes at p; no two pages of it are alike. */
static inline void fill(uint8_t *p, unsigned n, unsigned seed)
{
	unsigned i;

	for (i = 0; i < n; i++)
		p[i] = (uint8_t)(seed + i * 7 + i / 256 * 3);
	if (n >= 14)
		memcpy(p + 12, "\x88\xb5", 2); /* local experimental */
}

static inline unsigned pull_all(struct guest *g, struct frame **v)
{
	int n = ring_pull(g->ring, v, FRAME_BURST);

	assert_true(n >= 0);
	return (unsigned)n;
}

static inline void put_all(struct frame **v, unsigned n)
{
	while (n)
		frame_put(v[--n]);
}

/* TCP over IPv4 at p, n bytes in all. */
static inline void tcp4(uint8_t *p, unsigned n)
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

/* A frame of the backend's, as a port would hand it over. */
static inline struct frame *make(struct guest *g, unsigned len, unsigned seed)
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

/* Every test twice: guest memory mapped, and by grant copy alone. */
#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, setup, teardown),                \
	{                                                                      \
#name ", copies", name, setup_copies, teardown, NULL           \
	}

#endif
