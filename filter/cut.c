// SPDX-License-Identifier: GPL-2.0-or-later
/* cut.c - flows that may not go on
 *
 * A connection that conntrack knows would go on where rules accept what is
 * established, and as it was translated when it began. Only entries that are asked
 * for go.
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
	cut_fn *ends;
	const void *arg;
	struct cut_entry *list;
};

/* An address of a tuple, NULL = none. */
static const void *cut_addr(const struct nlattr *tuple, uint8_t family,
			    uint16_t v4, uint16_t v6)
{
	uint16_t want = family == AF_INET ? v4 : v6;
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

static void cut_tuple(struct cut_flow *f, unsigned i, const struct nlattr *t)
{
	f->src[i] = cut_addr(t, f->family, CTA_IP_V4_SRC, CTA_IP_V6_SRC);
	f->dst[i] = cut_addr(t, f->family, CTA_IP_V4_DST, CTA_IP_V6_DST);
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
	struct cut_flow f = { .family = g->nfgen_family };
	struct cut_entry *e = calloc(1, sizeof(*e));
	struct cut *c = data;
	const struct nlattr *a;

	if (!e)
		return MNL_CB_OK;
	e->family = f.family;
	mnl_attr_for_each(a, nlh, sizeof(*g))
	{
		switch (mnl_attr_get_type(a)) {
		case CTA_TUPLE_ORIG:
			cut_tuple(&f, 0, a);
			cut_keep(e, a);
			break;
		case CTA_TUPLE_REPLY:
			cut_tuple(&f, 1, a);
			break;
		case CTA_ID:
		case CTA_ZONE:
			cut_keep(e, a);
			break;
		}
	}
	if (!c->ends(c->arg, &f)) {
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

int cut_if(cut_fn *ends, const void *arg)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER,
						 SOCK_CLOEXEC);
	char buf[256] __attribute__((aligned(8)));
	struct cut c = { .ends = ends, .arg = arg };
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

struct cut_list {
	const struct vif_addr *v;
	unsigned n;
};

static bool cut_is_one(const void *arg, const struct cut_flow *f)
{
	const struct cut_list *l = arg;
	unsigned i, k;

	for (i = 0; i < l->n; i++)
		for (k = 0; k < 2; k++)
			if (l->v[i].family == f->family && f->src[k] &&
			    !memcmp(l->v[i].addr, f->src[k],
				    f->family == AF_INET ? 4 : 16))
				return true;
	return false;
}

int cut_flows(const struct vif_addr *v, unsigned n)
{
	struct cut_list l = { .v = v, .n = n };

	return cut_if(cut_is_one, &l);
}
