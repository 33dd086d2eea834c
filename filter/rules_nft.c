// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_nft.c - rules into, and out of, iptables-nft's own tables
 *
 * What is there is read first (is there a chain? which handle has the rule?), so
 * the batch names the generation it was decided on, and all is done again when
 * that is no longer the kernel's. A chain is known as it will be after each
 * message of the batch: line 3 is line 3 after what the batch did before.
 */
#include "rules_own.h"

#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "nft.h"

enum { RULES_NFT_TEXT = 16384 };

static const char rules_nft_config[] =
	"CONFIG_NF_TABLES, CONFIG_NFT_COMPAT and the extensions that the rule "
	"names (CONFIG_NETFILTER_XT_MATCH_PHYSDEV ..)";

/* A rule of a chain: in the kernel (handle), or in this batch (id). */
struct rules_line {
	uint64_t handle;
	uint32_t id;
	char *text; /* its instructions */
};

struct rules_chain {
	bool ip6;
	char table[RULES_NAME], name[RULES_CHAIN];
	bool there, read; /* its lines were */
	struct rules_line *v;
	size_t n, room;
};

struct rules_nft {
	struct nft *nft;
	struct nft_batch *b;
	struct rules_chain *v; /* chains that were asked for */
	size_t n;
	char (*clear)[RULES_NAME +
		      1]; /* tables that were cleared: 4 or 6, name */
	size_t nclear;
	bool reads;  /* some rule needs to know the lines */
	uint32_t id; /* of the last new rule */
	struct err *e;
};

static uint16_t rules_nft_family(bool ip6)
{
	return ip6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
}

/* --- what is there -------------------------------------------------------- */

static void rules_nft_forget(struct rules_nft *s)
{
	size_t i, k;

	for (i = 0; i < s->n; i++) {
		for (k = 0; k < s->v[i].n; k++)
			free(s->v[i].v[k].text);
		free(s->v[i].v);
	}
	free(s->v);
	free(s->clear);
	s->v = NULL;
	s->clear = NULL;
	s->n = s->nclear = 0;
}

static bool rules_nft_cleared(const struct rules_nft *s, const struct rule *r)
{
	size_t i;

	for (i = 0; i < s->nclear; i++)
		if (s->clear[i][0] == (r->ip6 ? '6' : '4') &&
		    !strcmp(s->clear[i] + 1, r->table))
			return true;
	return false;
}

/* A line before line `at`; takes text. */
static int rules_line_put(struct rules_chain *c, size_t at,
			  const struct rules_line *line)
{
	if (c->n == c->room) {
		size_t room = c->room ? 2 * c->room : 16;
		struct rules_line *v = reallocarray(c->v, room, sizeof(*v));

		if (!v) {
			free(line->text);
			return -ENOMEM;
		}
		c->v = v;
		c->room = room;
	}
	memmove(c->v + at + 1, c->v + at, (c->n - at) * sizeof(*c->v));
	c->v[at] = *line;
	c->n++;
	return 0;
}

static void rules_line_cut(struct rules_chain *c, size_t at)
{
	free(c->v[at].text);
	c->n--;
	memmove(c->v + at, c->v + at + 1, (c->n - at) * sizeof(*c->v));
}

static void rules_nft_names(struct nlmsghdr *nlh, const void *arg)
{
	bool rules = (nlh->nlmsg_type & 0xff) == NFT_MSG_GETRULE;
	const struct rules_chain *c = arg;

	mnl_attr_put_strz(nlh, rules ? NFTA_RULE_TABLE : NFTA_CHAIN_TABLE,
			  c->table);
	mnl_attr_put_strz(nlh, rules ? NFTA_RULE_CHAIN : NFTA_CHAIN_NAME,
			  c->name);
}

static int rules_nft_see_chain(const struct nlmsghdr *nlh, void *data)
{
	struct rules_chain *c = data;

	(void)nlh;
	c->there = true;
	return MNL_CB_OK;
}

