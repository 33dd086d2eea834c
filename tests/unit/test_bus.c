// SPDX-License-Identifier: GPL-2.0-or-later
/* test_bus.c - the frontend's states against a real store and a puppet backend
 *
 * A store server runs as a child; the test itself plays toolstack and backend
 * (states written by hand) and, in a thread, netbackd's end of the link.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/msg.h"
#include "base/num.h"
#include "err.h"
#include "front/bus.h"
#include "hv_wire.h"
#include "store.h"
#include "store/server.h"

#define FRONT "/local/domain/1/device/vif/0"
#define BACK  "/local/domain/0/backend/vif/1/0"

enum { WAIT_MS = 5000 };

/* netbackd's end of the link. */
struct peer {
	pthread_t thread;
	int listen, conn;
	volatile int hellos, ports, refuse;
	struct hv_wire hello;
};

struct world {
	char run[64];
	pid_t server;
	struct store *s; /* domain 0 */
	struct loop *loop;
	struct peer peer;
	struct bus *bus;
	struct front_queue *q;
	struct front_features offers;
	int ups, downs;
};

static void peer_serve(struct peer *p, int conn)
{
	for (;;) {
		struct hv_wire w, r = { .magic = HV_WIRE_MAGIC,
					.version = HV_WIRE_VERSION,
					.type = HV_WIRE_REPLY };
		int fd[2];
		unsigned n = 2;

		if (msg_recv(conn, &w, sizeof(w), fd, &n) != sizeof(w))
			break;
		if (w.type == HV_WIRE_HELLO && n == 1) {
			p->hello = w;
			p->hellos++;
		} else if (w.type == HV_WIRE_PORT && n == 2) {
			p->ports++;
		}
		msg_close_all(fd, n);
		if (p->refuse) {
			r.reply.rc = -EPERM;
			snprintf(r.reply.text, sizeof(r.reply.text), "not you");
		}
		if (msg_send(conn, &r, sizeof(r), NULL, 0))
			break;
	}
}

static void *peer_main(void *arg)
{
	struct peer *p = arg;

	for (;;) {
		int conn = accept(p->listen, NULL, NULL);

		if (conn < 0)
			return NULL;
		p->conn = conn;
		peer_serve(p, conn);
		p->conn = -1;
		close(conn);
	}
}

static void peer_open(struct world *w)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/dom/1/hv", w->run);
	w->peer.conn = -1;
	w->peer.listen = msg_listen(path, SOCK_SEQPACKET, 0600);
	assert_true(w->peer.listen >= 0);
	/* The thread waits in accept. */
	assert_int_equal(fcntl(w->peer.listen, F_SETFL, 0), 0);
	assert_int_equal(
		pthread_create(&w->peer.thread, NULL, peer_main, &w->peer), 0);
}

static void peer_close(struct world *w)
{
	shutdown(w->peer.listen, SHUT_RDWR);
	if (w->peer.conn >= 0)
		shutdown(w->peer.conn, SHUT_RDWR);
	pthread_join(w->peer.thread, NULL);
	close(w->peer.listen);
}

static void put(struct world *w, const char *path, const char *value)
{
	assert_int_equal(store_write(w->s, path, value), 0);
}

static int get(struct world *w, const char *path)
{
	uint32_t n = 0;
	int rc = store_read_u32(w->s, path, UINT32_MAX, &n);

	return rc ? rc : (int)n;
}

