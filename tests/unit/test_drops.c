// SPDX-License-Identifier: GPL-2.0-or-later
/* test_drops.c - messages of the kernel's drop monitor, and the packets in them */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "ctl/dropped.h"
#include "drops.h"

enum {
	MOST = 512,
	LONG = 1514,
	ALERT = 5,
	REASON = 23,
	SYMBOL = 3,
	PORT = 4,
	TIME = 5,
	ORIG = 10,
	PAYLOAD = 7,
	PC = 2,
	HW_NAME = 16
};

/* A message as Linux 6.1 puts it together, attribute by attribute. */
struct msg {
	uint32_t len;
	uint16_t type, flags;
	uint32_t seq, port;
	uint8_t cmd, version;
	uint16_t none;
	uint8_t b[MOST];
};

static void begin(struct msg *m, uint8_t cmd)
{
	memset(m, 0, sizeof(*m));
	m->len = 20;
	m->type = 32;
	m->cmd = cmd;
	m->version = 2;
}

static void put(struct msg *m, uint16_t type, const void *p, uint16_t n)
{
	uint8_t *at = m->b + m->len - 20;
	uint16_t size = (uint16_t)(n + 4);

	memcpy(at, &size, 2);
	memcpy(at + 2, &type, 2);
	memcpy(at + 4, p, n);
	m->len += (size + 3u) & ~3u;
}

static const uint8_t udp[] = {
	0x02, 0,    0,	  0,	0,    0x07, 0,	  0x16, 0x3e, 0, 0,
	0x01, 0x08, 0,	  0x45, 0,    0,    0x1c, 0,	0x01, 0, 0,
	0x40, 0x11, 0x26, 0xc5, 0x0a, 0,    0,	  0x05, 0x0a, 0, 0,
	0x07, 0,    0x09, 0,	0x35, 0,    0x08, 0,	0,
};

static void packet(struct msg *m)
{
	static const uint8_t port[] = { 8, 0, 0, 0, 7, 0, 0, 0 };
	uint64_t ns = 1795444486123456789u, pc = 0xffffffff81874b26u;
	uint32_t orig = LONG; /* of which that much is told */

	begin(m, ALERT);
	put(m, PC, &pc, 8);
	put(m, REASON, "NETFILTER_DROP", 15);
	put(m, SYMBOL, "nf_hook_slow+0xa6/0xb0", 23);
	put(m, PORT, port, 8);
	put(m, TIME, &ns, 8);
	put(m, ORIG, &orig, 4);
	put(m, PAYLOAD, udp, sizeof(udp));
}

static void a_packet(void **state)
{
	char words[DROPPED_WORDS];
	struct drop d;
	struct msg m;

	(void)state;
	packet(&m);
	assert_int_equal(drops_parse(&m, m.len, &d), 1);
	assert_string_equal(d.reason, "NETFILTER_DROP");
	assert_string_equal(d.where, "nf_hook_slow+0xa6/0xb0");
	assert_true(d.ns == 1795444486123456789u);
	assert_int_equal(d.in, 7);
	assert_int_equal(d.length, LONG);
	assert_int_equal(d.size, sizeof(udp));
	assert_memory_equal(d.frame, udp, sizeof(udp));
	dropped_words(d.frame, d.size, words);
	assert_string_equal(words, "udp 10.0.0.5:9 > 10.0.0.7:53");
}

static void no_packet(void **state)
{
	struct drop d;
	struct msg m;

	(void)state;
	packet(&m);
	m.cmd = 1; /* sums */
	assert_int_equal(drops_parse(&m, m.len, &d), 0);
	packet(&m);
	put(&m, HW_NAME, "ttl", 4); /* a switch's hardware */
	assert_int_equal(drops_parse(&m, m.len, &d), 0);
}

/* An older kernel says neither reason nor port. */
static void an_old_kernel(void **state)
{
	struct drop d;
	struct msg m;

	(void)state;
	begin(&m, ALERT);
	put(&m, PAYLOAD, udp, sizeof(udp));
	assert_int_equal(drops_parse(&m, m.len, &d), 1);
	assert_string_equal(d.reason, "");
	assert_int_equal(d.in, 0);
	assert_int_equal(d.length, sizeof(udp));
}

