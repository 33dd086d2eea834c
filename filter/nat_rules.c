// SPDX-License-Identifier: GPL-2.0-or-later
/* nat_rules.c - the rules of mode nat, as values and as the kernel's instructions */
#include "nat_rules.h"

#include <stdio.h> /* libnftnl/expr.h uses FILE without it */

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/expr.h>
#include <linux/icmpv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/num.h"
#include "network.h"

/* What a rule is made of. Keys of two parts stand in registers 1 and 2 (names,
 * 16 bytes each) or 1 and 9 (numbers, 4 bytes each).
 */
enum nat_do {
	NAT_END,
	NAT_IN_GROUP, /* num: the group it is in */
	NAT_OUT_GROUP,
	NAT_NOT_OUT_GROUP,
	NAT_SAME,      /* the bridge it came by is the one it leaves by */
	NAT_ANSWER,    /* of a connection that is there */
	NAT_FORWARDED, /* its destination was changed */
	NAT_UDP_PORT,  /* num: to that port */
	NAT_ICMP6,     /* num: of that type */
	NAT_LOCAL,     /* to one of the host's addresses .. */
	NAT_NOT_LO,    /* .. and none of 127.0.0.0/8 */
	NAT_TO,	       /* num: 4 or 6; to what the map says */
	NAT_MASQ,
	NAT_RETURN,
	NAT_DROP,
};

enum { NAT_DOS = 5 };

struct nat_step {
	uint8_t what; /* enum nat_do */
	uint32_t num;
};

static const struct {
	uint8_t chain;
	struct nat_step step[NAT_DOS];
} nat_rules[] = {
	{ NAT_FORWARD,
	  { { NAT_OUT_GROUP, NETWORK_GROUP_NAT },
	    { NAT_ANSWER, 0 },
	    { NAT_RETURN, 0 } } },
	{ NAT_FORWARD,
	  { { NAT_OUT_GROUP, NETWORK_GROUP_NAT },
	    { NAT_FORWARDED, 0 },
	    { NAT_RETURN, 0 } } },
	{ NAT_FORWARD, { { NAT_SAME, 0 }, { NAT_RETURN, 0 } } },
	{ NAT_FORWARD,
	  { { NAT_OUT_GROUP, NETWORK_GROUP_NAT }, { NAT_DROP, 0 } } },
	{ NAT_FORWARD,
	  { { NAT_IN_GROUP, NETWORK_GROUP_HOSTONLY }, { NAT_DROP, 0 } } },
	{ NAT_FORWARD,
	  { { NAT_OUT_GROUP, NETWORK_GROUP_HOSTONLY }, { NAT_DROP, 0 } } },
	{ NAT_FORWARD,
	  { { NAT_IN_GROUP, NETWORK_GROUP_ISOLATED }, { NAT_DROP, 0 } } },
	{ NAT_FORWARD,
	  { { NAT_OUT_GROUP, NETWORK_GROUP_ISOLATED }, { NAT_DROP, 0 } } },
	{ NAT_INPUT,
	  { { NAT_IN_GROUP, NETWORK_GROUP_ISOLATED },
	    { NAT_UDP_PORT, 67 },
	    { NAT_RETURN, 0 } } },
	{ NAT_INPUT,
	  { { NAT_IN_GROUP, NETWORK_GROUP_ISOLATED },
	    { NAT_UDP_PORT, 547 },
	    { NAT_RETURN, 0 } } },
	{ NAT_INPUT,
	  { { NAT_IN_GROUP, NETWORK_GROUP_ISOLATED },
	    { NAT_ICMP6, 133 }, /* router solicitation */
	    { NAT_RETURN, 0 } } },
	{ NAT_INPUT,
	  { { NAT_IN_GROUP, NETWORK_GROUP_ISOLATED },
	    { NAT_ICMP6, 135 }, /* neighbour solicitation, advertisement */
	    { NAT_RETURN, 0 } } },
	{ NAT_INPUT,
	  { { NAT_IN_GROUP, NETWORK_GROUP_ISOLATED },
	    { NAT_ICMP6, 136 },
	    { NAT_RETURN, 0 } } },
	{ NAT_INPUT,
	  { { NAT_IN_GROUP, NETWORK_GROUP_ISOLATED }, { NAT_DROP, 0 } } },
	{ NAT_PREROUTING, { { NAT_LOCAL, 0 }, { NAT_TO, 4 } } },
	{ NAT_PREROUTING, { { NAT_LOCAL, 0 }, { NAT_TO, 6 } } },
	{ NAT_OUTPUT, { { NAT_LOCAL, 0 }, { NAT_NOT_LO, 0 }, { NAT_TO, 4 } } },
	{ NAT_OUTPUT, { { NAT_LOCAL, 0 }, { NAT_TO, 6 } } },
	{ NAT_POSTROUTING,
	  { { NAT_SAME, 0 }, { NAT_FORWARDED, 0 }, { NAT_MASQ, 0 } } },
	{ NAT_POSTROUTING,
	  { { NAT_IN_GROUP, NETWORK_GROUP_NAT },
	    { NAT_NOT_OUT_GROUP, NETWORK_GROUP_NAT },
	    { NAT_MASQ, 0 } } },
	{ NAT_POSTROUTING,
	  { { NAT_IN_GROUP, NETWORK_GROUP_VIF },
	    { NAT_NOT_OUT_GROUP, NETWORK_GROUP_VIF },
	    { NAT_MASQ, 0 } } },
};

