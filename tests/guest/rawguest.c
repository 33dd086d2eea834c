// SPDX-License-Identifier: GPL-2.0-or-later
/* rawguest.c - a local guest that says hello wrongly, one way a run
 *
 *   rawguest RUN N CASE     (CASE: see raw_spoil)
 *
 * Prints what netbackd answered. Exit status: 0 it was taken, 1 refused with a
 * reason, 3 refused without one (end of file), 4 the case cannot be made on
 * this machine, 2 anything else.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/msg.h"
#include "base/num.h"
#include "hv_wire.h"

enum {
	RAW_SIZE = 4 << 20, /* whole huge pages */
	RAW_GRANTS = 512,   /* one page of the table */
	RAW_WAIT_MS = 5000,
	RAW_PATH = 108,
	RAW_SEALS = F_SEAL_SHRINK | F_SEAL_SEAL,
};

struct raw {
	struct hv_wire msg;
	size_t len;
	int fd[2];
	unsigned nfd;
};

static int raw_memfd(unsigned flags, int seals)
{
	int fd = memfd_create("rawguest", MFD_CLOEXEC | flags);

	if (fd < 0)
		return -1;
	if (ftruncate(fd, RAW_SIZE) ||
	    (seals && fcntl(fd, F_ADD_SEALS, seals))) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A guest as it should be. */
static void raw_right(struct raw *r)
{
	memset(r, 0, sizeof(*r));
	r->len = sizeof(r->msg);
	r->msg.magic = HV_WIRE_MAGIC;
	r->msg.version = HV_WIRE_VERSION;
	r->msg.type = HV_WIRE_HELLO;
	r->msg.hello.size = RAW_SIZE;
	r->msg.hello.grants = RAW_GRANTS;
	r->fd[0] = raw_memfd(MFD_ALLOW_SEALING, RAW_SEALS);
	r->nfd = 1;
}

static int raw_swap(struct raw *r, int fd)
{
	close(r->fd[0]);
	r->fd[0] = fd;
	return fd < 0 ? 4 : 0;
}

static int raw_pipe(void)
{
	int p[2];

	if (pipe2(p, O_CLOEXEC))
		return -1;
	close(p[1]);
	return p[0];
}

/* A right hello with one thing wrong. 0, 4 or 2. */
static int raw_spoil(struct raw *r, const char *what)
{
	struct hv_wire *m = &r->msg;

	if (!strcmp(what, "right"))
		return 0;
	if (!strcmp(what, "unsealed"))
		return raw_swap(r, raw_memfd(MFD_ALLOW_SEALING, 0));
	if (!strcmp(what, "resealable"))
		return raw_swap(r, raw_memfd(MFD_ALLOW_SEALING, F_SEAL_SHRINK));
	if (!strcmp(what, "hugetlb"))
		return raw_swap(r, raw_memfd(MFD_ALLOW_SEALING | MFD_HUGETLB,
					     RAW_SEALS));
	if (!strcmp(what, "pipe"))
		return raw_swap(r, raw_pipe());
	if (!strcmp(what, "file"))
		return raw_swap(r,
				open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
	if (!strcmp(what, "nofd"))
		r->nfd = 0;
	else if (!strcmp(what, "twofds"))
		r->fd[r->nfd++] = dup(r->fd[0]);
	else if (!strcmp(what, "bigger"))
		m->hello.size = RAW_SIZE * 2;
	else if (!strcmp(what, "empty"))
		m->hello.size = 0;
	else if (!strcmp(what, "gtab-outside"))
		m->hello.gtab_off = RAW_SIZE;
	else if (!strcmp(what, "gtab-odd"))
		m->hello.gtab_off = 100;
	else if (!strcmp(what, "gtab-wraps"))
		m->hello.gtab_off = ~UINT64_C(0) - 4095;
	else if (!strcmp(what, "grants-many"))
		m->hello.grants = ~0u;
	else if (!strcmp(what, "grants-none"))
		m->hello.grants = 0;
	else if (!strcmp(what, "magic"))
		m->magic ^= 1;
	else if (!strcmp(what, "version"))
		m->version = 99;
	else if (!strcmp(what, "type"))
		m->type = 77;
	else if (!strcmp(what, "port-first"))
		m->type = HV_WIRE_PORT;
	else if (!strcmp(what, "short"))
		r->len = 7;
	else
		return 2;
	return 0;
}

/* Sends it and prints the answer. */
static int raw_talk(const char *path, const struct raw *r)
{
	struct pollfd p = { .events = POLLIN };
	struct hv_wire answer;
	int n;

	p.fd = msg_connect(path, SOCK_SEQPACKET);
	if (p.fd < 0) {
		printf("cannot connect to %s: %s\n", path, strerror(-p.fd));
		return 2;
	}
	n = msg_send(p.fd, &r->msg, r->len, r->fd, r->nfd);
	if (!n && poll(&p, 1, RAW_WAIT_MS) != 1)
		n = -ETIMEDOUT;
	if (!n)
		n = msg_recv(p.fd, &answer, sizeof(answer), NULL, NULL);
	close(p.fd);
	if (!n || n == -ECONNRESET || n == -EPIPE) {
		puts("end of file");
		return 3;
	}
	if (n != sizeof(answer) || answer.type != HV_WIRE_REPLY) {
		printf("no answer: %d\n", n);
		return 2;
	}
	answer.reply.text[HV_WIRE_TEXT - 1] = '\0';
	printf("%d %s\n", answer.reply.rc, answer.reply.text);
	return answer.reply.rc ? 1 : 0;
}

int main(int argc, char **argv)
{
	char path[RAW_PATH];
	struct raw r;
	int rc;

	if (argc != 4 ||
	    str_fmt(path, sizeof(path), "%s/dom/%s/hv", argv[1], argv[2]) < 0) {
		fputs("usage: rawguest RUN N CASE\n", stderr);
		return 2;
	}
	raw_right(&r);
	rc = r.fd[0] < 0 ? 2 : raw_spoil(&r, argv[3]);
	if (!rc)
		rc = raw_talk(path, &r);
	else if (rc == 4)
		puts("this machine cannot make it");
	msg_close_all(r.fd, r.nfd ? r.nfd : 1);
	return rc;
}
