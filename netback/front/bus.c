// SPDX-License-Identifier: GPL-2.0-or-later
/* bus.c - the frontend's side of one vif's life (bus.h has the states)
 *
 * Two things come and go independently. The states in the store say whether
 * the rings are in use. The link to netbackd carries memory and doorbells; when
 * only the link breaks, netbackd is being replaced: we say the same things again
 * and touch neither state nor rings.
 */
#include "front/bus.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <xen/xen.h>

#include <xen/grant_table.h>
#include <xen/io/xenbus.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/num.h"
#include "err.h"
#include "front/bus_keys.h"
#include "store.h"
#include "vif.h"

enum {
	BUS_POLL_MS = 10,  /* while waiting for something at start */
	BUS_RETRY_MS = 10, /* first retry of a lost link; doubles */
	BUS_RETRY_MAX_MS = 1000,
	BUS_STEADY_MS = 2000, /* a link that lasted so long was a good one */
	BUS_LEAVE_MS = 2000,  /* for each state of the backend at the end */
	/* Of one queue: 2 rings, 512 slots */
	BUS_GRANTS = 2 + 2 * FRONT_RING,
	BUS_CTRL = 2,	 /* pages and grants of the control ring */
	BUS_FEW = 8,	 /* queues that have memory for a full ring each .. */
	BUS_CHUNKS = 64, /* .. where there are more: frames of each */
	BUS_PORT = 1,	 /* our first event channel */
	BUS_GONE = 0,	 /* "state" when there is none */
};

struct bus {
	struct bus_conf conf;
	struct store *store;
	struct loop_fd *store_src, *link_src;
	struct loop_timer *retry;
	unsigned retry_ms;
	uint64_t linked_ns;
	char name[IFNAMSIZ];
	char front[STORE_PATH / 2], back[STORE_PATH / 2];
	uint32_t backend;
	uint8_t mac[6];
	uint32_t mtu;
	struct front_features offers;
	struct front_mem *mem;
	struct front_queue *queue[BUS_QUEUES];
	unsigned nqueue;
	struct front_ctrl *ctrl;
	struct steer_wish wish; /* as far as it is offered */
	bool multi;		/* the backend offers more than one */
	int link;
	bool wrote; /* keys and state 4 are in the store */
	bool up;
};

bool bus_up(const struct bus *b)
{
	return b->up;
}

struct front_queue *const *bus_queues(const struct bus *b, unsigned *n)
{
	*n = b->nqueue;
	return b->queue;
}

const uint8_t *bus_mac(const struct bus *b)
{
	return b->mac;
}

uint32_t bus_mtu(const struct bus *b)
{
	return b->mtu;
}

const struct front_features *bus_offers(const struct bus *b)
{
	return &b->offers;
}

static int bus_path(char *path, size_t size, const char *dir, const char *key)
{
	return str_fmt(path, size, "%s/%s", dir, key);
}

static int bus_read(struct bus *b, const char *dir, const char *key, char *buf,
		    size_t size)
{
	char path[STORE_PATH];
	int rc = bus_path(path, sizeof(path), dir, key);

	return rc < 0 ? rc : store_read(b->store, path, buf, size);
}

/* A state, BUS_GONE when there is none or it is nonsense, or -ENOTCONN. */
static int bus_state(struct bus *b, const char *dir)
{
	char path[STORE_PATH];
	uint32_t state;
	int rc = bus_path(path, sizeof(path), dir, "state");

	if (rc < 0 || !dir[0])
		return BUS_GONE;
	rc = store_read_u32(b->store, path, XenbusStateReconfigured, &state);
	if (rc == -ENOTCONN)
		return rc;
	return rc ? BUS_GONE : (int)state;
}

static int bus_write(struct bus *b, const char *key, uint32_t value)
{
	char path[STORE_PATH];
	int rc = bus_path(path, sizeof(path), b->front, key);

	return rc < 0 ? rc : store_printf(b->store, path, "%u", value);
}

static int bus_switch(struct bus *b, uint32_t state)
{
	int own = bus_state(b, b->front);

	/* Never write a state into a directory that was taken away. */
	if (own <= BUS_GONE)
		return own ? own : -ENOENT;
	return (uint32_t)own == state ? 0 : bus_write(b, "state", state);
}

static bool bus_flag(struct bus *b, const char *key)
{
	char path[STORE_PATH];
	uint32_t n = 0;

	return bus_path(path, sizeof(path), b->back, key) > 0 &&
	       !store_read_u32(b->store, path, UINT32_MAX, &n) && n;
}

