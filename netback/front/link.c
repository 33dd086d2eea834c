// SPDX-License-Identifier: GPL-2.0-or-later
/* link.c - hands a guest's memory and doorbells to netbackd */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/msg.h"
#include "err.h"
#include "front/front.h"
#include "hv_wire.h"

enum { LINK_WAIT_S = 5 };

/* Sends one message and waits for its reply. */
static int link_ask(int sock, const struct hv_wire *w, const int *fd,
		    unsigned nfd, struct err *e)
{
	struct hv_wire r;
	int rc = msg_send(sock, w, sizeof(*w), fd, nfd);

	if (!rc)
		rc = msg_recv(sock, &r, sizeof(r), NULL, NULL);
	if (rc == 0)
		rc = -ECONNRESET;
	if (rc < 0)
		return err_set(e, rc, "netbackd does not answer: %s",
			       strerror(-rc));
	if (rc != sizeof(r) || r.magic != HV_WIRE_MAGIC ||
	    r.version != HV_WIRE_VERSION || r.type != HV_WIRE_REPLY)
		return err_set(e, -EPROTO, "netbackd speaks another version");
	if (!r.reply.rc)
		return 0;
	r.reply.text[HV_WIRE_TEXT - 1] = '\0';
	return err_set(e, r.reply.rc, "netbackd refuses: %s", r.reply.text);
}

static int link_hello(int sock, const struct front_mem *m, struct err *e)
{
	struct hv_wire w = {
		.magic = HV_WIRE_MAGIC,
		.version = HV_WIRE_VERSION,
		.type = HV_WIRE_HELLO,
	};
	struct hv_local d;
	int fd = front_mem_fd(m);

	front_mem_describe(m, &d);
	w.hello.size = d.size;
	w.hello.gtab_off = d.gtab_off;
	w.hello.grants = d.grants;
	return link_ask(sock, &w, &fd, 1, e);
}

static int link_port(int sock, const struct front_channel *c, struct err *e)
{
	struct hv_wire w = {
		.magic = HV_WIRE_MAGIC,
		.version = HV_WIRE_VERSION,
		.type = HV_WIRE_PORT,
	};
	int fd[2] = { c->from_guest, c->to_guest };

	w.port.port = c->port;
	return link_ask(sock, &w, fd, 2, e);
}

int front_link(const char *path, const struct front_mem *m,
	       const struct front_channel *v, unsigned n, struct err *e)
{
	struct timeval tv = { .tv_sec = LINK_WAIT_S };
	int sock = msg_connect(path, SOCK_SEQPACKET), rc;
	unsigned i;

	if (sock < 0)
		return err_set(e, sock, "%s: %s", path, strerror(-sock));
	setsockopt(sock, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv));
	rc = link_hello(sock, m, e);
	for (i = 0; i < n && !rc; i++)
		rc = link_port(sock, &v[i], e);
	if (rc) {
		close(sock);
		return rc;
	}
	return sock;
}