static int rules_nft_see_rule(const struct nlmsghdr *nlh, void *data)
{
	static char text[RULES_NFT_TEXT];
	struct rules_chain *c = data;
	struct nftnl_rule *r = nftnl_rule_alloc();
	struct rules_line line = { 0 };

	if (r && !nftnl_rule_nlmsg_parse(nlh, r)) {
		line.handle = nftnl_rule_get_u64(r, NFTNL_RULE_HANDLE);
		/* what is too long is nothing we ever look for */
		line.text = strdup(code_text(r, text, sizeof(text)) < 0 ? ""
									: text);
		rules_line_put(c, c->n, &line);
	}
	if (r)
		nftnl_rule_free(r);
	return MNL_CB_OK;
}

static int rules_nft_get(struct rules_nft *s, const struct rule *r,
			 const char *name, struct rules_chain **out)
{
	struct nft_ask a = { .type = NFT_MSG_GETCHAIN,
			     .family = rules_nft_family(r->ip6),
			     .build = rules_nft_names,
			     .each = rules_nft_see_chain };
	struct rules_chain *c;
	size_t i;
	int rc;

	for (i = 0; i < s->n; i++) {
		c = &s->v[i];
		if (c->ip6 == r->ip6 && !strcmp(c->name, name) &&
		    !strcmp(c->table, r->table)) {
			*out = c;
			return 0;
		}
	}
	c = reallocarray(s->v, s->n + 1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	s->v = c;
	c += s->n++;
	memset(c, 0, sizeof(*c));
	c->ip6 = r->ip6;
	strcpy(c->table, r->table);
	strcpy(c->name, name);
	a.arg = a.data = c;
	*out = c;
	if (rules_nft_cleared(s, r)) {
		c->read = true;
		return 0;
	}
	rc = nft_ask(s->nft, &a);
	return rc == -ENOENT ? 0 : rc;
}

static int rules_nft_lines(struct rules_nft *s, struct rules_chain *c)
{
	struct nft_ask a = { .type = NFT_MSG_GETRULE,
			     .family = rules_nft_family(c->ip6),
			     .dump = true,
			     .build = rules_nft_names,
			     .arg = c,
			     .each = rules_nft_see_rule,
			     .data = c };

	if (c->read || !c->there)
		return 0;
	c->read = true;
	return nft_ask(s->nft, &a);
}

/* --- chains --------------------------------------------------------------- */

struct rules_base {
	const char *table, *chain, *type;
	uint32_t hook;
	int32_t prio;
};

/* As iptables-nft makes them when they are needed. */
static const struct rules_base rules_bases[] = {
	{ "filter", "INPUT", "filter", NF_INET_LOCAL_IN, 0 },
	{ "filter", "FORWARD", "filter", NF_INET_FORWARD, 0 },
	{ "filter", "OUTPUT", "filter", NF_INET_LOCAL_OUT, 0 },
	{ "raw", "PREROUTING", "filter", NF_INET_PRE_ROUTING, -300 },
	{ "raw", "OUTPUT", "filter", NF_INET_LOCAL_OUT, -300 },
	{ "mangle", "PREROUTING", "filter", NF_INET_PRE_ROUTING, -150 },
	{ "mangle", "INPUT", "filter", NF_INET_LOCAL_IN, -150 },
	{ "mangle", "FORWARD", "filter", NF_INET_FORWARD, -150 },
	{ "mangle", "OUTPUT", "route", NF_INET_LOCAL_OUT, -150 },
	{ "mangle", "POSTROUTING", "filter", NF_INET_POST_ROUTING, -150 },
	{ "nat", "PREROUTING", "nat", NF_INET_PRE_ROUTING, -100 },
	{ "nat", "INPUT", "nat", NF_INET_LOCAL_IN, 100 },
	{ "nat", "OUTPUT", "nat", NF_INET_LOCAL_OUT, -100 },
	{ "nat", "POSTROUTING", "nat", NF_INET_POST_ROUTING, 100 },
	{ "security", "INPUT", "filter", NF_INET_LOCAL_IN, 50 },
	{ "security", "FORWARD", "filter", NF_INET_FORWARD, 50 },
	{ "security", "OUTPUT", "filter", NF_INET_LOCAL_OUT, 50 },
};

static const struct rules_base *rules_base_find(const char *table,
						const char *chain)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(rules_bases); i++)
		if (!strcmp(rules_bases[i].table, table) &&
		    !strcmp(rules_bases[i].chain, chain))
			return &rules_bases[i];
	return NULL;
}

