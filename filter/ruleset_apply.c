// SPDX-License-Identifier: GPL-2.0-or-later
/* ruleset_apply.c - which engine for which file, and both in an order without a
 * gap: what is new comes before what was goes
 */
#include "ruleset_own.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ruleset_parts {
	const struct ruleset **vif, **ipt;
	size_t nvif, nipt;
};

static int ruleset_part(struct ruleset *const *s, size_t n,
			struct ruleset_parts *p, FILE *say, struct err *e)
{
	size_t i;
	int rc;

	for (i = 0; i < n; i++) {
		struct err why = { "" };

		if (!s[i]->nvif)
			continue; /* a group: for attach */
		rc = s[i]->engine == RULESET_IPTABLES
			     ? -EOPNOTSUPP
			     : ruleset_exact(s[i], s[i]->engine == RULESET_VIF,
					     &why);
		if (rc && rc != -EOPNOTSUPP)
			return err_set(e, rc, "%s", why.text);
		if (rc && s[i]->engine == RULESET_VIF)
			return err_set(e, rc, "%s", why.text);
		if (rc && why.text[0] && say)
			fprintf(say, "engine iptables: %s\n", why.text);
		if (rc)
			p->ipt[p->nipt++] = s[i];
		else
			p->vif[p->nvif++] = s[i];
	}
	return 0;
}

static bool ruleset_stateful(const struct ruleset *s)
{
	size_t i;

	for (i = 0; i < s->rules.n; i++)
		if (engine_stateful(&s->rules.v[i]))
			return true;
	return false;
}

/* Bridged frames meet iptables, and are tracked, only where br_netfilter is on. */
static int ruleset_bridges(const struct ruleset *s, struct err *e)
{
	bool state = ruleset_stateful(s);
	size_t i;
	int rc = rules_br_netfilter(false, e), six;

	for (i = 0; !rc && i < s->nvif; i++)
		for (six = 0; !rc && six < 2; six++) {
			char bridge[IFNAMSIZ];
			struct err own = { "" };

			rc = rules_bridge(s->vif[i], six, bridge, &own);
			if (rc && rc != -ENOENT)
				return err_set(e, rc, "%s: %s", s->name,
					       own.text);
			rc = rc || six || !state ? 0 : zone_put(bridge, e);
		}
	return rc;
}

static int ruleset_ready(const struct ruleset_parts *p, struct err *e)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < p->nipt; i++)
		rc = ruleset_bridges(p->ipt[i], e);
	for (i = 0; !rc && i < p->nvif; i++)
		if (ruleset_stateful(p->vif[i]))
			rc = ruleset_bridges(p->vif[i], e);
	return rc;
}

static int ruleset_do(const struct ruleset_parts *p,
		      const struct ruleset_how *how, struct err *e)
{
	struct rules_host h = { .use = how->variant, .nft = 1 };
	bool zones = false;
	size_t i;
	int rc = ruleset_ready(p, e);

	if (!rc && !how->variant_given)
		rc = rules_host(&h, e);
	if (!rc && p->nvif)
		rc = engine_apply(p->vif, p->nvif, ENGINE_NONE_GOES, how->say,
				  e);
	/* a host without rules has none of ours, and none is made for looking */
	if (!rc && (p->nipt || h.nft || h.legacy))
		rc = linear_apply(p->ipt, p->nipt, h.use, how->say, e);
	for (i = 0; i < p->nipt; i++)
		zones |= ruleset_stateful(p->ipt[i]);
	return rc ? rc
		  : engine_apply(p->vif, p->nvif,
				 zones ? ENGINE_OTHERS_ZONES : ENGINE_OTHERS,
				 how->say, e);
}

static int ruleset_only(const struct ruleset_parts *p,
			const struct ruleset_how *how, struct err *e)
{
	int rc = ruleset_ready(p, e);

	return rc ? rc
		  : engine_apply(p->vif, p->nvif, ENGINE_NONE_GOES, how->say,
				 e);
}

static int ruleset_cmp(const void *a, const void *b)
{
	return strcmp((*(struct ruleset *const *)a)->name,
		      (*(struct ruleset *const *)b)->name);
}

int ruleset_apply(struct ruleset *const *given, size_t n,
		  const struct ruleset_how *how, struct err *e)
{
	struct ruleset **s = calloc(n + 1, sizeof(*s));
	struct ruleset_parts p = {
		.vif = calloc(n + 1, sizeof(*p.vif)),
		.ipt = calloc(n + 1, sizeof(*p.ipt)),
	};
	size_t i;
	int rc = -ENOMEM;

	if (!s || !p.vif || !p.ipt)
		goto out;
	if (n)
		memcpy(s, given, n * sizeof(*s));
	qsort(s, n, sizeof(*s), ruleset_cmp);
	rc = 0;
	for (i = 1; !rc && i < n; i++)
		if (!strcmp(s[i - 1]->name, s[i]->name))
			rc = err_set(e, -EEXIST, "%s: two files of that name",
				     s[i]->name);
	if (!rc)
		rc = ruleset_part(s, n, &p, how->say, e);
	if (!rc && how->only && p.nipt)
		rc = err_set(e, -EOPNOTSUPP,
			     "%s: a file of engine iptables cannot be added "
			     "alone; apply them all",
			     p.ipt[0]->name);
	if (!rc)
		rc = how->only ? ruleset_only(&p, how, e)
			       : ruleset_do(&p, how, e);
out:
	free(s);
	free(p.vif);
	free(p.ipt);
	return rc;
}

/* --- with a vif ----------------------------------------------------------- */

static int ruleset_attach_one(const struct ruleset *s, struct err *e)
{
	int rc;

	if (s->engine == RULESET_IPTABLES)
		return err_set(e, -EOPNOTSUPP,
			       "%s: it says engine iptables, whose chains are "
			       "not a vif's own; leave that out for rules=",
			       s->name);
	rc = ruleset_exact(s, s->engine == RULESET_VIF, e);
	if (rc)
		err_prefix(e, "rules= takes only what a vif's own table can "
			      "carry");
	return rc;
}

static int ruleset_attach_check(struct ruleset *const *s, size_t n, bool *state,
				struct err *e)
{
	size_t i, k;
	int rc = 0;

	*state = false;
	for (i = 0; !rc && i < n; i++) {
		for (k = 0; k < i; k++)
			if (!strcmp(s[i]->name, s[k]->name))
				return err_set(e, -EEXIST,
					       "%s: two files of that name",
					       s[i]->name);
		rc = ruleset_attach_one(s[i], e);
		*state |= ruleset_stateful(s[i]);
	}
	return rc;
}

int ruleset_attach(const char *dev, const char *bridge,
		   struct ruleset *const *s, size_t n, struct err *e)
{
	bool state;
	int rc = ruleset_attach_check(s, n, &state, e);

	if (!rc && state && bridge[0]) {
		rc = rules_br_netfilter(false, e);
		if (!rc)
			rc = rules_bridge_on(bridge, false, e);
		if (!rc)
			rc = rules_bridge_on(bridge, true, e);
		if (!rc)
			rc = zone_put(bridge, e);
	}
	return rc ? rc
		  : engine_attach(dev, (const struct ruleset *const *)s, n,
				  false, e);
}

int ruleset_attached(const char *dev, struct ruleset *const *s, size_t n,
		     FILE *out, struct err *e)
{
	int rc = engine_attach(dev, (const struct ruleset *const *)s, n, true,
			       e);

	if (rc == 1 && out)
		fprintf(out,
			"%s: rules: they are not as their files have them\n",
			dev);
	return rc;
}
