// SPDX-License-Identifier: GPL-2.0-or-later
/* device.c - one vif as the supervisor sees it: store, tap, worker's orders
 *
 *   store ---look---> life_next() ---acts---> store writes, orders, tap
 *                                      ^
 *   worker ---answers, FATAL-----------'
 *
 * link says what the worker has of this vif:
 *
 *   NONE --CONNECT--> CONNECTING --done--> READY --RUN--> RUNNING
 *     ^                    |                 |               |
 *     `----done-- DISCONNECTING <--DISCONNECT+---------------'
 *
 * Own states are written in a transaction which sees first that the device is
 * still there: a write to a directory that the toolstack has just removed would
 * make it again. A frontend's state is acted on when it was written, not when
 * it is read: the same value twice is nothing new. After a failure the same value
 * written again is another try, once a second at most.
 *
 * long file: struct device has one owner; parts of it would have to share it.
 */
#include "daemon/device.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/num.h"
#include "base/rate.h"
#include "daemon/domain.h"
#include "daemon/keep.h"
#include "daemon/keys.h"
#include "daemon/life.h"
#include "daemon/tap.h"
#include "store.h"
#include "survive.h"
#include "vif.h"

enum {
	DEVICE_RETRY_MS = 1000,	     /* between two failed connects */
	DEVICE_RETRY_MAX_MS = 64000, /* when workers died of it */
	DEVICE_LEAVE_MS =
		2000,	      /* for a frontend that was asked for something */
	DEVICE_BURST = 20,    /* connects at once .. */
	DEVICE_EACH_MS = 100, /* .. and then one each */
	DEVICE_KEY = 40,
	DEVICE_NEVER = 0xffff, /* front_seen: nothing was seen yet */
};

const char device_root[] = "/local/domain/0/backend/vif";

enum device_link {
	LINK_NONE,
	LINK_CONNECTING,
	LINK_READY,
	LINK_RUNNING,
	LINK_DISCONNECTING,
};

struct device {
	struct device_hub *hub;
	struct domain *dom;
	uint16_t domid, handle;
	char name[16];
	char dev[IFNAMSIZ]; /* "" until it is known */
	char back[DEVICE_BACK], front[DEVICE_BACK], state[DEVICE_BACK + 8];
	/* the store's side */
	unsigned own, front_seen;
	bool opened, watched, front_wrote, front_known, online, late;
	bool hotplugged, hotplug_bad, waits_hv;
	const uint8_t *act; /* what is to be done, LIFE_END at the end */
	/* the worker's side */
	enum device_link link;
	bool told, unmap, fresh_file;
	struct keys keys;
	struct keep_record record;
	/* the host's side */
	int tap, keep_fd;
	uint32_t mtu;
	bool carrier;
	uint64_t failed_ns;
	uint32_t retry_ms;
	struct rate rate;
	struct loop_timer *timer;
	struct log_limit limit;
};

static const uint8_t device_nothing[] = { LIFE_END };
static const uint8_t device_refuse[] = { LIFE_TO_CLOSED, LIFE_END };
static const uint8_t device_fail_connect[] = { LIFE_DISCONNECT, LIFE_TO_CLOSING,
					       LIFE_END };
static const uint8_t device_end_guest[] = { LIFE_DISCONNECT, LIFE_TO_CLOSING,
					    LIFE_TO_CLOSED, LIFE_END };
static const uint8_t device_adopt[] = { LIFE_CONNECT, LIFE_TO_CONNECTED,
					LIFE_END };

/* --- the store --------------------------------------------------------------- */

static void device_path(const char *dir, const char *key, char *path)
{
	snprintf(path, DEVICE_BACK + DEVICE_KEY, "%s/%s", dir, key);
}

static int device_read(struct device *d, const char *dir, const char *key,
		       char *buf, size_t size)
{
	char path[DEVICE_BACK + DEVICE_KEY];

	device_path(dir, key, path);
	return store_read(d->hub->store, path, buf, size);
}

struct device_write {
	struct device *d;
	const char *key, *value; /* value NULL: remove */
};

