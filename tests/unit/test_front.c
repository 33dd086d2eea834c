// SPDX-License-Identifier: GPL-2.0-or-later
/* test_front.c - the frontend's rings against a tiny backend, good and bad
 *
 * The backend here is twenty lines: it reads requests raw, copies through hv_local
 * and writes whatever answers a test asks for. What it may not do must be found by
 * the frontend's checks, each by its own counter.
 *
 * long file: one small backend that all of the tests use.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <xen/xen.h>

#include <xen/io/netif.h>

#include "base/num.h"
#include "frame.h"
#include "front/front.h"

enum { BACK = 0, MASK = FRONT_RING - 1, PAGES = 6000, ID_BASE = 0xff80 };

struct both {
	struct front_mem *mem;
	struct front_queue *q;
	struct hv *hv;
	struct netif_tx_sring *txs;
	struct netif_rx_sring *rxs;
	int chan[2];
	uint32_t tx, rx;	  /* answered, not published */
	uint64_t bells, spurious; /* heard while binding */
};

static void both_open_with(struct both *b, const struct front_queue_conf *want)
{
	struct front_mem_conf mc = { PAGES, 1024, BACK };
	struct front_queue_conf qc = *want;
	struct front_channel c[2];
	struct front_names n;
	struct hv_local d;
	unsigned i, k;
	void *p;

	memset(b, 0, sizeof(*b));
	assert_int_equal(front_mem_open(&b->mem, &mc), 0);
	qc.mem = b->mem;
	assert_int_equal(front_queue_open(&b->q, &qc), 0);
	front_mem_describe(b->mem, &d);
	assert_int_equal(hv_local_open(&b->hv, &d, dup(front_mem_fd(b->mem))),
			 0);
	k = front_queue_channels(b->q, c);
	for (i = 0; i < k; i++) {
		assert_int_equal(hv_local_port(b->hv, c[i].port,
					       dup(c[i].from_guest),
					       dup(c[i].to_guest)),
				 0);
		b->chan[i] = hv_bind(b->hv, c[i].port);
		assert_true(b->chan[i] >= 0);
	}
	if (k == 1)
		b->chan[1] = b->chan[0];
	front_queue_names(b->q, &n);
	assert_int_equal(hv_map(b->hv, n.tx_ref, &p), 0);
	b->txs = p;
	assert_int_equal(hv_map(b->hv, n.rx_ref, &p), 0);
	b->rxs = p;
	/* hv_local tries each bell as it takes the port over. */
	front_clear(b->q);
	b->bells = front_counts(b->q)[FRONT_BELLS];
	b->spurious = front_counts(b->q)[FRONT_SPURIOUS];
	assert_int_equal(b->bells, b->spurious);
}

static const struct front_queue_conf both_default = {
	.split = true,
	.first_port = 3,
	.id_base = ID_BASE,
	.rx_buffers = FRONT_RING,
	.rx_slots = FRONT_RX_SLOTS,
	.features = { .sg = true,
		      .gso4 = true,
		      .csum4 = true,
		      .rx_notify = true },
};

static void both_open(struct both *b)
{
	both_open_with(b, &both_default);
}

/* Every test but those about pinned rings ends so: nothing stays in use. */
static void both_close(struct both *b)
{
	hv_unmap(b->hv, b->txs);
	hv_unmap(b->hv, b->rxs);
	assert_int_equal(front_queue_close(b->q), 0);
	hv_close(b->hv);
	front_mem_close(b->mem);
}

static uint64_t count(const struct both *b, enum front_count c)
{
	return front_counts(b->q)[c];
}

static unsigned spurious(const struct both *b)
{
	return (unsigned)(count(b, FRONT_SPURIOUS) - b->spurious);
}

/* Exactly this one was found, once or more, and it has words. */
static void found(const struct both *b, enum front_count c)
{
	unsigned i;

	for (i = FRONT_BAD_FIRST; i < FRONT_COUNTS; i++) {
		if (i == c)
			assert_true(count(b, i) > 0);
		else
			assert_int_equal(count(b, i), 0);
	}
	assert_int_equal(strncmp(front_first_bad(b->q), front_count_name(c),
				 strlen(front_count_name(c))),
			 0);
}

static void clean(const struct both *b)
{
	assert_string_equal(front_first_bad(b->q), "");
	assert_int_equal(front_bad(b->q), 0);
}

