// SPDX-License-Identifier: GPL-2.0-or-later
/* cut.c - flows of addresses that a guest may no longer use
 *
 * A connection that conntrack knows would go on where rules accept what is
 * established. Only entries that have the address at the guest's end go.
 */
#include "cut.h"

#include <errno.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "nft.h"

enum {
	CUT_ATTRS = 512, /* bytes of what names one entry */
};

/* What names an entry to the kernel: copies of its attributes. */
struct cut_entry {
	struct cut_entry *next;
	uint8_t family;
	uint16_t len;
	uint8_t attrs[CUT_ATTRS];
};

struct cut {
	const struct vif_addr *v;
	unsigned n;
	struct cut_entry *list;
};

/* The source address of a tuple, NULL = none. */
static const void *cut_source(const struct nlattr *tuple, uint8_t family)
{
	uint16_t want = family == AF_INET ? CTA_IP_V4_SRC : CTA_IP_V6_SRC;
	const struct nlattr *a, *b;

	mnl_attr_for_each_nested(a, tuple)
	{
		if (mnl_attr_get_type(a) != CTA_TUPLE_IP)
			continue;
		mnl_attr_for_each_nested(b, a)
		{
			if (mnl_attr_get_type(b) == want &&
			    mnl_attr_get_payload_len(b) ==
				    (family == AF_INET ? 4 : 16))
				return mnl_attr_get_payload(b);
		}
	}
	return NULL;
}

static bool cut_is_one(const struct cut *c, uint8_t family, const void *addr)
{
	unsigned i;

	for (i = 0; addr && i < c->n; i++)
		if (c->v[i].family == family &&
		    !memcmp(c->v[i].addr, addr, family == AF_INET ? 4 : 16))
			return true;
	return false;
}

static void cut_keep(struct cut_entry *e, const struct nlattr *a)
{
	uint16_t len = MNL_ALIGN(a->nla_len);

	if (e->len + len > CUT_ATTRS)
		return;
	memcpy(e->attrs + e->len, a, a->nla_len);
	e->len = (uint16_t)(e->len + len);
}

static int cut_on_entry(const struct nlmsghdr *nlh, void *data)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(nlh);
	struct cut_entry *e = calloc(1, sizeof(*e));
	struct cut *c = data;
	const struct nlattr *a;
	bool ours = false;

	if (!e)
		return MNL_CB_OK;
	e->family = g->nfgen_family;
	mnl_attr_for_each(a, nlh, sizeof(*g))
	{
		switch (mnl_attr_get_type(a)) {
		case CTA_TUPLE_ORIG:
			ours |= cut_is_one(c, e->family,
					   cut_source(a, e->family));
			cut_keep(e, a);
			break;
		case CTA_TUPLE_REPLY:
			ours |= cut_is_one(c, e->family,
					   cut_source(a, e->family));
			break;
		case CTA_ID:
		case CTA_ZONE:
			cut_keep(e, a);
			break;
		}
	}
	if (!ours) {
		free(e);
		return MNL_CB_OK;
	}
	e->next = c->list;
	c->list = e;
	return MNL_CB_OK;
}

static struct nlmsghdr *cut_message(char *buf, uint16_t type, uint16_t flags,
				    uint8_t family)
{
	return nft_other_msg(buf, NFNL_SUBSYS_CTNETLINK << 8 | type, flags,
			     family, 0);
}

static int cut_delete(struct mnl_socket *nl, const struct cut_entry *e)
{
	char buf[2 * CUT_ATTRS] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = cut_message(buf, IPCTNL_MSG_CT_DELETE, NLM_F_ACK,
					   e->family);

	memcpy((char *)nlh + nlh->nlmsg_len, e->attrs, e->len);
	nlh->nlmsg_len += e->len;
	return nft_other_ask(nl, nlh, NULL, NULL);
}

int cut_flows(const struct vif_addr *v, unsigned n)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER,
						 SOCK_CLOEXEC);
	char buf[256] __attribute__((aligned(8)));
	struct cut c = { .v = v, .n = n };
	struct cut_entry *e;
	int rc = 0, cut = 0;

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		rc = -errno;
	if (!rc)
		rc = nft_other_ask(nl,
				   cut_message(buf, IPCTNL_MSG_CT_GET,
					       NLM_F_DUMP, AF_UNSPEC),
				   cut_on_entry, &c);
	while ((e = c.list)) {
		c.list = e->next;
		cut += !cut_delete(nl, e);
		free(e);
	}
	if (nl)
		mnl_socket_close(nl);
	return rc ? rc : cut;
}
