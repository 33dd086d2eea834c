// SPDX-License-Identifier: GPL-2.0-or-later
/* metrics.c - families of metrics: netbackd's answers, which show stats prints
 * as well, and what the kernel's rules counted
 *
 * What Prometheus reads (text format 0.0.4): a name ends in _total when it only
 * grows, bytes are bytes, a label's value has \\ \" and \n for what would end it.
 */
#include "ctl/metrics.h"

#include <inttypes.h>
#include <stdint.h>
#include <string.h>

#include "base/num.h"

/* One line of a family: where the number is, and what is said beside vif. */
struct metrics_row {
	const char *object, *key; /* object "" = the vif's record itself */
	const char *labels;
};

struct metrics_family {
	const char *name, *type, *help;
	const struct metrics_row *row;
	unsigned rows;
};

#define ROWS(r) (r), ARRAY_SIZE(r)

static const struct metrics_row metrics_in[] = {
	{ "to_host", "in", "direction=\"to_host\"" },
	{ "to_guest", "in", "direction=\"to_guest\"" },
};
static const struct metrics_row metrics_out[] = {
	{ "to_host", "out", "direction=\"to_host\"" },
	{ "to_guest", "out", "direction=\"to_guest\"" },
};
static const struct metrics_row metrics_bytes[] = {
	{ "counters", "tap_out_bytes", "direction=\"to_host\"" },
	{ "counters", "rx_bytes", "direction=\"to_guest\"" },
};
static const struct metrics_row metrics_queued[] = {
	{ "to_guest", "queued", "direction=\"to_guest\"" },
};
static const struct metrics_row metrics_drops[] = {
	{ "counters", "tx_bad_slots",
	  "direction=\"to_host\",reason=\"bad_slots\"" },
	{ "counters", "tx_bad_size",
	  "direction=\"to_host\",reason=\"bad_size\"" },
	{ "counters", "tx_short", "direction=\"to_host\",reason=\"short\"" },
	{ "counters", "tx_bad_grant",
	  "direction=\"to_host\",reason=\"bad_grant\"" },
	{ "counters", "tx_bad_offload",
	  "direction=\"to_host\",reason=\"bad_offload\"" },
	{ "counters", "tap_out_drop", "direction=\"to_host\",reason=\"host\"" },
	{ "counters", "tap_in_drop", "direction=\"to_guest\",reason=\"host\"" },
	{ "counters", "rx_no_room",
	  "direction=\"to_guest\",reason=\"no_room\"" },
	{ "counters", "rx_too_big",
	  "direction=\"to_guest\",reason=\"too_big\"" },
	{ "counters", "rx_filtered",
	  "direction=\"to_guest\",reason=\"filtered\"" },
	{ "counters", "rx_bad_grant",
	  "direction=\"to_guest\",reason=\"bad_grant\"" },
	{ "counters", "lost", "direction=\"to_guest\",reason=\"lost\"" },
};
static const struct metrics_row metrics_fixes[] = {
	{ "counters", "tx_gso_fixup", "what=\"gso_checksum\"" },
	{ "counters", "rx_sums", "what=\"checksum\"" },
	{ "counters", "rx_cut", "what=\"segment\"" },
};
static const struct metrics_row metrics_bells[] = {
	{ "counters", "bells", "rung=\"yes\"" },
	{ "counters", "bells_saved", "rung=\"no\"" },
};
static const struct metrics_row metrics_replayed[] = { { "counters", "replayed",
							 "" } };
static const struct metrics_row metrics_turns[] = { { "counters", "turns",
						      "" } };
static const struct metrics_row metrics_storms[] = { { "counters", "storms",
						       "" } };
static const struct metrics_row metrics_later[] = { { "counters", "later",
						      "" } };
static const struct metrics_row metrics_stalls[] = { { "counters", "stalls",
						       "" } };
static const struct metrics_row metrics_direct[] = {
	{ "counters", "direct_out", "direction=\"to_host\"" },
	{ "counters", "direct_in", "direction=\"to_guest\"" },
};
static const struct metrics_row metrics_direct_bytes[] = {
	{ "counters", "direct_out_bytes", "direction=\"to_host\"" },
	{ "counters", "direct_in_bytes", "direction=\"to_guest\"" },
};
static const struct metrics_row metrics_carrier[] = { { "", "carrier", "" } };

