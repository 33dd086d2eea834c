// SPDX-License-Identifier: GPL-2.0-or-later
/* device_order.c - what a worker is told of a vif, and answers
 *
 * link says what the worker has of it:
 *
 *   NONE --CONNECT--> CONNECTING --done--> READY --RUN--> RUNNING
 *     ^                    |                 |               |
 *     `----done-- DISCONNECTING <--DISCONNECT+---------------'
 */
#include "daemon/device_own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/loop.h"
#include "daemon/domain.h"
#include "daemon/estate.h"
#include "daemon/life.h"
#include "survive.h"

enum {
	DEVICE_BURST = 20,    /* connects at once .. */
	DEVICE_EACH_MS = 100, /* .. and then one each */
	DEVICE_KEPT_MS = 10,  /* between two looks whether all is kept */
};

/* NULL between two of them. */
static struct orders *device_worker(const struct device *d)
{
	return domain_orders(d->dom);
}

/* Only descriptors can keep it from being told: orders_send has lost the worker
 * otherwise.
 */
static int device_order(struct device *d, struct worker_msg *m, const int *fd,
			unsigned nfd)
{
	int rc;

	m->domid = d->domid;
	m->handle = d->handle;
	if (!device_worker(d))
		return 0; /* the next worker is told by device_resume */
	rc = orders_send(device_worker(d), m, fd, nfd);
	if (rc && rc != -EPIPE && device_may_log(d))
		log_error("%s: worker cannot be told: %s", d->name,
			  strerror(-rc));
	return rc == -EPIPE ? 0 : rc;
}

void device_order_plain(struct device *d, enum worker_type type)
{
	struct worker_msg m = { .type = (uint16_t)type };

	device_order(d, &m, NULL, 0);
}

void device_order_vif(struct device *d)
{
	struct worker_msg m = { .type = WORKER_VIF };
	int fd[] = { d->tap, d->keep_fd };

	if (d->told || d->tap < 0)
		return;
	snprintf(m.name, sizeof(m.name), "%s", d->dev);
	d->told = device_worker(d) && !device_order(d, &m, fd, 2);
	if (d->rate_bytes)
		device_order_rate(d);
	if (direct_on(&d->direct))
		device_order_direct(d);
}

void device_order_rate(struct device *d)
{
	struct worker_msg m = { .type = WORKER_RATE };

	if (!d->told)
		return;
	m.rate.bytes = d->rate_bytes;
	m.rate.usecs = d->rate_usecs;
	device_order(d, &m, NULL, 0);
}

void device_order_direct(struct device *d)
{
	struct worker_msg m = { .type = WORKER_DIRECT, .direct = d->direct };

	if (d->told)
		device_order(d, &m, NULL, 0);
}

static void device_order_connect(struct device *d)
{
	struct worker_msg m = {
		.type = WORKER_CONNECT,
		.nqueue = (uint16_t)d->keys.nqueue,
		.epoch = d->record.epoch,
		.mtu = d->mtu,
		.stall_ms = d->hub->stall_ms,
	};
	unsigned i;

	m.connect.features = d->keys.features;
	m.connect.wish = d->keys.wish;
	m.connect.has_ctrl = d->keys.has_ctrl;
	m.connect.ctrl_ref = d->keys.ctrl_ref;
	m.connect.ctrl_port = d->keys.ctrl_port;
	for (i = 0; i < d->keys.nqueue; i++)
		m.connect.queue[i] = d->keys.queue[i];
	device_order(d, &m, NULL, 0);
}

void device_order_wish(struct device *d)
{
	struct worker_msg m = { .type = WORKER_TELL };

	m.connect.wish = d->keys.wish;
	if (d->link == LINK_READY || d->link == LINK_RUNNING ||
	    d->link == LINK_CONNECTING)
		device_order(d, &m, NULL, 0);
}

/* A guest that comes back says hello first, then names its channels: wait for
 * them. One that never does is refused by the worker, after a while.
 */
static bool device_has_ports(struct device *d)
{
	const struct ring_names *q = d->keys.queue;
	bool all = !d->keys.has_ctrl ||
		   domain_port_ready(d->dom, d->keys.ctrl_port);
	unsigned i;

	for (i = 0; i < d->keys.nqueue && all; i++)
		all = domain_port_ready(d->dom, q[i].tx_port) &&
		      (q[i].rx_port == q[i].tx_port ||
		       domain_port_ready(d->dom, q[i].rx_port));
	if (!all && !d->late) {
		device_timer(d, DEVICE_LEAVE_MS);
		return false;
	}
	d->late = false;
	return true;
}

