// SPDX-License-Identifier: GPL-2.0-or-later
/* explain_eval.c - one rule, one frame: the kernel's small instructions, again
 *
 * Held against the kernel's own trace by tests/net/explain.sh. A register that holds
 * what cannot be known makes whatever compares it a maybe.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <net/ethernet.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "explain_rules.h"

struct explain_at {
	struct explain_db *db;
	const struct explain_chain *c;
	struct explain_pkt *p;
	struct explain_regs *r;
	const char *why;
	enum explain_match got;
};

/* A register's first word: those of four bytes begin at the second of sixteen. */
static unsigned explain_reg(uint32_t reg)
{
	unsigned w = reg >= NFT_REG32_00 ? reg - NFT_REG32_00 + 4 : reg * 4;

	return w < EXPLAIN_REGS ? w : 0;
}

static bool explain_fits(unsigned w, uint32_t len)
{
	return w && len && len <= (EXPLAIN_REGS - w) * 4;
}

/* The rest of the last word is zero, as in the kernel. */
static void explain_set_reg(struct explain_at *a, uint32_t reg, const void *v,
			    uint32_t len)
{
	unsigned i, w = explain_reg(reg);

	if (!explain_fits(w, len)) {
		a->got = EXPLAIN_MAYBE;
		a->why = "a register we do not know";
		return;
	}
	for (i = 0; i < (len + 3) / 4; i++)
		a->r->unknown[w + i] = !v;
	memset(a->r->b + w * 4, 0, (len + 3) / 4 * 4);
	if (v)
		memcpy(a->r->b + w * 4, v, len);
}

/* NULL when it is not known, and a->got says so. */
static const uint8_t *explain_get_reg(struct explain_at *a, uint32_t reg,
				      uint32_t len)
{
	unsigned i, w = explain_reg(reg);
	bool known = explain_fits(w, len);

	for (i = 0; known && i < (len + 3) / 4; i++)
		known = !a->r->unknown[w + i];
	if (known)
		return a->r->b + w * 4;
	a->got = EXPLAIN_MAYBE;
	if (!a->why)
		a->why = "what is not in the frame";
	return NULL;
}

static void explain_unknown(struct explain_at *a, uint32_t reg, uint32_t len,
			    const char *why)
{
	explain_set_reg(a, reg, NULL, len);
	a->why = why;
}

/* --- loads ---------------------------------------------------------------- */

static void explain_name(struct explain_at *a, uint32_t reg, const char *name)
{
	char b[IFNAMSIZ] = "";

	str_put(b, sizeof(b), name);
	if (!name[0])
		a->got = EXPLAIN_NO; /* no such device at this hook */
	else
		explain_set_reg(a, reg, b, sizeof(b));
}

static void explain_index(struct explain_at *a, uint32_t reg, const char *name)
{
	uint32_t i = name[0] ? if_nametoindex(name) : 0;

	if (!name[0])
		a->got = EXPLAIN_NO;
	else
		explain_set_reg(a, reg, &i, sizeof(i));
}

static void explain_meta_set(struct explain_at *a, const struct nftnl_expr *x,
			     uint32_t key)
{
	const uint8_t *v = explain_get_reg(
		a, nftnl_expr_get_u32(x, NFTNL_EXPR_META_SREG), 4);

	if (key != NFT_META_MARK)
		return; /* nftrace, priority: not what rules decide by */
	a->p->mark_known = v;
	if (v)
		memcpy(&a->p->mark, v, 4);
	a->got = EXPLAIN_YES;
}

/* Of the kinds that our own rules ask for, and what an uplink may be; any other is
 * not known. What is on a bus has none.
 */
static void explain_kind(struct explain_at *a, uint32_t reg, const char *dev)
{
	const char *kind = dev[0] ? explain_kind_of(dev) : NULL;
	char path[64];

	str_fmt(path, sizeof(path), "/sys/class/net/%s/device", dev);
	if (!dev[0] || (!kind && !access(path, F_OK)))
		a->got = EXPLAIN_NO;
	else if (kind)
		explain_name(a, reg, kind);
	else
		explain_unknown(a, reg, IFNAMSIZ, "a device's kind");
}

