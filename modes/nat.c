// SPDX-License-Identifier: GPL-2.0-or-later
/* nat.c - mode nat: guests that the world sees at the host's own address
 *
 * Pure. A card in a network is a port of the network's bridge, with all that a
 * port has. A card of no network is routed, as Xen's vif-nat has it: its
 * gateway is its own address with 127 more in the last number. Which packets are
 * masqueraded follows from link groups alone (filter.h): a bridge's own frames
 * never leave their bridge, so nothing can happen to them.
 */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "network.h"
#include "plan.h"

enum { NAT_OFFSET = 127, NAT_LAST = 254 };

void nat_gateway(const struct vif *v, int family, struct vif_addr *out)
{
	unsigned i, last;

	for (i = 0; i < v->naddr && v->addr[i].family != family; i++)
		;
	if (family != AF_INET || i == v->naddr)
		return;
	*out = v->addr[i];
	last = out->addr[3] + NAT_OFFSET;
	out->addr[3] = (uint8_t)(last > NAT_LAST ? last - NAT_LAST : last);
}

static int nat_sane_network(const struct vif *v, const struct facts *f,
			    struct err *e)
{
	if (f->bridge)
		return 0;
	return err_set(e, -ENODEV,
		       "network %s: there is none; make it (vifctl network add "
		       "%s), or name another with network=",
		       v->network, v->network);
}

int nat_plan(const struct vif *v, const struct facts *f, struct plan *out,
	     struct err *e)
{
	int rc;

	if (!v->network[0])
		return route_plan(v, f, out, e);
	rc = nat_sane_network(v, f, e);
	return rc ? rc : bridge_plan(v, f, out, e);
}

/* --- a network -----------------------------------------------------------------*/

static void nat_mac(const char *name, uint8_t mac[6])
{
	uint32_t h = 2166136261u; /* FNV-1a: the same each time */

	for (; *name; name++)
		h = (h ^ (uint8_t)*name) * 16777619u;
	memcpy(mac, (uint8_t[]){ 0x02, 'N', 'B' }, 3);
	mac[3] = (uint8_t)(h >> 16);
	mac[4] = (uint8_t)(h >> 8);
	mac[5] = (uint8_t)h;
}

static void nat_addr(struct plan *p, const char *dev, const struct vif_addr *a)
{
	plan_add(p, STEP_ADDR, dev)->addr = *a;
}

/* Pure. The bridge is there; uplink "": there is no way to the world. */
static void nat_network(const struct network *n, const struct facts *f,
			const char *uplink, struct plan *p)
{
	/* routers are known by a link-local address (RFC 4861) */
	static const struct vif_addr router = { AF_INET6,
						64,
						{ 0xfe, 0x80, [15] = 1 } };
	bool world = n->kind == NETWORK_NAT || n->kind == NETWORK_OPEN;
	bool six = f->ipv6 && n->addr[1].family;

	memset(p, 0, sizeof(*p));
	memcpy(p->policy.dev, n->bridge, sizeof(p->policy.dev));
	nat_mac(n->name, plan_add(p, STEP_MAC, n->bridge)->mac);
	if (!six && f->ipv6)
		plan_add(p, STEP_NO_IPV6, n->bridge);
	if (n->addr[0].family)
		nat_addr(p, n->bridge, &n->addr[0]);
	if (six) {
		nat_addr(p, n->bridge, &n->addr[1]);
		nat_addr(p, n->bridge, &router);
	}
	plan_add(p, STEP_UP, n->bridge);
	if (n->addr[0].family && world)
		route_forward4(n->bridge, uplink, p);
	if (six && world)
		route_forward6(n->bridge, uplink, f, p);
}

/* Makes the bridge, or finds that it is this network's. */
static int nat_bridge(const struct network *n, struct err *e)
{
	uint32_t group = NETWORK_GROUP_NAT + n->kind;
	struct nl_link l = { 0 };
	struct nl_host *h;
	int rc = plan_open(&h, e);

	if (rc)
		return rc;
	rc = nl_bridge_add(h, n->bridge, group, false);
	if (rc == -EEXIST)
		rc = nl_link_get(h, n->bridge, &l);
	if (rc)
		err_set(e, rc, "%s: cannot make the bridge: %s%s", n->bridge,
			strerror(-rc), nl_why(h));
	else if (l.index && (strcmp(l.kind, "bridge") || l.group != group))
		rc = err_set(e, -ENOTUNIQ,
			     "%s: the name is taken by %s that is not this "
			     "network's; name the network otherwise",
			     n->bridge, plan_kind(l.kind));
	nl_host_close(h);
	return rc;
}

