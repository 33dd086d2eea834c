// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_change.c - does a table's change let more pass, or less? pure
 *
 * Rules are compared as they are printed, chain by chain. What is gone, and what has
 * come, must each be of one kind, and what stays in its order.
 */
#include "rules_own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

enum { CHANGE_CLOSES = 1, CHANGE_OPENS = 2 };

struct change {
	char *text;
	uint32_t hash; /* of text: tables have thousands of rules */
	int bits;      /* what its coming does */
};

struct changes {
	struct change *v;
	size_t n;
};

static bool change_drops(const struct rule *r)
{
	return !strcmp(r->jump, "DROP") || !strcmp(r->target.name, "REJECT");
}

static int change_bits(const struct rule *r)
{
	static const char *const silent[] = { "LOG", "NFLOG", "TRACE" };
	unsigned i;

	if (change_drops(r))
		return CHANGE_CLOSES;
	if (!strcmp(r->jump, "ACCEPT"))
		return CHANGE_OPENS;
	if (!r->jump[0] && !r->target.name[0])
		return 0;
	for (i = 0; i < ARRAY_SIZE(silent); i++)
		if (!strcmp(r->target.name, silent[i]))
			return 0;
	return CHANGE_CLOSES | CHANGE_OPENS;
}

static uint32_t change_hash(const char *text)
{
	uint32_t h = 2166136261; /* FNV-1a */

	while (*text)
		h = (h ^ (uint8_t)*text++) * 16777619;
	return h;
}

static int change_add(struct changes *c, const struct rule *r)
{
	char text[RULES_TEXT];
	struct rule k = *r;
	struct change *v;
	int rc;

	if (r->verb == RULES_NEW)
		return 0;
	k.packets = k.bytes = 0;
	k.num = 0;
	if (r->verb == RULES_POLICY)
		rc = str_fmt(text, sizeof(text), "-P %s %s", r->chain, r->jump);
	else
		rc = rules_print(&k, text, sizeof(text));
	if (rc < 0)
		return rc;
	v = reallocarray(c->v, c->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	c->v = v;
	v[c->n].bits = change_bits(r);
	v[c->n].hash = change_hash(text);
	v[c->n].text = strdup(text);
	if (!v[c->n].text)
		return -ENOMEM;
	c->n++;
	return 0;
}

static int change_all(struct changes *c, const struct rules *rs)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < rs->n; i++)
		rc = change_add(c, &rs->v[i]);
	return rc;
}

static void change_free(struct changes *c)
{
	while (c->n)
		free(c->v[--c->n].text);
	free(c->v);
}

/* The next of c that is the same, from `at` on; c->n: there is none. */
static size_t change_find(const struct changes *c, size_t at,
			  const struct change *x)
{
	while (at < c->n &&
	       (c->v[at].hash != x->hash || strcmp(c->v[at].text, x->text)))
		at++;
	return at;
}

/* In order: what only one of them has. A rule that changed its place is taken for
 * one that went and one that came.
 */
static int change_compare(const struct changes *was, const struct changes *is)
{
	size_t i = 0, k = 0, at;
	int bits = 0;

	for (; i < was->n; i++) {
		at = change_find(is, k, &was->v[i]);
		if (at == is->n) { /* gone: the other way round */
			bits |= was->v[i].bits & CHANGE_CLOSES ? CHANGE_OPENS
							       : 0;
			bits |= was->v[i].bits & CHANGE_OPENS ? CHANGE_CLOSES
							      : 0;
			continue;
		}
		for (; k < at; k++)
			bits |= is->v[k].bits;
		k++;
	}
	for (; k < is->n; k++)
		bits |= is->v[k].bits;
	return bits;
}

int rules_change(const struct rules *was, const struct rules *is,
		 enum rules_change *out)
{
	struct changes a = { NULL, 0 }, b = { NULL, 0 };
	int rc = change_all(&a, was), bits;

	if (!rc)
		rc = change_all(&b, is);
	if (!rc) {
		bits = change_compare(&a, &b);
		*out = bits == CHANGE_OPENS  ? RULES_OPENS
		       : bits & CHANGE_OPENS ? RULES_BOTH
					     : RULES_CLOSES;
	}
	change_free(&a);
	change_free(&b);
	return rc;
}
