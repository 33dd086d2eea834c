/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hold.h - keeps a worker's memory for the moment in which it dies
 *
 * A worker has an AIO context (hv/bell.c). When the last user of its memory
 * ends, the kernel takes such a context down first, which waits for an RCU
 * grace period, 20 to 45 ms; only then are descriptors closed and the parent
 * told, and so long every guest stands still. A second process that shares the
 * memory is the last user instead, and nobody waits for that one.
 */
#ifndef NETBACK_DAEMON_HOLD_H
#define NETBACK_DAEMON_HOLD_H

/* Starts the holder of the caller's memory. Before the caller touches
 * anything of a guest, and before it has a thread. The holder does nothing, may
 * do nothing (strict seccomp, no descriptor but one end of a socket of its own)
 * and is killed by the kernel when the caller ends, before anybody hears of
 * that; whoever adopts orphans reaps it. A negative answer is no harm: such a
 * worker takes longer to die.
 */
int hold_memory(void);

#endif
