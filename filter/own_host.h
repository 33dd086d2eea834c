/* SPDX-License-Identifier: GPL-2.0-or-later */
/* own_host.h - addresses of guests that the host routes to: only from whose they are
 *
 * Tables inet and bridge netback-own, there while such a guest has a guard. The
 * first is asked of what the host takes and forwards, the second of what a bridge
 * hands up to it: what is bridged is no matter of theirs, though br_netfilter
 * shows it to family inet. Both have the sets of own.h, without MACs.
 */
#ifndef NETBACK_FILTER_OWN_HOST_H
#define NETBACK_FILTER_OWN_HOST_H

#include "own.h"

#define OWN_HOST_TABLE "netback-own"

/* Pure: what the host should take from that device alone, if it routes to it. */
void own_host_fill(struct own *o, const struct guard *g,
		   const struct policy *p);

/* Makes it so; fresh: the device had no guard before, so nothing is read. */
int own_host_know(const struct own *o, bool fresh, struct err *e);
/* .. as part of a batch of another's, for a fresh one */
int own_host_put(struct nft *nft, struct nft_batch *b, const void *own);
/* Where there is something to forget the guard's table goes in the same batch. */
int own_host_forget(const char *dev, const char *guard, struct err *e);

/* 0: it is so, 1: not all of it is; -errno. */
int own_host_check(const struct own *o, struct err *e);

/* A line of nft(8)'s that says it, none if there is nothing: length, or -ENOSPC. */
int own_host_print(const struct own *o, char *buf, size_t size);

#endif
