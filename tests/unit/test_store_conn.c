// SPDX-License-Identifier: GPL-2.0-or-later
/* test_store_conn.c - the store server's sockets: pieces, slow readers, ends */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/grave.h"
#include "base/log.h"
#include "base/msg.h"
#include "base/num.h"
#include "store/conn.h"

static int yes(struct server *s, uint16_t dom)
{
	(void)s;
	(void)dom;
	return 0;
}

static int setup(void **state)
{
	struct server *s = tree_alloc(NULL, sizeof(*s));

	log_open("test", LOG_ERROR);
	memset(s, 0, sizeof(*s));
	s->introduce = s->release = yes;
	assert_int_equal(loop_open(&s->loop), 0);
	assert_int_equal(db_open(&s->db, journal_create()), 0);
	*state = s;
	return 0;
}

static void kill_all(struct server *s)
{
	struct conn *c;

	for (c = s->conns; c; c = c->next)
		conn_kill(c);
	conn_sweep(s);
}

static int teardown(void **state)
{
	struct server *s = *state;
	unsigned i;

	kill_all(s);
	for (i = 0; i < CONN_DOMS; i++)
		grave_close(s->dom[i].grave);
	db_close(&s->db);
	loop_close(s->loop);
	free(s);
	return 0;
}

/* The client's end; it does not wait. */
static int client(struct server *s, uint16_t dom, struct conn **out)
{
	struct conn *c;
	int sv[2];

	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv), 0);
	c = conn_open(s, sv[0], dom);
	assert_non_null(c);
	if (out)
		*out = c;
	return sv[1];
}

static void turn(struct server *s)
{
	assert_int_equal(loop_turn(s->loop, 0), 0);
}

static size_t request(uint8_t *buf, uint32_t type, const char *a, const char *b)
{
	size_t na = strlen(a) + 1, nb = b ? strlen(b) : 0;
	struct xsd_sockmsg h = { type, 7, 0, (uint32_t)(na + nb) };

	memcpy(buf, &h, sizeof(h));
	memcpy(buf + sizeof(h), a, na);
	if (nb)
		memcpy(buf + sizeof(h) + na, b, nb);
	return sizeof(h) + na + nb;
}

/* One answer; its body in `body`. The type, 0 when there is none yet. */
static uint32_t answer(int sock, char *body, size_t size)
{
	struct xsd_sockmsg h;

	if (recv(sock, &h, sizeof(h), 0) != sizeof(h))
		return 0;
	assert_true(h.len < size);
	assert_int_equal(recv(sock, body, h.len, 0), h.len);
	body[h.len] = '\0';
	return h.type;
}

static void ended(struct server *s, int sock)
{
	char c;

	turn(s);
	assert_null(s->conns);
	/* A guest's is closed by a thread of its own. */
	fcntl(sock, F_SETFL, 0);
	assert_true(recv(sock, &c, 1, 0) <= 0);
	close(sock);
}

/* However a request is cut: one answer, of the whole of it. */
static void in_pieces(void **state)
{
	struct server *s = *state;
	int sock = client(s, 0, NULL);
	uint8_t buf[256];
	char body[64];
	size_t n, i;

	n = request(buf, XS_WRITE, "/a", "value");
	for (i = 0; i < n; i++) {
		assert_int_equal(answer(sock, body, sizeof(body)), 0);
		assert_int_equal(send(sock, buf + i, 1, 0), 1);
		turn(s);
	}
	assert_int_equal(answer(sock, body, sizeof(body)), XS_WRITE);
	/* Two at once, in order. */
	n = request(buf, XS_READ, "/a", NULL);
	n += request(buf + n, XS_READ, "/none", NULL);
	assert_int_equal(send(sock, buf, n, 0), n);
	turn(s);
	assert_int_equal(answer(sock, body, sizeof(body)), XS_READ);
	assert_string_equal(body, "value");
	assert_int_equal(answer(sock, body, sizeof(body)), XS_ERROR);
	assert_string_equal(body, "ENOENT");
	close(sock);
	turn(s);
	assert_null(s->conns);
}

/* Answers wait for who does not read, and no further request is taken; then all
 * comes in order. What one wrote is told to the others in the same turn.
 */
