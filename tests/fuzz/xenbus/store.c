// SPDX-License-Identifier: GPL-2.0-or-later
/* store.c - the store's border for fuzz/xenbus.c: a tree in memory */
#include "store.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "world.h"

enum { TREE_NODES = 512, TREE_WATCHES = 32, TREE_EVENTS = 8192 };

struct node {
	uint32_t hash; /* of the path: strcmp costs much in a fuzzer */
	char path[WORLD_PATH], text[WORLD_VALUE];
	enum tree_kind kind;
};

struct event {
	char path[WORLD_PATH], token[32];
};

static struct tree {
	struct node node[TREE_NODES];
	unsigned n, nwatch, first, last;
	struct event watch[TREE_WATCHES];
	bool away, was_away, dry;
	unsigned lose_in, fail_in;
	int fail_rc;
	void (*conflict)(void *arg);
	void *conflict_arg;
} tree;
static struct event queue[TREE_EVENTS];
static struct store {
	char any;
} the_store;

void tree_reset(void)
{
	tree = (struct tree){ 0 };
}

/* --- events ------------------------------------------------------------------ */

void tree_event(const char *path, const char *token)
{
	struct event *e = &queue[tree.last % TREE_EVENTS];

	if (tree.away || tree.dry)
		return;
	must(tree.last - tree.first < TREE_EVENTS);
	snprintf(e->path, sizeof(e->path), "%s", path);
	snprintf(e->token, sizeof(e->token), "%s", token);
	tree.last++;
}

/* Is `path` at or below `top`? */
static bool tree_below(const char *path, const char *top)
{
	while (*top && *path == *top) {
		path++;
		top++;
	}
	return !*top && (!*path || *path == '/');
}

static uint32_t tree_hash(const char *path)
{
	uint32_t h = 2166136261u;

	while (*path)
		h = (h ^ (uint8_t)*path++) * 16777619u;
	return h;
}

static void tree_fire(const char *path)
{
	unsigned i;

	for (i = 0; i < tree.nwatch; i++) {
		if (tree_below(path, tree.watch[i].path))
			tree_event(path, tree.watch[i].token);
	}
}

bool tree_readable(void)
{
	return tree.was_away || (!tree.away && tree.first != tree.last);
}

unsigned tree_watches(const char *path)
{
	unsigned i, n = 0;

	for (i = 0; i < tree.nwatch; i++)
		n += !path || (tree_below(path, tree.watch[i].path) &&
			       tree_below(tree.watch[i].path, path));
	return n;
}

/* --- what strangers do ------------------------------------------------------- */

static struct node *tree_find(const char *path)
{
	uint32_t h = tree_hash(path);
	unsigned i;

	for (i = 0; i < tree.n; i++) {
		if (tree.node[i].hash == h && !strcmp(tree.node[i].path, path))
			return &tree.node[i];
	}
	return NULL;
}

bool tree_has(const char *path)
{
	return tree_find(path);
}

const char *tree_text(const char *path)
{
	const struct node *n = tree_find(path);

	return n && n->kind == TREE_TEXT ? n->text : "";
}

void tree_set(const char *path, enum tree_kind kind, const char *text)
{
	struct node *n = tree_find(path);

	if (!n) {
		must(tree.n < TREE_NODES);
		n = &tree.node[tree.n++];
		snprintf(n->path, sizeof(n->path), "%s", path);
		n->hash = tree_hash(path);
	}
	n->kind = kind;
	snprintf(n->text, sizeof(n->text), "%s", text);
	tree_fire(path);
}

/* Whoever watches a node below hears of that one, too. */
void tree_rm(const char *path)
{
	unsigned i, k, had = 0;

	for (i = 0; i < tree.nwatch; i++) {
		const char *w = tree.watch[i].path;
		bool there = false;

		for (k = 0; k < tree.n && !there; k++)
			there = tree_below(tree.node[k].path, w);
		if (there && strcmp(w, path) && tree_below(w, path))
			tree_event(w, tree.watch[i].token);
	}
	for (i = k = 0; i < tree.n; i++) {
		if (tree_below(tree.node[i].path, path))
			had++;
		else
			tree.node[k++] = tree.node[i];
	}
	tree.n = k;
	if (had)
		tree_fire(path);
}