static void bus_read_offers(struct bus *b)
{
	const struct front_features *want = &b->conf.want;
	struct front_features *o = &b->offers;

	o->sg = want->sg && bus_flag(b, "feature-sg");
	o->gso4 = want->gso4 && o->sg && bus_flag(b, "feature-gso-tcpv4");
	o->gso6 = want->gso6 && o->sg && bus_flag(b, "feature-gso-tcpv6");
	o->csum4 = want->csum4;
	o->csum6 = want->csum6 && bus_flag(b, "feature-ipv6-csum-offload");
}

/* --- rings and link ---------------------------------------------------- */

static void bus_link_close(struct bus *b)
{
	loop_cancel(b->conf.loop, b->retry);
	b->retry = NULL;
	loop_del(b->conf.loop, b->link_src);
	b->link_src = NULL;
	if (b->link >= 0)
		close(b->link);
	b->link = -1;
}

static void bus_release(struct bus *b)
{
	bus_link_close(b);
	while (b->nqueue) {
		if (front_queue_close(b->queue[--b->nqueue]))
			log_warn("%s: backend still holds a ring page",
				 b->name);
	}
	if (front_ctrl_close(b->ctrl))
		log_warn("%s: backend still holds the control ring", b->name);
	b->ctrl = NULL;
	front_mem_close(b->mem);
	b->mem = NULL;
	b->wrote = false;
}

/* As many as both sides have: 1 where the backend has never heard of more. */
static unsigned bus_count_queues(struct bus *b)
{
	char path[STORE_PATH];
	uint32_t max = 1;
	int rc = bus_path(path, sizeof(path), b->back,
			  "multi-queue-max-queues");

	if (rc > 0)
		store_read_u32(b->store, path, UINT32_MAX, &max);
	b->multi = max > 1;
	if (!max || b->conf.queues < max)
		return b->conf.queues ? b->conf.queues : 1;
	return max;
}

static void bus_read_wish(struct bus *b)
{
	b->wish = b->conf.wish;
	if (!bus_flag(b, "feature-multicast-control"))
		b->wish.ngroup = 0;
	if (!bus_flag(b, "feature-xdp-headroom"))
		b->wish.headroom = 0;
}

static int bus_build(struct bus *b)
{
	unsigned i, n = bus_count_queues(b);
	struct front_queue_conf queue = {
		.split = b->conf.split &&
			 bus_flag(b, "feature-split-event-channels"),
		.first_port = BUS_PORT,
		.rx_buffers = b->conf.rx_buffers ? b->conf.rx_buffers
						 : FRONT_RING,
		.tx_chunks = n > BUS_FEW ? BUS_CHUNKS : FRONT_RING,
		.rx_slots = b->conf.want.sg ? FRONT_RX_SLOTS : 1,
		.features = b->conf.want,
		.quirks = b->conf.quirks,
		.hash = b->wish.hash,
		.headroom = b->wish.headroom,
	};
	struct front_mem_conf mem = {
		.grants = GNTTAB_NR_RESERVED_ENTRIES + BUS_CTRL +
			  n * BUS_GRANTS,
		.backend = (uint16_t)b->backend,
	};
	int rc;

	/* The table, 8 bytes each; then rings, frames and buffers. */
	mem.pages = mem.grants / (HV_PAGE / 8) + 1 + BUS_CTRL +
		    n * (2u + FRONT_RING +
			 queue.tx_chunks * (unsigned)FRONT_CHUNK);
	rc = front_mem_open(&b->mem, &mem);
	queue.mem = b->mem;
	for (i = 0; i < n && !rc; i++) {
		rc = front_queue_open(&b->queue[i], &queue);
		queue.first_port += 2;
		b->nqueue += !rc;
	}
	if (!rc && steer_talks(&b->wish) && bus_flag(b, "feature-ctrl-ring"))
		rc = front_ctrl_open(&b->ctrl, b->mem, queue.first_port);
	return rc;
}

static unsigned bus_channels(const struct bus *b, struct front_channel *v)
{
	unsigned i, n = 0;

	for (i = 0; i < b->nqueue; i++)
		n += front_queue_channels(b->queue[i], v + n);
	if (b->ctrl)
		v[n++] = *front_ctrl_channel(b->ctrl);
	return n;
}

static void bus_kick(struct bus *b)
{
	unsigned i;

	for (i = 0; i < b->nqueue; i++)
		front_kick(b->queue[i]);
}

