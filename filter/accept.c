// SPDX-License-Identifier: GPL-2.0-or-later
/* accept.c - accept=: which rules a vif needs in the host's own chains, and why
 *
 * Hosts whose forward chains drop what no rule accepts (docker, ufw, firewalld)
 * cut guests off. Where accept= asks for it, rules for this vif alone stand at the
 * end of such a chain: the administrator's rules have had their say by then, and
 * only what would end at "drop all the rest" is let through. All else of ours
 * only drops or returns (filter.h).
 */
#include "accept.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "filter.h"
#include "nft.h"

static const char accept_comment[] = "netback accepts ";

/* --- what is wanted ----------------------------------------------------------- */

bool accept_calls(const char *bridge, const char *tables)
{
	char path[128];

	snprintf(path, sizeof(path), "/proc/sys/net/bridge/bridge-nf-call-%s",
		 tables);
	if (num_switch(path))
		return true;
	snprintf(path, sizeof(path), "/sys/class/net/%s/bridge/nf_call_%s",
		 bridge, tables);
	return num_switch(path);
}

/* Once in a look, however many places there are. */
static bool accept_calls_once(struct accept *a, bool ip6)
{
	if (a->calls[ip6] == ACCEPT_UNASKED)
		a->calls[ip6] = accept_calls(a->p->bridge,
					     ip6 ? "ip6tables" : "iptables")
					? ACCEPT_CALLS
					: ACCEPT_QUIET;
	return a->calls[ip6] == ACCEPT_CALLS;
}

/* Does this place see the frames of the bridge? Or may it, one day? */
static bool accept_called(struct accept *a, uint16_t family)
{
	if (a->p->accept == VIF_ACCEPT_ALWAYS &&
	    !access("/proc/sys/net/bridge", F_OK))
		return true;
	return (family != NFPROTO_IPV6 && accept_calls_once(a, false)) ||
	       (family != NFPROTO_IPV4 && accept_calls_once(a, true));
}

bool accept_iptables(const struct accept_place *at)
{
	return at->legacy || at->xt ||
	       ((at->family == NFPROTO_IPV4 || at->family == NFPROTO_IPV6) &&
		!strcmp(at->chain, "FORWARD"));
}

static void accept_want_one(struct accept_place *at, bool physdev,
			    const char *in, const char *out)
{
	struct accept_rule *r = &at->want[at->nwant++];

	memset(r, 0, sizeof(*r));
	r->physdev = physdev;
	str_put(r->in, sizeof(r->in), in);
	str_put(r->out, sizeof(r->out), out);
}

/* Pure but for br_netfilter's switches: fills want. For a place that does not drop,
 * too, whatever accept= says.
 */
static void accept_want(struct accept *a, struct accept_place *at)
{
	const struct policy *p = a->p;
	bool bridge = at->family == NFPROTO_BRIDGE;
	bool ports = bridge || accept_iptables(at);

	at->nwant = 0;
	if (p->bridged && (bridge || accept_called(a, at->family))) {
		accept_want_one(at, !bridge && ports,
				ports ? p->dev : p->bridge,
				ports ? "" : p->bridge);
		if (ports)
			accept_want_one(at, !bridge, "", p->dev);
	}
	if (p->routed[0] && !bridge) {
		accept_want_one(at, false, p->routed, "");
		accept_want_one(at, false, "", p->routed);
	}
}

static bool accept_drops(const struct accept_place *at)
{
	return at->policy_drops || at->last_drops;
}

unsigned accept_due(const struct accept_place *at, enum vif_accept how)
{
	/* other chains may jump there, too, and mean their drop */
	if (at->reached)
		return 0;
	switch (how) {
	case VIF_ACCEPT_NEVER:
		return 0;
	case VIF_ACCEPT_ALWAYS:
		/* of iptables' tables, filter is the one for verdicts */
		if (!accept_iptables(at) || !strcmp(at->table, "filter"))
			return at->nwant;
		break;
	case VIF_ACCEPT_AUTO:
		break;
	}
	return accept_drops(at) ? at->nwant : 0;
}

