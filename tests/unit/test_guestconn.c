// SPDX-License-Identifier: GPL-2.0-or-later
/* test_guestconn.c - what a local guest may say to netbackd */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/msg.h"
#include "base/num.h"
#include "daemon/estate.h"
#include "daemon/guestconn.h"
#include "hv_wire.h"

enum { MEM = 16 * HV_PAGE };

/* A clock that can be put forward, and stopped: what waits for seconds is due at
 * once, and what may be done in a second is known.
 */
static struct {
	int64_t ahead_ms;
	bool stopped;
	struct timespec at;
} clk;

int clock_gettime(clockid_t id, struct timespec *ts)
{
	long r = syscall(SYS_clock_gettime, id, ts);

	if (clk.stopped)
		*ts = clk.at;
	ts->tv_sec += clk.ahead_ms / 1000;
	ts->tv_nsec += clk.ahead_ms % 1000 * 1000000;
	if (ts->tv_nsec >= 1000000000) {
		ts->tv_sec++;
		ts->tv_nsec -= 1000000000;
	}
	return (int)r;
}

struct world {
	char dir[32], path[64];
	struct loop *loop;
	struct guestconn *g;
	unsigned hello, ports, gone;
};

static void on_hello(void *arg, const struct hv_local *d, int memfd)
{
	struct world *w = arg;

	assert_int_equal(d->size, MEM);
	assert_true(memfd >= 0);
	w->hello++;
}

static void on_port(void *arg, const struct guestconn_port *p)
{
	struct world *w = arg;

	assert_true(p->port != 0);
	w->ports++;
}

static void on_gone(void *arg)
{
	struct world *w = arg;

	w->gone++;
}

static const struct guestconn_ops ops = { on_hello, on_port, on_gone };

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct err e = { "" };

	log_open("test", LOG_ERROR);
	strcpy(w->dir, "/tmp/nb-conn.XXXXXX");
	if (!mkdtemp(w->dir) || loop_open(&w->loop) ||
	    guestconn_open(&w->g, w->loop, w->dir, 1, &ops, w, &e))
		return -1;
	snprintf(w->path, sizeof(w->path), "%s/dom/1/hv", w->dir);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char sub[64];

	guestconn_close(w->g);
	loop_close(w->loop);
	snprintf(sub, sizeof(sub), "%s/dom", w->dir);
	if (rmdir(sub) || rmdir(w->dir))
		return -1; /* something was left behind */
	free(w);
	return 0;
}

static void turns(struct world *w)
{
	int i;

	for (i = 0; i < 6; i++)
		loop_turn(w->loop, 1);
}

static int dial(struct world *w)
{
	int fd = msg_connect(w->path, SOCK_SEQPACKET);

	assert_true(fd >= 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	turns(w);
	return fd;
}

static int memory(void)
{
	int fd = memfd_create("guest", MFD_ALLOW_SEALING | MFD_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, MEM), 0);
	assert_int_equal(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL),
			 0);
	return fd;
}

static struct hv_wire message(enum hv_wire_type type)
{
	struct hv_wire m = {
		.magic = HV_WIRE_MAGIC,
		.version = HV_WIRE_VERSION,
		.type = (uint16_t)type,
	};

	if (type == HV_WIRE_HELLO) {
		m.hello.size = MEM;
		m.hello.grants = 32;
	} else {
		m.port.port = 5;
	}
	return m;
}

/* What a door that rests a moment answers, too. */
static int answer(struct world *w, int sock, struct hv_wire *r)
{
	int rc = -EAGAIN, i;

	for (i = 0; i < 2000 && rc == -EAGAIN; i++) {
		loop_turn(w->loop, 1);
		rc = msg_recv(sock, r, sizeof(*r), NULL, NULL);
	}
	return rc;
}

/* Sends and closes the descriptors; the reply's rc, 1 without a reply. */
static int say(struct world *w, int sock, const struct hv_wire *m, size_t size,
	       int *fd, unsigned nfd)
{
	struct hv_wire r;
	int rc;

	assert_int_equal(msg_send(sock, m, size, fd, nfd), 0);
	msg_close_all(fd, nfd);
	rc = answer(w, sock, &r);
	if (rc <= 0)
		return 1;
	assert_int_equal(rc, sizeof(r));
	assert_int_equal(r.type, HV_WIRE_REPLY);
	assert_true(!r.reply.rc == !r.reply.text[0]); /* a reason, or none */
	return r.reply.rc;
}

