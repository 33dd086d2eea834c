// SPDX-License-Identifier: GPL-2.0-or-later
/* link.c - lies on the socket that hands over memory and doorbells */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/msg.h"
#include "hv_wire.h"
#include "liar.h"

enum { WAIT_S = 10, FLOOD = 300, BUSY_MS = 10000 };

static struct hv_wire wire(unsigned type)
{
	return (struct hv_wire){ .magic = HV_WIRE_MAGIC,
				 .version = HV_WIRE_VERSION,
				 .type = (uint16_t)type };
}

static struct hv_wire hello(const struct liar *g)
{
	struct hv_wire w = wire(HV_WIRE_HELLO);
	struct hv_local d;

	front_mem_describe(g->mem, &d);
	w.hello.size = d.size;
	w.hello.gtab_off = d.gtab_off;
	w.hello.grants = d.grants;
	return w;
}

static int dial(struct liar *g)
{
	struct timeval tv = { .tv_sec = WAIT_S };
	int s = msg_connect(g->hv, SOCK_SEQPACKET);

	if (s >= 0)
		setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	return s;
}

/* The answer's rc; 1 for an end without one. */
static int answer(int s)
{
	struct hv_wire r;
	int rc = msg_recv(s, &r, sizeof(r), NULL, NULL);

	if (rc == 0 || rc == -ECONNRESET || rc == -EPIPE)
		return 1;
	if (rc < 0)
		return rc == -EAGAIN ? -ETIMEDOUT : rc;
	return rc == sizeof(r) && r.type == HV_WIRE_REPLY ? r.reply.rc
							  : -EBADMSG;
}

/* Sends one message and wants a refusal and the end; a connection that is
 * still the last liar's is tried again.
 */
static int refused(struct liar *g, int s, const void *buf, size_t n,
		   const int *fd, unsigned nfd)
{
	int rc = msg_send(s, buf, n, fd, nfd);

	(void)g;
	if (rc)
		return rc == -EPIPE || rc == -ECONNRESET ? 0 : rc;
	rc = answer(s);
	if (rc == -ETIMEDOUT || !rc)
		return rc ? rc : -EBADMSG; /* it was accepted */
	return rc == 1 || answer(s) == 1 ? 0 : -EISCONN;
}

/* Connects and says a good hello. */
static int greeted(struct liar *g)
{
	uint64_t end = clock_ns() + BUSY_MS * 1000000ull;
	struct hv_wire w = hello(g);
	int fd = front_mem_fd(g->mem), s, rc;

	for (;;) {
		s = dial(g);
		if (s < 0)
			return s;
		rc = msg_send(s, &w, sizeof(w), &fd, 1);
		if (!rc)
			rc = answer(s);
		if (!rc)
			return s;
		close(s);
		if ((rc != -EBUSY && rc != 1 && rc != -EPIPE) ||
		    clock_ns() > end)
			return rc > 0 ? -EPIPE : rc;
		liar_sleep(10);
	}
}

static int finish(int s, int rc)
{
	if (s >= 0)
		close(s);
	return rc;
}

/* variant: size of the garbage; nothing but descriptors; a wrong header. */
static int garbage(struct liar *g)
{
	static const uint16_t size[] = { 1, 7, 127, 128, 129, 4096, 65000 };
	static uint8_t junk[65536];
	struct hv_wire w = hello(g);
	int fd = front_mem_fd(g->mem), s = dial(g), rc;
	unsigned i;

	if (s < 0)
		return s;
	for (i = 0; i < sizeof(junk); i++)
		junk[i] = (uint8_t)liar_rand();
	if (g->variant < ARRAY_SIZE(size)) {
		rc = refused(g, s, junk, size[g->variant], NULL, 0);
		return finish(s, rc);
	}
	switch (g->variant - ARRAY_SIZE(size)) {
	case 0:
		w.magic++;
		break;
	case 1:
		w.version++;
		break;
	case 2:
		w.type = HV_WIRE_REPLY;
		break;
	case 3:
		w.type = 0xffff;
		break;
	case 4:
		w = wire(HV_WIRE_PORT); /* before hello */
		break;
	}
	return finish(s, refused(g, s, &w, sizeof(w), &fd, 1));
}
enum { GARBAGE = 12 };

/* What is said of the memory, and what is handed over.
 * long function: a table of cases, each two or three lines.
 */