bool accept_differs(const struct accept_place *at, enum vif_accept how)
{
	unsigned due = accept_due(at, how);

	if (at->nown != due)
		return true;
	return due && (at->late || at->same != (1u << due) - 1);
}

/* --- what is there ------------------------------------------------------------ */

static void accept_open(struct accept *a, const struct policy *p)
{
	memset(a, 0, sizeof(*a));
	a->p = p;
	str_fmt(a->comment, sizeof(a->comment), "%s%s", accept_comment, p->dev);
}

bool accept_asks(struct accept *a, uint16_t family)
{
	struct accept_place at = { .family = family };

	accept_want(a, &at);
	return at.nwant || !a->wanted;
}

struct accept_place *accept_add(struct accept *a, const struct accept_place *at)
{
	struct accept_place *own;

	a->more |= a->n == ACCEPT_PLACES;
	if (a->more)
		return NULL;
	own = &a->v[a->n++];
	*own = *at;
	accept_want(a, own);
	return own;
}

struct accept_place *accept_follow(struct accept *a,
				   const struct accept_place *from,
				   const char *chain)
{
	struct accept_place to = { .family = from->family,
				   .legacy = from->legacy,
				   .reached = true,
				   .xt = accept_iptables(from) };
	unsigned i;

	str_put(to.table, sizeof(to.table), from->table);
	if (str_put(to.chain, sizeof(to.chain), chain))
		return NULL;
	for (i = 0; i < a->n; i++)
		if (a->v[i].family == to.family &&
		    a->v[i].legacy == to.legacy &&
		    !strcmp(a->v[i].table, to.table) &&
		    !strcmp(a->v[i].chain, to.chain))
			return NULL;
	return accept_add(a, &to);
}

enum accept_whose accept_whose(const struct accept *a, const char *comment)
{
	size_t n = strlen(accept_comment);

	if (strncmp(comment, accept_comment, n))
		return ACCEPT_OTHERS;
	if (a->each)
		a->each(a->arg, comment + n);
	return strcmp(comment, a->comment) ? ACCEPT_OURS : ACCEPT_THIS;
}

static int accept_look(struct accept *a, struct err *e)
{
	unsigned i;
	int rc = -EINTR;

	for (i = 0; rc == -EINTR && i < 4 * NFT_TRIES; i++) {
		a->n = 0;
		a->more = false;
		memset(a->calls, 0, sizeof(a->calls));
		rc = accept_nft_look(a, e);
	}
	if (rc == -EINTR)
		return err_set(e, rc,
			       "others change the rules all the time; try "
			       "again");
	return rc ? rc : accept_legacy_look(a, e);
}

/* --- to the host -------------------------------------------------------------- */

int accept_apply(const struct policy *p, struct err *e)
{
	struct accept a;
	unsigned i, tries;
	int rc = -ENOENT;

	accept_open(&a, p);
	for (tries = 0; rc == -ENOENT && tries < NFT_TRIES; tries++) {
		rc = accept_look(&a, e);
		for (i = 0; !rc && i < a.n; i++)
			if (accept_differs(&a.v[i], p->accept))
				break;
		if (rc || i == a.n)
			break;
		rc = accept_nft_change(&a, e);
		if (!rc)
			rc = accept_legacy_change(&a, e);
	}
	if (rc == -ENOENT)
		err_set(e, rc,
			"the host's chains change all the time, or this kernel "
			"lacks xt_physdev or xt_comment");
	if (rc)
		err_prefix(e, "%s: accept", p->dev);
	return rc;
}

int filter_accept_remove(const char *dev, struct err *e)
{
	struct policy p = { .accept = VIF_ACCEPT_NEVER };

	return str_put(p.dev, sizeof(p.dev), dev) ? -EINVAL
						  : accept_apply(&p, e);
}

