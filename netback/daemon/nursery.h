/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nursery.h - the process that workers are forked from
 *
 * Forked by the supervisor before it has a thread, a store or a guest, and
 * confined (sandbox.h). It touches no guest memory and knows three messages. When it
 * dies its workers die with it and the supervisor ends: the service manager
 * starts netbackd again and the guests are adopted, as after any restart.
 */
#ifndef NETBACK_DAEMON_NURSERY_H
#define NETBACK_DAEMON_NURSERY_H

#include <sys/types.h>

#include "daemon/sandbox.h"

enum nursery_type {
	NURSERY_FORK = 1, /* + a worker's end of a socketpair */
	NURSERY_KILL,	  /* a worker: SIGKILL */
	/* from the nursery */
	NURSERY_READY, /* once, confined; or rc and text */
	NURSERY_BORN,  /* answers FORK, in order; rc < 0: there is none */
	NURSERY_DIED,  /* a worker ended: status as of waitpid */
};

struct nursery_msg {
	int32_t type; /* enum nursery_type */
	int32_t pid;
	int32_t rc; /* or status */
	char text[ERR_SIZE];
};

struct nursery_conf {
	const char *run;
	struct sandbox_id id;
	int (*worker)(int sock); /* worker_main */
	int fd_keep;		 /* a lock that lives as long as any worker */
};

/* Forks it and waits until it is confined. Returns our end of its socket,
 * blocking, or -errno with a sentence.
 */
int nursery_start(const struct nursery_conf *c, pid_t *pid, struct err *e);

#endif
