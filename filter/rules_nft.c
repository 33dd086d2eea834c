// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_nft.c - a rule into, and out of, iptables-nft's own table
 *
 * What is there is read first (is there a chain? which handle has the rule?), so
 * the batch names the generation it was decided on, and all is done again when
 * that is no longer the kernel's.
 */
#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "code.h"
#include "nft.h"
#include "physdev.h"
#include "rules.h"

enum { RULES_NFT_TEXT = 4096 };

static const char rules_nft_config[] =
	"CONFIG_NF_TABLES, CONFIG_NFT_COMPAT and "
	"CONFIG_NETFILTER_XT_MATCH_PHYSDEV";

struct rules_nft {
	const struct rule *r;
	struct code c;
	char want[RULES_NFT_TEXT]; /* its instructions */
	bool chain;		   /* there is one */
	bool target;		   /* there is such a chain to jump to */
	bool found;
	uint64_t handle; /* of the first rule that is equal */
};

static int rules_nft_see_chain(const struct nlmsghdr *nlh, void *data)
{
	(void)nlh;
	*(bool *)data = true;
	return MNL_CB_OK;
}

static int rules_nft_see_rule(const struct nlmsghdr *nlh, void *data)
{
	struct rules_nft *s = data;
	struct nftnl_rule *r = nftnl_rule_alloc();
	char have[RULES_NFT_TEXT];

	if (r && !s->found && !nftnl_rule_nlmsg_parse(nlh, r) &&
	    code_text(r, have, sizeof(have)) >= 0 && !strcmp(have, s->want)) {
		s->found = true;
		s->handle = nftnl_rule_get_u64(r, NFTNL_RULE_HANDLE);
	}
	if (r)
		nftnl_rule_free(r);
	return MNL_CB_OK;
}

static void rules_nft_put_names(struct nlmsghdr *nlh, const void *chain)
{
	bool rules = (nlh->nlmsg_type & 0xff) == NFT_MSG_GETRULE;

	mnl_attr_put_strz(nlh, rules ? NFTA_RULE_TABLE : NFTA_CHAIN_TABLE,
			  "filter");
	mnl_attr_put_strz(nlh, rules ? NFTA_RULE_CHAIN : NFTA_CHAIN_NAME,
			  chain);
}

static int rules_nft_has_chain(struct nft *nft, const char *chain, bool *has)
{
	struct nft_ask a = { .type = NFT_MSG_GETCHAIN,
			     .family = NFPROTO_IPV4,
			     .build = rules_nft_put_names,
			     .arg = chain,
			     .each = rules_nft_see_chain,
			     .data = has };
	int rc;

	*has = false;
	rc = nft_ask(nft, &a);
	return rc == -ENOENT ? 0 : rc;
}

static int rules_nft_read(struct nft *nft, struct rules_nft *s)
{
	struct nft_ask a = { .type = NFT_MSG_GETRULE,
			     .family = NFPROTO_IPV4,
			     .dump = true,
			     .build = rules_nft_put_names,
			     .arg = s->r->chain,
			     .each = rules_nft_see_rule,
			     .data = s };
	int rc;

	s->found = false;
	rc = rules_nft_has_chain(nft, s->r->chain, &s->chain);
	if (!rc && physdev_jumps(s->r))
		rc = rules_nft_has_chain(nft, s->r->target, &s->target);
	return rc || !s->chain ? rc : nft_ask(nft, &a);
}

/* As iptables-nft makes them when they are needed. */
static int rules_nft_put_base(struct nft_batch *b, const char *name,
			      uint32_t hook)
{
	struct nftnl_table *t = nftnl_table_alloc();
	struct nftnl_chain *c = nftnl_chain_alloc();
	struct nlmsghdr *nlh;
	int rc = -ENOMEM;

	if (!t || !c)
		goto out;
	nftnl_table_set_str(t, NFTNL_TABLE_NAME, "filter");
	nlh = nft_batch_msg(b, NFT_MSG_NEWTABLE, NFPROTO_IPV4, NLM_F_CREATE,
			    "table ip filter");
	if (nlh)
		nftnl_table_nlmsg_build_payload(nlh, t);
	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, "filter");
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, name);
	nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "filter");
	nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, hook);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_PRIO, 0);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	nlh = nft_batch_msg(b, NFT_MSG_NEWCHAIN, NFPROTO_IPV4, NLM_F_CREATE,
			    "chain %s of table ip filter", name);
	if (nlh)
		nftnl_chain_nlmsg_build_payload(nlh, c);
	rc = 0;