/* What a toolstack writes; who may read what is the store's own test. */
static void attach(struct world *w)
{
	static const char *const front[] = { "n1", "r0" };
	static const char *const back[] = { "n0", "r1" };

	assert_int_equal(store_mkdir(w->s, FRONT), 0);
	assert_int_equal(store_chmod(w->s, FRONT, front, 2), 0);
	put(w, FRONT "/backend", BACK);
	put(w, FRONT "/backend-id", "0");
	put(w, FRONT "/mac", "02:00:00:00:00:01");
	put(w, FRONT "/mtu", "1400");
	put(w, FRONT "/state", "1");
	assert_int_equal(store_chmod(w->s, FRONT "/state", front, 2), 0);
	assert_int_equal(store_mkdir(w->s, BACK), 0);
	assert_int_equal(store_chmod(w->s, BACK, back, 2), 0);
	put(w, BACK "/feature-sg", "1");
	put(w, BACK "/feature-gso-tcpv4", "1");
	put(w, BACK "/feature-split-event-channels", "1");
	put(w, BACK "/state", "2");
}

static void on_changed(void *arg, struct front_queue *q,
		       const struct front_features *offers)
{
	struct world *w = arg;

	w->q = q;
	w->offers = *offers;
	if (q)
		w->ups++;
	else
		w->downs++;
}

static int bus_start_with(struct world *w, bool split,
			  const struct front_features *want, struct err *e)
{
	struct bus_conf conf = {
		.run = w->run,
		.domid = 1,
		.split = split,
		.want = *want,
		.wait_ms = 50,
		.loop = w->loop,
		.changed = on_changed,
		.arg = w,
	};

	return bus_open(&w->bus, &conf, e);
}

static const struct front_features all = { true, true, true, true, true, true };

static void bus_start(struct world *w)
{
	struct err e = { "" };

	assert_int_equal(bus_start_with(w, true, &all, &e), 0);
}

static bool reaches(struct world *w, const char *path, int want)
{
	uint64_t end = clock_ns() + WAIT_MS * 1000000ull;

	while (get(w, path) != want && clock_ns() < end)
		loop_turn(w->loop, 5);
	return get(w, path) == want;
}

static bool becomes(struct world *w, volatile int *n, int want)
{
	uint64_t end = clock_ns() + WAIT_MS * 1000000ull;

	while (*n != want && clock_ns() < end)
		loop_turn(w->loop, 5);
	return *n == want;
}

/* The backend's part of a connect. */
static void accept_guest(struct world *w)
{
	int ups = w->ups;

	assert_true(reaches(w, FRONT "/state", 4));
	put(w, BACK "/state", "4");
	assert_true(becomes(w, &w->ups, ups + 1));
	assert_non_null(w->q);
}

static int world_open(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	char path[128];

	snprintf(w->run, sizeof(w->run), "/tmp/nb-bus.XXXXXX");
	assert_non_null(mkdtemp(w->run));
	w->server = fork();
	if (!w->server) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		log_open("store", LOG_ERROR);
		_exit(store_server_main(w->run));
	}
	snprintf(path, sizeof(path), "%s/store", w->run);
	assert_int_equal(store_open(&w->s, path, WAIT_MS), 0);
	assert_int_equal(loop_open(&w->loop), 0);
	assert_int_equal(store_introduce(w->s, 1), 0);
	peer_open(w);
	attach(w);
	*state = w;
	return 0;
}

static int world_close(void **state)
{
	struct world *w = *state;
	char command[128];

	/* So that the frontend need not wait for an answer. */
	if (w->bus) {
		store_write(w->s, BACK "/state", "6");
		bus_close(w->bus);
	}
	peer_close(w);
	store_close(w->s);
	kill(w->server, SIGTERM);
	waitpid(w->server, NULL, 0);
	loop_close(w->loop);
	snprintf(command, sizeof(command), "rm -rf '%s'", w->run);
	free(w);
	return system(command) ? -1 : 0;
}

/* --- tests ------------------------------------------------------------------ */

