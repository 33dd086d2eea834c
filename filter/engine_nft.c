// SPDX-License-Identifier: GPL-2.0-or-later
/* engine_nft.c - engine vif: a table for each vif's files, on its own device
 *
 *   netdev table netrules-DEV: ingress -> FILE-from-guest ..,
 *                              egress -> FILE-to-guest ..
 *
 * The table's comment holds a sum of what it was made of, so that what is there
 * already is left alone, and one guest's change is one small table. Where a file
 * asks for a connection's state, inet table netback-state puts it into the mark
 * behind everything else that the host does with a packet (engine_state.c).
 */
#include "ruleset_own.h"

#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "engine_nft.h"
#include "guard.h"

enum { ENGINE_TEXT = 16384 };

static const char engine_config[] =
	"CONFIG_NF_TABLES_NETDEV and CONFIG_NETFILTER_EGRESS (Linux 5.16)";

static void engine_sum(struct engine_nft *x, const char *s)
{
	do {
		x->sum = (x->sum ^ (uint8_t)*s) * 0x100000001b3u;
	} while (*s++);
}

/* --- what is there -------------------------------------------------------- */

static int engine_comment_of(const struct nftnl_udata *u, void *data)
{
	char *sum = data;

	if (nftnl_udata_type(u) == NFTNL_UDATA_TABLE_COMMENT)
		str_fmt(sum, ENGINE_SUM, "%.*s", (int)nftnl_udata_len(u),
			(const char *)nftnl_udata_get(u));
	return 0;
}

static void engine_see_zone(struct engine_nft *x, const char *name)
{
	void *v = reallocarray(x->zone, x->nzone + 1, sizeof(*x->zone));

	if (!v)
		return;
	x->zone = v;
	if (!str_put(x->zone[x->nzone], sizeof(*x->zone), name))
		x->nzone++;
}

static int engine_see(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_table *t = nftnl_table_alloc();
	struct engine_nft *x = data;
	struct engine_old *o = NULL;
	const char *name;
	const void *udata;
	uint32_t len;

	if (!t || nftnl_table_nlmsg_parse(nlh, t) < 0)
		goto out;
	name = nftnl_table_get_str(t, NFTNL_TABLE_NAME);
	if (!strcmp(name, engine_state))
		x->state_there = true;
	if (!strncmp(name, ENGINE_ATTACH, strlen(ENGINE_ATTACH)))
		x->attached = true;
	if (!strncmp(name, ENGINE_ZONE, strlen(ENGINE_ZONE)))
		engine_see_zone(x, name);
	if (strncmp(name, x->prefix, strlen(x->prefix)) ||
	    strlen(name) >= GUARD_NAMED)
		goto out;
	o = reallocarray(x->old, x->nold + 1, sizeof(*o));
	if (!o)
		goto out;
	x->old = o;
	o += x->nold++;
	memset(o, 0, sizeof(*o));
	strcpy(o->table, name);
	udata = nftnl_table_get_data(t, NFTNL_TABLE_USERDATA, &len);
	if (udata)
		nftnl_udata_parse(udata, len, engine_comment_of, o->sum);
out:
	if (t)
		nftnl_table_free(t);
	return MNL_CB_OK;
}

static void engine_ask_name(struct nlmsghdr *nlh, const void *name)
{
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, name);
}

int engine_read_one(struct engine_nft *x, uint16_t family, const char *name)
{
	struct nft_ask a = { .type = NFT_MSG_GETTABLE,
			     .family = family,
			     .build = engine_ask_name,
			     .arg = name,
			     .each = engine_see,
			     .data = x };
	int rc = nft_ask(x->nft, &a);

	return rc == -ENOENT ? 0 : rc;
}

static int engine_old_cmp(const void *a, const void *b)
{
	return strcmp(((const struct engine_old *)a)->table,
		      ((const struct engine_old *)b)->table);
}