static void explain_meta_dev(struct explain_at *a, uint32_t key, uint32_t reg)
{
	const struct explain_pkt *p = a->p;
	uint16_t ether = ARPHRD_ETHER;

	switch (key) {
	case NFT_META_IIF:
		explain_index(a, reg, p->in);
		break;
	case NFT_META_OIF:
		explain_index(a, reg, p->out);
		break;
	case NFT_META_IIFNAME:
		explain_name(a, reg, p->in);
		break;
	case NFT_META_OIFNAME:
		explain_name(a, reg, p->out);
		break;
	case NFT_META_IIFKIND:
	case NFT_META_OIFKIND:
		explain_kind(a, reg, key == NFT_META_IIFKIND ? p->in : p->out);
		break;
	case NFT_META_BRI_IIFNAME: /* of a device that is none's port it is "" */
		explain_name(a, reg, p->in[0] ? p->x->bridge : "");
		break;
	case NFT_META_BRI_OIFNAME:
		explain_name(a, reg,
			     !p->out[0]	    ? ""
			     : p->x->routed ? p->x->to
					    : p->x->bridge);
		break;
	case NFT_META_IIFTYPE:
		if (!p->in[0] && p->family != NFPROTO_NETDEV)
			a->got = EXPLAIN_NO;
		else
			explain_set_reg(a, reg, &ether, 2);
		break;
	case NFT_META_OIFTYPE:
		if (!p->out[0])
			a->got = EXPLAIN_NO;
		else
			explain_set_reg(a, reg, &ether, 2);
		break;
	default:
		explain_unknown(a, reg, 4,
				"meta data that is not in the frame");
		break;
	}
}

static void explain_meta(struct explain_at *a, const struct nftnl_expr *x)
{
	uint32_t key = nftnl_expr_get_u32(x, NFTNL_EXPR_META_KEY), u;
	uint32_t reg = nftnl_expr_get_u32(x, NFTNL_EXPR_META_DREG);
	const struct explain_pkt *p = a->p;
	uint16_t be;
	uint8_t b;

	if (nftnl_expr_is_set(x, NFTNL_EXPR_META_SREG)) {
		explain_meta_set(a, x, key);
		return;
	}
	switch (key) {
	case NFT_META_LEN:
		u = (uint32_t)(p->x->len - p->nh);
		explain_set_reg(a, reg, &u, 4);
		break;
	case NFT_META_PROTOCOL:
		be = htons(p->proto);
		explain_set_reg(a, reg, &be, 2);
		break;
	case NFT_META_NFPROTO:
		b = p->family == NFPROTO_BRIDGE || p->family == NFPROTO_NETDEV
			    ? (uint8_t)p->family
		    : p->proto == ETHERTYPE_IPV6 ? NFPROTO_IPV6
						 : NFPROTO_IPV4;
		explain_set_reg(a, reg, &b, 1);
		break;
	case NFT_META_L4PROTO:
		if (!p->th_ok)
			a->got = EXPLAIN_NO;
		else
			explain_set_reg(a, reg, &p->l4, 1);
		break;
	case NFT_META_MARK:
		explain_set_reg(a, reg, p->mark_known ? &p->mark : NULL, 4);
		if (!p->mark_known)
			a->why = "a mark that was set from what is not known";
		break;
	case NFT_META_PKTTYPE:
		b = explain_pkttype(p);
		explain_set_reg(a, reg, p->any ? NULL : &b, 1);
		break;
	default:
		explain_meta_dev(a, p->any ? NFT_META_PRANDOM : key, reg);
		break;
	}
}

static void explain_payload(struct explain_at *a, const struct nftnl_expr *x)
{
	uint32_t base = nftnl_expr_get_u32(x, NFTNL_EXPR_PAYLOAD_BASE);
	uint32_t off = nftnl_expr_get_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET);
	uint32_t len = nftnl_expr_get_u32(x, NFTNL_EXPR_PAYLOAD_LEN);
	uint32_t reg = nftnl_expr_get_u32(x, NFTNL_EXPR_PAYLOAD_DREG);
	const struct explain_pkt *p = a->p;
	bool quick = len <= 4 && !(len & (len - 1)) && !(off % len);
	size_t at = off;

	if (nftnl_expr_is_set(x, NFTNL_EXPR_PAYLOAD_SREG)) {
		a->why = "a rule that rewrites the packet";
		a->got = EXPLAIN_MAYBE;
		return;
	}
	if (base == NFT_PAYLOAD_NETWORK_HEADER)
		at += p->nh;
	if (base == NFT_PAYLOAD_TRANSPORT_HEADER) {
		at += p->th;
		/* Of a later fragment there is none; what the kernel's quick
		 * way reads instead is where p->th points. */
		if (!p->th_ok || (p->later && !quick)) {
			a->got = EXPLAIN_NO;
			return;
		}
	}
	if (base > NFT_PAYLOAD_TRANSPORT_HEADER ||
	    (p->any && base == NFT_PAYLOAD_LL_HEADER && off < 2 * ETH_ALEN)) {
		explain_unknown(a, reg, len, "the inside of a tunnel");
		return;
	}
	if (at + len > p->x->len)
		a->got = EXPLAIN_NO;
	else
		explain_set_reg(a, reg, p->x->frame + at, len);
}

