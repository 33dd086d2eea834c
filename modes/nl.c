// SPDX-License-Identifier: GPL-2.0-or-later
/* nl.c - links, bridge ports and FDB entries of this host, one call each
 *
 * Messages are built here rather than by libnl-route: its objects know neither
 * `locked` nor `isolated` ports, and they turn errno into numbers of their own.
 */
#include "nl.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_arp.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "mode.h"
#include "nl_ask.h"
#include "vif.h"

enum { NL_ANSWER = 32768, NL_SEEN = 3, NL_MSG = 1024 };

struct nl_host {
	struct nl_sock *sk; /* NULL after a failure: opened anew */
	int rc;		    /* of the request under way; 1 = no answer yet */
	char why[160];
	bool one;		  /* the request under way has one answer */
	nl_recvmsg_msg_cb_t each; /* who reads it */
	void *arg;
	/* links as the last answers had them, until something changes */
	struct nl_link seen[NL_SEEN];
	unsigned nseen;
};

static int nl_reopen(struct nl_host *h)
{
	int on = 1, fd;

	nlmsg_set_default_size(NL_MSG); /* it is cleared each time */
	h->sk = nl_socket_alloc();
	if (!h->sk)
		return -ENOMEM;
	errno = 0;
	if (nl_connect(h->sk, NETLINK_ROUTE)) {
		nl_socket_free(h->sk);
		h->sk = NULL;
		return errno ? -errno : -EIO;
	}
	/* a dump's largest part: no need to ask each time how long an answer is */
	nl_socket_disable_msg_peek(h->sk);
	nl_socket_set_msg_buf_size(h->sk, NL_ANSWER);
	nl_socket_disable_auto_ack(h->sk); /* nl_ask knows who needs one */
	/* reasons in words, without our request repeated; old kernels refuse */
	fd = nl_socket_get_fd(h->sk);
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	return 0;
}

/* Closed, and good for the next who opens. Our programs have one thread. */
static struct nl_host *nl_spare;

int nl_host_open(struct nl_host **out)
{
	struct nl_host *h = nl_spare;
	int rc;

	nl_spare = NULL;
	if (h) {
		h->nseen = 0; /* of another time */
		*out = h;
		return 0;
	}
	h = calloc(1, sizeof(*h));
	rc = h ? nl_reopen(h) : -ENOMEM;
	if (rc)
		free(h);
	else
		*out = h;
	return rc;
}

void nl_host_close(struct nl_host *h)
{
	if (!h)
		return;
	if (h->sk && !nl_spare) {
		h->why[0] = '\0';
		nl_spare = h;
		return;
	}
	nl_socket_free(h->sk);
	free(h);
}

const char *nl_why(const struct nl_host *h)
{
	return h->why;
}

/* --- ask and wait ------------------------------------------------------------*/

static int nl_on_error(struct sockaddr_nl *from, struct nlmsgerr *e, void *arg)
{
	struct nlmsghdr *n = (struct nlmsghdr *)((char *)e - NLMSG_HDRLEN);
	struct nl_host *h = arg;
	struct nlattr *a = NULL;

	(void)from;
	h->rc = e->error;
	if (n->nlmsg_flags & NLM_F_ACK_TLVS && n->nlmsg_flags & NLM_F_CAPPED)
		a = nlmsg_find_attr(n, sizeof(*e), NLMSGERR_ATTR_MSG);
	if (a)
		snprintf(h->why, sizeof(h->why), " (%.*s)", nla_len(a),
			 (const char *)nla_data(a));
	return NL_STOP;
}

static int nl_on_done(struct nl_msg *m, void *arg)
{
	struct nl_host *h = arg;

	(void)m;
	h->rc = 0;
	return NL_STOP;
}

static int nl_on_valid(struct nl_msg *m, void *arg)
{
	struct nl_host *h = arg;

	if (h->one)
		h->rc = 0;
	return h->each ? h->each(m, h->arg) : NL_OK;
}

