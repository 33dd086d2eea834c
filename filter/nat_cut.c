// SPDX-License-Identifier: GPL-2.0-or-later
/* nat_cut.c - flows that began while the table of mode nat was gone */
#include <errno.h>
#include <ifaddrs.h>
#include <string.h>

#include "cut.h"
#include "filter.h"
#include "network.h"

struct nat_cut {
	const struct filter_inside *v;
	unsigned n;
	const struct ifaddrs *host;
};

static struct vif_addr nat_cut_addr(uint8_t family, const void *addr)
{
	struct vif_addr a = { .family = family };

	a.len = family == AF_INET ? 32 : 128;
	memcpy(a.addr, addr, a.len / 8);
	return a;
}

static const struct filter_inside *nat_cut_find(const struct nat_cut *c,
						const struct vif_addr *a)
{
	unsigned i;

	for (i = 0; i < c->n; i++)
		if (network_overlap(&c->v[i].addr, a))
			return &c->v[i];
	return NULL;
}

static bool nat_cut_many(const struct vif_addr *a)
{
	return a->family == AF_INET ? a->addr[0] >= 224 /* or all ones */
				    : a->addr[0] == 0xff;
}

/* Is it beyond the host, and where packets from `in` would be translated? */
static bool nat_cut_far(const struct nat_cut *c, const struct filter_inside *in,
			const struct vif_addr *a)
{
	const struct filter_inside *other = nat_cut_find(c, a);

	return !(other && other->set == in->set) && !nat_cut_many(a) &&
	       !cut_is_host(c->host, a);
}

/* Tuple 1 is the answer: where it comes from is where tuple 0 leads to. */
static enum cut_how nat_cut_ends(void *arg, const struct cut_flow *f)
{
	const struct nat_cut *c = arg;
	const struct filter_inside *in;
	struct vif_addr from, as, to, at;

	if ((f->family != AF_INET && f->family != AF_INET6) || !f->src[0] ||
	    !f->dst[0] || !f->src[1] || !f->dst[1])
		return CUT_NOT;
	from = nat_cut_addr(f->family, f->src[0]);
	as = nat_cut_addr(f->family, f->dst[1]);
	to = nat_cut_addr(f->family, f->dst[0]);
	at = nat_cut_addr(f->family, f->src[1]);
	in = nat_cut_find(c, &from);
	if (in && vif_addr_same(&from, &as) && nat_cut_far(c, in, &at))
		return CUT_END;
	in = nat_cut_find(c, &to);
	return in && in->in && vif_addr_same(&to, &at) &&
			       nat_cut_far(c, in, &from)
		       ? CUT_END
		       : CUT_NOT;
}

int filter_nat_cut(const struct filter_inside *v, unsigned n)
{
	struct nat_cut c = { .v = v, .n = n };
	struct ifaddrs *host;
	int rc;

	if (!n)
		return 0;
	if (getifaddrs(&host))
		return -errno;
	c.host = host;
	rc = cut_if(nat_cut_ends, &c);
	freeifaddrs(host);
	return rc;
}
