// SPDX-License-Identifier: GPL-2.0-or-later
/* locate.c - where a frame's TCP or UDP header is, and what follows from that
 *
 * Everything here reads head only, which is private: what is checked is what
 * is used. Each step asks `l4_has` before it reads.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "frame.h"

enum {
	L4_TAGS = 2, /* 802.1ad and 802.1Q */
	L4_EXTS = 8, /* IPv6 extension headers */
	L4_TCP = 20, /* bytes of a header without options */
	L4_UDP = 8,
	L4_IP4 = 20,
	L4_IP6 = 40,
	L4_EXT = 8,	/* an extension header is at least this long */
	L4_MIN_MSS = 8, /* what Linux's tcp_min_snd_mss, 48, leaves beside 40
			 * bytes of options. Less is a way to make one slot
			 * into thousands of packets.
			 */
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

static int l4_ip6(const struct frame *f, unsigned l3, uint8_t *proto)
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
	uint8_t proto = 0;
	int l4 = -ENOENT, len;

	if (type == ETH_IP4)
		l4 = l4_ip4(f, l3, &proto);
	else if (type == ETH_IP6)
		l4 = l4_ip6(f, l3, &proto);
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
	out->csum_off = proto == IPPROTO_TCP ? 16 : 6;
	return 0;
}

/* --- checksums ----------------------------------------------------------- */

/* One's complement sums (RFC 1071) do not care about byte order, nor about how
 * many bytes are added at a time, as long as pieces start at even places.
 */
static uint64_t sum_add(uint64_t sum, const uint8_t *p, size_t n)
{
	uint32_t w;
	uint16_t h = 0;

	for (; n >= 4; n -= 4, p += 4) {
		memcpy(&w, p, 4);
		sum += w;
	}
	if (n >= 2) {
		memcpy(&h, p, 2);
		sum += h;
		n -= 2;
		p += 2;
	}
	if (n) {
		h = 0;
		memcpy(&h, p, 1); /* as if a zero followed, in any order */
		sum += h;
	}
	return sum;
}

static uint16_t sum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* A piece that starts at an odd place has its bytes the other way round. */
static uint64_t sum_piece(uint64_t sum, const uint8_t *p, size_t n, bool odd)
{
	uint16_t s;

	if (!odd)
		return sum_add(sum, p, n);
	s = sum_fold(sum_add(0, p, n));
	return sum + (uint16_t)(s << 8 | s >> 8);
}

/* The checksum field of a located frame: the sum of the pseudo-header. */
static void sum_pseudo(struct frame *f, const struct frame_l4 *l)
{
	uint32_t tail[2] = { htonl(f->len - l->l4), htonl(l->proto) };
	uint64_t sum = sum_add(0, (const uint8_t *)tail, sizeof(tail));
	uint16_t folded;

	if (l->ip == 4)
		sum = sum_add(sum, f->head + l->l3 + 12, 8);
	else
		sum = sum_add(sum, f->head + l->l3 + 8, 32);
	folded = sum_fold(sum);
	memcpy(f->head + l->l4 + l->csum_off, &folded, 2);
}

void frame_checksum(struct frame *f)
{
	unsigned at = f->csum_start + f->csum_off, i;
	uint32_t off;
	uint64_t sum;
	uint16_t csum;

	if (!(f->flags & FRAME_CSUM_BLANK))
		return;
	assert(at + 2 <= f->head_len);
	sum = sum_add(0, f->head + f->csum_start, f->head_len - f->csum_start);
	off = f->head_len - f->csum_start;
	for (i = 0; i < f->nseg; i++) {
		sum = sum_piece(sum, f->seg[i].base, f->seg[i].len, off & 1);
		off += f->seg[i].len;
	}
	csum = (uint16_t)~sum_fold(sum);
	if (csum == 0 && f->csum_off == 6)
		csum = 0xffff; /* UDP: 0 says that there is no checksum */
	memcpy(f->head + at, &csum, 2);
	f->flags &= (uint8_t)~FRAME_CSUM_BLANK;
	f->flags |= FRAME_CSUM_VALID;
}

/* --- offloads ------------------------------------------------------------ */

static bool gso_fits(const struct frame *f, const struct frame_l4 *l,
		     uint32_t mtu)
{
	unsigned ip = f->gso_type == FRAME_GSO_TCPV4   ? 4
		      : f->gso_type == FRAME_GSO_TCPV6 ? 6
						       : 0;

	return l->ip == ip && l->proto == IPPROTO_TCP &&
	       f->gso_size >= L4_MIN_MSS &&
	       (uint64_t)l->end + f->gso_size <= (uint64_t)mtu + l->l3;
}

int frame_check_offload(struct frame *f, uint32_t mtu, uint64_t *fixed)
{
	bool gso = f->gso_type != FRAME_GSO_NONE;
	struct frame_l4 l;

	if (!gso && !(f->flags & FRAME_CSUM_BLANK))
		return 0;
	if (frame_locate(f, &l) < 0)
		return -EINVAL;
	if (gso && !gso_fits(f, &l, mtu))
		return -EINVAL;
	f->csum_start = l.l4;
	f->csum_off = l.csum_off;
	f->hdr_len = l.end;
	if (gso && !(f->flags & FRAME_CSUM_BLANK)) {
		sum_pseudo(f, &l);
		f->flags |= FRAME_CSUM_BLANK;
		(*fixed)++;
	}
	/* One segment needs no cutting; Windows asks for it all the same. */
	if (gso && f->len - l.end <= f->gso_size) {
		f->gso_type = FRAME_GSO_NONE;
		f->gso_size = 0;
	}
	return 0;
}