/* --- the backend ---------------------------------------------------------- */

/* Publishes; rings as the protocol says. */
static bool back_publish(struct both *b, RING_IDX *prod, const RING_IDX *event,
			 uint32_t to, int chan)
{
	uint32_t old = *prod;

	__atomic_store_n(prod, to, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (to - *event >= to - old)
		return false;
	hv_bell(b->hv, chan);
	return true;
}

static bool back_publish_tx(struct both *b)
{
	return back_publish(b, &b->txs->rsp_prod, &b->txs->rsp_event, b->tx,
			    b->chan[0]);
}

static bool back_publish_rx(struct both *b)
{
	return back_publish(b, &b->rxs->rsp_prod, &b->rxs->rsp_event, b->rx,
			    b->chan[1]);
}

static struct netif_tx_request back_tx(struct both *b)
{
	struct netif_tx_request r;

	memcpy(&r, &b->txs->ring[b->tx & MASK].req, sizeof(r));
	return r;
}

static void back_answer(struct both *b, uint16_t id, int16_t status)
{
	struct netif_tx_response r = { .id = id, .status = status };

	memcpy(&b->txs->ring[b->tx++ & MASK].rsp, &r, sizeof(r));
}

static int back_copy(struct both *b, enum hv_dir dir, uint32_t ref,
		     unsigned off, unsigned len, uint8_t *local)
{
	struct hv_seg s = { .ref = ref,
			    .off = (uint16_t)off,
			    .len = (uint16_t)len,
			    .local = local };

	return hv_copy(b->hv, dir, &s, 1) ? s.status : 0;
}

struct got {
	uint8_t data[65536];
	uint32_t len;
	unsigned slots;
	bool gso;
	struct netif_extra_info extra;
	uint16_t flags;
};

/* Takes one packet as netback does: total in the first slot, extras after it. */
static void back_take(struct both *b, struct got *g)
{
	struct netif_tx_request first = back_tx(b), r = first;
	uint32_t rest = first.size, at, off = 0;
	uint8_t *tail = g->data;

	memset(g, 0, offsetof(struct got, data));
	g->gso = false;
	g->flags = first.flags;
	g->len = first.size;
	g->slots = 1;
	back_answer(b, first.id, NETIF_RSP_OKAY);
	if (first.flags & NETTXF_extra_info) {
		g->gso = true;
		memcpy(&g->extra, &b->txs->ring[b->tx & MASK], 8);
		back_answer(b, 0, NETIF_RSP_NULL);
	}
	/* The first slot's own length is known at the end: others go behind. */
	for (at = b->tx; r.flags & NETTXF_more_data; at++) {
		memcpy(&r, &b->txs->ring[at & MASK].req, sizeof(r));
		rest -= r.size;
	}
	assert_int_equal(back_copy(b, HV_FROM_GUEST, first.gref, first.offset,
				   rest, tail),
			 0);
	off = rest;
	for (r = first; r.flags & NETTXF_more_data; g->slots++) {
		r = back_tx(b);
		assert_int_equal(back_copy(b, HV_FROM_GUEST, r.gref, r.offset,
					   r.size, tail + off),
				 0);
		off += r.size;
		back_answer(b, r.id, NETIF_RSP_OKAY);
	}
	assert_int_equal(off, first.size);
}

static struct netif_rx_request back_rx(struct both *b)
{
	struct netif_rx_request r;

	memcpy(&r, &b->rxs->ring[b->rx & MASK].req, sizeof(r));
	return r;
}

static void back_give(struct both *b, const uint8_t *p, unsigned off, int len,
		      uint16_t flags)
{
	struct netif_rx_request q = back_rx(b);
	struct netif_rx_response r = { .id = q.id,
				       .offset = (uint16_t)off,
				       .flags = flags,
				       .status = (int16_t)len };

	if (len > 0 && off + (unsigned)len <= HV_PAGE)
		assert_int_equal(back_copy(b, HV_TO_GUEST, q.gref, off,
					   (unsigned)len, (uint8_t *)p),
				 0);
	memcpy(&b->rxs->ring[b->rx++ & MASK].rsp, &r, sizeof(r));
}

static void back_extra(struct both *b, uint8_t type, uint16_t size, uint8_t gso,
		       bool more)
{
	struct netif_extra_info x = { .type = type, .flags = more };

	x.u.gso.size = size;
	x.u.gso.type = gso;
	memcpy(&b->rxs->ring[b->rx++ & MASK], &x, sizeof(x));
}

static uint8_t bytes[65536];

static int fill(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)(i * 7 + i / 251);
	return hv_init();
}

