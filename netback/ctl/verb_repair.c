// SPDX-License-Identifier: GPL-2.0-or-later
/* verb_repair.c - repair: what check finds is mended, and nothing else */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/attach.h"
#include "ctl/host.h"
#include "ctl/net.h"
#include "ctl/out.h"
#include "ctl/run.h"
#include "filter.h"

struct repair {
	struct ctl *c;
	struct err *e;
	struct out out;
	unsigned left; /* differences that stayed */
};

/* check's lines about n: the caller frees *text. */
static int repair_look(struct repair *r, const struct nodes *n, char **text)
{
	size_t size = 0;
	FILE *f = open_memstream(text, &size);
	int rc;

	if (!f)
		return err_set(r->e, -ENOMEM, "out of memory");
	rc = check_text(r->c, n, f, r->e);
	fclose(f);
	return rc;
}

/* Where another bridge holds it, out of that first. */
static int repair_host(const struct vif *v, uint32_t *mtu, struct err *e)
{
	struct facts f;
	struct plan p;
	int rc = host_plan(v, NULL, &f, &p, e);

	if (!f.link && !rc)
		return err_set(e, -ENODEV,
			       "%s: there is no such device; netbackd makes "
			       "it, when it is detached and attached again",
			       v->name);
	if (rc == -EBUSY) {
		rc = host_leave(v, e);
		if (!rc)
			rc = host_plan(v, NULL, &f, &p, e);
	}
	if (!rc)
		*mtu = host_mtu(v, &f);
	if (!rc && p.policy.masquerade)
		rc = filter_nat_mend(e);
	return rc ? rc : host_apply(&p, e);
}

static bool repair_still(const char *text, const char *line)
{
	const char *p = strstr(text, line);
	size_t n = strlen(line);

	return p && (p == text || p[-1] == '\n') && p[n] == '\n';
}

/* Each difference of before, and whether it is there after. */
static void repair_say(struct repair *r, const char *name, char *before,
		       const char *after, const char *why)
{
	char *line, *save = NULL;

	for (line = strtok_r(before, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		out_begin(&r->out, name);
		out_str(&r->out, "differs", line);
		out_bool(&r->out, "repaired", !repair_still(after, line));
		if (repair_still(after, line)) {
			r->left++;
			if (why[0])
				out_str(&r->out, "error", why);
		}
		out_end(&r->out);
	}
}

static int repair_mend(struct repair *r, const char *name, struct nodes *n,
		       char *before)
{
	const struct vif *v = &n->vif;
	struct err why = { "" };
	char *after = NULL;
	uint32_t mtu = 0;
	int rc = nodes_whole(n, &why);

	if (!rc)
		rc = nodes_direct(r->c->store, v, false, &why);
	if (!rc)
		rc = repair_host(v, &mtu, &why);
	if (!rc)
		rc = net_mend_vif(r->c, v, &why);
	if (!rc)
		rc = nodes_update(r->c, v, mtu, &why);
	if (!rc)
		rc = nodes_direct(r->c->store, v, true, &why);
	if (!rc && strcmp(n->hotplug, "connected"))
		rc = nodes_set(r->c->store, v, "hotplug-status", "connected",
			       &why);
	rc = nodes_read(r->c->store, v->domid, v->handle, n, r->e);
	if (!rc)
		rc = repair_look(r, n, &after);
	if (rc >= 0)
		repair_say(r, name, before, after, why.text);
	free(after);
	return rc < 0 ? rc : 0;
}

static int repair_locked(struct repair *r, const char *name, uint16_t domid,
			 uint16_t handle)
{
	char *text = NULL;
	struct nodes n;
	int rc = nodes_read(r->c->store, domid, handle, &n, r->e);

	if (rc)
		return rc;
	if (!n.back || !n.online)
		return err_set(r->e, -ENOENT,
			       "it is not attached; see vifctl "
			       "show, and vifctl gc");
	rc = repair_look(r, &n, &text);
	if (rc == 1)
		rc = repair_mend(r, name, &n, text);
	free(text);
	return rc;
}

static int repair_vif(void *arg, uint16_t domid, uint16_t handle)
{
	struct repair *r = arg;
	char name[ATTACH_NAME];
	struct vif v;
	int rc, lock;

	vif_init(&v, domid, handle);
	snprintf(name, sizeof(name), "vif%u.%u", domid, handle);
	rc = lock = attach_lock(r->c, &v, r->e);
	if (lock >= 0) {
		rc = repair_locked(r, name, domid, handle);
		attach_unlock(r->c, &v, lock);
	}
	if (rc < 0)
		ctl_prefix(&v, r->e);
	return rc < 0 ? rc : 0;
}

static int repair_network(void *arg, const char *name)
{
	struct repair *r = arg;
	char *before = NULL, *after = NULL;
	size_t nb = 0, na = 0;
	FILE *b = open_memstream(&before, &nb),
	     *a = open_memstream(&after, &na);
	struct err why = { "" };
	int rc = -ENOMEM;

	if (a && b)
		rc = net_mend(r->c, name, b, a, &why);
	if (a)
		fclose(a);
	if (b)
		fclose(b);
	if (rc >= 0)
		repair_say(r, name, before, after, why.text);
	else if (rc != -ENOENT)
		err_set(r->e, rc, "network %s: %s", name, why.text);
	free(before);
	free(after);
	return rc < 0 && rc != -ENOENT ? rc : 0;
}

/* Networks first: their vifs stand on them. */
static int repair_all(struct repair *r)
{
	int rc = net_each(r->c, repair_network, r);

	return rc ? rc : nodes_each(r->c->store, repair_vif, r, r->e);
}

/* Where that put mode nat's table back: what began without it ends. */
static int repair_asked(struct repair *r, const struct vif *one)
{
	bool was = filter_nat_check("", NULL, NULL) != 1;
	int rc = one ? repair_vif(r, one->domid, one->handle) : repair_all(r);

	if (!rc && !was && !filter_nat_check("", NULL, NULL))
		rc = net_cut(r->c, r->e);
	return rc;
}

int verb_repair(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct repair r = { .c = c, .e = e };
	struct vif v;
	int rc = argc ? ctl_name(&v, argc, argv, e) : 0;

	if (!rc)
		rc = run_store(c, e);
	if (rc)
		return rc;
	if (out_open(&r.out, stdout, c->json))
		return err_set(e, -ENOMEM, "out of memory");
	rc = repair_asked(&r, argc ? &v : NULL);
	if (out_close(&r.out) && !rc)
		rc = err_set(e, -EIO, "cannot write to stdout");
	if (!rc && r.left)
		rc = err_set(e, -EIO,
			     "repair: %u differences stay; see error above",
			     r.left);
	return rc;
}
