// SPDX-License-Identifier: GPL-2.0-or-later
/* hoststate.c - see hoststate.h */
#include "hoststate.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/neighbour.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "store.h"

enum { STATE_LINE = 4096, STATE_SETS = 64, STATE_SHOWN = 6 };

/* A line that is being written. */
struct text {
	char s[STATE_LINE];
	size_t n;
};

static void put(struct text *t, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void put(struct text *t, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(t->s + t->n, sizeof(t->s) - t->n, format, ap);
	va_end(ap);
	t->n += n > 0 ? (size_t)n : 0;
	if (t->n >= sizeof(t->s)) {
		fputs("hoststate: a line is too long\n", stderr);
		exit(2);
	}
}

static void line(struct state *s, const struct text *t)
{
	if (s->n == s->room) {
		s->room = s->room ? 2 * s->room : 256;
		s->line = reallocarray(s->line, s->room, sizeof(*s->line));
	}
	s->line[s->n++] = strdup(t->s);
}

static void hex(struct text *t, const void *data, unsigned n)
{
	const unsigned char *p = data;
	bool words = n > 0;
	unsigned i;

	for (i = 0; i < n; i++)
		words &= p[i] >= ' ' && p[i] < 127;
	if (n > 1 && !p[n - 1]) {
		for (words = true, i = 0; i + 1 < n; i++)
			words &= p[i] > ' ' && p[i] < 127;
		if (words)
			n--;
	}
	if (words)
		put(t, "%.*s", (int)n, (const char *)data);
	for (i = 0; i < n && !words; i++)
		put(t, "%02x", p[i]);
}

/* --- rtnetlink ---------------------------------------------------------------*/

struct look {
	struct state *s;
	const char *dev;
	uint16_t type; /* of nf_tables' */
	unsigned hooks;
	struct {
		unsigned char family;
		char table[64], name[64];
	} set[STATE_SETS];
	unsigned nset;
};

static void put_attr(struct text *t, const struct nlattr *a)
{
	put(t, " %u=", mnl_attr_get_type(a));
	hex(t, mnl_attr_get_payload(a), mnl_attr_get_payload_len(a));
}

/* The attributes of these types (0 ends), in any order, each as a word. */
static void put_some(struct text *t, const struct nlmsghdr *n, size_t head,
		     const uint16_t *type)
{
	const struct nlattr *a;
	unsigned i;

	mnl_attr_for_each(a, n, head)
	{
		for (i = 0; type[i]; i++)
			if (mnl_attr_get_type(a) == type[i])
				put_attr(t, a);
	}
}

static const struct nlattr *in(const struct nlattr *nest, uint16_t type)
{
	const struct nlattr *a;

	if (!nest)
		return NULL;
	mnl_attr_for_each_nested(a, nest)
	{
		if (mnl_attr_get_type(a) == type)
			return a;
	}
	return NULL;
}

static const struct nlattr *of(const struct nlmsghdr *n, size_t head,
			       uint16_t type)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, n, head)
	{
		if (mnl_attr_get_type(a) == type)
			return a;
	}
	return NULL;
}

