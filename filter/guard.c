// SPDX-License-Identifier: GPL-2.0-or-later
/* guard.c - policy to rules, pure */
#include "guard_rules.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <string.h>

#include "base/num.h"

/* Our own count, never a stranger's: see GUARD_RULES. */
struct guard_rule *guard_add(struct guard *g, enum guard_chain chain,
			     enum guard_verdict verdict, unsigned to)
{
	struct guard_rule *r = &g->v[g->n];

	if (g->n == GUARD_RULES)
		return NULL;
	memset(r, 0, sizeof(*r));
	g->n++;
	g->chain[chain] = true;
	r->chain = chain;
	r->verdict = verdict;
	r->to = (uint8_t)to;
	return r;
}

void guard_match(struct guard_rule *r, enum guard_field field, enum guard_op op,
		 const void *value, unsigned bits)
{
	struct guard_match *m;

	if (!r || r->n == GUARD_MATCHES)
		return;
	m = &r->m[r->n++];
	m->field = (uint8_t)field;
	m->op = (uint8_t)op;
	m->bits = (uint8_t)bits;
	if (value)
		memcpy(m->value, value, guard_fields[field].len);
}

void guard_match_op(struct guard_rule *r, enum guard_field field,
		    enum guard_op op, unsigned num)
{
	unsigned len = guard_fields[field].len;
	uint8_t v[2] = { (uint8_t)(num >> 8), (uint8_t)num };

	guard_match(r, field, op, v + 2 - len, 8 * len);
}

void guard_match_num(struct guard_rule *r, enum guard_field field, unsigned num)
{
	guard_match_op(r, field, GUARD_EQ, num);
}

void guard_match_range(struct guard_rule *r, enum guard_field field,
		       uint8_t from, uint8_t to)
{
	uint8_t v[2] = { from, to };

	guard_match(r, field, GUARD_RANGE, NULL, 8);
	if (r)
		memcpy(r->m[r->n - 1].value, v, sizeof(v));
}

bool guard_cut(uint8_t *v, unsigned len, unsigned bits)
{
	bool was = false;
	unsigned i;

	for (i = bits; i < 8 * len; i++) {
		uint8_t bit = (uint8_t)(0x80 >> i % 8);

		was |= v[i / 8] & bit;
		v[i / 8] &= (uint8_t)~bit;
	}
	return was;
}

static bool guard_in_set(const struct guard *g, enum guard_set s,
			 const uint8_t *v)
{
	unsigned i;

	for (i = 0; i < g->nset[s]; i++)
		if (!memcmp(g->set[s][i], v, 16))
			return true;
	return false;
}

static void guard_set_add(struct guard *g, enum guard_set s, const uint8_t *v)
{
	if (!guard_in_set(g, s, v) && g->nset[s] < GUARD_SET)
		memcpy(g->set[s][g->nset[s]++], v, 16);
}

bool guard_has_set(const struct guard *g, enum guard_set s)
{
	return g->nset[s] || g->learn_s[s];
}

/* Does the guest have addresses of that family, or learn them? */
bool guard_has(const struct policy *p, int family)
{
	unsigned i;

	if (p->learn == VIF_LEARN_FIRST)
		return true;
	for (i = 0; i < p->naddr; i++)
		if (p->addr[i].family == family)
			return true;
	for (i = 0; i < p->npair; i++)
		if (p->pair[i].addr.family == family)
			return true;
	return p->learn == VIF_LEARN_DHCP && (family == AF_INET || p->has_mac);
}

bool guard_known(const struct policy *p)
{
	return p->naddr || p->learn;
}

bool guard_is_prefix(const struct vif_addr *a)
{
	unsigned len = a->family == AF_INET ? 4 : 16;
	uint8_t v[16];

	memcpy(v, a->addr, sizeof(v));
	return a->len < 8 * len && !guard_cut(v, len, a->len);
}

static void guard_learn(struct guard *g, enum guard_set s, uint32_t seconds,
			uint32_t size)
{
	g->learn_s[s] = seconds;
	g->size[s] = size;
}