const char nat_table[] = "netback-nat";
const char nat_same[] = "same";
const char *const nat_maps[] = { "forward4", "forward6" };

const struct nat_chain nat_chains[NAT_CHAINS] = {
	[NAT_FORWARD] = { "forward", "filter", NF_INET_FORWARD, 0 },
	[NAT_INPUT] = { "input", "filter", NF_INET_LOCAL_IN, 0 },
	[NAT_PREROUTING] = { "prerouting", "nat", NF_INET_PRE_ROUTING, -100 },
	[NAT_OUTPUT] = { "output", "nat", NF_INET_LOCAL_OUT, -100 },
	[NAT_POSTROUTING] = { "postrouting", "nat", NF_INET_POST_ROUTING, 100 },
};

/* --- one rule --------------------------------------------------------------------*/

static void nat_meta(struct code *c, uint32_t key, uint32_t reg)
{
	struct nftnl_expr *x = code_add(c, "meta");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(x, NFTNL_EXPR_META_DREG, reg);
}

static void nat_group(struct code *c, uint32_t key, bool equal, uint32_t group)
{
	code_meta(c, key);
	code_cmp(c, equal, &group, sizeof(group));
}

static void nat_ct(struct code *c, uint32_t key, uint32_t bits)
{
	struct nftnl_expr *x = code_add(c, "ct");
	uint32_t none = 0;

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(x, NFTNL_EXPR_CT_DREG, NFT_REG_1);
	code_mask(c, &bits, sizeof(bits));
	code_cmp(c, false, &none, sizeof(none));
}

static void nat_proto(struct code *c, uint8_t proto, uint32_t off,
		      const void *value, uint32_t len)
{
	code_meta(c, NFT_META_L4PROTO);
	code_cmp(c, true, &proto, 1);
	code_payload(c, NFT_PAYLOAD_TRANSPORT_HEADER, off, len);
	code_cmp(c, true, value, len);
}

static void nat_local(struct code *c)
{
	struct nftnl_expr *x = code_add(c, "fib");
	uint32_t local = RTN_LOCAL;

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(x, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
	code_cmp(c, true, &local, sizeof(local));
}

/* From an address of lo nothing may leave, so nothing is sent on from there. */
static void nat_not_lo(struct code *c)
{
	uint8_t four = NFPROTO_IPV4, lo = IN_LOOPBACKNET;

	code_meta(c, NFT_META_NFPROTO);
	code_cmp(c, true, &four, 1);
	code_payload(c, NFT_PAYLOAD_NETWORK_HEADER, 16, 1);
	code_cmp(c, false, &lo, 1);
}

static void nat_lookup(struct code *c, const char *set, bool map)
{
	struct nftnl_expr *x = code_add(c, "lookup");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
	/* the kernel's answer has them, and code_text shows them */
	nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_FLAGS, 0);
	if (map)
		nftnl_expr_set_u32(x, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_1);
	nftnl_expr_set_str(x, NFTNL_EXPR_LOOKUP_SET, set);
}