static void connects(void **state)
{
	struct world *w = *state;

	bus_start(w);
	assert_int_equal(bus_mac(w->bus)[5], 1);
	assert_int_equal(bus_mtu(w->bus), 1400);
	assert_true(reaches(w, FRONT "/state", 4));
	assert_false(bus_up(w->bus));
	assert_int_equal(w->peer.hellos, 1);
	assert_int_equal(w->peer.ports, 2);
	assert_int_equal(get(w, FRONT "/event-channel-tx"), 1);
	assert_int_equal(get(w, FRONT "/event-channel-rx"), 2);
	assert_int_equal(get(w, FRONT "/event-channel"), -ENOENT);
	assert_true(get(w, FRONT "/tx-ring-ref") >= 8);
	assert_true(get(w, FRONT "/rx-ring-ref") >= 8);
	assert_int_equal(get(w, FRONT "/request-rx-copy"), 1);
	assert_int_equal(get(w, FRONT "/feature-rx-notify"), 1);
	assert_int_equal(get(w, FRONT "/feature-sg"), 1);
	assert_int_equal(get(w, FRONT "/feature-no-csum-offload"), 0);
	accept_guest(w);
	assert_true(w->offers.sg);
	assert_true(w->offers.gso4);
	assert_false(w->offers.gso6); /* not offered */
	assert_false(w->offers.csum6);
}

static void switches_off(void **state)
{
	const struct front_features none = { 0 };
	struct world *w = *state;
	struct err e = { "" };

	/* Left by a guest that used two channels. */
	put(w, FRONT "/event-channel-tx", "7");
	assert_int_equal(bus_start_with(w, false, &none, &e), 0);
	accept_guest(w);
	assert_int_equal(w->peer.ports, 1);
	assert_int_equal(get(w, FRONT "/event-channel"), 1);
	assert_int_equal(get(w, FRONT "/event-channel-tx"), -ENOENT);
	assert_int_equal(get(w, FRONT "/feature-sg"), 0);
	assert_int_equal(get(w, FRONT "/feature-gso-tcpv4"), 0);
	assert_int_equal(get(w, FRONT "/feature-rx-notify"), 0);
	assert_int_equal(get(w, FRONT "/feature-no-csum-offload"), 1);
	assert_false(w->offers.sg);
}

/* A backend that does not offer two channels gets one. */
static void takes_one_channel_if_not_offered(void **state)
{
	struct world *w = *state;

	put(w, BACK "/feature-split-event-channels", "0");
	bus_start(w);
	accept_guest(w);
	assert_int_equal(get(w, FRONT "/event-channel"), 1);
}

static void waits_for_the_backend(void **state)
{
	struct world *w = *state;

	put(w, BACK "/state", "1");
	bus_start(w);
	loop_turn(w->loop, 50);
	assert_int_equal(get(w, FRONT "/state"), 1);
	put(w, BACK "/state", "2");
	accept_guest(w);
}

/* Another netbackd: the same is said again, states and rings are left alone. */
static void links_again(void **state)
{
	struct world *w = *state;
	struct front_queue *q;
	struct hv_wire first;

	bus_start(w);
	accept_guest(w);
	q = w->q;
	first = w->peer.hello;
	shutdown(w->peer.conn, SHUT_RDWR);
	assert_true(becomes(w, &w->peer.ports, 4));
	assert_int_equal(w->peer.hellos, 2);
	assert_memory_equal(&first, &w->peer.hello, sizeof(first));
	loop_turn(w->loop, 20);
	assert_ptr_equal(w->q, q);
	assert_int_equal(w->downs, 0);
	assert_int_equal(get(w, FRONT "/state"), 4);
}

static void follows_a_closing_backend(void **state)
{
	struct world *w = *state;

	bus_start(w);
	accept_guest(w);
	put(w, BACK "/state", "5");
	assert_true(reaches(w, FRONT "/state", 6));
	assert_int_equal(w->downs, 1);
	put(w, BACK "/state", "6");
	loop_turn(w->loop, 20);
	/* It does not come back by itself .. */
	put(w, BACK "/state", "2");
	loop_turn(w->loop, 20);
	loop_turn(w->loop, 20);
	assert_int_equal(get(w, FRONT "/state"), 6);
	/* .. but when a toolstack starts it over. */
	put(w, FRONT "/state", "1");
	accept_guest(w);
	assert_int_equal(w->peer.hellos, 2);
}

