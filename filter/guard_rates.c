// SPDX-License-Identifier: GPL-2.0-or-later
/* guard_rates.c - how much a guest may send, and begin, in a second; pure */
#include <netinet/in.h>

#include "guard_rules.h"

/* The flags of TCP that are in another part than its ports (RFC 1858) nobody needs
 * but who would not be counted. What a later part of IPv6 says that it is of is no
 * matter, the first one's word is taken (RFC 8200, 4.5); where a part is not told
 * by the first header in_ext6 drops it.
 */
static void guard_hidden_flags(struct guard *g)
{
	enum guard_counter why = GUARD_DROP_CONNECTIONS;
	enum guard_chain c = GUARD_FROM_GUEST;
	struct guard_rule *r = guard_add(g, c, GUARD_DROP, why);

	guard_match_num(r, GUARD_IP_PROTO, IPPROTO_TCP);
	guard_match_num(r, GUARD_IP_FRAG, 1);
	if (r)
		r->m[r->n - 1].skip = 3; /* its flags */
	r = guard_add(g, c, GUARD_DROP, why);
	guard_match_num(r, GUARD_IP6_NEXT, IPPROTO_FRAGMENT);
	guard_match_num(r, GUARD_RAW_IP6_FRAG, 8);
	if (r)
		r->m[r->n - 1].bits = 13;
}

/* Before anything else: the others judge frame by frame. */
void guard_rates(struct guard *g, const struct policy *p)
{
	struct guard_rule *r;

	if (p->packets) {
		r = guard_add(g, GUARD_FROM_GUEST, GUARD_DROP,
			      GUARD_DROP_PACKETS);
		if (r)
			r->over = p->packets;
	}
	if (p->connections) {
		r = guard_add(g, GUARD_FROM_GUEST, GUARD_DROP,
			      GUARD_DROP_CONNECTIONS);
		guard_match(r, GUARD_TCP_FLAGS, GUARD_SYN, NULL, 0);
		if (r)
			r->over = p->connections;
		guard_hidden_flags(g);
	}
}
