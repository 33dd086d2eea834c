// SPDX-License-Identifier: GPL-2.0-or-later
/* offload.c - what a sender left for others to do: is it sane, and doing it
 *
 * Only head is looked at and written, which is private. Payload is referred to.
 */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/checksum.h"
#include "frame.h"

enum {
	OFFLOAD_MIN_MSS = 8, /* what Linux's tcp_min_snd_mss, 48, leaves beside
			      * 40 bytes of options. Less is a way to make one
			      * slot into thousands of packets.
			      */
	OFFLOAD_IP6 = 40, /* bytes of the header that its length leaves out */
};

/* Offsets in the headers. */
enum {
	IP4_LEN = 2,
	IP4_ID = 4,
	IP4_SUM = 10,
	IP6_LEN = 4,
	TCP_SEQ = 4,
	TCP_FLAGS = 13,
	UDP_LEN = 4,
};

enum {
	TCP_FIN = 0x01,
	TCP_SYN = 0x02,
	TCP_RST = 0x04,
	TCP_PSH = 0x08,
	TCP_URG = 0x20,
	TCP_CWR = 0x80,
};

static uint16_t offload_get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void offload_put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* The IP header says that the packet ends at byte `end` of the frame. */
static void offload_set_end(struct frame *f, const struct frame_l4 *l,
			    uint32_t end)
{
	uint8_t *ip = f->head + l->l3;
	uint16_t sum;

	if (l->ip == 6) {
		offload_put16(ip + IP6_LEN, end - l->l3 - OFFLOAD_IP6);
		return;
	}
	offload_put16(ip + IP4_LEN, end - l->l3);
	memset(ip + IP4_SUM, 0, 2);
	sum = (uint16_t)~sum_fold(sum_add(0, ip, (ip[0] & 15) * 4u));
	memcpy(ip + IP4_SUM, &sum, 2);
}

/* Where the IP header says that the packet ends; 0: it does not say. */
static uint32_t offload_get_end(const struct frame *f, const struct frame_l4 *l)
{
	const uint8_t *ip = f->head + l->l3;
	uint32_t n = offload_get16(ip + (l->ip == 6 ? IP6_LEN : IP4_LEN));

	if (!n)
		return 0;
	return l->l3 + n + (l->ip == 6 ? OFFLOAD_IP6 : 0);
}

/* A checksum covers the packet, not what a short frame was filled up with. */
static int offload_lengths(struct frame *f, const struct frame_l4 *l)
{
	uint32_t end = offload_get_end(f, l);

	if (!end && f->gso_type && !l->exts) {
		end = f->len;
		offload_set_end(f, l, end);
	}
	if (end < l->end || end > f->len)
		return -EINVAL;
	if (l->proto == IPPROTO_UDP &&
	    offload_get16(f->head + l->l4 + UDP_LEN) != end - l->l4)
		return -EINVAL;
	frame_trim(f, end);
	return 0;
}

static bool offload_gso_form(const struct frame *f, const struct frame_l4 *l)
{
	unsigned ip = f->gso_type == FRAME_GSO_TCPV4   ? 4
		      : f->gso_type == FRAME_GSO_TCPV6 ? 6
						       : 0;

	return l->ip == ip && l->proto == IPPROTO_TCP &&
	       !(l->exts & FRAME_EXT_WHOLE) && f->gso_size >= OFFLOAD_MIN_MSS &&
	       !(f->head[l->l4 + TCP_FLAGS] & (TCP_SYN | TCP_RST | TCP_URG));
}

static bool offload_gso_fits(const struct frame *f, const struct frame_l4 *l,
			     uint32_t mtu)
{
	return (uint64_t)l->end + f->gso_size <= (uint64_t)mtu + l->l3;
}