static void same_bytes(const struct front_frame *f, uint32_t len)
{
	uint32_t at = 0;
	unsigned i;

	assert_int_equal(f->len, len);
	for (i = 0; i < f->nseg; i++) {
		assert_memory_equal(f->seg[i].iov_base, bytes + at,
				    f->seg[i].iov_len);
		at += (uint32_t)f->seg[i].iov_len;
	}
	assert_int_equal(at, len);
}

/* --- good ----------------------------------------------------------------- */

static void opens_as_netfront_does(void **state)
{
	struct both b;

	(void)state;
	both_open(&b);
	assert_int_equal(b.txs->req_prod, 0);
	assert_int_equal(b.txs->rsp_prod, 0);
	assert_int_equal(b.txs->rsp_event, 1);
	assert_int_equal(b.rxs->req_prod, 256);
	assert_int_equal(b.rxs->rsp_event, 1);
	assert_int_equal(back_rx(&b).id, (uint16_t)ID_BASE);
	/* A page that is mapped is not taken back. */
	clean(&b);
	both_close(&b);
}

static void ring_pages_are_pinned(void **state)
{
	struct both b;
	struct front_names n;

	(void)state;
	both_open(&b);
	front_queue_names(b.q, &n);
	assert_int_equal(front_grant_end(b.mem, n.tx_ref), -EBUSY);
	assert_int_equal(front_grant_end(b.mem, n.rx_ref), -EBUSY);
	assert_int_equal(front_queue_close(b.q), -EBUSY);
	hv_close(b.hv);
	front_mem_close(b.mem);
}

/* Sends in pieces of every shape, at odd places; each arrives as it was. */
static void tx_scatters(void **state)
{
	static const struct {
		unsigned n, len, off;
	} row[] = {
		{ 1, 60, 0 },	   { 1, 60, 4036 },   { 1, 4096, 0 },
		{ 2, 2048, 2048 }, { 14, 1, 4095 },   { 19, 1, 7 },
		{ 19, 3449, 647 }, { 18, 3640, 100 }, { 3, 14, 4082 },
	};
	static struct got g;
	struct both b;
	unsigned i, k;

	(void)state;
	both_open(&b);
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct front_meta meta = { .validated = true };
		struct front_piece v[FRONT_TX_SLOTS];
		unsigned at = 0;

		for (k = 0; k < row[i].n; k++, at += row[i].len)
			v[k] = (struct front_piece){ bytes + at,
						     (uint16_t)row[i].len,
						     (uint16_t)row[i].off };
		assert_int_equal(front_tx_send(b.q, &meta, v, row[i].n), 0);
		front_push(b.q);
		back_take(&b, &g);
		back_publish_tx(&b);
		assert_int_equal(g.slots, row[i].n);
		assert_int_equal(g.len, at);
		assert_memory_equal(g.data, bytes, at);
		assert_int_equal(g.flags & ~NETTXF_more_data,
				 NETTXF_data_validated);
		assert_int_equal(front_tx_reap(b.q), 1);
	}
	assert_int_equal(count(&b, FRONT_TX_DONE), ARRAY_SIZE(row));
	assert_int_equal(front_tx_busy(b.q), 0);
	clean(&b);
	both_close(&b);
}

/* Zero bytes in a piece that is not the first are legal (XSA-448). */
static void tx_sends_empty_pieces(void **state)
{
	static struct got g;
	struct front_meta meta = { 0 };
	struct front_piece v[] = { { bytes, 60, 1 },
				   { bytes, 0, 4096 },
				   { bytes + 60, 40, 0 } };
	struct both b;

	(void)state;
	both_open(&b);
	assert_int_equal(front_tx_send(b.q, &meta, v, 3), 0);
	front_push(b.q);
	back_take(&b, &g);
	assert_int_equal(g.len, 100);
	assert_memory_equal(g.data, bytes, 100);
	both_close(&b);
}

