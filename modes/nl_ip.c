// SPDX-License-Identifier: GPL-2.0-or-later
/* nl_ip.c - addresses, routes and neighbours of this host, one call each
 *
 * What is asked for is one thing, or what belongs to one device: the cost does
 * not grow with the number of guests.
 */
#include <errno.h>
#include <linux/if_addr.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#include "nl_ask.h"

enum {
	NL_PROXIES = 8, /* devices that answer for one address */
	NL_SWEEP = 64,	/* proxies that are looked after in one go */
};

static unsigned nl_bits(int family)
{
	return family == AF_INET ? 32 : 128;
}

static void nl_put_addr(struct nl_msg *m, int type, const struct vif_addr *a)
{
	if (m && a->family)
		nla_put(m, type, (int)nl_bits(a->family) / 8, a->addr);
}

static bool nl_get_addr(const struct nlattr *a, int family,
			struct vif_addr *out)
{
	struct vif_addr o = { .family = (uint8_t)family };

	if (!a || nla_len(a) != (int)nl_bits(family) / 8)
		return false;
	o.len = (uint8_t)nl_bits(family);
	memcpy(o.addr, nla_data(a), (size_t)nla_len(a));
	*out = o;
	return true;
}

int nl_no_family(int rc)
{
	return rc == -EAFNOSUPPORT || rc == -EOPNOTSUPP ? 0 : rc;
}

/* --- addresses ---------------------------------------------------------------*/

struct nl_addr_list {
	int index;
	struct vif_addr *v;
	unsigned n, max;
};

static int nl_on_addr(struct nl_msg *m, void *arg)
{
	struct ifaddrmsg *ifa = nlmsg_data(nlmsg_hdr(m));
	struct nl_addr_list *l = arg;
	struct nlattr *a = nlmsg_find_attr(nlmsg_hdr(m), sizeof(*ifa),
					   IFA_LOCAL);

	if (!a)
		a = nlmsg_find_attr(nlmsg_hdr(m), sizeof(*ifa), IFA_ADDRESS);
	if ((int)ifa->ifa_index != l->index || l->n == l->max ||
	    (ifa->ifa_family != AF_INET && ifa->ifa_family != AF_INET6))
		return NL_OK;
	if (!nl_get_addr(a, ifa->ifa_family, &l->v[l->n]))
		return NL_OK;
	l->v[l->n++].len = ifa->ifa_prefixlen;
	return NL_OK;
}

int nl_addrs(struct nl_host *h, int index, int family, struct vif_addr *v,
	     unsigned n)
{
	struct ifaddrmsg ifa = { .ifa_family = (uint8_t)family,
				 .ifa_index = (uint32_t)index };
	struct nl_addr_list l = { .index = index, .v = v, .max = n };
	int rc = nl_ask_strict(
		h, nl_new(RTM_GETADDR, NLM_F_DUMP, &ifa, sizeof(ifa)),
		nl_on_addr, &l);

	return rc ? rc : (int)l.n;
}

static int nl_addr_ask(struct nl_host *h, int type, int flags, int index,
		       const struct vif_addr *a)
{
	struct ifaddrmsg ifa = { .ifa_family = a->family,
				 .ifa_prefixlen = a->len,
				 .ifa_index = (uint32_t)index };
	struct nl_msg *m;

	/* no probing: nobody else on this wire may have it */
	if (a->family == AF_INET6)
		ifa.ifa_flags = IFA_F_NODAD;
	if (vif_addr_is_local(a))
		ifa.ifa_scope = RT_SCOPE_LINK;
	m = nl_new(type, flags, &ifa, sizeof(ifa));
	nl_put_addr(m, IFA_LOCAL, a);
	nl_put_addr(m, IFA_ADDRESS, a);
	return nl_ask(h, m, NULL, NULL);
}

int nl_addr_add(struct nl_host *h, int index, const struct vif_addr *a)
{
	return nl_addr_ask(h, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, index, a);
}

int nl_addr_del(struct nl_host *h, int index, const struct vif_addr *a)
{
	return nl_addr_ask(h, RTM_DELADDR, 0, index, a);
}

/* --- routes ------------------------------------------------------------------*/

struct nl_route_list {
	int index;
	struct nl_route *v;
	unsigned n, max;
};

