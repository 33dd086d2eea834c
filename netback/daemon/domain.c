// SPDX-License-Identifier: GPL-2.0-or-later
/* domain.c - a guest as a whole: its memory and channels at the worker */
#include "daemon/domain.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "daemon/guestconn.h"

struct domain {
	uint16_t domid;
	char door[16];	  /* where a local guest comes in, below RUN */
	bool told;	  /* the worker has its memory */
	unsigned pending; /* orders not answered */
	bool xen;
	struct guestconn *conn; /* NULL: a guest of Xen */
	struct loop *loop;
	struct log_limit limit;
	const struct domain_ops *ops;
	void *arg;
};

struct orders *domain_orders(const struct domain *d)
{
	return d->ops->orders(d->arg, d->domid);
}

/* 0 also where there is no worker, or none for long: domain_resume tells the next. */
static int domain_order(struct domain *d, struct worker_msg *m, const int *fd,
			unsigned nfd)
{
	struct orders *o = domain_orders(d);
	int rc;

	m->domid = d->domid;
	rc = o ? orders_send(o, m, fd, nfd) : -EPIPE;
	if (!rc)
		d->pending++;
	return rc == -EPIPE ? 0 : rc;
}

/* --- a guest of Xen -------------------------------------------------------------- */

static void domain_xen_failed(struct domain *d, const char *what, int rc)
{
	if (log_allow(&d->limit, loop_now(d->loop)))
		log_error("domain %u: cannot open %s: %s", d->domid, what,
			  strerror(-rc));
}

/* Tells the worker that there is such a guest; again when there was none to tell.
 */
static void domain_xen_tell(struct domain *d)
{
	struct worker_msg m = { .type = WORKER_DOM_XEN };
	int fd;

	if (d->told || !domain_orders(d))
		return;
	fd = hv_xen_gntdev();
	if (fd < 0) {
		domain_xen_failed(d, "/dev/xen/gntdev", fd);
		return;
	}
	d->told = !domain_order(d, &m, &fd, 1);
	close(fd);
}

static bool domain_xen_port(struct domain *d, uint32_t port)
{
	struct worker_msg m = { .type = WORKER_CHANNEL, .port = port };
	int fd, rc;

	domain_xen_tell(d);
	fd = hv_xen_evtchn(d->domid);
	if (fd < 0) {
		domain_xen_failed(d, "/dev/xen/evtchn", fd);
		return false;
	}
	rc = domain_order(d, &m, &fd, 1);
	close(fd);
	return !rc;
}

/* --- a local guest --------------------------------------------------------------- */

/* A guest of which the worker knows half is of no use: it may come again. */
static void domain_order_lost(struct domain *d, int rc)
{
	if (log_allow(&d->limit, loop_now(d->loop)))
		log_warn("domain %u: the worker cannot be told of it: %s",
			 d->domid, strerror(-rc));
	guestconn_drop(d->conn);
}

static void domain_hello(void *arg, const struct hv_local *mem, int memfd)
{
	struct worker_msg m = { .type = WORKER_DOM, .dom = *mem };
	struct domain *d = arg;
	int rc = domain_order(d, &m, &memfd, 1);

	d->told = !rc;
	if (rc)
		domain_order_lost(d, rc);
	else
		d->ops->here(d->arg, d->domid);
}

static int domain_order_port(struct domain *d, const struct guestconn_port *p)
{
	struct worker_msg m = { .type = WORKER_CHANNEL, .port = p->port };

	return domain_order(d, &m, p->fd, 2);
}

static void domain_port(void *arg, const struct guestconn_port *p)
{
	struct domain *d = arg;
	int rc = domain_order_port(d, p);

	if (rc)
		domain_order_lost(d, rc);
	else
		d->ops->here(d->arg, d->domid);
}

static void domain_gone(void *arg)
{
	struct worker_msg m = { .type = WORKER_DOM_GONE };
	struct domain *d = arg;

	d->ops->gone(d->arg, d->domid);
	if (d->told)
		domain_order(d, &m, NULL, 0);
	d->told = false;
	if (d->pending)
		guestconn_pause(d->conn, true);
}

/* --- either ------------------------------------------------------------------------ */

int domain_open(struct domain **out, const struct domain_host *h,
		uint16_t domid, const struct domain_ops *ops, void *arg,
		struct err *e)
{
	static const struct guestconn_ops conn = { domain_hello, domain_port,
						   domain_gone };
	struct domain *d = calloc(1, sizeof(*d));
	int rc = 0;

	if (!d)
		return err_set(e, -ENOMEM, "out of memory");
	d->domid = domid;
	snprintf(d->door, sizeof(d->door), "dom/%u/hv", domid);
	d->loop = h->loop;
	d->ops = ops;
	d->arg = arg;
	d->xen = h->xen;
	if (d->xen)
		domain_xen_tell(d);
	else
		rc = guestconn_open(&d->conn, h->loop, h->run, domid, &conn, d,
				    e);
	if (rc)
		free(d);
	else
		*out = d;
	return rc;
}

bool domain_here(const struct domain *d)
{
	int fd;

	return d->xen || guestconn_memory(d->conn, &fd);
}

void domain_keep(struct domain *d, struct estate *t)
{
	if (d->conn)
		guestconn_keep(d->conn, t);
}

const char *domain_door(const struct domain *d)
{
	return d->door;
}

bool domain_port_ready(struct domain *d, uint32_t port)
{
	const struct guestconn_port *p;
	unsigned i, n;

	if (d->xen)
		return domain_xen_port(d, port);
	p = guestconn_ports(d->conn, &n);
	for (i = 0; i < n; i++) {
		if (p[i].port == port)
			return true;
	}
	return false;
}

void domain_resume(struct domain *d)
{
	const struct guestconn_port *p;
	const struct hv_local *mem;
	unsigned i, n;
	int fd, rc;

	d->pending = 0;
	if (d->xen) {
		d->told = false;
		domain_xen_tell(d);
		return;
	}
	guestconn_pause(d->conn, false);
	mem = guestconn_memory(d->conn, &fd);
	d->told = mem;
	if (mem) {
		struct worker_msg m = { .type = WORKER_DOM, .dom = *mem };

		rc = domain_order(d, &m, &fd, 1);
		p = guestconn_ports(d->conn, &n);
		for (i = 0; i < n && !rc; i++)
			rc = domain_order_port(d, &p[i]);
		if (rc)
			domain_order_lost(d, rc);
	}
}

void domain_answer(struct domain *d, const struct worker_msg *m,
		   enum worker_type order)
{
	if (d->pending && --d->pending == 0 && d->conn)
		guestconn_pause(d->conn, false);
	if (m->rc >= 0 || order == WORKER_DOM_GONE)
		return;
	if (log_allow(&d->limit, loop_now(d->loop)))
		log_warn("domain %u: its %s was refused: %s", d->domid,
			 order == WORKER_CHANNEL ? "event channel" : "memory",
			 m->text);
	if (d->conn)
		guestconn_drop(d->conn);
}

void domain_close(struct domain *d)
{
	struct worker_msg m = { .type = WORKER_DOM_GONE };

	if (!d)
		return;
	if (d->told)
		domain_order(d, &m, NULL, 0);
	if (d->conn)
		guestconn_close(d->conn);
	free(d);
}
