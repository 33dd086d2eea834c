/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guard_nft.h - what writing the guard and comparing it share */
#ifndef NETBACK_FILTER_GUARD_NFT_H
#define NETBACK_FILTER_GUARD_NFT_H

#include "code.h"
#include "guard.h"

/* What a kernel needs that can do all of it. */
extern const char guard_nft_config[];

/* The note `accept` (guard_check.c), into a table that is to be made. */
struct nft;
struct nftnl_table;
void guard_nft_put_note(struct nftnl_table *t);

/* One rule as instructions; code_close after 0. */
int guard_nft_rule(const struct guard *g, const struct guard_rule *r,
		   struct code *c);

/* 0, -ENOENT: no such table or no nf_tables to have one, -errno: it cannot be told.
 * A hint only: whichever way is taken is right whatever happens meanwhile.
 */
int guard_nft_there(struct nft *nft, const char *table, bool *note);

/* Takes the table away, with what is in the batch besides. */
struct nft_batch;
int guard_nft_put_gone(struct nft_batch *b, const char *table);

#endif