int frame_check_offload(struct frame *f, uint32_t mtu, uint64_t *fixed)
{
	bool gso = f->gso_type != FRAME_GSO_NONE;
	struct frame_l4 l;

	if (!gso && !(f->flags & FRAME_CSUM_BLANK))
		return 0;
	if (frame_locate(f, &l) < 0)
		return -EINVAL;
	if (gso && (!offload_gso_form(f, &l) || !offload_gso_fits(f, &l, mtu)))
		return -EINVAL;
	if (offload_lengths(f, &l))
		return -EINVAL;
	f->csum_start = l.l4;
	f->csum_off = l.csum_off;
	f->hdr_len = l.end;
	if (gso && !(f->flags & FRAME_CSUM_BLANK)) {
		if (l.exts & FRAME_EXT_ROUTED)
			return -EINVAL; /* its sum is of another address */
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

/* --- cutting --------------------------------------------------------------- */

int frame_cut_open(struct frame_cut *c, const struct frame *f)
{
	if (frame_locate(f, &c->l4) < 0 || !offload_gso_form(f, &c->l4) ||
	    !(f->flags & FRAME_CSUM_BLANK) || f->csum_start != c->l4.l4)
		return -EINVAL;
	c->from = f;
	c->at = c->l4.end;
	return (int)((f->len - c->at + f->gso_size - 1) / f->gso_size);
}

/* References to n bytes of the segments, from byte off of the frame on. */
static void cut_refer(const struct frame *f, uint32_t off, uint32_t n,
		      struct frame *out)
{
	const struct frame_seg *s = f->seg;

	out->nseg = 0;
	if (!n)
		return;
	assert(off >= f->head_len);
	for (off -= f->head_len; off >= s->len; s++)
		off -= s->len;
	for (; n; s++, off = 0) {
		uint32_t take = s->len - off < n ? s->len - off : n;

		if (!take)
			continue;
		out->seg[out->nseg++] = (struct frame_seg){ s->base + off,
							    take };
		n -= take;
	}
}

static void cut_ip(const struct frame_cut *c, struct frame *out, unsigned nth)
{
	uint8_t *ip = out->head + c->l4.l3;

	if (c->l4.ip == 4)
		offload_put16(ip + IP4_ID,
			      offload_get16(ip + IP4_ID) + (uint32_t)nth);
	offload_set_end(out, &c->l4, out->len);
}

/* The field holds the sum of a pseudo-header with the whole's length: that of
 * the piece takes its place. Addresses are not looked at; a routing header
 * may have chosen others.
 */
static void cut_tcp(const struct frame_cut *c, struct frame *out, bool last)
{
	uint8_t *tcp = out->head + c->l4.l4;
	uint32_t seq, done = c->at - c->l4.end;
	uint16_t field, len[2];

	memcpy(&seq, tcp + TCP_SEQ, sizeof(seq));
	seq = htonl(ntohl(seq) + done);
	memcpy(tcp + TCP_SEQ, &seq, sizeof(seq));
	if (done)
		tcp[TCP_FLAGS] &= (uint8_t)~TCP_CWR;
	if (!last)
		tcp[TCP_FLAGS] &= (uint8_t) ~(TCP_FIN | TCP_PSH);
	len[0] = (uint16_t)~htons((uint16_t)(c->from->len - c->l4.l4));
	len[1] = htons((uint16_t)(out->len - c->l4.l4));
	memcpy(&field, tcp + c->l4.csum_off, sizeof(field));
	field = sum_fold((uint64_t)field + len[0] + len[1]);
	memcpy(tcp + c->l4.csum_off, &field, sizeof(field));
}

bool frame_cut_next(struct frame_cut *c, struct frame *out)
{
	const struct frame *f = c->from;
	uint32_t hdr = c->l4.end, n = f->len - c->at, near = FRAME_HEAD - hdr;

	if (!n)
		return false;
	if (n > f->gso_size)
		n = f->gso_size;
	if (near > n)
		near = n;
	out->len = hdr + n;
	out->head_len = (uint16_t)(hdr + near);
	memcpy(out->head, f->head, hdr);
	frame_copy_out(f, c->at, out->head + hdr, near);
	cut_refer(f, c->at + near, n - near, out);
	out->flags = FRAME_CSUM_BLANK;
	out->gso_type = FRAME_GSO_NONE;
	out->gso_size = 0;
	out->csum_start = f->csum_start;
	out->csum_off = c->l4.csum_off;
	out->hdr_len = (uint16_t)hdr;
	out->slots = 0;
	cut_ip(c, out, (c->at - hdr) / f->gso_size);
	cut_tcp(c, out, c->at + n == f->len);
	c->at += n;
	return true;
}
