/* SPDX-License-Identifier: GPL-2.0-or-later */
/* front.h - the frontend half of the netif protocol: a guest, as a library
 *
 *   mem.c    a guest's memory and its grant table
 *   queue.c  one pair of rings, its doorbells, and what the backend may never do
 *   ctrl.c   the control ring; steer.c  what is asked by it (steer.h)
 *   link.c   hands memory and doorbells to netbackd (hv_wire.h)
 *   bus.c    the frontend's xenbus states; owns one of each (bus.h)
 *   profile.c  how frontends other than Linux's differ
 *
 * mem.c and queue.c need neither a store nor a socket: give front_mem's
 * descriptor and table to hv_local_open and both halves run in one process. It
 * behaves as Linux's xen-netfront does; a backend needs no special case for it.
 * tx and rx are the guest's words.
 */
#ifndef NETBACK_FRONT_FRONT_H
#define NETBACK_FRONT_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include "hv.h"

enum {
	FRONT_RING = 256,    /* slots in a ring page, both directions */
	FRONT_TX_SLOTS = 19, /* data slots of the largest packet we send */
	FRONT_RX_SLOTS = 18, /* data slots of the largest packet we accept */
	FRONT_ROOM = 64,  /* bytes before a lent frame: a vnet header's room */
	FRONT_CHUNK = 20, /* pages lent for one frame: 65535 bytes + room */
	FRONT_LEN_MAX = 65535, /* bytes of a packet, Ethernet header included */
};

/* --- memory ----------------------------------------------------------- */

struct front_mem;

struct front_mem_conf {
	uint32_t pages;	  /* of guest memory, grant table included */
	uint32_t grants;  /* entries of the table */
	uint16_t backend; /* the domain that we grant to */
};

/* A sealed memfd, its first pages a table of grant_entry_v1. 0 or -errno. */
int front_mem_open(struct front_mem **out, const struct front_mem_conf *conf);
void front_mem_close(struct front_mem *m); /* NULL is fine */
int front_mem_fd(const struct front_mem *m);
/* What the other side is told: sizes and the table's place. */
void front_mem_describe(const struct front_mem *m, struct hv_local *out);

/* Takes n pages in a row, for good: the first's number, or -ENOSPC. */
int front_mem_take(struct front_mem *m, uint32_t n);
void *front_mem_page(const struct front_mem *m, uint32_t page);

/* A reference nobody uses, or -ENOSPC; it grants nothing yet. */
int front_grant_take(struct front_mem *m);
void front_grant_access(struct front_mem *m, uint32_t ref, uint32_t page,
			bool readonly);
/* Whether the backend has it mapped. */
bool front_grant_busy(const struct front_mem *m, uint32_t ref);
/* 0; -EBUSY while the backend has the page mapped: then nothing changed. */
int front_grant_end(struct front_mem *m, uint32_t ref);

/* What one side can receive, and in bus.c what both agree on. */
struct front_features {
	bool sg;	 /* more than one slot per packet */
	bool gso4, gso6; /* TCP segments of IPv4, IPv6; need sg */
	bool csum4;	 /* IPv4 packets with a blank checksum */
	bool csum6;	 /* the same for IPv6 */
	bool rx_notify;	 /* rings when it has posted buffers */
};

/* A queue as the store names it; one channel: rx_port equals tx_port. */
struct front_names {
	uint32_t tx_ref, rx_ref;
	uint32_t tx_port, rx_port;
};

/* --- one queue -------------------------------------------------------- */

/* What a frontend may do and Linux's does not. */
struct front_quirks {
	bool id_counts;	   /* ids run on, they are not slot numbers (mirage) */
	bool tx_half;	   /* rsp_event at half of what is out (MiniOS) */
	bool tx_hash;	   /* a hash extra in each packet sent (Windows) */
	uint16_t tx_batch; /* requests published together; 0: a turn's */
};

struct front_queue;

