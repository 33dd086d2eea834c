// SPDX-License-Identifier: GPL-2.0-or-later
/* test_life.c - what a frontend may write as its state */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/num.h"
#include "daemon/life.h"

static void test_parse(void **state)
{
	static const char *const odd[] = { "0",	  "9", "-1", "4 ",	   " 4",
					   "0x4", "",  "4x", "99999999999" };
	unsigned i;

	(void)state;
	assert_int_equal(life_parse("1"), LIFE_INITIALISING);
	assert_int_equal(life_parse("8"), LIFE_RECONFIGURED);
	for (i = 0; i < ARRAY_SIZE(odd); i++)
		assert_int_equal(life_parse(odd[i]), LIFE_STATES);
}

/* Whatever a guest writes, its device is only taken away when it is gone. */
static void test_nonsense_keeps_device(void **state)
{
	unsigned own, i;

	(void)state;
	for (own = LIFE_INITIALISING; own <= LIFE_CLOSED; own++) {
		const uint8_t *act = life_next(own, LIFE_STATES, true);

		for (i = 0; act[i] != LIFE_END; i++)
			assert_int_not_equal(act[i], LIFE_REMOVE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse),
		cmocka_unit_test(test_nonsense_keeps_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
