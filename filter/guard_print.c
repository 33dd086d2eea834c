// SPDX-License-Identifier: GPL-2.0-or-later
/* guard_print.c - the guard's rules in nft's syntax; pure */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <string.h>

#include "guard.h"

enum { GUARD_MLD2_REPORT = 143 /* RFC 3810; not in netinet/icmp6.h */ };

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
	case GUARD_PROTOCOL:
	case GUARD_ARP_PTYPE:
		return num == ETHERTYPE_IP     ? "ip"
		       : num == ETHERTYPE_IPV6 ? "ip6"
		       : num == ETHERTYPE_ARP  ? "arp"
					       : NULL;
	case GUARD_ARP_OP:
		return num == 1 ? "request" : NULL;
	case GUARD_PKTTYPE:
		return num == PACKET_MULTICAST ? "multicast" : NULL;
	case GUARD_IP_PROTO:
	case GUARD_L4PROTO:
	case GUARD_IP6_NEXT:
		return num == IPPROTO_UDP      ? "udp"
		       : num == IPPROTO_ICMPV6 ? "ipv6-icmp"
					       : NULL;
	case GUARD_ICMP6_TYPE:
		return num == ND_NEIGHBOR_SOLICIT   ? "nd-neighbor-solicit"
		       : num == ND_NEIGHBOR_ADVERT  ? "nd-neighbor-advert"
		       : num == ND_ROUTER_SOLICIT   ? "nd-router-solicit"
		       : num == ND_ROUTER_ADVERT    ? "nd-router-advert"
		       : num == ND_REDIRECT	    ? "nd-redirect"
		       : num == GUARD_MLD2_REPORT   ? "mld2-listener-report"
		       : num == MLD_LISTENER_REPORT ? "mld-listener-report"
						    : NULL;
	}
	return NULL;
}

static void guard_say_value(struct guard_out *o, const struct guard_match *m)
{
	unsigned i, len = guard_fields[m->field].len;
	const char *word = guard_word(m);

	if (word)
		guard_say(o, "%s", word);
	else if (!guard_fields[m->field].name)
		for (guard_say(o, "0x"), i = 0; i < len; i++)
			guard_say(o, "%02x", m->value[i]);
	else if (len == 6)
		guard_say_ether(o, m->value);
	else if (len == 4 || len == 16)
		guard_say_addr(o, len, m->value);
	else
		guard_say(o, "%u",
			  len == 1 ? m->value[0]
				   : (unsigned)m->value[0] << 8 | m->value[1]);
	if (m->bits < 8 * len && len != 6 && guard_fields[m->field].name)
		guard_say(o, "/%u", m->bits);
}

static void guard_say_field(struct guard_out *o, const struct guard_match *m)
{
	static const char *const base[] = { "ll", "nh", "th" };
	const struct guard_field_info *f = &guard_fields[m->field];

	if (f->name)
		guard_say(o, "%s", f->name);
	else
		guard_say(o, "@%s,%u,%u", base[f->base], 8 * (f->off + m->at),
			  8 * f->len);
}

static void guard_say_mask(struct guard_out *o, const struct guard_match *m)
{
	unsigned i, len = guard_fields[m->field].len;
	uint8_t mask[16];

	memset(mask, 0xff, sizeof(mask));
	guard_cut(mask, len, m->bits);
	guard_say(o, "& ");
	if (len == 6)
		guard_say_ether(o, mask);
	else
		for (guard_say(o, "0x"), i = 0; i < len; i++)
			guard_say(o, "%02x", mask[i]);
	guard_say(o, m->op == GUARD_NE ? " " : " == ");
}

static void guard_say_match(struct guard_out *o, const struct guard_match *m)
{
	static const char *const op[] = {
		[GUARD_EQ] = "",   [GUARD_NE] = "!= ", [GUARD_LT] = "< ",
		[GUARD_GT] = "> ", [GUARD_IN] = "",    [GUARD_LEARN] = "",
		[GUARD_SYN] = "",  [GUARD_RANGE] = ""
	};
	const struct guard_field_info *f = &guard_fields[m->field];
	const char *set = guard_sets[f->len == 4 ? GUARD_ADDR4 : GUARD_ADDR6];

	if (m->op == GUARD_SYN) {
		guard_say(o, "tcp flags & (syn | ack) == syn ");
		return;
	}
	if (m->op == GUARD_LEARN) {
		guard_say(o, "update @%s { ", set);
		guard_say_field(o, m);
		guard_say(o, " } ");
		return;
	}
	guard_say_field(o, m);
	if (m->op == GUARD_IN) {
		guard_say(o, " @%s ", set);
		return;
	}
	if (m->op == GUARD_RANGE) {
		guard_say(o, " 0x%02x-0x%02x ", m->value[0], m->value[1]);
		return;
	}
	guard_say(o, " ");
	if (m->bits < 8 * f->len && (f->len == 6 || !f->name))
		guard_say_mask(o, m);
	if (m->skip)
		guard_say(o, "& %u %s", 0xffffu >> m->skip,
			  m->op == GUARD_NE ? "" : "== ");
	guard_say(o, "%s", op[m->op]);
	guard_say_value(o, m);
	guard_say(o, " ");
}

static void guard_say_rule(struct guard_out *o, const struct guard_rule *r)
{
	unsigned i;

	guard_say(o, "\t\t");
	for (i = 0; i < r->n; i++)
		guard_say_match(o, &r->m[i]);
	if (r->over)
		guard_say(o, "limit rate over %u/second burst %u packets ",
			  r->over, r->over);
	if (r->log)
		guard_say(o, "log group %u snaplen %u queue-threshold 1 ",
			  GUARD_LOG_GROUP, GUARD_LOG_SNAP);
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
	case GUARD_GO_ON:
		guard_say(o, "\n");
		break;
	}
}

static void guard_say_set(struct guard_out *o, const struct guard *g,
			  enum guard_set s)
{
	unsigned i;

	if (!guard_has_set(g, s))
		return;
	guard_say(o, "\n\tset %s {\n\t\ttype %s\n", guard_sets[s],
		  s == GUARD_ADDR4 ? "ipv4_addr" : "ipv6_addr");
	if (g->learn_s[s]) {
		guard_say(o,
			  "\t\tsize %u\n\t\tflags dynamic,timeout\n"
			  "\t\ttimeout %us\n\t}\n",
			  g->size[s], g->learn_s[s]);
		return;
	}
	if (g->leased[s])
		guard_say(o, "\t\tflags timeout\n");
	guard_say(o, "\t\telements = { ");
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
	if (c == GUARD_FROM_GUEST || c == GUARD_TO_GUEST)
		guard_say(o,
			  "\t\ttype filter hook %s device \"%s\" "
			  "priority %d; policy accept;\n",
			  c == GUARD_TO_GUEST ? "egress" : "ingress", g->dev,
			  GUARD_PRIO);
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