/* --- tests and sums --------------------------------------------------------- */

static bool explain_is(uint32_t op, int d)
{
	switch (op) {
	case NFT_CMP_EQ:
		return !d;
	case NFT_CMP_NEQ:
		return d;
	case NFT_CMP_LT:
		return d < 0;
	case NFT_CMP_LTE:
		return d <= 0;
	case NFT_CMP_GT:
		return d > 0;
	}
	return d >= 0;
}

static void explain_cmp(struct explain_at *a, const struct nftnl_expr *x)
{
	uint32_t len = 0;
	const void *want = nftnl_expr_get(x, NFTNL_EXPR_CMP_DATA, &len);
	const uint8_t *v = explain_get_reg(
		a, nftnl_expr_get_u32(x, NFTNL_EXPR_CMP_SREG), len);

	if (v && !explain_is(nftnl_expr_get_u32(x, NFTNL_EXPR_CMP_OP),
			     memcmp(v, want, len)))
		a->got = EXPLAIN_NO;
}

static void explain_range(struct explain_at *a, const struct nftnl_expr *x)
{
	uint32_t len = 0;
	const void *from = nftnl_expr_get(x, NFTNL_EXPR_RANGE_FROM_DATA, &len);
	const void *to = nftnl_expr_get(x, NFTNL_EXPR_RANGE_TO_DATA, &len);
	const uint8_t *v = explain_get_reg(
		a, nftnl_expr_get_u32(x, NFTNL_EXPR_RANGE_SREG), len);
	bool in;

	if (!v)
		return;
	in = memcmp(v, from, len) >= 0 && memcmp(v, to, len) <= 0;
	if (in != (nftnl_expr_get_u32(x, NFTNL_EXPR_RANGE_OP) == NFT_RANGE_EQ))
		a->got = EXPLAIN_NO;
}

static void explain_bitwise(struct explain_at *a, const struct nftnl_expr *x)
{
	uint32_t len = nftnl_expr_get_u32(x, NFTNL_EXPR_BITWISE_LEN), n = 0;
	uint32_t to = nftnl_expr_get_u32(x, NFTNL_EXPR_BITWISE_DREG);
	const uint8_t *mask = nftnl_expr_get(x, NFTNL_EXPR_BITWISE_MASK, &n);
	const uint8_t * xor = nftnl_expr_get(x, NFTNL_EXPR_BITWISE_XOR, &n);
	const uint8_t *v;
	uint8_t b[16];
	uint32_t i;

	if (nftnl_expr_get_u32(x, NFTNL_EXPR_BITWISE_OP) != NFT_BITWISE_BOOL ||
	    !mask || !xor || len > sizeof(b)) {
		explain_unknown(a, to, len, "a shift");
		return;
	}
	v = explain_get_reg(a, nftnl_expr_get_u32(x, NFTNL_EXPR_BITWISE_SREG),
			    len);
	for (i = 0; v && i < len; i++)
		b[i] = (uint8_t)((v[i] & mask[i]) ^ xor[i]);
	explain_set_reg(a, to, v ? b : NULL, len);
	if (!v)
		a->got = EXPLAIN_YES; /* not known, and not yet compared */
}

static void explain_byteorder(struct explain_at *a, const struct nftnl_expr *x)
{
	uint32_t len = nftnl_expr_get_u32(x, NFTNL_EXPR_BYTEORDER_LEN);
	uint32_t size = nftnl_expr_get_u32(x, NFTNL_EXPR_BYTEORDER_SIZE);
	uint32_t to = nftnl_expr_get_u32(x, NFTNL_EXPR_BYTEORDER_DREG), i;
	const uint8_t *v = explain_get_reg(
		a, nftnl_expr_get_u32(x, NFTNL_EXPR_BYTEORDER_SREG), len);
	uint8_t b[16];

	if (len > sizeof(b) || !size)
		v = NULL;
	for (i = 0; v && i < len; i++)
		b[i] = v[i / size * size + size - 1 - i % size];
	explain_set_reg(a, to, v ? b : NULL, len);
	if (!v)
		a->got = EXPLAIN_YES;
}

