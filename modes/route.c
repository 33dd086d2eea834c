// SPDX-License-Identifier: GPL-2.0-or-later
/* route.c - mode route: the host is the guest's router, nothing is bridged
 *
 * Pure. The device is down until its guard stands; a route needs it up, and goes
 * when it goes down, as neighbours do. What other guests may come to lean on
 * (forwarding) is last: a failure before it leaves nothing raised.
 *
 *   gateway     the host's address on the vif. It may be the same on every vif, and
 *               the uplink's own: each vif is a wire of its own.
 *   routes      one for each address, metric 2 as Xen's vif-route has it
 *   neighbours  the guest's MAC is known: nobody asks, so nobody else answers
 *   proxy ARP   on the vif: a guest that believes its whole network to be on its
 *               wire finds it there. On gatewaydev: one entry for each
 *               address, not the switch that answers for everything routed.
 *   forwarding  IPv4 knows it for each device. IPv6 does since Linux 6.17; before,
 *               it is all devices or none. A device that forwards forgets what
 *               router advertisements said unless accept_ra is 2.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"
#include "network.h"
#include "plan.h"

enum {
	ROUTE_MTU = 1500,
	ROUTE_MTU6 = 1280,  /* RFC 8200 */
	ROUTE_METRIC = 2,   /* of a vif .. */
	ROUTE_EMULATED = 1, /* .. and of its emulated twin, until it goes */
};

bool mode_gateway(const struct vif *v, const struct facts *f, int family,
		  struct vif_addr *out)
{
	/* Link-local, so that no network is lost to it. */
	static const struct vif_addr none[] = {
		{ AF_INET, 32, { 169, 254, 1, 1 } },
		{ AF_INET6, 64, { 0xfe, 0x80, [15] = 1 } },
	};
	unsigned i;

	if (!vif_has(v, family))
		return false;
	*out = none[family != AF_INET];
	if (v->mode == VIF_NAT)
		nat_gateway(v, family, out);
	else if (family == AF_INET && f->gatewaydev_addr.family)
		*out = f->gatewaydev_addr;
	for (i = 0; i < v->ngateway; i++)
		if (v->gateway[i].family == family)
			*out = v->gateway[i];
	/* fe80::/64 is what link-local addresses are reached by */
	out->len = family == AF_INET ? 32 : vif_addr_is_local(out) ? 64 : 128;
	return true;
}

static int route_sane_addrs(const struct vif *v, const struct facts *f,
			    struct err *e)
{
	char text[64];

	if (f->own.family) {
		vif_print_addr(&f->own, text, sizeof(text));
		return err_set(e, -EADDRINUSE,
			       "ip: %s is an address of this host; give the "
			       "guest another",
			       text);
	}
	if (!vif_has(v, AF_INET6))
		return 0;
	if (!f->ipv6)
		return err_set(e, -EAFNOSUPPORT,
			       "ip: an IPv6 address, and this kernel has no "
			       "IPv6 (ipv6.disable=1?); leave it out");
	if (mode_mtu(v, f) < ROUTE_MTU6)
		return err_set(e, -EINVAL,
			       "gatewaydev %s: its mtu of %u is too small for "
			       "IPv6, which needs %d; write mtu=%d",
			       v->gatewaydev, f->gatewaydev_mtu, ROUTE_MTU6,
			       ROUTE_MTU6);
	return 0;
}

static int route_sane(const struct vif *v, const struct facts *f, struct err *e)
{
	int rc;

	if (v->gatewaydev[0] && !f->gatewaydev)
		return err_set(e, -ENODEV,
			       "gatewaydev %s: no such device; name the one "
			       "that leads to the guest's network (ip link "
			       "shows them)",
			       v->gatewaydev);
	rc = plan_sane_link(v, f, e);
	if (!rc && f->master[0])
		rc = err_set(e, -EBUSY,
			     "%s: is a port of %s already; detach it first (ip "
			     "link set dev %s nomaster)",
			     v->name, f->master, v->name);
	return rc ? rc : route_sane_addrs(v, f, e);
}

/* --- steps -------------------------------------------------------------------*/

static void route_sysctl(struct plan *p, enum step_sysctl key, const char *dev,
			 uint32_t value)
{
	struct step *s = plan_add(p, STEP_SYSCTL, dev);

	s->key = (uint8_t)key;
	s->num = value;
}

/* How the host behaves towards this guest, before it can send. */
static void route_settle(const struct vif *v, const struct facts *f,
			 struct plan *p)
{
	if (vif_has(v, AF_INET)) {
		/* a guest with two cards may send by either */
		route_sysctl(p, STEP_IP4_RP_FILTER, v->name, f->twin ? 2 : 1);
		route_sysctl(p, STEP_IP4_PROXY_ARP, v->name, 1);
		/* answer now, not within 0.8 s: nobody else will */
		route_sysctl(p, STEP_IP4_PROXY_DELAY, v->name, 0);
	}
	if (vif_has(v, AF_INET6)) {
		route_sysctl(p, STEP_IP6_OFF, v->name, 0);
		route_sysctl(p, STEP_IP6_ACCEPT_RA, v->name, 0);
	} else if (f->ipv6) {
		plan_add(p, STEP_NO_IPV6, v->name);
	}
}

