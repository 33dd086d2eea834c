/* SPDX-License-Identifier: GPL-2.0-or-later */
/* blame.h - which vif do workers crash of?
 *
 * One that workers crashed in the turn of three times in ten seconds, and more
 * often than any other. Only crashes count: an administrator's kill -9 hits whoever
 * is served, and says nothing about it.
 */
#ifndef NETBACK_DAEMON_BLAME_H
#define NETBACK_DAEMON_BLAME_H

#include <stdbool.h>
#include <stdint.h>

enum { BLAME_KEPT = 8, BLAME_DEATHS = 3, BLAME_WINDOW_MS = 10000 };

/* One vif's share; zeros to begin with. */
struct blame {
	uint64_t at_ns[BLAME_KEPT];
	unsigned n;
};

/* Whether a worker ended by its own fault. status: as of waitpid; why: what the
 * supervisor killed it for, "ended" or NULL when it did not.
 */
bool blame_crashed(int status, const char *why);

void blame_add(struct blame *b, uint64_t at_ns);
unsigned blame_count(const struct blame *b, uint64_t now_ns);

/* others: the highest count of any other vif. */
bool blame_due(unsigned mine, unsigned others);

#endif