bool rules_builtin(const char *table, const char *chain)
{
	return rules_base_find(table, chain) != NULL;
}

/* type: NFT_MSG_NEWCHAIN with base (NULL: a user's chain), or .._DELCHAIN. */
static int rules_nft_chain_msg(struct rules_nft *s, const struct rule *r,
			       uint16_t type, const struct rules_base *base)
{
	const char *fam = r->ip6 ? "ip6" : "ip";
	struct nftnl_chain *c = nftnl_chain_alloc();
	struct nlmsghdr *nlh;

	if (!c)
		return -ENOMEM;
	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, r->table);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, r->chain);
	if (base) {
		nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, base->type);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, base->hook);
		nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, base->prio);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY,
				    r->verb == RULES_POLICY &&
						    !strcmp(r->jump, "DROP")
					    ? NF_DROP
					    : NF_ACCEPT);
	}
	if (r->verb == RULES_POLICY) {
		nftnl_chain_set_u64(c, NFTNL_CHAIN_PACKETS, r->packets);
		nftnl_chain_set_u64(c, NFTNL_CHAIN_BYTES, r->bytes);
	}
	nlh = nft_batch_msg(s->b, type, rules_nft_family(r->ip6),
			    type == NFT_MSG_NEWCHAIN ? NLM_F_CREATE : 0,
			    "chain %s of table %s %s", r->chain, fam, r->table);
	if (nlh)
		nftnl_chain_nlmsg_build_payload(nlh, c);
	nftnl_chain_free(c);
	return 0;
}

static int rules_nft_table_msg(struct rules_nft *s, const struct rule *r,
			       uint16_t type)
{
	struct nftnl_table *t = nftnl_table_alloc();
	struct nlmsghdr *nlh;

	if (!t)
		return -ENOMEM;
	nftnl_table_set_str(t, NFTNL_TABLE_NAME, r->table);
	nlh = nft_batch_msg(s->b, type, rules_nft_family(r->ip6),
			    type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0,
			    "table %s %s", r->ip6 ? "ip6" : "ip", r->table);
	if (nlh)
		nftnl_table_nlmsg_build_payload(nlh, t);
	nftnl_table_free(t);
	return 0;
}

static int rules_nft_make(struct rules_nft *s, const struct rule *r,
			  struct rules_chain *c)
{
	const struct rules_base *base = rules_base_find(r->table, r->chain);
	int rc = rules_nft_table_msg(s, r, NFT_MSG_NEWTABLE);

	if (!rc)
		rc = rules_nft_chain_msg(s, r, NFT_MSG_NEWCHAIN, base);
	c->read |= !c->there;
	c->there = true;
	return rc;
}

/* As iptables-restore without -n: the table goes, and with it what it held. */
static int rules_nft_clear(struct rules_nft *s, const struct rule *r)
{
	char(*more)[RULES_NAME + 1];
	size_t i;
	int rc = rules_nft_table_msg(s, r, NFT_MSG_NEWTABLE);

	if (!rc)
		rc = rules_nft_table_msg(s, r, NFT_MSG_DELTABLE);
	more = reallocarray(s->clear, s->nclear + 1, sizeof(*more));
	if (!more)
		return -ENOMEM;
	s->clear = more;
	more[s->nclear][0] = r->ip6 ? '6' : '4';
	strcpy(more[s->nclear++] + 1, r->table);
	for (i = 0; i < s->n; i++) {
		struct rules_chain *c = &s->v[i];

		if (c->ip6 != r->ip6 || strcmp(c->table, r->table))
			continue;
		while (c->n)
			rules_line_cut(c, c->n - 1);
		c->there = false;
		c->read = true;
	}
	return rc;
}

