/* SPDX-License-Identifier: GPL-2.0-or-later */
/* device.h - one vif as the supervisor sees it: store, tap, worker's orders
 *
 * Its states are life.c's; this file does what the table says. A list of acts is
 * done one by one; an act that must wait (for the worker, the guest, hotplug, a
 * store that is away) is tried again by the next device_look.
 */
#ifndef NETBACK_DAEMON_DEVICE_H
#define NETBACK_DAEMON_DEVICE_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "daemon/orders.h"

struct device;
struct domain;
struct estate;
struct loop;
struct store;

enum { DEVICE_BACK = 64 };

/* What all devices share. */
struct device_hub {
	char root[DEVICE_BACK]; /* the backend directory of all vifs */
	struct loop *loop;
	struct store *store;
	int keep;	       /* directory of survival memory */
	struct estate *estate; /* descriptors that outlive us, or NULL */
	uint32_t stall_ms;
	unsigned asked; /* questions to the store, about devices */
	void (*again)(void *arg, struct device *d); /* look at it soon */
	/* The worker is about to forget it. */
	void (*leaving)(void *arg, struct device *d);
	void *arg;
};

/* Whether the store holds a device there that needs somebody: 1, 0, -errno. */
int device_wanted(struct device_hub *hub, uint16_t domid, uint16_t handle);

/* Watches it in the store, and does nothing else before device_enter. */
int device_open(struct device **out, struct device_hub *hub, uint16_t domid,
		uint16_t handle);

/* Between those: reads what an adoption will, so that device_look need not ask
 * for it before device_stale, or before something is written.
 */
int device_look_ahead(struct device *d);
void device_stale(struct device *d); /* something in the store has changed */

/* It is ours from here on, a guest of dom. */
void device_enter(struct device *d, struct domain *dom);

/* Reads the store, goes on. 1 = it is gone, close it. */
int device_look(struct device *d);

/* Something in the frontend's directory was written, or all of it removed: true
 * when the device has to be looked at.
 */
bool device_front_event(struct device *d, const char *path);

/* Its domain's connection ended: no guest, no memory. */
void device_guest_gone(struct device *d);

void device_answer(struct device *d, const struct worker_msg *m,
		   enum worker_type order);
void device_fatal(struct device *d, const char *why);
/* It takes nothing any more, or does again: the carrier follows. */
void device_stalled(struct device *d, bool on);
/* Workers die of it: disconnected, and not again before the frontend writes;
 * each time it must wait longer.
 */
void device_blame(struct device *d, const char *why);

bool device_told(const struct device *d); /* the worker knows it */

/* Says everything to a new worker; true when frames will move. */
bool device_resume(struct device *d);

uint16_t device_domid(const struct device *d);
uint16_t device_handle(const struct device *d);
const char *device_name(const struct device *d); /* "vifN.M" */
json_t *device_show(const struct device *d);

/* Forgets it; the host's side stays for the next instance. NULL is fine. */
void device_close(struct device *d);

/* Removes a tap whose device is not in the store any more. */
void device_sweep(struct device_hub *hub, const char *name);

#endif
