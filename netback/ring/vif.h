/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vif.h - the ring room's own: what a vif's queues share
 *
 *   ctrl.c   the control ring: requests in, answers out
 *   hash.c   Toeplitz: the number of a frame, the queue it goes to
 *   mcast.c  the list of multicast addresses
 *   gref.c   pages that stay mapped
 *
 * What a guest asked for is in survival memory, and read from there; the rest
 * of struct ring_vif can be made again from it.
 */
#ifndef NETBACK_RING_VIF_H
#define NETBACK_RING_VIF_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <xen/xen.h>

#include <xen/io/netif.h>

#include "frame.h"
#include "hv.h"
#include "ring.h"
#include "survive.h"

enum {
	HASH_INPUT = 36,   /* bytes: two IPv6 addresses, two ports */
	GREF_FIND = 1024,  /* places to look in: a power of two > RING_GREFS */
	CTRL_SLOT0 = 64,   /* bytes before the first slot */
	CTRL_REQUEST = 16, /* bytes of a slot */
};
static_assert(sizeof(struct xen_netif_ctrl_request) == CTRL_REQUEST, "netif.h");
static_assert(sizeof(struct xen_netif_ctrl_response) == 12, "netif.h");
static_assert(sizeof(struct xen_netif_gref) == 8, "512 in a page");

struct ctrl_page {
	_Atomic uint32_t req_prod, req_event, rsp_prod, rsp_event;
	uint8_t pad[CTRL_SLOT0 - 16];
	uint32_t slot[RING_CTRL_SIZE][CTRL_REQUEST / 4];
};
static_assert(sizeof(struct ctrl_page) <= HV_PAGE, "one page");

struct ring_vif {
	struct hv *hv;
	struct survive_vif *keep;
	unsigned queues;
	struct ring_wish wish;
	/* control ring */
	struct ctrl_page *page; /* NULL: none */
	int chan;
	int deaf;  /* -errno of a bell that cannot be heard again */
	bool kick; /* adopted, and the guest may wait for a bell */
	/* The hash's part for each half byte of its input. */
	uint32_t nibble[2 * HASH_INPUT][16];
	/* Of keep's grefs: pages by place, places by number. */
	void *gref_page[RING_GREFS];
	uint16_t gref_find[GREF_FIND]; /* place + 1; 0 = free */
};

/* The compiler must keep the order of stores into survival memory. */
static inline void vif_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
}

static inline const struct survive_ctrl *vif_ctrl(const struct ring_vif *v)
{
	return &v->keep->ctrl[v->keep->which & 1];
}

/* --- hash.c --- */

struct hash {
	uint32_t value;
	uint8_t type; /* _XEN_NETIF_CTRL_HASH_TYPE_* */
};

void hash_key(struct ring_vif *v); /* the key in keep has changed */
bool hash_wanted(const struct ring_vif *v);
bool hash_frame(const struct ring_vif *v, const struct frame *f,
		struct hash *out); /* false: no hash for this one */

/* --- mcast.c --- */

bool mcast_add(struct ring_vif *v, const uint8_t mac[6]); /* false: full */
void mcast_del(struct ring_vif *v, const uint8_t mac[6]);
/* Whether the guest wants a frame to that address. */
bool mcast_passes(const struct ring_vif *v, const uint8_t mac[6]);

/* --- gref.c: answers are XEN_NETIF_CTRL_STATUS_* --- */

uint32_t gref_add(struct ring_vif *v, struct survive_ctrl *next,
		  const uint32_t data[3]);
uint32_t gref_del(struct ring_vif *v, struct survive_ctrl *next,
		  const uint32_t data[3], uint32_t *removed);
void gref_open(struct ring_vif *v); /* maps again what keep names */
void gref_close(struct ring_vif *v);
/* hv_copy, but what is mapped is copied by us. v may be NULL. */
int gref_copy(struct ring_vif *v, struct hv *hv, unsigned queue,
	      enum hv_dir dir, struct hv_seg *seg, unsigned n);

#endif
