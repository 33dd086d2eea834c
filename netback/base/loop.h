/* SPDX-License-Identifier: GPL-2.0-or-later */
/* loop.h - the event loop of every daemon here: epoll, timers, one clock
 *
 * Single-threaded. A callback may add and delete any source, its own included.
 * Time is read once per turn and handed down by loop_now.
 */
#ifndef NETBACK_BASE_LOOP_H
#define NETBACK_BASE_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_fd;
struct loop_timer;

typedef void loop_fd_fn(void *arg, int fd, uint32_t events); /* EPOLL* bits */
typedef void loop_timer_fn(void *arg);

int loop_open(struct loop **out);
void loop_close(struct loop *l); /* frees what is left in it; not the fds */

/* Watches fd (borrowed) for events (EPOLLIN ..), level-triggered. */
int loop_add(struct loop *l, int fd, uint32_t events, loop_fd_fn *fn, void *arg,
	     struct loop_fd **out);
int loop_mod(struct loop *l, struct loop_fd *s, uint32_t events);
void loop_del(struct loop *l, struct loop_fd *s); /* NULL is fine */

/* Once, after ms; the timer is gone when fn is called, or by loop_cancel. */
int loop_after(struct loop *l, uint32_t ms, loop_timer_fn *fn, void *arg,
	       struct loop_timer **out);
void loop_cancel(struct loop *l, struct loop_timer *t); /* NULL is fine */

/* One turn: waits at most until the next timer (or wait_ms if not negative),
 * calls what is due. Returns 0 or -errno (EINTR is 0).
 */
int loop_turn(struct loop *l, int wait_ms);

/* Turns until loop_stop; returns what was given there. */
int loop_run(struct loop *l);
void loop_stop(struct loop *l, int rc);
bool loop_stopped(const struct loop *l);

uint64_t loop_now(const struct loop *l); /* CLOCK_MONOTONIC, ns, this turn's */
uint64_t clock_ns(void);		 /* CLOCK_MONOTONIC, read now */

#endif
