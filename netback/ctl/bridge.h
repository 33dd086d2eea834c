/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bridge.h - closed bridges, as verb_bridge.c recorded them */
#ifndef NETBACK_CTL_BRIDGE_H
#define NETBACK_CTL_BRIDGE_H

#include "ctl/ctl.h"

/* Makes the kernel's table as the records say, or takes it away. -EBUSY: somebody is
 * at a vif, what is its own may not be in it.
 */
int bridge_restore(struct ctl *c, struct err *e);

#endif