static int hello(struct world *w, int sock)
{
	struct hv_wire m = message(HV_WIRE_HELLO);
	int fd = memory();

	return say(w, sock, &m, sizeof(m), &fd, 1);
}

static int port(struct world *w, int sock, uint32_t number)
{
	struct hv_wire m = message(HV_WIRE_PORT);
	int fd[] = { eventfd(0, 0), eventfd(0, 0) };

	m.port.port = number;
	return say(w, sock, &m, sizeof(m), fd, 2);
}

/* The connection is over, and the next guest can come. */
static void ended(struct world *w, int sock)
{
	ssize_t r = -1;
	int i;
	char c;

	for (i = 0; i < 2000 && r < 0; i++) {
		loop_turn(w->loop, 1);
		r = recv(sock, &c, 1, 0);
	}
	assert_int_equal(r, 0);
	close(sock);
	turns(w);
	sock = dial(w);
	assert_int_equal(hello(w, sock), 0);
	close(sock);
	turns(w);
}

static void good_guest(void **state)
{
	struct world *w = *state;
	int s = dial(w), second, memfd;
	struct hv_wire r;
	unsigned i, n;

	assert_int_equal(hello(w, s), 0);
	for (i = 1; i <= HV_CHANNELS; i++)
		assert_int_equal(port(w, s, i), 0);
	assert_int_equal(w->ports, HV_CHANNELS);
	guestconn_ports(w->g, &n);
	assert_int_equal(n, HV_CHANNELS);
	assert_non_null(guestconn_memory(w->g, &memfd));
	/* One connection is one domain. */
	second = dial(w);
	assert_int_equal(answer(w, second, &r), sizeof(r));
	assert_int_equal(r.reply.rc, -EBUSY);
	close(second);
	assert_int_equal(w->gone, 0);
	close(s);
	turns(w);
	assert_int_equal(w->gone, 1);
	assert_null(guestconn_memory(w->g, &memfd));
	s = dial(w);
	assert_int_equal(hello(w, s), 0);
	/* It ends and comes back before we look. */
	close(s);
	s = dial(w);
	assert_int_equal(hello(w, s), 0);
	assert_int_equal(w->gone, 2);
	close(s);
}

static void too_many_ports(void **state)
{
	struct world *w = *state;
	int s = dial(w);
	unsigned i;

	assert_int_equal(hello(w, s), 0);
	for (i = 1; i <= HV_CHANNELS; i++)
		assert_int_equal(port(w, s, i), 0);
	assert_int_equal(port(w, s, 1000), -EINVAL);
	ended(w, s);
}

static void wrong_order(void **state)
{
	struct world *w = *state;
	int s = dial(w);

	assert_int_equal(port(w, s, 1), -EPROTO);
	ended(w, s);
	s = dial(w);
	assert_int_equal(hello(w, s), 0);
	assert_int_equal(hello(w, s), -EPROTO);
	ended(w, s);
	s = dial(w);
	assert_int_equal(hello(w, s), 0);
	assert_int_equal(port(w, s, 1), 0);
	assert_int_equal(port(w, s, 1), -EINVAL); /* twice */
	ended(w, s);
	s = dial(w);
	assert_int_equal(hello(w, s), 0);
	assert_int_equal(port(w, s, 0), -EINVAL);
	ended(w, s);
}

/* Each row is one lie about a hello. */
static void bad_hello(void **state)
{
	enum {
		BAD_MAGIC,
		BAD_VERSION,
		BAD_TYPE,
		BAD_SIZE,
		BAD_TABLE,
		BAD_ALIGN,
		BAD_GRANTS,
		NO_FD,
		TWO_FDS,
		SHORT,
		BADS
	};
	struct world *w = *state;
	int row;

	for (row = 0; row < BADS; row++) {
		struct hv_wire m = message(HV_WIRE_HELLO);
		int fd[2] = { memory(), memory() }, s = dial(w);
		unsigned nfd = row == NO_FD ? 0 : row == TWO_FDS ? 2 : 1;

		m.magic += row == BAD_MAGIC;
		m.version = (uint16_t)(m.version + (row == BAD_VERSION));
		m.type = row == BAD_TYPE ? 9 : m.type;
		m.hello.size += row == BAD_SIZE ? HV_PAGE : 0;
		m.hello.gtab_off = row == BAD_TABLE   ? MEM
				   : row == BAD_ALIGN ? 8
						      : 0;
		m.hello.grants = row == BAD_GRANTS ? UINT32_MAX : 32;
		assert_true(say(w, s, &m,
				row == SHORT ? sizeof(m) - 1 : sizeof(m), fd,
				nfd) < 0);
		msg_close_all(fd + nfd, 2 - nfd);
		ended(w, s);
	}
	assert_int_equal(w->hello, BADS); /* those of ended() */
}

