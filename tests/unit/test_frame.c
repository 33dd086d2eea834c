// SPDX-License-Identifier: GPL-2.0-or-later
/* test_frame.c - frames: the pool, finding headers, checksums, offloads */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "frame.h"

/* --- writing packets ------------------------------------------------------ */

struct pkt {
	uint8_t b[FRAME_MAX];
	unsigned len;
	unsigned l3, l4; /* where the writer put them: the truth */
};

static void put(struct pkt *p, const void *b, unsigned n)
{
	memcpy(p->b + p->len, b, n);
	p->len += n;
}

static void put16(struct pkt *p, unsigned v)
{
	uint8_t b[2] = { (uint8_t)(v >> 8), (uint8_t)v };

	put(p, b, 2);
}

static void put_fill(struct pkt *p, unsigned n)
{
	for (; n; n--, p->len++)
		p->b[p->len] = (uint8_t)(p->len * 7 + 1);
}

/* tags: each is written before the type */
static void put_eth(struct pkt *p, unsigned ntags, const unsigned *tags,
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

static void put_ip4(struct pkt *p, unsigned options, unsigned frag,
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

static void put_ip6(struct pkt *p, unsigned next)
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
static void put_ext(struct pkt *p, unsigned next, unsigned lenfield,
		    unsigned size)
{
	uint8_t h[2] = { (uint8_t)next, (uint8_t)lenfield };

	put(p, h, 2);
	put(p, "\0\0\0\0\0\0", 6);
	put_fill(p, size - 8);
	p->l4 = p->len;
}

static void put_tcp(struct pkt *p, unsigned options, unsigned payload)
{
	/* the ack number's first byte, like the source address's, could pass
	 * for a data offset if an IP header were believed to be shorter
	 */
	uint8_t h[20] = { 0x12, 0x34, 0, 80, 1, 2, 3, 4, 0x50 };

	h[12] = (uint8_t)((20 + options) / 4 << 4);
	put(p, h, 20);
	put_fill(p, options + payload);
}

static void put_udp(struct pkt *p, unsigned payload)
{
	put16(p, 1024);
	put16(p, 53);
	put16(p, 8 + payload);
	put16(p, 0);
	put_fill(p, payload);
}

/* --- frames of packets ---------------------------------------------------- */

/* A frame whose segments are `cut` bytes each (0 = one), each an own block of
 * exactly its size, so that ASan sees a byte too far. head is inside the
 * struct: see locate_in_bounds for that.
 */
static struct frame *frame_of(struct frame_pool *pool, const struct pkt *p,
			      unsigned cut)
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

static void frame_drop(struct frame *f)
{
	unsigned i;

	for (i = 0; i < f->nseg; i++)
		free(f->seg[i].base);
	frame_put(f);
}

static int locate(struct frame_pool *pool, const struct pkt *p,
		  struct frame_l4 *l)
{
	struct frame *f = frame_of(pool, p, 0);
	int rc = frame_locate(f, l);

	frame_drop(f);
	return rc;
}

static int pool_setup(void **state)
{
	return frame_pool_open((struct frame_pool **)state, 4, false);
}

static int pool_teardown(void **state)
{
	struct frame_pool *pool = *state;
	unsigned all = frame_pool_free(pool);

	frame_pool_close(pool);
	return all == 4 ? 0 : -1; /* else a test lost a frame */
}

/* --- the pool ------------------------------------------------------------- */

static void pool_gives_and_takes(void **state)
{
	struct frame_pool *p;
	struct frame *f[3];
	unsigned i;

	(void)state;
	assert_int_equal(frame_pool_open(&p, 3, true), 0);
	assert_int_equal(frame_pool_free(p), 3);
	for (i = 0; i < 3; i++) {
		f[i] = frame_get(p);
		assert_non_null(f[i]);
		assert_ptr_equal(f[i]->pool, p);
		memset(f[i]->body, (int)i, FRAME_MAX);
		f[i]->flags = 3;
		f[i]->nseg = 2;
		f[i]->gso_size = 9;
	}
	assert_null(frame_get(p));
	assert_int_equal(frame_pool_free(p), 0);
	for (i = 0; i < 3; i++) {
		assert_int_equal(f[i]->body[0], i);
		assert_int_equal(f[i]->body[FRAME_MAX - 1], i);
		frame_put(f[i]);
	}
	frame_put(NULL);
	assert_int_equal(frame_pool_free(p), 3);
	f[0] = frame_get(p);
	assert_int_equal(f[0]->flags | f[0]->nseg | f[0]->gso_size, 0);
	frame_put(f[0]);
	frame_pool_close(p);
	frame_pool_close(NULL);
}

static void copy_out_any_range(void **state)
{
	static const unsigned cuts[] = { 0, 1, 50, 4096 };
	uint8_t out[700];
	struct pkt p = { .len = 0 };
	unsigned i, off, n;

	put_fill(&p, 600);
	for (i = 0; i < ARRAY_SIZE(cuts); i++) {
		struct frame *f = frame_of(*state, &p, cuts[i]);

		for (off = 0; off <= 600; off += 13) {
			for (n = 0; n <= 600 - off; n += 7) {
				memset(out, 0xee, sizeof(out));
				frame_copy_out(f, off, out, n);
				assert_memory_equal(out, p.b + off, n);
				assert_int_equal(out[n], 0xee);
			}
		}
		frame_drop(f);
	}
}

/* --- the locator ---------------------------------------------------------- */

static const unsigned tags_q[] = { 0x8100, 0x8100, 0x8100 };
static const unsigned tags_adq[] = { 0x88a8, 0x8100 };

static void locates_plain(void **state)
{
	static const struct {
		unsigned ntags;
		const unsigned *tags;
		int rc;
	} row[] = { { 0, tags_q, 0 },
		    { 1, tags_q, 0 },
		    { 2, tags_q, 0 },
		    { 2, tags_adq, 0 },
		    { 3, tags_q, -ENOENT } };
	unsigned i, opt, udp;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		for (opt = 0; opt <= 40; opt += 4) {
			for (udp = 0; udp < 2; udp++) {
				struct frame_l4 l;
				struct pkt p;

				put_eth(&p, row[i].ntags, row[i].tags, 0x0800);
				put_ip4(&p, opt, 0x4000, udp ? 17 : 6);
				if (udp)
					put_udp(&p, 5);
				else
					put_tcp(&p, opt, 300);
				assert_int_equal(locate(*state, &p, &l),
						 row[i].rc);
				if (row[i].rc)
					continue;
				assert_int_equal(l.l3, p.l3);
				assert_int_equal(l.l4, p.l4);
				assert_int_equal(l.end,
						 p.l4 + (udp ? 8 : 20 + opt));
				assert_int_equal(l.ip, 4);
				assert_int_equal(l.proto, udp ? 17 : 6);
				assert_int_equal(l.csum_off, udp ? 6 : 16);
			}
		}
	}
}

static void refuses_ip4(void **state)
{
	struct frame_l4 l;
	struct pkt p;
	unsigned i;
	/* offset in the packet, byte, what it is then */
	static const struct {
		unsigned off, byte;
		const char *why;
	} row[] = {
		{ 12, 0x09, "not IP" },
		{ 14, 0x65, "version 6 under IPv4's type" },
		{ 14, 0x44, "header of 16 bytes" },
		{ 14, 0x40, "header of 0 bytes" },
		{ 20, 0x20, "first fragment" },
		{ 20, 0x01, "later fragment" },
		{ 21, 0x01, "later fragment" },
		{ 23, 1, "ICMP" },
		{ 23, 136, "UDP-Lite" },
		{ 23, 4, "IP in IP" },
		{ 46, 0x40, "TCP header of 16 bytes" },
		{ 46, 0x00, "TCP header of 0 bytes" },
	};

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		put_eth(&p, 0, NULL, 0x0800);
		put_ip4(&p, 0, 0, 6);
		put_tcp(&p, 0, 100);
		assert_int_equal(locate(*state, &p, &l), 0);
		p.b[row[i].off] = (uint8_t)row[i].byte;
		if (locate(*state, &p, &l) != -ENOENT)
			fail_msg("%s: found", row[i].why);
	}
	/* options or a TCP header that reach behind the packet */
	put_eth(&p, 0, NULL, 0x0800);
	put_ip4(&p, 0, 0, 6);
	put_tcp(&p, 0, 0);
	p.b[46] = 0x60;
	assert_int_equal(locate(*state, &p, &l), -ENOENT);
	p.b[46] = 0x50;
	assert_int_equal(locate(*state, &p, &l), 0);
	p.b[14] = 0x46;
	assert_int_equal(locate(*state, &p, &l), -ENOENT);
}

