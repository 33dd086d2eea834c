// SPDX-License-Identifier: GPL-2.0-or-later
/* supervisor.c - netbackd's privileged half: composes everything else
 *
 *   store --events--> devices --orders--> worker		(crew.c, nursery.c)
 *   RUN/dom/N/hv ---> domains --orders-->   "
 *   RUN/control ----> questions
 *
 * An event only marks devices; each marked device looks at the store once at the
 * end of the turn. So however fast a guest writes, there is at most one mark.
 *
 * long file: the composition root; questions and locks are to move out when
 * capture joins them.
 */
#include "daemon/supervisor.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/num.h"
#include "daemon/blame.h"
#include "daemon/capture.h"
#include "daemon/control.h"
#include "daemon/crew.h"
#include "daemon/device.h"
#include "daemon/domain.h"
#include "daemon/keep.h"
#include "daemon/nursery.h"
#include "daemon/sandbox.h"
#include "daemon/stats.h"
#include "daemon/worker.h"
#include "store.h"
#include "vif.h"

enum {
	SUP_EVENTS = 256,   /* store events taken in one turn */
	SUP_STORE_MS = 200, /* between attempts to find the store */
	SUP_LOCK_MS = 5000, /* for an earlier instance's workers to end */
	SUP_PATH = 256,
};

struct sup_dom {
	struct sup_dom *next;
	uint16_t domid;
	unsigned devices;
	struct domain *dom;
};

struct sup_dev {
	struct sup_dev *next;
	struct device *dev;
	struct sup_dom *dom;
	bool dirty;
	struct blame blame;
};

/* One client's question for counters, until the worker has answered. */
struct sup_ask {
	struct sup_ask *next;
	unsigned client, left;
	json_t *vifs;
};

struct supervisor {
	const struct supervisor_conf *conf;
	struct loop *loop;
	struct device_hub hub;
	struct crew *crew;
	struct control *control;
	struct loop_fd *store_src, *sig_src;
	struct sup_dom *doms;
	struct sup_dev *devs;
	struct sup_ask *asks;
	struct captures captures;
	struct loop_timer *soon;
	bool scan, swept, waited;
	int lock, keep_lock, nursery, sigs;
	pid_t nursery_pid, worker;
	unsigned restarts;
	/* a take-over under way */
	struct crew_death death;
	bool taking;
	unsigned took;
};

/* --- devices and domains --------------------------------------------------------- */

static struct sup_dev *sup_find(struct supervisor *s, uint32_t domid,
				uint32_t handle)
{
	struct sup_dev *v;

	for (v = s->devs; v; v = v->next) {
		if (device_domid(v->dev) == domid &&
		    device_handle(v->dev) == handle)
			break;
	}
	return v;
}

static struct sup_dom *sup_find_dom(struct supervisor *s, uint16_t domid)
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

static void sup_mark(struct supervisor *s, struct sup_dev *v)
{
	v->dirty = true;
	sup_soon(s);
}

static void sup_again(void *arg, struct device *d)
{
	struct supervisor *s = arg;
	struct sup_dev *v = sup_find(s, device_domid(d), device_handle(d));

	if (v)
		sup_mark(s, v);
}