/* Cut anywhere, and with each byte of its attributes another: no read beyond. */
static void what_no_kernel_says(void **state)
{
	char words[DROPPED_WORDS];
	struct drop d;
	struct msg m, bad;
	uint32_t i;

	(void)state;
	packet(&m);
	for (i = 0; i < m.len; i++)
		assert_int_equal(drops_parse(&m, i, &d), -EINVAL);
	for (i = 0; i < m.len - 20; i++) {
		bad = m;
		bad.b[i] ^= 0xff;
		if (drops_parse(&bad, bad.len, &d) == 1)
			dropped_words(d.frame, d.size, words);
	}
	packet(&m);
	m.len = 16;
	assert_int_equal(drops_parse(&m, 16, &d), -EINVAL);
	begin(&m, ALERT);
	put(&m, PAYLOAD, udp, sizeof(udp));
	put(&m, TIME, "1234", 4); /* half of one */
	assert_int_equal(drops_parse(&m, m.len, &d), -EINVAL);
	begin(&m, ALERT);
	put(&m, PAYLOAD, udp, sizeof(udp));
	put(&m, REASON, "NO", 2); /* without an end */
	assert_int_equal(drops_parse(&m, m.len, &d), -EINVAL);
}

static const struct {
	const char *bytes;
	size_t size;
	const char *words;
} frames[] = {
	{ "", 0, "0 bytes" },
	{ "aaaaaabbbbbb\x88\xb5", 14, "type 0x88b5" },
	{ "aaaaaabbbbbb\x08\x06\0\1\x08\0\6\4\0\1xxxxxx\x0a\0\0\1"
	  "xxxxxx\x0a\0\0\2",
	  42, "arp 10.0.0.1 > 10.0.0.2" },
	{ "aaaaaabbbbbb\x81\0\0\7\x08\0\x45\0\0\x14\0\0\0\0\x40\1"
	  "\0\0\x0a\0\0\1\x0a\0\0\2",
	  38, "icmp 10.0.0.1 > 10.0.0.2" },
	{ "aaaaaabbbbbb\x86\xdd\x60\0\0\0\0\4\6\x40"
	  "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
	  "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\x04\xd2\0\x16",
	  58, "tcp [fd00::1]:1234 > [fd00::2]:22" },
	/* a header that says it is longer than the frame */
	{ "aaaaaabbbbbb\x08\0\x4f\0\0\x14\0\0\0\0\x40\x11"
	  "\0\0\x0a\0\0\1\x0a\0\0\2",
	  34, "udp 10.0.0.1 > 10.0.0.2" },
	{ "aaaaaabbbbbb\x08\0\x45", 15, "type 0x0800" },
	/* .. or shorter than one can be */
	{ "aaaaaabbbbbb\x08\0\x44\0\0\x18\0\0\0\0\x40\x11"
	  "\0\0\x0a\0\0\1\x0a\0\0\2\0\1\0\2",
	  38, "udp 10.0.0.1 > 10.0.0.2" },
	/* half of its ports */
	{ "aaaaaabbbbbb\x08\0\x45\0\0\x18\0\0\0\0\x40\x11"
	  "\0\0\x0a\0\0\1\x0a\0\0\2\0\1\0\2",
	  36, "udp 10.0.0.1 > 10.0.0.2" },
	/* fragments, near and far */
	{ "aaaaaabbbbbb\x08\0\x45\0\0\x18\0\0\x20\1\x40\x11"
	  "\0\0\x0a\0\0\1\x0a\0\0\2\0\1\0\2",
	  38, "udp 10.0.0.1 > 10.0.0.2" },
	{ "aaaaaabbbbbb\x08\0\x45\0\0\x18\0\0\1\0\x40\x11"
	  "\0\0\x0a\0\0\1\x0a\0\0\2\0\1\0\2",
	  38, "udp 10.0.0.1 > 10.0.0.2" },
	/* two tags; three, of which one is not looked behind; half of one */
	{ "aaaaaabbbbbb\x88\xa8\0\7\x81\0\0\1\x88\xb5", 22, "type 0x88b5" },
	{ "aaaaaabbbbbb\x88\xa8\0\7\x81\0\0\1\x81\0\0\2\x88\xb5", 26,
	  "type 0x8100" },
	{ "aaaaaabbbbbb\x81\0\0\7\x88\xb5", 17, "type 0x8100" },
	/* IPv4 that says it is IPv6; the end of what was cut short */
	{ "aaaaaabbbbbb\x86\xdd\x45\0\0\0\0\4\6\x40"
	  "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
	  "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2\x04\xd2\0\x16",
	  58, "type 0x86dd" },
	{ "aaaaaabbbbbb\x86\xdd\x60\0\0\0\0\4\6\x40"
	  "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1"
	  "\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0\2",
	  53, "type 0x86dd" },
	{ "aaaaaabbbbbb\x08\6\0\1\x08\0\6\4\0\1xxxxxx\x0a\0\0\1"
	  "xxxxxx\x0a\0\0\2",
	  41, "type 0x0806" },
};

