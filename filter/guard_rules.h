/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guard_rules.h - what the files share that make rules of a policy */
#ifndef NETBACK_FILTER_GUARD_RULES_H
#define NETBACK_FILTER_GUARD_RULES_H

#include "guard.h"

enum {
	GUARD_MLD2_REPORT = 143, /* RFC 3810; not in netinet/icmp6.h */
	GUARD_MRD = 151, /* RFC 4286: a multicast router's advertisement */
	GUARD_ARP_REPLY = 2,
	GUARD_DHCP_SERVER = 67,
	GUARD_DHCP_CLIENT = 68,
	/* messages in a second, where somebody has to read them */
	GUARD_DHCP_RATE = 10,
	GUARD_DHCP6_CLIENT = 546,
	GUARD_DHCP6_SERVER = 547,
};

/* The next rule, NULL when there is no room (never: see GUARD_RULES); and its
 * matches, which take NULL.
 */
struct guard_rule *guard_add(struct guard *g, enum guard_chain chain,
			     enum guard_verdict verdict, unsigned to);
void guard_match(struct guard_rule *r, enum guard_field field, enum guard_op op,
		 const void *value, unsigned bits);
void guard_match_op(struct guard_rule *r, enum guard_field field,
		    enum guard_op op, unsigned num);
void guard_match_num(struct guard_rule *r, enum guard_field field,
		     unsigned num);

void guard_match_range(struct guard_rule *r, enum guard_field field,
		       uint8_t from, uint8_t to);

/* Is anything of IPv4 asked behind its address? */
bool guard_asks_ip(const struct policy *p);

/* Does the guest have addresses of that family, or learn them? Are any known? */
bool guard_has(const struct policy *p, int family);
bool guard_known(const struct policy *p);

/* An address as `ip addr` writes it (10.0.0.5/24) is that one address; a prefix
 * has no bits after its length.
 */
bool guard_is_prefix(const struct vif_addr *a);

/* MAC i of the guest: its own, then those of its pairs, each once. */
const uint8_t *guard_mac(const struct policy *p, unsigned i);
bool guard_mac_again(const struct policy *p, unsigned i);
unsigned guard_macs(const struct policy *p);

/* A frame from MAC i: only asked where there is more than one. */
void guard_match_mac(struct guard_rule *r, const struct policy *p, unsigned i);

/* Whose address that is, what then: the main MAC's and the pairs'. */
struct guard_ask {
	enum guard_chain chain;
	enum guard_field field;
	enum guard_verdict verdict;
	unsigned to;
	bool learn; /* may it be learned here? */
};

/* May pass: an address in the set, in one of the prefixes, or a pair's. */
void guard_sources(struct guard *g, const struct policy *p,
		   const struct guard_ask *a);

/* guard_rates.c: what is over them is dropped, before all else. */
void guard_rates(struct guard *g, const struct policy *p);

/* guard_ip.c: what stands behind an IPv4 address. */
void guard_ip(struct guard *g, const struct policy *p);

/* guard_dhcp.c: what a client says to a server, and which lease it is given. */
bool guard_asks_dhcp(const struct policy *p);
void guard_in_dhcp(struct guard *g, const struct policy *p);
void guard_lease(struct guard *g, const struct policy *p);
bool guard_leases6(const struct policy *p);
void guard_in_dhcp6(struct guard *g, const struct policy *p);

/* guard_ip6.c: a later fragment that the fragment's header alone stands before. */
struct guard_rule *guard_later(struct guard *g, enum guard_chain c);
/* .. and all chains that are about IPv6. */
void guard_ip6(struct guard *g, const struct policy *p);

#endif
