// SPDX-License-Identifier: GPL-2.0-or-later
/* restore.c - fuzz iptables-save's text: any bytes are refused with a place, or
 * read into rules that can be printed
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *nowhere;
	char text[RULES_TEXT];
	struct err e = { "" };
	struct rules rs = { 0 };
	struct rules_text t = { .name = "f",
				.text = (const char *)data,
				.size = size,
				.ip6 = size && data[0] & 1,
				.noflush = size && data[0] & 2,
				.counters = true };
	size_t i;

	if (!nowhere) {
		nowhere = fopen("/dev/null", "w");
		if (!nowhere)
			abort();
		/* Extensions warn of what they take, too; the fuzzer itself, and
		 * the sanitizers, have the descriptor.
		 */
		stderr = nowhere;
	}
	if (rules_restore_parse(&t, &rs, &e)) {
		if (strncmp(e.text, "f:", 2) || rs.n)
			abort();
		rules_free(&rs);
		return 0;
	}
	for (i = 0; i < rs.n; i++)
		if (rs.v[i].verb <= RULES_REPLACE)
			rules_print(&rs.v[i], text, sizeof(text));
	rules_free(&rs);
	return 0;
}
