// SPDX-License-Identifier: GPL-2.0-or-later
/* plan.c - a plan's life: facts, decide, apply, undo
 *
 * Each kind of step has one case in each switch: do, put back (after a failure)
 * and undo (detach) here or in ip.c, print and json in print.c, check in
 * check.c.
 */
#include "plan.h"
#include "network.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/num.h"
#include "nl.h"

const uint8_t plan_host_mac[6] = { 0xfe, 0xff, 0xff, 0xff, 0xff, 0xff };

struct step *plan_add(struct plan *p, enum step_kind kind, const char *dev)
{
	struct step *s = &p->v[p->n++];

	assert(p->n <= MODE_STEPS);
	memset(s, 0, sizeof(*s));
	s->kind = (uint8_t)kind;
	memcpy(s->dev, dev, strnlen(dev, IFNAMSIZ - 1));
	return s;
}

const char *plan_kind(const char *kind)
{
	static const char *const row[][2] = {
		{ "", "a device of another driver" },
		{ "tun", "a tun or tap device" },
		{ "bridge", "a bridge" },
		{ "veth", "a veth device" },
		{ "dummy", "a dummy device" },
		{ "vlan", "a VLAN device" },
		{ "bond", "a bond" },
	};
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(row); i++)
		if (!strcmp(row[i][0], kind))
			return row[i][1];
	return "a device of another kind";
}

/* --- facts -------------------------------------------------------------------*/

/* IFLA_BRPORT_LOCKED came with Linux 5.18; no port may be there to look at. Who
 * cannot tell tries it: do_port looks whether it took.
 */
static bool plan_can_lock(void)
{
	unsigned major = 0, minor = 0;
	struct utsname u;

	if (uname(&u) || sscanf(u.release, "%u.%u", &major, &minor) != 2)
		return true;
	return major > 5 || (major == 5 && minor >= 18);
}

int plan_open(struct nl_host **h, struct err *e)
{
	int rc = nl_host_open(h);

	if (rc)
		err_set(e, rc, "netlink: cannot open a socket: %s",
			strerror(-rc));
	return rc;
}

int plan_look(struct nl_host *h, const char *dev, struct nl_link *l,
	      bool *there, struct err *e)
{
	int rc = nl_link_get(h, dev, l);

	*there = !rc;
	if (rc == -ENODEV)
		return 0;
	if (rc)
		err_set(e, rc, "%s: cannot look at it: %s%s", dev,
			strerror(-rc), nl_why(h));
	return rc;
}

static int plan_ipv6(bool *out, struct err *e)
{
	int off = nl_ipv6_off("default");

	*out = off >= 0;
	if (off >= 0 || off == -ENOENT)
		return 0;
	return err_set(e, off, "cannot read whether this host has IPv6: %s",
		       strerror(-off));
}

int mode_facts(const struct vif *v, struct facts *out, struct err *e)
{
	struct nl_link l = { 0 }, b = { 0 };
	struct facts f = { 0 };
	struct nl_host *h;
	int rc = plan_open(&h, e);

	if (rc)
		return rc;
	rc = plan_look(h, v->name, &l, &f.link, e);
	f.ipv6 = f.link && l.setting[STEP_IP6_OFF] >= 0;
	if (!rc && !f.ipv6)
		rc = plan_ipv6(&f.ipv6, e);
	if (!rc && vif_bridged(v))
		rc = plan_look(h, v->bridge, &b, &f.bridge, e);
	if (!rc && !vif_bridged(v))
		rc = ip_facts(h, v, &l, &f, e);
	nl_host_close(h);
	if (rc)
		return rc;
	f.link_mtu = l.mtu;
	f.link_is_tap = l.tap || l.xen;
	memcpy(f.master, l.master, sizeof(f.master));
	memcpy(f.link_kind, l.kind, sizeof(f.link_kind));
	f.bridge_is_bridge = !strcmp(b.kind, "bridge");
	memcpy(f.bridge_kind, b.kind, sizeof(f.bridge_kind));
	f.bridge_mtu = b.mtu;
	f.bridge_vlan = b.vlans;
	f.can_vlan = b.can_vlan || !f.bridge;
	f.can_lock = plan_can_lock();
	*out = f;
	return 0;
}

