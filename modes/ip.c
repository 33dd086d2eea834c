// SPDX-License-Identifier: GPL-2.0-or-later
/* ip.c - facts and steps of a routed vif: settings, addresses, routes, proxies
 *
 * What plan.c is to links and bridge ports.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"
#include "plan.h"

enum {
	IP_LOOK = 64, /* addresses or routes of one device that are looked at */
	IP_TEXT = 64,
	IP_PROXY_DELAY = 80, /* arp(7): in hundredths of a second */
};

struct ip_text {
	char s[IP_TEXT];
};

static struct ip_text ip_show(const struct vif_addr *a)
{
	struct ip_text t = { "" };

	if (vif_print_addr(a, t.s, sizeof(t.s)) < 0)
		t.s[0] = '\0';
	return t;
}

/* --- facts -------------------------------------------------------------------*/

static int ip_fact_uplink(struct nl_host *h, const struct vif *v,
			  struct facts *f, struct err *e)
{
	struct vif_addr a[IP_LOOK];
	struct nl_link l = { 0 };
	int rc = plan_look(h, v->gatewaydev, &l, &f->gatewaydev, e), i, n;

	if (rc || !f->gatewaydev)
		return rc;
	f->gatewaydev_mtu = l.mtu;
	n = nl_addrs(h, l.index, AF_INET, a, IP_LOOK);
	if (n < 0)
		return err_set(e, n, "%s: cannot read its addresses: %s%s",
			       v->gatewaydev, strerror(-n), nl_why(h));
	/* the first, but a link-local one only if there is no other */
	for (i = n - 1; i >= 0; i--)
		if (!f->gatewaydev_addr.family || !vif_addr_is_local(&a[i]) ||
		    vif_addr_is_local(&f->gatewaydev_addr))
			f->gatewaydev_addr = a[i];
	if (n)
		f->gatewaydev_addr.len = 32;
	return 0;
}

/* A setting, or -ENOENT; what cannot be read is no fact. */
static int ip_fact_setting(enum step_sysctl key, const char *dev, int *out,
			   struct err *e)
{
	*out = nl_sysctl_get(key, dev);
	if (*out >= 0 || *out == -ENOENT)
		return 0;
	return err_set(e, *out, "%s: cannot read its settings: %s", dev,
		       strerror(-*out));
}

/* A device that listens to routers now, and would not once it forwards. */
static int ip_fact_listens(struct facts *f, const char *dev, struct err *e)
{
	int ra, forward, rc;
	unsigned i;

	for (i = 0; i < f->nra; i++)
		if (!strcmp(f->ra[i], dev))
			return 0;
	rc = ip_fact_setting(STEP_IP6_ACCEPT_RA, dev, &ra, e);
	if (!rc)
		rc = ip_fact_setting(STEP_IP6_FORWARD, dev, &forward, e);
	if (!rc && ra == 1 && forward == 0 && f->nra < MODE_RA)
		memcpy(f->ra[f->nra++], dev, strlen(dev) + 1);
	return rc;
}

static int ip_fact_forward(struct nl_host *h, const struct vif *v,
			   struct facts *f, struct err *e)
{
	char ra[MODE_RA][IFNAMSIZ];
	int i, n, rc, is;

	rc = ip_fact_setting(STEP_IP6_FORWARD, "all", &is, e);
	if (rc)
		return rc;
	f->forward6 = is > 0;
	rc = ip_fact_setting(STEP_IP6_FORCE, "default", &is, e);
	if (rc)
		return rc;
	f->force6 = is >= 0;
	n = nl_ra_devs(h, ra, MODE_RA);
	if (n < 0)
		return err_set(e, n, "cannot read the default routes: %s%s",
			       strerror(-n), nl_why(h));
	if (f->gatewaydev)
		rc = ip_fact_listens(f, v->gatewaydev, e);
	for (i = 0; !rc && i < n; i++)
		if (strcmp(ra[i], v->name))
			rc = ip_fact_listens(f, ra[i], e);
	return rc;
}

