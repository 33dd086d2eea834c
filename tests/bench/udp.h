/* SPDX-License-Identifier: GPL-2.0-or-later */
/* udp.h - the frame that both generators send: what a guard lets pass
 *
 * UDP in IPv4, from 02:00:00:00:09:00 and 10.9.0.2 to a station that is not
 * there: the host's stack looks at it once and drops it.
 */
#ifndef NETBACK_BENCH_UDP_H
#define NETBACK_BENCH_UDP_H

#include <stdint.h>
#include <string.h>

enum { UDP_ETH = 14, UDP_HEAD = UDP_ETH + 20 + 8 };

static inline void udp_be16(uint8_t *at, unsigned v)
{
	at[0] = (uint8_t)(v >> 8);
	at[1] = (uint8_t)v;
}

/* Writes headers for a frame of `size` bytes; its UDP checksum is "none". */
static inline void udp_fill(uint8_t *frame, unsigned size)
{
	static const uint8_t head[UDP_HEAD] = {
		2,    0, 0,  0, 0, 99, /* to */
		2,    0, 0,  0, 9, 0,  /* from */
		8,    0,	       /* IPv4 */
		0x45, 0, 0,  0, 0, 0,  0,  0, 64, 17,
		0,    0, 10, 9, 0, 2,  10, 9, 0,  3, /* addresses */
		0,    9, 0,  9, 0, 0,  0,  0,	     /* ports: discard */
	};
	uint8_t *ip = frame + UDP_ETH;
	uint32_t sum = 0;
	unsigned i;

	memcpy(frame, head, sizeof(head));
	udp_be16(ip + 2, size - UDP_ETH);
	udp_be16(ip + 24, size - UDP_ETH - 20);
	for (i = 0; i < 20; i += 2)
		sum += (uint32_t)ip[i] << 8 | ip[i + 1];
	sum = (sum & 0xffff) + (sum >> 16);
	udp_be16(ip + 10, ~sum & 0xffff);
}

/* Another's frame to that station: nobody sends a guest its own address. */
static inline void udp_turn(uint8_t *frame)
{
	uint8_t *ip = frame + UDP_ETH, was[6];

	memcpy(was, frame, 6);
	memcpy(frame, frame + 6, 6);
	memcpy(frame + 6, was, 6);
	memcpy(was, ip + 12, 4);
	memcpy(ip + 12, ip + 16, 4);
	memcpy(ip + 16, was, 4); /* the header's sum stays what it was */
}

#endif
