/* SPDX-License-Identifier: GPL-2.0-or-later */
/* engine_nft.h - what the files of engine vif share: a batch being filled */
#ifndef NETBACK_FILTER_ENGINE_NFT_H
#define NETBACK_FILTER_ENGINE_NFT_H

#include "code.h"
#include "engine.h"
#include "guard.h"
#include "nft.h"
#include "ruleset.h"

enum {
	ENGINE_SUM = 40,	   /* "netback rules " and 16 digits */
	ENGINE_PRIO = -400,	   /* behind the guard's .. */
	ENGINE_PRIO_ATTACH = -450, /* .. and what is the vif's own between */
	ENGINE_PRIO_STATE = 320,
};

/* Tables' names: of `rules apply`, of attach's rules=, of connections' states. */
#define ENGINE_RULES  "netrules-"
#define ENGINE_ATTACH "netattach-"
#define ENGINE_ZONE   "netzone-" /* of a bridge: zone.c */
extern const char engine_state[];

struct engine_old {
	char table[GUARD_NAMED], sum[ENGINE_SUM];
	bool wanted;
};

struct engine_nft {
	struct nft *nft;
	struct nft_batch *b;
	struct engine_old *old;
	size_t nold;
	bool state_there;
	char (*zone)[GUARD_NAMED]; /* tables of bridges' zones */
	size_t nzone;
	bool zones;    /* they are wanted */
	bool attached; /* some vif has rules of its own */
	const char *prefix;
	int32_t prio;
	bool one; /* every file is for the vif at hand */
	/* of the vif at hand */
	const char *dev;
	char table[GUARD_NAMED];
	char id[RULESET_ID]; /* of the rule at hand */
	uint64_t sum;
	unsigned made, gone;
	struct err *e;
};

struct engine_chain {
	const char *name;
	bool base;
	uint32_t hook;
	int32_t prio;
	const char *dev; /* NULL: not of a device */
};

/* One table by name into x->old: thousands of others need not be listed. */
int engine_read_one(struct engine_nft *x, uint16_t family, const char *name);
int engine_table_msg(struct engine_nft *x, uint16_t type, uint16_t family,
		     const char *name, const char *comment);
int engine_chain_msg(struct engine_nft *x, uint16_t family, const char *table,
		     const struct engine_chain *k);
void engine_rule_msg(struct engine_nft *x, uint16_t family,
		     const struct code *c);
/* .. and closes it. */
int engine_rule_close(struct engine_nft *x, uint16_t family, struct code *c);

/* engine_state.c: the table that sends a connection's state up, if it is not
 * there.
 */
int engine_state_put(struct engine_nft *x);

#endif
