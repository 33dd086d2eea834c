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

struct policy {
	char dev[IFNAMSIZ]; /* the vif's host device */
	bool bridged;	    /* a port of a bridge: port flags stand beside */
	bool has_mac;
	uint8_t mac[6]; /* the only source MAC, and ARP sender */
	uint8_t naddr;	/* 0 = any IP source */
	struct vif_addr addr[VIF_ADDRS];
};

#endif
