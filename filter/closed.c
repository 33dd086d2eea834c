// SPDX-License-Identifier: GPL-2.0-or-later
/* closed.c - bridges on which only known ports pass frames
 *
 *   prerouting, input   from a port that is not known
 *   postrouting         to one
 *
 * A kernel that does not tell the rules a bridge's name
 * (CONFIG_NFT_BRIDGE_META) asks for the port alone: then all of the host's bridges
 * are closed.
 *
 * By names, because that is what a guard's table holds on to: whoever is renamed
 * is not known any more from the moment of its new name.
 */
#include "closed.h"

#include <net/if.h> /* before <linux/if.h>, which gives way to it */

#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "code.h"
#include "filter.h"
#include "nft.h"

enum {
	CLOSED_NAME = 41,   /* nft's number for names of devices */
	CLOSED_PRIO = -300, /* before an administrator's own */
	CLOSED_ELEMS = 128, /* of one message */
};

enum closed_set { CLOSED_BRIDGES, CLOSED_PORTS, CLOSED_SETS };

static const char *const closed_sets[CLOSED_SETS] = { "bridges", "ports" };
static const char closed_config[] =
	"CONFIG_NF_TABLES_BRIDGE and CONFIG_NFT_BRIDGE_META";

static const struct {
	const char *name;
	uint32_t hook, bridge, port; /* keys */
} closed_chains[] = {
	{ "prerouting", NF_INET_PRE_ROUTING, NFT_META_BRI_IIFNAME,
	  NFT_META_IIFNAME },
	{ "input", NF_INET_LOCAL_IN, NFT_META_BRI_IIFNAME, NFT_META_IIFNAME },
	{ "postrouting", NF_INET_POST_ROUTING, NFT_META_BRI_OIFNAME,
	  NFT_META_OIFNAME },
};

/* --- messages ------------------------------------------------------------------ */

static int closed_put_table(struct nft_batch *b, uint16_t type)
{
	struct nftnl_table *t = nftnl_table_alloc();
	struct nlmsghdr *nlh;

	if (!t)
		return -ENOMEM;
	nftnl_table_set_str(t, NFTNL_TABLE_NAME, CLOSED_TABLE);
	nlh = nft_batch_msg(b, type, NFPROTO_BRIDGE,
			    type == NFT_MSG_NEWTABLE ? NLM_F_CREATE : 0,
			    "table bridge %s", CLOSED_TABLE);
	if (nlh)
		nftnl_table_nlmsg_build_payload(nlh, t);
	nftnl_table_free(t);
	return 0;
}

static struct nftnl_set *closed_set(enum closed_set which)
{
	struct nftnl_set *s = nftnl_set_alloc();

	if (!s)
		return NULL;
	nftnl_set_set_str(s, NFTNL_SET_TABLE, CLOSED_TABLE);
	nftnl_set_set_str(s, NFTNL_SET_NAME, closed_sets[which]);
	nftnl_set_set_u32(s, NFTNL_SET_FAMILY, NFPROTO_BRIDGE);
	nftnl_set_set_u32(s, NFTNL_SET_ID, which + 1u);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, CLOSED_NAME);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, IFNAMSIZ);
	return s;
}

static int closed_put_set(struct nft_batch *b, enum closed_set which)
{
	struct nftnl_set *s = closed_set(which);
	struct nlmsghdr *nlh;

	if (!s)
		return -ENOMEM;
	nlh = nft_batch_msg(b, NFT_MSG_NEWSET, NFPROTO_BRIDGE, NLM_F_CREATE,
			    "%s: set %s", CLOSED_TABLE, closed_sets[which]);
	if (nlh)
		nftnl_set_nlmsg_build_payload(nlh, s);
	nftnl_set_free(s);
	return 0;
}

static int closed_put_elems(struct nft_batch *b, enum closed_set which,
			    uint16_t type, const struct filter_names *names)
{
	unsigned i, k;

	for (i = 0; i < names->n; i += CLOSED_ELEMS) {
		struct nftnl_set *s = closed_set(which);
		struct nlmsghdr *nlh;

		if (!s)
			return -ENOMEM;
		for (k = i; k < names->n && k < i + CLOSED_ELEMS; k++) {
			struct nftnl_set_elem *x = nftnl_set_elem_alloc();
			char key[IFNAMSIZ] = "";

			if (!x)
				break;
			str_put(key, sizeof(key), names->v[k]);
			nftnl_set_elem_set(x, NFTNL_SET_ELEM_KEY, key,
					   sizeof(key));
			nftnl_set_elem_add(s, x);
		}
		nlh = nft_batch_msg(b, type, NFPROTO_BRIDGE,
				    type == NFT_MSG_NEWSETELEM ? NLM_F_CREATE
							       : 0,
				    "%s: names of set %s", CLOSED_TABLE,
				    closed_sets[which]);
		if (nlh)
			nftnl_set_elems_nlmsg_build_payload(nlh, s);
		nftnl_set_free(s);
		if (k < names->n && k < i + CLOSED_ELEMS)
			return -ENOMEM;
	}
	return 0;
}