static int on_link(const struct nlmsghdr *n, void *arg)
{
	static const uint16_t some[] = {
		IFLA_IFNAME, IFLA_ADDRESS, IFLA_MTU, IFLA_MASTER,
		IFLA_GROUP,  IFLA_IFALIAS, 0
	};
	static const uint16_t port[] = {
		IFLA_BRPORT_LOCKED,	   IFLA_BRPORT_LEARNING,
		IFLA_BRPORT_ISOLATED,	   IFLA_BRPORT_MODE,
		IFLA_BRPORT_UNICAST_FLOOD, IFLA_BRPORT_MCAST_FLOOD,
		IFLA_BRPORT_BCAST_FLOOD,
	};
	const struct ifinfomsg *i = mnl_nlmsg_get_payload(n);
	const struct nlattr *spec = of(n, sizeof(*i), IFLA_AF_SPEC), *a;
	const struct nlattr *info = of(n, sizeof(*i), IFLA_LINKINFO);
	const struct nlattr *name = of(n, sizeof(*i), IFLA_IFNAME);
	struct look *l = arg;
	struct text t = { .n = 0 };
	unsigned k;

	put(&t, "H link %d up=%d", i->ifi_index, !!(i->ifi_flags & IFF_UP));
	put_some(&t, n, sizeof(*i), some);
	a = in(info, IFLA_INFO_SLAVE_DATA);
	for (k = 0; k < ARRAY_SIZE(port) && a; k++)
		if (in(a, port[k]))
			put_attr(&t, in(a, port[k]));
	put(&t, " ipv4");
	if (in(in(spec, AF_INET), IFLA_INET_CONF))
		put_attr(&t, in(in(spec, AF_INET), IFLA_INET_CONF));
	put(&t, " ipv6");
	if (in(in(spec, AF_INET6), IFLA_INET6_CONF))
		put_attr(&t, in(in(spec, AF_INET6), IFLA_INET6_CONF));
	line(l->s, &t);
	if (name && !strcmp(mnl_attr_get_str(name), l->dev))
		l->s->up = i->ifi_flags & IFF_UP;
	return MNL_CB_OK;
}

static int on_addr(const struct nlmsghdr *n, void *arg)
{
	static const uint16_t some[] = { IFA_ADDRESS, IFA_LOCAL, 0 };
	const struct ifaddrmsg *i = mnl_nlmsg_get_payload(n);
	struct look *l = arg;
	struct text t = { .n = 0 };

	put(&t, "H address %d %u/%u", (int)i->ifa_index, i->ifa_family,
	    i->ifa_prefixlen);
	put_some(&t, n, sizeof(*i), some);
	line(l->s, &t);
	return MNL_CB_OK;
}

static int on_route(const struct nlmsghdr *n, void *arg)
{
	static const uint16_t some[] = {
		RTA_DST,      RTA_OIF, RTA_GATEWAY, RTA_PREFSRC, RTA_TABLE,
		RTA_PRIORITY, 0
	};
	const struct rtmsg *i = mnl_nlmsg_get_payload(n);
	struct look *l = arg;
	struct text t = { .n = 0 };

	/* they follow from addresses, some of them later */
	if (i->rtm_protocol == RTPROT_KERNEL)
		return MNL_CB_OK;
	put(&t, "H route %u/%u type %u scope %u proto %u", i->rtm_family,
	    i->rtm_dst_len, i->rtm_type, i->rtm_scope, i->rtm_protocol);
	put_some(&t, n, sizeof(*i), some);
	line(l->s, &t);
	return MNL_CB_OK;
}

/* Only what somebody put there. */
static int on_neigh(const struct nlmsghdr *n, void *arg)
{
	static const uint16_t some[] = { NDA_DST,
					 NDA_LLADDR,
					 NDA_MASTER,
					 NDA_VLAN,
					 12 /* NDA_PROTOCOL */,
					 0 };
	const struct ndmsg *i = mnl_nlmsg_get_payload(n);
	struct look *l = arg;
	struct text t = { .n = 0 };

	if (!(i->ndm_flags & NTF_PROXY) &&
	    !(i->ndm_state & (NUD_PERMANENT | NUD_NOARP)))
		return MNL_CB_OK;
	/* the kernel's own, of multicast groups that are joined and left late */
	if (i->ndm_family != AF_BRIDGE && i->ndm_state & NUD_NOARP)
		return MNL_CB_OK;
	if (i->ndm_family == AF_BRIDGE && i->ndm_flags & NTF_SELF)
		return MNL_CB_OK;
	put(&t, "H neighbour %u dev %d state %x flags %x", i->ndm_family,
	    i->ndm_ifindex, i->ndm_state, i->ndm_flags);
	put_some(&t, n, sizeof(*i), some);
	line(l->s, &t);
	return MNL_CB_OK;
}

/* --- nf_tables ---------------------------------------------------------------*/

