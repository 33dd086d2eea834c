/* SPDX-License-Identifier: GPL-2.0-or-later */
/* takeover.h - a new netbackd takes the place of one that runs
 *
 *   the new one			the one that runs
 *     {"cmd":"take-log"} + socket   ->
 *				     <-  what its messages go to
 *     locks opened, nursery and
 *     workers ready
 *     vifs watched and read ahead
 *     (sup_over.c)
 *     {"cmd":"take-over"} + socket  ->
 *				     <-  its descriptors, by name (estate.h)
 *     waits for both locks		 ends; its workers end with it
 *     hears what changed, serves
 *
 * Guests stand still from its end to the adoption, not while we start.
 */
#ifndef NETBACK_DAEMON_TAKEOVER_H
#define NETBACK_DAEMON_TAKEOVER_H

#include "err.h"

struct estate;

/* From here on messages go where those of the one that runs go: before there is
 * a nursery, which inherits that.
 */
int takeover_log(struct estate *t, const char *run, struct err *e);

/* Asks who serves `run`; 0 when we have what it had, and it ends. */
int takeover_ask(struct estate *t, const char *run, struct err *e);

/* The other side: sends that, or everything, over sock. */
int takeover_give_log(int sock);
int takeover_give(struct estate *t, int sock);

#endif
