// SPDX-License-Identifier: GPL-2.0-or-later
/* ringgen.c - a guest that only fills or drains its rings: no tap, no stack
 *
 *   ringgen --run DIR --vif 9.0 tx|rx|idle SECONDS SIZE
 *
 * tx sends frames of SIZE bytes as fast as the backend answers them; rx counts
 * what it is given, from the first frame on; idle connects and is silent.
 * Prints one line: frames, seconds, frames per second.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/loop.h"
#include "err.h"
#include "front/bus.h"
#include "front/front.h"
#include "udp.h"
#include "vif.h"

enum { GEN_BATCH = 64, GEN_WAIT_S = 5 };

static struct front_queue *gen_queue;

static void gen_changed(void *arg, struct front_queue *q,
			const struct front_features *offers)
{
	(void)arg, (void)offers;
	gen_queue = q;
}

static void gen_sleep(struct front_queue *q, int ms)
{
	struct pollfd p[2] = { { .fd = front_fd_tx(q), .events = POLLIN },
			       { .fd = front_fd_rx(q), .events = POLLIN } };

	poll(p, 2, ms);
	front_clear(q);
}

/* One burst out; sleeps while the ring is full. */
static void gen_tx(struct front_queue *q, const void *frame, unsigned size)
{
	static const struct front_meta meta;
	struct front_piece p = { .base = frame, .len = (uint16_t)size };
	unsigned i;

	front_tx_reap(q);
	for (i = 0; i < GEN_BATCH && !front_tx_send(q, &meta, &p, 1);)
		i++;
	front_push(q);
	if (!i && !front_arm(q, true))
		gen_sleep(q, 100);
}

static void gen_rx(struct front_queue *q)
{
	struct front_frame v[GEN_BATCH];
	int n = front_rx_take(q, v, GEN_BATCH);

	if (n > 0)
		front_rx_done(q);
	front_push(q);
	if (n <= 0 && !front_arm(q, false))
		gen_sleep(q, 100);
}

/* The carrier takes its time: nothing is measured before the first frame. */
static void gen_first(struct front_queue *q)
{
	uint64_t end = clock_ns() + GEN_WAIT_S * 1000000000ull;

	while (!front_counts(q)[FRONT_RX_FRAMES] && clock_ns() < end)
		gen_rx(q);
}

static double gen_run(bool tx, double seconds, unsigned size, uint64_t *n)
{
	const uint64_t *c = front_counts(gen_queue);
	uint8_t frame[1514] = { 0 };
	uint64_t start, now, end;
	unsigned turn = 0;

	udp_fill(frame, size);
	if (!tx)
		gen_first(gen_queue);
	*n = c[tx ? FRONT_TX_DONE : FRONT_RX_FRAMES];
	now = start = clock_ns();
	end = start + (uint64_t)(seconds * 1e9);
	do {
		if (tx)
			gen_tx(gen_queue, frame, size);
		else
			gen_rx(gen_queue);
		if (!(++turn % 16))
			now = clock_ns();
	} while (now < end);
	*n = c[tx ? FRONT_TX_DONE : FRONT_RX_FRAMES] - *n;
	return (double)(clock_ns() - start) / 1e9;
}

/* Silent: asleep in the loop, for the store's messages alone. */
static double gen_idle(struct loop *loop, double seconds)
{
	uint64_t start = clock_ns(), now = start;
	uint64_t end = start + (uint64_t)(seconds * 1e9);

	front_push(gen_queue);
	for (; now < end; now = clock_ns())
		loop_turn(loop, (int)((end - now) / 1000000) + 1);
	return (double)(now - start) / 1e9;
}

static int gen_connect(struct bus **bus, struct loop *loop, const char *run,
		       const char *vif, struct err *e)
{
	struct bus_conf conf = {
		.run = run,
		.split = true,
		.want = { true, true, true, true, true, true },
		.wait_ms = 10000,
		.loop = loop,
		.changed = gen_changed,
	};
	uint64_t end = clock_ns() + 2 * GEN_WAIT_S * 1000000000ull;
	int rc = vif_parse_name(vif, &conf.domid, &conf.handle, e);

	if (!rc)
		rc = bus_open(bus, &conf, e);
	while (!rc && !gen_queue && clock_ns() < end)
		rc = loop_turn(loop, 100);
	if (!rc && !gen_queue)
		rc = err_set(e, -ETIMEDOUT, "%s: no backend", vif);
	return rc;
}

int main(int argc, char **argv)
{
	struct bus *bus = NULL;
	struct loop *loop = NULL;
	struct err e = { "" };
	uint64_t n = 0;
	double took;

	if (argc != 8 || atoi(argv[7]) < UDP_HEAD || atoi(argv[7]) > 1514) {
		fprintf(stderr, "usage: ringgen --run DIR --vif N.M tx|rx|idle "
				"SECONDS SIZE\n");
		return 2;
	}
	log_open("ringgen", LOG_WARN);
	if (loop_open(&loop) || gen_connect(&bus, loop, argv[2], argv[4], &e)) {
		fprintf(stderr, "ringgen: %s\n", e.text);
		return 1;
	}
	if (!strcmp(argv[5], "idle"))
		took = gen_idle(loop, atof(argv[6]));
	else
		took = gen_run(!strcmp(argv[5], "tx"), atof(argv[6]),
			       (unsigned)atoi(argv[7]), &n);
	printf("%llu frames %.3f s %.0f pps\n", (unsigned long long)n, took,
	       (double)n / took);
	if (front_bad(gen_queue))
		fprintf(stderr, "ringgen: %s\n", front_first_bad(gen_queue));
	bus_close(bus);
	loop_close(loop);
	return 0;
}
