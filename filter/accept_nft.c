// SPDX-License-Identifier: GPL-2.0-or-later
/* accept_nft.c - accept= in nf_tables: iptables' nft variant, and chains of others
 *
 * A batch here depends on handles alone, which nobody else is ever given: what has
 * gone meanwhile is -ENOENT, and all is looked at again. So a storm of other
 * changes disturbs nothing.
 */
#include <stdio.h> /* libnftnl/expr.h uses FILE without it */

/* before <linux/in.h> and <linux/if.h> */
#include <net/if.h>
#include <netinet/in.h>

#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_physdev.h>
#include <stdlib.h>
#include <string.h>

#include "accept.h"
#include "base/num.h"
#include "code.h"
#include "nft.h"

enum { ACCEPT_NFT_TEXT = 4096, ACCEPT_NFT_UDATA = 64 };

static const char accept_nft_config[] =
	"CONFIG_NF_TABLES, and CONFIG_NFT_COMPAT for chains of iptables";

/* --- a rule --------------------------------------------------------------------- */

static void accept_nft_dev(struct code *c, uint32_t key, const char *dev)
{
	if (!dev[0])
		return;
	code_meta(c, key);
	code_cmp(c, true, dev, (uint32_t)strlen(dev) + 1);
}

static void accept_nft_physdev(struct code *c, const struct accept_rule *r)
{
	struct xt_physdev_info info = { .bitmask = XT_PHYSDEV_OP_BRIDGED };
	char padded[XT_ALIGN(sizeof(info))] = { 0 };

	if (r->in[0]) {
		strcpy(info.physindev, r->in);
		memset(info.in_mask, 0xff, strlen(r->in) + 1);
		info.bitmask |= XT_PHYSDEV_OP_IN;
	} else {
		strcpy(info.physoutdev, r->out);
		memset(info.out_mask, 0xff, strlen(r->out) + 1);
		info.bitmask |= XT_PHYSDEV_OP_OUT;
	}
	memcpy(padded, &info, sizeof(info));
	code_xt_match(c, "physdev", 0, padded, sizeof(padded));
}

/* nft(8) shows it; iptables has a match for it. */
static void accept_nft_comment(struct code *c, const char *comment, bool match)
{
	struct xt_comment_info info = { "" };
	struct nftnl_udata_buf *u;

	if (match) {
		str_put(info.comment, sizeof(info.comment), comment);
		code_xt_match(c, "comment", 0, &info, sizeof(info));
		return;
	}
	u = nftnl_udata_buf_alloc(ACCEPT_NFT_UDATA);
	if (u && nftnl_udata_put_strz(u, NFTNL_UDATA_RULE_COMMENT, comment))
		nftnl_rule_set_data(c->rule, NFTNL_RULE_USERDATA,
				    nftnl_udata_buf_data(u),
				    nftnl_udata_buf_len(u));
	else
		c->failed = true;
	if (u)
		nftnl_udata_buf_free(u);
}

/* code_close after 0. */
static int accept_nft_rule(const struct accept *a,
			   const struct accept_place *at,
			   const struct accept_rule *r, struct code *c)
{
	int rc = code_open(c, at->family, at->table, at->chain);

	if (rc)
		return rc;
	if (r->physdev) {
		accept_nft_physdev(c, r);
	} else {
		accept_nft_dev(c, NFT_META_IIFNAME, r->in);
		accept_nft_dev(c, NFT_META_OIFNAME, r->out);
	}
	accept_nft_comment(c, a->comment, accept_iptables(at));
	code_count(c);
	code_verdict(c, NF_ACCEPT, NULL);
	if (!c->failed)
		return 0;
	code_close(c);
	return -ENOMEM;
}

/* --- what is there -------------------------------------------------------------- */

/* One chain's rules, as they come. */
struct accept_nft_seen {
	struct accept *a;
	struct accept_place *at;
	unsigned behind; /* others' rules since the last of ours */
	bool ours;	 /* there was one of this vif's */
};

/* What a rule is made of, as far as it matters here. */
struct accept_nft_kind {
	const char *comment, *jump; /* NULL */
	bool asks;		    /* it depends on the packet */
	bool drops;		    /* .. or else that is its end */
};

static void accept_nft_target(struct nftnl_expr *x, struct accept_nft_kind *k)
{
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_TG_NAME);

	if (name && !strcmp(name, "REJECT"))
		k->drops = true;
}

