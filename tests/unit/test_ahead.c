// SPDX-License-Identifier: GPL-2.0-or-later
/* test_ahead.c - answers of the store, kept for when it is our turn */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/ahead.h"

static void test_ahead_same_answer(void **state)
{
	struct ahead *a;
	char got[8];
	int rc = 1;

	(void)state;
	assert_int_equal(ahead_open(&a), 0);
	ahead_note(a, "b/state", 1, "4");
	ahead_note(a, "b/rate", -ENOENT, "");
	ahead_note(a, "b/long", 8, "12345678");
	assert_true(ahead_read(a, "b/state", got, sizeof(got), &rc));
	assert_int_equal(rc, 1);
	assert_string_equal(got, "4");
	assert_true(ahead_read(a, "b/rate", got, sizeof(got), &rc));
	assert_int_equal(rc, -ENOENT);
	/* A smaller buffer than the one it was first read into. */
	assert_true(ahead_read(a, "b/long", got, sizeof(got), &rc));
	assert_int_equal(rc, -E2BIG);
	assert_true(ahead_read(a, "b/state", got, sizeof(got), &rc));
	assert_false(ahead_read(a, "b/sta", got, sizeof(got), &rc));
	ahead_close(a);
	ahead_close(NULL);
}

static void test_ahead_not_kept(void **state)
{
	char path[32], got[AHEAD_VALUE + 1], big[AHEAD_VALUE + 1];
	struct ahead *a;
	unsigned i;
	int rc;

	(void)state;
	memset(big, 'x', AHEAD_VALUE);
	big[AHEAD_VALUE] = '\0';
	assert_int_equal(ahead_open(&a), 0);
	ahead_note(a, "away", -ENOTCONN, "");
	ahead_note(a, "cut", -E2BIG, "");
	ahead_note(a, "big", AHEAD_VALUE, big);
	assert_false(ahead_read(a, "away", got, sizeof(got), &rc));
	assert_false(ahead_read(a, "cut", got, sizeof(got), &rc));
	assert_false(ahead_read(a, "big", got, sizeof(got), &rc));
	for (i = 0; i <= AHEAD_KEYS; i++) {
		snprintf(path, sizeof(path), "queue-%u/tx-ring-ref", i);
		ahead_note(a, path, 1, "1");
	}
	assert_true(
		ahead_read(a, "queue-0/tx-ring-ref", got, sizeof(got), &rc));
	assert_false(ahead_read(a, path, got, sizeof(got), &rc));
	ahead_close(a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_ahead_same_answer),
		cmocka_unit_test(test_ahead_not_kept),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