static void ports_are_eventfds(void **state)
{
	struct world *w = *state;
	struct hv_wire m = message(HV_WIRE_PORT);
	int fd[2], s = dial(w);

	assert_int_equal(hello(w, s), 0);
	assert_int_equal(pipe(fd), 0);
	assert_int_equal(say(w, s, &m, sizeof(m), fd, 2), -EINVAL);
	ended(w, s);
	s = dial(w);
	assert_int_equal(hello(w, s), 0);
	fd[0] = eventfd(0, 0);
	assert_int_equal(say(w, s, &m, sizeof(m), fd, 1), -EPROTO);
	ended(w, s);
}

/* A guest that says nothing does not keep the door. */
static void silent_guest(void **state)
{
	struct world *w = *state;
	struct hv_wire r;
	int s = dial(w);

	assert_int_equal(msg_recv(s, &r, sizeof(r), NULL, NULL), -EAGAIN);
	clk.ahead_ms += 6000;
	assert_int_equal(answer(w, s, &r), sizeof(r));
	assert_int_equal(r.reply.rc, -ETIMEDOUT);
	assert_string_equal(r.reply.text, "no hello for 5 s");
	ended(w, s);
	assert_int_equal(w->gone, 1); /* the one of ended(): this never came */
	/* One that said hello may be silent. */
	s = dial(w);
	assert_int_equal(hello(w, s), 0);
	clk.ahead_ms += 6000;
	turns(w);
	assert_int_equal(w->gone, 1);
	assert_int_equal(port(w, s, 1), 0);
	close(s);
	turns(w);
	assert_int_equal(w->gone, 2);
}

/* The next one knocks while the last one is there, which then ends: both within
 * one turn.
 */
static void back_at_once(void **state)
{
	struct world *w = *state;
	int s = dial(w), next;

	assert_int_equal(hello(w, s), 0);
	turns(w); /* nothing is on its way: the knock is heard first */
	next = msg_connect(w->path, SOCK_SEQPACKET);
	assert_true(next >= 0);
	fcntl(next, F_SETFL, O_NONBLOCK);
	close(s);
	assert_int_equal(hello(w, next), 0);
	assert_int_equal(w->hello, 2);
	assert_int_equal(w->gone, 1);
	close(next);
	turns(w);
	assert_int_equal(w->gone, 2);
}

/* Who knocks all the time is heard 40 times, and then each 50 ms; no one is lost. */
static void knocks_too_often(void **state)
{
	enum { OFTEN = 60, BURST = 40, EACH_MS = 50 };
	struct world *w = *state;
	struct hv_wire r;
	int s[OFTEN], i, here = 1, ms = 0;

	syscall(SYS_clock_gettime, CLOCK_MONOTONIC, &clk.at);
	clk.stopped = true;
	s[0] = dial(w);
	assert_int_equal(hello(w, s[0]), 0);
	for (i = 1; i < OFTEN; i++) {
		s[i] = msg_connect(w->path, SOCK_SEQPACKET);
		assert_true(s[i] >= 0);
		fcntl(s[i], F_SETFL, O_NONBLOCK);
	}
	for (; here < OFTEN && ms < 1000000; ms += 5) {
		assert_int_equal(loop_turn(w->loop, 0), 0);
		for (i = here; i < OFTEN; i++) { /* in order */
			if (msg_recv(s[i], &r, sizeof(r), NULL, NULL) !=
			    sizeof(r))
				break;
			assert_int_equal(r.reply.rc, -EBUSY);
			here++;
		}
		assert_true(here <= BURST + 1 + ms / EACH_MS);
		clk.ahead_ms += 5;
		usleep(1000);
	}
	assert_int_equal(here, OFTEN);
	assert_true(ms >= (OFTEN - BURST - 2) * EACH_MS);
	assert_int_equal(w->gone, 0);
	for (i = 0; i < OFTEN; i++)
		close(s[i]);
	clk.stopped = false;
	turns(w);
}

