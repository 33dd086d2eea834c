// SPDX-License-Identifier: GPL-2.0-or-later
/* sup_scan.c - which vifs and domains there are; events of the store
 *
 * An event only marks devices; each marked device looks at the store once at the
 * end of the turn. So however fast a guest writes, there is at most one mark.
 */
#include "daemon/sup.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/num.h"
#include "daemon/domain.h"
#include "daemon/estate.h"
#include "daemon/keep.h"
#include "store.h"
#include "vif.h"

enum {
	/* Store events taken in one turn: more than a guest can cause in one, because
	 * those that are not taken wait in our memory.
	 */
	SUP_EVENTS = 16384,
	SUP_AWAY = 2,	      /* attempts in vain that are worth a word */
	SUP_TRIES = 25,	      /* of vifs that cannot be opened, in a row */
	SUP_STORE_MS = 200,   /* between attempts to find the store */
	SUP_SCAN_MS = 100,    /* after a take-over, for what it did not know */
	SUP_SETTLE_MS = 2000, /* for each vif to take what it inherits */
};

/* --- devices and domains --------------------------------------------------------- */

struct sup_dev *sup_find(struct supervisor *s, uint32_t domid, uint32_t handle)
{
	struct sup_dev *v;

	for (v = s->devs; v; v = v->next) {
		if (device_domid(v->dev) == domid &&
		    device_handle(v->dev) == handle)
			break;
	}
	return v;
}

struct sup_dom *sup_find_dom(const struct supervisor *s, uint16_t domid)
{
	struct sup_dom *d;

	for (d = s->doms; d && d->domid != domid;)
		d = d->next;
	return d;
}

static void sup_run_soon(void *arg);

/* At the end of this turn. */
static void sup_soon(struct supervisor *s)
{
	if (!s->soon)
		loop_after(s->loop, 0, sup_run_soon, s, &s->soon);
}

/* Looked at once, at the end of this turn. */
static void sup_mark(struct supervisor *s, struct sup_dev *v)
{
	v->dirty = true;
	sup_soon(s);
}

void sup_again(void *arg, struct device *d)
{
	struct supervisor *s = arg;
	struct sup_dev *v = sup_find(s, device_domid(d), device_handle(d));

	if (v)
		sup_mark(s, v);
}

void sup_leaving(void *arg, struct device *d)
{
	struct supervisor *s = arg;

	struct sup_dom *dom = sup_find_dom(s, device_domid(d));

	if (dom)
		captures_vif_gone(&s->worker[dom->place].captures, d);
}

static void sup_dom_here(void *arg, uint16_t domid)
{
	struct supervisor *s = arg;
	struct sup_dev *v;

	for (v = s->devs; v; v = v->next) {
		if (v->dom->domid == domid)
			sup_mark(s, v);
	}
}

static void sup_dom_gone(void *arg, uint16_t domid)
{
	struct supervisor *s = arg;
	struct sup_dev *v;

	for (v = s->devs; v; v = v->next) {
		if (v->dom->domid == domid)
			device_guest_gone(v->dev);
	}
}

static struct orders *sup_orders(void *arg, uint16_t domid)
{
	struct supervisor *s = arg;
	struct sup_dom *d = sup_find_dom(s, domid);

	return d ? s->worker[d->place].orders : NULL;
}

/* The worker with the fewest vifs. */
static unsigned sup_place(const struct supervisor *s)
{
	unsigned vifs[CREW_PLACES] = { 0 }, best = 0, i;
	const struct sup_dom *d;

	for (d = s->doms; d; d = d->next)
		vifs[d->place] += d->devices;
	for (i = 1; i < s->workers; i++)
		best = vifs[i] < vifs[best] ? i : best;
	return best;
}

static int sup_dom_get(struct supervisor *s, uint16_t domid,
		       struct sup_dom **out)
{
	static const struct domain_ops ops = { sup_dom_here, sup_dom_gone,
					       sup_orders };
	const struct domain_host host = { s->loop, s->conf->run, s->xen };
	struct sup_dom *d = sup_find_dom(s, domid);
	struct err e = { "" };
	int rc;

	if (!d) {
		d = calloc(1, sizeof(*d));
		if (!d)
			return -ENOMEM;
		d->domid = domid;
		d->place = sup_place(s);
		rc = domain_open(&d->dom, &host, domid, &ops, s, &e);
		if (rc) {
			log_error("domain %u: %s", domid, e.text);
			free(d);
			return rc;
		}
		d->next = s->doms;
		s->doms = d;
		domain_keep(d->dom, s->hub.estate);
		domain_resume(d->dom);
	}
	d->devices++;
	*out = d;
	return 0;
}

static void sup_dom_put(struct supervisor *s, struct sup_dom *d)
{
	struct sup_dom **at = &s->doms;

	if (--d->devices)
		return;
	while (*at != d)
		at = &(*at)->next;
	domain_close(d->dom); /* may tell its worker */
	*at = d->next;
	free(d);
}

int sup_open(struct supervisor *s, uint16_t domid, uint16_t handle,
	     struct sup_dev **out)
{
	struct sup_dev *v;
	int rc;

