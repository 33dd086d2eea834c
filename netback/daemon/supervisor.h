/* SPDX-License-Identifier: GPL-2.0-or-later */
/* supervisor.h - netbackd's privileged half: composes everything else */
#ifndef NETBACK_DAEMON_SUPERVISOR_H
#define NETBACK_DAEMON_SUPERVISOR_H

struct supervisor_conf {
	const char *run;
	const char *uid; /* workers' user, NULL = netback or nobody */
};

/* Serves until SIGTERM or SIGINT, leaving guests connected for the next
 * instance. Returns an exit status.
 */
int supervisor_main(const struct supervisor_conf *c);

#endif
