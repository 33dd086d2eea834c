// SPDX-License-Identifier: GPL-2.0-or-later
/* own_host.c - addresses of guests that the host routes to: two tables, their elements
 *
 * Elements are a device's own and change under its vif's lock, so batches need no
 * generation; but one that leaves an address to another must know that the other
 * stays, and one that takes the tables away that nobody came meanwhile.
 */
#include "own_host.h"

#include <net/if.h> /* before <linux/..>, which gives way to it */

#include <arpa/inet.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "filter.h"
#include "fixed.h"
#include "guard_nft.h"

enum {
	HOST_PRIO =
		-300, /* before an administrator's, as a bridge's closed is */
	HOST_LO = 1,  /* the index of lo, in every namespace */
	HOST_TRIES = 64, /* of many vifs that come and go at once */
};

enum host_table { HOST_INET, HOST_BRIDGE, HOST_TABLES };

static const char host_config[] =
	"CONFIG_NF_TABLES_INET and CONFIG_NF_TABLES_BRIDGE";

static const struct own_table host_own[HOST_TABLES] = {
	[HOST_INET] = { OWN_HOST_TABLE, NFPROTO_INET, false, OWN_ADDR4 },
	[HOST_BRIDGE] = { OWN_HOST_TABLE, NFPROTO_BRIDGE, false, OWN_ADDR4 },
};

/* --- what a guard has ----------------------------------------------------------- */

static bool host_is_link_local(const struct own_claim *c)
{
	return c->kind == OWN_ADDR6 && c->v[0] == 0xfe &&
	       (c->v[1] & 0xc0) == 0x80;
}

void own_host_fill(struct own *o, const struct guard *g, const struct policy *p)
{
	struct policy routed = *p;
	struct own all;
	unsigned i;

	routed.bridged = p->routed[0] != '\0';
	own_fill(&all, g, &routed);
	*o = all;
	o->bridge[0] = '\0';
	for (i = o->n = 0; i < all.n; i++)
		if (all.v[i].kind != OWN_MAC &&
		    !host_is_link_local(&all.v[i])) /* others' on other links */
			o->v[o->n++] = all.v[i];
}

/* --- rules ------------------------------------------------------------------------ */

static const struct fixed_chain host_chains[] = {
	{ "foreign", FIXED_NO_HOOK },
	{ "input", NF_INET_LOCAL_IN },
	{ "forward", NF_INET_FORWARD }, /* not of a bridge's */
};

/* From lo the host sends for itself. What came by a bridge was asked there, and here
 * is shown what is none of ours, too. Whoever has a VRF has addresses of his own there.
 */
static int host_rule_not(struct code *c, unsigned k)
{
	static const char *const kind[] = { "bridge", "vrf" };
	char name[IFNAMSIZ] = "";
	uint32_t lo = HOST_LO;

	if (!k) {
		code_meta(c, NFT_META_IIF);
		code_cmp(c, true, &lo, sizeof(lo));
	} else {
		str_put(name, sizeof(name), kind[k - 1]);
		code_meta(c, NFT_META_IIFKIND);
		code_cmp(c, true, name, sizeof(name));
	}
	code_verdict(c, NFT_RETURN, NULL);
	return 0;
}

static int host_rule_foreign(struct code *c, unsigned k)
{
	enum { NOT = 3 };
	int rc = k > NOT ? 1
			 : code_open(c, NFPROTO_INET, OWN_HOST_TABLE,
				     "foreign");

	if (rc)
		return rc;
	if (k < NOT)
		return host_rule_not(c, k);
	code_count(c);
	code_verdict(c, NF_DROP, NULL);
	return 0;
}

static int host_rule(struct code *c, const struct fixed *t, unsigned i,
		     unsigned k)
{
	const struct own_table *own =
		&host_own[t->family == NFPROTO_INET ? HOST_INET : HOST_BRIDGE];
	int rc;

	if (t->chain[i].hook != FIXED_NO_HOOK)
		rc = own_rule_source(c, own, t->chain[i].name, k);
	else if (t->family == NFPROTO_INET)
		rc = host_rule_foreign(c, k);
	else
		rc = own_rule_foreign(c, own, t->chain[i].name, k);
	if (rc || !c->failed)
		return rc;
	code_close(c);
	return -ENOMEM;
}

static struct fixed host_fixed(unsigned table)
{
	return (struct fixed){
		.table = OWN_HOST_TABLE,
		.family = host_own[table].family,
		.prio = HOST_PRIO,
		.nset = OWN_SETS - 2, /* no MACs */
		.nchain = ARRAY_SIZE(host_chains) - (table == HOST_BRIDGE),
		.chain = host_chains,
		.rule = host_rule,
	};
}

/* --- both tables ------------------------------------------------------------------ */

