// SPDX-License-Identifier: GPL-2.0-or-later
/* xt.c - libxtables: opening it, and coming back when it gives up */
#include "xt.h"

#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <getopt.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <netdb.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "nft.h"

static struct {
	jmp_buf back;
	char said[ERR_SIZE];
	bool open;
	uint8_t family;
} xt;

static void xt_exit(enum xtables_exittype status, const char *fmt, ...)
	__attribute__((noreturn, format(printf, 2, 3)));

static void xt_say(const char *fmt, va_list ap)
{
	size_t n;

	vsnprintf(xt.said, sizeof(xt.said), fmt, ap);
	for (n = 0; xt.said[n] && xt.said[n] != '\n'; n++)
		;
	xt.said[n] = '\0';
}

static void xt_exit(enum xtables_exittype status, const char *fmt, ...)
{
	va_list ap;

	(void)status;
	va_start(ap, fmt);
	xt_say(fmt, ap);
	va_end(ap);
	longjmp(xt.back, 1);
}

void xt_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	xt_say(fmt, ap);
	va_end(ap);
	longjmp(xt.back, 1);
}

int xt_try(void (*fn)(void *arg), void *arg, struct err *e)
{
	if (setjmp(xt.back))
		return err_set(e, -EINVAL, "%s", xt.said);
	fn(arg);
	return 0;
}

#ifdef NETBACK_SAN
/* What the library held when it gave up is lost; vifctl ends soon after. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libxtables.so";
}
#endif

#ifndef NETBACK_SAN
/* libxtables asks the resolver for every port, digits too, and that reads all
 * addresses of the host and sorts them: 0.1 ms with a few devices, 1 ms with a
 * thousand. What a program defines comes before libc's own, so numbers of ports
 * are answered for one family, which asks nobody.
 */
int getaddrinfo(const char *node, const char *service,
		const struct addrinfo *hints, struct addrinfo **res)
{
	static const struct addrinfo digits = { .ai_flags = AI_NUMERICSERV,
						.ai_family = AF_INET,
						.ai_socktype = SOCK_STREAM };
	int (*next)(const char *, const char *, const struct addrinfo *,
		    struct addrinfo **);
	uint32_t port;

	*(void **)&next = dlsym(RTLD_NEXT, "getaddrinfo");
	if (!next)
		return EAI_SYSTEM;
	if (!node && !hints && service && !num_parse(service, 65535, &port))
		hints = &digits;
	return next(node, service, hints, res);
}
#endif

/* 0 or the kernel's -errno for one question about a revision. */
static int xt_ask_kernel(struct nft *nft, const char *name, uint8_t rev,
			 bool target)
{
	char buf[1024] __attribute__((aligned(8)));
	struct nlmsghdr *nlh = nft_other_msg(
		buf, NFNL_SUBSYS_NFT_COMPAT << 8 | NFNL_MSG_COMPAT_GET,
		NLM_F_ACK, xt.family, 0);

	mnl_attr_put_strz(nlh, NFTA_COMPAT_NAME, name);
	mnl_attr_put_u32(nlh, NFTA_COMPAT_REV, htonl(rev));
	mnl_attr_put_u32(nlh, NFTA_COMPAT_TYPE, htonl(target));
	return nft_other_here(nft, nlh);
}

/* Does the kernel know this revision? Who may not ask (no CAP_NET_ADMIN, no
 * nft_compat) takes the newest that the library has: text can be checked so.
 */
static int xt_compat_rev(const char *name, uint8_t rev, int opt)
{
	bool target = opt == IPT_SO_GET_REVISION_TARGET ||
		      opt == IP6T_SO_GET_REVISION_TARGET;
	struct nft *nft = NULL;
	int rc = nft_open(&nft, NULL);

	rc = rc ? -EPERM : xt_ask_kernel(nft, name, rev, target);
	nft_close(nft);
	return rc == 0 || rc == -EPERM || rc == -EINVAL || rc == -EOPNOTSUPP;
}

/* The words of a rule's frame; extensions add theirs behind them. */
static struct option xt_options[] = {
	{ "append", required_argument, NULL, 'A' },
	{ "insert", required_argument, NULL, 'I' },
	{ "delete", required_argument, NULL, 'D' },
	{ "replace", required_argument, NULL, 'R' },
	{ "check", required_argument, NULL, 'C' },
	{ "table", required_argument, NULL, 't' },
	{ "source", required_argument, NULL, 's' },
	{ "src", required_argument, NULL, 's' },
	{ "destination", required_argument, NULL, 'd' },
	{ "dst", required_argument, NULL, 'd' },
	{ "in-interface", required_argument, NULL, 'i' },
	{ "out-interface", required_argument, NULL, 'o' },
	{ "protocol", required_argument, NULL, 'p' },
	{ "fragments", no_argument, NULL, 'f' },
	{ "match", required_argument, NULL, 'm' },
	{ "jump", required_argument, NULL, 'j' },
	{ "goto", required_argument, NULL, 'g' },
	{ "set-counters", required_argument, NULL, 'c' },
	{ "wait", optional_argument, NULL, 'w' },
	{ "ipv4", no_argument, NULL, '4' },
	{ "ipv6", no_argument, NULL, '6' },
	{ NULL, 0, NULL, 0 },
};

