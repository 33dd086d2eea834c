// SPDX-License-Identifier: GPL-2.0-or-later
/* cut.c - flows that may not go on
 *
 * A connection that conntrack knows would go on where rules accept what is
 * established, and as it was translated when it began. Only entries that are asked
 * for go.
 */
#include "cut.h"

#include <arpa/inet.h>
#include <errno.h>
#include <ifaddrs.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter/nf_conntrack_tcp.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "nft.h"

enum {
	CUT_ATTRS = 512,    /* bytes of what names one entry */
	CUT_AGAIN = 8,	    /* times that one is put in its place */
	CUT_LONGEST = 3600, /* s: no end repeats a segment for that long */
	CUT_LATE = 3,	    /* looks, one after the other, for what .. */
	CUT_LATE_MS = 10,   /* .. was on its way, this long after the last */
	CUT_LATE_MOST = 20,
};

/* What names an entry to the kernel: copies of its attributes. */
struct cut_entry {
	struct cut_entry *next;
	enum cut_how how;
	uint8_t family;
	bool expected;
	uint8_t clean; /* looks that found nothing of it */
	uint16_t len;
	uint8_t attrs[] __attribute__((aligned(4)));
};

struct cut {
	cut_fn *maybe;
	void *arg;
	bool no_memory;
	struct cut_entry *list;
};

/* An address of a tuple, NULL = none. */
static const void *cut_addr(const struct nlattr *tuple, uint8_t family,
			    uint16_t v4, uint16_t v6)
{
	uint16_t want = family == AF_INET ? v4 : v6;
	const struct nlattr *a, *b;

	mnl_attr_for_each_nested(a, tuple)
	{
		if (mnl_attr_get_type(a) != CTA_TUPLE_IP)
			continue;
		mnl_attr_for_each_nested(b, a)
		{
			if (mnl_attr_get_type(b) == want &&
			    mnl_attr_get_payload_len(b) ==
				    (family == AF_INET ? 4 : 16))
				return mnl_attr_get_payload(b);
		}
	}
	return NULL;
}

static void cut_proto(struct cut_flow *f, unsigned i, const struct nlattr *p)
{
	const struct nlattr *a;

	mnl_attr_for_each_nested(a, p)
	{
		const uint8_t *v = mnl_attr_get_payload(a);
		uint16_t n = mnl_attr_get_payload_len(a);

		switch (mnl_attr_get_type(a)) {
		case CTA_PROTO_NUM:
			f->proto = n ? v[0] : 0;
			break;
		case CTA_PROTO_SRC_PORT:
			f->sport[i] = n < 2 ? 0 : (uint16_t)(v[0] << 8 | v[1]);
			break;
		case CTA_PROTO_DST_PORT:
			f->dport[i] = n < 2 ? 0 : (uint16_t)(v[0] << 8 | v[1]);
			break;
		case CTA_PROTO_ICMP_TYPE:
		case CTA_PROTO_ICMPV6_TYPE:
			if (!i && n)
				f->icmp_type = v[0];
			break;
		}
	}
}

static void cut_tuple(struct cut_flow *f, unsigned i, const struct nlattr *t)
{
	const struct nlattr *a;

	f->src[i] = cut_addr(t, f->family, CTA_IP_V4_SRC, CTA_IP_V6_SRC);
	f->dst[i] = cut_addr(t, f->family, CTA_IP_V4_DST, CTA_IP_V6_DST);
	mnl_attr_for_each_nested(a, t)
	{
		if (mnl_attr_get_type(a) == CTA_TUPLE_PROTO)
			cut_proto(f, i, a);
	}
}

static void cut_keep(struct cut_entry *e, const struct nlattr *a)
{
	uint16_t len = MNL_ALIGN(a->nla_len);

	if (e->len + len > CUT_ATTRS)
		return;
	memcpy(e->attrs + e->len, a, a->nla_len);
	e->len = (uint16_t)(e->len + len);
}

static void cut_attr(struct cut_flow *f, const struct nlattr *a)
{
	const uint8_t *v = mnl_attr_get_payload(a);

	switch (mnl_attr_get_type(a)) {
	case CTA_TUPLE_ORIG:
		cut_tuple(f, 0, a);
		break;
	case CTA_TUPLE_REPLY:
		cut_tuple(f, 1, a);
		break;
	case CTA_ID:
		f->id = ntohl(mnl_attr_get_u32(a));
		break;
	case CTA_ZONE:
		f->zone = (uint16_t)(v[0] << 8 | v[1]);
		break;
	case CTA_STATUS:
		f->expected = ntohl(mnl_attr_get_u32(a)) & IPS_EXPECTED;
		break;
	}
}

