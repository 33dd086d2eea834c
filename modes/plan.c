// SPDX-License-Identifier: GPL-2.0-or-later
/* plan.c - a plan's life: facts, print, apply, check, undo
 *
 * Each kind of step has one case in each of the switches here: print, json,
 * holds, do, put back (after a failure), undo (detach).
 */
#include "plan.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "base/num.h"
#include "nl.h"

/* What the steps are run with, and how the device was before the first. */
struct run {
	struct nl_host *h;
	const struct plan *p;
	mode_guard_fn *guard;
	struct nl_link was;
	bool was_attached; /* a port of the wanted bridge */
	bool had_fdb;	   /* its static entry was there */
	int was_ipv6_off;  /* 0, 1, or -errno: none */
	struct err *e;
};

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

/* IFLA_BRPORT_LOCKED came with Linux 5.18; no port may be there to look at. */
static bool plan_can_lock(void)
{
	unsigned major = 0, minor = 0;
	struct utsname u;

	if (uname(&u) || sscanf(u.release, "%u.%u", &major, &minor) != 2)
		return false;
	return major > 5 || (major == 5 && minor >= 18);
}

static int plan_open(struct nl_host **h, struct err *e)
{
	int rc = nl_host_open(h);

	if (rc)
		err_set(e, rc, "netlink: cannot open a socket: %s",
			strerror(-rc));
	return rc;
}

