// SPDX-License-Identifier: GPL-2.0-or-later
/* own.c - guests' MACs and addresses on closed bridges: rules and elements */
#include "own.h"

#include <net/if.h> /* before <linux/..>, which gives way to them */
#include <netinet/in.h>

#include <errno.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "closed.h"
#include "guard_rules.h"

enum {
	OWN_NAME = 41, /* nft's numbers for names of devices .. */
	OWN_BITS = 6,  /* .. and for one after another */
	OWN_SET_ID = 16,
};

static const struct {
	uint32_t len, type; /* nft's number */
} own_kinds[OWN_KINDS] = {
	[OWN_MAC] = { 6, 9 },
	[OWN_ADDR4] = { 4, 7 },
	[OWN_ADDR6] = { 16, 8 },
};

/* Owned, then held, in the order of the kinds. */
const char *const own_sets[OWN_SETS] = { "mac",	    "addr4", "addr6",
					 "heldmac", "held4", "held6" };

static bool own_is_held(unsigned set)
{
	return set >= OWN_KINDS;
}

/* --- what a guard has ----------------------------------------------------------- */

static void own_add(struct own *o, enum own_kind kind, const uint8_t *v)
{
	struct own_claim c = { .kind = (uint8_t)kind };
	static const uint8_t none[OWN_CLAIM];
	unsigned i;

	memcpy(c.v, v, own_kinds[kind].len);
	for (i = 0; i < o->n; i++)
		if (!memcmp(&o->v[i], &c, sizeof(c)))
			return;
	/* what hosts without an address send is nobody's */
	if (o->n < OWN_MOST && memcmp(c.v, none, sizeof(none)))
		o->v[o->n++] = c;
}

void own_fill(struct own *o, const struct guard *g, const struct policy *p)
{
	unsigned i, s;

	memset(o, 0, sizeof(*o));
	str_put(o->dev, sizeof(o->dev), p->dev);
	if (!p->bridged)
		return;
	str_put(o->bridge, sizeof(o->bridge), p->bridge);
	o->shared = p->shared;
	for (i = 0; i < guard_macs(p); i++)
		own_add(o, OWN_MAC, guard_mac(p, i));
	for (s = 0; s < GUARD_SETS; s++)
		for (i = 0; i < g->nset[s]; i++)
			own_add(o, s == GUARD_ADDR4 ? OWN_ADDR4 : OWN_ADDR6,
				g->set[s][i]);
	for (i = 0; i < p->npair; i++)
		if (!guard_is_prefix(&p->pair[i].addr))
			own_add(o,
				p->pair[i].addr.family == AF_INET ? OWN_ADDR4
								  : OWN_ADDR6,
				p->pair[i].addr.addr);
}

/* --- sets -------------------------------------------------------------------------- */

static uint32_t own_key_len(unsigned set, bool named)
{
	uint32_t len = own_kinds[set % OWN_KINDS].len;
	unsigned names = own_is_held(set) + named;

	/* one after another they begin at words */
	return names ? names * IFNAMSIZ + ((len + 3) & ~3u) : len;
}

static uint32_t own_key_type(unsigned set, bool named)
{
	uint32_t type = own_kinds[set % OWN_KINDS].type;
	unsigned i, names = own_is_held(set) + named;

	for (i = 1; i <= names; i++)
		type |= (uint32_t)OWN_NAME << i * OWN_BITS;
	return type;
}

static uint32_t own_key(uint8_t key[OWN_KEY], unsigned set, bool named,
			const struct own *o, const uint8_t *claim)
{
	uint8_t *at = key;

	memset(key, 0, OWN_KEY);
	if (named) {
		memcpy(at, o->bridge, IFNAMSIZ);
		at += IFNAMSIZ;
	}
	if (own_is_held(set)) {
		memcpy(at, o->dev, IFNAMSIZ);
		at += IFNAMSIZ;
	}
	memcpy(at, claim, own_kinds[set % OWN_KINDS].len);
	return own_key_len(set, named);
}

static struct nftnl_set *own_set(const struct own_table *t, unsigned set)
{
	struct nftnl_set *s = nftnl_set_alloc();

	if (!s)
		return NULL;
	nftnl_set_set_str(s, NFTNL_SET_TABLE, t->name);
	nftnl_set_set_str(s, NFTNL_SET_NAME, own_sets[set]);
	nftnl_set_set_u32(s, NFTNL_SET_FAMILY, t->family);
	return s;
}

