// SPDX-License-Identifier: GPL-2.0-or-later
/* probe.c - what this kernel's links can do: tried, in a namespace to waste */
#include <errno.h>
#include <string.h>

#include "plan.h"

static const char probe_bridge[] = "nbprobe0", probe_vlan[] = "nbprobe1";

static int probe_flag(struct nl_host *h, const char *dev, uint32_t flag)
{
	struct nl_link l;
	int rc = nl_port_set(h, dev, flag);

	if (!rc)
		rc = nl_link_get(h, dev, &l);
	return rc ? rc : l.flags == flag ? 0 : -EOPNOTSUPP;
}

int mode_probe(const char *dev, struct mode_probe *o, struct err *e)
{
	static const uint32_t flag[MODE_PROBE_FLAGS] = {
		STEP_PORT_LOCKED,   STEP_PORT_NOLEARN,	STEP_PORT_ISOLATED,
		STEP_PORT_HAIRPIN,  STEP_PORT_NO_FLOOD, STEP_PORT_NO_MCAST,
		STEP_PORT_NO_BCAST,
	};
	struct nl_host *h;
	unsigned i;
	int rc = plan_open(&h, e);

	if (rc)
		return rc;
	o->bridge = nl_bridge_add(h, probe_bridge, PLAN_GROUP, false);
	o->vlan = nl_bridge_add(h, probe_vlan, PLAN_GROUP, true);
	o->port = o->bridge ? o->bridge : nl_link_master(h, dev, probe_bridge);
	for (i = 0; i < MODE_PROBE_FLAGS; i++)
		o->flag[i] = o->port ? o->port : probe_flag(h, dev, flag[i]);
	o->ipv6 = nl_ipv6_off("default") < 0 ? -EAFNOSUPPORT : 0;
	o->force6 = nl_sysctl_get(STEP_IP6_FORCE, dev) < 0 ? -ENOENT : 0;
	nl_link_delete(h, probe_vlan);
	nl_link_delete(h, probe_bridge);
	nl_host_close(h);
	return 0;
}
