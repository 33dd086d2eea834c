// SPDX-License-Identifier: GPL-2.0-or-later
/* guard_nft.c - the guard as one netlink batch
 *
 * The table is made if there is none, else replaced: added (so that there is one
 * whatever happened), deleted, and added with its content, all in one batch. The
 * old chain judges frames until the new one does. Neither way depends on what was
 * read, but they differ in time: a batch that is refused waits 15 ms in the
 * kernel, and so does the close of a socket through which something was deleted.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "code.h"
#include "cut.h"
#include "guard_nft.h"
#include "nft.h"

enum {
	/* nft's own numbers for types, which it needs to print a set */
	GUARD_NFT_IPV4 = 7,
	GUARD_NFT_IPV6 = 8,
};

const char guard_nft_config[] =
	"CONFIG_NF_TABLES, CONFIG_NF_TABLES_NETDEV, CONFIG_NETFILTER_INGRESS "
	"and CONFIG_NETFILTER_EGRESS (Linux 5.16); for ip=dhcp CONFIG_NFT_LOG "
	"and CONFIG_NETFILTER_NETLINK_LOG, too";

/* --- one rule ------------------------------------------------------------- */

/* What a rule has asked so far, or what follows from where it stands. */
struct guard_nft_asked {
	bool link, net, l4;
};

/* What a header needs to be there, as nft itself writes it: without these two
 * instructions `nft list` would show raw offsets.
 */
static void guard_nft_needs(struct code *c, const struct guard_field_info *f,
			    struct guard_nft_asked *a)
{
	uint16_t type = ARPHRD_ETHER, ether = f->ether;
	uint8_t be[2];

	if (!f->name || f->base == GUARD_META)
		return;
	if (f->proto == IPPROTO_ICMPV6)
		ether = ETHERTYPE_IPV6;
	if (f->base == GUARD_LINK && !a->link) {
		code_meta(c, NFT_META_IIFTYPE);
		code_cmp(c, true, &type, sizeof(type));
		a->link = true;
	}
	if (ether && !a->net) {
		be[0] = (uint8_t)(ether >> 8);
		be[1] = (uint8_t)ether;
		code_meta(c, NFT_META_PROTOCOL);
		code_cmp(c, true, be, sizeof(be));
		a->net = true;
	}
	if (f->proto && !a->l4) {
		code_meta(c, NFT_META_L4PROTO);
		code_cmp(c, true, &f->proto, 1);
		a->l4 = true;
	}
}

static void guard_nft_learn(struct code *c, enum guard_set s)
{
	struct nftnl_expr *x = code_add(c, "dynset");

	if (!x)
		return;
	nftnl_expr_set_u32(x, NFTNL_EXPR_DYNSET_SREG_KEY, NFT_REG_1);
	nftnl_expr_set_u32(x, NFTNL_EXPR_DYNSET_OP, NFT_DYNSET_OP_UPDATE);
	/* the set's own; said, since the kernel will say it */
	nftnl_expr_set_u64(x, NFTNL_EXPR_DYNSET_TIMEOUT, 0);
	if (nftnl_expr_set_str(x, NFTNL_EXPR_DYNSET_SET_NAME, guard_sets[s]))
		c->failed = true;
	nftnl_expr_set_u32(x, NFTNL_EXPR_DYNSET_SET_ID, s + 1);
}

static void guard_nft_load(struct code *c, const struct guard_match *m,
			   struct guard_nft_asked *a)
{
	static const uint32_t base[] = {
		[GUARD_LINK] = NFT_PAYLOAD_LL_HEADER,
		[GUARD_NET] = NFT_PAYLOAD_NETWORK_HEADER,
		[GUARD_TRANSPORT] = NFT_PAYLOAD_TRANSPORT_HEADER,
	};
	const struct guard_field_info *f = &guard_fields[m->field];

	guard_nft_needs(c, f, a);
	if (f->base == GUARD_META)
		code_meta(c, f->off);
	else
		code_payload(c, base[f->base], f->off + m->at, f->len);
	if (m->field == GUARD_IP6_NEXT && m->op == GUARD_EQ)
		a->l4 = true;
}

