// SPDX-License-Identifier: GPL-2.0-or-later
/* locate.c - fuzz the header locator and the offload checks
 *
 * The first 6 bytes choose flags and GSO, the rest is the packet. What is found
 * must lie in head, and what is completed must have the right sum.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "frame.h"

enum { FUZZ_CHOICE = 6 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool b)
{
	if (!b)
		abort();
}

/* A frame whose memory ends where head does, for ASan. */
static void fuzz_bounds(const uint8_t *b, size_t n)
{
	struct frame *f = calloc(1, offsetof(struct frame, head) + n);
	struct frame_l4 l = { 0 };

	must(f != NULL);
	f->len = (uint32_t)n;
	f->head_len = (uint16_t)n;
	memcpy((uint8_t *)f + offsetof(struct frame, head), b, n);
	if (frame_locate(f, &l) == 0) {
		must(l.l3 >= FRAME_ETH && l.l3 < l.l4);
		must(l.l4 < l.end && l.end <= n);
		must(l.csum_off + 2 <= l.end - l.l4);
		must(l.ip == 4 || l.ip == 6);
	}
	free(f);
}

/* RFC 1071, plainly. */
static unsigned fuzz_sum(const uint8_t *b, size_t n)
{
	unsigned long sum = 0;
	size_t i;

	for (i = 0; i < n; i++)
		sum += i % 2 ? b[i] : b[i] * 256ul;
	return (unsigned)(sum % 65535);
}

/* Completing a checksum makes the sum from csum_start on the complement of
 * what stood in the field, whatever that was: the sum becomes 0 - field. The
 * field counted once before and must count once, inverted, after.
 */
static void fuzz_checksum(struct frame *f, uint8_t *flat)
{
	unsigned at = f->csum_start + f->csum_off, before, field;

	frame_copy_out(f, 0, flat, f->len);
	before = fuzz_sum(flat + f->csum_start, f->len - f->csum_start);
	field = fuzz_sum(flat + at, 2);
	frame_checksum(f);
	frame_copy_out(f, 0, flat, f->len);
	must((before + fuzz_sum(flat + at, 2)) % 65535 == 0);
	must((fuzz_sum(flat + f->csum_start, f->len - f->csum_start) + field) %
		     65535 ==
	     0);
}

/* Pieces have the frame's payload, in order, and no piece is more than asked. */
static void fuzz_cut(const struct frame *f, uint8_t *flat)
{
	static uint8_t whole[FRAME_MAX];
	struct frame piece = { 0 };
	struct frame_cut c;
	int n = frame_cut_open(&c, f);
	uint32_t at = f->hdr_len;

	must(n > 1);
	frame_copy_out(f, 0, whole, f->len);
	for (; frame_cut_next(&c, &piece); n--) {
		uint32_t len = piece.len - f->hdr_len;

		must(piece.len > f->hdr_len && len <= f->gso_size);
		must(piece.head_len ==
		     (piece.len < FRAME_HEAD ? piece.len : FRAME_HEAD));
		must(at + len <= f->len);
		frame_copy_out(&piece, 0, flat, piece.len);
		must(!memcmp(flat + f->hdr_len, whole + at, len));
		fuzz_checksum(&piece, flat);
		at += len;
	}
	must(n == 0 && at == f->len);
}

static void fuzz_offload(const uint8_t *choice, const uint8_t *b, size_t n)
{
	static uint8_t flat[FRAME_MAX], rest[FRAME_MAX];
	struct frame f = { .len = (uint32_t)n };
	uint64_t fixed = 0;

	f.head_len = (uint16_t)(n < FRAME_HEAD ? n : FRAME_HEAD);
	memcpy(f.head, b, f.head_len);
	memcpy(rest, b + f.head_len, n - f.head_len);
	if (n > FRAME_HEAD) {
		uint32_t cut = choice[0] % (uint32_t)(n - f.head_len) + 1;

		f.seg[0] = (struct frame_seg){ rest, cut };
		f.seg[1] = (struct frame_seg){ rest + cut,
					       f.len - f.head_len - cut };
		f.nseg = 2;
	}
	f.flags = choice[1] & FRAME_CSUM_BLANK;
	f.gso_type = choice[2] & 3;
	f.gso_size = (uint16_t)(choice[3] << 8 | choice[4]);
	if (frame_check_offload(&f, choice[5] & 1 ? 1500 : 9000, &fixed))
		return;
	must(!f.gso_type || f.gso_size);
	if (f.gso_type)
		fuzz_cut(&f, flat);
	if (f.flags & FRAME_CSUM_BLANK)
		fuzz_checksum(&f, flat);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	size_t n = size - FUZZ_CHOICE;

	if (size < FUZZ_CHOICE || n > FRAME_MAX)
		return 0;
	fuzz_bounds(data + FUZZ_CHOICE, n < FRAME_HEAD ? n : FRAME_HEAD);
	fuzz_offload(data, data + FUZZ_CHOICE, n);
	return 0;
}
