/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hotplug.h - the program that a toolstack runs when a vif comes or goes
 *
 * Answers by name to vif-bridge, vif-route, vif-nat and vif-setup, and as
 * `vifctl hotplug`. What callers give differs:
 *
 *   libxl, devd   online|offline type_if=vif, add|remove type_if=tap;
 *                 vif, INTERFACE, XENBUS_PATH (relative) in the environment
 *   xend, udev    VAR=VAL words besides, XENBUS_PATH often absolute, vif the
 *                 device's name of now
 *   QEMU, libvirt one word, the tap's name: qemu-ifup, qemu-ifdown
 *
 * A word overrides the environment, the store overrides both. Text is parsed and
 * never evaluated; a variable that is not known is passed over.
 */
#ifndef NETBACK_CTL_HOTPLUG_H
#define NETBACK_CTL_HOTPLUG_H

#include "ctl/ctl.h"

enum hotplug_mode {
	HOTPLUG_BRIDGE,
	HOTPLUG_ROUTE,
	HOTPLUG_NAT,
	HOTPLUG_SETUP, /* the one that $script names */
};

enum { HOTPLUG_PATH = 64 };

struct hotplug {
	uint8_t mode;  /* enum hotplug_mode */
	bool on;       /* online, add; else offline, remove */
	bool tap;      /* the emulated card beside the vif */
	bool stranger; /* a tap of no domain: dev is all there is */
	bool udev;     /* called by a rule, not by libxl */
	uint16_t domid, handle;
	char dev[IFNAMSIZ];	 /* as the kernel or QEMU named it */
	char path[HOTPLUG_PATH]; /* backend directory, as given; "" = none */
	const char *script;	 /* for vif-setup; NULL = not given */
	const char *bridge, *ip; /* where the store has none; NULL = none */
	const char *netdev;	 /* gatewaydev=, in xend's words */
	const char *network, *accept, *direct;
};

/* The names that main looks for, by the last part of argv[0]. */
bool hotplug_is(const char *name);

/* Pure. argv: the words after the program's name; env: as environ. Returns 0; 1:
 * a wrong pair, nothing is to be done (exit 0); -EINVAL with a sentence. Then
 * path and on (false: not known) are set as far as they go: for hotplug-error.
 */
int hotplug_parse(struct hotplug *h, const char *name, int argc, char **argv,
		  char **env, struct err *e);

/* What no toolstack has a word for, said for all in /etc/netback/hotplug, or in the
 * file that NETBACK_HOTPLUG names: accept=, direct=. No file is none. -errno with a
 * sentence.
 */
int hotplug_defaults(struct vif *v, struct err *e);

/* An address as Xen's vif-nat makes it: 10, the domain in two numbers, the device
 * from 1 on.
 */
int hotplug_nat_ip(struct vif *v, struct err *e);

/* A warning, to standard error and to the system's log. */
void hotplug_note(const char *dev, const char *text);

/* What the toolstack waits for, in one transaction: why = NULL: the frontend's mtu, no
 * hotplug-error (was_error: there is one), hotplug-status=connected; else
 * hotplug-error and hotplug-status=error, the latter alone where there is no room for
 * a sentence. Nothing where the directory is gone. 0 or -errno with a sentence.
 */
int hotplug_say(struct store *s, const struct hotplug *h, const char *why,
		uint32_t mtu, bool was_error, struct err *e);
/* The sentence for what the store refused: doing = "read", "write", "list". */
int hotplug_store_failed(int rc, const char *doing, const char *path,
			 struct err *e);

/* Everything, as program `name`: 0 or -errno with a sentence. Waits c->wait_ms for
 * the vif's lock, 30 s where that is 0.
 */
int hotplug_call(struct ctl *c, const char *name, int argc, char **argv,
		 char **env, struct err *e);
/* As vif-setup: the program that `script` names, with its words and then argv's; one
 * of ours is called, another takes this process's place. No shell sees the text.
 */
int hotplug_setup(struct ctl *c, const char *script, int argc, char **argv,
		  struct err *e);
/* With this process's environment. */
int hotplug_run(struct ctl *c, const char *name, int argc, char **argv,
		struct err *e);

#endif
