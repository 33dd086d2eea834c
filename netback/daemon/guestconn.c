// SPDX-License-Identifier: GPL-2.0-or-later
/* guestconn.c - RUN/dom/N/hv: a local guest hands over memory and doorbells */
#include "daemon/guestconn.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/grave.h"
#include "base/log.h"
#include "base/loop.h"
#include "base/msg.h"
#include "base/num.h"
#include "base/rate.h"
#include "daemon/estate.h"
#include "hv_wire.h"

enum {
	GUESTCONN_HELLO_MS = 5000, /* to say hello after connecting */
	GUESTCONN_PATH = 108,
	GUESTCONN_REST_MS = 1000, /* most between two looks into the grave */
	GUESTCONN_BURST = 40,	  /* connections at once .. */
	GUESTCONN_EACH_MS = 50,	  /* .. and then one each */
	GUESTCONN_TRIES = 8,
};

struct guestconn {
	struct loop *loop;
	const struct guestconn_ops *ops;
	void *arg;
	uint16_t domid;
	char dir[GUESTCONN_PATH], path[GUESTCONN_PATH];
	int listener, sock;
	struct loop_fd *listen_src, *src;
	struct loop_timer *hello_timer;
	struct grave *grave; /* nobody is let in while it is busy */
	struct loop_timer *rest;
	uint32_t rest_ms;
	struct rate rate;
	bool hello, paused;
	struct hv_local dom;
	int memfd;
	struct estate *estate; /* or NULL */
	unsigned nport;
	struct guestconn_port port[HV_CHANNELS];
	struct log_limit limit;
};

static void guestconn_reply(int sock, int rc, const char *text)
{
	struct hv_wire w = {
		.magic = HV_WIRE_MAGIC,
		.version = HV_WIRE_VERSION,
		.type = HV_WIRE_REPLY,
	};

	w.reply.rc = rc;
	snprintf(w.reply.text, sizeof(w.reply.text), "%s", text);
	/* A guest that does not listen to its answer misses it. */
	msg_send(sock, &w, sizeof(w), NULL, 0);
}

/* --- for the next instance ----------------------------------------------------- */

static void guestconn_name_memory(const struct guestconn *g,
				  char name[ESTATE_NAME])
{
	snprintf(name, ESTATE_NAME, "mem.%u.%" PRIu64 ".%" PRIu64 ".%u",
		 g->domid, g->dom.size, g->dom.gtab_off, g->dom.grants);
}

static void guestconn_name(const struct guestconn *g, const char *what,
			   uint32_t port, char name[ESTATE_NAME])
{
	if (port)
		snprintf(name, ESTATE_NAME, "%s.%u.%u", what, g->domid, port);
	else
		snprintf(name, ESTATE_NAME, "%s.%u", what, g->domid);
}

static void guestconn_keep_hello(const struct guestconn *g)
{
	char name[ESTATE_NAME];

	guestconn_name_memory(g, name);
	estate_keep(g->estate, name, g->memfd);
	guestconn_name(g, "hv", 0, name);
	estate_keep(g->estate, name, g->sock);
}

static void guestconn_keep_port(const struct guestconn *g,
				const struct guestconn_port *p)
{
	char name[ESTATE_NAME];

	guestconn_name(g, "from", p->port, name);
	estate_keep(g->estate, name, p->fd[0]);
	guestconn_name(g, "to", p->port, name);
	estate_keep(g->estate, name, p->fd[1]);
}

static void guestconn_drop_kept(const struct guestconn *g)
{
	char name[ESTATE_NAME];
	unsigned i;

	if (!g->hello)
		return;
	guestconn_name_memory(g, name);
	estate_drop(g->estate, name);
	guestconn_name(g, "hv", 0, name);
	estate_drop(g->estate, name);
	for (i = 0; i < g->nport; i++) {
		guestconn_name(g, "from", g->port[i].port, name);
		estate_drop(g->estate, name);
		guestconn_name(g, "to", g->port[i].port, name);
		estate_drop(g->estate, name);
	}
}

/* --- what a guest says ----------------------------------------------------------- */

static void guestconn_forget(struct guestconn *g)
{
	unsigned i;

	guestconn_drop_kept(g);

	loop_del(g->loop, g->src);
	loop_cancel(g->loop, g->hello_timer);
	g->src = NULL;
	g->hello_timer = NULL;
	grave_put(g->grave, g->sock);
	grave_put(g->grave, g->memfd);
	for (i = 0; i < g->nport; i++) {
		grave_put(g->grave, g->port[i].fd[0]);
		grave_put(g->grave, g->port[i].fd[1]);
	}
	g->sock = g->memfd = -1;
	g->nport = 0;
	g->hello = false;
}