/* The first header of IPv6 of that kind; that it is there is asked by a flag. */
static void explain_exthdr(struct explain_at *a, const struct nftnl_expr *x)
{
	uint32_t off = nftnl_expr_get_u32(x, NFTNL_EXPR_EXTHDR_OFFSET);
	uint32_t len = nftnl_expr_get_u32(x, NFTNL_EXPR_EXTHDR_LEN);
	uint32_t reg = nftnl_expr_get_u32(x, NFTNL_EXPR_EXTHDR_DREG);
	bool is6 = !nftnl_expr_is_set(x, NFTNL_EXPR_EXTHDR_OP) ||
		   nftnl_expr_get_u32(x, NFTNL_EXPR_EXTHDR_OP) ==
			   NFT_EXTHDR_OP_IPV6;
	bool plain = !nftnl_expr_is_set(x, NFTNL_EXPR_EXTHDR_FLAGS) ||
		     !nftnl_expr_get_u32(x, NFTNL_EXPR_EXTHDR_FLAGS);
	size_t at;

	if (!is6 || !plain || nftnl_expr_is_set(x, NFTNL_EXPR_EXTHDR_SREG)) {
		explain_unknown(a, reg, len, "an extension header's inside");
		return;
	}
	at = explain_ext(a->p, nftnl_expr_get_u8(x, NFTNL_EXPR_EXTHDR_TYPE));
	if (!at || at + off + len > a->p->x->len)
		a->got = EXPLAIN_NO;
	else
		explain_set_reg(a, reg, a->p->x->frame + at + off, len);
}

/* --- sets ------------------------------------------------------------------- */

struct explain_find {
	const uint8_t *key;
	uint32_t len;
	const uint8_t *field; /* lengths of a concatenation with intervals */
	uint32_t nfield;
	struct nftnl_set_elem *hit, *below, *any;
};

static bool explain_between(const struct explain_find *f, const uint8_t *from,
			    const uint8_t *to)
{
	uint32_t i, at = 0;

	if (!f->nfield)
		return memcmp(f->key, from, f->len) >= 0 &&
		       memcmp(f->key, to, f->len) <= 0;
	for (i = 0; i < f->nfield && at + f->field[i] <= f->len; i++) {
		if (memcmp(f->key + at, from + at, f->field[i]) < 0 ||
		    memcmp(f->key + at, to + at, f->field[i]) > 0)
			return false;
		at += (f->field[i] + 3u) & ~3u;
	}
	return true;
}

static int explain_on_elem(struct nftnl_set_elem *x, void *data)
{
	struct explain_find *f = data;
	uint32_t len = 0, flags = 0, n = 0;
	const uint8_t *key, *end, *best;

	if (nftnl_set_elem_is_set(x, NFTNL_SET_ELEM_FLAGS))
		flags = nftnl_set_elem_get_u32(x, NFTNL_SET_ELEM_FLAGS);
	if (flags & NFT_SET_ELEM_CATCHALL) {
		f->any = x;
		return 0;
	}
	key = nftnl_set_elem_get(x, NFTNL_SET_ELEM_KEY, &len);
	if (!key || len > f->len)
		return 0;
	end = nftnl_set_elem_get(x, NFTNL_SET_ELEM_KEY_END, &n);
	if (end && n == len) {
		if (explain_between(f, key, end))
			f->hit = x;
		return 0;
	}
	if (!memcmp(key, f->key, len) && !(flags & NFT_SET_ELEM_INTERVAL_END))
		f->hit = x;
	if (memcmp(key, f->key, len) > 0)
		return 0;
	best = f->below ? nftnl_set_elem_get(f->below, NFTNL_SET_ELEM_KEY, &n)
			: NULL;
	/* where one interval ends and the next begins, the beginning counts */
	if (!best || memcmp(key, best, len) > 0 ||
	    (!memcmp(key, best, len) && !(flags & NFT_SET_ELEM_INTERVAL_END)))
		f->below = x;
	return 0;
}