static void guard_sets_fill(struct guard *g, const struct policy *p)
{
	uint32_t s = p->learn_s;
	uint8_t v[16];
	unsigned i;

	for (i = 0; i < p->naddr; i++) {
		const struct vif_addr *a = &p->addr[i];

		if (guard_is_prefix(a))
			continue;
		memset(v, 0, sizeof(v));
		memcpy(v, a->addr, a->family == AF_INET ? 4 : 16);
		guard_set_add(
			g, a->family == AF_INET ? GUARD_ADDR4 : GUARD_ADDR6, v);
	}
	if (p->learn == VIF_LEARN_DHCP)
		guard_learn(g, GUARD_ADDR4, s ? s : POLICY_LEASE_S,
			    POLICY_LEARN_IP4);
	g->leased[GUARD_ADDR6] = guard_leases6(p);
	if (p->learn == VIF_LEARN_FIRST) {
		guard_learn(g, GUARD_ADDR4, s ? s : POLICY_LEARN_S,
			    POLICY_LEARN_IP4);
		guard_learn(g, GUARD_ADDR6, s ? s : POLICY_LEARN_S,
			    POLICY_LEARN_IP6);
		return;
	}
	if (!p->has_mac || !guard_has(p, AF_INET6))
		return;
	/* RFC 4291, appendix A: fe80::, then the MAC with its local bit turned
	 * and ff:fe in the middle. */
	memcpy(v, (uint8_t[16]){ 0xfe, 0x80, [11] = 0xff, [12] = 0xfe }, 16);
	memcpy(v + 8, p->mac, 3);
	memcpy(v + 13, p->mac + 3, 3);
	v[8] ^= 2;
	guard_set_add(g, GUARD_ADDR6, v);
}

/* --- sources -------------------------------------------------------------- */

/* MAC i of the guest: its own, then those of its pairs, each once. */
const uint8_t *guard_mac(const struct policy *p, unsigned i)
{
	return i ? p->pair[i - 1].mac : p->mac;
}

bool guard_mac_again(const struct policy *p, unsigned i)
{
	unsigned k;

	for (k = 0; k < i; k++)
		if (!memcmp(guard_mac(p, k), guard_mac(p, i), 6))
			return true;
	return false;
}

unsigned guard_macs(const struct policy *p)
{
	return p->has_mac ? 1 + p->npair : 0;
}

/* A frame from MAC i: only asked where there is more than one. */
void guard_match_mac(struct guard_rule *r, const struct policy *p, unsigned i)
{
	if (p->npair)
		guard_match(r, GUARD_ETHER_SADDR, GUARD_EQ, guard_mac(p, i),
			    48);
}

static int guard_family(enum guard_field field)
{
	return guard_fields[field].len == 4 ? AF_INET : AF_INET6;
}

static void guard_source_set(struct guard *g, const struct policy *p,
			     const struct guard_ask *a)
{
	enum guard_set s = guard_family(a->field) == AF_INET ? GUARD_ADDR4
							     : GUARD_ADDR6;
	bool learn = a->learn && p->learn == VIF_LEARN_FIRST;
	static const uint8_t none[16];
	struct guard_rule *r;
	unsigned i;

	/* nft has no words for a raw field and a set; where it must be, print
	 * is for people alone */
	for (i = 0;
	     a->field == GUARD_RAW_TARGET && !g->leased[s] && i < g->nset[s];
	     i++) {
		r = guard_add(g, a->chain, a->verdict, a->to);
		guard_match_mac(r, p, 0);
		guard_match(r, a->field, GUARD_EQ, g->set[s][i], 128);
	}
	if (!guard_has_set(g, s) || i)
		return;
	r = guard_add(g, a->chain, a->verdict, a->to);
	guard_match_mac(r, p, 0);
	if (learn)
		guard_match(r, a->field, GUARD_NE, none,
			    8 * guard_fields[a->field].len);
	guard_match(r, a->field, learn ? GUARD_LEARN : GUARD_IN, NULL, 0);
}

/* May pass: an address in the set, in one of the prefixes, or a pair's. */
void guard_sources(struct guard *g, const struct policy *p,
		   const struct guard_ask *a)
{
	int family = guard_family(a->field);
	struct guard_rule *r;
	unsigned i;

	guard_source_set(g, p, a);
	for (i = 0; i < p->naddr; i++) {
		if (p->addr[i].family != family ||
		    !guard_is_prefix(&p->addr[i]))
			continue;
		r = guard_add(g, a->chain, a->verdict, a->to);
		guard_match_mac(r, p, 0);
		if (p->addr[i].len)
			guard_match(r, a->field, GUARD_EQ, p->addr[i].addr,
				    p->addr[i].len);
	}
	for (i = 0; i < p->npair; i++) {
		if (p->pair[i].addr.family != family)
			continue;
		r = guard_add(g, a->chain, a->verdict, a->to);
		guard_match_mac(r, p, i + 1);
		guard_match(r, a->field, GUARD_EQ, p->pair[i].addr.addr,
			    guard_is_prefix(&p->pair[i].addr)
				    ? p->pair[i].addr.len
				    : 8 * guard_fields[a->field].len);
	}
}

