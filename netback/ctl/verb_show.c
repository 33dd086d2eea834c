// SPDX-License-Identifier: GPL-2.0-or-later
/* verb_show.c - show: what the store and netbackd know, one record for a vif */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/attach.h"
#include "ctl/control.h"
#include "ctl/counted.h"
#include "ctl/metrics.h"
#include "ctl/out.h"
#include "ctl/run.h"
#include "ctl/verdict.h"

struct show {
	struct ctl *c;
	struct err *e;
	struct out out;
	json_t *live; /* netbackd's records; NULL when it is away */
	struct counted counted;
	bool one; /* vif: of that the counters are read, else of all */
};

/* netbackd's record of a vif: borrowed, or NULL. */
static json_t *show_live(const struct show *s, const char *name)
{
	json_t *list = json_object_get(s->live, "vifs"), *one;
	const char *have;
	size_t i;

	json_array_foreach(list, i, one)
	{
		have = json_string_value(json_object_get(one, "name"));
		if (have && !strcmp(have, name))
			return one;
	}
	return NULL;
}

static void show_keys(struct out *o, const struct vif *v)
{
	char value[VIF_TEXT];
	unsigned i;

	out_num(o, "domain", v->domid);
	out_num(o, "device", v->handle);
	for (i = 0; vif_keys[i]; i++) {
		if (vif_get(v, vif_keys[i], value, sizeof(value)) > 0)
			out_str(o, vif_keys[i], value);
	}
}

/* What the guard refused, by direction and reason; in text the zeros are left
 * out.
 */
static void show_refused(struct show *s, const char *dev)
{
	const struct filter_counted *g = counted_guard(&s->counted, dev);
	json_t *way[2] = { json_object(), json_object() };
	struct out *o = &s->out;
	char key[64];
	unsigned i;

	for (i = 0; g && i < g->n; i++) {
		const struct filter_count *v = &g->v[i];

		snprintf(key, sizeof(key), "refused.%s.%s",
			 v->to_guest ? "to_guest" : "from_guest", v->reason);
		if (o->json)
			json_object_set_new(
				way[v->to_guest], v->reason,
				json_integer((json_int_t)v->packets));
		else if (v->packets)
			out_num(o, key, (int64_t)v->packets);
	}
	if (o->json && g)
		out_json(o, "refused",
			 json_pack("{s:O,s:O}", "from_guest", way[0],
				   "to_guest", way[1]));
	json_decref(way[0]);
	json_decref(way[1]);
}

/* What each rule of its files met; again without zeros in text. */
static void show_rules(struct show *s, const char *dev)
{
	struct ruleset_count *const *v;
	size_t i, n = counted_rules(&s->counted, dev, &v);
	json_t *list = json_array();
	struct out *o = &s->out;
	char key[80];

	for (i = 0; i < n; i++) {
		snprintf(key, sizeof(key), "rule.%s.%s",
			 counted_way(v[i], "from_guest"), v[i]->rule);
		if (o->json)
			json_array_append_new(
				list,
				json_pack("{s:s,s:s,s:I,s:I}", "rule",
					  v[i]->rule, "direction",
					  counted_way(v[i], "from_guest"),
					  "packets", (json_int_t)v[i]->packets,
					  "bytes", (json_int_t)v[i]->bytes));
		else if (v[i]->packets)
			out_num(o, key, (int64_t)v[i]->packets);
	}
	if (o->json && n)
		out_json(o, "rules", json_incref(list));
	json_decref(list);
}