static struct nftnl_set_elem *explain_in_set(struct explain_set *s,
					     const uint8_t *key, uint32_t len)
{
	struct explain_find f = { .key = key, .len = len };
	uint32_t flags = 0;

	if (!s->elems)
		return NULL;
	if (nftnl_set_is_set(s->set, NFTNL_SET_DESC_CONCAT))
		f.field = nftnl_set_get_data(s->set, NFTNL_SET_DESC_CONCAT,
					     &f.nfield);
	nftnl_set_elem_foreach(s->elems, explain_on_elem, &f);
	if (!f.hit && s->flags & NFT_SET_INTERVAL && !f.nfield && f.below) {
		if (nftnl_set_elem_is_set(f.below, NFTNL_SET_ELEM_FLAGS))
			flags = nftnl_set_elem_get_u32(f.below,
						       NFTNL_SET_ELEM_FLAGS);
		if (!(flags & NFT_SET_ELEM_INTERVAL_END))
			f.hit = f.below;
	}
	return f.hit ? f.hit : f.any;
}

/* What a map gives: a verdict, or data for a register. */
static void explain_give(struct explain_at *a, const struct nftnl_expr *x,
			 struct nftnl_set_elem *el)
{
	uint32_t reg, len = 0;
	const void *data;
	const char *chain;

	if (!nftnl_expr_is_set(x, NFTNL_EXPR_LOOKUP_DREG))
		return;
	reg = nftnl_expr_get_u32(x, NFTNL_EXPR_LOOKUP_DREG);
	if (reg == NFT_REG_VERDICT) {
		a->r->verdict = (int)nftnl_set_elem_get_u32(
			el, NFTNL_SET_ELEM_VERDICT);
		chain = nftnl_set_elem_get_str(el, NFTNL_SET_ELEM_CHAIN);
		str_put(a->r->chain, sizeof(a->r->chain), chain ? chain : "");
		return;
	}
	data = nftnl_set_elem_get(el, NFTNL_SET_ELEM_DATA, &len);
	explain_set_reg(a, reg, data, data ? len : 4);
}

static void explain_lookup(struct explain_at *a, const struct nftnl_expr *x)
{
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_LOOKUP_SET);
	bool invert = nftnl_expr_get_u32(x, NFTNL_EXPR_LOOKUP_FLAGS) &
		      NFT_LOOKUP_F_INV;
	struct explain_set *s = explain_db_set(a->db, a->c->family, a->c->table,
					       name ? name : "");
	struct nftnl_set_elem *el;
	const uint8_t *v;
	uint32_t len;

	if (!s) {
		a->got = EXPLAIN_MAYBE;
		a->why = "a set that cannot be read";
		return;
	}
	len = nftnl_set_get_u32(s->set, NFTNL_SET_KEY_LEN);
	v = explain_get_reg(a, nftnl_expr_get_u32(x, NFTNL_EXPR_LOOKUP_SREG),
			    len);
	if (!v)
		return;
	el = explain_in_set(s, v, len);
	if (!el != invert)
		a->got = EXPLAIN_NO;
	else if (el)
		explain_give(a, x, el);
}

/* What would be learned: there already, or room for it? Only the times of what is
 * in the set are not looked at: it is what the kernel lists now.
 */
static void explain_dynset(struct explain_at *a, const struct nftnl_expr *x)
{
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_DYNSET_SET_NAME);
	struct explain_set *s = explain_db_set(a->db, a->c->family, a->c->table,
					       name ? name : "");
	const uint8_t *v;
	uint32_t len;

	if (!s || nftnl_expr_is_set(x, NFTNL_EXPR_DYNSET_EXPR) ||
	    nftnl_expr_is_set(x, NFTNL_EXPR_DYNSET_EXPRESSIONS)) {
		a->got = EXPLAIN_MAYBE;
		a->why = "a set that keeps more than addresses";
		return;
	}
	len = nftnl_set_get_u32(s->set, NFTNL_SET_KEY_LEN);
	v = explain_get_reg(
		a, nftnl_expr_get_u32(x, NFTNL_EXPR_DYNSET_SREG_KEY), len);
	if (v && !explain_in_set(s, v, len) && s->size && s->nelem >= s->size)
		a->got = EXPLAIN_NO;
}

static void explain_immediate(struct explain_at *a, const struct nftnl_expr *x)
{
	uint32_t reg = nftnl_expr_get_u32(x, NFTNL_EXPR_IMM_DREG), len = 0;
	const char *chain = nftnl_expr_get_str(x, NFTNL_EXPR_IMM_CHAIN);
	const void *data;

	if (reg != NFT_REG_VERDICT) {
		data = nftnl_expr_get(x, NFTNL_EXPR_IMM_DATA, &len);
		explain_set_reg(a, reg, data, len);
		return;
	}
	a->r->verdict = (int)nftnl_expr_get_u32(x, NFTNL_EXPR_IMM_VERDICT);
	str_put(a->r->chain, sizeof(a->r->chain), chain ? chain : "");
}

