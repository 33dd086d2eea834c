// SPDX-License-Identifier: GPL-2.0-or-later
/* test_store_ops.c - the store server behind the socket: answers, rights,
 * quotas, garbage
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/num.h"
#include "store/conn.h"

static int yes(struct server *s, uint16_t dom)
{
	(void)s;
	(void)dom;
	return 0;
}

static struct server *server_new(void)
{
	struct server *s = tree_alloc(NULL, sizeof(*s));
	int fd = journal_create();

	memset(s, 0, sizeof(*s));
	s->introduce = s->release = yes;
	assert_int_equal(loop_open(&s->loop), 0);
	assert_int_equal(db_open(&s->db, fd), 0);
	return s;
}

static void server_free(struct server *s)
{
	struct conn *c;

	for (c = s->conns; c; c = c->next)
		conn_kill(c);
	conn_sweep(s);
	db_close(&s->db);
	loop_close(s->loop);
	free(s);
}

static int setup(void **state)
{
	*state = server_new();
	return 0;
}

static int teardown(void **state)
{
	server_free(*state);
	return 0;
}

/* What the last message in the output is; the output is emptied. */
static char answer[8192];
static uint32_t answer_type, answer_len, events;

static void take(struct conn *c)
{
	size_t at = 0;

	events = 0;
	answer_type = XS_INVALID;
	while (at < c->nout) {
		struct xsd_sockmsg h;

		memcpy(&h, c->out + at, sizeof(h));
		at += sizeof(h);
		if (h.type == XS_WATCH_EVENT) {
			events++;
		} else {
			answer_type = h.type;
			answer_len = h.len;
			memcpy(answer, c->out + at, h.len);
			answer[h.len] = '\0';
		}
		at += h.len;
	}
	c->nout = 0;
}

/* Body: `n` bytes. Returns "" for an answer of the same type, else its error
 * text.
 */
static const char *ask(struct conn *c, uint32_t type, uint32_t tx,
		       const void *body, size_t n)
{
	struct xsd_sockmsg h = { type, 77, tx, (uint32_t)n };

	conn_feed(c, (void *)&h, sizeof(h));
	conn_feed(c, body, n);
	take(c);
	if (answer_type == type)
		return "";
	return answer_type == XS_ERROR ? answer : "no answer";
}

static const char *ask1(struct conn *c, uint32_t type, const char *s)
{
	return ask(c, type, 0, s, strlen(s) + 1);
}

static const char *ask2(struct conn *c, uint32_t type, const char *a,
			const char *b)
{
	char body[8192];
	size_t n = strlen(a) + 1, k = strlen(b) + (type != XS_WRITE);

	memcpy(body, a, n);
	memcpy(body + n, b, k);
	return ask(c, type, 0, body, n + k);
}

static const struct {
	uint32_t type;
	const char *body;
	size_t n;
	const char *want;
} row[] = {
	{ XS_READ, "/local", 7, "" },
	{ XS_READ, "/local", 6, "EINVAL" }, /* no NUL */
	{ XS_READ, "/local\0x", 9, "EINVAL" },
	{ XS_READ, "", 0, "EINVAL" },
	{ XS_READ, "/nope", 6, "ENOENT" },
	{ XS_READ, "/local/", 8, "EINVAL" },
	{ XS_READ, "/local//domain", 15, "EINVAL" },
	{ XS_READ, "/loc al", 8, "EINVAL" },
	{ XS_READ, "/lo\xc3\xa9", 6, "EINVAL" },
	{ XS_WRITE, "/a/b", 5, "" },
	{ XS_WRITE, "/a/b", 4, "EINVAL" },
	{ XS_DIRECTORY, "/a", 3, "" },
	{ XS_MKDIR, "/a/c", 5, "" },
	{ XS_MKDIR, "/a/c", 5, "" },
	{ XS_RM, "/a/nope", 8, "" },
	{ XS_RM, "/nope/nope", 11, "ENOENT" },
	{ XS_RM, "/", 2, "EINVAL" },
	{ XS_GET_PERMS, "/a", 3, "" },
	{ XS_SET_PERMS, "/a\0n0\0r5", 9, "" },
	{ XS_SET_PERMS, "/a\0x0", 6, "EINVAL" },
	{ XS_SET_PERMS, "/a", 3, "EINVAL" },
	{ XS_SET_PERMS, "/a\0n99999", 10, "EINVAL" },
	{ XS_WATCH, "/a\0t", 5, "" },
	{ XS_WATCH, "/a\0t", 5, "EEXIST" },
	{ XS_WATCH, "/a/\0t", 6, "EINVAL" },
	{ XS_WATCH, "/a", 3, "EINVAL" },
	{ XS_UNWATCH, "/a\0t", 5, "" },
	{ XS_UNWATCH, "/a\0t", 5, "ENOENT" },
	{ XS_TRANSACTION_END, "T", 2, "ENOENT" },
	{ XS_TRANSACTION_END, "X", 2, "EINVAL" },
	{ XS_GET_DOMAIN_PATH, "5", 2, "" },
	{ XS_GET_DOMAIN_PATH, "x", 2, "EINVAL" },
	{ XS_INTRODUCE, "0\0001\0001", 6, "EINVAL" },
	{ XS_INTRODUCE, "70000\0001\0001", 10, "EINVAL" },
	{ XS_INTRODUCE, "5\0001\0001", 6, "" },
	{ XS_IS_DOMAIN_INTRODUCED, "5", 2, "" },
	{ XS_RELEASE, "6", 2, "ENOENT" },
	{ XS_RELEASE, "5", 2, "" },
	{ XS_RESET_WATCHES, "", 0, "" },
	{ XS_SET_TARGET, "5\0006", 4, "ENOSYS" },
	{ 17 + 2, "", 0, "ENOSYS" },
	{ 4000, "", 0, "ENOSYS" },
};