/* New, delete, get, set: the kernel's numbers go in fours. What makes a dump of a
 * get means something else in the others.
 */
static bool nl_gets(const struct nlmsghdr *n)
{
	return n->nlmsg_type % 4 == RTM_GETLINK % 4;
}

/* What is asked for without a dump is answered by one message or an error; all
 * else by an acknowledgement, or by a dump's end.
 */
static bool nl_is_one(const struct nlmsghdr *n)
{
	return nl_gets(n) && !(n->nlmsg_flags & NLM_F_DUMP);
}

static bool nl_changes_links(const struct nlmsghdr *n)
{
	return n->nlmsg_type == RTM_NEWLINK || n->nlmsg_type == RTM_SETLINK ||
	       n->nlmsg_type == RTM_DELLINK;
}

/* Sends m and waits for the end. What libnl met is in errno: its own numbers say
 * less. Without an answer the request may have been done or not, and an answer may
 * come late: the socket is not used again.
 */
static int nl_wait(struct nl_host *h, struct nl_msg *m, struct nl_cb *cb)
{
	int r;

	errno = 0;
	r = nl_send_auto(h->sk, m);
	while (r >= 0 && h->rc > 0)
		r = nl_recvmsgs(h->sk, cb);
	if (h->rc <= 0)
		return h->rc;
	r = errno ? -errno : -EIO;
	nl_socket_free(h->sk);
	h->sk = NULL;
	return r;
}

int nl_ask(struct nl_host *h, struct nl_msg *m, nl_recvmsg_msg_cb_t fn,
	   void *arg)
{
	struct nl_cb *cb = nl_cb_alloc(NL_CB_DEFAULT);
	int rc = m && cb ? 0 : -ENOMEM;

	h->why[0] = '\0';
	h->rc = 1;
	if (!rc && !h->sk)
		rc = nl_reopen(h);
	if (rc)
		goto out;
	h->one = nl_is_one(nlmsg_hdr(m));
	h->each = fn;
	h->arg = arg;
	if (!nl_gets(nlmsg_hdr(m)))
		nlmsg_hdr(m)->nlmsg_flags |= NLM_F_ACK;
	if (nl_changes_links(nlmsg_hdr(m)))
		h->nseen = 0;
	nl_cb_err(cb, NL_CB_CUSTOM, nl_on_error, h);
	nl_cb_set(cb, NL_CB_ACK, NL_CB_CUSTOM, nl_on_done, h);
	nl_cb_set(cb, NL_CB_FINISH, NL_CB_CUSTOM, nl_on_done, h);
	nl_cb_set(cb, NL_CB_VALID, NL_CB_CUSTOM, nl_on_valid, h);
	rc = nl_wait(h, m, cb);
out:
	nl_cb_put(cb);
	nlmsg_free(m);
	return rc;
}

int nl_ask_strict(struct nl_host *h, struct nl_msg *m, nl_recvmsg_msg_cb_t fn,
		  void *arg)
{
	int on = 1, off = 0, rc;

	/* old kernels refuse, and tell of everything */
	if (h->sk)
		setsockopt(nl_socket_get_fd(h->sk), SOL_NETLINK,
			   NETLINK_GET_STRICT_CHK, &on, sizeof(on));
	rc = nl_ask(h, m, fn, arg);
	if (h->sk)
		setsockopt(nl_socket_get_fd(h->sk), SOL_NETLINK,
			   NETLINK_GET_STRICT_CHK, &off, sizeof(off));
	return rc;
}

struct nl_msg *nl_new(int type, int flags, void *head, int size)
{
	struct nl_msg *m = nlmsg_alloc_simple(type, flags);

	if (m && nlmsg_append(m, head, (size_t)size, NLMSG_ALIGNTO) < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	return m;
}

/* A link message about `dev`. Attributes are few and short: a fresh message has
 * room for them.
 */
static struct nl_msg *nl_link_msg(int type, const char *dev, bool flag, bool up)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct nl_msg *m;