static void locates_ip6(void **state)
{
	static const struct {
		unsigned next, lenfield, size;
	} ext[] = {
		{ 0, 0, 8 },	 { 0, 1, 16 },	{ 43, 2, 24 },
		{ 60, 3, 32 },	 { 51, 4, 24 }, /* AH counts in 4 bytes */
		{ 44, 0xab, 8 }, /* a fragment header's second byte is void */
	};
	struct frame_l4 l;
	struct pkt p;
	unsigned i;

	put_eth(&p, 2, tags_adq, 0x86dd);
	put_ip6(&p, 17);
	put_udp(&p, 0);
	assert_int_equal(locate(*state, &p, &l), 0);
	assert_int_equal(l.ip, 6);
	assert_int_equal(l.l4, p.l4);
	for (i = 0; i < ARRAY_SIZE(ext); i++) {
		put_eth(&p, 0, NULL, 0x86dd);
		put_ip6(&p, ext[i].next);
		put_ext(&p, 60, ext[i].lenfield, ext[i].size);
		put_ext(&p, 6, 0, 8);
		put_tcp(&p, 12, 9);
		assert_int_equal(locate(*state, &p, &l), 0);
		assert_int_equal(l.l4, p.l4);
		assert_int_equal(l.end, p.l4 + 32);
		assert_int_equal(l.proto, 6);
	}
}

