// SPDX-License-Identifier: GPL-2.0-or-later
/* explain.c - the hooks that a frame passes, and what each chain does there
 *
 *   netdev ingress of `in`
 *   on a bridge: bridge prerouting; where br_netfilter is on, ip prerouting in it
 *     to a port: bridge forward with ip forward in it (and not all chains of the
 *     former, explain_brnf.c), bridge postrouting with ip postrouting behind it
 *     to the host: bridge input, then ip prerouting and input
 *   else ip prerouting, then forward and postrouting, or input
 *   netdev egress of `out`
 *
 *   from a bridge's port, routed: bridge prerouting and input first; to one: bridge
 *     output and postrouting last
 *
 * "ip" stands for the chains of family ip or ip6, and inet. What a bridge does
 * by itself (FDB, port flags) is told by who asks; routing and conntrack are not
 * asked.
 */
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "accept.h"
#include "base/num.h"
#include "explain_rules.h"

/* As in linux/netfilter_bridge.h, whose includes collide with net/if.h */
enum {
	NF_BR_PRE_ROUTING = 0,
	NF_BR_LOCAL_IN = 1,
	NF_BR_FORWARD = 2,
	NF_BR_LOCAL_OUT = 3,
	NF_BR_POST_ROUTING = 4,
	NF_BR_PRI_BRNF = 0,
};

enum {
	/* what a chain can come to, in bits; beside EXPLAIN_PASS, EXPLAIN_DROP */
	EXPLAIN_FALL = 4, /* its end */
	EXPLAIN_DEPTH = 32,
};

struct explain_walk {
	const struct explain *x;
	struct explain_db *db;
	FILE *out;
	struct err *e;
	struct explain_pkt p;
	const char *hook; /* as lines name it */
	unsigned steps, maybe;
	int rc;
	char by[3 * EXPLAIN_NAME]; /* what dropped it */
	bool ruled, lost;	   /* by a rule, by the bridge */
	bool taken, arp;	   /* by br_netfilter, as ARP */
	const char *why;	   /* what could not be known */
};

static const char *explain_family(uint16_t family)
{
	switch (family) {
	case NFPROTO_NETDEV:
		return "netdev";
	case NFPROTO_BRIDGE:
		return "bridge";
	case NFPROTO_IPV4:
		return "ip";
	case NFPROTO_IPV6:
		return "ip6";
	case NFPROTO_INET:
		return "inet";
	case NFPROTO_ARP:
		return "arp";
	}
	return "?";
}

/* Whose rule it is, as far as a table's name tells. */
static const char *explain_whose(const struct explain_chain *c)
{
	static const char *const iptables[] = { "filter", "nat", "mangle",
						"raw", "security" };
	unsigned i;

	if (c->family == NFPROTO_NETDEV && !strncmp(c->table, "netback-", 8))
		return "the guard";
	if (!strncmp(c->table, "netrules-", 9) ||
	    !strncmp(c->table, "netattach-", 10) ||
	    !strncmp(c->table, "netback-", 8))
		return "netback";
	if (!strncmp(c->table, EXPLAIN_LEGACY, strlen(EXPLAIN_LEGACY)))
		return "iptables-legacy";
	for (i = 0; i < ARRAY_SIZE(iptables); i++)
		if (!strcmp(c->table, iptables[i]) &&
		    (c->family == NFPROTO_IPV4 || c->family == NFPROTO_IPV6))
			return "iptables";
	return "nftables";
}

static int explain_reason(struct nftnl_expr *x, void *data)
{
	const char **name = data;

	if (!strcmp(nftnl_expr_get_str(x, NFTNL_EXPR_NAME), "objref") &&
	    nftnl_expr_is_set(x, NFTNL_EXPR_OBJREF_IMM_NAME))
		*name = nftnl_expr_get_str(x, NFTNL_EXPR_OBJREF_IMM_NAME);
	return 0;
}

static const char *explain_verdict(const struct explain_regs *r, char *buf,
				   size_t size)
{
	const char *word = "continue";

	switch (r->verdict) {
	case NF_DROP:
		word = "drop";
		break;
	case NF_ACCEPT:
		word = "accept";
		break;
	case NFT_RETURN:
		word = "return";
		break;
	case NFT_JUMP:
		word = "jump";
		break;
	case NFT_GOTO:
		word = "goto";
		break;
	case NFT_CONTINUE:
		break;
	default:
		word = "queue";
		break;
	}
	snprintf(buf, size, "%s%s%s", word, r->chain[0] ? " " : "", r->chain);
	return buf;
}

