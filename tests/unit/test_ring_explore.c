// SPDX-License-Identifier: GPL-2.0-or-later
/* test_ring_explore.c - every interleaving of a guest and a backend that dies
 *
 * The ring room's own functions, built with a ring of four slots and a probe
 * before each access to what is shared or survives, run as a coroutine. At each
 * probe there is a choice: the backend goes on, the guest takes one of its steps,
 * or the backend is killed and another one attaches. All choices are tried, depth
 * first; a state that was seen is not entered again (it is the shared memory, the
 * journal, the guest, the bells, and what the backend has read since its turn
 * began). So within the bound this is a proof, not a sample:
 *
 *   no wake-up is lost     whoever sleeps has nothing to do
 *   no answer is lost or doubled, ids in order, whole packets only
 *   no stale grant         a reference is used only while the guest grants it
 *
 * RING_EXPLORE_PACKETS and _KILLS set a larger bound by hand.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#include "base/num.h"
#include "hv/hv_ops.h"
#include "ring/shared.h"

enum {
	STACK = 256 * 1024,
	DEPTH = 4096,
	SEEN = 1 << 23, /* places for states; a power of two */
	REF = 8,	/* grant REF + n is slot n's page */
	TX_REF = 100,
	RX_REF = 101,
	PIECE = 20, /* bytes of a second slot */
	SIZE = 60,
	ASLEEP = 1,
};

enum actor { GUEST, BACKEND, KILL, ACTORS };

/* --- the world ------------------------------------------------------------- */

static struct world {
	/* shared */
	struct ring_page tx, rx;
	bool granted[RING_SLOTS];
	uint8_t page[RING_SLOTS][HV_PAGE];
	bool to_back, to_guest; /* bells */
	/* survives */
	struct survive_queue keep;
	unsigned delivered[16], given; /* frames out, frames in */
	unsigned kills;
	/* the guest */
	unsigned pc, sent, answered; /* packets; slots */
	uint32_t prod, cons;
	bool sleeps;
	/* the backend */
	bool asleep;
	uint64_t seen; /* what it read since its turn began */
} w;

static struct {
	unsigned packets, frames, kills;
} bound;

static uint64_t counts[RING_COUNTS];
static struct frame_pool *pool;
static struct ring *ring;
static struct hv hv;

static uint64_t hash(uint64_t h, const volatile void *p, size_t n)
{
	const volatile uint8_t *b = p;

	while (n--)
		h = (h ^ *b++) * 0x100000001b3ull;
	return h;
}

/* --- a hypervisor of arrays ---------------------------------------------------- */

static int arr_map(struct hv *h, uint32_t ref, void **page)
{
	(void)h;
	*page = ref == TX_REF ? &w.tx : &w.rx;
	return 0;
}

static void arr_unmap(struct hv *h, void *page)
{
	(void)h, (void)page;
}

static int arr_span(struct hv_seg *s, uint8_t **p)
{
	uint32_t n = s->ref - REF;

	s->status = n < RING_SLOTS && w.granted[n] ? 0 : -EACCES;
	*p = s->status ? NULL : w.page[n] + s->off;
	return s->status ? 1 : 0;
}

static int arr_reach(struct hv *h, enum hv_dir dir, struct hv_seg *v,
		     unsigned n)
{
	unsigned i;
	int bad = 0;

	(void)h, (void)dir;
	for (i = 0; i < n; i++)
		bad += arr_span(&v[i], &v[i].local);
	return bad;
}

static int arr_copy(struct hv *h, enum hv_dir dir, struct hv_seg *v, unsigned n)
{
	unsigned i;
	int bad = 0;

	(void)h;
	for (i = 0; i < n; i++) {
		uint8_t *p;

		if (arr_span(&v[i], &p))
			bad++;
		else if (dir == HV_TO_GUEST)
			memcpy(p, v[i].local, v[i].len);
	}
	return bad;
}

static int arr_bind(struct hv *h, uint32_t port)
{
	(void)h, (void)port;
	return 0;
}

static void arr_unbind(struct hv *h, int chan)
{
	(void)h, (void)chan;
}

static int arr_fd(const struct hv *h, int chan)
{
	(void)h, (void)chan;
	return -1;
}

static int arr_bell(struct hv *h, int chan)
{
	(void)h, (void)chan;
	w.to_guest = true;
	return 0;
}

static int arr_clear(struct hv *h, int chan)
{
	(void)h, (void)chan;
	w.to_back = false;
	return 0;
}

static bool arr_dead(const struct hv *h)
{
	(void)h;
	return false;
}

