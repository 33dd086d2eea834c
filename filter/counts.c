// SPDX-License-Identifier: GPL-2.0-or-later
/* counts.c - what guards and rules of files counted, for all vifs at once
 *
 * One question for the guards of all vifs, and one for each table of rules,
 * since a question for the rules of all would bring the guards' as well. The
 * answers are read as they are: building libnftnl's values of 20,000 rules would
 * take longer than the kernel does.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "engine_nft.h"
#include "filter.h"

static_assert((int)GUARD_COUNTERS <= (int)FILTER_REASONS, "all reasons fit");

struct counts {
	struct filter_counted *v;
	size_t n, room;
	bool no_memory;
};

static const char *counts_string(const struct nlattr *a)
{
	return mnl_attr_validate(a, MNL_TYPE_NUL_STRING) < 0
		       ? ""
		       : mnl_attr_get_str(a);
}

/* The packets and bytes of a counter, in its attributes. */
static void counts_read(const struct nlattr *data, uint64_t *packets,
			uint64_t *bytes)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, data)
	{
		if (mnl_attr_validate(a, MNL_TYPE_U64) < 0)
			continue;
		if (mnl_attr_get_type(a) == NFTA_COUNTER_PACKETS)
			*packets += be64toh(mnl_attr_get_u64(a));
		if (mnl_attr_get_type(a) == NFTA_COUNTER_BYTES)
			*bytes += be64toh(mnl_attr_get_u64(a));
	}
}

/* --- guards --------------------------------------------------------------- */

/* Those of one table come one after the other. */
static struct filter_counted *counts_of(struct counts *c, const char *dev)
{
	struct filter_counted *v = c->n ? &c->v[c->n - 1] : NULL;
	unsigned i;

	if (v && !strcmp(v->dev, dev))
		return v;
	if (c->n == c->room) {
		v = reallocarray(c->v, c->room ? 2 * c->room : 64, sizeof(*v));
		if (!v) {
			c->no_memory = true;
			return NULL;
		}
		c->v = v;
		c->room = c->room ? 2 * c->room : 64;
	}
	v = &c->v[c->n++];
	memset(v, 0, sizeof(*v));
	str_put(v->dev, sizeof(v->dev), dev);
	v->n = GUARD_COUNTERS;
	for (i = 0; i < GUARD_COUNTERS; i++) {
		v->v[i].reason = guard_counters[i] + strlen("drop_");
		v->v[i].to_guest = i == GUARD_DROP_OWN;
	}
	return v;
}

static int counts_on_object(const struct nlmsghdr *nlh, void *data)
{
	const char *table = "", *name = "";
	const struct nlattr *a, *count = NULL;
	struct filter_counted *v = NULL;
	char dev[IFNAMSIZ];
	unsigned i;

	mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg))
	{
		switch (mnl_attr_get_type(a)) {
		case NFTA_OBJ_TABLE:
			table = counts_string(a);
			break;
		case NFTA_OBJ_NAME:
			name = counts_string(a);
			break;
		case NFTA_OBJ_DATA:
			count = a;
			break;
		}
	}
	if (count && !guard_device(table, dev))
		v = counts_of(data, dev);
	for (i = 0; v && i < GUARD_COUNTERS; i++)
		if (!strcmp(name, guard_counters[i]))
			counts_read(count, &v->v[i].packets, &v->v[i].bytes);
	return MNL_CB_OK;
}

static void counts_put_objects(struct nlmsghdr *nlh, const void *table)
{
	if (table)
		mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, table);
	mnl_attr_put_u32(nlh, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
}

static int counts_say(int rc, struct err *e)
{
	if (rc == -ENOENT || rc == -EOPNOTSUPP)
		return 0; /* no nf_tables, or nothing in it */
	return rc ? err_set(e, rc, "counters: cannot read them: %s",
			    strerror(-rc))
		  : 0;
}

