// SPDX-License-Identifier: GPL-2.0-or-later
/* verb_bridge.c - bridge close, open, show: only known ports pass frames
 *
 * What is closed stands as RUN/closed/BRIDGE/PORT, one empty file for each port
 * that an administrator vouches for, and BRIDGE/router:PORT where guests' addresses
 * may come from; vifs are known by their guards. The kernel's
 * table is made of that, and `vifctl watch guard` makes it again.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/num.h"
#include "ctl/attach.h"
#include "ctl/bridge.h"
#include "ctl/host.h"
#include "ctl/out.h"
#include "ctl/run.h"
#include "filter.h"
#include "vif.h"

enum { BRIDGE_PATH = CTL_PATH + 40 };

/* Stands before a port's name: no name has a colon. */
static const char bridge_router[] = "router:";
static const char bridge_word[] = "router=";

static int bridge_path(const struct ctl *c, char path[BRIDGE_PATH],
		       const char *bridge, const char *port)
{
	return str_fmt(path, BRIDGE_PATH, "%s/closed%s%s%s%s", c->run,
		       bridge ? "/" : "", bridge ? bridge : "", port ? "/" : "",
		       port ? port : "") < 0
		       ? -ENAMETOOLONG
		       : 0;
}

static int bridge_add(struct filter_names *n, const char *name)
{
	char(*v)[IFNAMSIZ] = reallocarray(n->v, n->n + 1, sizeof(*v));

	if (!v)
		return -ENOMEM;
	n->v = v;
	return str_put(v[n->n++], IFNAMSIZ, name);
}

static bool bridge_has(const struct filter_names *n, const char *name)
{
	unsigned i;

	for (i = 0; i < n->n; i++)
		if (!strcmp(n->v[i], name))
			return true;
	return false;
}

/* Names of devices in a folder, after `before`; none when there is no such folder. */
static int bridge_list_of(const char *path, const char *before,
			  struct filter_names *out)
{
	size_t skip = strlen(before);
	struct dirent **d = NULL;
	int i, rc = 0, n = scandir(path, &d, NULL, alphasort);

	if (n < 0)
		return errno == ENOENT ? 0 : -errno;
	for (i = 0; i < n; i++) {
		if (!rc && !strncmp(d[i]->d_name, before, skip) &&
		    !vif_check_devname(d[i]->d_name + skip, NULL))
			rc = bridge_add(out, d[i]->d_name + skip);
		free(d[i]);
	}
	free(d);
	return rc;
}

static int bridge_list(const char *path, struct filter_names *out)
{
	return bridge_list_of(path, "", out);
}

static int bridge_ports(const char *bridge, struct filter_names *out)
{
	char path[64];

	str_fmt(path, sizeof(path), "/sys/class/net/%s/brif", bridge);
	return bridge_list(path, out);
}

struct bridge_owners {
	struct ctl *c;
	struct err *e;
	int rc; /* the first that failed */
};

/* A vif that is not wholly there is told by who attaches it. */
static int bridge_own_one(struct ctl *c, uint16_t domid, uint16_t handle,
			  struct err *e)
{
	char name[ATTACH_NAME];
	struct nodes n;
	int lock, rc;

	str_fmt(name, sizeof(name), "vif%u.%u", domid, handle);
	lock = run_lock(c, name, e);
	if (lock < 0)
		return lock;
	rc = nodes_read(c->store, domid, handle, &n, e);
	if (!rc && n.back && !n.bad.text[0])
		rc = host_own(&n.vif, e);
	run_unlock(c, name, lock);
	if (rc)
		err_prefix(e, "%s", name);
	return rc;
}

/* One that somebody is at for long takes nothing from the others. */
static int bridge_owner(void *arg, uint16_t domid, uint16_t handle)
{
	struct bridge_owners *o = arg;
	struct err e = { "" };
	int rc = bridge_own_one(o->c, domid, handle, &e);

	if (rc && !o->rc) {
		o->rc = rc;
		*o->e = e;
	}
	return rc == -EINTR ? rc : 0;
}

static int bridge_on_guard(void *arg, const char *dev)
{
	(void)arg, (void)dev;
	return 1;
}

/* Whose is what: the records of the vifs say. */
static int bridge_own(struct ctl *c, struct err *e)
{
	struct bridge_owners o = { c, e, 0 };
	int rc = filter_each(bridge_on_guard, NULL, e);

	if (rc <= 0) /* there is none */
		return rc;
	rc = run_store(c, e);
	if (!rc)
		rc = nodes_each(c->store, bridge_owner, &o, e);
	return rc ? rc : o.rc;
}