/* --- plan --------------------------------------------------------------------*/

int plan_sane_link(const struct vif *v, const struct facts *f, struct err *e)
{
	if (!f->link)
		return err_set(e, -ENODEV,
			       "%s: no such device; it appears when netbackd "
			       "(or the kernel's netback) serves the vif",
			       v->name);
	if (!f->link_is_tap)
		return err_set(e, -ENOTUNIQ,
			       "%s: the name is taken, it is %s and no vif; "
			       "remove that device or choose another name "
			       "with vifname=",
			       v->name, plan_kind(f->link_kind));
	return 0;
}

static void plan_policy(const struct vif *v, struct policy *p)
{
	memset(p, 0, sizeof(*p));
	memcpy(p->dev, v->name, sizeof(p->dev));
	p->has_mac = v->has_mac;
	memcpy(p->mac, v->mac, sizeof(p->mac));
	p->naddr = v->naddr;
	memcpy(p->addr, v->addr, sizeof(p->addr));
	p->bridged = vif_bridged(v);
	if (p->bridged)
		memcpy(p->bridge, v->bridge, sizeof(p->bridge));
	p->hairpin = p->bridged && v->port & VIF_HAIRPIN;
	/* what comes back may come by another port; another VLAN has others */
	p->shared = p->hairpin || v->nvlan || v->allow & VIF_ALLOW_SHARED;
	p->packets = v->packets;
	p->connections = v->connections;
	memcpy(p->rules, v->rules, sizeof(p->rules));
	p->masquerade = v->mode == VIF_NAT && !p->bridged;
	p->learn = v->learn;
	p->allow = v->allow;
	p->accept = v->accept;
	if (!p->bridged)
		memcpy(p->routed, v->name, sizeof(p->routed));
	else if (v->network[0])
		memcpy(p->routed, v->bridge, sizeof(p->routed));
	p->npair = v->npair;
	memcpy(p->pair, v->pair, sizeof(p->pair));
}

/* What may be there is looked for, whatever mode it was: a name may be all that
 * is known.
 */
static void plan_undo(const struct vif *v, struct plan *p)
{
	static const uint8_t key[] = {
		STEP_IP4_FORWARD,   STEP_IP4_PROXY_ARP, STEP_IP4_PROXY_DELAY,
		STEP_IP4_RP_FILTER, STEP_IP6_ACCEPT_RA, STEP_IP6_FORWARD,
		STEP_IP6_FORCE,
	};
	struct step *s;
	unsigned i;

	s = plan_add(p, STEP_BRIDGE, v->name);
	strcpy(s->other, v->bridge);
	plan_add(p, STEP_DOWN, v->name);
	for (i = 0; i < ARRAY_SIZE(key); i++)
		plan_add(p, STEP_SYSCTL, v->name)->key = key[i];
	plan_add(p, STEP_NO_IPV6, v->name);
	plan_add(p, STEP_GUARD, v->name);
	s = plan_add(p, STEP_MASTER, v->name);
	strcpy(s->other, v->bridge);
	plan_add(p, STEP_GROUP, v->name);
	plan_add(p, STEP_UP, v->name);
	s = plan_add(p, STEP_CLEAR, v->name);
	s->num = v->mode == VIF_ROUTE; /* nat: no proxies */
	strcpy(s->other, v->gatewaydev);
}

/* All but what comes up, and goes on behind that. */
static void plan_down(const struct vif *v, struct plan *p)
{
	unsigned i;

	for (i = 0; i < p->n; i++)
		if (p->v[i].kind == STEP_UP)
			p->n = i;
	plan_add(p, STEP_DOWN, v->name)->num = 1;
}

