// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_tool.c - iptables' own programs, where they are the ones to ask
 *
 * Listing and saving is theirs, so that it is theirs to the byte. A rule with an
 * extension whose writing is not known here goes to iptables-restore -n.
 */
#include "rules_own.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- rules as text for iptables-restore ----------------------------------- */

static int rules_tool_line(const struct rule *r, FILE *f)
{
	static const char letter[] = { [RULES_APPEND] = 'A',
				       [RULES_INSERT] = 'I',
				       [RULES_DELETE] = 'D',
				       [RULES_REPLACE] = 'R',
				       [RULES_CHECK] = 'C' };
	char text[RULES_TEXT];
	int rc;

	switch ((enum rules_verb)r->verb) {
	case RULES_NEW:
		fprintf(f, ":%s - [0:0]\n", r->chain);
		return 0;
	case RULES_CLEAR: /* the program's own doing, without -n */
		return 0;
	case RULES_EMPTY:
		fprintf(f, "-F %s\n", r->chain);
		return 0;
	case RULES_REMOVE:
		fprintf(f, "-X %s\n", r->chain);
		return 0;
	case RULES_POLICY:
		fprintf(f, ":%s %s [%llu:%llu]\n", r->chain, r->jump,
			(unsigned long long)r->packets,
			(unsigned long long)r->bytes);
		return 0;
	case RULES_DELETE:
	case RULES_APPEND:
	case RULES_INSERT:
	case RULES_REPLACE:
	case RULES_CHECK:
		break;
	}
	if (r->packets || r->bytes)
		fprintf(f, "[%llu:%llu] ", (unsigned long long)r->packets,
			(unsigned long long)r->bytes);
	if (r->verb == RULES_DELETE && r->num) {
		fprintf(f, "-D %s %u\n", r->chain, r->num);
		return 0;
	}
	rc = rules_print(r, text, sizeof(text));
	if (rc < 0)
		return rc;
	fprintf(f, "-%c %s", letter[r->verb], r->chain);
	if (r->num)
		fprintf(f, " %u", r->num);
	fprintf(f, "%s\n", text + strlen("-A ") + strlen(r->chain));
	return 0;
}

/* The rules of one family. */
static int rules_tool_text(const struct rules *rs, bool ip6, FILE *f)
{
	const char *table = NULL;
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < rs->n; i++) {
		const struct rule *r = &rs->v[i];

		if (r->ip6 != ip6)
			continue;
		if (!table || strcmp(table, r->table)) {
			fprintf(f, "%s*%s\n", table ? "COMMIT\n" : "",
				r->table);
			table = r->table;
		}
		rc = rules_tool_line(r, f);
	}
	if (table)
		fprintf(f, "COMMIT\n");
	return rc;
}

static bool rules_tool_clears(const struct rules *rs)
{
	size_t i;

	for (i = 0; i < rs->n; i++)
		if (rs->v[i].verb == RULES_CLEAR)
			return true;
	return false;
}

static int rules_tool_family(const struct rules *rs, bool ip6,
			     enum rules_variant v, struct err *e)
{
	bool clear = rules_tool_clears(rs);
	const char *argv[] = { "-w", "-c", clear ? NULL : "-n", NULL };
	struct rules_tool t = {
		.ip6 = ip6, .variant = v, .kind = "-restore", .argv = argv
	};
	char *text = NULL;
	size_t size;
	FILE *f = open_memstream(&text, &size);
	int rc;

	if (!f)
		return err_set(e, -ENOMEM, "out of memory");
	rc = rules_tool_text(rs, ip6, f);
	if (fclose(f) && !rc)
		rc = -ENOMEM;
	if (rc)
		err_set(e, rc, "a rule cannot be printed: %s", strerror(-rc));
	t.in = text;
	if (!rc && *text)
		rc = rules_tool(&t, e);
	free(text);
	return rc;
}

/* --- all or nothing: the program changes one table after another ------------- */

static bool rules_tool_first(const struct rules *rs, size_t n)
{
	const struct rule *r = &rs->v[n];
	size_t i;

	/* as it mostly is, the one before first */
	for (i = n; i-- > 0;)
		if (rs->v[i].ip6 == r->ip6 && !strcmp(rs->v[i].table, r->table))
			return false;
	return true;
}

/* Does it name more than one? */
static bool rules_tool_many(const struct rules *rs)
{
	size_t i;

	for (i = 1; i < rs->n; i++)
		if (rules_tool_first(rs, i))
			return true;
	return false;
}

