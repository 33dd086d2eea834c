// SPDX-License-Identifier: GPL-2.0-or-later
/* worker.c - the process that touches guests: vifs, their wires, one loop
 *
 *   supervisor --orders--> worker: struct wdom (guest memory, channels)
 *                                  struct wvif (survival, ring, tap, wire)
 *
 * A vif is idle (VIF), connected (CONNECT: rings mapped, nothing moves) or
 * running (RUN: its doorbells and its tap are in the loop). A readable
 * descriptor puts its vif on the run queue; each turn gives every vif on it one
 * bounded sw_run; a vif leaves the queue when sw_run has armed everything. So
 * an idle vif costs no wake-up, and a busy one cannot starve others.
 *
 * Everything received over the socket is the supervisor's word and believed;
 * everything a guest can write is checked where it is read (hv, ring).
 *
 * #syscalls worker: epoll_create1 epoll_ctl epoll_wait epoll_pwait
 * #syscalls worker: clock_gettime recvmsg sendmsg close write
 * #syscalls worker: brk mmap munmap mremap madvise futex exit exit_group
 * #syscalls worker: rt_sigreturn restart_syscall getrandom
 * #syscalls worker-san: sigaltstack rt_sigaction rt_sigprocmask gettid
 * #syscalls worker-san: getpid mprotect sched_yield prctl readlink openat tgkill
 */
#include "daemon/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/msg.h"
#include "base/num.h"
#include "frame.h"
#include "port.h"
#include "survive.h"
#include "sw.h"

struct wdom {
	struct wdom *next;
	uint16_t domid;
	struct hv *hv;
};

struct wvif {
	struct wvif *next, *run_next;
	struct worker *w;
	uint16_t domid, handle;
	char name[16];
	int keep_fd;
	struct frame_pool *pool; /* two frames with a body, for the tap */
	struct port *tap, *vif;	 /* vif: NULL while not connected */
	struct ring *ring;	 /* owned by the port vif */
	struct survive *keep;
	struct sw *sw;
	struct loop_fd *tap_src, *bell_src[PORT_FDS];
	bool queued, held;
	uint64_t turns;
	uint64_t counts[RING_COUNTS]; /* as of the last disconnect */
};

struct worker {
	int sock;
	struct loop *loop;
	struct frame_pool *pool; /* frames in place, one burst's worth */
	struct wdom *doms;
	struct wvif *vifs;
	struct wvif *run_first, **run_last;
};

static struct wdom *worker_dom(struct worker *w, uint16_t domid)
{
	struct wdom *d;

	for (d = w->doms; d && d->domid != domid;)
		d = d->next;
	return d;
}

static struct wvif *worker_vif(struct worker *w, const struct worker_msg *m)
{
	struct wvif *v;

	for (v = w->vifs; v; v = v->next) {
		if (v->domid == m->domid && v->handle == m->handle)
			break;
	}
	return v;
}

static void wvif_queue(struct wvif *v)
{
	if (v->queued)
		return;
	v->queued = true;
	v->run_next = NULL;
	*v->w->run_last = v;
	v->w->run_last = &v->run_next;
}

static void wvif_unqueue(struct wvif *v)
{
	struct worker *w = v->w;
	struct wvif **at = &w->run_first;

	if (!v->queued)
		return;
	while (*at != v)
		at = &(*at)->run_next;
	*at = v->run_next;
	if (w->run_last == &v->run_next)
		w->run_last = at;
	v->queued = false;
}

static void wvif_on_bell(void *arg, int fd, uint32_t events)
{
	struct wvif *v = arg;

	(void)fd, (void)events;
	v->vif->ops->ready(v->vif);
	wvif_queue(v);
}

static void wvif_on_tap(void *arg, int fd, uint32_t events)
{
	(void)fd, (void)events;
	wvif_queue(arg);
}

static void wvif_stop(struct wvif *v)
{
	int i;

	wvif_unqueue(v);
	for (i = 0; i < PORT_FDS; i++) {
		loop_del(v->w->loop, v->bell_src[i]);
		v->bell_src[i] = NULL;
	}
	loop_del(v->w->loop, v->tap_src);
	v->tap_src = NULL;
}

static void wvif_disconnect(struct wvif *v)
{
	wvif_stop(v);
	if (v->ring)
		memcpy(v->counts, ring_counts(v->ring), sizeof(v->counts));
	sw_close(v->sw);
	port_close(v->vif);
	survive_close(v->keep);
	v->sw = NULL;
	v->vif = NULL;
	v->ring = NULL;
	v->keep = NULL;
}