static int nl_on_route(struct nl_msg *m, void *arg)
{
	struct rtmsg *rt = nlmsg_data(nlmsg_hdr(m));
	struct nlattr *tb[RTA_MAX + 1];
	struct nl_route_list *l = arg;
	struct nl_route o = { 0 };

	if (nlmsg_parse(nlmsg_hdr(m), sizeof(*rt), tb, RTA_MAX, NULL) < 0)
		return NL_SKIP;
	if (l->n == l->max || rt->rtm_type != RTN_UNICAST ||
	    rt->rtm_table != RT_TABLE_MAIN ||
	    rt->rtm_protocol == RTPROT_KERNEL || !tb[RTA_OIF] ||
	    (int)nla_get_u32(tb[RTA_OIF]) != l->index ||
	    !nl_get_addr(tb[RTA_DST], rt->rtm_family, &o.to))
		return NL_OK;
	o.to.len = rt->rtm_dst_len;
	nl_get_addr(tb[RTA_PREFSRC], rt->rtm_family, &o.src);
	if (tb[RTA_PRIORITY])
		o.metric = nla_get_u32(tb[RTA_PRIORITY]);
	l->v[l->n++] = o;
	return NL_OK;
}

static int nl_routes_of(struct nl_host *h, int family, struct nl_route_list *l)
{
	struct rtmsg rt = { .rtm_family = (uint8_t)family };
	struct nl_msg *m = nl_new(RTM_GETROUTE, NLM_F_DUMP, &rt, sizeof(rt));

	if (m)
		nla_put_u32(m, RTA_OIF, (uint32_t)l->index);
	return nl_no_family(nl_ask_strict(h, m, nl_on_route, l));
}

int nl_routes(struct nl_host *h, int index, struct nl_route *v, unsigned n)
{
	struct nl_route_list l = { .index = index, .v = v, .max = n };
	int rc = nl_routes_of(h, AF_INET, &l);

	if (!rc)
		rc = nl_routes_of(h, AF_INET6, &l);
	return rc ? rc : (int)l.n;
}

static int nl_route_ask(struct nl_host *h, int type, int flags, int index,
			const struct nl_route *r)
{
	struct rtmsg rt = { .rtm_family = r->to.family,
			    .rtm_dst_len = r->to.len,
			    .rtm_table = RT_TABLE_MAIN };
	struct nl_msg *m;

	if (type == RTM_NEWROUTE) {
		rt.rtm_protocol = RTPROT_STATIC;
		rt.rtm_type = RTN_UNICAST;
		if (r->to.family == AF_INET)
			rt.rtm_scope = RT_SCOPE_LINK;
	} else if (r->to.family == AF_INET) {
		rt.rtm_scope = RT_SCOPE_NOWHERE; /* whatever it is */
	}
	m = nl_new(type, flags, &rt, sizeof(rt));
	nl_put_addr(m, RTA_DST, &r->to);
	nl_put_addr(m, RTA_PREFSRC, &r->src);
	if (m) {
		nla_put_u32(m, RTA_OIF, (uint32_t)index);
		nla_put_u32(m, RTA_PRIORITY, r->metric);
	}
	return nl_ask(h, m, NULL, NULL);
}

int nl_route_add(struct nl_host *h, int index, const struct nl_route *r)
{
	return nl_route_ask(h, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, index,
			    r);
}

int nl_route_del(struct nl_host *h, int index, const struct nl_route *r)
{
	return nl_route_ask(h, RTM_DELROUTE, 0, index, r);
}

struct nl_way {
	int index; /* 0: this host; -ENETUNREACH: nowhere */
	unsigned len;
};

static int nl_on_way(struct nl_msg *m, void *arg)
{
	struct rtmsg *rt = nlmsg_data(nlmsg_hdr(m));
	struct nlattr *a = nlmsg_find_attr(nlmsg_hdr(m), sizeof(*rt), RTA_OIF);
	struct nl_way *o = arg;

	o->len = rt->rtm_dst_len;
	if (rt->rtm_type == RTN_LOCAL)
		o->index = 0;
	else if (rt->rtm_type == RTN_UNICAST && a)
		o->index = (int)nla_get_u32(a);
	return NL_OK;
}

/* The way to `a`, or (RTM_F_FIB_MATCH) the route that says so. */
static int nl_way(struct nl_host *h, const struct vif_addr *a, unsigned flags,
		  struct nl_way *out)
{
	struct rtmsg rt = { .rtm_family = a->family,
			    .rtm_dst_len = (uint8_t)nl_bits(a->family),
			    .rtm_flags = flags };
	struct nl_msg *m = nl_new(RTM_GETROUTE, 0, &rt, sizeof(rt));