/* --- from the guest ------------------------------------------------------- */

/* The link-local address of the MAC comes last, and seldom. */
static unsigned guard_own_addrs(const struct guard *g, const struct policy *p,
				enum guard_set s)
{
	bool local = s == GUARD_ADDR6 && p->has_mac && g->nset[s];

	return g->nset[s] - (local ? 1u : 0u);
}

/* The one address of the family, or its first network; the set where there are
 * several, which takes two instructions more: nft has no words for a set and
 * what it does not know to be an address.
 */
static void guard_fast_source(const struct guard *g, const struct policy *p,
			      struct guard_rule *r, int family)
{
	bool v4 = family == AF_INET;
	enum guard_field field = v4 ? GUARD_RAW_IP_SADDR : GUARD_RAW_IP6_SADDR;
	enum guard_set s = v4 ? GUARD_ADDR4 : GUARD_ADDR6;
	unsigned i, n = guard_own_addrs(g, p, s);

	if (n == 1) {
		guard_match(r, field, GUARD_EQ, g->set[s][0],
			    8 * guard_fields[field].len);
		return;
	}
	for (i = 0; i < p->naddr && p->addr[i].family != family;)
		i++;
	if (n || i == p->naddr)
		guard_match(r, v4 ? GUARD_IP_SADDR : GUARD_IP6_SADDR, GUARD_IN,
			    NULL, 0);
	else if (p->addr[i].len)
		guard_match(r, field, GUARD_EQ, p->addr[i].addr,
			    p->addr[i].len);
}

/* One rule, and nothing in it that is not needed: nft's own syntax would have it
 * ask first what kind of device and protocol this is.
 */
static void guard_fast(struct guard *g, const struct policy *p, int family)
{
	bool v4 = family == AF_INET;
	unsigned type = v4 ? ETHERTYPE_IP : ETHERTYPE_IPV6;
	uint8_t head[8] = { [6] = (uint8_t)(type >> 8), [7] = (uint8_t)type };
	struct guard_rule *r;

	/* what is learned must be seen to last */
	if (!p->has_mac || p->learn == VIF_LEARN_FIRST ||
	    (guard_known(p) && !guard_has(p, family)))
		return;
	r = guard_add(g, GUARD_FROM_GUEST, GUARD_RETURN, 0);
	if (!r)
		return;
	r->fast = r->spare = true;
	memcpy(head, p->mac, 6);
	guard_match(r, GUARD_RAW_SADDR_TYPE, GUARD_EQ, head, 64);
	if (guard_known(p))
		guard_fast_source(g, p, r, family);
	guard_match_op(r, GUARD_PKTTYPE, GUARD_NE, PACKET_MULTICAST);
	/* TCP, UDP, and no extension header; nor ICMPv6, which is above */
	if (!v4)
		guard_match_range(r, GUARD_RAW_IP6_NEXT, IPPROTO_HOPOPTS + 1,
				  IPPROTO_ROUTING - 1);
	/* the ports of DHCP, 67 and 68, and their neighbours in one look */
	if (v4 && guard_asks_dhcp(p))
		guard_match(r, GUARD_RAW_DPORT, GUARD_NE, "\0\x40", 13);
	else if (!v4 && guard_leases6(p))
		guard_match(r, GUARD_RAW_DPORT, GUARD_NE, "\x02\x22", 15);
	else if (!(p->allow & POLICY_DHCP_SERVER))
		guard_match_op(r, GUARD_RAW_DPORT, GUARD_NE,
			       v4 ? GUARD_DHCP_CLIENT : GUARD_DHCP6_CLIENT);
}

static void guard_from_mac(struct guard *g, const struct policy *p)
{
	struct guard_rule *r;
	unsigned i;

	if (!p->has_mac)
		return;
	r = guard_add(g, GUARD_FROM_GUEST, GUARD_DROP, GUARD_DROP_MAC);
	for (i = 0; i < guard_macs(p); i++)
		if (!guard_mac_again(p, i))
			guard_match(r, GUARD_ETHER_SADDR, GUARD_NE,
				    guard_mac(p, i), 48);
}

