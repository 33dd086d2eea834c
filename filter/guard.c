// SPDX-License-Identifier: GPL-2.0-or-later
/* guard.c - policy to rules, and rules to nft's syntax; pure */
#include "guard.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>

#include "base/num.h"

enum { GUARD_MLD2_REPORT = 143 /* RFC 3810; not in netinet/icmp6.h */ };

const struct guard_field_info guard_fields[GUARD_FIELDS] = {
	[GUARD_ETHER_SADDR] = { "ether saddr", GUARD_LINK, 6, 6, 0, 0 },
	[GUARD_ETHER_DADDR] = { "ether daddr", GUARD_LINK, 0, 6, 0, 0 },
	[GUARD_ETHER_TYPE] = { "ether type", GUARD_LINK, 12, 2, 0, 0 },
	[GUARD_ARP_HTYPE] = { "arp htype", GUARD_NET, 0, 2, ETHERTYPE_ARP, 0 },
	[GUARD_ARP_PTYPE] = { "arp ptype", GUARD_NET, 2, 2, ETHERTYPE_ARP, 0 },
	[GUARD_ARP_HLEN] = { "arp hlen", GUARD_NET, 4, 1, ETHERTYPE_ARP, 0 },
	[GUARD_ARP_PLEN] = { "arp plen", GUARD_NET, 5, 1, ETHERTYPE_ARP, 0 },
	[GUARD_ARP_OP] = { "arp operation", GUARD_NET, 6, 2, ETHERTYPE_ARP, 0 },
	[GUARD_ARP_SADDR_ETHER] = { "arp saddr ether", GUARD_NET, 8, 6,
				    ETHERTYPE_ARP, 0 },
	[GUARD_ARP_SADDR_IP] = { "arp saddr ip", GUARD_NET, 14, 4,
				 ETHERTYPE_ARP, 0 },
	[GUARD_IP_FRAG] = { "ip frag-off", GUARD_NET, 6, 2, ETHERTYPE_IP, 0 },
	[GUARD_IP_SADDR] = { "ip saddr", GUARD_NET, 12, 4, ETHERTYPE_IP, 0 },
	[GUARD_IP_DADDR] = { "ip daddr", GUARD_NET, 16, 4, ETHERTYPE_IP, 0 },
	[GUARD_UDP_SPORT] = { "udp sport", GUARD_TRANSPORT, 0, 2, 0,
			      IPPROTO_UDP },
	[GUARD_UDP_DPORT] = { "udp dport", GUARD_TRANSPORT, 2, 2, 0,
			      IPPROTO_UDP },
	[GUARD_IP6_SADDR] = { "ip6 saddr", GUARD_NET, 8, 16, ETHERTYPE_IPV6,
			      0 },
	[GUARD_ICMP6_TYPE] = { "icmpv6 type", GUARD_TRANSPORT, 0, 1, 0,
			       IPPROTO_ICMPV6 },
};

/* None of these may be a word of nft's language ("arp" and "ip6" are). */
const char *const guard_chains[GUARD_CHAINS] = {
	[GUARD_FROM_GUEST] = "from_guest",     [GUARD_CHECK_ARP] = "check_arp",
	[GUARD_CHECK_ARP_IP] = "check_arp_ip", [GUARD_CHECK_IP] = "check_ip",
	[GUARD_CHECK_IP6] = "check_ip6",
};
const char *const guard_counters[GUARD_COUNTERS] = {
	[GUARD_DROP_MAC] = "drop_mac",
	[GUARD_DROP_LINKLOCAL] = "drop_linklocal",
	[GUARD_DROP_ETHERTYPE] = "drop_ethertype",
	[GUARD_DROP_ARP] = "drop_arp",
	[GUARD_DROP_IP] = "drop_ip",
	[GUARD_DROP_IP6] = "drop_ip6",
};
const char *const guard_sets[GUARD_SETS] = {
	[GUARD_ADDR4] = "addr4",
	[GUARD_ADDR6] = "addr6",
};

