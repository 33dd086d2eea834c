// SPDX-License-Identifier: GPL-2.0-or-later
/* worker_vif.c - a vif in a worker: connecting, running, counting, capture
 *
 * A vif is idle (VIF), connected (CONNECT: rings mapped, nothing moves) or
 * running (RUN: its doorbells and its tap are in the loop). With several queues
 * the wire sees them as one port (port_fan_open); each has a part of the
 * survival memory and counts for itself, and the vif's numbers are the sum.
 */
#include "daemon/worker_own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/loop.h"
#include "cap.h"
#include "frame.h"
#include "port.h"
#include "survive.h"
#include "sw.h"

_Static_assert((int)WVIF_COUNTS <= (int)SURVIVE_COUNTS, "counters survive");
_Static_assert((int)RING_COUNTS <= (int)SURVIVE_QUEUE_COUNTS,
	       "of a queue, too");
_Static_assert((int)WORKER_QUEUES <= (int)SURVIVE_QUEUES, "each has its part");
_Static_assert((int)WORKER_QUEUES <= (int)PORT_FAN, "and its place");

static void wvif_stop(struct wvif *v)
{
	unsigned i, k;

	wvif_unqueue(v);
	loop_cancel(v->w->loop, v->calm);
	v->calm = NULL;
	v->idle = 0;
	v->rang = false;
	for (i = 0; i < v->nqueue; i++) {
		for (k = 0; k < PORT_FDS; k++) {
			loop_del(v->w->loop, v->queue[i].src[k]);
			v->queue[i].src[k] = NULL;
		}
	}
	loop_del(v->w->loop, v->ctrl_src);
	v->ctrl_src = NULL;
	loop_del(v->w->loop, v->tap_src);
	v->tap_src = NULL;
	loop_cancel(v->w->loop, v->clock);
	v->clock = NULL;
	loop_cancel(v->w->loop, v->wait);
	v->wait = NULL;
	wstall_end(v);
}
/* --- counting ---------------------------------------------------------------- */

void wvif_sum(struct wvif *v)
{
	unsigned i, k;

	memcpy(v->st.ring, v->before, sizeof(v->st.ring));
	for (i = 0; i < v->nqueue; i++) {
		for (k = 0; k < RING_COUNTS; k++)
			v->st.ring[k] += v->queue[i].counts[k];
	}
}

/* Counters at the end of a turn: all of them, or none if we die here. */
void wvif_remember(struct wvif *v)
{
	unsigned i;

	v->st.tap = v->tap->stat;
	v->st.held = sw_waiting(v->sw);
	if (v->cap)
		cap_stat(v->cap, &v->st.cap);
	for (i = 0; i < v->nqueue; i++)
		survive_put_queue(v->keep, i, v->queue[i].counts, RING_COUNTS);
	survive_put(v->keep, (const uint64_t *)&v->st, WVIF_COUNTS);
}

/* Counters of the last whole turn, ours or of a worker that died. What was held
 * then is lost.
 */
static void wvif_recall(struct wvif *v)
{
	struct worker_stats *s = &v->st;
	unsigned i, k;

	survive_get(v->keep, (uint64_t *)s, WVIF_COUNTS);
	s->lost += s->held;
	s->held = 0;
	v->tap->stat = s->tap;
	memcpy(v->before, s->ring, sizeof(v->before));
	for (i = 0; i < v->nqueue; i++) {
		survive_get_queue(v->keep, i, v->queue[i].counts, RING_COUNTS);
		for (k = 0; k < RING_COUNTS; k++)
			v->before[k] -= v->queue[i].counts[k];
	}
}

static uint64_t wvif_count(const struct wqueue *q, enum ring_count from,
			   enum ring_count to)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = from; i <= to; i++)
		sum += q->counts[i];
	return sum;
}

void wvif_stats(const struct wvif *v, struct worker_msg *m)
{
	unsigned i;

	m->stats = v->st;
	m->nqueue = (uint16_t)v->nqueue;
	m->now_ns = clock_ns();
	m->waits = v->wait != NULL;
	m->needs = v->nqueue && v->held && sw_refused(v->sw, v->vif)
			   ? ring_slots(v->queue[0].ring,
					sw_refused(v->sw, v->vif))
			   : 0;
	for (i = 0; i < v->nqueue; i++) {
		const struct wqueue *q = &v->queue[i];

		ring_look(q->ring, &m->look[i]);
		m->queue[i] = (struct worker_queue_stats){
			.tx_frames = q->counts[RING_TX_FRAMES],
			.tx_bytes = q->counts[RING_TX_BYTES],
			.tx_drops = wvif_count(q, RING_TX_BAD_SLOTS,
					       RING_TX_BAD_OFFLOAD),
			.rx_frames = q->counts[RING_RX_FRAMES],
			.rx_bytes = q->counts[RING_RX_BYTES],
			.rx_drops = wvif_count(q, RING_RX_NO_ROOM,
					       RING_RX_BAD_GRANT),
		};
	}
}