	*out = NULL;
	if (device_wanted(&s->hub, domid, handle) <= 0)
		return 0;
	v = calloc(1, sizeof(*v));
	if (!v)
		return -ENOMEM;
	rc = device_open(&v->dev, &s->hub, domid, handle);
	if (rc) {
		if (rc != -ENOTCONN)
			log_error("vif%u.%u: %s", domid, handle, strerror(-rc));
		free(v);
		return rc;
	}
	*out = v;
	return 0;
}

int sup_enter(struct supervisor *s, struct sup_dev *v)
{
	int rc = sup_dom_get(s, device_domid(v->dev), &v->dom);

	if (rc) {
		device_close(v->dev);
		free(v);
		return rc;
	}
	device_enter(v->dev, v->dom->dom);
	s->tries = 0;
	v->next = s->devs;
	s->devs = v;
	sup_mark(s, v);
	return 0;
}

static void sup_scan_later(void *arg)
{
	struct supervisor *s = arg;

	s->scan = true;
	sup_soon(s);
}

static void sup_scan_again(void *arg)
{
	struct supervisor *s = arg;

	s->again = NULL;
	sup_scan_later(s);
}

/* One that could not be opened may be living: what failed may have been a moment
 * without memory.
 */
static void sup_add_later(struct supervisor *s)
{
	if (s->again || s->tries == SUP_TRIES)
		return;
	s->tries++;
	loop_after(s->loop, SUP_STORE_MS, sup_scan_again, s, &s->again);
}

static void sup_add(struct supervisor *s, uint16_t domid, uint16_t handle)
{
	struct sup_dev *v = NULL;
	int rc = 0;

	if (!sup_find(s, domid, handle))
		rc = sup_open(s, domid, handle, &v);
	if (v)
		rc = sup_enter(s, v);
	if (rc && rc != -ENOTCONN)
		sup_add_later(s);
}

static void sup_remove(struct supervisor *s, struct sup_dev *v)
{
	struct sup_dev **at = &s->devs;

	while (*at != v)
		at = &(*at)->next;
	*at = v->next;
	device_close(v->dev);
	sup_dom_put(s, v->dom);
	free(v);
}

/* --- the store -------------------------------------------------------------------- */

struct sup_scan {
	struct supervisor *s;
	sup_each_fn *fn;
	uint32_t domid;
};

static int sup_scan_handle(void *arg, const char *name)
{
	struct sup_scan *c = arg;
	uint32_t handle;

	if (!num_parse(name, VIF_HANDLE_MAX, &handle))
		c->fn(c->s, (uint16_t)c->domid, (uint16_t)handle);
	return 0;
}

static int sup_scan_dom(void *arg, const char *name)
{
	struct sup_scan *c = arg;
	char path[DEVICE_BACK];
	int rc;

	if (num_parse(name, VIF_DOMID_MAX, &c->domid))
		return 0;
	snprintf(path, sizeof(path), "%.40s/%u", c->s->hub.root, c->domid);
	rc = store_each(c->s->hub.store, path, sup_scan_handle, c);
	if (rc && rc != -ENOTCONN && rc != -ENOENT)
		sup_add_later(c->s); /* who is there was not said */
	return rc == -ENOTCONN ? rc : 0;
}

int sup_each(struct supervisor *s, sup_each_fn *fn)
{
	struct sup_scan c = { s, fn, 0 };

	return store_each(s->hub.store, s->hub.root, sup_scan_dom, &c);
}