int bridge_restore(struct ctl *c, struct err *e)
{
	struct filter_closed all = { .ports = { .n = 0 } };
	char path[BRIDGE_PATH];
	unsigned i;
	int rc = bridge_path(c, path, NULL, NULL);

	if (!rc)
		rc = bridge_list(path, &all.bridges);
	for (i = 0; !rc && i < all.bridges.n; i++) {
		rc = bridge_path(c, path, all.bridges.v[i], NULL);
		if (!rc)
			rc = bridge_list(path, &all.ports);
		if (!rc)
			rc = bridge_list_of(path, bridge_router, &all.routers);
	}
	if (rc)
		err_set(e, rc, "closed bridges: cannot read %s: %s", path,
			strerror(-rc));
	else
		rc = filter_close(&all, e);
	if (!rc && all.bridges.n)
		rc = bridge_own(c, e);
	free(all.bridges.v);
	free(all.ports.v);
	free(all.routers.v);
	return rc;
}

/* --- close, open -------------------------------------------------------------- */

/* The port of a word: itself, or what stands after router=. */
static const char *bridge_port(const char *word)
{
	size_t n = strlen(bridge_word);

	return strncmp(word, bridge_word, n) ? word : word + n;
}

static int bridge_record(const struct ctl *c, const char *bridge,
			 const char *port, struct err *e)
{
	char path[BRIDGE_PATH];
	int rc = bridge_path(c, path, bridge, port);

	if (rc)
		return err_set(e, rc, "%s: too long a name", c->run);
	return port ? run_mark(path, e) : run_folder(path, e);
}

/* The port as it is named, and that a router is behind it. */
static void bridge_unlink(const struct ctl *c, const char *bridge,
			  const char *port, bool router)
{
	char path[BRIDGE_PATH], name[IFNAMSIZ + sizeof(bridge_router)];

	str_fmt(name, sizeof(name), "%s%s", router ? bridge_router : "", port);
	if (!bridge_path(c, path, bridge, name))
		unlink(path);
}

/* PORT or router=PORT; without the word it is none any more. */
static int bridge_name(const struct ctl *c, const char *bridge,
		       const char *word, struct err *e)
{
	const char *port = bridge_port(word);
	char name[IFNAMSIZ + sizeof(bridge_router)];
	int rc = bridge_record(c, bridge, port, e);

	if (rc)
		return rc;
	if (port == word) {
		bridge_unlink(c, bridge, port, true);
		return 0;
	}
	str_fmt(name, sizeof(name), "%s%s", bridge_router, port);
	return bridge_record(c, bridge, name, e);
}

static int bridge_forget(const struct ctl *c, const char *bridge, struct err *e)
{
	struct filter_names ports = { .n = 0 };
	char path[BRIDGE_PATH];
	unsigned i;
	int rc = bridge_path(c, path, bridge, NULL);

	if (!rc)
		rc = bridge_list(path, &ports);
	for (i = 0; !rc && i < ports.n; i++) {
		bridge_unlink(c, bridge, ports.v[i], true);
		bridge_unlink(c, bridge, ports.v[i], false);
	}
	if (!rc && !bridge_path(c, path, bridge, NULL) && rmdir(path) &&
	    errno != ENOENT)
		rc = -errno;
	free(ports.v);
	return rc ? err_set(e, rc, "cannot remove %s: %s", path, strerror(-rc))
		  : 0;
}

/* The ports that are there now and no vif's are vouched for: who closes a bridge
 * does not mean to cut its uplink off.
 */
static int bridge_vouch(const struct ctl *c, const char *bridge, struct err *e)
{
	struct filter_names ports = { .n = 0 };
	struct filter_counted *guard = NULL;
	unsigned i;
	int rc = bridge_ports(bridge, &ports);

	for (i = 0; !rc && i < ports.n; i++) {
		int n = filter_counts(ports.v[i], &guard, e);

		rc = n < 0 ? n
		     : n   ? 0
			   : bridge_record(c, bridge, ports.v[i], e);
		free(guard);
		guard = NULL;
	}
	free(ports.v);
	return rc;
}

static bool bridge_is(const char *name)
{
	char path[64];

	return str_fmt(path, sizeof(path), "/sys/class/net/%s/bridge", name) >
		       0 &&
	       !access(path, F_OK);
}

/* Where rules are not told a bridge's name, all bridges are closed or none: none
 * may be closed that nobody asked for.
 */
static int bridge_alone(const struct ctl *c, const char *bridge, struct err *e)
{
	struct filter_names all = { .n = 0 };
	char path[BRIDGE_PATH];
	unsigned i;
	int rc = filter_probe(FILTER_BRIDGE_NAME, "lo");

	if (!rc)
		return 0;
	rc = bridge_list("/sys/class/net", &all);
	for (i = 0; !rc && i < all.n; i++)
		if (strcmp(all.v[i], bridge) && bridge_is(all.v[i]) &&
		    (bridge_path(c, path, all.v[i], NULL) ||
		     access(path, F_OK)))
			rc = err_set(e, -EOPNOTSUPP,
				     "bridge: this kernel's rules cannot tell "
				     "%s from %s (CONFIG_NFT_BRIDGE_META): all "
				     "bridges can be closed, or none",
				     bridge, all.v[i]);
	free(all.v);
	return rc;
}

