// SPDX-License-Identifier: GPL-2.0-or-later
/* test_store_client.c - the client where there is no server */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/loop.h"
#include "store.h"

static void client_says_not_connected(void **state)
{
	struct store *s = NULL;

	(void)state;
	assert_int_equal(store_open(&s, "/nonexistent/store", 0), -ENOTCONN);
	assert_null(s);
	store_close(NULL);
}

static void client_waits_no_longer_than_told(void **state)
{
	uint64_t t, best = UINT64_MAX;
	struct store *s = NULL;
	unsigned i;

	(void)state;
	/* The best of some: the machine may be busy. */
	for (i = 0; i < 20 && best > 1000; i++) {
		t = clock_ns();
		assert_int_equal(store_open(&s, "/nonexistent/store", 100),
				 -ENOTCONN);
		t = (clock_ns() - t) / 1000000;
		assert_true(t >= 100);
		best = t < best ? t : best;
	}
	assert_true(best <= 1000);
}

static void client_leaves_the_environment(void **state)
{
	struct store *s = NULL;

	(void)state;
	setenv("XENSTORED_PATH", "/somewhere/else", 1);
	store_open(&s, "/nonexistent/store", 0);
	assert_string_equal(getenv("XENSTORED_PATH"), "/somewhere/else");
	unsetenv("XENSTORED_PATH");
	store_open(&s, "/nonexistent/store", 0);
	assert_null(getenv("XENSTORED_PATH"));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(client_says_not_connected),
		cmocka_unit_test(client_waits_no_longer_than_told),
		cmocka_unit_test(client_leaves_the_environment),
	};

	return cmocka_run_group_tests_name("store_client", tests, NULL, NULL);
}