static struct xtables_globals xt_globals = {
	.option_offset = 0,
	.program_name = "vifctl",
	.program_version = "1.8",
	.orig_opts = xt_options,
	.exit_err = xt_exit,
	.compat_rev = xt_compat_rev,
};

void xt_family(bool ip6)
{
	xt.family = ip6 ? NFPROTO_IPV6 : NFPROTO_IPV4;
	if (!xt.open) {
		xtables_init_all(&xt_globals, xt.family);
		xt.open = true;
	}
	xtables_set_nfproto(xt.family);
}

static void xt_udata_room(void **udata, size_t size)
{
	free(*udata);
	*udata = size ? xtables_calloc(1, size) : NULL;
}

void xt_match_room(struct xtables_match *m)
{
	size_t size = XT_ALIGN(sizeof(struct xt_entry_match)) + m->size;

	m->mflags = 0;	  /* of the rule before */
	if (m != m->next) /* a second one of a kind still has the first's */
		free(m->m);
	m->m = xtables_calloc(1, size);
	m->m->u.match_size = (uint16_t)size;
	strcpy(m->m->u.user.name, m->real_name ? m->real_name : m->name);
	m->m->u.user.revision = m->revision;
	if (m->udata_size)
		xt_udata_room(&m->udata, m->udata_size);
	if (m->init)
		m->init(m->m);
}

void xt_target_room(struct xtables_target *t, const char *name)
{
	size_t size = XT_ALIGN(sizeof(struct xt_entry_target)) + t->size;

	t->tflags = 0;
	free(t->t);
	t->t = xtables_calloc(1, size);
	t->t->u.target_size = (uint16_t)size;
	str_put(t->t->u.user.name, sizeof(t->t->u.user.name),
		t->real_name ? t->real_name : name);
	t->t->u.user.revision = t->revision;
	if (t->udata_size)
		xt_udata_room(&t->udata, t->udata_size);
	if (t->init)
		t->init(t->t);
}

/* --- the frame ------------------------------------------------------------ */

static void xt_entry_name(const char *name, char to[IFNAMSIZ],
			  unsigned char mask[IFNAMSIZ])
{
	size_t n = strnlen(name, IFNAMSIZ - 1);

	memset(to, 0, IFNAMSIZ);
	memset(mask, 0, IFNAMSIZ);
	memcpy(to, name, n);
	if (n)
		memset(mask, 0xff, name[n - 1] == '+' ? n - 1 : n + 1);
}

static uint8_t xt_invflags(const struct rule *r)
{
	return (uint8_t)((r->src.not ? IPT_INV_SRCIP : 0) |
			 (r->dst.not ? IPT_INV_DSTIP : 0) |
			 (r->not_in ? IPT_INV_VIA_IN : 0) |
			 (r->not_out ? IPT_INV_VIA_OUT : 0) |
			 (r->not_proto ? XT_INV_PROTO : 0) |
			 (r->not_frag ? IPT_INV_FRAG : 0));
}

void xt_entry_fill(const struct rule *r, union xt_entry *u)
{
	memset(u, 0, sizeof(*u));
	if (!r->ip6) {
		struct ipt_ip *ip = &u->v4.ip;

		memcpy(&ip->src, r->src.addr, 4);
		memcpy(&ip->smsk, r->src.mask, 4);
		memcpy(&ip->dst, r->dst.addr, 4);
		memcpy(&ip->dmsk, r->dst.mask, 4);
		xt_entry_name(r->in, ip->iniface, ip->iniface_mask);
		xt_entry_name(r->out, ip->outiface, ip->outiface_mask);
		ip->proto = r->proto;
		ip->flags = (uint8_t)((r->frag || r->not_frag ? IPT_F_FRAG
							      : 0) |
				      (r->goes ? IPT_F_GOTO : 0));
		ip->invflags = xt_invflags(r);
	} else {
		struct ip6t_ip6 *ip = &u->v6.ipv6;

		memcpy(&ip->src, r->src.addr, 16);
		memcpy(&ip->smsk, r->src.mask, 16);
		memcpy(&ip->dst, r->dst.addr, 16);
		memcpy(&ip->dmsk, r->dst.mask, 16);
		xt_entry_name(r->in, ip->iniface, ip->iniface_mask);
		xt_entry_name(r->out, ip->outiface, ip->outiface_mask);
		ip->proto = r->proto;
		ip->flags = (uint8_t)((r->proto ? IP6T_F_PROTO : 0) |
				      (r->goes ? IP6T_F_GOTO : 0));
		ip->invflags = xt_invflags(r);
	}
}
