// SPDX-License-Identifier: GPL-2.0-or-later
/* verb_import.c - import: what a file of xl, xend or libvirt would attach */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "ctl/attach.h"
#include "ctl/import.h"
#include "ctl/out.h"
#include "ctl/run.h"

enum { IMPORT_ARGS = 40 };

static const char import_xl_conf[] = "/etc/xen/xl.conf";

/* The words behind the file's name. */
struct importing {
	struct ctl *c;
	struct err *e;
	struct import file;
	struct out out;
	const char *name, *conf;
	bool strict, attach, domain;
	uint16_t domid;
	unsigned bad, remote;
	struct xlvif x[IMPORT_CARDS];
	struct vif v[IMPORT_CARDS];
	bool good[IMPORT_CARDS], made[IMPORT_CARDS];
};

static int import_load(const char *name, char **out, struct err *e)
{
	int fd = strcmp(name, "-") ? open(name, O_RDONLY | O_CLOEXEC) : 0;
	char *text = malloc(IMPORT_FILE + 1);
	ssize_t r = 1;
	size_t n = 0;
	int rc = 0;

	if (fd < 0 || !text) {
		rc = err_set(e, fd < 0 ? -errno : -ENOMEM,
			     "cannot read %.200s: %s", name, strerror(errno));
		goto out;
	}
	while (r > 0 && n <= IMPORT_FILE) {
		r = read(fd, text + n, IMPORT_FILE + 1 - n);
		n += r > 0 ? (size_t)r : 0;
	}
	if (r < 0)
		rc = err_set(e, -errno, "cannot read %.200s: %s", name,
			     strerror(errno));
	else if (n > IMPORT_FILE)
		rc = err_set(e, -EFBIG, "%.200s: larger than 1 MiB", name);
	else if (memchr(text, '\0', n))
		rc = err_set(e, -EINVAL, "%.200s: not a text file", name);
	text[n > IMPORT_FILE ? 0 : n] = '\0';
out:
	if (fd > 0)
		close(fd);
	if (rc)
		free(text);
	else
		*out = text;
	return rc;
}

static int import_file(struct importing *p, const char *name)
{
	char *text;
	int rc = import_load(name, &text, p->e);

	if (rc)
		return rc;
	rc = import_read(&p->file, text, p->e);
	free(text);
	if (rc)
		err_prefix(p->e, "%.200s", name);
	return rc;
}

/* Defaults first; xl's own if it is there and no other is named. */
static int import_files(struct importing *p)
{
	const char *conf = p->conf;
	int rc = 0;

	if (!conf && !access(import_xl_conf, R_OK))
		conf = import_xl_conf;
	if (conf && strcmp(conf, "none"))
		rc = import_file(p, conf);
	if (!rc && p->file.is_guest)
		return err_set(p->e, -EINVAL,
			       "conf=%.100s: it has a guest, not defaults; "
			       "xl.conf or xend-config.sxp is meant",
			       conf);
	p->file.conf.any = false;
	return rc ? rc : import_file(p, p->name);
}

/* --- words -------------------------------------------------------------------*/

static int import_yes(const char *key, const char *s, bool *out, struct err *e)
{
	if (strcmp(s, "yes") && strcmp(s, "no"))
		return err_set(e, CTL_USAGE, "%s=%.40s: write yes or no", key,
			       s);
	*out = s[0] == 'y';
	return 0;
}

static int import_domain(struct importing *p, const char *s)
{
	uint32_t n;

	if (num_parse(s, VIF_DOMID_MAX, &n))
		return err_set(p->e, CTL_USAGE,
			       "domain=%.40s: not a domain's number, 0 to %d",
			       s, VIF_DOMID_MAX);
	p->domid = (uint16_t)n;
	p->domain = true;
	return 0;
}

static int import_arg(struct importing *p, const char *w)
{
	if (!strncmp(w, "domain=", 7))
		return import_domain(p, w + 7);
	if (!strncmp(w, "strict=", 7))
		return import_yes("strict", w + 7, &p->strict, p->e);
	if (!strncmp(w, "attach=", 7))
		return import_yes("attach", w + 7, &p->attach, p->e);
	if (strncmp(w, "conf=", 5))
		return err_set(p->e, CTL_USAGE,
			       "import: \"%.40s\": domain=, conf=, strict= or "
			       "attach= is expected",
			       w);
	if (p->conf)
		return err_set(p->e, CTL_USAGE, "import: conf= is given twice");
	p->conf = w + 5;
	return 0;
}

static int import_args(struct importing *p, int argc, char **argv)
{
	int i, rc = 0;

	if (argc < 1 || !argv[0][0])
		return err_set(p->e, CTL_USAGE,
			       "import: which file? xl's domain file or "
			       "xl.conf, xend-config.sxp, or libvirt's XML; - "
			       "is standard input");
	p->name = argv[0];
	for (i = 1; !rc && i < argc; i++)
		rc = import_arg(p, argv[i]);
	if (!rc && p->attach && !p->domain)
		rc = err_set(p->e, CTL_USAGE,
			     "import: attach=yes needs domain=N, the local "
			     "guest's number");
	return rc;
}

/* --- cards -------------------------------------------------------------------*/

/* Two cards of one number would be one. */
static int import_twice(struct importing *p, unsigned i, struct err *e)
{
	unsigned k;

	for (k = 0; k < i; k++)
		if (p->good[k] && p->v[k].handle == p->v[i].handle)
			return err_set(
				e, -EEXIST,
				"devid %u is that of the card in line %u",
				p->v[i].handle, p->file.card[k].line);
	return 0;
}

