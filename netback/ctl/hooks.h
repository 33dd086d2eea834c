/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hooks.h - an administrator's programs, run when a vif comes, changes or goes
 *
 * Every executable file of /etc/netback/hooks.d (NETBACK_HOOKS), in the order of
 * their names, reads one JSON object on its standard input. It is run without a
 * shell, with a small environment, and killed with all its children when its
 * time is over. One whose name ends in ".must" has a veto: where it fails
 * before an attach or a change, that does not happen. Any other failure is a
 * warning. A file that somebody else than root (or whoever runs this) owns or
 * may write is not run.
 *
 * The old hooks of Xen's scripts, /etc/xen/scripts/vif-post.d/NAME.hook
 * (NETBACK_POST_HOOKS), are sourced by a shell of their own after a hotplug call,
 * with the variables they know. Their failure is a warning.
 */
#ifndef NETBACK_CTL_HOOKS_H
#define NETBACK_CTL_HOOKS_H

#include "vif.h"

enum { HOOKS_MS = 10000 }; /* for one */

struct hooks_event {
	const char *what; /* attach, set, detach, online, offline */
	bool before;	  /* else after */
	const struct vif *v;
	const char *path; /* XENBUS_PATH, or NULL */
};

/* Runs them. 0, or -ECANCELED with a sentence: one has vetoed. */
int hooks_run(const struct hooks_event *ev, struct err *e);

/* command: online, offline, add, remove. */
void hooks_post(const struct hooks_event *ev, const char *command,
		const char *type_if);

#endif
