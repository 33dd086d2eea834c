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
#include "fixed.h"
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

static const struct fixed_chain closed_chains[] = {
	{ "foreign", FIXED_NO_HOOK },
	{ "foreign_addr", FIXED_NO_HOOK },
	{ "from_port", FIXED_NO_HOOK },
	{ "to_host", FIXED_NO_HOOK },
	{ "prerouting", NF_INET_PRE_ROUTING },
	{ "input", NF_INET_LOCAL_IN },
	{ "postrouting", NF_INET_POST_ROUTING },
};

/* What the first rule of each asks. */
static const struct {
	uint32_t bridge, port; /* keys */
	const char *to;	       /* what is said of all closed bridges */
} closed_asks[ARRAY_SIZE(closed_chains)] = {
	{ 0, 0, NULL },
	{ 0, 0, NULL },
	{ 0, NFT_META_IIFNAME, NULL },
	{ 0, NFT_META_IIFNAME, NULL },
	{ NFT_META_BRI_IIFNAME, 0, "from_port" },
	{ NFT_META_BRI_IIFNAME, 0, "to_host" },
	{ NFT_META_BRI_OIFNAME, NFT_META_OIFNAME, NULL },
};

/* --- messages ------------------------------------------------------------------ */

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

static int closed_port_rule(struct code *c, unsigned i, bool named)
{
	int rc = code_open(c, NFPROTO_BRIDGE, CLOSED_TABLE,
			   closed_chains[i].name);

	if (rc)
		return rc;
	if (named && closed_asks[i].bridge) {
		code_meta(c, closed_asks[i].bridge);
		code_in_set(c, closed_sets[CLOSED_BRIDGES]);
	}
	if (closed_asks[i].to) {
		code_verdict(c, NFT_GOTO, closed_asks[i].to);
		return 0;
	}
	code_meta(c, closed_asks[i].port);
	code_not_in_set(c, closed_sets[CLOSED_PORTS]);
	code_count(c);
	code_verdict(c, NF_DROP, NULL);
	return 0;
}

static int closed_rule(struct code *c, const struct fixed *t, unsigned i,
		       unsigned k)
{
	struct own_table own = own_closed(t->named);
	bool base = closed_chains[i].hook != FIXED_NO_HOOK;
	int rc = 1;

	if (!base && !closed_asks[i].port)
		rc = own_rule_foreign(c, &own, closed_chains[i].name, k);
	else if (!k)
		rc = closed_port_rule(c, i, t->named);
	else if (!base)
		rc = own_rule(c, &own, closed_chains[i].name, k - 1);
	if (rc || !c->failed)
		return rc;
	code_close(c);
	return -ENOMEM;
}

static struct fixed closed_fixed(bool named)
{
	return (struct fixed){
		.table = CLOSED_TABLE,
		.family = NFPROTO_BRIDGE,
		.prio = CLOSED_PRIO,
		.nset = CLOSED_SETS + OWN_SETS,
		.nchain = ARRAY_SIZE(closed_chains),
		.chain = closed_chains,
		.rule = closed_rule,
		.named = named,
	};
}

/* --- what is there --------------------------------------------------------------- */

bool closed_there(struct nft *nft)
{
	struct fixed t = closed_fixed(false);

	return fixed_there(nft, &t);
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

static bool closed_stands(struct nft *nft, bool named)
{
	struct fixed t = closed_fixed(named);

	return fixed_stands(nft, &t) && own_named(nft) == named;
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

static int closed_fill(struct nft_batch *b, const struct filter_closed *want,
		       const struct filter_names *guards, bool named)
{
	struct own_table own = own_closed(named);
	struct fixed t = closed_fixed(named);
	unsigned i;
	int rc = fixed_put_table(b, &t, NFT_MSG_NEWTABLE, 0);

	if (!rc)
		rc = fixed_put_table(b, &t, NFT_MSG_DELTABLE, 0);
	if (rc || !want->bridges.n)
		return rc;
	rc = fixed_put_table(b, &t, NFT_MSG_NEWTABLE, 0);
	for (i = 0; !rc && i < CLOSED_SETS; i++)
		rc = closed_put_set(b, (enum closed_set)i);
	if (!rc)
		rc = own_put_sets(b, &own);
	if (!rc)
		rc = closed_put_names(b, want, guards);
	return rc ? rc : fixed_put_chains(b, &t, false);
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