void guestconn_drop(struct guestconn *g)
{
	bool said = g->hello;

	guestconn_forget(g);
	if (said)
		g->ops->gone(g->arg);
}

static void guestconn_refuse(struct guestconn *g, int rc, const char *why)
{
	if (log_allow(&g->limit, loop_now(g->loop)))
		log_warn("domain %u: %s: %s", g->domid, g->path, why);
	guestconn_reply(g->sock, rc, why);
	guestconn_drop(g);
}

static void guestconn_late(void *arg)
{
	struct guestconn *g = arg;

	g->hello_timer = NULL;
	guestconn_refuse(g, -ETIMEDOUT, "no hello for 5 s");
}

static bool guestconn_sane(const struct hv_local *d)
{
	return d->gtab_off % HV_PAGE == 0 && d->gtab_off < d->size &&
	       d->grants && d->grants <= HV_LOCAL_GRANTS &&
	       d->grants * 8ull <= d->size - d->gtab_off;
}

/* Takes over fd. */
static void guestconn_hello(struct guestconn *g, const struct hv_wire *w,
			    int fd)
{
	const char *why = "grant table outside the memory";
	struct hv_local d = {
		.size = w->hello.size,
		.gtab_off = w->hello.gtab_off,
		.grants = w->hello.grants,
	};
	int rc = hv_local_check(fd, d.size, &why);

	if (!rc && !guestconn_sane(&d))
		rc = -EINVAL;
	if (rc) {
		grave_put(g->grave, fd);
		guestconn_refuse(g, rc, why);
		return;
	}
	loop_cancel(g->loop, g->hello_timer);
	g->hello_timer = NULL;
	g->dom = d;
	g->memfd = fd;
	g->hello = true;
	guestconn_keep_hello(g);
	guestconn_reply(g->sock, 0, "");
	g->ops->hello(g->arg, &g->dom, g->memfd);
}

/* Anything else behind the descriptor could block whoever writes to it. */
static bool guestconn_is_eventfd(int fd)
{
	static const char want[] = "anon_inode:[eventfd]";
	char link[32], got[sizeof(want)];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, got, sizeof(got));
	return n == sizeof(want) - 1 && !memcmp(got, want, sizeof(want) - 1);
}

static const char *guestconn_bad_port(const struct guestconn *g,
				      const struct guestconn_port *p)
{
	unsigned i;

	if (!p->port)
		return "no event channel has number 0";
	if (g->nport == HV_CHANNELS)
		return "too many event channels";
	for (i = 0; i < g->nport; i++) {
		if (g->port[i].port == p->port)
			return "this event channel is known already";
	}
	if (!guestconn_is_eventfd(p->fd[0]) || !guestconn_is_eventfd(p->fd[1]))
		return "an event channel is two eventfds";
	return NULL;
}

/* Takes over both descriptors. */
static void guestconn_add_port(struct guestconn *g, const struct hv_wire *w,
			       int *fd)
{
	struct guestconn_port p = { w->port.port, { fd[0], fd[1] } };
	const char *why = guestconn_bad_port(g, &p);

	if (why) {
		grave_put(g->grave, fd[0]);
		grave_put(g->grave, fd[1]);
		guestconn_refuse(g, -EINVAL, why);
		return;
	}
	g->port[g->nport++] = p;
	guestconn_keep_port(g, &p);
	guestconn_reply(g->sock, 0, "");
	g->ops->port(g->arg, &p);
}

static const char *guestconn_bad(const struct guestconn *g,
				 const struct hv_wire *w, unsigned nfd)
{
	if (w->magic != HV_WIRE_MAGIC)
		return "not a guest of this protocol";
	if (w->version != HV_WIRE_VERSION)
		return "another version of this protocol";
	if (w->type == HV_WIRE_HELLO && g->hello)
		return "said hello twice";
	if (w->type == HV_WIRE_PORT && !g->hello)
		return "offers an event channel before hello";
	if (w->type == HV_WIRE_HELLO && nfd != 1)
		return "hello comes with one descriptor, the memory";
	if (w->type == HV_WIRE_PORT && nfd != 2)
		return "an event channel comes with two descriptors";
	if (w->type != HV_WIRE_HELLO && w->type != HV_WIRE_PORT)
		return "no such message";
	return NULL;
}

