// SPDX-License-Identifier: GPL-2.0-or-later
/* worker_turn.c - whose turn it is, and what a turn is
 *
 * A readable descriptor puts its vif on the run queue. A turn is one bounded
 * sw_run; a vif leaves the queue when that has armed everything. So an idle vif
 * costs no wake-up, and a busy one is served as often as its bytes and frames
 * leave it due (fair.h).
 */
#include "daemon/worker_own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#include "base/loop.h"
#include "base/msg.h"
#include "base/num.h"
#include "frame.h"
#include "port.h"
#include "survive.h"
#include "sw.h"

enum {
	WVIF_LOOK_MS = 10,	/* for room of a guest that does not ring */
	WVIF_STALL_MS = 10000,	/* a frame does not wait longer .. */
	WVIF_STALL_ONE_MS = 100 /* .. where other queues wait behind it */
};

/* A bell without work, so often in a row: then bells are not heard for a while.
 * No guest that rings when it is asked to comes near it.
 */
enum { WVIF_IDLE_BELLS = 32, WVIF_CALM_MS = 2 };

void wvif_queue(struct wvif *v)
{
	fair_add(&v->w->fair, &v->turn);
}

void wvif_unqueue(struct wvif *v)
{
	fair_del(&v->w->fair, &v->turn);
}

void wvif_on_bell(void *arg, int fd, uint32_t events)
{
	struct wqueue *q = arg;

	(void)events;
	q->port->ops->ready(q->port, fd);
	q->v->rang = true;
	wvif_queue(q->v);
}

void wvif_on_ctrl(void *arg, int fd, uint32_t events)
{
	struct wvif *v = arg;

	(void)fd, (void)events;
	ring_ctrl_clear(v->shared);
	v->rang = v->ctrl = true;
	wvif_queue(v);
}

void wvif_on_tap(void *arg, int fd, uint32_t events)
{
	struct wvif *v = arg;

	(void)events;
	v->tap->ops->ready(v->tap, fd);
	wvif_queue(v);
}

static void wvif_listen(struct wvif *v, uint32_t events)
{
	unsigned i, k;

	if (v->ctrl_src)
		loop_mod(v->w->loop, v->ctrl_src, events);
	for (i = 0; i < v->nqueue; i++) {
		for (k = 0; k < PORT_FDS; k++) {
			if (v->queue[i].src[k])
				loop_mod(v->w->loop, v->queue[i].src[k],
					 events);
		}
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

static const char *worker_reason(int rc)
{
	switch (rc) {
	case -EPROTO:
		return "the guest broke the ring protocol";
	case -EFAULT:
		return "the guest's memory went away";
	case -EREMOTEIO:
		return "the host cannot copy to or from the guest";
	case -EBADFD:
		return "the host device went away";
	default:
		return strerror(-rc);
	}
}

void wvif_fatal(struct wvif *v, int rc)
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

static unsigned wvif_stall_ms(const struct wvif *v)
{
	if (v->nqueue > 1)
		return WVIF_STALL_ONE_MS;
	return v->stall.ms && v->stall.ms < WVIF_STALL_MS ? v->stall.ms
							  : WVIF_STALL_MS;
}

static void wvif_on_clock(void *arg)
{
	struct wvif *v = arg;

	v->clock = NULL;
	if (v->held_in != v->tap->stat.in) {
		v->held_in = v->tap->stat.in; /* another one by now */
		v->held_ns = loop_now(v->w->loop);
	} else if (loop_now(v->w->loop) - v->held_ns >=
		   wvif_stall_ms(v) * 1000000ull) {
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
		loop_cancel(v->w->loop, v->clock);
		v->clock = NULL;
	}
	if (held && !v->clock)
		loop_after(v->w->loop,
			   look == PORT_LOOK ? WVIF_LOOK_MS : wvif_stall_ms(v),
			   wvif_on_clock, v, &v->clock);
}

static void wvif_on_wait(void *arg)
{
	struct wvif *v = arg;

	v->wait = NULL;
	wvif_queue(v);
}

/* What its rate does not let pass yet stays where it is: nobody needs to be heard
 * until then.
 */
static void wvif_later(struct wvif *v)
{
	uint64_t ns = bucket_wait(&v->bucket, clock_ns());

	v->st.later++;
	if (!v->wait)
		loop_after(v->w->loop, (uint32_t)(ns / 1000000) + 1,
			   wvif_on_wait, v, &v->wait);
}

static void wvif_poll_tap(struct wvif *v)
{
	bool off = v->held || v->wait;

	if (off == v->tap_off)
		return;
	v->tap_off = off;
	loop_mod(v->w->loop, v->tap_src, off ? 0 : EPOLLIN);
}

static void wvif_turn(struct wvif *v)
{
	struct port_stat was = v->tap->stat;
	uint64_t work = wvif_work(v), direct = v->st.direct.out_bytes;
	bool was_empty = port_tap_empty(v->tap);
	struct port *bad = NULL;
	int rc = 0;

	v->st.turns++;
	v->st.at_ns = clock_ns();
	survive_serve(v->keep, true);
	if (v->ctrl)
		rc = ring_ctrl_run(v->shared);
	v->ctrl = rc > 0;
	sw_hurry(v->sw, !fair_empty(&v->w->fair));
	if (rc >= 0)
		rc = sw_run(v->sw, &bad);
	if (rc < 0) {
		survive_serve(v->keep, false);
		wvif_fatal(v, rc);
		return;
	}
	wvif_sum(v);
	work = wvif_work(v) - work;
	fair_charge(&v->turn, work,
		    v->tap->stat.in_bytes - was.in_bytes +
			    v->tap->stat.out_bytes - was.out_bytes +
			    v->st.direct.out_bytes - direct);
	wvif_storm(v, work || rc == SW_LATER);
	if (rc == SW_LATER)
		wvif_later(v);
	if (v->cap)
		wvif_capture_flush(v);
	wvif_remember(v);
	survive_serve(v->keep, false);
	wvif_hold(v, rc);
	wvif_poll_tap(v);
	wdirect_turn(v, was_empty);
	wstall_turn(v);
	if (rc == 1 || v->ctrl)
		wvif_queue(v);
}

void worker_round(struct worker *w)
{
	struct fair_member *m;

	fair_begin(&w->fair);
	while ((m = fair_next(&w->fair))) {
		wvif_turn(container_of(m, struct wvif, turn));
		wdirect_settle(w);
	}
}
