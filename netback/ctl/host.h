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

/* What a vif's rules= asks for. A program that does not say how refuses a vif
 * that has rules.
 */
struct host_rules {
	int (*apply)(const struct policy *p, struct err *e);
	int (*check)(const struct policy *p, FILE *out, struct err *e);
	int (*print)(const struct policy *p, FILE *out, struct err *e);
};
void host_rules_use(const struct host_rules *how);

/* The rules of a plan, as comments. */
int host_rules_print(const struct policy *p, FILE *out, struct err *e);

/* A plan for the host as it is, with what it rests on in *f (NULL: not asked).
 * A device that is not there yet is taken to be a new tap, one that is a port of
 * `leaving` (NULL: none) to have left it. Says when the bridge is missing or
 * none, or when the name is taken.
 */
int host_plan(const struct vif *v, const char *leaving, struct facts *f,
	      struct plan *p, struct err *e);

/* The mtu that the guest is told. */
uint32_t host_mtu(const struct vif *v, const struct facts *f);

/* Steps and guard rules as plan, -v and --dry-run show them. */
int host_print(const struct vif *v, const struct plan *p, bool json,
	       struct err *e);

int host_apply(const struct plan *p, struct err *e);

/* Everything that attach may have done, by name; nothing when the device is
 * somebody else's.
 */
int host_undo(const struct vif *v, struct err *e);

/* The guard alone, on the device of that name: 0 as it should be, 1 it was not
 * and is now, -errno.
 */
int host_repair(const struct vif *v, const char *dev, struct err *e);

/* The same, but the guard stays: the vif is on its way to another place. */
int host_leave(const struct vif *v, struct err *e);

/* On closed bridges, what is its own, and its emulated card's: as filter_own. */
int host_own(const struct vif *v, struct err *e);

/* 0, or 1 with a line for each difference on out. *mtu (NULL: not asked): what the
 * guest should be told, 0 = cannot be said.
 */
int host_check(const struct vif *v, FILE *out, uint32_t *mtu, struct err *e);

/* Would the host's own firewall stop what is forwarded from and to this vif, which
 * has no accept=? 1 with a sentence, or 0.
 */
int host_forward(const struct vif *v, struct err *note);

/* The same, as a warning on standard error. */
void host_warn(const struct vif *v);

/* Waits until the device is gone: 0 or -ETIMEDOUT. */
int host_wait_gone(const char *dev, unsigned wait_ms);

#endif