/* --- capture ----------------------------------------------------------------- */

void wvif_capture_end(struct wvif *v)
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
void wvif_capture_flush(struct wvif *v)
{
	int rc = cap_flush(v->cap);

	if (rc < 0)
		wvif_capture_end(v);
	else if (rc && !v->cap_src)
		loop_add(v->w->loop, cap_fd(v->cap), EPOLLOUT, wvif_on_reader,
			 v, &v->cap_src);
}

/* The first moment at which both the capture and the counters are here. */
static void wvif_capture_resume(struct wvif *v)
{
	if (v->cap && v->keep && v->cap_again) {
		cap_resume(v->cap, &v->st.cap);
		v->cap_again = false;
	}
}

int wvif_capture(struct wvif *v, const struct worker_msg *m, int *fd)
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

/* --- connecting --------------------------------------------------------------- */

/* A turn that ended in an error is not half counted: it was none. */
void wvif_disconnect(struct wvif *v)
{
	wvif_stop(v);
	if (v->tap)
		port_tap_frames(v->tap, v->pool);
	if (v->keep) {
		wvif_recall(v);
		survive_put(v->keep, (const uint64_t *)&v->st, WVIF_COUNTS);
	}
	sw_close(v->sw);
	port_close(v->vif);
	ring_vif_close(v->shared);
	survive_close(v->keep);
	free(v->queue);
	v->sw = NULL;
	v->vif = NULL;
	v->shared = NULL;
	v->queue = NULL;
	v->nqueue = 0;
	v->keep = NULL;
}

static unsigned wvif_pick(void *arg, const struct frame *f, unsigned n)
{
	const struct wvif *v = arg;
	int q = ring_vif_pick(v->shared, f);

	if (q >= 0 && (unsigned)q < n)
		return (unsigned)q;
	return (unsigned)((uint64_t)frame_flow(f) * n >> 32);
}

/* What the queues share, before the first of them. */
static int wvif_open_shared(struct wvif *v, struct hv *hv,
			    const struct worker_msg *m)
{
	const struct ring_vif_conf conf = {
		.hv = hv,
		.keep = &v->keep->vif,
		.queues = v->nqueue,
		.has_ctrl = m->connect.has_ctrl,
		.ctrl_ref = m->connect.ctrl_ref,
		.ctrl_port = m->connect.ctrl_port,
	};
	int rc = ring_vif_open(&v->shared, &conf);

	if (!rc)
		ring_vif_tell(v->shared, &m->connect.wish);
	return rc;
}

void wvif_tell(struct wvif *v, const struct worker_msg *m)
{
	if (v->shared)
		ring_vif_tell(v->shared, &m->connect.wish);
}

static int wvif_open_queue(struct wvif *v, unsigned i, struct hv *hv,
			   const struct worker_msg *m)
{
	struct ring_conf conf = {
		.hv = hv,
		.vif = v->shared,
		.queue = i,
		.pool = worker_frames(v->w, hv),
		.keep = &v->keep->q[i],
		.counts = v->queue[i].counts,
		.names = m->connect.queue[i],
		.features = m->connect.features,
		.mtu = m->mtu,
	};
	struct wqueue *q = &v->queue[i];
	int rc = ring_open(&q->ring, &conf);

	return rc ? rc : port_vif_open(&q->port, v->name, q->ring);
}

/* All queues, as one port. */
static int wvif_open_port(struct wvif *v, struct hv *hv,
			  const struct worker_msg *m)
{
	struct port *port[WORKER_QUEUES] = { NULL };
	unsigned i;
	int rc = 0;

	for (i = 0; i < v->nqueue && !rc; i++) {
		rc = wvif_open_queue(v, i, hv, m);
		port[i] = v->queue[i].port;
	}
	if (rc) {
		while (i)
			port_close(port[--i]);
		return rc;
	}
	if (v->nqueue > 1)
		return port_fan_open(&v->vif, v->name, port, v->nqueue,
				     wvif_pick, v);
	v->vif = port[0];
	return 0;
}