static void ops_answer_as_xenstored(void **state)
{
	struct conn *c = conn_open(*state, -1, 0);
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		const char *got = ask(c, row[i].type, 0, row[i].body, row[i].n);

		if (strcmp(got, row[i].want))
			fail_msg("row %u: %s, not %s", i, got, row[i].want);
	}
	assert_string_equal(ask(c, XS_READ, 9, "/a", 3), "ENOENT");
}

static void ops_path_lengths(void **state)
{
	struct conn *c = conn_open(*state, -1, 0);
	char path[4096] = "/local/domain/5/";
	size_t n = strlen(path);

	memset(path + n, 'a', XENSTORE_REL_PATH_MAX);
	assert_string_equal(ask1(c, XS_MKDIR, path), "");
	path[n + XENSTORE_REL_PATH_MAX] = 'a';
	assert_string_equal(ask1(c, XS_MKDIR, path), "EINVAL");
	memset(path, 0, sizeof(path));
	memset(path, 'a', XENSTORE_REL_PATH_MAX + 1);
	path[0] = '/';
	assert_string_equal(ask1(c, XS_MKDIR, path), "EINVAL");
	path[XENSTORE_REL_PATH_MAX] = '\0';
	assert_string_equal(ask1(c, XS_MKDIR, path), "");
}

static void ops_large_directories_come_in_parts(void **state)
{
	struct conn *c = conn_open(*state, -1, 0);
	unsigned i, off = 0, seen = 0;
	char path[64], from[16];

	for (i = 0; i < 1500; i++) {
		sprintf(path, "/dir/child%u", i);
		assert_string_equal(ask1(c, XS_MKDIR, path), "");
	}
	assert_string_equal(ask1(c, XS_DIRECTORY, "/dir"), "E2BIG");
	for (;;) {
		size_t k;
		unsigned at;

		sprintf(from, "%u", off);
		assert_string_equal(ask2(c, XS_DIRECTORY_PART, "/dir", from),
				    "");
		k = strlen(answer) + 1;
		assert_in_range(answer_len, k + 1, XENSTORE_PAYLOAD_MAX);
		for (at = (unsigned)k; at < answer_len && answer[at];
		     at += (unsigned)strlen(answer + at) + 1)
			seen++;
		off += answer_len - (unsigned)k;
		if (!answer[answer_len - 1] && !answer[answer_len - 2])
			break;
	}
	assert_int_equal(seen, 1500);
}

