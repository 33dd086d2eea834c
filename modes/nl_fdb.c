// SPDX-License-Identifier: GPL-2.0-or-later
/* nl_fdb.c - a bridge's forwarding entries for a port: asked, made, removed */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "nl_ask.h"

static int nl_on_fdb(struct nl_msg *m, void *arg)
{
	struct ndmsg *nd = nlmsg_data(nlmsg_hdr(m));
	struct nl_fdb *o = arg;

	o->index = nd->ndm_ifindex;
	o->stays = nd->ndm_state & (NUD_NOARP | NUD_PERMANENT);
	o->sticky = nd->ndm_flags & NTF_STICKY;
	return NL_OK;
}

static int nl_fdb_ask(struct nl_host *h, int type, int flags, const char *dev,
		      const struct nl_static *f, struct nl_fdb *out)
{
	struct ndmsg nd = { .ndm_family = AF_BRIDGE, .ndm_flags = NTF_MASTER };
	struct nl_msg *m;
	struct nl_link l;
	int rc = nl_link_get(h, dev, &l);

	if (rc)
		return rc;
	nd.ndm_ifindex = l.index;
	if (type == RTM_NEWNEIGH) {
		nd.ndm_state = NUD_NOARP; /* static, as bridge(8) says it */
		if (f->sticky)
			nd.ndm_flags |= NTF_STICKY;
	}
	m = nl_new(type, flags, &nd, sizeof(nd));
	if (m)
		nla_put(m, NDA_LLADDR, 6, f->mac);
	return nl_ask(h, m, out ? nl_on_fdb : NULL, out);
}

int nl_fdb_get(struct nl_host *h, const char *dev, const uint8_t mac[6],
	       struct nl_fdb *out)
{
	struct nl_static f = { .sticky = false };
	struct nl_fdb o = { 0 };
	int rc;

	memcpy(f.mac, mac, 6);
	rc = nl_fdb_ask(h, RTM_GETNEIGH, 0, dev, &f, &o);

	if (!rc && !o.index)
		rc = -ENOENT;
	if (!rc)
		*out = o;
	return rc;
}

int nl_fdb_new(struct nl_host *h, const char *dev, const struct nl_static *f)
{
	return nl_fdb_ask(h, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_EXCL, dev, f,
			  NULL);
}

int nl_fdb_add(struct nl_host *h, const char *dev, const struct nl_static *f)
{
	return nl_fdb_ask(h, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, dev, f,
			  NULL);
}

int nl_fdb_del(struct nl_host *h, const char *dev, const uint8_t mac[6])
{
	struct nl_static f = { .sticky = false };

	memcpy(f.mac, mac, 6);
	return nl_fdb_ask(h, RTM_DELNEIGH, 0, dev, &f, NULL);
}

struct nl_list {
	int index;
	struct nl_static *out;
	unsigned n, max;
};

static int nl_on_static(struct nl_msg *m, void *arg)
{
	struct ndmsg *nd = nlmsg_data(nlmsg_hdr(m));
	struct nlattr *a = nlmsg_find_attr(nlmsg_hdr(m), sizeof(*nd),
					   NDA_LLADDR);
	struct nl_list *l = arg;
	unsigned i;

	if (nd->ndm_ifindex != l->index || !(nd->ndm_state & NUD_NOARP) || !a ||
	    nla_len(a) != 6)
		return NL_OK;
	for (i = 0; i < l->n; i++)
		if (!memcmp(l->out[i].mac, nla_data(a), 6))
			return NL_OK;
	if (l->n == l->max)
		return NL_OK;
	memcpy(l->out[l->n].mac, nla_data(a), 6);
	l->out[l->n++].sticky = nd->ndm_flags & NTF_STICKY;
	return NL_OK;
}

int nl_fdb_static(struct nl_host *h, const char *dev, struct nl_static *out,
		  unsigned n)
{
	struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE };
	struct nl_list list = { .out = out, .max = n };
	struct nl_msg *m;
	struct nl_link l;
	int rc = nl_link_get(h, dev, &l);

	if (rc)
		return rc;
	/* the kernel walks this bridge only, and tells of this port only */
	list.index = l.index;
	ifi.ifi_index = l.index;
	m = nl_new(RTM_GETNEIGH, NLM_F_DUMP, &ifi, sizeof(ifi));
	if (m)
		nla_put_u32(m, IFLA_MASTER, (uint32_t)l.master_index);
	rc = nl_ask(h, m, nl_on_static, &list);
	return rc ? rc : (int)list.n;
}
