/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keys.h - what a frontend wrote before it said "connected", validated
 *
 * One queue: its keys stand in the directory itself. More: in queue-0/ and so on,
 * all of them, and none in the directory.
 *
 * Everything in its directory is the guest's text and may change at any time: it
 * is read once per connect into this value and never again.
 */
#ifndef NETBACK_DAEMON_KEYS_H
#define NETBACK_DAEMON_KEYS_H

#include <stddef.h>

#include "err.h"
#include "ring.h"

enum { KEYS_QUEUES = 64 }; /* what we offer as multi-queue-max-queues */

struct keys {
	struct ring_features features;
	struct ring_wish wish;
	bool has_ctrl; /* a control ring: */
	uint32_t ctrl_ref, ctrl_port;
	unsigned nqueue;
	struct ring_names queue[KEYS_QUEUES];
};

/* Reads one key: its length, NUL-terminated in buf, or -errno as store_read. */
typedef int keys_get_fn(void *arg, const char *key, char *buf, size_t size);

/* 0; -EINVAL with a sentence that names the key; or what get returned when it is
 * neither a value nor -ENOENT.
 */
int keys_read(struct keys *out, keys_get_fn *get, void *arg, struct err *e);

/* What may change while frames move, alone: xdp-headroom and
 * request-multicast-control.
 */
int keys_wish(struct ring_wish *out, keys_get_fn *get, void *arg,
	      struct err *e);

#endif
