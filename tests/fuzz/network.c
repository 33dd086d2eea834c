// SPDX-License-Identifier: GPL-2.0-or-later
/* network.c - fuzz a network's words: what we print, we must parse again
 *
 * Words are separated by blanks, as in networks.d; one that begins with '!'
 * changes the network that the others made.
 */
#include <stdlib.h>
#include <string.h>

#include "network.h"

enum { FUZZ_LINE = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(bool b)
{
	if (!b)
		abort();
}

static int fuzz_words(struct network *n, char *line)
{
	struct err e = { "" };
	char *save, *word;
	int rc = network_init(n, "lan", &e);

	must(!rc);
	for (word = strtok_r(line, " \n", &save); word && !rc;
	     word = strtok_r(NULL, " \n", &save))
		rc = *word == '!' ? network_change(n, word + 1, &e)
				  : network_parse(n, word, &e);
	if (!rc)
		rc = network_check(n, &e);
	must(!rc == !e.text[0]);
	return rc;
}

/* What it says of addresses, whichever they are. */
static void fuzz_use(const struct network *n, const uint8_t *data, size_t size)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	struct vif_addr a;
	unsigned i;

	for (i = 0; i < n->nforward; i++)
		must(network_forwards(n, &n->forward[i]) >= 0);
	network_subnet("lan", "host", size & 1 ? 2 : 10,
		       size ? data[0] % NETWORK_TRIES : 0, &a);
	network_has(n, &a);
	if (n->addr[1].family) {
		network_eui64(n, mac, &a);
		must(network_has(n, &a));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[FUZZ_LINE], text[NETWORK_TEXT], again[NETWORK_TEXT];
	struct network n, m;

	if (size >= sizeof(line))
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	if (fuzz_words(&n, line))
		return 0;
	fuzz_use(&n, data, size);
	must(network_print(&n, text, sizeof(text)) >= 0);
	memcpy(again, text, sizeof(text));
	must(!fuzz_words(&m, again));
	must(network_print(&m, again, sizeof(again)) >= 0);
	must(!strcmp(text, again));
	return 0;
}
