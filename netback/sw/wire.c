// SPDX-License-Identifier: GPL-2.0-or-later
/* wire.c - the first switch: two ports, what comes in at one leaves at the other
 *
 * Where the source can read into room that the sink lends, a large frame is
 * copied once, by the kernel, straight to where it belongs. A small one is read
 * in one piece and copied again: that is cheaper than naming twenty places it
 * might have needed. The size of the last frame says which the next will be; a
 * wrong guess costs time only. Where the sink has
 * little room, frames are read one at a time; one that does not fit yet is held
 * back, and nothing more is read from its source meanwhile: the host's queue in
 * front of a tap is the place to wait in. So a full sink costs nothing as long
 * as no frame comes. A sink that never makes room for what is held is stalled:
 * sw_give_up lets frames pass it by, counted, until one fits again.
 *
 * When all is done and something was, the wire lingers: it looks at the rings a
 * little longer before it asks to be woken. A wake-up costs both sides a handful
 * of system calls and hypercalls, so a frame that comes at once is worth waiting
 * for, and those that come meanwhile share the cost of one burst. How long
 * depends on whether it was worth it the last times.
 *
 * With a limit a frame is paid for when it is taken from its source, whatever
 * becomes of it; what may not pass yet stays there, where it came from.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/bucket.h"
#include "base/loop.h"
#include "frame.h"
#include "port.h"
#include "sw.h"

enum {
	WIRE_ENDS = 2,
	WIRE_LARGE = 4096,	  /* bytes from which lent room pays */
	WIRE_LINGER_LEAST = 1000, /* ns: a few looks, to find out */
	WIRE_LINGER_MOST = 32000, /* ns: about what a wake-up costs */
};

struct wire_end {
	struct port *port;
	struct frame *held; /* from the other end, waits for room here */
	bool stalled;	    /* do not wait: what has no room is dropped */
	bool large;	    /* the last frame for it was: the next may be */
	bool refused;	    /* a frame has had to wait here: */
	struct frame last;  /* that one, but for its payload */
};

struct sw {
	struct frame_pool *pool;
	struct wire_end end[WIRE_ENDS];
	struct bucket *limit; /* on both ways together, or NULL */
	uint64_t now_ns;      /* with a limit: when this turn began */
	int turn;	      /* with a limit: whose frame is next */
	sw_aside_fn *aside;   /* or NULL */
	void *arg;
	bool hurry; /* others wait for their turn: do not linger */
	uint32_t linger_ns;
};

int sw_wire_open(struct sw **out, struct frame_pool *pool)
{
	struct sw *sw = calloc(1, sizeof(*sw));

	if (!sw)
		return -ENOMEM;
	sw->pool = pool;
	sw->linger_ns = WIRE_LINGER_LEAST;
	*out = sw;
	return 0;
}

int sw_add(struct sw *sw, struct port *p)
{
	int i;

	for (i = 0; i < WIRE_ENDS; i++) {
		if (sw->end[i].port)
			continue;
		sw->end[i] = (struct wire_end){ .port = p };
		return i;
	}
	return -ENOSPC;
}

void sw_del(struct sw *sw, struct port *p)
{
	int i;

	for (i = 0; i < WIRE_ENDS; i++) {
		if (sw->end[i].port != p)
			continue;
		frame_put(sw->end[i].held);
		sw->end[i] = (struct wire_end){ 0 };
	}
}

int sw_lookup(struct sw *sw, const struct frame *f, int in)
{
	(void)f;
	return sw->end[1 - in].port ? 1 - in : SW_DROP;
}

void sw_aside(struct sw *sw, sw_aside_fn *fn, void *arg)
{
	sw->aside = fn;
	sw->arg = arg;
}

void sw_limit(struct sw *sw, struct bucket *b)
{
	sw->limit = b;
}

static void wire_pay(struct sw *sw, const struct frame *f)
{
	if (sw->limit)
		bucket_pay(sw->limit, sw->now_ns, f->len);
}

static bool wire_may(const struct sw *sw)
{
	return !bucket_wait(sw->limit, sw->now_ns);
}

