/* SPDX-License-Identifier: GPL-2.0-or-later */
/* counted.h - what guards and rules of files counted, read once for all vifs */
#ifndef NETBACK_CTL_COUNTED_H
#define NETBACK_CTL_COUNTED_H

#include "filter.h"
#include "ruleset.h"

enum { COUNTED_RULES = 65536 /* most that are kept; the rest is left out */ };

struct counted {
	struct filter_counted *guard; /* in the order of the devices' names */
	size_t nguard;
	struct ruleset_count *rule;
	struct ruleset_count **order; /* by device, then as they stand */
	size_t nrule, left;
};

/* Of the vif of one device, or of all (NULL). Who cannot read them: -errno, and
 * there are none. Close in any case.
 */
int counted_read(struct counted *c, const char *dev, struct err *e);
void counted_close(struct counted *c);

/* NULL: no guard. */
const struct filter_counted *counted_guard(const struct counted *c,
					   const char *dev);

/* The rules of one device: how many, from *first on. */
size_t counted_rules(const struct counted *c, const char *dev,
		     struct ruleset_count *const **first);

/* "to_guest", "both", or for what the guest sends the word given: show and the
 * metrics have different ones.
 */
const char *counted_way(const struct ruleset_count *r, const char *from);

#endif
