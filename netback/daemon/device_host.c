// SPDX-License-Identifier: GPL-2.0-or-later
/* device_host.c - a vif's side on the host: tap, record, survival memory */
#include "daemon/device_own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "daemon/estate.h"
#include "daemon/life.h"
#include "daemon/tap.h"
#include "survive.h"
#include "vif.h"

enum {
	DEVICE_TAP_TRIES = 100,
	DEVICE_TAP_US = 2000,
};

static int device_find_name(struct device *d, struct err *e)
{
	char got[64];
	int rc = device_read(d, d->back, "vifname", got, sizeof(got));

	if (rc == -ENOTCONN)
		return rc;
	if (rc == -ENOENT || rc == 0)
		snprintf(got, sizeof(got), "%s", d->name);
	else if (rc < 0)
		return err_set(e, -EINVAL, "vifname is no device name");
	rc = vif_check_devname(got, e);
	if (rc) {
		err_prefix(e, "vifname");
		return rc;
	}
	return str_put(d->dev, sizeof(d->dev), got);
}

/* Removes a device that a record names; -errno with a sentence when it cannot. */
static int device_delete(const char *dev, struct err *e)
{
	int fd;

	if (!dev[0] || !if_nametoindex(dev))
		return 0;
	fd = tap_open(dev, e);
	if (fd < 0)
		return fd;
	tap_delete(fd);
	return 0;
}

/* A record stays as long as its device does: else nobody would know that it is
 * ours, and no vif could have that name again.
 */
static int device_forget(struct device_hub *hub, const char *name,
			 const char *dev)
{
	struct err e = { "" };
	int rc = device_delete(dev, &e);

	if (rc)
		log_warn("%s: cannot be removed yet: %s", name, e.text);
	else
		keep_remove(hub->keep, name);
	return rc;
}

/* The record first: a device that it names is ours, a kill between or not. */
static int device_make_record(struct device *d, struct err *e)
{
	struct keep_record r = d->record;
	int rc = tap_free(d->dev, e);

	if (!rc)
		rc = device_delete(r.dev, e); /* of its name before this one */
	if (rc)
		return rc;
	memcpy(r.dev, d->dev, sizeof(r.dev));
	rc = keep_save(d->hub->keep, d->name, &r);
	if (rc)
		return err_set(e, rc, "cannot write RUN/keep: %s",
			       strerror(-rc));
	d->record = r;
	return 0;
}

static void device_tap_name(const char *vif, char name[ESTATE_NAME])
{
	snprintf(name, ESTATE_NAME, "tap.%s", vif);
}

/* One that an earlier netbackd has left open: it has had its carrier all along,
 * so that a bridge has not noticed. 0 or -ENOENT.
 */
static int device_inherit_tap(struct device *d)
{
	char name[ESTATE_NAME];
	int fd;

	device_tap_name(d->name, name);
	fd = estate_take(d->hub->estate, name, NULL);
	if (fd < 0)
		return fd;
	if (!tap_is(fd, d->dev)) {
		estate_refuse(d->hub->estate, name, fd);
		return -ENOENT;
	}
	d->tap = fd;
	d->carrier = d->own == LIFE_CONNECTED;
	if (!d->carrier)
		tap_carrier(fd, false);
	estate_keep(d->hub->estate, name, fd);
	return 0;
}

/* One that is ours may be held for a moment longer than the dead netbackd's locks:
 * the kernel closes what was on its way to a worker behind them.
 */
static int device_open_tap(struct device *d, bool ours, struct err *e)
{
	char name[ESTATE_NAME];
	unsigned i;

	d->tap = tap_open(d->dev, e);
	for (i = 0; ours && d->tap == -EBUSY && i < DEVICE_TAP_TRIES; i++) {
		usleep(DEVICE_TAP_US);
		d->tap = tap_open(d->dev, e);
	}
	if (d->tap < 0)
		return d->tap;
	if (strcmp(d->dev, d->name))
		tap_alias(d->dev, d->name); /* libxl's script knows no other */
	device_tap_name(d->name, name);
	estate_keep(d->hub->estate, name, d->tap);
	return 0;
}

static void device_drop_tap(struct device *d)
{
	char name[ESTATE_NAME];

	device_tap_name(d->name, name);
	estate_drop(d->hub->estate, name);
}

