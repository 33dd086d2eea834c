// SPDX-License-Identifier: GPL-2.0-or-later
/* keys.c - what a frontend wrote before it said "connected", validated */
#include "daemon/keys.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/num.h"

enum { KEYS_TEXT = 16 }; /* no number we accept is longer */

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
			key, text, max);
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

static int keys_queue(const struct keys_source *s, struct ring_names *q)
{
	uint32_t split;
	int rc;

	rc = keys_required(s, "tx-ring-ref", &q->tx_ref);
	if (!rc)
		rc = keys_required(s, "rx-ring-ref", &q->rx_ref);
	if (rc)
		return rc;
	if (q->tx_ref == q->rx_ref)
		return err_set(s->e, -EINVAL,
			       "frontend keys tx-ring-ref and rx-ring-ref both "
			       "name grant %u",
			       q->tx_ref);
	rc = keys_number(s, "event-channel-tx", UINT32_MAX, &split);
	if (rc < 0)
		return rc;
	if (rc) {
		rc = keys_port(s, "event-channel-tx", &q->tx_port);
		return rc ? rc : keys_port(s, "event-channel-rx", &q->rx_port);
	}
	rc = keys_port(s, "event-channel", &q->tx_port);
	q->rx_port = q->tx_port;
	return rc;
}

int keys_read(struct keys *out, keys_get_fn *get, void *arg, struct err *e)
{
	const struct keys_source s = { get, arg, e };
	struct keys k = { .nqueue = 1 };
	uint32_t nqueue = 1;
	int rc;

	rc = keys_features(&s, &k.features);
	if (rc)
		return rc;
	rc = keys_number(&s, "multi-queue-num-queues", UINT32_MAX, &nqueue);
	if (rc < 0)
		return rc;
	if (nqueue != 1)
		return err_set(
			e, -EINVAL,
			"frontend key multi-queue-num-queues=%u: we offer %d",
			nqueue, KEYS_QUEUES);
	rc = keys_queue(&s, &k.queue[0]);
	if (rc)
		return rc;
	*out = k;
	return 0;
}
