// SPDX-License-Identifier: GPL-2.0-or-later
/* test_fan.c - several queues as one port, and how flows are told apart */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"
#include "frame.h"
#include "port.h"

enum { QUEUES = 4, DEPTH = 40, FLOWS = 6400 };

static struct {
	struct frame_pool *pool;
	struct port *guest[QUEUES], *of[QUEUES], *fan;
} t;

/* The first byte says which queue. */
static unsigned pick(void *arg, const struct frame *f, unsigned n)
{
	assert_ptr_equal(arg, &t);
	assert_int_equal(n, QUEUES);
	return f->head[0];
}

static int setup(void **state)
{
	unsigned i;

	(void)state;
	assert_int_equal(frame_pool_open(&t.pool, 4 * DEPTH, true), 0);
	for (i = 0; i < QUEUES; i++)
		assert_int_equal(port_mem_open(&t.guest[i], &t.of[i], DEPTH),
				 0);
	assert_int_equal(
		port_fan_open(&t.fan, "vif1.0", t.of, QUEUES, pick, &t), 0);
	return 0;
}

static int teardown(void **state)
{
	unsigned i;

	(void)state;
	port_close(t.fan); /* closes t.of */
	for (i = 0; i < QUEUES; i++)
		port_close(t.guest[i]);
	frame_pool_close(t.pool);
	return 0;
}

static struct frame *make(unsigned queue, unsigned number)
{
	struct frame *f = frame_get(t.pool);

	assert_non_null(f);
	f->len = f->head_len = 60;
	memset(f->head, 0, 60);
	f->head[0] = (uint8_t)queue;
	f->head[1] = (uint8_t)number;
	return f;
}

/* Numbers that wait at port p, in order. */
static unsigned take(struct port *p, unsigned queue, uint8_t *number)
{
	struct frame *v[DEPTH];
	int i, n = p->ops->pull(p, v, DEPTH);

	assert_true(n >= 0);
	for (i = 0; i < n; i++) {
		assert_int_equal(v[i]->head[0], queue);
		number[i] = v[i]->head[1];
		frame_put(v[i]);
	}
	return (unsigned)n;
}

static void each_to_its_queue(void **state)
{
	static const uint8_t to[] = { 0, 0, 3, 1, 1, 1, 0, 3, 0 };
	struct frame *v[ARRAY_SIZE(to)];
	uint8_t got[DEPTH];
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(to); i++)
		v[i] = make(to[i], i);
	assert_int_equal(t.fan->ops->push(t.fan, v, ARRAY_SIZE(to)),
			 ARRAY_SIZE(to));
	assert_int_equal(t.fan->ops->flush(t.fan), 0);
	assert_int_equal(take(t.guest[0], 0, got), 4);
	assert_memory_equal(got, ((uint8_t[]){ 0, 1, 6, 8 }), 4);
	assert_int_equal(take(t.guest[1], 1, got), 3);
	assert_memory_equal(got, ((uint8_t[]){ 3, 4, 5 }), 3);
	assert_int_equal(take(t.guest[2], 2, got), 0);
	assert_int_equal(take(t.guest[3], 3, got), 2);
	assert_int_equal(t.fan->stat.out, ARRAY_SIZE(to));
	assert_int_equal(t.fan->stat.out_drop, 0);
}

/* A number beyond the last queue does no harm. */
static void no_such_queue(void **state)
{
	struct frame *f = make(200, 1);
	uint8_t got[DEPTH];

	(void)state;
	assert_int_equal(t.fan->ops->push(t.fan, &f, 1), 1);
	t.fan->ops->flush(t.fan);
	assert_int_equal(take(t.guest[0], 200, got), 1);
}

/* One that is full waits alone; given up, it loses what is its own, until it has
 * room again.
 */
static void a_full_queue(void **state)
{
	struct frame *v[DEPTH], *one;
	uint8_t got[DEPTH];
	unsigned i;

	(void)state;
	for (i = 0; i < DEPTH; i++)
		v[i] = make(2, i);
	assert_int_equal(t.fan->ops->push(t.fan, v, DEPTH), DEPTH);
	t.fan->ops->flush(t.fan);
	one = make(2, 77);
	assert_int_equal(t.fan->ops->fits(t.fan, one), 0);
	/* The wire has given up: pushed all the same. */
	assert_int_equal(t.fan->ops->push(t.fan, &one, 1), 0);
	assert_int_equal(t.fan->stat.out_drop, 1);
	one = make(2, 78);
	assert_int_equal(t.fan->ops->fits(t.fan, one), 1); /* to be dropped */
	assert_int_equal(t.fan->ops->push(t.fan, &one, 1), 0);
	assert_int_equal(t.fan->stat.out_drop, 2);
	one = make(1, 5);
	assert_int_equal(t.fan->ops->fits(t.fan, one), 1);
	assert_int_equal(t.fan->ops->push(t.fan, &one, 1), 1);
	t.fan->ops->flush(t.fan);
	assert_int_equal(take(t.guest[1], 1, got), 1);
	assert_int_equal(take(t.guest[2], 2, got), DEPTH);
	/* Room again: it is waited for as before. */
	for (i = 0; i < DEPTH; i++) {
		one = make(2, i);
		assert_int_equal(t.fan->ops->fits(t.fan, one), 1);
		assert_int_equal(t.fan->ops->push(t.fan, &one, 1), 1);
	}
	one = make(2, 79);
	assert_int_equal(t.fan->ops->fits(t.fan, one), 0);
	frame_put(one);
	t.fan->ops->flush(t.fan);
	take(t.guest[2], 2, got);
}

