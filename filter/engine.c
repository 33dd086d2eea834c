// SPDX-License-Identifier: GPL-2.0-or-later
/* engine.c - a rule of a file as instructions of a vif's own table; pure
 *
 * What iptables' extensions test in their own code is written here in
 * nf_tables' instructions, which the netdev family has. A rule that cannot mean
 * the same there is refused: the equality of both engines is a test
 * (tests/net/rules-equal.sh).
 *
 * Connections: a frame meets its device's chain before it is tracked (from the
 * guest), or after (to the guest). So only to-guest may ask; engine_nft.c sends
 * the state up in two bits of the mark, in ENGINE_MARK.
 */
#include "ruleset_own.h"

#include <errno.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/if_ether.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_NFLOG.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_iprange.h>
#include <linux/netfilter/xt_mac.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <string.h>

#include "base/num.h"
#include "engine.h"

struct engine {
	const struct rule *r;
	struct code *c;
	unsigned alt; /* which of a list's ports */
	struct err *e;
};

static int engine_no(const struct engine *x, const char *what, const char *why)
{
	return err_set(x->e, -EOPNOTSUPP,
		       "%s cannot be carried over into the vif's own table: "
		       "%s; `engine iptables` can",
		       what, why);
}

static void engine_be16(uint16_t v, uint8_t be[2])
{
	be[0] = (uint8_t)(v >> 8);
	be[1] = (uint8_t)v;
}

/* Of a later part of a packet there is no header. The kernel knows that where it loads
 * what is not one, two or four bytes; those it takes from wherever a header would be.
 */
static void engine_head(const struct engine *x)
{
	code_payload(x->c, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 3);
}

static int engine_tcpudp(const struct engine *x, const struct rules_ext *m)
{
	bool tcp = !strcmp(m->name, "tcp");
	const struct xt_tcp *t = (const void *)m->info;

	if (tcp && (t->option || t->invflags & XT_TCP_INV_OPTION))
		return engine_no(x, "--tcp-option",
				 "there is no instruction "
				 "that is equal");
	engine_head(x);
	/* nothing to compare: the header must be there, all the same */
	if (!rules_code_own(m, x->c))
		code_payload(x->c, NFT_PAYLOAD_TRANSPORT_HEADER, tcp ? 19 : 7,
			     1);
	return 0;
}