static void sup_leaving(void *arg, struct device *d)
{
	struct supervisor *s = arg;

	captures_vif_gone(&s->captures, d);
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

static struct orders *sup_orders(void *arg)
{
	struct supervisor *s = arg;

	return s->hub.orders;
}

static int sup_dom_get(struct supervisor *s, uint16_t domid,
		       struct sup_dom **out)
{
	static const struct domain_ops ops = { sup_dom_here, sup_dom_gone,
					       sup_orders };
	struct sup_dom *d = sup_find_dom(s, domid);
	struct err e = { "" };
	int rc;

	if (!d) {
		d = calloc(1, sizeof(*d));
		if (!d)
			return -ENOMEM;
		d->domid = domid;
		rc = domain_open(&d->dom, s->loop, s->conf->run, domid, &ops, s,
				 &e);
		if (rc) {
			log_error("domain %u: %s", domid, e.text);
			free(d);
			return rc;
		}
		d->next = s->doms;
		s->doms = d;
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
	*at = d->next;
	domain_close(d->dom);
	free(d);
}

static void sup_add(struct supervisor *s, uint16_t domid, uint16_t handle)
{
	struct sup_dev *v;
	int rc;

	if (sup_find(s, domid, handle) ||
	    device_wanted(&s->hub, domid, handle) <= 0)
		return;
	v = calloc(1, sizeof(*v));
	if (!v)
		return;
	rc = sup_dom_get(s, domid, &v->dom);
	if (rc) {
		free(v);
		return;
	}
	rc = device_open(&v->dev, &s->hub, v->dom->dom, domid, handle);
	if (rc) {
		if (rc != -ENOTCONN)
			log_error("vif%u.%u: %s", domid, handle, strerror(-rc));
		sup_dom_put(s, v->dom);
		free(v);
		return;
	}
	v->next = s->devs;
	s->devs = v;
	sup_mark(s, v);
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
	uint32_t domid;
};

static int sup_scan_handle(void *arg, const char *name)
{
	struct sup_scan *c = arg;
	uint32_t handle;

	if (!num_parse(name, VIF_HANDLE_MAX, &handle))
		sup_add(c->s, (uint16_t)c->domid, (uint16_t)handle);
	return 0;
}

static int sup_scan_dom(void *arg, const char *name)
{
	struct sup_scan *c = arg;
	char path[DEVICE_BACK];
	int rc;

	if (num_parse(name, VIF_DOMID_MAX, &c->domid))
		return 0;
	snprintf(path, sizeof(path), "%s/%u", device_root, c->domid);
	rc = store_each(c->s->hub.store, path, sup_scan_handle, c);
	return rc == -ENOTCONN ? rc : 0;
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
		    !sup_find(s, domid, handle))
			device_sweep(&s->hub, name);
	}
	if (dir)
		closedir(dir);
	else if (fd >= 0)
		close(fd);
}

static void sup_scan(struct supervisor *s)
{
	struct sup_scan c = { s, 0 };
	struct sup_dev *v;
	int rc = store_each(s->hub.store, device_root, sup_scan_dom, &c);

	if (rc && rc != -ENOENT)
		return; /* away: its return fires every watch */
	s->scan = false;
	for (v = s->devs; v; v = v->next)
		sup_mark(s, v);
	if (!s->swept)
		sup_sweep(s);
}

/* "N/M.." behind the root: that device; anything else: all of them. */
static void sup_backend_event(struct supervisor *s, const char *path)
{
	char num[2][8];
	uint32_t domid, handle;
	struct sup_dev *v;

	path += strlen(device_root);
	if (sscanf(path, "/%7[0-9]/%7[0-9]", num[0], num[1]) != 2 ||
	    num_parse(num[0], VIF_DOMID_MAX, &domid) ||
	    num_parse(num[1], VIF_HANDLE_MAX, &handle)) {
		s->scan = true;
		return;
	}
	v = sup_find(s, domid, handle);
	if (v)
		sup_mark(s, v);
	else
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
	if (!v || strcmp(path, device_front_path(v->dev)))
		return;
	device_front_wrote(v->dev);
	sup_mark(s, v);
}

static void sup_store_ready(void *arg, int fd, uint32_t events)
{
	struct supervisor *s = arg;
	char path[STORE_PATH], token[32];
	unsigned i;

	(void)fd;
	(void)events;
	for (i = 0; i < SUP_EVENTS; i++) {
		int rc = store_event(s->hub.store, path, sizeof(path), token,
				     sizeof(token));

		if (rc <= 0)
			break;
		if (!strcmp(token, "back"))
			sup_backend_event(s, path);
		else
			sup_front_event(s, token, path);
	}
	if (s->scan)
		sup_soon(s);
}

