// SPDX-License-Identifier: GPL-2.0-or-later
/* ring.c - fuzz the TX parser, the RX planner and the control ring
 *
 * The input is what a guest does: slots, extras, indices, grants, control
 * requests, store wishes; and when the backend has its turns, is killed, or frames
 * come for the guest. The first byte chooses mapping or copying. A broken protocol
 * ends the run. Whatever happened before: packets in are frames and reasons, no
 * frame is lost, no more is answered than was asked, and what is published is
 * whole.
 */
#include "tests/unit/ring_guest.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *p;
	size_t left;
};

static void must(bool b)
{
	if (!b)
		abort();
}

static unsigned byte(struct input *in)
{
	if (!in->left)
		return 0;
	in->left--;
	return *in->p++;
}

static unsigned word(struct input *in)
{
	unsigned hi = byte(in);

	return hi << 8 | byte(in);
}

/* One of the sizes at which something changes, or any. */
static unsigned some_size(struct input *in)
{
	static const uint16_t v[] = { 0,    1,	  13,	14,    54,    60,
				      255,  256,  257,	1514,  4095,  4096,
				      4097, 9000, 2000, 32768, 65534, 65535 };
	unsigned n = byte(in);

	return n < 200 ? v[n % ARRAY_SIZE(v)] : word(in);
}

static uint32_t some_ref(struct input *in)
{
	unsigned n = byte(in);

	if (n > 250)
		return word(in) * 65537u;
	return ref_of(n > 240 ? n - 241 : DATA_PAGE + n % 64);
}

static void do_tx(struct guest *g, struct input *in)
{
	unsigned flags = byte(in), off = byte(in);

	tx_slot(g, some_ref(in), off < 250 ? off : word(in), some_size(in),
		flags & 0x1f, word(in));
}

static void do_extra(struct guest *g, struct input *in)
{
	unsigned type = byte(in) % 8, more = byte(in) & 1;

	tx_extra(g, type, more, byte(in) % 4, some_size(in));
}

static void do_packet(struct guest *g, struct input *in)
{
	unsigned n = 1 + byte(in) % 22, i, flags = byte(in) & 3;
	bool gso = byte(in) & 1;

	for (i = 0; i < n; i++) {
		tx_slot(g, some_ref(in), byte(in), i ? byte(in) : some_size(in),
			(i ? 0 : flags | (gso ? 8u : 0)) |
				(i + 1 < n ? NETTXF_more_data : 0u),
			i);
		if (!i && gso)
			do_extra(g, in);
	}
}

static void do_ctrl(struct guest *g, struct input *in)
{
	uint32_t at = g->ctrl->req_prod;
	struct xen_netif_ctrl_request q = {
		.id = (uint16_t)at,
		.type = (uint16_t)(byte(in) % 12),
		.data = { some_ref(in), some_ref(in), some_size(in) },
	};

	if (byte(in) & 1)
		q.data[0] = byte(in) % 5;
	if (byte(in) & 1)
		q.data[1] = byte(in);
	memcpy(&g->ctrl->ring[at % RING_CTRL_SIZE].req, &q, sizeof(q));
	g->ctrl->req_prod++;
}

static void ask(struct guest *g, unsigned type, uint32_t a, uint32_t b,
		uint32_t c)
{
	uint32_t at = g->ctrl->req_prod++;
	struct xen_netif_ctrl_request q = {
		.id = (uint16_t)at,
		.type = (uint16_t)type,
		.data = { a, b, c },
	};

	memcpy(&g->ctrl->ring[at % RING_CTRL_SIZE].req, &q, sizeof(q));
}

/* As a good guest asks for hashes, but for what the input says. */
static void do_hash(struct guest *g, struct input *in)
{
	uint32_t *map = (void *)page_of(g, DATA_PAGE), n = byte(in) % 130, i;

	for (i = 0; i < n; i++)
		map[i] = byte(in) % 5;
	ask(g, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM,
	    XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ, 0, 0);
	ask(g, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, byte(in) % 17, 0, 0);
	ask(g, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, n, 0, 0);
	ask(g, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, ref_of(DATA_PAGE), n,
	    byte(in) % 4);
}

