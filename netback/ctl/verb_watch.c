// SPDX-License-Identifier: GPL-2.0-or-later
/* verb_watch.c - watch --guard, and guard pause: guards that others remove
 *
 * The one verb that stays. It hears from the kernel who changed a guard's
 * table, takes the vif's lock (so that no attach or detach is at it), and if the
 * vif is attached and its guard is not what it should be, puts it back. A vif
 * whose device is down is somebody's who is attaching or detaching it.
 *
 * The table of mode nat comes back in the same way, while there is a network or a
 * vif that needs it.
 *
 * Rules of accept= stand in others' chains. Whenever others' rules change, and
 * twice a second if iptables' legacy variant has, the vifs with accept= are looked
 * at; where that takes long it is done less often, for a fifth of a CPU at most.
 */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/loop.h"
#include "base/num.h"
#include "ctl/attach.h"
#include "ctl/bridge.h"
#include "ctl/host.h"
#include "ctl/net.h"
#include "ctl/out.h"
#include "ctl/run.h"
#include "ctl/watch.h"
#include "filter.h"

enum {
	WATCH_AGAIN_MS = 20,
	WATCH_LOCK_MS = 5,
	WATCH_POLL_MS = 500,
	WATCH_WHOLE = 10, /* polls: the tenth reads legacy tables whole */
	WATCH_REST = 4,	  /* times as long as a look at accept= took */
	WATCH_NICE = -10,
};

struct watch_id {
	uint16_t domid, handle;
};

struct watch {
	struct ctl *c;
	struct err *e;
	struct filter_leases *leases;  /* NULL: cannot be had */
	const struct filter_event *ev; /* NULL: looking at all, at the start */
	uint64_t since;		       /* when we heard of it */
	bool again;	   /* something could not be looked at: soon again */
	bool nat_gone;	   /* mode nat's table is not as it should be */
	bool bridges_done; /* closed bridges are as they should be */
	struct watch_id *accept; /* vifs with accept=, as last seen */
	size_t naccept;
	struct filter_event others; /* who is to be looked after, if due */
	bool due;
	uint64_t rest, poll; /* not before; the next poll of legacy tables */
	unsigned polls;
	struct filter_legacy legacy;
};

static int watch_pause_path(const struct ctl *c, const char *name,
			    char path[CTL_PATH])
{
	return str_fmt(path, CTL_PATH, "%s/pause/%s", c->run, name) < 0
		       ? -ENAMETOOLONG
		       : 0;
}

static bool watch_paused(const struct ctl *c, const char *name)
{
	char path[CTL_PATH];

	return !watch_pause_path(c, name, path) && !access(path, F_OK);
}

static bool watch_is_up(const char *dev)
{
	struct ifreq r = { .ifr_flags = 0 };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	bool up;

	if (fd < 0)
		return false;
	str_put(r.ifr_name, sizeof(r.ifr_name), dev);
	up = !ioctl(fd, SIOCGIFFLAGS, &r) && r.ifr_flags & IFF_UP;
	close(fd);
	return up;
}

/* One line for what was done, and who made it necessary. */
static void watch_say_of(const struct watch *w, const char *key,
			 const char *name, const char *what, const char *why)
{
	const struct filter_event *ev = w->ev;
	double ms = (double)(clock_ns() - w->since) / 1e6;
	struct out o;

	if (out_open(&o, stdout, w->c->json))
		return;
	out_begin(&o, name);
	out_str(&o, key, what);
	if (why[0])
		out_str(&o, "why", why);
	if (ev && ev->kind == FILTER_RENAMED) {
		out_str(&o, "renamed", ev->to);
	} else if (ev) {
		out_str(&o, "by", ev->by);
		if (ev->pid)
			out_num(&o, "pid", ev->pid);
	}
	out_num(&o, "after_us", (int64_t)(ms * 1000));
	out_end(&o);
	out_close(&o);
}

static void watch_say(const struct watch *w, const char *name, const char *what,
		      const char *why)
{
	const struct filter_event *ev = w->ev;

	watch_say_of(w, ev && ev->kind == FILTER_OTHERS ? "accept" : "guard",
		     name, what, why);
}

/* A legacy table stands for one that is right only if it was read before a look
 * that found all right; else who undoes what we did before the next poll would
 * leave what was read last, and be missed.
 */
static void watch_legacy_again(struct watch *w)
{
	w->legacy = (struct filter_legacy){ .seen = { { .there = false } } };
}