static void tx_lends(void **state)
{
	static const unsigned len[] = { 14,   60,   4032,  4033,
					8128, 8129, 65535, 1514 };
	static struct got g;
	struct both b;
	unsigned i;

	(void)state;
	both_open(&b);
	for (i = 0; i < ARRAY_SIZE(len); i++) {
		struct front_meta meta = { .csum_blank = true,
					   .gso_type = FRAME_GSO_TCPV4,
					   .gso_size = 1448 };
		uint8_t *p = front_tx_lend(b.q);

		assert_non_null(p);
		memcpy(p, bytes, len[i]);
		assert_int_equal(front_tx_commit(b.q, len[i], &meta), 0);
		front_push(b.q);
		back_take(&b, &g);
		back_publish_tx(&b);
		assert_true(g.slots <= 17);
		assert_int_equal(g.len, len[i]);
		assert_memory_equal(g.data, bytes, len[i]);
		assert_true(g.gso);
		assert_int_equal(g.extra.u.gso.size, 1448);
		assert_int_equal(g.extra.u.gso.type, FRAME_GSO_TCPV4);
		assert_true(g.flags & NETTXF_csum_blank);
		assert_int_equal(front_tx_reap(b.q), 1);
	}
	clean(&b);
	both_close(&b);
}

static void tx_refuses_what_no_guest_may_send(void **state)
{
	struct front_meta meta = { 0 };
	struct front_piece v[20] = { { bytes, 4096, 1 } };
	struct both b;
	unsigned i;

	(void)state;
	both_open(&b);
	assert_int_equal(front_tx_send(b.q, &meta, v, 1), -EINVAL);
	assert_int_equal(front_tx_send(b.q, &meta, v, 0), -EINVAL);
	for (i = 0; i < 20; i++)
		v[i] = (struct front_piece){ bytes, 4096, 0 };
	assert_int_equal(front_tx_send(b.q, &meta, v, 20), -EINVAL);
	assert_int_equal(front_tx_send(b.q, &meta, v, 16), -EINVAL);
	assert_non_null(front_tx_lend(b.q));
	assert_int_equal(front_tx_commit(b.q, 65536, &meta), -EINVAL);
	assert_int_equal(front_push(b.q), 0);
	assert_int_equal(b.txs->req_prod, 0);
	both_close(&b);
}

/* Fills the ring, drains it, many times over: indices wrap, nothing leaks. */
static void tx_wraps(void **state)
{
	static struct got g;
	struct front_meta meta = { 0 };
	struct front_piece v[3] = { { bytes, 20, 0 },
				    { bytes + 20, 20, 1 },
				    { bytes + 40, 20, 2 } };
	struct both b;
	unsigned i, sent = 0;

	(void)state;
	both_open(&b);
	for (i = 0; i < 300; i++) {
		while (!front_tx_send(b.q, &meta, v, 3))
			sent++;
		assert_true(front_tx_room(b.q) < 3);
		front_push(b.q);
		while (b.tx != b.txs->req_prod) {
			back_take(&b, &g);
			assert_memory_equal(g.data, bytes, 60);
		}
		back_publish_tx(&b);
		assert_true(front_tx_reap(b.q) > 0);
	}
	assert_int_equal(sent, 300 * 85);
	assert_int_equal(count(&b, FRONT_TX_DONE), sent);
	clean(&b);
	both_close(&b);
}

static void tx_counts_what_was_refused(void **state)
{
	struct front_meta meta = { 0 };
	struct front_piece v = { bytes, 60, 0 };
	struct both b;
	unsigned i;

	(void)state;
	both_open(&b);
	for (i = 0; i < 2; i++)
		assert_int_equal(front_tx_send(b.q, &meta, &v, 1), 0);
	front_push(b.q);
	back_answer(&b, back_tx(&b).id, NETIF_RSP_ERROR);
	back_answer(&b, back_tx(&b).id, NETIF_RSP_DROPPED);
	back_publish_tx(&b);
	assert_int_equal(front_tx_reap(b.q), 2);
	assert_int_equal(count(&b, FRONT_TX_ERROR), 1);
	assert_int_equal(count(&b, FRONT_TX_DROPPED), 1);
	clean(&b);
	both_close(&b);
}

