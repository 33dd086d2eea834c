// SPDX-License-Identifier: GPL-2.0-or-later
/* out.c - records for people and for programs, from the same calls */
#include "ctl/out.h"

#include <errno.h>
#include <stdlib.h>

int out_open(struct out *o, FILE *f, bool json)
{
	*o = (struct out){ .f = f, .json = json };
	if (!json)
		return 0;
	o->list = json_array();
	return o->list ? 0 : -ENOMEM;
}

int out_close(struct out *o)
{
	int bad = 0;

	if (o->json) {
		bad = json_dumpf(o->list, o->f, JSON_INDENT(2)) ||
		      fputc('\n', o->f) == EOF;
		json_decref(o->list);
		o->list = NULL;
	}
	return fflush(o->f) || ferror(o->f) || bad ? -EIO : 0;
}

void out_drop(struct out *o)
{
	fflush(o->f);
	json_decref(o->list);
	o->list = NULL;
}

/* Plain when the shell and the eye can take it as one word. */
static bool out_plain(const char *s)
{
	const char *p;

	for (p = s; *p; p++)
		if (*p <= ' ' || *p > '~' || *p == '"' || *p == '\\')
			return false;
	return p != s;
}

static void out_text(FILE *f, const char *s)
{
	if (out_plain(s)) {
		fputs(s, f);
		return;
	}
	fputc('"', f);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fprintf(f, "\\%c", *s);
		else if (*s < ' ' || *s > '~')
			fprintf(f, "\\x%02x", (unsigned char)*s);
		else
			fputc(*s, f);
	}
	fputc('"', f);
}

void out_begin(struct out *o, const char *name)
{
	if (o->json) {
		o->rec = json_object();
		out_str(o, "name", name);
		return;
	}
	out_text(o->f, name);
}

void out_json(struct out *o, const char *key, json_t *value)
{
	if (!o->json) {
		char *s = json_dumps(value, JSON_ENCODE_ANY | JSON_COMPACT);

		fprintf(o->f, " %s=%s", key, s ? s : "?");
		free(s);
		json_decref(value);
		return;
	}
	json_object_set_new(o->rec, key, value);
}

void out_str(struct out *o, const char *key, const char *value)
{
	if (o->json) {
		json_t *s = json_string(value);

		/* Not UTF-8: a stranger's bytes; say that there were some. */
		out_json(o, key, s ? s : json_string("?"));
		return;
	}
	fprintf(o->f, " %s=", key);
	out_text(o->f, value);
}

void out_num(struct out *o, const char *key, int64_t value)
{
	if (o->json)
		out_json(o, key, json_integer(value));
	else
		fprintf(o->f, " %s=%lld", key, (long long)value);
}

void out_bool(struct out *o, const char *key, bool value)
{
	if (o->json)
		out_json(o, key, json_boolean(value));
	else
		fprintf(o->f, " %s=%s", key, value ? "yes" : "no");
}

void out_null(struct out *o, const char *key)
{
	if (o->json)
		out_json(o, key, json_null());
	else
		fprintf(o->f, " %s=none", key);
}

void out_end(struct out *o)
{
	if (o->json) {
		json_array_append_new(o->list, o->rec);
		o->rec = NULL;
	} else {
		fputc('\n', o->f);
	}
}