	if (flag) {
		ifi.ifi_change = IFF_UP;
		ifi.ifi_flags = up ? IFF_UP : 0;
	}
	m = nl_new(type, 0, &ifi, sizeof(ifi));
	if (m && type == RTM_GETLINK) /* they cost more than all the rest */
		nla_put_u32(m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	if (m && nla_put_string(m, IFLA_IFNAME, dev) < 0) {
		nlmsg_free(m);
		m = NULL;
	}
	return m;
}

/* --- links -------------------------------------------------------------------*/

static const struct nlattr *nl_in(const struct nlattr *nest, int type)
{
	return nest ? nla_find(nla_data(nest), nla_len(nest), type) : NULL;
}

static bool nl_u8(const struct nlattr *nest, int type)
{
	const struct nlattr *a = nl_in(nest, type);

	return a && nla_len(a) >= 1 && nla_get_u8(a);
}

static const struct {
	int attr;
	uint32_t bit;
	bool inverted;
} nl_ports[] = {
	{ IFLA_BRPORT_LOCKED, STEP_PORT_LOCKED, false },
	{ IFLA_BRPORT_LEARNING, STEP_PORT_NOLEARN, true },
	{ IFLA_BRPORT_ISOLATED, STEP_PORT_ISOLATED, false },
	{ IFLA_BRPORT_MODE, STEP_PORT_HAIRPIN, false },
	{ IFLA_BRPORT_UNICAST_FLOOD, STEP_PORT_NO_FLOOD, true },
	{ IFLA_BRPORT_MCAST_FLOOD, STEP_PORT_NO_MCAST, true },
	{ IFLA_BRPORT_BCAST_FLOOD, STEP_PORT_NO_BCAST, true },
};

static void nl_read_port(struct nl_link *o, const struct nlattr *port)
{
	unsigned i;

	o->flags = 0;
	for (i = 0; i < ARRAY_SIZE(nl_ports); i++)
		if (nl_u8(port, nl_ports[i].attr) != nl_ports[i].inverted)
			o->flags |= nl_ports[i].bit;
}

static void nl_read_info(struct nl_link *o, const struct nlattr *info)
{
	const struct nlattr *kind = nl_in(info, IFLA_INFO_KIND);
	const struct nlattr *slave = nl_in(info, IFLA_INFO_SLAVE_KIND);
	const struct nlattr *data = nl_in(info, IFLA_INFO_DATA);

	if (kind)
		nla_strlcpy(o->kind, kind, sizeof(o->kind));
	if (!strcmp(o->kind, "bridge")) {
		o->can_vlan = nl_in(data, IFLA_BR_VLAN_DEFAULT_PVID);
		o->vlans = nl_u8(data, IFLA_BR_VLAN_FILTERING);
	}
	o->port = slave && !nla_strcmp(slave, "bridge");
	if (o->port)
		nl_read_port(o, nl_in(info, IFLA_INFO_SLAVE_DATA));
}

/* The settings that a link's description holds, so that no file is opened for them.
 * IPv4's are an array that begins with number 1.
 */
static void nl_read_settings(struct nl_link *o, const struct nlattr *spec)
{
	static const struct {
		uint8_t key, ipv6, at;
	} row[] = {
		{ STEP_IP4_FORWARD, 0, IPV4_DEVCONF_FORWARDING - 1 },
		{ STEP_IP4_PROXY_ARP, 0, IPV4_DEVCONF_PROXY_ARP - 1 },
		{ STEP_IP4_RP_FILTER, 0, IPV4_DEVCONF_RP_FILTER - 1 },
		{ STEP_IP6_OFF, 1, DEVCONF_DISABLE_IPV6 },
		{ STEP_IP6_ACCEPT_RA, 1, DEVCONF_ACCEPT_RA },
		{ STEP_IP6_FORWARD, 1, DEVCONF_FORWARDING },
	};
	const struct nlattr *conf[] = {
		nl_in(nl_in(spec, AF_INET), IFLA_INET_CONF),
		nl_in(nl_in(spec, AF_INET6), IFLA_INET6_CONF),
	};
	const struct nlattr *a;
	int32_t v;
	unsigned i;

	for (i = 0; i < STEP_SYSCTLS; i++)
		o->setting[i] = -1;
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		a = conf[row[i].ipv6];
		if (!a || nla_len(a) < (row[i].at + 1) * (int)sizeof(v))
			continue;
		memcpy(&v, (char *)nla_data(a) + row[i].at * sizeof(v),
		       sizeof(v));
		o->setting[row[i].key] = v < 0 ? -1 : v;
	}
	if (o->setting[STEP_IP6_OFF] > 0)
		o->setting[STEP_IP6_OFF] = 1;
}

