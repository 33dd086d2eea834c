// SPDX-License-Identifier: GPL-2.0-or-later
/* test_ring_vif.c - hash, static grants, multicast list, headroom; control ring
 *
 * The guest's side asks as a guest does, through its rings, and walks what it is
 * given as strictly as the strictest frontend.
 *
 * long file: one guest that all of the tests use.
 */
#include "ring_guest.h"

#include <arpa/inet.h>

#include "hv/hv_ops.h"

/* The definition in netif.h's words. */
static uint32_t reference_hash(const uint8_t *key, unsigned keylen,
			       const uint8_t *buf, unsigned buflen)
{
	uint32_t sum = 0;
	unsigned i, k;

	for (i = 0; i < 8 * buflen; i++) {
		uint32_t window = 0;

		if (!(buf[i / 8] & 0x80 >> i % 8))
			continue;
		for (k = i; k < i + 32; k++)
			window = window << 1 |
				 (k / 8 < keylen && key[k / 8] & 0x80 >> k % 8);
		sum ^= window;
	}
	return sum;
}

enum {
	OK = XEN_NETIF_CTRL_STATUS_SUCCESS,
	NO = XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED,
	BAD = XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER,
	BIG = XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW,
	GET_FLAGS = XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS,
	SET_FLAGS = XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS,
	SET_KEY = XEN_NETIF_CTRL_TYPE_SET_HASH_KEY,
	GET_SIZE = XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE,
	SET_SIZE = XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE,
	SET_MAP = XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING,
	SET_ALG = XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM,
	GET_GREFS = XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE,
	ADD_GREFS = XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING,
	DEL_GREFS = XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING,
	ALL = 15, /* types of hash */
	XDP = 5,
	REFUSED = 1023, /* grants nothing */
};

static const uint8_t ms_key[40] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
	0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
	0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

static int setup_vif(void **state, bool copies)
{
	struct guest *g;

	setup_guest(state, copies);
	g = *state;
	backend_close(g);
	g->vif_conf.has_ctrl = true;
	g->vif_conf.queues = 4;
	assert_int_equal(backend_open(g, EPOCH), 0);
	return 0;
}

static int setup_reach(void **state)
{
	return setup_vif(state, false);
}

static int setup_copy(void **state)
{
	return setup_vif(state, true);
}

/* --- the control ring, from the guest's side ---------------------------------- */

static void ask(struct guest *g, unsigned type, uint32_t a, uint32_t b,
		uint32_t c)
{
	uint32_t at = g->ctrl->req_prod;
	struct xen_netif_ctrl_request q = { .id = (uint16_t)(at * 7 + 3),
					    .type = (uint16_t)type,
					    .data = { a, b, c } };

	memcpy(&g->ctrl->ring[at % RING_CTRL_SIZE].req, &q, sizeof(q));
	g->ctrl->req_prod++;
}

/* The answer to request `at`, checked as far as any has to be. */
static struct xen_netif_ctrl_response answer(struct guest *g, uint32_t at,
					     unsigned type)
{
	struct xen_netif_ctrl_response r;

	assert_int_equal(g->ctrl->rsp_prod, g->ctrl->req_prod);
	memcpy(&r, &g->ctrl->ring[at % RING_CTRL_SIZE].rsp, sizeof(r));
	assert_int_equal(r.id, (uint16_t)(at * 7 + 3));
	assert_int_equal(r.type, type);
	return r;
}

static uint32_t asked(struct guest *g, unsigned type, uint32_t a, uint32_t b,
		      uint32_t c, uint32_t *data)
{
	uint32_t at = g->ctrl->req_prod;
	struct xen_netif_ctrl_response r;

	ask(g, type, a, b, c);
	assert_int_equal(ring_ctrl_run(g->vif), 0);
	r = answer(g, at, type);
	if (data)
		*data = r.data;
	return r.status;
}

static void *list_page(struct guest *g)
{
	return page_of(g, LIST_PAGE);
}

static void hash_on(struct guest *g, const uint8_t *key, unsigned flags)
{
	memcpy(list_page(g), key, RING_HASH_KEY);
	assert_int_equal(asked(g, SET_ALG, 1, 0, 0, NULL), OK);
	assert_int_equal(
		asked(g, SET_KEY, ref_of(LIST_PAGE), RING_HASH_KEY, 0, NULL),
		OK);
	assert_int_equal(asked(g, SET_FLAGS, flags, 0, 0, NULL), OK);
}

/* --- what it is given ------------------------------------------------------------ */

struct got {
	uint8_t data[65536 + 4096];
	unsigned len, ndata, nslots;
	bool gso, hash, xdp;
	uint32_t value;
	unsigned type, headroom;
	uint16_t flags;
};

static void got_extra(struct got *o, const struct netif_extra_info *x)
{
	uint16_t room;

	switch (x->type) {
	case XEN_NETIF_EXTRA_TYPE_GSO:
		assert_false(o->gso);
		o->gso = true;
		return;
	case XEN_NETIF_EXTRA_TYPE_HASH:
		assert_false(o->hash);
		o->hash = true;
		assert_int_equal(x->u.hash.algorithm, 1);
		o->type = x->u.hash.type;
		o->value = x->u.hash.value[0] |
			   (uint32_t)x->u.hash.value[1] << 8 |
			   (uint32_t)x->u.hash.value[2] << 16 |
			   (uint32_t)x->u.hash.value[3] << 24;
		return;
	case XDP:
		assert_false(o->xdp);
		o->xdp = true;
		memcpy(&room, &x->u, sizeof(room));
		o->headroom = room;
		return;
	default:
		fail_msg("extra of type %u", x->type);
	}
}