out:
	if (t)
		nftnl_table_free(t);
	if (c)
		nftnl_chain_free(c);
	return rc;
}

static int rules_nft_put_chain(struct nft_batch *b, const char *name,
			       struct err *e)
{
	static const struct {
		const char *name;
		uint32_t hook;
	} base[] = { { "INPUT", NF_INET_LOCAL_IN },
		     { "FORWARD", NF_INET_FORWARD },
		     { "OUTPUT", NF_INET_LOCAL_OUT } };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(base); i++)
		if (!strcmp(name, base[i].name))
			return rules_nft_put_base(b, name, base[i].hook);
	return err_set(e, -ENOENT,
		       "there is no chain %s in table filter; make it with "
		       "iptables -N %s",
		       name, name);
}

static int rules_nft_fill(struct nft_batch *b, const struct rules_nft *s,
			  struct err *e)
{
	const struct rule *r = s->r;
	bool del = r->verb == RULES_DELETE;
	uint16_t flags = r->verb == RULES_APPEND ? NLM_F_APPEND : 0;
	struct nlmsghdr *nlh;
	int rc;

	if (!s->chain) {
		rc = rules_nft_put_chain(b, r->chain, e);
		if (rc)
			return rc;
	}
	if (del)
		nftnl_rule_set_u64(s->c.rule, NFTNL_RULE_HANDLE, s->handle);
	nlh = nft_batch_msg(b, del ? NFT_MSG_DELRULE : NFT_MSG_NEWRULE,
			    NFPROTO_IPV4, del ? 0 : NLM_F_CREATE | flags,
			    "rule in chain %s (xt physdev, NFT_COMPAT)%s%s",
			    r->chain, r->target[0] ? ", target " : "",
			    r->target);
	if (nlh)
		nftnl_rule_nlmsg_build_payload(nlh, s->c.rule);
	return 0;
}

static int rules_nft_send(struct nft *nft, const struct rules_nft *s,
			  uint32_t gen, struct err *e)
{
	struct nft_batch *b = NULL;
	const char *what = "batch";
	int rc = nft_batch_open(&b, gen);

	if (!rc)
		rc = rules_nft_fill(b, s, e);
	if (!rc) {
		rc = nft_batch_send(nft, b, &what);
		if (rc && rc != -ERESTART)
			rc = nft_say(e, rc, what, rules_nft_config);
	}
	nft_batch_close(b);
	return rc;
}

/* -ERESTART or -EINTR: somebody else changed rules meanwhile; again. */
static int rules_nft_once(struct nft *nft, struct rules_nft *s, struct err *e)
{
	uint32_t gen;
	int rc = nft_gen(nft, &gen);

	if (!rc)
		rc = rules_nft_read(nft, s);
	if (rc)
		return rc == -EINTR ? rc
				    : nft_say(e, rc, "table ip filter",
					      rules_nft_config);
	if (s->r->verb == RULES_CHECK)
		return !s->found;
	if (s->r->verb == RULES_DELETE && !s->found)
		return err_set(e, -ENOENT,
			       "there is no such rule in chain %s; "
			       "iptables -S %s lists what is",
			       s->r->chain, s->r->chain);
	if (s->r->verb != RULES_DELETE && physdev_jumps(s->r) && !s->target)
		return err_set(e, -ENOENT,
			       "-j %s: not ACCEPT, DROP or RETURN, and there "
			       "is no such chain in table filter",
			       s->r->target);
	return rules_nft_send(nft, s, gen, e);
}

int rules_do(const struct rule *r, struct err *e)
{
	struct rules_nft s = { .r = r };
	unsigned i;
	int rc = physdev_code(r, &s.c);

	if (rc)
		return err_set(e, rc, "out of memory");
	rc = code_text(s.c.rule, s.want, sizeof(s.want));
	rc = rc < 0 ? err_set(e, rc, "the rule is too long") : -EINTR;
	for (i = 0; (rc == -EINTR || rc == -ERESTART) && i < NFT_TRIES; i++) {
		struct nft *nft = NULL;

		rc = nft_open(&nft, e);
		if (!rc)
			rc = rules_nft_once(nft, &s, e);
		nft_close(nft);
	}
	if (rc == -EINTR || rc == -ERESTART)
		rc = err_set(e, rc,
			     "others change the rules all the time; try again");
	code_close(&s.c);
	return rc;
}