static int nl_on_link(struct nl_msg *m, void *arg)
{
	struct nlmsghdr *n = nlmsg_hdr(m);
	struct ifinfomsg *ifi = nlmsg_data(n);
	struct nlattr *tb[IFLA_MAX + 1];
	struct nl_link *o = arg;
	char bus[16] = "";

	if (nlmsg_parse(n, sizeof(*ifi), tb, IFLA_MAX, NULL) < 0)
		return NL_SKIP;
	o->index = ifi->ifi_index;
	if (tb[IFLA_IFNAME])
		nla_strlcpy(o->name, tb[IFLA_IFNAME], sizeof(o->name));
	if (tb[IFLA_IFALIAS])
		nla_strlcpy(o->alias, tb[IFLA_IFALIAS], sizeof(o->alias));
	if (tb[IFLA_PARENT_DEV_NAME])
		nla_strlcpy(o->parent, tb[IFLA_PARENT_DEV_NAME],
			    sizeof(o->parent));
	o->up = ifi->ifi_flags & IFF_UP;
	if (tb[IFLA_GROUP])
		o->group = nla_get_u32(tb[IFLA_GROUP]);
	if (tb[IFLA_MTU])
		o->mtu = nla_get_u32(tb[IFLA_MTU]);
	if (tb[IFLA_ADDRESS] && nla_len(tb[IFLA_ADDRESS]) == 6)
		memcpy(o->mac, nla_data(tb[IFLA_ADDRESS]), 6);
	if (tb[IFLA_MASTER])
		o->master_index = (int)nla_get_u32(tb[IFLA_MASTER]);
	if (tb[IFLA_LINKINFO])
		nl_read_info(o, tb[IFLA_LINKINFO]);
	nl_read_settings(o, tb[IFLA_AF_SPEC]);
	if (tb[IFLA_PARENT_DEV_BUS_NAME])
		nla_strlcpy(bus, tb[IFLA_PARENT_DEV_BUS_NAME], sizeof(bus));
	o->xen = !strcmp(bus, "xen-backend");
	/* a tun has the same kind, but no Ethernet */
	o->tap = !strcmp(o->kind, "tun") && ifi->ifi_type == ARPHRD_ETHER;
	return NL_OK;
}

/* A name alone: a link's description is a hundred times as long. */
static int nl_name_of(struct nl_host *h, int index, char name[IFNAMSIZ])
{
	struct ifreq r = { .ifr_ifindex = index };
	int rc = h->sk ? 0 : nl_reopen(h);

	if (rc)
		return rc;
	if (ioctl(nl_socket_get_fd(h->sk), SIOCGIFNAME, &r))
		return -errno;
	memcpy(name, r.ifr_name, IFNAMSIZ);
	return 0;
}

static const struct nl_link *nl_seen(const struct nl_host *h, const char *dev)
{
	unsigned i;

	for (i = 0; i < h->nseen; i++)
		if (!strcmp(h->seen[i].name, dev))
			return &h->seen[i];
	return NULL;
}

