// SPDX-License-Identifier: GPL-2.0-or-later
/* bridge.c - mode bridge: the vif's device becomes a port of a bridge
 *
 * Pure. The order is the point: the device is down until its guard stands and
 * the port's flags and FDB are set, so no frame passes before.
 */
#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "plan.h"

/* What a bridge must know to be asked for. */
static int bridge_sane(const struct vif *v, const struct facts *f,
		       struct err *e)
{
	int rc;

	if (!f->bridge)
		return err_set(e, -ENODEV,
			       "bridge %s: no such device; create it (ip link "
			       "add %s type bridge) or name another with "
			       "bridge=",
			       v->bridge, v->bridge);
	if (!f->bridge_is_bridge)
		return err_set(e, -ENOTUNIQ,
			       "bridge %s: it is %s, not a bridge; name a "
			       "bridge with bridge=",
			       v->bridge, plan_kind(f->bridge_kind));
	rc = plan_sane_link(v, f, e);
	if (rc)
		return rc;
	if (f->master[0] && strcmp(f->master, v->bridge))
		return err_set(e, -EBUSY,
			       "%s: is a port of %s already; detach it first "
			       "(ip link set dev %s nomaster)",
			       v->name, f->master, v->name);
	return 0;
}

static uint32_t bridge_flags(const struct vif *v, const struct facts *f)
{
	uint32_t flags = 0;

	if (v->isolated)
		flags |= STEP_PORT_ISOLATED;
	if (v->has_mac && !f->twin)
		flags |= STEP_PORT_NOLEARN;
	/* before Linux 5.18: the guard alone refuses other senders */
	if (v->has_mac && !f->twin && f->can_lock)
		flags |= STEP_PORT_LOCKED;
	return flags;
}

int bridge_plan(const struct vif *v, const struct facts *f, struct plan *out,
		struct err *e)
{
	int rc = bridge_sane(v, f, e);
	struct step *s;

	if (rc)
		return rc;
	/* a port already: no gap in its traffic */
	if (!f->master[0]) {
		s = plan_add(out, STEP_DOWN, v->name);
		strcpy(s->other, v->bridge);
	}
	s = plan_add(out, STEP_MAC, v->name);
	memcpy(s->mac, plan_host_mac, 6);
	s = plan_add(out, STEP_MTU, v->name);
	s->num = mode_mtu(v, f);
	if (f->ipv6)
		plan_add(out, STEP_NO_IPV6, v->name);
	plan_add(out, STEP_GUARD, v->name);
	s = plan_add(out, STEP_MASTER, v->name);
	strcpy(s->other, v->bridge);
	s = plan_add(out, STEP_PORT, v->name);
	s->num = bridge_flags(v, f);
	if (v->has_mac && !f->twin) {
		s = plan_add(out, STEP_FDB, v->name);
		strcpy(s->other, v->bridge);
		memcpy(s->mac, v->mac, 6);
	}
	plan_add(out, STEP_UP, v->name);
	out->policy.bridged = true;
	return 0;
}
