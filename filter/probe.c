// SPDX-License-Identifier: GPL-2.0-or-later
/* probe.c - what this kernel's nf_tables can do: tried, one rule each
 *
 * Each try is a table of its own, and is taken away again.
 */
#include <net/if.h> /* before <linux/if.h>, which gives way to it */

#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/xt_physdev.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "filter.h"
#include "nft.h"

static const char probe_table[] = "netback-probe";

/* The one expression of the rule; NULL: the chain alone is the question. */
static const struct probe {
	uint16_t family;
	uint32_t hook;
	const char *type, *expr;
	uint32_t key;
} probes[FILTER_FEATURES] = {
	[FILTER_NETDEV_INGRESS] = { NFPROTO_NETDEV, NF_NETDEV_INGRESS, "filter",
				    NULL, 0 },
	[FILTER_NETDEV_EGRESS] = { NFPROTO_NETDEV, NF_NETDEV_EGRESS, "filter",
				   NULL, 0 },
	[FILTER_BRIDGE] = { NFPROTO_BRIDGE, NF_INET_FORWARD, "filter", NULL,
			    0 },
	[FILTER_BRIDGE_CT] = { NFPROTO_BRIDGE, NF_INET_FORWARD, "filter", "ct",
			       NFT_CT_STATE },
	[FILTER_BRIDGE_NAME] = { NFPROTO_BRIDGE, NF_INET_FORWARD, "filter",
				 "meta", NFT_META_BRI_IIFNAME },
	[FILTER_BRIDGE_REJECT] = { NFPROTO_BRIDGE, NF_INET_LOCAL_IN, "filter",
				   "reject", 0 },
	[FILTER_NAT] = { NFPROTO_INET, NF_INET_POST_ROUTING, "nat", "masq", 0 },
	[FILTER_PHYSDEV] = { NFPROTO_IPV4, NF_INET_FORWARD, "filter", "match",
			     0 },
};

static struct nftnl_expr *probe_expr(const struct probe *p)
{
	struct nftnl_expr *x = nftnl_expr_alloc(p->expr);
	struct xt_physdev_info *info;
	/* the kernel compares aligned sizes: 66 bytes go as 72 */
	const size_t size = (sizeof(*info) + 7) & ~(size_t)7;

	if (!x)
		return NULL;
	if (!strcmp(p->expr, "ct")) {
		nftnl_expr_set_u32(x, NFTNL_EXPR_CT_KEY, p->key);
		nftnl_expr_set_u32(x, NFTNL_EXPR_CT_DREG, NFT_REG_1);
	} else if (!strcmp(p->expr, "meta")) {
		nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, p->key);
		nftnl_expr_set_u32(x, NFTNL_EXPR_META_DREG, NFT_REG_1);
	} else if (!strcmp(p->expr, "reject")) {
		nftnl_expr_set_u32(x, NFTNL_EXPR_REJECT_TYPE,
				   NFT_REJECT_ICMPX_UNREACH);
		nftnl_expr_set_u8(x, NFTNL_EXPR_REJECT_CODE,
				  NFT_REJECT_ICMPX_PORT_UNREACH);
	} else if (!strcmp(p->expr, "match")) {
		info = calloc(1, size); /* the expression's from here on */
		if (!info) {
			nftnl_expr_free(x);
			return NULL;
		}
		info->bitmask = XT_PHYSDEV_OP_BRIDGED;
		nftnl_expr_set_str(x, NFTNL_EXPR_MT_NAME, "physdev");
		nftnl_expr_set_u32(x, NFTNL_EXPR_MT_REV, 0);
		nftnl_expr_set(x, NFTNL_EXPR_MT_INFO, info, (uint32_t)size);
	}
	return x;
}

static void probe_put_table(struct nft_batch *b, uint16_t family, uint16_t type)
{
	struct nftnl_table *t = nftnl_table_alloc();
	struct nlmsghdr *nlh;

	if (!t)
		return;
	nftnl_table_set_str(t, NFTNL_TABLE_NAME, probe_table);
	nlh = nft_batch_msg(b, type, family,
			    type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0,
			    "table");
	if (nlh)
		nftnl_table_nlmsg_build_payload(nlh, t);
	nftnl_table_free(t);
}

static void probe_put_chain(struct nft_batch *b, const struct probe *p,
			    const char *dev)
{
	struct nftnl_chain *c = nftnl_chain_alloc();
	struct nlmsghdr *nlh;

	if (!c)
		return;
	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, probe_table);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, "probe");
	nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, p->type);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, p->hook);
	nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, 0);
	if (p->family == NFPROTO_NETDEV)
		nftnl_chain_set_str(c, NFTNL_CHAIN_DEV, dev);
	nlh = nft_batch_msg(b, NFT_MSG_NEWCHAIN, p->family, NLM_F_CREATE,
			    "chain");
	if (nlh)
		nftnl_chain_nlmsg_build_payload(nlh, c);
	nftnl_chain_free(c);
}

static void probe_put_rule(struct nft_batch *b, const struct probe *p)
{
	struct nftnl_rule *r = nftnl_rule_alloc();
	struct nftnl_expr *x = r ? probe_expr(p) : NULL;
	struct nlmsghdr *nlh;

	if (x) {
		nftnl_rule_set_str(r, NFTNL_RULE_TABLE, probe_table);
		nftnl_rule_set_str(r, NFTNL_RULE_CHAIN, "probe");
		nftnl_rule_add_expr(r, x);
		nlh = nft_batch_msg(b, NFT_MSG_NEWRULE, p->family,
				    NLM_F_CREATE | NLM_F_APPEND, "rule");
		if (nlh)
			nftnl_rule_nlmsg_build_payload(nlh, r);
	}
	if (r)
		nftnl_rule_free(r);
}

int filter_probe(enum filter_feature f, const char *dev)
{
	const struct probe *p = &probes[f];
	struct nft_batch *b = NULL;
	const char *what;
	struct nft *nft;
	int rc = nft_open(&nft, NULL);

	if (rc)
		return rc;
	rc = nft_batch_open(&b, 0);
	if (!rc) {
		probe_put_table(b, p->family, NFT_MSG_NEWTABLE);
		probe_put_chain(b, p, dev);
		if (p->expr)
			probe_put_rule(b, p);
		/* in the same batch: it never was there */
		probe_put_table(b, p->family, NFT_MSG_DELTABLE);
		rc = nft_batch_send(nft, b, &what);
	}
	nft_batch_close(b);
	nft_close(nft);
	return rc;
}
