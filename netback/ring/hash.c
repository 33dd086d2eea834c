// SPDX-License-Identifier: GPL-2.0-or-later
/* hash.c - Toeplitz: a number for each flow, as the guest asked for it
 *
 *   IPv4        source, destination                8 bytes
 *   IPv4, TCP   .. and both ports                 12
 *   IPv6        source, destination               32
 *   IPv6, TCP   .. and both ports                 36
 *
 * The number is the exclusive or of 32 bits of the key for each bit set in that,
 * the window moving with the bit. It is linear, so each half byte of input has a
 * table of 16 sums: 72 look-ups at most, 4.5 KiB, made when the key changes.
 */
#include <errno.h>
#include <string.h>

#include "ring/vif.h"

enum { HASH_TAGS = 2, HASH_TCP = 6, HASH_IP4 = 20, HASH_IP6 = 40 };

/* 32 bits of the key from bit `at` on; behind its end there are zeros. */
static uint32_t hash_bits(const uint8_t key[RING_HASH_KEY], unsigned at)
{
	uint64_t w = 0;
	unsigned i;

	for (i = 0; i < 8; i++) {
		unsigned k = at / 8 + i;

		w = w << 8 | (k < RING_HASH_KEY ? key[k] : 0u);
	}
	return (uint32_t)(w << at % 8 >> 32);
}

void hash_key(struct ring_vif *v)
{
	const uint8_t *key = vif_ctrl(v)->hash_key;
	unsigned i, n, bit;

	memset(v->nibble, 0, sizeof(v->nibble));
	for (i = 0; i < 2 * HASH_INPUT; i++) {
		for (bit = 0; bit < 4; bit++) {
			uint32_t w = hash_bits(key, 4 * i + bit);

			for (n = 0; n < 16; n++)
				if (n & 8u >> bit)
					v->nibble[i][n] ^= w;
		}
	}
}

static uint32_t hash_bytes(const struct ring_vif *v, const uint8_t *p,
			   unsigned n)
{
	uint32_t sum = 0;
	unsigned i;

	for (i = 0; i < n; i++)
		sum ^= v->nibble[2 * i][p[i] >> 4] ^
		       v->nibble[2 * i + 1][p[i] & 15];
	return sum;
}

/* Offset of a whole IP header, its version in *ip; 0: there is none. */
static unsigned hash_l3(const struct frame *f, unsigned *ip)
{
	unsigned at = FRAME_ETH, tags;

	for (tags = 0; tags <= HASH_TAGS && at <= f->head_len; tags++) {
		unsigned type = (unsigned)f->head[at - 2] << 8 |
				f->head[at - 1];

		if (type == 0x0800 || type == 0x86dd) {
			*ip = type == 0x0800 ? 4 : 6;
			if (at + (*ip == 4 ? HASH_IP4 : HASH_IP6) > f->head_len)
				return 0;
			return f->head[at] >> 4 == (int)*ip ? at : 0;
		}
		if (type != 0x8100 && type != 0x88a8)
			return 0;
		at += 4;
	}
	return 0;
}

bool hash_wanted(const struct ring_vif *v)
{
	const struct survive_ctrl *c = vif_ctrl(v);

	return c->hash_alg && c->hash_flags;
}

bool hash_frame(const struct ring_vif *v, const struct frame *f,
		struct hash *out)
{
	uint32_t flags = vif_ctrl(v)->hash_flags;
	unsigned ip = 0, l3 = hash_l3(f, &ip), size, type;
	uint8_t in[HASH_INPUT];
	struct frame_l4 l4;

	if (!l3)
		return false;
	size = ip == 4 ? 8 : 32;
	type = ip == 4 ? _XEN_NETIF_CTRL_HASH_TYPE_IPV4
		       : _XEN_NETIF_CTRL_HASH_TYPE_IPV6;
	memcpy(in, f->head + l3 + (ip == 4 ? 12 : 8), size);
	/* The larger one that applies; a fragment has no ports. */
	if (flags & 2u << type && !frame_locate(f, &l4) && l4.l3 == l3 &&
	    l4.proto == HASH_TCP) {
		memcpy(in + size, f->head + l4.l4, 4);
		size += 4;
		type++;
	} else if (!(flags & 1u << type)) {
		return false;
	}
	out->type = (uint8_t)type;
	out->value = hash_bytes(v, in, size);
	return true;
}

int ring_vif_pick(const struct ring_vif *v, const struct frame *f)
{
	const struct survive_ctrl *c = vif_ctrl(v);
	struct hash h = { 0 };

	if (!hash_wanted(v))
		return -ENOENT;
	/* What has no hash is all of one flow. */
	hash_frame(v, f, &h);
	if (!c->hash_size)
		return (int)(h.value % v->queues);
	/* The table may be older than the number of queues. */
	return (int)(c->hash_map[h.value % c->hash_size] % v->queues);
}
