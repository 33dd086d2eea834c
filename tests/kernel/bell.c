// SPDX-License-Identifier: GPL-2.0-or-later
/* bell.c - what we rely on in eventfds that a stranger shares with us */
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cmocka.h>

static ssize_t take_nowait(int fd, uint64_t *n)
{
	struct iovec io = { .iov_base = n, .iov_len = sizeof(*n) };

	return preadv2(fd, &io, 1, -1, RWF_NOWAIT);
}

/* A blocking, empty eventfd: preadv2 with RWF_NOWAIT does not wait. */
static void nowait_reads_do_not_wait(void **state)
{
	int fd = eventfd(0, 0);
	uint64_t n = 0;

	(void)state;
	assert_int_equal(take_nowait(fd, &n), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(eventfd_write(fd, 3), 0);
	assert_int_equal(take_nowait(fd, &n), sizeof(n));
	assert_int_equal(n, 3);
	close(fd);
}

static int submit(aio_context_t ctx, int fd, uint64_t buf, uint64_t bytes)
{
	struct iocb cb = { .aio_lio_opcode = IOCB_CMD_PREAD,
			   .aio_fildes = (uint32_t)fd,
			   .aio_flags = IOCB_FLAG_RESFD,
			   .aio_resfd = (uint32_t)fd,
			   .aio_buf = buf,
			   .aio_nbytes = bytes };
	struct iocb *one = &cb;

	return syscall(SYS_io_submit, ctx, 1L, &one) < 0 ? -errno : 0;
}

/* A counter that is full: a write would wait, aio's signal does not. */
static void aio_rings_a_full_bell(void **state)
{
	aio_context_t ctx = 0;
	int fd = eventfd(0, 0);

	(void)state;
	assert_int_equal(syscall(SYS_io_setup, 8L, &ctx), 0);
	assert_int_equal(eventfd_write(fd, UINT64_MAX - 1), 0);
	assert_int_equal(submit(ctx, fd, 0, 0), 0);
	syscall(SYS_io_destroy, ctx);
	close(fd);
}

/* The kernel tells an eventfd from anything else, without ringing it. */
static void aio_knows_an_eventfd(void **state)
{
	aio_context_t ctx = 0;
	int fd = eventfd(0, EFD_NONBLOCK), p[2];
	uint64_t n;

	(void)state;
	assert_int_equal(syscall(SYS_io_setup, 8L, &ctx), 0);
	assert_int_equal(submit(ctx, fd, UINT64_MAX, 8), -EFAULT);
	assert_int_equal(eventfd_read(fd, &n), -1);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(submit(ctx, p[0], UINT64_MAX, 8), -EINVAL);
	syscall(SYS_io_destroy, ctx);
	close(p[0]);
	close(p[1]);
	close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(nowait_reads_do_not_wait),
		cmocka_unit_test(aio_rings_a_full_bell),
		cmocka_unit_test(aio_knows_an_eventfd),
	};

	return cmocka_run_group_tests_name("bell", tests, NULL, NULL);
}
