/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fair.h - whose turn it is: deficit round robin over those who have work
 *
 * Who was served owes what it cost. Every round each one that waits pays
 * FAIR_QUANTUM of that (or more, all of them the same, so that somebody is always
 * served), and who owes less than that is served, once. A burst cannot be cut
 * short once it has begun, so it is paid for afterwards.
 *
 * A member is not in two places: who is served leaves, and is added again when
 * it has more to do. Rounds that passed without it are paid for it.
 */
#ifndef NETBACK_DAEMON_FAIR_H
#define NETBACK_DAEMON_FAIR_H

#include <stdbool.h>
#include <stdint.h>

enum {
	/* What things cost, in bytes copied in the same time. */
	FAIR_FRAME = 4096, /* a frame: a system call, in the main */
	FAIR_TURN = 4096,  /* a turn, with work or without */
	FAIR_QUANTUM = 64 * FAIR_FRAME, /* a burst of small frames */
};

struct fair_member {
	struct fair_member *next;
	uint64_t owes, round, seen;
	bool queued;
};

struct fair {
	struct fair_member *first, **last;
	uint64_t round;
};

void fair_init(struct fair *f);
void fair_add(struct fair *f, struct fair_member *m); /* twice is once */
void fair_del(struct fair *f, struct fair_member *m);

static inline bool fair_empty(const struct fair *f)
{
	return !f->first;
}

/* A round: begin, then next until NULL. Who comes out of next is to be charged
 * before it is added again.
 */
void fair_begin(struct fair *f);
struct fair_member *fair_next(struct fair *f);

static inline void fair_charge(struct fair_member *m, uint64_t frames,
			       uint64_t bytes)
{
	m->owes += FAIR_TURN + frames * FAIR_FRAME + bytes;
}

#endif