int mode_plan(const struct vif *v, const struct facts *f, struct plan *out,
	      struct err *e)
{
	struct plan p = { 0 };
	int rc = vif_check(v, e);

	if (rc)
		return rc;
	plan_policy(v, &p.policy);
	if (!f) {
		plan_undo(v, &p);
		*out = p;
		return 0;
	}
	switch ((enum vif_mode)v->mode) {
	case VIF_BRIDGE:
		rc = bridge_plan(v, f, &p, e);
		break;
	case VIF_ROUTE:
		rc = route_plan(v, f, &p, e);
		break;
	case VIF_NAT:
		rc = nat_plan(v, f, &p, e);
		break;
	}
	if (!rc && v->down)
		plan_down(v, &p);
	if (!rc)
		*out = p;
	return rc;
}

/* --- one step ----------------------------------------------------------------*/

int plan_failed(struct run *r, const struct step *s, int rc, const char *what,
		const char *of)
{
	return err_set(r->e, rc, "%s: cannot %s%s: %s%s%s", s->dev, what, of,
		       strerror(-rc), nl_why(r->h),
		       rc == -EPERM ? "; CAP_NET_ADMIN is needed (run as root)"
				    : "");
}

/* Gone while we looked: what we wanted. */
static int gone_is_fine(int rc)
{
	return rc == -ENODEV || rc == -ENOENT ? 0 : rc;
}

static int do_mtu(struct run *r, const struct step *s, const struct nl_link *l)
{
	char num[16];
	int rc = l->mtu == s->num ? 0 : nl_link_mtu(r->h, s->dev, s->num);

	snprintf(num, sizeof(num), "%u", s->num);
	return rc ? plan_failed(r, s, rc, "set mtu ", num) : 0;
}

static int do_no_ipv6(struct run *r, const struct step *s,
		      const struct nl_link *l)
{
	/* a device with an MTU below 1280 has no IPv6, and no such file */
	int rc = l->setting[STEP_IP6_OFF] ? 0 : nl_ipv6_off_set(s->dev, 1);

	if (rc == -ENOENT)
		rc = 0;
	return rc ? plan_failed(r, s, rc, "switch IPv6 off", "") : 0;
}

static int do_master(struct run *r, const struct step *s,
		     const struct nl_link *l)
{
	int rc;

	if (!strcmp(l->master, s->other))
		return 0;
	if (l->master_index)
		return err_set(r->e, -EBUSY,
			       "%s: is a port of %s meanwhile; detach it first",
			       s->dev, l->master);
	rc = nl_link_master(r->h, s->dev, s->other);
	return rc ? plan_failed(r, s, rc, "enslave to ", s->other) : 0;
}

/* Kernels ignore a flag they do not know: so look whether it took. */
static int do_port(struct run *r, const struct step *s, const struct nl_link *l)
{
	struct nl_link now;
	int rc;

	if (l->port && l->flags == s->num)
		return 0;
	rc = nl_port_set(r->h, s->dev, s->num);
	if (!rc)
		rc = nl_link_get(r->h, s->dev, &now);
	if (!rc && (!now.port || now.flags != s->num)) {
		nl_port_set(r->h, s->dev, l->flags);
		rc = -EOPNOTSUPP;
	}
	return rc ? plan_failed(r, s, rc, "set bridge port flags", "") : 0;
}

/* A locked port lets every static address send: the old ones go. */
static int do_fdb_only(struct run *r, const struct step *s)
{
	unsigned i;
	int rc = 0;

	for (i = 0; i < r->nfdb && !rc; i++)
		if (memcmp(r->fdb[i].mac, s->mac, 6))
			rc = gone_is_fine(
				nl_fdb_del(r->h, s->dev, r->fdb[i].mac));
	return rc ? plan_failed(r, s, rc, "remove old FDB entries", "") : 0;
}