static int show_vif(struct show *s, uint16_t domid, uint16_t handle)
{
	char name[ATTACH_NAME];
	struct out *o = &s->out;
	struct nodes n;
	json_t *pid;
	int rc = nodes_read(s->c->store, domid, handle, &n, s->e);

	snprintf(name, sizeof(name), "vif%u.%u", domid, handle);
	if (!rc && !n.back)
		rc = err_set(s->e, -ENOENT,
			     "it is not attached; vifctl show lists what is");
	if (rc) {
		err_prefix(s->e, "%s", name);
		return rc;
	}
	pid = json_object_get(show_live(s, name), "worker");
	out_begin(o, name);
	show_keys(o, &n.vif);
	out_str(o, "backend", nodes_state_name(n.back_state));
	out_str(o, "frontend", nodes_state_name(n.front_state));
	out_str(o, "hotplug", n.hotplug);
	if (n.has_carrier)
		out_num(o, "carrier", n.carrier);
	else
		out_null(o, "carrier");
	if (json_integer_value(pid) > 0)
		out_num(o, "worker", json_integer_value(pid));
	else
		out_null(o, "worker");
	if (s->one)
		counted_read(&s->counted, n.vif.name, NULL);
	show_refused(s, n.vif.name);
	show_rules(s, n.vif.name);
	if (n.bad.text[0])
		out_str(o, "error", n.bad.text);
	out_end(o);
	return 0;
}

static int show_each(void *arg, uint16_t domid, uint16_t handle)
{
	return show_vif(arg, domid, handle);
}

static void show_counters(struct out *o, json_t *obj, const char *prefix);

/* queue3.tx_frames=1; a single queue has no numbers that the vif has not. */
static void show_queues(struct out *o, json_t *list)
{
	char prefix[32];
	json_t *v;
	size_t i;

	json_array_foreach(list, i, v)
	{
		snprintf(prefix, sizeof(prefix), "queue%zu.", i);
		if (json_array_size(list) > 1)
			show_counters(o, v, prefix);
	}
}

/* Text has no objects: to_host.in=1; the counters have names of their own. */
static void show_counters(struct out *o, json_t *obj, const char *prefix)
{
	const char *key;
	char full[128];
	json_t *v;

	json_object_foreach(obj, key, v)
	{
		snprintf(full, sizeof(full), "%s%s", prefix, key);
		if (json_is_object(v) && !o->json) {
			bool plain = !strcmp(key, "counters");

			strncat(full, ".", sizeof(full) - strlen(full) - 1);
			show_counters(o, v, plain ? "" : full);
		} else if (json_is_array(v) && !o->json) {
			show_queues(o, v);
		} else if (json_is_string(v)) {
			if (strcmp(full, "name"))
				out_str(o, full, json_string_value(v));
		} else {
			out_json(o, full, json_incref(v));
		}
	}
}

static int show_stats(struct show *s, int argc, char **argv)
{
	json_t *answer = NULL, *one;
	char want[ATTACH_NAME] = "";
	const char *name;
	struct vif v;
	size_t i, n = 0;
	int rc = argc ? ctl_name(&v, argc, argv, s->e) : 0;

	if (!rc)
		rc = control_ask(s->c, "stats", &answer, s->e);
	if (rc)
		return rc;
	if (argc)
		snprintf(want, sizeof(want), "vif%u.%u", v.domid, v.handle);
	json_array_foreach(json_object_get(answer, "vifs"), i, one)
	{
		name = json_string_value(json_object_get(one, "name"));
		if (!name || (argc && strcmp(name, want)))
			continue;
		out_begin(&s->out, name);
		show_counters(&s->out, one, "");
		out_end(&s->out);
		n++;
	}
	json_decref(answer);
	if (argc && !n)
		return err_set(s->e, -ENOENT,
			       "%s: netbackd does not have it; vifctl show "
			       "lists what is attached",
			       want);
	return 0;
}

/* queue0.tx.req_prod=7, and what follows from two of them. */
static void show_half(struct out *o, size_t i, const char *way, json_t *half)
{
	uint32_t made = (uint32_t)json_integer_value(
		json_object_get(half, "req_prod"));
	bool tx = !strcmp(way, "tx");
	uint32_t used = (uint32_t)json_integer_value(
		json_object_get(half, tx ? "taken" : "staged"));
	char prefix[32];

	snprintf(prefix, sizeof(prefix), "queue%zu.%s.", i, way);
	json_object_set_new(half, tx ? "waiting" : "posted",
			    json_integer(made - used));
	show_counters(o, half, prefix);
}

