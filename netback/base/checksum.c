// SPDX-License-Identifier: GPL-2.0-or-later
/* checksum.c - the checksums of IP, TCP and UDP (RFC 1071) */
#include "base/checksum.h"

#include <assert.h>
#include <netinet/in.h>
#include <string.h>

uint64_t sum_add(uint64_t sum, const uint8_t *p, size_t n)
{
	uint32_t w;
	uint16_t h = 0;

	for (; n >= 4; n -= 4, p += 4) {
		memcpy(&w, p, 4);
		sum += w;
	}
	if (n >= 2) {
		memcpy(&h, p, 2);
		sum += h;
		n -= 2;
		p += 2;
	}
	if (n) {
		h = 0;
		memcpy(&h, p, 1); /* as if a zero followed, in any order */
		sum += h;
	}
	return sum;
}

uint16_t sum_fold(uint64_t sum)
{
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* A piece that starts at an odd place has its bytes the other way round. */
static uint64_t sum_piece(uint64_t sum, const uint8_t *p, size_t n, bool odd)
{
	uint16_t s;

	if (!odd)
		return sum_add(sum, p, n);
	s = sum_fold(sum_add(0, p, n));
	return sum + (uint16_t)(s << 8 | s >> 8);
}

void sum_pseudo(struct frame *f, const struct frame_l4 *l)
{
	uint32_t tail[2] = { htonl(f->len - l->l4), htonl(l->proto) };
	uint64_t sum = sum_add(0, (const uint8_t *)tail, sizeof(tail));
	uint16_t folded;

	if (l->ip == 4)
		sum = sum_add(sum, f->head + l->l3 + 12, 8);
	else
		sum = sum_add(sum, f->head + l->l3 + 8, 32);
	folded = sum_fold(sum);
	memcpy(f->head + l->l4 + l->csum_off, &folded, 2);
}

void frame_checksum(struct frame *f)
{
	unsigned at = f->csum_start + f->csum_off, i;
	uint32_t off;
	uint64_t sum;
	uint16_t csum;

	if (!(f->flags & FRAME_CSUM_BLANK))
		return;
	assert(at + 2 <= f->head_len);
	sum = sum_add(0, f->head + f->csum_start, f->head_len - f->csum_start);
	off = f->head_len - f->csum_start;
	for (i = 0; i < f->nseg; i++) {
		sum = sum_piece(sum, f->seg[i].base, f->seg[i].len, off & 1);
		off += f->seg[i].len;
	}
	csum = (uint16_t)~sum_fold(sum);
	if (csum == 0 && f->csum_off == 6)
		csum = 0xffff; /* UDP: 0 says that there is no checksum */
	memcpy(f->head + at, &csum, 2);
	f->flags &= (uint8_t)~FRAME_CSUM_BLANK;
	f->flags |= FRAME_CSUM_VALID;
}
