/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus.h - the frontend's side of one vif's life: xenbus states, link, reconnects
 *
 *   own state   1 Initialising --(backend 2)--> keys, 4 --(backend 4)--> up
 *               up --(backend 5, 6 or gone)--> 6, down --(own state 1)--> again
 *
 * A guest does not come back by itself after 6: the toolstack starts it over by
 * writing 1 (a new attach does). What needs no state change is a restart of
 * netbackd or of the store: the rings go on, the link is made again.
 */
#ifndef NETBACK_FRONT_BUS_H
#define NETBACK_FRONT_BUS_H

#include <stdbool.h>
#include <stdint.h>

#include "front/front.h"
#include "front/steer.h"

struct bus;
struct err;
struct loop;

enum { BUS_QUEUES = 64 };

struct bus_conf {
	const char *run; /* run directory of netbackd */
	uint16_t domid, handle;
	bool split;		    /* use split event channels if offered */
	uint16_t rx_buffers;	    /* kept posted; 0 = a ring full */
	unsigned queues;	    /* as many, if offered; 0 = 1 */
	struct front_features want; /* what we would receive and send */
	struct front_quirks quirks;
	struct steer_wish wish; /* what else is asked, if offered */
	unsigned wait_ms;	/* bus_open: for netbackd and the vif */
	struct loop *loop;
	/* The queues came up, q the first of them (frames may move; `offers` is
	 * what the backend accepts of what we would send), or are about to go
	 * away (NULL).
	 */
	void (*changed)(void *arg, struct front_queue *q,
			const struct front_features *offers);
	void *arg;
};

/* Waits for the vif to be attached, reads its address, starts over if an earlier
 * guest left other states behind. 0, or -errno with a sentence.
 */
int bus_open(struct bus **out, const struct bus_conf *conf, struct err *e);

/* Tells the backend that we leave, waits a little for it. NULL is fine. */
void bus_close(struct bus *b);

bool bus_up(const struct bus *b);

/* All queues; valid while up. */
struct front_queue *const *bus_queues(const struct bus *b, unsigned *n);
const uint8_t *bus_mac(const struct bus *b); /* 6 bytes, from the store */
uint32_t bus_mtu(const struct bus *b);	     /* 0 = the store names none */

/* What the backend accepts of what we would send. Valid while up. */
const struct front_features *bus_offers(const struct bus *b);

/* Why it is not up, in words for a person. */
void bus_explain(struct bus *b, struct err *e);

#endif
