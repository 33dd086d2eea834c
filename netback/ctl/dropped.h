/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dropped.h - a packet that the kernel dropped: what it is, whose, by which rule */
#ifndef NETBACK_CTL_DROPPED_H
#define NETBACK_CTL_DROPPED_H

#include <net/if.h>

#include "ctl/ctl.h"
#include "drops.h"
#include "explain.h"

enum { DROPPED_WORDS = 160, DROPPED_BY = 512 };

/* Pure. In a line, as vifctl explain reads it where there are words for it. */
void dropped_words(const uint8_t *frame, size_t size, char buf[DROPPED_WORDS]);

/* The vifs of this host, looked for again when a second has passed, or more where
 * that takes long.
 */
struct dropped_vif {
	char name[IFNAMSIZ], dev[IFNAMSIZ], bridge[IFNAMSIZ];
	bool has_mac;
	uint8_t mac[6];
	unsigned index, bridge_index;
};
struct dropped_vifs {
	struct ctl *c;
	const char *only; /* this vif or device alone, NULL: all */
	struct dropped_vif *v;
	size_t n;
	uint64_t rest; /* not looked for again before */
};
int dropped_vifs(struct dropped_vifs *t, struct err *e);

/* Pure. Whose it is, by the device it came in by, else by its MACs; NULL: no
 * vif's. from_guest: the vif's guest sent it, else it was for that one.
 */
const struct dropped_vif *dropped_whose(const struct dropped_vifs *t,
					const struct drop *d, bool *from_guest);

/* Which rule, as vifctl explain finds it now; "" when it finds none, or for reasons
 * of the kernel's that are no rule's, or when it was asked too much: it takes a
 * fifth of a CPU at most.
 */
struct dropped_why {
	uint64_t rest; /* not before */
	uint64_t at;   /* of the last */
	bool last;     /* which of x that was */
	struct explain x[2];
	char by[DROPPED_BY];
};
const char *dropped_by(struct dropped_why *w, const struct dropped_vifs *t,
		       const struct dropped_vif *v, const struct drop *d,
		       bool from_guest);

#endif
