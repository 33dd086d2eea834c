// SPDX-License-Identifier: GPL-2.0-or-later
/* import.c - fuzz files of xl, xend and libvirt: each card, read both ways */
#include <stdlib.h>
#include <string.h>

#include "ctl/import.h"

enum { FUZZ_FILE = 8192 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_card(const struct import *f, unsigned i, bool strict)
{
	struct vif v = { .domid = 1 };
	char text[VIF_TEXT];
	struct xlvif x;
	struct err e;

	if (xlvif_parse(&x, f->card[i].spec, strict, &e) ||
	    import_vif(f, &x, i, &v, &e))
		return;
	if (vif_print(&v, text, sizeof(text)) < 0)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct import_card card[IMPORT_CARDS];
	struct import f = { .card = card };
	char text[FUZZ_FILE];
	struct err e = { "" };
	unsigned i;

	if (size >= sizeof(text) || memchr(data, '\0', size))
		return 0;
	memcpy(text, data, size);
	text[size] = '\0';
	if (import_read(&f, text, &e)) {
		if (!e.text[0])
			abort(); /* an error without a sentence */
		return 0;
	}
	for (i = 0; i < f.n; i++) {
		fuzz_card(&f, i, false);
		fuzz_card(&f, i, true);
	}
	return 0;
}
