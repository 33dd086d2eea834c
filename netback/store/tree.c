// SPDX-License-Identifier: GPL-2.0-or-later
/* tree.c - the store's tree: nodes which are copied when they are shared */
#include "store/tree.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

void *tree_alloc(void *old, size_t size)
{
	void *p = realloc(old, size ? size : 1);

	if (!p)
		abort();
	return p;
}

static void *tree_dup(const void *src, size_t size)
{
	void *p = tree_alloc(NULL, size);

	if (size)
		memcpy(p, src, size);
	return p;
}

/* Never the same twice, not even in the next process. */
static uint64_t tree_gen(void)
{
	static uint64_t gen;
	struct timespec ts;

	if (!gen) {
		clock_gettime(CLOCK_REALTIME, &ts);
		gen = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	}
	return ++gen;
}

int tree_use_get(const struct tree_use *u, uint16_t id)
{
	unsigned i;

	for (i = 0; i < u->n; i++) {
		if (u->v[i].id == id)
			return u->v[i].nodes;
	}
	return 0;
}

static void tree_use_add(struct tree_use *u, uint16_t id, int nodes)
{
	unsigned i;

	if (!id)
		return;
	for (i = 0; i < u->n && u->v[i].id != id;)
		i++;
	if (i == u->n) {
		if (u->n == u->room) {
			u->room = u->room * 2 + 4;
			u->v = tree_alloc(u->v, u->room * sizeof(*u->v));
		}
		u->v[u->n++] = (struct tree_use_one){ .id = id };
	}
	u->v[i].nodes += nodes;
	if (!u->v[i].nodes)
		u->v[i] = u->v[--u->n];
}

void tree_use_merge(struct tree_use *to, const struct tree_use *from)
{
	unsigned i;

	for (i = 0; i < from->n; i++)
		tree_use_add(to, from->v[i].id, from->v[i].nodes);
}

static struct node *node_new(const char *name, size_t len)
{
	struct node *n = tree_alloc(NULL, sizeof(*n));

	memset(n, 0, sizeof(*n));
	n->ref = 1;
	n->name = tree_alloc(NULL, len + 1);
	memcpy(n->name, name, len);
	n->name[len] = '\0';
	return n;
}

static void node_state(struct node *n, const struct tree_state *s)
{
	void *value = tree_dup(s->value, s->len);
	void *perm = tree_dup(s->perm, s->nperm * sizeof(*s->perm));

	free(n->value);
	free(n->perm);
	n->value = value;
	n->len = s->len;
	n->perm = perm;
	n->nperm = s->nperm;
	n->gen = tree_gen();
}

/* Makes *slot a node which nobody else refers to. */
static struct node *node_own(struct node **slot)
{
	struct node *old = *slot, *n;
	uint32_t i;

	if (old->ref == 1)
		return old;
	n = tree_dup(old, sizeof(*old));
	n->ref = 1;
	n->name = tree_dup(old->name, strlen(old->name) + 1);
	n->value = tree_dup(old->value, old->len);
	n->perm = tree_dup(old->perm, old->nperm * sizeof(*old->perm));
	n->child = tree_dup(old->child, old->nchild * sizeof(*old->child));
	for (i = 0; i < n->nchild; i++)
		n->child[i]->ref++;
	old->ref--;
	*slot = n;
	return n;
}

struct node *tree_ref(struct node *n)
{
	n->ref++;
	return n;
}

void tree_unref(struct node *n)
{
	uint32_t i;

	if (!n || --n->ref)
		return;
	for (i = 0; i < n->nchild; i++)
		tree_unref(n->child[i]);
	free(n->child);
	free(n->perm);
	free(n->value);
	free(n->name);
	free(n);
}

void tree_open(struct tree *t)
{
	static const struct tree_perm none = { 0, 0 };
	static const struct tree_state s = { .perm = &none, .nperm = 1 };

	memset(t, 0, sizeof(*t));
	t->root = node_new("", 0);
	node_state(t->root, &s);
}

void tree_close(struct tree *t)
{
	tree_unref(t->root);
	free(t->use.v);
	memset(t, 0, sizeof(*t));
}

static int node_compare(const struct node *n, const char *name, size_t len)
{
	int r = strncmp(n->name, name, len);

	return r ? r : n->name[len] != '\0';
}

