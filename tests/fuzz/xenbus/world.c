// SPDX-License-Identifier: GPL-2.0-or-later
/* world.c - the borders to clock, taps and guests for fuzz/xenbus.c */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/loop.h"
#include "base/num.h"
#include "daemon/guestconn.h"
#include "daemon/tap.h"

enum { WORLD_TIMERS = 64, WORLD_TAPS = 16 };

void must(bool b)
{
	if (!b)
		abort();
}

/* --- the log: FUZZ_LOG=1 shows it
 * --------------------------------------------- */

void log_open(const char *program, enum log_level most)
{
	(void)program;
	(void)most;
}

void log_at(enum log_level level, const char *fmt, ...)
{
	static int loud = -1;
	char line[512];
	va_list ap;

	(void)level;
	if (loud < 0)
		loud = getenv("FUZZ_LOG") != NULL;
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	if (loud)
		fprintf(stderr, "%s\n", line);
}

bool log_allow(struct log_limit *l, uint64_t now_ns)
{
	(void)l;
	(void)now_ns;
	return true;
}

/* --- clock and loop ----------------------------------------------------------
 */

struct loop_timer {
	bool used;
	uint64_t at_ns;
	loop_timer_fn *fn;
	void *arg;
	struct loop_timer **out;
};

struct loop_fd {
	loop_fd_fn *fn;
	void *arg;
};

static uint64_t now;
static struct loop_timer timer[WORLD_TIMERS];
static struct loop_fd store_source;

uint64_t clock_ns(void)
{
	return now;
}

uint64_t loop_now(const struct loop *l)
{
	(void)l;
	return now;
}

int loop_after(struct loop *l, uint32_t ms, loop_timer_fn *fn, void *arg,
	       struct loop_timer **out)
{
	struct loop_timer *t = timer;

	(void)l;
	while (t < timer + WORLD_TIMERS && t->used)
		t++;
	must(t < timer + WORLD_TIMERS);
	*t = (struct loop_timer){ true, now + ms * 1000000ull, fn, arg, out };
	if (out)
		*out = t;
	return 0;
}

void loop_cancel(struct loop *l, struct loop_timer *t)
{
	(void)l;
	if (t)
		t->used = false;
}

int loop_add(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *arg,
	     struct loop_fd **out)
{
	(void)l;
	(void)fd;
	(void)events;
	store_source = (struct loop_fd){ fn, arg };
	if (out)
		*out = &store_source;
	return 0;
}

int loop_mod(struct loop *l, struct loop_fd *s, uint32_t events)
{
	(void)l;
	(void)s;
	(void)events;
	abort();
}

void loop_del(struct loop *l, struct loop_fd *s)
{
	(void)l;
	if (s)
		s->fn = NULL;
}

void loop_stop(struct loop *l, int rc)
{
	(void)l;
	(void)rc;
	abort();
}

void world_later(uint32_t ms)
{
	now += ms * 1000000ull;
}

unsigned world_timers(void)
{
	unsigned i, n = 0;

	for (i = 0; i < WORLD_TIMERS; i++)
		n += timer[i].used;
	return n;
}

bool world_turn(void)
{
	struct loop_timer *t = NULL;
	unsigned i;

	if (store_source.fn && tree_readable()) {
		store_source.fn(store_source.arg, 0, 0);
		return true;
	}
	for (i = 0; i < WORLD_TIMERS; i++) {
		if (timer[i].used && timer[i].at_ns <= now &&
		    (!t || timer[i].at_ns < t->at_ns))
			t = &timer[i];
	}
	if (!t)
		return false;
	t->used = false;
	t->fn(t->arg);
	return true;
}

/* --- taps --------------------------------------------------------------------
 */

static struct tap {
	char name[IFNAMSIZ];
	int fd; /* the one which has it */
	bool carrier;
} tap[WORLD_TAPS];
static unsigned tap_fail;

void world_tap_fail_in(unsigned n)
{
	tap_fail = n;
}

static struct tap *tap_find(const char *name)
{
	unsigned i;

	for (i = 0; i < WORLD_TAPS; i++) {
		if (!strcmp(tap[i].name, name))
			return &tap[i];
	}
	return NULL;
}

static struct tap *tap_of(int fd)
{
	unsigned i;

	for (i = 0; i < WORLD_TAPS; i++) {
		if (tap[i].name[0] && tap[i].fd == fd)
			return &tap[i];
	}
	return NULL;
}

unsigned world_taps(void)
{
	unsigned i, n = 0;

	for (i = 0; i < WORLD_TAPS; i++)
		n += tap[i].name[0] != '\0';
	return n;
}

bool world_carrier(const char *name)
{
	const struct tap *t = name[0] ? tap_find(name) : NULL;

	return t && t->carrier;
}