static bool ip_wants(const struct vif *v, const struct vif_addr *to)
{
	unsigned i;

	for (i = 0; i < v->naddr; i++)
		if (vif_addr_same(&v->addr[i], to) &&
		    (vif_addr_is_net(&v->addr[i]) ? v->addr[i].len == to->len
						  : !vif_addr_is_net(to)))
			return true;
	return false;
}

/* Routes to what the guest had before it was given other addresses. */
static int ip_fact_stale(struct nl_host *h, const struct vif *v,
			 const struct nl_link *l, struct facts *f,
			 struct err *e)
{
	struct nl_route way[IP_LOOK];
	int i, n = nl_routes(h, l->index, way, IP_LOOK);

	if (n < 0)
		return err_set(e, n, "%s: cannot read its routes: %s%s",
			       v->name, strerror(-n), nl_why(h));
	for (i = 0; i < n; i++)
		if (!ip_wants(v, &way[i].to))
			f->stale = true;
	return 0;
}

static int ip_fact_routed(struct nl_host *h, const struct vif *v,
			  const struct nl_link *l, struct facts *f,
			  struct err *e)
{
	struct vif_addr a[IP_LOOK], want;
	int i, n = nl_addrs(h, l->index, AF_UNSPEC, a, IP_LOOK);

	if (n < 0)
		return err_set(e, n, "%s: cannot read its addresses: %s%s",
			       v->name, strerror(-n), nl_why(h));
	for (i = 0; i < n; i++)
		if (mode_gateway(v, f, a[i].family, &want) &&
		    vif_addr_same(&a[i], &want))
			f->routed = l->up;
	return l->up ? ip_fact_stale(h, v, l, f, e) : 0;
}

static int ip_fact_own(struct nl_host *h, const struct vif_addr *a,
		       struct facts *f, struct err *e)
{
	int rc = nl_route_to(h, a);

	if (!rc)
		f->own = *a;
	if (rc < 0 && rc != -ENETUNREACH)
		return err_set(e, rc, "cannot look up the route to %s: %s%s",
			       ip_show(a).s, strerror(-rc), nl_why(h));
	return 0;
}

int ip_facts(struct nl_host *h, const struct vif *v, const struct nl_link *l,
	     struct facts *f, struct err *e)
{
	unsigned i;
	int rc = 0;

	if (v->gatewaydev[0])
		rc = ip_fact_uplink(h, v, f, e);
	if (!rc && f->ipv6 && vif_has(v, AF_INET6))
		rc = ip_fact_forward(h, v, f, e);
	if (!rc && f->link)
		rc = ip_fact_routed(h, v, l, f, e);
	for (i = 0; !rc && i < v->naddr; i++)
		if (!vif_addr_is_net(&v->addr[i]))
			rc = ip_fact_own(h, &v->addr[i], f, e);
	return rc;
}

/* --- do ----------------------------------------------------------------------*/

/* The device's index; 0 for "all", which has none. */
static int ip_index(struct run *r, const char *dev, int *index)
{
	struct nl_link l;
	int rc;

	if (strcmp(r->dev, dev)) {
		rc = nl_link_get(r->h, dev, &l);
		if (rc)
			return rc;
		r->index = l.index;
		memcpy(r->dev, dev, sizeof(r->dev));
	}
	*index = r->index;
	return 0;
}

static bool ip_is_vif(const struct plan *p, const struct step *s)
{
	return !strcmp(s->dev, p->policy.dev);
}

/* Elsewhere than on the vif a setting is raised, never lowered. */
static bool ip_sysctl_holds(const struct plan *p, const struct step *s, int is)
{
	return ip_is_vif(p, s) ? is == (int)s->num : is >= (int)s->num;
}

