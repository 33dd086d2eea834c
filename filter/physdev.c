// SPDX-License-Identifier: GPL-2.0-or-later
/* physdev.c - what a physdev match can see in which chain
 *
 * A port is known: the input port from PREROUTING on, the output port only for
 * bridged frames, in FORWARD and POSTROUTING. A negated test can match where the
 * port is not known, but for --physdev-out where frames came by a bridge.
 * doc: tests/net/rules-truth.sh holds each cell against the live kernel.
 */
#include "rules_own.h"

#include <assert.h>
#include <errno.h>
#include <linux/netfilter/xt_physdev.h>
#include <linux/netfilter/xt_tcpudp.h>
#include <string.h>

#include "base/num.h"

static_assert((int)RULES_IN == XT_PHYSDEV_OP_IN &&
		      (int)RULES_OUT == XT_PHYSDEV_OP_OUT &&
		      (int)RULES_BRIDGED == XT_PHYSDEV_OP_BRIDGED &&
		      (int)RULES_IS_IN == XT_PHYSDEV_OP_ISIN &&
		      (int)RULES_IS_OUT == XT_PHYSDEV_OP_ISOUT,
	      "the kernel's bits");

static int physdev_both(const struct xt_physdev_info *p, struct err *e)
{
	uint8_t is = p->bitmask & (uint8_t)~p->invert,
		not = p->bitmask & p->invert;

	if ((is & (RULES_OUT | RULES_BRIDGED) && not &RULES_IS_OUT) ||
	    (is & (RULES_OUT | RULES_IS_OUT) && not &RULES_BRIDGED) ||
	    (is & RULES_IS_OUT && not &RULES_BRIDGED) ||
	    (is & RULES_BRIDGED && not &RULES_IS_OUT))
		return err_set(e, -EINVAL,
			       "this rule can never match: an output port is "
			       "known exactly for bridged frames, so one of "
			       "these tests denies the other");
	if (is & RULES_IN && not &RULES_IS_IN)
		return err_set(e, -EINVAL,
			       "this rule can never match: --physdev-in names "
			       "an input port and ! --physdev-is-in denies it");
	return 0;
}

static int physdev_chain(const struct rule *r, const struct xt_physdev_info *p,
			 struct err *e)
{
	uint8_t is = p->bitmask & (uint8_t)~p->invert;
	bool out = is & (RULES_OUT | RULES_IS_OUT | RULES_BRIDGED);

	if (!strcmp(r->chain, "INPUT") && out)
		return err_set(e, -EINVAL,
			       "this rule can never match: in INPUT a frame is "
			       "for the host and has no output port; leave out "
			       "--physdev-is-bridged and --physdev-out, or use "
			       "FORWARD");
	if (!strcmp(r->chain, "PREROUTING") && out)
		return err_set(e, -EINVAL,
			       "this rule can never match: in PREROUTING no "
			       "output port is known yet; use FORWARD");
	if (!strcmp(r->chain, "OUTPUT") && is)
		return err_set(e, -EINVAL,
			       "this rule can never match: in OUTPUT no port "
			       "is known yet; use the guest's address (-d)");
	if (!strcmp(r->chain, "OUTPUT") &&
	    p->bitmask & (RULES_OUT | RULES_IS_OUT))
		return err_set(e, -EINVAL,
			       "the kernel refuses --physdev-out and "
			       "--physdev-is-out in OUTPUT; use the guest's "
			       "address (-d)");
	return 0;
}

/* iptables-nft 1.8 compares both ports at once. */
static int physdev_ports(const struct rule *r, struct err *e)
{
	const struct rules_ext *x = rules_match(r, "tcp");
	const struct xt_tcp *t;

	if (!x)
		x = rules_match(r, "udp");
	if (!x)
		return 0;
	/* struct xt_udp begins like xt_tcp; its flags have another place */
	t = (const struct xt_tcp *)x->info;
	if (t->spts[0] != t->spts[1] || t->dpts[0] != t->dpts[1])
		return 0;
	if (!strcmp(x->name, "tcp")
		    ? (t->invflags & 3) != 3
		    : (((const struct xt_udp *)x->info)->invflags & 3) != 3)
		return 0;
	return err_set(
		e, -EINVAL,
		"! --sport with ! --dport: iptables-nft 1.8 writes it as "
		"'not both', legacy means 'neither'; make two rules of "
		"it");
}

static bool physdev_nowhere(const struct rules_addr *a)
{
	static const uint8_t zero[16];

	return a->not &&!memcmp(a->mask, zero, 16);
}

static int physdev_frame(const struct rule *r, struct err *e)
{
	if (physdev_nowhere(&r->src) || physdev_nowhere(&r->dst))
		return err_set(e, -EINVAL,
			       "this rule can never match: ! before an address "
			       "that is all addresses");
	if ((r->not_in && !strcmp(r->in, "+")) ||
	    (r->not_out && !strcmp(r->out, "+")))
		return err_set(e, -EINVAL,
			       "this rule can never match: ! before +, which "
			       "is every device");
	if (r->not_proto && (rules_match(r, "tcp") || rules_match(r, "udp") ||
			     rules_match(r, "icmp") || rules_match(r, "icmp6")))
		return err_set(e, -EINVAL,
			       "this rule reads a header that ! -p says is not "
			       "there");
	return physdev_ports(r, e);
}

/* '+', and a name without a byte: the kernel compares none of either. */
static bool physdev_all(const char *name)
{
	return !*name || !strcmp(name, "+");
}

int rules_never(const struct rule *r, struct err *e)
{
	const struct rules_ext *x = rules_match(r, "physdev");
	const struct xt_physdev_info *p;
	int rc = physdev_frame(r, e);

	if (rc || !x)
		return rc;
	p = (const struct xt_physdev_info *)x->info;
	if ((p->bitmask & RULES_IN && physdev_all(p->physindev)) ||
	    (p->bitmask & RULES_OUT && physdev_all(p->physoutdev)))
		return err_set(e, -EINVAL,
			       "the name '+', or none, matches every port, or "
			       "none after "
			       "!; say which, or use --physdev-is-in or "
			       "--physdev-is-out");
	rc = physdev_both(p, e);
	return rc ? rc : physdev_chain(r, p, e);
}
