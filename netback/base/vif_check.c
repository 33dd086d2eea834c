// SPDX-License-Identifier: GPL-2.0-or-later
/* vif_check.c - what single words cannot show: is the whole vif sensible? */
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "vif.h"

enum { VIF_MTU_MIN6 = 1280 /* RFC 8200 */ };

bool vif_addr_is_net(const struct vif_addr *a)
{
	unsigned i, bits = a->family == AF_INET ? 32 : 128;

	for (i = a->len; i < bits; i++)
		if (a->addr[i / 8] & 0x80 >> i % 8)
			return false;
	return a->len < bits;
}

bool vif_addr_same(const struct vif_addr *a, const struct vif_addr *b)
{
	return a->family == b->family &&
	       !memcmp(a->addr, b->addr, a->family == AF_INET ? 4 : 16);
}

bool vif_addr_is_local(const struct vif_addr *a)
{
	if (a->family == AF_INET)
		return a->addr[0] == 169 && a->addr[1] == 254;
	return a->addr[0] == 0xfe && (a->addr[1] & 0xc0) == 0x80;
}

bool vif_has(const struct vif *v, int family)
{
	unsigned i;

	for (i = 0; i < v->naddr; i++)
		if (v->addr[i].family == family)
			return true;
	return false;
}

bool vif_bridged(const struct vif *v)
{
	return v->mode == VIF_BRIDGE || v->network[0];
}

static int vif_check_bridge(const struct vif *v, struct err *e)
{
	if (!strcmp(v->name, v->bridge))
		return err_set(e, -EINVAL,
			       "vifname and bridge are both '%s'; name the "
			       "card otherwise",
			       v->name);
	if (v->mode == VIF_BRIDGE && v->network[0])
		return err_set(e, -EINVAL,
			       "network=%s belongs to mode=nat; write that, "
			       "too",
			       v->network);
	if (v->gatewaydev[0] || v->ngateway)
		return err_set(e, -EINVAL,
			       "%s= belongs to mode=route; write that too, or "
			       "leave it out",
			       v->ngateway ? "gateway" : "gatewaydev");
	return 0;
}

/* Is one of the guest's addresses its gateway's as well? */
static int vif_check_gateway(const struct vif *v, const struct vif_addr *g,
			     struct err *e)
{
	char text[INET6_ADDRSTRLEN + 4];
	unsigned i;

	vif_print_addr(g, text, sizeof(text));
	if (!vif_has(v, g->family))
		return err_set(e, -EINVAL,
			       "gateway=%s: the guest has no %s address; add "
			       "one to ip=, or leave the gateway out",
			       text, g->family == AF_INET ? "IPv4" : "IPv6");
	for (i = 0; i < v->naddr; i++)
		if (!vif_addr_is_net(&v->addr[i]) &&
		    vif_addr_same(&v->addr[i], g))
			return err_set(e, -EINVAL,
				       "ip and gateway are both %s; the "
				       "gateway's is the host's",
				       text);
	return 0;
}

/* In a network its bridge, the addresses and the gateway are given. */
static int vif_check_member(const struct vif *v, struct err *e)
{
	if (strncmp(v->bridge, "nb-", 3) || strcmp(v->bridge + 3, v->network))
		return err_set(e, -EINVAL,
			       "bridge=%s: network=%s has a bridge of its own; "
			       "leave bridge= out",
			       v->bridge, v->network);
	if (v->nvlan || v->create)
		return err_set(e, -EINVAL,
			       "%s belongs to mode=bridge; leave it out",
			       v->nvlan ? "vlan=" : "create=yes");
	return vif_check_bridge(v, e);
}

/* What only a bridge can do for a port. */
static int vif_check_port(const struct vif *v, struct err *e)
{
	const char *word = NULL;

	if (v->port & VIF_ISOLATED)
		word = "isolated=yes";
	else if (v->port & VIF_HAIRPIN)
		word = "hairpin=yes";
	else if (v->port & VIF_NO_FLOOD)
		word = "flood=no";
	else if (v->port & VIF_NO_MCAST_FLOOD)
		word = "mcast_flood=no";
	else if (v->port & VIF_NO_BCAST_FLOOD)
		word = "bcast_flood=no";
	else if (v->nvlan)
		word = "vlan=";
	else if (v->create)
		word = "create=yes";
	if (!word)
		return 0;
	return err_set(e, -EINVAL, "%s belongs to mode=bridge; leave it out",
		       word);
}

