// SPDX-License-Identifier: GPL-2.0-or-later
/* guard_dhcp.c - DHCP of a guest that is a client: whose, and which lease; pure */
#include <netinet/in.h>

#include "guard_rules.h"

/* Is it asked what a guest says to a DHCP server? */
bool guard_asks_dhcp(const struct policy *p)
{
	return p->learn == VIF_LEARN_DHCP ||
	       (p->has_mac && !(p->allow & POLICY_DHCP_SERVER));
}

/* All of a message is in this packet. */
static void guard_match_whole(struct guard_rule *r)
{
	guard_match_num(r, GUARD_IP_FRAG, 0);
	if (r)
		r->m[r->n - 1].skip = 2; /* all but the bit that forbids it */
}

/* A server goes by the hardware address in the message, not by the frame's: with
 * another's, a guest would be given that one's address, or give it back. A relay
 * may, and so may who has allow=dhcp-server.
 *
 * Where the lease is learned, whoever reads the log must see all that the server
 * sees: no fragments, and no more than can be read.
 */
void guard_in_dhcp(struct guard *g, const struct policy *p)
{
	bool learn = p->learn == VIF_LEARN_DHCP;
	unsigned i, n = p->has_mac ? guard_macs(p) : 1;
	struct guard_rule *r;

	if (!guard_asks_dhcp(p))
		return;
	if (learn) {
		r = guard_add(g, GUARD_IN_DHCP, GUARD_DROP, GUARD_DROP_DHCP);
		if (r)
			r->over = GUARD_DHCP_RATE;
	}
	for (i = 0; i < n; i++) {
		if (p->has_mac && guard_mac_again(p, i))
			continue;
		r = guard_add(g, GUARD_IN_DHCP, GUARD_RETURN, 0);
		guard_match_mac(r, p, i);
		if (p->has_mac)
			guard_match(r, GUARD_RAW_CHADDR, GUARD_EQ,
				    guard_mac(p, i), 48);
		if (learn)
			guard_match_whole(r);
		if (r)
			r->log = learn;
	}
	if (!(p->allow & POLICY_DHCP_SERVER))
		guard_add(g, GUARD_IN_DHCP, GUARD_DROP, GUARD_DROP_DHCP);
}

static struct guard_rule *guard_from_server(struct guard *g,
					    const struct policy *p)
{
	struct guard_rule *r = guard_add(g, GUARD_TO_GUEST, GUARD_GO_ON, 0);

	guard_match_num(r, GUARD_UDP_SPORT, GUARD_DHCP_SERVER);
	guard_match_num(r, GUARD_UDP_DPORT, GUARD_DHCP_CLIENT);
	guard_match_whole(r);
	if (p->has_mac)
		guard_match(r, GUARD_RAW_CHADDR, GUARD_EQ, p->mac, 48);
	return r;
}

/* --- DHCPv6 --------------------------------------------------------------- */

/* A server answers to an address that the guest has: its link-local one. */
bool guard_leases6(const struct policy *p)
{
	return p->learn == VIF_LEARN_DHCP && p->has_mac;
}

/* Right behind the IPv6 header, so no fragment. */
static void guard_match_udp6(struct guard_rule *r)
{
	guard_match_num(r, GUARD_IP6_NEXT, IPPROTO_UDP);
}

/* As in_dhcp, for who reads the log. A later fragment has no port, though some
 * kernels find one.
 */
void guard_in_dhcp6(struct guard *g, const struct policy *p)
{
	enum guard_chain c = GUARD_IN_DHCP6;
	struct guard_rule *r;

	if (!guard_leases6(p))
		return;
	r = guard_add(g, GUARD_IN_UDP6, GUARD_GOTO, c);
	guard_match_num(r, GUARD_UDP_DPORT, GUARD_DHCP6_SERVER);
	r = guard_later(g, c);
	if (r)
		r->spare = true;
	r = guard_add(g, c, GUARD_DROP, GUARD_DROP_DHCP);
	if (r)
		r->over = GUARD_DHCP_RATE;
	r = guard_add(g, c, GUARD_RETURN, 0);
	guard_match_udp6(r);
	if (r)
		r->log = true;
	guard_add(g, c, GUARD_DROP, GUARD_DROP_DHCP);
}

/* Where a reply has addresses no rule can tell: all of it is for lease.c. */
static void guard_lease6(struct guard *g, const struct policy *p)
{
	struct guard_rule *r;

	if (!guard_leases6(p))
		return;
	r = guard_add(g, GUARD_TO_GUEST, GUARD_GO_ON, 0);
	guard_match_udp6(r);
	guard_match_num(r, GUARD_UDP_SPORT, GUARD_DHCP6_SERVER);
	guard_match_num(r, GUARD_UDP_DPORT, GUARD_DHCP6_CLIENT);
	guard_match(r, GUARD_IP6_DADDR, GUARD_IN, NULL, 0);
	if (r)
		r->log = true;
}

/* --- which lease ---------------------------------------------------------- */

/* A server's acknowledgement gives the address; a table of nf_tables can read
 * its first option only, where servers put the kind, and not the lease's time. So
 * that is read from the log (lease.c), which comes after the rule: the time that
 * the rule sets is replaced.
 */
void guard_lease(struct guard *g, const struct policy *p)
{
	struct guard_rule *r;

	if (p->learn != VIF_LEARN_DHCP)
		return;
	r = guard_from_server(g, p);
	guard_match(r, GUARD_RAW_DHCP, GUARD_EQ, "\x35\x01\x05", 24);
	/* none is given to who only informs itself (RFC 2131, 4.3.5) */
	guard_match(r, GUARD_RAW_YIADDR, GUARD_NE, "\0\0\0", 32);
	guard_match(r, GUARD_RAW_YIADDR, GUARD_LEARN, NULL, 0);
	r = guard_from_server(g, p);
	if (r)
		r->log = true;
	guard_lease6(g, p);
}
