/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bus_keys.h - what a frontend writes into its directory before it connects */
#ifndef NETBACK_FRONT_BUS_KEYS_H
#define NETBACK_FRONT_BUS_KEYS_H

#include <stdbool.h>

#include "front/front.h"
#include "front/steer.h"

struct store;

struct bus_keys {
	struct store *store;
	const char *dir; /* the frontend's directory */
	struct front_queue *const *queue;
	unsigned nqueue;
	bool multi; /* the backend has heard of several queues */
	const struct front_features *features;
	const struct steer_wish *wish;
	const struct front_ctrl *ctrl; /* or NULL */
};

/* All of it, within the caller's transaction; what an earlier guest left there
 * goes. 0 or -errno.
 */
int bus_keys_write(const struct bus_keys *k);

#endif