static int do_fdb(struct run *r, const struct step *s, const struct nl_link *l)
{
	/* sticky, or the first frame of another's with that MAC would take it
	 * along to its port, static as it is
	 */
	struct nl_static own = { .sticky = true };
	struct nl_fdb f;
	char mac[18];
	int rc;

	memcpy(own.mac, s->mac, 6);
	rc = nl_fdb_new(r->h, s->dev, &own);
	if (!rc)
		return do_fdb_only(r, s);
	rc = nl_fdb_get(r->h, s->dev, s->mac, &f);
	vif_print_mac(s->mac, mac);
	if (!rc && f.stays && f.index != l->index)
		return err_set(r->e, -EADDRINUSE,
			       "%s: mac %s belongs to another port of %s; give "
			       "each card a mac of its own",
			       s->dev, mac, s->other);
	/* learned, perhaps elsewhere: the guest has moved here */
	if (rc || !f.stays || !f.sticky)
		rc = nl_fdb_add(r->h, s->dev, &own);
	if (rc)
		return plan_failed(r, s, rc, "add the FDB entry ", mac);
	return do_fdb_only(r, s);
}

static int do_up(struct run *r, const struct step *s, const struct nl_link *l,
		 bool up)
{
	int rc = l->up == up ? 0 : nl_link_up(r->h, s->dev, up);

	return rc ? plan_failed(r, s, rc, "set link ", up ? "up" : "down") : 0;
}

static int do_group(struct run *r, const struct step *s,
		    const struct nl_link *l)
{
	int rc = l->group == s->num ? 0 : nl_link_group(r->h, s->dev, s->num);

	return rc ? plan_failed(r, s, rc, "set its link group", "") : 0;
}

static int step_do(struct run *r, const struct step *s)
{
	struct nl_link l;
	int rc;

	if (s->kind >= STEP_SYSCTL)
		return ip_do(r, s);
	rc = nl_link_get(r->h, s->dev, &l);
	if (rc)
		return plan_failed(r, s, rc, "look at it", "");
	switch ((enum step_kind)s->kind) {
	case STEP_BRIDGE:
		return port_bridge_do(r, s);
	case STEP_DOWN:
		/* somebody was faster and attached it: see bridge.c */
		if (l.master_index && !strcmp(l.master, s->other))
			return 0;
		return do_up(r, s, &l, false);
	case STEP_MAC:
		if (!memcmp(l.mac, s->mac, 6))
			return 0;
		rc = nl_link_mac(r->h, s->dev, s->mac);
		return rc ? plan_failed(r, s, rc, "set its address", "") : 0;
	case STEP_MTU:
		return do_mtu(r, s, &l);
	case STEP_NO_IPV6:
		return do_no_ipv6(r, s, &l);
	case STEP_GUARD:
		return r->guard ? r->guard(&r->p->policy, true, r->e) : 0;
	case STEP_MASTER:
		return do_master(r, s, &l);
	case STEP_PORT:
		return do_port(r, s, &l);
	case STEP_VLAN:
		return port_vlan_do(r, s);
	case STEP_FDB:
		return do_fdb(r, s, &l);
	case STEP_GROUP:
		return do_group(r, s, &l);
	case STEP_UP:
		return do_up(r, s, &l, true);
	case STEP_SYSCTL:
	case STEP_ADDR:
	case STEP_NEIGH:
	case STEP_ROUTE:
	case STEP_PROXY:
	case STEP_CLEAR:
		break; /* ip.c */
	}
	return -EINVAL;
}

/* Puts one step back to what it was before apply began. Errors are not news:
 * the one that led here is.
 */
