/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vif.h - the value everybody shares: one guest's card, as asked for
 *
 * Plain, no pointers, safe in a message. One grammar, key=value, on vifctl's
 * line, in xl's vif= string and in the store; what print writes, parse reads.
 *
 *   key       value                    default      store node (backend dir)
 *   mac       xx:xx:xx:xx:xx:xx        generated    mac
 *   mode      bridge, route, nat       bridge       mode
 *   bridge    device name              xenbr0       bridge
 *   network   name of a network        none         network
 *   gatewaydev  device name            none         gatewaydev
 *   gateway   addr [addr], one a family  see mode.h gateway
 *   vifname   device name              vifN.M       vifname
 *   ip        addr[/len] [addr..],     none = any   ip
 *             or learn, or dhcp
 *   mtu       68..65535 bytes          see mode.h   mtu
 *   isolated  yes, no                  no           isolated
 *   hairpin   yes, no                  no           hairpin
 *   flood, mcast_flood, bcast_flood
 *             yes, no                  yes          the same
 *   vlan      V[p|u]/V1-V2[u]/V+OxC[u] none         vlan
 *   rate      N[K|M|G](b|B)/s[@N(us|ms|s)]  none    rate
 *   create    yes, no                  no           create
 *   pair      mac/addr[/len] [..]      none         pair
 *   allow     dhcp-server, router,     none         allow
 *             shared
 *   link      up, down                 up           link
 *   rules     FILE [FILE ..], 1 to 4   none         rules
 *   packets   N/s                      none         packets
 *   connections  N/s                   none         connections
 *   accept    never, auto, always      never        accept
 *   direct    yes, no                  no           direct-asked
 *
 * Limits: a device name has 1..15 letters, digits or . _ - @, no dash first,
 * and is not ".", "..", "all" or "default": so it means the same to the kernel, to
 * /proc/sys, to iptables ('+') and to nft ('*', '"'). A MAC is unicast and not
 * zero. Addresses are separated by blanks in the store, by commas in a
 * word; parse reads both.
 *
 * vlan: numbers of VLANs, 1..4094, separated by '/'. p: frames without a tag are
 * in that one, and leave without it; u: leave without it. V+OxC: V and C more in
 * steps of O. One is p, or a single one is it without saying so.
 *
 * rate: b is bits, B is bytes; multiples of 1000. What may pass the vif in each
 * interval, both ways together, 50 ms if none is given. In the store, and printed: "BYTES,MICROSECONDS",
 * for each interval, which is read as well.
 *
 * packets, connections: from 1 to 10000000 a second; /s need not be said.
 *
 * rules: files of rules (ruleset.h) that come and go with the vif: a name stands
 * for /etc/netback/rules.d/NAME.rules, what begins with / for itself.
 *
 * direct: ordinary frames to other vifs of the bridge that have it, too, may go
 * there without the host. The node `direct` is what the data path is told.
 *
 * mode=nat: a card in a network (network.h), whose bridge its name says, or
 * without network= a routed one whose packets leave under the host's address.
 * mode=route and the latter need ip=. bridge= means nothing there and is not printed (a
 * toolstack writes the node always); gatewaydev= and gateway= mean nothing to a
 * bridge and are refused.
 */
#ifndef NETBACK_VIF_H
#define NETBACK_VIF_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"

enum {
	VIF_ADDRS = 16,
	VIF_PAIRS = 8,
	VIF_GATEWAYS = 2, /* one of each family */
	VIF_VLANS = 8,	  /* terms, as 10p/100-120 is two */
	VIF_VLAN_MAX = 4094,
	VIF_NETWORK = 13, /* bytes of a network's name: its bridge is nb-NAME */
	VIF_DOMID_MAX = 0x7fef, /* below Xen's reserved numbers */
	VIF_HANDLE_MAX = 0xffff,
	VIF_FILES = 4,	 /* most in rules= */
	VIF_RULES = 160, /* bytes of rules=, NUL included */
	VIF_TEXT = 2048, /* bytes that vif_print may need, NUL included */
};

/* What only some guests may do. */
enum { VIF_ALLOW_DHCP = 1, VIF_ALLOW_ROUTER = 2, VIF_ALLOW_SHARED = 4 };

/* ip=learn: what it first sends from; ip=dhcp: what a DHCP server gives it */
enum vif_learn { VIF_LEARN_NOT, VIF_LEARN_FIRST, VIF_LEARN_DHCP };

/* Rules of ours that accept, at the end of the host's own chains (filter.h): none;
 * in those that drop what no rule accepts; in each.
 */
enum vif_accept { VIF_ACCEPT_NEVER, VIF_ACCEPT_AUTO, VIF_ACCEPT_ALWAYS };
const char *vif_accept_name(enum vif_accept a);

enum vif_mode { VIF_BRIDGE, VIF_ROUTE, VIF_NAT };
const char *vif_mode_name(enum vif_mode m);

struct vif_addr {
	uint8_t family;	  /* AF_INET or AF_INET6 */
	uint8_t len;	  /* prefix length, bits */
	uint8_t addr[16]; /* network order; 4 bytes used for AF_INET */
};

/* One more source that a guest may have: a MAC and the address that goes with it,
 * as the virtual router's of VRRP.
 */
