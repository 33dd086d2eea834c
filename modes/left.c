// SPDX-License-Identifier: GPL-2.0-or-later
/* left.c - what attach may have left behind, and nobody holds any more */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

struct left {
	struct nl_link *v;
	unsigned n, room;
	bool no_memory;
};

static bool left_add(void *arg, const struct nl_link *l)
{
	struct left *o = arg;
	struct nl_link *more;

	if (o->n == o->room) {
		o->room = o->room ? 2 * o->room : 64;
		more = realloc(o->v, o->room * sizeof(*more));
		if (!more) {
			o->no_memory = true;
			return true;
		}
		o->v = more;
	}
	o->v[o->n++] = *l;
	return false;
}

static bool left_has_ports(const struct left *o, int bridge)
{
	unsigned i;

	for (i = 0; i < o->n; i++)
		if (o->v[i].master_index == bridge)
			return true;
	return false;
}

/* A bridge of a plan's without ports; a vif's tap as a plan leaves it. */
static int left_kind(const struct left *o, const struct nl_link *l)
{
	uint16_t d, h;

	if (!strcmp(l->kind, "bridge") && l->group == PLAN_GROUP &&
	    !left_has_ports(o, l->index))
		return MODE_LEFT_BRIDGE;
	if (l->tap && !l->up && !l->master_index &&
	    !memcmp(l->mac, plan_host_mac, 6) && !strncmp(l->name, "vif", 3) &&
	    !vif_parse_name(l->name, &d, &h, NULL))
		return MODE_LEFT_TAP;
	return -1;
}

static int left_read(struct left *o, struct err *e)
{
	struct nl_host *h;
	int rc = plan_open(&h, e);

	memset(o, 0, sizeof(*o));
	if (rc)
		return rc;
	rc = nl_link_each(h, left_add, o);
	if (!rc && o->no_memory)
		rc = -ENOMEM;
	if (rc)
		err_set(e, rc, "netlink: cannot list devices: %s",
			strerror(-rc));
	nl_host_close(h);
	return rc;
}

int mode_left(int (*fn)(void *arg, enum mode_left kind, const char *dev),
	      void *arg, struct err *e)
{
	struct left o;
	unsigned i;
	int rc = left_read(&o, e), kind;

	for (i = 0; !rc && i < o.n; i++) {
		kind = left_kind(&o, &o.v[i]);
		if (kind >= 0)
			rc = fn(arg, (enum mode_left)kind, o.v[i].name);
	}
	free(o.v);
	return rc;
}

int mode_left_remove(enum mode_left kind, const char *dev, unsigned index,
		     struct err *e)
{
	struct nl_host *h;
	struct left o;
	unsigned i;
	int rc = left_read(&o, e);

	for (i = 0; !rc && i < o.n; i++)
		if (!strcmp(o.v[i].name, dev))
			break;
	/* it may have found an owner meanwhile */
	if (!rc && (i == o.n || (unsigned)o.v[i].index != index ||
		    left_kind(&o, &o.v[i]) != (int)kind))
		rc = -EBUSY;
	free(o.v);
	if (!rc)
		rc = plan_open(&h, e);
	if (rc)
		return rc;
	rc = nl_link_delete(h, dev);
	if (rc == -ENODEV)
		rc = 0;
	if (rc)
		err_set(e, rc, "%s: cannot delete it: %s%s", dev, strerror(-rc),
			nl_why(h));
	nl_host_close(h);
	return rc;
}
