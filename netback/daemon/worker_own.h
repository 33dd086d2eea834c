/* SPDX-License-Identifier: GPL-2.0-or-later */
/* worker_own.h - a worker's inside, for worker*.c alone
 *
 *   worker.c        one loop: orders, guests' memory
 *   worker_vif.c    a vif: connecting, running, counting, capture
 *   worker_turn.c   whose turn it is, and what a turn is
 *   worker_stall.c  a guest that takes nothing any more
 *   worker_direct.c frames from guest to guest that the host does not see
 */
#ifndef NETBACK_DAEMON_WORKER_OWN_H
#define NETBACK_DAEMON_WORKER_OWN_H

#include <stdbool.h>
#include <stdint.h>

#include "base/bucket.h"
#include "daemon/fair.h"
#include "daemon/worker.h"

enum { WDIRECT_BUCKETS = 256, WDIRECT_PLACES = 64 };
enum { WVIF_COUNTS = sizeof(struct worker_stats) / sizeof(uint64_t) };

struct wdom {
	struct wdom *next;
	uint16_t domid;
	struct hv *hv;
};

/* One queue of a connected vif. */
struct wqueue {
	struct wvif *v;
	struct port *port; /* its rings; owned by the vif's port */
	struct ring *ring; /* the same */
	struct loop_fd *src[PORT_FDS];
	uint64_t counts[RING_COUNTS]; /* of this connection */
};

struct wstall {
	uint32_t ms;		 /* the stall time; 0 = never */
	uint64_t since_ns;	 /* no frame reached it, though one wanted to */
	uint64_t rx, refused;	 /* counters at the last turn */
	bool on;		 /* the supervisor knows */
	struct loop_timer *look; /* while on: for room */
};

struct wdirect {
	struct direct me;  /* off: neither gives nor takes */
	struct wvif *next; /* of the same bucket */
	uint32_t mtu;	   /* bytes, of its tap */
	/* CLOCK_MONOTONIC: frames of anybody's, or for anybody, may be in taps
	 * since; a turn of this vif began that found its tap empty; this vif sent
	 * a frame the long way, by the receiver's place (which others may share)
	 */
	uint64_t late_ns, drained_ns, since_ns[WDIRECT_PLACES];
	uint8_t place;
	bool touched, ends;
	struct wvif *behind; /* in the list of those */
	int rc;		     /* not 0: it is finished, behind this turn */
};

struct wvif {
	struct wvif *next;
	struct fair_member turn;
	struct worker *w;
	uint16_t domid, handle;
	char name[16];
	int keep_fd;
	struct frame_pool *pool; /* two frames with a body, for the tap */
	struct port *tap, *vif;	 /* vif: NULL while not connected */
	struct wqueue *queue;	 /* nqueue of them */
	unsigned nqueue;
	struct ring_vif *shared; /* what its queues share */
	struct loop_fd *ctrl_src;
	bool ctrl; /* requests may wait in the control ring */
	struct survive *keep;
	struct sw *sw;
	struct loop_fd *tap_src;
	struct loop_timer *clock;  /* while a frame waits for the guest */
	uint64_t held_ns, held_in; /* since when, and which one it is */
	bool held;
	struct bucket bucket;	 /* its rate; paid_ns is in keep */
	struct loop_timer *wait; /* until that is paid for */
	bool tap_off;		 /* not polled, for either */
	struct wstall stall;
	struct wdirect direct;
	bool rang;     /* since its last turn */
	unsigned idle; /* turns in a row that a bell caused for nothing */
	struct loop_timer *calm;
	struct cap *cap;
	struct loop_fd *cap_src; /* while the reader's socket is full */
	bool cap_again; /* it counts on from st.cap, once that is known */
	struct worker_stats st;
	uint64_t before[RING_COUNTS]; /* of st.ring: earlier connections */
};

struct worker {
	int sock;
	struct loop *loop;
	struct frame_pool *pool; /* frames in place, one burst's worth */
	/* .. with room to copy: once there is a guest that cannot be reached */
	struct frame_pool *bodies;
	struct wdom *doms;
	struct wvif *vifs;
	struct fair fair;
	struct wvif *direct[WDIRECT_BUCKETS]; /* those that are, by MAC */
	struct wvif *touched, *broken;	      /* in this turn */
	unsigned places;		      /* given out */
};

/* --- worker.c ---------------------------------------------------------------- */

struct wdom *worker_dom(struct worker *w, uint16_t domid);

/* The frames for packets of such a guest; NULL when there is no memory. */
struct frame_pool *worker_frames(struct worker *w, const struct hv *hv);

/* --- worker_vif.c ------------------------------------------------------------ */

/* Takes over fd[0] (tap) and fd[1] (survival). */
int wvif_open(struct worker *w, const struct worker_msg *m, int *fd);
int wvif_connect(struct wvif *v, struct worker_msg *m);
void wvif_tell(struct wvif *v, const struct worker_msg *m);
int wvif_run(struct wvif *v);
void wvif_rate(struct wvif *v, uint32_t bytes, uint32_t usecs);
void wvif_disconnect(struct wvif *v);
void wvif_close(struct wvif *v);

/* Takes over fd[0] (the socket); fd[1] holds the filter. */
int wvif_capture(struct wvif *v, const struct worker_msg *m, int *fd);
void wvif_capture_flush(struct wvif *v);
void wvif_capture_end(struct wvif *v);

void wvif_sum(struct wvif *v);	    /* st.ring, over all queues */
void wvif_remember(struct wvif *v); /* at the end of a turn */
void wvif_stats(const struct wvif *v, struct worker_msg *m);

/* --- worker_turn.c ----------------------------------------------------------- */

void wvif_on_bell(void *arg, int fd, uint32_t events); /* of a struct wqueue */
void wvif_on_ctrl(void *arg, int fd, uint32_t events);
void wvif_on_tap(void *arg, int fd, uint32_t events);
/* It is finished, and the supervisor hears why. */
void wvif_fatal(struct wvif *v, int rc);
void wvif_queue(struct wvif *v);
void wvif_unqueue(struct wvif *v);

/* A round: a turn for everybody whose turn it is. */
void worker_round(struct worker *w);

/* --- worker_stall.c ---------------------------------------------------------- */

void wstall_begin(struct wvif *v, uint32_t ms);
void wstall_turn(struct wvif *v); /* at the end of each */
void wstall_end(struct wvif *v);

/* --- worker_direct.c --------------------------------------------------------- */

void wdirect_set(struct wvif *v, const struct direct *d);
/* It begins to run, or something else changed that matters for it. */
void wdirect_run(struct wvif *v);
/* At the end of each turn; was_empty: port_tap_empty at its start. */
void wdirect_turn(struct wvif *v, bool was_empty);
/* Behind each turn: ends those that broke in it. */
void wdirect_settle(struct worker *w);

#endif
