// SPDX-License-Identifier: GPL-2.0-or-later
/* test_blame.c - which vif workers crash of, and which deaths say nothing */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "daemon/blame.h"

enum { EXIT_1 = 1 << 8 };

static const uint64_t s = 1000000000u;

static void kills_say_nothing(void **state)
{
	(void)state;
	assert_false(blame_crashed(SIGKILL, NULL));
	assert_false(blame_crashed(SIGKILL, "ended"));
	assert_false(blame_crashed(SIGTERM, "ended"));
	assert_false(blame_crashed(0, "ended"));
}

static void crashes_count(void **state)
{
	(void)state;
	assert_true(blame_crashed(SIGSEGV, "ended"));
	assert_true(blame_crashed(SIGABRT | 0x80, NULL)); /* with a core */
	assert_true(blame_crashed(SIGSYS, NULL));
	assert_true(blame_crashed(EXIT_1, "ended"));
	assert_true(blame_crashed(SIGKILL, "did not answer for 10 s"));
}

static void three_in_ten_seconds(void **state)
{
	struct blame b = { .n = 0 };

	(void)state;
	assert_int_equal(blame_count(&b, 100 * s), 0);
	blame_add(&b, 100 * s);
	blame_add(&b, 105 * s);
	assert_false(blame_due(blame_count(&b, 105 * s), 0));
	blame_add(&b, 109 * s);
	assert_true(blame_due(blame_count(&b, 109 * s), 0));
	assert_int_equal(blame_count(&b, 110 * s), 2);
	assert_int_equal(blame_count(&b, 119 * s), 0);
}

static void many_are_counted_still(void **state)
{
	struct blame b = { .n = 0 };
	unsigned i;

	(void)state;
	for (i = 0; i < 100; i++)
		blame_add(&b, i * s);
	assert_int_equal(blame_count(&b, 99 * s), BLAME_KEPT);
}

static void more_than_any_other(void **state)
{
	(void)state;
	assert_true(blame_due(3, 2));
	assert_false(blame_due(3, 3));
	assert_true(blame_due(4, 3));
	assert_false(blame_due(2, 0));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(kills_say_nothing),
		cmocka_unit_test(crashes_count),
		cmocka_unit_test(three_in_ten_seconds),
		cmocka_unit_test(many_are_counted_still),
		cmocka_unit_test(more_than_any_other),
	};

	return cmocka_run_group_tests_name("blame", tests, NULL, NULL);
}
