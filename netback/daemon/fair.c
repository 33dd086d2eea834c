// SPDX-License-Identifier: GPL-2.0-or-later
/* fair.c - whose turn it is: deficit round robin over those who have work */
#include "daemon/fair.h"

#include <stddef.h>

static void fair_pay(struct fair_member *m, uint64_t sum)
{
	m->owes = m->owes > sum ? m->owes - sum : 0;
}

static void fair_append(struct fair *f, struct fair_member *m)
{
	m->next = NULL;
	*f->last = m;
	f->last = &m->next;
}

static struct fair_member *fair_pop(struct fair *f)
{
	struct fair_member *m = f->first;

	f->first = m->next;
	if (!f->first)
		f->last = &f->first;
	return m;
}

void fair_init(struct fair *f)
{
	*f = (struct fair){ .round = 1 };
	f->last = &f->first;
}

void fair_add(struct fair *f, struct fair_member *m)
{
	uint64_t missed = f->round - m->round;

	if (m->queued)
		return;
	/* No debt is worth more rounds than that. */
	if (missed > UINT32_MAX)
		m->owes = 0;
	fair_pay(m, missed * FAIR_QUANTUM);
	m->queued = true;
	fair_append(f, m);
}

void fair_del(struct fair *f, struct fair_member *m)
{
	struct fair_member **at = &f->first;

	if (!m->queued)
		return;
	while (*at != m)
		at = &(*at)->next;
	*at = m->next;
	if (f->last == &m->next)
		f->last = at;
	m->queued = false;
	m->round = f->round;
}

void fair_begin(struct fair *f)
{
	struct fair_member *m;
	uint64_t sum = UINT64_MAX;

	f->round++;
	for (m = f->first; m; m = m->next)
		sum = m->owes < sum ? m->owes : sum;
	/* Just enough for the least indebted to be served. */
	sum = sum >= 2 * FAIR_QUANTUM ? sum - FAIR_QUANTUM + 1 : FAIR_QUANTUM;
	for (m = f->first; m; m = m->next)
		fair_pay(m, sum);
}

struct fair_member *fair_next(struct fair *f)
{
	while (f->first && f->first->seen != f->round) {
		struct fair_member *m = fair_pop(f);

		m->seen = f->round;
		if (m->owes >= FAIR_QUANTUM) {
			fair_append(f, m);
			continue;
		}
		m->queued = false;
		m->round = f->round;
		return m;
	}
	return NULL;
}
