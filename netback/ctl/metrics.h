/* SPDX-License-Identifier: GPL-2.0-or-later */
/* metrics.h - counters in Prometheus' text format */
#ifndef NETBACK_CTL_METRICS_H
#define NETBACK_CTL_METRICS_H

#include <jansson.h>
#include <stdio.h>

#include "ctl/counted.h"

/* show: netbackd's answer to "show"; stats: to "stats"; NULL when it is away.
 * Every family once, with its HELP and TYPE, then a line for each vif, or for
 * each of a vif's reasons or rules. Pure but for out.
 */
void metrics_print(FILE *out, const json_t *show, const json_t *stats,
		   const struct counted *c);

#endif