static int facts_link(struct nl_host *h, const char *dev, struct nl_link *l,
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

int mode_facts(const struct vif *v, struct facts *out, struct err *e)
{
	struct nl_link l = { 0 }, b = { 0 };
	struct facts f = { 0 };
	struct nl_host *h;
	int rc = plan_open(&h, e);

	if (rc)
		return rc;
	rc = facts_link(h, v->name, &l, &f.link, e);
	if (!rc)
		rc = facts_link(h, v->bridge, &b, &f.bridge, e);
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
	f.ipv6 = nl_ipv6_off("default") >= 0;
	f.can_lock = plan_can_lock();
	*out = f;
	return 0;
}

/* --- plan --------------------------------------------------------------------*/

static void plan_policy(const struct vif *v, struct policy *p)
{
	memset(p, 0, sizeof(*p));
	memcpy(p->dev, v->name, sizeof(p->dev));
	p->has_mac = v->has_mac;
	memcpy(p->mac, v->mac, sizeof(p->mac));
	p->naddr = v->naddr;
	memcpy(p->addr, v->addr, sizeof(p->addr));
}

int mode_plan(const struct vif *v, const struct facts *f, struct plan *out,
	      struct err *e)
{
	/* undo: what may be there is looked for */
	static const struct facts all = {
		.link = true,
		.link_is_tap = true,
		.bridge = true,
		.bridge_is_bridge = true,
		.bridge_mtu = 1500,
		.ipv6 = true,
		.can_lock = true,
	};
	struct plan p = { 0 };
	int rc = vif_check(v, e);

	if (rc)
		return rc;
	plan_policy(v, &p.policy);
	switch ((enum vif_mode)v->mode) {
	case VIF_BRIDGE:
		rc = bridge_plan(v, f ? f : &all, &p, e);
		break;
	}
	if (!rc)
		*out = p;
	return rc;
}

/* --- print -------------------------------------------------------------------*/

static const char *onoff(bool on)
{
	return on ? "on" : "off";
}

static void print_guard(const struct policy *p, FILE *out)
{
	char text[64];
	unsigned i;

	fprintf(out, "# guard %s:", p->dev);
	if (p->has_mac) {
		vif_print_mac(p->mac, text);
		fprintf(out, " mac %s", text);
	} else {
		fprintf(out, " any mac");
	}
	fprintf(out, p->naddr ? " ip" : " any ip");
	for (i = 0; i < p->naddr; i++)
		if (vif_print_addr(&p->addr[i], text, sizeof(text)) >= 0)
			fprintf(out, " %s", text);
	fputc('\n', out);
}

static void print_text(const struct plan *p, const struct step *s, FILE *out)
{
	char mac[18];

	vif_print_mac(s->mac, mac);
	switch ((enum step_kind)s->kind) {
	case STEP_DOWN:
		fprintf(out, "ip link set dev %s down\n", s->dev);
		break;
	case STEP_MAC:
		fprintf(out, "ip link set dev %s address %s\n", s->dev, mac);
		break;
	case STEP_MTU:
		fprintf(out, "ip link set dev %s mtu %u\n", s->dev, s->num);
		break;
	case STEP_NO_IPV6:
		fprintf(out, "sysctl -qw net/ipv6/conf/%s/disable_ipv6=1\n",
			s->dev);
		break;
	case STEP_GUARD:
		print_guard(&p->policy, out);
		break;
	case STEP_MASTER:
		fprintf(out, "ip link set dev %s master %s\n", s->dev,
			s->other);
		break;
	case STEP_PORT:
		fprintf(out,
			"bridge link set dev %s learning %s isolated %s "
			"locked %s\n",
			s->dev, onoff(!(s->num & STEP_PORT_NOLEARN)),
			onoff(s->num & STEP_PORT_ISOLATED),
			onoff(s->num & STEP_PORT_LOCKED));
		break;
	case STEP_FDB:
		fprintf(out, "bridge fdb replace %s dev %s master static\n",
			mac, s->dev);
		break;
	case STEP_UP:
		fprintf(out, "ip link set dev %s up\n", s->dev);
		break;
	}
}

/* Names and addresses hold nothing that JSON would escape (vif.h). */
static void json_guard(const struct policy *p, FILE *out)
{
	char text[64];
	unsigned i;

	fprintf(out, "\"do\":\"guard\",\"dev\":\"%s\"", p->dev);
	if (p->has_mac) {
		vif_print_mac(p->mac, text);
		fprintf(out, ",\"mac\":\"%s\"", text);
	}
	fprintf(out, ",\"ip\":[");
	for (i = 0; i < p->naddr; i++)
		if (vif_print_addr(&p->addr[i], text, sizeof(text)) >= 0)
			fprintf(out, "%s\"%s\"", i ? "," : "", text);
	fprintf(out, "]");
}

static const char *json_bool(bool b)
{
	return b ? "true" : "false";
}

static void print_json(const struct plan *p, const struct step *s, FILE *out)
{
	static const char *const verb[] = {
		[STEP_DOWN] = "down",	[STEP_MAC] = "address",
		[STEP_MTU] = "mtu",	[STEP_NO_IPV6] = "no-ipv6",
		[STEP_GUARD] = "guard", [STEP_MASTER] = "master",
		[STEP_PORT] = "port",	[STEP_FDB] = "fdb",
		[STEP_UP] = "up",
	};
	char mac[18];

	if (s->kind == STEP_GUARD) {
		json_guard(&p->policy, out);
		return;
	}
	vif_print_mac(s->mac, mac);
	fprintf(out, "\"do\":\"%s\",\"dev\":\"%s\"", verb[s->kind], s->dev);
	switch ((enum step_kind)s->kind) {
	case STEP_MAC:
	case STEP_FDB:
		fprintf(out, ",\"mac\":\"%s\"", mac);
		break;
	case STEP_MTU:
		fprintf(out, ",\"mtu\":%u", s->num);
		break;
	case STEP_MASTER:
		fprintf(out, ",\"bridge\":\"%s\"", s->other);
		break;
	case STEP_PORT:
		fprintf(out, ",\"learning\":%s,\"isolated\":%s,\"locked\":%s",
			json_bool(!(s->num & STEP_PORT_NOLEARN)),
			json_bool(s->num & STEP_PORT_ISOLATED),
			json_bool(s->num & STEP_PORT_LOCKED));
		break;
	case STEP_DOWN:
	case STEP_NO_IPV6:
	case STEP_GUARD:
	case STEP_UP:
		break;
	}
}

void mode_print(const struct plan *p, FILE *out, bool json)
{
	unsigned i;

	if (json)
		fputc('[', out);
	for (i = 0; i < p->n; i++) {
		if (!json) {
			print_text(p, &p->v[i], out);
			continue;
		}
		fprintf(out, "%s{", i ? ",\n " : "");
		print_json(p, &p->v[i], out);
		fputc('}', out);
	}
	if (json)
		fprintf(out, "]\n");
}

/* --- one step ----------------------------------------------------------------*/

/* "vif1.0: cannot enslave to br0: No such device (kernel's words)" */
static int step_failed(struct run *r, const struct step *s, int rc,
		       const char *what, const char *of)
{
	return err_set(r->e, rc, "%s: cannot %s%s: %s%s%s", s->dev, what, of,
		       strerror(-rc), nl_why(r->h),
		       rc == -EPERM ? "; CAP_NET_ADMIN is needed (run as root)"
				    : "");
}

static int do_mtu(struct run *r, const struct step *s, const struct nl_link *l)
{
	char num[16];
	int rc = l->mtu == s->num ? 0 : nl_link_mtu(r->h, s->dev, s->num);

	snprintf(num, sizeof(num), "%u", s->num);
	return rc ? step_failed(r, s, rc, "set mtu ", num) : 0;
}

static int do_no_ipv6(struct run *r, const struct step *s)
{
	int rc = nl_ipv6_off(s->dev);

	/* a device with an MTU below 1280 has no IPv6, and no such file */
	if (rc == 1 || rc == -ENOENT)
		return 0;
	if (!rc)
		rc = nl_ipv6_off_set(s->dev, 1);
	return rc ? step_failed(r, s, rc, "switch IPv6 off", "") : 0;
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
	return rc ? step_failed(r, s, rc, "enslave to ", s->other) : 0;
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
	return rc ? step_failed(r, s, rc, "set bridge port flags", "") : 0;
}

static int do_fdb(struct run *r, const struct step *s, const struct nl_link *l)
{
	struct nl_fdb f;
	char mac[18];
	int rc = nl_fdb_get(r->h, s->dev, s->mac, &f);

	vif_print_mac(s->mac, mac);
	if (!rc && f.stays && f.index == l->index)
		return 0;
	if (!rc && f.stays)
		return err_set(r->e, -EADDRINUSE,
			       "%s: mac %s belongs to another port of %s; give "
			       "each card a mac of its own",
			       s->dev, mac, s->other);
	/* learned elsewhere: the guest has moved here */
	rc = nl_fdb_add(r->h, s->dev, s->mac);
	return rc ? step_failed(r, s, rc, "add the FDB entry ", mac) : 0;
}

static int do_up(struct run *r, const struct step *s, const struct nl_link *l,
		 bool up)
{
	int rc = l->up == up ? 0 : nl_link_up(r->h, s->dev, up);

	return rc ? step_failed(r, s, rc, "set link ", up ? "up" : "down") : 0;
}

static int step_do(struct run *r, const struct step *s)
{
	struct nl_link l;
	int rc = nl_link_get(r->h, s->dev, &l);

	if (rc)
		return step_failed(r, s, rc, "look at it", "");
	switch ((enum step_kind)s->kind) {
	case STEP_DOWN:
		/* attached already: no gap in its traffic */
		if (l.master_index && !strcmp(l.master, s->other))
			return 0;
		return do_up(r, s, &l, false);
	case STEP_MAC:
		if (!memcmp(l.mac, s->mac, 6))
			return 0;
		rc = nl_link_mac(r->h, s->dev, s->mac);
		return rc ? step_failed(r, s, rc, "set its address", "") : 0;
	case STEP_MTU:
		return do_mtu(r, s, &l);
	case STEP_NO_IPV6:
		return do_no_ipv6(r, s);
	case STEP_GUARD:
		return r->guard ? r->guard(&r->p->policy, true, r->e) : 0;
	case STEP_MASTER:
		return do_master(r, s, &l);
	case STEP_PORT:
		return do_port(r, s, &l);
	case STEP_FDB:
		return do_fdb(r, s, &l);
	case STEP_UP:
		return do_up(r, s, &l, true);
	}
	return -EINVAL;
}

/* Puts one step back to what it was before apply began. Errors are not news:
 * the one that led here is.
 */
static void step_back(struct run *r, const struct step *s)
{
	bool was_port = r->was_attached;

	switch ((enum step_kind)s->kind) {
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
		if (!r->had_fdb)
			nl_fdb_del(r->h, s->dev, s->mac);
		break;
	case STEP_UP:
		if (!(r->was.up && was_port))
			nl_link_up(r->h, s->dev, false);
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
	struct nl_fdb f;
	int rc = nl_link_get(r->h, dev, &r->was);

	if (rc)
		return err_set(r->e, rc, "%s: %s%s", dev, strerror(-rc),
			       nl_why(r->h));
	r->was_ipv6_off = nl_ipv6_off(dev);
	for (s = r->p->v; s < r->p->v + r->p->n; s++) {
		if (s->kind == STEP_MASTER)
			r->was_attached = r->was.port &&
					  !strcmp(r->was.master, s->other);
		if (s->kind == STEP_FDB && r->was_attached)
			r->had_fdb = !nl_fdb_get(r->h, dev, s->mac, &f) &&
				     f.stays;
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
	/* v[i - 1] is the step that failed: those before it go back */
	if (rc && i)
		for (i--; i > 0; i--)
			step_back(&r, &p->v[i - 1]);
	nl_host_close(r.h);
	return rc;
}

/* Gone while we looked: what we wanted. */
static int gone_is_fine(int rc)
{
	return rc == -ENODEV || rc == -ENOENT ? 0 : rc;
}

/* Detach. Leaving the bridge takes the port's flags and FDB entries along. */
static int step_undo(struct run *r, const struct step *s)
{
	struct nl_link l;
	int rc = gone_is_fine(nl_link_get(r->h, s->dev, &l)), off;

	if (rc)
		return step_failed(r, s, rc, "look at it", "");
	switch ((enum step_kind)s->kind) {
	case STEP_UP:
		rc = gone_is_fine(nl_link_up(r->h, s->dev, false));
		return rc ? step_failed(r, s, rc, "set link down", "") : 0;
	case STEP_MASTER:
		rc = gone_is_fine(nl_link_master(r->h, s->dev, ""));
		return rc ? step_failed(r, s, rc, "leave its bridge", "") : 0;
	case STEP_NO_IPV6:
		/* as any device that is new; it is down */
		off = nl_ipv6_off("default");
		if (off >= 0)
			nl_ipv6_off_set(s->dev, off);
		return 0;
	case STEP_GUARD:
		return r->guard ? r->guard(&r->p->policy, false, r->e) : 0;
	case STEP_DOWN:
	case STEP_MAC:
	case STEP_MTU:
	case STEP_PORT:
	case STEP_FDB:
		return 0;
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
		if (!first)
			first = rc;
	}
	nl_host_close(r.h);
	return first;
}

/* --- check -------------------------------------------------------------------*/

static int check_mac(const struct step *s, const struct nl_link *l, FILE *out)
{
	char is[18], want[18];

	if (!memcmp(l->mac, s->mac, 6))
		return 0;
	vif_print_mac(l->mac, is);
	vif_print_mac(s->mac, want);
	fprintf(out, "%s: address is %s, should be %s\n", s->dev, is, want);
	return 1;
}

static int check_port(const struct step *s, const struct nl_link *l, FILE *out)
{
	static const struct {
		uint32_t bit;
		const char *name;
		bool inverted;
	} row[] = {
		{ STEP_PORT_LOCKED, "locked", false },
		{ STEP_PORT_NOLEARN, "learning", true },
		{ STEP_PORT_ISOLATED, "isolated", false },
	};
	unsigned i;
	bool is;
	int differ = 0;

	for (i = 0; l->port && i < ARRAY_SIZE(row); i++) {
		if (!((l->flags ^ s->num) & row[i].bit))
			continue;
		is = !!(l->flags & row[i].bit) != row[i].inverted;
		fprintf(out, "%s: %s is %s, should be %s\n", s->dev,
			row[i].name, onoff(is), onoff(!is));
		differ = 1;
	}
	return differ;
}

static int check_fdb(struct nl_host *h, const struct step *s,
		     const struct nl_link *l, FILE *out)
{
	struct nl_fdb f;
	char mac[18];
	int rc;

	if (!l->port)
		return 0; /* said already */
	rc = nl_fdb_get(h, s->dev, s->mac, &f);
	if (rc && rc != -ENOENT)
		return rc;
	if (!rc && f.stays && f.index == l->index)
		return 0;
	vif_print_mac(s->mac, mac);
	fprintf(out, "%s: FDB entry %s is %s, should be static on it\n", s->dev,
		mac,
		rc		      ? "missing"
		: f.index != l->index ? "on another port"
				      : "learned");
	return 1;
}

/* 0 holds, 1 differs (said), -errno. */
static int step_check(struct nl_host *h, const struct step *s,
		      const struct nl_link *l, FILE *out)
{
	switch ((enum step_kind)s->kind) {
	case STEP_MAC:
		return check_mac(s, l, out);
	case STEP_MTU:
		if (l->mtu == s->num)
			return 0;
		fprintf(out, "%s: mtu is %u, should be %u\n", s->dev, l->mtu,
			s->num);
		return 1;
	case STEP_NO_IPV6:
		if (nl_ipv6_off(s->dev) != 0)
			return 0;
		fprintf(out, "%s: IPv6 is on, should be off\n", s->dev);
		return 1;
	case STEP_MASTER:
		if (!strcmp(l->master, s->other))
			return 0;
		fprintf(out, "%s: bridge is %s, should be %s\n", s->dev,
			l->master[0] ? l->master : "none", s->other);
		return 1;
	case STEP_PORT:
		return check_port(s, l, out);
	case STEP_FDB:
		return check_fdb(h, s, l, out);
	case STEP_UP:
		if (l->up)
			return 0;
		fprintf(out, "%s: link is down, should be up\n", s->dev);
		return 1;
	case STEP_DOWN:
	case STEP_GUARD:
		return 0;
	}
	return -EINVAL;
}

int mode_check(const struct plan *p, FILE *out, struct err *e)
{
	struct nl_host *h;
	struct nl_link l;
	int rc = plan_open(&h, e), differ = 0;
	bool there;
	unsigned i;

	if (rc)
		return rc;
	rc = facts_link(h, p->policy.dev, &l, &there, e);
	if (!rc && !there) {
		fprintf(out, "%s: no such device\n", p->policy.dev);
		differ = 1;
	}
	for (i = 0; !rc && there && i < p->n; i++) {
		rc = step_check(h, &p->v[i], &l, out);
		if (rc < 0)
			err_set(e, rc, "%s: cannot look at it: %s%s",
				p->policy.dev, strerror(-rc), nl_why(h));
		differ |= rc == 1;
		rc = rc < 0 ? rc : 0;
	}
	nl_host_close(h);
	return rc ? rc : differ;
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
	rc = facts_link(h, name, &l, &there, e);
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
