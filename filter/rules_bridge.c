// SPDX-License-Identifier: GPL-2.0-or-later
/* rules_bridge.c - br_netfilter, for one bridge */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/num.h"
#include "rules_own.h"

extern char **environ;

static const char *const rules_switches[] = { "iptables", "ip6tables",
					      "arptables" };

static int rules_bridge_put(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc = 0;

	if (fd < 0 || write(fd, value, 1) != 1)
		rc = -errno;
	if (fd >= 0)
		close(fd);
	return rc;
}

/* Those that do not call iptables by themselves already, "a, b". */
static void rules_bridge_others(char *buf, size_t size)
{
	DIR *d = opendir("/sys/class/net");
	struct dirent *i;
	char path[300];

	str_put(buf, size, "");
	while (d && (i = readdir(d))) {
		size_t n = strlen(buf);

		snprintf(path, sizeof(path), "/sys/class/net/%s/bridge",
			 i->d_name);
		if (i->d_name[0] != '.' && !access(path, F_OK))
			snprintf(buf + n, size - n, "%s%s", n ? ", " : "",
				 i->d_name);
	}
	if (d)
		closedir(d);
}

static int rules_br_netfilter_load(struct err *e)
{
	char *const argv[] = { (char *)"modprobe", (char *)"-q",
			       (char *)"br_netfilter", NULL };
	char path[64];
	int status = 0, rc = 0;
	unsigned i;
	pid_t pid;

	rc = -posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ);
	while (!rc && waitpid(pid, &status, 0) < 0)
		rc = errno == EINTR ? 0 : -errno;
	if (rc || status)
		return err_set(e, rc ? rc : -EOPNOTSUPP,
			       "modprobe br_netfilter failed%s%s: without it "
			       "bridged frames meet no iptables rule",
			       rc ? ": " : "", rc ? strerror(-rc) : "");
	for (i = 0; i < ARRAY_SIZE(rules_switches); i++) {
		snprintf(path, sizeof(path),
			 "/proc/sys/net/bridge/bridge-nf-call-%s",
			 rules_switches[i]);
		rc = rules_bridge_put(path, "0");
		if (rc)
			return err_set(e, rc, "%s: %s", path, strerror(-rc));
	}
	return 0;
}

int rules_br_netfilter(bool consent, struct err *e)
{
	char others[300];

	if (!access("/proc/sys/net/bridge", F_OK))
		return 0;
	if (consent)
		return rules_br_netfilter_load(e);
	rules_bridge_others(others, sizeof(others));
	return err_set(e, -EOPNOTSUPP,
		       "a physdev rule makes the kernel load br_netfilter, "
		       "which sends the frames of every bridge (%s) to "
		       "iptables; --load-modules loads it and switches that "
		       "off for all but the bridge of this rule's ports",
		       others[0] ? others : "there is none now");
}

int rules_bridge_on(const char *bridge, bool ip6, struct err *e)
{
	const char *tables = rules_switches[ip6];
	char path[128];
	int rc;

	snprintf(path, sizeof(path), "/sys/class/net/%s/bridge/nf_call_%s",
		 bridge, tables);
	rc = rules_bridge_put(path, "1");
	if (rc == -ENOENT)
		return err_set(e, -EOPNOTSUPP,
			       "%s: this kernel has no br_netfilter, so "
			       "bridged frames meet no iptables rule",
			       bridge);
	return rc ? err_set(e, rc, "%s: cannot set nf_call_%s: %s", bridge,
			    tables, strerror(-rc))
		  : 0;
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
