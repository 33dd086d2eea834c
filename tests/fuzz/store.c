// SPDX-License-Identifier: GPL-2.0-or-later
/* store.c - fuzz the store server's wire: what is in the tree is in the journal
 *
 * Two clients, a guest and domain 0, take turns: one byte says who and how many
 * bytes come next.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/conn.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int fuzz_yes(struct server *s, uint16_t dom)
{
	(void)s;
	(void)dom;
	return 0;
}

static void fuzz_dump_one(void *arg, const char *path, const struct node *n)
{
	struct tree_state s = { n->perm, n->nperm, n->len, n->value };

	journal_buf_set(arg, path, &s);
}

static void fuzz_compare(const struct server *s, int fd)
{
	struct journal_buf a = { 0 }, b = { 0 };
	struct journal *j;
	struct tree t;

	tree_open(&t);
	if (journal_open(&j, fd, &t))
		abort();
	tree_walk(s->db.tree.root, "/", fuzz_dump_one, &a);
	tree_walk(t.root, "/", fuzz_dump_one, &b);
	if (a.n != b.n || memcmp(a.p, b.p, a.n))
		abort();
	if (tree_use_get(&t.use, 1) != tree_use_get(&s->db.tree.use, 1))
		abort();
	journal_buf_free(&a);
	journal_buf_free(&b);
	journal_close(j);
	tree_close(&t);
}

static void fuzz_talk(struct server *s, const uint8_t *data, size_t size)
{
	struct conn *c[2] = { conn_open(s, -1, 1), conn_open(s, -1, 0) };

	while (size > 1) {
		struct conn *to = c[data[0] & 1];
		size_t n = data[0] >> 1;

		if (n > size - 1)
			n = size - 1;
		conn_feed(to, data + 1, n);
		to->nout = 0;
		data += n + 1;
		size -= n + 1;
	}
	conn_kill(c[0]);
	conn_kill(c[1]);
	conn_sweep(s);
	if (s->conns || s->dom[0].nwatch || s->dom[1].nwatch ||
	    s->dom[0].ntxn || s->dom[1].ntxn || s->dom[1].nconn)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct server s = { .introduce = fuzz_yes, .release = fuzz_yes };
	int fd = journal_create();

	if (fd < 0 || db_open(&s.db, fd))
		abort();
	if (!s.loop && loop_open(&s.loop))
		abort();
	memset(s.dom, 0, 64 * sizeof(s.dom[0]));
	fuzz_talk(&s, data, size);
	fuzz_compare(&s, fd);
	db_close(&s.db);
	close(fd);
	return 0;
}