/* Who is told "connected" is not to lose its channels by our death then. */
static bool device_is_kept(struct device *d)
{
	bool behind = estate_behind(d->hub->estate);

	if (behind)
		device_timer(d, DEVICE_KEPT_MS);
	return !behind;
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
		if (!d->waits_hv && device_may_log(d))
			log_info("%s: waiting for the guest at %s", d->name,
				 domain_door(d->dom));
		d->waits_hv = true;
		return -EINPROGRESS;
	}
	d->waits_hv = false;
	if (!device_hotplugged(d))
		return -EINPROGRESS;
	rc = device_keys(d, &e);
	if (!rc && (!device_has_ports(d) || !device_is_kept(d) ||
		    !device_may_connect(d)))
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

int device_connect(struct device *d)
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

/* 0 when the worker holds nothing of the guest, else -EINPROGRESS. */
int device_disconnect(struct device *d)
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
	if (!device_worker(d)) {
		d->link = LINK_NONE;
		d->unmap = false;
		return 0;
	}
	d->link = LINK_DISCONNECTING;
	device_order_plain(d, WORKER_DISCONNECT);
	return -EINPROGRESS;
}

void device_fatal(struct device *d, const char *why)
{
	if (d->link != LINK_RUNNING && d->link != LINK_READY)
		return; /* it is being disconnected anyway */
	d->link = LINK_NONE;
	device_carrier(d, false);
	device_fail(d, why, device_end_of(d));
}

void device_stalled(struct device *d, bool on)
{
	uint64_t now = loop_now(d->hub->loop);

	if (d->link != LINK_RUNNING || d->stalled == on)
		return;
	/* Not within its stall time: a worker that says so lies, and would have
	 * us change the carrier and the store all day.
	 */
	if (on && now - d->carrier_ns < d->hub->stall_ms * 500000ull)
		return;
	d->stalled = on;
	d->carrier_ns = now;
	device_carrier(d, !on);
	if (!device_may_log(d))
		return;
	if (on)
		log_warn("%s: stalled: the guest has taken no frame for %u s; "
			 "no carrier until it does",
			 d->name, d->hub->stall_ms / 1000);
	else
		log_info("%s: the guest takes frames again", d->name);
}

/* CONNECT, of a guest's wish or after a worker's death. */
static void device_connected(struct device *d, const struct worker_msg *m)
{
	if (d->link != LINK_CONNECTING && d->link != LINK_READY &&
	    d->link != LINK_RUNNING)
		return;
	if (m->rc == -ESTALE && !d->fresh_file) {
		d->fresh_file = true;
		if (device_may_log(d))
			log_warn("%s: survival memory of another version, or "
				 "damaged: emptied",
				 d->name);
		keep_empty(d->keep_fd, survive_size(SURVIVE_QUEUES));
		device_order_connect(d);
		/* The RUN behind the first CONNECT will fail. */
		d->run_late = d->link == LINK_RUNNING;
		if (d->run_late)
			device_order_plain(d, WORKER_RUN);
	} else if (m->rc < 0) {
		char why[WORKER_TEXT + 32];

		snprintf(why, sizeof(why), "cannot connect: %s", m->text);
		d->link = LINK_NONE;
		device_carrier(d, false);
		device_fail(d, why, device_end_of(d));
	} else if (m->rc >= 0 && d->link != LINK_CONNECTING) {
		d->fresh_file = false; /* adopted */
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
		if (m->rc < 0 && !d->run_late)
			device_fatal(d, m->text);
		d->run_late = false;
		break;
	case WORKER_DISCONNECT:
		if (d->link == LINK_DISCONNECTING)
			d->link = LINK_NONE;
		d->hub->again(d->hub->arg, d);
		break;
	case WORKER_VIF:
		if (m->rc >= 0)
			break;
		d->told = false; /* the next connect tells it again */
		if (device_may_log(d))
			log_error("%s: the worker cannot take it: %s", d->name,
				  m->text);
		break;
	default:
		break;
	}
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
	device_has_ports(d);
	device_order_connect(d);
	if (run) {
		device_stalled(d, false); /* this one will see for itself */
		device_order_plain(d, WORKER_RUN);
	}
	return run;
}
