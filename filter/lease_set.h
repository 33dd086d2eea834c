/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lease_set.h - the sets of a guard in which leases stand (see lease.c) */
#ifndef NETBACK_FILTER_LEASE_SET_H
#define NETBACK_FILTER_LEASE_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "guard.h"

struct lease {
	unsigned index; /* of the device: a number that is not used again */
	int family;
	uint8_t addr[16];
	uint64_t until; /* clock_ns; UINT64_MAX = without end */
};

/* What stands in the set of a family; of IPv6 without what is given. */
struct lease_seen {
	int family;
	unsigned n;
	uint8_t addr[GUARD_SET][16];
	uint64_t left[GUARD_SET]; /* ms, 0 = without end */
};

uint32_t lease_len(int family); /* bytes of an address */

/* Of l's device and family; none where there is no such device or table.
 * -errno: it cannot be told.
 */
int lease_look(const struct lease *l, struct lease_seen *s);
bool lease_is_in(const struct lease_seen *s, const struct lease *l);

/* This address for ms; 0: not this one, of IPv4 none. Flows of what the guest no
 * longer is are cut. *was: what stood there before. -ENODEV: no such device.
 */
int lease_change(const struct lease *l, uint64_t ms, struct lease_seen *was);
void lease_cut(const struct lease *l);

#endif
