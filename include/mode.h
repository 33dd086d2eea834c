/* SPDX-License-Identifier: GPL-2.0-or-later */
/* mode.h - how a vif's host side is attached: decide, print, do, undo
 *
 * A mode is a pure function from (vif, facts about the host) to a list of
 * steps. Each step can be printed, applied, checked and undone. Attach is the
 * list; detach is the list reversed, and it never fails because something is
 * gone already. No file here sees a packet or a firewall rule: the guard is one
 * step whose policy is handed to whoever the caller names.
 */
#ifndef NETBACK_MODE_H
#define NETBACK_MODE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"
#include "network.h"
#include "policy.h"
#include "vif.h"

enum {
	MODE_STEPS = 72, /* a route plan: 3 for each of 16 addresses, 23 */
	MODE_RA = 4,	 /* devices whose default route is kept */
};

/* In the order in which plans use them. */
enum step_kind {
	STEP_BRIDGE, /* the bridge `other` itself, made, up; num: VLANs apart */
	STEP_DOWN,   /* link down; left out for a port of `other` */
	STEP_MAC,    /* link address fe:ff:ff:ff:ff:ff */
	STEP_MTU,    /* link mtu = num */
	STEP_NO_IPV6, /* net.ipv6.conf.DEV.disable_ipv6 = 1 */
	STEP_GUARD,   /* policy in place, before any frame can pass */
	STEP_MASTER,  /* enslave to `other` */
	STEP_PORT,    /* bridge port flags: bits of enum step_port in num */
	STEP_VLAN,    /* in the plan's VLANs and no others */
	STEP_FDB,     /* static FDB entry for mac on the port */
	STEP_GROUP,   /* in the link group num: whose packets are masqueraded */
	STEP_UP,      /* link up: last in a bridge plan */
	STEP_SYSCTL,  /* setting `key` of dev ("all": of the host) = num */
	STEP_ADDR,    /* the host's own address, a gateway for the guest */
	STEP_NEIGH,   /* addr is at mac, for good */
	STEP_ROUTE,   /* addr, one or a network, is behind dev; num: metric */
	STEP_PROXY,   /* dev answers ARP or ND for addr */
	STEP_CLEAR,   /* undo only: addresses of dev, proxies of its routes */
};

/* Settings that a plan knows. */
enum step_sysctl {
	STEP_IP4_FORWARD,
	STEP_IP4_PROXY_ARP,
	STEP_IP4_PROXY_DELAY,
	STEP_IP4_RP_FILTER,
	STEP_IP6_OFF,
	STEP_IP6_ACCEPT_RA,
	STEP_IP6_FORWARD,
	STEP_IP6_FORCE, /* forward for this device alone: Linux 6.17 */
	STEP_IP6_PROXY,
	STEP_SYSCTLS,
};

enum step_port {
	STEP_PORT_LOCKED = 1, /* only MACs in the FDB may send */
	STEP_PORT_NOLEARN = 2,
	STEP_PORT_ISOLATED = 4,
	STEP_PORT_HAIRPIN = 8, /* a frame may leave where it came from */
	STEP_PORT_NO_FLOOD = 16,
	STEP_PORT_NO_MCAST = 32,
	STEP_PORT_NO_BCAST = 64,
};

struct step {
	uint8_t kind; /* enum step_kind */
	uint8_t key;  /* enum step_sysctl */
	char dev[IFNAMSIZ];
	char other[IFNAMSIZ];
	uint32_t num;
	uint8_t mac[6];
	struct vif_addr addr;
	struct vif_addr src; /* of packets to addr; family 0: any */
};

struct plan {
	struct policy policy; /* of the STEP_GUARD step, if there is one */
	unsigned nvlan;
	struct vif_vlan vlan[VIF_VLANS]; /* of the STEP_VLAN step */
	unsigned n;
	struct step v[MODE_STEPS];
};