/* Notes that vif N.M has accept=, or has not. */
static void watch_accepts(struct watch *w, uint16_t domid, uint16_t handle,
			  bool does)
{
	struct watch_id *more;
	size_t i;

	for (i = 0; i < w->naccept; i++)
		if (w->accept[i].domid == domid &&
		    w->accept[i].handle == handle)
			break;
	if (i < w->naccept) {
		if (!does)
			w->accept[i] = w->accept[--w->naccept];
		return;
	}
	if (!does)
		return;
	more = reallocarray(w->accept, w->naccept + 1, sizeof(*more));
	if (!more)
		return; /* it is found again at the next look at it */
	w->accept = more;
	more[w->naccept++] = (struct watch_id){ domid, handle };
	watch_legacy_again(w);
}

static int watch_vif_locked(struct watch *w, const char *name, uint16_t domid,
			    uint16_t handle)
{
	struct err e = { "" };
	struct nodes n;
	char dev[IFNAMSIZ];
	int rc = nodes_read(w->c->store, domid, handle, &n, &e);

	if (rc || !n.back || strcmp(n.hotplug, "connected")) {
		watch_accepts(w, domid, handle, false);
		return rc;
	}
	if (n.bad.text[0]) { /* nor does trying again tell what it should be */
		watch_accepts(w, domid, handle, false);
		watch_say(w, name, "missing", n.bad.text);
		return 0;
	}
	watch_accepts(w, domid, handle, n.vif.accept != VIF_ACCEPT_NEVER);
	str_put(dev, sizeof(dev), n.vif.name);
	if (w->ev && w->ev->kind == FILTER_RENAMED && !strcmp(dev, w->ev->dev))
		str_put(dev, sizeof(dev), w->ev->to);
	if (!watch_is_up(dev))
		return 0;
	rc = host_repair(&n.vif, dev, &e);
	if (rc >= 0 && w->leases)
		filter_leases_restore(w->leases, dev);
	if (rc)
		watch_legacy_again(w);
	if (rc == 1)
		watch_say(w, name, "back", "");
	else if (rc < 0)
		watch_say(w, name, "missing", e.text);
	if (rc >= 0 && w->ev && w->ev->kind == FILTER_RENAMED &&
	    (!strcmp(n.vif.name, w->ev->dev) ||
	     !strcmp(n.vif.name, w->ev->to)) &&
	    !if_nametoindex(w->ev->dev))
		filter_remove(w->ev->dev, &e); /* nobody has that name now */
	return rc < 0 ? rc : 0;
}

static int watch_vif(void *arg, uint16_t domid, uint16_t handle)
{
	struct watch *w = arg;
	unsigned wait = w->c->wait_ms;
	char name[ATTACH_NAME];
	struct err e;
	int lock;

	str_fmt(name, sizeof(name), "vif%u.%u", domid, handle);
	if (watch_paused(w->c, name))
		return 0;
	w->c->wait_ms = WATCH_LOCK_MS;
	lock = run_lock(w->c, name, &e);
	w->c->wait_ms = wait;
	if (lock < 0) {
		w->again = true;
		return 0;
	}
	if (watch_vif_locked(w, name, domid, handle))
		w->again = true;
	run_unlock(w->c, name, lock);
	return 0;
}

/* Not while somebody changes which are closed: of records that were read before, one
 * that was closed meanwhile would be opened again.
 */
static int watch_bridges_locked(struct watch *w, struct err *e)
{
	unsigned wait = w->c->wait_ms;
	int lock, rc;

	w->c->wait_ms = WATCH_LOCK_MS;
	lock = run_lock(w->c, "bridges", e);
	rc = lock < 0 ? lock : bridge_restore(w->c, e);
	w->c->wait_ms = wait;
	if (lock >= 0)
		run_unlock(w->c, "bridges", lock);
	return rc;
}

/* What removed it also named: by the kernel, since it is nf_tables'. */
static void watch_bridges(struct watch *w)
{
	struct err e = { "" };
	int rc = watch_bridges_locked(w, &e);

	w->bridges_done = !rc;
	w->again |= rc != 0;
	if (rc && rc != -EBUSY) {
		watch_say(w, "bridges", "missing", e.text);
	} else if (w->ev && w->ev->kind == FILTER_CLOSED) {
		watch_say(w, "bridges", "back", "");
	}
}

/* --- the table of mode nat ------------------------------------------------------*/

/* Its rules are one for all: what began without them ends, once. */
static int watch_nat_mend(struct watch *w, struct err *e)
{
	int rc = filter_nat_mend(e);
	struct err why;

	if (rc || !w->nat_gone)
		return rc;
	w->nat_gone = false;
	if (net_cut(w->c, &why))
		watch_say_of(w, "nat", "connections", "missing", why.text);
	return 0;
}

static int watch_network_locked(struct watch *w, const char *name,
				struct err *e)
{
	struct network n;
	int rc = net_load(w->c, name, &n, e);

	if (!rc)
		rc = filter_network_check(&n, NULL, e);
	if (rc != 1)
		return rc;
	rc = watch_nat_mend(w, e);
	if (!rc)
		rc = filter_network(&n, true, e);
	return rc ? rc : 1;
}

