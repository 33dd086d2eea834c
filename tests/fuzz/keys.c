// SPDX-License-Identifier: GPL-2.0-or-later
/* keys.c - fuzz a frontend's keys: refused with a sentence, or rings of its own
 *
 * The input is the frontend's directory, a line "key=value" each; a line "!key" is
 * one that the store does not give.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/keys.h"

enum { FUZZ_DIR = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool b)
{
	if (!b)
		abort();
}

/* As store_read. */
static int fuzz_get(void *arg, const char *key, char *buf, size_t size)
{
	const char *at = arg;
	size_t n = strlen(key), k;

	for (; *at; at += *at == '\n') {
		size_t len = strcspn(at, "\n");

		if (len == n + 1 && *at == '!' && !memcmp(at + 1, key, n))
			return -EACCES;
		if (len > n && at[n] == '=' && !memcmp(at, key, n)) {
			k = len - n - 1;
			if (k >= size)
				return -E2BIG;
			memcpy(buf, at + n + 1, k);
			buf[k] = '\0';
			return (int)k;
		}
		at += len;
	}
	return -ENOENT;
}

/* No page is two rings, no event channel two queues'. */
static void fuzz_apart(const struct keys *k)
{
	unsigned i, j;

	for (i = 0; i < k->nqueue; i++) {
		const struct ring_names *a = &k->queue[i];

		must(a->tx_port && a->rx_port && a->tx_ref != a->rx_ref);
		must(!k->has_ctrl ||
		     (a->tx_ref != k->ctrl_ref && a->rx_ref != k->ctrl_ref &&
		      a->tx_port != k->ctrl_port &&
		      a->rx_port != k->ctrl_port));
		for (j = 0; j < i; j++) {
			const struct ring_names *b = &k->queue[j];

			must(a->tx_ref != b->tx_ref && a->tx_ref != b->rx_ref);
			must(a->rx_ref != b->tx_ref && a->rx_ref != b->rx_ref);
			must(a->tx_port != b->tx_port &&
			     a->tx_port != b->rx_port);
			must(a->rx_port != b->tx_port &&
			     a->rx_port != b->rx_port);
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err e = { "" };
	char dir[FUZZ_DIR];
	struct ring_wish w;
	struct keys k;
	int rc;

	if (size >= sizeof(dir) || memchr(data, 0, size))
		return 0;
	memcpy(dir, data, size);
	dir[size] = '\0';
	rc = keys_read(&k, fuzz_get, dir, &e);
	must(!rc == !e.text[0]);
	if (!rc) {
		must(k.nqueue >= 1 && k.nqueue <= KEYS_QUEUES);
		fuzz_apart(&k);
	}
	e.text[0] = '\0';
	must(!keys_wish(&w, fuzz_get, dir, &e) == !e.text[0]);
	return 0;
}
