// SPDX-License-Identifier: GPL-2.0-or-later
/* device.c - one vif as the supervisor sees it: its life
 *
 *   store ---look---> life_next() ---acts---> store writes, orders, tap
 *                                      ^
 *   worker ---answers, FATAL-----------'
 *
 * device_own.h says which file does which part. A frontend's state is acted on
 * when it was written, not when it is read: the same value twice is nothing new.
 * After a failure the same value written again is another try, once a second at
 * most.
 */
#include "daemon/device_own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/num.h"
#include "daemon/life.h"
#include "store.h"

enum { DEVICE_NEVER = 0xffff }; /* front_seen: nothing was seen yet */

static const uint8_t device_nothing[] = { LIFE_END };
static const uint8_t device_refuse[] = { LIFE_TO_CLOSED, LIFE_END };
static const uint8_t device_fail_connect[] = { LIFE_DISCONNECT, LIFE_TO_CLOSING,
					       LIFE_END };
static const uint8_t device_end_guest[] = { LIFE_DISCONNECT, LIFE_TO_CLOSING,
					    LIFE_TO_CLOSED, LIFE_END };
static const uint8_t device_adopt[] = { LIFE_CONNECT, LIFE_TO_CONNECTED,
					LIFE_END };

bool device_may_log(struct device *d)
{
	return log_allow(&d->limit, loop_now(d->hub->loop));
}

static void device_on_timer(void *arg)
{
	struct device *d = arg;

	d->timer = NULL;
	d->late = true;
	d->hub->again(d->hub->arg, d);
}

void device_timer(struct device *d, uint32_t ms)
{
	if (!d->timer)
		loop_after(d->hub->loop, ms, device_on_timer, d, &d->timer);
}

/* Nobody waits for it any more. */
static void device_timer_stop(struct device *d)
{
	loop_cancel(d->hub->loop, d->timer);
	d->timer = NULL;
	d->late = false;
}

/* --- failures ---------------------------------------------------------------- */

/* Says why, once, in the log and in the store; then acts. */
void device_fail(struct device *d, const char *why, const uint8_t *act)
{
	if (device_may_log(d))
		log_error("%s: %s", d->name, why);
	device_write(d, "error", why);
	d->failed_ns = loop_now(d->hub->loop);
	d->act = act;
	d->hub->again(d->hub->arg, d);
}

const uint8_t *device_end_of(const struct device *d)
{
	switch (d->own) {
	case LIFE_CONNECTED:
		return device_end_guest;
	case LIFE_INIT_WAIT:
		return device_fail_connect;
	case LIFE_INITIALISING:
		return device_refuse;
	}
	return device_nothing;
}

void device_blame(struct device *d, const char *why)
{
	device_disconnect(d); /* now: it may be served again already */
	device_fail(d, why, device_end_of(d));
	if (d->retry_ms < DEVICE_RETRY_MAX_MS)
		d->retry_ms *= 2;
}

/* --- states ------------------------------------------------------------------ */

static int device_to(struct device *d, unsigned state)
{
	int rc = device_write_state(d, state);

	if (!rc)
		d->own = state;
	return rc;
}

static int device_to_init_wait(struct device *d)
{
	struct err e = { "" };
	int rc = device_disconnect(d);

	if (rc)
		return rc;
	rc = device_check_front(d, &e);
	if (!rc)
		rc = device_host_side(d, &e);
	if (!rc)
		rc = device_offer(d);
	if (!rc)
		rc = device_write_state(d, LIFE_INIT_WAIT);
	if (!rc && d->own == LIFE_INITIALISING)
		log_info("%s: ready: tap %s", d->name, d->dev);
	if (!rc)
		d->own = LIFE_INIT_WAIT;
	else if (e.text[0] && rc != -ENOTCONN)
		device_fail(d, e.text, device_refuse);
	return rc;
}

static void device_say_connected(struct device *d, bool adopted)
{
	const struct ring_features *f = &d->keys.features;

	if (device_may_log(d))
		log_info("%s: %s: tap %s, mtu %u%s%s%s%s%s", d->name,
			 adopted ? "adopted" : "connected", d->dev, d->mtu,
			 f->sg ? ", sg" : "", f->gso4 ? ", tso4" : "",
			 f->gso6 ? ", tso6" : "", f->csum4 ? ", csum4" : "",
			 f->csum6 ? ", csum6" : "");
}

