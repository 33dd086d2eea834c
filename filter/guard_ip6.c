// SPDX-License-Identifier: GPL-2.0-or-later
/* guard_ip6.c - what a guest may say in IPv6: sources, discovery, DHCP; pure */
#include <linux/if_packet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>

#include "guard_rules.h"

/* Neighbour discovery that nothing stands before: RFC 6980 and then some. */
static struct guard_rule *guard_nd(struct guard *g, enum guard_chain c,
				   enum guard_verdict v, unsigned to,
				   unsigned type)
{
	struct guard_rule *r = guard_add(g, c, v, to);

	guard_match_num(r, GUARD_IP6_NEXT, IPPROTO_ICMPV6);
	guard_match_num(r, GUARD_ICMP6_TYPE, type);
	return r;
}

/* What a host without an address sends: duplicate address detection and router
 * solicitation (RFC 4861, 4862), group reports (RFC 3590).
 */
static void guard_check_none(struct guard *g, const struct policy *p)
{
	static const uint8_t report[] = { GUARD_MLD2_REPORT,
					  MLD_LISTENER_REPORT };
	enum guard_chain c = GUARD_CHECK_IP6;
	enum guard_verdict nd = p->has_mac ? GUARD_GOTO : GUARD_RETURN;
	bool any = p->learn == VIF_LEARN_FIRST;
	static const uint8_t none[16];
	struct guard_rule *r;
	unsigned i;

	r = guard_nd(g, c, any ? nd : GUARD_GOTO,
		     any ? GUARD_ND0 : GUARD_CHECK_TARGET, ND_NEIGHBOR_SOLICIT);
	guard_match(r, GUARD_IP6_SADDR, GUARD_EQ, none, 128);
	r = guard_nd(g, c, nd, GUARD_RS0, ND_ROUTER_SOLICIT);
	guard_match(r, GUARD_IP6_SADDR, GUARD_EQ, none, 128);
	for (i = 0; i < sizeof(report); i++) {
		r = guard_add(g, c, GUARD_GOTO, GUARD_IN_IP6);
		guard_match(r, GUARD_IP6_SADDR, GUARD_EQ, none, 128);
		guard_match_num(r, GUARD_ICMP6_TYPE, report[i]);
	}
}

static void guard_check_ip6(struct guard *g, const struct policy *p)
{
	struct guard_ask own = { GUARD_CHECK_IP6, GUARD_IP6_SADDR, GUARD_GOTO,
				 GUARD_IN_IP6, true };

	if (!guard_known(p))
		return;
	if (guard_has(p, AF_INET6)) {
		guard_sources(g, p, &own);
		guard_check_none(g, p);
	}
	guard_add(g, GUARD_CHECK_IP6, GUARD_DROP, GUARD_DROP_IP6);
}

/* A later fragment, which passes when nothing but the fragment's header stands
 * before it. Of what we would refuse the first one does not pass.
 */
struct guard_rule *guard_later(struct guard *g, enum guard_chain c)
{
	struct guard_rule *r = guard_add(g, c, GUARD_RETURN, 0);

	guard_match_num(r, GUARD_RAW_IP6_NEXT, IPPROTO_FRAGMENT);
	guard_match_op(r, GUARD_RAW_IP6_FRAG, GUARD_NE, 0);
	if (r)
		r->m[r->n - 1].bits = 13;
	return r;
}

/* The headers behind which the kernel goes on looking for an upper layer; `from`
 * is who says that there is one.
 */
static void guard_ext(struct guard *g, enum guard_chain c,
		      enum guard_field from, enum guard_verdict v, unsigned to)
{
	struct guard_rule *r = guard_add(g, c, v, to);

	guard_match_num(r, from, IPPROTO_HOPOPTS);
	r = guard_add(g, c, v, to);
	guard_match_range(r, from, IPPROTO_ROUTING, IPPROTO_FRAGMENT);
	r = guard_add(g, c, v, to);
	guard_match_num(r, from, IPPROTO_DSTOPTS);
}

/* The kernel looks for an upper layer in all of the frame, and so in what stands
 * behind the packet's own end, too, which other parts belie; and of a later part
 * it believes what that says that it is of. So one extension header at most: either
 * the packet is whole, or the upper layer begins behind the fragment's header. The
 * first part has eight bytes of it, what rules ask for (RFC 7112 wants all).
 */