static int device_make_tap(struct device *d, struct err *e)
{
	bool ours = !strcmp(d->record.dev, d->dev);
	int rc = ours ? 0 : device_make_record(d, e);

	if (rc)
		return rc;
	if (ours && !device_inherit_tap(d))
		return 0;
	rc = device_open_tap(d, ours, e);
	if (rc && !ours) {
		keep_remove(d->hub->keep, d->name);
		memset(&d->record, 0, sizeof(d->record));
	}
	return rc;
}

int device_host_side(struct device *d, struct err *e)
{
	int rc = 0;

	if (!d->dev[0])
		rc = device_find_name(d, e);
	if (!rc && d->tap < 0)
		rc = device_make_tap(d, e);
	if (!rc && d->keep_fd < 0) {
		d->keep_fd = keep_open(d->hub->keep, d->name,
				       survive_size(SURVIVE_QUEUES));
		if (d->keep_fd < 0)
			rc = err_set(e, d->keep_fd,
				     "cannot keep survival memory: %s",
				     strerror(-d->keep_fd));
	}
	if (!rc)
		device_order_vif(d);
	return rc;
}

int device_prepare(struct device *d, struct err *e)
{
	uint64_t was = d->record.epoch;
	int rc = tap_mtu(d->dev, &d->mtu);
	if (!rc)
		rc = tap_offload(d->tap, &d->keys.features);
	if (rc)
		return err_set(e, rc, "device %s: %s", d->dev, strerror(-rc));
	/* An adopted guest keeps its epoch, and so its journals. */
	if (d->own == LIFE_CONNECTED && was)
		return 0;
	d->record.epoch = keep_epoch();
	if (d->record.epoch <= was)
		d->record.epoch = was + 1;
	rc = keep_save(d->hub->keep, d->name, &d->record);
	if (rc)
		d->record.epoch = was;
	return rc ? err_set(e, rc, "cannot write RUN/keep: %s", strerror(-rc))
		  : 0;
}

/* Of the toolstack's MAC alone: what a guest says of itself is nobody's business. */
static void device_announce(struct device *d)
{
	char text[24];
	uint8_t mac[6];

	if (d->tap >= 0 &&
	    device_read(d, d->back, "mac", text, sizeof(text)) > 0 &&
	    !vif_parse_mac(text, mac))
		announce_begin(&d->announce, d->hub->loop, d->tap, mac);
}

void device_carrier(struct device *d, bool on)
{
	static const char dom0[] = "/local/domain/0/";

	if (d->carrier == on)
		return;
	d->carrier = on;
	announce_end(&d->announce);
	if (d->tap >= 0)
		tap_carrier(d->tap, on);
	if (on)
		device_announce(d);
	/* For people; a store that is away is not waited for. A driver domain
	 * may have 1000 nodes: at 24 for a vif that is 40 vifs, and no more.
	 */
	if (!strncmp(d->hub->root, dom0, sizeof(dom0) - 1))
		device_write(d, "carrier", on ? "1" : "0");
}

bool device_host_gone(struct device *d)
{
	bool had = d->tap >= 0 || d->record.dev[0];

	announce_end(&d->announce);
	device_drop_tap(d);
	estate_barrier(d->hub->estate);
	tap_delete(d->tap);
	if (d->keep_fd >= 0)
		close(d->keep_fd);
	device_forget(d->hub, d->name, d->tap < 0 ? d->record.dev : "");
	d->tap = d->keep_fd = -1;
	memset(&d->record, 0, sizeof(d->record));
	d->dev[0] = '\0';
	d->carrier = false;
	return had;
}

void device_sweep(struct device_hub *hub, const char *name)
{
	char tap[ESTATE_NAME];
	struct keep_record r;
	int fd;

	if (keep_load(hub->keep, name, &r))
		return;
	device_tap_name(name, tap);
	fd = estate_take(hub->estate, tap, NULL);
	if (fd >= 0 && tap_is(fd, r.dev))
		tap_delete(dup(fd));
	if (fd >= 0)
		estate_refuse(hub->estate, tap, fd);
	estate_barrier(hub->estate);
	if (device_forget(hub, name, r.dev))
		return;
	log_info("%s: removed: it was detached while netbackd was away", name);
}