/* The chain of a rule: a base chain is made, any other must be there. */
static int rules_nft_need(struct rules_nft *s, const struct rule *r,
			  struct rules_chain *c)
{
	if (c->there)
		return 0;
	if (rules_builtin(r->table, r->chain))
		return rules_nft_make(s, r, c);
	return err_set(s->e, -ENOENT,
		       "there is no chain %s in table %s; make it with "
		       "ip%stables -N %s",
		       r->chain, r->table, r->ip6 ? "6" : "", r->chain);
}

static int rules_nft_jump(struct rules_nft *s, const struct rule *r)
{
	static const char *const verdict[] = { "", "ACCEPT", "DROP", "RETURN" };
	struct rules_chain *c;
	unsigned i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(verdict); i++)
		if (!strcmp(r->jump, verdict[i]))
			return 0;
	rc = rules_nft_get(s, r, r->jump, &c);
	if (rc || c->there)
		return rc;
	return err_set(s->e, -ENOENT,
		       "-j %s: not a target that this host knows, and there is "
		       "no such chain in table %s",
		       r->jump, r->table);
}

/* --- rules ---------------------------------------------------------------- */

/* Which rule a message is about, or stands before: by handle or by id. */
static void rules_nft_point(struct nftnl_rule *rule,
			    const struct rules_line *line, bool before)
{
	if (line->handle)
		nftnl_rule_set_u64(
			rule, before ? NFTNL_RULE_POSITION : NFTNL_RULE_HANDLE,
			line->handle);
	else
		nftnl_rule_set_u32(
			rule, before ? NFTNL_RULE_POSITION_ID : NFTNL_RULE_ID,
			line->id);
}

/* The kernel answers when all is read: then only the message's words are left. */
static const char *rules_nft_line(const struct rule *r, char *buf, size_t size)
{
	buf[0] = '\0';
	if (r->line)
		str_fmt(buf, size, "line %u, ", r->line);
	return buf;
}

static void rules_nft_msg(struct rules_nft *s, const struct rule *r,
			  const struct nftnl_rule *rule, uint16_t type,
			  uint16_t flags)
{
	const char *t = r->target.name[0] ? r->target.name : r->jump;
	struct nlmsghdr *nlh;
	char at[24];

	nlh = nft_batch_msg(
		s->b, type, rules_nft_family(r->ip6), flags,
		"%srule in chain %s%s%s%s%s", rules_nft_line(r, at, sizeof(at)),
		r->chain, r->n ? ", match " : "",
		r->n ? r->match[r->n - 1].name : "", *t ? ", target " : "", t);
	if (nlh)
		nftnl_rule_nlmsg_build_payload(nlh, (struct nftnl_rule *)rule);
}

static int rules_nft_cut(struct rules_nft *s, const struct rule *r,
			 struct rules_chain *c, size_t at)
{
	struct code k;
	int rc = code_open(&k, rules_nft_family(r->ip6), r->table, r->chain);

	if (rc)
		return rc;
	rules_nft_point(k.rule, &c->v[at], false);
	rules_nft_msg(s, r, k.rule, NFT_MSG_DELRULE, 0);
	code_close(&k);
	rules_line_cut(c, at);
	return 0;
}

/* Before line `at`, at the end, or (at 0) before all. */
static int rules_nft_put(struct rules_nft *s, const struct rule *r,
			 struct rules_chain *c, size_t at)
{
	bool end = r->verb == RULES_APPEND || (at && at >= c->n);
	struct rules_line line = { .id = ++s->id };
	static char text[RULES_NFT_TEXT];
	struct code k;
	int rc = rules_code(r, &k);

