// SPDX-License-Identifier: GPL-2.0-or-later
/* nat.c - one table for all of mode nat: masquerade, forwards, who meets whom
 *
 * Its rules never change. They go by link groups (network.h), which a vif or a
 * network's bridge is put into, so that an attach touches no rule and a packet
 * meets the same few however many guests there are. A bridge's own frames stay on
 * their bridge; where br_netfilter shows them to us, the pair (bridge, bridge) in
 * the set `same` lets them by.
 *
 *   forward      nat: from outside only answers and forwards; hostonly and
 *                isolated: nothing. We drop or return, never accept
 *   input        isolated: DHCP and neighbour discovery
 *   prerouting,  the host's own addresses: protocol and port -> guest and port,
 *   output       one lookup in a map
 *   postrouting  out of a nat group, not into it: as the host. A forward back
 *                into its network, too, or the answer would miss the host
 */
#include <arpa/inet.h>
#include <errno.h>
#include <libnftnl/chain.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "filter.h"
#include "nat_rules.h"
#include "network.h"
#include "nft.h"

static const char nat_config[] =
	"CONFIG_NF_TABLES_INET, CONFIG_NFT_MASQ, CONFIG_NFT_NAT, CONFIG_NFT_CT "
	"and CONFIG_NFT_FIB_INET";

/* --- the table ---------------------------------------------------------------------*/

static int nat_put_table(struct nft_batch *b, bool mend)
{
	struct nftnl_table *t = nftnl_table_alloc();
	struct nlmsghdr *nlh;

	if (!t)
		return -ENOMEM;
	nftnl_table_set_str(t, NFTNL_TABLE_NAME, nat_table);
	nlh = nft_batch_msg(b, NFT_MSG_NEWTABLE, NFPROTO_INET,
			    mend ? NLM_F_CREATE : NLM_F_CREATE | NLM_F_EXCL,
			    "table inet %s", nat_table);
	if (nlh)
		nftnl_table_nlmsg_build_payload(nlh, t);
	nftnl_table_free(t);
	return 0;
}

/* nft's own numbers for types; a pair has both, 6 bits each. */
enum {
	NAT_IPV4 = 7,
	NAT_IPV6 = 8,
	NAT_PROTO = 12,
	NAT_PORT = 13,
	NAT_NAME = 41,
	NAT_BITS = 6,
};

/* which: 0 and 1 the maps, 2 the pairs of bridges */
static struct nftnl_set *nat_set(unsigned which)
{
	static const struct {
		uint32_t key, key_len, data, data_len;
	} row[] = {
		{ NAT_PROTO << NAT_BITS | NAT_PORT, 8,
		  NAT_IPV4 << NAT_BITS | NAT_PORT, 8 },
		{ NAT_PROTO << NAT_BITS | NAT_PORT, 8,
		  NAT_IPV6 << NAT_BITS | NAT_PORT, 20 },
		{ NAT_NAME << NAT_BITS | NAT_NAME, 2 * IFNAMSIZ, 0, 0 },
	};
	struct nftnl_set *s = nftnl_set_alloc();

	if (!s)
		return NULL;
	nftnl_set_set_str(s, NFTNL_SET_TABLE, nat_table);
	nftnl_set_set_str(s, NFTNL_SET_NAME,
			  which < 2 ? nat_maps[which] : nat_same);
	nftnl_set_set_u32(s, NFTNL_SET_FAMILY, NFPROTO_INET);
	nftnl_set_set_u32(s, NFTNL_SET_ID, which + 1);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_TYPE, row[which].key);
	nftnl_set_set_u32(s, NFTNL_SET_KEY_LEN, row[which].key_len);
	if (!row[which].data)
		return s;
	nftnl_set_set_u32(s, NFTNL_SET_FLAGS, NFT_SET_MAP);
	nftnl_set_set_u32(s, NFTNL_SET_DATA_TYPE, row[which].data);
	nftnl_set_set_u32(s, NFTNL_SET_DATA_LEN, row[which].data_len);
	return s;
}