static int own_put_set(struct nft_batch *b, const struct own_table *t,
		       unsigned set)
{
	struct nftnl_set *s = own_set(t, set);
	struct nlmsghdr *nlh;

	if (!s)
		return -ENOMEM;
	nftnl_set_set_u32(s, NFTNL_SET_ID, OWN_SET_ID + set);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, own_key_type(set, t->named));
	nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, own_key_len(set, t->named));
	nlh = nft_batch_msg(b, NFT_MSG_NEWSET, t->family, NLM_F_CREATE,
			    "%s: set %s", t->name, own_sets[set]);
	if (nlh)
		nftnl_set_nlmsg_build_payload(nlh, s);
	nftnl_set_free(s);
	return 0;
}

int own_put_sets(struct nft_batch *b, const struct own_table *t)
{
	unsigned i;
	int rc = 0;

	for (i = 0; !rc && i < OWN_SETS; i++)
		if (i % OWN_KINDS >= t->first)
			rc = own_put_set(b, t, i);
	return rc;
}

/* --- rules -------------------------------------------------------------------------- */

enum { OWN_SAYS_IP = 1, OWN_SAYS_IP6 = 3 };

/* What a frame says of where it is from. */
static const struct own_says {
	uint8_t kind, icmp6;
	uint8_t base, off;
	uint16_t ether; /* 0: any */
} own_says[] = {
	{ OWN_MAC, 0, NFT_PAYLOAD_LL_HEADER, 6, 0 },
	[OWN_SAYS_IP] = { OWN_ADDR4, 0, NFT_PAYLOAD_NETWORK_HEADER, 12,
			  ETHERTYPE_IP },
	{ OWN_ADDR4, 0, NFT_PAYLOAD_NETWORK_HEADER, 14, ETHERTYPE_ARP },
	[OWN_SAYS_IP6] = { OWN_ADDR6, 0, NFT_PAYLOAD_NETWORK_HEADER, 8,
			   ETHERTYPE_IPV6 },
	{ OWN_ADDR6, ND_NEIGHBOR_ADVERT, NFT_PAYLOAD_TRANSPORT_HEADER, 8,
	  ETHERTYPE_IPV6 },
};