static void sup_store_open(void *arg)
{
	struct supervisor *s = arg;
	char path[SUP_PATH];
	int rc;

	snprintf(path, sizeof(path), "%s/store", s->conf->run);
	rc = store_open(&s->hub.store, path, 0);
	if (!rc)
		rc = store_watch(s->hub.store, device_root, "back");
	if (!rc)
		rc = loop_add(s->loop, store_fd(s->hub.store), EPOLLIN,
			      sup_store_ready, s, &s->store_src);
	if (!rc) {
		s->scan = true;
		sup_soon(s);
		log_info("serving %s", s->conf->run);
		return;
	}
	store_close(s->hub.store);
	s->hub.store = NULL;
	if (!s->waited)
		log_info("waiting for a store at %s", path);
	s->waited = true;
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
}

/* --- the worker ------------------------------------------------------------------- */

static void sup_taken(struct supervisor *s)
{
	char how[64];
	uint64_t us = (clock_ns() - s->death.noticed_ns) / 1000;

	if (!s->taking || orders_pending(s->hub.orders))
		return;
	s->taking = false;
	crew_say(&s->death, how, sizeof(how));
	log_warn("worker %d %s, worker %d took over %u vif%s in %u.%u ms",
		 (int)s->death.pid, how, (int)s->worker, s->took,
		 s->took == 1 ? "" : "s", (unsigned)(us / 1000),
		 (unsigned)(us % 1000 / 100));
}

static void sup_up(void *arg, struct orders *o, pid_t pid)
{
	struct supervisor *s = arg;
	struct sup_dom *d;
	struct sup_dev *v;

	s->hub.orders = o;
	s->worker = pid;
	s->took = 0;
	for (d = s->doms; d; d = d->next)
		domain_resume(d->dom);
	for (v = s->devs; v; v = v->next)
		s->took += device_resume(v->dev);
	captures_up(&s->captures, o);
	log_debug("worker %d is up", (int)pid);
	sup_taken(s);
}

static void sup_asks_fail(struct supervisor *s);

static void sup_down(void *arg, const struct crew_death *death)
{
	struct supervisor *s = arg;
	struct sup_dev *v;

	s->hub.orders = NULL;
	s->worker = 0;
	s->restarts++;
	s->death = *death;
	s->taking = true;
	sup_asks_fail(s);
	captures_down(&s->captures);
	if (!death->often)
		return;
	v = death->blamed ? sup_find(s, death->domid, death->handle) : NULL;
	log_error("workers die over and over%s%s", v ? ", connecting " : "",
		  v ? device_name(v->dev) : "");
	if (v)
		device_blame(v->dev, "disabled: the worker died over and over "
				     "connecting it");
}

/* The worker before crashed in a turn of this one, says the next. */
static void sup_served(struct supervisor *s, struct sup_dev *v)
{
	uint64_t now = s->death.noticed_ns;
	unsigned others = 0;
	struct sup_dev *o;

	if (!s->death.pid || !blame_crashed(s->death.status, s->death.why))
		return;
	blame_add(&v->blame, now);
	for (o = s->devs; o; o = o->next) {
		unsigned n = o == v ? 0 : blame_count(&o->blame, now);

		others = n > others ? n : others;
	}
	if (blame_due(blame_count(&v->blame, now), others))
		device_blame(v->dev, "disabled: the worker crashed over and "
				     "over serving it");
}

static void sup_stats_answer(struct supervisor *s, const struct worker_msg *m);

static void sup_answer(void *arg, const struct worker_msg *m,
		       enum worker_type order)
{
	struct supervisor *s = arg;
	struct sup_dom *d;
	struct sup_dev *v;

	switch (order) {
	case WORKER_DOM:
	case WORKER_CHANNEL:
	case WORKER_DOM_GONE:
		d = sup_find_dom(s, m->domid);
		if (d)
			domain_answer(d->dom, m, order);
		break;
	case WORKER_STATS:
		sup_stats_answer(s, m);
		break;
	case WORKER_CAPTURE:
	case WORKER_CAPTURE_END:
		captures_answer(&s->captures, m, order);
		break;
	default:
		v = sup_find(s, m->domid, m->handle);
		if (v)
			device_answer(v->dev, m, order);
		if (v && order == WORKER_CONNECT && m->served == 1)
			sup_served(s, v);
	}
	sup_taken(s);
}

