/* SPDX-License-Identifier: GPL-2.0-or-later */
/* closed.h - closed bridges: a guarded device is a known port, and has its own */
#ifndef NETBACK_FILTER_CLOSED_H
#define NETBACK_FILTER_CLOSED_H

#include <stdbool.h>

#include "err.h"

#define CLOSED_TABLE "netback-closed"

struct nft;
struct nft_batch;
struct own;

/* Tells the table, where there is one, of a guard and what is its own: after the
 * guard stands, before it goes. So whoever makes the table meanwhile sees the guard,
 * or we see the table.
 */
int closed_know(const struct own *o, struct err *e);
int closed_forget(const char *dev, struct err *e);

/* -errno, or: its name is not there; it is, but not all that is its own; all is, or
 * no bridge is closed.
 */
enum closed_state { CLOSED_SHUT, CLOSED_NOT_ALL, CLOSED_KNOWN };
int closed_knows(const struct own *o, struct err *e);

/* --- the table -------------------------------------------------------------------- */

extern const char closed_config[]; /* what the kernel needs for it */

bool closed_there(struct nft *nft);
/* 0: its name is known; -ENOENT: it is not; -errno. */
int closed_has_port(struct nft *nft, const char *dev);
/* Adds its name, or takes it away. */
int closed_put_port(struct nft_batch *b, const char *dev, bool on);

#endif