static const struct hv_ops arr_ops = {
	.map = arr_map,
	.unmap = arr_unmap,
	.copy = arr_copy,
	.reach = arr_reach,
	.bind = arr_bind,
	.unbind = arr_unbind,
	.fd = arr_fd,
	.bell = arr_bell,
	.clear = arr_clear,
	.dead = arr_dead,
};

/* --- the backend, as a coroutine ------------------------------------------------ */

static ucontext_t main_uc, back_uc;
static uint8_t *stack;

static void back_yield(void)
{
	swapcontext(&back_uc, &main_uc);
}

void ring_probe(const volatile void *reads, size_t n)
{
	back_yield();
	w.seen = hash(w.seen + 1, reads, n);
}

/* Frames carry their packet's number behind the addresses. */
static void back_deliver(struct frame **v, unsigned n)
{
	while (n--) {
		unsigned k = v[n]->head[14];

		assert_true(k < 16);
		assert_int_equal(v[n]->len, SIZE);
		assert_int_equal(v[n]->head[SIZE - 1], 0x50 + k);
		w.delivered[k]++;
		frame_put(v[n]);
	}
}

static void back_give(void)
{
	while (w.given < bound.frames && ring_room(ring) > 0) {
		struct frame *f = frame_get(pool);

		f->len = f->head_len = SIZE;
		memset(f->head, 0, SIZE);
		f->head[14] = (uint8_t)w.given++;
		assert_int_equal(ring_push(ring, &f, 1), 1);
	}
}

static void back_turn_begins(void)
{
	w.seen = hash(1, &ring->tx.taken, 16);
	w.seen = hash(w.seen, &ring->rx.taken, 16);
	w.seen = hash(w.seen, &ring->tx.kick, 1);
	w.seen = hash(w.seen, &ring->rx.kick, 1);
}

static void back_main(void)
{
	const struct ring_conf conf = {
		.hv = &hv,
		.pool = pool,
		.keep = &w.keep,
		.counts = counts,
		.names = { TX_REF, RX_REF, 1, 1 },
		.features = { true, true, true, true, true, true },
		.mtu = 1500,
	};
	struct frame *v[FRAME_BURST];
	int n;

	w.seen = 7;
	assert_int_equal(ring_open(&ring, &conf), 0);
	for (;;) {
		back_turn_begins();
		n = ring_pull(ring, v, 2);
		assert_true(n >= 0);
		back_deliver(v, (unsigned)n);
		back_give();
		assert_int_equal(ring_flush(ring), 0);
		n = ring_arm(ring, w.given < bound.frames ? 1 : 0);
		assert_true(n >= 0);
		if (n)
			continue;
		back_turn_begins();
		w.asleep = true;
		back_yield();
		w.asleep = false;
		ring_clear(ring, -1);
	}
}

static void back_start(void)
{
	getcontext(&back_uc);
	back_uc.uc_stack.ss_sp = stack;
	back_uc.uc_stack.ss_size = STACK;
	back_uc.uc_link = NULL;
	makecontext(&back_uc, back_main, 0);
	w.asleep = false;
}

static void back_kill(void)
{
	w.kills++;
	w.to_back = false; /* its ports die with it */
	ring_close(ring);
	ring = NULL;
	frame_pool_close(pool);
	assert_int_equal(frame_pool_open(&pool, 4, false), 0);
	back_start();
}

/* --- the guest ----------------------------------------------------------------- */

/* Packet k has two slots when k is odd. */
static unsigned slots_of(unsigned k)
{
	return 1 + (k & 1);
}

static void guest_tx_slot(unsigned k, unsigned part)
{
	unsigned at = w.prod % RING_SLOTS;
	struct netif_tx_request q = {
		.gref = REF + at,
		.flags = part + 1 < slots_of(k) ? NETTXF_more_data : 0,
		.id = (uint16_t)(w.prod + 0x40),
		.size = part ? PIECE : SIZE,
	};
	unsigned from = part ? SIZE - PIECE : 0;
	uint8_t whole[SIZE];

	memset(whole, 0, sizeof(whole));
	whole[14] = (uint8_t)k;
	whole[SIZE - 1] = (uint8_t)(0x50 + k);
	memcpy(w.page[at], whole + from, SIZE - from);
	w.granted[at] = true;
	memcpy(w.tx.slot + at * 12, &q, sizeof(q));
	w.prod++;
}

static void guest_rx_slot(void)
{
	unsigned at = w.prod % RING_SLOTS;
	struct netif_rx_request q = { .id = (uint16_t)(w.prod + 0x40),
				      .gref = REF + at };

	w.granted[at] = true;
	memcpy(w.rx.slot + at * 8, &q, sizeof(q));
	w.prod++;
}

