// SPDX-License-Identifier: GPL-2.0-or-later
/* device_store.c - what is read from and written to a vif's directories
 *
 * Own states are written in a transaction which sees first that the device is
 * still there: a write to a directory that the toolstack has just removed would
 * make it again.
 */
#include "daemon/device_own.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "daemon/life.h"
#include "store.h"
#include "vif.h"

enum { DEVICE_KEY = 40 };
_Static_assert(KEYS_QUEUES == 64, "what multi-queue-max-queues says below");

void device_paths(struct device *d)
{
	snprintf(d->back, sizeof(d->back), "%.40s/%u/%u", d->hub->root,
		 d->domid, d->handle);
	snprintf(d->front, sizeof(d->front), "/local/domain/%u/device/vif/%u",
		 d->domid, d->handle);
	snprintf(d->state, sizeof(d->state), "%s/state", d->front);
}

static void device_path(const char *dir, const char *key, char *path)
{
	snprintf(path, DEVICE_BACK + DEVICE_KEY, "%s/%s", dir, key);
}

int device_read(struct device *d, const char *dir, const char *key, char *buf,
		size_t size)
{
	char path[DEVICE_BACK + DEVICE_KEY];

	int rc;

	device_path(dir, key, path);
	if (d->ahead && ahead_read(d->ahead, path, buf, size, &rc))
		return rc;
	d->hub->asked++;
	rc = store_read(d->hub->store, path, buf, size);
	if (d->ahead)
		ahead_note(d->ahead, path, rc, buf);
	return rc;
}

static int device_get_key(void *arg, const char *key, char *buf, size_t size)
{
	struct device *d = arg;

	return device_read(d, d->front, key, buf, size);
}

/* In the order in which an adoption reads. */
int device_look_ahead(struct device *d)
{
	static const char *const key[] = { "online",	     "rate",
					   "direct",	     "vifname",
					   "hotplug-status", "error" };
	char got[AHEAD_VALUE];
	struct err e = { "" };
	struct keys k;
	unsigned i;
	int rc = d->ahead ? 0 : ahead_open(&d->ahead);

	if (rc)
		return rc;
	device_read(d, d->back, "state", got, sizeof(got));
	device_read(d, d->front, "state", got, sizeof(got));
	for (i = 0; i < ARRAY_SIZE(key); i++)
		device_read(d, d->back, key[i], got, sizeof(got));
	keys_read(&k, device_get_key, d, &e); /* read again when it is due */
	return 0;
}

void device_stale(struct device *d)
{
	ahead_close(d->ahead);
	d->ahead = NULL;
}

struct device_write {
	struct device *d;
	const char *key, *value; /* value NULL: remove */
};

static int device_write_run(struct store *s, void *arg)
{
	const struct device_write *w = arg;
	char path[DEVICE_BACK + DEVICE_KEY], was[8];
	int rc = device_read(w->d, w->d->back, "state", was, sizeof(was));

	if (rc < 0 && rc != -E2BIG && rc != -EINVAL)
		return rc;
	device_path(w->d->back, w->key, path);
	return w->value ? store_write(s, path, w->value) : store_rm(s, path);
}

/* -ENOENT when the device is not there any more. */
int device_write(struct device *d, const char *key, const char *value)
{
	struct device_write w = { d, key, value };

	device_stale(d);
	d->hub->asked++;
	return store_txn(d->hub->store, device_write_run, &w);
}

int device_write_state(struct device *d, unsigned state)
{
	char text[8];
	int rc;

	snprintf(text, sizeof(text), "%u", state);
	rc = device_write(d, "state", text);
	if (!rc)
		log_debug("%s: state %s", d->name, life_name(state));
	return rc;
}

/* The store says which frontend this is for; it must be the one whose number
 * the directory has.
 */
int device_check_front(struct device *d, struct err *e)
{
	char got[DEVICE_BACK], want[DEVICE_BACK];
	uint32_t id;
	int rc;

	snprintf(want, sizeof(want), "/local/domain/%u/device/vif/%u", d->domid,
		 d->handle);
	rc = device_read(d, d->back, "frontend", got, sizeof(got));
	if (rc == -ENOTCONN)
		return rc;
	if (rc < 0 || strcmp(got, want))
		return err_set(
			e, -EINVAL,
			"%s/frontend is not %s: this device belongs to nobody",
			d->back, want);
	rc = device_read(d, d->back, "frontend-id", got, sizeof(got));
	if (rc == -ENOTCONN)
		return rc;
	if (rc < 0 || num_parse(got, UINT16_MAX, &id) || id != d->domid)
		return err_set(e, -EINVAL, "%s/frontend-id is not %u", d->back,
			       d->domid);
	return 0;
}

