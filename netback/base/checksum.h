/* SPDX-License-Identifier: GPL-2.0-or-later */
/* checksum.h - one's complement sums, for the rooms that write headers
 *
 * Such sums (RFC 1071) do not care about byte order, nor about how many bytes are
 * added at a time, as long as pieces start at even places: all values here are
 * as they lie in memory.
 */
#ifndef NETBACK_BASE_CHECKSUM_H
#define NETBACK_BASE_CHECKSUM_H

#include <stddef.h>
#include <stdint.h>

#include "frame.h"

uint64_t sum_add(uint64_t sum, const uint8_t *p, size_t n);
uint16_t sum_fold(uint64_t sum);

/* Writes the sum of the pseudo-header into the field of a located frame. */
void sum_pseudo(struct frame *f, const struct frame_l4 *l);

#endif