static void bounds_ip6(void **state)
{
	struct frame_l4 l;
	struct pkt p;
	unsigned n, i;

	for (n = 0; n < 12; n++) { /* 8 extension headers, no more */
		put_eth(&p, 0, NULL, 0x86dd);
		put_ip6(&p, n ? 60 : 6);
		for (i = 1; i <= n; i++)
			put_ext(&p, i == n ? 6 : 60, 0, 8);
		put_tcp(&p, 0, 0);
		assert_int_equal(locate(*state, &p, &l), n <= 8 ? 0 : -ENOENT);
	}
	for (n = 0; n < 40; n++) { /* one, behind the end of head */
		put_eth(&p, 0, NULL, 0x86dd);
		put_ip6(&p, 60);
		put_ext(&p, 6, n, 8 * (n + 1));
		put_tcp(&p, 0, 3000);
		assert_int_equal(locate(*state, &p, &l),
				 p.l4 + 20 <= FRAME_HEAD ? 0 : -ENOENT);
	}
}

static void refuses_ip6(void **state)
{
	static const unsigned next[] = { 50, 58, 59, 41, 4, 135, 255 };
	static const unsigned frag[] = { 0x0001, 0x0008, 0xfff8, 0x0009 };
	struct frame_l4 l;
	struct pkt p;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(next); i++) {
		put_eth(&p, 0, NULL, 0x86dd);
		put_ip6(&p, next[i]);
		put_ext(&p, 6, 0, 8);
		put_tcp(&p, 0, 0);
		assert_int_equal(locate(*state, &p, &l), -ENOENT);
	}
	for (i = 0; i < ARRAY_SIZE(frag); i++) {
		put_eth(&p, 0, NULL, 0x86dd);
		put_ip6(&p, 44);
		put_ext(&p, 17, 0, 8);
		p.b[p.len - 6] = (uint8_t)(frag[i] >> 8);
		p.b[p.len - 5] = (uint8_t)frag[i];
		put_udp(&p, 20);
		assert_int_equal(locate(*state, &p, &l), -ENOENT);
	}
	put_eth(&p, 0, NULL, 0x86dd);
	put_ip6(&p, 6);
	put_tcp(&p, 0, 0);
	p.b[14] = 0x45;
	assert_int_equal(locate(*state, &p, &l), -ENOENT);
}

/* The bytes behind head_len are poison twice: a block that ends there, which
 * ASan watches, and content which would change the answer.
 */
static void locate_at_every_length(struct frame_pool *pool, const struct pkt *p)
{
	struct frame_l4 whole, l;
	unsigned n;

	assert_int_equal(locate(pool, p, &whole), 0);
	for (n = 0; n <= p->len && n <= FRAME_HEAD; n++) {
		size_t size = offsetof(struct frame, head) + n;
		struct frame *f = calloc(1, size); /* ends where head does */
		int rc;

		f->len = n;
		f->head_len = (uint16_t)n;
		memcpy((uint8_t *)f + offsetof(struct frame, head), p->b, n);
		rc = frame_locate(f, &l);
		assert_int_equal(rc, n < whole.end ? -ENOENT : 0);
		free(f);
	}
}

