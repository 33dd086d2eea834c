// SPDX-License-Identifier: GPL-2.0-or-later
/* mcast.c - the multicast addresses a guest wants to hear
 *
 * Kept whether the guest has the filter on or not: it may switch it on at
 * any time. A set: adding twice is one address. Entries are written before they
 * are counted, so a kill leaves no half of one; it may leave the last one twice,
 * which is why removing looks at all of them.
 */
#include <string.h>

#include "ring/vif.h"

static bool mcast_has(const struct survive_vif *k, const uint8_t mac[6])
{
	uint32_t i;

	for (i = 0; i < k->nmcast; i++)
		if (!memcmp(k->mcast[i], mac, 6))
			return true;
	return false;
}

bool mcast_add(struct ring_vif *v, const uint8_t mac[6])
{
	struct survive_vif *k = v->keep;

	if (mcast_has(k, mac))
		return true;
	if (k->nmcast == RING_MCAST)
		return false;
	memcpy(k->mcast[k->nmcast], mac, 6);
	vif_order();
	k->nmcast++;
	return true;
}

void mcast_del(struct ring_vif *v, const uint8_t mac[6])
{
	struct survive_vif *k = v->keep;
	uint32_t i = 0;

	while (i < k->nmcast) {
		if (memcmp(k->mcast[i], mac, 6) != 0) {
			i++;
			continue;
		}
		memmove(k->mcast[i], k->mcast[k->nmcast - 1], 6);
		vif_order();
		k->nmcast--;
	}
}

bool mcast_passes(const struct ring_vif *v, const uint8_t mac[6])
{
	static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

	return !v->wish.multicast || !(mac[0] & 1) || !memcmp(mac, all, 6) ||
	       mcast_has(v->keep, mac);
}
