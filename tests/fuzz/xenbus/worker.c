// SPDX-License-Identifier: GPL-2.0-or-later
/* worker.c - the border to a worker for fuzz/xenbus.c, and the states written */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/life.h"
#include "world.h"

enum { WORLD_ORDERS = 4096 };

/* --- a worker ----------------------------------------------------------------
 */

struct order {
	enum worker_type type;
	uint16_t domid, handle;
	uint64_t epoch;
	uint32_t port[2];
};

static struct worker {
	struct order order[WORLD_ORDERS];
	unsigned first, last;
	bool up;
	struct dom {
		bool here, refused;
		uint32_t ports; /* bits */
	} dom[WORLD_DOMS + 1];
	struct vif {
		bool known, connected, running;
		uint64_t epoch; /* the last one */
		uint64_t ended; /* one that must not come again */
		/* Made anew by the toolstack, connected or not: then it is
     * enough that the worker has been told.
     */
		bool torn;
		/* The toolstack wrote its 5, which netbackd may see late: what
     * it had begun is done first.
     */
		bool any;
		unsigned state; /* that netbackd wrote last */
	} vif[WORLD_DOMS + 1][WORLD_HANDLES];
} worker;

int orders_send(struct orders *o, struct worker_msg *m, const int *fd,
		unsigned nfd)
{
	struct order *r = &worker.order[worker.last % WORLD_ORDERS];
	unsigned i;

	must(o && worker.up && worker.last - worker.first < WORLD_ORDERS);
	for (i = 0; i < nfd; i++)
		must(m->type == WORKER_DOM || m->type == WORKER_CHANNEL ||
		     fcntl(fd[i], F_GETFD) >= 0);
	*r = (struct order){ .type = m->type,
			     .domid = m->domid,
			     .handle = m->handle,
			     .epoch = m->epoch };
	if (m->type == WORKER_CHANNEL)
		r->port[0] = m->port;
	if (m->type == WORKER_CONNECT) {
		struct vif *v = &worker.vif[m->domid][m->handle];

		/* No connection is taken for another one: journals are the
     * epoch's.
     */
		must(m->epoch >= v->epoch && m->epoch > v->ended);
		v->epoch = m->epoch;
		r->port[0] = m->connect.queue[0].tx_port;
		r->port[1] = m->connect.queue[0].rx_port;
	}
	worker.last++;
	return 0;
}

unsigned orders_pending(const struct orders *o)
{
	must(o);
	return worker.last - worker.first;
}

int orders_open(struct orders **out, struct loop *l, int sock,
		const struct orders_ops *ops, void *arg)
{
	(void)out;
	(void)l;
	(void)sock;
	(void)ops;
	(void)arg;
	abort();
}

int orders_blame(const struct orders *o, uint16_t *domid, uint16_t *handle)
{
	(void)o;
	(void)domid;
	(void)handle;
	abort();
}

void orders_drain(struct orders *o)
{
	(void)o;
	abort();
}

void orders_close(struct orders *o)
{
	(void)o;
	abort();
}

/* Whether the worker has pages of it mapped, or may have before it has done
 * what it was told; once it has done all of it, if `after`.
 */
static bool world_held(unsigned domid, unsigned handle, bool after)
{
	bool held = worker.vif[domid][handle].connected;
	unsigned i;

	for (i = worker.first; i != worker.last; i++) {
		const struct order *r = &worker.order[i % WORLD_ORDERS];

		if (r->domid != domid || r->handle != handle)
			continue;
		if (r->type == WORKER_CONNECT)
			held = true;
		else if (r->type == WORKER_DISCONNECT && after)
			held = false;
	}
	return held;
}

static bool world_has_port(const struct dom *d, uint32_t port)
{
	return port && port < 32 && (d->ports & 1u << port);
}

static int world_connect(const struct order *r, const struct dom *d,
			 struct vif *v)
{
	must(!v->connected);
	v->running = false;
	v->connected = v->known && d->here && world_has_port(d, r->port[0]) &&
		       world_has_port(d, r->port[1]);
	return v->connected ? 0 : -ENOENT;
}

static int world_dom_gone(struct dom *d, unsigned domid)
{
	unsigned i;

	for (i = 0; i < WORLD_HANDLES; i++)
		must(!worker.vif[domid][i].connected);
	*d = (struct dom){ 0 };
	return 0;
}

/* What an honest worker does and answers; orders that make no sense abort. */
static int world_obey(const struct order *r)
{
	struct dom *d = &worker.dom[r->domid];
	struct vif *v = &worker.vif[r->domid][r->handle];

	switch (r->type) {
	case WORKER_DOM:
		must(!d->here);
		*d = (struct dom){ .here = true };
		return 0;
	case WORKER_CHANNEL:
		must(d->here || d->refused);
		d->ports |= 1u << r->port[0];
		return d->refused ? -ENOENT : 0;
	case WORKER_DOM_GONE:
		must(d->here || d->refused);
		return world_dom_gone(d, r->domid);
	case WORKER_VIF:
		must(!v->known);
		v->known = true;
		return 0;
	case WORKER_CONNECT:
		return world_connect(r, d, v);
	case WORKER_RUN:
		v->running = v->connected;
		return v->connected ? 0 : -ENOENT;
	case WORKER_DISCONNECT:
		v->connected = v->running = false;
		return 0;
	case WORKER_VIF_GONE:
		must(!v->connected);
		v->known = false;
		return 0;
	case WORKER_TELL:
	case WORKER_RATE:
	case WORKER_DIRECT:
		return 0;
	default:
		abort();
	}
}

