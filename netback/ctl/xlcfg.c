// SPDX-License-Identifier: GPL-2.0-or-later
/* xlcfg.c - xl's domain files and xl.conf, setting by setting */
#include "ctl/xlcfg.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

enum { XLCFG_NAME = 64 };

struct cfg {
	const char *p;
	unsigned line;
	xlcfg_fn *fn;
	void *arg;
	struct err *e;
	char name[XLCFG_NAME], value[XLCFG_VALUE];
};

static int cfg_bad(struct cfg *c, const char *what)
{
	return err_set(c->e, -EINVAL, "line %u: %s", c->line, what);
}

/* Blanks and comments; newlines too, inside a list. */
static void cfg_skip(struct cfg *c, bool lines)
{
	for (;;) {
		c->p += strspn(c->p, " \t\r");
		if (*c->p == '\\' && c->p[1] == '\n' && lines)
			c->p++;
		if (*c->p == '#')
			c->p += strcspn(c->p, "\n");
		if (*c->p != '\n' || !lines)
			return;
		c->line++;
		c->p++;
	}
}

static int cfg_name(struct cfg *c)
{
	size_t n = 0;

	while (isalnum((unsigned char)c->p[n]) ||
	       (c->p[n] && strchr("_.-", c->p[n])))
		n++;
	if (!n || !isalpha((unsigned char)c->p[0]))
		return cfg_bad(c, "a setting is expected, name = value; Python "
				  "is not evaluated");
	if (n >= sizeof(c->name))
		return cfg_bad(c, "the name is too long");
	memcpy(c->name, c->p, n);
	c->name[n] = '\0';
	c->p += n;
	return 0;
}

/* \x41 or \101: up to so many digits of a base. */
static int cfg_code(struct cfg *c, int base, unsigned most)
{
	static const char digit[] = "0123456789abcdef";
	const char *d;
	unsigned i;
	int n = 0;

	for (i = 0; i < most && *c->p; i++, c->p++) {
		d = strchr(digit, tolower((unsigned char)*c->p));
		if (!d || d - digit >= base)
			break;
		n = n * base + (int)(d - digit);
	}
	return i && n && n < 256 ? n : -1;
}

/* What stands behind a backslash: a byte, or -1. */
static int cfg_escape(struct cfg *c)
{
	static const char from[] = "abfnrtv\\'\"", to[] = "\a\b\f\n\r\t\v\\'\"";
	const char *at;

	if (*c->p == 'x') {
		c->p++;
		return cfg_code(c, 16, 2);
	}
	if (*c->p >= '0' && *c->p <= '7')
		return cfg_code(c, 8, 3);
	at = *c->p ? strchr(from, *c->p) : NULL;
	if (!at)
		return -1;
	c->p++;
	return (unsigned char)to[at - from];
}

static int cfg_string(struct cfg *c)
{
	char quote = *c->p++;
	size_t n = 0;
	int b;

	while (*c->p != quote) {
		if (!*c->p || *c->p == '\n')
			return cfg_bad(c, "the string has no end");
		if (n + 1 >= sizeof(c->value))
			return cfg_bad(c, "the string is too long");
		b = (unsigned char)*c->p++;
		if (b == '\\')
			b = cfg_escape(c);
		if (b < 0)
			return cfg_bad(c, "what stands behind \\ means nothing "
					  "in a string");
		c->value[n++] = (char)b;
	}
	c->p++;
	c->value[n] = '\0';
	return 0;
}

static int cfg_atom(struct cfg *c, int index)
{
	struct xlcfg_item it = { .line = c->line,
				 .name = c->name,
				 .index = index,
				 .value = c->value };
	size_t n = 0;
	int rc;

	if (*c->p == '\'' || *c->p == '"') {
		rc = cfg_string(c);
		return rc ? rc : c->fn(c->arg, &it, c->e);
	}
	n = *c->p == '-';
	while (isalnum((unsigned char)c->p[n]))
		n++;
	if (!isdigit((unsigned char)c->p[*c->p == '-']) ||
	    n >= sizeof(c->value))
		return cfg_bad(c, "a string in quotes, a number or a list is "
				  "expected; Python is not evaluated");
	memcpy(c->value, c->p, n);
	c->value[n] = '\0';
	c->p += n;
	return c->fn(c->arg, &it, c->e);
}

/* Behind '['. A list in a list counts as one value that is passed over. */
static int cfg_list(struct cfg *c, unsigned depth)
{
	int index = 0, rc;

	if (depth == XLCFG_DEPTH)
		return cfg_bad(c, "too many lists in lists");
	for (;; index++) {
		cfg_skip(c, true);
		if (*c->p == ']')
			break;
		if (*c->p == '[') {
			c->p++;
			rc = cfg_list(c, depth + 1);
		} else {
			rc = cfg_atom(c, index);
		}
		if (rc)
			return rc;
		cfg_skip(c, true);
		if (*c->p == ']')
			break;
		if (*c->p != ',')
			return cfg_bad(c, "',' or ']' is expected in the list");
		c->p++;
	}
	c->p++;
	return 0;
}

static int cfg_setting(struct cfg *c)
{
	int rc = cfg_name(c);

	if (rc)
		return rc;
	cfg_skip(c, false);
	c->p += *c->p == '+' && c->p[1] == '=';
	if (*c->p != '=')
		return cfg_bad(c, "'=' is expected behind the name; Python is "
				  "not evaluated");
	c->p++;
	cfg_skip(c, false);
	if (*c->p == '[') {
		c->p++;
		rc = cfg_list(c, 0);
	} else {
		rc = cfg_atom(c, -1);
	}
	if (rc)
		return rc;
	cfg_skip(c, false);
	if (*c->p && *c->p != '\n' && *c->p != ';')
		return cfg_bad(c, "only one value is expected; Python is not "
				  "evaluated");
	c->p += *c->p == ';';
	return 0;
}

int xlcfg_parse(const char *text, xlcfg_fn *fn, void *arg, struct err *e)
{
	struct cfg c = { .p = text, .line = 1, .fn = fn, .arg = arg, .e = e };
	int rc = 0;

	for (;;) {
		cfg_skip(&c, true);
		if (!*c.p)
			return 0;
		if (*c.p == ';') {
			c.p++;
			continue;
		}
		rc = cfg_setting(&c);
		if (rc)
			return rc;
	}
}
