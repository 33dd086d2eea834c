/* SPDX-License-Identifier: GPL-2.0-or-later */
/* physdev.h - a rule as the kernel's instructions; pure */
#ifndef NETBACK_FILTER_PHYSDEV_H
#define NETBACK_FILTER_PHYSDEV_H

#include "code.h"
#include "err.h"
#include "rules.h"

/* Why a physdev match can never match in its chain; 0 when it can. */
int physdev_check(const struct rule *r, struct err *e);

/* Is the target a chain of the administrator's? */
bool physdev_jumps(const struct rule *r);

/* The whole rule, as iptables-nft 1.8 writes it. c is opened here. */
int physdev_code(const struct rule *r, struct code *c);

#endif
