/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ahead.h - what the store answered about one vif, before it was our turn
 *
 * While another netbackd still serves, the one that takes over reads what it will
 * need, and watches it; when its turn comes nothing has to be asked again, unless
 * the watch said that something changed: then all of it is forgotten.
 */
#ifndef NETBACK_DAEMON_AHEAD_H
#define NETBACK_DAEMON_AHEAD_H

#include <stdbool.h>
#include <stddef.h>

struct ahead;

enum {
	AHEAD_KEYS = 400,  /* more than 64 queues have */
	AHEAD_VALUE = 128, /* bytes; what is longer is asked again */
};

int ahead_open(struct ahead **out);

/* What store_read has answered: a length and a text, or -errno. Forgotten when
 * there is no room; read again by whoever needs it.
 */
void ahead_note(struct ahead *a, const char *path, int rc, const char *text);

/* The same again: true when it is known; *rc and buf as store_read's. */
bool ahead_read(struct ahead *a, const char *path, char *buf, size_t size,
		int *rc);

void ahead_close(struct ahead *a); /* NULL is fine */

#endif
