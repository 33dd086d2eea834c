// SPDX-License-Identifier: GPL-2.0-or-later
/* main.c - tells one lie to a running netbackd and judges what comes of it
 *
 *   hostile --list                       name, ids, severity, variants, flags
 *   hostile RUN DOMID NAME [N [END STEP]] tells it as vifDOMID.0
 *
 * N is the number of the telling, which says the variant. With END it is told
 * again as number N + STEP and so on, below END, until one goes wrong: by the same
 * guest, connected once more after a lie that ended it, and each 32nd time.
 *
 * Exit status 0: it came as it was due, and afterwards the vif serves an honest
 * guest, each time. What happens to others (processes, memory, the other guests'
 * frames) is for the caller to look at: tests/net/hostile.sh.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/io/xenbus.h>

#include "base/loop.h"
#include "liar.h"

enum {
	JUDGE_MS = 15000,
	MAIN_S = 60,	 /* for one telling */
	MAIN_AGAIN = 32, /* tellings by a guest that stays */
	MAIN_MOST = 1000000000,
};

static const char *const due_name[] = {
	[DUE_NONE] = "none",	   [DUE_DROP] = "drop",
	[DUE_FATAL] = "fatal",	   [DUE_REFUSED] = "refused",
	[DUE_LINK] = "refused-hv", [DUE_GONE] = "gone",
	[DUE_ANY] = "any",
};

static const struct {
	const struct lie *lie;
	const unsigned *n;
} table[] = {
	{ lies_tx, &nlies_tx },	    { lies_rx, &nlies_rx },
	{ lies_bell, &nlies_bell }, { lies_mem, &nlies_mem },
	{ lies_key, &nlies_key },   { lies_link, &nlies_link },
	{ lies_ctrl, &nlies_ctrl }, { lies_direct, &nlies_direct },
};

static const struct lie *find(const char *name)
{
	unsigned i, k;

	for (i = 0; i < ARRAY_SIZE(table); i++) {
		for (k = 0; k < *table[i].n; k++) {
			if (!name)
				printf("%s|%s|%s%s%s|%u|%s\n",
				       table[i].lie[k].name, table[i].lie[k].id,
				       due_name[table[i].lie[k].due],
				       table[i].lie[k].count ? " " : "",
				       table[i].lie[k].count
					       ? table[i].lie[k].count
					       : "",
				       table[i].lie[k].variants
					       ? table[i].lie[k].variants
					       : 1,
				       table[i].lie[k].skip & LIE_ALONE
					       ? "alone"
					       : "-");
			else if (!strcmp(table[i].lie[k].name, name))
				return &table[i].lie[k];
		}
	}
	return NULL;
}

static int say(const char *what, int rc)
{
	if (rc)
		fprintf(stderr, "%s: %s\n", what, strerror(rc < 0 ? -rc : rc));
	return rc;
}

/* --- what came of it ------------------------------------------------------------ */

static int judge_error(struct liar *g)
{
	char text[512] = "";
	int rc = liar_error(g, text, sizeof(text));

	if (rc < 0)
		return say("no error node", rc);
	if (g->lie->why && !strstr(text, g->lie->why)) {
		fprintf(stderr, "error node says: %s, wanted: %s\n", text,
			g->lie->why);
		return -EBADMSG;
	}
	return 0;
}

static int judge_end(struct liar *g, bool error)
{
	int rc = liar_wait_state(
		g, 1u << XenbusStateClosed | 1u << XenbusStateClosing,
		JUDGE_MS);

	if (rc)
		return say("it was not disconnected", rc);
	return error ? judge_error(g) : 0;
}

static int judge_count(struct liar *g, int64_t before)
{
	uint64_t end = clock_ns() + JUDGE_MS * 1000000ull;

	while (liar_count(g, g->lie->count) <= before) {
		if (clock_ns() > end)
			return say(g->lie->count, -ETIMEDOUT);
		liar_sleep(20);
	}
	return 0;
}

static int judge_alive(struct liar *g)
{
	int rc;

	/* 8 is connected, too */
	if (liar_wait_state(g,
			    1u << XenbusStateConnected |
				    1u << XenbusStateReconfigured,
			    0)) {
		char text[512] = "";

		liar_error(g, text, sizeof(text));
		fprintf(stderr, "it was disconnected: %s\n", text);
		return -ENOTCONN;
	}
	if (g->lie->skip & LIE_NO_SHOW)
		return 0;
	rc = tx_wait(g);
	return rc ? say("not all was answered", rc)
		  : say("a good packet", liar_show(g));
}

