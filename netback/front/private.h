/* SPDX-License-Identifier: GPL-2.0-or-later */
/* private.h - a whole host for one guest, in namespaces that vanish with it */
#ifndef NETBACK_FRONT_PRIVATE_H
#define NETBACK_FRONT_PRIVATE_H

#include <sys/types.h>

struct err;

struct private
{
	const char *host_ip; /* of the bridge, "addr/len" */
	const char *vif;     /* its name: "vif1.0" */
	char run[64];	     /* out: the run directory */
	pid_t outer;	     /* out: our pid as the caller's caller sees it */
};

/* Forks into new namespaces; there a store, netbackd, bridge br0 and the vif.
 * Returns in the child, as process 1: 0 or -errno. The parent never returns:
 * it passes signals on, waits, and exits with the child's status.
 */
int private_open(struct private *p, struct err *e);

/* Prints what the programs said, after a failure. */
void private_print_logs(const struct private *p);

#endif
