// SPDX-License-Identifier: GPL-2.0-or-later
/* test_orders.c - a worker's last answers are heard, however it ended */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/loop.h"
#include "daemon/orders.h"

struct heard {
	unsigned answers, lost;
	const char *why;
};

static void on_answer(void *arg, const struct worker_msg *m,
		      enum worker_type order)
{
	struct heard *h = arg;

	assert_int_equal(order, WORKER_CONNECT);
	assert_int_equal(m->served, 1);
	h->answers++;
}

static void on_fatal(void *arg, const struct worker_msg *m)
{
	(void)arg, (void)m;
	fail();
}

static void on_lost(void *arg, const char *why)
{
	struct heard *h = arg;

	h->lost++;
	h->why = why;
}

/* Three orders, one answered, one not even read; then the worker is dead, and
 * the socket says ECONNRESET before it says what is in it.
 */
static void die(struct orders **o, struct loop *l, struct heard *h)
{
	static const struct orders_ops ops = { on_answer, on_fatal, on_lost };
	struct worker_msg m = { .type = WORKER_CONNECT }, got;
	int sv[2], i;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv), 0);
	assert_int_equal(orders_open(o, l, sv[0], &ops, h), 0);
	for (i = 0; i < 3; i++)
		assert_int_equal(orders_send(*o, &m, NULL, 0), 0);
	assert_int_equal(recv(sv[1], &got, sizeof(got), 0), sizeof(got));
	got.type = WORKER_DONE;
	got.served = 1;
	assert_int_equal(send(sv[1], &got, sizeof(got), 0), sizeof(got));
	assert_int_equal(recv(sv[1], &got, sizeof(got), 0), sizeof(got));
	close(sv[1]);
}

static void by_the_loop(void **state)
{
	struct heard h = { 0 };
	struct orders *o;
	struct loop *l;

	(void)state;
	assert_int_equal(loop_open(&l), 0);
	die(&o, l, &h);
	assert_int_equal(loop_turn(l, 100), 0);
	assert_int_equal(h.answers, 1);
	assert_int_equal(h.lost, 1);
	assert_string_equal(h.why, "ended");
	orders_close(o);
	loop_close(l);
}

/* The nursery's word came first. */
static void by_draining(void **state)
{
	struct heard h = { 0 };
	struct orders *o;
	struct loop *l;

	(void)state;
	assert_int_equal(loop_open(&l), 0);
	die(&o, l, &h);
	orders_drain(o);
	assert_int_equal(h.answers, 1);
	assert_int_equal(h.lost, 1);
	orders_drain(o);
	assert_int_equal(h.lost, 1);
	orders_close(o);
	loop_close(l);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_the_loop),
		cmocka_unit_test(by_draining),
	};

	return cmocka_run_group_tests_name("orders", tests, NULL, NULL);
}