/* The kernel's numbers for things, and what counts. */
static bool nft_mute(uint16_t type, uint16_t attr)
{
	switch (type) {
	case NFT_MSG_GETTABLE:
		return attr == NFTA_TABLE_HANDLE;
	case NFT_MSG_GETCHAIN:
		return attr == NFTA_CHAIN_HANDLE || attr == NFTA_CHAIN_COUNTERS;
	case NFT_MSG_GETRULE:
		return attr == NFTA_RULE_HANDLE || attr == NFTA_RULE_POSITION;
	case NFT_MSG_GETSET:
		return attr == NFTA_SET_HANDLE;
	case NFT_MSG_GETOBJ:
		return attr == NFTA_OBJ_HANDLE || attr == NFTA_OBJ_DATA;
	default:
		return false;
	}
}

static void nft_set(struct look *l, const struct nlmsghdr *n)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(n);
	const struct nlattr *table = of(n, sizeof(*g), NFTA_SET_TABLE);
	const struct nlattr *name = of(n, sizeof(*g), NFTA_SET_NAME);

	if (!table || !name || l->nset == STATE_SETS)
		return;
	l->set[l->nset].family = g->nfgen_family;
	str_fmt(l->set[l->nset].table, 64, "%s", mnl_attr_get_str(table));
	str_fmt(l->set[l->nset].name, 64, "%s", mnl_attr_get_str(name));
	l->nset++;
}

/* One line for each: they come in any order. */
static int on_elems(const struct nlmsghdr *n, void *arg)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(n);
	const struct nlattr *a, *x, *nest = of(n, sizeof(*g), 3);
	static const uint16_t name[] = { NFTA_SET_ELEM_LIST_TABLE,
					 NFTA_SET_ELEM_LIST_SET, 0 };
	struct look *l = arg;
	struct text t;

	if (!nest)
		return MNL_CB_OK;
	mnl_attr_for_each_nested(a, nest)
	{
		t.n = 0;
		put(&t, "H element family %u", g->nfgen_family);
		put_some(&t, n, sizeof(*g), name);
		mnl_attr_for_each_nested(x, a)
		{
			if (mnl_attr_get_type(x) != NFTA_SET_ELEM_EXPIRATION)
				put_attr(&t, x);
		}
		line(l->s, &t);
	}
	return MNL_CB_OK;
}

static int on_nft(const struct nlmsghdr *n, void *arg)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(n);
	const struct nlattr *a, *table = of(n, sizeof(*g), 1);
	struct look *l = arg;
	struct text t = { .n = 0 };
	char own[32];

	put(&t, "H nft %u family %u", l->type, g->nfgen_family);
	mnl_attr_for_each(a, n, sizeof(*g))
	{
		if (!nft_mute(l->type, mnl_attr_get_type(a)))
			put_attr(&t, a);
	}
	line(l->s, &t);
	if (l->type == NFT_MSG_GETSET)
		nft_set(l, n);
	str_fmt(own, sizeof(own), "netback-%s", l->dev);
	if (l->type == NFT_MSG_GETCHAIN && table &&
	    !strcmp(mnl_attr_get_str(table), own) &&
	    of(n, sizeof(*g), NFTA_CHAIN_HOOK))
		l->hooks++;
	return MNL_CB_OK;
}

/* --- asking ------------------------------------------------------------------*/

static void dump(struct mnl_socket *nl, struct nlmsghdr *n, mnl_cb_t each,
		 struct look *l)
{
	static unsigned seq;
	static char buf[1 << 16];
	ssize_t r;

	n->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	n->nlmsg_seq = ++seq;
	r = mnl_socket_sendto(nl, n, n->nlmsg_len);
	while (r > 0) {
		r = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (r > 0)
			r = mnl_cb_run(buf, (size_t)r, seq,
				       mnl_socket_get_portid(nl), each, l);
	}
	if (r < 0 && errno != ENOENT) {
		perror("hoststate: netlink");
		exit(2);
	}
}