static int vif_check_route(const struct vif *v, struct err *e)
{
	unsigned i;
	int rc;

	if (!v->naddr)
		return err_set(e, -EINVAL,
			       v->mode == VIF_ROUTE
				       ? "mode=route needs ip=, the addresses "
					 "to route to the guest, as "
					 "ip=10.0.0.2,fd00::2"
				       : "mode=nat needs network=, the name of "
					 "one (vifctl network list shows "
					 "them), or ip=, the guest's own "
					 "addresses");
	if (v->network[0] && v->mode == VIF_ROUTE)
		return err_set(e, -EINVAL,
			       "network=%s belongs to mode=nat; leave it out",
			       v->network);
	rc = vif_check_port(v, e);
	if (rc)
		return rc;
	if (!strcmp(v->name, v->gatewaydev))
		return err_set(e, -EINVAL,
			       "vifname and gatewaydev are both '%s'; name the "
			       "card otherwise",
			       v->name);
	for (i = 0; !rc && i < v->ngateway; i++)
		rc = vif_check_gateway(v, &v->gateway[i], e);
	return rc;
}

static int vif_check_mode(const struct vif *v, struct err *e)
{
	switch ((enum vif_mode)v->mode) {
	case VIF_BRIDGE:
		return vif_check_bridge(v, e);
	case VIF_ROUTE:
		return vif_check_route(v, e);
	case VIF_NAT:
		return v->network[0] ? vif_check_member(v, e)
				     : vif_check_route(v, e);
	}
	return err_set(e, -EINVAL, "mode %u: no such mode", v->mode);
}

/* What goes directly is judged by its addresses alone; what stands here is done by
 * the bridge, the guard or the queue of the vif's device.
 */
static int vif_check_direct(const struct vif *v, struct err *e)
{
	const char *word = NULL;

	if (!v->direct)
		return 0;
	if (v->mode != VIF_BRIDGE)
		return err_set(e, -EINVAL,
			       "direct=yes belongs to mode=bridge; leave it "
			       "out");
	if (v->learn)
		return err_set(e, -EINVAL,
			       "direct=yes needs addresses that are known; "
			       "write them to ip=, or leave direct=yes out");
	if (v->port & VIF_ISOLATED)
		word = "isolated=yes";
	else if (v->nvlan)
		word = "vlan=";
	else if (v->rate_bytes)
		word = "rate=";
	else if (v->packets)
		word = "packets=";
	else if (v->connections)
		word = "connections=";
	else if (v->rules[0])
		word = "rules=";
	if (!word)
		return 0;
	return err_set(e, -EINVAL,
		       "direct=yes: what goes directly would not be held to "
		       "%s; leave one of the two out",
		       word);
}

int vif_check(const struct vif *v, struct err *e)
{
	/* what a bridge port itself is called: a bridge never forwards to it */
	static const uint8_t host[6] = { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff };
	uint16_t d, h;
	unsigned i;
	int rc;

	if (v->domid > VIF_DOMID_MAX)
		return err_set(e, -EINVAL, "domain %u: numbers end at %d",
			       v->domid, VIF_DOMID_MAX);
	rc = vif_check_devname(v->name, e);
	if (!rc)
		rc = vif_check_devname(v->bridge, e);
	if (!rc)
		rc = vif_check_mode(v, e);
	if (!rc)
		rc = vif_check_direct(v, e);
	if (rc)
		return rc;
	if (!strncmp(v->name, "vif", 3) &&
	    !vif_parse_name(v->name, &d, &h, NULL) &&
	    (d != v->domid || h != v->handle))
		return err_set(e, -EINVAL,
			       "vifname=%s is the name of device %u of domain "
			       "%u; choose one that is not vifN.M",
			       v->name, h, d);
	if (v->npair && (v->learn || !v->naddr))
		return err_set(e, -EINVAL,
			       "pair= stands beside ip= with the card's own "
			       "addresses; give them too");
	if (v->has_mac && !memcmp(v->mac, host, 6))
		return err_set(e, -EINVAL,
			       "mac=fe:ff:ff:ff:ff:ff is the address of the "
			       "host's side; choose another");
	for (i = 0; i < v->naddr && v->mtu && v->mtu < VIF_MTU_MIN6; i++)
		if (v->addr[i].family == AF_INET6)
			return err_set(e, -EINVAL,
				       "mtu=%u: IPv6 needs at least %d; raise "
				       "it or leave the IPv6 address out",
				       v->mtu, VIF_MTU_MIN6);
	return 0;
}
