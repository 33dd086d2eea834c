// SPDX-License-Identifier: GPL-2.0-or-later
/* test_msg.c - messages with descriptors, and the sockets they go through */
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
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/msg.h"
#include "base/num.h"

static unsigned open_fds(void)
{
	unsigned n = 0;
	int i;

	for (i = 0; i < 256; i++)
		n += fcntl(i, F_GETFD) >= 0;
	return n;
}

static void pair(int sv[2])
{
	assert_int_equal(
		socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_NONBLOCK, 0, sv), 0);
}

static void descriptors_are_all_or_none(void **state)
{
	int sv[2], fd[MSG_FDS + 1], got[MSG_FDS], i;
	unsigned before = open_fds(), nfd;
	char buf[8];

	(void)state;
	pair(sv);
	for (i = 0; i <= MSG_FDS; i++)
		fd[i] = 0;
	assert_int_equal(msg_send(sv[0], "x", 1, fd, MSG_FDS + 1), -EINVAL);
	assert_int_equal(msg_send(sv[0], "abc", 3, fd, 3), 0);
	nfd = MSG_FDS;
	assert_int_equal(msg_recv(sv[1], buf, sizeof(buf), got, &nfd), 3);
	assert_int_equal(nfd, 3);
	assert_true(fcntl(got[0], F_GETFD) & FD_CLOEXEC);
	msg_close_all(got, nfd);
	assert_int_equal(got[2], -1);
	/* More than are taken, or any where none is: all are closed. */
	assert_int_equal(msg_send(sv[0], "abc", 3, fd, 3), 0);
	nfd = 2;
	assert_int_equal(msg_recv(sv[1], buf, sizeof(buf), got, &nfd), -EPROTO);
	assert_int_equal(nfd, 0);
	assert_int_equal(msg_send(sv[0], "abc", 3, fd, 1), 0);
	assert_int_equal(msg_recv(sv[1], buf, sizeof(buf), NULL, NULL),
			 -EPROTO);
	/* Longer than there is room; nothing; the end. */
	assert_int_equal(msg_send(sv[0], "123456789", 9, fd, 1), 0);
	nfd = MSG_FDS;
	assert_int_equal(msg_recv(sv[1], buf, sizeof(buf), got, &nfd),
			 -EMSGSIZE);
	assert_int_equal(nfd, 0);
	assert_int_equal(msg_recv(sv[1], buf, sizeof(buf), NULL, NULL),
			 -EAGAIN);
	close(sv[0]);
	assert_int_equal(msg_recv(sv[1], buf, sizeof(buf), NULL, NULL), 0);
	assert_int_equal(msg_send(sv[1], "x", 1, NULL, 0), -EPIPE);
	close(sv[1]);
	assert_int_equal(msg_recv(sv[1], buf, 1, NULL, NULL), -EBADF);
	assert_int_equal(open_fds(), before);
}

/* Who sent it comes along when the socket says so: no descriptor is lost by it. */
static void beside_credentials(void **state)
{
	int sv[2], got[MSG_FDS], zero = 0, one = 1;
	unsigned before = open_fds(), nfd = MSG_FDS;
	char buf[8];

	(void)state;
	pair(sv);
	assert_int_equal(
		setsockopt(sv[1], SOL_SOCKET, SO_PASSCRED, &one, sizeof(one)),
		0);
	assert_int_equal(msg_send(sv[0], "abc", 3, &zero, 1), 0);
	assert_int_equal(msg_recv(sv[1], buf, sizeof(buf), got, &nfd), 3);
	assert_int_equal(nfd, 1);
	msg_close_all(got, nfd);
	close(sv[0]);
	close(sv[1]);
	assert_int_equal(open_fds(), before);
}

static void sockets_by_name(void **state)
{
	char dir[] = "/tmp/nb-msg.XXXXXX", path[64], deep[200];
	unsigned before = open_fds();
	struct stat st;
	int fd, again;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/s", dir);
	memset(deep, 'd', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_int_equal(msg_connect(deep, SOCK_SEQPACKET), -ENAMETOOLONG);
	assert_int_equal(msg_connect("", SOCK_SEQPACKET), -ENAMETOOLONG);
	assert_int_equal(msg_listen(deep, SOCK_SEQPACKET, 0600), -ENAMETOOLONG);
	assert_int_equal(msg_connect(path, SOCK_SEQPACKET), -ENOENT);
	fd = msg_listen(path, SOCK_SEQPACKET, 0600);
	assert_true(fd >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_int_equal(msg_listen(path, SOCK_SEQPACKET, 0600), -EADDRINUSE);
	close(fd);
	/* Its server is gone: taken over, with the mode that is asked for. */
	fd = msg_listen(path, SOCK_SEQPACKET, 0640);
	assert_true(fd >= 0);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
	again = msg_connect(path, SOCK_SEQPACKET);
	assert_true(again >= 0);
	close(again);
	close(fd);
	unlink(path);
	/* A file that is no socket is nobody's to remove. */
	fd = open(path, O_CREAT | O_WRONLY, 0600);
	close(fd);
	assert_true(msg_connect(path, SOCK_SEQPACKET) < 0);
	snprintf(path, sizeof(path), "%s/none/s", dir);
	assert_int_equal(msg_listen(path, SOCK_SEQPACKET, 0600), -ENOENT);
	snprintf(path, sizeof(path), "%s/s", dir);
	unlink(path);
	assert_int_equal(rmdir(dir), 0);
	assert_int_equal(open_fds(), before);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(descriptors_are_all_or_none),
		cmocka_unit_test(beside_credentials),
		cmocka_unit_test(sockets_by_name),
	};

	return cmocka_run_group_tests_name("msg", tests, NULL, NULL);
}
