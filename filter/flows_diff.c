// SPDX-License-Identifier: GPL-2.0-or-later
/* flows_diff.c - which rules a change was about
 *
 * nf_tables tells of each rule that comes or goes, in whole, inside the call that
 * commits it. Tables of the legacy variant are read before and after: who changes one
 * reads all of it, too.
 */
#include "flows_own.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

enum {
	DIFF_ROOM = 1 << 23, /* bytes of what is told of one change */
	DIFF_BUF = 1 << 16,
};

/* --- may less pass by its coming, or by its going? --------------------------- */

enum diff_kind { DIFF_NOTHING, DIFF_PASSES, DIFF_DROPS, DIFF_OTHER };

static enum diff_kind diff_verdict(int verdict)
{
	return verdict == NF_ACCEPT ? DIFF_PASSES
	       : verdict == NF_DROP ? DIFF_DROPS
				    : DIFF_OTHER;
}

static int diff_expr(struct nftnl_expr *x, void *data)
{
	static const char *const looks[] = { "payload", "cmp",	     "range",
					     "bitwise", "byteorder", "exthdr",
					     "match",	"limit",     "counter",
					     "objref",	"log" };
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_NAME);
	enum diff_kind *kind = data;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(looks); i++)
		if (!strcmp(name, looks[i]))
			return 0;
	if (!strcmp(name, "meta") &&
	    !nftnl_expr_is_set(x, NFTNL_EXPR_META_SREG))
		return 0;
	if (!strcmp(name, "ct") && !nftnl_expr_is_set(x, NFTNL_EXPR_CT_SREG))
		return 0;
	if (!strcmp(name, "lookup") &&
	    !nftnl_expr_is_set(x, NFTNL_EXPR_LOOKUP_DREG))
		return 0;
	*kind = DIFF_OTHER;
	if (!strcmp(name, "immediate") &&
	    nftnl_expr_get_u32(x, NFTNL_EXPR_IMM_DREG) == NFT_REG_VERDICT)
		*kind = diff_verdict(
			(int)nftnl_expr_get_u32(x, NFTNL_EXPR_IMM_VERDICT));
	if (!strcmp(name, "reject"))
		*kind = DIFF_DROPS;
	return *kind == DIFF_OTHER ? -1 : 0;
}

static bool diff_closes(struct nftnl_rule *r, bool came)
{
	enum diff_kind kind = DIFF_NOTHING;

	nftnl_expr_foreach(r, diff_expr, &kind);
	return kind == DIFF_OTHER || kind == (came ? DIFF_DROPS : DIFF_PASSES);
}

/* --- nf_tables ---------------------------------------------------------------- */

/* The side of the change that is being read: chains in the order in which they come,
 * loaded if that is all of them.
 */
struct diff_side {
	struct explain_db *db;
	unsigned last; /* it mostly is the one of before */
};

struct diff {
	struct flows_diff *d;
	struct diff_side was, is;
};

static bool diff_is(const struct explain_chain *c, uint16_t family,
		    const char *table, const char *name)
{
	return c->family == family && !strcmp(c->table, table) &&
	       !strcmp(c->name, name);
}

static struct explain_chain *diff_find(struct diff_side *s, uint16_t family,
				       const char *table, const char *name)
{
	struct explain_chain *c;
	unsigned i;

	if (s->last < s->db->nchain &&
	    diff_is(&s->db->chain[s->last], family, table, name))
		return &s->db->chain[s->last];
	for (i = 0; i < s->db->nchain; i++)
		if (diff_is(&s->db->chain[i], family, table, name))
			break;
	s->last = i;
	if (i < s->db->nchain)
		return &s->db->chain[i];
	c = explain_db_more(s->db);
	if (c) {
		c->family = family;
		str_put(c->table, sizeof(c->table), table);
		str_put(c->name, sizeof(c->name), name);
	}
	return c;
}

/* Takes r over: NULL it was, or there is no memory. */
static int diff_put(struct explain_chain *c, struct nftnl_rule *r)
{
	struct nftnl_rule **v = NULL;

	if (c && r)
		v = reallocarray(c->rule, c->n + 1, sizeof(*v));
	if (!v) {
		if (r)
			nftnl_rule_free(r);
		return -ENOMEM;
	}
	c->rule = v;
	v[c->n++] = r;
	return 0;
}

