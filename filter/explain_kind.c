// SPDX-License-Identifier: GPL-2.0-or-later
/* explain_kind.c - a device's kind, as rules ask for it */
#include <net/if.h> /* before <linux/..>, which gives way to it */

#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "explain_rules.h"

/* A driver's name, as its device tells it; "" if it does not. */
static void explain_driver(const char *dev, char name[32])
{
	struct ethtool_drvinfo info = { .cmd = ETHTOOL_GDRVINFO };
	struct ifreq r = { .ifr_data = (char *)&info };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	name[0] = '\0';
	if (fd < 0)
		return;
	str_put(r.ifr_name, sizeof(r.ifr_name), dev);
	if (!ioctl(fd, SIOCETHTOOL, &r))
		memcpy(name, info.driver, sizeof(info.driver));
	name[sizeof(info.driver) - 1] = '\0';
	close(fd);
}

const char *explain_kind_of(const char *dev)
{
	static const char *const kind[][2] = {
		{ "bridge", "bridge" }, { "tun", "tun" },
		{ "veth", "veth" },	{ "vrf", "vrf" },
		{ "dummy", "dummy" },	{ "802.1Q VLAN Support", "vlan" },
		{ "bonding", "bond" },	{ "macvlan", "macvlan" },
	};
	char driver[32];
	unsigned i;

	explain_driver(dev, driver);
	for (i = 0; i < ARRAY_SIZE(kind); i++)
		if (!strcmp(driver, kind[i][0]))
			return kind[i][1];
	return NULL;
}
