// SPDX-License-Identifier: GPL-2.0-or-later
/* test_store_tree.c - the store's tree, its journal, transactions */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/num.h"
#include "store/db.h"

static const struct tree_perm none[] = { { 0, 0 } };

static struct tree_state text(const char *value)
{
	return (struct tree_state){ none, 1, (uint32_t)strlen(value), value };
}

static int set(struct tree *t, const char *path, const char *value)
{
	struct tree_state s = text(value);

	return tree_set(t, path, &s);
}

static int put(struct txn *x, const char *path, const char *value)
{
	struct tree_state s = text(value);

	return txn_set(x, path, &s);
}

static void dump_one(void *arg, const char *path, const struct node *n)
{
	struct journal_buf *b = arg;
	struct tree_state s = { n->perm, n->nperm, n->len, n->value };

	journal_buf_set(b, path, &s);
}

/* The whole tree as bytes. */
static struct journal_buf dump(const struct node *root)
{
	struct journal_buf b = { 0 };

	tree_walk(root, "/", dump_one, &b);
	return b;
}

static bool same(const struct journal_buf *a, const struct journal_buf *b)
{
	return a->n == b->n && !memcmp(a->p, b->p, a->n);
}

static void tree_keeps_what_others_see(void **state)
{
	struct tree t;
	struct node *old;

	(void)state;
	tree_open(&t);
	assert_int_equal(set(&t, "/a/b", "x"), -ENOENT);
	assert_int_equal(set(&t, "/a", ""), 0);
	assert_int_equal(set(&t, "/a/b", "1"), 0);
	old = tree_ref(t.root);
	assert_int_equal(set(&t, "/a/b", "22"), 0);
	assert_int_equal(set(&t, "/a/c", ""), 0);
	assert_int_equal(tree_find(old, "/a/b")->len, 1);
	assert_null(tree_find(old, "/a/c"));
	assert_int_equal(tree_find(t.root, "/a/b")->len, 2);
	assert_int_equal(tree_find(t.root, "/a")->names, 4);
	assert_int_equal(tree_rm(&t, "/a"), 0);
	assert_int_equal(tree_rm(&t, "/a"), -ENOENT);
	assert_int_equal(tree_rm(&t, "/"), -EINVAL);
	assert_null(tree_find(t.root, "/a/b"));
	assert_non_null(tree_find(old, "/a/b"));
	tree_unref(old);
	tree_close(&t);
}

static void tree_finds_names_not_prefixes(void **state)
{
	static const char *const names[] = { "/b", "/ab", "/a", "/abc", "/B" };
	struct tree t;
	unsigned i;

	(void)state;
	tree_open(&t);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(set(&t, names[i], names[i]), 0);
	for (i = 0; i < ARRAY_SIZE(names); i++)
		assert_memory_equal(tree_find(t.root, names[i])->value,
				    names[i], strlen(names[i]));
	assert_null(tree_find(t.root, "/abcd"));
	assert_null(tree_find(t.root, "/a/b"));
	for (i = 1; i < t.root->nchild; i++)
		assert_true(strcmp(t.root->child[i - 1]->name,
				   t.root->child[i]->name) < 0);
	tree_close(&t);
}

static void tree_counts_owners(void **state)
{
	static const struct tree_perm five[] = { { 5, 0 } };
	struct tree_state s = { five, 1, 0, NULL };
	struct tree t;

	(void)state;
	tree_open(&t);
	tree_set(&t, "/a", &s);
	tree_set(&t, "/a/b", &s);
	tree_set(&t, "/a/b", &s);
	assert_int_equal(tree_use_get(&t.use, 5), 2);
	set(&t, "/a/b", "dom0's now");
	assert_int_equal(tree_use_get(&t.use, 5), 1);
	tree_rm(&t, "/a");
	assert_int_equal(tree_use_get(&t.use, 5), 0);
	tree_close(&t);
}

enum { STEPS = 24, LEN_AT = 8 /* of len[0] in the header */ };