/* One packet at response `at`: everything a frontend may rely on. */
static void walk(struct guest *g, uint32_t at, struct got *o)
{
	uint32_t from = at;
	bool more = true;

	memset(o, 0, sizeof(*o));
	while (more) {
		const struct netif_rx_response *s = rx_rsp(g, at);
		unsigned page = g->posted[at % 256];

		assert_true((int32_t)(g->rx->rsp_prod - at) > 0);
		assert_int_equal(s->id, 1000 + page);
		assert_true(s->status > 0);
		assert_true(s->offset + s->status <= HV_PAGE);
		memcpy(o->data + o->len, page_of(g, page) + s->offset,
		       (size_t)s->status);
		o->len += (unsigned)s->status;
		assert_true(++o->ndata <= RING_RX_SLOTS);
		more = s->flags & NETRXF_more_data;
		if (at == from)
			o->flags = s->flags;
		else
			assert_false(s->flags & NETRXF_extra_info);
		while (at == from && s->flags & NETRXF_extra_info) {
			const struct netif_extra_info *x;

			do {
				x = (void *)rx_rsp(g, ++at);
				got_extra(o, x);
			} while (x->flags & XEN_NETIF_EXTRA_FLAG_MORE);
			break;
		}
		at++;
	}
	o->nslots = at - from;
}

static struct frame *frame_v4(struct guest *g, const char *src, unsigned sport,
			      const char *dst, unsigned dport, unsigned proto)
{
	struct frame *f = make(g, 60, 1);

	tcp4(f->head, 60);
	f->head[23] = (uint8_t)proto;
	assert_int_equal(inet_pton(AF_INET, src, f->head + 26), 1);
	assert_int_equal(inet_pton(AF_INET, dst, f->head + 30), 1);
	f->head[34] = (uint8_t)(sport >> 8);
	f->head[35] = (uint8_t)sport;
	f->head[36] = (uint8_t)(dport >> 8);
	f->head[37] = (uint8_t)dport;
	return f;
}

static struct frame *frame_v6(struct guest *g, const char *src, unsigned sport,
			      const char *dst, unsigned dport)
{
	struct frame *f = make(g, 74, 1);

	memset(f->head, 0, 74);
	f->head[12] = 0x86;
	f->head[13] = 0xdd;
	f->head[14] = 0x60;
	f->head[19] = 20;
	f->head[20] = 6;
	f->head[21] = 64;
	assert_int_equal(inet_pton(AF_INET6, src, f->head + 22), 1);
	assert_int_equal(inet_pton(AF_INET6, dst, f->head + 38), 1);
	f->head[54] = (uint8_t)(sport >> 8);
	f->head[55] = (uint8_t)sport;
	f->head[56] = (uint8_t)(dport >> 8);
	f->head[57] = (uint8_t)dport;
	f->head[66] = 0x50;
	return f;
}

/* Gives one frame; what came of it. */
static void give(struct guest *g, struct frame *f, struct got *o)
{
	uint32_t at = g->rx->rsp_prod;
	unsigned slots = ring_slots(g->ring, f);

	rx_post(g, DATA_PAGE + 300, slots);
	assert_int_equal(ring_room(g->ring), slots); /* exactly */
	assert_int_equal(ring_push(g->ring, &f, 1), 1);
	assert_int_equal(ring_flush(g->ring), 0);
	walk(g, at, o);
	assert_int_equal(o->nslots, slots);
	assert_int_equal(g->rx->rsp_prod, at + slots);
}

/* --- hash ------------------------------------------------------------------------ */

/* The vectors that Microsoft publishes for receive side scaling. */
static const struct vector {
	const char *src;
	unsigned sport;
	const char *dst;
	unsigned dport;
	uint32_t ip, tcp;
} v4[] = {
	{ "66.9.149.187", 2794, "161.142.100.80", 1766, 0x323e8fc2,
	  0x51ccc178 },
	{ "199.92.111.2", 14230, "65.69.140.83", 4739, 0xd718262a,
	  0xc626b0ea },
	{ "24.19.198.95", 12898, "12.22.207.184", 38024, 0xd2d0a5de,
	  0x5c2b394a },
	{ "38.27.205.30", 48228, "209.142.163.6", 2217, 0x82989176,
	  0xafc7327f },
	{ "153.39.163.191", 44251, "202.188.127.2", 1303, 0x5d1809c5,
	  0x10e828a2 },
}, v6[] = {
	{ "3ffe:2501:200:1fff::7", 2794, "3ffe:2501:200:3::1", 1766,
	  0x2cc18cd5, 0x40207d3d },
	{ "3ffe:501:8::260:97ff:fe40:efab", 14230, "ff02::1", 4739,
	  0x0f0c461c, 0xdde51bbf },
	{ "3ffe:1900:4545:3:200:f8ff:fe21:67cf", 44251,
	  "fe80::200:f8ff:fe21:67cf", 38024, 0x4b61e985, 0x02d1feef },
};

static void expect_hash(struct guest *g, struct frame *f, unsigned type,
			uint32_t value)
{
	static struct got o;

	give(g, f, &o);
	assert_true(o.hash);
	assert_int_equal(o.type, type);
	assert_int_equal(o.value, value);
}

static void hash_vectors(void **state)
{
	struct guest *g = *state;
	unsigned i;

	hash_on(g, ms_key, ALL);
	for (i = 0; i < ARRAY_SIZE(v4); i++) {
		const struct vector *v = &v4[i];

		expect_hash(g,
			    frame_v4(g, v->src, v->sport, v->dst, v->dport, 6),
			    1, v->tcp);
		expect_hash(g,
			    frame_v4(g, v->src, v->sport, v->dst, v->dport, 17),
			    0, v->ip);
	}
	for (i = 0; i < ARRAY_SIZE(v6); i++)
		expect_hash(g,
			    frame_v6(g, v6[i].src, v6[i].sport, v6[i].dst,
				     v6[i].dport),
			    3, v6[i].tcp);
	/* TCP, but its ports were not asked for */
	assert_int_equal(asked(g, SET_FLAGS, 1 | 4, 0, 0, NULL), OK);
	for (i = 0; i < ARRAY_SIZE(v4); i++)
		expect_hash(g,
			    frame_v4(g, v4[i].src, v4[i].sport, v4[i].dst,
				     v4[i].dport, 6),
			    0, v4[i].ip);
	for (i = 0; i < ARRAY_SIZE(v6); i++)
		expect_hash(g,
			    frame_v6(g, v6[i].src, v6[i].sport, v6[i].dst,
				     v6[i].dport),
			    2, v6[i].ip);
}