int filter_counts(const char *dev, struct filter_counted **out, struct err *e)
{
	struct counts c = { .n = 0 };
	char table[GUARD_NAME] = "";
	struct nft_ask a = { .type = NFT_MSG_GETOBJ,
			     .family = NFPROTO_NETDEV,
			     .dump = true,
			     .build = counts_put_objects,
			     .arg = dev ? table : NULL,
			     .each = counts_on_object,
			     .data = &c };
	struct nft *nft = NULL;
	unsigned i;
	int rc;

	*out = NULL;
	if (dev && guard_table(dev, table))
		return 0;
	rc = nft_open(&nft, e);
	if (rc)
		return rc;
	for (i = 0, rc = -EINTR; rc == -EINTR && i < NFT_TRIES; i++) {
		c.n = 0;
		rc = nft_ask(nft, &a);
	}
	nft_close(nft);
	rc = counts_say(c.no_memory ? -ENOMEM : rc, e);
	if (rc) {
		free(c.v);
		return rc;
	}
	*out = c.v;
	return (int)c.n;
}

/* --- rules of files ------------------------------------------------------- */

struct counts_rules {
	char table[GUARD_NAMED];
	char vif[IFNAMSIZ];
	struct ruleset_count *v;
	size_t n, room, most;
	size_t before; /* entries of other tables */
	size_t left;   /* rules for which there was no room */
	bool no_memory;
};

static int counts_on_comment(const struct nftnl_udata *u, void *data)
{
	if (nftnl_udata_type(u) == NFTNL_UDATA_RULE_COMMENT)
		str_fmt(data, RULESET_ID, "%.*s", (int)nftnl_udata_len(u),
			(const char *)nftnl_udata_get(u));
	return 0;
}

/* A rule's instructions: the one that counts. */
static bool counts_in_rule(const struct nlattr *list, struct ruleset_count *r)
{
	const struct nlattr *x, *a, *data;
	const char *name;
	bool any = false;

	mnl_attr_for_each_nested(x, list)
	{
		name = "";
		data = NULL;
		mnl_attr_for_each_nested(a, x)
		{
			if (mnl_attr_get_type(a) == NFTA_EXPR_NAME)
				name = counts_string(a);
			if (mnl_attr_get_type(a) == NFTA_EXPR_DATA)
				data = a;
		}
		if (data && !strcmp(name, "counter")) {
			counts_read(data, &r->packets, &r->bytes);
			any = true;
		}
	}
	return any;
}

/* A line of a file may have become several rules, one after the other. */
static void counts_add(struct counts_rules *c, const struct ruleset_count *r)
{
	struct ruleset_count *v = c->n > c->before ? &c->v[c->n - 1] : NULL;

	if (v && !strcmp(v->rule, r->rule) && !strcmp(v->way, r->way)) {
		v->packets += r->packets;
		v->bytes += r->bytes;
		return;
	}
	if (c->n >= c->most) {
		c->left++;
		return;
	}
	if (c->n == c->room) {
		v = reallocarray(c->v, c->room ? 2 * c->room : 64, sizeof(*v));
		if (!v) {
			c->no_memory = true;
			return;
		}
		c->v = v;
		c->room = c->room ? 2 * c->room : 64;
	}
	c->v[c->n++] = *r;
}

/* Chain FILE-from-guest of the rule FILE:LINE; chains of a file's own have other
 * names, and may be reached from both.
 */
static const char *counts_way(const char *chain, const char *rule)
{
	size_t n = strcspn(rule, ":");

	if (strncmp(chain, rule, n) || chain[n] != '-')
		return "both";
	return !strcmp(chain + n + 1, "from-guest") ? "from-guest"
	       : !strcmp(chain + n + 1, "to-guest") ? "to-guest"
						    : "both";
}

static int counts_on_rule(const struct nlmsghdr *nlh, void *data)
{
	struct ruleset_count r = { .vif = "" };
	struct counts_rules *c = data;
	const char *chain = "";
	const struct nlattr *a;
	bool any = false;

	mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg))
	{
		switch (mnl_attr_get_type(a)) {
		case NFTA_RULE_CHAIN:
			chain = counts_string(a);
			break;
		case NFTA_RULE_EXPRESSIONS:
			any = counts_in_rule(a, &r);
			break;
		case NFTA_RULE_USERDATA:
			nftnl_udata_parse(mnl_attr_get_payload(a),
					  mnl_attr_get_payload_len(a),
					  counts_on_comment, r.rule);
			break;
		}
	}
	if (!any || !r.rule[0])
		return MNL_CB_OK; /* our jumps do not count */
	r.way = counts_way(chain, r.rule);
	memcpy(r.vif, c->vif, sizeof(r.vif));
	counts_add(c, &r);
	return MNL_CB_OK;
}

