// SPDX-License-Identifier: GPL-2.0-or-later
/* guard_check.c - the guard compared with what the kernel has */
#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

#include "code.h"
#include "guard_nft.h"
#include "nft.h"

enum { GUARD_NFT_TEXT = 2048 /* one rule's instructions */ };

struct guard_nft_seen {
	const struct guard *g;
	FILE *out;
	unsigned chain;	  /* whose rules are being listed */
	unsigned at;	  /* next rule of the guard to compare */
	unsigned found;	  /* set elements that are ours */
	unsigned strange; /* .. and that are not */
	unsigned differ;  /* lines written */
	uint32_t use;	  /* objects in the table */
	bool hook;	  /* the base chain is as we write it */
	uint32_t want;	  /* .. on this hook */
	enum guard_set set;
};

static void guard_nft_differ(struct guard_nft_seen *s, const char *what,
			     const char *name)
{
	s->differ++;
	if (s->out)
		fprintf(s->out, "%s: guard: %s%s\n", s->g->dev, what, name);
}

/* A note that nft(8) leaves alone: of no type that it knows. */
static const uint8_t guard_nft_noted[] = { 'N', 1, 1 };

void guard_nft_put_note(struct nftnl_table *t)
{
	nftnl_table_set_data(t, NFTNL_TABLE_USERDATA, guard_nft_noted,
			     sizeof(guard_nft_noted));
}

static bool guard_nft_note(const struct nftnl_table *t)
{
	uint32_t len = 0;
	const void *v = nftnl_table_get_data((struct nftnl_table *)t,
					     NFTNL_TABLE_USERDATA, &len);

	return v && len == sizeof(guard_nft_noted) &&
	       !memcmp(v, guard_nft_noted, len);
}

/* Into a bool: has that table of the kernel's the note? */
static int guard_nft_see_note(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_table *t = nftnl_table_alloc();

	if (t && !nftnl_table_nlmsg_parse(nlh, t))
		*(bool *)data = guard_nft_note(t);
	if (t)
		nftnl_table_free(t);
	return MNL_CB_OK;
}

static void guard_nft_put_name(struct nlmsghdr *nlh, const void *table)
{
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, table);
}

int guard_nft_there(struct nft *nft, const char *table, bool *note)
{
	struct nft_ask a = { .type = NFT_MSG_GETTABLE,
			     .family = NFPROTO_NETDEV,
			     .build = guard_nft_put_name,
			     .arg = table,
			     .each = guard_nft_see_note,
			     .data = note };

	int rc;

	*note = false;
	rc = nft_ask(nft, &a);
	return rc == -EINVAL || rc == -EOPNOTSUPP ? -ENOENT : rc;
}

static int guard_nft_see_table(const struct nlmsghdr *nlh, void *data)
{
	struct guard_nft_seen *s = data;
	struct nftnl_table *t = nftnl_table_alloc();

	if (t && !nftnl_table_nlmsg_parse(nlh, t))
		s->use = nftnl_table_get_u32(t, NFTNL_TABLE_USE);
	if (t && guard_nft_note(t) != s->g->accept)
		guard_nft_differ(s, "another accept= is noted in table ",
				 s->g->table);
	if (t)
		nftnl_table_free(t);
	return MNL_CB_OK;
}

static int guard_nft_see_chain(const struct nlmsghdr *nlh, void *data)
{
	struct guard_nft_seen *s = data;
	struct nftnl_chain *c = nftnl_chain_alloc();
	const char *const *devs = NULL;
	const char *dev = NULL;

	if (!c || nftnl_chain_nlmsg_parse(nlh, c))
		goto out;
	if (nftnl_chain_is_set(c, NFTNL_CHAIN_DEV))
		dev = nftnl_chain_get_str(c, NFTNL_CHAIN_DEV);
	else if (nftnl_chain_is_set(c, NFTNL_CHAIN_DEVICES))
		devs = nftnl_chain_get_array(c, NFTNL_CHAIN_DEVICES);
	if (!dev && devs && devs[0] && !devs[1])
		dev = devs[0];
	s->hook = dev && !strcmp(dev, s->g->dev) &&
		  nftnl_chain_is_set(c, NFTNL_CHAIN_HOOKNUM) &&
		  nftnl_chain_get_u32(c, NFTNL_CHAIN_HOOKNUM) == s->want &&
		  nftnl_chain_get_s32(c, NFTNL_CHAIN_PRIO) == GUARD_PRIO &&
		  nftnl_chain_get_u32(c, NFTNL_CHAIN_POLICY) == NF_ACCEPT;
out:
	if (c)
		nftnl_chain_free(c);
	return MNL_CB_OK;
}

