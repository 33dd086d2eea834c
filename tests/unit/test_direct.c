// SPDX-License-Identifier: GPL-2.0-or-later
/* test_direct.c - the node `direct`, and which frames may go without the host */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/direct.h"
#include "base/num.h"

static void text_and_back(void **state)
{
	static const char *const row[] = {
		"xenbr0 00:16:3e:01:02:03 any",
		"br-a.1 00:16:3e:01:02:03 10.0.0.5",
		"xenbr0 00:16:3e:01:02:03 10.0.0.0/28 10.0.0.77",
		"xenbr0 00:16:3e:01:02:03 10.0.0.5 fd00::5 fe80::/64",
		"abcdefghijklmno fe:ff:ff:ff:ff:fe 8000::/1",
		"x 00:16:3e:01:02:03 1.0.0.1 1.0.0.2 1.0.0.3 1.0.0.4 1.0.0.5 "
		"1.0.0.6 1.0.0.7 1.0.0.8 1.0.0.9 1.0.0.10 1.0.0.11 1.0.0.12 "
		"1.0.0.13 1.0.0.14 1.0.0.15 1.0.0.16",
	};
	char again[DIRECT_TEXT];
	struct direct d;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		assert_int_equal(direct_parse(&d, row[i]), 0);
		assert_true(direct_on(&d));
		assert_int_equal(direct_text(&d, again, sizeof(again)),
				 strlen(row[i]));
		assert_string_equal(again, row[i]);
		assert_int_equal(direct_text(&d, again, 20), -ENOSPC);
	}
	memset(&d, 0, sizeof(d));
	assert_int_equal(direct_text(&d, again, sizeof(again)), 0);
}

static void text_of_others(void **state)
{
	static const char *const row[] = {
		"",
		" ",
		"xenbr0",
		"xenbr0 00:16:3e:01:02:03",
		"xenbr0 00:16:3e:01:02:03 ",
		"xenbr0 00:16:3e:01:02:03 no",
		"xenbr0 00:16:3e:01:02:03 any any",
		"xenbr0 00:16:3e:01:02:03 any 10.0.0.1",
		"xenbr0 00:16:3e:01:02:03 10.0.0.1 any",
		"xenbr0  00:16:3e:01:02:03 any",
		" xenbr0 00:16:3e:01:02:03 any",
		"xenbr0 00:16:3e:01:02:03 any ",
		"xenbr0 00:16:3e:01:02:03 any\n",
		"xenbr0\t00:16:3e:01:02:03 any",
		"xen/br 00:16:3e:01:02:03 any",
		"all 00:16:3e:01:02:03 any",
		"abcdefghijklmnop 00:16:3e:01:02:03 any",
		"xenbr0 00:16:3E:01:02:03 any",
		"xenbr0 01:16:3e:01:02:03 any",
		"xenbr0 00:00:00:00:00:00 any",
		"xenbr0 00:16:3e:01:02 any",
		"xenbr0 00:16:3e:01:02:03:04 any",
		"xenbr0 00:16:3e:01:02:03 10.0.0.1/32",
		"xenbr0 00:16:3e:01:02:03 10.0.0.1/24",
		"xenbr0 00:16:3e:01:02:03 10.0.0.01",
		"xenbr0 00:16:3e:01:02:03 0.0.0.0/0",
		"xenbr0 00:16:3e:01:02:03 127.0.0.1",
		"xenbr0 00:16:3e:01:02:03 224.0.0.1",
		"xenbr0 00:16:3e:01:02:03 fd00::1/64",
		"xenbr0 00:16:3e:01:02:03 FD00::1",
		"xenbr0 00:16:3e:01:02:03 fd00:0::1",
		"xenbr0 00:16:3e:01:02:03 ff02::1",
		"xenbr0 00:16:3e:01:02:03 "
		"fd00:1111:2222:3333:4444:5555:6666:7777:8888:9999:0000:1111",
		"x 00:16:3e:01:02:03 1.0.0.1 1.0.0.2 1.0.0.3 1.0.0.4 1.0.0.5 "
		"1.0.0.6 1.0.0.7 1.0.0.8 1.0.0.9 1.0.0.10 1.0.0.11 1.0.0.12 "
		"1.0.0.13 1.0.0.14 1.0.0.15 1.0.0.16 1.0.0.17",
	};
	static char huge[3 * DIRECT_TEXT];
	struct direct d;
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		memset(&d, 1, sizeof(d));
		if (direct_parse(&d, row[i]) != -EINVAL)
			fail_msg("taken: '%s'", row[i]);
		assert_false(direct_on(&d));
	}
	memset(huge, 'x', sizeof(huge) - 1);
	assert_int_equal(direct_parse(&d, huge), -EINVAL);
}

