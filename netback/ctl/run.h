/* SPDX-License-Identifier: GPL-2.0-or-later */
/* run.h - the run directory: locks, the store's socket, signals held back */
#ifndef NETBACK_CTL_RUN_H
#define NETBACK_CTL_RUN_H

#include "ctl/ctl.h"

enum {
	RUN_STORE_MS = 2000, /* longest wait for a store that is away */
};

/* Takes RUN/lock/NAME: an fd, or -errno with a sentence (-EBUSY: another
 * vifctl still holds it after c->wait_ms).
 */
int run_lock(const struct ctl *c, const char *name, struct err *e);
void run_unlock(const struct ctl *c, const char *name, int fd);

/* A folder, and an empty file: root's own, and both may be there already. */
int run_folder(const char *path, struct err *e);
int run_mark(const char *path, struct err *e);

/* Opens c->store unless it is open. */
int run_store(struct ctl *c, struct err *e);

/* Holds SIGINT, SIGTERM and SIGHUP back from here on: work in progress asks
 * run_interrupted() while it waits, and undoes what it did.
 */
void run_hold_signals(void);
bool run_interrupted(void);

#endif