static int engine_icmp(const struct engine *x, const struct rules_ext *m)
{
	/* struct ip6t_icmp is the same */
	const struct ipt_icmp *i = (const void *)m->info;
	bool no = i->invflags & IPT_ICMP_INV;
	uint8_t both[2] = { i->type, i->code[0] };

	engine_head(x);
	code_payload(x->c, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 2);
	if (i->type == 0xff && !x->r->ip6) {
		if (no)
			return engine_no(x, "! --icmp-type any",
					 "it never matches");
		return 0;
	}
	if (i->code[0] == i->code[1]) {
		code_cmp(x->c, !no, both, 2);
		return 0;
	}
	if (i->code[0] != 0 || i->code[1] != 0xff)
		return engine_no(x, "a range of codes", "it is not written");
	code_payload(x->c, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
	code_cmp(x->c, !no, both, 1);
	return 0;
}

/* One port or range of a list. */
static void engine_port(const struct engine *x, uint32_t off, bool no,
			const uint16_t v[2])
{
	uint8_t from[2], to[2];

	engine_be16(v[0], from);
	engine_be16(v[1], to);
	code_payload(x->c, NFT_PAYLOAD_TRANSPORT_HEADER, off, 2);
	if (v[0] == v[1])
		code_cmp(x->c, !no, from, 2);
	else
		code_range(x->c, !no, from, to, 2);
}

/* The n-th port or range of a list: false when there are fewer. */
static bool engine_list(const struct xt_multiport_v1 *m, unsigned n,
			uint16_t v[2])
{
	unsigned i, k = 0;

	for (i = 0; i < m->count && i < XT_MULTI_PORTS; i++, k++) {
		bool range = m->pflags[i] && i + 1 < XT_MULTI_PORTS;

		if (k == n) {
			v[0] = m->ports[i];
			v[1] = m->ports[i + range];
			return true;
		}
		i += range;
	}
	return false;
}

/* Without ! a list is so many rules, of which one can match a packet (for
 * --ports two, which does no harm to DROP and RETURN). With ! it is one rule.
 */
static int engine_multiport(const struct engine *x, const struct rules_ext *m)
{
	const struct xt_multiport_v1 *p = (const void *)m->info;
	uint32_t off = p->flags == XT_MULTIPORT_SOURCE ? 0 : 2;
	bool either = p->flags == XT_MULTIPORT_EITHER;
	unsigned n = either ? x->alt / 2 : x->alt;
	uint16_t v[2];

	if (m->rev != 1)
		return engine_no(x, "-m multiport", "it is of an old kind");
	engine_head(x);
	if (!p->invert) {
		if (!engine_list(p, n, v))
			return 1; /* that was all */
		engine_port(x, either ? 2 * (x->alt % 2) : off, false, v);
		return 0;
	}
	for (n = 0; engine_list(p, n, v); n++) {
		engine_port(x, either ? 0 : off, true, v);
		if (either)
			engine_port(x, 2, true, v);
	}
	return 0;
}

static int engine_mac(const struct engine *x, const struct rules_ext *m)
{
	const struct xt_mac_info *i = (const void *)m->info;

	code_payload(x->c, NFT_PAYLOAD_LL_HEADER, 6, 6);
	code_cmp(x->c, !i->invert, i->srcaddr, 6);
	return 0;
}

static int engine_iprange(const struct engine *x, const struct rules_ext *m)
{
	const struct xt_iprange_mtinfo *i = (const void *)m->info;
	uint32_t size = x->r->ip6 ? 16 : 4;

	if (i->flags & IPRANGE_SRC) {
		code_payload(x->c, NFT_PAYLOAD_NETWORK_HEADER,
			     x->r->ip6 ? 8 : 12, size);
		code_range(x->c, !(i->flags & IPRANGE_SRC_INV), &i->src_min,
			   &i->src_max, size);
	}
	if (i->flags & IPRANGE_DST) {
		code_payload(x->c, NFT_PAYLOAD_NETWORK_HEADER,
			     x->r->ip6 ? 24 : 16, size);
		code_range(x->c, !(i->flags & IPRANGE_DST_INV), &i->dst_min,
			   &i->dst_max, size);
	}
	return 0;
}

/* Which of the four classes the states are: bit n for class n. -1: they part
 * two that are one class.
 */
static int engine_classes(uint16_t states)
{
	uint16_t both = XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED) |
			XT_CONNTRACK_STATE_BIT(IP_CT_RELATED);
	int v = 0;

	if (states & both && (states & both) != both)
		return -1;
	if (states & XT_CONNTRACK_STATE_UNTRACKED)
		v |= 1 << ENGINE_NONE;
	if (states & XT_CONNTRACK_STATE_BIT(IP_CT_NEW))
		v |= 1 << ENGINE_NEW;
	if (states & both)
		v |= 1 << ENGINE_OLD;
	if (states & XT_CONNTRACK_STATE_INVALID)
		v |= 1 << ENGINE_INVALID;
	return v;
}

/* The classes' set by one comparison of the two bits, or of one. The kernel
 * compares a register's bytes in memory's order, and only one of them differs.
 */
