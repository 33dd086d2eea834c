// SPDX-License-Identifier: GPL-2.0-or-later
/* ruletool.c - an administrator's rule from a command line, for tests
 *
 *   ruletool run|print|never [-6] [--legacy] [--force] WORD..
 *       exit status 0, 1 (-C: no such rule), 2 error
 *   ruletool dump           what nf_tables holds, each extension's bytes too
 */
#include "rules.h"

#include <stdio.h>
#include <string.h>

#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "filter/code.h"
#include "filter/nft.h"

static int dump_rule(const struct nlmsghdr *nlh, void *data)
{
	static char text[65536];
	struct nftnl_rule *r = nftnl_rule_alloc();

	(void)data;
	if (r && nftnl_rule_nlmsg_parse(nlh, r) >= 0 &&
	    code_text(r, text, sizeof(text)) >= 0)
		printf("%s %s\n%s\n", nftnl_rule_get_str(r, NFTNL_RULE_TABLE),
		       nftnl_rule_get_str(r, NFTNL_RULE_CHAIN), text);
	if (r)
		nftnl_rule_free(r);
	return MNL_CB_OK;
}

static int dump(void)
{
	static const uint16_t family[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
	struct nft *nft = NULL;
	unsigned i;

	if (nft_open(&nft, NULL))
		return 2;
	for (i = 0; i < 2; i++) {
		struct nft_ask a = { .type = NFT_MSG_GETRULE,
				     .family = family[i],
				     .dump = true,
				     .each = dump_rule };

		if (nft_ask(nft, &a))
			return 2;
	}
	nft_close(nft);
	return 0;
}

static int each(const char *verb, int argc, const char *const *words,
		int family, struct err *e)
{
	struct rules rs = { 0 };
	char text[RULES_TEXT];
	int rc = rules_parse(argc, words, family, &rs, e);
	size_t i;

	for (i = 0; !rc && i < rs.n; i++) {
		if (!strcmp(verb, "never"))
			rc = rules_never(&rs.v[i], e);
		else if (rules_print(&rs.v[i], text, sizeof(text)) > 0)
			puts(text);
		else
			rc = -1;
	}
	rules_free(&rs);
	return rc;
}

int main(int argc, char **argv)
{
	struct err e = { "" }, note = { "" };
	struct rules_how how = { .family = 4, .variant_given = true };
	const char *const *words;
	int i, rc;

	for (i = 2; i < argc; i++) {
		if (!strcmp(argv[i], "-6"))
			how.family = 6;
		else if (!strcmp(argv[i], "--legacy"))
			how.variant = RULES_LEGACY;
		else if (!strcmp(argv[i], "--force"))
			how.force = true;
		else
			break;
	}
	words = (const char *const *)argv + i;
	if (argc < 2)
		return 2;
	if (!strcmp(argv[1], "dump"))
		return dump();
	if (!strcmp(argv[1], "run"))
		rc = rules_run(argc - i, words, &how, &note, &e);
	else
		rc = each(argv[1], argc - i, words, how.family, &e);
	if (note.text[0])
		fprintf(stderr, "note: %s\n", note.text);
	if (rc < 0)
		fprintf(stderr, "%s\n", e.text);
	return rc < 0 ? 2 : rc;
}
