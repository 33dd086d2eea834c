// SPDX-License-Identifier: GPL-2.0-or-later
/* rules.c - rules as values, and the way from words to the kernel */
#include "rules.h"

#include <errno.h>
#include <linux/netfilter/xt_physdev.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "rules_own.h"
#include "xt.h"

static void rules_drop(struct rule *r)
{
	unsigned i;

	for (i = 0; i < r->n; i++)
		free(r->match[i].info);
	free(r->target.info);
}

void rules_free(struct rules *rs)
{
	size_t i;

	for (i = 0; i < rs->n; i++)
		rules_drop(&rs->v[i]);
	free(rs->v);
	memset(rs, 0, sizeof(*rs));
}

void rules_free_last(struct rules *rs)
{
	if (rs->n)
		rules_drop(&rs->v[--rs->n]);
}

static int rules_own_info(struct rules_ext *x)
{
	uint8_t *own;

	if (!x->info)
		return 0;
	own = malloc(x->size ? x->size : 1);
	if (own)
		memcpy(own, x->info, x->size);
	x->info = own;
	return own ? 0 : -ENOMEM;
}

int rules_add(struct rules *rs, const struct rule *r)
{
	struct rule *v = rs->v;
	unsigned i;
	int rc;

	if (rs->n == rs->room) {
		size_t room = rs->room ? rs->room * 2 : 4;

		v = reallocarray(rs->v, room, sizeof(*v));
		if (!v)
			return -ENOMEM;
		rs->v = v;
		rs->room = room;
	}
	v = &rs->v[rs->n];
	*v = *r;
	rc = rules_own_info(&v->target);
	for (i = 0; i < v->n; i++)
		if (rules_own_info(&v->match[i]))
			rc = -ENOMEM;
	rs->n++;
	if (rc)
		rules_free_last(rs);
	return rc;
}

const struct rules_ext *rules_match(const struct rule *r, const char *name)
{
	unsigned i;

	for (i = 0; i < r->n; i++)
		if (!strcmp(r->match[i].name, name))
			return &r->match[i];
	return NULL;
}

int rules_parse(int argc, const char *const *argv, int family,
		struct rules *out, struct err *e)
{
	return xt_words(argc, argv, family, out, e);
}

/* Can it be written from here as iptables does (what tests/net/rules.sh holds against
 * iptables-nft's own writing)? The first extension that cannot is named in *ext.
 */
static bool rules_known(const struct rule *r, const char **ext)
{
	static const char *const known[] = {
		"physdev",   "tcp",	  "udp",    "icmp",  "icmp6", "comment",
		"conntrack", "multiport", "mark",   "limit", "mac",   "pkttype",
		"addrtype",  "iprange",	  "length", "LOG",   "NFLOG", "REJECT",
		"MARK",	     "CONNMARK",  "CT",	    "ttl",   "hl",    "dscp",
		"TOS",	     "connmark",
	};
	unsigned i, k;

	for (i = 0; i <= r->n; i++) {
		const char *name = i < r->n ? r->match[i].name : r->target.name;
		bool found = !name[0];

		for (k = 0; k < ARRAY_SIZE(known); k++)
			found = found || !strcmp(name, known[k]);
		if (!found) {
			*ext = name;
			return false;
		}
	}
	return true;
}

/* In own hands where all can be written, else all to iptables-restore: a batch
 * is one, or it is not atomic.
 */
int rules_do(const struct rules *rs, enum rules_variant v, struct err *e)
{
	const char *ext;
	size_t i;

	if (!rs->n)
		return 0;
	for (i = 0; v == RULES_NFT && i < rs->n; i++)
		if (!rules_known(&rs->v[i], &ext))
			return rules_tool_do(rs, v, e);
	return v == RULES_NFT ? rules_nft_do(rs, e) : rules_legacy_do(rs, e);
}

static int rules_bridge_of(const char *port, bool ip6, struct err *note,
			   struct err *e)
{
	char bridge[IFNAMSIZ];
	struct err own = { "" };
	size_t n = strlen(port);
	int rc;

	if (!n || port[n - 1] == '+')
		return 0;
	rc = rules_bridge(port, ip6, bridge, &own);
	if (rc == -ENOENT)
		return err_set(note, 0, "%s", own.text);
	return rc ? err_set(e, rc, "%s", own.text) : 0;
}

static int rules_bridges(const struct rule *r, const struct rules_how *how,
			 struct err *note, struct err *e)
{
	const struct rules_ext *x = rules_match(r, "physdev");
	const struct xt_physdev_info *p;
	int rc;

	if (!x || (r->verb != RULES_APPEND && r->verb != RULES_INSERT &&
		   r->verb != RULES_REPLACE))
		return 0;
	p = (const struct xt_physdev_info *)x->info;
	rc = rules_br_netfilter(how->load_modules, e);
	if (!rc)
		rc = rules_bridge_of(p->physindev, r->ip6, note, e);
	return rc ? rc : rules_bridge_of(p->physoutdev, r->ip6, note, e);
}

static int rules_may(const struct rule *r, const struct rules_how *how,
		     struct err *note, struct err *e)
{
	struct err why = { "" };
	int rc = 0;

	if (r->verb == RULES_APPEND || r->verb == RULES_INSERT ||
	    r->verb == RULES_REPLACE)
		rc = rules_never(r, &why);
	if (rc && how->force)
		return err_set(note, 0, "%s", why.text);
	return rc ? err_set(e, rc, "%s; --force adds it all the same", why.text)
		  : 0;
}

void rules_place(const struct rules *rs, const struct rule *r, struct err *e)
{
	char was[ERR_SIZE];

	if (!e || !rs->file || !r->line)
		return;
	memcpy(was, e->text, sizeof(was));
	err_set(e, 0, "%s:%u:%u: %s", rs->file, r->line, r->col, was);
}

/* All that is asked before, then all of it. */
static int rules_all(const struct rules *rs, const struct rules_how *how,
		     struct err *note, struct err *e)
{
	enum rules_variant v = how->variant;
	struct err more = { "" };
	struct rules_host h;
	size_t i;
	int rc = 0;

	if (!how->variant_given) {
		rc = rules_host(&h, e);
		v = h.use;
	}
	for (i = 0; !rc && i < 2 * rs->n; i++) {
		const struct rule *r = &rs->v[i % rs->n];

		more.text[0] = '\0';
		rc = i < rs->n ? rules_may(r, how, &more, e)
			       : rules_bridges(r, how, &more, e);
		if (rc)
			rules_place(rs, r, e);
		if (!rc && more.text[0] && note && !note->text[0]) {
			*note = more;
			rules_place(rs, r, note);
		}
	}
	return rc ? rc : rules_do(rs, v, e);
}

int rules_restore(const struct rules_text *t, const struct rules_how *how,
		  struct err *note, struct err *e)
{
	struct rules rs = { 0 };
	int rc = rules_restore_parse(t, &rs, e);

	if (!rc)
		rc = rules_all(&rs, how, note, e);
	rules_free(&rs);
	return rc;
}

int rules_run(int argc, const char *const *argv, const struct rules_how *how,
	      struct err *note, struct err *e)
{
	struct rules rs = { 0 };
	int rc = rules_parse(argc, argv, how->family, &rs, e);

	if (!rc)
		rc = rules_all(&rs, how, note, e);
	rules_free(&rs);
	return rc;
}