/* Changes of one, two and three records, removal among them. */
static void step(struct db *db, unsigned i)
{
	struct node *before;
	struct txn x;
	char path[32];

	txn_open(&x, db);
	sprintf(path, "/n%u", i % 7);
	assert_int_equal(put(&x, path, path), 0);
	if (i % 2) {
		strcat(path, "/below");
		assert_int_equal(put(&x, path, "some more bytes"), 0);
	}
	if (i % 5 == 4) {
		sprintf(path, "/n%u", (i - 1) % 7);
		assert_int_equal(txn_rm(&x, path), 0);
	}
	assert_int_equal(txn_commit(&x, &before), 0);
	tree_unref(before);
	txn_close(&x);
}

static void recover(int fd, struct journal_buf *out)
{
	struct journal *j;
	struct tree t;

	tree_open(&t);
	assert_int_equal(journal_open(&j, fd, &t), 0);
	*out = dump(t.root);
	journal_close(j);
	tree_close(&t);
}

static void journal_cut_anywhere_is_a_committed_state(void **state)
{
	struct journal_buf was[STEPS + 2] = { 0 };
	uint64_t end[STEPS + 2] = { 0 }, len;
	unsigned i, at = 0;
	struct tree empty;
	struct db db;
	int fd = journal_create();

	(void)state;
	tree_open(&empty);
	was[0] = dump(empty.root);
	tree_close(&empty);
	assert_int_equal(db_open(&db, fd), 0);
	for (i = 0; i <= STEPS; i++) {
		was[i + 1] = dump(db.tree.root);
		end[i + 1] = journal_size(db.journal);
		if (i < STEPS)
			step(&db, i);
	}
	db_close(&db);
	for (len = 0; len <= end[STEPS + 1]; len++) {
		struct journal_buf got;

		pwrite(fd, &len, sizeof(len), LEN_AT);
		while (at < STEPS + 1 && end[at + 1] <= len)
			at++;
		recover(fd, &got);
		assert_true(same(&got, &was[at]));
		journal_buf_free(&got);
	}
	assert_int_equal(at, STEPS + 1);
	for (i = 0; i < STEPS + 2; i++)
		journal_buf_free(&was[i]);
	close(fd);
}

static void journal_doubts_changed_bytes(void **state)
{
	struct journal_buf was, got;
	uint64_t len, last;
	struct db db;
	int fd = journal_create();
	uint8_t byte;

	(void)state;
	assert_int_equal(db_open(&db, fd), 0);
	was = dump(db.tree.root);
	last = journal_size(db.journal);
	step(&db, 1);
	len = journal_size(db.journal);
	db_close(&db);
	for (; last < len; last++) {
		pread(fd, &byte, 1, JOURNAL_HEAD + (off_t)last);
		byte ^= 0x40;
		pwrite(fd, &byte, 1, JOURNAL_HEAD + (off_t)last);
		pwrite(fd, &len, sizeof(len), LEN_AT);
		recover(fd, &got);
		assert_true(same(&got, &was));
		journal_buf_free(&got);
		byte ^= 0x40;
		pwrite(fd, &byte, 1, JOURNAL_HEAD + (off_t)last);
	}
	journal_buf_free(&was);
	close(fd);
}

static void journal_written_anew_is_the_same(void **state)
{
	struct journal_buf was, got;
	struct db db;
	int fd = journal_create();
	unsigned i, round;

	(void)state;
	assert_int_equal(db_open(&db, fd), 0);
	for (round = 0; round < 3; round++) {
		for (i = 0; i < STEPS; i++)
			step(&db, i);
		was = dump(db.tree.root);
		assert_int_equal(journal_compact(db.journal, db.tree.root), 0);
		db_close(&db);
		recover(fd, &got);
		assert_true(same(&got, &was));
		journal_buf_free(&was);
		journal_buf_free(&got);
		assert_int_equal(db_open(&db, fd), 0);
	}
	db_close(&db);
	close(fd);
}

static void journal_does_not_grow_for_ever(void **state)
{
	char big[2000];
	struct db db;
	int fd = journal_create();
	unsigned i;

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	assert_int_equal(db_open(&db, fd), 0);
	for (i = 0; i < 4000; i++) {
		struct node *before;
		struct txn x;

		txn_open(&x, &db);
		put(&x, "/a", big);
		assert_int_equal(txn_commit(&x, &before), 0);
		tree_unref(before);
		txn_close(&x);
		assert_true(journal_size(db.journal) < 2 * JOURNAL_COMPACT);
	}
	db_close(&db);
	close(fd);
}