/* One line for a rule, and if it drops, what to say at the end. */
static void explain_say(struct explain_walk *w, const struct explain_chain *c,
			struct nftnl_rule *r, const struct explain_regs *regs,
			const char *maybe)
{
	unsigned long long handle = nftnl_rule_get_u64(r, NFTNL_RULE_HANDLE);
	char text[EXPLAIN_NAME + 16];
	const char *reason = "";

	nftnl_expr_foreach(r, explain_reason, &reason);
	explain_verdict(regs, text, sizeof(text));
	fprintf(w->out, "%s %s %s %s rule %llu %s", w->hook,
		explain_family(c->family), c->table, c->name, handle, text);
	if (reason[0])
		fprintf(w->out, " # %s", reason);
	if (maybe)
		fprintf(w->out, " ? it asks %s", maybe);
	fputc('\n', w->out);
	if (regs->verdict == NF_DROP && !w->by[0])
		snprintf(w->by, sizeof(w->by),
			 "%.31s, %s %.63s %.63s rule %llu%s%.31s",
			 explain_whose(c), explain_family(c->family), c->table,
			 c->name, handle, reason[0] ? ", " : "", reason);
}

static int explain_chain(struct explain_walk *w, struct explain_chain *c,
			 unsigned from, unsigned depth);

static int explain_to(struct explain_walk *w, struct explain_chain *c,
		      const struct explain_regs *regs, unsigned depth)
{
	struct explain_chain *to = explain_db_chain(w->db, c->family, c->table,
						    regs->chain);

	if (!to || depth == EXPLAIN_DEPTH) {
		w->rc = err_set(w->e, -ELOOP,
				"chain %.60s: not there, or too deep",
				regs->chain);
		return 0;
	}
	return explain_chain(w, to, 0, depth + 1);
}

/* What a rule that applies comes to; EXPLAIN_FALL | 8: go on behind it. */
enum { EXPLAIN_NEXT = 8 };

static int explain_apply(struct explain_walk *w, struct explain_chain *c,
			 const struct explain_regs *regs, unsigned depth)
{
	int bits;

	switch (regs->verdict) {
	case NFT_CONTINUE:
		return EXPLAIN_NEXT;
	case NFT_RETURN:
		return EXPLAIN_FALL;
	case NFT_GOTO:
		return explain_to(w, c, regs, depth);
	case NFT_JUMP:
		bits = explain_to(w, c, regs, depth);
		return bits & EXPLAIN_FALL
			       ? (bits & ~EXPLAIN_FALL) | EXPLAIN_NEXT
			       : bits;
	case NF_ACCEPT:
		return EXPLAIN_PASS;
	case NF_DROP:
		w->ruled = true;
		return EXPLAIN_DROP;
	}
	w->why = "a program that is asked (queue)";
	return EXPLAIN_PASS | EXPLAIN_DROP;
}

/* A rule that may apply or not: both ways, the frame's mark as it was. */
static int explain_either(struct explain_walk *w, struct explain_chain *c,
			  const struct explain_regs *regs, unsigned depth)
{
	struct explain_pkt was = w->p;
	int bits;

	w->maybe++;
	bits = explain_apply(w, c, regs, depth);
	w->maybe--;
	w->p = was;
	return bits | EXPLAIN_NEXT;
}

/* Wherever in the chain such a rule is or was: what a mark is there is not known. */
static void explain_meet(struct explain_walk *w, struct explain_chain *c)
{
	struct explain_regs regs;
	struct explain_pkt p = w->p;
	const char *why;
	unsigned i, kind;

	for (i = 0; i < c->nchanged; i++) {
		kind = c->changed[i].came ? EXPLAIN_CAME : EXPLAIN_WENT;
		p.mark_known = false;
		if (!(w->db->met & kind) &&
		    explain_rule(w->db, c, c->changed[i].rule, &p, &regs,
				 &why) != EXPLAIN_NO)
			w->db->met |= kind;
	}
}

