/* SPDX-License-Identifier: GPL-2.0-or-later */
/* closed.h - a guarded device is a known port of closed bridges */
#ifndef NETBACK_FILTER_CLOSED_H
#define NETBACK_FILTER_CLOSED_H

#include <stdbool.h>

#include "err.h"

#define CLOSED_TABLE "netback-closed"

/* Tells the table, where there is one: after the guard stands, before it goes. So
 * whoever makes the table meanwhile sees the guard, or we see the table.
 */
int closed_know(const char *dev, bool on, struct err *e);

/* 1: known, or no bridge is closed; 0: shut out; -errno. */
int closed_knows(const char *dev, struct err *e);

#endif
