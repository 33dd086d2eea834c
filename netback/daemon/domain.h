/* SPDX-License-Identifier: GPL-2.0-or-later */
/* domain.h - a guest as a whole: its memory and channels at the worker
 *
 * One for each domain that has a vif, and the one place in the daemon that knows
 * how a worker gets at a guest. For a local guest it passes on what arrives at
 * RUN/dom/N/hv. A guest of Xen says nothing: it is there as long as the store has
 * it, and its memory and channels are reached through descriptors that are opened
 * here for each worker anew (hv_xen.c says why).
 */
#ifndef NETBACK_DAEMON_DOMAIN_H
#define NETBACK_DAEMON_DOMAIN_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/orders.h"
#include "err.h"

struct domain;
struct estate;
struct loop;

struct domain_ops {
	/* It said hello, or offered a channel. */
	void (*here)(void *arg, uint16_t domid);
	/* Gone, or refused by the worker: its vifs are to be disconnected now;
	 * the worker closes the domain after that.
	 */
	void (*gone)(void *arg, uint16_t domid);
	/* Of its worker; NULL between two. */
	struct orders *(*orders)(void *arg, uint16_t domid);
};

/* Where the guests are. */
struct domain_host {
	struct loop *loop;
	const char *run;
	bool xen; /* they are Xen's, else local */
};

int domain_open(struct domain **out, const struct domain_host *h,
		uint16_t domid, const struct domain_ops *ops, void *arg,
		struct err *e);

/* Keeps what the guest gives there; takes up what an earlier netbackd has kept.
 * domain_resume then says it.
 */
void domain_keep(struct domain *d, struct estate *t);
/* Whether a worker can be told of it now; where we wait for it if not. */
bool domain_here(const struct domain *d);
const char *domain_door(const struct domain *d);
/* Whether the worker has this channel, to bind it once. A local guest must have
 * given it; one of Xen's is given to the worker now.
 */
bool domain_port_ready(struct domain *d, uint32_t port);
struct orders *domain_orders(const struct domain *d);
void domain_resume(struct domain *d); /* tells a new worker everything */
void domain_answer(struct domain *d, const struct worker_msg *m,
		   enum worker_type order);
void domain_close(struct domain *d); /* NULL is fine */

#endif