/* The vifs that files name, when they are few and none has a wildcard. */
static int engine_read_named(struct engine_nft *x,
			     const struct ruleset *const *s, size_t n)
{
	char table[GUARD_NAMED];
	size_t i, k;
	int rc = engine_read_one(x, NFPROTO_INET, engine_state);

	for (i = 0; !rc && i < n; i++)
		for (k = 0; !rc && k < s[i]->nvif; k++) {
			guard_named(x->prefix, s[i]->vif[k], table);
			rc = engine_read_one(x, NFPROTO_NETDEV, table);
		}
	return rc;
}

static bool engine_few(const struct ruleset *const *s, size_t n)
{
	size_t i, k, all = 0;

	for (i = 0; i < n; i++)
		for (k = 0; k < s[i]->nvif; k++, all++)
			if (strchr(s[i]->vif[k], '+'))
				return false;
	return all < 64;
}

static int engine_read(struct engine_nft *x, const struct ruleset *const *s,
		       size_t n, bool few)
{
	static const uint16_t family[] = { NFPROTO_NETDEV, NFPROTO_INET };
	unsigned i;
	int rc = few ? engine_read_named(x, s, n) : 0;

	for (i = 0; !few && !rc && i < ARRAY_SIZE(family); i++) {
		struct nft_ask a = { .type = NFT_MSG_GETTABLE,
				     .family = family[i],
				     .dump = true,
				     .each = engine_see,
				     .data = x };

		rc = nft_ask(x->nft, &a);
	}
	if (x->nold)
		qsort(x->old, x->nold, sizeof(*x->old), engine_old_cmp);
	return rc;
}

/* --- messages ------------------------------------------------------------- */

int engine_table_msg(struct engine_nft *x, uint16_t type, uint16_t family,
		     const char *name, const char *comment)
{
	struct nftnl_udata_buf *u = nftnl_udata_buf_alloc(256);
	struct nftnl_table *t = nftnl_table_alloc();
	struct nlmsghdr *nlh;
	int rc = -ENOMEM;

	if (!t || !u || nftnl_table_set_str(t, NFTNL_TABLE_NAME, name))
		goto out;
	if (comment &&
	    nftnl_udata_put_strz(u, NFTNL_UDATA_TABLE_COMMENT, comment))
		nftnl_table_set_data(t, NFTNL_TABLE_USERDATA,
				     nftnl_udata_buf_data(u),
				     nftnl_udata_buf_len(u));
	/* what has a comment is ours to fill: never what is there already */
	nlh = nft_batch_msg(x->b, type, family,
			    (type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0) |
				    (comment ? NLM_F_EXCL : 0),
			    "table %s", name);
	if (nlh)
		nftnl_table_nlmsg_build_payload(nlh, t);
	rc = 0;
out:
	if (t)
		nftnl_table_free(t);
	if (u)
		nftnl_udata_buf_free(u);
	return rc;
}

int engine_chain_msg(struct engine_nft *x, uint16_t family, const char *table,
		     const struct engine_chain *k)
{
	struct nftnl_chain *c = nftnl_chain_alloc();
	struct nlmsghdr *nlh;
	int rc = -ENOMEM;

	if (!c || nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, table) ||
	    nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, k->name) ||
	    (k->dev && nftnl_chain_set_str(c, NFTNL_CHAIN_DEV, k->dev)))
		goto out;
	if (k->base) {
		if (nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "filter"))
			goto out;
		nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, k->hook);
		nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, k->prio);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	}
	nlh = nft_batch_msg(x->b, NFT_MSG_NEWCHAIN, family, NLM_F_CREATE,
			    "table %s, chain %s", table, k->name);
	if (nlh)
		nftnl_chain_nlmsg_build_payload(nlh, c);
	rc = 0;
out:
	if (c)
		nftnl_chain_free(c);
	return rc;
}

