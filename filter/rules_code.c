// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_code.c - a rule as the kernel's instructions, as iptables-nft writes it
 *
 * iptables-nft 1.8 writes the frame, tcp, udp, mark, limit and NFLOG in
 * nf_tables' own instructions, and every other extension as it is inside a
 * `match` or `target`. The judge is iptables-nft: tests/net/rules.sh compares
 * what is in the kernel.
 */
#include "rules_own.h"

#include <errno.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_NFLOG.h>
#include <linux/netfilter/xt_limit.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <string.h>

#include "base/num.h"

static void rules_code_dev(const char *name, bool no, uint32_t key,
			   struct code *c)
{
	static const char none[] = "INVAL/D"; /* no device is called so */
	size_t n = strlen(name);

	if (!n)
		return;
	code_meta(c, key);
	if (name[n - 1] != '+')
		code_cmp(c, !no, name, (uint32_t)n + 1);
	else if (n > 1)
		code_cmp(c, !no, name, (uint32_t)n - 1);
	else if (no)
		code_cmp(c, true, none, sizeof(none));
}

/* Whole bytes of a prefix are compared as they are; other masks are applied. */
static void rules_code_addr(const struct rule *r, const struct rules_addr *a,
			    uint32_t off, struct code *c)
{
	static const uint8_t zero[16];
	uint32_t size = r->ip6 ? 16 : 4, whole = 0, i;
	bool masked;

	if (!a->not &&!memcmp(a->addr, zero, 16) && !memcmp(a->mask, zero, 16))
		return;
	while (whole < size && a->mask[whole] == 0xff)
		whole++;
	masked = !whole;
	for (i = whole; i < size; i++)
		masked = masked || a->mask[i];
	if (masked)
		whole = size;
	code_payload(c, NFT_PAYLOAD_NETWORK_HEADER, off, whole);
	if (masked)
		code_mask(c, a->mask, size);
	code_cmp(c, !a->not, a->addr, whole);
}

void rules_code_addrs(const struct rule *r, struct code *c)
{
	rules_code_addr(r, &r->src, r->ip6 ? 8 : 12, c);
	rules_code_addr(r, &r->dst, r->ip6 ? 24 : 16, c);
}

static void rules_code_frag(const struct rule *r, struct code *c)
{
	static const uint8_t mask[2] = { 0x1f, 0xff }, zero[2];

	if (!r->frag && !r->not_frag)
		return;
	code_payload(c, NFT_PAYLOAD_NETWORK_HEADER, 6, 2);
	code_mask(c, mask, 2);
	code_cmp(c, r->not_frag, zero, 2);
}

static void rules_code_raw(const struct rules_ext *x, struct code *c)
{
	code_xt_match(c, x->name, x->rev, x->info, x->size);
}

static void rules_code_be(uint16_t v, uint8_t be[2])
{
	be[0] = (uint8_t)(v >> 8);
	be[1] = (uint8_t)v;
}

static void rules_code_port(const uint16_t v[2], bool no, uint32_t off,
			    struct code *c)
{
	uint8_t from[2], to[2];

	if (!v[0] && v[1] == UINT16_MAX)
		return;
	rules_code_be(v[0], from);
	rules_code_be(v[1], to);
	code_payload(c, NFT_PAYLOAD_TRANSPORT_HEADER, off, 2);
	if (v[0] == v[1])
		code_cmp(c, !no, from, 2);
	else if (!v[0])
		code_compare(c, no ? NFT_CMP_GT : NFT_CMP_LTE, to, 2);
	else
		code_range(c, !no, from, to, 2);
}

static void rules_code_ports(const uint16_t s[2], const uint16_t d[2],
			     uint8_t inv, struct code *c)
{
	bool no_s = inv & XT_TCP_INV_SRCPT, no_d = inv & XT_TCP_INV_DSTPT;
	uint8_t both[4];

	if (s[0] && s[0] == s[1] && d[0] && d[0] == d[1] && no_s == no_d) {
		rules_code_be(s[0], both);
		rules_code_be(d[0], both + 2);
		code_payload(c, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 4);
		code_cmp(c, !no_s, both, 4);
		return;
	}
	rules_code_port(s, no_s, 0, c);
	rules_code_port(d, no_d, 2, c);
}

static bool rules_code_all(const uint16_t s[2], const uint16_t d[2])
{
	return !s[0] && s[1] == UINT16_MAX && !d[0] && d[1] == UINT16_MAX;
}

static bool rules_code_tcp(const struct rules_ext *x, struct code *c)
{
	const struct xt_tcp *t = (const void *)x->info;

	if (t->option || t->invflags & XT_TCP_INV_OPTION ||
	    (rules_code_all(t->spts, t->dpts) && !t->flg_mask && !t->invflags))
		return false;
	if (t->flg_mask) {
		code_payload(c, NFT_PAYLOAD_TRANSPORT_HEADER, 13, 1);
		code_mask(c, &t->flg_mask, 1);
		code_cmp(c, !(t->invflags & XT_TCP_INV_FLAGS), &t->flg_cmp, 1);
	}
	rules_code_ports(t->spts, t->dpts, t->invflags, c);
	return true;
}

