/* SPDX-License-Identifier: GPL-2.0-or-later */
/* drops.h - packets that the kernel drops, and why, as it says itself
 *
 * By its drop monitor (CONFIG_NET_DROP_MONITOR; generic netlink, family NET_DM),
 * which hears of every packet of the host that is not delivered, in all network
 * namespaces. It is one for all: whoever switches it on or off does so for
 * everybody, and only from the host's own network namespace.
 */
#ifndef NETBACK_DROPS_H
#define NETBACK_DROPS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum {
	DROPS_NAME = 64,
	DROPS_FRAME = 9216, /* bytes of a packet that are told, at most */
};

struct drop {
	uint64_t ns; /* since 1970; 0 = not said */
	uint32_t in; /* index of the device it came in by; 0 = none */
	/* "NETFILTER_DROP"; "" = not said (before 5.18) */
	char reason[DROPS_NAME];
	char where[DROPS_NAME]; /* the place in the kernel, as a symbol */
	size_t length;		/* bytes that it had */
	size_t size;		/* bytes of frame */
	const uint8_t *frame;	/* from the Ethernet header on; in msg */
};

/* Pure: a netlink message of the family's. 1 a packet, 0 something else, -EINVAL
 * what no kernel says.
 */
int drops_parse(const void *msg, size_t size, struct drop *out);

/* Is there a drop monitor? 0, or -errno with what to do. Asking may make the
 * kernel load it.
 */
int drops_probe(struct err *e);

/* Has the running kernel that name for a reason, "NETFILTER_DROP" for one? Asked of
 * its BTF, some megabytes.
 */
bool drops_names(const char *reason);

/* Listens, and switches the monitor on unless it is. record: a file that says
 * how it was set before; with the last who listens and has the same record it is
 * off and set so again, even if others of them were killed. -EBUSY: somebody else
 * uses it in a way that tells no packets.
 */
struct drops;
int drops_open(struct drops **out, const char *record, struct err *e);
int drops_fd(const struct drops *d); /* readable: call next */
/* 1 with a packet, which is good until the next call; 0 there is none now;
 * -ENOBUFS: more were dropped than could be told; -errno.
 */
int drops_next(struct drops *d, struct drop *out);
void drops_close(struct drops *d); /* NULL is fine */

#endif
