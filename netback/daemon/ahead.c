// SPDX-License-Identifier: GPL-2.0-or-later
/* ahead.c - what the store answered about one vif, before it was our turn */
#include "daemon/ahead.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

struct ahead_key {
	struct ahead_key *next;
	int rc;
	char *text; /* behind the path; rc bytes and a NUL if rc >= 0 */
	char path[];
};

struct ahead {
	unsigned n;
	struct ahead_key *first, **last;
	struct ahead_key *at; /* the last one asked: the next is behind it */
};

int ahead_open(struct ahead **out)
{
	struct ahead *a = calloc(1, sizeof(*a));

	if (!a)
		return -ENOMEM;
	a->last = &a->first;
	*out = a;
	return 0;
}

/* Keys are asked in the same order twice, so mostly the first look finds it. */
static struct ahead_key *ahead_find(struct ahead *a, const char *path)
{
	struct ahead_key *k = a->at ? a->at->next : NULL;
	unsigned i;

	for (i = 0; i <= a->n; i++) {
		if (k && !strcmp(k->path, path)) {
			a->at = k;
			return k;
		}
		k = k ? k->next : a->first;
	}
	return NULL;
}

void ahead_note(struct ahead *a, const char *path, int rc, const char *text)
{
	size_t n = strlen(path) + 1, len = rc < 0 ? 0 : (size_t)rc;
	struct ahead_key *k;

	/* No answer, one that may be another a moment later, or for another buffer. */
	if ((rc < 0 && rc != -ENOENT && rc != -EACCES && rc != -EINVAL) ||
	    a->n == AHEAD_KEYS || len >= AHEAD_VALUE || ahead_find(a, path))
		return;
	k = calloc(1, sizeof(*k) + n + len + 1);
	if (!k)
		return;
	memcpy(k->path, path, n);
	k->text = k->path + n;
	memcpy(k->text, text, len);
	k->rc = rc;
	*a->last = k;
	a->last = &k->next;
	a->n++;
}

bool ahead_read(struct ahead *a, const char *path, char *buf, size_t size,
		int *rc)
{
	const struct ahead_key *k = ahead_find(a, path);

	if (!k)
		return false;
	*rc = k->rc;
	if (k->rc >= 0 && (size_t)k->rc >= size)
		*rc = -E2BIG;
	else if (k->rc >= 0)
		memcpy(buf, k->text, (size_t)k->rc + 1);
	return true;
}

void ahead_close(struct ahead *a)
{
	struct ahead_key *k;

	if (!a)
		return;
	while ((k = a->first)) {
		a->first = k->next;
		free(k);
	}
	free(a);
}