/* What netbackd says for a guest that has just come (daemon/announce.c): a reverse
 * ARP request for its own MAC, all of it. A guest that says it, too, lies to
 * nobody.
 */
static void guard_announce(struct guard *g, const struct policy *p)
{
	uint8_t f[42] = { [12] = 0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3 };
	static const uint8_t at[] = { 0, 16, 26 };
	struct guard_rule *r;
	unsigned i;

	if (!p->has_mac)
		return;
	memset(f, 0xff, 6);
	memcpy(f + 6, p->mac, 6);
	memcpy(f + 22, p->mac, 6);
	memcpy(f + 32, p->mac, 6);
	r = guard_add(g, GUARD_FROM_GUEST, GUARD_RETURN, 0);
	for (i = 0; i < ARRAY_SIZE(at); i++) {
		guard_match(r, GUARD_RAW_FRAME, GUARD_EQ, f + at[i], 128);
		if (r)
			r->m[i].at = at[i];
	}
}

static void guard_from_guest(struct guard *g, const struct policy *p)
{
	static const uint8_t group[6] = { 0x01, 0x80, 0xc2 };
	enum guard_chain c = GUARD_FROM_GUEST;
	bool known = guard_known(p);
	struct guard_rule *r;

	guard_rates(g, p);
	guard_fast(g, p, AF_INET);
	guard_fast(g, p, AF_INET6);
	guard_from_mac(g, p);
	/* 802.1Q table 8-1: 01:80:c2:00:00:00 to 0f never cross a bridge, but
	 * they reach the host, and they teach the bridge. */
	r = guard_add(g, c, GUARD_DROP, GUARD_DROP_LINKLOCAL);
	guard_match(r, GUARD_ETHER_DADDR, GUARD_EQ, group, 44);
	/* The outer type: behind a tag of any kind another type shows. */
	r = guard_add(g, c,
		      known || guard_asks_ip(p) ? GUARD_GOTO : GUARD_RETURN,
		      known ? GUARD_CHECK_IP : GUARD_IN_IP);
	guard_match_num(r, GUARD_ETHER_TYPE, ETHERTYPE_IP);
	r = guard_add(g, c, GUARD_GOTO, known ? GUARD_CHECK_IP6 : GUARD_IN_IP6);
	guard_match_num(r, GUARD_ETHER_TYPE, ETHERTYPE_IPV6);
	r = guard_add(g, c, GUARD_GOTO, GUARD_CHECK_ARP);
	guard_match_num(r, GUARD_ETHER_TYPE, ETHERTYPE_ARP);
	guard_announce(g, p);
	guard_add(g, c, GUARD_DROP, GUARD_DROP_ETHERTYPE);
}

static void guard_check_arp(struct guard *g, const struct policy *p)
{
	unsigned i, n = p->has_mac ? guard_macs(p) : 1;
	bool known = guard_has(p, AF_INET);
	struct guard_rule *r;

	for (i = 0; i < n && (known || !guard_known(p)); i++) {
		if (guard_mac_again(p, i))
			continue;
		r = guard_add(g, GUARD_CHECK_ARP,
			      known ? GUARD_GOTO : GUARD_RETURN,
			      GUARD_CHECK_ARP_IP);
		guard_match_mac(r, p, i);
		guard_match_num(r, GUARD_ARP_HTYPE, 1);
		guard_match_num(r, GUARD_ARP_PTYPE, ETHERTYPE_IP);
		guard_match_num(r, GUARD_ARP_HLEN, 6);
		guard_match_num(r, GUARD_ARP_PLEN, 4);
		guard_match_op(r, GUARD_ARP_OP, GUARD_LT, GUARD_ARP_REPLY + 1);
		if (p->has_mac)
			guard_match(r, GUARD_ARP_SADDR_ETHER, GUARD_EQ,
				    guard_mac(p, i), 48);
	}
	guard_add(g, GUARD_CHECK_ARP, GUARD_DROP, GUARD_DROP_ARP);
}

/* RFC 5227: a probe asks, from no address, before one is taken. For an address
 * of another's it would make that one believe in a conflict.
 */