static int watch_network(void *arg, const char *name)
{
	struct watch *w = arg;
	unsigned wait = w->c->wait_ms;
	struct err e = { "" };
	int lock, rc;

	w->c->wait_ms = WATCH_LOCK_MS;
	lock = net_lock(w->c, name, &e);
	w->c->wait_ms = wait;
	if (lock < 0) {
		w->again = true;
		return 0;
	}
	rc = watch_network_locked(w, name, &e);
	net_unlock(w->c, name, lock);
	if (rc == 1) {
		watch_say_of(w, "nat", name, "back", "");
	} else if (rc < 0 && rc != -ENOENT) {
		watch_say_of(w, "nat", name, "missing", e.text);
		w->again = true;
	}
	return 0;
}

/* Routed, and masqueraded: a network's vifs are the network's. */
static int watch_masqueraded(void *arg, uint16_t domid, uint16_t handle)
{
	struct watch *w = arg;
	struct err e = { "" };
	struct nodes n;
	char name[ATTACH_NAME];
	int rc;

	if (nodes_read(w->c->store, domid, handle, &n, &e) || !n.back ||
	    strcmp(n.hotplug, "connected") || n.vif.mode != VIF_NAT ||
	    n.vif.network[0])
		return 0;
	str_fmt(name, sizeof(name), "vif%u.%u", domid, handle);
	rc = watch_nat_mend(w, &e);
	watch_say_of(w, "nat", name, rc ? "missing" : "back", e.text);
	w->again |= rc != 0;
	return 1;
}

static void watch_nat(struct watch *w)
{
	struct err e;

	w->nat_gone = filter_nat_check("", NULL, &e) == 1;
	net_each(w->c, watch_network, w);
	if (filter_nat_check("", NULL, &e) == 1 &&
	    nodes_each(w->c->store, watch_masqueraded, w, w->e) < 0)
		w->again = true;
}

/* Mostly the device's name says whose it is; one with vifname= is looked for. */
static void watch_look(struct watch *w)
{
	uint16_t domid, handle;

	w->again = false;
	if (!w->bridges_done || (w->ev && (w->ev->kind == FILTER_LOST ||
					   w->ev->kind == FILTER_CLOSED)))
		watch_bridges(w);
	if (w->ev && w->ev->kind == FILTER_CLOSED)
		return;
	if (w->ev && w->ev->kind == FILTER_NAT_TOUCHED) {
		watch_nat(w);
		return;
	}
	if (w->ev && w->ev->kind != FILTER_LOST &&
	    !vif_parse_name(w->ev->dev, &domid, &handle, NULL))
		watch_vif(w, domid, handle);
	else if (nodes_each(w->c->store, watch_vif, w, w->e) < 0)
		w->again = true;
	if (!w->ev || w->ev->kind == FILTER_LOST)
		watch_nat(w);
}

/* Backwards: a vif that has it no more leaves the list meanwhile. */
static void watch_look_accept(struct watch *w)
{
	uint64_t from = clock_ns();
	size_t i;

	w->due = false;
	w->ev = &w->others;
	for (i = w->naccept; i-- > 0;)
		if (i < w->naccept)
			watch_vif(w, w->accept[i].domid, w->accept[i].handle);
	w->ev = NULL;
	w->rest = clock_ns();
	w->rest += WATCH_REST * (w->rest - from);
}

static void watch_poll_legacy(struct watch *w, uint64_t now)
{
	if (!w->naccept || now < w->poll)
		return;
	w->poll = now + WATCH_POLL_MS * UINT64_C(1000000);
	if (filter_legacy_changed(&w->legacy, w->polls++ % WATCH_WHOLE == 0) !=
	    1)
		return;
	if (w->due)
		return; /* by somebody who has a name */
	w->due = true;
	w->others = (struct filter_event){ .kind = FILTER_OTHERS, .by = "?" };
}

static int watch_events(struct watch *w, struct filter_watch *f)
{
	struct filter_event ev;
	bool again = w->again; /* what waits for that is none of theirs */
	int rc;

	while ((rc = filter_watch_next(f, &ev)) == 1) {
		if (ev.kind == FILTER_OTHERS) {
			w->due = w->naccept > 0;
			w->others = ev;
			continue;
		}
		w->ev = &ev;
		w->since = clock_ns();
		watch_look(w);
		again |= w->again;
	}
	w->ev = NULL;
	w->again = again;
	return rc;
}

static int watch_leases(struct watch *w)
{
	struct filter_lease l;
	struct out o;
	int rc;

	while ((rc = filter_leases_next(w->leases, &l)) == 1) {
		if (out_open(&o, stdout, w->c->json))
			continue;
		out_begin(&o, l.dev);
		out_str(&o, "lease", l.why);
		out_str(&o, "address", l.addr);
		if (l.seconds)
			out_num(&o, "seconds", l.seconds);
		out_end(&o);
		out_close(&o);
	}
	return rc;
}

