// SPDX-License-Identifier: GPL-2.0-or-later
/* explain_load.c - chains at once, rules and sets as they are met */
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "explain_rules.h"
#include "guard.h"

static void explain_chain_fill(struct explain_chain *c, struct nftnl_chain *n)
{
	const char *const *devs;

	c->family = (uint16_t)nftnl_chain_get_u32(n, NFTNL_CHAIN_FAMILY);
	str_put(c->table, sizeof(c->table),
		nftnl_chain_get_str(n, NFTNL_CHAIN_TABLE));
	str_put(c->name, sizeof(c->name),
		nftnl_chain_get_str(n, NFTNL_CHAIN_NAME));
	c->base = nftnl_chain_is_set(n, NFTNL_CHAIN_HOOKNUM);
	if (!c->base)
		return;
	c->hook = nftnl_chain_get_u32(n, NFTNL_CHAIN_HOOKNUM);
	c->prio = nftnl_chain_get_s32(n, NFTNL_CHAIN_PRIO);
	c->policy = nftnl_chain_get_u32(n, NFTNL_CHAIN_POLICY);
	if (nftnl_chain_is_set(n, NFTNL_CHAIN_DEV)) {
		str_put(c->dev, sizeof(c->dev),
			nftnl_chain_get_str(n, NFTNL_CHAIN_DEV));
	} else if (nftnl_chain_is_set(n, NFTNL_CHAIN_DEVICES)) {
		devs = nftnl_chain_get_array(n, NFTNL_CHAIN_DEVICES);
		if (devs && devs[0])
			str_put(c->dev, sizeof(c->dev), devs[0]);
	}
}

/* In a guard of another device, of which a host has as many as it has vifs. */
static bool explain_elsewhere(const struct explain_db *db,
			      const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *attr;
	bool elsewhere = false;
	char dev[IFNAMSIZ];

	if (g->nfgen_family != NFPROTO_NETDEV)
		return false;
	mnl_attr_for_each(attr, nlh, sizeof(*g))
	{
		/* which device that is for, its hook says */
		if (mnl_attr_get_type(attr) == NFTA_CHAIN_HOOK && db->dev[0])
			return false;
		if (mnl_attr_get_type(attr) == NFTA_CHAIN_TABLE &&
		    !mnl_attr_validate(attr, MNL_TYPE_NUL_STRING))
			elsewhere = !guard_device(mnl_attr_get_str(attr),
						  dev) &&
				    (!db->dev[0] || (strcmp(dev, db->dev[0]) &&
						     strcmp(dev, db->dev[1])));
	}
	return elsewhere;
}

struct explain_chain *explain_db_more(struct explain_db *db)
{
	unsigned room = db->room ? 2 * db->room : 256;
	struct explain_chain *v = db->chain;

	if (db->nchain == db->room) {
		if (room <= EXPLAIN_CHAINS)
			v = reallocarray(v, room, sizeof(*v));
		if (room > EXPLAIN_CHAINS || !v) {
			db->many = true;
			return NULL;
		}
		db->chain = v;
		db->room = room;
	}
	v = &db->chain[db->nchain];
	memset(v, 0, sizeof(*v));
	v->age = db->nchain++;
	return v;
}

static int explain_on_chain(const struct nlmsghdr *nlh, void *data)
{
	struct explain_db *db = data;
	struct explain_chain *c;
	struct nftnl_chain *n;

	if (explain_elsewhere(db, nlh))
		return MNL_CB_OK;
	n = nftnl_chain_alloc();
	if (n && !nftnl_chain_nlmsg_parse(nlh, n)) {
		c = explain_db_more(db);
		if (c)
			explain_chain_fill(c, n);
	}
	if (n)
		nftnl_chain_free(n);
	return MNL_CB_OK;
}

static int explain_by_prio(const void *a, const void *b)
{
	const struct explain_chain *x = a, *y = b;

	if (x->prio != y->prio)
		return x->prio < y->prio ? -1 : 1;
	return x->age > y->age ? -1 : x->age < y->age;
}

/* Those of one device stay in order: where they are is their order. */
static int explain_by_dev(const void *a, const void *b)
{
	const struct explain_chain *x = *(struct explain_chain *const *)a;
	const struct explain_chain *y = *(struct explain_chain *const *)b;
	int d = strcmp(x->dev, y->dev);

	return d ? d : (x > y) - (x < y);
}

static int explain_name_cmp(const struct explain_chain *x, uint16_t family,
			    const char *table, const char *name)
{
	int d = strcmp(x->name, name);

	if (!d)
		d = strcmp(x->table, table);
	return d ? d : (x->family > family) - (x->family < family);
}