static void guard_nft_match(struct code *c, const struct guard_match *m,
			    struct guard_nft_asked *a)
{
	static const uint32_t op[] = {
		[GUARD_EQ] = NFT_CMP_EQ,
		[GUARD_NE] = NFT_CMP_NEQ,
		[GUARD_LT] = NFT_CMP_LT,
		[GUARD_GT] = NFT_CMP_GT,
	};
	const struct guard_field_info *f = &guard_fields[m->field];
	enum guard_set s = f->len == 4 ? GUARD_ADDR4 : GUARD_ADDR6;
	static const uint8_t syn = 0x02, syn_ack = 0x12;
	uint8_t mask[16] = { 0 };
	unsigned i;

	guard_nft_load(c, m, a);
	if (m->op == GUARD_SYN) {
		code_mask(c, &syn_ack, 1);
		code_compare(c, NFT_CMP_EQ, &syn, 1);
		return;
	}
	if (m->op == GUARD_RANGE) {
		code_range(c, true, m->value, m->value + 1, 1);
		return;
	}
	if (m->op == GUARD_IN) {
		code_in_set(c, guard_sets[s]);
		return;
	}
	if (m->op == GUARD_LEARN) {
		guard_nft_learn(c, s);
		return;
	}
	for (i = m->skip; i < m->bits; i++)
		mask[i / 8] |= (uint8_t)(0x80 >> i % 8);
	if (m->skip || m->bits < 8 * f->len)
		code_mask(c, mask, f->len);
	code_compare(c, op[m->op], m->value, f->len);
}

int guard_nft_rule(const struct guard *g, const struct guard_rule *r,
		   struct code *c)
{
	struct guard_nft_asked a = { false, false, false };
	unsigned i;
	int rc = code_open(c, NFPROTO_NETDEV, g->table, guard_chains[r->chain]);

	if (rc)
		return rc;
	for (i = 0; i < r->n; i++)
		guard_nft_match(c, &r->m[i], &a);
	if (r->over)
		code_over(c, r->over);
	if (r->log)
		code_log(c, "", GUARD_LOG_GROUP, GUARD_LOG_SNAP, 1);
	switch ((enum guard_verdict)r->verdict) {
	case GUARD_DROP:
		code_counter(c, guard_counters[r->to]);
		code_verdict(c, NF_DROP, NULL);
		break;
	case GUARD_RETURN:
		code_verdict(c, NFT_RETURN, NULL);
		break;
	case GUARD_GOTO:
		code_verdict(c, NFT_GOTO, guard_chains[r->to]);
		break;
	case GUARD_GO_ON:
		break;
	}
	if (!c->failed)
		return 0;
	code_close(c);
	return -ENOMEM;
}

/* --- what a table leaves to the one that replaces it ------------------------ */

/* Counts, and the addresses that were learned. What is dropped between reading
 * and the batch's commit is not counted.
 */
struct guard_nft_kept {
	int found; /* counters */
	uint64_t packets[GUARD_COUNTERS], bytes[GUARD_COUNTERS];
	enum guard_set set; /* which is being read */
	bool leased;	    /* .. and that it is of that kind */
	unsigned nold;	    /* addresses that were given */
	struct vif_addr old[GUARD_SETS * GUARD_SET];
	struct nftnl_set *learned[GUARD_SETS];
	unsigned nlearned[GUARD_SETS];
};

static int guard_nft_keep_counter(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_obj *o = nftnl_obj_alloc();
	struct guard_nft_kept *k = data;
	unsigned i;

	if (!o || nftnl_obj_nlmsg_parse(nlh, o) ||
	    nftnl_obj_get_u32(o, NFTNL_OBJ_TYPE) != NFT_OBJECT_COUNTER)
		goto out;
	k->found++;
	for (i = 0; i < GUARD_COUNTERS; i++) {
		if (strcmp(nftnl_obj_get_str(o, NFTNL_OBJ_NAME),
			   guard_counters[i]))
			continue;
		k->packets[i] = nftnl_obj_get_u64(o, NFTNL_OBJ_CTR_PKTS);
		k->bytes[i] = nftnl_obj_get_u64(o, NFTNL_OBJ_CTR_BYTES);
	}
out:
	if (o)
		nftnl_obj_free(o);
	return MNL_CB_OK;
}

static void guard_nft_put_objs(struct nlmsghdr *nlh, const void *table)
{
	mnl_attr_put_strz(nlh, NFTA_OBJ_TABLE, table);
	mnl_attr_put_u32(nlh, NFTA_OBJ_TYPE, htonl(NFT_OBJECT_COUNTER));
}