void engine_rule_msg(struct engine_nft *x, uint16_t family,
		     const struct code *c)
{
	struct nlmsghdr *nlh;

	nlh = nft_batch_msg(x->b, NFT_MSG_NEWRULE, family,
			    NLM_F_CREATE | NLM_F_APPEND, "rule in table %s",
			    nftnl_rule_get_str(c->rule, NFTNL_RULE_TABLE));
	if (nlh)
		nftnl_rule_nlmsg_build_payload(nlh, c->rule);
}

int engine_rule_close(struct engine_nft *x, uint16_t family, struct code *c)
{
	int rc = c->failed ? -ENOMEM : 0;

	if (!rc)
		engine_rule_msg(x, family, c);
	code_close(c);
	return rc;
}

/* --- one vif -------------------------------------------------------------- */

static bool engine_for(const struct engine_nft *x, const struct ruleset *s)
{
	const char *dev = x->dev;
	size_t i;

	if (x->one)
		return true;
	for (i = 0; i < s->nvif; i++) {
		size_t n = strlen(s->vif[i]);

		if (s->vif[i][n - 1] == '+' ? !strncmp(s->vif[i], dev, n - 1)
					    : !strcmp(s->vif[i], dev))
			return true;
	}
	return false;
}

static int engine_each(struct code *c, void *arg)
{
	static char text[ENGINE_TEXT];
	struct engine_nft *x = arg;
	int rc;

	if (x->b) {
		code_comment(c, x->id);
		engine_rule_msg(x, NFPROTO_NETDEV, c);
		return c->failed ? -ENOMEM : 0;
	}
	engine_sum(x, x->id);
	engine_sum(x, nftnl_rule_get_str(c->rule, NFTNL_RULE_CHAIN));
	rc = code_text(c->rule, text, sizeof(text));
	if (rc >= 0)
		engine_sum(x, text);
	return rc < 0 ? rc : 0;
}

static int engine_file_head(struct engine_nft *x, const char *chain,
			    const char *to)
{
	struct code c;
	int rc = code_open(&c, NFPROTO_NETDEV, x->table, chain);

	if (rc)
		return rc;
	code_verdict(&c, NFT_JUMP, to);
	rc = c.failed ? -ENOMEM : engine_each(&c, x);
	code_close(&c);
	return rc;
}

/* Before all else: what hides from rules. */
static int engine_file_heads(struct engine_nft *x, const struct ruleset *s)
{
	static const char *const way[] = { "from-guest", "to-guest" };
	char chain[RULES_CHAIN], to[RULES_CHAIN];
	unsigned i, hides = engine_hides(s);
	int rc = 0;

	str_fmt(x->id, sizeof(x->id), "%s:hidden", s->name);
	str_fmt(to, sizeof(to), "%s-%s", s->name, ENGINE_HIDDEN);
	for (i = 0; hides && !rc && i < ARRAY_SIZE(way); i++) {
		str_fmt(chain, sizeof(chain), "%s-%s", s->name, way[i]);
		rc = engine_file_head(x, chain, to);
	}
	return rc ? rc : engine_hidden(hides, x->table, to, engine_each, x);
}

/* Twice: once to sum (x->b is NULL), once to write. */
static int engine_file_rules(struct engine_nft *x, const struct ruleset *s)
{
	size_t i;
	int rc = engine_file_heads(x, s);

	for (i = 0; !rc && i < s->rules.n; i++) {
		struct rule r = s->rules.v[i];

		str_fmt(r.chain, sizeof(r.chain), "%s-%s", s->name,
			s->rules.v[i].chain);
		if (r.jump[0] && strcmp(r.jump, "DROP") &&
		    strcmp(r.jump, "RETURN"))
			str_fmt(r.jump, sizeof(r.jump), "%s-%s", s->name,
				s->rules.v[i].jump);
		str_fmt(x->id, sizeof(x->id), "%s:%u", s->name, r.line);
		rc = engine_code(&r, x->table, engine_each, x, x->e);
	}
	return rc;
}

