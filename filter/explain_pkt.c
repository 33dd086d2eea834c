// SPDX-License-Identifier: GPL-2.0-or-later
/* explain_pkt.c - a frame from words or hex, and where its headers are; pure */
#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <linux/if_packet.h>
#include <linux/netfilter.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/num.h"
#include "explain_rules.h"

enum { EXPLAIN_TTL = 64, EXPLAIN_PAYLOAD = 8 };

/* --- words ------------------------------------------------------------------ */

struct explain_end {
	int family;
	uint8_t addr[16];
	bool has_port;
	uint16_t port;
};

/* 10.0.0.2, 10.0.0.2:80, fd00::2 or [fd00::2]:80 */
static int explain_end(const char *s, struct explain_end *o)
{
	char host[INET6_ADDRSTRLEN + 2];
	const char *colon = NULL, *close = strchr(s, ']');
	uint32_t port;
	size_t n;

	*o = (struct explain_end){ .family = AF_INET };
	if (s[0] == '[' && close) {
		o->family = AF_INET6;
		s++;
		n = (size_t)(close - s);
		colon = close[1] ? close + 1 : NULL;
	} else {
		colon = strchr(s, ':');
		if (colon && strchr(colon + 1, ':')) {
			o->family = AF_INET6;
			colon = NULL;
		}
		n = colon ? (size_t)(colon - s) : strlen(s);
	}
	if (n >= sizeof(host) || (colon && *colon != ':'))
		return -EINVAL;
	memcpy(host, s, n);
	host[n] = '\0';
	if (colon && num_parse(colon + 1, 65535, &port))
		return -EINVAL;
	o->has_port = colon;
	o->port = colon ? (uint16_t)port : 0;
	return inet_pton(o->family, host, o->addr) == 1 ? 0 : -EINVAL;
}

static void explain_put(struct explain *x, const void *v, size_t n)
{
	memcpy(x->frame + x->len, v, n);
	x->len += n;
}

static void explain_put16(struct explain *x, unsigned v)
{
	explain_put(x, (uint8_t[2]){ (uint8_t)(v >> 8), (uint8_t)v }, 2);
}

static void explain_arp(struct explain *x, const uint8_t src[6],
			const struct explain_end *from,
			const struct explain_end *to)
{
	explain_put16(x, ETHERTYPE_ARP);
	explain_put(x, "\0\1\x08\0\6\4\0\1", 8);
	explain_put(x, src, 6);
	explain_put(x, from->addr, 4);
	explain_put(x, "\0\0\0\0\0\0", 6);
	explain_put(x, to->addr, 4);
}

static void explain_sum(uint8_t *h)
{
	uint32_t sum = 0;
	unsigned i;

	for (i = 0; i < 20; i += 2)
		sum += (uint32_t)(h[i] << 8 | h[i + 1]);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = ~((sum & 0xffff) + (sum >> 16));
	h[10] = (uint8_t)(sum >> 8);
	h[11] = (uint8_t)sum;
}

static void explain_ip(struct explain *x, uint8_t proto, unsigned payload,
		       const struct explain_end *from,
		       const struct explain_end *to)
{
	if (from->family == AF_INET) {
		explain_put16(x, ETHERTYPE_IP);
		explain_put16(x, 0x4500);
		explain_put16(x, 20 + payload);
		explain_put(x, "\0\0\x40\0", 4);
		explain_put(x, (uint8_t[2]){ EXPLAIN_TTL, proto }, 2);
		explain_put16(x, 0);
		explain_put(x, from->addr, 4);
		explain_put(x, to->addr, 4);
		explain_sum(x->frame + x->len - 20);
		return;
	}
	explain_put16(x, ETHERTYPE_IPV6);
	explain_put(x, "\x60\0\0\0", 4);
	explain_put16(x, payload);
	explain_put(x, (uint8_t[2]){ proto, EXPLAIN_TTL }, 2);
	explain_put(x, from->addr, 16);
	explain_put(x, to->addr, 16);
}

/* An opening segment, a datagram, an echo request, or eight zeros. */
static void explain_upper(struct explain *x, uint8_t proto,
			  const struct explain_end *from,
			  const struct explain_end *to)
{
	uint8_t h[20] = { 0 };
	unsigned n = proto == IPPROTO_TCP ? 20 : EXPLAIN_PAYLOAD;

	if (proto == IPPROTO_ICMP)
		h[0] = 8;
	if (proto == IPPROTO_ICMPV6)
		h[0] = 128;
	if (proto == IPPROTO_TCP || proto == IPPROTO_UDP) {
		h[0] = (uint8_t)(from->port >> 8);
		h[1] = (uint8_t)from->port;
		h[2] = (uint8_t)(to->port >> 8);
		h[3] = (uint8_t)to->port;
		h[5] = proto == IPPROTO_UDP ? EXPLAIN_PAYLOAD : 0;
	}
	if (proto == IPPROTO_TCP) {
		h[12] = 5 << 4;
		h[13] = 2; /* SYN */
	}
	explain_ip(x, proto, n, from, to);
	explain_put(x, h, n);
}