static int import_card(struct importing *p, unsigned i, struct err *e)
{
	const struct import_card *k = &p->file.card[i];
	struct vif *v = &p->v[i];
	int rc;

	v->domid = p->domain ? p->domid : 1;
	v->handle = (uint16_t)i;
	if (k->why[0])
		return err_set(e, -EINVAL, "%s", k->why);
	rc = xlvif_parse(&p->x[i], k->spec, p->strict, e);
	if (!rc)
		rc = import_vif(&p->file, &p->x[i], i, v, e);
	return rc ? rc : import_twice(p, i, e);
}

static void import_notes_out(struct out *o, const struct xlvif *x)
{
	json_t *list = json_array();
	unsigned i;

	for (i = 0; i < x->nnote && i < XLVIF_NOTES; i++)
		json_array_append_new(list, json_string(x->note[i]));
	if (i || o->json)
		out_json(o, "notes", list);
	else
		json_decref(list);
}

static void import_say(struct importing *p, unsigned i, const char *why)
{
	const struct xlvif *x = &p->x[i];
	const struct vif *v = &p->v[i];
	char words[VIF_TEXT], name[XLVIF_NAME + 16];
	bool local = import_local(&p->file, x);
	struct out *o = &p->out;

	snprintf(name, sizeof(name), "%s/%u",
		 p->file.guest[0] ? p->file.guest : "guest", v->handle);
	out_begin(o, name);
	out_num(o, "line", p->file.card[i].line);
	if (p->domain)
		out_num(o, "domain", v->domid);
	out_num(o, "device", v->handle);
	if (why[0]) {
		out_str(o, "error", why);
	} else {
		out_str(o, "mode", vif_mode_name(v->mode));
		out_bool(o, "local", local);
		if (vif_print(v, words, sizeof(words)) >= 0)
			out_str(o, "words", words);
	}
	import_notes_out(o, x);
	out_end(o);
	p->remote += !why[0] && !local;
}

static void import_defaults(struct importing *p)
{
	const struct import_conf *c = &p->file.conf;
	const char *const row[][2] = {
		{ "script", c->script },   { "bridge", c->bridge },
		{ "backend", c->backend }, { "gatewaydev", c->gatewaydev },
		{ "network", c->network },
	};
	unsigned i;

	out_begin(&p->out, "defaults");
	for (i = 0; i < ARRAY_SIZE(row); i++) {
		if (row[i][1][0])
			out_str(&p->out, row[i][0], row[i][1]);
		else if (p->out.json)
			out_null(&p->out, row[i][0]);
	}
	out_end(&p->out);
}

static void import_cards(struct importing *p)
{
	struct err why;
	unsigned i;

	for (i = 0; i < p->file.n; i++) {
		why.text[0] = '\0';
		p->good[i] = !import_card(p, i, &why);
		p->bad += !p->good[i];
		import_say(p, i, why.text);
	}
	if (!p->file.is_guest && p->file.conf.any)
		import_defaults(p);
}

/* --- attach=yes --------------------------------------------------------------*/

static bool import_there(struct ctl *c, const struct vif *v)
{
	struct nodes n;

	return !run_store(c, NULL) &&
	       !nodes_read(c->store, v->domid, v->handle, &n, NULL) && n.back;
}

static int import_attach(struct importing *p, unsigned i)
{
	char name[ATTACH_NAME], words[VIF_TEXT], *argv[IMPORT_ARGS], *save;
	struct vif *v = &p->v[i];
	int argc = 0, rc;
	char *w;

	snprintf(name, sizeof(name), "vif%u.%u", v->domid, v->handle);
	rc = vif_print(v, words, sizeof(words));
	if (rc < 0)
		return rc;
	argv[argc++] = name;
	for (w = strtok_r(words, " ", &save); w && argc < IMPORT_ARGS;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	p->made[i] = !import_there(p->c, v);
	return verb_attach(p->c, argc, argv, p->e);
}

/* All, or none: those that were not there before go again. */
static int import_run(struct importing *p)
{
	char name[ATTACH_NAME], *argv[] = { name };
	struct err no;
	unsigned i;
	int rc = 0;

	for (i = 0; !rc && i < p->file.n; i++)
		if (import_local(&p->file, &p->x[i]))
			rc = import_attach(p, i);
	for (; rc && i > 0; i--) {
		if (!p->made[i - 1])
			continue;
		snprintf(name, sizeof(name), "vif%u.%u", p->v[i - 1].domid,
			 p->v[i - 1].handle);
		verb_detach(p->c, 1, argv, &no);
	}
	return rc;
}

static int import_all(struct importing *p, int argc, char **argv)
{
	int rc = import_args(p, argc, argv);

	if (!rc)
		rc = import_files(p);
	if (rc)
		return rc;
	if (out_open(&p->out, stdout, p->c->json))
		return err_set(p->e, -ENOMEM, "out of memory");
	import_cards(p);
	if (out_close(&p->out))
		return err_set(p->e, -EIO, "cannot write to stdout");
	if (!p->file.is_guest && !p->file.conf.any)
		return err_set(p->e, -ENOENT,
			       "%.200s: nothing about network cards is in it",
			       p->name);
	if (p->bad)
		return err_set(p->e, -EINVAL,
			       "%.200s: %u of %u cards cannot be attached; see "
			       "error above",
			       p->name, p->bad, p->file.n);
	return p->attach ? import_run(p) : 0;
}

int verb_import(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct importing *p = calloc(1, sizeof(*p));
	int rc = -ENOMEM;

	if (p)
		p->file.card = calloc(IMPORT_CARDS, sizeof(*p->file.card));
	if (p && p->file.card) {
		p->c = c;
		p->e = e;
		rc = import_all(p, argc, argv);
	} else {
		err_set(e, rc, "out of memory");
	}
	if (p)
		free(p->file.card);
	free(p);
	return rc;
}
