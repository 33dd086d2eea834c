// SPDX-License-Identifier: GPL-2.0-or-later
/* test_frame.c - frames: the pool, checksums, offloads */
#include "packet.h"

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

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(pool_gives_and_takes),
		WITH_POOL(copy_out_any_range),
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