/* Grants to be mapped for a queue, or to be forgotten. */
static void do_grefs(struct guest *g, struct input *in)
{
	struct xen_netif_gref *l = (void *)page_of(g, DATA_PAGE);
	unsigned how = byte(in), n = byte(in) % 64, i;

	for (i = 0; i < n; i++)
		l[i] = (struct xen_netif_gref){
			.ref = ref_of(DATA_PAGE + byte(in) % 128),
			.flags = how & 2 ? XEN_NETIF_CTRLF_GREF_readonly : 0,
		};
	ask(g,
	    how & 1 ? XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING
		    : XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING,
	    how >> 6, ref_of(DATA_PAGE), n);
}

static void do_list(struct guest *g, struct input *in)
{
	unsigned page = DATA_PAGE + byte(in) % 64, i, n = byte(in);
	struct xen_netif_gref *l = (void *)page_of(g, page);

	for (i = 0; i < n && i < 64; i++)
		l[i] = (struct xen_netif_gref){ .ref = some_ref(in),
						.flags = byte(in) & 1 };
}

static void do_grant(struct guest *g, struct input *in)
{
	guest_grant(g, DATA_PAGE + byte(in) % 64, (uint16_t)(byte(in) % 8));
}

static void do_fill(struct guest *g, struct input *in)
{
	uint8_t *p = page_of(g, DATA_PAGE + byte(in) % 64);
	unsigned n = byte(in), i;

	tcp4(p, 54 + byte(in) * 8);
	for (i = 0; i < n; i++)
		p[byte(in)] = (uint8_t)byte(in);
}

/* A frame for the guest, of any size and claim. */
static void do_give(struct guest *g, struct input *in)
{
	unsigned len = some_size(in), kind = byte(in);
	struct frame *f;
	uint64_t fixed;

	if (!frame_pool_free(g->pool))
		return;
	f = make(g, len < 14 ? 14 : len, kind);
	if (kind & 1 && len > 100)
		tcp4(f->head, f->head_len);
	if (kind & 1 && len > 100) {
		f->head[16] = (uint8_t)((len - 14) >> 8);
		f->head[17] = (uint8_t)(len - 14);
		f->flags = kind & 2 ? FRAME_CSUM_BLANK : 0;
		f->gso_type = kind & 4 ? FRAME_GSO_TCPV4 : 0;
		f->gso_size = kind & 4 ? 1448 : 0;
		if ((f->flags || f->gso_type) &&
		    frame_check_offload(f, 1500, &fixed)) {
			frame_put(f);
			return;
		}
	}
	must(ring_push(g->ring, &f, 1) != -EINVAL);
}

/* The same into the guest's own pages: as much of them as the input says. */
static void do_lend(struct guest *g, struct input *in)
{
	unsigned len = some_size(in), kind = byte(in), i;
	struct frame *f;
	uint64_t fixed;

	if (!frame_pool_free(g->pool))
		return;
	f = frame_get(g->pool);
	if (ring_lend(g->ring, f)) {
		frame_put(f);
		return;
	}
	f->head_len = (uint16_t)(len < FRAME_HEAD ? len : FRAME_HEAD);
	for (i = 0, f->len = FRAME_HEAD; i < f->nseg && f->len < len; i++) {
		memset(f->seg[i].base, 7, f->seg[i].len);
		f->len += f->seg[i].len;
	}
	f->len = len < f->len ? len : f->len;
	memset(f->head, 0, f->head_len);
	if (f->len > 100) {
		tcp4(f->head, f->head_len);
		f->head[16] = (uint8_t)((f->len - 14) >> 8);
		f->head[17] = (uint8_t)(f->len - 14);
		f->flags = kind & 1 ? FRAME_CSUM_BLANK : 0;
		f->gso_type = kind & 2 ? FRAME_GSO_TCPV4 : 0;
		f->gso_size = kind & 2 ? 1448 : 0;
		if (frame_check_offload(f, 1500, &fixed))
			f->len = 0; /* it was nothing */
	} else if (f->len < FRAME_ETH) {
		f->len = 0;
	}
	ring_settle(g->ring, f);
	frame_put(f);
}

