/* SPDX-License-Identifier: GPL-2.0-or-later */
/* life.h - the xenbus state machine of one vif, as a table
 *
 * Pure: own state x frontend's state -> what to do, in order. Each written
 * state is one step: frontends wait for the values between.
 */
#ifndef NETBACK_DAEMON_LIFE_H
#define NETBACK_DAEMON_LIFE_H

#include <stdbool.h>
#include <stdint.h>

enum life_state {
	LIFE_UNKNOWN = 0, /* no such node: the device, or its domain, is gone */
	LIFE_INITIALISING = 1,
	LIFE_INIT_WAIT = 2,
	LIFE_INITIALISED = 3,
	LIFE_CONNECTED = 4,
	LIFE_CLOSING = 5,
	LIFE_CLOSED = 6,
	LIFE_RECONFIGURING = 7,
	LIFE_RECONFIGURED = 8,
	LIFE_STATES, /* and any other number a guest writes */
};

enum life_act {
	LIFE_END,	       /* of the list */
	LIFE_TO_INIT_WAIT,     /* write 2; what we offer is written before */
	LIFE_TO_CONNECTED,     /* write 4, then let frames move */
	LIFE_TO_CLOSING,       /* write 5 */
	LIFE_TO_CLOSED,	       /* write 6 */
	LIFE_SAY_RECONFIGURED, /* write 8; own state stays: 8 is "connected" */
	LIFE_CONNECT,	       /* read keys, map rings; may fail */
	LIFE_DISCONNECT,       /* unmap rings, every grant released */
	LIFE_COMPLAIN,	       /* error node: no frontend has such a state */
	LIFE_REMOVE,	       /* the tap goes, nothing is left */
};

enum { LIFE_ACTS = 6 };

/* The list for own state `own` when the frontend's is `front`; ends in LIFE_END.
 * online false: the toolstack wants the device gone when it is closed.
 * own: 1, 2, 4, 5, 6 or 8 (as 4); anything else gives an empty list.
 */
const uint8_t *life_next(unsigned own, unsigned front, bool online);

const char *life_name(unsigned state); /* "initwait", .. or "unknown" */

/* The frontend's numbers; text that is no number is LIFE_STATES, not 0. */
unsigned life_parse(const char *text);

#endif
