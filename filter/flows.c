// SPDX-License-Identifier: GPL-2.0-or-later
/* flows.c - connections that a change of rules forbids
 *
 * conntrack tells addresses, not ports of bridges. An address of a vif is at that vif,
 * one of the host's at the host, any other may be beyond each device that is no
 * vif's: then all ways are judged, and only if none is open is it known that the
 * connection is forbidden.
 */
#include "flows.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "cut.h"
#include "explain_rules.h"
#include "network.h"

enum { FLOWS_EITHER = EXPLAIN_PASS | EXPLAIN_DROP };

struct flows {
	const struct flow_place *v;
	size_t n;
	explain_more_fn *more;
	struct ifaddrs *host;
	struct explain_db *db; /* of this look; NULL: no flow yet */
	FILE *nowhere;
	bool after;
	uint32_t *dropped; /* ids of what was forbidden before */
	size_t ndropped, room;
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
};

/* A packet that would begin it. */
struct flows_first {
	const struct cut_flow *flow;
	struct flows_end from, to;
	char text[2][INET6_ADDRSTRLEN + 10];
	const char *proto;
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

/* --- where ------------------------------------------------------------------ */

static bool flows_is_host(const struct flows *s, const struct vif_addr *a)
{
	const struct ifaddrs *i;
	const void *own;

	for (i = s->host; i; i = i->ifa_next) {
		if (!i->ifa_addr || i->ifa_addr->sa_family != a->family)
			continue;
		own = a->family == AF_INET
			      ? (const void *)&(
					(const struct sockaddr_in *)i->ifa_addr)
					->sin_addr
			      : (const void *)&((const struct sockaddr_in6 *)
							i->ifa_addr)
					->sin6_addr;
		if (!memcmp(own, a->addr, a->len / 8))
			return true;
	}
	return false;
}

/* Bridges have connections of their own (zone.c). */
static bool flows_zone(const struct flow_place *p, uint16_t zone)
{
	return !zone ||
	       (p->bridge[0] && (uint16_t)if_nametoindex(p->bridge) == zone);
}

static bool flows_mine(const struct flow_place *p, const struct flows_end *end,
		       uint16_t zone)
{
	return p->vif && network_overlap(&p->addr, &end->addr) &&
	       flows_zone(p, zone);
}

static void flows_where(const struct flows *s, uint16_t zone,
			struct flows_end *end)
{
	size_t i;

	end->best = -1;
	for (i = 0; i < s->n; i++)
		if (flows_mine(&s->v[i], end, zone) &&
		    s->v[i].addr.len > end->best)
			end->best = s->v[i].addr.len;
	end->host = end->best < 0 && flows_is_host(s, &end->addr);
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

static int flows_ask(struct flows *s, const struct flows_first *q,
		     struct explain *x, const uint8_t mac[2][6])
{
	char *word[] = { (char *)q->proto, (char *)q->text[0], (char *)">",
			 (char *)q->text[1] };
	int rc = explain_words(x, mac[1], mac[0], 4, word, s->e);

	if (rc)
		return FLOWS_EITHER;
	x->fresh = true;
	x->related = q->flow->expected;
	rc = explain_frame(s->db, x, s->nowhere, s->e);
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

/* All the ways that it may go. */
static int flows_ways(struct flows *s, const struct flows_first *q)
{
	uint16_t zone = q->flow->zone;
	size_t i, k;
	int bits = 0;

	if (q->from.host)
		return FLOWS_EITHER; /* what leaves the host is not evaluated */
	for (i = 0; i < s->n; i++) {
		if (!flows_there(&s->v[i], &q->from, zone))
			continue;
		if (q->to.host)
			bits |= flows_way(s, q, &s->v[i], NULL);
		for (k = 0; k < s->n; k++)
			if (k != i && flows_there(&s->v[k], &q->to, zone))
				bits |= flows_way(s, q, &s->v[i], &s->v[k]);
	}
	return bits ? bits : FLOWS_EITHER;
}

/* --- one flow ----------------------------------------------------------------- */

static struct vif_addr flows_addr(uint8_t family, const void *addr)
{
	struct vif_addr a = { .family = family };