static void bus_on_link(void *arg, int fd, uint32_t events);
static void bus_step(struct bus *b);

static int bus_link_open(struct bus *b, struct err *e)
{
	struct front_channel channel[2 * BUS_QUEUES + 1];
	char path[STORE_PATH];
	unsigned n = bus_channels(b, channel);
	int rc = str_fmt(path, sizeof(path), "%s/dom/%u/hv", b->conf.run,
			 b->conf.domid);

	if (rc > 0)
		rc = front_link(path, b->mem, channel, n, e);
	if (rc < 0)
		return rc;
	b->link = rc;
	b->linked_ns = clock_ns();
	return loop_add(b->conf.loop, b->link, EPOLLIN | EPOLLRDHUP,
			bus_on_link, b, &b->link_src);
}

static void bus_on_retry(void *arg);

/* Later each time, unless the last link was good for a while. */
static void bus_link_retry(struct bus *b)
{
	bool steady = clock_ns() - b->linked_ns > BUS_STEADY_MS * 1000000ull;

	if (b->link >= 0 && steady)
		b->retry_ms = BUS_RETRY_MS;
	else if (b->retry_ms < BUS_RETRY_MAX_MS / 2)
		b->retry_ms *= 2;
	else
		b->retry_ms = BUS_RETRY_MAX_MS;
	bus_link_close(b);
	loop_after(b->conf.loop, b->retry_ms, bus_on_retry, b, &b->retry);
}

static void bus_on_retry(void *arg)
{
	struct bus *b = arg;
	struct err e = { "" };
	int rc;

	b->retry = NULL;
	if (!b->wrote) {
		bus_step(b);
		return;
	}
	rc = bus_link_open(b, &e);
	if (!rc) {
		log_info("%s: linked to netbackd again", b->name);
		/* A bell that nobody heard is rung again. */
		bus_kick(b);
		bus_step(b);
		return;
	}
	log_debug("%s: %s", b->name, e.text);
	bus_link_close(b);
	b->retry_ms = b->retry_ms < BUS_RETRY_MAX_MS / 2 ? b->retry_ms * 2
							 : BUS_RETRY_MAX_MS;
	loop_after(b->conf.loop, b->retry_ms, bus_on_retry, b, &b->retry);
}

static void bus_on_link(void *arg, int fd, uint32_t events)
{
	struct bus *b = arg;

	(void)fd;
	(void)events;
	log_info("%s: lost netbackd, waiting for the next", b->name);
	bus_link_retry(b);
}

/* --- states --------------------------------------------------------------- */

static int bus_write_keys(struct store *s, void *arg)
{
	struct bus *b = arg;
	const struct bus_keys k = {
		s,	  b->front,	 b->queue, b->nqueue,
		b->multi, &b->conf.want, &b->wish, b->ctrl,
	};

	return bus_keys_write(&k);
}

static int bus_connect(struct bus *b, struct err *e)
{
	int rc;

	bus_release(b);
	b->retry_ms = BUS_RETRY_MS;
	bus_read_offers(b);
	bus_read_wish(b);
	rc = bus_build(b);
	if (rc)
		return err_set(e, rc, "no memory for rings: %s", strerror(-rc));
	rc = bus_link_open(b, e);
	if (rc)
		return rc;
	rc = store_txn(b->store, bus_write_keys, b);
	if (!rc)
		rc = bus_switch(b, XenbusStateConnected);
	if (rc)
		return err_set(e, rc, "%s: cannot write: %s", b->front,
			       strerror(-rc));
	b->wrote = true;
	return 0;
}

static void bus_try_connect(struct bus *b)
{
	struct err e = { "" };

	if (b->retry)
		return;
	if (!bus_connect(b, &e))
		return;
	log_debug("%s: %s", b->name, e.text);
	bus_release(b);
	b->retry_ms = 10 * BUS_RETRY_MS;
	loop_after(b->conf.loop, b->retry_ms, bus_on_retry, b, &b->retry);
}

/* Asked again at each connect; refused, frames move all the same. */
static void bus_steer(struct bus *b,
		      int (*ask)(const struct steer *s, struct err *e))
{
	const struct steer s = { &b->wish, b->ctrl, b->queue, b->nqueue };
	struct err e = { "" };

	if (ask(&s, &e))
		log_warn("%s: %s", b->name, e.text);
}

