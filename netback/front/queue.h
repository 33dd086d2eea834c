/* SPDX-License-Identifier: GPL-2.0-or-later */
/* queue.h - what queue.c, tx.c and rx.c share; nobody else includes it
 *
 * Indices are free-running; the slot is `index & 255`. Everything that belongs
 * to a slot (grant, id, RX page) is found by that number, because responses come
 * in ring order. Ours alone: req (produced), pub (published), rsp (consumed).
 */
#ifndef NETBACK_FRONT_QUEUE_H
#define NETBACK_FRONT_QUEUE_H

#include "front/front.h"

#include <xen/xen.h>

#include <xen/io/netif.h>

enum { QUEUE_MASK = FRONT_RING - 1, QUEUE_TX = 0, QUEUE_RX = 1 };

struct queue_index {
	uint32_t req, pub, rsp;
	/* The place we asked to be rung for, until it was reached: each such
	 * place is worth one bell, see queue_hear.
	 */
	uint32_t armed_at;
	bool armed;
};

struct queue_channel {
	struct front_channel pub;
	uint64_t due; /* bells that may still come */
};

struct queue_tx_slot {
	uint16_t id;
	bool extra, last;
	bool group;	/* with last: a message, no memory */
	uint16_t chunk; /* with last: memory to give back */
};

struct front_queue {
	struct front_queue_conf conf;
	struct netif_tx_sring *txs;
	struct netif_rx_sring *rxs;
	struct queue_index tx, rx;
	uint32_t tx_ring_ref, rx_ring_ref;
	struct queue_channel channel[2];
	unsigned channels;
	bool dead;

	uint32_t tx_page; /* first page of the chunks */
	uint32_t tx_ref[FRONT_RING];
	struct queue_tx_slot tx_slot[FRONT_RING];
	uint16_t chunk[FRONT_RING]; /* stack of free chunks: the hot on top */
	unsigned chunks;
	int lent;      /* chunk, or -1 */
	int tx_status; /* worst answer to the packet being reaped */

	uint32_t rx_page;
	uint32_t rx_ref[FRONT_RING];
	uint16_t rx_id[FRONT_RING];
	unsigned rx_mapped;  /* the first so many pages are */
	uint32_t rx_partial; /* rsp_prod at which a torn packet was counted */

	uint64_t count[FRONT_COUNTS];
	char first_bad[160];
};

/* Partner: the backend's release of rsp_prod. */
static inline uint32_t queue_load(const RING_IDX *p)
{
	return __atomic_load_n(p, __ATOMIC_ACQUIRE);
}

/* Counts what a backend may never do; the first is kept in words. */
void queue_bad(struct front_queue *q, enum front_count what, const char *fmt,
	       ...) __attribute__((format(printf, 3, 4)));
/* The same, and this queue serves no more. */
int queue_die(struct front_queue *q);

/* The id of request `index`. */
static inline uint16_t queue_id(const struct front_queue *q, uint32_t index)
{
	if (!q->conf.quirks.id_counts)
		index &= QUEUE_MASK;
	return (uint16_t)(q->conf.id_base + index);
}

/* Publishes TX requests when a batch is full. */
void queue_tx_batch(struct front_queue *q);
void queue_tx_open(struct front_queue *q);
void queue_rx_post(struct front_queue *q);

#endif