static int explain_proto(const char *s, uint8_t *proto)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} row[] = {
		{ "tcp", IPPROTO_TCP },	  { "udp", IPPROTO_UDP },
		{ "icmp", IPPROTO_ICMP }, { "icmp6", IPPROTO_ICMPV6 },
		{ "sctp", IPPROTO_SCTP },
	};
	uint32_t num;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(row); i++)
		if (!strcmp(row[i].name, s)) {
			*proto = row[i].proto;
			return 0;
		}
	if (num_parse(s, 255, &num))
		return -EINVAL;
	*proto = (uint8_t)num;
	return 0;
}

static bool explain_is_ext(uint8_t next)
{
	return next == IPPROTO_HOPOPTS || next == IPPROTO_ROUTING ||
	       next == IPPROTO_FRAGMENT || next == IPPROTO_AH ||
	       next == IPPROTO_NONE || next == IPPROTO_DSTOPTS;
}

int explain_tuple(struct explain *x, const uint8_t dst[6], const uint8_t src[6],
		  const struct explain_first *t)
{
	struct explain_end from = { .family = t->family, .port = t->sport };
	struct explain_end to = { .family = t->family, .port = t->dport };
	size_t n = t->family == AF_INET ? 4 : 16;

	if (t->family == AF_INET6 && explain_is_ext(t->proto))
		return -EINVAL;
	memcpy(from.addr, t->from, n);
	memcpy(to.addr, t->to, n);
	x->len = 0;
	explain_put(x, dst, 6);
	explain_put(x, src, 6);
	explain_upper(x, t->proto, &from, &to);
	return 0;
}

int explain_words(struct explain *x, const uint8_t dst[6], const uint8_t src[6],
		  int argc, char **argv, struct err *e)
{
	struct explain_end from, to;
	bool arp = argc == 4 && !strcmp(argv[0], "arp");
	uint8_t proto = 0;

	if (argc != 4 || strcmp(argv[2], ">"))
		return err_set(e, -EINVAL,
			       "a packet is expected, as: tcp 10.0.0.2:1234 "
			       "'>' 10.0.0.3:22");
	if (!arp && explain_proto(argv[0], &proto))
		return err_set(e, -EINVAL,
			       "'%.20s' is no protocol; write tcp, udp, icmp, "
			       "icmp6, arp or a number",
			       argv[0]);
	if (explain_end(argv[1], &from) || explain_end(argv[3], &to) ||
	    from.family != to.family || (arp && from.family != AF_INET))
		return err_set(e, -EINVAL,
			       "'%.60s > %.60s' are not two addresses of a "
			       "family; a port stands behind ':', an IPv6 "
			       "address with one in []",
			       argv[1], argv[3]);
	if (from.family == AF_INET6 && explain_is_ext(proto))
		return err_set(e, -EINVAL,
			       "'%.20s' is an extension header of IPv6, no "
			       "protocol; give such a packet as hex",
			       argv[0]);
	if (from.has_port != to.has_port ||
	    from.has_port != (proto == IPPROTO_TCP || proto == IPPROTO_UDP))
		return err_set(e, -EINVAL,
			       "ports go with tcp and udp, at both ends");
	x->len = 0;
	explain_put(x, dst, 6);
	explain_put(x, src, 6);
	if (arp)
		explain_arp(x, src, &from, &to);
	else
		explain_upper(x, proto, &from, &to);
	return 0;
}

static int explain_digit(char c)
{
	return isdigit((unsigned char)c) ? c - '0'
	       : c >= 'a' && c <= 'f'	 ? c - 'a' + 10
	       : c >= 'A' && c <= 'F'	 ? c - 'A' + 10
					 : -1;
}

int explain_hex(struct explain *x, const char *hex, struct err *e)
{
	int hi, lo;

	for (x->len = 0; *hex;) {
		if (isspace((unsigned char)*hex)) {
			hex++;
			continue;
		}
		hi = explain_digit(hex[0]);
		lo = hi < 0 ? -1 : explain_digit(hex[1]);
		if (lo < 0 || x->len == EXPLAIN_FRAME)
			return err_set(e, -EINVAL,
				       "at '%.8s': pairs of hex digits are "
				       "expected, %d bytes at most",
				       hex, EXPLAIN_FRAME);
		x->frame[x->len++] = (uint8_t)(hi << 4 | lo);
		hex += 2;
	}
	if (x->len < ETH_HLEN)
		return err_set(e, -EINVAL,
			       "a frame has %d bytes at least: two MACs and a "
			       "type",
			       ETH_HLEN);
	return 0;
}

