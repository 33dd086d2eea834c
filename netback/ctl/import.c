// SPDX-License-Identifier: GPL-2.0-or-later
/* import.c - xl's, xend's and xl.conf's files, as vifs of ours */
#include "ctl/import.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "ctl/xlcfg.h"

int import_add(struct import *o, unsigned line, struct import_card **out,
	       struct err *e)
{
	if (o->n == IMPORT_CARDS)
		return err_set(e, -E2BIG,
			       "line %u: more than %d cards in one file", line,
			       IMPORT_CARDS);
	*out = &o->card[o->n++];
	memset(*out, 0, sizeof(**out));
	(*out)->line = line;
	return 0;
}

void import_put(struct import_card *k, const char *key, const char *value)
{
	size_t n = strlen(k->spec);

	if (strchr(value, ','))
		snprintf(k->why, sizeof(k->why),
			 "%s: a comma cannot stand in its value", key);
	else if (str_fmt(k->spec + n, sizeof(k->spec) - n, "%s%s=%s",
			 n ? "," : "", key, value) < 0)
		snprintf(k->why, sizeof(k->why), "%s: too long", key);
}

static int import_conf(struct import *o, unsigned line, char *dst, size_t size,
		       const char *value, struct err *e)
{
	if (str_put(dst, size, value))
		return err_set(e, -EINVAL, "line %u: the value is too long",
			       line);
	o->conf.any = true;
	return 0;
}

/* --- xl ----------------------------------------------------------------------*/

#define CONF(field)                                                            \
	offsetof(struct import_conf, field),                                   \
		sizeof(((struct import_conf *)NULL)->field)

static const struct {
	const char *name;
	size_t at, size;
} import_confs[] = {
	{ "vif.default.script", CONF(script) },
	{ "vif.default.bridge", CONF(bridge) },
	{ "vif.default.backend", CONF(backend) },
	{ "vif.default.gatewaydev", CONF(gatewaydev) },
	{ "vifscript", CONF(script) },
	{ "defaultbridge", CONF(bridge) },
};

static int import_on_vif(struct import *o, const struct xlcfg_item *it,
			 struct err *e)
{
	struct import_card *k = NULL;
	int rc;

	o->is_guest = true;
	if (it->index < 0)
		return err_set(e, -EINVAL,
			       "line %u: vif is a list; write vif = [ '..' ]",
			       it->line);
	rc = import_add(o, it->line, &k, e);
	if (rc)
		return rc;
	if (str_put(k->spec, sizeof(k->spec), it->value))
		snprintf(k->why, sizeof(k->why), "too long");
	return 0;
}

static int import_on_xl(void *arg, const struct xlcfg_item *it, struct err *e)
{
	struct import *o = arg;
	unsigned i;

	if (!strcmp(it->name, "vif"))
		return import_on_vif(o, it, e);
	if (!strcmp(it->name, "name") && it->index < 0) {
		o->is_guest = true;
		return import_conf(o, it->line, o->guest, sizeof(o->guest),
				   it->value, e);
	}
	if ((!strcmp(it->name, "type") || !strcmp(it->name, "builder")) &&
	    !strcmp(it->value, "hvm"))
		o->hvm = true;
	for (i = 0; i < ARRAY_SIZE(import_confs) && it->index < 0; i++)
		if (!strcmp(it->name, import_confs[i].name))
			return import_conf(o, it->line,
					   (char *)&o->conf +
						   import_confs[i].at,
					   import_confs[i].size, it->value, e);
	return 0;
}

/* --- xend --------------------------------------------------------------------*/

/* The words behind a script's name: "vif-bridge bridge=br0". */
static int import_words(struct import *o, unsigned line, const char *text,
			struct err *e)
{
	char buf[XLVIF_LONG], *w, *save = NULL;
	int rc = str_put(buf, sizeof(buf), text);

	w = rc ? NULL : strtok_r(buf, " \t\n", &save);
	for (; !rc && w; w = strtok_r(NULL, " \t\n", &save)) {
		if (!strncmp(w, "bridge=", 7))
			rc = import_conf(o, line, o->conf.bridge,
					 sizeof(o->conf.bridge), w + 7, e);
		else if (!strncmp(w, "netdev=", 7))
			rc = import_conf(o, line, o->conf.gatewaydev,
					 sizeof(o->conf.gatewaydev), w + 7, e);
	}
	return rc < 0 && rc != -EINVAL
		       ? err_set(e, -EINVAL, "line %u: too long", line)
		       : rc;
}

/* (network-script 'NAME [VAR=VAL ..]') and (vif-script ..) */
static int import_on_script(struct import *o, const struct sxp_item *it,
			    struct err *e)
{
	bool vif = !strcmp(it->path[0], "vif-script");
	size_t n = strcspn(it->value, " \t\n");
	char name[XLVIF_LONG];
	int rc = import_words(o, it->line, it->value, e);

	if (rc)
		return rc;
	if (!vif)
		return import_conf(o, it->line, o->conf.network,
				   sizeof(o->conf.network), it->value, e);
	if (n >= sizeof(name))
		return err_set(e, -EINVAL, "line %u: too long", it->line);
	memcpy(name, it->value, n);
	name[n] = '\0';
	return import_conf(o, it->line, o->conf.script, sizeof(o->conf.script),
			   name, e);
}

/* Inside (vif (mac ..) (bridge ..)): what xl says with the same word. */
static void import_on_key(struct import_card *k, const char *key,
			  const char *value)
{
	static const char *const same[] = { "mac",     "bridge", "ip",
					    "script",  "type",	 "model",
					    "backend", "rate",	 "vifname" };
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(same); i++)
		if (!strcmp(key, same[i]))
			import_put(k, key, value);
}

