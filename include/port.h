/* SPDX-License-Identifier: GPL-2.0-or-later */
/* port.h - a place frames come from and go to
 *
 * Providers: vif (a guest's rings), tap (the host's stack), memory (tests).
 * One worker thread owns a port; no call blocks.
 *
 *   pull    frames that have arrived; the caller owns v[0..k)
 *   push    takes all n, whatever it returns; counts and frees what it could
 *           not deliver
 *   fits    1 = push would deliver this frame now (NULL: the smallest)
 *   lend    f->seg and f->head become room for one largest frame, without
 *           a copy; -EOPNOTSUPP or -ENOBUFS when this port cannot (now)
 *   fill    reads one frame into such room: 1, 0 when nothing is waiting
 *   settle  commits what was filled (f->len > 0) or returns the room (0)
 *   flush   end of a burst: publish both ways, at most one bell a channel;
 *           whatever pulled frames referred to is gone after it
 *   arm     before sleeping: 1 = there is work, do not sleep; `waits`: also wake
 *           when that frame fits (NULL: none waits); PORT_LOOK = nobody will
 *           wake us for that: look again soon
 *   poll    as arm, but asks nobody for a bell: about how much work there is, 0
 *   ready   after waking: forget the signal of this fd; a tap is then read until
 *           it is empty, and not again before the next
 *
 * A source that can be read into lent room has fill; a sink that can give it
 * has lend and settle. A switch must see a header first, so only the wire uses
 * them. Returns: 0, a count, or -errno; -EPROTO and -EFAULT mean that this
 * port is finished, and only this one.
 */
#ifndef NETBACK_PORT_H
#define NETBACK_PORT_H

#include <stdbool.h>
#include <stdint.h>

struct frame;
struct frame_pool;
struct port;
struct ring;

enum { PORT_FDS = 2, PORT_LOOK = 2, PORT_FAN = 64 };

struct port_ops {
	const char *kind; /* "vif", "tap", "mem" */
	int (*pull)(struct port *p, struct frame **v, unsigned n);
	int (*push)(struct port *p, struct frame **v, unsigned n);
	int (*fits)(struct port *p, const struct frame *f);
	int (*lend)(struct port *p, struct frame *f);
	int (*fill)(struct port *p, struct frame *f);
	int (*settle)(struct port *p, struct frame *f);
	int (*flush)(struct port *p);
	int (*arm)(struct port *p, const struct frame *waits);
	int (*poll)(struct port *p, const struct frame *waits);
	void (*ready)(struct port *p, int fd);
	int (*fds)(const struct port *p, int fd[PORT_FDS]); /* to poll for in */
	void (*close)(struct port *p);
};

struct port_stat {
	uint64_t in, in_bytes;	 /* frames that arrived, bad ones included */
	uint64_t in_drop;	 /* .. and could not be handed on */
	uint64_t out, out_bytes; /* frames delivered */
	uint64_t out_drop;	 /* frames taken and not delivered */
};

/* Somebody who looks at what passes a port. `in` = from the port's side into
 * the switch. The frame is lent for the call; payload may lie in guest memory.
 */
struct port_tee {
	void (*see)(struct port_tee *t, const struct frame *f, bool in);
};

/* Every provider's struct starts with this. */
struct port {
	const struct port_ops *ops;
	char name[16];
	struct port_stat stat;
	struct port_tee *tee; /* capture, or NULL; borrowed */
};

/* A guest's queue. Takes over the ring. */
int port_vif_open(struct port **out, const char *name, struct ring *ring);

/* Which of n queues a frame goes to: always the same for one flow. */
typedef unsigned port_pick_fn(void *arg, const struct frame *f, unsigned n);

/* All queues of a guest as one port. Takes over v[0..n), n <= PORT_FAN, also on
 * error. Its fds are those of its queues: poll for them, and tell the queue that
 * it is ready.
 */
int port_fan_open(struct port **out, const char *name, struct port *const *v,
		  unsigned n, port_pick_fn *pick, void *arg);

/* The host's end. fd: a tap with IFF_NO_PI and IFF_VNET_HDR, non-blocking,
 * header size 10; taken over. What it may hand us (TUNSETOFFLOAD) was set by
 * whoever opened it: the worker makes no ioctl. pool: frames for pull.
 */
int port_tap_open(struct port **out, const char *name, int fd,
		  struct frame_pool *pool);

/* Was it read until nothing was left, and nobody said ready since? */
bool port_tap_empty(const struct port *p);

/* Another pool, from the next frame on. */
void port_tap_frames(struct port *p, struct frame_pool *pool);

/* Two ends in memory, for tests: what is pushed into one is pulled from the
 * other, after a flush. Copies; holds up to `depth` frames each way.
 */
int port_mem_open(struct port **a, struct port **b, unsigned depth);

static inline void port_see(const struct port *p, const struct frame *f,
			    bool in)
{
	if (p->tee)
		p->tee->see(p->tee, f, in);
}

static inline void port_close(struct port *p)
{
	if (p)
		p->ops->close(p);
}

#endif
