/* SPDX-License-Identifier: GPL-2.0-or-later */
/* own.h - guests' MACs and addresses on closed bridges: only from whose they are
 *
 *   mac, addr4, addr6               owned: what somebody has for himself
 *   heldmac, held4, held6           which device may send it
 *
 * Both say the bridge first, where rules are told its name: elsewhere the same
 * address is another's. What is owned and comes from a device that does not hold it
 * goes to chain `foreign`, an address by way of foreign_addr, which lets those of
 * set `routers` pass. Several may hold the same; it is owned until the last
 * owner goes. A holder that is no owner (struct policy, shared) has the comment
 * "shared".
 */
#ifndef NETBACK_FILTER_OWN_H
#define NETBACK_FILTER_OWN_H

#include <stdbool.h>
#include <stdint.h>

#include "code.h"
#include "guard.h"
#include "nft.h"
#include "policy.h"

enum own_kind { OWN_MAC, OWN_ADDR4, OWN_ADDR6, OWN_KINDS };

enum {
	OWN_SETS = 2 * OWN_KINDS,
	OWN_MACS = 1 + VIF_PAIRS,
	OWN_MOST = OWN_MACS + VIF_ADDRS + 1 + VIF_PAIRS,
	OWN_CLAIM = 16, /* bytes of the longest */
	OWN_KEY = 2 * IFNAMSIZ + OWN_CLAIM,
};

struct own_claim {
	uint8_t kind; /* enum own_kind */
	uint8_t v[OWN_CLAIM];
};

struct own {
	char bridge[IFNAMSIZ], dev[IFNAMSIZ];
	bool shared;
	unsigned n;
	struct own_claim v[OWN_MOST];
};

/* Where such sets are. */
struct own_table {
	const char *name;
	uint16_t family;
	bool named; /* rules are told a bridge's name: it begins keys */
	enum own_kind first; /* no sets of those before */
};

/* Pure: single addresses and MACs of that guard. */
void own_fill(struct own *o, const struct guard *g, const struct policy *p);

/* --- a table's parts --------------------------------------------------------------- */

extern const char *const own_sets[OWN_SETS];

int own_put_sets(struct nft_batch *b, const struct own_table *t);

/* Rule k of a chain; code_close after 0, 1: the chain has no more. to_host: of what
 * a bridge takes before its rules only the MAC is looked at, by which it learns.
 */
int own_rule(struct code *c, const struct own_table *t, const char *chain,
	     unsigned k);
int own_rule_foreign(struct code *c, const struct own_table *t,
		     const char *chain, unsigned k);
/* .. of one that looks at the sources of IPv4 and IPv6 alone */
int own_rule_source(struct code *c, const struct own_table *t,
		    const char *chain, unsigned k);

/* --- elements -------------------------------------------------------------------- */

/* All that o holds, for a device of which nothing is there. */
int own_put(struct nft_batch *b, const struct own *o,
	    const struct own_table *t);

/* The same for one that has been there, whatever it held: o->n 0, nothing is left.
 * Rests on what is read: the batch is of the generation before that. -EINTR: again.
 */
struct own_seen {
	bool others;   /* other devices hold something */
	bool together; /* .. of what this one holds no more */
};
int own_change(struct nft *nft, struct nft_batch *b, const struct own *o,
	       const struct own_table *t, struct own_seen *seen);

/* 0: all of it is there; -ENOENT: not all; -errno. */
int own_there(struct nft *nft, const struct own *o, const struct own_table *t);

/* --- the table of closed bridges ------------------------------------------------- */

struct own_table own_closed(bool named);

/* Which of the two the table there is: 0 or 1; -ENOENT: there is none. */
int own_named(struct nft *nft);

#endif
