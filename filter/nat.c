// SPDX-License-Identifier: GPL-2.0-or-later
/* nat.c - one table for all of mode nat: masquerade, forwards, who meets whom
 *
 * Its rules never change. They go by link groups (network.h), which a vif or a
 * network's bridge is put into, so that an attach touches no rule and a packet
 * meets the same few however many guests there are. A bridge's own frames stay on
 * their bridge; where br_netfilter shows them to us, the pair (bridge, bridge) in
 * the set `same` lets them by.
 *
 *   forward      nat: from outside only answers and forwards; hostonly and
 *                isolated: nothing. We drop or return, never accept
 *   input        isolated: DHCP and neighbour discovery
 *   prerouting,  the host's own addresses: protocol and port -> guest and port,
 *   output       one lookup in a map
 *   postrouting  out of a nat group, not into it: as the host. A forward back
 *                into its network, too, or the answer would miss the host
 */
#include <stdio.h> /* libnftnl/expr.h uses FILE without it */

#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/icmpv6.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <string.h>

#include "base/num.h"
#include "code.h"
#include "filter.h"
#include "network.h"
#include "nft.h"

enum nat_chain {
	NAT_FORWARD,
	NAT_INPUT,
	NAT_PREROUTING,
	NAT_OUTPUT,
	NAT_POSTROUTING,
	NAT_CHAINS,
};

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

static const char nat_table[] = "netback-nat";
static const char nat_same[] = "same";
static const char *const nat_maps[] = { "forward4", "forward6" };
static const char nat_config[] =
	"CONFIG_NF_TABLES_INET, CONFIG_NFT_MASQ, CONFIG_NFT_NAT, CONFIG_NFT_CT "
	"and CONFIG_NFT_FIB_INET";

static const struct {
	const char *name, *type;
	uint32_t hook;
	int32_t prio;
} nat_chains[NAT_CHAINS] = {
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

/* --- the table ---------------------------------------------------------------------*/

static int nat_put_table(struct nft_batch *b)
{
	struct nftnl_table *t = nftnl_table_alloc();
	struct nlmsghdr *nlh;

	if (!t)
		return -ENOMEM;
	nftnl_table_set_str(t, NFTNL_TABLE_NAME, nat_table);
	nlh = nft_batch_msg(b, NFT_MSG_NEWTABLE, NFPROTO_INET,
			    NLM_F_CREATE | NLM_F_EXCL, "table inet %s",
			    nat_table);
	if (nlh)
		nftnl_table_nlmsg_build_payload(nlh, t);
	nftnl_table_free(t);
	return 0;
}

/* nft's own numbers for types; a pair has both, 6 bits each. */
enum {
	NAT_IPV4 = 7,
	NAT_IPV6 = 8,
	NAT_PROTO = 12,
	NAT_PORT = 13,
	NAT_NAME = 41,
	NAT_BITS = 6,
};

/* which: 0 and 1 the maps, 2 the pairs of bridges */
static struct nftnl_set *nat_set(unsigned which)
{
	static const struct {
		uint32_t key, key_len, data, data_len;
	} row[] = {
		{ NAT_PROTO << NAT_BITS | NAT_PORT, 8,
		  NAT_IPV4 << NAT_BITS | NAT_PORT, 8 },
		{ NAT_PROTO << NAT_BITS | NAT_PORT, 8,
		  NAT_IPV6 << NAT_BITS | NAT_PORT, 20 },
		{ NAT_NAME << NAT_BITS | NAT_NAME, 2 * IFNAMSIZ, 0, 0 },
	};
	struct nftnl_set *s = nftnl_set_alloc();

	if (!s)
		return NULL;
	nftnl_set_set_str(s, NFTNL_SET_TABLE, nat_table);
	nftnl_set_set_str(s, NFTNL_SET_NAME,
			  which < 2 ? nat_maps[which] : nat_same);
	nftnl_set_set_u32(s, NFTNL_SET_FAMILY, NFPROTO_INET);
	nftnl_set_set_u32(s, NFTNL_SET_ID, which + 1);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, row[which].key);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, row[which].key_len);
	if (!row[which].data)
		return s;
	nftnl_set_set_u32(s, NFTNL_SET_FLAGS, NFT_SET_MAP);
	nftnl_set_set_u32(s, NFTNL_SET_DATA_TYPE, row[which].data);
	nftnl_set_set_u32(s, NFTNL_SET_DATA_LEN, row[which].data_len);
	return s;
}

static int nat_put_set(struct nft_batch *b, unsigned which)
{
	struct nftnl_set *s = nat_set(which);
	struct nlmsghdr *nlh;

	if (!s)
		return -ENOMEM;
	nlh = nft_batch_msg(b, NFT_MSG_NEWSET, NFPROTO_INET, NLM_F_CREATE,
			    "%s: set %s", nat_table,
			    nftnl_set_get_str(s, NFTNL_SET_NAME));
	if (nlh)
		nftnl_set_nlmsg_build_payload(nlh, s);
	nftnl_set_free(s);
	return 0;
}