static void guest_answers(uint32_t to, struct ring_page *p, unsigned size)
{
	assert_true(to - w.cons <= w.prod - w.cons); /* none too many */
	for (; w.cons != to; w.cons++) {
		unsigned at = w.cons % RING_SLOTS;
		uint16_t id;
		int16_t status;

		memcpy(&id, p->slot + at * size, 2);
		memcpy(&status, p->slot + at * size + (size == 12 ? 2 : 6), 2);
		assert_int_equal(id, (uint16_t)(w.cons + 0x40));
		assert_int_equal(status, size == 12 ? 0 : SIZE);
		w.granted[at] = false;
		memset(w.page[at], 0xee, SIZE);
		w.answered++;
	}
}

static bool guest_done(void)
{
	return bound.packets && w.sent == bound.packets && w.cons == w.prod;
}

/* Whether it has something to put into the ring now. */
static bool guest_may_put(void)
{
	unsigned room = RING_SLOTS - (w.prod - w.cons);

	if (!bound.packets)
		return w.prod - w.cons < 2 && w.prod < bound.frames + 2;
	return w.sent < bound.packets && slots_of(w.sent) <= room;
}

enum { PUT, PUSH, RING, REAP, ARM, RECHECK, SLEEP };

/* One access to shared memory each. */
static void guest_step(void)
{
	struct ring_page *p = bound.packets ? &w.tx : &w.rx;
	unsigned size = bound.packets ? 12 : 8, i;
	uint32_t v;

	switch (w.pc) {
	case PUT:
		if (!guest_may_put()) {
			w.pc = REAP;
			guest_step();
			return;
		}
		for (i = 0; i < slots_of(w.sent) && bound.packets; i++)
			guest_tx_slot(w.sent, i);
		if (bound.packets)
			w.sent++;
		else
			guest_rx_slot();
		w.pc = PUSH;
		return;
	case PUSH:
		atomic_store(&p->req_prod, w.prod);
		w.pc = RING;
		return;
	case RING:
		/* As many slots as were published with it. */
		v = bound.packets ? slots_of(w.sent - 1) : 1;
		if (w.prod - atomic_load(&p->req_event) < v)
			w.to_back = true;
		w.pc = PUT;
		return;
	case REAP:
		guest_answers(atomic_load(&p->rsp_prod), p, size);
		w.pc = guest_may_put() ? PUT : ARM;
		return;
	case ARM:
		atomic_store(&p->rsp_event, w.cons + 1);
		w.pc = RECHECK;
		return;
	case RECHECK:
		w.pc = atomic_load(&p->rsp_prod) != w.cons ? REAP : SLEEP;
		w.sleeps = w.pc == SLEEP;
		return;
	case SLEEP:
		w.to_guest = w.sleeps = false;
		w.pc = REAP;
		return;
	}
}

/* --- the explorer ----------------------------------------------------------------- */

static uint64_t *seen_states;
static unsigned long nstates, nruns;

/* True when it was there. */
static bool see(uint64_t key)
{
	uint64_t at = key % SEEN;

	key |= !key;
	while (seen_states[at] && seen_states[at] != key)
		at = (at + 1) % SEEN;
	if (seen_states[at])
		return true;
	seen_states[at] = key;
	nstates++;
	assert_true(nstates < SEEN / 2);
	return false;
}

static uint64_t state_key(void)
{
	uint64_t h = hash(0xcbf29ce484222325ull, &w.tx, 16);
	unsigned i;

	h = hash(h, w.tx.slot, RING_SLOTS * 12);
	h = hash(h, &w.rx, 16);
	h = hash(h, w.rx.slot, RING_SLOTS * 8);
	h = hash(h, w.granted, sizeof(w.granted));
	for (i = 0; i < RING_SLOTS; i++) {
		h = hash(h, w.page[i] + 14, 1);
		h = hash(h, &w.keep.tx.staged[i], 8);
		h = hash(h, &w.keep.rx.staged[i], 8);
	}
	h = hash(h, &w.keep.tx, 16);
	h = hash(h, &w.keep.rx, 16);
	h = hash(h, &w.to_back, 2);
	h = hash(h, w.delivered, sizeof(w.delivered));
	h = hash(h, &w.given, 8);
	return hash(h, &w.pc, sizeof(w) - offsetof(struct world, pc));
}

static unsigned enabled(void)
{
	unsigned m = 0;

	if (w.sleeps ? w.to_guest : !guest_done() || w.pc != PUT)
		m |= 1u << GUEST;
	if (!w.asleep || w.to_back)
		m |= 1u << BACKEND;
	if (w.kills < bound.kills && ring)
		m |= 1u << KILL;
	return m;
}

