// SPDX-License-Identifier: GPL-2.0-or-later
/* dropped.c - a packet that the kernel dropped: what it is, whose, by which rule
 *
 * A device is told by its number, which devices of other network namespaces have,
 * too; so the MACs are asked wherever the number is not the vif's own.
 */
#include "ctl/dropped.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/loop.h"
#include "base/num.h"
#include "ctl/nodes.h"
#include "ctl/run.h"
#include "ctl/way.h"
#include "filter.h"
#include "mode.h"

enum {
	DROPPED_ETH = 14,
	DROPPED_TAGS = 2,
	DROPPED_REST = 4, /* times as long as an explanation took */
	DROPPED_FRESH_NS = 1000000000,
};

/* --- in a line ------------------------------------------------------------------ */

static const char *dropped_proto(uint8_t proto, char buf[8])
{
	switch (proto) {
	case IPPROTO_TCP:
		return "tcp";
	case IPPROTO_UDP:
		return "udp";
	case IPPROTO_ICMP:
		return "icmp";
	case IPPROTO_ICMPV6:
		return "icmp6";
	}
	snprintf(buf, 8, "%u", proto);
	return buf;
}

/* From the IP header p on. */
static void dropped_ip(const uint8_t *p, size_t size, bool six, char *buf,
		       size_t n)
{
	uint8_t proto = p[six ? 6 : 9];
	size_t head = six ? 40 : (size_t)(p[0] & 15) * 4;
	bool part = !six && (p[6] & 0x1f || p[7]), ports;
	char src[INET6_ADDRSTRLEN], dst[INET6_ADDRSTRLEN], num[8];
	const char *open = six ? "[" : "", *close = six ? "]" : "";

	inet_ntop(six ? AF_INET6 : AF_INET, p + (six ? 8 : 12), src,
		  sizeof(src));
	inet_ntop(six ? AF_INET6 : AF_INET, p + (six ? 24 : 16), dst,
		  sizeof(dst));
	ports = (proto == IPPROTO_TCP || proto == IPPROTO_UDP) && !part &&
		head >= 20 && size >= head + 4;
	if (!ports) {
		str_fmt(buf, n, "%s %s > %s", dropped_proto(proto, num), src,
			dst);
		return;
	}
	p += head;
	str_fmt(buf, n, "%s %s%s%s:%u > %s%s%s:%u", dropped_proto(proto, num),
		open, src, close, p[0] << 8 | p[1], open, dst, close,
		p[2] << 8 | p[3]);
}

void dropped_words(const uint8_t *frame, size_t size, char buf[DROPPED_WORDS])
{
	char src[INET_ADDRSTRLEN], dst[INET_ADDRSTRLEN];
	size_t at = DROPPED_ETH, left;
	unsigned type, i;
	const uint8_t *p;

	str_fmt(buf, DROPPED_WORDS, "%zu bytes", size);
	if (size < DROPPED_ETH)
		return;
	type = (unsigned)(frame[12] << 8 | frame[13]);
	for (i = 0; i < DROPPED_TAGS && size >= at + 4 &&
		    (type == ETHERTYPE_VLAN || type == 0x88a8);
	     i++, at += 4)
		type = (unsigned)(frame[at + 2] << 8 | frame[at + 3]);
	p = frame + at;
	left = size - at;
	str_fmt(buf, DROPPED_WORDS, "type 0x%04x", type);
	if (type == ETHERTYPE_IP && left >= 20 && p[0] >> 4 == 4)
		dropped_ip(p, left, false, buf, DROPPED_WORDS);
	else if (type == ETHERTYPE_IPV6 && left >= 40 && p[0] >> 4 == 6)
		dropped_ip(p, left, true, buf, DROPPED_WORDS);
	else if (type == ETHERTYPE_ARP && left >= 28) {
		inet_ntop(AF_INET, p + 14, src, sizeof(src));
		inet_ntop(AF_INET, p + 24, dst, sizeof(dst));
		str_fmt(buf, DROPPED_WORDS, "arp %s > %s", src, dst);
	}
}

