/* SPDX-License-Identifier: GPL-2.0-or-later */
/* worker.h - what the supervisor tells a worker, and what it hears back
 *
 * A SEQPACKET socketpair, one message a packet, descriptors beside it. The
 * supervisor trusts nothing in an answer beyond its type and range, and hears it
 * of the worker's own vifs alone: a worker touches hostile memory. It never waits
 * for one: every order carries a `seq` and is answered in order by DONE, and a
 * worker that dies answers nothing.
 *
 *   order         fds               meaning
 *   DOM           memfd             a local guest's memory (hv_local_open)
 *   DOM_XEN       gntdev            a guest of Xen (hv_xen_open)
 *   CHANNEL       from, to          one of its event channels
 *                 or evtchn
 *   DOM_GONE                        close it; its vifs are disconnected already
 *   VIF           tap, survival     a vif, not connected
 *   CONNECT                         map rings, bind channels; no frame moves
 *   TELL                            what its store keys wish has changed
 *   RUN                             frames move; carrier is the supervisor's
 *   DISCONNECT                      unmap; every grant released when answered
 *   VIF_GONE                        forget it; closes the tap
 *   RATE                            what may pass it, both ways together; at once
 *   DIRECT                          which frames may go to others' rings; at once
 *   STATS                           answered by STATS instead of DONE
 *   CAPTURE       socket, program   frames of a vif go to the socket; program: a
 *                                   memory file of classic BPF instructions
 *   CAPTURE_END                     answered by CAPTURE_END with what was seen
 *
 * After a worker died the supervisor says DOM, CHANNEL, VIF, CONNECT, RUN again
 * to the next one with the same epoch: the survival memory makes that an adoption.
 * Unasked, a worker says FATAL when a guest broke the protocol or lost its memory:
 * the vif is unmapped already. And STALL when a guest takes nothing any more, and
 * again when it does.
 */
#ifndef NETBACK_DAEMON_WORKER_H
#define NETBACK_DAEMON_WORKER_H

#include <stdint.h>

#include "base/direct.h"
#include "cap.h"
#include "hv.h"
#include "port.h"
#include "ring.h"

enum { WORKER_QUEUES = 64, WORKER_TEXT = 128 };

enum worker_type {
	WORKER_DOM = 1,
	WORKER_DOM_XEN,
	WORKER_CHANNEL,
	WORKER_DOM_GONE,
	WORKER_VIF,
	WORKER_CONNECT,
	WORKER_TELL,
	WORKER_RUN,
	WORKER_DISCONNECT,
	WORKER_VIF_GONE,
	WORKER_STATS,
	WORKER_CAPTURE,
	WORKER_CAPTURE_END,
	WORKER_RATE,
	WORKER_DIRECT,
	/* answers */
	WORKER_DONE,
	WORKER_FATAL,
	WORKER_STALL,
};

/* One vif's counters after a whole turn; they survive a killed worker. Always:
 *   ring TX_PACKETS = TX_FRAMES + the TX reasons
 *   ring TX_FRAMES = tap.out + tap.out_drop + direct.out
 *   tap.in + direct.in + ring RX_CUT = tap.in_drop + ring RX_FRAMES + the RX drops
 *                          + lost + held
 */
struct worker_stats {
	uint64_t ring[RING_COUNTS];
	struct port_stat tap;
	uint64_t lost;	      /* frames that a worker held when it died */
	uint64_t held;	      /* frames that wait for room now */
	uint64_t turns;	      /* times this vif was served */
	struct cap_stats cap; /* of the capture that runs, or of the last */
	uint64_t storms; /* times its bells were not heard for a while: they
			  * came without work */
	uint64_t later;	 /* turns that its rate ended */
	uint64_t stalls; /* times it took nothing for the stall time */
	uint64_t at_ns; /* CLOCK_MONOTONIC of the last turn: when this was so */
	struct {
		uint64_t in, in_bytes;	 /* from other guests' rings */
		uint64_t out, out_bytes; /* to them */
	} direct;
};

/* One queue's part of that, since it was connected. */
struct worker_queue_stats {
	uint64_t tx_frames, tx_bytes, tx_drops; /* from the guest */
	uint64_t rx_frames, rx_bytes, rx_drops; /* to it */
};

struct worker_msg {
	uint16_t type; /* enum worker_type */
	uint16_t domid, handle;
	uint16_t nqueue; /* CONNECT; of STATS */
	uint32_t seq;
	int32_t rc;	   /* DONE, FATAL: 0 or -errno */
	uint64_t epoch;	   /* CONNECT */
	uint32_t mtu;	   /* CONNECT: bytes, of the tap */
	uint32_t port;	   /* CHANNEL */
	uint32_t served;   /* DONE of CONNECT: 1 = a worker died in its turn */
	uint32_t stall_ms; /* CONNECT: until a vif has stalled; 0 = never */
	uint32_t stalled;  /* STALL: 1 = it has, 0 = no more */
	char name[16];	   /* VIF: the device, for messages */
	union {
		struct hv_local dom;
		struct {
			struct ring_features features;
			struct ring_wish wish; /* of TELL, too */
			bool has_ctrl;
			uint32_t ctrl_ref, ctrl_port;
			struct ring_names queue[WORKER_QUEUES];
		} connect;
		struct {
			struct worker_stats stats;
			struct worker_queue_stats queue[WORKER_QUEUES];
			struct ring_look look[WORKER_QUEUES];
			uint64_t now_ns; /* CLOCK_MONOTONIC of the answer */
			uint32_t needs;	 /* RX slots of the frame that waits */
			uint32_t waits;	 /* 1 = for its rate */
		};
		struct {
			uint32_t snap;	/* bytes of a frame to keep */
			uint32_t ninsn; /* 0: no filter */
			uint32_t again; /* it ran in a worker that died */
			struct cap_stats stats; /* of CAPTURE_END */
		} capture;
		struct {
			uint32_t bytes, usecs; /* bytes 0: no limit */
		} rate;
		struct direct direct;	/* off, or on */
		char text[WORKER_TEXT]; /* DONE, FATAL: the reason, for a log */
	};
};

/* A worker's whole life: serves the socket until it closes. The caller has
 * confined the process already. Returns an exit status.
 */
int worker_main(int sock);

#endif