static int closed_put_chain(struct nft_batch *b, unsigned i)
{
	struct nftnl_chain *c = nftnl_chain_alloc();
	struct nlmsghdr *nlh;

	if (!c)
		return -ENOMEM;
	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, CLOSED_TABLE);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, closed_chains[i].name);
	nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "filter");
	nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, closed_chains[i].hook);
	nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, CLOSED_PRIO);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	nlh = nft_batch_msg(b, NFT_MSG_NEWCHAIN, NFPROTO_BRIDGE, NLM_F_CREATE,
			    "%s: chain %s", CLOSED_TABLE,
			    closed_chains[i].name);
	if (nlh)
		nftnl_chain_nlmsg_build_payload(nlh, c);
	nftnl_chain_free(c);
	return 0;
}

/* code_close after 0. */
static int closed_rule(struct code *c, unsigned i, bool named)
{
	int rc = code_open(c, NFPROTO_BRIDGE, CLOSED_TABLE,
			   closed_chains[i].name);

	if (rc)
		return rc;
	if (named) {
		code_meta(c, closed_chains[i].bridge);
		code_in_set(c, closed_sets[CLOSED_BRIDGES]);
	}
	code_meta(c, closed_chains[i].port);
	code_not_in_set(c, closed_sets[CLOSED_PORTS]);
	code_count(c);
	code_verdict(c, NF_DROP, NULL);
	if (!c->failed)
		return 0;
	code_close(c);
	return -ENOMEM;
}

static int closed_put_rule(struct nft_batch *b, unsigned i, bool named)
{
	struct nlmsghdr *nlh;
	struct code c;
	int rc = closed_rule(&c, i, named);

	if (rc)
		return rc;
	nlh = nft_batch_msg(b, NFT_MSG_NEWRULE, NFPROTO_BRIDGE,
			    NLM_F_CREATE | NLM_F_APPEND, "%s: rule in %s",
			    CLOSED_TABLE, closed_chains[i].name);
	if (nlh)
		nftnl_rule_nlmsg_build_payload(nlh, c.rule);
	code_close(&c);
	return 0;
}

/* --- what is there --------------------------------------------------------------- */

static void closed_put_table_name(struct nlmsghdr *nlh, const void *arg)
{
	(void)arg;
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, CLOSED_TABLE);
}

static bool closed_there(struct nft *nft)
{
	struct nft_ask a = { .type = NFT_MSG_GETTABLE,
			     .family = NFPROTO_BRIDGE,
			     .build = closed_put_table_name };

	return nft_ask(nft, &a) == 0;
}