static int judge(struct liar *g, int64_t before)
{
	int rc = 0;

	switch (g->lie->due) {
	case DUE_NONE:
	case DUE_DROP:
		if (g->lie->count)
			rc = judge_count(g, before);
		return rc ? rc : judge_alive(g);
	case DUE_FATAL:
	case DUE_REFUSED:
		return judge_end(g, true);
	case DUE_GONE:
		return judge_end(g, false);
	case DUE_LINK:
	case DUE_ANY:
		return 0;
	}
	return -EINVAL;
}

/* --- one lie ---------------------------------------------------------------------- */

static int connect_lying(struct liar *g, int64_t *before)
{
	const struct lie *l = g->lie;
	unsigned up = 1u << XenbusStateConnected;
	int rc = say("start", liar_fresh(g));

	if (!rc && l->due == DUE_LINK)
		return 0;
	if (!rc)
		rc = say("link", liar_link(g));
	if (!rc && l->prepare)
		rc = say("prepare", l->prepare(g));
	/* Frames wait for it: what it posted is used at once. */
	if (!rc && l->count && l->prepare)
		*before = liar_count(g, l->count);
	if (!rc)
		rc = say("keys", liar_keys(g));
	/* It may be over before we have looked. */
	if (l->due == DUE_ANY)
		up |= 1u << XenbusStateClosing | 1u << XenbusStateClosed;
	if (!rc && l->due != DUE_REFUSED && (l->due != DUE_ANY || l->tell))
		rc = say("connect", liar_wait_state(g, up, JUDGE_MS));
	return rc;
}

/* served: it is connected, and was honest until now. */
static int tell(struct liar *g, bool served)
{
	int64_t before = 0;
	int rc = served ? 0 : connect_lying(g, &before);

	if (!rc && g->lie->count && !g->lie->prepare) {
		before = liar_count(g, g->lie->count);
		if (before < 0)
			rc = say(g->lie->count, (int)before);
	}
	if (!rc && g->lie->tell)
		rc = say("lie", g->lie->tell(g));
	return rc ? rc : judge(g, before);
}

/* A disabled vif returns by reconnecting. */
static int return_honest(struct liar *g)
{
	int rc = say("reconnect", liar_connect(g));

	return rc ? rc : say("honest again", liar_show(g));
}

static int leave(struct liar *g)
{
	int rc = liar_state(g, "5");

	if (!rc)
		rc = liar_wait_state(
			g, 1u << XenbusStateClosing | 1u << XenbusStateClosed,
			JUDGE_MS);
	return say("leave", rc ? rc : liar_state(g, "6"));
}

/* served: an honest guest is, before and, unless it is the last time, behind it. */
static int once(struct liar *g, bool *served, bool last)
{
	const struct lie *l = g->lie;
	bool alive = l->due == DUE_NONE || l->due == DUE_DROP;
	int rc = tell(g, *served);

	*served = !last && !l->prepare && (alive || l->due == DUE_FATAL);
	if (!rc && !(*served && alive && !(l->skip & LIE_NO_SHOW)))
		rc = return_honest(g);
	return rc || *served ? rc : leave(g);
}

/* By one guest, that comes back when it must, and each so many times. */
static int each(struct liar *g, uint32_t n, uint32_t end, uint32_t step)
{
	unsigned variants = g->lie->variants ? g->lie->variants : 1, told;
	bool served = false;
	int rc = 0;

	for (told = 1; n < end && !rc; n += step, told++) {
		alarm(MAIN_S);
		g->variant = n % variants;
		rc = once(g, &served,
			  end - n <= step || told % MAIN_AGAIN == 0);
		if (rc)
			fprintf(stderr, ".. as number %u, variant %u\n", n,
				g->variant);
	}
	return rc;
}

int main(int argc, char **argv)
{
	uint32_t domid, n = 0, end = 0, step = 1;
	struct liar g;
	int rc;

	if (argc == 2 && !strcmp(argv[1], "--list")) {
		find(NULL);
		return 0;
	}
	if (argc < 4 || argc == 6 || argc > 7 ||
	    num_parse(argv[2], 0x7fef, &domid) || !domid ||
	    (argc > 4 && num_parse(argv[4], MAIN_MOST, &n)) ||
	    (argc > 6 && (num_parse(argv[5], MAIN_MOST, &end) ||
			  num_parse(argv[6], MAIN_MOST, &step) || !step))) {
		fprintf(stderr, "hostile: see the top of main.c\n");
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	alarm(MAIN_S);
	rc = say(argv[1], liar_open(&g, argv[1], (uint16_t)domid));
	if (rc)
		return 1;
	g.lie = find(argv[3]);
	if (!g.lie)
		rc = say(argv[3], -ENOENT);
	else
		rc = each(&g, n, argc > 6 ? end : n + 1, step);
	liar_close(&g);
	return rc ? 1 : 0;
}
