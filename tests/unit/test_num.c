// SPDX-License-Identifier: GPL-2.0-or-later
/* test_num.c - strict numbers: what strangers may and may not write */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/num.h"

static void num_accepts(void **state)
{
	static const struct {
		const char *s;
		uint32_t max, want;
	} row[] = {
		{ "0", 0, 0 },
		{ "65535", 65535, 65535 },
		{ "4294967295", UINT32_MAX, UINT32_MAX },
		{ "007", 9, 7 },
	};
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		uint32_t n = 1234;

		assert_int_equal(num_parse(row[i].s, row[i].max, &n), 0);
		assert_int_equal(n, row[i].want);
	}
}

static void num_refuses(void **state)
{
	static const char *const row[] = { "",	  "-1",		"+1",
					   "1 ",  " 1",		"0x1",
					   "1e3", "4294967296", "10000",
					   "1\n", "00000000001" };
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		uint32_t n = 1234;

		assert_true(num_parse(row[i], 9999, &n) < 0);
		assert_int_equal(n, 1234);
	}
}

static void str_put_is_all_or_nothing(void **state)
{
	char b[4] = "abc";

	(void)state;
	assert_int_equal(str_put(b, sizeof(b), "long"), -ENAMETOOLONG);
	assert_string_equal(b, "abc");
	assert_int_equal(str_put(b, sizeof(b), "xyz"), 0);
	assert_string_equal(b, "xyz");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(num_accepts),
		cmocka_unit_test(num_refuses),
		cmocka_unit_test(str_put_is_all_or_nothing),
	};

	return cmocka_run_group_tests_name("num", tests, NULL, NULL);
}
