// SPDX-License-Identifier: GPL-2.0-or-later
/* filter.c - the border: a policy becomes a guard, a guard becomes a table */
#include "filter.h"

#include <errno.h>
#include <string.h>

#include "accept.h"
#include "closed.h"
#include "engine_nft.h"
#include "guard.h"
#include "own_host.h"

int filter_print(const struct policy *p, char *buf, size_t size)
{
	struct guard g;
	struct own o;
	int n, rc = guard_build(p, &g, NULL);

	if (!rc)
		rc = guard_print(&g, buf, size);
	if (rc < 0)
		return rc;
	own_host_fill(&o, &g, p);
	n = own_host_print(&o, buf + rc, size - (size_t)rc);
	return n < 0 ? n : rc + n;
}

/* What ruleset_attach put there: by its name, as everything. */
static int filter_unrule(const char *dev, struct err *e)
{
	char table[GUARD_NAMED];

	guard_named(ENGINE_ATTACH, dev, table);
	return guard_nft_remove(table, true, e);
}

int filter_apply(const struct policy *p, struct err *e)
{
	struct guard g;
	struct own o;
	struct guard_was was = { .there = false };
	struct own routed;
	struct guard_also also = { own_host_put, &routed, false };
	int rc = guard_build(p, &g, e);

	if (rc)
		return rc;
	own_host_fill(&routed, &g, p);
	rc = guard_nft_apply(&g, &was, routed.n ? &also : NULL, e);
	if (!rc && !p->rules[0])
		rc = filter_unrule(p->dev, e);
	if (!rc) {
		own_fill(&o, &g, p);
		rc = closed_know(&o, e);
	}
	if (!rc && !also.done)
		rc = own_host_know(&routed, !was.there, e);
	/* the note stands before the rules, and goes after them */
	return rc || !(was.noted || p->accept) ? rc : accept_apply(p, e);
}

int filter_remove(const char *dev, struct err *e)
{
	char table[GUARD_NAME];
	int rc = guard_table(dev, table);

	if (rc)
		return err_set(e, rc,
			       "device name '%s': 1 to 15 characters needed",
			       dev);
	rc = closed_forget(dev, e);
	if (!rc)
		rc = filter_unrule(dev, e);
	if (!rc)
		rc = own_host_forget(dev, table, e);
	if (!rc)
		rc = guard_nft_remove(table, false, e);
	if (rc == 1) {
		rc = filter_accept_remove(dev, e);
		return rc ? rc : guard_nft_remove(table, true, e);
	}
	if (rc)
		err_prefix(e, "%s: guard", dev);
	return rc;
}

int filter_check(const struct policy *p, FILE *out, struct err *e)
{
	struct guard g;
	struct own o;
	int rc = guard_build(p, &g, e), known, host, accept = 0;

	if (rc)
		return rc;
	own_fill(&o, &g, p);
	rc = guard_nft_check(&g, out, e);
	known = rc < 0 ? rc : closed_knows(&o, e);
	if (known == CLOSED_SHUT && out)
		fprintf(out,
			"%s: its name is not known on closed bridges, frames "
			"of it do not pass\n",
			p->dev);
	if (known == CLOSED_NOT_ALL && out)
		fprintf(out,
			"%s: closed bridges do not know all that is its own, "
			"frames with it from elsewhere pass\n",
			p->dev);
	own_host_fill(&o, &g, p);
	host = known < 0 ? known : own_host_check(&o, e);
	if (host == 1 && out)
		fprintf(out,
			"%s: the host does not know all that is its own, "
			"packets from its addresses come from elsewhere, too\n",
			p->dev);
	if (host >= 0 && p->accept)
		accept = accept_check(p, out, e);
	if (host < 0 || accept < 0)
		return host < 0 ? host : accept;
	return rc || accept || host || known != CLOSED_KNOWN;
}
