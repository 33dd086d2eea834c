/* SPDX-License-Identifier: GPL-2.0-or-later */
/* net.h - networks of guests: what is on record of them, who is in them
 *
 *   RUN/net/NAME/words         as vifctl network add was told, subnets chosen
 *   RUN/net/NAME/hosts/vifN.M  a guest's addresses, as dnsmasq reads them
 *   RUN/net/NAME/dnsmasq.conf, pid, leases
 *
 * All of it has the lifetime of the network's bridge; but of a network that has a
 * file in /etc/netback/networks.d words, hosts and leases are kept in
 * STATE/net/NAME (/var/lib/netback, or NETBACK_STATE), and links to the latter
 * stand in the run directory. A network's lock is held while any of it changes.
 */
#ifndef NETBACK_CTL_NET_H
#define NETBACK_CTL_NET_H

#include <stdio.h>

#include "ctl/ctl.h"
#include "network.h"

enum { NET_PATH = 160 };

/* RUN/net/NAME/FILE; file "" = the directory. -ENAMETOOLONG. */
int net_path(const struct ctl *c, const char *name, const char *file,
	     char path[NET_PATH]);

/* The lock's fd, or -errno with a sentence. Makes the run directory. */
int net_lock(struct ctl *c, const char *name, struct err *e);
void net_unlock(const struct ctl *c, const char *name, int lock);

/* -ENOENT with a sentence: there is none of that name. */
int net_load(const struct ctl *c, const char *name, struct network *n,
	     struct err *e);
/* Makes it one that comes back when the host does, before net_save. */
int net_keep(struct ctl *c, const char *name, struct err *e);
/* What was kept of it: -ENOENT if nothing was. */
int net_load_kept(const struct ctl *c, const char *name, struct network *n);
/* Makes the directories, too. */
int net_save(const struct ctl *c, const struct network *n, struct err *e);
/* all: what is kept for the host's next start, too. */
int net_forget(const struct ctl *c, const struct network *n, bool all,
	       struct err *e);

/* A network as those words have it, made, changed or left as it is, one that comes
 * back with the host: 1 something changed, 0, or -errno (verb_network.c).
 */
int net_apply(struct ctl *c, const char *name, int argc, char **argv,
	      struct err *e);
/* All of it again: what holds already is left alone (verb_network.c). The network's
 * lock is held.
 */
int net_up(struct ctl *c, const struct network *n, struct err *e);
/* Those of each DIR/NAME.network, a record for each; NULL: networks.d, if it is
 * there (verb_apply.c).
 */
int apply_networks(struct ctl *c, const char *dir, struct err *e);

/* Calls fn for each name until it returns non-zero; returns that, or 0. */
typedef int net_fn(void *arg, const char *name);
int net_each(const struct ctl *c, net_fn *fn, void *arg);

/* Says so on stderr where the host's firewall drops what its guests ask of it. */
void net_warn(const struct ctl *c, const char *name);

/* Gives v its addresses in its network (v->network): those it asks for, or the
 * ones that its MAC had before, or free ones; a lease of them; and sees that
 * dnsmasq runs. *was: it was in it before. -EADDRINUSE: another has the address.
 */
int net_join(struct ctl *c, struct vif *v, bool *was, struct err *e);

/* Is it as it was made: bridge, rules, dnsmasq? 0, or 1 with a line on out for each
 * difference, -errno (net_check.c).
 */
int net_check(struct ctl *c, const char *name, FILE *out, struct err *e);
/* .. and if not, makes it so: the lines of before, and of those the ones that are left,
 * then 1, and e says why they are.
 */
int net_mend(struct ctl *c, const char *name, FILE *before, FILE *after,
	     struct err *e);
/* The table of mode nat is back: ends the flows of networks and of vifs that began
 * without it (filter_nat_cut). 0, or -errno with a sentence.
 */
int net_cut(struct ctl *c, struct err *e);
/* A vif's lease in its network, if it has one. */
int net_check_vif(struct ctl *c, const struct vif *v, FILE *out);
int net_mend_vif(struct ctl *c, const struct vif *v, struct err *e);

/* Takes a vif out of whichever network it is in. */
void net_leave(const struct ctl *c, uint16_t domid, uint16_t handle);

bool net_exists(const struct ctl *c, const char *name);

/* --- dnsmasq (dns.c) --- */

/* -ENOENT with a sentence: it is not installed. */
int dns_there(struct err *e);
/* Its pid when it runs for that network, else 0. */
int dns_pid(const struct ctl *c, const char *name);
/* Writes its configuration and starts it, unless it runs. */
int dns_start(const struct ctl *c, const struct network *n, struct err *e);
void dns_reload(const struct ctl *c, const char *name);
int dns_stop(const struct ctl *c, const char *name, struct err *e);

#endif
