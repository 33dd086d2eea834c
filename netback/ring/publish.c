// SPDX-License-Identifier: GPL-2.0-or-later
/* publish.c - the one routine that writes responses, and its journal
 *
 * Why a journal. A TX response overlays the first 4 bytes of its slot: the
 * grant reference of the request. A worker killed after it wrote responses, but
 * before it moved rsp_prod, would leave slots that read as requests for
 * grants the guest never named; the next worker would send those pages to the
 * network. So responses are first staged in memory that outlives the worker,
 * then published:
 *
 *      staged[done..to)     written as packets are handled; not visible
 *   1  keep.to = to
 *   2  keep.intent = 1      from here on the next worker finishes the job
 *   3  staged -> ring slots
 *   4  rsp_prod = to        the guest sees them
 *   5  keep.done = to
 *   6  keep.intent = 0
 *   7  bell, if the guest's event index lies in (done, to]
 *
 * Killed before 2: nothing was written to the ring; the packets are handled
 * again. Between 2 and 4: attach repeats 3 to 6. Between 4 and 6: attach does 5
 * and 6 alone. The guest has seen the responses and may have put new requests
 * into their slots, so they must not be written again; that 4 was done is what
 * rsp_prod in the page says. A guest that writes this word itself spoils
 * its own requests. Between 4 and 7: the bell may be lost, so
 * attach rings where the guest's event index has not moved past what is
 * published.
 *
 * Everything is staged whole packets at a time and in ring order, which is why
 * one index says all. The journal belongs to an epoch (survive.c).
 */
#include <errno.h>
#include <string.h>

#include "ring/shared.h"

int half_waiting(const struct half *h)
{
	uint32_t n = half_load_prod(h) - h->taken;
	uint32_t room = RING_SLOTS - (h->taken - h->done);

	if (n > RING_SLOTS)
		return -EPROTO;
	return (int)(n < room ? n : room);
}

static uint8_t *half_slot(const struct half *h, uint32_t index)
{
	return h->page->slot + (size_t)(index % RING_SLOTS) * h->req_size;
}

/* The journal is read only by a process that starts after this one died: the
 * compiler must keep the order of its stores, the processor need not.
 */
static void journal_order(void)
{
	atomic_signal_fence(memory_order_seq_cst);
	ring_probe(NULL, 0);
}

/* Steps 5 and 6. */
static void half_finish(struct half *h, uint32_t to)
{
	journal_order();
	h->keep->done = to;
	journal_order();
	h->keep->intent = 0;
	h->done = to;
}

/* Steps 3 to 6. */
static void half_write(struct half *h, uint32_t from, uint32_t to)
{
	uint32_t i;

	for (i = from; i != to; i++) {
		ring_probe(NULL, 0);
		memcpy(half_slot(h, i), &h->keep->staged[i % RING_SLOTS],
		       h->rsp_size);
	}
	half_store_prod(h, to);
	half_finish(h, to);
}

/* Publishes what is staged. True when the guest asked for a bell. */
bool half_publish(struct half *h)
{
	uint32_t from = h->done, to = h->staged, event;
	bool kick = h->kick;

	h->kick = false;
	if (from == to)
		return kick;
	h->keep->to = to;
	journal_order();
	h->keep->intent = 1;
	journal_order();
	half_write(h, from, to);
	event = half_load_event(h);
	return kick || to - event < to - from;
}

/* Takes up where the journal says, or at the guest's rsp_prod when this epoch
 * has not seen this ring.
 */
int half_attach(struct half *h, uint64_t *replayed)
{
	struct survive_ring *k = h->keep;
	uint32_t n;

	if (!k->live) {
		k->done = atomic_load_explicit(&h->page->rsp_prod,
					       memory_order_relaxed);
		k->intent = 0;
		journal_order();
		k->live = 1;
	}
	h->done = k->done;
	if (k->intent) {
		n = k->to - k->done;
		if (n > RING_SLOTS)
			return -ESTALE;
		ring_probe(&h->page->rsp_prod, 4);
		if (atomic_load_explicit(&h->page->rsp_prod,
					 memory_order_relaxed) == k->to) {
			half_finish(h, k->to);
		} else {
			half_write(h, k->done, k->to);
			*replayed += n;
		}
	}
	h->taken = h->cons = h->staged = h->done;
	/* A guest that has seen everything waits beyond what is published. */
	h->kick = (int32_t)(half_load_event(h) - h->done) <= 0;
	return half_waiting(h) < 0 ? -EPROTO : 0;
}