static void locate_in_bounds(void **state)
{
	struct pkt p;

	put_eth(&p, 2, tags_adq, 0x0800);
	put_ip4(&p, 40, 0, 6);
	put_tcp(&p, 40, 50);
	locate_at_every_length(*state, &p);
	put_eth(&p, 1, tags_q, 0x86dd);
	put_ip6(&p, 0);
	put_ext(&p, 44, 1, 16);
	put_ext(&p, 51, 0, 8);
	put_ext(&p, 17, 3, 20);
	put_udp(&p, 50);
	locate_at_every_length(*state, &p);
}

/* --- checksums ------------------------------------------------------------ */

/* The oracle: RFC 1071 as it is written, over the flat packet, byte by byte. */
static unsigned oracle_sum(const uint8_t *b, unsigned n)
{
	unsigned long sum = 0;
	unsigned i;

	for (i = 0; i < n; i++)
		sum += i % 2 ? b[i] : b[i] * 256ul;
	return (unsigned)(sum % 65535); /* 0 stands for 0 and for 65535 */
}

/* Sum of pseudo-header and of the transport, its checksum field included. */
static unsigned oracle(const struct pkt *p, unsigned proto)
{
	unsigned n = p->len - p->l4;
	uint8_t pseudo[40] = { 0 };
	bool v4 = p->b[p->l3] >> 4 == 4;

	if (v4)
		memcpy(pseudo, p->b + p->l3 + 12, 8);
	else
		memcpy(pseudo, p->b + p->l3 + 8, 32);
	pseudo[34] = (uint8_t)(n >> 8);
	pseudo[35] = (uint8_t)n;
	pseudo[39] = (uint8_t)proto;
	return (oracle_sum(pseudo, 40) + oracle_sum(p->b + p->l4, n)) % 65535;
}

/* Writes what a guest with csum_blank would: the pseudo-header's sum alone. */
static void blank(struct pkt *p, unsigned proto, unsigned field)
{
	struct pkt only = *p;
	unsigned sum;

	memset(only.b + p->l4, 0, p->len - p->l4);
	sum = oracle(&only, proto);
	p->b[p->l4 + field] = (uint8_t)(sum >> 8);
	p->b[p->l4 + field + 1] = (uint8_t)sum;
}

static void build(struct pkt *p, bool v6, bool udp, unsigned payload)
{
	put_eth(p, 0, NULL, v6 ? 0x86dd : 0x0800);
	if (v6)
		put_ip6(p, udp ? 17 : 6);
	else
		put_ip4(p, 4, 0, udp ? 17 : 6);
	if (udp)
		put_udp(p, payload);
	else
		put_tcp(p, 12, payload);
}

static void checksum_one(struct frame_pool *pool, bool v6, bool udp,
			 unsigned payload, unsigned cut)
{
	unsigned field = udp ? 6 : 16;
	uint64_t fixed = 0;
	struct frame *f;
	struct pkt p;

	build(&p, v6, udp, payload);
	blank(&p, udp ? 17 : 6, field);
	f = frame_of(pool, &p, cut);
	f->flags = FRAME_CSUM_BLANK;
	assert_int_equal(frame_check_offload(f, 1500, &fixed), 0);
	assert_int_equal(fixed, 0);
	assert_int_equal(f->csum_start, p.l4);
	assert_int_equal(f->csum_off, field);
	frame_checksum(f);
	assert_int_equal(f->flags, FRAME_CSUM_VALID);
	frame_copy_out(f, 0, p.b, p.len);
	assert_int_equal(oracle(&p, udp ? 17 : 6), 0);
	frame_drop(f);
}

static void checksums(void **state)
{
	static const unsigned cuts[] = { 0, 1, 3, 333, 4096, 4095 };
	unsigned payload, c;

	for (payload = 0; payload < 3000; payload += payload < 400 ? 1 : 97) {
		for (c = 0; c < ARRAY_SIZE(cuts); c++) {
			checksum_one(*state, false, false, payload, cuts[c]);
			checksum_one(*state, false, true, payload, cuts[c]);
			checksum_one(*state, true, false, payload, cuts[c]);
			checksum_one(*state, true, true, payload, cuts[c]);
		}
	}
	checksum_one(*state, false, false, 65000, 4095);
	checksum_one(*state, true, true, 65001, 4096);
}

