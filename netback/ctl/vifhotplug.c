// SPDX-License-Identifier: GPL-2.0-or-later
/* vifhotplug.c - vif-bridge, vif-route, vif-nat, vif-setup: one program, by name
 *
 * What `vifctl hotplug` does, without the libraries that vifctl's other verbs
 * load: a host that starts hundreds of guests runs this once for each card.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "base/num.h"
#include "ctl/hotplug.h"

int main(int argc, char **argv)
{
	const char *run = getenv("NETBACK_RUN"), *slash, *name;
	struct ctl c = { 0 };
	struct err e = { "" };
	int rc;

	name = argc ? argv[0] : "vif-bridge";
	slash = strrchr(name, '/');
	if (slash)
		name = slash + 1;
	log_open(name, LOG_WARN);
	if (str_put(c.run, sizeof(c.run),
		    run && run[0] ? run : "/run/netback")) {
		fprintf(stderr, "%s: NETBACK_RUN: too long a name\n", name);
		return CTL_FAILED;
	}
	if (!hotplug_is(name)) {
		fprintf(stderr,
			"%s: call it by the name of what it does: vif-bridge, "
			"vif-route, vif-nat, vif-setup\n",
			name);
		return CTL_USAGE;
	}
	rc = hotplug_run(&c, name, argc - 1, argv + 1, &e);
	store_close(c.store);
	if (rc)
		fprintf(stderr, "%s: %s\n", name, e.text);
	return rc ? CTL_FAILED : CTL_DONE;
}
