// SPDX-License-Identifier: GPL-2.0-or-later
/* closed.c - bridges on which only known ports pass frames
 *
 *   prerouting    from_port: from a port that is not known, or with what is a
 *                 guest's own (own.h) from another's
 *   input         to_host: the same; of what is whose only the MAC
 *   postrouting   to a port that is not known
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
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "code.h"
#include "filter.h"
#include "nft.h"
#include "own.h"

enum {
	CLOSED_NAME = 41, /* nft's number for names of devices */
	CLOSED_HOST_ORDER = 1,
	CLOSED_PRIO = -300, /* before an administrator's own */
	CLOSED_ELEMS = 128, /* of one message */
};

enum closed_set { CLOSED_BRIDGES, CLOSED_PORTS, CLOSED_ROUTERS, CLOSED_SETS };

static const char *const closed_sets[CLOSED_SETS] = { "bridges", "ports",
						      "routers" };
const char closed_config[] =
	"CONFIG_NF_TABLES_BRIDGE and CONFIG_NFT_BRIDGE_META";

enum { CLOSED_NO_HOOK = NF_INET_NUMHOOKS };

/* Who goes to a chain is named before it. */
static const struct {
	const char *name;
	uint32_t hook, bridge, port; /* keys */
	const char *to;		     /* what is said of all closed bridges */
} closed_chains[] = {
	{ "foreign", CLOSED_NO_HOOK, 0, 0, NULL },
	{ "foreign_addr", CLOSED_NO_HOOK, 0, 0, NULL },
	{ "from_port", CLOSED_NO_HOOK, 0, NFT_META_IIFNAME, NULL },
	{ "to_host", CLOSED_NO_HOOK, 0, NFT_META_IIFNAME, NULL },
	{ "prerouting", NF_INET_PRE_ROUTING, NFT_META_BRI_IIFNAME, 0,
	  "from_port" },
	{ "input", NF_INET_LOCAL_IN, NFT_META_BRI_IIFNAME, 0, "to_host" },
	{ "postrouting", NF_INET_POST_ROUTING, NFT_META_BRI_OIFNAME,
	  NFT_META_OIFNAME, NULL },
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

/* Or nft(8) takes names for numbers the other way round, and lists them as "". */
static int closed_say_order(struct nftnl_set *s)
{
	struct nftnl_udata_buf *u = nftnl_udata_buf_alloc(16);
	int rc = -ENOMEM;

	if (u &&
	    nftnl_udata_put_u32(u, NFTNL_UDATA_SET_KEYBYTEORDER,
				CLOSED_HOST_ORDER) &&
	    !nftnl_set_set_data(s, NFTNL_SET_USERDATA, nftnl_udata_buf_data(u),
				nftnl_udata_buf_len(u)))
		rc = 0;
	if (u)
		nftnl_udata_buf_free(u);
	return rc;
}

static int closed_put_set(struct nft_batch *b, enum closed_set which)
{
	struct nftnl_set *s = closed_set(which);
	struct nlmsghdr *nlh;

	if (!s || closed_say_order(s)) {
		if (s)
			nftnl_set_free(s);
		return -ENOMEM;
	}
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

int closed_put_port(struct nft_batch *b, const char *dev, bool on)
{
	char name[1][IFNAMSIZ] = { "" };
	struct filter_names one = { .v = name, .n = 1 };
	int rc = str_put(name[0], IFNAMSIZ, dev);

	return rc ? rc
		  : closed_put_elems(
			    b, CLOSED_PORTS,
			    on ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, &one);
}

static int closed_put_chain(struct nft_batch *b, unsigned i)
{
	struct nftnl_chain *c = nftnl_chain_alloc();
	struct nlmsghdr *nlh;

	if (!c)
		return -ENOMEM;
	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, CLOSED_TABLE);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, closed_chains[i].name);
	if (closed_chains[i].hook != CLOSED_NO_HOOK) {
		nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "filter");
		nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM,
				    closed_chains[i].hook);
		nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, CLOSED_PRIO);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	}
	nlh = nft_batch_msg(b, NFT_MSG_NEWCHAIN, NFPROTO_BRIDGE, NLM_F_CREATE,
			    "%s: chain %s", CLOSED_TABLE,
			    closed_chains[i].name);
	if (nlh)
		nftnl_chain_nlmsg_build_payload(nlh, c);
	nftnl_chain_free(c);
	return 0;
}

