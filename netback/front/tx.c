// SPDX-License-Identifier: GPL-2.0-or-later
/* tx.c - what the guest sends: slots out, answers in
 *
 *   first request (size = the whole packet) | GSO extra | the other pieces
 *
 * A grant lives from the request to its answer, as in Linux: a backend that
 * touches a page after it has answered is refused by the grant table.
 */
#include <errno.h>
#include <string.h>

#include "frame.h"
#include "front/queue.h"

enum { TX_LEND_SLOTS = 19 }; /* 65535 bytes behind FRONT_ROOM, two extras */

void queue_tx_open(struct front_queue *q)
{
	unsigned i;

	q->chunks = q->conf.tx_chunks;
	for (i = 0; i < q->chunks; i++)
		q->chunk[i] = (uint16_t)(q->chunks - 1 - i);
}

unsigned front_tx_busy(const struct front_queue *q)
{
	return q->tx.req - q->tx.rsp;
}

unsigned front_tx_room(const struct front_queue *q)
{
	return FRONT_RING - front_tx_busy(q);
}

static uint8_t *tx_chunk(const struct front_queue *q, unsigned chunk)
{
	return front_mem_page(q->conf.mem, q->tx_page + chunk * FRONT_CHUNK);
}

static void tx_put_data(struct front_queue *q, uint32_t page, uint16_t off,
			uint16_t size, uint16_t flags)
{
	uint16_t id = queue_id(q, q->tx.req);
	unsigned i = q->tx.req++ & QUEUE_MASK;
	struct netif_tx_request r = {
		.gref = q->tx_ref[i],
		.offset = off,
		.flags = flags,
		.id = id,
		.size = size,
	};

	front_grant_access(q->conf.mem, r.gref, page, true);
	q->tx_slot[i] = (struct queue_tx_slot){ .id = id };
	memcpy(&q->txs->ring[i].req, &r, sizeof(r));
}

static void tx_put_extra(struct front_queue *q,
			 const struct netif_extra_info *x)
{
	unsigned i = q->tx.req++ & QUEUE_MASK;

	q->tx_slot[i] = (struct queue_tx_slot){ .extra = true };
	memcpy(&q->txs->ring[i], x, sizeof(*x));
}

static unsigned tx_extras(const struct front_queue *q,
			  const struct front_meta *meta)
{
	return (meta->gso_type != 0) + q->conf.quirks.tx_hash;
}

static void tx_put_extras(struct front_queue *q, const struct front_meta *meta)
{
	bool hash = q->conf.quirks.tx_hash;
	struct netif_extra_info gso = {
		.type = XEN_NETIF_EXTRA_TYPE_GSO,
		.flags = hash ? XEN_NETIF_EXTRA_FLAG_MORE : 0,
		.u.gso.size = meta->gso_size,
		.u.gso.type = meta->gso_type,
	};
	/* Of a number that means nothing: backends ignore it. */
	struct netif_extra_info number = {
		.type = XEN_NETIF_EXTRA_TYPE_HASH,
		.u.hash.algorithm = XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ,
	};

	if (meta->gso_type)
		tx_put_extra(q, &gso);
	if (hash)
		tx_put_extra(q, &number);
}

static uint16_t tx_flags(const struct front_queue *q,
			 const struct front_meta *meta, bool more)
{
	uint16_t flags = more ? NETTXF_more_data : 0;

	if (meta->csum_blank)
		flags |= NETTXF_csum_blank;
	if (meta->csum_blank || meta->validated)
		flags |= NETTXF_data_validated;
	if (tx_extras(q, meta))
		flags |= NETTXF_extra_info;
	return flags;
}

/* The packet's last slot is in the ring: its memory goes with it. */
static void tx_end(struct front_queue *q, unsigned chunk, uint32_t len)
{
	struct queue_tx_slot *s = &q->tx_slot[(q->tx.req - 1) & QUEUE_MASK];

	s->last = true;
	s->chunk = (uint16_t)chunk;
	q->count[FRONT_TX_FRAMES]++;
	q->count[FRONT_TX_BYTES] += len;
	queue_tx_batch(q);
}

static int tx_check(const struct front_piece *v, unsigned n, uint32_t *total)
{
	uint32_t sum = 0;
	unsigned i;

	if (!n || n > FRONT_TX_SLOTS)
		return -EINVAL;
	for (i = 0; i < n; i++) {
		if (v[i].off + v[i].len > HV_PAGE)
			return -EINVAL;
		sum += v[i].len;
	}
	*total = sum;
	return sum > FRONT_LEN_MAX ? -EINVAL : 0;
}

int front_tx_send(struct front_queue *q, const struct front_meta *meta,
		  const struct front_piece *v, unsigned n)
{
	uint32_t total = 0, page;
	unsigned chunk, i;
	int rc = tx_check(v, n, &total);

	if (rc)
		return rc;
	if (!q->chunks || front_tx_room(q) < n + tx_extras(q, meta))
		return -ENOBUFS;
	chunk = q->chunk[--q->chunks];
	page = q->tx_page + chunk * FRONT_CHUNK;
	for (i = 0; i < n; i++) {
		bool more = i + 1 < n;

		memcpy(tx_chunk(q, chunk) + i * HV_PAGE + v[i].off, v[i].base,
		       v[i].len);
		if (i)
			tx_put_data(q, page + i, v[i].off, v[i].len,
				    more ? NETTXF_more_data : 0);
		else
			tx_put_data(q, page, v[i].off, (uint16_t)total,
				    tx_flags(q, meta, more));
		if (!i)
			tx_put_extras(q, meta);
	}
	tx_end(q, chunk, total);
	return 0;
}

