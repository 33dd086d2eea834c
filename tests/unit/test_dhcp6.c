// SPDX-License-Identifier: GPL-2.0-or-later
/* test_dhcp6.c - what a DHCPv6 message says of leases, and messages that lie */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "filter/dhcp6.h"

enum { UDP = 40, DHCP = 48, OPTIONS = 52, MOST = 1024 };

static size_t message(uint8_t m[MOST], uint8_t kind, const void *options,
		      size_t n)
{
	size_t len = 12 + n;

	memset(m, 0, MOST);
	m[0] = 0x60;
	m[4] = m[UDP + 4] = (uint8_t)(len >> 8);
	m[5] = m[UDP + 5] = (uint8_t)len;
	m[6] = 17;
	m[DHCP] = kind;
	memcpy(m + OPTIONS, options, n);
	return OPTIONS + n;
}

/* The words of an option: an address that ends in x, for 0x010203 seconds. */
#define ADDR(x)                                                                \
	"\0\5\0\x18"                                                           \
	"\xfd\0\0\0\0\0\0\0\0\0\0\0\0\0\0" x "\0\0\0\1"                        \
	"\0\1\2\3"
#define IA_NA(len) "\0\3\0" len "\0\0\0\1\0\0\0\0\0\0\0\0"
#define IA_TA(len) "\0\4\0" len "\0\0\0\2"

static void reads(void **state)
{
	static const char one[] = "\0\1\0\2ab" IA_NA("\x28") ADDR("\7");
	static const char two[] = IA_NA("\x28") ADDR("\1") IA_TA("\x20")
		ADDR("\2");
	static const char status[] = IA_NA("\x12") "\0\x0d\0\2\0\2";
	static const char prefix[] =
		"\0\x19\0\x28\0\0\0\1\0\0\0\0\0\0\0\0" ADDR("\7");
	struct dhcp6 d;
	uint8_t m[MOST];
	size_t n;

	(void)state;
	n = message(m, DHCP6_REPLY, one, sizeof(one) - 1);
	assert_int_equal(dhcp6_parse(m, n, &d), 0);
	assert_int_equal(d.kind, DHCP6_REPLY);
	assert_int_equal(d.n, 1);
	assert_int_equal(d.v[0].addr[15], 7);
	assert_int_equal(d.v[0].seconds, 0x010203);
	/* padded by Ethernet */
	assert_int_equal(dhcp6_parse(m, n + 9, &d), 0);
	assert_int_equal(d.n, 1);
	n = message(m, DHCP6_RELEASE, two, sizeof(two) - 1);
	assert_int_equal(dhcp6_parse(m, n, &d), 0);
	assert_int_equal(d.kind, DHCP6_RELEASE);
	assert_int_equal(d.n, 2);
	assert_int_equal(d.v[1].addr[15], 2);
	assert_false(d.more);
	/* none is given, and a prefix is no address */
	n = message(m, DHCP6_REPLY, status, sizeof(status) - 1);
	assert_int_equal(dhcp6_parse(m, n, &d), 0);
	assert_int_equal(d.n, 0);
	n = message(m, DHCP6_REPLY, prefix, sizeof(prefix) - 1);
	assert_int_equal(dhcp6_parse(m, n, &d), 0);
	assert_int_equal(d.n, 0);
}

static void many(void **state)
{
	static const char one[] = IA_NA("\x28") ADDR("\7");
	char options[9 * (sizeof(one) - 1)];
	struct dhcp6 d;
	uint8_t m[MOST];
	size_t i, n;

	(void)state;
	for (i = 0; i < 9; i++)
		memcpy(options + i * (sizeof(one) - 1), one, sizeof(one) - 1);
	n = message(m, DHCP6_REPLY, options, sizeof(options));
	assert_int_equal(dhcp6_parse(m, n, &d), 0);
	assert_int_equal(d.n, DHCP6_ADDRS);
	assert_true(d.more);
	n = message(m, DHCP6_REPLY, options, 8 * (sizeof(one) - 1));
	assert_int_equal(dhcp6_parse(m, n, &d), 0);
	assert_int_equal(d.n, DHCP6_ADDRS);
	assert_false(d.more);
}

static void refuses(void **state)
{
	static const char one[] = IA_NA("\x28") ADDR("\7");
	/* where, what: each makes it no message */
	static const uint8_t lie[][2] = {
		{ 0, 0x45 },
		{ 4, 0xff },
		{ 5, 3 },
		{ 6, 6 },
		{ 6, 44 },
		{ UDP + 4, 0xff },
		{ UDP + 5, 11 },
		{ DHCP, 0 },
		{ DHCP, 1 },
		{ DHCP, 2 },
		{ DHCP, 6 },
		{ DHCP, 10 },
		{ DHCP, 12 /* a relay's */ },
		{ DHCP, 13 },
	};
	struct dhcp6 d;
	uint8_t m[MOST];
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(lie) / sizeof(lie[0]); i++) {
		n = message(m, DHCP6_REPLY, one, sizeof(one) - 1);
		m[lie[i][0]] = lie[i][1];
		assert_int_equal(dhcp6_parse(m, n, &d), -EINVAL);
	}
	n = message(m, DHCP6_REPLY, one, sizeof(one) - 1);
	for (i = 0; i < n; i++)
		assert_int_equal(dhcp6_parse(m, i, &d), -EINVAL);
}

/* A message whose options do not fit says nothing more from there. */
static void cut_short(void **state)
{
	static const char one[] = IA_NA("\x28") ADDR("\7");
	/* where in the options, what */
	static const uint8_t lie[][2] = {
		{ 1, 9 },  { 2, 1 },  { 3, 0x29 },  { 3, 0x27 },  { 3, 11 },
		{ 17, 6 }, { 18, 1 }, { 19, 0x19 }, { 19, 0x17 },
	};
	struct dhcp6 d;
	uint8_t m[MOST];
	size_t i, n;

	(void)state;
	for (i = 0; i < sizeof(lie) / sizeof(lie[0]); i++) {
		n = message(m, DHCP6_REPLY, one, sizeof(one) - 1);
		m[OPTIONS + lie[i][0]] = lie[i][1];
		assert_int_equal(dhcp6_parse(m, n, &d), 0);
		assert_int_equal(d.n, 0);
	}
	/* what stands behind UDP's length is not in it */
	n = message(m, DHCP6_REPLY, one, sizeof(one) - 1);
	m[UDP + 5]--;
	assert_int_equal(dhcp6_parse(m, n, &d), 0);
	assert_int_equal(d.n, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(many),
		cmocka_unit_test(refuses),
		cmocka_unit_test(cut_short),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