static void look_route(struct look *l, struct mnl_socket *nl)
{
	static const struct {
		uint16_t type;
		unsigned char family;
		bool proxy;
		mnl_cb_t each;
	} row[] = {
		{ RTM_GETLINK, AF_UNSPEC, false, on_link },
		{ RTM_GETADDR, AF_UNSPEC, false, on_addr },
		{ RTM_GETROUTE, AF_INET, false, on_route },
		{ RTM_GETROUTE, AF_INET6, false, on_route },
		{ RTM_GETNEIGH, AF_INET, false, on_neigh },
		{ RTM_GETNEIGH, AF_INET6, false, on_neigh },
		{ RTM_GETNEIGH, AF_INET, true, on_neigh },
		{ RTM_GETNEIGH, AF_INET6, true, on_neigh },
		{ RTM_GETNEIGH, AF_BRIDGE, false, on_neigh },
	};
	char buf[256] __attribute__((aligned(8)));
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(row); i++) {
		struct nlmsghdr *n = mnl_nlmsg_put_header(buf);

		n->nlmsg_type = row[i].type;
		if (row[i].type == RTM_GETLINK) {
			mnl_nlmsg_put_extra_header(n, sizeof(struct ifinfomsg));
			mnl_attr_put_u32(n, IFLA_EXT_MASK,
					 RTEXT_FILTER_SKIP_STATS);
		} else if (row[i].type == RTM_GETNEIGH &&
			   row[i].family != AF_BRIDGE) {
			struct ndmsg *d = mnl_nlmsg_put_extra_header(
				n, sizeof(struct ndmsg));

			d->ndm_family = row[i].family;
			d->ndm_flags = row[i].proxy ? NTF_PROXY : 0;
		} else {
			struct rtgenmsg *g = mnl_nlmsg_put_extra_header(
				n, sizeof(struct ifinfomsg));

			g->rtgen_family = row[i].family;
		}
		dump(nl, n, row[i].each, l);
	}
}

static struct nlmsghdr *nft_msg(char *buf, uint16_t type, unsigned char family)
{
	struct nlmsghdr *n = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *g;

	n->nlmsg_type = (uint16_t)(NFNL_SUBSYS_NFTABLES << 8 | type);
	g = mnl_nlmsg_put_extra_header(n, sizeof(*g));
	g->nfgen_family = family;
	return n;
}

static void look_nft(struct look *l, struct mnl_socket *nl)
{
	static const uint16_t type[] = { NFT_MSG_GETTABLE, NFT_MSG_GETCHAIN,
					 NFT_MSG_GETRULE, NFT_MSG_GETSET,
					 NFT_MSG_GETOBJ };
	char buf[512] __attribute__((aligned(8)));
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(type); i++) {
		l->type = type[i];
		dump(nl, nft_msg(buf, type[i], AF_UNSPEC), on_nft, l);
	}
	l->type = NFT_MSG_GETSETELEM;
	for (i = 0; i < l->nset; i++) {
		struct nlmsghdr *n = nft_msg(buf, NFT_MSG_GETSETELEM,
					     l->set[i].family);

		mnl_attr_put_strz(n, NFTA_SET_ELEM_LIST_TABLE, l->set[i].table);
		mnl_attr_put_strz(n, NFTA_SET_ELEM_LIST_SET, l->set[i].name);
		dump(nl, n, on_elems, l);
	}
}

/* --- files and nodes -----------------------------------------------------------*/

static void look_file(struct state *s, const char *path)
{
	struct text t = { .n = 0 };
	char buf[64] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t r = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	if (fd >= 0)
		close(fd);
	put(&t, "H %s %.*s", path, (int)(r < 0 ? 0 : r), buf);
	line(s, &t);
}

static void look_files(struct state *s, const char *dev)
{
	char path[128];
	const char *run = getenv("NETBACK_RUN");
	struct text t;
	struct dirent *d;
	DIR *dir;

	look_file(s, "/proc/sys/net/ipv4/ip_forward");
	look_file(s, "/proc/sys/net/ipv6/conf/all/forwarding");
	str_fmt(path, sizeof(path), "/proc/sys/net/ipv4/neigh/%s/proxy_delay",
		dev);
	look_file(s, path);
	str_fmt(path, sizeof(path),
		"/proc/sys/net/ipv6/conf/%s/force_forwarding", dev);
	look_file(s, path);
	str_fmt(path, sizeof(path), "%s/lock", run ? run : "/run/netback");
	dir = opendir(path);
	while (dir && (d = readdir(dir))) {
		t.n = 0;
		if (d->d_name[0] == '.')
			continue;
		put(&t, "L lock %s", d->d_name);
		line(s, &t);
	}
	if (dir)
		closedir(dir);
}