/* Since the queue was opened. */
enum front_count {
	FRONT_TX_FRAMES, /* published */
	FRONT_TX_BYTES,
	FRONT_TX_DONE,	  /* answered OKAY, whole */
	FRONT_TX_ERROR,	  /* answered ERROR */
	FRONT_TX_DROPPED, /* answered DROPPED */
	FRONT_TX_GROUPS,  /* multicast messages answered OKAY */
	FRONT_RX_FRAMES,  /* whole and good */
	FRONT_RX_BYTES,
	FRONT_RX_ERROR,	   /* a slot with a negative status: packet dropped */
	FRONT_RX_HASHED,   /* of the frames: with a hash */
	FRONT_RX_HEADROOM, /* .. behind the room that was asked for */
	FRONT_RX_POSTED,   /* buffers */
	FRONT_MAPPED,	   /* receive buffers that the backend has mapped */
	FRONT_RANG,	   /* bells we rang */
	FRONT_BELLS,	   /* bells we heard */
	FRONT_SPURIOUS,	   /* heard without a new response that we asked for */
	/* What a backend may never do. */
	FRONT_BAD_TX_COUNT, /* more responses than requests */
	FRONT_BAD_TX_ID,    /* an id that was not at that place */
	FRONT_BAD_TX_STATUS,
	FRONT_BAD_TX_PARTIAL, /* rsp_prod inside a packet */
	FRONT_BAD_TX_PINNED,  /* answered, grant still in use */
	FRONT_BAD_RX_COUNT,
	FRONT_BAD_RX_ID, /* response in another slot, or another id */
	FRONT_BAD_RX_PARTIAL,
	FRONT_BAD_RX_SIZE, /* beyond the page, or beyond 65535 in all */
	FRONT_BAD_RX_STATUS,
	FRONT_BAD_RX_SLOTS,
	FRONT_BAD_RX_SHORT,   /* below an Ethernet header */
	FRONT_BAD_RX_EXTRA,   /* unknown, or not negotiated */
	FRONT_BAD_RX_OFFLOAD, /* GSO without blank checksum, not negotiated */
	FRONT_BAD_RX_PINNED,
	FRONT_COUNTS,
	FRONT_BAD_FIRST = FRONT_BAD_TX_COUNT,
};
const char *front_count_name(enum front_count c); /* "tx_frames", .. */

struct front_queue_conf {
	struct front_mem *mem; /* outlives the queue */
	bool split;	       /* a channel for each direction */
	uint32_t first_port;   /* the channels' numbers start here */
	uint16_t id_base;      /* added to every id: a backend only echoes */
	uint16_t rx_buffers;   /* kept posted, 1..256 */
	uint16_t tx_chunks; /* memory for so many frames; 0 = 256, the most */
	uint8_t rx_slots;   /* data slots accepted: 1 without sg, else 18 */
	bool hash;	    /* frames may have a hash */
	uint16_t headroom;  /* each frame begins so far into its page */
	struct front_features features; /* what we said we can receive */
	struct front_quirks quirks;
};

/* Fresh rings, RX buffers posted. 0 or -errno. */
int front_queue_open(struct front_queue **out,
		     const struct front_queue_conf *conf);
/* Ends the grants. -EBUSY when the backend still holds a ring page (freed all
 * the same: its memory is the front_mem's).
 */
int front_queue_close(struct front_queue *q); /* NULL is fine */

void front_queue_names(const struct front_queue *q, struct front_names *out);

/* One event channel, for hv_local_port (dup first) or HV_WIRE_PORT. */
struct front_channel {
	uint32_t port;
	int from_guest, to_guest; /* eventfds */
};
/* Fills v[2]; returns how many there are: 1 or 2. */
unsigned front_queue_channels(const struct front_queue *q,
			      struct front_channel v[2]);
int front_fd_tx(const struct front_queue *q); /* readable = rang */
int front_fd_rx(const struct front_queue *q);

const uint64_t *front_counts(const struct front_queue *q);
/* The first thing the backend did wrong, in words; "" when nothing. */
const char *front_first_bad(const struct front_queue *q);
uint64_t front_bad(const struct front_queue *q); /* sum of FRONT_BAD_* */

/* What a packet needs beside its bytes. */
struct front_meta {
	bool csum_blank;  /* checksum field holds the pseudo-header's sum */
	bool validated;	  /* checksum known to be right */
	uint8_t gso_type; /* enum frame_gso */
	uint16_t gso_size;
	bool hashed; /* received with a hash: */
	uint8_t hash_type;
	uint32_t hash;
};