	if (rc)
		return rc;
	nftnl_rule_set_u32(k.rule, NFTNL_RULE_ID, line.id);
	if (at && !end)
		rules_nft_point(k.rule, &c->v[at], true);
	rules_nft_msg(s, r, k.rule, NFT_MSG_NEWRULE,
		      NLM_F_CREATE | (end ? NLM_F_APPEND : 0));
	if (c->read && s->reads) {
		rc = code_text(k.rule, text, sizeof(text));
		line.text = rc < 0 ? NULL : strdup(text);
		rc = line.text ? rules_line_put(c, end ? c->n : at, &line)
			       : -ENOMEM;
	}
	code_close(&k);
	return rc < 0 ? rc : 0;
}

/* The line of an equal rule, or of the number that was said. */
static int rules_nft_find(struct rules_nft *s, const struct rule *r,
			  const struct rules_chain *c, size_t *at)
{
	static char text[RULES_NFT_TEXT];
	struct code k;
	size_t i;
	int rc;

	if (r->num) {
		*at = r->num - 1;
		return *at < c->n ? 0
				  : err_set(s->e, -ENOENT,
					    "chain %s has %zu rules, not %u",
					    r->chain, c->n, r->num);
	}
	rc = rules_code(r, &k);
	if (rc)
		return rc;
	rc = code_text(k.rule, text, sizeof(text));
	code_close(&k);
	if (rc < 0)
		return err_set(s->e, rc, "the rule is too long");
	for (i = 0; i < c->n; i++)
		if (!strcmp(c->v[i].text, text)) {
			*at = i;
			return 0;
		}
	return err_set(s->e, -ENOENT,
		       "there is no such rule in chain %s; ip%stables -S %s "
		       "lists what is",
		       r->chain, r->ip6 ? "6" : "", r->chain);
}

static int rules_nft_insert(struct rules_nft *s, const struct rule *r,
			    struct rules_chain *c)
{
	if (r->num > 1 && r->num - 1 > c->n)
		return err_set(s->e, -ENOENT,
			       "-I %s %u: the chain has %zu rules", r->chain,
			       r->num, c->n);
	return rules_nft_put(s, r, c, r->num ? r->num - 1 : 0);
}

static int rules_nft_replace(struct rules_nft *s, const struct rule *r,
			     struct rules_chain *c)
{
	size_t at;
	int rc = rules_nft_find(s, r, c, &at);

	if (!rc)
		rc = rules_nft_put(s, r, c, at);
	/* before the line as it was; if that was the last, so be it */
	return rc ? rc : rules_nft_cut(s, r, c, at + 1);
}

static int rules_nft_delete(struct rules_nft *s, const struct rule *r,
			    struct rules_chain *c)
{
	size_t at;
	int rc = rules_nft_find(s, r, c, &at);

	return rc ? rc : rules_nft_cut(s, r, c, at);
}

static int rules_nft_empty(struct rules_nft *s, const struct rule *r,
			   struct rules_chain *c)
{
	struct code k;
	int rc;

	if (!c->there)
		return 0;
	rc = code_open(&k, rules_nft_family(r->ip6), r->table, r->chain);
	if (rc)
		return rc;
	rules_nft_msg(s, r, k.rule, NFT_MSG_DELRULE, 0);
	code_close(&k);
	while (c->n)
		rules_line_cut(c, c->n - 1);
	c->read = true;
	return 0;
}

static int rules_nft_remove(struct rules_nft *s, const struct rule *r,
			    struct rules_chain *c)
{
	int rc = c->there ? rules_nft_chain_msg(s, r, NFT_MSG_DELCHAIN, NULL)
			  : 0;

	c->there = false;
	return rc;
}

static bool rules_nft_reads(const struct rule *r)
{
	return r->verb == RULES_DELETE || r->verb == RULES_CHECK ||
	       r->verb == RULES_REPLACE ||
	       (r->verb == RULES_INSERT && r->num > 1);
}

