// SPDX-License-Identifier: GPL-2.0-or-later
/* db.c - the tree, its journal, and transactions on both */
#include "store/db.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* What is there before anybody writes, as in xenstored. */
static int db_first(struct db *db)
{
	static const struct tree_perm none = { 0, 0 };
	static const struct tree_state s = { .perm = &none, .nperm = 1 };
	static const char *const dir[] = { "/", "/tool", "/tool/xenstored",
					   "/local", "/local/domain" };
	struct txn x;
	struct node *before = NULL;
	unsigned i;
	int rc = 0;

	txn_open(&x, db);
	for (i = 0; i < sizeof(dir) / sizeof(dir[0]) && !rc; i++)
		rc = txn_set(&x, dir[i], &s);
	if (!rc)
		rc = txn_commit(&x, &before);
	tree_unref(before);
	txn_close(&x);
	return rc;
}

int db_open(struct db *db, int fd)
{
	int rc;

	memset(db, 0, sizeof(*db));
	tree_open(&db->tree);
	rc = journal_open(&db->journal, fd, &db->tree);
	if (!rc && !journal_size(db->journal))
		rc = db_first(db);
	if (rc)
		db_close(db);
	return rc;
}

void db_close(struct db *db)
{
	tree_close(&db->tree);
	journal_close(db->journal);
	db->journal = NULL;
}

void txn_open(struct txn *x, struct db *db)
{
	memset(x, 0, sizeof(*x));
	x->db = db;
	x->base = tree_ref(db->tree.root);
	x->tree.root = tree_ref(db->tree.root);
}

void txn_close(struct txn *x)
{
	unsigned i;

	for (i = 0; i < x->ntouch; i++)
		free(x->touch[i]);
	for (i = 0; i < x->nevent; i++)
		free(x->event[i].path);
	free(x->touch);
	free(x->event);
	journal_buf_free(&x->buf);
	tree_close(&x->tree);
	tree_unref(x->base);
	memset(x, 0, sizeof(*x));
}

static char *txn_copy(const char *path)
{
	size_t n = strlen(path) + 1;

	return memcpy(tree_alloc(NULL, n), path, n);
}

static void txn_touch(struct txn *x, const char *path)
{
	unsigned lo = 0, hi = x->ntouch;

	if (!x->id)
		return; /* nobody comes between */
	while (lo < hi) {
		unsigned mid = lo + (hi - lo) / 2;
		int r = strcmp(x->touch[mid], path);

		if (!r)
			return;
		if (r < 0)
			lo = mid + 1;
		else
			hi = mid;
	}
	if (x->ntouch == x->touch_room) {
		x->touch_room = x->touch_room * 2 + 16;
		x->touch = tree_alloc(x->touch,
				      x->touch_room * sizeof(*x->touch));
	}
	memmove(x->touch + lo + 1, x->touch + lo,
		(x->ntouch - lo) * sizeof(*x->touch));
	x->touch[lo] = txn_copy(path);
	x->ntouch++;
}

const struct node *txn_find(struct txn *x, const char *path)
{
	txn_touch(x, path);
	return tree_find(x->tree.root, path);
}

void txn_event(struct txn *x, const char *path, bool exact)
{
	if (x->nevent == x->event_room) {
		x->event_room = x->event_room * 2 + 4;
		x->event = tree_alloc(x->event,
				      x->event_room * sizeof(*x->event));
	}
	x->event[x->nevent++] = (struct txn_event){ txn_copy(path), exact };
}

int txn_set(struct txn *x, const char *path, const struct tree_state *s)
{
	size_t before = x->buf.n;
	char up[TREE_PATH];
	int rc;

	txn_touch(x, path);
	if (!tree_find(x->tree.root, path)) {
		tree_parent(path, up);
		txn_touch(x, up);
	}
	/* In this order: s may point into the node that is replaced. */
	journal_buf_set(&x->buf, path, s);
	rc = tree_set(&x->tree, path, s);
	if (rc)
		x->buf.n = before;
	return rc;
}

static void txn_rm_one(void *arg, const char *path, const struct node *n)
{
	struct txn *x = arg;

	(void)n;
	txn_touch(x, path);
	txn_event(x, path, true);
}

int txn_rm(struct txn *x, const char *path)
{
	const struct node *n = tree_find(x->tree.root, path);
	char up[TREE_PATH];
	unsigned first = x->nevent;
	int rc;

	if (n && strcmp(path, "/")) {
		tree_parent(path, up);
		txn_touch(x, up);
		tree_walk(n, path, txn_rm_one, x);
		x->event[first].exact = false; /* its own, not those below */
	}
	rc = tree_rm(&x->tree, path);
	if (!rc)
		journal_buf_rm(&x->buf, path);
	return rc;
}

void txn_unmake(struct txn *x, const char *path)
{
	unsigned n = x->nevent;

	txn_rm(x, path);
	while (x->nevent > n)
		free(x->event[--x->nevent].path);
}

static uint64_t txn_gen(const struct node *root, const char *path)
{
	const struct node *n = tree_find(root, path);

	return n ? n->gen : 0;
}

static bool txn_conflicts(const struct txn *x)
{
	unsigned i;

	if (x->base == x->db->tree.root)
		return false;
	for (i = 0; i < x->ntouch; i++) {
		if (txn_gen(x->base, x->touch[i]) !=
		    txn_gen(x->db->tree.root, x->touch[i]))
			return true;
	}
	return false;
}

int txn_commit(struct txn *x, struct node **before)
{
	struct tree *t = &x->db->tree;
	int rc;

	*before = NULL;
	if (txn_conflicts(x))
		return -EAGAIN;
	rc = journal_append(x->db->journal, &x->buf, x->guest);
	if (rc == -ENOSPC && !journal_shrink(x->db->journal, t->root))
		rc = journal_append(x->db->journal, &x->buf, x->guest);
	if (rc)
		return rc;
	*before = tree_ref(t->root);
	if (x->base == t->root) {
		tree_unref(t->root);
		t->root = tree_ref(x->tree.root);
		tree_use_merge(&t->use, &x->tree.use);
	} else if (journal_replay(t, x->buf.p, x->buf.n)) {
		abort(); /* the journal holds it: the next process tells */
	}
	journal_tidy(x->db->journal, t->root);
	return 0;
}

int txn_nodes(const struct txn *x, uint16_t id)
{
	return tree_use_get(&x->db->tree.use, id) +
	       tree_use_get(&x->tree.use, id);
}