static int guard_nft_counters(struct nft *nft, const char *table,
			      struct guard_nft_kept *k)
{
	struct nft_ask a = { .type = NFT_MSG_GETOBJ,
			     .family = NFPROTO_NETDEV,
			     .dump = true,
			     .build = guard_nft_put_objs,
			     .arg = table,
			     .each = guard_nft_keep_counter,
			     .data = k };

	return nft_ask(nft, &a);
}

static int guard_nft_keep_elem(struct nftnl_set_elem *x, void *data)
{
	struct guard_nft_kept *k = data;
	struct nftnl_set_elem *y;
	const void *key;
	uint32_t len;
	uint64_t left;

	key = nftnl_set_elem_get(x, NFTNL_SET_ELEM_KEY, &len);
	y = key ? nftnl_set_elem_alloc() : NULL;
	if (!y)
		return 0;
	nftnl_set_elem_set(y, NFTNL_SET_ELEM_KEY, key, len);
	/* what has no time there is given, and may be another now */
	if (k->leased && !nftnl_set_elem_is_set(x, NFTNL_SET_ELEM_EXPIRATION)) {
		nftnl_set_elem_free(y);
		return 0;
	}
	if (nftnl_set_elem_is_set(x, NFTNL_SET_ELEM_EXPIRATION)) {
		left = nftnl_set_elem_get_u64(x, NFTNL_SET_ELEM_EXPIRATION);
		/* a time of its own, which no shorter default cuts */
		nftnl_set_elem_set_u64(y, NFTNL_SET_ELEM_TIMEOUT,
				       left ? left : 1);
	}
	nftnl_set_elem_add(k->learned[k->set], y);
	k->nlearned[k->set]++;
	return 0;
}

static int guard_nft_keep_old(struct nftnl_set_elem *x, void *data)
{
	struct guard_nft_kept *k = data;
	uint32_t len = 0;
	const void *key = nftnl_set_elem_get(x, NFTNL_SET_ELEM_KEY, &len);
	struct vif_addr *a = &k->old[k->nold];

	if (!key || k->nold == ARRAY_SIZE(k->old) || (len != 4 && len != 16))
		return 0;
	*a = (struct vif_addr){ .family = len == 4 ? AF_INET : AF_INET6,
				.len = (uint8_t)(8 * len) };
	memcpy(a->addr, key, len);
	k->nold++;
	return 0;
}

/* A table that is not as expected keeps nothing. */
static void guard_nft_keep(struct nft *nft, const struct guard *g,
			   struct guard_nft_kept *k)
{
	unsigned i;

	guard_nft_counters(nft, g->table, k);
	for (i = 0; i < GUARD_SETS; i++) {
		if (g->learn_s[i] || g->leased[i])
			k->learned[i] = nftnl_set_alloc();
		k->leased = g->leased[i];
		k->set = (enum guard_set)i;
		nft_elems(nft, NFPROTO_NETDEV, g->table, guard_sets[i],
			  k->learned[i] ? guard_nft_keep_elem
					: guard_nft_keep_old,
			  k);
	}
}

/* The guest may no longer be these: nor may its flows go on. */
static void guard_nft_cut(const struct guard *g, const struct guard_nft_kept *k)
{
	struct vif_addr gone[GUARD_SETS * GUARD_SET];
	unsigned i, n = 0;

	for (i = 0; i < k->nold; i++)
		if (!guard_allows(g, &k->old[i]))
			gone[n++] = k->old[i];
	if (n)
		cut_flows(gone, n);
}

static void guard_nft_forget(struct guard_nft_kept *k)
{
	unsigned i;

	for (i = 0; i < GUARD_SETS; i++)
		if (k->learned[i])
			nftnl_set_free(k->learned[i]);
}

/* --- the batch ------------------------------------------------------------ */

static int guard_nft_put_table(struct nft_batch *b, uint16_t type,
			       uint16_t flags, const char *table, bool note)
{
	struct nftnl_table *t = nftnl_table_alloc();
	struct nlmsghdr *nlh;
	int rc = -ENOMEM;

	if (!t || nftnl_table_set_str(t, NFTNL_TABLE_NAME, table))
		goto out;
	if (note)
		guard_nft_put_note(t);
	if (type == NFT_MSG_NEWTABLE)
		flags |= NLM_F_CREATE;
	nlh = nft_batch_msg(b, type, NFPROTO_NETDEV, flags, "table netdev %s",
			    table);
	if (nlh)
		nftnl_table_nlmsg_build_payload(nlh, t);
	rc = 0;
out:
	if (t)
		nftnl_table_free(t);
	return rc;
}