/* --- frames --------------------------------------------------------------- */

static const uint8_t udp4[] = {
	0x00, 0x16, 0x3e, 0,	0,  2,	0x00, 0x16, 0x3e, 0,   0,   1,
	8,    0,						       /* 14 */
	0x45, 0,    0,	  32,	0,  1,	0x40, 0,    64,	  17,  0,   0, /* 26 */
	10,   0,    0,	  1,	10, 0,	0,    2,		       /* 34 */
	0x12, 0x34, 0x56, 0x78, 0,  12, 0,    0,    'd',  'a', 't', 'a',
};

static const uint8_t tcp6[] = {
	0x00, 0x16, 0x3e, 0,	0, 2, 0x00, 0x16, 0x3e, 0, 0,
	1,    0x86, 0xdd, 0x60, 0, 0, 0,    0,	  20,	6, 64, /* 22 */
	0xfd, 0,    0,	  0,	0, 0, 0,    0,	  0,	0, 0,
	0,    0,    0,	  0,	1, /* 38 */
	0xfd, 0,    0,	  0,	0, 0, 0,    0,	  0,	0, 0,
	0,    0,    0,	  0,	2, /* 54 */
	0x12, 0x34, 0x56, 0x78, 0, 0, 0,    0,	  0,	0, 0,
	0,    0x50, 0x10, 1,	0, 0, 0,    0,	  0,
};

#define FROM "br0 00:16:3e:00:00:01 10.0.0.1 10.1.0.0/16 fd00::1 fd01::/20"
#define TO   "br0 00:16:3e:00:00:02 any"

static bool between(const char *from, const char *to, const uint8_t *head,
		    size_t n, uint32_t len)
{
	struct direct a, b;

	assert_int_equal(direct_parse(&a, from), 0);
	assert_int_equal(direct_parse(&b, to), 0);
	return direct_may(&a, &b, head, n, len);
}

static bool may(const uint8_t *head, size_t n, uint32_t len)
{
	return between(FROM, TO, head, n, len);
}

struct change {
	int at; /* < 0: nothing is changed */
	uint8_t to[4];
	int n;
	bool yes;
};

static void frames(const uint8_t *f, size_t len, const struct change *row,
		   unsigned n)
{
	uint8_t b[128];
	unsigned i;

	for (i = 0; i < n; i++) {
		memcpy(b, f, len);
		if (row[i].at >= 0)
			memcpy(b + row[i].at, row[i].to, (size_t)row[i].n);
		if (may(b, len, (uint32_t)len) != row[i].yes)
			fail_msg("byte %d: 0x%02x", row[i].at, row[i].to[0]);
	}
}

