// SPDX-License-Identifier: GPL-2.0-or-later
/* flowcut.c - around a change of rules: what goes on and may not is ended */
#include "ctl/flowcut.h"

#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "ctl/nodes.h"
#include "ctl/run.h"
#include "ctl/way.h"
#include "flows.h"

struct flowcut {
	struct ctl *c;
	struct flow_place *v;
	size_t n, room, vifs;
	struct ifaddrs *addrs;
	struct flows *flows;
	bool no_memory;
};

/* Does the host route for that bridge? Then it has an address there. */
static bool flowcut_routes(const struct flowcut *k, const char *bridge, int af)
{
	const struct ifaddrs *i;

	for (i = k->addrs; i; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != af ||
		    strcmp(i->ifa_name, bridge))
			continue;
		if (af == AF_INET ||
		    !IN6_IS_ADDR_LINKLOCAL(
			    &((const struct sockaddr_in6 *)i->ifa_addr)
				     ->sin6_addr))
			return true;
	}
	return false;
}

static struct flow_place *flowcut_place(struct flowcut *k, const char *dev)
{
	size_t room = k->room ? 2 * k->room : 64;
	struct flow_place *p = k->v;

	if (k->n == k->room) {
		p = reallocarray(p, room, sizeof(*p));
		if (!p) {
			k->no_memory = true;
			return NULL;
		}
		k->v = p;
		k->room = room;
	}
	p += k->n++;
	memset(p, 0, sizeof(*p));
	str_put(p->dev, sizeof(p->dev), dev);
	way_master(dev, p->bridge);
	if (k->n > 1 && p->bridge[0] && !strcmp(p->bridge, p[-1].bridge)) {
		memcpy(p->own, p[-1].own, sizeof(p->own));
		memcpy(p->bridge_routes, p[-1].bridge_routes,
		       sizeof(p->bridge_routes));
		p->zone = p[-1].zone;
		return p;
	}
	way_mac(p->bridge[0] ? p->bridge : dev, p->own);
	p->bridge_routes[0] = flowcut_routes(k, p->bridge, AF_INET);
	p->bridge_routes[1] = flowcut_routes(k, p->bridge, AF_INET6);
	if (p->bridge[0]) /* as zone.c counts them */
		p->zone = (uint16_t)if_nametoindex(p->bridge);
	return p;
}

static void flowcut_vif(struct flowcut *k, const struct vif *v,
			const struct vif_addr *addr, const uint8_t mac[6])
{
	struct flow_place *p = flowcut_place(k, v->name);

	if (!p)
		return;
	p->vif = true;
	p->addr = *addr;
	if (!vif_addr_is_net(addr)) /* one, however it was written */
		p->addr.len = addr->family == AF_INET ? 32 : 128;
	memcpy(p->mac, mac, 6);
}

static int flowcut_on_vif(void *arg, uint16_t domid, uint16_t handle)
{
	struct flowcut *k = arg;
	struct nodes n;
	unsigned i;

	if (nodes_read(k->c->store, domid, handle, &n, NULL) || !n.back ||
	    !if_nametoindex(n.vif.name))
		return 0;
	for (i = 0; i < n.vif.naddr; i++)
		flowcut_vif(k, &n.vif, &n.vif.addr[i], n.vif.mac);
	for (i = 0; i < n.vif.npair; i++)
		flowcut_vif(k, &n.vif, &n.vif.pair[i].addr, n.vif.pair[i].mac);
	return 0;
}

/* A vif's own, or its emulated card's. */
static bool flowcut_is_vif(const struct flowcut *k, const char *dev)
{
	size_t i, len;

	for (i = 0; i < k->vifs; i++) {
		len = strlen(k->v[i].dev);
		if (!strncmp(dev, k->v[i].dev, len) &&
		    (!dev[len] || dev[len] == '-'))
			return true;
	}
	return false;
}

/* Devices that are no vif's, but for bridges: their ports are. */
static void flowcut_others(struct flowcut *k)
{
	struct if_nameindex *v = if_nameindex(), *i;
	char path[64];

	for (i = v; i && i->if_name; i++) {
		str_fmt(path, sizeof(path), "/sys/class/net/%s/bridge",
			i->if_name);
		if (strcmp(i->if_name, "lo") && access(path, F_OK) &&
		    !flowcut_is_vif(k, i->if_name))
			flowcut_place(k, i->if_name);
	}
	if (v)
		if_freenameindex(v);
}

static void flowcut_free(struct flowcut *k)
{
	flows_close(k->flows);
	if (k->addrs)
		freeifaddrs(k->addrs);
	free(k->v);
	free(k);
}

static int flowcut_places(void *arg, const struct flow_place **v, size_t *n)
{
	struct flowcut *k = arg;

	if (getifaddrs(&k->addrs))
		k->addrs = NULL;
	nodes_each(k->c->store, flowcut_on_vif, k, NULL);
	k->vifs = k->n;
	if (k->vifs)
		flowcut_others(k);
	*v = k->v;
	*n = k->n;
	return k->no_memory ? -ENOMEM : 0;
}

struct flowcut *flowcut_open(struct ctl *c)
{
	struct flowcut *k;
	struct err e = { "" };

	if (run_store(c, NULL))
		return NULL; /* no vif is known */
	k = calloc(1, sizeof(*k));
	if (!k)
		return NULL;
	k->c = c;
	if (!flows_before(&k->flows, flowcut_places, k, c->legacy, &e))
		return k;
	fprintf(stderr, "vifctl: %s\n", e.text);
	flowcut_free(k);
	return NULL;
}

int flowcut_close(struct flowcut *k, int rc, FILE *out)
{
	struct flows_said said = { 0 };
	struct err e = { "" };

	if (!k)
		return rc;
	if (!rc && flows_after(k->flows, &said, &e))
		fprintf(stderr, "vifctl: %s\n", e.text);
	if (said.cut)
		fprintf(out, "connections: %u ended, which the rules forbid\n",
			said.cut);
	if (said.unknown)
		fprintf(out,
			"connections: %u left, of which it cannot be known "
			"whether the rules forbid them\n",
			said.unknown);
	flowcut_free(k);
	return rc;
}
