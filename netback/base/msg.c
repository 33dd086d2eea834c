// SPDX-License-Identifier: GPL-2.0-or-later
/* msg.c - one message with file descriptors over a SEQPACKET socket */
#include "base/msg.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

union msg_ctl {
	struct cmsghdr align;
	char room[CMSG_SPACE(MSG_FDS_MOST * sizeof(int))];
};

int msg_send(int sock, const void *buf, size_t size, const int *fd,
	     unsigned nfd)
{
	union msg_ctl ctl = { 0 };
	struct iovec iov = { .iov_base = (void *)buf, .iov_len = size };
	struct msghdr mh = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t r;

	if (nfd > MSG_FDS)
		return -EINVAL;
	if (nfd) {
		struct cmsghdr *c;

		mh.msg_control = &ctl;
		mh.msg_controllen = CMSG_SPACE(nfd * sizeof(int));
		c = CMSG_FIRSTHDR(&mh);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(nfd * sizeof(int));
		memcpy(CMSG_DATA(c), fd, nfd * sizeof(int));
	}
	do {
		r = sendmsg(sock, &mh, MSG_NOSIGNAL);
	} while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* Collects the descriptors of one packet; returns how many, all of them. */
static unsigned msg_take_fds(struct msghdr *mh, int *fd)
{
	struct cmsghdr *c;
	unsigned n = 0;

	for (c = CMSG_FIRSTHDR(mh); c; c = CMSG_NXTHDR(mh, c)) {
		unsigned k;

		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		k = (unsigned)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		if (k > MSG_FDS_MOST - n)
			k = MSG_FDS_MOST - n;
		memcpy(fd + n, CMSG_DATA(c), k * sizeof(int));
		n += k;
	}
	return n;
}

int msg_recv_any(int sock, void *buf, size_t size, int *fd, unsigned *nfd)
{
	union msg_ctl ctl;
	struct iovec iov = { .iov_base = buf, .iov_len = size };
	struct msghdr mh = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = &ctl,
		.msg_controllen = sizeof(ctl),
	};
	ssize_t r;

	*nfd = 0;
	do {
		r = recvmsg(sock, &mh, MSG_CMSG_CLOEXEC);
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	*nfd = msg_take_fds(&mh, fd);
	if (mh.msg_flags & MSG_TRUNC)
		return -EMSGSIZE;
	return mh.msg_flags & MSG_CTRUNC ? -EPROTO : (int)r;
}

int msg_recv(int sock, void *buf, size_t size, int *fd, unsigned *nfd)
{
	unsigned most = nfd ? *nfd : 0, got;
	int fds[MSG_FDS_MOST], rc;

	if (nfd)
		*nfd = 0;
	rc = msg_recv_any(sock, buf, size, fds, &got);
	if (rc >= 0 && got > most)
		rc = -EPROTO;
	if (rc < 0) {
		msg_close_all(fds, got);
		return rc;
	}
	if (got) {
		memcpy(fd, fds, got * sizeof(int));
		*nfd = got;
	}
	return rc;
}

static int msg_address(struct sockaddr_un *sa, const char *path)
{
	size_t n = strlen(path);

	memset(sa, 0, sizeof(*sa));
	sa->sun_family = AF_UNIX;
	if (!n || n >= sizeof(sa->sun_path))
		return -ENAMETOOLONG;
	memcpy(sa->sun_path, path, n + 1);
	return 0;
}

int msg_connect(const char *path, int type)
{
	struct sockaddr_un sa;
	int fd, rc = msg_address(&sa, path);

	if (rc)
		return rc;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&sa, sizeof(sa))) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

/* A socket file whose server is gone refuses connections: remove it. */
static int msg_remove_stale(const char *path, int type)
{
	int fd = msg_connect(path, type);

	if (fd >= 0) {
		close(fd);
		return -EADDRINUSE;
	}
	if (fd == -ECONNREFUSED && unlink(path) && errno != ENOENT)
		return -errno;
	return 0;
}

int msg_listen(const char *path, int type, unsigned mode)
{
	struct sockaddr_un sa;
	int fd, rc = msg_address(&sa, path);

	if (rc)
		return rc;
	rc = msg_remove_stale(path, type);
	if (rc)
		return rc;
	fd = socket(AF_UNIX, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	/* The name is made with the socket's own mode: there is no moment when
	 * others may connect, and no name is followed.
	 */
	if (fchmod(fd, (mode_t)mode) ||
	    bind(fd, (struct sockaddr *)&sa, sizeof(sa)) || listen(fd, 64)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

void msg_close_all(int *fd, unsigned nfd)
{
	unsigned i;

	for (i = 0; i < nfd; i++) {
		if (fd[i] >= 0)
			close(fd[i]);
		fd[i] = -1;
	}
}
