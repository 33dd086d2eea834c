// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_bridge.c - br_netfilter, for one bridge */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "rules.h"

static int rules_bridge_on(const char *bridge, bool ip6, struct err *e)
{
	const char *tables = ip6 ? "ip6tables" : "iptables";
	char path[128];
	int fd, rc = 0;

	snprintf(path, sizeof(path), "/sys/class/net/%s/bridge/nf_call_%s",
		 bridge, tables);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT)
		return err_set(e, -EOPNOTSUPP,
			       "%s: this kernel has no br_netfilter, so "
			       "bridged frames meet no iptables rule; load "
			       "the module br_netfilter (it switches itself on "
			       "for every bridge: set "
			       "net.bridge.bridge-nf-call-%s=0 then)",
			       bridge, tables);
	if (fd < 0 || write(fd, "1", 1) != 1)
		rc = err_set(e, -errno, "%s: cannot set nf_call_%s: %s", bridge,
			     tables, strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

int rules_bridge(const char *port, bool ip6, char bridge[IFNAMSIZ],
		 struct err *e)
{
	char path[128], to[256];
	const char *name;
	ssize_t n;

	snprintf(path, sizeof(path), "/sys/class/net/%s/brport/bridge", port);
	n = readlink(path, to, sizeof(to) - 1);
	if (n < 0)
		return err_set(e, -ENOENT,
			       "%s is not a port of a bridge now; attach it, "
			       "then add the rule again or set nf_call_%s on "
			       "its bridge",
			       port, ip6 ? "ip6tables" : "iptables");
	to[n] = '\0';
	name = strrchr(to, '/');
	name = name ? name + 1 : to;
	if (str_put(bridge, IFNAMSIZ, name))
		return err_set(e, -EINVAL, "%s: a bridge without a name", port);
	return rules_bridge_on(bridge, ip6, e);
}