static void survives_a_replug(void **state)
{
	struct world *w = *state;

	bus_start(w);
	accept_guest(w);
	assert_int_equal(store_rm(w->s, BACK), 0);
	assert_int_equal(store_rm(w->s, FRONT), 0);
	assert_true(becomes(w, &w->downs, 1));
	/* Nothing is written where the toolstack took everything away. */
	loop_turn(w->loop, 20);
	assert_int_equal(get(w, FRONT "/state"), -ENOENT);
	attach(w);
	accept_guest(w);
}

/* The guest before this one was killed: its states are still there. */
static void starts_over(void **state)
{
	struct world *w = *state;

	put(w, FRONT "/state", "4");
	put(w, BACK "/state", "6");
	bus_start(w);
	assert_int_equal(get(w, FRONT "/state"), 1);
	put(w, BACK "/state", "2");
	accept_guest(w);
}

static void tries_again_when_refused(void **state)
{
	struct world *w = *state;

	w->peer.refuse = 1;
	bus_start(w);
	loop_turn(w->loop, 20);
	assert_int_equal(get(w, FRONT "/state"), 1);
	w->peer.refuse = 0;
	accept_guest(w);
}

static void *leave_helper(void *arg)
{
	struct world *w = arg;
	struct store *s = NULL;
	char path[128];
	uint32_t n = 0;

	snprintf(path, sizeof(path), "%s/store", w->run);
	assert_int_equal(store_open(&s, path, WAIT_MS), 0);
	while (!store_read_u32(s, FRONT "/state", 9, &n) && n != 5)
		usleep(1000);
	store_write(s, BACK "/state", "5");
	while (!store_read_u32(s, FRONT "/state", 9, &n) && n != 6)
		usleep(1000);
	store_write(s, BACK "/state", "6");
	store_close(s);
	return NULL;
}

static void leaves_in_order(void **state)
{
	struct world *w = *state;
	pthread_t th;
	uint64_t t;

	bus_start(w);
	accept_guest(w);
	assert_int_equal(pthread_create(&th, NULL, leave_helper, w), 0);
	t = clock_ns();
	bus_close(w->bus);
	t = clock_ns() - t;
	w->bus = NULL;
	pthread_join(th, NULL);
	assert_int_equal(get(w, FRONT "/state"), 6);
	assert_int_equal(w->downs, 1);
	assert_true(t < 2000000000ull);
}

static void says_what_is_missing(void **state)
{
	struct world *w = *state;
	struct err e = { "" };
	char run[sizeof(w->run)];

	assert_int_equal(store_rm(w->s, FRONT), 0);
	assert_true(bus_start_with(w, true, &all, &e) < 0);
	assert_non_null(strstr(e.text, "vif1.0: nothing at " FRONT));
	assert_non_null(strstr(e.text, "vifctl attach vif1.0"));
	memcpy(run, w->run, sizeof(run));
	strcpy(w->run, "/nonexistent");
	assert_true(bus_start_with(w, true, &all, &e) < 0);
	assert_non_null(strstr(e.text, "/nonexistent/dom/1/store"));
	memcpy(w->run, run, sizeof(run));
	assert_null(w->bus);
}

#define bus_test(f) cmocka_unit_test_setup_teardown(f, world_open, world_close)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		bus_test(connects),
		bus_test(switches_off),
		bus_test(takes_one_channel_if_not_offered),
		bus_test(waits_for_the_backend),
		bus_test(links_again),
		bus_test(follows_a_closing_backend),
		bus_test(survives_a_replug),
		bus_test(starts_over),
		bus_test(tries_again_when_refused),
		bus_test(leaves_in_order),
		bus_test(says_what_is_missing),
	};

	log_open("test", LOG_ERROR);
	return cmocka_run_group_tests_name("bus", tests, NULL, NULL);
}
