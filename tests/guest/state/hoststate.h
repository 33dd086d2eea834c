/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hoststate.h - what a host's networking is, as lines that can be compared
 *
 * Links, addresses, routes, neighbours, FDB, settings, nftables and a vif's nodes,
 * without what changes by itself or counts. Read by netlink alone, so a test can
 * look a thousand times.
 */
#ifndef NETBACK_TESTS_HOSTSTATE_H
#define NETBACK_TESTS_HOSTSTATE_H

#include <stdbool.h>
#include <stdio.h>

enum {
	STATE_HOST = 1,
	STATE_STORE = 2,
	STATE_LOCK = 4,
	STATE_ALL = STATE_HOST | STATE_STORE | STATE_LOCK,
};

struct state {
	char **line; /* sorted; the first character: H, S or L */
	unsigned n, room;
	bool up;	/* the device */
	bool guarded;	/* .. has a table, and that its hooks */
	bool connected; /* .. is told so in the store */
};

/* dev: "vif1.0". Ends the program when the kernel does not answer. */
void state_read(struct state *s, const char *dev);
void state_free(struct state *s);

/* Prints some of the lines that only one of them has, after `when`. */
bool state_same(const struct state *want, const struct state *is,
		unsigned parts, const char *when, FILE *out);

/* The nodes that a script writes, as the toolstack makes them. */
void state_clear(const char *dev);

#endif
