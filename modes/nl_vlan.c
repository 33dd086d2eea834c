// SPDX-License-Identifier: GPL-2.0-or-later
/* nl_vlan.c - bridges that we make, and the VLANs of their ports */
#include <errno.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "nl_ask.h"

int nl_bridge_add(struct nl_host *h, const char *dev, uint32_t group,
		  bool vlans)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC,
				 .ifi_change = IFF_UP,
				 .ifi_flags = IFF_UP };
	struct nl_msg *m = nl_new(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &ifi,
				  sizeof(ifi));
	struct nlattr *info = NULL, *data;

	if (m) {
		nla_put_string(m, IFLA_IFNAME, dev);
		nla_put_u32(m, IFLA_GROUP, group);
		info = nla_nest_start(m, IFLA_LINKINFO);
	}
	if (info) {
		nla_put_string(m, IFLA_INFO_KIND, "bridge");
		data = vlans ? nla_nest_start(m, IFLA_INFO_DATA) : NULL;
		if (data) {
			nla_put_u8(m, IFLA_BR_VLAN_FILTERING, 1);
			nla_nest_end(m, data);
		}
		nla_nest_end(m, info);
	}
	return nl_ask(h, m, NULL, NULL);
}

struct vlan_list {
	struct vif_vlan *v;
	unsigned n, max;
	int index;
	uint16_t begin; /* of a range under way */
};

static void vlan_add(struct vlan_list *l, const struct bridge_vlan_info *b)
{
	struct vif_vlan *t = &l->v[l->n];

	if (l->n == l->max)
		return;
	*t = (struct vif_vlan){ .first = l->begin ? l->begin : b->vid,
				.last = b->vid,
				.step = 1,
				.pvid = b->flags & BRIDGE_VLAN_INFO_PVID,
				.untagged = b->flags &
					    BRIDGE_VLAN_INFO_UNTAGGED };
	l->begin = 0;
	l->n++;
}

static int vlan_on_link(struct nl_msg *m, void *arg)
{
	struct ifinfomsg *ifi = nlmsg_data(nlmsg_hdr(m));
	struct nlattr *af = nlmsg_find_attr(nlmsg_hdr(m), sizeof(*ifi),
					    IFLA_AF_SPEC),
		      *a;
	const struct bridge_vlan_info *b;
	struct vlan_list *l = arg;
	int left;

	if (!af || ifi->ifi_index != l->index)
		return NL_OK;
	nla_for_each_nested(a, af, left)
	{
		if (nla_type(a) != IFLA_BRIDGE_VLAN_INFO ||
		    nla_len(a) < (int)sizeof(*b))
			continue;
		b = nla_data(a);
		if (b->flags & BRIDGE_VLAN_INFO_RANGE_BEGIN)
			l->begin = b->vid;
		else
			vlan_add(l, b);
	}
	return NL_OK;
}

int nl_vlans(struct nl_host *h, const char *dev, struct vif_vlan *v, unsigned n)
{
	struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE };
	struct vlan_list l = { .v = v, .max = n };
	struct nl_link link;
	struct nl_msg *m;
	int rc = nl_link_get(h, dev, &link);

	if (rc)
		return rc;
	l.index = link.index;
	m = nl_new(RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi));
	if (m)
		nla_put_u32(m, IFLA_EXT_MASK, RTEXT_FILTER_BRVLAN_COMPRESSED);
	rc = nl_ask(h, m, vlan_on_link, &l);
	return rc ? rc : (int)l.n;
}

int nl_vlan_set(struct nl_host *h, const char *dev, const struct vif_vlan *t,
		bool on)
{
	struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE };
	struct bridge_vlan_info b = { .vid = t->first }, end;
	struct nlattr *af;
	struct nl_link l;
	struct nl_msg *m;
	int rc = nl_link_get(h, dev, &l);

	if (rc)
		return rc;
	ifi.ifi_index = l.index;
	if (t->pvid)
		b.flags |= BRIDGE_VLAN_INFO_PVID;
	if (t->untagged)
		b.flags |= BRIDGE_VLAN_INFO_UNTAGGED;
	m = nl_new(on ? RTM_SETLINK : RTM_DELLINK, 0, &ifi, sizeof(ifi));
	af = m ? nla_nest_start(m, IFLA_AF_SPEC) : NULL;
	end = b;
	end.vid = t->last;
	if (t->first != t->last) {
		b.flags |= BRIDGE_VLAN_INFO_RANGE_BEGIN;
		end.flags |= BRIDGE_VLAN_INFO_RANGE_END;
	}
	if (af) {
		nla_put(m, IFLA_BRIDGE_VLAN_INFO, sizeof(b), &b);
		if (t->first != t->last)
			nla_put(m, IFLA_BRIDGE_VLAN_INFO, sizeof(end), &end);
		nla_nest_end(m, af);
	}
	return nl_ask(h, m, NULL, NULL);
}