static void guard_check_arp_ip(struct guard *g, const struct policy *p)
{
	struct guard_ask own = { GUARD_CHECK_ARP_IP, GUARD_ARP_SADDR_IP,
				 GUARD_RETURN, 0, true };
	struct guard_ask probe = { GUARD_CHECK_PROBE, GUARD_ARP_DADDR_IP,
				   GUARD_RETURN, 0, false };
	struct guard_rule *r;

	if (!guard_has(p, AF_INET))
		return;
	guard_sources(g, p, &own);
	r = guard_add(g, GUARD_CHECK_ARP_IP,
		      p->learn ? GUARD_RETURN : GUARD_GOTO, GUARD_CHECK_PROBE);
	guard_match_num(r, GUARD_ARP_OP, 1);
	guard_match(r, GUARD_ARP_SADDR_IP, GUARD_EQ, "\0\0\0", 32);
	guard_add(g, GUARD_CHECK_ARP_IP, GUARD_DROP, GUARD_DROP_ARP);
	if (p->learn)
		return;
	guard_sources(g, p, &probe);
	guard_add(g, GUARD_CHECK_PROBE, GUARD_DROP, GUARD_DROP_ARP);
}

static void guard_check_ip(struct guard *g, const struct policy *p)
{
	struct guard_ask own = { GUARD_CHECK_IP, GUARD_IP_SADDR,
				 guard_asks_ip(p) ? GUARD_GOTO : GUARD_RETURN,
				 GUARD_IN_IP, true };
	struct guard_rule *r;

	if (!guard_known(p))
		return;
	if (guard_has(p, AF_INET)) {
		guard_sources(g, p, &own);
		/* RFC 2131, 4.1: a client without an address */
		r = guard_add(g, GUARD_CHECK_IP,
			      guard_asks_dhcp(p) ? GUARD_GOTO : GUARD_RETURN,
			      GUARD_IN_DHCP);
		guard_match(r, GUARD_IP_SADDR, GUARD_EQ, "\0\0\0", 32);
		guard_match(r, GUARD_IP_DADDR, GUARD_EQ, "\xff\xff\xff\xff",
			    32);
		/* The kernel finds "ports" in a later fragment, too; what
		 * in_dhcp asks it does not find there. */
		if (!guard_asks_dhcp(p)) {
			guard_match_num(r, GUARD_IP_FRAG, 0);
			if (r)
				r->m[r->n - 1].skip = 3; /* its flags */
		}
		guard_match_num(r, GUARD_UDP_SPORT, GUARD_DHCP_CLIENT);
		guard_match_num(r, GUARD_UDP_DPORT, GUARD_DHCP_SERVER);
	}
	guard_add(g, GUARD_CHECK_IP, GUARD_DROP, GUARD_DROP_IP);
}

/* --- to the guest --------------------------------------------------------- */

/* From elsewhere with an address that is the guest's own. Prefixes may be shared
 * with others, gateways included, and are not asked for.
 */
static void guard_own(struct guard *g, enum guard_field field)
{
	bool v4 = guard_family(field) == AF_INET;
	enum guard_set s = v4 ? GUARD_ADDR4 : GUARD_ADDR6;
	bool one = !g->learn_s[s] && !g->leased[s] &&
		   (g->nset[s] == 1 || field == GUARD_RAW_TARGET);
	struct guard_rule *r;
	unsigned i;

	for (i = 0; guard_has_set(g, s) && (!i || (one && i < g->nset[s]));
	     i++) {
		r = guard_add(g, GUARD_TO_GUEST, GUARD_DROP, GUARD_DROP_OWN);
		if (field == GUARD_RAW_TARGET)
			guard_match_num(r, GUARD_ICMP6_TYPE,
					ND_NEIGHBOR_ADVERT);
		guard_match(r, field, one ? GUARD_EQ : GUARD_IN, g->set[s][i],
			    8 * guard_fields[field].len);
	}
}

/* IPv4 from one address: what is not from there leaves first. */
static void guard_own_ip(struct guard *g)
{
	struct guard_rule *r;

	if (g->learn_s[GUARD_ADDR4] || g->nset[GUARD_ADDR4] != 1) {
		guard_own(g, GUARD_IP_SADDR);
		return;
	}
	r = guard_add(g, GUARD_TO_GUEST, GUARD_RETURN, 0);
	guard_match(r, GUARD_IP_SADDR, GUARD_NE, g->set[GUARD_ADDR4][0], 32);
	r = guard_add(g, GUARD_TO_GUEST, GUARD_DROP, GUARD_DROP_OWN);
	guard_match_num(r, GUARD_PROTOCOL, ETHERTYPE_IP);
}