static void guard_in_ext6(struct guard *g)
{
	enum guard_chain c = GUARD_IN_EXT6;
	struct guard_rule *r;

	guard_ext(g, c, GUARD_RAW_IP6_SECOND, GUARD_DROP, GUARD_DROP_HIDDEN);
	r = guard_add(g, c, GUARD_DROP, GUARD_DROP_HIDDEN);
	guard_match_num(r, GUARD_RAW_IP6_NEXT, IPPROTO_FRAGMENT);
	guard_match_num(r, GUARD_RAW_IP6_FRAG, 0);
	if (r)
		r->m[r->n - 1].bits = 13;
	guard_match_op(r, GUARD_IP6_LENGTH, GUARD_LT, 8 + 8);
	guard_add(g, c, GUARD_GOTO, GUARD_IN_UPPER6);
}

static void guard_in_ip6(struct guard *g)
{
	enum guard_chain c = GUARD_IN_IP6;

	guard_ext(g, c, GUARD_RAW_IP6_NEXT, GUARD_GOTO, GUARD_IN_EXT6);
	guard_add(g, c, GUARD_GOTO, GUARD_IN_UPPER6);
}

/* Where the kernel finds no upper layer a receiver may still find one. */
static void guard_in_upper6(struct guard *g, const struct policy *p)
{
	bool server = p->allow & POLICY_DHCP_SERVER;
	enum guard_chain c = GUARD_IN_UPPER6;
	struct guard_rule *r;

	r = guard_add(g, c, GUARD_GOTO, GUARD_IN_ICMP6);
	guard_match_num(r, GUARD_L4PROTO, IPPROTO_ICMPV6);
	if (!(p->allow & POLICY_ROUTER)) {
		r = guard_add(g, c, GUARD_DROP, GUARD_DROP_RA);
		guard_match_num(r, GUARD_PKTTYPE, PACKET_MULTICAST);
		guard_match_num(r, GUARD_L4PROTO, IPPROTO_PIM);
	}
	if (!server || guard_leases6(p)) {
		r = guard_add(g, c, GUARD_GOTO, GUARD_IN_UDP6);
		guard_match_num(r, GUARD_L4PROTO, IPPROTO_UDP);
	}
	r = guard_add(g, c, GUARD_RETURN, 0);
	guard_match_op(r, GUARD_L4PROTO, GUARD_NE, IPPROTO_ICMPV6);
	guard_add(g, c, GUARD_DROP, GUARD_DROP_HIDDEN);
	guard_in_dhcp6(g, p);
	if (server)
		return;
	c = GUARD_IN_UDP6;
	r = guard_add(g, c, GUARD_RETURN, 0);
	guard_match_op(r, GUARD_UDP_DPORT, GUARD_NE, GUARD_DHCP6_CLIENT);
	guard_later(g, c);
	guard_add(g, c, GUARD_DROP, GUARD_DROP_DHCP);
}

static void guard_in_icmp6(struct guard *g, const struct policy *p)
{
	enum guard_verdict nd = p->has_mac ? GUARD_GOTO : GUARD_RETURN;
	bool known = guard_known(p);
	enum guard_chain c = GUARD_IN_ICMP6;
	struct guard_rule *r;

	guard_nd(g, c, nd, GUARD_ND0, ND_NEIGHBOR_SOLICIT);
	guard_nd(g, c, known ? GUARD_GOTO : nd,
		 known ? GUARD_CHECK_TARGET : GUARD_ND0, ND_NEIGHBOR_ADVERT);
	guard_nd(g, c, nd, GUARD_RS0, ND_ROUTER_SOLICIT);
	if (p->allow & POLICY_ROUTER) {
		guard_nd(g, c, GUARD_RETURN, 0, ND_ROUTER_ADVERT);
		guard_nd(g, c, GUARD_RETURN, 0, ND_REDIRECT);
	} else {
		/* as in_igmp */
		r = guard_add(g, c, GUARD_DROP, GUARD_DROP_RA);
		guard_match_num(r, GUARD_ICMP6_TYPE, MLD_LISTENER_QUERY);
		r = guard_add(g, c, GUARD_DROP, GUARD_DROP_RA);
		guard_match_num(r, GUARD_ICMP6_TYPE, GUARD_MRD);
	}
	r = guard_add(g, c, GUARD_RETURN, 0);
	guard_match_op(r, GUARD_ICMP6_TYPE, GUARD_LT, ND_ROUTER_SOLICIT);
	r = guard_add(g, c, GUARD_RETURN, 0);
	guard_match_op(r, GUARD_ICMP6_TYPE, GUARD_GT, ND_REDIRECT);
	/* Today's kernels find 0x60 to 0x6f for the type of a later fragment,
	 * which passed already: they read it off the IPv6 header. */
	r = guard_later(g, c);
	if (r)
		r->spare = true;
	guard_add(g, c, GUARD_DROP, GUARD_DROP_RA);
}