/* A page is the guest's again once its slot was answered. */
static void tx_grant_ends_with_the_answer(void **state)
{
	struct front_meta meta = { 0 };
	struct front_piece v = { bytes, 60, 0 };
	struct netif_tx_request r;
	uint8_t got[60];
	struct both b;

	(void)state;
	both_open(&b);
	assert_int_equal(front_tx_send(b.q, &meta, &v, 1), 0);
	front_push(b.q);
	r = back_tx(&b);
	assert_int_equal(back_copy(&b, HV_FROM_GUEST, r.gref, 0, 60, got), 0);
	/* It was granted for reading only. */
	assert_int_equal(back_copy(&b, HV_TO_GUEST, r.gref, 0, 60, got),
			 -EACCES);
	back_answer(&b, r.id, NETIF_RSP_OKAY);
	back_publish_tx(&b);
	assert_int_equal(front_tx_reap(b.q), 1);
	assert_int_equal(back_copy(&b, HV_FROM_GUEST, r.gref, 0, 60, got),
			 -EACCES);
	both_close(&b);
}

static void rx_receives(void **state)
{
	struct front_frame f[4];
	struct both b;
	unsigned i, at;

	(void)state;
	both_open(&b);
	/* One slot at an offset; three slots; a large segment of 17. */
	back_give(&b, bytes, 448, 60, 0);
	back_give(&b, bytes, 0, 4096, NETRXF_more_data | NETRXF_data_validated);
	back_give(&b, bytes + 4096, 0, 4096, NETRXF_more_data);
	back_give(&b, bytes + 8192, 64, 1, 0);
	back_give(&b, bytes, 0, 4000,
		  NETRXF_more_data | NETRXF_extra_info | NETRXF_csum_blank |
			  NETRXF_data_validated);
	back_extra(&b, XEN_NETIF_EXTRA_TYPE_GSO, 1448, XEN_NETIF_GSO_TYPE_TCPV4,
		   false);
	for (i = 0, at = 4000; i < 16; i++, at += 3800)
		back_give(&b, bytes + at, 0, 3800,
			  i < 15 ? NETRXF_more_data : 0);
	assert_true(back_publish_rx(&b));
	front_clear(b.q);
	assert_int_equal(front_rx_take(b.q, f, 4), 3);
	same_bytes(&f[0], 60);
	assert_false(f[0].meta.validated);
	same_bytes(&f[1], 8193);
	assert_true(f[1].meta.validated);
	assert_false(f[1].meta.csum_blank);
	same_bytes(&f[2], at);
	assert_int_equal(f[2].meta.gso_size, 1448);
	assert_int_equal(f[2].meta.gso_type, FRAME_GSO_TCPV4);
	assert_true(f[2].meta.csum_blank);
	front_rx_done(b.q);
	front_push(b.q);
	assert_int_equal(b.rxs->req_prod, 256 + 22);
	assert_int_equal(spurious(&b), 0);
	clean(&b);
	both_close(&b);
}

static void rx_wraps_and_keeps_what_is_held(void **state)
{
	struct front_frame f[2];
	struct both b;
	unsigned i;

	(void)state;
	both_open(&b);
	for (i = 0; i < 70000; i++) {
		back_give(&b, bytes + i % 4096, i % 2048, 64, 0);
		back_publish_rx(&b);
		assert_int_equal(front_rx_take(b.q, f, 2), 1);
		assert_memory_equal(f[0].seg[0].iov_base, bytes + i % 4096, 64);
		if (i % 100 == 99) {
			front_rx_done(b.q);
			front_push(b.q);
		}
	}
	assert_int_equal(count(&b, FRONT_RX_FRAMES), 70000);
	clean(&b);
	both_close(&b);
}

/* A few buffers at a time, as iPXE posts them. */
static void rx_posts_as_many_as_told(void **state)
{
	struct front_queue_conf c = both_default;
	struct both b;

	(void)state;
	c.rx_buffers = 4;
	c.split = false;
	both_open_with(&b, &c);
	assert_int_equal(b.rxs->req_prod, 4);
	both_close(&b);
}

static void rx_drops_failed_slots(void **state)
{
	struct front_frame f[2];
	struct both b;

	(void)state;
	both_open(&b);
	back_give(&b, bytes, 0, 100, NETRXF_more_data);
	back_give(&b, NULL, 0, NETIF_RSP_ERROR, 0);
	back_give(&b, bytes, 0, 100, 0);
	back_publish_rx(&b);
	assert_int_equal(front_rx_take(b.q, f, 2), 1);
	same_bytes(&f[0], 100);
	assert_int_equal(count(&b, FRONT_RX_ERROR), 1);
	clean(&b);
	both_close(&b);
}

/* --- bells ---------------------------------------------------------------- */