/* Our own count, never a stranger's: see GUARD_RULES. */
static struct guard_rule *guard_add(struct guard *g, enum guard_chain chain,
				    enum guard_verdict verdict, unsigned to)
{
	struct guard_rule *r = &g->v[g->n];

	if (g->n == GUARD_RULES)
		return NULL;
	g->n++;
	g->chain[chain] = true;
	r->chain = chain;
	r->verdict = verdict;
	r->to = (uint8_t)to;
	return r;
}

static void guard_match(struct guard_rule *r, enum guard_field field,
			enum guard_op op, const void *value, unsigned bits)
{
	struct guard_match *m;

	if (!r || r->n == GUARD_MATCHES)
		return;
	m = &r->m[r->n++];
	m->field = field;
	m->op = op;
	m->bits = (uint8_t)bits;
	if (value)
		memcpy(m->value, value, guard_fields[field].len);
}

static void guard_match_num(struct guard_rule *r, enum guard_field field,
			    unsigned num)
{
	unsigned len = guard_fields[field].len;
	uint8_t v[2] = { (uint8_t)(num >> 8), (uint8_t)num };

	guard_match(r, field, GUARD_EQ, v + 2 - len, 8 * len);
}

/* Clears all but the first `bits` bits; tells whether something was there. */
static bool guard_cut(uint8_t *v, unsigned len, unsigned bits)
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

static bool guard_has(const struct policy *p, int family)
{
	unsigned i;

	for (i = 0; i < p->naddr; i++)
		if (p->addr[i].family == family)
			return true;
	return false;
}

/* An address as `ip addr` writes it (10.0.0.5/24) is that one address; a prefix
 * has no bits after its length.
 */
static bool guard_is_prefix(const struct vif_addr *a)
{
	unsigned len = a->family == AF_INET ? 4 : 16;
	uint8_t v[16];

	memcpy(v, a->addr, sizeof(v));
	return a->len < 8 * len && !guard_cut(v, len, a->len);
}

