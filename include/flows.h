/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flows.h - connections that a change of rules forbids
 *
 * A rule that accepts what is established lets a connection go on that new rules
 * would not let begin. So, around a change: flows_before, the change, flows_after.
 * What changed is known from the rules that came and went. Each connection that one of
 * these may be about is judged as its first packet would be, by the rules in force
 * after it (explain.h). One of a vif's that would certainly be dropped, on a way on which
 * such a rule takes it, is ended; no other is. Without such a rule, or a connection,
 * nothing is read.
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
	uint16_t zone;	       /* that the bridge's connections may be in */
	bool bridge_routes[2]; /* the host routes for it: IPv4, IPv6 */
	bool vif;	       /* else whatever is no vif's is there */
	uint8_t mac[6];	       /* vif: the guest's .. */
	struct vif_addr addr;  /* .. and one of its addresses, or prefixes */
};

struct flows_said {
	unsigned cut;	  /* were ended */
	unsigned unknown; /* left, since it cannot be known */
};

/* All places, once there is a connection to judge: they must live as long as out
 * does. -errno.
 */
typedef int flow_places_fn(void *arg, const struct flow_place **v, size_t *n);

/* more: explain_legacy, or NULL: tables of iptables' legacy variant are not asked.
 * -errno with a sentence.
 */
struct flows;
int flows_before(struct flows **out, flow_places_fn *places, void *arg,
		 explain_more_fn *more, struct err *e);
int flows_after(struct flows *s, struct flows_said *said, struct err *e);
void flows_close(struct flows *s); /* NULL is fine */

/* Does conntrack know any connection? */
bool flows_any(void);

#endif
