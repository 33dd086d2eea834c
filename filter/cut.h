/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cut.h - flows of addresses that a guest may no longer use */
#ifndef NETBACK_FILTER_CUT_H
#define NETBACK_FILTER_CUT_H

#include "vif.h"

/* Ends what conntrack knows of connections with one of the n addresses at either
 * end's own side (who began it, or who answers). How many, or -errno; a kernel
 * without conntrack has none to end.
 */
int cut_flows(const struct vif_addr *v, unsigned n);

#endif
