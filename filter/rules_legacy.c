// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_legacy.c - rules into iptables-legacy's tables, by libiptc
 *
 * A table is read whole, changed, and put back whole: the kernel has no smaller
 * step. Who does so holds iptables' own lock meanwhile. All tables that rules
 * name are changed in memory first, so an error leaves each as it was; putting
 * back is atomic for one table. Of several those go first that let less pass than
 * before, and last those that let more; when the kernel refuses one, those before it get
 * what they held.
 */
#include "rules_own.h"

#include <errno.h>
#include <fcntl.h>
#include <libiptc/libip6tc.h>
#include <libiptc/libiptc.h>
#include <linux/netfilter/x_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/num.h"
#include "xt.h"

enum {
	LEGACY_TABLES = 10,
	LEGACY_WAIT = 30, /* s for iptables' lock */
};

struct legacy_table {
	bool ip6;
	char name[RULES_NAME];
	struct xtc_handle *h;
	bool changed;
	/* where it is not the only one: what it held, and what becomes of that */
	struct rules was;
	enum rules_change way;
};

struct legacy {
	struct legacy_table v[LEGACY_TABLES];
	unsigned n;
	struct err *e;
};

/* A rule as the kernel has it, and which of its bytes tell it from another. */
struct legacy_entry {
	union {
		void *any;
		struct ipt_entry *v4;
		struct ip6t_entry *v6;
	} e;
	unsigned char *mask;
	size_t size;
};

static void legacy_entry_close(struct legacy_entry *x)
{
	free(x->e.any);
	free(x->mask);
}

static size_t legacy_target_size(const struct rule *r)
{
	return r->target.name[0] ? XT_ALIGN(sizeof(struct xt_entry_target)) +
					   r->target.size
				 : XT_ALIGN(sizeof(struct xt_standard_target));
}

static void legacy_put_match(struct legacy_entry *x, size_t at,
			     const struct rules_ext *ext)
{
	struct xt_entry_match *m = (void *)((char *)x->e.any + at);
	size_t head = XT_ALIGN(sizeof(*m));

	m->u.match_size = (uint16_t)(head + ext->size);
	str_put(m->u.user.name, sizeof(m->u.user.name), ext->name);
	m->u.user.revision = ext->rev;
	memcpy((char *)m + head, ext->info, ext->size);
	memset(x->mask + at, 0xff, head + ext->user);
}

static void legacy_put_target(struct legacy_entry *x, size_t at,
			      const struct rule *r)
{
	const struct rules_ext *ext = &r->target;
	struct xt_entry_target *t = (void *)((char *)x->e.any + at);
	size_t head = XT_ALIGN(sizeof(*t));

	t->u.target_size = (uint16_t)legacy_target_size(r);
	str_put(t->u.user.name, sizeof(t->u.user.name),
		ext->name[0] ? ext->name : r->jump);
	if (ext->name[0]) {
		t->u.user.revision = ext->rev;
		memcpy((char *)t + head, ext->info, ext->size);
	}
	memset(x->mask + at, 0xff,
	       head + (ext->name[0] ? ext->user : XT_ALIGN(sizeof(int))));
}