static int closed_add(struct filter_names *names, const char *name)
{
	char(*v)[IFNAMSIZ] = reallocarray(names->v, names->n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	names->v = v;
	return str_put(v[names->n++], IFNAMSIZ, name);
}

static int closed_on_guard(void *arg, const char *dev)
{
	return closed_add(arg, dev);
}

static int closed_on_elem(struct nftnl_set_elem *x, void *data)
{
	uint32_t len = 0;
	const char *key = nftnl_set_elem_get(x, NFTNL_SET_ELEM_KEY, &len);

	if (!key || len != IFNAMSIZ || key[IFNAMSIZ - 1])
		return 0;
	return closed_add(data, key) ? -1 : 0;
}

static int closed_names(struct nft *nft, enum closed_set which,
			struct filter_names *out)
{
	unsigned i;
	int rc = -EINTR;

	*out = (struct filter_names){ .n = 0 };
	for (i = 0; rc == -EINTR && i < NFT_TRIES; i++) {
		out->n = 0;
		rc = nft_elems(nft, NFPROTO_BRIDGE, CLOSED_TABLE,
			       closed_sets[which], closed_on_elem, out);
	}
	return rc;
}

int filter_known(struct filter_names *ports, struct err *e)
{
	struct nft *nft = NULL;
	int rc = nft_open(&nft, e);

	*ports = (struct filter_names){ .n = 0 };
	if (rc)
		return rc;
	rc = closed_names(nft, CLOSED_PORTS, ports);
	nft_close(nft);
	if (rc == -ENOENT || rc == -EOPNOTSUPP)
		rc = 0;
	return rc ? nft_say(e, rc, CLOSED_TABLE, closed_config) : 0;
}

/* One name asked for. */
static void closed_put_one(struct nlmsghdr *nlh, const void *dev)
{
	struct nftnl_set *s = closed_set(CLOSED_PORTS);
	struct nftnl_set_elem *x = nftnl_set_elem_alloc();
	char key[IFNAMSIZ] = "";

	str_put(key, sizeof(key), dev);
	if (s && x) {
		nftnl_set_elem_set(x, NFTNL_SET_ELEM_KEY, key, sizeof(key));
		nftnl_set_elem_add(s, x);
		x = NULL;
		nftnl_set_elems_nlmsg_build_payload(nlh, s);
	}
	if (x)
		nftnl_set_elem_free(x);
	if (s)
		nftnl_set_free(s);
}

int closed_knows(const char *dev, struct err *e)
{
	struct nft_ask a = { .type = NFT_MSG_GETSETELEM,
			     .family = NFPROTO_BRIDGE,
			     .build = closed_put_one,
			     .arg = dev };
	struct nft *nft = NULL;
	int rc = nft_open(&nft, e);

	if (rc)
		return rc;
	rc = closed_there(nft) ? nft_ask(nft, &a) : 0;
	nft_close(nft);
	if (rc && rc != -ENOENT)
		return nft_say(e, rc, CLOSED_TABLE, closed_config);
	return rc == 0;
}

/* --- changes ------------------------------------------------------------------------ */

int closed_know(const char *dev, bool on, struct err *e)
{
	char name[1][IFNAMSIZ] = { "" };
	struct filter_names one = { .v = name, .n = 1 };
	struct nft_batch *b = NULL;
	const char *what = "batch";
	struct nft *nft = NULL;
	int rc = nft_open(&nft, e);

	if (rc)
		return rc;
	if (str_put(name[0], IFNAMSIZ, dev) || !closed_there(nft))
		goto out;
	rc = nft_batch_open(&b, 0);
	if (!rc)
		rc = closed_put_elems(
			b, CLOSED_PORTS,
			on ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, &one);
	if (!rc)
		rc = nft_batch_send(nft, b, &what);
	if (rc == -ENOENT) /* it went meanwhile, or was not known */
		rc = 0;
	if (rc)
		rc = nft_say(e, rc, what, closed_config);
	nft_batch_close(b);
out:
	nft_close(nft);
	return rc;
}

/* Is all of it there already? A sum of names is enough: each is there once. */
static bool closed_has(const struct filter_names *have,
		       const struct filter_names *a,
		       const struct filter_names *b)
{
	const struct filter_names *from[2] = { a, b };
	char *seen = calloc(have->n + 1, 1);
	unsigned w, i, k, n = 0;

	for (w = 0; seen && w < 2; w++) {
		for (i = 0; from[w] && i < from[w]->n; i++) {
			for (k = 0; k < have->n; k++)
				if (!strcmp(have->v[k], from[w]->v[i]))
					break;
			if (k == have->n)
				goto no;
			n += !seen[k];
			seen[k] = 1;
		}
	}
	w = seen && n == have->n;
	free(seen);
	return w;
no:
	free(seen);
	return false;
}

struct closed_seen {
	unsigned i, rules;
	bool named, same;
	uint32_t use;
};

static int closed_on_rule(const struct nlmsghdr *nlh, void *data)
{
	char want[1024], have[1024];
	struct closed_seen *s = data;
	struct nftnl_rule *r = nftnl_rule_alloc();
	struct code c;

	s->rules++;
	if (!r || closed_rule(&c, s->i, s->named)) {
		s->same = false;
		goto out;
	}
	if (nftnl_rule_nlmsg_parse(nlh, r) ||
	    code_text(c.rule, want, sizeof(want)) <= 0 ||
	    code_text(r, have, sizeof(have)) <= 0 || strcmp(want, have))
		s->same = false;
	code_close(&c);
out:
	if (r)
		nftnl_rule_free(r);
	return MNL_CB_OK;
}

static void closed_put_chain_name(struct nlmsghdr *nlh, const void *chain)
{
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, CLOSED_TABLE);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, chain);
}

static int closed_on_table(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_table *t = nftnl_table_alloc();
	struct closed_seen *s = data;

	if (t && !nftnl_table_nlmsg_parse(nlh, t))
		s->use = nftnl_table_get_u32(t, NFTNL_TABLE_USE);
	if (t)
		nftnl_table_free(t);
	return MNL_CB_OK;
}

