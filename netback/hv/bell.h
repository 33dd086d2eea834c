/* SPDX-License-Identifier: GPL-2.0-or-later */
/* bell.h - ring and hear a stranger's eventfd, never waiting for it */
#ifndef NETBACK_HV_BELL_H
#define NETBACK_HV_BELL_H

/* Once per process (again in a child after fork). 0 or -errno. */
int bell_init(void);

/* Adds one to an eventfd: 0, or -errno (-EINVAL: it is not an eventfd). */
int bell_ring(int fd);

/* Takes what is there: 1 = it had rung, 0 = not, or -errno. */
int bell_clear(int fd);

/* Is it an eventfd we can hear, and not a semaphore? 0 or -EINVAL. Loses
 * rings that are pending, so its owner looks at the rings once unasked.
 */
int bell_check_from(int fd);
/* Is it an eventfd we can ring? Does not ring it. 0 or -EINVAL. */
int bell_check_to(int fd);

#endif
