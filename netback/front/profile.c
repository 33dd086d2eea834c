// SPDX-License-Identifier: GPL-2.0-or-later
/* profile.c - how frontends other than Linux's differ, as far as rings show it
 *
 * Read from their sources: mini-os netfront.c, win-xenvif's transmitter and
 * receiver, iPXE's netfront.c, mirage-net-xen's lib/.
 */
#include <string.h>

#include "front/front.h"

const struct front_profile front_profiles[] = {
	{
		.name = "linux",
		.split = true,
		.rx_buffers = FRONT_RING,
		.features = { true, true, true, true, true, true },
	},
	{
		.name = "no-sg",
		.split = true,
		.rx_buffers = FRONT_RING,
		.features = { .csum4 = true, .csum6 = true, .rx_notify = true },
	},
	{
		.name = "no-rx-notify",
		.split = true,
		.rx_buffers = FRONT_RING,
		.features = { true, true, true, true, true, false },
	},
	/* Posts four buffers, and says nothing when it posts again. */
	{
		.name = "ipxe",
		.rx_buffers = 4,
	},
	/* Its ids run through all 16 bits. */
	{
		.name = "mirage",
		.split = true,
		.rx_buffers = FRONT_RING,
		.features = { .sg = true, .rx_notify = true },
		.quirks = { .id_counts = true },
	},
	{
		.name = "minios",
		.rx_buffers = FRONT_RING,
		.features = { .rx_notify = true },
		.quirks = { .tx_half = true },
	},
	{
		.name = "windows",
		.split = true,
		.rx_buffers = FRONT_RING,
		.features = { true, true, true, true, true, true },
		.quirks = { .tx_hash = true, .tx_batch = FRONT_RING / 4 },
	},
};

const unsigned front_nprofiles = sizeof(front_profiles) /
				 sizeof(front_profiles[0]);

const struct front_profile *front_profile(const char *name)
{
	unsigned i;

	for (i = 0; i < front_nprofiles; i++)
		if (!strcmp(front_profiles[i].name, name))
			return &front_profiles[i];
	return NULL;
}