static bool explain_came(const struct explain_chain *c, struct nftnl_rule *r)
{
	uint64_t handle = nftnl_rule_get_u64(r, NFTNL_RULE_HANDLE);
	unsigned i;

	for (i = 0; i < c->nchanged; i++)
		if (c->changed[i].came &&
		    nftnl_rule_get_u64(c->changed[i].rule, NFTNL_RULE_HANDLE) ==
			    handle)
			return true;
	return false;
}

static int explain_chain(struct explain_walk *w, struct explain_chain *c,
			 unsigned from, unsigned depth)
{
	struct explain_regs regs = { .verdict = NFT_CONTINUE };
	enum explain_match m;
	const char *why;
	int bits = 0, one;
	unsigned i;

	if (explain_db_rules(w->db, c)) {
		w->rc = err_set(w->e, -EIO, "cannot read chain %s", c->name);
		return 0;
	}
	explain_meet(w, c);
	for (i = from; i < c->n && !w->rc; i++) {
		if (w->db->before && explain_came(c, c->rule[i]))
			continue;
		if (++w->steps > EXPLAIN_STEPS) {
			w->rc = err_set(w->e, -E2BIG, "more than %d rules",
					EXPLAIN_STEPS);
			return 0;
		}
		m = explain_rule(w->db, c, c->rule[i], &w->p, &regs, &why);
		if (m == EXPLAIN_NO)
			continue;
		explain_say(w, c, c->rule[i], &regs,
			    m == EXPLAIN_MAYBE ? why : NULL);
		if (m == EXPLAIN_MAYBE)
			w->why = why;
		one = m == EXPLAIN_MAYBE ? explain_either(w, c, &regs, depth)
					 : explain_apply(w, c, &regs, depth);
		bits |= one & ~EXPLAIN_NEXT;
		if (!(one & EXPLAIN_NEXT))
			return bits;
	}
	return bits | EXPLAIN_FALL;
}

/* A base chain: 1 the frame is judged, nothing more happens. */
static int explain_base(struct explain_walk *w, struct explain_chain *c)
{
	int bits = explain_chain(w, c, 0, 0);

	if (w->rc || !(bits & EXPLAIN_FALL))
		return bits;
	fprintf(w->out, "%s %s %s %s policy %s\n", w->hook,
		explain_family(c->family), c->table, c->name,
		c->policy == NF_DROP ? "drop" : "accept");
	w->ruled |= c->policy == NF_DROP;
	if (c->policy == NF_DROP && !w->by[0])
		snprintf(w->by, sizeof(w->by), "%.31s, %s %.63s %.63s policy",
			 explain_whose(c), explain_family(c->family), c->table,
			 c->name);
	bits &= ~EXPLAIN_FALL;
	return bits | (c->policy == NF_DROP ? EXPLAIN_DROP : EXPLAIN_PASS);
}

/* A chain that is asked or passed over: both ways, but for one that passes. */
static int explain_perhaps(struct explain_walk *w, struct explain_chain *c)
{
	static const char why[] = "which is older, a bridge's chain or "
				  "br_netfilter's hook of the same priority";
	struct explain_pkt was = w->p;
	int bits;

	fprintf(w->out,
		"%s bridge %s %s perhaps not asked # br_netfilter takes the "
		"frame first if this chain is older\n",
		w->hook, c->table, c->name);
	bits = explain_base(w, c);
	if (w->p.mark != was.mark || w->p.mark_known != was.mark_known)
		w->p.mark_known = false;
	if (bits & EXPLAIN_DROP)
		w->why = why;
	return bits | EXPLAIN_PASS;
}

/* What chains to go through: one family (and inet beside ip), one hook, and
 * priorities from below `from` to below `to`.
 */
struct explain_hook {
	const char *name;
	uint16_t family;
	uint32_t hook;
	int64_t from, to;
	const char *dev; /* netdev: of which device */
	bool taken, arp; /* br_netfilter takes the frame here; it is ARP */
};

static bool explain_here(const struct explain_chain *c,
			 const struct explain_hook *h)
{
	if (!c->base || c->prio < h->from || c->prio >= h->to)
		return false;
	if (h->family == NFPROTO_NETDEV)
		return !strcmp(c->dev, h->dev) &&
		       ((c->family == NFPROTO_NETDEV && c->hook == h->hook) ||
			(c->family == NFPROTO_INET &&
			 c->hook == NF_INET_INGRESS &&
			 h->hook == NF_NETDEV_INGRESS));
	if (c->hook != h->hook)
		return false;
	return c->family == h->family ||
	       (c->family == NFPROTO_INET &&
		(h->family == NFPROTO_IPV4 || h->family == NFPROTO_IPV6));
}

