// SPDX-License-Identifier: GPL-2.0-or-later
/* worker_stall.c - a guest that takes nothing any more, and one that does again
 *
 * Stalled: for the stall time no frame has reached the guest, though one wanted
 * to. Not: "it has no buffers", for one that is too few for the frame at hand is
 * as bad, and none is no harm while nobody sends. Then the supervisor takes the
 * carrier away: the host's stack stops queueing for it and tells its peers.
 *
 * No frame comes then that would find room again, so the room for the last one
 * is looked at by the clock. Who never said that it signals new buffers
 * (feature-rx-notify) is never called stalled, as with Linux's netback. With
 * several queues a vif is stalled when none of them takes anything.
 */
#include "daemon/worker_own.h"

#include "base/loop.h"
#include "base/msg.h"
#include "frame.h"
#include "sw.h"

enum { STALL_LOOK_MS = 200 };

static void wstall_say(struct wvif *v, bool on)
{
	struct worker_msg m = {
		.type = WORKER_STALL,
		.domid = v->domid,
		.handle = v->handle,
		.stalled = on,
	};

	if (msg_send(v->w->sock, &m, sizeof(m), NULL, 0))
		loop_stop(v->w->loop, 1);
}

static bool wstall_room(const struct wvif *v)
{
	const struct frame *f = sw_refused(v->sw, v->vif);
	unsigned i;

	for (i = 0; i < v->nqueue; i++) {
		struct port *p = v->queue[i].port;

		if (!f || p->ops->fits(p, f) > 0)
			return true;
	}
	return false;
}

static void wstall_on_look(void *arg)
{
	struct wvif *v = arg;
	struct wstall *s = &v->stall;

	s->look = NULL;
	if (!wstall_room(v)) {
		loop_after(v->w->loop, STALL_LOOK_MS, wstall_on_look, v,
			   &s->look);
		return;
	}
	s->on = false;
	s->since_ns = 0;
	wstall_say(v, false);
	wvif_queue(v);
}

void wstall_turn(struct wvif *v)
{
	uint64_t rx = v->st.ring[RING_RX_FRAMES];
	uint64_t refused = v->st.ring[RING_RX_NO_ROOM];
	struct wstall *s = &v->stall;
	bool wanted = v->held || refused != s->refused;

	s->refused = refused;
	if (rx != s->rx)
		s->since_ns = 0;
	if (wanted && !s->since_ns)
		s->since_ns = v->st.at_ns;
	s->rx = rx;
	if (s->on || !wanted || !s->ms || !s->since_ns ||
	    v->st.at_ns - s->since_ns < s->ms * 1000000ull)
		return;
	if (loop_after(v->w->loop, STALL_LOOK_MS, wstall_on_look, v, &s->look))
		return;
	s->on = true;
	v->st.stalls++;
	sw_give_up(v->sw);
	wvif_queue(v);
	wstall_say(v, true);
}

/* ms 0: never. What was counted before is no matter of this connection. */
void wstall_begin(struct wvif *v, uint32_t ms)
{
	v->stall = (struct wstall){
		.ms = ms,
		.rx = v->st.ring[RING_RX_FRAMES],
		.refused = v->st.ring[RING_RX_NO_ROOM],
	};
}

void wstall_end(struct wvif *v)
{
	loop_cancel(v->w->loop, v->stall.look);
	v->stall.look = NULL;
}
