// SPDX-License-Identifier: GPL-2.0-or-later
/* pausegen.c - guests that say how long their backend stood still
 *
 *   pausegen --run DIR FIRST COUNT ROUNDS SECONDS
 *
 * Vifs FIRST.0 and on send a frame each half millisecond when their last one was
 * answered. Says "connected", then after each round of so many seconds the longest
 * time between two answers to one vif, in microseconds: of all vifs the longest.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/num.h"
#include "err.h"
#include "front/bus.h"
#include "front/front.h"
#include "udp.h"

enum { PAUSE_MOST = 64, PAUSE_STEP_NS = 500000, PAUSE_WAIT_S = 20 };

struct pause {
	struct bus *bus;
	struct front_queue *q;
	uint64_t done, at_ns, worst_ns;
};

static struct pause pauses[PAUSE_MOST];
static uint8_t pause_frame[64];

static void pause_changed(void *arg, struct front_queue *q,
			  const struct front_features *offers)
{
	struct pause *p = arg;

	(void)offers;
	p->q = q;
}

static int pause_open(struct pause *p, struct loop *loop, const char *run,
		      uint16_t domid, struct err *e)
{
	struct bus_conf conf = {
		.run = run,
		.domid = domid,
		.split = true,
		.want = { true, true, true, true, true, true },
		.wait_ms = 10000,
		.loop = loop,
		.changed = pause_changed,
		.arg = p,
	};
	uint64_t end = clock_ns() + PAUSE_WAIT_S * 1000000000ull;
	int rc = bus_open(&p->bus, &conf, e);

	while (!rc && !p->q && clock_ns() < end)
		rc = loop_turn(loop, 100);
	if (!rc && !p->q)
		rc = err_set(e, -ETIMEDOUT, "vif%u.0: no backend", domid);
	return rc;
}

static void pause_look(struct pause *p)
{
	static const struct front_meta meta;
	struct front_piece piece = { pause_frame, sizeof(pause_frame), 0 };
	uint64_t now;

	if (!p->q)
		return; /* its answers stop, and that is what is measured */
	front_tx_reap(p->q);
	now = clock_ns();
	if (front_counts(p->q)[FRONT_TX_DONE] != p->done) {
		if (p->at_ns && now - p->at_ns > p->worst_ns)
			p->worst_ns = now - p->at_ns;
		p->done = front_counts(p->q)[FRONT_TX_DONE];
		p->at_ns = now;
	}
	if (!front_tx_busy(p->q) && !front_tx_send(p->q, &meta, &piece, 1))
		front_push(p->q);
}

/* Whoever was answered nothing to the end has stood still until then. */
static void pause_print(unsigned n)
{
	uint64_t worst = 0, now = clock_ns();
	unsigned i;

	for (i = 0; i < n; i++) {
		uint64_t last = now - pauses[i].at_ns;

		worst = last > worst ? last : worst;
		worst = pauses[i].worst_ns > worst ? pauses[i].worst_ns : worst;
		pauses[i].worst_ns = 0;
	}
	printf("%llu us\n", (unsigned long long)(worst / 1000));
	fflush(stdout);
}

static void pause_run(struct loop *loop, unsigned n, double seconds)
{
	uint64_t end = clock_ns() + (uint64_t)(seconds * 1e9);
	unsigned i;

	while (clock_ns() < end) {
		struct timespec step = { 0, PAUSE_STEP_NS };

		for (i = 0; i < n; i++)
			pause_look(&pauses[i]);
		loop_turn(loop, 0);
		nanosleep(&step, NULL);
	}
}

int main(int argc, char **argv)
{
	struct loop *loop = NULL;
	struct err e = { "" };
	uint32_t first, n, rounds;
	unsigned i;
	int rc;

	if (argc != 7 || num_parse(argv[3], UINT16_MAX - PAUSE_MOST, &first) ||
	    num_parse(argv[4], PAUSE_MOST, &n) || !n ||
	    num_parse(argv[5], 1000, &rounds)) {
		fprintf(stderr, "usage: pausegen --run DIR FIRST COUNT "
				"ROUNDS SECONDS\n");
		return 2;
	}
	log_open("pausegen", LOG_WARN);
	udp_fill(pause_frame, sizeof(pause_frame));
	rc = loop_open(&loop);
	for (i = 0; i < n && !rc; i++)
		rc = pause_open(&pauses[i], loop, argv[2],
				(uint16_t)(first + i), &e);
	if (rc) {
		fprintf(stderr, "pausegen: %s\n",
			e.text[0] ? e.text : strerror(-rc));
		return 1;
	}
	puts("connected");
	fflush(stdout);
	for (; rounds; rounds--) {
		pause_run(loop, n, atof(argv[6]));
		pause_print(n);
	}
	for (i = 0; i < n; i++)
		bus_close(pauses[i].bus);
	loop_close(loop);
	return 0;
}