static int explain_ask(struct explain_walk *w, const struct explain_hook *h,
		       struct explain_chain *c)
{
	switch (h->taken ? explain_brnf_asked(w->db, h->arp, c->prio)
			 : EXPLAIN_ASKED) {
	case EXPLAIN_ASKED_MAYBE:
		return explain_perhaps(w, c);
	case EXPLAIN_ASKED_NOT:
		fprintf(w->out,
			"%s bridge %s %s not asked # br_netfilter takes the "
			"frame before\n",
			w->hook, c->table, c->name);
		return EXPLAIN_PASS;
	case EXPLAIN_ASKED:
		break;
	}
	return explain_base(w, c);
}

/* Bits of what it came to so far: PASS while it goes on. */
static int explain_at_hook(struct explain_walk *w, const struct explain_hook *h,
			   int bits)
{
	struct explain_chain *const *v;
	unsigned i, n;
	int one;

	if (!(bits & EXPLAIN_PASS) || w->rc)
		return bits;
	w->hook = h->name;
	w->p.family = h->family;
	v = explain_db_base(w->db, h->dev, &n);
	for (i = 0; i < n && bits & EXPLAIN_PASS && !w->rc; i++) {
		if (!explain_here(v[i], h))
			continue;
		one = explain_ask(w, h, v[i]);
		bits = (bits & EXPLAIN_DROP) | one;
	}
	return bits;
}

static int explain_netdev(struct explain_walk *w, bool egress, int bits)
{
	struct explain_hook h = { egress ? "egress" : "ingress",
				  NFPROTO_NETDEV,
				  egress ? NF_NETDEV_EGRESS : NF_NETDEV_INGRESS,
				  INT64_MIN,
				  INT64_MAX,
				  egress ? w->x->out : w->x->in,
				  false,
				  false };

	w->p.in = egress ? "" : w->x->in;
	w->p.out = egress ? w->x->out : "";
	/* the kernel calls both the device of the hook */
	if (egress)
		w->p.in = "";
	return explain_at_hook(w, &h, bits);
}

/* ip or ip6, as the frame is; in and out as iptables sees them. */
static int explain_inet(struct explain_walk *w, const char *name, uint32_t hook,
			const char *in, const char *out, int bits)
{
	struct explain_hook h = {
		name,
		w->p.proto == ETHERTYPE_IPV6 ? NFPROTO_IPV6 : NFPROTO_IPV4,
		hook,
		INT64_MIN,
		INT64_MAX,
		NULL,
		false,
		false
	};

	if (w->p.proto != ETHERTYPE_IP && w->p.proto != ETHERTYPE_IPV6)
		return bits;
	w->p.in = in;
	w->p.out = out;
	return explain_at_hook(w, &h, bits);
}

static int explain_bridge(struct explain_walk *w, const char *name,
			  uint32_t hook, int64_t from, int64_t to, int bits)
{
	struct explain_hook h = { name, NFPROTO_BRIDGE, hook,	  from,
				  to,	NULL,		w->taken, w->arp };
	bool last = hook == NF_BR_LOCAL_OUT || hook == NF_BR_POST_ROUTING;

	h.taken &= hook == NF_BR_FORWARD;
	w->p.in = last ? "" : w->x->in;
	w->p.out = last || hook == NF_BR_FORWARD ? w->x->out : "";
	return explain_at_hook(w, &h, bits);
}

static int explain_to_port(struct explain_walk *w, bool called, int bits)
{
	const char *br = w->x->bridge;

	w->p.physout = w->x->out;
	w->arp = explain_brnf_arp(&w->p);
	w->taken = called || w->arp;
	bits = explain_bridge(w, "forward", NF_BR_FORWARD, INT64_MIN,
			      NF_BR_PRI_BRNF + 1, bits);
	if (called)
		bits = explain_inet(w, "forward", NF_INET_FORWARD, br, br,
				    bits);
	bits = explain_bridge(w, "forward", NF_BR_FORWARD, NF_BR_PRI_BRNF + 1,
			      INT64_MAX, bits);
	bits = explain_bridge(w, "postrouting", NF_BR_POST_ROUTING, INT64_MIN,
			      INT64_MAX, bits);
	if (called)
		bits = explain_inet(w, "postrouting", NF_INET_POST_ROUTING, "",
				    br, bits);
	return bits;
}