static void sup_fatal(void *arg, const struct worker_msg *m)
{
	struct supervisor *s = arg;
	struct sup_dev *v = sup_find(s, m->domid, m->handle);

	if (v)
		device_fatal(v->dev, m->text);
}

static void sup_nursery_lost(void *arg)
{
	struct supervisor *s = arg;

	log_error("the nursery died, and the workers with it; ending, so that "
		  "the service manager starts netbackd again (guests stay "
		  "connected)");
	loop_stop(s->loop, 1);
}

/* --- questions -------------------------------------------------------------------- */

static json_t *sup_show_vif(struct supervisor *s, const struct sup_dev *v)
{
	json_t *o = device_show(v->dev);

	json_object_set_new(o, "worker", json_integer(s->worker));
	return o;
}

static json_t *sup_show(struct supervisor *s)
{
	json_t *vifs = json_array();
	const struct sup_dev *v;

	for (v = s->devs; v; v = v->next)
		json_array_append_new(vifs, sup_show_vif(s, v));
	return json_pack("{s:s, s:i, s:i, s:i, s:i, s:o}", "program",
			 "netbackd", "pid", (int)getpid(), "nursery",
			 (int)s->nursery_pid, "worker", (int)s->worker,
			 "restarts", (int)s->restarts, "vifs", vifs);
}

static void sup_ask_end(struct supervisor *s, struct sup_ask *q, json_t *answer)
{
	struct sup_ask **at = &s->asks;

	while (*at != q)
		at = &(*at)->next;
	*at = q->next;
	control_answer(s->control, q->client, answer);
	json_decref(q->vifs);
	free(q);
}

static void sup_asks_fail(struct supervisor *s)
{
	while (s->asks)
		sup_ask_end(s, s->asks,
			    control_error("the worker died; ask again"));
}

/* STATS are answered in order, so the oldest question is due. */
static void sup_stats_answer(struct supervisor *s, const struct worker_msg *m)
{
	struct sup_dev *v = sup_find(s, m->domid, m->handle);
	struct sup_ask *q = s->asks;

	if (!q)
		return;
	if (v && m->type == WORKER_STATS) {
		json_t *o = sup_show_vif(s, v);

		stats_show(o, &m->stats);
		json_array_append_new(q->vifs, o);
	}
	if (--q->left)
		return;
	sup_ask_end(s, q, json_pack("{s:O}", "vifs", q->vifs));
}

static void sup_ask_stats(struct supervisor *s, struct sup_ask *q,
			  const struct sup_dev *v)
{
	struct worker_msg m = {
		.type = WORKER_STATS,
		.domid = device_domid(v->dev),
		.handle = device_handle(v->dev),
	};

	if (device_told(v->dev) && !orders_send(s->hub.orders, &m, NULL, 0))
		q->left++;
	else
		json_array_append_new(q->vifs, sup_show_vif(s, v));
}

static int sup_stats(struct supervisor *s, unsigned client, const char *name,
		     json_t **out)
{
	struct sup_ask *q, **at = &s->asks;
	const struct sup_dev *v;
	bool found = !name;

	if (!s->hub.orders) {
		*out = control_error("there is no worker just now; ask again");
		return 0;
	}
	q = calloc(1, sizeof(*q));
	if (!q)
		return -ENOMEM;
	q->client = client;
	q->vifs = json_array();
	for (v = s->devs; v; v = v->next) {
		if (name && strcmp(name, device_name(v->dev)))
			continue;
		found = true;
		sup_ask_stats(s, q, v);
	}
	if (q->left) {
		while (*at)
			at = &(*at)->next;
		*at = q;
		return -EINPROGRESS;
	}
	*out = found ? json_pack("{s:O}", "vifs", q->vifs)
		     : control_error(
			       "%s: no such vif; {\"cmd\":\"show\"} lists them",
			       name);
	json_decref(q->vifs);
	free(q);
	return 0;
}

