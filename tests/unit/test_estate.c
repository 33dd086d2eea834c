// SPDX-License-Identifier: GPL-2.0-or-later
/* test_estate.c - a service manager that is slow to read what it is told */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/loop.h"
#include "base/msg.h"
#include "daemon/estate.h"

enum {
	NAMES = 600, /* more than a socket takes, whatever its host allows */
	QUIET = 10,  /* turns */
};

struct world {
	struct estate *t;
	struct loop *loop;
	int manager, fd;
	int third; /* what had the number that a manager's descriptors begin at */
	bool has[NAMES]; /* what the manager keeps */
	unsigned n, ready, odd;
};

/* An instance, as the manager starts it. */
static int again(struct world *w)
{
	char path[64];

	snprintf(path, sizeof(path), "@test_estate.%d", (int)getpid());
	setenv("NOTIFY_SOCKET", path, 1);
	return estate_open(&w->t);
}

static int setup(void **state)
{
	struct sockaddr_un a = { .sun_family = AF_UNIX };
	struct world *w = calloc(1, sizeof(*w));
	char path[64];
	int n = snprintf(path, sizeof(path), "@test_estate.%d", (int)getpid());

	*state = w;
	w->third = fcntl(3, F_DUPFD_CLOEXEC, 10);
	w->fd = dup2(0, 3);
	memcpy(a.sun_path + 1, path + 1, (size_t)n - 1);
	w->manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	if (bind(w->manager, (struct sockaddr *)&a,
		 (socklen_t)(offsetof(struct sockaddr_un, sun_path) +
			     (size_t)n)))
		return -1;
	return loop_open(&w->loop) || again(w);
}

static int teardown(void **state)
{
	struct world *w = *state;

	estate_freeze(w->t);
	loop_close(w->loop);
	estate_close(w->t);
	close(w->manager);
	close(w->fd);
	if (w->third >= 0)
		dup2(w->third, 3);
	close(w->third);
	free(w);
	return 0;
}

static void name(unsigned i, char out[ESTATE_NAME])
{
	snprintf(out, ESTATE_NAME, "to.1.%u", i);
}

static void keep(struct world *w, unsigned i)
{
	char s[ESTATE_NAME];

	name(i, s);
	estate_keep(w->t, s, w->fd);
}

static void drop(struct world *w, unsigned i)
{
	char s[ESTATE_NAME];

	name(i, s);
	estate_drop(w->t, s);
}

/* Up to `most` of what it was told; how many that were. */
static unsigned reads(struct world *w, unsigned most)
{
	char text[256];
	unsigned got = 0, i;

	while (got < most) {
		unsigned nfd = 1;
		int fd, rc = msg_recv(w->manager, text, sizeof(text) - 1, &fd,
				      &nfd);

		if (rc <= 0)
			break;
		got++;
		text[rc] = '\0';
		if (nfd)
			close(fd);
		if (!strcmp(text, "READY=1")) {
			w->ready++;
		} else if (sscanf(text, "FDSTORE=1\nFDNAME=to.1.%u", &i) == 1) {
			w->odd += i >= NAMES || w->has[i] || !nfd;
			w->n += !w->has[i];
			w->has[i] = true;
		} else if (sscanf(text, "FDSTOREREMOVE=1\nFDNAME=to.1.%u",
				  &i) == 1) {
			w->odd += i >= NAMES || !w->has[i];
			w->n -= w->has[i];
			w->has[i] = false;
		}
	}
	return got;
}

/* Until it hears nothing more: each turn tells it something, if there is a rest. */
static void settled(struct world *w)
{
	unsigned quiet = 0;

	while (quiet < QUIET) {
		quiet = reads(w, 20) ? 0 : quiet + 1;
		loop_turn(w->loop, 10);
	}
	assert_int_equal(w->odd, 0);
	assert_false(estate_behind(w->t));
}

static void is_told_all_in_the_end(void **state)
{
	struct world *w = *state;
	unsigned i;

	estate_run(w->t, w->loop);
	for (i = 0; i < NAMES; i++)
		keep(w, i);
	estate_say(w->t, "READY=1");
	assert_true(estate_behind(w->t));
	settled(w);
	assert_int_equal(w->n, NAMES);
	assert_int_equal(w->ready, 1);
}

/* What it never heard of is not to be forgotten; what it has is. */
static void forgets_what_was_dropped(void **state)
{
	struct world *w = *state;
	unsigned i;

	estate_run(w->t, w->loop);
	for (i = 0; i < NAMES; i++)
		keep(w, i);
	for (i = 0; i < NAMES; i += 2)
		drop(w, i);
	settled(w);
	assert_int_equal(w->n, NAMES / 2);
	for (i = 0; i < NAMES; i++)
		assert_int_equal(w->has[i], i % 2);
	for (i = 1; i < NAMES; i += 2)
		drop(w, i);
	settled(w);
	assert_int_equal(w->n, 0);
}

/* The same names again at once: the old are forgotten before the new come. */
static void keeps_a_name_that_comes_again(void **state)
{
	struct world *w = *state;
	unsigned i, k;

	estate_run(w->t, w->loop);
	for (k = 0; k < 3; k++) {
		for (i = 0; i < NAMES; i++)
			keep(w, i);
		if (k)
			settled(w);
		for (i = 0; i < NAMES && k < 2; i++)
			drop(w, i);
	}
	settled(w);
	assert_int_equal(w->n, NAMES);
}

/* Before there is a loop, whatever is done next tells the rest. */
static void needs_no_loop(void **state)
{
	struct world *w = *state;
	unsigned i;

	for (i = 0; i < NAMES - 1; i++)
		keep(w, i);
	for (i = 0; i < NAMES && w->n < NAMES - 1; i++) {
		reads(w, NAMES);
		estate_say(w->t, "READY=1");
	}
	keep(w, NAMES - 1);
	reads(w, NAMES);
	assert_int_equal(w->odd, 0);
	assert_int_equal(w->n, NAMES);
	assert_false(estate_behind(w->t));
}

/* What the manager itself handed over it keeps: it is not told of it again, so that
 * nobody waits for it; and forgets it when it is dropped or refused.
 */
static void what_it_has_is_not_told_again(void **state)
{
	struct world *w = *state;
	char pid[16], s[ESTATE_NAME];
	int fd;

	estate_close(w->t);
	snprintf(pid, sizeof(pid), "%d", (int)getpid());
	setenv("LISTEN_PID", pid, 1);
	setenv("LISTEN_FDS", "1", 1);
	setenv("LISTEN_FDNAMES", "to.1.0", 1);
	again(w);
	w->n = w->has[0] = true;
	fd = estate_take(w->t, "to.1.", s);
	assert_int_equal(fd, 3);
	assert_string_equal(s, "to.1.0");
	estate_keep(w->t, s, fd);
	assert_int_equal(reads(w, NAMES), 0);
	assert_false(estate_behind(w->t));
	estate_drop(w->t, s);
	settled(w);
	assert_int_equal(w->n, 0);
	/* The name is another descriptor's then. */
	keep(w, 0);
	settled(w);
	assert_int_equal(w->n, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(is_told_all_in_the_end, setup,
						teardown),
		cmocka_unit_test_setup_teardown(forgets_what_was_dropped, setup,
						teardown),
		cmocka_unit_test_setup_teardown(keeps_a_name_that_comes_again,
						setup, teardown),
		cmocka_unit_test_setup_teardown(needs_no_loop, setup, teardown),
		cmocka_unit_test_setup_teardown(what_it_has_is_not_told_again,
						setup, teardown),
	};

	return cmocka_run_group_tests_name("estate", tests, NULL, NULL);
}