static int nat_put_set(struct nft_batch *b, unsigned which)
{
	struct nftnl_set *s = nat_set(which);
	struct nlmsghdr *nlh;

	if (!s)
		return -ENOMEM;
	nlh = nft_batch_msg(b, NFT_MSG_NEWSET, NFPROTO_INET, NLM_F_CREATE,
			    "%s: set %s", nat_table,
			    nftnl_set_get_str(s, NFTNL_SET_NAME));
	if (nlh)
		nftnl_set_nlmsg_build_payload(nlh, s);
	nftnl_set_free(s);
	return 0;
}

static int nat_put_chain(struct nft_batch *b, unsigned i)
{
	struct nftnl_chain *c = nftnl_chain_alloc();
	struct nlmsghdr *nlh;

	if (!c)
		return -ENOMEM;
	nftnl_chain_set_str(c, NFTNL_CHAIN_TABLE, nat_table);
	nftnl_chain_set_str(c, NFTNL_CHAIN_NAME, nat_chains[i].name);
	nftnl_chain_set_str(c, NFTNL_CHAIN_TYPE, nat_chains[i].type);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_HOOKNUM, nat_chains[i].hook);
	nftnl_chain_set_s32(c, NFTNL_CHAIN_PRIO, nat_chains[i].prio);
	nftnl_chain_set_u32(c, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	nlh = nft_batch_msg(b, NFT_MSG_NEWCHAIN, NFPROTO_INET, NLM_F_CREATE,
			    "%s: %s chain %s", nat_table, nat_chains[i].type,
			    nat_chains[i].name);
	if (nlh)
		nftnl_chain_nlmsg_build_payload(nlh, c);
	nftnl_chain_free(c);
	return 0;
}

static int nat_put_rule(struct nft_batch *b, unsigned i)
{
	const char *chain = nat_chains[nat_rules_chain(i)].name;
	struct nlmsghdr *nlh;
	struct code c;
	int rc = nat_rules_code(&c, i);

	if (rc)
		return rc;
	nlh = nft_batch_msg(b, NFT_MSG_NEWRULE, NFPROTO_INET,
			    NLM_F_CREATE | NLM_F_APPEND, "%s: rule %u in %s",
			    nat_table, i + 1, chain);
	if (nlh)
		nftnl_rule_nlmsg_build_payload(nlh, c.rule);
	code_close(&c);
	return 0;
}

/* All rules of one chain. */
static void nat_put_flush(struct nft_batch *b, unsigned i)
{
	struct nlmsghdr *nlh = nft_batch_msg(b, NFT_MSG_DELRULE, NFPROTO_INET,
					     0, "%s: rules of %s", nat_table,
					     nat_chains[i].name);

	if (!nlh)
		return;
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, nat_table);
	mnl_attr_put_strz(nlh, NFTA_RULE_CHAIN, nat_chains[i].name);
}

/* mend: of the table that is there, too; what is in its sets stays. */
static int nat_fill(struct nft_batch *b, bool mend)
{
	unsigned i;
	int rc = nat_put_table(b, mend);

	for (i = 0; !rc && i < 3; i++)
		rc = nat_put_set(b, i);
	for (i = 0; !rc && i < NAT_CHAINS; i++)
		rc = nat_put_chain(b, i);
	for (i = 0; mend && i < NAT_CHAINS; i++)
		nat_put_flush(b, i);
	for (i = 0; !rc && nat_rules_chain(i) >= 0; i++)
		rc = nat_put_rule(b, i);
	return rc;
}

static void nat_put_name(struct nlmsghdr *nlh, const void *arg)
{
	mnl_attr_put_strz(nlh, NFTA_TABLE_NAME, arg);
}

static int nat_there(struct nft *nft)
{
	struct nft_ask a = { .type = NFT_MSG_GETTABLE,
			     .family = NFPROTO_INET,
			     .build = nat_put_name,
			     .arg = nat_table };

	return nft_ask(nft, &a);
}

static int nat_make(struct nft *nft, bool mend, struct err *e)
{
	struct nft_batch *b = NULL;
	const char *what = "batch";
	int rc = nft_batch_open(&b, 0);

	if (!rc)
		rc = nat_fill(b, mend);
	if (!rc)
		rc = nft_batch_send(nft, b, &what);
	if (rc == -EEXIST && !mend) /* another was faster, and made the same */
		rc = 0;
	if (rc)
		rc = nft_say(e, rc, what, nat_config);
	nft_batch_close(b);
	return rc;
}