static void engine_class_test(const struct engine *x, int set)
{
	uint32_t mask = ENGINE_MARK, from, to;
	unsigned first = 0, last = 3;
	bool no = set == 0xd || set == 0xb || set == 0x9;

	if (no) /* what is not in it has no hole */
		set = ~set & 15;
	while (!(set & 1 << first))
		first++;
	while (!(set & 1 << last))
		last--;
	if (set == 0x5 || set == 0xa) { /* every second: the lower bit */
		mask = ENGINE_CLASS(1);
		last = first;
	}
	from = ENGINE_CLASS(first);
	to = ENGINE_CLASS(last);
	code_meta(x->c, NFT_META_MARK);
	code_mask(x->c, &mask, sizeof(mask));
	if (from == to)
		code_cmp(x->c, !no, &from, sizeof(from));
	else
		code_range(x->c, !no, &from, &to, sizeof(from));
}

static int engine_conntrack(const struct engine *x, const struct rules_ext *m)
{
	const struct xt_conntrack_mtinfo3 *i = (const void *)m->info;
	int set;

	if (m->rev != 3 || i->match_flags != XT_CONNTRACK_STATE)
		return engine_no(x, "-m conntrack",
				 "of a connection only --ctstate is known "
				 "where the vif is");
	set = engine_classes(i->state_mask);
	if (set < 0)
		return engine_no(x, "--ctstate",
				 "ESTABLISHED and RELATED are one state there; "
				 "name both or none");
	if (i->state_mask &
	    ~(XT_CONNTRACK_STATE_INVALID | XT_CONNTRACK_STATE_UNTRACKED |
	      XT_CONNTRACK_STATE_BIT(IP_CT_NEW) |
	      XT_CONNTRACK_STATE_BIT(IP_CT_ESTABLISHED) |
	      XT_CONNTRACK_STATE_BIT(IP_CT_RELATED)))
		return engine_no(x, "--ctstate SNAT or DNAT",
				 "address translation is not known there");
	if (i->invert_flags & XT_CONNTRACK_STATE)
		set = ~set & 15;
	if (!set)
		return engine_no(x, "--ctstate", "it never matches");
	if (set != 15)
		engine_class_test(x, set);
	return 0;
}

static int engine_comment(const struct engine *x, const struct rules_ext *m)
{
	(void)x;
	(void)m;
	return 0;
}

struct engine_row {
	const char *name;
	int (*write)(const struct engine *x, const struct rules_ext *m);
};

static int engine_match(const struct engine *x, const struct rules_ext *m)
{
	static const struct engine_row known[] = {
		{ "tcp", engine_tcpudp },
		{ "udp", engine_tcpudp },
		{ "icmp", engine_icmp },
		{ "icmp6", engine_icmp },
		{ "mac", engine_mac },
		{ "iprange", engine_iprange },
		{ "comment", engine_comment },
		{ "multiport", engine_multiport },
		{ "conntrack", engine_conntrack },
	};
	static const struct {
		const char *name, *why;
	} no[] = {
		{ "mark", "the administrator's marks are set elsewhere" },
		{ "limit", "it would count for each vif by itself" },
		{ "pkttype", "the bridge has not decided yet" },
	};
	char what[RULES_NAME + 4];
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(m->name, known[i].name))
			return known[i].write(x, m);
	str_fmt(what, sizeof(what), "-m %s", m->name);
	for (i = 0; i < ARRAY_SIZE(no); i++)
		if (!strcmp(m->name, no[i].name))
			return engine_no(x, what, no[i].why);
	return engine_no(x, what, "there is no instruction that is equal");
}

static int engine_target(const struct engine *x)
{
	const struct rule *r = x->r;
	char what[RULES_NAME + 4];

	if (!strcmp(r->target.name, "NFLOG")) {
		const struct xt_nflog_info *l = (const void *)r->target.info;

		code_log(x->c, l->prefix, l->group,
			 l->flags & XT_NFLOG_F_COPY_LEN ? l->len : 0,
			 l->threshold);
		return 0;
	}
	if (r->target.name[0]) {
		str_fmt(what, sizeof(what), "-j %s", r->target.name);
		return engine_no(x, what,
				 "only DROP, RETURN, NFLOG and the file's own "
				 "chains are equal there");
	}
	if (!strcmp(r->jump, "DROP"))
		code_verdict(x->c, NF_DROP, NULL);
	else if (!strcmp(r->jump, "RETURN"))
		code_verdict(x->c, NFT_RETURN, NULL);
	else if (r->jump[0])
		code_verdict(x->c, r->goes ? NFT_GOTO : NFT_JUMP, r->jump);
	return 0;
}