/* What names a chain in a file: first the two that always are, then each rule's
 * own and where it jumps.
 */
static const char *engine_chain_at(const struct ruleset *s, size_t i)
{
	if (i < 2)
		return i ? "to-guest" : "from-guest";
	return i % 2 ? s->rules.v[i / 2 - 1].jump : s->rules.v[i / 2 - 1].chain;
}

/* A chain that is made twice in a batch is changed, as far as the kernel sees: what
 * was is freed after an RCU grace period, and whoever made it waits for that.
 */
static bool engine_chain_new(const struct ruleset *s, size_t i)
{
	const char *own = engine_chain_at(s, i);
	size_t k;

	if (!*own || !strcmp(own, "DROP") || !strcmp(own, "RETURN"))
		return false;
	for (k = 0; k < i; k++)
		if (!strcmp(engine_chain_at(s, k), own))
			return false;
	return true;
}

static int engine_file_chains(struct engine_nft *x, const struct ruleset *s)
{
	char name[RULES_CHAIN];
	const struct engine_chain k = { .name = name };
	size_t i;
	int rc = 0;

	str_fmt(name, sizeof(name), "%s-%s", s->name, ENGINE_HIDDEN);
	if (engine_hides(s))
		rc = engine_chain_msg(x, NFPROTO_NETDEV, x->table, &k);
	for (i = 0; !rc && i < 2 * s->rules.n + 2; i++) {
		if (!engine_chain_new(s, i))
			continue;
		str_fmt(name, sizeof(name), "%s-%s", s->name,
			engine_chain_at(s, i));
		rc = engine_chain_msg(x, NFPROTO_NETDEV, x->table, &k);
	}
	return rc;
}

static int engine_jump(struct engine_nft *x, const char *chain, const char *to)
{
	struct code c;
	int rc = code_open(&c, NFPROTO_NETDEV, x->table, chain);

	if (rc)
		return rc;
	code_verdict(&c, NFT_JUMP, to);
	return engine_rule_close(x, NFPROTO_NETDEV, &c);
}

static int engine_write(struct engine_nft *x, const struct ruleset *const *s,
			size_t n)
{
	static const struct {
		const char *chain, *own;
		uint32_t hook;
	} way[] = { { "ingress", "from-guest", NF_NETDEV_INGRESS },
		    { "egress", "to-guest", NF_NETDEV_EGRESS } };
	char to[RULES_CHAIN];
	unsigned w;
	size_t i;
	int rc = 0;

	for (w = 0; !rc && w < ARRAY_SIZE(way); w++) {
		const struct engine_chain k = { way[w].chain, true, way[w].hook,
						x->prio, x->dev };

		rc = engine_chain_msg(x, NFPROTO_NETDEV, x->table, &k);
	}
	for (i = 0; !rc && i < n; i++)
		if (engine_for(x, s[i]))
			rc = engine_file_chains(x, s[i]);
	for (i = 0; !rc && i < n; i++)
		if (engine_for(x, s[i]))
			rc = engine_file_rules(x, s[i]);
	for (i = 0; !rc && i < 2 * n; i++) {
		if (!engine_for(x, s[i / 2]))
			continue;
		str_fmt(to, sizeof(to), "%s-%s", s[i / 2]->name,
			way[i % 2].own);
		rc = engine_jump(x, way[i % 2].chain, to);
	}
	return rc;
}

static struct engine_old *engine_find(const struct engine_nft *x,
				      const char *table)
{
	struct engine_old key = { .wanted = false };

	str_put(key.table, sizeof(key.table), table);
	return x->nold ? bsearch(&key, x->old, x->nold, sizeof(key),
				 engine_old_cmp)
		       : NULL;
}