static int wvif_open_queues(struct wvif *v, unsigned n)
{
	unsigned i;

	v->queue = calloc(n, sizeof(*v->queue));
	if (!v->queue)
		return -ENOMEM;
	v->nqueue = n;
	for (i = 0; i < n; i++)
		v->queue[i].v = v;
	return 0;
}

/* Only once there is survival memory to keep the debts in. */
static void wvif_limit(struct wvif *v)
{
	sw_limit(v->sw, v->bucket.bytes ? &v->bucket : NULL);
}

int wvif_connect(struct wvif *v, struct worker_msg *m)
{
	struct wdom *d = worker_dom(v->w, v->domid);
	int rc;

	if (!d || !m->nqueue || m->nqueue > WORKER_QUEUES)
		return -EINVAL;
	if (v->vif)
		return -EISCONN;
	rc = survive_open(&v->keep, v->keep_fd, m->nqueue, m->epoch);
	if (rc < 0)
		return rc;
	m->served = survive_died_serving(v->keep);
	rc = wvif_open_queues(v, m->nqueue);
	if (!worker_frames(v->w, d->hv))
		rc = -ENOMEM;
	if (!rc) {
		wvif_recall(v);
		wvif_capture_resume(v);
		rc = wvif_open_shared(v, d->hv, m);
	}
	if (!rc)
		rc = wvif_open_port(v, d->hv, m);
	if (!rc)
		rc = sw_wire_open(&v->sw, worker_frames(v->w, d->hv));
	if (rc) {
		wvif_disconnect(v);
		return rc;
	}
	wvif_sum(v); /* what an adoption replayed */
	v->vif->tee = v->cap ? cap_tee(v->cap) : NULL;
	sw_add(v->sw, v->vif);
	sw_add(v->sw, v->tap);
	wstall_begin(v, m->connect.features.rx_notify ? m->stall_ms : 0);
	/* A burst of them can wait and be copied by one call. */
	if (!hv_can_reach(d->hv))
		port_tap_frames(v->tap, v->w->bodies);
	v->bucket.paid_ns = &v->keep->rate_ns;
	wvif_limit(v);
	v->direct.mtu = m->mtu;
	return 0;
}

void wvif_rate(struct wvif *v, uint32_t bytes, uint32_t usecs)
{
	v->bucket.bytes = bytes;
	v->bucket.usecs = usecs;
	if (!v->sw)
		return;
	bucket_set(&v->bucket, &v->keep->rate_ns, bytes, usecs, clock_ns());
	wvif_limit(v);
	wdirect_run(v);
	loop_cancel(v->w->loop, v->wait);
	v->wait = NULL;
	if (v->tap_src)
		wvif_queue(v);
}

static int wvif_hear(struct wqueue *q)
{
	int fd[PORT_FDS], i, n = q->port->ops->fds(q->port, fd), rc = 0;

	for (i = 0; i < n && !rc; i++)
		rc = loop_add(q->v->w->loop, fd[i], EPOLLIN, wvif_on_bell, q,
			      &q->src[i]);
	return rc;
}

int wvif_run(struct wvif *v)
{
	int fd[PORT_FDS], rc = 0;
	unsigned i;

	if (!v->vif || v->tap_src)
		return v->vif ? 0 : -ENOTCONN;
	v->held = v->tap_off = false;
	for (i = 0; i < v->nqueue && !rc; i++)
		rc = wvif_hear(&v->queue[i]);
	if (!rc && ring_ctrl_fd(v->shared) >= 0)
		rc = loop_add(v->w->loop, ring_ctrl_fd(v->shared), EPOLLIN,
			      wvif_on_ctrl, v, &v->ctrl_src);
	v->ctrl = v->ctrl_src;
	if (!rc && v->tap->ops->fds(v->tap, fd))
		rc = loop_add(v->w->loop, fd[0], EPOLLIN, wvif_on_tap, v,
			      &v->tap_src);
	if (rc) {
		wvif_stop(v);
		return rc;
	}
	wdirect_run(v);
	wvif_queue(v);
	return 0;
}

/* --- coming and going -------------------------------------------------------------- */

void wvif_close(struct wvif *v)
{
	static const struct direct off;
	struct wvif **at = &v->w->vifs;

	wvif_disconnect(v);
	wdirect_set(v, &off);
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

int wvif_open(struct worker *w, const struct worker_msg *m, int *fd)
{
	struct wvif *v;
	int rc;

	if (fd[0] < 0 || fd[1] < 0)
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
