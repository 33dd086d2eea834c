// SPDX-License-Identifier: GPL-2.0-or-later
/* watch.c - who touched a guard, as the kernel tells it
 *
 * nf_tables tells of each transaction what was made and deleted, and at its end
 * which process it was. What is ours is told by the table's name. Names of links
 * come from rtnetlink: only these two messages of it are read here, never sent.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "closed.h"
#include "engine_nft.h"
#include "filter.h"
#include "nat_rules.h"
#include "own_host.h"

enum {
	WATCH_DEVS = 64, /* touched in one transaction; else: all */
	WATCH_LINKS = 4096,
	WATCH_ROOM = 1 << 22, /* bytes for what comes while we repair */
	WATCH_BUF = 65536,
};

struct watch_link {
	int index;
	char name[IFNAMSIZ];
};

struct filter_watch {
	int ep;
	struct mnl_socket *nft, *link;
	unsigned ntouched; /* of the transaction that is being told */
	char touched[WATCH_DEVS][IFNAMSIZ];
	bool many, lost;
	bool closed;		/* the table of closed bridges was touched */
	bool nat;		/* the table of mode nat was */
	bool own, own_made;	/* those of whose addresses are whose were */
	bool others;		/* rules that are nobody's of ours were */
	unsigned nready, taken; /* its events, once it is over */
	struct filter_event ready[WATCH_DEVS + 5];
	unsigned nlink;
	struct watch_link links[WATCH_LINKS];
};

static int watch_socket(struct filter_watch *w, struct mnl_socket **out,
			int bus, unsigned groups)
{
	struct epoll_event ev = { .events = EPOLLIN };
	int fd, room = WATCH_ROOM;

	*out = mnl_socket_open2(bus, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (!*out || mnl_socket_bind(*out, groups, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	fd = mnl_socket_get_fd(*out);
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	return epoll_ctl(w->ep, EPOLL_CTL_ADD, fd, &ev) ? -errno : 0;
}

/* Which names there are now. A name that is missing here is learned later. */
static void watch_names(struct filter_watch *w)
{
	struct if_nameindex *v = if_nameindex(), *i;

	for (i = v; i && i->if_index && w->nlink < WATCH_LINKS; i++) {
		w->links[w->nlink].index = (int)i->if_index;
		str_put(w->links[w->nlink++].name, IFNAMSIZ, i->if_name);
	}
	if (v)
		if_freenameindex(v);
}

int filter_watch_open(struct filter_watch **out, struct err *e)
{
	struct filter_watch *w = calloc(1, sizeof(*w));
	int rc = -ENOMEM;

	if (!w)
		return err_set(e, rc, "out of memory");
	w->ep = epoll_create1(EPOLL_CLOEXEC);
	rc = w->ep < 0 ? -errno : 0;
	if (!rc)
		rc = watch_socket(w, &w->nft, NETLINK_NETFILTER,
				  1u << (NFNLGRP_NFTABLES - 1));
	if (!rc)
		rc = watch_socket(w, &w->link, NETLINK_ROUTE, RTMGRP_LINK);
	if (rc) {
		filter_watch_close(w);
		return err_set(e, rc,
			       "cannot hear of changes to nftables: %s; "
			       "CAP_NET_ADMIN is needed",
			       strerror(-rc));
	}
	watch_names(w);
	*out = w;
	return 0;
}

void filter_watch_close(struct filter_watch *w)
{
	if (!w)
		return;
	if (w->nft)
		mnl_socket_close(w->nft);
	if (w->link)
		mnl_socket_close(w->link);
	if (w->ep >= 0)
		close(w->ep);
	free(w);
}

int filter_watch_fd(const struct filter_watch *w)
{
	return w->ep;
}

static struct filter_event *watch_event(struct filter_watch *w,
					enum filter_event_kind kind)
{
	struct filter_event *ev = &w->ready[w->nready];

	if (w->nready == ARRAY_SIZE(w->ready)) {
		w->lost = true;
		return NULL;
	}
	w->nready++;
	*ev = (struct filter_event){ .kind = kind };
	return ev;
}

/* --- nf_tables ------------------------------------------------------------ */

/* The table of attach's rules=, which goes with the guard. */
static int watch_rules(const char *table, char dev[IFNAMSIZ])
{
	size_t n = strlen(ENGINE_ATTACH);
	char name[GUARD_NAME];

	if (strncmp(table, ENGINE_ATTACH, n) ||
	    str_fmt(name, sizeof(name), "netback-%s", table + n) < 0)
		return -EINVAL;
	return guard_device(name, dev);
}

static bool watch_is_of(const struct nlmsghdr *nlh, const char *table)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) == NFTA_TABLE_NAME &&
		    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
			return !strcmp(mnl_attr_get_str(a), table);
	}
	return false;
}

