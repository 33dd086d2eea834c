/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bridge.h - closed bridges, as verb_bridge.c recorded them */
#ifndef NETBACK_CTL_BRIDGE_H
#define NETBACK_CTL_BRIDGE_H

#include "ctl/ctl.h"

/* Makes the kernel's table as the records say, or takes it away. */
int bridge_restore(const struct ctl *c, struct err *e);

#endif