/* Random keys of each length against the definition, bit by bit. */
static void hash_equals_reference(void **state)
{
	struct guest *g = *state;
	uint8_t key[40];
	uint32_t seed = 1;
	unsigned n, i;

	assert_int_equal(asked(g, SET_ALG, 1, 0, 0, NULL), OK);
	assert_int_equal(asked(g, SET_FLAGS, ALL, 0, 0, NULL), OK);
	for (n = 0; n <= 40; n++) {
		struct frame *f = frame_v6(g, "fd00::1", n, "fd00::2", 7 * n);

		for (i = 0; i < 40; i++) {
			seed = seed * 1664525 + 1013904223;
			key[i] = (uint8_t)(seed >> 24);
			f->head[22 + i % 32] ^= (uint8_t)(seed >> 16);
		}
		memcpy(list_page(g), key, 40);
		assert_int_equal(
			asked(g, SET_KEY, ref_of(LIST_PAGE), n, 0, NULL), OK);
		expect_hash(g, f, 3, reference_hash(key, n, f->head + 22, 36));
	}
}

/* A fragment has no ports; ARP and what is cut short no hash; off is off. */
static void hash_only_where_there_is_one(void **state)
{
	static struct got o;
	struct guest *g = *state;
	struct frame *f;

	give(g, frame_v4(g, v4[0].src, 1, v4[0].dst, 2, 6), &o);
	assert_false(o.hash);
	hash_on(g, ms_key, ALL);
	f = frame_v4(g, v4[0].src, v4[0].sport, v4[0].dst, v4[0].dport, 6);
	f->head[20] = 0x20; /* more fragments */
	expect_hash(g, f, 0, v4[0].ip);
	give(g, make(g, 60, 1), &o); /* no IP */
	assert_false(o.hash);
	f = frame_v4(g, v4[0].src, 1, v4[0].dst, 2, 17);
	f->head[14] = 0x65; /* another version than its type says */
	give(g, f, &o);
	assert_false(o.hash);
	f = frame_v4(g, v4[0].src, 1, v4[0].dst, 2, 17);
	f->len = f->head_len = 33;
	give(g, f, &o);
	assert_false(o.hash);
	/* a tag before it */
	f = frame_v4(g, v4[1].src, 1, v4[1].dst, 2, 17);
	memmove(f->head + 16, f->head + 12, 48);
	memcpy(f->head + 12, "\x81\x00\x00\x05", 4);
	f->len = f->head_len = 64;
	expect_hash(g, f, 0, v4[1].ip);
	/* IPv6 alone */
	assert_int_equal(asked(g, SET_FLAGS, 4, 0, 0, NULL), OK);
	give(g, frame_v4(g, v4[0].src, 1, v4[0].dst, 2, 6), &o);
	assert_false(o.hash);
	assert_int_equal(asked(g, SET_ALG, 0, 0, 0, NULL), OK);
	give(g, frame_v6(g, v6[0].src, 1, v6[0].dst, 2), &o);
	assert_false(o.hash);
}

static void hash_picks_a_queue(void **state)
{
	struct guest *g = *state;
	struct frame *f = frame_v4(g, v4[0].src, v4[0].sport, v4[0].dst,
				   v4[0].dport, 6);
	uint32_t *map = list_page(g), i;

	assert_int_equal(ring_vif_pick(g->vif, f), -ENOENT);
	hash_on(g, ms_key, ALL);
	assert_int_equal(ring_vif_pick(g->vif, f), v4[0].tcp % 4);
	assert_int_equal(asked(g, SET_SIZE, 128, 0, 0, NULL), OK);
	assert_int_equal(ring_vif_pick(g->vif, f), 0);
	for (i = 0; i < 128; i++)
		map[i] = (i + 1) % 4;
	assert_int_equal(asked(g, SET_MAP, ref_of(LIST_PAGE), 128, 0, NULL),
			 OK);
	assert_int_equal(ring_vif_pick(g->vif, f), (v4[0].tcp % 128 + 1) % 4);
	frame_put(f);
	/* another worker, and one with fewer queues: each has frames of its own */
	backend_again(g);
	f = frame_v4(g, v4[0].src, v4[0].sport, v4[0].dst, v4[0].dport, 6);
	assert_int_equal(ring_vif_pick(g->vif, f), (v4[0].tcp % 128 + 1) % 4);
	frame_put(f);
	backend_close(g);
	g->vif_conf.queues = 1;
	assert_int_equal(backend_open(g, EPOCH), 0);
	f = frame_v4(g, v4[0].src, v4[0].sport, v4[0].dst, v4[0].dport, 6);
	assert_int_equal(ring_vif_pick(g->vif, f), 0);
	frame_put(f);
}

/* --- requests ---------------------------------------------------------------------- */

