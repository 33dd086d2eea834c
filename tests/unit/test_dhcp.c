// SPDX-License-Identifier: GPL-2.0-or-later
/* test_dhcp.c - what a DHCP message says of a lease, and messages that lie */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "filter/dhcp.h"

enum { IP = 20, BOOTP = 28, OPTIONS = BOOTP + 240, MOST = 400 };

/* A server's, with these options and 10.0.0.7. */
static size_t message(uint8_t m[MOST], const void *options, size_t n)
{
	size_t len = OPTIONS + n;

	memset(m, 0, MOST);
	m[0] = 0x45;
	m[2] = (uint8_t)(len >> 8);
	m[3] = (uint8_t)len;
	m[9] = 17;
	m[BOOTP] = 2;
	memcpy(m + BOOTP + 16, "\x0a\0\0\x07", 4);
	memcpy(m + BOOTP + 236, "\x63\x82\x53\x63", 4);
	memcpy(m + OPTIONS, options, n);
	return len;
}

static void reads(void **state)
{
	static const char ack[] = "\x35\x01\x05\x36\x04\x0a\0\0\x01"
				  "\x33\x04\0\x01\x02\x03\xff";
	static const char late[] = "\0\0\x33\x04\xff\xff\xff\xff\x35\x01\x05";
	struct dhcp d;
	uint8_t m[MOST];
	size_t n;

	(void)state;
	n = message(m, ack, sizeof(ack) - 1);
	assert_int_equal(dhcp_parse(m, n, &d), 0);
	assert_true(d.reply && d.has_time);
	assert_int_equal(d.kinds, 1 << DHCP_ACK);
	assert_int_equal(d.seconds, 0x010203);
	assert_memory_equal(d.addr, "\x0a\0\0\x07", 4);
	n = message(m, late, sizeof(late) - 1);
	assert_int_equal(dhcp_parse(m, n, &d), 0);
	assert_int_equal(d.seconds, UINT32_MAX);
	/* padded by Ethernet */
	assert_int_equal(dhcp_parse(m, n + 9, &d), 0);
}

/* A kind that stands in the fields for names, or twice, is seen. */
static void hidden(void **state)
{
	static const char over[] = "\x34\x01\x03\xff";
	static const char twice[] = "\x35\x01\x03\x35\x01\x07\xff";
	struct dhcp d;
	uint8_t m[MOST];
	size_t n;

	(void)state;
	n = message(m, twice, sizeof(twice) - 1);
	assert_int_equal(dhcp_parse(m, n, &d), 0);
	assert_int_equal(d.kinds, 1 << 3 | 1 << DHCP_RELEASE);
	n = message(m, over, sizeof(over) - 1);
	assert_int_equal(dhcp_parse(m, n, &d), -EINVAL);
	memcpy(m + BOOTP + 108, "\x35\x01\x07", 3);
	assert_int_equal(dhcp_parse(m, n, &d), 0);
	assert_int_equal(d.kinds, 1 << DHCP_RELEASE);
	memcpy(m + BOOTP + 44, "\x35\x01\x04", 3);
	assert_int_equal(dhcp_parse(m, n, &d), 0);
	assert_int_equal(d.kinds, 1 << DHCP_RELEASE | 1 << DHCP_DECLINE);
}

static void refuses(void **state)
{
	static const char ack[] = "\x35\x01\x05";
	/* where, what: each makes it no message */
	static const uint8_t lie[][2] = {
		{ 0, 0x65 },  { 0, 0x44 }, { 0, 0x4f }, { 2, 0xff },
		{ 6, 0x20 },  { 7, 1 },	   { 9, 6 },	{ BOOTP, 3 },
		{ BOOTP, 0 }, { 3, 20 },
	};
	struct dhcp d;
	uint8_t m[MOST];
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(lie) / sizeof(lie[0]); i++) {
		n = message(m, ack, 3);
		m[lie[i][0]] = lie[i][1];
		assert_int_equal(dhcp_parse(m, n, &d), -EINVAL);
	}
	n = message(m, ack, 3);
	m[BOOTP + 238] = 0;
	assert_int_equal(dhcp_parse(m, n, &d), -EINVAL);
	for (i = 0; i < n; i++) {
		message(m, ack, 3);
		assert_int_equal(dhcp_parse(m, i, &d), -EINVAL);
	}
	/* an option longer than the packet */
	n = message(m, "\x35\x02\x05", 3);
	assert_int_equal(dhcp_parse(m, n, &d), -EINVAL);
	n = message(m, "\x35", 1);
	assert_int_equal(dhcp_parse(m, n, &d), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(hidden),
		cmocka_unit_test(refuses),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
