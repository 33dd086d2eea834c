/* SPDX-License-Identifier: GPL-2.0-or-later */
/* cap.h - capture: what passes a port, as pcap records, to a reader
 *
 * The reader (vifctl) writes the file header and compiles the filter; the
 * program is checked here before it runs. Nobody ever waits for the reader:
 * records gather in a fixed buffer and what does not fit is counted as lost.
 *
 * The way to the reader is a SEQPACKET socket, not a pipe: a message holds whole
 * records and arrives whole or not at all, so a worker killed between two of
 * them leaves nothing that the next one's records could not follow.
 */
#ifndef NETBACK_CAP_H
#define NETBACK_CAP_H

#include <stdint.h>

struct cap;
struct port_tee;

enum {
	CAP_SNAP = 65535,     /* most bytes of a frame, and the default */
	CAP_INSNS = 4096,     /* most instructions of a filter */
	CAP_BUFFER = 1 << 20, /* bytes that may wait for the reader */
	CAP_RECORD = 16,      /* bytes of a record's header */
	CAP_MESSAGE = CAP_RECORD + CAP_SNAP /* most bytes of a message */
};

/* A record's header in a pcap file (pcap-savefile(5)), host byte order. */
struct cap_record {
	uint32_t sec, usec, caplen, len;
};
_Static_assert(sizeof(struct cap_record) == CAP_RECORD, "pcap-savefile(5)");

struct cap_stats {
	uint64_t seen;	  /* frames that passed the port */
	uint64_t matched; /* .. and the filter */
	uint64_t lost;	  /* of these: found no room, and were not judged */
	uint64_t sent;	  /* of these: the reader has them; the rest waits */
};

/* fd: the writing socket, taken over (also on error), made non-blocking.
 * prog: n classic BPF instructions of 8 bytes (0 = everything), copied;
 * -EINVAL when bpf_validate refuses it, an instruction is none that bpf_filter
 * knows, or snap is 0 or beyond CAP_SNAP.
 */
int cap_open(struct cap **out, int fd, const void *prog, unsigned n,
	     uint32_t snap);

struct port_tee *cap_tee(struct cap *c); /* to hang on a port */
int cap_fd(const struct cap *c);	 /* poll for out while flush says 1 */

/* Writes what the socket takes: 0 all of it, 1 some is left, -EPIPE the reader
 * is gone.
 */
int cap_flush(struct cap *c);

void cap_stat(const struct cap *c, struct cap_stats *out);

/* Counts on from what another worker counted; what waited with it is lost. */
void cap_resume(struct cap *c, const struct cap_stats *from);
void cap_close(struct cap *c); /* NULL is fine */

#endif