static void ops_guests_are_kept_apart(void **state)
{
	struct conn *zero = conn_open(*state, -1, 0);
	struct conn *one = conn_open(*state, -1, 1);
	struct conn *two = conn_open(*state, -1, 2);

	ask2(zero, XS_WRITE, "/local/domain/1/own/x", "1");
	assert_string_equal(
		ask(zero, XS_SET_PERMS, 0, "/local/domain/1/own\0n1", 23), "");
	ask2(zero, XS_WRITE, "/local/domain/1/ro", "1");
	assert_string_equal(
		ask(zero, XS_SET_PERMS, 0, "/local/domain/1/ro\0n0\0r1", 25),
		"");
	/* What it may not see, it does not even learn to be absent. */
	assert_string_equal(ask1(one, XS_READ, "/tool/nope"), "EACCES");
	assert_string_equal(ask1(one, XS_READ, "/tool"), "EACCES");
	assert_string_equal(ask1(one, XS_DIRECTORY, "/"), "EACCES");
	assert_string_equal(ask2(one, XS_WRITE, "/x", "1"), "EACCES");
	/* Read-only: read, not written, not removed, not given away. */
	assert_string_equal(ask1(one, XS_READ, "ro"), "");
	assert_string_equal(ask2(one, XS_WRITE, "ro", "2"), "EACCES");
	assert_string_equal(ask1(one, XS_RM, "ro"), "EACCES");
	assert_string_equal(ask(one, XS_SET_PERMS, 0, "ro\0n1", 6), "EACCES");
	/* Its own. */
	assert_string_equal(ask2(one, XS_WRITE, "own/y/z", "1"), "");
	assert_string_equal(ask1(one, XS_GET_PERMS, "own/y"), "");
	assert_string_equal(answer, "n1");
	assert_string_equal(ask(one, XS_SET_PERMS, 0, "own\0n0", 7), "EPERM");
	assert_string_equal(ask(one, XS_SET_PERMS, 0, "own\0n1\0r2", 10), "");
	/* Another guest: what was given, no more. */
	assert_string_equal(ask1(two, XS_DIRECTORY, "/local/domain/1/own"), "");
	assert_string_equal(ask1(two, XS_READ, "/local/domain/1/own/y"),
			    "EACCES");
	assert_string_equal(ask2(two, XS_WRITE, "/local/domain/1/own/q", "1"),
			    "EACCES");
	/* Toolstack's words. */
	assert_string_equal(ask(one, XS_INTRODUCE, 0, "3\0001\0001", 6),
			    "EACCES");
	assert_string_equal(ask1(one, XS_RELEASE, "2"), "EACCES");
}

static void ops_watches_tell_who_may_know(void **state)
{
	struct conn *zero = conn_open(*state, -1, 0);
	struct conn *one = conn_open(*state, -1, 1);

	assert_string_equal(ask2(one, XS_WATCH, "/secret", "s"), "");
	assert_int_equal(events, 1); /* once at set time */
	assert_string_equal(ask2(one, XS_WATCH, "/open", "o"), "");
	assert_string_equal(ask2(zero, XS_WATCH, "/", "all"), "");
	ask2(zero, XS_WRITE, "/secret/a", "1");
	assert_int_equal(events, 1);
	take(one);
	assert_int_equal(events, 0);
	ask2(zero, XS_WRITE, "/open/a", "1");
	take(one);
	assert_int_equal(events, 0);
	ask(zero, XS_SET_PERMS, 0, "/open/a\0r0", 11);
	take(one);
	assert_int_equal(events, 1);
	/* Losing the right is still told. */
	ask(zero, XS_SET_PERMS, 0, "/open/a\0n0", 11);
	take(one);
	assert_int_equal(events, 1);
	ask2(zero, XS_WRITE, "/open/a", "2");
	take(one);
	assert_int_equal(events, 0);
	ask(zero, XS_SET_PERMS, 0, "/open/a\0r0", 11);
	ask2(one, XS_WATCH, "/open/a", "x");
	take(one);
	/* Removing the parent: its watch, and the child's own. */
	ask(zero, XS_SET_PERMS, 0, "/open\0r0", 9);
	take(one);
	assert_string_equal(ask1(zero, XS_RM, "/open"), "");
	take(one);
	assert_int_equal(events, 2);
}

static void ops_transactions_tell_at_the_end(void **state)
{
	struct conn *a = conn_open(*state, -1, 0);
	struct conn *b = conn_open(*state, -1, 0);
	uint32_t tx;

	ask2(b, XS_WATCH, "/t", "w");
	assert_string_equal(ask1(a, XS_TRANSACTION_START, ""), "");
	tx = (uint32_t)atoi(answer);
	assert_string_equal(ask(a, XS_WRITE, tx, "/t/a\0001", 6), "");
	assert_string_equal(ask(a, XS_WRITE, tx, "/t/b\0001", 6), "");
	take(b);
	assert_int_equal(events, 0);
	assert_string_equal(ask1(b, XS_READ, "/t/a"), "ENOENT");
	assert_string_equal(ask(a, XS_TRANSACTION_END, tx, "T", 2), "");
	take(b);
	assert_int_equal(events, 2);
	assert_string_equal(ask1(b, XS_READ, "/t/a"), "");

	assert_string_equal(ask1(a, XS_TRANSACTION_START, ""), "");
	tx = (uint32_t)atoi(answer);
	assert_string_equal(ask(a, XS_WRITE, tx, "/t/a\0002", 6), "");
	assert_string_equal(ask2(b, XS_WRITE, "/t/a", "3"), "");
	assert_string_equal(ask(a, XS_TRANSACTION_END, tx, "T", 2), "EAGAIN");
	assert_string_equal(ask1(b, XS_READ, "/t/a"), "");
	assert_string_equal(answer, "3");
}

