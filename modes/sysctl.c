// SPDX-License-Identifier: GPL-2.0-or-later
/* sysctl.c - a device's settings under /proc/sys, by name */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "nl.h"
#include "vif.h"

enum { SYSCTL_PATH = 96 };

int nl_sysctl_path(enum step_sysctl key, const char *dev, char *buf,
		   unsigned size)
{
	static const char *const row[STEP_SYSCTLS][2] = {
		[STEP_IP4_FORWARD] = { "ipv4/conf", "forwarding" },
		[STEP_IP4_PROXY_ARP] = { "ipv4/conf", "proxy_arp" },
		[STEP_IP4_PROXY_DELAY] = { "ipv4/neigh", "proxy_delay" },
		[STEP_IP4_RP_FILTER] = { "ipv4/conf", "rp_filter" },
		[STEP_IP6_OFF] = { "ipv6/conf", "disable_ipv6" },
		[STEP_IP6_ACCEPT_RA] = { "ipv6/conf", "accept_ra" },
		[STEP_IP6_FORWARD] = { "ipv6/conf", "forwarding" },
		[STEP_IP6_FORCE] = { "ipv6/conf", "force_forwarding" },
		[STEP_IP6_PROXY] = { "ipv6/conf", "proxy_ndp" },
	};

	if (strcmp(dev, "default") && strcmp(dev, "all") &&
	    vif_check_devname(dev, NULL))
		return -EINVAL;
	return str_fmt(buf, size, "net/%s/%s/%s", row[key][0], dev,
		       row[key][1]);
}

static int sysctl_open(enum step_sysctl key, const char *dev, int flags)
{
	char path[SYSCTL_PATH] = "/proc/sys/";
	size_t n = strlen(path);
	int rc = nl_sysctl_path(key, dev, path + n, sizeof(path) - n), fd;

	if (rc < 0)
		return rc;
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int nl_sysctl_get(enum step_sysctl key, const char *dev)
{
	int fd = sysctl_open(key, dev, O_RDONLY), rc;
	char text[16] = "";

	if (fd < 0)
		return fd;
	rc = read(fd, text, sizeof(text) - 1) > 0 ? atoi(text) : -EIO;
	close(fd);
	return rc;
}

int nl_sysctl_set(enum step_sysctl key, const char *dev, unsigned value)
{
	int fd = sysctl_open(key, dev, O_WRONLY), rc, n;
	char text[16];

	if (fd < 0)
		return fd;
	n = snprintf(text, sizeof(text), "%u", value);
	rc = write(fd, text, (size_t)n) == n ? 0 : -errno;
	close(fd);
	return rc;
}

int nl_ipv6_off(const char *dev)
{
	int rc = strcmp(dev, "all") ? nl_sysctl_get(STEP_IP6_OFF, dev)
				    : -EINVAL;

	return rc > 0 ? 1 : rc;
}

int nl_ipv6_off_set(const char *dev, int off)
{
	return strcmp(dev, "all") ? nl_sysctl_set(STEP_IP6_OFF, dev, !!off)
				  : -EINVAL;
}
