/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tree.h - the store's tree: nodes which are copied when they are shared
 *
 * A root that somebody else still refers to (a transaction's view, the state
 * before a change) never changes: a change copies the nodes on its path. So a
 * transaction starts by taking one reference.
 *
 * Memory is bounded by quotas; when there is none the process aborts and
 * the keeper starts another, which reads the tree from the log.
 */
#ifndef NETBACK_STORE_TREE_H
#define NETBACK_STORE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	TREE_PATH = 4096, /* bytes of a path, NUL included: one payload */
	TREE_PERMS = 1024,
	TREE_READ = 1,
	TREE_WRITE = 2,
};

struct tree_perm {
	uint16_t id;
	uint16_t bits; /* TREE_READ, TREE_WRITE */
};

struct node {
	unsigned ref;
	uint32_t nchild, len;
	uint32_t names; /* bytes of all children's names, NULs included */
	uint16_t nperm;
	uint64_t gen; /* changes with value, permissions, set of children */
	char *name;
	char *value;
	struct tree_perm *perm; /* [0]: the owner, and everybody else */
	struct node **child;	/* sorted by name */
};

/* What a node is set to; all borrowed. */
struct tree_state {
	const struct tree_perm *perm;
	uint16_t nperm;
	uint32_t len;
	const void *value;
};

/* Nodes by owner, the difference a change makes; domain 0 is not counted. */
struct tree_use {
	unsigned n, room;
	struct tree_use_one {
		uint16_t id;
		int nodes;
	} * v;
};

struct tree {
	struct node *root;
	struct tree_use use;
};

void *tree_alloc(void *old, size_t size); /* realloc, or abort */

void tree_open(struct tree *t); /* "/" alone, n0 */
void tree_close(struct tree *t);
struct node *tree_ref(struct node *n);
void tree_unref(struct node *n); /* NULL is fine */

const struct node *tree_find(const struct node *root, const char *path);

/* Writes path's parent to out (TREE_PATH bytes); "/" is its own. */
void tree_parent(const char *path, char *out);

/* Sets a node whose parent exists, creating it or replacing value and
 * permissions. -ENOENT without a parent.
 */
int tree_set(struct tree *t, const char *path, const struct tree_state *s);

/* Removes a node and all below; -ENOENT, -EINVAL for "/". */
int tree_rm(struct tree *t, const char *path);

/* Calls fn for the node and all below, parents first; path is the node's. */
void tree_walk(const struct node *n, const char *path,
	       void (*fn)(void *arg, const char *path, const struct node *n),
	       void *arg);

int tree_use_get(const struct tree_use *u, uint16_t id);
void tree_use_merge(struct tree_use *to, const struct tree_use *from);

#endif