static int device_write_run(struct store *s, void *arg)
{
	const struct device_write *w = arg;
	char path[DEVICE_BACK + DEVICE_KEY], was[8];
	int rc = device_read(w->d, w->d->back, "state", was, sizeof(was));

	if (rc < 0 && rc != -E2BIG && rc != -EINVAL)
		return rc;
	device_path(w->d->back, w->key, path);
	return w->value ? store_write(s, path, w->value) : store_rm(s, path);
}

/* -ENOENT when the device is not there any more. */
static int device_write(struct device *d, const char *key, const char *value)
{
	struct device_write w = { d, key, value };

	return store_txn(d->hub->store, device_write_run, &w);
}

static int device_write_state(struct device *d, unsigned state)
{
	char text[8];
	int rc;

	snprintf(text, sizeof(text), "%u", state);
	rc = device_write(d, "state", text);
	if (!rc)
		log_debug("%s: state %s", d->name, life_name(state));
	return rc;
}

static bool device_may_log(struct device *d)
{
	return log_allow(&d->limit, loop_now(d->hub->loop));
}

/* --- orders ------------------------------------------------------------------ */

static void device_order(struct device *d, struct worker_msg *m, const int *fd,
			 unsigned nfd)
{
	int rc;

	m->domid = d->domid;
	m->handle = d->handle;
	if (!d->hub->orders)
		return; /* the next worker is told by device_resume */
	rc = orders_send(d->hub->orders, m, fd, nfd);
	if (rc && rc != -EPIPE && device_may_log(d))
		log_error("%s: worker cannot be told: %s", d->name,
			  strerror(-rc));
}

static void device_order_plain(struct device *d, enum worker_type type)
{
	struct worker_msg m = { .type = (uint16_t)type };

	device_order(d, &m, NULL, 0);
}

static void device_order_vif(struct device *d)
{
	struct worker_msg m = { .type = WORKER_VIF };
	int fd[] = { d->tap, d->keep_fd };

	if (d->told || d->tap < 0)
		return;
	d->told = d->hub->orders;
	snprintf(m.name, sizeof(m.name), "%s", d->dev);
	device_order(d, &m, fd, 2);
}

static void device_order_connect(struct device *d)
{
	struct worker_msg m = {
		.type = WORKER_CONNECT,
		.nqueue = (uint16_t)d->keys.nqueue,
		.epoch = d->record.epoch,
		.mtu = d->mtu,
	};
	unsigned i;

	m.connect.features = d->keys.features;
	for (i = 0; i < d->keys.nqueue; i++)
		m.connect.queue[i] = d->keys.queue[i];
	device_order(d, &m, NULL, 0);
}

static void device_carrier(struct device *d, bool on)
{
	if (d->carrier == on)
		return;
	d->carrier = on;
	if (d->tap >= 0)
		tap_carrier(d->tap, on);
	/* For people; a store that is away is not waited for. */
	device_write(d, "carrier", on ? "1" : "0");
}

/* 0 when the worker holds nothing of the guest, else -EINPROGRESS. */
static int device_disconnect(struct device *d)
{
	switch (d->link) {
	case LINK_NONE:
		d->unmap = false;
		return 0;
	case LINK_DISCONNECTING:
		return -EINPROGRESS;
	case LINK_CONNECTING:
	case LINK_READY:
	case LINK_RUNNING:
		break;
	}
	device_carrier(d, false);
	if (d->link == LINK_RUNNING && device_may_log(d))
		log_info("%s: disconnected", d->name);
	if (!d->hub->orders) {
		d->link = LINK_NONE;
		d->unmap = false;
		return 0;
	}
	d->link = LINK_DISCONNECTING;
	device_order_plain(d, WORKER_DISCONNECT);
	return -EINPROGRESS;
}

static void device_on_timer(void *arg)
{
	struct device *d = arg;

	d->timer = NULL;
	d->late = true;
	d->hub->again(d->hub->arg, d);
}

static void device_timer(struct device *d, uint32_t ms)
{
	if (!d->timer)
		loop_after(d->hub->loop, ms, device_on_timer, d, &d->timer);
}

/* --- failures ---------------------------------------------------------------- */

/* Says why, once, in the log and in the store; then acts. */
static void device_fail(struct device *d, const char *why, const uint8_t *act)
{
	if (device_may_log(d))
		log_error("%s: %s", d->name, why);
	device_write(d, "error", why);
	d->failed_ns = loop_now(d->hub->loop);
	d->act = act;
	d->hub->again(d->hub->arg, d);
}