static int device_to_connected(struct device *d)
{
	bool adopted = d->own == LIFE_CONNECTED;
	char was[8];
	int rc;

	/* Before the guest hears of it: the bridge takes a moment to forward, and
	 * what a guest sends first must not fall into that moment.
	 */
	d->stalled = false;
	d->carrier_ns = loop_now(d->hub->loop);
	device_carrier(d, true);
	rc = adopted ? 0 : device_write_state(d, LIFE_CONNECTED);
	if (rc) {
		device_carrier(d, false);
		return rc;
	}
	d->own = LIFE_CONNECTED;
	/* What was written or waited for meanwhile was for this; left for later, it
	 * would start over what has ended by then.
	 */
	d->front_wrote = false;
	device_timer_stop(d);
	d->link = LINK_RUNNING;
	device_order_plain(d, WORKER_RUN);
	if (!adopted ||
	    device_read(d, d->back, "error", was, sizeof(was)) != -ENOENT)
		device_write(d, "error", NULL);
	device_say_connected(d, adopted);
	return 0;
}

/* The host's side and what we keep; the worker forgets the vif. */
static void device_vanish(struct device *d)
{
	if (d->link != LINK_NONE && d->link != LINK_DISCONNECTING)
		device_order_plain(d, WORKER_DISCONNECT);
	d->hub->leaving(d->hub->arg, d);
	if (d->told)
		device_order_plain(d, WORKER_VIF_GONE);
	d->told = false;
	d->link = LINK_NONE;
	d->hotplugged = d->hotplug_bad = d->unmap = false;
	if (device_host_gone(d))
		log_info("%s: removed", d->name);
}

/* The toolstack wants it gone. A guest which is there is asked to close first,
 * and not waited for longer than DEVICE_LEAVE_MS.
 */
static const uint8_t *device_leave(struct device *d, unsigned front)
{
	static const uint8_t now[] = { LIFE_DISCONNECT, LIFE_TO_CLOSED,
				       LIFE_REMOVE, LIFE_END };
	static const uint8_t ask[] = { LIFE_TO_CLOSING, LIFE_END };
	static const uint8_t remove[] = { LIFE_REMOVE, LIFE_END };
	bool there = d->link == LINK_RUNNING && front == LIFE_CONNECTED;

	if (d->own == LIFE_CLOSED)
		return remove;
	if (d->own == LIFE_CONNECTED && there) {
		d->late = false;
		device_timer(d, DEVICE_LEAVE_MS);
		return ask;
	}
	if (d->own == LIFE_CLOSING && d->timer && !d->late &&
	    front != LIFE_CLOSED && front != LIFE_UNKNOWN)
		return device_nothing;
	return now;
}

/* --- acts ---------------------------------------------------------------------- */

static int device_act(struct device *d, unsigned act)
{
	int rc;

	switch ((enum life_act)act) {
	case LIFE_END:
		return 0;
	case LIFE_TO_INIT_WAIT:
		return device_to_init_wait(d);
	case LIFE_TO_CONNECTED:
		return device_to_connected(d);
	case LIFE_TO_CLOSING:
		/* Connected: the frontend is asked, frames still move. */
		rc = d->own == LIFE_CONNECTED ? 0 : device_disconnect(d);
		if (rc || d->own == LIFE_CLOSING)
			return rc; /* it was told so: no second time */
		return device_to(d, LIFE_CLOSING);
	case LIFE_TO_CLOSED:
		rc = device_disconnect(d);
		return rc ? rc : device_to(d, LIFE_CLOSED);
	case LIFE_SAY_RECONFIGURED:
		device_wish(d, true);
		return device_write_state(d, LIFE_RECONFIGURED);
	case LIFE_CONNECT:
		return device_connect(d);
	case LIFE_DISCONNECT:
		return device_disconnect(d);
	case LIFE_COMPLAIN:
		if (device_may_log(d))
			log_warn("%s: the frontend wrote a state that does not "
				 "exist",
				 d->name);
		return device_write(
			d, "error",
			"the frontend wrote a state that does not exist");
	case LIFE_REMOVE:
		rc = device_disconnect(d);
		if (!rc)
			device_vanish(d);
		return rc ? rc : 1;
	}
	return -EINVAL;
}