static int legacy_entry_open(const struct rule *r, struct legacy_entry *x)
{
	size_t head = r->ip6 ? sizeof(struct ip6t_entry)
			     : sizeof(struct ipt_entry);
	size_t at = head, to = head;
	union xt_entry u;
	unsigned i;

	for (i = 0; i < r->n; i++)
		to += XT_ALIGN(sizeof(struct xt_entry_match)) +
		      r->match[i].size;
	x->size = to + legacy_target_size(r);
	x->e.any = calloc(1, x->size);
	x->mask = calloc(1, x->size);
	if (!x->e.any || !x->mask) {
		legacy_entry_close(x);
		return -ENOMEM;
	}
	xt_entry_fill(r, &u);
	memcpy(x->e.any, &u, head);
	memset(x->mask, 0xff, head);
	for (i = 0; i < r->n; i++) {
		legacy_put_match(x, at, &r->match[i]);
		at += XT_ALIGN(sizeof(struct xt_entry_match)) +
		      r->match[i].size;
	}
	legacy_put_target(x, to, r);
	if (r->ip6) {
		x->e.v6->target_offset = (uint16_t)to;
		x->e.v6->next_offset = (uint16_t)x->size;
		x->e.v6->counters.pcnt = r->packets;
		x->e.v6->counters.bcnt = r->bytes;
	} else {
		x->e.v4->target_offset = (uint16_t)to;
		x->e.v4->next_offset = (uint16_t)x->size;
		x->e.v4->counters.pcnt = r->packets;
		x->e.v4->counters.bcnt = r->bytes;
	}
	return 0;
}

/* --- both families by one name -------------------------------------------- */

static struct xtc_handle *legacy_init(bool ip6, const char *table)
{
	return ip6 ? ip6tc_init(table) : iptc_init(table);
}

static void legacy_close(struct legacy_table *t)
{
	rules_free(&t->was);
	if (t->h && t->ip6)
		ip6tc_free(t->h);
	else if (t->h)
		iptc_free(t->h);
}

static int legacy_is_chain(const struct legacy_table *t, const char *chain)
{
	return t->ip6 ? ip6tc_is_chain(chain, t->h)
		      : iptc_is_chain(chain, t->h);
}

static const char *legacy_first(const struct legacy_table *t)
{
	return t->ip6 ? ip6tc_first_chain(t->h) : iptc_first_chain(t->h);
}

static const char *legacy_next(const struct legacy_table *t)
{
	return t->ip6 ? ip6tc_next_chain(t->h) : iptc_next_chain(t->h);
}

static int legacy_put(const struct legacy_table *t, const struct rule *r,
		      const struct legacy_entry *x)
{
	unsigned at = r->num ? r->num - 1 : 0;

	if (r->verb == RULES_APPEND)
		return t->ip6 ? ip6tc_append_entry(r->chain, x->e.v6, t->h)
			      : iptc_append_entry(r->chain, x->e.v4, t->h);
	if (r->verb == RULES_REPLACE)
		return t->ip6 ? ip6tc_replace_entry(r->chain, x->e.v6, at, t->h)
			      : iptc_replace_entry(r->chain, x->e.v4, at, t->h);
	return t->ip6 ? ip6tc_insert_entry(r->chain, x->e.v6, at, t->h)
		      : iptc_insert_entry(r->chain, x->e.v4, at, t->h);
}

static int legacy_cut(const struct legacy_table *t, const struct rule *r,
		      const struct legacy_entry *x)
{
	if (r->verb == RULES_CHECK)
		return t->ip6 ? ip6tc_check_entry(r->chain, x->e.v6, x->mask,
						  t->h)
			      : iptc_check_entry(r->chain, x->e.v4, x->mask,
						 t->h);
	if (r->num)
		return t->ip6 ? ip6tc_delete_num_entry(r->chain, r->num - 1,
						       t->h)
			      : iptc_delete_num_entry(r->chain, r->num - 1,
						      t->h);
	return t->ip6 ? ip6tc_delete_entry(r->chain, x->e.v6, x->mask, t->h)
		      : iptc_delete_entry(r->chain, x->e.v4, x->mask, t->h);
}

/* Every chain emptied, then those removed that are not the table's own: a name
 * is good until the next change.
 */
static int legacy_clear(const struct legacy_table *t)
{
	const char *c;
	int ok = 1;

	for (c = legacy_first(t); ok && c; c = legacy_next(t))
		ok = t->ip6 ? ip6tc_flush_entries(c, t->h)
			    : iptc_flush_entries(c, t->h);
	for (c = legacy_first(t); ok && c;) {
		char name[RULES_CHAIN];

		if (rules_builtin(t->name, c)) {
			c = legacy_next(t);
			continue;
		}
		str_put(name, sizeof(name), c);
		ok = t->ip6 ? ip6tc_delete_chain(name, t->h)
			    : iptc_delete_chain(name, t->h);
		c = legacy_first(t);
	}
	return ok;
}