static int nat_put_chain(struct nft_batch *b, unsigned i)
{
	struct nftnl_chain *c = nftnl_chain_alloc();
	struct nlmsghdr *nlh;

	if (!c)
		return -ENOMEM;
	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, nat_table);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, nat_chains[i].name);
	nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, nat_chains[i].type);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, nat_chains[i].hook);
	nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, nat_chains[i].prio);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	nlh = nft_batch_msg(b, NFT_MSG_NEWCHAIN, NFPROTO_INET, NLM_F_CREATE,
			    "%s: %s chain %s", nat_table, nat_chains[i].type,
			    nat_chains[i].name);
	if (nlh)
		nftnl_chain_nlmsg_build_payload(nlh, c);
	nftnl_chain_free(c);
	return 0;
}

static int nat_put_rule(struct nft_batch *b, unsigned i)
{
	const char *chain = nat_chains[nat_rules[i].chain].name;
	struct nlmsghdr *nlh;
	struct code c;
	unsigned k;
	int rc = code_open(&c, NFPROTO_INET, nat_table, chain);

	if (rc)
		return rc;
	for (k = 0; k < NAT_DOS; k++)
		nat_do(&c, &nat_rules[i].step[k]);
	nlh = nft_batch_msg(b, NFT_MSG_NEWRULE, NFPROTO_INET,
			    NLM_F_CREATE | NLM_F_APPEND, "%s: rule %u in %s",
			    nat_table, i + 1, chain);
	if (nlh)
		nftnl_rule_nlmsg_build_payload(nlh, c.rule);
	rc = c.failed ? -ENOMEM : 0;
	code_close(&c);
	return rc;
}

static int nat_fill(struct nft_batch *b)
{
	unsigned i;
	int rc = nat_put_table(b);

	for (i = 0; !rc && i < 3; i++)
		rc = nat_put_set(b, i);
	for (i = 0; !rc && i < NAT_CHAINS; i++)
		rc = nat_put_chain(b, i);
	for (i = 0; !rc && i < ARRAY_SIZE(nat_rules); i++)
		rc = nat_put_rule(b, i);
	return rc;
}

static void nat_put_name(struct nlmsghdr *nlh, const void *arg)
{
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, arg);
}

static int nat_there(struct nft *nft)
{
	struct nft_ask a = { .type = NFT_MSG_GETTABLE,
			     .family = NFPROTO_INET,
			     .build = nat_put_name,
			     .arg = nat_table };

	return nft_ask(nft, &a);
}

static int nat_make(struct nft *nft, struct err *e)
{
	struct nft_batch *b = NULL;
	const char *what = "batch";
	int rc = nft_batch_open(&b, 0);

	if (!rc)
		rc = nat_fill(b);
	if (!rc)
		rc = nft_batch_send(nft, b, &what);
	if (rc == -EEXIST) /* another was faster, and made the same */
		rc = 0;
	if (rc)
		rc = nft_say(e, rc, what, nat_config);
	nft_batch_close(b);
	return rc;
}

int filter_nat(struct err *e)
{
	struct nft *nft = NULL;
	int rc = nft_open(&nft, e);

	if (!rc && nat_there(nft))
		rc = nat_make(nft, e);
	nft_close(nft);
	return rc;
}

/* --- what is in it -------------------------------------------------------------------*/

/* Key and data of its map: bytes of data. */
static uint32_t nat_element(const struct network_forward *f, uint8_t key[8],
			    uint8_t data[20])
{
	uint32_t size = f->to.family == AF_INET6 ? 16 : 4;
	uint16_t port = htons(f->port);

	key[0] = f->proto;
	memcpy(key + 4, &port, 2);
	memcpy(data, f->to.addr, size);
	port = htons(f->to_port);
	memcpy(data + size, &port, 2);
	return size + 4;
}

/* One element; of a map if f is given. */
static int nat_change(struct nft *nft, const char *bridge,
		      const struct network_forward *f, bool on,
		      const char **what)
{
	uint8_t key[2 * IFNAMSIZ] = { 0 }, data[20] = { 0 };
	bool six = f && f->to.family == AF_INET6;
	struct nftnl_set_elem *x = nftnl_set_elem_alloc();
	struct nftnl_set *s = nat_set(f ? six : 2);
	struct nft_batch *b = NULL;
	struct nlmsghdr *nlh;
	int rc = x && s ? nft_batch_open(&b, 0) : -ENOMEM;

	*what = "batch";
	if (rc)
		goto out;
	if (f) {
		nftnl_set_elem_set(x, NFTNL_SET_ELEM_DATA, data,
				   nat_element(f, key, data));
	} else {
		memcpy(key, bridge, strlen(bridge));
		memcpy(key + IFNAMSIZ, bridge, strlen(bridge));
	}
	nftnl_set_elem_set(x, NFTNL_SET_ELEM_KEY, key, f ? 8 : sizeof(key));
	nftnl_set_elem_add(s, x);
	x = NULL;
	nlh = nft_batch_msg(b, on ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM,
			    NFPROTO_INET, on ? NLM_F_CREATE : 0,
			    "%s: element of %s", nat_table,
			    nftnl_set_get_str(s, NFTNL_SET_NAME));
	if (nlh)
		nftnl_set_elems_nlmsg_build_payload(nlh, s);
	rc = nft_batch_send(nft, b, what);
	if (rc == -ENOENT && !on)
		rc = 0;
out:
	nft_batch_close(b);
	if (x)
		nftnl_set_elem_free(x);
	if (s)
		nftnl_set_free(s);
	return rc;
}