static void bells_are_rung_when_asked_for(void **state)
{
	struct front_meta meta = { 0 };
	struct front_piece v = { bytes, 60, 0 };
	struct both b;

	(void)state;
	both_open(&b);
	/* Posting 256 buffers passed req_event = 1: one bell. */
	assert_int_equal(count(&b, FRONT_RANG), 1);
	front_tx_send(b.q, &meta, &v, 1);
	assert_int_equal(front_push(b.q), 1);
	front_tx_send(b.q, &meta, &v, 1);
	assert_int_equal(front_push(b.q), 0); /* not armed again */
	b.txs->req_event = 4;
	front_tx_send(b.q, &meta, &v, 1);
	assert_int_equal(front_push(b.q), 0); /* 3 < 4 */
	front_tx_send(b.q, &meta, &v, 1);
	front_tx_send(b.q, &meta, &v, 1);
	assert_int_equal(front_push(b.q), 1); /* once for both */
	both_close(&b);
}

static void bells_without_cause_are_counted(void **state)
{
	struct front_frame f[2];
	struct both b;

	(void)state;
	both_open(&b);
	back_give(&b, bytes, 0, 60, 0);
	assert_true(back_publish_rx(&b));
	/* Heard late: the packet is taken before the bell is. */
	assert_int_equal(front_rx_take(b.q, f, 2), 1);
	front_clear(b.q);
	assert_int_equal(count(&b, FRONT_BELLS) - b.bells, 1);
	assert_int_equal(spurious(&b), 0);
	/* Not armed: a publication needs no bell, and a bell is one too many. */
	back_give(&b, bytes, 0, 60, 0);
	assert_false(back_publish_rx(&b));
	hv_bell(b.hv, b.chan[1]);
	front_clear(b.q);
	assert_int_equal(spurious(&b), 1);
	/* Armed, and nothing new. */
	assert_int_equal(front_rx_take(b.q, f, 2), 1);
	assert_int_equal(front_arm(b.q, false), 0);
	hv_bell(b.hv, b.chan[0]);
	hv_bell(b.hv, b.chan[1]);
	front_clear(b.q);
	assert_int_equal(spurious(&b), 3);
	/* The one that was due still is. */
	back_give(&b, bytes, 0, 60, 0);
	assert_true(back_publish_rx(&b));
	front_clear(b.q);
	assert_int_equal(spurious(&b), 3);
	both_close(&b);
}

static void arm_sees_what_came_before_it(void **state)
{
	struct front_frame f[2];
	struct both b;

	(void)state;
	both_open(&b);
	assert_int_equal(front_arm(b.q, false), 0);
	back_give(&b, bytes, 0, 60, 0);
	back_publish_rx(&b);
	assert_int_equal(front_arm(b.q, false), 1);
	front_rx_take(b.q, f, 2);
	assert_int_equal(front_arm(b.q, false), 0);
	assert_int_equal(b.rxs->rsp_event, 2);
	both_close(&b);
}

/* Wants room: rung once half of what is out has been answered, not before. */
static void arm_waits_for_room(void **state)
{
	struct front_meta meta = { 0 };
	struct front_piece v = { bytes, 60, 0 };
	static struct got g;
	struct both b;
	unsigned i;

	(void)state;
	both_open(&b);
	front_tx_send(b.q, &meta, &v, 1);
	front_push(b.q);
	back_take(&b, &g);
	assert_true(back_publish_tx(&b)); /* rsp_event = 1 at the start */
	front_tx_reap(b.q);
	while (!front_tx_send(b.q, &meta, &v, 1))
		;
	assert_null(front_tx_lend(b.q));
	front_push(b.q);
	assert_int_equal(front_arm(b.q, true), 0);
	for (i = 0; i < 128; i++) {
		back_take(&b, &g);
		assert_false(back_publish_tx(&b));
	}
	assert_int_equal(front_arm(b.q, true), 0);
	back_take(&b, &g);
	assert_true(back_publish_tx(&b));
	assert_int_equal(front_arm(b.q, true), 1);
	front_clear(b.q);
	assert_int_equal(front_tx_reap(b.q), 129);
	assert_non_null(front_tx_lend(b.q));
	assert_int_equal(spurious(&b), 0);
	both_close(&b);
}

/* --- what a backend may never do ------------------------------------------- */