static int accept_nft_expr(struct nftnl_expr *x, void *data)
{
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_NAME), *match;
	struct accept_nft_kind *k = data;
	uint32_t len;

	/* iptables-nft's -i + loads a name and compares it with nothing */
	if (!strcmp(name, "counter") || !strcmp(name, "log") ||
	    !strcmp(name, "meta"))
		return 0;
	if (!strcmp(name, "immediate")) {
		k->drops |= nftnl_expr_is_set(x, NFTNL_EXPR_IMM_VERDICT) &&
			    nftnl_expr_get_u32(x, NFTNL_EXPR_IMM_VERDICT) ==
				    NF_DROP;
		if (nftnl_expr_is_set(x, NFTNL_EXPR_IMM_CHAIN))
			k->jump = nftnl_expr_get_str(x, NFTNL_EXPR_IMM_CHAIN);
		return 0;
	}
	if (!strcmp(name, "reject")) {
		k->drops = true;
		return 0;
	}
	if (!strcmp(name, "target")) {
		accept_nft_target(x, k);
		return 0;
	}
	match = strcmp(name, "match")
			? NULL
			: nftnl_expr_get_str(x, NFTNL_EXPR_MT_NAME);
	if (match && !strcmp(match, "comment"))
		k->comment = nftnl_expr_get(x, NFTNL_EXPR_MT_INFO, &len);
	else
		k->asks = true;
	return 0;
}

static int accept_nft_udata(const struct nftnl_udata *u, void *data)
{
	const char *text = nftnl_udata_get(u);
	uint8_t n = nftnl_udata_len(u);

	if (nftnl_udata_type(u) == NFTNL_UDATA_RULE_COMMENT && n &&
	    !text[n - 1])
		*(const char **)data = text;
	return 0;
}

/* Which of those wanted is it? */
static void accept_nft_same(struct accept_nft_seen *s, struct nftnl_rule *r)
{
	static char have[ACCEPT_NFT_TEXT], want[ACCEPT_NFT_TEXT];
	struct accept_place *at = s->at;
	struct code c;
	unsigned i;

	if (at->nown < ACCEPT_OWN)
		at->own[at->nown++] = nftnl_rule_get_u64(r, NFTNL_RULE_HANDLE);
	if (code_text(r, have, sizeof(have)) < 0)
		return;
	for (i = 0; i < at->nwant; i++) {
		if (accept_nft_rule(s->a, at, &at->want[i], &c))
			return;
		if (code_text(c.rule, want, sizeof(want)) >= 0 &&
		    !strcmp(have, want))
			at->same |= 1u << i;
		code_close(&c);
	}
}

static void accept_nft_see(struct accept_nft_seen *s, struct nftnl_rule *r)
{
	struct accept_nft_kind k = { .comment = NULL };
	struct accept_place *at = s->at;
	const void *udata;
	uint32_t len = 0;

	nftnl_expr_foreach(r, accept_nft_expr, &k);
	udata = nftnl_rule_get_data(r, NFTNL_RULE_USERDATA, &len);
	if (udata)
		nftnl_udata_parse(udata, len, accept_nft_udata, &k.comment);
	if (k.jump && !k.asks)
		accept_follow(s->a, at, k.jump);
	at->last_drops = k.drops && !k.asks;
	at->last = nftnl_rule_get_u64(r, NFTNL_RULE_HANDLE);
	switch (accept_whose(s->a, k.comment ? k.comment : "")) {
	case ACCEPT_THIS:
		accept_nft_same(s, r);
		s->ours = true;
		s->behind = 0;
		break;
	case ACCEPT_OURS:
		break;
	case ACCEPT_OTHERS:
		s->behind += s->ours;
		break;
	}
}

static int accept_nft_on_rule(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_rule *r = nftnl_rule_alloc();

	if (r && nftnl_rule_nlmsg_parse(nlh, r) >= 0)
		accept_nft_see(data, r);
	if (r)
		nftnl_rule_free(r);
	return MNL_CB_OK;
}

/* Is it a base chain of the forward hook, and none of our own tables'? */
static int accept_nft_on_chain(const struct nlmsghdr *nlh, void *data)
{
	struct accept_place at = { 0 };
	struct nftnl_chain *c = nftnl_chain_alloc();
	const char *table;

	if (!c || nftnl_chain_nlmsg_parse(nlh, c) < 0 ||
	    !nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM) ||
	    nftnl_chain_get_u32(c, NFTNL_CHAIN_HOOKNUM) != NF_INET_FORWARD)
		goto out;
	table = nftnl_chain_get_str(c, NFTNL_CHAIN_TABLE);
	if (!strncmp(table, "netback-", 8) || !strncmp(table, "netrules-", 9) ||
	    str_put(at.table, sizeof(at.table), table) ||
	    str_put(at.chain, sizeof(at.chain),
		    nftnl_chain_get_str(c, NFTNL_CHAIN_NAME)))
		goto out;
	at.family = (uint16_t)nftnl_chain_get_u32(c, NFTNL_CHAIN_FAMILY);
	at.policy_drops = nftnl_chain_get_u32(c, NFTNL_CHAIN_POLICY) == NF_DROP;
	accept_add(data, &at);