static int engine_frame(const struct engine *x)
{
	const struct rule *r = x->r;
	uint8_t ether[2];

	if (r->frag || r->not_frag)
		return engine_no(x, "-f",
				 "iptables sees packets put together, a vif's "
				 "table sees their parts");
	engine_be16(r->ip6 ? ETH_P_IPV6 : ETH_P_IP, ether);
	code_meta(x->c, NFT_META_PROTOCOL);
	code_cmp(x->c, true, ether, 2);
	if (r->proto) {
		code_meta(x->c, NFT_META_L4PROTO);
		code_cmp(x->c, !r->not_proto, &r->proto, 1);
	}
	rules_code_addrs(r, x->c);
	return 0;
}

bool engine_stateful(const struct rule *r)
{
	return rules_match(r, "conntrack") != NULL;
}

/* How many rules this one becomes; a second list would multiply them. */
static int engine_alts(const struct rule *r, unsigned *n,
		       const struct engine *x)
{
	unsigned i, lists = 0;

	*n = 1;
	for (i = 0; i < r->n; i++) {
		const struct xt_multiport_v1 *p =
			(const void *)r->match[i].info;
		uint16_t v[2];
		unsigned k = 0;

		if (strcmp(r->match[i].name, "multiport") || p->invert)
			continue;
		while (engine_list(p, k, v))
			k++;
		*n = p->flags == XT_MULTIPORT_EITHER ? 2 * k : k;
		if (++lists == 2)
			return engine_no(x, "two -m multiport",
					 "one list of ports is enough");
	}
	if (*n > 1 && !strcmp(r->target.name, "NFLOG"))
		return engine_no(x, "-j NFLOG with a list of ports",
				 "it might log twice");
	return 0;
}

int engine_code(const struct rule *r, const char *table, engine_each_fn *each,
		void *arg, struct err *e)
{
	struct code c;
	struct engine x = { .r = r, .c = &c, .e = e };
	unsigned n, i;
	int rc = engine_alts(r, &n, &x);

	for (x.alt = 0; !rc && x.alt < n; x.alt++) {
		rc = code_open(&c, NFPROTO_NETDEV, table, r->chain);
		if (rc)
			return rc;
		rc = engine_frame(&x);
		for (i = 0; !rc && i < r->n; i++)
			rc = engine_match(&x, &r->match[i]);
		code_count(&c);
		if (!rc)
			rc = engine_target(&x);
		if (!rc && c.failed)
			rc = -ENOMEM;
		if (!rc && each)
			rc = each(&c, arg);
		code_close(&c);
	}
	return rc;
}

/* --- what hides from rules ------------------------------------------------- */

static void engine_is(struct code *c, bool equal, uint32_t key, uint8_t v)
{
	code_meta(c, key);
	code_cmp(c, equal, &v, 1);
}

static void engine_ether(struct code *c, bool equal, uint16_t type)
{
	uint8_t ether[2];

	engine_be16(type, ether);
	code_meta(c, NFT_META_PROTOCOL);
	code_cmp(c, equal, ether, 2);
}

/* Of a fragment's header, wherever that is; no match where there is none. */
static void engine_frag6(struct code *c, uint32_t off, uint32_t len)
{
	struct nftnl_expr *x = code_add(c, "exthdr");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_DREG, NFT_REG_1);
	nftnl_expr_set_u8(x, NFTNL_EXPR_EXTHDR_TYPE, IPPROTO_FRAGMENT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_OFFSET, off);
	nftnl_expr_set_u32(x, NFTNL_EXPR_EXTHDR_LEN, len);
}

