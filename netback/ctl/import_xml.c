// SPDX-License-Identifier: GPL-2.0-or-later
/* import_xml.c - the interfaces of libvirt's domain XML
 *
 * A reader of tags and attributes that knows what it needs to: no DTD, no
 * entities but XML's own five and numbers below 128; all else is refused.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/num.h"
#include "ctl/import.h"

enum {
	XML_NAME = 48,
	XML_VALUE = 256,
	XML_ATTRS = 16,
	XML_DEPTH = 32,
};

struct xml_attr {
	char name[XML_NAME], value[XML_VALUE];
};

struct xml {
	const char *p, *from;
	struct import *o;
	struct import_card *card; /* of the interface under way */
	char ip[XLVIF_LONG];	  /* its addresses */
	unsigned depth, nattr;
	char path[XML_DEPTH][XML_NAME]; /* open elements */
	struct xml_attr attr[XML_ATTRS];
	struct err *e;
};

static unsigned xml_line(const struct xml *x)
{
	const char *p;
	unsigned n = 1;

	for (p = x->from; p < x->p; p++)
		n += *p == '\n';
	return n;
}

static int xml_bad(struct xml *x, const char *what)
{
	return err_set(x->e, -EINVAL, "line %u: %s", xml_line(x), what);
}

static int xml_name(struct xml *x, char name[XML_NAME])
{
	size_t n = 0;

	while (isalnum((unsigned char)x->p[n]) ||
	       (x->p[n] && strchr(":_-.", x->p[n])))
		n++;
	if (!n || n >= XML_NAME)
		return xml_bad(x,
			       n ? "a name is too long" : "a name is expected");
	memcpy(name, x->p, n);
	name[n] = '\0';
	x->p += n;
	return 0;
}

/* Behind '&'. Returns the byte, or -1. */
static int xml_entity(struct xml *x)
{
	static const struct {
		const char *text;
		char byte;
	} row[] = { { "lt;", '<' },
		    { "gt;", '>' },
		    { "amp;", '&' },
		    { "quot;", '"' },
		    { "apos;", '\'' } };
	unsigned i;
	char *end;
	long n;

	for (i = 0; i < ARRAY_SIZE(row); i++)
		if (!strncmp(x->p, row[i].text, strlen(row[i].text))) {
			x->p += strlen(row[i].text);
			return row[i].byte;
		}
	if (*x->p != '#')
		return -1;
	n = x->p[1] == 'x' ? strtol(x->p + 2, &end, 16)
			   : strtol(x->p + 1, &end, 10);
	if (*end != ';' || n < ' ' || n > 126)
		return -1;
	x->p = end + 1;
	return (int)n;
}

/* Text up to `end`, which stays. */
static int xml_text(struct xml *x, char end, char *buf, size_t size)
{
	size_t n = 0;
	int b;

	while (*x->p != end) {
		b = (unsigned char)*x->p;
		if (!b || (b == '<' && end != '<'))
			return xml_bad(x, "a value has no end");
		x->p++;
		if (b == '&')
			b = xml_entity(x);
		if (b < 0)
			return xml_bad(x, "an entity that is none of XML's own "
					  "five");
		if (n + 1 < size)
			buf[n++] = (char)b;
		else if (end != '<')
			return xml_bad(x, "a value is too long");
	}
	buf[n] = '\0';
	return 0;
}

static int xml_attrs(struct xml *x)
{
	struct xml_attr spare, *a;
	char quote;
	int rc;

	for (x->nattr = 0;;) {
		x->p += strspn(x->p, " \t\r\n");
		if (*x->p == '>' || *x->p == '/' || *x->p == '?')
			return 0;
		a = x->nattr < XML_ATTRS ? &x->attr[x->nattr] : &spare;
		rc = xml_name(x, a->name);
		if (rc)
			return rc;
		x->p += strspn(x->p, " \t\r\n");
		if (*x->p != '=')
			return xml_bad(x, "'=' is expected behind an "
					  "attribute's name");
		x->p++;
		x->p += strspn(x->p, " \t\r\n");
		quote = *x->p;
		if (quote != '"' && quote != '\'')
			return xml_bad(x, "a value stands in quotes");
		x->p++;
		rc = xml_text(x, quote, a->value, sizeof(a->value));
		if (rc)
			return rc;
		x->p++;
		x->nattr += x->nattr < XML_ATTRS;
	}
}

static const char *xml_attr(const struct xml *x, const char *name)
{
	unsigned i;

	for (i = 0; i < x->nattr; i++)
		if (!strcmp(x->attr[i].name, name))
			return x->attr[i].value;
	return NULL;
}

/* Are the innermost open elements these? */
static bool xml_in(const struct xml *x, const char *outer, const char *inner)
{
	return x->depth >= 2 && !strcmp(x->path[x->depth - 2], outer) &&
	       !strcmp(x->path[x->depth - 1], inner);
}

/* --- what elements mean ------------------------------------------------------*/

/* element, attribute, xl's key */
static const char *const xml_keys[][3] = {
	{ "mac", "address", "mac" },
	{ "source", "bridge", "bridge" },
	{ "script", "path", "script" },
	{ "target", "dev", "vifname" },
	{ "model", "type", "model" },
	{ "mtu", "size", "mtu" },
	{ "backenddomain", "name", "backend" },
};

static void xml_ip(struct xml *x)
{
	const char *addr = xml_attr(x, "address");
	size_t n = strlen(x->ip);

	if (addr && str_fmt(x->ip + n, sizeof(x->ip) - n, "%s%s", n ? " " : "",
			    addr) < 0)
		snprintf(x->card->why, sizeof(x->card->why),
			 "ip: too many addresses");
}