/* What a plan depends on; read by mode_facts, or written by a test. */
struct facts {
	bool link; /* the vif's device exists */
	uint32_t link_mtu;
	char master[IFNAMSIZ]; /* its bridge now, or "" */
	bool link_is_tap;      /* a tap or a xen vif: ours to configure */
	char link_kind[16];    /* what it is else: "veth", "" = unnamed */
	bool bridge;	       /* the wanted bridge exists .. */
	bool bridge_is_bridge; /* .. and is one */
	char bridge_kind[16];  /* what it is else */
	uint32_t bridge_mtu;
	bool can_vlan;	  /* this kernel's bridges can keep VLANs apart .. */
	bool bridge_vlan; /* .. and this one does */
	bool ipv6;	  /* net.ipv6 is there */
	bool can_lock;	  /* this kernel knows `locked` ports */
	bool twin;     /* the MAC is another device's, too (an emulated card and
			* its fast path): the bridge has to learn where it is */
	bool emulated; /* .. and this is the emulated one: the first choice
			* while both are there */

	/* asked for mode=route only */
	bool routed;	 /* the vif is up and has a gateway: it is attached */
	bool stale;	 /* .. and has routes or gateways of another time */
	bool gatewaydev; /* it exists */
	uint32_t gatewaydev_mtu;
	struct vif_addr gatewaydev_addr; /* its IPv4 address; family 0: none */
	struct vif_addr own; /* one of the guest's that is the host's, too */
	bool forward6;	     /* IPv6 is forwarded between all devices */
	bool force6;	     /* this kernel can forward for one alone */
	unsigned nra;
	char ra[MODE_RA][IFNAMSIZ]; /* have a default route by RA, which the
				     * kernel drops when it forwards */
};

/* The mtu that the vif gets, and the guest is told: mtu=, else the bridge's, or
 * the gatewaydev's, or 1500.
 */
uint32_t mode_mtu(const struct vif *v, const struct facts *f);

/* The host's address on a routed vif: gateway=, else an IPv4 address of
 * gatewaydev or 169.254.1.1, and fe80::1. false: the guest has no address of
 * that family.
 */
bool mode_gateway(const struct vif *v, const struct facts *f, int family,
		  struct vif_addr *out);

/* Reads the host. 0, or -errno with a sentence. */
int mode_facts(const struct vif *v, struct facts *out, struct err *e);

/* Pure. When it cannot be done, a sentence and: -ENODEV, the bridge or the
 * device is missing; -ENOTUNIQ, a name belongs to something else; -EBUSY, the
 * device is in a bridge, another one; -EADDRINUSE, an address is the host's;
 * -EAFNOSUPPORT, no IPv6 here; -EINVAL, the vif makes no sense.
 * To show a plan for a device that is still to come, set link and link_is_tap.
 * f = NULL makes the plan to undo with: every step there could be.
 */
int mode_plan(const struct vif *v, const struct facts *f, struct plan *out,
	      struct err *e);

/* One step per line, in the words of ip(8), bridge(8) and sysctl(8), the guard
 * as a comment: it can be run. Or a JSON array of objects (json = true).
 */
void mode_print(const struct plan *p, FILE *out, bool json);

/* Who puts a policy in place (on) or removes it. */
typedef int mode_guard_fn(const struct policy *p, bool on, struct err *e);

/* Applies the steps in order; what holds already is left alone, so applying
 * twice equals applying once. When step k fails, puts back what k..1 changed, to
 * what it was before, and returns k's error. (k too: its answer may be what was
 * lost.) The guard is taken off again only if the device was not attached
 * before. What a route plan raises elsewhere than on the vif (forwarding) stays
 * raised: another vif may have begun to lean on it.
 */
int mode_apply(const struct plan *p, mode_guard_fn *guard, struct err *e);

/* The list reversed: down, out of the bridge, guard off. What is gone already is
 * not an error; a device that is no vif is left alone. Needs only names: p may come from a plan without facts, and
 * the bridge may be another than the one in p. Address and MTU stay, and so does forwarding. Goes on
 * after an error and returns the first; the guard stays if the device could not
 * be taken down and out.
 */
int mode_undo(const struct plan *p, mode_guard_fn *guard, struct err *e);

/* 0 when every step holds on this host (but the guard: ask filter_check); 1 when not, each difference one line
 * on out: "vif1.0: mtu is 1400, should be 1500".
 */
int mode_check(const struct plan *p, FILE *out, struct err *e);