struct vif_pair {
	uint8_t mac[6];
	struct vif_addr addr;
};

/* first, first + step .. to last: all with the same flags. */
struct vif_vlan {
	uint16_t first, last, step;
	bool pvid, untagged;
};

/* What a bridge does for a port; each has a word. */
enum vif_port {
	VIF_ISOLATED = 1,
	VIF_HAIRPIN = 2,
	VIF_NO_FLOOD = 4,	/* of unicast to MACs that are not known */
	VIF_NO_MCAST_FLOOD = 8, /* of multicast that nobody asked for */
	VIF_NO_BCAST_FLOOD = 16,
};

struct vif {
	uint16_t domid, handle;
	char name[IFNAMSIZ]; /* host device; vifN.M unless vifname= */
	bool has_mac;
	uint8_t mac[6];
	uint8_t mode;	/* enum vif_mode */
	uint8_t port;	/* bits of enum vif_port */
	bool create;	/* the bridge, if there is none */
	bool down;	/* no frame passes, either way */
	bool direct;	/* frames may pass by the host */
	uint32_t given; /* keys that vif_parse has read, one bit each */
	char bridge[IFNAMSIZ];
	char network[VIF_NETWORK]; /* mode=nat: then bridge follows from it */
	char gatewaydev
		[IFNAMSIZ]; /* mode=route: towards the world, "" = none */
	uint8_t ngateway;
	struct vif_addr gateway[VIF_GATEWAYS]; /* the host's, on the vif */
	uint32_t mtu; /* bytes, 0 = as the mode has it (mode_mtu) */
	uint8_t naddr;
	struct vif_addr addr[VIF_ADDRS];
	uint8_t nvlan;
	struct vif_vlan vlan[VIF_VLANS];
	uint32_t rate_bytes; /* in each interval; 0 = as many as it likes */
	uint32_t rate_usecs;
	uint32_t packets;      /* from the guest in a second, 0 = no limit */
	uint32_t connections;  /* .. new ones of TCP */
	char rules[VIF_RULES]; /* "a,b": files of rules; "" = none */
	uint8_t learn;	       /* enum vif_learn; then there are no addresses */
	uint8_t allow;	       /* VIF_ALLOW_DHCP | .. */
	uint8_t accept;	       /* enum vif_accept */
	uint8_t npair;
	struct vif_pair pair[VIF_PAIRS];
};

/* Defaults for domain N, device M. */
void vif_init(struct vif *v, uint16_t domid, uint16_t handle);

/* "vif1.0" or "1.0" -> domid and handle. -EINVAL with the reason. */
int vif_parse_name(const char *s, uint16_t *domid, uint16_t *handle,
		   struct err *e);

/* One key=value word into v. -EINVAL with a sentence that names the key. A key
 * is taken once; set v->given = 0 to lay other words over what is there.
 */
int vif_parse(struct vif *v, const char *word, struct err *e);

/* What single words cannot show: is the whole thing sensible? */
int vif_check(const struct vif *v, struct err *e);

/* Canonical words, one blank between them, defaults left out; returns length
 * or -ENOSPC.
 */
int vif_print(const struct vif *v, char *buf, size_t size);

/* One key's value in store form; "" when unset. -ENOENT: no such key. */
int vif_get(const struct vif *v, const char *key, char *buf, size_t size);

/* The keys in order, NULL-terminated: for reading a store directory. */
extern const char *const vif_keys[];

void vif_print_mac(const uint8_t mac[6], char buf[18]);
int vif_parse_mac(const char *s, uint8_t mac[6]); /* 0 or -EINVAL */
int vif_parse_addr(const char *s, struct vif_addr *a);
int vif_print_addr(const struct vif_addr *a, char *buf, size_t size);

/* A network: a length below the longest, and no bit set behind it. 10.0.0.5/24,
 * as `ip addr` writes it, is one address, and so is 10.0.0.5.
 */
bool vif_addr_is_net(const struct vif_addr *a);

/* Same family and same bits, whatever the lengths say. */
bool vif_addr_same(const struct vif_addr *a, const struct vif_addr *b);

/* fe80::/10 or 169.254.0.0/16 */
bool vif_addr_is_local(const struct vif_addr *a);

/* Is it a port of a bridge? Else it is routed. */
bool vif_bridged(const struct vif *v);

/* 1 to 12 of a-z 0-9 and dashes inside; -EINVAL with a sentence. */
int vif_check_network(const char *s, struct err *e);

/* Does v have an address of that family? */
bool vif_has(const struct vif *v, int family);

/* "10p/100+10x4" into at most VIF_VLANS terms; returns how many, or -EINVAL with a
 * sentence. Print: the length, or -ENOSPC.
 */
int vif_parse_vlan(const char *s, struct vif_vlan *out, struct err *e);
int vif_print_vlan(const struct vif_vlan *t, unsigned n, char *buf,
		   size_t size);

/* "10Mb/s@20ms", "1250000,50000": strict, 0 or -EINVAL with a sentence. */
int vif_parse_rate(const char *s, uint32_t *bytes, uint32_t *usecs,
		   struct err *e);

int vif_check_devname(const char *s, struct err *e);

#endif
