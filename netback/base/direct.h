/* SPDX-License-Identifier: GPL-2.0-or-later */
/* direct.h - a vif that may hand frames to its neighbours without the host
 *
 * The store node `direct` of a backend directory as a value, and the guard as
 * a function over the private header of a frame. Whoever applied the vif's plan
 * writes the node last, and removes it before anything changes:
 *
 *   BRIDGE MAC ADDR [ADDR..]     xenbr0 00:16:3e:01:02:03 10.0.0.5 fd00::/64
 *   BRIDGE MAC any               of a vif that no guard holds
 *
 * One blank between the words, each as inet_ntop and vif_print_mac write it. An
 * address with a length is a network, with no bits behind that length. Plain, no
 * pointers: goes over sockets.
 */
#ifndef NETBACK_BASE_DIRECT_H
#define NETBACK_BASE_DIRECT_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	DIRECT_ADDRS = 16,
	DIRECT_TEXT = 1024, /* bytes: the longest text, NUL included */
};

struct direct_addr {
	uint8_t family; /* 4 or 6 */
	uint8_t prefix; /* bits; 32 or 128: one address */
	uint8_t a[16];	/* IPv4: the first four; the rest 0 */
};

struct direct {
	char group[16]; /* the bridge: frames stay within it; filled with 0 */
	uint8_t mac[6];
	bool any;      /* any source address */
	uint8_t naddr; /* 0 and not any: off */
	struct direct_addr addr[DIRECT_ADDRS];
};
static_assert(sizeof(struct direct) == 24 + 18 * DIRECT_ADDRS,
	      "no holes: it is compared as bytes");

static inline bool direct_on(const struct direct *d)
{
	return d->any || d->naddr;
}

/* 0, or -EINVAL for what direct_text would not have written; then *out is off. */
int direct_parse(struct direct *out, const char *text);

/* Its length ("" when off), or -EINVAL or -ENOSPC. */
int direct_text(const struct direct *d, char *out, size_t size);

/* May this frame of from's guest go to to's without the host's guards seeing it?
 * head: its first bytes, private, head_len of them, of len in all. Yes, if both are
 * in one group, it is for to's MAC, and plain TCP or UDP over IP from where `from`
 * may be, with no address that `to` has for itself. "No" is no verdict but the long
 * way.
 */
bool direct_may(const struct direct *from, const struct direct *to,
		const uint8_t *head, size_t head_len, uint32_t len);

#endif