static int explain_by_name(const void *a, const void *b)
{
	const struct explain_chain *y = *(struct explain_chain *const *)b;

	return explain_name_cmp(*(struct explain_chain *const *)a, y->family,
				y->table, y->name);
}

/* Of equal priority the kernel takes the younger first. It lists tables, and
 * chains of a table, by age.
 */
int explain_db_sort(struct explain_db *db)
{
	struct explain_chain **v = calloc(db->nchain + 1, 2 * sizeof(*v));
	unsigned i, dev;

	if (!v)
		return -ENOMEM;
	qsort(db->chain, db->nchain, sizeof(*db->chain), explain_by_prio);
	free(db->base);
	db->base = v;
	db->named = v + db->nchain;
	db->nbase = 0;
	for (dev = 0; dev < 2; dev++) {
		for (i = 0; i < db->nchain; i++)
			if (db->chain[i].base && !db->chain[i].dev[0] == !dev)
				v[db->nbase++] = &db->chain[i];
		db->nplain = dev ? db->nplain : db->nbase;
	}
	for (i = 0; i < db->nchain; i++)
		db->named[i] = &db->chain[i];
	qsort(v + db->nplain, db->nbase - db->nplain, sizeof(*v),
	      explain_by_dev);
	qsort(db->named, db->nchain, sizeof(*v), explain_by_name);
	return 0;
}

struct explain_chain *const *explain_db_base(const struct explain_db *db,
					     const char *dev, unsigned *n)
{
	unsigned from = db->nplain, to = db->nbase, at;

	*n = db->nplain;
	if (!dev)
		return db->base;
	while (from < to) { /* the first that is not before it */
		at = from + (to - from) / 2;
		if (strcmp(db->base[at]->dev, dev) < 0)
			from = at + 1;
		else
			to = at;
	}
	while (to < db->nbase && !strcmp(db->base[to]->dev, dev))
		to++;
	*n = to - from;
	return db->base + from;
}

int explain_db_changed(struct explain_chain *c, struct nftnl_rule *r, bool came)
{
	struct explain_changed *v = reallocarray(c->changed, c->nchanged + 1,
						 sizeof(*v));

	if (!v)
		return -ENOMEM;
	c->changed = v;
	v[c->nchanged++] = (struct explain_changed){ r, came };
	return 0;
}

int explain_db_empty(struct explain_db **out, struct err *e)
{
	struct explain_db *db = calloc(1, sizeof(*db));
	int rc;

	*out = NULL;
	if (!db)
		return err_set(e, -ENOMEM, "out of memory");
	rc = nft_open(&db->nft, e);
	if (rc)
		explain_db_close(db);
	else
		*out = db;
	return rc;
}

int explain_db_open(struct explain_db **out, const struct explain *x,
		    struct err *e)
{
	struct explain_db *db;
	struct nft_ask a = { .type = NFT_MSG_GETCHAIN,
			     .family = NFPROTO_UNSPEC,
			     .dump = true,
			     .each = explain_on_chain };
	int rc = explain_db_empty(&db, e);

	if (rc)
		return rc;
	a.data = db;
	db->dev[0] = x ? x->in : NULL;
	db->dev[1] = x ? x->out : NULL;
	rc = nft_ask(db->nft, &a);
	if (rc)
		nft_say(e, rc, "list of chains", "CONFIG_NF_TABLES");
	else if (db->many)
		rc = err_set(e, -E2BIG, "more than %d chains: too many to tell",
			     EXPLAIN_CHAINS);
	else if (explain_db_sort(db))
		rc = err_set(e, -ENOMEM, "out of memory");
	if (rc)
		explain_db_close(db);
	else
		*out = db;
	return rc;
}

static void explain_set_free(struct explain_set *s)
{
	if (s && s->set)
		nftnl_set_free(s->set);
	if (s && s->elems)
		nftnl_set_free(s->elems);
	free(s);
}

void explain_db_close(struct explain_db *db)
{
	unsigned i, k;

	if (!db)
		return;
	for (i = 0; db->chain && i < db->nchain; i++) {
		for (k = 0; k < db->chain[i].n; k++)
			if (db->chain[i].rule[k]) /* or taken over */
				nftnl_rule_free(db->chain[i].rule[k]);
		free(db->chain[i].rule);
		free(db->chain[i].changed);
	}
	for (i = 0; i < db->nset; i++)
		explain_set_free(db->set[i]);
	free(db->set);
	nft_close(db->nft);
	free(db->base); /* and named */
	free(db->chain);
	free(db);
}

struct explain_chain *explain_db_chain(struct explain_db *db, uint16_t family,
				       const char *table, const char *name)
{
	unsigned from = 0, to = db->nchain, at;
	int d;

	while (from < to) {
		at = from + (to - from) / 2;
		d = explain_name_cmp(db->named[at], family, table, name);
		if (!d)
			return db->named[at];
		if (d < 0)
			from = at + 1;
		else
			to = at;
	}
	return NULL;
}