/* While the last one is undone nobody is let in, and nobody is turned away. */
static void paused_door(void **state)
{
	struct world *w = *state;
	struct hv_wire m = message(HV_WIRE_HELLO), r;
	int fd = memory(), s;

	guestconn_pause(w->g, true);
	s = dial(w);
	assert_int_equal(msg_send(s, &m, sizeof(m), &fd, 1), 0);
	close(fd);
	turns(w);
	assert_int_equal(msg_recv(s, &r, sizeof(r), NULL, NULL), -EAGAIN);
	assert_int_equal(w->hello, 0);
	guestconn_pause(w->g, true); /* twice is once */
	guestconn_pause(w->g, false);
	assert_int_equal(answer(w, s, &r), sizeof(r));
	assert_int_equal(r.reply.rc, 0);
	assert_int_equal(w->hello, 1);
	close(s);
	turns(w);
}

/* --- the next netbackd --------------------------------------------------------- */

/* All that an estate keeps, as the next instance gets it. */
static struct estate *heir(struct estate *t)
{
	struct estate *next;
	int sv[2];

	assert_int_equal(estate_open(&next), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv), 0);
	assert_int_equal(estate_bequeath(t, sv[0], NULL, -1), 0);
	assert_int_equal(estate_inherit(next, sv[1]), 0);
	close(sv[0]);
	close(sv[1]);
	return next;
}

/* The same connection goes on with the next instance: memory, channels, and what
 * the guest says after that.
 */
static void another_takes_over(void **state)
{
	struct world *w = *state;
	struct estate *old, *next;
	const struct guestconn_port *p;
	struct err e = { "" };
	unsigned n;
	int s, memfd;

	assert_int_equal(estate_open(&old), 0);
	guestconn_keep(w->g, old);
	s = dial(w);
	assert_int_equal(hello(w, s), 0);
	assert_int_equal(port(w, s, 5), 0);
	assert_int_equal(port(w, s, 6), 0);
	next = heir(old);
	assert_int_equal(estate_waiting(next), 6);
	estate_freeze(old); /* it ends: nothing is dropped */
	guestconn_close(w->g);
	estate_close(old);
	assert_int_equal(w->gone, 0);

	assert_int_equal(guestconn_open(&w->g, w->loop, w->dir, 1, &ops, w, &e),
			 0);
	assert_null(guestconn_memory(w->g, &memfd));
	guestconn_keep(w->g, next);
	assert_int_equal(estate_waiting(next), 0);
	assert_int_equal(guestconn_memory(w->g, &memfd)->size, MEM);
	p = guestconn_ports(w->g, &n);
	assert_int_equal(n, 2);
	assert_int_equal(p[0].port + p[1].port, 11);
	assert_int_equal(port(w, s, 7), 0);
	assert_int_equal(port(w, s, 5), -EINVAL); /* known; and that is all */
	assert_int_equal(w->gone, 1);
	assert_null(guestconn_memory(w->g, &memfd));
	close(s);
	turns(w);
	guestconn_close(w->g);
	w->g = NULL;
	assert_int_equal(estate_waiting(next), 0);
	estate_close(next);
}

/* What came from outside is not believed: a connection without its memory, memory
 * that is none, half a channel.
 */
static const struct {
	const char *name[4];
	bool here;
	unsigned ports;
	bool other; /* its channel's second end is memory */
} odd[] = {
	{ { "hv.1" }, false, 0, false },
	{ { "hv.1", "mem.1.nonsense" }, false, 0, false },
	{ { "hv.1", "mem.1.65536.1.32" }, false, 0, false },
	{ { "hv.1", "mem.1.65536.0.99999999" }, false, 0, false },
	{ { "hv.1", "mem.1.65536.0.32", "from.1.7" }, true, 0, false },
	{ { "hv.1", "mem.1.65536.0.32", "from.1.x", "to.1.x" },
	  true,
	  0,
	  false },
	{ { "hv.1", "mem.1.65536.0.32", "from.1.0", "to.1.0" },
	  true,
	  0,
	  false },
	{ { "hv.1", "mem.1.65536.0.32", "from.1.7", "to.1.7" },
	  true,
	  1,
	  false },
	{ { "hv.1", "mem.1.65536.0.32", "from.1.7", "to.1.7" }, true, 0, true },
	{ { "hv.2", "mem.1.65536.0.32" }, false, 0, false },
};

