// SPDX-License-Identifier: GPL-2.0-or-later
/* announce.c - tells bridge and switches where a guest is */
#include "daemon/announce.h"

#include <net/ethernet.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"

void announce_frame(const uint8_t mac[6],
		    uint8_t out[ANNOUNCE_VNET + ANNOUNCE_FRAME])
{
	/* Ethernet, IPv4, 6 and 4 bytes, "reverse request" */
	static const uint8_t arp[] = { ETHERTYPE_REVARP >> 8,
				       ETHERTYPE_REVARP & 0xff,
				       0,
				       1,
				       8,
				       0,
				       6,
				       4,
				       0,
				       3 };
	uint8_t *f = out + ANNOUNCE_VNET;

	memset(out, 0, ANNOUNCE_VNET + ANNOUNCE_FRAME);
	memset(f, 0xff, 6);
	memcpy(f + 6, mac, 6);
	memcpy(f + 12, arp, sizeof(arp));
	memcpy(f + 22, mac, 6); /* sender: no address behind it */
	memcpy(f + 32, mac, 6); /* target: the same */
}

static void announce_later(struct announce *a);

static void announce_on_timer(void *arg)
{
	struct announce *a = arg;
	uint8_t buf[ANNOUNCE_VNET + ANNOUNCE_FRAME];

	a->timer = NULL;
	announce_frame(a->mac, buf);
	/* A device that is down, or full, says nothing: it is no harm. */
	if (write(a->tap, buf, sizeof(buf)) < 0)
		log_debug("announce: the tap takes nothing");
	a->round++;
	announce_later(a);
}

static void announce_later(struct announce *a)
{
	if (a->round < ANNOUNCE_ROUNDS)
		loop_after(a->loop, ANNOUNCE_FIRST_MS << 3 * a->round,
			   announce_on_timer, a, &a->timer);
}

void announce_end(struct announce *a)
{
	if (a->timer)
		loop_cancel(a->loop, a->timer);
	a->timer = NULL;
}

void announce_begin(struct announce *a, struct loop *loop, int tap,
		    const uint8_t mac[6])
{
	announce_end(a);
	a->loop = loop;
	a->tap = tap;
	a->round = 0;
	memcpy(a->mac, mac, 6);
	announce_later(a);
}
