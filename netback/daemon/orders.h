/* SPDX-License-Identifier: GPL-2.0-or-later */
/* orders.h - the supervisor's end of one worker's socket
 *
 * Orders go out in order and never wait: what the socket cannot take is queued
 * with dups of its descriptors. Answers come back in the same order; each is
 * checked against the order it must belong to, because the worker touches hostile
 * memory. Anything else is the end of that worker: `lost`.
 */
#ifndef NETBACK_DAEMON_ORDERS_H
#define NETBACK_DAEMON_ORDERS_H

#include <stdint.h>

#include "daemon/worker.h"

struct loop;
struct orders;

struct orders_ops {
	/* The answer to an order; answer->text is NUL-terminated. */
	void (*answer)(void *arg, const struct worker_msg *answer,
		       enum worker_type order); /* Unasked: FATAL or STALL. */
	void (*fatal)(void *arg, const struct worker_msg *m);
	/* Once. The callee closes the orders. why is a static string. */
	void (*lost)(void *arg, const char *why);
};

/* Takes over sock. */
int orders_open(struct orders **out, struct loop *l, int sock,
		const struct orders_ops *ops, void *arg);

/* Sends *m (seq is filled in) with fds, which stay the caller's. */
int orders_send(struct orders *o, struct worker_msg *m, const int *fd,
		unsigned nfd);

unsigned orders_pending(const struct orders *o); /* not answered yet */

/* The vif named by the oldest unanswered CONNECT: 1, or 0 when there is none. */
int orders_blame(const struct orders *o, uint16_t *domid, uint16_t *handle);

/* Takes what a dead worker had answered before it died. */
void orders_drain(struct orders *o);

void orders_close(struct orders *o); /* NULL is fine */

#endif
