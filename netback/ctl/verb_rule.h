/* SPDX-License-Identifier: GPL-2.0-or-later */
/* verb_rule.h - the words after `vifctl rule` */
#ifndef NETBACK_CTL_VERB_RULE_H
#define NETBACK_CTL_VERB_RULE_H

#include <stdbool.h>

#include "err.h"
#include "rules.h"

struct rule_opts {
	int family; /* 4, 6, 0 = not said */
	bool variant_given, force, load_modules;
	bool test, noflush, counters;
	enum rules_variant variant;
};

struct rule_verb {
	const char *name;
	const char *first[2]; /* what the first iptables word may be */
	int (*do_it)(const struct rule_verb *v, const struct rule_opts *o,
		     int argc, char **argv, struct err *e);
	bool changes; /* what is in force */
};

int rule_change(const struct rule_verb *v, const struct rule_opts *o, int argc,
		char **argv, struct err *e);
int rule_list(const struct rule_verb *v, const struct rule_opts *o, int argc,
	      char **argv, struct err *e);
int rule_save(const struct rule_verb *v, const struct rule_opts *o, int argc,
	      char **argv, struct err *e);
int rule_restore(const struct rule_verb *v, const struct rule_opts *o, int argc,
		 char **argv, struct err *e);
int rule_flush(const struct rule_verb *v, const struct rule_opts *o, int argc,
	       char **argv, struct err *e);
int rule_variant(const struct rule_verb *v, const struct rule_opts *o, int argc,
		 char **argv, struct err *e);

#endif
