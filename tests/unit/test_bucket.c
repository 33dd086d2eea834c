// SPDX-License-Identifier: GPL-2.0-or-later
/* test_bucket.c - a rate holds over time, whatever the sizes and the clock do
 *
 * The clock is ours. Who wants to send looks at it at moments of his own, late by
 * more or less, and sends what may pass: frames of all sizes. Over twenty seconds
 * not a frame more than the rate, its credit and the last frame may have passed,
 * and 99.9 % of it must have.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/bucket.h"
#include "base/num.h"

enum { SECOND = 1000 * 1000 * 1000 };

struct rate_row {
	uint32_t bytes, usecs;
};

static const struct rate_row rates[] = {
	{ 6250, 50000 },     /* 1 Mb/s */
	{ 62500, 50000 },    /* 10 Mb/s */
	{ 625000, 50000 },   /* 100 Mb/s */
	{ 62500000, 50000 }, /* 10 Gb/s */
	{ 125000, 1000000 }, /* 1 Mb/s in an interval of a second */
	{ 1, 8 },	     /* 1 Mb/s, byte by byte */
	{ 125, 1000 },	     /* 1 Mb/s */
	{ 1234567, 1000003 },
	{ 7, 1300 },
};

static uint32_t seed = 1;

static uint32_t some(uint32_t n)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % n;
}

/* Bytes that pass from start to end; late: at most so late for each look. */
static uint64_t pass(struct bucket *b, uint64_t *now, uint64_t end,
		     uint32_t least, uint32_t most, uint32_t late)
{
	uint64_t sent = 0;
	uint32_t len;

	while (*now < end) {
		uint64_t wait = bucket_wait(b, *now);

		if (wait) {
			*now += wait + some(late + 1);
			continue;
		}
		len = least + some(most - least + 1);
		bucket_pay(b, *now, len);
		sent += len;
		*now += 1; /* as fast as it may */
	}
	return sent;
}

static void rate_is_exact(void **state)
{
	static const struct {
		uint32_t least, most, late;
	} how[] = {
		{ 60, 60, 0 },	  { 1514, 1514, 0 },	 { 65535, 65535, 0 },
		{ 14, 65535, 0 }, { 60, 1514, 9000000 }, { 60, 65535, 9000000 },
	};
	unsigned i, k;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(rates); i++) {
		for (k = 0; k < ARRAY_SIZE(how); k++) {
			uint64_t start = 77ull * SECOND, now = start, sent;
			uint64_t paid = now, end = start + 20ull * SECOND;
			struct bucket b;
			double want, credit;

			bucket_set(&b, &paid, rates[i].bytes, rates[i].usecs,
				   now);
			sent = pass(&b, &now, end, how[k].least, how[k].most,
				    how[k].late);
			want = 20e6 * rates[i].bytes / rates[i].usecs;
			credit = rates[i].bytes > want / 400 ? rates[i].bytes
							     : want / 400;
			if ((double)sent > want + credit + how[k].most)
				fail_msg("%u in %u us: %.0f of %.0f",
					 rates[i].bytes, rates[i].usecs,
					 (double)sent, want);
			/* a frame of 65 kB is a large part of 20 s at 5 kB/s */
			if ((double)sent < want * 0.999 - how[k].most)
				fail_msg("%u in %u us: only %.0f of %.0f",
					 rates[i].bytes, rates[i].usecs,
					 (double)sent, want);
		}
	}
}

/* Parts of a nanosecond add up. */
static void nothing_is_rounded_away(void **state)
{
	uint64_t now = SECOND, paid = now;
	struct bucket b;
	unsigned i;

	(void)state;
	bucket_set(&b, &paid, 93000000, 50000, now);
	for (i = 0; i < 930000; i++)
		bucket_pay(&b, now, 61);
	assert_int_equal(paid - now, 61 * 930000ull * 50000000 / 93000000);
}

/* Who was silent has an interval's credit, not the credit of a day. */
static void silence_is_no_hoard(void **state)
{
	uint64_t now = SECOND, paid = 0, sent;
	struct bucket b;

	(void)state;
	bucket_set(&b, &paid, 62500, 50000, now);
	now += 86400ull * SECOND;
	sent = pass(&b, &now, now + 1000000, 100, 100, 0);
	assert_in_range(sent, 62500, 62500 + 1250 + 100);
}

/* The next worker has the debts of the last. */
static void debts_survive(void **state)
{
	uint64_t now = 5ull * SECOND, paid = 0;
	struct bucket b, next;

	(void)state;
	bucket_set(&b, &paid, 6250, 50000, now);
	bucket_pay(&b, now, 6250);
	assert_int_equal(bucket_wait(&b, now), 0);
	bucket_pay(&b, now, 62500);
	assert_int_equal(bucket_wait(&b, now), 500000000);
	next = (struct bucket){ 6250, 50000, &paid, 0 };
	assert_int_equal(bucket_wait(&next, now + 100000000), 400000000);
}

static void a_new_rate_counts_from_now(void **state)
{
	uint64_t now = 5ull * SECOND, paid = 0, sent;
	struct bucket b;

	(void)state;
	bucket_set(&b, &paid, 6250, 50000, now);
	bucket_pay(&b, now, 65535);
	assert_true(bucket_wait(&b, now) > 0);
	bucket_set(&b, &paid, 62500, 50000, now);
	assert_int_equal(bucket_wait(&b, now), 0);
	sent = pass(&b, &now, now + 4ull * SECOND, 1000, 1000, 0);
	assert_in_range(sent, 5000000 - 1000, 5000000 + 62500 + 1000);
	bucket_set(&b, &paid, 0, 50000, now);
	bucket_pay(&b, now, 65535);
	assert_int_equal(bucket_wait(&b, now), 0);
	bucket_set(&b, &paid, 100, 0, now);
	bucket_pay(&b, now, 65535);
	assert_int_equal(bucket_wait(&b, now), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rate_is_exact),
		cmocka_unit_test(nothing_is_rounded_away),
		cmocka_unit_test(silence_is_no_hoard),
		cmocka_unit_test(debts_survive),
		cmocka_unit_test(a_new_rate_counts_from_now),
	};

	return cmocka_run_group_tests_name("bucket", tests, NULL, NULL);
}
