// SPDX-License-Identifier: GPL-2.0-or-later
/* test_sandbox.c - what a worker may ask of the kernel, and what ends it */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/sandbox.h"

static void duties(void)
{
	int fl = fcntl(0, F_GETFL);
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	fcntl(0, F_GET_SEALS);
	if (fl < 0 || fcntl(0, F_SETFL, fl) || p == MAP_FAILED)
		_exit(1);
}

static void signal_somebody(void)
{
	fcntl(0, F_SETOWN, getppid());
}

static void make_code(void)
{
	mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1,
	     0);
}

static void shrink(void)
{
	(void)!ftruncate(0, 0);
}

static void dial(void)
{
	socket(AF_UNIX, SOCK_STREAM, 0);
}

static void look(void)
{
	open("/", O_RDONLY | O_PATH);
}

/* How a confined child ends: its status, or minus the signal. */
static int confined(void (*fn)(void))
{
	pid_t pid = fork();
	int status;

	if (!pid) {
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    sandbox_worker(NULL))
			_exit(2);
		fn();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

static void a_worker_can_work(void **state)
{
	(void)state;
	assert_int_equal(confined(duties), 0);
}

static void anything_else_ends_it(void **state)
{
	(void)state;
	assert_int_equal(confined(signal_somebody), -SIGSYS);
	assert_int_equal(confined(make_code), -SIGSYS);
	assert_int_equal(confined(shrink), -SIGSYS);
	assert_int_equal(confined(dial), -SIGSYS);
#ifndef NETBACK_SAN
	assert_int_equal(confined(look), -SIGSYS);
#else
	(void)look; /* the sanitizers read /proc */
#endif
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_worker_can_work),
		cmocka_unit_test(anything_else_ends_it),
	};

	return cmocka_run_group_tests_name("sandbox", tests, NULL, NULL);
}
