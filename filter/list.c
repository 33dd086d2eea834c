// SPDX-License-Identifier: GPL-2.0-or-later
/* list.c - whose guards are there? */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "filter.h"
#include "guard.h"
#include "nft.h"

struct list {
	char (*dev)[IFNAMSIZ];
	unsigned n, room;
	bool no_memory;
};

static void list_add(struct list *l, const char *dev)
{
	char(*more)[IFNAMSIZ];

	if (l->n == l->room) {
		l->room = l->room ? 2 * l->room : 64;
		more = realloc(l->dev, l->room * sizeof(*more));
		if (!more) {
			l->no_memory = true;
			return;
		}
		l->dev = more;
	}
	if (!str_put(l->dev[l->n], IFNAMSIZ, dev))
		l->n++;
}

/* A name from which guard_table makes that table is a device's. */
static int list_on_table(const struct nlmsghdr *nlh, void *data)
{
	struct nftnl_table *t = nftnl_table_alloc();
	struct list *l = data;
	const char *name = NULL, *dev;
	char again[GUARD_NAME];

	if (t && nftnl_table_nlmsg_parse(nlh, t) >= 0)
		name = nftnl_table_get_str(t, NFTNL_TABLE_NAME);
	dev = name ? strchr(name, '-') : NULL;
	if (dev && !guard_table(dev + 1, again) && !strcmp(again, name))
		list_add(l, dev + 1);
	if (t)
		nftnl_table_free(t);
	return MNL_CB_OK;
}

static int list_read(struct nft *nft, struct list *l)
{
	struct nft_ask a = { .type = NFT_MSG_GETTABLE,
			     .family = NFPROTO_NETDEV,
			     .dump = true,
			     .each = list_on_table,
			     .data = l };
	int rc = -EINTR;
	unsigned i;

	for (i = 0; rc == -EINTR && i < NFT_TRIES; i++) {
		l->n = 0;
		rc = nft_ask(nft, &a);
	}
	return l->no_memory ? -ENOMEM : rc;
}

int filter_each(int (*fn)(void *arg, const char *dev), void *arg, struct err *e)
{
	struct list l = { 0 };
	struct nft *nft;
	unsigned i;
	int rc = nft_open(&nft, e);

	if (rc)
		return rc;
	rc = list_read(nft, &l);
	nft_close(nft);
	if (rc)
		err_set(e, rc, "guards: cannot list them: %s", strerror(-rc));
	for (i = 0; !rc && i < l.n; i++)
		rc = fn(arg, l.dev[i]);
	free(l.dev);
	return rc;
}
