/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rules_own.h - ways to the kernel that rules.h chooses between */
#ifndef NETBACK_FILTER_RULES_OWN_H
#define NETBACK_FILTER_RULES_OWN_H

#include "code.h"
#include "rules.h"

/* rules_code.c, pure: as iptables-nft 1.8 writes it. c is opened here. */
int rules_code(const struct rule *r, struct code *c);

/* Its parts: addresses; and a match in nf_tables' own instructions, false when
 * it has none.
 */
void rules_code_addrs(const struct rule *r, struct code *c);
bool rules_code_own(const struct rules_ext *x, struct code *c);

/* Puts the file, line and column of a rule before what is in e, if it has any. */
void rules_place(const struct rules *rs, const struct rule *r, struct err *e);

/* rules_bridge.c: iptables is called for that bridge's frames. */
int rules_bridge_on(const char *bridge, bool ip6, struct err *e);

/* rules_nft.c */
int rules_nft_do(const struct rules *rs, struct err *e);

/* rules_tool.c: by iptables-restore -n, iptables -C .. of the variant. */
int rules_tool_do(const struct rules *rs, enum rules_variant v, struct err *e);

/* rules_legacy.c: rules that a table holds, chains' policies not counted; 0 when
 * it cannot be read.
 */
unsigned rules_legacy_count(bool ip6, const char *table);
int rules_legacy_do(const struct rules *rs, struct err *e);

/* rules_legacy_read.c: what a table holds that is there, in order: RULES_NEW for
 * each chain, RULES_POLICY if it has one, its rules by their numbers, all with their
 * counters. Adds to out.
 */
int rules_legacy_read(bool ip6, const char *table, struct rules *out);
/* .. of one that is read already, and may have been changed since */
struct xtc_handle;
int rules_legacy_of(struct xtc_handle *h, bool ip6, const char *table,
		    struct rules *out);

/* rules_change.c, pure: from one table's content to another, as they are read above,
 * what becomes possible? Rules that only log or count do not matter.
 */
enum rules_change {
	RULES_CLOSES, /* less passes, or nothing changes */
	RULES_BOTH,   /* both, or it cannot be told */
	RULES_OPENS,  /* more passes */
};
int rules_change(const struct rules *was, const struct rules *is,
		 enum rules_change *out);

/* rules_exec.c: the program of a family and variant, "-save", "" ..; runs it with
 * `in` as its input (NULL: none) and its output to out (NULL: nowhere). Its exit
 * status, or -errno; what it complained of is in e.
 */
struct rules_tool {
	bool ip6;
	enum rules_variant variant;
	const char *kind;	 /* "", "-save", "-restore" */
	const char *const *argv; /* after the program's name; NULL ends it */
	const char *in;
	FILE *out;
};
int rules_tool(const struct rules_tool *t, struct err *e);

#endif
