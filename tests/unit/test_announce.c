// SPDX-License-Identifier: GPL-2.0-or-later
/* test_announce.c - the frame that says where a guest is, and how often */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/loop.h"
#include "daemon/announce.h"

enum { SIZE = ANNOUNCE_VNET + ANNOUNCE_FRAME };

static const uint8_t mac[6] = { 0x00, 0x16, 0x3e, 0x01, 0x02, 0x03 };
static const uint8_t other[6] = { 0x00, 0x16, 0x3e, 0x0a, 0x0b, 0x0c };

/* RFC 903 in Ethernet, and nothing behind it. */
static const uint8_t want[SIZE] = {
	0,    0,    0,	  0,	0,    0,    0,	  0,	0,    0, /* vnet */
	0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x00, 0x16, 0x3e, 0x01,
	0x02, 0x03, 0x80, 0x35, 0x00, 0x01, 0x08, 0x00, 0x06, 0x04,
	0x00, 0x03, 0x00, 0x16, 0x3e, 0x01, 0x02, 0x03, 0,    0,
	0,    0,    0x00, 0x16, 0x3e, 0x01, 0x02, 0x03,
};

static void frame(void **state)
{
	uint8_t buf[SIZE];

	(void)state;
	memset(buf, 0x5a, sizeof(buf));
	announce_frame(mac, buf);
	assert_memory_equal(buf, want, sizeof(buf));
}

struct place {
	struct loop *loop;
	int sv[2];
	struct announce a;
};

static void open_place(struct place *p)
{
	memset(p, 0, sizeof(*p));
	assert_int_equal(loop_open(&p->loop), 0);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, p->sv),
		0);
}

static void close_place(struct place *p)
{
	announce_end(&p->a);
	loop_close(p->loop);
	close(p->sv[0]);
	close(p->sv[1]);
}

/* How many were said, all of them by that MAC. */
static unsigned heard(struct place *p, const uint8_t by[6])
{
	uint8_t buf[SIZE + 1];
	unsigned n = 0;
	ssize_t r;

	while ((r = read(p->sv[1], buf, sizeof(buf))) > 0) {
		assert_int_equal(r, SIZE);
		assert_memory_equal(buf + ANNOUNCE_VNET + 6, by, 6);
		n++;
	}
	return n;
}

static void rounds(void **state)
{
	struct place p;
	unsigned turns = 0;

	(void)state;
	open_place(&p);
	announce_begin(&p.a, p.loop, p.sv[0], mac);
	assert_int_equal(heard(&p, mac), 0);
	while (p.a.timer) {
		loop_turn(p.loop, -1);
		assert_true(turns++ < 100);
	}
	assert_int_equal(heard(&p, mac), ANNOUNCE_ROUNDS);
	loop_turn(p.loop, 50);
	assert_int_equal(heard(&p, mac), 0);
	close_place(&p);
}

/* However often it begins, one is under way; and none after the end. */
static void begun_again(void **state)
{
	struct place p;
	unsigned i;

	(void)state;
	open_place(&p);
	for (i = 0; i < 1000; i++)
		announce_begin(&p.a, p.loop, p.sv[0], i < 999 ? mac : other);
	while (!p.a.round)
		loop_turn(p.loop, -1);
	assert_int_equal(heard(&p, other), 1);
	announce_end(&p.a);
	announce_end(&p.a);
	loop_turn(p.loop, 400);
	assert_int_equal(heard(&p, other), 0);
	close_place(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(frame),
		cmocka_unit_test(rounds),
		cmocka_unit_test(begun_again),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