static const uint8_t *device_end_of(const struct device *d)
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

void device_fatal(struct device *d, const char *why)
{
	if (d->link != LINK_RUNNING && d->link != LINK_READY)
		return; /* it is being disconnected anyway */
	d->link = LINK_NONE;
	device_carrier(d, false);
	device_fail(d, why, device_end_of(d));
}

/* --- what we offer ------------------------------------------------------------ */

/* The store says which frontend this is for; it must be the one whose number
 * the directory has.
 */
static int device_check_front(struct device *d, struct err *e)
{
	char got[DEVICE_BACK], want[DEVICE_BACK];
	uint32_t id;
	int rc;

	snprintf(want, sizeof(want), "/local/domain/%u/device/vif/%u", d->domid,
		 d->handle);
	rc = device_read(d, d->back, "frontend", got, sizeof(got));
	if (rc == -ENOTCONN)
		return rc;
	if (rc < 0 || strcmp(got, want))
		return err_set(
			e, -EINVAL,
			"%s/frontend is not %s: this device belongs to nobody",
			d->back, want);
	rc = device_read(d, d->back, "frontend-id", got, sizeof(got));
	if (rc == -ENOTCONN)
		return rc;
	if (rc < 0 || num_parse(got, UINT16_MAX, &id) || id != d->domid)
		return err_set(e, -EINVAL, "%s/frontend-id is not %u", d->back,
			       d->domid);
	return 0;
}

static int device_find_name(struct device *d, struct err *e)
{
	char got[64];
	int rc = device_read(d, d->back, "vifname", got, sizeof(got));

	if (rc == -ENOTCONN)
		return rc;
	if (rc == -ENOENT || rc == 0)
		snprintf(got, sizeof(got), "%s", d->name);
	else if (rc < 0)
		return err_set(e, -EINVAL, "vifname is no device name");
	rc = vif_check_devname(got, e);
	if (rc) {
		err_prefix(e, "vifname");
		return rc;
	}
	return str_put(d->dev, sizeof(d->dev), got);
}

/* The record first: a device that it names is ours, a kill between or not. */
static int device_make_record(struct device *d, struct err *e)
{
	struct keep_record r = d->record;
	int rc = tap_free(d->dev, e);

	if (rc)
		return rc;
	/* It had another name before this one. */
	if (r.dev[0] && if_nametoindex(r.dev))
		tap_delete(tap_open(r.dev, e));
	memcpy(r.dev, d->dev, sizeof(r.dev));
	rc = keep_save(d->hub->keep, d->name, &r);
	if (rc)
		return err_set(e, rc, "cannot write RUN/keep: %s",
			       strerror(-rc));
	d->record = r;
	return 0;
}

static int device_make_tap(struct device *d, struct err *e)
{
	bool ours = !strcmp(d->record.dev, d->dev);
	int rc = ours ? 0 : device_make_record(d, e);

	if (rc)
		return rc;
	d->tap = tap_open(d->dev, e);
	if (d->tap >= 0)
		return 0;
	if (!ours) {
		keep_remove(d->hub->keep, d->name);
		memset(&d->record, 0, sizeof(d->record));
	}
	return d->tap;
}

static int device_host_side(struct device *d, struct err *e)
{
	int rc = 0;

	if (!d->dev[0])
		rc = device_find_name(d, e);
	if (!rc && d->tap < 0)
		rc = device_make_tap(d, e);
	if (!rc && d->keep_fd < 0) {
		d->keep_fd = keep_open(d->hub->keep, d->name,
				       survive_size(KEYS_QUEUES));
		if (d->keep_fd < 0)
			rc = err_set(e, d->keep_fd,
				     "cannot keep survival memory: %s",
				     strerror(-d->keep_fd));
	}
	if (!rc)
		device_order_vif(d);
	return rc;
}

