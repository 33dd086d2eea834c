/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guestconn.h - RUN/dom/N/hv: a local guest hands over memory and doorbells
 *
 * The server side of hv_wire.h for one domain. At most one connection at a time,
 * whose descriptors are kept here, so that the next worker can have them. Wrong
 * messages are answered with a sentence and end the connection.
 */
#ifndef NETBACK_DAEMON_GUESTCONN_H
#define NETBACK_DAEMON_GUESTCONN_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "hv.h"

struct estate;
struct guestconn;
struct loop;

struct guestconn_port {
	uint32_t port;
	int fd[2]; /* from the guest, to the guest */
};

struct guestconn_ops {
	void (*hello)(void *arg, const struct hv_local *dom, int memfd);
	void (*port)(void *arg, const struct guestconn_port *p);
	/* It is gone, and so are its descriptors. */
	void (*gone)(void *arg);
};

/* Listens; makes RUN/dom/N when it is missing. */
int guestconn_open(struct guestconn **out, struct loop *l, const char *run,
		   uint16_t domid, const struct guestconn_ops *ops, void *arg,
		   struct err *e);

/* Keeps the connection and what came with it there, for the next instance; and
 * takes up what an earlier one has kept: guestconn_memory tells.
 */
void guestconn_keep(struct guestconn *g, struct estate *t);

/* Takes no new connection while paused: the last one is still being undone. */
void guestconn_pause(struct guestconn *g, bool paused);

/* What the guest has given: memory (NULL before its HELLO) and channels. */
const struct hv_local *guestconn_memory(const struct guestconn *g, int *memfd);
const struct guestconn_port *guestconn_ports(const struct guestconn *g,
					     unsigned *n);

/* Ends the present connection, if any, as if the guest had; calls gone. */
void guestconn_drop(struct guestconn *g);

/* Removes the socket and, when empty, its directory; calls nothing. NULL is
 * fine.
 */
void guestconn_close(struct guestconn *g);

#endif