int filter_nat(struct err *e)
{
	struct nft *nft = NULL;
	int rc = nft_open(&nft, e);

	if (!rc && nat_there(nft))
		rc = nat_make(nft, false, e);
	nft_close(nft);
	return rc;
}

/* --- what is in it -------------------------------------------------------------------*/

/* Key and data of its map: bytes of data. */
static uint32_t nat_element(const struct network_forward *f, uint8_t key[8],
			    uint8_t data[20])
{
	uint32_t size = f->to.family == AF_INET6 ? 16 : 4;
	uint16_t port = htons(f->port);

	key[0] = f->proto;
	memcpy(key + 4, &port, 2);
	memcpy(data, f->to.addr, size);
	port = htons(f->to_port);
	memcpy(data + size, &port, 2);
	return size + 4;
}

static void nat_pair(const char *bridge, uint8_t key[2 * IFNAMSIZ])
{
	memcpy(key, bridge, strlen(bridge));
	memcpy(key + IFNAMSIZ, bridge, strlen(bridge));
}

/* One element; of a map if f is given. */
static int nat_change(struct nft *nft, const char *bridge,
		      const struct network_forward *f, bool on,
		      const char **what)
{
	uint8_t key[2 * IFNAMSIZ] = { 0 }, data[20] = { 0 };
	bool six = f && f->to.family == AF_INET6;
	struct nftnl_set_elem *x = nftnl_set_elem_alloc();
	struct nftnl_set *s = nat_set(f ? six : 2);
	struct nft_batch *b = NULL;
	struct nlmsghdr *nlh;
	int rc = x && s ? nft_batch_open(&b, 0) : -ENOMEM;

	*what = "batch";
	if (rc)
		goto out;
	if (f) {
		nftnl_set_elem_set(x, NFTNL_SET_ELEM_DATA, data,
				   nat_element(f, key, data));
	} else {
		nat_pair(bridge, key);
	}
	nftnl_set_elem_set(x, NFTNL_SET_ELEM_KEY, key, f ? 8 : sizeof(key));
	nftnl_set_elem_add(s, x);
	x = NULL;
	nlh = nft_batch_msg(b, on ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM,
			    NFPROTO_INET, on ? NLM_F_CREATE : 0,
			    "%s: element of %s", nat_table,
			    nftnl_set_get_str(s, NFTNL_SET_NAME));
	if (nlh)
		nftnl_set_elems_nlmsg_build_payload(nlh, s);
	rc = nft_batch_send(nft, b, what);
	if (rc == -ENOENT && !on)
		rc = 0;
out:
	nft_batch_close(b);
	if (x)
		nftnl_set_elem_free(x);
	if (s)
		nftnl_set_free(s);
	return rc;
}

/* A forward, or a bridge's pair, as an element has it. */
struct nat_held {
	uint8_t key[2 * IFNAMSIZ], data[20];
	uint32_t klen, len;
	bool found;
};

static int nat_on_elem(struct nftnl_set_elem *x, void *arg)
{
	struct nat_held *h = arg;
	uint32_t klen = 0, dlen = 0;
	const void *key = nftnl_set_elem_get(x, NFTNL_SET_ELEM_KEY, &klen);
	const void *data = nftnl_set_elem_get(x, NFTNL_SET_ELEM_DATA, &dlen);

	h->found |= key && klen == h->klen && !memcmp(key, h->key, klen) &&
		    (!h->len ||
		     (data && dlen == h->len && !memcmp(data, h->data, dlen)));
	return 0;
}

/* The kernel takes an element away by its key: is it this forward, or another
 * network's of the same port? f NULL: is this bridge's pair there?
 */
static bool nat_holds(struct nft *nft, const char *bridge,
		      const struct network_forward *f)
{
	struct nat_held h = { .found = false };
	const char *set = f ? nat_maps[f->to.family == AF_INET6] : nat_same;
	unsigned i;
	int rc = -EINTR;

	for (i = 0; rc == -EINTR && i < NFT_TRIES; i++) {
		memset(&h, 0, sizeof(h));
		h.klen = f ? 8 : sizeof(h.key);
		if (f)
			h.len = nat_element(f, h.key, h.data);
		else
			nat_pair(bridge, h.key);
		rc = nft_elems(nft, NFPROTO_INET, nat_table, set, nat_on_elem,
			       &h);
	}
	return h.found;
}

