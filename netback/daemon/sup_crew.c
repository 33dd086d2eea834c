// SPDX-License-Identifier: GPL-2.0-or-later
/* sup_crew.c - workers that come, answer and die
 *
 * A guest has one worker, for all its vifs; what another one does is nothing to it.
 */
#include "daemon/sup.h"

#include <stdio.h>

#include "base/log.h"
#include "base/loop.h"
#include "daemon/domain.h"

static void sup_taken(struct supervisor *s, unsigned place)
{
	struct sup_worker *w = &s->worker[place];
	char how[64];
	uint64_t us = (clock_ns() - w->death.noticed_ns) / 1000;

	if (!w->taking || !w->orders || orders_pending(w->orders))
		return;
	w->taking = false;
	crew_say(&w->death, how, sizeof(how));
	log_warn("worker %d %s, worker %d took over %u vif%s in %u.%u ms",
		 (int)w->death.pid, how, (int)w->pid, w->took,
		 w->took == 1 ? "" : "s", (unsigned)(us / 1000),
		 (unsigned)(us % 1000 / 100));
}

static void sup_up(void *arg, unsigned place, struct orders *o, pid_t pid)
{
	struct supervisor *s = arg;
	struct sup_worker *w = &s->worker[place];
	struct sup_dom *d;
	struct sup_dev *v;

	w->orders = o;
	w->pid = pid;
	w->took = 0;
	for (d = s->doms; d; d = d->next) {
		if (d->place == place)
			domain_resume(d->dom);
	}
	for (v = s->devs; v; v = v->next) {
		if (v->dom->place == place)
			w->took += device_resume(v->dev);
	}
	captures_up(&w->captures, o);
	log_debug("worker %d is up", (int)pid);
	sup_taken(s, place);
}

static void sup_down(void *arg, unsigned place, const struct crew_death *death)
{
	struct supervisor *s = arg;
	struct sup_worker *w = &s->worker[place];
	struct sup_dev *v;

	w->orders = NULL;
	w->pid = 0;
	s->restarts++;
	w->death = *death;
	w->taking = true;
	sup_asks_fail(s, place);
	captures_down(&w->captures);
	if (!death->often)
		return;
	v = death->blamed ? sup_find(s, death->domid, death->handle) : NULL;
	log_error("workers die over and over%s%s", v ? ", connecting " : "",
		  v ? device_name(v->dev) : "");
	if (v)
		device_blame(v->dev, "disabled: the worker died over and over "
				     "connecting it");
}

/* The worker before crashed in a turn of this one, says the next. */
static void sup_served(struct supervisor *s, struct sup_dev *v)
{
	const struct crew_death *death = &sup_worker_of(s, v)->death;
	uint64_t now = death->noticed_ns;
	unsigned others = 0;
	struct sup_dev *o;

	if (!death->pid || !blame_crashed(death->status, death->why))
		return;
	blame_add(&v->blame, now);
	for (o = s->devs; o; o = o->next) {
		bool beside = o != v && o->dom->place == v->dom->place;
		unsigned n = beside ? blame_count(&o->blame, now) : 0;

		others = n > others ? n : others;
	}
	if (blame_due(blame_count(&v->blame, now), others))
		device_blame(v->dev, "disabled: the worker crashed over and "
				     "over serving it");
}

/* The vif of which a worker speaks, if it is one of its own: what another worker
 * serves is not for this one to end, and a late answer may be about a guest that
 * has come back to another place.
 */
static struct sup_dev *sup_spoken_of(struct supervisor *s, unsigned place,
				     const struct worker_msg *m)
{
	struct sup_dev *v = sup_find(s, m->domid, m->handle);

	return v && v->dom->place == place ? v : NULL;
}

static void sup_answer(void *arg, unsigned place, const struct worker_msg *m,
		       enum worker_type order)
{
	struct supervisor *s = arg;
	struct sup_dom *d;
	struct sup_dev *v;

	switch (order) {
	case WORKER_DOM:
	case WORKER_DOM_XEN:
	case WORKER_CHANNEL:
	case WORKER_DOM_GONE:
		d = sup_find_dom(s, m->domid);
		if (d && d->place == place)
			domain_answer(d->dom, m, order);
		break;
	case WORKER_STATS:
		sup_stats_answer(s, place, m);
		break;
	case WORKER_CAPTURE:
	case WORKER_CAPTURE_END:
		captures_answer(&s->worker[place].captures, m, order);
		break;
	default:
		v = sup_spoken_of(s, place, m);
		if (v)
			device_answer(v->dev, m, order);
		if (v && order == WORKER_CONNECT && m->served == 1)
			sup_served(s, v);
	}
	sup_taken(s, place);
	sup_over_done(s);
}

static void sup_fatal(void *arg, unsigned place, const struct worker_msg *m)
{
	struct supervisor *s = arg;
	struct sup_dev *v = sup_spoken_of(s, place, m);

	if (v && m->type == WORKER_STALL)
		device_stalled(v->dev, m->stalled == 1);
	else if (v)
		device_fatal(v->dev, m->text);
}

static void sup_nursery_lost(void *arg)
{
	struct supervisor *s = arg;

	log_error("the nursery died, and the workers with it; ending, so that "
		  "the service manager starts netbackd again (guests stay "
		  "connected)");
	loop_stop(s->loop, 1);
}

const struct crew_ops sup_crew = { sup_up, sup_down, sup_answer, sup_fatal,
				   sup_nursery_lost };