static void step_back(struct run *r, const struct step *s)
{
	bool was_port = r->was_attached;
	unsigned i;

	switch ((enum step_kind)s->kind) {
	case STEP_BRIDGE:
		if (r->made)
			nl_link_delete(r->h, s->other);
		break;
	case STEP_VLAN: /* they are the port's, and go with it */
		break;
	case STEP_DOWN:
		if (r->was.up && !was_port)
			nl_link_up(r->h, s->dev, true);
		break;
	case STEP_MAC:
		nl_link_mac(r->h, s->dev, r->was.mac);
		break;
	case STEP_MTU:
		nl_link_mtu(r->h, s->dev, r->was.mtu);
		break;
	case STEP_NO_IPV6:
		if (r->was_ipv6_off >= 0)
			nl_ipv6_off_set(s->dev, r->was_ipv6_off);
		break;
	case STEP_GUARD:
		/* a port without a guard is worse than one with the new one */
		if (r->guard && !was_port)
			r->guard(&r->p->policy, false, NULL);
		break;
	case STEP_MASTER:
		if (!was_port)
			nl_link_master(r->h, s->dev, "");
		break;
	case STEP_PORT:
		if (was_port)
			nl_port_set(r->h, s->dev, r->was.flags);
		break;
	case STEP_FDB:
		nl_fdb_del(r->h, s->dev, s->mac);
		for (i = 0; i < r->nfdb; i++)
			nl_fdb_add(r->h, s->dev, &r->fdb[i]);
		break;
	case STEP_GROUP:
		nl_link_group(r->h, s->dev, r->was.group);
		break;
	case STEP_UP:
		if (!(r->was.up && was_port))
			nl_link_up(r->h, s->dev, false);
		break;
	case STEP_SYSCTL:
	case STEP_ADDR:
	case STEP_NEIGH:
	case STEP_ROUTE:
	case STEP_PROXY:
	case STEP_CLEAR:
		ip_back(r, s);
		break;
	}
}

/* --- apply and undo ----------------------------------------------------------*/

static int run_open(struct run *r, const struct plan *p, mode_guard_fn *guard,
		    struct err *e)
{
	memset(r, 0, sizeof(*r));
	r->p = p;
	r->guard = guard;
	r->e = e;
	return plan_open(&r->h, e);
}

/* How things are, for step_back. */
static int run_remember(struct run *r)
{
	const char *dev = r->p->policy.dev;
	const struct step *s;
	int rc = nl_link_get(r->h, dev, &r->was);

	if (rc)
		return err_set(r->e, rc, "%s: %s%s", dev, strerror(-rc),
			       nl_why(r->h));
	r->was_ipv6_off = r->was.setting[STEP_IP6_OFF];
	/* a plan for a change may leave out what stays, its bridge too */
	r->was_attached = r->was.port;
	if (!r->p->policy.bridged)
		r->was_attached = r->was.up && r->p->v[0].kind != STEP_DOWN;
	for (s = r->p->v; s < r->p->v + r->p->n; s++)
		if (s->kind == STEP_MASTER && strcmp(r->was.master, s->other))
			r->was_attached = false;
	if (r->was_attached && r->was.port) {
		rc = nl_fdb_static(r->h, dev, r->fdb, RUN_FDB);
		if (rc < 0)
			return err_set(r->e, rc, "%s: cannot read FDB: %s%s",
				       dev, strerror(-rc), nl_why(r->h));
		r->nfdb = (unsigned)rc;
	}
	return 0;
}

int mode_apply(const struct plan *p, mode_guard_fn *guard, struct err *e)
{
	struct run r;
	unsigned i;
	int rc = run_open(&r, p, guard, e);

	if (rc)
		return rc;
	rc = run_remember(&r);
	for (i = 0; !rc && i < p->n; i++)
		rc = step_do(&r, &p->v[i]);
	/* v[i - 1] failed, as far as we know: an answer can be lost as well */
	for (; rc && i > 0; i--)
		step_back(&r, &p->v[i - 1]);
	nl_host_close(r.h);
	return rc;
}