/* In their order: later ones stand on what earlier ones set. */
static const struct {
	unsigned type;
	uint32_t a, b, c, status, data;
} ctrl_rows[] = {
	{ GET_FLAGS, 0, 0, 0, NO, 0 },
	{ SET_FLAGS, ALL, 0, 0, BAD, 0 }, /* no algorithm yet */
	{ SET_ALG, 2, 0, 0, BAD, 0 },
	{ SET_ALG, UINT32_MAX, 0, 0, BAD, 0 },
	{ SET_ALG, 1, 0, 0, OK, 0 },
	{ GET_FLAGS, 0, 0, 0, OK, ALL },
	{ SET_FLAGS, 16, 0, 0, BAD, 0 },
	{ SET_FLAGS, UINT32_MAX, 0, 0, BAD, 0 },
	{ SET_FLAGS, 0, 0, 0, OK, 0 },
	{ SET_KEY, REF + LIST_PAGE, 41, 0, BIG, 0 },
	{ SET_KEY, REF + LIST_PAGE, 4096, 0, BIG, 0 },
	{ SET_KEY, REF + LIST_PAGE, 4097, 0, BAD, 0 },
	{ SET_KEY, REF + LIST_PAGE, 65536 + 40, 0, BAD, 0 },
	{ SET_KEY, REFUSED, 40, 0, BAD, 0 },
	{ SET_KEY, UINT32_MAX, 0, 0, OK, 0 }, /* clears */
	{ GET_SIZE, 0, 0, 0, OK, 128 },
	{ SET_MAP, REF + LIST_PAGE, 1, 0, BAD, 0 }, /* no table */
	{ SET_SIZE, 129, 0, 0, BAD, 0 },
	{ SET_SIZE, UINT32_MAX, 0, 0, BAD, 0 },
	{ SET_SIZE, 64, 0, 0, OK, 0 },
	{ SET_MAP, REF + LIST_PAGE, 65, 0, BAD, 0 },
	{ SET_MAP, REF + LIST_PAGE, 64, 1, BAD, 0 },
	{ SET_MAP, REF + LIST_PAGE, 1, UINT32_MAX, BAD, 0 },
	{ SET_MAP, REF + LIST_PAGE, UINT32_MAX, 2, BAD, 0 },
	{ SET_MAP, REF + LIST_PAGE, 1025, 0, BAD, 0 },
	{ SET_MAP, REFUSED, 64, 0, BAD, 0 },
	{ SET_MAP, REF + LIST_PAGE, 0, 64, OK, 0 },
	{ SET_MAP, REF + LIST_PAGE, 64, 0, OK, 0 },
	{ GET_GREFS, 0, 0, 0, OK, RING_GREFS / 4 },
	{ GET_GREFS, 3, 0, 0, OK, RING_GREFS / 4 },
	{ GET_GREFS, 4, 0, 0, BAD, 0 },
	{ ADD_GREFS, 4, REF + LIST_PAGE, 1, BAD, 0 },
	{ ADD_GREFS, 0, REF + LIST_PAGE, 513, BAD, 0 },
	{ ADD_GREFS, 0, REF + LIST_PAGE, UINT32_MAX, BAD, 0 },
	{ ADD_GREFS, 0, REFUSED, 1, BAD, 0 },
	{ ADD_GREFS, 0, REFUSED, 0, OK, 0 },
	{ DEL_GREFS, 4, REF + LIST_PAGE, 1, BAD, 0 },
	{ DEL_GREFS, 0, REF + LIST_PAGE, 513, BAD, 0 },
	{ DEL_GREFS, 0, REF + LIST_PAGE, 65536 / 8 + 1, BAD, 0 },
	{ DEL_GREFS, 0, REFUSED, 1, BAD, 0 },
	{ DEL_GREFS, 0, REFUSED, 0, OK, 0 },
	{ 0, 0, 0, 0, NO, 0 },
	{ 11, 1, 2, 3, NO, 0 },
	{ 0xffff, 0, 0, 0, NO, 0 },
};

static void ctrl_requests(void **state)
{
	struct guest *g = *state;
	unsigned turn, i;

	/* around the ring and more */
	for (turn = 0; turn < 5; turn++) {
		for (i = 0; i < ARRAY_SIZE(ctrl_rows); i++) {
			uint32_t data = 77;

			assert_int_equal(asked(g, ctrl_rows[i].type,
					       ctrl_rows[i].a, ctrl_rows[i].b,
					       ctrl_rows[i].c, &data),
					 ctrl_rows[i].status);
			assert_int_equal(data, ctrl_rows[i].data);
		}
		assert_int_equal(asked(g, SET_ALG, 0, 0, 0, NULL), OK);
		assert_int_equal(asked(g, SET_SIZE, 0, 0, 0, NULL), OK);
	}
}

/* A table with one bad entry changes nothing. */
static void ctrl_map_is_whole(void **state)
{
	struct guest *g = *state;
	struct frame *f = frame_v4(g, v4[0].src, 1, v4[0].dst, 2, 17);
	uint32_t *map = list_page(g), i;
	int was;

	hash_on(g, ms_key, ALL);
	assert_int_equal(asked(g, SET_SIZE, 128, 0, 0, NULL), OK);
	for (i = 0; i < 128; i++)
		map[i] = 1;
	assert_int_equal(asked(g, SET_MAP, ref_of(LIST_PAGE), 128, 0, NULL),
			 OK);
	was = ring_vif_pick(g->vif, f);
	for (i = 0; i < 128; i++)
		map[i] = 2;
	map[127] = 4;
	assert_int_equal(asked(g, SET_MAP, ref_of(LIST_PAGE), 128, 0, NULL),
			 BAD);
	assert_int_equal(was, 1);
	assert_int_equal(ring_vif_pick(g->vif, f), 1);
	/* a part of it, and the rest stays */
	for (i = 0; i < 64; i++)
		map[i] = 3;
	assert_int_equal(asked(g, SET_MAP, ref_of(LIST_PAGE), 64,
			       v4[0].ip % 128 < 64 ? 64 : 0, NULL),
			 OK);
	assert_int_equal(ring_vif_pick(g->vif, f), 1);
	assert_int_equal(asked(g, SET_MAP, ref_of(LIST_PAGE), 64,
			       v4[0].ip % 128 < 64 ? 0 : 64, NULL),
			 OK);
	assert_int_equal(ring_vif_pick(g->vif, f), 3);
	frame_put(f);
}

