/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ruleset.h - files of rules for vifs: one language, two engines
 *
 * /etc/netback/rules.d/NAME.rules, iptables-save's syntax with three words more:
 *
 *   vif vif1.0 vif2.+              whom it is for (a last '+': all that begin so)
 *   group                          .. or for those attached with rules=NAME
 *   engine auto|vif|iptables
 *   set web port 80 443 8000:8080  used as @web where ports stand
 *   set friends addr 10.0.0.0/24 fd00::/64
 *   *filter
 *   :mine - [0:0]
 *   -A from-guest -p tcp -m multiport --dports @web -j RETURN
 *   -6 -A to-guest -s @friends -j mine
 *   COMMIT
 *
 * from-guest judges what the guest sends (to other guests, to the host, and
 * beyond), to-guest what is sent to it. DROP drops, RETURN lets pass, the end
 * of the chain lets pass: what passes still has the administrator's own rules
 * before it. A line without -4 or -6 is for both families, or for the one whose
 * addresses or protocol it names.
 *
 * Engine vif: the same rules in a table of each vif's own, on its device; a
 * frame meets no other vif's rules. Engine iptables: chains of the host's
 * iptables, reached by a tree of physdev jumps. auto: vif, or iptables where a
 * rule cannot be carried over exactly (see ruleset_exact). What a table of the vif's own judges
 * beyond iptables: frames that the host itself sends or routes to the guest,
 * which iptables cannot tell by port, and VLAN-tagged IP.
 */
#ifndef NETBACK_RULESET_H
#define NETBACK_RULESET_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "rules.h"

enum {
	RULESET_NAME = 13, /* bytes: what a chain's name leaves for it */
	RULESET_RULES = 100000,
};

enum ruleset_engine { RULESET_AUTO, RULESET_VIF, RULESET_IPTABLES };

struct ruleset_set {
	char name[RULES_NAME];
	bool port;
	char *text[2]; /* "a,b,c": IPv4 (and ports), IPv6; NULL = none */
};

struct ruleset {
	char name[RULESET_NAME];
	enum ruleset_engine engine;
	char (*vif)[IFNAMSIZ];
	size_t nvif;
	bool group; /* there need be no vif */
	struct ruleset_set *set;
	size_t nset;
	struct rules rules; /* in chains from-guest, to-guest and its own */
};

/* Reads one file's text. name: of the file, for messages. Changes nothing in the
 * kernel. -EINVAL with "name:line:column: why".
 */
int ruleset_parse(const char *name, const char *text, size_t size,
		  struct ruleset **out, struct err *e);
void ruleset_free(struct ruleset *s); /* NULL is fine */

/* Can each rule be carried over into a vif's own table exactly? 0, or
 * -EOPNOTSUPP with the rule and the reason. nearly: a connection's state may be
 * asked for, in to-guest; what differs then is that a packet which is dropped
 * there has been tracked: what follows in its connection, answers above all,
 * finds it known.
 */
int ruleset_exact(const struct ruleset *s, bool nearly, struct err *e);

/* Files, all of which must be right, and what they ask for, into the kernel.
 * Those that are gone since are removed. What is there already is left alone.
 */
struct ruleset_how {
	bool variant_given;
	enum rules_variant variant;
	FILE *say; /* what was done, a line for each table; NULL: nothing */
	bool only; /* these files and no look at others': none is removed, and
		    * engine vif alone */
};
int ruleset_apply(struct ruleset *const *s, size_t n,
		  const struct ruleset_how *how, struct err *e);

/* Rules that come and go with a vif, in a table of its own beside that of the
 * files above (attach's rules=; filter_remove takes it away): all of these files
 * for that device, whomever they name, engine vif alone. bridge: whose port it is
 * or will be, "" = none. What is there already is left alone.
 */
int ruleset_attach(const char *dev, const char *bridge,
		   struct ruleset *const *s, size_t n, struct err *e);

/* 0 it is there as ruleset_attach would write it; 1 not, and a line on out. */
int ruleset_attached(const char *dev, struct ruleset *const *s, size_t n,
		     FILE *out, struct err *e);

/* --- what rules counted ---------------------------------------------------
 *
 * Of engine vif: each vif has counters of its own. (Those of engine iptables
 * are of all its vifs together; iptables lists them.) A table that is written anew,
 * because its files say something else, begins at zero.
 */
enum { RULESET_ID = 40 };
struct ruleset_count {
	char vif[IFNAMSIZ];
	const char *way;       /* "from-guest", "to-guest", "both" */
	char rule[RULESET_ID]; /* FILE:LINE */
	uint64_t packets, bytes;
};

/* Of one vif's rules, or with NULL of all: how many, at most `most`, for the
 * caller to free, or -errno. left: rules for which that was not enough.
 */
int ruleset_counts(const char *vif, size_t most, struct ruleset_count **out,
		   size_t *left, struct err *e);

/* --- what -j NFLOG says --------------------------------------------------- */

/* A packet that a rule logged. Of a file's rule the prefix begins with its id,
 * FILE:LINE, which is taken off here.
 */
struct ruleset_log {
	uint64_t ns;			  /* since 1970 */
	char vif[IFNAMSIZ];		  /* "" when it cannot be told */
	char in[IFNAMSIZ], out[IFNAMSIZ]; /* ports of a bridge, as known */
	const char *way;		  /* "from-guest", "to-guest" or "" */
	char rule[RULESET_ID];		  /* "web:7" or "" */
	char prefix[128];
	const uint8_t *ether; /* its Ethernet header, NULL: not known */
	const uint8_t *ip;    /* IPv4 or IPv6, as much as the rule said */
	size_t size;	      /* bytes of ip */
};
typedef int ruleset_log_fn(const struct ruleset_log *l, void *arg);

/* Listens to a group until each returns other than 0, which is returned, or a
 * signal comes (0).
 */
int ruleset_log(uint16_t group, ruleset_log_fn *each, void *arg, struct err *e);

/* As linear rules: what engine iptables puts in place, one iptables-save line
 * each; for people and tests.
 */
int ruleset_print(const struct ruleset *s, FILE *out, struct err *e);

#endif
