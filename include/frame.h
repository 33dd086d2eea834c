/* SPDX-License-Identifier: GPL-2.0-or-later */
/* frame.h - one Ethernet frame in memory, and the pool it comes from
 *
 *   vnet   head (private)            seg[0]        seg[1] ..
 *  +------+--------------------+    +---------+   +--------+
 *  | room | head_len bytes     |    | payload |   | ...    |
 *  +------+--------------------+    +---------+   +--------+
 *           Ethernet, IP, TCP ..     in place: a guest's page, or frame.body
 *
 * The first min(len, FRAME_HEAD) bytes are always in head: private,
 * contiguous, and the only bytes anybody parses. What follows is payload: it
 * may lie in memory that a guest changes while we look, so nothing decides on
 * it (doc/ring.md, law 1). `vnet` is room for a port's own header so
 * that a small frame leaves in one contiguous write.
 *
 * Ownership: a frame belongs to the pool that made it. pull gives the caller
 * frames, push takes them back to their pool, whatever it could deliver.
 */
#ifndef NETBACK_FRAME_H
#define NETBACK_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	FRAME_ETH = 14,	  /* bytes of an Ethernet header; no frame is shorter */
	FRAME_HEAD = 256, /* bytes gathered before anyone parses */
	FRAME_SEGS = 20,  /* 19 slots of a guest's packet, and one spare */
	FRAME_MAX = 65535, /* bytes, Ethernet header included */
	FRAME_PAGE = 4096, /* with a body, head starts a page */
	FRAME_ROOM = 20 * FRAME_PAGE - FRAME_HEAD, /* bytes of a body: more than
				* a frame, for who leaves gaps */
	FRAME_BURST = 64,			   /* frames moved per turn */
	FRAME_VNET = 16, /* bytes of room before head */
};

enum frame_gso { FRAME_GSO_NONE = 0, FRAME_GSO_TCPV4 = 1, FRAME_GSO_TCPV6 = 2 };

enum frame_flag {
	FRAME_CSUM_BLANK = 1, /* L4 checksum holds the pseudo-header sum only */
	FRAME_CSUM_VALID =
		2, /* L4 checksum was verified or never left memory */
};

struct frame_seg {
	uint8_t *base;
	uint32_t len; /* bytes */
};

struct frame_pool;

struct frame {
	uint32_t len;	     /* bytes in all */
	uint16_t head_len;   /* bytes in head: min(len, FRAME_HEAD) */
	uint8_t nseg;	     /* segments after head */
	uint8_t flags;	     /* enum frame_flag */
	uint8_t gso_type;    /* enum frame_gso */
	uint16_t gso_size;   /* MSS in bytes, 0 without GSO */
	uint16_t csum_start; /* with CSUM_BLANK: offset of the L4 header */
	uint16_t csum_off;   /* with CSUM_BLANK: checksum field in the L4 header
			      * (TCP 16, UDP 6) */
	uint16_t hdr_len; /* with GSO: bytes up to the end of the L4 header */
	uint32_t slots;	  /* private to the port that made the frame */
	struct frame_seg seg[FRAME_SEGS];
	uint8_t *
		body; /* FRAME_ROOM private bytes right behind head (one read fills both), or NULL: see the pool */
	struct frame_pool *pool;
	uint8_t vnet[FRAME_VNET];
	uint8_t head[FRAME_HEAD];
};

/* A pool of n frames, all memory taken at once; with_body gives each frame
 * FRAME_ROOM private bytes for a provider that cannot map a guest, and lets head
 * start a page: a hypervisor copies page by page, so that what crosses a
 * border on one side alone is two copies.
 * Returns 0 or -ENOMEM.
 */
int frame_pool_open(struct frame_pool **out, unsigned n, bool with_body);
struct frame *frame_get(struct frame_pool *p); /* NULL when empty */
void frame_put(struct frame *f);	       /* NULL is fine */
unsigned frame_pool_free(const struct frame_pool *p);
void frame_pool_close(struct frame_pool *p); /* NULL is fine */

/* Copies the frame's bytes [off, off + n) to dst; both in range (asserted). */
void frame_copy_out(const struct frame *f, uint32_t off, void *dst, uint32_t n);

enum frame_ext {
	FRAME_EXT_SOME = 1,   /* any extension header */
	FRAME_EXT_ROUTED = 2, /* the address is not yet the last one's */
	FRAME_EXT_WHOLE = 4,  /* speaks of the whole packet (fragment, AH):
			       * there is no cutting it */
};

/* What the headers in head say about transport.
 * Bounded: at most 2 VLAN tags and 8 IPv6 extension headers.
 */
struct frame_l4 {
	uint16_t l3;	  /* offset of the IP header, bytes */
	uint16_t l4;	  /* offset of the TCP or UDP header, bytes */
	uint16_t end;	  /* first byte after the L4 header */
	uint8_t ip;	  /* 4 or 6 */
	uint8_t proto;	  /* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t exts;	  /* enum frame_ext: what stands between IPv6 and L4 */
	uint8_t csum_off; /* checksum field, from l4 */
};

/* Finds the outermost TCP or UDP header of an unfragmented packet in
 * head[0..head_len) and checks that it lies inside. Returns 0, or -ENOENT when
 * there is none that we understand. Never reads beyond head_len.
 */
int frame_locate(const struct frame *f, struct frame_l4 *out);

/* Cuts a frame off behind len bytes; len <= f->len. */
void frame_trim(struct frame *f, uint32_t len);

/* A number that all frames of a flow share (addresses, protocol, ports; what has
 * no ports: addresses), evenly spread: to choose a queue by. The next worker
 * gets the same.
 */
uint32_t frame_flow(const struct frame *f);

/* Sets csum_start, csum_off and hdr_len from the headers, for a frame with
 * CSUM_BLANK or GSO, and checks both against them:
 *  - the lengths in the headers lie within the frame; what follows the packet is
 *    cut off. A GSO frame may leave the IP length 0: it is written;
 *  - GSO: TCP of the right IP version, without SYN, RST, URG, nor headers which
 *    hold for the whole packet; headers + gso_size <= mtu + FRAME_ETH + tags
 *    (CVE-2018-1000026). One without CSUM_BLANK gets its pseudo-header sum
 *    written and the flag set; *fixed counts those.
 * Returns 0, or -EINVAL: drop it.
 */
int frame_check_offload(struct frame *f, uint32_t mtu, uint64_t *fixed);

/* Cutting a GSO frame as its sender left it to us: each piece has the headers,
 * with lengths, sequence number and IPv4 id and sum made right, CWR on the first
 * alone, FIN and PSH on the last alone, and its checksum blank.
 */
struct frame_cut {
	const struct frame *from;
	struct frame_l4 l4;
	uint32_t at; /* bytes of from that are in pieces */
};

/* Returns how many pieces there will be, or -EINVAL: no GSO that we can cut.
 * The frame outlives its pieces: they refer to its payload.
 */
int frame_cut_open(struct frame_cut *c, const struct frame *f);
/* The next piece into *out, whose pool is left alone; false after the last. */
bool frame_cut_next(struct frame_cut *c, struct frame *out);

/* Completes the L4 checksum of a CSUM_BLANK frame in software. The checksum
 * field is in head. Clears CSUM_BLANK, sets CSUM_VALID.
 */
void frame_checksum(struct frame *f);

#endif