static int memory(struct liar *g)
{
	struct hv_wire w = hello(g);
	int fd = -1, s = dial(g), rc, p[2] = { -1, -1 };
	unsigned nfd = 1;

	if (s < 0)
		return s;
	switch (g->variant) {
	case 0:
		nfd = 0;
		break;
	case 1: /* not sealed */
		fd = memfd_create("liar", MFD_ALLOW_SEALING | MFD_CLOEXEC);
		if (ftruncate(fd, LIAR_PAGES * HV_PAGE))
			return finish(s, -errno);
		break;
	case 2: /* sealed, but not for good */
		fd = memfd_create("liar", MFD_ALLOW_SEALING | MFD_CLOEXEC);
		if (ftruncate(fd, LIAR_PAGES * HV_PAGE) ||
		    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK))
			return finish(s, -errno);
		break;
	case 3:
		if (pipe2(p, O_CLOEXEC))
			return finish(s, -errno);
		fd = dup(p[0]);
		break;
	case 4:
		fd = open("/dev/zero", O_RDWR | O_CLOEXEC);
		break;
	case 5:
		fd = open("/", O_RDONLY | O_CLOEXEC);
		break;
	case 6:
		fd = eventfd(0, EFD_CLOEXEC);
		break;
	default:
		fd = dup(front_mem_fd(g->mem));
	}
	switch (g->variant) {
	case 7:
		w.hello.size += HV_PAGE;
		break;
	case 8:
		w.hello.size = 0;
		break;
	case 9:
		w.hello.size = UINT64_MAX;
		break;
	case 10:
		w.hello.gtab_off = w.hello.size;
		break;
	case 11:
		w.hello.gtab_off = 1;
		break;
	case 12:
		w.hello.gtab_off = UINT64_MAX - HV_PAGE + 1;
		break;
	case 13:
		w.hello.gtab_off = w.hello.size - HV_PAGE;
		break;
	case 14:
		w.hello.grants = 0;
		break;
	case 15:
		w.hello.grants = UINT32_MAX;
		break;
	}
	rc = refused(g, s, &w, sizeof(w), &fd, nfd);
	msg_close_all(p, 2);
	if (fd >= 0)
		close(fd);
	return finish(s, rc);
}
enum { MEMORY = 16 };

static int twice(struct liar *g)
{
	struct hv_wire w = hello(g);
	int fd = front_mem_fd(g->mem), s = greeted(g);

	if (s < 0)
		return s;
	return finish(s, refused(g, s, &w, sizeof(w), &fd, 1));
}

/* Ports that are no ports. */
static int port(struct liar *g)
{
	struct hv_wire w = wire(HV_WIRE_PORT);
	int fd[2], s = greeted(g), rc;
	unsigned n = 2;

	if (s < 0)
		return s;
	fd[0] = eventfd(0, EFD_CLOEXEC);
	fd[1] = eventfd(0, EFD_CLOEXEC);
	w.port.port = 5;
	switch (g->variant) {
	case 0:
		w.port.port = 0;
		break;
	case 1: /* known already */
		rc = msg_send(s, &w, sizeof(w), fd, 2);
		if (rc || answer(s)) {
			rc = rc ? rc : -EBADMSG;
			goto out;
		}
		break;
	case 2:
		n = 1;
		break;
	case 3:
		n = 0;
		break;
	case 4:
		dup2(s, fd[0]);
		break;
	case 5:
		dup2(front_mem_fd(g->mem), fd[1]);
		break;
	case 6: /* only the worker can see that it is a semaphore */
		close(fd[0]);
		fd[0] = eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC);
		rc = msg_send(s, &w, sizeof(w), fd, 2);
		if (!rc && answer(s))
			rc = -EBADMSG;
		if (!rc)
			rc = answer(s) == 1 ? 0 : -EISCONN;
		goto out;
	}
	rc = refused(g, s, &w, sizeof(w), fd, n);
out:
	msg_close_all(fd, 2);
	return finish(s, rc);
}
enum { PORTS = 7 };

static int port_flood(struct liar *g)
{
	struct hv_wire w = wire(HV_WIRE_PORT);
	int fd[2], s = greeted(g), rc = 0;
	unsigned i;

	if (s < 0)
		return s;
	fd[0] = eventfd(0, EFD_CLOEXEC);
	fd[1] = eventfd(0, EFD_CLOEXEC);
	for (i = 1; i <= FLOOD && !rc; i++) {
		w.port.port = i;
		rc = msg_send(s, &w, sizeof(w), fd, 2);
		if (!rc)
			rc = answer(s);
	}
	msg_close_all(fd, 2);
	if (i < 100 || i > HV_CHANNELS + 2)
		rc = -EBADMSG; /* there is no limit, or not the one we know */
	else
		rc = 0;
	return finish(s, rc);
}

