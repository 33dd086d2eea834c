// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_host.c - which variant of iptables a host uses
 *
 * The two keep their rules in different places of the kernel, and both are
 * asked about each packet: rules in both are legal, and seldom meant.
 */
#include "rules_own.h"

#include <errno.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "nft.h"

bool rules_table_known(const char *name)
{
	static const char *const known[] = { "filter", "nat", "mangle", "raw",
					     "security" };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(known); i++)
		if (!strcmp(name, known[i]))
			return true;
	return false;
}

/* A rule in a table that has a name of iptables'. */
static int rules_host_see(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_rule *r = nftnl_rule_alloc();

	if (r && nftnl_rule_nlmsg_parse(nlh, r) >= 0 &&
	    rules_table_known(nftnl_rule_get_str(r, NFTNL_RULE_TABLE)))
		++*(unsigned *)data;
	if (r)
		nftnl_rule_free(r);
	return MNL_CB_OK;
}

static int rules_host_nft(unsigned *n, struct err *e)
{
	static const uint16_t family[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
	struct nft *nft = NULL;
	unsigned i, k;
	int rc = nft_open(&nft, e);

	*n = 0;
	for (i = 0; !rc && i < ARRAY_SIZE(family); i++) {
		unsigned seen = 0;
		struct nft_ask a = { .type = NFT_MSG_GETRULE,
				     .family = family[i],
				     .dump = true,
				     .each = rules_host_see,
				     .data = &seen };

		for (k = 0, rc = -EINTR; rc == -EINTR && k < NFT_TRIES; k++) {
			seen = 0;
			rc = nft_ask(nft, &a);
		}
		*n += seen;
	}
	nft_close(nft);
	/* a kernel without nf_tables holds no rules there */
	return rc == -EPERM ? rc : 0;
}

/* Asking the legacy variant about a table makes the table: so only about those
 * that are there.
 */
static unsigned rules_host_legacy(bool ip6)
{
	const char *path = ip6 ? "/proc/net/ip6_tables_names"
			       : "/proc/net/ip_tables_names";
	FILE *f = fopen(path, "re");
	char name[RULES_NAME];
	unsigned n = 0;

	while (f && fscanf(f, "%29s", name) == 1)
		n += rules_legacy_count(ip6, name);
	if (f)
		fclose(f);
	return n;
}

static bool rules_host_binary(struct rules_host *h)
{
	const char *path = getenv("PATH"), *p = path ? path : "/usr/sbin:/sbin";
	char file[512], real[4096];

	for (; *p; p += strcspn(p, ":"), p += *p == ':') {
		ssize_t n;

		str_fmt(file, sizeof(file), "%.*s/iptables",
			(int)strcspn(p, ":"), p);
		if (access(file, X_OK))
			continue;
		n = realpath(file, real) ? 1 : -1;
		h->is = n > 0 && strstr(real, "legacy") ? RULES_LEGACY
							: RULES_NFT;
		return true;
	}
	return false;
}

int rules_host(struct rules_host *h, struct err *e)
{
	int rc;

	memset(h, 0, sizeof(*h));
	rc = rules_host_nft(&h->nft, e);
	if (rc)
		return rc;
	h->legacy = rules_host_legacy(false) + rules_host_legacy(true);
	h->has_binary = rules_host_binary(h);
	h->use = h->is;
	if (h->legacy && !h->nft)
		h->use = RULES_LEGACY;
	if (h->nft && !h->legacy)
		h->use = RULES_NFT;
	str_fmt(h->text, sizeof(h->text),
		"%s: iptables is %s; nft holds %u rules, legacy %u%s",
		rules_variant_name(h->use),
		h->has_binary ? rules_variant_name(h->is) : "not installed",
		h->nft, h->legacy,
		h->nft && h->legacy
			? "; both are asked about each packet, which is "
			  "seldom meant"
			: "");
	return 0;
}