/* What the bridge does by itself. */
static int explain_own_way(struct explain_walk *w, int bits)
{
	const struct explain *x = w->x;

	if (!x->way[0] || !(bits & EXPLAIN_PASS))
		return bits;
	fprintf(w->out, "bridge %s drop # %s%s\n", x->bridge, x->way,
		x->unsure ? " ? it asks" : "");
	w->lost = true;
	if (x->unsure) {
		w->why = x->way;
		return bits | EXPLAIN_DROP;
	}
	if (!w->by[0])
		snprintf(w->by, sizeof(w->by), "the bridge %s, %s", x->bridge,
			 x->way);
	return (bits & ~EXPLAIN_PASS) | EXPLAIN_DROP;
}

/* br_netfilter's own hook at prerouting. Where a chain of its priority stands, before
 * it or behind, is not known, and the same but for marks and whose drop it is.
 */
static int explain_taken(struct explain_walk *w, int bits)
{
	const char *bad = explain_brnf_bad(&w->p);

	if (!(bits & EXPLAIN_PASS) || w->rc)
		return bits;
	if (!bad)
		return explain_inet(w, "prerouting", NF_INET_PRE_ROUTING,
				    w->x->bridge, "", bits);
	fprintf(w->out, "prerouting br_netfilter drop # %s\n", bad);
	if (!w->by[0])
		snprintf(w->by, sizeof(w->by), "br_netfilter: %s", bad);
	return (bits & ~EXPLAIN_PASS) | EXPLAIN_DROP;
}

/* Up to where it is known whether the host gets it or a port. */
static int explain_from_port(struct explain_walk *w, bool called, int bits)
{
	if (w->x->first)
		bits = explain_own_way(w, bits);
	bits = explain_bridge(w, "prerouting", NF_BR_PRE_ROUTING, INT64_MIN,
			      NF_BR_PRI_BRNF + 1, bits);
	if (called)
		bits = explain_taken(w, bits);
	if (bits & EXPLAIN_PASS && explain_brnf_pppoe(&w->p)) {
		w->why = "IP in PPPoE, which br_netfilter shows to iptables";
		bits |= EXPLAIN_DROP;
	}
	bits = explain_bridge(w, "prerouting", NF_BR_PRE_ROUTING,
			      NF_BR_PRI_BRNF + 1, INT64_MAX, bits);
	return explain_own_way(w, bits);
}

/* From a bridge's port up to the host, called: iptables' prerouting has been. What
 * has a tag is for a VLAN device, which is not asked.
 */
static int explain_to_host(struct explain_walk *w, bool called, const char *in,
			   int bits)
{
	if (w->p.tagged && w->p.vid)
		return bits;
	if (!called)
		bits = explain_inet(w, "prerouting", NF_INET_PRE_ROUTING, in,
				    "", bits);
	return explain_inet(w, "input", NF_INET_LOCAL_IN, in, "", bits);
}

static int explain_input(struct explain_walk *w, int bits)
{
	return explain_bridge(w, "input", NF_BR_LOCAL_IN, INT64_MIN, INT64_MAX,
			      bits);
}

static int explain_lost(struct explain_walk *w, const char *why)
{
	fprintf(w->out, "bridge %s drop # %s\n", w->x->bridge, why);
	w->lost = true;
	snprintf(w->by, sizeof(w->by), "the bridge %s, %s", w->x->bridge, why);
	return EXPLAIN_DROP;
}

/* A link-local group that the bridge keeps, as br_handle_frame does: the host hears
 * it from the port itself.
 */
static int explain_kept(struct explain_walk *w, int bits)
{
	uint8_t group = w->x->frame[5];

	if (!(bits & EXPLAIN_PASS) || w->rc)
		return bits;
	if (group == 1)
		return explain_lost(w, "pause frames end here");
	if (w->x->out[0])
		return explain_lost(w, "this group is for the host alone");
	if (group != 0 && group != 0xe) /* STP, LLDP: no hook */
		bits = explain_input(w, bits);
	return explain_to_host(w, false, w->x->in, bits);
}