static void counts_put_rules(struct nlmsghdr *nlh, const void *table)
{
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, table);
}

static int counts_table(struct nft *nft, struct counts_rules *c,
			const char *prefix, const char *vif)
{
	struct nft_ask a = { .type = NFT_MSG_GETRULE,
			     .family = NFPROTO_NETDEV,
			     .dump = true,
			     .build = counts_put_rules,
			     .arg = c->table,
			     .each = counts_on_rule,
			     .data = c };
	unsigned i;
	int rc = -EINTR;

	str_put(c->vif, sizeof(c->vif), vif);
	guard_named(prefix, vif, c->table);
	c->before = c->n;
	for (i = 0; rc == -EINTR && i < NFT_TRIES; i++) {
		c->n = c->before;
		rc = nft_ask(nft, &a);
	}
	return rc == -ENOENT || rc == -EOPNOTSUPP ? 0 : rc;
}

struct counts_names {
	struct {
		const char *prefix;
		char dev[IFNAMSIZ];
	} * v;
	size_t n;
};

/* Is it a table of a vif's rules? */
static const char *counts_prefix(const char *table, char dev[IFNAMSIZ])
{
	static const char *const prefix[] = { ENGINE_RULES, ENGINE_ATTACH };
	char name[GUARD_NAME];
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(prefix); i++)
		if (!strncmp(table, prefix[i], strlen(prefix[i])) &&
		    str_fmt(name, sizeof(name), "netback-%s",
			    table + strlen(prefix[i])) > 0 &&
		    !guard_device(name, dev))
			return prefix[i];
	return NULL;
}

static int counts_on_table(const struct nlmsghdr *nlh, void *data)
{
	struct counts_names *c = data;
	const struct nlattr *a;
	const char *prefix;
	char dev[IFNAMSIZ];
	void *v;

	mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) != NFTA_TABLE_NAME)
			continue;
		prefix = counts_prefix(counts_string(a), dev);
		if (!prefix)
			continue;
		v = reallocarray(c->v, c->n + 1, sizeof(*c->v));
		if (!v)
			return MNL_CB_ERROR;
		c->v = v;
		c->v[c->n].prefix = prefix;
		str_put(c->v[c->n++].dev, IFNAMSIZ, dev);
	}
	return MNL_CB_OK;
}

static int counts_tables(struct nft *nft, struct counts_names *names)
{
	struct nft_ask a = { .type = NFT_MSG_GETTABLE,
			     .family = NFPROTO_NETDEV,
			     .dump = true,
			     .each = counts_on_table,
			     .data = names };
	unsigned i;
	int rc = -EINTR;

	for (i = 0; rc == -EINTR && i < NFT_TRIES; i++) {
		names->n = 0;
		rc = nft_ask(nft, &a);
	}
	return rc;
}

int ruleset_counts(const char *vif, size_t most, struct ruleset_count **out,
		   size_t *left, struct err *e)
{
	struct counts_rules c = { .most = most };
	struct counts_names names = { .n = 0 };
	struct nft *nft = NULL;
	size_t i;
	int rc = nft_open(&nft, e);

	*out = NULL;
	if (rc)
		return rc;
	if (vif)
		rc = counts_table(nft, &c, ENGINE_RULES, vif);
	if (vif && !rc)
		rc = counts_table(nft, &c, ENGINE_ATTACH, vif);
	else if (!rc)
		rc = counts_tables(nft, &names);
	for (i = 0; !rc && i < names.n; i++)
		rc = counts_table(nft, &c, names.v[i].prefix, names.v[i].dev);
	nft_close(nft);
	free(names.v);
	rc = counts_say(c.no_memory ? -ENOMEM : rc, e);
	if (rc) {
		free(c.v);
		return rc;
	}
	*left = c.left;
	*out = c.v;
	return (int)c.n;
}
