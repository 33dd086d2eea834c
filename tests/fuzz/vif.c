// SPDX-License-Identifier: GPL-2.0-or-later
/* vif.c - fuzz the vif= grammar: what we print, we must parse again */
#include "vif.h"

#include <stdlib.h>
#include <string.h>

enum { FUZZ_LINE = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Words are separated by newlines: a value may hold blanks (ip=). */
static int fuzz_words(struct vif *v, char *line)
{
	char *save = NULL, *word;
	struct err e;

	for (word = strtok_r(line, "\n", &save); word;
	     word = strtok_r(NULL, "\n", &save))
		if (vif_parse(v, word, &e))
			return -1;
	return vif_check(v, &e);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char line[FUZZ_LINE], text[VIF_TEXT], again[VIF_TEXT];
	struct vif v, w;
	struct err e;
	unsigned i;

	if (size >= sizeof(line))
		return 0;
	memcpy(line, data, size);
	line[size] = '\0';
	vif_init(&v, 1, 0);
	if (fuzz_words(&v, line))
		return 0;
	vif_init(&w, 1, 0);
	for (i = 0; vif_keys[i]; i++) {
		if (vif_get(&v, vif_keys[i], text, sizeof(text)) < 0)
			abort();
		if (!text[0])
			continue;
		snprintf(line, sizeof(line), "%s=%s", vif_keys[i], text);
		if (vif_parse(&w, line, &e))
			abort();
	}
	for (i = 0; vif_keys[i]; i++) {
		vif_get(&v, vif_keys[i], text, sizeof(text));
		vif_get(&w, vif_keys[i], again, sizeof(again));
		if (strcmp(text, again))
			abort();
	}
	return 0;
}
