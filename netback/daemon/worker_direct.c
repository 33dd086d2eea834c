// SPDX-License-Identifier: GPL-2.0-or-later
/* worker_direct.c - frames from guest to guest that the host does not see
 *
 *   A's rings --pull--> ordinary, to B, in order, room? --yes--> B's rings
 *                                      `------------no--> A's tap, as ever
 *
 * Where both vifs are direct (base/direct.h), on one bridge and in this worker.
 * What is no yes takes the long way: the host's guard judges it there, and its
 * queue in front of B's tap is the place to wait in.
 *
 * Order. The frames of a flow that went the long way are in B's rings before the
 * next goes direct. A write to a tap ends when the frame is in the queue of the
 * other tap. So a frame goes direct only once a turn of B which began after the
 * last long frame from A to B has read B's tap until it was empty. The same holds
 * when a vif becomes direct or begins to run (frames from before may be on their
 * way), and when B has no room: then B's tap is served first, for everybody.
 *
 * Kills. B is flushed within A's turn, before A's flush tells A's guest that its
 * frames were taken. A worker killed in between has lost nothing and doubles a
 * burst at most, as with a tap. While B's rings and memory are touched it is B
 * who is being served, and answers for a crash.
 *
 * Ends. What is wrong with B is found here, in A's turn, and B is ended behind
 * it: A goes on.
 */
#include "daemon/worker_own.h"

#include <string.h>

#include "base/loop.h"
#include "frame.h"
#include "port.h"
#include "survive.h"
#include "sw.h"

static unsigned wdirect_bucket(const uint8_t mac[6])
{
	uint32_t h;

	memcpy(&h, mac + 2, sizeof(h)); /* the half that differs */
	h *= 0x9e3779b1u;
	return h >> 24;
}
_Static_assert(WDIRECT_BUCKETS == 256, "eight bits of the product");

static bool wdirect_runs(const struct wvif *v)
{
	return direct_on(&v->direct.me) && v->tap_src && v->sw &&
	       !v->bucket.bytes && !v->direct.rc;
}

/* Whose MAC it is in this group. Who shares it with another has none. */
static struct wvif *wdirect_find(const struct wvif *a, const uint8_t mac[6])
{
	struct wvif *b = a->w->direct[wdirect_bucket(mac)], *found = NULL;

	for (; b; b = b->direct.next) {
		if (memcmp(b->direct.me.mac, mac, 6) ||
		    memcmp(b->direct.me.group, a->direct.me.group,
			   sizeof(b->direct.me.group)))
			continue;
		if (found)
			return NULL;
		found = b;
	}
	return found;
}

/* --- may it ------------------------------------------------------------------ */

/* What is of one flow with ordinary frames, be it as a fragment. */
static bool wdirect_flows(const struct frame *f)
{
	enum { ICMP = 1, ICMP6 = 58 };
	unsigned type;

	if (f->head_len < FRAME_ETH + 20)
		return false;
	type = (unsigned)f->head[12] << 8 | f->head[13];
	return (type == 0x0800 && f->head[FRAME_ETH + 9] != ICMP) ||
	       (type == 0x86dd && f->head[FRAME_ETH + 6] != ICMP6);
}

/* As B's tap would take it: nothing that the host drops there or cuts first. */
static bool wdirect_whole(const struct wvif *b, const struct frame *f)
{
	uint32_t len = f->len;

	if (f->gso_type) {
		if (!ring_takes(b->queue[0].ring, f))
			return false;
		len = f->hdr_len + (uint32_t)f->gso_size;
	}
	return len <= b->direct.mtu + FRAME_ETH;
}

static bool wdirect_in_order(const struct wvif *a, const struct wvif *b)
{
	uint64_t late = a->direct.since_ns[b->direct.place];

	if (late < a->direct.late_ns)
		late = a->direct.late_ns;
	if (late < b->direct.late_ns)
		late = b->direct.late_ns;
	return b->direct.drained_ns > late;
}

static void wdirect_touch(struct wvif *b)
{
	struct worker *w = b->w;

	if (b->direct.touched)
		return;
	b->direct.touched = true;
	b->direct.behind = w->touched;
	w->touched = b;
}

static bool wdirect_room(struct wvif *b, const struct frame *f)
{
	int fits = 0;

	if (!sw_held(b->sw, b->tap))
		fits = b->vif->ops->fits(b->vif, f);
	if (fits > 0)
		return true;
	if (fits < 0) {
		b->direct.rc = fits;
		wdirect_touch(b);
	}
	b->direct.late_ns = clock_ns();
	return false;
}

static bool wdirect_may(const struct wvif *a, struct wvif *b,
			const struct frame *f)
{
	return wdirect_runs(b) && wdirect_in_order(a, b) &&
	       direct_may(&a->direct.me, &b->direct.me, f->head, f->head_len,
			  f->len) &&
	       wdirect_whole(b, f) && wdirect_room(b, f);
}

