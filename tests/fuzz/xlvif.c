// SPDX-License-Identifier: GPL-2.0-or-later
/* xlvif.c - fuzz one vif= string: what strict takes, compatible takes alike */
#include <stdlib.h>
#include <string.h>

#include "ctl/xlvif.h"

enum { FUZZ_SPEC = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct xlvif strict, compat;
	char *text;
	struct err e = { "" };

	if (size >= FUZZ_SPEC || memchr(data, '\0', size))
		return 0;
	text = malloc(size + 1); /* of its length: who reads on is seen */
	if (!text)
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (!xlvif_parse(&strict, text, true, &e)) {
		if (strict.nnote || xlvif_parse(&compat, text, false, &e) ||
		    memcmp(&strict, &compat, sizeof(strict)))
			abort();
	} else if (!e.text[0]) {
		abort();
	}
	free(text);
	return 0;
}
