// SPDX-License-Identifier: GPL-2.0-or-later
/* flows.c - connections that a change of rules forbids
 *
 * A guest can have as many connections as conntrack has room for, and who changes
 * rules waits for all of them to be judged. So each is held against the rules that
 * changed first (flows_maybe), while the kernel lists them, and most end there; the
 * vifs are read when one is left.
 *
 * conntrack tells addresses, not ports of bridges. An address of a vif is at that vif,
 * one of the host's at the host, any other may be beyond each device that is no
 * vif's: then all ways are judged, and only if none is open is it known that the
 * connection is forbidden.
 */
#include "flows.h"

/* before <linux/in.h> */
#include <netinet/in.h>

#include <errno.h>
#include <ifaddrs.h>
#include <linux/netfilter.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "cut.h"
#include "flows_own.h"
#include "network.h"

enum {
	FLOWS_EITHER = EXPLAIN_PASS | EXPLAIN_DROP,
	FLOWS_MANY = 256, /* of more changed rules each is not asked first */
};

struct flows_places {
	const struct flow_place **v;
	size_t n;
};

struct flows {
	flow_places_fn *places;
	void *arg;
	struct flows_places own, nets, others; /* own: by address */
	explain_more_fn *more;
	struct ifaddrs *host;
	struct flows_diff diff;
	struct explain_db *sets; /* what changed rules ask */
	struct explain_db *db;	 /* all rules; NULL: no flow yet */
	FILE *nowhere;
	unsigned met; /* which kinds of changed rules may take the flow */
	unsigned unknown;
	int rc;
	struct err *e;
};

/* One end of a flow. */
struct flows_end {
	struct vif_addr addr;
	uint16_t port;
	int best; /* of vifs' addresses that are this: the longest; -1 none */
	bool host;
	struct flows_places at; /* all where it may be, and some more */
};

/* A packet that would begin it. */
struct flows_first {
	const struct cut_flow *flow;
	struct flows_end from, to;
};

bool flows_any(void)
{
	FILE *f = fopen("/proc/sys/net/netfilter/nf_conntrack_count", "re");
	unsigned long n = 0;

	if (f && fscanf(f, "%lu", &n) != 1)
		n = 1;
	if (f)
		fclose(f);
	return n;
}

/* --- places --------------------------------------------------------------------- */

static int flows_addr_cmp(const struct vif_addr *a, const struct vif_addr *b)
{
	int d = a->family - b->family;

	return d ? d : memcmp(a->addr, b->addr, sizeof(a->addr));
}

static int flows_place_cmp(const void *a, const void *b)
{
	return flows_addr_cmp(&(*(const struct flow_place *const *)a)->addr,
			      &(*(const struct flow_place *const *)b)->addr);
}

static struct flows_places *flows_list(struct flows *s,
				       const struct flow_place *p)
{
	if (!p->vif)
		return &s->others;
	return p->addr.len == (p->addr.family == AF_INET ? 32 : 128) ? &s->own
								     : &s->nets;
}

/* All rules, and all places, when the first flow asks. */
static int flows_read(struct flows *s)
{
	const struct flow_place *v = NULL;
	struct flows_places *l;
	size_t n = 0, i;
	int rc = s->places(s->arg, &v, &n);

	if (!rc && getifaddrs(&s->host))
		rc = -errno;
	s->own.v = calloc(n + 1, sizeof(*s->own.v));
	s->nets.v = calloc(n + 1, sizeof(*s->nets.v));
	s->others.v = calloc(n + 1, sizeof(*s->others.v));
	if (!rc && (!s->own.v || !s->nets.v || !s->others.v))
		rc = -ENOMEM;
	for (i = 0; !rc && i < n; i++) {
		l = flows_list(s, &v[i]);
		l->v[l->n++] = &v[i];
	}
	if (!rc)
		qsort(s->own.v, s->own.n, sizeof(*s->own.v), flows_place_cmp);
	if (!rc)
		rc = explain_db_open(&s->db, NULL, s->e);
	if (!rc && s->more)
		rc = s->more(s->db, s->e);
	for (i = 0; !rc && i < s->diff.n; i++) {
		const struct flows_rule *r = &s->diff.v[i];
		struct explain_chain *c = explain_db_chain(s->db, r->family,
							   r->table, r->chain);

		if (c) /* else none comes to it any more */
			rc = explain_db_changed(c, r->rule, r->came);
	}
	return rc;
}