/* Frames that exist already, or can only be referenced: pull, push. */
static int wire_carry(struct sw *sw, struct port *from, struct port *to,
		      unsigned most)
{
	struct frame *v[FRAME_BURST];
	int n = from->ops->pull(from, v, most), rc, i;
	unsigned left;

	if (n <= 0)
		return n;
	for (i = 0; i < n; i++) {
		wire_pay(sw, v[i]);
		port_see(from, v[i], true);
	}
	left = sw->aside ? sw->aside(sw->arg, v, (unsigned)n) : (unsigned)n;
	for (i = 0; i < (int)left; i++)
		port_see(to, v[i], false);
	rc = left ? to->ops->push(to, v, left) : 0;
	return rc < 0 ? rc : n;
}

/* One frame by private memory: 1, 0 none, or it has to wait. */
static int wire_squeeze(struct sw *sw, struct port *from, struct wire_end *to)
{
	struct frame *f = to->held;
	int fits, n;

	if (!f) {
		n = from->ops->pull(from, &f, 1);
		if (n <= 0)
			return n;
		to->large = f->len > WIRE_LARGE;
		wire_pay(sw, f);
		port_see(from, f, true);
		port_see(to->port, f, false);
	}
	to->held = f;
	fits = to->port->ops->fits(to->port, f);
	if (!fits && !to->stalled) {
		to->refused = true;
		to->last = *f;
	}
	if (fits < 0 || (!fits && !to->stalled))
		return fits;
	to->held = NULL;
	if (fits)
		to->stalled = false;
	n = to->port->ops->push(to->port, &f, 1);
	return n < 0 ? n : 1;
}

/* One frame straight into lent room: 1, 0 nothing waits, -errno. */
static int wire_read(struct sw *sw, struct port *from, struct wire_end *to,
		     struct frame *f)
{
	struct port *p = to->port;
	int rc = p->ops->lend(p, f), n;

	if (rc)
		return rc;
	n = from->ops->fill(from, f);
	if (n > 0) {
		to->large = f->len > WIRE_LARGE;
		wire_pay(sw, f);
		port_see(from, f, true);
		port_see(p, f, false);
	}
	rc = p->ops->settle(p, f);
	if (n <= 0)
		return n;
	return rc < 0 ? rc : 1;
}

/* Some from a port that can fill to one that may lend. */
static int wire_fill(struct sw *sw, struct port *from, struct wire_end *to,
		     int most)
{
	struct frame *f = frame_get(sw->pool);
	int n = 0, rc = 1;

	if (!f)
		return 0;
	while (n < most && rc > 0) {
		rc = to->held || !to->large ? -ENOBUFS
					    : wire_read(sw, from, to, f);
		if (rc > 0)
			to->stalled = false;
		if (rc == -ENOBUFS || rc == -EACCES || rc == -EOPNOTSUPP)
			rc = wire_squeeze(sw, from, to);
		if (rc > 0)
			n++;
	}
	frame_put(f);
	return rc < 0 ? rc : n;
}

/* One direction: at most so many frames. */
static int wire_run(struct sw *sw, int in, int most)
{
	struct port *from = sw->end[in].port;
	struct wire_end *to = &sw->end[sw_lookup(sw, NULL, in)];

	return from->ops->fill ? wire_fill(sw, from, to, most)
			       : wire_carry(sw, from, to->port, (unsigned)most);
}

/* Under a limit the ways take turns, frame by frame: neither eats it alone. */
static int wire_run_limited(struct sw *sw, bool *some)
{
	int idle = 0, n = 0, rc;

	while (idle < WIRE_ENDS && n < FRAME_BURST && wire_may(sw)) {
		rc = wire_run(sw, sw->turn, 1);
		sw->turn = 1 - sw->turn;
		if (rc < 0)
			return rc;
		idle = rc ? 0 : idle + 1;
		n += rc;
	}
	*some = n > 0;
	return n == FRAME_BURST;
}