/* A part of a packet that begins behind so many bytes. */
static void engine_part6(struct code *c, uint8_t bytes)
{
	static const uint8_t mask[2] = { 0xff, 0xf8 };
	const uint8_t at[2] = { 0, bytes };

	engine_frag6(c, 2, 2);
	code_mask(c, mask, 2);
	code_cmp(c, true, at, 2);
}

static void engine_next6(struct code *c, bool equal, uint8_t v)
{
	code_payload(c, NFT_PAYLOAD_NETWORK_HEADER, 6, 1);
	code_cmp(c, equal, &v, 1);
}

static void engine_hidden_drop(struct code *c)
{
	code_count(c);
	code_verdict(c, NF_DROP, NULL);
}

/* RFC 1858: TCP's flags in the part behind the first eight bytes. */
static void engine_hidden_flags4(struct code *c)
{
	static const uint8_t mask[2] = { 0x1f, 0xff }, at[2] = { 0, 1 };

	engine_ether(c, true, ETH_P_IP);
	engine_is(c, true, NFT_META_L4PROTO, IPPROTO_TCP);
	code_payload(c, NFT_PAYLOAD_NETWORK_HEADER, 6, 2);
	code_mask(c, mask, 2);
	code_cmp(c, true, at, 2);
	engine_hidden_drop(c);
}

static void engine_hidden_not6(struct code *c)
{
	engine_ether(c, false, ETH_P_IPV6);
	code_verdict(c, NFT_RETURN, NULL);
}

/* TCP, UDP: without an extension header nothing hides. */
static void engine_hidden_plain6(struct code *c)
{
	static const uint8_t from = IPPROTO_HOPOPTS + 1,
			     to = IPPROTO_ROUTING - 1;

	code_payload(c, NFT_PAYLOAD_NETWORK_HEADER, 6, 1);
	code_range(c, true, &from, &to, 1);
	code_verdict(c, NFT_RETURN, NULL);
}

/* Whatever this part says that it is of: the first one's word is taken. */
static void engine_hidden_flags6(struct code *c)
{
	engine_part6(c, 8);
	engine_hidden_drop(c);
}

/* As in the guard's chain in_ext6: a fragment's header comes first .. */
static void engine_hidden_behind6(struct code *c)
{
	engine_next6(c, false, IPPROTO_FRAGMENT);
	engine_frag6(c, 0, 1);
	engine_hidden_drop(c);
}

/* .. no other extension header is behind it .. */
static void engine_hidden_ext6(struct code *c, uint8_t from, uint8_t to)
{
	engine_frag6(c, 0, 1);
	code_range(c, true, &from, &to, 1);
	engine_hidden_drop(c);
}

static void engine_hidden_hbh6(struct code *c)
{
	engine_hidden_ext6(c, IPPROTO_HOPOPTS, IPPROTO_HOPOPTS);
}

static void engine_hidden_route6(struct code *c)
{
	engine_hidden_ext6(c, IPPROTO_ROUTING, IPPROTO_FRAGMENT);
}

static void engine_hidden_dst6(struct code *c)
{
	engine_hidden_ext6(c, IPPROTO_DSTOPTS, IPPROTO_DSTOPTS);
}

/* .. and eight bytes of the upper layer are in the first part. */
static void engine_hidden_short6(struct code *c)
{
	static const uint8_t least[2] = { 0, 8 + 8 };

	engine_next6(c, true, IPPROTO_FRAGMENT);
	engine_part6(c, 0);
	code_payload(c, NFT_PAYLOAD_NETWORK_HEADER, 4, 2);
	code_compare(c, NFT_CMP_LT, least, 2);
	engine_hidden_drop(c);
}

/* No rule can ask "is there none?": what has an upper layer leaves. */
static void engine_hidden_upper(struct code *c)
{
	engine_is(c, false, NFT_META_L4PROTO, IPPROTO_RAW);
	code_verdict(c, NFT_RETURN, NULL);
}

