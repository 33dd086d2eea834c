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

/* Frames with a tag: the guard lets none pass, and so a guest has one card for each
 * VLAN.
 */
static int bridge_sane_vlan(const struct vif *v, const struct facts *f,
			    struct err *e)
{
	const struct vif_vlan *t;

	if (!f->can_vlan)
		return err_set(
			e, -EOPNOTSUPP,
			"vlan: this kernel's bridges know no VLANs "
			"(CONFIG_BRIDGE_VLAN_FILTERING is not set); leave "
			"vlan= out and name a bridge of that VLAN");
	if (f->bridge && !f->bridge_vlan)
		return err_set(e, -EOPNOTSUPP,
			       "vlan: bridge %s does not keep VLANs apart; "
			       "switch it on (ip link set %s type bridge "
			       "vlan_filtering 1) or leave vlan= out",
			       v->bridge, v->bridge);
	for (t = v->vlan; t < v->vlan + v->nvlan; t++)
		if (!t->untagged)
			return err_set(e, -EOPNOTSUPP,
				       "vlan: VLAN %u would reach the guest "
				       "with a tag, and the guard lets no tag "
				       "pass; give it a card for each VLAN",
				       t->first);
	return 0;
}

/* What a bridge must know to be asked for. */
static int bridge_sane(const struct vif *v, const struct facts *f,
		       struct err *e)
{
	int rc;

	if (!f->bridge && !v->create)
		return err_set(e, -ENODEV,
			       "bridge %s: no such device; create it (ip link "
			       "add %s type bridge, or create=yes) or name "
			       "another with bridge=",
			       v->bridge, v->bridge);
	if (f->bridge && !f->bridge_is_bridge)
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
	return v->nvlan ? bridge_sane_vlan(v, f, e) : 0;
}

static uint32_t bridge_flags(const struct vif *v, const struct facts *f)
{
	static const uint32_t row[][2] = {
		{ VIF_ISOLATED, STEP_PORT_ISOLATED },
		{ VIF_HAIRPIN, STEP_PORT_HAIRPIN },
		{ VIF_NO_FLOOD, STEP_PORT_NO_FLOOD },
		{ VIF_NO_MCAST_FLOOD, STEP_PORT_NO_MCAST },
		{ VIF_NO_BCAST_FLOOD, STEP_PORT_NO_BCAST },
	};
	uint32_t flags = 0;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(row); i++)
		if (v->port & row[i][0])
			flags |= row[i][1];
	/* a locked port has one MAC; of several the guard knows alone */
	if (v->has_mac && !f->twin && !v->npair)
		flags |= STEP_PORT_NOLEARN;
	/* before Linux 5.18: the guard alone refuses other senders */
	if (v->has_mac && !f->twin && !v->npair && f->can_lock)
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
	if (!f->bridge) {
		s = plan_add(out, STEP_BRIDGE, v->name);
		strcpy(s->other, v->bridge);
		s->num = v->nvlan != 0;
	}
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
	if (v->nvlan) {
		plan_add(out, STEP_VLAN, v->name);
		out->nvlan = v->nvlan;
		memcpy(out->vlan, v->vlan, sizeof(out->vlan));
	}
	if (v->has_mac && !f->twin && !v->npair) {
		s = plan_add(out, STEP_FDB, v->name);
		strcpy(s->other, v->bridge);
		memcpy(s->mac, v->mac, 6);
	}
	plan_add(out, STEP_UP, v->name);
	out->policy.bridged = true;
	return 0;
}