/* A worker waits, is woken, and chooses a queue for a frame. */
static bool do_wait(struct guest *g, struct input *in)
{
	unsigned slots = byte(in) % 20;
	struct frame *f;

	if (ring_poll(g->ring, slots) < 0 || ring_arm(g->ring, slots) < 0)
		return false;
	ring_clear(g->ring, byte(in) & 1 ? ring_fd_rx(g->ring) : -1);
	ring_ctrl_clear(g->vif);
	f = make(g, FRAME_HEAD, 1);
	tcp4(f->head, FRAME_HEAD);
	f->head[26] = (uint8_t)byte(in);
	f->head[12] = byte(in) & 1 ? 8 : 0x81; /* or a tag, and what follows */
	must(ring_vif_pick(g->vif, f) < (int)g->vif_conf.queues);
	frame_put(f);
	return true;
}

static bool sane(struct guest *g)
{
	const uint64_t *c = g->counts;
	uint64_t sum = c[RING_TX_FRAMES];
	int i;

	for (i = RING_TX_BAD_SLOTS; i <= RING_TX_BAD_OFFLOAD; i++)
		sum += c[i];
	return sum == c[RING_TX_PACKETS];
}

/* What the backend does with what is there; false when it has enough. */
static bool do_turn(struct guest *g)
{
	struct frame *v[FRAME_BURST];
	int n = ring_pull(g->ring, v, FRAME_BURST), rc;
	uint32_t was = g->tx->rsp_prod;

	if (n < 0)
		return false;
	must(sane(g));
	while (n) {
		struct frame *f = v[--n];
		static uint8_t all[FRAME_MAX];

		must(f->len >= FRAME_ETH && f->len <= FRAME_MAX);
		frame_copy_out(f, 0, all, f->len);
		if (f->flags & FRAME_CSUM_BLANK)
			must(f->csum_start + f->csum_off + 2 <= f->head_len);
		frame_put(f);
	}
	rc = ring_ctrl_run(g->vif);
	if (rc >= 0)
		rc = ring_flush(g->ring);
	if (rc < 0)
		return false;
	must(g->tx->rsp_prod - was <= 256);
	must(frame_pool_free(g->pool) == FRAME_BURST + 2);
	return ring_arm(g->ring, 1) >= 0;
}

static bool do_again(struct guest *g)
{
	backend_close(g);
	return !backend_open(g, EPOCH);
}

static bool act(struct guest *g, struct input *in)
{
	struct ring_wish w;

	switch (byte(in) % 20) {
	case 0:
	case 1:
		do_tx(g, in);
		return true;
	case 2:
		do_extra(g, in);
		return true;
	case 3:
	case 4:
		do_packet(g, in);
		return true;
	case 5:
		do_ctrl(g, in);
		return true;
	case 6:
		do_list(g, in);
		return true;
	case 7:
		do_grant(g, in);
		return true;
	case 8:
		do_fill(g, in);
		return true;
	case 9:
		rx_post(g, DATA_PAGE + byte(in), byte(in) % 64);
		return true;
	case 10:
	case 11:
		do_give(g, in);
		return true;
	case 12:
		w.headroom = (uint16_t)some_size(in);
		w.multicast = byte(in) & 1;
		ring_vif_tell(g->vif, &w);
		return true;
	case 13:
		if (byte(in) > 250)
			g->tx->req_prod += word(in);
		return do_again(g);
	case 16:
		do_hash(g, in);
		return true;
	case 17:
		do_grefs(g, in);
		return true;
	case 18:
		do_lend(g, in);
		return true;
	case 19:
		return do_wait(g, in);
	default:
		return do_turn(g);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	static struct frame_pool *pool; /* 4 MB: once */
	unsigned mode = byte(&in);
	struct guest *g = guest_make(mode & 1);
	void *state = g;

	must(pool || !frame_pool_open(&pool, FRAME_BURST + 2, true));
	g->lent = pool;
	g->vif_conf.has_ctrl = true;
	g->vif_conf.queues = 1 + (mode >> 1) % 4;
	g->conf.features.sg = !(mode & 16);
	g->conf.features.gso4 = !(mode & 32);
	g->conf.features.rx_notify = !(mode & 64);
	g->conf.features.csum4 = g->conf.features.gso6 = !(mode & 128);
	must(!backend_open(g, EPOCH));
	while (in.left && g->ring && act(g, &in))
		;
	teardown(&state);
	must(frame_pool_free(pool) == FRAME_BURST + 2);
	return 0;
}
