/* SPDX-License-Identifier: GPL-2.0-or-later */
/* stats.h - a vif's counters as people and programs see them
 *
 *   "to_host":  {"in":..,"out":..,"drops":..,"queued":..}	the guest sends
 *   "to_guest": {"in":..,"out":..,"drops":..,"queued":..}	it receives
 *   "counters": {..}	each by its name, every reason of a drop among them
 *   "queues":   [{"tx_frames":..,"rx_frames":.., ..}, ..]	while connected, since then
 *
 * In every answer in = out + drops + queued, in both directions: the numbers are
 * those after a whole turn of the worker, also when it was killed in one.
 */
#ifndef NETBACK_DAEMON_STATS_H
#define NETBACK_DAEMON_STATS_H

#include <jansson.h>

struct worker_msg;

/* m: an answer to WORKER_STATS. */
void stats_show(json_t *o, const struct worker_msg *m);

/* Adds where its rings stand, to netbackd's record of a vif. */
void stats_ring(json_t *o, const struct worker_msg *m);

#endif