struct host {
	struct nft *nft;
	bool there[HOST_TABLES], stands[HOST_TABLES];
	bool no_bridges; /* this kernel has no rules for what comes by them */
};

static bool host_uses(const struct host *h, unsigned table)
{
	return table != HOST_BRIDGE || !h->no_bridges;
}

static void host_look(struct host *h, bool closely)
{
	unsigned i;

	for (i = 0; i < HOST_TABLES; i++) {
		struct fixed t = host_fixed(i);

		h->there[i] = fixed_there(h->nft, &t);
		h->stands[i] = h->there[i] &&
			       (!closely || fixed_stands(h->nft, &t));
	}
	if (h->there[HOST_INET] && !h->there[HOST_BRIDGE])
		h->no_bridges = filter_probe(FILTER_BRIDGE, "lo") ==
				-EOPNOTSUPP;
}

/* Those that are not as they should be; what their sets hold stays. */
static int host_make(struct nft_batch *b, const struct host *h)
{
	unsigned i;
	int rc = 0;

	for (i = 0; !rc && i < HOST_TABLES; i++) {
		struct fixed t = host_fixed(i);

		if (h->stands[i] || !host_uses(h, i))
			continue;
		rc = fixed_put_table(b, &t, NFT_MSG_NEWTABLE,
				     h->there[i] ? 0 : NLM_F_EXCL);
		if (!rc)
			rc = own_put_sets(b, &host_own[i]);
		if (!rc)
			rc = fixed_put_chains(b, &t, h->there[i]);
	}
	return rc;
}

static int host_elems(const struct host *h, struct nft_batch *b,
		      const struct own *o, bool fresh, struct own_seen *seen)
{
	unsigned i;
	int rc = 0;

	for (i = 0; !rc && i < HOST_TABLES; i++) {
		if (h->there[i] && !fresh)
			rc = own_change(h->nft, b, o, &host_own[i], seen);
		else if (host_uses(h, i))
			rc = own_put(b, o, &host_own[i]);
	}
	return rc;
}

/* One change, made of what is there. */
struct host_change {
	const struct own *o;
	const char *guard; /* forget: a table that goes along */
	bool fresh;
	bool stay;	  /* others change rules all the time: no tables go */
	bool there, last; /* out: tables are there; they go */
};

static int host_put_gone(struct nft_batch *b, const struct host *h)
{
	unsigned i;
	int rc = 0;

	for (i = 0; !rc && i < HOST_TABLES; i++) {
		struct fixed t = host_fixed(i);

		if (h->there[i])
			rc = fixed_put_table(b, &t, NFT_MSG_DELTABLE, 0);
	}
	return rc;
}

/* The guard's, unless rules of others' go before it (its note `accept`). */
static int host_put_guard(struct nft *nft, struct nft_batch *b,
			  const char *table)
{
	bool note = false;

	if (guard_nft_there(nft, table, &note) || note)
		return 0;
	return guard_nft_put_gone(b, table);
}

static int host_fill(const struct host *h, struct nft_batch *b,
		     struct host_change *c)
{
	struct own_seen seen = { .others = false };
	int rc = c->guard ? 0 : host_make(b, h);

	if (!rc)
		rc = host_elems(h, b, c->o, c->fresh, &seen);
	c->last = c->guard && !seen.others && !c->stay;
	if (!rc && c->last)
		rc = host_put_gone(b, h);
	if (!rc && c->guard && nft_batch_count(b))
		rc = host_put_guard(h->nft, b, c->guard);
	if (!rc && !c->last && !seen.together)
		nft_batch_any(b);
	return rc;
}

/* What others did meanwhile: tables came or went, or the generation did. */
static bool host_again(struct host *h, int rc)
{
	if (rc == -EOPNOTSUPP && !h->no_bridges && !h->there[HOST_BRIDGE]) {
		h->no_bridges = true;
		return true;
	}
	return rc == -ERESTART || rc == -EINTR || rc == -EEXIST ||
	       rc == -ENOENT;
}

/* 1: others did something meanwhile, again. */
static int host_once(struct host *h, struct host_change *c, struct err *e)
{
	const char *what = OWN_HOST_TABLE;
	struct nft_batch *b = NULL;
	uint32_t gen = 0;
	int rc;

	host_look(h, !c->fresh && !c->guard);
	c->there = h->there[HOST_INET] || h->there[HOST_BRIDGE];
	if (!c->there && !c->o->n)
		return 0;
	rc = c->fresh ? 0 : nft_gen(h->nft, &gen);
	if (!rc)
		rc = nft_batch_open(&b, gen);
	if (!rc)
		rc = host_fill(h, b, c);
	if (!rc && nft_batch_count(b))
		rc = nft_batch_send(h->nft, b, &what);
	if (rc)
		rc = host_again(h, rc) ? 1 : nft_say(e, rc, what, host_config);
	nft_batch_close(b);
	return rc;
}

