// SPDX-License-Identifier: GPL-2.0-or-later
/* nft_gen.c - what filter/ relies on: a batch that names a generation commits
 * only in that one, and one that names none commits in any
 */
#include <errno.h>
#include <libnftnl/table.h>
#include <linux/netfilter/nf_tables.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "filter/nft.h"

enum { NETDEV = 5 /* NFPROTO_NETDEV */ };

static int points, bad;

static void ok(bool good, const char *what)
{
	points++;
	bad += !good;
	printf("%s %d - %s\n", good ? "ok" : "not ok", points, what);
}

static int put(struct nft *nft, const char *name, uint32_t gen)
{
	struct nftnl_table *t = nftnl_table_alloc();
	struct nft_batch *b = NULL;
	struct nlmsghdr *nlh;
	const char *what;
	int rc = -ENOMEM;

	if (t && !nft_batch_open(&b, gen)) {
		nftnl_table_set_str(t, NFTNL_TABLE_NAME, name);
		nlh = nft_batch_msg(b, NFT_MSG_NEWTABLE, NETDEV,
				    NLM_F_CREATE | NLM_F_EXCL, "%s", name);
		nftnl_table_nlmsg_build_payload(nlh, t);
		rc = nft_batch_send(nft, b, &what);
	}
	nft_batch_close(b);
	if (t)
		nftnl_table_free(t);
	return rc;
}

int main(void)
{
	uint32_t gen, next;
	struct nft *nft;

	if (unshare(geteuid() ? CLONE_NEWUSER | CLONE_NEWNET : CLONE_NEWNET) ||
	    nft_open(&nft, NULL)) {
		printf("ok 1 - generations # SKIP no namespace of our own\n"
		       "1..1\n");
		return 0;
	}
	ok(!nft_gen(nft, &gen) && gen, "there is a generation");
	ok(!put(nft, "a", gen), "a batch of this generation commits");
	ok(!nft_gen(nft, &next) && next != gen, "and makes another one");
	ok(put(nft, "b", gen) == -ERESTART, "a stale one is refused");
	ok(!put(nft, "b", next), "and has done nothing");
	ok(!put(nft, "c", 0), "without a generation: any");
	ok(put(nft, "c", 0) == -EEXIST, "NLM_F_EXCL refuses what is there");
	nft_close(nft);
	printf("1..%d\n", points);
	return bad != 0;
}