static void ctrl_bells(void **state)
{
	struct guest *g = *state;
	unsigned i;

	bells(g, 2);
	ask(g, GET_SIZE, 0, 0, 0);
	assert_int_equal(ring_ctrl_run(g->vif), 0);
	assert_int_equal(bells(g, 2), 1); /* rsp_event is 1 */
	assert_int_equal(g->ctrl->req_event, 2);
	for (i = 0; i < 5; i++)
		ask(g, GET_SIZE, 0, 0, 0);
	assert_int_equal(ring_ctrl_run(g->vif), 0);
	assert_int_equal(bells(g, 2), 0); /* it did not ask again */
	assert_int_equal(ring_ctrl_run(g->vif), 0);
	assert_int_equal(bells(g, 2), 0);
	g->ctrl->rsp_event = 7;
	ask(g, GET_SIZE, 0, 0, 0);
	assert_int_equal(ring_ctrl_run(g->vif), 0);
	assert_int_equal(bells(g, 2), 1);
	/* a whole ring: some a turn */
	for (i = 0; i < RING_CTRL_SIZE; i++)
		ask(g, GET_SIZE, 0, 0, 0);
	for (i = 1; ring_ctrl_run(g->vif) == 1; i++)
		;
	assert_int_equal(i, RING_CTRL_SIZE / 16);
	assert_int_equal(g->ctrl->rsp_prod, g->ctrl->req_prod);
}

static void ctrl_prod_far(void **state)
{
	static const uint32_t far[] = { 129, 1000, 0x80000000, UINT32_MAX };
	struct guest *g = *state;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(far); i++) {
		g->ctrl->req_prod = far[i];
		assert_int_equal(ring_ctrl_run(g->vif), -EPROTO);
		assert_int_equal(g->ctrl->rsp_prod, 0);
	}
	g->ctrl->req_prod = 0;
}

/* Killed before, in and after the moment that counts: one answer, one effect. */
static void ctrl_killed(void **state)
{
	struct guest *g = *state;
	struct survive_vif was;
	struct xen_netif_ctrl_response r;
	uint32_t at = g->ctrl->req_prod;
	uint8_t slot[16];

	was = g->keep->vif;
	ask(g, SET_SIZE, 64, 0, 0);
	memcpy(slot, &g->ctrl->ring[at], 16);
	assert_int_equal(ring_ctrl_run(g->vif), 0);
	/* before: the other half was written, and that is all */
	was.ctrl[1] = g->keep->vif.ctrl[1];
	was.live = 1;
	g->keep->vif = was;
	memcpy(&g->ctrl->ring[at], slot, 16);
	g->ctrl->rsp_prod = at;
	backend_again(g);
	assert_int_equal(g->ctrl->rsp_prod, at);
	assert_int_equal(ring_ctrl_run(g->vif), 0);
	assert_int_equal(answer(g, at, SET_SIZE).status, OK);
	/* after: the answer is known, the ring is as it was */
	memcpy(&g->ctrl->ring[at], slot, 16);
	g->ctrl->rsp_prod = at;
	bells(g, 2);
	backend_again(g);
	r = answer(g, at, SET_SIZE);
	assert_int_equal(r.status, OK);
	g->ctrl->rsp_event = at + 1;
	assert_int_equal(ring_ctrl_run(g->vif), 0);
	assert_int_equal(g->ctrl->rsp_prod, at + 1);
	assert_true(bells(g, 2) > 0);
	/* and it is in force */
	assert_int_equal(asked(g, SET_MAP, ref_of(LIST_PAGE), 0, 64, NULL), OK);
	/* another connection knows nothing of it */
	backend_close(g);
	g->ctrl->req_prod = g->ctrl->rsp_prod = 0;
	memset(g->ctrl->ring, 0, 16);
	assert_int_equal(backend_open(g, EPOCH + 1), 0);
	assert_int_equal(asked(g, SET_MAP, ref_of(LIST_PAGE), 0, 64, NULL),
			 BAD);
}

/* --- static grants -------------------------------------------------------------------- */

static struct {
	const struct hv_ops *below;
	struct hv_ops ops;
	unsigned pieces;
} counted;

static int counted_copy(struct hv *hv, enum hv_dir dir, struct hv_seg *v,
			unsigned n)
{
	counted.pieces += n;
	return counted.below->copy(hv, dir, v, n);
}

static void count_copies(struct guest *g)
{
	counted.below = g->hv->ops;
	counted.ops = *g->hv->ops;
	counted.ops.copy = counted_copy;
	counted.pieces = 0;
	g->hv->ops = &counted.ops;
}

static void list_refs(struct guest *g, unsigned page, unsigned n,
		      unsigned flags)
{
	struct xen_netif_gref *l = list_page(g);
	unsigned i;

	for (i = 0; i < n; i++)
		l[i] = (struct xen_netif_gref){ .ref = ref_of(page + i),
						.flags = (uint16_t)flags,
						.status = 0x5555 };
}

static unsigned pinned(struct guest *g, unsigned page, unsigned n)
{
	unsigned i, k = 0;

	for (i = 0; i < n; i++)
		k += !!(g->gtab[ref_of(page + i)].flags & GTF_reading);
	return k;
}

