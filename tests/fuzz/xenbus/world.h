/* SPDX-License-Identifier: GPL-2.0-or-later */
/* world.h - what is around the supervisor while fuzz/xenbus.c runs it
 *
 *   store.c  the store's border: a tree in memory, watches, a connection that
 *            goes and comes back
 *   world.c  the borders to clock, taps and guests, and
 *   worker.c that to a worker: models that abort when they are asked for what must
 *            not be
 *
 * Everything between them is netbackd's own.
 */
#ifndef NETBACK_FUZZ_XENBUS_WORLD_H
#define NETBACK_FUZZ_XENBUS_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/sup.h"

#define WORLD_ROOT "/local/domain/0/backend/vif"

enum {
	WORLD_DOMS = 2,
	WORLD_HANDLES = 2,
	WORLD_PORTS = 8, /* a guest offers 1 to that */
	WORLD_PATH = 96,
	WORLD_VALUE = 80,
};

/* --- store.c ----------------------------------------------------------------- */

enum tree_kind {
	TREE_TEXT,
	TREE_HUGE,   /* a megabyte */
	TREE_BINARY, /* a control character in it */
	TREE_SECRET, /* may not be read */
};

void tree_reset(void);
void tree_set(const char *path, enum tree_kind kind, const char *text);
void tree_rm(const char *path);
bool tree_has(const char *path);
/* "" when it is missing or no text. */
const char *tree_text(const char *path);
void tree_away(bool away);
/* The n-th call from now finds the connection gone; or fails with rc. */
void tree_lose_in(unsigned n);
void tree_fail_in(unsigned n, int rc);
/* Somebody else does this before the next transaction ends. */
void tree_conflict(void (*fn)(void *arg), void *arg);
void tree_event(const char *path, const char *token);
bool tree_readable(void);
unsigned tree_watches(const char *path); /* NULL: all */

/* --- world.c ----------------------------------------------------------------- */

void must(bool b);

void world_reset(void);
void world_forget(void); /* netbackd ended: its timers, taps, doors */
void world_later(uint32_t ms);
bool world_turn(void); /* one callback that is due; false: there is none */
unsigned world_timers(void);
unsigned world_taps(void);
void world_tap_fail_in(unsigned n);
bool world_carrier(const char *name);

/* netbackd wrote its own state. */
void world_wrote_state(unsigned domid, unsigned handle, unsigned state);
/* The toolstack did: 1, of a new one; 5, to have it closed. */
void world_made(unsigned domid, unsigned handle);
void world_unplugged(unsigned domid, unsigned handle);

void world_hello(unsigned domid);
void world_port(unsigned domid, uint32_t port);
void world_guest_gone(unsigned domid);
bool world_guest_here(unsigned domid);

/* The worker does its next order, and answers rc if that is not 0. */
bool world_work(struct supervisor *s, int rc);
void world_worker_up(struct supervisor *s);
void world_worker_dies(struct supervisor *s, const struct crew_death *d);
/* Unasked; nothing where it does not serve that vif. */
void world_fatal(struct supervisor *s, unsigned domid, unsigned handle);
void world_stall(struct supervisor *s, unsigned domid, unsigned handle,
		 bool on);
bool world_running(unsigned domid, unsigned handle);
/* Nothing of any guest is with the worker. */
bool world_idle(void);
/* No worker; all: and no vif has ever been. */
void world_worker_forget(bool all);

#endif