/* --- whose rules are there -------------------------------------------------- */

struct accept_devs {
	char (*dev)[IFNAMSIZ];
	unsigned n;
	bool no_memory;
};

static void accept_devs_add(void *arg, const char *dev)
{
	struct accept_devs *d = arg;
	char(*more)[IFNAMSIZ];
	unsigned i;

	for (i = 0; i < d->n; i++)
		if (!strcmp(d->dev[i], dev))
			return;
	more = reallocarray(d->dev, d->n + 1, sizeof(*more));
	if (!more) {
		d->no_memory = true;
		return;
	}
	d->dev = more;
	if (!str_put(d->dev[d->n], IFNAMSIZ, dev))
		d->n++;
}

int filter_accept_each(int (*fn)(void *arg, const char *dev), void *arg,
		       struct err *e)
{
	struct accept_devs d = { 0 };
	struct policy p = { 0 };
	struct accept a;
	unsigned i;
	int rc;

	accept_open(&a, &p);
	a.each = accept_devs_add;
	a.arg = &d;
	rc = accept_look(&a, e);
	if (!rc && d.no_memory)
		rc = err_set(e, -ENOMEM, "out of memory");
	for (i = 0; !rc && i < d.n; i++)
		rc = fn(arg, d.dev[i]);
	free(d.dev);
	return rc;
}

/* --- to read ------------------------------------------------------------------ */

static const char *accept_family(const struct accept_place *at)
{
	switch (at->family) {
	case NFPROTO_IPV4:
		return at->legacy ? "legacy ip" : "ip";
	case NFPROTO_IPV6:
		return at->legacy ? "legacy ip6" : "ip6";
	case NFPROTO_BRIDGE:
		return "bridge";
	}
	return "inet";
}

int accept_check(const struct policy *p, FILE *out, struct err *e)
{
	struct accept a;
	unsigned i, n = 0;
	int rc;

	accept_open(&a, p);
	rc = accept_look(&a, e);
	for (i = 0; !rc && i < a.n; i++) {
		const struct accept_place *at = &a.v[i];

		if (!accept_differs(at, p->accept))
			continue;
		n++;
		if (!out)
			continue;
		fprintf(out, "%s: accept=%s: in table %s %s, chain %s %s\n",
			p->dev, vif_accept_name(p->accept), accept_family(at),
			at->table, at->chain,
			!at->nown ? "its rules are missing"
			: !accept_due(at, p->accept)
				? "nothing drops any more, and its rules stand"
			: at->nown == accept_due(at, p->accept) && at->late
				? "others stand behind its rules"
				: "its rules are others");
	}
	return rc ? rc : n > 0;
}

static void accept_print_native(const struct accept *a,
				const struct accept_place *at,
				const struct accept_rule *r, FILE *out)
{
	fprintf(out, "nft %s rule %s %s %s", at->last_drops ? "insert" : "add",
		accept_family(at), at->table, at->chain);
	if (at->last_drops)
		fprintf(out, " position %llu", (unsigned long long)at->last);
	if (r->in[0])
		fprintf(out, " iifname \"%s\"", r->in);
	if (r->out[0])
		fprintf(out, " oifname \"%s\"", r->out);
	fprintf(out, " counter accept comment \"%s\"\n", a->comment);
}

int filter_accept_print(const struct policy *p, FILE *out, struct err *e)
{
	struct accept a;
	unsigned i, k;
	int rc;

	accept_open(&a, p);
	a.wanted = true;
	rc = p->accept ? accept_look(&a, e) : 0;
	if (rc || !p->accept)
		return rc;
	for (i = 0; i < a.n; i++) {
		const struct accept_place *at = &a.v[i];

		for (k = 0; k < accept_due(at, p->accept); k++) {
			if (!accept_iptables(at)) {
				accept_print_native(&a, at, &at->want[k], out);
				continue;
			}
			fprintf(out, "ip%stables%s -t %s ",
				at->family == NFPROTO_IPV6 ? "6" : "",
				at->legacy ? "-legacy" : "", at->table);
			accept_print_rule(at->last_drops ? "-I" : "-A",
					  at->chain, &at->want[k], a.comment,
					  out);
		}
	}
	return 0;
}