/* Names come and go there with guards. */
static void watch_closed(struct filter_watch *w, const struct nlmsghdr *nlh)
{
	unsigned type = NFNL_MSG_TYPE(nlh->nlmsg_type);

	if (type != NFT_MSG_NEWSETELEM && type != NFT_MSG_DELSETELEM &&
	    watch_is_of(nlh, CLOSED_TABLE))
		w->closed = true;
}

/* They come with the first of the guests, and elements with each. */
static bool watch_own(struct filter_watch *w, const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	unsigned type = NFNL_MSG_TYPE(nlh->nlmsg_type);

	if (nfg->nfgen_family == NFPROTO_NETDEV ||
	    !watch_is_of(nlh, OWN_HOST_TABLE))
		return false;
	w->own_made |= type == NFT_MSG_NEWTABLE;
	w->own |= type != NFT_MSG_NEWSETELEM && type != NFT_MSG_DELSETELEM;
	return true;
}

/* What a set holds says nothing of where a rule of accept= belongs. */
static void watch_others(struct filter_watch *w, const struct nlmsghdr *nlh)
{
	unsigned type = NFNL_MSG_TYPE(nlh->nlmsg_type);

	w->others |= type != NFT_MSG_NEWSETELEM && type != NFT_MSG_DELSETELEM;
}

/* In every message about a table, or what is in it, its name is attribute 1. */
static void watch_touched(struct filter_watch *w, const struct nlmsghdr *nlh)
{
	const struct nfgenmsg *nfg = mnl_nlmsg_get_payload(nlh);
	const struct nlattr *a;
	char dev[IFNAMSIZ];
	unsigned i;

	if (nfg->nfgen_family == NFPROTO_BRIDGE)
		watch_closed(w, nlh);
	if (nfg->nfgen_family == NFPROTO_INET && watch_is_of(nlh, nat_table)) {
		w->nat = true;
		return;
	}
	if (watch_own(w, nlh))
		return;
	if (nfg->nfgen_family != NFPROTO_NETDEV) {
		watch_others(w, nlh);
		return;
	}
	mnl_attr_for_each(a, nlh, sizeof(*nfg))
	{
		if (mnl_attr_get_type(a) != NFTA_TABLE_NAME ||
		    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) < 0 ||
		    (guard_device(mnl_attr_get_str(a), dev) &&
		     watch_rules(mnl_attr_get_str(a), dev)))
			continue;
		for (i = 0; i < w->ntouched; i++)
			if (!strcmp(w->touched[i], dev))
				return;
		if (i == WATCH_DEVS)
			w->many = true;
		else
			strcpy(w->touched[w->ntouched++], dev);
		return;
	}
}

static void watch_by(struct filter_watch *w, enum filter_event_kind kind,
		     const char *by, uint32_t pid)
{
	struct filter_event *ev = pid != (uint32_t)getpid()
					  ? watch_event(w, kind)
					  : NULL;

	if (!ev)
		return;
	str_put(ev->by, sizeof(ev->by), by);
	ev->pid = pid;
}