/* Both sleep, nothing rings: is that right? */
static void at_rest(void)
{
	unsigned i;

	if (bound.packets && !guest_done())
		fail_msg("both sleep: sent %u, prod %u, cons %u, rsp_prod %u",
			 w.sent, w.prod, w.cons, w.tx.rsp_prod);
	assert_int_equal(counts[RING_RX_BAD_GRANT], 0);
	/* What was given to a backend and not published dies with it. */
	assert_int_equal(w.given, bound.frames);
	if (bound.frames) {
		assert_int_equal(w.cons, w.rx.rsp_prod);
		assert_in_range(w.answered,
				w.kills * 2 < bound.frames
					? bound.frames - w.kills * 2
					: 0,
				bound.frames);
	}
	for (i = 0; i < bound.packets; i++)
		assert_in_range(w.delivered[i], 1, 1 + w.kills);
}

static uint8_t choice[DEPTH], choices[DEPTH];

static void world_reset(void)
{
	memset(&w, 0, sizeof(w));
	memset(counts, 0, sizeof(counts));
	w.tx.req_event = w.tx.rsp_event = 1;
	w.rx.req_event = w.rx.rsp_event = 1;
	ring_close(ring);
	ring = NULL;
	frame_pool_close(pool);
	pool = NULL;
	assert_int_equal(frame_pool_open(&pool, 4, false), 0);
	back_start();
}

static unsigned lowest(unsigned m)
{
	unsigned a = 0;

	while (!(m & 1u << a))
		a++;
	return a;
}

static void take_step(enum actor a)
{
	switch (a) {
	case GUEST:
		guest_step();
		return;
	case KILL:
		back_kill();
		return;
	case BACKEND:
	case ACTORS:
		break;
	}
	swapcontext(&main_uc, &back_uc);
	assert_int_equal(counts[RING_TX_BAD_GRANT], 0); /* no stale grant */
}

/* Plays choice[0..known), then the first of what is new; returns the depth. */
static unsigned play(unsigned known)
{
	unsigned d, m;

	world_reset();
	for (d = 0; d < DEPTH; d++) {
		m = enabled();
		if (!(m & (1u << GUEST | 1u << BACKEND))) {
			at_rest();
			m &= 1u << KILL; /* or it dies in its sleep */
			if (!m)
				return d;
		}
		if (d >= known) {
			if (see(state_key()))
				return d;
			choices[d] = (uint8_t)m;
			choice[d] = (uint8_t)lowest(m);
		}
		take_step(choice[d]);
	}
	fail_msg("no end in %d steps", DEPTH);
	return d;
}

static void explore(unsigned packets, unsigned frames, unsigned kills)
{
	unsigned d, left;

	bound.packets = packets;
	bound.frames = frames;
	bound.kills = kills;
	nstates = nruns = 0;
	memset(seen_states, 0, SEEN * sizeof(*seen_states));
	d = play(0);
	for (nruns = 1;; nruns++) {
		/* the last place with another choice */
		while (d) {
			left = choices[d - 1] & ~((2u << choice[d - 1]) - 1);
			if (left)
				break;
			d--;
		}
		if (!d)
			break;
		choice[d - 1] = (uint8_t)lowest(left);
		d = play(d);
	}
	printf("# %u packets, %u frames, %u kills: %lu states, %lu runs\n",
	       packets, frames, kills, nstates, nruns);
}

static unsigned by_hand(const char *name, unsigned n)
{
	const char *s = getenv(name);
	uint32_t v = n;

	if (s)
		assert_int_equal(num_parse(s, 8, &v), 0);
	return v;
}

static void guest_to_host(void **state)
{
	(void)state;
	explore(by_hand("RING_EXPLORE_PACKETS", 4), 0,
		by_hand("RING_EXPLORE_KILLS", 1));
	assert_true(nstates > 10000);
}

static void host_to_guest(void **state)
{
	(void)state;
	explore(0, by_hand("RING_EXPLORE_PACKETS", 3),
		by_hand("RING_EXPLORE_KILLS", 1));
	assert_true(nstates > 10000);
}

static int start(void **state)
{
	(void)state;
	hv.ops = &arr_ops;
	stack = malloc(STACK);
	seen_states = calloc(SEEN, sizeof(*seen_states));
	return !stack || !seen_states;
}

static int end(void **state)
{
	(void)state;
	ring_close(ring);
	frame_pool_close(pool);
	free(stack);
	free(seen_states);
	return 0;
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(guest_to_host),
		cmocka_unit_test(host_to_guest),
	};

	return cmocka_run_group_tests_name("ring_explore", tests, start, end);
}