static void node(const char *dev, const char *key, char *path, size_t size)
{
	unsigned d = 0, h = 0;

	sscanf(dev, "vif%u.%u", &d, &h);
	if (!strcmp(key, "mtu"))
		str_fmt(path, size, "/local/domain/%u/device/vif/%u/mtu", d, h);
	else
		str_fmt(path, size, "/local/domain/0/backend/vif/%u/%u/%s", d,
			h, key);
}

static struct store *store(void)
{
	static struct store *st;

	if (!st && store_open(&st, NULL, 2000)) {
		fputs("hoststate: the store does not answer\n", stderr);
		exit(2);
	}
	return st;
}

static void look_nodes(struct state *s, const char *dev)
{
	static const char *const key[] = { "hotplug-status", "hotplug-error",
					   "mtu" };
	char path[STORE_PATH], value[STORE_VALUE];
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(key); i++) {
		struct text t = { .n = 0 };

		node(dev, key[i], path, sizeof(path));
		if (store_read(store(), path, value, sizeof(value)) < 0)
			str_fmt(value, sizeof(value), "none");
		put(&t, "S %s %.200s", key[i], value);
		line(s, &t);
		if (!i)
			s->connected = !strcmp(value, "connected");
	}
}

void state_clear(const char *dev)
{
	char path[STORE_PATH];

	node(dev, "hotplug-status", path, sizeof(path));
	store_write(store(), path, "");
	node(dev, "hotplug-error", path, sizeof(path));
	store_rm(store(), path);
	node(dev, "mtu", path, sizeof(path));
	store_write(store(), path, "");
}

/* --- all of it -----------------------------------------------------------------*/

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static struct mnl_socket *bus(int proto)
{
	struct mnl_socket *nl = mnl_socket_open2(proto, SOCK_CLOEXEC);

	if (nl && !mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID))
		return nl;
	perror("hoststate: netlink");
	exit(2);
}

void state_read(struct state *s, const char *dev)
{
	struct look l = { .s = s, .dev = dev };
	static struct mnl_socket *route, *nft;

	if (!route)
		route = bus(NETLINK_ROUTE);
	if (!nft)
		nft = bus(NETLINK_NETFILTER);
	memset(s, 0, sizeof(*s));
	look_route(&l, route);
	look_nft(&l, nft);
	look_files(s, dev);
	look_nodes(s, dev);
	s->guarded = l.hooks == 2;
	qsort(s->line, s->n, sizeof(*s->line), by_text);
}

void state_free(struct state *s)
{
	unsigned i;

	for (i = 0; i < s->n; i++)
		free(s->line[i]);
	free(s->line);
	memset(s, 0, sizeof(*s));
}

static bool of_parts(const char *text, unsigned parts)
{
	return parts & (text[0] == 'S'	 ? STATE_STORE
			: text[0] == 'L' ? STATE_LOCK
					 : STATE_HOST);
}

bool state_same(const struct state *want, const struct state *is,
		unsigned parts, const char *when, FILE *out)
{
	unsigned i = 0, k = 0, lines = 0;

	while (i < want->n || k < is->n) {
		int c = i == want->n ? 1
			: k == is->n ? -1
				     : strcmp(want->line[i], is->line[k]);
		const char *text = c <= 0 ? want->line[i] : is->line[k];

		i += c <= 0;
		k += c >= 0;
		if (!c || !of_parts(text, parts))
			continue;
		if (!lines++)
			fprintf(out, "%s:\n", when);
		if (lines <= STATE_SHOWN)
			fprintf(out, "%c %.600s\n", c < 0 ? '-' : '+', text);
	}
	if (lines > STATE_SHOWN)
		fprintf(out, "and %u lines more\n", lines - STATE_SHOWN);
	return !lines;
}