	int rc;

	out->index = -ENETUNREACH;
	nl_put_addr(m, RTA_DST, a);
	rc = nl_no_family(nl_ask(h, m, nl_on_way, out));
	/* no route, and the kinds of route that say no */
	if (rc == -ENETUNREACH || rc == -EHOSTUNREACH || rc == -EACCES ||
	    rc == -EINVAL)
		rc = 0;
	return rc;
}

int nl_route_to(struct nl_host *h, const struct vif_addr *a)
{
	struct nl_way way;
	int rc = nl_way(h, a, 0, &way);

	return rc ? rc : way.index;
}

int nl_route_own(struct nl_host *h, const struct vif_addr *a)
{
	struct nl_way way;
	int rc = nl_way(h, a, RTM_F_FIB_MATCH, &way);

	if (rc)
		return rc;
	return way.index > 0 && way.len == nl_bits(a->family) ? way.index : 0;
}

struct nl_ra_list {
	int index[MODE_RA];
	unsigned n;
};

static int nl_on_ra(struct nl_msg *m, void *arg)
{
	struct rtmsg *rt = nlmsg_data(nlmsg_hdr(m));
	struct nlattr *a = nlmsg_find_attr(nlmsg_hdr(m), sizeof(*rt), RTA_OIF);
	struct nl_ra_list *l = arg;
	unsigned i;
	int index;

	if (!a || rt->rtm_dst_len || rt->rtm_protocol != RTPROT_RA ||
	    rt->rtm_type != RTN_UNICAST)
		return NL_OK;
	index = (int)nla_get_u32(a);
	for (i = 0; i < l->n && l->index[i] != index; i++)
		;
	if (i == l->n && l->n < MODE_RA)
		l->index[l->n++] = index;
	return NL_OK;
}

int nl_ra_devs(struct nl_host *h, char name[][IFNAMSIZ], unsigned n)
{
	struct rtmsg rt = { .rtm_family = AF_INET6, .rtm_protocol = RTPROT_RA };
	struct nl_ra_list l = { .n = 0 };
	int rc = nl_no_family(nl_ask_strict(
		h, nl_new(RTM_GETROUTE, NLM_F_DUMP, &rt, sizeof(rt)), nl_on_ra,
		&l));
	unsigned i, found = 0;

	/* one that is gone by now has no route to keep */
	for (i = 0; !rc && i < l.n && found < n; i++)
		if (if_indextoname((unsigned)l.index[i], name[found]))
			found++;
	return rc ? rc : (int)found;
}

struct nl_default {
	int index;
	uint32_t metric;
};

static int nl_on_default(struct nl_msg *m, void *arg)
{
	struct rtmsg *rt = nlmsg_data(nlmsg_hdr(m));
	struct nlattr *tb[RTA_MAX + 1];
	uint32_t metric;
	struct nl_default *o = arg;

	if (nlmsg_parse(nlmsg_hdr(m), sizeof(*rt), tb, RTA_MAX, NULL) < 0 ||
	    rt->rtm_dst_len || rt->rtm_table != RT_TABLE_MAIN ||
	    rt->rtm_type != RTN_UNICAST || !tb[RTA_OIF])
		return NL_OK;
	metric = tb[RTA_PRIORITY] ? nla_get_u32(tb[RTA_PRIORITY]) : 0;
	if (!o->index || metric < o->metric) {
		o->index = (int)nla_get_u32(tb[RTA_OIF]);
		o->metric = metric;
	}
	return NL_OK;
}

int nl_default_dev(struct nl_host *h, int family)
{
	struct rtmsg rt = { .rtm_family = (uint8_t)family,
			    .rtm_table = RT_TABLE_MAIN };
	struct nl_default o = { 0 };
	int rc = nl_no_family(nl_ask_strict(
		h, nl_new(RTM_GETROUTE, NLM_F_DUMP, &rt, sizeof(rt)),
		nl_on_default, &o));

	return rc ? rc : o.index;
}

struct nl_overlap {
	const struct vif_addr *net;
	int but, index;
};

