// SPDX-License-Identifier: GPL-2.0-or-later
/* sup_over.c - in the place of a netbackd that runs
 *
 *   while it serves    workers made ready, its vifs found in the store, watched,
 *			and all of their keys read
 *   it ends		descriptors, locks
 *   guests stand still what has changed since then is heard, and only that is
 *			read again; workers are told
 *
 * Nothing that was read is believed without the watch: the store's answer to one
 * question behind the other's end says that there is no older news.
 */
#include "daemon/sup.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/loop.h"
#include "daemon/takeover.h"
#include "store.h"

enum { OVER_WARM_MS = 5000 }; /* for workers to be ready */

static int over_warm(struct supervisor *s, struct err *e)
{
	uint64_t end = clock_ns() + OVER_WARM_MS * 1000000ull;
	unsigned i;
	int rc = 0;

	for (i = 0; i < s->workers && !rc;) {
		if (s->worker[i].orders)
			i++;
		else if (clock_ns() > end)
			rc = err_set(e, -ETIMEDOUT, "no worker was ready");
		else
			rc = loop_turn(s->loop, 10);
	}
	return rc;
}

static void over_found(struct supervisor *s, uint16_t domid, uint16_t handle)
{
	struct sup_dev *v;

	if (sup_open(s, domid, handle, &v) || !v)
		return;
	v->next = s->over.early;
	s->over.early = v;
	s->over.vifs++;
}

/* The answer comes behind all events that were sent before it was asked for. */
static int over_hear(struct supervisor *s)
{
	uint32_t id = 0;
	int rc;

	s->hub.asked++;
	rc = store_read_u32(s->hub.store, "domid", UINT16_MAX, &id);
	return rc == -ENOTCONN || rc == -ENOMEM ? rc : 0;
}

/* Each watch fires once when it is set: that is no news. */
static void over_drain(struct supervisor *s)
{
	char path[STORE_PATH], token[32];

	over_hear(s);
	while (store_event(s->hub.store, path, sizeof(path), token,
			   sizeof(token)) == 1)
		;
}

/* Whatever goes wrong here is done, and said, when it is our turn. */
static void over_ahead(struct supervisor *s)
{
	struct sup_dev *v;

	if (sup_store_begin(s) || sup_each(s, over_found))
		return;
	over_drain(s);
	for (v = s->over.early; v; v = v->next)
		device_look_ahead(v->dev);
}

int sup_take_over(struct supervisor *s, struct err *e)
{
	int rc = over_warm(s, e);

	if (rc)
		return rc;
	s->over.on = true;
	over_ahead(s);
	rc = takeover_ask(s->hub.estate, s->conf->run, e);
	s->over.from_ns = clock_ns();
	return rc ? rc : sup_take_locks(s, e);
}

void sup_over_serve(struct supervisor *s)
{
	struct sup_dev *v;

	if (!s->over.on)
		return;
	s->hub.asked = 0;
	while ((v = s->over.early)) {
		s->over.early = v->next;
		sup_enter(s, v); /* or the scan that follows has it */
	}
	if (!s->hub.store || (!over_hear(s) && !sup_store_events(s)))
		return;
	/* There may be news that we have not heard: nothing was read. */
	for (v = s->devs; v; v = v->next)
		device_stale(v->dev);
}

void sup_over_done(struct supervisor *s)
{
	uint64_t us = (clock_ns() - s->over.from_ns) / 1000;
	struct sup_dev *v;
	unsigned i;

	if (!s->over.on || s->soon)
		return;
	for (i = 0; i < s->workers; i++) {
		if (s->worker[i].orders && orders_pending(s->worker[i].orders))
			return;
	}
	s->over.on = false;
	for (v = s->devs; v; v = v->next)
		device_stale(v->dev);
	log_info("took over %u vif%s in %u.%u ms, asking the store %u time%s",
		 s->over.vifs, s->over.vifs == 1 ? "" : "s",
		 (unsigned)(us / 1000), (unsigned)(us % 1000 / 100),
		 s->hub.asked, s->hub.asked == 1 ? "" : "s");
}