static void send_one(struct both *b)
{
	struct front_meta meta = { 0 };
	struct front_piece v[2] = { { bytes, 60, 0 }, { bytes, 10, 0 } };

	assert_int_equal(front_tx_send(b->q, &meta, v, 2), 0);
	front_push(b->q);
}

static void bad_tx_count(struct both *b)
{
	send_one(b);
	b->txs->rsp_prod = 3;
	assert_int_equal(front_tx_reap(b->q), -EPROTO);
	assert_int_equal(front_tx_reap(b->q), -EPROTO);
	assert_null(front_tx_lend(b->q));
}

static void bad_tx_back(struct both *b)
{
	b->txs->rsp_prod = UINT32_MAX;
	assert_int_equal(front_tx_reap(b->q), -EPROTO);
}

static void bad_tx_id(struct both *b)
{
	uint16_t id;

	send_one(b);
	id = back_tx(b).id;
	back_answer(b, (uint16_t)(id + 1), NETIF_RSP_OKAY);
	back_answer(b, id, NETIF_RSP_OKAY);
	back_publish_tx(b);
	assert_int_equal(front_tx_reap(b->q), 1);
}

static void bad_tx_status(struct both *b)
{
	send_one(b);
	back_answer(b, back_tx(b).id, NETIF_RSP_NULL);
	back_answer(b, back_tx(b).id, -3);
	back_publish_tx(b);
	front_tx_reap(b->q);
}

static void bad_tx_partial(struct both *b)
{
	send_one(b);
	back_answer(b, back_tx(b).id, NETIF_RSP_OKAY);
	back_publish_tx(b);
	assert_int_equal(front_tx_reap(b->q), 0);
}

/* Maps the page that a slot grants: read and write, so for RX only. */
static void bad_rx_pinned(struct both *b)
{
	struct front_frame f;
	void *page;

	assert_int_equal(hv_map(b->hv, back_rx(b).gref, &page), 0);
	back_give(b, bytes, 0, 60, 0);
	back_publish_rx(b);
	assert_int_equal(front_rx_take(b->q, &f, 1), 1);
	hv_unmap(b->hv, page);
}

static void rx_take_none(struct both *b)
{
	struct front_frame f;

	back_publish_rx(b);
	assert_int_equal(front_rx_take(b->q, &f, 1), 0);
}

static void bad_rx_count(struct both *b)
{
	struct front_frame f;

	b->rxs->rsp_prod = 257;
	assert_int_equal(front_rx_take(b->q, &f, 1), -EPROTO);
}

static void bad_rx_id(struct both *b)
{
	struct netif_rx_response r = { .status = 60, .id = 5 };

	memcpy(&b->rxs->ring[b->rx++].rsp, &r, sizeof(r));
	rx_take_none(b);
}

static void bad_rx_partial(struct both *b)
{
	struct front_frame f;

	back_give(b, bytes, 0, 100, NETRXF_more_data);
	rx_take_none(b);
	rx_take_none(b);
	assert_int_equal(count(b, FRONT_BAD_RX_PARTIAL), 1);
	/* Nothing was lost: the rest of it may still come. */
	back_give(b, bytes + 100, 0, 100, 0);
	back_publish_rx(b);
	assert_int_equal(front_rx_take(b->q, &f, 1), 1);
	same_bytes(&f, 200);
}

static void bad_rx_partial_extra(struct both *b)
{
	back_give(b, bytes, 0, 100, NETRXF_extra_info);
	rx_take_none(b);
}

static void bad_rx_size(struct both *b)
{
	back_give(b, bytes, 4000, 97, 0);
	rx_take_none(b);
}

static void bad_rx_total(struct both *b)
{
	unsigned i;

	for (i = 0; i < 17; i++)
		back_give(b, bytes, 0, 4096, i < 16 ? NETRXF_more_data : 0);
	rx_take_none(b);
}

static void bad_rx_status(struct both *b)
{
	back_give(b, NULL, 0, -7, 0);
	rx_take_none(b);
}

static void bad_rx_slots(struct both *b)
{
	unsigned i;

	for (i = 0; i < 19; i++)
		back_give(b, bytes, 0, 100, i < 18 ? NETRXF_more_data : 0);
	rx_take_none(b);
}

static void bad_rx_short(struct both *b)
{
	back_give(b, bytes, 0, 13, 0);
	rx_take_none(b);
}

static void bad_rx_extra(struct both *b)
{
	back_give(b, bytes, 0, 100, NETRXF_extra_info);
	back_extra(b, XEN_NETIF_EXTRA_TYPE_HASH, 0, 0, false);
	rx_take_none(b);
}

