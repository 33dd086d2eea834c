// SPDX-License-Identifier: GPL-2.0-or-later
/* test_locate.c - finding the transport header, and nothing beyond the head */
#include "packet.h"

static int locate(struct frame_pool *pool, const struct pkt *p,
		  struct frame_l4 *l)
{
	struct frame *f = frame_of(pool, p, 0);
	int rc = frame_locate(f, l);

	frame_drop(f);
	return rc;
}

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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		WITH_POOL(locates_plain), WITH_POOL(refuses_ip4),
		WITH_POOL(locates_ip6),	  WITH_POOL(bounds_ip6),
		WITH_POOL(refuses_ip6),	  WITH_POOL(locate_in_bounds),
	};

	return cmocka_run_group_tests_name("locate", tests, NULL, NULL);
}
