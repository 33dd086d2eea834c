// SPDX-License-Identifier: GPL-2.0-or-later
/* explain_xt.c - iptables' extensions, those that look at the frame alone */
/* before the kernel's, which give way to it */
#include "explain_rules.h"

#include <arpa/inet.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter/xt_conntrack.h>
#include <linux/netfilter/xt_mark.h>
#include <linux/netfilter/xt_multiport.h>
#include <linux/netfilter/xt_physdev.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <netinet/in.h>
#include <string.h>

#include "base/num.h"

/* The first bytes of the upper layer, or NULL. */
static const uint8_t *explain_th(const struct explain_pkt *p, uint8_t l4,
				 size_t len)
{
	if (!p->th_ok || p->later || p->l4 != l4 || p->th + len > p->x->len)
		return NULL;
	return p->x->frame + p->th;
}

static uint16_t explain_be16(const uint8_t *b)
{
	return (uint16_t)(b[0] << 8 | b[1]);
}

static bool explain_port(uint16_t port, const uint16_t r[2], bool invert)
{
	return (port >= r[0] && port <= r[1]) != invert;
}

static enum explain_match explain_udp(const void *info,
				      const struct explain_pkt *p)
{
	const struct xt_udp *u = info;
	const uint8_t *h = explain_th(p, IPPROTO_UDP, 8);

	if (!h)
		return EXPLAIN_NO;
	return explain_port(explain_be16(h), u->spts,
			    u->invflags & XT_UDP_INV_SRCPT) &&
	       explain_port(explain_be16(h + 2), u->dpts,
			    u->invflags & XT_UDP_INV_DSTPT);
}

static enum explain_match explain_tcp(const void *info,
				      const struct explain_pkt *p)
{
	const struct xt_tcp *t = info;
	const uint8_t *h = explain_th(p, IPPROTO_TCP, 20);
	bool flags;

	if (!h)
		return EXPLAIN_NO;
	if (t->option)
		return EXPLAIN_MAYBE;
	flags = (h[13] & t->flg_mask) == t->flg_cmp;
	return explain_port(explain_be16(h), t->spts,
			    t->invflags & XT_TCP_INV_SRCPT) &&
	       explain_port(explain_be16(h + 2), t->dpts,
			    t->invflags & XT_TCP_INV_DSTPT) &&
	       flags != !!(t->invflags & XT_TCP_INV_FLAGS);
}

static enum explain_match explain_icmp(const void *info,
				       const struct explain_pkt *p)
{
	const struct ipt_icmp *i = info;
	const uint8_t *h = explain_th(p, IPPROTO_ICMP, 4);

	if (!h)
		return EXPLAIN_NO;
	return ((i->type == 0xff || h[0] == i->type) &&
		(i->type == 0xff ||
		 (h[1] >= i->code[0] && h[1] <= i->code[1]))) !=
	       !!(i->invflags & IPT_ICMP_INV);
}

static enum explain_match explain_icmp6(const void *info,
					const struct explain_pkt *p)
{
	const struct ip6t_icmp *i = info;
	const uint8_t *h = explain_th(p, IPPROTO_ICMPV6, 4);

	if (!h)
		return EXPLAIN_NO;
	return (h[0] == i->type && h[1] >= i->code[0] && h[1] <= i->code[1]) !=
	       !!(i->invflags & IP6T_ICMP_INV);
}

static bool explain_dev(const char *name, const char *want, const char *mask)
{
	char b[IFNAMSIZ] = "";
	unsigned i;

	str_put(b, sizeof(b), name);
	for (i = 0; i < IFNAMSIZ; i++)
		if ((b[i] ^ want[i]) & mask[i])
			return false;
	return true;
}

static bool explain_wrong(bool is, unsigned bit,
			  const struct xt_physdev_info *i)
{
	return i->bitmask & bit && is == !!(i->invert & bit);
}

/* Does it ask for another device than the one that is known? */
static bool explain_nowhere(const char *name, unsigned bit,
			    const struct xt_physdev_info *i)
{
	bool in = bit == XT_PHYSDEV_OP_IN;

	return name && i->bitmask & bit && !(i->invert & bit) &&
	       !explain_dev(name, in ? i->physindev : i->physoutdev,
			    in ? i->in_mask : i->out_mask);
}

