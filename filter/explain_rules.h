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
	EXPLAIN_CHAINS = 8192,
	EXPLAIN_RULES = 8192,
	EXPLAIN_STEPS = 20000, /* rules that one frame may meet */
	EXPLAIN_REGS =
		20, /* of four bytes, 16 and up are 8 .. in nft's count */
};

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
	unsigned nchain, nset;
	bool many; /* more chains than there is room for */
	struct explain_chain *chain;
	struct explain_set **set;
};

/* explain_load.c: -errno of the kernel's. For frames that come and leave by x's
 * devices, as long as x is there; NULL: by any.
 */
int explain_db_open(struct explain_db **out, const struct explain *x,
		    struct err *e);
void explain_db_close(struct explain_db *db);
struct explain_chain *explain_db_chain(struct explain_db *db, uint16_t family,
				       const char *table, const char *name);
int explain_db_rules(struct explain_db *db, struct explain_chain *c);
struct explain_set *explain_db_set(struct explain_db *db, uint16_t family,
				   const char *table, const char *name);

/* By priority, after chains were added. */
void explain_db_sort(struct explain_db *db);
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
/* Where IPv6's first extension header of that kind is, 0 = there is none. */
size_t explain_ext(const struct explain_pkt *p, uint8_t type);

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

#endif
