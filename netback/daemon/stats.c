// SPDX-License-Identifier: GPL-2.0-or-later
/* stats.c - a vif's counters as people and programs see them */
#include "daemon/stats.h"

#include "base/num.h"
#include "daemon/worker.h"

struct stats_row {
	const char *name;
	uint64_t n;
};

static json_t *stats_counts(const struct stats_row *row, unsigned n)
{
	json_t *o = json_object();
	unsigned i;

	for (i = 0; i < n; i++)
		json_object_set_new(o, row[i].name,
				    json_integer((json_int_t)row[i].n));
	return o;
}

static uint64_t stats_sum(const uint64_t *count, enum ring_count from,
			  enum ring_count to)
{
	uint64_t sum = 0;
	unsigned i;

	for (i = from; i <= to; i++)
		sum += count[i];
	return sum;
}

/* in = out + drops + queued, in each direction, in every answer. What is summed
 * up on the left was counted in another place than what is on the right.
 */
static json_t *stats_to_host(const struct worker_stats *t)
{
	uint64_t bad = stats_sum(t->ring, RING_TX_BAD_SLOTS,
				 RING_TX_BAD_OFFLOAD);
	struct stats_row row[] = {
		{ "in", t->ring[RING_TX_PACKETS] },
		{ "out", t->tap.out + t->direct.out },
		{ "drops", bad + t->tap.out_drop },
		{ "queued", 0 }, /* the host takes it or it is dropped */
	};

	return stats_counts(row, ARRAY_SIZE(row));
}

static json_t *stats_to_guest(const struct worker_stats *t)
{
	uint64_t bad = stats_sum(t->ring, RING_RX_NO_ROOM, RING_RX_BAD_GRANT);
	struct stats_row row[] = {
		{ "in", t->tap.in + t->direct.in + t->ring[RING_RX_CUT] },
		{ "out", t->ring[RING_RX_FRAMES] },
		{ "drops", bad + t->tap.in_drop + t->lost },
		{ "queued", t->held },
	};

	return stats_counts(row, ARRAY_SIZE(row));
}

static json_t *stats_counters(const struct worker_stats *t)
{
	struct stats_row row[] = {
		{ "tap_in", t->tap.in },
		{ "tap_in_bytes", t->tap.in_bytes },
		{ "tap_in_drop", t->tap.in_drop },
		{ "tap_out", t->tap.out },
		{ "tap_out_bytes", t->tap.out_bytes },
		{ "tap_out_drop", t->tap.out_drop },
		{ "lost", t->lost },
		{ "held", t->held },
		{ "turns", t->turns },
		{ "storms", t->storms },
		{ "later", t->later },
		{ "stalls", t->stalls },
		{ "at_ns", t->at_ns },
		{ "direct_in", t->direct.in },
		{ "direct_in_bytes", t->direct.in_bytes },
		{ "direct_out", t->direct.out },
		{ "direct_out_bytes", t->direct.out_bytes },
	};
	json_t *o = json_object(), *tap;
	unsigned i;

	for (i = 0; i < RING_COUNTS; i++)
		json_object_set_new(o, ring_count_name(i),
				    json_integer((json_int_t)t->ring[i]));
	tap = stats_counts(row, ARRAY_SIZE(row));
	json_object_update(o, tap);
	json_decref(tap);
	return o;
}

static json_t *stats_queues(const struct worker_msg *m)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < m->nqueue && i < WORKER_QUEUES; i++) {
		const struct worker_queue_stats *q = &m->queue[i];
		struct stats_row row[] = {
			{ "tx_frames", q->tx_frames },
			{ "tx_bytes", q->tx_bytes },
			{ "tx_drops", q->tx_drops },
			{ "rx_frames", q->rx_frames },
			{ "rx_bytes", q->rx_bytes },
			{ "rx_drops", q->rx_drops },
		};

		json_array_append_new(list, stats_counts(row, ARRAY_SIZE(row)));
	}
	return list;
}

void stats_show(json_t *o, const struct worker_msg *m)
{
	const struct worker_stats *t = &m->stats;

	json_object_set_new(o, "to_host", stats_to_host(t));
	json_object_set_new(o, "to_guest", stats_to_guest(t));
	json_object_set_new(o, "counters", stats_counters(t));
	json_object_set_new(o, "queues", stats_queues(m));
}

static json_t *stats_half(const struct ring_look_half *h)
{
	struct stats_row row[] = {
		{ "req_prod", h->req_prod },   { "taken", h->taken },
		{ "answered", h->answered },   { "staged", h->staged },
		{ "req_event", h->req_event }, { "rsp_event", h->rsp_event },
		{ "intent", h->intent },
	};

	return stats_counts(row, ARRAY_SIZE(row));
}

void stats_ring(json_t *o, const struct worker_msg *m)
{
	struct stats_row row[] = {
		{ "now_ns", m->now_ns },
		{ "at_ns", m->stats.at_ns },
		{ "held", m->stats.held },
		{ "needs", m->needs },
		{ "paced", m->waits },
		{ "storms", m->stats.storms },
		{ "stalls", m->stats.stalls },
		{ "bells", m->stats.ring[RING_BELLS] },
		{ "bells_saved", m->stats.ring[RING_BELLS_SAVED] },
		{ "replayed", m->stats.ring[RING_REPLAYED] },
	};
	json_t *list = json_array(), *all = stats_counts(row, ARRAY_SIZE(row));
	unsigned i;

	for (i = 0; i < m->nqueue && i < WORKER_QUEUES; i++)
		json_array_append_new(
			list, json_pack("{s:o, s:o}", "tx",
					stats_half(&m->look[i].tx), "rx",
					stats_half(&m->look[i].rx)));
	json_object_update(o, all);
	json_decref(all);
	json_object_set_new(o, "rings", list);
}
