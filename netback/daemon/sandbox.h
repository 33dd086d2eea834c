/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sandbox.h - what the nursery and its workers give up, for good
 *
 * In this order. Nothing here can be taken back; each returns 0 or -errno.
 */
#ifndef NETBACK_DAEMON_SANDBOX_H
#define NETBACK_DAEMON_SANDBOX_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"

struct sandbox_id {
	bool change; /* false: only one uid exists in this user namespace */
	uid_t uid;
	gid_t gid;
};

/* Whom to become: `user`, or "netback" or "nobody" when that is NULL. */
int sandbox_find_id(struct sandbox_id *id, const char *user, struct err *e);

/* Nursery: own namespaces, a root directory without a file or a way to make
 * one, another uid, no capabilities, no new privileges, ends with its parent.
 * `run` is where the directory is made, before it is removed.
 */
int sandbox_nursery(const struct sandbox_id *id, const char *run,
		    struct err *e);

/* Worker: the system calls noted in the sources, nothing else, and no file longer
 * than survival memory. A call beyond them kills the worker; what the sanitizers
 * need is added in their build.
 */
int sandbox_worker(struct err *e);

/* Supervisor: CAP_NET_ADMIN alone. */
int sandbox_supervisor(struct err *e);

/* SIGKILL for us when the parent is gone; -ESRCH when it is gone already. */
int sandbox_tie(pid_t parent);

#endif