static int legacy_chain(const struct legacy_table *t, const struct rule *r)
{
	struct xt_counters count = { r->packets, r->bytes };
	const char *c = r->chain;

	switch ((enum rules_verb)r->verb) {
	case RULES_NEW:
		if (legacy_is_chain(t, c))
			return 1;
		return t->ip6 ? ip6tc_create_chain(c, t->h)
			      : iptc_create_chain(c, t->h);
	case RULES_EMPTY:
		if (!legacy_is_chain(t, c))
			return 1;
		return t->ip6 ? ip6tc_flush_entries(c, t->h)
			      : iptc_flush_entries(c, t->h);
	case RULES_REMOVE:
		if (!legacy_is_chain(t, c))
			return 1;
		return t->ip6 ? ip6tc_delete_chain(c, t->h)
			      : iptc_delete_chain(c, t->h);
	case RULES_POLICY:
		return t->ip6 ? ip6tc_set_policy(c, r->jump, &count, t->h)
			      : iptc_set_policy(c, r->jump, &count, t->h);
	case RULES_CLEAR:
		return legacy_clear(t);
	case RULES_APPEND:
	case RULES_INSERT:
	case RULES_REPLACE:
	case RULES_DELETE:
	case RULES_CHECK:
		break;
	}
	errno = EINVAL;
	return 0;
}

/* --- tables --------------------------------------------------------------- */

static int legacy_get(struct legacy *s, const struct rule *r,
		      struct legacy_table **out)
{
	struct legacy_table *t = s->v;

	for (; t < s->v + s->n; t++)
		if (t->ip6 == r->ip6 && !strcmp(t->name, r->table)) {
			*out = t;
			return 0;
		}
	if (s->n == LEGACY_TABLES)
		return -E2BIG;
	t->ip6 = r->ip6;
	strcpy(t->name, r->table);
	errno = 0;
	t->h = legacy_init(r->ip6, r->table);
	if (!t->h)
		return err_set(s->e, errno ? -errno : -EINVAL,
			       "ip%stables, legacy: table %s: %s",
			       r->ip6 ? "6" : "", r->table,
			       iptc_strerror(errno));
	s->n++;
	*out = t;
	return 0;
}

static int legacy_jump(const struct legacy_table *t, const struct rule *r,
		       struct err *e)
{
	static const char *const verdict[] = { "", "ACCEPT", "DROP", "RETURN" };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(verdict); i++)
		if (!strcmp(r->jump, verdict[i]))
			return 0;
	if (legacy_is_chain(t, r->jump))
		return 0;
	return err_set(e, -ENOENT,
		       "-j %s: not a target that this host knows, and there is "
		       "no such chain in table %s",
		       r->jump, r->table);
}

static int legacy_failed(const struct legacy *s, const struct rule *r)
{
	int rc = errno ? -errno : -EINVAL;

	if (rc == -ENOENT && r->verb == RULES_CHECK)
		return 1;
	if (rc == -ENOENT && r->verb == RULES_DELETE)
		return err_set(s->e, rc,
			       "there is no such rule in chain %s; "
			       "ip%stables-legacy -S %s lists what is",
			       r->chain, r->ip6 ? "6" : "", r->chain);
	return err_set(s->e, rc, "ip%stables, legacy: chain %s: %s",
		       r->ip6 ? "6" : "", r->chain, iptc_strerror(-rc));
}