static int nat_forward(struct nft *nft, const struct network *n,
		       const struct network_forward *f, bool on, struct err *e)
{
	const char *what;
	int rc;

	if (!on && !nat_holds(nft, n->bridge, f))
		return 0;
	rc = nat_change(nft, n->bridge, f, on, &what);
	if (rc == -EEXIST)
		return err_set(e, -EADDRINUSE,
			       "forward: %s port %u of this host is another "
			       "network's already; choose another port",
			       f->proto == IPPROTO_TCP ? "tcp" : "udp",
			       f->port);
	return rc ? nft_say(e, rc, "forwards", nat_config) : 0;
}

static int nat_network(struct nft *nft, const struct network *n, bool on,
		       struct err *e)
{
	const char *what;
	unsigned i;
	int rc = nat_change(nft, n->bridge, NULL, on, &what);

	if (rc)
		return nft_say(e, rc, "forwards", nat_config);
	for (i = 0; !rc && i < n->nforward; i++)
		rc = nat_forward(nft, n, &n->forward[i], on, e);
	return rc;
}

int filter_network(const struct network *n, bool on, struct err *e)
{
	struct nft *nft = NULL;
	int rc = nft_open(&nft, e), there;

	if (rc)
		return rc;
	there = nat_there(nft);
	if (there && on)
		rc = nat_make(nft, false, e);
	if (!rc && (!there || on))
		rc = nat_network(nft, n, on, e);
	nft_close(nft);
	return rc;
}

/* Those of a that b has not. */
static int nat_only(struct nft *nft, const struct network *a,
		    const struct network *b, bool on, struct err *e)
{
	unsigned i;
	int rc = 0;

	for (i = 0; !rc && i < a->nforward; i++)
		if (network_forwards(b, &a->forward[i]) < 0)
			rc = nat_forward(nft, a, &a->forward[i], on, e);
	return rc;
}

int filter_forwards(const struct network *was, const struct network *now,
		    struct err *e)
{
	struct nft *nft = NULL;
	int rc = nft_open(&nft, e);

	if (rc)
		return rc;
	if (nat_there(nft))
		rc = nat_make(nft, false, e);
	if (!rc)
		rc = nat_only(nft, was, now, false, e);
	if (!rc)
		rc = nat_only(nft, now, was, true, e);
	if (rc && (nat_only(nft, now, was, false, NULL) ||
		   nat_only(nft, was, now, true, NULL)))
		err_prefix(e, "cannot go back");
	nft_close(nft);
	return rc;
}

/* --- is it so? -----------------------------------------------------------------------*/

enum { NAT_TEXT = 2048 /* one rule's instructions */ };

struct nat_seen {
	unsigned at[NAT_CHAINS]; /* the next rule to compare */
	const char *what[NAT_CHAINS];
};

/* The next rule of a chain from i on, -1 = none. */
static int nat_next(unsigned i, int chain)
{
	while (nat_rules_chain(i) >= 0 && nat_rules_chain(i) != chain)
		i++;
	return nat_rules_chain(i) < 0 ? -1 : (int)i;
}

/* Kernels fill in more of a dnat, and not all the same: registers that are the last
 * as well as the first, flags that follow from them. What it is for is before that.
 */
static int nat_text(const struct nftnl_rule *r, char *buf)
{
	int n = code_text(r, buf, NAT_TEXT);
	char *line = n > 0 ? strstr(buf, "dnat ") : NULL, *end;

	if (line && (end = strchr(line + strlen("dnat "), ' ')))
		*end = '\0';
	return n;
}

static bool nat_same_rule(unsigned i, const struct nftnl_rule *have)
{
	char a[NAT_TEXT], b[NAT_TEXT];
	struct code c;
	bool same;

	if (nat_rules_code(&c, i))
		return false;
	same = nat_text(c.rule, a) > 0 && nat_text(have, b) > 0 &&
	       !strcmp(a, b);
	code_close(&c);
	return same;
}

