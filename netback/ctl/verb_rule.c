// SPDX-License-Identifier: GPL-2.0-or-later
/* verb_rule.c - rule: an administrator's rules, in iptables' own words */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "ctl/ctl.h"
#include "ctl/flowcut.h"
#include "ctl/verb_rule.h"
#include "rules.h"

static const struct rule_verb rule_verbs[] = {
	{ "add", { "-A", "-I" }, rule_change, true },
	{ "insert", { "-I", NULL }, rule_change, true },
	{ "delete", { "-D", "-A" }, rule_change, true },
	{ "replace", { "-R", NULL }, rule_change, true },
	{ "check", { "-C", "-A" }, rule_change, false },
	{ "list", { NULL }, rule_list, false },
	{ "save", { NULL }, rule_save, false },
	{ "restore", { NULL }, rule_restore, true },
	{ "flush", { NULL }, rule_flush, true },
	{ "variant", { NULL }, rule_variant, false },
};

static const struct rule_verb *rule_verb_find(const char *name)
{
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(rule_verbs); i++) {
		if (!strcmp(rule_verbs[i].name, name))
			return &rule_verbs[i];
	}
	return NULL;
}

/* A rule as `iptables -S` prints it starts with -A; `delete` and `check` take
 * that print as it is.
 */
static int rule_words(const struct rule_verb *v, int argc, char **argv,
		      struct err *e)
{
	int i = 0;

	if (argc >= 3 && !strcmp(argv[0], "-t"))
		i = 2;
	if (!argc || i >= argc ||
	    (strcmp(argv[i], v->first[0]) &&
	     (!v->first[1] || strcmp(argv[i], v->first[1]))))
		return err_set(e, CTL_USAGE,
			       "rule %s: the rule starts with %s%s%s, not "
			       "\"%.40s\"",
			       v->name, v->first[0], v->first[1] ? " or " : "",
			       v->first[1] ? v->first[1] : "",
			       argc ? argv[0] : "");
	if (strcmp(v->name, "add"))
		argv[i] = (char *)v->first[0];
	return 0;
}

int rule_change(const struct rule_verb *v, const struct rule_opts *o, int argc,
		char **argv, struct err *e)
{
	struct rules_how how = { .family = o->family,
				 .variant_given = o->variant_given,
				 .variant = o->variant,
				 .force = o->force,
				 .load_modules = o->load_modules };
	struct err note = { "" };
	int rc = rule_words(v, argc, argv, e);

	if (rc)
		return rc;
	rc = rules_run(argc, (const char *const *)argv, &how, &note, e);
	if (note.text[0])
		fprintf(stderr, "vifctl: rule: %s\n", note.text);
	if (rc == -EINVAL || rc == -EOPNOTSUPP || rc == -E2BIG)
		rc = CTL_USAGE;
	if (rc == 1 && !strcmp(v->name, "check"))
		return CTL_DIFFERS;
	return rc;
}

static int rule_use(const struct rule_opts *o, enum rules_variant *v,
		    struct err *e)
{
	struct rules_host h;
	int rc = 0;

	*v = o->variant;
	if (!o->variant_given) {
		rc = rules_host(&h, e);
		*v = h.use;
	}
	return rc;
}

/* [-t TABLE] [CHAIN] */
static int rule_where(int argc, char **argv, const char **table,
		      const char **chain, struct err *e)
{
	*table = "filter";
	*chain = "";
	if (argc >= 2 && !strcmp(argv[0], "-t")) {
		*table = argv[1];
		argc -= 2;
		argv += 2;
	}
	if (argc > 1)
		return err_set(e, CTL_USAGE, "rule: one chain, not also %s",
			       argv[1]);
	if (argc)
		*chain = argv[0];
	return 0;
}

int rule_list(const struct rule_verb *v, const struct rule_opts *o, int argc,
	      char **argv, struct err *e)
{
	const char *table, *chain;
	enum rules_variant use;
	int rc = rule_where(argc, argv, &table, &chain, e);

	(void)v;
	if (!rc)
		rc = rule_use(o, &use, e);
	return rc ? rc
		  : rules_list(o->family == 6, table, chain, use, stdout, e);
}

int rule_save(const struct rule_verb *v, const struct rule_opts *o, int argc,
	      char **argv, struct err *e)
{
	const char *table = argc == 2 && !strcmp(argv[0], "-t") ? argv[1] : "";
	enum rules_variant use;
	int rc = argc && !*table ? err_set(e, CTL_USAGE,
					   "rule save: only -t TABLE, "
					   "not %s",
					   argv[0])
				 : rule_use(o, &use, e);

	(void)v;
	return rc ? rc
		  : rules_save(o->family == 6, table, o->counters, use, stdout,
			       e);
}