static int import_on_sxp(void *arg, const struct sxp_item *it, struct err *e)
{
	const char *head = it->depth ? it->path[it->depth - 1] : "";
	struct import_card *k = NULL;
	struct import *o = arg;

	if (!it->value) {
		o->is_guest |= !strcmp(head, "vif");
		return strcmp(head, "vif") ? 0 : import_add(o, it->line, &k, e);
	}
	if (it->index != 1)
		return 0;
	if (it->depth == 1 &&
	    (!strcmp(head, "network-script") || !strcmp(head, "vif-script")))
		return import_on_script(o, it, e);
	if (it->depth > 1 && o->n && !strcmp(it->path[it->depth - 2], "vif"))
		import_on_key(&o->card[o->n - 1], head, it->value);
	if (!strcmp(head, "name") && it->depth <= 2) {
		o->is_guest = true;
		return import_conf(o, it->line, o->guest, sizeof(o->guest),
				   it->value, e);
	}
	return 0;
}

/* --- a file ------------------------------------------------------------------*/

/* The first byte that is no blank and in no comment: each kind has its own. */
static char import_first(const char *text)
{
	for (;;) {
		text += strspn(text, " \t\r\n");
		if (*text != '#')
			return *text;
		text += strcspn(text, "\n");
	}
}

int import_read(struct import *o, const char *text, struct err *e)
{
	switch (import_first(text)) {
	case '<':
		return import_xml(o, text, e);
	case '(':
		return sxp_parse(text, import_on_sxp, o, e);
	default:
		return xlcfg_parse(text, import_on_xl, o, e);
	}
}

/* --- a card as a vif ---------------------------------------------------------*/

/* "" a key that is not given; else what a card says, or a default. */
static const char *import_or(const char *own, const char *conf)
{
	return own[0] ? own : conf;
}

static int import_mode(const char *script, const char **mode, struct err *e)
{
	static const char *const row[][2] = {
		{ "", "bridge" },	   { "vif-bridge", "bridge" },
		{ "vif-route", "route" },  { "vif-nat", "nat" },
		{ "vif-setup", "bridge" },
	};
	const char *base = strrchr(script, '/') ? strrchr(script, '/') + 1
						: script;
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(row); i++)
		if (!strcmp(base, row[i][0])) {
			*mode = row[i][1];
			return 0;
		}
	return err_set(e, -EINVAL,
		       "script=%.60s: no mode does what it does; there are "
		       "vif-bridge, vif-route and vif-nat",
		       script);
}

static int import_word(struct vif *v, const char *key, const char *value,
		       struct err *e)
{
	char word[XLVIF_LONG + 32];

	if (!value[0])
		return 0;
	snprintf(word, sizeof(word), "%s=%s", key, value);
	return vif_parse(v, word, e);
}

static int import_numbers(struct xlvif *x, struct vif *v, struct err *e)
{
	char text[32];
	int rc = 0;

	if (x->has_mac && memcmp(x->mac, "\0\0\0\0\0", 6)) {
		vif_print_mac(x->mac, text);
		rc = import_word(v, "mac", text, e);
	}
	if (!rc && x->has_mtu) {
		snprintf(text, sizeof(text), "%u", x->mtu);
		rc = import_word(v, "mtu", text, e);
	}
	if (!rc && x->rate_usecs && x->rate_bytes > UINT32_MAX)
		xlvif_note(x, "rate: no limit worth the name, left out");
	else if (!rc && x->rate_usecs) {
		snprintf(text, sizeof(text), "%u,%u", (uint32_t)x->rate_bytes,
			 x->rate_usecs);
		rc = import_word(v, "rate", text, e);
	}
	return rc;
}

static void import_notes(const struct import *o, struct xlvif *x)
{
	if (x->type == XLVIF_IOEMU || (x->type == XLVIF_UNSAID && o->hvm))
		xlvif_note(x, "type=ioemu: the emulated card beside it is the "
			      "device model's; only the vif is meant here");
	if (x->untrusted)
		xlvif_note(x, "untrusted: a word for the guest, not for us");
}

bool import_local(const struct import *o, const struct xlvif *x)
{
	const char *b = import_or(x->backend, o->conf.backend);

	return !b[0] || !strcmp(b, "0") || !strcmp(b, "Domain-0");
}

int import_vif(const struct import *o, struct xlvif *x, unsigned index,
	       struct vif *v, struct err *e)
{
	const char *script = import_or(x->script, o->conf.script);
	const char *bridge = import_or(x->bridge, o->conf.bridge);
	const char *gate = import_or(x->gatewaydev, o->conf.gatewaydev);
	const char *mode = "";
	int rc = import_mode(script, &mode, e);

	vif_init(v, v->domid, (uint16_t)(x->has_devid ? x->devid : index));
	import_notes(o, x);
	if (!rc)
		rc = import_word(v, "mode", mode, e);
	if (!rc && v->mode == VIF_BRIDGE)
		rc = import_word(v, "bridge", bridge, e);
	if (!rc && v->mode == VIF_ROUTE)
		rc = import_word(v, "gatewaydev", gate, e);
	if (!rc)
		rc = import_word(v, "vifname", x->vifname, e);
	if (!rc)
		rc = import_word(v, "ip", x->ip, e);
	if (!rc)
		rc = import_word(v, "vlan", x->vlan, e);
	if (!rc)
		rc = import_numbers(x, v, e);
	return rc ? rc : vif_check(v, e);
}
