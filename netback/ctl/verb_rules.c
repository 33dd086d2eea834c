// SPDX-License-Identifier: GPL-2.0-or-later
/* verb_rules.c - rules: files of rules for vifs, checked and applied */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/num.h"
#include "ctl/ctl.h"
#include "ctl/flowcut.h"
#include "ctl/rulefiles.h"

enum { RULES_PATH = 512 };

static int rules_named(const struct dirent *d)
{
	size_t n = strlen(d->d_name);

	return d->d_name[0] != '.' && n > 6 &&
	       !strcmp(d->d_name + n - 6, ".rules");
}

static int rules_dir(struct rulefiles *fs, const char *dir, struct err *e)
{
	struct dirent **d = NULL;
	char path[RULES_PATH];
	int n = scandir(dir, &d, rules_named, alphasort), i, rc = 0;

	if (n < 0)
		return err_set(e, -errno, "%s: %s", dir, strerror(errno));
	for (i = 0; i < n; i++) {
		if (!rc &&
		    str_fmt(path, sizeof(path), "%s/%s", dir, d[i]->d_name) < 0)
			rc = err_set(e, -ENAMETOOLONG, "%s: too long", dir);
		if (!rc)
			rc = rulefiles_add(fs, path, e);
		free(d[i]);
	}
	free(d);
	return rc;
}

/* Files and folders; without any, the folder of the host. */
static int rules_open(struct rulefiles *fs, int argc, char **argv,
		      struct err *e)
{
	char *none[] = { (char *)RULEFILES_DIR };
	struct stat st;
	int i, rc = 0;

	if (!argc) {
		argv = none;
		argc = 1;
	}
	for (i = 0; !rc && i < argc; i++)
		if (!stat(argv[i], &st) && S_ISDIR(st.st_mode))
			rc = rules_dir(fs, argv[i], e);
		else
			rc = rulefiles_add(fs, argv[i], e);
	return rc;
}

static int rules_said(struct rulefiles *fs, FILE *out)
{
	size_t i;

	for (i = 0; i < fs->n; i++) {
		const struct ruleset *s = fs->v[i];
		struct err why = { "" };
		bool vif = s->engine != RULESET_IPTABLES &&
			   !ruleset_exact(s, s->engine == RULESET_VIF, &why);

		fprintf(out, "%s: %s%zu vifs, %zu rules, engine %s%s%s\n",
			s->name, s->group ? "a group, " : "", s->nvif,
			s->rules.n, vif ? "vif" : "iptables",
			why.text[0] ? ": " : "", why.text);
		if (!vif && s->engine == RULESET_VIF)
			return CTL_DIFFERS;
	}
	return 0;
}

static int rules_print_all(struct rulefiles *fs, struct err *e)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < fs->n; i++)
		rc = ruleset_print(fs->v[i], stdout, e);
	return rc;
}

static int rules_apply(struct ctl *c, const struct rulefiles *fs,
		       const struct ruleset_how *how, struct err *e)
{
	struct flowcut *k = flowcut_open(c);

	return flowcut_close(k, ruleset_apply(fs->v, fs->n, how, e), stdout);
}

int verb_rules(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct ruleset_how how = { .say = stdout };
	struct rulefiles fs = { NULL, 0 };
	const char *what = argc ? argv[0] : "";
	int rc;

	if (strcmp(what, "check") && strcmp(what, "apply") &&
	    strcmp(what, "print") && strcmp(what, "add"))
		return err_set(e, CTL_USAGE,
			       "rules: check, print, apply or add, then files "
			       "or folders (default " RULEFILES_DIR ")");
	how.only = !strcmp(what, "add");
	rc = rules_open(&fs, argc - 1, argv + 1, e);
	if (rc == -EINVAL)
		rc = CTL_USAGE;
	if (!rc && (!strcmp(what, "check") || c->dry_run))
		rc = rules_said(&fs, stdout);
	else if (!rc && !strcmp(what, "print"))
		rc = rules_print_all(&fs, e);
	else if (!rc)
		rc = rules_apply(c, &fs, &how, e);
	rulefiles_close(&fs);
	return rc;
}
