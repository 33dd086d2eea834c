// SPDX-License-Identifier: GPL-2.0-or-later
/* verb_gc.c - gc: what killed programs left, and nobody holds any more
 *
 * A name alone is never a reason: a domain's number comes again, and so do the
 * names made of it. What is removed is looked at under the vif's lock, and
 * belongs to no device that is there and to no vif that the store has.
 */
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "ctl/attach.h"
#include "ctl/control.h"
#include "ctl/host.h"
#include "ctl/out.h"
#include "ctl/run.h"
#include "filter.h"

struct gc {
	struct ctl *c;
	struct err *e;
	struct out out;
	unsigned n, failed;
	const char *dev; /* looked for among the vifs of the store .. */
	bool theirs;	 /* .. and found */
};

static void gc_say(struct gc *g, const char *name, const char *what, int rc,
		   const struct err *why)
{
	g->n++;
	g->failed += rc != 0;
	out_begin(&g->out, name);
	out_str(&g->out, "gc", what);
	out_bool(&g->out, "removed", !rc && !g->c->dry_run);
	if (rc)
		out_str(&g->out, "error",
			why->text[0] ? why->text : strerror(-rc));
	out_end(&g->out);
}

/* Nobody is at that vif now: an fd; -EBUSY. */
static int gc_lock(struct gc *g, const char *name)
{
	unsigned wait = g->c->wait_ms;
	struct err no;
	int fd;

	g->c->wait_ms = 0;
	fd = run_lock(g->c, name, &no);
	g->c->wait_ms = wait;
	return fd;
}

/* --- vifs half there ---------------------------------------------------------*/

static int gc_vif_locked(struct gc *g, const char *name, uint16_t domid,
			 uint16_t handle)
{
	struct err why = { "" };
	struct nodes n;
	int rc = nodes_read(g->c->store, domid, handle, &n, &why);

	if (rc == -ENOTCONN)
		return err_set(g->e, rc, "%s", why.text);
	/* a toolstack's is the toolstack's to finish */
	if (rc || !n.back || n.script ||
	    (n.online && !strcmp(n.hotplug, "connected")))
		return 0;
	if (!g->c->dry_run)
		rc = detach_vif(g->c, &n, &why);
	gc_say(g, name, "vif", rc, &why);
	return 0;
}

static int gc_vif(void *arg, uint16_t domid, uint16_t handle)
{
	struct gc *g = arg;
	char name[ATTACH_NAME];
	int rc, fd;

	snprintf(name, sizeof(name), "vif%u.%u", domid, handle);
	fd = gc_lock(g, name);
	if (fd < 0)
		return 0;
	rc = gc_vif_locked(g, name, domid, handle);
	run_unlock(g->c, name, fd);
	return rc;
}

/* --- by device ---------------------------------------------------------------*/

static int gc_is_theirs(void *arg, uint16_t domid, uint16_t handle)
{
	struct gc *g = arg;
	struct nodes n;

	if (nodes_read(g->c->store, domid, handle, &n, NULL) ||
	    nodes_whole(&n, NULL) || !strcmp(n.vif.name, g->dev))
		g->theirs = true; /* what cannot be read may be it */
	return 0;
}

/* Has the store a vif whose device is called so? */
static bool gc_theirs(struct gc *g, const char *dev)
{
	g->dev = dev;
	g->theirs = false;
	return g->c->store &&
	       (nodes_each(g->c->store, gc_is_theirs, g, NULL) || g->theirs);
}

/* Whose lock covers a device of that name. */
static void gc_lock_name(const char *dev, char *name)
{
	uint16_t domid, handle;

	if (!strncmp(dev, "vif", 3) &&
	    !vif_parse_name(dev, &domid, &handle, NULL))
		snprintf(name, ATTACH_NAME, "vif%u.%u", domid, handle);
	else
		snprintf(name, ATTACH_NAME, "tap-%s", dev);
}

/* What is left of a device that is not there. */
static int gc_orphan(struct gc *g, const char *dev, const char *what,
		     int (*away)(const char *dev, struct err *e))
{
	char name[ATTACH_NAME];
	struct err why = { "" };
	int fd, rc = 0;

	gc_lock_name(dev, name);
	fd = gc_lock(g, name);
	if (fd < 0)
		return 0;
	if (!if_nametoindex(dev) && !gc_theirs(g, dev)) {
		if (!g->c->dry_run)
			rc = away(dev, &why);
		gc_say(g, dev, what, rc, &why);
	}
	run_unlock(g->c, name, fd);
	return 0;
}

static int gc_guard(void *arg, const char *dev)
{
	return gc_orphan(arg, dev, "guard", filter_remove);
}

/* In the host's own chains, and its guard is not there to say so. */
static int gc_accept(void *arg, const char *dev)
{
	return gc_orphan(arg, dev, "accept", filter_accept_remove);
}

