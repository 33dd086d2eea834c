/* SPDX-License-Identifier: GPL-2.0-or-later */
/* xt.h - this host's own iptables extensions, by libxtables
 *
 * The library says what is wrong by a call that does not return; xt_try is
 * where it returns to. It keeps its state in globals: one thread, please.
 */
#ifndef NETBACK_FILTER_XT_H
#define NETBACK_FILTER_XT_H

#include "rules.h"

#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <stdbool.h>
#include <xtables.h>

#include "err.h"

union xt_entry {
	struct ipt_entry v4;
	struct ip6t_entry v6;
};

/* Calls fn(arg); -EINVAL with the library's sentence when it did not return. */
int xt_try(void (*fn)(void *arg), void *arg, struct err *e);

/* Says what the library would say, and does not return. */
void xt_fail(const char *fmt, ...)
	__attribute__((noreturn, format(printf, 1, 2)));

/* Inside xt_try only. Sets the family; once, the library is opened. */
void xt_family(bool ip6);
/* A match or target of the library with its room (m->m, t->t) made. */
void xt_match_room(struct xtables_match *m);
void xt_target_room(struct xtables_target *t, const char *name);

/* The rule's frame as the extensions want to see it. */
void xt_entry_fill(const struct rule *r, union xt_entry *u);

/* Words to rules: xt_words.c. Adds to out. */
int xt_words(int argc, const char *const *argv, int family, struct rules *out,
	     struct err *e);

#endif