/* Detach. Leaving the bridge takes the port's flags and FDB entries along. */
static int step_undo(struct run *r, const struct step *s)
{
	struct nl_link l = { 0 };
	int rc = gone_is_fine(nl_link_get(r->h, r->p->policy.dev, &l)), off;

	if (rc)
		return plan_failed(r, s, rc, "look at it", "");
	if (s->kind >= STEP_SYSCTL)
		return ip_undo(r, s, l.tap || l.xen);
	if (s->kind == STEP_BRIDGE)
		return port_bridge_undo(r, s);
	/* ours is gone, and the name is somebody else's now */
	if (s->kind != STEP_GUARD && !l.tap && !l.xen)
		return 0;
	switch ((enum step_kind)s->kind) {
	case STEP_UP:
		rc = gone_is_fine(nl_link_up(r->h, s->dev, false));
		return rc ? plan_failed(r, s, rc, "set link down", "") : 0;
	case STEP_MASTER:
		rc = gone_is_fine(nl_link_master(r->h, s->dev, ""));
		return rc ? plan_failed(r, s, rc, "leave its bridge", "") : 0;
	case STEP_NO_IPV6:
		/* as any device that is new; it is down */
		rc = off = nl_ipv6_off("default");
		if (off >= 0)
			rc = off == l.setting[STEP_IP6_OFF]
				     ? 0
				     : nl_ipv6_off_set(s->dev, off);
		rc = gone_is_fine(rc);
		return rc ? plan_failed(r, s, rc, "reset IPv6", "") : 0;
	case STEP_GUARD:
		return r->guard ? r->guard(&r->p->policy, false, r->e) : 0;
	case STEP_GROUP:
		/* another number is an administrator's */
		rc = l.group == NETWORK_GROUP_VIF
			     ? gone_is_fine(nl_link_group(r->h, s->dev, 0))
			     : 0;
		return rc ? plan_failed(r, s, rc, "set its link group", "") : 0;
	case STEP_BRIDGE:
	case STEP_DOWN:
	case STEP_MAC:
	case STEP_MTU:
	case STEP_PORT:
	case STEP_VLAN:
	case STEP_FDB:
		return 0;
	case STEP_SYSCTL:
	case STEP_ADDR:
	case STEP_NEIGH:
	case STEP_ROUTE:
	case STEP_PROXY:
	case STEP_CLEAR:
		break; /* ip.c */
	}
	return -EINVAL;
}

int mode_undo(const struct plan *p, mode_guard_fn *guard, struct err *e)
{
	struct run r;
	unsigned i;
	int first = run_open(&r, p, guard, e), rc;

	if (first)
		return first;
	for (i = p->n; i > 0; i--) {
		/* frames may pass still: the guard stays */
		if (first && p->v[i - 1].kind == STEP_GUARD)
			continue;
		r.e = first ? NULL : e;
		rc = step_undo(&r, &p->v[i - 1]);
		r.unclear |= rc && p->v[i - 1].kind >= STEP_SYSCTL;
		if (!first)
			first = rc;
	}
	nl_host_close(r.h);
	return first;
}

int mode_delete_tap(const char *name, struct err *e)
{
	struct nl_link l;
	struct nl_host *h;
	int rc = vif_check_devname(name, e);
	bool there;

	if (!rc)
		rc = plan_open(&h, e);
	if (rc)
		return rc;
	rc = plan_look(h, name, &l, &there, e);
	if (!rc && there && !l.tap) {
		rc = err_set(e, -EEXIST,
			     "%s: it is %s, not a tap: it stays; remove it "
			     "yourself if it is yours (ip link del %s)",
			     name, plan_kind(l.kind), name);
	} else if (!rc && there) {
		rc = gone_is_fine(nl_link_delete(h, name));
		if (rc)
			err_set(e, rc, "%s: cannot delete it: %s%s", name,
				strerror(-rc), nl_why(h));
	}
	nl_host_close(h);
	return rc;
}