/* The C library's, for the devices here. */
unsigned if_nametoindex(const char *name)
{
	const struct tap *t = name[0] ? tap_find(name) : NULL;

	return t ? (unsigned)(t - tap) + 1 : 0;
}

int tap_free(const char *name, struct err *e)
{
	return if_nametoindex(name) ? err_set(e, -EEXIST, "there is one") : 0;
}

int tap_open(const char *name, struct err *e)
{
	struct tap *t = tap_find(name);

	must(name[0]);
	if (tap_fail && !--tap_fail)
		return err_set(e, -EPERM, "cannot make it");
	if (!t)
		t = tap_find("");
	must(t);
	snprintf(t->name, sizeof(t->name), "%s", name);
	t->fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	must(t->fd >= 0);
	t->carrier = false;
	return t->fd;
}

bool tap_is(int fd, const char *name)
{
	(void)fd;
	(void)name;
	return false;
}

int tap_carrier(int fd, bool on)
{
	struct tap *t = tap_of(fd);

	must(t);
	t->carrier = on;
	return 0;
}

int tap_alias(const char *name, const char *alias)
{
	must(tap_find(name) && alias[0]);
	return 0;
}

int tap_offload(int fd, const struct ring_features *f)
{
	must(tap_of(fd) && f);
	return 0;
}

int tap_mtu(const char *name, uint32_t *mtu)
{
	must(tap_find(name));
	*mtu = 1500;
	return 0;
}

void tap_delete(int fd)
{
	struct tap *t = tap_of(fd);

	if (fd < 0)
		return;
	must(t);
	t->name[0] = '\0';
	close(fd);
}

/* --- guests ------------------------------------------------------------------
 */

struct guestconn {
	bool open, here, paused;
	struct hv_local mem;
	struct guestconn_port port[WORLD_PORTS];
	unsigned nport;
	const struct guestconn_ops *ops;
	void *arg;
};
static struct guestconn guest[WORLD_DOMS + 1];

int guestconn_open(struct guestconn **out, struct loop *l, const char *run,
		   uint16_t domid, const struct guestconn_ops *ops, void *arg,
		   struct err *e)
{
	struct guestconn *g = &guest[domid];

	(void)l;
	(void)run;
	(void)e;
	must(domid && domid <= WORLD_DOMS && !g->open);
	*g = (struct guestconn){ .open = true, .ops = ops, .arg = arg };
	*out = g;
	return 0;
}

void guestconn_keep(struct guestconn *g, struct estate *t)
{
	(void)t;
	must(g->open);
}

void guestconn_pause(struct guestconn *g, bool paused)
{
	must(g->open);
	g->paused = paused;
}

const struct hv_local *guestconn_memory(const struct guestconn *g, int *memfd)
{
	must(g->open);
	*memfd = 0;
	return g->here ? &g->mem : NULL;
}

const struct guestconn_port *guestconn_ports(const struct guestconn *g,
					     unsigned *n)
{
	must(g->open);
	*n = g->nport;
	return g->port;
}

void guestconn_drop(struct guestconn *g)
{
	must(g->open);
	if (!g->here)
		return;
	g->here = false;
	g->nport = 0;
	g->ops->gone(g->arg);
}

void guestconn_close(struct guestconn *g)
{
	if (g)
		*g = (struct guestconn){ 0 };
}

void world_hello(unsigned domid)
{
	struct guestconn *g = &guest[domid];

	if (!g->open || g->here || g->paused)
		return;
	g->here = true;
	g->ops->hello(g->arg, &g->mem, 0);
}

void world_port(unsigned domid, uint32_t port)
{
	struct guestconn *g = &guest[domid];
	unsigned i;

	for (i = 0; i < g->nport && g->port[i].port != port;)
		i++;
	if (!g->here || i < g->nport || g->nport == WORLD_PORTS)
		return;
	g->port[g->nport].port = port;
	g->nport++;
	g->ops->port(g->arg, &g->port[g->nport - 1]);
}

void world_guest_gone(unsigned domid)
{
	if (guest[domid].open)
		guestconn_drop(&guest[domid]);
}

bool world_guest_here(unsigned domid)
{
	return guest[domid].here;
}

/* --- beginning and end -------------------------------------------------------
 */

void world_forget(void)
{
	unsigned i;

	memset(timer, 0, sizeof(timer));
	store_source.fn = NULL;
	world_worker_forget(false);
	for (i = 0; i <= WORLD_DOMS; i++)
		guestconn_close(&guest[i]);
	for (i = 0; i < WORLD_TAPS; i++) {
		tap[i].fd = -1;
		tap[i].carrier = false;
	}
}

void world_reset(void)
{
	world_forget();
	memset(tap, 0, sizeof(tap));
	world_worker_forget(true);
	now = 1000000000;
	tap_fail = 0;
}
