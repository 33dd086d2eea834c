// SPDX-License-Identifier: GPL-2.0-or-later
/* wire.c - fuzz the local wires: a guest's to netbackd, a worker's to netbackd
 *
 * The first byte says which. Then messages: one byte says with which descriptors
 * and how much of a message comes next, the rest of it is as a good one
 * would be. Whatever was said, nothing is held afterwards, and what netbackd was
 * told by its own code is sane.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/msg.h"
#include "base/num.h"
#include "daemon/guestconn.h"
#include "daemon/orders.h"
#include "hv_wire.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	WIRE_MEMORY = 4 * HV_PAGE,
	WIRE_MOST = 64,
	WIRE_TURNS = 3000,
	WIRE_FDS = 128
};

static struct loop *loop;
static unsigned quiet, quiet_all; /* descriptors when nobody is there */

static void must(bool b)
{
	if (!b)
		abort();
}

/* Of the kinds that are used here: the fuzzer has some of its own. */
static unsigned fds(void)
{
	static const char *const kind[] = { "socket:", "/memfd:guest",
					    "anon_inode:[eventfd]" };
	DIR *d = opendir("/proc/self/fd");
	struct dirent *e;
	unsigned n = 0, i;

	must(d);
	while ((e = readdir(d))) {
		char to[64] = "";

		if (readlinkat(dirfd(d), e->d_name, to, sizeof(to) - 1) <= 0)
			continue;
		for (i = 0; i < ARRAY_SIZE(kind); i++)
			n += !strncmp(to, kind[i], strlen(kind[i]));
	}
	closedir(d);
	return n;
}

/* All below a bound, by one system call: the usual answer is that none is left. */
static unsigned all_fds(void)
{
	struct pollfd p[WIRE_FDS];
	unsigned i, n = 0;

	for (i = 0; i < WIRE_FDS; i++)
		p[i] = (struct pollfd){ .fd = (int)i };
	must(poll(p, WIRE_FDS, 0) >= 0);
	for (i = 0; i < WIRE_FDS; i++)
		n += !(p[i].revents & POLLNVAL);
	return n;
}

static bool still(void)
{
	return all_fds() == quiet_all || fds() == quiet;
}

/* --- a guest -------------------------------------------------------------------- */

static struct guest {
	struct guestconn *g;
	char path[64];
	int said;
	unsigned ports;
} guest;

static void guest_hello(void *arg, const struct hv_local *d, int memfd)
{
	(void)arg;
	must(d->size == WIRE_MEMORY && memfd >= 0 && !guest.said);
	must(d->gtab_off % HV_PAGE == 0 && d->grants);
	must(d->gtab_off + d->grants * 8ull <= d->size);
	guest.said = 1;
}

static void guest_port(void *arg, const struct guestconn_port *p)
{
	unsigned n;

	(void)arg;
	must(guest.said && p->port && p->fd[0] >= 0 && p->fd[1] >= 0);
	guestconn_ports(guest.g, &n);
	must(n == ++guest.ports && n <= HV_CHANNELS);
}

static void guest_gone(void *arg)
{
	(void)arg;
	must(guest.said);
	guest.said = 0;
	guest.ports = 0;
}

/* Doors rest when guests come too often: a new one every few inputs. */
static void guest_door(void)
{
	static const struct guestconn_ops ops = { guest_hello, guest_port,
						  guest_gone };
	static char dir[] = "/tmp/nb-fuzz.XXXXXX";
	static bool made;
	struct err e;

	if (!made)
		must(mkdtemp(dir));
	made = true;
	must(!guestconn_open(&guest.g, loop, dir, 1, &ops, NULL, &e));
	snprintf(guest.path, sizeof(guest.path), "%s/dom/1/hv", dir);
}

static int guest_fd(unsigned kind)
{
	int fd;

	switch (kind & 3) {
	case 0:
		fd = memfd_create("guest", MFD_ALLOW_SEALING | MFD_CLOEXEC);
		must(!ftruncate(fd, WIRE_MEMORY));
		if (!(kind & 4))
			fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_SEAL);
		return fd;
	case 1:
		return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	case 2:
		return open("/dev/null", O_RDWR | O_CLOEXEC);
	}
	return dup(2);
}

static void guest_turns(void)
{
	unsigned i;

	for (i = 0; i < 3; i++)
		must(!loop_turn(loop, 0));
}

/* What is closed by a thread of its own takes a moment. */
static void settle(void)
{
	unsigned i;

	for (i = 0; i < WIRE_TURNS && !still(); i++)
		must(!loop_turn(loop, 1));
	must(still());
}

