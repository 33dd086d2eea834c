/* SPDX-License-Identifier: GPL-2.0-or-later */
/* journal.h - the tree's memory: a file that outlives the process which writes it
 *
 *   0        4096                  4096 + JOURNAL_AREA
 *  +--------+---------------------+---------------------+
 *  | header | area 0              | area 1              |   sparse
 *  +--------+---------------------+---------------------+
 *   active    batch batch batch |    (the other one: empty, or being written)
 *   len[2]                      ^ len[active]
 *
 * A change is one batch, behind the end, then one store of the new end. When an
 * area is mostly history the tree is written into the other, then one store
 * makes that the active one. A batch carries its length and a sum and
 * counts only when whole, so a death at any instruction leaves the state
 * before or after a change, never between.
 */
#ifndef NETBACK_STORE_JOURNAL_H
#define NETBACK_STORE_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/tree.h"

enum {
	JOURNAL_HEAD = 4096,
	JOURNAL_AREA = 1 << 28,
	JOURNAL_SIZE = JOURNAL_HEAD + 2 * JOURNAL_AREA,
	JOURNAL_COMPACT = 1 << 20, /* bytes below which history is left alone */
};

/* Records of one change, being put together. */
struct journal_buf {
	size_t n, room;
	uint8_t *p;
};

void journal_buf_set(struct journal_buf *b, const char *path,
		     const struct tree_state *s);
void journal_buf_rm(struct journal_buf *b, const char *path);
void journal_buf_free(struct journal_buf *b);

/* Applies records to a tree; -EPROTO when they make no sense. */
int journal_replay(struct tree *t, const uint8_t *p, size_t n);

struct journal;

/* A new file without a name, for whoever needs it no longer than it lives. fd or
 * -errno.
 */
int journal_create(void);

/* The file of that name, for the process that keeps it: what the last one left if
 * this system has not been booted since, else empty (*kept says which). Locked,
 * until the last process that has the fd is gone: -EBUSY when another is not.
 * Beside a tmpfs it works as well and is slower. fd or -errno.
 */
int journal_keep(const char *path, bool *kept);

/* Opens it (fd stays the caller's) and reads the tree, which is open and
 * empty. A batch that makes no sense ends the reading there.
 */
int journal_open(struct journal **out, int fd, struct tree *t);
void journal_close(struct journal *l);

/* Makes one change last. 0, or -ENOSPC with nothing changed. A guest's leaves a
 * quarter of the file system to others.
 */
int journal_append(struct journal *l, const struct journal_buf *b, bool guest);

/* Writes the tree anew when the history has grown large. */
int journal_tidy(struct journal *l, const struct node *root);
int journal_compact(struct journal *l, const struct node *root);
/* For want of space: -ENOSPC when too much of it is no history. */
int journal_shrink(struct journal *l, const struct node *root);

uint64_t journal_size(const struct journal *l); /* bytes in the active area */

#endif