static int wvif_connect(struct wvif *v, const struct worker_msg *m)
{
	struct wdom *d = worker_dom(v->w, v->domid);
	struct ring_conf conf = {
		.pool = v->w->pool,
		.names = m->connect.queue[0],
		.features = m->connect.features,
		.mtu = m->mtu,
	};
	int rc;

	if (!d || m->nqueue != 1)
		return -EINVAL;
	if (v->vif)
		return -EISCONN;
	rc = survive_open(&v->keep, v->keep_fd, m->nqueue, m->epoch);
	if (rc < 0)
		return rc;
	conf.hv = d->hv;
	conf.keep = &v->keep->q[0];
	rc = ring_open(&v->ring, &conf);
	if (!rc)
		rc = port_vif_open(&v->vif, v->name, v->ring);
	if (!rc)
		rc = sw_wire_open(&v->sw, v->w->pool);
	if (rc) {
		if (!v->vif)
			v->ring = NULL; /* closed, or never opened */
		wvif_disconnect(v);
		return rc;
	}
	sw_add(v->sw, v->vif);
	sw_add(v->sw, v->tap);
	return 0;
}

static int wvif_run(struct wvif *v)
{
	int fd[PORT_FDS], n, i, rc = 0;

	if (!v->vif || v->tap_src)
		return v->vif ? 0 : -ENOTCONN;
	v->held = false;
	n = v->vif->ops->fds(v->vif, fd);
	for (i = 0; i < n && !rc; i++)
		rc = loop_add(v->w->loop, fd[i], EPOLLIN, wvif_on_bell, v,
			      &v->bell_src[i]);
	if (!rc && v->tap->ops->fds(v->tap, fd))
		rc = loop_add(v->w->loop, fd[0], EPOLLIN, wvif_on_tap, v,
			      &v->tap_src);
	if (rc)
		wvif_stop(v);
	else
		wvif_queue(v);
	return rc;
}

static void wvif_close(struct wvif *v)
{
	struct wvif **at = &v->w->vifs;

	wvif_disconnect(v);
	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	port_close(v->tap);
	frame_pool_close(v->pool);
	if (v->keep_fd >= 0)
		close(v->keep_fd);
	free(v);
}

/* Takes over fd[0] (tap) and fd[1] (survival). */
static int worker_vif_new(struct worker *w, const struct worker_msg *m, int *fd)
{
	struct wvif *v;
	int rc;

	if (worker_vif(w, m) || fd[0] < 0 || fd[1] < 0)
		return -EINVAL;
	v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	v->w = w;
	v->domid = m->domid;
	v->handle = m->handle;
	v->keep_fd = fd[1];
	fd[1] = -1;
	v->next = w->vifs;
	w->vifs = v;
	snprintf(v->name, sizeof(v->name), "%.15s", m->name);
	rc = frame_pool_open(&v->pool, 2, true);
	if (!rc) {
		rc = port_tap_open(&v->tap, v->name, fd[0], v->pool);
		fd[0] = -1;
	}
	if (rc)
		wvif_close(v);
	return rc;
}

static int worker_dom_new(struct worker *w, const struct worker_msg *m, int *fd)
{
	struct wdom *d;
	int rc;

	if (worker_dom(w, m->domid) || fd[0] < 0)
		return -EINVAL;
	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->domid = m->domid;
	rc = hv_local_open(&d->hv, &m->dom, fd[0]);
	fd[0] = -1;
	if (rc) {
		free(d);
		return rc;
	}
	d->next = w->doms;
	w->doms = d;
	return 0;
}

static int worker_dom_gone(struct worker *w, uint16_t domid)
{
	struct wdom **at = &w->doms, *d;
	struct wvif *v;

	for (v = w->vifs; v; v = v->next) {
		if (v->domid == domid)
			wvif_disconnect(v);
	}
	while (*at && (*at)->domid != domid)
		at = &(*at)->next;
	d = *at;
	if (!d)
		return 0;
	*at = d->next;
	hv_close(d->hv);
	free(d);
	return 0;
}

static int worker_channel(struct worker *w, const struct worker_msg *m, int *fd)
{
	struct wdom *d = worker_dom(w, m->domid);
	int rc;

	if (!d || fd[0] < 0 || fd[1] < 0)
		return -EINVAL;
	rc = hv_local_port(d->hv, m->port, fd[0], fd[1]);
	fd[0] = fd[1] = -1;
	return rc;
}

static int wvif_stats(const struct wvif *v, struct worker_msg *m)
{
	struct worker_stats *s = &m->stats;

	memset(s, 0, sizeof(*s));
	memcpy(s->ring, v->ring ? ring_counts(v->ring) : v->counts,
	       sizeof(s->ring));
	s->tap_in = v->tap->stat.in;
	s->tap_in_bytes = v->tap->stat.in_bytes;
	s->tap_out = v->tap->stat.out;
	s->tap_out_bytes = v->tap->stat.out_bytes;
	s->tap_drop = v->tap->stat.drop;
	s->turns = v->turns;
	return 0;
}

