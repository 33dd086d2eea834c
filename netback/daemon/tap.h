/* SPDX-License-Identifier: GPL-2.0-or-later */
/* tap.h - a vif's device on the host: a persistent tap */
#ifndef NETBACK_DAEMON_TAP_H
#define NETBACK_DAEMON_TAP_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "ring.h"

/* 0 when no device has that name; else -EEXIST with a sentence. */
int tap_free(const char *name, struct err *e);

/* Opens the tap `name`, new or an earlier netbackd's, without carrier, kept by
 * the kernel when closed (IFF_PERSIST): bridge membership and addresses outlive
 * us. Returns the descriptor, or -errno with a sentence.
 */
int tap_open(const char *name, struct err *e);

/* Whether an open descriptor is a queue of the tap `name`. */
bool tap_is(int fd, const char *name);

int tap_carrier(int fd, bool on);

/* Its other name: by it a hotplug program finds a device that is called otherwise
 * (modes/name.c). 0 or -errno; not where /sys is another namespace's.
 */
int tap_alias(const char *name, const char *alias);

/* What the kernel may hand us, by what the guest accepts. */
int tap_offload(int fd, const struct ring_features *f);
unsigned tap_offload_bits(const struct ring_features *f); /* pure: TUN_F_* */

int tap_mtu(const char *name, uint32_t *mtu); /* bytes */

/* Ends its persistence and closes: the device goes. Negative is fine. */
void tap_delete(int fd);

#endif
