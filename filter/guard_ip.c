// SPDX-License-Identifier: GPL-2.0-or-later
/* guard_ip.c - what a guest may say in IPv4, its address aside; pure */
#include <linux/if_packet.h>
#include <netinet/in.h>

#include "guard_rules.h"

/* Who asks for groups, or says that he routes multicast, is sent all of it by a
 * bridge that listens, and his questions decide who else still is (RFC 4541). A
 * guest reports what it wants, and leaves. What is sent to one host alone no
 * bridge listens to; and it leaves by the fast rules.
 */
static void guard_in_igmp(struct guard *g)
{
	struct guard_rule *r;

	r = guard_add(g, GUARD_IN_IP, GUARD_GOTO, GUARD_IN_IGMP);
	guard_match_num(r, GUARD_PKTTYPE, PACKET_MULTICAST);
	guard_match_num(r, GUARD_IP_PROTO, IPPROTO_IGMP);
	r = guard_add(g, GUARD_IN_IP, GUARD_DROP, GUARD_DROP_RA);
	guard_match_num(r, GUARD_PKTTYPE, PACKET_MULTICAST);
	guard_match_num(r, GUARD_IP_PROTO, IPPROTO_PIM);
	/* RFC 1112; 2236, report and leave; 3376 */
	r = guard_add(g, GUARD_IN_IGMP, GUARD_RETURN, 0);
	guard_match_num(r, GUARD_RAW_OPT_TYPE, 0x12);
	r = guard_add(g, GUARD_IN_IGMP, GUARD_RETURN, 0);
	guard_match_range(r, GUARD_RAW_OPT_TYPE, 0x16, 0x17);
	r = guard_add(g, GUARD_IN_IGMP, GUARD_RETURN, 0);
	guard_match_num(r, GUARD_RAW_OPT_TYPE, 0x22);
	guard_add(g, GUARD_IN_IGMP, GUARD_DROP, GUARD_DROP_RA);
}

bool guard_asks_ip(const struct policy *p)
{
	return guard_asks_dhcp(p) ||
	       (p->allow & (POLICY_DHCP_SERVER | POLICY_ROUTER)) !=
		       (POLICY_DHCP_SERVER | POLICY_ROUTER);
}

/* Clients listen on port 68, whoever speaks to it is a server. A later fragment
 * has no port, and is worth nothing without the first.
 */
void guard_ip(struct guard *g, const struct policy *p)
{
	enum guard_chain c = GUARD_IN_IP;
	struct guard_rule *r;

	if (guard_known(p) && !guard_has(p, AF_INET))
		return;
	if (!(p->allow & POLICY_ROUTER))
		guard_in_igmp(g);
	if (p->allow & POLICY_DHCP_SERVER && !guard_asks_dhcp(p))
		return;
	r = guard_add(g, c, GUARD_RETURN, 0);
	guard_match_op(r, GUARD_IP_PROTO, GUARD_NE, IPPROTO_UDP);
	r = guard_add(g, c, GUARD_RETURN, 0);
	guard_match_op(r, GUARD_IP_FRAG, GUARD_NE, 0);
	if (r)
		r->m[0].skip = 3;
	if (guard_asks_dhcp(p)) {
		r = guard_add(g, c, GUARD_GOTO, GUARD_IN_DHCP);
		guard_match_num(r, GUARD_UDP_DPORT, GUARD_DHCP_SERVER);
		guard_in_dhcp(g, p);
	}
	if (p->allow & POLICY_DHCP_SERVER)
		return;
	r = guard_add(g, c, GUARD_RETURN, 0);
	guard_match_op(r, GUARD_UDP_DPORT, GUARD_NE, GUARD_DHCP_CLIENT);
	guard_add(g, c, GUARD_DROP, GUARD_DROP_DHCP);
}