static void nat_to(struct code *c, bool six)
{
	struct nftnl_expr *x;

	nat_meta(c, NFT_META_L4PROTO, NFT_REG_1);
	x = code_add(c, "payload");
	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_BASE,
			   NFT_PAYLOAD_TRANSPORT_HEADER);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_OFFSET, 2);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_LEN, 2);
	nftnl_expr_set_u32(x, NFTNL_EXPR_PAYLOAD_DREG, NFT_REG32_01);
	nat_lookup(c, nat_maps[six], true);
	x = code_add(c, "nat");
	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_FAMILY,
			   six ? NFPROTO_IPV6 : NFPROTO_IPV4);
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_ADDR_MIN, NFT_REG_1);
	/* behind an address of 4 or of 16 bytes */
	nftnl_expr_set_u32(x, NFTNL_EXPR_NAT_REG_PROTO_MIN,
			   six ? NFT_REG_2 : NFT_REG32_01);
}

static void nat_do(struct code *c, const struct nat_step *s)
{
	uint16_t port = htons((uint16_t)s->num);
	uint8_t type = (uint8_t)s->num;

	switch ((enum nat_do)s->what) {
	case NAT_IN_GROUP:
		nat_group(c, NFT_META_IIFGROUP, true, s->num);
		break;
	case NAT_OUT_GROUP:
		nat_group(c, NFT_META_OIFGROUP, true, s->num);
		break;
	case NAT_NOT_OUT_GROUP:
		nat_group(c, NFT_META_OIFGROUP, false, s->num);
		break;
	case NAT_SAME:
		nat_meta(c, NFT_META_IIFNAME, NFT_REG_1);
		nat_meta(c, NFT_META_OIFNAME, NFT_REG_2);
		nat_lookup(c, nat_same, false);
		break;
	case NAT_ANSWER:
		/* established, related: their bits as nft(8) has them */
		nat_ct(c, NFT_CT_STATE, 2 | 4);
		break;
	case NAT_FORWARDED:
		nat_ct(c, NFT_CT_STATUS, IPS_DST_NAT);
		break;
	case NAT_UDP_PORT:
		nat_proto(c, IPPROTO_UDP, 2, &port, sizeof(port));
		break;
	case NAT_ICMP6:
		nat_proto(c, IPPROTO_ICMPV6, 0, &type, sizeof(type));
		break;
	case NAT_LOCAL:
		nat_local(c);
		break;
	case NAT_NOT_LO:
		nat_not_lo(c);
		break;
	case NAT_TO:
		nat_to(c, s->num == 6);
		break;
	case NAT_MASQ:
		code_add(c, "masq");
		break;
	case NAT_RETURN:
		code_verdict(c, NFT_RETURN, NULL);
		break;
	case NAT_DROP:
		code_count(c);
		code_verdict(c, NF_DROP, NULL);
		break;
	case NAT_END:
		break;
	}
}

int nat_rules_chain(unsigned i)
{
	return i < ARRAY_SIZE(nat_rules) ? nat_rules[i].chain : -1;
}

int nat_rules_code(struct code *c, unsigned i)
{
	unsigned k;
	int rc = code_open(c, NFPROTO_INET, nat_table,
			   nat_chains[nat_rules[i].chain].name);

	if (rc)
		return rc;
	for (k = 0; k < NAT_DOS; k++)
		nat_do(c, &nat_rules[i].step[k]);
	if (!c->failed)
		return 0;
	code_close(c);
	return -ENOMEM;
}
