/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nl.h - what this host's kernel is asked and told, one call each
 *
 * nl.c (links, ports), nl_fdb.c, nl_vlan.c and nl_ip.c (addresses, routes,
 * neighbours) are the only files that speak rtnetlink, sysctl.c is the only one
 * that writes a sysctl. Errors are the kernel's -errno; nl_why() adds what the
 * kernel said.
 */
#ifndef NETBACK_MODES_NL_H
#define NETBACK_MODES_NL_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>

#include "mode.h"

enum { NL_OURS = 78 }; /* who made a proxy, as routes have a protocol */

struct nl_host; /* one netlink socket */

struct nl_link {
	int index;
	char name[IFNAMSIZ];  /* asked for by another name, this is it */
	char alias[IFNAMSIZ]; /* ifalias, cut */
	char parent[32];      /* the device below: "vif-1-0" of a xen one */
	bool up;
	bool tap;	  /* made by TUNSETIFF with IFF_TAP */
	bool xen;	  /* a xen-netback device */
	char kind[16];	  /* "bridge", "veth", .. or "" for hardware */
	uint32_t mtu;	  /* bytes */
	uint8_t mac[6];	  /* zero unless Ethernet */
	int master_index; /* 0 = none */
	char master[IFNAMSIZ];
	bool port;	/* of a bridge */
	uint32_t flags; /* bits of enum step_port, of a port */
	uint32_t group; /* of links, as ip-link(8) has it; 0 = default */
	bool can_vlan;	/* a bridge which could keep VLANs apart .. */
	bool vlans;	/* .. and does */
	/* what the kernel tells of its settings: -1 = nothing. IP6_OFF: it has no
	 * IPv6 at all
	 */
	int setting[STEP_SYSCTLS];
};

struct nl_fdb {
	int index;   /* the port */
	bool stays;  /* static or the host's own: not learned */
	bool sticky; /* stays there whoever else sends with that MAC */
};

/* A static entry, as it is kept to be put back. */
struct nl_static {
	uint8_t mac[6];
	bool sticky;
};

int nl_host_open(struct nl_host **out);
/* NULL is fine. The socket is kept for the next nl_host_open: a program that
 * looks, plans and applies has one.
 */
void nl_host_close(struct nl_host *h);

/* The kernel's own words about the last error: " (..)", or "". */
const char *nl_why(const struct nl_host *h);

/* -ENODEV when there is none of that name. */
int nl_link_get(struct nl_host *h, const char *dev, struct nl_link *out);

int nl_link_up(struct nl_host *h, const char *dev, bool up);
int nl_link_mac(struct nl_host *h, const char *dev, const uint8_t mac[6]);
int nl_link_mtu(struct nl_host *h, const char *dev, uint32_t mtu);
/* master "" = none */
int nl_link_master(struct nl_host *h, const char *dev, const char *master);
int nl_link_group(struct nl_host *h, const char *dev, uint32_t group);
/* alias "" = none */
int nl_link_rename(struct nl_host *h, int index, const char *name,
		   const char *alias);
/* All links, until fn returns true. */
typedef bool nl_link_fn(void *arg, const struct nl_link *l);
int nl_link_each(struct nl_host *h, nl_link_fn *fn, void *arg);
int nl_link_delete(struct nl_host *h, const char *dev);

/* A bridge, up, in that group of links. vlans: it keeps them apart. */
int nl_bridge_add(struct nl_host *h, const char *dev, uint32_t group,
		  bool vlans);

/* The VLANs that a port is in, at most n ranges: how many. */
int nl_vlans(struct nl_host *h, const char *dev, struct vif_vlan *v,
	     unsigned n);
/* t: one, or all from first to last (step 1). */
int nl_vlan_set(struct nl_host *h, const char *dev, const struct vif_vlan *t,
		bool on);

/* Sets all of enum step_port, on or off. */
int nl_port_set(struct nl_host *h, const char *dev, uint32_t flags);

/* The entry for mac in the bridge that dev is a port of; -ENOENT. */
int nl_fdb_get(struct nl_host *h, const char *dev, const uint8_t mac[6],
	       struct nl_fdb *out);