/* --- headers ------------------------------------------------------------------ */

static uint16_t explain_at16(const struct explain *x, size_t at)
{
	return at + 2 <= x->len
		       ? (uint16_t)(x->frame[at] << 8 | x->frame[at + 1])
		       : 0;
}

static void explain_look4(struct explain_pkt *p)
{
	const uint8_t *h = p->x->frame + p->nh;
	size_t rest = p->x->len - p->nh, head;

	if (rest < 20 || h[0] >> 4 != 4)
		return;
	head = (h[0] & 15u) * 4;
	if (head < 20 || explain_at16(p->x, p->nh + 2) > rest || head > rest ||
	    explain_at16(p->x, p->nh + 2) < head)
		return;
	p->th_ok = true;
	p->th = p->nh + head;
	p->l4 = h[9];
	p->later = explain_at16(p->x, p->nh + 6) & 0x1fff;
}

static size_t explain_ext_size(uint8_t type, uint8_t len)
{
	if (type == IPPROTO_FRAGMENT)
		return 8;
	return type == IPPROTO_AH ? (len + 2u) * 4 : (len + 1u) * 8;
}

size_t explain_ext(const struct explain_pkt *p, uint8_t type)
{
	const uint8_t *f = p->x->frame;
	size_t at = p->nh + 40;
	uint8_t next;

	if (p->proto != ETHERTYPE_IPV6 || p->x->len < at || f[p->nh] >> 4 != 6)
		return 0;
	next = f[p->nh + 6];
	while (next != type && at + 4 <= p->x->len) {
		size_t was = at;

		/* behind a later part's own header nothing is looked for */
		if (!explain_is_ext(next) || next == IPPROTO_NONE ||
		    (next == IPPROTO_FRAGMENT &&
		     explain_at16(p->x, at + 2) & 0xfff8))
			return 0;
		at += explain_ext_size(next, f[at + 1]);
		next = f[was];
	}
	return at + 4 <= p->x->len ? at : 0;
}

/* As the kernel's ipv6_find_hdr goes through them. */
static void explain_look6(struct explain_pkt *p)
{
	size_t at = p->nh + 40, len;
	const uint8_t *f = p->x->frame;
	uint8_t next;

	if (p->x->len < at || f[p->nh] >> 4 != 6 ||
	    explain_at16(p->x, p->nh + 4) > p->x->len - at)
		return;
	next = f[p->nh + 6];
	while (explain_is_ext(next) && next != IPPROTO_NONE) {
		if (at + 2 > p->x->len)
			return;
		len = explain_ext_size(next, f[at + 1]);
		if (next == IPPROTO_FRAGMENT) {
			if (at + 4 > p->x->len)
				return;
			p->later = explain_at16(p->x, at + 2) & 0xfff8;
		}
		next = f[at];
		if (p->later) {
			/* it does not say where, and so: at the beginning */
			p->th = p->nh;
			p->l4 = next;
			p->th_ok = !explain_is_ext(next) ||
				   next == IPPROTO_NONE;
			return;
		}
		at += len;
	}
	p->th = at;
	p->l4 = next;
	p->th_ok = true;
}

void explain_look(struct explain_pkt *p)
{
	uint16_t type = explain_at16(p->x, 12);

	p->nh = ETH_HLEN;
	p->th_ok = p->later = false;
	p->th = p->nh;
	/* one tag is taken off before any hook */
	p->tagged = type == ETHERTYPE_VLAN || type == 0x88a8;
	if (p->tagged) {
		p->vid = explain_at16(p->x, 14) & 0xfff;
		type = explain_at16(p->x, 16);
		p->nh += 4;
	}
	p->proto = type < 0x600 ? 4 /* ETH_P_802_2 */ : type;
	if (p->nh > p->x->len)
		p->nh = p->x->len;
	if (type == ETHERTYPE_IP)
		explain_look4(p);
	if (type == ETHERTYPE_IPV6)
		explain_look6(p);
}

uint8_t explain_pkttype(const struct explain_pkt *p)
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	const uint8_t *d = p->x->frame;

	if (!memcmp(d, all, 6))
		return PACKET_BROADCAST;
	if (d[0] & 1)
		return PACKET_MULTICAST;
	return p->x->out[0] && p->x->bridge[0] ? PACKET_OTHERHOST : PACKET_HOST;
}