/* Its data slot names no page: backends answer it before they look. */
int front_tx_group(struct front_queue *q, const uint8_t mac[6], bool join)
{
	struct netif_extra_info x = {
		.type = join ? XEN_NETIF_EXTRA_TYPE_MCAST_ADD
			     : XEN_NETIF_EXTRA_TYPE_MCAST_DEL,
	};
	uint16_t id = queue_id(q, q->tx.req);
	struct netif_tx_request r = { .flags = NETTXF_extra_info, .id = id };
	unsigned i = q->tx.req & QUEUE_MASK;

	if (front_tx_room(q) < 2)
		return -ENOBUFS;
	memcpy(x.u.mcast.addr, mac, 6);
	q->tx.req++;
	q->tx_slot[i] = (struct queue_tx_slot){ .id = id };
	memcpy(&q->txs->ring[i].req, &r, sizeof(r));
	i = q->tx.req & QUEUE_MASK;
	tx_put_extra(q, &x);
	q->tx_slot[i].last = q->tx_slot[i].group = true;
	return 0;
}

uint8_t *front_tx_lend(struct front_queue *q)
{
	if (q->dead || front_tx_room(q) < TX_LEND_SLOTS)
		return NULL;
	if (q->lent < 0) {
		if (!q->chunks)
			return NULL;
		q->lent = q->chunk[--q->chunks];
	}
	return tx_chunk(q, (unsigned)q->lent) + FRONT_ROOM;
}

int front_tx_commit(struct front_queue *q, uint32_t len,
		    const struct front_meta *meta)
{
	uint32_t page, left, off = FRONT_ROOM;

	if (!len)
		return 0; /* the next lend hands out the same memory */
	if (len > FRONT_LEN_MAX || q->lent < 0)
		return -EINVAL;
	page = q->tx_page + (uint32_t)q->lent * FRONT_CHUNK;
	for (left = len; left; off = 0, page++) {
		uint32_t n = left < HV_PAGE - off ? left : HV_PAGE - off;
		bool more = n < left;

		if (left == len) {
			tx_put_data(q, page, (uint16_t)off, (uint16_t)len,
				    tx_flags(q, meta, more));
			tx_put_extras(q, meta);
		} else {
			tx_put_data(q, page, 0, (uint16_t)n,
				    more ? NETTXF_more_data : 0);
		}
		left -= n;
	}
	tx_end(q, (unsigned)q->lent, len);
	q->lent = -1;
	return 0;
}

/* One answer against the request at its place; returns its status. */
static int tx_answer(struct front_queue *q, unsigned i)
{
	const struct queue_tx_slot *s = &q->tx_slot[i];
	uint16_t want = s->id;
	struct netif_tx_response r;

	memcpy(&r, &q->txs->ring[i].rsp, sizeof(r));
	if (s->extra) {
		if (r.status != NETIF_RSP_NULL)
			queue_bad(q, FRONT_BAD_TX_STATUS,
				  "slot %u is an extra, answered %d", i,
				  r.status);
		return NETIF_RSP_OKAY;
	}
	if (r.id != want)
		queue_bad(q, FRONT_BAD_TX_ID, "slot %u holds id %u, sent %u", i,
			  r.id, want);
	if (r.status > NETIF_RSP_OKAY || r.status < NETIF_RSP_DROPPED)
		queue_bad(q, FRONT_BAD_TX_STATUS, "slot %u answered %d", i,
			  r.status);
	if (front_grant_end(q->conf.mem, q->tx_ref[i]))
		queue_bad(q, FRONT_BAD_TX_PINNED,
			  "slot %u answered, grant %u still in use", i,
			  q->tx_ref[i]);
	return r.status;
}

static void tx_finish(struct front_queue *q, const struct queue_tx_slot *s)
{
	enum front_count what = s->group ? FRONT_TX_GROUPS : FRONT_TX_DONE;

	if (q->tx_status == NETIF_RSP_DROPPED)
		what = FRONT_TX_DROPPED;
	else if (q->tx_status)
		what = FRONT_TX_ERROR;
	q->count[what]++;
	q->tx_status = NETIF_RSP_OKAY;
	if (!s->group)
		q->chunk[q->chunks++] = s->chunk;
}

int front_tx_reap(struct front_queue *q)
{
	uint32_t prod = queue_load(&q->txs->rsp_prod);
	bool whole = true;
	int done = 0;

	if (q->dead)
		return -EPROTO;
	if (prod - q->tx.rsp > q->tx.pub - q->tx.rsp) {
		queue_bad(q, FRONT_BAD_TX_COUNT,
			  "rsp_prod %u, answered %u, asked %u", prod, q->tx.rsp,
			  q->tx.pub);
		return queue_die(q);
	}
	for (; q->tx.rsp != prod; q->tx.rsp++) {
		unsigned i = q->tx.rsp & QUEUE_MASK;
		int status = tx_answer(q, i);

		if (status)
			q->tx_status = status;
		whole = q->tx_slot[i].last;
		if (whole) {
			tx_finish(q, &q->tx_slot[i]);
			done++;
		}
	}
	if (!whole)
		queue_bad(q, FRONT_BAD_TX_PARTIAL, "rsp_prod %u in a packet",
			  prod);
	return done;
}
