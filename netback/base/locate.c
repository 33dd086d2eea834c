// SPDX-License-Identifier: GPL-2.0-or-later
/* locate.c - where a frame's TCP or UDP header is
 *
 * Everything here reads head only, which is private: what is checked is what
 * is used. Each step asks `l4_has` before it reads.
 */
#include <errno.h>
#include <netinet/in.h>

#include "frame.h"

enum {
	L4_TAGS = 2, /* 802.1ad and 802.1Q */
	L4_EXTS = 8, /* IPv6 extension headers */
	L4_TCP = 20, /* bytes of a header without options */
	L4_UDP = 8,
	L4_IP4 = 20,
	L4_IP6 = 40,
	L4_EXT = 8, /* an extension header is at least this long */
};

enum {
	ETH_IP4 = 0x0800,
	ETH_IP6 = 0x86dd,
	ETH_8021Q = 0x8100,
	ETH_8021AD = 0x88a8,
};

static bool l4_has(const struct frame *f, unsigned off, unsigned n)
{
	return off <= f->head_len && n <= f->head_len - off;
}

static unsigned l4_be16(const struct frame *f, unsigned off)
{
	return (unsigned)f->head[off] << 8 | f->head[off + 1];
}

/* The EtherType behind at most two tags, and where its packet starts; 0 when
 * the frame is too short.
 */
static unsigned l4_ethertype(const struct frame *f, unsigned *l3)
{
	unsigned off = FRAME_ETH, type, i;

	if (!l4_has(f, 0, FRAME_ETH))
		return 0;
	type = l4_be16(f, off - 2);
	for (i = 0; i < L4_TAGS; i++) {
		if (type != ETH_8021Q && type != ETH_8021AD)
			break;
		off += 4;
		if (!l4_has(f, 0, off))
			return 0;
		type = l4_be16(f, off - 2);
	}
	*l3 = off;
	return type;
}

/* The l4_ip* return the offset behind the IP headers, or -ENOENT. */
static int l4_ip4(const struct frame *f, unsigned l3, uint8_t *proto)
{
	unsigned ihl;

	if (!l4_has(f, l3, L4_IP4) || f->head[l3] >> 4 != 4)
		return -ENOENT;
	ihl = (f->head[l3] & 15) * 4u;
	if (ihl < L4_IP4 || !l4_has(f, l3, ihl))
		return -ENOENT;
	if (l4_be16(f, l3 + 6) & 0x3fff) /* more fragments, or an offset */
		return -ENOENT;
	*proto = f->head[l3 + 9];
	return (int)(l3 + ihl);
}

/* Bytes of the extension header `next` at off; 0: it is none that can stand
 * before TCP or UDP. A fragment header is fine if it holds the whole packet.
 */
static unsigned l4_ext(const struct frame *f, uint8_t next, unsigned off)
{
	switch (next) {
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_DSTOPTS:
		return (f->head[off + 1] + 1u) * 8;
	case IPPROTO_AH:
		return (f->head[off + 1] + 2u) * 4;
	case IPPROTO_FRAGMENT:
		return l4_be16(f, off + 2) & 0xfff9 ? 0 : 8;
	default:
		return 0;
	}
}

/* What is to be known of the extension header `next` at off: enum frame_ext. */
static uint8_t l4_ext_kind(const struct frame *f, uint8_t next, unsigned off)
{
	switch (next) {
	case IPPROTO_ROUTING:
		return f->head[off + 3] ? FRAME_EXT_ROUTED : 0;
	case IPPROTO_AH:
	case IPPROTO_FRAGMENT:
		return FRAME_EXT_WHOLE;
	default:
		return 0;
	}
}

static int l4_ip6(const struct frame *f, unsigned l3, uint8_t *proto,
		  uint8_t *exts)
{
	unsigned off = l3 + L4_IP6, len, i;
	uint8_t next;

	if (!l4_has(f, l3, L4_IP6) || f->head[l3] >> 4 != 6)
		return -ENOENT;
	next = f->head[l3 + 6];
	for (i = 0; next != IPPROTO_TCP && next != IPPROTO_UDP; i++) {
		if (i == L4_EXTS || !l4_has(f, off, L4_EXT))
			return -ENOENT;
		len = l4_ext(f, next, off);
		if (len == 0)
			return -ENOENT;
		*exts |= FRAME_EXT_SOME | l4_ext_kind(f, next, off);
		next = f->head[off];
		off += len;
	}
	*proto = next;
	return (int)off;
}

/* Bytes of the TCP or UDP header at off, or -ENOENT. */
static int l4_header(const struct frame *f, unsigned off, uint8_t proto)
{
	unsigned len = L4_UDP;

	if (proto != IPPROTO_TCP && proto != IPPROTO_UDP)
		return -ENOENT;
	if (proto == IPPROTO_TCP) {
		if (!l4_has(f, off, L4_TCP))
			return -ENOENT;
		len = (f->head[off + 12] >> 4) * 4u;
		if (len < L4_TCP)
			return -ENOENT;
	}
	return l4_has(f, off, len) ? (int)len : -ENOENT;
}

int frame_locate(const struct frame *f, struct frame_l4 *out)
{
	unsigned l3 = 0, type = l4_ethertype(f, &l3);
	uint8_t proto = 0, exts = 0;
	int l4 = -ENOENT, len;

	if (type == ETH_IP4)
		l4 = l4_ip4(f, l3, &proto);
	else if (type == ETH_IP6)
		l4 = l4_ip6(f, l3, &proto, &exts);
	if (l4 < 0)
		return l4;
	len = l4_header(f, (unsigned)l4, proto);
	if (len < 0)
		return len;
	out->l3 = (uint16_t)l3;
	out->l4 = (uint16_t)l4;
	out->end = (uint16_t)(l4 + len);
	out->ip = type == ETH_IP4 ? 4 : 6;
	out->proto = proto;
	out->exts = exts;
	out->csum_off = proto == IPPROTO_TCP ? 16 : 6;
	return 0;
}