/* What names it to the kernel, and what one in its place has of it. */
static void cut_remember(struct cut_entry *e, const struct nlmsghdr *nlh)
{
	const struct nlattr *a;

	mnl_attr_for_each(a, nlh, sizeof(struct nfgenmsg))
	{
		switch (mnl_attr_get_type(a)) {
		case CTA_TUPLE_REPLY:
		case CTA_TIMEOUT:
		case CTA_TUPLE_ORIG:
		case CTA_ID:
		case CTA_ZONE:
			cut_keep(e, a);
			break;
		}
	}
}

static int cut_on_entry(const struct nlmsghdr *nlh, void *data)
{
	const struct nfgenmsg *g = mnl_nlmsg_get_payload(nlh);
	struct cut_flow f = { .family = g->nfgen_family };
	struct cut *c = data;
	struct cut_entry *e;
	const struct nlattr *a;
	enum cut_how how;

	mnl_attr_for_each(a, nlh, sizeof(*g))
	{
		cut_attr(&f, a);
	}
	how = c->maybe(c->arg, &f);
	if (how == CUT_NOT)
		return MNL_CB_OK;
	/* all that is kept of it, and room for what it is sent in */
	e = malloc(sizeof(*e) + CUT_ATTRS);
	if (!e) {
		c->no_memory = true;
		return MNL_CB_OK;
	}
	*e = (struct cut_entry){ .next = c->list,
				 .how = how,
				 .family = f.family,
				 .expected = f.expected };
	cut_remember(e, nlh);
	c->list = realloc(e, sizeof(*e) + e->len); /* less of it */
	if (!c->list)
		c->list = e;
	return MNL_CB_OK;
}

/* As it was seen. */
static struct cut_flow cut_again(const struct cut_entry *e)
{
	struct cut_flow f = { .family = e->family, .expected = e->expected };
	const struct nlattr *a;
	uint16_t at;

	for (at = 0; at < e->len; at = (uint16_t)(at + MNL_ALIGN(a->nla_len))) {
		a = (const struct nlattr *)(e->attrs + at);
		cut_attr(&f, a);
	}
	return f;
}

static struct nlattr *cut_find(struct cut_entry *e, uint16_t type)
{
	struct nlattr *a;
	uint16_t at;

	for (at = 0; at < e->len; at = (uint16_t)(at + MNL_ALIGN(a->nla_len))) {
		a = (struct nlattr *)(e->attrs + at);
		if (mnl_attr_get_type(a) == type)
			return a;
	}
	return NULL;
}

static void cut_forget(struct cut_entry *e, uint16_t type)
{
	struct nlattr *a = cut_find(e, type);
	char *end = (char *)e->attrs + e->len;
	uint16_t n;

	if (!a)
		return;
	n = MNL_ALIGN(a->nla_len);
	memmove(a, (char *)a + n, (size_t)(end - ((char *)a + n)));
	e->len = (uint16_t)(e->len - n);
}

/* Longer than either end goes on repeating: what was sent and not answered has
 * five minutes, and TCP's ends a quarter of an hour.
 */
static void cut_lengthen(struct cut_entry *e)
{
	struct nlattr *a = cut_find(e, CTA_TIMEOUT);
	uint32_t *s = a ? mnl_attr_get_payload(a) : NULL;

	if (s && ntohl(*s) < CUT_LONGEST)
		*s = htonl(CUT_LONGEST);
}

/* The answer that was on its way begins it anew, as who answered; to that the next
 * question of who may not ask is an answer. Both have this tuple.
 */
static void cut_by_reply(struct cut_entry *e)
{
	cut_forget(e, CTA_ID);
	cut_forget(e, CTA_TIMEOUT);
	cut_forget(e, CTA_TUPLE_ORIG);
}

static struct nlmsghdr *cut_message(char *buf, uint16_t type, uint16_t flags,
				    uint8_t family)
{
	return nft_other_msg(buf, NFNL_SUBSYS_CTNETLINK << 8 | type, flags,
			     family, 0);
}

static struct nlmsghdr *cut_named(char *buf, uint16_t type, uint16_t flags,
				  const struct cut_entry *e)
{
	struct nlmsghdr *nlh = cut_message(buf, type, flags | NLM_F_ACK,
					   e->family);

	memcpy((char *)nlh + nlh->nlmsg_len, e->attrs, e->len);
	nlh->nlmsg_len += e->len;
	return nlh;
}

/* As if the first SYN alone had been seen, for as long as it would have been known:
 * to that no other segment belongs.
 */