static struct device *sup_named(const struct supervisor *s, const char *name)
{
	const struct sup_dev *v;

	for (v = s->devs; v && name; v = v->next) {
		if (!strcmp(name, device_name(v->dev)))
			return v->dev;
	}
	return NULL;
}

static void sup_reply(void *arg, unsigned client, json_t *answer)
{
	struct supervisor *s = arg;

	control_answer(s->control, client, answer);
}

static int sup_ask(void *arg, unsigned client, json_t *question, int *fd,
		   json_t **out)
{
	struct supervisor *s = arg;
	const char *cmd = json_string_value(json_object_get(question, "cmd"));
	const char *vif = json_string_value(json_object_get(question, "vif"));

	if (cmd && !strcmp(cmd, "show")) {
		*out = sup_show(s);
		return 0;
	}
	if (cmd && !strcmp(cmd, "stats"))
		return sup_stats(s, client, vif, out);
	if (cmd && !strcmp(cmd, "capture"))
		return captures_start(&s->captures, client, question,
				      sup_named(s, vif), fd, out);
	if (cmd && !strcmp(cmd, "capture-end"))
		return captures_end(&s->captures, client, out);
	*out = control_error("cmd %.40s: there are show, stats, capture and "
			     "capture-end",
			     cmd ? cmd : "missing");
	return 0;
}

static void sup_client_gone(void *arg, unsigned client)
{
	struct supervisor *s = arg;

	captures_client_gone(&s->captures, client);
}

/* --- starting and ending ------------------------------------------------------------ */

static void sup_signal(void *arg, int fd, uint32_t events)
{
	struct supervisor *s = arg;
	struct signalfd_siginfo si;

	(void)events;
	if (read(fd, &si, sizeof(si)) != sizeof(si))
		return;
	log_info("ending; guests stay connected for the next netbackd");
	loop_stop(s->loop, 0);
}

/* Made when missing; nobody else may put files there. */
static int sup_run_dir(const char *run, struct err *e)
{
	struct stat st;

	if (mkdir(run, 0755) && errno != EEXIST)
		return err_set(e, -errno, "cannot make %s: %s", run,
			       strerror(errno));
	if (stat(run, &st))
		return err_set(e, -errno, "%s: %s", run, strerror(errno));
	if (!S_ISDIR(st.st_mode))
		return err_set(e, -ENOTDIR, "%s is not a directory", run);
	if (st.st_uid != geteuid() || (st.st_mode & 022))
		return err_set(e, -EPERM,
			       "%s can be written by others; give it to uid %u "
			       "and chmod 755 it, or choose another with --run",
			       run, (unsigned)geteuid());
	return 0;
}