enum { GSO_FLAGS = NETRXF_extra_info | NETRXF_data_validated };

static void bad_rx_gso_blank(struct both *b)
{
	back_give(b, bytes, 0, 2000, GSO_FLAGS);
	back_extra(b, XEN_NETIF_EXTRA_TYPE_GSO, 1448, XEN_NETIF_GSO_TYPE_TCPV4,
		   false);
	rx_take_none(b);
}

static void bad_rx_gso_type(struct both *b)
{
	back_give(b, bytes, 0, 2000, GSO_FLAGS | NETRXF_csum_blank);
	back_extra(b, XEN_NETIF_EXTRA_TYPE_GSO, 1448, XEN_NETIF_GSO_TYPE_TCPV6,
		   false);
	rx_take_none(b);
}

static void bad_rx_gso_size(struct both *b)
{
	back_give(b, bytes, 0, 2000, GSO_FLAGS | NETRXF_csum_blank);
	back_extra(b, XEN_NETIF_EXTRA_TYPE_GSO, 0, XEN_NETIF_GSO_TYPE_TCPV4,
		   false);
	rx_take_none(b);
}

static void bad_backends_are_found(void **state)
{
	static const struct {
		enum front_count what;
		void (*fn)(struct both *b);
	} row[] = {
		{ FRONT_BAD_TX_COUNT, bad_tx_count },
		{ FRONT_BAD_TX_COUNT, bad_tx_back },
		{ FRONT_BAD_TX_ID, bad_tx_id },
		{ FRONT_BAD_TX_STATUS, bad_tx_status },
		{ FRONT_BAD_TX_PARTIAL, bad_tx_partial },
		{ FRONT_BAD_RX_COUNT, bad_rx_count },
		{ FRONT_BAD_RX_ID, bad_rx_id },
		{ FRONT_BAD_RX_PARTIAL, bad_rx_partial },
		{ FRONT_BAD_RX_PARTIAL, bad_rx_partial_extra },
		{ FRONT_BAD_RX_SIZE, bad_rx_size },
		{ FRONT_BAD_RX_SIZE, bad_rx_total },
		{ FRONT_BAD_RX_STATUS, bad_rx_status },
		{ FRONT_BAD_RX_SLOTS, bad_rx_slots },
		{ FRONT_BAD_RX_SHORT, bad_rx_short },
		{ FRONT_BAD_RX_EXTRA, bad_rx_extra },
		{ FRONT_BAD_RX_OFFLOAD, bad_rx_gso_blank },
		{ FRONT_BAD_RX_OFFLOAD, bad_rx_gso_type },
		{ FRONT_BAD_RX_OFFLOAD, bad_rx_gso_size },
		{ FRONT_BAD_RX_PINNED, bad_rx_pinned },
	};
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct both b;

		both_open(&b);
		row[i].fn(&b);
		found(&b, row[i].what);
		both_close(&b);
	}
}

static void counts_have_names(void **state)
{
	unsigned i;

	(void)state;
	for (i = 0; i < FRONT_COUNTS; i++)
		assert_non_null(front_count_name(i));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(opens_as_netfront_does),
		cmocka_unit_test(ring_pages_are_pinned),
		cmocka_unit_test(tx_scatters),
		cmocka_unit_test(tx_sends_empty_pieces),
		cmocka_unit_test(tx_lends),
		cmocka_unit_test(tx_refuses_what_no_guest_may_send),
		cmocka_unit_test(tx_wraps),
		cmocka_unit_test(tx_counts_what_was_refused),
		cmocka_unit_test(tx_grant_ends_with_the_answer),
		cmocka_unit_test(rx_receives),
		cmocka_unit_test(rx_wraps_and_keeps_what_is_held),
		cmocka_unit_test(rx_posts_as_many_as_told),
		cmocka_unit_test(rx_drops_failed_slots),
		cmocka_unit_test(bells_are_rung_when_asked_for),
		cmocka_unit_test(bells_without_cause_are_counted),
		cmocka_unit_test(arm_sees_what_came_before_it),
		cmocka_unit_test(arm_waits_for_room),
		cmocka_unit_test(bad_backends_are_found),
		cmocka_unit_test(counts_have_names),
	};

	return cmocka_run_group_tests_name("front", tests, fill, NULL);
}