static int cut_shut(struct mnl_socket *nl, const struct cut_entry *e)
{
	char buf[2 * CUT_ATTRS] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = cut_named(buf, IPCTNL_MSG_CT_NEW,
					 NLM_F_CREATE | NLM_F_EXCL, e);
	struct nlattr *info = mnl_attr_nest_start(nlh, CTA_PROTOINFO);
	struct nlattr *tcp = mnl_attr_nest_start(nlh, CTA_PROTOINFO_TCP);

	mnl_attr_put_u8(nlh, CTA_PROTOINFO_TCP_STATE, TCP_CONNTRACK_SYN_SENT);
	mnl_attr_nest_end(nlh, tcp);
	mnl_attr_nest_end(nlh, info);
	return nft_other_ask(nl, nlh, NULL, NULL);
}

static int cut_delete(struct mnl_socket *nl, const struct cut_entry *e)
{
	char buf[2 * CUT_ATTRS] __attribute__((aligned(8)));

	return nft_other_ask(nl, cut_named(buf, IPCTNL_MSG_CT_DELETE, 0, e),
			     NULL, NULL);
}

/* A segment may have come in between, and begun it again under another id. */
static int cut_one(struct mnl_socket *nl, struct cut_entry *e)
{
	int rc = cut_delete(nl, e), again = CUT_AGAIN;

	if (rc || e->how != CUT_SHUT)
		return rc;
	cut_forget(e, CTA_ID);
	cut_lengthen(e);
	while (cut_shut(nl, e) == -EEXIST && again--)
		cut_delete(nl, e);
	return 0;
}

/* One look at each of what is left: who stays away for some of them is gone. */
static struct cut_entry *cut_look(struct mnl_socket *nl, struct cut_entry *late)
{
	struct cut_entry *e, *left = NULL;

	while ((e = late)) {
		late = e->next;
		e->clean = cut_delete(nl, e) ? (uint8_t)(e->clean + 1) : 0;
		if (e->clean == CUT_LATE) {
			free(e);
			continue;
		}
		e->next = left;
		left = e;
	}
	return left;
}

static void cut_late(struct mnl_socket *nl, struct cut_entry *late)
{
	const struct timespec rest = { .tv_nsec = CUT_LATE_MS * 1000000 };
	struct cut_entry *e;
	unsigned i;

	for (i = 0; late && i < CUT_LATE_MOST; i++) {
		nanosleep(&rest, NULL);
		late = cut_look(nl, late);
	}
	while ((e = late)) {
		late = e->next;
		free(e);
	}
}

int cut_twice(cut_fn *maybe, cut_fn *ends, void *arg)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_NETFILTER,
						 SOCK_CLOEXEC);
	char buf[256] __attribute__((aligned(8)));
	struct cut c = { .maybe = maybe, .arg = arg };
	struct cut_entry *e, *late = NULL;
	struct cut_flow f;
	int rc = 0, cut = 0, rc_one;

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		rc = -errno;
	if (!rc)
		rc = nft_other_ask(nl,
				   cut_message(buf, IPCTNL_MSG_CT_GET,
					       NLM_F_DUMP, AF_UNSPEC),
				   cut_on_entry, &c);
	while ((e = c.list)) {
		c.list = e->next;
		if (ends) {
			f = cut_again(e);
			e->how = ends(arg, &f);
		}
		rc_one = e->how == CUT_NOT ? 1 : cut_one(nl, e);
		cut += !rc_one;
		if (ends && !rc_one && e->how == CUT_END) {
			cut_by_reply(e);
			e->next = late;
			late = e;
		} else {
			free(e);
		}
	}
	cut_late(nl, late);
	if (nl)
		mnl_socket_close(nl);
	if (!rc && c.no_memory)
		rc = -ENOMEM;
	return rc ? rc : cut;
}

int cut_if(cut_fn *ends, void *arg)
{
	return cut_twice(ends, NULL, arg);
}

struct cut_list {
	const struct vif_addr *v;
	unsigned n;
};

static enum cut_how cut_is_one(void *arg, const struct cut_flow *f)
{
	const struct cut_list *l = arg;
	unsigned i, k;

	for (i = 0; i < l->n; i++)
		for (k = 0; k < 2; k++)
			if (l->v[i].family == f->family && f->src[k] &&
			    !memcmp(l->v[i].addr, f->src[k],
				    f->family == AF_INET ? 4 : 16))
				return CUT_END;
	return CUT_NOT;
}

int cut_flows(const struct vif_addr *v, unsigned n)
{
	struct cut_list l = { .v = v, .n = n };

	return cut_if(cut_is_one, &l);
}

bool cut_is_host(const struct ifaddrs *host, const struct vif_addr *a)
{
	const struct ifaddrs *i;
	const void *own;

	for (i = host; i; i = i->ifa_next) {
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
