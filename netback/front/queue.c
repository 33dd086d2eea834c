// SPDX-License-Identifier: GPL-2.0-or-later
/* queue.c - a pair of rings: setting up, publishing, bells
 *
 * Bells, frontend's view. We write rsp_event = E ("ring me when response E - 1 is
 * there"), fence, and look at rsp_prod once more before sleeping. The backend
 * stores rsp_prod, fences, and rings if E lies in what it just published. So each
 * E that was reached is worth exactly one bell: that is how a bell without
 * cause is told from one which we merely hear late.
 */
#include "front/queue.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static const char *const queue_names[FRONT_COUNTS] = {
	[FRONT_TX_FRAMES] = "tx_frames",
	[FRONT_TX_BYTES] = "tx_bytes",
	[FRONT_TX_DONE] = "tx_done",
	[FRONT_TX_ERROR] = "tx_error",
	[FRONT_TX_DROPPED] = "tx_dropped",
	[FRONT_TX_GROUPS] = "tx_groups",
	[FRONT_RX_FRAMES] = "rx_frames",
	[FRONT_RX_BYTES] = "rx_bytes",
	[FRONT_RX_ERROR] = "rx_error",
	[FRONT_RX_HASHED] = "rx_hashed",
	[FRONT_RX_HEADROOM] = "rx_headroom",
	[FRONT_RX_POSTED] = "rx_posted",
	[FRONT_MAPPED] = "mapped",
	[FRONT_RANG] = "rang",
	[FRONT_BELLS] = "bells",
	[FRONT_SPURIOUS] = "spurious",
	[FRONT_BAD_TX_COUNT] = "bad_tx_count",
	[FRONT_BAD_TX_ID] = "bad_tx_id",
	[FRONT_BAD_TX_STATUS] = "bad_tx_status",
	[FRONT_BAD_TX_PARTIAL] = "bad_tx_partial",
	[FRONT_BAD_TX_PINNED] = "bad_tx_pinned",
	[FRONT_BAD_RX_COUNT] = "bad_rx_count",
	[FRONT_BAD_RX_ID] = "bad_rx_id",
	[FRONT_BAD_RX_PARTIAL] = "bad_rx_partial",
	[FRONT_BAD_RX_SIZE] = "bad_rx_size",
	[FRONT_BAD_RX_STATUS] = "bad_rx_status",
	[FRONT_BAD_RX_SLOTS] = "bad_rx_slots",
	[FRONT_BAD_RX_SHORT] = "bad_rx_short",
	[FRONT_BAD_RX_EXTRA] = "bad_rx_extra",
	[FRONT_BAD_RX_OFFLOAD] = "bad_rx_offload",
	[FRONT_BAD_RX_PINNED] = "bad_rx_pinned",
};

const char *front_count_name(enum front_count c)
{
	return queue_names[c];
}

void queue_bad(struct front_queue *q, enum front_count what, const char *fmt,
	       ...)
{
	va_list ap;
	int n;

	q->count[what]++;
	if (q->first_bad[0])
		return;
	n = snprintf(q->first_bad, sizeof(q->first_bad),
		     "%s: ", queue_names[what]);
	va_start(ap, fmt);
	vsnprintf(q->first_bad + n, sizeof(q->first_bad) - (size_t)n, fmt, ap);
	va_end(ap);
}

int queue_die(struct front_queue *q)
{
	q->dead = true;
	return -EPROTO;
}

/* A page with a grant of its own; returns the reference. */
static int queue_ring_page(struct front_mem *m, void **page)
{
	int pfn = front_mem_take(m, 1), ref;

	if (pfn < 0)
		return pfn;
	ref = front_grant_take(m);
	if (ref < 0)
		return ref;
	*page = front_mem_page(m, (uint32_t)pfn);
	front_grant_access(m, (uint32_t)ref, (uint32_t)pfn, false);
	return ref;
}

static int queue_rings(struct front_queue *q)
{
	void *tx = NULL, *rx = NULL;
	int rc;

	rc = queue_ring_page(q->conf.mem, &tx);
	if (rc < 0)
		return rc;
	q->tx_ring_ref = (uint32_t)rc;
	rc = queue_ring_page(q->conf.mem, &rx);
	if (rc < 0)
		return rc;
	q->rx_ring_ref = (uint32_t)rc;
	q->txs = tx;
	q->rxs = rx;
	q->txs->req_event = q->txs->rsp_event = 1;
	q->rxs->req_event = q->rxs->rsp_event = 1;
	q->tx.armed_at = q->rx.armed_at = 1;
	q->tx.armed = q->rx.armed = true;
	return 0;
}

