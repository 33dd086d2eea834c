// SPDX-License-Identifier: GPL-2.0-or-later
/* steer.c - what a guest asks of its backend beside carrying frames
 *
 * By the control ring: a hash, with a key and a table of queues; static grants.
 * By messages on the TX ring: multicast groups.
 */
#include "front/steer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <xen/xen.h>

#include <xen/io/netif.h>

#include "base/num.h"
#include "err.h"
#include "vif.h"

enum {
	STEER_MS = 5000,
	STEER_KEY = 40,
	STEER_TYPES = XEN_NETIF_CTRL_HASH_TYPE_IPV4 |
		      XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP |
		      XEN_NETIF_CTRL_HASH_TYPE_IPV6 |
		      XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP,
};

/* The key for which hashes are published ("RSS hashing functions", Windows
 * driver documentation).
 */
static const uint8_t steer_key[STEER_KEY] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
	0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
	0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

bool steer_talks(const struct steer_wish *w)
{
	return w->hash || w->grants;
}

/* --- questions ------------------------------------------------------------ */

static int steer_ask(const struct steer *s, uint16_t type, uint32_t a,
		     uint32_t b, uint32_t c, uint32_t *data, struct err *e)
{
	const uint32_t v[3] = { a, b, c };
	int rc = front_ctrl_ask(s->ctrl, type, v, data, STEER_MS);

	if (rc < 0)
		return err_set(e, rc, "control ring: request %u: %s", type,
			       strerror(-rc));
	if (rc)
		return err_set(e, -EOPNOTSUPP,
			       "control ring: request %u: refused, status %d",
			       type, rc);
	return 0;
}

static int steer_map(const struct steer *s, struct err *e)
{
	const struct steer_wish *w = s->wish;
	uint32_t ref, *table = front_ctrl_page(s->ctrl, &ref), most = 0;
	unsigned i;
	int rc = steer_ask(s, XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE, 0, 0,
			   0, &most, e);

	if (!rc && w->nmap > most)
		return err_set(e, -E2BIG, "the backend's table has %u places",
			       most);
	if (!rc)
		rc = steer_ask(s, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE,
			       w->nmap, 0, 0, NULL, e);
	for (i = 0; i < w->nmap; i++)
		table[i] = w->map[i];
	return rc ? rc
		  : steer_ask(s, XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, ref,
			      w->nmap, 0, NULL, e);
}

static int steer_hash(const struct steer *s, struct err *e)
{
	uint32_t ref, can = 0;
	void *page = front_ctrl_page(s->ctrl, &ref);
	int rc = steer_ask(s, XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM,
			   XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ, 0, 0, NULL,
			   e);

	memcpy(page, steer_key, STEER_KEY);
	if (!rc)
		rc = steer_ask(s, XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, ref,
			       STEER_KEY, 0, NULL, e);
	if (!rc && s->wish->nmap)
		rc = steer_map(s, e);
	if (!rc)
		rc = steer_ask(s, XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS, 0, 0, 0,
			       &can, e);
	return rc ? rc
		  : steer_ask(s, XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS,
			      can & STEER_TYPES, 0, 0, NULL, e);
}

/* The list of a queue's first n receive buffers. */
static uint32_t steer_list(const struct steer *s, unsigned queue, unsigned n)
{
	uint32_t ref;
	struct xen_netif_gref *list = front_ctrl_page(s->ctrl, &ref);
	unsigned i;

	for (i = 0; i < n; i++)
		list[i] = (struct xen_netif_gref){
			.ref = front_rx_ref(s->queue[queue], i),
		};
	return ref;
}

static int steer_grants(const struct steer *s, unsigned queue, struct err *e)
{
	uint32_t most = 0, n;
	int rc = steer_ask(s, XEN_NETIF_CTRL_TYPE_GET_GREF_MAPPING_SIZE, queue,
			   0, 0, &most, e);

	if (rc)
		return rc;
	n = most < FRONT_RING ? most : FRONT_RING;
	rc = steer_ask(s, XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING, queue,
		       steer_list(s, queue, n), n, NULL, e);
	return rc ? rc : front_rx_mapped(s->queue[queue], n);
}

