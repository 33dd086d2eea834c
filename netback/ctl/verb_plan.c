// SPDX-License-Identifier: GPL-2.0-or-later
/* verb_plan.c - plan and check: what would be done, and whether it still is */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/attach.h"
#include "ctl/host.h"
#include "ctl/net.h"
#include "ctl/out.h"
#include "ctl/run.h"

/* Without words: as attached. With words: as attach would take them, a MAC that
 * it has already included. No store is fine, then nothing is attached.
 */
static int plan_target(struct ctl *c, struct vif *v, char *from, int argc,
		       char **argv, struct err *e)
{
	struct nodes n = { 0 };
	char id[64];
	int rc = ctl_words(v, argc, argv, e);

	if (rc)
		return rc;
	if (!run_store(c, NULL) &&
	    nodes_read(c->store, v->domid, v->handle, &n, e))
		return -EIO;
	from[0] = '\0';
	if (n.back)
		strcpy(from, n.vif.bridge);
	if (argc == 1 && nodes_whole(&n, e))
		return -EIO;
	if (argc == 1 && n.back)
		*v = n.vif;
	if (!v->has_mac && n.back && n.vif.has_mac) {
		memcpy(v->mac, n.vif.mac, sizeof(v->mac));
		v->has_mac = true;
	}
	if (!v->has_mac) {
		ctl_host_id(id, sizeof(id));
		ctl_make_mac(v, id);
	}
	return 0;
}

int verb_plan(struct ctl *c, int argc, char **argv, struct err *e)
{
	char from[IFNAMSIZ];
	struct vif v;
	struct plan p;
	int rc = plan_target(c, &v, from, argc, argv, e);

	if (rc)
		return rc;
	rc = host_plan(&v, from, NULL, &p, e);
	if (!rc)
		rc = host_print(&v, &p, c->json, e);
	if (rc)
		ctl_prefix(&v, e);
	return rc;
}

/* --- check ------------------------------------------------------------------- */

struct check {
	struct ctl *c;
	struct err *e;
	struct out *out;
	uint16_t domid;
	bool differs;
};

/* The lines of one vif as records: its name and what differs. */
static void check_lines(struct check *k, const char *name, char *text)
{
	char *line, *save = NULL;

	for (line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		k->differs = true;
		if (!k->out->json) {
			fprintf(k->out->f, "%s\n", line);
			continue;
		}
		out_begin(k->out, name);
		out_str(k->out, "differs", line);
		out_end(k->out);
	}
}

int check_text(struct ctl *c, const struct nodes *n, FILE *f, struct err *e)
{
	const struct vif *v = &n->vif;
	uint32_t mtu;
	int rc, differ;

	if (strcmp(n->hotplug, "connected"))
		fprintf(f,
			"vif%u.%u: hotplug-status is \"%s\", should be "
			"connected; attach it again\n",
			v->domid, v->handle, n->hotplug);
	if (n->bad_rate)
		fprintf(f,
			"vif%u.%u: the store's rate makes no sense and limits "
			"nothing; set another: vifctl set vif%u.%u rate=..\n",
			v->domid, v->handle, v->domid, v->handle);
	if (n->bad.text[0]) { /* what should be cannot be told */
		fprintf(f, "vif%u.%u: %s\n", v->domid, v->handle, n->bad.text);
		return 1;
	}
	rc = host_check(v, f, &mtu, e);
	if (rc < 0)
		return rc;
	differ = n->bad_rate;
	differ |= mtu ? nodes_check(c->store, v, mtu, f) : 0;
	differ |= net_check_vif(c, v, f);
	return rc || differ || strcmp(n->hotplug, "connected");
}

static int check_vif(struct check *k, uint16_t domid, uint16_t handle)
{
	char *text = NULL, name[ATTACH_NAME];
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	struct nodes n;
	int rc;

	if (!f)
		return err_set(k->e, -ENOMEM, "out of memory");
	snprintf(name, sizeof(name), "vif%u.%u", domid, handle);
	rc = nodes_read(k->c->store, domid, handle, &n, k->e);
	if (!rc && !n.back)
		rc = err_set(k->e, -ENOENT,
			     "it is not attached; see vifctl show");
	if (!rc)
		rc = check_text(k->c, &n, f, k->e);
	fclose(f);
	if (rc < 0)
		err_prefix(k->e, "%s", name);
	else
		check_lines(k, name, text);
	free(text);
	return rc < 0 ? rc : 0;
}

static int check_each(void *arg, uint16_t domid, uint16_t handle)
{
	return check_vif(arg, domid, handle);
}

/* One that is deleted meanwhile is not there. */
static int check_network(void *arg, const char *name)
{
	struct check *k = arg;
	char *text = NULL;
	size_t size = 0;
	FILE *f = open_memstream(&text, &size);
	int rc;

	if (!f)
		return err_set(k->e, -ENOMEM, "out of memory");
	rc = net_check(k->c, name, f, k->e);
	fclose(f);
	if (rc == 1)
		check_lines(k, name, text);
	free(text);
	return rc < 0 && rc != -ENOENT ? rc : 0;
}

int verb_check(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct out out;
	struct check k = { .c = c, .e = e, .out = &out };
	struct vif v;
	int rc = argc ? ctl_name(&v, argc, argv, e) : 0;

	if (!rc)
		rc = run_store(c, e);
	if (rc)
		return rc;
	if (out_open(&out, stdout, c->json))
		return err_set(e, -ENOMEM, "out of memory");
	rc = argc ? check_vif(&k, v.domid, v.handle)
		  : nodes_each(c->store, check_each, &k, e);
	if (!rc && !argc)
		rc = net_each(c, check_network, &k);
	if (out_close(&out) && !rc)
		rc = err_set(e, -EIO, "cannot write to stdout");
	return rc ? rc : k.differs ? CTL_DIFFERS : 0;
}
