// SPDX-License-Identifier: GPL-2.0-or-later
/* port.c - steps: a bridge of our own, and the VLANs of a port
 *
 * A bridge that a plan made is in a group of links which says so, from its first
 * moment: it goes when its last port does. One that somebody else made stays.
 */
#include <errno.h>
#include <string.h>

#include "base/num.h"
#include "plan.h"

enum { PORT_RANGES = 512 };

int port_bridge_do(struct run *r, const struct step *s)
{
	int rc = nl_bridge_add(r->h, s->other, PLAN_GROUP, s->num);

	r->made = !rc;
	if (rc == -EEXIST) /* another was faster; enslaving shows what it is */
		return 0;
	return rc ? plan_failed(r, s, rc, "make bridge ", s->other) : 0;
}

struct port_count {
	int bridge;
	unsigned n;
};

static bool port_count(void *arg, const struct nl_link *l)
{
	struct port_count *c = arg;

	c->n += l->master_index == c->bridge;
	return c->n > 0;
}

int port_bridge_undo(struct run *r, const struct step *s)
{
	struct port_count c = { 0 };
	struct nl_link b;
	int rc = nl_link_get(r->h, s->other, &b);

	if (rc == -ENODEV)
		return 0;
	if (rc)
		return plan_failed(r, s, rc, "look at bridge ", s->other);
	if (strcmp(b.kind, "bridge") || b.group != PLAN_GROUP)
		return 0;
	c.bridge = b.index;
	rc = nl_link_each(r->h, port_count, &c);
	if (!rc && !c.n)
		rc = nl_link_delete(r->h, s->other);
	return rc && rc != -ENODEV
		       ? plan_failed(r, s, rc, "remove bridge ", s->other)
		       : 0;
}

/* --- VLANs -------------------------------------------------------------------*/

/* What a VLAN of a port is: 0 not there, else bits. */
enum { PORT_IN = 1, PORT_OWN = 2, PORT_BARE = 4 };

struct port_vlans {
	uint8_t v[VIF_VLAN_MAX + 1];
};

static void port_fill(struct port_vlans *o, const struct vif_vlan *t,
		      unsigned n)
{
	uint32_t vid;

	memset(o, 0, sizeof(*o));
	for (; n; n--, t++)
		for (vid = t->first; vid <= t->last && vid <= VIF_VLAN_MAX;
		     vid += t->step)
			o->v[vid] = (uint8_t)(PORT_IN |
					      (t->pvid ? PORT_OWN : 0) |
					      (t->untagged ? PORT_BARE : 0));
}

static int port_now(struct nl_host *h, const char *dev, struct port_vlans *o)
{
	struct vif_vlan have[PORT_RANGES];
	int n = nl_vlans(h, dev, have, PORT_RANGES);

	if (n < 0)
		return n;
	port_fill(o, have, (unsigned)n);
	return 0;
}

/* A static address is one for each VLAN that the port has when it is given, and
 * stays behind in those that it leaves.
 */
static void port_fdb(struct run *r, const char *dev, bool on)
{
	unsigned i;

	for (i = 0; i < r->nfdb; i++) {
		if (on)
			nl_fdb_add(r->h, dev, &r->fdb[i]);
		else
			nl_fdb_del(r->h, dev, r->fdb[i].mac);
	}
}

int port_vlan_do(struct run *r, const struct step *s)
{
	struct port_vlans now, want;
	struct vif_vlan t = { .step = 1 };
	char vid[8] = "";
	int rc = port_now(r->h, s->dev, &now);

	if (rc)
		return plan_failed(r, s, rc, "look at its VLANs", "");
	port_fill(&want, r->p->vlan, r->p->nvlan);
	if (!memcmp(&now, &want, sizeof(now)))
		return 0;
	port_fdb(r, s->dev, false);
	for (t.first = 1; !rc && t.first <= VIF_VLAN_MAX; t.first++) {
		if (now.v[t.first] == want.v[t.first])
			continue;
		t.last = t.first;
		t.pvid = want.v[t.first] & PORT_OWN;
		t.untagged = want.v[t.first] & PORT_BARE;
		rc = nl_vlan_set(r->h, s->dev, &t, want.v[t.first]);
		snprintf(vid, sizeof(vid), "%u", t.first);
	}
	port_fdb(r, s->dev, true);
	return rc ? plan_failed(r, s, rc, "set VLAN ", vid) : 0;
}

int port_vlan_check(struct nl_host *h, const struct plan *p,
		    const struct step *s, FILE *out)
{
	static const char *const word[] = {
		"not there", "tagged", "the untagged one, tagged", "?", "?",
		"untagged",  "?",      "its own, untagged",
	};
	struct port_vlans now, want;
	unsigned vid;
	int differ = 0, rc = port_now(h, s->dev, &now);

	if (rc)
		return rc;
	port_fill(&want, p->vlan, p->nvlan);
	for (vid = 1; vid <= VIF_VLAN_MAX; vid++) {
		if (now.v[vid] == want.v[vid])
			continue;
		fprintf(out, "%s: VLAN %u is %s, should be %s\n", s->dev, vid,
			word[now.v[vid] & 7], word[want.v[vid] & 7]);
		differ = 1;
	}
	return differ;
}

void port_vlan_print(const struct plan *p, const struct step *s, FILE *out)
{
	const struct vif_vlan *t;
	struct port_vlans want;
	uint32_t vid;

	port_fill(&want, p->vlan, p->nvlan);
	if (!want.v[1]) /* which every new port has */
		fprintf(out, "bridge vlan del dev %s vid 1\n", s->dev);
	for (t = p->vlan; t < p->vlan + p->nvlan; t++)
		for (vid = t->first; vid <= t->last; vid += t->step) {
			fprintf(out, "bridge vlan add dev %s vid %u", s->dev,
				vid);
			if (t->step == 1 && t->first != t->last) {
				fprintf(out, "-%u", t->last);
				vid = t->last;
			}
			fprintf(out, "%s%s\n", t->pvid ? " pvid" : "",
				t->untagged ? " untagged" : "");
		}
}