static int nl_on_overlap(struct nl_msg *m, void *arg)
{
	struct rtmsg *rt = nlmsg_data(nlmsg_hdr(m));
	struct nlattr *tb[RTA_MAX + 1];
	struct nl_overlap *o = arg;
	struct vif_addr to;

	if (nlmsg_parse(nlmsg_hdr(m), sizeof(*rt), tb, RTA_MAX, NULL) < 0 ||
	    rt->rtm_type != RTN_UNICAST || !rt->rtm_dst_len ||
	    !nl_get_addr(tb[RTA_DST], rt->rtm_family, &to) || !tb[RTA_OIF])
		return NL_OK;
	to.len = rt->rtm_dst_len;
	if ((int)nla_get_u32(tb[RTA_OIF]) != o->but &&
	    network_overlap(&to, o->net))
		o->index = (int)nla_get_u32(tb[RTA_OIF]);
	return NL_OK;
}

int nl_route_overlap(struct nl_host *h, const struct vif_addr *net, int but)
{
	struct rtmsg rt = { .rtm_family = net->family,
			    .rtm_table = RT_TABLE_MAIN };
	struct nl_overlap o = { .net = net, .but = but };
	int rc = nl_no_family(nl_ask_strict(
		h, nl_new(RTM_GETROUTE, NLM_F_DUMP, &rt, sizeof(rt)),
		nl_on_overlap, &o));

	return rc ? rc : o.index;
}

/* --- neighbours --------------------------------------------------------------*/

struct nl_neigh {
	int index;
	bool stays;
	uint8_t mac[6];
};

static int nl_on_neigh(struct nl_msg *m, void *arg)
{
	struct ndmsg *nd = nlmsg_data(nlmsg_hdr(m));
	struct nlattr *a = nlmsg_find_attr(nlmsg_hdr(m), sizeof(*nd),
					   NDA_LLADDR);
	struct nl_neigh *o = arg;

	o->index = nd->ndm_ifindex;
	o->stays = nd->ndm_state & NUD_PERMANENT;
	if (a && nla_len(a) == 6)
		memcpy(o->mac, nla_data(a), 6);
	return NL_OK;
}

/* flags: NLM_F_..; proxy: the host answers in the place of `a`. */
static int nl_neigh_ask(struct nl_host *h, int type, int flags,
			const struct ndmsg *head, const struct vif_addr *a,
			const uint8_t *mac, struct nl_neigh *out)
{
	struct ndmsg nd = *head;
	struct nl_msg *m = nl_new(type, flags, &nd, sizeof(nd));

	nl_put_addr(m, NDA_DST, a);
	if (m && mac)
		nla_put(m, NDA_LLADDR, 6, mac);
	return nl_ask(h, m, out ? nl_on_neigh : NULL, out);
}

/* Kernels before 5.0 cannot be asked for one: then it is not there. */
static int nl_neigh_look(struct nl_host *h, const struct ndmsg *head,
			 const struct vif_addr *a, struct nl_neigh *out)
{
	int rc = nl_neigh_ask(h, RTM_GETNEIGH, 0, head, a, NULL, out);

	return rc == -ENOENT ? 0 : nl_no_family(rc);
}

int nl_neigh_is(struct nl_host *h, int index, const struct vif_addr *a,
		const uint8_t mac[6])
{
	struct ndmsg nd = { .ndm_family = a->family, .ndm_ifindex = index };
	struct nl_neigh o = { 0 };
	int rc = nl_neigh_look(h, &nd, a, &o);

	return rc ? rc : o.index && o.stays && !memcmp(o.mac, mac, 6);
}

int nl_neigh_add(struct nl_host *h, int index, const struct vif_addr *a,
		 const uint8_t mac[6])
{
	struct ndmsg nd = { .ndm_family = a->family,
			    .ndm_ifindex = index,
			    .ndm_state = NUD_PERMANENT };

	return nl_neigh_ask(h, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, &nd,
			    a, mac, NULL);
}

int nl_neigh_del(struct nl_host *h, int index, const struct vif_addr *a)
{
	struct ndmsg nd = { .ndm_family = a->family, .ndm_ifindex = index };

	return nl_neigh_ask(h, RTM_DELNEIGH, 0, &nd, a, NULL, NULL);
}

int nl_proxy_is(struct nl_host *h, int index, const struct vif_addr *a)
{
	struct ndmsg nd = { .ndm_family = a->family,
			    .ndm_ifindex = index,
			    .ndm_flags = NTF_PROXY };
	struct nl_neigh o = { 0 };
	int rc = nl_neigh_look(h, &nd, a, &o);

	return rc ? rc : o.index != 0;
}

