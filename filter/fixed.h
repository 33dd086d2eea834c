/* SPDX-License-Identifier: GPL-2.0-or-later */
/* fixed.h - a table of ours whose chains and rules never change
 *
 * What does is in its sets, which are its owner's.
 */
#ifndef NETBACK_FILTER_FIXED_H
#define NETBACK_FILTER_FIXED_H

#include <linux/netfilter.h>
#include <stdbool.h>
#include <stdint.h>

#include "code.h"
#include "nft.h"

enum { FIXED_NO_HOOK = NF_INET_NUMHOOKS };

struct fixed_chain {
	const char *name;
	uint32_t hook; /* FIXED_NO_HOOK: rules go there */
};

struct fixed {
	const char *table;
	uint16_t family;
	int32_t prio;
	unsigned nset, nchain;
	const struct fixed_chain *chain; /* whom rules go to is before them */
	/* Rule k of chain i: code_close after 0; 1: the chain has no more. */
	int (*rule)(struct code *c, const struct fixed *t, unsigned i,
		    unsigned k);
	bool named; /* rules are told a bridge's name */
};

bool fixed_there(struct nft *nft, const struct fixed *t);

/* Rule by rule, but not what the sets hold. */
bool fixed_stands(struct nft *nft, const struct fixed *t);

/* type: NFT_MSG_NEWTABLE (flags: NLM_F_EXCL, or what is there stays) or _DELTABLE */
int fixed_put_table(struct nft_batch *b, const struct fixed *t, uint16_t type,
		    uint16_t flags);

/* All chains and their rules; there: in place of those that they may have. */
int fixed_put_chains(struct nft_batch *b, const struct fixed *t, bool there);

#endif