/* Records of devices that left the store while no netbackd ran. */
static void sup_sweep(struct supervisor *s)
{
	int fd = fcntl(s->hub.keep, F_DUPFD_CLOEXEC, 0);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;

	s->swept = true;
	while (dir && (de = readdir(dir))) {
		char name[KEEP_NAME];
		uint16_t domid, handle;
		size_t n = strlen(de->d_name);

		if (n < 8 || n >= sizeof(name) ||
		    strcmp(de->d_name + n - 7, ".record"))
			continue;
		memcpy(name, de->d_name, n - 7);
		name[n - 7] = '\0';
		if (!vif_parse_name(name, &domid, &handle, NULL) &&
		    !sup_find(s, domid, handle) &&
		    !device_wanted(&s->hub, domid, handle))
			device_sweep(&s->hub, name);
	}
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

/* What nobody has taken up by now belongs to a guest or a vif that is gone. */
static void sup_settle(void *arg)
{
	struct supervisor *s = arg;

	if (s->again) /* for one that could not be opened yet */
		loop_after(s->loop, SUP_SETTLE_MS, sup_settle, s, NULL);
	else
		estate_settle(s->hub.estate);
}

static void sup_scan(struct supervisor *s)
{
	struct sup_dev *v;
	int rc = sup_each(s, sup_add);

	if (rc && rc != -ENOTCONN && rc != -ENOENT)
		sup_add_later(s);
	if (rc && rc != -ENOENT)
		return; /* away: its return fires every watch */
	s->scan = false;
	for (v = s->devs; v; v = v->next)
		sup_mark(s, v);
	if (s->swept)
		return;
	sup_sweep(s);
	estate_say(s->hub.estate, "READY=1");
	loop_after(s->loop, SUP_SETTLE_MS, sup_settle, s, NULL);
}

/* "N/M.." behind the root: that device; anything else: all of them. */
static void sup_backend_event(struct supervisor *s, const char *path)
{
	char num[2][8];
	uint32_t domid, handle;
	struct sup_dev *v;

	path += strlen(s->hub.root);
	if (sscanf(path, "/%7[0-9]/%7[0-9]", num[0], num[1]) != 2 ||
	    num_parse(num[0], VIF_DOMID_MAX, &domid) ||
	    num_parse(num[1], VIF_HANDLE_MAX, &handle)) {
		s->scan = true;
		return;
	}
	v = sup_find(s, domid, handle);
	if (v) {
		device_stale(v->dev);
		sup_mark(s, v);
		return;
	}
	sup_add(s, (uint16_t)domid, (uint16_t)handle);
}

static void sup_front_event(struct supervisor *s, const char *token,
			    const char *path)
{
	uint16_t domid, handle;
	struct sup_dev *v;

	if (vif_parse_name(token, &domid, &handle, NULL))
		return;
	v = sup_find(s, domid, handle);
	if (v)
		device_stale(v->dev);
	if (v && device_front_event(v->dev, path))
		sup_mark(s, v);
}

/* Of a server that its keeper starts again only the first of these is seen. */
static void sup_store_away(struct supervisor *s, bool away)
{
	unsigned was = s->away;

	s->away = away ? was + (was < SUP_AWAY) : 0;
	if (away && was < SUP_AWAY && s->away == SUP_AWAY)
		log_warn("the store is away: guests go on, but none can come, "
			 "go or be changed until it is back");
	if (!away && was == SUP_AWAY)
		log_info("the store is back");
}

int sup_store_events(struct supervisor *s)
{
	char path[STORE_PATH], token[32];
	unsigned i;
	int rc = 1;

	for (i = 0; i < SUP_EVENTS; i++) {
		rc = store_event(s->hub.store, path, sizeof(path), token,
				 sizeof(token));
		if (rc <= 0)
			break;
		if (!strcmp(token, "back"))
			sup_backend_event(s, path);
		else
			sup_front_event(s, token, path);
	}
	sup_store_away(s, rc == -ENOTCONN);
	if (s->scan)
		sup_soon(s);
	return rc;
}

static void sup_store_ready(void *arg, int fd, uint32_t events)
{
	(void)fd;
	(void)events;
	sup_store_events(arg);
}

/* Of our own domain, which is another than 0 in a driver domain. */
static int sup_find_root(struct supervisor *s)
{
	uint32_t self = 0;
	int rc = store_read_u32(s->hub.store, "domid", VIF_DOMID_MAX, &self);

	if (rc == -ENOTCONN)
		return rc;
	snprintf(s->hub.root, sizeof(s->hub.root),
		 "/local/domain/%u/backend/vif", rc < 0 ? 0 : self);
	return 0;
}

int sup_store_begin(struct supervisor *s)
{
	char path[SUP_PATH];
	int rc;

	if (s->hub.store)
		return 0;
	snprintf(path, sizeof(path), "%s/store", s->conf->run);
	rc = store_open(&s->hub.store, s->xen ? NULL : path, 0);
	if (!rc)
		rc = sup_find_root(s);
	if (!rc)
		rc = store_watch(s->hub.store, s->hub.root, "back");
	if (rc) {
		store_close(s->hub.store);
		s->hub.store = NULL;
	}
	return rc;
}

void sup_store_open(void *arg)
{
	struct supervisor *s = arg;
	int rc = sup_store_begin(s);

	if (!rc)
		rc = loop_add(s->loop, store_fd(s->hub.store), EPOLLIN,
			      sup_store_ready, s, &s->store_src);
	if (!rc) {
		if (s->over.on) /* whose vifs are known, and wait */
			loop_after(s->loop, SUP_SCAN_MS, sup_scan_later, s,
				   NULL);
		else
			sup_scan_later(s);
		log_info("serving %s", s->xen ? s->hub.root : s->conf->run);
		return;
	}
	if (!s->hub.store && !s->waited)
		log_info("waiting for %s%s%s",
			 s->xen ? "xenstored" : "a store at ",
			 s->xen ? "" : s->conf->run, s->xen ? "" : "/store");
	s->waited |= !s->hub.store;
	loop_after(s->loop, SUP_STORE_MS, sup_store_open, s, NULL);
}

static void sup_run_soon(void *arg)
{
	struct supervisor *s = arg;
	struct sup_dev *v, *next;

	s->soon = NULL;
	if (!s->hub.store)
		return;
	if (s->scan)
		sup_scan(s);
	for (v = s->devs; v; v = next) {
		uint16_t domid = device_domid(v->dev);
		uint16_t handle = device_handle(v->dev);

		next = v->next;
		if (!v->dirty)
			continue;
		v->dirty = false;
		if (device_look(v->dev) == 0)
			continue;
		sup_remove(s, v);
		sup_add(s, domid, handle); /* if there is a new one */
	}
	sup_over_done(s);
}