/* Who makes again what stands would be told of it, and make it again. */
static bool closed_same(struct nft *nft, const struct filter_names *bridges,
			const struct filter_names *ports,
			const struct filter_names *guards, bool named)
{
	struct closed_seen s = { .named = named, .same = true };
	struct filter_names have = { .n = 0 };
	struct nft_ask t = { .type = NFT_MSG_GETTABLE,
			     .family = NFPROTO_BRIDGE,
			     .build = closed_put_table_name,
			     .each = closed_on_table,
			     .data = &s };
	bool same;

	if (nft_ask(nft, &t) ||
	    s.use != CLOSED_SETS + ARRAY_SIZE(closed_chains))
		return false;
	for (s.i = 0; s.same && s.i < ARRAY_SIZE(closed_chains); s.i++) {
		struct nft_ask a = { .type = NFT_MSG_GETRULE,
				     .family = NFPROTO_BRIDGE,
				     .dump = true,
				     .build = closed_put_chain_name,
				     .arg = closed_chains[s.i].name,
				     .each = closed_on_rule,
				     .data = &s };

		s.rules = 0;
		s.same = !nft_ask(nft, &a) && s.same && s.rules == 1;
	}
	same = s.same && !closed_names(nft, CLOSED_BRIDGES, &have) &&
	       closed_has(&have, bridges, NULL);
	free(have.v);
	have = (struct filter_names){ .n = 0 };
	same = same && !closed_names(nft, CLOSED_PORTS, &have) &&
	       closed_has(&have, ports, guards);
	free(have.v);
	return same;
}

static int closed_fill(struct nft_batch *b, const struct filter_names *bridges,
		       const struct filter_names *ports,
		       const struct filter_names *guards, bool named)
{
	unsigned i;
	int rc = closed_put_table(b, NFT_MSG_NEWTABLE);

	if (!rc)
		rc = closed_put_table(b, NFT_MSG_DELTABLE);
	if (rc || !bridges->n)
		return rc;
	rc = closed_put_table(b, NFT_MSG_NEWTABLE);
	for (i = 0; !rc && i < CLOSED_SETS; i++)
		rc = closed_put_set(b, (enum closed_set)i);
	if (!rc)
		rc = closed_put_elems(b, CLOSED_BRIDGES, NFT_MSG_NEWSETELEM,
				      bridges);
	if (!rc)
		rc = closed_put_elems(b, CLOSED_PORTS, NFT_MSG_NEWSETELEM,
				      ports);
	if (!rc)
		rc = closed_put_elems(b, CLOSED_PORTS, NFT_MSG_NEWSETELEM,
				      guards);
	for (i = 0; !rc && i < ARRAY_SIZE(closed_chains); i++) {
		rc = closed_put_chain(b, i);
		if (!rc)
			rc = closed_put_rule(b, i, named);
	}
	return rc;
}

/* -ERESTART: a guard may have come or gone since its name was read. */
static int closed_once(struct nft *nft, const struct filter_names *bridges,
		       const struct filter_names *ports, bool named,
		       struct err *e)
{
	struct filter_names guards = { .n = 0 };
	struct nft_batch *b = NULL;
	const char *what = "batch";
	uint32_t gen;
	int rc = nft_gen(nft, &gen);

	if (!rc)
		rc = filter_each(closed_on_guard, &guards, e);
	if (!rc && bridges->n &&
	    closed_same(nft, bridges, ports, &guards, named))
		goto out;
	if (!rc)
		rc = nft_batch_open(&b, gen);
	if (!rc)
		rc = closed_fill(b, bridges, ports, &guards, named);
	if (!rc)
		rc = nft_batch_send(nft, b, &what);
	if (rc && rc != -ERESTART)
		rc = nft_say(e, rc, what, closed_config);
out:
	nft_batch_close(b);
	free(guards.v);
	return rc;
}

int filter_close(const struct filter_names *bridges,
		 const struct filter_names *ports, struct err *e)
{
	bool named = !filter_probe(FILTER_BRIDGE_NAME, "lo");
	struct nft *nft = NULL;
	unsigned i;
	int rc = nft_open(&nft, e);

	if (rc)
		return rc;
	if (!bridges->n && !closed_there(nft))
		goto out;
	rc = -ERESTART;
	for (i = 0; rc == -ERESTART && i < NFT_TRIES; i++)
		rc = closed_once(nft, bridges, ports, named, e);
	if (rc == -ERESTART)
		rc = err_set(e, -EAGAIN,
			     "others change the rules all the time; try again");
out:
	nft_close(nft);
	return rc;
}