static enum explain_match explain_physdev(const void *info,
					  const struct explain_pkt *p)
{
	const struct xt_physdev_info *i = info;
	bool out = p->physout;

	if (p->any) /* where it cannot be it cannot match */
		return explain_nowhere(p->physin, XT_PHYSDEV_OP_IN, i) ||
				       explain_nowhere(p->physout,
						       XT_PHYSDEV_OP_OUT, i)
			       ? EXPLAIN_NO
			       : EXPLAIN_MAYBE;
	/* no frame of a bridge: only what is negated holds */
	if (!p->physin)
		return !(i->bitmask & ~i->invert);
	if (explain_wrong(out, XT_PHYSDEV_OP_BRIDGED, i) ||
	    explain_wrong(true, XT_PHYSDEV_OP_ISIN, i) ||
	    explain_wrong(out, XT_PHYSDEV_OP_ISOUT, i))
		return EXPLAIN_NO;
	if (explain_wrong(explain_dev(p->physin, i->physindev, i->in_mask),
			  XT_PHYSDEV_OP_IN, i))
		return EXPLAIN_NO;
	if (!(i->bitmask & XT_PHYSDEV_OP_OUT))
		return EXPLAIN_YES;
	return out && !explain_wrong(explain_dev(p->physout, i->physoutdev,
						 i->out_mask),
				     XT_PHYSDEV_OP_OUT, i);
}

static bool explain_in_ports(const struct xt_multiport_v1 *m, uint16_t port)
{
	unsigned i;

	for (i = 0; i < m->count && i < XT_MULTI_PORTS; i++) {
		if (m->pflags[i] && i + 1 < m->count) {
			if (port >= m->ports[i] && port <= m->ports[i + 1])
				return true;
			i++;
		} else if (port == m->ports[i]) {
			return true;
		}
	}
	return false;
}

static enum explain_match explain_multiport(const void *info,
					    const struct explain_pkt *p)
{
	const struct xt_multiport_v1 *m = info;
	const uint8_t *h = explain_th(p, p->l4, 4);
	bool src, dst;

	if (!h)
		return EXPLAIN_NO;
	src = explain_in_ports(m, explain_be16(h));
	dst = explain_in_ports(m, explain_be16(h + 2));
	return (m->flags == XT_MULTIPORT_SOURCE ? src
		: m->flags == XT_MULTIPORT_DESTINATION
			? dst
			: src || dst) != !!m->invert;
}

static enum explain_match explain_mark(const void *info,
				       const struct explain_pkt *p)
{
	const struct xt_mark_mtinfo1 *m = info;

	if (!p->mark_known)
		return EXPLAIN_MAYBE;
	return ((p->mark & m->mask) == m->mark) != !!m->invert;
}

/* Of a connection's first frame, and asked for nothing else. */
static enum explain_match explain_conntrack(const void *info,
					    const struct explain_pkt *p)
{
	const struct xt_conntrack_mtinfo3 *m = info;

	if (!p->x->fresh ||
	    (m->match_flags & ~XT_CONNTRACK_STATE_ALIAS) != XT_CONNTRACK_STATE)
		return EXPLAIN_MAYBE;
	return !!(m->state_mask &
		  XT_CONNTRACK_STATE_BIT(p->x->related ? IP_CT_RELATED
						       : IP_CT_NEW)) !=
	       !!(m->invert_flags & XT_CONNTRACK_STATE);
}

static enum explain_match explain_comment(const void *info,
					  const struct explain_pkt *p)
{
	(void)info, (void)p;
	return EXPLAIN_YES;
}

static const struct {
	const char *name;
	uint32_t rev;
	uint32_t len; /* at least */
	enum explain_match (*match)(const void *info,
				    const struct explain_pkt *p);
} explain_xts[] = {
	{ "physdev", 0, sizeof(struct xt_physdev_info), explain_physdev },
	{ "tcp", 0, sizeof(struct xt_tcp), explain_tcp },
	{ "udp", 0, sizeof(struct xt_udp), explain_udp },
	{ "icmp", 0, sizeof(struct ipt_icmp), explain_icmp },
	{ "icmp6", 0, sizeof(struct ip6t_icmp), explain_icmp6 },
	{ "multiport", 1, sizeof(struct xt_multiport_v1), explain_multiport },
	{ "mark", 1, sizeof(struct xt_mark_mtinfo1), explain_mark },
	{ "conntrack", 3, sizeof(struct xt_conntrack_mtinfo3),
	  explain_conntrack },
	{ "comment", 0, 0, explain_comment },
};

enum explain_match explain_xt(const struct nftnl_expr *x,
			      const struct explain_pkt *p)
{
	const char *name = nftnl_expr_get_str(x, NFTNL_EXPR_MT_NAME);
	uint32_t rev = nftnl_expr_get_u32(x, NFTNL_EXPR_MT_REV), len = 0;
	const void *info = nftnl_expr_get(x, NFTNL_EXPR_MT_INFO, &len);
	uint64_t own[64]; /* aligned, as the kernel's structures are */
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(explain_xts); i++) {
		if (strcmp(explain_xts[i].name, name) ||
		    explain_xts[i].rev != rev || explain_xts[i].len > len)
			continue;
		memset(own, 0, sizeof(own));
		if (info)
			memcpy(own, info,
			       len < sizeof(own) ? len : sizeof(own));
		return explain_xts[i].match(own, p);
	}
	return EXPLAIN_MAYBE;
}
