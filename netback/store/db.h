/* SPDX-License-Identifier: GPL-2.0-or-later */
/* db.h - the tree, its journal, and transactions on both
 *
 * Every change is a transaction: a request outside of one makes its own and
 * ends it at once. A transaction sees the tree as it was at its start, plus
 * its own changes. It conflicts when a node that it read or wrote was changed
 * by others since: then nothing of it happens.
 */
#ifndef NETBACK_STORE_DB_H
#define NETBACK_STORE_DB_H

#include "store/journal.h"
#include "store/tree.h"

struct db {
	struct tree tree;
	struct journal *journal;
};

/* Something happened to a path. exact: only for who watches just that. */
struct txn_event {
	char *path;
	bool exact;
};

struct txn {
	struct txn *next;
	uint32_t id; /* 0: a request's own */
	bool guest;  /* no change of the toolstack's */
	struct db *db;
	struct node *base; /* the tree at the start */
	struct tree tree;  /* the tree as this transaction sees it */
	struct journal_buf buf;
	unsigned ntouch, touch_room;
	char **touch; /* sorted */
	unsigned nevent, event_room;
	struct txn_event *event;
};

/* fd: from journal_create, still the caller's. An empty tree gets /local etc. */
int db_open(struct db *db, int fd);
void db_close(struct db *db);

void txn_open(struct txn *x, struct db *db);
void txn_close(struct txn *x);

/* What the transaction sees, and remembers to have seen. */
const struct node *txn_find(struct txn *x, const char *path);

/* As tree_set and tree_rm; the event for those who watch is remembered. */
int txn_set(struct txn *x, const char *path, const struct tree_state *s);
int txn_rm(struct txn *x, const char *path);
void txn_unmake(struct txn *x, const char *path); /* txn_rm without events */
void txn_event(struct txn *x, const char *path, bool exact);

/* 0, -EAGAIN after a conflict, -ENOSPC. *before is the tree before it (a
 * reference, the caller's) and the events in x stand to be sent.
 */
int txn_commit(struct txn *x, struct node **before);

/* Nodes that a domain owns in what the transaction sees. */
int txn_nodes(const struct txn *x, uint16_t id);

#endif
