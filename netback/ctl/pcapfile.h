/* SPDX-License-Identifier: GPL-2.0-or-later */
/* pcapfile.h - writing a pcap file that is whole at any moment
 *
 * What comes in are the records of netbackd's worker, which touches hostile
 * memory: they are checked before they are written. A disk that fills up cuts
 * the file at its last whole frame; a pipe that takes nothing is waited for only
 * until a signal comes.
 */
#ifndef NETBACK_CTL_PCAPFILE_H
#define NETBACK_CTL_PCAPFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "err.h"

struct pcapfile {
	const char *name; /* for messages */
	int fd;
	int sigs;     /* readable once a signal waits */
	bool regular; /* can be cut */
	bool ours;    /* not stdout */
	off_t good;   /* bytes up to the end of the last whole frame */
	uint32_t snap;
	uint64_t frames, most; /* most: end after so many, 0 = never */
	uint64_t until_ns;     /* wait for a pipe no longer, 0 = forever */
};

/* name "-": stdout. Writes the header. 0, or -errno with a sentence. */
int pcapfile_open(struct pcapfile *f, const char *name, uint32_t snap,
		  struct err *e);

/* Writes whole records. 0; 1 when there are `most`; -EPIPE when the reader of a
 * pipe has gone and -EINTR when a signal ended the wait for one, both without a
 * sentence; -errno with one.
 */
int pcapfile_put(struct pcapfile *f, const uint8_t *rec, size_t n,
		 struct err *e);

int pcapfile_close(struct pcapfile *f, struct err *e);

#endif