/* Those of that very address, and then those of prefixes. */
static struct flows_places flows_exactly(const struct flows *s,
					 const struct vif_addr *a)
{
	size_t from = 0, to = s->own.n, at;

	while (from < to) {
		at = from + (to - from) / 2;
		if (flows_addr_cmp(&s->own.v[at]->addr, a) < 0)
			from = at + 1;
		else
			to = at;
	}
	while (to < s->own.n && !flows_addr_cmp(&s->own.v[to]->addr, a))
		to++;
	return (struct flows_places){ s->own.v + from, to - from };
}

/* --- where ------------------------------------------------------------------ */

/* Bridges have connections of their own (zone.c). */
static bool flows_zone(const struct flow_place *p, uint16_t zone)
{
	return !zone || p->zone == zone;
}

static bool flows_mine(const struct flow_place *p, const struct flows_end *end,
		       uint16_t zone)
{
	return p->vif && network_overlap(&p->addr, &end->addr) &&
	       flows_zone(p, zone);
}

static void flows_where_in(const struct flows_places *l, uint16_t zone,
			   struct flows_end *end)
{
	size_t i;

	for (i = 0; i < l->n; i++)
		if (flows_mine(l->v[i], end, zone) &&
		    l->v[i]->addr.len > end->best) {
			end->best = l->v[i]->addr.len;
			end->at = *l;
		}
}

static void flows_where(const struct flows *s, uint16_t zone,
			struct flows_end *end)
{
	struct flows_places exactly = flows_exactly(s, &end->addr);

	end->best = -1;
	end->at = s->others;
	flows_where_in(&exactly, zone, end);
	if (end->best < 0)
		flows_where_in(&s->nets, zone, end);
	end->host = end->best < 0 && cut_is_host(s->host, &end->addr);
}

/* May that end be there? */
static bool flows_there(const struct flow_place *p, const struct flows_end *end,
			uint16_t zone)
{
	if (end->best >= 0)
		return flows_mine(p, end, zone) && p->addr.len == end->best;
	return !end->host && !p->vif;
}

/* --- one packet --------------------------------------------------------------- */

static bool flows_same_bridge(const struct flow_place *a,
			      const struct flow_place *b)
{
	return a->bridge[0] && !strcmp(a->bridge, b->bridge);
}

static int flows_frame(const struct flows_first *q, struct explain *x,
		       const uint8_t mac[2][6])
{
	const struct explain_first t = { .family = q->flow->family,
					 .proto = q->flow->proto,
					 .from = q->from.addr.addr,
					 .to = q->to.addr.addr,
					 .sport = q->from.port,
					 .dport = q->to.port };

	x->fresh = true;
	x->related = q->flow->expected;
	return explain_tuple(x, mac[1], mac[0], &t);
}

static int flows_ask(struct flows *s, const struct flows_first *q,
		     struct explain *x, const uint8_t mac[2][6])
{
	int rc = flows_frame(q, x, mac);

	if (rc)
		return FLOWS_EITHER;
	s->db->met = s->diff.all ? EXPLAIN_WENT : 0;
	rc = explain_frame(s->db, x, s->nowhere, s->e);
	s->met |= s->db->met;
	if (rc > 0)
		return rc;
	s->rc = rc;
	return FLOWS_EITHER;
}

/* From one place to another, NULL: to the host. No bits: there is no such way. */
static int flows_way(struct flows *s, const struct flows_first *q,
		     const struct flow_place *from, const struct flow_place *to)
{
	static const uint8_t beyond[6] = { 2, 0, 0, 0, 0, 1 };
	bool six = q->flow->family == AF_INET6;
	static struct explain x; /* it is large */
	uint8_t mac[2][6];

	memset(&x, 0, offsetof(struct explain, len));
	str_put(x.in, sizeof(x.in), from->dev);
	str_put(x.bridge, sizeof(x.bridge), from->bridge);
	memcpy(mac[0], from->vif ? from->mac : beyond, 6);
	memcpy(mac[1], from->own, 6);
	if (!to)
		return flows_ask(s, q, &x, mac);
	str_put(x.out, sizeof(x.out), to->dev);
	if (flows_same_bridge(from, to)) {
		memcpy(mac[1], to->vif ? to->mac : beyond, 6);
		return flows_ask(s, q, &x, mac);
	}
	if ((from->bridge[0] && !from->bridge_routes[six]) ||
	    (to->bridge[0] && !to->bridge_routes[six]))
		return 0;
	x.routed = from->bridge[0] || to->bridge[0];
	str_put(x.to, sizeof(x.to), to->bridge);
	return flows_ask(s, q, &x, mac);
}

