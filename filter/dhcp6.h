/* SPDX-License-Identifier: GPL-2.0-or-later */
/* dhcp6.h - what one DHCPv6 message says about leases; pure */
#ifndef NETBACK_FILTER_DHCP6_H
#define NETBACK_FILTER_DHCP6_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RFC 8415, 7.3; those that are of use here. */
enum { DHCP6_REPLY = 7, DHCP6_RELEASE = 8, DHCP6_DECLINE = 9 };

enum { DHCP6_ADDRS = 8 };

struct dhcp6_addr {
	uint8_t addr[16];
	uint32_t seconds; /* valid lifetime; ~0 = without end */
};

struct dhcp6 {
	uint8_t kind;
	bool more; /* addresses than these */
	unsigned n;
	struct dhcp6_addr v[DHCP6_ADDRS];
};

/* An IPv6 packet. -EINVAL: not a whole message of one of these kinds. */
int dhcp6_parse(const uint8_t *ip, size_t n, struct dhcp6 *m);

#endif