static void words_for_all(void **state)
{
	char words[DROPPED_WORDS];
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(frames); i++) {
		dropped_words((const uint8_t *)frames[i].bytes, frames[i].size,
			      words);
		assert_string_equal(words, frames[i].words);
	}
}

/* By the device; at the bridge by the sender's MAC; else by the receiver's. */
static void whose(void **state)
{
	struct dropped_vif v[] = {
		{ .name = "vif1.0",
		  .has_mac = true,
		  .mac = { 0, 0x16, 0x3e, 0, 0, 1 },
		  .index = 7,
		  .bridge = "br0",
		  .bridge_index = 3 },
		{ .name = "vif2.0",
		  .has_mac = true,
		  .mac = { 2, 0, 0, 0, 0, 7 },
		  .index = 8,
		  .bridge = "br0",
		  .bridge_index = 3 },
		{ .name = "vif3.0", .index = 9 },
		{ .name = "vif4.0", /* routed */
		  .has_mac = true,
		  .mac = { 2, 0, 0, 0, 0, 9 },
		  .index = 10 },
	};
	const struct dropped_vifs t = { .v = v, .n = ARRAY_SIZE(v) };
	uint8_t frame[sizeof(udp)];
	struct drop d = { .frame = udp, .size = sizeof(udp), .in = 7 };
	bool from;

	(void)state;
	assert_ptr_equal(dropped_whose(&t, &d, &from), &v[0]);
	assert_true(from);
	d.in = 9;
	assert_ptr_equal(dropped_whose(&t, &d, &from), &v[2]);
	d.in = 3;
	assert_ptr_equal(dropped_whose(&t, &d, &from), &v[0]);
	assert_true(from);
	d.in = 0;
	assert_ptr_equal(dropped_whose(&t, &d, &from), &v[1]);
	assert_false(from);
	d.in = 999999; /* a device of nobody here */
	assert_null(dropped_whose(&t, &d, &from));
	d.in = 1; /* lo is no port of br0 */
	assert_null(dropped_whose(&t, &d, &from));
	memcpy(frame, udp, sizeof(udp));
	frame[11]++; /* a sender whom nobody knows */
	d.frame = frame;
	d.in = 3;
	assert_ptr_equal(dropped_whose(&t, &d, &from), &v[1]);
	assert_false(from);
	frame[5] = 9; /* to who is on no bridge: by whatever device */
	d.in = 999999;
	assert_ptr_equal(dropped_whose(&t, &d, &from), &v[3]);
	assert_false(from);
	d.in = 0;
	d.size = 13;
	assert_null(dropped_whose(&t, &d, &from));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packet),
		cmocka_unit_test(no_packet),
		cmocka_unit_test(an_old_kernel),
		cmocka_unit_test(what_no_kernel_says),
		cmocka_unit_test(words_for_all),
		cmocka_unit_test(whose),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
