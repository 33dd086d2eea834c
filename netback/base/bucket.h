/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bucket.h - so many bytes in so many microseconds, and no more
 *
 * What passed is paid for in time: *paid_ns is when all of it is. Who is behind
 * the clock has credit, one interval's at most (and at least BUCKET_LEAST_NS, what
 * a timer may be late); who is ahead of it waits. A frame is asked for before its
 * size is known, so the last one may overdraw: it is paid like any other, and the
 * rate over time is exact.
 *
 * paid_ns is the caller's, so that it can outlive him.
 */
#ifndef NETBACK_BASE_BUCKET_H
#define NETBACK_BASE_BUCKET_H

#include <stdint.h>

enum { BUCKET_LEAST_NS = 50 * 1000 * 1000 };

struct bucket {
	uint32_t bytes, usecs; /* bytes 0: no limit */
	uint64_t *paid_ns;
	uint64_t rest; /* of a nanosecond, in 1/bytes */
};

/* From now on; what was overdrawn under another rate is forgiven. */
void bucket_set(struct bucket *b, uint64_t *paid_ns, uint32_t bytes,
		uint32_t usecs, uint64_t now_ns);

/* 0: another frame may pass; else ns to wait. */
static inline uint64_t bucket_wait(const struct bucket *b, uint64_t now_ns)
{
	return b->bytes && *b->paid_ns > now_ns ? *b->paid_ns - now_ns : 0;
}

void bucket_pay(struct bucket *b, uint64_t now_ns, uint32_t len);

#endif