static void grefs_add_and_del(void **state)
{
	struct guest *g = *state;
	struct xen_netif_gref *l = list_page(g);
	uint32_t data = 0;
	unsigned i;

	list_refs(g, DATA_PAGE, 100, 0);
	assert_int_equal(asked(g, ADD_GREFS, 0, ref_of(LIST_PAGE), 100, NULL),
			 OK);
	assert_int_equal(pinned(g, DATA_PAGE, 100), 100);
	/* one of them again, in another list: nothing of that one */
	list_refs(g, DATA_PAGE + 99, 10, 0);
	assert_int_equal(asked(g, ADD_GREFS, 0, ref_of(LIST_PAGE), 10, NULL),
			 BAD);
	assert_int_equal(pinned(g, DATA_PAGE + 100, 9), 0);
	/* one that is not granted, at the end */
	list_refs(g, DATA_PAGE + 100, 10, 0);
	l[9].ref = REFUSED;
	assert_int_equal(asked(g, ADD_GREFS, 0, ref_of(LIST_PAGE), 10, NULL),
			 BAD);
	assert_int_equal(pinned(g, DATA_PAGE + 100, 9), 0);
	/* more than there is room for */
	list_refs(g, DATA_PAGE + 100, 29, 0);
	assert_int_equal(asked(g, ADD_GREFS, 0, ref_of(LIST_PAGE), 29, NULL),
			 BAD);
	assert_int_equal(asked(g, ADD_GREFS, 0, ref_of(LIST_PAGE), 28, NULL),
			 OK);
	/* the next worker holds them too, and lets go */
	backend_again(g);
	assert_int_equal(pinned(g, DATA_PAGE, 128), 128);
	list_refs(g, DATA_PAGE + 120, 20, 0);
	assert_int_equal(asked(g, DEL_GREFS, 0, ref_of(LIST_PAGE), 20, &data),
			 OK);
	assert_int_equal(data, 8);
	for (i = 0; i < 20; i++)
		assert_int_equal(l[i].status, i < 8 ? OK : BAD);
	assert_int_equal(pinned(g, DATA_PAGE, 120), 120);
	assert_int_equal(pinned(g, DATA_PAGE + 120, 20), 0);
	/* of another queue: not there */
	assert_int_equal(asked(g, DEL_GREFS, 1, ref_of(LIST_PAGE), 20, &data),
			 OK);
	assert_int_equal(data, 0);
	/* read-only ones need no more */
	guest_grant(g, DATA_PAGE + 200, GTF_permit_access | GTF_readonly);
	list_refs(g, DATA_PAGE + 200, 1, 0);
	assert_int_equal(asked(g, ADD_GREFS, 1, ref_of(LIST_PAGE), 1, NULL),
			 BAD);
	list_refs(g, DATA_PAGE + 200, 1, XEN_NETIF_CTRLF_GREF_readonly);
	assert_int_equal(asked(g, ADD_GREFS, 1, ref_of(LIST_PAGE), 1, NULL),
			 OK);
	/* all of them are let go at the end */
	backend_close(g);
	assert_int_equal(pinned(g, DATA_PAGE, 300), 0);
	assert_int_equal(backend_open(g, EPOCH), 0);
}

/* What is mapped is not copied by the hypervisor; what is not, in the same packet,
 * is.
 */
static void grefs_are_used(void **state)
{
	static struct got o;
	struct guest *g = *state;
	struct frame *v[FRAME_BURST];
	uint8_t got[3000], all[9000];
	unsigned i;

	list_refs(g, DATA_PAGE, 2, XEN_NETIF_CTRLF_GREF_readonly);
	assert_int_equal(asked(g, ADD_GREFS, 0, ref_of(LIST_PAGE), 2, NULL),
			 OK);
	list_refs(g, DATA_PAGE + 300, 2, 0);
	assert_int_equal(asked(g, ADD_GREFS, 0, ref_of(LIST_PAGE), 2, NULL),
			 OK);
	count_copies(g);
	for (i = 0; i < 3; i++) {
		fill(page_of(g, DATA_PAGE + i), 1000, i);
		tx_slot(g, ref_of(DATA_PAGE + i), 0, i ? 1000 : 3000,
			i < 2 ? NETTXF_more_data : 0, i);
	}
	assert_int_equal(pull_all(g, v), 1);
	assert_int_equal(counted.pieces, g->copies);
	frame_copy_out(v[0], 0, got, 3000);
	for (i = 0; i < 3; i++) {
		fill(all, 1000, i);
		assert_memory_equal(got + 1000 * i, all, 1000);
	}
	put_all(v, 1);
	assert_int_equal(ring_flush(g->ring), 0);
	counted.pieces = 0;
	give(g, make(g, 9000, 4), &o);
	fill(all, 9000, 4);
	assert_int_equal(o.len, 9000);
	assert_memory_equal(o.data, all, 9000);
	if (g->copies)
		assert_int_equal(counted.pieces, 1);
	/* read-only ones are not written to */
	memset(page_of(g, DATA_PAGE), 0x77, 100);
	guest_grant(g, DATA_PAGE, GTF_permit_access | GTF_readonly);
	rx_post(g, DATA_PAGE, 1);
	v[0] = make(g, 100, 1);
	ring_push(g->ring, v, 1);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(rx_rsp(g, g->rx->rsp_prod - 1)->status,
			 NETIF_RSP_ERROR);
	assert_int_equal(*page_of(g, DATA_PAGE), 0x77);
}

/* --- multicast ---------------------------------------------------------------------------- */

static void mcast(struct guest *g, unsigned type, unsigned n, int due)
{
	uint32_t at = g->tx->req_prod;
	struct frame *v[FRAME_BURST];
	struct netif_extra_info *x;

	tx_slot(g, 0, 0, 0, NETTXF_extra_info, 9);
	tx_extra(g, type, 0, 0, 0);
	x = (void *)&g->tx->ring[(at + 1) % 256];
	memcpy(x->u.mcast.addr, "\x01\x00\x5e\x00\x00", 5);
	x->u.mcast.addr[5] = (uint8_t)n;
	assert_int_equal(pull_all(g, v), 0);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(tx_rsp(g, at)->status, due);
	assert_int_equal(tx_rsp(g, at + 1)->status, NETIF_RSP_NULL);
}

