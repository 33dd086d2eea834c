// SPDX-License-Identifier: GPL-2.0-or-later
/* physdev.c - a rule as the kernel's instructions, as iptables-nft writes them
 *
 * Addresses, the protocol and single ports are nf_tables' own instructions;
 * physdev has none and is iptables' extension inside a `match`. The judge is
 * iptables-nft: tests/net/physdev.sh compares what is in the kernel.
 */
#include "physdev.h"

#include <assert.h>
#include <errno.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_physdev.h>
#include <string.h>

#include "base/num.h"

static_assert((int)RULES_IN == XT_PHYSDEV_OP_IN &&
		      (int)RULES_OUT == XT_PHYSDEV_OP_OUT &&
		      (int)RULES_BRIDGED == XT_PHYSDEV_OP_BRIDGED &&
		      (int)RULES_IS_IN == XT_PHYSDEV_OP_ISIN &&
		      (int)RULES_IS_OUT == XT_PHYSDEV_OP_ISOUT,
	      "the kernel's bits");

/* A port is known: the input port from PREROUTING on, the output port only for
 * bridged frames in FORWARD and after. A negated test can always match.
 */
int physdev_check(const struct rule *r, struct err *e)
{
	uint8_t is = r->physdev & (uint8_t)~r->not_physdev;

	if (!strcmp(r->chain, "INPUT") &&
	    is & (RULES_OUT | RULES_IS_OUT | RULES_BRIDGED))
		return err_set(e, -EINVAL,
			       "this rule can never match: in INPUT a frame is "
			       "for the host and has no output port; leave out "
			       "--physdev-is-bridged and --physdev-out, or use "
			       "FORWARD");
	if (!strcmp(r->chain, "OUTPUT") && is)
		return err_set(e, -EINVAL,
			       "this rule can never match: in OUTPUT no port "
			       "is known yet; use the guest's address (-d)");
	return 0;
}

/* As iptables' own parser fills it: '+' stays in the name, not in the mask. */
static void physdev_name(const char *s, char name[IFNAMSIZ],
			 char mask[IFNAMSIZ])
{
	size_t n = strlen(s);

	memcpy(name, s, n);
	memset(mask, 0xff, s[n - 1] == '+' ? n - 1 : n + 1);
}

static void physdev_match(const struct rule *r, struct code *c)
{
	union {
		struct xt_physdev_info info;
		uint8_t room[XT_ALIGN(sizeof(struct xt_physdev_info))];
	} u;

	memset(&u, 0, sizeof(u));
	if (r->physdev & RULES_IN)
		physdev_name(r->in, u.info.physindev, u.info.in_mask);
	if (r->physdev & RULES_OUT)
		physdev_name(r->out, u.info.physoutdev, u.info.out_mask);
	u.info.bitmask = r->physdev;
	u.info.invert = r->not_physdev;
	code_xt_match(c, "physdev", 0, &u, sizeof(u));
}

static void physdev_addr(const struct rules_addr *a, uint32_t off,
			 struct code *c)
{
	uint32_t whole = a->len / 8;
	uint8_t mask[4] = { 0 };
	unsigned i;

	if (!a->given)
		return;
	for (i = 0; i < a->len; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	if (a->len % 8 || !a->len) {
		code_payload(c, NFT_PAYLOAD_NETWORK_HEADER, off, 4);
		code_mask(c, mask, 4);
		whole = 4;
	} else {
		code_payload(c, NFT_PAYLOAD_NETWORK_HEADER, off, whole);
	}
	code_cmp(c, !a->not, a->addr, whole);
}

static void physdev_port(const struct rules_port *p, uint32_t off,
			 struct code *c)
{
	uint8_t v[2] = { (uint8_t)(p->port >> 8), (uint8_t)p->port };

	if (!p->given)
		return;
	code_payload(c, NFT_PAYLOAD_TRANSPORT_HEADER, off, 2);
	code_cmp(c, !p->not, v, 2);
}

static void physdev_ports(const struct rule *r, struct code *c)
{
	uint8_t v[4] = { (uint8_t)(r->sport.port >> 8), (uint8_t)r->sport.port,
			 (uint8_t)(r->dport.port >> 8),
			 (uint8_t)r->dport.port };

	if (r->sport.given && r->dport.given &&
	    !r->sport.not &&!r->dport.not ) {
		code_payload(c, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 4);
		code_cmp(c, true, v, 4);
		return;
	}
	physdev_port(&r->sport, 0, c);
	physdev_port(&r->dport, 2, c);
}

static const struct {
	const char *name;
	int verdict;
} physdev_verdicts[] = {
	{ "ACCEPT", NF_ACCEPT },
	{ "DROP", NF_DROP },
	{ "RETURN", NFT_RETURN },
};

bool physdev_jumps(const struct rule *r)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(physdev_verdicts); i++)
		if (!strcmp(r->target, physdev_verdicts[i].name))
			return false;
	return r->target[0] != '\0';
}

static void physdev_target(const struct rule *r, struct code *c)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(physdev_verdicts); i++)
		if (!strcmp(r->target, physdev_verdicts[i].name))
			code_verdict(c, physdev_verdicts[i].verdict, NULL);
	if (physdev_jumps(r))
		code_verdict(c, NFT_JUMP, r->target);
}

int physdev_code(const struct rule *r, struct code *c)
{
	int rc = code_open(c, NFPROTO_IPV4, "filter", r->chain);

	if (rc)
		return rc;
	if (r->proto) {
		code_meta(c, NFT_META_L4PROTO);
		code_cmp(c, !r->not_proto, &r->proto, 1);
		nftnl_rule_set_u32(c->rule, NFTNL_RULE_COMPAT_PROTO, r->proto);
		nftnl_rule_set_u32(c->rule, NFTNL_RULE_COMPAT_FLAGS,
				   r->not_proto ? NFT_RULE_COMPAT_F_INV : 0);
	}
	physdev_addr(&r->src, 12, c);
	physdev_addr(&r->dst, 16, c);
	if (r->ports_first)
		physdev_ports(r, c);
	if (r->physdev)
		physdev_match(r, c);
	if (!r->ports_first)
		physdev_ports(r, c);
	code_count(c);
	physdev_target(r, c);
	if (!c->failed)
		return 0;
	code_close(c);
	return -ENOMEM;
}
