// SPDX-License-Identifier: GPL-2.0-or-later
/* bucket.c - paying for bytes with time */
#include "base/bucket.h"

void bucket_set(struct bucket *b, uint64_t *paid_ns, uint32_t bytes,
		uint32_t usecs, uint64_t now_ns)
{
	b->bytes = usecs ? bytes : 0;
	b->usecs = usecs;
	b->paid_ns = paid_ns;
	b->rest = 0;
	if (*paid_ns > now_ns)
		*paid_ns = now_ns;
}

void bucket_pay(struct bucket *b, uint64_t now_ns, uint32_t len)
{
	uint64_t credit = b->usecs * 1000ull, n;

	if (!b->bytes)
		return;
	if (credit < BUCKET_LEAST_NS)
		credit = BUCKET_LEAST_NS;
	if (*b->paid_ns + credit < now_ns) {
		*b->paid_ns = now_ns - credit;
		b->rest = 0;
	}
	/* 2^16 bytes of 2^32 us of 1000 ns: 58 bits */
	n = (uint64_t)len * b->usecs * 1000 + b->rest;
	*b->paid_ns += n / b->bytes;
	b->rest = n % b->bytes;
}