static int closed_port_rule(struct code *c, unsigned i, bool named)
{
	int rc = code_open(c, NFPROTO_BRIDGE, CLOSED_TABLE,
			   closed_chains[i].name);

	if (rc)
		return rc;
	if (named && closed_chains[i].bridge) {
		code_meta(c, closed_chains[i].bridge);
		code_in_set(c, closed_sets[CLOSED_BRIDGES]);
	}
	if (closed_chains[i].to) {
		code_verdict(c, NFT_GOTO, closed_chains[i].to);
		return 0;
	}
	code_meta(c, closed_chains[i].port);
	code_not_in_set(c, closed_sets[CLOSED_PORTS]);
	code_count(c);
	code_verdict(c, NF_DROP, NULL);
	return 0;
}

/* Rule k: code_close after 0; 1: the chain has no more. */
static int closed_rule(struct code *c, unsigned i, unsigned k, bool named)
{
	bool base = closed_chains[i].hook != CLOSED_NO_HOOK;
	int rc = 1;

	if (!base && !closed_chains[i].port)
		rc = own_rule_foreign(c, closed_chains[i].name, k);
	else if (!k)
		rc = closed_port_rule(c, i, named);
	else if (!base)
		rc = own_rule(c, closed_chains[i].name, k - 1, named);
	if (rc || !c->failed)
		return rc;
	code_close(c);
	return -ENOMEM;
}

