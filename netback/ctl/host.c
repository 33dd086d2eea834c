// SPDX-License-Identifier: GPL-2.0-or-later
/* host.c - the host's side of a vif: a mode's plan with the guard in its place */
#include "ctl/host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/loop.h"
#include "base/num.h"
#include "filter.h"

enum { HOST_NEW_MTU = 1500, HOST_POLL_MS = 10 };

/* Set once, before any verb. */
static const struct host_rules *host_rules;

void host_rules_use(const struct host_rules *how)
{
	host_rules = how;
}

static int host_no_rules(const struct policy *p, struct err *e)
{
	if (!p->rules[0] || host_rules)
		return 0;
	return err_set(e, -EOPNOTSUPP,
		       "rules=%s: this program cannot put rules in place; "
		       "attach it with vifctl, or name it in a file of rules "
		       "for vifctl rules apply",
		       p->rules);
}

int host_rules_print(const struct policy *p, FILE *out, struct err *e)
{
	int rc = host_no_rules(p, e);

	return rc || !p->rules[0] ? rc : host_rules->print(p, out, e);
}

/* The guard first: it takes rules of another time away. */
static int host_guard(const struct policy *p, bool on, struct err *e)
{
	int rc = on && p->masquerade ? filter_nat(e) : 0;

	if (rc)
		return rc;
	if (!on)
		return filter_remove(p->dev, e);
	rc = host_no_rules(p, e);
	if (!rc)
		rc = filter_apply(p, e);
	return rc || !p->rules[0] ? rc : host_rules->apply(p, e);
}

static int host_guard_check(const struct policy *p, FILE *out, struct err *e)
{
	int rc = filter_check(p, out, e), rules = 0;

	if (rc >= 0 && p->masquerade) {
		rules = filter_nat_check(p->dev, out, e);
		rc = rules < 0 ? rules : rc | rules;
	}
	if (rc < 0)
		return rc;
	rules = 0;
	if (p->rules[0] && host_rules)
		rules = host_rules->check(p, out, e);
	return rules < 0 ? rules : rc | rules;
}

/* A tap that its owner takes away while we look is one that is not there. */
static int host_facts(const struct vif *v, struct facts *f, struct err *e)
{
	int rc = mode_facts(v, f, NULL);

	return rc ? mode_facts(v, f, e) : 0;
}

int host_plan(const struct vif *v, const char *leaving, struct facts *f,
	      struct plan *p, struct err *e)
{
	struct facts own = { 0 }, *now = f ? f : &own, then;
	int rc = host_facts(v, now, e);

	if (rc)
		return rc;
	then = *now;
	if (!then.link) {
		then.link = true;
		then.link_is_tap = true;
		then.link_mtu = HOST_NEW_MTU;
	}
	if (leaving && !strcmp(then.master, leaving))
		then.master[0] = '\0';
	return mode_plan(v, &then, p, e);
}

uint32_t host_mtu(const struct vif *v, const struct facts *f)
{
	return mode_mtu(v, f);
}

int host_apply(const struct plan *p, struct err *e)
{
	return mode_apply(p, host_guard, e);
}

static void host_keep_guard(struct plan *p)
{
	unsigned i, n = 0;

	for (i = 0; i < p->n; i++)
		if (p->v[i].kind != STEP_GUARD)
			p->v[n++] = p->v[i];
	p->n = n;
}

static int host_back(const struct vif *v, bool guard, struct err *e)
{
	struct facts f;
	struct plan p;
	int rc = host_facts(v, &f, e);

	if (rc)
		return rc;
	if (f.link && !f.link_is_tap)
		return guard ? filter_remove(v->name, e) : 0;
	rc = mode_plan(v, NULL, &p, e);
	if (rc)
		return rc;
	if (!guard)
		host_keep_guard(&p);
	rc = mode_undo(&p, host_guard, e);
	/* It went while we were at it: the guard is left to be removed. */
	return rc == -ENODEV ? mode_undo(&p, host_guard, e) : rc;
}

int host_undo(const struct vif *v, struct err *e)
{
	return host_back(v, true, e);
}

int host_leave(const struct vif *v, struct err *e)
{
	return host_back(v, false, e);
}

int host_check(const struct vif *v, FILE *out, uint32_t *mtu, struct err *e)
{
	struct facts f;
	struct plan p;
	int guard, rc = host_facts(v, &f, e);

	if (mtu)
		*mtu = 0;
	if (rc)
		return rc;
	if (!f.link) {
		fprintf(out, "%s: there is no such device\n", v->name);
		return 1;
	}
	if (mode_plan(v, &f, &p, e)) {
		fprintf(out, "%s\n", e->text);
		return 1;
	}
	if (mtu)
		*mtu = mode_mtu(v, &f);
	rc = mode_check(&p, out, e);
	if (rc < 0)
		return rc;
	guard = host_guard_check(&p.policy, out, e);
	return guard < 0 ? guard : rc | guard;
}

int host_repair(const struct vif *v, const char *dev, struct err *e)
{
	struct vif now = *v;
	struct facts f;
	struct plan p;
	int rc;

	if (str_put(now.name, sizeof(now.name), dev))
		return -EINVAL;
	rc = host_facts(&now, &f, e);
	if (!rc)
		rc = mode_plan(&now, &f, &p, e);
	if (!rc)
		rc = host_guard_check(&p.policy, NULL, e);
	if (rc != 1)
		return rc;
	rc = host_guard(&p.policy, true, e);
	return rc ? rc : 1;
}

int host_own(const struct vif *v, struct err *e)
{
	struct policy p;
	struct plan plan;
	int rc = mode_plan(v, NULL, &plan, e);

	if (rc)
		return rc;
	p = plan.policy;
	rc = filter_own(&p, e);
	if (!rc && str_fmt(p.dev, sizeof(p.dev), "%s-emu", v->name) > 0)
		rc = filter_own(&p, e);
	return rc;
}

/* A card of a network is bridged to its like, and routed beyond. */
int host_forward(const struct vif *v, struct err *note)
{
	int rc = 0;

	note->text[0] = '\0';
	if (vif_bridged(v))
		rc = filter_forward(v->bridge, v->accept, note);
	if (!rc && (!vif_bridged(v) || v->network[0]))
		rc = filter_forward("", v->accept, note);
	return rc == 1;
}

void host_warn(const struct vif *v)
{
	struct err note;

	if (!host_forward(v, &note))
		return;
	fprintf(stderr, "vifctl: vif%u.%u: warning: %s\n", v->domid, v->handle,
		note.text);
	if (v->direct)
		fprintf(stderr,
			"vifctl: vif%u.%u: warning: direct=yes: rules of the "
			"host do not see frames between vifs that have it\n",
			v->domid, v->handle);
}

int host_wait_gone(const char *dev, unsigned wait_ms)
{
	struct timespec nap = { .tv_nsec = HOST_POLL_MS * 1000000 };
	uint64_t end = clock_ns() + wait_ms * UINT64_C(1000000);

	while (if_nametoindex(dev)) {
		if (clock_ns() >= end)
			return -ETIMEDOUT;
		nanosleep(&nap, NULL);
	}
	return 0;
}