	a.len = family == AF_INET ? 32 : 128;
	memcpy(a.addr, addr, a.len / 8);
	return a;
}

/* Those that explain_words can begin as conntrack has them; NULL: no other. */
static const char *flows_proto(const struct cut_flow *f)
{
	switch (f->proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return f->icmp_type == 8 ? "icmp" : NULL;
	case IPPROTO_ICMPV6:
		return f->icmp_type == 128 ? "icmp6" : NULL;
	}
	return NULL;
}

static void flows_text(const struct flows_first *q, const struct flows_end *end,
		       char *text, size_t size)
{
	bool six = end->addr.family == AF_INET6;
	bool port = q->flow->proto == IPPROTO_TCP ||
		    q->flow->proto == IPPROTO_UDP;
	char addr[INET6_ADDRSTRLEN];

	inet_ntop(end->addr.family, end->addr.addr, addr, sizeof(addr));
	if (port)
		str_fmt(text, size, six ? "[%s]:%u" : "%s:%u", addr, end->port);
	else
		str_put(text, size, addr);
}

/* Read when the first flow asks. */
static int flows_rules(struct flows *s)
{
	s->rc = explain_db_open(&s->db, NULL, s->e);
	if (!s->rc && s->more)
		s->rc = s->more(s->db, s->e);
	return s->rc;
}

/* Its first packet, to where it says or to where NAT sends it. */
static int flows_first(struct flows *s, const struct cut_flow *f, bool nat)
{
	struct flows_first q = { .flow = f, .proto = flows_proto(f) };

	q.from.addr = flows_addr(f->family, f->src[0]);
	q.from.port = f->sport[0];
	q.to.addr = flows_addr(f->family, nat ? f->src[1] : f->dst[0]);
	q.to.port = nat ? f->sport[1] : f->dport[0];
	flows_where(s, f->zone, &q.from);
	flows_where(s, f->zone, &q.to);
	if (q.from.best < 0 && q.to.best < 0)
		return 0; /* no vif has to do with it */
	if (!q.proto)
		return FLOWS_EITHER;
	if (!s->db && flows_rules(s))
		return 0;
	flows_text(&q, &q.from, q.text[0], sizeof(q.text[0]));
	flows_text(&q, &q.to, q.text[1], sizeof(q.text[1]));
	return flows_ways(s, &q);
}

static int flows_judge(struct flows *s, const struct cut_flow *f)
{
	bool nat;
	int bits;

	if ((f->family != AF_INET && f->family != AF_INET6) || !f->src[0] ||
	    !f->dst[0] || !f->src[1] || !f->dst[1])
		return 0;
	nat = memcmp(f->dst[0], f->src[1], f->family == AF_INET ? 4 : 16) ||
	      f->dport[0] != f->sport[1];
	bits = flows_first(s, f, false);
	if (nat)
		bits |= flows_first(s, f, true);
	return bits;
}

static int flows_cmp(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static bool flows_was_dropped(const struct flows *s, uint32_t id)
{
	return s->ndropped &&
	       bsearch(&id, s->dropped, s->ndropped, sizeof(id), flows_cmp);
}

static void flows_remember(struct flows *s, uint32_t id)
{
	uint32_t *v = s->dropped;

	if (s->ndropped == s->room) {
		s->room = s->room ? 2 * s->room : 64;
		v = reallocarray(v, s->room, sizeof(*v));
		if (!v) {
			s->rc = -ENOMEM;
			return;
		}
		s->dropped = v;
	}
	v[s->ndropped++] = id;
}

static enum cut_how flows_on(void *arg, const struct cut_flow *f)
{
	struct flows *s = arg;
	int bits = s->rc ? 0 : flows_judge(s, f);

	if (!s->after) {
		if (bits == EXPLAIN_DROP)
			flows_remember(s, f->id);
		return CUT_NOT;
	}
	s->unknown += bits == FLOWS_EITHER;
	if (s->rc || bits != EXPLAIN_DROP || flows_was_dropped(s, f->id))
		return CUT_NOT;
	return f->proto == IPPROTO_TCP ? CUT_SHUT : CUT_END;
}

/* --- before and after --------------------------------------------------------- */

static int flows_look(struct flows *s, struct err *e)
{
	int rc = 0;

	s->e = e;
	if (flows_any())
		rc = cut_if(flows_on, s);
	explain_db_close(s->db);
	s->db = NULL;
	return s->rc ? s->rc : rc;
}

static int flows_say(struct err *e, int rc)
{
	char why[ERR_SIZE];

	memcpy(why, e->text, sizeof(why));
	return err_set(e, rc, "connections that go on: cannot judge them: %s",
		       why[0] ? why : strerror(-rc));
}

int flows_before(struct flows **out, const struct flow_place *v, size_t n,
		 explain_more_fn *more, struct err *e)
{
	struct flows *s = calloc(1, sizeof(*s));
	int rc = -ENOMEM;

	if (!s)
		return flows_say(e, rc);
	s->v = v;
	s->n = n;
	s->more = more;
	s->nowhere = fopen("/dev/null", "we");
	rc = s->nowhere && !getifaddrs(&s->host) ? flows_look(s, e) : -errno;
	if (rc < 0) {
		flows_close(s);
		return flows_say(e, rc);
	}
	if (s->ndropped)
		qsort(s->dropped, s->ndropped, sizeof(*s->dropped), flows_cmp);
	*out = s;
	return 0;
}

int flows_after(struct flows *s, struct flows_said *said, struct err *e)
{
	int rc;

	s->after = true;
	s->unknown = 0;
	rc = flows_look(s, e);
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
	free(s->dropped);
	free(s);
}