static void send_from(unsigned queue, unsigned n)
{
	struct port *p = t.guest[queue];
	unsigned i;

	for (i = 0; i < n; i++) {
		struct frame *f = make(queue, i);

		assert_int_equal(p->ops->push(p, &f, 1), 1);
	}
	p->ops->flush(p);
}

/* Nobody's frames are left behind however busy another queue is. */
static void all_have_a_share(void **state)
{
	unsigned count[QUEUES] = { 0 }, turns, i;
	struct frame *v[20];

	(void)state;
	for (i = 0; i < QUEUES; i++)
		send_from(i, i == 1 ? 2 : DEPTH);
	for (turns = 0; turns < 3; turns++) {
		int n = t.fan->ops->pull(t.fan, v, ARRAY_SIZE(v));

		assert_int_equal(n, ARRAY_SIZE(v));
		while (n) {
			struct frame *f = v[--n];

			count[f->head[0]]++;
			frame_put(f);
		}
	}
	assert_int_equal(count[1], 2);
	for (i = 0; i < QUEUES; i++)
		assert_true(count[i] > 0);
}

/* --- flows -------------------------------------------------------------------- */

static struct frame *ip4(uint8_t proto, unsigned sport, unsigned fragment)
{
	struct frame *f = make(0, 0);

	f->head[12] = 8;
	f->head[14] = 0x45;
	f->head[20] = (uint8_t)(fragment >> 8);
	f->head[21] = (uint8_t)fragment;
	f->head[23] = proto;
	f->head[26] = f->head[30] = 10;
	f->head[29] = 1;
	f->head[33] = 2;
	f->head[34] = (uint8_t)(sport >> 8);
	f->head[35] = (uint8_t)sport;
	f->head[37] = 80;
	f->head[46] = 0x50; /* TCP: a header of 20 bytes */
	return f;
}

static uint32_t flow_of(struct frame *f)
{
	uint32_t h = frame_flow(f);

	frame_put(f);
	return h;
}

/* Distribution over 64 queues: each gets its part, within a half. */
static void flows_spread(void **state)
{
	unsigned count[64] = { 0 }, i;

	(void)state;
	for (i = 0; i < FLOWS; i++)
		count[(uint64_t)flow_of(ip4(6, i, 0)) * 64 >> 32]++;
	for (i = 0; i < 64; i++) {
		assert_true(count[i] > FLOWS / 64 / 2);
		assert_true(count[i] < FLOWS / 64 * 3 / 2);
	}
}

static void one_flow_one_number(void **state)
{
	struct frame *f;
	uint32_t h = flow_of(ip4(6, 1000, 0));

	(void)state;
	f = ip4(6, 1000, 0);
	f->head[18] = 0x77; /* IP id */
	f->head[22] = 3;    /* TTL */
	f->head[38] = 0x12; /* sequence */
	f->len = 1514;
	assert_int_equal(flow_of(f), h);
	assert_int_not_equal(flow_of(ip4(17, 1000, 0)), h);
	assert_int_not_equal(flow_of(ip4(6, 1001, 0)), h);
	/* Fragments have no ports, the first of them neither. */
	assert_int_equal(flow_of(ip4(17, 1000, 0x2000)),
			 flow_of(ip4(17, 9999, 0x0010)));
}

/* Whatever is in a short head, nothing behind it is read. */
static void short_heads(void **state)
{
	unsigned n;

	(void)state;
	for (n = FRAME_ETH; n < 60; n++) {
		struct frame *f = ip4(6, 1, 0);

		f->len = f->head_len = (uint16_t)n;
		flow_of(f);
		f = ip4(6, 1, 0);
		f->head[12] = 0x81;
		f->head[13] = 0;
		f->len = f->head_len = (uint16_t)n;
		flow_of(f);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(each_to_its_queue, setup,
						teardown),
		cmocka_unit_test_setup_teardown(no_such_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(a_full_queue, setup, teardown),
		cmocka_unit_test_setup_teardown(all_have_a_share, setup,
						teardown),
		cmocka_unit_test_setup_teardown(flows_spread, setup, teardown),
		cmocka_unit_test_setup_teardown(one_flow_one_number, setup,
						teardown),
		cmocka_unit_test_setup_teardown(short_heads, setup, teardown),
	};

	return cmocka_run_group_tests_name("fan", tests, NULL, NULL);
}
