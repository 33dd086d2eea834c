// SPDX-License-Identifier: GPL-2.0-or-later
/* guest.c - a guest's surroundings, by ioctl: nothing else has to be installed */
#include "front/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"
#include "err.h"
#include "vif.h"

/* <linux/ipv6.h> cannot be had beside <netinet/in.h>. */
struct guest_in6_ifreq {
	struct in6_addr addr;
	uint32_t prefix;
	int index;
};

static int guest_put(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	if (write(fd, text, strlen(text)) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int guest_map(const char *path, unsigned id)
{
	char text[32];

	snprintf(text, sizeof(text), "0 %u 1", id);
	return guest_put(path, text);
}

int guest_unshare(int flags, struct err *e)
{
	unsigned uid = geteuid(), gid = getegid();
	int rc;

	if (!unshare(flags))
		return 0;
	if (unshare(flags | CLONE_NEWUSER))
		return err_set(e, -errno,
			       "no namespace of my own: %s (are user "
			       "namespaces off? run as root)",
			       strerror(errno));
	guest_put("/proc/self/setgroups", "deny");
	rc = guest_map("/proc/self/uid_map", uid);
	if (!rc)
		rc = guest_map("/proc/self/gid_map", gid);
	return rc ? err_set(e, rc, "user namespace: %s", strerror(-rc)) : 0;
}

static int guest_tap_queue(const char *dev, bool multi)
{
	struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int size = 10, rc, fd;

	if (multi)
		r.ifr_flags |= IFF_MULTI_QUEUE;
	fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	rc = str_put(r.ifr_name, sizeof(r.ifr_name), dev);
	if (!rc &&
	    (ioctl(fd, TUNSETIFF, &r) || ioctl(fd, TUNSETVNETHDRSZ, &size)))
		rc = -errno;
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

int guest_tap(const char *dev, int *fd, unsigned n, struct err *e)
{
	unsigned i;
	int rc = 0;

	for (i = 0; i < n && !rc; i++) {
		fd[i] = guest_tap_queue(dev, n > 1);
		rc = fd[i] < 0 ? fd[i] : 0;
	}
	if (!rc)
		rc = guest_carrier(fd[0], false);
	if (!rc)
		return 0;
	return err_set(e, rc, "tap %s: %s%s", dev, strerror(-rc),
		       rc == -ENOENT ? " (modprobe tun)" : "");
}

int guest_tap_use(int fd, bool on)
{
	struct ifreq r = {
		.ifr_flags = on ? IFF_ATTACH_QUEUE : IFF_DETACH_QUEUE,
	};

	return ioctl(fd, TUNSETQUEUE, &r) ? -errno : 0;
}

int guest_carrier(int tap, bool on)
{
	int v = on;

	return ioctl(tap, TUNSETCARRIER, &v) ? -errno : 0;
}

int guest_offload(int tap, bool csum, bool gso4, bool gso6)
{
	unsigned v = 0;

	if (csum)
		v |= TUN_F_CSUM;
	if (csum && gso4)
		v |= TUN_F_TSO4;
	if (csum && gso6)
		v |= TUN_F_TSO6;
	return ioctl(tap, TUNSETOFFLOAD, v) ? -errno : 0;
}

static int guest_ioctl(int family, unsigned long what, void *arg)
{
	int s = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0), rc = 0;

	if (s < 0)
		return -errno;
	if (ioctl(s, what, arg))
		rc = -errno;
	close(s);
	return rc;
}

int guest_link(const char *dev, const uint8_t mac[6], uint32_t mtu,
	       struct err *e)
{
	struct ifreq r = { 0 };
	char path[96];
	int rc;

	str_put(r.ifr_name, sizeof(r.ifr_name), dev);
	r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(r.ifr_hwaddr.sa_data, mac, 6);
	rc = guest_ioctl(AF_INET, SIOCSIFHWADDR, &r);
	if (rc)
		return err_set(e, rc, "%s: MAC: %s", dev, strerror(-rc));
	r.ifr_mtu = (int)mtu;
	rc = mtu ? guest_ioctl(AF_INET, SIOCSIFMTU, &r) : 0;
	if (rc)
		return err_set(e, rc, "%s: mtu %u: %s", dev, mtu,
			       strerror(-rc));
	/* Nobody else has our addresses: no seconds lost in asking. */
	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_dad",
		 dev);
	guest_put(path, "0");
	return 0;
}

static int guest_addr4(const char *dev, unsigned index,
		       const struct vif_addr *a)
{
	struct ifreq r = { 0 };
	struct sockaddr_in *in = (struct sockaddr_in *)&r.ifr_addr;
	int rc;

	/* The second and later addresses are named eth0:1 and so on. */
	if (index)
		rc = str_fmt(r.ifr_name, sizeof(r.ifr_name), "%s:%u", dev,
			     index);
	else
		rc = str_put(r.ifr_name, sizeof(r.ifr_name), dev);
	if (rc < 0)
		return rc;
	in->sin_family = AF_INET;
	memcpy(&in->sin_addr, a->addr, 4);
	rc = guest_ioctl(AF_INET, SIOCSIFADDR, &r);
	if (rc)
		return rc;
	in->sin_addr.s_addr = a->len ? htonl(~0u << (32 - a->len)) : 0;
	return guest_ioctl(AF_INET, SIOCSIFNETMASK, &r);
}

static int guest_addr6(const char *dev, const struct vif_addr *a)
{
	struct guest_in6_ifreq r = {
		.prefix = a->len,
		.index = (int)if_nametoindex(dev),
	};

	memcpy(&r.addr, a->addr, 16);
	return guest_ioctl(AF_INET6, SIOCSIFADDR, &r);
}

int guest_addr(const char *dev, unsigned index, const char *addr, struct err *e)
{
	struct vif_addr a;
	int rc = vif_parse_addr(addr, &a);

	if (rc)
		return err_set(e, rc,
			       "--ip %s: not an address (as in "
			       "10.0.0.1/24)",
			       addr);
	if (a.family == AF_INET)
		rc = guest_addr4(dev, index, &a);
	else
		rc = guest_addr6(dev, &a);
	if (rc)
		return err_set(e, rc, "%s: address %s: %s", dev, addr,
			       strerror(-rc));
	return 0;
}

int guest_up(const char *dev, struct err *e)
{
	struct ifreq r = { 0 };
	int rc;

	str_put(r.ifr_name, sizeof(r.ifr_name), dev);
	rc = guest_ioctl(AF_INET, SIOCGIFFLAGS, &r);
	if (!rc) {
		r.ifr_flags |= IFF_UP;
		rc = guest_ioctl(AF_INET, SIOCSIFFLAGS, &r);
	}
	return rc ? err_set(e, rc, "%s: up: %s", dev, strerror(-rc)) : 0;
}