static void own_cmp16(struct code *c, uint16_t v)
{
	uint8_t be[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	code_cmp(c, true, be, sizeof(be));
}

/* The keys of both sets, from register 1 on: the bridge stays for the second. */
static void own_says_whose(struct code *c, const struct own_says *s, bool named)
{
	uint32_t len = own_kinds[s->kind].len;
	unsigned reg = NFT_REG_1;

	if (named)
		code_meta_to(c, reg++, NFT_META_BRI_IIFNAME);
	code_payload_to(c, reg, s->base, s->off, len);
	code_in_set(c, own_sets[s->kind]);
	code_meta_to(c, reg++, NFT_META_IIFNAME);
	code_payload_to(c, reg, s->base, s->off, len);
	code_not_in_set(c, own_sets[OWN_KINDS + s->kind]);
}

/* A tag of no VLAN behind a tag of no VLAN: who strips both sees what no rule saw. The
 * protocol comes last: nft (1.0.6) aborts at a network header behind that of a tag,
 * whatever it was told to list.
 */
static void own_hidden(struct code *c, uint16_t tag)
{
	code_payload(c, NFT_PAYLOAD_NETWORK_HEADER, 0, 2);
	code_mask(c, "\x0f\xff", 2);
	own_cmp16(c, 0);
	code_meta(c, NFT_META_PROTOCOL);
	own_cmp16(c, tag);
}

static const uint16_t own_tags[] = { ETHERTYPE_VLAN, 0x88a8 };

/* From elsewhere, what somebody has for himself: to that chain. */
static void own_rule_says(struct code *c, const struct own_table *t,
			  const struct own_says *s, const char *to)
{
	uint8_t family = s->ether == ETHERTYPE_IP ? NFPROTO_IPV4 : NFPROTO_IPV6;

	if (t->family == NFPROTO_INET) {
		code_meta(c, NFT_META_NFPROTO);
		code_cmp(c, true, &family, 1);
	} else if (s->ether) {
		code_meta(c, NFT_META_PROTOCOL);
		own_cmp16(c, s->ether);
	}
	if (s->icmp6) {
		code_meta(c, NFT_META_L4PROTO);
		code_cmp(c, true, (uint8_t[]){ IPPROTO_ICMPV6 }, 1);
		code_payload(c, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1);
		code_cmp(c, true, &s->icmp6, 1);
	}
	own_says_whose(c, s, t->named);
	code_verdict(c, NFT_GOTO, to);
}

int own_rule(struct code *c, const struct own_table *t, const char *chain,
	     unsigned k)
{
	bool to_host = !strcmp(chain, "to_host");
	int rc;

	if (k >= (to_host ? 1 : ARRAY_SIZE(own_says) + ARRAY_SIZE(own_tags)))
		return 1;
	rc = code_open(c, t->family, t->name, chain);
	if (rc)
		return rc;
	if (k >= ARRAY_SIZE(own_says)) {
		own_hidden(c, own_tags[k - ARRAY_SIZE(own_says)]);
		code_verdict(c, NFT_GOTO, "foreign");
		return 0;
	}
	own_rule_says(c, t, &own_says[k], k ? "foreign_addr" : "foreign");
	return 0;
}

int own_rule_source(struct code *c, const struct own_table *t,
		    const char *chain, unsigned k)
{
	static const struct own_says *const source[] = {
		&own_says[OWN_SAYS_IP], &own_says[OWN_SAYS_IP6]
	};
	int rc;

	if (k >= ARRAY_SIZE(source))
		return 1;
	rc = code_open(c, t->family, t->name, chain);
	if (!rc)
		own_rule_says(c, t, source[k], "foreign");
	return rc;
}

/* What a router passes on has the address of whom it is from. */
static void own_routed(struct code *c, unsigned k)
{
	if (!k) {
		code_meta(c, NFT_META_IIFNAME);
		code_in_set(c, "routers");
		code_verdict(c, NFT_RETURN, NULL);
	} else {
		code_verdict(c, NFT_GOTO, "foreign");
	}
}

/* In a VLAN it is somebody else's: a guard lets no tag pass. */
static void own_drop(struct code *c, unsigned k)
{
	if (k == ARRAY_SIZE(own_tags)) {
		code_count(c);
		code_verdict(c, NF_DROP, NULL);
		return;
	}
	code_payload(c, NFT_PAYLOAD_LL_HEADER, 12, 2);
	own_cmp16(c, own_tags[k]);
	code_payload(c, NFT_PAYLOAD_LL_HEADER, 14, 2);
	code_mask(c, "\x0f\xff", 2);
	code_cmp(c, false, "\0", 2);
	code_verdict(c, NFT_RETURN, NULL);
}

int own_rule_foreign(struct code *c, const struct own_table *t,
		     const char *chain, unsigned k)
{
	bool routed = !strcmp(chain, "foreign_addr");
	int rc = 1;

	if (k <= (routed ? 1 : ARRAY_SIZE(own_tags)))
		rc = code_open(c, t->family, t->name, chain);
	if (rc)
		return rc;
	if (routed)
		own_routed(c, k);
	else
		own_drop(c, k);
	return 0;
}

/* --- elements ------------------------------------------------------------------------- */

static const char own_shared[] = "shared";

static int own_comment(struct nftnl_set_elem *x)
{
	struct nftnl_udata_buf *u = nftnl_udata_buf_alloc(64);
	int rc = -ENOMEM;

	if (u &&
	    nftnl_udata_put_strz(u, NFTNL_UDATA_SET_ELEM_COMMENT, own_shared))
		rc = nftnl_set_elem_set(x, NFTNL_SET_ELEM_USERDATA,
					nftnl_udata_buf_data(u),
					nftnl_udata_buf_len(u));
	if (u)
		nftnl_udata_buf_free(u);
	return rc;
}

/* An element with that key, as part of s. */
static int own_elem(struct nftnl_set *s, const uint8_t *key, uint32_t len,
		    bool comment)
{
	struct nftnl_set_elem *x = nftnl_set_elem_alloc();

	if (!x)
		return -ENOMEM;
	if (nftnl_set_elem_set(x, NFTNL_SET_ELEM_KEY, key, len) ||
	    (comment && own_comment(x))) {
		nftnl_set_elem_free(x);
		return -ENOMEM;
	}
	nftnl_set_elem_add(s, x);
	return 0;
}

static int own_put_elem(struct nft_batch *b, uint16_t type, unsigned set,
			const struct own *o, const uint8_t *claim,
			const struct own_table *t)
{
	bool add = type == NFT_MSG_NEWSETELEM;
	struct nftnl_set *s = own_set(t, set);
	uint8_t key[OWN_KEY];
	struct nlmsghdr *nlh;
	int rc = s ? own_elem(s, key, own_key(key, set, t->named, o, claim),
			      add && own_is_held(set) && o->shared)
		   : -ENOMEM;

	if (!rc) {
		nlh = nft_batch_msg(b, type, t->family, add ? NLM_F_CREATE : 0,
				    "%s: %s of set %s", t->name, o->dev,
				    own_sets[set]);
		if (nlh)
			nftnl_set_elems_nlmsg_build_payload(nlh, s);
	}
	if (s)
		nftnl_set_free(s);
	return rc;
}

int own_put(struct nft_batch *b, const struct own *o, const struct own_table *t)
{
	unsigned i;
	int rc = 0;

	for (i = 0; !rc && i < o->n; i++) {
		const struct own_claim *c = &o->v[i];

		rc = own_put_elem(b, NFT_MSG_NEWSETELEM, OWN_KINDS + c->kind, o,
				  c->v, t);
		if (!rc && !o->shared)
			rc = own_put_elem(b, NFT_MSG_NEWSETELEM, c->kind, o,
					  c->v, t);
	}
	return rc;
}

struct own_ask {
	const struct own *o;
	unsigned set;
	const struct own_table *t;
	const uint8_t *claim; /* NULL: all of that kind */
};

static void own_put_ask(struct nlmsghdr *nlh, const void *arg)
{
	const struct own_ask *k = arg;
	struct nftnl_set *s = own_set(k->t, k->set);
	uint8_t key[OWN_KEY];
	unsigned i;

	for (i = 0; s && i < (k->claim ? 1 : k->o->n); i++) {
		const struct own_claim *c = &k->o->v[i];

		if (k->claim || c->kind == k->set % OWN_KINDS)
			own_elem(s, key,
				 own_key(key, k->set, k->t->named, k->o,
					 k->claim ? k->claim : c->v),
				 false);
	}
	if (s) {
		nftnl_set_elems_nlmsg_build_payload(nlh, s);
		nftnl_set_free(s);
	}
}

static int own_ask(struct nft *nft, const struct own_ask *k)
{
	struct nft_ask a = { .type = NFT_MSG_GETSETELEM,
			     .family = k->t->family,
			     .build = own_put_ask,
			     .arg = k };

	return nft_ask(nft, &a);
}

int own_there(struct nft *nft, const struct own *o, const struct own_table *t)
{
	struct own_ask k = { .o = o, .t = t };
	unsigned i;
	int rc = 0;

	for (k.set = 0; !rc && k.set < OWN_SETS; k.set++) {
		for (i = 0; i < o->n; i++)
			if (o->v[i].kind == k.set % OWN_KINDS)
				break;
		if (i < o->n && (own_is_held(k.set) || !o->shared))
			rc = own_ask(nft, &k);
	}
	return rc;
}

/* --- changes ----------------------------------------------------------------------------- */

/* Who holds what, of one kind. */
struct own_held {
	struct own *v; /* each with one claim */
	unsigned n, set;
	const struct own_table *t;
};

static int own_on_held(struct nftnl_set_elem *x, void *data)
{
	struct own_held *h = data;
	uint32_t len = 0;
	const uint8_t *key = nftnl_set_elem_get(x, NFTNL_SET_ELEM_KEY, &len);
	struct own *v, o = { .n = 1 };

	if (!key || len != own_key_len(h->set, h->t->named))
		return 0;
	if (h->t->named) {
		memcpy(o.bridge, key, IFNAMSIZ);
		key += IFNAMSIZ;
	}
	memcpy(o.dev, key, IFNAMSIZ);
	memcpy(o.v[0].v, key + IFNAMSIZ, own_kinds[h->set % OWN_KINDS].len);
	o.v[0].kind = (uint8_t)(h->set % OWN_KINDS);
	o.shared = nftnl_set_elem_is_set(x, NFTNL_SET_ELEM_USERDATA);
	if (!(h->n & (h->n + 1))) { /* room for as many again */
		v = reallocarray(h->v, 2 * (h->n + 1), sizeof(*v));
		if (!v)
			return -1;
		h->v = v;
	}
	h->v[h->n++] = o;
	return 0;
}

static bool own_same(const struct own *h, const struct own *o, unsigned i,
		     bool named)
{
	return !memcmp(&h->v[0], &o->v[i], sizeof(o->v[i])) &&
	       (!named || !strcmp(h->bridge, o->bridge)) &&
	       h->shared == o->shared;
}

/* Is it another's own, too? */
static bool own_together(const struct own_held *h, const struct own *gone)
{
	unsigned i;

	for (i = 0; i < h->n; i++)
		if (strcmp(h->v[i].dev, gone->dev) &&
		    own_same(&h->v[i], gone, 0, h->t->named))
			return true;
	return false;
}

static bool own_wants(const struct own *o, const struct own *was, bool named)
{
	unsigned i;

	for (i = 0; i < o->n; i++)
		if (own_same(was, o, i, named))
			return true;
	return false;
}

/* What it holds and should not, goes; if it was the last, what is owned, too. */
static int own_take_one(struct nft *nft, struct nft_batch *b,
			const struct own_held *h, const struct own *was,
			bool together)
{
	struct own_ask k = { .o = was,
			     .t = h->t,
			     .set = h->set % OWN_KINDS,
			     .claim = was->v[0].v };
	int rc = own_put_elem(b, NFT_MSG_DELSETELEM, h->set, was, was->v[0].v,
			      h->t);

	if (!rc && !was->shared && !together && !own_ask(nft, &k))
		rc = own_put_elem(b, NFT_MSG_DELSETELEM, k.set, was,
				  was->v[0].v, h->t);
	return rc;
}

static int own_take(struct nft *nft, struct nft_batch *b,
		    const struct own_held *h, const struct own *o,
		    struct own_seen *seen)
{
	unsigned i;
	int rc = 0;

	for (i = 0; !rc && i < h->n; i++) {
		const struct own *was = &h->v[i];
		bool together;

		seen->others |= strcmp(was->dev, o->dev) != 0;
		if (strcmp(was->dev, o->dev) || own_wants(o, was, h->t->named))
			continue;
		together = own_together(h, was);
		seen->together |= together;
		rc = own_take_one(nft, b, h, was, together);
	}
	return rc;
}

int own_change(struct nft *nft, struct nft_batch *b, const struct own *o,
	       const struct own_table *t, struct own_seen *seen)
{
	unsigned set;
	int rc = 0;

	for (set = OWN_KINDS + t->first; !rc && set < OWN_SETS; set++) {
		struct own_held h = { .set = set, .t = t };

		rc = nft_elems(nft, t->family, t->name, own_sets[set],
			       own_on_held, &h);
		if (!rc)
			rc = own_take(nft, b, &h, o, seen);
		free(h.v);
	}
	return rc ? rc : own_put(b, o, t);
}

/* --- the table of closed bridges --------------------------------------------------------- */

struct own_table own_closed(bool named)
{
	return (struct own_table){ .name = CLOSED_TABLE,
				   .family = NFPROTO_BRIDGE,
				   .named = named };
}

static void own_put_name(struct nlmsghdr *nlh, const void *arg)
{
	(void)arg;
	mnl_attr_put_strz(nlh, NFTA_SET_TABLE, CLOSED_TABLE);
	mnl_attr_put_strz(nlh, NFTA_SET_NAME, own_sets[OWN_MAC]);
}

static int own_on_set(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_set *s = nftnl_set_alloc();
	uint32_t *len = data;

	if (s && !nftnl_set_nlmsg_parse(nlh, s))
		*len = nftnl_set_get_u32(s, NFTNL_SET_KEY_LEN);
	if (s)
		nftnl_set_free(s);
	return MNL_CB_OK;
}

int own_named(struct nft *nft)
{
	uint32_t len = 0;
	struct nft_ask a = { .type = NFT_MSG_GETSET,
			     .family = NFPROTO_BRIDGE,
			     .build = own_put_name,
			     .each = own_on_set,
			     .data = &len };
	int rc = nft_ask(nft, &a);

	return rc ? rc : len == own_key_len(OWN_MAC, true);
}
