/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guest.h - a guest's surroundings: a network namespace, and eth0 in it */
#ifndef NETBACK_FRONT_GUEST_H
#define NETBACK_FRONT_GUEST_H

#include <stdbool.h>
#include <stdint.h>

struct err;

/* Moves this process (single-threaded) into new namespaces: `flags` of CLONE_NEW*
 * beside a user namespace if it lacks the right to make them. 0 or -errno.
 */
int guest_unshare(int flags, struct err *e);

/* A tap named dev in this network namespace, without carrier; with several
 * queues a descriptor for each of them in fd[0..n).
 */
int guest_tap(const char *dev, int *fd, unsigned n, struct err *e);
/* Whether the kernel gives frames to that queue. */
int guest_tap_use(int fd, bool on);
int guest_carrier(int tap, bool on);

/* What eth0's kernel may leave to us: blank checksums, large TCP segments. */
int guest_offload(int tap, bool csum, bool gso4, bool gso6);

/* Address, MTU (0 = as it is), addresses "a/len", up. */
int guest_link(const char *dev, const uint8_t mac[6], uint32_t mtu,
	       struct err *e);
int guest_addr(const char *dev, unsigned index, const char *addr,
	       struct err *e);
int guest_up(const char *dev, struct err *e);

#endif
