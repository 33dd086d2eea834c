/* SPDX-License-Identifier: GPL-2.0-or-later */
/* survive.h - what outlives a worker: one memory file per vif
 *
 * The supervisor creates it, keeps the descriptor and never looks inside.
 * The worker maps it, and everything that a kill must not lose is written there
 * first: which slots were answered, with what, and how far publishing came.
 *
 *   struct survive            header: magic, version, epoch, queues, counters,
 *                             and what a vif's queues share
 *   struct survive_queue[n]   per queue: tx and rx journal
 *
 * `epoch` names one connection of one guest. Opening with another epoch
 * forgets journals and indices (never counters): no intent is ever
 * replayed into rings it was not made for.
 */
#ifndef NETBACK_SURVIVE_H
#define NETBACK_SURVIVE_H

#include <assert.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ring.h"

enum {
	SURVIVE_MAGIC = 0x4e425376, /* "NBSv" */
	SURVIVE_VERSION = 4, /* whoever changes a layout below raises it */
	SURVIVE_QUEUES = 64,
	SURVIVE_COUNTS = 64,
	SURVIVE_QUEUE_COUNTS = 40,
};

/* One direction's journal: see ring/publish.c. Indices are free-running, as in
 * the ring. `staged` holds the response for each slot, both directions in the
 * larger (RX) layout.
 */
struct survive_ring {
	uint32_t done;	 /* published up to here: where an adopter resumes */
	uint32_t to;	 /* with intent: publish up to here */
	uint32_t intent; /* 1 while [done, to) is being written to the ring */
	uint32_t live;	 /* 1 once this ring was attached in this epoch */
	uint64_t staged[256];
};

/* A page that a guest asked to have mapped. */
struct survive_gref {
	uint32_t ref;
	uint8_t queue, readonly;
	uint16_t pad;
};

/* All that requests on the control ring change, with the answer to the last of
 * them: made in the half that is not `which`, which then flips. So a request was
 * done and its answer is known, or neither. See ring/ctrl.c.
 */
struct survive_ctrl {
	uint32_t answered; /* requests, free-running */
	uint32_t rsp[3];   /* to request answered - 1 */
	uint32_t hash_alg, hash_flags, hash_size;
	uint8_t hash_key[RING_HASH_KEY];
	uint8_t hash_map[RING_HASH_MAP];
	uint32_t ngref;
	struct survive_gref gref[RING_GREFS];
};

struct survive_vif {
	uint32_t live; /* 1 once the control ring was attached */
	uint32_t which;
	struct survive_ctrl ctrl[2];
	uint32_t nmcast;
	uint8_t mcast[RING_MCAST][6];
};

struct survive_queue {
	struct survive_ring tx, rx;
	uint64_t counts[2][SURVIVE_QUEUE_COUNTS]; /* of this epoch */
};

/* Counters are written to the half that is not `which`, then `which` flips: a
 * kill leaves the sums of one whole turn or of the one before, so that what
 * came in always equals what went out, was dropped or waits.
 */
struct survive {
	uint32_t magic, version;
	uint64_t epoch;
	uint32_t queues;
	uint16_t which, serving; /* serving: 1 during a turn of this vif */
	uint64_t rate_ns; /* of the vif's rate= : what passed so far is paid
			   * for at this time, CLOCK_MONOTONIC */
	uint64_t counts[2][SURVIVE_COUNTS];
	struct survive_vif vif;
	struct survive_queue q[];
};

/* Bytes of the file for that many queues. */
static inline size_t survive_size(unsigned queues)
{
	return sizeof(struct survive) + queues * sizeof(struct survive_queue);
}

/* Maps fd (not taken over) for `queues` queues. A fresh file (all zero) is
 * initialised; another epoch is forgotten as said above; another version, a
 * wrong size or what no worker of ours writes is -ESTALE. Returns 1 when the epoch
 * was the same: adopt.
 */
int survive_open(struct survive **out, int fd, unsigned queues, uint64_t epoch);
void survive_close(struct survive *s); /* unmaps; NULL is fine */

/* Around each turn. A worker that dies between leaves the mark to the next. */
static inline void survive_serve(struct survive *s, bool on)
{
	atomic_signal_fence(memory_order_seq_cst);
	s->serving = on;
	atomic_signal_fence(memory_order_seq_cst);
}

/* Whether a worker left it, before the first turn; takes it away. */
bool survive_died_serving(struct survive *s);

/* Counters of the last whole turn; n <= SURVIVE_COUNTS, meaning the caller's.
 * What queues counted is put first, n <= SURVIVE_QUEUE_COUNTS: it becomes valid
 * together with the rest.
 */
void survive_put_queue(struct survive *s, unsigned queue, const uint64_t *count,
		       unsigned n);
void survive_get_queue(const struct survive *s, unsigned queue, uint64_t *count,
		       unsigned n);
void survive_put(struct survive *s, const uint64_t *count, unsigned n);
void survive_get(const struct survive *s, uint64_t *count, unsigned n);

#endif
