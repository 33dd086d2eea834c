// SPDX-License-Identifier: GPL-2.0-or-later
/* sxp.c - xend's s-expressions, item by item */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/num.h"
#include "ctl/xlcfg.h"

enum { SXP_HEAD = 64, SXP_LEVELS = 64 };

struct sxp {
	const char *p;
	unsigned line, depth; /* lists that are open */
	unsigned index[SXP_LEVELS];
	char head[XLCFG_DEPTH][SXP_HEAD], value[XLCFG_VALUE];
	sxp_fn *fn;
	void *arg;
	struct err *e;
};

static int sxp_bad(struct sxp *s, const char *what)
{
	return err_set(s->e, -EINVAL, "line %u: %s", s->line, what);
}

static void sxp_skip(struct sxp *s)
{
	for (;;) {
		s->p += strspn(s->p, " \t\r");
		if (*s->p == '#')
			s->p += strcspn(s->p, "\n");
		if (*s->p != '\n')
			return;
		s->line++;
		s->p++;
	}
}

static int sxp_say(struct sxp *s, unsigned index, const char *value)
{
	struct sxp_item it = { .line = s->line,
			       .depth = s->depth,
			       .index = index,
			       .value = value };
	unsigned i;

	if (s->depth > XLCFG_DEPTH)
		return 0;
	for (i = 0; i < s->depth; i++)
		it.path[i] = s->head[i];
	return s->fn(s->arg, &it, s->e);
}

/* A word, or a string in quotes; \ takes the next byte as it is. */
static int sxp_word(struct sxp *s)
{
	char quote = *s->p == '\'' || *s->p == '"' ? *s->p++ : '\0';
	size_t n = 0;

	while (*s->p &&
	       (quote ? *s->p != quote : !strchr(" \t\r\n()", *s->p))) {
		s->line += *s->p == '\n';
		if (*s->p == '\\' && s->p[1])
			s->p++;
		if (n + 1 >= sizeof(s->value))
			return sxp_bad(s, "the word is too long");
		s->value[n++] = *s->p++;
	}
	if (quote && *s->p++ != quote)
		return sxp_bad(s, "the string has no end");
	s->value[n] = '\0';
	return 0;
}

static int sxp_atom(struct sxp *s)
{
	unsigned at = s->depth - 1, index;
	int rc = sxp_word(s);

	if (rc)
		return rc;
	if (!s->depth)
		return sxp_bad(s, "a list is expected, (name value)");
	index = s->index[at]++;
	if (index)
		return sxp_say(s, index, s->value);
	if (s->depth > XLCFG_DEPTH)
		return 0;
	if (str_put(s->head[at], SXP_HEAD, s->value))
		return sxp_bad(s, "the name is too long");
	return sxp_say(s, 0, NULL);
}

static int sxp_open(struct sxp *s)
{
	s->p++;
	if (s->depth == SXP_LEVELS)
		return sxp_bad(s, "too many lists in lists");
	if (s->depth && !s->index[s->depth - 1]++ && s->depth <= XLCFG_DEPTH)
		s->head[s->depth - 1][0] = '\0';
	s->index[s->depth++] = 0;
	if (s->depth <= XLCFG_DEPTH)
		s->head[s->depth - 1][0] = '\0';
	return 0;
}

static int sxp_close(struct sxp *s)
{
	int rc;

	s->p++;
	if (!s->depth)
		return sxp_bad(s, "')' without '('");
	rc = sxp_say(s, 0, "");
	s->depth--;
	return rc;
}

int sxp_parse(const char *text, sxp_fn *fn, void *arg, struct err *e)
{
	struct sxp s = { .p = text, .line = 1, .fn = fn, .arg = arg, .e = e };
	int rc = 0;

	while (!rc) {
		sxp_skip(&s);
		if (!*s.p)
			return s.depth ? sxp_bad(&s,
						 "')' is missing at the end")
				       : 0;
		if (*s.p == '(')
			rc = sxp_open(&s);
		else if (*s.p == ')')
			rc = sxp_close(&s);
		else
			rc = sxp_atom(&s);
	}
	return rc;
}