int nl_proxy_add(struct nl_host *h, int index, const struct vif_addr *a)
{
	struct ndmsg nd = { .ndm_family = a->family,
			    .ndm_ifindex = index,
			    .ndm_state = NUD_PERMANENT,
			    .ndm_flags = NTF_PROXY };

	struct nl_msg *m = nl_new(RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE,
				  &nd, sizeof(nd));

	nl_put_addr(m, NDA_DST, a);
	if (m)
		nla_put_u8(m, NDA_PROTOCOL, NL_OURS);
	return nl_ask(h, m, NULL, NULL);
}

int nl_proxy_del(struct nl_host *h, int index, const struct vif_addr *a)
{
	struct ndmsg nd = { .ndm_family = a->family,
			    .ndm_ifindex = index,
			    .ndm_flags = NTF_PROXY };

	return nl_neigh_ask(h, RTM_DELNEIGH, 0, &nd, a, NULL, NULL);
}

struct nl_proxy_list {
	const struct vif_addr *a;
	int index[NL_PROXIES];
	unsigned n;
};

static int nl_on_proxy(struct nl_msg *m, void *arg)
{
	struct ndmsg *nd = nlmsg_data(nlmsg_hdr(m));
	struct nl_proxy_list *l = arg;
	struct vif_addr a;

	if (l->n < NL_PROXIES && nd->ndm_flags & NTF_PROXY &&
	    nd->ndm_family == l->a->family &&
	    nl_get_addr(nlmsg_find_attr(nlmsg_hdr(m), sizeof(*nd), NDA_DST),
			nd->ndm_family, &a) &&
	    vif_addr_same(&a, l->a))
		l->index[l->n++] = nd->ndm_ifindex;
	return NL_OK;
}

int nl_proxy_del_all(struct nl_host *h, const struct vif_addr *a)
{
	struct ndmsg nd = { .ndm_family = a->family, .ndm_flags = NTF_PROXY };
	struct nl_proxy_list l = { .a = a };
	int rc = nl_no_family(nl_ask_strict(
		h, nl_new(RTM_GETNEIGH, NLM_F_DUMP, &nd, sizeof(nd)),
		nl_on_proxy, &l));
	unsigned i;

	for (i = 0; !rc && i < l.n; i++)
		rc = nl_proxy_del(h, l.index[i], a);
	return rc;
}

struct nl_sweep {
	struct vif_addr a[NL_SWEEP];
	int index[NL_SWEEP];
	unsigned n;
};

static int nl_on_sweep(struct nl_msg *m, void *arg)
{
	struct ndmsg *nd = nlmsg_data(nlmsg_hdr(m));
	struct nlattr *who = nlmsg_find_attr(nlmsg_hdr(m), sizeof(*nd),
					     NDA_PROTOCOL);
	struct nl_sweep *w = arg;

	if (w->n < NL_SWEEP && nd->ndm_flags & NTF_PROXY && who &&
	    nla_get_u8(who) == NL_OURS &&
	    (nd->ndm_family == AF_INET || nd->ndm_family == AF_INET6) &&
	    nl_get_addr(nlmsg_find_attr(nlmsg_hdr(m), sizeof(*nd), NDA_DST),
			nd->ndm_family, &w->a[w->n]))
		w->index[w->n++] = nd->ndm_ifindex;
	return NL_OK;
}

int nl_proxy_sweep(struct nl_host *h)
{
	static const uint8_t family[] = { AF_INET, AF_INET6 };
	unsigned i, k;
	int rc = 0, own;

	for (k = 0; !rc && k < 2; k++) {
		struct ndmsg nd = { .ndm_family = family[k],
				    .ndm_flags = NTF_PROXY };
		struct nl_sweep w = { .n = 0 };

		rc = nl_no_family(nl_ask_strict(
			h, nl_new(RTM_GETNEIGH, NLM_F_DUMP, &nd, sizeof(nd)),
			nl_on_sweep, &w));
		for (i = 0; !rc && i < w.n; i++) {
			own = nl_route_own(h, &w.a[i]);
			if (!own)
				rc = nl_proxy_del(h, w.index[i], &w.a[i]);
			rc = rc == -ENOENT || rc == -ENODEV ? 0 : rc;
		}
	}
	return rc;
}