static int device_offer_run(struct store *s, void *arg)
{
	static const struct {
		const char *key, *value;
	} row[] = {
		{ "feature-sg", "1" },
		{ "feature-gso-tcpv4", "1" },
		{ "feature-gso-tcpv6", "1" },
		{ "feature-ipv6-csum-offload", "1" },
		{ "feature-rx-copy", "1" },
		{ "feature-rx-flip", "0" },
		{ "feature-split-event-channels", "1" },
		{ "multi-queue-max-queues", "1" },
	};
	struct device *d = arg;
	char path[DEVICE_BACK + DEVICE_KEY], was[8];
	unsigned i;
	int rc = device_read(d, d->back, "state", was, sizeof(was));

	if (rc > 0)
		rc = 0;
	for (i = 0; i < ARRAY_SIZE(row) && !rc; i++) {
		device_path(d->back, row[i].key, path);
		rc = store_write(s, path, row[i].value);
	}
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
		rc = store_txn(d->hub->store, device_offer_run, d);
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

/* --- connecting ---------------------------------------------------------------- */

static int device_get_key(void *arg, const char *key, char *buf, size_t size)
{
	struct device *d = arg;

	return device_read(d, d->front, key, buf, size);
}

/* Sticky: the second connect of a device must not wait for it again. */
static bool device_hotplugged(struct device *d)
{
	char got[16];
	int rc;

	if (d->hotplugged)
		return true;
	rc = device_read(d, d->back, "hotplug-status", got, sizeof(got));
	d->hotplugged = rc > 0 && !strcmp(got, "connected");
	if (rc > 0 && !strcmp(got, "error") && !d->hotplug_bad) {
		d->hotplug_bad = true;
		log_warn("%s: hotplug failed, see %s/hotplug-error", d->name,
			 d->back);
	}
	return d->hotplugged;
}

static int device_prepare(struct device *d, struct err *e)
{
	uint64_t was = d->record.epoch;
	int rc = tap_mtu(d->dev, &d->mtu);
	if (!rc)
		rc = tap_offload(d->tap, &d->keys.features);
	if (rc)
		return err_set(e, rc, "device %s: %s", d->dev, strerror(-rc));
	/* An adopted guest keeps its epoch, and so its journals. */
	if (d->own == LIFE_CONNECTED && was)
		return 0;
	d->record.epoch = keep_epoch();
	if (d->record.epoch <= was)
		d->record.epoch = was + 1;
	rc = keep_save(d->hub->keep, d->name, &d->record);
	if (rc)
		d->record.epoch = was;
	return rc ? err_set(e, rc, "cannot write RUN/keep: %s", strerror(-rc))
		  : 0;
}

/* A guest that comes back says hello first, then names its channels: wait for
 * them. One that never does is refused by the worker, after a while.
 */
static bool device_has_ports(struct device *d)
{
	const struct ring_names *q = d->keys.queue;
	unsigned i;

	for (i = 0; i < d->keys.nqueue && !d->late; i++) {
		if (domain_has_port(d->dom, q[i].tx_port) &&
		    domain_has_port(d->dom, q[i].rx_port))
			continue;
		device_timer(d, DEVICE_LEAVE_MS);
		return false;
	}
	d->late = false;
	return true;
}

/* However fast a frontend toggles its state. */
static bool device_may_connect(struct device *d)
{
	uint32_t ms = rate_ask(&d->rate, loop_now(d->hub->loop), DEVICE_BURST,
			       DEVICE_EACH_MS);

	if (ms)
		device_timer(d, ms);
	return !ms;
}

static int device_connect_start(struct device *d)
{
	struct err e = { "" };
	int rc;

	if (!domain_here(d->dom)) {
		if (!d->waits_hv)
			log_info("%s: waiting for the guest at dom/%u/hv",
				 d->name, d->domid);
		d->waits_hv = true;
		return -EINPROGRESS;
	}
	d->waits_hv = false;
	if (!device_hotplugged(d))
		return -EINPROGRESS;
	rc = keys_read(&d->keys, device_get_key, d, &e);
	if (!rc && (!device_has_ports(d) || !device_may_connect(d)))
		return -EINPROGRESS;
	if (!rc)
		rc = device_prepare(d, &e);
	if (rc == -ENOTCONN)
		return rc;
	if (rc) {
		device_fail(d, e.text, device_end_of(d));
		return rc;
	}
	device_order_vif(d);
	d->link = LINK_CONNECTING;
	d->fresh_file = false;
	device_order_connect(d);
	return -EINPROGRESS;
}

static int device_connect(struct device *d)
{
	switch (d->link) {
	case LINK_NONE:
		return device_connect_start(d);
	case LINK_READY:
	case LINK_RUNNING:
		return 0;
	case LINK_CONNECTING:
	case LINK_DISCONNECTING:
		break;
	}
	return -EINPROGRESS;
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
	int rc;

	/* Before the guest hears of it: the bridge takes a moment to forward, and
	 * what a guest sends first must not fall into that moment.
	 */
	device_carrier(d, true);
	rc = adopted ? 0 : device_write_state(d, LIFE_CONNECTED);
	if (rc) {
		device_carrier(d, false);
		return rc;
	}
	d->own = LIFE_CONNECTED;
	d->link = LINK_RUNNING;
	device_order_plain(d, WORKER_RUN);
	device_write(d, "error", NULL);
	device_say_connected(d, adopted);
	return 0;
}

/* --- leaving ------------------------------------------------------------------- */

static int device_to(struct device *d, unsigned state)
{
	int rc = device_write_state(d, state);

	if (!rc)
		d->own = state;
	return rc;
}

/* The host's side and what we keep; the worker forgets the vif. */
static void device_vanish(struct device *d)
{
	bool had = d->tap >= 0 || d->record.dev[0];

	if (d->link != LINK_NONE && d->link != LINK_DISCONNECTING)
		device_order_plain(d, WORKER_DISCONNECT);
	d->hub->leaving(d->hub->arg, d);
	if (d->told)
		device_order_plain(d, WORKER_VIF_GONE);
	d->told = false;
	d->link = LINK_NONE;
	if (d->tap < 0 && d->record.dev[0] && if_nametoindex(d->record.dev))
		d->tap = tap_open(d->record.dev, NULL);
	tap_delete(d->tap);
	if (d->keep_fd >= 0)
		close(d->keep_fd);
	keep_remove(d->hub->keep, d->name);
	d->tap = d->keep_fd = -1;
	memset(&d->record, 0, sizeof(d->record));
	d->dev[0] = '\0';
	d->carrier = d->hotplugged = d->hotplug_bad = d->unmap = false;
	if (had)
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
		return rc ? rc : device_to(d, LIFE_CLOSING);
	case LIFE_TO_CLOSED:
		rc = device_disconnect(d);
		return rc ? rc : device_to(d, LIFE_CLOSED);
	case LIFE_SAY_RECONFIGURED:
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
		   online != d->online || d->late ||
		   (!online && d->own == LIFE_CLOSED);

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
	if (online)
		d->act = life_next(d->own, front, true);
	else
		d->act = device_leave(d, front);
	d->front_seen = front;
	d->front_wrote = d->late = false;
	d->online = online;
}

static unsigned device_read_state(struct device *d, const char *dir, int *rc)
{
	char text[8];

	*rc = device_read(d, dir, "state", text, sizeof(text));
	if (*rc == -ENOENT || *rc == -EACCES)
		return LIFE_UNKNOWN;
	return *rc < 0 ? LIFE_STATES : life_parse(text);
}

static bool device_read_online(struct device *d)
{
	char text[8];
	int rc = device_read(d, d->back, "online", text, sizeof(text));

	return rc < 0 || strcmp(text, "0");
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
	if (!d->opened)
		device_take_up(d, own, front);
	if (front != LIFE_UNKNOWN)
		d->front_known = true;
	else if (!d->front_known)
		return 0; /* the toolstack is not done writing */
	device_plan(d, front, online);
	return device_acts(d);
}

/* --- events ---------------------------------------------------------------------- */

void device_front_wrote(struct device *d)
{
	d->front_wrote = true;
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

/* CONNECT, of a guest's wish or after a worker's death. */
static void device_connected(struct device *d, const struct worker_msg *m)
{
	if (d->link != LINK_CONNECTING && d->link != LINK_READY &&
	    d->link != LINK_RUNNING)
		return;
	if (m->rc == -ESTALE && !d->fresh_file) {
		d->fresh_file = true;
		log_warn("%s: survival memory of another version: emptied",
			 d->name);
		keep_empty(d->keep_fd, survive_size(KEYS_QUEUES));
		device_order_connect(d);
	} else if (m->rc < 0) {
		char why[WORKER_TEXT + 32];

		snprintf(why, sizeof(why), "cannot connect: %s", m->text);
		d->link = LINK_NONE;
		device_carrier(d, false);
		device_fail(d, why, device_end_of(d));
	} else if (d->link == LINK_CONNECTING) {
		d->link = LINK_READY;
		d->hub->again(d->hub->arg, d);
	}
}

void device_answer(struct device *d, const struct worker_msg *m,
		   enum worker_type order)
{
	switch (order) {
	case WORKER_CONNECT:
		device_connected(d, m);
		break;
	case WORKER_RUN:
		if (m->rc < 0)
			device_fatal(d, m->text);
		break;
	case WORKER_DISCONNECT:
		if (d->link == LINK_DISCONNECTING)
			d->link = LINK_NONE;
		d->hub->again(d->hub->arg, d);
		break;
	case WORKER_VIF:
		if (m->rc < 0)
			log_error("%s: the worker cannot take it: %s", d->name,
				  m->text);
		break;
	default:
		break;
	}
}

void device_blame(struct device *d, const char *why)
{
	device_disconnect(d); /* now: it may be served again already */
	device_fail(d, why, device_end_of(d));
	if (d->retry_ms < DEVICE_RETRY_MAX_MS)
		d->retry_ms *= 2;
}

bool device_told(const struct device *d)
{
	return d->told;
}

bool device_resume(struct device *d)
{
	bool run = d->link == LINK_RUNNING;

	d->told = false;
	device_order_vif(d);
	if (d->link == LINK_DISCONNECTING) {
		d->link = LINK_NONE; /* the dead hold no pages */
		d->hub->again(d->hub->arg, d);
	}
	if (d->link == LINK_NONE)
		return false;
	device_order_connect(d);
	if (run)
		device_order_plain(d, WORKER_RUN);
	return run;
}

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

const char *device_front_path(const struct device *d)
{
	return d->state;
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
	struct device d = { .hub = hub };
	unsigned own, front;
	int rc;

	snprintf(d.back, sizeof(d.back), "%s/%u/%u", device_root, domid,
		 handle);
	snprintf(d.front, sizeof(d.front), "/local/domain/%u/device/vif/%u",
		 domid, handle);
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

int device_open(struct device **out, struct device_hub *hub, struct domain *dom,
		uint16_t domid, uint16_t handle)
{
	struct device *d = calloc(1, sizeof(*d));
	int rc;

	if (!d)
		return -ENOMEM;
	d->hub = hub;
	d->dom = dom;
	d->domid = domid;
	d->handle = handle;
	d->tap = d->keep_fd = -1;
	d->retry_ms = DEVICE_RETRY_MS;
	d->front_seen = DEVICE_NEVER;
	d->online = true;
	d->act = device_nothing;
	snprintf(d->name, sizeof(d->name), "vif%u.%u", domid, handle);
	snprintf(d->back, sizeof(d->back), "%s/%u/%u", device_root, domid,
		 handle);
	snprintf(d->front, sizeof(d->front), "/local/domain/%u/device/vif/%u",
		 domid, handle);
	snprintf(d->state, sizeof(d->state), "%s/state", d->front);
	if (keep_load(hub->keep, d->name, &d->record))
		memset(&d->record, 0, sizeof(d->record));
	rc = store_watch(hub->store, d->state, d->name);
	d->watched = !rc;
	if (rc) {
		device_close(d);
		return rc;
	}
	*out = d;
	return 0;
}

void device_close(struct device *d)
{
	if (!d)
		return;
	if (d->watched)
		store_unwatch(d->hub->store, d->state, d->name);
	loop_cancel(d->hub->loop, d->timer);
	if (d->told)
		device_order_plain(d, WORKER_VIF_GONE);
	if (d->tap >= 0)
		close(d->tap);
	if (d->keep_fd >= 0)
		close(d->keep_fd);
	free(d);
}

void device_sweep(struct device_hub *hub, const char *name)
{
	struct keep_record r;

	if (keep_load(hub->keep, name, &r))
		return;
	if (if_nametoindex(r.dev))
		tap_delete(tap_open(r.dev, NULL));
	keep_remove(hub->keep, name);
	log_info("%s: removed: it was detached while netbackd was away", name);
}
