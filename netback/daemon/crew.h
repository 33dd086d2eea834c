/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crew.h - the workers, a spare one behind them, and the nursery they come from
 *
 * There are n places. When the worker in one of them dies the spare, confined
 * already, takes it. Where they die over and over (more than 5 times in 10 s) the
 * place is filled once a second only; the others go on.
 */
#ifndef NETBACK_DAEMON_CREW_H
#define NETBACK_DAEMON_CREW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/orders.h"

struct crew;
struct loop;

enum { CREW_PLACES = 16 };

struct crew_death {
	pid_t pid;
	int status;	     /* as of waitpid */
	const char *why;     /* static: what was noticed first, or NULL */
	uint64_t noticed_ns; /* when */
	bool often;	     /* too often: a vif may be the reason */
	bool blamed; /* domid and handle: a connect it did not survive */
	uint16_t domid, handle;
};

struct crew_ops {
	/* A worker takes orders now. */
	void (*up)(void *arg, unsigned place, struct orders *o, pid_t pid);
	/* It is dead, and its orders closed. */
	void (*down)(void *arg, unsigned place, const struct crew_death *d);
	void (*answer)(void *arg, unsigned place,
		       const struct worker_msg *answer, enum worker_type order);
	/* Unasked: its vif may be another place's, if the worker lies. */
	void (*fatal)(void *arg, unsigned place, const struct worker_msg *m);
	void (*nursery_lost)(void *arg);
};

/* n workers, up to CREW_PLACES. Takes over the nursery's socket. */
int crew_open(struct crew **out, struct loop *l, int nursery, unsigned n,
	      const struct crew_ops *ops, void *arg);

/* "killed by signal 9", "exited with status 1" */
void crew_say(const struct crew_death *d, char *buf, size_t size);

void crew_close(struct crew *c); /* NULL is fine */

#endif