/* A payload chosen so that the sum is 0xffff and the checksum 0. */
static void checksum_zero(void **state)
{
	unsigned udp;

	for (udp = 0; udp < 2; udp++) {
		unsigned field = udp ? 6 : 16, sum, at;
		uint64_t fixed = 0;
		struct frame *f;
		struct pkt p;

		build(&p, false, udp, 300);
		at = p.len - 2;
		memset(p.b + at, 0, 2);
		blank(&p, udp ? 17 : 6, field);
		sum = 65535 - oracle_sum(p.b + p.l4, p.len - p.l4);
		p.b[at] = (uint8_t)(sum >> 8);
		p.b[at + 1] = (uint8_t)sum;
		f = frame_of(*state, &p, 0);
		f->flags = FRAME_CSUM_BLANK;
		assert_int_equal(frame_check_offload(f, 1500, &fixed), 0);
		frame_checksum(f);
		assert_int_equal(f->head[p.l4 + field], udp ? 0xff : 0);
		assert_int_equal(f->head[p.l4 + field + 1], udp ? 0xff : 0);
		frame_drop(f);
	}
}

static void checksum_leaves_others(void **state)
{
	struct frame *f;
	struct pkt p;

	build(&p, false, false, 100);
	f = frame_of(*state, &p, 0);
	frame_checksum(f);
	assert_int_equal(f->flags, 0);
	assert_memory_equal(f->head, p.b, f->head_len);
	frame_drop(f);
}

/* --- offloads ------------------------------------------------------------- */

static void gso_checks(void **state)
{
	/* v4 headers: 24 IP + 32 TCP = 56; v6: 40 + 32 = 72 */
	static const struct {
		bool v6, udp;
		unsigned type, size, mtu;
		int rc;
	} row[] = {
		{ false, false, FRAME_GSO_TCPV4, 1444, 1500, 0 },
		{ false, false, FRAME_GSO_TCPV4, 1445, 1500, -EINVAL },
		{ false, false, FRAME_GSO_TCPV4, 8944, 9000, 0 },
		{ false, false, FRAME_GSO_TCPV4, 9000, 1500, -EINVAL },
		{ false, false, FRAME_GSO_TCPV4, 0xffff, 1500, -EINVAL },
		{ false, false, FRAME_GSO_TCPV4, 0xffff, 65535, -EINVAL },
		{ false, false, FRAME_GSO_TCPV4, 0, 1500, -EINVAL },
		{ false, false, FRAME_GSO_TCPV4, 1, 1500, -EINVAL },
		{ false, false, FRAME_GSO_TCPV4, 7, 1500, -EINVAL },
		{ false, false, FRAME_GSO_TCPV4, 8, 1500, 0 },
		{ false, false, FRAME_GSO_TCPV6, 1400, 1500, -EINVAL },
		{ true, false, FRAME_GSO_TCPV6, 1428, 1500, 0 },
		{ true, false, FRAME_GSO_TCPV6, 1429, 1500, -EINVAL },
		{ true, false, FRAME_GSO_TCPV4, 1400, 1500, -EINVAL },
		{ false, true, FRAME_GSO_TCPV4, 1400, 1500, -EINVAL },
		{ true, true, FRAME_GSO_TCPV6, 1400, 1500, -EINVAL },
		{ false, false, 3, 1400, 1500, -EINVAL },
		{ false, false, 255, 1400, 1500, -EINVAL },
	};
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		uint64_t fixed = 0;
		struct frame *f;
		struct pkt p;

		build(&p, row[i].v6, row[i].udp, 20000);
		f = frame_of(*state, &p, 4096);
		f->flags = FRAME_CSUM_BLANK;
		f->gso_type = (uint8_t)row[i].type;
		f->gso_size = (uint16_t)row[i].size;
		if (frame_check_offload(f, row[i].mtu, &fixed) != row[i].rc)
			fail_msg("row %u: not %d", i, row[i].rc);
		if (row[i].rc == 0) {
			assert_int_equal(f->gso_type, row[i].type);
			assert_int_equal(f->hdr_len, p.l4 + 32);
			assert_int_equal(f->csum_start, p.l4);
			assert_int_equal(f->csum_off, 16);
		}
		assert_int_equal(fixed, 0);
		frame_drop(f);
	}
}

