// SPDX-License-Identifier: GPL-2.0-or-later
/* guardtool.c - the guard of one device from a command line, for tests
 *
 *   guardtool print|apply|check|remove|count DEV [mac=..] [ip=ADDR[/LEN]]..
 *             [ip=learn|dhcp] [learn_s=N] [pair=MAC/ADDR]..
 *             [allow=dhcp-server|router].. [packets=N] [connections=N]
 *             [without=I] [without=I.J] [only=fast]
 *
 * without: leave out rule I, or match J of rule I, before applying: what tests
 * lean on to see that each of them is needed. count prints all such places,
 * one per line (count-to: of what is sent to the guest; count-parts: of what hides
 * a connection; count-dhcp6: of what clients of DHCPv6 say); rules marked spare are
 * left out by their matches alone.
 * only=fast: what those rules let pass, and nothing else.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"
#include "filter/guard.h"

static int parse_addr(struct policy *p, const char *s)
{
	struct vif_addr *a = &p->addr[p->naddr];
	char buf[64];
	char *slash;

	if (p->naddr == VIF_ADDRS || strlen(s) >= sizeof(buf))
		return -1;
	strcpy(buf, s);
	slash = strchr(buf, '/');
	if (slash)
		*slash++ = '\0';
	a->family = strchr(buf, ':') ? AF_INET6 : AF_INET;
	a->len = a->family == AF_INET ? 32 : 128;
	if (slash)
		a->len = (uint8_t)atoi(slash);
	p->naddr++;
	return inet_pton(a->family, buf, a->addr) == 1 ? 0 : -1;
}

static int parse_ip(struct policy *p, const char *s)
{
	if (!strcmp(s, "learn"))
		p->learn = VIF_LEARN_FIRST;
	else if (!strcmp(s, "dhcp"))
		p->learn = VIF_LEARN_DHCP;
	else
		return parse_addr(p, s);
	return 0;
}

/* MAC/ADDR, by way of the list of addresses */
static int parse_pair(struct policy *p, const char *s)
{
	struct vif_pair *r = &p->pair[p->npair];
	char mac[18] = "";

	if (p->npair == VIF_PAIRS || strlen(s) < 19 || s[17] != '/')
		return -1;
	memcpy(mac, s, 17);
	if (vif_parse_mac(mac, r->mac) || parse_addr(p, s + 18))
		return -1;
	r->addr = p->addr[--p->naddr];
	p->npair++;
	return 0;
}

static int parse_mac(struct policy *p, const char *s)
{
	uint8_t m[6];

	if (sscanf(s, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", &m[0], &m[1], &m[2],
		   &m[3], &m[4], &m[5]) != 6)
		return -1;
	p->has_mac = true;
	memcpy(p->mac, m, sizeof(m));
	return 0;
}

static void leave_out(struct guard *g, const char *s)
{
	unsigned i = (unsigned)atoi(s);
	const char *dot = strchr(s, '.');
	struct guard_rule *r = &g->v[i];
	unsigned j;

	if (i >= g->n)
		return;
	if (!dot) {
		memmove(r, r + 1, (--g->n - i) * sizeof(*r));
		return;
	}
	j = (unsigned)atoi(dot + 1);
	if (j < r->n)
		memmove(&r->m[j], &r->m[j + 1], (--r->n - j) * sizeof(r->m[0]));
}

/* Any other rule of the first chain drops. */
static void only_fast(struct guard *g)
{
	unsigned i;

	for (i = 0; i < g->n; i++) {
		struct guard_rule *r = &g->v[i];

		if (r->chain != GUARD_FROM_GUEST || r->fast)
			continue;
		r->verdict = GUARD_DROP;
		r->to = GUARD_DROP_MAC;
	}
}

static bool counted(const struct guard_rule *r, const char *what)
{
	if (!strcmp(what, "-to"))
		return r->chain == GUARD_TO_GUEST;
	if (!strcmp(what, "-dhcp6"))
		return (r->chain == GUARD_IN_DHCP6 ||
			(r->verdict == GUARD_GOTO &&
			 r->to == GUARD_IN_DHCP6)) &&
		       !r->over;
	if (!strcmp(what, "-parts"))
		return r->verdict == GUARD_DROP &&
		       r->to == GUARD_DROP_CONNECTIONS && !r->over;
	return true;
}

static void count(const struct guard *g, const char *what)
{
	unsigned i, j;

	for (i = 0; i < g->n; i++) {
		if (!counted(&g->v[i], what))
			continue;
		if (!g->v[i].spare)
			printf("%u\n", i);
		for (j = 0; j < g->v[i].n; j++)
			printf("%u.%u\n", i, j);
	}
}

static int run(const char *verb, const struct guard *g, struct err *e)
{
	static char text[FILTER_TEXT];
	struct guard_was was;

	if (!strcmp(verb, "print")) {
		int rc = guard_print(g, text, sizeof(text));

		fputs(rc > 0 ? text : "", stdout);
		return rc < 0 ? rc : 0;
	}
	if (!strcmp(verb, "apply"))
		return guard_nft_apply(g, &was, NULL, e);
	if (!strcmp(verb, "check"))
		return guard_nft_check(g, stdout, e);
	if (!strcmp(verb, "remove"))
		return filter_remove(g->dev, e);
	if (!strncmp(verb, "count", 5)) {
		count(g, verb + 5);
		return 0;
	}
	return -1;
}

int main(int argc, char **argv)
{
	struct policy p = { 0 };
	struct err e = { "" };
	struct guard g;
	int i, rc = 0;

	if (argc < 3 || strlen(argv[2]) >= IFNAMSIZ)
		return 2;
	strcpy(p.dev, argv[2]);
	for (i = 3; i < argc; i++) {
		if (!strncmp(argv[i], "mac=", 4))
			rc |= parse_mac(&p, argv[i] + 4);
		if (!strncmp(argv[i], "ip=", 3))
			rc |= parse_ip(&p, argv[i] + 3);
		if (!strncmp(argv[i], "pair=", 5))
			rc |= parse_pair(&p, argv[i] + 5);
		if (!strncmp(argv[i], "learn_s=", 8))
			p.learn_s = (uint32_t)atoi(argv[i] + 8);
		if (!strncmp(argv[i], "packets=", 8))
			p.packets = (uint32_t)atoi(argv[i] + 8);
		if (!strncmp(argv[i], "connections=", 12))
			p.connections = (uint32_t)atoi(argv[i] + 12);
		if (!strcmp(argv[i], "allow=dhcp-server"))
			p.allow |= POLICY_DHCP_SERVER;
		if (!strcmp(argv[i], "allow=router"))
			p.allow |= POLICY_ROUTER;
	}
	if (rc)
		return 2;
	rc = guard_build(&p, &g, &e);
	for (i = 3; !rc && i < argc; i++)
		if (!strncmp(argv[i], "without=", 8))
			leave_out(&g, argv[i] + 8);
		else if (!strcmp(argv[i], "only=fast"))
			only_fast(&g);
	if (!rc)
		rc = run(argv[1], &g, &e);
	if (e.text[0])
		fprintf(stderr, "%s\n", e.text);
	return rc ? 1 : 0;
}