/* One slot's bytes and where in its page they go: off + len <= 4096. */
struct front_piece {
	const void *base;
	uint16_t len, off;
};

/* TX. Copies the pieces, one slot each; visible to the backend after front_push.
 * 0, -ENOBUFS (no slots: reap), -EINVAL (not what a guest may send: 1..19
 * pieces, 65535 bytes).
 */
int front_tx_send(struct front_queue *q, const struct front_meta *meta,
		  const struct front_piece *v, unsigned n);

/* TX: a message, not a packet: joins or leaves a multicast group. -ENOBUFS. */
int front_tx_group(struct front_queue *q, const uint8_t mac[6], bool join);

/* TX without a copy: memory for one largest frame, its first byte behind
 * FRONT_ROOM bytes that are the caller's. NULL when a largest frame does not
 * fit in the ring. commit of 0 bytes returns it. -EINVAL beyond 65535.
 */
uint8_t *front_tx_lend(struct front_queue *q);
int front_tx_commit(struct front_queue *q, uint32_t len,
		    const struct front_meta *meta);
/* Takes responses; returns packets finished, or -EPROTO: the queue is dead. */
int front_tx_reap(struct front_queue *q);
unsigned front_tx_room(const struct front_queue *q); /* free slots */
unsigned front_tx_busy(const struct front_queue *q); /* not yet answered */

/* RX: one packet, in the pages it came in. */
struct front_frame {
	uint32_t len;
	struct front_meta meta;
	unsigned nseg;
	struct iovec seg[FRONT_RX_SLOTS];
};

/* Up to n packets, valid until front_rx_done posts their pages again. Returns
 * how many, -EPROTO: dead.
 */
int front_rx_take(struct front_queue *q, struct front_frame *v, unsigned n);
void front_rx_done(struct front_queue *q);

/* Receive buffer i is always offered by the same grant. The first n are mapped by
 * the backend now: their grants do not end with a packet; or none are any more.
 * -EPROTO when the grant table says otherwise.
 */
uint32_t front_rx_ref(const struct front_queue *q, unsigned i);
int front_rx_mapped(struct front_queue *q, unsigned n);
int front_rx_unmapped(struct front_queue *q);

/* Publishes requests of both rings, rings each channel at most once and only
 * if the backend's event index asks. Returns the bells rung.
 */
int front_push(struct front_queue *q);

/* Before sleeping: asks for a bell at the next RX response, and when a largest
 * frame fits again if want_tx. Returns 1 when there is work already.
 */
int front_arm(struct front_queue *q, bool want_tx);
void front_clear(struct front_queue *q); /* on wake-up, before taking */

/* Rings all channels unasked: after a link was made again. */
void front_kick(struct front_queue *q);

/* --- the control ring --------------------------------------------------- */

struct front_ctrl;

int front_ctrl_open(struct front_ctrl **out, struct front_mem *m,
		    uint32_t port);
int front_ctrl_close(struct front_ctrl *c); /* as front_queue_close */
const struct front_channel *front_ctrl_channel(const struct front_ctrl *c);
uint32_t front_ctrl_ref(const struct front_ctrl *c);
/* A granted page for what a request refers to. */
void *front_ctrl_page(const struct front_ctrl *c, uint32_t *ref);
/* Asks and waits: XEN_NETIF_CTRL_STATUS_*, and *data (may be NULL); -ETIMEDOUT,
 * -ENOBUFS, -EPROTO.
 */
int front_ctrl_ask(struct front_ctrl *c, uint16_t type, const uint32_t v[3],
		   uint32_t *data, unsigned ms);

/* --- other frontends --------------------------------------------------- */

struct front_profile {
	const char *name;
	bool split;
	uint16_t rx_buffers;
	struct front_features features;
	struct front_quirks quirks;
};

extern const struct front_profile front_profiles[]; /* the first is Linux's */
extern const unsigned front_nprofiles;
const struct front_profile *front_profile(const char *name); /* or NULL */

/* --- the link to netbackd ------------------------------------------------ */

struct err;

/* Connects to the socket at path and says HELLO and PORTs. Waits for each reply.
 * Returns the socket, or -errno with the other side's reason.
 */
int front_link(const char *path, const struct front_mem *m,
	       const struct front_channel *v, unsigned n, struct err *e);

#endif
