/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ruleset_own.h - the two engines of ruleset.h */
#ifndef NETBACK_FILTER_RULESET_OWN_H
#define NETBACK_FILTER_RULESET_OWN_H

#include "rules_own.h"
#include "ruleset.h"

/* "netback-rules" is reached from INPUT and FORWARD; "nb-i" and "nb-o" begin the
 * trees of ports; "nb-FILE-CHAIN" is a chain of a file.
 */
#define LINEAR_ROOT "netback-rules"

/* ruleset_linear.c */
int linear_apply(const struct ruleset *const *s, size_t n, enum rules_variant v,
		 FILE *say, struct err *e);

/* engine.c: one rule of a vif's own table; a rule with ports in a list becomes
 * several. each is called for each one's instructions. -EOPNOTSUPP with why it
 * cannot be the same there.
 */
typedef int engine_each_fn(struct code *c, void *arg);
int engine_code(const struct rule *r, const char *table, engine_each_fn *each,
		void *arg, struct err *e);
/* Does a rule ask for the connection's state? */
bool engine_stateful(const struct rule *r);

/* What rules cannot see in a packet's parts, one by one, would go by them: TCP's
 * flags in the second part, when a rule asks for flags (RFC 1858); and, when one of
 * IPv6 asks for a protocol, upper layers behind more headers than the first part
 * has room for (RFC 7112), whose later parts say no protocol.
 * A chain that drops that, before all rules of a file. 0: not needed.
 */
#define ENGINE_HIDDEN                                                          \
	"upper-layer-that-is-hidden" /* longer than a file's may be */
unsigned engine_hides(const struct ruleset *s);
int engine_hidden(unsigned hides, const char *table, const char *chain,
		  engine_each_fn *each, void *arg);

/* engine_nft.c: a table for each vif that is there; with remove, those of others
 * go, and bridges' zones unless they are wanted, too.
 */
enum engine_remove { ENGINE_NONE_GOES, ENGINE_OTHERS, ENGINE_OTHERS_ZONES };
int engine_apply(const struct ruleset *const *s, size_t n,
		 enum engine_remove remove, FILE *say, struct err *e);

/* zone.c: connections of what is bridged there are apart from all others. Where
 * the kernel has no zones nothing is done.
 */
int zone_put(const char *bridge, struct err *e);

/* All of the files for that device, in the table that goes with the vif. look: do
 * nothing, and 1 when the table is not so.
 */
int engine_attach(const char *dev, const struct ruleset *const *s, size_t n,
		  bool look, struct err *e);

#endif
