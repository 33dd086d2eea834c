// SPDX-License-Identifier: GPL-2.0-or-later
/* xt_print.c - a rule as `iptables -S` prints it */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xt.h"

static void xt_print_mask4(const struct rules_addr *a)
{
	struct in_addr mask;
	int len;

	memcpy(&mask, a->mask, 4);
	len = xtables_ipmask_to_cidr(&mask);
	if (len >= 0)
		printf("/%d", len);
	else
		printf("/%s", xtables_ipmask_to_numeric(&mask) + 1);
}

static void xt_print_mask6(const struct rules_addr *a)
{
	char text[INET6_ADDRSTRLEN];
	struct in6_addr mask;
	int len;

	memcpy(&mask, a->mask, 16);
	len = xtables_ip6mask_to_cidr(&mask);
	if (len >= 0)
		printf("/%d", len);
	else
		printf("/%s", inet_ntop(AF_INET6, &mask, text, sizeof(text)));
}

static void xt_print_addr(const struct rule *r, const struct rules_addr *a,
			  char letter)
{
	static const uint8_t none[16];
	char text[INET6_ADDRSTRLEN];

	if (!a->not &&!memcmp(a->addr, none, 16) && !memcmp(a->mask, none, 16))
		return;
	printf("%s -%c %s", a->not ? " !" : "", letter,
	       inet_ntop(r->ip6 ? AF_INET6 : AF_INET, a->addr, text,
			 sizeof(text)));
	if (r->ip6)
		xt_print_mask6(a);
	else
		xt_print_mask4(a);
}

static void xt_print_dev(const char *name, bool no, char letter)
{
	if (name[0] && (no || strcmp(name, "+")))
		printf("%s -%c %s", no ? " !" : "", letter, name);
}

/* As iptables: its own few names first, then /etc/protocols. */
static void xt_print_proto(const struct rule *r)
{
	const struct protoent *p;
	unsigned i;

	if (!r->proto)
		return;
	printf("%s -p ", r->not_proto ? " !" : "");
	p = getprotobynumber(r->proto);
	if (p) {
		printf("%s", p->p_name);
		return;
	}
	for (i = 0; xtables_chain_protos[i].name; i++)
		if (xtables_chain_protos[i].num == r->proto) {
			printf("%s", xtables_chain_protos[i].name);
			return;
		}
	printf("%u", r->proto);
}

/* Revisions: the newest that the kernel knows is the one the rule was made by. */
static void xt_print_match(const struct rule *r, const struct rules_ext *x,
			   const union xt_entry *u)
{
	struct xtables_match *m = xtables_find_match(
		x->name, XTF_LOAD_MUST_SUCCEED, NULL);

	if (m->revision != x->rev)
		xt_fail("match %s: revision %u is not this library's", x->name,
			x->rev);
	xt_match_room(m);
	memcpy(m->m->data, x->info, x->size);
	printf(" -m %s", m->alias ? m->alias(m->m) : x->name);
	if (m->save)
		m->save(r->ip6 ? (const void *)&u->v6.ipv6
			       : (const void *)&u->v4.ip,
			m->m);
	free(m->m);
	m->m = NULL;
}

static void xt_print_target(const struct rule *r, const union xt_entry *u)
{
	const struct rules_ext *x = &r->target;
	struct xtables_target *t;

	if (!x->name[0]) {
		if (r->jump[0])
			printf(" -%c %s", r->goes ? 'g' : 'j', r->jump);
		return;
	}
	t = xtables_find_target(x->name, XTF_LOAD_MUST_SUCCEED);
	if (t->revision != x->rev)
		xt_fail("target %s: revision %u is not this library's", x->name,
			x->rev);
	xt_target_room(t, x->name);
	memcpy(t->t->data, x->info, x->size);
	printf(" -j %s", t->alias ? t->alias(t->t) : x->name);
	if (t->save)
		t->save(r->ip6 ? (const void *)&u->v6.ipv6
			       : (const void *)&u->v4.ip,
			t->t);
	free(t->t);
	t->t = NULL;
}

static void xt_print_rule(void *arg)
{
	const struct rule *r = arg;
	union xt_entry u;
	unsigned i;

	xt_family(r->ip6);
	xt_entry_fill(r, &u);
	printf("-A %s", r->chain);
	xt_print_addr(r, &r->src, 's');
	xt_print_addr(r, &r->dst, 'd');
	xt_print_dev(r->in, r->not_in, 'i');
	xt_print_dev(r->out, r->not_out, 'o');
	xt_print_proto(r);
	if (r->frag || r->not_frag)
		printf("%s -f", r->not_frag ? " !" : "");
	for (i = 0; i < r->n; i++)
		xt_print_match(r, &r->match[i], &u);
	xt_print_target(r, &u);
}

/* Extensions print to stdout, and know no other way: it is ours meanwhile. */
int rules_print(const struct rule *r, char *buf, size_t size)
{
	FILE *was = stdout, *mine = fmemopen(buf, size, "w");
	long n;
	int rc;

	if (!mine)
		return -ENOMEM;
	stdout = mine;
	rc = xt_try(xt_print_rule, (void *)r, NULL);
	stdout = was;
	n = fflush(mine) ? -1 : ftell(mine);
	fclose(mine);
	if (rc)
		return rc;
	if (n < 0 || (size_t)n >= size)
		return -ENOSPC;
	buf[n] = '\0';
	return (int)n;
}