/* Does a changed rule take it, as far as that can be told here? NULL: anywhere. */
static bool flows_changed(struct flows *s, const struct flows_first *q,
			  const struct flow_place *from,
			  const struct flow_place *to)
{
	static const uint8_t mac[2][6] = { { 2 }, { 2 } };
	static struct explain x; /* it is large */
	struct explain_chain c = { .n = 0 };
	struct explain_pkt p = { .x = &x, .any = true, .in = "", .out = "" };
	struct explain_regs regs;
	const char *why;
	size_t i;

	if (s->diff.all || s->diff.n > FLOWS_MANY)
		return true;
	memset(&x, 0, offsetof(struct explain, len));
	if (flows_frame(q, &x, mac))
		return true;
	explain_look(&p);
	p.physin = from ? from->dev : NULL;
	p.physout = to ? to->dev : NULL;
	for (i = 0; i < s->diff.n; i++) {
		const struct flows_rule *r = &s->diff.v[i];

		p.family = c.family = r->family;
		memcpy(c.table, r->table, sizeof(c.table));
		if (r->family != (q->flow->family == AF_INET ? NFPROTO_IPV6
							     : NFPROTO_IPV4) &&
		    explain_rule(s->sets, &c, r->rule, &p, &regs, &why) !=
			    EXPLAIN_NO)
			return true;
	}
	return false;
}

typedef int flows_way_fn(struct flows *s, const struct flows_first *q,
			 const struct flow_place *from,
			 const struct flow_place *to);

static int flows_way_changed(struct flows *s, const struct flows_first *q,
			     const struct flow_place *from,
			     const struct flow_place *to)
{
	return flows_changed(s, q, from, to);
}

/* All the ways that it may go. */
static int flows_ways(struct flows *s, const struct flows_first *q,
		      flows_way_fn *way)
{
	const struct flows_places *a = &q->from.at, *b = &q->to.at;
	uint16_t zone = q->flow->zone;
	size_t i, k;
	int bits = 0;

	for (i = 0; i < a->n; i++) {
		if (!flows_there(a->v[i], &q->from, zone))
			continue;
		if (q->to.host)
			bits |= way(s, q, a->v[i], NULL);
		for (k = 0; k < b->n; k++)
			if (a->v[i] != b->v[k] &&
			    flows_there(b->v[k], &q->to, zone))
				bits |= way(s, q, a->v[i], b->v[k]);
	}
	return bits;
}

/* What leaves the host is not evaluated, nor what has no such beginning. */
static int flows_either(struct flows *s)
{
	s->met = EXPLAIN_WENT;
	return FLOWS_EITHER;
}

/* --- one flow ----------------------------------------------------------------- */

static struct vif_addr flows_addr(uint8_t family, const void *addr)
{
	struct vif_addr a = { .family = family };

	a.len = family == AF_INET ? 32 : 128;
	memcpy(a.addr, addr, a.len / 8);
	return a;
}

/* Does it begin as explain_tuple has it? */
static bool flows_begins(const struct cut_flow *f)
{
	switch (f->proto) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
		return true;
	case IPPROTO_ICMP:
		return f->icmp_type == 8;
	case IPPROTO_ICMPV6:
		return f->icmp_type == 128;
	}
	return false;
}

/* Its first packet, to where it says or to where NAT sends it. */
static struct flows_first flows_begin(const struct cut_flow *f, bool nat)
{
	struct flows_first q = { .flow = f };

	q.from.addr = flows_addr(f->family, f->src[0]);
	q.from.port = f->sport[0];
	q.to.addr = flows_addr(f->family, nat ? f->src[1] : f->dst[0]);
	q.to.port = nat ? f->sport[1] : f->dport[0];
	return q;
}

/* No bits: no vif has to do with it. */
static int flows_judge_one(struct flows *s, struct flows_first *q,
			   flows_way_fn *way)
{
	int bits;

	flows_where(s, q->flow->zone, &q->from);
	flows_where(s, q->flow->zone, &q->to);
	if (q->from.best < 0 && q->to.best < 0)
		return 0;
	if (q->from.host || !flows_begins(q->flow))
		return flows_either(s);
	bits = flows_ways(s, q, way);
	return bits || way == flows_way_changed ? bits : flows_either(s);
}

