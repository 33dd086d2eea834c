/* SPDX-License-Identifier: GPL-2.0-or-later */
/* grave.h - close what a stranger gave us, where waiting harms nobody
 *
 * close() of a stranger's descriptor can take an hour: the last reference of a
 * TCP socket with SO_LINGER, a file of a FUSE server. So can close() of the
 * stranger's own connection with such descriptors still unread in it. A thread
 * of the grave's own does it. One grave for each stranger; whoever feeds it
 * takes nothing more from that stranger while it is busy, so that there is one
 * thread and a bounded number of descriptors for each.
 */
#ifndef NETBACK_BASE_GRAVE_H
#define NETBACK_BASE_GRAVE_H

#include <stdbool.h>

struct grave;

int grave_open(struct grave **out); /* 0 or -ENOMEM */

/* Takes fd over; a negative one is fine. */
void grave_put(struct grave *g, int fd);

/* True while something put into it is not closed yet. */
bool grave_busy(struct grave *g);

/* What it holds is still closed, by its thread. NULL is fine. */
void grave_close(struct grave *g);

#endif