static int show_ring(struct show *s, json_t *one, const char *name)
{
	json_t *rings = json_object_get(one, "rings"), *q;
	char text[256];
	size_t i;

	verdict(one, text, sizeof(text));
	out_begin(&s->out, name);
	out_str(&s->out, "verdict", text);
	json_array_foreach(rings, i, q)
	{
		show_half(&s->out, i, "tx", json_object_get(q, "tx"));
		show_half(&s->out, i, "rx", json_object_get(q, "rx"));
	}
	json_object_del(one, "rings");
	show_counters(&s->out, one, "");
	out_end(&s->out);
	return 0;
}

static int show_rings(struct show *s, int argc, char **argv)
{
	json_t *answer = NULL, *one;
	char want[ATTACH_NAME];
	struct vif v;
	size_t i;
	int rc = ctl_name(&v, argc, argv, s->e);

	if (!rc)
		rc = control_ask(s->c, "ring", &answer, s->e);
	if (rc)
		return rc;
	snprintf(want, sizeof(want), "vif%u.%u", v.domid, v.handle);
	rc = -ENOENT;
	json_array_foreach(json_object_get(answer, "vifs"), i, one)
	{
		const char *name = json_string_value(
			json_object_get(one, "name"));

		if (rc && name && !strcmp(name, want))
			rc = show_ring(s, one, name);
	}
	json_decref(answer);
	return rc ? err_set(s->e, rc,
			    "%s: netbackd does not have it; vifctl show lists "
			    "what is attached",
			    want)
		  : 0;
}

/* Without netbackd, as beside the kernel's own backend, there are guards and
 * rules all the same.
 */
static int show_metrics(struct show *s, int argc)
{
	json_t *show = NULL, *stats = NULL;
	struct err e = { "" };
	int rc = 0;

	if (argc)
		return err_set(s->e, -E2BIG,
			       "show metrics: of all vifs; no word follows");
	if (control_ask(s->c, "show", &show, &e) ||
	    control_ask(s->c, "stats", &stats, &e))
		fprintf(stderr, "vifctl: show metrics: %s\n", e.text);
	if (counted_read(&s->counted, NULL, &e))
		fprintf(stderr, "vifctl: show metrics: %s\n", e.text);
	metrics_print(stdout, show, stats, &s->counted);
	json_decref(show);
	json_decref(stats);
	counted_close(&s->counted);
	if (fflush(stdout) || ferror(stdout))
		rc = err_set(s->e, -EIO, "cannot write to stdout");
	return rc;
}

static int show_vifs(struct show *s, int argc, char **argv)
{
	struct vif v;
	int rc = argc ? ctl_name(&v, argc, argv, s->e) : 0;

	if (!rc)
		rc = run_store(s->c, s->e);
	if (rc)
		return rc;
	if (control_ask(s->c, "show", &s->live, NULL))
		s->live = NULL;
	s->one = argc;
	if (!argc)
		counted_read(&s->counted, NULL, NULL); /* who may not: none */
	rc = argc ? show_vif(s, v.domid, v.handle)
		  : nodes_each(s->c->store, show_each, s, s->e);
	json_decref(s->live);
	counted_close(&s->counted);
	return rc;
}

int verb_show(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct show s = { .c = c, .e = e };
	int rc;
	if (argc && !strcmp(argv[0], "metrics"))
		return show_metrics(&s, argc - 1);
	if (out_open(&s.out, stdout, c->json))
		return err_set(e, -ENOMEM, "out of memory");
	if (argc && !strcmp(argv[0], "stats"))
		rc = show_stats(&s, argc - 1, argv + 1);
	else if (argc && !strcmp(argv[0], "ring"))
		rc = show_rings(&s, argc - 1, argv + 1);
	else
		rc = show_vifs(&s, argc, argv);
	if (rc) {
		out_drop(&s.out);
		return rc;
	}
	if (out_close(&s.out))
		return err_set(e, -EIO, "cannot write to stdout");
	return 0;
}