static int device_offer_run(struct store *s, void *arg)
{
	static const struct {
		const char *key, *value;
	} row[] = {
		{ "feature-sg", "1" },
		{ "feature-gso-tcpv4", "1" },
		{ "feature-gso-tcpv6", "1" },
		{ "feature-ipv6-csum-offload", "1" },
		{ "feature-rx-copy", "1" },
		{ "feature-rx-flip", "0" },
		{ "feature-split-event-channels", "1" },
		{ "feature-multicast-control", "1" },
		{ "feature-dynamic-multicast-control", "1" },
		{ "feature-xdp-headroom", "1" },
		{ "feature-ctrl-ring", "1" },
		{ "multi-queue-max-queues", "64" },
	};
	struct device *d = arg;
	char path[DEVICE_BACK + DEVICE_KEY], was[8];
	unsigned i;
	int rc = device_read(d, d->back, "state", was, sizeof(was));

	if (rc > 0)
		rc = 0;
	for (i = 0; i < ARRAY_SIZE(row) && !rc; i++) {
		device_path(d->back, row[i].key, path);
		rc = store_write(s, path, row[i].value);
	}
	return rc;
}

int device_offer(struct device *d)
{
	device_stale(d);
	return store_txn(d->hub->store, device_offer_run, d);
}

unsigned device_read_state(struct device *d, const char *dir, int *rc)
{
	char text[8];

	*rc = device_read(d, dir, "state", text, sizeof(text));
	if (*rc == -ENOENT || *rc == -EACCES)
		return LIFE_UNKNOWN;
	return *rc < 0 ? LIFE_STATES : life_parse(text);
}

bool device_read_online(struct device *d)
{
	char text[8];
	int rc = device_read(d, d->back, "online", text, sizeof(text));

	return rc < 0 || strcmp(text, "0");
}

/* Sticky: the second connect of a device must not wait for it again. */
bool device_hotplugged(struct device *d)
{
	char got[16];
	int rc;

	if (d->hotplugged)
		return true;
	rc = device_read(d, d->back, "hotplug-status", got, sizeof(got));
	d->hotplugged = rc > 0 && !strcmp(got, "connected");
	if (rc > 0 && !strcmp(got, "error") && !d->hotplug_bad) {
		d->hotplug_bad = true;
		log_warn("%s: hotplug failed, see %s/hotplug-error", d->name,
			 d->back);
	}
	return d->hotplugged;
}

/* Bad words limit nothing: a guest without network is the greater harm, and Linux
 * does the same. The toolstack's word, not the guest's; said once all the same.
 */
bool device_read_rate(struct device *d)
{
	char got[DEVICE_RATE];
	struct err e = { "" };
	int rc = device_read(d, d->back, "rate", got, sizeof(got));

	if (rc == -ENOTCONN)
		return false;
	if (rc < 0)
		snprintf(got, sizeof(got), "%s", rc == -ENOENT ? "" : "?");
	if (!strcmp(got, d->rate_text))
		return false;
	snprintf(d->rate_text, sizeof(d->rate_text), "%s", got);
	d->rate_bytes = d->rate_usecs = 0;
	if (got[0] && vif_parse_rate(got, &d->rate_bytes, &d->rate_usecs, &e)) {
		d->rate_bytes = 0;
		log_warn("%s: %s; not limited", d->name, e.text);
	} else if (d->rate_bytes) {
		log_info("%s: limited to %u bytes in %u us", d->name,
			 d->rate_bytes, d->rate_usecs);
	} else if (d->opened) {
		log_info("%s: not limited any more", d->name);
	}
	return true;
}

/* Dom0's own word, and what it does not say is no: bad words are the long way,
 * and said once.
 */
bool device_read_direct(struct device *d)
{
	char got[DIRECT_TEXT];
	struct direct now;
	int rc = device_read(d, d->back, "direct", got, sizeof(got));
	bool bad;

	if (rc == -ENOTCONN)
		return false;
	if (rc < 0)
		snprintf(got, sizeof(got), "%s", rc == -ENOENT ? "" : "?");
	bad = direct_parse(&now, got) && got[0];
	if (bad && !d->direct_bad)
		log_warn("%s: %s/direct is not a bridge, a MAC and addresses; "
			 "its frames all go by the bridge",
			 d->name, d->back);
	d->direct_bad = bad;
	if (!memcmp(&now, &d->direct, sizeof(now)))
		return false;
	log_debug("%s: direct: %s", d->name, direct_on(&now) ? got : "no");
	d->direct = now;
	return true;
}

int device_keys(struct device *d, struct err *e)
{
	return keys_read(&d->keys, device_get_key, d, e);
}

void device_wish(struct device *d, bool headroom)
{
	struct ring_wish w;
	struct err e = { "" };

	/* Nonsense changes nothing: frames move, and the guest may mend it. */
	if (keys_wish(&w, device_get_key, d, &e)) {
		if (device_may_log(d))
			log_warn("%s: %s", d->name, e.text);
		return;
	}
	if (!headroom)
		w.headroom = d->keys.wish.headroom;
	if (w.headroom == d->keys.wish.headroom &&
	    w.multicast == d->keys.wish.multicast)
		return;
	d->keys.wish = w;
	device_order_wish(d);
}
