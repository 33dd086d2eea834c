// SPDX-License-Identifier: GPL-2.0-or-later
/* verb_drops.c - drops: each packet of vifs that the kernel drops, and why */
#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "ctl/ctl.h"
#include "ctl/dropped.h"
#include "ctl/out.h"
#include "ctl/run.h"

enum { DROPS_POLL_MS = 200 };

struct drops_call {
	struct ctl *c;
	uint32_t most, n; /* 0: no end */
	struct dropped_vifs vifs;
	struct dropped_why why;
	bool lost; /* said already */
};

static void drops_mac(struct out *o, const char *key, const uint8_t *mac)
{
	char text[18];

	str_fmt(text, sizeof(text), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0],
		mac[1], mac[2], mac[3], mac[4], mac[5]);
	out_str(o, key, text);
}

/* A line each, in JSON, too: it goes on. */
static int drops_say(const struct drops_call *k, const struct drop *d,
		     const char *vif, const char *way, const char *by)
{
	char time[32], words[DROPPED_WORDS];
	struct out o;
	int rc = out_open(&o, stdout, k->c->json);

	if (rc)
		return rc;
	dropped_words(d->frame, d->size, words);
	str_fmt(time, sizeof(time), "%" PRIu64 ".%06" PRIu64,
		d->ns / 1000000000u, d->ns / 1000u % 1000000u);
	out_begin(&o, vif);
	out_str(&o, "time", time);
	out_str(&o, "way", way);
	out_str(&o, "reason", d->reason[0] ? d->reason : "?");
	out_str(&o, "where", d->where[0] ? d->where : "?");
	out_str(&o, "packet", words);
	if (d->size >= 12) {
		drops_mac(&o, "src", d->frame + 6);
		drops_mac(&o, "dst", d->frame);
	}
	out_num(&o, "length", (int64_t)d->length);
	if (by[0])
		out_str(&o, "by", by);
	out_end(&o);
	if (o.json) {
		json_dumpf(json_array_get(o.list, 0), stdout, JSON_COMPACT);
		putchar('\n');
		out_drop(&o);
	}
	return fflush(stdout) || ferror(stdout) ? -EPIPE : 0;
}

/* 1: that was all that was asked for. */
static int drops_one(struct drops_call *k, const struct drop *d, struct err *e)
{
	const struct dropped_vif *v;
	bool from_guest;
	int rc = dropped_vifs(&k->vifs, e);

	if (rc)
		return rc;
	v = dropped_whose(&k->vifs, d, &from_guest);
	if (!v)
		return 0;
	rc = drops_say(k, d, v->name, from_guest ? "from-guest" : "to-guest",
		       dropped_by(&k->why, &k->vifs, v, d, from_guest));
	return !rc && k->most && ++k->n >= k->most ? 1 : rc;
}

static int drops_run(struct drops_call *k, struct drops *m, struct err *e)
{
	struct pollfd p = { .fd = drops_fd(m), .events = POLLIN };
	struct drop d;
	int rc = 0;

	while (!rc && !run_interrupted()) {
		rc = drops_next(m, &d);
		if (rc == 1) {
			rc = drops_one(k, &d, e);
		} else if (rc == -ENOBUFS) {
			if (!k->lost)
				fputs("vifctl: drops: more than can be told\n",
				      stderr);
			k->lost = true;
			rc = 0;
		} else if (!rc && poll(&p, 1, DROPS_POLL_MS) < 0 &&
			   errno != EINTR) {
			rc = -errno;
		}
	}
	return rc;
}

/* [-c COUNT] [--json] [DEVICE] */
static int drops_options(struct drops_call *k, int argc, char **argv,
			 struct err *e)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ 0 },
	};
	int o, rc = 0;

	opterr = optind = 0;
	while (!rc && (o = getopt_long(argc, argv, "c:j", longs, NULL)) >= 0)
		if (o == 'j')
			k->c->json = true;
		else if (o != 'c' || num_parse(optarg, UINT32_MAX, &k->most))
			rc = -EINVAL;
	if (rc || argc - optind > 1)
		return err_set(e, CTL_USAGE,
			       "drops: [-c COUNT] [--json] [DEVICE] is "
			       "expected; see vifctl help drops");
	k->vifs.only = optind < argc ? argv[optind] : NULL;
	return 0;
}

int verb_drops(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct drops_call k = { .c = c, .vifs.c = c };
	struct drops *m = NULL;
	char record[CTL_PATH];
	/* argv[-1] is the verb */
	int rc = drops_options(&k, argc + 1, argv - 1, e);

	if (rc)
		return rc;
	if (str_fmt(record, sizeof(record), "%s/drops", c->run) < 0)
		return err_set(e, -ENAMETOOLONG, "%s: too long a name", c->run);
	rc = dropped_vifs(&k.vifs, e);
	if (!rc && k.vifs.only && !k.vifs.n)
		rc = err_set(e, -ENODEV, "%.40s: no such vif, no such device",
			     k.vifs.only);
	if (!rc)
		rc = drops_probe(e);
	if (rc)
		goto out;
	run_hold_signals();
	(void)!mkdir(c->run, 0755); /* a host that has no daemon */
	rc = drops_open(&m, record, e);
	if (!rc)
		rc = drops_run(&k, m, e);
	drops_close(m);
out:
	free(k.vifs.v);
	return rc == 1 || rc == -EPIPE ? 0 : rc;
}
