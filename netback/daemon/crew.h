/* SPDX-License-Identifier: GPL-2.0-or-later */
/* crew.h - the worker, a spare one behind it, and the nursery they come from
 *
 * There is one worker. When it dies the spare, confined already, takes its
 * place. One that dies over and over (more than 5 times in 10 s) is replaced
 * once a second only.
 */
#ifndef NETBACK_DAEMON_CREW_H
#define NETBACK_DAEMON_CREW_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "daemon/orders.h"

struct crew;
struct loop;

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
	void (*up)(void *arg, struct orders *o, pid_t pid);
	/* It is dead, and its orders closed. */
	void (*down)(void *arg, const struct crew_death *d);
	void (*answer)(void *arg, const struct worker_msg *answer,
		       enum worker_type order);
	void (*fatal)(void *arg, const struct worker_msg *m);
	void (*nursery_lost)(void *arg);
};

/* Takes over the nursery's socket. */
int crew_open(struct crew **out, struct loop *l, int nursery,
	      const struct crew_ops *ops, void *arg);

/* "killed by signal 9", "exited with status 1" */
void crew_say(const struct crew_death *d, char *buf, size_t size);

void crew_close(struct crew *c); /* NULL is fine */

#endif
