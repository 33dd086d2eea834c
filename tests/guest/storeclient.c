// SPDX-License-Identifier: GPL-2.0-or-later
/* storeclient.c - a client of the store, for tests of the server's death
 *
 *   storeclient SOCKET counter PATH N   adds 1 to PATH n times, each a
 *                                       transaction
 *   storeclient SOCKET lasting DIR N    writes DIR/0..N-1, then reads all
 *   storeclient SOCKET follow PATH LAST waits, by store_fd alone, until PATH's
 *                                       value is LAST
 *   storeclient SOCKET garbage N        N connections that talk nonsense, left
 *                                       open
 *   storeclient SOCKET introduce|release DOMAIN
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/msg.h"
#include "base/num.h"
#include "store.h"

enum { CLIENT_WAIT_MS = 10000 };

static int say(const char *what, int rc)
{
	fprintf(stderr, "storeclient: %s: %s\n", what, strerror(-rc));
	return 1;
}

static int count_one(struct store *s, void *arg)
{
	uint32_t n = 0;
	int rc = store_read_u32(s, arg, UINT32_MAX, &n);

	if (rc && rc != -ENOENT)
		return rc;
	return store_printf(s, arg, "%u", n + 1);
}

static int counter(struct store *s, char *path, unsigned n)
{
	while (n--) {
		int rc = store_txn(s, count_one, path);

		if (rc)
			return say(path, rc);
	}
	return 0;
}

static int lasting(struct store *s, const char *dir, unsigned n)
{
	char path[STORE_PATH], want[32], got[32];
	unsigned i;
	int rc;

	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%u", dir, i);
		rc = store_printf(s, path, "value %u", i);
		if (rc)
			return say(path, rc);
	}
	for (i = 0; i < n; i++) {
		snprintf(path, sizeof(path), "%s/%u", dir, i);
		snprintf(want, sizeof(want), "value %u", i);
		rc = store_read(s, path, got, sizeof(got));
		if (rc < 0 || strcmp(want, got))
			return say(path, rc);
	}
	return 0;
}

static int follow(struct store *s, const char *path, const char *last)
{
	char at[STORE_PATH], token[16], value[64];
	uint64_t until = clock_ns() + 30000000000u;
	unsigned lost = 0, seen = 0;
	int rc = store_watch(s, path, "follow");

	if (rc)
		return say(path, rc);
	while (clock_ns() < until) {
		struct pollfd p = { .fd = store_fd(s), .events = POLLIN };

		if (poll(&p, 1, 30000) != 1)
			break;
		while ((rc = store_event(s, at, sizeof(at), token,
					 sizeof(token))) == 1) {
			seen++;
			rc = store_read(s, path, value, sizeof(value));
			if (rc < 0 || strcmp(value, last))
				continue;
			printf("%u events, connection lost %u times\n", seen,
			       lost);
			return 0;
		}
		if (rc == -ENOTCONN)
			lost++;
	}
	return say("the last value was never seen", -ETIMEDOUT);
}

static int garbage(const char *sock, unsigned n)
{
	unsigned i, seed = n;

	for (i = 0; i < n; i++) {
		int fd = msg_connect(sock, SOCK_STREAM);
		unsigned char b[64];
		unsigned k;

		if (fd < 0)
			return say(sock, fd);
		for (k = 0; k < sizeof(b); k++) {
			seed = seed * 1103515245 + 12345;
			b[k] = (unsigned char)(seed >> 16);
		}
		if (i % 2)
			memset(b, 0, 12); /* a half message, or a long one */
		if (send(fd, b, i % 3 ? 15 : sizeof(b), MSG_NOSIGNAL) < 0)
			return say(sock, -errno);
	}
	pause();
	return 0;
}

static int run(struct store *s, char **arg, int n)
{
	uint32_t num = 0;

	if (n == 2 && !num_parse(arg[1], UINT16_MAX, &num)) {
		int rc = -EINVAL;

		if (!strcmp(arg[0], "introduce"))
			rc = store_introduce(s, (uint16_t)num);
		else if (!strcmp(arg[0], "release"))
			rc = store_release(s, (uint16_t)num);
		return rc ? say(arg[0], rc) : 0;
	}
	if (n == 3 && !strcmp(arg[0], "follow"))
		return follow(s, arg[1], arg[2]);
	if (n == 3 && !num_parse(arg[2], 1 << 20, &num)) {
		if (!strcmp(arg[0], "counter"))
			return counter(s, arg[1], num);
		if (!strcmp(arg[0], "lasting"))
			return lasting(s, arg[1], num);
	}
	return say("no such command", -EINVAL);
}

int main(int argc, char **argv)
{
	struct store *s;
	uint32_t n;
	int rc;

	if (argc < 4) {
		fprintf(stderr, "usage: storeclient SOCKET COMMAND ARGS\n");
		return 2;
	}
	if (!strcmp(argv[2], "garbage"))
		return num_parse(argv[3], 1000, &n) ? 2 : garbage(argv[1], n);
	rc = store_open(&s, argv[1], CLIENT_WAIT_MS);
	if (rc)
		return say(argv[1], rc);
	rc = run(s, argv + 2, argc - 2);
	store_close(s);
	return rc;
}
