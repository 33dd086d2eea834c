// SPDX-License-Identifier: GPL-2.0-or-later
/* check.c - does this host still look as the plan left it? */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "plan.h"

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
	unsigned i;
	bool is;
	int differ = 0;

	for (i = 0; l->port && i < ARRAY_SIZE(plan_ports); i++) {
		if (!((l->flags ^ s->num) & plan_ports[i].bit))
			continue;
		is = !!(l->flags & plan_ports[i].bit) != plan_ports[i].inverted;
		fprintf(out, "%s: %s is %s, should be %s\n", s->dev,
			plan_ports[i].name, plan_onoff(is), plan_onoff(!is));
		differ = 1;
	}
	return differ;
}

/* What else a locked port would let send. */
static int check_fdb_only(struct nl_host *h, const struct step *s, FILE *out)
{
	struct nl_static f[8];
	char text[18];
	int i, n = nl_fdb_static(h, s->dev, f, ARRAY_SIZE(f)), differ = 0;

	for (i = 0; i < n; i++) {
		if (!memcmp(f[i].mac, s->mac, 6))
			continue;
		vif_print_mac(f[i].mac, text);
		fprintf(out, "%s: FDB entry %s is static, should be gone\n",
			s->dev, text);
		differ = 1;
	}
	return n < 0 ? n : differ;
}

static int check_fdb(struct nl_host *h, const struct step *s,
		     const struct nl_link *l, FILE *out)
{
	const char *is = NULL;
	struct nl_fdb f;
	char mac[18];
	int rc;

	if (!l->port)
		return 0; /* said already */
	rc = nl_fdb_get(h, s->dev, s->mac, &f);
	if (rc && rc != -ENOENT)
		return rc;
	if (rc)
		is = "missing";
	else if (f.index != l->index)
		is = "on another port";
	else if (!f.stays)
		is = "learned";
	else if (!f.sticky)
		is = "not sticky";
	vif_print_mac(s->mac, mac);
	if (is)
		fprintf(out,
			"%s: FDB entry %s is %s, should be static and sticky\n",
			s->dev, mac, is);
	rc = check_fdb_only(h, s, out);
	return rc < 0 ? rc : rc | (is != NULL);
}

/* 0 holds, 1 differs (said), -errno. */
static int step_check(struct nl_host *h, const struct plan *p,
		      const struct step *s, const struct nl_link *l, FILE *out)
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
	case STEP_VLAN:
		return l->port ? port_vlan_check(h, p, s, out) : 0;
	case STEP_FDB:
		return check_fdb(h, s, l, out);
	case STEP_GROUP:
		if (l->group == s->num)
			return 0;
		fprintf(out, "%s: link group is %u, should be %u\n", s->dev,
			l->group, s->num);
		return 1;
	case STEP_UP:
		if (l->up)
			return 0;
		fprintf(out, "%s: link is down, should be up\n", s->dev);
		return 1;
	case STEP_DOWN:
		if (!s->num || !l->up)
			return 0;
		fprintf(out, "%s: link is up, should be down\n", s->dev);
		return 1;
	case STEP_BRIDGE:
	case STEP_GUARD:
		return 0;
	case STEP_SYSCTL:
	case STEP_ADDR:
	case STEP_NEIGH:
	case STEP_ROUTE:
	case STEP_PROXY:
	case STEP_CLEAR:
		return ip_check(h, p, s, out);
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
	rc = plan_look(h, p->policy.dev, &l, &there, e);
	if (!rc && !there) {
		fprintf(out, "%s: no such device\n", p->policy.dev);
		differ = 1;
	}
	for (i = 0; !rc && there && i < p->n; i++) {
		rc = step_check(h, p, &p->v[i], &l, out);
		if (rc < 0)
			err_set(e, rc, "%s: cannot look at it: %s%s",
				p->policy.dev, strerror(-rc), nl_why(h));
		differ |= rc == 1;
		rc = rc < 0 ? rc : 0;
	}
	nl_host_close(h);
	return rc ? rc : differ;
}
