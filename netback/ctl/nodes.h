/* SPDX-License-Identifier: GPL-2.0-or-later */
/* nodes.h - a vif's two directories in the store, as a toolstack makes them
 *
 *   /local/domain/N/device/vif/M      owner N, readable by 0; mac and mtu are
 *                                     owned by 0 and only readable by N
 *   /local/domain/0/backend/vif/N/M   owner 0, readable by N
 */
#ifndef NETBACK_CTL_NODES_H
#define NETBACK_CTL_NODES_H

#include "ctl/ctl.h"
#include "ctl/shortcut.h"

enum nodes_state { /* xenbus's numbers; 0 = no such node */
		   NODES_NONE = 0,
		   NODES_INIT_WAIT = 2,
		   NODES_CONNECTED = 4,
		   NODES_CLOSED = 6,
		   NODES_RECONFIGURED = 8,
};
const char *nodes_state_name(uint32_t state);

enum { NODES_WORD = 16, NODES_TEXT = 256 };

struct nodes {
	bool front, back; /* which directories are there */
	uint32_t front_state, back_state;
	bool online;   /* no detach was begun */
	bool script;   /* a toolstack made it, not vifctl */
	bool bad_rate; /* the key rate makes no sense: as if it were not there */
	struct err bad; /* the first other key that makes none, "" = all do */
	bool has_carrier;
	uint32_t carrier;
	char hotplug[NODES_WORD]; /* hotplug-status */
	struct vif vif;		  /* from the backend directory */
};

/* What the store knows of vif N.M; n->vif is the default where nothing is, or
 * nothing that makes sense. 0, or -errno with a sentence.
 */
int nodes_read(struct store *s, uint16_t domid, uint16_t handle,
	       struct nodes *n, struct err *e);

/* For who needs each key of n->vif: 0, or -EINVAL with what n->bad says. */
int nodes_whole(const struct nodes *n, struct err *e);

/* Does the guest read that MTU and its vif's MAC, and netbackd the right `direct`?
 * 0, or 1 with a line for each difference on out.
 */
int nodes_check(struct store *s, const struct vif *v, uint32_t mtu, FILE *out);

/* Calls fn for each vif with a backend directory, in order of domain and device,
 * until it returns non-zero; returns that, 0, or -errno with a sentence.
 */
typedef int nodes_fn(void *arg, uint16_t domid, uint16_t handle);
int nodes_each(struct store *s, nodes_fn *fn, void *arg, struct err *e);

/* Introduces the domain and makes both directories, in one transaction. mtu:
 * what the guest reads. What is there already is kept or overwritten.
 */
int nodes_create(struct ctl *c, const struct vif *v, uint32_t mtu,
		 struct err *e);

/* New values of an attached vif: ip, mtu, bridge, isolated. */
int nodes_update(struct ctl *c, const struct vif *v, uint32_t mtu,
		 struct err *e);

/* What lets the vif's frames go directly (shortcut.h): written last, where the vif
 * asks for it, and taken away before anything of it changes.
 */
int nodes_direct(struct store *s, const struct vif *v, bool on, struct err *e);

/* What of that is in force: 0, or -EINVAL and off. */
int nodes_direct_now(struct store *s, const struct vif *v, struct direct *out);

/* Removes both, parents that got empty, and the domain with its last vif. */
int nodes_remove(struct ctl *c, const struct vif *v, struct err *e);

/* One node of the backend directory. */
int nodes_set(struct store *s, const struct vif *v, const char *key,
	      const char *value, struct err *e);

/* Why netbackd gave up on it, "" when it did not say. */
void nodes_why(struct store *s, const struct vif *v, char *buf, size_t size);

/* Waits until the backend's state is one of the bits in `want` (1u << state; a
 * missing node is 1u << 0). 0, -ETIMEDOUT, -EINTR, -errno; no sentence.
 * *got is the last one seen.
 */
int nodes_wait(struct store *s, const struct vif *v, uint32_t want,
	       unsigned wait_ms, uint32_t *got);

#endif
