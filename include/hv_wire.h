/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hv_wire.h - how a local guest hands its memory and doorbells to netbackd
 *
 * A SOCK_SEQPACKET connection to RUN/dom/N/hv: whoever can open that
 * socket *is* domain N. One message per packet, native byte order, file
 * descriptors by SCM_RIGHTS. The guest speaks first:
 *
 *   guest                                  netbackd
 *     HELLO version, memory  [memfd]  ->
 *                                     <-   REPLY 0  (or an error, then EOF)
 *     PORT number    [from, to]       ->             once for each event channel
 *                                     <-   REPLY 0
 *
 * End of file means that the domain is gone: its vifs are disconnected.
 * A guest that lost netbackd (not the other way round) connects again and says
 * the same again: its rings go on where they were.
 */
#ifndef NETBACK_HV_WIRE_H
#define NETBACK_HV_WIRE_H

#include <assert.h>
#include <stdint.h>

enum {
	HV_WIRE_MAGIC = 0x4e427631, /* "NBv1" */
	HV_WIRE_VERSION = 1,
	HV_WIRE_TEXT = 112, /* bytes of an error's reason, NUL included */
};

enum hv_wire_type {
	HV_WIRE_HELLO = 1,
	HV_WIRE_PORT = 2,
	HV_WIRE_REPLY = 3,
};

struct hv_wire {
	uint32_t magic;
	uint16_t version;
	uint16_t type; /* enum hv_wire_type */
	union {
		struct {
			uint64_t size;	   /* bytes of memory: the memfd's */
			uint64_t gtab_off; /* bytes, page-aligned */
			uint32_t grants;   /* entries of grant_entry_v1 */
			uint32_t pad;
		} hello;
		struct {
			uint32_t port; /* as named in the store */
			uint32_t pad;
		} port;
		struct {
			int32_t rc; /* 0 or -errno */
			char text[HV_WIRE_TEXT];
		} reply;
		uint8_t room[120];
	};
};
static_assert(sizeof(struct hv_wire) == 128, "one size for every message");

#endif