/* It could not, or would not. */
static void world_refuse(const struct order *r)
{
	struct dom *d = &worker.dom[r->domid];
	struct vif *v = &worker.vif[r->domid][r->handle];

	switch (r->type) {
	case WORKER_DOM:
		d->here = false;
		d->refused = true;
		break;
	case WORKER_VIF:
		v->known = false;
		break;
	case WORKER_CONNECT:
	case WORKER_RUN:
		v->connected = v->running = false;
		break;
	default:
		break;
	}
}

static bool world_may_refuse(enum worker_type type)
{
	return type == WORKER_DOM || type == WORKER_CHANNEL ||
	       type == WORKER_VIF || type == WORKER_CONNECT ||
	       type == WORKER_RUN;
}

bool world_work(struct supervisor *s, int rc)
{
	const struct order *r = &worker.order[worker.first % WORLD_ORDERS];
	struct worker_msg m = { .type = WORKER_DONE };

	if (!worker.up || worker.first == worker.last)
		return false;
	m.domid = r->domid;
	m.handle = r->handle;
	m.rc = world_obey(r);
	if (rc && !m.rc && world_may_refuse(r->type)) {
		m.rc = rc;
		world_refuse(r);
	}
	snprintf(m.text, sizeof(m.text), "refused");
	worker.first++;
	sup_crew.answer(s, 0, &m, r->type);
	return true;
}

static void world_clean(void)
{
	unsigned i, k;

	worker.first = worker.last;
	memset(worker.dom, 0, sizeof(worker.dom));
	for (i = 0; i <= WORLD_DOMS; i++) {
		for (k = 0; k < WORLD_HANDLES; k++) {
			struct vif *v = &worker.vif[i][k];

			v->known = v->connected = v->running = false;
		}
	}
}

void world_worker_up(struct supervisor *s)
{
	static pid_t pid = 100;

	if (worker.up)
		return;
	worker.up = true;
	sup_crew.up(s, 0, (struct orders *)&worker, pid++);
}

void world_worker_dies(struct supervisor *s, const struct crew_death *d)
{
	if (!worker.up)
		return;
	worker.up = false;
	world_clean();
	sup_crew.down(s, 0, d);
}

void world_fatal(struct supervisor *s, unsigned domid, unsigned handle)
{
	struct worker_msg m = { .type = WORKER_FATAL, .rc = -EPROTO };
	struct vif *v = &worker.vif[domid][handle];

	if (!worker.up || !v->connected)
		return;
	v->connected = v->running = false;
	m.domid = (uint16_t)domid;
	m.handle = (uint16_t)handle;
	snprintf(m.text, sizeof(m.text), "broke the protocol");
	sup_crew.fatal(s, 0, &m);
}

void world_stall(struct supervisor *s, unsigned domid, unsigned handle, bool on)
{
	struct worker_msg m = { .type = WORKER_STALL, .stalled = on };

	m.domid = (uint16_t)domid;
	m.handle = (uint16_t)handle;
	if (worker.up && worker.vif[domid][handle].running)
		sup_crew.fatal(s, 0, &m);
}

bool world_running(unsigned domid, unsigned handle)
{
	char key[WORLD_PATH];

	snprintf(key, sizeof(key), WORLD_ROOT "/%u/%u/vifname", domid, handle);
	return worker.vif[domid][handle].running &&
	       world_carrier(tree_text(key));
}

bool world_idle(void)
{
	unsigned i, k;

	for (i = 0; i <= WORLD_DOMS; i++) {
		if (worker.dom[i].here || worker.dom[i].ports)
			return false;
		for (k = 0; k < WORLD_HANDLES; k++) {
			if (worker.vif[i][k].known ||
			    worker.vif[i][k].connected)
				return false;
		}
	}
	return worker.first == worker.last;
}

/* Nobody takes over: netbackd begins with what it finds. */
void sup_over_done(struct supervisor *s)
{
	must(!s->over.on);
}

/* --- states ------------------------------------------------------------------
 */

void world_made(unsigned domid, unsigned handle)
{
	worker.vif[domid][handle].state = LIFE_INITIALISING;
	worker.vif[domid][handle].torn = true;
	worker.vif[domid][handle].any = false;
}

void world_unplugged(unsigned domid, unsigned handle)
{
	struct vif *v = &worker.vif[domid][handle];

	v->any = true;
}

/* 8 is 4 in other words, whatever it was before. */
void world_wrote_state(unsigned domid, unsigned handle, unsigned state)
{
	struct vif *v = &worker.vif[domid][handle];
	unsigned was = v->state;
	bool held = world_held(domid, handle, v->torn);

	/* Until the worker has done what it was told of the old one. */
	v->torn = v->torn && world_held(domid, handle, false);
	switch (state) {
	case LIFE_INIT_WAIT:
		must(v->any || was == LIFE_INITIALISING || was == LIFE_CLOSED);
		must(!held);
		v->ended = v->epoch;
		break;
	case LIFE_CONNECTED:
		must(v->any || was == LIFE_INIT_WAIT);
		must(held || v->any || !worker.up);
		break;
	case LIFE_CLOSING:
		must(v->any || was == LIFE_INIT_WAIT || was == LIFE_CONNECTED ||
		     was == LIFE_CLOSED);
		must(!held || v->any || was == LIFE_CONNECTED);
		break;
	case LIFE_CLOSED:
		must(!held);
		break;
	case LIFE_RECONFIGURED:
		must(v->any || was == LIFE_INITIALISING ||
		     was == LIFE_INIT_WAIT || was == LIFE_CONNECTED);
		return;
	default:
		abort();
	}
	v->any = v->any && state != LIFE_CLOSED && state != LIFE_INIT_WAIT;
	v->state = state;
}

void world_worker_forget(bool all)
{
	worker.up = false;
	world_clean();
	if (all)
		memset(worker.vif, 0, sizeof(worker.vif));
}
