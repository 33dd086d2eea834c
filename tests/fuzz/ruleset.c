// SPDX-License-Identifier: GPL-2.0-or-later
/* ruleset.c - fuzz a file of rules: any bytes are refused with a place, or read
 * into rules that both engines can be asked about
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ruleset.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static FILE *nowhere;
	struct ruleset *s = NULL;
	struct err e = { "" };

	if (!nowhere) {
		nowhere = fopen("/dev/null", "w");
		if (!nowhere)
			abort();
		/* Extensions warn of what they take, too; the fuzzer itself, and
		 * the sanitizers, have the descriptor.
		 */
		stderr = nowhere;
	}
	if (ruleset_parse("f.rules", (const char *)data, size, &s, &e)) {
		if (!e.text[0] || s)
			abort();
		return 0;
	}
	ruleset_exact(s, true, NULL);
	if (s->rules.n < 50)
		ruleset_print(s, nowhere, NULL);
	ruleset_free(s);
	return 0;
}