static int sup_lock_file(const char *run, const char *name)
{
	char path[SUP_PATH];
	int fd;

	if (str_fmt(path, sizeof(path), "%s/%s", run, name) < 0)
		return -ENAMETOOLONG;
	fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

/* Two locks: ours, and one that every worker holds with us, so that none of an
 * earlier instance still serves a guest when we begin.
 */
static int sup_locks(struct supervisor *s, struct err *e)
{
	unsigned ms;

	s->lock = sup_lock_file(s->conf->run, "netbackd.lock");
	s->keep_lock = sup_lock_file(s->conf->run, "netbackd.workers");
	if (s->lock < 0 || s->keep_lock < 0)
		return err_set(e, -EACCES, "cannot make a lock in %s",
			       s->conf->run);
	if (flock(s->lock, LOCK_EX | LOCK_NB))
		return err_set(e, -EBUSY,
			       "another netbackd serves %s; end it, or choose "
			       "another directory with --run",
			       s->conf->run);
	for (ms = 0; flock(s->keep_lock, LOCK_EX | LOCK_NB); ms += 10) {
		if (ms >= SUP_LOCK_MS)
			return err_set(e, -EBUSY,
				       "workers of an earlier netbackd still "
				       "run in %s",
				       s->conf->run);
		usleep(10000);
	}
	return 0;
}

static int sup_nursery(struct supervisor *s, struct err *e)
{
	struct nursery_conf c = {
		.run = s->conf->run,
		.worker = worker_main,
		.fd_keep = s->keep_lock,
	};
	int rc = sandbox_find_id(&c.id, s->conf->uid, e);

	if (rc)
		return rc;
	if (!c.id.change)
		log_debug(
			"one uid only in this user namespace: workers keep it");
	s->nursery = nursery_start(&c, &s->nursery_pid, e);
	return s->nursery < 0 ? s->nursery : 0;
}

static int sup_signals(struct supervisor *s)
{
	sigset_t set;
	int rc;

	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	if (sigprocmask(SIG_BLOCK, &set, NULL))
		return -errno;
	s->sigs = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->sigs < 0)
		return -errno;
	rc = loop_add(s->loop, s->sigs, EPOLLIN, sup_signal, s, &s->sig_src);
	return rc;
}

/* Every guest has up to 263 descriptors with us. */
static void sup_files(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r))
		return;
	r.rlim_cur = r.rlim_max;
	setrlimit(RLIMIT_NOFILE, &r);
}

static int sup_start(struct supervisor *s, struct err *e)
{
	static const struct crew_ops crew = { sup_up, sup_down, sup_answer,
					      sup_fatal, sup_nursery_lost };
	static const struct control_ops control = { sup_ask, sup_client_gone };
	int rc;

	s->hub.keep = keep_dir(s->conf->run);
	if (s->hub.keep < 0)
		return err_set(e, s->hub.keep, "%s/keep: %s", s->conf->run,
			       strerror(-s->hub.keep));
	rc = loop_open(&s->loop);
	if (!rc)
		rc = sup_signals(s);
	if (!rc)
		rc = control_open(&s->control, s->loop, s->conf->run, &control,
				  s);
	if (rc)
		return err_set(e, rc, "cannot start: %s", strerror(-rc));
	s->hub.loop = s->loop;
	s->hub.again = sup_again;
	s->hub.leaving = sup_leaving;
	s->captures.answer = sup_reply;
	s->captures.arg = s;
	s->hub.arg = s;
	rc = crew_open(&s->crew, s->loop, s->nursery, &crew, s);
	s->nursery = -1;
	if (rc)
		return err_set(e, rc, "cannot start workers: %s",
			       strerror(-rc));
	rc = sandbox_supervisor(e);
	if (!rc)
		sup_store_open(s);
	return rc;
}

/* Nothing is undone: taps, states and survival memory are the next one's. */
static void sup_stop(struct supervisor *s)
{
	struct sup_dom *d;

	control_close(s->control);
	s->control = NULL;
	crew_close(s->crew);
	s->hub.orders = NULL;
	while (s->devs) {
		struct sup_dev *v = s->devs;

		s->devs = v->next;
		device_close(v->dev);
		free(v);
	}
	while ((d = s->doms)) {
		s->doms = d->next;
		domain_close(d->dom);
		free(d);
	}
	store_close(s->hub.store);
	loop_close(s->loop);
}

int supervisor_main(const struct supervisor_conf *c)
{
	struct supervisor s = {
		.conf = c,
		.lock = -1,
		.keep_lock = -1,
		.nursery = -1,
		.sigs = -1,
		.hub.keep = -1,
	};
	struct err e = { "" };
	int rc = sup_run_dir(c->run, &e);

	sup_files();
	if (!rc)
		rc = sup_locks(&s, &e);
	if (!rc)
		rc = sup_nursery(&s, &e);
	if (!rc)
		rc = sup_start(&s, &e);
	if (rc) {
		log_error("%s", e.text);
		return 1;
	}
	rc = loop_run(s.loop);
	sup_stop(&s);
	return rc ? 1 : 0;
}
