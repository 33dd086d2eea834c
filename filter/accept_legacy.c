// SPDX-License-Identifier: GPL-2.0-or-later
/* accept_legacy.c - accept= in the tables of iptables' legacy variant
 *
 * What is there is read from the kernel, and from those tables alone that are
 * there already: asking for one makes it. What changes is told to
 * iptables-legacy-restore -n, which has the lock and the library for it: rules by
 * their words, never by a number, so that nobody else's is taken away. A program
 * is run for this alone.
 */
/* before <linux/in.h> and <linux/if.h> */
#include <net/if.h>
#include <netinet/in.h>

#include <assert.h>
#include <errno.h>
#include <linux/netfilter/xt_comment.h>
#include <linux/netfilter/xt_physdev.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "accept.h"
#include "base/num.h"
#include "rules_own.h"

static const char accept_legacy_table[] = "filter";

/* One family's table as the kernel gives it: the forward chain, and the rule that
 * is its policy.
 */
struct accept_legacy {
	bool ip6;
	unsigned size, first, policy;
	struct ipt_get_entries *all; /* ip6t_.. has the same words */
	const char *v;
};

struct accept_legacy_rule {
	unsigned target, next;
	bool bare;   /* it asks for nothing */
	int verdict; /* 0 or more: where it jumps to */
	size_t head;
	const char *in, *out;
};

/* --- the kernel's form ------------------------------------------------------------ */

bool accept_legacy_there(bool ip6, const char *table)
{
	FILE *f = fopen(ip6 ? "/proc/net/ip6_tables_names"
			    : "/proc/net/ip_tables_names",
			"re");
	char name[RULES_NAME];
	bool there = false;

	while (f && !there && fscanf(f, "%29s", name) == 1)
		there = !strcmp(name, table);
	if (f)
		fclose(f);
	return there;
}

/* Both families ask alike: these are the same words. */
static_assert(sizeof(struct ipt_getinfo) == sizeof(struct ip6t_getinfo) &&
		      offsetof(struct ipt_getinfo, size) ==
			      offsetof(struct ip6t_getinfo, size) &&
		      offsetof(struct ipt_get_entries, entrytable) ==
			      offsetof(struct ip6t_get_entries, entrytable) &&
		      IPT_SO_GET_INFO == IP6T_SO_GET_INFO &&
		      IPT_SO_GET_ENTRIES == IP6T_SO_GET_ENTRIES,
	      "a question of IPv4's is one of IPv6's");

static int accept_legacy_ask(int fd, struct accept_legacy *t)
{
	int level = t->ip6 ? SOL_IPV6 : SOL_IP;
	struct ipt_getinfo info = { .size = 0 };
	struct ipt_get_entries *g;
	socklen_t len = sizeof(info);

	strcpy(info.name, accept_legacy_table);
	if (getsockopt(fd, level, IPT_SO_GET_INFO, &info, &len))
		return -errno;
	len = (socklen_t)sizeof(*g) + info.size;
	t->all = g = calloc(1, len);
	if (!g)
		return -ENOMEM;
	strcpy(g->name, accept_legacy_table);
	g->size = t->size = info.size;
	t->first = info.hook_entry[NF_INET_FORWARD];
	t->policy = info.underflow[NF_INET_FORWARD];
	t->v = (const char *)t->all +
	       offsetof(struct ipt_get_entries, entrytable);
	return getsockopt(fd, level, IPT_SO_GET_ENTRIES, g, &len) ? -errno : 0;
}

/* -EAGAIN: it grew between both questions. */
static int accept_legacy_read(struct accept_legacy *t)
{
	int fd = socket(t->ip6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC,
			IPPROTO_RAW);
	int rc;

	if (fd < 0)
		return -errno;
	rc = accept_legacy_ask(fd, t);
	close(fd);
	return rc;
}

/* What a standard target says; a chain begins with one called ERROR. */
static int accept_legacy_verdict(const char *rule, unsigned target)
{
	const struct xt_standard_target *t = (const void *)(rule + target);

	return t->target.u.user.name[0] ? -NF_ACCEPT - 1 : t->verdict;
}

/* What stands at byte `at`. */
static void accept_legacy_rule(const struct accept_legacy *t, unsigned at,
			       struct accept_legacy_rule *r)
{
	static const struct ipt_ip any4;
	static const struct ip6t_ip6 any6;
	const void *here = t->v + at;

