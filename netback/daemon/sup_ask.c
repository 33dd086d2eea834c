// SPDX-License-Identifier: GPL-2.0-or-later
/* sup_ask.c - questions at RUN/control: show, stats, capture */
#include "daemon/sup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "daemon/estate.h"
#include "daemon/stats.h"
#include "daemon/takeover.h"
#include "daemon/worker.h"

enum { SUP_LATE_MS = 2000 };

static json_t *sup_show_vif(struct supervisor *s, const struct sup_dev *v)
{
	json_t *o = device_show(v->dev);

	json_object_set_new(o, "worker",
			    json_integer(sup_worker_of(s, v)->pid));
	return o;
}

static json_t *sup_show(struct supervisor *s)
{
	json_t *vifs = json_array(), *workers = json_array();
	json_t *args = json_array();
	const struct sup_dev *v;
	char **arg;
	unsigned i;

	for (i = 0; i < s->workers; i++)
		json_array_append_new(workers, json_integer(s->worker[i].pid));
	for (v = s->devs; v; v = v->next)
		json_array_append_new(vifs, sup_show_vif(s, v));
	for (arg = s->conf->argv + 1; *arg; arg++)
		json_array_append_new(args, json_string(*arg));
	return json_pack("{s:s, s:i, s:i, s:i, s:o, s:i, s:o, s:o}", "program",
			 "netbackd", "pid", (int)getpid(), "nursery",
			 (int)s->nursery_pid, "worker", (int)s->worker[0].pid,
			 "workers", workers, "restarts", (int)s->restarts,
			 "args", args, "vifs", vifs);
}

static void sup_ask_end(struct supervisor *s, struct sup_ask *q, json_t *answer)
{
	struct sup_ask **at = &s->asks;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	if (q->told)
		json_decref(answer);
	else
		control_answer(s->control, q->client, answer);
	loop_cancel(s->loop, q->late);
	json_decref(q->vifs);
	free(q);
}

void sup_asks_fail(struct supervisor *s, unsigned place)
{
	struct sup_ask *q, *next;

	for (q = s->asks; q; q = next) {
		next = q->next;
		if (q->left[place])
			sup_ask_end(s, q,
				    control_error("the worker died; ask "
						  "again"));
	}
}

static bool sup_ask_waits(const struct sup_ask *q)
{
	unsigned i;

	for (i = 0; i < CREW_PLACES && !q->left[i];)
		i++;
	return i < CREW_PLACES;
}

/* Each worker answers in order, so the oldest question that waits for it is due.
 */
void sup_stats_answer(struct supervisor *s, unsigned place,
		      const struct worker_msg *m)
{
	struct sup_dev *v = sup_find(s, m->domid, m->handle);
	struct sup_ask *q = s->asks;

	while (q && !q->left[place])
		q = q->next;
	if (!q)
		return;
	if (v && m->type == WORKER_STATS) {
		json_t *o = sup_show_vif(s, v);
		if (q->ring)
			stats_ring(o, m);
		else
			stats_show(o, m);
		json_array_append_new(q->vifs, o);
	}
	q->left[place]--;
	if (!sup_ask_waits(q))
		sup_ask_end(s, q, json_pack("{s:O}", "vifs", q->vifs));
}

static void sup_ask_stats(struct supervisor *s, struct sup_ask *q,
			  const struct sup_dev *v)
{
	struct orders *o = sup_worker_of(s, v)->orders;
	struct worker_msg m = {
		.type = WORKER_STATS,
		.domid = device_domid(v->dev),
		.handle = device_handle(v->dev),
	};

	if (o && device_told(v->dev) && !orders_send(o, &m, NULL, 0))
		q->left[v->dom->place]++;
	else
		json_array_append_new(q->vifs, sup_show_vif(s, v));
}

/* Whether the worker of any of them is away: then the answer would lack it. */
static bool sup_stats_away(struct supervisor *s, const char *name)
{
	const struct sup_dev *v;

	for (v = s->devs; v; v = v->next) {
		if ((!name || !strcmp(name, device_name(v->dev))) &&
		    !sup_worker_of(s, v)->orders)
			return true;
	}
	return !s->devs && !s->worker[0].orders;
}

/* Who asks whether a worker is stuck must not wait for a stuck worker: its vifs
 * are named without rings. The worker's own answer is waited for all the same, as
 * answers are told apart by their order.
 */
static void sup_ask_late(void *arg)
{
	struct sup_ask *q = arg;
	struct supervisor *s = q->s;
	const struct sup_dev *v;

	q->late = NULL;
	for (v = s->devs; v; v = v->next) {
		if (q->left[v->dom->place] && device_told(v->dev)) {
			json_t *o = sup_show_vif(s, v);

			json_object_set_new(o, "silent", json_true());
			json_array_append_new(q->vifs, o);
		}
	}
	q->told = true;
	control_answer(s->control, q->client,
		       json_pack("{s:O}", "vifs", q->vifs));
}