static int rule_restore_check(const struct rules_text *t, struct err *e)
{
	struct rules rs = { 0 };
	int rc = rules_restore_parse(t, &rs, e);

	rules_free(&rs);
	return rc;
}

int rule_restore(const struct rule_verb *v, const struct rule_opts *o, int argc,
		 char **argv, struct err *e)
{
	struct rules_how how = { .variant_given = o->variant_given,
				 .variant = o->variant,
				 .force = o->force,
				 .load_modules = o->load_modules };
	struct rules_text t = { .name = argc ? argv[0] : "-",
				.ip6 = o->family == 6,
				.noflush = o->noflush,
				.counters = o->counters };
	struct err note = { "" };
	char *text = NULL;
	int rc;

	(void)v;
	if (argc > 1)
		return err_set(e, CTL_USAGE,
			       "rule restore: one file, not also %s", argv[1]);
	rc = ctl_read(t.name, &text, &t.size, e);
	t.text = text;
	if (!rc)
		rc = o->test ? rule_restore_check(&t, e)
			     : rules_restore(&t, &how, &note, e);
	if (note.text[0])
		fprintf(stderr, "vifctl: rule: %s\n", note.text);
	free(text);
	return rc == -EINVAL || rc == -EOPNOTSUPP ? CTL_USAGE : rc;
}

int rule_flush(const struct rule_verb *v, const struct rule_opts *o, int argc,
	       char **argv, struct err *e)
{
	const char *table, *chain;
	enum rules_variant use;
	int rc = rule_where(argc, argv, &table, &chain, e);

	(void)v;
	if (!rc && !*chain && !o->force)
		return err_set(e, CTL_USAGE,
			       "rule flush: which chain? --force flushes all "
			       "of table %s",
			       table);
	if (!rc)
		rc = rule_use(o, &use, e);
	return rc ? rc : rules_flush(o->family == 6, table, chain, use, e);
}

int rule_variant(const struct rule_verb *v, const struct rule_opts *o, int argc,
		 char **argv, struct err *e)
{
	struct rules_host h;
	int rc = rules_host(&h, e);

	(void)v;
	(void)o;
	(void)argc;
	(void)argv;
	if (!rc)
		puts(h.text);
	return rc;
}

/* Options stand between the word and `--`. How many words they are. */
static int rule_opts(struct rule_opts *o, int argc, char **argv, struct err *e)
{
	int i;

	for (i = 0; i < argc; i++) {
		if (!strcmp(argv[i], "--"))
			return i + 1;
		if (!strcmp(argv[i], "-4") || !strcmp(argv[i], "-6")) {
			o->family = argv[i][1] - '0';
		} else if (!strcmp(argv[i], "--force")) {
			o->force = true;
		} else if (!strcmp(argv[i], "--load-modules")) {
			o->load_modules = true;
		} else if (!strcmp(argv[i], "--test")) {
			o->test = true;
		} else if (!strcmp(argv[i], "--noflush") ||
			   !strcmp(argv[i], "-n")) {
			o->noflush = true;
		} else if (!strcmp(argv[i], "--counters") ||
			   !strcmp(argv[i], "-c")) {
			o->counters = true;
		} else if (!strcmp(argv[i], "--variant") && i + 1 < argc) {
			i++;
			o->variant_given = true;
			o->variant = RULES_LEGACY;
			if (!strcmp(argv[i], "nft"))
				o->variant = RULES_NFT;
			else if (strcmp(argv[i], "legacy"))
				return err_set(e, CTL_USAGE,
					       "--variant %s: nft or legacy",
					       argv[i]);
		} else {
			return i;
		}
	}
	return i;
}

int verb_rule(struct ctl *c, int argc, char **argv, struct err *e)
{
	const struct rule_verb *v = argc ? rule_verb_find(argv[0]) : NULL;
	struct rule_opts o = { .family = 0 };
	struct flowcut *k = NULL;
	int n, rc;

	if (!v || (v->do_it == rule_change && argc < 2))
		return err_set(e, CTL_USAGE,
			       "rule: add, insert, delete, replace or check, "
			       "then -- and the rule as iptables would have "
			       "it; or list, save, restore, flush, variant; "
			       "see vifctl "
			       "help rule");
	n = rule_opts(&o, argc - 1, argv + 1, e);
	if (n < 0 || e->text[0])
		return CTL_USAGE;
	if (v->changes && !o.test)
		k = flowcut_open(c);
	rc = v->do_it(v, &o, argc - 1 - n, argv + 1 + n, e);
	return flowcut_close(k, rc, stderr);
}
