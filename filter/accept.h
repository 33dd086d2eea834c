/* SPDX-License-Identifier: GPL-2.0-or-later */
/* accept.h - rules of ours that accept, in chains that are the host's own
 *
 * A place is a base chain of the forward hook, or a chain that one jumps to whatever
 * comes (ufw and firewalld write their drops so): of that is warned, and no rule of
 * ours stands there, as other chains may jump to it. What is ours says so in its
 * comment, "netback accepts DEV", and stands at its end: behind every rule of
 * the administrator's but one that drops all that is left. Which rules a vif
 * needs there:
 *
 *   chain of iptables   physdev-in and -out of the port, is-bridged; -i and -o
 *                       of the device that its routed packets pass
 *   any other of nft    in and out of the bridge, by both: nf_tables has no word
 *                       for a port there, and what is written in xtables' own
 *                       words nft(8) cannot read again; iifname and oifname
 *   bridge family       iifname and oifname of the port
 */
#ifndef NETBACK_FILTER_ACCEPT_H
#define NETBACK_FILTER_ACCEPT_H

#include <net/if.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "err.h"
#include "policy.h"

enum {
	/* base chains of forward, with what they jump to: more are said, not seen */
	ACCEPT_PLACES = 64,
	ACCEPT_RULES = 4,
	ACCEPT_OWN = 16, /* rules of one vif that are found in one place */
	ACCEPT_NAME = 64,
	ACCEPT_COMMENT = 16 + IFNAMSIZ,
};

/* "" = any; physdev: they are ports. */
struct accept_rule {
	bool physdev;
	char in[IFNAMSIZ], out[IFNAMSIZ];
};

struct accept_place {
	uint16_t family; /* NFPROTO_IPV4, .. */
	bool legacy;	 /* a table of iptables' legacy variant */
	bool reached;	 /* no base chain: one jumps there */
	bool xt;	 /* .. in a chain of iptables */
	char table[ACCEPT_NAME], chain[ACCEPT_NAME];
	unsigned first, end; /* legacy: bytes of its rules; the policy */
	bool policy_drops;
	bool last_drops; /* its last rule does, whatever comes */
	uint64_t last;	 /* that rule's handle; legacy: its number, from 1 */
	bool late;	 /* others' rules stand behind ours */
	unsigned nown;
	uint64_t own[ACCEPT_OWN];	    /* handles */
	struct accept_rule was[ACCEPT_OWN]; /* legacy */
	unsigned nwant;
	struct accept_rule want[ACCEPT_RULES];
	unsigned same; /* bits: of want, those that stand there */
};

struct accept {
	const struct policy *p;
	char comment[ACCEPT_COMMENT];
	bool wanted; /* only places where something is wanted */
	/* what accept_calls said in this look, for IPv4 and IPv6 */
	enum { ACCEPT_UNASKED, ACCEPT_QUIET, ACCEPT_CALLS } calls[2];
	/* for each rule of ours, whosever it is; NULL: nobody asks */
	void (*each)(void *arg, const char *dev);
	void *arg;
	bool more; /* places than there is room for */
	unsigned n;
	struct accept_place v[ACCEPT_PLACES];
};

/* A rule with that comment ("" = none): whose is it? */
enum accept_whose { ACCEPT_THIS, ACCEPT_OURS, ACCEPT_OTHERS };
enum accept_whose accept_whose(const struct accept *a, const char *comment);

/* Is it in a table of iptables, of either variant? */
bool accept_iptables(const struct accept_place *at);

/* Does br_netfilter show the bridge's frames to iptables, ip6tables, arptables? */
bool accept_calls(const char *bridge, const char *tables);

/* Need chains of that family be looked at? */
bool accept_asks(struct accept *a, uint16_t family);

/* The next place, filled with its names and what is wanted there; NULL: full. */
struct accept_place *accept_add(struct accept *a,
				const struct accept_place *at);

/* One that `from` jumps to; NULL: full, or it is there already. */
struct accept_place *accept_follow(struct accept *a,
				   const struct accept_place *from,
				   const char *chain);

/* As iptables(8) reads it, "-A" or another verb first. */
void accept_print_rule(const char *verb, const char *chain,
		       const struct accept_rule *r, const char *comment,
		       FILE *out);

/* Reads the host into a. -EINTR: somebody changed it meanwhile. */
int accept_nft_look(struct accept *a, struct err *e);
int accept_legacy_look(struct accept *a, struct err *e);

/* Is that table there? Asking the kernel itself would make it. */
bool accept_legacy_there(bool ip6, const char *table);

/* Rules that should stand there, of want the first. */
unsigned accept_due(const struct accept_place *at, enum vif_accept how);
bool accept_differs(const struct accept_place *at, enum vif_accept how);

/* Each place that differs: our rules away, those that are due in. -ENOENT: others
 * have changed it meanwhile, look again.
 */
int accept_nft_change(const struct accept *a, struct err *e);
int accept_legacy_change(const struct accept *a, struct err *e);

/* --- what filter.c puts together --- */

/* As p->accept says, whatever stood there. */
int accept_apply(const struct policy *p, struct err *e);
/* 0 as it should be; 1 it differs, a line for each place on out (NULL: none). */
int accept_check(const struct policy *p, FILE *out, struct err *e);

#endif