/* One order for a vif that must exist. */
static int worker_vif_order(struct worker *w, struct worker_msg *m)
{
	struct wvif *v = worker_vif(w, m);

	if (!v)
		return -ENOENT;
	switch (m->type) {
	case WORKER_CONNECT:
		return wvif_connect(v, m);
	case WORKER_RUN:
		return wvif_run(v);
	case WORKER_DISCONNECT:
		wvif_disconnect(v);
		return 0;
	case WORKER_VIF_GONE:
		wvif_close(v);
		return 0;
	case WORKER_STATS:
		return wvif_stats(v, m);
	default:
		return -EINVAL;
	}
}

static int worker_order(struct worker *w, struct worker_msg *m, int *fd)
{
	switch (m->type) {
	case WORKER_DOM:
		return worker_dom_new(w, m, fd);
	case WORKER_CHANNEL:
		return worker_channel(w, m, fd);
	case WORKER_DOM_GONE:
		return worker_dom_gone(w, m->domid);
	case WORKER_VIF:
		return worker_vif_new(w, m, fd);
	default:
		return worker_vif_order(w, m);
	}
}

static void worker_on_order(void *arg, int sock, uint32_t events)
{
	struct worker *w = arg;
	struct worker_msg m;
	int fd[MSG_FDS] = { -1, -1, -1, -1, -1, -1, -1, -1 }, n;
	unsigned nfd = MSG_FDS;

	(void)events;
	n = msg_recv(sock, &m, sizeof(m), fd, &nfd);
	if (n == -EAGAIN)
		return;
	if (n != sizeof(m)) {
		loop_stop(w->loop, n ? 1 : 0);
		return;
	}
	m.rc = worker_order(w, &m, fd);
	msg_close_all(fd, MSG_FDS);
	if (m.type != WORKER_STATS || m.rc) {
		m.type = WORKER_DONE;
		snprintf(m.text, sizeof(m.text), "%s",
			 m.rc ? strerror(-m.rc) : "");
	}
	if (msg_send(sock, &m, sizeof(m), NULL, 0))
		loop_stop(w->loop, 1);
}

static const char *worker_reason(int rc)
{
	switch (rc) {
	case -EPROTO:
		return "the guest broke the ring protocol";
	case -EFAULT:
		return "the guest's memory went away";
	case -EBADFD:
		return "the host device went away";
	default:
		return strerror(-rc);
	}
}

static void wvif_fatal(struct wvif *v, int rc)
{
	struct worker_msg m = {
		.type = WORKER_FATAL,
		.domid = v->domid,
		.handle = v->handle,
		.rc = rc,
	};

	wvif_disconnect(v);
	snprintf(m.text, sizeof(m.text), "%s", worker_reason(rc));
	if (msg_send(v->w->sock, &m, sizeof(m), NULL, 0))
		loop_stop(v->w->loop, 1);
}

/* The tap is not polled while the guest has no room for what it would give. */
static void wvif_hold(struct wvif *v)
{
	bool held = sw_held(v->sw, v->tap);

	if (held == v->held)
		return;
	v->held = held;
	loop_mod(v->w->loop, v->tap_src, held ? 0 : EPOLLIN);
}

/* One turn for everybody who has work; they queue again if they have more. */
static void worker_turn(struct worker *w)
{
	struct wvif *v = w->run_first, *next;

	w->run_first = NULL;
	w->run_last = &w->run_first;
	for (; v; v = next) {
		struct port *bad = NULL;
		int rc;

		next = v->run_next;
		v->queued = false;
		v->turns++;
		rc = sw_run(v->sw, &bad);
		if (rc < 0) {
			wvif_fatal(v, rc);
			continue;
		}
		wvif_hold(v);
		if (rc)
			wvif_queue(v);
	}
}

static void worker_close(struct worker *w)
{
	while (w->vifs)
		wvif_close(w->vifs);
	while (w->doms)
		worker_dom_gone(w, w->doms->domid);
	frame_pool_close(w->pool);
	loop_close(w->loop);
	close(w->sock);
}

int worker_main(int sock)
{
	struct worker w = { .sock = sock };
	int rc;

	w.run_last = &w.run_first;
	rc = loop_open(&w.loop);
	if (!rc)
		rc = frame_pool_open(&w.pool, FRAME_BURST + 2, false);
	if (!rc)
		rc = loop_add(w.loop, sock, EPOLLIN, worker_on_order, &w, NULL);
	while (!rc && !loop_stopped(w.loop)) {
		rc = loop_turn(w.loop, w.run_first ? 0 : -1);
		worker_turn(&w);
	}
	if (rc)
		log_error("worker: %s", strerror(-rc));
	worker_close(&w);
	return rc ? 1 : 0;
}