static int engine_vif(struct engine_nft *x, const struct ruleset *const *s,
		      size_t n, const char *dev)
{
	struct nft_batch *b = x->b;
	struct engine_old *o;
	char sum[ENGINE_SUM];
	bool any = false;
	size_t i;
	int rc = 0;

	x->dev = dev;
	guard_named(x->prefix, dev, x->table);
	x->sum = 0xcbf29ce484222325u;
	x->b = NULL;
	for (i = 0; !rc && i < n; i++) {
		if (!engine_for(x, s[i]))
			continue;
		any = true;
		engine_sum(x, s[i]->name);
		rc = engine_file_rules(x, s[i]);
	}
	x->b = b;
	if (rc || !any)
		return rc;
	str_fmt(sum, sizeof(sum), "netback rules %016llx",
		(unsigned long long)x->sum);
	o = engine_find(x, x->table);
	if (o)
		o->wanted = true;
	if (o && !strcmp(o->sum, sum))
		return 0;
	x->made++;
	/* the generation says that what was read is still so */
	if (o)
		rc = engine_table_msg(x, NFT_MSG_DELTABLE, NFPROTO_NETDEV,
				      x->table, NULL);
	if (!rc)
		rc = engine_table_msg(x, NFT_MSG_NEWTABLE, NFPROTO_NETDEV,
				      x->table, sum);
	return rc ? rc : engine_write(x, s, n);
}

static bool engine_any_state(const struct ruleset *const *s, size_t n)
{
	size_t i, k;

	for (i = 0; i < n; i++)
		for (k = 0; k < s[i]->rules.n; k++)
			if (engine_stateful(&s[i]->rules.v[k]))
				return true;
	return false;
}

/* --- all of them ---------------------------------------------------------- */

/* Was vif m of file k named before? */
static bool engine_again(const struct ruleset *const *s, size_t k, size_t m)
{
	size_t i, j;

	for (i = 0; i <= k; i++)
		for (j = 0; j < (i < k ? s[i]->nvif : m); j++)
			if (!strcmp(s[i]->vif[j], s[k]->vif[m]))
				return true;
	return false;
}

static int engine_vifs(struct engine_nft *x, const struct ruleset *const *s,
		       size_t n, bool few)
{
	struct if_nameindex *v, *i;
	size_t k, m;
	int rc = 0;

	for (k = 0; few && k < n; k++)
		for (m = 0; !rc && m < s[k]->nvif; m++)
			if (!engine_again(s, k, m) &&
			    if_nametoindex(s[k]->vif[m]))
				rc = engine_vif(x, s, n, s[k]->vif[m]);
	if (few)
		return rc;
	v = if_nameindex();
	if (!v)
		return err_set(x->e, -errno, "the host's devices: %s",
			       strerror(errno));
	for (i = v; !rc && i->if_name; i++)
		rc = engine_vif(x, s, n, i->if_name);
	if_freenameindex(v);
	return rc;
}

static int engine_fill(struct engine_nft *x, const struct ruleset *const *s,
		       size_t n, bool remove)
{
	bool state = engine_any_state(s, n);
	size_t i;
	int rc = state ? engine_state_put(x) : 0;

	if (!rc && n)
		rc = engine_vifs(x, s, n, !remove && engine_few(s, n));
	for (i = 0; !rc && remove && i < x->nold; i++) {
		if (x->old[i].wanted)
			continue;
		x->gone++;
		rc = engine_table_msg(x, NFT_MSG_DELTABLE, NFPROTO_NETDEV,
				      x->old[i].table, NULL);
	}
	/* of engine iptables' files, too, which ask by themselves */
	if (rc || !remove || state || x->attached)
		return rc;
	if (x->state_there)
		rc = engine_table_msg(x, NFT_MSG_DELTABLE, NFPROTO_INET,
				      engine_state, NULL);
	for (i = 0; !rc && !x->zones && i < x->nzone; i++)
		rc = engine_table_msg(x, NFT_MSG_DELTABLE, NFPROTO_INET,
				      x->zone[i], NULL);
	return rc;
}