static void diff_rule(struct diff *x, const struct nlmsghdr *nlh,
		      struct diff_side *s)
{
	struct nftnl_rule *r = nftnl_rule_alloc();
	struct explain_chain *c = NULL;

	if (r && !nftnl_rule_nlmsg_parse(nlh, r) &&
	    nftnl_rule_is_set(r, NFTNL_RULE_CHAIN) &&
	    nftnl_rule_is_set(r, NFTNL_RULE_TABLE))
		c = diff_find(
			s, (uint16_t)nftnl_rule_get_u32(r, NFTNL_RULE_FAMILY),
			nftnl_rule_get_str(r, NFTNL_RULE_TABLE),
			nftnl_rule_get_str(r, NFTNL_RULE_CHAIN));
	if (diff_put(c, r))
		x->d->all = true;
}

/* A chain whose end drops: all that comes to it. */
static void diff_chain(struct diff *x, const struct nlmsghdr *nlh,
		       struct diff_side *s)
{
	struct nftnl_chain *n = nftnl_chain_alloc();
	struct explain_chain *c = NULL;

	if (n && !nftnl_chain_nlmsg_parse(nlh, n) &&
	    nftnl_chain_is_set(n, NFTNL_CHAIN_TABLE) &&
	    nftnl_chain_is_set(n, NFTNL_CHAIN_NAME))
		c = diff_find(
			s, (uint16_t)nftnl_chain_get_u32(n, NFTNL_CHAIN_FAMILY),
			nftnl_chain_get_str(n, NFTNL_CHAIN_TABLE),
			nftnl_chain_get_str(n, NFTNL_CHAIN_NAME));
	if (c)
		c->loaded = true;
	if (!c || (s == &x->is && nftnl_chain_is_set(n, NFTNL_CHAIN_POLICY) &&
		   nftnl_chain_get_u32(n, NFTNL_CHAIN_POLICY) == NF_DROP))
		x->d->all = true;
	if (n)
		nftnl_chain_free(n);
}

/* Which rules ask a set that has a name is not looked for. */
static void diff_elems(struct flows_diff *d, const struct nlmsghdr *nlh)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) == NFTA_SET_ELEM_LIST_SET &&
		    strncmp(mnl_attr_get_str(a), "__", 2))
			d->all = true;
	}
}

static int diff_event(const struct nlmsghdr *nlh, void *data)
{
	struct diff *x = data;

	switch (NFNL_MSG_TYPE(nlh->nlmsg_type)) {
	case NFT_MSG_NEWRULE:
		diff_rule(x, nlh, &x->is);
		break;
	case NFT_MSG_DELRULE:
		diff_rule(x, nlh, &x->was);
		break;
	case NFT_MSG_NEWCHAIN:
		diff_chain(x, nlh, &x->is);
		break;
	case NFT_MSG_DELCHAIN:
		diff_chain(x, nlh, &x->was);
		break;
	case NFT_MSG_NEWSETELEM:
	case NFT_MSG_DELSETELEM:
		diff_elems(x->d, nlh);
		break;
	}
	return MNL_CB_OK;
}

static void diff_heard(struct diff *x)
{
	static char buf[DIFF_BUF] __attribute__((aligned(8)));
	ssize_t n;

	for (;;) {
		n = mnl_socket_recvfrom(x->d->nl, buf, sizeof(buf));
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		if (mnl_cb_run(buf, (size_t)n, 0, 0, diff_event, x) < 0)
			x->d->all = true;
	}
	if (n < 0 && errno != EAGAIN)
		x->d->all = true; /* more than there was room for */
}

static int diff_listen(struct flows_diff *d, struct err *e)
{
	int room = DIFF_ROOM, fd;

	d->nl = mnl_socket_open2(NETLINK_NETFILTER,
				 SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!d->nl || mnl_socket_bind(d->nl, 1u << (NFNLGRP_NFTABLES - 1),
				      MNL_SOCKET_AUTOPID) < 0)
		return err_set(e, -errno, "cannot hear of changes: %s",
			       strerror(errno));
	fd = mnl_socket_get_fd(d->nl);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return 0;
}

/* --- what differs --------------------------------------------------------------- */

static int diff_same_expr(struct nftnl_expr *x, void *data)
{
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_NAME);
	struct nlmsghdr *nlh = data;
	struct nlattr *nest;

	if (!strcmp(name, "counter"))
		return 0;
	nest = mnl_attr_nest_start(nlh, 1);
	mnl_attr_put_strz(nlh, 1, name);
	nftnl_expr_build_payload(nlh, x);
	mnl_attr_nest_end(nlh, nest);
	return 0;
}

