/* SPDX-License-Identifier: GPL-2.0-or-later */
/* filter.h - intent in, kernel rules out
 *
 * The guard of a vif is one netdev-family table of its own, named
 * netback-DEV, with an ingress chain on the device: constant-time by
 * construction, no cost to other guests, removed by its name. Our rules only
 * drop or return; they never accept.
 */
#ifndef NETBACK_FILTER_H
#define NETBACK_FILTER_H

#include <stdbool.h>
#include <stdio.h>

#include "err.h"
#include "policy.h"

enum { FILTER_TEXT = 16384 };

/* Pure: the rules in nft's own syntax, as `nft list table` would accept them.
 * What plan, --dry-run and golden files show. Returns bytes, or -ENOSPC.
 */
int filter_print(const struct policy *p, char *buf, size_t size);

/* Puts the table in place in one netlink batch, replacing what stood under the
 * name; the device must exist. -errno with a sentence that names the missing
 * kernel piece where that is the reason.
 */
int filter_apply(const struct policy *p, struct err *e);

/* Removes the table of a device, present or not. */
int filter_remove(const char *dev, struct err *e);

/* 0 the table is there as filter_apply would write it, 1 it differs or is
 * missing (one line on out), -errno.
 */
int filter_check(const struct policy *p, FILE *out, struct err *e);

#endif
