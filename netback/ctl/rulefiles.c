// SPDX-License-Identifier: GPL-2.0-or-later
/* rulefiles.c - files of rules, read */
#include "ctl/rulefiles.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"

int rulefiles_add(struct rulefiles *f, const char *path, struct err *e)
{
	struct ruleset **v = reallocarray(f->v, f->n + 1, sizeof(*v));
	char *text = NULL;
	size_t size = 0;
	int rc;

	if (!v)
		return err_set(e, -ENOMEM, "%s: out of memory", path);
	f->v = v;
	rc = ctl_read(path, &text, &size, e);
	if (!rc)
		rc = ruleset_parse(path, text, size, &f->v[f->n], e);
	if (!rc)
		f->n++;
	free(text);
	return rc;
}

void rulefiles_close(struct rulefiles *f)
{
	size_t i;

	for (i = 0; i < f->n; i++)
		ruleset_free(f->v[i]);
	free(f->v);
}

/* --- rules= --------------------------------------------------------------- */

/* "a,/b/c.rules" */
static int rulefiles_named(struct rulefiles *f, const char *names,
			   struct err *e)
{
	char path[VIF_RULES + sizeof(RULEFILES_DIR) + 8];
	size_t n;
	int rc = 0;

	for (; !rc && *names; names += n, names += *names == ',') {
		n = strcspn(names, ",");
		if (*names == '/')
			str_fmt(path, sizeof(path), "%.*s", (int)n, names);
		else
			str_fmt(path, sizeof(path), RULEFILES_DIR "/%.*s.rules",
				(int)n, names);
		rc = rulefiles_add(f, path, e);
	}
	return rc;
}

static int rulefiles_apply(const struct policy *p, struct err *e)
{
	struct rulefiles f = { NULL, 0 };
	int rc = rulefiles_named(&f, p->rules, e);

	if (!rc)
		rc = ruleset_attach(p->dev, p->bridge, f.v, f.n, e);
	rulefiles_close(&f);
	return rc;
}

static int rulefiles_check(const struct policy *p, FILE *out, struct err *e)
{
	struct rulefiles f = { NULL, 0 };
	struct err why = { "" };
	int rc = rulefiles_named(&f, p->rules, &why);

	if (!rc) {
		rc = ruleset_attached(p->dev, f.v, f.n, out, e);
	} else if (out) {
		fprintf(out, "%s: rules: %s\n", p->dev, why.text);
		rc = 1;
	} else {
		rc = 0; /* what stands stays */
	}
	rulefiles_close(&f);
	return rc;
}

static int rulefiles_print(const struct policy *p, FILE *out, struct err *e)
{
	struct rulefiles f = { NULL, 0 };
	int rc = rulefiles_named(&f, p->rules, e);
	char text[RULES_TEXT];
	size_t i, k;

	for (i = 0; !rc && i < f.n; i++)
		for (k = 0; k < f.v[i]->rules.n; k++) {
			const struct rule *r = &f.v[i]->rules.v[k];

			if (rules_print(r, text, sizeof(text)) > 0)
				fprintf(out, "# rules %s: -%c %s\n",
					f.v[i]->name, r->ip6 ? '6' : '4', text);
		}
	rulefiles_close(&f);
	return rc;
}

const struct host_rules rulefiles_host = { .apply = rulefiles_apply,
					   .check = rulefiles_check,
					   .print = rulefiles_print };