static void nl_see(struct nl_host *h, const struct nl_link *l)
{
	if (h->nseen < NL_SEEN)
		h->seen[h->nseen++] = *l;
}

/* The name of a link's master, which often was looked at just before. */
static int nl_master(struct nl_host *h, struct nl_link *l)
{
	unsigned i;

	for (i = 0; i < h->nseen; i++)
		if (h->seen[i].index == l->master_index) {
			memcpy(l->master, h->seen[i].name, sizeof(l->master));
			return 0;
		}
	return nl_name_of(h, l->master_index, l->master);
}

int nl_link_get(struct nl_host *h, const char *dev, struct nl_link *out)
{
	const struct nl_link *seen = nl_seen(h, dev);
	struct nl_link o = { 0 };
	int rc;

	if (seen) {
		*out = *seen;
		return 0;
	}
	rc = nl_ask(h, nl_link_msg(RTM_GETLINK, dev, false, false), nl_on_link,
		    &o);
	if (!rc && !o.index)
		rc = -ENODEV;
	if (rc)
		return rc;
	if (o.master_index)
		rc = nl_master(h, &o);
	if (rc == -ENODEV) { /* gone since: nobody's port any more */
		o.master_index = 0;
		o.port = false;
		rc = 0;
	}
	if (!rc) {
		nl_see(h, &o);
		*out = o;
	}
	return rc;
}

/* A link's index, which is asked for as its name is. */
static int nl_index_of(struct nl_host *h, const char *name)
{
	const struct nl_link *seen = nl_seen(h, name);
	struct ifreq r = { .ifr_ifindex = 0 };
	int rc = h->sk ? 0 : nl_reopen(h);

	if (rc || seen)
		return rc ? rc : seen->index;
	if (str_put(r.ifr_name, sizeof(r.ifr_name), name))
		return -ENODEV;
	if (ioctl(nl_socket_get_fd(h->sk), SIOCGIFINDEX, &r))
		return -errno;
	return r.ifr_ifindex;
}

/* A change of a link that is known exactly: what else was seen of it stays. */
struct nl_change {
	struct nl_link l[NL_SEEN];
	unsigned n;
};

static struct nl_change nl_before(const struct nl_host *h)
{
	struct nl_change c = { .n = h->nseen };

	memcpy(c.l, h->seen, sizeof(c.l));
	return c;
}

static struct nl_link *nl_after(struct nl_host *h, const struct nl_change *c,
				const char *dev)
{
	memcpy(h->seen, c->l, sizeof(h->seen));
	h->nseen = c->n;
	return (struct nl_link *)nl_seen(h, dev);
}

/* .. of one that has to be looked at anew. */
static void nl_forget(struct nl_host *h, const struct nl_change *c,
		      const char *dev)
{
	unsigned i;

	h->nseen = 0;
	for (i = 0; i < c->n; i++)
		if (strcmp(c->l[i].name, dev))
			nl_see(h, &c->l[i]);
}

int nl_link_up(struct nl_host *h, const char *dev, bool up)
{
	struct nl_change c = nl_before(h);
	struct nl_link *l;
	int rc = nl_ask(h, nl_link_msg(RTM_NEWLINK, dev, true, up), NULL, NULL);

	l = rc ? NULL : nl_after(h, &c, dev);
	if (l)
		l->up = up;
	return rc;
}

int nl_link_mac(struct nl_host *h, const char *dev, const uint8_t mac[6])
{
	struct nl_msg *m = nl_link_msg(RTM_SETLINK, dev, false, false);
	struct nl_change c = nl_before(h);
	struct nl_link *l;
	int rc;

	if (m)
		nla_put(m, IFLA_ADDRESS, 6, mac);
	rc = nl_ask(h, m, NULL, NULL);
	l = rc ? NULL : nl_after(h, &c, dev);
	if (l)
		memcpy(l->mac, mac, 6);
	return rc;
}

