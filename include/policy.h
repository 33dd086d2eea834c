/* SPDX-License-Identifier: GPL-2.0-or-later */
/* policy.h - what a vif may send: intent, as a plain value
 *
 * A plan carries it as one of its steps; filter/ turns it into kernel rules.
 * Neither room includes the other.
 */
#ifndef NETBACK_POLICY_H
#define NETBACK_POLICY_H

#include <net/if.h>

#include "vif.h"

enum {
	/* bits of allow: what no guest may do unless it is said */
	POLICY_DHCP_SERVER = VIF_ALLOW_DHCP,
	POLICY_ROUTER = VIF_ALLOW_ROUTER, /* advertise, redirect */
	POLICY_SHARED = VIF_ALLOW_SHARED, /* have addresses that others have */
	/* how long what was learned lasts without being seen again */
	POLICY_LEARN_S = 3600,
	POLICY_LEASE_S = 86400, /* where the lease's own time is not known */
	POLICY_LEARN_IP4 = 1,	/* most addresses learned of a guest */
	POLICY_LEARN_IP6 = 8,	/* a host has several, and changes them */
};

struct policy {
	char dev[IFNAMSIZ]; /* the vif's host device */
	bool bridged;	    /* a port of a bridge: port flags stand beside */
	bool hairpin;	    /* its own frames may come back to it */
	bool shared; /* its addresses may be others', on a closed bridge, too */
	bool masquerade; /* needs filter_nat's table (filter.h) */
	bool has_mac;
	uint8_t mac[6];	  /* the only source MAC, and ARP sender */
	uint8_t allow;	  /* POLICY_DHCP_SERVER | .. */
	uint8_t learn;	  /* enum vif_learn; then naddr is 0 */
	uint8_t naddr;	  /* 0 = any IP source, unless learned */
	uint8_t npair;	  /* other MACs, each with its one address; needs mac */
	uint32_t learn_s; /* 0 = the default */
	uint32_t packets; /* from the guest, in a second; 0 = no limit */
	uint32_t connections;  /* the same of new ones of TCP */
	char rules[VIF_RULES]; /* files of rules: ruleset.h has them */
	uint8_t accept; /* enum vif_accept: where the host's chains drop .. */
	char bridge[IFNAMSIZ]; /* .. frames of this bridge; "" = routed */
	char routed[IFNAMSIZ]; /* .. packets that pass this device: dev, or
				* its network's bridge; "" = none do */
	struct vif_addr addr[VIF_ADDRS];
	struct vif_pair pair[VIF_PAIRS];
};

#endif