/* --- whose ---------------------------------------------------------------------- */

static int dropped_add(struct dropped_vifs *t, const char *name,
		       const char *dev, const uint8_t *mac)
{
	struct dropped_vif *v;
	size_t i;

	if (t->only && strcmp(t->only, name) && strcmp(t->only, dev))
		return 0;
	for (i = 0; i < t->n; i++)
		if (!strcmp(t->v[i].dev, dev))
			return 0;
	v = reallocarray(t->v, t->n + 1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	t->v = v;
	v += t->n++;
	*v = (struct dropped_vif){ .has_mac = mac,
				   .index = if_nametoindex(dev) };
	str_put(v->name, sizeof(v->name), name);
	str_put(v->dev, sizeof(v->dev), dev);
	if (mac)
		memcpy(v->mac, mac, sizeof(v->mac));
	way_master(dev, v->bridge);
	v->bridge_index = v->bridge[0] ? if_nametoindex(v->bridge) : 0;
	return 0;
}

static int dropped_on_vif(void *arg, uint16_t domid, uint16_t handle)
{
	struct dropped_vifs *t = arg;
	char name[IFNAMSIZ];
	struct nodes n;

	if (nodes_read(t->c->store, domid, handle, &n, NULL) || !n.back)
		return 0;
	str_fmt(name, sizeof(name), "vif%u.%u", domid, handle);
	return dropped_add(t, name, n.vif.name,
			   n.vif.has_mac ? n.vif.mac : NULL);
}

static int dropped_on_guard(void *arg, const char *dev)
{
	return dropped_add(arg, dev, dev, NULL);
}

int dropped_vifs(struct dropped_vifs *t, struct err *e)
{
	uint64_t now = clock_ns();
	int rc = 0;

	if (now < t->rest)
		return 0;
	t->n = 0;
	/* there are hosts without a store of ours, and guards all the same */
	if (!run_store(t->c, NULL))
		rc = nodes_each(t->c->store, dropped_on_vif, t, NULL);
	if (rc != -ENOMEM)
		rc = filter_each(dropped_on_guard, t, NULL);
	if (rc != -ENOMEM && t->only && !t->n && if_nametoindex(t->only))
		rc = dropped_add(t, t->only, t->only, NULL);
	t->rest = clock_ns();
	t->rest += DROPPED_FRESH_NS + DROPPED_REST * (t->rest - now);
	return rc == -ENOMEM ? err_set(e, rc, "out of memory") : 0;
}

/* Came it in by a port of that vif's bridge, the bridge, or from the host? By no vif:
 * those were asked before.
 */
static bool dropped_near(const struct dropped_vif *v, unsigned in)
{
	char name[IFNAMSIZ], bridge[IFNAMSIZ];

	if (!in || !v->bridge_index || in == v->bridge_index)
		return true;
	if (!if_indextoname(in, name))
		return false;
	way_master(name, bridge);
	return !strcmp(bridge, v->bridge);
}

const struct dropped_vif *dropped_whose(const struct dropped_vifs *t,
					const struct drop *d, bool *from_guest)
{
	const struct dropped_vif *v;
	size_t i;

	*from_guest = true;
	for (i = 0; i < t->n; i++)
		if (d->in && t->v[i].index == d->in)
			return &t->v[i];
	for (i = 0; i < t->n && d->size >= DROPPED_ETH; i++) {
		v = &t->v[i];
		if (v->has_mac && d->in && d->in == v->bridge_index &&
		    !memcmp(d->frame + 6, v->mac, 6))
			return v;
	}
	*from_guest = false;
	for (i = 0; i < t->n && d->size >= DROPPED_ETH; i++) {
		v = &t->v[i];
		if (v->has_mac && !memcmp(d->frame, v->mac, 6) &&
		    dropped_near(v, d->in))
			return v;
	}
	return NULL;
}

/* --- by which rule ---------------------------------------------------------------- */

/* A reason that a rule, or a bridge, may have had. */
static bool dropped_by_rule(const char *reason)
{
	return !reason[0] || !strcmp(reason, "NOT_SPECIFIED") ||
	       !strncmp(reason, "NETFILTER_", 10) ||
	       !strncmp(reason, "BRIDGE_", 7);
}

/* Where it was to leave, "" = it was for the host, as far as can be told. */
static void dropped_out(const struct dropped_vifs *t, const struct drop *d,
			const char *in, char out[IFNAMSIZ])
{
	size_t i;

	out[0] = '\0';
	if (d->frame[0] & 1)
		return;
	for (i = 0; i < t->n; i++)
		if (t->v[i].has_mac && !memcmp(d->frame, t->v[i].mac, 6)) {
			str_put(out, IFNAMSIZ, t->v[i].dev);
			return;
		}
	if (mode_behind(in, d->frame, out))
		out[0] = '\0';
}

/* Of explain's last line: "verdict: drop, by X" is X; what passes says nothing. */
static void dropped_verdict(char *text, char by[DROPPED_BY])
{
	static const char drop[] = "verdict: drop, by ",
			  either[] = "verdict: cannot know";
	size_t n = strlen(text);
	const char *last;

	if (n && text[n - 1] == '\n')
		text[n - 1] = '\0';
	last = strrchr(text, '\n');
	last = last ? last + 1 : text;
	if (!strncmp(last, drop, strlen(drop)))
		snprintf(by, DROPPED_BY, "%s", last + strlen(drop));
	else if (!strncmp(last, either, strlen(either)))
		snprintf(by, DROPPED_BY, "%s", last + strlen("verdict: "));
}

static void dropped_explain(struct explain *x, char by[DROPPED_BY])
{
	char *text = NULL, other[IFNAMSIZ];
	size_t size;
	FILE *f = open_memstream(&text, &size);
	struct err e = { "" };
	int rc;

	by[0] = '\0';
	if (!f)
		return;
	way_master(x->in, x->bridge);
	way_master(x->out[0] ? x->out : x->in, other);
	if (strcmp(other, x->bridge))
		x->bridge[0] = '\0';
	rc = way_fill(x, &e);
	if (!rc)
		rc = explain_run(x, f, &e);
	if (!fclose(f) && rc >= 0)
		dropped_verdict(text, by);
	free(text);
}

/* Its devices: false where it came in by none. */
static bool dropped_way(const struct dropped_vifs *t,
			const struct dropped_vif *v, const struct drop *d,
			bool from_guest, struct explain *x)
{
	x->in[0] = x->out[0] = '\0';
	if (from_guest) {
		str_put(x->in, sizeof(x->in), v->dev);
		dropped_out(t, d, x->in, x->out);
		return true;
	}
	str_put(x->out, sizeof(x->out), v->dev);
	return d->in && if_indextoname(d->in, x->in);
}

static bool dropped_same(const struct explain *a, const struct explain *b,
			 const struct drop *d)
{
	return a->len == d->size && !strcmp(a->in, b->in) &&
	       !strcmp(a->out, b->out) && !memcmp(a->frame, d->frame, d->size);
}

const char *dropped_by(struct dropped_why *w, const struct dropped_vifs *t,
		       const struct dropped_vif *v, const struct drop *d,
		       bool from_guest)
{
	struct explain *x = &w->x[!w->last];
	uint64_t now = clock_ns();

	if (!dropped_by_rule(d->reason) || d->size < DROPPED_ETH ||
	    d->size > sizeof(x->frame) || d->length != d->size ||
	    !dropped_way(t, v, d, from_guest, x))
		return "";
	if (now - w->at < DROPPED_FRESH_NS &&
	    dropped_same(&w->x[w->last], x, d))
		return w->by;
	if (now < w->rest)
		return "";
	w->last = !w->last;
	x->len = d->size;
	memcpy(x->frame, d->frame, d->size);
	dropped_explain(x, w->by);
	w->at = clock_ns();
	w->rest = w->at + DROPPED_REST * (w->at - now);
	return w->by;
}
