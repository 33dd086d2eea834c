// SPDX-License-Identifier: GPL-2.0-or-later
/* watch.c - who hears of a change */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/conn.h"

static void watch_send(struct conn *c, const struct watch *w, const char *path)
{
	char body[2 * TREE_PATH];
	struct xsd_sockmsg h = { .type = XS_WATCH_EVENT };
	size_t n, k = strlen(w->token) + 1;

	path += w->skip;
	if (w->skip && *path == '/')
		path++;
	n = strlen(path) + 1;
	if (n + k > XENSTORE_PAYLOAD_MAX)
		return; /* cannot be said */
	memcpy(body, path, n);
	memcpy(body + n, w->token, k);
	h.len = (uint32_t)(n + k);
	conn_send(c, &h, body);
}

int watch_add(struct conn *c, const char *path, const char *token)
{
	struct dom *d = &c->server->dom[c->dom];
	char name[TREE_PATH], home[32];
	struct watch *w, **at;
	size_t n, k = strlen(token) + 1;

	if (path_canon(c, path, name))
		return -EINVAL;
	if (name[0] == '@' ? strlen(name) > XENSTORE_REL_PATH_MAX
			   : !path_valid(name))
		return -EINVAL;
	for (at = &c->watches; *at; at = &(*at)->next) {
		if (!strcmp((*at)->path, name) && !strcmp((*at)->token, token))
			return -EEXIST;
	}
	if (c->dom && d->nwatch >= CONN_WATCHES)
		return -E2BIG;
	d->nwatch++;
	n = strlen(name) + 1;
	w = tree_alloc(NULL, sizeof(*w));
	*w = (struct watch){ 0 };
	w->path = memcpy(tree_alloc(NULL, n), name, n);
	w->token = memcpy(tree_alloc(NULL, k), token, k);
	if (path[0] != '/' && path[0] != '@')
		w->skip = path_home(c->dom, home);
	*at = w;
	return 0;
}

void watch_first(struct conn *c)
{
	struct watch *w = c->watches;

	while (w->next)
		w = w->next;
	watch_send(c, w, w->path);
}

static void watch_free(struct conn *c, struct watch **at)
{
	struct watch *w = *at;

	*at = w->next;
	c->server->dom[c->dom].nwatch--;
	free(w->path);
	free(w->token);
	free(w);
}

int watch_del(struct conn *c, const char *path, const char *token)
{
	char name[TREE_PATH];
	struct watch **at;

	if (path_canon(c, path, name))
		return -EINVAL;
	for (at = &c->watches; *at; at = &(*at)->next) {
		if (strcmp((*at)->path, name) || strcmp((*at)->token, token))
			continue;
		watch_free(c, at);
		return 0;
	}
	return -ENOENT;
}

void watch_drop_all(struct conn *c)
{
	while (c->watches)
		watch_free(c, &c->watches);
}

static bool watch_covers(const struct watch *w, const char *path, bool exact)
{
	size_t n = strlen(w->path);

	if (exact)
		return !strcmp(w->path, path);
	if (n == 1 && w->path[0] == '/')
		return true;
	return !strncmp(w->path, path, n) &&
	       (path[n] == '/' || path[n] == '\0');
}

/* The node or its parent may be read, before the change or after. */
static bool watch_permitted(uint16_t dom, const struct node *root,
			    const char *path)
{
	const struct node *n;
	char up[TREE_PATH];

	if (!dom)
		return true;
	n = tree_find(root, path);
	if (!n)
		return false;
	if (perm_bits(dom, n) & TREE_READ)
		return true;
	tree_parent(path, up);
	n = tree_find(root, up);
	return n && (perm_bits(dom, n) & TREE_READ);
}

/* How many of its watches heard of it. */
static unsigned watch_one(struct conn *c, const struct txn_event *e,
			  const struct node *before)
{
	const struct node *after = c->server->db.tree.root;
	struct watch *w;
	int may = -1; /* not asked yet */
	unsigned n = 0;

	for (w = c->watches; w && !c->dead; w = w->next) {
		if (!watch_covers(w, e->path, e->exact))
			continue;
		if (may < 0)
			may = watch_permitted(c->dom, before, e->path) ||
			      watch_permitted(c->dom, after, e->path);
		if (!may)
			break;
		watch_send(c, w, e->path);
		n++;
	}
	return n;
}

void watch_fire(struct conn *from, const struct txn *x,
		const struct node *before)
{
	struct dom *d = &from->server->dom[from->dom];
	struct conn *c;
	unsigned i, n;

	for (i = 0; i < x->nevent; i++) {
		for (c = from->server->conns; c; c = c->next) {
			n = watch_one(c, &x->event[i], before);
			if (c->dom != from->dom)
				d->heard += n;
		}
	}
}

void watch_special(struct server *s, const char *name)
{
	struct conn *c;
	struct watch *w;

	for (c = s->conns; c; c = c->next) {
		for (w = c->watches; w && !c->dom && !c->dead; w = w->next) {
			if (!strcmp(w->path, name))
				watch_send(c, w, name);
		}
	}
}