static void bus_set_up(struct bus *b, bool up)
{
	if (b->up == up)
		return;
	b->up = up;
	if (up)
		bus_steer(b, steer_begin);
	b->conf.changed(b->conf.arg, up ? b->queue[0] : NULL, &b->offers);
	log_debug("%s: %s", b->name, up ? "connected" : "disconnected");
}

/* The backend's directory may be another one after a new attach. */
static int bus_find_back(struct bus *b)
{
	char path[sizeof(b->back)], watch[STORE_PATH];
	int rc = bus_read(b, b->front, "backend", path, sizeof(path));

	if (rc < 0)
		return rc;
	if (strcmp(path, b->back) != 0) {
		if (b->back[0] &&
		    bus_path(watch, sizeof(watch), b->back, "state") > 0)
			store_unwatch(b->store, watch, "backend");
		memcpy(b->back, path, sizeof(path));
		bus_path(watch, sizeof(watch), b->back, "state");
		rc = store_watch(b->store, watch, "backend");
		if (rc)
			return rc;
	}
	bus_path(watch, sizeof(watch), b->front, "backend-id");
	return store_read_u32(b->store, watch, VIF_DOMID_MAX, &b->backend);
}

/* One look at both states. Called for every event, so it must be idempotent. */
static void bus_step(struct bus *b)
{
	int own = bus_state(b, b->front), back;

	if (own == -ENOTCONN)
		return;
	if (own == XenbusStateInitialising && b->wrote) {
		/* Attached anew while we still thought of the old one. */
		bus_set_up(b, false);
		bus_release(b);
	}
	if (own == XenbusStateInitialising && bus_find_back(b))
		return;
	back = bus_state(b, b->back);
	if (back == -ENOTCONN)
		return;
	if (b->wrote && own == XenbusStateConnected &&
	    (back == XenbusStateConnected || back == XenbusStateReconfigured)) {
		bus_set_up(b, true);
	} else if (b->wrote &&
		   (own == BUS_GONE || back == BUS_GONE ||
		    back == XenbusStateClosing || back == XenbusStateClosed)) {
		bus_set_up(b, false);
		if (own)
			bus_switch(b, XenbusStateClosed);
		/* The backend may hold ring pages until it is Closed. */
		if (back != XenbusStateClosing)
			bus_release(b);
	} else if (!b->wrote && own == XenbusStateInitialising &&
		   back == XenbusStateInitWait) {
		bus_try_connect(b);
	}
}

static void bus_on_store(void *arg, int fd, uint32_t events)
{
	struct bus *b = arg;
	char path[STORE_PATH], token[16];

	(void)fd;
	(void)events;
	while (store_event(b->store, path, sizeof(path), token,
			   sizeof(token)) == 1)
		;
	bus_step(b);
}

/* --- start and end -------------------------------------------------------- */

static void bus_sleep(void)
{
	struct timespec ts = { .tv_nsec = BUS_POLL_MS * 1000000L };

	nanosleep(&ts, NULL);
}

/* Waits until the backend's state is one of `mask`'s bits; false: too late. */
static bool bus_await(struct bus *b, unsigned mask, unsigned ms)
{
	uint64_t end = clock_ns() + ms * 1000000ull;

	for (;;) {
		int back = bus_state(b, b->back);

		if (back >= 0 && (mask & 1u << back))
			return true;
		if (clock_ns() > end)
			return false;
		bus_sleep();
	}
}

/* As a Linux kernel does after a crash of the one before it. */
static void bus_start_over(struct bus *b)
{
	const unsigned closed = 1u << XenbusStateClosed | 1u << BUS_GONE;
	int own = bus_state(b, b->front), back = bus_state(b, b->back);

	if (own == XenbusStateInitialising || own <= BUS_GONE)
		return;
	if (back == XenbusStateConnected || back == XenbusStateReconfigured) {
		bus_switch(b, XenbusStateClosing);
		bus_await(b, closed | 1u << XenbusStateClosing, BUS_LEAVE_MS);
	}
	if (back != XenbusStateInitWait && back != XenbusStateInitialising) {
		bus_switch(b, XenbusStateClosed);
		bus_await(b, closed, BUS_LEAVE_MS);
	}
	bus_switch(b, XenbusStateInitialising);
}

static int bus_read_card(struct bus *b, struct err *e)
{
	char mac[32], path[STORE_PATH];
	int rc = bus_read(b, b->front, "mac", mac, sizeof(mac));

	if (rc >= 0)
		rc = vif_parse_mac(mac, b->mac);
	if (rc)
		return err_set(e, rc, "%s/mac: no MAC there: %s", b->front,
			       strerror(-rc));
	bus_path(path, sizeof(path), b->front, "mtu");
	if (store_read_u32(b->store, path, FRONT_LEN_MAX, &b->mtu))
		b->mtu = 0;
	return 0;
}

