/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flows.h - connections that a change of rules forbids
 *
 * A rule that accepts what is established lets a connection go on that new rules
 * would not let begin. So, around a change: flows_before, the change, flows_after.
 * Each connection of a vif's that conntrack knows is judged as its first packet would
 * be, by the rules in force (explain.h), before and after. One that would certainly be
 * dropped after it, and was not certain to be before, is ended; no other is.
 */
#ifndef NETBACK_FLOWS_H
#define NETBACK_FLOWS_H

#include <stddef.h>

#include "err.h"
#include "explain.h"
#include "vif.h"

/* Where an address is, or what is beyond the host. */
struct flow_place {
	char dev[IFNAMSIZ], bridge[IFNAMSIZ]; /* "" = no port of one */
	uint8_t own[6];			      /* the bridge's MAC, or dev's */
	bool bridge_routes[2]; /* the host routes for it: IPv4, IPv6 */
	bool vif;	       /* else whatever is no vif's is there */
	uint8_t mac[6];	       /* vif: the guest's .. */
	struct vif_addr addr;  /* .. and one of its addresses, or prefixes */
};

struct flows_said {
	unsigned cut;	  /* were ended */
	unsigned unknown; /* left, since it cannot be known */
};

/* more: explain_legacy, or NULL: tables of iptables' legacy variant are not asked.
 * v must live as long as out does. -errno with a sentence.
 */
struct flows;
int flows_before(struct flows **out, const struct flow_place *v, size_t n,
		 explain_more_fn *more, struct err *e);
int flows_after(struct flows *s, struct flows_said *said, struct err *e);
void flows_close(struct flows *s); /* NULL is fine */

/* Does conntrack know any connection? */
bool flows_any(void);

#endif