static void slow_reader(void **state)
{
	enum { MANY = 600, LONG = 3000 };
	struct server *s = *state;
	struct conn *slow;
	int zero = client(s, 0, NULL), sock = client(s, 0, &slow);
	int one = 1;
	uint8_t buf[XENSTORE_PAYLOAD_MAX + 64];
	char text[LONG + 1], body[XENSTORE_PAYLOAD_MAX + 1];
	unsigned sent, got;
	size_t n;

	memset(text, 'x', LONG);
	text[LONG] = '\0';
	setsockopt(slow->fd, SOL_SOCKET, SO_SNDBUF, &one, sizeof(one));
	n = request(buf, XS_WRITE, "/big", text);
	assert_int_equal(send(zero, buf, n, 0), n);
	turn(s);
	assert_int_equal(answer(zero, body, sizeof(body)), XS_WRITE);
	n = request(buf, XS_READ, "/big", NULL);
	for (sent = 0; sent < MANY; sent++) {
		if (send(sock, buf, n, 0) != (ssize_t)n)
			break;
		turn(s);
	}
	assert_true(slow->nout > 0);
	/* Of a burst one answer, or as many as were on their way. */
	assert_in_range(slow->out_room, 1, 16 * LONG);
	/* Others are served meanwhile. */
	assert_int_equal(send(zero, buf, n, 0), n);
	turn(s);
	assert_int_equal(answer(zero, body, sizeof(body)), XS_READ);
	for (got = 0; got < sent;) {
		uint32_t type = answer(sock, body, sizeof(body));

		if (!type) {
			assert_int_equal(loop_turn(s->loop, 1000), 0);
			continue;
		}
		assert_int_equal(type, XS_READ);
		assert_string_equal(body, text);
		got++;
	}
	turn(s);
	assert_int_equal(slow->nout, 0);
	close(sock);
	close(zero);
	turn(s);
	turn(s);
	assert_null(s->conns);
}

static void watch(struct server *s, int sock)
{
	uint8_t buf[64];
	char body[64];
	size_t n = request(buf, XS_WATCH, "/w", "t");

	buf[n++] = '\0'; /* "/w\0t\0" */
	((struct xsd_sockmsg *)(void *)buf)->len++;
	assert_int_equal(send(sock, buf, n, 0), n);
	turn(s);
	assert_int_equal(answer(sock, body, sizeof(body)), XS_WATCH);
	assert_int_equal(answer(sock, body, sizeof(body)), XS_WATCH_EVENT);
}

/* Writes below /w until more than `want` bytes of events wait in *c. */
static void pile(struct server *s, const struct conn *c, size_t want)
{
	int sock = client(s, 0, NULL), one = 1;
	uint8_t buf[64];
	char path[32], body[64];
	unsigned i;

	setsockopt(c->fd, SOL_SOCKET, SO_SNDBUF, &one, sizeof(one));
	for (i = 0; i < 20000 && c->nout <= want; i++) {
		size_t n;

		snprintf(path, sizeof(path), "/w/%u", i % 100);
		n = request(buf, XS_WRITE, path, "x");
		assert_int_equal(send(sock, buf, n, 0), n);
		turn(s);
		assert_int_equal(answer(sock, body, sizeof(body)), XS_WRITE);
	}
	assert_true(c->nout > want);
	close(sock);
	turn(s);
}

/* Much room that was needed once is given back when all is read. */
static void room_is_given_back(void **state)
{
	struct server *s = *state;
	struct conn *c;
	int sock = client(s, 0, &c);
	char buf[4096];
	unsigned i;

	watch(s, sock);
	pile(s, c, CONN_OUT / 3);
	assert_true(c->out_room > CONN_OUT / 4);
	for (i = 0; i < 100000 && c->nout; i++) {
		while (recv(sock, buf, sizeof(buf), 0) > 0)
			;
		turn(s);
	}
	assert_int_equal(c->nout, 0);
	assert_int_equal(c->out_room, 0);
	assert_null(c->out);
	close(sock);
	turn(s);
	assert_null(s->conns);
}

/* It goes, or says that it will neither read nor write, with events unread:
 * nobody waits for it, or reads what else it asked.
 */
static void ends_with_a_pile(void **state)
{
	struct server *s = *state;
	struct conn *c;
	uint8_t buf[64];
	size_t n;
	int sock, i;

	for (i = 0; i < 2; i++) {
		sock = client(s, 0, &c);
		watch(s, sock);
		pile(s, c, 1);
		n = request(buf, XS_WRITE, "/late", "x");
		assert_int_equal(send(sock, buf, n, 0), n);
		if (i)
			shutdown(sock, SHUT_RDWR);
		else
			close(sock);
		turn(s);
		assert_null(s->conns);
		assert_int_equal(s->dom[0].nwatch, 0);
		if (i)
			close(sock);
		sock = client(s, 0, NULL);
		n = request(buf, XS_READ, "/late", NULL);
		assert_int_equal(send(sock, buf, n, 0), n);
		turn(s);
		assert_int_equal(answer(sock, (char *)buf, sizeof(buf)),
				 XS_ERROR);
		close(sock);
		turn(s);
	}
}