static const struct metrics_family metrics_vif[] = {
	{ "netback_vif_received_frames_total", "counter",
	  "Frames that a side gave, bad ones included.", ROWS(metrics_in) },
	{ "netback_vif_delivered_frames_total", "counter",
	  "Frames that the other side took.", ROWS(metrics_out) },
	{ "netback_vif_delivered_bytes_total", "counter",
	  "Bytes of these, with Ethernet headers; to_host: of those that the "
	  "host took.",
	  ROWS(metrics_bytes) },
	{ "netback_vif_direct_frames_total", "counter",
	  "Frames of these that passed between two guests without the host.",
	  ROWS(metrics_direct) },
	{ "netback_vif_direct_bytes_total", "counter",
	  "Bytes of those, with Ethernet headers.",
	  ROWS(metrics_direct_bytes) },
	{ "netback_vif_queued_frames", "gauge",
	  "Frames that wait for room in the guest's ring.",
	  ROWS(metrics_queued) },
	{ "netback_vif_dropped_frames_total", "counter",
	  "Frames that were not delivered, by reason.", ROWS(metrics_drops) },
	{ "netback_vif_completed_total", "counter",
	  "Work done for a side that does not do it itself.",
	  ROWS(metrics_fixes) },
	{ "netback_vif_bells_total", "counter",
	  "Batches for the guest, by whether it wanted to be rung.",
	  ROWS(metrics_bells) },
	{ "netback_vif_replayed_responses_total", "counter",
	  "Responses finished for a worker that died.",
	  ROWS(metrics_replayed) },
	{ "netback_vif_turns_total", "counter", "Times it was served.",
	  ROWS(metrics_turns) },
	{ "netback_vif_storms_total", "counter",
	  "Times its bells were not heard for a while.", ROWS(metrics_storms) },
	{ "netback_vif_rate_waits_total", "counter",
	  "Turns that its rate ended.", ROWS(metrics_later) },
	{ "netback_vif_stalls_total", "counter",
	  "Times it lost its carrier because the guest took nothing.",
	  ROWS(metrics_stalls) },
	{ "netback_vif_carrier", "gauge", "1 while its device has a carrier.",
	  ROWS(metrics_carrier) },
};

/* A label's value; names come from the store. */
static void metrics_value(FILE *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '\n')
			fputs("\\n", out);
		else if (*s == '\\' || *s == '"')
			fprintf(out, "\\%c", *s);
		else
			fputc(*s, out);
	}
}

static void metrics_head(FILE *out, const char *name, const char *type,
			 const char *help)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void metrics_line(FILE *out, const char *family, const json_t *vif,
			 const struct metrics_row *r)
{
	const json_t *from = r->object[0] ? json_object_get(vif, r->object)
					  : vif;
	const json_t *n = json_object_get(from, r->key);
	const char *name = json_string_value(json_object_get(vif, "name"));

	if (!name || (!json_is_integer(n) && !json_is_boolean(n)))
		return; /* a worker that was away, or an older netbackd */
	fprintf(out, "%s{vif=\"", family);
	metrics_value(out, name);
	fprintf(out, "\"%s%s} %" JSON_INTEGER_FORMAT "\n",
		r->labels[0] ? "," : "", r->labels,
		json_is_boolean(n) ? (json_int_t)json_is_true(n)
				   : json_integer_value(n));
}

static void metrics_family(FILE *out, const struct metrics_family *f,
			   const json_t *vifs)
{
	const json_t *vif;
	unsigned k;
	size_t i;

	metrics_head(out, f->name, f->type, f->help);
	json_array_foreach(vifs, i, vif)
	{
		for (k = 0; k < f->rows; k++)
			metrics_line(out, f->name, vif, &f->row[k]);
	}
}

static void metrics_info(FILE *out, const json_t *vifs)
{
	static const char *const key[] = { "name", "dev", "state" };
	static const char *const label[] = { "vif", "device", "state" };
	const json_t *vif;
	size_t i;
	unsigned k;

	metrics_head(out, "netback_vif_info", "gauge",
		     "1 for each vif: its device on the host, its state.");
	json_array_foreach(vifs, i, vif)
	{
		fputs("netback_vif_info{", out);
		for (k = 0; k < ARRAY_SIZE(key); k++) {
			const char *s = json_string_value(
				json_object_get(vif, key[k]));

			fprintf(out, "%s%s=\"", k ? "," : "", label[k]);
			metrics_value(out, s ? s : "");
			fputc('"', out);
		}
		fputs("} 1\n", out);
	}
}