enum {
	ENGINE_FLAGS4 = 1,
	ENGINE_FLAGS6 = 2,
	ENGINE_PROTO6 = 4,
};

unsigned engine_hides(const struct ruleset *s)
{
	unsigned bits = 0;
	size_t i;

	for (i = 0; i < s->rules.n; i++) {
		const struct rule *r = &s->rules.v[i];
		const struct rules_ext *m = rules_match(r, "tcp");
		const struct xt_tcp *t = m ? (const void *)m->info : NULL;

		if (r->ip6 && r->proto)
			bits |= ENGINE_PROTO6;
		if (t && t->flg_mask)
			bits |= r->ip6 ? ENGINE_FLAGS6 : ENGINE_FLAGS4;
	}
	return bits;
}

int engine_hidden(unsigned hides, const char *table, const char *chain,
		  engine_each_fn *each, void *arg)
{
	static const struct {
		unsigned when;
		void (*write)(struct code *c);
	} row[] = {
		{ ENGINE_FLAGS4, engine_hidden_flags4 },
		{ ENGINE_FLAGS6 | ENGINE_PROTO6, engine_hidden_not6 },
		{ ENGINE_FLAGS6 | ENGINE_PROTO6, engine_hidden_plain6 },
		{ ENGINE_FLAGS6, engine_hidden_flags6 },
		{ ENGINE_PROTO6, engine_hidden_behind6 },
		{ ENGINE_PROTO6, engine_hidden_hbh6 },
		{ ENGINE_PROTO6, engine_hidden_route6 },
		{ ENGINE_PROTO6, engine_hidden_dst6 },
		{ ENGINE_PROTO6, engine_hidden_short6 },
		{ ENGINE_PROTO6, engine_hidden_upper },
		{ ENGINE_PROTO6, engine_hidden_drop },
	};
	struct code c;
	unsigned i;
	int rc = 0;

	for (i = 0; !rc && i < ARRAY_SIZE(row); i++) {
		if (!(row[i].when & hides))
			continue;
		rc = code_open(&c, NFPROTO_NETDEV, table, chain);
		if (rc)
			return rc;
		row[i].write(&c);
		rc = c.failed ? -ENOMEM : each(&c, arg);
		code_close(&c);
	}
	return rc;
}

static int engine_nothing(struct code *c, void *arg)
{
	(void)c;
	(void)arg;
	return 0;
}

/* Chains that from-guest reaches may not ask for a connection's state. */
static bool engine_reaches(const struct ruleset *s, const char *chain,
			   unsigned deep)
{
	size_t i;

	if (!strcmp(chain, "from-guest"))
		return true;
	for (i = 0; deep && i < s->rules.n; i++)
		if (!strcmp(s->rules.v[i].jump, chain) &&
		    engine_reaches(s, s->rules.v[i].chain, deep - 1))
			return true;
	return false;
}

int ruleset_exact(const struct ruleset *s, bool nearly, struct err *e)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < s->rules.n; i++) {
		const struct rule *r = &s->rules.v[i];
		char text[RULES_TEXT];

		if (engine_stateful(r) && !nearly)
			rc = err_set(e, -EOPNOTSUPP,
				     "with --ctstate the vif's own table is "
				     "nearly the same, not exactly: a packet "
				     "dropped there has been tracked; `engine "
				     "vif` takes it");
		else if (engine_stateful(r) && engine_reaches(s, r->chain, 8))
			rc = err_set(e, -EOPNOTSUPP,
				     "--ctstate cannot be carried over for "
				     "what the guest sends: a frame meets the "
				     "vif's table before it is tracked; "
				     "`engine iptables` can");
		if (!rc)
			rc = engine_code(r, "t", engine_nothing, NULL, e);
		if (rc && rules_print(r, text, sizeof(text)) > 0)
			err_prefix(e, "%s: %.150s", s->name, text);
	}
	return rc;
}
