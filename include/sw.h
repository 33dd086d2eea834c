/* SPDX-License-Identifier: GPL-2.0-or-later */
/* sw.h - forwarding between ports
 *
 * The decision is one function that touches no port: lookup. Moving is run:
 * one bounded turn over every port that has work. The first switch is the wire
 * (one vif, one tap): lookup is "the other one", and run may use lend, fill and
 * settle for one copy.
 */
#ifndef NETBACK_SW_H
#define NETBACK_SW_H

#include <stdbool.h>
#include <stdint.h>

struct bucket;
struct frame;
struct frame_pool;
struct port;
struct sw;

enum { SW_FLOOD = -1, SW_DROP = -2, SW_LATER = 3 };

/* A wire. The pool is for frames read with room to copy. */
int sw_wire_open(struct sw **out, struct frame_pool *pool);

/* Ports are borrowed; the first added is 0. -ENOSPC beyond what the switch
 * can hold (a wire: 2). del drops whatever waits for it.
 */
int sw_add(struct sw *sw, struct port *p);
void sw_del(struct sw *sw, struct port *p);

/* Where a frame that came in at port `in` goes: an index, SW_FLOOD, SW_DROP. */
int sw_lookup(struct sw *sw, const struct frame *f, int in);

/* One turn: at most FRAME_BURST frames from each port. Returns 1 when more work
 * is waiting, 0 when every port is armed and the caller may sleep until one of
 * the ports' fds is readable, PORT_LOOK when it may sleep so, but for a few
 * milliseconds only; SW_LATER when the limit is met: nothing is armed, no fd
 * need be polled until bucket_wait says 0; -EPROTO or -EFAULT with the port in *bad when that port is
 * finished.
 */
int sw_run(struct sw *sw, struct port **bad);

/* Before what came from a port that cannot be read into lent room is pushed to the
 * other one, fn sees it: what it takes is its own, what it leaves is v[0..n) of
 * its answer n, in order. NULL: nobody.
 */
typedef unsigned sw_aside_fn(void *arg, struct frame **v, unsigned n);
void sw_aside(struct sw *sw, sw_aside_fn *fn, void *arg);

/* All that passes, both ways together, is paid for from b: borrowed; NULL is no
 * limit. CLOCK_MONOTONIC.
 */
void sw_limit(struct sw *sw, struct bucket *b);

/* Others wait for their turn: from now on do not look longer than needed for work
 * that may come, before arming. (Or they do not wait any more.)
 */
void sw_hurry(struct sw *sw, bool others);

/* While a port is held (its peer has no room for a frame of it), its fds must
 * not be polled.
 */
bool sw_held(const struct sw *sw, const struct port *p);

/* What waits has waited too long: until its port has room for a frame again,
 * frames for which there is none are dropped and counted. Then run.
 */
void sw_give_up(struct sw *sw);

/* The frame that last found no room at p, to ask p with: its head and what it
 * needs are right, its payload is gone. NULL: none has.
 */
const struct frame *sw_refused(const struct sw *sw, const struct port *p);

/* Frames that were read and wait for room. */
unsigned sw_waiting(const struct sw *sw);

void sw_close(struct sw *sw); /* NULL is fine; ports stay open */

#endif
