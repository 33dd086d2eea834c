/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attach.h - coming and going, under the vif's lock
 *
 *   attach   lock, read, [detach what a killed attach left], introduce, write,
 *            wait for state 2, plan, apply (guard before up), status last
 *   detach   lock, read, online=0, wait for 6, undo, remove, wait for the tap
 *
 * A kill between any two steps leaves directories whose hotplug-status is not
 * "connected", or nothing: attach and detach again both start from there.
 */
#ifndef NETBACK_CTL_ATTACH_H
#define NETBACK_CTL_ATTACH_H

#include "ctl/nodes.h"

enum {
	ATTACH_TAP_MS = 1000, /* for netbackd to drop a killed one's tap */
	ATTACH_NAME = 24,     /* bytes of "vif32751.65535", NUL included */
};

/* Locks vif N.M and opens the store. Returns the lock's fd, or -errno. */
int attach_lock(struct ctl *c, const struct vif *v, struct err *e);
void attach_unlock(struct ctl *c, const struct vif *v, int lock);

/* Puts `want` in the place of n->vif, which is attached: what holds already is left
 * alone; all of it, or what was before. mac: may it be another?
 */
int attach_other(struct ctl *c, const struct nodes *n, struct vif *want,
		 bool mac, struct err *e);

/* What of an attached vif is not as attach left it, a line for each on f: 0, 1,
 * -errno.
 */
int check_text(struct ctl *c, const struct nodes *n, FILE *f, struct err *e);

/* Takes the vif away, whatever is left of it. The caller holds the lock. */
int detach_vif(struct ctl *c, const struct nodes *n, struct err *e);

#endif