static int ip_do_sysctl(struct run *r, const struct step *s)
{
	unsigned at = (unsigned)(s - r->p->v);
	char path[96] = "";
	int rc = nl_sysctl_get(s->key, s->dev);

	if (rc >= 0 && ip_sysctl_holds(r->p, s, rc))
		return 0;
	if (rc >= 0) {
		r->value[at] = rc;
		r->changed[at] = true;
		rc = nl_sysctl_set(s->key, s->dev, s->num);
	}
	nl_sysctl_path(s->key, s->dev, path, sizeof(path));
	return rc ? plan_failed(r, s, rc, "set ", path) : 0;
}

/* Another vif's, or an administrator's? */
static int ip_route_taken(struct run *r, const struct step *s)
{
	char dev[IFNAMSIZ] = "another device";
	int index = nl_route_to(r->h, &s->addr);

	if (index > 0)
		if_indextoname((unsigned)index, dev);
	return err_set(r->e, -EADDRINUSE,
		       "%s: ip %s is routed to %s already; give each card "
		       "addresses of its own",
		       s->dev, ip_show(&s->addr).s, dev);
}

static struct nl_route ip_route(const struct step *s)
{
	struct nl_route o = { .to = s->addr, .src = s->src, .metric = s->num };

	return o;
}

/* The route on the device that is like the wanted one; -ENOENT. */
static int ip_route_find(struct nl_host *h, int index, const struct step *s,
			 struct nl_route *out)
{
	struct nl_route v[IP_LOOK];
	int i, n = nl_routes(h, index, v, IP_LOOK);

	for (i = 0; i < n; i++)
		if (vif_addr_same(&v[i].to, &s->addr) &&
		    v[i].to.len == s->addr.len && v[i].metric == s->num) {
			*out = v[i];
			return 0;
		}
	return n < 0 ? n : -ENOENT;
}

static bool ip_route_same_src(const struct nl_route *r, const struct step *s)
{
	return r->src.family == s->src.family &&
	       (!s->src.family || vif_addr_same(&r->src, &s->src));
}

static int ip_do_route(struct run *r, const struct step *s, int index)
{
	unsigned at = (unsigned)(s - r->p->v);
	struct nl_route want = ip_route(s), is;
	int rc;

	r->changed[at] = true;
	rc = nl_route_add(r->h, index, &want);
	if (rc == -EEXIST) {
		r->changed[at] = false;
		rc = ip_route_find(r->h, index, s, &is);
		if (rc == -ENOENT)
			return ip_route_taken(r, s);
		if (!rc && ip_route_same_src(&is, s))
			return 0;
		r->changed[at] = true;
		if (!rc)
			rc = nl_route_del(r->h, index, &is);
		if (!rc)
			rc = nl_route_add(r->h, index, &want);
	}
	return rc ? plan_failed(r, s, rc, "add a route to ",
				ip_show(&s->addr).s)
		  : 0;
}

static int ip_do_addr(struct run *r, const struct step *s, int index)
{
	unsigned at = (unsigned)(s - r->p->v);
	int rc;

	r->changed[at] = true;
	rc = nl_addr_add(r->h, index, &s->addr);
	if (rc == -EEXIST) {
		r->changed[at] = false;
		rc = 0;
	}
	return rc ? plan_failed(r, s, rc, "add address ", ip_show(&s->addr).s)
		  : 0;
}

/* A neighbour or a proxy: looked for first, as adding one again would be a change.
 */
static int ip_do_neigh(struct run *r, const struct step *s, int index)
{
	bool proxy = s->kind == STEP_PROXY;
	int rc = proxy ? nl_proxy_is(r->h, index, &s->addr)
		       : nl_neigh_is(r->h, index, &s->addr, s->mac);

	if (rc == 1)
		return 0;
	if (!rc) {
		r->changed[s - r->p->v] = true;
		rc = proxy ? nl_proxy_add(r->h, index, &s->addr)
			   : nl_neigh_add(r->h, index, &s->addr, s->mac);
	}
	return rc ? plan_failed(r, s, rc,
				proxy ? "answer for " : "add neighbour ",
				ip_show(&s->addr).s)
		  : 0;
}

