// SPDX-License-Identifier: GPL-2.0-or-later
/* flow.c - one number for each flow, to choose a queue by
 *
 * Reads head only, which is private. Frames of one flow must never get two
 * numbers, so nothing counts here but what all of them share.
 */
#include <string.h>

#include "frame.h"

enum {
	FLOW_IP4 = 0x0800,
	FLOW_IP6 = 0x86dd,
	FLOW_8021Q = 0x8100,
	FLOW_8021AD = 0x88a8,
	FLOW_TAGS = 2,
};

static uint32_t flow_mix(uint32_t h, const uint8_t *p, unsigned n)
{
	for (; n >= 4; n -= 4, p += 4) {
		uint32_t word;

		memcpy(&word, p, sizeof(word));
		h = (h ^ word) * 0x9e3779b1u;
		h ^= h >> 15;
	}
	return h;
}

static uint32_t flow_end(uint32_t h)
{
	h ^= h >> 16;
	h *= 0x85ebca6bu;
	h ^= h >> 13;
	h *= 0xc2b2ae35u;
	return h ^ h >> 16;
}

/* The addresses of an IP packet at l3, if they are in head. */
static uint32_t flow_addresses(const struct frame *f, unsigned l3, unsigned ip)
{
	unsigned at = l3 + (ip == 4 ? 12 : 8), n = ip == 4 ? 8 : 32;

	return at + n <= f->head_len ? flow_mix(1, f->head + at, n) : 0;
}

/* A fragment, ICMP, or what we do not know. */
static uint32_t flow_other(const struct frame *f)
{
	unsigned at = FRAME_ETH, i;

	for (i = 0; at <= f->head_len; i++, at += 4) {
		unsigned type = (unsigned)f->head[at - 2] << 8 |
				f->head[at - 1];

		if (type == FLOW_IP4 || type == FLOW_IP6)
			return flow_addresses(f, at, type == FLOW_IP4 ? 4 : 6);
		if (i == FLOW_TAGS ||
		    (type != FLOW_8021Q && type != FLOW_8021AD))
			break;
	}
	return 0;
}

uint32_t frame_flow(const struct frame *f)
{
	struct frame_l4 l4;
	uint32_t h;

	if (frame_locate(f, &l4))
		return flow_end(flow_other(f));
	h = flow_addresses(f, l4.l3, l4.ip);
	h = flow_mix(h ^ l4.proto, f->head + l4.l4, 4); /* both ports */
	return flow_end(h);
}
