/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics.h - netbackd's counters in Prometheus' text format */
#ifndef NETBACK_CTL_METRICS_H
#define NETBACK_CTL_METRICS_H

#include <jansson.h>
#include <stdio.h>

/* show: netbackd's answer to "show"; stats: to "stats". Every family once, with
 * its HELP and TYPE, then a line for each vif. Pure but for out.
 */
void metrics_print(FILE *out, const json_t *show, const json_t *stats);

#endif
