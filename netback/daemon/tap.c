// SPDX-License-Identifier: GPL-2.0-or-later
/* tap.c - a vif's device on the host: a persistent tap */
#include "daemon/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/num.h"

enum {
	TAP_VNET = 10, /* bytes of struct virtio_net_hdr */
	TAP_FLAGS = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR,
};

/* Kernel answers of TUNSETIFF in words. */
static int tap_refused(const char *name, int rc, struct err *e)
{
	switch (rc) {
	case -EBUSY:
		return err_set(e, rc,
			       "device %s is in use by another program; stop "
			       "it or give this vif another vifname=",
			       name);
	case -EINVAL:
		return err_set(e, -EEXIST,
			       "device %s exists and is not a tap; remove it "
			       "or give this vif another vifname=",
			       name);
	case -EPERM:
		return err_set(e, rc,
			       "cannot make tap %s: %s; netbackd needs "
			       "CAP_NET_ADMIN in this network namespace",
			       name, strerror(-rc));
	}
	return err_set(e, rc, "cannot make tap %s: %s", name, strerror(-rc));
}

static int tap_configure(int fd)
{
	int size = TAP_VNET;

	if (tap_carrier(fd, false) || ioctl(fd, TUNSETVNETHDRSZ, &size) ||
	    ioctl(fd, TUNSETOFFLOAD, 0UL) || ioctl(fd, TUNSETPERSIST, 1UL))
		return -errno;
	return 0;
}

int tap_free(const char *name, struct err *e)
{
	if (!if_nametoindex(name))
		return 0;
	return err_set(e, -EEXIST,
		       "device %s exists already and was not made by netbackd; "
		       "remove it or give this vif another vifname=",
		       name);
}

int tap_open(const char *name, struct err *e)
{
	struct ifreq r = { .ifr_flags = TAP_FLAGS };
	int fd, rc;

	rc = str_put(r.ifr_name, sizeof(r.ifr_name), name);
	if (rc)
		return err_set(e, rc, "device name %s is over 15 characters",
			       name);
	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return err_set(e, -errno, "cannot open /dev/net/tun: %s",
			       strerror(errno));
	if (ioctl(fd, TUNSETIFF, &r)) {
		rc = tap_refused(name, -errno, e);
		goto out;
	}
	rc = tap_configure(fd);
	if (rc)
		err_set(e, rc, "cannot configure tap %s: %s", name,
			strerror(-rc));
out:
	if (rc) {
		close(fd);
		return rc;
	}
	return fd;
}

bool tap_is(int fd, const char *name)
{
	struct ifreq r = { 0 };

	return !ioctl(fd, TUNGETIFF, &r) &&
	       (r.ifr_flags & TAP_FLAGS) == TAP_FLAGS &&
	       !strncmp(r.ifr_name, name, sizeof(r.ifr_name));
}

int tap_carrier(int fd, bool on)
{
	int v = on;

	return ioctl(fd, TUNSETCARRIER, &v) ? -errno : 0;
}

int tap_alias(const char *name, const char *alias)
{
	char path[64];
	size_t n = strlen(alias);
	int fd, rc = 0;

	if (str_fmt(path, sizeof(path), "/sys/class/net/%s/ifalias", name) < 0)
		return -ENAMETOOLONG;
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, alias, n) != (ssize_t)n)
		rc = -errno;
	close(fd);
	return rc;
}

unsigned tap_offload_bits(const struct ring_features *f)
{
	unsigned bits = 0;

	/* The kernel knows one bit for blank checksums of both families: where
	 * the guest takes one kind, the ring completes the other.
	 */
	if (!f->csum4 && !f->csum6)
		return 0;
	bits = TUN_F_CSUM;
	if (f->sg && f->gso4 && f->csum4)
		bits |= TUN_F_TSO4;
	if (f->sg && f->gso6 && f->csum6)
		bits |= TUN_F_TSO6;
	return bits;
}

int tap_offload(int fd, const struct ring_features *f)
{
	unsigned long bits = tap_offload_bits(f);

	return ioctl(fd, TUNSETOFFLOAD, bits) ? -errno : 0;
}

int tap_mtu(const char *name, uint32_t *mtu)
{
	struct ifreq r = { 0 };
	int rc, s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (s < 0)
		return -errno;
	rc = str_put(r.ifr_name, sizeof(r.ifr_name), name);
	if (!rc && ioctl(s, SIOCGIFMTU, &r))
		rc = -errno;
	close(s);
	if (!rc)
		*mtu = (uint32_t)r.ifr_mtu;
	return rc;
}

void tap_delete(int fd)
{
	if (fd < 0)
		return;
	/* Fails when it was deleted by hand, which is what we want. */
	ioctl(fd, TUNSETPERSIST, 0UL);
	close(fd);
}
