// SPDX-License-Identifier: GPL-2.0-or-later
/* verdict.c - where two rings stand, in a sentence
 *
 * What waits, and for whom. A frame of the guest's that nobody fetches is the
 * backend's fault; a frame for the guest without buffers, or answers which it
 * was rung for and does not look at, the guest's. None of it means anything
 * while the vif is served all the time, so a second must have passed.
 */
#include "ctl/verdict.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

enum { VERDICT_MS = 1000 };

static int64_t verdict_num(const json_t *o, const char *key)
{
	return json_integer_value(json_object_get(o, key));
}

static uint32_t verdict_index(const json_t *o, const char *key)
{
	return (uint32_t)verdict_num(o, key);
}

/* The guest asked for a bell at rsp_event, had it, and has not asked again. Of RX:
 * many never ask for one when their own frames are answered.
 */
static bool verdict_unseen(const json_t *half)
{
	return (int32_t)(verdict_index(half, "rsp_event") -
			 verdict_index(half, "answered")) <= 0;
}

static bool verdict_unpublished(const json_t *half)
{
	return verdict_index(half, "staged") !=
		       verdict_index(half, "answered") ||
	       verdict_num(half, "intent");
}

struct verdict {
	unsigned queues, tx_waiting, rx_posted; /* sums */
	int unpublished, unseen;		/* a queue, or -1 */
};

static void verdict_sum(const json_t *rings, struct verdict *v)
{
	const json_t *q, *tx, *rx;
	size_t i;
	*v = (struct verdict){ .unpublished = -1, .unseen = -1 };
	json_array_foreach(rings, i, q)
	{
		tx = json_object_get(q, "tx");
		rx = json_object_get(q, "rx");
		v->queues++;
		v->tx_waiting += verdict_index(tx, "req_prod") -
				 verdict_index(tx, "taken");
		v->rx_posted += verdict_index(rx, "req_prod") -
				verdict_index(rx, "staged");
		if (verdict_unpublished(tx) || verdict_unpublished(rx))
			v->unpublished = (int)i;
		if (verdict_unseen(rx))
			v->unseen = (int)i;
	}
}

/* Served a second ago or longer. */
static void verdict_quiet(const json_t *vif, const struct verdict *v,
			  int64_t ms, char *buf, size_t size)
{
	if (v->unpublished >= 0)
		snprintf(buf, size,
			 "the backend is stuck: answers of queue %d are made "
			 "and not published, for %" PRId64 " ms",
			 v->unpublished, ms);
	else if (v->tx_waiting)
		snprintf(buf, size,
			 "the backend is stuck: %u slots of the guest's wait "
			 "and it was last served %" PRId64 " ms ago; or the "
			 "guest wrote them and did not ring",
			 v->tx_waiting, ms);
	else if (verdict_num(vif, "held"))
		snprintf(buf, size,
			 "the guest is stuck: a frame waits for %" PRId64
			 " buffers, it has posted %u, and nothing has moved "
			 "for %" PRId64 " ms",
			 verdict_num(vif, "needs"), v->rx_posted, ms);
	else if (v->unseen >= 0)
		snprintf(buf, size,
			 "the guest is stuck: it was rung for frames of queue "
			 "%d and has not looked at them for %" PRId64 " ms",
			 v->unseen, ms);
	else
		snprintf(buf, size,
			 "neither is stuck: nothing waits on either side");
}

void verdict(const json_t *vif, char *buf, size_t size)
{
	const json_t *rings = json_object_get(vif, "rings");
	const char *link = json_string_value(json_object_get(vif, "link"));
	int64_t ms = (verdict_num(vif, "now_ns") - verdict_num(vif, "at_ns")) /
		     1000000;
	struct verdict v;

	verdict_sum(rings, &v);
	if (json_is_true(json_object_get(vif, "silent")))
		snprintf(buf, size,
			 "the backend is stuck: worker %" PRId64
			 " has not answered for two seconds; netbackd replaces "
			 "it after ten",
			 verdict_num(vif, "worker"));
	else if (!link || strcmp(link, "running") || !v.queues)
		snprintf(buf, size,
			 "nobody can be stuck: the guest is not connected; "
			 "vifctl show says how far it came");
	else if (verdict_num(vif, "paced"))
		snprintf(buf, size, "neither is stuck: it waits for its rate");
	else if (ms >= VERDICT_MS)
		verdict_quiet(vif, &v, ms, buf, size);
	else if (verdict_num(vif, "held"))
		snprintf(buf, size,
			 "the guest is slow: a frame waits for %" PRId64
			 " buffers, it has posted %u",
			 verdict_num(vif, "needs"), v.rx_posted);
	else
		snprintf(buf, size,
			 "neither is stuck: it was served %" PRId64 " ms ago",
			 ms < 0 ? 0 : ms);
}
