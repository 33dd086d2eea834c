/* SPDX-License-Identifier: GPL-2.0-or-later */
/* estate.h - descriptors that outlive a supervisor, by name
 *
 *   tap.vif1.0		a vif's tap: open, it keeps its carrier
 *   hv.1		the connection of domain 1 at RUN/dom/1/hv
 *   mem.1.SIZE.OFF.N	its memory, with what it said of it (hv_wire.h, HELLO)
 *   from.1.7, to.1.7	its event channel 7
 *
 * Somebody else holds a copy of each: the service manager (sd_notify(3), FDSTORE=1
 * at NOTIFY_SOCKET) for the case that we die, and hands them to the next instance
 * as LISTEN_FDS with LISTEN_FDNAMES; or the next instance itself, which asks for
 * them while we still live (take-over). Without either, guests connect again
 * and taps are opened anew: that works, but they notice.
 *
 * What is inherited is taken by name, once. Whatever nobody took when everything
 * has been looked at is closed and forgotten: estate_settle.
 */
#ifndef NETBACK_DAEMON_ESTATE_H
#define NETBACK_DAEMON_ESTATE_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

enum { ESTATE_NAME = 64 };

struct estate;
struct loop;

/* Takes in LISTEN_FDS if they are meant for this process, whatever they are, and
 * makes them close-on-exec. Call it before anything else is opened.
 */
int estate_open(struct estate **out);

/* All of an instance that still runs, over its socket: it has ended, or will
 * in a moment. 0 or -errno.
 */
int estate_inherit(struct estate *t, int sock);

/* Sends what was kept (t may be NULL), fd if it has a name, and the end. The other
 * half of estate_inherit.
 */
int estate_bequeath(const struct estate *t, int sock, const char *name, int fd);

bool estate_managed(const struct estate *t); /* somebody keeps it for us */

/* Names fd, which stays the caller's, until estate_drop. A NULL estate keeps
 * nothing.
 */
void estate_keep(struct estate *t, const char *name, int fd);
void estate_drop(struct estate *t, const char *name);

/* A manager that is slow to read what it is told is told the rest as this loop
 * turns.
 */
void estate_run(struct estate *t, struct loop *l);

/* Whether there is such a rest; not of one that has been slow for so long that
 * nobody should wait for it.
 */
bool estate_behind(const struct estate *t);

/* Waits, not for long, until the manager has closed what was dropped. */
void estate_barrier(struct estate *t);

/* An inherited descriptor of that name, or whose name begins so if `prefix` is
 * empty or ends in a dot; the caller's then, and
 * it may keep it again under its whole name, put into `name` if that is not
 * NULL, or must refuse it (which closes it). -ENOENT when there is none.
 */
int estate_take(struct estate *t, const char *prefix, char name[ESTATE_NAME]);

void estate_refuse(struct estate *t, const char *name, int fd);

unsigned estate_waiting(const struct estate *t); /* inherited, not taken */
void estate_settle(struct estate *t);

/* "READY=1" and the like, to the service manager if there is one; the text stays. */
void estate_say(struct estate *t, const char *text);

/* From here on nothing is kept nor dropped: we end, and the next one inherits. */
void estate_freeze(struct estate *t);

void estate_close(struct estate *t); /* NULL is fine */

#endif
