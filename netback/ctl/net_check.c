// SPDX-License-Identifier: GPL-2.0-or-later
/* net_check.c - is a network as it was made, and a vif in it? */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "ctl/net.h"
#include "ctl/nodes.h"
#include "filter.h"
#include "mode.h"

static int net_looks(struct ctl *c, const struct network *n, FILE *out,
		     struct err *e)
{
	int rc = mode_network_check(n, out, e), filter;

	if (rc < 0)
		return rc;
	filter = filter_network_check(n, out, e);
	if (filter < 0)
		return filter;
	if (!n->no_dhcp && !dns_pid(c, n->name)) {
		fprintf(out, "network %s: dnsmasq does not run\n", n->name);
		rc = 1;
	}
	return rc | filter;
}

int net_check(struct ctl *c, const char *name, FILE *out, struct err *e)
{
	struct network n;
	int rc = net_load(c, name, &n, e);

	return rc ? rc : net_looks(c, &n, out, e);
}

int net_mend(struct ctl *c, const char *name, FILE *before, FILE *after,
	     struct err *e)
{
	struct network n;
	struct err why = { "" };
	int rc, lock = net_lock(c, name, e);

	if (lock < 0)
		return lock;
	rc = net_load(c, name, &n, e);
	if (!rc)
		rc = net_looks(c, &n, before, e);
	if (rc == 1) {
		rc = filter_nat_mend(&why);
		if (!rc)
			net_up(c, &n, &why);
		rc = net_looks(c, &n, after, e);
		if (rc == 1)
			*e = why;
	}
	net_unlock(c, name, lock);
	return rc;
}

static bool net_has_lease(const struct ctl *c, const struct vif *v)
{
	char path[NET_PATH], file[32];

	snprintf(file, sizeof(file), "hosts/vif%u.%u", v->domid, v->handle);
	return !net_path(c, v->network, file, path) && !access(path, F_OK);
}

int net_check_vif(struct ctl *c, const struct vif *v, FILE *out)
{
	if (!v->network[0] || net_has_lease(c, v))
		return 0;
	fprintf(out, "vif%u.%u: network %s has no lease for it\n", v->domid,
		v->handle, v->network);
	return 1;
}

int net_mend_vif(struct ctl *c, const struct vif *v, struct err *e)
{
	struct vif own = *v;
	bool was;

	return !v->network[0] || net_has_lease(c, v)
		       ? 0
		       : net_join(c, &own, &was, e);
}

/* --- flows that began without the table -----------------------------------------*/

struct net_insides {
	struct ctl *c;
	struct filter_inside *v;
	unsigned n, sets;
};

/* In a network's subnet, or (set 0) an address of a vif that has none. */
static int net_inside(struct net_insides *l, const struct vif_addr *a,
		      unsigned set)
{
	struct filter_inside *v = reallocarray(l->v, l->n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	l->v = v;
	v[l->n] = (struct filter_inside){ .addr = *a, .set = set, .in = set };
	if (!set && !vif_addr_is_net(a))
		v[l->n].addr.len = a->family == AF_INET ? 32 : 128;
	l->n++;
	return 0;
}

static int net_inside_network(void *arg, const char *name)
{
	struct net_insides *l = arg;
	struct network n;
	unsigned k;
	int rc = 0;

	if (net_load(l->c, name, &n, NULL) || n.kind != NETWORK_NAT)
		return 0;
	l->sets++;
	for (k = 0; !rc && k < 2; k++)
		if (n.addr[k].family)
			rc = net_inside(l, &n.addr[k], l->sets);
	return rc;
}

static int net_inside_vif(void *arg, uint16_t domid, uint16_t handle)
{
	struct net_insides *l = arg;
	struct nodes n;
	unsigned i;
	int rc = 0;

	if (nodes_read(l->c->store, domid, handle, &n, NULL) || !n.back ||
	    nodes_whole(&n, NULL) || n.vif.mode != VIF_NAT || n.vif.network[0])
		return 0;
	for (i = 0; !rc && i < n.vif.naddr; i++)
		rc = net_inside(l, &n.vif.addr[i], 0);
	return rc;
}

int net_cut(struct ctl *c, struct err *e)
{
	struct net_insides l = { .c = c };
	int rc = net_each(c, net_inside_network, &l);

	if (!rc)
		rc = nodes_each(c->store, net_inside_vif, &l, NULL);
	if (!rc)
		rc = filter_nat_cut(l.v, l.n);
	free(l.v);
	return rc < 0 ? err_set(e, rc,
				"connections that began without the table of "
				"mode nat go on untranslated: %s",
				strerror(-rc))
		      : 0;
}