static int sup_stats(struct supervisor *s, unsigned client, const char *name,
		     bool ring, json_t **out)
{
	struct sup_ask *q, **at = &s->asks;
	const struct sup_dev *v;
	bool found = !name;

	if (sup_stats_away(s, name)) {
		*out = control_error("there is no worker just now; ask again");
		return 0;
	}
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->client = client;
	q->s = s;
	q->ring = ring;
	q->vifs = json_array();
	for (v = s->devs; v; v = v->next) {
		if (name && strcmp(name, device_name(v->dev)))
			continue;
		found = true;
		sup_ask_stats(s, q, v);
	}
	if (sup_ask_waits(q)) {
		while (*at)
			at = &(*at)->next;
		*at = q;
		if (ring)
			loop_after(s->loop, SUP_LATE_MS, sup_ask_late, q,
				   &q->late);
		return -EINPROGRESS;
	}
	*out = found ? json_pack("{s:O}", "vifs", q->vifs)
		     : control_error(
			       "%s: no such vif; {\"cmd\":\"show\"} lists them",
			       name);
	json_decref(q->vifs);
	free(q);
	return 0;
}

static const struct sup_dev *sup_named(const struct supervisor *s,
				       const char *name)
{
	const struct sup_dev *v;

	for (v = s->devs; v && name; v = v->next) {
		if (!strcmp(name, device_name(v->dev)))
			return v;
	}
	return NULL;
}

/* The captures that this client has one among; else those of the first. */
static struct captures *sup_captures(struct supervisor *s, unsigned client)
{
	unsigned i;

	for (i = 0; i < s->workers; i++) {
		if (captures_has(&s->worker[i].captures, client))
			return &s->worker[i].captures;
	}
	return &s->worker[0].captures;
}

static int sup_capture(struct supervisor *s, unsigned client, json_t *q,
		       int *fd, json_t **out)
{
	const char *vif = json_string_value(json_object_get(q, "vif"));
	const struct sup_dev *v = sup_named(s, vif);
	struct captures *of = sup_captures(s, client);

	/* A client which has one already is told so by those. */
	if (v && !captures_has(of, client))
		of = &sup_worker_of(s, v)->captures;
	return captures_start(of, client, q, v ? v->dev : NULL, fd, out);
}

void sup_reply(void *arg, unsigned client, json_t *answer)
{
	struct supervisor *s = arg;

	control_answer(s->control, client, answer);
}

/* Another netbackd takes our place: it gets what we hold, and we end. */
static json_t *sup_give(struct supervisor *s, const int *fd)
{
	int rc;

	if (estate_managed(s->hub.estate))
		return control_error("a service manager keeps what this "
				     "netbackd holds; restart it there, guests "
				     "stay connected");
	if (fd[0] < 0)
		return control_error("take-over: a socket is expected");
	rc = takeover_give(s->hub.estate, fd[0]);
	if (rc)
		return control_error("take-over: %s", strerror(-rc));
	log_info("ending; another netbackd takes over");
	s->given = true;
	loop_stop(s->loop, 0);
	return json_pack("{s:b}", "take-over", 1);
}

static int sup_ask(void *arg, unsigned client, json_t *question, int *fd,
		   json_t **out)
{
	struct supervisor *s = arg;
	const char *cmd = json_string_value(json_object_get(question, "cmd"));
	const char *vif = json_string_value(json_object_get(question, "vif"));

	if (cmd && !strcmp(cmd, "show")) {
		*out = sup_show(s);
		return 0;
	}
	if (cmd && !strcmp(cmd, "stats"))
		return sup_stats(s, client, vif, false, out);
	if (cmd && !strcmp(cmd, "ring"))
		return sup_stats(s, client, vif, true, out);
	if (cmd && !strcmp(cmd, "capture"))
		return sup_capture(s, client, question, fd, out);
	if (cmd && !strcmp(cmd, "capture-end"))
		return captures_end(sup_captures(s, client), client, out);
	if (cmd && !strcmp(cmd, "take-log")) {
		if (fd[0] >= 0)
			takeover_give_log(fd[0]);
		*out = json_pack("{s:b}", "take-log", 1);
		return 0;
	}
	if (cmd && !strcmp(cmd, "take-over")) {
		*out = sup_give(s, fd);
		return 0;
	}
	*out = control_error("cmd %.40s: there are show, stats, ring, capture "
			     "and capture-end",
			     cmd ? cmd : "missing");
	return 0;
}

static void sup_client_gone(void *arg, unsigned client)
{
	struct supervisor *s = arg;

	captures_client_gone(sup_captures(s, client), client);
}

const struct control_ops sup_control = { sup_ask, sup_client_gone };