/* A tag does not count against the MTU. */
static void gso_with_tags(void **state)
{
	unsigned size;

	for (size = 1460; size <= 1461; size++) {
		uint64_t fixed = 0;
		struct frame *f;
		struct pkt p;

		put_eth(&p, 2, tags_adq, 0x0800);
		put_ip4(&p, 0, 0, 6);
		put_tcp(&p, 0, 9000);
		f = frame_of(*state, &p, 0);
		f->flags = FRAME_CSUM_BLANK;
		f->gso_type = FRAME_GSO_TCPV4;
		f->gso_size = (uint16_t)size;
		assert_int_equal(frame_check_offload(f, 1500, &fixed),
				 size == 1460 ? 0 : -EINVAL);
		frame_drop(f);
	}
}

/* Without csum_blank the pseudo-header's sum is written: completing it must
 * then give a checksum that the oracle likes, whatever stood there before.
 */
static void gso_without_blank(void **state)
{
	unsigned v6;

	for (v6 = 0; v6 < 2; v6++) {
		uint64_t fixed = 7;
		struct frame *f;
		struct pkt p;

		build(&p, v6, false, 9001);
		p.b[p.l4 + 16] = 0xde;
		p.b[p.l4 + 17] = 0xad;
		f = frame_of(*state, &p, 4096);
		f->gso_type = v6 ? FRAME_GSO_TCPV6 : FRAME_GSO_TCPV4;
		f->gso_size = 1400;
		assert_int_equal(frame_check_offload(f, 1500, &fixed), 0);
		assert_int_equal(fixed, 8);
		assert_true(f->flags & FRAME_CSUM_BLANK);
		frame_checksum(f);
		frame_copy_out(f, 0, p.b, p.len);
		assert_int_equal(oracle(&p, 6), 0);
		frame_drop(f);
	}
}

/* GSO of one segment, or of none, is a plain packet. */
static void gso_of_one(void **state)
{
	static const struct {
		unsigned payload, type;
	} row[] = { { 0, FRAME_GSO_NONE },
		    { 999, FRAME_GSO_NONE },
		    { 1000, FRAME_GSO_NONE },
		    { 1001, FRAME_GSO_TCPV4 } };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		uint64_t fixed = 0;
		struct frame *f;
		struct pkt p;

		build(&p, false, false, row[i].payload);
		f = frame_of(*state, &p, 0);
		f->flags = FRAME_CSUM_BLANK;
		f->gso_type = FRAME_GSO_TCPV4;
		f->gso_size = 1000;
		assert_int_equal(frame_check_offload(f, 1500, &fixed), 0);
		assert_int_equal(f->gso_type, row[i].type);
		assert_int_equal(f->gso_size, row[i].type ? 1000 : 0);
		assert_true(f->flags & FRAME_CSUM_BLANK);
		frame_drop(f);
	}
}

static void offload_without_headers(void **state)
{
	uint64_t fixed = 0;
	struct frame *f;
	struct pkt p;

	put_eth(&p, 0, NULL, 0x0806);
	put_fill(&p, 46);
	f = frame_of(*state, &p, 0);
	assert_int_equal(frame_check_offload(f, 1500, &fixed), 0);
	f->flags = FRAME_CSUM_BLANK;
	assert_int_equal(frame_check_offload(f, 1500, &fixed), -EINVAL);
	f->flags = 0;
	f->gso_type = FRAME_GSO_TCPV4;
	f->gso_size = 1000;
	assert_int_equal(frame_check_offload(f, 1500, &fixed), -EINVAL);
	assert_int_equal(fixed, 0);
	frame_drop(f);
}

#define WITH_POOL(t)                                                           \
	cmocka_unit_test_setup_teardown(t, pool_setup, pool_teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(pool_gives_and_takes),
		WITH_POOL(copy_out_any_range),
		WITH_POOL(locates_plain),
		WITH_POOL(refuses_ip4),
		WITH_POOL(locates_ip6),
		WITH_POOL(bounds_ip6),
		WITH_POOL(refuses_ip6),
		WITH_POOL(locate_in_bounds),
		WITH_POOL(checksums),
		WITH_POOL(checksum_zero),
		WITH_POOL(checksum_leaves_others),
		WITH_POOL(gso_checks),
		WITH_POOL(gso_with_tags),
		WITH_POOL(gso_without_blank),
		WITH_POOL(gso_of_one),
		WITH_POOL(offload_without_headers),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
