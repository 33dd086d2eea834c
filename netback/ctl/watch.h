/* SPDX-License-Identifier: GPL-2.0-or-later */
/* watch.h - what of `vifctl watch` stands in files of its own */
#ifndef NETBACK_CTL_WATCH_H
#define NETBACK_CTL_WATCH_H

#include "ctl/ctl.h"

/* xl devd's job for vifs, until a signal: see watch_hotplug.c. */
int watch_hotplug(struct ctl *c, struct err *e);

#endif
