/* SPDX-License-Identifier: GPL-2.0-or-later */
/* announce.h - tells bridge and switches where a guest is
 *
 * A guest that has just come may not send for a long time; until then what is
 * sent to it goes where it was before, or everywhere. So one reverse ARP request
 * (RFC 903) for the vif's own MAC is broadcast as if the guest had sent it, as
 * soon as its device has a carrier. It goes in by the tap: guard and rules judge
 * it, and the guard lets exactly this frame pass.
 *
 * A bridge forwards some moment after it saw the carrier, and nobody answers: it
 * is said ANNOUNCE_ROUNDS times within a second or so, never more.
 */
#ifndef NETBACK_DAEMON_ANNOUNCE_H
#define NETBACK_DAEMON_ANNOUNCE_H

#include <stdint.h>

struct loop;
struct loop_timer;

enum {
	ANNOUNCE_VNET = 10,  /* the tap's own header */
	ANNOUNCE_FRAME = 60, /* the least that Ethernet knows */
	ANNOUNCE_ROUNDS = 3,
	ANNOUNCE_FIRST_MS = 20, /* each round waits eight times as long */
};

struct announce {
	struct loop *loop;
	int tap; /* borrowed */
	uint8_t mac[6];
	unsigned round;
	struct loop_timer *timer; /* NULL: nothing is to be said */
};

/* Pure: what is written to the tap, its header before the frame. */
void announce_frame(const uint8_t mac[6],
		    uint8_t out[ANNOUNCE_VNET + ANNOUNCE_FRAME]);

/* Begins, or begins again. tap stays open until announce_end. */
void announce_begin(struct announce *a, struct loop *loop, int tap,
		    const uint8_t mac[6]);
void announce_end(struct announce *a); /* once more is fine */

#endif