/* What a routed vif with these addresses would be told of the host. */
static int nat_facts(const struct network *n, const char *uplink,
		     struct facts *f, struct err *e)
{
	struct vif v;
	unsigned i;

	vif_init(&v, 0, 0);
	v.mode = VIF_ROUTE;
	memcpy(v.name, n->bridge, sizeof(v.name));
	memcpy(v.gatewaydev, uplink, sizeof(v.gatewaydev));
	for (i = 0; i < 2; i++) {
		if (!n->addr[i].family)
			continue;
		v.addr[v.naddr] = n->addr[i];
		v.addr[v.naddr].addr[i ? 15 : 3] ^= 3; /* any but the host's */
		v.naddr++;
	}
	return mode_facts(&v, f, e);
}

int mode_network_up(const struct network *n, struct err *e)
{
	char uplink[IFNAMSIZ];
	struct facts f;
	struct plan p;
	int rc = mode_uplink(uplink, e);

	if (!rc)
		rc = nat_bridge(n, e);
	if (!rc)
		rc = nat_facts(n, uplink, &f, e);
	if (rc)
		return rc;
	nat_network(n, &f, uplink, &p);
	return mode_apply(&p, NULL, e);
}

int mode_network_check(const struct network *n, FILE *out, struct err *e)
{
	char uplink[IFNAMSIZ];
	struct facts f;
	struct plan p;
	int rc = mode_uplink(uplink, e);

	if (!rc)
		rc = nat_facts(n, uplink, &f, e);
	if (rc)
		return rc;
	nat_network(n, &f, uplink, &p);
	plan_add(&p, STEP_GROUP, n->bridge)->num = NETWORK_GROUP_NAT +
						   (uint32_t)n->kind;
	return mode_check(&p, out, e);
}

static bool nat_on_port(void *arg, const struct nl_link *l)
{
	int *bridge = arg;

	if (l->master_index != *bridge)
		return false;
	*bridge = 0;
	return true;
}

int mode_network_down(const struct network *n, struct err *e)
{
	struct nl_link l = { 0 };
	struct nl_host *h;
	int rc = plan_open(&h, e), index;
	bool there;

	if (rc)
		return rc;
	rc = plan_look(h, n->bridge, &l, &there, e);
	index = l.index;
	if (rc || !there || l.group != NETWORK_GROUP_NAT + (uint32_t)n->kind)
		goto out;
	rc = nl_link_each(h, nat_on_port, &index);
	if (!rc && !index)
		rc = err_set(e, -EBUSY,
			     "network %s: guests are in it (bridge link show); "
			     "detach them first",
			     n->name);
	else if (!rc)
		rc = nl_link_delete(h, n->bridge);
	if (rc == -ENODEV)
		rc = 0;
	else if (rc && rc != -EBUSY)
		err_set(e, rc, "%s: cannot delete it: %s%s", n->bridge,
			strerror(-rc), nl_why(h));
out:
	nl_host_close(h);
	return rc;
}

int mode_network_taken(const struct vif_addr *net, const char *bridge,
		       char dev[IFNAMSIZ], struct err *e)
{
	struct nl_link l = { 0 };
	struct nl_host *h;
	int rc = plan_open(&h, e), index;
	bool there;

	if (rc)
		return rc;
	rc = plan_look(h, bridge, &l, &there, e);
	index = rc ? rc : nl_route_overlap(h, net, l.index);
	if (index < 0 && !rc)
		rc = err_set(e, index, "cannot read the routes: %s%s",
			     strerror(-index), nl_why(h));
	nl_host_close(h);
	/* one that is gone by now has no route any more */
	if (!rc && index > 0 && if_indextoname((unsigned)index, dev))
		rc = 1;
	return rc;
}
