// SPDX-License-Identifier: GPL-2.0-or-later
/* test_life.c - every cell of the xenbus state machine, written a second time
 *
 * The wanted lists are text, column by column as the protocol's table has them,
 * so that a slip in one of the two shows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "daemon/life.h"

static const char *const act_text[] = {
	[LIFE_TO_INIT_WAIT] = "2 ",	   [LIFE_TO_CONNECTED] = "4 ",
	[LIFE_TO_CLOSING] = "5 ",	   [LIFE_TO_CLOSED] = "6 ",
	[LIFE_SAY_RECONFIGURED] = "8 ",	   [LIFE_CONNECT] = "connect ",
	[LIFE_DISCONNECT] = "disconnect ", [LIFE_COMPLAIN] = "complain ",
	[LIFE_REMOVE] = "remove ",
};

static void text_of(const uint8_t *act, char *out)
{
	unsigned n;

	*out = '\0';
	for (n = 0; act[n] != LIFE_END; n++) {
		assert_true(n < LIFE_ACTS);
		strcat(out, act_text[act[n]]);
	}
}

static const unsigned own_states[] = { 1, 2, 4, 5, 6 };

/* frontend's state, online, then one list for each own state 1 2 4 5 6 */
static const struct {
	unsigned front;
	bool online;
	const char *want[ARRAY_SIZE(own_states)];
} table[] = {
	{ 0,
	  true,
	  { "6 remove ", "5 6 remove ", "disconnect 5 6 remove ", "6 remove ",
	    "remove " } },
	{ 1, true, { "2 ", "", "disconnect 5 6 2 ", "6 2 ", "2 " } },
	{ 2, true, { "", "", "", "", "" } },
	{ 3, true, { "", "", "", "", "" } },
	{ 4,
	  true,
	  { "2 connect 4 ", "connect 4 ", "", "6 2 connect 4 ",
	    "2 connect 4 " } },
	{ 5, true, { "2 5 ", "5 ", "disconnect 5 ", "", "5 " } },
	{ 6, true, { "6 ", "5 6 ", "disconnect 5 6 ", "6 ", "" } },
	{ 6,
	  false,
	  { "6 remove ", "5 6 remove ", "disconnect 5 6 remove ", "6 remove ",
	    "remove " } },
	{ 7, true, { "8 ", "8 ", "8 ", "", "" } },
	{ 8, true, { "", "", "", "", "" } },
	{ 9,
	  true,
	  { "complain 2 5 ", "complain 5 ", "complain disconnect 5 ",
	    "complain ", "complain 5 " } },
	/* Going away changes nothing before the frontend has closed. */
	{ 4,
	  false,
	  { "2 connect 4 ", "connect 4 ", "", "6 2 connect 4 ",
	    "2 connect 4 " } },
	{ 5, false, { "2 5 ", "5 ", "disconnect 5 ", "", "5 " } },
};

static void every_cell(void **state)
{
	char got[128];
	unsigned i, k;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(table); i++) {
		for (k = 0; k < ARRAY_SIZE(own_states); k++) {
			text_of(life_next(own_states[k], table[i].front,
					  table[i].online),
				got);
			assert_string_equal(got, table[i].want[k]);
		}
	}
}

/* What a guest may write there is any number at all. */
static void other_numbers_are_one_row(void **state)
{
	static const unsigned front[] = { 9, 10, 255, 65536, UINT32_MAX };
	unsigned i, k;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(front); i++) {
		for (k = 0; k < ARRAY_SIZE(own_states); k++)
			assert_ptr_equal(
				life_next(own_states[k], front[i], true),
				life_next(own_states[k], 9, true));
	}
}

static void eight_is_connected(void **state)
{
	unsigned front;

	(void)state;
	for (front = 0; front <= 9; front++)
		assert_ptr_equal(life_next(8, front, true),
				 life_next(4, front, true));
}

static void unknown_own_does_nothing(void **state)
{
	static const unsigned own[] = { 0, 3, 7, 9, 77 };
	unsigned i, front;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(own); i++) {
		for (front = 0; front <= 9; front++)
			assert_int_equal(*life_next(own[i], front, true),
					 LIFE_END);
	}
}

/* A list that ends somewhere sensible: no frame moves in a closed state. */
static void connect_is_always_undone(void **state)
{
	unsigned front, k;

	(void)state;
	for (front = 0; front <= 9; front++) {
		const uint8_t *act = life_next(LIFE_CONNECTED, front, true);
		bool off = false, down = false;

		for (k = 0; act[k] != LIFE_END; k++) {
			off |= act[k] == LIFE_DISCONNECT;
			down |= act[k] == LIFE_TO_CLOSING ||
				act[k] == LIFE_TO_CLOSED;
			assert_false(down && !off);
		}
	}
}

static void text_is_a_state_or_is_not(void **state)
{
	static const char *const bad[] = { "",	  "x", "-1", "4 ",	  " 4",
					   "0x4", "9", "10", "4294967300" };
	unsigned i;

	(void)state;
	assert_int_equal(life_parse("0"), 0);
	assert_int_equal(life_parse("4"), 4);
	assert_int_equal(life_parse("8"), 8);
	for (i = 0; i < ARRAY_SIZE(bad); i++)
		assert_int_equal(life_parse(bad[i]), LIFE_STATES);
	assert_string_equal(life_name(2), "initwait");
	assert_string_equal(life_name(99), "unknown");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_cell),
		cmocka_unit_test(other_numbers_are_one_row),
		cmocka_unit_test(eight_is_connected),
		cmocka_unit_test(unknown_own_does_nothing),
		cmocka_unit_test(connect_is_always_undone),
		cmocka_unit_test(text_is_a_state_or_is_not),
	};

	return cmocka_run_group_tests_name("life", tests, NULL, NULL);
}