static int engine_once(struct engine_nft *x, const struct ruleset *const *s,
		       size_t n, bool remove)
{
	const char *what = "batch";
	uint32_t gen = 0;
	int rc = nft_gen(x->nft, &gen);

	if (!rc)
		rc = engine_read(x, s, n, !remove && engine_few(s, n));
	if (rc)
		return rc == -EINTR
			       ? rc
			       : nft_say(x->e, rc, "tables", engine_config);
	rc = nft_batch_open(&x->b, gen);
	if (!rc)
		rc = engine_fill(x, s, n, remove);
	if (!rc && nft_batch_count(x->b)) {
		rc = nft_batch_send(x->nft, x->b, &what);
		if (rc && rc != -ERESTART)
			rc = nft_say(x->e, rc, what, engine_config);
	}
	nft_batch_close(x->b);
	return rc;
}

int engine_apply(const struct ruleset *const *s, size_t n,
		 enum engine_remove remove, FILE *say, struct err *e)
{
	struct engine_nft x = { .e = e };
	unsigned i;
	int rc = -EINTR;

	for (i = 0; (rc == -EINTR || rc == -ERESTART) && i < NFT_TRIES; i++) {
		x = (struct engine_nft){ .prefix = ENGINE_RULES,
					 .prio = ENGINE_PRIO,
					 .zones = remove == ENGINE_OTHERS_ZONES,
					 .e = e };
		rc = nft_open(&x.nft, e);
		if (!rc)
			rc = engine_once(&x, s, n, remove);
		nft_close(x.nft);
		free(x.old);
		free(x.zone);
	}
	if (rc == -EINTR || rc == -ERESTART)
		rc = err_set(e, rc,
			     "others change the rules all the time; try again");
	if (!rc && say && (x.made || x.gone))
		fprintf(say, "vif tables: %u written, %u removed\n", x.made,
			x.gone);
	return rc;
}

/* --- what comes and goes with a vif --------------------------------------- */

static int engine_attach_once(struct engine_nft *x, const char *dev,
			      const struct ruleset *const *s, size_t n,
			      bool look)
{
	const char *what = "batch";
	uint32_t gen = 0;
	int rc = nft_gen(x->nft, &gen);

	guard_named(x->prefix, dev, x->table);
	if (!rc)
		rc = engine_read_one(x, NFPROTO_NETDEV, x->table);
	if (!rc)
		rc = engine_read_one(x, NFPROTO_INET, engine_state);
	if (rc)
		return rc == -EINTR
			       ? rc
			       : nft_say(x->e, rc, "tables", engine_config);
	rc = nft_batch_open(&x->b, gen);
	if (!rc && engine_any_state(s, n))
		rc = engine_state_put(x);
	if (!rc)
		rc = engine_vif(x, s, n, dev);
	if (!rc && look)
		rc = x->made != 0;
	else if (!rc && nft_batch_count(x->b)) {
		rc = nft_batch_send(x->nft, x->b, &what);
		if (rc && rc != -ERESTART)
			rc = nft_say(x->e, rc, what, engine_config);
	}
	nft_batch_close(x->b);
	return rc;
}

int engine_attach(const char *dev, const struct ruleset *const *s, size_t n,
		  bool look, struct err *e)
{
	unsigned i;
	int rc = -EINTR;

	for (i = 0; (rc == -EINTR || rc == -ERESTART) && i < NFT_TRIES; i++) {
		struct engine_nft x = { .prefix = ENGINE_ATTACH,
					.prio = ENGINE_PRIO_ATTACH,
					.one = true,
					.e = e };

		rc = nft_open(&x.nft, e);
		if (!rc)
			rc = engine_attach_once(&x, dev, s, n, look);
		nft_close(x.nft);
		free(x.old);
		free(x.zone);
	}
	if (rc == -EINTR || rc == -ERESTART)
		rc = err_set(e, rc,
			     "others change the rules all the time; try again");
	return rc;
}
