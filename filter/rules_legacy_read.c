// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_legacy_read.c - what a table of iptables-legacy holds, as rules
 *
 * The kernel gives a table whole; nobody's lock is needed to read it.
 */
#include "rules_own.h"

#include <errno.h>
#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>
#include <linux/netfilter/x_tables.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"

/* A rule's parts that both families have, wherever they have them. */
struct legacy_part {
	const char *entry;
	size_t head, target;
	const char *in, *out;
	const void *src, *src_mask, *dst, *dst_mask;
	uint8_t proto, invert;
	const char *jump;
};

static void legacy_addr(struct rules_addr *a, const void *addr,
			const void *mask, size_t size, bool no)
{
	memcpy(a->addr, addr, size);
	memcpy(a->mask, mask, size);
	a->not = no;
}

/* Extensions are not copied: rules_add does that. */
static int legacy_matches(const struct legacy_part *p, struct rule *r)
{
	size_t at = p->head, head = XT_ALIGN(sizeof(struct xt_entry_match));

	while (at < p->target) {
		const struct xt_entry_match *m = (const void *)(p->entry + at);
		struct rules_ext *x = &r->match[r->n];

		if (r->n == RULES_MATCHES)
			return -E2BIG;
		r->n++;
		str_put(x->name, sizeof(x->name), m->u.user.name);
		x->rev = m->u.user.revision;
		x->user = x->size = (uint16_t)(m->u.match_size - head);
		x->info = (uint8_t *)(uintptr_t)(p->entry + at + head);
		at += m->u.match_size;
	}
	return 0;
}

/* libiptc calls a verdict or a chain by its name, and what is neither by the
 * extension's.
 */
static void legacy_target(const struct legacy_part *p, struct rule *r)
{
	const struct xt_entry_target *t = (const void *)(p->entry + p->target);
	size_t head = XT_ALIGN(sizeof(*t));

	if (!strcmp(t->u.user.name, XT_STANDARD_TARGET)) {
		str_put(r->jump, sizeof(r->jump), p->jump);
		return;
	}
	str_put(r->target.name, sizeof(r->target.name), t->u.user.name);
	r->target.rev = t->u.user.revision;
	r->target.user = r->target.size = (uint16_t)(t->u.target_size - head);
	r->target.info = (uint8_t *)(uintptr_t)(p->entry + p->target + head);
}

static int legacy_rule(const struct legacy_part *p, struct rule *r)
{
	size_t size = r->ip6 ? 16 : 4;

	/* with the last '+' that the masks are made of */
	str_put(r->in, sizeof(r->in), p->in);
	str_put(r->out, sizeof(r->out), p->out);
	/* the same bits in both families */
	r->not_in = p->invert & IPT_INV_VIA_IN;
	r->not_out = p->invert & IPT_INV_VIA_OUT;
	r->not_proto = p->invert & XT_INV_PROTO;
	r->proto = p->proto;
	legacy_addr(&r->src, p->src, p->src_mask, size,
		    p->invert & IPT_INV_SRCIP);
	legacy_addr(&r->dst, p->dst, p->dst_mask, size,
		    p->invert & IPT_INV_DSTIP);
	legacy_target(p, r);
	return legacy_matches(p, r);
}

static int legacy_rule4(const struct ipt_entry *x, struct xtc_handle *h,
			struct rule *r)
{
	struct legacy_part p = {
		.entry = (const char *)x,
		.head = sizeof(*x),
		.target = x->target_offset,
		.in = x->ip.iniface,
		.out = x->ip.outiface,
		.src = &x->ip.src,
		.src_mask = &x->ip.smsk,
		.dst = &x->ip.dst,
		.dst_mask = &x->ip.dmsk,
		.proto = (uint8_t)x->ip.proto,
		.invert = x->ip.invflags,
		.jump = iptc_get_target(x, h),
	};

	r->packets = x->counters.pcnt;
	r->bytes = x->counters.bcnt;
	r->goes = x->ip.flags & IPT_F_GOTO;
	r->frag = x->ip.flags & IPT_F_FRAG && !(p.invert & IPT_INV_FRAG);
	r->not_frag = x->ip.flags & IPT_F_FRAG && p.invert & IPT_INV_FRAG;
	return legacy_rule(&p, r);
}

static int legacy_rule6(const struct ip6t_entry *x, struct xtc_handle *h,
			struct rule *r)
{
	struct legacy_part p = {
		.entry = (const char *)x,
		.head = sizeof(*x),
		.target = x->target_offset,
		.in = x->ipv6.iniface,
		.out = x->ipv6.outiface,
		.src = &x->ipv6.src,
		.src_mask = &x->ipv6.smsk,
		.dst = &x->ipv6.dst,
		.dst_mask = &x->ipv6.dmsk,
		.proto = x->ipv6.flags & IP6T_F_PROTO ? (uint8_t)x->ipv6.proto
						      : 0,
		.invert = x->ipv6.invflags,
		.jump = ip6tc_get_target(x, h),
	};

	r->packets = x->counters.pcnt;
	r->bytes = x->counters.bcnt;
	r->goes = x->ipv6.flags & IP6T_F_GOTO;
	return legacy_rule(&p, r);
}

/* One chain: that it is there, its policy if it has one, and its rules. */
static int legacy_chain_read(bool ip6, const char *table, const char *chain,
			     struct xtc_handle *h, struct rules *out)
{
	struct rule r = { .ip6 = ip6, .verb = RULES_NEW }, k;
	const void *x = ip6 ? (const void *)ip6tc_first_rule(chain, h)
			    : (const void *)iptc_first_rule(chain, h);
	struct xt_counters c = { 0, 0 };
	const char *policy = ip6 ? ip6tc_get_policy(chain, &c, h)
				 : iptc_get_policy(chain, &c, h);
	int rc;

	str_put(r.table, sizeof(r.table), table);
	str_put(r.chain, sizeof(r.chain), chain);
	rc = rules_add(out, &r);
	k = r;
	k.verb = RULES_POLICY;
	k.packets = c.pcnt;
	k.bytes = c.bcnt;
	str_put(k.jump, sizeof(k.jump), policy ? policy : "");
	if (!rc && policy)
		rc = rules_add(out, &k);
	while (!rc && x) {
		k = r;
		k.verb = RULES_APPEND;
		k.num++;
		r.num++;
		rc = ip6 ? legacy_rule6(x, h, &k) : legacy_rule4(x, h, &k);
		if (!rc)
			rc = rules_add(out, &k);
		x = ip6 ? (const void *)ip6tc_next_rule(x, h)
			: (const void *)iptc_next_rule(x, h);
	}
	return rc;
}

int rules_legacy_of(struct xtc_handle *h, bool ip6, const char *table,
		    struct rules *out)
{
	const char *chain;
	int rc = 0;

	for (chain = ip6 ? ip6tc_first_chain(h) : iptc_first_chain(h);
	     !rc && chain;
	     chain = ip6 ? ip6tc_next_chain(h) : iptc_next_chain(h))
		rc = legacy_chain_read(ip6, table, chain, h, out);
	return rc;
}

int rules_legacy_read(bool ip6, const char *table, struct rules *out)
{
	struct xtc_handle *h = ip6 ? ip6tc_init(table) : iptc_init(table);
	int rc;

	if (!h)
		return errno ? -errno : -EIO;
	rc = rules_legacy_of(h, ip6, table, out);
	if (ip6)
		ip6tc_free(h);
	else
		iptc_free(h);
	return rc;
}