/* What its tables of one family hold, as a text that puts that back. */
static int rules_tool_keep(const struct rules *rs, bool ip6,
			   enum rules_variant v, FILE *f, struct err *e)
{
	size_t i;
	int rc = 0;

	for (i = 0; !rc && i < rs->n; i++) {
		const struct rule *r = &rs->v[i];
		long at = ftell(f);

		if (r->ip6 != ip6 || !rules_tool_first(rs, i))
			continue;
		rc = rules_save(ip6, r->table, true, v, f, e);
		if (!rc && ftell(f) == at) /* it is not there */
			fprintf(f, "*%s\nCOMMIT\n", r->table);
	}
	return rc;
}

static void rules_tool_back(bool ip6, const char *text, enum rules_variant v,
			    struct err *e)
{
	static const char *const argv[] = { "-w", "-c", NULL };
	const struct rules_tool t = { .ip6 = ip6,
				      .variant = v,
				      .kind = "-restore",
				      .argv = argv,
				      .in = text };
	struct err why = { "" };

	if (*text && rules_tool(&t, &why))
		err_prefix(e,
			   "ip%stables: tables were changed and cannot be put "
			   "back: %s",
			   ip6 ? "6" : "", why.text);
}

static int rules_tool_all(const struct rules *rs, enum rules_variant v,
			  unsigned *done, struct err *e)
{
	int rc = 0;

	for (*done = 0; !rc && *done < 2; (*done)++)
		rc = rules_tool_family(rs, *done, v, e);
	return rc;
}

static int rules_tool_undoing(const struct rules *rs, enum rules_variant v,
			      struct err *e)
{
	char *text[2] = { NULL, NULL };
	unsigned six, done;
	size_t size;
	int rc = 0;

	for (six = 0; !rc && six < 2; six++) {
		FILE *f = open_memstream(&text[six], &size);

		if (f)
			rc = rules_tool_keep(rs, six, v, f, e);
		if (!f || fclose(f))
			rc = err_set(e, -ENOMEM, "out of memory");
	}
	if (!rc) {
		rc = rules_tool_all(rs, v, &done, e);
		for (six = 0; rc && six < done; six++)
			rules_tool_back(six, text[six], v, e);
	}
	free(text[0]);
	free(text[1]);
	return rc;
}

int rules_tool_do(const struct rules *rs, enum rules_variant v, struct err *e)
{
	bool check = rs->n == 1 && rs->v[0].verb == RULES_CHECK;
	unsigned done;
	int rc = rules_tool_many(rs) ? rules_tool_undoing(rs, v, e)
				     : rules_tool_all(rs, v, &done, e);

	if (rc > 0)
		return check && rc == 1 ? 1 : -EINVAL;
	return rc;
}

/* --- what iptables lists -------------------------------------------------- */

int rules_list(bool ip6, const char *table, const char *chain,
	       enum rules_variant v, FILE *out, struct err *e)
{
	const char *argv[] = { "-w", "-t", table, "-S", *chain ? chain : NULL,
			       NULL };
	const struct rules_tool t = {
		.ip6 = ip6, .variant = v, .kind = "", .argv = argv, .out = out
	};
	int rc = rules_tool(&t, e);

	return rc > 0 ? -EINVAL : rc;
}

int rules_save(bool ip6, const char *table, bool counters, enum rules_variant v,
	       FILE *out, struct err *e)
{
	const char *argv[] = { counters ? "-c" : NULL, NULL, NULL, NULL };
	unsigned n = counters;
	const struct rules_tool t = { .ip6 = ip6,
				      .variant = v,
				      .kind = "-save",
				      .argv = argv,
				      .out = out };
	int rc;

	if (*table) {
		argv[n++] = "-t";
		argv[n] = table;
	}
	rc = rules_tool(&t, e);
	return rc > 0 ? -EINVAL : rc;
}

int rules_flush(bool ip6, const char *table, const char *chain,
		enum rules_variant v, struct err *e)
{
	const char *argv[] = { "-w", "-t", table, "-F", *chain ? chain : NULL,
			       NULL };
	const struct rules_tool t = {
		.ip6 = ip6, .variant = v, .kind = "", .argv = argv
	};
	int rc = rules_tool(&t, e);

	return rc > 0 ? -EINVAL : rc;
}
