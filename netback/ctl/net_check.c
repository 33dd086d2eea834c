// SPDX-License-Identifier: GPL-2.0-or-later
/* net_check.c - is a network as it was made, and a vif in it? */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "ctl/net.h"
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