int ip_do(struct run *r, const struct step *s)
{
	int index, rc;

	if (s->kind == STEP_SYSCTL)
		return ip_do_sysctl(r, s);
	rc = ip_index(r, s->dev, &index);
	if (rc)
		return plan_failed(r, s, rc, "look at it", "");
	if (s->kind == STEP_ADDR)
		return ip_do_addr(r, s, index);
	if (s->kind == STEP_ROUTE)
		return ip_do_route(r, s, index);
	if (s->kind == STEP_NEIGH || s->kind == STEP_PROXY)
		return ip_do_neigh(r, s, index);
	return 0;
}

/* --- put back, undo ----------------------------------------------------------*/

static int ip_gone(int rc)
{
	return rc == -ENODEV || rc == -ENOENT || rc == -ESRCH ||
			       rc == -EADDRNOTAVAIL
		       ? 0
		       : nl_no_family(rc);
}

static int ip_remove(struct run *r, const struct step *s)
{
	struct nl_route way = ip_route(s);
	int index, rc = ip_index(r, s->dev, &index);

	if (!rc && s->kind == STEP_ADDR)
		rc = nl_addr_del(r->h, index, &s->addr);
	else if (!rc && s->kind == STEP_NEIGH)
		rc = nl_neigh_del(r->h, index, &s->addr);
	else if (!rc && s->kind == STEP_ROUTE)
		rc = nl_route_del(r->h, index, &way);
	else if (!rc && s->kind == STEP_PROXY)
		rc = nl_proxy_del(r->h, index, &s->addr);
	return ip_gone(rc);
}

void ip_back(struct run *r, const struct step *s)
{
	unsigned at = (unsigned)(s - r->p->v);

	if (!r->changed[at])
		return;
	if (s->kind != STEP_SYSCTL)
		ip_remove(r, s);
	else if (ip_is_vif(r->p, s))
		nl_sysctl_set(s->key, s->dev, (unsigned)r->value[at]);
}

/* Can a plan have left it so? What the kernel told with the link says so for most
 * devices, which no plan ever routed to. Plans set PROXY_DELAY after PROXY_ARP, and
 * FORCE after FORWARD, and undo goes the other way.
 */
static bool ip_may_be_ours(const struct nl_link *l, enum step_sysctl key)
{
	static const struct {
		uint8_t key, low, high;
	} row[STEP_SYSCTLS] = {
		[STEP_IP4_FORWARD] = { STEP_IP4_FORWARD, 1, 1 },
		[STEP_IP4_PROXY_ARP] = { STEP_IP4_PROXY_ARP, 1, 1 },
		[STEP_IP4_PROXY_DELAY] = { STEP_IP4_PROXY_ARP, 1, 1 },
		[STEP_IP4_RP_FILTER] = { STEP_IP4_RP_FILTER, 1, 2 },
		[STEP_IP6_OFF] = { STEP_IP6_OFF, 0, 1 },
		[STEP_IP6_ACCEPT_RA] = { STEP_IP6_ACCEPT_RA, 0, 0 },
		[STEP_IP6_FORWARD] = { STEP_IP6_FORWARD, 1, 1 },
		[STEP_IP6_FORCE] = { STEP_IP6_FORWARD, 1, 1 },
		[STEP_IP6_PROXY] = { STEP_IP6_FORWARD, 1, 1 },
	};
	int is = l->setting[row[key].key];

	return is < 0 || (is >= row[key].low && is <= row[key].high);
}

