// SPDX-License-Identifier: GPL-2.0-or-later
/* host_print.c - a plan and its guard's rules, for people and for programs
 *
 * A file of its own: hotplug programs print nothing, and load no JSON library.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "ctl/host.h"
#include "ctl/shortcut.h"
#include "filter.h"

static int host_print_json(const struct vif *v, const struct plan *p,
			   const char *rules, const char *own,
			   const char *accept)
{
	char direct[DIRECT_TEXT];
	json_t *o = json_object(), *steps = NULL;
	char *text = NULL, words[VIF_TEXT];
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	int rc = -ENOMEM;

	if (!f || !o)
		goto out;
	mode_print(p, f, true);
	fclose(f);
	f = NULL;
	steps = json_loads(text, 0, NULL);
	if (!steps || vif_print(v, words, sizeof(words)) < 0)
		goto out;
	json_object_set_new(o, "name", json_string(v->name));
	json_object_set_new(o, "domain", json_integer(v->domid));
	json_object_set_new(o, "device", json_integer(v->handle));
	json_object_set_new(o, "words", json_string(words));
	json_object_set(o, "steps", steps);
	json_object_set_new(o, "guard", json_string(rules));
	if (own[0])
		json_object_set_new(o, "rules", json_string(own));
	if (accept[0])
		json_object_set_new(o, "accept", json_string(accept));
	shortcut_text(v, direct);
	if (direct[0])
		json_object_set_new(o, "direct", json_string(direct));
	rc = json_dumpf(o, stdout, JSON_INDENT(2)) ? -EIO : 0;
	fputc('\n', stdout);
out:
	if (f)
		fclose(f);
	free(text);
	json_decref(steps);
	json_decref(o);
	return rc;
}

/* The node that is written last. */
static void host_print_direct(const struct vif *v)
{
	char direct[DIRECT_TEXT];

	shortcut_text(v, direct);
	if (direct[0])
		printf("# direct: %s\n", direct);
}

int host_print(const struct vif *v, const struct plan *p, bool json,
	       struct err *e)
{
	char rules[FILTER_TEXT] = "", *own = NULL, *accept = NULL;
	size_t size = 0;
	FILE *f, *g;
	int rc = 0;

	if (filter_print(&p->policy, rules, sizeof(rules)) < 0)
		return err_set(e, -ENOSPC, "guard: too many rules to print");
	f = open_memstream(&own, &size);
	g = open_memstream(&accept, &size);
	if (!f || !g)
		rc = err_set(e, -ENOMEM, "out of memory");
	if (!rc)
		rc = host_rules_print(&p->policy, f, e);
	if (!rc)
		rc = filter_accept_print(&p->policy, g, e);
	if (f)
		fclose(f);
	if (g)
		fclose(g);
	if (rc)
		goto out;
	if (json) {
		rc = host_print_json(v, p, rules, own, accept);
	} else {
		mode_print(p, stdout, false);
		fputs(rules, stdout);
		fputs(own, stdout);
		fputs(accept, stdout);
		host_print_direct(v);
	}
	if (rc || fflush(stdout) || ferror(stdout))
		rc = err_set(e, -EIO, "cannot write the plan to stdout");
out:
	free(own);
	free(accept);
	return rc;
}