/* --- the others ---------------------------------------------------------------- */

static void explain_match_xt(struct explain_at *a, const struct nftnl_expr *x)
{
	a->got = explain_xt(x, a->p);
	if (a->got == EXPLAIN_MAYBE)
		a->why = nftnl_expr_get_str(x, NFTNL_EXPR_MT_NAME);
}

static void explain_target(struct explain_at *a, const struct nftnl_expr *x)
{
	static const char *const silent[] = { "LOG", "NFLOG", "TRACE",
					      "CHECKSUM", "CLASSIFY" };
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_TG_NAME);
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(silent); i++)
		if (!strcmp(name, silent[i]))
			return;
	if (!strcmp(name, "REJECT")) {
		a->r->verdict = NF_DROP;
		return;
	}
	a->got = EXPLAIN_MAYBE;
	a->why = "a target that does more than judge";
}

static void explain_drop(struct explain_at *a, const struct nftnl_expr *x)
{
	(void)x;
	a->r->verdict = NF_DROP;
}

static void explain_nothing(struct explain_at *a, const struct nftnl_expr *x)
{
	(void)a, (void)x;
}

static void explain_ct(struct explain_at *a, const struct nftnl_expr *x)
{
	uint32_t fresh = NF_CT_STATE_BIT(a->p->x->related ? IP_CT_RELATED
							  : IP_CT_NEW);

	if (nftnl_expr_is_set(x, NFTNL_EXPR_CT_SREG))
		return;
	if (a->p->x->fresh &&
	    nftnl_expr_get_u32(x, NFTNL_EXPR_CT_KEY) == NFT_CT_STATE)
		explain_set_reg(a, nftnl_expr_get_u32(x, NFTNL_EXPR_CT_DREG),
				&fresh, sizeof(fresh));
	else
		explain_unknown(a, nftnl_expr_get_u32(x, NFTNL_EXPR_CT_DREG), 4,
				"the state of a connection");
}

/* A guard's own rates are taken to be kept: else no frame's way could be told. */
static void explain_limit(struct explain_at *a, const struct nftnl_expr *x)
{
	bool over = nftnl_expr_get_u32(x, NFTNL_EXPR_LIMIT_FLAGS) &
		    NFT_LIMIT_F_INV;

	a->got = EXPLAIN_MAYBE;
	a->why = "limit";
	if (over && a->c->family == NFPROTO_NETDEV &&
	    !strncmp(a->c->table, "netback-", 8))
		a->got = EXPLAIN_NO;
}

static const struct {
	const char *name;
	void (*eval)(struct explain_at *a, const struct nftnl_expr *x);
} explain_exprs[] = {
	{ "payload", explain_payload },
	{ "cmp", explain_cmp },
	{ "meta", explain_meta },
	{ "immediate", explain_immediate },
	{ "lookup", explain_lookup },
	{ "bitwise", explain_bitwise },
	{ "byteorder", explain_byteorder },
	{ "range", explain_range },
	{ "dynset", explain_dynset },
	{ "exthdr", explain_exthdr },
	{ "ct", explain_ct },
	{ "match", explain_match_xt },
	{ "target", explain_target },
	{ "reject", explain_drop },
	{ "limit", explain_limit },
	{ "counter", explain_nothing },
	{ "objref", explain_nothing },
	{ "log", explain_nothing },
	{ "notrack", explain_nothing },
};

static int explain_expr(struct nftnl_expr *x, void *data)
{
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_NAME);
	struct explain_at *a = data;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(explain_exprs); i++)
		if (!strcmp(explain_exprs[i].name, name))
			break;
	if (i < ARRAY_SIZE(explain_exprs)) {
		enum explain_match was = a->got;

		a->got = EXPLAIN_YES;
		explain_exprs[i].eval(a, x);
		if (a->got == EXPLAIN_YES)
			a->got = was;
	} else {
		a->got = EXPLAIN_MAYBE;
		a->why = name;
	}
	return a->got == EXPLAIN_NO ? -1 : 0;
}

enum explain_match explain_rule(struct explain_db *db,
				const struct explain_chain *c,
				struct nftnl_rule *r, struct explain_pkt *p,
				struct explain_regs *regs, const char **why)
{
	struct explain_at a = { db, c, p, regs, NULL, EXPLAIN_YES };

	regs->verdict = NFT_CONTINUE;
	regs->chain[0] = '\0';
	nftnl_expr_foreach(r, explain_expr, &a);
	*why = a.why;
	return a.got;
}
