// SPDX-License-Identifier: GPL-2.0-or-later
/* test_fair.c - shares and waits, without a clock
 *
 * Each member has bursts of some size, and always more of them: what the worker
 * would do is played with numbers only.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/num.h"
#include "daemon/fair.h"

struct player {
	struct fair_member m;
	uint64_t frames, bytes; /* of one burst */
	uint64_t cost, turns, wait, longest;
};

static struct player *player_of(struct fair_member *m)
{
	return container_of(m, struct player, m);
}

/* `rounds` of them; everybody always has more. */
static void play(struct fair *f, struct player *p, unsigned n, unsigned rounds)
{
	struct fair_member *m;
	unsigned r, i;

	for (r = 0; r < rounds; r++) {
		unsigned served = 0;

		fair_begin(f);
		while ((m = fair_next(f))) {
			struct player *x = player_of(m);
			uint64_t was = m->owes;

			fair_charge(m, x->frames, x->bytes);
			x->cost += m->owes - was;
			x->turns++;
			x->wait = 0;
			fair_add(f, m);
			served++;
		}
		assert_true(served > 0); /* a round is never for nothing */
		for (i = 0; i < n; i++) {
			p[i].longest = p[i].wait > p[i].longest ? p[i].wait
								: p[i].longest;
			p[i].wait++;
		}
	}
}

static void start(struct fair *f, struct player *p, unsigned n)
{
	unsigned i;

	fair_init(f);
	for (i = 0; i < n; i++)
		fair_add(f, &p[i].m);
}

/* Bursts of 64 small, of 64 full, of 64 largest frames, and bells for nothing:
 * who has enough to do gets the same, within 5 %.
 */
static void equal_shares(void **state)
{
	struct player p[] = {
		{ .frames = 64, .bytes = 64 * 60 },
		{ .frames = 64, .bytes = 64 * 1514 },
		{ .frames = 64, .bytes = 64 * 65535 },
		{ .frames = 128, .bytes = 64 * 65535 + 64 * 60 },
	};
	struct fair f;
	uint64_t sum = 0;
	unsigned i;

	(void)state;
	start(&f, p, ARRAY_SIZE(p));
	play(&f, p, ARRAY_SIZE(p), 100000);
	for (i = 0; i < ARRAY_SIZE(p); i++)
		sum += p[i].cost;
	for (i = 0; i < ARRAY_SIZE(p); i++) {
		assert_true(p[i].cost * 100 > sum / ARRAY_SIZE(p) * 95);
		assert_true(p[i].cost * 100 < sum / ARRAY_SIZE(p) * 105);
	}
}

/* A storm (turns without a frame) and a liar (all its frames are dropped) beside
 * somebody with work: nobody gets more than a third, a storm takes nothing.
 */
static void storms_cost_themselves(void **state)
{
	struct player p[] = {
		{ .frames = 64, .bytes = 64 * 1514 },
		{ .frames = 0, .bytes = 0 },
		{ .frames = 64, .bytes = 0 },
	};
	struct fair f;

	(void)state;
	start(&f, p, ARRAY_SIZE(p));
	play(&f, p, ARRAY_SIZE(p), 100000);
	/* One turn a round is all it can ask for: a 64th of a burst each. */
	assert_true(p[1].cost * 20 < p[0].cost);
	assert_true(p[0].cost * 100 > p[2].cost * 95);
	assert_true(p[0].longest <= 2);
}

/* However large the others' bursts: whoever owes little is served in each round,
 * and one that comes in late has nothing to pay for.
 */
static void nobody_waits_long(void **state)
{
	struct player p[] = {
		{ .frames = 128, .bytes = 128 * 65535 },
		{ .frames = 128, .bytes = 128 * 65535 },
		{ .frames = 1, .bytes = 60 },
	};
	struct fair f;

	(void)state;
	start(&f, p, 2);
	play(&f, p, 2, 1000);
	fair_add(&f, &p[2].m);
	play(&f, p, 3, 1000);
	assert_int_equal(p[2].turns, 1000);
	assert_int_equal(p[2].longest, 0);
}

/* Alone, nobody ever waits for its own debt. */
static void alone(void **state)
{
	struct player p[] = { { .frames = 128, .bytes = 128 * 65535 } };
	struct fair f;

	(void)state;
	start(&f, p, 1);
	play(&f, p, 1, 1000);
	assert_int_equal(p[0].turns, 1000);
}

/* Rounds that pass without a member are paid for it. */
static void away_is_paid(void **state)
{
	struct player p[] = {
		{ .frames = 64, .bytes = 0 },
		{ .frames = 64, .bytes = 64 * 65535 },
	};
	struct fair f;

	(void)state;
	start(&f, p, 2);
	play(&f, p, 2, 1); /* the second owes 17 rounds */
	assert_true(p[1].m.owes > 0);
	fair_del(&f, &p[1].m);
	play(&f, p, 1, 20);
	fair_add(&f, &p[1].m);
	assert_int_equal(p[1].m.owes, 0);
	fair_del(&f, &p[0].m);
	fair_del(&f, &p[1].m);
	fair_del(&f, &p[1].m);
	assert_true(fair_empty(&f));
	fair_begin(&f);
	assert_null(fair_next(&f));
}

/* Taken out in the middle of a round. */
static void leaving(void **state)
{
	struct player p[3] = { 0 };
	struct fair_member *m;
	struct fair f;

	(void)state;
	start(&f, p, 3);
	fair_begin(&f);
	m = fair_next(&f);
	assert_ptr_equal(m, &p[0].m);
	fair_add(&f, m);
	fair_add(&f, m);
	fair_del(&f, &p[1].m);
	assert_ptr_equal(fair_next(&f), &p[2].m);
	assert_null(fair_next(&f));
	fair_begin(&f);
	assert_ptr_equal(fair_next(&f), &p[0].m);
	assert_null(fair_next(&f));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_shares),
		cmocka_unit_test(storms_cost_themselves),
		cmocka_unit_test(nobody_waits_long),
		cmocka_unit_test(alone),
		cmocka_unit_test(away_is_paid),
		cmocka_unit_test(leaving),
	};

	return cmocka_run_group_tests_name("fair", tests, NULL, NULL);
}
