// SPDX-License-Identifier: GPL-2.0-or-later
/* sup_ask.c - questions at RUN/control: show, stats, capture */
#include "daemon/sup.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/stats.h"
#include "daemon/worker.h"

static json_t *sup_show_vif(struct supervisor *s, const struct sup_dev *v)
{
	json_t *o = device_show(v->dev);

	json_object_set_new(o, "worker", json_integer(s->worker));
	return o;
}

static json_t *sup_show(struct supervisor *s)
{
	json_t *vifs = json_array();
	const struct sup_dev *v;

	for (v = s->devs; v; v = v->next)
		json_array_append_new(vifs, sup_show_vif(s, v));
	return json_pack("{s:s, s:i, s:i, s:i, s:i, s:o}", "program",
			 "netbackd", "pid", (int)getpid(), "nursery",
			 (int)s->nursery_pid, "worker", (int)s->worker,
			 "restarts", (int)s->restarts, "vifs", vifs);
}

static void sup_ask_end(struct supervisor *s, struct sup_ask *q, json_t *answer)
{
	struct sup_ask **at = &s->asks;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	control_answer(s->control, q->client, answer);
	json_decref(q->vifs);
	free(q);
}

void sup_asks_fail(struct supervisor *s)
{
	while (s->asks)
		sup_ask_end(s, s->asks,
			    control_error("the worker died; ask again"));
}

/* STATS are answered in order, so the oldest question is due. */
void sup_stats_answer(struct supervisor *s, const struct worker_msg *m)
{
	struct sup_dev *v = sup_find(s, m->domid, m->handle);
	struct sup_ask *q = s->asks;

	if (!q)
		return;
	if (v && m->type == WORKER_STATS) {
		json_t *o = sup_show_vif(s, v);

		stats_show(o, m);
		json_array_append_new(q->vifs, o);
	}
	if (--q->left)
		return;
	sup_ask_end(s, q, json_pack("{s:O}", "vifs", q->vifs));
}

static void sup_ask_stats(struct supervisor *s, struct sup_ask *q,
			  const struct sup_dev *v)
{
	struct worker_msg m = {
		.type = WORKER_STATS,
		.domid = device_domid(v->dev),
		.handle = device_handle(v->dev),
	};

	if (device_told(v->dev) && !orders_send(s->hub.orders, &m, NULL, 0))
		q->left++;
	else
		json_array_append_new(q->vifs, sup_show_vif(s, v));
}

static int sup_stats(struct supervisor *s, unsigned client, const char *name,
		     json_t **out)
{
	struct sup_ask *q, **at = &s->asks;
	const struct sup_dev *v;
	bool found = !name;

	if (!s->hub.orders) {
		*out = control_error("there is no worker just now; ask again");
		return 0;
	}
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->client = client;
	q->vifs = json_array();
	for (v = s->devs; v; v = v->next) {
		if (name && strcmp(name, device_name(v->dev)))
			continue;
		found = true;
		sup_ask_stats(s, q, v);
	}
	if (q->left) {
		while (*at)
			at = &(*at)->next;
		*at = q;
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

static struct device *sup_named(const struct supervisor *s, const char *name)
{
	const struct sup_dev *v;

	for (v = s->devs; v && name; v = v->next) {
		if (!strcmp(name, device_name(v->dev)))
			return v->dev;
	}
	return NULL;
}

void sup_reply(void *arg, unsigned client, json_t *answer)
{
	struct supervisor *s = arg;

	control_answer(s->control, client, answer);
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
		return sup_stats(s, client, vif, out);
	if (cmd && !strcmp(cmd, "capture"))
		return captures_start(&s->captures, client, question,
				      sup_named(s, vif), fd, out);
	if (cmd && !strcmp(cmd, "capture-end"))
		return captures_end(&s->captures, client, out);
	*out = control_error("cmd %.40s: there are show, stats, capture and "
			     "capture-end",
			     cmd ? cmd : "missing");
	return 0;
}

static void sup_client_gone(void *arg, unsigned client)
{
	struct supervisor *s = arg;

	captures_client_gone(&s->captures, client);
}

const struct control_ops sup_control = { sup_ask, sup_client_gone };
