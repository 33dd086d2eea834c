// SPDX-License-Identifier: GPL-2.0-or-later
/* test_orders.c - a worker's last answers are heard, however it ended */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/loop.h"
#include "base/msg.h"
#include "daemon/orders.h"

/* A clock that can be put forward: what waits for seconds is due at once. */
static time_t ahead_s;

int clock_gettime(clockid_t id, struct timespec *ts)
{
	long r = syscall(SYS_clock_gettime, id, ts);

	ts->tv_sec += ahead_s;
	return (int)r;
}

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

static void any_answer(void *arg, const struct worker_msg *m,
		       enum worker_type order)
{
	struct heard *h = arg;

	(void)m, (void)order;
	h->answers++;
}

static const struct orders_ops any = { any_answer, on_fatal, on_lost };

struct pair {
	struct heard h;
	struct loop *l;
	struct orders *o;
	int worker;
};

static void pair_open(struct pair *p)
{
	int sv[2];

	*p = (struct pair){ .worker = -1 };
	assert_int_equal(loop_open(&p->l), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv), 0);
	assert_int_equal(orders_open(&p->o, p->l, sv[0], &any, &p->h), 0);
	p->worker = sv[1];
}

static void pair_close(struct pair *p)
{
	orders_close(p->o);
	loop_close(p->l);
	close(p->worker);
}