/* 1 = removed. A list that failed was replaced; look again. */
static int device_acts(struct device *d)
{
	const uint8_t *list;
	int rc = 0;

	if (d->unmap && device_disconnect(d))
		return 0;
	while (*d->act != LIFE_END) {
		list = d->act;
		rc = device_act(d, *d->act);
		if (rc == 1)
			return 1;
		if (rc == -EINPROGRESS || rc == -ENOTCONN || d->act != list)
			return 0;
		if (rc) {
			/* The device went while we wrote: the next look sees. */
			log_debug("%s: act %u: %s", d->name, *d->act,
				  strerror(-rc));
			d->act = device_nothing;
			if (rc != -ENOENT)
				device_fail(d, strerror(-rc), device_end_of(d));
			return 0;
		}
		d->act++;
	}
	return 0;
}

/* --- looking -------------------------------------------------------------------- */

/* A device as an earlier netbackd, or nobody yet, has left it. */
static void device_take_up(struct device *d, unsigned own, unsigned front)
{
	struct err e = { "" };

	d->opened = true;
	d->own = own == LIFE_RECONFIGURED ? LIFE_CONNECTED : own;
	if (own == LIFE_INITIALISING)
		return;
	if (d->own < LIFE_INITIALISING || d->own > LIFE_CLOSED ||
	    d->own == LIFE_INITIALISED)
		d->own = LIFE_CLOSED;
	d->front_known = true;
	if (d->own == LIFE_CLOSED || d->own == LIFE_CLOSING)
		return;
	if (device_host_side(d, &e)) {
		device_fail(d, e.text, device_end_guest);
		d->front_seen = front;
	} else if (d->own == LIFE_CONNECTED && front == LIFE_CONNECTED) {
		d->hotplugged = true;
		d->front_seen = front;
		d->front_wrote = false;
		d->act = device_adopt;
	}
}

/* Whether a new list is due: something was written since the last one. */
static bool device_due(struct device *d, unsigned front, bool online)
{
	uint64_t now = loop_now(d->hub->loop);
	bool due = front != d->front_seen || d->front_wrote ||
		   online != d->online ||
		   (!online && (d->late || d->own == LIFE_CLOSED));

	if (due && front == LIFE_CONNECTED && d->failed_ns && online &&
	    now - d->failed_ns < d->retry_ms * 1000000ull) {
		device_timer(d, d->retry_ms);
		return false;
	}
	return due;
}

static void device_plan(struct device *d, unsigned front, bool online)
{
	bool idle = *d->act == LIFE_END;

	if (*d->act == LIFE_CONNECT && (front != LIFE_CONNECTED || !online)) {
		/* It has changed its mind before we were done. */
		d->unmap = d->link != LINK_NONE;
		idle = true;
	}
	if (!idle || !device_due(d, front, online))
		return;
	if (online) {
		device_timer_stop(d);
		d->act = life_next(d->own, front, true);
	} else {
		d->act = device_leave(d, front);
	}
	d->front_seen = front;
	d->front_wrote = d->late = false;
	d->online = online;
}

int device_look(struct device *d)
{
	unsigned own, front;
	bool online;
	int rc;

	own = device_read_state(d, d->back, &rc);
	if (rc == -ENOTCONN)
		return 0;
	if (own == LIFE_UNKNOWN) {
		device_vanish(d);
		return 1;
	}
	front = device_read_state(d, d->front, &rc);
	if (rc == -ENOTCONN)
		return 0;
	online = device_read_online(d);
	if (d->opened && own == LIFE_INITIALISING &&
	    d->own != LIFE_INITIALISING) {
		device_vanish(d); /* the toolstack made a new one */
		return 1;
	}
	if (device_read_rate(d))
		device_order_rate(d);
	if (device_read_direct(d))
		device_order_direct(d);
	if (d->wish_wrote && d->own == LIFE_CONNECTED)
		device_wish(d, false);
	d->wish_wrote = false;
	if (!d->opened)
		device_take_up(d, own, front);
	if (front != LIFE_UNKNOWN)
		d->front_known = true;
	else if (!d->front_known)
		return 0; /* the toolstack is not done writing */
	device_plan(d, front, online);
	return device_acts(d);
}