static int queue_refs(struct front_mem *m, uint32_t v[FRONT_RING])
{
	unsigned i;

	for (i = 0; i < FRONT_RING; i++) {
		int ref = front_grant_take(m);

		if (ref < 0)
			return ref;
		v[i] = (uint32_t)ref;
	}
	return 0;
}

static int queue_memory(struct front_queue *q)
{
	int rc;

	rc = front_mem_take(q->conf.mem, q->conf.tx_chunks * FRONT_CHUNK);
	if (rc < 0)
		return rc;
	q->tx_page = (uint32_t)rc;
	rc = front_mem_take(q->conf.mem, FRONT_RING);
	if (rc < 0)
		return rc;
	q->rx_page = (uint32_t)rc;
	rc = queue_refs(q->conf.mem, q->tx_ref);
	return rc ? rc : queue_refs(q->conf.mem, q->rx_ref);
}

static int queue_channels(struct front_queue *q)
{
	unsigned i;

	q->channels = q->conf.split ? 2 : 1;
	for (i = 0; i < q->channels; i++) {
		struct front_channel *c = &q->channel[i].pub;

		c->port = q->conf.first_port + i;
		c->from_guest = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		c->to_guest = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (c->from_guest < 0 || c->to_guest < 0)
			return -errno;
	}
	return 0;
}

int front_queue_open(struct front_queue **out,
		     const struct front_queue_conf *conf)
{
	struct front_queue *q;
	unsigned i;
	int rc;

	if (!conf->rx_buffers || conf->rx_buffers > FRONT_RING ||
	    !conf->rx_slots || conf->rx_slots > FRONT_RX_SLOTS ||
	    conf->tx_chunks > FRONT_RING)
		return -EINVAL;
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->conf = *conf;
	if (!q->conf.tx_chunks)
		q->conf.tx_chunks = FRONT_RING;
	q->lent = -1;
	for (i = 0; i < 2; i++)
		q->channel[i].pub = (struct front_channel){ 0, -1, -1 };
	rc = queue_rings(q);
	if (!rc)
		rc = queue_memory(q);
	if (!rc)
		rc = queue_channels(q);
	if (rc) {
		front_queue_close(q);
		return rc;
	}
	queue_tx_open(q);
	queue_rx_post(q);
	front_push(q);
	*out = q;
	return 0;
}

int front_queue_close(struct front_queue *q)
{
	unsigned i;
	int rc = 0;

	if (!q)
		return 0;
	for (i = 0; i < FRONT_RING; i++) {
		if (q->tx_ref[i])
			front_grant_end(q->conf.mem, q->tx_ref[i]);
		if (q->rx_ref[i])
			front_grant_end(q->conf.mem, q->rx_ref[i]);
	}
	if (q->tx_ring_ref && front_grant_end(q->conf.mem, q->tx_ring_ref))
		rc = -EBUSY;
	if (q->rx_ring_ref && front_grant_end(q->conf.mem, q->rx_ring_ref))
		rc = -EBUSY;
	for (i = 0; i < 2; i++) {
		if (q->channel[i].pub.from_guest >= 0)
			close(q->channel[i].pub.from_guest);
		if (q->channel[i].pub.to_guest >= 0)
			close(q->channel[i].pub.to_guest);
	}
	free(q);
	return rc;
}

void front_queue_names(const struct front_queue *q, struct front_names *out)
{
	*out = (struct front_names){
		.tx_ref = q->tx_ring_ref,
		.rx_ref = q->rx_ring_ref,
		.tx_port = q->channel[0].pub.port,
		.rx_port = q->channel[q->channels - 1].pub.port,
	};
}

unsigned front_queue_channels(const struct front_queue *q,
			      struct front_channel v[2])
{
	unsigned i;

	for (i = 0; i < q->channels; i++)
		v[i] = q->channel[i].pub;
	return q->channels;
}

int front_fd_tx(const struct front_queue *q)
{
	return q->channel[0].pub.to_guest;
}

int front_fd_rx(const struct front_queue *q)
{
	return q->channel[q->channels - 1].pub.to_guest;
}

const uint64_t *front_counts(const struct front_queue *q)
{
	return q->count;
}

const char *front_first_bad(const struct front_queue *q)
{
	return q->first_bad;
}

uint64_t front_bad(const struct front_queue *q)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = FRONT_BAD_FIRST; i < FRONT_COUNTS; i++)
		sum += q->count[i];
	return sum;
}