/* More than a socket takes waits here, in order, with its own descriptors. */
static void what_does_not_fit_waits(void **state)
{
	enum { MANY = 2000 };
	struct worker_msg m = { .type = WORKER_VIF }, got;
	struct pair p;
	unsigned i, nfd;
	int fd[2], end[2], early = 0;
	char c;

	(void)state;
	pair_open(&p);
	assert_int_equal(pipe(end), 0);
	for (i = 0; i < MANY; i++) {
		m.port = i;
		assert_int_equal(orders_send(p.o, &m, end, 2), 0);
	}
	close(end[0]);
	close(end[1]); /* they were dups: closed at the other end now, or here */
	assert_int_equal(orders_pending(p.o), MANY);
	while (recv(p.worker, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0) {
		nfd = 2;
		assert_int_equal(
			msg_recv(p.worker, &got, sizeof(got), fd, &nfd),
			sizeof(got));
		msg_close_all(fd, nfd);
		assert_int_equal(got.port, early++);
	}
	assert_in_range(early, 1, MANY - 1);
	for (i = (unsigned)early; i < MANY; i++) {
		if (recv(p.worker, &c, 1, MSG_PEEK | MSG_DONTWAIT) < 0)
			assert_int_equal(loop_turn(p.l, 1000), 0);
		nfd = 2;
		assert_int_equal(
			msg_recv(p.worker, &got, sizeof(got), fd, &nfd),
			sizeof(got));
		assert_int_equal(got.port, i);
		assert_int_equal(got.seq, i + 1);
		assert_int_equal(nfd, 2);
		assert_int_equal(write(fd[1], "x", 1), 1);
		assert_int_equal(read(fd[0], &c, 1), 1);
		msg_close_all(fd, nfd);
	}
	assert_int_equal(p.h.lost, 0);
	pair_close(&p);
}

static void not_every_order_is_taken(void **state)
{
	struct worker_msg m = { .type = WORKER_RUN };
	int fd[3] = { 0, 1, 2 }, gone[2];
	struct pair p;

	(void)state;
	pair_open(&p);
	assert_int_equal(orders_send(p.o, &m, fd, 3), -EINVAL);
	assert_int_equal(pipe(gone), 0);
	close(gone[1]);
	gone[1] = -1;
	assert_int_equal(orders_send(p.o, &m, gone, 2), -EBADF);
	assert_int_equal(orders_pending(p.o), 0);
	close(gone[0]);
	close(p.worker);
	p.worker = -1;
	assert_int_equal(loop_turn(p.l, 100), 0);
	assert_int_equal(p.h.lost, 1);
	assert_int_equal(orders_send(p.o, &m, NULL, 0), -EPIPE);
	pair_close(&p);
}

/* The oldest CONNECT without an answer, whatever came before it. */
static void who_is_blamed(void **state)
{
	struct worker_msg m = { .type = WORKER_RATE, .domid = 1 };
	uint16_t domid = 0, handle = 0;
	struct pair p;

	(void)state;
	pair_open(&p);
	assert_int_equal(orders_send(p.o, &m, NULL, 0), 0);
	assert_int_equal(orders_blame(p.o, &domid, &handle), 0);
	m.type = WORKER_CONNECT;
	m.domid = 7;
	m.handle = 3;
	assert_int_equal(orders_send(p.o, &m, NULL, 0), 0);
	m.domid = 8;
	assert_int_equal(orders_send(p.o, &m, NULL, 0), 0);
	assert_int_equal(orders_blame(p.o, &domid, &handle), 1);
	assert_int_equal(domid, 7);
	assert_int_equal(handle, 3);
	pair_close(&p);
}

/* Of a vif that is not there no numbers can be had; a good answer with DONE is
 * nonsense.
 */
static void numbers_may_be_refused(void **state)
{
	struct worker_msg m = { .type = WORKER_STATS }, got;
	struct pair p;
	int i;

	(void)state;
	for (i = 0; i < 2; i++) {
		pair_open(&p);
		m.type = WORKER_STATS;
		assert_int_equal(orders_send(p.o, &m, NULL, 0), 0);
		assert_int_equal(recv(p.worker, &got, sizeof(got), 0),
				 sizeof(got));
		got.type = WORKER_DONE;
		got.rc = i ? 0 : -ENOENT;
		assert_int_equal(send(p.worker, &got, sizeof(got), 0),
				 sizeof(got));
		assert_int_equal(loop_turn(p.l, 100), 0);
		assert_int_equal(p.h.answers, !i);
		assert_int_equal(p.h.lost, i);
		pair_close(&p);
	}
	orders_close(NULL);
}

/* Orders wait here and the worker dies: what it had answered is heard. */
static void last_answers_of_a_full_one(void **state)
{
	struct worker_msg m = { .type = WORKER_VIF }, got;
	struct pair p;
	unsigned i, asked = 0;

	(void)state;
	for (i = 0; i < 2; i++) { /* by its end, and by an order in between */
		pair_open(&p);
		for (asked = 0; asked < 2000; asked++)
			assert_int_equal(orders_send(p.o, &m, NULL, 0), 0);
		assert_int_equal(recv(p.worker, &got, sizeof(got), 0),
				 sizeof(got));
		got.type = WORKER_DONE;
		assert_int_equal(send(p.worker, &got, sizeof(got), 0),
				 sizeof(got));
		close(p.worker);
		p.worker = -1;
		if (i)
			assert_int_equal(orders_send(p.o, &m, NULL, 0), 0);
		assert_int_equal(loop_turn(p.l, 1000), 0);
		assert_int_equal(p.h.answers, 1);
		assert_int_equal(p.h.lost, 1);
		assert_string_equal(p.h.why, "ended");
		assert_int_equal(orders_pending(p.o), asked - 1 + i);
		pair_close(&p);
	}
}

/* Takes the oldest order and answers it. */
static void answer_one(struct pair *p)
{
	struct worker_msg got;

	assert_int_equal(recv(p->worker, &got, sizeof(got), 0), sizeof(got));
	got.type = WORKER_DONE;
	assert_int_equal(send(p->worker, &got, sizeof(got), 0), sizeof(got));
	assert_int_equal(loop_turn(p->l, 1000), 0);
}

/* Ten seconds, of the oldest order: none is asked for, one is young, one is old. */
static void silence_ends_it(void **state)
{
	struct worker_msg m = { .type = WORKER_VIF };
	struct pair p;

	(void)state;
	ahead_s = 0;
	pair_open(&p);
	assert_int_equal(orders_send(p.o, &m, NULL, 0), 0);
	answer_one(&p);
	ahead_s += 11; /* nobody waits: the clock stops */
	assert_int_equal(loop_turn(p.l, 0), 0);
	assert_int_equal(orders_send(p.o, &m, NULL, 0), 0);
	ahead_s += 6;
	assert_int_equal(orders_send(p.o, &m, NULL, 0), 0);
	answer_one(&p);
	ahead_s += 5; /* 11 s, but of the older one */
	assert_int_equal(loop_turn(p.l, 0), 0);
	assert_int_equal(p.h.lost, 0);
	assert_int_equal(orders_pending(p.o), 1);
	ahead_s += 11;
	assert_int_equal(loop_turn(p.l, 0), 0);
	assert_int_equal(p.h.answers, 2);
	assert_int_equal(p.h.lost, 1);
	assert_string_equal(p.h.why, "did not answer for 10 s");
	ahead_s += 11;
	assert_int_equal(loop_turn(p.l, 0), 0);
	assert_int_equal(p.h.lost, 1);
	pair_close(&p);
	ahead_s = 0;
}

/* What cannot be a worker's socket is refused, and closed all the same. */
static void sockets_that_are_none(void **state)
{
	struct heard h = { 0 };
	struct orders *o = NULL;
	struct loop *l;
	int fd;

	(void)state;
	assert_int_equal(loop_open(&l), 0);
	assert_int_equal(orders_open(&o, l, -1, &any, &h), -EBADF);
	fd = open("/dev", O_RDONLY | O_DIRECTORY);
	assert_true(fd >= 0);
	assert_int_equal(orders_open(&o, l, fd, &any, &h), -EPERM);
	assert_int_equal(fcntl(fd, F_GETFD), -1);
	assert_null(o);
	assert_int_equal(h.lost, 0);
	loop_close(l);
}

/* --- what a worker may answer ------------------------------------------------ */

struct hub {
	struct loop *loop;
	struct orders *o;
	unsigned answers, fatals, lost;
};

static void hub_answer(void *arg, const struct worker_msg *m,
		       enum worker_type order)
{
	struct hub *h = arg;

	assert_int_equal(order, WORKER_RUN);
	assert_true(m->rc <= 0);
	h->answers++;
}

static void hub_fatal(void *arg, const struct worker_msg *m)
{
	struct hub *h = arg;

	assert_non_null(memchr(m->text, 0, WORKER_TEXT));
	assert_null(memchr(m->text, '\033', WORKER_TEXT));
	h->fatals++;
}

static void hub_lost(void *arg, const char *why)
{
	struct hub *h = arg;

	assert_non_null(why);
	h->lost++;
}

static void answers_must_match(void **state)
{
	static const struct orders_ops o = { hub_answer, hub_fatal, hub_lost };
	enum { GOOD, UNASKED, BAD_SEQ, BAD_DOM, BAD_TYPE, SHORT, END, ROWS };
	int row;

	(void)state;
	for (row = 0; row < ROWS; row++) {
		struct worker_msg m = { .type = WORKER_RUN, .domid = 3 };
		struct hub h = { 0 };
		int sv[2], i;

		assert_int_equal(loop_open(&h.loop), 0);
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv), 0);
		assert_int_equal(orders_open(&h.o, h.loop, sv[0], &o, &h), 0);
		if (row != UNASKED)
			orders_send(h.o, &m, NULL, 0);
		m.type = WORKER_FATAL;
		memset(m.text, '\033', sizeof(m.text));
		msg_send(sv[1], &m, sizeof(m), NULL, 0);
		m.type = row == BAD_TYPE ? WORKER_RUN : WORKER_DONE;
		m.rc = 7; /* positive: not an errno */
		m.seq += row == BAD_SEQ;
		m.domid = row == BAD_DOM ? 4 : 3;
		if (row != END)
			msg_send(sv[1], &m, sizeof(m) - (row == SHORT), NULL,
				 0);
		else
			close(sv[1]);
		for (i = 0; i < 4; i++)
			loop_turn(h.loop, 1);
		/* A reset is told before what was sent ahead of it. */
		assert_int_equal(h.fatals, 1);
		assert_int_equal(h.answers, row == GOOD);
		assert_int_equal(h.lost, row != GOOD);
		assert_int_equal(orders_pending(h.o),
				 row != GOOD && row != UNASKED);
		orders_close(h.o);
		loop_close(h.loop);
		if (row != END)
			close(sv[1]);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(by_the_loop),
		cmocka_unit_test(by_draining),
		cmocka_unit_test(what_does_not_fit_waits),
		cmocka_unit_test(not_every_order_is_taken),
		cmocka_unit_test(who_is_blamed),
		cmocka_unit_test(numbers_may_be_refused),
		cmocka_unit_test(last_answers_of_a_full_one),
		cmocka_unit_test(silence_ends_it),
		cmocka_unit_test(sockets_that_are_none),
		cmocka_unit_test(answers_must_match),
	};

	return cmocka_run_group_tests_name("orders", tests, NULL, NULL);
}
