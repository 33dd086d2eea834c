/* SPDX-License-Identifier: GPL-2.0-or-later */
/* host.h - the host's side of a vif: a mode's plan with the guard in its place
 *
 * The only file of ctl that sees both modes and filter: it hands the one to
 * the other.
 */
#ifndef NETBACK_CTL_HOST_H
#define NETBACK_CTL_HOST_H

#include "ctl/ctl.h"
#include "mode.h"

/* Before anything is made: is the bridge there and a bridge, and can the name
 * be had? ours: the device may be there, it belongs to this vif.
 */
int host_ready(const struct vif *v, bool ours, struct facts *f, struct err *e);

/* The mtu that the guest is told. */
uint32_t host_mtu(const struct vif *v, const struct facts *f);

/* A plan for the host as it is; a device that is not there yet is taken to be a
 * new tap.
 */
int host_plan(const struct vif *v, struct plan *p, struct err *e);

/* Only what differs between two plans for one attached vif: its link stays up. */
void host_change(const struct plan *now, const struct plan *want,
		 struct plan *out);

/* Steps and guard rules as plan, -v and --dry-run show them. */
int host_print(const struct vif *v, const struct plan *p, bool json,
	       struct err *e);

int host_apply(const struct plan *p, struct err *e);

/* Everything that attach may have done, by name; nothing when the device is
 * somebody else's.
 */
int host_undo(const struct vif *v, struct err *e);

/* 0, or 1 with a line for each difference on out. */
int host_check(const struct vif *v, FILE *out, struct err *e);

/* Waits until the device is gone: 0 or -ETIMEDOUT. */
int host_wait_gone(const char *dev, unsigned wait_ms);

#endif