/* 10.0.0.5 and 10.0.0.5/24 are the same guest's same address. */
static bool route_seen(const struct vif *v, unsigned i)
{
	unsigned k;

	for (k = 0; k < i; k++)
		if (!vif_addr_is_net(&v->addr[k]) &&
		    vif_addr_same(&v->addr[k], &v->addr[i]))
			return true;
	return false;
}

/* The i-th address as a destination; false when it was there before. */
static bool route_dest(const struct vif *v, unsigned i, struct vif_addr *out)
{
	*out = v->addr[i];
	if (vif_addr_is_net(out))
		return true;
	out->len = out->family == AF_INET ? 32 : 128;
	return !route_seen(v, i);
}

static void route_add(const struct vif *v, const struct facts *f,
		      const struct vif_addr *to, struct plan *p)
{
	struct step *s = plan_add(p, STEP_ROUTE, v->name);

	s->addr = *to;
	s->num = f->emulated ? ROUTE_EMULATED : ROUTE_METRIC;
	mode_gateway(v, f, to->family, &s->src);
	s->src.len = to->family == AF_INET ? 32 : 128;
	/* a global source is chosen for a global destination by itself */
	if (to->family == AF_INET6 && vif_addr_is_local(&s->src))
		memset(&s->src, 0, sizeof(s->src));
}

enum route_what { ROUTE_NEIGH, ROUTE_ROUTE, ROUTE_PROXY };

/* One step of a kind for each address. */
static void route_each(const struct vif *v, const struct facts *f,
		       enum route_what what, struct plan *p)
{
	struct vif_addr to;
	struct step *s;
	unsigned i;

	for (i = 0; i < v->naddr; i++) {
		if (!route_dest(v, i, &to))
			continue;
		if (what == ROUTE_ROUTE) {
			route_add(v, f, &to, p);
			continue;
		}
		/* a network's hosts are asked for; its router knows us */
		if (vif_addr_is_net(&to))
			continue;
		if (what == ROUTE_PROXY && vif_addr_is_local(&to))
			continue;
		s = plan_add(p, what == ROUTE_NEIGH ? STEP_NEIGH : STEP_PROXY,
			     what == ROUTE_NEIGH ? v->name : v->gatewaydev);
		s->addr = to;
		memcpy(s->mac, v->mac, 6);
	}
}

void route_forward4(const char *dev, const char *uplink, struct plan *p)
{
	route_sysctl(p, STEP_IP4_FORWARD, dev, 1);
	if (uplink[0])
		route_sysctl(p, STEP_IP4_FORWARD, uplink, 1);
}

void route_forward6(const char *name, const char *uplink, const struct facts *f,
		    struct plan *p)
{
	const char *dev[] = { name, uplink };
	unsigned i;

	for (i = 0; i < f->nra; i++)
		route_sysctl(p, STEP_IP6_ACCEPT_RA, f->ra[i], 2);
	if (!f->forward6 && !f->force6)
		route_sysctl(p, STEP_IP6_FORWARD, "all", 1);
	for (i = 0; i < ARRAY_SIZE(dev) && dev[i][0]; i++) {
		route_sysctl(p, STEP_IP6_FORWARD, dev[i], 1);
		if (!f->forward6 && f->force6)
			route_sysctl(p, STEP_IP6_FORCE, dev[i], 1);
	}
}

int route_plan(const struct vif *v, const struct facts *f, struct plan *out,
	       struct err *e)
{
	static const int family[] = { AF_INET, AF_INET6 };
	struct vif_addr gateway;
	unsigned i;
	int rc = route_sane(v, f, e);

	if (rc)
		return rc;
	/* attached already: no gap in its traffic */
	if (!f->routed)
		plan_add(out, STEP_DOWN, v->name);
	memcpy(plan_add(out, STEP_MAC, v->name)->mac, plan_host_mac, 6);
	plan_add(out, STEP_MTU, v->name)->num = mode_mtu(v, f);
	route_settle(v, f, out);
	plan_add(out, STEP_GUARD, v->name);
	for (i = 0; i < ARRAY_SIZE(family); i++)
		if (mode_gateway(v, f, family[i], &gateway))
			plan_add(out, STEP_ADDR, v->name)->addr = gateway;
	if (v->mode == VIF_NAT)
		plan_add(out, STEP_GROUP, v->name)->num = NETWORK_GROUP_VIF;
	plan_add(out, STEP_UP, v->name);
	/* up first: what goes when a link goes down has to come after it */
	if (v->has_mac)
		route_each(v, f, ROUTE_NEIGH, out);
	route_each(v, f, ROUTE_ROUTE, out);
	/* nobody out there sees the addresses of mode nat */
	if (v->gatewaydev[0] && v->mode == VIF_ROUTE)
		route_each(v, f, ROUTE_PROXY, out);
	if (vif_has(v, AF_INET))
		route_forward4(v->name, v->gatewaydev, out);
	if (vif_has(v, AF_INET6))
		route_forward6(v->name, v->gatewaydev, f, out);
	if (vif_has(v, AF_INET6) && v->gatewaydev[0] && v->mode == VIF_ROUTE)
		route_sysctl(out, STEP_IP6_PROXY, v->gatewaydev, 1);
	return 0;
}

uint32_t mode_mtu(const struct vif *v, const struct facts *f)
{
	if (v->mtu)
		return v->mtu;
	if (v->mode == VIF_BRIDGE)
		return f->bridge ? f->bridge_mtu : ROUTE_MTU;
	return v->gatewaydev[0] && f->gatewaydev ? f->gatewaydev_mtu
						 : ROUTE_MTU;
}
