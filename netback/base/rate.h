/* SPDX-License-Identifier: GPL-2.0-or-later */
/* rate.h - how often a stranger may make us work: some at once, then one each */
#ifndef NETBACK_BASE_RATE_H
#define NETBACK_BASE_RATE_H

#include <stdint.h>

struct rate {
	uint64_t paid_ns; /* what happened so far is paid for at this time */
};

/* 0 = now, and it is counted; else how many ms to wait and ask again. */
static inline uint32_t rate_ask(struct rate *r, uint64_t now_ns, uint32_t burst,
				uint32_t each_ms)
{
	uint64_t each = each_ms * 1000000ull, most = burst * each;
	uint64_t paid = r->paid_ns > now_ns ? r->paid_ns : now_ns;

	if (paid + each - now_ns > most)
		return (uint32_t)((paid + each - now_ns - most) / 1000000u) + 1;
	r->paid_ns = paid + each;
	return 0;
}

/* It has happened n times: how many ms to wait before it may again. */
static inline uint32_t rate_owe(struct rate *r, uint64_t now_ns, unsigned n,
				uint32_t burst, uint32_t each_ms)
{
	uint64_t each = each_ms * 1000000ull, most = burst * each;
	uint64_t paid = r->paid_ns > now_ns ? r->paid_ns : now_ns;

	r->paid_ns = paid += n * each;
	return paid - now_ns > most
		       ? (uint32_t)((paid - now_ns - most) / 1000000u) + 1
		       : 0;
}

#endif