/* Two transactions; the first to end wins, the other does or does not. */
struct race {
	const char *reads, *writes; /* the loser's */
	const char *other;	    /* what the winner writes, or .. */
	const char *removes;	    /* .. removes */
	int want;
};

static int race(struct db *db, const struct race *r)
{
	struct node *before;
	struct txn x, y;
	int rc;

	txn_open(&x, db);
	x.id = 1;
	if (r->reads)
		txn_find(&x, r->reads);
	if (r->writes)
		put(&x, r->writes, "mine");
	txn_open(&y, db);
	rc = r->removes ? txn_rm(&y, r->removes) : put(&y, r->other, "yours");
	assert_int_equal(rc, 0);
	assert_int_equal(txn_commit(&y, &before), 0);
	tree_unref(before);
	txn_close(&y);
	rc = txn_commit(&x, &before);
	tree_unref(before);
	txn_close(&x);
	return rc;
}

static void txn_conflicts_when_it_should(void **state)
{
	static const struct race row[] = {
		{ "/a/r", NULL, "/a/r", NULL, -EAGAIN },
		{ NULL, "/a/r", "/a/r", NULL, -EAGAIN },
		{ "/a/r", "/a/w", "/a/r", NULL, -EAGAIN },
		{ "/a/r", "/a/w", "/a/x", NULL, 0 },
		{ "/a", NULL, "/a/new", NULL, -EAGAIN },
		{ "/a/new", NULL, "/a/new", NULL, -EAGAIN },
		{ NULL, "/a/mine", "/a/new", NULL, -EAGAIN },
		{ "/a/r", NULL, NULL, "/a/r", -EAGAIN },
		{ NULL, "/a/r", NULL, "/a", -EAGAIN },
		{ "/a/r", "/a/w", NULL, "/a/x", 0 },
		{ "/local", "/a/w", "/a/x", NULL, 0 },
	};
	unsigned i;

	(void)state;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		int fd = journal_create();
		struct journal_buf was, got;
		struct node *before;
		struct db db;
		struct txn x;

		assert_int_equal(db_open(&db, fd), 0);
		txn_open(&x, &db);
		put(&x, "/a", "");
		put(&x, "/a/r", "");
		put(&x, "/a/w", "");
		put(&x, "/a/x", "");
		txn_commit(&x, &before);
		tree_unref(before);
		txn_close(&x);
		if (race(&db, &row[i]) != row[i].want)
			fail_msg("row %u", i);
		was = dump(db.tree.root);
		db_close(&db);
		recover(fd, &got);
		assert_true(same(&got, &was));
		journal_buf_free(&was);
		journal_buf_free(&got);
		close(fd);
	}
}

static void txn_sees_its_own_and_no_others(void **state)
{
	int fd = journal_create();
	struct node *before;
	struct txn x, y;
	struct db db;

	(void)state;
	assert_int_equal(db_open(&db, fd), 0);
	txn_open(&x, &db);
	x.id = 1;
	assert_int_equal(put(&x, "/mine", "1"), 0);
	assert_non_null(txn_find(&x, "/mine"));
	assert_null(tree_find(db.tree.root, "/mine"));
	txn_open(&y, &db);
	assert_int_equal(put(&y, "/local/theirs", "1"), 0);
	assert_int_equal(txn_commit(&y, &before), 0);
	tree_unref(before);
	txn_close(&y);
	assert_null(tree_find(x.tree.root, "/local/theirs"));
	assert_int_equal(txn_commit(&x, &before), 0);
	tree_unref(before);
	txn_close(&x);
	assert_non_null(tree_find(db.tree.root, "/mine"));
	assert_non_null(tree_find(db.tree.root, "/local/theirs"));
	db_close(&db);
	close(fd);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(tree_keeps_what_others_see),
		cmocka_unit_test(tree_finds_names_not_prefixes),
		cmocka_unit_test(tree_counts_owners),
		cmocka_unit_test(journal_cut_anywhere_is_a_committed_state),
		cmocka_unit_test(journal_doubts_changed_bytes),
		cmocka_unit_test(journal_written_anew_is_the_same),
		cmocka_unit_test(journal_does_not_grow_for_ever),
		cmocka_unit_test(txn_conflicts_when_it_should),
		cmocka_unit_test(txn_sees_its_own_and_no_others),
	};

	return cmocka_run_group_tests_name("store_tree", tests, NULL, NULL);
}