static int heard(struct guest *g, const char *mac)
{
	struct frame *f = make(g, 60, 1);
	int n;

	memcpy(f->head, mac, 6);
	rx_post(g, DATA_PAGE + 300, 1);
	n = ring_push(g->ring, &f, 1);
	assert_int_equal(ring_flush(g->ring), 0);
	return n;
}

enum { ADD = XEN_NETIF_EXTRA_TYPE_MCAST_ADD, DEL = ADD + 1 };

#define GROUP(n) "\x01\x00\x5e\x00\x00" n

static void mcast_list(void **state)
{
	struct ring_wish on = { .multicast = true }, off = { 0 };
	struct guest *g = *state;
	unsigned i;

	/* kept, and not used until it is asked for */
	mcast(g, ADD, 1, NETIF_RSP_OKAY);
	assert_int_equal(heard(g, GROUP("\x02")), 1);
	ring_vif_tell(g->vif, &on);
	assert_int_equal(heard(g, GROUP("\x01")), 1);
	assert_int_equal(heard(g, GROUP("\x02")), 0);
	assert_int_equal(count(g, RING_RX_FILTERED), 1);
	assert_int_equal(heard(g, "\xff\xff\xff\xff\xff\xff"), 1);
	assert_int_equal(heard(g, "\x00\x16\x3e\x00\x00\x01"), 1);
	mcast(g, ADD, 1, NETIF_RSP_OKAY); /* twice is once */
	mcast(g, DEL, 1, NETIF_RSP_OKAY);
	assert_int_equal(heard(g, GROUP("\x01")), 0);
	mcast(g, DEL, 1, NETIF_RSP_OKAY); /* and none is none */
	for (i = 0; i < RING_MCAST; i++)
		mcast(g, ADD, 100 + i, NETIF_RSP_OKAY);
	mcast(g, ADD, 1, NETIF_RSP_ERROR);
	mcast(g, ADD, 100, NETIF_RSP_OKAY);
	mcast(g, DEL, 100, NETIF_RSP_OKAY);
	mcast(g, ADD, 1, NETIF_RSP_OKAY);
	assert_int_equal(heard(g, GROUP("\x01")), 1);
	assert_int_equal(heard(g, GROUP("d")), 0);
	assert_int_equal(heard(g, GROUP("e")), 1);
	ring_vif_tell(g->vif, &off);
	assert_int_equal(heard(g, GROUP("d")), 1);
}

static void mcast_survives(void **state)
{
	struct ring_wish on = { .multicast = true };
	struct guest *g = *state;

	mcast(g, ADD, 1, NETIF_RSP_OKAY);
	backend_again(g);
	ring_vif_tell(g->vif, &on);
	assert_int_equal(heard(g, GROUP("\x01")), 1);
	assert_int_equal(heard(g, GROUP("\x02")), 0);
	/* killed while it removed the first of two: the last one stands twice */
	mcast(g, ADD, 2, NETIF_RSP_OKAY);
	memcpy(g->keep->vif.mcast[0], g->keep->vif.mcast[1], 6);
	backend_again(g);
	ring_vif_tell(g->vif, &on);
	mcast(g, DEL, 2, NETIF_RSP_OKAY);
	assert_int_equal(heard(g, GROUP("\x02")), 0);
	mcast(g, ADD, 3, NETIF_RSP_OKAY);
	/* a new connection starts without */
	backend_close(g);
	g->tx->req_prod = g->tx->rsp_prod = 0;
	g->rx->req_prod = g->rx->rsp_prod = 0;
	g->ctrl->req_prod = g->ctrl->rsp_prod = 0;
	assert_int_equal(backend_open(g, EPOCH + 1), 0);
	ring_vif_tell(g->vif, &on);
	assert_int_equal(heard(g, GROUP("\x03")), 0);
}

/* A frame that was read into lent pages is filtered as well. */
static void mcast_of_lent_pages(void **state)
{
	struct ring_wish on = { .multicast = true };
	struct guest *g = *state;
	struct frame *f;

	if (g->copies)
		return;
	ring_vif_tell(g->vif, &on);
	rx_post(g, DATA_PAGE + 300, 30);
	f = frame_get(g->pool);
	assert_int_equal(ring_lend(g->ring, f), 0);
	fill(f->head, 60, 1);
	memcpy(f->head, GROUP("\x01"), 6);
	f->len = f->head_len = 60;
	f->flags = f->gso_type = 0;
	assert_int_equal(ring_settle(g->ring, f), 0);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(g->rx->rsp_prod, 0);
	assert_int_equal(count(g, RING_RX_FILTERED), 1);
	frame_put(f);
}

/* --- slots ----------------------------------------------------------------------------------- */

static struct frame *large(struct guest *g, unsigned len, bool gso)
{
	struct frame *f = make(g, len, 5);

	tcp4(f->head, len < FRAME_HEAD ? len : FRAME_HEAD);
	f->head[16] = (uint8_t)((len - 14) >> 8);
	f->head[17] = (uint8_t)(len - 14);
	if (!gso)
		return f;
	f->flags = FRAME_CSUM_BLANK;
	f->csum_start = 34;
	f->csum_off = 16;
	f->hdr_len = 54;
	f->gso_type = FRAME_GSO_TCPV4;
	f->gso_size = 1448;
	return f;
}

/* Each size x GSO x hash x headroom: as many slots as counted, no more than a guest
 * takes, every byte in its place, no extra that was not asked for.
 */