/* --- doing it ---------------------------------------------------------------- */

/* Who is served: whoever's rings and memory are touched next. */
static void wdirect_serve(const struct wvif *was, const struct wvif *is)
{
	survive_serve(was->keep, false);
	survive_serve(is->keep, true);
}

static void wdirect_push(struct wvif *a, struct wvif *b, struct frame *f)
{
	uint32_t len = f->len;
	int rc;

	wdirect_touch(b);
	wdirect_serve(a, b);
	port_see(b->vif, f, false);
	rc = b->vif->ops->push(b->vif, &f, 1);
	wdirect_serve(b, a);
	a->st.direct.out++;
	a->st.direct.out_bytes += len;
	b->st.direct.in++;
	b->st.direct.in_bytes += len;
	if (rc < 0)
		b->direct.rc = rc;
}

static bool wdirect_one(struct wvif *a, struct frame *f)
{
	struct wvif *b = f->head[0] & 1 ? NULL : wdirect_find(a, f->head);

	if (!b || a == b)
		return false;
	if (!wdirect_may(a, b, f)) {
		if (wdirect_flows(f))
			a->direct.since_ns[b->direct.place] = clock_ns();
		return false;
	}
	wdirect_push(a, b, f);
	return true;
}

/* The end of B's share of A's turn: as that of a turn of its own. */
static void wdirect_flush(struct wvif *a, struct wvif *b)
{
	struct wdirect *d = &b->direct;

	wdirect_serve(a, b);
	if (!d->rc)
		d->rc = b->vif->ops->flush(b->vif);
	if (!d->rc) {
		b->st.at_ns = a->st.at_ns;
		wvif_sum(b);
		if (b->cap)
			wvif_capture_flush(b);
		wvif_remember(b);
	}
	wdirect_serve(b, a);
}

static unsigned wdirect_take(void *arg, struct frame **v, unsigned n)
{
	struct wvif *a = arg, *b, **broken = &a->w->broken;
	unsigned i, left = 0;

	for (i = 0; i < n; i++) {
		if (!wdirect_one(a, v[i]))
			v[left++] = v[i];
	}
	while ((b = a->w->touched)) {
		a->w->touched = b->direct.behind;
		b->direct.touched = false;
		wdirect_flush(a, b);
		if (b->direct.rc && !b->direct.ends) {
			b->direct.ends = true;
			b->direct.behind = *broken;
			*broken = b;
		}
	}
	return left;
}

void wdirect_settle(struct worker *w)
{
	struct wvif *b;

	while ((b = w->broken)) {
		w->broken = b->direct.behind;
		wvif_fatal(b, b->direct.rc);
		b->direct.rc = 0;
		b->direct.ends = false;
	}
}

/* --- who ---------------------------------------------------------------------- */

static void wdirect_forget(struct wvif *v)
{
	struct wvif **at = &v->w->direct[wdirect_bucket(v->direct.me.mac)];

	if (!direct_on(&v->direct.me))
		return;
	while (*at != v)
		at = &(*at)->direct.next;
	*at = v->direct.next;
	memset(&v->direct.me, 0, sizeof(v->direct.me));
}

/* From now on nothing is in order that was not read after now; nor for those whom
 * another's claim to their MAC had kept from it.
 */
static void wdirect_late(struct wvif *v, const uint8_t mac[6])
{
	uint64_t now = clock_ns();
	struct wvif *o = v->w->direct[wdirect_bucket(mac)];

	v->direct.late_ns = now;
	for (; o; o = o->direct.next)
		o->direct.late_ns = now;
}

void wdirect_run(struct wvif *v)
{
	if (v->sw)
		sw_aside(v->sw,
			 direct_on(&v->direct.me) && !v->bucket.bytes
				 ? wdirect_take
				 : NULL,
			 v);
	wdirect_late(v, v->direct.me.mac);
}

void wdirect_set(struct wvif *v, const struct direct *d)
{
	struct wvif **at = &v->w->direct[wdirect_bucket(d->mac)];
	uint8_t was[6];

	memcpy(was, v->direct.me.mac, sizeof(was));
	wdirect_forget(v);
	wdirect_late(v, was);
	if (direct_on(d) && d->naddr <= DIRECT_ADDRS) {
		v->direct.me = *d;
		v->direct.place = v->w->places++ % WDIRECT_PLACES;
		v->direct.next = *at;
		*at = v;
	}
	wdirect_run(v);
}

void wdirect_turn(struct wvif *v, bool was_empty)
{
	if (direct_on(&v->direct.me) && !was_empty && port_tap_empty(v->tap) &&
	    !sw_held(v->sw, v->tap))
		v->direct.drained_ns = v->st.at_ns;
}