/* The end of a transaction: who it was. */
static void watch_done(struct filter_watch *w, const struct nlmsghdr *nlh)
{
	const struct nlattr *a;
	struct filter_event *ev;
	char by[16] = "?";
	uint32_t pid = 0;
	unsigned i;

	mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(a) == NFTA_GEN_PROC_PID &&
		    mnl_attr_validate(a, MNL_TYPE_U32) >= 0)
			pid = ntohl(mnl_attr_get_u32(a));
		if (mnl_attr_get_type(a) == NFTA_GEN_PROC_NAME &&
		    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
			str_put(by, sizeof(by), mnl_attr_get_str(a));
	}
	for (i = 0; pid != (uint32_t)getpid() && i < w->ntouched; i++) {
		ev = watch_event(w, w->many ? FILTER_LOST : FILTER_CHANGED);
		if (!ev)
			break;
		str_put(ev->dev, sizeof(ev->dev), w->many ? "" : w->touched[i]);
		str_put(ev->by, sizeof(ev->by), by);
		ev->pid = pid;
		if (w->many)
			break;
	}
	if (w->closed)
		watch_by(w, FILTER_CLOSED, by, pid);
	if (w->nat)
		watch_by(w, FILTER_NAT_TOUCHED, by, pid);
	if (w->own && !w->own_made)
		watch_by(w, FILTER_OWN_TOUCHED, by, pid);
	if (w->others)
		watch_by(w, FILTER_OTHERS, by, pid);
	w->ntouched = 0;
	w->many = w->closed = w->nat = w->others = false;
	w->own = w->own_made = false;
}

static int watch_on_nft(const struct nlmsghdr *nlh, void *data)
{
	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(struct nfgenmsg))
		return MNL_CB_OK;
	if (NFNL_MSG_TYPE(nlh->nlmsg_type) == NFT_MSG_NEWGEN)
		watch_done(data, nlh);
	else
		watch_touched(data, nlh);
	return MNL_CB_OK;
}

/* --- links ---------------------------------------------------------------- */

static struct watch_link *watch_find(struct filter_watch *w, int index)
{
	unsigned i;

	for (i = 0; i < w->nlink; i++)
		if (w->links[i].index == index)
			return &w->links[i];
	if (w->nlink == WATCH_LINKS)
		return NULL;
	w->links[w->nlink].index = index;
	w->links[w->nlink].name[0] = '\0';
	return &w->links[w->nlink++];
}

static int watch_on_link(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *m = mnl_nlmsg_get_payload(nlh);
	struct filter_watch *w = data;
	struct filter_event *ev;
	struct watch_link *l;
	const struct nlattr *a;
	const char *name = NULL;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*m))
		return MNL_CB_OK;
	l = watch_find(w, m->ifi_index);
	if (nlh->nlmsg_type == RTM_DELLINK && m->ifi_family == AF_UNSPEC && l)
		*l = w->links[--w->nlink];
	mnl_attr_for_each(a, nlh, sizeof(*m))
	{
		if (mnl_attr_get_type(a) == IFLA_IFNAME &&
		    mnl_attr_validate(a, MNL_TYPE_NUL_STRING) >= 0)
			name = mnl_attr_get_str(a);
	}
	if (nlh->nlmsg_type != RTM_NEWLINK || !l || !name ||
	    !strcmp(l->name, name))
		return MNL_CB_OK;
	ev = l->name[0] ? watch_event(w, FILTER_RENAMED) : NULL;
	if (ev) {
		str_put(ev->dev, sizeof(ev->dev), l->name);
		str_put(ev->to, sizeof(ev->to), name);
	}
	str_put(l->name, sizeof(l->name), name);
	return MNL_CB_OK;
}

/* --- events --------------------------------------------------------------- */

/* Until nothing waits, or events do. */
static int watch_read(struct filter_watch *w, struct mnl_socket *s,
		      mnl_cb_t each)
{
	char buf[WATCH_BUF] __attribute__((aligned(8)));
	ssize_t r;

	while (!w->nready) {
		r = recv(mnl_socket_get_fd(s), buf, sizeof(buf), MSG_DONTWAIT);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0 && errno == ENOBUFS)
			w->lost = true;
		if (r <= 0)
			return r < 0 && errno != EAGAIN && errno != ENOBUFS
				       ? -errno
				       : 0;
		mnl_cb_run(buf, (size_t)r, 0, 0, each, w);
	}
	return 0;
}

int filter_watch_next(struct filter_watch *w, struct filter_event *ev)
{
	int rc = 0;

	if (w->taken == w->nready) {
		w->taken = w->nready = 0;
		rc = watch_read(w, w->link, watch_on_link);
		if (!rc)
			rc = watch_read(w, w->nft, watch_on_nft);
	}
	if (!rc && w->lost) {
		w->lost = false;
		w->taken = w->nready = 0;
		*ev = (struct filter_event){ .kind = FILTER_LOST, .by = "?" };
		return 1;
	}
	if (rc || w->taken == w->nready)
		return rc;
	*ev = w->ready[w->taken++];
	return 1;
}
