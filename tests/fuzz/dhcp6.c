// SPDX-License-Identifier: GPL-2.0-or-later
/* dhcp6.c - fuzz what is read of leases of IPv6: a packet that a guest or a server
 * sent */
#include <stdlib.h>
#include <string.h>

#include "filter/dhcp6.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever stands behind UDP's own length must not be read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dhcp6 m, again;
	uint8_t *copy;
	size_t n;

	if (dhcp6_parse(data, size, &m))
		return 0;
	n = 40 + ((size_t)data[44] << 8 | data[45]);
	if (m.n > DHCP6_ADDRS || (m.more && m.n != DHCP6_ADDRS) ||
	    m.kind < DHCP6_REPLY || m.kind > DHCP6_DECLINE || n > size)
		abort();
	copy = malloc(n);
	if (!copy)
		return 0;
	memcpy(copy, data, n);
	copy[4] = data[44];
	copy[5] = data[45];
	if (dhcp6_parse(copy, n, &again) || memcmp(&again, &m, sizeof(m)))
		abort();
	free(copy);
	return 0;
}