/* libvirt gives libxl its outbound average alone: KiB a second. */
static void xml_rate(struct xml *x)
{
	const char *kib = xml_attr(x, "average");
	char text[32];
	uint32_t n;

	if (!kib)
		return;
	if (num_parse(kib, 4000000, &n) || !n) {
		snprintf(x->card->why, sizeof(x->card->why),
			 "bandwidth: average=\"%.20s\" is no number", kib);
		return;
	}
	snprintf(text, sizeof(text), "%lluB/s", 1024ull * n);
	import_put(x->card, "rate", text);
}

static void xml_refuse(struct xml *x, const char *what)
{
	if (!x->card->why[0])
		snprintf(x->card->why, sizeof(x->card->why), "%s", what);
}

static int xml_on_interface(struct xml *x)
{
	const char *type = xml_attr(x, "type");
	int rc = import_add(x->o, xml_line(x), &x->card, x->e);

	x->ip[0] = '\0';
	if (rc)
		return rc;
	if (!type || (strcmp(type, "bridge") && strcmp(type, "ethernet")))
		xml_refuse(x, type && !strcmp(type, "network")
				      ? "type='network': a network of "
					"libvirt's, which is its own to serve"
				      : "an interface of a type that has no "
					"counterpart here");
	return 0;
}

static void xml_on_child(struct xml *x, const char *name)
{
	const char *value;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(xml_keys); i++) {
		value = strcmp(name, xml_keys[i][0])
				? NULL
				: xml_attr(x, xml_keys[i][1]);
		if (value)
			import_put(x->card, xml_keys[i][2], value);
	}
	if (!strcmp(name, "ip"))
		xml_ip(x);
	else if (!strcmp(name, "virtualport"))
		xml_refuse(x, "virtualport: Open vSwitch is not there");
	else if (!strcmp(name, "filterref"))
		xml_refuse(x, "filterref: give mac= and ip= to vifctl attach "
			      "instead; nwfilter's rules are not read");
}

/* A start tag is read; its element is not open yet. */
static int xml_on_start(struct xml *x, const char *name)
{
	const char *tag;

	if (xml_in(x, "domain", "devices") && !strcmp(name, "interface"))
		return xml_on_interface(x);
	if (!x->card)
		return 0;
	if (xml_in(x, "devices", "interface"))
		xml_on_child(x, name);
	else if (xml_in(x, "interface", "bandwidth") &&
		 !strcmp(name, "outbound"))
		xml_rate(x);
	else if (xml_in(x, "interface", "vlan") && !strcmp(name, "tag")) {
		tag = xml_attr(x, "id");
		import_put(x->card, "vlan", tag ? tag : "");
	}
	return 0;
}

static void xml_on_end(struct xml *x)
{
	if (!xml_in(x, "devices", "interface") || !x->card)
		return;
	if (x->ip[0])
		import_put(x->card, "ip", x->ip);
	x->card = NULL;
}

/* --- tags --------------------------------------------------------------------*/

static int xml_close(struct xml *x)
{
	char name[XML_NAME];
	int rc = xml_name(x, name);

	if (rc)
		return rc;
	x->p += strspn(x->p, " \t\r\n");
	if (*x->p != '>' || !x->depth || strcmp(x->path[x->depth - 1], name))
		return xml_bad(x, "an end tag closes what is not open");
	x->p++;
	xml_on_end(x);
	x->depth--;
	return 0;
}

static int xml_open(struct xml *x)
{
	char name[XML_NAME];
	bool empty;
	int rc = xml_name(x, name);

	if (!rc)
		rc = xml_attrs(x);
	if (rc)
		return rc;
	empty = *x->p == '/';
	x->p += empty;
	if (*x->p != '>')
		return xml_bad(x, "a tag has no end");
	x->p++;
	if (x->depth == XML_DEPTH)
		return xml_bad(x, "elements are nested too deeply");
	rc = xml_on_start(x, name);
	memcpy(x->path[x->depth++], name, sizeof(name));
	if (!rc && empty) {
		xml_on_end(x);
		x->depth--;
	}
	return rc;
}

/* Passes over what ends with `end`. */
static int xml_pass(struct xml *x, const char *end)
{
	const char *p = strstr(x->p, end);

	if (!p)
		return xml_bad(x, "a comment or instruction has no end");
	x->p = p + strlen(end);
	return 0;
}

static int xml_tag(struct xml *x)
{
	x->p++;
	if (*x->p == '/') {
		x->p++;
		return xml_close(x);
	}
	if (*x->p == '?')
		return xml_pass(x, "?>");
	if (!strncmp(x->p, "!--", 3))
		return xml_pass(x, "-->");
	if (*x->p == '!')
		return xml_bad(x, "declarations are not read; libvirt writes "
				  "none");
	return xml_open(x);
}

int import_xml(struct import *o, const char *text, struct err *e)
{
	struct xml x = { .p = text, .from = text, .o = o, .e = e };
	char word[XML_VALUE];
	int rc = 0;

	while (!rc && *x.p) {
		if (*x.p == '<') {
			rc = xml_tag(&x);
			continue;
		}
		if (!strchr(x.p, '<')) { /* the last of it */
			x.p += strlen(x.p);
			continue;
		}
		rc = xml_text(&x, '<', word, sizeof(word));
		if (!rc && xml_in(&x, "domain", "name") &&
		    str_put(o->guest, sizeof(o->guest), word))
			rc = xml_bad(&x, "the name is too long");
	}
	o->is_guest = true;
	if (!rc && x.depth)
		rc = xml_bad(&x, "an element is not closed");
	return rc;
}