/* All watches fire when it comes back; events on their way are lost. */
void tree_away(bool away)
{
	unsigned i;

	if (tree.away == away)
		return;
	tree.away = away;
	tree.was_away = away;
	tree.lose_in = 0;
	if (away)
		tree.first = tree.last;
	for (i = 0; i < tree.nwatch && !away; i++)
		tree_event(tree.watch[i].path, tree.watch[i].token);
}

void tree_lose_in(unsigned n)
{
	tree.lose_in = n;
}

void tree_fail_in(unsigned n, int rc)
{
	tree.fail_in = n;
	tree.fail_rc = rc;
}

void tree_conflict(void (*fn)(void *arg), void *arg)
{
	tree.conflict = fn;
	tree.conflict_arg = arg;
}

/* --- the border -------------------------------------------------------------- */

static int tree_call(void)
{
	if (tree.lose_in && !--tree.lose_in)
		tree_away(true);
	return tree.away ? -ENOTCONN : 0;
}

int store_open(struct store **out, const char *path, unsigned wait_ms)
{
	(void)path;
	(void)wait_ms;
	*out = &the_store;
	return tree_call();
}

void store_close(struct store *s)
{
	if (!s)
		return;
	tree.nwatch = 0;
	tree.first = tree.last;
}

int store_fd(struct store *s)
{
	(void)s;
	return 0;
}

int store_read(struct store *s, const char *path, char *buf, size_t size)
{
	const struct node *n = tree_find(path);
	int rc = tree_call();

	(void)s;
	if (rc)
		return rc;
	if (!n)
		return -ENOENT;
	switch (n->kind) {
	case TREE_TEXT:
		break;
	case TREE_HUGE:
		return -E2BIG;
	case TREE_BINARY:
		return -EINVAL;
	case TREE_SECRET:
		return -EACCES;
	}
	if (strlen(n->text) >= size)
		return -E2BIG;
	return snprintf(buf, size, "%s", n->text);
}

int store_read_u32(struct store *s, const char *path, uint32_t max,
		   uint32_t *out)
{
	char text[16];
	int rc = store_read(s, path, text, sizeof(text));

	return rc < 0 ? rc : num_parse(text, max, out);
}

static int tree_refuses(void)
{
	int rc = tree_call();

	if (!rc && tree.fail_in && !--tree.fail_in)
		rc = tree.fail_rc;
	return rc;
}

/* Only to a device that is there: else it would be made again. */
int store_write(struct store *s, const char *path, const char *value)
{
	unsigned domid, handle;
	char dir[WORLD_PATH], key[32];
	int rc = tree_refuses();

	(void)s;
	if (rc)
		return rc;
	must(sscanf(path, WORLD_ROOT "/%u/%u/%31s", &domid, &handle, key) == 3);
	snprintf(dir, sizeof(dir), WORLD_ROOT "/%u/%u/state", domid, handle);
	must(tree_has(dir));
	if (!strcmp(key, "state") && !tree.dry)
		world_wrote_state(domid, handle, (unsigned)atoi(value));
	tree_set(path, TREE_TEXT, value);
	return 0;
}

int store_rm(struct store *s, const char *path)
{
	int rc = tree_refuses();

	(void)s;
	if (!rc)
		tree_rm(path);
	return rc;
}

