// SPDX-License-Identifier: GPL-2.0-or-later
/* test_hold.c - the holder of a worker's memory: confined, and gone in time */
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/loop.h"
#include "daemon/hold.h"

enum { TRIES = 60, QUICK_MS = 15 };

/* A worker: a holder, an AIO context, one end of a socket. */
static pid_t worker(int *sock)
{
	aio_context_t ctx = 0;
	pid_t pid;
	int sv[2];
	char byte;

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, sv), 0);
	pid = fork();
	if (!pid) {
		close(sv[0]);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (hold_memory() || syscall(SYS_io_setup, 128L, &ctx) < 0)
			_exit(1);
		if (write(sv[1], "", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	close(sv[1]);
	assert_int_equal(read(sv[0], &byte, 1), 1);
	*sock = sv[0];
	return pid;
}

static pid_t holder_of(pid_t worker)
{
	char path[64];
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)worker,
		 (int)worker);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_int_equal(fscanf(f, "%d", &pid), 1);
	fclose(f);
	return pid;
}

static int status_of(pid_t pid, const char *key)
{
	char path[64], line[256];
	int value = -1;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (value < 0 && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, strlen(key)))
			sscanf(line + strlen(key), ": %d", &value);
	}
	fclose(f);
	return value;
}

/* The worker is dead, and reaped; the holder came to us, as to a nursery. */
static void end(pid_t pid, pid_t holder, int sock)
{
	int status;

	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	if (holder)
		assert_int_equal(waitpid(holder, &status, 0), holder);
	close(sock);
}

static void it_may_do_nothing(void **state)
{
	int sock, fd, n = 0;
	pid_t pid = worker(&sock), holder = holder_of(pid);
	char path[64];

	(void)state;
	assert_int_equal(status_of(holder, "Seccomp"), 1);
	for (fd = 0; fd < 64; fd++) {
		snprintf(path, sizeof(path), "/proc/%d/fd/%d", (int)holder, fd);
		n += faccessat(AT_FDCWD, path, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	}
	assert_int_equal(n, 1);
	end(pid, holder, sock);
}

/* The kernel ends it, whatever it does: even one that is stopped. */
static void it_ends_with_the_worker(void **state)
{
	int sock;
	pid_t pid = worker(&sock), holder = holder_of(pid);

	(void)state;
	kill(holder, SIGSTOP);
	end(pid, holder, sock);
}

static void a_worker_goes_on_without_it(void **state)
{
	int sock;
	pid_t pid = worker(&sock), holder = holder_of(pid);
	struct pollfd p = { .fd = sock, .events = POLLIN };

	(void)state;
	kill(holder, SIGKILL);
	assert_int_equal(poll(&p, 1, 50), 0);
	end(pid, 0, sock);
	assert_int_equal(waitpid(holder, NULL, 0), holder);
}

/* The best of some: the machine may be busy, the kernel's wait is always there. */
static void death_is_heard_at_once(void **state)
{
	uint64_t best = UINT64_MAX;
	unsigned i;

	(void)state;
	for (i = 0; i < TRIES && best >= QUICK_MS * 1000000ull; i++) {
		int sock;
		pid_t pid = worker(&sock), holder = holder_of(pid);
		struct pollfd p = { .fd = sock, .events = POLLIN };
		uint64_t t;

		poll(NULL, 0, 20); /* an AIO context needs time to be slow */
		t = clock_ns();
		kill(pid, SIGKILL);
		assert_int_equal(poll(&p, 1, 60000), 1);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		t = clock_ns() - t;
		best = t < best ? t : best;
		assert_int_equal(waitpid(holder, NULL, 0), holder);
		close(sock);
	}
	print_message("death heard after %u us\n", (unsigned)(best / 1000));
	assert_true(best < QUICK_MS * 1000000ull);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_may_do_nothing),
		cmocka_unit_test(it_ends_with_the_worker),
		cmocka_unit_test(a_worker_goes_on_without_it),
		cmocka_unit_test(death_is_heard_at_once),
	};

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return cmocka_run_group_tests_name("hold", tests, NULL, NULL);
}
