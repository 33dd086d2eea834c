// SPDX-License-Identifier: GPL-2.0-or-later
/* explain.c - fuzz a packet in words, in hex, and where a frame's headers are
 *
 * Words that are taken must make a frame in which the upper layer that they name is
 * found, where it was put.
 */
#include "filter/explain_rules.h"

#include <stdlib.h>
#include <string.h>

enum { FUZZ_LINE = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct explain fuzz_x;

static void fuzz_frame(const uint8_t *data, size_t size)
{
	struct explain_pkt p = { .x = &fuzz_x };

	if (size < 14 || size > EXPLAIN_FRAME)
		return;
	memset(fuzz_x.frame, 0, sizeof(fuzz_x.frame));
	memcpy(fuzz_x.frame, data, size);
	fuzz_x.len = size;
	explain_look(&p);
	if (p.nh > size)
		abort();
}

static void fuzz_words(char *line)
{
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	struct explain_pkt p = { .x = &fuzz_x };
	char *argv[5], *save = NULL, *word;
	struct err e;
	int n = 0;

	for (word = strtok_r(line, " ", &save); word && n < 5;
	     word = strtok_r(NULL, " ", &save))
		argv[n++] = word;
	if (explain_words(&fuzz_x, mac, mac, n, argv, &e))
		return;
	explain_look(&p);
	if (fuzz_x.len < 42 || (strcmp(argv[0], "arp") && !p.th_ok))
		abort();
	if (!strcmp(argv[0], "tcp") && (p.l4 != 6 || p.th + 20 != fuzz_x.len))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[FUZZ_LINE];
	struct err e;

	fuzz_frame(data, size);
	if (size >= sizeof(line))
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	if (!explain_hex(&fuzz_x, line, &e))
		fuzz_frame(fuzz_x.frame, fuzz_x.len);
	fuzz_words(line);
	return 0;
}
