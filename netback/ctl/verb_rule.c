// SPDX-License-Identifier: GPL-2.0-or-later
/* verb_rule.c - rule: an administrator's rule, in iptables' own words */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "ctl/ctl.h"
#include "rules.h"

/* What a word after `rule` allows the first iptables word to be. */
struct rule_verb {
	const char *name, *first[2];
};

static const struct rule_verb rule_verbs[] = {
	{ "add", { "-A", "-I" } },
	{ "delete", { "-D", "-A" } },
	{ "check", { "-C", "-A" } },
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
static int rule_words(const struct rule_verb *v, char **argv, struct err *e)
{
	if (strcmp(argv[0], v->first[0]) && strcmp(argv[0], v->first[1]))
		return err_set(e, CTL_USAGE,
			       "rule %s: the rule starts with %s or %s, not "
			       "\"%.40s\"",
			       v->name, v->first[0], v->first[1], argv[0]);
	if (strcmp(v->name, "add"))
		argv[0] = (char *)v->first[0];
	return 0;
}

int verb_rule(struct ctl *c, int argc, char **argv, struct err *e)
{
	const struct rule_verb *v = argc ? rule_verb_find(argv[0]) : NULL;
	struct err note = { "" };
	int rc;

	(void)c;
	if (!v || argc < 2)
		return err_set(e, CTL_USAGE,
			       "rule: add, delete or check, then -- and the "
			       "rule as iptables would have it; see vifctl "
			       "help rule");
	rc = rule_words(v, argv + 1, e);
	if (rc)
		return rc;
	rc = rules_run(argc - 1, (const char *const *)argv + 1, &note, e);
	if (note.text[0])
		fprintf(stderr, "vifctl: rule: %s\n", note.text);
	if (rc == -EINVAL || rc == -EOPNOTSUPP)
		rc = CTL_USAGE;
	if (rc == 1 && !strcmp(v->name, "check"))
		return CTL_DIFFERS;
	return rc;
}
