// SPDX-License-Identifier: GPL-2.0-or-later
/* detach.c - detach: the plan reversed, by name; what is gone is gone */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "ctl/attach.h"
#include "ctl/control.h"
#include "ctl/hooks.h"
#include "ctl/host.h"
#include "ctl/net.h"
#include "ctl/run.h"

/* Asks guest and netbackd to let go. One that does not is forced after the
 * wait, as libxl forces it: the directories vanish under it.
 */
static int detach_close(struct ctl *c, const struct vif *v, struct err *e)
{
	uint32_t got;
	int rc = nodes_set(c->store, v, "online", "0", e);

	if (rc)
		return rc;
	rc = nodes_wait(c->store, v, 1u << NODES_CLOSED | 1u << NODES_NONE,
			c->wait_ms, &got);
	if (rc == -ENOTCONN)
		return err_set(e, rc,
			       "store: it went away; is netbackd "
			       "--store running? then detach again");
	return 0;
}

/* The device itself. netbackd drops its tap when the directory goes; a dead
 * one cannot, and one that never knew it will not.
 */
static int detach_tap(struct ctl *c, const struct vif *v, bool theirs,
		      struct err *e)
{
	struct facts f;
	int rc;

	if (theirs && !host_wait_gone(v->name, c->wait_ms))
		return 0;
	rc = mode_facts(v, &f, e);
	if (!rc && f.link && f.link_is_tap)
		rc = mode_delete_tap(v->name, e);
	return rc == -ENODEV ? 0 : rc; /* it went while we looked */
}

/* What netbackd calls its device. */
static void detach_ask_name(const struct ctl *c, struct vif *v)
{
	char name[ATTACH_NAME];
	const char *is, *dev;
	json_t *answer, *one;
	size_t i;

	snprintf(name, sizeof(name), "vif%u.%u", v->domid, v->handle);
	if (control_ask(c, "show", &answer, NULL))
		return;
	json_array_foreach(json_object_get(answer, "vifs"), i, one)
	{
		is = json_string_value(json_object_get(one, "name"));
		dev = json_string_value(json_object_get(one, "dev"));
		if (is && dev && !strcmp(is, name))
			str_put(v->name, sizeof(v->name), dev);
	}
	json_decref(answer);
}

/* The store's words make no sense, one alone or all together: then it goes by
 * name, and the host knows its bridge.
 */
static void detach_by_host(const struct ctl *c, struct vif *v)
{
	struct facts f;

	vif_init(v, v->domid, v->handle);
	detach_ask_name(c, v);
	if (!mode_facts(v, &f, NULL) && f.master[0])
		memcpy(v->bridge, f.master, sizeof(v->bridge));
}

/* Goes on after an error on the host's side, and returns the first. */
int detach_vif(struct ctl *c, const struct nodes *n, struct err *e)
{
	struct vif known = n->vif;
	const struct vif *v = &known;
	bool theirs = n->back && !control_alive(c, NULL);
	struct err later;
	int rc, undone = 0;

	if (nodes_whole(n, NULL) || vif_check(v, NULL))
		detach_by_host(c, &known);

	if (theirs) {
		rc = nodes_direct(c->store, v, false, e);
		if (!rc)
			rc = detach_close(c, v, e);
		if (rc)
			return rc;
	}
	undone = host_undo(v, e);
	/* Without netbackd the tap goes first: only the directory knows a
	 * name of its own.
	 */
	if (!theirs) {
		rc = detach_tap(c, v, false, undone ? &later : e);
		undone = undone ? undone : rc;
	}
	rc = nodes_remove(c, v, undone ? &later : e);
	if (!rc && theirs)
		rc = detach_tap(c, v, true, undone ? &later : e);
	return undone ? undone : rc;
}

static int detach_locked(struct ctl *c, const struct vif *v, struct err *e)
{
	struct nodes n;
	struct hooks_event ev = { .what = "detach",
				  .before = true,
				  .v = &n.vif };
	int rc = nodes_read(c->store, v->domid, v->handle, &n, e);
	bool there = !rc && n.back;

	if (there)
		hooks_run(&ev, e);
	if (!rc)
		rc = detach_vif(c, &n, e);
	if (!rc)
		net_leave(c, v->domid, v->handle);
	ev.before = false;
	if (!rc && there)
		hooks_run(&ev, e);
	return rc;
}

/* No store: with netbackd gone too the host's side can go by name alone. */
static int detach_by_name(struct ctl *c, const struct vif *v, struct err *e)
{
	struct facts f;
	struct err why = { "" };
	int rc;

	if (!control_alive(c, NULL) || mode_facts(v, &f, &why) || !f.link ||
	    !f.link_is_tap)
		return -ENOTCONN;
	rc = host_undo(v, &why);
	if (!rc)
		rc = mode_delete_tap(v->name, &why);
	return err_set(e, rc ? rc : -ENOTCONN, "%s",
		       rc ? why.text
			  : "the device is gone; its directories remain in a "
			    "store that does not answer; start it and detach "
			    "again");
}

int verb_detach(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct vif v;
	int lock, rc = ctl_name(&v, argc, argv, e);

	if (rc)
		return rc;
	rc = lock = attach_lock(c, &v, e);
	if (lock >= 0) {
		rc = detach_locked(c, &v, e);
		attach_unlock(c, &v, lock);
	} else if (!c->store && (rc == -ENOTCONN || rc == -ENOENT)) {
		rc = detach_by_name(c, &v, e);
	}
	if (rc)
		ctl_prefix(&v, e);
	return rc;
}