static void frames_of_ip4(void **state)
{
	static const struct change row[] = {
		{ -1, { 0 }, 0, true },
		{ 0, { 1 }, 1, false },	       /* to a group */
		{ 5, { 3 }, 1, false },	       /* to another */
		{ 11, { 2 }, 1, false },       /* from another MAC */
		{ 12, { 8, 6 }, 2, false },    /* ARP */
		{ 12, { 0x81, 0 }, 2, false }, /* a tag */
		{ 12, { 0, 46 }, 2, false },   /* 802.3 */
		{ 12, { 0x86, 0xdd }, 2, false },
		{ 14, { 0x46 }, 1, false }, /* options */
		{ 14, { 0x44 }, 1, false },
		{ 14, { 0x65 }, 1, false },
		{ 16, { 0, 28 }, 2, true },  /* something behind it */
		{ 16, { 0, 33 }, 2, false }, /* more than there is */
		{ 16, { 0, 27 }, 2, false }, /* no room for UDP */
		{ 16, { 0, 19 }, 2, false },
		{ 16, { 0, 0 }, 2, false },
		{ 20, { 0x00 }, 1, true },
		{ 20, { 0x20 }, 1, false }, /* more fragments */
		{ 20, { 0x80 }, 1, false },
		{ 20, { 0x00, 1 }, 2, false }, /* an offset */
		{ 20, { 0x1f, 0xff }, 2, false },
		{ 23, { 1 }, 1, false }, /* ICMP */
		{ 23, { 6 }, 1, false }, /* TCP: too short */
		{ 23, { 47 }, 1, false },
		{ 26, { 10, 0, 0, 2 }, 4, false },  /* another's */
		{ 26, { 10, 1, 255, 7 }, 4, true }, /* of its network */
		{ 26, { 10, 2, 0, 0 }, 4, false },
		{ 26, { 0, 0, 0, 0 }, 4, false },
		{ 30, { 224, 0, 0, 1 }, 4, false },
		{ 30, { 255, 255, 255, 255 }, 4, false },
		{ 30, { 127, 0, 0, 1 }, 4, false },
		{ 34, { 0, 67 }, 2, false }, /* DHCP */
		{ 34, { 0, 68 }, 2, false },
		{ 36, { 0, 67 }, 2, false },
		{ 36, { 0, 68 }, 2, false },
		{ 36, { 0, 66 }, 2, true },
		{ 36, { 0, 69 }, 2, true },
	};

	(void)state;
	frames(udp4, sizeof(udp4), row, ARRAY_SIZE(row));
}

static void frames_of_ip6(void **state)
{
	static const struct change row[] = {
		{ -1, { 0 }, 0, true },
		{ 14, { 0x40 }, 1, false },
		{ 18, { 0, 19 }, 2, false }, /* no room for TCP */
		{ 18, { 0, 21 }, 2, false }, /* more than there is */
		{ 18, { 0, 0 }, 2, false },  /* a jumbogram, or nothing */
		{ 20, { 58 }, 1, false },    /* ICMPv6 */
		{ 20, { 0 }, 1, false },     /* hop-by-hop */
		{ 20, { 43 }, 1, false },
		{ 20, { 44 }, 1, false }, /* a fragment */
		{ 20, { 60 }, 1, false },
		{ 20, { 17 }, 1, true },	    /* UDP */
		{ 37, { 2 }, 1, false },	    /* another's */
		{ 22, { 0xfd, 1, 0, 9 }, 4, true }, /* of fd01::/20 */
		{ 22, { 0xfd, 1, 0x0f, 9 }, 4, true },
		{ 22, { 0xfd, 1, 0x10, 9 }, 4, false },
		{ 22, { 0xfe, 0x80 }, 2, false }, /* not listed */
		{ 22, { 0xff, 2 }, 2, false },
		{ 38, { 0xff, 2 }, 2, false },
		{ 38, { 0xff, 0 }, 2, false },
	};
	uint8_t b[sizeof(tcp6)];

	(void)state;
	frames(tcp6, sizeof(tcp6), row, ARRAY_SIZE(row));
	memcpy(b, tcp6, sizeof(b));
	b[20] = 17;
	b[55] = 0x23;
	b[54] = 0x02; /* 547 = 0x0223 */
	assert_false(may(b, sizeof(b), sizeof(b)));
	memcpy(b + 54, tcp6 + 54, 4);
	b[56] = 0x02;
	b[57] = 0x22;
	assert_false(may(b, sizeof(b), sizeof(b)));
	b[57] = 0x24;
	assert_true(may(b, sizeof(b), sizeof(b)));
}