/* Table and name under it; the attributes are 1 and 2 for rules and sets alike. */
struct explain_key {
	const char *table, *name;
};

static void explain_put_key(struct nlmsghdr *nlh, const void *arg)
{
	const struct explain_key *k = arg;

	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, k->table);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, k->name);
}

static int explain_on_rule(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_rule *r = nftnl_rule_alloc();
	struct explain_chain *c = data;
	void *more;

	if (!r || c->n == EXPLAIN_RULES || nftnl_rule_nlmsg_parse(nlh, r) ||
	    !nftnl_rule_is_set(r, NFTNL_RULE_CHAIN) ||
	    strcmp(nftnl_rule_get_str(r, NFTNL_RULE_CHAIN), c->name) ||
	    strcmp(nftnl_rule_get_str(r, NFTNL_RULE_TABLE), c->table))
		goto out;
	more = realloc(c->rule, (c->n + 1) * sizeof(*c->rule));
	if (!more)
		goto out;
	c->rule = more;
	c->rule[c->n++] = r;
	return MNL_CB_OK;
out:
	if (r)
		nftnl_rule_free(r);
	return MNL_CB_OK;
}

int explain_db_rules(struct explain_db *db, struct explain_chain *c)
{
	struct explain_key k = { c->table, c->name };
	struct nft_ask a = { .type = NFT_MSG_GETRULE,
			     .family = c->family,
			     .dump = true,
			     .build = explain_put_key,
			     .arg = &k,
			     .each = explain_on_rule,
			     .data = c };
	int rc = c->loaded ? 0 : nft_ask(db->nft, &a);

	c->loaded = !rc;
	return rc;
}

static int explain_on_set(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_set *n = nftnl_set_alloc();
	struct explain_set *s = data;

	if (n && !s->set && !nftnl_set_nlmsg_parse(nlh, n)) {
		s->set = n;
		s->flags = nftnl_set_get_u32(n, NFTNL_SET_FLAGS);
		if (nftnl_set_is_set(n, NFTNL_SET_DESC_SIZE))
			s->size = nftnl_set_get_u32(n, NFTNL_SET_DESC_SIZE);
		return MNL_CB_OK;
	}
	if (n)
		nftnl_set_free(n);
	return MNL_CB_OK;
}

static int explain_on_elems(const struct nlmsghdr *nlh, void *data)
{
	struct explain_set *s = data;

	if (!s->elems)
		s->elems = nftnl_set_alloc();
	if (s->elems)
		nftnl_set_elems_nlmsg_parse(nlh, s->elems);
	return MNL_CB_OK;
}

static int explain_count(struct nftnl_set_elem *x, void *data)
{
	struct explain_set *s = data;

	(void)x;
	s->nelem++;
	return 0;
}

/* One more, empty: NULL without memory. */
static struct explain_set *explain_set_new(struct explain_db *db)
{
	struct explain_set **v = reallocarray(db->set, db->nset + 1,
					      sizeof(*v));

	if (!v)
		return NULL;
	db->set = v;
	v[db->nset] = calloc(1, sizeof(**v));
	return v[db->nset];
}

static int explain_set_read(struct explain_db *db, struct explain_set *s)
{
	struct explain_key k = { s->table, s->name };
	struct nft_ask a = { .type = NFT_MSG_GETSET,
			     .family = s->family,
			     .build = explain_put_key,
			     .arg = &k,
			     .each = explain_on_set,
			     .data = s };
	int rc = nft_ask(db->nft, &a);

	if (rc || !s->set)
		return rc ? rc : -ENOENT;
	a.type = NFT_MSG_GETSETELEM;
	a.dump = true;
	a.each = explain_on_elems;
	rc = nft_ask(db->nft, &a);
	if (!rc && s->elems)
		nftnl_set_elem_foreach(s->elems, explain_count, s);
	return rc;
}

struct explain_set *explain_db_set(struct explain_db *db, uint16_t family,
				   const char *table, const char *name)
{
	struct explain_set *s;
	unsigned i;

	for (i = 0; i < db->nset; i++) {
		s = db->set[i];
		if (s->family == family && !strcmp(s->table, table) &&
		    !strcmp(s->name, name))
			return s;
	}
	s = explain_set_new(db);
	if (!s)
		return NULL;
	s->family = family;
	str_put(s->table, sizeof(s->table), table);
	str_put(s->name, sizeof(s->name), name);
	if (explain_set_read(db, s)) {
		explain_set_free(s);
		return NULL;
	}
	db->nset++;
	return s;
}