static bool rules_code_udp(const struct rules_ext *x, struct code *c)
{
	const struct xt_udp *u = (const void *)x->info;

	if (rules_code_all(u->spts, u->dpts) && !u->invflags)
		return false;
	rules_code_ports(u->spts, u->dpts, u->invflags, c);
	return true;
}

static bool rules_code_mark(const struct rules_ext *x, struct code *c)
{
	const struct xt_mark_mtinfo1 *m = (const void *)x->info;

	code_meta(c, NFT_META_MARK);
	if (m->mask != UINT32_MAX)
		code_mask(c, &m->mask, sizeof(m->mask));
	code_cmp(c, !m->invert, &m->mark, sizeof(m->mark));
	return true;
}

/* avg is what one packet costs, in 1/10000 s: the largest unit in which it is
 * still a round number of packets.
 */
static bool rules_code_limit(const struct rules_ext *x, struct code *c)
{
	static const uint32_t second[] = { 24 * 60 * 60, 60 * 60, 60, 1 };
	const struct xt_rateinfo *l = (const void *)x->info;
	unsigned i;

	for (i = 1; l->avg && i < ARRAY_SIZE(second); i++) {
		uint32_t cost = second[i] * XT_LIMIT_SCALE;

		if (l->avg > cost || cost / l->avg < cost % l->avg)
			break;
	}
	code_limit(c, second[i - 1] * XT_LIMIT_SCALE / (l->avg ? l->avg : 1),
		   second[i - 1], l->burst);
	return true;
}

bool rules_code_own(const struct rules_ext *x, struct code *c)
{
	static const struct {
		const char *name;
		uint8_t rev;
		bool (*write)(const struct rules_ext *x, struct code *c);
	} own[] = { { "tcp", 0, rules_code_tcp },
		    { "udp", 0, rules_code_udp },
		    { "mark", 1, rules_code_mark },
		    { "limit", 0, rules_code_limit } };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(own); i++)
		if (!strcmp(x->name, own[i].name) && x->rev == own[i].rev)
			return own[i].write(x, c);
	return false;
}

static void rules_code_target(const struct rule *r, struct code *c)
{
	static const struct {
		const char *name;
		int verdict;
	} own[] = { { "ACCEPT", NF_ACCEPT },
		    { "DROP", NF_DROP },
		    { "RETURN", NFT_RETURN } };
	const struct rules_ext *x = &r->target;
	unsigned i;

	if (!strcmp(x->name, "NFLOG")) {
		const struct xt_nflog_info *l = (const void *)x->info;

		code_log(c, l->prefix, l->group,
			 l->flags & XT_NFLOG_F_COPY_LEN ? l->len : 0,
			 l->threshold);
		return;
	}
	if (x->name[0]) {
		code_xt_target(c, x->name, x->rev, x->info, x->size);
		return;
	}
	if (!r->jump[0])
		return;
	for (i = 0; i < ARRAY_SIZE(own); i++)
		if (!strcmp(r->jump, own[i].name)) {
			code_verdict(c, own[i].verdict, NULL);
			return;
		}
	code_verdict(c, r->goes ? NFT_GOTO : NFT_JUMP, r->jump);
}

int rules_code(const struct rule *r, struct code *c)
{
	unsigned i;
	int rc = code_open(c, r->ip6 ? NFPROTO_IPV6 : NFPROTO_IPV4, r->table,
			   r->chain);

	if (rc)
		return rc;
	rules_code_dev(r->in, r->not_in, NFT_META_IIFNAME, c);
	rules_code_dev(r->out, r->not_out, NFT_META_OIFNAME, c);
	if (r->proto) {
		code_meta(c, NFT_META_L4PROTO);
		code_cmp(c, !r->not_proto, &r->proto, 1);
		nftnl_rule_set_u32(c->rule, NFTNL_RULE_COMPAT_PROTO, r->proto);
		nftnl_rule_set_u32(c->rule, NFTNL_RULE_COMPAT_FLAGS,
				   r->not_proto ? NFT_RULE_COMPAT_F_INV : 0);
	}
	rules_code_addrs(r, c);
	rules_code_frag(r, c);
	for (i = 0; i < r->n; i++)
		if (!rules_code_own(&r->match[i], c))
			rules_code_raw(&r->match[i], c);
	if (r->packets || r->bytes)
		code_counted(c, r->packets, r->bytes);
	else
		code_count(c);
	rules_code_target(r, c);
	if (!c->failed)
		return 0;
	code_close(c);
	return -ENOMEM;
}