/* With its MTU a device's IPv6 comes and goes. */
int nl_link_mtu(struct nl_host *h, const char *dev, uint32_t mtu)
{
	struct nl_msg *m = nl_link_msg(RTM_SETLINK, dev, false, false);
	struct nl_change c = nl_before(h);
	int rc;

	if (m)
		nla_put_u32(m, IFLA_MTU, mtu);
	rc = nl_ask(h, m, NULL, NULL);
	if (!rc)
		nl_forget(h, &c, dev);
	return rc;
}

int nl_link_master(struct nl_host *h, const char *dev, const char *master)
{
	int to = master[0] ? nl_index_of(h, master) : 0, rc;
	struct nl_change c;
	struct nl_msg *m;

	if (to < 0)
		return to;
	c = nl_before(h);
	m = nl_link_msg(RTM_SETLINK, dev, false, false);
	if (m)
		nla_put_u32(m, IFLA_MASTER, (uint32_t)to);
	rc = nl_ask(h, m, NULL, NULL);
	if (!rc)
		nl_forget(h, &c, dev);
	return rc;
}

int nl_link_group(struct nl_host *h, const char *dev, uint32_t group)
{
	struct nl_msg *m = nl_link_msg(RTM_SETLINK, dev, false, false);

	if (m)
		nla_put_u32(m, IFLA_GROUP, group);
	return nl_ask(h, m, NULL, NULL);
}

int nl_link_rename(struct nl_host *h, int index, const char *name,
		   const char *alias)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	struct nl_msg *m = nl_new(RTM_SETLINK, 0, &ifi, sizeof(ifi));

	if (m) {
		nla_put_string(m, IFLA_IFNAME, name);
		nla_put(m, IFLA_IFALIAS, (int)strlen(alias), alias);
	}
	return nl_ask(h, m, NULL, NULL);
}

struct nl_walk {
	nl_link_fn *fn;
	void *arg;
	bool stop;
};

static int nl_on_each(struct nl_msg *m, void *arg)
{
	struct nl_walk *w = arg;
	struct nl_link l = { 0 };

	if (!w->stop && nl_on_link(m, &l) == NL_OK)
		w->stop = w->fn(w->arg, &l);
	return NL_OK;
}

int nl_link_each(struct nl_host *h, nl_link_fn *fn, void *arg)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct nl_walk w = { .fn = fn, .arg = arg };

	return nl_ask(h, nl_new(RTM_GETLINK, NLM_F_DUMP, &ifi, sizeof(ifi)),
		      nl_on_each, &w);
}

int nl_link_delete(struct nl_host *h, const char *dev)
{
	return nl_ask(h, nl_link_msg(RTM_DELLINK, dev, false, false), NULL,
		      NULL);
}

/* --- bridge ports ------------------------------------------------------------*/

int nl_port_set(struct nl_host *h, const char *dev, uint32_t flags)
{
	struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE };
	struct nl_change c;
	struct nl_link l;
	struct nlattr *nest;
	struct nl_msg *m;
	unsigned i;
	int rc = nl_link_get(h, dev, &l);

	if (rc)
		return rc;
	c = nl_before(h);
	ifi.ifi_index = l.index;
	m = nl_new(RTM_SETLINK, 0, &ifi, sizeof(ifi));
	nest = m ? nla_nest_start(m, IFLA_PROTINFO | NLA_F_NESTED) : NULL;
	if (nest) {
		for (i = 0; i < ARRAY_SIZE(nl_ports); i++)
			nla_put_u8(m, nl_ports[i].attr,
				   !!(flags & nl_ports[i].bit) !=
					   nl_ports[i].inverted);
		nla_nest_end(m, nest);
	}
	rc = nl_ask(h, m, NULL, NULL);
	if (!rc)
		nl_forget(h, &c, dev);
	return rc;
}