static void frames_too_short(void **state)
{
	size_t n;

	(void)state;
	/* all that is needed is in head: a copy in a block of its own, so that a
	 * look beyond is seen by the sanitizers */
	for (n = 0; n < sizeof(udp4); n++) {
		uint8_t b[sizeof(udp4)];

		memset(b, 0xa5, sizeof(b));
		memcpy(b, udp4, n);
		assert_int_equal(may(b, n, sizeof(udp4)), n >= 14 + 20 + 8);
		if (n < sizeof(udp4))
			assert_false(may(b, n, (uint32_t)n));
	}
	for (n = 0; n < sizeof(tcp6); n++)
		assert_false(may(tcp6, n, sizeof(tcp6)));
	/* a frame can be longer than its head, not shorter */
	assert_false(may(udp4, sizeof(udp4), 45));
	assert_true(may(udp4, sizeof(udp4), 9000));
}

static void who_is_off_says_no(void **state)
{
	struct direct from, to, off;

	(void)state;
	assert_int_equal(direct_parse(&from, FROM), 0);
	assert_int_equal(direct_parse(&to, TO), 0);
	assert_true(direct_may(&from, &to, udp4, sizeof(udp4), sizeof(udp4)));
	off = to; /* all but the addresses */
	off.any = false;
	assert_false(direct_may(&from, &off, udp4, sizeof(udp4), sizeof(udp4)));
	memset(&off, 0, sizeof(off));
	memcpy(off.group, from.group, sizeof(off.group));
	memcpy(off.mac, from.mac, sizeof(off.mac));
	assert_false(direct_may(&off, &to, udp4, sizeof(udp4), sizeof(udp4)));
}

static void any_source(void **state)
{
	static const uint8_t source[][4] = { { 192, 0, 2, 1 },
					     { 224, 0, 0, 1 },
					     { 0, 0, 0, 0 } };
	const char *any = "br0 00:16:3e:00:00:01 any";
	uint8_t b[sizeof(udp4)];
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(source); i++) {
		memcpy(b, udp4, sizeof(b));
		memcpy(b + 26, source[i], 4);
		assert_int_equal(between(any, TO, b, sizeof(b), sizeof(b)), !i);
	}
	memcpy(b, udp4, sizeof(b));
	b[11] = 9; /* its MAC all the same */
	assert_false(between(any, TO, b, sizeof(b), sizeof(b)));
	assert_true(between(any, TO, tcp6, sizeof(tcp6), sizeof(tcp6)));
}

static void who_may_receive(void **state)
{
	static const struct {
		const char *to;
		bool udp4, tcp6;
	} row[] = {
		{ "br0 00:16:3e:00:00:02 10.0.0.2", true, true },
		{ "br0 00:16:3e:00:00:03 10.0.0.2", false, false },
		{ "br1 00:16:3e:00:00:02 10.0.0.2", false, false },
		{ "br00 00:16:3e:00:00:02 10.0.0.2", false, false },
		/* what it is itself */
		{ "br0 00:16:3e:00:00:02 10.0.0.2 10.0.0.1", false, true },
		{ "br0 00:16:3e:00:00:02 10.0.0.2 fd00::1", true, false },
		/* what it shares */
		{ "br0 00:16:3e:00:00:02 10.0.0.0/24 fd00::/64", true, true },
	};
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		assert_int_equal(between(FROM, row[i].to, udp4, sizeof(udp4),
					 sizeof(udp4)),
				 row[i].udp4);
		assert_int_equal(between(FROM, row[i].to, tcp6, sizeof(tcp6),
					 sizeof(tcp6)),
				 row[i].tcp6);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_and_back),
		cmocka_unit_test(text_of_others),
		cmocka_unit_test(frames_of_ip4),
		cmocka_unit_test(frames_of_ip6),
		cmocka_unit_test(frames_too_short),
		cmocka_unit_test(who_is_off_says_no),
		cmocka_unit_test(any_source),
		cmocka_unit_test(who_may_receive),
	};

	return cmocka_run_group_tests_name("direct", tests, NULL, NULL);
}
