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
 * #syscalls worker: rt_sigreturn rt_sigaction restart_syscall getrandom pread64
 * #syscalls worker-san: sigaltstack rt_sigprocmask gettid
 * #syscalls worker-san: getpid mprotect sched_yield prctl readlink openat tgkill
 */
#include "daemon/worker.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/msg.h"
#include "cap.h"
#include "frame.h"
#include "port.h"
#include "survive.h"
#include "sw.h"

enum {
	WVIF_COUNTS = sizeof(struct worker_stats) / sizeof(uint64_t),
	WVIF_LOOK_MS = 10,     /* for room of a guest that does not ring */
	WVIF_STALL_MS = 10000, /* a frame does not wait longer */
};

/* A bell without work, so often in a row: then bells are not heard for a while.
 * No guest that rings when it is asked to comes near it.
 */
enum { WVIF_IDLE_BELLS = 32, WVIF_CALM_MS = 2 };
_Static_assert((int)WVIF_COUNTS <= (int)SURVIVE_COUNTS, "counters survive");

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
	struct loop_timer *clock;  /* while a frame waits for the guest */
	uint64_t held_ns, held_in; /* since when, and which one it is */
	bool queued, held;
	bool rang;     /* since its last turn */
	unsigned idle; /* turns in a row that a bell caused for nothing */
	struct loop_timer *calm;
	struct cap *cap;
	struct loop_fd *cap_src; /* while the reader's socket is full */
	bool cap_again; /* it counts on from st.cap, once that is known */
	struct worker_stats st;
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
	v->rang = true;
	wvif_queue(v);
}

static void wvif_listen(struct wvif *v, uint32_t events)
{
	int i;

	for (i = 0; i < PORT_FDS; i++) {
		if (v->bell_src[i])
			loop_mod(v->w->loop, v->bell_src[i], events);
	}
}

static void wvif_on_calm(void *arg)
{
	struct wvif *v = arg;

	v->calm = NULL;
	wvif_listen(v, EPOLLIN);
}

/* Everything that passed the vif, or was refused. */
static uint64_t wvif_work(const struct wvif *v)
{
	uint64_t n = v->tap->stat.in + v->st.ring[RING_RX_FRAMES];
	int i;

	for (i = RING_TX_FRAMES; i <= RING_TX_EXTRA_ONLY; i++)
		n += v->st.ring[i];
	return n;
}

/* A guest that rings for nothing costs a turn each time: it is heard again
 * later, and whatever it had to say meanwhile is done then.
 */
static void wvif_storm(struct wvif *v, bool worked)
{
	if (worked)
		v->idle = 0;
	else if (v->rang)
		v->idle++;
	v->rang = false;
	if (v->idle < WVIF_IDLE_BELLS || v->calm)
		return;
	if (loop_after(v->w->loop, WVIF_CALM_MS, wvif_on_calm, v, &v->calm))
		return;
	wvif_listen(v, 0);
	v->st.storms++;
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
	loop_cancel(v->w->loop, v->calm);
	v->calm = NULL;
	v->idle = 0;
	v->rang = false;
	for (i = 0; i < PORT_FDS; i++) {
		loop_del(v->w->loop, v->bell_src[i]);
		v->bell_src[i] = NULL;
	}
	loop_del(v->w->loop, v->tap_src);
	v->tap_src = NULL;
	loop_cancel(v->w->loop, v->clock);
	v->clock = NULL;
}

static void wvif_capture_end(struct wvif *v)
{
	if (v->vif)
		v->vif->tee = NULL;
	loop_del(v->w->loop, v->cap_src);
	cap_close(v->cap);
	v->cap_src = NULL;
	v->cap = NULL;
}

static void wvif_on_reader(void *arg, int fd, uint32_t events)
{
	struct wvif *v = arg;
	int rc = cap_flush(v->cap);

	(void)fd, (void)events;
	if (rc < 0) {
		wvif_capture_end(v);
	} else if (!rc) {
		loop_del(v->w->loop, v->cap_src);
		v->cap_src = NULL;
	}
}

/* What the reader takes now; the rest when its socket has room again. */
static void wvif_capture_flush(struct wvif *v)
{
	int rc = cap_flush(v->cap);

	if (rc < 0)
		wvif_capture_end(v);
	else if (rc && !v->cap_src)
		loop_add(v->w->loop, cap_fd(v->cap), EPOLLOUT, wvif_on_reader,
			 v, &v->cap_src);
}

/* Counters at the end of a turn: all of them, or none if we die here. */
static void wvif_remember(struct wvif *v)
{
	v->st.tap = v->tap->stat;
	v->st.held = sw_waiting(v->sw);
	if (v->cap)
		cap_stat(v->cap, &v->st.cap);
	survive_put(v->keep, (const uint64_t *)&v->st, WVIF_COUNTS);
}

/* Counters of the last whole turn, ours or of a worker that died. What was held
 * then is lost.
 */
static void wvif_recall(struct wvif *v)
{
	struct worker_stats *s = &v->st;

	survive_get(v->keep, (uint64_t *)s, WVIF_COUNTS);
	s->lost += s->held;
	s->held = 0;
	v->tap->stat = s->tap;
}

