// SPDX-License-Identifier: GPL-2.0-or-later
/* test_bell.c - event channels of a local guest: nothing it does makes us wait
 */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <time.h>

#include "hv_guest.h"

static uint64_t drain(int fd)
{
	uint64_t n = 0;

	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (read(fd, &n, 8) != 8)
		n = 0;
	fcntl(fd, F_SETFL, 0);
	return n;
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, 0) == 1 && (p.revents & POLLIN);
}

static void bells_ring_both_ways(void **state)
{
	int from = eventfd(0, 0), to = eventfd(0, 0), chan, i;
	struct guest g;

	(void)state;
	guest_open(&g);
	assert_int_equal(hv_bind(g.hv, 7), -ENOENT);
	assert_int_equal(hv_local_port(g.hv, 7, dup(from), dup(to)), 0);
	assert_int_equal(hv_local_port(g.hv, 7, dup(from), dup(to)), -EEXIST);
	assert_int_equal(drain(to), 0); /* looking is not ringing */
	chan = hv_bind(g.hv, 7);
	assert_true(chan >= 0);
	assert_int_equal(hv_bind(g.hv, 7), -EBUSY);
	assert_int_equal(hv_clear(g.hv, chan), 0);
	assert_false(readable(hv_fd(g.hv, chan)));
	for (i = 0; i < 3; i++)
		assert_int_equal(eventfd_write(from, 1), 0);
	assert_true(readable(hv_fd(g.hv, chan)));
	assert_int_equal(hv_clear(g.hv, chan), 1);
	assert_int_equal(hv_clear(g.hv, chan), 0);
	for (i = 0; i < 1000; i++) /* more than are under way at once */
		assert_int_equal(hv_bell(g.hv, chan), 0);
	assert_int_equal(drain(to), 1000);
	hv_unbind(g.hv, chan);
	hv_unbind(g.hv, -1);
	assert_int_equal(hv_bind(g.hv, 7), chan);
	guest_close(&g);
	close(from);
	close(to);
}

/* Flags and counter are the guest's too: nothing it does may hold us up. */
static void bells_never_wait(void **state)
{
	static const uint64_t most = UINT64_MAX - 1;
	int from = eventfd(0, EFD_NONBLOCK), to = eventfd(0, EFD_NONBLOCK);
	int chan, round, i;
	struct guest g;

	(void)state;
	guest_open(&g);
	assert_int_equal(hv_local_port(g.hv, 7, dup(from), dup(to)), 0);
	chan = hv_bind(g.hv, 7);
	alarm(100);
	for (round = 0; round < 2; round++) {
		fcntl(from, F_SETFL, round ? 0 : O_NONBLOCK);
		fcntl(to, F_SETFL, round ? 0 : O_NONBLOCK);
		assert_int_equal(hv_clear(g.hv, chan), 0); /* empty */
		drain(to);
		fcntl(to, F_SETFL, round ? 0 : O_NONBLOCK);
		assert_int_equal(write(to, &most, 8), 8);
		for (i = 0; i < 300; i++) /* full, and fuller than full */
			assert_int_equal(hv_bell(g.hv, chan), 0);
		assert_int_equal(write(from, &most, 8), 8);
		assert_int_equal(hv_clear(g.hv, chan), 1);
		assert_int_equal(hv_clear(g.hv, chan), 0);
	}
	/* given in that state to start with */
	assert_int_equal(write(from, &most, 8), 8);
	assert_int_equal(hv_local_port(g.hv, 8, dup(from), dup(to)), 0);
	alarm(0);
	guest_close(&g);
	close(from);
	close(to);
}

static int bell_pipe(void)
{
	int fd[2];

	assert_int_equal(pipe(fd), 0);
	close(fd[0]);
	return fd[1];
}

static int bell_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int bell_file(void)
{
	return open("/proc/self/exe", O_RDONLY);
}

static int bell_zero(void)
{
	return open("/dev/zero", O_RDWR);
}

static int bell_none(void)
{
	return -1;
}

static int bell_timer(void)
{
	return timerfd_create(CLOCK_MONOTONIC, 0);
}

static int bell_epoll(void)
{
	return epoll_create1(0);
}

static int bell_semaphore(void)
{
	return eventfd(0, EFD_SEMAPHORE);
}

static int bell_full_semaphore(void)
{
	return eventfd(1000, EFD_SEMAPHORE | EFD_NONBLOCK);
}

static int bell_memory(void)
{
	return memory(SEALS);
}

static void bells_are_eventfds(void **state)
{
	static int (*const make[])(void) = {
		bell_pipe, bell_socket,		bell_file,  bell_memory,
		bell_zero, bell_timer,		bell_epoll, bell_semaphore,
		bell_none, bell_full_semaphore,
	};
	unsigned i, fds = count_fds();
	struct guest g;

	(void)state;
	guest_open(&g);
	alarm(100);
	for (i = 0; i < ARRAY_SIZE(make); i++) {
		assert_int_equal(
			hv_local_port(g.hv, i, make[i](), eventfd(0, 0)),
			-EINVAL);
		/* the guest's own bell may be a semaphore: we never read it */
		if (make[i] != bell_semaphore && make[i] != bell_full_semaphore)
			assert_int_equal(hv_local_port(g.hv, i, eventfd(0, 0),
						       make[i]()),
					 -EINVAL);
		assert_int_equal(hv_bind(g.hv, i), -ENOENT);
	}
	alarm(0);
	guest_close(&g);
	assert_int_equal(count_fds(), fds);
}

static void ports_are_limited(void **state)
{
	unsigned i, fds = count_fds();
	struct guest g;

	(void)state;
	guest_open(&g);
	for (i = 0; i < HV_CHANNELS; i++)
		give_port(&g, i + 1000);
	assert_int_equal(hv_local_port(g.hv, 5, eventfd(0, 0), eventfd(0, 0)),
			 -ENOSPC);
	assert_int_equal(hv_bind(g.hv, 5), -ENOENT);
	guest_close(&g);
	assert_int_equal(count_fds(), fds);
}

static struct hv *child_hv;

/* A worker is a child: it starts its own bells. */
static void child_rings(void)
{
	if (hv_init() == 0 && hv_bell(child_hv, 0) == 0)
		raise(SIGUSR1);
}

static void init_again_after_fork(void **state)
{
	struct guest g;

	(void)state;
	guest_open(&g);
	give_port(&g, 1);
	assert_int_equal(hv_bind(g.hv, 1), 0);
	child_hv = g.hv;
	assert_int_equal(dies_of(child_rings), SIGUSR1);
	assert_int_equal(hv_bell(g.hv, 0), 0); /* and ours still ring */
	guest_close(&g);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(bells_ring_both_ways),
		cmocka_unit_test(bells_never_wait),
		cmocka_unit_test(bells_are_eventfds),
		cmocka_unit_test(ports_are_limited),
		cmocka_unit_test(init_again_after_fork),
	};

	return cmocka_run_group_tests_name("bell", tests, NULL, NULL);
}