/* kind: 0-2 hello or a port, as it should be; else with other descriptors. */
static void guest_say(int sock, uint8_t kind, const uint8_t *data, size_t n)
{
	struct hv_wire m = {
		.magic = HV_WIRE_MAGIC,
		.version = HV_WIRE_VERSION,
		.type = kind & 1 ? HV_WIRE_PORT : HV_WIRE_HELLO,
	};
	int fd[MSG_FDS];
	unsigned nfd = kind & 1 ? 2 : 1, i;
	size_t size = sizeof(m);

	if (kind & 1) {
		m.port.port = guest.ports + 1;
	} else {
		m.hello.size = WIRE_MEMORY;
		m.hello.grants = 32;
	}
	if (n > sizeof(m)) {
		size = n < 2 * sizeof(m) ? n : sizeof(m);
		n = sizeof(m);
	}
	if (kind & 2 && n)
		memcpy((uint8_t *)&m + sizeof(m) - n, data, n);
	else
		memcpy((kind & 8 ? (uint8_t *)&m : (uint8_t *)&m.hello), data,
		       n < 24 ? n : 24);
	if (kind & 4)
		nfd = kind >> 5;
	for (i = 0; i < nfd; i++)
		fd[i] = guest_fd(kind & 4 ? kind + i : kind & 1);
	msg_send(sock, &m, size < sizeof(m) ? size : sizeof(m), fd, nfd);
	msg_close_all(fd, nfd);
	guest_turns();
}

static void guest_talk(const uint8_t *data, size_t size)
{
	static unsigned came;
	unsigned i;
	int sock;

	if (came++ % 32 == 0) {
		guestconn_close(guest.g);
		guest_door();
		settle();
	}
	sock = msg_connect(guest.path, SOCK_SEQPACKET);
	must(sock >= 0);
	fcntl(sock, F_SETFL, O_NONBLOCK);
	guest_turns();
	for (i = 0; i < WIRE_MOST && size > 1; i++) {
		size_t n = data[1];

		n = n < size - 2 ? n : size - 2;
		guest_say(sock, data[0], data + 2, n);
		data += n + 2;
		size -= n + 2;
	}
	close(sock);
	guest_turns();
	settle();
	must(!guest.said);
}

/* --- a worker -------------------------------------------------------------------- */

static struct worker_side {
	struct orders *o;
	unsigned asked, answered;
	bool lost;
} worker;

static void worker_answer(void *arg, const struct worker_msg *m,
			  enum worker_type order)
{
	(void)arg;
	must(m->rc <= 0 && !worker.lost);
	must(m->type != WORKER_DONE || memchr(m->text, 0, WORKER_TEXT));
	must(order >= WORKER_DOM && order <= WORKER_DIRECT);
	worker.answered++;
}

static void worker_fatal(void *arg, const struct worker_msg *m)
{
	(void)arg;
	must(m->type == WORKER_STALL || memchr(m->text, 0, WORKER_TEXT));
}

static void worker_lost(void *arg, const char *why)
{
	(void)arg;
	must(why && !worker.lost);
	worker.lost = true;
}

/* An order, or an answer that is right but for what the input says. */
static void worker_say(int sock, uint8_t kind, const uint8_t *data, size_t n)
{
	static struct worker_msg m;
	struct worker_msg got;
	unsigned i;

	memset(&m, 0, sizeof(m));
	if (kind & 1) {
		m.type = (uint16_t)(WORKER_DOM + (kind >> 3) % WORKER_DIRECT);
		m.domid = 1;
		if (!orders_send(worker.o, &m, NULL, 0))
			worker.asked++;
	} else {
		if (msg_recv(sock, &got, sizeof(got), NULL, NULL) ==
		    sizeof(got))
			m = got;
		if (!(kind & 4))
			m.type = WORKER_DONE;
		for (i = 0; i + 2 < n; i += 3) {
			size_t at = data[i] << 8 | data[i + 1];

			((uint8_t *)&m)[at % sizeof(m)] = data[i + 2];
		}
		msg_send(sock, &m, sizeof(m) - (kind & 2 ? n % 16 : 0), NULL,
			 0);
	}
	must(!loop_turn(loop, 0));
}

static void worker_talk(const uint8_t *data, size_t size)
{
	static const struct orders_ops ops = { worker_answer, worker_fatal,
					       worker_lost };
	int sv[2];

	memset(&worker, 0, sizeof(worker));
	must(!socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, sv));
	fcntl(sv[1], F_SETFL, O_NONBLOCK);
	must(!orders_open(&worker.o, loop, sv[0], &ops, NULL));
	while (size > 1) {
		size_t n = data[1];

		n = n < size - 2 ? n : size - 2;
		worker_say(sv[1], data[0], data + 2, n);
		must(worker.asked - worker.answered ==
		     orders_pending(worker.o));
		data += n + 2;
		size -= n + 2;
	}
	close(sv[1]);
	must(!loop_turn(loop, 0));
	orders_close(worker.o);
	settle();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!loop) {
		log_open("fuzz", LOG_ERROR);
		must(!loop_open(&loop));
		guest_door();
		quiet = fds();
		quiet_all = all_fds();
	}
	if (size < 2)
		return 0;
	if (data[0] & 1)
		worker_talk(data + 1, size - 1);
	else
		guest_talk(data + 1, size - 1);
	return 0;
}
