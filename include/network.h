/* SPDX-License-Identifier: GPL-2.0-or-later */
/* network.h - a network of guests on this host, by name: plain, no pointers
 *
 * It has a bridge of its own, nb-NAME, on which the host has the first address of
 * each subnet. One grammar, key=value, on vifctl's line and in the run directory.
 *
 *   key      value                          default
 *   kind     nat, hostonly, isolated, open  nat
 *   subnet   addr/len, none                 a free one of 192.168.0.0/16
 *   subnet6  addr/64, none                  one of fd00::/8, of this host's own
 *   forward  tcp|udp:PORT:ADDR:PORT [..]    none; [ADDR] for IPv6
 *   dhcp     yes, no                        yes
 *   dns      addr [addr ..]                 as the host asks
 *   tftp     directory                      none
 *   boot     file of it                     none
 *
 * What guests reach:        each other   the host   the world   and it them
 *   nat                     yes          yes        as the host no, but forwards
 *   hostonly                yes          yes        no          no
 *   isolated                yes          DHCP only  no          no
 *   open                    yes          yes        yes         yes
 */
#ifndef NETBACK_NETWORK_H
#define NETBACK_NETWORK_H

#include "vif.h"

enum network_kind {
	NETWORK_NAT,
	NETWORK_HOSTONLY,
	NETWORK_ISOLATED,
	NETWORK_OPEN,
};
const char *network_kind_name(enum network_kind k);

/* Link groups which the rules of mode nat go by (filter.h): one compare, however
 * many devices there are. No number that an administrator would choose.
 */
enum network_group {
	NETWORK_GROUP_VIF = 0x4e420010, /* a routed vif of mode nat */
	/* bridges of networks, in the order of kinds */
	NETWORK_GROUP_NAT = 0x4e420020,
	NETWORK_GROUP_HOSTONLY,
	NETWORK_GROUP_ISOLATED,
	NETWORK_GROUP_OPEN,
};

enum {
	NETWORK_FORWARDS = 32,
	NETWORK_SERVERS = 3,
	NETWORK_PATH = 128,
	NETWORK_TEXT = 4096, /* bytes that network_print may need */
};

/* A port of the host that is a guest's. */
struct network_forward {
	uint8_t proto; /* IPPROTO_TCP or _UDP */
	uint16_t port, to_port;
	struct vif_addr to;
};

struct network {
	char name[VIF_NETWORK];
	char bridge[IFNAMSIZ];
	uint8_t kind;		 /* enum network_kind */
	bool no[2];		 /* no subnet of that family: 0 IPv4, 1 IPv6 */
	struct vif_addr addr[2]; /* the host's, with the subnet's length;
				  * family 0: still to be chosen, or none */
	unsigned nforward;
	struct network_forward forward[NETWORK_FORWARDS];
	bool no_dhcp;
	unsigned ndns;
	struct vif_addr dns[NETWORK_SERVERS];
	char tftp[NETWORK_PATH], boot[NETWORK_PATH];
	uint32_t given; /* keys that network_parse has read, one bit each */
};

/* Defaults; -EINVAL with a sentence for a bad name. */
int network_init(struct network *n, const char *name, struct err *e);

/* One key=value word. -EINVAL with a sentence that names the key. */
int network_parse(struct network *n, const char *word, struct err *e);

/* Which of its forwards is that? Or -1. */
int network_forwards(const struct network *n, const struct network_forward *f);

/* A word that changes a network which is there: key=value, key=default, or of
 * forward += one and -= one. -EINVAL with a sentence.
 */
int network_change(struct network *n, const char *word, struct err *e);

/* What single words cannot show. */
int network_check(const struct network *n, struct err *e);

/* Canonical words, one blank between them: length, or -ENOSPC. */
int network_print(const struct network *n, char *buf, size_t size);

/* Pure: the i-th subnet to try for this name on this host: another for each i
 * below NETWORK_TRIES.
 */
enum { NETWORK_TRIES = 150 };
void network_subnet(const char *name, const char *host_id, int family,
		    unsigned i, struct vif_addr *out);

/* Is a in the subnet of its family? */
bool network_has(const struct network *n, const struct vif_addr *a);

/* The address that a guest makes itself from its MAC (RFC 4291). */
void network_eui64(const struct network *n, const uint8_t mac[6],
		   struct vif_addr *out);

/* Do two networks share addresses? */
bool network_overlap(const struct vif_addr *a, const struct vif_addr *b);

#endif