static void guestconn_ready(void *arg, int sock, uint32_t events)
{
	struct guestconn *g = arg;
	struct hv_wire w;
	const char *why;
	int fd[MSG_FDS_MOST], rc;
	unsigned nfd, i;

	(void)events;
	rc = msg_recv_any(sock, &w, sizeof(w), fd, &nfd);
	if (rc == -EAGAIN)
		return;
	if ((rc == 0 && !nfd) || rc == -ECONNRESET) {
		guestconn_drop(g);
		return;
	}
	why = rc == sizeof(w) ? guestconn_bad(g, &w, nfd)
			      : "a message of the wrong size";
	if (why) {
		for (i = 0; i < nfd; i++)
			grave_put(g->grave, fd[i]);
		guestconn_refuse(g, -EPROTO, why);
	} else if (w.type == HV_WIRE_HELLO) {
		guestconn_hello(g, &w, fd[0]);
	} else {
		guestconn_add_port(g, &w, fd);
	}
}

/* A guest that ended and came back within one turn is not a second one. */
static bool guestconn_ended(const struct guestconn *g)
{
	char c;

	return recv(g->sock, &c, 1, MSG_PEEK | MSG_DONTWAIT) == 0;
}

static void guestconn_listen(struct guestconn *g);

static void guestconn_rested(void *arg)
{
	struct guestconn *g = arg;

	g->rest = NULL;
	guestconn_listen(g);
}

static void guestconn_rest(struct guestconn *g, uint32_t ms)
{
	loop_del(g->loop, g->listen_src);
	g->listen_src = NULL;
	loop_after(g->loop, ms, guestconn_rested, g, &g->rest);
}

/* Not while something of the last one's is not closed yet, and not too often. */
static bool guestconn_may_come(struct guestconn *g)
{
	uint32_t ms;

	if (grave_busy(g->grave)) {
		g->rest_ms = g->rest_ms ? g->rest_ms * 2 : 1;
		if (g->rest_ms > GUESTCONN_REST_MS)
			g->rest_ms = GUESTCONN_REST_MS;
		guestconn_rest(g, g->rest_ms);
		return false;
	}
	g->rest_ms = 0;
	ms = rate_ask(&g->rate, loop_now(g->loop), GUESTCONN_BURST,
		      GUESTCONN_EACH_MS);
	if (ms)
		guestconn_rest(g, ms);
	return !ms;
}

static void guestconn_accept(void *arg, int fd, uint32_t events)
{
	struct guestconn *g = arg;
	int sock;

	(void)events;
	if (g->sock >= 0 && guestconn_ended(g)) {
		guestconn_drop(g); /* may pause us: look again next turn */
		return;
	}
	if (!guestconn_may_come(g))
		return;
	sock = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (sock < 0)
		return;
	if (g->sock >= 0) {
		guestconn_reply(sock, -EBUSY,
				"this domain is connected already");
		grave_put(g->grave, sock);
		return;
	}
	if (loop_add(g->loop, sock, EPOLLIN, guestconn_ready, g, &g->src)) {
		grave_put(g->grave, sock);
		return;
	}
	g->sock = sock;
	loop_after(g->loop, GUESTCONN_HELLO_MS, guestconn_late, g,
		   &g->hello_timer);
}

static void guestconn_listen(struct guestconn *g)
{
	if (!g->paused && !g->rest && !g->listen_src &&
	    loop_add(g->loop, g->listener, EPOLLIN, guestconn_accept, g,
		     &g->listen_src))
		loop_after(g->loop, GUESTCONN_REST_MS, guestconn_rested, g,
			   &g->rest);
}

void guestconn_pause(struct guestconn *g, bool paused)
{
	g->paused = paused;
	if (paused) {
		loop_del(g->loop, g->listen_src);
		g->listen_src = NULL;
	} else {
		guestconn_listen(g);
	}
}

static int guestconn_mkdir(struct guestconn *g, const char *run)
{
	snprintf(g->dir, sizeof(g->dir), "%s/dom", run);
	if (mkdir(g->dir, 0755) && errno != EEXIST)
		return -errno;
	if (str_fmt(g->dir, sizeof(g->dir), "%s/dom/%u", run, g->domid) < 0 ||
	    str_fmt(g->path, sizeof(g->path), "%s/dom/%u/hv", run, g->domid) <
		    0)
		return -ENAMETOOLONG;
	return mkdir(g->dir, 0700) && errno != EEXIST ? -errno : 0;
}

