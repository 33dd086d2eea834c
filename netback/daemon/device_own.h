/* SPDX-License-Identifier: GPL-2.0-or-later */
/* device_own.h - a device's inside, for the files device*.c alone
 *
 *   device.c	     its life: looks, decides, does the acts of a list
 *   device_store.c  what is read from and written to its directories
 *   device_host.c   its tap, record and survival memory
 *   device_order.c  what a worker is told of it, and answers
 */
#ifndef NETBACK_DAEMON_DEVICE_OWN_H
#define NETBACK_DAEMON_DEVICE_OWN_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/direct.h"
#include "base/log.h"
#include "base/rate.h"
#include "daemon/ahead.h"
#include "daemon/announce.h"
#include "daemon/device.h"
#include "daemon/keep.h"
#include "daemon/keys.h"
#include "err.h"

enum {
	DEVICE_RETRY_MS = 1000,	     /* between two failed connects */
	DEVICE_RETRY_MAX_MS = 64000, /* when workers died of it */
	DEVICE_LEAVE_MS =
		2000, /* for a frontend that was asked for something */
};

enum { DEVICE_RATE = 64 }; /* bytes of the key rate */

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
	struct ahead *ahead; /* NULL: everything is asked */
	unsigned own, front_seen;
	bool wish_wrote;
	bool opened, watched, front_wrote, front_known, online, late;
	bool hotplugged, hotplug_bad, waits_hv;
	const uint8_t *act; /* what is to be done, LIFE_END at the end */
	/* the worker's side */
	enum device_link link;
	bool told, unmap, fresh_file;
	bool run_late; /* a RUN is on its way to rings that are not there yet */
	struct keys keys;
	struct keep_record record;
	char rate_text[DEVICE_RATE]; /* as the store has it */
	uint32_t rate_bytes, rate_usecs;
	struct direct direct;
	bool direct_bad; /* the store has other words there */
	/* the host's side */
	int tap, keep_fd;
	uint32_t mtu;
	bool carrier, stalled;
	uint64_t carrier_ns;	  /* it began to run, or stalled changed */
	struct announce announce; /* while it has just come */
	uint64_t failed_ns;
	uint32_t retry_ms;
	struct rate rate;
	struct loop_timer *timer;
	struct log_limit limit;
};

/* --- device.c ---------------------------------------------------------------- */

bool device_may_log(struct device *d);

/* `late` is set, and the device looked at again, in so long. */
void device_timer(struct device *d, uint32_t ms);

/* Says why, once, in the log and in the store; then acts. */
void device_fail(struct device *d, const char *why, const uint8_t *act);
/* The list that ends what its own state says has begun. */
const uint8_t *device_end_of(const struct device *d);

/* --- device_store.c ---------------------------------------------------------- */

/* Where its directories are, from domid and handle. */
void device_paths(struct device *d);

/* One key of d->back or d->front, as store_read. */
int device_read(struct device *d, const char *dir, const char *key, char *buf,
		size_t size);

/* In its backend directory; value NULL removes. -ENOENT when the device is not
 * there any more.
 */
int device_write(struct device *d, const char *key, const char *value);
int device_write_state(struct device *d, unsigned state);
int device_offer(struct device *d); /* every key that a frontend looks for */

int device_check_front(struct device *d, struct err *e);
unsigned device_read_state(struct device *d, const char *dir, int *rc);
bool device_read_online(struct device *d);
bool device_hotplugged(struct device *d);
/* True when the key rate is another than before. */
bool device_read_rate(struct device *d);
bool device_read_direct(struct device *d); /* the same for the key direct */
/* The frontend's keys into d->keys. */
int device_keys(struct device *d, struct err *e);
/* What may change while frames move: told to the worker. headroom false: that
 * stays until the frontend reconfigures.
 */
void device_wish(struct device *d, bool headroom);

/* --- device_host.c ----------------------------------------------------------- */

/* Tap, record and survival memory, made where they are missing. */
int device_host_side(struct device *d, struct err *e);
/* Before a connect: the tap as these keys want it; a new epoch if it is one. */
int device_prepare(struct device *d, struct err *e);
void device_carrier(struct device *d, bool on);
/* All of it goes; true when there was something. */
bool device_host_gone(struct device *d);

/* --- device_order.c ---------------------------------------------------------- */

void device_order_plain(struct device *d, enum worker_type type);
void device_order_vif(struct device *d);
void device_order_rate(struct device *d);
void device_order_direct(struct device *d);
void device_order_wish(struct device *d); /* keys.wish, while connected */

/* 0 when a worker has its rings; -EINPROGRESS; -errno, said. */
int device_connect(struct device *d);
/* 0 when no worker holds anything of the guest; -EINPROGRESS. */
int device_disconnect(struct device *d);

#endif