/* More descriptors than any message may have; without reading answers. */
static int fd_flood(struct liar *g)
{
	struct hv_wire w = hello(g);
	union {
		struct cmsghdr c;
		char room[CMSG_SPACE(250 * sizeof(int))];
	} ctl = { 0 };
	struct iovec iov = { &w, sizeof(w) };
	struct msghdr m = { .msg_iov = &iov,
			    .msg_iovlen = 1,
			    .msg_control = &ctl,
			    .msg_controllen = sizeof(ctl) };
	static const uint8_t many[] = { 2, 3, 8, 9, 64, 250 };
	unsigned i, k;
	int *fd;

	for (i = 0; i < 50; i++) {
		unsigned n = many[i % ARRAY_SIZE(many)];
		int s = dial(g);

		if (s < 0)
			return s;
		ctl.c.cmsg_level = SOL_SOCKET;
		ctl.c.cmsg_type = SCM_RIGHTS;
		ctl.c.cmsg_len = CMSG_LEN(n * sizeof(int));
		m.msg_controllen = CMSG_SPACE(n * sizeof(int));
		fd = (int *)(void *)CMSG_DATA(&ctl.c);
		for (k = 0; k < n; k++)
			fd[k] = front_mem_fd(g->mem);
		if (sendmsg(s, &m, MSG_NOSIGNAL) < 0 && errno != EPIPE)
			return finish(s, -errno);
		if (answer(s) == 0)
			return finish(s, -EBADMSG);
		close(s);
	}
	return 0;
}

static int dial_flood(struct liar *g)
{
	unsigned i;
	int s;

	for (i = 0; i < FLOOD; i++) {
		s = dial(g);
		if (s < 0 && s != -EAGAIN)
			return s;
		if (s >= 0)
			close(s);
	}
	return 0;
}

/* Messages without reading one answer: ours must not be waited for. */
static int deaf(struct liar *g)
{
	struct hv_wire w = wire(HV_WIRE_PORT);
	int fd[2], s = greeted(g);
	unsigned i;

	if (s < 0)
		return s;
	fd[0] = eventfd(0, EFD_CLOEXEC);
	fd[1] = eventfd(0, EFD_CLOEXEC);
	fcntl(s, F_SETFL, O_NONBLOCK);
	for (i = 1; i < 2000; i++) {
		w.port.port = i;
		if (msg_send(s, &w, sizeof(w), fd, 2) == -EPIPE)
			break;
	}
	msg_close_all(fd, 2);
	liar_sleep(100);
	return finish(s, 0);
}

/* A second guest of the same domain while the first is served. */
static int second(struct liar *g)
{
	struct hv_wire w = hello(g);
	int fd = front_mem_fd(g->mem), s = dial(g), rc;

	if (s < 0)
		return s;
	rc = refused(g, s, &w, sizeof(w), &fd, 1);
	return finish(s, rc);
}

const struct lie lies_link[] = {
	{ .name = "hv-garbage",
	  .id = "P32",
	  .due = DUE_LINK,
	  .tell = garbage,
	  .variants = GARBAGE },
	{ .name = "hv-memory",
	  .id = "CVE-2020-10722",
	  .due = DUE_LINK,
	  .tell = memory,
	  .variants = MEMORY },
	{ .name = "hv-hello-twice",
	  .id = "CVE-2019-14818",
	  .due = DUE_LINK,
	  .tell = twice },
	{ .name = "hv-port",
	  .id = "CVE-2020-10722 P21",
	  .due = DUE_LINK,
	  .tell = port,
	  .variants = PORTS },
	{ .name = "hv-port-flood",
	  .id = "CVE-2019-14818",
	  .due = DUE_LINK,
	  .tell = port_flood },
	{ .name = "hv-fd-flood",
	  .id = "CVE-2022-0669",
	  .due = DUE_LINK,
	  .tell = fd_flood },
	{ .name = "hv-dial-flood",
	  .id = "CVE-2019-14818",
	  .due = DUE_LINK,
	  .tell = dial_flood },
	{ .name = "hv-deaf",
	  .id = "CVE-2019-14818 P29",
	  .due = DUE_LINK,
	  .tell = deaf },
	{ .name = "hv-second",
	  .id = "CVE-2019-14818",
	  .due = DUE_NONE,
	  .tell = second },
};
const unsigned nlies_link = ARRAY_SIZE(lies_link);
