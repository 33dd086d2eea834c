/* SPDX-License-Identifier: GPL-2.0-or-later */
/* supervisor.h - netbackd's privileged half: composes everything else */
#ifndef NETBACK_DAEMON_SUPERVISOR_H
#define NETBACK_DAEMON_SUPERVISOR_H

#include <stdbool.h>

enum { SUPERVISOR_WORKERS = 16 };
/* Whose guests. AUTO: Xen's where there is Xen, unless a store serves RUN. */
enum supervisor_hv { SUPERVISOR_AUTO, SUPERVISOR_LOCAL, SUPERVISOR_XEN };

struct supervisor_conf {
	const char *run;
	const char *uid; /* workers' user, NULL = netback or nobody */
	unsigned
		workers; /* that vifs are spread over; 1 to SUPERVISOR_WORKERS */
	enum supervisor_hv hv;
	bool take_over; /* of a netbackd that runs */
	char **argv;	/* how we were started, for whoever starts the next */
	unsigned stall; /* seconds until a guest that takes nothing has no
			 * carrier; 0 = never */
};

enum { SUPERVISOR_STALL = 60, SUPERVISOR_STALL_MAX = 86400 };

/* Serves until SIGTERM or SIGINT, leaving guests connected for the next
 * instance. Returns an exit status.
 */
int supervisor_main(const struct supervisor_conf *c);

#endif