static void rx_slot_counts(void **state)
{
	static const unsigned len[] = { 60,   256,   257,   3640, 3641, 3642,
					3840, 3841,  4095,  4096, 4097, 8192,
					9014, 61440, 65534, 65535 };
	static const uint16_t room[] = { 0, 1, 256, RING_HEADROOM };
	static struct got o;
	static uint8_t all[65536];
	struct guest *g = *state;
	unsigned i, gso, hash, k;

	for (hash = 0; hash < 2; hash++) {
		if (hash)
			hash_on(g, ms_key, ALL);
		for (k = 0; k < ARRAY_SIZE(room); k++) {
			struct ring_wish w = { .headroom = room[k] };

			ring_vif_tell(g->vif, &w);
			for (i = 0; i < 2 * ARRAY_SIZE(len); i++) {
				unsigned n = len[i / 2];
				struct frame *f;

				gso = i & 1;
				if (gso && (n < 1600 || room[k]))
					continue;
				f = large(g, n, gso);
				frame_copy_out(f, 0, all, n);
				give(g, f, &o);
				assert_int_equal(o.len, n);
				assert_memory_equal(o.data, all, n);
				assert_int_equal(o.gso, gso);
				assert_int_equal(o.hash, hash);
				assert_int_equal(o.xdp, room[k] > 0);
				assert_int_equal(o.headroom, room[k]);
				assert_int_equal(o.nslots,
						 (n + 4095 -
						  room[k]) / (4096 - room[k]) +
							 gso + hash + o.xdp);
				if (gso)
					assert_int_equal(
						o.flags & 3,
						NETRXF_csum_blank |
							NETRXF_data_validated);
			}
		}
	}
	/* whatever fits nowhere is not lent room either */
	for (i = 0; i < 2; i++) {
		struct frame *f = frame_get(g->pool);

		assert_int_equal(ring_lend(g->ring, f), -EOPNOTSUPP);
		frame_put(f);
	}
}

/* Beyond what 18 slots can hold there is none at all. */
static void rx_headroom_is_bounded(void **state)
{
	static const uint16_t far[] = { RING_HEADROOM + 1, 4095, 4096, 0x7fff,
					0xffff };
	static struct got o;
	struct guest *g = *state;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(far); i++) {
		struct ring_wish w = { .headroom = far[i] };

		ring_vif_tell(g->vif, &w);
		give(g, make(g, 65535, 1), &o);
		assert_false(o.xdp);
		assert_int_equal(o.ndata, 16);
	}
}

/* A slot too few: nothing is written, nothing used up. */
static void rx_one_slot_short(void **state)
{
	struct guest *g = *state;
	struct frame *f;

	hash_on(g, ms_key, ALL);
	f = large(g, 9000, true);
	assert_int_equal(ring_slots(g->ring, f), 3 + 2);
	rx_post(g, DATA_PAGE + 300, 4);
	assert_int_equal(ring_push(g->ring, &f, 1), 0);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(g->rx->rsp_prod, 0);
	assert_int_equal(count(g, RING_RX_NO_ROOM), 1);
}

/* A page that may not be written, with extras between it and the first. */
static void rx_bad_page_behind_extras(void **state)
{
	struct guest *g = *state;
	struct frame *f;
	unsigned i;

	hash_on(g, ms_key, ALL);
	guest_grant(g, DATA_PAGE + 303, GTF_permit_access | GTF_readonly);
	rx_post(g, DATA_PAGE + 300, 5);
	f = large(g, 9000, true);
	ring_push(g->ring, &f, 1);
	assert_int_equal(ring_flush(g->ring), 0);
	assert_int_equal(g->rx->rsp_prod, 5);
	for (i = 0; i < 5; i++) {
		if (i == 3)
			assert_int_equal(rx_rsp(g, i)->status, NETIF_RSP_ERROR);
		else if (!i || i > 2)
			assert_true(rx_rsp(g, i)->status > 0);
	}
	assert_int_equal(((struct netif_extra_info *)rx_rsp(g, 1))->type,
			 XEN_NETIF_EXTRA_TYPE_GSO);
	assert_int_equal(((struct netif_extra_info *)rx_rsp(g, 2))->type,
			 XEN_NETIF_EXTRA_TYPE_HASH);
}

/* A program that looks at packets drops those of several slots: they are cut. */
static void rx_headroom_cuts_large_frames(void **state)
{
	struct ring_wish w = { .headroom = 256 };
	static struct got o;
	struct guest *g = *state;
	struct frame *f = large(g, 9000, true);
	uint32_t at = 0;
	unsigned sum = 0;

	ring_vif_tell(g->vif, &w);
	rx_post(g, DATA_PAGE + 300, 40);
	assert_int_equal(ring_push(g->ring, &f, 1), 1);
	assert_int_equal(ring_flush(g->ring), 0);
	for (; at != g->rx->rsp_prod; at += o.nslots) {
		walk(g, at, &o);
		assert_int_equal(o.ndata, 1);
		assert_true(o.xdp);
		assert_false(o.gso);
		sum += o.len - 54;
	}
	assert_int_equal(sum, 9000 - 54);
}

#define TV(name)                                                               \
	cmocka_unit_test_setup_teardown(name, setup_reach, teardown),          \
	{                                                                      \
#name ", copies", name, setup_copy, teardown, NULL             \
	}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TV(hash_vectors),
		TV(hash_equals_reference),
		TV(hash_only_where_there_is_one),
		TV(hash_picks_a_queue),
		TV(ctrl_requests),
		TV(ctrl_map_is_whole),
		TV(ctrl_bells),
		TV(ctrl_prod_far),
		TV(ctrl_killed),
		TV(grefs_add_and_del),
		TV(grefs_are_used),
		TV(mcast_list),
		TV(mcast_survives),
		TV(mcast_of_lent_pages),
		TV(rx_slot_counts),
		TV(rx_headroom_is_bounded),
		TV(rx_one_slot_short),
		TV(rx_bad_page_behind_extras),
		TV(rx_headroom_cuts_large_frames),
	};

	return cmocka_run_group_tests_name("ring_vif", tests, NULL, NULL);
}