/* 1: as closed_rule */
static int closed_put_rule(struct nft_batch *b, unsigned i, unsigned k,
			   bool named)
{
	struct nlmsghdr *nlh;
	struct code c;
	int rc = closed_rule(&c, i, k, named);

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

bool closed_there(struct nft *nft)
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

int closed_has_port(struct nft *nft, const char *dev)
{
	struct nft_ask a = { .type = NFT_MSG_GETSETELEM,
			     .family = NFPROTO_BRIDGE,
			     .build = closed_put_one,
			     .arg = dev };

	return nft_ask(nft, &a);
}

/* --- changes ------------------------------------------------------------------------ */

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

	if (!r || closed_rule(&c, s->i, s->rules++, s->named)) {
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

/* Rule by rule, but not what the sets hold. */
static bool closed_stands(struct nft *nft, bool named)
{
	struct closed_seen s = { .named = named, .same = true };
	struct nft_ask t = { .type = NFT_MSG_GETTABLE,
			     .family = NFPROTO_BRIDGE,
			     .build = closed_put_table_name,
			     .each = closed_on_table,
			     .data = &s };
	struct code c;
	int end;

	if (nft_ask(nft, &t) ||
	    s.use != CLOSED_SETS + OWN_SETS + ARRAY_SIZE(closed_chains) ||
	    own_named(nft) != named)
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
		s.same = !nft_ask(nft, &a) && s.same;
		end = closed_rule(&c, s.i, s.rules, named);
		if (!end)
			code_close(&c);
		s.same = s.same && end == 1;
	}
	return s.same;
}

/* Who makes again what stands would be told of it, and make it again. */
static bool closed_same(struct nft *nft, const struct filter_closed *want,
			const struct filter_names *guards)
{
	const struct filter_names *have[CLOSED_SETS] = {
		[CLOSED_BRIDGES] = &want->bridges,
		[CLOSED_PORTS] = &want->ports,
		[CLOSED_ROUTERS] = &want->routers,
	};
	bool same = true;
	unsigned i;

	for (i = 0; same && i < CLOSED_SETS; i++) {
		struct filter_names is = { .n = 0 };

		same = !closed_names(nft, (enum closed_set)i, &is) &&
		       closed_has(&is, have[i],
				  i == CLOSED_PORTS ? guards : NULL);
		free(is.v);
	}
	return same;
}

static int closed_put_names(struct nft_batch *b,
			    const struct filter_closed *want,
			    const struct filter_names *guards)
{
	const struct {
		enum closed_set set;
		const struct filter_names *names;
	} all[] = {
		{ CLOSED_BRIDGES, &want->bridges },
		{ CLOSED_PORTS, &want->ports },
		{ CLOSED_PORTS, guards },
		{ CLOSED_ROUTERS, &want->routers },
	};
	unsigned i;
	int rc = 0;

	for (i = 0; !rc && i < ARRAY_SIZE(all); i++)
		rc = closed_put_elems(b, all[i].set, NFT_MSG_NEWSETELEM,
				      all[i].names);
	return rc;
}

/* Other names for those that are there: who owns what stays. */
static int closed_refill(struct nft_batch *b, const struct filter_closed *want,
			 const struct filter_names *guards)
{
	struct nlmsghdr *nlh;
	unsigned i;

	for (i = 0; i < CLOSED_SETS; i++) {
		nlh = nft_batch_msg(b, NFT_MSG_DELSETELEM, NFPROTO_BRIDGE, 0,
				    "%s: names of set %s", CLOSED_TABLE,
				    closed_sets[i]);
		if (nlh)
			nft_put_elems(nlh, CLOSED_TABLE, closed_sets[i]);
	}
	return closed_put_names(b, want, guards);
}

static int closed_put_rules(struct nft_batch *b, bool named)
{
	unsigned i, k;
	int rc = 0;

	for (i = 0; rc >= 0 && i < ARRAY_SIZE(closed_chains); i++) {
		rc = closed_put_chain(b, i);
		for (k = 0; !rc; k++)
			rc = closed_put_rule(b, i, k, named);
	}
	return rc < 0 ? rc : 0;
}

static int closed_fill(struct nft_batch *b, const struct filter_closed *want,
		       const struct filter_names *guards, bool named)
{
	unsigned i;
	int rc = closed_put_table(b, NFT_MSG_NEWTABLE);

	if (!rc)
		rc = closed_put_table(b, NFT_MSG_DELTABLE);
	if (rc || !want->bridges.n)
		return rc;
	rc = closed_put_table(b, NFT_MSG_NEWTABLE);
	for (i = 0; !rc && i < CLOSED_SETS; i++)
		rc = closed_put_set(b, (enum closed_set)i);
	for (i = 0; !rc && i < OWN_SETS; i++)
		rc = own_put_set(b, i, named);
	if (!rc)
		rc = closed_put_names(b, want, guards);
	return rc ? rc : closed_put_rules(b, named);
}

/* -ERESTART: a guard may have come or gone since its name was read. */
static int closed_once(struct nft *nft, const struct filter_closed *want,
		       bool named, struct err *e)
{
	struct filter_names guards = { .n = 0 };
	struct nft_batch *b = NULL;
	const char *what = "batch";
	bool stands;
	uint32_t gen;
	int rc = nft_gen(nft, &gen);

	if (!rc)
		rc = filter_each(closed_on_guard, &guards, e);
	stands = !rc && want->bridges.n && closed_stands(nft, named);
	if (stands && closed_same(nft, want, &guards))
		goto out;
	if (!rc)
		rc = nft_batch_open(&b, gen);
	if (!rc)
		rc = stands ? closed_refill(b, want, &guards)
			    : closed_fill(b, want, &guards, named);
	if (!rc)
		rc = nft_batch_send(nft, b, &what);
	if (rc && rc != -ERESTART)
		rc = nft_say(e, rc, what, closed_config);
out:
	nft_batch_close(b);
	free(guards.v);
	return rc;
}

int filter_close(const struct filter_closed *want, struct err *e)
{
	bool named = !filter_probe(FILTER_BRIDGE_NAME, "lo");
	struct nft *nft = NULL;
	unsigned i;
	int rc = nft_open(&nft, e);

	if (rc)
		return rc;
	if (!want->bridges.n && !closed_there(nft))
		goto out;
	rc = -ERESTART;
	for (i = 0; rc == -ERESTART && i < NFT_TRIES; i++)
		rc = closed_once(nft, want, named, e);
	if (rc == -ERESTART)
		rc = err_set(e, -EAGAIN,
			     "others change the rules all the time; try again");
out:
	nft_close(nft);
	return rc;
}
