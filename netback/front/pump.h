/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pump.h - moves frames between a guest's eth0 (a tap) and its rings */
#ifndef NETBACK_FRONT_PUMP_H
#define NETBACK_FRONT_PUMP_H

#include <stdbool.h>
#include <stdint.h>

#include "frame.h"
#include "front/front.h"

struct pump {
	int tap; /* borrowed; non-blocking, vnet header of 10 bytes */
	struct front_queue *q;	      /* NULL while not connected */
	struct front_features offers; /* what the backend accepts */
	unsigned number;	      /* of the queue */
	bool blocked;	   /* the tx ring is full: leave the tap alone */
	struct frame look; /* headers being looked at, private */
	uint64_t sums;	   /* checksums completed here */
	uint64_t drops_up, drops_down; /* frames neither side could carry */
};

/* A burst each way. Returns 1 when more may wait, 0 when idle, -EPROTO. */
int pump_turn(struct pump *p);

/* Before sleeping: 1 = do not. */
int pump_arm(struct pump *p);

#endif