/* 1 = a burst, and maybe not all; 0; -errno. */
static int wire_run_both(struct sw *sw, bool *some)
{
	int i, n, more = 0;

	for (i = 0; i < WIRE_ENDS; i++) {
		n = wire_run(sw, i, FRAME_BURST);
		if (n < 0)
			return n;
		*some |= n > 0;
		more |= n == FRAME_BURST;
	}
	return more;
}

static struct port *wire_blame(const struct sw *sw)
{
	/* The end that cannot be read into is the guest's */
	return sw->end[0].port->ops->fill ? sw->end[1].port : sw->end[0].port;
}

static int wire_arm(struct sw *sw)
{
	int i, rc, more = 0;

	for (i = 0; i < WIRE_ENDS; i++) {
		struct wire_end *e = &sw->end[i];

		rc = e->port->ops->arm(e->port, e->held);
		if (rc < 0 || rc == 1)
			return rc;
		if (rc)
			more = rc;
	}
	return more;
}

static void wire_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#endif
}

/* How much there is to do: frames, or room for one; -errno. */
static int wire_look(const struct sw *sw)
{
	int i, n, all = 0;

	for (i = 0; i < WIRE_ENDS; i++) {
		struct port *p = sw->end[i].port;

		n = p->ops->poll(p, sw->end[i].held);
		if (n < 0)
			return n;
		all += n;
	}
	return all;
}

/* Until there is work, and on while every look finds more of it: 1; 0; -errno. */
static int wire_linger(struct sw *sw)
{
	uint64_t end = clock_ns() + sw->linger_ns;
	int seen = 0, n;

	for (;;) {
		n = wire_look(sw);
		if (n < 0)
			return n;
		if ((n && n == seen) || n >= FRAME_BURST || clock_ns() >= end)
			break;
		seen = n;
		wire_pause();
	}
	if (n && sw->linger_ns < WIRE_LINGER_MOST)
		sw->linger_ns *= 2;
	if (!n && sw->linger_ns > WIRE_LINGER_LEAST)
		sw->linger_ns /= 2;
	return n > 0;
}

void sw_hurry(struct sw *sw, bool others)
{
	sw->hurry = others;
}

int sw_run(struct sw *sw, struct port **bad)
{
	bool some = false;
	int i, more, rc = 0;

	if (!sw->end[0].port || !sw->end[1].port)
		return 0;
	if (sw->limit)
		sw->now_ns = clock_ns();
	more = sw->limit ? wire_run_limited(sw, &some)
			 : wire_run_both(sw, &some);
	if (more < 0) {
		*bad = wire_blame(sw);
		return more;
	}
	for (i = 0; i < WIRE_ENDS && rc >= 0; i++)
		rc = sw->end[i].port->ops->flush(sw->end[i].port);
	if (rc >= 0 && sw->limit && !wire_may(sw))
		return SW_LATER;
	if (rc >= 0 && more)
		return 1;
	if (rc >= 0 && some && !sw->hurry)
		rc = wire_linger(sw);
	if (!rc)
		rc = wire_arm(sw);
	if (rc < 0)
		*bad = wire_blame(sw);
	return rc;
}

bool sw_held(const struct sw *sw, const struct port *p)
{
	int i;

	for (i = 0; i < WIRE_ENDS; i++) {
		if (sw->end[i].port == p)
			return sw->end[1 - i].held;
	}
	return false;
}

const struct frame *sw_refused(const struct sw *sw, const struct port *p)
{
	const struct wire_end *e = sw->end[0].port == p ? &sw->end[0]
							: &sw->end[1];

	return e->port == p && e->refused ? &e->last : NULL;
}

unsigned sw_waiting(const struct sw *sw)
{
	return !!sw->end[0].held + !!sw->end[1].held;
}

void sw_give_up(struct sw *sw)
{
	int i;

	for (i = 0; i < WIRE_ENDS; i++) {
		if (sw->end[i].held)
			sw->end[i].stalled = true;
	}
}

void sw_close(struct sw *sw)
{
	int i;

	if (!sw)
		return;
	for (i = 0; i < WIRE_ENDS; i++)
		frame_put(sw->end[i].held);
	free(sw);
}
