/* SPDX-License-Identifier: GPL-2.0-or-later */
/* flows_own.h - what a change of rules was, as flows.c asks for it */
#ifndef NETBACK_FILTER_FLOWS_OWN_H
#define NETBACK_FILTER_FLOWS_OWN_H

#include "explain_rules.h"

/* flows_diff.c: rules that came or went and by which less may pass: none that only
 * accepts came, none that only dropped went.
 */
struct flows_rule {
	uint16_t family;
	char table[EXPLAIN_NAME], chain[EXPLAIN_NAME];
	struct nftnl_rule *rule;
	bool came;
};

struct flows_diff {
	struct mnl_socket *nl;	/* hears of nf_tables; NULL: nothing is heard */
	struct explain_db *was; /* legacy tables, and what went since */
	explain_more_fn *more;
	struct flows_rule *v;
	size_t n;
	bool all; /* whatever they are: it may be any rule */
};

/* From here on. hear: false makes it `all`. */
int flows_diff_open(struct flows_diff *d, bool hear, explain_more_fn *more,
		    struct err *e);
/* Up to here; fills v, n and all. */
int flows_diff_read(struct flows_diff *d, struct err *e);
void flows_diff_close(struct flows_diff *d);

#endif