static void odd_estates(void **state)
{
	struct world *w = *state;
	unsigned i, k, n;

	for (i = 0; i < ARRAY_SIZE(odd); i++) {
		struct estate *made, *t;
		struct err e = { "" };
		int fd[4] = { -1, -1, -1, -1 }, other, memfd, sv[2];

		assert_int_equal(estate_open(&made), 0);
		assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv), 0);
		for (k = 0; k < 4 && odd[i].name[k]; k++) {
			fd[k] = k == 0 ? sv[0]
				: k == 1 || (k == 3 && odd[i].other)
					? memory()
					: eventfd(0, 0);
			estate_keep(made, odd[i].name[k], fd[k]);
		}
		t = heir(made);
		estate_close(made);
		msg_close_all(fd, k);
		guestconn_close(w->g);
		assert_int_equal(
			guestconn_open(&w->g, w->loop, w->dir, 1, &ops, w, &e),
			0);
		guestconn_keep(w->g, t);
		assert_int_equal(guestconn_memory(w->g, &memfd) != NULL,
				 odd[i].here);
		guestconn_ports(w->g, &n);
		assert_int_equal(n, odd[i].ports);
		estate_settle(t);
		if (!odd[i].here) { /* then the door is open for others */
			other = dial(w);
			assert_int_equal(hello(w, other), 0);
			close(other);
			turns(w);
		}
		guestconn_close(w->g);
		w->g = NULL;
		estate_close(t);
		close(sv[1]);
	}
}

static void doors_that_cannot_be(void **state)
{
	struct world *w = *state;
	char deep[200] = "/tmp/", file[64];
	struct guestconn *g = NULL;
	struct err e = { "" };

	snprintf(file, sizeof(file), "%s/none", w->dir);
	assert_int_equal(guestconn_open(&g, w->loop, file, 2, &ops, w, &e),
			 -ENOENT);
	assert_non_null(strstr(e.text, "/none/dom/2/hv: No such file"));
	memset(deep + 5, 'd', sizeof(deep) - 6);
	assert_true(guestconn_open(&g, w->loop, deep, 2, &ops, w, &e) < 0);
	assert_non_null(strstr(e.text, "cannot listen at /tmp/ddd"));
	snprintf(file, sizeof(file), "%s/dom/1", w->dir);
	assert_int_equal(guestconn_open(&g, w->loop, file, 2, &ops, w, &e), 0);
	guestconn_close(g);
	snprintf(file, sizeof(file), "%s/dom/1/dom", w->dir);
	assert_int_equal(rmdir(file), 0);
	/* Somebody serves it. */
	g = NULL;
	assert_int_equal(guestconn_open(&g, w->loop, w->dir, 1, &ops, w, &e),
			 -EADDRINUSE);
	assert_null(g);
	unlink(w->path);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(good_guest, setup, teardown),
		cmocka_unit_test_setup_teardown(too_many_ports, setup,
						teardown),
		cmocka_unit_test_setup_teardown(wrong_order, setup, teardown),
		cmocka_unit_test_setup_teardown(bad_hello, setup, teardown),
		cmocka_unit_test_setup_teardown(ports_are_eventfds, setup,
						teardown),
		cmocka_unit_test_setup_teardown(silent_guest, setup, teardown),
		cmocka_unit_test_setup_teardown(back_at_once, setup, teardown),
		cmocka_unit_test_setup_teardown(knocks_too_often, setup,
						teardown),
		cmocka_unit_test_setup_teardown(paused_door, setup, teardown),
		cmocka_unit_test_setup_teardown(another_takes_over, setup,
						teardown),
		cmocka_unit_test_setup_teardown(odd_estates, setup, teardown),
		cmocka_unit_test_setup_teardown(doors_that_cannot_be, setup,
						teardown),
	};

	return cmocka_run_group_tests_name("guestconn", tests, NULL, NULL);
}
