// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_line.c - a line of a file of rules, as words with their places */
#include "rules_line.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool rules_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* One word from s[i] on, to buf[*to] on: where it ends, or -EINVAL. */
static ssize_t rules_word(struct rules_line *l, const char *s, size_t i,
			  size_t size, size_t *to, enum rules_quotes q,
			  struct err *why)
{
	bool free = q == RULES_QUOTES_FREE;
	char quote = 0;

	for (; i < size && (quote || !rules_blank(s[i])); i++) {
		if (!s[i])
			return err_set(why, -EINVAL, "a byte 0 in the line");
		if (s[i] == '\\' && i + 1 < size && s[i + 1] && (free || quote))
			l->buf[(*to)++] = s[++i];
		else if (quote && s[i] == quote)
			quote = 0;
		else if (!quote && (s[i] == '"' || (free && s[i] == '\'')))
			quote = s[i];
		else
			l->buf[(*to)++] = s[i];
	}
	if (quote)
		return err_set(why, -EINVAL, "the quote %c has no end", quote);
	l->buf[(*to)++] = '\0';
	return (ssize_t)i;
}

int rules_line(struct rules_line *l, const char *s, size_t size,
	       enum rules_quotes q, struct err *why)
{
	size_t to = 0;
	ssize_t i = 0;

	l->n = 0;
	/* each word has a NUL where the line has a blank, or its end */
	if (size >= RULES_LINE)
		return err_set(why, -EINVAL, "the line is longer than %d bytes",
			       RULES_LINE - 1);
	for (;;) {
		while ((size_t)i < size && rules_blank(s[i]))
			i++;
		if ((size_t)i == size || (!l->n && s[i] == '#'))
			return 0;
		if (l->n == RULES_WORDS)
			return err_set(why, -EINVAL, "more than %d words",
				       RULES_WORDS);
		l->word[l->n] = l->buf + to;
		l->col[l->n++] = (unsigned)i + 1;
		i = rules_word(l, s, (size_t)i, size, &to, q, why);
		if (i < 0)
			return (int)i;
	}
}

unsigned rules_line_col(const struct rules_line *l, int i)
{
	if (i < 0 || i >= l->n)
		i = l->n - 1;
	return i < 0 ? 1 : l->col[i];
}

/* Digits at *s, up to `end`. */
static int rules_count(const char **s, char end, uint64_t *out)
{
	char *stop;

	if (**s < '0' || **s > '9')
		return -EINVAL;
	errno = 0;
	*out = strtoull(*s, &stop, 10);
	if (errno || *stop != end)
		return -EINVAL;
	*s = stop + 1;
	return 0;
}

int rules_counters(const char *s, uint64_t *packets, uint64_t *bytes)
{
	if (*s++ != '[' || rules_count(&s, ':', packets) ||
	    rules_count(&s, ']', bytes) || *s)
		return -EINVAL;
	return 0;
}

int rules_line_counters(struct rules_line *l, uint64_t *packets,
			uint64_t *bytes)
{
	if (!l->n || l->word[0][0] != '[')
		return 0;
	if (rules_counters(l->word[0], packets, bytes))
		return -EINVAL;
	l->n--;
	memmove(l->word, l->word + 1, (size_t)l->n * sizeof(*l->word));
	memmove(l->col, l->col + 1, (size_t)l->n * sizeof(*l->col));
	return 1;
}
