// SPDX-License-Identifier: GPL-2.0-or-later
/* attach.c - attach: a vif's directories, its plan and guard, its status */
#include "ctl/attach.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "ctl/control.h"
#include "ctl/flowcut.h"
#include "ctl/hooks.h"
#include "ctl/host.h"
#include "ctl/net.h"
#include "ctl/run.h"

/* What is wanted, and what the host had to say to it. */
struct attach {
	struct vif *v;
	struct facts facts;
	struct plan plan;
};

static void attach_lock_name(const struct vif *v, char *name)
{
	snprintf(name, ATTACH_NAME, "vif%u.%u", v->domid, v->handle);
}

int attach_lock(struct ctl *c, const struct vif *v, struct err *e)
{
	char name[ATTACH_NAME];
	int rc, lock;

	attach_lock_name(v, name);
	run_hold_signals();
	lock = run_lock(c, name, e);
	if (lock < 0)
		return lock;
	rc = run_store(c, e);
	if (rc) {
		run_unlock(c, name, lock);
		return rc;
	}
	return lock;
}

void attach_unlock(struct ctl *c, const struct vif *v, int lock)
{
	char name[ATTACH_NAME];

	attach_lock_name(v, name);
	run_unlock(c, name, lock);
}

/* Which of the keys differ, and may they while the guest is attached? Returns how
 * many, or -EBUSY with a sentence.
 */
static int attach_diff(const struct vif *now, const struct vif *want, bool mac,
		       struct err *e)
{
	/* what the rest of the vif stands on */
	static const char *const fixed[] = { "mode", "gatewaydev", "gateway",
					     "vifname", "mac" };
	char a[VIF_TEXT], b[VIF_TEXT];
	unsigned i, k;
	int n = 0;

	for (i = 0; vif_keys[i]; i++) {
		if (vif_get(now, vif_keys[i], a, sizeof(a)) < 0 ||
		    vif_get(want, vif_keys[i], b, sizeof(b)) < 0)
			return err_set(e, -EINVAL, "%s: too long", vif_keys[i]);
		if (!strcmp(a, b))
			continue;
		for (k = 0; k < ARRAY_SIZE(fixed) - mac; k++)
			if (!strcmp(fixed[k], vif_keys[i]))
				break;
		if (k < ARRAY_SIZE(fixed) - mac)
			return err_set(e, -EBUSY,
				       "%s: it is attached with \"%s\", and "
				       "that cannot change while the guest "
				       "holds it; detach it first",
				       vif_keys[i], a);
		n++;
	}
	return n;
}

static int attach_wait(struct ctl *c, const struct vif *v, struct err *e)
{
	const uint32_t want = 1u << NODES_INIT_WAIT | 1u << NODES_CONNECTED |
			      1u << NODES_RECONFIGURED;
	char why[NODES_TEXT];
	uint32_t got;
	int rc = nodes_wait(c->store, v, want, c->wait_ms, &got);

	if (!rc)
		return 0;
	nodes_why(c->store, v, why, sizeof(why));
	if (why[0])
		return err_set(e, rc, "netbackd: %s", why);
	if (rc == -EINTR)
		return err_set(e, rc, "interrupted");
	if (rc == -ENOTCONN)
		return err_set(e, rc,
			       "store: it went away; is netbackd --store "
			       "running?");
	return err_set(e, rc,
		       "netbackd: did not make %s in %u s (backend state is "
		       "%s); see its log",
		       v->name, c->wait_ms / 1000, nodes_state_name(got));
}

static int attach_host(const struct vif *v, struct err *e)
{
	struct plan p;
	int rc = host_plan(v, NULL, NULL, &p, e);

	return rc ? rc : host_apply(&p, e);
}

/* Says why in the store, then takes back all that was made. */
static void attach_fail(struct ctl *c, const struct vif *v, const struct err *e)
{
	struct nodes n;
	struct err no;

	nodes_set(c->store, v, "hotplug-error", e->text, &no);
	nodes_set(c->store, v, "hotplug-status", "error", &no);
	if (nodes_read(c->store, v->domid, v->handle, &n, &no))
		n = (struct nodes){ .vif = *v };
	if (detach_vif(c, &n, &no))
		fprintf(stderr, "vifctl: vif%u.%u: cannot undo all of it: %s\n",
			v->domid, v->handle, no.text);
}

static int attach_new(struct ctl *c, const struct vif *v, uint32_t mtu,
		      struct err *e)
{
	int rc = nodes_create(c, v, mtu, e);

	if (!rc)
		rc = attach_wait(c, v, e);
	if (!rc)
		rc = attach_host(v, e);
	if (!rc && v->direct)
		rc = nodes_direct(c->store, v, true, e);
	if (!rc)
		rc = nodes_set(c->store, v, "hotplug-status", "connected", e);
	if (rc)
		attach_fail(c, v, e);
	return rc;
}

/* Another bridge, or other routes: out of the one before into the next. */
static bool attach_moves(const struct vif *now, const struct vif *want)
{
	if (now->down != want->down)
		return true;
	if (vif_bridged(want))
		return strcmp(now->bridge, want->bridge);
	return now->naddr != want->naddr ||
	       memcmp(now->addr, want->addr, sizeof(now->addr)) ||
	       memcmp(now->mac, want->mac, sizeof(now->mac));
}

