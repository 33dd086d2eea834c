/* SPDX-License-Identifier: GPL-2.0-or-later */
/* explain_rules.h - the ruleset as explain reads it, and a frame as rules see it */
#ifndef NETBACK_FILTER_EXPLAIN_RULES_H
#define NETBACK_FILTER_EXPLAIN_RULES_H

#include <stdio.h> /* libnftnl/expr.h uses FILE without it */

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>

#include "explain.h"
#include "nft.h"

enum {
	EXPLAIN_NAME = 128,
	EXPLAIN_CHAINS = 1 << 17,
	EXPLAIN_RULES = 8192,
	EXPLAIN_STEPS = 20000, /* rules that one frame may meet */
	EXPLAIN_REGS =
		20, /* of four bytes, 16 and up are 8 .. in nft's count */
};

/* A rule that came to a chain, or went from it. */
struct explain_changed {
	struct nftnl_rule *rule;
	bool came;
};
enum { EXPLAIN_CAME = 1, EXPLAIN_WENT = 2 };

struct explain_chain {
	uint16_t family;
	char table[EXPLAIN_NAME], name[EXPLAIN_NAME];
	bool base;
	uint32_t hook, policy;
	int32_t prio;
	unsigned age; /* a larger number is younger */
	char dev[IFNAMSIZ];
	bool loaded;
	unsigned n;
	struct nftnl_rule **rule;
	unsigned nchanged;
	struct explain_changed *changed;
};

struct explain_set {
	uint16_t family;
	char table[EXPLAIN_NAME], name[EXPLAIN_NAME];
	uint32_t flags, size, nelem;
	struct nftnl_set *set;	 /* its definition */
	struct nftnl_set *elems; /* NULL = none */
};

/* The priority of br_netfilter's hook for IP at forward; 0 = not asked yet. */
enum explain_brnf {
	EXPLAIN_BRNF_0 = 1,
	EXPLAIN_BRNF_1,
	EXPLAIN_BRNF_SOMEWHERE
};

struct explain_db {
	struct nft *nft;
	enum explain_brnf brnf;
	const char *dev[2]; /* of other devices' guards nothing is kept */
	unsigned nchain, nset, room;
	bool many; /* more chains than there is room for */
	/* of explain_db_changed: the kinds of those that may take the frame; and
	 * are those that came to be left out?
	 */
	unsigned met;
	bool before;
	struct explain_chain *chain;
	/* pointers to them: base chains, in order, those of a device behind
	 * all others, by device; and all by name
	 */
	struct explain_chain **base, **named;
	unsigned nbase, nplain;
	struct explain_set **set;
};

/* explain_load.c: -errno of the kernel's. For frames that come and leave by x's
 * devices, as long as x is there; NULL: by any, and without vifs' guards.
 */
int explain_db_open(struct explain_db **out, const struct explain *x,
		    struct err *e);
/* .. without any chain, to which others can be added */
int explain_db_empty(struct explain_db **out, struct err *e);
void explain_db_close(struct explain_db *db);
struct explain_chain *explain_db_chain(struct explain_db *db, uint16_t family,
				       const char *table, const char *name);
int explain_db_rules(struct explain_db *db, struct explain_chain *c);
struct explain_set *explain_db_set(struct explain_db *db, uint16_t family,
				   const char *table, const char *name);

/* One more, empty; NULL: there is no room. */
struct explain_chain *explain_db_more(struct explain_db *db);
/* By priority, after chains were added. */
int explain_db_sort(struct explain_db *db);
/* Base chains in order: those of a device, or those of none. */
struct explain_chain *const *explain_db_base(const struct explain_db *db,
					     const char *dev, unsigned *n);
/* r must live as long as the chain: a frame that comes to the chain and may be one of
 * that rule's is noted in db->met.
 */
int explain_db_changed(struct explain_chain *c, struct nftnl_rule *r,
		       bool came);
/* How the names of tables of iptables' legacy variant begin. */
#define EXPLAIN_LEGACY "legacy:"

/* A frame at a hook. nh, th: offsets in frame; th_ok: there is an upper layer. */
struct explain_pkt {
	const struct explain *x;
	uint16_t family, proto; /* ethertype that the kernel judges by */
	size_t nh, th;
	bool tagged;
	uint16_t vid;	   /* if it is tagged; 0 is nobody's */
	bool th_ok, later; /* a fragment that is not the first */
	uint8_t l4;
	const char *in, *out;	      /* as iifname sees them */
	const char *physin, *physout; /* as physdev does; NULL = unknown */
	uint32_t mark;
	bool mark_known;
	/* Only what it says itself is known: not where it is, but for physin and
	 * physout, nor its MACs.
	 */
	bool any;
};

/* Registers in four-byte words; unknown ones are not zero but not known. */
struct explain_regs {
	uint8_t b[EXPLAIN_REGS * 4];
	bool unknown[EXPLAIN_REGS];
	int verdict; /* NFT_CONTINUE, NF_DROP .. */
	char chain[EXPLAIN_NAME];
};

enum explain_match { EXPLAIN_NO, EXPLAIN_YES, EXPLAIN_MAYBE };

/* explain_eval.c: one rule. Which it is, and in regs its verdict; why: what
 * cannot be known. pkt's mark may change.
 */
enum explain_match explain_rule(struct explain_db *db,
				const struct explain_chain *c,
				struct nftnl_rule *r, struct explain_pkt *p,
				struct explain_regs *regs, const char **why);

/* explain_xt.c: an extension of iptables. */
struct nftnl_expr;
enum explain_match explain_xt(const struct nftnl_expr *x,
			      const struct explain_pkt *p);

/* explain_pkt.c: where the headers are, for rules of that family. */
void explain_look(struct explain_pkt *p);
/* The first packet of a connection, as explain_words makes it. -EINVAL: a number that
 * is no protocol.
 */
struct explain_first {
	int family;
	uint8_t proto;
	const uint8_t *from, *to;
	uint16_t sport, dport;
};
int explain_tuple(struct explain *x, const uint8_t dst[6], const uint8_t src[6],
		  const struct explain_first *t);
/* Where IPv6's first extension header of that kind is, 0 = there is none. */
size_t explain_ext(const struct explain_pkt *p, uint8_t type);
/* PACKET_HOST .. */
uint8_t explain_pkttype(const struct explain_pkt *p);

/* explain_brnf.c: does br_netfilter show the frame to iptables, to arptables, or,
 * packed in PPPoE, to the former?
 */
bool explain_brnf_ip(const struct explain_pkt *p);
bool explain_brnf_arp(const struct explain_pkt *p);
bool explain_brnf_pppoe(const struct explain_pkt *p);
/* Why it drops what it would show to iptables, NULL = it does not. */
const char *explain_brnf_bad(const struct explain_pkt *p);
/* A number in sysfs of a device, 0 = none. */
unsigned explain_sysfs(const char *dev, const char *what);
/* Once it takes a frame at forward: does a bridge's chain of that priority see it? */
enum explain_asked { EXPLAIN_ASKED, EXPLAIN_ASKED_NOT, EXPLAIN_ASKED_MAYBE };
enum explain_asked explain_brnf_asked(struct explain_db *db, bool arp,
				      int32_t prio);

/* explain_run with what was read before, for several frames of the same devices. */
int explain_frame(struct explain_db *db, const struct explain *x, FILE *out,
		  struct err *e);

/* explain_kind.c: what rtnetlink calls a device of that kind; NULL: not known. */
const char *explain_kind_of(const char *dev);

#endif