static void queue_bell(struct front_queue *q, unsigned channel)
{
	uint64_t one = 1;

	/* Fails only when 2^64 - 2 bells wait: then it is rung already. */
	if (write(q->channel[channel].pub.from_guest, &one, sizeof(one)) > 0)
		q->count[FRONT_RANG]++;
}

/* Publishes up to x->req; true when the backend asked to be rung for it. */
static bool queue_publish(struct queue_index *x, RING_IDX *prod,
			  const RING_IDX *event)
{
	uint32_t old = x->pub, ev;

	if (x->req == old)
		return false;
	/* Partner: the backend's acquire of req_prod. */
	__atomic_store_n(prod, x->req, __ATOMIC_RELEASE);
	x->pub = x->req;
	/* req_prod before req_event: the backend arms the other way round. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	ev = __atomic_load_n(event, __ATOMIC_RELAXED);
	return x->req - ev < x->req - old;
}

void queue_tx_batch(struct front_queue *q)
{
	unsigned batch = q->conf.quirks.tx_batch;

	if (batch && q->tx.req - q->tx.pub >= batch &&
	    queue_publish(&q->tx, &q->txs->req_prod, &q->txs->req_event))
		queue_bell(q, 0);
}

int front_push(struct front_queue *q)
{
	bool tx = queue_publish(&q->tx, &q->txs->req_prod, &q->txs->req_event);
	bool rx = queue_publish(&q->rx, &q->rxs->req_prod, &q->rxs->req_event);

	/* Who has not promised to ring for buffers does not. */
	rx = rx && q->conf.features.rx_notify;
	if (q->channels == 1) {
		if (tx || rx)
			queue_bell(q, 0);
		return tx || rx;
	}
	if (tx)
		queue_bell(q, 0);
	if (rx)
		queue_bell(q, 1);
	return tx + rx;
}

void front_kick(struct front_queue *q)
{
	unsigned i;

	for (i = 0; i < q->channels; i++)
		queue_bell(q, i);
}

/* Was the place we asked for reached? Then one bell is due, once. */
static void queue_settle(struct front_queue *q, struct queue_index *x,
			 const RING_IDX *prod, unsigned channel)
{
	if (!x->armed || (int32_t)(queue_load(prod) - x->armed_at) < 0)
		return;
	x->armed = false;
	q->channel[channel].due++;
}

static void queue_arm(struct front_queue *q, struct queue_index *x,
		      RING_IDX *event, const RING_IDX *prod, uint32_t at,
		      unsigned channel)
{
	queue_settle(q, x, prod, channel);
	if (x->armed)
		return; /* a bell for an earlier place is still to come */
	x->armed = true;
	x->armed_at = at;
	__atomic_store_n(event, at, __ATOMIC_RELAXED);
	/* rsp_event before rsp_prod: see the top. */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

int front_arm(struct front_queue *q, bool want_tx)
{
	uint32_t busy = q->tx.pub - q->tx.rsp;

	if (q->dead)
		return 0;
	queue_arm(q, &q->rx, &q->rxs->rsp_event, &q->rxs->rsp_prod,
		  q->rx.rsp + 1, q->channels - 1);
	if ((want_tx && busy) || q->conf.quirks.tx_half)
		/* Half of what is out: room for a batch at one bell. */
		queue_arm(q, &q->tx, &q->txs->rsp_event, &q->txs->rsp_prod,
			  q->tx.rsp + busy / 2 + 1, 0);
	if (queue_load(&q->rxs->rsp_prod) != q->rx.rsp &&
	    queue_load(&q->rxs->rsp_prod) != q->rx_partial)
		return 1;
	return want_tx &&
	       (int32_t)(queue_load(&q->txs->rsp_prod) - q->tx.armed_at) >= 0;
}

static void queue_hear(struct front_queue *q, unsigned channel)
{
	struct queue_channel *c = &q->channel[channel];
	uint64_t n;

	if (read(c->pub.to_guest, &n, sizeof(n)) != sizeof(n))
		return;
	q->count[FRONT_BELLS] += n;
	queue_settle(q, &q->rx, &q->rxs->rsp_prod, q->channels - 1);
	queue_settle(q, &q->tx, &q->txs->rsp_prod, 0);
	if (n > c->due)
		q->count[FRONT_SPURIOUS] += n - c->due;
	c->due = n < c->due ? c->due - n : 0;
	/* With one channel two places may share a bell. */
	if (q->channels == 1 && c->due > 1)
		c->due = 1;
}

void front_clear(struct front_queue *q)
{
	unsigned i;

	for (i = 0; i < q->channels; i++)
		queue_hear(q, i);
}