static int legacy_rule(struct legacy *s, const struct legacy_table *t,
		       const struct rule *r)
{
	bool cut = r->verb == RULES_DELETE || r->verb == RULES_CHECK;
	struct legacy_entry x = { .size = 0 };
	int rc;

	if (!legacy_is_chain(t, r->chain))
		return r->verb == RULES_CHECK
			       ? 1
			       : err_set(s->e, -ENOENT,
					 "there is no chain %s in table %s; "
					 "make it with ip%stables-legacy -N %s",
					 r->chain, r->table, r->ip6 ? "6" : "",
					 r->chain);
	rc = cut ? 0 : legacy_jump(t, r, s->e);
	if (!rc)
		rc = legacy_entry_open(r, &x);
	if (rc)
		return rc;
	errno = 0;
	rc = cut ? legacy_cut(t, r, &x) : legacy_put(t, r, &x);
	rc = rc ? 0 : legacy_failed(s, r);
	legacy_entry_close(&x);
	return rc;
}

static int legacy_one(struct legacy *s, const struct rule *r)
{
	struct legacy_table *t = NULL;
	int rc = legacy_get(s, r, &t);

	if (rc)
		return rc;
	t->changed = t->changed || r->verb != RULES_CHECK;
	if (r->verb <= RULES_CHECK)
		return legacy_rule(s, t, r);
	errno = 0;
	return legacy_chain(t, r) ? 0 : legacy_failed(s, r);
}

static int legacy_commit_one(const struct legacy_table *t)
{
	errno = 0;
	if (t->ip6 ? ip6tc_commit(t->h) : iptc_commit(t->h))
		return 0;
	return errno ? -errno : -EINVAL;
}

/* What it held; chains first, which a rule of another may go to. */
static int legacy_fill(struct legacy *s, const struct legacy_table *t)
{
	struct rule clear = { .ip6 = t->ip6, .verb = RULES_CLEAR };
	size_t i;
	int rc;

	str_put(clear.table, sizeof(clear.table), t->name);
	rc = legacy_one(s, &clear);
	for (i = 0; !rc && i < t->was.n; i++)
		if (t->was.v[i].verb == RULES_NEW)
			rc = legacy_one(s, &t->was.v[i]);
	for (i = 0; !rc && i < t->was.n; i++)
		if (t->was.v[i].verb != RULES_NEW)
			rc = legacy_one(s, &t->was.v[i]);
	return rc;
}

static int legacy_back(const struct legacy_table *t)
{
	struct err no = { "" };
	struct legacy s = { .e = &no };
	int rc = legacy_fill(&s, t);

	if (!rc)
		rc = legacy_commit_one(&s.v[0]);
	if (s.n)
		legacy_close(&s.v[0]);
	return rc;
}

/* Those before the one that the kernel refused. */
static int legacy_all_back(struct legacy_table *const *t, unsigned n, int rc,
			   struct err *e)
{
	int back;

	err_set(e, rc, "ip%stables, legacy: the kernel refuses table %s: %s",
		t[n]->ip6 ? "6" : "", t[n]->name, iptc_strerror(-rc));
	while (n--) {
		back = legacy_back(t[n]);
		if (back)
			err_prefix(e,
				   "ip%stables, legacy: table %s was changed "
				   "and cannot be put back: %s",
				   t[n]->ip6 ? "6" : "", t[n]->name,
				   iptc_strerror(-back));
	}
	return rc;
}

/* No packet meets tables of both families: of those there is no order. */
static bool legacy_alone(const struct legacy *s, const struct legacy_table *t)
{
	const struct legacy_table *k;

	for (k = s->v; k < s->v + s->n; k++)
		if (k != t && k->changed && k->ip6 == t->ip6)
			return false;
	return true;
}

static int legacy_keep(const struct legacy *s, struct legacy_table *t)
{
	struct rules is = { 0 };
	int rc = rules_legacy_read(t->ip6, t->name, &t->was);

	if (rc || legacy_alone(s, t))
		return rc;
	rc = rules_legacy_of(t->h, t->ip6, t->name, &is);
	/* a rule that cannot be printed cannot be told from another */
	if (!rc && rules_change(&t->was, &is, &t->way))
		t->way = RULES_BOTH;
	rules_free(&is);
	return rc;
}

