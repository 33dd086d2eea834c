// SPDX-License-Identifier: GPL-2.0-or-later
/* keys.c - what a frontend wrote before it said "connected", validated */
#include "daemon/keys.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/num.h"
#include "base/vif_key.h"

enum {
	KEYS_TEXT = 16, /* no number we accept is longer */
	KEYS_NAME = 32,
	KEYS_HEADROOM = 0x7fff, /* xdp-headroom, by netif.h */
};

struct keys_source {
	keys_get_fn *get;
	void *arg;
	struct err *e;
};

/* 1 found, 0 absent, -errno said. */
static int keys_number(const struct keys_source *s, const char *key,
		       uint32_t max, uint32_t *out)
{
	char text[KEYS_TEXT];
	int rc = s->get(s->arg, key, text, sizeof(text));

	if (rc == -ENOENT)
		return 0;
	if (rc == -E2BIG || rc == -EINVAL)
		return err_set(s->e, -EINVAL, "frontend key %s is not a number",
			       key);
	if (rc < 0)
		return err_set(s->e, rc, "frontend key %s: %s", key,
			       strerror(-rc));
	rc = num_parse(text, max, out);
	if (rc)
		return err_set(
			s->e, -EINVAL,
			"frontend key %s=%s: must be a decimal number up to %u",
			key, vif_show(text).s, max);
	return 1;
}

static int keys_required(const struct keys_source *s, const char *key,
			 uint32_t *out)
{
	int rc = keys_number(s, key, UINT32_MAX, out);

	if (!rc)
		return err_set(s->e, -EINVAL, "frontend key %s is missing",
			       key);
	return rc < 0 ? rc : 0;
}

static int keys_flag(const struct keys_source *s, const char *key, bool *out)
{
	uint32_t n = 0;
	int rc = keys_number(s, key, 1, &n);

	*out = n;
	return rc < 0 ? rc : 0;
}

static int keys_features(const struct keys_source *s, struct ring_features *f)
{
	bool copy = false, no_csum4 = false;
	const struct {
		const char *key;
		bool *out;
	} flag[] = {
		{ "request-rx-copy", &copy },
		{ "feature-sg", &f->sg },
		{ "feature-gso-tcpv4", &f->gso4 },
		{ "feature-gso-tcpv6", &f->gso6 },
		{ "feature-no-csum-offload", &no_csum4 },
		{ "feature-ipv6-csum-offload", &f->csum6 },
		{ "feature-rx-notify", &f->rx_notify },
	};
	unsigned i;
	int rc;

	for (i = 0; i < ARRAY_SIZE(flag); i++) {
		rc = keys_flag(s, flag[i].key, flag[i].out);
		if (rc)
			return rc;
	}
	if (!copy)
		return err_set(s->e, -EINVAL,
			       "frontend key request-rx-copy is not 1: "
			       "receiving by page flip is not supported");
	f->csum4 = !no_csum4;
	/* A packet that may be large needs slots to lie in, and a checksum
	 * that each part can be given.
	 */
	f->gso4 = f->gso4 && f->sg && f->csum4;
	f->gso6 = f->gso6 && f->sg && f->csum6;
	return 0;
}

static int keys_port(const struct keys_source *s, const char *key,
		     uint32_t *out)
{
	int rc = keys_required(s, key, out);

	if (!rc && !*out)
		return err_set(
			s->e, -EINVAL,
			"frontend key %s=0: no event channel has number 0",
			key);
	return rc;
}

/* "queue-3/tx-ring-ref", or without a directory. */
struct keys_queue_names {
	char tx[KEYS_NAME], rx[KEYS_NAME], both[KEYS_NAME];
	char tx_port[KEYS_NAME], rx_port[KEYS_NAME];
};

static void keys_names(struct keys_queue_names *n, const char *dir)
{
	snprintf(n->tx, KEYS_NAME, "%stx-ring-ref", dir);
	snprintf(n->rx, KEYS_NAME, "%srx-ring-ref", dir);
	snprintf(n->both, KEYS_NAME, "%sevent-channel", dir);
	snprintf(n->tx_port, KEYS_NAME, "%sevent-channel-tx", dir);
	snprintf(n->rx_port, KEYS_NAME, "%sevent-channel-rx", dir);
}

static int keys_queue(const struct keys_source *s, const char *dir,
		      struct ring_names *q)
{
	struct keys_queue_names n = { 0 };
	uint32_t split;
	int rc;