static int bus_find_store(struct bus *b, struct err *e)
{
	char path[STORE_PATH];
	uint64_t end = clock_ns() + b->conf.wait_ms * 1000000ull;
	int rc = str_fmt(path, sizeof(path), "%s/dom/%u/store", b->conf.run,
			 b->conf.domid);

	if (rc < 0)
		return err_set(e, rc, "%s: too long a path", b->conf.run);
	/* The socket appears when the domain is made. */
	while (access(path, F_OK) && clock_ns() < end)
		bus_sleep();
	rc = store_open(&b->store, path, 0);
	if (rc && access(path, R_OK | W_OK) && errno == EACCES)
		return err_set(e, -EACCES,
			       "%s: no permission: who may open it is domain "
			       "%u (run as its owner)",
			       path, b->conf.domid);
	if (rc)
		return err_set(e, rc,
			       "%s: %s: there is no such domain (run netbackd, "
			       "then: vifctl attach %s bridge=..)",
			       path, strerror(-rc), b->name);
	return 0;
}

static int bus_find_vif(struct bus *b, struct err *e)
{
	uint64_t end = clock_ns() + b->conf.wait_ms * 1000000ull;
	int rc;

	while ((rc = bus_find_back(b)) && clock_ns() < end)
		bus_sleep();
	if (rc)
		return err_set(e, rc,
			       "nothing at %s: %s (attach it: vifctl attach %s "
			       "bridge=..)",
			       b->front, strerror(-rc), b->name);
	return bus_read_card(b, e);
}

static int bus_start(struct bus *b, struct err *e)
{
	char path[STORE_PATH];
	int rc;

	rc = bus_find_store(b, e);
	if (!rc)
		rc = bus_find_vif(b, e);
	if (rc)
		return rc;
	bus_start_over(b);
	bus_path(path, sizeof(path), b->front, "state");
	rc = store_watch(b->store, path, "frontend");
	if (!rc)
		rc = loop_add(b->conf.loop, store_fd(b->store), EPOLLIN,
			      bus_on_store, b, &b->store_src);
	if (rc)
		return err_set(e, rc, "%s: cannot watch: %s", path,
			       strerror(-rc));
	bus_step(b);
	return 0;
}

int bus_open(struct bus **out, const struct bus_conf *conf, struct err *e)
{
	struct bus *b = calloc(1, sizeof(*b));
	int rc;

	if (!b)
		return err_set(e, -ENOMEM, "out of memory");
	b->conf = *conf;
	b->link = -1;
	snprintf(b->name, sizeof(b->name), "vif%u.%u", conf->domid,
		 conf->handle);
	snprintf(b->front, sizeof(b->front), "/local/domain/%u/device/vif/%u",
		 conf->domid, conf->handle);
	rc = bus_start(b, e);
	if (rc) {
		err_prefix(e, "%s", b->name);
		b->conf.changed = NULL;
		bus_close(b);
		return rc;
	}
	*out = b;
	return 0;
}

static void bus_leave(struct bus *b)
{
	const unsigned closed = 1u << XenbusStateClosed | 1u << BUS_GONE;

	if (!b->wrote || bus_switch(b, XenbusStateClosing))
		return;
	if (!bus_await(b, closed | 1u << XenbusStateClosing, BUS_LEAVE_MS))
		return;
	if (!bus_switch(b, XenbusStateClosed))
		bus_await(b, closed, BUS_LEAVE_MS);
}

void bus_close(struct bus *b)
{
	if (!b)
		return;
	if (b->up)
		bus_steer(b, steer_end);
	if (b->conf.changed)
		bus_set_up(b, false);
	if (b->store)
		bus_leave(b);
	bus_release(b);
	loop_del(b->conf.loop, b->store_src);
	store_close(b->store);
	free(b);
}

void bus_explain(struct bus *b, struct err *e)
{
	char text[256];
	int back = bus_state(b, b->back);

	if (bus_read(b, b->back, "hotplug-error", text, sizeof(text)) > 0)
		err_set(e, 0, "%s: not connected: hotplug: %s", b->name, text);
	else
		err_set(e, 0,
			"%s: not connected: backend is in state %d, we "
			"are in %d (is netbackd running?)",
			b->name, back, bus_state(b, b->front));
}
