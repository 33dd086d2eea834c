// SPDX-License-Identifier: GPL-2.0-or-later
/* loop.c - epoll and a sorted list of timers
 *
 * Deleted sources are only marked while events are being handed out and freed
 * after: an event of the same turn may still name them.
 */
#include "base/loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

enum {
	LOOP_EVENTS = 64,
	/* Timers for when there is no memory: one that is not set is an event
	 * which never comes, and nobody looks again.
	 */
	LOOP_SPARE = 32,
};

struct loop_fd {
	struct loop_fd *next, **prev;
	int fd;
	bool dead;
	loop_fd_fn *fn;
	void *arg;
};

struct loop_timer {
	struct loop_timer *next;
	uint64_t due_ns;
	loop_timer_fn *fn;
	void *arg;
};

struct loop {
	int ep;
	bool busy, stop;
	int rc;
	uint64_t now_ns;
	struct loop_fd *fds, *dead;
	struct loop_timer *timers;
	struct loop_timer spare[LOOP_SPARE]; /* free: without fn */
};

uint64_t clock_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

int loop_open(struct loop **out)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l)
		return -ENOMEM;
	l->ep = epoll_create1(EPOLL_CLOEXEC);
	if (l->ep < 0) {
		int rc = -errno;

		free(l);
		return rc;
	}
	l->now_ns = clock_ns();
	*out = l;
	return 0;
}

static void loop_unlink(struct loop_fd *s)
{
	*s->prev = s->next;
	if (s->next)
		s->next->prev = s->prev;
}

static void loop_sweep(struct loop *l)
{
	while (l->dead) {
		struct loop_fd *s = l->dead;

		l->dead = s->next;
		free(s);
	}
}

void loop_close(struct loop *l)
{
	if (!l)
		return;
	while (l->fds)
		loop_del(l, l->fds);
	loop_sweep(l);
	while (l->timers)
		loop_cancel(l, l->timers);
	close(l->ep);
	free(l);
}

int loop_add(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *arg,
	     struct loop_fd **out)
{
	struct loop_fd *s = calloc(1, sizeof(*s));
	struct epoll_event ev = { .events = events, .data.ptr = s };

	if (!s)
		return -ENOMEM;
	s->fd = fd;
	s->fn = fn;
	s->arg = arg;
	if (epoll_ctl(l->ep, EPOLL_CTL_ADD, fd, &ev)) {
		int rc = -errno;

		free(s);
		return rc;
	}
	s->next = l->fds;
	s->prev = &l->fds;
	if (s->next)
		s->next->prev = &s->next;
	l->fds = s;
	if (out)
		*out = s;
	return 0;
}

int loop_mod(struct loop *l, struct loop_fd *s, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = s };

	return epoll_ctl(l->ep, EPOLL_CTL_MOD, s->fd, &ev) ? -errno : 0;
}

void loop_del(struct loop *l, struct loop_fd *s)
{
	if (!s)
		return;
	/* Fails if the caller closed the fd first; then it is gone anyway. */
	epoll_ctl(l->ep, EPOLL_CTL_DEL, s->fd, NULL);
	loop_unlink(s);
	s->dead = true;
	s->next = l->dead;
	l->dead = s;
	if (!l->busy)
		loop_sweep(l);
}

static struct loop_timer *loop_timer_new(struct loop *l)
{
	struct loop_timer *t = calloc(1, sizeof(*t));
	unsigned i;

	for (i = 0; i < LOOP_SPARE && !t; i++) {
		if (!l->spare[i].fn)
			t = &l->spare[i];
	}
	return t;
}

static void loop_timer_free(struct loop *l, struct loop_timer *t)
{
	if (t >= l->spare && t < l->spare + LOOP_SPARE)
		t->fn = NULL;
	else
		free(t);
}

int loop_after(struct loop *l, uint32_t ms, loop_timer_fn *fn, void *arg,
	       struct loop_timer **out)
{
	struct loop_timer *t = loop_timer_new(l), **at;

	if (!t)
		return -ENOMEM;
	t->due_ns = clock_ns() + (uint64_t)ms * 1000000u;
	t->fn = fn;
	t->arg = arg;
	for (at = &l->timers; *at && (*at)->due_ns <= t->due_ns;)
		at = &(*at)->next;
	t->next = *at;
	*at = t;
	if (out)
		*out = t;
	return 0;
}

void loop_cancel(struct loop *l, struct loop_timer *t)
{
	struct loop_timer **at = &l->timers;

	if (!t)
		return;
	while (*at && *at != t)
		at = &(*at)->next;
	if (!*at)
		return;
	*at = t->next;
	loop_timer_free(l, t);
}

static int loop_wait_ms(const struct loop *l, int wait_ms)
{
	uint64_t now, ms;

	if (!l->timers)
		return wait_ms;
	now = clock_ns();
	if (l->timers->due_ns <= now)
		return 0;
	ms = (l->timers->due_ns - now + 999999u) / 1000000u;
	if (ms > 60000)
		ms = 60000;
	return wait_ms < 0 || (uint64_t)wait_ms > ms ? (int)ms : wait_ms;
}

static void loop_fire(struct loop *l)
{
	while (l->timers && l->timers->due_ns <= l->now_ns) {
		struct loop_timer *t = l->timers;
		loop_timer_fn *fn = t->fn;
		void *arg = t->arg;

		l->timers = t->next;
		loop_timer_free(l, t);
		fn(arg);
	}
}

int loop_turn(struct loop *l, int wait_ms)
{
	struct epoll_event ev[LOOP_EVENTS];
	int i, n;

	n = epoll_wait(l->ep, ev, LOOP_EVENTS, loop_wait_ms(l, wait_ms));
	if (n < 0 && errno != EINTR)
		return -errno;
	l->now_ns = clock_ns();
	l->busy = true;
	for (i = 0; i < n; i++) {
		struct loop_fd *s = ev[i].data.ptr;

		if (!s->dead)
			s->fn(s->arg, s->fd, ev[i].events);
	}
	loop_fire(l);
	l->busy = false;
	loop_sweep(l);
	return 0;
}

int loop_run(struct loop *l)
{
	int rc = 0;

	l->stop = false;
	while (!l->stop && !rc)
		rc = loop_turn(l, -1);
	return rc ? rc : l->rc;
}

void loop_stop(struct loop *l, int rc)
{
	l->stop = true;
	l->rc = rc;
}

bool loop_stopped(const struct loop *l)
{
	return l->stop;
}

uint64_t loop_now(const struct loop *l)
{
	return l->now_ns;
}