/* Milliseconds until there is something to do by itself. */
static int watch_wait(const struct watch *w, uint64_t now)
{
	uint64_t ms = w->again ? WATCH_AGAIN_MS : WATCH_POLL_MS;

	if (w->due && w->rest <= now)
		ms = 0;
	else if (w->due && (w->rest - now) / 1000000 < ms)
		ms = (w->rest - now) / 1000000 + 1;
	return (int)ms;
}

static int watch_run(struct watch *w, struct filter_watch *f)
{
	struct pollfd p[2] = {
		{ .fd = filter_watch_fd(f), .events = POLLIN },
		{ .fd = w->leases ? filter_leases_fd(w->leases) : -1,
		  .events = POLLIN },
	};
	int rc = 0, ms;

	watch_look(w);
	while (!rc && !run_interrupted()) {
		ms = watch_wait(w, clock_ns());
		if (w->leases)
			ms = filter_leases_wait(w->leases, ms);
		rc = poll(p, ARRAY_SIZE(p), ms);
		w->since = clock_ns();
		if (rc < 0)
			return errno == EINTR ? 0 : -errno;
		rc = w->leases ? watch_leases(w) : 0;
		if (!rc && p[0].revents)
			rc = watch_events(w, f);
		else if (!rc && w->again)
			watch_look(w);
		watch_poll_legacy(w, clock_ns());
		if (!rc && w->due && clock_ns() >= w->rest)
			watch_look_accept(w);
	}
	return rc;
}

int verb_watch(struct ctl *c, int argc, char **argv, struct err *e)
{
	struct filter_watch *f = NULL;
	struct watch w = { .c = c, .e = e };
	struct err no = { "" };
	int rc;

	if (argc == 1 && !strcmp(argv[0], "hotplug"))
		return watch_hotplug(c, e);
	if (argc != 1 || strcmp(argv[0], "guard"))
		return err_set(e, CTL_USAGE,
			       "watch: what? There is: vifctl watch guard, "
			       "vifctl watch hotplug");
	run_hold_signals();
	rc = run_store(c, e);
	if (!rc)
		rc = filter_watch_open(&f, e);
	if (rc)
		return rc;
	/* guards are watched without them, too */
	if (filter_leases_open(&w.leases, &no)) {
		w.since = clock_ns();
		watch_say(&w, "leases", "missing", no.text);
	}
	/* it sleeps, and when it does not, seconds count; not ours to insist */
	(void)!setpriority(PRIO_PROCESS, 0, WATCH_NICE);
	w.since = clock_ns();
	rc = watch_run(&w, f);
	filter_leases_close(w.leases);
	filter_watch_close(f);
	free(w.accept);
	return rc ? err_set(e, rc, "watch: %s", strerror(-rc)) : 0;
}

/* --- guard pause, guard resume -------------------------------------------------*/

static int guard_pause(struct ctl *c, const char *name, struct err *e)
{
	char path[CTL_PATH];
	int rc;

	if (str_fmt(path, sizeof(path), "%s/pause", c->run) < 0)
		return err_set(e, -ENAMETOOLONG, "%s: too long a name", c->run);
	rc = run_folder(path, e);
	if (rc)
		return rc;
	rc = watch_pause_path(c, name, path);
	return rc ? err_set(e, rc, "%s: too long a name", c->run)
		  : run_mark(path, e);
}

static int guard_resume(struct ctl *c, const struct vif *v, const char *name,
			struct err *e)
{
	struct watch w = {
		.c = c, .e = e, .since = clock_ns(), .bridges_done = true
	};
	char path[CTL_PATH];
	int rc = run_store(c, e);

	if (!rc && !watch_pause_path(c, name, path) && unlink(path) &&
	    errno != ENOENT)
		rc = err_set(e, -errno, "cannot remove %s: %s", path,
			     strerror(errno));
	if (!rc)
		watch_vif(&w, v->domid, v->handle);
	free(w.accept);
	return rc;
}

int verb_guard(struct ctl *c, int argc, char **argv, struct err *e)
{
	char name[ATTACH_NAME];
	struct vif v;
	int rc;

	if (argc != 2 ||
	    (strcmp(argv[0], "pause") && strcmp(argv[0], "resume")))
		return err_set(e, CTL_USAGE,
			       "guard: pause or resume, then a vif");
	rc = ctl_name(&v, argc - 1, argv + 1, e);
	if (rc)
		return rc;
	str_fmt(name, sizeof(name), "vif%u.%u", v.domid, v.handle);
	return strcmp(argv[0], "pause") ? guard_resume(c, &v, name, e)
					: guard_pause(c, name, e);
}