static int rules_nft_one(struct rules_nft *s, const struct rule *r)
{
	struct rules_chain *c;
	size_t at;
	int rc;

	if (r->verb == RULES_CLEAR)
		return rules_nft_clear(s, r);
	rc = rules_nft_get(s, r, r->chain, &c);
	if (!rc && rules_nft_reads(r))
		rc = rules_nft_lines(s, c);
	if (!rc && r->verb <= RULES_REPLACE && r->verb != RULES_DELETE) {
		rc = rules_nft_jump(s, r);
		/* that may have moved the array of chains */
		if (!rc)
			rc = rules_nft_get(s, r, r->chain, &c);
	}
	if (!rc && (r->verb == RULES_APPEND || r->verb == RULES_INSERT))
		rc = rules_nft_need(s, r, c);
	if (rc)
		return rc;
	switch ((enum rules_verb)r->verb) {
	case RULES_APPEND:
		return rules_nft_put(s, r, c, c->n);
	case RULES_INSERT:
		return rules_nft_insert(s, r, c);
	case RULES_DELETE:
		return rules_nft_delete(s, r, c);
	case RULES_REPLACE:
		return rules_nft_replace(s, r, c);
	case RULES_CHECK:
		return rules_nft_find(s, r, c, &at);
	case RULES_NEW:
		return c->there ? 0 : rules_nft_make(s, r, c);
	case RULES_EMPTY:
		return rules_nft_empty(s, r, c);
	case RULES_REMOVE:
		return rules_nft_remove(s, r, c);
	case RULES_POLICY:
		return rules_nft_make(s, r, c);
	case RULES_CLEAR:
		break;
	}
	return -EINVAL;
}

/* --- all of them ---------------------------------------------------------- */

static int rules_nft_fill(struct rules_nft *s, const struct rules *rs)
{
	size_t i;
	int rc = 0;

	for (i = 0; i < rs->n; i++)
		s->reads |= rules_nft_reads(&rs->v[i]);
	for (i = 0; !rc && i < rs->n; i++) {
		rc = rules_nft_one(s, &rs->v[i]);
		if (rs->v[i].verb == RULES_CHECK && rc == -ENOENT)
			return 1;
		if (rc && s->e && s->e->text[0])
			rules_place(rs, &rs->v[i], s->e);
	}
	if (rc && rc != -EINTR && s->e && !s->e->text[0])
		rc = nft_say(s->e, rc, "reading the rules", rules_nft_config);
	return rc;
}

static bool rules_nft_changes(const struct rules *rs)
{
	size_t i;

	for (i = 0; i < rs->n; i++)
		if (rs->v[i].verb != RULES_CHECK)
			return true;
	return false;
}

/* -ERESTART or -EINTR: somebody else changed rules meanwhile; again. */
static int rules_nft_once(struct rules_nft *s, const struct rules *rs)
{
	const char *what = "batch";
	uint32_t gen;
	int rc = nft_gen(s->nft, &gen);

	if (rc)
		return nft_say(s->e, rc, "generation", rules_nft_config);
	rc = nft_batch_open(&s->b, gen);
	if (!rc)
		rc = rules_nft_fill(s, rs);
	if (!rc && rules_nft_changes(rs) && nft_batch_count(s->b)) {
		rc = nft_batch_send(s->nft, s->b, &what);
		if (rc && rc != -ERESTART)
			rc = nft_say(s->e, rc, what, rules_nft_config);
	}
	nft_batch_close(s->b);
	s->b = NULL;
	rules_nft_forget(s);
	return rc;
}

int rules_nft_do(const struct rules *rs, struct err *e)
{
	struct err own = { "" };
	struct rules_nft s = { .e = e ? e : &own };
	unsigned i;
	int rc = -EINTR;

	for (i = 0; (rc == -EINTR || rc == -ERESTART) && i < NFT_TRIES; i++) {
		s.nft = NULL;
		s.e->text[0] = '\0';
		rc = nft_open(&s.nft, e);
		if (!rc)
			rc = rules_nft_once(&s, rs);
		nft_close(s.nft);
	}
	if (rc == -EINTR || rc == -ERESTART)
		rc = err_set(e, rc,
			     "others change the rules all the time; try again");
	return rc;
}