/* The first moment at which both the capture and the counters are here. */
static void wvif_capture_resume(struct wvif *v)
{
	if (v->cap && v->keep && v->cap_again) {
		cap_resume(v->cap, &v->st.cap);
		v->cap_again = false;
	}
}

/* A turn that ended in an error is not half counted: it was none. */
static void wvif_disconnect(struct wvif *v)
{
	wvif_stop(v);
	if (v->keep) {
		wvif_recall(v);
		survive_put(v->keep, (const uint64_t *)&v->st, WVIF_COUNTS);
	}
	sw_close(v->sw);
	port_close(v->vif);
	survive_close(v->keep);
	v->sw = NULL;
	v->vif = NULL;
	v->ring = NULL;
	v->keep = NULL;
}

static int wvif_connect(struct wvif *v, struct worker_msg *m)
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
	m->served = survive_died_serving(v->keep);
	conf.hv = d->hv;
	conf.keep = &v->keep->q[0];
	conf.counts = v->st.ring;
	wvif_recall(v);
	wvif_capture_resume(v);
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
	v->vif->tee = v->cap ? cap_tee(v->cap) : NULL;
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
	wvif_capture_end(v);
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

/* Takes over fd[0] (the socket); fd[1] holds the filter. */
static int wvif_capture(struct wvif *v, const struct worker_msg *m, int *fd)
{
	uint8_t prog[CAP_INSNS * 8];
	size_t size = (size_t)m->capture.ninsn * 8;
	int rc;

	if (fd[0] < 0 || size > sizeof(prog))
		return -EINVAL;
	if (v->cap)
		return -EBUSY;
	if (size && (fd[1] < 0 || pread(fd[1], prog, size, 0) != (ssize_t)size))
		return -EINVAL;
	rc = cap_open(&v->cap, fd[0], prog, m->capture.ninsn, m->capture.snap);
	fd[0] = -1;
	if (rc)
		return rc;
	v->cap_again = m->capture.again;
	wvif_capture_resume(v);
	if (!v->vif)
		return 0;
	v->vif->tee = cap_tee(v->cap);
	wvif_remember(v); /* not what an earlier capture counted */
	return 0;
}

/* One order for a vif that must exist. */
static int worker_vif_order(struct worker *w, struct worker_msg *m, int *fd)
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
		m->stats = v->st;
		return 0;
	case WORKER_CAPTURE:
		return wvif_capture(v, m, fd);
	case WORKER_CAPTURE_END:
		if (!v->cap)
			return -ENOENT;
		cap_stat(v->cap, &m->capture.stats);
		wvif_capture_end(v);
		return 0;
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
		return worker_vif_order(w, m, fd);
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
	if ((m.type != WORKER_STATS && m.type != WORKER_CAPTURE_END) || m.rc) {
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

static void wvif_on_clock(void *arg)
{
	struct wvif *v = arg;

	v->clock = NULL;
	if (v->held_in != v->tap->stat.in) {
		v->held_in = v->tap->stat.in; /* another one by now */
		v->held_ns = loop_now(v->w->loop);
	} else if (loop_now(v->w->loop) - v->held_ns >=
		   WVIF_STALL_MS * 1000000ull) {
		sw_give_up(v->sw);
	}
	wvif_queue(v);
}

/* The tap is not polled while the guest has no room for what it gave. What waits
 * is looked at again when the guest rings, if it said that it will, and by the
 * clock.
 */
static void wvif_hold(struct wvif *v, int look)
{
	bool held = sw_held(v->sw, v->tap);

	if (held != v->held) {
		v->held = held;
		v->held_in = v->tap->stat.in;
		v->held_ns = loop_now(v->w->loop);
		loop_mod(v->w->loop, v->tap_src, held ? 0 : EPOLLIN);
		loop_cancel(v->w->loop, v->clock);
		v->clock = NULL;
	}
	if (held && !v->clock)
		loop_after(v->w->loop,
			   look == PORT_LOOK ? WVIF_LOOK_MS : WVIF_STALL_MS,
			   wvif_on_clock, v, &v->clock);
}

/* One turn for everybody who has work; they queue again if they have more. */
static void worker_turn(struct worker *w)
{
	struct wvif *v = w->run_first, *next;

	w->run_first = NULL;
	w->run_last = &w->run_first;
	for (; v; v = next) {
		struct port *bad = NULL;
		uint64_t work = wvif_work(v);
		int rc;

		next = v->run_next;
		v->queued = false;
		v->st.turns++;
		survive_serve(v->keep, true);
		rc = sw_run(v->sw, &bad);
		if (rc < 0) {
			survive_serve(v->keep, false);
			wvif_fatal(v, rc);
			continue;
		}
		wvif_storm(v, wvif_work(v) != work);
		if (v->cap)
			wvif_capture_flush(v);
		wvif_remember(v);
		survive_serve(v->keep, false);
		wvif_hold(v, rc);
		if (rc == 1)
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
	signal(SIGPIPE, SIG_IGN); /* a capture's reader may go */
	rc = hv_init();
	if (!rc)
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