	if (t->ip6) {
		const struct ip6t_entry *x = here;
		struct ip6t_ip6 ip = x->ipv6;

		ip.flags &= (uint8_t)~IP6T_F_GOTO;
		r->bare = !memcmp(&ip, &any6, sizeof(any6));
		r->target = x->target_offset;
		r->next = x->next_offset;
		r->in = x->ipv6.iniface;
		r->out = x->ipv6.outiface;
		r->head = sizeof(*x);
	} else {
		const struct ipt_entry *x = here;
		struct ipt_ip ip = x->ip;

		ip.flags &= (uint8_t)~IPT_F_GOTO;
		r->bare = !memcmp(&ip, &any4, sizeof(any4));
		r->target = x->target_offset;
		r->next = x->next_offset;
		r->in = x->ip.iniface;
		r->out = x->ip.outiface;
		r->head = sizeof(*x);
	}
	r->verdict = accept_legacy_verdict(here, r->target);
}

static bool accept_legacy_drops(const char *rule, unsigned target)
{
	const struct xt_entry_target *t = (const void *)(rule + target);

	return !strcmp(t->u.user.name, "REJECT") ||
	       accept_legacy_verdict(rule, target) == -NF_DROP - 1;
}

/* The chain whose first rule is at `first`: its name, or NULL; its end, which is a
 * rule of its own, as a policy is.
 */
static const char *accept_legacy_chain(const struct accept_legacy *t,
				       unsigned first, unsigned *end)
{
	const struct xt_error_target *x;
	struct accept_legacy_rule k;
	const char *name = NULL;
	unsigned off;

	for (off = 0; off < t->size; off += k.next) {
		accept_legacy_rule(t, off, &k);
		x = (const void *)(t->v + off + k.target);
		if (strcmp(x->target.u.user.name, XT_ERROR_TARGET))
			*end = off;
		else if (name)
			return name;
		else if (off + k.next == first)
			name = x->errorname;
	}
	return NULL;
}

/* --- what is there ---------------------------------------------------------------- */

static void accept_legacy_ports(const struct xt_physdev_info *i,
				struct accept_rule *r)
{
	r->physdev = true;
	if (i->bitmask & XT_PHYSDEV_OP_IN)
		str_put(r->in, sizeof(r->in), i->physindev);
	if (i->bitmask & XT_PHYSDEV_OP_OUT)
		str_put(r->out, sizeof(r->out), i->physoutdev);
}

/* Its matches, as far as ours have them: the comment, or NULL. */
static const char *accept_legacy_matches(const char *rule,
					 struct accept_legacy_rule *k,
					 struct accept_rule *r)
{
	const char *comment = NULL;
	size_t at;

	memset(r, 0, sizeof(*r));
	str_put(r->in, sizeof(r->in), k->in);
	str_put(r->out, sizeof(r->out), k->out);
	for (at = k->head; at < k->target;) {
		const struct xt_entry_match *m = (const void *)(rule + at);

		if (!strcmp(m->u.user.name, "comment"))
			comment = (const char *)m->data;
		else
			k->bare = false;
		if (!strcmp(m->u.user.name, "physdev"))
			accept_legacy_ports((const void *)m->data, r);
		at += m->u.match_size;
	}
	return comment;
}

static void accept_legacy_ours(struct accept_place *at,
			       const struct accept_rule *r)
{
	unsigned i;

	for (i = 0; i < at->nwant; i++)
		if (!memcmp(r, &at->want[i], sizeof(*r)))
			at->same |= 1u << i;
	if (at->nown < ACCEPT_OWN)
		at->was[at->nown++] = *r;
}

static void accept_legacy_follow(struct accept *a,
				 const struct accept_legacy *t,
				 const struct accept_place *from,
				 unsigned first)
{
	unsigned end = first;
	const char *name = accept_legacy_chain(t, first, &end);
	struct accept_place *to = name ? accept_follow(a, from, name) : NULL;

	if (to) {
		to->first = first;
		to->end = end;
	}
}

static void accept_legacy_see(struct accept *a, const struct accept_legacy *t,
			      struct accept_place *at)
{
	unsigned off, n = 0, behind = 0;
	struct accept_legacy_rule k;
	struct accept_rule r;
	const char *comment;