static int bridge_close(struct ctl *c, int argc, char **argv, struct err *e)
{
	const char *bridge = argv[0];
	struct err undo = { "" };
	char path[BRIDGE_PATH];
	struct stat st;
	bool again;
	int i, rc;

	if (!bridge_is(bridge))
		return err_set(e, -ENODEV,
			       "bridge: %s is no bridge of this host", bridge);
	rc = bridge_alone(c, bridge, e);
	if (rc)
		return rc;
	rc = bridge_path(c, path, bridge, NULL);
	again = !rc && !stat(path, &st);
	rc = bridge_record(c, NULL, NULL, e);
	if (rc)
		return rc;
	rc = bridge_record(c, bridge, NULL, e);
	if (!rc && !again)
		rc = bridge_vouch(c, bridge, e);
	for (i = 1; !rc && i < argc; i++)
		rc = bridge_name(c, bridge, argv[i], e);
	if (!rc)
		rc = bridge_restore(c, e);
	if (rc && !again) { /* what the kernel was told, too */
		bridge_forget(c, bridge, NULL);
		bridge_restore(c, &undo);
	}
	return rc;
}

/* --- show ------------------------------------------------------------------------- */

/* Those that are known, or those that are not; as JSON a list. */
static void bridge_say(struct out *o, const char *key,
		       const struct filter_names *ports,
		       const struct filter_names *known, bool want)
{
	json_t *list = json_array();
	size_t size = 0;
	char *text = NULL;
	FILE *f = open_memstream(&text, &size);
	unsigned i;

	for (i = 0; f && i < ports->n; i++) {
		if (bridge_has(known, ports->v[i]) != want)
			continue;
		fprintf(f, "%s%s", ftell(f) ? "," : "", ports->v[i]);
		json_array_append_new(list, json_string(ports->v[i]));
	}
	if (f)
		fclose(f);
	if (o->json)
		out_json(o, key, json_incref(list));
	else
		out_str(o, key, text ? text : "?");
	json_decref(list);
	free(text);
}

static int bridge_show(const struct ctl *c, struct err *e)
{
	struct filter_names bridges = { .n = 0 }, known = { .n = 0 };
	char path[BRIDGE_PATH];
	struct out o;
	unsigned i;
	int rc = bridge_path(c, path, NULL, NULL);

	if (out_open(&o, stdout, c->json))
		return err_set(e, -ENOMEM, "out of memory");
	if (!rc)
		rc = bridge_list(path, &bridges);
	if (!rc)
		rc = filter_known(&known, e);
	for (i = 0; !rc && i < bridges.n; i++) {
		struct filter_names ports = { .n = 0 }, routers = { .n = 0 };

		rc = bridge_ports(bridges.v[i], &ports);
		if (!rc)
			rc = bridge_path(c, path, bridges.v[i], NULL);
		if (!rc)
			rc = bridge_list_of(path, bridge_router, &routers);
		out_begin(&o, bridges.v[i]);
		bridge_say(&o, "known", &ports, &known, true);
		bridge_say(&o, "shut", &ports, &known, false);
		bridge_say(&o, "router", &ports, &routers, true);
		out_end(&o);
		free(ports.v);
		free(routers.v);
	}
	free(bridges.v);
	free(known.v);
	if (rc)
		out_drop(&o);
	else if (out_close(&o))
		rc = err_set(e, -EIO, "cannot write to stdout");
	return rc;
}

int verb_bridge(struct ctl *c, int argc, char **argv, struct err *e)
{
	int i, lock, rc = 0;

	if (argc == 1 && !strcmp(argv[0], "show"))
		return bridge_show(c, e);
	if (argc < 2 ||
	    (strcmp(argv[0], "close") && (argc > 2 || strcmp(argv[0], "open"))))
		return err_set(e, CTL_USAGE,
			       "bridge: close BRIDGE [PORT | router=PORT ..], "
			       "open BRIDGE, or show");
	for (i = 1; !rc && i < argc; i++)
		if (vif_check_devname(i > 1 ? bridge_port(argv[i]) : argv[i],
				      e)) {
			err_prefix(e, "bridge");
			rc = CTL_USAGE;
		}
	if (rc)
		return rc;
	lock = run_lock(c, "bridges", e);
	if (lock < 0)
		return lock;
	if (!strcmp(argv[0], "close")) {
		rc = bridge_close(c, argc - 1, argv + 1, e);
	} else {
		rc = bridge_forget(c, argv[1], e);
		if (!rc)
			rc = bridge_restore(c, e);
	}
	run_unlock(c, "bridges", lock);
	return rc;
}
