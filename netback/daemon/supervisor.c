// SPDX-License-Identifier: GPL-2.0-or-later
/* supervisor.c - netbackd's privileged half: composes everything else
 *
 *   store --events--> devices --orders--> worker		(sup_scan.c, sup_crew.c)
 *   RUN/dom/N/hv ---> domains --orders-->   "
 *   RUN/control ----> questions				(sup_ask.c)
 */
#include "daemon/sup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
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
#include "daemon/domain.h"
#include "daemon/estate.h"
#include "daemon/keep.h"
#include "daemon/nursery.h"
#include "daemon/sandbox.h"
#include "daemon/takeover.h"
#include "daemon/worker.h"
#include "hv.h"
#include "store.h"

enum { SUP_LOCK_TRIES = 5 }; /* each ms: guests stand still meanwhile */
enum { SUP_LOCK_MS = 5000 }; /* for an earlier instance's workers to end */

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
static int sup_open_locks(struct supervisor *s, struct err *e)
{
	s->lock = sup_lock_file(s->conf->run, "netbackd.lock");
	s->keep_lock = sup_lock_file(s->conf->run, "netbackd.workers");
	if (s->lock < 0 || s->keep_lock < 0)
		return err_set(e, -EACCES, "cannot make a lock in %s",
			       s->conf->run);
	return 0;
}

/* 0, or -EBUSY after so long. */
static int sup_lock(int fd, unsigned ms)
{
	unsigned n;

	for (n = ms * SUP_LOCK_TRIES; flock(fd, LOCK_EX | LOCK_NB); n--) {
		if (!n)
			return -EBUSY;
		usleep(1000 / SUP_LOCK_TRIES);
	}
	return 0;
}

int sup_take_locks(struct supervisor *s, struct err *e)
{
	if (sup_lock(s->lock, s->conf->take_over ? SUP_LOCK_MS : 0))
		return err_set(e, -EBUSY,
			       "another netbackd serves %s; end it, or choose "
			       "another directory with --run",
			       s->conf->run);
	if (sup_lock(s->keep_lock, SUP_LOCK_MS))
		return err_set(e, -EBUSY,
			       "workers of an earlier netbackd still run in %s",
			       s->conf->run);
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

/* Two backends would serve the same vifs, and both badly. */
static int sup_alone(struct err *e)
{
	if (access("/sys/bus/xen-backend/drivers/vif", F_OK))
		return 0;
	return err_set(e, -EBUSY,
		       "the kernel's own backend, xen-netback, is loaded and "
		       "takes every vif; detach them, rmmod xen-netback and "
		       "keep it from coming back (netbackd(8), On Xen)");
}

/* A host of Xen may have local guests, too: then it has a store for them. */
static int sup_choose(struct supervisor *s, struct err *e)
{
	char path[SUP_PATH];

	snprintf(path, sizeof(path), "%s/store", s->conf->run);
	switch (s->conf->hv) {
	case SUPERVISOR_LOCAL:
		break;
	case SUPERVISOR_XEN:
		s->xen = true;
		break;
	case SUPERVISOR_AUTO:
		s->xen = hv_xen_here() && access(path, F_OK);
		break;
	}
	if (!s->xen)
		return 0;
	if (!hv_xen_here())
		return err_set(e, -ENODEV,
			       "--hv xen: cannot use /dev/xen/gntdev and "
			       "/dev/xen/evtchn; is this a domain of Xen, and "
			       "are xen-gntdev and xen-evtchn loaded?");
	return sup_alone(e);
}

static int sup_start(struct supervisor *s, struct err *e)
{
	unsigned i;
	int rc;

	s->hub.keep = keep_dir(s->conf->run);
	if (s->hub.keep < 0)
		return err_set(e, s->hub.keep, "%s/keep: %s", s->conf->run,
			       strerror(-s->hub.keep));
	rc = loop_open(&s->loop);
	if (!rc)
		rc = sup_signals(s);
	if (rc)
		return err_set(e, rc, "cannot start: %s", strerror(-rc));
	s->hub.loop = s->loop;
	estate_run(s->hub.estate, s->loop);
	s->hub.stall_ms = s->conf->stall * 1000;
	s->hub.again = sup_again;
	s->hub.leaving = sup_leaving;
	for (i = 0; i < s->workers; i++) {
		s->worker[i].captures.answer = sup_reply;
		s->worker[i].captures.arg = s;
	}
	s->hub.arg = s;
	rc = crew_open(&s->crew, s->loop, s->nursery, s->workers, &sup_crew, s);
	s->nursery = -1;
	if (rc)
		return err_set(e, rc, "cannot start workers: %s",
			       strerror(-rc));
	return sandbox_supervisor(e);
}

static int sup_serve(struct supervisor *s, struct err *e)
{
	int rc = control_open(&s->control, s->loop, s->conf->run, &sup_control,
			      s);

	if (rc)
		return err_set(e, rc, "cannot listen at %s/control: %s",
			       s->conf->run, strerror(-rc));
	sup_store_open(s);
	sup_over_serve(s);
	return 0;
}

/* Nothing is undone: taps, states and survival memory are the next one's. */
static void sup_stop(struct supervisor *s)
{
	struct sup_dom *d;
	unsigned i;

	estate_freeze(s->hub.estate);
	control_close(s->control);
	s->control = NULL;
	/* Somebody waits for our locks, and guests with it. It has what we had;
	 * the kernel closes it all at once, workers see that and end.
	 */
	if (s->given)
		_exit(0);
	crew_close(s->crew);
	for (i = 0; i < s->workers; i++)
		s->worker[i].orders = NULL;
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
	estate_close(s->hub.estate);
}

int supervisor_main(const struct supervisor_conf *c)
{
	struct supervisor s = {
		.conf = c,
		.workers = c->workers,
		.lock = -1,
		.keep_lock = -1,
		.nursery = -1,
		.sigs = -1,
		.hub.keep = -1,
	};
	struct err e = { "" };
	/* Before anything else is opened: it finds descriptors by number. */
	int rc = estate_open(&s.hub.estate);

	if (rc)
		err_set(&e, rc, "out of memory");
	else
		rc = sup_run_dir(c->run, &e);
	sup_files();
	if (!rc)
		rc = sup_choose(&s, &e);
	if (!rc && c->take_over)
		rc = takeover_log(s.hub.estate, c->run, &e);
	if (!rc)
		rc = sup_open_locks(&s, &e);
	if (!rc && !c->take_over)
		rc = sup_take_locks(&s, &e);
	if (!rc)
		rc = sup_nursery(&s, &e);
	if (!rc)
		rc = sup_start(&s, &e);
	if (!rc && c->take_over)
		rc = sup_take_over(&s, &e);
	if (!rc)
		rc = sup_serve(&s, &e);
	if (rc) {
		log_error("%s", e.text);
		return 1;
	}
	rc = loop_run(s.loop);
	sup_stop(&s);
	return rc ? 1 : 0;
}