static bool guard_nft_same(const struct guard *g, const struct guard_rule *want,
			   const struct nftnl_rule *have)
{
	char a[GUARD_NFT_TEXT], b[GUARD_NFT_TEXT];
	struct code c;
	bool same;

	if (guard_nft_rule(g, want, &c))
		return false;
	same = code_text(c.rule, a, sizeof(a)) > 0 &&
	       code_text(have, b, sizeof(b)) > 0 && !strcmp(a, b);
	code_close(&c);
	return same;
}

static int guard_nft_see_rule(const struct nlmsghdr *nlh, void *data)
{
	struct guard_nft_seen *s = data;
	struct nftnl_rule *r = nftnl_rule_alloc();
	const char *chain = guard_chains[s->chain];
	const struct guard *g = s->g;

	if (!r || nftnl_rule_nlmsg_parse(nlh, r) ||
	    !nftnl_rule_is_set(r, NFTNL_RULE_CHAIN) ||
	    strcmp(nftnl_rule_get_str(r, NFTNL_RULE_CHAIN), chain))
		goto out;
	while (s->at < g->n && g->v[s->at].chain != s->chain)
		s->at++;
	if (s->at == g->n)
		guard_nft_differ(s, "a rule too many in chain ", chain);
	else if (!guard_nft_same(g, &g->v[s->at++], r))
		guard_nft_differ(s, "another rule stands in chain ", chain);
out:
	if (r)
		nftnl_rule_free(r);
	return MNL_CB_OK;
}

static int guard_nft_see_elem(struct nftnl_set_elem *x, void *data)
{
	struct guard_nft_seen *s = data;
	uint32_t len = 0;
	const void *key = nftnl_set_elem_get(x, NFTNL_SET_ELEM_KEY, &len);
	unsigned i;

	if (s->g->leased[s->set] &&
	    nftnl_set_elem_is_set(x, NFTNL_SET_ELEM_EXPIRATION))
		return 0;
	for (i = 0; key && i < s->g->nset[s->set]; i++)
		if (len <= 16 && !memcmp(key, s->g->set[s->set][i], len))
			break;
	if (key && i < s->g->nset[s->set])
		s->found++;
	else
		s->strange++;
	return 0;
}

/* What to ask for: a name under the table's. */
struct guard_nft_key {
	uint16_t table_attr, name_attr;
	const char *table, *name;
};

static void guard_nft_put_key(struct nlmsghdr *nlh, const void *arg)
{
	const struct guard_nft_key *k = arg;

	mnl_attr_put_strz(nlh, k->table_attr, k->table);
	if (k->name)
		mnl_attr_put_strz(nlh, k->name_attr, k->name);
}

static int guard_nft_see(struct nft *nft, struct guard_nft_seen *s,
			 uint16_t type, mnl_cb_t each,
			 const struct guard_nft_key *k)
{
	struct nft_ask a = { .type = type,
			     .family = NFPROTO_NETDEV,
			     .dump = type == NFT_MSG_GETRULE,
			     .build = guard_nft_put_key,
			     .arg = k,
			     .each = each,
			     .data = s };

	return nft_ask(nft, &a);
}

static int guard_nft_see_rules(struct nft *nft, struct guard_nft_seen *s)
{
	const struct guard *g = s->g;
	int rc = 0;

	for (s->chain = 0; !rc && s->chain < GUARD_CHAINS; s->chain++) {
		struct guard_nft_key k = { NFTA_RULE_TABLE, NFTA_RULE_CHAIN,
					   g->table, guard_chains[s->chain] };

		if (!g->chain[s->chain])
			continue;
		s->at = 0;
		rc = guard_nft_see(nft, s, NFT_MSG_GETRULE, guard_nft_see_rule,
				   &k);
		while (s->at < g->n && g->v[s->at].chain != s->chain)
			s->at++;
		if (!rc && s->at < g->n)
			guard_nft_differ(s, "a rule is missing in chain ",
					 k.name);
	}
	return rc;
}

