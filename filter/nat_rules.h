/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nat_rules.h - what stands in mode nat's table; nat.c puts it there */
#ifndef NETBACK_FILTER_NAT_RULES_H
#define NETBACK_FILTER_NAT_RULES_H

#include "code.h"

enum {
	NAT_FORWARD,
	NAT_INPUT,
	NAT_PREROUTING,
	NAT_OUTPUT,
	NAT_POSTROUTING,
	NAT_CHAINS,
};

struct nat_chain {
	const char *name, *type;
	uint32_t hook;
	int32_t prio;
};

extern const char nat_table[];
extern const char nat_same[];	     /* the set of pairs of bridges */
extern const char *const nat_maps[]; /* of forwards, IPv4 and IPv6 */
extern const struct nat_chain nat_chains[NAT_CHAINS];

/* The i-th rule's chain, or -1 past the last. */
int nat_rules_chain(unsigned i);
/* As the kernel takes it; the caller closes it. -ENOMEM. */
int nat_rules_code(struct code *c, unsigned i);

#endif
