// SPDX-License-Identifier: GPL-2.0-or-later
/* counted.c - what guards and rules of files counted, read once for all vifs */
#include "ctl/counted.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

static int counted_guard_cmp(const void *a, const void *b)
{
	return strcmp(((const struct filter_counted *)a)->dev,
		      ((const struct filter_counted *)b)->dev);
}

static int counted_rule_cmp(const void *a, const void *b)
{
	const struct ruleset_count *x = *(struct ruleset_count *const *)a;
	const struct ruleset_count *y = *(struct ruleset_count *const *)b;
	int rc = strcmp(x->vif, y->vif);

	return rc ? rc : (x > y) - (x < y);
}

static int counted_sort(struct counted *c)
{
	size_t i;

	if (c->nguard)
		qsort(c->guard, c->nguard, sizeof(*c->guard),
		      counted_guard_cmp);
	if (!c->nrule)
		return 0;
	c->order = calloc(c->nrule, sizeof(*c->order));
	if (!c->order)
		return -ENOMEM;
	for (i = 0; i < c->nrule; i++)
		c->order[i] = &c->rule[i];
	qsort(c->order, c->nrule, sizeof(*c->order), counted_rule_cmp);
	return 0;
}

int counted_read(struct counted *c, const char *dev, struct err *e)
{
	int rc;

	memset(c, 0, sizeof(*c));
	rc = filter_counts(dev, &c->guard, e);
	if (rc < 0)
		return rc;
	c->nguard = (size_t)rc;
	rc = ruleset_counts(dev, COUNTED_RULES, &c->rule, &c->left, e);
	if (rc < 0)
		return rc;
	c->nrule = (size_t)rc;
	rc = counted_sort(c);
	if (rc) {
		c->nrule = 0;
		err_set(e, rc, "counters: out of memory");
	}
	return rc;
}

void counted_close(struct counted *c)
{
	free(c->guard);
	free(c->rule);
	free(c->order);
	memset(c, 0, sizeof(*c));
}

const struct filter_counted *counted_guard(const struct counted *c,
					   const char *dev)
{
	struct filter_counted want = { .n = 0 };

	str_put(want.dev, sizeof(want.dev), dev);
	return c->nguard ? bsearch(&want, c->guard, c->nguard, sizeof(want),
				   counted_guard_cmp)
			 : NULL;
}

size_t counted_rules(const struct counted *c, const char *dev,
		     struct ruleset_count *const **first)
{
	size_t from = 0, to = c->nrule, n = 0;

	while (from < to) {
		size_t mid = from + (to - from) / 2;

		if (strcmp(c->order[mid]->vif, dev) < 0)
			from = mid + 1;
		else
			to = mid;
	}
	*first = c->order + from;
	while (from + n < c->nrule && !strcmp(c->order[from + n]->vif, dev))
		n++;
	return n;
}

const char *counted_way(const struct ruleset_count *r, const char *from)
{
	return !strcmp(r->way, "from-guest") ? from
	       : !strcmp(r->way, "to-guest") ? "to_guest"
					     : "both";
}