/* Once more when somebody else wrote; all or nothing. */
int store_txn(struct store *s, int (*fn)(struct store *s, void *arg), void *arg)
{
	static struct node saved[TREE_NODES];
	void (*conflict)(void *arg) = tree.conflict;
	unsigned n = tree.n, events = tree.last;
	int rc;

	memcpy(saved, tree.node, n * sizeof(*saved));
	tree.conflict = NULL;
	tree.dry = conflict;
	rc = fn(s, arg);
	tree.dry = false;
	if (rc || conflict) {
		memcpy(tree.node, saved, n * sizeof(*saved));
		tree.n = n;
		if (!tree.away)
			tree.last = events;
	}
	if (tree.away || !conflict)
		return tree.away ? -ENOTCONN : rc;
	conflict(tree.conflict_arg);
	return store_txn(s, fn, arg);
}

int store_each(struct store *s, const char *path,
	       int (*fn)(void *arg, const char *name), void *arg)
{
	static char name[4][64][16];
	static unsigned depth;
	size_t len = strlen(path);
	unsigned i, k, n = 0, d = depth;
	int rc = tree_call();

	(void)s;
	if (rc)
		return rc;
	must(d < ARRAY_SIZE(name));
	for (i = 0; i < tree.n; i++) {
		const char *p = tree.node[i].path;

		if (!tree_below(p, path) || !p[len])
			continue;
		must(n < ARRAY_SIZE(name[0]));
		snprintf(name[d][n], sizeof(name[d][n]), "%.*s",
			 (int)strcspn(p + len + 1, "/"), p + len + 1);
		for (k = 0; strcmp(name[d][k], name[d][n]);)
			k++;
		n += k == n;
	}
	depth++;
	for (i = 0; i < n && !rc; i++)
		rc = fn(arg, name[d][i]);
	depth--;
	return n || rc ? rc : -ENOENT;
}

int store_watch(struct store *s, const char *path, const char *token)
{
	struct event *w = &tree.watch[tree.nwatch];
	int rc = tree_refuses();

	(void)s;
	if (rc)
		return rc;
	must(tree.nwatch < TREE_WATCHES && !tree_watches(path));
	snprintf(w->path, sizeof(w->path), "%s", path);
	snprintf(w->token, sizeof(w->token), "%s", token);
	tree.nwatch++;
	tree_event(path, token);
	return 0;
}

int store_unwatch(struct store *s, const char *path, const char *token)
{
	unsigned i;

	(void)s;
	(void)tree_call();
	for (i = 0; i < tree.nwatch; i++) {
		if (strcmp(tree.watch[i].path, path) ||
		    strcmp(tree.watch[i].token, token))
			continue;
		tree.watch[i] = tree.watch[--tree.nwatch];
		return 0;
	}
	return -ENOENT;
}

int store_event(struct store *s, char *path, size_t psize, char *token,
		size_t tsize)
{
	int rc = tree_call();

	(void)s;
	tree.was_away = false;
	while (!rc && tree.first != tree.last) {
		const struct event *e = &queue[tree.first++ % TREE_EVENTS];
		unsigned i;

		for (i = 0; i < tree.nwatch; i++) {
			if (!strcmp(tree.watch[i].token, e->token))
				break;
		}
		if (i == tree.nwatch)
			continue; /* of a watch that is gone */
		snprintf(path, psize, "%s", e->path);
		snprintf(token, tsize, "%s", e->token);
		return 1;
	}
	return rc;
}

/* --- of the border, and not asked for here ----------------------------------- */

int store_printf(struct store *s, const char *path, const char *fmt, ...)
{
	(void)s;
	(void)path;
	(void)fmt;
	abort();
}

int store_mkdir(struct store *s, const char *path)
{
	(void)s;
	(void)path;
	abort();
}

int store_chmod(struct store *s, const char *path, const char *const *perms,
		unsigned n)
{
	(void)s;
	(void)path;
	(void)perms;
	(void)n;
	abort();
}

int store_introduce(struct store *s, uint16_t domid)
{
	(void)s;
	(void)domid;
	abort();
}

int store_release(struct store *s, uint16_t domid)
{
	(void)s;
	(void)domid;
	abort();
}
