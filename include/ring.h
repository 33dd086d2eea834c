/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ring.h - one queue of a vif: its TX ring, its RX ring, its bells
 *
 * tx and rx are the guest's words: TX carries what the guest sends. Types and
 * meaning are those of <xen/io/netif.h>. Everything in a ring is hostile.
 * doc/ring.md tells the life of a packet.
 *
 * A burst:   pull (TX slots -> frames)  ...push them somewhere...   flush
 *            lend (RX slots -> segments) ..fill them..  settle      flush
 *
 * Frames from pull refer to the guest's pages until flush; flush publishes
 * the responses of both directions, in ring order and whole packets only, and
 * rings each channel at most once, and only if the guest's event index asks.
 *
 * Errors: -EPROTO = the guest broke the protocol; serve none of its rings again
 * until it reconnects. -EFAULT = its memory went away; the same.
 */
#ifndef NETBACK_RING_H
#define NETBACK_RING_H

#include <stdbool.h>
#include <stdint.h>

struct frame;
struct frame_pool;
struct hv;
struct ring;
struct ring_vif;
struct survive_queue;
struct survive_vif;

enum {
	RING_TX_SIZE = 256, /* slots in one page */
	RING_RX_SIZE = 256,
	RING_TX_SLOTS = 19, /* data slots of a packet we accept */
	RING_TX_FATAL = 22, /* data slots that are a broken protocol */
	RING_RX_SLOTS = 18, /* data slots of a packet a guest accepts */
	RING_NO_PORT = -1,
	RING_LOOK = 2,
	RING_CTRL_SIZE = 128,
	RING_MCAST = 64,     /* addresses of a vif's multicast list */
	RING_HASH_KEY = 40,  /* bytes */
	RING_HASH_MAP = 128, /* entries */
	RING_GREFS = 512,    /* pages of a vif's queues that stay mapped */
	/* XDP headroom: a packet of 65535 bytes still fits RING_RX_SLOTS */
	RING_HEADROOM = 4096 - (65535 + RING_RX_SLOTS - 1) / RING_RX_SLOTS,
};

/* What the guest can receive; read from its store keys, validated. */
struct ring_features {
	bool sg;	 /* feature-sg: more than one slot per packet */
	bool gso4, gso6; /* feature-gso-tcpv4, feature-gso-tcpv6 */
	bool csum4;	 /* not feature-no-csum-offload */
	bool csum6;	 /* feature-ipv6-csum-offload */
	bool rx_notify;	 /* feature-rx-notify: it signals new RX buffers */
};

/* One queue's names, as the frontend wrote them. With one event channel for
 * both directions rx_port equals tx_port. Plain: goes over sockets.
 */
struct ring_names {
	uint32_t tx_ref, rx_ref;
	uint32_t tx_port, rx_port;
};

struct ring_conf {
	struct hv *hv; /* outlives the ring */
	/* Shared by the vif's queues, of which this is number `queue`; NULL: no
	 * hash, no multicast list, no headroom.
	 */
	struct ring_vif *vif;
	unsigned queue;
	/* Frames for pull; outlives the ring. With bodies where hv cannot reach
	 * the guest's pages (hv_can_reach).
	 */
	struct frame_pool *pool;
	struct survive_queue *keep; /* survival memory of this queue */
	uint64_t *counts;	    /* RING_COUNTS of them, the caller's */
	struct ring_names names;
	struct ring_features features;
	uint32_t mtu; /* bytes, of the egress port: for GSO */
};

/* Counted into the caller's memory. A packet of the guest's is one of TX_FRAMES
 * and the reasons up to TX_BAD_OFFLOAD, after each pull; a frame for it one of
 * RX_FRAMES and the reasons below that. Order is the message's.
 */
enum ring_count {
	/* guest -> us */
	RING_TX_PACKETS, /* whole ones, bad ones included */
	RING_TX_FRAMES,
	RING_TX_BYTES,
	RING_TX_BAD_SLOTS,   /* 20 or 21 data slots */
	RING_TX_BAD_SIZE,    /* fragment larger than what remains */
	RING_TX_SHORT,	     /* packet or first slot below 14 bytes */
	RING_TX_BAD_GRANT,   /* a reference we may not read */
	RING_TX_BAD_OFFLOAD, /* csum_blank or GSO which the headers belie */
	RING_TX_EXTRA_ONLY,  /* multicast messages: answered, not packets */
	RING_TX_GSO_FIXUP,   /* GSO without csum_blank: sum written */
	/* us -> guest */
	RING_RX_FRAMES,
	RING_RX_BYTES,
	RING_RX_NO_ROOM,   /* no posted slots for it */
	RING_RX_TOO_BIG,   /* this guest can never take it */
	RING_RX_FILTERED,  /* multicast that it did not ask for */
	RING_RX_BAD_GRANT, /* posted a reference we may not write */
	RING_RX_CUT, /* frames more than came, because large ones were cut */
	RING_RX_SUMS, /* checksums completed for a guest that takes no blank one */
	/* bells */
	RING_BELLS,
	RING_BELLS_SAVED,
	RING_REPLAYED, /* responses finished for a killed worker */
	RING_COUNTS,
};
const char *ring_count_name(enum ring_count c); /* "tx_frames", .. */