/* As any device that is new. A setting that is not there is as it should be. */
static int ip_default(struct run *r, const struct step *s)
{
	struct nl_link l;
	int is, new, rc;

	if (!nl_link_get(r->h, s->dev, &l) && !ip_may_be_ours(&l, s->key))
		return 0;
	is = nl_sysctl_get(s->key, s->dev);
	new = nl_sysctl_get(s->key, "default");
	/* only the first network namespace has that file */
	if (new == -ENOENT && s->key == STEP_IP4_PROXY_DELAY)
		new = IP_PROXY_DELAY;
	rc = is < 0 ? is : new < 0 ? new : 0;
	if (!rc && is != new)
		rc = nl_sysctl_set(s->key, s->dev, (unsigned)new);
	return rc == -ENOENT ? 0 : rc;
}

/* Proxies stand on another device: they are found by what is routed here, and by
 * what the words say if the device is gone. Without words (num = 0) any device
 * may have them.
 */
static int ip_clear_proxy(struct run *r, const struct step *s,
			  const struct vif_addr *a)
{
	int index, rc;

	if (vif_addr_is_net(a))
		return 0;
	if (!s->num)
		return ip_gone(nl_proxy_del_all(r->h, a));
	if (!s->other[0])
		return 0;
	rc = ip_index(r, s->other, &index);
	return ip_gone(rc ? rc : nl_proxy_del(r->h, index, a));
}

static int ip_clear_vif(struct run *r, const struct step *s)
{
	struct vif_addr a[IP_LOOK];
	struct nl_route way[IP_LOOK];
	struct nl_link l;
	int index, i, n, naddr, rc = ip_index(r, s->dev, &index);

	if (rc)
		return ip_gone(rc);
	naddr = nl_addrs(r->h, index, AF_UNSPEC, a, IP_LOOK);
	if (naddr < 0)
		return ip_gone(naddr);
	/* never routed to: who has many routes need not walk them all */
	rc = nl_link_get(r->h, s->dev, &l);
	if (rc || (!naddr && !ip_may_be_ours(&l, STEP_IP4_FORWARD) &&
		   !ip_may_be_ours(&l, STEP_IP6_FORWARD)))
		return ip_gone(rc);
	n = nl_routes(r->h, index, way, IP_LOOK);
	/* an end that failed, or a link that was taken down: they went alone */
	if (!n && (ip_may_be_ours(&l, STEP_IP4_PROXY_ARP) ||
		   ip_may_be_ours(&l, STEP_IP6_ACCEPT_RA)))
		rc = ip_gone(nl_proxy_sweep(r->h));
	for (i = 0; !rc && i < n; i++)
		rc = ip_clear_proxy(r, s, &way[i].to);
	if (rc || n < 0)
		return rc ? rc : ip_gone(n);
	for (i = 0; !rc && i < naddr; i++)
		rc = ip_gone(nl_addr_del(r->h, index, &a[i]));
	return rc;
}

static int ip_clear(struct run *r, const struct step *s, bool ours)
{
	unsigned i;
	int rc = ours ? ip_clear_vif(r, s) : ip_gone(nl_proxy_sweep(r->h));

	/* routed still: done above, or another vif has the address */
	for (i = 0; !rc && s->num && i < r->p->policy.naddr; i++) {
		rc = nl_route_own(r->h, &r->p->policy.addr[i]);
		rc = rc ? (rc < 0 ? rc : 0)
			: ip_clear_proxy(r, s, &r->p->policy.addr[i]);
	}
	return rc;
}

int ip_undo(struct run *r, const struct step *s, bool ours)
{
	const char *what = "remove addresses and routes";
	int rc = 0;

	if (s->kind == STEP_CLEAR) {
		rc = ip_clear(r, s, ours);
	} else if (s->kind == STEP_PROXY) {
		rc = ip_remove(r, s);
	} else if (!ours) {
		return 0;
	} else if (s->kind != STEP_SYSCTL) {
		rc = ip_remove(r, s);
	} else if (ip_is_vif(r->p, s) && !r->unclear) {
		/* else they stay, and tell the next run what to look for */
		rc = ip_default(r, s);
		what = "reset its settings";
	}
	return rc ? plan_failed(r, s, rc, what, "") : 0;
}