static int host_change(struct host_change *c, struct err *e)
{
	struct host h = { .nft = NULL };
	unsigned i;
	int rc = nft_open(&h.nft, e);

	if (rc)
		return rc;
	rc = 1;
	for (i = 0; rc == 1 && i < HOST_TRIES; i++) {
		c->stay = i >= HOST_TRIES / 2;
		rc = host_once(&h, c, e);
		c->fresh = false;
	}
	nft_close(h.nft);
	if (rc == 1)
		return err_set(e, -EAGAIN,
			       "%s: others change the rules all the time; try "
			       "again",
			       OWN_HOST_TABLE);
	return rc;
}

int own_host_know(const struct own *o, bool fresh, struct err *e)
{
	struct host_change c = { .o = o, .fresh = fresh };

	return fresh && !o->n ? 0 : host_change(&c, e);
}

int own_host_put(struct nft *nft, struct nft_batch *b, const void *own)
{
	struct host h = { .nft = nft };
	struct own_seen seen;
	int rc;

	host_look(&h, false);
	rc = host_make(b, &h);
	return rc ? rc : host_elems(&h, b, own, true, &seen);
}

/* --- the last goes ----------------------------------------------------------------- */

static int host_on_held(struct nftnl_set_elem *x, void *data)
{
	(void)x;
	*(bool *)data = true;
	return -1;
}

static bool host_held(struct nft *nft)
{
	bool any = false;
	unsigned i, set;

	for (i = 0; i < HOST_TABLES; i++)
		for (set = OWN_KINDS; !any && set < OWN_SETS; set++)
			nft_elems(nft, host_own[i].family, OWN_HOST_TABLE,
				  own_sets[set], host_on_held, &any);
	return any;
}

static int host_drop_once(struct host *h)
{
	struct nft_batch *b = NULL;
	const char *what;
	uint32_t gen = 0;
	int rc = nft_gen(h->nft, &gen);

	host_look(h, false);
	if (rc || host_held(h->nft))
		return rc;
	rc = nft_batch_open(&b, gen);
	if (!rc)
		rc = host_put_gone(b, h);
	if (!rc && nft_batch_count(b))
		rc = nft_batch_send(h->nft, b, &what);
	nft_batch_close(b);
	return rc;
}

/* Of several that leave at once each saw the others: so it is asked afterwards. Where
 * rules change all the time they stay, without elements, until the next one goes.
 */
static void host_drop(void)
{
	struct host h = { .nft = NULL };
	unsigned i;
	int rc = nft_open(&h.nft, NULL) ? 0 : -ERESTART;

	for (i = 0; rc == -ERESTART && i < HOST_TRIES; i++)
		rc = host_drop_once(&h);
	nft_close(h.nft);
}

int own_host_forget(const char *dev, const char *guard, struct err *e)
{
	struct own none = { .n = 0 };
	struct host_change c = { .o = &none, .guard = guard };
	int rc;

	str_put(none.dev, sizeof(none.dev), dev);
	rc = host_change(&c, e);
	if (!rc && c.there && !c.last)
		host_drop();
	return rc;
}

int own_host_check(const struct own *o, struct err *e)
{
	struct host h = { .nft = NULL };
	unsigned i;
	int rc = o->n ? nft_open(&h.nft, e) : 0;

	if (rc || !o->n)
		return rc;
	host_look(&h, true);
	for (i = 0; !rc && i < HOST_TABLES; i++)
		if (host_uses(&h, i))
			rc = h.stands[i] ? own_there(h.nft, o, &host_own[i])
					 : -ENOENT;
	nft_close(h.nft);
	if (rc && rc != -ENOENT)
		return nft_say(e, rc, OWN_HOST_TABLE, host_config);
	return rc != 0;
}

/* Addresses, as a comment: others' elements stand in the same sets. */
int own_host_print(const struct own *o, char *buf, size_t size)
{
	char addr[INET6_ADDRSTRLEN];
	size_t len = 0;
	unsigned i;
	int n;

	for (i = 0; i < o->n; i++) {
		inet_ntop(o->v[i].kind == OWN_ADDR4 ? AF_INET : AF_INET6,
			  o->v[i].v, addr, sizeof(addr));
		n = snprintf(buf + len, size - len, "%s%s",
			     i ? ", "
			       : "# tables inet and bridge " //
				     OWN_HOST_TABLE ": the host takes ",
			     addr);
		if (n < 0 || (size_t)n >= size - len)
			return -ENOSPC;
		len += (size_t)n;
	}
	if (!o->n)
		return 0;
	n = snprintf(buf + len, size - len, " from %s%s\n", o->dev,
		     o->shared ? ", and from elsewhere" : " alone");
	if (n < 0 || (size_t)n >= size - len)
		return -ENOSPC;
	return (int)(len + (size_t)n);
}