static void guard_sets_fill(struct guard *g, const struct policy *p)
{
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

/* May pass: a source in the set, or in one of the prefixes. */
static void guard_sources(struct guard *g, const struct policy *p,
			  enum guard_chain chain, enum guard_field field)
{
	int family = guard_fields[field].len == 4 ? AF_INET : AF_INET6;
	enum guard_set s = family == AF_INET ? GUARD_ADDR4 : GUARD_ADDR6;
	unsigned i;

	if (g->nset[s])
		guard_match(guard_add(g, chain, GUARD_RETURN, 0), field,
			    GUARD_IN, NULL, 0);
	for (i = 0; i < p->naddr; i++) {
		const struct vif_addr *a = &p->addr[i];
		struct guard_rule *r;

		if (a->family != family || !guard_is_prefix(a))
			continue;
		r = guard_add(g, chain, GUARD_RETURN, 0);
		if (a->len)
			guard_match(r, field, GUARD_EQ, a->addr, a->len);
	}
}

static void guard_from_guest(struct guard *g, const struct policy *p)
{
	static const uint8_t group[6] = { 0x01, 0x80, 0xc2 };
	enum guard_chain c = GUARD_FROM_GUEST;
	enum guard_verdict v = p->naddr ? GUARD_GOTO : GUARD_RETURN;
	struct guard_rule *r;

	if (p->has_mac) {
		r = guard_add(g, c, GUARD_DROP, GUARD_DROP_MAC);
		guard_match(r, GUARD_ETHER_SADDR, GUARD_NE, p->mac, 48);
	}
	/* 802.1Q table 8-1: 01:80:c2:00:00:00 to 0f never cross a bridge, but
	 * they reach the host, and they teach the bridge. */
	r = guard_add(g, c, GUARD_DROP, GUARD_DROP_LINKLOCAL);
	guard_match(r, GUARD_ETHER_DADDR, GUARD_EQ, group, 44);
	/* The outer type: behind a tag of any kind another type shows. */
	r = guard_add(g, c, v, GUARD_CHECK_IP);
	guard_match_num(r, GUARD_ETHER_TYPE, ETHERTYPE_IP);
	r = guard_add(g, c, v, GUARD_CHECK_IP6);
	guard_match_num(r, GUARD_ETHER_TYPE, ETHERTYPE_IPV6);
	r = guard_add(g, c, GUARD_GOTO, GUARD_CHECK_ARP);
	guard_match_num(r, GUARD_ETHER_TYPE, ETHERTYPE_ARP);
	guard_add(g, c, GUARD_DROP, GUARD_DROP_ETHERTYPE);
}

static void guard_check_arp(struct guard *g, const struct policy *p)
{
	enum guard_chain c = GUARD_CHECK_ARP;
	bool known = guard_has(p, AF_INET);
	struct guard_rule *r;

	if (known || !p->naddr) {
		r = guard_add(g, c, known ? GUARD_GOTO : GUARD_RETURN,
			      GUARD_CHECK_ARP_IP);
		guard_match_num(r, GUARD_ARP_HTYPE, 1);
		guard_match_num(r, GUARD_ARP_PTYPE, ETHERTYPE_IP);
		guard_match_num(r, GUARD_ARP_HLEN, 6);
		guard_match_num(r, GUARD_ARP_PLEN, 4);
		if (p->has_mac)
			guard_match(r, GUARD_ARP_SADDR_ETHER, GUARD_EQ, p->mac,
				    48);
	}
	guard_add(g, c, GUARD_DROP, GUARD_DROP_ARP);
	if (!known)
		return;
	c = GUARD_CHECK_ARP_IP;
	guard_sources(g, p, c, GUARD_ARP_SADDR_IP);
	/* RFC 5227: a probe asks before the address is taken. */
	r = guard_add(g, c, GUARD_RETURN, 0);
	guard_match_num(r, GUARD_ARP_OP, 1);
	guard_match(r, GUARD_ARP_SADDR_IP, GUARD_EQ, "\0\0\0", 32);
	guard_add(g, c, GUARD_DROP, GUARD_DROP_ARP);
}

static void guard_check_ip(struct guard *g, const struct policy *p)
{
	enum guard_chain c = GUARD_CHECK_IP;
	struct guard_rule *r;

	if (guard_has(p, AF_INET)) {
		guard_sources(g, p, c, GUARD_IP_SADDR);
		/* RFC 2131, 4.1: a client without an address */
		r = guard_add(g, c, GUARD_RETURN, 0);
		guard_match(r, GUARD_IP_SADDR, GUARD_EQ, "\0\0\0", 32);
		guard_match(r, GUARD_IP_DADDR, GUARD_EQ, "\xff\xff\xff\xff",
			    32);
		/* The kernel finds "ports" in a later fragment, too. */
		guard_match_num(r, GUARD_IP_FRAG, 0);
		if (r)
			r->m[r->n - 1].skip = 3; /* its flags */
		guard_match_num(r, GUARD_UDP_SPORT, 68);
		guard_match_num(r, GUARD_UDP_DPORT, 67);
	}
	guard_add(g, c, GUARD_DROP, GUARD_DROP_IP);
}

static void guard_check_ip6(struct guard *g, const struct policy *p)
{
	/* What a host without an address sends: duplicate address detection
	 * and router solicitation (RFC 4861, 4862), group reports (RFC 3590) */
	static const uint8_t type[] = { ND_NEIGHBOR_SOLICIT, ND_ROUTER_SOLICIT,
					GUARD_MLD2_REPORT,
					MLD_LISTENER_REPORT };
	static const uint8_t none[16];
	enum guard_chain c = GUARD_CHECK_IP6;
	unsigned i;

	if (guard_has(p, AF_INET6)) {
		guard_sources(g, p, c, GUARD_IP6_SADDR);
		for (i = 0; i < sizeof(type); i++) {
			struct guard_rule *r = guard_add(g, c, GUARD_RETURN, 0);

			guard_match(r, GUARD_IP6_SADDR, GUARD_EQ, none, 128);
			guard_match_num(r, GUARD_ICMP6_TYPE, type[i]);
		}
	}
	guard_add(g, c, GUARD_DROP, GUARD_DROP_IP6);
}

static bool guard_plain(char c)
{
	return isascii(c) && (isalnum((unsigned char)c) || strchr("._-", c));
}

int guard_table(const char *dev, char name[GUARD_NAME])
{
	size_t n = (size_t)snprintf(name, GUARD_NAME, "netback-");

	if (!*dev || strlen(dev) >= IFNAMSIZ)
		return -EINVAL;
	for (; *dev; dev++)
		n += (size_t)snprintf(name + n, GUARD_NAME - n,
				      guard_plain(*dev) ? "%c" : "/%02x",
				      (unsigned char)*dev);
	return 0;
}

static int guard_check_policy(const struct policy *p, struct err *e)
{
	unsigned i;

	if (p->naddr > VIF_ADDRS)
		return err_set(e, -EINVAL, "%s: more than %d addresses", p->dev,
			       VIF_ADDRS);
	for (i = 0; i < p->naddr; i++) {
		const struct vif_addr *a = &p->addr[i];
		int max = a->family == AF_INET ? 32 : 128;

		if ((a->family != AF_INET && a->family != AF_INET6) ||
		    a->len > max)
			return err_set(e, -EINVAL,
				       "%s: address %u is neither IPv4 nor "
				       "IPv6, or its prefix is too long",
				       p->dev, i + 1);
	}
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

	memset(g, 0, sizeof(*g));
	rc = guard_table(p->dev, g->table);
	if (rc)
		return err_set(e, rc,
			       "device name '%s': 1 to 15 characters needed",
			       p->dev);
	rc = guard_check_policy(p, e);
	if (rc)
		return rc;
	strcpy(g->dev, p->dev);
	guard_sets_fill(g, p);
	guard_from_guest(g, p);
	guard_check_arp(g, p);
	if (p->naddr) {
		guard_check_ip(g, p);
		guard_check_ip6(g, p);
	}
	return 0;
}

/* --- text ----------------------------------------------------------------- */

struct guard_out {
	char *buf;
	size_t size, len;
};

static void guard_say(struct guard_out *o, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static void guard_say(struct guard_out *o, const char *fmt, ...)
{
	va_list ap;
	int n;

	if (o->len >= o->size)
		return;
	va_start(ap, fmt);
	n = vsnprintf(o->buf + o->len, o->size - o->len, fmt, ap);
	va_end(ap);
	o->len += n < 0 ? o->size : (size_t)n;
}

static void guard_say_ether(struct guard_out *o, const uint8_t *v)
{
	guard_say(o, "%02x:%02x:%02x:%02x:%02x:%02x", v[0], v[1], v[2], v[3],
		  v[4], v[5]);
}

static void guard_say_addr(struct guard_out *o, unsigned len, const uint8_t *v)
{
	char s[INET6_ADDRSTRLEN];

	guard_say(o, "%s",
		  inet_ntop(len == 4 ? AF_INET : AF_INET6, v, s, sizeof(s)));
}

static const char *guard_word(const struct guard_match *m)
{
	unsigned num = m->value[0];

	if (guard_fields[m->field].len == 2)
		num = num << 8 | m->value[1];
	switch (m->field) {
	case GUARD_ETHER_TYPE:
	case GUARD_ARP_PTYPE:
		return num == ETHERTYPE_IP     ? "ip"
		       : num == ETHERTYPE_IPV6 ? "ip6"
		       : num == ETHERTYPE_ARP  ? "arp"
					       : NULL;
	case GUARD_ARP_OP:
		return num == 1 ? "request" : NULL;
	case GUARD_ICMP6_TYPE:
		return num == ND_NEIGHBOR_SOLICIT   ? "nd-neighbor-solicit"
		       : num == ND_ROUTER_SOLICIT   ? "nd-router-solicit"
		       : num == GUARD_MLD2_REPORT   ? "mld2-listener-report"
		       : num == MLD_LISTENER_REPORT ? "mld-listener-report"
						    : NULL;
	}
	return NULL;
}

static void guard_say_value(struct guard_out *o, const struct guard_match *m)
{
	unsigned len = guard_fields[m->field].len;
	const char *word = guard_word(m);

	if (word)
		guard_say(o, "%s", word);
	else if (len == 6)
		guard_say_ether(o, m->value);
	else if (len == 4 || len == 16)
		guard_say_addr(o, len, m->value);
	else
		guard_say(o, "%u",
			  len == 1 ? m->value[0]
				   : (unsigned)m->value[0] << 8 | m->value[1]);
	if (m->bits < 8 * len && len != 6)
		guard_say(o, "/%u", m->bits);
}

static void guard_say_match(struct guard_out *o, const struct guard_match *m)
{
	unsigned len = guard_fields[m->field].len;
	uint8_t mask[6];

	guard_say(o, "%s ", guard_fields[m->field].name);
	if (m->op == GUARD_IN) {
		guard_say(o, "@%s ",
			  guard_sets[len == 4 ? GUARD_ADDR4 : GUARD_ADDR6]);
		return;
	}
	if (len == 6 && m->bits < 48) {
		memset(mask, 0xff, sizeof(mask));
		guard_cut(mask, sizeof(mask), m->bits);
		guard_say(o, "& ");
		guard_say_ether(o, mask);
		guard_say(o, m->op == GUARD_NE ? " " : " == ");
	}
	if (m->skip)
		guard_say(o, "& %u == ", 0xffffu >> m->skip);
	if (m->op == GUARD_NE)
		guard_say(o, "!= ");
	guard_say_value(o, m);
	guard_say(o, " ");
}

static void guard_say_rule(struct guard_out *o, const struct guard_rule *r)
{
	unsigned i;

	guard_say(o, "\t\t");
	for (i = 0; i < r->n; i++)
		guard_say_match(o, &r->m[i]);
	switch ((enum guard_verdict)r->verdict) {
	case GUARD_DROP:
		guard_say(o, "counter name \"%s\" drop\n",
			  guard_counters[r->to]);
		break;
	case GUARD_RETURN:
		guard_say(o, "return\n");
		break;
	case GUARD_GOTO:
		guard_say(o, "goto %s\n", guard_chains[r->to]);
		break;
	}
}

static void guard_say_set(struct guard_out *o, const struct guard *g,
			  enum guard_set s)
{
	unsigned i;

	if (!g->nset[s])
		return;
	guard_say(o, "\n\tset %s {\n\t\ttype %s\n\t\telements = { ",
		  guard_sets[s], s == GUARD_ADDR4 ? "ipv4_addr" : "ipv6_addr");
	for (i = 0; i < g->nset[s]; i++) {
		guard_say(o, i ? ", " : "");
		guard_say_addr(o, s == GUARD_ADDR4 ? 4 : 16, g->set[s][i]);
	}
	guard_say(o, " }\n\t}\n");
}

static void guard_say_chain(struct guard_out *o, const struct guard *g,
			    enum guard_chain c)
{
	unsigned i;

	guard_say(o, "\n\tchain %s {\n", guard_chains[c]);
	if (c == GUARD_FROM_GUEST)
		guard_say(o,
			  "\t\ttype filter hook ingress device \"%s\" "
			  "priority %d; policy accept;\n",
			  g->dev, GUARD_PRIO);
	for (i = 0; i < g->n; i++)
		if (g->v[i].chain == c)
			guard_say_rule(o, &g->v[i]);
	guard_say(o, "\t}\n");
}

int guard_print(const struct guard *g, char *buf, size_t size)
{
	struct guard_out o = { buf, size, 0 };
	unsigned i;

	guard_say(&o, "table netdev %s {\n", g->table);
	for (i = 0; i < GUARD_COUNTERS; i++)
		guard_say(&o, "%s\tcounter %s {\n\t\tpackets 0 bytes 0\n\t}\n",
			  i ? "\n" : "", guard_counters[i]);
	for (i = 0; i < GUARD_SETS; i++)
		guard_say_set(&o, g, (enum guard_set)i);
	for (i = 0; i < GUARD_CHAINS; i++)
		if (g->chain[i])
			guard_say_chain(&o, g, (enum guard_chain)i);
	guard_say(&o, "}\n");
	return o.len < o.size ? (int)o.len : -ENOSPC;
}