static bool diff_same(struct nftnl_rule *a, struct nftnl_rule *b)
{
	static char buf[2][2 * NFT_MSG_ROOM] __attribute__((aligned(8)));
	struct nlmsghdr *x, *y;

	memset(buf, 0, sizeof(buf)); /* what stands between attributes, too */
	x = mnl_nlmsg_put_header(buf[0]);
	y = mnl_nlmsg_put_header(buf[1]);
	nftnl_expr_foreach(a, diff_same_expr, x);
	nftnl_expr_foreach(b, diff_same_expr, y);
	return x->nlmsg_len == y->nlmsg_len &&
	       !memcmp(buf[0], buf[1], x->nlmsg_len);
}

/* Takes over those of rules from..to of c that close. */
static void diff_take(struct flows_diff *d, struct explain_chain *c,
		      unsigned from, unsigned to, bool came)
{
	struct flows_rule *v;

	for (; from < to; from++) {
		if (!diff_closes(c->rule[from], came))
			continue;
		v = reallocarray(d->v, d->n + 1, sizeof(*v));
		if (!v) {
			d->all = true;
			return;
		}
		d->v = v;
		v += d->n++;
		v->family = c->family;
		str_put(v->table, sizeof(v->table), c->table);
		str_put(v->chain, sizeof(v->chain), c->name);
		v->rule = c->rule[from];
		v->came = came;
		c->rule[from] = NULL;
	}
}

/* Of chains that are known whole, what is between those at the beginning and at the
 * end that stayed.
 */
static void diff_chains(struct flows_diff *d, struct explain_chain *was,
			struct explain_chain *is)
{
	unsigned k = 0, a = was ? was->n : 0, b = is ? is->n : 0;

	if (is && is->policy == NF_DROP && is->base &&
	    (!was || was->policy != NF_DROP))
		d->all = true;
	if (was && is && was->loaded && is->loaded) {
		while (k < a && k < b && diff_same(was->rule[k], is->rule[k]))
			k++;
		while (a > k && b > k &&
		       diff_same(was->rule[a - 1], is->rule[b - 1])) {
			a--;
			b--;
		}
	}
	if (was)
		diff_take(d, was, k, a, false);
	if (is)
		diff_take(d, is, k, b, true);
}

static void diff_both(struct flows_diff *d, struct explain_db *is)
{
	struct explain_chain *c;
	unsigned i;

	for (i = 0; i < is->nchain; i++) {
		c = &is->chain[i];
		diff_chains(
			d,
			explain_db_chain(d->was, c->family, c->table, c->name),
			c);
	}
	for (i = 0; i < d->was->nchain; i++) {
		c = &d->was->chain[i];
		if (!explain_db_chain(is, c->family, c->table, c->name))
			diff_chains(d, c, NULL);
	}
}

/* --- the border ------------------------------------------------------------------ */

int flows_diff_open(struct flows_diff *d, bool hear, explain_more_fn *more,
		    struct err *e)
{
	int rc;

	memset(d, 0, sizeof(*d));
	d->all = !hear;
	if (!hear)
		return 0;
	d->more = more;
	rc = diff_listen(d, e);
	if (!rc)
		rc = explain_db_empty(&d->was, e);
	return rc || !more ? rc : more(d->was, e);
}

int flows_diff_read(struct flows_diff *d, struct err *e)
{
	struct diff x = { .d = d, .was.db = d->was };
	int rc;

	if (!d->nl)
		return 0;
	rc = explain_db_empty(&x.is.db, e);
	if (rc)
		return rc;
	diff_heard(&x);
	if (d->more)
		rc = d->more(x.is.db, e);
	if (!rc && (explain_db_sort(d->was) || explain_db_sort(x.is.db)))
		rc = err_set(e, -ENOMEM, "out of memory");
	if (!rc)
		diff_both(d, x.is.db);
	explain_db_close(x.is.db);
	return rc;
}

void flows_diff_close(struct flows_diff *d)
{
	while (d->n)
		nftnl_rule_free(d->v[--d->n].rule);
	free(d->v);
	explain_db_close(d->was);
	if (d->nl)
		mnl_socket_close(d->nl);
	memset(d, 0, sizeof(*d));
}
