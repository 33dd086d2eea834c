// SPDX-License-Identifier: GPL-2.0-or-later
/* bell.c - ring and hear a stranger's eventfd, never waiting for it
 *
 * An eventfd's flags and counter are shared with the guest. It can clear
 * O_NONBLOCK, and fill the counter between our poll and our write, and then a
 * write waits for ever, and with it every other guest of this worker. So we
 * never write. What never waits is the kernel's own eventfd_signal(), and
 * io_submit does that at the end of a request which names the eventfd in
 * aio_resfd. The request itself is an empty read of the same eventfd, which
 * fails at once and takes nothing. It also refuses whatever is not an eventfd,
 * without /proc. (760 ns where a write takes 260; once per batch.)
 *
 * Reading has RWF_NOWAIT, which eventfds know since Linux 5.8.
 *
 * #syscalls worker: io_setup io_submit io_getevents preadv2
 */
#include <errno.h>
#include <linux/aio_abi.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include "hv/bell.h"

enum { BELL_EVENTS = 128 };

static aio_context_t bell_ctx;

/* Frees the places of finished requests. */
static int bell_reap(void)
{
	static const struct timespec now = { 0, 0 };
	struct io_event ev[BELL_EVENTS];

	return syscall(SYS_io_getevents, bell_ctx, 0L, (long)BELL_EVENTS, ev,
		       &now) < 0
		       ? -errno
		       : 0;
}

/* A child inherits the number, not the context: then reap fails. */
int bell_init(void)
{
	if (bell_ctx && bell_reap() == 0)
		return 0;
	bell_ctx = 0;
	return syscall(SYS_io_setup, (long)BELL_EVENTS, &bell_ctx) < 0 ? -errno
								       : 0;
}

/* bytes and buf of the read: 0 and 0 for a bell. */
static int bell_submit(int fd, uint64_t buf, uint64_t bytes)
{
	struct iocb cb = {
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_fildes = (uint32_t)fd,
		.aio_buf = buf,
		.aio_nbytes = bytes,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)fd,
	};
	struct iocb *one = &cb;

	return syscall(SYS_io_submit, bell_ctx, 1L, &one) < 0 ? -errno : 0;
}

/* The context is full every hundred bells or so: reap then, not each time. */
int bell_ring(int fd)
{
	int rc = bell_submit(fd, 0, 0);

	if (rc == -EAGAIN && bell_reap() == 0)
		rc = bell_submit(fd, 0, 0);
	return rc;
}

static int bell_take(int fd, uint64_t *count)
{
	struct iovec io = { .iov_base = count, .iov_len = sizeof(*count) };
	ssize_t r = preadv2(fd, &io, 1, -1, RWF_NOWAIT);

	if (r < 0)
		return errno == EAGAIN ? 0 : -errno;
	return r == sizeof(*count) ? 1 : -EINVAL;
}

int bell_clear(int fd)
{
	uint64_t count;

	return bell_take(fd, &count);
}

/* Without ringing: a guest counts a bell for nothing against us. A read to
 * nowhere is refused before it starts, but after the kernel has looked whether fd
 * is an eventfd, which it says by another error.
 */
int bell_check_to(int fd)
{
	int rc = bell_submit(fd, UINT64_MAX, sizeof(uint64_t));

	if (rc == -EAGAIN && bell_reap() == 0)
		rc = bell_submit(fd, UINT64_MAX, sizeof(uint64_t));
	return rc == -EFAULT ? 0 : -EINVAL;
}

/* A semaphore gives its counter away one by one: a single write of 2^64 - 2
 * would keep us awake for ever. It shows itself by reading 1 after two rings,
 * whatever the guest does meanwhile.
 */
int bell_check_from(int fd)
{
	uint64_t count = 0;

	if (bell_ring(fd) < 0 || bell_ring(fd) < 0)
		return -EINVAL;
	if (bell_take(fd, &count) != 1 || count < 2)
		return -EINVAL;
	return 0;
}
