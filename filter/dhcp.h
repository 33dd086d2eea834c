/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dhcp.h - what one DHCP message says about a lease; pure */
#ifndef NETBACK_FILTER_DHCP_H
#define NETBACK_FILTER_DHCP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 2132, 9.6; those that are of use here. */
enum { DHCP_DECLINE = 4, DHCP_ACK = 5, DHCP_NAK = 6, DHCP_RELEASE = 7 };

struct dhcp {
	bool reply;	/* a server's */
	uint32_t kinds; /* 1 << kind, of each option that says one */
	bool has_time;
	uint32_t seconds; /* the lease's; ~0 = without end */
	uint8_t addr[4];  /* what is given, 0 = none */
};

/* An IPv4 packet. -EINVAL: not a whole DHCP message. */
int dhcp_parse(const uint8_t *ip, size_t n, struct dhcp *m);

#endif