static void guard_check_target(struct guard *g, const struct policy *p)
{
	struct guard_ask own = { GUARD_CHECK_TARGET, GUARD_RAW_TARGET,
				 p->has_mac ? GUARD_GOTO : GUARD_RETURN,
				 GUARD_ND0, false };

	guard_sources(g, p, &own);
	guard_add(g, GUARD_CHECK_TARGET, GUARD_DROP, GUARD_DROP_ND);
}

/* An option in slot i of those behind `head` bytes, from chain c. */
static void guard_option(struct guard *g, const struct policy *p,
			 enum guard_chain c, unsigned at, unsigned last)
{
	uint8_t link[7] = { 1 }; /* length in eights of bytes, and address */
	struct guard_rule *r;
	unsigned i, k;

	for (i = 0; i < guard_macs(p); i++) {
		if (guard_mac_again(p, i))
			continue;
		memcpy(link + 1, guard_mac(p, i), 6);
		r = guard_add(g, c, GUARD_GOTO, c + 1);
		guard_match_mac(r, p, i);
		guard_match_range(r, GUARD_RAW_OPT_TYPE, ND_OPT_SOURCE_LINKADDR,
				  ND_OPT_TARGET_LINKADDR);
		guard_match(r, GUARD_RAW_OPT_REST, GUARD_EQ, link, 56);
		if (r)
			r->m[r->n - 1].at = r->m[r->n - 2].at = (uint16_t)at;
	}
	/* Any other kind, of one or two times eight bytes. */
	for (k = 1; k <= 2 && c + k <= last; k++) {
		r = guard_add(g, c, GUARD_GOTO, c + k);
		guard_match_op(r, GUARD_RAW_OPT_TYPE, GUARD_GT,
			       ND_OPT_TARGET_LINKADDR);
		guard_match_num(r, GUARD_RAW_OPT_LEN, k);
		if (r)
			r->m[0].at = r->m[1].at = (uint16_t)at;
	}
}

/* Option after option, as far as the packet goes; more than we look at is not
 * let pass, and so neither is what SEND (RFC 3971) adds.
 */
static void guard_options(struct guard *g, const struct policy *p,
			  enum guard_chain first, unsigned slots, unsigned head)
{
	struct guard_rule *r;
	unsigned i;

	for (i = 0; i <= slots; i++) {
		r = guard_add(g, first + i, GUARD_RETURN, 0);
		guard_match_num(r, GUARD_IP6_LENGTH, head + 8 * i);
		if (i < slots)
			guard_option(g, p, first + i, head + 8 * i,
				     first + slots);
		guard_add(g, first + i, GUARD_DROP, GUARD_DROP_ND);
	}
}

void guard_ip6(struct guard *g, const struct policy *p)
{
	guard_check_ip6(g, p);
	if (guard_known(p) && !guard_has(p, AF_INET6))
		return;
	guard_in_ip6(g);
	guard_in_ext6(g);
	guard_in_upper6(g, p);
	guard_in_icmp6(g, p);
	if (guard_known(p))
		guard_check_target(g, p);
	if (!p->has_mac)
		return;
	guard_options(g, p, GUARD_ND0, GUARD_ND_SLOTS,
		      sizeof(struct nd_neighbor_solicit));
	guard_options(g, p, GUARD_RS0, GUARD_RS_SLOTS,
		      sizeof(struct nd_router_solicit));
}