static void ops_quotas(void **state)
{
	struct conn *zero = conn_open(*state, -1, 0);
	struct conn *one = conn_open(*state, -1, 1);
	char path[64], big[CONN_NODE_SIZE + 1];
	const char *got = "";
	unsigned i;

	ask1(zero, XS_MKDIR, "/local/domain/1");
	ask(zero, XS_SET_PERMS, 0, "/local/domain/1\0n1", 19);
	for (i = 0; i < 2 * CONN_NODES && !got[0]; i++) {
		sprintf(path, "d%u/n%u", i / 50, i);
		got = ask2(one, XS_WRITE, path, "");
	}
	assert_string_equal(got, "ENOSPC");
	assert_in_range(i, CONN_NODES - 100, CONN_NODES);
	assert_int_equal(
		tree_use_get(&((struct server *)*state)->db.tree.use, 1),
		CONN_NODES);
	assert_string_equal(ask1(one, XS_RM, "d0"), "");
	assert_string_equal(ask2(one, XS_WRITE, "again", ""), "");

	memset(big, 'x', CONN_NODE_SIZE);
	big[CONN_NODE_SIZE] = '\0';
	assert_string_equal(ask2(one, XS_WRITE, "again", big), "ENOSPC");
	assert_string_equal(ask2(zero, XS_WRITE, "/big", big), "");

	for (i = 0, got = ""; i < 1000 && !got[0]; i++) {
		sprintf(path, "w%u", i);
		got = ask2(one, XS_WATCH, path, "t");
	}
	assert_string_equal(got, "E2BIG");
	assert_int_equal(i, CONN_WATCHES + 1);
	for (i = 0, got = ""; i < 1000 && !got[0]; i++)
		got = ask1(one, XS_TRANSACTION_START, "");
	assert_string_equal(got, "ENOSPC");
	assert_int_equal(i, CONN_TXNS + 1);
	assert_string_equal(
		ask(one, XS_SET_PERMS, 0, "again\0n1\0r2\0r3\0r4\0r5\0r6", 24),
		"ENOSPC");
	for (i = 1; i < CONN_PER_DOM; i++)
		assert_non_null(conn_open(*state, -1, 1));
	assert_null(conn_open(*state, -1, 1));
}

static void ops_refused_write_makes_nothing(void **state)
{
	struct tree *t = &((struct server *)*state)->db.tree;
	struct conn *zero = conn_open(*state, -1, 0);
	struct conn *one = conn_open(*state, -1, 1);
	const char *got = "";
	char path[64];
	uint32_t tx;
	unsigned i;

	ask1(zero, XS_MKDIR, "/local/domain/1");
	ask(zero, XS_SET_PERMS, 0, "/local/domain/1\0n1", 19);
	for (i = 0; !got[0]; i++) {
		sprintf(path, "d%u/n%u", i / 50, i);
		got = ask2(one, XS_WRITE, path, "");
	}
	assert_string_equal(ask1(one, XS_RM, "d0/n0"), "");
	assert_string_equal(ask1(one, XS_RM, "d0/n1"), "");
	assert_string_equal(ask1(one, XS_TRANSACTION_START, ""), "");
	tx = (uint32_t)atoi(answer);
	assert_string_equal(ask(one, XS_WRITE, tx, "a/b/c\0x", 7), "ENOSPC");
	assert_string_equal(ask(one, XS_READ, tx, "a", 2), "ENOENT");
	assert_string_equal(ask(one, XS_WRITE, tx, "a/b\0x", 5), "");
	assert_string_equal(ask(one, XS_TRANSACTION_END, tx, "T", 2), "");
	assert_int_equal(tree_use_get(&t->use, 1), CONN_NODES);
	assert_string_equal(ask2(one, XS_WRITE, "e/f", ""), "ENOSPC");
	assert_string_equal(ask1(one, XS_READ, "e"), "ENOENT");
}