/* A forward, as an element has it. */
struct nat_held {
	uint8_t key[8], data[20];
	uint32_t len;
	bool found;
};

static int nat_on_elem(struct nftnl_set_elem *x, void *arg)
{
	struct nat_held *h = arg;
	uint32_t klen = 0, dlen = 0;
	const void *key = nftnl_set_elem_get(x, NFTNL_SET_ELEM_KEY, &klen);
	const void *data = nftnl_set_elem_get(x, NFTNL_SET_ELEM_DATA, &dlen);

	h->found |= key && data && klen == sizeof(h->key) && dlen == h->len &&
		    !memcmp(key, h->key, klen) && !memcmp(data, h->data, dlen);
	return 0;
}

static int nat_on_elems(const struct nlmsghdr *nlh, void *arg)
{
	struct nftnl_set *s = nftnl_set_alloc();

	if (s && nftnl_set_elems_nlmsg_parse(nlh, s) >= 0)
		nftnl_set_elem_foreach(s, nat_on_elem, arg);
	if (s)
		nftnl_set_free(s);
	return MNL_CB_OK;
}

static void nat_put_map(struct nlmsghdr *nlh, const void *map)
{
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_TABLE, nat_table);
	mnl_attr_put_strz(nlh, NFTA_SET_ELEM_LIST_SET, map);
}

/* The kernel takes an element away by its key: is it this forward, or another
 * network's of the same port?
 */
static bool nat_holds(struct nft *nft, const struct network_forward *f)
{
	struct nat_held h = { .found = false };
	struct nft_ask a = { .type = NFT_MSG_GETSETELEM,
			     .family = NFPROTO_INET,
			     .dump = true,
			     .build = nat_put_map,
			     .arg = nat_maps[f->to.family == AF_INET6],
			     .each = nat_on_elems,
			     .data = &h };
	unsigned i;
	int rc = -EINTR;

	for (i = 0; rc == -EINTR && i < NFT_TRIES; i++) {
		memset(&h, 0, sizeof(h));
		h.len = nat_element(f, h.key, h.data);
		rc = nft_ask(nft, &a);
	}
	return h.found;
}

static int nat_forward(struct nft *nft, const struct network *n,
		       const struct network_forward *f, bool on, struct err *e)
{
	const char *what;
	int rc;

	if (!on && !nat_holds(nft, f))
		return 0;
	rc = nat_change(nft, n->bridge, f, on, &what);
	if (rc == -EEXIST)
		return err_set(e, -EADDRINUSE,
			       "forward: %s port %u of this host is another "
			       "network's already; choose another port",
			       f->proto == IPPROTO_TCP ? "tcp" : "udp",
			       f->port);
	return rc ? nft_say(e, rc, "forwards", nat_config) : 0;
}

static int nat_network(struct nft *nft, const struct network *n, bool on,
		       struct err *e)
{
	const char *what;
	unsigned i;
	int rc = nat_change(nft, n->bridge, NULL, on, &what);

	if (rc)
		return nft_say(e, rc, "forwards", nat_config);
	for (i = 0; !rc && i < n->nforward; i++)
		rc = nat_forward(nft, n, &n->forward[i], on, e);
	return rc;
}

int filter_network(const struct network *n, bool on, struct err *e)
{
	struct nft *nft = NULL;
	int rc = nft_open(&nft, e), there;

	if (rc)
		return rc;
	there = nat_there(nft);
	if (there && on)
		rc = nat_make(nft, e);
	if (!rc && (!there || on))
		rc = nat_network(nft, n, on, e);
	nft_close(nft);
	return rc;
}

/* Those of a that b has not. */
static int nat_only(struct nft *nft, const struct network *a,
		    const struct network *b, bool on, struct err *e)
{
	unsigned i;
	int rc = 0;

	for (i = 0; !rc && i < a->nforward; i++)
		if (network_forwards(b, &a->forward[i]) < 0)
			rc = nat_forward(nft, a, &a->forward[i], on, e);
	return rc;
}

int filter_forwards(const struct network *was, const struct network *now,
		    struct err *e)
{
	struct nft *nft = NULL;
	int rc = nft_open(&nft, e);

	if (rc)
		return rc;
	if (nat_there(nft))
		rc = nat_make(nft, e);
	if (!rc)
		rc = nat_only(nft, was, now, false, e);
	if (!rc)
		rc = nat_only(nft, now, was, true, e);
	if (rc && (nat_only(nft, now, was, false, NULL) ||
		   nat_only(nft, was, now, true, NULL)))
		err_prefix(e, "cannot go back");
	nft_close(nft);
	return rc;
}
