// SPDX-License-Identifier: GPL-2.0-or-later
/* engine_state.c - a connection's state, for vifs' own tables */
#include "engine_nft.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <string.h>

#include "base/num.h"

const char engine_state[] = "netback-state";

static int engine_state_rule(struct engine_nft *x, const char *kind,
			     uint32_t states, enum engine_class to)
{
	uint32_t keep = ~ENGINE_MARK, flip = ENGINE_CLASS(to), zero = 0;
	char name[IFNAMSIZ] = { 0 };
	struct code c;
	int rc = code_open(&c, NFPROTO_INET, engine_state, "postrouting");

	if (rc)
		return rc;
	strcpy(name, kind);
	code_meta(&c, NFT_META_OIFKIND);
	code_cmp(&c, true, name, sizeof(name));
	if (states) {
		code_ct(&c, NFT_CT_STATE);
		code_mask(&c, &states, sizeof(states));
		code_cmp(&c, false, &zero, sizeof(zero));
	}
	code_meta(&c, NFT_META_MARK);
	code_mask_flip(&c, &keep, &flip, sizeof(keep));
	code_meta_put(&c, NFT_META_MARK);
	return engine_rule_close(x, NFPROTO_INET, &c);
}

int engine_state_put(struct engine_nft *x)
{
	static const char *const kind[] = { "bridge", "tun" };
	static const struct {
		uint32_t states;
		enum engine_class to;
	} row[] = {
		{ 0, ENGINE_NONE },
		{ NF_CT_STATE_BIT(IP_CT_NEW), ENGINE_NEW },
		{ NF_CT_STATE_BIT(IP_CT_ESTABLISHED) |
			  NF_CT_STATE_BIT(IP_CT_RELATED),
		  ENGINE_OLD },
		{ NF_CT_STATE_INVALID_BIT, ENGINE_INVALID },
	};
	const struct engine_chain k = { .name = "postrouting",
					.base = true,
					.hook = NF_INET_POST_ROUTING,
					.prio = ENGINE_PRIO_STATE };
	unsigned i, n;
	int rc;

	if (x->state_there)
		return 0;
	rc = engine_table_msg(x, NFT_MSG_NEWTABLE, NFPROTO_INET, engine_state,
			      "netback: a connection's state, for vifs' rules");
	if (!rc)
		rc = engine_chain_msg(x, NFPROTO_INET, engine_state, &k);
	for (i = 0; i < ARRAY_SIZE(kind); i++)
		for (n = 0; !rc && n < ARRAY_SIZE(row); n++)
			rc = engine_state_rule(x, kind[i], row[n].states,
					       row[n].to);
	return rc;
}