static int guard_nft_put_counter(struct nft_batch *b, const struct guard *g,
				 const struct guard_nft_kept *k, unsigned i)
{
	const char *name = guard_counters[i];
	struct nftnl_obj *o = nftnl_obj_alloc();
	struct nlmsghdr *nlh;
	int rc = -ENOMEM;

	if (!o)
		return rc;
	nftnl_obj_set_str(o, NFTNL_OBJ_TABLE, g->table);
	nftnl_obj_set_str(o, NFTNL_OBJ_NAME, name);
	/* it does not say that it had no memory */
	if (!nftnl_obj_get_str(o, NFTNL_OBJ_TABLE) ||
	    !nftnl_obj_get_str(o, NFTNL_OBJ_NAME))
		goto out;
	nftnl_obj_set_u32(o, NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
	nftnl_obj_set_u64(o, NFTNL_OBJ_CTR_PKTS, k->packets[i]);
	nftnl_obj_set_u64(o, NFTNL_OBJ_CTR_BYTES, k->bytes[i]);
	nlh = nft_batch_msg(b, NFT_MSG_NEWOBJ, NFPROTO_NETDEV, NLM_F_CREATE,
			    "%s: counter %s", g->table, name);
	if (nlh)
		nftnl_obj_nlmsg_build_payload(nlh, o);
	rc = 0;
out:
	nftnl_obj_free(o);
	return rc;
}

static int guard_nft_put_chain(struct nft_batch *b, const struct guard *g,
			       enum guard_chain n)
{
	bool base = n == GUARD_FROM_GUEST || n == GUARD_TO_GUEST;
	uint32_t hook = n == GUARD_TO_GUEST ? NF_NETDEV_EGRESS
					    : NF_NETDEV_INGRESS;
	struct nftnl_chain *c = nftnl_chain_alloc();
	struct nlmsghdr *nlh;
	int rc = -ENOMEM;

	if (!c || nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, g->table) ||
	    nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, guard_chains[n]))
		goto out;
	if (base) {
		if (nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, "filter") ||
		    nftnl_chain_set_str(c, NFTNL_CHAIN_DEV, g->dev))
			goto out;
		nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, hook);
		nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, GUARD_PRIO);
		nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	}
	nlh = nft_batch_msg(b, NFT_MSG_NEWCHAIN, NFPROTO_NETDEV, NLM_F_CREATE,
			    "%s: %s chain %s", g->table,
			    n == GUARD_FROM_GUEST ? "netdev ingress"
			    : base		  ? "netdev egress"
						  : "netdev",
			    guard_chains[n]);
	if (nlh)
		nftnl_chain_nlmsg_build_payload(nlh, c);
	rc = 0;
out:
	if (c)
		nftnl_chain_free(c);
	return rc;
}

static int guard_nft_fill_set(struct nftnl_set *s, const struct guard *g,
			      enum guard_set n)
{
	uint32_t len = n == GUARD_ADDR4 ? 4 : 16;
	unsigned i;

	if (nftnl_set_set_str(s, NFTNL_SET_TABLE, g->table) ||
	    nftnl_set_set_str(s, NFTNL_SET_NAME, guard_sets[n]))
		return -ENOMEM;
	nftnl_set_set_u32(s, NFTNL_SET_FAMILY, NFPROTO_NETDEV);
	nftnl_set_set_u32(s, NFTNL_SET_ID, n + 1);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE,
			  n == GUARD_ADDR4 ? GUARD_NFT_IPV4 : GUARD_NFT_IPV6);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, len);
	if (g->learn_s[n]) {
		nftnl_set_set_u32(s, NFTNL_SET_FLAGS,
				  NFT_SET_TIMEOUT | NFT_SET_EVAL);
		nftnl_set_set_u64(s, NFTNL_SET_TIMEOUT,
				  UINT64_C(1000) * g->learn_s[n]);
		nftnl_set_set_u32(s, NFTNL_SET_DESC_SIZE, g->size[n]);
	} else if (g->leased[n]) {
		nftnl_set_set_u32(s, NFTNL_SET_FLAGS, NFT_SET_TIMEOUT);
	}
	for (i = 0; i < g->nset[n]; i++) {
		struct nftnl_set_elem *x = nftnl_set_elem_alloc();

		if (!x)
			return -ENOMEM;
		nftnl_set_elem_set(x, NFTNL_SET_ELEM_KEY, g->set[n][i], len);
		nftnl_set_elem_add(s, x);
	}
	return 0;
}