void accept_print_rule(const char *verb, const char *chain,
		       const struct accept_rule *r, const char *comment,
		       FILE *out)
{
	fprintf(out, "%s %s", verb, chain);
	if (r->in[0] && !r->physdev)
		fprintf(out, " -i %s", r->in);
	if (r->out[0] && !r->physdev)
		fprintf(out, " -o %s", r->out);
	if (r->physdev)
		fprintf(out, " -m physdev");
	if (r->in[0] && r->physdev)
		fprintf(out, " --physdev-in %s", r->in);
	if (r->out[0] && r->physdev)
		fprintf(out, " --physdev-out %s", r->out);
	if (r->physdev)
		fprintf(out, " --physdev-is-bridged");
	fprintf(out, " -m comment --comment \"%s\" -j ACCEPT\n", comment);
}

/* --- the warning -------------------------------------------------------------- */

static int accept_say_more(const char *bridge, struct err *note)
{
	return err_set(
		note, 1,
		"%s%sthe host's firewall has more than %d chains for "
		"what is forwarded: it was not looked whether the others "
		"drop, and accept= puts nothing there",
		bridge, bridge[0] ? ": " : "", ACCEPT_PLACES);
}

int filter_forward(const char *bridge, bool accepts, struct err *note)
{
	struct policy p = { .bridged = bridge[0] != '\0' };
	const struct accept_place *at;
	struct accept a;
	int rc;

	if (str_put(p.bridge, sizeof(p.bridge), bridge))
		return -EINVAL;
	strcpy(p.dev, "vif"); /* what it is called matters not */
	if (!p.bridged)
		strcpy(p.routed, p.dev);
	accept_open(&a, &p);
	a.wanted = true;
	rc = accept_look(&a, note);
	if (rc)
		return rc;
	for (at = a.v; at < a.v + a.n; at++)
		if (at->nwant && accept_drops(at) && (at->reached || !accepts))
			break;
	if (at == a.v + a.n && a.more)
		return accept_say_more(bridge, note);
	if (at == a.v + a.n)
		return 0;
	if (at->reached)
		return err_set(
			note, 1,
			"%s%sthe host's firewall drops what it forwards in a "
			"chain that others may use, too (table %s %s, chain "
			"%s): guests may reach this host and nothing else, or "
			"hear nothing; accept their packets before the jump to "
			"it, for accept= leaves it alone",
			bridge, bridge[0] ? ": " : "", accept_family(at),
			at->table, at->chain);
	if (!p.bridged)
		return err_set(
			note, 1,
			"the host's firewall drops what is forwarded unless a "
			"rule accepts it (table %s %s, chain %s): the guest "
			"may reach this host and nothing else; accept its "
			"packets there, as accept=auto does (-i and -o with "
			"its "
			"device, -j ACCEPT)",
			accept_family(at), at->table, at->chain);
	if (at->family == NFPROTO_BRIDGE)
		return err_set(note, 1,
			       "%s: the host's firewall drops what bridges "
			       "forward unless a rule accepts it (table bridge "
			       "%s, chain %s): guests may hear nothing; accept "
			       "them there, as accept=auto does",
			       bridge, at->table, at->chain);
	return err_set(
		note, 1,
		"%s: the host's firewall sees this bridge's frames and drops "
		"what no rule accepts (table %s %s, chain %s): guests may hear "
		"nothing; accept them there, as accept=auto does (-m physdev "
		"--physdev-is-bridged -j ACCEPT), or set "
		"net.bridge.bridge-nf-call-%s=0",
		bridge, accept_family(at), at->table, at->chain,
		at->family == NFPROTO_IPV6 ? "ip6tables" : "iptables");
}