int guestconn_open(struct guestconn **out, struct loop *l, const char *run,
		   uint16_t domid, const struct guestconn_ops *ops, void *arg,
		   struct err *e)
{
	struct guestconn *g = calloc(1, sizeof(*g));
	int rc, tries = 0;

	if (!g)
		return err_set(e, -ENOMEM, "out of memory");
	g->loop = l;
	g->ops = ops;
	g->arg = arg;
	g->domid = domid;
	g->listener = g->sock = g->memfd = -1;
	rc = grave_open(&g->grave);
	if (rc) {
		free(g);
		return err_set(e, rc, "out of memory");
	}
	/* The store's server may take the directory away just then */
	do {
		rc = guestconn_mkdir(g, run);
		if (!rc) {
			g->listener = msg_listen(g->path, SOCK_SEQPACKET, 0600);
			rc = g->listener < 0 ? g->listener : 0;
		}
	} while (rc == -ENOENT && ++tries < GUESTCONN_TRIES);
	if (!rc)
		rc = loop_add(l, g->listener, EPOLLIN, guestconn_accept, g,
			      &g->listen_src);
	if (rc) {
		err_set(e, rc, "cannot listen at %s/dom/%u/hv: %s", run, domid,
			strerror(-rc));
		guestconn_close(g);
		return rc;
	}
	*out = g;
	return 0;
}

/* What the name says was checked when the guest said it; it is looked at again,
 * because it came from outside.
 */
static int guestconn_take_memory(struct guestconn *g)
{
	char prefix[ESTATE_NAME], name[ESTATE_NAME];
	struct hv_local d = { 0 };
	const char *why;

	snprintf(prefix, sizeof(prefix), "mem.%u.", g->domid);
	g->memfd = estate_take(g->estate, prefix, name);
	if (g->memfd < 0)
		return -ENOENT;
	if (sscanf(name + strlen(prefix), "%" SCNu64 ".%" SCNu64 ".%u", &d.size,
		   &d.gtab_off, &d.grants) == 3 &&
	    !hv_local_check(g->memfd, d.size, &why) && guestconn_sane(&d)) {
		g->dom = d;
		return 0;
	}
	estate_refuse(g->estate, name, g->memfd);
	g->memfd = -1;
	return -EINVAL;
}

static void guestconn_take_ports(struct guestconn *g)
{
	char prefix[ESTATE_NAME], name[ESTATE_NAME], other[ESTATE_NAME];
	int fd;

	snprintf(prefix, sizeof(prefix), "from.%u.", g->domid);
	while ((fd = estate_take(g->estate, prefix, name)) >= 0) {
		struct guestconn_port p = { .fd = { fd, -1 } };

		if (!num_parse(name + strlen(prefix), UINT32_MAX, &p.port)) {
			guestconn_name(g, "to", p.port, other);
			p.fd[1] = estate_take(g->estate, other, NULL);
		}
		if (p.fd[1] >= 0 && !guestconn_bad_port(g, &p)) {
			g->port[g->nport++] = p;
			guestconn_keep_port(g, &p);
			continue;
		}
		estate_refuse(g->estate, name, fd);
		if (p.fd[1] >= 0)
			estate_refuse(g->estate, other, p.fd[1]);
	}
}

void guestconn_keep(struct guestconn *g, struct estate *t)
{
	char name[ESTATE_NAME];

	g->estate = t;
	guestconn_name(g, "hv", 0, name);
	g->sock = estate_take(t, name, NULL);
	if (g->sock < 0)
		return;
	if (guestconn_take_memory(g) ||
	    loop_add(g->loop, g->sock, EPOLLIN, guestconn_ready, g, &g->src)) {
		estate_refuse(t, name, g->sock);
		g->sock = -1;
		return;
	}
	g->hello = true;
	guestconn_keep_hello(g);
	guestconn_take_ports(g);
}

const struct hv_local *guestconn_memory(const struct guestconn *g, int *memfd)
{
	*memfd = g->memfd;
	return g->hello ? &g->dom : NULL;
}

const struct guestconn_port *guestconn_ports(const struct guestconn *g,
					     unsigned *n)
{
	*n = g->nport;
	return g->port;
}

void guestconn_close(struct guestconn *g)
{
	if (!g)
		return;
	guestconn_forget(g);
	loop_del(g->loop, g->listen_src);
	loop_cancel(g->loop, g->rest);
	if (g->listener >= 0) {
		grave_put(g->grave, g->listener);
		unlink(g->path);
		rmdir(g->dir); /* fails while the store server uses it */
	}
	grave_close(g->grave);
	free(g);
}