static void ops_who_does_not_read_is_dropped(void **state)
{
	struct conn *zero = conn_open(*state, -1, 0);
	struct conn *one = conn_open(*state, -1, 1);
	unsigned i;

	ask2(one, XS_WATCH, "/local", "token");
	ask(zero, XS_SET_PERMS, 0, "/local\0r0", 10);
	for (i = 0; i < 100000 && !one->dead; i++)
		ask2(zero, XS_WRITE, "/local/x", "1");
	assert_true(one->dead);
	assert_in_range(one->out_room, 1, 3 * CONN_OUT);
	conn_sweep(*state);
	assert_string_equal(ask1(zero, XS_READ, "/local/x"), "");
}

static void ops_release_leaves_nothing(void **state)
{
	struct conn *zero = conn_open(*state, -1, 0);
	struct conn *one;

	ask(zero, XS_INTRODUCE, 0, "1\0001\0001", 6);
	one = conn_open(*state, -1, 1);
	ask2(zero, XS_WRITE, "/local/domain/1/own", "");
	ask(zero, XS_SET_PERMS, 0, "/local/domain/1/own\0n1", 23);
	ask2(one, XS_WRITE, "own/a", "1");
	ask2(zero, XS_WRITE, "/shared", "");
	ask(zero, XS_SET_PERMS, 0, "/shared\0n0\0b1\0r2", 17);
	assert_string_equal(ask1(zero, XS_RELEASE, "1"), "");
	assert_true(one->dead);
	assert_string_equal(ask1(zero, XS_READ, "/local/domain/1/own"),
			    "ENOENT");
	assert_string_equal(ask1(zero, XS_GET_PERMS, "/shared"), "");
	assert_int_equal(answer_len, 6);
	assert_memory_equal(answer, "n0\0r2", 6);
}

static void ops_garbage_harms_nobody(void **state)
{
	struct server *s = *state;
	struct conn *good = conn_open(s, -1, 0);
	uint32_t seed = 1;
	unsigned round, i;

	ask2(good, XS_WRITE, "/local/domain/1/a", "1");
	ask(good, XS_SET_PERMS, 0, "/local/domain/1\0n1", 19);
	for (round = 0; round < 4000; round++) {
		struct conn *c = conn_open(s, -1, round % 3);
		uint8_t buf[512];

		for (i = 0; i < sizeof(buf); i++) {
			seed = seed * 1664525 + 1013904223;
			buf[i] = (uint8_t)(seed >> 24);
		}
		/* Most rounds: a header that leads somewhere. */
		if (round % 8) {
			struct xsd_sockmsg h = { buf[0] % 24, 0, buf[1] % 3,
						 buf[2] % 200 };

			memcpy(buf, &h, sizeof(h));
			if (round % 2)
				memcpy(buf + sizeof(h), "/local/domain/1/a",
				       buf[3] % 2 ? 18 : 17);
		}
		conn_feed(c, buf, sizeof(buf));
		conn_kill(c);
		conn_sweep(s);
	}
	assert_string_equal(ask1(good, XS_READ, "/local"), "");
}

static void ops_huge_length_ends_the_connection(void **state)
{
	struct xsd_sockmsg h = { XS_READ, 0, 0, XENSTORE_PAYLOAD_MAX + 1 };
	struct conn *c = conn_open(*state, -1, 1);
	unsigned i;

	conn_feed(c, (void *)&h, sizeof(h));
	assert_true(c->dead);
	/* Byte by byte is as good as whole. */
	c = conn_open(*state, -1, 0);
	h.len = 7;
	for (i = 0; i < sizeof(h); i++)
		conn_feed(c, (uint8_t *)&h + i, 1);
	for (i = 0; i < 7; i++)
		conn_feed(c, (const uint8_t *)"/local" + i, 1);
	take(c);
	assert_int_equal(answer_type, XS_READ);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(ops_answer_as_xenstored),
		TEST(ops_path_lengths),
		TEST(ops_large_directories_come_in_parts),
		TEST(ops_guests_are_kept_apart),
		TEST(ops_watches_tell_who_may_know),
		TEST(ops_transactions_tell_at_the_end),
		TEST(ops_quotas),
		TEST(ops_refused_write_makes_nothing),
		TEST(ops_who_does_not_read_is_dropped),
		TEST(ops_release_leaves_nothing),
		TEST(ops_garbage_harms_nobody),
		TEST(ops_huge_length_ends_the_connection),
	};

	return cmocka_run_group_tests_name("store_ops", tests, NULL, NULL);
}