out:
	if (c)
		nftnl_chain_free(c);
	return MNL_CB_OK;
}

static void accept_nft_put_names(struct nlmsghdr *nlh, const void *arg)
{
	const struct accept_place *at = arg;

	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, at->table);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, at->chain);
}

static int accept_nft_rules(struct nft *nft, struct accept *a,
			    struct accept_place *at)
{
	struct accept_nft_seen s = { .a = a, .at = at };
	struct nft_ask ask = { .type = NFT_MSG_GETRULE,
			       .family = at->family,
			       .dump = true,
			       .build = accept_nft_put_names,
			       .arg = at,
			       .each = accept_nft_on_rule,
			       .data = &s };
	int rc = nft_ask(nft, &ask);

	at->late = s.ours && s.behind > at->last_drops;
	return rc == -ENOENT ? -EINTR : rc;
}

int accept_nft_look(struct accept *a, struct err *e)
{
	static const uint16_t family[] = { NFPROTO_IPV4, NFPROTO_IPV6,
					   NFPROTO_INET, NFPROTO_BRIDGE };
	struct nft *nft = NULL;
	unsigned i;
	int rc = nft_open(&nft, e);

	for (i = 0; !rc && i < ARRAY_SIZE(family); i++) {
		struct nft_ask ask = { .type = NFT_MSG_GETCHAIN,
				       .family = family[i],
				       .dump = true,
				       .each = accept_nft_on_chain,
				       .data = a };

		if (accept_asks(a, family[i]))
			rc = nft_ask(nft, &ask);
	}
	/* a grows: what is jumped to comes behind */
	for (i = 0; !rc && i < a->n; i++)
		rc = accept_nft_rules(nft, a, &a->v[i]);
	nft_close(nft);
	if (rc == -EOPNOTSUPP || rc == -EAFNOSUPPORT)
		rc = 0; /* a kernel without them has no rules there */
	return rc && rc != -EINTR
		       ? nft_say(e, rc, "reading the rules", accept_nft_config)
		       : rc;
}

/* --- to the kernel -------------------------------------------------------------- */

static int accept_nft_cut(struct nft_batch *b, const struct accept_place *at,
			  uint64_t handle)
{
	struct nlmsghdr *nlh;
	struct code c;
	int rc = code_open(&c, at->family, at->table, at->chain);

	if (rc)
		return rc;
	nftnl_rule_set_u64(c.rule, NFTNL_RULE_HANDLE, handle);
	nlh = nft_batch_msg(b, NFT_MSG_DELRULE, at->family, 0,
			    "rule in table %s, chain %s", at->table, at->chain);
	if (nlh)
		nftnl_rule_nlmsg_build_payload(nlh, c.rule);
	code_close(&c);
	return 0;
}

static int accept_nft_put(struct nft_batch *b, const struct accept *a,
			  const struct accept_place *at,
			  const struct accept_rule *r)
{
	struct nlmsghdr *nlh;
	struct code c;
	int rc = accept_nft_rule(a, at, r, &c);

	if (rc)
		return rc;
	if (at->last_drops)
		nftnl_rule_set_u64(c.rule, NFTNL_RULE_POSITION, at->last);
	nlh = nft_batch_msg(b, NFT_MSG_NEWRULE, at->family,
			    NLM_F_CREATE | (at->last_drops ? 0 : NLM_F_APPEND),
			    "rule in table %s, chain %s", at->table, at->chain);
	if (nlh)
		nftnl_rule_nlmsg_build_payload(nlh, c.rule);
	code_close(&c);
	return 0;
}

static int accept_nft_fill(struct nft_batch *b, const struct accept *a)
{
	enum vif_accept how = (enum vif_accept)a->p->accept;
	const struct accept_place *at;
	unsigned k;
	int rc = 0;

	for (at = a->v; at < a->v + a->n; at++) {
		if (at->legacy || !accept_differs(at, how))
			continue;
		for (k = 0; !rc && k < at->nown; k++)
			rc = accept_nft_cut(b, at, at->own[k]);
		for (k = 0; !rc && k < accept_due(at, how); k++)
			rc = accept_nft_put(b, a, at, &at->want[k]);
	}
	return rc;
}

int accept_nft_change(const struct accept *a, struct err *e)
{
	struct nft_batch *b = NULL;
	struct nft *nft = NULL;
	const char *what = "batch";
	int rc = nft_open(&nft, e);

	if (rc)
		return rc;
	rc = nft_batch_open(&b, 0);
	if (!rc)
		rc = accept_nft_fill(b, a);
	if (!rc && nft_batch_count(b))
		rc = nft_batch_send(nft, b, &what);
	if (rc && rc != -ENOENT)
		rc = nft_say(e, rc, what, accept_nft_config);
	nft_batch_close(b);
	nft_close(nft);
	return rc;
}