/* What guards and rules counted goes by the device; netbackd knows whose it is,
 * and without it the device's name stands for the vif's.
 */
static const char *metrics_vif_of(const json_t *vifs, const char *dev)
{
	const json_t *vif;
	size_t i;

	json_array_foreach(vifs, i, vif)
	{
		const char *s = json_string_value(json_object_get(vif, "dev"));
		const char *name = json_string_value(
			json_object_get(vif, "name"));

		if (s && name && !strcmp(s, dev))
			return name;
	}
	return dev;
}

static void metrics_guards(FILE *out, const json_t *vifs,
			   const struct counted *c)
{
	static const char family[] = "netback_guard_dropped_frames_total";
	unsigned k;
	size_t i;

	metrics_head(out, family, "counter",
		     "Frames that the vif's guard refused, by reason.");
	for (i = 0; i < c->nguard; i++) {
		const struct filter_counted *g = &c->guard[i];
		const char *vif = metrics_vif_of(vifs, g->dev);

		for (k = 0; k < g->n; k++) {
			fprintf(out, "%s{vif=\"", family);
			metrics_value(out, vif);
			fprintf(out,
				"\",direction=\"%s\",reason=\"%s\"} %" PRIu64
				"\n",
				g->v[k].to_guest ? "to_guest" : "to_host",
				g->v[k].reason, g->v[k].packets);
		}
	}
}

static void metrics_rules(FILE *out, const json_t *vifs,
			  const struct counted *c, bool bytes)
{
	const char *family = bytes ? "netback_rule_bytes_total"
				   : "netback_rule_frames_total";
	const char *vif = NULL;
	size_t i;

	metrics_head(out, family, "counter",
		     bytes ? "Bytes of these, Ethernet headers only with those "
			     "to_guest."
			   : "Frames that a rule of a file matched.");
	for (i = 0; i < c->nrule; i++) {
		const struct ruleset_count *r = c->order[i];

		if (!i || strcmp(r->vif, c->order[i - 1]->vif))
			vif = metrics_vif_of(vifs, r->vif);
		fprintf(out, "%s{vif=\"", family);
		metrics_value(out, vif);
		fprintf(out, "\",direction=\"%s\",rule=\"",
			counted_way(r, "to_host"));
		metrics_value(out, r->rule);
		fprintf(out, "\"} %" PRIu64 "\n",
			bytes ? r->bytes : r->packets);
	}
}

static void metrics_one(FILE *out, const char *name, const char *type,
			const char *help, json_int_t value)
{
	metrics_head(out, name, type, help);
	fprintf(out, "%s %" JSON_INTEGER_FORMAT "\n", name, value);
}

void metrics_print(FILE *out, const json_t *show, const json_t *stats,
		   const struct counted *c)
{
	const json_t *vifs = json_object_get(stats, "vifs");
	unsigned i;

	metrics_one(out, "netback_up", "gauge",
		    "1 while netbackd answers; without it, no metric of vifs.",
		    stats != NULL);
	if (show) {
		metrics_one(out, "netback_workers", "gauge",
			    "Processes that move frames.",
			    (json_int_t)json_array_size(
				    json_object_get(show, "workers")));
		metrics_one(
			out, "netback_worker_deaths_total", "counter",
			"Workers that died and were replaced.",
			json_integer_value(json_object_get(show, "restarts")));
	}
	if (stats) {
		metrics_info(out, vifs);
		for (i = 0; i < ARRAY_SIZE(metrics_vif); i++)
			metrics_family(out, &metrics_vif[i], vifs);
	}
	metrics_guards(out, vifs, c);
	metrics_rules(out, vifs, c, false);
	metrics_rules(out, vifs, c, true);
	metrics_one(out, "netback_rules_left_out", "gauge",
		    "Rules of vifs beyond the most that are listed.",
		    (json_int_t)c->left);
}