/* One destination, or another by NAT. */
static int flows_begins_at(const struct cut_flow *f)
{
	return memcmp(f->dst[0], f->src[1], f->family == AF_INET ? 4 : 16) ||
			       f->dport[0] != f->sport[1]
		       ? 2
		       : 1;
}

/* .. to where it says, and to where NAT sends it. */
static int flows_judge(struct flows *s, const struct cut_flow *f,
		       flows_way_fn *way)
{
	struct flows_first q;
	int bits = 0, nat;

	for (nat = 0; !s->rc && nat < flows_begins_at(f); nat++) {
		q = flows_begin(f, nat);
		bits |= flows_judge_one(s, &q, way);
	}
	return bits;
}

/* Without the rules that came; what those did that went is not known. */
static bool flows_was_dropped(struct flows *s, const struct cut_flow *f)
{
	int bits;

	if (s->met != EXPLAIN_CAME)
		return false;
	s->db->before = true;
	bits = flows_judge(s, f, flows_way);
	s->db->before = false;
	return bits == EXPLAIN_DROP;
}

static enum cut_how flows_maybe(void *arg, const struct cut_flow *f)
{
	struct flows *s = arg;
	struct flows_first q;
	int nat;

	if (s->rc || (f->family != AF_INET && f->family != AF_INET6) ||
	    !f->src[0] || !f->dst[0] || !f->src[1] || !f->dst[1])
		return CUT_NOT;
	for (nat = 0; nat < flows_begins_at(f); nat++) {
		q = flows_begin(f, nat);
		if (flows_changed(s, &q, NULL, NULL))
			return CUT_END;
	}
	return CUT_NOT;
}

static enum cut_how flows_ends(void *arg, const struct cut_flow *f)
{
	struct flows *s = arg;
	int bits;

	if (!s->rc && !s->db)
		s->rc = flows_read(s);
	if (s->rc || !flows_judge(s, f, flows_way_changed))
		return CUT_NOT;
	s->met = 0;
	bits = flows_judge(s, f, flows_way);
	if (s->rc || !s->met)
		return CUT_NOT;
	s->unknown += bits == FLOWS_EITHER;
	if (bits != EXPLAIN_DROP || flows_was_dropped(s, f))
		return CUT_NOT;
	return f->proto == IPPROTO_TCP ? CUT_SHUT : CUT_END;
}

/* --- before and after --------------------------------------------------------- */

static int flows_say(struct err *e, int rc)
{
	char why[ERR_SIZE];

	memcpy(why, e->text, sizeof(why));
	return err_set(e, rc, "connections that go on: cannot judge them: %s",
		       why[0] ? why : strerror(-rc));
}

int flows_before(struct flows **out, flow_places_fn *places, void *arg,
		 explain_more_fn *more, struct err *e)
{
	struct flows *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	if (!s)
		return flows_say(e, rc);
	s->places = places;
	s->arg = arg;
	s->more = more;
	s->nowhere = fopen("/dev/null", "we");
	rc = s->nowhere ? flows_diff_open(&s->diff, flows_any(), more, e)
			: -errno;
	if (rc < 0) {
		flows_close(s);
		return flows_say(e, rc);
	}
	*out = s;
	return 0;
}

int flows_after(struct flows *s, struct flows_said *said, struct err *e)
{
	int rc = flows_diff_read(&s->diff, e);

	s->e = e;
	if (!rc && (s->diff.all || s->diff.n) && flows_any()) {
		rc = explain_db_empty(&s->sets, e);
		if (!rc)
			rc = cut_twice(flows_maybe, flows_ends, s);
	}
	rc = s->rc ? s->rc : rc;
	said->cut = rc > 0 ? (unsigned)rc : 0;
	said->unknown = s->unknown;
	return rc < 0 ? flows_say(e, rc) : 0;
}

void flows_close(struct flows *s)
{
	if (!s)
		return;
	if (s->host)
		freeifaddrs(s->host);
	if (s->nowhere)
		fclose(s->nowhere);
	explain_db_close(s->sets);
	explain_db_close(s->db); /* which has rules of diff */
	flows_diff_close(&s->diff);
	free(s->own.v);
	free(s->nets.v);
	free(s->others.v);
	free(s);
}