/* Where the child is, or belongs. */
static bool node_index(const struct node *n, const char *name, size_t len,
		       uint32_t *out)
{
	uint32_t lo = 0, hi = n->nchild;

	while (lo < hi) {
		uint32_t mid = lo + (hi - lo) / 2;
		int r = node_compare(n->child[mid], name, len);

		if (!r) {
			*out = mid;
			return true;
		}
		if (r < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	*out = lo;
	return false;
}

/* The next component of a path: *at moves behind it; NULL at the end. */
static const char *tree_step(const char **at, size_t *len)
{
	const char *p = *at;

	while (*p == '/')
		p++;
	*len = strcspn(p, "/");
	*at = p + *len;
	return *len ? p : NULL;
}

const struct node *tree_find(const struct node *root, const char *path)
{
	const struct node *n = root;
	const char *name;
	uint32_t i;
	size_t len;

	while ((name = tree_step(&path, &len))) {
		if (!node_index(n, name, len, &i))
			return NULL;
		n = n->child[i];
	}
	return n;
}

void tree_parent(const char *path, char *out)
{
	const char *slash = strrchr(path, '/');
	size_t n = slash ? (size_t)(slash - path) : 0;

	if (!n) {
		out[0] = '/';
		n = 1;
	} else {
		memcpy(out, path, n);
	}
	out[n] = '\0';
}

/* The parent of path as a node of our own, and the last component. */
static struct node *tree_own_parent(struct tree *t, const char *path,
				    const char **name, size_t *len)
{
	char up[TREE_PATH];
	const char *at = up, *part;
	struct node *n;
	uint32_t i;

	tree_parent(path, up);
	if (!tree_find(t->root, up))
		return NULL;
	n = node_own(&t->root);
	while ((part = tree_step(&at, len))) {
		node_index(n, part, *len, &i);
		n = node_own(&n->child[i]);
	}
	*name = strrchr(path, '/') + 1;
	*len = strlen(*name);
	return n;
}

static void node_insert(struct node *up, uint32_t at, struct node *n)
{
	up->child = tree_alloc(up->child,
			       (up->nchild + 1) * sizeof(*up->child));
	memmove(up->child + at + 1, up->child + at,
		(up->nchild - at) * sizeof(*up->child));
	up->child[at] = n;
	up->nchild++;
	up->names += (uint32_t)strlen(n->name) + 1;
	up->gen = tree_gen();
}

int tree_set(struct tree *t, const char *path, const struct tree_state *s)
{
	const char *name;
	struct node *up, *n;
	uint32_t i;
	size_t len;

	if (!strcmp(path, "/")) {
		node_state(node_own(&t->root), s);
		return 0;
	}
	up = tree_own_parent(t, path, &name, &len);
	if (!up)
		return -ENOENT;
	if (node_index(up, name, len, &i)) {
		n = node_own(&up->child[i]);
		tree_use_add(&t->use, n->perm[0].id, -1);
	} else {
		n = node_new(name, len);
		node_insert(up, i, n);
	}
	node_state(n, s);
	tree_use_add(&t->use, n->perm[0].id, 1);
	return 0;
}

static void tree_uncount(struct tree *t, const struct node *n)
{
	uint32_t i;

	tree_use_add(&t->use, n->perm[0].id, -1);
	for (i = 0; i < n->nchild; i++)
		tree_uncount(t, n->child[i]);
}

int tree_rm(struct tree *t, const char *path)
{
	const char *name;
	struct node *up;
	uint32_t i;
	size_t len;

	if (!strcmp(path, "/"))
		return -EINVAL;
	if (!tree_find(t->root, path))
		return -ENOENT;
	up = tree_own_parent(t, path, &name, &len);
	node_index(up, name, len, &i);
	tree_uncount(t, up->child[i]);
	tree_unref(up->child[i]);
	up->nchild--;
	memmove(up->child + i, up->child + i + 1,
		(up->nchild - i) * sizeof(*up->child));
	up->names -= (uint32_t)len + 1;
	up->gen = tree_gen();
	return 0;
}

struct tree_walker {
	char path[TREE_PATH];
	void (*fn)(void *arg, const char *path, const struct node *n);
	void *arg;
};

static void tree_walk_down(struct tree_walker *w, size_t len,
			   const struct node *n)
{
	uint32_t i;

	w->fn(w->arg, len ? w->path : "/", n);
	for (i = 0; i < n->nchild; i++) {
		size_t k = strlen(n->child[i]->name);

		if (len + k + 2 > sizeof(w->path))
			continue; /* no such path was ever accepted */
		w->path[len] = '/';
		memcpy(w->path + len + 1, n->child[i]->name, k + 1);
		tree_walk_down(w, len + 1 + k, n->child[i]);
		w->path[len] = '\0';
	}
}

void tree_walk(const struct node *n, const char *path,
	       void (*fn)(void *arg, const char *path, const struct node *n),
	       void *arg)
{
	struct tree_walker w = { .fn = fn, .arg = arg };
	size_t len = strlen(path);

	if (len == 1)
		len = 0;
	memcpy(w.path, path, len);
	w.path[len] = '\0';
	tree_walk_down(&w, len, n);
}