/* One watch sees the whole directory; of its keys these two matter while the
 * frontend is connected.
 */
bool device_front_event(struct device *d, const char *path)
{
	size_t n = strlen(d->front);

	if (strncmp(path, d->front, n) != 0)
		return false;
	/* Read at the next look: however often they are written, once a turn. */
	if (!strcmp(path + n, "/request-multicast-control"))
		d->wish_wrote = true;
	else if (!strcmp(path, d->state))
		d->front_wrote = true;
	else
		return !path[n];
	return true;
}

void device_guest_gone(struct device *d)
{
	d->waits_hv = false;
	if (d->link == LINK_NONE || d->link == LINK_DISCONNECTING)
		return;
	if (d->own != LIFE_CONNECTED && d->own != LIFE_CLOSING) {
		d->unmap = true;
	} else {
		if (device_may_log(d))
			log_info("%s: the guest is gone", d->name);
		d->act = device_end_guest;
	}
	/* Now, not at the next look: the domain is closed behind it. */
	device_disconnect(d);
	d->hub->again(d->hub->arg, d);
}

/* --- what it is -------------------------------------------------------------------- */

uint16_t device_domid(const struct device *d)
{
	return d->domid;
}

uint16_t device_handle(const struct device *d)
{
	return d->handle;
}

const char *device_name(const struct device *d)
{
	return d->name;
}

json_t *device_show(const struct device *d)
{
	static const char *const link[] = {
		[LINK_NONE] = "none",
		[LINK_CONNECTING] = "connecting",
		[LINK_READY] = "ready",
		[LINK_RUNNING] = "running",
		[LINK_DISCONNECTING] = "disconnecting",
	};

	return json_pack("{s:s, s:i, s:i, s:s, s:s, s:s, s:b, s:I}", "name",
			 d->name, "domid", d->domid, "handle", d->handle, "dev",
			 d->dev, "state", life_name(d->own), "link",
			 link[d->link], "carrier", d->carrier, "epoch",
			 (json_int_t)d->record.epoch);
}

/* --- coming and going -------------------------------------------------------------- */

int device_wanted(struct device_hub *hub, uint16_t domid, uint16_t handle)
{
	struct device d = { .hub = hub, .domid = domid, .handle = handle };
	unsigned own, front;
	int rc;

	device_paths(&d);
	own = device_read_state(&d, d.back, &rc);
	if (rc == -ENOTCONN || own == LIFE_UNKNOWN)
		return rc == -ENOTCONN ? rc : 0;
	front = device_read_state(&d, d.front, &rc);
	if (rc == -ENOTCONN)
		return rc;
	if (own != LIFE_CLOSED)
		return 1;
	return front != LIFE_UNKNOWN && device_read_online(&d);
}

int device_open(struct device **out, struct device_hub *hub, uint16_t domid,
		uint16_t handle)
{
	struct device *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return -ENOMEM;
	d->hub = hub;
	d->domid = domid;
	d->handle = handle;
	d->tap = d->keep_fd = -1;
	d->retry_ms = DEVICE_RETRY_MS;
	d->front_seen = DEVICE_NEVER;
	d->online = true;
	d->act = device_nothing;
	snprintf(d->name, sizeof(d->name), "vif%u.%u", domid, handle);
	device_paths(d);
	rc = store_watch(hub->store, d->front, d->name);
	d->watched = !rc;
	if (rc) {
		device_close(d);
		return rc;
	}
	*out = d;
	return 0;
}

void device_enter(struct device *d, struct domain *dom)
{
	d->dom = dom;
	if (keep_load(d->hub->keep, d->name, &d->record))
		memset(&d->record, 0, sizeof(d->record));
}

void device_close(struct device *d)
{
	if (!d)
		return;
	device_stale(d);
	if (d->watched)
		store_unwatch(d->hub->store, d->front, d->name);
	loop_cancel(d->hub->loop, d->timer);
	announce_end(&d->announce);
	if (d->told)
		device_order_plain(d, WORKER_VIF_GONE);
	if (d->tap >= 0)
		close(d->tap);
	if (d->keep_fd >= 0)
		close(d->keep_fd);
	free(d);
}