/* What the device is called now that the kernel named `from`: itself, or what
 * mode_rename made of it, which stands in its alias. hint: a name to try first,
 * or NULL. -ENODEV: there is none.
 */
int mode_find(const char *from, const char *hint, char now[IFNAMSIZ],
	      struct err *e);

/* Calls that device `to`, whatever it is called now; done already is 0. One step,
 * with the alias: whoever is killed leaves all of it or nothing. -EEXIST: the
 * name is taken; -ENODEV; -ENOTUNIQ: `from` is no vif.
 */
int mode_rename(const char *from, const char *to, struct err *e);

/* The host's bridge, where it has one only. -ENODEV; -ENOTUNIQ: several. */
int mode_only_bridge(char name[IFNAMSIZ], struct err *e);

/* The device towards the world: eth0 where that has an IPv4 address, as Xen's
 * scripts have it, else the one of the default route, IPv4 before IPv6; name ""
 * = there is none. -errno with a sentence.
 */
int mode_uplink(char name[IFNAMSIZ], struct err *e);

/* --- networks (network.h) --- */

/* The network's bridge, with the host's addresses, up, and forwarding between it
 * and the way to the world where its kind needs that. Done already is 0.
 * -ENOTUNIQ: the bridge's name is somebody else's.
 */
int mode_network_up(const struct network *n, struct err *e);

/* Is it so? As mode_check. */
int mode_network_check(const struct network *n, FILE *out, struct err *e);

/* Takes the bridge away; forwarding stays raised. -EBUSY: guests are in it. */
int mode_network_down(const struct network *n, struct err *e);

/* 1: a route to some of `net` leads elsewhere than to `bridge`, through dev; 0. */
int mode_network_taken(const struct vif_addr *net, const char *bridge,
		       char dev[IFNAMSIZ], struct err *e);

/* What attach and detach may have left, killed in their middle: a bridge that a
 * plan made, without a port; a tap vifN.M, down and in no bridge, with the host's
 * own address. Calls fn for each until it returns non-zero.
 */
enum mode_left { MODE_LEFT_BRIDGE, MODE_LEFT_TAP };
int mode_left(int (*fn)(void *arg, enum mode_left kind, const char *dev),
	      void *arg, struct err *e);

/* 0, also if it is gone; -EBUSY: it is not of that kind any more, or has another
 * index.
 */
int mode_left_remove(enum mode_left kind, const char *dev, unsigned index,
		     struct err *e);

/* What a bridge does by itself with a frame of these MACs that came in by one of its
 * ports: from one port to another, or to the host (out ""). Locked and isolated ports,
 * the forwarding database, flooding, ports that do not forward; not what it would
 * learn, nor link-local groups. One of mode_ways, with a sentence in why unless it
 * leads there; -errno. STP and LOCKED: dropped as it comes in, for that reason;
 * DROPS: it does not come there, and may go elsewhere.
 */
enum mode_ways {
	MODE_WAY_LEADS,
	MODE_WAY_DROPS,
	MODE_WAY_UNKNOWN,
	MODE_WAY_STP,
	MODE_WAY_LOCKED,
};
struct mode_way {
	const char *bridge, *in, *out;
	const uint8_t *src, *dst;
};
int mode_way(const struct mode_way *q, char *why, size_t size, struct err *e);

/* The port behind which the bridge of `port` knows a MAC: 0; -ENOENT none, or it is
 * the host's own.
 */
int mode_behind(const char *port, const uint8_t mac[6], char dev[IFNAMSIZ]);

/* What this kernel can do: makes bridges nbprobe0 and nbprobe1, puts dev into one,
 * and takes both away. For a namespace of its own. Each answer is 0 or -errno.
 */
enum { MODE_PROBE_FLAGS = 7 };
struct mode_probe {
	int bridge, port, vlan, ipv6;
	int force6; /* IPv6 forwarding for one device alone */
	/* locked, learning, isolated, hairpin, flood, mcast, bcast */
	int flag[MODE_PROBE_FLAGS];
};
int mode_probe(const char *dev, struct mode_probe *out, struct err *e);

/* Deletes the device `name` if it is there (a tap left by a dead daemon).
 * Only a tap: anything else is -EEXIST with a sentence.
 */
int mode_delete_tap(const char *name, struct err *e);

#endif
