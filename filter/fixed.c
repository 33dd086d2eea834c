// SPDX-License-Identifier: GPL-2.0-or-later
/* fixed.c - a table of ours whose chains and rules never change */
#include "fixed.h"

#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

/* --- what is there --------------------------------------------------------------- */

struct fixed_seen {
	const struct fixed *t;
	unsigned i, rules;
	bool same;
	uint32_t use;
};

static void fixed_put_name(struct nlmsghdr *nlh, const void *table)
{
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
}

static int fixed_on_table(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_table *t = nftnl_table_alloc();
	struct fixed_seen *s = data;

	if (t && !nftnl_table_nlmsg_parse(nlh, t))
		s->use = nftnl_table_get_u32(t, NFTNL_TABLE_USE);
	if (t)
		nftnl_table_free(t);
	return MNL_CB_OK;
}

static int fixed_ask(struct nft *nft, struct fixed_seen *s)
{
	struct nft_ask a = { .type = NFT_MSG_GETTABLE,
			     .family = s->t->family,
			     .build = fixed_put_name,
			     .arg = s->t->table,
			     .each = fixed_on_table,
			     .data = s };

	return nft_ask(nft, &a);
}

bool fixed_there(struct nft *nft, const struct fixed *t)
{
	struct fixed_seen s = { .t = t };

	return fixed_ask(nft, &s) == 0;
}

static int fixed_on_rule(const struct nlmsghdr *nlh, void *data)
{
	char want[1024], have[1024];
	struct fixed_seen *s = data;
	struct nftnl_rule *r = nftnl_rule_alloc();
	struct code c;

	if (!r || s->t->rule(&c, s->t, s->i, s->rules++)) {
		s->same = false;
		goto out;
	}
	if (nftnl_rule_nlmsg_parse(nlh, r) ||
	    code_text(c.rule, want, sizeof(want)) <= 0 ||
	    code_text(r, have, sizeof(have)) <= 0 || strcmp(want, have))
		s->same = false;
	code_close(&c);
out:
	if (r)
		nftnl_rule_free(r);
	return MNL_CB_OK;
}

static void fixed_put_chain_name(struct nlmsghdr *nlh, const void *arg)
{
	const struct fixed_seen *s = arg;

	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, s->t->table);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, s->t->chain[s->i].name);
}

bool fixed_stands(struct nft *nft, const struct fixed *t)
{
	struct fixed_seen s = { .t = t, .same = true };
	struct code c;
	int end;

	if (fixed_ask(nft, &s) || s.use != t->nset + t->nchain)
		return false;
	for (s.i = 0; s.same && s.i < t->nchain; s.i++) {
		struct nft_ask a = { .type = NFT_MSG_GETRULE,
				     .family = t->family,
				     .dump = true,
				     .build = fixed_put_chain_name,
				     .arg = &s,
				     .each = fixed_on_rule,
				     .data = &s };

		s.rules = 0;
		s.same = !nft_ask(nft, &a) && s.same;
		end = t->rule(&c, t, s.i, s.rules);
		if (!end)
			code_close(&c);
		s.same = s.same && end == 1;
	}
	return s.same;
}

/* --- messages ------------------------------------------------------------------ */

int fixed_put_table(struct nft_batch *b, const struct fixed *t, uint16_t type,
		    uint16_t flags)
{
	struct nftnl_table *x = nftnl_table_alloc();
	struct nlmsghdr *nlh;

	if (!x)
		return -ENOMEM;
	nftnl_table_set_str(x, NFTNL_TABLE_NAME, t->table);
	if (type == NFT_MSG_NEWTABLE)
		flags |= NLM_F_CREATE;
	nlh = nft_batch_msg(b, type, t->family, flags, "table %s", t->table);
	if (nlh)
		nftnl_table_nlmsg_build_payload(nlh, x);
	nftnl_table_free(x);
	return 0;
}

static int fixed_put_chain(struct nft_batch *b, const struct fixed *t,
			   unsigned i)
{
	struct nftnl_chain *c = nftnl_chain_alloc();
	struct nlmsghdr *nlh;

	if (!c)
		return -ENOMEM;
	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, t->table);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, t->chain[i].name);
	if (t->chain[i].hook != FIXED_NO_HOOK) {
		nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "filter");
		nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, t->chain[i].hook);
		nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, t->prio);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	}
	nlh = nft_batch_msg(b, NFT_MSG_NEWCHAIN, t->family, NLM_F_CREATE,
			    "%s: chain %s", t->table, t->chain[i].name);
	if (nlh)
		nftnl_chain_nlmsg_build_payload(nlh, c);
	nftnl_chain_free(c);
	return 0;
}

static void fixed_empty(struct nft_batch *b, const struct fixed *t, unsigned i)
{
	struct fixed_seen s = { .t = t, .i = i };
	struct nlmsghdr *nlh = nft_batch_msg(b, NFT_MSG_DELRULE, t->family, 0,
					     "%s: rules of %s", t->table,
					     t->chain[i].name);

	if (nlh)
		fixed_put_chain_name(nlh, &s);
}

/* 1: the chain has no more. */
static int fixed_put_rule(struct nft_batch *b, const struct fixed *t,
			  unsigned i, unsigned k)
{
	struct nlmsghdr *nlh;
	struct code c;
	int rc = t->rule(&c, t, i, k);

	if (rc)
		return rc;
	nlh = nft_batch_msg(b, NFT_MSG_NEWRULE, t->family,
			    NLM_F_CREATE | NLM_F_APPEND, "%s: rule in %s",
			    t->table, t->chain[i].name);
	if (nlh)
		nftnl_rule_nlmsg_build_payload(nlh, c.rule);
	code_close(&c);
	return 0;
}

int fixed_put_chains(struct nft_batch *b, const struct fixed *t, bool there)
{
	unsigned i, k;
	int rc = 0;

	for (i = 0; rc >= 0 && i < t->nchain; i++) {
		rc = fixed_put_chain(b, t, i);
		if (!rc && there)
			fixed_empty(b, t, i);
		for (k = 0; !rc; k++)
			rc = fixed_put_rule(b, t, i, k);
	}
	return rc < 0 ? rc : 0;
}