	for (off = at->first; off < at->end; off += k.next) {
		accept_legacy_rule(t, off, &k);
		comment = accept_legacy_matches(t->v + off, &k, &r);
		at->last = ++n;
		at->last_drops = k.bare &&
				 accept_legacy_drops(t->v + off, k.target);
		if (k.bare && k.verdict >= 0 &&
		    (unsigned)k.verdict != off + k.next)
			accept_legacy_follow(a, t, at, (unsigned)k.verdict);
		switch (accept_whose(a, comment ? comment : "")) {
		case ACCEPT_THIS:
			accept_legacy_ours(at, &r);
			behind = 0;
			break;
		case ACCEPT_OURS:
			break;
		case ACCEPT_OTHERS:
			behind++;
			break;
		}
	}
	at->late = at->nown && behind > at->last_drops;
	accept_legacy_rule(t, at->end, &k);
	at->policy_drops = accept_legacy_drops(t->v + at->end, k.target);
}

static int accept_legacy_family(struct accept *a, bool ip6, struct err *e)
{
	struct accept_place at = { .family = ip6 ? NFPROTO_IPV6 : NFPROTO_IPV4,
				   .legacy = true,
				   .chain = "FORWARD" };
	struct accept_legacy t = { .ip6 = ip6 };
	struct accept_place *own;
	unsigned i;
	int rc = -EAGAIN;

	if (!accept_asks(a, at.family) ||
	    !accept_legacy_there(ip6, accept_legacy_table))
		return 0;
	for (i = 0; rc == -EAGAIN && i < 8; i++) {
		free(t.all);
		t.all = NULL;
		rc = accept_legacy_read(&t);
	}
	strcpy(at.table, accept_legacy_table);
	own = rc ? NULL : accept_add(a, &at);
	if (own) {
		own->first = t.first;
		own->end = t.policy;
	}
	/* a grows: what is jumped to comes behind */
	for (; own && own < a->v + a->n; own++)
		accept_legacy_see(a, &t, own);
	free(t.all);
	return rc ? err_set(e, rc,
			    "ip%stables-legacy: cannot read table %s: %s",
			    ip6 ? "6" : "", accept_legacy_table, strerror(-rc))
		  : 0;
}

int accept_legacy_look(struct accept *a, struct err *e)
{
	int rc = accept_legacy_family(a, false, e);

	return rc ? rc : accept_legacy_family(a, true, e);
}

/* --- to the kernel ---------------------------------------------------------------- */

static void accept_legacy_text(const struct accept *a,
			       const struct accept_place *at, FILE *f)
{
	unsigned i, due = accept_due(at, (enum vif_accept)a->p->accept);
	char verb[8] = "-A", chain[ACCEPT_NAME + 24];

	fprintf(f, "*%s\n", at->table);
	for (i = 0; i < at->nown; i++)
		accept_print_rule("-D", at->chain, &at->was[i], a->comment, f);
	for (i = 0; i < due; i++) {
		str_fmt(chain, sizeof(chain), "%s", at->chain);
		if (at->last_drops) {
			strcpy(verb, "-I");
			str_fmt(chain, sizeof(chain), "%s %u", at->chain,
				(unsigned)at->last - at->nown + i);
		}
		accept_print_rule(verb, chain, &at->want[i], a->comment, f);
	}
	fprintf(f, "COMMIT\n");
}

static int accept_legacy_tell(const struct accept *a,
			      const struct accept_place *at, struct err *e)
{
	static const char *const argv[] = { "-n", "-w", NULL };
	struct rules_tool t = { .ip6 = at->family == NFPROTO_IPV6,
				.variant = RULES_LEGACY,
				.kind = "-restore",
				.argv = argv };
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int rc = -ENOMEM;

	if (!f)
		return err_set(e, rc, "out of memory");
	accept_legacy_text(a, at, f);
	if (!fclose(f)) {
		t.in = text;
		rc = rules_tool(&t, e);
	}
	free(text);
	/* no program: not what -ENOENT means to who asks us */
	return rc > 0 ? -EINVAL : rc == -ENOENT ? -EOPNOTSUPP : rc;
}

int accept_legacy_change(const struct accept *a, struct err *e)
{
	const struct accept_place *at;
	int rc = 0;

	for (at = a->v; !rc && at < a->v + a->n; at++)
		if (at->legacy &&
		    accept_differs(at, (enum vif_accept)a->p->accept))
			rc = accept_legacy_tell(a, at, e);
	return rc;
}
