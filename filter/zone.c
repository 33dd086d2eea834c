// SPDX-License-Identifier: GPL-2.0-or-later
/* zone.c - a zone of connections for each bridge whose vifs have stateful rules
 *
 *   inet table netzone-BRIDGE: prerouting, before connections are tracked
 *
 * Two bridges may have guests of the same addresses; without zones the answers of
 * one would be taken for the other's. Only what is bridged is in the zone: what
 * is for the host's own MAC is routed, and its answers come by another device.
 * So the table names the bridge's MAC, and its comment says of what it was made.
 */
#include "engine_nft.h"

#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "ruleset_own.h"
#include "vif.h"

enum { ZONE_PRIO = -300 };

struct zone {
	const char *bridge;
	uint8_t mac[6];
	uint16_t num;
	char sum[ENGINE_SUM];
};

static int zone_of(const char *bridge, struct zone *z, struct err *e)
{
	char path[64], text[32] = "";
	unsigned index = if_nametoindex(bridge);
	FILE *f;

	str_fmt(path, sizeof(path), "/sys/class/net/%s/address", bridge);
	f = fopen(path, "re");
	if (f && !fgets(text, sizeof(text), f))
		text[0] = '\0';
	if (f)
		fclose(f);
	text[strcspn(text, "\n")] = '\0';
	if (!index || vif_parse_mac(text, z->mac))
		return err_set(e, -ENODEV, "%s: no such bridge", bridge);
	z->bridge = bridge;
	/* another bridge of that number shares the zone: no worse than none */
	z->num = (uint16_t)(index & 0xffff ? index & 0xffff : 1);
	return str_fmt(z->sum, sizeof(z->sum), "netback zone %u %s", z->num,
		       text) < 0
		       ? -ENOSPC
		       : 0;
}

static void zone_set(struct code *c, uint16_t num)
{
	struct nftnl_expr *x = code_add(c, "immediate");

	if (x) {
		nftnl_expr_set_u32(x, NFTNL_EXPR_IMM_DREG, NFT_REG_1);
		nftnl_expr_set(x, NFTNL_EXPR_IMM_DATA, &num, sizeof(num));
	}
	x = code_add(c, "ct");
	if (x) {
		nftnl_expr_set_u32(x, NFTNL_EXPR_CT_KEY, NFT_CT_ZONE);
		nftnl_expr_set_u32(x, NFTNL_EXPR_CT_SREG, NFT_REG_1);
	}
}

static int zone_rule(struct engine_nft *x, const struct zone *z)
{
	struct code c;
	int rc = code_open(&c, NFPROTO_INET, x->table, "prerouting");

	if (rc)
		return rc;
	code_meta(&c, NFT_META_IIFNAME);
	code_cmp(&c, true, z->bridge, (uint32_t)strlen(z->bridge) + 1);
	code_payload(&c, NFT_PAYLOAD_LL_HEADER, 0, 6);
	code_cmp(&c, false, z->mac, 6);
	zone_set(&c, z->num);
	return engine_rule_close(x, NFPROTO_INET, &c);
}

static int zone_fill(struct engine_nft *x, const struct zone *z)
{
	const struct engine_chain k = { .name = "prerouting",
					.base = true,
					.hook = NF_INET_PRE_ROUTING,
					.prio = ZONE_PRIO };
	int rc = engine_table_msg(x, NFT_MSG_NEWTABLE, NFPROTO_INET, x->table,
				  NULL);

	if (!rc)
		rc = engine_table_msg(x, NFT_MSG_DELTABLE, NFPROTO_INET,
				      x->table, NULL);
	if (!rc)
		rc = engine_table_msg(x, NFT_MSG_NEWTABLE, NFPROTO_INET,
				      x->table, z->sum);
	if (!rc)
		rc = engine_chain_msg(x, NFPROTO_INET, x->table, &k);
	return rc ? rc : zone_rule(x, z);
}

static int zone_put_open(struct engine_nft *x, const struct zone *z)
{
	const char *what = "batch";
	int rc = engine_read_one(x, NFPROTO_INET, x->table);

	if (rc || (x->nold && !strcmp(x->old[0].sum, z->sum)))
		return rc;
	rc = nft_batch_open(&x->b, 0);
	if (!rc)
		rc = zone_fill(x, z);
	if (!rc)
		rc = nft_batch_send(x->nft, x->b, &what);
	nft_batch_close(x->b);
	return rc ? nft_say(x->e, rc, what, "CONFIG_NF_CONNTRACK_ZONES") : 0;
}

int zone_put(const char *bridge, struct err *e)
{
	struct engine_nft x = { .prefix = ENGINE_ZONE, .e = e };
	struct zone z;
	int rc = zone_of(bridge, &z, e);

	if (!rc)
		rc = nft_open(&x.nft, e);
	if (rc)
		return rc;
	guard_named(ENGINE_ZONE, bridge, x.table);
	rc = zone_put_open(&x, &z);
	nft_close(x.nft);
	free(x.old);
	free(x.zone);
	/* without zones bridges share one, as they did before there were any */
	return rc == -EOPNOTSUPP ? 0 : rc;
}