/* What a bridge keeps but for group_fwd_mask, its own or the port's: bits. */
static bool explain_keeps(const struct explain *x)
{
	static const uint8_t group[5] = { 0x01, 0x80, 0xc2, 0, 0 };
	uint8_t last = x->frame[5];
	unsigned mask;

	if (memcmp(x->frame, group, sizeof(group)) || last > 15)
		return false;
	mask = explain_sysfs(x->bridge, "bridge/group_fwd_mask") |
	       explain_sysfs(x->in, "brport/group_fwd_mask");
	if (last != 1 && mask & (1u << last))
		return false;
	return last || explain_sysfs(x->bridge, "bridge/stp_state");
}

static int explain_on_bridge(struct explain_walk *w, int bits)
{
	bool called = explain_brnf_ip(&w->p);

	w->p.physin = w->x->in;
	if (explain_keeps(w->x))
		return explain_kept(w, bits);
	bits = explain_from_port(w, called, bits);
	if (w->x->out[0])
		return explain_to_port(w, called, bits);
	bits = explain_input(w, bits);
	return explain_to_host(w, called, w->x->bridge, bits);
}

/* The devices that IP sees are the bridges; of the port that it came by
 * br_netfilter knows, of the one that it leaves by nobody yet.
 */
static int explain_routed(struct explain_walk *w, int bits)
{
	const struct explain *x = w->x;
	const char *in = x->bridge[0] ? x->bridge : x->in;
	const char *out = x->to[0] ? x->to : x->out;
	bool called = x->bridge[0] && explain_brnf_ip(&w->p);

	if (x->bridge[0]) {
		w->p.physin = called ? x->in : NULL;
		bits = explain_input(w, explain_from_port(w, called, bits));
	}
	if (!out[0])
		return explain_to_host(w, called, in, bits);
	if (!called)
		bits = explain_inet(w, "prerouting", NF_INET_PRE_ROUTING, in,
				    "", bits);
	bits = explain_inet(w, "forward", NF_INET_FORWARD, in, out, bits);
	bits = explain_inet(w, "postrouting", NF_INET_POST_ROUTING, "", out,
			    bits);
	if (!x->to[0])
		return bits;
	bits = explain_bridge(w, "output", NF_BR_LOCAL_OUT, INT64_MIN,
			      INT64_MAX, bits);
	return explain_bridge(w, "postrouting", NF_BR_POST_ROUTING, INT64_MIN,
			      INT64_MAX, bits);
}

/* In the kernel's words, if it is one thing alone that drops. */
static void explain_word(const struct explain_walk *w)
{
	const char *reason = w->lost ? w->x->way_reason : w->x->rule_reason;

	if (reason[0] && w->ruled != w->lost)
		fprintf(w->out, "reason: %s\n", reason);
}

static void explain_last(const struct explain_walk *w, int bits)
{
	if (bits == EXPLAIN_DROP)
		explain_word(w);
	if (bits == EXPLAIN_PASS)
		fprintf(w->out, "verdict: pass\n");
	else if (bits == EXPLAIN_DROP)
		fprintf(w->out, "verdict: drop, by %s\n", w->by);
	else
		fprintf(w->out, "verdict: cannot know, it depends on %s\n",
			w->why ? w->why : "more than the frame");
}

int explain_frame(struct explain_db *db, const struct explain *x, FILE *out,
		  struct err *e)
{
	struct explain_walk w = { .x = x,
				  .db = db,
				  .out = out,
				  .e = e,
				  .p = { .x = x,
					 .mark = x->mark,
					 .mark_known = true,
					 .in = "",
					 .out = "" } };
	int bits = EXPLAIN_PASS;

	explain_look(&w.p);
	bits = explain_netdev(&w, false, bits);
	if (bits & EXPLAIN_PASS && !w.rc)
		bits = x->bridge[0] && !x->routed ? explain_on_bridge(&w, bits)
						  : explain_routed(&w, bits);
	if (x->out[0])
		bits = explain_netdev(&w, true, bits);
	if (!w.rc)
		explain_last(&w, bits);
	return w.rc ? w.rc : bits;
}