static int guard_nft_put_elems_of(struct nft_batch *b, const struct guard *g,
				  enum guard_set n, struct nftnl_set *s)
{
	struct nlmsghdr *nlh;

	nlh = nft_batch_msg(b, NFT_MSG_NEWSETELEM, NFPROTO_NETDEV, NLM_F_CREATE,
			    "%s: addresses of set %s", g->table, guard_sets[n]);
	if (nlh)
		nftnl_set_elems_nlmsg_build_payload(nlh, s);
	return 0;
}

/* What was learned before, in the set that takes its place. */
static int guard_nft_put_learned(struct nft_batch *b, const struct guard *g,
				 const struct guard_nft_kept *k,
				 enum guard_set n)
{
	struct nftnl_set *s = k->learned[n];

	if (!s || !k->nlearned[n])
		return 0;
	if (nftnl_set_set_str(s, NFTNL_SET_TABLE, g->table) ||
	    nftnl_set_set_str(s, NFTNL_SET_NAME, guard_sets[n]))
		return -ENOMEM;
	nftnl_set_set_u32(s, NFTNL_SET_ID, n + 1);
	return guard_nft_put_elems_of(b, g, n, s);
}

static int guard_nft_put_set(struct nft_batch *b, const struct guard *g,
			     const struct guard_nft_kept *k, enum guard_set n)
{
	struct nftnl_set *s = nftnl_set_alloc();
	struct nlmsghdr *nlh;
	int rc = -ENOMEM;

	if (!s)
		return rc;
	rc = guard_nft_fill_set(s, g, n);
	if (rc)
		goto out;
	nlh = nft_batch_msg(b, NFT_MSG_NEWSET, NFPROTO_NETDEV, NLM_F_CREATE,
			    "%s: set %s", g->table, guard_sets[n]);
	if (nlh)
		nftnl_set_nlmsg_build_payload(nlh, s);
	rc = g->learn_s[n] ? 0 : guard_nft_put_elems_of(b, g, n, s);
	if (!rc)
		rc = guard_nft_put_learned(b, g, k, n);
out:
	nftnl_set_free(s);
	return rc;
}

static int guard_nft_put_rule(struct nft_batch *b, const struct guard *g,
			      unsigned i)
{
	struct nlmsghdr *nlh;
	struct code c;
	int rc = guard_nft_rule(g, &g->v[i], &c);

	if (rc)
		return rc;
	nlh = nft_batch_msg(b, NFT_MSG_NEWRULE, NFPROTO_NETDEV,
			    NLM_F_CREATE | NLM_F_APPEND, "%s: rule %u in %s",
			    g->table, i + 1, guard_chains[g->v[i].chain]);
	if (nlh)
		nftnl_rule_nlmsg_build_payload(nlh, c.rule);
	code_close(&c);
	return 0;
}

static int guard_nft_fill(struct nft_batch *b, const struct guard *g,
			  const struct guard_nft_kept *k, bool replace)
{
	unsigned i;
	int rc = 0;

	if (replace)
		rc = guard_nft_put_table(b, NFT_MSG_NEWTABLE, 0, g->table,
					 false);
	if (!rc && replace)
		rc = guard_nft_put_table(b, NFT_MSG_DELTABLE, 0, g->table,
					 false);
	if (!rc)
		rc = guard_nft_put_table(b, NFT_MSG_NEWTABLE, NLM_F_EXCL,
					 g->table, g->accept);
	for (i = 0; !rc && i < GUARD_SETS; i++)
		if (guard_has_set(g, (enum guard_set)i))
			rc = guard_nft_put_set(b, g, k, (enum guard_set)i);
	for (i = 0; !rc && i < GUARD_COUNTERS; i++)
		rc = guard_nft_put_counter(b, g, k, i);
	for (i = 0; !rc && i < GUARD_CHAINS; i++)
		if (g->chain[i])
			rc = guard_nft_put_chain(b, g, (enum guard_chain)i);
	for (i = 0; !rc && i < g->n; i++)
		rc = guard_nft_put_rule(b, g, i);
	return rc;
}