/* --- check -------------------------------------------------------------------*/

static int ip_check_sysctl(const struct plan *p, const struct step *s,
			   FILE *out)
{
	int is = nl_sysctl_get(s->key, s->dev);
	char path[96] = "";

	if (is >= 0 && ip_sysctl_holds(p, s, is))
		return 0;
	nl_sysctl_path(s->key, s->dev, path, sizeof(path));
	fprintf(out, "%s: %s is %d, should be %u\n", p->policy.dev, path,
		is < 0 ? 0 : is, s->num);
	return 1;
}

/* 1 there, 0 missing, -errno */
static int ip_is_there(struct nl_host *h, const struct step *s, int index)
{
	struct vif_addr a[IP_LOOK];
	struct nl_route way;
	int i, n;

	if (s->kind == STEP_NEIGH)
		return nl_neigh_is(h, index, &s->addr, s->mac);
	if (s->kind == STEP_PROXY)
		return nl_proxy_is(h, index, &s->addr);
	if (s->kind == STEP_ROUTE) {
		n = ip_route_find(h, index, s, &way);
		return n == -ENOENT ? 0 : n ? n : ip_route_same_src(&way, s);
	}
	n = nl_addrs(h, index, s->addr.family, a, IP_LOOK);
	for (i = 0; i < n; i++)
		if (vif_addr_same(&a[i], &s->addr))
			return 1;
	return n < 0 ? n : 0;
}

int ip_check(struct nl_host *h, const struct plan *p, const struct step *s,
	     FILE *out)
{
	static const char *const what[] = {
		[STEP_ADDR] = "address",
		[STEP_NEIGH] = "permanent neighbour",
		[STEP_ROUTE] = "route to",
		[STEP_PROXY] = "proxy entry for",
	};
	struct nl_link l = { 0 };
	int rc;

	if (s->kind == STEP_SYSCTL)
		return ip_check_sysctl(p, s, out);
	if (s->kind == STEP_CLEAR)
		return 0;
	rc = nl_link_get(h, s->dev, &l);
	if (!rc)
		rc = ip_is_there(h, s, l.index);
	if (rc == 1)
		return 0;
	if (rc && rc != -ENODEV)
		return rc;
	fprintf(out, "%s: %s %s is missing\n", s->dev, what[s->kind],
		ip_show(&s->addr).s);
	return 1;
}

static int ip_uplink(struct nl_host *h, char name[IFNAMSIZ])
{
	static const int family[] = { AF_INET, AF_INET6 };
	struct vif_addr a[IP_LOOK];
	struct nl_link l = { 0 };
	unsigned i;
	int rc = nl_link_get(h, "eth0", &l);

	if (!rc)
		rc = nl_addrs(h, l.index, AF_INET, a, IP_LOOK);
	if (rc > 0)
		strcpy(name, "eth0");
	if (rc > 0 || (rc && rc != -ENODEV))
		return rc > 0 ? 0 : rc;
	for (i = 0, rc = 0; !rc && i < ARRAY_SIZE(family); i++)
		rc = nl_default_dev(h, family[i]);
	/* one that is gone by now leads nowhere */
	if (rc > 0 && !if_indextoname((unsigned)rc, name))
		name[0] = '\0';
	return rc > 0 ? 0 : rc;
}

int mode_uplink(char name[IFNAMSIZ], struct err *e)
{
	struct nl_host *h;
	int rc = plan_open(&h, e);

	name[0] = '\0';
	if (rc)
		return rc;
	rc = ip_uplink(h, name);
	if (rc)
		err_set(e, rc, "cannot look for the default route: %s%s",
			strerror(-rc), nl_why(h));
	nl_host_close(h);
	return rc;
}