/* To other values, and back to the old ones if that fails. */
static int attach_change(struct ctl *c, const struct vif *now,
			 const struct attach *a, struct err *e)
{
	const struct vif *want = a->v;
	bool left = attach_moves(now, want);
	int rc = nodes_direct(c->store, now, false, e);
	struct err old;

	if (rc)
		return rc;
	if (left)
		rc = host_leave(now, e);
	if (!rc)
		rc = host_apply(&a->plan, e);
	if (!rc)
		rc = nodes_direct(c->store, want, true, e);
	if (!rc)
		rc = nodes_update(c, want, host_mtu(want, &a->facts), e);
	/* apply puts back what it changed, but never an older guard */
	if (rc && (nodes_direct(c->store, want, false, &old) ||
		   (left && host_leave(want, &old)) || attach_host(now, &old) ||
		   nodes_direct(c->store, now, true, &old)))
		fprintf(stderr, "vifctl: vif%u.%u: cannot go back: %s\n",
			now->domid, now->handle, old.text);
	return rc;
}

/* An attached vif: nothing to do, something to repair, or values to change. What
 * holds already is left alone, so the guest's frames go on.
 */
static int attach_values(struct ctl *c, const struct nodes *n,
			 const struct attach *a, bool mac, struct err *e)
{
	const struct vif *now = &n->vif;
	int diff = attach_diff(now, a->v, mac, e);

	if (diff < 0)
		return diff;
	if (diff || n->bad_rate)
		return attach_change(c, now, a, e);
	diff = host_apply(&a->plan, e);
	return diff ? diff : nodes_direct(c->store, now, true, e);
}

/* .. but for connections which its rules would not let begin. */
static int attach_again(struct ctl *c, const struct nodes *n,
			const struct attach *a, bool mac, struct err *e)
{
	struct flowcut *k = a->v->rules[0] ? flowcut_open(c) : NULL;

	return flowcut_close(k, attach_values(c, n, a, mac, e), stderr);
}

/* A tap of that name which is not this vif's: after a kill it may outlive its
 * directories for a moment.
 */
static int attach_free_name(const struct vif *v, struct err *e)
{
	if (!host_wait_gone(v->name, ATTACH_TAP_MS))
		return 0;
	return err_set(e, -EEXIST,
		       "a tap %s is there already; if it was left over, remove "
		       "it with: vifctl detach vif%u.%u; else choose another "
		       "name with vifname=",
		       v->name, v->domid, v->handle);
}

/* Can it be done? Asked before anything is made. */
static int attach_ready(struct ctl *c, struct attach *a, const struct nodes *n,
			struct err *e)
{
	bool ours = n->back && !strcmp(n->vif.name, a->v->name);
	int rc = host_plan(a->v, n->back ? n->vif.bridge : NULL, &a->facts,
			   &a->plan, e);

	if (!rc)
		rc = control_alive(c, e);
	if (!rc && a->facts.link && !ours)
		rc = attach_free_name(a->v, e);
	if (!rc && c->verbose)
		rc = host_print(a->v, &a->plan, c->json, e);
	return rc;
}

int attach_other(struct ctl *c, const struct nodes *n, struct vif *want,
		 bool mac, struct err *e)
{
	struct attach a = { .v = want };
	int rc = attach_ready(c, &a, n, e);

	return rc ? rc : attach_again(c, n, &a, mac, e);
}

static bool attach_is_whole(const struct nodes *n)
{
	return n->front && n->back && n->online &&
	       !strcmp(n->hotplug, "connected");
}

static int attach_go(struct ctl *c, struct attach *a, const struct nodes *n,
		     struct err *e)
{
	int rc = 0;

	if (attach_is_whole(n))
		return attach_again(c, n, a, false, e);
	/* What a killed attach or detach left goes first. */
	if (n->front || n->back)
		rc = detach_vif(c, n, e);
	return rc ? rc : attach_new(c, a->v, host_mtu(a->v, &a->facts), e);
}

static int attach_locked(struct ctl *c, struct vif *v, struct err *e)
{
	struct hooks_event ev = { .what = "attach", .before = true, .v = v };
	struct attach a = { .v = v };
	struct nodes n;
	char id[64];
	bool was;
	int rc = nodes_read(c->store, v->domid, v->handle, &n, e);

	if (!rc && attach_is_whole(&n))
		rc = nodes_whole(&n, e);
	if (rc)
		return rc;
	if (!v->has_mac && n.vif.has_mac) {
		memcpy(v->mac, n.vif.mac, sizeof(v->mac));
		v->has_mac = true;
	}
	if (!v->has_mac) {
		ctl_host_id(id, sizeof(id));
		ctl_make_mac(v, id);
	}
	if (v->network[0])
		rc = net_join(c, v, &was, e);
	if (!rc)
		rc = attach_ready(c, &a, &n, e);
	if (!rc)
		rc = hooks_run(&ev, e);
	if (!rc)
		rc = attach_go(c, &a, &n, e);
	if (!rc) {
		ev.before = false;
		hooks_run(&ev, e);
	}
	/* a lease that was there is an attached guest's, perhaps */
	if (rc && v->network[0] && !was)
		net_leave(c, v->domid, v->handle);
	return rc;
}

int verb_attach(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct vif v;
	int lock, rc;

	if (c->dry_run)
		return verb_plan(c, argc, argv, e);
	rc = ctl_words(&v, argc, argv, e);
	if (rc)
		return rc;
	rc = lock = attach_lock(c, &v, e);
	if (lock >= 0) {
		rc = attach_locked(c, &v, e);
		attach_unlock(c, &v, lock);
	}
	if (rc)
		ctl_prefix(&v, e);
	else
		host_warn(&v);
	if (!rc && v.network[0])
		net_warn(c, v.network);
	return rc;
}
