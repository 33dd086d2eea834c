/* SPDX-License-Identifier: GPL-2.0-or-later */
/* packet.h - writing packets for tests, and making frames of them */
#ifndef NETBACK_TESTS_PACKET_H
#define NETBACK_TESTS_PACKET_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "frame.h"

struct pkt {
	uint8_t b[FRAME_MAX];
	unsigned len;
	unsigned l3, l4; /* where the writer put them: the truth */
};

static inline void put(struct pkt *p, const void *b, unsigned n)
{
	memcpy(p->b + p->len, b, n);
	p->len += n;
}

static inline void put16(struct pkt *p, unsigned v)
{
	uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	put(p, b, 2);
}

static inline void put_fill(struct pkt *p, unsigned n)
{
	for (; n; n--, p->len++)
		p->b[p->len] = (uint8_t)(p->len * 7 + 1);
}

/* tags: each is written before the type */
static inline void put_eth(struct pkt *p, unsigned ntags, const unsigned *tags,
			   unsigned type)
{
	unsigned i;

	p->len = 0;
	put(p, "\x02\x00\x00\x00\x00\x01\x02\x00\x00\x00\x00\x02", 12);
	for (i = 0; i < ntags; i++) {
		put16(p, tags[i]);
		put16(p, 5);
	}
	put16(p, type);
	p->l3 = p->len;
}

static inline void put_ip4(struct pkt *p, unsigned options, unsigned frag,
			   unsigned proto)
{
	uint8_t h[20] = { 0 };

	h[0] = (uint8_t)(0x45 + options / 4);
	h[6] = (uint8_t)(frag >> 8);
	h[7] = (uint8_t)frag;
	h[8] = 64;
	h[9] = (uint8_t)proto;
	memcpy(h + 12, "\x5a\x00\x00\x01\xc0\xa8\xfe\xff", 8);
	put(p, h, 20);
	put_fill(p, options);
	p->l4 = p->len;
}

static inline void put_ip6(struct pkt *p, unsigned next)
{
	uint8_t h[40] = { 0x60 };
	unsigned i;

	h[6] = (uint8_t)next;
	h[7] = 64;
	for (i = 8; i < 40; i++)
		h[i] = (uint8_t)(i * 11);
	put(p, h, 40);
	p->l4 = p->len;
}

/* An extension header of `size` bytes; its length field counts `unit`s. */
static inline void put_ext(struct pkt *p, unsigned next, unsigned lenfield,
			   unsigned size)
{
	uint8_t h[2] = { (uint8_t)next, (uint8_t)lenfield };

	put(p, h, 2);
	put(p, "\0\0\0\0\0\0", 6);
	put_fill(p, size - 8);
	p->l4 = p->len;
}

/* Writes what the IP header says of its length, now that all is there. */
static inline void put_length(struct pkt *p)
{
	bool v6 = p->b[p->l3] >> 4 == 6;
	unsigned n = p->len - p->l3 - (v6 ? 40 : 0), at = p->l3 + (v6 ? 4 : 2);

	p->b[at] = (uint8_t)(n >> 8);
	p->b[at + 1] = (uint8_t)n;
}

static inline void put_tcp(struct pkt *p, unsigned options, unsigned payload)
{
	/* the ack number's first byte, like the source address's, could pass
	 * for a data offset if an IP header were believed to be shorter
	 */
	uint8_t h[20] = { 0x12, 0x34, 0, 80, 1, 2, 3, 4, 0x50 };

	h[12] = (uint8_t)((20 + options) / 4 << 4);
	put(p, h, 20);
	put_fill(p, options + payload);
	put_length(p);
}

static inline void put_udp(struct pkt *p, unsigned payload)
{
	put16(p, 1024);
	put16(p, 53);
	put16(p, 8 + payload);
	put16(p, 0);
	put_fill(p, payload);
	put_length(p);
}

/* --- frames of packets ---------------------------------------------------- */

/* A frame whose segments are `cut` bytes each (0 = one), each an own block of
 * exactly its size, so that ASan sees a byte too far. head is inside the
 * struct: see locate_in_bounds for that.
 */
static inline struct frame *frame_of(struct frame_pool *pool,
				     const struct pkt *p, unsigned cut)
{
	struct frame *f = frame_get(pool);
	unsigned off, n;

	f->len = p->len;
	f->head_len = (uint16_t)(p->len < FRAME_HEAD ? p->len : FRAME_HEAD);
	memcpy(f->head, p->b, f->head_len);
	for (off = f->head_len; off < p->len; off += n) {
		n = p->len - off;
		if (cut && n > cut && f->nseg < FRAME_SEGS - 1)
			n = cut;
		f->seg[f->nseg].base = malloc(n);
		f->seg[f->nseg].len = n;
		memcpy(f->seg[f->nseg++].base, p->b + off, n);
	}
	return f;
}

static inline void frame_drop(struct frame *f)
{
	unsigned i;

	for (i = 0; i < f->nseg; i++)
		free(f->seg[i].base);
	frame_put(f);
}

static inline int pool_setup(void **state)
{
	return frame_pool_open((struct frame_pool **)state, 4, false);
}

static inline int pool_teardown(void **state)
{
	struct frame_pool *pool = *state;
	unsigned all = frame_pool_free(pool);

	frame_pool_close(pool);
	return all == 4 ? 0 : -1; /* else a test lost a frame */
}

static const unsigned tags_q[] = { 0x8100, 0x8100, 0x8100 };
static const unsigned tags_adq[] = { 0x88a8, 0x8100 };

#define WITH_POOL(t)                                                           \
	cmocka_unit_test_setup_teardown(t, pool_setup, pool_teardown)

#endif