/* -EEXIST: there is an entry for mac, of whatever kind */
int nl_fdb_new(struct nl_host *h, const char *dev, const struct nl_static *f);
int nl_fdb_add(struct nl_host *h, const char *dev, const struct nl_static *f);
int nl_fdb_del(struct nl_host *h, const char *dev, const uint8_t mac[6]);

/* The static entries of a port, at most n; returns how many. One MAC counts once,
 * in however many VLANs it is.
 */
int nl_fdb_static(struct nl_host *h, const char *dev, struct nl_static *out,
		  unsigned n);

/* --- addresses, routes, neighbours (nl_ip.c); index: of the device --- */

struct nl_route {
	struct vif_addr to;  /* one address, or a network */
	struct vif_addr src; /* family 0: none */
	uint32_t metric;
};

/* 0 for what a kernel without a family says about it, else rc. */
int nl_no_family(int rc);

/* Addresses of a device, of one family or of both (AF_UNSPEC), at most n. */
int nl_addrs(struct nl_host *h, int index, int family, struct vif_addr *v,
	     unsigned n);
/* -EEXIST when it is there. */
int nl_addr_add(struct nl_host *h, int index, const struct vif_addr *a);
int nl_addr_del(struct nl_host *h, int index, const struct vif_addr *a);

/* Unicast routes of the main table that lead to a device, at most n. */
int nl_routes(struct nl_host *h, int index, struct nl_route *v, unsigned n);
/* -EEXIST when there is one like it, to whatever device. */
int nl_route_add(struct nl_host *h, int index, const struct nl_route *r);
int nl_route_del(struct nl_host *h, int index, const struct nl_route *r);

/* Where packets to `a` would go: a device's index, 0 for the host itself;
 * -ENETUNREACH and the like.
 */
int nl_route_to(struct nl_host *h, const struct vif_addr *a);
/* The device that a route to `a` alone leads to; 0: there is none. */
int nl_route_own(struct nl_host *h, const struct vif_addr *a);

/* Devices with a default route that router advertisements keep, at most n. */
int nl_ra_devs(struct nl_host *h, char name[][IFNAMSIZ], unsigned n);

/* 1: `a` is at mac for good; 0: it is not. */
int nl_neigh_is(struct nl_host *h, int index, const struct vif_addr *a,
		const uint8_t mac[6]);
int nl_neigh_add(struct nl_host *h, int index, const struct vif_addr *a,
		 const uint8_t mac[6]);
int nl_neigh_del(struct nl_host *h, int index, const struct vif_addr *a);

/* 1 there, 0 not. */
int nl_proxy_is(struct nl_host *h, int index, const struct vif_addr *a);
int nl_proxy_add(struct nl_host *h, int index, const struct vif_addr *a);
int nl_proxy_del(struct nl_host *h, int index, const struct vif_addr *a);
/* Of any device. */
int nl_proxy_del_all(struct nl_host *h, const struct vif_addr *a);
/* Every one that nl_proxy_add made and to which no route of its own leads any
 * more: whoever had it is gone. Kernels before 5.0 do not remember who made one.
 */
int nl_proxy_sweep(struct nl_host *h);

/* The device, but for `but`, that a route to some of net leads to; 0: none. */
int nl_route_overlap(struct nl_host *h, const struct vif_addr *net, int but);

/* The device of the default route of a family; 0: there is none. */
int nl_default_dev(struct nl_host *h, int family);

/* --- sysctls (sysctl.c) --- */

/* "net/ipv4/conf/DEV/forwarding"; -EINVAL for a name that would leave the
 * directory. dev may be "default" or "all".
 */
int nl_sysctl_path(enum step_sysctl key, const char *dev, char *buf,
		   unsigned size);
/* The value, or -ENOENT: no such device, or a kernel without it. */
int nl_sysctl_get(enum step_sysctl key, const char *dev);
int nl_sysctl_set(enum step_sysctl key, const char *dev, unsigned value);

/* net.ipv6.conf.DEV.disable_ipv6: 0, 1; -ENOENT when the device (or the
 * kernel) has no IPv6 at all. dev may be "default". -EINVAL for a name that
 * would leave the directory.
 */
int nl_ipv6_off(const char *dev);
int nl_ipv6_off_set(const char *dev, int off);

#endif