static int nat_see_rule(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_rule *r = nftnl_rule_alloc();
	struct nat_seen *s = data;
	const char *chain = NULL;
	unsigned k;
	int i;

	if (r && !nftnl_rule_nlmsg_parse(nlh, r))
		chain = nftnl_rule_get_str(r, NFTNL_RULE_CHAIN);
	for (k = 0; chain && k < NAT_CHAINS; k++) {
		if (strcmp(chain, nat_chains[k].name))
			continue;
		i = nat_next(s->at[k], (int)k);
		if (s->what[k])
			; /* said already, and what follows has moved */
		else if (i < 0)
			s->what[k] = "a rule too many in";
		else if (!nat_same_rule((unsigned)i, r))
			s->what[k] = "another rule stands in";
		s->at[k] = i < 0 ? s->at[k] : (unsigned)i + 1;
	}
	if (r)
		nftnl_rule_free(r);
	return MNL_CB_OK;
}

static void nat_put_rules(struct nlmsghdr *nlh, const void *table)
{
	mnl_attr_put_strz(nlh, NFTA_RULE_TABLE, table);
}

static int nat_see(struct nft *nft, struct nat_seen *s)
{
	struct nft_ask a = { .type = NFT_MSG_GETRULE,
			     .family = NFPROTO_INET,
			     .dump = true,
			     .build = nat_put_rules,
			     .arg = nat_table,
			     .each = nat_see_rule,
			     .data = s };
	unsigned i, k;
	int rc = -EINTR;

	for (i = 0; rc == -EINTR && i < NFT_TRIES; i++) {
		memset(s, 0, sizeof(*s));
		rc = nft_ask(nft, &a);
	}
	for (k = 0; !rc && k < NAT_CHAINS; k++)
		if (!s->what[k] && nat_next(s->at[k], (int)k) >= 0)
			s->what[k] = "a rule is missing in";
	return rc;
}

static int nat_check(struct nft *nft, const char *who, FILE *out, struct err *e)
{
	struct nat_seen s;
	unsigned k;
	int rc = nat_there(nft), differ = 0;

	if (rc == -ENOENT) {
		if (out)
			fprintf(out, "%s: there is no table inet %s\n", who,
				nat_table);
		return 1;
	}
	if (!rc)
		rc = nat_see(nft, &s);
	if (rc)
		return nft_say(e, rc, "nat", nat_config);
	for (k = 0; k < NAT_CHAINS; k++) {
		if (!s.what[k])
			continue;
		differ = 1;
		if (out)
			fprintf(out, "%s: %s chain %s of table inet %s\n", who,
				s.what[k], nat_chains[k].name, nat_table);
	}
	return differ;
}

int filter_nat_check(const char *who, FILE *out, struct err *e)
{
	struct nft *nft = NULL;
	int rc = nft_open(&nft, e);

	if (!rc)
		rc = nat_check(nft, who, out, e);
	nft_close(nft);
	return rc;
}

int filter_nat_mend(struct err *e)
{
	struct nft *nft = NULL;
	int rc = nft_open(&nft, e);

	if (!rc)
		rc = nat_check(nft, "", NULL, e);
	if (rc == 1)
		rc = nat_make(nft, true, e);
	nft_close(nft);
	return rc;
}

int filter_network_check(const struct network *n, FILE *out, struct err *e)
{
	struct nft *nft = NULL;
	char who[sizeof(n->name) + 16];
	unsigned i;
	int rc = nft_open(&nft, e);

	if (rc)
		return rc;
	snprintf(who, sizeof(who), "network %s", n->name);
	rc = nat_check(nft, who, out, e);
	if (rc < 0 || nat_there(nft))
		goto out;
	if (!nat_holds(nft, n->bridge, NULL)) {
		if (out)
			fprintf(out, "%s: its bridge is missing in set %s\n",
				who, nat_same);
		rc = 1;
	}
	for (i = 0; i < n->nforward; i++) {
		if (nat_holds(nft, n->bridge, &n->forward[i]))
			continue;
		rc = 1;
		if (!out)
			break;
		fprintf(out, "%s: the forward of %s port %u is missing\n", who,
			n->forward[i].proto == IPPROTO_TCP ? "tcp" : "udp",
			n->forward[i].port);
	}
out:
	nft_close(nft);
	return rc;
}