/* Those that change, in the order in which they are to. */
static int legacy_order(struct legacy *s, struct legacy_table **out)
{
	struct legacy_table *t;
	unsigned n = 0, way;
	int rc;

	for (t = s->v; t < s->v + s->n; t++)
		if (t->changed)
			out[n++] = t;
	if (n < 2)
		return (int)n;
	for (t = s->v; t < s->v + s->n; t++) {
		rc = t->changed ? legacy_keep(s, t) : 0;
		if (rc)
			return err_set(
				s->e, rc, "ip%stables, legacy: table %s: %s",
				t->ip6 ? "6" : "", t->name, strerror(-rc));
	}
	for (n = way = 0; way <= RULES_OPENS; way++)
		for (t = s->v; t < s->v + s->n; t++)
			if (t->changed && t->way == way)
				out[n++] = t;
	return (int)n;
}

static int legacy_commit(struct legacy *s)
{
	struct legacy_table *t[LEGACY_TABLES];
	int n = legacy_order(s, t), i, rc = 0;

	if (n < 0)
		return n;
	for (i = 0; !rc && i < n; i++) {
		rc = legacy_commit_one(t[i]);
		if (rc)
			legacy_all_back(t, (unsigned)i, rc, s->e);
	}
	return rc;
}

/* Waited for, not for ever: whoever holds it may be stuck. */
static int legacy_lock(struct err *e)
{
	const char *path = getenv("XTABLES_LOCKFILE");
	struct timespec nap = { 0, 20000000 };
	int fd, n, rc;

	path = path && *path ? path : "/run/xtables.lock";
	fd = open(path, O_CREAT | O_RDONLY | O_CLOEXEC, 0600);
	if (fd < 0)
		return err_set(e, -errno, "%s: %s", path, strerror(errno));
	for (n = 0; n < LEGACY_WAIT * 50; n++) {
		if (!flock(fd, LOCK_EX | LOCK_NB))
			return fd;
		if (errno != EWOULDBLOCK)
			break;
		nanosleep(&nap, NULL);
	}
	rc = err_set(e, -EBUSY,
		     "%s: another iptables has held the lock for %d s", path,
		     LEGACY_WAIT);
	close(fd);
	return rc;
}

int rules_legacy_do(const struct rules *rs, struct err *e)
{
	struct legacy s = { .e = e };
	int lock = legacy_lock(e), rc = 0;
	size_t i;

	if (lock < 0)
		return lock;
	for (i = 0; !rc && i < rs->n; i++) {
		rc = legacy_one(&s, &rs->v[i]);
		if (rc < 0)
			rules_place(rs, &rs->v[i], e);
	}
	if (!rc)
		rc = legacy_commit(&s);
	for (i = 0; i < s.n; i++)
		legacy_close(&s.v[i]);
	close(lock);
	return rc;
}

unsigned rules_legacy_count(bool ip6, const char *table)
{
	struct legacy_table t = { .ip6 = ip6, .h = legacy_init(ip6, table) };
	const char *chain;
	unsigned n = 0;

	if (!t.h)
		return 0;
	if (ip6) {
		const struct ip6t_entry *x;

		for (chain = ip6tc_first_chain(t.h); chain;
		     chain = ip6tc_next_chain(t.h))
			for (x = ip6tc_first_rule(chain, t.h); x;
			     x = ip6tc_next_rule(x, t.h))
				n++;
	} else {
		const struct ipt_entry *x;

		for (chain = iptc_first_chain(t.h); chain;
		     chain = iptc_next_chain(t.h))
			for (x = iptc_first_rule(chain, t.h); x;
			     x = iptc_next_rule(x, t.h))
				n++;
	}
	legacy_close(&t);
	return n;
}