static int steer_grants_end(const struct steer *s, unsigned queue,
			    struct err *e)
{
	uint32_t removed = 0;
	unsigned n = (unsigned)front_counts(s->queue[queue])[FRONT_MAPPED];
	int rc = steer_ask(s, XEN_NETIF_CTRL_TYPE_DEL_GREF_MAPPING, queue,
			   steer_list(s, queue, n), n, &removed, e);

	if (rc)
		return rc;
	if (removed != n)
		return err_set(e, -EPROTO, "%u grants mapped, %u let go", n,
			       removed);
	return front_rx_unmapped(s->queue[queue]);
}

static int steer_groups(const struct steer *s, struct err *e)
{
	unsigned i;
	int rc = 0;

	for (i = 0; i < s->wish->ngroup && !rc; i++)
		rc = front_tx_group(s->queue[0], s->wish->group[i], true);
	front_push(s->queue[0]);
	return rc ? err_set(e, rc, "multicast groups: %s", strerror(-rc)) : 0;
}

int steer_begin(const struct steer *s, struct err *e)
{
	unsigned i;
	int rc = 0;

	if (steer_talks(s->wish) && !s->ctrl)
		return err_set(e, -EOPNOTSUPP,
			       "the backend offers no control ring");
	if (s->wish->hash)
		rc = steer_hash(s, e);
	for (i = 0; s->wish->grants && i < s->nqueue && !rc; i++)
		rc = steer_grants(s, i, e);
	return rc ? rc : steer_groups(s, e);
}

int steer_end(const struct steer *s, struct err *e)
{
	unsigned i;
	int rc = 0;

	for (i = 0; s->ctrl && s->wish->grants && i < s->nqueue && !rc; i++)
		rc = steer_grants_end(s, i, e);
	return rc;
}

/* --- options --------------------------------------------------------------- */

static int steer_option_map(struct steer_wish *w, const char *arg,
			    struct err *e)
{
	char word[8];
	uint32_t n;
	size_t len;

	for (w->nmap = 0; w->nmap < STEER_MAP; arg += len + 1) {
		len = strcspn(arg, ",");
		if (len >= sizeof(word))
			break;
		memcpy(word, arg, len);
		word[len] = '\0';
		if (num_parse(word, 63, &n))
			break;
		w->map[w->nmap++] = (uint8_t)n;
		if (!arg[len])
			return 0;
	}
	return err_set(e, -EINVAL,
		       "--hash-map: at most %d numbers of queues, as in 0,1,2",
		       STEER_MAP);
}

static int steer_option_group(struct steer_wish *w, const char *arg,
			      struct err *e)
{
	uint8_t m[6];
	int end = 0;

	if (w->ngroup == STEER_GROUPS)
		return err_set(e, -E2BIG, "--group: at most %d of them",
			       STEER_GROUPS);
	if (sscanf(arg, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%n", &m[0], &m[1],
		   &m[2], &m[3], &m[4], &m[5], &end) != 6 ||
	    arg[end] || !(m[0] & 1))
		return err_set(e, -EINVAL, "--group %s: not a multicast MAC",
			       arg);
	memcpy(w->group[w->ngroup], m, sizeof(m));
	w->ngroup++;
	return 0;
}

int steer_option(struct steer_wish *w, int c, const char *arg, struct err *e)
{
	uint32_t n;

	switch (c) {
	case STEER_HASH_MAP:
		w->hash = true;
		return steer_option_map(w, arg, e);
	case STEER_HASH:
		w->hash = true;
		return 0;
	case STEER_GRANTS:
		w->grants = true;
		return 0;
	case STEER_GROUP:
		return steer_option_group(w, arg, e);
	case STEER_HEADROOM:
		if (num_parse(arg, 0x7fff, &n))
			return err_set(e, -EINVAL,
				       "--headroom %s: not a number of bytes",
				       arg);
		w->headroom = (uint16_t)n;
		return 0;
	}
	return -EINVAL;
}
