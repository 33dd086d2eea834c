/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cut.h - flows that may not go on */
#ifndef NETBACK_FILTER_CUT_H
#define NETBACK_FILTER_CUT_H

#include "vif.h"

/* An entry of conntrack: its tuples, of who began it and of the answer; addresses
 * in network order, NULL = none.
 */
struct cut_flow {
	uint8_t family; /* AF_INET or AF_INET6 */
	const void *src[2], *dst[2];
};

/* Ends each flow that `ends` says yes to. How many, or -errno; a kernel without
 * conntrack has none to end.
 */
typedef bool cut_fn(const void *arg, const struct cut_flow *f);
int cut_if(cut_fn *ends, const void *arg);

/* .. those with one of the n addresses at either end's own side (who began it, or
 * who answers).
 */
int cut_flows(const struct vif_addr *v, unsigned n);

#endif
