// SPDX-License-Identifier: GPL-2.0-or-later
/* explain_legacy.c - tables of iptables' legacy variant, beside those of nf_tables
 *
 * Their rules are written as the other variant of iptables would write them, and
 * evaluated as all others. A chain's table is called legacy:TABLE, which no table of
 * nf_tables can be, and a rule by its number in its chain. Table nat is left out as
 * all NAT is.
 */
/* before linux/netfilter.h, which has the same structs */
#include "rules_own.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "accept.h"
#include "base/num.h"
#include "explain_rules.h"

/* Where the kernel registers them: NF_IP_PRI_RAW .. */
static const struct {
	const char *table;
	int32_t prio;
} explain_tables[] = {
	{ "raw", -300 },
	{ "mangle", -150 },
	{ "filter", 0 },
	{ "security", 50 },
};

static const struct {
	const char *chain;
	uint32_t hook;
} explain_hooks[] = {
	{ "PREROUTING", NF_INET_PRE_ROUTING },
	{ "INPUT", NF_INET_LOCAL_IN },
	{ "FORWARD", NF_INET_FORWARD },
	{ "OUTPUT", NF_INET_LOCAL_OUT },
	{ "POSTROUTING", NF_INET_POST_ROUTING },
};

static struct explain_chain *
explain_legacy_chain(struct explain_db *db, const struct rule *r, int32_t prio)
{
	struct explain_chain *c = explain_db_more(db);
	unsigned i;

	if (!c)
		return NULL;
	c->family = r->ip6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	c->loaded = true;
	str_fmt(c->table, sizeof(c->table), EXPLAIN_LEGACY "%s", r->table);
	str_put(c->name, sizeof(c->name), r->chain);
	for (i = 0; i < ARRAY_SIZE(explain_hooks); i++) {
		if (!rules_builtin(r->table, r->chain) ||
		    strcmp(explain_hooks[i].chain, r->chain))
			continue;
		c->base = true;
		c->hook = explain_hooks[i].hook;
		c->prio = prio;
		c->policy = NF_ACCEPT;
	}
	return c;
}

static int explain_legacy_rule(struct explain_chain *c, const struct rule *r)
{
	struct nftnl_rule **more;
	struct code k;
	int rc;

	if (c->n == EXPLAIN_RULES)
		return 0; /* as of those of nf_tables */
	more = reallocarray(c->rule, c->n + 1, sizeof(*c->rule));
	if (!more)
		return -ENOMEM;
	c->rule = more;
	rc = rules_code(r, &k);
	if (rc)
		return rc;
	nftnl_rule_set_u64(k.rule, NFTNL_RULE_HANDLE, r->num);
	c->rule[c->n++] = k.rule; /* k's only content */
	return 0;
}

static int explain_legacy_table(struct explain_db *db, bool ip6,
				const char *table, int32_t prio)
{
	struct explain_chain *c = NULL;
	struct rules rs = { .n = 0 };
	int rc = rules_legacy_read(ip6, table, &rs);
	size_t i;

	for (i = 0; !rc && i < rs.n; i++) {
		const struct rule *r = &rs.v[i];

		if (r->verb == RULES_NEW)
			c = explain_legacy_chain(db, r, prio);
		if (!c)
			break;
		if (r->verb == RULES_POLICY && !strcmp(r->jump, "DROP"))
			c->policy = NF_DROP;
		if (r->verb == RULES_APPEND)
			rc = explain_legacy_rule(c, r);
	}
	rules_free(&rs);
	return rc;
}

int explain_legacy(struct explain_db *db, struct err *e)
{
	unsigned i;
	int rc = 0;

	for (i = 0; !rc && i < 2 * ARRAY_SIZE(explain_tables); i++) {
		const char *table = explain_tables[i / 2].table;
		bool ip6 = i % 2;

		if (!accept_legacy_there(ip6, table))
			continue;
		rc = explain_legacy_table(db, ip6, table,
					  explain_tables[i / 2].prio);
		if (rc)
			rc = err_set(e, rc,
				     "ip%stables-legacy: cannot read table "
				     "%s: %s",
				     ip6 ? "6" : "", table, strerror(-rc));
	}
	if (!rc && db->many)
		rc = err_set(e, -E2BIG, "more than %d chains: too many to tell",
			     EXPLAIN_CHAINS);
	if (!rc && explain_db_sort(db))
		rc = err_set(e, -ENOMEM, "out of memory");
	return rc;
}

int explain_run(const struct explain *x, FILE *out, struct err *e)
{
	struct explain_db *db;
	int rc = explain_db_open(&db, x, e);

	if (rc)
		return rc;
	rc = explain_legacy(db, e);
	if (!rc)
		rc = explain_frame(db, x, out, e);
	explain_db_close(db);
	return rc;
}
