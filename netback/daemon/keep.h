/* SPDX-License-Identifier: GPL-2.0-or-later */
/* keep.h - what outlives workers and supervisors: RUN/keep
 *
 *   RUN/keep/vifN.M	     the worker's survival memory, never parsed here
 *   RUN/keep/vifN.M.record  "EPOCH DEVICE": ours, written whole or not at all
 *
 * The record is written before the tap is made: a device that it names is ours.
 * epoch 0 = never connected.
 */
#ifndef NETBACK_DAEMON_KEEP_H
#define NETBACK_DAEMON_KEEP_H

#include <net/if.h>
#include <stddef.h>
#include <stdint.h>

enum { KEEP_NAME = 32 };

struct keep_record {
	uint64_t epoch;
	char dev[IFNAMSIZ];
};

/* The directory, made when missing: its descriptor. -EPERM when it is not ours
 * alone. Warns when it is not in memory.
 */
int keep_dir(const char *run);

/* The survival memory of one vif with `size` bytes; a file of another size is
 * emptied first. Returns its descriptor, or -errno.
 */
int keep_open(int dir, const char *name, size_t size);
int keep_empty(int fd, size_t size);

int keep_load(int dir, const char *name, struct keep_record *r);
int keep_save(int dir, const char *name, const struct keep_record *r);

void keep_remove(int dir, const char *name); /* both files */

/* A name for a connection: later than any before, reboots apart. */
uint64_t keep_epoch(void);

#endif