static int guard_nft_see_sets(struct nft *nft, struct guard_nft_seen *s)
{
	const struct guard *g = s->g;
	unsigned i;
	int rc = 0;

	for (i = 0; !rc && i < GUARD_SETS; i++) {
		if (!g->nset[i] || g->learn_s[i])
			continue;
		s->set = (enum guard_set)i;
		s->found = s->strange = 0;
		rc = nft_elems(nft, NFPROTO_NETDEV, g->table, guard_sets[i],
			       guard_nft_see_elem, s);
		if (rc == -ENOENT)
			rc = 0; /* none found, then */
		if (!rc && (s->strange || s->found != g->nset[i]))
			guard_nft_differ(s, "other addresses are in set ",
					 guard_sets[i]);
	}
	return rc;
}

static int guard_nft_see_hook(struct nft *nft, struct guard_nft_seen *s,
			      enum guard_chain n, uint32_t hook)
{
	struct guard_nft_key c = { NFTA_CHAIN_TABLE, NFTA_CHAIN_NAME,
				   s->g->table, guard_chains[n] };
	int rc;

	if (!s->g->chain[n])
		return 0;
	s->want = hook;
	s->hook = false;
	rc = guard_nft_see(nft, s, NFT_MSG_GETCHAIN, guard_nft_see_chain, &c);
	if ((!rc && !s->hook) || rc == -ENOENT) {
		guard_nft_differ(s, "not hooked into the device by chain ",
				 c.name);
		rc = 0;
	}
	return rc;
}

/* Once; *s is filled anew. -EINTR: again. */
static int guard_nft_compare(struct nft *nft, struct guard_nft_seen *s)
{
	const struct guard *g = s->g;
	struct guard_nft_key t = { NFTA_TABLE_NAME, 0, g->table, NULL };
	uint32_t use = GUARD_COUNTERS;
	unsigned i;
	int rc;

	if (!if_nametoindex(g->dev))
		guard_nft_differ(s, "there is no device ", g->dev);
	rc = guard_nft_see(nft, s, NFT_MSG_GETTABLE, guard_nft_see_table, &t);
	if (rc == -ENOENT) {
		guard_nft_differ(s, "there is no table ", g->table);
		return 0;
	}
	for (i = 0; i < GUARD_CHAINS; i++)
		use += g->chain[i];
	for (i = 0; i < GUARD_SETS; i++)
		use += guard_has_set(g, (enum guard_set)i);
	if (!rc && s->use != use)
		guard_nft_differ(s,
				 "chains, sets or counters are missing or "
				 "too many in table ",
				 g->table);
	if (!rc)
		rc = guard_nft_see_hook(nft, s, GUARD_FROM_GUEST,
					NF_NETDEV_INGRESS);
	if (!rc)
		rc = guard_nft_see_hook(nft, s, GUARD_TO_GUEST,
					NF_NETDEV_EGRESS);
	if (!rc)
		rc = guard_nft_see_rules(nft, s);
	if (!rc)
		rc = guard_nft_see_sets(nft, s);
	return rc;
}

/* The lines go to memory first: a comparison that somebody disturbed is done
 * again and must not be seen.
 */
static int guard_nft_check_once(struct nft *nft, const struct guard *g,
				FILE *out)
{
	struct guard_nft_seen s = { .g = g };
	uint32_t before = 0, after = 0;
	char *text = NULL;
	size_t size;
	int rc;

	s.out = open_memstream(&text, &size);
	if (!s.out)
		return -ENOMEM;
	rc = nft_gen(nft, &before);
	if (!rc)
		rc = guard_nft_compare(nft, &s);
	if (!rc)
		rc = nft_gen(nft, &after);
	fclose(s.out);
	if (!rc && before != after)
		rc = -EINTR;
	if (!rc && s.differ && out)
		fputs(text, out);
	free(text);
	return rc ? rc : s.differ != 0;
}

int guard_nft_check(const struct guard *g, FILE *out, struct err *e)
{
	unsigned i;
	int rc = -EINTR;

	for (i = 0; rc == -EINTR && i < NFT_TRIES; i++) {
		struct nft *nft = NULL;

		rc = nft_open(&nft, e);
		if (rc)
			return rc;
		/* A fresh socket each time: an answer cut short stays behind */
		rc = guard_nft_check_once(nft, g, out);
		nft_close(nft);
	}
	return rc < 0 ? nft_say(e, rc, g->table, guard_nft_config) : rc;
}