/* To one that is to end nothing more is said, though its watches stand. */
static void the_dead_are_not_told(void **state)
{
	struct server *s = *state;
	struct conn *c;
	int sock = client(s, 0, &c), zero = client(s, 0, NULL);
	uint8_t buf[64];
	size_t n = request(buf, XS_WRITE, "/w/x", "1");
	char b;

	watch(s, sock);
	conn_kill(c);
	assert_int_equal(send(zero, buf, n, 0), n);
	turn(s);
	assert_int_equal(recv(sock, &b, 1, 0), 0);
	close(sock);
	close(zero);
	turn(s);
	assert_null(s->conns);
}

static void watch_is_told_at_once(void **state)
{
	struct server *s = *state;
	int a = client(s, 0, NULL), b = client(s, 0, NULL);
	uint8_t buf[64];
	char body[64];
	size_t n;

	watch(s, b);
	n = request(buf, XS_WRITE, "/w/x", "1");
	assert_int_equal(send(a, buf, n, 0), n);
	turn(s);
	assert_int_equal(answer(b, body, sizeof(body)), XS_WATCH_EVENT);
	assert_string_equal(body, "/w/x");
	/* One that is gone is not told, and harms nobody. */
	close(b);
	assert_int_equal(send(a, buf, n, 0), n);
	turn(s);
	turn(s);
	assert_int_equal(answer(a, body, sizeof(body)), XS_WRITE);
	assert_int_equal(answer(a, body, sizeof(body)), XS_WRITE);
	close(a);
}

/* A descriptor has no business there; nobody waits for its close. */
static void descriptors_end_it(void **state)
{
	struct server *s = *state;
	uint8_t buf[64];
	size_t n = request(buf, XS_READ, "/a", NULL);
	uint16_t dom;
	int end[2], sock;
	char c;

	for (dom = 0; dom < 2; dom++) {
		assert_true(conn_may_open(s, dom));
		sock = client(s, dom, NULL);
		assert_int_equal(pipe(end), 0);
		assert_int_equal(msg_send(sock, buf, n, &end[1], 1), 0);
		close(end[1]);
		ended(s, sock);
		assert_int_equal(read(end[0], &c, 1),
				 0); /* closed there, too */
		close(end[0]);
		/* Then it may come again, a domain of its own soon. */
		while (!conn_may_open(s, dom))
			usleep(1000);
	}
}

static void too_many_connections(void **state)
{
	struct server *s = *state;
	int sock[CONN_PER_DOM], sv[2];
	unsigned i;
	char c;

	for (i = 0; i < CONN_PER_DOM; i++)
		sock[i] = client(s, 3, NULL);
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, sv), 0);
	assert_null(conn_open(s, sv[0], 3));
	fcntl(sv[1], F_SETFL, 0);
	assert_true(recv(sv[1], &c, 1, 0) <= 0);
	close(sv[1]);
	/* Another domain's are its own. */
	close(client(s, 4, NULL));
	for (i = 0; i < CONN_PER_DOM; i++)
		close(sock[i]);
	for (i = 0; i < 4; i++)
		turn(s);
	assert_null(s->conns);
	assert_int_equal(s->dom[3].nconn, 0);
	close(client(s, 3, NULL));
	/* What cannot be waited for is no connection. */
	assert_int_equal(pipe(sv), 0);
	close(sv[1]);
	sv[1] = open("/dev", O_RDONLY | O_DIRECTORY);
	assert_null(conn_open(s, sv[1], 5));
	assert_int_equal(s->dom[5].nconn, 0);
	close(sv[0]);
}

static void nobody_reads_and_it_ends(void **state)
{
	struct server *s = *state;
	struct conn *c;
	int sock = client(s, 0, &c);
	uint8_t buf[64];
	size_t n = request(buf, XS_READ, "/", NULL);

	assert_int_equal(send(sock, buf, n, 0), n);
	shutdown(sock, SHUT_RD);
	turn(s);
	turn(s);
	assert_null(s->conns);
	close(sock);
	/* Ends before a header, and in the middle of a body. */
	sock = client(s, 0, NULL);
	assert_int_equal(send(sock, buf, 5, 0), 5);
	shutdown(sock, SHUT_WR);
	ended(s, sock);
	sock = client(s, 0, NULL);
	assert_int_equal(send(sock, buf, n - 1, 0), n - 1);
	shutdown(sock, SHUT_WR);
	ended(s, sock);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(in_pieces),
		TEST(slow_reader),
		TEST(room_is_given_back),
		TEST(ends_with_a_pile),
		TEST(the_dead_are_not_told),
		TEST(watch_is_told_at_once),
		TEST(descriptors_end_it),
		TEST(too_many_connections),
		TEST(nobody_reads_and_it_ends),
	};

	return cmocka_run_group_tests_name("store conn", tests, NULL, NULL);
}
