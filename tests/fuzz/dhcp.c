// SPDX-License-Identifier: GPL-2.0-or-later
/* dhcp.c - fuzz what is read of leases: a packet that a guest or a server sent */
#include <stdlib.h>
#include <string.h>

#include "filter/dhcp.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Whatever stands behind the packet's own length must not be read. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dhcp m, again;
	uint8_t *copy;
	size_t n;

	if (dhcp_parse(data, size, &m))
		return 0;
	n = (size_t)data[2] << 8 | data[3];
	if (!m.kinds || n > size || (!m.has_time && m.seconds))
		abort();
	copy = malloc(n);
	if (!copy)
		return 0;
	memcpy(copy, data, n);
	if (dhcp_parse(copy, n, &again) || again.kinds != m.kinds ||
	    again.reply != m.reply || again.has_time != m.has_time ||
	    again.seconds != m.seconds ||
	    memcmp(again.addr, m.addr, sizeof(m.addr)))
		abort();
	free(copy);
	return 0;
}
