// SPDX-License-Identifier: GPL-2.0-or-later
/* name.c - a device's name: given, found again, given back
 *
 * The kernel keeps the record: a renamed device carries its first name in its
 * alias, set in the same message as the name. Nothing can be left behind by
 * somebody who is killed, and nothing outlives the device.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "plan.h"

/* Is it the device that the kernel named `from`? */
static bool name_is(const struct nl_link *l, const char *from)
{
	char parent[sizeof(l->parent)];
	uint16_t d, h;

	if (!strcmp(l->name, from))
		return true;
	if (!l->tap && !l->xen)
		return false;
	if (!strcmp(l->alias, from))
		return true;
	/* renamed by somebody else: the bus knows which it is */
	if (!l->xen || vif_parse_name(from, &d, &h, NULL))
		return false;
	snprintf(parent, sizeof(parent), "vif-%u-%u", d, h);
	return !strcmp(l->parent, parent);
}

struct name_walk {
	const char *from;
	struct nl_link *out;
	unsigned n;
};

static bool name_on_link(void *arg, const struct nl_link *l)
{
	struct name_walk *w = arg;

	if (!name_is(l, w->from))
		return false;
	*w->out = *l;
	w->n++;
	return true;
}

static int name_find(struct nl_host *h, const char *from, const char *hint,
		     struct nl_link *out, struct err *e)
{
	struct name_walk w = { .from = from, .out = out };
	bool there;
	int rc = plan_look(h, from, out, &there, e);

	if (rc || (there && name_is(out, from)))
		return rc;
	if (hint)
		rc = plan_look(h, hint, out, &there, e);
	if (rc || (hint && there && name_is(out, from)))
		return rc;
	rc = nl_link_each(h, name_on_link, &w);
	if (rc)
		return err_set(e, rc, "%s: cannot look for it: %s%s", from,
			       strerror(-rc), nl_why(h));
	if (!w.n)
		return err_set(e, -ENODEV,
			       "%s: no such device; it appears when the "
			       "backend serves the vif",
			       from);
	return 0;
}

int mode_find(const char *from, const char *hint, char now[IFNAMSIZ],
	      struct err *e)
{
	struct nl_link l = { 0 };
	struct nl_host *h;
	int rc = plan_open(&h, e);

	if (rc)
		return rc;
	rc = name_find(h, from, hint, &l, e);
	nl_host_close(h);
	if (!rc)
		memcpy(now, l.name, IFNAMSIZ);
	return rc;
}

static int name_give(struct nl_host *h, const struct nl_link *l,
		     const char *from, const char *to)
{
	const char *alias = strcmp(from, to) ? from : "";
	int rc = nl_link_rename(h, l->index, to, alias);

	/* kernels before 6.2 rename only what is down */
	if (rc == -EBUSY && l->up) {
		rc = nl_link_up(h, l->name, false);
		if (!rc)
			rc = nl_link_rename(h, l->index, to, alias);
	}
	return rc;
}

static int name_change(struct nl_host *h, const char *from, const char *to,
		       struct err *e)
{
	struct nl_link l = { 0 }, other = { 0 };
	bool taken;
	int rc = name_find(h, from, to, &l, e);

	if (rc || !strcmp(l.name, to))
		return rc;
	if (!l.tap && !l.xen)
		return err_set(e, -ENOTUNIQ,
			       "%s: it is %s and no vif: it is not renamed",
			       l.name, plan_kind(l.kind));
	rc = plan_look(h, to, &other, &taken, e);
	if (rc)
		return rc;
	if (taken)
		return err_set(e, -EEXIST,
			       "%s: cannot rename it to %s: the name is taken "
			       "by %s; choose another vifname=, or remove that "
			       "device",
			       l.name, to, plan_kind(other.kind));
	rc = name_give(h, &l, from, to);
	if (rc)
		err_set(e, rc, "%s: cannot rename it to %s: %s%s", l.name, to,
			strerror(-rc), nl_why(h));
	return rc;
}

int mode_rename(const char *from, const char *to, struct err *e)
{
	struct nl_host *h;
	int rc = vif_check_devname(to, e);

	if (!rc)
		rc = plan_open(&h, e);
	if (rc)
		return rc;
	rc = name_change(h, from, to, e);
	nl_host_close(h);
	return rc;
}

static bool name_on_bridge(void *arg, const struct nl_link *l)
{
	struct name_walk *w = arg;

	if (strcmp(l->kind, "bridge"))
		return false;
	*w->out = *l;
	return ++w->n > 1;
}

int mode_only_bridge(char name[IFNAMSIZ], struct err *e)
{
	struct nl_link l = { 0 };
	struct name_walk w = { .out = &l };
	struct nl_host *h;
	int rc = plan_open(&h, e);

	if (rc)
		return rc;
	rc = nl_link_each(h, name_on_bridge, &w);
	nl_host_close(h);
	if (rc)
		return err_set(e, rc, "bridge: cannot look for one: %s",
			       strerror(-rc));
	if (w.n != 1)
		return err_set(e, w.n ? -ENOTUNIQ : -ENODEV,
			       "bridge: none is named, and this host has %s; "
			       "name one with bridge=",
			       w.n ? "several" : "none");
	memcpy(name, l.name, IFNAMSIZ);
	return 0;
}
