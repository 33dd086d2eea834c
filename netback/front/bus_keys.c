// SPDX-License-Identifier: GPL-2.0-or-later
/* bus_keys.c - what a frontend writes into its directory before it connects
 *
 * One queue: its keys stand in the directory. Several: in queue-0/ and so on.
 */
#include "front/bus_keys.h"

#include <errno.h>
#include <stdio.h>

#include "base/num.h"
#include "front/bus.h"
#include "store.h"

enum { KEY_SIZE = 48 };

static const char *const bus_ring_keys[] = {
	"tx-ring-ref",	    "rx-ring-ref",	"event-channel",
	"event-channel-tx", "event-channel-rx",
};

static const char *const bus_other_keys[] = {
	"ctrl-ring-ref",
	"event-channel-ctrl",
	"request-multicast-control",
	"xdp-headroom",
};

static int keys_write(const struct bus_keys *k, const char *key, uint32_t value)
{
	char path[STORE_PATH];
	int rc = str_fmt(path, sizeof(path), "%s/%s", k->dir, key);

	return rc < 0 ? rc : store_printf(k->store, path, "%u", value);
}

static int keys_remove(const struct bus_keys *k, const char *key)
{
	char path[STORE_PATH], text[8];
	int rc = str_fmt(path, sizeof(path), "%s/%s", k->dir, key);

	if (rc < 0)
		return rc;
	rc = store_read(k->store, path, text, sizeof(text));
	return rc == -ENOENT ? rc : store_rm(k->store, path);
}

/* What an earlier guest wrote must not be read beside ours. */
static int keys_clear(const struct bus_keys *k)
{
	char key[KEY_SIZE];
	unsigned i;
	int rc = 0;

	for (i = 0; i < ARRAY_SIZE(bus_ring_keys) && !rc; i++) {
		rc = keys_remove(k, bus_ring_keys[i]);
		rc = rc == -ENOENT ? 0 : rc;
	}
	for (i = 0; i < ARRAY_SIZE(bus_other_keys) && !rc; i++) {
		rc = keys_remove(k, bus_other_keys[i]);
		rc = rc == -ENOENT ? 0 : rc;
	}
	for (i = 0; i < BUS_QUEUES && !rc; i++) {
		snprintf(key, sizeof(key), "queue-%u", i);
		rc = keys_remove(k, key);
	}
	return rc == -ENOENT ? 0 : rc;
}

/* dir: "queue-3/", or "" where there is one queue. */
static int keys_queue(const struct bus_keys *k, const char *dir,
		      const struct front_queue *q)
{
	struct front_names n;
	char key[KEY_SIZE];
	unsigned i;
	int rc = 0;

	front_queue_names(q, &n);
	const bool one = n.tx_port == n.rx_port;
	const struct {
		uint32_t value;
		bool write;
	} row[] = {
		{ n.tx_ref, true },  { n.rx_ref, true },  { n.tx_port, one },
		{ n.tx_port, !one }, { n.rx_port, !one },
	};

	_Static_assert(ARRAY_SIZE(row) == ARRAY_SIZE(bus_ring_keys), "in step");
	for (i = 0; i < ARRAY_SIZE(row) && !rc; i++) {
		snprintf(key, sizeof(key), "%s%s", dir, bus_ring_keys[i]);
		if (row[i].write)
			rc = keys_write(k, key, row[i].value);
	}
	return rc;
}

static int keys_queues(const struct bus_keys *k)
{
	char dir[24];
	unsigned i;
	int rc = keys_clear(k);

	if (!rc && k->multi)
		rc = keys_write(k, "multi-queue-num-queues", k->nqueue);
	if (k->nqueue == 1)
		return rc ? rc : keys_queue(k, "", k->queue[0]);
	for (i = 0; i < k->nqueue && !rc; i++) {
		snprintf(dir, sizeof(dir), "queue-%u/", i);
		rc = keys_queue(k, dir, k->queue[i]);
	}
	return rc;
}

/* What a guest asks for beside carrying frames. */
static int keys_steer(const struct bus_keys *k)
{
	int rc = 0;

	if (k->ctrl)
		rc = keys_write(k, "ctrl-ring-ref", front_ctrl_ref(k->ctrl));
	if (k->ctrl && !rc)
		rc = keys_write(k, "event-channel-ctrl",
				front_ctrl_channel(k->ctrl)->port);
	if (k->wish->ngroup && !rc)
		rc = keys_write(k, "request-multicast-control", 1);
	if (k->wish->headroom && !rc)
		rc = keys_write(k, "xdp-headroom", k->wish->headroom);
	return rc;
}

int bus_keys_write(const struct bus_keys *k)
{
	const struct front_features *f = k->features;
	const struct {
		const char *key;
		uint32_t value;
	} row[] = {
		{ "request-rx-copy", 1 },
		{ "feature-rx-notify", f->rx_notify },
		{ "feature-sg", f->sg },
		{ "feature-gso-tcpv4", f->sg && f->gso4 },
		{ "feature-gso-tcpv6", f->sg && f->gso6 },
		{ "feature-no-csum-offload", !f->csum4 },
		{ "feature-ipv6-csum-offload", f->csum6 },
	};
	int rc = keys_queues(k);
	unsigned i;

	for (i = 0; i < ARRAY_SIZE(row) && !rc; i++)
		rc = keys_write(k, row[i].key, row[i].value);
	return rc ? rc : keys_steer(k);
}