/* A refusal is not told: the guard comes alone then. */
static bool guard_nft_send_both(struct nft *nft, const struct guard *g,
				struct guard_also *also)
{
	struct guard_nft_kept k = { .set = 0 };
	struct nft_batch *b = NULL;
	const char *what;
	int rc = nft_batch_open(&b, 0);

	if (!rc)
		rc = guard_nft_fill(b, g, &k, false);
	if (!rc)
		rc = also->put(nft, b, also->arg);
	if (!rc)
		rc = nft_batch_send(nft, b, &what);
	nft_batch_close(b);
	also->done = !rc;
	return also->done;
}

/* -EEXIST without a sentence: there is a table, and replace was not asked. */
static int guard_nft_send(struct nft *nft, const struct guard *g, bool replace,
			  struct err *e)
{
	struct guard_nft_kept k = { .set = 0 };
	struct nft_batch *b = NULL;
	const char *what = "batch";
	int rc;

	if (replace)
		guard_nft_keep(nft, g, &k);
	rc = nft_batch_open(&b, 0);
	if (!rc)
		rc = guard_nft_fill(b, g, &k, replace);
	if (!rc)
		rc = nft_batch_send(nft, b, &what);
	if (rc && (rc != -EEXIST || replace))
		rc = nft_say(e, rc, what, guard_nft_config);
	nft_batch_close(b);
	if (!rc)
		guard_nft_cut(g, &k);
	guard_nft_forget(&k);
	return rc;
}

/* Linux 6.16 and later would take a chain for a device to come; we rely on
 * nothing that Debian's kernel lacks.
 */
static int guard_nft_no_device(const struct guard *g, struct err *e)
{
	return err_set(e, -ENODEV,
		       "%s: guard: no such device; it must exist before its "
		       "guard",
		       g->dev);
}

int guard_nft_apply(const struct guard *g, struct guard_was *was,
		    struct guard_also *also, struct err *e)
{
	struct nft *nft = NULL;
	int rc;

	if (!if_nametoindex(g->dev))
		return guard_nft_no_device(g, e);
	rc = nft_open(&nft, e);
	if (rc) {
		err_prefix(e, "%s: guard", g->dev);
		return rc;
	}
	was->there = !guard_nft_there(nft, g->table, &was->noted);
	/* what stands already is left alone, and nobody waits for its end */
	if (was->there && !guard_nft_check(g, NULL, NULL))
		goto out;
	rc = 0;
	if (!was->there && also && guard_nft_send_both(nft, g, also))
		goto out;
	rc = guard_nft_send(nft, g, was->there, e);
	if (rc == -EEXIST)
		rc = guard_nft_send(nft, g, true, e);
	/* The kernel says ENOENT for a device, too: did it go meanwhile? */
	if (rc == -EOPNOTSUPP && !if_nametoindex(g->dev))
		rc = guard_nft_no_device(g, e);
	else if (rc)
		err_prefix(e, "%s: guard", g->dev);
out:
	nft_close(nft);
	return rc;
}

int guard_nft_put_gone(struct nft_batch *b, const char *table)
{
	return guard_nft_put_table(b, NFT_MSG_DELTABLE, 0, table, false);
}

/* The table, if it is there, and if what its note says was seen to (else 1). */
static int guard_nft_delete(struct nft *nft, struct nft_batch *b,
			    const char *table, bool noted, struct err *e)
{
	const char *what = table;
	bool note;
	int rc = guard_nft_there(nft, table, &note);

	/* a batch that is refused takes its time in the kernel */
	if (rc == -ENOENT)
		return 0;
	if (!rc && note && !noted)
		return 1;
	if (!rc)
		rc = nft_batch_send(nft, b, &what);
	if (rc == -ENOENT || rc == -EOPNOTSUPP)
		return 0; /* no such table, or no nf_tables to have one */
	return rc ? nft_say(e, rc, what, guard_nft_config) : 0;
}

int guard_nft_remove(const char *table, bool noted, struct err *e)
{
	struct nft_batch *b = NULL;
	struct nft *nft = NULL;
	int rc;

	rc = nft_batch_open(&b, 0);
	if (!rc)
		rc = guard_nft_put_gone(b, table);
	if (rc) {
		err_set(e, rc, "%s: out of memory", table);
		goto out;
	}
	rc = nft_open(&nft, e);
	if (!rc)
		rc = guard_nft_delete(nft, b, table, noted, e);
out:
	nft_close(nft);
	nft_batch_close(b);
	return rc;
}