/* Maps the rings, binds the channels, takes up where keep says (or at the
 * guest's rsp_prod if keep is fresh, see survive.h). The caller calls
 * pull and room at once, unasked: a bell may have been lost.
 */
int ring_open(struct ring **out, const struct ring_conf *conf);

/* TX: up to n whole packets. Bad packets are answered, counted and not returned.
 */
int ring_pull(struct ring *r, struct frame **v, unsigned n);

/* RX: copies n frames to the guest and puts them back to their pools. A GSO frame
 * is cut where the guest takes none of its kind, a checksum completed where it
 * takes no blank one. Returns the number delivered, in part at least; the
 * others were counted as drops. Where hv cannot reach,
 * frames may be kept until flush copies all of them at once; then the number
 * is of those taken, and the counters say after flush what arrived.
 */
int ring_push(struct ring *r, struct frame **v, unsigned n);

/* RX slots the guest has posted and we have not used; -EPROTO. */
int ring_room(struct ring *r);
/* RX slots a frame takes; those of the largest frame for this guest with NULL. Of
 * a GSO frame that this guest does not take whole: of its first piece.
 */
unsigned ring_slots(const struct ring *r, const struct frame *f);
/* Does this guest take it as it is? Else push cuts it. */
bool ring_takes(const struct ring *r, const struct frame *f);

/* RX without a copy: lends the posted pages for one largest frame as f->seg,
 * behind f->head. 0; -ENOBUFS when fewer than ring_slots(r, NULL) are posted;
 * -EACCES when one of them is not ours to write: use push, which answers it;
 * -EOPNOTSUPP when this hypervisor cannot map. Then settle, always, before
 * the next lend: with f->len bytes filled in (f->len = 0 returns the pages).
 * settle returns 1 delivered, 0 not.
 */
int ring_lend(struct ring *r, struct frame *f);
int ring_settle(struct ring *r, struct frame *f);

/* End of a burst. */
int ring_flush(struct ring *r);

/* Before sleeping: asks to be rung for TX work, and (rx_slots > 0) when that many
 * RX slots are posted. Returns 1 when there is work already: do not sleep; 0;
 * or RING_LOOK: a guest without rx_notify never rings for RX, so look again by
 * the clock.
 */
int ring_arm(struct ring *r, unsigned rx_slots);

/* As arm, but the guest is not asked to ring: TX slots that wait, and one for room;
 * 0; -EPROTO.
 */
int ring_poll(struct ring *r, unsigned rx_slots);

/* Clears the bell of fd, or both with -1; call on wake-up, before pull. One that
 * cannot be heard again is the next flush's error, or that of ring_ctrl_run.
 */
void ring_clear(struct ring *r, int fd);
int ring_fd_tx(const struct ring *r);
int ring_fd_rx(const struct ring *r); /* == ring_fd_tx with one channel */

/* Where both rings stand, for people. What the guest can write is read once and
 * means nothing else; what is ours is ours.
 */
struct ring_look_half {
	uint32_t req_prod;  /* the guest's: requests made */
	uint32_t rsp_event; /* the guest's: ring when so many are answered */
	uint32_t req_event; /* the page's: what we asked for */
	uint32_t taken;	    /* requests copied out */
	uint32_t answered;  /* responses published */
	uint32_t staged;    /* responses made */
	uint32_t intent;    /* 1 = the journal says "being published" */
};
struct ring_look {
	struct ring_look_half tx, rx;
};
void ring_look(const struct ring *r, struct ring_look *out);

/* Unmaps. What was pulled and not flushed stays unanswered. NULL is fine. */
void ring_close(struct ring *r);

/* --- what a vif's queues share ------------------------------------------- */

/* Multicast list, hash, static grants: what a guest asked for, by messages on TX
 * rings and by the control ring. All of it survives a worker.
 */
struct ring_vif_conf {
	struct hv *hv;		  /* outlives it */
	struct survive_vif *keep; /* its part of survival memory */
	unsigned queues;
	bool has_ctrl; /* false: this guest has no control ring */
	uint32_t ctrl_ref, ctrl_port;
};

/* Before the first ring, closed after the last. */
int ring_vif_open(struct ring_vif **out, const struct ring_vif_conf *conf);
void ring_vif_close(struct ring_vif *v); /* NULL is fine */

/* What its store keys ask for; may change while frames move. */
struct ring_wish {
	uint16_t headroom; /* xdp-headroom; above RING_HEADROOM: not served */
	bool multicast;	   /* request-multicast-control: filter by the list */
};
void ring_vif_tell(struct ring_vif *v, const struct ring_wish *w);

/* The queue that the guest's hash wants this frame in, or -ENOENT when it has
 * not asked for one: choose yourself.
 */
int ring_vif_pick(const struct ring_vif *v, const struct frame *f);

/* Serves the control ring: 1 = there is more, call again; 0 = armed; -EPROTO,
 * -EFAULT. Unasked once after opening. fd: -1 without one.
 */
int ring_ctrl_run(struct ring_vif *v);
void ring_ctrl_clear(struct ring_vif *v);
int ring_ctrl_fd(const struct ring_vif *v);

#endif
