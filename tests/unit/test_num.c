// SPDX-License-Identifier: GPL-2.0-or-later
/* test_num.c - strict numbers: what strangers may and may not write */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

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

static void switches(void **state)
{
	static const struct {
		const char *text;
		bool on;
	} row[] = {
		{ "1\n", true },
		{ "2\n", true },
		{ "0\n", false },
		{ "", false },
	};
	char path[64];
	unsigned i;
	int fd = memfd_create("switch", MFD_CLOEXEC);

	(void)state;
	assert_true(fd >= 0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(
			pwrite(fd, row[i].text, strlen(row[i].text), 0),
			strlen(row[i].text));
		assert_int_equal(num_switch(path), row[i].on);
	}
	close(fd);
	assert_false(num_switch("/nowhere/at/all"));
	assert_false(num_switch("/proc/self")); /* a directory */
}

static void formats_say_what_did_not_fit(void **state)
{
	char b[4];

	(void)state;
	assert_int_equal(str_fmt(b, sizeof(b), "%u", 123), 3);
	assert_int_equal(str_fmt(b, sizeof(b), "%u", 1234), -ENOSPC);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(num_accepts),
		cmocka_unit_test(num_refuses),
		cmocka_unit_test(str_put_is_all_or_nothing),
		cmocka_unit_test(switches),
		cmocka_unit_test(formats_say_what_did_not_fit),
	};

	return cmocka_run_group_tests_name("num", tests, NULL, NULL);
}