static void guard_own_macs(struct guard *g, const struct policy *p)
{
	struct guard_rule *r;
	unsigned i;

	for (i = 0; i < guard_macs(p); i++) {
		if (guard_mac_again(p, i))
			continue;
		r = guard_add(g, GUARD_TO_GUEST, GUARD_DROP, GUARD_DROP_OWN);
		guard_match(r, GUARD_RAW_SADDR, GUARD_EQ, guard_mac(p, i), 48);
	}
}

/* At a port's egress nothing tells what the guest sent itself, which hairpin= lets
 * come back, from what another forged; nor that from what another may send, too.
 */
static void guard_to_guest(struct guard *g, const struct policy *p)
{
	bool own = !p->hairpin && !(p->allow & POLICY_SHARED);

	if (own)
		guard_own_macs(g, p);
	guard_lease(g, p);
	if (!own)
		return;
	guard_own_ip(g);
	guard_own(g, GUARD_ARP_SADDR_IP);
	guard_own(g, GUARD_IP6_SADDR);
	guard_own(g, GUARD_RAW_TARGET);
}

static bool guard_is_addr(const struct vif_addr *a)
{
	return (a->family == AF_INET && a->len <= 32) ||
	       (a->family == AF_INET6 && a->len <= 128);
}

static int guard_check_policy(const struct policy *p, struct err *e)
{
	unsigned i;

	if (p->naddr > VIF_ADDRS || p->npair > VIF_PAIRS)
		return err_set(e, -EINVAL,
			       "%s: more than %d addresses or %d pairs", p->dev,
			       VIF_ADDRS, VIF_PAIRS);
	for (i = 0; i < p->naddr + p->npair; i++)
		if (!guard_is_addr(i < p->naddr ? &p->addr[i]
						: &p->pair[i - p->naddr].addr))
			return err_set(e, -EINVAL,
				       "%s: address %u is neither IPv4 nor "
				       "IPv6, or its prefix is too long",
				       p->dev, i + 1);
	if (p->learn && (p->naddr || p->npair))
		return err_set(e, -EINVAL,
			       "%s: addresses are either learned or given",
			       p->dev);
	if (p->npair && !p->has_mac)
		return err_set(e, -EINVAL,
			       "%s: pairs need the vif's own MAC beside them",
			       p->dev);
	/* nft has no way to write these in a device's name; '*' is a wildcard
	 * there. */
	if (strpbrk(p->dev, "\"\\*$"))
		return err_set(e, -EINVAL,
			       "device name '%s': \", \\, * and $ cannot "
			       "stand in a rule; choose another name",
			       p->dev);
	return 0;
}

int guard_build(const struct policy *p, struct guard *g, struct err *e)
{
	int rc;

	/* rules as they come: there is room for many more than most need */
	memset(g, 0, offsetof(struct guard, v));
	rc = guard_table(p->dev, g->table);
	if (rc)
		return err_set(e, rc,
			       "device name '%s': 1 to 15 characters needed",
			       p->dev);
	rc = guard_check_policy(p, e);
	if (rc)
		return rc;
	strcpy(g->dev, p->dev);
	g->accept = p->accept != VIF_ACCEPT_NEVER;
	guard_sets_fill(g, p);
	guard_from_guest(g, p);
	guard_to_guest(g, p);
	guard_check_arp(g, p);
	guard_check_arp_ip(g, p);
	guard_check_ip(g, p);
	guard_ip(g, p);
	guard_ip6(g, p);
	return 0;
}

bool guard_allows(const struct guard *g, const struct vif_addr *a)
{
	bool v4 = a->family == AF_INET;
	enum guard_chain c = v4 ? GUARD_CHECK_IP : GUARD_CHECK_IP6;
	enum guard_field f = v4 ? GUARD_IP_SADDR : GUARD_IP6_SADDR;
	uint8_t v[16];
	unsigned i, k;

	if (!g->chain[c] ||
	    guard_in_set(g, v4 ? GUARD_ADDR4 : GUARD_ADDR6, a->addr))
		return true;
	for (i = 0; i < g->n; i++) {
		const struct guard_rule *r = &g->v[i];

		for (k = 0; r->chain == c && k < r->n; k++) {
			if (r->m[k].field != f || r->m[k].op != GUARD_EQ)
				continue;
			memcpy(v, a->addr, sizeof(v));
			guard_cut(v, v4 ? 4 : 16, r->m[k].bits);
			if (!memcmp(v, r->m[k].value, v4 ? 4 : 16))
				return true;
		}
	}
	return false;
}
