// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_restore.c - iptables-save's text, read into what iptables-restore would
 * do
 *
 * All of the text is read before anything is done, every rule by the host's own
 * extensions, so a bad line is named with its column and the kernel untouched.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "rules_line.h"
#include "rules_own.h"

struct restore {
	const struct rules_text *t;
	struct rules *out;
	unsigned line;
	char table[RULES_NAME]; /* "" before and behind one */
	struct rules_line l;
	struct err *e;
};

static int restore_bad(struct restore *in, int word, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int restore_bad(struct restore *in, int word, const char *fmt, ...)
{
	char why[ERR_SIZE - 100];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return err_set(in->e, -EINVAL, "%s:%u:%u: %s", in->t->name, in->line,
		       rules_line_col(&in->l, word), why);
}

/* What a line asks for beside rules. */
static int restore_op(struct restore *in, enum rules_verb verb,
		      const char *chain, const char *jump,
		      const uint64_t count[2])
{
	struct rule r = { .verb = (uint8_t)verb,
			  .ip6 = in->t->ip6,
			  .line = in->line,
			  .col = rules_line_col(&in->l, 0),
			  .packets = count ? count[0] : 0,
			  .bytes = count ? count[1] : 0 };

	strcpy(r.table, in->table);
	str_put(r.chain, sizeof(r.chain), chain);
	str_put(r.jump, sizeof(r.jump), jump);
	return rules_add(in->out, &r);
}

static int restore_table(struct restore *in)
{
	const char *name = in->l.word[0] + 1;

	if (in->table[0])
		return restore_bad(in, 0, "*%s has no COMMIT before this",
				   in->table);
	if (!rules_table_known(name))
		return restore_bad(in, 0,
				   "'%.40s' is no table; filter, nat, mangle, "
				   "raw, security",
				   name);
	if (in->l.n > 1)
		return restore_bad(in, 1, "'%.40s' is a word too many",
				   in->l.word[1]);
	strcpy(in->table, name);
	return in->t->noflush ? 0 : restore_op(in, RULES_CLEAR, "", "", NULL);
}

static int restore_chain_name(struct restore *in, int word, const char *name)
{
	if (!*name || *name == '-' || strpbrk(name, " \t\n\"!/"))
		return restore_bad(in, word,
				   "'%.40s' is not the name of a chain", name);
	if (strlen(name) > RULES_CHAIN_MOST)
		return restore_bad(in, word,
				   "'%.40s' is longer than a chain's name may "
				   "be, %d characters",
				   name, RULES_CHAIN_MOST);
	return 0;
}

static int restore_policy(struct restore *in, const char *chain, int word,
			  const uint64_t count[2])
{
	const char *policy = in->l.n > word ? in->l.word[word] : "";
	bool own = rules_builtin(in->table, chain);

	if (!strcmp(policy, "ACCEPT") || !strcmp(policy, "DROP"))
		return own ? restore_op(in, RULES_POLICY, chain, policy, count)
			   : restore_bad(in, word,
					 "%s is no chain of table %s's own: it "
					 "has no policy; say -",
					 chain, in->table);
	return restore_bad(in, word,
			   "'%.40s' is no policy; ACCEPT or DROP, or - for a "
			   "chain that is not the table's own",
			   policy);
}

/* ":CHAIN POLICY [packets:bytes]" */
static int restore_chain(struct restore *in)
{
	const char *chain = in->l.word[0] + 1;
	uint64_t count[2] = { 0, 0 };
	int rc = restore_chain_name(in, 0, chain);

	if (rc)
		return rc;
	if (in->l.n > 2 && rules_counters(in->l.word[2], &count[0], &count[1]))
		return restore_bad(in, 2, "'%.40s' is not [packets:bytes]",
				   in->l.word[2]);
	if (in->l.n > 3)
		return restore_bad(in, 3, "'%.40s' is a word too many",
				   in->l.word[3]);
	if (in->l.n < 2 || strcmp(in->l.word[1], "-"))
		return restore_policy(in, chain, 1,
				      in->t->counters ? count : NULL);
	if (rules_builtin(in->table, chain))
		return 0;
	rc = restore_op(in, RULES_NEW, chain, "", NULL);
	/* as iptables-restore -n: a chain that is named begins empty */
	if (!rc && in->t->noflush)
		rc = restore_op(in, RULES_EMPTY, chain, "", NULL);
	return rc;
}

/* A command about a chain: -N, -F, -X, -P. */
static int restore_command(struct restore *in)
{
	char c = in->l.word[0][1];
	const char *chain = in->l.n > 1 ? in->l.word[1] : "";
	int most = c == 'P' ? 3 : 2, rc;

	if (in->l.n < 2)
		return restore_bad(in, 0, "-%c: which chain?", c);
	rc = restore_chain_name(in, 1, chain);
	if (rc)
		return rc;
	if (in->l.n > most)
		return restore_bad(in, most, "'%.40s' is a word too many",
				   in->l.word[most]);
	if (c == 'P')
		return restore_policy(in, chain, 2, NULL);
	if (c != 'F' && rules_builtin(in->table, chain))
		return restore_bad(in, 1, "%s is a chain of table %s's own",
				   chain, in->table);
	return restore_op(in,
			  c == 'N'   ? RULES_NEW
			  : c == 'F' ? RULES_EMPTY
				     : RULES_REMOVE,
			  chain, "", NULL);
}

/* -4 and -6: a line for the other family, in a text for both. */
static bool restore_other(const struct restore *in)
{
	int i;

	for (i = 0; i < in->l.n; i++) {
		const char *w = in->l.word[i];

		if (!strcmp(w, in->t->ip6 ? "-4" : "-6") ||
		    !strcmp(w, in->t->ip6 ? "--ipv4" : "--ipv6"))
			return true;
	}
	return false;
}

static int restore_rule(struct restore *in, const uint64_t count[2])
{
	const char *argv[RULES_WORDS + 2] = { "-t", in->table };
	size_t had = in->out->n;
	struct err why = { "" };
	int i, rc;

	if (restore_other(in))
		return 0;
	for (i = 0; i < in->l.n; i++) {
		argv[i + 2] = in->l.word[i];
		if (!strcmp(in->l.word[i], "-t") ||
		    !strcmp(in->l.word[i], "--table"))
			return restore_bad(in, i,
					   "the table is said by *%s above",
					   in->table);
	}
	rc = rules_parse(in->l.n + 2, argv, in->t->ip6 ? 6 : 4, in->out, &why);
	if (rc)
		return restore_bad(in, rules_parse_word() - 2, "%s", why.text);
	for (; had < in->out->n; had++) {
		struct rule *r = &in->out->v[had];

		r->line = in->line;
		r->col = rules_line_col(&in->l, 0);
		if (in->t->counters && (count[0] || count[1])) {
			r->packets = count[0];
			r->bytes = count[1];
		}
		if (r->verb == RULES_CHECK)
			return restore_bad(in, 0,
					   "-C asks, and changes nothing; "
					   "vifctl rule check does that");
	}
	return 0;
}

static int restore_line(struct restore *in)
{
	const char *w = in->l.n ? in->l.word[0] : "";
	uint64_t count[2] = { 0, 0 };

	if (!in->l.n)
		return 0;
	if (*w == '*')
		return restore_table(in);
	if (!in->table[0])
		return restore_bad(in, 0, "'%.40s' before a table, as *filter",
				   w);
	if (!strcmp(w, "COMMIT") && in->l.n == 1) {
		in->table[0] = '\0';
		return 0;
	}
	if (*w == ':')
		return restore_chain(in);
	if (rules_line_counters(&in->l, &count[0], &count[1]) < 0)
		return restore_bad(in, 0, "'%.40s' is not [packets:bytes]", w);
	w = in->l.n ? in->l.word[0] : "";
	if (!strcmp(w, "-N") || !strcmp(w, "-F") || !strcmp(w, "-X") ||
	    !strcmp(w, "-P"))
		return restore_command(in);
	if (*w == '-')
		return restore_rule(in, count);
	return restore_bad(in, 0,
			   "'%.40s' begins no line; *TABLE, :CHAIN, -A, -I, "
			   "-D, -R, -N, -F, -X, -P or COMMIT",
			   w);
}

int rules_restore_parse(const struct rules_text *t, struct rules *out,
			struct err *e)
{
	struct restore *in = calloc(1, sizeof(*in));
	size_t at = 0, had = out->n;
	struct err why = { "" };
	int rc = 0;

	if (!in)
		return err_set(e, -ENOMEM, "%s: out of memory", t->name);
	in->t = t;
	in->out = out;
	in->e = e;
	while (!rc && at < t->size) {
		const char *s = t->text + at;
		const char *end = memchr(s, '\n', t->size - at);
		size_t n = end ? (size_t)(end - s) : t->size - at;

		in->line++;
		rc = rules_line(&in->l, s, n, RULES_QUOTES_SAVE, &why);
		rc = rc ? restore_bad(in, in->l.n - 1, "%s", why.text)
			: restore_line(in);
		at += n + 1;
	}
	if (!rc && in->table[0])
		rc = restore_bad(in, 0, "*%s has no COMMIT", in->table);
	if (rc == -ENOMEM)
		err_set(e, rc, "%s: out of memory", t->name);
	free(in);
	while (rc && out->n > had)
		rules_free_last(out);
	out->file = t->name;
	return rc;
}