/* Waits for who holds that lock now. */
static int gc_after(struct gc *g, const char *name)
{
	struct err no;
	int fd = run_lock(g->c, name, &no);

	if (fd < 0)
		return fd;
	if (g->c->dry_run)
		close(fd);
	else
		run_unlock(g->c, name, fd);
	return 0;
}

/* Everybody who is at a vif now, until he is done. */
static int gc_after_all(struct gc *g)
{
	char path[CTL_PATH], name[ATTACH_NAME];
	struct dirent *d;
	DIR *dir;
	int rc = 0;

	if (str_fmt(path, sizeof(path), "%s/lock", g->c->run) < 0)
		return -ENAMETOOLONG;
	dir = opendir(path);
	while (dir && !rc && (d = readdir(dir)))
		if ((!strncmp(d->d_name, "vif", 3) ||
		     !strncmp(d->d_name, "tap-", 4)) &&
		    !str_put(name, sizeof(name), d->d_name))
			rc = gc_after(g, name);
	if (dir)
		closedir(dir);
	return rc;
}

/* An attach makes its bridge a moment before it puts its port in, under its vif's
 * lock: a bridge that has none when those locks were let go is nobody's. One that
 * was made anew since has another number.
 */
static void gc_bridge(struct gc *g, const char *dev)
{
	unsigned index = if_nametoindex(dev);
	struct err why = { "" };
	int rc = 0;

	if (!index || gc_after_all(g))
		return;
	if (!g->c->dry_run)
		rc = mode_left_remove(MODE_LEFT_BRIDGE, dev, index, &why);
	if (rc != -EBUSY)
		gc_say(g, dev, "bridge", rc, &why);
}

/* Only where netbackd can say what it serves by the store. */
static void gc_tap(struct gc *g, const char *dev)
{
	struct err why = { "" };
	char name[ATTACH_NAME];
	int fd, rc = 0;

	if (!g->c->store || control_alive(g->c, NULL))
		return;
	gc_lock_name(dev, name);
	fd = gc_lock(g, name);
	if (fd < 0)
		return;
	if (!gc_theirs(g, dev)) {
		if (!g->c->dry_run)
			rc = mode_left_remove(MODE_LEFT_TAP, dev,
					      if_nametoindex(dev), &why);
		if (!rc && !g->c->dry_run)
			rc = filter_remove(dev, &why);
		if (rc != -EBUSY)
			gc_say(g, dev, "tap", rc, &why);
	}
	run_unlock(g->c, name, fd);
}

static int gc_left(void *arg, enum mode_left kind, const char *dev)
{
	switch (kind) {
	case MODE_LEFT_BRIDGE:
		gc_bridge(arg, dev);
		break;
	case MODE_LEFT_TAP:
		gc_tap(arg, dev);
		break;
	}
	return 0;
}

/* --- files -------------------------------------------------------------------*/

/* A lock's file is removed by whoever lets go of it; a killed one did not. */
static void gc_lock_file(struct gc *g, const char *name)
{
	int fd = gc_lock(g, name);

	if (fd < 0)
		return;
	if (g->c->dry_run)
		close(fd);
	else
		run_unlock(g->c, name, fd);
	gc_say(g, name, "lock", 0, NULL);
}

static int gc_files(struct gc *g)
{
	char path[CTL_PATH], name[ATTACH_NAME];
	struct dirent *d;
	DIR *dir;

	if (str_fmt(path, sizeof(path), "%s/lock", g->c->run) < 0)
		return -ENAMETOOLONG;
	dir = opendir(path);
	while (dir && (d = readdir(dir)))
		if (d->d_name[0] != '.' &&
		    !str_put(name, sizeof(name), d->d_name))
			gc_lock_file(g, name);
	if (dir)
		closedir(dir);
	return 0;
}

static int gc_all(struct gc *g)
{
	int rc = gc_files(g); /* first: what follows takes locks, too */

	if (!rc && g->c->store)
		rc = nodes_each(g->c->store, gc_vif, g, g->e);
	if (!rc)
		rc = mode_left(gc_left, g, g->e);
	if (!rc)
		rc = filter_each(gc_guard, g, g->e);
	return rc ? rc : filter_accept_each(gc_accept, g, g->e);
}

int verb_gc(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct gc g = { .c = c, .e = e };
	int rc;

	if (argc)
		return err_set(e, CTL_USAGE,
			       "gc: \"%.40s\": no word is expected", argv[0]);
	run_hold_signals();
	/* beside a toolstack there may be none of ours: by device alone then */
	if (run_store(c, NULL))
		c->store = NULL;
	if (out_open(&g.out, stdout, c->json))
		return err_set(e, -ENOMEM, "out of memory");
	rc = gc_all(&g);
	if (out_close(&g.out) && !rc)
		rc = err_set(e, -EIO, "cannot write to stdout");
	if (!rc && g.failed)
		rc = err_set(e, -EIO,
			     "gc: %u of %u could not be removed; see error "
			     "above",
			     g.failed, g.n);
	if (!rc && c->dry_run && g.n)
		rc = CTL_DIFFERS;
	return rc;
}