	keys_names(&n, dir);
	rc = keys_required(s, n.tx, &q->tx_ref);
	if (!rc)
		rc = keys_required(s, n.rx, &q->rx_ref);
	if (rc)
		return rc;
	if (q->tx_ref == q->rx_ref)
		return err_set(s->e, -EINVAL,
			       "frontend keys %s and %s both name grant %u",
			       n.tx, n.rx, q->tx_ref);
	rc = keys_number(s, n.tx_port, UINT32_MAX, &split);
	if (rc < 0)
		return rc;
	if (rc) {
		rc = keys_port(s, n.tx_port, &q->tx_port);
		return rc ? rc : keys_port(s, n.rx_port, &q->rx_port);
	}
	rc = keys_port(s, n.both, &q->tx_port);
	q->rx_port = q->tx_port;
	return rc;
}

/* Each queue has rings and channels of its own. */
static int keys_apart(const struct keys_source *s, const struct ring_names *q,
		      unsigned a, unsigned b)
{
	const struct ring_names *x = &q[a], *y = &q[b];

	if (x->tx_ref == y->tx_ref || x->tx_ref == y->rx_ref ||
	    x->rx_ref == y->tx_ref || x->rx_ref == y->rx_ref)
		return err_set(s->e, -EINVAL,
			       "frontend keys queue-%u and queue-%u both name "
			       "one grant as a ring",
			       a, b);
	if (x->tx_port == y->tx_port || x->tx_port == y->rx_port ||
	    x->rx_port == y->tx_port || x->rx_port == y->rx_port)
		return err_set(s->e, -EINVAL,
			       "frontend keys queue-%u and queue-%u both name "
			       "one event channel",
			       a, b);
	return 0;
}

/* Keys without a directory may lie beside: they are of an earlier frontend of the same
 * device (iPXE, a kernel with one processor), and Linux's does not remove them.
 */
static int keys_queues(const struct keys_source *s, struct keys *k)
{
	unsigned i, j;
	int rc = 0;

	for (i = 0; i < k->nqueue && !rc; i++) {
		char dir[24];

		snprintf(dir, sizeof(dir), "queue-%u/", i);
		rc = keys_queue(s, dir, &k->queue[i]);
		for (j = 0; j < i && !rc; j++)
			rc = keys_apart(s, k->queue, j, i);
	}
	return rc;
}

int keys_wish(struct ring_wish *out, keys_get_fn *get, void *arg, struct err *e)
{
	const struct keys_source s = { get, arg, e };
	struct ring_wish w = { 0 };
	uint32_t headroom = 0;
	int rc = keys_number(&s, "xdp-headroom", KEYS_HEADROOM, &headroom);

	if (rc >= 0)
		rc = keys_flag(&s, "request-multicast-control", &w.multicast);
	if (rc < 0)
		return rc;
	w.headroom = (uint16_t)headroom;
	*out = w;
	return 0;
}

/* The control ring, if there is one: no other ring's page or channel. */
static int keys_ctrl(const struct keys_source *s, struct keys *k)
{
	unsigned i;
	int rc = keys_number(s, "ctrl-ring-ref", UINT32_MAX, &k->ctrl_ref);

	if (rc <= 0)
		return rc;
	rc = keys_port(s, "event-channel-ctrl", &k->ctrl_port);
	for (i = 0; i < k->nqueue && !rc; i++) {
		const struct ring_names *q = &k->queue[i];

		if (q->tx_ref == k->ctrl_ref || q->rx_ref == k->ctrl_ref)
			rc = err_set(s->e, -EINVAL,
				     "frontend key ctrl-ring-ref names grant "
				     "%u, which is another ring's",
				     k->ctrl_ref);
		else if (q->tx_port == k->ctrl_port ||
			 q->rx_port == k->ctrl_port)
			rc = err_set(s->e, -EINVAL,
				     "frontend key event-channel-ctrl=%u is "
				     "another ring's",
				     k->ctrl_port);
	}
	k->has_ctrl = true;
	return rc;
}

int keys_read(struct keys *out, keys_get_fn *get, void *arg, struct err *e)
{
	const struct keys_source s = { get, arg, e };
	struct keys k = { 0 };
	uint32_t nqueue = 1;
	int rc;

	rc = keys_features(&s, &k.features);
	if (rc)
		return rc;
	rc = keys_number(&s, "multi-queue-num-queues", UINT32_MAX, &nqueue);
	if (rc < 0)
		return rc;
	if (!nqueue || nqueue > KEYS_QUEUES)
		return err_set(e, -EINVAL,
			       "frontend key multi-queue-num-queues=%u: must "
			       "be 1 to %d",
			       nqueue, KEYS_QUEUES);
	k.nqueue = nqueue;
	rc = nqueue == 1 ? keys_queue(&s, "", &k.queue[0])
			 : keys_queues(&s, &k);
	if (!rc)
		rc = keys_ctrl(&s, &k);
	if (!rc)
		rc = keys_wish(&k.wish, get, arg, e);
	if (rc)
		return rc;
	*out = k;
	return 0;
}
